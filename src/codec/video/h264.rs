//! H.264.

use super::Picture;
use super::colour::{Colours, Matrix, Planes};
use super::nal::{self, Bits};
use super::reorder::Reorder;
use crate::codec::Error;

/// The reference pictures, and the pictures that are to be shown later.
#[derive(Default)]
pub(super) struct Decoder {
    decoder: rusty_h264_decoder::Decoder,
    reorder: Reorder<Picture>,
    /// What the last sequence parameter set said of colours, if it did.
    colours: Option<Colours>,
}

/// Kinds of NAL unit.
const IDR_SLICE: u8 = 5;
const SEQUENCE_PARAMETERS: u8 = 7;

impl Decoder {
    /// Decodes what one message carries; the size was checked.
    pub fn decode(&mut self, data: &[u8], out: &mut Vec<Picture>) -> Result<(), Error> {
        let mut unit_with_code = Vec::new();
        for unit in nal::units(data) {
            if kind(unit) == Some(SEQUENCE_PARAMETERS)
                && let Some(sequence) = Sequence::read(unit)
            {
                self.colours = sequence.colours;
                if let Some(depth) = sequence.reordered {
                    self.reorder.set_depth(depth);
                }
            }
            // One at a time: of several pictures in one piece the decoder would give only the last.
            unit_with_code.clear();
            unit_with_code.extend([0, 0, 1]);
            unit_with_code.extend(unit);
            let frame = self.decoder.decode(&unit_with_code);
            let frame =
                frame.map_err(|error| Error::Backend(format!("damaged H.264 unit: {error}")))?;
            let Some(frame) = frame else { continue };
            if kind(unit) == Some(IDR_SLICE) {
                self.reorder.restart(out);
            }
            let (width, height) = (frame.width as u32, frame.height as u32);
            let planes = Planes {
                size: (width, height),
                planes: [&frame.y, &frame.u, &frame.v],
                strides: [frame.width, frame.width / 2, frame.width / 2],
                halved: (true, true),
                colours: self.colours.unwrap_or(Colours::by_height(height)),
            };
            let picture = planes.to_picture()?;
            self.reorder.push(self.decoder.last_poc(), picture, out);
        }
        Ok(())
    }
}

/// The largest coded size among the sequence parameter sets of a message.
pub(super) fn size(data: &[u8]) -> Result<Option<(u32, u32)>, Error> {
    let mut largest: Option<(u32, u32)> = None;
    for unit in nal::units(data).filter(|unit| kind(unit) == Some(SEQUENCE_PARAMETERS)) {
        let sequence = Sequence::read(unit).ok_or(Error::Truncated)?;
        let (width, height) = sequence.size;
        let (w, h) = largest.unwrap_or((0, 0));
        largest = Some((w.max(width), h.max(height)));
    }
    Ok(largest)
}

fn kind(unit: &[u8]) -> Option<u8> {
    unit.first().map(|byte| byte & 31)
}

/// What a sequence parameter set says, as far as it matters here.
struct Sequence {
    /// In whole macroblocks, before cropping.
    size: (u32, u32),
    colours: Option<Colours>,
    /// How many pictures may come before one that is shown earlier.
    reordered: Option<u32>,
}

impl Sequence {
    /// Reads a unit; `None` when it ends before the size, or the size is absurd.
    fn read(unit: &[u8]) -> Option<Self> {
        let mut bits = Bits::new(unit.get(1..)?);
        let profile = bits.number(8)?;
        bits.skip(16)?;
        bits.golomb()?;
        if matches!(
            profile,
            44 | 83 | 86 | 100 | 110 | 118 | 122 | 128 | 134 | 135 | 138 | 139 | 244
        ) {
            skip_high_profile(&mut bits)?;
        }
        // Bits of frame numbers, then how the order of pictures is told.
        bits.golomb()?;
        let order_type = bits.golomb()?;
        match order_type {
            0 => drop(bits.golomb()?),
            1 => {
                bits.skip(1)?;
                bits.signed_golomb()?;
                bits.signed_golomb()?;
                let cycle = bits.golomb()?.min(255);
                (0..cycle).try_for_each(|_| bits.signed_golomb().map(drop))?;
            }
            _ => {}
        }
        bits.golomb()?;
        bits.skip(1)?;
        let columns = bits.golomb()?.checked_add(1)?.checked_mul(16)?;
        let rows = bits.golomb()?.checked_add(1)?.checked_mul(16)?;
        let whole_frames = bits.flag()?;
        let rows = if whole_frames {
            rows
        } else {
            rows.checked_mul(2)?
        };
        // Baseline pictures, and those whose order is that of decoding, are never out of order.
        let in_order = profile == 66 || order_type == 2;
        let mut sequence = Self {
            size: (columns, rows),
            colours: None,
            reordered: in_order.then_some(0),
        };
        sequence.read_usability(&mut bits, whole_frames);
        Some(sequence)
    }

    /// Reads what follows the size. It may be left out, and end anywhere.
    fn read_usability(&mut self, bits: &mut Bits<'_>, whole_frames: bool) -> Option<()> {
        bits.skip(if whole_frames { 1 } else { 2 })?;
        if bits.flag()? {
            // Cropping.
            (0..4).try_for_each(|_| bits.golomb().map(drop))?;
        }
        if !bits.flag()? {
            return None;
        }
        const CUSTOM_ASPECT: u32 = 255;
        if bits.flag()? && bits.number(8)? == CUSTOM_ASPECT {
            bits.skip(32)?;
        }
        if bits.flag()? {
            bits.skip(1)?;
        }
        if bits.flag()? {
            bits.skip(3)?;
            let full_range = bits.flag()?;
            let matrix = match bits.flag()? {
                true => bits.number(24)? & 0xff,
                false => 2,
            };
            self.colours = colours(matrix, full_range, self.size.1);
        }
        if bits.flag()? {
            // Where chroma lies.
            bits.golomb()?;
            bits.golomb()?;
        }
        if bits.flag()? {
            // How long a frame lasts.
            bits.skip(65)?;
        }
        let (nal_buffer, vcl_buffer) = (skip_buffer(bits)?, skip_buffer(bits)?);
        bits.skip(if nal_buffer || vcl_buffer { 2 } else { 1 })?;
        if bits.flag()? {
            bits.skip(1)?;
            (0..4).try_for_each(|_| bits.golomb().map(drop))?;
            self.reordered = Some(bits.golomb()?);
        }
        Some(())
    }
}

/// What samples mean by the number of their matrix (ITU-T H.273); unspecified ones with a known range are those of streams
/// that say nothing.
fn colours(matrix: u32, full_range: bool, height: u32) -> Option<Colours> {
    let matrix = match matrix {
        1 => Matrix::Bt709,
        4..=7 => Matrix::Bt601,
        9 | 10 => Matrix::Bt2020,
        _ => Colours::by_height(height).matrix,
    };
    Some(Colours { matrix, full_range })
}

/// Passes over what only High profiles have: chroma format, bits per sample, scaling lists.
fn skip_high_profile(bits: &mut Bits<'_>) -> Option<()> {
    let chroma_format = bits.golomb()?;
    if chroma_format == 3 {
        bits.skip(1)?;
    }
    bits.golomb()?;
    bits.golomb()?;
    bits.skip(1)?;
    if bits.flag()? {
        for list in 0..if chroma_format == 3 { 12 } else { 8 } {
            if bits.flag()? {
                skip_scaling_list(bits, if list < 6 { 16 } else { 64 })?;
            }
        }
    }
    Some(())
}

fn skip_scaling_list(bits: &mut Bits<'_>, len: u32) -> Option<()> {
    let (mut last, mut next) = (8_i32, 8_i32);
    for _ in 0..len {
        if next != 0 {
            next = last.wrapping_add(bits.signed_golomb()?) & 0xff;
        }
        last = if next == 0 { last } else { next };
    }
    Some(())
}

/// Passes over the parameters of a decoding buffer; whether there are any.
fn skip_buffer(bits: &mut Bits<'_>) -> Option<bool> {
    if !bits.flag()? {
        return Some(false);
    }
    let rates = bits.golomb()?.min(31);
    bits.skip(8)?;
    for _ in 0..=rates {
        bits.golomb()?;
        bits.golomb()?;
        bits.skip(1)?;
    }
    bits.skip(20)?;
    Some(true)
}
