//! ratatui's door to the terminal: cells become bytes, a frame becomes one write.

use std::io::{self, Write};

use ratatui::backend::{Backend, ClearType, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};
use ratatui::style::{Color, Modifier};

use crate::term::{Attributes, Ink, Pen};

/// Begins and ends an update that the terminal shows at once (DEC private mode 2026); unknown to some, harmless to all.
const BEGIN: &[u8] = b"\x1b[?2026h";
const END: &[u8] = b"\x1b[?2026l";
/// Frames of fewer bytes arrive in one piece anyway.
const WORTH_IT: usize = 512;

/// Writes what ratatui wants drawn, with as few bytes as the pen allows.
pub struct TermBackend<W: Write> {
    terminal: W,
    /// What is to be written: [`BEGIN`], then the frame. INVARIANT: starts with [`BEGIN`].
    out: Vec<u8>,
    pen: Pen,
    cursor_hidden: bool,
    written: usize,
    /// Columns and rows; `None` to ask the system.
    fixed: Option<Size>,
}

impl<W: Write> TermBackend<W> {
    /// For the terminal this program runs in, which `terminal` leads to.
    pub fn new(terminal: W) -> Self {
        Self {
            terminal,
            out: BEGIN.to_vec(),
            pen: Pen::new(),
            cursor_hidden: false,
            written: 0,
            fixed: None,
        }
    }

    /// For a terminal of a size that does not change.
    pub fn with_size(terminal: W, columns: u16, rows: u16) -> Self {
        Self {
            fixed: Some(Size::new(columns, rows)),
            ..Self::new(terminal)
        }
    }

    /// Bytes written since the last call.
    pub fn take_written(&mut self) -> usize {
        std::mem::take(&mut self.written)
    }

    fn queue(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }
}

impl<W: Write> Backend for TermBackend<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        for (column, row, cell) in content {
            self.pen.go(column, row, &mut self.out);
            let text = cell.symbol();
            let width = if text.is_ascii() {
                1
            } else {
                cluster_width(text)
            };
            let inks = (ink(cell.fg), ink(cell.bg));
            let attributes = attributes(cell.modifier);
            self.pen.write(text, width, inks, attributes, &mut self.out);
        }
        self.pen.finish(&mut self.out);
        // Others move the cursor as they like.
        self.pen = Pen::new();
        Ok(())
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if !std::mem::replace(&mut self.cursor_hidden, true) {
            self.queue(b"\x1b[?25l");
        }
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.cursor_hidden, false) {
            self.queue(b"\x1b[?25h");
        }
        Ok(())
    }

    /// Not asked of the terminal: nothing here depends on it.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(Position::ORIGIN)
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let Position { x, y } = position.into();
        self.pen.go(x, y, &mut self.out);
        self.pen = Pen::new();
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, clear_type: ClearType) -> io::Result<()> {
        self.queue(match clear_type {
            ClearType::All => b"\x1b[2J",
            ClearType::AfterCursor => b"\x1b[J",
            ClearType::BeforeCursor => b"\x1b[1J",
            ClearType::CurrentLine => b"\x1b[2K",
            ClearType::UntilNewLine => b"\x1b[K",
        });
        Ok(())
    }

    fn size(&self) -> io::Result<Size> {
        match self.fixed {
            Some(size) => Ok(size),
            None => crossterm::terminal::size().map(|(width, height)| Size { width, height }),
        }
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize {
            columns_rows: self.size()?,
            pixels: Size::default(),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        let frame = self.out.len() - BEGIN.len();
        if frame == 0 {
            return Ok(());
        }
        if frame < WORTH_IT {
            self.terminal.write_all(&self.out[BEGIN.len()..])?;
            self.written += frame;
        } else {
            self.out.extend_from_slice(END);
            self.terminal.write_all(&self.out)?;
            self.written += self.out.len();
        }
        self.out.truncate(BEGIN.len());
        self.terminal.flush()
    }
}

fn cluster_width(text: &str) -> u16 {
    ratatui::text::Span::raw(text).width() as u16
}

fn ink(colour: Color) -> Ink {
    match colour {
        Color::Rgb(r, g, b) => Ink::Rgb(r, g, b),
        Color::Indexed(n) => Ink::Indexed(n),
        // No other is drawn with.
        _ => Ink::Default,
    }
}

fn attributes(modifier: Modifier) -> Attributes {
    [
        (Modifier::BOLD, Attributes::BOLD),
        (Modifier::DIM, Attributes::DIM),
        (Modifier::UNDERLINED, Attributes::UNDERLINED),
        (Modifier::REVERSED, Attributes::REVERSED),
    ]
    .into_iter()
    .filter(|(bit, _)| modifier.contains(*bit))
    .fold(Attributes::default(), |all, (_, one)| all | one)
}
