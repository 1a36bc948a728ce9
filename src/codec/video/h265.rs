//! H.265. Held against clips coded by ffmpeg only, never against a live server.

use std::borrow::Cow;

use rust_h265::{DecodeLimits, PixelData, parse_annex_b};

use super::Picture;
use super::colour::{Colours, Planes};
use super::nal::{self, Bits};
use crate::codec::{Error, Limits};

/// The reference pictures, and the pictures that are to be shown later.
pub(super) struct Decoder(rust_h265::Decoder);

impl Default for Decoder {
    fn default() -> Self {
        let limits = DecodeLimits {
            max_picture_pixels: Limits::default().max_pixels,
            max_picture_memory_bytes: 512 << 20,
        };
        Self(rust_h265::Decoder::with_limits(limits).with_display_order())
    }
}

/// An access unit delimiter. A picture is known to be complete when the next one begins; this is the shortest thing that
/// says so, and without it everything would come one message late.
const END_OF_PICTURE: [u8; 7] = [0, 0, 0, 1, 0x46, 0x01, 0x50];

const SEQUENCE_PARAMETERS: u8 = 33;

impl Decoder {
    /// Decodes what one message carries; the size was checked.
    pub fn decode(&mut self, data: &[u8], out: &mut Vec<Picture>) -> Result<(), Error> {
        let units = parse_annex_b(data);
        for unit in units.iter().chain(&parse_annex_b(&END_OF_PICTURE)) {
            let result = self.0.decode_nal(unit);
            result.map_err(|error| Error::Backend(format!("damaged H.265 unit: {error}")))?;
            while let Some(frame) = self.0.next_output() {
                out.push(picture(&frame)?);
            }
        }
        Ok(())
    }
}

fn picture(frame: &rust_h265::Frame) -> Result<Picture, Error> {
    let (halved_columns, halved_rows) = match frame.chroma_format_idc {
        1 => (true, true),
        2 => (true, false),
        3 => (false, false),
        _ => return Err(Error::BadHeader("H.265 without colours")),
    };
    let chroma = match halved_columns {
        true => frame.width.div_ceil(2) as usize,
        false => frame.width as usize,
    };
    let [y, u, v] =
        [&frame.y, &frame.u, &frame.v].map(|plane| to_eight_bits(plane, frame.bit_depth));
    let planes = Planes {
        size: (frame.width, frame.height),
        planes: [&y, &u, &v],
        strides: [frame.width as usize, chroma, chroma],
        halved: (halved_columns, halved_rows),
        colours: Colours::by_height(frame.height),
    };
    planes.to_picture()
}

fn to_eight_bits(plane: &PixelData, bit_depth: u8) -> Cow<'_, [u8]> {
    match (plane.as_u8(), plane.as_u16()) {
        (Some(plane), _) => Cow::Borrowed(plane),
        (None, words) => words
            .unwrap_or(&[])
            .iter()
            .map(|word| (word >> bit_depth.saturating_sub(8).min(15)) as u8)
            .collect(),
    }
}

/// The largest coded size among the sequence parameter sets of a message.
pub(super) fn size(data: &[u8]) -> Result<Option<(u32, u32)>, Error> {
    let is_sequence = |unit: &&[u8]| {
        unit.first()
            .is_some_and(|b| b >> 1 & 63 == SEQUENCE_PARAMETERS)
    };
    let mut largest: Option<(u32, u32)> = None;
    for unit in nal::units(data).filter(is_sequence) {
        let (width, height) = sequence_size(unit).ok_or(Error::Truncated)?;
        let (w, h) = largest.unwrap_or((0, 0));
        largest = Some((w.max(width), h.max(height)));
    }
    Ok(largest)
}

/// The size in a sequence parameter set, before cropping.
fn sequence_size(unit: &[u8]) -> Option<(u32, u32)> {
    let mut bits = Bits::new(unit.get(2..)?);
    bits.skip(4)?;
    let layers = bits.number(3)?;
    // Whether layers nest; then profile and level of the whole, and which of both each layer has.
    bits.skip(1 + 88 + 8)?;
    let mut layer_bits = 0;
    for _ in 0..layers {
        layer_bits += if bits.flag()? { 88 } else { 0 };
        layer_bits += if bits.flag()? { 8 } else { 0 };
    }
    if layers > 0 {
        bits.skip(2 * (8 - layers))?;
    }
    bits.skip(layer_bits)?;
    bits.golomb()?;
    const FULL_CHROMA: u32 = 3;
    if bits.golomb()? == FULL_CHROMA {
        bits.skip(1)?;
    }
    Some((bits.golomb()?, bits.golomb()?))
}
