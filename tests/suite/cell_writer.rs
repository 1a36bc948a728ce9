//! Frames of cells become bytes, and a terminal that gets them shows the frames.

use capsaicin::geometry::{Rect, Size};
use capsaicin::pixels::{PixelBuf, PixelFormat};
use capsaicin::term::{Fit, Grid, Pane, Scaler, Style, cells};
use capsaicin::tui::cell_writer::{Backdrop, CellWriter, skip};
use capsaicin::tui::panes::viewer;
use ratatui::buffer::{Buffer, Cell, CellDiffOption};
use ratatui::layout::Rect as Area;
use ratatui::style::{Color, Modifier, Style as CellStyle};
use ratatui::widgets::{Clear, Widget};

use crate::support::pictures::Random;
use crate::support::terminals::text::TextTerminal;

const COLUMNS: u16 = 40;
const ROWS: u16 = 12;

/// A writer and the terminal it writes to.
struct Terminal {
    writer: CellWriter,
    screen: vt100::Parser,
    /// Cells that were somebody else's in the last frame.
    skipped: Vec<bool>,
}

impl Terminal {
    fn new() -> Self {
        Self::of(COLUMNS, ROWS)
    }

    fn of(columns: u16, rows: u16) -> Self {
        let mut screen = vt100::Parser::new(rows, columns, 0);
        // What the last program left there.
        screen.process("so much text 桌面 ".repeat(99).as_bytes());
        Self {
            writer: CellWriter::new(),
            screen,
            skipped: Vec::new(),
        }
    }

    /// Shows a frame; the bytes that took. The terminal is compared with it.
    fn show(&mut self, frame: &Buffer) -> Vec<u8> {
        let bytes = self.writer.frame(frame).to_vec();
        self.screen.process(&bytes);
        self.assert_shows(frame);
        bytes
    }

    fn assert_shows(&mut self, frame: &Buffer) {
        let screen = self.screen.screen();
        let is_free = |cell: &Cell| cell.diff_option != CellDiffOption::Skip;
        self.skipped = frame.content.iter().map(|cell| !is_free(cell)).collect();
        let columns = usize::from(frame.area.width);
        for (row, cells) in (0..).zip(frame.content.chunks_exact(columns)) {
            let mut column = 0;
            while column < columns {
                let cell = &cells[column];
                let wide = width(cell.symbol());
                let room = cells.get(column..column + wide).filter(|_| wide > 0);
                let fits = room.is_some_and(|cells| cells.iter().all(is_free));
                let text = if fits { cell.symbol() } else { " " };
                if is_free(cell) {
                    let shown = screen.cell(row, column as u16).unwrap();
                    assert_eq!(look(shown), expected(cell, text), "at {column}, {row}");
                }
                column += if fits { wide } else { 1 };
            }
        }
        assert_eq!(screen.fgcolor(), vt100::Color::Default);
        assert_eq!(screen.bgcolor(), vt100::Color::Default);
        assert!(!screen.bold() && !screen.inverse());
    }
}

/// Everything that shows: the character as the dots it fills, so that a block may be turned.
fn look(cell: &vt100::Cell) -> (String, vt100::Color, vt100::Color, bool, bool) {
    let text = match cell.contents() {
        "" => " ",
        text => text,
    };
    let (fore, back) = (cell.fgcolor(), cell.bgcolor());
    let upright = |text: &str, fore, back| match text {
        "█" => (" ".to_owned(), fore, fore),
        " " if !cell.inverse() => (" ".to_owned(), back, back),
        text => (text.to_owned(), fore, back),
    };
    let (text, fore, back) = match text {
        // The one of a pair that fills the upper left dot.
        "▄" => upright("▀", back, fore),
        "▟" => upright("▘", back, fore),
        text => upright(text, fore, back),
    };
    (text, fore, back, cell.bold(), cell.inverse())
}

fn expected(cell: &Cell, text: &str) -> (String, vt100::Color, vt100::Color, bool, bool) {
    let colour = |colour: Color| match colour {
        Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
        Color::Indexed(n) => vt100::Color::Idx(n),
        _ => vt100::Color::Default,
    };
    let inverse = cell.modifier.contains(Modifier::REVERSED);
    let (fore, back) = (colour(cell.fg), colour(cell.bg));
    let (text, fore, back) = match text {
        " " if !inverse => (" ", back, back),
        "▄" => ("▀", back, fore),
        "▟" => ("▘", back, fore),
        "█" => (" ", fore, fore),
        text => (text, fore, back),
    };
    let bold = cell.modifier.contains(Modifier::BOLD);
    (text.to_owned(), fore, back, bold, inverse)
}

/// Columns, for the texts of these tests; 0 for what must not be written.
fn width(text: &str) -> usize {
    match text {
        "桌" | "面" | "🦀" => 2,
        text if text.chars().any(char::is_control) || text == "\u{301}" => 0,
        _ => 1,
    }
}

fn blank() -> Buffer {
    Buffer::empty(Area::new(0, 0, COLUMNS, ROWS))
}

fn with(frame: &Buffer, column: u16, row: u16, text: &str) -> Buffer {
    let mut frame = frame.clone();
    frame.set_string(column, row, text, CellStyle::new());
    frame
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_frame_that_is_shown_takes_no_bytes() {
    let mut terminal = Terminal::new();
    let frame = with(&blank(), 3, 4, "hello 桌面");
    assert!(!terminal.show(&frame).is_empty());
    assert_eq!(text(&terminal.show(&frame)), "");
}

#[test]
fn a_changed_character_is_a_move_and_itself() {
    let mut terminal = Terminal::new();
    terminal.show(&with(&blank(), 3, 4, "hello"));
    let bytes = terminal.show(&with(&blank(), 3, 4, "hallo"));
    assert_eq!(text(&bytes), "\x1b[5;5Ha");
}

#[test]
fn a_short_gap_is_written_over_and_a_long_one_jumped() {
    let mut terminal = Terminal::new();
    terminal.show(&with(&blank(), 0, 1, "abcdefghij"));
    let bytes = terminal.show(&with(&blank(), 0, 1, "AbcDefghiJ"));
    // "bc" is shorter than `CSI 2 C`.
    assert_eq!(text(&bytes), "\x1b[2HAbcD\x1b[5CJ");
}

#[test]
fn the_end_of_a_row_is_erased() {
    let mut terminal = Terminal::new();
    terminal.show(&with(&blank(), 3, 4, "hello"));
    assert_eq!(text(&terminal.show(&blank())), "\x1b[5;4H\x1b[K");
}

#[test]
fn large_frames_are_shown_at_once() {
    let mut terminal = Terminal::new();
    let all: String = "0123456é".repeat(5);
    let full = (0..ROWS).fold(blank(), |frame, row| with(&frame, 0, row, &all));
    let bytes = text(&terminal.show(&full));
    assert!(bytes.starts_with("\x1b[?2026h") && bytes.ends_with("\x1b[?2026l"));
}

#[test]
fn a_terminal_that_was_forgotten_or_resized_is_written_whole() {
    let mut terminal = Terminal::new();
    let frame = with(&blank(), 3, 4, "hello");
    let first = terminal.show(&frame);
    terminal.screen.process(b"\x1b[2;2Hgarbage 13");
    terminal.writer.forget();
    assert_eq!(terminal.show(&frame), first);

    terminal.screen.screen_mut().set_size(5, 20);
    terminal.screen.process(b"\x1b[2;2Hgarbage 13");
    let smaller = Buffer::with_lines(["a", "b", "c", "d", "hello"].map(|l| format!("{l:20}")));
    terminal.show(&smaller);
}

#[test]
fn nothing_is_drawn_on_a_terminal_without_cells() {
    let mut writer = CellWriter::new();
    assert_eq!(writer.frame(&Buffer::empty(Area::new(0, 0, 0, 0))), b"");
    assert_eq!(writer.frame(&Buffer::empty(Area::new(0, 0, 0, 5))), b"");
}

#[test]
fn writing_over_half_of_a_wide_character_writes_what_becomes_of_the_other() {
    let mut terminal = Terminal::new();
    terminal.show(&with(&blank(), 4, 2, "a桌面b"));
    // The right half of the first and the left half of the second become letters.
    let mut frame = with(&blank(), 4, 2, "a 桌 b");
    frame.set_string(5, 2, " xy ", CellStyle::new());
    terminal.show(&frame);
    terminal.show(&with(&blank(), 4, 2, "a面桌b"));
    terminal.show(&with(&blank(), 3, 2, "a面桌b"));
    terminal.show(&with(&blank(), 5, 2, "面"));
}

#[test]
fn a_wide_character_without_room_is_a_blank() {
    let mut frame = blank();
    frame[(COLUMNS - 1, 3)].set_symbol("桌");
    frame[(7, 5)].set_symbol("桌");
    frame[(8, 5)].set_diff_option(CellDiffOption::Skip);
    let bytes = Terminal::new().show(&frame);
    assert!(!text(&bytes).contains('桌'));
}

#[test]
fn after_a_cluster_the_cursor_is_placed_anew() {
    let mut terminal = Terminal::new();
    terminal.show(&blank());
    let bytes = terminal.show(&with(&blank(), 0, 0, "🦀ok"));
    assert_eq!(text(&bytes), "\x1b[H🦀\x1b[;3Hok");
}

#[test]
fn control_characters_never_reach_the_terminal() {
    let mut frame = blank();
    let hostile = [
        "\x1b", "\x07", "\n", "\u{9b}", "\x7f", "a\x1b[2J", "\u{301}", "", "\u{85}",
    ];
    for (column, symbol) in (0..).step_by(3).zip(hostile) {
        frame[(column, 6)].set_symbol(symbol);
        frame[(column + 1, 6)].set_symbol("x");
    }
    let pile: String = std::iter::once('e')
        .chain(std::iter::repeat_n('\u{301}', 500))
        .collect();
    frame[(33, 6)].set_symbol(&pile);
    let mut writer = CellWriter::new();

    let bytes = text(writer.frame(&frame));

    assert!(!bytes.contains("\x1b[2J") && bytes.len() < 300, "{bytes:?}");
    let mut rest = bytes.as_str();
    while let Some(at) = rest.find(char::is_control) {
        let sequence = &rest[at..];
        let end = sequence.find(|c: char| c.is_ascii_alphabetic());
        let end = if sequence.starts_with("\r\n") {
            2
        } else {
            assert!(sequence.starts_with("\x1b["), "{sequence:?}");
            end.unwrap() + 1
        };
        rest = &sequence[end..];
    }
    assert_eq!(writer.frame(&frame), b"", "blanks are remembered as such");
}

#[test]
fn skipped_cells_are_left_alone_and_written_once_they_are_not_skipped() {
    let mut terminal = Terminal::new();
    let plain = with(&blank(), 0, 3, "abcdefgh");
    let mut skipping = plain.clone();
    skip(&mut skipping, Area::new(2, 2, 3, 3));
    terminal.show(&skipping);
    terminal.screen.process(b"\x1b[4;3H###");
    assert_eq!(terminal.show(&skipping), b"");
    assert_eq!(
        terminal.screen.screen().contents_between(3, 0, 3, 8),
        "ab###fgh"
    );

    terminal.show(&plain);
    // And again: the text is taken away first, for it would be in front of a picture.
    assert_eq!(text(&terminal.show(&skipping)), "\x1b[4;3H   ");
    terminal.screen.process(b"\x1b[4;3H###");
    terminal.show(&plain);
}

#[test]
fn what_others_left_on_cells_they_only_cover_in_part_is_made_blank() {
    let mut terminal = Terminal::new();
    let mut skipping = blank();
    skip(&mut skipping, Area::new(2, 2, 3, 3));
    terminal.show(&skipping);
    terminal.screen.process(b"\x1b[4;3H###\x1b[5;3H###");
    terminal.writer.wipe(Rect::new(2, 4, 90, 5));
    assert_eq!(text(&terminal.show(&skipping)), "\x1b[5;3H   ");
    assert_eq!(terminal.show(&skipping), b"");
}

#[test]
fn the_end_of_a_row_is_not_erased_over_cells_of_others() {
    let mut terminal = Terminal::new();
    let mut frame = with(&blank(), 0, 3, "a long line of text that fills the row..");
    skip(&mut frame, Area::new(30, 0, 5, ROWS));
    terminal.show(&frame);
    terminal.screen.process(b"\x1b[4;31H#####");
    let mut emptied = blank();
    skip(&mut emptied, Area::new(30, 0, 5, ROWS));
    terminal.show(&emptied);
    assert_eq!(
        terminal.screen.screen().contents_between(3, 30, 3, 35),
        "#####"
    );
}

/// Lines of text that are all different, from this one on.
fn lines(first: usize) -> Buffer {
    let line = |row: usize| {
        let number = Random((first + row) as u64).next();
        format!(
            "{:<40}",
            format!("{number:016x} {}", number.wrapping_mul(3))
        )
    };
    Buffer::with_lines((0..usize::from(ROWS)).map(line))
}

#[test]
fn rows_that_moved_are_moved_by_the_terminal() {
    for up in [1, 3, -1, -4_i32] {
        let mut terminal = Terminal::new();
        terminal.show(&lines(100));
        let bytes = text(&terminal.show(&lines((100 + up) as usize)));
        let letter = if up > 0 { 'M' } else { 'L' };
        assert!(
            bytes.starts_with(&format!("\x1b[H\x1b[{}{letter}", up.abs())),
            "{bytes:?}"
        );
        assert!(
            bytes.len() < 20 + 50 * up.unsigned_abs() as usize,
            "{bytes:?}"
        );
    }
}

#[test]
fn rows_above_and_below_what_moved_stay() {
    let mut terminal = Terminal::new();
    let framed = |first| {
        let frame = with(&lines(first), 0, 0, &format!("{:<40}", "a title"));
        with(&frame, 0, ROWS - 1, &format!("{:<40}", "a status line"))
    };
    terminal.show(&framed(100));
    let bytes = text(&terminal.show(&framed(101)));
    assert!(
        bytes.starts_with("\x1b[2;11r\x1b[2H\x1b[1M\x1b[r"),
        "{bytes:?}"
    );
    assert!(bytes.len() < 80, "{bytes:?}");
}

#[test]
fn what_stands_still_beside_moving_rows_is_written_again_only_if_that_pays() {
    let mut terminal = Terminal::new();
    let beside = |first| {
        (0..ROWS).fold(lines(first), |frame, row| {
            with(&frame, 30, row, &format!("| pane {row:<3}"))
        })
    };
    terminal.show(&beside(100));
    terminal.show(&beside(101));
    terminal.show(&beside(100));
}

#[test]
fn rows_with_cells_of_others_do_not_move() {
    let mut terminal = Terminal::new();
    let with_picture = |first| {
        let mut frame = lines(first);
        skip(&mut frame, Area::new(10, 3, 4, 2));
        frame
    };
    terminal.show(&with_picture(100));
    terminal.screen.process(b"\x1b[4;11H####\x1b[5;11H####");
    let bytes = text(&terminal.show(&with_picture(101)));
    // Only below it.
    assert!(bytes.contains("\x1b[6;12r"), "{bytes:?}");
    assert_eq!(
        terminal.screen.screen().contents_between(4, 10, 4, 14),
        "####"
    );
}

#[test]
fn whatever_happens_the_terminal_shows_the_frame() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let mut next = |below: u32| random.below(below as usize) as u32;
        let mut terminal = Terminal::new();
        let mut frame = blank();
        for _ in 0..40 {
            change(&mut frame, &mut next);
            if next(12) == 0 {
                terminal.writer.forget();
            }
            if next(12) == 0 {
                let size = (5 + next(50) as u16, 3 + next(12) as u16);
                // The model does not expect wide characters at a new edge.
                terminal.screen.process(b"\x1b[2J");
                terminal.writer.forget();
                terminal.screen.screen_mut().set_size(size.1, size.0);
                frame.resize(Area::new(0, 0, size.0, size.1));
            }
            terminal.show(&frame);
            assert_eq!(terminal.writer.frame(&frame), b"", "seed {seed}");
            // Others draw on what is theirs.
            for at in 0..frame.content.len() {
                if terminal.skipped[at] && next(3) == 0 {
                    let (column, row) = frame.pos_of(at);
                    let place = format!(
                        "\x1b[{};{}H\x1b[4;38;5;{}m#\x1b[m",
                        row + 1,
                        column + 1,
                        next(256)
                    );
                    terminal.screen.process(place.as_bytes());
                }
            }
        }
    }
}

#[test]
fn with_little_room_frames_are_short_and_the_terminal_shows_the_last_one_after_a_few_more() {
    for seed in 0..60 {
        let mut random = Random(seed);
        let mut next = |below: u32| random.below(below as usize) as u32;
        let mut terminal = Terminal::new();
        let mut frame = blank();
        for _ in 0..20 {
            change(&mut frame, &mut next);
            let place = Rect::at(next(40) as i32, next(12) as i32, Size::new(3, 2));
            terminal.writer.limit(200, vec![place]);
            let bytes = terminal.writer.frame(&frame).to_vec();
            // A scroll, a cluster and the end of the frame are never cut.
            assert!(bytes.len() < 320, "seed {seed}: {}", text(&bytes));
            terminal.screen.process(&bytes);
        }
        for _ in 0..200 {
            let bytes = terminal.writer.frame(&frame).to_vec();
            terminal.screen.process(&bytes);
            if !terminal.writer.is_behind() {
                break;
            }
        }
        assert!(!terminal.writer.is_behind(), "seed {seed}");
        terminal.assert_shows(&frame);
    }
}

/// A frame of cells that are all of another colour than in any other.
fn noise(frame: u32) -> Buffer {
    let mut buffer = blank();
    for (cell, n) in buffer.content.iter_mut().zip(0..) {
        let n = (n + frame * 4096_u32).wrapping_mul(0x9e37_79b1);
        cell.bg = Color::Rgb((n >> 8) as u8, (n >> 16) as u8, (n >> 24) as u8);
    }
    buffer
}

#[test]
fn what_is_urgent_goes_first_and_by_itself_where_there_is_little_room() {
    let mut terminal = Terminal::new();
    terminal.show(&noise(0));
    let urgent = Rect::new(30, 11, 32, 12);
    terminal.writer.limit(700, vec![urgent]);
    let bytes = terminal.writer.frame(&noise(1)).to_vec();
    terminal.screen.process(&bytes);
    // Two cells with a colour each, and the way there.
    assert!(bytes.len() < 60, "{}", text(&bytes));
    assert!(terminal.writer.is_behind());
    let Color::Rgb(r, g, b) = noise(1)[(31, 11)].bg else {
        unreachable!("noise has colours");
    };
    let shown = terminal.screen.screen().cell(11, 31).unwrap().bgcolor();
    assert_eq!(shown, vt100::Color::Rgb(r, g, b));
}

#[test]
fn every_cell_has_its_turn_whatever_keeps_changing() {
    let mut terminal = Terminal::new();
    terminal.show(&noise(0));
    terminal.writer.limit(700, Vec::new());
    let mut written = vec![0; usize::from(COLUMNS) * usize::from(ROWS)];
    for frame in 1..200 {
        let cells = noise(frame);
        let bytes = terminal.writer.frame(&cells).to_vec();
        terminal.screen.process(&bytes);
        for (at, cell) in cells.content.iter().enumerate() {
            let (column, row) = cells.pos_of(at);
            let shown = terminal.screen.screen().cell(row, column).unwrap();
            written[at] += i32::from(look(shown) == expected(cell, " "));
        }
    }
    let (least, most) = (written.iter().min().unwrap(), written.iter().max().unwrap());
    assert!(*least > 5 && most - least <= 1, "{least} to {most}");
}

fn change(frame: &mut Buffer, next: &mut impl FnMut(u32) -> u32) {
    const TEXTS: [&str; 14] = [
        "a", "b", " ", "▀", "▄", "█", "▟", "桌", "面", "é", "🦀", "\x1b", "\u{301}", "·",
    ];
    const COLOURS: [Color; 5] = [
        Color::Reset,
        Color::Rgb(1, 2, 3),
        Color::Rgb(200, 0, 9),
        Color::Indexed(3),
        Color::Indexed(200),
    ];
    let area = frame.area;
    let (columns, rows) = (usize::from(area.width), u32::from(area.height));
    let from = next(u32::from(area.width)) as u16;
    let (top, wide) = (next(rows) as u16, 1 + next(12) as u16);
    let place = Area::new(from, top, wide, 1 + next(4) as u16).intersection(area);
    match next(8) {
        0 => {
            let rows = next(rows) as usize * columns;
            frame.content.rotate_left(rows);
        }
        1 if top > 0 => frame.content[..usize::from(top) * columns].rotate_right(columns),
        2 => skip(frame, place),
        3 => place.positions().for_each(|at| {
            frame[at].set_diff_option(CellDiffOption::None);
        }),
        4 => place.positions().for_each(|at| frame[at].reset()),
        _ => {
            for at in place.positions() {
                let cell = &mut frame[at];
                cell.set_symbol(TEXTS[next(14) as usize]);
                cell.fg = COLOURS[next(5) as usize];
                cell.bg = COLOURS[next(5) as usize];
                cell.modifier = [Modifier::empty(), Modifier::BOLD, Modifier::REVERSED]
                    [(next(9) as usize).saturating_sub(6)];
            }
        }
    }
}

/// A picture from the fixtures.
fn fixture(name: &str) -> PixelBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/terminal");
    let image = image::open(format!("{folder}/{name}")).unwrap().into_rgb8();
    let size = Size::new(image.width(), image.height());
    let data = image.pixels().flat_map(|p| [p[2], p[1], p[0], 0]);
    PixelBuf::from_data(PixelFormat::Xrgb, size, data.collect()).unwrap()
}

/// Pictures as cells of one style.
struct Shown {
    scaler: Scaler,
    style: Style,
    grid: Grid,
}

impl Shown {
    fn new(style: Style) -> Self {
        Self {
            scaler: Scaler::default(),
            style,
            grid: Grid::new(160, 50),
        }
    }

    /// Its cells.
    fn of(&mut self, picture: &PixelBuf) -> Backdrop<'_> {
        let size = picture.size;
        let pane = Pane {
            raster: self.style.raster(),
            ..Pane::halves(160, 50, 0.5)
        };
        let fit = Fit::whole(size, &pane).unwrap();
        let dots = self.scaler.update(picture.view(), &fit, size.to_rect());
        cells::paint(
            self.scaler.dots().unwrap(),
            dots,
            self.style,
            &mut self.grid,
        );
        Backdrop {
            grid: &self.grid,
            at: (0, 0),
        }
    }
}

/// A frame that leaves everything to the picture.
fn see_through() -> Buffer {
    let area = Area::new(0, 0, 160, 50);
    let mut frame = Buffer::empty(area);
    skip(&mut frame, area);
    frame
}

fn every_style() -> Vec<Style> {
    use capsaicin::term::{Colours, Glyphs};
    let glyphs = [
        Glyphs::Octants,
        Glyphs::Sextants,
        Glyphs::Quadrants,
        Glyphs::Halves,
        Glyphs::Ascii,
    ];
    let colours = [
        Colours::True,
        Colours::Palette256,
        Colours::Palette16,
        Colours::None,
    ];
    let styles = glyphs
        .into_iter()
        .flat_map(|glyphs| colours.map(|colours| Style { glyphs, colours }));
    styles.collect()
}

#[test]
fn a_typed_glyph_takes_few_bytes_and_a_scrolled_line_less_than_three_thousand() {
    let [before, typed, scrolled] = ["term0.png", "type1.png", "term1.png"].map(fixture);
    for style in every_style() {
        let mut cells = Shown::new(style);
        let mut writer = CellWriter::new();
        let name = style.name();
        let frame = see_through();
        let mut show = |picture| text(writer.frame_over(Some(cells.of(picture)), &frame));
        show(&before);
        let bytes = show(&typed);
        // The glyph lies on three cells, of two colours each.
        assert!(!bytes.is_empty() && bytes.len() <= 130, "{name}: {bytes:?}");
        show(&before);
        let bytes = show(&scrolled).len();
        assert!(bytes <= 3000, "{name}: {bytes} bytes for a line");
        assert_eq!(show(&scrolled), "");
    }
}

#[test]
fn a_picture_below_text_takes_the_bytes_that_its_cells_would_take_as_text() {
    let pictures = ["desktop.png", "term0.png", "type1.png", "term1.png"].map(fixture);
    for (style, seed) in every_style().into_iter().zip(0..) {
        let mut random = Random(seed);
        let mut next = |below: u32| random.below(below as usize) as u32;
        let mut cells = Shown::new(style);
        let (mut below, mut flat) = (CellWriter::new(), CellWriter::new());
        for _ in 0..12 {
            let mut frame = see_through();
            for _ in 0..next(3) {
                let size = (1 + next(60) as u16, 1 + next(12) as u16);
                let menu = Area::new(next(100) as u16, next(38) as u16, size.0, size.1);
                Clear.render(menu, &mut frame);
                let words = "桌面 menu e\u{301}".chars().take(size.0.into());
                frame.set_string(menu.x, menu.y, words.collect::<String>(), CellStyle::new());
            }
            let picture = Backdrop {
                at: (next(3) as u16, next(3) as u16),
                ..cells.of(&pictures[next(4) as usize])
            };
            let mut flattened = frame.clone();
            viewer::fill(picture, &mut flattened);
            if next(3) == 0 {
                let place = Rect::at(next(160) as i32, next(50) as i32, Size::new(3, 2));
                below.limit(3000, vec![place]);
                flat.limit(3000, vec![place]);
            }
            let bytes = text(below.frame_over(Some(picture), &frame));
            assert_eq!(bytes, text(flat.frame(&flattened)), "{}", style.name());
        }
    }
}

#[test]
fn a_terminal_of_these_tests_shows_the_same_however_its_bytes_are_cut() {
    // As tmux writes a character and the marks that come to it one by one.
    let text = "\u{10eeee}\x08\u{10eeee}\u{305}\x08\u{10eeee}\u{305}\u{30d}\x1b[3;3H\u{2580}é\x08e";
    let mut whole = TextTerminal::new(5, 10);
    whole.process(text.as_bytes());
    assert_eq!(whole.screen().cell(0, 1).unwrap().contents(), "");
    for first in 0..text.len() {
        for second in first..text.len() {
            let mut cut = TextTerminal::new(5, 10);
            let (start, rest) = text.as_bytes().split_at(first);
            let (middle, end) = rest.split_at(second - first);
            for piece in [start, middle, end] {
                cut.process(piece);
            }
            assert_eq!(cut.screen().contents(), whole.screen().contents());
        }
    }
}

#[test]
fn a_terminal_without_rows_or_columns_is_told_nothing() {
    let mut writer = CellWriter::new();
    for (columns, rows) in [(80, 24), (80, 0), (0, 24), (0, 0)] {
        let frame = Buffer::empty(Area::new(0, 0, columns, rows));
        writer.limit(1000, vec![Rect::new(0, 0, 5, 5)]);
        let bytes = writer.frame(&frame);
        assert!(rows * columns > 0 || bytes.is_empty(), "{columns}x{rows}");
    }
}
