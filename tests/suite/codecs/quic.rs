//! QUIC: pictures coded by the reference implementation, damaged streams, and round trips.

use capsaicin::codec::Limits;
use capsaicin::codec::quic::{self, Decoder, Encoder, Header, Kind};
use proptest::prelude::*;

use super::{Vector, assert_survives_damage, pixels, vectors};

fn kind(vector: &Vector) -> Kind {
    match vector.kind.as_str() {
        "GRAY" => Kind::Gray,
        "RGB16" => Kind::Rgb16,
        "RGB24" => Kind::Rgb24,
        "RGB32" => Kind::Rgb32,
        "RGBA" => Kind::Rgba,
        other => panic!("{}: type {other}", vector.name),
    }
}

#[test]
fn streams_of_the_reference_encoder_decode_exactly() {
    let mut decoder = Decoder::default();
    for vector in vectors("quic") {
        let limits = Limits::announced(vector.width, vector.height);
        let mut out = Vec::new();

        let header = decoder.decode(&vector.coded, &limits, &mut out);

        let expected = Header {
            kind: kind(&vector),
            width: vector.width,
            height: vector.height,
        };
        assert_eq!(header, Ok(expected), "{}", vector.name);
        vector.assert_same(&out, &vector.raw);
    }
}

#[test]
fn encoding_gives_the_bytes_of_the_reference_encoder() {
    let mut encoder = Encoder::default();
    for v in vectors("quic") {
        let mut out = Vec::new();
        let encoded = encoder.encode(
            kind(&v),
            v.width,
            v.height,
            v.stride as usize,
            &v.raw,
            &mut out,
        );
        assert_eq!(encoded, Ok(()), "{}", v.name);
        assert!(out == v.coded, "{}: the stream differs", v.name);
    }
}

#[test]
fn damaged_streams_are_refused_or_decode_to_some_picture() {
    let mut decoder = Decoder::default();
    let small = |v: &Vector| v.coded.len() < 600;
    for v in vectors("quic").into_iter().filter(small) {
        let announced = Limits::announced(v.width, v.height);
        // Another type may have four bytes where this one has one.
        let most = 4 * (v.width * v.height) as usize + 64;
        assert_survives_damage(&v.name, &v.coded, most, |data, out| {
            let header = decoder.decode(data, &announced, out)?;
            Ok(v.width as usize * v.height as usize * header.kind.bytes_per_pixel())
        });
    }
}

#[test]
fn damaged_sizes_take_no_more_memory_than_the_limit() {
    let limits = Limits {
        max_pixels: 5000,
        announced: None,
    };
    for v in vectors("quic").into_iter().filter(|v| v.coded.len() < 100) {
        assert_survives_damage(&v.name, &v.coded, 5000 * 4 + 64, |data, out| {
            let header = quic::decode(data, &limits, out)?;
            let pixels = header.width as usize * header.height as usize;
            Ok(pixels * header.kind.bytes_per_pixel())
        });
    }
}

fn any_kind() -> impl Strategy<Value = Kind> {
    let kinds = [
        Kind::Gray,
        Kind::Rgb16,
        Kind::Rgb24,
        Kind::Rgb32,
        Kind::Rgba,
    ];
    proptest::sample::select(kinds.to_vec())
}

/// What decoding makes of a pixel: without the bits that are not coded.
fn coded_part(kind: Kind, pixels: &mut [u8]) {
    match kind {
        Kind::Rgb16 => pixels.chunks_mut(2).for_each(|pixel| pixel[1] &= 0x7f),
        Kind::Rgb32 => pixels.chunks_mut(4).for_each(|pixel| pixel[3] = 0),
        Kind::Gray | Kind::Rgb24 | Kind::Rgba => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_encoded_decodes_to_the_same(
        kind in any_kind(),
        width in 1u32..130,
        height in 1u32..50,
        padding in 0usize..5,
        content in pixels::content(),
    ) {
        let row_bytes = width as usize * kind.bytes_per_pixel();
        let stride = row_bytes + padding;
        let source = content.rows(kind.bytes_per_pixel(), width, height, stride);
        let mut stream = Vec::new();
        quic::encode(kind, width, height, stride, &source, &mut stream).unwrap();

        let mut out = Vec::new();
        let header = quic::decode(&stream, &Limits::announced(width, height), &mut out);

        prop_assert_eq!(header, Ok(Header { kind, width, height }));
        let mut expected = pixels::without_padding(&source, row_bytes, stride);
        coded_part(kind, &mut expected);
        prop_assert!(out == expected);
    }
}
