//! A viewer whose server is silent, gone, back, or somebody else's.

use std::time::Duration;

use capsaicin::tui::Ending;
use capsaicin::tui::action::{Action, Effect, GuestKey};
use capsaicin::tui::typist::{Held, Key};
use capsaicin::tui::{Reach, Reached, Refusal};
use capsaicin::{ClientEvent, CloseReason};

use super::Viewer;
use crate::support::viewer::DISPLAY;

const CONNECT: Effect = Effect::Redial(Reach::Connect);
const LOOK: Effect = Effect::Redial(Reach::Look);

/// A viewer that may connect again and shows a red screen.
fn showing_red() -> Viewer {
    let mut viewer = Viewer::showing(90, 10, 4, 4, [200, 0, 0]);
    viewer.app.reconnects = Some(7);
    viewer
}

fn closed(viewer: &mut Viewer, why: CloseReason) -> Vec<Effect> {
    viewer.session(ClientEvent::Closed(why))
}

fn lost() -> CloseReason {
    CloseReason::Lost("the server does not answer".into())
}

fn nothing(text: &str, is_final: bool) -> Action {
    let text = text.into();
    Action::Redialled(Reached::Nothing(Refusal { text, is_final }))
}

fn press(viewer: &mut Viewer, c: char) -> Vec<Effect> {
    viewer.act(Action::Key(GuestKey::Tap(Key::Char(c), Held::default())))
}

fn status(viewer: &mut Viewer) -> String {
    let buffer = viewer.frame();
    let columns = buffer.area.width;
    let cells = (0..columns).map(|x| buffer[(x, 9)].symbol().to_owned());
    cells.collect::<String>().trim().to_owned()
}

/// Waits until an attempt is made; after how many milliseconds.
fn until_tried(viewer: &mut Viewer) -> u64 {
    for waited in 0..40_000 {
        if viewer.wait(1).contains(&CONNECT) {
            return waited + 1;
        }
    }
    panic!("no attempt within forty seconds");
}

#[test]
fn a_silent_server_is_told_with_the_seconds_until_it_answers() {
    let mut viewer = showing_red();
    viewer.now = Duration::from_secs(10);
    viewer.session(ClientEvent::Silent(Duration::from_secs(4)));
    assert_eq!(status(&mut viewer), "no answer from the server for 4 s");
    viewer.wait(1000);
    assert!(viewer.app.frame_due().is_some());
    assert_eq!(status(&mut viewer), "no answer from the server for 5 s");
    viewer.session(ClientEvent::Answers);
    assert!(status(&mut viewer).starts_with("vm:5900"));
}

#[test]
fn a_lost_connection_is_tried_again_more_and_more_rarely() {
    let mut viewer = showing_red();
    assert!(closed(&mut viewer, lost()).is_empty());
    let line = "the connection was lost: the server does not answer; again in 1 s; r now, q quits";
    assert_eq!(status(&mut viewer), line);
    // Half a second, doubled each time, at most thirty; a quarter more or less.
    for least in [500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000] {
        let waited = until_tried(&mut viewer);
        assert!(
            (least * 3 / 4..=least).contains(&waited),
            "{waited} of {least}"
        );
        viewer.act(nothing("nothing listens at vm:5900", false));
    }
    assert!(status(&mut viewer).starts_with("nothing listens at vm:5900; again in "));
}

#[test]
fn where_room_is_short_the_cause_and_the_keys_are_what_is_told() {
    let mut viewer = Viewer::showing(60, 10, 4, 4, [200, 0, 0]);
    viewer.app.reconnects = Some(7);
    closed(&mut viewer, lost());
    let line = "the server does not answer; again in 1 s; r now, q quits";
    assert_eq!(status(&mut viewer), line);
}

#[test]
fn the_last_picture_stays_and_is_grey() {
    let mut viewer = showing_red();
    // The channels of a server that dies end one after the other.
    viewer.session(ClientEvent::ChannelClosed(DISPLAY, CloseReason::ByPeer));
    closed(&mut viewer, lost());
    let buffer = viewer.frame();
    let cell = &buffer[(45, 4)];
    // 77/256 of 200, halved: 30, of which 28 is the nearest in a palette of 256 colours.
    assert_eq!(cell.fg, ratatui::style::Color::Indexed(234), "{cell:?}");
}

#[test]
fn a_viewer_that_is_connected_again_says_so_and_takes_keys_for_the_guest() {
    let mut viewer = showing_red();
    closed(&mut viewer, lost());
    until_tried(&mut viewer);
    viewer.act(Action::Redialled(Reached::Session));
    assert!(status(&mut viewer).starts_with("vm:5900"));
    let effects = press(&mut viewer, 'q');
    assert!(
        matches!(effects[..], [Effect::Command(_), ..]),
        "{effects:?}"
    );
}

#[test]
fn r_connects_at_once_and_q_ends_with_the_reason() {
    let mut viewer = showing_red();
    closed(&mut viewer, lost());
    assert!(press(&mut viewer, 'x').is_empty());
    assert_eq!(press(&mut viewer, 'r'), [CONNECT]);
    assert!(press(&mut viewer, 'r').is_empty(), "one attempt at a time");
    assert_eq!(
        press(&mut viewer, 'q'),
        [Effect::End(Ending::Closed(lost()))]
    );
}

#[test]
fn a_server_that_hung_up_and_is_still_there_is_not_taken_back_without_being_asked() {
    let mut viewer = showing_red();
    assert!(closed(&mut viewer, CloseReason::ByPeer).is_empty());
    assert_eq!(viewer.wait(300), [LOOK]);
    viewer.act(Action::Redialled(Reached::Server));
    for _ in 0..1000 {
        assert!(viewer.wait(1000).is_empty());
    }
    assert_eq!(viewer.app.staying.deadline(), None, "it sleeps");
    // Of ninety columns there is no room for all of it.
    let line = "another viewer may have taken over; r connects again, q quits";
    assert_eq!(status(&mut viewer), line);
    assert_eq!(press(&mut viewer, 'r'), [CONNECT]);
}

#[test]
fn a_server_that_hung_up_and_is_gone_is_waited_for() {
    let mut viewer = showing_red();
    closed(&mut viewer, CloseReason::ByPeer);
    assert_eq!(viewer.wait(300), [LOOK]);
    viewer.act(nothing("nothing listens", false));
    let line = "the server closed the connection; again in 1 s; r now, q quits";
    assert_eq!(status(&mut viewer), line);
    assert!(until_tried(&mut viewer) <= 500);
}

#[test]
fn a_refused_password_is_not_tried_again() {
    let mut viewer = showing_red();
    closed(&mut viewer, lost());
    until_tried(&mut viewer);
    viewer.act(nothing("the password was refused", true));
    assert_eq!(viewer.app.staying.deadline(), None);
    let line = "the password was refused; r connects again, q quits";
    assert_eq!(status(&mut viewer), line);
}

#[test]
fn a_viewer_that_may_not_connect_again_ends() {
    let mut viewer = showing_red();
    viewer.app.reconnects = None;
    let effects = closed(&mut viewer, CloseReason::ByPeer);
    assert_eq!(effects, [Effect::End(Ending::Closed(CloseReason::ByPeer))]);
}
