//! Whole sessions with a server that sends damaged messages, lies about sizes, or says anything at all.

use std::time::Duration;

use bytes::Bytes;
use capsaicin::channel::ChannelId;
use capsaicin::channel::ChannelKind;
use capsaicin::client::Framebuffer;
use capsaicin::session::{ClientEvent, ClientSession};
use capsaicin::wire::{Frame, Framer, HeaderKind};

use crate::fixtures::{Fixture, Way, fixtures};
use crate::mutate::{Random, mutate, rounds};
use crate::support::viewer::{DISPLAY, Viewer, primary};

/// Bytes the surfaces of a session may take; small, so that many sessions fit into a test.
const SURFACE_BUDGET: u64 = 64 << 20;

fn channel(way: Way) -> Option<ChannelId> {
    Some(match way {
        Way::DisplayServer => DISPLAY,
        Way::InputsServer => ChannelId::INPUTS,
        Way::CursorServer => ChannelId::new(ChannelKind::Cursor, 0),
        Way::PlaybackServer => ChannelId::new(ChannelKind::Playback, 0),
        Way::RecordServer => ChannelId::new(ChannelKind::Record, 0),
        Way::PortServer => ChannelId::new(ChannelKind::Port, 3),
        Way::DisplayClient | Way::InputsClient | Way::RecordClient | Way::PortClient => {
            return None;
        }
    })
}

/// A session that draws on a primary of 64×64.
fn viewer() -> Viewer {
    let mut viewer = Viewer::with_budget(SURFACE_BUDGET);
    viewer.display(&primary(64, 64));
    viewer
}

/// Takes everything out of a session as a user would, and checks what must hold whatever was sent.
fn follow(session: &mut ClientSession, framebuffer: &mut Framebuffer) {
    while session.poll_output().is_some() {}
    let mut events = 0;
    while let Some(event) = session.poll_event() {
        if let ClientEvent::Display(event) = &event {
            framebuffer.apply(event);
        }
        events += 1;
        assert!(events < 20_000, "events without end: {event:?}");
    }
    let stats = session.stats(Duration::ZERO);
    assert!(
        stats.surface_bytes <= SURFACE_BUDGET,
        "{} bytes of surfaces",
        stats.surface_bytes
    );
    assert!(
        stats.glz_pixels <= 2 * 16_777_216,
        "{} pixels in the GLZ window",
        stats.glz_pixels
    );
    assert!(
        stats.pixmap_cache_pixels <= 9_227_468,
        "{} pixels cached",
        stats.pixmap_cache_pixels
    );
}

#[test]
fn damaged_messages_of_every_kind_leave_a_session_that_can_be_followed() {
    let fixtures: Vec<Fixture> = fixtures()
        .into_iter()
        .filter(|f| channel(f.way).is_some())
        .collect();
    let mut random = Random::new(0x5e55_1011);
    for round in 0..rounds(60) {
        let mut viewer = viewer();
        let mut framebuffer = Framebuffer::default();
        for _ in 0..200 {
            let fixture = &fixtures[random.below(fixtures.len())];
            let Some(id) = channel(fixture.way) else {
                continue;
            };
            let body = match random.below(3) {
                0 => fixture.body.clone(),
                _ => mutate(&fixture.body, &mut random),
            };
            viewer.receive(id, Frame::new(fixture.number, Bytes::from(body)));
        }
        follow(&mut viewer.session, &mut framebuffer);
        viewer.now = Duration::from_secs(100 + round as u64);
        viewer.session.tick(viewer.now);
        follow(&mut viewer.session, &mut framebuffer);
    }
}

#[test]
fn every_message_cut_at_every_byte_leaves_a_session_that_can_be_followed() {
    for fixture in fixtures() {
        let Some(id) = channel(fixture.way) else {
            continue;
        };
        let mut viewer = viewer();
        let mut framebuffer = Framebuffer::default();
        for end in 0..=fixture.body.len() {
            let body = Bytes::copy_from_slice(&fixture.body[..end]);
            viewer.receive(id, Frame::new(fixture.number, body));
        }
        follow(&mut viewer.session, &mut framebuffer);
    }
}

#[test]
fn frames_of_any_number_with_any_body_never_stop_a_session_from_ending_in_order() {
    let mut random = Random::new(0x5e55_1012);
    let channels = [
        ChannelId::MAIN,
        DISPLAY,
        ChannelId::INPUTS,
        ChannelId::new(ChannelKind::Cursor, 0),
        ChannelId::new(ChannelKind::Playback, 0),
        ChannelId::new(ChannelKind::Record, 0),
        ChannelId::new(ChannelKind::Port, 3),
        ChannelId::new(ChannelKind::Display, 9),
    ];
    for _ in 0..rounds(300) {
        let mut viewer = viewer();
        for _ in 0..100 {
            let number = match random.below(4) {
                0 => random.below(9) as u16,
                1 => 101 + random.below(22) as u16,
                2 => 302 + random.below(22) as u16,
                _ => random.next() as u16,
            };
            let body: Vec<u8> = (0..random.below(120))
                .map(|_| random.next() as u8 >> random.below(8))
                .collect();
            viewer.receive(
                channels[random.below(channels.len())],
                Frame::new(number, body),
            );
        }
        viewer
            .session
            .closed(ChannelId::MAIN, capsaicin::CloseReason::ByPeer);
        let events = viewer.events();
        let ends = events
            .iter()
            .filter(|e| matches!(e, ClientEvent::Closed(_)))
            .count();
        assert_eq!(ends, 1);
        assert!(matches!(events.last(), Some(ClientEvent::Closed(_))));
    }
}

#[test]
fn a_stream_of_noise_is_cut_into_frames_within_the_limit_or_refused() {
    let mut random = Random::new(0x5e55_1013);
    for _ in 0..rounds(500) {
        let header = if random.below(2) == 0 {
            HeaderKind::Mini
        } else {
            HeaderKind::Full
        };
        let mut framer = Framer::new(header, 4096);
        for _ in 0..20 {
            let piece: Vec<u8> = (0..random.below(200))
                .map(|_| random.next() as u8 >> random.below(8))
                .collect();
            framer.receive(&piece);
            loop {
                match framer.next_frame() {
                    Ok(Some(frame)) => {
                        assert!(frame.body.len() <= 4096);
                        let (parts, _) = capsaicin::wire::parts(frame.clone());
                        assert!(parts.len() <= 65);
                    }
                    Ok(None) => break,
                    Err(error) => {
                        assert!(error.size > 4096);
                        break;
                    }
                }
            }
        }
    }
}

#[test]
fn a_server_that_makes_surfaces_without_end_is_stopped_at_the_budget() {
    use capsaicin::channel::Message;
    use capsaicin::channel::display::messages::{
        ServerMessage, SurfaceCreate, SurfaceFlags, SurfaceFormat,
    };
    let mut viewer = viewer();
    for surface_id in 1..3000 {
        let create = SurfaceCreate {
            surface_id,
            width: 500,
            height: 500,
            format: SurfaceFormat::Argb,
            flags: SurfaceFlags::empty(),
        };
        viewer.receive(DISPLAY, ServerMessage::SurfaceCreate(create).to_frame());
    }
    follow(&mut viewer.session, &mut Framebuffer::default());
}
