//! The wrapping of deflated GLZ images.

use capsaicin::codec::{Error, zlib};
use proptest::prelude::*;

use super::mutate::{Random, mutate, rounds};
use super::vectors::{fixtures, glz_stream};

#[test]
fn a_deflated_stream_has_exactly_the_announced_size() {
    let vector = &fixtures("zlib_glz")[0];
    let size = vector.number("glz_data_size") as usize;
    let inflate = |data: &[u8], size| {
        let mut out = vec![5];
        let result = zlib::inflate_exact(data, size, &mut out);
        result
            .map(|()| out.len() - 1)
            .inspect_err(|_| assert_eq!(out, [5]))
    };

    assert_eq!(inflate(&vector.enc, size), Ok(size));
    assert_eq!(
        inflate(&[&vector.enc[..], b"more"].concat(), size),
        Ok(size)
    );
    assert_eq!(
        inflate(&vector.enc, size + 1),
        Err(Error::BadHeader("fewer bytes than announced"))
    );
    assert_eq!(
        inflate(&vector.enc, size - 1),
        Err(Error::BadHeader("more bytes than announced"))
    );
    assert_eq!(inflate(&vector.enc, usize::MAX), Err(Error::Truncated));
    for len in 0..vector.enc.len() {
        assert_eq!(inflate(&vector.enc[..len], size), Err(Error::Truncated));
    }
}

#[test]
fn damaged_zlib_streams_are_refused() {
    let mut random = Random::new(0x5eed_0003);
    for vector in fixtures("zlib_glz") {
        let size = vector.number("glz_data_size") as usize;
        let intact = glz_stream(&vector);
        for _ in 0..rounds(200) {
            let data = mutate(&vector.enc, &mut random);
            let mut out = Vec::new();
            // A few bits mean nothing; all others are covered by the checksum.
            match zlib::inflate_exact(&data, size, &mut out) {
                Ok(()) => assert!(out == intact),
                Err(_) => assert!(out.is_empty()),
            }
        }
    }
}

#[test]
fn the_bound_of_a_glz_stream_is_the_one_of_the_format() {
    // 33 bytes, four for each pixel, and two counts for each 32 of them.
    assert_eq!(zlib::glz_bound(1), 33 + 4 + 2);
    assert_eq!(zlib::glz_bound(33), 33 + 132 + 4);
    assert_eq!(zlib::glz_bound(u64::MAX), u64::MAX);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn deflated_bytes_inflate_to_themselves(data in prop::collection::vec(0u8..4, 0..3000), level in 0u32..10) {
        let (mut packed, mut out) = (Vec::new(), Vec::new());

        zlib::deflate(&data, level, &mut packed);
        zlib::inflate_exact(&packed, data.len(), &mut out).unwrap();

        prop_assert_eq!(out, data);
    }
}
