//! A client that says anything: damaged messages in any order into a `ServerSession`. It may not panic, send more than its
//! windows allow, or tell of keys that were never pressed.

use std::collections::BTreeSet;
use std::time::Duration;

use capsaicin::InputEvent;
use capsaicin::channel::audio::Format;
use capsaicin::channel::audio::server::{Offer, PlaybackOrder, RecordOrder};
use capsaicin::channel::display::{ImageCompression, Update};
use capsaicin::channel::main::Greeting;
use capsaicin::channel::{ChannelId, ChannelKind};
use capsaicin::geometry::{Point, Size};
use capsaicin::link::{COMMON, Capabilities, Established};
use capsaicin::pixels::{PixelBuf, PixelFormat};
use capsaicin::session::{Output, Parting, ServerEvent, ServerSession};
use capsaicin::wire::{Frame, HeaderKind};

use crate::mutate::{Random, mutate, rounds};

const MAIN: ChannelId = ChannelId::MAIN;
const INPUTS: ChannelId = ChannelId::INPUTS;
const DISPLAY: ChannelId = ChannelId::new(ChannelKind::Display, 0);
const CURSOR: ChannelId = ChannelId::new(ChannelKind::Cursor, 0);
const PORT: ChannelId = ChannelId::new(ChannelKind::Port, 0);
const NO_PORT: ChannelId = ChannelId::new(ChannelKind::Port, 1);

const PLAYBACK: ChannelId = ChannelId::new(ChannelKind::Playback, 0);
const RECORD: ChannelId = ChannelId::new(ChannelKind::Record, 0);

const STEREO: Format = Format {
    channels: 2,
    rate: 48_000,
};

/// Messages in order: channel, number and body.
const MESSAGES: &[(ChannelId, u16, &[u8])] = &[
    (MAIN, 3, &[0; 12]),
    (MAIN, 6, &[0; 12]),
    (MAIN, 104, &[]),
    (MAIN, 105, &[1, 0]),
    (MAIN, 105, &[2, 0]),
    (MAIN, 106, &[10, 0, 0, 0]),
    (MAIN, 107, &[1; 40]),
    (INPUTS, 101, &[0x1e, 0x9e, 0xe0, 0x4d]),
    (INPUTS, 102, &[0x9e, 0, 0, 0]),
    (INPUTS, 103, &[6, 0]),
    (
        INPUTS,
        104,
        &[0xe1, 0x1d, 0x45, 0xe0, 0x4d, 0x1e, 0x9e, 0xe0, 0xcd],
    ),
    (INPUTS, 111, &[5, 0, 0, 0, 250, 255, 255, 255, 0, 0]),
    (INPUTS, 112, &[5, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0]),
    (INPUTS, 113, &[1, 1, 0]),
    (INPUTS, 114, &[1, 0, 0]),
    (DISPLAY, 1, &[1, 0, 0, 0]),
    (DISPLAY, 2, &[]),
    (DISPLAY, 101, &[1, 0, 0, 64, 1, 0, 0, 0, 0, 1, 0, 0, 48, 0]),
    (DISPLAY, 102, &[0; 32]),
    (DISPLAY, 103, &[1]),
    (DISPLAY, 105, &[2, 1, 3]),
    (CURSOR, 1, &[1, 0, 0, 0]),
    (CURSOR, 2, &[]),
    (PORT, 101, b"root\r"),
    (PORT, 102, &[1, 5, 0, 0, 0, 9]),
    (PORT, 201, &[2]),
    (PLAYBACK, 2, &[]),
    (RECORD, 101, &[0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]),
    (RECORD, 102, &[0, 0, 0, 0, 1, 0]),
    (RECORD, 102, &[0, 0, 0, 0, 3, 0]),
    (RECORD, 103, &[0, 0, 0, 0]),
];

fn session() -> ServerSession {
    let greeting = Greeting {
        session_id: 1,
        name: "guest".into(),
        uuid: [0; 16],
        media_ms: 0,
    };
    let mut session = ServerSession::new(greeting, ImageCompression::Lz).with_sound(Offer::Opus);
    session.offer_ports(["org.qemu.console.serial.0"]);
    session.set_port_open(0, true);
    session
}

fn link() -> Established {
    Established {
        header: HeaderKind::Mini,
        client: Capabilities::of(COMMON, &[1]),
        server: Capabilities::default(),
    }
}

/// One whole session of `steps` messages; how often its user did something.
fn play(random: &mut Random, steps: usize) -> usize {
    let mut session = session();
    let mut held = BTreeSet::new();
    let mut now = Duration::ZERO;
    let mut inputs = 0;
    for _ in 0..steps {
        // Whatever was closed is linked again.
        for id in [MAIN, INPUTS, DISPLAY, CURSOR, PORT, PLAYBACK, RECORD] {
            let _ = session.opened(id, &link(), now);
        }
        assert!(!session.opened(NO_PORT, &link(), now));
        let (id, number, body) = MESSAGES[random.below(MESSAGES.len())];
        // A broken main channel ends everything, so that is rare.
        let odds = if id == MAIN { 200 } else { 8 };
        let (number, body) = match random.below(odds) {
            0 => (number, mutate(body, random)),
            1 => (random.next() as u16 % 130, body.to_vec()),
            _ => (number, body.to_vec()),
        };
        session.receive(id, &Frame::new(number, body), now);
        if random.below(20) == 0 {
            now += Duration::from_millis(random.next() % 5000);
            session.tick(now);
        }
        if session.wants_picture() {
            let pixels = PixelBuf::new(PixelFormat::Xrgb, Size::new(8, 8));
            session.draw(&match session.screen_size() {
                None => Update::Screen(pixels),
                Some(_) => Update::Pixels {
                    at: Point::default(),
                    pixels,
                },
            });
        }
        match random.below(40) {
            0 => session.play(PlaybackOrder::Start(STEREO), now),
            1 => session.play(PlaybackOrder::Stop, now),
            2 => session.listen(RecordOrder::Listen(STEREO)),
            3 => session.listen(RecordOrder::Stop),
            _ => {}
        }
        while let Some(packet) = session.poll_recorded() {
            assert!(!packet.data.is_empty());
        }
        let outputs = std::iter::from_fn(|| session.poll_output());
        let bytes: usize = outputs
            .map(|output| match output {
                Output::Send(_, frame) => frame.body.len(),
                _ => 0,
            })
            .sum();
        assert!(bytes < 1000, "{bytes} bytes for one message");
        inputs += follow(&mut session, &mut held);
        let to_ports = std::iter::from_fn(|| session.poll_from_port());
        assert!(to_ports.count() <= 1, "one message, one thing done");
    }
    session.end(Parting::Shutdown);
    follow(&mut session, &mut held);
    assert!(held.is_empty(), "keys that never come up: {held:x?}");
    inputs
}

/// Every key goes down before it goes up, and once only. How often the user did something.
fn follow(session: &mut ServerSession, held: &mut BTreeSet<u32>) -> usize {
    let mut inputs = 0;
    while let Some(event) = session.poll_event() {
        inputs += usize::from(matches!(event, ServerEvent::Input(_)));
        match event {
            ServerEvent::Input(InputEvent::KeyDown(code)) => drop(held.insert(code)),
            ServerEvent::Input(InputEvent::KeyUp(code)) => assert!(held.remove(&code), "{code:#x}"),
            ServerEvent::Input(InputEvent::Position { x, y, .. }) => assert!(x < 8 && y < 8),
            _ => {}
        }
    }
    inputs
}

#[test]
fn a_client_that_says_anything_is_survived() {
    let mut random = Random::new(0x5e55_1000);
    let inputs: usize = (0..rounds(300)).map(|_| play(&mut random, 200)).sum();
    assert!(inputs > 1000, "{inputs}");
}
