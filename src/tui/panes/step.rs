//! The step debugger: whether the session is held, and the message that was let in last.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::draw_lines;
use crate::tui::app::App;
use crate::tui::protocol::Entry;
use crate::tui::text::{printable, short};
use crate::tui::view::Theme;

/// What its keys do.
pub const KEYS: &str = ". one  n to drawing  b before  Space  Enter bytes";

/// Draws how it stands, the last message with the box it draws in, and what is broken about it.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    let theme = Theme::of(app);
    let mut lines = vec![Line::styled(standing(app), theme.title())];
    if let Some(entry) = app.stepper.message() {
        let width = usize::from(area.width).max(1);
        lines.extend(wrapped(&message(entry), width, 3));
        lines.push(Line::raw(touched(app, entry)));
        lines.extend(entry.broken.iter().map(|breach| {
            let text = format!("! {}: {}", breach.rule, breach.text);
            Line::styled(printable(&text), theme.title())
        }));
    }
    draw_lines(lines, area, buf);
}

fn standing(app: &App) -> String {
    let stepper = &app.stepper;
    let is_live = app.timeline.is_none();
    let count = stepper.count();
    match (app.is_held(), stepper.waits(), is_live) {
        (_, true, true) => "waiting for a message from the server".to_owned(),
        (_, true, false) => "playing on to the next message".to_owned(),
        (false, _, true) => "everything comes in; Space holds, . holds and lets one in".to_owned(),
        (false, _, false) => "playing; Space stops, . stops and plays one".to_owned(),
        (true, _, true) if count == 0 && app.mirrors => {
            "HELD: what the server says waits; the client still reaches it".to_owned()
        }
        (true, _, true) if count == 0 => "HELD: the server waits; keys still reach it".to_owned(),
        (true, _, true) => format!("HELD, {count} let in; Space goes on"),
        (true, _, false) if count == 0 => "stopped; . plays one message".to_owned(),
        (true, _, false) => format!("stopped, {count} played one by one; Space goes on"),
    }
}

fn message(entry: &Entry) -> String {
    printable(&format!(
        "{:.6} {} {} {}B {}",
        entry.at.as_secs_f64(),
        entry.channel,
        entry.name,
        short(entry.size as u64),
        entry.line
    ))
}

/// Where it draws, and which picture is shown.
fn touched(app: &App, entry: &Entry) -> String {
    let area = match (entry.touched, app.stepped_area()) {
        (None, _) => return "draws nothing by itself".to_owned(),
        (Some((surface, area)), None) => {
            format!("draws in {} of surface {surface}, not shown", extent(area))
        }
        (Some((_, area)), Some(_)) => format!("draws in {}, outlined", extent(area)),
    };
    match app.stepper.shows_before() {
        true => format!("{area}; shown is the picture BEFORE (b: after)"),
        false => format!("{area}; shown is the picture after (b: before)"),
    }
}

fn extent(area: crate::geometry::Rect) -> String {
    let (width, height) = (area.width(), area.height());
    format!("{},{}+{width}x{height}", area.left, area.top)
}

/// A text in lines of `width` characters, `most` at most.
fn wrapped<'a>(text: &str, width: usize, most: usize) -> Vec<Line<'a>> {
    let characters: Vec<char> = text.chars().collect();
    let lines = characters.chunks(width).take(most);
    lines
        .map(|line| Line::raw(line.iter().collect::<String>()))
        .collect()
}
