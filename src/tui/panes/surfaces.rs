//! Surfaces, and what caches hold.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::draw_lines;
use crate::channel::display::messages::SurfaceFlags;
use crate::tui::app::App;
use crate::tui::text::short;
use crate::tui::view::Theme;

/// Draws what caches hold, then a line a surface.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    let theme = Theme::of(app);
    let mut lines = Vec::new();
    if let Some(stats) = &app.stats {
        lines.push(Line::raw(format!(
            "surfaces {}B   GLZ window {}px   image cache {}px",
            short(stats.surface_bytes),
            short(stats.glz_pixels),
            short(stats.pixmap_cache_pixels)
        )));
        for display in &stats.displays {
            let draws = short(display.draws);
            let surfaces = display.surfaces;
            let id = display.id;
            lines.push(Line::raw(format!(
                "display:{id}  surfaces {surfaces}  draw commands {draws}"
            )));
        }
    }
    let head = format!(
        "{:<10}{:>9}{:>13}  {:<8}{:>7}  flags",
        "display", "surface", "size", "format", "bytes"
    );
    lines.push(Line::styled(head, theme.dim()));
    for ((display, id), made) in &app.watch.things().surfaces {
        // The low six bits of a format are the bits of its pixels.
        let bits = u64::from(made.format.number() & 0x3f);
        let row = (u64::from(made.width) * bits).div_ceil(8);
        let bytes = row.saturating_mul(made.height.into());
        let size = format!("{}{}{}", made.width, theme.times(), made.height);
        let flags = match made.flags.contains(SurfaceFlags::PRIMARY) {
            true => "primary",
            false => "",
        };
        lines.push(Line::raw(format!(
            "{:<10}{id:>9}{size:>13}  {:<8}{:>7}  {flags}",
            format!("display:{display}"),
            made.format.to_string(),
            short(bytes)
        )));
    }
    draw_lines(lines, area, buf);
}
