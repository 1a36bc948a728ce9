//! The mouse of the library, judged by the X server of a Debian desktop: where it has the pointer, and which buttons it
//! says are down.

use capsaicin::InputEvent;
use capsaicin::channel::inputs::Button;
use capsaicin::channel::main::MouseMode;
use libtest_mimic::Trial;

use crate::desktop::{NEEDS, with_desktop};
use crate::live::Live;
use crate::peers::desktop_guest::{Card, DesktopGuest, Settings};
use crate::peers::until;
use crate::{LIMIT, test};

/// The buttons of a mouse, and the X server's numbers of them.
const BUTTONS: [(Button, u32); 5] = [
    (Button::Left, 1),
    (Button::Middle, 2),
    (Button::Right, 3),
    (Button::Side, 8),
    (Button::Extra, 9),
];

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "mouse::in_client_mode_the_pointer_goes_to_the_pixel_it_is_sent_to::qxl",
            NEEDS,
            || positions_arrive(Card::Qxl),
        ),
        test(
            "mouse::in_client_mode_the_pointer_goes_to_the_pixel_it_is_sent_to::virtio",
            NEEDS,
            || positions_arrive(Card::Virtio),
        ),
        test(
            "mouse::in_server_mode_the_pointer_goes_as_far_as_all_motions_together",
            NEEDS,
            motions_add_up,
        ),
        test(
            "mouse::every_button_and_the_wheel_arrive_in_client_mode",
            NEEDS,
            || every_button_arrives(MouseMode::CLIENT),
        ),
        test(
            "mouse::every_button_and_the_wheel_arrive_in_server_mode",
            NEEDS,
            || every_button_arrives(MouseMode::SERVER),
        ),
        test(
            "mouse::a_drag_goes_from_where_the_button_went_down_to_where_it_went_up",
            NEEDS,
            a_drag_goes_from_place_to_place,
        ),
        test(
            "mouse::a_guest_whose_agent_is_gone_and_comes_back_takes_motions_and_then_positions",
            NEEDS,
            the_mode_follows_the_agent,
        ),
        test(
            "mouse::a_guest_without_an_agent_takes_motions",
            NEEDS,
            without_an_agent_motions_are_taken,
        ),
    ]
}

fn positions_arrive(card: Card) {
    with_desktop(card, |guest| {
        let live = connect(guest, MouseMode::CLIENT);
        // The kernel is silent about a place where its device is already, as it is at (0, 0) before all.
        for at in [(1023, 767), (0, 0), (512, 384), (1, 766), (333, 222)] {
            point(&live, at);
            wait_for_pointer(guest, at);
        }
    });
}

fn motions_add_up() {
    with_desktop(Card::Qxl, |guest| {
        let live = connect(guest, MouseMode::SERVER);
        let (mut x, mut y) = pointer(guest);
        for (dx, dy) in [(1, 0), (0, -1), (-300, 200), (450, -350), (-7, 5)] {
            live.input(InputEvent::Motion { dx, dy });
            (x, y) = (x + dx, y + dy);
            wait_for_exact_pointer(guest, (x, y));
        }

        // Far more than may be on their way at once.
        for _ in 0..100 {
            live.input(InputEvent::Motion { dx: -4, dy: 2 });
        }

        // QEMU's PS/2 mouse has room for four motions. What is left it adds up, and tells with the next one: the library
        // sends some that are none.
        wait_for_exact_pointer(guest, (x - 400, y + 200));
    });
}

fn every_button_arrives(mode: MouseMode) {
    with_desktop(Card::Qxl, |guest| {
        let live = connect(guest, mode);
        for (button, number) in BUTTONS {
            live.input(InputEvent::Press(button));
            wait_for_buttons(guest, &[number]);
            live.input(InputEvent::Release(button));
            wait_for_buttons(guest, &[]);
        }

        live.input(InputEvent::Press(Button::Left));
        live.input(InputEvent::Press(Button::Right));
        wait_for_buttons(guest, &[1, 3]);
        live.input(InputEvent::ReleaseAll);
        wait_for_buttons(guest, &[]);

        watch(guest);
        for (button, number) in [(Button::Up, 4), (Button::Down, 5)] {
            for turns in 1..=3 {
                live.input(InputEvent::Wheel(button));
                wait_for_clicks(guest, number, turns);
            }
        }
    });
}

fn a_drag_goes_from_place_to_place() {
    with_desktop(Card::Qxl, |guest| {
        let live = connect(guest, MouseMode::CLIENT);
        watch(guest);

        point(&live, (200, 300));
        live.input(InputEvent::Press(Button::Left));
        for x in 201..=400 {
            point(&live, (x, 300));
        }
        live.input(InputEvent::Release(Button::Left));

        wait_for_clicks(guest, 1, 1);
        wait_for_buttons(guest, &[]);
        wait_for_pointer(guest, (400, 300));
        // A click is told with the place it happened at.
        let places = until("the places of both ends", LIMIT, || {
            let places = guest.run(
                "awk '/^EVENT/ { kind = $4 } $1 == \"root:\" { print kind, $2 }' /tmp/test-events \
                 | grep Button | uniq",
            );
            let ends = ["(ButtonPress) ", "(ButtonRelease) "];
            let are_there = ends
                .iter()
                .all(|end| places.lines().any(|line| line.starts_with(end)));
            are_there.then_some(places)
        });
        let place = |kind: &str| {
            let text = places.lines().find_map(|line| line.strip_prefix(kind));
            let (x, y) = text.and_then(|text| text.split_once('/')).expect("a place");
            let whole = |text: &str| text.split('.').next().and_then(|n| n.parse::<i32>().ok());
            (whole(x).expect("a column"), whole(y).expect("a row"))
        };
        assert!(is_near(place("(ButtonPress) "), (200, 300)), "{places}");
        assert!(is_near(place("(ButtonRelease) "), (400, 300)), "{places}");
    });
}

fn the_mode_follows_the_agent() {
    with_desktop(Card::Qxl, |guest| {
        let live = connect(guest, MouseMode::CLIENT);
        point(&live, (300, 300));
        wait_for_pointer(guest, (300, 300));

        guest.run("agent stop");
        live.wait_for_mouse_mode(MouseMode::SERVER);
        let (x, y) = pointer(guest);
        live.input(InputEvent::Motion { dx: 40, dy: -30 });
        wait_for_exact_pointer(guest, (x + 40, y - 30));

        guest.run("agent start");
        live.wait_for_mouse_mode(MouseMode::CLIENT);
        point(&live, (700, 600));
        wait_for_pointer(guest, (700, 600));
    });
}

fn without_an_agent_motions_are_taken() {
    let mut guest = DesktopGuest::start(Settings::new(Card::Qxl).without_agent());
    let live = Live::connect(&guest.qemu.address, None);
    live.wait_for_inputs();
    live.wait_for_mouse_mode(MouseMode::SERVER);
    let (x, y) = pointer(&mut guest);

    live.input(InputEvent::Motion { dx: 100, dy: 50 });

    wait_for_exact_pointer(&mut guest, (x + 100, y + 50));
}

/// A session that has the mouse in this mode.
fn connect(guest: &DesktopGuest, mode: MouseMode) -> Live {
    let live = Live::connect(&guest.qemu.address, None);
    live.wait_for_inputs();
    live.wait_for_mouse_mode(MouseMode::CLIENT);
    if mode != MouseMode::CLIENT {
        live.ask_for_mouse_mode(mode);
        live.wait_for_mouse_mode(mode);
    }
    live
}

fn point(live: &Live, (x, y): (u32, u32)) {
    live.input(InputEvent::Position { x, y, display: 0 });
}

/// Waits until the guest's X server has the pointer at this pixel.
pub fn wait_for_exact_pointer(guest: &mut DesktopGuest, expected: (i32, i32)) {
    until(&format!("the pointer at {expected:?}"), LIMIT, || {
        (pointer(guest) == expected).then_some(())
    });
}

/// Waits until the guest's X server has the pointer where the agent was told.
fn wait_for_pointer(guest: &mut DesktopGuest, (x, y): (u32, u32)) {
    let expected = (x as i32, y as i32);
    until(&format!("the pointer near {expected:?}"), LIMIT, || {
        is_near(pointer(guest), expected).then_some(())
    });
}

/// Whether the pointer is where an agent was told. The agent's device has a step for each pixel, and is at
/// the right one: `xinput query-state` has 32767 for column 512 of 1024. But the X server's driver makes 65535 steps of the
/// width and the server 65536, and rounds down: that is a pixel before every place but 0.
pub fn is_near((x, y): (i32, i32), (expected_x, expected_y): (i32, i32)) -> bool {
    (0..=1).contains(&(expected_x - x)) && (0..=1).contains(&(expected_y - y))
}

/// Where the guest's X server has the pointer.
pub fn pointer(guest: &mut DesktopGuest) -> (i32, i32) {
    let text = guest.run("xdotool getmouselocation --shell");
    let coordinate = |name| {
        let value = text.lines().find_map(|line| line.strip_prefix(name));
        value.and_then(|value| value.parse().ok())
    };
    let at = coordinate("X=").zip(coordinate("Y="));
    at.unwrap_or_else(|| panic!("{text}"))
}

/// Waits until these buttons are down, by the X server's numbers, on the mouse and the agent's device together.
pub fn wait_for_buttons(guest: &mut DesktopGuest, expected: &[u32]) {
    const DOWN: &str = r#"
        for device in 'ImExPS/2 Generic Explorer Mouse' 'spice vdagent tablet'; do
            xinput query-state "$device" | sed -n 's/.*button\[\(.*\)\]=down/\1/p'
        done | tr '\n' ' '"#;
    let expected: Vec<String> = expected.iter().map(u32::to_string).collect();
    guest.wait_until(DOWN, &expected.join(" "));
}

/// Has the X server write down what the mouse does.
pub fn watch(guest: &mut DesktopGuest) {
    // It listens once it hears a key.
    guest.run(
        "xinput test-xi2 --root >/tmp/test-events 2>/dev/null &
         until grep -q RawKeyPress /tmp/test-events; do xdotool key Shift_L; sleep 0.1; done",
    );
}

/// Waits until a button, by the X server's number, went down so often since [`watch`].
pub fn wait_for_clicks(guest: &mut DesktopGuest, button: u32, times: u32) {
    let count = format!("grep -A2 RawButtonPress /tmp/test-events | grep -c 'detail: {button}$'");
    guest.wait_until(&count, &times.to_string());
}
