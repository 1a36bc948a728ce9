//! Each decoder against what an independent one made of the same clip. Fixtures: `tests/fixtures/video`.

use std::path::PathBuf;

use super::colour::{Colours, Matrix, Planes};
use super::*;

/// A clip of the fixtures.
struct Clip {
    name: String,
    codec: Codec,
    messages: Vec<Vec<u8>>,
    /// Width and height of each picture.
    sizes: Vec<(u32, u32)>,
}

fn fixture(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/video");
    std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The clips that this build can decode.
fn clips() -> Vec<Clip> {
    let list = String::from_utf8(fixture("clips.txt")).expect("text");
    let clips = list.lines().map(|line| {
        let mut words = line.split(' ');
        let name = words.next().expect("a name").to_owned();
        let codec = words.next().and_then(Codec::from_name).expect("a codec");
        let sizes = words.flat_map(|word| {
            let mut numbers = word.split('x').map(|n| n.parse::<u32>().expect("a number"));
            let mut number = || numbers.next().expect("COUNTxWIDTHxHEIGHT");
            let (count, size) = (number(), (number(), number()));
            std::iter::repeat_n(size, count as usize)
        });
        Clip {
            messages: messages(&name),
            codec,
            sizes: sizes.collect(),
            name,
        }
    });
    clips.filter(|clip| clip.codec.is_available()).collect()
}

fn messages(name: &str) -> Vec<Vec<u8>> {
    let bytes = fixture(&format!("{name}.msgs"));
    let mut rest = bytes.as_slice();
    let mut messages = Vec::new();
    while let Some((len, after)) = rest.split_first_chunk() {
        let (message, after) = after.split_at(u32::from_le_bytes(*len) as usize);
        messages.push(message.to_vec());
        rest = after;
    }
    messages
}

fn memory() -> Memory {
    Memory::new(1 << 30)
}

/// The pictures, and how many there were after each message.
fn decode(clip: &Clip) -> (Vec<Picture>, Vec<usize>) {
    let mut decoder = Decoder::new(clip.codec, &memory()).expect("it is available");
    let mut pictures = Vec::new();
    let mut counts = Vec::new();
    for message in &clip.messages {
        let result = decoder.decode(message, &mut pictures);
        result.unwrap_or_else(|error| panic!("{}: {error}", clip.name));
        counts.push(pictures.len());
    }
    (pictures, counts)
}

/// The pictures that the reference decoder's planes stand for.
fn expected(clip: &Clip) -> Vec<Picture> {
    let bytes = fixture(&format!("{}.yuv", clip.name));
    let mut rest = bytes.as_slice();
    let pictures = clip.sizes.iter().map(|&(width, height)| {
        let (half_width, half_height) = (width.div_ceil(2) as usize, height.div_ceil(2) as usize);
        let mut plane = |len| {
            let (plane, after) = rest.split_at(len);
            rest = after;
            plane
        };
        let y = plane((width * height) as usize);
        let [u, v] = [(); 2].map(|()| plane(half_width * half_height));
        let planes = Planes {
            size: (width, height),
            planes: [y, u, v],
            strides: [width as usize, half_width, half_width],
            halved: (true, true),
            colours: Colours::by_height(height),
        };
        planes.to_picture().expect("planes of this size")
    });
    pictures.collect()
}

/// Peak signal to noise ratio of the colours, decibels.
fn psnr(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let colours = |bytes: &[u8]| -> Vec<[u8; 4]> { bytes.as_chunks().0.to_vec() };
    let errors = colours(a).into_iter().zip(colours(b)).map(|(a, b)| {
        (0..3)
            .map(|i| f64::from(a[i].abs_diff(b[i])).powi(2))
            .sum::<f64>()
    });
    let mean = errors.sum::<f64>() / (a.len() / 4 * 3) as f64;
    10.0 * (255.0_f64.powi(2) / mean).log10()
}

fn clip(name: &str) -> Option<Clip> {
    clips().into_iter().find(|clip| clip.name == name)
}

#[test]
fn every_clip_decodes_to_the_planes_of_the_reference() {
    for clip in clips().iter().filter(|clip| clip.codec != Codec::Mjpeg) {
        let expected = expected(clip);
        let (pictures, _) = decode(clip);
        // What is still held back at the end of a clip waits for pictures that never come.
        let held = expected.len() - pictures.len();
        let most = if clip.name.contains("-b") || clip.name.contains("pyramid") {
            2
        } else {
            0
        };
        assert!(held <= most, "{}: {held} pictures are missing", clip.name);
        for (i, (picture, expected)) in pictures.iter().zip(&expected).enumerate() {
            assert!(
                picture == expected,
                "{}: picture {i} of {expected:?}",
                clip.name
            );
        }
    }
}

#[test]
fn streams_in_order_give_each_picture_with_its_message() {
    for clip in clips() {
        if clip.name.contains("-b") && clip.codec != Codec::H264 || clip.name.contains("high") {
            continue;
        }
        if clip.name.contains("altref") {
            continue;
        }
        let (_, counts) = decode(&clip);
        let all: Vec<usize> = (1..=clip.messages.len()).collect();
        assert_eq!(counts, all, "{}", clip.name);
    }
}

#[test]
fn frames_that_are_only_referred_to_are_not_shown() {
    let Some(clip) = clip("vp8-altref") else {
        return;
    };
    let (_, counts) = decode(&clip);
    assert_eq!(counts[..3], [1, 1, 2], "the second message is such a frame");
}

#[test]
fn jpeg_files_decode_as_the_reference_does() {
    for clip in clips().iter().filter(|clip| clip.codec == Codec::Mjpeg) {
        let (pictures, _) = decode(clip);
        let reference = fixture(&format!("{}.bgrx", clip.name));
        let ratio = psnr(&pictures[0].pixels, &reference);
        assert!(ratio >= 40.0, "{}: {ratio} dB", clip.name);
        let mut twin = Vec::new();
        crate::codec::jpeg::decode(&clip.messages[0], &Limits::default(), &mut twin)
            .expect("a file");
        let ratio = psnr(&pictures[0].pixels, &twin);
        assert!(ratio >= 38.0, "{} against the twin: {ratio} dB", clip.name);
    }
}

#[test]
fn files_of_a_stream_get_the_tables_they_leave_out() {
    let [first, second] = messages("mjpeg-server").try_into().expect("two files");
    let mut decoder = Decoder::new(Codec::Mjpeg, &memory()).expect("it is available");
    let mut pictures = Vec::new();
    let mut tables = Tables::default();
    assert_eq!(tables.complete(&first), first, "it has all");
    let whole = tables.complete(&second);
    decoder.decode(&whole, &mut pictures).expect("a whole file");
    let ratio = psnr(&pictures[0].pixels, &fixture("mjpeg-server.bgrx"));
    assert!(ratio >= 40.0, "{ratio} dB");

    // This server uses the usual tables, so that a client may even join later.
    decoder
        .decode(&Tables::default().complete(&second), &mut pictures)
        .expect("a whole file");
    assert!(pictures[0] == pictures[1]);

    assert_eq!(tables.complete(b"no file"), b"no file");
    for len in 0..first.len() {
        tables.clone().complete(&first[..len]);
    }
}

#[test]
fn colours_are_those_of_the_reference_converter() {
    let cases = [
        ("vp8", "vp8", Matrix::Bt601),
        ("h264-baseline", "h264-baseline-709", Matrix::Bt709),
    ];
    for (name, reference, matrix) in cases {
        let bytes = fixture(&format!("{name}.yuv"));
        let (y, chroma) = bytes.split_at(64 * 48);
        let (u, v) = chroma.split_at(32 * 24);
        let planes = Planes {
            size: (64, 48),
            planes: [y, u, v],
            strides: [64, 32, 32],
            halved: (true, true),
            colours: Colours {
                matrix,
                full_range: false,
            },
        };
        let picture = planes.to_picture().expect("planes of this size");
        let ratio = psnr(&picture.pixels, &fixture(&format!("{reference}.bgrx")));
        assert!(ratio >= 48.0, "{name}: {ratio} dB");
    }
}

#[test]
fn memory_is_taken_before_a_picture_is_decoded_and_given_back_with_the_decoder() {
    for clip in clips() {
        let memory = Memory::new(10_000);
        let mut decoder = Decoder::new(clip.codec, &memory).expect("it is available");
        let mut pictures = Vec::new();
        let result = decoder.decode(&clip.messages[0], &mut pictures);
        assert!(
            matches!(result, Err(Error::TooLarge { .. })),
            "{}: {result:?}",
            clip.name
        );
        assert_eq!(
            decoder.decode(&clip.messages[0], &mut pictures),
            result,
            "it stays so"
        );

        let memory = self::memory();
        let mut decoder = Decoder::new(clip.codec, &memory).expect("it is available");
        decoder
            .decode(&clip.messages[0], &mut pictures)
            .expect("enough memory");
        let (width, height) = clip.sizes[0];
        assert!(
            memory.taken() >= u64::from(width * height * 24),
            "{}",
            clip.name
        );
        drop(decoder);
        assert_eq!(memory.taken(), 0);
    }
}

/// `-resize` is two pictures and then the beginning of another stream.
#[test]
fn a_decoder_can_begin_with_the_first_frame_of_each_stream_alone() {
    for clip in clips() {
        let frames = clip.messages.iter().enumerate();
        let begins = frames.filter(|(_, frame)| clip.codec.begins(frame));
        let begins: Vec<usize> = begins.map(|(place, _)| place).collect();
        let expected: Vec<usize> = match clip.codec {
            Codec::Mjpeg => (0..clip.messages.len()).collect(),
            _ if clip.name.ends_with("-resize") => vec![0, 2],
            _ => vec![0],
        };
        assert_eq!(begins, expected, "{}", clip.name);
        assert!(!clip.codec.begins(&[]) || clip.codec == Codec::Mjpeg);
    }
}
