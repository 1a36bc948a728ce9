//! Decoding of video to pixels, one picture at a time as a stream brings them.
//!
//! The clips are made by the program `ffmpeg`; without it there is nothing to measure. "items" are pictures.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use capsaicin::codec::video::{Codec, Decoder, Memory};
use capsaicin::codec::{Limits, jpeg};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

fn main() {
    divan::main();
}

/// Pictures of a clip.
const PICTURES: usize = 30;

/// What `ffmpeg` makes of its test picture, a message a picture.
fn encode(size: &str, arguments: &[&str]) -> Option<Vec<Vec<u8>>> {
    let folder = tempfile::tempdir().ok()?;
    let source = format!("testsrc2=size={size}:rate=30");
    let status = Command::new("ffmpeg")
        .args([
            "-loglevel",
            "error",
            "-f",
            "lavfi",
            "-i",
            &source,
            "-frames:v",
            &PICTURES.to_string(),
        ])
        .args(["-pix_fmt", "yuv420p"])
        .args(arguments)
        .args(["-f", "image2", "%04d.bin"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .status();
    status.ok().filter(|status| status.success())?;
    let read = |i| std::fs::read(Path::new(folder.path()).join(format!("{i:04}.bin"))).ok();
    (1..=PICTURES).map(read).collect()
}

fn measure(bencher: Bencher<'_, '_>, codec: Codec, size: &str, arguments: &[&str]) {
    let Some(messages) = encode(size, arguments).filter(|_| codec.is_available()) else {
        return bencher.bench(|| ());
    };
    bencher.counter(ItemsCount::new(messages.len())).bench(|| {
        let mut decoder = Decoder::new(codec, &Memory::new(1 << 30)).expect("it is available");
        let mut pictures = Vec::new();
        for message in &messages {
            pictures.clear();
            decoder
                .decode(message, &mut pictures)
                .expect("a sound clip");
            black_box(&pictures);
        }
    });
}

/// Frames as servers send them.
const MJPEG: &[&str] = &["-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", "4"];

fn jpeg_1080p() -> &'static Option<Vec<Vec<u8>>> {
    static FRAMES: OnceLock<Option<Vec<Vec<u8>>>> = OnceLock::new();
    FRAMES.get_or_init(|| encode("1920x1080", MJPEG))
}

/// A frame of a stream, with the decoder in use.
#[divan::bench]
fn mjpeg_1080p(bencher: Bencher<'_, '_>) {
    measure(bencher, Codec::Mjpeg, "1920x1080", MJPEG);
}

/// The same frames with the decoder of stills, which also stands in without the feature `mjpeg`.
#[divan::bench]
fn mjpeg_1080p_stills_decoder(bencher: Bencher<'_, '_>) {
    let Some(frames) = jpeg_1080p() else {
        return bencher.bench(|| ());
    };
    let mut pixels = Vec::new();
    bencher
        .counter(ItemsCount::new(frames.len()))
        .bench_local(|| {
            for frame in frames {
                pixels.clear();
                jpeg::decode(frame, &Limits::default(), &mut pixels).expect("a sound file");
            }
        });
}

#[divan::bench]
fn vp8_720p(bencher: Bencher<'_, '_>) {
    measure(
        bencher,
        Codec::Vp8,
        "1280x720",
        &["-c:v", "libvpx", "-b:v", "2M", "-deadline", "realtime"],
    );
}

#[divan::bench]
fn vp9_720p(bencher: Bencher<'_, '_>) {
    let realtime = [
        "-c:v",
        "libvpx-vp9",
        "-b:v",
        "2M",
        "-deadline",
        "realtime",
        "-lag-in-frames",
        "0",
    ];
    measure(bencher, Codec::Vp9, "1280x720", &realtime);
}

#[divan::bench]
fn h264_720p(bencher: Bencher<'_, '_>) {
    measure(
        bencher,
        Codec::H264,
        "1280x720",
        &["-c:v", "libx264", "-b:v", "2M", "-tune", "zerolatency"],
    );
}

#[divan::bench]
fn h265_720p(bencher: Bencher<'_, '_>) {
    measure(
        bencher,
        Codec::H265,
        "1280x720",
        &[
            "-c:v",
            "libx265",
            "-b:v",
            "2M",
            "-x265-params",
            "bframes=0:log-level=none",
        ],
    );
}
