//! A live session that is held, and let on one message at a time.

use std::time::{Duration, Instant};

use capsaicin::client::{ClientConfig, Screens, SpiceClient};
use capsaicin::net::Address;
use capsaicin::session::{Held, Hold};
use capsaicin::{ClientEvent, Command};
use libtest_mimic::Trial;

use crate::peers::Peer;
use crate::peers::picture::{Picture, assert_same};
use crate::peers::qemu::Boot;
use crate::{LIMIT, modes, test};

pub fn tests() -> Vec<Trial> {
    vec![test(
        "stepping::a_machine_seen_message_by_message_shows_what_qemu_dumps",
        &[Peer::Qemu],
        a_machine_seen_message_by_message_shows_what_qemu_dumps,
    )]
}

/// What a session tells within a time.
async fn told(
    client: &mut SpiceClient,
    screens: &mut Screens,
    within: Duration,
) -> Vec<ClientEvent> {
    let until = Instant::now() + within;
    let mut events = Vec::new();
    while let Ok(Some(event)) = tokio::time::timeout_at(until.into(), client.next_event()).await {
        if let ClientEvent::Display(event) = &event {
            screens.apply(event);
        }
        events.push(event);
    }
    events
}

/// After how long there is no further message.
const SILENCE: Duration = Duration::from_secs(10);

/// Lets one message in; whether one came.
async fn step(client: &mut SpiceClient, screens: &mut Screens) -> bool {
    let stepped = ClientEvent::Held(Held::Stepped);
    client
        .sender()
        .send(Command::Hold(Hold::Step))
        .await
        .expect("a session");
    loop {
        match tokio::time::timeout(SILENCE, client.next_event()).await {
            Ok(Some(ClientEvent::Display(event))) => drop(screens.apply(&event)),
            Ok(Some(event)) if event == stepped => return true,
            Ok(Some(ClientEvent::Closed(why))) => panic!("the session ended: {why}"),
            Ok(Some(_)) => {}
            Ok(None) => panic!("the session is gone"),
            Err(_) => return false,
        }
    }
}

fn a_machine_seen_message_by_message_shows_what_qemu_dumps() {
    let mut qemu = modes::MODES[0]
        .machine(Boot::Firmware)
        .switched_off()
        .start();
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let address = Address::parse(&qemu.address).expect("an address");
    let mut screens = Screens::default();
    let mut client = runtime.block_on(async {
        let mut client = SpiceClient::connect_with(ClientConfig::new(address))
            .await
            .expect("a session");
        told(&mut client, &mut screens, Duration::from_secs(2)).await;
        client
            .sender()
            .send(Command::Hold(Hold::On))
            .await
            .expect("a session");
        client
    });

    qemu.qmp.cont();
    qemu.booted();
    let screen = qemu.still_screen();
    runtime.block_on(async {
        // A key that nobody answers, for longer than a server may be silent.
        let _ = client
            .send_input(capsaicin::InputEvent::KeyDown(0x2a))
            .await;
        let events = told(&mut client, &mut screens, Duration::from_secs(6)).await;
        let told_anything = events.iter().any(|event| {
            matches!(
                event,
                ClientEvent::Display(_) | ClientEvent::Silent(_) | ClientEvent::Closed(_)
            )
        });
        assert!(!told_anything, "{events:?}");
        let _ = client.send_input(capsaicin::InputEvent::KeyUp(0x2a)).await;
        let begun = Instant::now();
        let mut steps = 0;
        while step(&mut client, &mut screens).await {
            steps += 1;
            assert!(begun.elapsed() < LIMIT, "{steps} messages and no end");
        }
        assert!(steps > 10, "{steps}");
        client
            .sender()
            .send(Command::Hold(Hold::Off))
            .await
            .expect("a session");
        told(&mut client, &mut screens, Duration::from_secs(1)).await;
    });
    let shown = screens
        .display(0)
        .and_then(|screen| screen.view())
        .expect("a screen");
    let rgb = shown
        .rows()
        .flat_map(|row| row.chunks_exact(4).flat_map(|p| [p[2], p[1], p[0]]));
    let shown = Picture::from_rgb(shown.size.width, shown.size.height, rgb.collect());
    assert_same("stepped firmware", &shown, &screen);
}
