//! Text: what glyphs cover and how they are laid over a surface (section 11).

use capsaicin::canvas::{Area, Brush, Clip, Coverage, Damage, Error, Glyph, Layout, Surface, Text};
use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::pixels::PixelFormat;
use proptest::prelude::*;

use super::model::{config, rect};
use super::pictures::{Picture, blank, painted, words_of};

const WHITE: Brush<'static> = Brush::Solid(0xff_ffff);

fn glyph(coverage: Coverage, corner: (i32, i32), size: (u32, u32), rows: &[u8]) -> Glyph<'_> {
    let corner = Point::new(corner.0, corner.1);
    Glyph::new(coverage, corner, Size::new(size.0, size.1), rows).expect("all its rows")
}

fn write(surface: &mut Surface, glyphs: &[Glyph<'_>], fore: Brush<'_>) {
    let area = Area::new(surface.size().to_rect(), &Clip::None);
    let text = Text {
        glyphs,
        fore,
        back: None,
    };
    surface
        .text(&area, &text, &mut Damage::default())
        .expect("the brush fits");
}

/// The low 24 bits: the unused byte has no meaning.
fn colours_of(surface: &Surface) -> Vec<u32> {
    words_of(surface)
        .iter()
        .map(|word| word & 0xff_ffff)
        .collect()
}

/// All sixteen steps of coverage in a row.
const RAMP: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef];

#[test]
fn a_ramp_of_4_bits_white_on_black_goes_up_by_16() {
    let mut surface = blank(PixelFormat::Xrgb, 16, 1);

    write(
        &mut surface,
        &[glyph(Coverage::A4, (0, 0), (16, 1), &RAMP)],
        WHITE,
    );

    let expected: Vec<u32> = (0..16).map(|n| n * 0x10_1010).collect();
    assert_eq!(colours_of(&surface), expected);
}

#[test]
fn white_on_dark_grey_mixes_both() {
    let mut surface = painted(PixelFormat::Argb, 4, &[0xff10_1010; 4]);

    write(
        &mut surface,
        &[glyph(Coverage::A4, (0, 0), (4, 1), &[0xf4, 0x8c])],
        WHITE,
    );

    assert_eq!(
        words_of(&surface),
        [0xfff1_f1f1, 0xff4c_4c4c, 0xff88_8888, 0xffc4_c4c4]
    );
}

#[test]
fn on_surfaces_of_15_bits_the_result_is_cut() {
    let mut surface = blank(PixelFormat::Rgb555, 16, 1);

    write(
        &mut surface,
        &[glyph(Coverage::A4, (0, 0), (16, 1), &RAMP)],
        Brush::Solid(0x7fff),
    );

    let expected: Vec<u32> = (0..16).map(|n| n * 2 * 0x421).collect();
    assert_eq!(words_of(&surface), expected);
}

#[test]
fn a_solid_colour_is_read_as_15_bits_on_surfaces_of_16_too() {
    let mut surface = blank(PixelFormat::Rgb565, 1, 1);

    // 11111 00001 00011 as 5-5-5: red 255, green 8, blue 24.
    write(
        &mut surface,
        &[glyph(Coverage::A1, (0, 0), (1, 1), &[0x80])],
        Brush::Solid(0x7c23),
    );

    assert_eq!(words_of(&surface), [31 << 11 | 2 << 5 | 3]);
}

#[test]
fn rows_are_stored_bottom_row_first_and_begin_at_whole_bytes() {
    let rows_1 = [0b1010_0000, 0b0110_0000];
    let rows_4 = [0xf0, 0x80, 0x0f, 0x70];
    let rows_8 = [1, 2, 3, 4, 5, 6];
    let mut surface = blank(PixelFormat::A8, 9, 2);

    let glyphs = [
        glyph(Coverage::A1, (0, 0), (3, 2), &rows_1),
        glyph(Coverage::A4, (3, 0), (3, 2), &rows_4),
        glyph(Coverage::A8, (6, 0), (3, 2), &rows_8),
    ];
    write(&mut surface, &glyphs, Brush::Solid(0xff));

    assert_eq!(
        words_of(&surface),
        [
            [0, 255, 255, 0, 240, 112, 4, 5, 6],
            [255, 0, 255, 240, 0, 128, 1, 2, 3],
        ]
        .concat()
    );
}

#[test]
fn where_glyphs_overlap_the_greatest_coverage_counts() {
    let mut surface = blank(PixelFormat::A8, 3, 1);

    let glyphs = [
        glyph(Coverage::A4, (0, 0), (2, 1), &[0x48]),
        glyph(Coverage::A4, (1, 0), (2, 1), &[0x4c]),
    ];
    write(&mut surface, &glyphs, Brush::Solid(0xff));

    assert_eq!(words_of(&surface), [0x40, 0x80, 0xc0]);
}

#[test]
fn without_a_foreground_only_the_background_is_drawn() {
    let mut surface = painted(PixelFormat::A8, 4, &[9; 4]);
    let glyphs = [glyph(Coverage::A1, (0, 0), (4, 1), &[0xf0])];
    let text = Text {
        glyphs: &glyphs,
        fore: Brush::None,
        back: Some((Rect::new(1, -5, 9, 5), Brush::Solid(3))),
    };
    let area = Area::new(Rect::new(0, 0, 3, 1), &Clip::None);

    surface
        .text(&area, &text, &mut Damage::default())
        .expect("no brush fits every surface");

    assert_eq!(words_of(&surface), [9, 3, 3, 9]);
}

#[test]
fn glyphs_are_drawn_over_the_background() {
    let mut surface = blank(PixelFormat::Xrgb, 3, 1);
    let glyphs = [glyph(Coverage::A1, (1, 0), (1, 1), &[0x80])];
    let text = Text {
        glyphs: &glyphs,
        fore: Brush::Solid(0x12_3456),
        back: Some((Rect::new(0, 0, 3, 1), Brush::Solid(0xff_d080))),
    };
    let area = Area::new(Rect::new(0, 0, 3, 1), &Clip::None);

    surface
        .text(&area, &text, &mut Damage::default())
        .expect("solid brushes fit every surface");

    assert_eq!(colours_of(&surface), [0xff_d080, 0x12_3456, 0xff_d080]);
}

#[test]
fn a_pattern_is_anchored_to_the_rectangle_around_all_glyphs() {
    let tile = Picture::of_words(Layout::A8, 3, &[1, 2, 3, 4, 5, 6]);
    let brush = Brush::Pattern {
        pixels: tile.source(),
        origin: Point::new(1, 0),
    };
    let mut surface = blank(PixelFormat::A8, 7, 3);

    // The first begins left of the surface: at column -1.
    let all = [0xff; 4];
    let glyphs = [
        glyph(Coverage::A8, (-1, 2), (2, 1), &all),
        glyph(Coverage::A8, (3, 1), (4, 1), &all),
    ];
    write(&mut surface, &glyphs, brush);

    // Mask column i takes tile column (i − 1) mod 3, and row 1 of the surface is row 0 of the mask.
    assert_eq!(
        words_of(&surface),
        [[0; 7], [0, 0, 0, 1, 2, 3, 1], [4, 0, 0, 0, 0, 0, 0]].concat()
    );
}

#[test]
fn a_brush_that_does_not_fit_draws_nothing() {
    let tile = Picture::of_words(Layout::A8, 0, &[]);
    let mut surface = blank(PixelFormat::A8, 2, 1);
    let text = Text {
        glyphs: &[],
        fore: Brush::Pattern {
            pixels: tile.source(),
            origin: Point::default(),
        },
        back: Some((Rect::new(0, 0, 2, 1), Brush::Solid(7))),
    };
    let mut damage = Damage::default();

    let refused = surface.text(
        &Area::new(Rect::new(0, 0, 2, 1), &Clip::None),
        &text,
        &mut damage,
    );

    assert_eq!(refused, Err(Error::EmptyPattern));
    assert_eq!((words_of(&surface), damage.is_empty()), (vec![0, 0], true));
}

#[test]
fn a_glyph_needs_all_its_rows() {
    let corner = Point::default();
    let made = |coverage, len: usize| {
        Glyph::new(coverage, corner, Size::new(9, 2), &[0; 18][..len]).is_some()
    };

    assert_eq!(
        (made(Coverage::A1, 4), made(Coverage::A1, 3)),
        (true, false)
    );
    assert_eq!(
        (made(Coverage::A4, 10), made(Coverage::A4, 9)),
        (true, false)
    );
    assert_eq!(
        (made(Coverage::A8, 18), made(Coverage::A8, 17)),
        (true, false)
    );
    let huge = Size::new(u32::MAX, u32::MAX);
    assert!(Glyph::new(Coverage::A8, corner, huge, &[]).is_none());
}

#[test]
fn glyphs_far_apart_and_far_away_are_harmless() {
    let mut surface = Surface::new(PixelFormat::A1, Size::new(16384, 16384)).expect("a valid size");
    let rows = [0x80];
    let ends = [i32::MIN, -1, 0, 16383, i32::MAX];
    let corners = ends.iter().flat_map(|x| ends.map(|y| (*x, y)));
    let glyphs: Vec<Glyph<'_>> = corners
        .map(|corner| glyph(Coverage::A1, corner, (1, 1), &rows))
        .collect();

    write(&mut surface, &glyphs, WHITE);

    let pixels = surface.pixels();
    let drawn: u32 = pixels.rows().flatten().map(|byte| byte.count_ones()).sum();
    assert_eq!(drawn, 4);
}

/// One glyph of a random string: corner, size and coverage of every pixel, top row first.
type Drawn = (Coverage, i32, i32, u32, u32, Vec<u8>);

fn drawn_glyph() -> impl Strategy<Value = Drawn> {
    let coverage = prop::sample::select(vec![Coverage::A1, Coverage::A4, Coverage::A8]);
    (coverage, -6..18_i32, -6..18_i32, 0..9_u32, 0..9_u32).prop_flat_map(
        |(coverage, x, y, width, height)| {
            let pixels = prop::collection::vec(any::<u8>(), (width * height) as usize);
            let pixels = pixels.prop_map(move |pixels| {
                let store = |m: u8| match coverage {
                    Coverage::A1 => 255 * (m & 1),
                    Coverage::A4 => m & 0xf0,
                    Coverage::A8 => m,
                };
                pixels.into_iter().map(store).collect()
            });
            (
                Just(coverage),
                Just(x),
                Just(y),
                Just(width),
                Just(height),
                pixels,
            )
        },
    )
}

/// The bytes of a glyph, bottom row first.
fn stored((coverage, _, _, width, height, pixels): &Drawn) -> Vec<u8> {
    let mut bytes = vec![];
    for y in (0..*height as usize).rev() {
        let row = &pixels[y * *width as usize..][..*width as usize];
        let part = |piece: &[u8]| match coverage {
            Coverage::A1 => piece
                .iter()
                .enumerate()
                .fold(0, |b, (i, m)| b | (m & 1) << (7 - i)),
            Coverage::A4 => piece[0] | piece.get(1).map_or(0, |m| m >> 4),
            Coverage::A8 => piece[0],
        };
        let per_byte = match coverage {
            Coverage::A1 => 8,
            Coverage::A4 => 2,
            Coverage::A8 => 1,
        };
        bytes.extend(row.chunks(per_byte).map(part));
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..config() })]

    #[test]
    fn text_is_its_brush_laid_over_the_surface_through_the_glyphs(
        glyphs in prop::collection::vec(drawn_glyph(), 0..6),
        colour in 0..0x100_0000_u32,
        old in prop::collection::vec(0..0x100_0000_u32, 14 * 13),
        clip in prop::option::of(prop::collection::vec(rect(), 0..4)),
        bbox in rect(),
    ) {
        let clip = clip.map_or(Clip::None, Clip::Rects);
        let m = |a: u32, b: u32| {
            let t = a * b + 0x80;
            (t + (t >> 8)) >> 8
        };
        let mut expected = old.clone();
        for (i, word) in expected.iter_mut().enumerate() {
            let (x, y) = (i as i32 % 14, i as i32 / 14);
            let at = Point::new(x, y);
            let inside = match &clip {
                Clip::None => true,
                Clip::Rects(rects) => rects.iter().any(|r| r.contains(at)),
            };
            if !inside || !bbox.contains(at) {
                continue;
            }
            let coverage = glyphs.iter().filter_map(|(_, left, top, width, height, pixels)| {
                let (i, j) = (u32::try_from(x - left).ok()?, u32::try_from(y - top).ok()?);
                (i < *width && j < *height).then(|| pixels[(j * width + i) as usize])
            });
            let coverage = u32::from(coverage.max().unwrap_or(0));
            let channel = |shift: u32| {
                let (c, d) = (colour >> shift & 0xff, *word >> shift & 0xff);
                (m(c, coverage) + m(d, 255 - coverage)).min(255) << shift
            };
            *word = channel(0) | channel(8) | channel(16);
        }
        let bytes: Vec<Vec<u8>> = glyphs.iter().map(stored).collect();
        let glyphs: Vec<Glyph<'_>> = glyphs
            .iter()
            .zip(&bytes)
            .map(|(g, bytes)| glyph(g.0, (g.1, g.2), (g.3, g.4), bytes))
            .collect();
        let mut surface = painted(PixelFormat::Xrgb, 14, &old);
        let text = Text { glyphs: &glyphs, fore: Brush::Solid(colour), back: None };

        surface
            .text(&Area::new(bbox, &clip), &text, &mut Damage::default())
            .expect("a solid brush fits every surface");

        prop_assert_eq!(colours_of(&surface), expected);
    }
}
