//! What stands beside the picture or in front of it: one file each, with its state, its keys and its drawing.

pub mod agent;
pub mod channels;
pub mod detail;
pub mod help;
pub mod log;
pub mod messages;
pub mod output;
pub mod palette;
pub mod pixel;
pub mod stats;
pub mod step;
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
    /// Who drew a pixel.
    Pixel,
    /// Messages one at a time.
    Step,
}

impl PaneKind {
    /// All, in the order of their keys: 1 to 9, and 0; those behind have none.
    pub const ALL: [Self; 12] = [
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
        Self::Pixel,
        Self::Step,
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
            Self::Pixel => "pixel",
            Self::Step => "step",
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
            Self::Messages | Self::Detail | Self::Streams | Self::Timing | Self::Pixel | Self::Step
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
            Self::Pixel => 'w',
            Self::Step => 'h',
        }
    }

    /// What its own keys do, while it has the keyboard.
    const fn keys(self) -> &'static str {
        match self {
            Self::Messages => messages::KEYS,
            Self::Detail => detail::KEYS,
            Self::Pixel => pixel::KEYS,
            Self::Step => step::KEYS,
            _ => "arrows scroll",
        }
    }

    /// Whether it is text that may be longer than its room, and has no keys of its own.
    pub const fn scrolls(self) -> bool {
        matches!(
            self,
            Self::Channels
                | Self::Surfaces
                | Self::Stats
                | Self::Streams
                | Self::Timing
                | Self::Output
                | Self::Agent
        )
    }

    /// The most rows that can be left out above so that the last one is still the last in sight, where it has so many rows,
    /// its title counted.
    pub fn most_above(self, app: &App, (columns, rows): (u16, u16)) -> u16 {
        let all = self.draw_all(app, columns);
        used_rows(&all).saturating_sub(rows.saturating_sub(1))
    }

    /// All of what is below its title.
    fn draw_all(self, app: &App, columns: u16) -> Buffer {
        let mut all = Buffer::empty(Rect::new(0, 0, columns, MOST_ROWS));
        self.draw_inside(app, all.area, &mut all);
        all
    }

    /// Draws it with a title line.
    pub fn draw(self, app: &App, area: Rect, buf: &mut Buffer) {
        if area.is_empty() {
            return;
        }
        let theme = Theme::of(app);
        let rule = theme.rule().repeat(area.width.into());
        buf.set_stringn(area.x, area.y, rule, area.width.into(), theme.dim());
        let reading = app.reading().filter(|reading| reading.kind == self);
        let (title, style) = match reading {
            Some(_) => {
                let title = format!(" {}: {}  {KEYS} ", self.name(), self.keys());
                (title, theme.bar())
            }
            None => (format!(" {} ", self.name()), theme.title()),
        };
        let room = area.width.saturating_sub(1).into();
        buf.set_stringn(area.x + 1, area.y, title, room, style);
        let inside = Rect {
            y: area.y + 1,
            height: area.height - 1,
            ..area
        };
        match reading.map_or(0, |reading| reading.above) {
            0 => self.draw_inside(app, inside, buf),
            above => {
                let all = self.draw_all(app, inside.width);
                let above = above.min(used_rows(&all).saturating_sub(inside.height));
                for (target, row) in inside.rows().zip(all.area.rows().skip(above.into())) {
                    for (to, from) in target.columns().zip(row.columns()) {
                        buf[to.as_position()] = all[from.as_position()].clone();
                    }
                }
            }
        }
    }

    fn draw_inside(self, app: &App, inside: Rect, buf: &mut Buffer) {
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
            Self::Pixel => pixel::draw(app, inside, buf),
            Self::Step => step::draw(app, inside, buf),
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

/// Rows of text that may be scrolled through.
const MOST_ROWS: u16 = 400;

/// Rows up to the last one with something on it.
fn used_rows(buf: &Buffer) -> u16 {
    let is_used = |row: &Rect| {
        let mut cells = row.columns().map(|cell| &buf[cell.as_position()]);
        cells.any(|cell| cell.symbol() != " ")
    };
    let last = buf.area.rows().rev().find(is_used);
    last.map_or(0, |row| row.y + 1)
}

/// The pane that has the keyboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Which.
    pub kind: PaneKind,
    /// Rows of it that are left out above, where it [scrolls](PaneKind::scrolls).
    pub above: u16,
    /// Whether it has all the room there is.
    pub large: bool,
}

/// Draws lines from the top, as many as there is room for.
fn draw_lines<'a>(lines: impl IntoIterator<Item = Line<'a>>, area: Rect, buf: &mut Buffer) {
    for (line, row) in lines.into_iter().zip(area.rows()) {
        line.render(row, buf);
    }
}
