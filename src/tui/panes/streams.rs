//! Video streams: how they are coded, and what became of their frames.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::draw_lines;
use crate::tui::app::App;
use crate::tui::text::short;
use crate::tui::view::Theme;

/// Draws a line a stream that is there, then what became of the frames of each.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    let theme = Theme::of(app);
    let streams = app.watch.things().streams;
    let mut lines = Vec::new();
    if streams.is_empty() {
        lines.push(Line::styled("no stream at the moment", theme.dim()));
    }
    for ((display, id), made) in &streams {
        lines.push(Line::raw(format!(
            "display:{display} stream {id}: {} {}{}{} at {},{}+{}{}{}",
            made.codec,
            made.stream_width,
            theme.times(),
            made.stream_height,
            made.dest.left,
            made.dest.top,
            made.dest.width(),
            theme.times(),
            made.dest.height()
        )));
    }
    let Some(stats) = app.stats.as_ref().filter(|s| !s.streams.is_empty()) else {
        return draw_lines(lines, area, buf);
    };
    let head = format!(
        "{:<10}{:>7}{:>7}{:>7}{:>6}{:>5}{:>8}{:>10}",
        "display", "stream", "frames", "shown", "late", "fps", "bytes", "decoding"
    );
    lines.push(Line::styled(head, theme.dim()));
    for stream in &stats.streams {
        let count = &stream.count;
        let mean = count.decode_time.as_secs_f64() * 1000.0 / count.received.max(1) as f64;
        lines.push(Line::raw(format!(
            "{:<10}{:>7}{:>7}{:>7}{:>6}{:>5}{:>8}{mean:>8.1}ms",
            format!("display:{}", stream.display),
            count.id,
            short(count.received),
            short(count.shown),
            short(count.dropped),
            count.fps,
            short(count.bytes)
        )));
    }
    if !app.protocol.jitter.is_empty() {
        lines.push(Line::styled(
            "arrival, against their own times",
            theme.dim(),
        ));
    }
    for (channel, jitter) in &app.protocol.jitter {
        lines.push(Line::raw(format!(
            "{:<12} {:.1} ms off in the mean, {} ms at most",
            channel.to_string(),
            jitter.mean_ms,
            short(jitter.most_ms as u64)
        )));
    }
    draw_lines(lines, area, buf);
}
