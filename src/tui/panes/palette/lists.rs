//! What is in each list of the menu.

use std::time::Duration;

use super::keys::{every_key, hold, layouts, pasted, press_key, send_keys, sys_rq};
use super::{Choice, Entry, Menu, entry, unmarked};
use crate::channel::main::agent::ContentKind;
use crate::client::Monitor;
use crate::term::{Colours, Glyphs, Style};
use crate::tui::action::MenuKey;
use crate::tui::app::App;
use crate::tui::deck::Order as Playing;
use crate::tui::panes::{PaneKind, timeline};
use crate::tui::picture::Zoom;
use crate::tui::tabs::monitor::Order;
use crate::tui::typist::Hold;
use crate::tui::view::Theme;

/// What a typed time means.
pub(super) fn go_to(text: &str, app: &App) -> Vec<Entry> {
    let length = app.timeline.as_ref().map_or(Duration::ZERO, |t| t.length);
    vec![match timeline::parse(text, length) {
        Some(order @ Playing::To(at)) => unmarked(
            format!("go to {}", timeline::clock(at)),
            Choice::Play(order),
        ),
        _ => unmarked("type a time: 90, 1:30, 50%", Choice::Open(Menu::GoTo)),
    }]
}

/// The entries of a list.
pub(super) fn entries(menu: Menu, app: &App) -> Vec<Entry> {
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
    let mark = app.recording.is_some().then(|| {
        let label = "mark this moment of the recording";
        entry('M', label, Choice::MarkRecording)
    });
    let more = record.into_iter().chain(mark).chain(of_ports(app));
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

fn panes(app: &App) -> Vec<Entry> {
    let label = |kind: PaneKind| match kind {
        PaneKind::Step => "step: hold, one message on",
        kind => kind.name(),
    };
    let one = |kind: PaneKind| Entry {
        on: Some(app.panes.contains(&kind)),
        ..entry(kind.letter(), label(kind), Choice::Pane(kind))
    };
    let shown = PaneKind::ALL
        .into_iter()
        .filter(|kind| *kind != PaneKind::Pixel);
    let mut entries: Vec<Entry> = shown.map(one).collect();
    entries.push(entry(
        PaneKind::Pixel.letter(),
        "who drew a pixel ...",
        Choice::Point,
    ));
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
