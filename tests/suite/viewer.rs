//! The viewer: what happens goes in, cells and commands come out.

mod debugging;
mod frames;
mod keys;
mod panes;
mod sound;
mod staying;
mod tabs;

use std::time::Duration;

use bytes::Bytes;
use capsaicin::channel::display::{CodecCount, Head};
use capsaicin::channel::inputs::{Button, Locks};
use capsaicin::channel::main::MouseMode;
use capsaicin::channel::{ChannelId, ChannelKind};
use capsaicin::geometry::{Point, Rect};
use capsaicin::keyboard::Layout;
use capsaicin::link::Capabilities;
use capsaicin::session::{ChannelStats, DisplayStats, SessionStats};
use capsaicin::term::input::{
    Event, Key as Pressed, KeyCode, KeyKind, ModifierKey, Modifiers, Mouse as Moved, MouseButton,
    MouseKind, Parser,
};
use capsaicin::term::probe::Capabilities as Terminal;
use capsaicin::term::{Colours, Glyphs, Style};
use capsaicin::tui::action::{Action, Effect, Ending, GuestKey, MenuKey, Mouse, Pointer};
use capsaicin::tui::app::{App, Setup};
use capsaicin::tui::keymap::{self, Escape};
use capsaicin::tui::recording::Running;
use capsaicin::tui::typist::{Finger, Held, Key};
use capsaicin::tui::view;
use capsaicin::wire::HeaderKind;
use capsaicin::{
    ClientEvent, CloseReason, Command, CursorEvent, DisplayEvent, InputEvent, InputsEvent,
    MainEvent, Notice, RegionPixels,
};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect as Area;
use ratatui::style::Color;

use crate::support::terminals::text::TextTerminal;
use crate::terminal_answers::KITTY;

/// An app and its clock.
pub struct Viewer {
    pub app: App,
    pub now: Duration,
}

impl Viewer {
    pub fn of_size(columns: u16, rows: u16) -> Self {
        Self::with(Setup {
            target: "vm:5900".into(),
            view_only: false,
            escape: Escape::default(),
            layout: Layout::us(),
            alt_codes: false,
            style: Style::default(),
            size: (columns, rows),
            cell_aspect: 0.5,
            drawing: None,
        })
    }

    pub fn with(setup: Setup) -> Self {
        Self {
            app: App::new(setup),
            now: Duration::ZERO,
        }
    }

    /// One that shows a screen of one colour.
    pub fn showing(columns: u16, rows: u16, width: u32, height: u32, rgb: [u8; 3]) -> Self {
        let mut viewer = Self::of_size(columns, rows);
        viewer.screen(width, height);
        viewer.fill(Rect::new(0, 0, width as i32, height as i32), rgb);
        viewer.frame();
        viewer
    }

    pub fn act(&mut self, action: Action) -> Vec<Effect> {
        self.app.update(action, self.now)
    }

    pub fn session(&mut self, event: ClientEvent) -> Vec<Effect> {
        self.act(Action::Session(event))
    }

    pub fn wait(&mut self, ms: u64) -> Vec<Effect> {
        self.now += Duration::from_millis(ms);
        self.act(Action::Time)
    }

    pub fn screen(&mut self, width: u32, height: u32) {
        self.screen_of(0, width, height);
    }

    /// A screen on a display, marked.
    pub fn screen_of(&mut self, display: u8, width: u32, height: u32) {
        self.unmarked_screen_of(display, width, height);
        self.session(ClientEvent::Display(DisplayEvent::Marked { display }));
    }

    fn unmarked_screen_of(&mut self, display: u8, width: u32, height: u32) {
        self.session(ClientEvent::Display(DisplayEvent::SurfaceCreated {
            display,
            surface: 0,
            width,
            height,
        }));
    }

    pub fn fill(&mut self, rect: Rect, rgb: [u8; 3]) {
        self.fill_on(0, rect, rgb);
    }

    fn fill_on(&mut self, display: u8, rect: Rect, [r, g, b]: [u8; 3]) {
        let data: Vec<u8> = [b, g, r, 0].repeat(rect.area() as usize);
        self.session(ClientEvent::Display(DisplayEvent::Region {
            display,
            surface: 0,
            rect,
            pixels: RegionPixels::Raw {
                data: Bytes::from(data),
                stride: rect.width() as usize * 4,
            },
        }));
    }

    fn mouse_mode(&mut self, current: MouseMode) {
        self.session(ClientEvent::Main(MainEvent::MouseMode {
            supported: MouseMode::SERVER | MouseMode::CLIENT,
            current,
        }));
    }

    /// Draws a frame of the size the app was told.
    pub fn frame(&mut self) -> Buffer {
        self.act(Action::Frame);
        self.act(Action::Painted { bytes: 1000 });
        let (columns, rows) = self.app.setup.size;
        let mut buffer = Buffer::empty(Area::new(0, 0, columns, rows));
        view::draw(&self.app, &mut buffer);
        buffer
    }

    pub fn text(&mut self) -> Vec<String> {
        let buffer = self.frame();
        let columns = usize::from(buffer.area.width);
        let row = |cells: &[ratatui::buffer::Cell]| {
            let text: String = cells.iter().map(|cell| cell.symbol()).collect();
            text.trim_end().to_owned()
        };
        buffer.content.chunks(columns).map(row).collect()
    }

    /// A terminal event, as the run loop passes it on.
    pub fn terminal(&mut self, event: Event) -> Vec<Effect> {
        match keymap::action(event, self.app.mode()) {
            Some(action) => self.act(action),
            None => Vec::new(),
        }
    }

    /// Bytes from a terminal.
    pub fn bytes(&mut self, bytes: &[u8]) -> Vec<Effect> {
        let mut events = Vec::new();
        Parser::new().feed(bytes, &mut events);
        events
            .into_iter()
            .flat_map(|event| self.terminal(event))
            .collect()
    }

    pub fn press(&mut self, code: KeyCode, modifiers: Modifiers) -> Vec<Effect> {
        self.terminal(Event::Key(Pressed::with(code, modifiers)))
    }

    pub fn menu(&mut self, keys: &str) -> Vec<Effect> {
        self.act(Action::Escape);
        let mut effects = Vec::new();
        for c in keys.chars() {
            effects.extend(self.act(Action::Menu(MenuKey::Char(c))));
        }
        effects
    }

    fn mouse(&mut self, kind: MouseKind, column: u16, row: u16) -> Vec<Effect> {
        self.terminal(Event::Mouse(Moved {
            kind,
            x: column,
            y: row,
            modifiers: Modifiers::NONE,
        }))
    }
}

fn finger(code: KeyCode) -> Finger {
    Finger {
        code,
        keypad: false,
    }
}

fn inputs(effects: &[Effect]) -> Vec<InputEvent> {
    let input = |effect: &Effect| match effect {
        Effect::Command(Command::Input(input)) => Some(*input),
        _ => None,
    };
    effects.iter().filter_map(input).collect()
}

const CTRL: u32 = 0x1d;
const SHIFT: u32 = 0x2a;
const ALT: u32 = 0x38;

#[test]
fn a_screen_is_drawn_in_the_middle_with_its_status() {
    let mut viewer = Viewer::showing(20, 5, 40, 20, [255, 0, 0]);
    let buffer = viewer.frame();

    // 40×20 in 20×8 dots: 16×8, two columns left and right.
    for row in 0..4 {
        for column in 0..20 {
            let expected = if (2..18).contains(&column) {
                Color::Rgb(255, 0, 0)
            } else {
                Color::Reset
            };
            assert_eq!(buffer[(column, row)].bg, expected, "at {column}, {row}");
        }
    }
    assert_eq!(viewer.text()[4], " vm:5900 · 40×20");
}

#[test]
fn only_what_changed_becomes_another_cell() {
    let mut viewer = Viewer::showing(160, 51, 1280, 800, [0, 0, 255]);
    let before = viewer.frame();

    viewer.fill(Rect::new(80, 160, 88, 176), [255, 255, 255]);
    let after = viewer.frame();

    let updates = before.diff(&after);
    let places: Vec<(u16, u16)> = updates.iter().map(|(x, y, _)| (*x, *y)).collect();
    let (picture, status): (Vec<_>, Vec<_>) = places.into_iter().partition(|(_, y)| *y < 50);
    // A cell is 8×16 pixels.
    assert_eq!(picture, [(10, 10)]);
    // The frame rate went from 1 to 2.
    assert!(status.len() < 8, "{status:?}");
}

#[test]
fn a_screen_that_changes_its_size_is_fitted_anew() {
    let mut viewer = Viewer::showing(80, 24, 640, 480, [0, 255, 0]);
    viewer.session(ClientEvent::Display(DisplayEvent::SurfaceDestroyed {
        display: 0,
        surface: 0,
    }));
    viewer.unmarked_screen_of(0, 800, 600);
    viewer.fill(Rect::new(0, 0, 800, 600), [0, 0, 255]);
    assert!(viewer.text()[23].contains("640×480"), "until it is marked");
    assert_eq!(viewer.frame()[(40, 12)].bg, Color::Rgb(0, 255, 0));

    viewer.session(ClientEvent::Display(DisplayEvent::Marked { display: 0 }));

    assert!(viewer.text()[23].contains("800×600"));
    assert_eq!(viewer.frame()[(40, 12)].bg, Color::Rgb(0, 0, 255));
}

#[test]
fn a_screen_that_was_never_marked_is_not_shown() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.unmarked_screen_of(0, 640, 480);
    viewer.fill(Rect::new(0, 0, 640, 480), [0, 255, 0]);
    assert_eq!(viewer.text()[11].trim(), "no picture yet");
}

const RED: [u8; 3] = [255, 0, 0];
const BLUE: [u8; 3] = [0, 0, 255];

/// One that shows the first of two displays, red; the second is blue.
fn two_displays() -> Viewer {
    let mut viewer = Viewer::showing(80, 24, 640, 480, RED);
    viewer.screen_of(1, 320, 240);
    viewer.fill_on(1, Rect::new(0, 0, 320, 240), BLUE);
    viewer
}

fn monitors(viewer: &mut Viewer, display: u8, heads: &[(u32, Rect)]) {
    let heads = heads
        .iter()
        .map(|(id, rect)| Head {
            id: *id,
            rect: *rect,
        })
        .collect();
    viewer.session(ClientEvent::Display(DisplayEvent::Monitors {
        display,
        heads,
    }));
}

fn middle(viewer: &mut Viewer) -> Color {
    viewer.frame()[(40, 12)].bg
}

#[test]
fn the_monitor_menu_goes_from_one_display_to_the_next_and_back() {
    let mut viewer = two_displays();
    assert_eq!(middle(&mut viewer), Color::Rgb(255, 0, 0));
    assert!(viewer.text()[23].contains("monitor 1 of 2 · 640×480"));

    viewer.menu("o");
    let text = viewer.text().join("\n");
    assert!(text.contains("1  x monitor 1: 640×480"), "{text}");
    assert!(text.contains("2  - monitor 2: 320×240"), "{text}");
    for (key, shown) in [('n', 2), ('n', 1), ('p', 2), ('1', 1), ('2', 2)] {
        viewer.act(Action::Menu(MenuKey::Char(key)));
        let status = viewer.text()[23].clone();
        assert!(
            status.contains(&format!("monitor {shown} of 2")),
            "{key}: {status}"
        );
    }
    viewer.act(Action::Menu(MenuKey::Close));

    assert_eq!(middle(&mut viewer), Color::Rgb(0, 0, 255));
}

#[test]
fn a_single_monitor_is_not_mentioned() {
    let mut viewer = Viewer::showing(80, 24, 640, 480, RED);
    assert!(!viewer.text()[23].contains("monitor"));
}

#[test]
fn what_another_display_draws_is_not_drawn() {
    let mut viewer = two_displays();
    viewer.frame();
    viewer.fill_on(1, Rect::new(0, 0, 320, 240), RED);
    assert_eq!(viewer.app.frame_due(), None);
}

#[test]
fn a_display_shown_again_has_everything_drawn_meanwhile() {
    let mut viewer = two_displays();
    viewer.menu("o2");
    viewer.act(Action::Menu(MenuKey::Close));
    viewer.frame();
    viewer.fill(Rect::new(0, 0, 640, 480), [0, 255, 0]);

    viewer.menu("o1");
    viewer.act(Action::Menu(MenuKey::Close));

    assert_eq!(middle(&mut viewer), Color::Rgb(0, 255, 0));
}

#[test]
fn monitors_on_one_screen_are_shown_one_at_a_time() {
    let mut viewer = Viewer::showing(80, 24, 1280, 480, RED);
    viewer.fill(Rect::new(640, 0, 1280, 480), BLUE);
    let (left, right) = (Rect::new(0, 0, 640, 480), Rect::new(640, 0, 1280, 480));
    monitors(&mut viewer, 0, &[(0, left), (1, right)]);
    let colours = |viewer: &mut Viewer| {
        let buffer = viewer.frame();
        let colour = |column: u16| buffer[(column, 12)].bg;
        (12..68)
            .map(colour)
            .collect::<std::collections::HashSet<_>>()
    };
    assert_eq!(colours(&mut viewer), [Color::Rgb(255, 0, 0)].into());

    viewer.menu("o2");
    viewer.act(Action::Menu(MenuKey::Close));
    assert_eq!(colours(&mut viewer), [Color::Rgb(0, 0, 255)].into());
    assert!(viewer.text()[23].contains("monitor 2 of 2 · 640×480"));

    // Only what lies on the monitor changes it.
    viewer.fill(Rect::new(0, 0, 640, 480), [0, 255, 0]);
    assert_eq!(colours(&mut viewer), [Color::Rgb(0, 0, 255)].into());
    viewer.fill(Rect::new(640, 0, 1280, 480), [0, 255, 0]);
    assert_eq!(colours(&mut viewer), [Color::Rgb(0, 255, 0)].into());
}

#[test]
fn the_mouse_points_into_the_monitor_that_is_shown() {
    let mut viewer = Viewer::showing(160, 51, 2560, 800, RED);
    viewer.mouse_mode(MouseMode::CLIENT);
    let (left, right) = (Rect::new(0, 0, 1280, 800), Rect::new(1280, 0, 2560, 800));
    monitors(&mut viewer, 0, &[(0, left), (1, right)]);
    viewer.menu("o2");
    viewer.act(Action::Menu(MenuKey::Close));
    viewer.frame();

    // A cell is 8×16 pixels.
    let sent = inputs(&viewer.mouse(MouseKind::Move, 10, 10));

    let (x, y, display) = (1280 + 84, 168, 0);
    assert_eq!(sent, [InputEvent::Position { x, y, display }]);
    viewer.menu("z1");
    viewer.act(Action::Menu(MenuKey::Close));
    viewer.frame();
    // 160×100 of the pixels around the last position.
    let sent = inputs(&viewer.mouse(MouseKind::Move, 0, 0));
    let (x, y) = (1280 + 4, 119);
    assert_eq!(sent, [InputEvent::Position { x, y, display }]);
}

#[test]
fn the_mouse_on_another_display_carries_its_id() {
    let mut viewer = two_displays();
    viewer.mouse_mode(MouseMode::CLIENT);
    viewer.menu("o2");
    viewer.act(Action::Menu(MenuKey::Close));
    viewer.frame();

    let sent = inputs(&viewer.mouse(MouseKind::Move, 40, 11));

    assert!(
        matches!(sent[..], [InputEvent::Position { display: 1, .. }]),
        "{sent:?}"
    );
}

#[test]
fn the_guests_pointer_is_shown_on_its_own_monitor_only() {
    let mut viewer = Viewer::showing(160, 51, 2560, 800, [0, 0, 0]);
    let (left, right) = (Rect::new(0, 0, 1280, 800), Rect::new(1280, 0, 2560, 800));
    monitors(&mut viewer, 0, &[(0, left), (1, right)]);
    viewer.mouse_mode(MouseMode::SERVER);
    viewer.session(ClientEvent::Cursor(CursorEvent::Moved {
        display: 0,
        position: Point::new(1280 + 80, 160),
    }));
    let inverted = |viewer: &mut Viewer| viewer.frame()[(10, 10)].bg == Color::Rgb(255, 255, 255);
    assert!(!inverted(&mut viewer));

    viewer.menu("o2");
    viewer.act(Action::Menu(MenuKey::Close));

    assert!(inverted(&mut viewer));
}

#[test]
fn a_monitor_that_vanishes_gives_way_to_the_first_and_is_shown_again_when_it_is_back() {
    let mut viewer = Viewer::showing(80, 24, 1280, 480, RED);
    let (left, right) = (Rect::new(0, 0, 640, 480), Rect::new(640, 0, 1280, 480));
    monitors(&mut viewer, 0, &[(0, left), (1, right)]);
    viewer.menu("o2");
    viewer.act(Action::Menu(MenuKey::Close));
    assert_eq!(viewer.app.picture.monitor().unwrap().number(), 2);

    monitors(&mut viewer, 0, &[(0, left)]);
    assert_eq!(viewer.app.picture.monitor().unwrap().number(), 1);
    // Beside the screen, while the guest resizes it.
    monitors(&mut viewer, 0, &[(0, left), (1, right.translate(640, 0))]);
    assert_eq!(viewer.app.picture.monitor().unwrap().number(), 1);
    monitors(&mut viewer, 0, &[(0, left), (1, right)]);
    assert_eq!(viewer.app.picture.monitor().unwrap().number(), 2);
}

#[test]
fn a_display_that_closes_gives_way_to_the_first() {
    let mut viewer = two_displays();
    viewer.menu("o2");
    viewer.act(Action::Menu(MenuKey::Close));
    viewer.frame();

    let id = ChannelId::new(ChannelKind::Display, 1);
    viewer.session(ClientEvent::ChannelClosed(id, CloseReason::ByPeer));

    assert!(viewer.app.frame_due().is_some());
    assert_eq!(middle(&mut viewer), Color::Rgb(255, 0, 0));
    assert!(!viewer.text()[23].contains("monitor"));
}

#[test]
fn a_second_display_without_a_screen_is_forgotten_after_a_second() {
    let mut viewer = two_displays();
    viewer.menu("o2");
    viewer.act(Action::Menu(MenuKey::Close));
    let destroyed = |display| {
        ClientEvent::Display(DisplayEvent::SurfaceDestroyed {
            display,
            surface: 0,
        })
    };
    viewer.session(destroyed(1));
    viewer.session(destroyed(0));
    viewer.wait(999);
    assert_eq!(middle(&mut viewer), Color::Rgb(0, 0, 255));

    viewer.wait(1);

    assert_eq!(
        middle(&mut viewer),
        Color::Rgb(255, 0, 0),
        "the first one stays"
    );
}

#[test]
fn a_terminal_that_changes_its_size_is_filled_anew() {
    let mut viewer = Viewer::showing(80, 24, 640, 480, [0, 255, 0]);

    viewer.act(Action::Resized {
        columns: 40,
        rows: 13,
        cell_aspect: 0.5,
    });

    // 40×24 dots hold 32×24: columns 4 to 35.
    let buffer = viewer.frame();
    let green = Color::Rgb(0, 255, 0);
    let row: Vec<bool> = (0..40)
        .map(|column| buffer[(column, 0)].bg == green)
        .collect();
    assert_eq!(row.iter().filter(|shown| **shown).count(), 32);
    assert!(row[4] && row[35] && !row[3] && !row[36]);
}

#[test]
fn the_guests_own_pointer_is_shown_while_it_has_the_mouse() {
    let mut viewer = Viewer::showing(160, 51, 1280, 800, [0, 0, 0]);
    viewer.mouse_mode(MouseMode::SERVER);
    viewer.session(ClientEvent::Cursor(CursorEvent::Moved {
        display: 0,
        position: Point::new(80, 160),
    }));
    let inverted = |buffer: &Buffer| buffer[(10, 10)].bg == Color::Rgb(255, 255, 255);
    assert!(inverted(&viewer.frame()));

    viewer.mouse_mode(MouseMode::CLIENT);
    assert!(!inverted(&viewer.frame()));
}

#[test]
fn the_pointer_is_where_the_users_mouse_is_even_if_the_guest_hides_it() {
    let mut viewer = Viewer::showing(160, 51, 1280, 800, [0, 0, 0]);
    viewer.mouse_mode(MouseMode::CLIENT);
    viewer.session(ClientEvent::Cursor(CursorEvent::Visible {
        display: 0,
        visible: false,
    }));
    viewer.frame();

    viewer.mouse(MouseKind::Move, 30, 20);

    assert!(viewer.app.frame_due().is_some());
    let buffer = viewer.frame();
    let white: Vec<_> = (0..51)
        .flat_map(|row| (0..160).map(move |column| (column, row)))
        .filter(|at| buffer[*at].bg == Color::Rgb(255, 255, 255))
        .collect();
    assert_eq!(white, [(30, 20)]);
}

#[test]
fn the_pointer_stands_out_on_a_grey_that_is_its_own_opposite() {
    let mut viewer = Viewer::showing(160, 51, 1280, 800, [128, 128, 128]);
    viewer.mouse_mode(MouseMode::CLIENT);
    viewer.mouse(MouseKind::Move, 30, 20);
    // A grey of the palette, and its white.
    assert_eq!(viewer.frame()[(30, 21)].bg, Color::Indexed(244));
    assert_eq!(viewer.frame()[(30, 20)].bg, Color::Indexed(231));
}

#[test]
fn without_colours_the_terminal_inverts_the_pointer() {
    let mut viewer = Viewer::with(Setup {
        style: WITHOUT_COLOUR,
        ..Viewer::of_size(160, 51).app.setup
    });
    viewer.screen(1280, 800);
    viewer.mouse_mode(MouseMode::CLIENT);
    viewer.frame();
    viewer.mouse(MouseKind::Move, 30, 20);
    let modifier = viewer.frame()[(30, 20)].modifier;
    assert!(modifier.contains(ratatui::style::Modifier::REVERSED));
}

const WITHOUT_COLOUR: Style = Style {
    colours: Colours::None,
    glyphs: Glyphs::Octants,
};

#[test]
fn a_terminal_without_colours_gets_none() {
    let mut viewer = Viewer::with(Setup {
        style: Style {
            colours: Colours::None,
            glyphs: Glyphs::Ascii,
        },
        ..Viewer::of_size(80, 24).app.setup
    });
    viewer.screen(80, 46);
    viewer.fill(Rect::new(0, 0, 80, 46), [255, 255, 255]);
    viewer.menu("i");
    let buffer = viewer.frame();

    let plain = |cell: &ratatui::buffer::Cell| cell.fg == Color::Reset && cell.bg == Color::Reset;
    assert!(buffer.content.iter().all(plain));
    assert!(buffer.content.iter().all(|cell| cell.symbol().is_ascii()));
    assert_eq!(buffer[(0, 0)].symbol(), "@");
}

#[test]
fn an_idle_viewer_waits_for_nothing() {
    let mut viewer = Viewer::showing(80, 24, 640, 480, [0, 0, 0]);
    assert!(
        viewer.app.deadline().is_some(),
        "the frame rate has to sink"
    );
    viewer.wait(1000);
    viewer.frame();

    assert_eq!(viewer.app.deadline(), None);
    assert_eq!(viewer.app.frame_due(), None);
    assert!(viewer.text()[23].contains("0 fps 0B/s"));
}

#[test]
fn a_burst_of_changes_is_one_frame_and_frames_keep_their_distance() {
    let mut viewer = Viewer::showing(80, 24, 640, 480, [0, 0, 0]);
    assert_eq!(viewer.app.frame_due(), None);
    for i in 0..10 {
        viewer.fill(Rect::new(i, 0, i + 1, 1), [1, 2, 3]);
    }
    assert_eq!(viewer.app.frame_due(), Some(Duration::from_millis(16)));
    viewer.now += Duration::from_millis(16);
    viewer.frame();
    assert_eq!(viewer.app.frame_due(), None);
}

#[test]
fn a_notice_flashes_once_and_stays_in_the_log() {
    let mut viewer = Viewer::showing(80, 24, 640, 480, [0, 0, 0]);
    let notice = |count| {
        ClientEvent::Notice(Notice {
            channel: Some(ChannelId::new(ChannelKind::Display, 0)),
            text: "no \x1b[2Jidea how to draw\nthis".into(),
            count,
        })
    };
    viewer.session(notice(1));
    assert_eq!(
        viewer.text()[23],
        " display:0: no  [2Jidea how to draw this"
    );

    viewer.wait(4000);
    assert!(viewer.text()[23].starts_with(" vm:5900"));

    viewer.session(notice(2));
    assert!(viewer.text()[23].starts_with(" vm:5900"));
    viewer.menu("il");
    let shown = viewer.text();
    assert!(
        shown
            .iter()
            .any(|line| line.contains("display:0: no  [2Jidea how to draw this 2×")),
        "{shown:#?}"
    );
}

#[test]
fn that_a_session_is_without_tls_stands_in_the_log_only() {
    let mut viewer = Viewer::showing(80, 24, 640, 480, [0, 0, 0]);
    // As QEMU says it on the main channel.
    let said = "the server says: keyboard channel is insecure";
    viewer.session(ClientEvent::Notice(Notice {
        channel: Some(ChannelId::MAIN),
        text: said.into(),
        count: 1,
    }));
    assert!(viewer.text()[23].starts_with(" vm:5900"));

    viewer.menu("il");
    let shown = viewer.text();
    assert!(shown.iter().any(|line| line.contains(said)), "{shown:#?}");
}

#[test]
fn numbers_are_asked_for_only_while_somebody_looks() {
    let mut viewer = Viewer::showing(80, 24, 640, 480, [0, 0, 0]);
    let asks = |effects: &[Effect]| effects.contains(&Effect::Command(Command::Stats));
    let something = || ClientEvent::Inputs(InputsEvent::Locks(Locks::NUM));
    assert!(!asks(&viewer.session(something())));

    assert!(asks(&viewer.menu("ic")), "at once when the pane opens");
    assert!(!asks(&viewer.session(something())), "not again so soon");
    assert!(asks(&viewer.wait(500)), "but then");
    viewer.wait(1000);
    assert_eq!(
        viewer.app.deadline(),
        None,
        "nothing happened, nothing to ask for"
    );
}

#[test]
fn a_key_is_pressed_at_once_and_released_a_moment_later() {
    let mut viewer = Viewer::of_size(80, 24);

    let now = viewer.press(KeyCode::Char('A'), Modifiers::SHIFT);
    assert_eq!(
        inputs(&now),
        [InputEvent::KeyDown(SHIFT), InputEvent::KeyDown(0x1e)]
    );
    assert_eq!(viewer.wait(20), []);
    let later = viewer.wait(5);
    assert_eq!(
        inputs(&later),
        [InputEvent::KeyUp(0x1e), InputEvent::KeyUp(SHIFT)]
    );
}

#[test]
fn a_second_key_ends_the_first() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.press(KeyCode::Char('c'), Modifiers::CTRL);

    let effects = viewer.press(KeyCode::Up, Modifiers::NONE);

    let expected = [
        InputEvent::KeyUp(0x2e),
        InputEvent::KeyUp(CTRL),
        InputEvent::KeyDown(0xe048),
    ];
    assert_eq!(inputs(&effects), expected);
}

#[test]
fn keys_without_characters_have_codes_too() {
    for (code, make) in [
        (KeyCode::F(1), 0x3b),
        (KeyCode::F(12), 0x58),
        (KeyCode::Home, 0xe047),
        (KeyCode::PageDown, 0xe051),
        (KeyCode::Insert, 0xe052),
        (KeyCode::Delete, 0xe053),
        (KeyCode::Escape, 0x01),
        (KeyCode::Enter, 0x1c),
        (KeyCode::Backspace, 0x0e),
        (KeyCode::Tab, 0x0f),
        (KeyCode::Pause, 0xe1_1d45),
    ] {
        let mut viewer = Viewer::of_size(80, 24);
        let effects = viewer.press(code, Modifiers::NONE);
        assert_eq!(inputs(&effects), [InputEvent::KeyDown(make)], "{code:?}");
    }
    let mut viewer = Viewer::of_size(80, 24);
    let back_tab = viewer.press(KeyCode::Tab, Modifiers::SHIFT);
    assert_eq!(
        inputs(&back_tab),
        [InputEvent::KeyDown(SHIFT), InputEvent::KeyDown(0x0f)]
    );
}

#[test]
fn alt_with_a_letter_is_a_chord() {
    let mut viewer = Viewer::of_size(80, 24);
    let effects = viewer.press(KeyCode::Char('x'), Modifiers::ALT);
    assert_eq!(
        inputs(&effects),
        [InputEvent::KeyDown(ALT), InputEvent::KeyDown(0x2d)]
    );
}

#[test]
fn a_terminal_that_reports_releases_holds_keys_as_long_as_the_user() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.act(Action::Capabilities {
        capabilities: Box::new(Terminal {
            keyboard: true,
            ..Terminal::default()
        }),
        answers: true,
    });
    let mut key = |code, modifiers, kind| {
        let event = Pressed {
            kind,
            ..Pressed::with(code, modifiers)
        };
        // The pace of a held key.
        viewer.now += Duration::from_millis(30);
        inputs(&viewer.terminal(Event::Key(event)))
    };
    let shift = KeyCode::Modifier(ModifierKey::LeftShift);
    let (press, repeat, release) = (KeyKind::Press, KeyKind::Repeat, KeyKind::Release);
    let (with, without) = (Modifiers::SHIFT, Modifiers::NONE);

    assert_eq!(key(shift, with, press), [InputEvent::KeyDown(SHIFT)]);
    assert_eq!(
        key(KeyCode::Char('A'), with, press),
        [InputEvent::KeyDown(0x1e)]
    );
    assert_eq!(
        key(KeyCode::Char('A'), with, repeat),
        [InputEvent::KeyDown(0x1e)]
    );
    assert_eq!(key(shift, without, release), [InputEvent::KeyUp(SHIFT)]);
    assert_eq!(
        key(KeyCode::Char('a'), without, release),
        [InputEvent::KeyUp(0x1e)]
    );
    assert_eq!(key(KeyCode::Char('a'), without, release), []);
}

#[test]
fn the_keyboard_protocol_tells_the_character_of_a_shifted_key() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.act(Action::Capabilities {
        capabilities: Box::new(Terminal {
            keyboard: true,
            ..Terminal::default()
        }),
        answers: true,
    });

    // kitty with a German keyboard: Shift down, 7 with it, 7 up, Shift up; Caps Lock is on for the letter.
    let typed = viewer.bytes(b"\x1b[57441;2u\x1b[55:47;2;47u\x1b[55:47;2:3u\x1b[57441;1:3u");
    let letter = viewer.bytes(b"\x1b[97;65;65u\x1b[97;65:3u");

    let expected = [
        InputEvent::KeyDown(SHIFT),
        InputEvent::KeyUp(SHIFT),
        InputEvent::KeyTap(0x35),
        InputEvent::KeyDown(SHIFT),
        InputEvent::KeyUp(SHIFT),
    ];
    assert_eq!(inputs(&typed), expected);
    let expected = [
        InputEvent::KeyDown(SHIFT),
        InputEvent::KeyTap(0x1e),
        InputEvent::KeyUp(SHIFT),
    ];
    assert_eq!(inputs(&letter), expected);
}

#[test]
fn a_character_on_another_level_of_the_users_layout_still_arrives() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.act(Action::Capabilities {
        capabilities: Box::new(Terminal {
            keyboard: true,
            ..Terminal::default()
        }),
        answers: true,
    });
    viewer.act(Action::Key(GuestKey::Down(
        finger(KeyCode::Modifier(ModifierKey::LeftShift)),
        Key::Code(SHIFT),
        Held::default(),
    )));

    // German: Shift+7 is the slash, which has no Shift on a US keyboard.
    let effects = viewer.act(Action::Key(GuestKey::Down(
        finger(KeyCode::Char('7')),
        Key::Char('/'),
        Held::default(),
    )));

    let expected = [
        InputEvent::KeyUp(SHIFT),
        InputEvent::KeyTap(0x35),
        InputEvent::KeyDown(SHIFT),
    ];
    assert_eq!(inputs(&effects), expected);
}

#[test]
fn caps_lock_in_the_guest_does_not_change_what_the_user_typed() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.session(ClientEvent::Inputs(InputsEvent::Locks(Locks::CAPS)));

    let small = viewer.press(KeyCode::Char('a'), Modifiers::NONE);
    assert_eq!(
        inputs(&small),
        [InputEvent::KeyDown(SHIFT), InputEvent::KeyDown(0x1e)]
    );
    viewer.wait(25);
    let digit = viewer.press(KeyCode::Char('1'), Modifiers::NONE);
    assert_eq!(inputs(&digit), [InputEvent::KeyDown(0x02)]);
}

#[test]
fn a_paste_is_typed_at_a_pace_the_guest_can_follow() {
    let mut viewer = Viewer::of_size(80, 24);

    let asked = viewer.terminal(Event::Paste("aB\r\né".into()));
    assert_eq!(inputs(&asked), []);
    assert!(viewer.text()[10].contains("┌ pasted: 5 characters, 2 lines ─"));
    assert!(viewer.text()[11].contains("k  type it as keys, 1 left out"));

    let first = viewer.act(Action::Menu(MenuKey::Char('k')));

    assert_eq!(inputs(&first), [InputEvent::KeyTap(0x1e)]);
    assert_eq!(viewer.text()[23], " no key on layout us for 1: 'é'");
    let second = [
        InputEvent::KeyDown(SHIFT),
        InputEvent::KeyTap(0x30),
        InputEvent::KeyUp(SHIFT),
    ];
    assert_eq!(inputs(&viewer.wait(10)), second);
    assert_eq!(inputs(&viewer.wait(10)), [InputEvent::KeyTap(0x1c)]);
    assert_eq!(inputs(&viewer.wait(1000)), []);
}

#[test]
fn losing_the_keyboard_lets_go_of_everything() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.terminal(Event::Paste("some long text".into()));
    viewer.act(Action::Menu(MenuKey::Char('k')));
    let effects = viewer.terminal(Event::FocusLost);
    assert_eq!(inputs(&effects), [InputEvent::ReleaseAll]);
    assert_eq!(viewer.app.deadline(), None, "the paste is given up");
}

#[test]
fn a_character_no_us_key_makes_is_said_so() {
    let mut viewer = Viewer::of_size(80, 24);
    let effects = viewer.press(KeyCode::Char('é'), Modifiers::NONE);
    assert_eq!(effects, []);
    assert_eq!(viewer.text()[23], " no key makes 'é' on layout us");
}

#[test]
fn view_only_keeps_everything_from_the_guest() {
    let mut viewer = Viewer::with(Setup {
        view_only: true,
        ..Viewer::of_size(80, 24).app.setup
    });
    viewer.screen(640, 480);
    viewer.mouse_mode(MouseMode::CLIENT);
    viewer.frame();

    let mut effects = viewer.press(KeyCode::Char('a'), Modifiers::NONE);
    effects.extend(viewer.mouse(MouseKind::Press(MouseButton::Left), 40, 10));
    effects.extend(viewer.terminal(Event::Paste("text".into())));
    effects.extend(viewer.terminal(Event::Text("é".into())));
    effects.extend(viewer.terminal(Event::FocusLost));
    effects.extend(viewer.menu("kd"));
    effects.extend(viewer.menu("khc"));

    assert_eq!(effects, []);
    viewer.wait(5000);
    assert!(viewer.text()[23].contains("view only"));
}

#[test]
fn the_mouse_is_where_it_is_in_client_mode() {
    let mut viewer = Viewer::showing(160, 51, 1280, 800, [0, 0, 0]);
    viewer.mouse_mode(MouseMode::CLIENT);
    let at = |x, y| InputEvent::Position { x, y, display: 0 };

    let left = MouseButton::Left;
    let moved = viewer.mouse(MouseKind::Move, 10, 10);
    assert_eq!(inputs(&moved), [at(84, 168)]);
    let pressed = viewer.mouse(MouseKind::Press(left), 10, 10);
    assert_eq!(inputs(&pressed), [InputEvent::Press(Button::Left)]);
    let dragged = viewer.mouse(MouseKind::Drag(left), 11, 10);
    assert_eq!(inputs(&dragged), [at(92, 168)]);
    let released = viewer.mouse(MouseKind::Release(left), 11, 10);
    assert_eq!(inputs(&released), [InputEvent::Release(Button::Left)]);
    let turned = viewer.mouse(MouseKind::ScrollDown, 11, 10);
    assert_eq!(inputs(&turned), [InputEvent::Wheel(Button::Down)]);
}

#[test]
fn the_mouse_moves_by_pixels_in_server_mode() {
    let mut viewer = Viewer::showing(160, 51, 1280, 800, [0, 0, 0]);
    viewer.mouse_mode(MouseMode::SERVER);

    assert_eq!(inputs(&viewer.mouse(MouseKind::Move, 10, 10)), []);
    let moved = viewer.mouse(MouseKind::Move, 12, 9);
    assert_eq!(inputs(&moved), [InputEvent::Motion { dx: 16, dy: -16 }]);
}

#[test]
fn in_server_mode_the_mouse_goes_on_from_where_the_guest_has_its_pointer() {
    let mut viewer = Viewer::showing(160, 51, 1280, 800, [0, 0, 0]);
    viewer.mouse_mode(MouseMode::SERVER);
    let position = Point::new(100, 200);
    viewer.session(ClientEvent::Cursor(CursorEvent::Moved {
        display: 0,
        position,
    }));
    viewer.wait(1000);

    // The middle of the cell is 84, 168.
    let moved = viewer.mouse(MouseKind::Move, 10, 10);

    assert_eq!(inputs(&moved), [InputEvent::Motion { dx: -16, dy: -32 }]);
}

#[test]
fn a_button_whose_release_the_terminal_missed_goes_up_with_the_next_motion() {
    let mut viewer = Viewer::showing(160, 51, 1280, 800, [0, 0, 0]);
    viewer.mouse_mode(MouseMode::CLIENT);
    viewer.mouse(MouseKind::Press(MouseButton::Left), 10, 10);

    let moved = inputs(&viewer.mouse(MouseKind::Move, 11, 10));

    let (x, y, display) = (92, 168, 0);
    assert_eq!(
        moved,
        [
            InputEvent::Release(Button::Left),
            InputEvent::Position { x, y, display }
        ]
    );
}

#[test]
fn a_release_of_a_button_that_is_not_down_is_not_told() {
    let mut viewer = Viewer::showing(160, 51, 1280, 800, [0, 0, 0]);
    viewer.mouse_mode(MouseMode::CLIENT);
    viewer.mouse(MouseKind::Press(MouseButton::Left), 10, 10);
    let lost = inputs(&viewer.terminal(Event::FocusLost));
    assert_eq!(lost, [InputEvent::ReleaseAll]);

    let released = viewer.mouse(MouseKind::Release(MouseButton::Left), 10, 10);

    assert_eq!(inputs(&released), []);
}

#[test]
fn the_keyboard_moves_the_pointer_and_presses_its_buttons() {
    let mut viewer = Viewer::showing(160, 51, 1280, 800, [0, 0, 0]);
    viewer.mouse_mode(MouseMode::CLIENT);
    let at = |x, y| InputEvent::Position { x, y, display: 0 };
    viewer.menu("m");
    assert!(
        viewer.text()[50].contains("arrows"),
        "{}",
        viewer.text()[50]
    );

    // From the middle, by eight pixels and by one.
    assert_eq!(inputs(&viewer.bytes(b"\x1b[C")), [at(648, 400)]);
    assert_eq!(inputs(&viewer.bytes(b"\x1b[1;2A")), [at(648, 399)]);
    let (press, release) = (InputEvent::Press, InputEvent::Release);
    let right = Button::Right;
    assert_eq!(inputs(&viewer.bytes(b"3")), [press(right), release(right)]);
    assert_eq!(inputs(&viewer.bytes(b" ")), [press(Button::Left)]);
    assert_eq!(
        inputs(&viewer.bytes(b"\x1b[6~")),
        [InputEvent::Wheel(Button::Down)]
    );

    // What is held goes up with the end, and keys are the guest's again.
    assert_eq!(
        inputs(&viewer.press(KeyCode::Escape, Modifiers::NONE)),
        [release(Button::Left)]
    );
    assert_eq!(inputs(&viewer.bytes(b"x"))[0], InputEvent::KeyDown(0x2d));
}

#[test]
fn the_keyboard_moves_a_pointer_that_the_guest_is_silent_about() {
    let mut viewer = Viewer::showing(160, 51, 1280, 800, [0, 0, 0]);
    viewer.mouse_mode(MouseMode::SERVER);
    viewer.menu("m");

    let moved = inputs(&viewer.bytes(b"\x1b[D"));

    assert_eq!(moved, [InputEvent::Motion { dx: -8, dy: 0 }]);
    let driven = inputs(&viewer.bytes(b"0"));
    assert_eq!(
        driven,
        [InputEvent::Motion {
            dx: -1280,
            dy: -800
        }]
    );
}

#[test]
fn a_drag_that_leaves_the_picture_keeps_its_edge_and_is_released() {
    // 74 columns of picture in 80: three are left free on each side.
    let mut viewer = Viewer::showing(80, 24, 1280, 800, [0, 0, 0]);
    viewer.mouse_mode(MouseMode::CLIENT);
    let left = MouseButton::Left;
    assert_eq!(
        inputs(&viewer.mouse(MouseKind::Press(left), 0, 5)),
        [],
        "beside the picture"
    );

    viewer.mouse(MouseKind::Press(left), 5, 5);
    let dragged = inputs(&viewer.mouse(MouseKind::Drag(left), 0, 5));
    assert!(
        matches!(dragged[..], [InputEvent::Position { x: 0, .. }]),
        "{dragged:?}"
    );
    let released = inputs(&viewer.mouse(MouseKind::Release(left), 0, 5));
    assert_eq!(released, [InputEvent::Release(Button::Left)]);
}

#[test]
fn the_wheel_over_the_log_scrolls_it() {
    let mut viewer = Viewer::showing(80, 24, 640, 480, [0, 0, 0]);
    for line in 0..50 {
        viewer.act(Action::Logged(format!("line {line}")));
    }
    viewer.menu("il");
    viewer.act(Action::Menu(MenuKey::Close));
    assert!(viewer.text()[22].ends_with("line 49"));

    let effects = viewer.act(Action::Pointer(Pointer {
        column: 5,
        row: 15,
        part: (Point::default(), capsaicin::geometry::Size::new(1, 1)),
        did: Mouse::Wheel(Button::Up),
    }));

    assert_eq!(effects, []);
    assert!(viewer.text()[22].ends_with("line 46"));
}

#[test]
fn the_escape_key_opens_a_menu_that_looks_like_this() {
    let mut viewer = Viewer::of_size(80, 24);
    // What a terminal sends for Ctrl+] without the newer protocol.
    viewer.bytes(b"\x1d");

    let text = viewer.text();
    let menu = [
        "                    ┌ menu ────────────────────────────────┐",
        "                    │ q  quit                              │",
        "                    │ k  send keys ...                     │",
        "                    │ p  paste as keystrokes ...           │",
        "                    │ v  paste to the guest's clipboard    │",
        "                    │ C  guest's clipboard ...             │",
        "                    │ l  keyboard layout: us ...           │",
        "                    │ i  panes ...                         │",
        "                    │ z  zoom ...                          │",
        "                    │ o  monitor ...                       │",
        "                    │ m  pointer by keyboard               │",
        "                    │ d  drawing ...                       │",
        "                    │ g  resize guest to this window       │",
        "                    │ G  - guest follows this window       │",
        "                    │ u  x sound                           │",
        "                    │ U  volume and microphone ...         │",
        "                    │ ^Z suspend                           │",
        "                    │ ?  help                              │",
        "                    └──────────────────────────────────────┘",
    ];
    assert_eq!(text[2..21], menu);
    assert_eq!(text[23], " vm:5900 · half · 0 fps 0B/s · Ctrl+] to guest");
}

#[test]
fn the_menu_fits_the_smallest_terminal() {
    let mut viewer = Viewer::of_size(20, 5);
    viewer.act(Action::Escape);
    let expected = [
        "┌ menu ────────────┐",
        "│ q  quit          │",
        "│ k  send keys ... │",
        "└──────────────────┘",
        " vm:5900 · half",
    ];
    assert_eq!(viewer.text()[..4], expected[..4]);
    // The marked entry stays in sight.
    for _ in 0..16 {
        viewer.act(Action::Menu(MenuKey::Down));
    }
    assert_eq!(viewer.text()[2], "│ ?  help          │");
}

#[test]
fn quitting_disconnects() {
    let mut viewer = Viewer::of_size(80, 24);
    let effects = viewer.menu("q");
    let end = [
        Effect::Command(Command::Disconnect),
        Effect::End(Ending::Quit),
    ];
    assert_eq!(effects, end);
}

#[test]
fn the_escape_key_twice_is_the_guests() {
    let mut viewer = Viewer::of_size(80, 24);
    let first = viewer.act(Action::Escape);
    assert_eq!(inputs(&first), []);
    let second = viewer.act(Action::Escape);
    assert_eq!(
        inputs(&second),
        [InputEvent::KeyDown(CTRL), InputEvent::KeyDown(0x1b)]
    );
    assert!(!viewer.app.mode().menu);
}

#[test]
fn another_escape_key_can_be_chosen() {
    for (text, shown) in [("ctrl+a", "Ctrl+A"), ("^]", "Ctrl+]"), ("F12", "F12")] {
        assert_eq!(text.parse::<Escape>().unwrap().to_string(), shown);
    }
    for text in ["", "a", "ctrl+", "ctrl+m", "ctrl+ab", "f0", "f25", "alt+x"] {
        assert!(text.parse::<Escape>().is_err(), "{text}");
    }
    let mut viewer = Viewer::with(Setup {
        escape: "f12".parse().unwrap(),
        ..Viewer::of_size(80, 24).app.setup
    });
    viewer.press(KeyCode::F(12), Modifiers::NONE);
    assert!(viewer.app.mode().menu);
}

#[test]
fn keys_a_terminal_cannot_send_are_in_the_menu() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.act(Action::Escape);
    viewer.wait(0);
    viewer.act(Action::Menu(MenuKey::Char('k')));
    let pressed = inputs(&viewer.act(Action::Menu(MenuKey::Char('d'))));
    let expected = [CTRL, ALT, 0xe053].map(InputEvent::KeyDown);
    assert_eq!(pressed, expected);
    let released = inputs(&viewer.wait(25));
    assert_eq!(released, [0xe053, ALT, CTRL].map(InputEvent::KeyUp));
}

#[test]
fn typing_narrows_the_menu() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.act(Action::Escape);
    viewer.act(Action::Menu(MenuKey::Char('k')));
    for c in "/f12".chars() {
        viewer.act(Action::Menu(MenuKey::Char(c)));
    }
    let text = viewer.text();
    assert!(text.iter().any(|line| line.contains("/f12")));
    assert!(text.iter().any(|line| line.contains("Ctrl+Alt+F12")));
    assert!(!text.iter().any(|line| line.contains("Ctrl+Alt+F1 ")));

    let pressed = inputs(&viewer.act(Action::Menu(MenuKey::Enter)));
    assert_eq!(pressed, [CTRL, ALT, 0x58].map(InputEvent::KeyDown));
}

#[test]
fn help_opens_and_closes() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.menu("?");
    let text = viewer.text();
    assert!(text[2].starts_with("  Ctrl+]"), "{text:#?}");
    viewer.act(Action::Menu(MenuKey::Close));
    assert!(!viewer.app.mode().menu);
}

#[test]
fn every_key_of_the_menu_is_on_the_help_page() {
    let mut viewer = Viewer::of_size(80, 60);
    viewer.app.recordable = true;
    viewer.act(Action::Recording(Some(Running {
        lasted: Duration::ZERO,
        bytes: 0,
    })));
    viewer.menu("");
    let menu = viewer.text();
    let keys = menu.iter().filter_map(|line| {
        let entry = line.trim().strip_prefix("│ ")?;
        entry.split_whitespace().next()
    });
    let keys: Vec<&str> = keys.collect();
    assert!(keys.len() > 15, "{menu:#?}");

    viewer.act(Action::Menu(MenuKey::Char('?')));
    let help = viewer.text();
    let is_missing = |key: &&&str| {
        let beginning = format!("  {key} ");
        !help.iter().any(|line| line.starts_with(&beginning))
    };
    let missing: Vec<&&str> = keys.iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_help_page_of_the_session_of_others_promises_no_keys_to_its_guest() {
    let mut viewer = Viewer::of_size(80, 60);
    viewer.app.mirrors = true;
    viewer.menu("?");
    let text = viewer.text();
    assert!(text[1].contains("somebody else"), "{text:#?}");
    assert!(
        !text
            .iter()
            .any(|line| line.contains("Every key goes to the guest")),
        "{text:#?}"
    );
}

fn some_stats() -> SessionStats {
    let channel = |kind, state, bytes, ack_window| ChannelStats {
        id: ChannelId::new(kind, 0),
        state,
        capabilities: [
            Capabilities::of(&[0, 1, 3], &[0, 1, 5]),
            Capabilities::of(&[0, 1, 3], &[1, 5, 6]),
        ],
        header: HeaderKind::Mini,
        messages: [40, 4],
        bytes,
        ack_window,
    };
    SessionStats {
        channels: vec![
            channel(ChannelKind::Main, "open", [256_000, 96], [0, 0]),
            channel(ChannelKind::Display, "open", [12_345_678, 666], [20, 10]),
        ],
        displays: vec![DisplayStats {
            id: 0,
            primary: None,
            surfaces: 1,
            draws: 1234,
        }],
        codecs: vec![CodecCount {
            name: "GLZ_RGB",
            images: 133,
            bytes: 45_678,
            pixels: 1_024_000,
            time: Duration::from_micros(12_340),
            failed: 1,
        }],
        surface_bytes: 4_096_000,
        ..SessionStats::default()
    }
}

#[test]
fn the_channels_pane_looks_like_this() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.menu("ic");
    viewer.session(ClientEvent::Stats(Box::new(some_stats())));

    let expected = [
        "─ channels ─────────────────────────────────────────────────────────────────────",
        "channel    state       in   out  ack window       answers",
        "main       open      256k    96  none                   -",
        "  mini header, AUTH_SELECTION, AUTH_SPICE, NAME_AND_UUID, bit5,",
        "  client only: SEMI_SEAMLESS_MIGRATE, server only: bit6",
        "display:0  open       12M   666  ████░░░░ 10/20         -",
        "  mini header, AUTH_SELECTION, AUTH_SPICE, MONITORS_CONFIG, LZ4_COMPRESSION,",
    ];
    assert_eq!(viewer.text()[12..19], expected);
}

#[test]
fn the_codecs_pane_looks_like_this() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.menu("is");
    viewer.session(ClientEvent::Stats(Box::new(some_stats())));

    let expected = [
        "─ codecs ───────────────────────────────────────────────────────────────────────",
        "images        count  bytes pixels    time  bad  ratio   MPx/s  lately",
        "GLZ_RGB         133    45k   1.0M  12.3ms    1   89.7    83.0",
        "draws 1.2k  surfaces 4.0MB  GLZ window 0px  cache 0px",
    ];
    assert_eq!(viewer.text()[12..16], expected);
}

#[test]
fn panes_stand_beside_the_picture_where_there_is_room() {
    let layout = view::layout((160, 50), &[]);
    assert_eq!(layout.picture, Area::new(0, 0, 160, 49));
    let mut viewer = Viewer::of_size(160, 50);
    viewer.menu("ics");
    viewer.act(Action::Menu(MenuKey::Close));
    viewer.menu("is");
    let text = viewer.text();
    assert!(
        text[0].contains("─ channels ─") && text[24].contains("─ codecs ─"),
        "{text:#?}"
    );
    let column = text[0].chars().position(|c| c == '─').unwrap();
    assert_eq!(column, 160 - 53 + 1);
}

#[test]
fn every_terminal_size_can_be_drawn() {
    let sizes = [
        (1, 1),
        (19, 5),
        (20, 4),
        (20, 5),
        (25, 6),
        (80, 24),
        (119, 9),
        (120, 7),
        (300, 90),
    ];
    for (columns, rows) in sizes {
        for keys in [
            "", "ic", "is", "il", "k", "kh", "ke", "l", "p", "z1", "d", "?",
        ] {
            let mut viewer = Viewer::showing(columns, rows, 640, 480, [9, 9, 9]);
            viewer.session(ClientEvent::Stats(Box::new(some_stats())));
            if !keys.is_empty() {
                viewer.menu(keys);
            }
            viewer.frame();
            viewer.session(ClientEvent::Notice(Notice {
                channel: None,
                text: "x".repeat(500),
                count: 1,
            }));
            viewer.frame();
        }
    }
    assert_eq!(Viewer::of_size(19, 5).text()[0], "needs 20×5");
}

#[test]
fn one_to_one_can_be_panned() {
    let mut viewer = Viewer::showing(80, 24, 640, 480, [0, 0, 0]);
    viewer.menu("z1");
    viewer.frame();
    let shown = |viewer: &Viewer| viewer.app.picture.fit().unwrap().shown();
    assert_eq!(shown(&viewer), Rect::new(280, 217, 360, 263));

    viewer.act(Action::Menu(MenuKey::Right));
    viewer.frame();
    assert_eq!(shown(&viewer), Rect::new(300, 217, 380, 263));

    viewer.act(Action::Menu(MenuKey::Char('f')));
    viewer.frame();
    assert_eq!(shown(&viewer), Rect::new(0, 0, 640, 480));
}

#[test]
fn pixels_can_be_enlarged_and_panned() {
    let mut viewer = Viewer::showing(80, 24, 640, 480, [0, 0, 0]);
    viewer.menu("z3");
    viewer.frame();
    let shown = |viewer: &Viewer| viewer.app.picture.fit().unwrap().shown();
    // 80×46 dots are 26×15 pixels, around (320, 240).
    assert_eq!(shown(&viewer), Rect::new(307, 233, 333, 248));

    viewer.act(Action::Menu(MenuKey::Down));
    viewer.frame();
    // A quarter of 15 further down.
    assert_eq!(shown(&viewer), Rect::new(307, 236, 333, 251));
}

#[test]
fn the_loupe_shows_what_the_mouse_points_at_from_edge_to_edge() {
    let mut viewer = Viewer::showing(80, 24, 640, 480, [0, 0, 0]);
    viewer.mouse_mode(MouseMode::CLIENT);
    viewer.menu("zl");
    viewer.frame();
    let mut point = |column, row| {
        let sent = inputs(&viewer.mouse(MouseKind::Move, column, row));
        assert!(viewer.app.frame_due().is_some());
        viewer.frame();
        (viewer.app.picture.fit().unwrap().shown(), sent)
    };
    let at = |x, y| InputEvent::Position { x, y, display: 0 };

    assert_eq!(point(0, 0), (Rect::new(0, 0, 80, 46), vec![at(0, 1)]));
    // In the last column and row, dots 45 and 46 of the last 46.
    let last = (Rect::new(560, 434, 640, 480), vec![at(639, 479)]);
    assert_eq!(point(79, 22), last);
    // 40 of 79 columns of 560 hidden pixels, 11 of 22 rows of 434.
    let (left, top) = (283, 217);
    let middle = Rect::new(left, top, left + 80, top + 46);
    let under = at(left as u32 + 40, top as u32 + 23);
    assert_eq!(point(40, 11), (middle, vec![under]));
    assert_eq!(
        point(40, 11),
        (middle, vec![]),
        "the same place is the same"
    );
}

#[test]
fn the_loupe_follows_the_guests_pointer_once_it_nears_the_edge() {
    let mut viewer = Viewer::showing(80, 24, 640, 480, [0, 0, 0]);
    viewer.mouse_mode(MouseMode::SERVER);
    viewer.menu("zl");
    let mut pointer = |x, y| {
        let position = Point::new(x, y);
        viewer.session(ClientEvent::Cursor(CursorEvent::Moved {
            display: 0,
            position,
        }));
        viewer.frame();
        viewer.app.picture.fit().unwrap().shown()
    };
    let first = pointer(100, 100);
    assert_eq!(first, Rect::new(60, 77, 140, 123));
    assert_eq!(pointer(120, 100), first);
    assert_eq!(pointer(131, 100), Rect::new(91, 77, 171, 123));
}

#[test]
fn the_loupe_follows_what_is_typed_where_there_is_no_pointer() {
    let mut viewer = Viewer::showing(80, 24, 640, 480, [0, 0, 0]);
    viewer.menu("zl");
    viewer.fill(Rect::new(400, 300, 408, 316), [255; 3]);
    viewer.frame();
    let shown = viewer.app.picture.fit().unwrap().shown();
    assert_eq!(shown, Rect::new(364, 285, 444, 331));
    viewer.fill(Rect::new(0, 0, 640, 480), [9; 3]);
    viewer.frame();
    assert_eq!(
        viewer.app.picture.fit().unwrap().shown(),
        shown,
        "not typed"
    );
}

#[test]
fn arrows_take_the_loupe_by_hand() {
    let mut viewer = Viewer::showing(80, 24, 640, 480, [0, 0, 0]);
    viewer.menu("zl");
    viewer.frame();
    viewer.menu("z");
    viewer.act(Action::Menu(MenuKey::Right));
    viewer.frame();
    let shown = viewer.app.picture.fit().unwrap().shown();
    assert_eq!(shown, Rect::new(300, 217, 380, 263));
    assert_eq!(
        viewer.app.picture.zoom(),
        capsaicin::tui::picture::Zoom::Exact {
            centre: Point::new(340, 240),
            times: 1,
        }
    );
}

#[test]
fn every_drawing_can_be_chosen_with_every_number_of_colours() {
    let mut viewer = Viewer::showing(80, 24, 640, 480, [200, 30, 30]);
    for (keys, name) in [
        ("do", "octant"),
        ("d2", "octant/256"),
        ("ds", "sextant/256"),
        ("d3", "sextant/16"),
        ("dq", "quadrant/16"),
        ("d4", "quadrant/mono"),
        ("dh", "half/mono"),
        ("da", "ascii/mono"),
        ("d1", "ascii"),
    ] {
        viewer.menu(keys);
        viewer.frame();
        let status = viewer.text()[23].clone();
        assert!(
            status.contains(&format!("· {name} ·")) || status.contains(&format!("| {name} |")),
            "{status}"
        );
    }
}

#[test]
fn cells_have_the_colours_that_the_terminal_says_it_has() {
    let mut viewer = Viewer::showing(80, 24, 640, 480, [200, 30, 30]);
    let style = Style {
        colours: Colours::Palette16,
        ..Style::default()
    };
    viewer.app.setup.style = style;
    let say = |viewer: &mut Viewer, colours| {
        viewer.act(Action::Capabilities {
            capabilities: Box::new(Terminal {
                colours,
                ..Terminal::default()
            }),
            answers: true,
        });
        viewer.app.setup.style.colours
    };
    assert_eq!(say(&mut viewer, Colours::True), Colours::True);
    viewer.menu("d3");
    let users = say(&mut viewer, Colours::True);
    assert_eq!(users, Colours::Palette16, "what the user chose stays");
    assert_eq!(say(&mut viewer, Colours::Palette256), Colours::Palette256);
}

#[test]
fn octants_have_four_times_the_dots_of_half_blocks() {
    let mut viewer = Viewer::showing(160, 51, 1280, 800, [0, 0, 0]);
    viewer.menu("do");
    viewer.frame();
    assert_eq!(
        viewer.app.picture.fit().unwrap().dots(),
        capsaicin::geometry::Size::new(320, 200)
    );
}

#[test]
fn the_guests_name_cannot_write_escape_sequences() {
    let mut viewer = Viewer::of_size(100, 24);
    let name = "web\x1b]0;owned\x07\u{202e}1";
    viewer.session(ClientEvent::Main(MainEvent::Name(name.into())));
    let text = viewer.text().concat();
    assert!(text.contains("web ]0;owned  1"), "{text}");
    assert!(!text.chars().any(char::is_control));
}

#[test]
fn the_end_of_the_session_ends_the_viewer_and_says_why() {
    let mut viewer = Viewer::of_size(80, 24);
    let effects = viewer.session(ClientEvent::Closed(CloseReason::ByPeer));
    assert_eq!(effects, [Effect::End(Ending::Closed(CloseReason::ByPeer))]);
}

/// `capsaicin view demo:` in a terminal of 80×24.
struct Program {
    child: Box<dyn portable_pty::Child + Send + Sync>,
    keyboard: Box<dyn std::io::Write + Send>,
    output: std::sync::mpsc::Receiver<Vec<u8>>,
    screen: TextTerminal,
}

#[test]
fn a_terminal_that_stops_reading_does_not_keep_the_viewer_from_ending() {
    let size = portable_pty::PtySize {
        rows: 24,
        cols: 80,
        pixel_width: 640,
        pixel_height: 384,
    };
    let pair = portable_pty::native_pty_system().openpty(size).unwrap();
    let mut command = portable_pty::CommandBuilder::new(env!("CARGO_BIN_EXE_capsaicin"));
    command.args(["view", "demo:"]);
    command.env("TERM", "xterm-256color");
    let mut child = pair.slave.spawn_command(command).unwrap();
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut keyboard = pair.master.take_writer().unwrap();
    // It has a VT220, which shows some of the first picture and then nothing more. The demo moves without end, so soon there is
    // no room left between the two.
    std::io::Write::write_all(&mut keyboard, b"\x1b[?62c").unwrap();
    let mut shown = [0; 3000];
    std::io::Read::read_exact(&mut reader, &mut shown).unwrap();
    std::thread::sleep(Duration::from_millis(500));

    let number = child.process_id().unwrap().to_string();
    let told = std::process::Command::new("kill")
        .args(["-TERM", &number])
        .status();
    assert!(told.unwrap().success());

    let (ended, waited) = std::sync::mpsc::channel();
    let mut killer = child.clone_killer();
    std::thread::spawn(move || ended.send(child.wait()));
    let status = waited.recv_timeout(Duration::from_secs(60));
    let _ = killer.kill();
    assert_eq!(status.expect("it ends").unwrap().exit_code(), 130);
}

impl Program {
    /// It asked the terminal, which has not answered yet.
    fn asking() -> Self {
        let size = portable_pty::PtySize {
            rows: 24,
            cols: 80,
            pixel_width: 640,
            pixel_height: 384,
        };
        let portable_pty::PtyPair { master, slave } =
            portable_pty::native_pty_system().openpty(size).unwrap();
        let mut command = portable_pty::CommandBuilder::new(env!("CARGO_BIN_EXE_capsaicin"));
        // What reads it knows no pictures.
        command.args(["view", "--draw", "half", "demo:"]);
        command.env("TERM", "xterm-256color");
        command.env("COLORTERM", "truecolor");
        command.env_remove("NO_COLOR");
        let child = slave.spawn_command(command).unwrap();
        // The program alone holds it now: when it ends, so does what can be read.
        drop(slave);
        let mut reader = master.try_clone_reader().unwrap();
        let keyboard = master.take_writer().unwrap();
        let (sender, output) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            // The terminal lives as long as somebody reads it.
            let _terminal = master;
            let mut buffer = [0; 4096];
            while let Ok(len @ 1..) = std::io::Read::read(&mut reader, &mut buffer) {
                if sender.send(buffer[..len].to_vec()).is_err() {
                    break;
                }
            }
        });
        let mut program = Self {
            child,
            keyboard,
            output,
            screen: TextTerminal::new(24, 80),
        };
        program.read_until("a question", |bytes, _| contains(bytes, b"\x1b[c"));
        program
    }

    /// It shows a picture in a VT220, which has nothing newer.
    fn with_picture() -> Self {
        let mut program = Self::asking();
        program.type_bytes(b"\x1b[?62c");
        program.wait_for_picture();
        program
    }

    fn wait_for_picture(&mut self) {
        self.read_until("a picture", |_, screen| {
            let cell = screen.cell(10, 40);
            cell.is_some_and(|cell| matches!(cell.bgcolor(), vt100::Color::Rgb(..)))
        });
        assert!(self.screen.screen().alternate_screen());
        assert!(self.screen.screen().hide_cursor());
    }

    fn quit(&mut self, escape: &[u8]) {
        self.type_bytes(escape);
        self.read_until("the menu", |_, screen| {
            screen.contents().contains("q  quit")
        });
        self.type_bytes(b"q");
    }

    fn type_bytes(&mut self, bytes: &[u8]) {
        std::io::Write::write_all(&mut self.keyboard, bytes).unwrap();
    }

    fn read_until(&mut self, what: &str, mut seen: impl FnMut(&[u8], &vt100::Screen) -> bool) {
        let mut all = Vec::new();
        let patience = Duration::from_secs(60);
        while !seen(&all, self.screen.screen()) {
            let bytes = self.output.recv_timeout(patience);
            let bytes = bytes.unwrap_or_else(|_| panic!("{what} never came"));
            self.screen.process(&bytes);
            all.extend(bytes);
        }
    }

    /// The exit code, after the terminal was found as it was before.
    fn exit(mut self) -> u32 {
        self.read_until("the end", |_, screen| !screen.alternate_screen());
        let status = self.child.wait().unwrap();
        while let Ok(bytes) = self.output.recv_timeout(Duration::from_secs(60)) {
            self.screen.process(&bytes);
        }
        let screen = self.screen.screen();
        assert!(!screen.hide_cursor());
        assert!(!screen.bracketed_paste());
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
        status.exit_code()
    }
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn quitting_gives_the_terminal_back() {
    let mut program = Program::with_picture();
    program.quit(b"\x1d");
    assert_eq!(program.exit(), 0);
}

#[test]
fn a_terminal_that_never_answers_gets_its_picture_all_the_same() {
    let mut program = Program::asking();
    program.wait_for_picture();
    program.quit(b"\x1d");
    assert_eq!(program.exit(), 0);
}

#[test]
fn the_keyboard_protocol_is_switched_on_where_it_is_known_and_off_at_the_end() {
    let mut program = Program::asking();
    program.type_bytes(KITTY.answers);
    program.read_until("the keyboard protocol", |bytes, _| {
        contains(bytes, b"\x1b[>31u")
    });
    program.wait_for_picture();
    program.quit(b"\x1b[93;5u\x1b[93;5:3u");
    program.read_until("its end", |bytes, screen| {
        contains(bytes, b"\x1b[<1u") && !screen.alternate_screen()
    });
    assert_eq!(program.exit(), 0);
}

#[test]
fn answers_that_come_late_are_no_keys() {
    let mut program = Program::with_picture();
    program.type_bytes(b"\x1d");
    program.read_until("the menu", |_, screen| {
        screen.contents().contains("q  quit")
    });
    // As keys these would close the menu, or quit.
    program.type_bytes(KITTY.answers);
    program.type_bytes(b"\x1bP>|q\x1b\\\x1b]11;q\x07i");
    program.read_until("the menu of panes", |_, screen| {
        screen.contents().contains("log")
    });
    program.type_bytes(b"\x1d");
    program.quit(b"\x1d");
    assert_eq!(program.exit(), 0);
}

#[test]
fn signals_give_the_terminal_back() {
    for signal in ["-TERM", "-HUP", "-INT"] {
        let program = Program::with_picture();
        let pid = program.child.process_id().unwrap().to_string();
        let sent = std::process::Command::new("kill")
            .args([signal, &pid])
            .status();
        assert!(sent.unwrap().success());
        assert_eq!(program.exit(), 130, "{signal}");
    }
}

/// Runs itself once more in a terminal, where it takes the screen and panics.
#[test]
fn a_panic_gives_the_terminal_back_before_its_words_are_printed() {
    const INSIDE: &str = "CAPSAICIN_PANIC_INSIDE_A_TERMINAL";
    if std::env::var_os(INSIDE).is_some() {
        let _screen = capsaicin::tui::screen::Screen::take().unwrap();
        panic!("on purpose");
    }
    let pair = portable_pty::native_pty_system()
        .openpty(portable_pty::PtySize {
            rows: 24,
            cols: 80,
            pixel_width: 0,
            pixel_height: 0,
        })
        .unwrap();
    let mut command = portable_pty::CommandBuilder::new(std::env::current_exe().unwrap());
    command.args([
        "--exact",
        "viewer::a_panic_gives_the_terminal_back_before_its_words_are_printed",
        "--nocapture",
    ]);
    command.env(INSIDE, "1");
    command.env("RUST_BACKTRACE", "0");
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let (mut screen, mut taken, mut buffer) = (TextTerminal::new(24, 80), false, [0; 64]);
    while let Ok(len @ 1..) = std::io::Read::read(&mut reader, &mut buffer) {
        screen.process(&buffer[..len]);
        taken |= screen.screen().alternate_screen();
    }
    assert!(!child.wait().unwrap().success());
    let screen = screen.screen();
    assert!(taken && !screen.alternate_screen() && !screen.hide_cursor());
    assert!(!screen.bracketed_paste());
    assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None);
    assert!(
        screen.contents().contains("on purpose"),
        "{}",
        screen.contents()
    );
}
