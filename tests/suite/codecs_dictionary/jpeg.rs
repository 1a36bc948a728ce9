//! JPEG stills, and the colours of those with alpha.

use capsaicin::codec::{Error, Limits, jpeg};

use super::mutate::{Random, mutate, rounds};
use super::vectors::{assert_jpeg_decodes, fixture_folder, fixtures};

#[test]
fn jpeg_files_decode_as_the_reference_does() {
    for vector in fixtures("jpeg") {
        assert_jpeg_decodes(&vector);
    }
}

#[test]
fn the_colours_of_a_jpeg_with_alpha_decode_as_the_reference_does() {
    for vector in fixtures("jpeg_alpha") {
        assert_jpeg_decodes(&vector);
    }
}

#[test]
fn jpeg_files_of_another_size_or_kind_are_refused() {
    let gray = fixtures("jpeg")
        .into_iter()
        .find(|v| v.name() == "gray")
        .unwrap();
    let decode = |data: &[u8], limits| jpeg::decode(data, &limits, &mut Vec::new());

    assert_eq!(
        decode(&gray.enc, Limits::announced(61, 44)),
        Err(Error::SizeMismatch {
            announced: (61, 44),
            found: (61, 43)
        })
    );
    let few = Limits {
        max_pixels: 60 * 43,
        announced: None,
    };
    assert_eq!(
        decode(&gray.enc, few),
        Err(Error::TooLarge {
            pixels: 61 * 43,
            limit: 60 * 43
        })
    );

    let cmyk = std::fs::read(fixture_folder().join("jpeg/cmyk.enc")).unwrap();
    assert_eq!(
        decode(&cmyk, Limits::default()),
        Err(Error::BadHeader(
            "a JPEG file of 16 bits or with four components"
        ))
    );

    let frame = gray
        .enc
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    // Extended sequential with 12 bits, arithmetic coding, lossless.
    for (marker, precision) in [(0xc1, 12), (0xc9, 8), (0xc3, 8)] {
        let mut data = gray.enc.clone();
        (data[frame + 1], data[frame + 4]) = (marker, precision);
        assert!(decode(&data, Limits::default()).is_err(), "{marker:x}");
    }

    let scan = gray
        .enc
        .windows(2)
        .position(|pair| pair == [0xff, 0xda])
        .unwrap();
    let scans = [
        &gray.enc[..scan],
        &[0xff, 0xda].repeat(200),
        &gray.enc[scan..],
    ]
    .concat();
    assert_eq!(
        decode(&scans, Limits::default()),
        Err(Error::BadHeader("a JPEG file of very many scans"))
    );
}

#[test]
fn damaged_jpeg_files_yield_an_error_or_a_picture() {
    let mut random = Random::new(0x5eed_0004);
    for vector in fixtures("jpeg") {
        let limits = Limits {
            max_pixels: 1 << 16,
            announced: None,
        };
        let decode = |data: &[u8]| {
            let mut out = Vec::new();
            match jpeg::decode(data, &limits, &mut out) {
                Ok(header) => assert_eq!(out.len(), (header.width * header.height * 4) as usize),
                Err(_) => assert!(out.is_empty()),
            }
        };
        let step = 1 + vector.enc.len() / 100;
        for len in (0..vector.enc.len()).step_by(step) {
            decode(&vector.enc[..len]);
        }
        for _ in 0..rounds(100) {
            decode(&mutate(&vector.enc, &mut random));
        }
    }
}
