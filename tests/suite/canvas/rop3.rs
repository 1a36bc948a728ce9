//! ROP3: spec 07b §6.

use capsaicin::canvas::{Area, Brush, Clip, Cutout, Damage, Error, Layout, Rop3, ScaleMode};
use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::pixels::PixelFormat;
use proptest::prelude::*;

use super::model;
use super::pictures::{Picture, blank, painted, words_of};

/// The formula of the text: the result bit is the code's bit of that number.
fn by_bits(code: u8, p: u32, s: u32, d: u32) -> u32 {
    (0..32).fold(0, |word, i| {
        let k = (p >> i & 1) << 2 | (s >> i & 1) << 1 | d >> i & 1;
        word | u32::from(code >> k & 1) << i
    })
}

/// One pixel word drawn with a brush of one colour, and with a pattern.
fn drawn(format: PixelFormat, code: u8, p: u32, s: u32, d: u32) -> [u32; 2] {
    let layout = Layout::Words(format);
    let (picture, tile) = (
        Picture::of_words(layout, 1, &[s]),
        Picture::of_words(layout, 1, &[p]),
    );
    let pattern = Brush::Pattern {
        pixels: tile.source(),
        origin: Point::default(),
    };
    [Brush::Solid(p), pattern].map(|brush| {
        let mut surface = painted(format, 1, &[d]);
        let area = super::everywhere(&surface);
        let cutout = Cutout::whole(picture.source());
        surface
            .rop3(
                &area,
                &cutout,
                &brush,
                Rop3::new(code),
                &mut Damage::default(),
            )
            .expect("the picture covers the box");
        words_of(&surface)[0]
    })
}

#[test]
fn every_code_is_the_truth_table_of_three_bits() {
    for code in 0..=255 {
        for format in [PixelFormat::Xrgb, PixelFormat::Argb] {
            let [solid, pattern] = drawn(format, code, 0xf0f0_00ff, 0xcccc_0ff0, 0xaaaa_ff0f);
            let expected = by_bits(code, 0xf0f0_00ff, 0xcccc_0ff0, 0xaaaa_ff0f);
            assert_eq!([solid, pattern], [expected; 2], "{code:#04x} on {format:?}");
        }
        for format in [PixelFormat::Rgb555, PixelFormat::Rgb565] {
            let [solid, pattern] = drawn(format, code, 0xf0f0, 0xcccc, 0xaaaa);
            let expected = by_bits(code, 0xf0f0, 0xcccc, 0xaaaa) & 0xffff;
            assert_eq!([solid, pattern], [expected; 2], "{code:#04x} on {format:?}");
        }
    }
}

#[test]
fn codes_of_fewer_operands_do_what_their_names_say() {
    let result = |code| {
        drawn(
            PixelFormat::Xrgb,
            code,
            0x1111_2222,
            0x3333_4444,
            0x5555_6666,
        )[0]
    };

    assert_eq!(result(0x00), 0, "blackness");
    assert_eq!(result(0xff), !0, "whiteness");
    assert_eq!(result(0x55), !0x5555_6666, "invers");
    assert_eq!(result(0xaa), 0x5555_6666, "nothing");
    assert_eq!(result(0xcc), 0x3333_4444, "copy");
    assert_eq!(result(0xf0), 0x1111_2222, "fill");
    assert_eq!(result(0x66), 0x3333_4444 ^ 0x5555_6666, "xor");
}

#[test]
fn a_picture_that_does_not_cover_the_box_is_refused() {
    let picture = Picture::of_words(Layout::Xrgb, 2, &[1, 2, 3, 4]);
    for area in [
        Rect::new(1, 0, 3, 2),
        Rect::new(-1, 0, 1, 2),
        Rect::new(0, 0, 5, 2),
    ] {
        let cutout = Cutout {
            area,
            ..Cutout::whole(picture.source())
        };
        let mut surface = blank(PixelFormat::Xrgb, 2, 2);
        let refused = surface.rop3(
            &super::everywhere(&surface),
            &cutout,
            &Brush::Solid(7),
            Rop3::new(0x96),
            &mut Damage::default(),
        );

        assert_eq!(refused, Err(Error::AreaOutsideSource), "{area:?}");
        assert_eq!(words_of(&surface), [0; 4]);
    }
}

#[test]
fn a_code_is_shown_as_it_came() {
    assert_eq!(format!("{:?}", Rop3::new(0x5a)), "Rop3(0x5a)");
}

proptest! {
    #![proptest_config(model::config())]

    /// On surfaces of 16×16 with clip; the picture has the size of the box or half of it.
    #[test]
    fn pixels_outside_box_and_clip_stay_and_the_others_follow_the_table(
        code in any::<u8>(),
        bbox in model::rect(),
        clips in prop::collection::vec(model::rect(), 0..4),
        halved in any::<bool>(),
        pattern in prop::option::of((-9..9_i32, -9..9_i32)),
        seed in any::<u32>(),
    ) {
        let noise = |i: u32| (i ^ seed).wrapping_mul(0x9e37_79b9).rotate_left(i % 31);
        let before: Vec<u32> = (0..256).map(noise).collect();
        let scale = if halved { 2 } else { 1 };
        let size = Size::new(bbox.width().div_ceil(scale).max(1), bbox.height().div_ceil(scale).max(1));
        let words: Vec<u32> = (1000..1000 + size.width * size.height).map(noise).collect();
        let picture = Picture::of_words(Layout::Xrgb, size.width, &words);
        let tile_words: Vec<u32> = (5000..5006).map(noise).collect();
        let tile = Picture::of_words(Layout::Xrgb, 3, &tile_words);
        let (brush, origin) = match pattern {
            Some((x, y)) => (Brush::Pattern { pixels: tile.source(), origin: Point::new(x, y) }, (x, y)),
            None => (Brush::Solid(seed), (0, 0)),
        };
        let clip = Clip::Rects(clips.clone());
        let mut surface = painted(PixelFormat::Argb, 16, &before);
        let cutout = Cutout { scale: ScaleMode::Nearest, ..Cutout::whole(picture.source()) };
        surface
            .rop3(&Area::new(bbox, &clip), &cutout, &brush, Rop3::new(code), &mut Damage::default())
            .expect("the picture is large enough");

        for (i, (old, new)) in before.iter().zip(words_of(&surface)).enumerate() {
            let at = Point::new(i as i32 % 16, i as i32 / 16);
            if !bbox.contains(at) || !clips.iter().any(|c| c.contains(at)) {
                prop_assert_eq!(new, *old);
                continue;
            }
            let p = match pattern {
                Some(_) => tile_words[((at.y - origin.1).rem_euclid(2) * 3 + (at.x - origin.0).rem_euclid(3)) as usize],
                None => seed,
            };
            let sample = |i: i32, from: u32, to: u32| {
                if from == to {
                    return i64::from(i);
                }
                let f = i64::from(from) * 65536 / i64::from(to);
                (((f * 0x8000 + 0x8000) >> 16) + f * i64::from(i) - 1) >> 16
            };
            let (same, width) = (size == bbox.size(), i64::from(size.width));
            let (sx, sy) = match same {
                true => (i64::from(at.x - bbox.left), i64::from(at.y - bbox.top)),
                false => (
                    sample(at.x - bbox.left, size.width, bbox.width()),
                    sample(at.y - bbox.top, size.height, bbox.height()),
                ),
            };
            let s = words[(sy * width + sx) as usize];
            prop_assert_eq!(new, by_bits(code, p, s, *old), "at {:?}", at);
        }
    }
}
