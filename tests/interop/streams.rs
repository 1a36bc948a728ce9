//! Video streams of the X server: each codec it has, played while it plays.
//!
//! The truth is what a session without codecs shows of the same still: it gets pictures without loss, which other tests
//! compare with the X server's own.

use std::time::Duration;

use capsaicin::channel::display::StreamCount;
use capsaicin::codec::video::Codec;
use capsaicin::session::SessionConfig;
use libtest_mimic::Trial;

use crate::live::Live;
use crate::peers::xserver::{Settings, XServer};
use crate::peers::{Peer, until};
use crate::{LIMIT, test};

/// Where the player's window is.
const LEFT: u32 = 200;
const TOP: u32 = 150;

pub fn tests() -> Vec<Trial> {
    const MJPEG: &[Peer] = &[Peer::XServer, Peer::Player];
    const OTHERS: &[Peer] = &[Peer::XServer, Peer::Player, Peer::Encoders];
    let played = |name: &str, needs, codecs: &'static str, codec, size| {
        let name = format!("streams::what_is_played_is_shown::{name}");
        test(name, needs, move || {
            what_is_played_is_shown(codecs, codec, size)
        })
    };
    let small = (320, 240);
    vec![
        played("mjpeg", MJPEG, "spice:mjpeg", Codec::Mjpeg, small),
        played("vp8", OTHERS, "gstreamer:vp8", Codec::Vp8, small),
        played("vp9", OTHERS, "gstreamer:vp9", Codec::Vp9, small),
        // High enough that the encoder takes the colours of high definition.
        played("vp8_high", OTHERS, "gstreamer:vp8", Codec::Vp8, (240, 592)),
        test(
            "streams::a_stream_that_cannot_be_decoded_is_followed_in_pictures",
            OTHERS,
            a_stream_that_cannot_be_decoded_is_followed_in_pictures,
        ),
    ]
}

/// An X server that makes a video stream of everything that keeps changing.
fn streaming(video_codecs: &str) -> XServer {
    XServer::with(Settings {
        streaming_video: "all",
        video_codecs,
        ..Settings::default()
    })
}

/// A soft still that is drawn 25 times a second: all a server sees is a video.
fn play(server: &mut XServer, (width, height): (u32, u32)) {
    let picture = format!(
        "testsrc2=size={width}x{height}:rate=25,trim=end_frame=1,gblur=sigma=6,loop=loop=-1:size=1"
    );
    let (left, top) = (LEFT.to_string(), TOP.to_string());
    let place = ["-left", &left, "-top", &top, "-noborder"];
    let content = ["-loglevel", "quiet", "-an", "-f", "lavfi", "-i", &picture];
    server.spawn("ffplay", &[&place[..], &content[..]].concat());
}

/// Connects with codecs to choose from; `None` for all.
fn connect(server: &XServer, codecs: Option<Vec<Codec>>) -> Live {
    let live = Live::connect_with(
        &server.address,
        SessionConfig {
            codecs,
            ..SessionConfig::default()
        },
    );
    live.wait_for_picture();
    live
}

/// What the player shows, as a session without codecs gets it.
fn truth(server: &XServer, size: (u32, u32)) -> Vec<u8> {
    let live = connect(server, Some(Vec::new()));
    let background = live.picture().expect("a picture").pixel(0, 0);
    let mut drawn = 0;
    until("the player", LIMIT, || {
        std::thread::sleep(Duration::from_millis(100));
        let window = window(&live, size);
        drawn += u32::from(
            window
                .as_chunks()
                .0
                .iter()
                .all(|pixel| *pixel != background),
        );
        (drawn == 10).then_some(window)
    })
}

/// The colours of the player's window.
fn window(live: &Live, (width, height): (u32, u32)) -> Vec<u8> {
    let picture = live.picture().expect("a picture");
    let row = |y| &picture.rgb[((TOP + y) * picture.width + LEFT) as usize * 3..];
    (0..height)
        .flat_map(|y| &row(y)[..width as usize * 3])
        .copied()
        .collect()
}

/// The stream of the player's window, once it has shown so many pictures.
fn stream(live: &Live, pictures: u64) -> StreamCount {
    until("a stream", LIMIT, || {
        std::thread::sleep(Duration::from_millis(100));
        let streams = live.stats().streams;
        streams
            .iter()
            .map(|s| s.count)
            .find(|s| s.shown >= pictures)
    })
}

/// Peak signal to noise ratio, decibels.
fn psnr(a: &[u8], b: &[u8]) -> f64 {
    let errors = a
        .iter()
        .zip(b)
        .map(|(a, b)| u64::from(a.abs_diff(*b)).pow(2));
    let mean = errors.sum::<u64>() as f64 / a.len() as f64;
    10.0 * (255.0_f64.powi(2) / mean).log10()
}

fn what_is_played_is_shown(codecs: &'static str, codec: Codec, size: (u32, u32)) {
    let mut server = streaming(codecs);
    play(&mut server, size);
    let truth = truth(&server, size);

    let live = connect(&server, None);
    let count = stream(&live, 50);
    assert_eq!(count.codec, codec);
    let ratio = psnr(&window(&live, size), &truth);
    // Seen: 44 for MJPEG and VP9, 39 for VP8, 36 for its higher picture. The colours of another standard give 26.
    assert!(ratio >= 33.0, "{ratio} dB, {count:?}");
    let later = stream(&live, count.shown + 25);
    assert!(later.dropped <= later.received / 10, "{later:?}");
    assert!(live.notices().is_empty(), "{:?}", live.notices());
}

/// This server codes H.264 with full chroma.
fn a_stream_that_cannot_be_decoded_is_followed_in_pictures() {
    let size = (320, 240);
    let mut server = streaming("gstreamer:h264");
    play(&mut server, size);
    let truth = truth(&server, size);

    let live = connect(&server, None);
    let refused = || {
        live.notices()
            .iter()
            .any(|text| text.contains("is not played"))
    };
    until("a stream", LIMIT, || {
        (refused() || stream_is_there(&live)).then_some(())
    });
    let drawn = live.stats().displays[0].draws;
    until("the rest", LIMIT, || {
        let goes_on = live.stats().displays[0].draws > drawn + 25 || stream_is_there(&live);
        goes_on.then_some(())
    });
    assert!(psnr(&window(&live, size), &truth) >= 33.0);
}

fn stream_is_there(live: &Live) -> bool {
    !live.stats().streams.is_empty()
}
