//! The worked examples of the format, and what is refused.

use super::*;
use crate::codec::Limits;

/// Rows `(3,2,1) (6,5,4)` and `(3,2,1) (0,128,250)` as R, G, B.
const RGB32_PIXELS: [u8; 16] = [1, 2, 3, 0, 4, 5, 6, 0, 1, 2, 3, 0, 250, 128, 0, 0];
const RGB32_STREAM: [u8; 36] = [
    0x51, 0x55, 0x49, 0x43, 0, 0, 0, 0, 4, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, // header
    0x86, 0x82, 0x84, 0x86, 0x8f, 0x88, 0x86, 0x86, 0x0e, 0x35, 0, 0, 0, 0, 0, 0,
];

const GRAY_PIXELS: [u8; 16] = [
    10, 10, 10, 10, 10, 10, 200, 200, //
    11, 11, 11, 11, 11, 11, 200, 7,
];
const GRAY_STREAM: [u8; 40] = [
    0x51, 0x55, 0x49, 0x43, 0, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 2, 0, 0, 0, // header
    0x22, 0x82, 0x80, 0x94, 0x70, 0x07, 0, 0, 0, 0x70, 0x0b, 0x06, 0xd8, 0, 0, 0xf0, 0, 0, 0, 0,
];

/// What decoding yields, with nothing announced.
fn decoded(data: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = Vec::new();
    decode(data, &Limits::default(), &mut out).map(|_| out)
}

/// The stream of three planes with another byte.
fn with_byte(at: usize, byte: u8) -> Vec<u8> {
    let mut data = RGB32_STREAM.to_vec();
    data[at] = byte;
    data
}

#[test]
fn the_example_with_three_planes_decodes() {
    let mut out = vec![0xee];
    let header = decode(&RGB32_STREAM, &Limits::announced(2, 2), &mut out);

    let expected = Header {
        kind: Kind::Rgb32,
        width: 2,
        height: 2,
    };
    assert_eq!(header, Ok(expected));
    assert_eq!(out, [&[0xee][..], &RGB32_PIXELS].concat());
}

#[test]
fn the_example_with_three_planes_encodes() {
    let mut out = vec![0xee];
    encode(Kind::Rgb32, 2, 2, 8, &RGB32_PIXELS, &mut out).unwrap();
    assert_eq!(out, [&[0xee][..], &RGB32_STREAM].concat());
}

#[test]
fn the_example_with_runs_decodes() {
    assert_eq!(decoded(&GRAY_STREAM), Ok(GRAY_PIXELS.to_vec()));
}

#[test]
fn the_example_with_runs_encodes() {
    let mut out = Vec::new();
    encode(Kind::Gray, 8, 2, 8, &GRAY_PIXELS, &mut out).unwrap();
    assert_eq!(out, GRAY_STREAM);
}

#[test]
fn what_is_not_coded_does_not_change_the_stream() {
    // Rows of 8 bytes in 11, a fourth byte that is not 0, and no padding after the last row.
    let pixels = [
        1, 2, 3, 9, 4, 5, 6, 9, 7, 7, 7, //
        1, 2, 3, 9, 250, 128, 0, 9,
    ];
    let mut out = Vec::new();
    encode(Kind::Rgb32, 2, 2, 11, &pixels, &mut out).unwrap();
    assert_eq!(out, RGB32_STREAM);
}

#[test]
fn a_stream_without_its_trailer_decodes_and_one_without_its_last_bits_does_not() {
    assert_eq!(decoded(&RGB32_STREAM[..32]), Ok(RGB32_PIXELS.to_vec()));
    assert_eq!(decoded(&RGB32_STREAM[..31]), Err(Error::Truncated));
}

#[test]
fn what_follows_the_last_pixel_is_ignored() {
    let data = [&RGB32_STREAM[..], b"more"].concat();
    assert_eq!(decoded(&data), Ok(RGB32_PIXELS.to_vec()));
}

#[test]
fn headers_that_cannot_be_are_refused() {
    let refused = |at, byte| Header::parse(&with_byte(at, byte)).unwrap_err();
    assert_eq!(refused(0, 0x52), Error::BadHeader("not a QUIC stream"));
    assert_eq!(refused(4, 1), Error::BadHeader("unknown QUIC version"));
    assert_eq!(refused(8, 0), Error::BadHeader("unknown QUIC image type"));
    assert_eq!(refused(8, 6), Error::BadHeader("unknown QUIC image type"));
    let size = Error::BadHeader("width or height is 0 or above 2³¹ − 1");
    assert_eq!(refused(12, 0), size);
    assert_eq!(refused(16, 0), size);
    assert_eq!(refused(19, 0x80), size);
    assert_eq!(Header::parse(&RGB32_STREAM[..19]), Err(Error::Truncated));
}

#[test]
fn sizes_beyond_the_limits_are_refused() {
    let mut out = Vec::new();
    let error = decode(&RGB32_STREAM, &Limits::announced(2, 3), &mut out).unwrap_err();
    let expected = Error::SizeMismatch {
        announced: (2, 3),
        found: (2, 2),
    };
    assert_eq!(error, expected);

    let limits = Limits {
        max_pixels: 3,
        announced: None,
    };
    let error = decode(&RGB32_STREAM, &limits, &mut out).unwrap_err();
    let expected = Error::TooLarge {
        pixels: 4,
        limit: 3,
    };
    assert_eq!(error, expected);
    assert_eq!(out.capacity(), 0);
}

#[test]
fn a_run_beyond_its_row_is_refused() {
    // By hand: the run `1110` is in bits 81 to 84 of the samples. Ones up to the end of that word, and the four after
    // it, stand for more than the five pixels left.
    let mut data = GRAY_STREAM;
    data[28..32].copy_from_slice(&(0x060b_7000u32 | 0x7fff).to_le_bytes());
    let mut out = vec![7];
    let error = decode(&data, &Limits::default(), &mut out).unwrap_err();
    let what = "a run beyond its segment";
    assert!(
        matches!(error, Error::Corrupt { what: w, .. } if w == what),
        "{error:?}"
    );
    assert_eq!(out, [7]);
}

#[test]
fn a_symbol_beyond_the_samples_is_refused() {
    // By hand: the suffix of the first escape is in bits 51 to 58 of the samples; 255 makes the symbol 72 + 255.
    let mut data = GRAY_STREAM;
    data[24..28].copy_from_slice(&(0x0000_0770u32 | 0xff << 5).to_le_bytes());
    let error = decoded(&data).unwrap_err();
    let what = "a symbol beyond the samples";
    assert!(
        matches!(error, Error::Corrupt { what: w, .. } if w == what),
        "{error:?}"
    );
}

#[test]
fn pixels_that_are_too_few_for_their_size_are_not_encoded() {
    let mut out = vec![7];
    let mut refused = |width, height, stride| {
        let result = encode(Kind::Rgb32, width, height, stride, &RGB32_PIXELS, &mut out);
        assert_eq!(out, [7]);
        result.unwrap_err()
    };
    let size = Error::BadHeader("width or height is 0 or above 2³¹ − 1");
    assert_eq!(refused(0, 2, 8), size);
    assert_eq!(refused(2, u32::MAX, 8), size);
    assert_eq!(
        refused(2, 2, 7),
        Error::BadHeader("the stride is less than a row")
    );
    assert_eq!(refused(2, 3, 8), Error::Truncated);
    assert_eq!(refused(2, i32::MAX as u32, usize::MAX), Error::Truncated);
}

#[test]
fn a_warm_decoder_allocates_no_output() {
    let mut decoder = Decoder::default();
    let mut out = Vec::new();
    decoder
        .decode(&GRAY_STREAM, &Limits::default(), &mut out)
        .unwrap();
    let before = (out.as_ptr(), out.capacity());
    out.clear();
    decoder
        .decode(&GRAY_STREAM, &Limits::default(), &mut out)
        .unwrap();
    assert_eq!((out.as_ptr(), out.capacity()), before);
}
