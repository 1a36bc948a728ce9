//! A terminal of a port as cells of ours.

use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier};

use super::terminal::Terminal;
use crate::inspect::is_acted_on;
use crate::term::{Colours, Glyphs, Ink, Style};

/// Draws what the terminal shows, and its cursor as a cell that stands out.
pub fn draw(terminal: &Terminal, style: Style, area: Rect, buf: &mut Buffer) {
    for (line, row) in terminal.lines().zip(area.top()..area.bottom()) {
        for (cell, column) in line.cells().iter().zip(area.left()..area.right()) {
            if let Some(target) = buf.cell_mut((column, row)) {
                put(cell, style, target);
            }
        }
    }
    let Some((column, row)) = terminal.cursor() else {
        return;
    };
    // Inside the area, whose sides are 16 bits.
    let at = (area.x + column as u16, area.y + row as u16);
    if area.contains(at.into())
        && let Some(target) = buf.cell_mut(at)
    {
        target.modifier.toggle(Modifier::REVERSED);
    }
}

fn put(cell: &avt::Cell, style: Style, target: &mut Cell) {
    // The second half of a wide character belongs to the first.
    if cell.width() > 0 {
        target.set_char(drawn(cell.char(), style.glyphs));
    }
    let pen = cell.pen();
    target.fg = colour(pen.foreground(), style.colours);
    target.bg = colour(pen.background(), style.colours);
    let attributes = [
        (pen.is_bold(), Modifier::BOLD),
        (pen.is_faint(), Modifier::DIM),
        (pen.is_italic(), Modifier::ITALIC),
        (pen.is_underline(), Modifier::UNDERLINED),
        (pen.is_strikethrough(), Modifier::CROSSED_OUT),
        (pen.is_inverse(), Modifier::REVERSED),
    ];
    let set = attributes.into_iter().filter(|(is_set, _)| *is_set);
    target.modifier = set.map(|(_, modifier)| modifier).collect();
}

/// The character a terminal of these can show for another.
fn drawn(c: char, glyphs: Glyphs) -> char {
    match c {
        _ if is_acted_on(c) => ' ',
        _ if glyphs != Glyphs::Ascii || c.is_ascii() => c,
        '─' | '━' | '═' => '-',
        '│' | '┃' | '║' => '|',
        '\u{2500}'..='\u{257f}' => '+',
        '\u{2580}'..='\u{259f}' => '#',
        '\u{a0}' => ' ',
        _ => '?',
    }
}

fn colour(colour: Option<avt::Color>, colours: Colours) -> Color {
    let ink = match colour {
        None => Ink::Default,
        Some(avt::Color::Indexed(n)) => Ink::Indexed(n),
        Some(avt::Color::RGB(rgb)) => Ink::Rgb(rgb.r, rgb.g, rgb.b),
    };
    match ink.reduced_to(colours) {
        Ink::Default => Color::Reset,
        Ink::Indexed(n) => Color::Indexed(n),
        Ink::Rgb(r, g, b) => Color::Rgb(r, g, b),
    }
}
