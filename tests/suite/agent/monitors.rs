//! The sizes of the guest's monitors.

use capsaicin::channel::main::agent::{MonitorSize, Order};
use capsaicin::geometry::Size;

use super::*;

fn monitors(sizes: &[(u8, u32, u32)]) -> Order {
    let monitor = |(display, width, height): &(u8, u32, u32)| MonitorSize {
        display: *display,
        size: Size::new(*width, *height),
    };
    Order::Monitors(sizes.iter().map(monitor).collect())
}

/// Height, width, depth, x, y.
const ENTRY_800X600: &str = "58020000 20030000 20000000 00000000 00000000";

#[test]
fn a_size_is_told_once_a_second_after_it_was_last_wanted() {
    let mut guest = Guest::with(MONITORS_CONFIG);
    guest.order(monitors(&[(0, 1, 1)]));
    guest.at_ms(900);
    guest.order(monitors(&[(0, 800, 600)]));
    guest.at_ms(1899);
    assert_eq!(guest.sent(), []);
    guest.at_ms(1900);
    let told = [(2, hex(&format!("01000000 01000000 {ENTRY_800X600}")))];
    assert_eq!(guest.sent(), told);

    guest.at_ms(10_000);
    assert_eq!(guest.sent(), []);

    guest.order(monitors(&[(0, 800, 600)]));
    guest.at_ms(11_000);
    assert_eq!(
        guest.sent(),
        told,
        "the guest may have changed it meanwhile"
    );
}

#[test]
fn an_agent_that_appears_is_told_at_once() {
    let mut guest = Guest::absent();
    guest.order(monitors(&[(0, 800, 600)]));
    guest.at_ms(5000);
    guest.server(AGENT_CONNECTED_TOKENS, hex("ffffff7f"));
    guest.announce(MONITORS_CONFIG);
    let told = (2, hex(&format!("01000000 01000000 {ENTRY_800X600}")));
    assert_eq!(guest.sent().last(), Some(&told));
}

#[test]
fn an_agent_that_knows_monitors_that_are_off_gets_all_sixteen() {
    let mut guest = Guest::with(MONITORS_CONFIG | SPARSE);
    guest.order(monitors(&[
        (2, 640, 480),
        (0, 800, 600),
        (16, 9, 9),
        (3, 0, 9),
    ]));
    guest.at_ms(1000);

    let sent = guest.sent();

    let payload = &sent[0].1;
    assert_eq!((sent[0].0, payload.len()), (2, 8 + 16 * 20));
    assert_eq!(
        payload[..28],
        hex(&format!("10000000 01000000 {ENTRY_800X600}"))
    );
    let off = [0; 20];
    assert_eq!(payload[28..48], off);
    let beside = hex("e0010000 80020000 20000000 20030000 00000000");
    assert_eq!(payload[48..68], beside, "to the right of the first");
    assert!(payload[68..].iter().all(|byte| *byte == 0));
}

#[test]
fn others_get_those_that_are_on() {
    let mut guest = Guest::with(MONITORS_CONFIG);
    guest.order(monitors(&[(2, 640, 480), (0, 800, 600)]));
    guest.at_ms(1000);
    let beside = "e0010000 80020000 20000000 20030000 00000000";
    let told = hex(&format!("02000000 01000000 {ENTRY_800X600} {beside}"));
    assert_eq!(guest.sent(), [(2, told)]);
}

#[test]
fn nothing_is_told_of_no_size_at_all() {
    let mut guest = Guest::with(MONITORS_CONFIG | SPARSE);
    guest.order(monitors(&[(0, 0, 0)]));
    guest.at_ms(5000);
    assert_eq!(guest.sent(), []);
}

#[test]
fn what_the_agent_makes_of_it_is_told() {
    let mut guest = Guest::with(MONITORS_CONFIG);
    guest.says(3, &hex("02000000 01000000"));
    assert_eq!(guest.events(), [Event::Monitors { accepted: true }]);
    guest.says(3, &hex("02000000 02000000"));
    assert_eq!(guest.events(), [Event::Monitors { accepted: false }]);
    guest.says(3, &hex("05000000 01000000"));
    assert_eq!(guest.events(), [], "a word about something else");
}
