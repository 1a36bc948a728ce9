//! A picture among lines of text: it begins at the cursor's line and scrolls away with the text.

use super::{Encoder, Limits, parts, quantiser};
use crate::geometry::Size;
use crate::pixels::PixelView;

/// Appends a picture that begins where the cursor is, at the beginning of a line; the cursor is at the beginning of the line
/// below it afterwards.
///
/// The picture is bytes B, G, R, X. It must be lower than the terminal by a cell or more: its lines are made first, so that no
/// image scrolls the terminal, which each terminal does in its own way. Nothing for cells without a size.
pub fn still(picture: PixelView<'_>, limits: Limits, cell: Size, out: &mut Vec<u8>) {
    if picture.size.is_empty() || cell.is_empty() || picture.format.bytes() != 4 {
        return;
    }
    let rows = picture.size.height.div_ceil(cell.height);
    out.resize(out.len() + rows as usize, b'\n');
    out.extend(format!("\r\x1b[{rows}A").bytes());
    let whole = picture.size.to_rect();
    let mut quantiser = quantiser(limits.colours.clamp(2, 256));
    quantiser.fit(picture, whole);
    let (mut indices, mut encoder) = (Vec::new(), Encoder::default());
    for part in parts(whole, limits.image, cell) {
        quantiser.map_part(picture, part, &mut indices);
        // No command goes no lines or columns: a zero counts as one.
        out.extend_from_slice(b"\x1b7");
        match part.top as u32 / cell.height {
            0 => {}
            down => out.extend(format!("\x1b[{down}B").bytes()),
        }
        match part.left as u32 / cell.width {
            0 => {}
            right => out.extend(format!("\x1b[{right}C").bytes()),
        }
        encoder.encode(&indices, part.size(), quantiser.palette(), out);
        out.extend_from_slice(b"\x1b8");
    }
    out.extend(format!("\x1b[{rows}B\r").bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::{PixelBuf, PixelFormat};

    const CELL: Size = Size::new(10, 20);

    /// What a picture of 100×50 pixels is, its images left out.
    fn around_images(image: Size) -> String {
        let picture = PixelBuf::new(PixelFormat::Xrgb, Size::new(100, 50));
        let limits = Limits {
            image,
            ..Limits::default()
        };
        let mut out = Vec::new();
        still(picture.view(), limits, CELL, &mut out);
        let text = String::from_utf8(out).unwrap();
        let mut parts = text.split("\x1bP0;1q");
        let mut around = parts.next().unwrap().to_owned();
        for part in parts {
            let (image, rest) = part.split_once("\x1b\\").unwrap();
            assert!(image.starts_with("\"1;1;"), "{image}");
            around += &format!("<{}>{rest}", &image[5..image.find('#').unwrap()]);
        }
        around
    }

    #[test]
    fn its_lines_are_made_first_and_the_cursor_is_below_it_afterwards() {
        let around = around_images(Size::new(1000, 1000));
        assert_eq!(around, "\n\n\n\r\x1b[3A\x1b7<100;50>\x1b8\x1b[3B\r");
    }

    #[test]
    fn what_is_too_large_for_an_image_is_several() {
        let around = around_images(Size::new(65, 40));
        let images = "\x1b7<60;40>\x1b8\x1b7\x1b[6C<40;40>\x1b8\
                      \x1b7\x1b[2B<60;10>\x1b8\x1b7\x1b[2B\x1b[6C<40;10>\x1b8";
        assert_eq!(around, format!("\n\n\n\r\x1b[3A{images}\x1b[3B\r"));
    }
}
