//! PNG files of one compressed piece: indexed, or red, green and blue.

use super::deflate::{Deflate, Effort};
use crate::geometry::Size;

/// The colour types used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colours<'a> {
    /// Eight bits a dot, an entry of these bytes R, G, B; at most 256 of them.
    Indexed(&'a [[u8; 3]]),
    /// Bytes R, G, B a dot.
    Rgb,
}

/// Replaces `out` by a file. `rows` holds a filter's number and the filtered bytes for each row.
pub(super) fn write(
    size: Size,
    colours: Colours<'_>,
    rows: &[u8],
    deflate: &mut Deflate,
    effort: Effort,
    out: &mut Vec<u8>,
) {
    out.clear();
    out.extend_from_slice(b"\x89PNG\r\n\x1a\n");
    let kind = match colours {
        Colours::Indexed(_) => 3,
        Colours::Rgb => 2,
    };
    chunk(b"IHDR", out, |out| {
        out.extend_from_slice(&size.width.to_be_bytes());
        out.extend_from_slice(&size.height.to_be_bytes());
        out.extend_from_slice(&[8, kind, 0, 0, 0]);
    });
    if let Colours::Indexed(palette) = colours {
        chunk(b"PLTE", out, |out| {
            out.extend_from_slice(palette.as_flattened());
        });
    }
    chunk(b"IDAT", out, |out| deflate.zlib(rows, effort, out));
    chunk(b"IEND", out, |_| ());
}

/// Length, name, what `body` appends, check sum.
fn chunk(name: &[u8; 4], out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(name);
    body(out);
    // No chunk here is larger than a picture.
    let length = (out.len() - start - 8) as u32;
    out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    let mut crc = flate2::Crc::new();
    crc.update(&out[start + 4..]);
    out.extend_from_slice(&crc.sum().to_be_bytes());
}

/// Replaces `out` by rows of bytes R, G, B filtered by what makes their bytes smallest, each with the filter's number.
///
/// `size` has at least one column.
pub(super) fn filter(rgb: &[u8], size: Size, out: &mut Vec<u8>) {
    let stride = size.width as usize * 3;
    out.clear();
    let above_first = vec![0; stride];
    let mut above = &above_first[..];
    let mut candidates: [Vec<u8>; 3] = Default::default();
    for row in rgb.chunks_exact(stride) {
        let left = |at: usize| if at < 3 { 0 } else { row[at - 3] };
        let corner = |at: usize| if at < 3 { 0 } else { above[at - 3] };
        candidates.iter_mut().for_each(Vec::clear);
        let [sub, up, paeth] = &mut candidates;
        sub.extend((0..stride).map(|at| row[at].wrapping_sub(left(at))));
        up.extend(
            row.iter()
                .zip(above)
                .map(|(byte, above)| byte.wrapping_sub(*above)),
        );
        paeth.extend(
            (0..stride).map(|at| row[at].wrapping_sub(predicted(left(at), above[at], corner(at)))),
        );
        let sizes = |bytes: &[u8]| -> u64 {
            bytes
                .iter()
                .map(|byte| u64::from((*byte as i8).unsigned_abs()))
                .sum()
        };
        let numbered = [(1, &*sub), (2, &*up), (4, &*paeth)];
        let best = numbered.into_iter().min_by_key(|(_, bytes)| sizes(bytes));
        if let Some((number, bytes)) = best {
            out.push(number);
            out.extend_from_slice(bytes);
        }
        above = row;
    }
}

/// The neighbour that is nearest to left + above - corner.
fn predicted(left: u8, above: u8, corner: u8) -> u8 {
    let [a, b, c] = [left, above, corner].map(i16::from);
    let (to_a, to_b, to_c) = ((b - c).abs(), (a - c).abs(), (a + b - 2 * c).abs());
    if to_a <= to_b && to_a <= to_c {
        left
    } else if to_b <= to_c {
        above
    } else {
        corner
    }
}
