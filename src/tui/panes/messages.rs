//! The messages that pass: a line each, filtered, followed or held.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::draw_lines;
use crate::session::Way;
use crate::tui::action::MenuKey;
use crate::tui::app::App;
use crate::tui::protocol::{Entry, Protocol};
use crate::tui::text::{printable, short};
use crate::tui::view::Theme;

/// What its keys do.
pub const KEYS: &str = "/ filter  f follow  Space hold  Enter open";

/// Takes in a key; whether it was one of this pane's.
pub fn key(protocol: &mut Protocol, key: MenuKey, page: isize) -> bool {
    if protocol.editing.is_some() {
        edit(protocol, key);
        return true;
    }
    match key {
        MenuKey::Char('/') => protocol.edit(),
        MenuKey::Char('f') => protocol.toggle_follow(),
        MenuKey::Char(' ') => protocol.frozen = !protocol.frozen,
        MenuKey::Char('c') => protocol.clear(),
        MenuKey::Up => protocol.step(-1),
        MenuKey::Down => protocol.step(1),
        MenuKey::PageUp => protocol.step(-page),
        MenuKey::PageDown => protocol.step(page),
        _ => return false,
    }
    true
}

fn edit(protocol: &mut Protocol, key: MenuKey) {
    match key {
        MenuKey::Char(c) => protocol.write(|text| text.push(c)),
        MenuKey::Back => protocol.write(|text| _ = text.pop()),
        MenuKey::Ctrl('u') => protocol.write(String::clear),
        MenuKey::Enter => _ = protocol.apply(),
        MenuKey::Close => protocol.editing = None,
        _ => {}
    }
}

/// Draws the newest that fit, or those around the one that is looked at.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    let theme = Theme::of(app);
    let protocol = &app.protocol;
    let head = head(protocol, &theme);
    let height = usize::from(area.height).saturating_sub(1);
    let here = protocol.looked_at().map(|entry| entry.number);
    let picked: Vec<&Entry> = protocol.picked().collect();
    let at = here.map_or(0, |here| picked.partition_point(|e| e.number < here));
    // What is looked at is in the middle, unless it is near an end.
    let first = at.saturating_sub(height / 2);
    let first = first.min(picked.len().saturating_sub(height));
    let width = usize::from(area.width);
    let lines = picked.iter().skip(first).take(height).map(|entry| {
        let is_here = Some(entry.number) == here;
        line(entry, is_here, width, &theme)
    });
    draw_lines(std::iter::once(head).chain(lines), area, buf);
}

fn head<'a>(protocol: &Protocol, theme: &Theme) -> Line<'a> {
    if let Some((text, wrong)) = &protocol.editing {
        let mut spans = vec![
            Span::styled("/", theme.title()),
            Span::raw(printable(text)),
            Span::styled(" ", theme.bar()),
        ];
        if let Some(wrong) = wrong.as_ref().filter(|_| !text.is_empty()) {
            spans.push(Span::styled(format!("  {wrong}"), theme.dim()));
        }
        return Line::from(spans);
    }
    let shown = protocol.picked().count();
    let mut words = vec![format!("{shown} of {}", protocol.len())];
    if !protocol.filter_text.is_empty() {
        words.push(format!("where {}", printable(&protocol.filter_text)));
    }
    if protocol.frozen {
        words.push("FROZEN".into());
    } else if protocol.follows() {
        words.push("following".into());
    }
    if protocol.dropped > 0 {
        words.push(format!("{} older gone", short(protocol.dropped)));
    }
    Line::styled(words.join(theme.separator()), theme.dim())
}

fn line<'a>(entry: &Entry, is_here: bool, width: usize, theme: &Theme) -> Line<'a> {
    let arrow = match entry.way {
        Way::ToClient => "<",
        Way::ToServer => ">",
    };
    let mark = if entry.broken.is_empty() { " " } else { "!" };
    let text = format!(
        "{:9.3}{mark}{arrow} {:<10} {:<16} {:>5} {}",
        entry.at.as_secs_f64(),
        entry.channel.to_string(),
        entry.name,
        short(entry.size as u64),
        printable(&entry.line),
    );
    let text: String = text.chars().take(width).collect();
    match is_here {
        true => Line::styled(format!("{text:<width$}"), theme.bar()),
        false => Line::raw(text),
    }
}
