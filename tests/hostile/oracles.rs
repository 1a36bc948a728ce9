//! What must hold whatever bytes come: plain functions, for the tests here and for any fuzzer.

use std::time::Duration;

use capsaicin::channel::display::messages::{
    ServerMessage as Display, SurfaceCreate, SurfaceFlags, SurfaceFormat,
};
use capsaicin::channel::{ChannelId, ChannelKind, Message};
use capsaicin::client::Screens;
use capsaicin::session::{ClientEvent, CloseReason, Memory, SessionConfig};
use capsaicin::wire::Frame;

use crate::support::viewer::{DISPLAY, DISPLAY_1, Viewer, primary};

/// Bytes the surfaces of the session may take.
const SURFACES: u64 = 16 << 20;

/// Channels by the low bits of a message's first byte.
const CHANNELS: [ChannelId; 4] = [
    DISPLAY,
    DISPLAY_1,
    ChannelId::new(ChannelKind::Cursor, 0),
    ChannelId::MAIN,
];

/// Bit of a message's first byte: five seconds pass before it, and nobody waits any longer.
pub const TIME_PASSES: u8 = 0x80;
/// Bit of a message's first byte: the second display is closed and opened again before it.
pub const REOPENS: u8 = 0x40;

/// Appends a message as [`session`] reads it.
pub fn write(out: &mut Vec<u8>, first: u8, frame: &Frame) {
    out.push(first);
    out.extend(frame.number.to_le_bytes());
    out.extend((frame.body.len() as u32).to_le_bytes());
    out.extend_from_slice(&frame.body);
}

/// Plays messages to a session of two displays that have a surface of each format: for each a byte that says where and when, the
/// number, the length of the body, and the body, which ends where the bytes do.
///
/// The session neither panics nor holds more than it may, and what it tells its user makes sense. How many commands it drew.
pub fn session(bytes: &[u8]) -> u64 {
    let mut viewer = viewer();
    let mut screens = Screens::default();
    let mut rest = bytes;
    let mut count = 0;
    while let Some((header, after)) = rest.split_first_chunk::<7>() {
        let [first, n0, n1, l0, l1, l2, l3] = *header;
        let len = u32::from_le_bytes([l0, l1, l2, l3]) as usize;
        let (body, after) = after.split_at(len.min(after.len()));
        rest = after;
        if first & TIME_PASSES != 0 {
            viewer.now += Duration::from_secs(5);
            viewer.session.tick(viewer.now);
        }
        if first & REOPENS != 0 {
            viewer.session.closed(DISPLAY_1, CloseReason::ByPeer);
            viewer.list(&[DISPLAY_1]);
            viewer.open(DISPLAY_1);
        }
        let frame = Frame::new(u16::from_le_bytes([n0, n1]), body.to_vec());
        viewer.receive(CHANNELS[usize::from(first & 3)], frame);
        count += 1;
        if count % 16 == 0 {
            follow(&mut viewer, &mut screens);
        }
    }
    follow(&mut viewer, &mut screens);
    // Whatever still waits gives up, one message after the other.
    for _ in 0..=count {
        let Some(until) = viewer.session.poll_timeout() else {
            break;
        };
        viewer.now = until;
        viewer.session.tick(viewer.now);
    }
    assert_eq!(viewer.session.poll_timeout(), None, "waits without end");
    follow(&mut viewer, &mut screens);
    let displays = [0, 1].map(|id| viewer.session.display(id));
    displays.into_iter().flatten().map(|d| d.draws()).sum()
}

fn viewer() -> Viewer {
    let config = SessionConfig {
        surface_budget: SURFACES,
        ..SessionConfig::default()
    };
    let mut viewer = Viewer::with_channels(config, &CHANNELS[..3]);
    for id in [DISPLAY, DISPLAY_1] {
        viewer.receive(id, primary(64, 48).to_frame());
        let formats = [1, 8, 16, 80, 96, 32].map(SurfaceFormat::from_number);
        for (surface_id, format) in (1..).zip(formats) {
            let create = SurfaceCreate {
                surface_id,
                width: 50,
                height: 40,
                format,
                flags: SurfaceFlags::empty(),
            };
            viewer.receive(id, Display::SurfaceCreate(create).to_frame());
        }
    }
    viewer
}

/// Takes everything out of a session as a user would.
fn follow(viewer: &mut Viewer, screens: &mut Screens) {
    viewer.outputs();
    let mut events = 0;
    while let Some(event) = viewer.session.poll_event() {
        match event {
            ClientEvent::Display(event) => drop(screens.apply(&event)),
            ClientEvent::ChannelClosed(id, _) if id.kind == ChannelKind::Display => {
                screens.close(id.id);
            }
            _ => {}
        }
        events += 1;
        assert!(events < 20_000, "events without end");
    }
    for monitor in screens.monitors() {
        let shown = screens.display(monitor.display).and_then(|s| s.shown());
        let bounds = shown.expect("a monitor shows something").size.to_rect();
        assert_eq!(monitor.rect.intersect(bounds), monitor.rect);
    }
    let held = viewer.session.memory();
    assert!(held.total() <= Memory::limit(SURFACES), "{held:?}");
}
