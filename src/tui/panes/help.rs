//! The help page.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Widget};

use super::{draw_lines, timeline};
use crate::tui::action::MenuKey;
use crate::tui::app::App;
use crate::tui::view::Theme;

/// What each key does; `^]` stands for the escape key.
const LINES: &[(&str, &str)] = &[
    ("", "Every key goes to the guest, but one:"),
    ("^]", "opens the menu; twice sends it to the guest; from a"),
    (
        "",
        "        pane, the first gives the keys back to the guest",
    ),
    ("", ""),
    ("", "In the menu, one key is enough:"),
    ("q", "quit"),
    (
        "k",
        "send keys a terminal cannot: Ctrl+Alt+Del, F-keys, SysRq;",
    ),
    ("", "        hold some; / and ctrl+alt+f7 presses those"),
    ("p", "paste as keystrokes: what you paste next is typed"),
    (
        "l",
        "the guest's keyboard layout, on which your text is typed",
    ),
    ("v", "the next paste goes to the guest's clipboard"),
    (
        "C",
        "the guest's clipboard: copy its text, save its picture",
    ),
    ("g", "make the guest's screen as large as this window"),
    ("G", "keep it so"),
    ("i", "panes: channels, messages and their bytes, surfaces,"),
    (
        "",
        "        codecs, streams, timing, log; i i gives them the keys:",
    ),
    (
        "",
        "        there x closes one, c in the messages forgets them",
    ),
    (
        "",
        "        i h lets messages in one by one, i w tells who drew a pixel",
    ),
    ("z", "zoom: the whole screen, 1:1 and larger, or a loupe"),
    ("o", "monitor: another one, n and p go round"),
    (
        "m",
        "pointer by keyboard: arrows move it, by one with Shift;",
    ),
    (
        "",
        "        1 2 3 click, 8 9 too, Space holds, PgUp PgDn turn,",
    ),
    ("", "        0 drives it to the corner"),
    (
        "r",
        "record into a file of this folder, from now on; end it",
    ),
    (
        "M",
        "mark this moment of the recording: [ and ] of play find it",
    ),
    ("u", "the guest's sound on or off"),
    ("U", "louder, quieter; let the guest hear the microphone"),
    ("d", "drawing: colours and characters"),
    (
        "w",
        "next tab: the guest's consoles, and the picture again;",
    ),
    (
        "",
        "        Shift+PgUp and the wheel look back in a console",
    ),
    ("W", "ports: all of them as tabs; a size for one, a break"),
    ("P", "the machine, if a port is its monitor: pause, reset"),
    ("^Z", "suspend; fg comes back"),
    ("?", "this page"),
    ("/", "type to filter; Enter takes the marked line"),
    ("", ""),
    (
        "",
        "The mouse goes to the guest; Shift keeps it here in most",
    ),
    ("", "terminals, to select and copy. Paste asks what to do."),
];

/// What is said instead of keys for the guest where the session is somebody else's.
const OF_OTHERS: &[(&str, &str)] = &[
    (
        "",
        "This session is somebody else's: no key goes to its guest.",
    ),
    ("w", "who drew a pixel: point at it, see the messages"),
    ("b", "the picture before the last message, and after"),
    ("q", "quit"),
    ("", ""),
];

/// The page: the keys of the player, or of what only looks on, come first where there is one.
fn lines(app: &App) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    /// What is said of keys for the guest.
    const OF_GUEST: usize = 1;
    let (first, skip) = match app.timeline {
        Some(_) => (timeline::HELP, OF_GUEST),
        None if app.mirrors => (OF_OTHERS, OF_GUEST),
        None => (&[][..], 0),
    };
    first.iter().chain(LINES.iter().skip(skip))
}

/// The first line to show after a key; `None` when the key closes the page.
pub fn key(key: MenuKey, from: u16, app: &App) -> Option<u16> {
    let last = lines(app).count() as u16 - 1;
    Some(match key.without_shift() {
        MenuKey::Up => from.saturating_sub(1),
        MenuKey::Down => (from + 1).min(last),
        MenuKey::PageUp => from.saturating_sub(5),
        MenuKey::PageDown => (from + 5).min(last),
        _ => return None,
    })
}

/// Draws the page over everything.
pub fn draw(app: &App, from: u16, area: Rect, buf: &mut Buffer) {
    let theme = Theme::of(app);
    Clear.render(area, buf);
    let [head, body] = split_first_row(area);
    Line::styled(
        " capsaicin: arrows scroll, any other key closes",
        theme.bar(),
    )
    .style(theme.bar())
    .render(head, buf);
    let escape = app.setup.escape.to_string();
    let lines = lines(app).skip(from.into()).map(|(key, text)| {
        let key = if *key == "^]" { escape.as_str() } else { *key };
        match (key, *text) {
            ("", text) => Line::from(format!(" {text}")),
            (key, text) => Line::from(vec![
                Span::styled(format!("  {key:<8}"), theme.title()),
                Span::raw(text),
            ]),
        }
    });
    draw_lines(lines, body, buf);
}

fn split_first_row(area: Rect) -> [Rect; 2] {
    let height = area.height.min(1);
    [
        Rect { height, ..area },
        Rect {
            y: area.y + height,
            height: area.height - height,
            ..area
        },
    ]
}
