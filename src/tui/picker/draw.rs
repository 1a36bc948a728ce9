//! The list on the screen, from 20×5 cells on.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{Picker, Place, Source};
use crate::term::Style;
use crate::tui::view::Theme;

/// Rows from which on there are a title and blank lines.
const ROOMY: u16 = 10;
/// Columns from which on there is more than a name and a state.
const WIDE: u16 = 50;

/// A line of the list.
enum Row<'a> {
    Heading(&'static str),
    Place(&'a Place),
}

/// Draws the picker over all of the buffer.
pub fn draw(picker: &mut Picker, style: Style, buf: &mut Buffer) {
    let theme = Theme::of_style(style);
    let area = buf.area;
    let (top, below) = split(area, header_rows(picker, area.height));
    header(picker, &theme, top, buf);
    let message = message(picker, below);
    let (list, foot) = split(below, below.height.saturating_sub(1 + message.len() as u16));
    picker.shown = vec![None; area.height.into()];
    draw_list(picker, &theme, list, buf);
    for (line, row) in message.iter().zip(foot.rows()) {
        buf.set_stringn(row.x, row.y, line, row.width.into(), theme.alert());
    }
    if let Some(row) = foot.rows().next_back() {
        let keys = match (picker.filter(), row.width >= WIDE) {
            (Some(_), true) => "Enter connects  Esc shows all  arrows choose",
            (None, true) => "Enter connects  / or typing filters  r looks again  q quits",
            _ => "Enter / r q",
        };
        buf.set_stringn(
            row.x + 1,
            row.y,
            keys,
            usize::from(row.width) - 1,
            theme.dim(),
        );
    }
}

/// Rows above the list.
fn header_rows(picker: &Picker, height: u16) -> u16 {
    match (height >= ROOMY, picker.filter()) {
        (true, _) => 2,
        (false, Some(_)) => 1,
        (false, None) => 0,
    }
}

fn header(picker: &Picker, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let width = usize::from(area.width).saturating_sub(1);
    let Some(row) = area.rows().next() else {
        return;
    };
    match picker.filter() {
        Some(filter) => {
            // The end of it is where people type.
            let hidden = (filter.chars().count() + 3).saturating_sub(width);
            let filter: String = filter.chars().skip(hidden).collect();
            buf.set_stringn(
                row.x + 1,
                row.y,
                format!("/ {filter}_"),
                width,
                theme.title(),
            );
        }
        None => {
            let looking = if picker.is_looking() {
                " (looking)"
            } else {
                ""
            };
            let title = format!("What to view?{looking}");
            buf.set_stringn(row.x + 1, row.y, title, width, theme.title());
        }
    }
}

fn draw_list(picker: &mut Picker, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let listed = picker.listed();
    let marked = picker.marked();
    if listed.is_empty() {
        let text = match (picker.filter().map(str::trim), picker.is_looking()) {
            (Some(""), _) | (None, false) => "nothing is found".to_owned(),
            (None, true) => "looking".to_owned(),
            (Some(typed), _) => format!("Enter: connect to {typed}"),
        };
        if let Some(row) = area.rows().next() {
            let width = usize::from(area.width).saturating_sub(1);
            buf.set_stringn(row.x + 1, row.y, text, width, theme.dim());
        }
        return;
    }
    let rows = rows(&listed, area.height);
    let is_marked = |row: &Row<'_>| match row {
        Row::Place(place) => std::ptr::eq(*place, listed[marked].1),
        Row::Heading(_) => false,
    };
    let at = rows.iter().position(is_marked).unwrap_or(0);
    let first = first_shown(at, rows.len(), area.height.into());
    let mut shown = Vec::new();
    for (row, place) in rows.iter().skip(first).zip(area.rows()) {
        match row {
            Row::Heading(text) => {
                buf.set_stringn(
                    place.x + 1,
                    place.y,
                    text,
                    usize::from(place.width) - 1,
                    theme.dim(),
                );
            }
            Row::Place(entry) => {
                entry_line(entry, is_marked(row), theme, place, buf);
                shown.push((place.y, entry.target.clone()));
            }
        }
    }
    for (y, target) in shown {
        if let Some(row) = picker.shown.get_mut(usize::from(y)) {
            *row = Some(target);
        }
    }
}

/// The places, under headings where there is room for them.
fn rows<'a>(listed: &[(Source, &'a Place)], height: u16) -> Vec<Row<'a>> {
    let mut headings = 0;
    let mut before = None;
    for (source, _) in listed {
        headings += usize::from(before != Some(*source));
        before = Some(*source);
    }
    let has_room = height >= ROOMY && listed.len() + headings <= usize::from(height);
    let mut rows = Vec::new();
    let mut before = None;
    for (source, place) in listed {
        if has_room && before != Some(*source) {
            rows.push(Row::Heading(heading(*source)));
        }
        before = Some(*source);
        rows.push(Row::Place(place));
    }
    rows
}

const fn heading(source: Source) -> &'static str {
    match source {
        Source::Libvirt => "machines of libvirt",
        Source::Processes => "QEMU on this machine",
        Source::Recent => "viewed before",
        Source::Demo => "without any machine",
    }
}

/// `> name    state   note`
fn entry_line(place: &Place, is_marked: bool, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let width = usize::from(area.width);
    let style = match is_marked {
        true => theme.bar(),
        false => ratatui::style::Style::new(),
    };
    if is_marked {
        buf.set_style(area, style);
    }
    let mark = if is_marked { ">" } else { " " };
    buf.set_stringn(area.x, area.y, mark, width, style);
    let state = place.state.as_str();
    if area.width < WIDE {
        // The name first; a state that has room stands at the end.
        let (used, _) = buf.set_stringn(area.x + 2, area.y, &place.name, width - 2, style);
        let from = usize::from(area.right()).saturating_sub(state.chars().count());
        if usize::from(used) < from {
            buf.set_stringn(from as u16, area.y, state, width, style);
        }
        return;
    }
    let name_width = (width / 3).clamp(16, 40);
    let (_, _) = buf.set_stringn(area.x + 2, area.y, &place.name, name_width, style);
    let state_at = area.x + 2 + name_width as u16 + 2;
    buf.set_stringn(state_at, area.y, state, 10, style);
    let note_at = state_at + 12;
    let room = usize::from(area.right().saturating_sub(note_at));
    buf.set_stringn(note_at, area.y, &place.note, room, style);
}

/// The first row that is shown, so that the marked one is among them.
fn first_shown(marked: usize, rows: usize, room: usize) -> usize {
    let most = rows.saturating_sub(room);
    // The heading above it, too.
    (marked + 1).saturating_sub(room).min(most)
}

/// Why the last choice came to nothing, in lines of the width there is, no more than half of the rows.
fn message(picker: &Picker, area: Rect) -> Vec<String> {
    let width = usize::from(area.width).saturating_sub(1).max(1);
    let mut lines = Vec::new();
    for text in picker.message() {
        let mut line = String::new();
        for word in text.split_whitespace() {
            let is_full = line.chars().count() + 1 + word.chars().count() > width;
            if is_full && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            line += if line.is_empty() { " " } else { "" };
            line += word;
            line.push(' ');
        }
        lines.push(line);
    }
    lines.truncate(usize::from(area.height) / 2);
    lines
}

fn split(area: Rect, first: u16) -> (Rect, Rect) {
    let first = first.min(area.height);
    let (mut upper, mut lower) = (area, area);
    upper.height = first;
    lower.y += first;
    lower.height -= first;
    (upper, lower)
}
