//! QUIC and LZ in megapixels per second on one thread, beside what the C reference does with pictures of the same kind and
//! what a plain copy of the pixels does in the same run.
//!
//! ```sh
//! cargo bench --no-default-features --bench codecs            # all lines
//! cargo bench --no-default-features --bench codecs -- decode  # those that contain a word
//! ```

mod measure;
#[path = "../support/pictures.rs"]
#[allow(dead_code)]
mod pictures;

use std::hint::black_box;

use capsaicin::codec::{Limits, lz, quic};
use measure::{Table, timed};
use pictures::Picture;

/// Makes a picture of a width and height.
type Maker = fn(usize, usize) -> Picture;

/// Pictures, and what the reference reaches with such a one: QUIC decode, QUIC encode, LZ decode, LZ encode.
const LINES: [(&str, Maker, [u32; 4]); 3] = [
    ("photo", pictures::photo, [76, 81, 601, 132]),
    ("desktop", pictures::desktop, [279, 322, 1788, 511]),
    ("text", pictures::text, [279, 321, 1607, 557]),
];

fn main() {
    let (table, (width, height)) = Table::new((1920, 1080), (192, 108));
    for (name, picture, references) in LINES {
        measure_picture(&table, name, &picture(width, height), references);
    }
}

fn measure_picture(table: &Table, name: &str, picture: &Picture, references: [u32; 4]) {
    let [quic_decode, quic_encode, lz_decode, lz_encode] = references.map(Some);
    let (width, height) = (picture.width as u32, picture.height as u32);
    let (stride, pixels) = (picture.width * 4, &picture.pixels);
    let limits = Limits::announced(width, height);
    let mut out = Vec::new();
    table.copy(&format!("memcpy {name}"), pixels);

    let mut encoder = quic::Encoder::default();
    let mut encode = |out: &mut Vec<u8>| {
        let pixels = black_box(pixels);
        encoder
            .encode(quic::Kind::Rgb32, width, height, stride, pixels, out)
            .unwrap();
    };
    let mut stream = Vec::new();
    encode(&mut stream);
    let mut decoder = quic::Decoder::default();
    let row = format!("quic decode {name}");
    table.row(&row, quic_decode, "", || {
        out.clear();
        timed(|| {
            decoder
                .decode(black_box(&stream), &limits, &mut out)
                .unwrap();
        })
    });
    let row = format!("quic encode {name}");
    table.row(&row, quic_encode, &bits(&stream, picture), || {
        out.clear();
        timed(|| encode(&mut out))
    });

    let mut encoder = lz::Encoder::default();
    let mut encode = |out: &mut Vec<u8>| {
        let pixels = black_box(pixels);
        encoder
            .encode(lz::Kind::Rgb32, width, height, stride, true, pixels, out)
            .unwrap();
    };
    let mut stream = Vec::new();
    encode(&mut stream);
    let row = format!("lz decode {name}");
    table.row(&row, lz_decode, "", || {
        out.clear();
        timed(|| lz::decode(black_box(&stream), &limits, &mut out).unwrap())
    });
    let row = format!("lz encode {name}");
    table.row(&row, lz_encode, &bits(&stream, picture), || {
        out.clear();
        timed(|| encode(&mut out))
    });
}

/// How large a stream is.
fn bits(stream: &[u8], picture: &Picture) -> String {
    let pixels = (picture.width * picture.height) as f64;
    format!("{:.2} bits a pixel", stream.len() as f64 * 8.0 / pixels)
}
