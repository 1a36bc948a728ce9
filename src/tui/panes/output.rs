//! What goes to the terminal: pictures, bytes, and how much it takes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::draw_lines;
use crate::tui::app::App;
use crate::tui::text::short;
use crate::tui::view::Theme;

/// Draws the numbers, and how full the way is.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    let theme = Theme::of(app);
    let pace = &app.pace;
    let (columns, rows) = app.setup.size;
    let times = theme.times();
    let rate = match pace.rate() {
        Some(rate) => format!("{}B a second at best", short(rate as u64)),
        None => "not known yet".to_owned(),
    };
    let (outstanding, budget) = (pace.outstanding(), pace.budget());
    let lines = [
        format!(
            "drawing      {}, {columns}{times}{rows} cells",
            app.drawing_name()
        ),
        format!("pictures     {} a second", app.meter.frames_per_second()),
        format!(
            "bytes        {}B a second",
            short(app.meter.bytes_per_second())
        ),
        format!("it takes     {rate}"),
        format!(
            "on the way   {} {}B of {}B",
            super::gauge(outstanding, budget, 16, &theme),
            short(outstanding),
            short(budget)
        ),
    ];
    draw_lines(lines.map(Line::raw), area, buf);
}
