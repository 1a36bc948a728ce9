//! What stands beside the picture or in front of it: one file each, with its state, its keys and its drawing.

pub mod agent;
pub mod channels;
pub mod detail;
pub mod help;
pub mod log;
pub mod messages;
pub mod output;
pub mod palette;
pub mod stats;
pub mod streams;
pub mod surfaces;
pub mod timeline;
pub mod timing;
pub mod viewer;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Widget;

use super::app::App;
use super::view::Theme;

/// A pane beside the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaneKind {
    /// The channels of the session.
    Channels,
    /// The messages that pass.
    Messages,
    /// One of them: its fields and bytes.
    Detail,
    /// Surfaces and caches.
    Surfaces,
    /// Image codecs and caches.
    Stats,
    /// Video streams.
    Streams,
    /// Latency, the server's clock.
    Timing,
    /// What goes to the terminal.
    Output,
    /// What happened so far.
    Log,
    /// The guest agent.
    Agent,
}

impl PaneKind {
    /// All, in the order of their keys: 1 to 9, and 0.
    pub const ALL: [Self; 10] = [
        Self::Channels,
        Self::Messages,
        Self::Detail,
        Self::Surfaces,
        Self::Stats,
        Self::Streams,
        Self::Timing,
        Self::Output,
        Self::Log,
        Self::Agent,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Channels => "channels",
            Self::Messages => "messages",
            Self::Detail => "detail",
            Self::Surfaces => "surfaces",
            Self::Stats => "codecs",
            Self::Streams => "streams",
            Self::Timing => "timing",
            Self::Output => "terminal",
            Self::Agent => "agent",
            Self::Log => "log",
        }
    }

    /// Whether it shows numbers of the session, which have to be asked for.
    pub const fn shows_stats(self) -> bool {
        matches!(
            self,
            Self::Channels | Self::Stats | Self::Surfaces | Self::Streams | Self::Timing
        )
    }

    /// Whether it shows what passes on the channels, which has to be watched.
    pub const fn watches(self) -> bool {
        matches!(
            self,
            Self::Messages | Self::Detail | Self::Streams | Self::Timing
        )
    }

    /// The letter for it in the menu.
    pub const fn letter(self) -> char {
        match self {
            Self::Channels => 'c',
            Self::Messages => 'm',
            Self::Detail => 'd',
            Self::Surfaces => 'u',
            Self::Stats => 's',
            Self::Streams => 'v',
            Self::Timing => 't',
            Self::Output => 'o',
            Self::Log => 'l',
            Self::Agent => 'a',
        }
    }

    /// What its own keys do, while it has the keyboard.
    const fn keys(self) -> &'static str {
        match self {
            Self::Messages => messages::KEYS,
            Self::Detail => detail::KEYS,
            Self::Log => "arrows scroll",
            _ => "",
        }
    }

    /// Draws it with a title line.
    pub fn draw(self, app: &App, area: Rect, buf: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let theme = Theme::of(app);
        let rule = theme.rule().repeat(area.width.into());
        buf.set_stringn(area.x, area.y, rule, area.width.into(), theme.dim());
        let reads = app.reading().is_some_and(|reading| reading.kind == self);
        let (title, style) = match reads {
            true => {
                let own = self.keys();
                let separator = if own.is_empty() { "" } else { "  " };
                let title = format!(" {}: {own}{separator}{KEYS} ", self.name());
                (title, theme.bar())
            }
            false => (format!(" {} ", self.name()), theme.title()),
        };
        let room = area.width.saturating_sub(1).into();
        buf.set_stringn(area.x + 1, area.y, title, room, style);
        let inside = Rect {
            y: area.y + 1,
            height: area.height - 1,
            ..area
        };
        match self {
            Self::Channels => channels::draw(app, inside, buf),
            Self::Messages => messages::draw(app, inside, buf),
            Self::Detail => detail::draw(app, inside, buf),
            Self::Surfaces => surfaces::draw(app, inside, buf),
            Self::Streams => streams::draw(app, inside, buf),
            Self::Timing => timing::draw(app, inside, buf),
            Self::Output => output::draw(app, inside, buf),
            Self::Stats => stats::draw(app, inside, buf),
            Self::Agent => agent::draw(app, inside, buf),
            Self::Log => log::draw(app, inside, buf),
        }
    }
}

/// What the keys do in every pane that has the keyboard.
const KEYS: &str = "1-9 Tab  z large  Esc";

/// A gauge of so many cells, filled as far as `value` is of `most`.
fn gauge(value: u64, most: u64, cells: u64, theme: &Theme) -> String {
    let full = (value.min(most) * cells).checked_div(most).unwrap_or(0) as usize;
    let (ink, blank) = theme.gauge();
    ink.repeat(full) + &blank.repeat(cells as usize - full)
}

/// Numbers as bars of one row, the highest as high as it goes.
fn sparkline(numbers: &[u64], theme: &Theme) -> String {
    let most = numbers.iter().copied().max().unwrap_or(0).max(1);
    let steps: Vec<char> = theme.steps().chars().collect();
    let last = steps.len().saturating_sub(1) as u64;
    let step = |number: &u64| {
        // Anything at all is more than nothing.
        let height = (u128::from(*number) * u128::from(last)).div_ceil(u128::from(most));
        steps.get(height as usize).copied().unwrap_or(' ')
    };
    numbers.iter().map(step).collect()
}

/// The pane that has the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Which.
    pub kind: PaneKind,
    /// Whether it has all the room there is.
    pub large: bool,
}

/// Draws lines from the top, as many as there is room for.
fn draw_lines<'a>(lines: impl IntoIterator<Item = Line<'a>>, area: Rect, buf: &mut Buffer) {
    for (line, row) in lines.into_iter().zip(area.rows()) {
        line.render(row, buf);
    }
}
