//! The menu behind the escape key: type to filter, one key for each entry.

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};

use super::{PaneKind, draw_lines, timeline};
use crate::channel::main::agent::ContentKind;
use crate::client::Monitor;
use crate::keyboard::{
    ALT, ALT_GR, CTRL, Chord, Key, LAYOUTS, Layout, SHIFT, SUPER, key_name, keys,
};
use crate::term::{Colours, Drawing, Glyphs, Style};
use crate::tui::action::MenuKey;
use crate::tui::app::App;
use crate::tui::deck::Order as Playing;
use crate::tui::picture::Zoom;
use crate::tui::tabs::monitor::Order;
use crate::tui::typist::{Hold, MOST_PASTED};
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
    /// Every key a PC has that is no character.
    EveryKey,
    /// Keys to hold.
    Hold,
    /// Every key, to hold.
    HoldKey,
    /// Keys that reach the guest's kernel.
    SysRq,
    /// The guest's keyboard layout.
    Layout,
    /// Waits for a paste, to type it.
    Paste,
    /// What to do with what was pasted.
    Pasted,
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
    /// The guest's ports.
    Ports,
    /// Orders to the machine.
    Machine,
    /// Whether it is really to be reset.
    Reset,
    /// Whether it is really to be ended.
    SwitchOff,
    /// How loud the sound is, and the microphone.
    Sound,
    /// A time to go to in a recording.
    GoTo,
}

/// What the user chose.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// Records, or records no longer.
    Record,
    /// Has the player do something.
    Play(Playing),
    /// Ends the viewer.
    Quit,
    /// Opens another list.
    Open(Menu),
    /// Presses keys.
    Chord(Chord),
    /// Holds a key by its make code, or lets go of it.
    Hold(u32, Option<Hold>),
    /// Lets go of all keys that are held.
    LetGo,
    /// Takes another keyboard layout for the guest's.
    Layout(&'static Layout),
    /// Types what was pasted.
    TypePasted,
    /// Puts what was pasted into the guest's clipboard.
    OfferPasted,
    /// Forgets what was pasted.
    Forget,
    /// Opens or closes a pane.
    Pane(PaneKind),
    /// Gives the keyboard to the panes.
    ReadPanes,
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
    /// Gives the keyboard to the guest's mouse.
    Steer,
    /// Makes the guest's screen as large as the room for it.
    Resize,
    /// Keeps it so large, or not.
    Follow,
    /// Lets the guest's sound be heard, or not.
    Sound,
    /// Shows the next tab.
    NextTab,
    /// Shows a port as a tab, or the picture.
    Tab(Option<u8>),
    /// Types the command that tells the guest how large the tab is.
    TellSize,
    /// Sends a break to the port that is shown.
    Break,
    /// Looks so many lines back in the tab that is shown.
    ScrollTab(isize),
    /// Gives an order to the machine.
    Machine(Order),
    /// Makes it quieter by this much, per cent; louder, if that is negative.
    Quieter(i8),
    /// Lets the guest hear the microphone, or not.
    Microphone,
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

    /// Which list it is.
    pub fn menu(&self) -> Menu {
        self.menu
    }

    /// Adds to the filter, as far as it is printable.
    pub fn type_text(&mut self, text: &str) {
        let filter = self.filter.get_or_insert_default();
        filter.extend(text.chars().filter(|c| !c.is_control()).take(40));
        self.marked = 0;
    }

    fn listed(&self, app: &App) -> Vec<Entry> {
        let wanted = self.filter.as_deref().unwrap_or_default().to_lowercase();
        if self.menu == Menu::GoTo {
            return go_to(self.filter.as_deref().unwrap_or_default(), app);
        }
        let mut entries = entries(self.menu, app);
        if self.menu == Menu::Keys && !wanted.is_empty() {
            entries.extend(every_key(press_key));
        }
        entries.retain(|entry| entry.label.to_lowercase().contains(&wanted));
        let written = self.filter.as_deref().map(str::parse::<Chord>);
        if let (Menu::Keys | Menu::EveryKey, Some(Ok(chord))) = (self.menu, written) {
            let label = format!("press {}", self.filter.as_deref().unwrap_or_default());
            entries.push(unmarked(label, Choice::Chord(chord)));
        }
        entries
    }
}

/// Takes in a key.
pub fn key(state: &mut State, key: MenuKey, app: &App) -> Response {
    let key = key.without_shift();
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
        _ => {}
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
        (Menu::Ports, MenuKey::PageUp) => Choice::ScrollTab(10),
        (Menu::Ports, MenuKey::PageDown) => Choice::ScrollTab(-10),
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

/// What a typed time means.
fn go_to(text: &str, app: &App) -> Vec<Entry> {
    let length = app.timeline.as_ref().map_or(Duration::ZERO, |t| t.length);
    vec![match timeline::parse(text, length) {
        Some(order @ Playing::To(at)) => unmarked(
            format!("go to {}", timeline::clock(at)),
            Choice::Play(order),
        ),
        _ => unmarked("type a time: 90, 1:30, 50%", Choice::Open(Menu::GoTo)),
    }]
}

fn entries(menu: Menu, app: &App) -> Vec<Entry> {
    match menu {
        Menu::GoTo => go_to("", app),
        Menu::Root => root(app),
        Menu::Keys => send_keys(),
        Menu::EveryKey => every_key(press_key).collect(),
        Menu::Hold => hold(app),
        Menu::HoldKey => every_key(|code| Choice::Hold(code, Some(Hold::Locked))).collect(),
        Menu::SysRq => sys_rq(),
        Menu::Layout => layouts(app),
        Menu::Paste => vec![unmarked(
            "paste into this terminal",
            Choice::Open(Menu::Paste),
        )],
        Menu::Pasted => pasted(app),
        Menu::Panes => panes(app),
        Menu::Zoom => zoom(app),
        Menu::Draw => drawing(app),
        Menu::Monitors => monitors(app),
        Menu::Clipboard => clipboard(app),
        Menu::Ports => ports(app),
        Menu::Machine => machine(app),
        Menu::Reset => vec![
            entry(
                'y',
                "yes, reset it: unsaved work is lost",
                Choice::Machine(Order::Reset),
            ),
            entry('n', "no", Choice::Open(Menu::Machine)),
        ],
        Menu::SwitchOff => vec![
            entry('y', "yes, pull the plug", Choice::Machine(Order::SwitchOff)),
            entry('n', "no", Choice::Open(Menu::Machine)),
        ],
        Menu::Sound => sound(app),
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

/// An entry that no key is enough for.
fn unmarked(label: impl Into<String>, choice: Choice) -> Entry {
    Entry {
        shortcut: None,
        ..entry(' ', label, choice)
    }
}

fn root(app: &App) -> Vec<Entry> {
    let layout = format!("keyboard layout: {} ...", app.typist.layout());
    let mut entries = vec![
        entry('q', "quit", Choice::Quit),
        entry('k', "send keys ...", Choice::Open(Menu::Keys)),
        entry('p', "paste as keystrokes ...", Choice::Open(Menu::Paste)),
        entry('v', "paste to the guest's clipboard", Choice::PasteThere),
        entry('C', "guest's clipboard ...", Choice::Open(Menu::Clipboard)),
        entry('l', layout, Choice::Open(Menu::Layout)),
        entry('i', "panes ...", Choice::Open(Menu::Panes)),
        entry('z', "zoom ...", Choice::Open(Menu::Zoom)),
        entry('o', "monitor ...", Choice::Open(Menu::Monitors)),
        entry('m', "pointer by keyboard", Choice::Steer),
        entry('d', "drawing ...", Choice::Open(Menu::Draw)),
        entry('g', "resize guest to this window", Choice::Resize),
        Entry {
            on: Some(app.sharing.follows),
            ..entry('G', "guest follows this window", Choice::Follow)
        },
        Entry {
            on: Some(app.sound.on),
            ..entry('u', "sound", Choice::Sound)
        },
        entry('U', "volume and microphone ...", Choice::Open(Menu::Sound)),
        Entry {
            shortcut: Some(MenuKey::Ctrl('z')),
            ..entry('z', "suspend", Choice::Suspend)
        },
        entry('?', "help", Choice::Help),
    ];
    let before_suspend = entries.len() - 2;
    let record = app.recordable.then(|| Entry {
        on: Some(app.recording.is_some()),
        ..entry('r', "record into a file", Choice::Record)
    });
    let more = record.into_iter().chain(of_ports(app));
    entries.splice(before_suspend..before_suspend, more);
    entries
}

/// What there is to do with ports, where there are some.
fn of_ports(app: &App) -> Vec<Entry> {
    let mut entries = Vec::new();
    if app.tabs.next() != app.tabs.shown() {
        let label = format!("next tab: {}", app.tabs.label(app.tabs.next()));
        entries.push(entry('w', label, Choice::NextTab));
    }
    if !app.tabs.is_empty() {
        entries.push(entry('W', "ports ...", Choice::Open(Menu::Ports)));
    }
    if let Some(monitor) = app.tabs.monitor() {
        let label = format!("machine: {} ...", monitor.state().unwrap_or("unknown"));
        entries.push(entry('P', label, Choice::Open(Menu::Machine)));
    }
    entries
}

fn ports(app: &App) -> Vec<Entry> {
    let shown = app.tabs.shown();
    let picture = Entry {
        on: Some(shown.is_none()),
        ..entry('0', "picture", Choice::Tab(None))
    };
    let ports = app.tabs.list().into_iter().zip(1..).map(|(port, place)| {
        let closed = if port.is_open { "" } else { " (closed)" };
        Entry {
            // Those behind the ninth are reached by their names.
            shortcut: char::from_digit(place, 10).map(MenuKey::Char),
            on: Some(shown == Some(port.port)),
            ..unmarked(
                format!("{}{closed}", port.name),
                Choice::Tab(Some(port.port)),
            )
        }
    });
    let mut entries: Vec<Entry> = [picture].into_iter().chain(ports).collect();
    if shown.is_some() {
        entries.extend([
            entry(
                's',
                "tell the guest this size: types stty",
                Choice::TellSize,
            ),
            entry('b', "send a break", Choice::Break),
        ]);
    }
    entries
}

fn machine(app: &App) -> Vec<Entry> {
    let paused = app
        .tabs
        .monitor()
        .is_some_and(|monitor| monitor.is_paused());
    let (label, order) = match paused {
        true => ("continue", Order::Continue),
        false => ("pause", Order::Pause),
    };
    vec![
        entry('p', label, Choice::Machine(order)),
        entry(
            'o',
            "power off, as its button does",
            Choice::Machine(Order::PowerOff),
        ),
        entry('r', "reset ...", Choice::Open(Menu::Reset)),
        entry('x', "end it at once ...", Choice::Open(Menu::SwitchOff)),
    ]
}

/// Entries for chords: shortcut, label and keys.
fn chords<'a>(
    chords: impl IntoIterator<Item = (char, &'a str, &'a str)>,
) -> impl Iterator<Item = Entry> {
    chords.into_iter().filter_map(|(shortcut, label, keys)| {
        let chord = keys.parse().ok()?;
        Some(entry(shortcut, label, Choice::Chord(chord)))
    })
}

fn send_keys() -> Vec<Entry> {
    let mut entries: Vec<Entry> = chords([
        ('d', "Ctrl+Alt+Del", "ctrl+alt+delete"),
        ('b', "Ctrl+Alt+Backspace", "ctrl+alt+backspace"),
        ('p', "Print Screen", "print"),
        ('a', "Alt+Tab", "alt+tab"),
        ('f', "Alt+F4", "alt+f4"),
        ('w', "Super (Windows key)", "super"),
        ('m', "Menu", "menu"),
        ('u', "Pause", "pause"),
    ])
    .collect();
    entries.extend([
        entry('s', "SysRq ...", Choice::Open(Menu::SysRq)),
        entry('h', "hold keys ...", Choice::Open(Menu::Hold)),
        entry('e', "every key ...", Choice::Open(Menu::EveryKey)),
    ]);
    // 1 to 9 and 0, then the two keys to the right of them.
    for (number, shortcut) in (1..=12).zip("1234567890-=".chars()) {
        let (label, keys) = (format!("Ctrl+Alt+F{number}"), format!("ctrl+alt+f{number}"));
        entries.extend(chords([(shortcut, label.as_str(), keys.as_str())]));
    }
    entries
}

fn press_key(code: u32) -> Choice {
    Choice::Chord(Chord::of(Key::Code(code)))
}

fn every_key(choice: fn(u32) -> Choice) -> impl Iterator<Item = Entry> {
    keys().map(move |(name, code)| unmarked(name, choice(code)))
}

fn hold(app: &App) -> Vec<Entry> {
    const MODIFIERS: [(char, &str, u32); 5] = [
        ('c', "Ctrl", CTRL),
        ('a', "Alt", ALT),
        ('s', "Shift", SHIFT),
        ('w', "Super", SUPER),
        ('g', "AltGr", ALT_GR),
    ];
    let one = |shortcut, name: &str, code| {
        let (state, next) = match app.typist.holding(code) {
            None => ("", Some(Hold::Once)),
            Some(Hold::Once) => (": for the next key", Some(Hold::Locked)),
            Some(Hold::Locked) => (": until you let go", None),
        };
        Entry {
            shortcut,
            on: Some(!state.is_empty()),
            ..unmarked(format!("{name}{state}"), Choice::Hold(code, next))
        }
    };
    let modifiers = MODIFIERS.map(|(key, name, code)| one(Some(MenuKey::Char(key)), name, code));
    let is_other = |code: &u32| MODIFIERS.iter().all(|(.., modifier)| modifier != code);
    let others = app.typist.held().filter(is_other);
    let others = others.map(|code| one(None, key_name(code).unwrap_or("a key"), code));
    let rest = [
        entry('k', "another key ...", Choice::Open(Menu::HoldKey)),
        entry('l', "let go of all", Choice::LetGo),
    ];
    modifiers.into_iter().chain(others).chain(rest).collect()
}

fn sys_rq() -> Vec<Entry> {
    chords([
        ('h', "Alt+SysRq+h  help", "alt+sysrq+KeyH"),
        ('s', "Alt+SysRq+s  sync disks", "alt+sysrq+KeyS"),
        ('u', "Alt+SysRq+u  remount read-only", "alt+sysrq+KeyU"),
        ('e', "Alt+SysRq+e  end all processes", "alt+sysrq+KeyE"),
        ('i', "Alt+SysRq+i  kill all processes", "alt+sysrq+KeyI"),
        ('w', "Alt+SysRq+w  blocked tasks", "alt+sysrq+KeyW"),
        ('b', "Alt+SysRq+b  reboot at once", "alt+sysrq+KeyB"),
        ('o', "Alt+SysRq+o  power off", "alt+sysrq+KeyO"),
    ])
    .collect()
}

fn layouts(app: &App) -> Vec<Entry> {
    let one = |layout: &&'static Layout| Entry {
        on: Some(*layout == app.typist.layout()),
        ..unmarked(
            format!("{:<13} {}", layout.name, layout.title),
            Choice::Layout(layout),
        )
    };
    LAYOUTS.iter().map(one).collect()
}

/// What can be done with what was pasted.
fn pasted(app: &App) -> Vec<Entry> {
    let text = app.pasted.as_deref().unwrap_or_default();
    let text = app.typist.read(text, MOST_PASTED);
    let label = match text.missing.count {
        0 => "type it as keys".to_owned(),
        count => format!("type it as keys, {count} left out"),
    };
    let mut entries = vec![entry('k', label, Choice::TypePasted)];
    if app.sharing.agent.clipboard().is_ok() {
        entries.push(entry(
            'v',
            "put it into the guest's clipboard",
            Choice::OfferPasted,
        ));
    }
    entries.push(unmarked("Esc: do nothing", Choice::Forget));
    entries
}

/// Terminals send line ends as returns.
fn lines(text: &str) -> usize {
    let ends = text.replace("\r\n", "\n").replace('\r', "\n");
    ends.lines().count()
}

/// How much was pasted, for the title.
fn size_of_paste(app: &App) -> String {
    let text = app.pasted.as_deref().unwrap_or_default();
    let (characters, lines) = (text.chars().count(), lines(text));
    match lines {
        0 | 1 => format!("pasted: {characters} characters"),
        _ => format!("pasted: {characters} characters, {lines} lines"),
    }
}

fn panes(app: &App) -> Vec<Entry> {
    let one = |kind: PaneKind| Entry {
        on: Some(app.panes.contains(&kind)),
        ..entry(kind.letter(), kind.name(), Choice::Pane(kind))
    };
    let mut entries: Vec<Entry> = PaneKind::ALL.into_iter().map(one).collect();
    entries.push(entry('i', "keys to the panes", Choice::ReadPanes));
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
    if sharing.may_have_text() {
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

fn sound(app: &App) -> Vec<Entry> {
    vec![
        Entry {
            on: Some(app.sound.on),
            ..entry('u', "sound", Choice::Sound)
        },
        entry('+', "louder", Choice::Quieter(-10)),
        entry('-', "quieter", Choice::Quieter(10)),
        Entry {
            on: Some(app.microphone.on),
            ..entry('m', "the guest hears the microphone", Choice::Microphone)
        },
    ]
}

/// Draws the menu in the middle of `area`.
pub fn draw(app: &App, state: &State, area: Rect, buf: &mut Buffer) {
    let width = match state.menu {
        Menu::Layout => 48,
        _ => 40,
    };
    let theme = Theme::of(app);
    let listed = state.listed(app);
    let frame = area.centered(
        ratatui::layout::Constraint::Length(width),
        ratatui::layout::Constraint::Length(listed.len() as u16 + 2),
    );
    let title = match &state.filter {
        Some(filter) => format!(" /{filter} "),
        None => format!(" {} ", title(state.menu, app)),
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

fn title(menu: Menu, app: &App) -> String {
    let title = match menu {
        Menu::Root => "menu",
        Menu::Keys => "send keys, or type some: ctrl+x",
        Menu::EveryKey => "every key",
        Menu::Hold => "hold keys",
        Menu::HoldKey => "hold a key",
        Menu::SysRq => "SysRq",
        Menu::Layout => "the guest's keyboard layout",
        Menu::Paste => "typed as keys, once you",
        Menu::Pasted => return size_of_paste(app),
        Menu::Panes => "panes",
        Menu::Zoom => "zoom",
        Menu::Draw => "drawing",
        Menu::Monitors => "monitor, n next, p previous",
        Menu::Clipboard => "guest's clipboard",
        Menu::Ports if app.tabs.is_shown() => "ports, PgUp PgDn look back",
        Menu::Ports => "ports",
        Menu::Machine => "the machine",
        Menu::Reset => "reset the machine?",
        Menu::SwitchOff => "end the machine at once?",
        Menu::Sound => "sound",
        Menu::GoTo => "go to",
    };
    title.to_owned()
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
