//! Whether the server still answers: what a session asks, when, and what it tells.

use std::time::Duration;

use capsaicin::channel::ChannelId;
use capsaicin::channel::inputs::InputEvent;
use capsaicin::channel::main::messages::ServerMessage as Main;
use capsaicin::session::{ClientEvent, CloseReason, Command, Output};

use crate::support::viewer::{DISPLAY, Viewer};

const ATTACH_CHANNELS: u16 = 104;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A session whose user has pressed a key at this second.
fn after_a_key(at: Duration) -> Viewer {
    let mut viewer = Viewer::with_displays(&[0]);
    viewer.now = at;
    let key = Command::Input(InputEvent::KeyDown(0x1e));
    viewer.session.command(key, at);
    assert_eq!(viewer.sent(ChannelId::INPUTS).len(), 1);
    viewer
}

/// Lets time pass; the frames sent on main.
fn at(viewer: &mut Viewer, now: Duration) -> Vec<u16> {
    viewer.now = now;
    viewer.session.tick(now);
    viewer.sent(ChannelId::MAIN)
}

/// The server says what changes nothing.
fn a_word(viewer: &mut Viewer) {
    viewer.main(&Main::AgentToken(
        capsaicin::channel::main::messages::Tokens { num_tokens: 1 },
    ));
}

#[test]
fn who_does_nothing_asks_nothing() {
    let viewer = Viewer::with_displays(&[0]);
    assert_eq!(viewer.session.poll_timeout(), None);
}

#[test]
fn a_server_that_says_nothing_after_a_key_is_asked_once_and_then_called_silent() {
    let mut viewer = after_a_key(secs(10));
    assert_eq!(viewer.session.poll_timeout(), Some(secs(12)));

    assert_eq!(at(&mut viewer, secs(12)), [ATTACH_CHANNELS]);
    assert!(viewer.events().is_empty());
    assert!(at(&mut viewer, secs(14)).is_empty());
    assert_eq!(viewer.events(), [ClientEvent::Silent(secs(4))]);
    assert_eq!(viewer.session.poll_timeout(), None, "once is enough");

    a_word(&mut viewer);
    assert_eq!(viewer.events(), [ClientEvent::Answers]);
}

#[test]
fn a_server_that_says_anything_after_a_key_is_not_asked() {
    let mut viewer = after_a_key(secs(10));
    a_word(&mut viewer);
    assert_eq!(viewer.session.poll_timeout(), None);
    assert!(at(&mut viewer, secs(60)).is_empty());
    assert!(viewer.events().is_empty());
}

#[test]
fn the_answer_opens_what_is_new_and_not_what_was_closed_for_a_reason() {
    let mut viewer = after_a_key(secs(0));
    viewer.session.closed(DISPLAY, CloseReason::ByPeer);
    at(&mut viewer, secs(2));

    let new = ChannelId::new(capsaicin::channel::ChannelKind::Cursor, 0);
    viewer.list(&[ChannelId::INPUTS, DISPLAY, new]);
    assert_eq!(viewer.outputs(), [Output::Open(new)]);

    viewer.list(&[DISPLAY]);
    assert_eq!(viewer.outputs(), [Output::Open(DISPLAY)], "as unasked");
}

#[test]
fn a_user_who_insists_has_an_answer_within_four_seconds_or_the_session_is_over() {
    let mut viewer = Viewer::with_displays(&[0]);
    viewer.session.command(Command::AskForLife, secs(100));
    assert_eq!(viewer.sent(ChannelId::MAIN), [ATTACH_CHANNELS]);
    viewer.session.tick(secs(104));
    let why = CloseReason::Lost("the server does not answer".into());
    assert_eq!(viewer.events().pop(), Some(ClientEvent::Closed(why)));

    let mut viewer = Viewer::with_displays(&[0]);
    viewer.session.command(Command::AskForLife, secs(100));
    viewer.list(&[ChannelId::INPUTS, DISPLAY]);
    assert_eq!(viewer.session.poll_timeout(), None);
    assert!(viewer.events().is_empty());
}

#[test]
fn what_was_under_way_when_a_user_insists_is_no_answer() {
    let insisted = || {
        let mut viewer = Viewer::with_displays(&[0]);
        viewer.session.command(Command::AskForLife, secs(100));
        viewer.now = secs(100);
        a_word(&mut viewer);
        assert_eq!(viewer.session.poll_timeout(), Some(secs(104)));
        viewer
    };

    let mut silent = insisted();
    silent.session.tick(secs(104));
    let why = CloseReason::Lost("the server does not answer".into());
    assert_eq!(silent.events().pop(), Some(ClientEvent::Closed(why)));

    let mut talking = insisted();
    talking.now = secs(101);
    a_word(&mut talking);
    assert_eq!(talking.session.poll_timeout(), None);
}

#[test]
fn a_channel_whose_connection_breaks_alone_is_opened_again_three_times() {
    let mut viewer = Viewer::with_displays(&[0]);
    let broken = || CloseReason::Broken("reset".into());
    for time in 1..=3 {
        viewer.session.closed(DISPLAY, broken());
        assert_eq!(viewer.session.poll_timeout(), Some(viewer.now + secs(1)));
        viewer.now += secs(1);
        viewer.session.tick(viewer.now);
        assert_eq!(viewer.outputs(), [Output::Open(DISPLAY)], "{time}");
        viewer.open(DISPLAY);
        viewer.outputs();
    }
    viewer.session.closed(DISPLAY, broken());
    assert_eq!(viewer.session.poll_timeout(), None);
}
