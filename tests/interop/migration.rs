//! A machine that moves from one QEMU to another while it is looked at.

use std::time::Duration;

use capsaicin::InputEvent;
use capsaicin::session::{Grade, Migration, SessionConfig};
use libtest_mimic::Trial;

use crate::live::Live;
use crate::peers::Peer;
use crate::peers::boot::QUARTERS;
use crate::peers::desktop_guest::{Card, DesktopGuest, Settings};
use crate::peers::qemu::{Boot, Machine, Qemu};
use crate::peers::tmux::Tmux;
use crate::peers::until;
use crate::viewer::{Viewer, shows_quarters};
use crate::{LIMIT, guest, keys, test};

pub fn tests() -> Vec<Trial> {
    let qemu = &[Peer::Qemu];
    vec![
        test(
            "migration::a_machine_that_moves_semi_seamlessly_is_seen_and_typed_at_where_it_is",
            qemu,
            || it_is_where_it_moves_to(&machine(), Grade::SemiSeamless),
        ),
        test(
            "migration::a_machine_that_moves_seamlessly_is_seen_and_typed_at_where_it_is",
            qemu,
            || it_is_where_it_moves_to(&machine().seamless(), Grade::Seamless),
        ),
        test(
            "migration::a_machine_whose_move_fails_stays_with_its_viewer",
            qemu,
            a_move_fails,
        ),
        test(
            "migration::a_machine_whose_new_host_could_not_be_prepared_is_found_there",
            qemu,
            it_is_switched_over,
        ),
        #[cfg(feature = "tls")]
        test(
            "migration::a_move_goes_by_tls_and_with_the_password_where_the_session_does",
            qemu,
            secured::it_moves_with_tls_and_password,
        ),
        #[cfg(feature = "tls")]
        test(
            "migration::a_host_with_another_certificate_than_announced_gets_no_password",
            qemu,
            secured::a_stranger_gets_no_password,
        ),
        test(
            "migration::a_console_goes_on_in_the_same_pictures_after_a_seamless_move",
            &[Peer::Qemu, Peer::Guest],
            a_console_goes_on,
        ),
        test(
            "migration::the_agent_of_a_desktop_that_moves_goes_on",
            &[Peer::Qemu, Peer::Guest, Peer::Tmux],
            the_agent_goes_on,
        ),
        test(
            "migration::the_viewer_goes_along_with_a_machine",
            &[Peer::Qemu, Peer::Tmux],
            the_viewer_goes_along,
        ),
    ]
}

/// The make code of `a`.
const KEY_A: u32 = 0x1e;

/// The number of the message that makes a surface.
const SURFACE_CREATE: u16 = 314;

fn machine() -> Machine {
    Machine::new(Boot::Quarters).tcp()
}

/// Presses and releases a key; waits until the guest has taken so many.
fn press(live: &Live, at: &Qemu, taken: usize) {
    live.input(InputEvent::KeyDown(KEY_A));
    live.input(InputEvent::KeyUp(KEY_A));
    until("the key in the guest", LIMIT, || {
        (at.keys_taken() == taken).then_some(())
    });
}

fn it_is_where_it_moves_to(machine: &Machine, grade: Grade) {
    let mut a = machine.start();
    let mut b = machine.clone().incoming().start();
    let live = Live::connect_with(&a.address, SessionConfig::default());
    live.wait_for_inputs();
    press(&live, &a, 1);
    let before = a.quiet_screen();
    live.assert_shows("the screen before", &before);

    a.announce(&b, None);
    live.wait_until_prepared();
    a.move_to(&mut b);

    let Migration::Moved(to, how) = live.wait_for_move() else {
        panic!("it moved: {:?}", live.migrations());
    };
    assert_eq!((to.to_string(), how), (b.address.clone(), grade));
    // Nothing of the old host is needed any more.
    a.kill();
    live.assert_shows("the screen after", &before);
    until_it_types(&live, &b);
    let after = live.assert_follows("the screen there", || b.quiet_screen());
    assert!(after != before, "the key changed the screen");
    assert_eq!(live.notices(), Vec::<String>::new());
}

/// In the moment it takes a machine over, QEMU 7.2 reads a key and sometimes does nothing with it.
fn until_it_takes_keys() {
    std::thread::sleep(Duration::from_secs(3));
}

/// The guest's log begins anew with its QEMU, without the mark of its start.
fn until_it_types(live: &Live, at: &Qemu) {
    until_it_takes_keys();
    live.input(InputEvent::KeyDown(KEY_A));
    live.input(InputEvent::KeyUp(KEY_A));
    until("the key in the guest", LIMIT, || {
        let log = at.guest_log();
        assert!(log.len() < 2, "one key: {log:?}");
        (log.len() == 1).then_some(())
    });
}

fn a_move_fails() {
    let mut a = machine().seamless().start();
    let b = machine().incoming().seamless().start();
    let live = Live::connect_with(&a.address, SessionConfig::default());
    live.wait_for_inputs();

    a.announce(&b, None);
    live.wait_until_prepared();
    a.begin_to_move(std::path::Path::new("/there/is/no/such/socket"));

    assert_eq!(live.wait_for_move(), Migration::Cancelled);
    drop(b);
    press(&live, &a, 1);
    let there = a.quiet_screen();
    live.assert_shows("the screen", &there);
}

/// Nobody is at the new host when it is announced. QEMU 7.2 sends SWITCH_HOST then.
fn it_is_switched_over() {
    let mut a = machine().start();
    let mut b = machine().incoming().start();
    let live = Live::connect_with(&a.address, SessionConfig::default());
    live.wait_for_inputs();
    let before = a.quiet_screen();
    live.assert_shows("the screen before", &before);
    b.kill();

    a.announce(&b, None);
    live.wait_for_refusal();
    let mut b = machine().at_port_of(&b).incoming().start();
    a.move_to(&mut b);

    let Migration::Moved(to, how) = live.wait_for_move() else {
        panic!("it moved: {:?}", live.migrations());
    };
    assert_eq!(
        (to.to_string(), how),
        (b.address.clone(), Grade::SwitchHost)
    );
    a.kill();
    live.assert_shows("the screen after", &before);
    until_it_types(&live, &b);
    let after = b.quiet_screen();
    live.assert_shows("the screen there", &after);
}

/// The guest's text console, drawn by its own driver, in images of the dictionary and of caches.
fn a_console_goes_on() {
    let machine = Machine::new(guest::console()).tcp().seamless();
    let mut a = machine.start();
    let mut b = machine.clone().incoming().start();
    let live = Live::connect_with(&a.address, SessionConfig::default());
    live.wait_for_inputs();
    keys::type_text(&live, &a, "ls -l /bin\n");
    let before = live.assert_follows("the console before", || a.quiet_screen());

    a.announce(&b, None);
    live.wait_until_prepared();
    let surfaces = live.messages(SURFACE_CREATE);
    a.move_to(&mut b);
    let moved = live.wait_for_move();
    assert!(
        matches!(moved, Migration::Moved(_, Grade::Seamless)),
        "{moved:?}"
    );
    a.kill();

    live.assert_shows("the console after", &before);
    until_it_takes_keys();
    keys::type_text(&live, &b, "ls -l /bin | sort -r\n");
    let after = live.assert_follows("the console there", || b.quiet_screen());
    assert!(after != before, "there is something else now");
    // Some of them refer to pictures that the other host sent.
    assert!(live.images().contains_key("GLZ_RGB"), "{:?}", live.images());
    assert_eq!(
        live.messages(SURFACE_CREATE),
        surfaces,
        "none was made anew"
    );
    assert_eq!(live.notices(), Vec::<String>::new());
}

/// Prints what is in the guest's clipboard.
const CLIPBOARD: &str = "timeout 5 xclip -o -selection clipboard";

fn the_agent_goes_on() {
    let machine = Machine::new(Boot::Desktop(Settings::new(Card::Qxl))).tcp();
    let mut a = DesktopGuest::start_in(&machine.clone().seamless());
    a.run("xrandr --output Virtual-1 --mode 1024x768");
    let terminal = Tmux::start(100, 30);
    let viewer = Viewer::start(&terminal, &a.qemu.address);
    viewer.wait_for_picture();
    terminal.wait_for("agent");
    paste(&terminal, &mut a, "before");

    // To a host that takes over the state of channels, and from there to one that does not.
    for (machine, text) in [(machine.clone().seamless(), "first"), (machine, "second")] {
        let mut b = DesktopGuest::to_be_in(machine.incoming().start());
        announce(&terminal, &mut a.qemu, &b.qemu);
        // It is told for some seconds only.
        a.qemu.begin_to_move_to(&b.qemu);
        terminal.wait_for(&format!("the machine moved to {}", b.qemu.address));
        b.qemu.wait_until_it_runs();
        a = b;

        paste(&terminal, &mut a, text);
    }
    viewer.quit();
}

/// Announces a move; returns when the viewer, whose log pane tells, is prepared for it.
fn announce(terminal: &Tmux, from: &mut Qemu, to: &Qemu) {
    let log = |keys: &str| {
        terminal.key("C-]");
        terminal.wait_for("┌ menu");
        terminal.text(keys);
    };
    log("il");
    let times = |screen: &str| screen.matches("prepared for the machine's move").count();
    let before = times(&terminal.wait_for("─ log"));
    from.announce(to, None);
    terminal.wait_until("the preparation", |screen| times(screen) > before);
    log("il");
}

/// Pastes through the agent, and waits until the guest has it.
fn paste(terminal: &Tmux, guest: &mut DesktopGuest, text: &str) {
    terminal.text(&format!("\x1b[200~{text}\rmore\x1b[201~"));
    terminal.wait_for("pasted: ");
    terminal.text("v");
    guest.wait_until(CLIPBOARD, &format!("{text}\nmore"));
}

#[cfg(feature = "tls")]
mod secured {
    //! Moves where TLS and a password guard the session.

    use capsaicin::client::ClientConfig;
    use capsaicin::link::Password;
    use capsaicin::net::tls::{Certificate, Policy};
    use capsaicin::net::{Address, Route, SecureChannels, TlsPort, Via};

    use super::*;
    use crate::peers::qemu::Tls;

    /// The subject of the certificate that the new host has.
    const SUBJECT: &str = "C=IL,L=Raanana,O=Red Hat,CN=127.0.0.1";

    fn with(certificate: &'static str) -> Machine {
        let tls = Tls {
            certificate,
            newest: "TLSv1.3",
            channels: &[],
        };
        Machine::new(Boot::Quarters).tls(tls).password("sesame")
    }

    /// A session in which everything goes by TLS.
    fn connect(qemu: &Qemu) -> Live {
        let fixtures = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tls");
        let authority =
            std::fs::read_to_string(format!("{fixtures}/authority.pem")).expect("a fixture");
        let policy = Policy {
            authorities: Certificate::from_pem(&authority).expect("a certificate"),
            ..Policy::for_host("127.0.0.1")
        };
        let port = TlsPort {
            address: Address::tcp("127.0.0.1", qemu.tls_port),
            policy: policy.into(),
            channels: SecureChannels::All,
        };
        Live::start(ClientConfig {
            password: Password::new("sesame").expect("short enough"),
            ..ClientConfig::along(Route {
                plain: None,
                tls: Some(port),
                via: Via::default(),
            })
        })
    }

    pub fn it_moves_with_tls_and_password() {
        for (seamless, grade) in [(false, Grade::SemiSeamless), (true, Grade::Seamless)] {
            let machine = |certificate| match seamless {
                true => with(certificate).seamless(),
                false => with(certificate),
            };
            let mut a = machine("ec").start();
            // Its certificate names nobody but by its subject.
            let mut b = machine("v1-rsa2048").incoming().start();
            let live = connect(&a);
            live.wait_for_inputs();
            let before = a.quiet_screen();
            live.assert_shows("the screen before", &before);

            a.announce(&b, Some(SUBJECT));
            live.wait_until_prepared();
            a.move_to(&mut b);

            let moved = live.wait_for_move();
            assert!(
                matches!(&moved, Migration::Moved(_, how) if *how == grade),
                "{moved:?}"
            );
            a.kill();
            until_it_types(&live, &b);
            let after = b.quiet_screen();
            assert!(after != before, "the key changed the screen");
            live.assert_shows("the screen there", &after);
        }
    }

    pub fn a_stranger_gets_no_password() {
        let mut a = with("ec").start();
        let mut b = with("v1-rsa2048").incoming().start();
        let live = connect(&a);
        live.wait_for_inputs();

        a.announce(&b, Some("C=IL,L=Raanana,O=Red Hat,CN=somebody else"));
        let why = live.wait_for_refusal();
        let differs = "the certificate's subject is not the one expected: part 4 is CN=127.0.0.1, not CN=somebody else";
        assert!(why.ends_with(differs), "{why}");
        a.move_to(&mut b);
        let end = live.wait_for_end().to_string();
        assert!(end.ends_with(differs), "{end}");
    }
}

fn the_viewer_goes_along() {
    let mut a = machine().seamless().start();
    let mut b = machine().seamless().incoming().start();
    let terminal = Tmux::start(100, 30);
    let viewer = Viewer::start(&terminal, &a.address);
    terminal.wait_until_cells("four colours", |cells| shows_quarters(cells, QUARTERS[0]));

    announce(&terminal, &mut a, &b);
    // It is told for some seconds only.
    a.begin_to_move_to(&b);
    terminal.wait_for("the machine moved to 127.0.0.1:");
    b.wait_until_it_runs();
    a.kill();
    until_it_takes_keys();
    terminal.text("x");
    terminal.wait_until_cells("four others", |cells| shows_quarters(cells, QUARTERS[1]));
    viewer.quit();
}
