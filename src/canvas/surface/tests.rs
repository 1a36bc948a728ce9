//! The fast ways to draw against the plain one, on pictures wide enough for whole vectors and their remainders.

use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use super::*;
use crate::canvas::{Clip, Mask, Operands, ScaleMode, Source};
use crate::geometry::Point;
use crate::pixels::PixelBuf;

const SIZE: Size = Size::new(75, 40);

fn config() -> ProptestConfig {
    ProptestConfig {
        rng_seed: RngSeed::Fixed(11),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

/// Bytes without a pattern (splitmix64).
fn noise(mut seed: u64, len: usize) -> Vec<u8> {
    let next = || {
        seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (seed ^ seed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed ^ mixed >> 27) as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

fn noisy(format: PixelFormat) -> Surface {
    let len = format.row_bytes(SIZE.width) * SIZE.height as usize;
    let mut surface = Surface::new(format, SIZE).expect("a small surface");
    surface.rows.exchange(&mut noise(1, len));
    surface
}

#[test]
fn rows_that_are_exchanged_are_what_copying_them_yields() {
    let whole = SIZE.to_rect();
    for (layout, format, taken) in [
        (Layout::Xrgb, PixelFormat::Xrgb, true),
        (Layout::Argb, PixelFormat::Argb, true),
        (Layout::Rgb555, PixelFormat::Rgb555, true),
        (Layout::Rgb555, PixelFormat::Rgb565, false),
        (Layout::XrgbOpaque, PixelFormat::Xrgb, false),
    ] {
        let stride = layout.row_bytes(SIZE.width).expect("a short row");
        let mut rows = noise(7, stride * SIZE.height as usize);
        let (mut copied, mut exchanged) = (noisy(format), noisy(format));
        let before = exchanged.pixels().data().to_vec();
        let source = Source::new(layout, SIZE, stride, &rows).expect("packed rows");
        let cutout = Cutout {
            source,
            area: whole,
            scale: ScaleMode::Nearest,
        };
        let area = Area {
            bbox: whole,
            clip: &Clip::None,
            mask: None,
        };
        let mut damage = Damage::default();
        copied
            .copy(&area, &cutout, Rop::PUT, &mut damage)
            .expect("the same depth");

        let mut damage = Damage::default();
        assert_eq!(
            exchanged.exchange(layout, SIZE, &mut rows, &mut damage),
            taken
        );
        assert_eq!(exchanged == copied, taken, "{layout:?} on {format:?}");
        assert_eq!(rows == before, taken);
        assert_eq!(damage.rects() == [whole], taken);
    }
}

#[test]
fn rows_of_another_size_or_in_more_memory_are_not_exchanged() {
    let format = PixelFormat::Xrgb;
    let len = format.row_bytes(SIZE.width) * SIZE.height as usize;
    let mut roomy = Vec::with_capacity(2 * len);
    roomy.resize(len, 3);
    let turned = Size::new(SIZE.height, SIZE.width);
    for (size, mut rows) in [
        (SIZE, roomy),
        (SIZE, vec![3; len - 4]),
        (turned, vec![3; len]),
    ] {
        let mut surface = noisy(format);
        let mut damage = Damage::default();
        assert!(!surface.exchange(Layout::Xrgb, size, &mut rows, &mut damage));
        assert!(surface == noisy(format) && damage.is_empty());
    }
}

fn format() -> impl Strategy<Value = PixelFormat> {
    prop::sample::select(vec![
        PixelFormat::A8,
        PixelFormat::Rgb555,
        PixelFormat::Rgb565,
        PixelFormat::Xrgb,
        PixelFormat::Argb,
    ])
}

/// A layout that `format` can read.
fn format_and_layout() -> impl Strategy<Value = (PixelFormat, Layout)> {
    format().prop_flat_map(|format| {
        let layouts = vec![
            Layout::Rgb555,
            Layout::Bgr24,
            Layout::Xrgb,
            Layout::XrgbOpaque,
            Layout::Argb,
            Layout::A8,
            Layout::Entries,
            Layout::Words(format),
        ];
        (Just(format), prop::sample::select(layouts))
    })
}

fn rect() -> impl Strategy<Value = Rect> {
    (-20..80_i32, -20..50_i32, 1..120_u32, 1..70_u32)
        .prop_map(|(x, y, width, height)| Rect::at(x, y, Size::new(width, height)))
}

fn small_rect() -> impl Strategy<Value = Rect> {
    (-5..75_i32, -5..40_i32, 1..12_u32, 1..12_u32)
        .prop_map(|(x, y, width, height)| Rect::at(x, y, Size::new(width, height)))
}

fn clip() -> impl Strategy<Value = Clip> {
    prop_oneof![
        Just(Clip::None),
        prop::collection::vec(rect(), 0..6).prop_map(Clip::Rects),
        prop::collection::vec(small_rect(), 0..40).prop_map(Clip::Rects),
    ]
}

fn rop() -> impl Strategy<Value = Rop> {
    prop_oneof![
        Just(Rop::PUT),
        any::<u16>().prop_map(|bits| Rop::new(bits, Operands::SourceOnSurface)),
    ]
}

/// A mask's picture, its origin, and whether it draws where it is 0.
fn mask() -> impl Strategy<Value = Option<(PixelBuf, Point, bool)>> {
    let mask = (1..130_u32, 1..60_u32, -9..40_i32, -9..9_i32, any::<bool>());
    prop::option::of(mask.prop_map(|(width, height, x, y, inverse)| {
        let size = Size::new(width, height);
        let bits = noise(4, PixelFormat::A1.row_bytes(width) * height as usize);
        let bits = PixelBuf::from_data(PixelFormat::A1, size, bits).expect("packed rows");
        (bits, Point::new(x, y), inverse)
    }))
}

fn area<'a>(bbox: Rect, clip: &'a Clip, mask: &'a Option<(PixelBuf, Point, bool)>) -> Area<'a> {
    let mask = mask.as_ref().map(|(bits, origin, inverse)| {
        let mask = Mask::new(bits.view(), *origin).expect("1 bit");
        if *inverse { mask.inverse() } else { mask }
    });
    Area {
        mask,
        ..Area::new(bbox, clip)
    }
}

/// Draws `ink` the plain way.
fn draw_plainly(surface: &mut Surface, area: &Area<'_>, ink: &Ink<'_>, rop: Rop) {
    let region = area.clip.region(ink.extent(area.extent(SIZE)));
    surface.draw_plainly(region, area, ink, rop, &mut Damage::default());
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_copy_by_rows_is_a_copy_by_pixels(
        (format, layout) in format_and_layout(),
        width in 1..90_u32,
        height in 1..50_u32,
        bbox in rect(),
        part in prop::option::of(rect()),
        scale in prop::sample::select(vec![ScaleMode::Nearest, ScaleMode::Interpolate]),
        clip in clip(),
        mask in mask(),
        rop in rop(),
    ) {
        let size = Size::new(width, height);
        let stride = layout.row_bytes(width).expect("a small picture");
        let data = noise(2, stride * height as usize);
        let cutout = Cutout {
            source: Source::new(layout, size, stride, &data).expect("packed rows"),
            // Unscaled from near the corner.
            area: part.unwrap_or(Rect::at(bbox.left / 4, bbox.top / 4, bbox.size())),
            scale,
        };
        let area = area(bbox, &clip, &mask);
        let (mut fast, mut plain) = (noisy(format), noisy(format));

        fast.copy(&area, &cutout, rop, &mut Damage::default()).expect("it can be drawn");
        let ink = Ink::of_cutout(&cutout, bbox, format, &mut Scratch::default()).expect("it can be drawn");
        draw_plainly(&mut plain, &area, &ink, rop);

        prop_assert!(fast == plain);
    }

    #[test]
    fn a_fill_by_rows_is_a_fill_by_pixels(
        (format, layout) in format_and_layout(),
        tile in prop::option::of((1..90_u32, 1..50_u32, -200..200_i32, -200..200_i32)),
        word in any::<u32>(),
        bbox in rect(),
        clip in clip(),
        mask in mask(),
        rop in rop(),
    ) {
        let (width, height, x, y) = tile.unwrap_or((1, 1, 0, 0));
        let stride = layout.row_bytes(width).expect("a small picture");
        let data = noise(3, stride * height as usize);
        let brush = match tile {
            Some(_) => Brush::Pattern {
                pixels: Source::new(layout, Size::new(width, height), stride, &data)
                    .expect("packed rows")
                    .bottom_up(),
                origin: Point::new(x, y),
            },
            None => Brush::Solid(word),
        };
        let area = area(bbox, &clip, &mask);
        let (mut fast, mut plain) = (noisy(format), noisy(format));

        fast.fill(&area, &brush, rop, &mut Damage::default()).expect("it can be drawn");
        let ink = Ink::of_brush(&brush, format).expect("it can be drawn");
        draw_plainly(&mut plain, &area, &ink, rop);

        prop_assert!(fast == plain);
    }

    #[test]
    fn a_change_by_rows_is_a_change_by_pixels(
        format in prop_oneof![4 => format(), 1 => Just(PixelFormat::A1)],
        bbox in rect(),
        clip in clip(),
        mask in mask(),
    ) {
        let area = area(bbox, &clip, &mask);
        let (mut fast, mut plain) = (noisy(format), noisy(format));

        fast.change_rows(area.extent(SIZE), &area, &mut Damage::default(), |_, _, words| {
            for word in words {
                *word = (!u32::from_le_bytes(*word)).to_le_bytes();
            }
        });
        draw_plainly(&mut plain, &area, &Ink::Flat(0), Rop::INVERS);

        prop_assert!(fast == plain);
    }

    #[test]
    fn a_move_in_place_is_a_move_through_a_copy(
        format in format(),
        bbox in rect(),
        dx in -30..30_i32,
        dy in -30..30_i32,
        clip in clip(),
    ) {
        let (mut fast, mut plain) = (noisy(format), noisy(format));

        let from = Point::new(bbox.left + dx, bbox.top + dy);
        fast.copy_bits(bbox, &clip, from, &mut Damage::default());
        let all = SIZE.to_rect();
        let target = bbox.intersect(all).intersect(all.translate(-dx, -dy));
        let way = Point::new(dx, dy);
        plain.move_plainly(clip.region(target), way, &mut Damage::default());

        prop_assert!(fast == plain);
    }
}
