//! Panes that show the protocol: the messages, one of them, surfaces, streams, timing.

use std::time::Duration;

use capsaicin::ClientEvent;
use capsaicin::channel::display::messages::{
    ServerMessage, SurfaceCreate, SurfaceFlags, SurfaceFormat,
};
use capsaicin::channel::{ChannelId, ChannelKind, Message};
use capsaicin::link::Established;
use capsaicin::recording::What;
use capsaicin::session::{Tap, Way};
use capsaicin::term::{Colours, Glyphs, Style};
use capsaicin::tui::action::{Action, MenuKey};
use capsaicin::tui::watch::Watch;
use capsaicin::wire::Frame;

use super::{Viewer, some_stats};
use crate::support::recordings::{file, records};

/// A viewer whose session is this recording; `keys` are pressed in the menu before anything passes.
fn watching(columns: u16, rows: u16, keys: &str) -> Viewer {
    let mut viewer = Viewer::of_size(columns, rows);
    viewer.menu(keys);
    pass(&viewer.app.watch, "firmware-menu.pcapng");
    viewer.wait(300);
    viewer.frame();
    viewer
}

/// Everything of a recording passes.
pub(super) fn pass(watch: &Watch, name: &str) {
    let mut watch = watch.clone();
    for record in records(&file(name)) {
        match record.what {
            What::Opened(link) => watch.opened(record.at, record.channel, &link),
            What::Frame(way, frame) => watch.frame(record.at, record.channel, way, &frame),
            // The session goes on.
            _ => {}
        }
    }
}

pub(super) fn press(viewer: &mut Viewer, keys: &str) {
    for c in keys.chars() {
        let key = match c {
            '\n' => MenuKey::Enter,
            '\t' => MenuKey::Tab,
            '↑' => MenuKey::Up,
            '↓' => MenuKey::Down,
            '⌫' => MenuKey::Back,
            '⎋' => MenuKey::Close,
            c => MenuKey::Char(c),
        };
        viewer.act(Action::Menu(key));
    }
}

#[test]
fn the_messages_pane_looks_like_this() {
    let mut viewer = watching(80, 24, "im");
    let text = viewer.text();
    let expected = [
        "─ messages: / filter  f follow  Space hold  Enter open  1-9 Tab  z large  Esc ──",
        "60 of 60 · following",
    ];
    assert_eq!(text[12..14], expected);
    assert!(
        text[14..23]
            .iter()
            .all(|line| line.contains(" < display:0") || line.contains(" > ")),
        "{text:#?}"
    );
}

#[test]
fn messages_are_filtered_as_the_program_does() {
    let mut viewer = watching(80, 24, "im");
    press(&mut viewer, "/display.surface_create or mark\n");
    let text = viewer.text();
    assert_eq!(
        text[13],
        "2 of 60 · where display.surface_create or mark · following"
    );
    assert_eq!(
        text[14..17],
        [
            "    0.081 < display:0  SURFACE_CREATE      20 surface_id=0 width=720 height=400",
            "    0.081 < display:0  MARK                 0",
            "",
        ]
    );
}

#[test]
fn a_wrong_filter_is_told_while_it_is_written_and_changes_nothing() {
    let mut viewer = watching(80, 24, "im");
    press(&mut viewer, "/display.foo\n");
    assert_eq!(
        viewer.text()[13],
        "/display.foo   column 9: display has no message called 'foo'"
    );
    press(&mut viewer, "⎋");
    assert_eq!(viewer.text()[13], "60 of 60 · following");
}

#[test]
fn a_message_is_shown_with_the_bytes_of_its_fields_marked() {
    let mut viewer = watching(80, 24, "im");
    press(&mut viewer, "/surface_create\n\nz↓↓");
    let text = viewer.text();
    assert_eq!(
        text[1],
        "#12 at 0.080772 display:0 received SURFACE_CREATE, 20 bytes"
    );
    assert_eq!(
        text[2..7],
        [
            "surface_id = 0",
            "width = 720",
            "height = 400",
            "format = XRGB",
            "flags = PRIMARY"
        ]
    );
    let buffer = viewer.frame();
    let marked = |row: u16| -> String {
        let reversed = ratatui::style::Modifier::REVERSED;
        let cells = (0..80).map(|column| &buffer[(column, row)]);
        let marked = cells.filter(|cell| cell.modifier.contains(reversed));
        marked
            .map(|cell| cell.symbol())
            .collect::<String>()
            .trim_end()
            .to_owned()
    };
    let all: Vec<String> = (0..24).map(marked).collect();
    assert_eq!(all[4], "height = 400", "{all:#?}");
    let bytes = text
        .iter()
        .position(|line| line.starts_with("00000 "))
        .unwrap();
    assert_eq!(marked(bytes as u16), "90 01 00 00");
}

#[test]
fn a_frozen_list_stays_and_goes_on_later() {
    let mut viewer = watching(80, 24, "im");
    viewer.text();
    press(&mut viewer, " ");
    pass(&viewer.app.watch, "firmware-menu.pcapng");
    viewer.wait(300);
    assert_eq!(viewer.text()[13], "60 of 60 · FROZEN");
    press(&mut viewer, " ");
    viewer.wait(300);
    assert_eq!(viewer.text()[13], "120 of 120 · following");
}

#[test]
fn nothing_is_kept_while_no_pane_looks() {
    let viewer = Viewer::of_size(80, 24);
    pass(&viewer.app.watch, "firmware-menu.pcapng");
    assert!(!viewer.app.watch.has_seen());
    assert_eq!(
        viewer.app.watch.things().surfaces.len(),
        1,
        "but what there is"
    );
}

#[test]
fn what_waits_for_a_pane_is_bounded() {
    let mut watch = Watch::default();
    watch.look(true);
    let frame = Frame::new(304, vec![0; 1 << 20]);
    for _ in 0..100 {
        watch.frame(Duration::ZERO, ChannelId::MAIN, Way::ToClient, &frame);
    }
    let taken = watch.take();
    assert!(taken.seen.len() <= 16, "{}", taken.seen.len());
    assert_eq!(taken.seen.len() as u64 + taken.dropped, 100);
}

#[test]
fn a_channel_that_closes_while_a_pane_looks_holds_nobody_up() {
    let mut watch = Watch::default();
    watch.look(true);
    let (at, channel) = (Duration::ZERO, ChannelId::MAIN);
    watch.opened(at, channel, &Established::default());
    watch.closed(at, channel);
    assert_eq!(watch.take().seen.len(), 2);
    assert!(watch.things().links.is_empty());
}

#[test]
fn text_that_is_longer_than_its_pane_is_scrolled_as_far_as_its_last_line() {
    let mut viewer = watching(80, 12, "ic");
    viewer.session(ClientEvent::Stats(Box::new(some_stats())));
    viewer.menu("ii");
    let inside = |viewer: &mut Viewer| viewer.text()[7..11].to_vec();
    let top = inside(&mut viewer);
    press(&mut viewer, "↓");
    let second = inside(&mut viewer);
    press(&mut viewer, "↓");
    let third = inside(&mut viewer);
    assert_eq!(second[1..], third[..3]);
    // Further down than it is long.
    press(&mut viewer, &"↓".repeat(60));
    let bottom = inside(&mut viewer);
    assert!(
        bottom.iter().all(|line| !line.trim().is_empty()),
        "{bottom:#?}"
    );
    press(&mut viewer, "↓");
    assert_eq!(inside(&mut viewer), bottom);
    // It is no further back than that many lines.
    press(&mut viewer, "↑");
    assert_eq!(inside(&mut viewer)[1..], bottom[..3]);
    press(&mut viewer, &"↑".repeat(60));
    assert_eq!(inside(&mut viewer), top);
}

#[test]
fn keys_go_from_pane_to_pane_and_back_to_the_guest() {
    let mut viewer = watching(80, 48, "ic");
    viewer.session(ClientEvent::Stats(Box::new(some_stats())));
    viewer.menu("ii");
    assert!(
        viewer
            .text()
            .iter()
            .any(|line| line.contains("channels: arrows scroll  1-9 Tab"))
    );
    press(&mut viewer, "2");
    assert!(
        viewer
            .text()
            .iter()
            .any(|line| line.contains("messages: / filter"))
    );
    press(&mut viewer, "\t");
    assert!(
        viewer
            .text()
            .iter()
            .any(|line| line.contains("channels: arrows scroll  1-9 Tab"))
    );
    press(&mut viewer, "x");
    let text = viewer.text();
    assert!(
        !text.iter().any(|line| line.contains("channels")),
        "{text:#?}"
    );
    press(&mut viewer, "⎋");
    assert!(
        viewer
            .text()
            .iter()
            .any(|line| line.contains("─ messages ─"))
    );
    assert_eq!(viewer.app.reading(), None);
}

#[test]
fn surfaces_and_caches_look_like_this() {
    let mut viewer = watching(80, 24, "iu");
    viewer.session(ClientEvent::Stats(Box::new(some_stats())));
    let text = viewer.text();
    assert_eq!(text[12], format!("─ surfaces {}", "─".repeat(69)));
    assert_eq!(
        text[16..18],
        [
            "display:0         0      720×400  Xrgb       1.1M  primary",
            "",
        ]
    );
}

#[test]
fn every_pane_can_be_read_in_ascii_without_colour_and_in_every_size() {
    for (columns, rows) in [(20, 5), (48, 12), (80, 24), (160, 50)] {
        for kind in "cmdusvtola".chars() {
            let mut viewer = watching(columns, rows, &format!("i{kind}"));
            let style = Style {
                glyphs: Glyphs::Ascii,
                colours: Colours::None,
            };
            viewer.app.setup.style = style;
            viewer.session(ClientEvent::Stats(Box::new(some_stats())));
            viewer.menu("ii");
            press(&mut viewer, "z");
            let text = viewer.text().join("\n");
            assert!(text.is_ascii() || kind == 'd', "{kind}: {text}");
        }
    }
}

#[test]
fn what_guests_say_is_harmless_in_panes() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.menu("im");
    let mut body = 12u32.to_le_bytes().to_vec();
    body.extend("x\u{1b}[2J\u{202e}\u{9b}q".as_bytes());
    body.resize(16, b' ');
    let mut watch = viewer.app.watch.clone();
    watch.opened(Duration::ZERO, ChannelId::MAIN, &Established::default());
    watch.frame(
        Duration::ZERO,
        ChannelId::MAIN,
        Way::ToClient,
        &Frame::new(113, body),
    );
    viewer.wait(300);
    press(&mut viewer, "\nz");
    let text = viewer.text().join("\n");
    assert!(text.contains("NAME"), "{text}");
    let acts = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
    assert!(!text.contains(acts), "{text:?}");
}

#[test]
fn the_time_from_a_key_to_the_picture_is_measured() {
    let mut viewer = Viewer::showing(80, 24, 640, 400, [0, 0, 0]);
    viewer.menu("it");
    press(&mut viewer, "⎋");
    for latency in [30, 10, 20] {
        viewer.bytes(b"a");
        viewer.wait(latency);
        viewer.fill(
            capsaicin::geometry::Rect::new(0, 0, 8, 8),
            [latency as u8, 0, 0],
        );
        viewer.wait(200);
    }
    let text = viewer.text();
    assert_eq!(
        text[13],
        "key to picture   10 ms least, 20 ms middle, 30 ms most, of 3"
    );
}

#[test]
fn the_box_a_message_draws_in_is_outlined_on_the_picture() {
    let mut viewer = Viewer::showing(80, 48, 640, 400, [0, 0, 0]);
    viewer.menu("id");
    pass(&viewer.app.watch, "firmware-menu.pcapng");
    viewer.wait(300);
    viewer.frame();
    press(&mut viewer, "2/draw_copy and src_area.right = 720\n\n");
    let text = viewer.text();
    let first = text
        .iter()
        .position(|line| line.contains('┌'))
        .expect("a box");
    assert!(text[first].ends_with('┐'), "{text:#?}");
    assert!(text.iter().any(|line| line.contains('└')), "{text:#?}");
    press(&mut viewer, "⎋");
    assert!(!viewer.text()[first].contains('┌'));
}

#[test]
fn the_status_line_says_what_the_escape_key_does() {
    let mut viewer = watching(80, 24, "im");
    let says = |viewer: &mut Viewer| viewer.text()[23].trim_end().to_owned();
    assert!(
        says(&mut viewer).ends_with("Ctrl+] back"),
        "{}",
        says(&mut viewer)
    );
    viewer.act(Action::Escape);
    assert!(
        says(&mut viewer).ends_with("Ctrl+] menu"),
        "{}",
        says(&mut viewer)
    );
    viewer.act(Action::Escape);
    let said = says(&mut viewer);
    assert!(said.ends_with("Ctrl+] to guest"), "{said}");
    press(&mut viewer, "/pa");
    assert!(
        says(&mut viewer).ends_with("Ctrl+] back"),
        "{}",
        says(&mut viewer)
    );
}

#[test]
fn the_way_back_from_a_pane_is_said_where_room_is_short() {
    let mut viewer = watching(40, 24, "im");
    let status = &viewer.text()[23];
    assert!(status.contains("Ctrl+] back"), "{status}");
}

#[test]
fn a_surface_larger_than_any_memory_is_listed_as_the_server_named_it() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.menu("iu");
    let made = ServerMessage::SurfaceCreate(SurfaceCreate {
        surface_id: 7,
        width: u32::MAX,
        height: u32::MAX,
        format: SurfaceFormat::Xrgb,
        flags: SurfaceFlags::empty(),
    });
    let display = ChannelId::new(ChannelKind::Display, 0);
    let mut watch = viewer.app.watch.clone();
    watch.frame(Duration::ZERO, display, Way::ToClient, &made.to_frame());
    let text = viewer.text();
    let row = text
        .iter()
        .find(|line| line.contains("4294967295×4294967295"));
    assert!(row.is_some_and(|row| row.contains("18E")), "{text:#?}");
}
