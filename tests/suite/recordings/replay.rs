//! The server that replays recordings, which benches compare clients with: held against our own client.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use capsaicin::channel::ChannelId;
use capsaicin::client::Framebuffer;
use capsaicin::link::{AUTH_SPICE, Capabilities, ClientLink, LinkRequest, Password};
use capsaicin::recording::What;
use capsaicin::session::Way;
use capsaicin::wire::{Framer, HeaderKind};
use capsaicin::{ClientEvent, SpiceClient};

use super::picture::{Picture, assert_same};
use super::{file, records};
use crate::support::replay::{Pace, ReplayServer};

/// What a client shows as soon as that is as wished, or when it was waited for too long.
async fn watch(server: &ReplayServer, is_wished: impl Fn(&Picture) -> bool) -> Picture {
    let mut client = SpiceClient::connect(&server.address, "").await.unwrap();
    let mut screen = Framebuffer::default();
    let mut shown = Picture::from_rgb(0, 0, Vec::new());
    let watching = async {
        while let Some(event) = client.next_event().await {
            let ClientEvent::Display(event) = event else {
                continue;
            };
            screen.apply(&event);
            if let Some(view) = screen.view().filter(|_| screen.is_marked()) {
                let pixels = view.rows().flat_map(|row| row.as_chunks::<4>().0);
                let rgb = pixels.flat_map(|[b, g, r, _]| [*r, *g, *b]).collect();
                shown = Picture::from_rgb(view.size.width, view.size.height, rgb);
                if is_wished(&shown) {
                    return;
                }
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(60), watching).await;
    shown
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_a_replayed_session_sees_the_recorded_picture() {
    let recorded = Picture::from_png(&file("image-quic.png"));
    let server = ReplayServer::start(&file("image-quic.pcapng"), Pace::Fast);
    let shown = watch(&server, |shown| *shown == recorded).await;
    assert_same("replayed", &shown, &recorded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_a_session_replayed_in_its_own_time_sees_a_picture_before_the_end() {
    let recorded = Picture::from_png(&file("image-quic.png"));
    let server = ReplayServer::start(&file("image-quic.pcapng"), Pace::Recorded);
    let shown = watch(&server, |_| true).await;
    assert_eq!((shown.width, shown.height), (640, 480));
    // The screen is still before the scene begins.
    assert!(shown != recorded);
}

#[test]
fn a_client_that_wants_long_headers_gets_them() {
    let server = ReplayServer::start(&file("image-quic.pcapng"), Pace::Fast);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut link = ClientLink::new(LinkRequest {
        connection_id: 0,
        channel_type: 1,
        channel_id: 0,
        capabilities: Capabilities::of(&[AUTH_SPICE], &[]),
        password: Password::default(),
        user: None,
    });
    let mut byte = [0];
    while link.established().is_none() {
        if let Some(bytes) = link.poll_transmit() {
            stream.write_all(&bytes).unwrap();
        }
        stream.read_exact(&mut byte).unwrap();
        link.receive(&byte, &mut |bytes| bytes.fill(7)).unwrap();
    }
    let mut framer = Framer::new(HeaderKind::Full, 1 << 20);
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    framer.receive(&rest);
    let told: Vec<_> = std::iter::from_fn(|| framer.next_frame().unwrap()).collect();
    let recorded: Vec<_> = records(&file("image-quic.pcapng"))
        .into_iter()
        .filter_map(|record| match record.what {
            What::Frame(Way::ToClient, frame) if record.channel == ChannelId::MAIN => Some(frame),
            _ => None,
        })
        .collect();
    assert_eq!(told, recorded);
}
