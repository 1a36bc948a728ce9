//! The guest agent as a client talks with it. What it sends and receives is written out by hand from the protocol description.

mod clipboard;
mod files;
mod monitors;
mod start;
mod tunnel;

use bytes::Bytes;
use capsaicin::channel::ChannelId;
use capsaicin::channel::main::agent::{Event, Order};
use capsaicin::session::{ClientEvent, Command, SessionConfig};
use std::time::Duration;

use crate::support::viewer::{Viewer, frame};

const AGENT_CONNECTED: u16 = 107;
const AGENT_DISCONNECTED: u16 = 108;
const AGENT_DATA: u16 = 109;
const AGENT_TOKEN: u16 = 110;
const AGENT_CONNECTED_TOKENS: u16 = 115;

/// Bits of ANNOUNCE_CAPABILITIES.
const MONITORS_CONFIG: u32 = 0x2;
const DISPLAY_CONFIG: u32 = 0x10;
const BY_DEMAND: u32 = 0x20;
const SELECTION: u32 = 0x40;
const SPARSE: u32 = 0x80;
const CRLF: u32 = 0x200;
const MAX_CLIPBOARD: u32 = 0x400;
const NO_FILES: u32 = 0x2000;
const DETAILED: u32 = 0x4000;
const NO_RELEASE: u32 = 0x1_0000;
const SERIAL: u32 = 0x2_0000;

/// What spice-vdagent 0.22 announces.
const VDAGENT: u32 = 0x0003_8de7;

/// A session whose main channel is linked, and its agent.
struct Guest {
    viewer: Viewer,
}

impl Guest {
    /// No agent yet.
    fn absent() -> Self {
        let mut viewer = Viewer::linked(SessionConfig::default());
        viewer.outputs();
        viewer.events();
        Self { viewer }
    }

    /// An agent that has announced these bits; what was said so far is taken out. The server takes messages without end.
    fn with(abilities: u32) -> Self {
        let mut guest = Self::absent();
        guest.server(AGENT_CONNECTED_TOKENS, hex("ffffff7f"));
        guest.announce(abilities);
        guest.sent();
        guest.events();
        guest
    }

    /// A message of the main channel.
    fn server(&mut self, number: u16, body: impl Into<Bytes>) {
        self.viewer.receive(ChannelId::MAIN, frame(number, body));
    }

    /// A message of the agent, in one AGENT_DATA.
    fn says(&mut self, kind: u32, payload: &[u8]) {
        self.server(AGENT_DATA, message(kind, payload));
    }

    /// ANNOUNCE_CAPABILITIES that asks for nothing.
    fn announce(&mut self, abilities: u32) {
        self.says(6, &[&[0; 4][..], &abilities.to_le_bytes()].concat());
    }

    fn order(&mut self, order: Order) {
        let now = self.viewer.now;
        self.viewer.session.command(Command::Agent(order), now);
    }

    /// What was sent on main since the last call: numbers and bodies.
    fn sent_frames(&mut self) -> Vec<(u16, Vec<u8>)> {
        let frames = self.viewer.sent_frames(ChannelId::MAIN).into_iter();
        frames.map(|f| (f.number, f.body.to_vec())).collect()
    }

    /// Messages to the agent since the last call: types and payloads. Every body but a message's last is full.
    fn sent(&mut self) -> Vec<(u32, Vec<u8>)> {
        let mut messages = Vec::new();
        let mut stream = Vec::new();
        for (number, body) in self.sent_frames() {
            if number != 107 {
                continue;
            }
            assert!((1..=2048).contains(&body.len()), "{} bytes", body.len());
            assert!(!stream.is_empty() || body.len() >= 20, "a header is cut");
            stream.extend(&body);
            let size = 20 + u32_at(&stream, 16) as usize;
            assert!(
                stream.len() == size || body.len() == 2048,
                "a body is not full"
            );
            assert!(stream.len() <= size, "two messages share a body");
            if stream.len() == size {
                assert_eq!((u32_at(&stream, 0), &stream[8..16]), (1, &[0; 8][..]));
                messages.push((u32_at(&stream, 4), stream[20..].to_vec()));
                stream.clear();
            }
        }
        assert!(stream.is_empty(), "a message is not whole");
        messages
    }

    /// What the agent did since the last call; other events are dropped.
    fn events(&mut self) -> Vec<Event> {
        let of_agent = |event| match event {
            ClientEvent::Agent(event) => Some(event),
            _ => None,
        };
        self.viewer
            .events()
            .into_iter()
            .filter_map(of_agent)
            .collect()
    }

    /// The time is so many milliseconds after the beginning.
    fn at_ms(&mut self, ms: u64) {
        self.viewer.now = Duration::from_millis(ms);
        self.viewer.session.tick(self.viewer.now);
    }
}

/// A message as the agent sends it: protocol 1, type, opaque 0, size.
fn message(kind: u32, payload: &[u8]) -> Vec<u8> {
    let size = payload.len() as u32;
    let words = [1, kind, 0, 0, size];
    let header = words.into_iter().flat_map(u32::to_le_bytes);
    header.chain(payload.iter().copied()).collect()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).expect("ascii"), 16);
    digits
        .chunks(2)
        .map(|pair| byte(pair).expect("hex"))
        .collect()
}
