//! LZ4 images.

use capsaicin::codec::{Error, Limits, lz4};
use proptest::prelude::*;

use super::content::{Source, any_kind};
use super::mutate::{Random, mutate, rounds};
use super::tokens::hex;
use super::vectors::{assert_lz4_decodes, fixtures};

#[test]
fn lz4_images_of_one_or_more_blocks_decode_exactly() {
    for vector in fixtures("lz4") {
        assert_lz4_decodes(&vector);
    }
}

#[test]
fn lz4_headers_and_blocks_that_cannot_be_are_refused() {
    // One literal byte a block: token 0x10, the byte.
    let decode = |data: &str| lz4::decode(&hex(data), 2, 1, &Limits::default(), &mut Vec::new());
    let corrupt = |at, what| Err(Error::Corrupt { at, what });
    let format = Err(Error::BadHeader("not a bitmap format LZ4 can carry"));

    let good = decode("01 0a  00000002 10aa  00000002 10bb").unwrap();
    assert_eq!((good.format, good.top_down), (10, true));
    assert_eq!(decode("01"), Err(Error::Truncated));
    assert_eq!(decode("01 05 00000002 10aa"), format);
    assert_eq!(decode("01 0b 00000002 10aa"), format);
    assert_eq!(decode("01 0a"), Err(Error::Truncated));
    assert_eq!(decode("01 0a 00000002 10aa"), Err(Error::Truncated));
    assert_eq!(decode("01 0a 00000003 10aa"), Err(Error::Truncated));
    assert_eq!(decode("01 0a ffffffff 10aa"), Err(Error::Truncated));
    assert_eq!(
        decode("01 0a 00000000 00000003 20aabb"),
        corrupt(2, "empty LZ4 block")
    );
    assert_eq!(
        decode("01 0a 00000001 00"),
        corrupt(2, "LZ4 block without content")
    );
    assert_eq!(
        decode("01 0a 00000004 30aabbcc"),
        corrupt(2, "damaged LZ4 block")
    );
    assert_eq!(
        decode("01 0a 00000003 20aabb 00000002 10cc"),
        corrupt(9, "damaged LZ4 block")
    );
    for stray in ["00", "0000", "000000"] {
        let data = format!("01 0a 00000003 20aabb {stray}");
        assert_eq!(decode(&data), Err(Error::Truncated));
    }
    // A match of four from two back, with one byte in front of it.
    let early = "01 08 00000008 10aa 0200 30 aabbcc";
    assert_eq!(decode(early), corrupt(2, "damaged LZ4 block"));
}

#[test]
fn a_block_may_refer_to_the_block_before_it() {
    // aabbccdd; then four bytes from four back; then nothing more to say but the empty last sequence.
    let data = hex("00 08  00000005 40aabbccdd  00000004 00 0400 00");
    let mut out = Vec::new();

    let header = lz4::decode(&data, 1, 2, &Limits::announced(1, 2), &mut out).unwrap();

    assert!(!header.top_down);
    assert_eq!(out, hex("aabbccdd aabbccdd"));
}

#[test]
fn damaged_lz4_images_yield_an_error_or_a_picture() {
    let mut random = Random::new(0x5eed_0002);
    for vector in fixtures("lz4") {
        let (width, height) = vector.size();
        let decode = |data: &[u8]| {
            let mut out = Vec::new();
            let result = lz4::decode(data, width, height, &vector.limits(), &mut out);
            match result {
                Ok(header) => {
                    assert_eq!(
                        out.len(),
                        (width * height) as usize * header.bytes_per_pixel()
                    );
                    true
                }
                Err(_) => {
                    assert!(out.is_empty());
                    false
                }
            }
        };
        let step = 1 + vector.enc.len() / 200;
        for len in (0..vector.enc.len()).step_by(step) {
            assert!(!decode(&vector.enc[..len]), "{} {len}", vector.name());
        }
        for _ in 0..rounds(100) {
            decode(&mutate(&vector.enc, &mut random));
        }
    }
}

#[test]
fn a_short_stream_cannot_claim_a_large_picture() {
    // A byte of a block yields 255 at most, so that these 1000 hold less than a row of 2^18 bytes.
    let (side, mut stream) = (1 << 14, vec![1, 8]);
    stream.resize(1000, 0);
    let limits = Limits {
        max_pixels: u64::MAX,
        announced: None,
    };
    for (width, height) in [(1 << 16, 1), (side, side), (u32::MAX, u32::MAX)] {
        let mut out = Vec::new();

        let refused = lz4::decode(&stream, width, height, &limits, &mut out);

        assert!(refused.is_err(), "{width}×{height}");
        assert_eq!(out.capacity(), 0, "nothing was allocated");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lz4_images_decode_to_what_was_encoded(
        kind in any_kind(),
        width in 1u32..60,
        height in 1u32..60,
        padding in 0usize..5,
        seed in any::<u64>(),
    ) {
        let source = Source::random(kind, width, height, seed);
        let (padded, stride) = source.padded(padding);
        let (mut data, mut out) = (Vec::new(), vec![1, 2, 3]);

        lz4::encode(kind as u8, source.top_down, width, height, stride, &padded, &mut data).unwrap();
        let limits = Limits::announced(width, height);
        let header = lz4::decode(&data, width, height, &limits, &mut out).unwrap();

        prop_assert_eq!((header.format, header.top_down), (kind as u8, source.top_down));
        prop_assert_eq!(&out[..3], [1, 2, 3]);
        prop_assert_eq!(&out[3..], source.pixels);
    }
}
