//! Who drew a pixel: the messages that made it, the newest first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::{draw_lines, timeline};
use crate::tui::app::App;
use crate::tui::origin::{Maker, Search, State};
use crate::tui::text::{printable, short};
use crate::tui::view::Theme;

/// What its keys do.
pub const KEYS: &str = "w another  arrows  Enter open";

/// Draws the question, and the answer as far as it is known.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    let theme = Theme::of(app);
    let Some(search) = &app.origin else {
        let hint = match app.crosshair() {
            Some(_) => "point at a pixel: arrows or the mouse, then Enter or a click",
            None => "w points at a pixel",
        };
        return draw_lines([Line::styled(hint, theme.dim())], area, buf);
    };
    let mut heads = vec![Line::styled(head(search), theme.dim())];
    if let Some(remark) = search.remark {
        heads.push(Line::styled(remark, theme.dim()));
    }
    let height = usize::from(area.height).saturating_sub(heads.len());
    let first = search.here.saturating_sub(height / 2);
    let first = first.min(search.makers.len().saturating_sub(height));
    let width = usize::from(area.width);
    let makers = search.makers.iter().enumerate().skip(first);
    let lines = makers.map(|(place, maker)| {
        let text: String = line(search, maker).chars().take(width).collect();
        match place == search.here {
            true => Line::styled(format!("{text:<width$}"), theme.bar()),
            false => Line::raw(text),
        }
    });
    draw_lines(heads.into_iter().chain(lines), area, buf);
}

fn head(search: &Search) -> String {
    let (pixel, display) = (search.question.pixel, search.question.display);
    let of = format!("pixel {},{} of display:{display}", pixel.x, pixel.y);
    let when = timeline::clock(search.when);
    match (&search.state, search.makers.len()) {
        (State::Reads(percent), _) => format!("{of}: looking, {percent} % read; Esc gives up"),
        (State::Fails(why), _) => printable(&format!("{of}: the file cannot be read: {why}")),
        (State::Done, 0) => format!("{of} at {when}: no message that drew it is known"),
        (State::Done, 1) => format!("{of} at {when}: made by one message"),
        (State::Done, count) => format!("{of} at {when}: made by {count} messages"),
    }
}

fn line(search: &Search, maker: &Maker) -> String {
    let (mark, entry) = (maker.mark, &maker.entry);
    let elsewhere = match (mark.surface, mark.at) {
        (0, at) if at == search.question.pixel => String::new(),
        (0, at) => format!(" {},{}", at.x, at.y),
        (surface, at) => format!(" {},{} of surface {surface}", at.x, at.y),
    };
    printable(&format!(
        "{:9.3} {}{elsewhere}: {} {} {}",
        entry.at.as_secs_f64(),
        mark.effect,
        entry.name,
        short(entry.size as u64),
        entry.line
    ))
}
