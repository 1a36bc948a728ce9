//! What each drawing command does to pixels: the check vectors of the protocol's rasterisation chapter, and every command
//! against a model that follows its text one pixel at a time.

mod blend;
mod composite;
mod model;
mod pictures;
mod rop3;
mod strokes;
mod texts;
mod transparent;

use capsaicin::canvas::{
    Area, Brush, Canvas, Clip, Cutout, Damage, Error, Layout, Mask, Operands, Rop, ScaleMode,
    Source, Surface,
};
use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::pixels::{PixelBuf, PixelFormat, PixelView};
use pictures::{Picture, blank, bytes_of, painted, words_of};
use proptest::prelude::*;

/// Draws on all of a surface.
fn everywhere(surface: &Surface) -> Area<'static> {
    Area::new(surface.size().to_rect(), &Clip::None)
}

fn solid_fill(surface: &mut Surface, area: &Area<'_>, word: u32) {
    surface
        .fill(area, &Brush::Solid(word), Rop::PUT, &mut Damage::default())
        .expect("a solid brush fits every surface");
}

/// Copies a part of a picture as it is, to a box or to the whole surface.
fn put(surface: &mut Surface, bbox: Option<Rect>, cutout: &Cutout<'_>) {
    let area = Area {
        bbox: bbox.unwrap_or(surface.size().to_rect()),
        ..everywhere(surface)
    };
    surface
        .copy(&area, cutout, Rop::PUT, &mut Damage::default())
        .expect("the depths agree");
}

mod pixel_words {
    use super::*;

    #[test]
    fn a_new_surface_is_all_zero() {
        let surface = blank(PixelFormat::Argb, 3, 2);

        assert_eq!(words_of(&surface), [0; 6]);
    }

    #[test]
    fn whiteness_sets_the_unused_byte_and_invers_clears_it() {
        let mut surface = blank(PixelFormat::Xrgb, 1, 1);
        let area = everywhere(&surface);

        surface.whiteness(&area, &mut Damage::default());
        assert_eq!(words_of(&surface), [0xffff_ffff]);

        surface.invers(&area, &mut Damage::default());
        assert_eq!(words_of(&surface), [0]);
    }

    #[test]
    fn blackness_writes_zeros() {
        let mut surface = painted(PixelFormat::Argb, 2, &[0x1234_5678, 0xffff_ffff]);

        surface.blackness(&everywhere(&surface), &mut Damage::default());

        assert_eq!(words_of(&surface), [0, 0]);
    }

    #[test]
    fn a_solid_colour_is_cut_to_the_word_and_not_converted() {
        let stored = |format| {
            let mut surface = blank(format, 1, 1);
            let area = everywhere(&surface);
            solid_fill(&mut surface, &area, 0x89ab_cdef);
            words_of(&surface)[0]
        };

        assert_eq!(stored(PixelFormat::Argb), 0x89ab_cdef);
        assert_eq!(stored(PixelFormat::Xrgb), 0x89ab_cdef);
        assert_eq!(stored(PixelFormat::Rgb555), 0xcdef);
        assert_eq!(stored(PixelFormat::Rgb565), 0xcdef);
        assert_eq!(stored(PixelFormat::A8), 0xef);
        assert_eq!(stored(PixelFormat::A1), 1);
    }
}

mod regions {
    use super::*;

    /// Fills `bbox` of a blank 4×3 surface of coverage with 1.
    fn fill_clipped(bbox: Rect, clip: &Clip) -> Vec<u32> {
        let mut surface = blank(PixelFormat::A8, 4, 3);
        solid_fill(&mut surface, &Area::new(bbox, clip), 1);
        words_of(&surface)
    }

    #[test]
    fn a_box_reaching_outside_draws_its_inner_part() {
        let drawn = fill_clipped(Rect::new(-5, 1, 2, 99), &Clip::None);

        assert_eq!(drawn, [0, 0, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0]);
    }

    #[test]
    fn an_empty_or_inverted_box_draws_nothing() {
        for bbox in [
            Rect::new(1, 1, 1, 2),
            Rect::new(3, 0, 1, 3),
            Rect::new(0, 2, 4, 1),
        ] {
            assert_eq!(fill_clipped(bbox, &Clip::None), [0; 12], "{bbox:?}");
        }
    }

    #[test]
    fn a_list_without_rectangles_draws_nothing() {
        let drawn = fill_clipped(Rect::new(0, 0, 4, 3), &Clip::Rects(vec![]));

        assert_eq!(drawn, [0; 12]);
    }

    #[test]
    fn inverted_and_empty_clip_rectangles_do_not_disturb_the_others() {
        let clip = Clip::Rects(vec![
            Rect::new(3, 2, 0, 0),
            Rect::new(1, 0, 3, 1),
            Rect::new(2, 2, 2, 3),
        ]);

        let drawn = fill_clipped(Rect::new(0, 0, 4, 3), &clip);

        assert_eq!(drawn, [0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn a_pixel_in_two_clip_rectangles_is_drawn_once() {
        let clip = Clip::Rects(vec![Rect::new(0, 0, 3, 2), Rect::new(1, 1, 4, 3)]);
        let mut surface = blank(PixelFormat::A8, 4, 3);

        surface.invers(
            &Area::new(Rect::new(0, 0, 4, 3), &clip),
            &mut Damage::default(),
        );

        assert_eq!(
            words_of(&surface),
            [255, 255, 255, 0, 255, 255, 255, 255, 0, 255, 255, 255]
        );
    }

    proptest! {
        #![proptest_config(model::config())]

        #[test]
        fn a_region_is_the_union_of_its_clip_without_overlap(
            rects in prop::collection::vec(model::rect(), 0..12),
            bounds in model::rect(),
        ) {
            let parts: Vec<Rect> = Clip::Rects(rects.clone()).region(bounds).collect();
            for y in -8..24 {
                for x in -8..24 {
                    let p = Point::new(x, y);
                    let inside = bounds.contains(p) && rects.iter().any(|r| r.contains(p));
                    let times = parts.iter().filter(|r| r.contains(p)).count();
                    prop_assert_eq!(times, usize::from(inside), "{:?} of {:?}", p, &parts);
                }
            }
            let order = |r: &Rect| (r.top, r.left);
            prop_assert!(parts.is_sorted_by_key(order));
        }
    }
}

mod masks {
    use super::*;

    fn mask_fill(inverse: bool) -> Vec<u32> {
        let rows = [0xf0, 0x0f, 0xaa, 0x01];
        let bits = PixelView::new(PixelFormat::A1, Size::new(8, 4), 1, &rows).expect("4 rows");
        let mask = Mask::new(bits, Point::new(2, 1)).expect("1 bit");
        let mut surface = blank(PixelFormat::A8, 8, 4);
        let area = Area {
            mask: Some(if inverse { mask.inverse() } else { mask }),
            ..everywhere(&surface)
        };
        solid_fill(&mut surface, &area, 1);
        words_of(&surface)
    }

    #[test]
    fn a_mask_draws_where_its_bit_is_set() {
        assert_eq!(
            mask_fill(false),
            [
                [0, 0, 1, 1, 1, 1, 0, 0],
                [1, 0, 1, 0, 1, 0, 0, 0],
                [0, 0, 0, 0, 0, 1, 0, 0],
                [0; 8],
            ]
            .concat()
        );
    }

    #[test]
    fn an_inverse_mask_draws_the_other_bits_but_nothing_beyond_its_picture() {
        assert_eq!(
            mask_fill(true),
            [
                [1, 1, 0, 0, 0, 0, 0, 0],
                [0, 1, 0, 1, 0, 1, 0, 0],
                [1, 1, 1, 1, 1, 0, 0, 0],
                [0; 8],
            ]
            .concat()
        );
    }

    #[test]
    fn only_one_bit_pictures_are_masks() {
        let grey = PixelBuf::new(PixelFormat::A8, Size::new(1, 1));

        assert!(Mask::new(grey.view(), Point::default()).is_none());
    }
}

mod brushes {
    use super::*;

    #[test]
    fn a_pattern_is_anchored_to_the_surface_and_repeats_on_all_sides() {
        let tile = Picture::of_words(Layout::A8, 3, &[1, 2, 3, 4, 5, 6]);
        let brush = Brush::Pattern {
            pixels: tile.source(),
            origin: Point::new(1, 1),
        };
        let mut surface = blank(PixelFormat::A8, 8, 4);

        surface
            .fill(
                &everywhere(&surface),
                &brush,
                Rop::PUT,
                &mut Damage::default(),
            )
            .expect("same depth");

        assert_eq!(
            words_of(&surface),
            [
                [6, 4, 5, 6, 4, 5, 6, 4],
                [3, 1, 2, 3, 1, 2, 3, 1],
                [6, 4, 5, 6, 4, 5, 6, 4],
                [3, 1, 2, 3, 1, 2, 3, 1],
            ]
            .concat()
        );
    }

    #[test]
    fn no_brush_is_zeros_with_the_rop() {
        let filled = |descriptor| {
            let mut surface = painted(PixelFormat::A8, 1, &[0xaa]);
            let rop = Rop::new(descriptor, Operands::BrushOnSurface);
            surface
                .fill(
                    &everywhere(&surface),
                    &Brush::None,
                    rop,
                    &mut Damage::default(),
                )
                .expect("no brush fits every surface");
            words_of(&surface)[0]
        };

        assert_eq!(filled(0x8), 0, "PUT");
        assert_eq!(filled(0x10), 0xaa, "OR");
        assert_eq!(filled(0x200), 0x55, "INVERS");
        assert_eq!(filled(0x100), 0xff, "WHITENESS");
    }

    #[test]
    fn a_pattern_without_pixels_is_refused() {
        let tile = Picture::of_words(Layout::A8, 0, &[]);
        let brush = Brush::Pattern {
            pixels: tile.source(),
            origin: Point::default(),
        };
        let mut surface = blank(PixelFormat::A8, 2, 2);
        let mut damage = Damage::default();

        let refused = surface.fill(&everywhere(&surface), &brush, Rop::PUT, &mut damage);

        assert_eq!(refused, Err(Error::EmptyPattern));
        assert!(damage.is_empty());
    }
}

mod rops {
    use super::*;

    /// COPY with source byte cc on dest aa. Columns: no inversion, SRC, DEST, both, then the same with RES.
    const TABLE: [(&str, u16, [u32; 8]); 8] = [
        ("PUT", 0x8, [0xcc, 0x33, 0xcc, 0x33, 0x33, 0xcc, 0x33, 0xcc]),
        ("OR", 0x10, [0xee, 0xbb, 0xdd, 0x77, 0x11, 0x44, 0x22, 0x88]),
        (
            "AND",
            0x20,
            [0x88, 0x22, 0x44, 0x11, 0x77, 0xdd, 0xbb, 0xee],
        ),
        (
            "XOR",
            0x40,
            [0x66, 0x99, 0x99, 0x66, 0x99, 0x66, 0x66, 0x99],
        ),
        ("BLACKNESS", 0x80, [0; 8]),
        ("WHITENESS", 0x100, [0xff; 8]),
        ("INVERS", 0x200, [0x55; 8]),
        ("none", 0, [0xcc; 8]),
    ];
    const SRC: u16 = 1;
    const BRUSH: u16 = 2;
    const DEST: u16 = 4;
    const RES: u16 = 0x400;

    #[test]
    fn every_descriptor_gives_what_the_reference_gives() {
        for (name, op, row) in TABLE {
            let inversions = [0, SRC, DEST, SRC | DEST];
            let columns = inversions
                .iter()
                .copied()
                .chain(inversions.map(|i| i | RES));
            for (inversion, expected) in columns.zip(row) {
                let mut surface = painted(PixelFormat::A8, 1, &[0xaa]);
                let source = Picture::of_words(Layout::A8, 1, &[0xcc]);
                let rop = Rop::new(op | inversion, Operands::SourceOnSurface);
                surface
                    .copy(
                        &everywhere(&surface),
                        &Cutout::whole(source.source()),
                        rop,
                        &mut Damage::default(),
                    )
                    .expect("same depth");
                assert_eq!(words_of(&surface), [expected], "{name} {inversion:#x}");
            }
        }
    }

    #[test]
    fn each_kind_of_operands_has_its_own_inversion_bits() {
        // AND of 0xcc with 0xaa: the table above says what inverting either side gives.
        let and = |bits, operands| Rop::new(0x20 | bits, operands).apply(0xcc, 0xaa) & 0xff;

        assert_eq!(and(BRUSH, Operands::BrushOnSurface), 0x22);
        assert_eq!(and(DEST, Operands::BrushOnSurface), 0x44);
        assert_eq!(and(SRC, Operands::BrushOnSurface), 0x88);
        assert_eq!(and(BRUSH, Operands::SourceOnSurface), 0x88);
        assert_eq!(and(BRUSH, Operands::BrushOnSource), 0x22);
        assert_eq!(and(SRC, Operands::BrushOnSource), 0x44);
        assert_eq!(and(DEST, Operands::BrushOnSource), 0x88);
    }

    #[test]
    fn of_several_operations_the_first_in_the_protocols_order_counts() {
        let put_and_or = Rop::new(0x8 | 0x10, Operands::SourceOnSurface);
        let xor_and_blackness = Rop::new(0x40 | 0x80, Operands::SourceOnSurface);

        assert_eq!(put_and_or.apply(0xcc, 0xaa), 0xcc);
        assert_eq!(xor_and_blackness.apply(0xcc, 0xaa), 0x66);
    }
}

mod copies {
    use super::*;

    #[test]
    fn an_unscaled_source_is_clipped_not_padded() {
        let mut surface = painted(PixelFormat::A8, 4, &[9; 16]);
        let picture = Picture::of_words(Layout::A8, 2, &[1, 2, 3, 4]);
        let cutout = Cutout {
            area: Rect::new(-1, -1, 3, 3),
            ..Cutout::whole(picture.source())
        };

        put(&mut surface, None, &cutout);

        assert_eq!(
            words_of(&surface),
            [9, 9, 9, 9, 9, 1, 2, 9, 9, 3, 4, 9, 9, 9, 9, 9]
        );
    }

    #[test]
    fn a_source_is_anchored_to_the_box_before_it_is_cut() {
        let mut surface = blank(PixelFormat::A8, 3, 1);
        let picture = Picture::of_words(Layout::A8, 5, &[1, 2, 3, 4, 5]);

        put(
            &mut surface,
            Some(Rect::new(-2, 0, 3, 1)),
            &Cutout::whole(picture.source()),
        );

        assert_eq!(words_of(&surface), [3, 4, 5]);
    }

    #[test]
    fn opaque_combines_the_brush_with_the_copied_picture() {
        let mut surface = painted(PixelFormat::A8, 2, &[0x0f, 0x0f]);
        let picture = Picture::of_words(Layout::A8, 2, &[0xcc, 0xf0]);
        let xor = Rop::new(0x40, Operands::BrushOnSource);

        surface
            .opaque(
                &everywhere(&surface),
                &Cutout::whole(picture.source()),
                &Brush::Solid(0xff),
                xor,
                &mut Damage::default(),
            )
            .expect("same depth");

        assert_eq!(words_of(&surface), [0x33, 0x0f]);
    }

    #[test]
    fn a_surface_of_another_depth_cannot_be_read() {
        let from = blank(PixelFormat::Rgb565, 2, 2);
        let mut surface = blank(PixelFormat::Xrgb, 2, 2);

        let refused = surface.copy(
            &everywhere(&surface),
            &Cutout::whole(Source::surface(from.pixels())),
            Rop::PUT,
            &mut Damage::default(),
        );

        assert_eq!(
            refused,
            Err(Error::DepthMismatch {
                source: 16,
                target: 32
            })
        );
    }

    #[test]
    fn a_surface_of_the_same_depth_is_read_word_by_word() {
        let from = painted(PixelFormat::Rgb565, 1, &[0xfc08]);
        let mut surface = blank(PixelFormat::Rgb555, 1, 1);

        let source = Source::surface(from.pixels());
        put(&mut surface, None, &Cutout::whole(source));

        assert_eq!(words_of(&surface), [0xfc08]);
    }

    #[test]
    fn an_empty_source_area_is_refused() {
        let picture = Picture::of_words(Layout::A8, 1, &[1]);
        let mut surface = blank(PixelFormat::A8, 2, 2);
        for area in [Rect::new(0, 0, 0, 1), Rect::new(0, 5, 4, 2)] {
            let cutout = Cutout {
                area,
                ..Cutout::whole(picture.source())
            };
            let refused = surface.copy(
                &everywhere(&surface),
                &cutout,
                Rop::PUT,
                &mut Damage::default(),
            );
            assert_eq!(refused, Err(Error::EmptySourceArea), "{area:?}");
        }
    }

    #[test]
    fn the_first_stored_row_of_a_bottom_up_picture_is_its_bottom_row() {
        let stored = [1, 2, 0, 3, 4, 0, 5, 6];
        let source = Source::new(Layout::A8, Size::new(2, 3), 3, &stored).expect("3 rows");
        let mut surface = blank(PixelFormat::A8, 2, 3);

        put(&mut surface, None, &Cutout::whole(source.bottom_up()));

        assert_eq!(words_of(&surface), [5, 6, 3, 4, 1, 2]);
    }

    #[test]
    fn a_source_needs_all_its_rows() {
        let source =
            |size, stride, bytes: &[u8]| Source::new(Layout::Bgr24, size, stride, bytes).is_some();

        assert!(source(Size::new(2, 2), 8, &[0; 14]));
        assert!(!source(Size::new(2, 2), 8, &[0; 13]));
        assert!(!source(Size::new(2, 2), 5, &[0; 99]));
        assert!(!source(Size::new(u32::MAX, u32::MAX), usize::MAX, &[]));
    }
}

mod scaling {
    use super::*;

    const COLOURS: [u32; 4] = [0, 0xff, 0xff00, 0x00ff_0000];

    /// The picture scaled to a surface of `format`.
    fn scaled(picture: &Picture, format: PixelFormat, size: Size, scale: ScaleMode) -> Vec<u32> {
        let cutout = Cutout {
            scale,
            ..Cutout::whole(picture.source())
        };
        let mut surface = blank(format, size.width, size.height);
        put(&mut surface, None, &cutout);
        words_of(&surface)
    }

    /// A row of four pixels scaled to a surface of their format.
    fn row_scaled(format: PixelFormat, row: [u32; 4], width: u32, scale: ScaleMode) -> Vec<u32> {
        let picture = Picture::of_words(Layout::Words(format), 4, &row);
        scaled(&picture, format, Size::new(width, 1), scale)
    }

    #[test]
    fn interpolation_darkens_the_edges_and_mixes_neighbours() {
        assert_eq!(
            row_scaled(PixelFormat::Xrgb, COLOURS, 8, ScaleMode::Interpolate),
            [
                0x00_0000, 0x00_003f, 0x00_00bf, 0x00_3fbf, 0x00_bf3f, 0x3f_bf00, 0xbf_3f00,
                0xbf_0000
            ]
        );
    }

    #[test]
    fn nearest_takes_every_second_column_at_half_the_size() {
        let halved = row_scaled(PixelFormat::Xrgb, COLOURS, 2, ScaleMode::Nearest);

        assert_eq!(halved, [COLOURS[0], COLOURS[2]]);
    }

    #[test]
    fn nearest_repeats_columns_at_twice_the_size() {
        let doubled = row_scaled(PixelFormat::Xrgb, COLOURS, 8, ScaleMode::Nearest);

        assert_eq!(doubled, COLOURS.map(|colour| [colour, colour]).concat());
    }

    #[test]
    fn on_16_bits_channels_are_interpolated_in_8_bits_and_cut() {
        let interpolated = |format, row| row_scaled(format, row, 8, ScaleMode::Interpolate);

        // The 32-bit vector above with 0x3f as 7 of 31 or 15 of 63, and 0xbf as 0x17 of 31 or 0x2f of 63.
        assert_eq!(
            interpolated(PixelFormat::Rgb555, [0, 0x1f, 0x1f << 5, 0x1f << 10]),
            [
                0,
                0x07,
                0x17,
                0x07 << 5 | 0x17,
                0x17 << 5 | 0x07,
                0x07 << 10 | 0x17 << 5,
                0x17 << 10 | 0x07 << 5,
                0x17 << 10
            ]
        );
        assert_eq!(
            interpolated(PixelFormat::Rgb565, [0, 0x1f, 0x3f << 5, 0x1f << 11]),
            [
                0,
                0x07,
                0x17,
                0x0f << 5 | 0x17,
                0x2f << 5 | 0x07,
                0x07 << 11 | 0x2f << 5,
                0x17 << 11 | 0x0f << 5,
                0x17 << 11
            ]
        );
    }

    #[test]
    fn in_the_middle_of_a_pixel_interpolation_gives_its_word_back() {
        let size = Size::new(3, 3);
        for format in [PixelFormat::Rgb555, PixelFormat::Rgb565] {
            for word in 0..0x8000 {
                let picture = Picture::of_words(Layout::Words(format), 1, &[word]);
                let words = scaled(&picture, format, size, ScaleMode::Interpolate);
                assert_eq!(words[4], word, "{format:?}");
            }
        }
    }

    #[test]
    fn outside_a_scaled_picture_is_zero_and_drawn() {
        let picture = Picture::of_words(Layout::A8, 2, &[1, 2, 3, 4]);
        let cutout = Cutout {
            area: Rect::new(1, 1, 3, 3),
            ..Cutout::whole(picture.source())
        };
        let mut surface = painted(PixelFormat::A8, 4, &[9; 16]);

        put(&mut surface, None, &cutout);

        assert_eq!(
            words_of(&surface),
            [4, 4, 0, 0, 4, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        );
    }
}

mod conversions {
    use super::*;

    fn converted(layout: Layout, word: u32, format: PixelFormat) -> u32 {
        let mut surface = blank(format, 1, 1);
        let picture = Picture::of_words(layout, 1, &[word]);
        put(&mut surface, None, &Cutout::whole(picture.source()));
        words_of(&surface)[0]
    }

    #[test]
    fn on_32_bits_words_stay_and_the_rest_is_filled_in() {
        for format in [PixelFormat::Xrgb, PixelFormat::Argb] {
            let word = |layout, word| converted(layout, word, format);
            assert_eq!(word(Layout::Xrgb, 0x1280_4020), 0x1280_4020);
            assert_eq!(word(Layout::Argb, 0x8060_4020), 0x8060_4020);
            assert_eq!(word(Layout::XrgbOpaque, 0x1280_4020), 0xff80_4020);
            assert_eq!(word(Layout::Bgr24, 0x0080_4020), 0x0080_4020);
            assert_eq!(word(Layout::Entries, 0x1280_4020), 0x1280_4020);
            // r 4, g 0x11, b 0x14
            assert_eq!(word(Layout::Rgb555, 0x1234), 0xff21_8ca5);
        }
    }

    #[test]
    fn on_16_bits_channels_are_cut() {
        for layout in [
            Layout::Bgr24,
            Layout::Xrgb,
            Layout::XrgbOpaque,
            Layout::Argb,
        ] {
            let word = |format| converted(layout, 0x00ff_8040, format);
            assert_eq!(word(PixelFormat::Rgb555), 0x7e08, "{layout:?}");
            assert_eq!(word(PixelFormat::Rgb565), 0xfc08, "{layout:?}");
        }
    }

    #[test]
    fn green_gets_its_sixth_bit_from_its_first() {
        assert_eq!(
            converted(Layout::Rgb555, 0x1234, PixelFormat::Rgb565),
            0x2474
        );
        assert_eq!(
            converted(Layout::Rgb555, 0x1234, PixelFormat::Rgb555),
            0x1234
        );
    }

    #[test]
    fn palette_entries_are_555_on_16_bit_surfaces() {
        assert_eq!(
            converted(Layout::Entries, 0xabcd_1234, PixelFormat::Rgb555),
            0x1234
        );
        assert_eq!(
            converted(Layout::Entries, 0xabcd_1234, PixelFormat::Rgb565),
            0x2474
        );
    }

    #[test]
    fn coverage_surfaces_take_alpha() {
        assert_eq!(converted(Layout::A8, 0x5a, PixelFormat::A8), 0x5a);
        assert_eq!(converted(Layout::Argb, 0x5a01_0203, PixelFormat::A8), 0x5a);
        assert_eq!(converted(Layout::Xrgb, 0x5a01_0203, PixelFormat::A8), 0xff);
    }

    #[test]
    fn coverage_is_black_where_it_meets_colour() {
        assert_eq!(converted(Layout::A8, 0x5a, PixelFormat::Argb), 0x5a00_0000);
        assert_eq!(converted(Layout::A8, 0x5a, PixelFormat::Rgb565), 0);
    }

    #[test]
    fn conversion_comes_before_the_rop() {
        let picture = Picture::of_words(Layout::Bgr24, 1, &[0x00ff_8040]);
        let mut surface = painted(PixelFormat::Rgb555, 1, &[0xffff]);
        let xor = Rop::new(0x40, Operands::SourceOnSurface);

        surface
            .copy(
                &everywhere(&surface),
                &Cutout::whole(picture.source()),
                xor,
                &mut Damage::default(),
            )
            .expect("pictures are converted");

        assert_eq!(words_of(&surface), [0xffff ^ 0x7e08]);
    }
}

mod moves {
    use super::*;

    /// Moves on a 4×3 surface of 1, 2, 3 and so on.
    fn moved(bbox: Rect, clip: &Clip, from: Point) -> Vec<u32> {
        moved_in(Size::new(4, 3), bbox, clip, from)
    }

    fn moved_in(size: Size, bbox: Rect, clip: &Clip, from: Point) -> Vec<u32> {
        let words: Vec<u32> = (1..=size.width * size.height).collect();
        let mut surface = painted(PixelFormat::A8, size.width, &words);
        surface.copy_bits(bbox, clip, from, &mut Damage::default());
        words_of(&surface)
    }

    #[test]
    fn overlap_is_safe_in_every_direction() {
        let right = moved(Rect::new(1, 0, 4, 3), &Clip::None, Point::new(0, 0));
        assert_eq!(right, [1, 1, 2, 3, 5, 5, 6, 7, 9, 9, 10, 11]);

        let left = moved(Rect::new(0, 0, 3, 3), &Clip::None, Point::new(1, 0));
        assert_eq!(left, [2, 3, 4, 4, 6, 7, 8, 8, 10, 11, 12, 12]);

        let down = moved(Rect::new(0, 1, 4, 3), &Clip::None, Point::new(0, 0));
        assert_eq!(down, [1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8]);

        let up = moved(Rect::new(0, 0, 4, 2), &Clip::None, Point::new(0, 1));
        assert_eq!(up, [5, 6, 7, 8, 9, 10, 11, 12, 9, 10, 11, 12]);
    }

    #[test]
    fn overlap_is_safe_across_clip_rectangles() {
        let row = Size::new(6, 1);
        let columns = |x: i32| {
            Clip::Rects(vec![
                Rect::new(x, 0, x + 1, 1),
                Rect::new(x + 2, 0, x + 3, 1),
            ])
        };
        let right = moved_in(row, row.to_rect(), &columns(2), Point::new(-2, 0));
        assert_eq!(right, [1, 2, 1, 4, 3, 6]);
        let left = moved_in(row, row.to_rect(), &columns(1), Point::new(2, 0));
        assert_eq!(left, [1, 4, 3, 6, 5, 6]);

        let rows = (0..3).map(|y| Rect::new(0, y, 4, y + 1)).collect();
        let down = moved(Rect::new(0, 1, 4, 3), &Clip::Rects(rows), Point::new(0, 0));
        assert_eq!(down, [1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn pixels_that_would_come_from_outside_stay() {
        let drawn = moved(Rect::new(0, 0, 4, 3), &Clip::None, Point::new(2, -1));

        assert_eq!(drawn, [1, 2, 3, 4, 3, 4, 7, 8, 7, 8, 11, 12]);
    }

    #[test]
    fn no_displacement_changes_nothing() {
        let mut surface = painted(PixelFormat::Xrgb, 2, &[1, 2, 3, 4]);
        let mut damage = Damage::default();

        surface.copy_bits(
            Rect::new(0, 0, 2, 2),
            &Clip::None,
            Point::new(0, 0),
            &mut damage,
        );

        assert_eq!(words_of(&surface), [1, 2, 3, 4]);
        assert!(damage.is_empty());
    }
}

mod hostile {
    use super::*;

    const EDGES: [i32; 7] = [i32::MIN, i32::MIN + 1, -1, 0, 2, i32::MAX - 1, i32::MAX];

    fn hostile_rects() -> Vec<Rect> {
        let pairs = || EDGES.iter().flat_map(|a| EDGES.map(|b| (*a, b)));
        pairs()
            .flat_map(|(left, right)| {
                [
                    (i32::MIN, i32::MAX),
                    (-1, i32::MAX),
                    (1, 2),
                    (i32::MAX, i32::MIN),
                ]
                .map(|(top, bottom)| Rect::new(left, top, right, bottom))
            })
            .collect()
    }

    #[test]
    fn coordinates_at_the_ends_of_the_number_line_are_harmless() {
        let picture = Picture::of_words(Layout::Argb, 2, &[1, 2, 3, 4]);
        let bits = [0xaa, 0x55];
        let bits = PixelView::new(PixelFormat::A1, Size::new(8, 2), 1, &bits).expect("2 rows");
        for format in [PixelFormat::Xrgb, PixelFormat::Rgb565, PixelFormat::A1] {
            let mut surface = blank(format, 3, 3);
            let mut damage = Damage::default();
            for bbox in hostile_rects() {
                let corner = bbox.origin();
                let clip = Clip::Rects(vec![bbox, Rect::new(0, 0, 2, 2)]);
                let masked = Area {
                    mask: Mask::new(bits, corner),
                    ..Area::new(bbox, &clip)
                };
                let brush = Brush::Pattern {
                    pixels: picture.source(),
                    origin: corner,
                };
                for area in [masked, Area::new(bbox, &Clip::None)] {
                    surface.invers(&area, &mut damage);
                    surface
                        .fill(&area, &brush, Rop::PUT, &mut damage)
                        .expect("pictures are converted");
                    for source_area in hostile_rects() {
                        for scale in [ScaleMode::Nearest, ScaleMode::Interpolate] {
                            let cutout = Cutout {
                                source: picture.source(),
                                area: source_area,
                                scale,
                            };
                            let drawn = surface.copy(&area, &cutout, Rop::PUT, &mut damage);
                            let fine = bbox.is_empty() || !source_area.is_empty();
                            assert_eq!(drawn.is_ok(), fine, "{source_area:?} to {bbox:?}");
                        }
                    }
                }
                for from in hostile_rects() {
                    surface.copy_bits(bbox, &clip, from.origin(), &mut damage);
                }
            }
            assert!(surface.size().to_rect().covers(damage.bounds()));
        }
    }

    #[test]
    fn ten_thousand_overlapping_clip_rectangles_draw_each_pixel_once() {
        let bars = (0..5000).flat_map(|i| {
            let (x, y) = (i * 7 % 1600, i * 11 % 1200);
            [
                Rect::new(x - 400, y, i32::MAX, y + 1),
                Rect::new(x, i32::MIN, x + 1, y + 700),
            ]
        });
        let bars: Vec<Rect> = bars.collect();
        let mut expected = vec![0; 1600 * 1200];
        for bar in &bars {
            let cut = bar.intersect(Rect::new(0, 0, 1600, 1200));
            for y in cut.top..cut.bottom {
                let row = &mut expected[y as usize * 1600..][..1600];
                row[cut.left as usize..cut.right as usize].fill(0xff);
            }
        }
        let mut surface = blank(PixelFormat::A8, 1600, 1200);
        let mut damage = Damage::default();

        surface.invers(
            &Area::new(Rect::new(0, 0, 1600, 1200), &Clip::Rects(bars)),
            &mut damage,
        );

        assert!(bytes_of(&surface) == expected);
        assert!(damage.rects().len() <= Damage::MAX_RECTS);
    }
}

mod surface_sets {
    use super::*;

    #[test]
    fn sizes_are_capped_before_anything_is_allocated() {
        let mut canvas = Canvas::default();
        let mut create = |width, height| {
            let size = Size::new(width, height);
            canvas.create(1, PixelFormat::A8, size) == Err(Error::BadSize(size))
        };

        assert!(create(0, 1));
        assert!(create(1, 0));
        assert!(create(16385, 1));
        assert!(create(u32::MAX, u32::MAX));
        assert!(!create(16384, 1));
    }

    #[test]
    fn surfaces_stay_within_their_memory() {
        let mut canvas = Canvas::new(100);
        let size = Size::new(5, 4);
        canvas.create(0, PixelFormat::Xrgb, size).expect("80 bytes");
        assert_eq!(canvas.bytes_in_use(), 80);

        let refused = canvas.create(1, PixelFormat::Rgb565, size);
        assert_eq!(
            refused,
            Err(Error::OverBudget {
                needed: 120,
                budget: 100
            })
        );
        assert!(canvas.surface(1).is_none());

        canvas
            .create(0, PixelFormat::Rgb565, size)
            .expect("the old one is replaced");
        canvas
            .create(1, PixelFormat::A8, size)
            .expect("60 bytes in all");
        assert!(canvas.destroy(0));
        assert!(!canvas.destroy(0));
        assert_eq!(canvas.bytes_in_use(), 20);

        canvas.clear();
        assert_eq!(canvas.bytes_in_use(), 0);
    }

    #[test]
    fn there_are_at_most_1024_surfaces() {
        let mut canvas = Canvas::default();
        let one = Size::new(1, 1);
        for id in 0..1024 {
            canvas
                .create(id, PixelFormat::A8, one)
                .expect("below the cap");
        }

        assert_eq!(
            canvas.create(9999, PixelFormat::A8, one),
            Err(Error::TooManySurfaces)
        );
        assert_eq!(canvas.create(7, PixelFormat::A8, one), Ok(()));
    }

    /// Copies the left three columns of a 4×1 surface one to the right, from surface `source` to surface 0.
    fn copy_right(source: u32) -> Result<Vec<u32>, Error> {
        let mut canvas = Canvas::default();
        for (id, words) in [(0, [1, 2, 3, 4]), (1, [5, 6, 7, 8])] {
            canvas.create(id, PixelFormat::A8, Size::new(4, 1))?;
            let surface = canvas.surface_mut(id).expect("it was just made");
            let picture = Picture::of_words(Layout::A8, 4, &words);
            put(surface, None, &Cutout::whole(picture.source()));
        }
        canvas.draw_from(0, &[source], |surface, sources| {
            let cutout = Cutout {
                area: Rect::new(0, 0, 3, 1),
                ..Cutout::whole(Source::surface(sources[0]))
            };
            let area = Area::new(Rect::new(1, 0, 4, 1), &Clip::None);
            surface.copy(&area, &cutout, Rop::PUT, &mut Damage::default())
        })??;
        Ok(words_of(canvas.surface(0).expect("still there")))
    }

    #[test]
    fn a_surface_can_be_drawn_from_another() {
        assert_eq!(copy_right(1), Ok(vec![1, 5, 6, 7]));
    }

    #[test]
    fn a_surface_drawn_from_itself_is_read_as_it_was() {
        assert_eq!(copy_right(0), Ok(vec![1, 1, 2, 3]));
    }

    #[test]
    fn an_unknown_surface_is_named() {
        assert_eq!(copy_right(5), Err(Error::UnknownSurface(5)));
    }
}

mod damage {
    use super::*;

    #[test]
    fn a_draw_is_noted_where_it_drew_and_nowhere_else() {
        let mut surface = blank(PixelFormat::Xrgb, 800, 600);
        let mut damage = Damage::default();
        let clip = Clip::Rects(vec![
            Rect::new(-5, -5, 10, 10),
            Rect::new(700, 500, 9999, 9999),
        ]);

        surface.blackness(&Area::new(Rect::new(0, 5, 800, 580), &clip), &mut damage);

        assert_eq!(
            damage.rects(),
            [Rect::new(0, 5, 10, 10), Rect::new(700, 500, 800, 580)]
        );
    }

    #[test]
    fn a_draw_in_many_pieces_is_noted_completely() {
        let pieces: Vec<Rect> = (0..400)
            .map(|i| Rect::at(i * 389 % 4000, i * 9, Size::new(9, 3)))
            .collect();
        let mut surface = blank(PixelFormat::A8, 4000, 4000);
        let mut damage = Damage::default();

        surface.blackness(
            &Area::new(surface.size().to_rect(), &Clip::Rects(pieces.clone())),
            &mut damage,
        );

        let noted = |piece: &Rect| damage.rects().iter().any(|r| r.covers(*piece));
        assert!(pieces.iter().all(noted));
        assert_eq!(damage.bounds(), Rect::new(0, 0, 3990, 3594));
    }

    #[test]
    fn a_full_set_merges_the_two_that_are_closest() {
        let far_apart = |i: i32| Rect::at(i % 6 * 3000, i / 6 * 3000, Size::new(10, 10));
        let mut damage = Damage::default();
        (0..32).for_each(|i| damage.add(far_apart(i)));
        damage.add(Rect::new(3100, 3100, 3110, 3110));

        let mut expected: Vec<Rect> = (0..32).map(far_apart).collect();
        expected[7] = Rect::new(3000, 3000, 3110, 3110);
        let mut found = damage.rects().to_vec();
        found.sort_by_key(|r| (r.top, r.left));
        assert_eq!(found, expected);
    }

    #[test]
    fn neighbours_become_one_rectangle() {
        let mut damage = Damage::default();
        for y in 0..60 {
            for x in 0..80 {
                damage.add(Rect::at(x * 16, y * 16, Size::new(16, 16)));
            }
        }

        assert_eq!(damage.rects(), [Rect::new(0, 0, 1280, 960)]);
    }

    #[test]
    fn taking_leaves_nothing_behind() {
        let mut damage = Damage::default();
        damage.add(Rect::new(1, 2, 3, 4));
        damage.add(Rect::new(5, 5, 5, 9));

        let taken: Vec<Rect> = damage.take().into_iter().collect();

        assert_eq!(taken, [Rect::new(1, 2, 3, 4)]);
        assert!(damage.is_empty());
        assert_eq!(damage.bounds(), Rect::default());
    }

    proptest! {
        #![proptest_config(model::config())]

        #[test]
        fn damage_covers_what_was_added_in_few_rectangles(
            added in prop::collection::vec(
                (-2000..2000_i32, -2000..2000_i32, 0..400_u32, 0..400_u32),
                0..200,
            ),
        ) {
            let added = added.into_iter().map(|(x, y, w, h)| Rect::at(x, y, Size::new(w, h)));
            let added: Vec<Rect> = added.collect();
            let mut damage = Damage::default();
            added.iter().for_each(|r| damage.add(*r));

            prop_assert!(damage.rects().len() <= Damage::MAX_RECTS);
            let around = added.iter().fold(Rect::default(), |all, r| all.bounds(*r));
            prop_assert_eq!(damage.bounds(), around);
            for rect in added {
                let mut left = vec![rect];
                for hole in damage.rects() {
                    left = left.into_iter().flat_map(|r| r.subtract(*hole)).collect();
                }
                prop_assert!(left.iter().all(|r| r.is_empty()), "{:?} is missing", left);
            }
            // No two would be cheaper as one.
            for (i, a) in damage.rects().iter().enumerate() {
                for b in &damage.rects()[..i] {
                    prop_assert!(a.bounds(*b).area() > a.area() + b.area());
                }
            }
        }
    }
}
