//! Entries of the menu that send keys: chords, held keys, layouts, and what was pasted.

use super::{Choice, Entry, Menu, entry, unmarked};
use crate::keyboard::{
    ALT, ALT_GR, CTRL, Chord, Key, LAYOUTS, Layout, SHIFT, SUPER, key_name, keys,
};
use crate::tui::action::MenuKey;
use crate::tui::app::App;
use crate::tui::typist::{Hold, MOST_PASTED};

/// Entries for chords: shortcut, label and keys.
fn chords<'a>(
    chords: impl IntoIterator<Item = (char, &'a str, &'a str)>,
) -> impl Iterator<Item = Entry> {
    chords.into_iter().filter_map(|(shortcut, label, keys)| {
        let chord = keys.parse().ok()?;
        Some(entry(shortcut, label, Choice::Chord(chord)))
    })
}

pub(super) fn send_keys() -> Vec<Entry> {
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

pub(super) fn press_key(code: u32) -> Choice {
    Choice::Chord(Chord::of(Key::Code(code)))
}

pub(super) fn every_key(choice: fn(u32) -> Choice) -> impl Iterator<Item = Entry> {
    keys().map(move |(name, code)| unmarked(name, choice(code)))
}

pub(super) fn hold(app: &App) -> Vec<Entry> {
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

pub(super) fn sys_rq() -> Vec<Entry> {
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

pub(super) fn layouts(app: &App) -> Vec<Entry> {
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
pub(super) fn pasted(app: &App) -> Vec<Entry> {
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
pub(super) fn size_of_paste(app: &App) -> String {
    let text = app.pasted.as_deref().unwrap_or_default();
    let (characters, lines) = (text.chars().count(), lines(text));
    match lines {
        0 | 1 => format!("pasted: {characters} characters"),
        _ => format!("pasted: {characters} characters, {lines} lines"),
    }
}
