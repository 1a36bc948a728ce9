//! ALPHA_BLEND: spec 07b §9.

use capsaicin::canvas::{Area, Clip, Cutout, Damage, Error, Layout, Source};
use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::pixels::PixelFormat;
use proptest::prelude::*;

use super::model;
use super::pictures::{Picture, blank, painted, words_of};

/// One pixel blended over one word.
fn blended(source: Source<'_>, alpha: u8, format: PixelFormat, dest: u32) -> u32 {
    let mut surface = painted(format, 1, &[dest]);
    let area = super::everywhere(&surface);
    surface
        .alpha_blend(&area, &Cutout::whole(source), alpha, &mut Damage::default())
        .expect("every source can be blended");
    words_of(&surface)[0]
}

fn on_argb(layout: Layout, word: u32, alpha: u8) -> u32 {
    let picture = Picture::of_words(layout, 1, &[word]);
    blended(picture.source(), alpha, PixelFormat::Argb, 0x4010_2030)
}

#[test]
fn the_vectors_of_the_reference_hold() {
    assert_eq!(on_argb(Layout::Argb, 0x8060_4020, 255), 0xa068_5038);
    assert_eq!(on_argb(Layout::Argb, 0x8060_4020, 128), 0x703c_3834);
    assert_eq!(on_argb(Layout::Xrgb, 0x00c0_8040, 128), 0xa068_5038);
}

#[test]
fn pictures_without_alpha_are_opaque() {
    assert_eq!(on_argb(Layout::Xrgb, 0x0012_3456, 255), 0xff12_3456);
    assert_eq!(on_argb(Layout::XrgbOpaque, 0x0012_3456, 255), 0xff12_3456);
    assert_eq!(on_argb(Layout::Bgr24, 0x12_3456, 255), 0xff12_3456);
    assert_eq!(on_argb(Layout::Entries, 0x0012_3456, 255), 0xff12_3456);
    assert_eq!(on_argb(Layout::Rgb555, 0x7c1f, 255), 0xffff_00ff);
}

#[test]
fn a_constant_alpha_of_0_draws_nothing() {
    assert_eq!(on_argb(Layout::Xrgb, 0x0012_3456, 0), 0x4010_2030);
}

#[test]
fn coverage_darkens() {
    assert_eq!(on_argb(Layout::A8, 0x80, 255), 0xa008_1018);
}

#[test]
fn the_unused_byte_of_a_surface_is_alpha_only_if_asked_for() {
    let read = |format, with_alpha| {
        let from = painted(format, 1, &[0x8060_4020]);
        let source = Source::surface(from.pixels());
        let source = if with_alpha {
            source.with_alpha()
        } else {
            source
        };
        blended(source, 255, PixelFormat::Argb, 0x4010_2030)
    };

    assert_eq!(read(PixelFormat::Xrgb, false), 0xff60_4020);
    assert_eq!(read(PixelFormat::Xrgb, true), 0xa068_5038);
    assert_eq!(read(PixelFormat::Argb, false), 0xa068_5038);
}

#[test]
fn alpha_is_kept_in_the_unused_byte() {
    let picture = Picture::of_words(Layout::Argb, 1, &[0x8060_4020]);

    let word = blended(picture.source(), 255, PixelFormat::Xrgb, 0x4010_2030);

    assert_eq!(word, 0xa068_5038);
}

#[test]
fn on_16_bits_the_result_is_cut() {
    let picture = Picture::of_words(Layout::Argb, 1, &[0x8060_4020]);
    let on = |format, dest| blended(picture.source(), 255, format, dest);

    // 0x1041: red 0x21, green 0x10, blue 0x08; halved and added to 0x60, 0x40, 0x20: 0x70, 0x48, 0x24.
    assert_eq!(on(PixelFormat::Rgb555, 0x1041), 14 << 10 | 9 << 5 | 4);
    // 0x2081: the same colours with six bits of green, 0x10.
    assert_eq!(on(PixelFormat::Rgb565, 0x2081), 14 << 11 | 18 << 5 | 4);
}

#[test]
fn coverage_surfaces_take_alpha_alone() {
    let argb = Picture::of_words(Layout::Argb, 1, &[0x8060_4020]);
    let xrgb = Picture::of_words(Layout::Xrgb, 1, &[0x0060_4020]);

    assert_eq!(blended(argb.source(), 255, PixelFormat::A8, 0x40), 0xa0);
    assert_eq!(blended(xrgb.source(), 128, PixelFormat::A8, 0x40), 0xa0);
}

#[test]
fn what_is_outside_a_scaled_picture_is_transparent() {
    let picture = Picture::of_words(Layout::Xrgb, 1, &[0x11]);
    let cutout = Cutout {
        area: Rect::new(-1, 0, 2, 1),
        ..Cutout::whole(picture.source())
    };
    let mut surface = painted(PixelFormat::Xrgb, 6, &[0xff00_0007; 6]);
    let area = super::everywhere(&surface);

    surface
        .alpha_blend(&area, &cutout, 255, &mut Damage::default())
        .expect("pictures can be blended");

    let (old, new) = (0xff00_0007, 0xff00_0011);
    assert_eq!(words_of(&surface), [old, old, new, new, old, old]);
}

#[test]
fn an_empty_source_area_is_refused() {
    let picture = Picture::of_words(Layout::Xrgb, 1, &[0x11]);
    let cutout = Cutout {
        area: Rect::new(0, 0, 0, 1),
        ..Cutout::whole(picture.source())
    };
    let mut surface = blank(PixelFormat::Xrgb, 1, 1);
    let area = super::everywhere(&surface);

    let refused = surface.alpha_blend(&area, &cutout, 255, &mut Damage::default());

    assert_eq!(refused, Err(Error::EmptySourceArea));
}

/// `M` of the text.
fn product(a: u32, b: u32) -> u32 {
    let t = a * b + 0x80;
    (t + (t >> 8)) >> 8
}

/// The formula of the text for one channel.
fn channel(source: u32, source_alpha: u32, alpha: u32, dest: u32) -> u32 {
    let (s, sa) = match alpha {
        255 => (source, source_alpha),
        _ => (product(source, alpha), product(source_alpha, alpha)),
    };
    (s + product(dest, 255 - sa)).min(255)
}

proptest! {
    #![proptest_config(model::config())]

    #[test]
    fn every_channel_follows_the_formula_inside_box_and_clip_and_picture(
        format in prop::sample::select(vec![PixelFormat::Argb, PixelFormat::Xrgb]),
        with_alpha in any::<bool>(),
        bbox in model::rect(),
        corner in (-6..6_i32, -6..6_i32),
        clips in prop::collection::vec(model::rect(), 1..4),
        alpha in prop_oneof![Just(255_u8), any::<u8>()],
        before in prop::collection::vec(any::<u32>(), 300),
        words in prop::collection::vec(any::<u32>(), 117),
    ) {
        let layout = if with_alpha { Layout::Argb } else { Layout::Xrgb };
        let picture = Picture::of_words(layout, 13, &words);
        let clip = Clip::Rects(clips.clone());
        let mut surface = painted(format, 20, &before);
        let cutout = Cutout {
            area: Rect::at(corner.0, corner.1, bbox.size()),
            ..Cutout::whole(picture.source())
        };
        surface
            .alpha_blend(&Area::new(bbox, &clip), &cutout, alpha, &mut Damage::default())
            .expect("same size");

        for (i, (old, new)) in before.iter().zip(words_of(&surface)).enumerate() {
            let at = Point::new(i as i32 % 20, i as i32 / 20);
            let from = Point::new(at.x + corner.0 - bbox.left, at.y + corner.1 - bbox.top);
            let inside = bbox.contains(at)
                && clips.iter().any(|c| c.contains(at))
                && Size::new(13, 9).to_rect().contains(from);
            let expected = if inside && alpha > 0 {
                let word = words[(from.y * 13 + from.x) as usize];
                let word = if with_alpha { word } else { word | 0xff00_0000 };
                let (s, d) = (word.to_le_bytes(), old.to_le_bytes());
                let blend = |i: usize| {
                    channel(s[i].into(), s[3].into(), alpha.into(), d[i].into()) as u8
                };
                u32::from_le_bytes([blend(0), blend(1), blend(2), blend(3)])
            } else {
                *old
            };
            prop_assert_eq!(new, expected, "at {:?}", at);
        }
    }
}
