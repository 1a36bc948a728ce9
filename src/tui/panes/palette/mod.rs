//! The menu behind the escape key: type to filter, one key for each entry.

mod keys;
mod lists;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Widget};

use super::{PaneKind, draw_lines};
use crate::channel::main::agent::ContentKind;
use crate::client::Monitor;
use crate::keyboard::{Chord, Layout};
use crate::term::{Drawing, Style};
use crate::tui::action::MenuKey;
use crate::tui::app::App;
use crate::tui::deck::Order as Playing;
use crate::tui::picture::Zoom;
use crate::tui::tabs::monitor::Order;
use crate::tui::typist::Hold;
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
    /// Marks this moment of the recording.
    MarkRecording,
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
    /// Asks who drew a pixel, with a crosshair.
    Point,
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
            return lists::go_to(self.filter.as_deref().unwrap_or_default(), app);
        }
        let mut entries = lists::entries(self.menu, app);
        if self.menu == Menu::Keys && !wanted.is_empty() {
            entries.extend(keys::every_key(keys::press_key));
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
        Menu::Pasted => return keys::size_of_paste(app),
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
