//! Image codecs: how much came in, how much came out, how long it took; and what is kept in memory.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::draw_lines;
use crate::channel::display::CodecCount;
use crate::tui::app::App;
use crate::tui::text::short;
use crate::tui::view::Theme;

/// Draws a line a codec, and what surfaces and caches hold.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    let theme = Theme::of(app);
    let Some(stats) = &app.stats else {
        return draw_lines([Line::styled("no numbers yet", theme.dim())], area, buf);
    };
    let mut head = format!(
        "{:<13}{:>6}{:>7}{:>7}{:>8}{:>5}",
        "images", "count", "bytes", "pixels", "time", "bad"
    );
    if area.width >= WIDE {
        head.push_str(&format!("{:>7}{:>8}  lately", "ratio", "MPx/s"));
    }
    let draws: u64 = stats.displays.iter().map(|display| display.draws).sum();
    let memory = format!(
        "draws {}  surfaces {}B  GLZ window {}px  cache {}px",
        short(draws),
        short(stats.surface_bytes),
        short(stats.glz_pixels),
        short(stats.pixmap_cache_pixels),
    );
    let lines = std::iter::once(Line::styled(head, theme.dim()))
        .chain(
            stats
                .codecs
                .iter()
                .map(|c| line(app, c, area.width, &theme)),
        )
        .chain(std::iter::once(Line::styled(memory, theme.dim())));
    draw_lines(lines, area, buf);
}

/// Columns from which on there is room for ratio, speed and how many pixels came lately.
const WIDE: u16 = 68;

fn line<'a>(app: &App, of: &CodecCount, width: u16, theme: &Theme) -> Line<'a> {
    let mut line = codec(of);
    if width >= WIDE {
        let per = |of: f64, by: f64| match by > 0.0 {
            true => format!("{:.1}", of / by),
            false => "-".to_owned(),
        };
        let ratio = per(of.pixels as f64 * 4.0, of.bytes as f64);
        let speed = per(of.pixels as f64 / 1e6, of.time.as_secs_f64());
        let room = usize::from(width).saturating_sub(63);
        let pixels = app.history.pixels(of.name, room.min(30));
        let lately = super::sparkline(&pixels, theme);
        line.push_span(format!("{ratio:>7}{speed:>8}  {lately}"));
    }
    line
}

fn codec<'a>(codec: &CodecCount) -> Line<'a> {
    let millis = codec.time.as_secs_f64() * 1000.0;
    let time = match codec.time.as_millis() {
        0 if codec.time.is_zero() => "-".to_owned(),
        0..1000 => format!("{millis:.1}ms"),
        _ => format!("{:.1}s", millis / 1000.0),
    };
    Line::from(format!(
        "{:<13}{:>6}{:>7}{:>7}{time:>8}{:>5}",
        codec.name,
        short(codec.images),
        short(codec.bytes),
        short(codec.pixels),
        short(codec.failed),
    ))
}
