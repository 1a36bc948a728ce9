//! The menu behind the escape key: type to filter, one key for each entry.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};

use super::{PaneKind, draw_lines};
use crate::channel::inputs::scancode::make_code;
use crate::channel::main::agent::ContentKind;
use crate::client::Monitor;
use crate::term::{Colours, Drawing, Glyphs, Style};
use crate::tui::action::MenuKey;
use crate::tui::app::App;
use crate::tui::keymap::SYS_RQ;
use crate::tui::picture::Zoom;
use crate::tui::view::Theme;

/// Where the user is in the menu.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    menu: Menu,
    /// What was typed to narrow the list; `None` while keys are shortcuts.
    filter: Option<String>,
    /// The marked entry among those listed.
    marked: usize,
}

/// A list of entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Menu {
    /// The first.
    #[default]
    Root,
    /// Keys for the guest that a terminal cannot send.
    Keys,
    /// Keys that reach the guest's kernel.
    SysRq,
    /// Panes to open and close.
    Panes,
    /// Zoom and pan.
    Zoom,
    /// Colours and characters.
    Draw,
    /// Monitors to show.
    Monitors,
    /// What was copied in the guest.
    Clipboard,
}

/// What the user chose.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// Ends the viewer.
    Quit,
    /// Opens another list.
    Open(Menu),
    /// Sends keys, pressed in this order.
    Chord(Vec<u32>),
    /// Opens or closes a pane.
    Pane(PaneKind),
    /// Shows the whole picture.
    Whole,
    /// Shows so many dots a pixel.
    Times(u32),
    /// Shows one dot a pixel around what the user looks at.
    Loupe,
    /// Moves the part that is shown, by quarters of it: to the right and down.
    Pan(i32, i32),
    /// Scrolls the log back by so many lines.
    Scroll(i32),
    /// Draws in another style.
    Draw(Style),
    /// Draws with pixels.
    DrawPixels(Drawing),
    /// Shows another monitor.
    Monitor(Monitor),
    /// Opens the help page.
    Help,
    /// Gives the terminal to the shell for a while.
    Suspend,
    /// Puts the next paste into the guest's clipboard.
    PasteThere,
    /// Takes what was copied in the guest.
    Take(ContentKind),
    /// Takes text by itself when it is copied in the guest, or not.
    Automatic,
    /// Makes the guest's screen as large as the room for it.
    Resize,
    /// Keeps it so large, or not.
    Follow,
}

/// What a key did.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// The menu stays.
    Stay,
    /// The menu goes.
    Close,
    /// The menu goes, and this is to be done.
    Chosen(Choice),
}

struct Entry {
    shortcut: Option<MenuKey>,
    label: String,
    /// Whether it is in force, where that is a question.
    on: Option<bool>,
    choice: Choice,
}

impl State {
    /// The beginning of a list.
    pub fn of(menu: Menu) -> Self {
        Self {
            menu,
            ..Self::default()
        }
    }

    /// Adds to the filter, as far as it is printable.
    pub fn type_text(&mut self, text: &str) {
        let filter = self.filter.get_or_insert_default();
        filter.extend(text.chars().filter(|c| !c.is_control()).take(40));
        self.marked = 0;
    }

    fn listed(&self, app: &App) -> Vec<Entry> {
        let wanted = self.filter.as_deref().unwrap_or_default().to_lowercase();
        let mut entries = entries(self.menu, app);
        entries.retain(|entry| entry.label.to_lowercase().contains(&wanted));
        entries
    }
}

/// Takes in a key.
pub fn key(state: &mut State, key: MenuKey, app: &App) -> Response {
    let mut listed = state.listed(app);
    if state.filter.is_none() {
        let shortcut = listed.iter().position(|entry| entry.shortcut == Some(key));
        if let Some(chosen) = shortcut {
            return Response::Chosen(listed.swap_remove(chosen).choice);
        }
        if let Some(choice) = moves(state.menu, key, app) {
            return Response::Chosen(choice);
        }
    }
    let last = listed.len().saturating_sub(1);
    match key {
        MenuKey::Char('/') if state.filter.is_none() => state.type_text(""),
        MenuKey::Char(c) => state.type_text(c.encode_utf8(&mut [0; 4])),
        MenuKey::Back => return back(state),
        MenuKey::Up => state.marked = state.marked.saturating_sub(1),
        MenuKey::Down => state.marked = (state.marked + 1).min(last),
        MenuKey::PageUp => state.marked = 0,
        MenuKey::PageDown => state.marked = last,
        MenuKey::Enter if state.marked < listed.len() => {
            return Response::Chosen(listed.swap_remove(state.marked).choice);
        }
        MenuKey::Close => return Response::Close,
        MenuKey::Enter | MenuKey::Left | MenuKey::Right | MenuKey::Ctrl(_) => {}
    }
    Response::Stay
}

/// What arrows do where they do more than mark.
fn moves(menu: Menu, key: MenuKey, app: &App) -> Option<Choice> {
    let in_part = app.picture.zoom() != Zoom::Whole;
    Some(match (menu, key) {
        (Menu::Zoom, MenuKey::Left) if in_part => Choice::Pan(-1, 0),
        (Menu::Zoom, MenuKey::Right) if in_part => Choice::Pan(1, 0),
        (Menu::Zoom, MenuKey::Up) if in_part => Choice::Pan(0, -1),
        (Menu::Zoom, MenuKey::Down) if in_part => Choice::Pan(0, 1),
        (Menu::Monitors, MenuKey::Char('n') | MenuKey::Right) => {
            Choice::Monitor(neighbour(app, 1)?)
        }
        (Menu::Monitors, MenuKey::Char('p') | MenuKey::Left) => {
            Choice::Monitor(neighbour(app, -1)?)
        }
        (Menu::Panes, MenuKey::PageUp) => Choice::Scroll(5),
        (Menu::Panes, MenuKey::PageDown) => Choice::Scroll(-5),
        _ => return None,
    })
}

/// The monitor so many places after the one that is shown, round and round.
fn neighbour(app: &App, places: isize) -> Option<Monitor> {
    let (monitors, shown) = (app.picture.monitors(), app.picture.monitor()?);
    let at = monitors.iter().position(|monitor| monitor.is(&shown))?;
    let place = at.checked_add_signed(places);
    place
        .map_or(monitors.last(), |at| monitors.get(at % monitors.len()))
        .copied()
}

fn back(state: &mut State) -> Response {
    match &mut state.filter {
        Some(filter) => {
            if filter.pop().is_none() {
                state.filter = None;
            }
            state.marked = 0;
        }
        None if state.menu != Menu::Root => *state = State::default(),
        None => return Response::Close,
    }
    Response::Stay
}

fn entries(menu: Menu, app: &App) -> Vec<Entry> {
    match menu {
        Menu::Root => root(app),
        Menu::Keys => send_keys(),
        Menu::SysRq => sys_rq(),
        Menu::Panes => panes(app),
        Menu::Zoom => zoom(app),
        Menu::Draw => drawing(app),
        Menu::Monitors => monitors(app),
        Menu::Clipboard => clipboard(app),
    }
}

fn entry(shortcut: char, label: impl Into<String>, choice: Choice) -> Entry {
    Entry {
        shortcut: Some(MenuKey::Char(shortcut)),
        label: label.into(),
        on: None,
        choice,
    }
}

fn root(app: &App) -> Vec<Entry> {
    vec![
        entry('q', "quit", Choice::Quit),
        entry('k', "send keys ...", Choice::Open(Menu::Keys)),
        entry('v', "paste to the guest's clipboard", Choice::PasteThere),
        entry('C', "guest's clipboard ...", Choice::Open(Menu::Clipboard)),
        entry('i', "panes ...", Choice::Open(Menu::Panes)),
        entry('z', "zoom ...", Choice::Open(Menu::Zoom)),
        entry('o', "monitor ...", Choice::Open(Menu::Monitors)),
        entry('d', "drawing ...", Choice::Open(Menu::Draw)),
        entry('g', "resize guest to this window", Choice::Resize),
        Entry {
            on: Some(app.sharing.follows),
            ..entry('G', "guest follows this window", Choice::Follow)
        },
        Entry {
            shortcut: Some(MenuKey::Ctrl('z')),
            ..entry('z', "suspend", Choice::Suspend)
        },
        entry('?', "help", Choice::Help),
    ]
}

/// A chord by the W3C names of its keys.
fn chord(names: &[&str]) -> Choice {
    Choice::Chord(names.iter().filter_map(|name| make_code(name)).collect())
}

fn send_keys() -> Vec<Entry> {
    let ctrl_alt = |key: &str| chord(&["ControlLeft", "AltLeft", key]);
    let mut entries = vec![
        entry('d', "Ctrl+Alt+Del", ctrl_alt("Delete")),
        entry('b', "Ctrl+Alt+Backspace", ctrl_alt("Backspace")),
        entry('p', "Print Screen", chord(&["PrintScreen"])),
        entry('a', "Alt+Tab", chord(&["AltLeft", "Tab"])),
        entry('f', "Alt+F4", chord(&["AltLeft", "F4"])),
        entry('w', "Super (Windows key)", chord(&["MetaLeft"])),
        entry('m', "Menu", chord(&["ContextMenu"])),
        entry('u', "Pause", chord(&["Pause"])),
        entry('s', "SysRq ...", Choice::Open(Menu::SysRq)),
    ];
    // 1 to 9 and 0, then the two keys to the right of them.
    let keys = "1234567890-=".chars();
    entries.extend((1..=12).zip(keys).map(|(number, shortcut)| {
        let label = format!("Ctrl+Alt+F{number}");
        entry(shortcut, label, ctrl_alt(&format!("F{number}")))
    }));
    entries
}

fn sys_rq() -> Vec<Entry> {
    let with = |key: &str| {
        let codes = [make_code("AltLeft"), Some(SYS_RQ), make_code(key)];
        Choice::Chord(codes.into_iter().flatten().collect())
    };
    vec![
        entry('h', "Alt+SysRq+h  help", with("KeyH")),
        entry('s', "Alt+SysRq+s  sync disks", with("KeyS")),
        entry('u', "Alt+SysRq+u  remount read-only", with("KeyU")),
        entry('e', "Alt+SysRq+e  end all processes", with("KeyE")),
        entry('i', "Alt+SysRq+i  kill all processes", with("KeyI")),
        entry('w', "Alt+SysRq+w  blocked tasks", with("KeyW")),
        entry('b', "Alt+SysRq+b  reboot at once", with("KeyB")),
        entry('o', "Alt+SysRq+o  power off", with("KeyO")),
    ]
}

fn panes(app: &App) -> Vec<Entry> {
    let one = |kind: PaneKind| Entry {
        on: Some(app.panes.contains(&kind)),
        ..entry(
            kind.name().chars().next().unwrap_or_default(),
            kind.name(),
            Choice::Pane(kind),
        )
    };
    let mut entries: Vec<Entry> = PaneKind::ALL.into_iter().map(one).collect();
    // "channels" and "codecs" begin alike.
    entries[1].shortcut = Some(MenuKey::Char('s'));
    entries
}

fn zoom(app: &App) -> Vec<Entry> {
    let zoom = app.picture.zoom();
    let one = |shortcut, label: &str, on, choice| Entry {
        on: Some(on),
        ..entry(shortcut, label, choice)
    };
    let exact = |wanted| matches!(zoom, Zoom::Exact { times, .. } if times == wanted);
    let sign = Theme::of(app).times();
    let larger = |shortcut, times| {
        let label = format!("{times}{sign}, arrows pan");
        one(shortcut, &label, exact(times), Choice::Times(times))
    };
    vec![
        one(
            'f',
            "fit the whole screen",
            zoom == Zoom::Whole,
            Choice::Whole,
        ),
        one('1', "1:1, arrows pan", exact(1), Choice::Times(1)),
        larger('2', 2),
        larger('3', 3),
        one(
            'l',
            "loupe: 1:1, follows the pointer",
            zoom == Zoom::Loupe,
            Choice::Loupe,
        ),
    ]
}

fn drawing(app: &App) -> Vec<Entry> {
    let now = app.setup.style;
    let one = |shortcut, label, style: Style| Entry {
        on: Some(now == style && !app.draws_pixels()),
        ..entry(shortcut, label, Choice::Draw(style))
    };
    let with = |glyphs| Style { glyphs, ..now };
    let of = |colours| Style { colours, ..now };
    let pixels = app
        .pixel_drawings()
        .into_iter()
        .map(|(shortcut, drawing)| Entry {
            on: Some(app.drawing_name() == drawing.name()),
            ..entry(
                shortcut,
                format!("{}: pixels", drawing.name()),
                Choice::DrawPixels(drawing),
            )
        });
    let cells = [
        one('o', "octants: 2 by 4 dots", with(Glyphs::Octants)),
        one('s', "sextants: 2 by 3 dots", with(Glyphs::Sextants)),
        one('q', "quarter blocks: 2 by 2 dots", with(Glyphs::Quadrants)),
        one('h', "half blocks: 1 by 2 dots", with(Glyphs::Halves)),
        one('a', "ASCII", with(Glyphs::Ascii)),
        one('1', "all colours", of(Colours::True)),
        one('2', "256 colours", of(Colours::Palette256)),
        one('3', "16 colours", of(Colours::Palette16)),
        one('4', "no colours", of(Colours::None)),
    ];
    pixels.chain(cells).collect()
}

fn monitors(app: &App) -> Vec<Entry> {
    let shown = app.picture.monitor();
    let times = Theme::of(app).times();
    let one = |monitor: Monitor| {
        let number = monitor.number();
        let (width, height) = (monitor.rect.width(), monitor.rect.height());
        Entry {
            // Those behind the ninth are reached by the arrows.
            shortcut: char::from_digit(number, 10).map(MenuKey::Char),
            label: format!("monitor {number}: {width}{times}{height}"),
            on: Some(shown.is_some_and(|shown| shown.is(&monitor))),
            choice: Choice::Monitor(monitor),
        }
    };
    app.picture.monitors().into_iter().map(one).collect()
}

fn clipboard(app: &App) -> Vec<Entry> {
    let sharing = &app.sharing;
    let mut entries = Vec::new();
    if sharing.offered.contains(&ContentKind::Text) {
        let take = Choice::Take(ContentKind::Text);
        entries.push(entry('c', "copy its text to this terminal", take));
    }
    if let Some(kind) = sharing.picture() {
        let label = format!("save its picture ({})", kind.name());
        entries.push(entry('s', label, Choice::Take(kind)));
    }
    entries.push(Entry {
        on: Some(sharing.automatic),
        ..entry('a', "copy text at once, always", Choice::Automatic)
    });
    entries
}

/// Draws the menu in the middle of `area`.
pub fn draw(app: &App, state: &State, area: Rect, buf: &mut Buffer) {
    const WIDTH: u16 = 40;
    let theme = Theme::of(app);
    let listed = state.listed(app);
    let frame = area.centered(
        ratatui::layout::Constraint::Length(WIDTH),
        ratatui::layout::Constraint::Length(listed.len() as u16 + 2),
    );
    let title = match &state.filter {
        Some(filter) => format!(" /{filter} "),
        None => format!(" {} ", title(state.menu)),
    };
    let block = Block::bordered()
        .border_set(theme.border())
        .title(Span::styled(title, theme.title()));
    let inside = block.inner(frame);
    Clear.render(frame, buf);
    block.render(frame, buf);
    let hidden = (state.marked + 1).saturating_sub(inside.height.into());
    let lines = listed.iter().enumerate().skip(hidden).map(|(at, entry)| {
        let line = line(entry, app);
        if at == state.marked {
            // Padded, so that the mark spans the row.
            let missing = usize::from(inside.width).saturating_sub(line.width());
            let mut line = line;
            line.push_span(" ".repeat(missing));
            line.patch_style(theme.bar())
        } else {
            line
        }
    });
    draw_lines(lines, inside, buf);
}

fn title(menu: Menu) -> &'static str {
    match menu {
        Menu::Root => "menu",
        Menu::Keys => "send keys",
        Menu::SysRq => "SysRq",
        Menu::Panes => "panes",
        Menu::Zoom => "zoom",
        Menu::Draw => "drawing",
        Menu::Monitors => "monitor, n next, p previous",
        Menu::Clipboard => "guest's clipboard",
    }
}

fn line<'a>(entry: &Entry, app: &App) -> Line<'a> {
    let theme = Theme::of(app);
    let shortcut = match entry.shortcut {
        Some(MenuKey::Char(c)) => c.to_string(),
        Some(MenuKey::Ctrl(c)) => format!("^{}", c.to_ascii_uppercase()),
        _ => String::new(),
    };
    let mark = match entry.on {
        Some(true) => "x ",
        Some(false) => "- ",
        None => "",
    };
    Line::from(vec![
        Span::styled(format!(" {shortcut:<3}"), theme.title()),
        Span::raw(format!("{mark}{}", entry.label)),
    ])
}
