//! Layout and theme: draws an [`App`], changes nothing.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::border;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Widget};

use super::app::{App, Focus};
use super::panes::{PaneKind, Reading, help, palette, timeline, viewer};
use super::text::short;
use super::{steering, tabs};
use crate::channel::inputs::Locks;
use crate::channel::main::agent::State;
use crate::client::Monitor;
use crate::keyboard::key_name;
use crate::term::{Colours, Glyphs};

/// Least columns of a terminal that are enough.
pub const LEAST_COLUMNS: u16 = 20;
/// Least rows of a terminal that are enough.
pub const LEAST_ROWS: u16 = 5;

/// Where everything goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// The guest's screen.
    pub picture: Rect,
    /// The panes there is room for.
    pub panes: Vec<(PaneKind, Rect)>,
    /// The player's line; empty where nothing is played.
    pub timeline: Rect,
    /// The status line.
    pub status: Rect,
}

impl Layout {
    /// The pane at a cell, if one is there.
    pub fn pane_at(&self, column: u16, row: u16) -> Option<PaneKind> {
        let here = |area: &Rect| area.contains((column, row).into());
        let mut panes = self.panes.iter();
        panes.find(|(_, area)| here(area)).map(|(kind, _)| *kind)
    }
}

/// Divides the terminal of an app, whose player, if there is one, has a line above the status line.
pub fn layout_of(app: &App) -> Layout {
    let (columns, rows) = app.setup.size;
    if app.timeline.is_none() || rows < LEAST_ROWS {
        return layout((columns, rows), &app.panes);
    }
    let mut layout = layout((columns, rows - 1), &app.panes);
    layout.timeline = layout.status;
    layout.status.y += 1;
    layout
}

/// Columns and rows of the pane that has the keyboard.
pub fn size_of(app: &App, reading: Reading) -> (u16, u16) {
    let layout = layout_of(app);
    let mut panes = layout.panes.iter();
    match panes.find(|(kind, _)| *kind == reading.kind) {
        Some((_, area)) if !reading.large => (area.width, area.height),
        _ => (app.setup.size.0, layout.status.y),
    }
}

/// Divides a terminal: the status line below, the panes beside the picture where the terminal is wide and below it
/// where it is not. Where panes would get too small, only the newest are shown.
pub fn layout((columns, rows): (u16, u16), panes: &[PaneKind]) -> Layout {
    /// Columns from which on panes stand beside the picture.
    const WIDE: u16 = 120;
    /// Least rows of a pane that shares the room with others.
    const SHARE: u16 = 6;

    let status_rows = u16::from(rows > 1);
    let body = Rect::new(0, 0, columns, rows - status_rows);
    let status = Rect::new(0, body.height, columns, status_rows);
    if panes.is_empty() {
        return Layout {
            picture: body,
            panes: Vec::new(),
            timeline: Rect::default(),
            status,
        };
    }
    let (picture, side) = if columns >= WIDE {
        let width = (columns / 3).clamp(48, 64);
        let (picture, side) = split_columns(body, columns - width);
        // A column between a picture and text.
        (picture, split_columns(side, 1).1)
    } else {
        split_rows(body, body.height - body.height / 2)
    };
    let fitting = usize::from(side.height / SHARE).max(1);
    let shown = &panes[panes.len().saturating_sub(fitting)..];
    let mut left = side;
    let panes = shown
        .iter()
        .enumerate()
        .map(|(at, kind)| {
            let waiting = (shown.len() - at) as u16;
            let (area, rest) = split_rows(left, left.height / waiting);
            left = rest;
            (*kind, area)
        })
        .collect();
    Layout {
        picture,
        panes,
        timeline: Rect::default(),
        status,
    }
}

fn split_rows(area: Rect, first: u16) -> (Rect, Rect) {
    let first = first.min(area.height);
    let upper = Rect {
        height: first,
        ..area
    };
    let lower = Rect {
        y: area.y + first,
        height: area.height - first,
        ..area
    };
    (upper, lower)
}

fn split_columns(area: Rect, first: u16) -> (Rect, Rect) {
    let first = first.min(area.width);
    let left = Rect {
        width: first,
        ..area
    };
    let right = Rect {
        x: area.x + first,
        width: area.width - first,
        ..area
    };
    (left, right)
}

/// Draws everything but pictures of pixels.
pub fn draw(app: &App, buf: &mut Buffer) {
    draw_text(app, buf);
    if let Some(picture) = viewer::backdrop(app, layout_of(app).picture) {
        viewer::fill(picture, buf);
    }
}

/// Draws everything but the picture, and leaves its cells to it.
pub fn draw_text(app: &App, buf: &mut Buffer) {
    let area = buf.area;
    if area.width < LEAST_COLUMNS || area.height < LEAST_ROWS {
        return draw_too_small(app, area, buf);
    }
    let layout = layout_of(app);
    match app.tabs.terminal() {
        Some(terminal) => tabs::draw::draw(terminal, app.setup.style, layout.picture, buf),
        None => {
            viewer::draw(app, layout.picture, buf);
            if let Some(area) = app.outlined() {
                viewer::outline(app, area, layout.picture, buf);
            }
            if let Some(at) = app.crosshair() {
                viewer::crosshair(app, at, layout.picture, buf);
            }
        }
    }
    for (kind, area) in &layout.panes {
        kind.draw(app, *area, buf);
    }
    match &app.focus {
        Focus::Guest | Focus::Steering(_) | Focus::Pointing(_) => {}
        Focus::Pane(reading) if reading.large => {
            let area = area_above(layout.status, area);
            Clear.render(area, buf);
            reading.kind.draw(app, area, buf);
        }
        Focus::Pane(_) => {}
        Focus::Palette(state) => palette::draw(app, state, area_above(layout.status, area), buf),
        Focus::Help(from) => help::draw(app, *from, area_above(layout.status, area), buf),
    }
    timeline::draw(app, layout.timeline, buf);
    draw_status(app, layout.status, buf);
}

fn area_above(status: Rect, area: Rect) -> Rect {
    Rect {
        height: status.y - area.y,
        ..area
    }
}

fn draw_too_small(app: &App, area: Rect, buf: &mut Buffer) {
    let text = format!(
        "needs {LEAST_COLUMNS}{}{LEAST_ROWS}",
        Theme::of(app).times()
    );
    Line::raw(text).render(area, buf);
}

/// Target, size, drawing, rate, agent; what matters least goes first where room is short.
fn draw_status(app: &App, area: Rect, buf: &mut Buffer) {
    let theme = Theme::of(app);
    let width = usize::from(area.width);
    let apart = app.staying.line(app.now, width.saturating_sub(1));
    let mut line = match (&app.flash, app.typist.progress()) {
        _ if apart.is_some() => format!(" {}", apart.as_deref().unwrap_or_default()),
        (Some(flash), _) => format!(" {}", flash.text),
        (None, Some((done, total))) => {
            format!(
                " typing {done} of {total} characters{}Esc stops",
                theme.separator()
            )
        }
        (None, None) if matches!(app.focus, Focus::Pointing(_)) => {
            app.pointing_hints(theme.separator()).unwrap_or_default()
        }
        (None, None) if matches!(app.focus, Focus::Steering(_)) => {
            format!(" {}", steering::HINTS.join(theme.separator()))
        }
        (None, None) => status(app, &theme, width),
    };
    let used = Line::raw(line.as_str()).width();
    line.extend(std::iter::repeat_n(' ', width.saturating_sub(used)));
    let style = if app.flash.is_some() || apart.is_some() {
        theme.alert()
    } else {
        theme.bar()
    };
    buf.set_stringn(area.x, area.y, line, width, style);
}

fn status(app: &App, theme: &Theme, width: usize) -> String {
    let size = app.picture.size();
    let escape = format!("{} {}", app.setup.escape, what_escape_does(app));
    let has_keys = app.focus == Focus::Guest;
    let rate = format!(
        "{} fps {}B/s",
        app.meter.frames_per_second(),
        short(app.meter.bytes_per_second())
    );
    let picture = match size.is_empty() {
        true => String::new(),
        false => format!("{}{}{}", size.width, theme.times(), size.height),
    };
    let monitors = app.picture.monitors();
    let last = monitors.iter().map(Monitor::number).max();
    let monitor = match app.picture.monitor().zip(last) {
        Some((shown, last)) if monitors.len() > 1 => {
            format!("monitor {} of {last}", shown.number())
        }
        _ => String::new(),
    };
    let view_only = match (&app.timeline, app.setup.view_only) {
        (None, _) if app.is_held() => "HELD",
        (Some(_), _) => "recording, ? helps",
        (None, _) if app.mirrors => "proxy, q quits",
        (None, true) => "view only",
        (None, false) => "",
    };
    let recording = app.recording.as_ref();
    let recording = recording.map_or(String::new(), |r| {
        format!("{}{}", theme.recording(), r.text())
    });
    let message = app.timeline.as_ref().and_then(|t| t.message.as_deref());
    let lights = lights(app.typist.locks);
    let held: Vec<&str> = app.typist.held().filter_map(key_name).collect();
    let held = match held.is_empty() {
        true => String::new(),
        false => format!("{} held", held.join("+")),
    };
    let agent = agent(app);
    let sound = app.sound.status(theme.gauge());
    let refining = if app.says_refining { "refining" } else { "" };
    let (tabs, history) = (app.tabs.status(), app.tabs.history());
    let of_picture = |text| if app.tabs.is_shown() { "" } else { text };
    let microphone = app.microphone.status();
    // In the order they are shown; the numbers say which are kept longest.
    let parts = [
        (1, app.setup.target.as_str()),
        (6, app.name.as_deref().unwrap_or_default()),
        (3, tabs.as_str()),
        (2, history.as_str()),
        (3, app.tabs.machine()),
        (4, of_picture(monitor.as_str())),
        (3, of_picture(picture.as_str())),
        (7, of_picture(app.drawing_name())),
        (5, of_picture(refining)),
        (5, of_picture(rate.as_str())),
        (8, agent),
        (7, sound.as_str()),
        // Nobody is to forget it.
        (if app.microphone.on { 1 } else { 8 }, microphone),
        (6, lights.as_str()),
        (2, held.as_str()),
        (1, message.unwrap_or_default()),
        // Nobody is to forget it either.
        (1, recording.as_str()),
        (if app.is_held() { 1 } else { 2 }, view_only),
        // With the keys elsewhere it is the way back.
        (if has_keys { 9 } else { 2 }, escape.as_str()),
    ];
    let separator = theme.separator();
    let join = |most: u8| {
        let kept = parts
            .iter()
            .filter(|(rank, text)| *rank <= most && !text.is_empty());
        let words: Vec<&str> = kept.map(|(_, text)| *text).collect();
        format!(" {} ", words.join(separator))
    };
    (1..=9)
        .rev()
        .map(join)
        .find(|line| Line::raw(line.as_str()).width() <= width)
        .unwrap_or_else(|| join(1))
}

/// What the escape key does at the moment.
fn what_escape_does(app: &App) -> &'static str {
    let has_guest = app.timeline.is_none() && !app.mirrors && !app.setup.view_only;
    match &app.focus {
        Focus::Guest => "menu",
        Focus::Palette(state) if has_guest && *state == palette::State::default() => "to guest",
        _ => "back",
    }
}

/// What the guest agent is good for at the moment.
fn agent(app: &App) -> &'static str {
    match app.sharing.agent {
        State::Absent => "",
        State::Ready(_) if !app.sharing.offered.is_empty() => "agent: copied",
        State::Ready(_) => "agent",
        State::Starting => "agent ...",
        State::Silent | State::Broken => "agent fails",
    }
}

/// The guest's lights that are on.
fn lights(locks: Locks) -> String {
    let lights = [
        (Locks::CAPS, "caps"),
        (Locks::NUM, "num"),
        (Locks::SCROLL, "scroll"),
    ];
    let on = lights.into_iter().filter(|(lock, _)| locks.contains(*lock));
    on.map(|(_, name)| name).collect::<Vec<_>>().join("+")
}

/// Colours and lines for what the terminal can do.
pub struct Theme {
    colours: Colours,
    glyphs: Glyphs,
}

impl Theme {
    /// The theme for the way an app draws.
    pub fn of(app: &App) -> Self {
        Self::of_style(app.setup.style)
    }

    /// The theme for colours and characters.
    pub const fn of_style(style: crate::term::Style) -> Self {
        Self {
            colours: style.colours,
            glyphs: style.glyphs,
        }
    }

    fn coloured(&self, style: Style, colour: Color) -> Style {
        match (self.colours, self.glyphs) {
            (Colours::None, _) | (_, Glyphs::Ascii) => style,
            _ => style.fg(colour),
        }
    }

    /// Headings and keys.
    pub fn title(&self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What matters less.
    pub fn dim(&self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    /// Bars and marks.
    pub fn bar(&self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// What must not be missed.
    pub fn alert(&self) -> Style {
        let style = Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD);
        self.coloured(style, Color::Indexed(3))
    }

    /// The character of horizontal lines.
    pub fn rule(&self) -> &'static str {
        self.choose("─", "-")
    }

    /// What stands between the parts of a line.
    pub fn separator(&self) -> &'static str {
        self.choose(" · ", " | ")
    }

    /// Between width and height, or after a count.
    pub fn times(&self) -> &'static str {
        self.choose("×", "x")
    }

    /// The filled and the empty part of a gauge.
    pub fn gauge(&self) -> (&'static str, &'static str) {
        (self.choose("█", "#"), self.choose("░", "."))
    }

    /// Bars of one row, from nothing to full.
    pub fn steps(&self) -> &'static str {
        self.choose(" ▁▂▃▄▅▆▇█", " .:-=+*#")
    }

    /// How much, 0 to 8.
    pub fn level(&self, level: usize) -> &'static str {
        const BLOCKS: [&str; 9] = ["\u{b7}", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
        const ASCII: [&str; 9] = [".", "-", "-", "=", "=", "+", "*", "#", "#"];
        let level = level.min(8);
        self.choose(BLOCKS[level], ASCII[level])
    }

    /// A marked moment.
    pub fn mark(&self) -> &'static str {
        self.choose("◆", "!")
    }

    /// What stands before the word for a recording.
    pub fn recording(&self) -> &'static str {
        self.choose("● ", "")
    }

    /// A player that plays.
    pub fn playing(&self) -> &'static str {
        self.choose("▶", ">")
    }

    /// A player at the end.
    pub fn stopped(&self) -> &'static str {
        self.choose("■", "end")
    }

    /// The lines around a box.
    pub fn border(&self) -> border::Set<'static> {
        match self.glyphs {
            Glyphs::Ascii => border::Set {
                top_left: "+",
                top_right: "+",
                bottom_left: "+",
                bottom_right: "+",
                vertical_left: "|",
                vertical_right: "|",
                horizontal_top: "-",
                horizontal_bottom: "-",
            },
            _ => border::PLAIN,
        }
    }

    fn choose(&self, blocks: &'static str, ascii: &'static str) -> &'static str {
        match self.glyphs {
            Glyphs::Ascii => ascii,
            _ => blocks,
        }
    }
}
