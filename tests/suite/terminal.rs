//! Pictures in terminals: fitting, scaling, half blocks, colours, and the bytes they become.

use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::pixels::{PixelFormat, PixelView};
use capsaicin::term::{
    Attributes, Cell, Colours, Fit, Glyphs, Grid, Ink, Pane, Pen, Raster, Scaler, Style, cells,
    palette,
};

/// A picture whose pixel at (x, y) has the colour `rgb(x, y)`.
struct Picture {
    size: Size,
    data: Vec<u8>,
}

impl Picture {
    fn of(width: u32, height: u32, rgb: impl Fn(u32, u32) -> [u8; 3]) -> Self {
        let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
        let data = pixels.flat_map(|(x, y)| {
            let [r, g, b] = rgb(x, y);
            // The fourth byte means nothing, and so must change nothing.
            [b, g, r, (x * 7 + y) as u8]
        });
        Self {
            size: Size::new(width, height),
            data: data.collect(),
        }
    }

    fn noise(width: u32, height: u32, seed: u32) -> Self {
        Self::of(width, height, |x, y| {
            let n = (x + y * 4096 + seed).wrapping_mul(0x9e37_79b1);
            let n = (n ^ n >> 15).wrapping_mul(0x85eb_ca6b);
            [(n >> 8) as u8, (n >> 16) as u8, (n >> 24) as u8]
        })
    }

    fn view(&self) -> PixelView<'_> {
        let stride = self.size.width as usize * 4;
        PixelView::new(PixelFormat::Xrgb, self.size, stride, &self.data).unwrap()
    }

    fn rgb(&self, x: u32, y: u32) -> [u8; 3] {
        let at = (y * self.size.width + x) as usize * 4;
        [self.data[at + 2], self.data[at + 1], self.data[at]]
    }
}

fn dots_of(view: PixelView<'_>) -> Vec<[u8; 3]> {
    let pixels = view.rows().flat_map(|row| row.chunks_exact(4));
    pixels.map(|p| [p[2], p[1], p[0]]).collect()
}

fn painted(picture: &Picture, style: Style) -> Grid {
    let (size, Raster(cell)) = (picture.size, style.raster());
    let mut grid = Grid::new(
        size.width.div_ceil(cell.width) as u16,
        size.height.div_ceil(cell.height) as u16,
    );
    cells::paint(picture.view(), size.to_rect(), style, &mut grid);
    grid
}

fn glyphs(grid: &Grid) -> Vec<String> {
    let row = |row| grid.row(row).iter().map(|cell| cell.glyph).collect();
    (0..grid.rows()).map(row).collect()
}

const WITHOUT_COLOUR: Style = Style {
    colours: Colours::None,
    glyphs: Glyphs::Halves,
};
const ASCII: Style = Style {
    colours: Colours::None,
    glyphs: Glyphs::Ascii,
};

#[test]
fn a_picture_fills_the_pane_one_way_and_keeps_its_aspect() {
    let fit = |size, columns, rows| Fit::whole(size, &Pane::halves(columns, rows, 0.5)).unwrap();

    // 160×50 cells are 160×100 dots: exactly the aspect of 1280×800.
    let exact = fit(Size::new(1280, 800), 160, 50);
    assert_eq!(exact.dots(), Size::new(160, 100));
    assert_eq!(exact.cells(), Rect::new(0, 0, 160, 50));

    // 80×23 cells are 80×46 dots: 46 × 1.6 = 73.6 columns, three left over on each side.
    let tall = fit(Size::new(1280, 800), 80, 23);
    assert_eq!(tall.dots(), Size::new(74, 46));
    assert_eq!(tall.cells(), Rect::new(3, 0, 77, 23));

    // 80 × 0.5 = 40 dots are 20 rows; (40 − 20) / 2 are left above.
    let wide = fit(Size::new(2000, 1000), 80, 40);
    assert_eq!(wide.dots(), Size::new(80, 40));
    assert_eq!(wide.cells(), Rect::new(0, 10, 80, 30));
}

#[test]
fn dots_that_are_not_square_are_allowed_for() {
    // Dots 0.8 as wide as high: a square takes 0.8 as many rows as columns.
    let fit = Fit::whole(Size::new(1000, 1000), &Pane::halves(100, 100, 0.4)).unwrap();
    assert_eq!(fit.dots(), Size::new(100, 80));
}

#[test]
fn a_small_picture_grows_by_a_whole_number() {
    let fit = Fit::whole(Size::new(40, 30), &Pane::halves(100, 45, 0.5)).unwrap();
    assert_eq!(fit.dots(), Size::new(80, 60));
    assert_eq!(fit.cells(), Rect::new(10, 7, 90, 37));
}

#[test]
fn nothing_fits_into_nothing() {
    assert_eq!(
        Fit::whole(Size::new(0, 5), &Pane::halves(80, 24, 0.5)),
        None
    );
    assert_eq!(Fit::whole(Size::new(5, 5), &Pane::halves(0, 24, 0.5)), None);
    assert_eq!(
        Fit::exact(
            Size::new(5, 5),
            &Pane::halves(80, 0, 0.5),
            Point::new(0, 0),
            1
        ),
        None
    );
    // And anything into one cell.
    let fit = Fit::whole(Size::new(16384, 3), &Pane::halves(1, 1, 0.5)).unwrap();
    assert_eq!(fit.dots(), Size::new(1, 1));
}

#[test]
fn one_to_one_stays_inside_the_picture() {
    let fit = |x, y| {
        Fit::exact(
            Size::new(640, 400),
            &Pane::halves(80, 20, 0.5),
            Point::new(x, y),
            1,
        )
        .unwrap()
    };
    assert_eq!(fit(320, 200).shown(), Rect::new(280, 180, 360, 220));
    assert_eq!(fit(0, 0).shown(), Rect::new(0, 0, 80, 40));
    assert_eq!(fit(9999, 9999).shown(), Rect::new(560, 360, 640, 400));
}

#[test]
fn the_mouse_points_at_the_pixel_in_the_middle_of_a_cell() {
    let fit = Fit::whole(Size::new(1280, 800), &Pane::halves(160, 50, 0.5)).unwrap();
    // A cell is 8×16 pixels.
    assert_eq!(fit.pixel_at(0, 0), Some(Point::new(4, 8)));
    assert_eq!(fit.pixel_at(159, 49), Some(Point::new(1276, 792)));
    assert_eq!(fit.pixel_at(160, 0), None);
    assert_eq!(fit.cell_of(Point::new(1279, 799)), Some((159, 49)));
    assert_eq!(fit.cell_of(Point::new(1280, 0)), None);
}

#[test]
fn a_mouse_that_is_reported_in_pixels_points_at_the_very_pixel() {
    let pane = Pane {
        raster: Raster(Size::new(8, 16)),
        ..Pane::halves(160, 50, 0.5)
    };
    let whole = Fit::whole(Size::new(1280, 800), &pane).unwrap();
    let at = |fit: &Fit, column, row, x, y| {
        fit.nearest_pixel_in(column, row, Point::new(x, y), Size::new(8, 16))
    };
    for (x, y) in [(0, 0), (7, 15), (3, 9)] {
        assert_eq!(at(&whole, 3, 2, x, y), Point::new(24 + x, 32 + y));
    }
    // Four times as many pixels as dots: the ones below the middle of the terminal's.
    let halved = Fit::whole(Size::new(2560, 1600), &pane).unwrap();
    assert_eq!(at(&halved, 0, 0, 0, 0), Point::new(1, 1));
    assert_eq!(at(&halved, 1, 1, 1, 1), Point::new(19, 35));
    // In characters too: half a cell is one of two dots.
    let cells = Fit::whole(Size::new(1280, 800), &Pane::halves(160, 50, 0.5)).unwrap();
    assert_eq!(at(&cells, 0, 0, 0, 0), Point::new(0, 0));
    assert_eq!(at(&cells, 1, 1, 7, 15), Point::new(15, 31));
}

#[test]
fn the_mouse_beside_the_picture_points_at_its_edge() {
    let fit = Fit::whole(Size::new(1280, 800), &Pane::halves(80, 23, 0.5)).unwrap();
    assert_eq!(fit.pixel_at(2, 5), None);
    assert_eq!(fit.nearest_pixel(0, 5).x, 0);
    assert_eq!(fit.nearest_pixel(79, 5).x, 1279);
}

#[test]
fn every_cell_shows_the_pixel_it_points_at() {
    for (width, height, columns, rows) in [
        (1280, 800, 80, 23),
        (720, 400, 160, 49),
        (640, 480, 20, 4),
        (37, 91, 33, 17),
    ] {
        let fit = Fit::whole(Size::new(width, height), &Pane::halves(columns, rows, 0.5)).unwrap();
        for row in 0..rows {
            for column in 0..columns {
                if let Some(pixel) = fit.pixel_at(column, row) {
                    assert_eq!(fit.cell_of(pixel), Some((column, row)), "{width}×{height}");
                }
            }
        }
    }
}

#[test]
fn a_dot_is_the_average_of_its_pixels() {
    let picture = Picture::of(4, 4, |x, y| match (x / 2, y / 2) {
        (0, 0) => [10 * x as u8, 0, 0],
        (1, 0) => [0, 100 + 20 * y as u8, 0],
        (0, 1) => [0, 0, 255],
        _ => [if x == y { 200 } else { 100 }, 0, 0],
    });
    let fit = Fit::whole(picture.size, &Pane::halves(2, 1, 0.5)).unwrap();
    let mut scaler = Scaler::default();

    scaler.update(picture.view(), &fit, picture.size.to_rect());

    // (0 + 10) / 2; (100 + 120) / 2; all blue; (200 + 100) / 2.
    let expected = [[5, 0, 0], [0, 110, 0], [0, 0, 255], [150, 0, 0]];
    assert_eq!(dots_of(scaler.dots().unwrap()), expected);
}

#[test]
fn an_enlarged_pixel_is_a_block_of_dots() {
    let picture = Picture::noise(3, 2, 1);
    let fit = Fit::whole(picture.size, &Pane::halves(9, 3, 0.5)).unwrap();
    let mut scaler = Scaler::default();

    scaler.update(picture.view(), &fit, picture.size.to_rect());

    assert_eq!(fit.dots(), Size::new(9, 6));
    let dots = dots_of(scaler.dots().unwrap());
    for (at, dot) in dots.iter().enumerate() {
        let (x, y) = (at as u32 % 9 / 3, at as u32 / 9 / 3);
        assert_eq!(*dot, picture.rgb(x, y));
    }
}

#[test]
fn one_to_one_shows_the_pixels_themselves() {
    let picture = Picture::noise(50, 40, 2);
    let fit = Fit::exact(
        picture.size,
        &Pane::halves(10, 4, 0.5),
        Point::new(25, 20),
        1,
    )
    .unwrap();
    let mut scaler = Scaler::default();

    scaler.update(picture.view(), &fit, picture.size.to_rect());

    let shown = dots_of(picture.view().crop(fit.shown()));
    assert_eq!(dots_of(scaler.dots().unwrap()), shown);
}

#[test]
fn scaling_what_changed_gives_what_scaling_all_gives() {
    let sizes = [
        (640, 400),
        (1000, 750),
        (720, 400),
        (301, 199),
        (90, 70),
        (20, 10),
    ];
    let panes = [(160, 50), (80, 23), (47, 12), (33, 40)];
    for ((width, height), (columns, rows)) in sizes.into_iter().zip(panes.into_iter().cycle()) {
        let fit = Fit::whole(Size::new(width, height), &Pane::halves(columns, rows, 0.5)).unwrap();
        let before = Picture::noise(width, height, 3);
        let after = Picture::noise(width, height, 4);
        let (w, h) = (width as i32, height as i32);
        for changed in [
            Rect::new(0, 0, 1, 1),
            Rect::new(w - 1, h - 1, w, h),
            Rect::new(w / 3, h / 4, w / 2 + 1, h / 2 + 3),
            Rect::new(0, h / 2, w, h / 2 + 2),
        ] {
            let inside = |x: u32, y: u32| changed.contains(Point::new(x as i32, y as i32));
            let mixed = Picture::of(width, height, |x, y| {
                if inside(x, y) {
                    after.rgb(x, y)
                } else {
                    before.rgb(x, y)
                }
            });
            let mut in_parts = Scaler::default();
            in_parts.update(before.view(), &fit, before.size.to_rect());
            in_parts.update(mixed.view(), &fit, changed);
            let mut at_once = Scaler::default();
            at_once.update(mixed.view(), &fit, mixed.size.to_rect());

            let same = dots_of(in_parts.dots().unwrap()) == dots_of(at_once.dots().unwrap());
            assert!(
                same,
                "{width}×{height} in {columns}×{rows}, changed {changed:?}"
            );
        }
    }
}

#[test]
fn a_small_change_touches_few_dots() {
    let fit = Fit::whole(Size::new(1280, 800), &Pane::halves(160, 50, 0.5)).unwrap();
    // One glyph of a text screen, on the grid of dots.
    let glyph = Rect::new(80, 160, 88, 176);
    assert_eq!(fit.dots_touched(glyph), Rect::new(10, 20, 11, 22));
}

#[test]
fn two_dots_make_a_cell_and_equal_dots_a_blank() {
    let picture = Picture::of(2, 3, |x, y| match (x, y) {
        (0, 0) => [255, 0, 0],
        (0, 1) => [0, 0, 255],
        _ => [0, 255, 0],
    });

    let grid = painted(&picture, Style::default());

    let cell = |glyph, fore, back| Cell { glyph, fore, back };
    let (red, green, blue) = (
        Ink::Rgb(255, 0, 0),
        Ink::Rgb(0, 255, 0),
        Ink::Rgb(0, 0, 255),
    );
    assert_eq!(grid.row(0), [cell('▀', red, blue), cell(' ', green, green)]);
    // Below the picture is the terminal's own background.
    assert_eq!(grid.row(1), [cell('▀', green, Ink::Default); 2]);
}

#[test]
fn colours_are_within_four_levels_and_black_and_white_are_exact() {
    let ramp = Picture::of(256, 1, |x, _| [x as u8, 255 - x as u8, 0]);
    let grid = painted(&ramp, Style::default());
    for (value, cell) in (0..=255u8).zip(grid.row(0)) {
        let Ink::Rgb(r, g, 0) = cell.fore else {
            panic!("{:?} is no such colour", cell.fore);
        };
        assert!(
            r.abs_diff(value) <= 4 && g.abs_diff(255 - value) <= 4,
            "{value}"
        );
    }
    assert_eq!(grid.row(0)[0].fore, Ink::Rgb(0, 255, 0));
    assert_eq!(grid.row(0)[255].fore, Ink::Rgb(255, 0, 0));
}

#[test]
fn painting_what_changed_leaves_other_cells_alone() {
    let (before, after) = (Picture::noise(6, 6, 5), Picture::noise(6, 6, 6));
    let mut grid = painted(&before, Style::default());

    let cells = cells::paint(
        after.view(),
        Rect::new(2, 3, 4, 5),
        Style::default(),
        &mut grid,
    );

    // Dots 3 and 4 are in the second and third row of cells.
    assert_eq!(cells, Rect::new(2, 1, 4, 3));
    let (old, new) = (
        painted(&before, Style::default()),
        painted(&after, Style::default()),
    );
    for row in 0..3 {
        for column in 0..6 {
            let inside = cells.contains(Point::new(column, row));
            let source = if inside { &new } else { &old };
            let (row, column) = (row as u16, column as usize);
            assert_eq!(grid.row(row)[column], source.row(row)[column]);
        }
    }
}

#[test]
fn without_colour_light_and_dark_are_still_told_apart() {
    let picture = Picture::of(6, 2, |x, y| match (x, y) {
        (0, _) => [0, 0, 0],
        (1, _) => [255, 255, 255],
        (2, 0) | (3, 1) => [230, 230, 230],
        (2, _) | (3, _) => [20, 20, 20],
        // Green looks lighter than blue.
        (4, _) => [0, 255, 0],
        _ => [0, 0, 255],
    });
    assert_eq!(glyphs(&painted(&picture, WITHOUT_COLOUR)), [" █▀▄▓ "]);
    assert_eq!(glyphs(&painted(&picture, ASCII)), [" @==# "]);
}

#[test]
fn ascii_is_a_ramp_from_dark_to_light() {
    let ramp = Picture::of(10, 2, |x, _| [(x * 255 / 9) as u8; 3]);
    assert_eq!(glyphs(&painted(&ramp, ASCII)), [" .:-=+*#%@"]);
}

const BLOCKS: [Glyphs; 3] = [Glyphs::Quadrants, Glyphs::Sextants, Glyphs::Octants];

/// The dots that a glyph fills, as the painter's own table has it; which character that is, is tested beside the table.
fn filled(glyph: char, raster: Raster) -> u8 {
    let of = |pattern: &u8| cells::of_pattern(raster, *pattern) == glyph;
    (0..=255)
        .find(of)
        .unwrap_or_else(|| panic!("{glyph} is no block"))
}

#[test]
fn greys_are_those_of_the_palette_within_five_levels() {
    // Greys, and what is a few levels off grey.
    for tint in [0, 3] {
        let ramp = Picture::of(256, 1, |x, _| {
            [x as u8, (x as u8).saturating_add(tint), x as u8]
        });
        let grid = painted(&ramp, Style::default());
        for (x, cell) in (0..).zip(grid.row(0)) {
            let [r, g, b] = match cell.fore {
                Ink::Indexed(entry @ 232..) => [8 + 10 * (entry - 232); 3],
                // Black and white are beyond both ends of the ramp.
                Ink::Rgb(r, g, b) if !(8..=238).contains(&x) || tint > 0 => [r, g, b],
                other => panic!("{x} is {other:?}"),
            };
            let far = [r, g, b].into_iter().zip(ramp.rgb(x, 0));
            let far = far.map(|(shown, dot)| shown.abs_diff(dot)).max();
            assert!(far <= Some(5), "{x}: {:?}", cell.fore);
        }
    }
}

#[test]
fn two_colours_in_a_cell_are_shown_as_they_are() {
    for glyphs in BLOCKS {
        let style = Style {
            glyphs,
            ..Style::default()
        };
        // Levels that are kept as they are.
        let picture = Picture::of(24, 24, |x, y| {
            let odd = (x * 7 + y * 5 + x * y / 3) % 3 == 0;
            let side = x / 8 * 2 + y / 12;
            [if odd { 197 } else { 49 }, (side % 2) as u8 * 99, 0]
        });
        let grid = painted(&picture, style);
        let Raster(cell) = style.raster();
        for y in 0..24 {
            for x in 0..24 {
                let shown = grid.row((y / cell.height) as u16)[(x / cell.width) as usize];
                let bit = (y % cell.height) * cell.width + x % cell.width;
                let pattern = filled(shown.glyph, style.raster());
                let ink = match pattern >> bit & 1 {
                    1 => shown.fore,
                    _ => shown.back,
                };
                let [r, g, b] = picture.rgb(x, y);
                assert_eq!(ink, Ink::Rgb(r, g, b), "{glyphs:?} at {x}, {y}");
            }
        }
    }
}

#[test]
fn a_cell_of_one_colour_is_a_blank() {
    for glyphs in BLOCKS {
        let style = Style {
            glyphs,
            ..Style::default()
        };
        // 8 + 10 × 9 is 98, the nearest grey of the palette to both.
        let grey = Ink::Indexed(232 + 9);
        let picture = Picture::of(2, 12, |x, _| [98 + x as u8; 3]);
        let blank = Cell {
            glyph: ' ',
            fore: grey,
            back: grey,
        };
        assert_eq!(painted(&picture, style).row(0), [blank]);
    }
}

#[test]
fn a_picture_that_ends_within_a_cell_goes_on_with_its_last_dots() {
    for glyphs in BLOCKS {
        let style = Style {
            glyphs,
            ..Style::default()
        };
        let Raster(cell) = style.raster();
        let cut = Picture::of(3, cell.height + 1, |x, y| {
            [(x * 80) as u8, (y * 20) as u8, 0]
        });
        let whole = Picture::of(4, cell.height * 2, |x, y| {
            cut.rgb(x.min(2), y.min(cell.height))
        });
        assert_eq!(painted(&cut, style), painted(&whole, style));
    }
}

#[test]
fn fewer_colours_are_those_of_the_palette() {
    for glyphs in BLOCKS {
        let picture = Picture::noise(24, 24, 9);
        for (colours, range) in [
            (Colours::Palette256, 16..=255),
            (Colours::Palette16, 0..=15),
        ] {
            let grid = painted(&picture, Style { glyphs, colours });
            for cell in (0..grid.rows()).flat_map(|row| grid.row(row)) {
                for ink in [cell.fore, cell.back] {
                    assert!(
                        matches!(ink, Ink::Indexed(n) if range.contains(&n)),
                        "{ink:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn without_colours_edges_have_their_shape_and_areas_a_shade() {
    let picture = Picture::of(6, 4, |x, y| match (x, y) {
        // A light corner, in a dark cell.
        (1, 0) => [250; 3],
        (0 | 1, _) => [20; 3],
        (2 | 3, _) => [128; 3],
        _ => [255; 3],
    });
    let style = |glyphs| Style {
        glyphs,
        colours: Colours::None,
    };
    assert_eq!(
        glyphs(&painted(&picture, style(Glyphs::Octants))),
        ["\u{1ceab}▒█"]
    );
    assert_eq!(
        glyphs(&painted(&picture, style(Glyphs::Quadrants))),
        ["▝▒█", " ▒█"]
    );
}

#[test]
fn painting_what_changed_of_blocks_gives_what_painting_all_gives() {
    for glyphs in BLOCKS {
        let style = Style {
            glyphs,
            ..Style::default()
        };
        let (before, after) = (Picture::noise(23, 29, 5), Picture::noise(23, 29, 6));
        let changed = Rect::new(5, 6, 12, 21);
        let mixed = Picture::of(23, 29, |x, y| {
            let inside = changed.contains(Point::new(x as i32, y as i32));
            if inside {
                after.rgb(x, y)
            } else {
                before.rgb(x, y)
            }
        });
        let mut grid = painted(&before, style);
        cells::paint(mixed.view(), changed, style, &mut grid);
        assert_eq!(grid, painted(&mixed, style));
    }
}

#[test]
fn coloured_ascii_says_the_hue_and_the_character_how_light_it_is() {
    let picture = Picture::of(2, 2, |x, _| [[0, 0, 0], [120, 60, 0]][x as usize]);
    let style = Style {
        glyphs: Glyphs::Ascii,
        colours: Colours::True,
    };
    let hue = Cell {
        glyph: ':',
        // 60 is half of 120: 127, snapped to a level.
        fore: Ink::Rgb(255, 123, 0),
        back: Ink::Default,
    };
    assert_eq!(painted(&picture, style).row(0), [Cell::default(), hue]);
}

/// The xterm palette, written down from its documentation and not from the code under test.
fn xterm(index: u8) -> [u8; 3] {
    let level = |n: u8| if n == 0 { 0 } else { 55 + 40 * n };
    match index {
        16..=231 => {
            let n = index - 16;
            [level(n / 36), level(n / 6 % 6), level(n % 6)]
        }
        232..=255 => [8 + 10 * (index - 232); 3],
        0..=15 => unreachable!("users change these"),
    }
}

fn nearest_by_search(colour: [u8; 3]) -> u8 {
    let distance = |index: u8| -> u32 {
        let components = xterm(index).into_iter().zip(colour);
        components
            .map(|(a, b)| u32::from(a.abs_diff(b)).pow(2))
            .sum()
    };
    // The first of equals, as `min_by_key` promises.
    (16..=255).min_by_key(|index| distance(*index)).unwrap()
}

#[test]
fn the_palette_is_that_of_xterm() {
    assert!((16..=255).all(|index| palette::rgb(index) == xterm(index)));
}

#[test]
fn the_nearest_of_256_colours_is_the_one_a_search_finds() {
    // Where a component changes its nearest level, and around the greys' halfway points.
    let near = [
        0u8, 13, 47, 48, 95, 115, 116, 155, 156, 195, 196, 235, 236, 246, 255,
    ];
    for &r in &near {
        for &g in &near {
            for &b in &near {
                let colour = [r, g, b];
                assert_eq!(
                    palette::nearest_256(r, g, b),
                    nearest_by_search(colour),
                    "{colour:?}"
                );
            }
        }
    }
    for grey in 0..=255u8 {
        // Greys and almost-greys, where cube and ramp compete.
        for colour in [[grey; 3], [grey, grey, grey.saturating_add(4)]] {
            let [r, g, b] = colour;
            assert_eq!(
                palette::nearest_256(r, g, b),
                nearest_by_search(colour),
                "{colour:?}"
            );
        }
    }
    let noise = Picture::noise(40, 40, 7);
    for colour in dots_of(noise.view()) {
        let [r, g, b] = colour;
        assert_eq!(
            palette::nearest_256(r, g, b),
            nearest_by_search(colour),
            "{colour:?}"
        );
    }
}

#[test]
fn sixteen_colours_are_the_classic_ones() {
    assert_eq!(palette::nearest_16(0, 0, 0), 0);
    assert_eq!(palette::nearest_16(250, 10, 5), 9);
    assert_eq!(palette::nearest_16(255, 255, 255), 15);
    assert_eq!(palette::nearest_16(120, 130, 125), 8);
}

fn written(grid: &Grid) -> Vec<u8> {
    let (mut pen, mut out) = (Pen::new(), Vec::new());
    for row in 0..grid.rows() {
        for (column, cell) in grid.row(row).iter().enumerate() {
            pen.go(column as u16, row, &mut out);
            let text = cell.glyph.to_string();
            pen.write(
                &text,
                1,
                (cell.fore, cell.back),
                Attributes::default(),
                &mut out,
            );
        }
    }
    pen.finish(&mut out);
    out
}

/// The dots a terminal shows after it was sent `bytes`, and the colours it uses as its own.
fn shown_dots(bytes: &[u8], columns: u16, rows: u16) -> Vec<Vec<vt100::Color>> {
    let mut terminal = vt100::Parser::new(rows, columns, 0);
    terminal.process(bytes);
    let mut dots = Vec::new();
    for row in 0..rows {
        let cells: Vec<_> = (0..columns)
            .map(|column| terminal.screen().cell(row, column).unwrap())
            .collect();
        let half = |upper: bool| {
            let colour = |cell: &&vt100::Cell| match (cell.contents(), upper) {
                ("▀", true) | ("▄", false) => cell.fgcolor(),
                ("▀" | "▄" | " ", _) => cell.bgcolor(),
                (other, _) => panic!("{other:?} is no half block"),
            };
            cells.iter().map(colour).collect()
        };
        dots.push(half(true));
        dots.push(half(false));
    }
    dots
}

#[test]
fn a_terminal_shows_every_dot_in_its_colour() {
    // Few colours, so that runs, blanks and turned half blocks all occur.
    let picture = Picture::of(40, 20, |x, y| {
        // Levels that are kept as they are: 24, 12 and 6 times 255 / 31, rounded.
        [[197, 0, 0], [0, 99, 0], [0, 0, 49]][((x / 3) ^ (y * y / 5)) as usize % 3]
    });
    let bytes = written(&painted(&picture, Style::default()));

    let shown = shown_dots(&bytes, 40, 10);

    for (y, row) in shown.iter().enumerate() {
        for (x, dot) in row.iter().enumerate() {
            let [r, g, b] = picture.rgb(x as u32, y as u32);
            assert_eq!(*dot, vt100::Color::Rgb(r, g, b), "at {x}, {y}");
        }
    }
}

#[test]
fn a_terminal_of_256_colours_gets_palette_entries_only() {
    let picture = Picture::noise(30, 10, 8);
    let style = Style {
        colours: Colours::Palette256,
        ..Style::default()
    };

    let shown = shown_dots(&written(&painted(&picture, style)), 30, 5);

    for (y, row) in shown.iter().enumerate() {
        for (x, dot) in row.iter().enumerate() {
            let nearest = nearest_by_search(picture.rgb(x as u32, y as u32));
            assert_eq!(*dot, vt100::Color::Idx(nearest), "at {x}, {y}");
        }
    }
}

#[test]
fn a_terminal_of_sixteen_colours_gets_the_old_sequences() {
    let (mut pen, mut out) = (Pen::new(), Vec::new());
    let inks = (Ink::Indexed(1), Ink::Indexed(12));
    pen.write("▀", 1, inks, Attributes::default(), &mut out);
    assert_eq!(String::from_utf8(out).unwrap(), "\x1b[31;104m▀");
}

#[test]
fn a_colour_is_named_once_and_a_half_block_turned_when_that_saves_naming_one() {
    let (red, blue) = (Ink::Rgb(255, 0, 0), Ink::Rgb(0, 0, 255));
    let (mut pen, mut out) = (Pen::new(), Vec::new());
    pen.go(0, 0, &mut out);
    for (text, inks) in [
        ("▀", (red, blue)),
        ("▀", (red, blue)),
        ("▀", (blue, red)),
        (" ", (blue, blue)),
    ] {
        pen.write(text, 1, inks, Attributes::default(), &mut out);
    }
    pen.finish(&mut out);
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text, "\x1b[H\x1b[38;2;255;0;0;48;2;0;0;255m▀▀▄ \x1b[m");
}

#[test]
fn every_block_is_turned_when_that_saves_naming_a_colour() {
    let (red, blue) = (Ink::Rgb(255, 0, 0), Ink::Rgb(0, 0, 255));
    let (mut pen, mut out) = (Pen::new(), Vec::new());
    for (text, inks) in [
        ("▘", (red, blue)),
        ("▘", (blue, red)),
        // BLOCK SEXTANT-1 and -23456, BLOCK OCTANT-3 and -1245678.
        ("\u{1fb00}", (blue, red)),
        ("\u{1cd00}", (blue, red)),
    ] {
        pen.write(text, 1, inks, Attributes::default(), &mut out);
    }
    let text = String::from_utf8(out).unwrap();
    let expected = "\x1b[38;2;255;0;0;48;2;0;0;255m▘▟\u{1fb3b}\u{1cde3}";
    assert_eq!(text, expected);
}

#[test]
fn the_cursor_moves_by_the_shorter_sequence() {
    let (mut pen, mut out) = (Pen::new(), Vec::new());
    let plain = (Ink::Default, Ink::Default);
    for (column, row) in [(4, 2), (5, 2), (7, 2), (20, 2), (20, 3), (0, 4), (0, 6)] {
        pen.go(column, row, &mut out);
        pen.write("x", 1, plain, Attributes::default(), &mut out);
    }
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text, "\x1b[3;5Hxx\x1b[Cx\x1b[12Cx\x1b[4;21Hx\r\nx\x1b[7Hx");
}

#[test]
fn attributes_end_where_they_should() {
    let (mut pen, mut out) = (Pen::new(), Vec::new());
    let plain = (Ink::Default, Ink::Default);
    pen.write(
        "a",
        1,
        plain,
        Attributes::BOLD | Attributes::REVERSED,
        &mut out,
    );
    pen.write("b", 1, plain, Attributes::BOLD, &mut out);
    pen.write("c", 1, plain, Attributes::default(), &mut out);
    pen.finish(&mut out);
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text, "\x1b[1m\x1b[7ma\x1b[m\x1b[1mb\x1b[mc");
}
