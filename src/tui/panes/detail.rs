//! One message: its fields as a tree, and its bytes with those of the field that is looked at marked.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::draw_lines;
use crate::inspect::{Dissection, byte_rows, plain, value};
use crate::tui::action::MenuKey;
use crate::tui::app::App;
use crate::tui::protocol::Entry;
use crate::tui::text::printable;
use crate::tui::view::Theme;
use crate::wire::{Field, Value};

/// What its keys do.
pub const KEYS: &str = "arrows field  n p message  Back list";

/// Columns of the bytes: offset, sixteen of them, and as text.
const BYTES_WIDTH: u16 = 6 + 16 * 3 + 16;

/// Takes in a key; whether it was one of this pane's.
pub fn key(app: &mut App, key: MenuKey, page: isize) -> bool {
    match key {
        MenuKey::Char('n') | MenuKey::Right => step(app, 1),
        MenuKey::Char('p') | MenuKey::Left => step(app, -1),
        MenuKey::Up => move_field(app, -1),
        MenuKey::Down => move_field(app, 1),
        MenuKey::PageUp => move_field(app, -page),
        MenuKey::PageDown => move_field(app, page),
        _ => return false,
    }
    true
}

fn step(app: &mut App, places: isize) {
    match &mut app.origin {
        Some(origin) if app.details_origin => {
            // The list has the newest first.
            origin.step(-places);
            app.protocol.field = 0;
        }
        _ => app.protocol.step(places),
    }
}

fn move_field(app: &mut App, by: isize) {
    if !app.details_origin {
        app.protocol.stay();
    }
    let last = app
        .examined()
        .map_or(0, |entry| rows(&entry.dissect()).len().saturating_sub(1));
    app.protocol.field = app.protocol.field.saturating_add_signed(by).min(last);
}

/// A line of the tree.
struct Row {
    text: String,
    /// Its bytes, in the body of the whole message.
    bytes: Range<usize>,
}

/// The tree of a message, those inside it behind.
fn rows(message: &Dissection) -> Vec<Row> {
    let mut rows: Vec<Row> = fields(message, 0, 0);
    for part in &message.parts {
        // Parts are slices of the same body where they come from it: their place is found again by their bytes.
        let offset = place(message, part);
        rows.push(Row {
            text: part.name.to_owned(),
            bytes: offset..offset + part.body.len(),
        });
        rows.extend(fields(part, 1, offset));
    }
    for gap in message.gaps() {
        rows.push(Row {
            text: format!("(no field) {} bytes", gap.len()),
            bytes: gap,
        });
    }
    rows
}

/// Where the body of a part lies in that of the message it is in.
fn place(message: &Dissection, part: &Dissection) -> usize {
    let (whole, inner) = (message.body.as_ptr() as usize, part.body.as_ptr() as usize);
    let offset = inner.checked_sub(whole);
    let fits = |offset: &usize| offset + part.body.len() <= message.body.len();
    offset.filter(fits).unwrap_or(0)
}

fn fields(message: &Dissection, deeper: usize, offset: usize) -> Vec<Row> {
    let row = |field: &Field| {
        let indent = "  ".repeat(usize::from(field.level) + deeper);
        let name = match (field.name, field.index) {
            ("", None) => "data".to_owned(),
            (name, None) => name.to_owned(),
            (name, Some(index)) => format!("{name}[{index}]"),
        };
        let said = match field.value {
            Value::Group => String::new(),
            _ => format!(" = {}", plain(&value(message, field))),
        };
        Row {
            text: format!("{indent}{name}{said}"),
            bytes: field.bytes.start + offset..field.bytes.end + offset,
        }
    };
    message.trace.fields.iter().map(row).collect()
}

/// Draws tree and bytes side by side, or one above the other where it is narrow.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    let theme = Theme::of(app);
    let Some(entry) = app.examined() else {
        return draw_lines([Line::styled("no message passes", theme.dim())], area, buf);
    };
    let message = entry.dissect();
    let rows = rows(&message);
    let marked = app.protocol.field.min(rows.len().saturating_sub(1));
    let mut heads = vec![head(entry)];
    heads.extend(entry.broken.iter().map(|breach| {
        let text = format!("! {}: {}", breach.rule, plain(&breach.text));
        Line::styled(text, theme.title())
    }));
    heads.truncate(usize::from(area.height / 3).max(1));
    let head_rows = heads.len() as u16;
    draw_lines(heads, area, buf);
    let rest = Rect {
        y: area.y + head_rows.min(area.height),
        height: area.height.saturating_sub(head_rows),
        ..area
    };
    let [tree, bytes] = divide(rest);
    draw_tree(&rows, marked, tree, buf, &theme);
    let range = rows.get(marked).map_or(0..0, |row| row.bytes.clone());
    draw_bytes(&message, &range, bytes, buf, &theme);
}

fn head<'a>(entry: &Entry) -> Line<'a> {
    let text = format!(
        "#{} at {:.6} {} {} {}, {} bytes",
        entry.number,
        entry.at.as_secs_f64(),
        entry.channel,
        entry.way_word(),
        entry.name,
        entry.size
    );
    Line::raw(printable(&text))
}

impl Entry {
    fn way_word(&self) -> &'static str {
        match self.way {
            crate::session::Way::ToClient => "received",
            crate::session::Way::ToServer => "sent",
        }
    }
}

/// Room for the tree, and for the bytes.
fn divide(area: Rect) -> [Rect; 2] {
    if area.width >= BYTES_WIDTH + 40 {
        let width = area.width - BYTES_WIDTH;
        let tree = Rect {
            width: width - 1,
            ..area
        };
        let bytes = Rect {
            x: area.x + width,
            width: BYTES_WIDTH,
            ..area
        };
        return [tree, bytes];
    }
    let height = area.height - area.height * 2 / 5;
    let tree = Rect { height, ..area };
    let bytes = Rect {
        y: area.y + height,
        height: area.height - height,
        ..area
    };
    [tree, bytes]
}

fn draw_tree(rows: &[Row], marked: usize, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let height = usize::from(area.height);
    let first = marked.saturating_sub(height / 2);
    let first = first.min(rows.len().saturating_sub(height));
    let width = usize::from(area.width);
    let lines = rows.iter().enumerate().skip(first).map(|(at, row)| {
        let text: String = row.text.chars().take(width).collect();
        match at == marked {
            true => Line::styled(format!("{text:<width$}"), theme.bar()),
            false => Line::raw(text),
        }
    });
    draw_lines(lines, area, buf);
}

fn draw_bytes(
    message: &Dissection,
    marked: &Range<usize>,
    area: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) {
    let height = usize::from(area.height);
    let count = byte_rows(&message.body).len();
    let first = (marked.start / 16).saturating_sub(height / 3);
    let first = first.min(count.saturating_sub(height));
    let lines = byte_rows(&message.body)
        .skip(first)
        .take(height)
        .map(|row| {
            let mut spans = vec![Span::styled(format!("{:05x} ", row.at), theme.dim())];
            for (at, byte) in (row.at..).zip(row.bytes) {
                let style = match marked.contains(&at) {
                    true => theme.bar(),
                    false => ratatui::style::Style::new(),
                };
                spans.push(Span::styled(format!("{byte:02x}"), style));
                // Between two bytes of the field, too.
                let joined = marked.contains(&at) && marked.contains(&(at + 1)) && at % 16 < 15;
                let gap = if joined {
                    style
                } else {
                    ratatui::style::Style::new()
                };
                spans.push(Span::styled(" ", gap));
            }
            spans.push(Span::raw("   ".repeat(16 - row.bytes.len())));
            spans.push(Span::styled(row.text(), theme.dim()));
            Line::from(spans)
        });
    draw_lines(lines, area, buf);
}
