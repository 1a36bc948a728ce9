//! Video streams of the X server: each codec it has, played while it plays.
//!
//! The truth is what a session without codecs shows of the same still: it gets pictures without loss, which other tests
//! compare with the X server's own.

use std::time::Duration;

use capsaicin::channel::display::StreamCount;
use capsaicin::codec::video::Codec;
use capsaicin::session::SessionConfig;
use libtest_mimic::Trial;

use crate::live::{Live, Video};
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
    let decoded = |name: &str, codecs: &'static str, codec, size| {
        let name = format!("streams::a_live_stream_is_decoded_as_ffmpeg_does::{name}");
        test(name, OTHERS, move || {
            a_live_stream_is_decoded_as_ffmpeg_does(codecs, codec, size)
        })
    };
    let small = (320, 240);
    vec![
        played("mjpeg", MJPEG, "spice:mjpeg", Codec::Mjpeg, small),
        played("vp8", OTHERS, "gstreamer:vp8", Codec::Vp8, small),
        played("vp9", OTHERS, "gstreamer:vp9", Codec::Vp9, small),
        // High enough that the encoder takes the colours of high definition.
        played("vp8_high", OTHERS, "gstreamer:vp8", Codec::Vp8, (240, 592)),
        decoded("vp8", "gstreamer:vp8", Codec::Vp8, small),
        decoded("vp9", "gstreamer:vp9", Codec::Vp9, small),
        decoded("vp8_high", "gstreamer:vp8", Codec::Vp8, (240, 592)),
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
    let still = "trim=end_frame=1,gblur=sigma=6,loop=loop=-1:size=1";
    show(
        server,
        &format!("testsrc2=size={width}x{height}:rate=25,{still}"),
    );
}

/// Plays what a graph of ffmpeg's filters makes.
fn show(server: &mut XServer, picture: &str) {
    let (left, top) = (LEFT.to_string(), TOP.to_string());
    let place = ["-left", &left, "-top", &top, "-noborder"];
    let content = ["-loglevel", "quiet", "-an", "-f", "lavfi", "-i", picture];
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
    // Seen: 44 for MJPEG and VP9, 39 for VP8, 36 for its higher picture: what the server's encoder loses, which is more at
    // first. The colours of another standard give 26.
    until("a likeness of 33 dB", LIMIT, || {
        (psnr(&window(&live, size), &truth) >= 33.0).then_some(())
    });
    // Of a second, that is. A busy machine has others too, in which pictures come late and are left out.
    until("pictures of which hardly one is dropped", LIMIT, || {
        let before = stream(&live, 0);
        let after = stream(&live, before.shown + 25);
        let dropped = after.dropped.saturating_sub(before.dropped);
        let received = after.received.saturating_sub(before.received);
        (dropped <= received / 10).then_some(())
    });
    assert!(live.notices().is_empty(), "{:?}", live.notices());
}

/// Here everything moves, and the truth is another decoder's picture of the very frames that came.
fn a_live_stream_is_decoded_as_ffmpeg_does(codecs: &'static str, codec: Codec, size: (u32, u32)) {
    let mut server = streaming(codecs);
    let (width, height) = size;
    show(
        &mut server,
        &format!("testsrc2=size={width}x{height}:rate=25"),
    );
    let live = connect(&server, None);
    stream(&live, 50);
    server.freeze();
    // What has come is shown when its time comes.
    let mut before = 0;
    let count = until("stillness", LIMIT, || {
        std::thread::sleep(Duration::from_secs(1));
        let streams = live.stats().streams;
        let count = streams.iter().map(|s| s.count).find(|s| s.codec == codec)?;
        (std::mem::replace(&mut before, count.shown) == count.shown).then_some(count)
    });
    let video = live.video().expect("a stream");
    assert_eq!(video.frames.len() as u64, count.received);
    let truth = decoded_by_ffmpeg(&server, &video, codec);
    let picture = live.picture().expect("a picture");
    let shown: Vec<u8> = (video.dest.top..video.dest.bottom)
        .flat_map(|y| {
            let at = |x: i32| (y as u32 * picture.width + x as u32) as usize * 3;
            &picture.rgb[at(video.dest.left)..at(video.dest.right)]
        })
        .copied()
        .collect();
    let ratio = psnr(&shown, &truth);
    assert!(ratio >= 40.0, "{ratio} dB, {count:?}");
}

/// The last picture of a stream, as rows of RGB.
fn decoded_by_ffmpeg(server: &XServer, video: &Video, codec: Codec) -> Vec<u8> {
    let size = (video.dest.width(), video.dest.height());
    let name = match codec {
        Codec::Vp8 => b"VP80",
        _ => b"VP90",
    };
    let file = server.scratch().join("stream.ivf");
    std::fs::write(&file, ivf(name, size, &video.frames)).expect("the scratch folder is writable");
    // Nothing in the stream names the colours: by custom its height does.
    let matrix = match size.1 {
        ..576 => "bt601",
        _ => "bt709",
    };
    let filter =
        format!("scale=in_color_matrix={matrix}:flags=neighbor+accurate_rnd+full_chroma_int");
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&file)
        .args(["-vf", &filter, "-fps_mode", "passthrough"])
        .args(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"])
        .output()
        .expect("ffmpeg starts");
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{complaints}");
    let bytes = (size.0 * size.1 * 3) as usize;
    let pictures = output.stdout.chunks_exact(bytes);
    assert_eq!(pictures.len(), video.frames.len(), "{complaints}");
    pictures.last().expect("a picture").to_vec()
}

/// Frames in the container that ffmpeg knows VP8 and VP9 in; numbers are little-endian.
fn ivf(codec: &[u8; 4], (width, height): (u32, u32), frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = b"DKIF\0\0\x20\0".to_vec();
    file.extend_from_slice(codec);
    file.extend_from_slice(&(width as u16).to_le_bytes());
    file.extend_from_slice(&(height as u16).to_le_bytes());
    for number in [25, 1, frames.len() as u32, 0] {
        file.extend_from_slice(&number.to_le_bytes());
    }
    for (time, frame) in (0_u64..).zip(frames) {
        file.extend_from_slice(&(frame.len() as u32).to_le_bytes());
        file.extend_from_slice(&time.to_le_bytes());
        file.extend_from_slice(frame);
    }
    file
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
    until("a likeness of 33 dB", LIMIT, || {
        (psnr(&window(&live, size), &truth) >= 33.0).then_some(())
    });
}

fn stream_is_there(live: &Live) -> bool {
    !live.stats().streams.is_empty()
}
