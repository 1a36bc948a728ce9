//! GLZ streams that no encoder wrote.

use capsaicin::codec::glz::{self, Window};
use capsaicin::codec::{Error, Limits};

use super::mutate::{Random, mutate, rounds};
use super::tokens::{decode_pixel, stream, stream_of, worked_pair};
use super::vectors::{Vector, fixtures, of_sequence};

#[test]
fn headers_no_image_can_have_are_refused() {
    let [good, _] = worked_pair();
    let with = |at: usize, bytes: &[u8]| {
        let mut data = good.clone();
        data[at..at + bytes.len()].copy_from_slice(bytes);
        let mut window = Window::new(1 << 26);
        glz::decode_shared(&data, &Limits::default(), &mut window).unwrap_err()
    };

    assert_eq!(with(3, b"M"), Error::BadHeader("not a GLZ stream"));
    assert_eq!(with(7, &[2]), Error::BadHeader("unknown GLZ version"));
    for kind in (0..=5).chain(10..=15) {
        assert_eq!(
            with(8, &[kind]),
            Error::BadHeader("not a pixel kind GLZ can carry")
        );
    }
    assert_eq!(with(9, &[0; 4]), Error::BadHeader("width or height is 0"));
    assert_eq!(with(13, &[0; 4]), Error::BadHeader("width or height is 0"));
    assert_eq!(
        with(32, &[1]),
        Error::BadHeader("the window begins before the first image")
    );
    assert_eq!(
        with(9, &[0xff; 8]),
        Error::TooLarge {
            pixels: 0xffff_ffff * 0xffff_ffff,
            limit: 1 << 26
        }
    );
    assert_eq!(
        with(9, &[0, 0, 0x20, 0, 0, 0, 0x10, 0]),
        Error::TooLarge {
            pixels: 1 << 25,
            limit: (1 << 25) - 1
        }
    );
    let mut window = Window::new(100);
    assert_eq!(
        glz::decode_shared(&good, &Limits::announced(16, 2), &mut window).unwrap_err(),
        Error::SizeMismatch {
            announced: (16, 2),
            found: (16, 1)
        }
    );
}

#[test]
fn tokens_that_reach_outside_are_refused_where_they_stand() {
    let corrupt = |at, what| Error::Corrupt { at, what };
    let beyond = "match beyond the end of the image";
    for (tokens, error) in [
        (
            "03 01 02 03",
            corrupt(33, "literals beyond the end of the image"),
        ),
        ("00 01 02 03  60 00 00", corrupt(37, beyond)),
        ("00 01 02 03  e0 00 00 00", corrupt(37, beyond)),
        (
            "00 01 02 03  e0 ff ff ff ff ff ff ff ff ff ff ff",
            corrupt(37, beyond),
        ),
        (
            "20 00 00",
            corrupt(33, "match before the start of the image"),
        ),
        (
            "00 01 02 03  21 00 00",
            corrupt(37, "match before the start of the image"),
        ),
        (
            "20 00 03",
            corrupt(33, "refers to an image before the window"),
        ),
        (
            "30 00 c0 ff ff ff",
            corrupt(33, "refers to an image before the window"),
        ),
        (
            "21 00 01",
            corrupt(33, "match beyond the end of another image"),
        ),
        (
            "40 00 01",
            corrupt(33, "match beyond the end of another image"),
        ),
        (
            "30 00 7f 01 ff",
            corrupt(33, "match beyond the end of another image"),
        ),
        ("01 01 02 03", Error::Truncated),
        ("00 01 02 03", Error::Truncated),
        ("00 01 02 03  20", Error::Truncated),
        ("00 01 02 03  20 00", Error::Truncated),
        ("20 00 41", Error::Truncated),
        ("30 00 60 01", Error::Truncated),
        ("", Error::Truncated),
    ] {
        let mut window = Window::new(1000);
        decode_pixel(8, 0, &mut window).unwrap();
        decode_pixel(9, 0, &mut window).unwrap();

        let data = stream(10, 2, 3, tokens);
        let refused = glz::decode_shared(&data, &Limits::default(), &mut window);

        assert_eq!(refused.unwrap_err(), error, "{tokens}");
        assert_eq!(window.images(), 2);
    }
}

#[test]
fn an_image_with_alpha_needs_both_streams() {
    let mut window = Window::new(100);

    let data = stream_of(0x19, 0, 0, 1, "00 01 02 03");
    let refused = glz::decode_shared(&data, &Limits::default(), &mut window);

    assert_eq!(refused.unwrap_err(), Error::Truncated);
}

#[test]
fn a_short_stream_cannot_claim_a_large_image() {
    let mut window = Window::new(1 << 25);

    let data = stream(0, 0, (1 << 25) - 1, "00 01 02 03 e0 ff ff ff ff");
    let refused = glz::decode_shared(&data, &Limits::default(), &mut window);

    assert_eq!(refused.unwrap_err(), Error::Truncated);
}

#[test]
fn every_prefix_of_a_glz_stream_is_refused() {
    let vectors = fixtures("glz");
    for sequence in ["scroll", "mixed", "synth"] {
        for_each_window(&vectors, sequence, |vector, window| {
            let step = 1 + vector.enc.len() / 300;
            for len in (0..vector.enc.len()).step_by(step) {
                let mut window = window.clone();
                let mut out = Vec::new();
                let prefix = &vector.enc[..len];
                let refused = glz::decode(prefix, &vector.limits(), &mut window, &mut out);
                assert_eq!(
                    refused.unwrap_err(),
                    Error::Truncated,
                    "{} {len}",
                    vector.name()
                );
                assert!(out.is_empty());
            }
        });
    }
}

#[test]
fn damaged_glz_streams_yield_an_error_or_a_picture() {
    let vectors = fixtures("glz");
    let mut random = Random::new(0x5eed_0001);
    for sequence in ["scroll", "mixed", "tiny", "synth"] {
        for_each_window(&vectors, sequence, |vector, window| {
            for _ in 0..rounds(60) {
                let data = mutate(&vector.enc, &mut random);
                let mut window = window.clone();
                let mut out = Vec::new();
                let limits = Limits {
                    max_pixels: 1 << 16,
                    announced: None,
                };
                if let Ok(header) = glz::decode(&data, &limits, &mut window, &mut out) {
                    let pixels = header.width as usize * header.height as usize;
                    assert_eq!(out.len(), 4 * pixels);
                }
            }
        });
    }
}

/// Decodes a sequence and shows each vector together with the window it is to be decoded with.
fn for_each_window(vectors: &[Vector], sequence: &str, mut each: impl FnMut(&Vector, &Window)) {
    let mut window: Option<Window> = None;
    for vector in of_sequence(vectors, sequence) {
        let window = window.get_or_insert_with(|| Window::new(vector.number("window_pixels")));
        each(vector, window);
        glz::decode_shared(&vector.enc, &vector.limits(), window).unwrap();
    }
}
