//! Message layouts: bytes from the protocol description and from real sessions ↔ values.

use capsaicin::channel::Message;
use capsaicin::channel::display::draw::{Brush, Clip};
use capsaicin::channel::display::image::{ImageData, PaletteRef};
use capsaicin::channel::display::messages::ServerMessage as Display;
use capsaicin::geometry::Rect;

/// Bytes from hexadecimal digits; everything after `|` on a line is a remark.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .lines()
        .flat_map(|line| line.split('|').next().unwrap_or_default().bytes())
        .filter(u8::is_ascii_hexdigit)
        .collect();
    digits
        .chunks(2)
        .map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap())
        .collect()
}

/// The 21 bytes every example of the protocol description begins with, for the box x 1–2, y 1–2.
const BASE: &str = "00000000 01000000 01000000 03000000 03000000 00";
const NO_MASK: &str = "00 00000000 00000000 00000000";

#[test]
fn the_fill_of_the_protocol_description_reads_and_writes() {
    let body = hex(&format!(
        "00000000 01000000 01000000 03000000 05000000 00 01 0080ff00 0800 {NO_MASK}"
    ));
    let message = Display::decode(302, &body).unwrap();
    let Display::DrawFill(fill) = &message else {
        panic!("{message:?}")
    };
    assert_eq!(fill.base.bbox, Rect::new(1, 1, 5, 3));
    assert_eq!(fill.brush, Brush::Solid(0x00ff_8000));
    assert_eq!(fill.base.clip, Clip::None);
    assert_eq!(message.to_frame().body, body);
}

#[test]
fn the_palette_copy_of_the_protocol_description_reads_and_writes() {
    let body = hex(&format!(
        "{BASE} 39000000 00000000 00000000 02000000 04000000 0800 01 {NO_MASK}
         0000000000000000 00 00 04000000 02000000  | image header
         05 04 04000000 02000000 04000000 65000000 | 8BIT, TOP_DOWN, stride 4, palette
         00010201 02020000                         | indices
         8877665544332211 0300 11111100 22222200 33333300"
    ));
    assert_eq!(body.len(), 123);
    let message = Display::decode(304, &body).unwrap();
    let Display::DrawCopy(copy) = &message else {
        panic!("{message:?}")
    };
    let ImageData::Bitmap(bitmap) = &copy.src_bitmap.data else {
        panic!("{copy:?}")
    };
    let PaletteRef::Inline(palette) = bitmap.palette else {
        panic!("{bitmap:?}")
    };
    assert_eq!(palette.unique, 0x1122_3344_5566_7788);
    assert_eq!(
        palette.colors().collect::<Vec<_>>(),
        [0x11_1111, 0x22_2222, 0x33_3333]
    );
    assert_eq!(palette.color(3), 0, "beyond the last");
    assert_eq!(bitmap.rows, [0, 1, 2, 1, 2, 2, 0, 0]);
    assert_eq!(message.to_frame().body, body);
}
