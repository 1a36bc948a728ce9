//! A machine that moves to another host, told by a server that may lie: what a session does, on which connection.

use std::time::Duration;

use capsaicin::channel::common::messages::{
    Migrate, MigrateFlags, Opaque, Ping, ServerMessage as Common,
};
use capsaicin::channel::display::image::ImageFlags;
use capsaicin::channel::inputs::InputEvent;
use capsaicin::channel::main::messages::{
    MigrateBegin, MigrateBeginSeamless, ServerMessage as Main,
};
use capsaicin::channel::{ChannelId, Message};
use capsaicin::geometry::{Rect, Size};
use capsaicin::link::{Capabilities, Established};
use capsaicin::session::{ClientEvent, CloseReason, Command, Grade, Migration, Move, Output};
use capsaicin::wire::{Frame, HeaderKind};

use crate::support::images::{from_cache, one_pixel};
use crate::support::viewer::{DISPLAY, Viewer, copy, init, primary};

const MAIN: ChannelId = ChannelId::MAIN;
const INPUTS: ChannelId = ChannelId::INPUTS;

// Client → server.
const FLUSH_MARK: u16 = 4;
const DATA: u16 = 5;
const CONNECTED: u16 = 102;
const CONNECT_ERROR: u16 = 103;
const MIGRATE_END: u16 = 109;
const DO_SEAMLESS: u16 = 110;
const CONNECTED_SEAMLESS: u16 = 111;

const B: MigrateBegin<'static> = MigrateBegin {
    port: 6000,
    tls_port: 0,
    host: b"b.example\0",
    cert_subject: b"",
};

/// A session with main, inputs and a display, at its tenth second.
fn viewer() -> Viewer {
    let mut viewer = Viewer::with_displays(&[0]);
    viewer.now = Duration::from_secs(10);
    viewer
}

fn begin_seamless() -> Main<'static> {
    Main::MigrateBeginSeamless(MigrateBeginSeamless {
        begin: B,
        src_mig_version: 1,
    })
}

/// What the session wants, in short.
fn wants(viewer: &mut Viewer) -> Vec<String> {
    let short = |output| match output {
        Output::Send(id, frame) => format!("send {id} {}", frame.number),
        Output::Open(id) => format!("open {id}"),
        Output::Close(id) => format!("close {id}"),
        Output::Move(Move::Aim(to)) => format!("aim {to}"),
        Output::Move(Move::Open(id)) => format!("open {id} there"),
        Output::Move(Move::Send(id, frame)) => format!("send {id} {} there", frame.number),
        Output::Move(Move::Take(id)) => format!("take {id}"),
        Output::Move(Move::Settle) => "settle".into(),
        Output::Move(Move::Drop) => "drop".into(),
    };
    viewer.outputs().into_iter().map(short).collect()
}

/// What the user is told of moves.
fn told(viewer: &mut Viewer) -> Vec<Migration> {
    let event = |event| match event {
        ClientEvent::Migration(event) => Some(event),
        _ => None,
    };
    viewer.events().into_iter().filter_map(event).collect()
}

fn link(bits: &[u32]) -> Established {
    Established {
        header: HeaderKind::Mini,
        server: Capabilities::of(&[], bits),
        ..Established::default()
    }
}

/// The channels are linked at the new host.
fn link_there(viewer: &mut Viewer, ids: &[ChannelId]) {
    for id in ids {
        viewer.session.linked_there(*id, link(&[3]), viewer.now);
    }
}

fn from_there(viewer: &mut Viewer, message: &Main<'_>) {
    let frame = message.to_frame();
    viewer.session.received_there(&frame, viewer.now);
}

/// A session that is linked at the new host, which takes over state or not.
fn prepared(seamless: bool) -> Viewer {
    let mut viewer = viewer();
    match seamless {
        true => viewer.main(&begin_seamless()),
        false => viewer.main(&Main::MigrateBegin(B)),
    }
    link_there(&mut viewer, &[MAIN]);
    if seamless {
        from_there(&mut viewer, &Main::MigrateDstSeamlessAck);
    }
    link_there(&mut viewer, &[INPUTS, DISPLAY]);
    let answer = if seamless {
        CONNECTED_SEAMLESS
    } else {
        CONNECTED
    };
    assert_eq!(
        wants(&mut viewer).last(),
        Some(&format!("send main {answer}"))
    );
    assert_eq!(told(&mut viewer).last(), Some(&Migration::Prepared));
    viewer
}

fn refused() -> CloseReason {
    CloseReason::Refused("nobody listens".into())
}

#[test]
fn every_channel_is_linked_at_the_new_host_main_first_and_then_the_old_one_is_told() {
    let mut viewer = viewer();
    viewer.main(&Main::MigrateBegin(B));
    assert_eq!(
        wants(&mut viewer),
        ["aim b.example:6000", "open main there"]
    );
    assert_eq!(viewer.session.connection_id(), 7, "as at the old host");
    assert!(matches!(&told(&mut viewer)[..], [Migration::Begun(to)] if to.host == "b.example"));

    link_there(&mut viewer, &[MAIN]);
    assert_eq!(
        wants(&mut viewer),
        ["open display:0 there", "open inputs there"]
    );
    link_there(&mut viewer, &[INPUTS]);
    assert!(wants(&mut viewer).is_empty(), "not before the last one");
    link_there(&mut viewer, &[DISPLAY]);
    assert_eq!(wants(&mut viewer), [format!("send main {CONNECTED}")]);
}

#[test]
fn a_new_host_is_asked_whether_it_takes_over_state_and_may_say_no() {
    for (answer, last) in [
        (Main::MigrateDstSeamlessAck, CONNECTED_SEAMLESS),
        (Main::MigrateDstSeamlessNack, CONNECTED),
    ] {
        let mut viewer = viewer();
        viewer.main(&begin_seamless());
        wants(&mut viewer);
        link_there(&mut viewer, &[MAIN]);
        assert_eq!(
            wants(&mut viewer),
            [format!("send main {DO_SEAMLESS} there")]
        );
        from_there(&mut viewer, &answer);
        link_there(&mut viewer, &[INPUTS, DISPLAY]);
        assert_eq!(wants(&mut viewer).pop(), Some(format!("send main {last}")));
    }
}

#[test]
fn a_new_host_that_cannot_take_over_state_is_not_asked() {
    let mut viewer = viewer();
    viewer.main(&begin_seamless());
    viewer
        .session
        .linked_there(MAIN, link(&[0, 1, 2]), viewer.now);
    let wanted = wants(&mut viewer);
    assert!(!wanted.contains(&format!("send main {DO_SEAMLESS} there")));
    assert!(wanted.contains(&"open inputs there".to_owned()));
}

#[test]
fn a_ping_of_the_new_host_is_answered_there() {
    let mut viewer = viewer();
    viewer.main(&Main::MigrateBegin(B));
    link_there(&mut viewer, &[MAIN]);
    wants(&mut viewer);
    let padding = &[][..];
    let (id, timestamp) = (9, 77);
    let ping = Common::Ping(Ping {
        id,
        timestamp,
        padding,
    })
    .to_frame();
    viewer.session.received_there(&ping, viewer.now);
    assert_eq!(wants(&mut viewer), ["send main 3 there"]);
}

#[test]
fn when_any_channel_is_refused_there_all_are_dropped_and_the_old_host_is_told() {
    for (linked, lost) in [(&[][..], MAIN), (&[MAIN, INPUTS][..], DISPLAY)] {
        let mut viewer = viewer();
        viewer.main(&Main::MigrateBegin(B));
        link_there(&mut viewer, linked);
        wants(&mut viewer);
        viewer.session.lost_there(lost, &refused(), viewer.now);
        let expected = ["drop".to_owned(), format!("send main {CONNECT_ERROR}")];
        assert_eq!(wants(&mut viewer), expected);
        let why = "nobody listens".to_owned();
        assert_eq!(told(&mut viewer).pop(), Some(Migration::Refused(why)));
        // Too late.
        link_there(&mut viewer, &[DISPLAY]);
        assert!(wants(&mut viewer).is_empty());
    }
}

#[test]
fn a_new_host_has_ten_seconds() {
    let mut viewer = viewer();
    viewer.main(&begin_seamless());
    link_there(&mut viewer, &[MAIN]);
    wants(&mut viewer);
    assert_eq!(viewer.session.poll_timeout(), Some(Duration::from_secs(20)));
    viewer.session.tick(Duration::from_secs(20));
    assert_eq!(wants(&mut viewer)[1], format!("send main {CONNECT_ERROR}"));
    assert_eq!(viewer.session.poll_timeout(), None);
}

#[test]
fn hosts_that_are_none_are_not_connected_to() {
    for host in [&b"\0"[..], b"a b\0", b"\x1b[2J\0", b"\xff\0"] {
        let mut viewer = viewer();
        viewer.main(&Main::MigrateBegin(MigrateBegin { host, ..B }));
        assert_eq!(wants(&mut viewer), [format!("send main {CONNECT_ERROR}")]);
    }
}

#[test]
fn a_server_cannot_send_a_session_to_many_hosts_in_a_moment() {
    let mut viewer = viewer();
    viewer.main(&Main::MigrateBegin(B));
    wants(&mut viewer);
    viewer.main(&Main::MigrateBegin(B));
    let expected = ["drop".to_owned(), format!("send main {CONNECT_ERROR}")];
    assert_eq!(wants(&mut viewer), expected);

    viewer.main(&Main::MigrateSwitchHost(B));
    viewer.outputs();
    viewer.open(MAIN);
    viewer.main(&init());
    viewer.main(&Main::MigrateSwitchHost(B));
    let last = viewer.events().pop();
    assert!(matches!(
        last,
        Some(ClientEvent::Closed(CloseReason::Protocol(_)))
    ));
}

#[test]
fn a_move_that_is_called_off_changes_nothing() {
    let mut viewer = prepared(true);
    viewer.main(&Main::MigrateCancel);
    assert_eq!(wants(&mut viewer), ["drop"]);
    assert_eq!(told(&mut viewer), [Migration::Cancelled]);
    viewer.session.command(key(), viewer.now);
    assert_eq!(viewer.sent(INPUTS), [101]);
}

fn key() -> Command {
    Command::Input(InputEvent::KeyDown(0x1e))
}

#[test]
fn a_semi_seamless_move_begins_every_channel_anew_on_the_connections_made_before() {
    let mut viewer = prepared(false);
    viewer.main(&Main::MigrateEnd);
    assert_eq!(
        wants(&mut viewer),
        [
            "close display:0".to_owned(),
            "close inputs".to_owned(),
            "take main".to_owned(),
            "settle".to_owned(),
            format!("send main {MIGRATE_END}"),
        ]
    );
    // Kept until there is a channel for it.
    viewer.session.command(key(), viewer.now);
    assert!(wants(&mut viewer).is_empty());

    viewer.main(&init());
    let wanted = wants(&mut viewer);
    let display_init = "send display:0 101".to_owned();
    assert!(wanted.contains(&"take display:0".to_owned()), "{wanted:?}");
    assert!(wanted.contains(&display_init), "{wanted:?}");
    assert!(wanted.contains(&"send inputs 101".to_owned()), "{wanted:?}");
    let attach = "send main 104".to_owned();
    assert!(!wanted.contains(&attach), "channels are linked already");
    assert!(matches!(
        told(&mut viewer)[..],
        [Migration::Moved(_, Grade::SemiSeamless)]
    ));
    assert_eq!(
        viewer.session.poll_timeout(),
        Some(viewer.now + Duration::from_secs(2))
    );
}

#[test]
fn a_new_host_that_never_says_init_ends_the_session() {
    let mut viewer = prepared(false);
    viewer.main(&Main::MigrateEnd);
    viewer.session.tick(Duration::from_secs(20));
    let why = "the machine moved to b.example:6000, which does not go on".to_owned();
    let closed = ClientEvent::Closed(CloseReason::Broken(why));
    assert_eq!(viewer.events().pop(), Some(closed));
}

#[test]
fn a_prepared_host_that_is_gone_when_the_machine_is_there_is_connected_to_anew() {
    let mut viewer = prepared(false);
    viewer.session.lost_there(MAIN, &refused(), viewer.now);
    assert!(wants(&mut viewer).is_empty());
    viewer.main(&Main::MigrateEnd);
    let wanted = wants(&mut viewer);
    assert_eq!(wanted[0], "drop");
    let last = ["aim b.example:6000", "settle", "open main"];
    assert_eq!(wanted[wanted.len() - 3..], last);
}

#[test]
fn a_session_that_is_switched_to_another_host_begins_anew_there() {
    let mut viewer = viewer();
    viewer.main(&Main::MigrateSwitchHost(B));
    assert_eq!(
        wants(&mut viewer),
        [
            "close display:0",
            "close inputs",
            "close main",
            "aim b.example:6000",
            "settle",
            "open main"
        ]
    );
    assert_eq!(viewer.session.connection_id(), 0, "a session of its own");
    viewer.open(MAIN);
    viewer.main(&init());
    viewer.list(&[DISPLAY, INPUTS]);
    let wanted = wants(&mut viewer);
    assert_eq!(wanted, ["send main 104", "open display:0", "open inputs"]);
}

/// MIGRATE with both flags.
fn migrate() -> Frame {
    let flags = MigrateFlags::NEED_FLUSH | MigrateFlags::NEED_DATA_TRANSFER;
    Common::Migrate(Migrate { flags }).to_frame()
}

#[test]
fn in_a_seamless_move_a_channels_state_goes_to_the_new_host_before_anything_else() {
    let mut viewer = prepared(true);
    viewer.receive(INPUTS, migrate());
    assert_eq!(wants(&mut viewer), [format!("send inputs {FLUSH_MARK}")]);
    viewer.session.command(key(), viewer.now);
    assert!(
        wants(&mut viewer).is_empty(),
        "the old host is to hear no more"
    );

    viewer.receive(
        INPUTS,
        Common::MigrateData(Opaque(b"ICMD as it is")).to_frame(),
    );
    let outputs = viewer.outputs();
    let [
        Output::Move(Move::Take(INPUTS)),
        Output::Send(INPUTS, state),
        Output::Send(INPUTS, key),
    ] = &outputs[..]
    else {
        panic!("{outputs:?}");
    };
    assert_eq!(
        (state.number, &state.body[..]),
        (DATA, &b"ICMD as it is"[..])
    );
    assert_eq!(key.number, 101);
    assert!(told(&mut viewer).is_empty(), "two channels are left");

    // Without flags nothing is waited for.
    let flags = MigrateFlags::empty();
    viewer.receive(DISPLAY, Common::Migrate(Migrate { flags }).to_frame());
    assert_eq!(wants(&mut viewer), ["take display:0"]);
    viewer.receive(MAIN, migrate());
    viewer.receive(MAIN, Common::MigrateData(Opaque(b"MNMD")).to_frame());
    assert_eq!(
        wants(&mut viewer),
        [
            format!("send main {FLUSH_MARK}"),
            "take main".to_owned(),
            format!("send main {DATA}"),
            "settle".to_owned(),
            "drop".to_owned(),
        ]
    );
    assert!(matches!(
        told(&mut viewer)[..],
        [Migration::Moved(_, Grade::Seamless)]
    ));
}

/// The old host draws a pixel that is to be kept.
fn pixel_kept() -> Viewer {
    let mut viewer = prepared(true);
    viewer.display(&primary(2, 1));
    let (at, flags) = (Rect::new(0, 0, 1, 1), ImageFlags::CACHE_ME);
    viewer.display(&copy(at, one_pixel(5, flags, &[9, 9, 9, 0])));
    assert_eq!(viewer.notices(), [] as [&str; 0]);
    viewer
}

/// The host draws that pixel once more, from what is kept.
fn draw_kept(viewer: &mut Viewer) {
    viewer.display(&copy(Rect::new(1, 0, 2, 1), from_cache(5)));
}

#[test]
fn in_a_seamless_move_the_screen_and_what_is_kept_of_it_stay() {
    let mut viewer = pixel_kept();
    let flags = MigrateFlags::empty();
    viewer.receive(DISPLAY, Common::Migrate(Migrate { flags }).to_frame());

    draw_kept(&mut viewer);

    assert_eq!(viewer.notices(), [] as [&str; 0]);
    let screen = viewer.session.display(0).and_then(|d| d.primary_size());
    assert_eq!(screen, Some(Size::new(2, 1)));
}

#[test]
fn a_host_that_begins_anew_finds_nothing_kept() {
    let mut viewer = pixel_kept();
    viewer.main(&Main::MigrateSwitchHost(B));
    viewer.open(MAIN);
    viewer.main(&init());
    viewer.list(&[DISPLAY]);
    viewer.open(DISPLAY);
    viewer.display(&primary(2, 1));
    viewer.notices();

    draw_kept(&mut viewer);

    let notices = viewer.notices();
    assert!(notices.iter().any(|n| n.contains("cache")), "{notices:?}");
}

#[test]
fn what_is_said_of_a_move_that_is_none_is_noted_and_changes_nothing() {
    let mut viewer = viewer();
    viewer.receive(DISPLAY, migrate());
    viewer.receive(DISPLAY, Common::MigrateData(Opaque(b"x")).to_frame());
    viewer.main(&Main::MigrateEnd);
    viewer.main(&Main::MigrateCancel);
    viewer.main(&Main::MigrateDstSeamlessAck);
    from_there(&mut viewer, &Main::MigrateDstSeamlessAck);
    assert!(wants(&mut viewer).is_empty());
    assert_eq!(
        viewer.notices(),
        [
            "display:0: MIGRATE without a migration",
            "display:0: MIGRATE_DATA without a migration",
            "main: MIGRATE_END without a migration",
            "main: MIGRATE_DST_SEAMLESS_ACK out of turn",
        ]
    );
}

#[test]
fn a_seamless_move_without_an_agreement_is_none() {
    let mut viewer = prepared(false);
    viewer.receive(DISPLAY, migrate());
    assert!(wants(&mut viewer).is_empty());
}

#[test]
fn a_channel_that_ends_meanwhile_holds_up_no_move() {
    let mut viewer = prepared(true);
    for id in [MAIN, INPUTS] {
        viewer.receive(id, migrate());
        viewer.receive(id, Common::MigrateData(Opaque(b"x")).to_frame());
    }
    wants(&mut viewer);
    viewer.session.closed(DISPLAY, CloseReason::ByPeer);
    assert!(wants(&mut viewer).contains(&"settle".to_owned()));
}
