//! Pictures by kitty's graphics protocol: what a terminal shows after each frame, and what it costs.

use std::path::PathBuf;

use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::pixels::{PixelBuf, PixelFormat};
use capsaicin::term::kitty::{Edits, Medium, Placeholders, Route, Tiles};
use capsaicin::term::paint::{Painted, Painter, Place, Pointer, Quality, Scene};

use crate::support::terminals::kitty::Kitty;

const CELL: Size = Size::new(8, 16);
/// Columns and rows for the screens of the fixtures, and for less.
const LARGE: (u16, u16) = (162, 53);
const SMALL: (u16, u16) = (52, 20);
const BACKGROUND: [u8; 3] = [3, 2, 1];

/// A painter, the terminal it paints on, and the picture it was told of last.
struct Stage {
    painter: Box<dyn Painter>,
    terminal: Kitty,
    place: Place,
    covered: Vec<Rect>,
    pointer: Option<(PixelBuf, u64, Point)>,
    quality: Quality,
    /// Bytes of the last frame.
    bytes: usize,
    /// Columns and rows.
    cells: (u16, u16),
}

impl Stage {
    fn new(painter: impl Painter + 'static, cells: (u16, u16)) -> Self {
        Self {
            painter: Box::new(painter),
            terminal: Kitty::new(cells.0, cells.1, CELL),
            cells,
            place: Place {
                column: 1,
                row: 2,
                cell: CELL,
                terminal: cells,
            },
            covered: Vec::new(),
            pointer: None,
            quality: Quality::BEST,
            bytes: 0,
        }
    }

    fn edits(cells: (u16, u16)) -> Self {
        Self::new(Edits::new(1000, Medium::Inline), cells)
    }

    fn tiles(cells: (u16, u16)) -> Self {
        Self::new(Tiles::new(5000), cells)
    }

    fn placeholders(cells: (u16, u16)) -> Self {
        Self {
            terminal: Kitty::behind_tmux(cells.0, cells.1, CELL),
            ..Self::new(Placeholders::new(250, Route::Tmux), cells)
        }
    }

    fn all(cells: (u16, u16)) -> [Self; 3] {
        [
            Self::edits(cells),
            Self::tiles(cells),
            Self::placeholders(cells),
        ]
    }

    fn encoded(&mut self, picture: &PixelBuf, changed: &[Rect]) -> (Painted, Vec<u8>) {
        let mut out = Vec::new();
        let pointer = self.pointer.as_ref().map(|(shape, shape_id, at)| Pointer {
            shape: shape.view(),
            shape_id: *shape_id,
            at: *at,
        });
        let scene = Scene {
            picture: picture.view(),
            changed,
            place: self.place,
            covered: &self.covered,
            pointer,
            quality: self.quality,
        };
        let painted = self.painter.paint(&scene, &mut out);
        self.bytes = out.len();
        (painted, out)
    }

    fn paint(&mut self, picture: &PixelBuf, changed: &[Rect]) -> Painted {
        let (painted, out) = self.encoded(picture, changed);
        self.terminal.read(&out);
        painted
    }

    /// Paints a whole picture until nothing is left to say; the bytes of the first frame.
    fn settle(&mut self, picture: &PixelBuf) -> usize {
        let mut painted = self.paint(picture, &[picture.size.to_rect()]);
        let first = self.bytes;
        for _ in 0..1000 {
            if !painted.coarse {
                return first;
            }
            painted = self.paint(picture, &[]);
            assert!(self.bytes > 0, "coarse, and nothing done about it");
        }
        panic!("it never settles");
    }

    /// The terminal shows the picture with the pointer on it, and nothing else.
    #[track_caller]
    fn assert_shows(&self, picture: &PixelBuf, what: &str) {
        let plane = self.terminal.plane(BACKGROUND);
        let mut expected =
            Kitty::new(self.cells.0, self.cells.1, self.place.cell).plane(BACKGROUND);
        let (x, y) = (
            u32::from(self.place.column) * self.place.cell.width,
            u32::from(self.place.row) * self.place.cell.height,
        );
        for row in 0..picture.size.height {
            for column in 0..picture.size.width {
                let word = picture.view().pixel(column, row) & 0x00ff_ffff;
                expected.set_pixel(x + column, y + row, word);
            }
        }
        if plane == expected {
            return;
        }
        let dots = (0..plane.size.height).flat_map(|y| (0..plane.size.width).map(move |x| (x, y)));
        let wrong: Vec<(u32, u32)> = dots
            .filter(|(x, y)| plane.view().pixel(*x, *y) != expected.view().pixel(*x, *y))
            .collect();
        let (first_x, first_y) = wrong[0];
        panic!(
            "{what}: {} dots differ, the first at {first_x}, {first_y} (picture at {x}, {y}): {:06x} is not {:06x}",
            wrong.len(),
            plane.view().pixel(first_x, first_y),
            expected.view().pixel(first_x, first_y),
        );
    }
}

/// Numbers without a pattern, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 33) as u32 % limit.max(1)
    }

    fn rect(&mut self, within: Size) -> Rect {
        let x = [0; 2].map(|_| self.below(within.width + 1) as i32);
        let y = [0; 2].map(|_| self.below(within.height + 1) as i32);
        Rect::new(
            x[0].min(x[1]),
            y[0].min(y[1]),
            x[0].max(x[1]),
            y[0].max(y[1]),
        )
    }
}

/// Text-like or photograph-like dots within a rectangle.
fn scribble(picture: &mut PixelBuf, rect: Rect, colours: u32, next: &mut Numbers) {
    for y in rect.top as u32..rect.bottom as u32 {
        for x in rect.left as u32..rect.right as u32 {
            let word = next.below(colours).wrapping_mul(0x9e37_79b1) >> 3;
            picture.set_pixel(x, y, word);
        }
    }
}

fn scroll(picture: &mut PixelBuf, rect: Rect, up: i32) {
    let old = picture.clone();
    for y in rect.top..rect.bottom {
        if !(rect.top..rect.bottom).contains(&(y + up)) {
            continue;
        }
        for x in rect.left as u32..rect.right as u32 {
            picture.set_pixel(x, y as u32, old.view().pixel(x, (y + up) as u32));
        }
    }
}

fn blank(width: u32, height: u32) -> PixelBuf {
    PixelBuf::new(PixelFormat::Xrgb, Size::new(width, height))
}

fn fixture(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/terminal")
        .join(name);
    std::fs::read(path).unwrap()
}

/// A screen of the fixtures.
fn screen(name: &str) -> PixelBuf {
    let bytes = fixture(&format!("{name}.png"));
    let image = image::load_from_memory_with_format(&bytes, image::ImageFormat::Png)
        .unwrap()
        .into_rgb8();
    let size = Size::new(image.width(), image.height());
    let data = image.pixels().flat_map(|p| [p[2], p[1], p[0], 0x55]);
    PixelBuf::from_data(PixelFormat::Xrgb, size, data.collect()).unwrap()
}

fn photo() -> PixelBuf {
    let bytes = fixture("photo.jpg");
    let mut decoder = jpeg_decoder::Decoder::new(&bytes[..]);
    let rgb = decoder.decode().unwrap();
    let info = decoder.info().unwrap();
    let size = Size::new(info.width.into(), info.height.into());
    let data = rgb.chunks_exact(3).flat_map(|p| [p[2], p[1], p[0], 0]);
    PixelBuf::from_data(PixelFormat::Xrgb, size, data.collect()).unwrap()
}

#[test]
fn whatever_happens_the_terminal_ends_with_the_picture() {
    for seed in 1..25_u64 {
        for (kind, mut stage) in Stage::all(SMALL).into_iter().enumerate() {
            let mut next = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
            let mut picture = blank(60 + next.below(320), 40 + next.below(220));
            for step in 0..8 {
                let rect = next.rect(picture.size);
                let mut damage = vec![rect];
                match next.below(8) {
                    0 => {
                        picture = blank(40 + next.below(340), 40 + next.below(220));
                        scribble(&mut picture, Rect::new(0, 0, 40, 40), 9, &mut next);
                    }
                    1 => {
                        let up = next.below(64) as i32 - 32;
                        scroll(&mut picture, rect, up);
                    }
                    2 => {
                        let (whole, up) = (picture.size.to_rect(), 16 * (next.below(7) as i32 - 3));
                        scroll(&mut picture, whole, up);
                        damage = vec![whole];
                    }
                    3 => stage.place.column = next.below(5) as u16,
                    4 => {
                        stage.terminal.clear();
                        stage.painter.forget();
                    }
                    5 => {
                        let colours = [32, 64, 256][next.below(3) as usize];
                        let square = [1, 2, 4][next.below(3) as usize];
                        stage.quality = Quality { colours, square };
                        scribble(&mut picture, rect, 1 << 22, &mut next);
                    }
                    6 => scribble(&mut picture, rect, 1 << 22, &mut next),
                    _ => scribble(&mut picture, rect, 7, &mut next),
                }
                let painted = stage.paint(&picture, &damage);
                if !painted.coarse {
                    stage.assert_shows(&picture, &format!("kind {kind}, seed {seed}, step {step}"));
                }
            }
            stage.quality = Quality::BEST;
            stage.settle(&picture);
            stage.assert_shows(&picture, &format!("kind {kind}, seed {seed}, at rest"));
            stage.paint(&picture, &[picture.size.to_rect()]);
            assert_eq!(stage.bytes, 0, "kind {kind}, seed {seed}");
            let mut out = Vec::new();
            stage.painter.leave(&mut out);
            stage.terminal.read(&out);
            assert_eq!(stage.terminal.images(), 0, "kind {kind}, seed {seed}");
        }
    }
}

#[test]
fn a_glyph_typed_is_one_short_edit() {
    let mut stage = Stage::edits(LARGE);
    stage.settle(&screen("term0"));
    let typed = screen("type1");
    stage.paint(&typed, &[typed.size.to_rect()]);
    stage.assert_shows(&typed, "typed");
    assert!(stage.bytes <= 320, "{} bytes", stage.bytes);
}

#[test]
fn a_screen_scrolled_by_a_line_is_a_move_and_a_line() {
    let stages = [
        (Stage::edits(LARGE), 4 << 10),
        (Stage::tiles(LARGE), 30 << 10),
        (Stage::placeholders(LARGE), 60 << 10),
    ];
    for (mut stage, most) in stages {
        stage.settle(&screen("term0"));
        let scrolled = screen("term1");
        stage.paint(&scrolled, &[scrolled.size.to_rect()]);
        assert!(stage.bytes <= most, "{} bytes", stage.bytes);
        stage.settle(&scrolled);
        stage.assert_shows(&scrolled, "scrolled");
    }
}

#[test]
fn a_desktop_is_in_sight_after_120_kilobytes_and_exact_later() {
    let picture = screen("desktop");
    let mut stage = Stage::edits(LARGE);
    let bytes = stage.settle(&picture);
    stage.assert_shows(&picture, "desktop");
    assert!(bytes <= 120_000, "{bytes} bytes");
}

#[test]
fn a_poorer_quality_is_poorer_whether_in_dots_or_in_colours() {
    // Whole cells: placeholders send others as they are.
    let mut picture = blank(104, 64);
    let mut next = Numbers(21);
    scribble(&mut picture, Rect::new(0, 0, 104, 64), 1 << 20, &mut next);
    let qualities = [(2, 256), (1, 128), (2, 32), (4, 16)];
    for mut stage in Stage::all(SMALL) {
        for (square, colours) in qualities {
            stage.quality = Quality { square, colours };
            stage.painter.forget();
            assert!(stage.paint(&picture, &[]).coarse, "{:?}", stage.quality);
        }
        stage.quality = Quality::BEST;
        stage.settle(&picture);
    }
}

#[test]
fn a_photograph_is_in_sight_after_a_megabyte() {
    let picture = photo();
    let mut stage = Stage::edits(LARGE);
    let painted = stage.paint(&picture, &[]);
    assert!(
        painted.coarse && stage.bytes <= 1_000_000,
        "{} bytes",
        stage.bytes
    );
}

#[test]
fn an_edit_of_everything_keeps_the_old_picture_in_sight_until_it_is_complete() {
    let mut stage = Stage::edits(SMALL);
    let mut next = Numbers(77);
    let mut old = blank(300, 200);
    scribble(&mut old, Rect::new(0, 0, 300, 200), 9, &mut next);
    stage.settle(&old);
    let mut new = old.clone();
    scribble(&mut new, Rect::new(0, 0, 300, 200), 1 << 20, &mut next);
    let (_, bytes) = stage.encoded(&new, &[new.size.to_rect()]);
    let (most, rest) = bytes.split_at(bytes.len() - 100);
    stage.terminal.read(most);
    stage.assert_shows(&old, "before the end");
    stage.terminal.read(rest);
    stage.settle(&new);
    stage.assert_shows(&new, "after the end");
    assert_eq!(stage.terminal.blanks, 0);
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    let mut picture = blank(100, 50);
    scribble(&mut picture, Rect::new(0, 0, 60, 40), 5, &mut Numbers(5));
    for mut stage in Stage::all(SMALL) {
        let (_, bytes) = stage.encoded(&picture, &[]);
        bytes.chunks(1).for_each(|byte| stage.terminal.read(byte));
        // A mark might follow the last placeholder.
        stage.terminal.read(b"\x1b[1;1H");
        stage.settle(&picture);
        stage.assert_shows(&picture, "byte by byte");
    }
}

#[test]
fn pixels_travel_through_shared_memory_and_files_and_none_is_left() {
    for medium in [Medium::SharedMemory, Medium::TempFile] {
        if medium == Medium::SharedMemory && !std::path::Path::new("/dev/shm").is_dir() {
            continue;
        }
        let mut stage = Stage::new(Edits::new(1000, medium), SMALL);
        let mut next = Numbers(3);
        let mut picture = blank(300, 200);
        scribble(&mut picture, Rect::new(0, 0, 300, 200), 1 << 20, &mut next);
        let painted = stage.paint(&picture, &[]);
        assert!(
            !painted.coarse && stage.bytes < 200,
            "{} bytes",
            stage.bytes
        );
        stage.assert_shows(&picture, "from a file");
        scribble(
            &mut picture,
            Rect::new(10, 20, 200, 180),
            1 << 20,
            &mut next,
        );
        let (_, unread) = stage.encoded(&picture, &[picture.size.to_rect()]);
        assert!(unread.len() < 200);
        stage.painter.leave(&mut Vec::new());
        let own = format!(
            "capsaicin-tty-graphics-protocol-{}-3e8-",
            std::process::id()
        );
        for folder in [PathBuf::from("/dev/shm"), std::env::temp_dir()] {
            let mut left = std::fs::read_dir(folder).into_iter().flatten().flatten();
            assert!(!left.any(|file| file.file_name().to_string_lossy().starts_with(&own)));
        }
    }
}

#[test]
fn edits_that_wait_for_a_late_terminal_are_not_lost() {
    let mut stage = Stage::new(Edits::new(2000, Medium::TempFile), SMALL);
    let mut next = Numbers(8);
    let mut picture = blank(300, 200);
    stage.settle(&picture);
    let mut unread = Vec::new();
    for n in 0..600 {
        let spot = Rect::at(n % 230, n % 130, Size::new(64, 64));
        let word = next.below(1 << 24);
        for y in spot.top as u32..spot.bottom as u32 {
            (spot.left as u32..spot.right as u32).for_each(|x| picture.set_pixel(x, y, word));
        }
        unread.extend(stage.encoded(&picture, &[spot]).1);
    }
    stage.terminal.read(&unread);
    stage.assert_shows(&picture, "at last");
}

#[test]
fn a_pointer_is_sent_once_and_then_moved() {
    // An opaque and a half transparent column; colours are multiplied by alpha.
    let mut shape = PixelBuf::new(PixelFormat::Argb, Size::new(2, 3));
    for y in 0..3 {
        shape.set_pixel(0, y, 0xffff_0000);
        shape.set_pixel(1, y, 0x8000_8000);
    }
    for mut stage in [Stage::edits(SMALL), Stage::tiles(SMALL)] {
        assert!(stage.painter.has_pointer_layer());
        let picture = blank(100, 60);
        stage.pointer = Some((shape.clone(), 1, Point::new(20, 30)));
        stage.settle(&picture);
        // The last is outside: nothing of it is shown.
        let spots = [(20, 30), (21, 30), (-1, 58), (99, -1), (50, 20), (200, 20)];
        for (n, (x, y)) in spots.into_iter().enumerate() {
            stage.pointer = Some((shape.clone(), 1, Point::new(x, y)));
            stage.paint(&picture, &[]);
            assert!(
                stage.bytes <= 100 && (n == 0) == (stage.bytes == 0),
                "{} bytes",
                stage.bytes
            );
            let mut expected = picture.clone();
            for row in 0..3 {
                for (column, word) in [(0, 0x00ff_0000), (1, 0x0000_8000)] {
                    let at = Point::new(x + column, y + row);
                    if picture.size.to_rect().contains(at) {
                        expected.set_pixel(at.x as u32, at.y as u32, word);
                    }
                }
            }
            stage.assert_shows(&expected, "a pointer");
        }
        stage.pointer = None;
        stage.paint(&picture, &[]);
        stage.assert_shows(&picture, "no pointer");
    }
}

#[test]
fn text_on_the_picture_is_left_alone_and_the_picture_comes_back_after_it() {
    for mut stage in Stage::all(SMALL) {
        let mut picture = blank(300, 100);
        let whole = picture.size.to_rect();
        scribble(&mut picture, whole, 5, &mut Numbers(9));
        stage.settle(&picture);
        let texts = [
            Rect::new(3, 2, 15, 4),
            Rect::new(0, 0, 37, 7),
            Rect::new(-1, 1, 25, 2),
            Rect::new(30, 5, 99, 99),
        ];
        for text in texts {
            stage.covered = vec![text];
            stage.terminal.write_over(text.translate(1, 2));
            scribble(&mut picture, Rect::new(0, 0, 200, 100), 5, &mut Numbers(11));
            stage.settle(&picture);
            // Text is shown as background by this terminal.
            let mut with_text = picture.clone();
            let dots = Rect::new(
                text.left * 8,
                text.top * 16,
                text.right * 8,
                text.bottom * 16,
            );
            let dots = dots.intersect(whole);
            for y in dots.top..dots.bottom {
                for x in dots.left..dots.right {
                    with_text.set_pixel(x as u32, y as u32, 0x0003_0201);
                }
            }
            stage.assert_shows(&with_text, "with text on it");
        }
        // Rows that move under text, and text that is there from the start.
        let above = picture.clone();
        for y in 16..100 {
            for x in 0..300 {
                picture.set_pixel(x, y - 16, above.view().pixel(x, y));
            }
        }
        stage.settle(&picture);
        stage.painter.forget();
        stage.terminal.clear();
        stage.settle(&picture);
        stage.covered.clear();
        stage.settle(&picture);
        stage.assert_shows(&picture, "free again");
    }
}

#[test]
fn a_pointer_is_not_in_the_way_of_text() {
    for mut stage in [Stage::edits(SMALL), Stage::tiles(SMALL)] {
        let shape = PixelBuf::from_data(PixelFormat::Argb, Size::new(1, 1), vec![0, 0, 0xff, 0xff]);
        let picture = blank(100, 60);
        stage.pointer = shape.map(|shape| (shape, 1, Point::new(20, 30)));
        stage.settle(&picture);
        stage.covered = vec![Rect::new(2, 1, 4, 3)];
        stage.settle(&picture);
        let dot = |stage: &Stage| stage.terminal.dot(Point::new(8 + 20, 32 + 30));
        assert_eq!(dot(&stage), None);
        stage.covered.clear();
        stage.settle(&picture);
        assert_eq!(dot(&stage), Some([0xff, 0, 0]));
    }
}
