//! A guest agent that lies, floods, dies in the middle, or says anything at all; and clients that do so to a server.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use capsaicin::channel::ChannelId;
use capsaicin::channel::main::agent::messages::{Layout, Message, MessageKind};
use capsaicin::channel::main::agent::{
    CLIPBOARD_LIMIT, Cancel, ContentKind, Device, Event, FileEvent, FileId, MonitorSize, Order,
    Selection, Server,
};
use capsaicin::geometry::Size;
use capsaicin::session::{ClientEvent, Command, SessionConfig};
use capsaicin::wire::Frame;

use crate::mutate::{Random, mutate, rounds};
use crate::support::viewer::Viewer;

/// Most bytes a session may hold for an agent beside a clipboard that was asked for.
const SMALL: u64 = 128 << 10;

/// Sound messages of an agent: type and payload, with selections and serials.
const MESSAGES: [(u32, &[u8]); 12] = [
    (3, &[2, 0, 0, 0, 1, 0, 0, 0]),
    (4, &[0, 0, 0, 0, 1, 0, 0, 0, b't', b'e', b'x', b't', 0]),
    (4, &[1, 0, 0, 0, 2, 0, 0, 0, 0x89, b'P', b'N', b'G']),
    (4, &[0, 0, 0, 0, 0, 0, 0, 0]),
    (6, &[1, 0, 0, 0, 0xe7, 0x8d, 3, 0]),
    (6, &[0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]),
    (7, &[0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]),
    (7, &[1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]),
    (8, &[0, 0, 0, 0, 1, 0, 0, 0]),
    (9, &[0, 0, 0, 0]),
    (11, &[1, 0, 0, 0, 0, 0, 0, 0]),
    (11, &[1, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
];

fn message(kind: u32, payload: &[u8]) -> Vec<u8> {
    let words = [1, kind, 0, 0, payload.len() as u32];
    let header = words.into_iter().flat_map(u32::to_le_bytes);
    header.chain(payload.iter().copied()).collect()
}

/// A session and its agent, which the user follows as a user would.
struct Guest {
    viewer: Viewer,
    tokens: u64,
    files: u32,
    running: BTreeSet<FileId>,
}

impl Guest {
    fn new() -> Self {
        let mut guest = Self {
            viewer: Viewer::linked(SessionConfig::default()),
            tokens: 0,
            files: 0,
            running: BTreeSet::new(),
        };
        guest.connect(10);
        guest
    }

    fn connect(&mut self, tokens: u32) {
        self.follow();
        self.tokens = tokens.into();
        self.server(115, tokens.to_le_bytes().to_vec());
    }

    fn server(&mut self, number: u16, body: Vec<u8>) {
        let frame = Frame::new(number, Bytes::from(body));
        self.viewer.receive(ChannelId::MAIN, frame);
        self.follow();
    }

    fn says(&mut self, bytes: &[u8]) {
        self.server(109, bytes.to_vec());
    }

    fn order(&mut self, order: Order) {
        let now = self.viewer.now;
        self.viewer.session.command(Command::Agent(order), now);
        self.follow();
    }

    /// Takes what the session wants to send and tell, and checks what must hold whatever was said.
    fn follow(&mut self) {
        let frames = self.viewer.sent_frames(ChannelId::MAIN);
        let bodies = frames.iter().filter(|frame| frame.number == 107);
        for frame in bodies {
            assert!((1..=2048).contains(&frame.body.len()));
            self.tokens = self.tokens.checked_sub(1).expect("there is credit for it");
        }
        let held = self.viewer.session.memory().agent;
        assert!(held <= u64::from(CLIPBOARD_LIMIT) + SMALL, "{held} bytes");
        let mut told = 0;
        while let Some(event) = self.viewer.session.poll_event() {
            told += 1;
            assert!(told < 1000, "events without end: {event:?}");
            if let ClientEvent::Agent(Event::File(id, FileEvent::Ended(_))) = event {
                assert!(self.running.remove(&id), "{id:?} ends twice");
            }
        }
    }

    /// Something a user does.
    fn act(&mut self, random: &mut Random) {
        let selection = Selection::from_number(random.below(4) as u8);
        let kind = ContentKind::from_number(random.below(8) as u32);
        let id = FileId(1 + random.below(1 + self.files as usize) as u32);
        let data = Bytes::from(vec![7; random.below(70_000)]);
        let order = match random.below(9) {
            0 => Order::Offer {
                selection,
                kinds: vec![kind, ContentKind::Text],
            },
            1 => Order::Release { selection },
            2 => Order::Fetch { selection, kind },
            3 => Order::Answer {
                selection,
                kind,
                content: Some(data),
            },
            4 => Order::Monitors(vec![MonitorSize {
                display: random.below(20) as u8,
                size: Size::new(random.below(3) as u32, u32::MAX),
            }]),
            5 => {
                self.files += 1;
                let id = FileId(self.files);
                self.running.insert(id);
                let name = ["a", "/", "../b", "\u{1b}c", "d\ne"][random.below(5)].to_owned();
                Order::SendFile {
                    id,
                    name,
                    size: random.below(200_000) as u64,
                }
            }
            6 | 7 => Order::FileBytes { id, data },
            _ => Order::CancelFile {
                id,
                why: Cancel::Requested,
            },
        };
        self.order(order);
    }
}

#[test]
fn an_agent_that_says_anything_leaves_a_session_that_can_be_followed() {
    let mut random = Random::new(0xa9e4_7000);
    for _ in 0..rounds(60) {
        let mut guest = Guest::new();
        guest.says(&message(6, MESSAGES[4].1));
        for _ in 0..150 {
            let (kind, payload) = MESSAGES[random.below(MESSAGES.len())];
            let sound = message(kind, payload);
            match random.below(12) {
                0 | 1 => guest.says(&mutate(&sound, &mut random)),
                2 => guest.says(&message(kind, &mutate(payload, &mut random))),
                3..=5 => guest.says(&sound),
                6 => {
                    let at = random.below(sound.len());
                    guest.says(&sound[..at]);
                    guest.says(&sound[at..]);
                }
                7 => {
                    let more = random.next() as u32 % 100;
                    guest.tokens += u64::from(more);
                    guest.server(110, more.to_le_bytes().to_vec());
                }
                8 if random.below(10) == 0 => guest.server(108, vec![0; 4]),
                8 if random.below(5) == 0 => guest.connect(random.next() as u32 % 20),
                9 => {
                    guest.viewer.now += Duration::from_millis(random.next() % 12_000);
                    guest.viewer.session.tick(guest.viewer.now);
                    guest.follow();
                }
                _ => guest.act(&mut random),
            }
        }
        guest.tokens = u64::MAX;
        guest.server(110, vec![0xff; 4]);
        guest.server(108, vec![0; 4]);
        assert!(guest.running.is_empty(), "every file ends with its agent");
    }
}

#[test]
fn sizes_that_are_lies_take_no_memory() {
    for size in [
        0,
        1,
        8,
        9,
        65_536,
        65_537,
        CLIPBOARD_LIMIT + 8,
        CLIPBOARD_LIMIT + 9,
        u32::MAX,
    ] {
        for kind in 0..20 {
            let mut guest = Guest::new();
            guest.says(&message(6, MESSAGES[4].1));
            guest.says(&message(7, MESSAGES[6].1));
            let (selection, kind_wanted) = (Selection::Clipboard, ContentKind::Text);
            guest.order(Order::Fetch {
                selection,
                kind: kind_wanted,
            });
            let words = [1, kind, 0, 0, size];
            let header: Vec<u8> = words.into_iter().flat_map(u32::to_le_bytes).collect();
            guest.says(&header);
            guest.says(&[1; 100]);
            let held = guest.viewer.session.memory().agent;
            assert!(held <= SMALL, "type {kind}, {size} bytes: {held} are held");
        }
    }
}

#[test]
fn every_message_cut_at_every_byte_is_refused_or_means_something() {
    let layouts = [
        Layout::default(),
        Layout {
            selection: true,
            serial: true,
        },
    ];
    let mut random = Random::new(0xa9e4_7001);
    for (_, payload) in MESSAGES {
        for kind in (0..20).map(MessageKind::from_number) {
            for layout in layouts {
                for end in 0..=payload.len() {
                    let _ = Message::decode(kind, &payload[..end], layout);
                }
                for _ in 0..rounds(40) {
                    let body = mutate(payload, &mut random);
                    let Ok(message) = Message::decode(kind, &body, layout) else {
                        continue;
                    };
                    let again = message.payload(layout);
                    assert!(again.len() <= body.len() + 16);
                    assert_eq!(Message::decode(kind, &again, layout).as_ref(), Ok(&message));
                }
            }
        }
    }
}

#[test]
fn a_device_that_writes_anything_is_refused_or_cut_into_small_pieces() {
    let mut random = Random::new(0xa9e4_7002);
    for _ in 0..rounds(2000) {
        let mut written = Vec::new();
        for _ in 0..4 {
            let (kind, payload) = MESSAGES[random.below(MESSAGES.len())];
            let message = message(kind, payload);
            written.extend((1 + random.below(2) as u32).to_le_bytes());
            written.extend((message.len() as u32).to_le_bytes());
            written.extend(message);
        }
        let written = match random.below(3) {
            0 => written,
            _ => mutate(&written, &mut random),
        };
        let (mut device, mut said) = (Device::default(), Vec::new());
        for part in written.chunks(1 + random.below(50)) {
            if device.receive(part, &mut said).is_err() {
                break;
            }
        }
        let bytes: usize = said.iter().map(|piece| piece.data.len()).sum();
        assert!(bytes <= written.len());
        assert!(said.iter().all(|p| (1..=2048).contains(&p.data.len())));
    }
}

#[test]
fn a_client_that_says_anything_is_refused_or_makes_the_agent_take_no_more_than_its_credit() {
    let mut random = Random::new(0xa9e4_7003);
    for _ in 0..rounds(500) {
        let mut tunnel = Server::default();
        let mut outbox = Vec::new();
        tunnel.attach(&mut outbox);
        tunnel.on_start(random.next() as u32, &mut outbox);
        let mut untaken = 0;
        for _ in 0..60 {
            let (kind, payload) = MESSAGES[random.below(MESSAGES.len())];
            let mut body = message(kind, payload);
            if random.below(10) == 0 {
                body = mutate(&body, &mut random);
            }
            if tunnel.on_data(&body, &mut outbox).is_err() {
                break;
            }
            while tunnel.poll_to_agent().is_some() {
                untaken += 1;
            }
            assert!(untaken <= Server::TOKENS);
            if random.below(2) == 0 {
                let taken = random.below(untaken as usize + 1) as u32;
                tunnel.took(taken, &mut outbox);
                untaken -= taken;
            }
        }
    }
}
