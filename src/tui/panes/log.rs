//! What happened so far, newest last.

use std::collections::VecDeque;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::draw_lines;
use crate::tui::app::App;
use crate::tui::view::Theme;

/// The lines, and where the reader is in them.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// INVARIANT: at most [`Log::MOST`].
    lines: VecDeque<Entry>,
    /// Lines that were left out because there were too many.
    dropped: usize,
    /// Lines between the newest and the last one shown.
    back: usize,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Time since the viewer began.
    pub at: Duration,
    /// What; safe to print.
    pub text: String,
    /// How often.
    pub times: u64,
}

impl Log {
    /// Most lines kept.
    pub const MOST: usize = 500;

    /// Adds a line; `text` is safe to print.
    pub fn push(&mut self, at: Duration, text: String) {
        if self.lines.len() == Self::MOST {
            self.lines.pop_front();
            self.dropped += 1;
        }
        if self.back > 0 {
            self.back = (self.back + 1).min(self.lines.len());
        }
        self.lines.push_back(Entry { at, text, times: 1 });
    }

    /// Says of a line that it happened `times` times so far; whether there is one.
    pub fn raise(&mut self, text: &str, times: u64) -> bool {
        let line = self.lines.iter_mut().rev().find(|line| line.text == text);
        line.map(|line| line.times = times).is_some()
    }

    /// Goes back by `lines`, or forwards.
    pub fn scroll(&mut self, lines: i32) {
        let most = self.lines.len().saturating_sub(1);
        self.back = self.back.saturating_add_signed(lines as isize).min(most);
    }

    /// The lines, oldest first.
    pub fn lines(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.lines.iter()
    }
}

/// Draws the newest lines that fit, newest last.
pub fn draw(app: &App, area: Rect, buf: &mut Buffer) {
    let theme = Theme::of(app);
    let log = &app.log;
    let mut lines: Vec<Line> = log
        .lines()
        .rev()
        .skip(log.back)
        .take(area.height.into())
        .map(|entry| line(entry, &theme))
        .collect();
    lines.reverse();
    if log.dropped > 0 && lines.len() < usize::from(area.height) {
        let text = format!("{} older lines left out", log.dropped);
        lines.insert(0, Line::styled(text, theme.dim()));
    }
    draw_lines(lines, area, buf);
}

fn line<'a>(entry: &'a Entry, theme: &Theme) -> Line<'a> {
    let at = format!("{:8.3} ", entry.at.as_secs_f64());
    let mut spans = vec![
        Span::styled(at, theme.dim()),
        Span::raw(entry.text.as_str()),
    ];
    if entry.times > 1 {
        spans.push(Span::styled(
            format!(" {}{}", entry.times, theme.times()),
            theme.dim(),
        ));
    }
    Line::from(spans)
}
