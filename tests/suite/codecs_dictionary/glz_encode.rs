//! What the GLZ encoder writes.

use std::collections::VecDeque;

use capsaicin::codec::glz::{self, Bitmap, Encoder, Kind, Window};
use capsaicin::codec::{Error, Limits, zlib};
use proptest::prelude::*;

use super::content::{Source, any_kind};
use super::mutate::Random;
use super::vectors::{Vector, assert_exact, fixtures, of_sequence};

#[test]
fn streams_are_no_larger_than_those_of_the_reference() {
    let vectors = fixtures("glz");
    for sequence in ["scroll", "mixed", "tiny"] {
        let window_pixels = of_sequence(&vectors, sequence)
            .next()
            .unwrap()
            .number("window_pixels");
        let mut encoder = Encoder::new(window_pixels).unwrap();
        let mut window = Window::new(window_pixels);
        let (mut ours, mut theirs) = (0, 0);
        for vector in of_sequence(&vectors, sequence) {
            let source = bitmap_of(vector);
            let mut data = Vec::new();
            encoder.encode(&source.bitmap(), &mut data).unwrap();
            let mut out = Vec::new();
            glz::decode(&data, &vector.limits(), &mut window, &mut out).unwrap();
            assert_exact(vector, &out);
            ours += data.len();
            theirs += vector.enc.len();
        }
        assert!(
            ours <= theirs,
            "{sequence}: {ours} bytes, the reference needs {theirs}"
        );
    }
}

#[test]
fn an_image_seen_before_costs_a_few_bytes() {
    let mut encoder = Encoder::new(1 << 20).unwrap();
    let mut random = Random::new(7);
    let pixels: Vec<u8> = (0..4 * 300 * 200).map(|_| random.next() as u8).collect();
    let bitmap = Bitmap {
        kind: Kind::Rgb32,
        width: 300,
        height: 200,
        stride: 1200,
        top_down: true,
        pixels: &pixels,
    };
    let (mut first, mut second) = (Vec::new(), Vec::new());

    encoder.encode(&bitmap, &mut first).unwrap();
    encoder.encode(&bitmap, &mut second).unwrap();

    assert!(first.len() > 180_000);
    // Header, a literal, a length of 60000 in steps of 255, position and distance.
    assert!(second.len() < 33 + 4 + 60_000 / 255 + 8, "{}", second.len());
}

#[test]
fn the_padding_of_rows_is_not_coded() {
    let mut encoder = Encoder::new(1000).unwrap();
    let mut window = Window::new(1000);
    let bitmap = Bitmap {
        kind: Kind::Rgb24,
        width: 1,
        height: 2,
        stride: 5,
        top_down: true,
        pixels: &[1, 2, 3, 99, 99, 4, 5, 6],
    };
    let (mut data, mut out) = (Vec::new(), Vec::new());

    encoder.encode(&bitmap, &mut data).unwrap();
    let header = glz::decode(&data, &Limits::announced(1, 2), &mut window, &mut out).unwrap();

    assert_eq!(header.stride, 3);
    assert_eq!(out, [1, 2, 3, 0, 4, 5, 6, 0]);
}

#[test]
fn bitmaps_that_cannot_be_encoded_take_no_id() {
    let mut encoder = Encoder::new(20).unwrap();
    let mut out = Vec::new();
    let good = Bitmap {
        kind: Kind::Rgb32,
        width: 4,
        height: 4,
        stride: 16,
        top_down: true,
        pixels: &[0; 64],
    };

    for (bad, error) in [
        (
            Bitmap { width: 0, ..good },
            Error::BadHeader("width or height is 0"),
        ),
        (
            Bitmap { stride: 15, ..good },
            Error::BadHeader("the rows overlap"),
        ),
        (
            Bitmap {
                pixels: &[0; 63],
                ..good
            },
            Error::Truncated,
        ),
        (
            Bitmap {
                height: 5,
                pixels: &[0; 80],
                ..good
            },
            Error::TooLarge {
                pixels: 20,
                limit: 19,
            },
        ),
    ] {
        assert_eq!(encoder.encode(&bad, &mut out), Err(error));
    }
    assert!(out.is_empty());
    encoder.encode(&good, &mut out).unwrap();
    assert_eq!(encoder.next_id(), 1);
}

#[test]
fn a_window_larger_than_the_format_can_address_is_refused() {
    assert_eq!(
        Encoder::new((1 << 25) + 1).unwrap_err(),
        Error::TooLarge {
            pixels: (1 << 25) + 1,
            limit: 1 << 25
        }
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_encoded_decodes_to_itself(
        window_pixels in 30u64..3000,
        images in prop::collection::vec((any_kind(), 1u32..50, 1u32..24, 0usize..5, any::<u64>()), 1..40),
        level in prop::option::of(1u32..10),
    ) {
        let mut encoder = Encoder::new(window_pixels).unwrap();
        let mut window = Window::new(window_pixels);
        for (kind, width, height, padding, seed) in images {
            let source = Source::random(kind, width, height, seed);
            let (pixels, stride) = source.padded(padding);
            let bitmap = Bitmap { stride, pixels: &pixels, ..source.bitmap() };
            let mut data = Vec::new();
            if encoder.encode(&bitmap, &mut data).is_err() {
                continue;
            }
            if let Some(level) = level {
                data = deflated_and_inflated(&data, width * height, level);
            }
            let limits = Limits::announced(width, height);
            let (header, pixels) = glz::decode_shared(&data, &limits, &mut window).unwrap();
            prop_assert_eq!((header.kind, header.top_down), (kind, source.top_down));
            prop_assert_eq!(&*pixels, source.decoded());
            prop_assert!(window.pixels() <= window_pixels);
            prop_assert!(data.len() <= most_bytes(kind, width * height));
        }
    }

    #[test]
    fn a_session_of_three_channels_decodes_in_any_order_of_arrival(
        images in prop::collection::vec((any_kind(), 1u32..30, 1u32..12, any::<u64>()), 1..40),
        order in any::<u64>(),
    ) {
        let mut random = Random::new(order);
        let mut encoder = Encoder::new(2000).unwrap();
        // What runs ahead of a gap is kept beside the window; three channels get no further apart than all there is.
        let mut window = Window::new(20_000);
        let mut channels = [const { VecDeque::new() }; 3];
        for (kind, width, height, seed) in images {
            let source = Source::random(kind, width, height, seed);
            let mut data = Vec::new();
            encoder.encode(&source.bitmap(), &mut data).unwrap();
            channels[random.below(3)].push_back((data, source));
        }
        while channels.iter().any(|channel| !channel.is_empty()) {
            let channel = &mut channels[random.below(3)];
            let Some((data, source)) = channel.front() else { continue };
            match glz::decode_shared(data, &Limits::default(), &mut window) {
                Ok((_, pixels)) => {
                    prop_assert_eq!(&*pixels, source.decoded());
                    channel.pop_front();
                }
                Err(Error::MissingImage { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        prop_assert_eq!(window.frontier(), Some(encoder.next_id()));
        prop_assert!(window.pixels() <= 2000);
    }
}

/// A stream on its way in a ZLIB_GLZ image.
fn deflated_and_inflated(data: &[u8], pixels: u32, level: u32) -> Vec<u8> {
    assert!(data.len() as u64 <= zlib::glz_bound(pixels.into()));
    let (mut packed, mut out) = (Vec::new(), Vec::new());
    zlib::deflate(data, level, &mut packed);
    zlib::inflate_exact(&packed, data.len(), &mut out).unwrap();
    out
}

/// The header, all pixels as literals, and what counts them.
fn most_bytes(kind: Kind, pixels: u32) -> usize {
    let (literal_len, streams) = match kind {
        Kind::Rgb16 => (2, 1),
        Kind::Rgb24 | Kind::Rgb32 => (3, 1),
        Kind::Rgba => (4, 2),
    };
    (33 + pixels * literal_len + pixels.div_ceil(32) * streams) as usize
}

/// The bitmap a GLZ vector was made from: its picture, in the kind it was encoded as.
fn bitmap_of(vector: &Vector) -> Source {
    let kind = glz::Header::parse(&vector.enc).unwrap().kind;
    let narrow = |&[b, g, r, x]: &[u8; 4]| match kind {
        Kind::Rgb16 => {
            let value = u16::from(r >> 3) << 10 | u16::from(g >> 3) << 5 | u16::from(b >> 3);
            value.to_le_bytes().to_vec()
        }
        Kind::Rgb24 => vec![b, g, r],
        Kind::Rgb32 | Kind::Rgba => vec![b, g, r, x],
    };
    let (width, height) = vector.size();
    Source {
        kind,
        width,
        height,
        top_down: vector.entry["top_down"] == true,
        pixels: vector.raw.as_chunks().0.iter().flat_map(narrow).collect(),
    }
}
