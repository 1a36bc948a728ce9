//! LZ: pictures coded by the reference implementation, damaged streams, and round trips.

use capsaicin::codec::Limits;
use capsaicin::codec::lz::{self, Encoder, Header, Kind};
use capsaicin::codec::palette::{self, Indices};
use proptest::prelude::*;

use super::{Vector, assert_survives_damage, pixels, vectors};

fn kind(vector: &Vector) -> Kind {
    match vector.kind.as_str() {
        "PLT1_LE" => Kind::Plt(Indices::OneBitLe),
        "PLT1_BE" => Kind::Plt(Indices::OneBitBe),
        "PLT4_LE" => Kind::Plt(Indices::FourBitLe),
        "PLT4_BE" => Kind::Plt(Indices::FourBitBe),
        "PLT8" => Kind::Plt(Indices::EightBit),
        "RGB16" => Kind::Rgb16,
        "RGB24" => Kind::Rgb24,
        "RGB32" => Kind::Rgb32,
        "RGBA" => Kind::Rgba,
        "XXXA" => Kind::Xxxa,
        "A8" => Kind::A8,
        other => panic!("{}: type {other}", vector.name),
    }
}

fn header(vector: &Vector) -> Header {
    Header {
        kind: kind(vector),
        width: vector.width,
        height: vector.height,
        stride: vector.stride,
        top_down: vector.top_down,
    }
}

#[test]
fn streams_of_the_reference_encoder_decode_exactly() {
    for vector in vectors("lz") {
        let limits = Limits::announced(vector.width, vector.height);
        let mut out = Vec::new();

        let decoded = lz::decode(&vector.coded, &limits, &mut out);

        assert_eq!(decoded, Ok(header(&vector)), "{}", vector.name);
        vector.assert_same(&out, &vector.raw);
    }
}

#[test]
fn what_is_encoded_decodes_to_the_same() {
    let mut encoder = Encoder::default();
    for v in vectors("lz") {
        let (stride, mut coded, mut out) = (v.stride as usize, Vec::new(), Vec::new());
        let encoded = encoder.encode(
            kind(&v),
            v.width,
            v.height,
            stride,
            v.top_down,
            &v.raw,
            &mut coded,
        );
        assert_eq!(encoded, Ok(()), "{}", v.name);

        let decoded = lz::decode(&coded, &Limits::default(), &mut out);

        assert_eq!(decoded, Ok(header(&v)), "{}", v.name);
        v.assert_same(&out, &v.raw);
    }
}

#[test]
fn no_stream_is_larger_than_that_of_the_reference_encoder() {
    let mut encoder = Encoder::default();
    for v in vectors("lz") {
        let (stride, mut coded) = (v.stride as usize, Vec::new());
        encoder
            .encode(
                kind(&v),
                v.width,
                v.height,
                stride,
                v.top_down,
                &v.raw,
                &mut coded,
            )
            .unwrap();
        let (ours, theirs) = (coded.len(), v.coded.len());
        let name = &v.name;
        assert!(
            ours <= theirs,
            "{name}: {ours} bytes, the reference needs {theirs}"
        );
    }
}

#[test]
fn alpha_is_put_into_a_picture_top_row_first() {
    let alpha_only = |v: &Vector| kind(v) == Kind::Xxxa;
    for v in vectors("lz").into_iter().filter(alpha_only) {
        let limits = Limits::announced(v.width, v.height);
        let mut picture = [1, 2, 3, 4].repeat(v.raw.len() / 4);

        let decoded = lz::decode_alpha_into(&v.coded, &limits, &mut picture);

        assert_eq!(decoded, Ok(header(&v)), "{}", v.name);
        let mut rows: Vec<&[u8]> = v.raw.chunks(v.stride as usize).collect();
        if !v.top_down {
            rows.reverse();
        }
        let mut expected = rows.concat();
        expected
            .chunks_mut(4)
            .for_each(|pixel| pixel[..3].copy_from_slice(&[1, 2, 3]));
        v.assert_same(&picture, &expected);
    }
}

#[test]
fn damaged_streams_are_refused_or_decode_to_some_picture() {
    for v in vectors("lz").into_iter().filter(|v| v.coded.len() < 1000) {
        let announced = Limits::announced(v.width, v.height);
        // Another type may have four bytes where this one has a bit.
        let most = 2 * 4 * (v.width * v.height) as usize + 256;
        assert_survives_damage(&v.name, &v.coded, most, |data, out| {
            let header = lz::decode(data, &announced, out)?;
            Ok(header.stride as usize * header.height as usize)
        });
    }
}

#[test]
fn damaged_alpha_leaves_the_colours_alone() {
    let small = |v: &Vector| kind(v) == Kind::Xxxa && v.coded.len() < 1000;
    for v in vectors("lz").into_iter().filter(small) {
        let announced = Limits::announced(v.width, v.height);
        let mut picture = [1, 2, 3, 4].repeat(v.raw.len() / 4);
        assert_survives_damage(&v.name, &v.coded, 64, |data, _| {
            lz::decode_alpha_into(data, &announced, &mut picture)?;
            Ok(0)
        });
        assert!(
            picture.chunks(4).all(|pixel| pixel[..3] == [1, 2, 3]),
            "{}",
            v.name
        );
    }
}

#[test]
fn damaged_sizes_take_no_more_memory_than_the_limit() {
    let limits = Limits {
        max_pixels: 5000,
        announced: None,
    };
    for v in vectors("lz").into_iter().filter(|v| v.coded.len() < 60) {
        assert_survives_damage(&v.name, &v.coded, 5000 * 4 + 256, |data, out| {
            let header = lz::decode(data, &limits, out)?;
            Ok(header.stride as usize * header.height as usize)
        });
    }
}

fn any_kind() -> impl Strategy<Value = Kind> {
    let kinds = [
        Kind::Plt(Indices::OneBitLe),
        Kind::Plt(Indices::OneBitBe),
        Kind::Plt(Indices::FourBitLe),
        Kind::Plt(Indices::FourBitBe),
        Kind::Plt(Indices::EightBit),
        Kind::Rgb16,
        Kind::Rgb24,
        Kind::Rgb32,
        Kind::Rgba,
        Kind::Xxxa,
        Kind::A8,
    ];
    proptest::sample::select(kinds.to_vec())
}

/// What decoding makes of a pixel: without the bytes that are not coded.
fn coded_part(kind: Kind, pixels: &mut [u8]) {
    match kind {
        Kind::Rgb32 => pixels.chunks_mut(4).for_each(|pixel| pixel[3] = 0),
        Kind::Xxxa => pixels.chunks_mut(4).for_each(|pixel| pixel[..3].fill(0)),
        _ => {}
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn what_is_encoded_decodes_to_the_same_whatever_it_is(
        kind in any_kind(),
        width in 1u32..130,
        height in 1u32..80,
        padding in 0usize..5,
        top_down: bool,
        content in pixels::content(),
    ) {
        let row_bytes = kind.row_bytes(width) as usize;
        let stride = row_bytes + padding;
        // Where pixels share bytes, bytes stand for pixels.
        let bytes = match kind {
            Kind::Plt(_) | Kind::A8 => 1,
            _ => kind.row_bytes(1) as usize,
        };
        let source = content.rows(bytes, (row_bytes / bytes) as u32, height, stride);
        let mut stream = Vec::new();
        lz::encode(kind, width, height, stride, top_down, &source, &mut stream).unwrap();

        let mut out = Vec::new();
        let header = lz::decode(&stream, &Limits::announced(width, height), &mut out);

        let expected = Header { kind, width, height, stride: row_bytes as u32, top_down };
        prop_assert_eq!(header, Ok(expected));
        let mut expected = pixels::without_padding(&source, row_bytes, stride);
        coded_part(kind, &mut expected);
        prop_assert!(out == expected);
    }
}

#[test]
fn indices_expand_to_the_colours_of_their_palette() {
    let expandable = |v: &Vector| v.rgb32.is_some() && !v.palette.is_empty();
    for v in vectors("lz").into_iter().filter(expandable) {
        let (indices, stride) = (kind(&v).indices().unwrap(), v.stride as usize);
        let mut out = Vec::new();
        palette::expand(
            indices, v.width, v.height, stride, &v.raw, &v.palette, &mut out,
        )
        .unwrap();
        v.assert_same(&out, v.rgb32.as_deref().unwrap());
    }
}
