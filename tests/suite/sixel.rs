//! Pictures as sixels: what a terminal shows after each frame, and what it costs.

use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::pixels::{PixelBuf, PixelFormat};
use capsaicin::term::paint::{Painted, Painter, Place, Quality, Room, Scene};
use capsaicin::term::sixel::{Limits, Sixel};

use crate::support::terminals::sixel::SixelTerminal;

use crate::support::screens;

const CELL: Size = Size::new(8, 16);

const LIMITS: Limits = Limits {
    image: Size::new(4000, 4000),
    colours: 256,
    scrolls: false,
};

/// A painter and the terminal it paints on.
struct Stage {
    painter: Sixel,
    terminal: SixelTerminal,
    place: Place,
    covered: Vec<Rect>,
    quality: Quality,
    /// Bytes of the last frame.
    written: Vec<u8>,
}

impl Stage {
    fn new(limits: Limits, place: Place) -> Self {
        Self {
            painter: Sixel::new(limits),
            terminal: SixelTerminal::new(place.terminal.0, place.terminal.1, place.cell),
            place,
            covered: Vec::new(),
            quality: Quality::BEST,
            written: Vec::new(),
        }
    }

    /// A terminal of which a screen of 1280×800 leaves the last row.
    fn of_a_screen(limits: Limits) -> Self {
        Self::new(limits, place((0, 0), (160, 51)))
    }

    fn paint(&mut self, picture: &PixelBuf, changed: &[Rect]) -> Painted {
        let scene = Scene {
            picture: picture.view(),
            changed,
            place: self.place,
            covered: &self.covered,
            pointer: None,
            quality: self.quality,
        };
        self.written.clear();
        let painted = self.painter.paint(&scene, &mut self.written);
        self.terminal.write(&self.written);
        painted
    }

    fn paint_whole(&mut self, picture: &PixelBuf) -> Painted {
        self.paint(picture, &[picture.size.to_rect()])
    }

    /// Draws text on cells of the picture.
    fn cover(&mut self, cells: Rect) {
        self.terminal
            .blank(cells.translate(self.place.column.into(), self.place.row.into()));
        self.covered.push(cells);
    }

    /// By how much each component of each dot differs at most, and the noise in dB; covered cells have to be blank.
    fn compare(&self, picture: &PixelBuf) -> (u8, f64) {
        let (mut most, mut sum, mut dots) = (0, 0, 0_u64);
        let cell = |at: i32, size: u32| at.div_euclid(size as i32);
        for y in 0..picture.size.height as i32 {
            for x in 0..picture.size.width as i32 {
                let at = Point::new(
                    x + i32::from(self.place.column) * self.place.cell.width as i32,
                    y + i32::from(self.place.row) * self.place.cell.height as i32,
                );
                let on = Point::new(
                    cell(x, self.place.cell.width),
                    cell(y, self.place.cell.height),
                );
                let shown = self.terminal.dot(at);
                if self.covered.iter().any(|cells| cells.contains(on)) {
                    assert_eq!(shown, None, "drawn over text at {on:?}");
                    continue;
                }
                let [b, g, r, _] = picture.view().pixel(x as u32, y as u32).to_le_bytes();
                let shown = shown.unwrap_or_else(|| panic!("nothing at {x}, {y}"));
                for (a, b) in shown.iter().zip([r, g, b]) {
                    most = most.max(a.abs_diff(b));
                    sum += u64::from(a.abs_diff(b)).pow(2);
                }
                dots += 3;
            }
        }
        let noise = sum as f64 / dots.max(1) as f64;
        (most, 10.0 * (255.0_f64.powi(2) / noise.max(1e-9)).log10())
    }
}

impl Stage {
    /// Mean squared error of a part, the sum over three components.
    fn noise_of(&self, picture: &PixelBuf, part: Rect) -> f64 {
        let mut sum = 0;
        for y in part.top..part.bottom {
            for x in part.left..part.right {
                let [b, g, r, _] = picture.view().pixel(x as u32, y as u32).to_le_bytes();
                let shown = self.terminal.dot(Point::new(x, y)).unwrap_or_default();
                let apart = shown.iter().zip([r, g, b]).map(|(a, b)| a.abs_diff(b));
                sum += apart.map(|apart| u64::from(apart).pow(2)).sum::<u64>();
            }
        }
        sum as f64 / part.area() as f64
    }
}

fn place((column, row): (u16, u16), terminal: (u16, u16)) -> Place {
    Place {
        column,
        row,
        cell: CELL,
        terminal,
    }
}

/// Numbers without a pattern, the same in each run.
fn numbers(seed: u64) -> impl FnMut(u32) -> u32 {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        ((state >> 33) as u32) % below.max(1)
    }
}

/// What registers can say differs from a colour by less than two levels: they have 101 for 256.
const ROUNDING: u8 = 2;

#[test]
fn a_desktop_arrives_well_and_small_and_only_once() {
    let desktop = screens::desktop();
    let mut stage = Stage::of_a_screen(LIMITS);
    stage.paint_whole(&desktop);
    let (_, quality) = stage.compare(&desktop);
    assert!(stage.written.len() <= 340_000, "{}", stage.written.len());
    assert!(quality >= 45.0, "{quality}");
    assert_eq!(stage.paint_whole(&desktop), Painted::default());
    assert!(stage.written.is_empty());
}

#[test]
fn a_photo_in_128_colours_is_still_good() {
    let photo = screens::photo();
    let mut stage = Stage::of_a_screen(LIMITS);
    stage.quality.colours = 128;
    assert!(stage.paint_whole(&photo).coarse);
    let (_, quality) = stage.compare(&photo);
    assert!(stage.written.len() <= 1_100_000, "{}", stage.written.len());
    assert!(quality >= 36.0, "{quality}");
}

#[test]
fn a_glyph_typed_costs_little() {
    let mut stage = Stage::of_a_screen(LIMITS);
    stage.paint_whole(&screens::term0());
    let typed = screens::type1();
    stage.paint_whole(&typed);
    assert!(stage.written.len() <= 600, "{}", stage.written.len());
    assert!(stage.compare(&typed).1 >= 45.0);
}

#[test]
fn a_screen_that_scrolls_costs_its_last_line_where_images_scroll_with_text() {
    let limits = Limits {
        scrolls: true,
        ..LIMITS
    };
    let mut stage = Stage::of_a_screen(limits);
    stage.paint_whole(&screens::term0());
    let scrolled = screens::term1();
    stage.paint_whole(&scrolled);
    assert!(stage.written.len() <= 11_000, "{}", stage.written.len());
    assert!(stage.compare(&scrolled).1 >= 45.0);
}

#[test]
fn many_small_differences_cost_about_as_much_as_all_of_it() {
    let mut stage = Stage::of_a_screen(LIMITS);
    stage.paint_whole(&screens::term0());
    let first = stage.written.len();
    let scrolled = screens::term1();
    stage.paint_whole(&scrolled);
    assert!(
        stage.written.len() <= first * 11 / 10,
        "{}",
        stage.written.len()
    );
    assert!(stage.compare(&scrolled).1 >= 45.0);
}

#[test]
fn icy_sixel_reads_what_the_model_reads() {
    let photo = screens::photo();
    let mut stage = Stage::of_a_screen(LIMITS);
    stage.paint_whole(&photo);
    let start = stage.written.iter().position(|b| *b == b'P').unwrap() - 1;
    let image = icy_sixel::SixelImage::decode(&stage.written[start..]).unwrap();
    // It fills the last band up.
    assert_eq!((image.width, image.height), (1280, 804));
    for (at, pixel) in image.pixels.chunks_exact(4).take(1280 * 800).enumerate() {
        let dot = stage
            .terminal
            .dot(Point::new((at % 1280) as i32, (at / 1280) as i32))
            .unwrap();
        let far = dot.iter().zip(pixel).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(far <= Some(1), "{dot:?} {pixel:?}");
    }
}

#[test]
fn large_pictures_are_cut_into_images_the_terminal_takes() {
    let desktop = screens::desktop();
    let mut stage = Stage::of_a_screen(Limits::default());
    stage.paint_whole(&desktop);
    let sizes: Vec<Size> = stage
        .terminal
        .images
        .iter()
        .map(|(size, _)| *size)
        .collect();
    assert_eq!(sizes, [Size::new(1000, 800), Size::new(280, 800)]);
    assert!(stage.compare(&desktop).1 >= 45.0);
}

#[test]
fn what_was_coarse_is_drawn_again_at_best() {
    let desktop = screens::desktop();
    let mut stage = Stage::of_a_screen(LIMITS);
    stage.quality = Quality {
        square: 2,
        colours: 32,
    };
    assert!(stage.paint_whole(&desktop).coarse);
    let (_, coarse) = stage.compare(&desktop);
    let bytes = stage.written.len();
    stage.quality = Quality::BEST;
    assert!(!stage.paint(&desktop, &[]).coarse);
    assert!(stage.compare(&desktop).1 >= 45.0);
    assert!(coarse < 30.0 && bytes < 150_000, "{coarse} {bytes}");
}

#[test]
fn few_colours_are_exact_in_every_frame_whatever_is_covered_or_scrolls() {
    for seed in 0..40 {
        let mut next = numbers(seed);
        // Cells of odd sizes: bands end anywhere.
        let cell = Size::new(4 + next(9), 5 + next(18));
        let (columns, rows) = (8 + next(20) as u16, 5 + next(12) as u16);
        let spans = next(2) == 0;
        let place = Place {
            column: if spans { 0 } else { 2 },
            row: if spans { 0 } else { 1 },
            cell,
            terminal: if spans {
                (columns, rows + 1)
            } else {
                (columns + 3, rows + 2)
            },
        };
        let limits = Limits {
            image: Size::new(30 + next(200), 30 + next(200)),
            colours: 256,
            scrolls: next(2) == 0,
        };
        let mut stage = Stage::new(limits, place);
        let cut = if next(2) == 0 { 1 } else { 0 };
        let size = Size::new(
            u32::from(columns) * cell.width - cut,
            u32::from(rows) * cell.height - cut,
        );
        let colours: Vec<u32> = (0..20).map(|_| next(1 << 24)).collect();
        let mut picture = PixelBuf::new(PixelFormat::Xrgb, size);
        for _ in 0..12 {
            let (x, y) = (next(size.width), next(size.height));
            let area = Rect::at(
                x as i32,
                y as i32,
                Size::new(1 + next(size.width), 1 + next(size.height)),
            )
            .intersect(size.to_rect());
            let mut damage = area;
            match next(4) {
                0 => {
                    let by = u32::from(rows).min(2) * cell.height;
                    let before = picture.clone();
                    for y in 0..size.height.saturating_sub(by) {
                        for x in 0..size.width {
                            picture.set_pixel(x, y, before.view().pixel(x, y + by));
                        }
                    }
                    damage = size.to_rect();
                }
                1 => {
                    let cells = Rect::at(
                        next(columns.into()) as i32,
                        next(rows.into()) as i32,
                        Size::new(1 + next(4), 1 + next(2)),
                    )
                    .intersect(Rect::new(0, 0, columns.into(), rows.into()));
                    stage.cover(cells);
                }
                2 => stage.covered.clear(),
                _ => {
                    for y in area.top as u32..area.bottom as u32 {
                        for x in area.left as u32..area.right as u32 {
                            picture.set_pixel(x, y, colours[next(20) as usize]);
                        }
                    }
                }
            }
            stage.paint(&picture, &[damage]);
            let (most, _) = stage.compare(&picture);
            assert!(most <= ROUNDING, "seed {seed}: {most}");
        }
    }
}

/// A ground from one dark colour to another, with a grid on it, in more colours than a palette has.
fn ground(at: Point) -> u32 {
    let (x, y) = (at.x as u32, at.y as u32);
    let line = u32::from(x.is_multiple_of(26) || y.is_multiple_of(26)) * 4;
    (14 + y / 26 + line) << 16 | (22 + x / 40 + line) << 8 | (38 + y / 9 + line)
}

#[test]
fn what_moves_leaves_no_trace_behind_it() {
    let size = Size::new(480, 320);
    let mut picture = PixelBuf::new(PixelFormat::Xrgb, size);
    let whole = size.to_rect();
    let draw = |picture: &mut PixelBuf, rect: Rect, ball: Option<Point>| {
        for y in rect.top..rect.bottom {
            for x in rect.left..rect.right {
                // Light comes from above, in hundreds of colours.
                let far = ball.map_or(0, |at| {
                    17_i32.pow(2) - (at.x - x).pow(2) - (at.y - y).pow(2)
                });
                let shade = ball.map_or(0, |at| {
                    (120 + (at.x - x) * 2 + (at.y - y) * 5).clamp(0, 255)
                }) as u32;
                let ball = (200 + shade / 5) << 16 | (60 + shade * 3 / 4) << 8 | (shade / 2);
                let colour = if far > 0 {
                    ball
                } else {
                    ground(Point::new(x, y))
                };
                picture.set_pixel(x as u32, y as u32, colour);
            }
        }
    };
    draw(&mut picture, whole, None);
    let mut stage = Stage::new(LIMITS, place((0, 0), (60, 21)));
    stage.paint_whole(&picture);
    let dots = |stage: &Stage| -> Vec<_> {
        let all = (0..size.height).flat_map(|y| (0..size.width).map(move |x| (x, y)));
        all.map(|(x, y)| stage.terminal.dot(Point::new(x as i32, y as i32)))
            .collect()
    };
    let (before, quality) = (dots(&stage), stage.compare(&picture).1);
    let mut last = Rect::default();
    for n in 0..40 {
        let at = Point::new(30 + n * 10, 160 + (n * 53 % 200) - 100);
        let now = Rect::at(at.x - 20, at.y - 20, Size::new(40, 40)).intersect(whole);
        draw(&mut picture, last, None);
        draw(&mut picture, now, Some(at));
        stage.paint(&picture, &[last, now]);
        assert!(stage.compare(&picture).1 >= quality - 0.5);
        last = now;
    }
    draw(&mut picture, last, None);
    stage.paint(&picture, &[last]);
    let traces = dots(&stage)
        .iter()
        .zip(&before)
        .filter(|(a, b)| a != b)
        .count();
    assert_eq!(traces, 0);
}

#[test]
fn what_was_drawn_in_portions_ends_as_if_drawn_at_once() {
    let size = Size::new(480, 320);
    let mut picture = PixelBuf::new(PixelFormat::Xrgb, size);
    for y in 0..size.height {
        for x in 0..size.width {
            let at = Point::new(x as i32, y as i32);
            // A bright window in a dark ground: most dots of some portions are bright.
            let window = Rect::new(40, 40, 400, 280).contains(at);
            let bright = (200 + x % 50) << 16 | (180 + y % 60) << 8 | ((x * y) % 200);
            picture.set_pixel(x, y, if window { bright } else { ground(at) });
        }
    }
    let mut at_once = Stage::new(LIMITS, place((0, 0), (60, 21)));
    at_once.paint_whole(&picture);
    for bytes in [1000, 4000, 16_000] {
        let mut stage = Stage::new(LIMITS, at_once.place);
        let room = Room { bytes, ..Room::ALL };
        stage.painter.limit(room, &[]);
        let mut painted = stage.paint_whole(&picture);
        for _ in 0..1000 {
            if painted.owed == 0 && !painted.coarse {
                break;
            }
            painted = stage.paint(&picture, &[]);
        }
        assert_eq!((painted.owed, painted.coarse), (0, false), "{bytes}");
        // Cell by cell: a patch is one that stands out.
        for (column, row) in (0..20).flat_map(|row| (0..60).map(move |column| (column, row))) {
            let cell = Rect::at(column * 8, row * 16, CELL);
            let (is, could_be) = (
                stage.noise_of(&picture, cell),
                at_once.noise_of(&picture, cell),
            );
            assert!(
                is <= could_be + 4.0,
                "{bytes} bytes at once, {column}, {row}: {is} where {could_be} can be"
            );
        }
        // And then there is nothing to do.
        assert_eq!(stage.paint(&picture, &[]), Painted::default());
        assert!(stage.written.is_empty());
    }
}

#[test]
fn what_is_small_but_takes_much_has_colours_of_a_coarse_picture_too() {
    let photo = screens::photo();
    let size = Size::new(480, 320);
    let mut picture = PixelBuf::new(PixelFormat::Xrgb, size);
    let mut stage = Stage::new(LIMITS, place((0, 0), (60, 21)));
    stage.paint_whole(&picture);

    // It is one of a moving picture on a short link, and has more dots than are said in what small parts may take.
    let small = Rect::new(160, 160, 208, 224);
    for y in small.top as u32..small.bottom as u32 {
        for x in small.left as u32..small.right as u32 {
            picture.set_pixel(x, y, photo.view().pixel(x * 3, y * 2));
        }
    }
    let bytes = 2400;
    stage.painter.limit(Room { bytes, ..Room::ALL }, &[]);
    stage.quality.colours = 32;
    stage.paint(&picture, &[small]);
    while stage.paint(&picture, &[]).owed > 0 {}

    let noise = stage.noise_of(&picture, small);
    assert!(noise < 300.0, "{noise}");
}

#[test]
fn a_small_change_beside_a_large_one_is_soon_as_good_as_it_gets() {
    let photo = screens::photo();
    let mut picture = PixelBuf::new(PixelFormat::Xrgb, Size::new(480, 320));
    let mut stage = Stage::new(LIMITS, place((0, 0), (60, 21)));
    stage.paint_whole(&picture);
    // The large one in colours of its own; those of the small one are others.
    for (part, from) in [
        (Rect::new(0, 0, 480, 160), Point::new(0, 400)),
        (Rect::new(160, 240, 200, 272), Point::new(700, 20)),
    ] {
        for y in part.top as u32..part.bottom as u32 {
            for x in part.left as u32..part.right as u32 {
                let dot = photo.view().pixel(from.x as u32 + x, from.y as u32 + y);
                picture.set_pixel(x, y, dot);
            }
        }
        stage.paint(&picture, &[part]);
    }
    let mut frames = 0;
    while stage.paint(&picture, &[]).coarse {
        frames += 1;
        assert!(frames < 4, "it is made better without end");
    }
    assert_eq!(stage.paint(&picture, &[]), Painted::default());
}

#[test]
fn any_picture_stays_good_frame_by_frame() {
    let (desktop, photo) = (screens::desktop(), screens::photo());
    for seed in 0..2 {
        let mut next = numbers(seed + 50);
        let mut stage = Stage::of_a_screen(LIMITS);
        let mut picture = desktop.clone();
        stage.paint_whole(&picture);
        for _ in 0..4 {
            let (x, y) = (next(1200), next(700));
            let area = Rect::at(x as i32, y as i32, Size::new(1 + next(500), 1 + next(400)))
                .intersect(picture.size.to_rect());
            let source = if next(2) == 0 { &photo } else { &desktop };
            for y in area.top as u32..area.bottom as u32 {
                for x in area.left as u32..area.right as u32 {
                    picture.set_pixel(x, y, source.view().pixel(x, y));
                }
            }
            stage.paint(&picture, &[area]);
            let (_, quality) = stage.compare(&picture);
            assert!(quality >= 40.0, "seed {seed}: {quality}");
        }
    }
}

#[test]
fn a_picture_too_large_for_the_terminal_is_cut_above_its_last_row() {
    let desktop = screens::desktop();
    for terminal in [(0, 0), (1, 1), (1, 2), (7, 2), (30, 9)] {
        for at in [(0, 0), (3, 1), (u16::MAX, u16::MAX)] {
            let place = place(at, terminal);
            let mut painter = Sixel::new(LIMITS);
            let mut written = Vec::new();
            let scene = Scene {
                picture: desktop.view(),
                changed: &[Rect::new(i32::MIN, i32::MIN, i32::MAX, i32::MAX)],
                place,
                covered: &[Rect::new(i32::MIN, 0, i32::MAX, 1)],
                pointer: None,
                quality: Quality::BEST,
            };
            painter.paint(&scene, &mut written);
            if terminal.0 > 0 {
                SixelTerminal::new(terminal.0, terminal.1, CELL).write(&written);
            } else {
                assert!(written.is_empty());
            }
        }
    }
}
