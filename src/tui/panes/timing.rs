//! Time: from keys to pictures, the server's clock, and how steadily things arrive.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::draw_lines;
use crate::tui::app::App;
use crate::tui::view::Theme;

/// Draws what is known of time.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    let theme = Theme::of(app);
    let mut lines = Vec::new();
    match app.history.latency() {
        Some(([least, middle, most], count)) => lines.push(Line::raw(format!(
            "key to picture   {} least, {} middle, {} most, of {count}",
            millis(least),
            millis(middle),
            millis(most)
        ))),
        None => lines.push(Line::raw("key to picture   press keys in the guest")),
    }
    match app.pace.round_trip() {
        Some(time) => lines.push(Line::raw(format!(
            "terminal         {} there and back at best",
            millis(time)
        ))),
        None => lines.push(Line::raw("terminal         does not answer")),
    }
    let clocks = &app.protocol.clocks;
    match (clocks.front(), clocks.back()) {
        (Some((then, first)), Some((at, last))) => {
            lines.push(Line::raw(format!(
                "server's clock   {last} ms, {} ago",
                millis(session_now(app).saturating_sub(*at))
            )));
            let passed = at.saturating_sub(*then).as_millis() as i64;
            let said = i64::from(last.wrapping_sub(*first).cast_signed());
            lines.push(Line::raw(format!(
                "                 went on by {said} ms while {passed} ms passed here",
            )));
        }
        _ => lines.push(Line::raw(
            "server's clock   nothing has named it since this pane opened",
        )),
    }
    for (channel, jitter) in &app.protocol.jitter {
        lines.push(Line::raw(format!(
            "{:<16} arrives {:.1} ms off its times in the mean, {:.0} ms at most",
            channel.to_string(),
            jitter.mean_ms,
            jitter.most_ms
        )));
    }
    let audio = app.stats.as_ref().map_or(0, |stats| stats.streams.len());
    lines.push(Line::styled(
        format!("{audio} video streams; video waits for its time, see streams"),
        theme.dim(),
    ));
    draw_lines(lines, area, buf);
}

/// The time of the session, as its numbers tell it.
fn session_now(app: &App) -> Duration {
    let newest = app.protocol.clocks.back().map(|(at, _)| *at);
    let stats = app.stats.as_ref().map(|stats| stats.at);
    stats.max(newest).unwrap_or_default()
}

fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1000.0;
    match time.as_secs() {
        0 if millis < 10.0 => format!("{millis:.1} ms"),
        0..10 => format!("{millis:.0} ms"),
        seconds => format!("{seconds} s"),
    }
}
