//! TRANSPARENT: spec 07b §7.

use capsaicin::canvas::{Area, Clip, Cutout, Damage, Layout, ScaleMode};
use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::pixels::PixelFormat;
use proptest::prelude::*;

use super::model;
use super::pictures::{Picture, painted, words_of};

/// A surface of nines with the picture drawn on all of it, except for one colour.
fn drawn(format: PixelFormat, picture: &Picture, width: u32, color: u32) -> Vec<u32> {
    let mut surface = painted(format, width, &[9; 4][..width as usize]);
    // Whatever a caller asks for, scaling takes the nearest pixel.
    let cutout = Cutout {
        scale: ScaleMode::Interpolate,
        ..Cutout::whole(picture.source())
    };
    surface
        .transparent(
            &super::everywhere(&surface),
            &cutout,
            color,
            &mut Damage::default(),
        )
        .expect("pictures are converted");
    words_of(&surface)
}

#[test]
fn pixels_of_the_colour_are_left_out_whatever_their_top_byte() {
    let picture = Picture::of_words(Layout::Xrgb, 3, &[0xab11_2233, 0x0011_2233, 0xcd11_2234]);

    let words = drawn(PixelFormat::Xrgb, &picture, 3, 0xff11_2233);

    assert_eq!(words, [9, 9, 0xcd11_2234]);
}

#[test]
fn on_16_bits_the_colour_is_cut_like_the_pixels() {
    let picture = Picture::of_words(Layout::Xrgb, 2, &[0xff_8040, 0xff_8050]);

    assert_eq!(
        drawn(PixelFormat::Rgb555, &picture, 2, 0xff_8747),
        [9, 0x7e0a]
    );
    assert_eq!(
        drawn(PixelFormat::Rgb565, &picture, 2, 0xff_8347),
        [9, 0xfc0a]
    );
    assert_eq!(
        drawn(PixelFormat::Rgb565, &picture, 2, 0xff_8747),
        [0xfc08, 0xfc0a],
        "green has six bits"
    );
}

#[test]
fn scaling_takes_the_nearest_pixel() {
    let picture = Picture::of_words(Layout::Xrgb, 2, &[5, 6]);

    assert_eq!(drawn(PixelFormat::Xrgb, &picture, 4, 6), [5, 5, 9, 9]);
}

proptest! {
    #![proptest_config(model::config())]

    #[test]
    fn a_pixel_is_drawn_if_it_is_inside_and_not_of_the_colour(
        bbox in model::rect(),
        corner in (-6..6_i32, -6..6_i32),
        clips in prop::collection::vec(model::rect(), 1..4),
        words in prop::collection::vec(prop::sample::select(vec![1_u32, 2, 0xff00_0001]), 48),
    ) {
        let picture = Picture::of_words(Layout::Argb, 8, &words);
        let area = Rect::at(corner.0, corner.1, bbox.size());
        let clip = Clip::Rects(clips.clone());
        let mut surface = painted(PixelFormat::Xrgb, 16, &[7; 256]);
        let cutout = Cutout { area, ..Cutout::whole(picture.source()) };
        surface
            .transparent(&Area::new(bbox, &clip), &cutout, 1, &mut Damage::default())
            .expect("same size");

        let picture_size = Size::new(8, 6).to_rect();
        for (i, word) in words_of(&surface).into_iter().enumerate() {
            let at = Point::new(i as i32 % 16, i as i32 / 16);
            let from = Point::new(at.x + corner.0 - bbox.left, at.y + corner.1 - bbox.top);
            let inside = bbox.contains(at)
                && clips.iter().any(|c| c.contains(at))
                && picture_size.contains(from);
            let source = if inside { words[(from.y * 8 + from.x) as usize] } else { 1 };
            let expected = if source == 2 { 2 } else { 7 };
            prop_assert_eq!(word, expected, "at {:?}", at);
        }
    }
}
