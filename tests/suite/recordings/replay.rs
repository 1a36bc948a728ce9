//! The server that replays recordings, which benches compare clients with: held against our own client.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use capsaicin::channel::ChannelId;
use capsaicin::link::{AUTH_SPICE, Capabilities, ClientLink, LinkRequest, Password};
use capsaicin::recording::What;
use capsaicin::session::Way;
use capsaicin::wire::{Framer, HeaderKind};

use super::picture::{Picture, assert_same};
use super::{file, records};
use crate::support::replay::{Pace, ReplayServer};

#[test]
fn a_client_of_a_replayed_session_sees_the_recorded_picture() {
    for pace in [Pace::Fast, Pace::Recorded] {
        let server = ReplayServer::start(&file("image-quic.pcapng"), pace);
        let output = Command::new(env!("CARGO_BIN_EXE_capsaicin"))
            .args(["screenshot", &server.address, "-o", "-"])
            .output()
            .expect("the program starts");
        assert!(output.status.success(), "{output:?}");
        let shown = Picture::from_png(&output.stdout);
        if pace == Pace::Fast {
            assert_same(
                "replayed",
                &shown,
                &Picture::from_png(&file("image-quic.png")),
            );
        } else {
            // The screen is still before the scene begins.
            assert_eq!((shown.width, shown.height), (640, 480));
        }
    }
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
