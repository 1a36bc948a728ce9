//! GLZ streams written by hand.

use std::fmt::Write as _;

use capsaicin::codec::glz::{self, Window};
use capsaicin::codec::{Error, Limits};

/// A GLZ stream of one row.
pub fn stream_of(kind: u8, id: u64, head_distance: u32, width: u32, tokens: &str) -> Vec<u8> {
    let mut data = hex("20205a4c 00010001");
    data.push(kind);
    for field in [
        width,
        1,
        4 * width,
        (id >> 32) as u32,
        id as u32,
        head_distance,
    ] {
        data.extend_from_slice(&field.to_be_bytes());
    }
    data.extend_from_slice(&hex(tokens));
    data
}

pub fn stream(id: u64, head_distance: u32, width: u32, tokens: &str) -> Vec<u8> {
    stream_of(0x18, id, head_distance, width, tokens)
}

pub fn literal_stream(id: u64, width: u32, pixels: &[[u8; 4]]) -> Vec<u8> {
    let mut data = stream(id, id as u32, width, "");
    for run in pixels.chunks(32) {
        data.push(run.len() as u8 - 1);
        data.extend(run.iter().flat_map(|pixel| &pixel[..3]));
    }
    data
}

/// Literals 0,0,0 · 1,1,1 · 2,2,2 …
pub fn counted_literals(count: u8) -> String {
    let mut text = format!("{:02x}", count - 1);
    for value in 0..count {
        write!(text, "{value:02x}{value:02x}{value:02x}").unwrap();
    }
    text
}

/// Decodes a row of RGB32 that may refer to everything before it.
pub fn decode_row(
    id: u64,
    width: u32,
    tokens: &str,
    window: &mut Window,
) -> Result<(glz::Header, glz::Pixels), Error> {
    let data = stream(id, id.min(500) as u32, width, tokens);
    glz::decode_shared(&data, &Limits::default(), window)
}

/// Decodes an image of one literal pixel.
pub fn decode_pixel(id: u64, head_distance: u64, window: &mut Window) -> Result<(), Error> {
    let data = stream(id, head_distance as u32, 1, "00 01 02 03");
    glz::decode_shared(&data, &Limits::default(), window).map(|_| ())
}

/// The two images the description of the format ends with.
pub fn worked_pair() -> [Vec<u8>; 2] {
    let mut first =
        hex("20205a4c 00010001 18 00000010 00000001 00000040 0000000000000000 00000000 0f");
    first.extend((0..16).flat_map(|i| [0x10 + i, 0x20 + i, 0x30 + i]));
    let second = hex(
        "20205a4c 00010001 18 00000010 00000001 00000040 0000000000000001 00000001
         01 132333 142434  e5 04 00 01  02 102030 112131 122232",
    );
    [first, second]
}

pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).unwrap() as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}
