//! The guest's ports: text ports as tabs beside the picture, a monitor's port as orders to the machine.
//!
//! Consoles and serial ports become tabs by their names, others when the user asks for it. A tab is a [`Terminal`] in the place of
//! the picture, and the keyboard is the port's while it is shown. Hidden tabs go on taking in what is written to them.

pub mod draw;
pub mod keys;
pub mod monitor;
pub mod queries;
pub mod terminal;

use std::collections::BTreeMap;

use bytes::Bytes;

use super::action::{Effect, Mouse, Pointer};
use super::app::App;
use super::text::printable;
use crate::channel::inputs::Button;
use crate::channel::port::{Event, Happening, Order};
use crate::session::Command;
use crate::term::input::{Key, KeyCode, Modifiers};
use monitor::Monitor;
use terminal::Terminal;

/// Most tabs at a time: each has a history.
const MOST_TABS: usize = 16;

/// Bytes kept of what a port without a tab said last.
const RECENT: usize = 16 << 10;

/// Most tabs named on the status line.
const MOST_NAMED: usize = 4;

/// Longest name of a tab, characters.
const LONGEST_LABEL: usize = 24;

/// Lines the wheel turns the history by.
const WHEEL: isize = 3;

/// The ports of a session, and which of them is shown.
#[derive(Default)]
pub struct Tabs {
    /// By the number of their channel.
    ports: BTreeMap<u8, Port>,
    /// The one that is shown; `None` shows the picture. INVARIANT: it has a terminal.
    shown: Option<u8>,
    /// Columns and rows of a tab.
    size: (u16, u16),
    /// Tabs shown so far.
    count: u64,
    /// Whether the machine was about to end when its monitor spoke last: its server then ends for good.
    ends: bool,
}

/// A port.
#[derive(Default)]
struct Port {
    name: String,
    /// Whether somebody in the guest has it open.
    open: bool,
    /// Its tab, if it is one.
    terminal: Option<Terminal>,
    /// What it said last, while it is none.
    recent: Vec<u8>,
    /// The machine's monitor, if it is that.
    monitor: Option<Monitor>,
    unseen: Unseen,
    /// The count of tabs when it was shown last.
    shown_at: u64,
}

/// What happened in a tab since the user saw it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Unseen {
    #[default]
    Nothing,
    Output,
    Bell,
}

/// A port as the menu lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The number of its channel.
    pub port: u8,
    /// Its name, printable.
    pub name: String,
    /// Whether it is a tab.
    pub is_tab: bool,
    /// Whether somebody in the guest has it open.
    pub is_open: bool,
}

impl Port {
    fn label(&self) -> String {
        let name = printable(&self.name);
        let prefixes = ["org.qemu.console.", "org.qemu.monitor.", "org.qemu."];
        let short = prefixes.iter().find_map(|prefix| name.strip_prefix(prefix));
        let label: String = short.unwrap_or(&name).chars().take(LONGEST_LABEL).collect();
        match label.trim() {
            "" => "port".to_owned(),
            label => label.to_owned(),
        }
    }

    /// Makes a tab of it, with what it said lately.
    fn become_tab(&mut self, size: (u16, u16)) {
        let mut terminal = Terminal::new(size);
        terminal.receive(&std::mem::take(&mut self.recent));
        self.terminal = Some(terminal);
    }

    fn keep(&mut self, data: &[u8]) {
        self.recent.extend_from_slice(data);
        let lost = self.recent.len().saturating_sub(RECENT);
        self.recent.drain(..lost);
    }
}

/// Whether a port of this name is for people to read.
fn is_console(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let words = ["console", "serial", "monitor.hmp"];
    words.iter().any(|word| name.contains(word)) && !Monitor::is_one(&name)
}

impl Tabs {
    /// The terminal that is shown in the place of the picture.
    pub fn terminal(&self) -> Option<&Terminal> {
        self.ports.get(&self.shown?)?.terminal.as_ref()
    }

    fn terminal_mut(&mut self) -> Option<&mut Terminal> {
        self.ports.get_mut(&self.shown?)?.terminal.as_mut()
    }

    /// Whether a port is shown rather than the picture.
    pub fn is_shown(&self) -> bool {
        self.shown.is_some()
    }

    /// All ports, by their channels.
    pub fn list(&self) -> Vec<Listed> {
        let listed = self.ports.iter().map(|(number, port)| Listed {
            port: *number,
            name: printable(&port.name),
            is_tab: port.terminal.is_some(),
            is_open: port.open,
        });
        listed.collect()
    }

    /// Whether the guest has no ports.
    pub fn is_empty(&self) -> bool {
        self.ports.is_empty()
    }

    /// The number of the port that is shown.
    pub fn shown(&self) -> Option<u8> {
        self.shown
    }

    /// The tab after the one that is shown: the picture, then the ports, round and round.
    pub fn next(&self) -> Option<u8> {
        let mut tabs = self.tabs().map(|(number, _)| number);
        match self.shown {
            None => tabs.next(),
            Some(shown) => tabs.find(|number| *number > shown),
        }
    }

    /// The name of a tab, for people.
    pub fn label(&self, tab: Option<u8>) -> String {
        let port = tab.and_then(|number| self.ports.get(&number));
        port.map_or_else(|| "picture".to_owned(), Port::label)
    }

    fn tabs(&self) -> impl Iterator<Item = (u8, &Port)> {
        let tabs = self.ports.iter().map(|(number, port)| (*number, port));
        tabs.filter(|(_, port)| port.terminal.is_some())
    }

    /// What the status line says: all tabs, the one that is shown in brackets, with a mark at those that have something to see.
    pub fn status(&self) -> String {
        let tabs: Vec<(u8, &Port)> = self.tabs().collect();
        if tabs.is_empty() {
            return String::new();
        }
        if tabs.len() > MOST_NAMED {
            let news = tabs
                .iter()
                .filter(|(_, port)| port.unseen > Unseen::Nothing);
            let news = match news.count() {
                0 => String::new(),
                count => format!(" {count}*"),
            };
            let label = self.label(self.shown);
            return format!("[{label}] of {} tabs{news}", tabs.len() + 1);
        }
        let picture = match self.shown {
            None => "[picture]".to_owned(),
            Some(_) => "picture".to_owned(),
        };
        let ports = tabs.iter().map(|(number, port)| {
            let mark = match port.unseen {
                Unseen::Nothing => "",
                Unseen::Output => "*",
                Unseen::Bell => "!",
            };
            let closed = if port.open { "" } else { " closed" };
            match self.shown == Some(*number) {
                true => format!("[{}{closed}]", port.label()),
                false => format!("{}{mark}", port.label()),
            }
        });
        let names: Vec<String> = [picture].into_iter().chain(ports).collect();
        names.join(" ")
    }

    /// How far the user looks back, for the status line.
    pub fn history(&self) -> String {
        match self.terminal().map_or(0, Terminal::looks_back) {
            0 => String::new(),
            lines => format!("{lines} lines back"),
        }
    }

    /// The monitor that takes orders, if there is one.
    pub fn monitor(&self) -> Option<&Monitor> {
        let mut monitors = self.ports.values().filter_map(|port| port.monitor.as_ref());
        monitors.find(|monitor| monitor.is_ready())
    }

    /// Whether the machine said that it ends, or was told to.
    pub fn machine_ends(&self) -> bool {
        self.ends
    }

    /// What the status line says of the machine: nothing while it runs.
    pub fn machine(&self) -> &str {
        let state = self.monitor().and_then(Monitor::state);
        state
            .filter(|state| *state != "running")
            .unwrap_or_default()
    }

    /// Whether something waits to be taken in.
    pub fn has_waiting(&self) -> bool {
        let mut terminals = self
            .ports
            .values()
            .filter_map(|port| port.terminal.as_ref());
        terminals.any(Terminal::has_waiting)
    }

    /// Gives all tabs this size.
    pub fn resize(&mut self, columns: u16, rows: u16) {
        if self.size == (columns, rows) {
            return;
        }
        self.size = (columns, rows);
        for terminal in self.ports.values_mut().filter_map(|p| p.terminal.as_mut()) {
            terminal.resize(columns, rows);
        }
    }

    /// Makes room for one more tab by giving up the hidden one that was shown longest ago.
    fn make_room(&mut self) {
        if self.tabs().count() < MOST_TABS {
            return;
        }
        let hidden = self
            .ports
            .iter_mut()
            .filter(|(number, port)| port.terminal.is_some() && self.shown != Some(**number));
        if let Some((_, oldest)) = hidden.min_by_key(|(_, port)| port.shown_at) {
            oldest.terminal = None;
            oldest.unseen = Unseen::Nothing;
        }
    }

    fn named(&mut self, number: u8, name: String, open: bool) {
        let has_room = self.tabs().count() < MOST_TABS;
        let size = self.size;
        let port = self.ports.entry(number).or_default();
        if port.name != name {
            *port = Port::default();
            port.monitor = Monitor::is_one(&name).then(Monitor::default);
            if has_room && is_console(&name) {
                port.become_tab(size);
            }
        }
        (port.name, port.open) = (name, open);
        if let Some(monitor) = &mut port.monitor {
            monitor.restart();
        }
        // What was shown may have been another's.
        if self.terminal().is_none() {
            self.shown = None;
        }
    }
}

impl App {
    /// Takes in what happens on a port.
    pub(super) fn port(&mut self, event: Event, effects: &mut Vec<Effect>) {
        let was_shown = self.tabs.is_shown();
        match event.what {
            Happening::Named { name, opened } => {
                self.log_line(&format!("port:{}: {}", event.port, printable(&name)));
                self.tabs.named(event.port, name, opened);
                self.stale = true;
            }
            Happening::Opened => self.port_open(event.port, true),
            Happening::Closed => self.port_open(event.port, false),
            Happening::Data(data) => self.port_data(event.port, &data, effects),
            Happening::Break | Happening::Written(_) => {}
        }
        if was_shown != self.tabs.is_shown() {
            self.show_picture();
        }
    }

    /// The session is over: nobody is at the other end of any port.
    pub(super) fn close_ports(&mut self) {
        let numbers: Vec<u8> = self.tabs.ports.keys().copied().collect();
        for number in numbers {
            self.port_open(number, false);
        }
    }

    /// Somebody in the guest opened a port, or nobody has it open any longer.
    pub(super) fn port_open(&mut self, number: u8, open: bool) {
        if let Some(port) = self.tabs.ports.get_mut(&number) {
            port.open = open;
            if let Some(monitor) = &mut port.monitor {
                monitor.restart();
            }
            self.stale = true;
        }
    }

    fn port_data(&mut self, number: u8, data: &[u8], effects: &mut Vec<Effect>) {
        let Some(port) = self.tabs.ports.get_mut(&number) else {
            return;
        };
        match &mut port.terminal {
            Some(terminal) => terminal.receive(data),
            None => port.keep(data),
        }
        // Who only looks on may not speak with a monitor.
        if let Some(monitor) = port.monitor.as_mut().filter(|_| !self.setup.view_only) {
            let news = monitor.receive(data);
            self.stale = true;
            self.write_to_port(number, news.send, effects);
            self.tabs.ends = news.ends.unwrap_or(self.tabs.ends);
            for line in news.tell {
                self.log_line(&line);
                self.flash(line);
            }
        }
        self.digest(number, effects);
    }

    /// Has all tabs take in what waits.
    pub(super) fn digest_ports(&mut self, effects: &mut Vec<Effect>) {
        let waits = |port: &Port| port.terminal.as_ref().is_some_and(Terminal::has_waiting);
        let waiting = self.tabs.ports.iter().filter(|(_, port)| waits(port));
        let waiting: Vec<u8> = waiting.map(|(number, _)| *number).collect();
        for number in waiting {
            self.digest(number, effects);
        }
    }

    fn digest(&mut self, number: u8, effects: &mut Vec<Effect>) {
        let is_shown = self.tabs.shown == Some(number);
        let Some(port) = self.tabs.ports.get_mut(&number) else {
            return;
        };
        let Some(terminal) = port.terminal.as_mut() else {
            return;
        };
        let news = terminal.digest(self.now);
        if is_shown {
            self.stale |= news.written;
        } else {
            let unseen = match (news.bell, news.written) {
                (true, _) => Unseen::Bell,
                (false, true) => Unseen::Output,
                (false, false) => Unseen::Nothing,
            };
            self.stale |= port.unseen < unseen;
            port.unseen = port.unseen.max(unseen);
        }
        self.write_to_port(number, news.answers, effects);
    }

    /// Shows the tab after this one.
    pub(super) fn next_tab(&mut self) {
        let next = self.tabs.next();
        self.show_tab(next);
    }

    /// Shows a port, which becomes a tab if it is none, or the picture.
    pub(super) fn show_tab(&mut self, tab: Option<u8>) {
        let was_shown = self.tabs.is_shown();
        self.tabs.shown = None;
        if let Some(number) = tab {
            let is_tab = self.tabs.tabs().any(|(tab, _)| tab == number);
            if !is_tab {
                self.tabs.make_room();
            }
            self.tabs.count += 1;
            let (size, count) = (self.tabs.size, self.tabs.count);
            if let Some(port) = self.tabs.ports.get_mut(&number) {
                if port.terminal.is_none() {
                    port.become_tab(size);
                    if let Some(terminal) = &mut port.terminal {
                        // What it asked is answered no more.
                        terminal.digest(self.now);
                    }
                }
                (port.unseen, port.shown_at) = (Unseen::Nothing, count);
                self.tabs.shown = Some(number);
            }
        }
        match (was_shown, self.tabs.is_shown()) {
            (false, true) => self.hide_picture(),
            (true, false) => self.show_picture(),
            _ => {}
        }
        self.stale = true;
    }

    fn show_picture(&mut self) {
        self.stale = true;
        self.picture_stale = true;
    }

    /// A key for the port that is shown.
    pub(super) fn port_key(&mut self, key: &Key, effects: &mut Vec<Effect>) {
        let page = self.tabs.size.1.saturating_sub(1).max(1) as isize;
        if key.modifiers.contains(Modifiers::SHIFT) {
            let lines = match key.code {
                KeyCode::PageUp => page,
                KeyCode::PageDown => -page,
                KeyCode::Home => isize::MAX,
                KeyCode::End => isize::MIN,
                _ => 0,
            };
            if lines != 0 && self.scroll_tab_back(lines) {
                return;
            }
        }
        let Some(terminal) = self.tabs.terminal_mut() else {
            return;
        };
        let bytes = keys::encode(key, terminal.modes());
        self.type_to_port(bytes, effects);
    }

    /// Looks so many lines further back in the tab that is shown; whether it has a history to look at.
    pub(super) fn scroll_tab_back(&mut self, lines: isize) -> bool {
        let Some(terminal) = self.tabs.terminal_mut() else {
            return false;
        };
        if terminal.is_full_screen() {
            return false;
        }
        terminal.scroll(lines);
        self.stale = true;
        true
    }

    /// Text for the port that is shown, as if it had been typed.
    pub(super) fn port_text(&mut self, text: &str, effects: &mut Vec<Effect>) {
        self.type_to_port(keys::text(text), effects);
    }

    /// A paste for the port that is shown.
    pub(super) fn port_paste(&mut self, text: &str, effects: &mut Vec<Effect>) {
        let modes = self
            .tabs
            .terminal()
            .map(Terminal::modes)
            .unwrap_or_default();
        self.type_to_port(keys::paste(text, modes), effects);
    }

    /// Tells the guest how large the tab is, by the command a person would type there: a serial line says nothing of it.
    pub(super) fn tell_size(&mut self, effects: &mut Vec<Effect>) {
        let (columns, rows) = self.tabs.size;
        let command = format!("stty rows {rows} cols {columns}\r");
        self.type_to_port(command.into_bytes(), effects);
    }

    /// Sends a break to the port that is shown.
    pub(super) fn send_break(&mut self, effects: &mut Vec<Effect>) {
        if self.setup.view_only {
            return self.flash("view only: nothing is sent".into());
        }
        if let Some(port) = self.tabs.shown {
            effects.push(Effect::Command(Command::Port(Order::Break { port })));
        }
    }

    /// The mouse over the tab that is shown: its wheel turns the history, or moves in a program that has the whole screen.
    pub(super) fn point_at_tab(&mut self, pointer: Pointer, effects: &mut Vec<Effect>) {
        let Mouse::Wheel(button) = pointer.did else {
            return;
        };
        let up = button == Button::Up;
        if self.scroll_tab_back(if up { WHEEL } else { -WHEEL }) {
            return;
        }
        let key = Key::new(if up { KeyCode::Up } else { KeyCode::Down });
        for _ in 0..WHEEL {
            self.port_key(&key, effects);
        }
    }

    /// What the user typed, seen at the end of the history.
    fn type_to_port(&mut self, bytes: Vec<u8>, effects: &mut Vec<Effect>) {
        if self.setup.view_only || bytes.is_empty() {
            return;
        }
        if let Some(terminal) = self.tabs.terminal_mut() {
            self.stale |= terminal.looks_back() > 0;
            terminal.look_at_end();
        }
        if let Some(number) = self.tabs.shown {
            self.write_to_port(number, bytes, effects);
        }
    }

    fn write_to_port(&self, port: u8, bytes: Vec<u8>, effects: &mut Vec<Effect>) {
        if self.setup.view_only || bytes.is_empty() {
            return;
        }
        let data = Bytes::from(bytes);
        effects.push(Effect::Command(Command::Port(Order::Write { port, data })));
    }

    /// Gives an order to the machine, if it has a monitor that takes it.
    pub(super) fn order_machine(&mut self, order: monitor::Order, effects: &mut Vec<Effect>) {
        let mut ports = self.tabs.ports.iter_mut();
        let ordered = ports.find_map(|(number, port)| {
            let monitor = port.monitor.as_mut().filter(|monitor| monitor.is_ready())?;
            Some((*number, monitor.order(order)))
        });
        match ordered {
            Some((number, bytes)) if !bytes.is_empty() => {
                self.tabs.ends |= order == monitor::Order::SwitchOff;
                self.write_to_port(number, bytes, effects);
            }
            _ => self.flash("the machine's monitor does not answer".into()),
        }
    }
}
