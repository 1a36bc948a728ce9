//! The worked examples of the format, by hand.

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

#[test]
fn the_example_with_three_planes_decodes() {
    let mut out = vec![0xee];
    let header = decode(&RGB32_STREAM, &Limits::announced(2, 2), &mut out).unwrap();

    let expected = Header {
        kind: Kind::Rgb32,
        width: 2,
        height: 2,
    };
    assert_eq!(header, expected);
    assert_eq!(out, [&[0xee][..], &RGB32_PIXELS].concat());
}

#[test]
fn the_example_with_three_planes_encodes() {
    let mut out = Vec::new();
    encode(Kind::Rgb32, 2, 2, 8, &RGB32_PIXELS, &mut out).unwrap();
    assert_eq!(out, RGB32_STREAM);
}

#[test]
fn the_example_with_runs_decodes() {
    let mut out = Vec::new();
    decode(&GRAY_STREAM, &Limits::default(), &mut out).unwrap();
    assert_eq!(out, GRAY_PIXELS);
}

#[test]
fn the_example_with_runs_encodes() {
    let mut out = Vec::new();
    encode(Kind::Gray, 8, 2, 8, &GRAY_PIXELS, &mut out).unwrap();
    assert_eq!(out, GRAY_STREAM);
}
