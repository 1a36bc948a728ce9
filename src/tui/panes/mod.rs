//! What stands beside the picture or in front of it: one file each, with its state, its keys and its drawing.

pub mod agent;
pub mod channels;
pub mod help;
pub mod log;
pub mod palette;
pub mod stats;
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
    /// Image codecs and caches.
    Stats,
    /// The guest agent.
    Agent,
    /// What happened so far.
    Log,
}

impl PaneKind {
    /// All, in the order of the menu.
    pub const ALL: [Self; 4] = [Self::Channels, Self::Stats, Self::Agent, Self::Log];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Channels => "channels",
            Self::Stats => "codecs",
            Self::Agent => "agent",
            Self::Log => "log",
        }
    }

    /// Whether it shows numbers of the session, which have to be asked for.
    pub const fn shows_stats(self) -> bool {
        matches!(self, Self::Channels | Self::Stats)
    }

    /// Draws it with a title line.
    pub fn draw(self, app: &App, area: Rect, buf: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let theme = Theme::of(app);
        let rule = theme.rule().repeat(area.width.into());
        buf.set_stringn(area.x, area.y, rule, area.width.into(), theme.dim());
        let title = format!(" {} ", self.name());
        buf.set_stringn(
            area.x + 1,
            area.y,
            title,
            area.width.saturating_sub(1).into(),
            theme.title(),
        );
        let inside = Rect {
            y: area.y + 1,
            height: area.height - 1,
            ..area
        };
        match self {
            Self::Channels => channels::draw(app, inside, buf),
            Self::Stats => stats::draw(app, inside, buf),
            Self::Agent => agent::draw(app, inside, buf),
            Self::Log => log::draw(app, inside, buf),
        }
    }
}

/// Draws lines from the top, as many as there is room for.
fn draw_lines<'a>(lines: impl IntoIterator<Item = Line<'a>>, area: Rect, buf: &mut Buffer) {
    for (line, row) in lines.into_iter().zip(area.rows()) {
        line.render(row, buf);
    }
}
