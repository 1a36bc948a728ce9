//! LZ: the worked example of the format, and tokens written by hand.

use capsaicin::codec::lz::{self, Encoder, Header, Kind};
use capsaicin::codec::palette::Indices;
use capsaicin::codec::{Error, Limits};

const A: [u8; 4] = [0x10, 0x20, 0x30, 0];
const B: [u8; 4] = [0x11, 0x21, 0x31, 0];
const C: [u8; 4] = [0x12, 0x22, 0x32, 0];
const D: [u8; 4] = [0x13, 0x23, 0x33, 0];

/// 12 × 2 pixels.
const PIXELS: [[u8; 4]; 24] = [
    A, B, C, D, D, D, D, D, D, D, D, D, //
    D, D, A, B, C, D, A, B, C, D, A, B,
];

/// The header of [`PIXELS`].
#[rustfmt::skip]
const HEADER: [u8; 28] = [
    0x20, 0x20, 0x5a, 0x4c, 0, 1, 0, 1, 0, 0, 0, 8,
    0, 0, 0, 12, 0, 0, 0, 2, 0, 0, 0, 48, 0, 0, 0, 1,
];

/// The tokens of [`PIXELS`]: four literals, ten times the last one, four from 14 back, six literals.
#[rustfmt::skip]
const TOKENS: [u8; 37] = [
    0x03, 0x10, 0x20, 0x30, 0x11, 0x21, 0x31, 0x12, 0x22, 0x32, 0x13, 0x23, 0x33,
    0xe0, 0x03, 0x00,
    0x80, 0x0d,
    0x05, 0x10, 0x20, 0x30, 0x11, 0x21, 0x31, 0x12, 0x22, 0x32, 0x13, 0x23, 0x33,
    0x10, 0x20, 0x30, 0x11, 0x21, 0x31,
];

/// The header of a top-down image.
fn header(kind: Kind, width: u32, height: u32) -> [u8; 28] {
    let stride = kind.row_bytes(width) as u32;
    let fields = [kind.number(), width, height, stride].map(u32::to_be_bytes);
    let mut header = HEADER;
    header[8..24].copy_from_slice(fields.as_flattened());
    header
}

/// What decoding yields; nothing after an error.
fn decoded(header: &[u8], tokens: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = vec![0xee];
    let data = [header, tokens].concat();
    let result = lz::decode(&data, &Limits::default(), &mut out);
    assert_eq!(out.remove(0), 0xee);
    assert!(result.is_ok() || out.is_empty());
    result.map(|_| out)
}

/// A row of bytes.
fn bytes(width: u32, tokens: &[u8]) -> Result<Vec<u8>, Error> {
    decoded(&header(Kind::A8, width, 1), tokens)
}

#[test]
fn the_example_decodes() {
    let mut out = Vec::new();
    let data = [&HEADER[..], &TOKENS].concat();

    let header = lz::decode(&data, &Limits::announced(12, 2), &mut out);

    let expected = Header {
        kind: Kind::Rgb32,
        width: 12,
        height: 2,
        stride: 48,
        top_down: true,
    };
    assert_eq!(header, Ok(expected));
    assert_eq!(out, PIXELS.as_flattened());
}

#[test]
fn the_example_ends_too_early_at_each_of_its_bytes_but_the_last() {
    for end in 0..TOKENS.len() {
        assert_eq!(decoded(&HEADER, &TOKENS[..end]), Err(Error::Truncated));
    }
    let more = [&TOKENS[..], b"more"].concat();
    assert_eq!(decoded(&HEADER, &more).unwrap(), PIXELS.as_flattened());
}

#[test]
fn literals_of_16_bits_have_their_high_byte_first() {
    let pixels = decoded(&header(Kind::Rgb16, 2, 1), &[1, 0x12, 0x34, 0x56, 0x78]);
    assert_eq!(pixels, Ok(vec![0x34, 0x12, 0x78, 0x56]));
}

#[test]
fn what_a_match_is_longer_than_its_field_depends_on_the_elements() {
    // One literal, and a match with 1 in the field, from the element before.
    let pixels = |kind, width, literal: &[u8]| {
        let tokens = [&[0], literal, &[0x20, 0]].concat();
        decoded(&header(kind, width, 1), &tokens).unwrap()
    };
    assert_eq!(pixels(Kind::Rgb24, 2, &[1, 2, 3]), [1, 2, 3, 1, 2, 3]);
    assert_eq!(pixels(Kind::Rgb16, 3, &[1, 2]), [2, 1, 2, 1, 2, 1]);
    assert_eq!(pixels(Kind::Plt(Indices::EightBit), 4, &[5]), [5; 4]);
}

#[test]
fn the_extension_of_a_length_ends_with_a_byte_below_255() {
    let run = |more: &[u8], pixels| {
        let tokens = [&[0, 9, 0xe0], more, &[0]].concat();
        bytes(pixels as u32, &tokens).unwrap() == vec![9; pixels]
    };
    assert!(run(&[0], 1 + 7 + 2));
    assert!(run(&[254], 1 + 7 + 254 + 2));
    assert!(run(&[255, 0], 1 + 7 + 255 + 2));
    assert!(run(&[255, 255, 3], 1 + 7 + 513 + 2));
}

/// 73728 bytes in literals of 32, each with a number of its own from the second byte on.
fn literals() -> Vec<u8> {
    let token = |number: u16| {
        let mut token = [0; 33];
        token[0] = 31;
        token[2..5].copy_from_slice(&[number as u8 | 0x80, (number >> 7) as u8 | 0x80, 0xff]);
        token
    };
    (0..2304).flat_map(token).collect()
}

#[test]
fn distances_are_near_up_to_8191_and_far_up_to_73727() {
    // Each match is of three bytes; where they come from is found by looking for them.
    let distance_of = |token: &[u8]| {
        let out = bytes(73728 + 3, &[&literals(), token].concat()).unwrap();
        let (before, copied) = out.split_at(73728);
        before.len() - before.windows(3).position(|w| w == copied).unwrap()
    };
    assert_eq!(distance_of(&[0x20 | 31, 0xfe]), 8191);
    assert_eq!(distance_of(&[0x20 | 31, 0xff, 0, 0]), 8192);
    assert_eq!(distance_of(&[0x20 | 31, 0xff, 0xff, 0xff]), 73727);
}

#[test]
fn copies_of_all_lengths_and_distances_go_element_by_element() {
    let before: Vec<u8> = (0..200).map(|i| (i * i / 7) as u8).collect();
    let literals: Vec<u8> = before
        .chunks(25)
        .flat_map(|c| [&[24], c].concat())
        .collect();
    for distance in 1..=200 {
        for length in (3_usize..100).chain([255, 256, 257, 511, 512, 513, 1025]) {
            let mut expected = before.clone();
            (0..length).for_each(|_| expected.push(expected[expected.len() - distance]));

            // The field of a length is two less for bytes; three literals follow.
            let (field, low) = (length - 2, distance as u8 - 1);
            let token = match field.checked_sub(7) {
                None => vec![(field << 5) as u8, low],
                Some(more) => {
                    let mut token = vec![7 << 5];
                    token.resize(1 + more / 255, 255);
                    [&token[..], &[(more % 255) as u8, low]].concat()
                }
            };
            let tokens = [&literals[..], &token, &[2, 1, 2, 3]].concat();
            expected.extend([1, 2, 3]);
            let out = bytes(expected.len() as u32, &tokens);
            assert!(out == Ok(expected), "distance {distance}, length {length}");
        }
    }
}

#[test]
fn the_alpha_of_rgba_has_a_history_of_its_own() {
    let rgba = |alpha: &[u8]| {
        // Three times the same colour.
        let tokens = [&[0, 1, 2, 3, 0x40, 0], alpha].concat();
        decoded(&header(Kind::Rgba, 3, 1), &tokens)
    };
    assert_eq!(
        rgba(&[2, 7, 8, 9]),
        Ok(vec![1, 2, 3, 7, 1, 2, 3, 8, 1, 2, 3, 9])
    );
    assert_eq!(rgba(&[]), Err(Error::Truncated));
    assert!(matches!(rgba(&[0x20, 0]), Err(Error::Corrupt { .. })));
}

#[test]
fn tokens_beyond_either_end_of_the_picture_are_refused() {
    let is_corrupt = |tokens: &[u8]| matches!(bytes(8, tokens), Err(Error::Corrupt { .. }));
    // Nine literals; a match of eight after one; a length without end.
    assert!(is_corrupt(&[8, 1, 2, 3, 4, 5, 6, 7, 8, 9]));
    assert!(is_corrupt(&[0, 9, 0xc0, 0]));
    assert!(is_corrupt(&[&[0, 9, 0xe0][..], &[255; 100]].concat()));
    // A match before anything is there; one from further back than there is.
    assert!(is_corrupt(&[0x20, 0]));
    assert!(is_corrupt(&[0, 9, 0x20, 1]));
}

#[test]
fn headers_that_cannot_be_are_refused() {
    let is_refused = |at: usize, byte| {
        let mut header = HEADER;
        header[at] = byte;
        matches!(Header::parse(&header), Err(Error::BadHeader(_)))
    };
    // The magic, the version, types, no width, no height, a huge width, other strides.
    for (at, byte) in [
        (0, 0),
        (7, 2),
        (11, 0),
        (11, 12),
        (15, 0),
        (19, 0),
        (12, 0x80),
        (23, 47),
        (23, 49),
    ] {
        assert!(is_refused(at, byte), "{byte} in byte {at}");
    }
    assert_eq!(Header::parse(&HEADER[..27]), Err(Error::Truncated));
}

#[test]
fn what_is_not_coded_does_not_change_the_stream() {
    let encoded = |stride, pixels: &[u8]| {
        let mut out = Vec::new();
        lz::encode(Kind::Rgb32, 12, 2, stride, true, pixels, &mut out).unwrap();
        out
    };
    let untidy = PIXELS.map(|[b, g, r, _]| [b, g, r, 7]);
    let (upper, lower) = untidy.as_flattened().split_at(48);
    let padded = [upper, &[9; 5], lower].concat();

    assert_eq!(encoded(53, &padded), encoded(48, PIXELS.as_flattened()));
}

#[test]
fn a_warm_caller_allocates_nothing() {
    let data = [&HEADER[..], &TOKENS].concat();
    let mut out = Vec::new();
    lz::decode(&data, &Limits::default(), &mut out).unwrap();
    let before = (out.as_ptr(), out.capacity());
    out.clear();
    lz::decode(&data, &Limits::default(), &mut out).unwrap();
    assert_eq!((out.as_ptr(), out.capacity()), before);
}

#[test]
fn a_warm_encoder_allocates_nothing_for_its_output() {
    let mut encoder = Encoder::default();
    let mut out = Vec::new();
    let mut encode = |out: &mut Vec<u8>| {
        encoder
            .encode(Kind::Rgb32, 12, 2, 48, true, PIXELS.as_flattened(), out)
            .unwrap();
    };
    encode(&mut out);
    let before = (out.as_ptr(), out.capacity(), out.clone());
    out.clear();
    encode(&mut out);
    assert_eq!((out.as_ptr(), out.capacity(), out), before);
}

#[test]
fn pictures_that_cannot_be_are_not_encoded() {
    let error = |width, height, stride| {
        let mut out = vec![0xee];
        let pixels = PIXELS.as_flattened();
        let result = lz::encode(Kind::Rgb32, width, height, stride, true, pixels, &mut out);
        assert_eq!(out, [0xee]);
        result.unwrap_err()
    };
    assert!(matches!(error(0, 2, 48), Error::BadHeader(_)));
    assert!(matches!(error(12, 0, 48), Error::BadHeader(_)));
    assert!(matches!(error(12, 2, 47), Error::BadHeader(_)));
    assert!(matches!(error(1 << 29, 1, 1 << 31), Error::BadHeader(_)));
    assert_eq!(error(12, 3, 48), Error::Truncated);
    assert_eq!(error(12, 2, 49), Error::Truncated);
    assert_eq!(error(12, 3, usize::MAX), Error::Truncated);
}

#[test]
fn alpha_of_another_kind_or_size_is_not_put_into_a_picture() {
    let is_refused = |kind, bytes| {
        let data = [&header(kind, 2, 1)[..], &[1, 7, 8]].concat();
        let mut pixels = vec![1; bytes];
        let result = lz::decode_alpha_into(&data, &Limits::default(), &mut pixels);
        let refused = matches!(result, Err(Error::BadHeader(_)));
        assert!(!refused || pixels == vec![1; bytes]);
        refused
    };
    assert!(!is_refused(Kind::Xxxa, 8));
    assert!(is_refused(Kind::A8, 8));
    assert!(is_refused(Kind::Xxxa, 4));
    assert!(is_refused(Kind::Xxxa, 9));
    assert!(is_refused(Kind::Xxxa, 12));
}
