//! VP9.

use std::borrow::Cow;

use rusty_vp9::{BitReader, Vp9Decoder};

use super::Picture;
use super::colour::{Colours, Matrix, Planes};
use crate::codec::Error;

/// The eight reference pictures and the probabilities.
#[derive(Default)]
pub(super) struct Decoder {
    decoder: Vp9Decoder,
    /// What the last key frame said of colours, if it did.
    colours: Option<Colours>,
}

/// What the first bits of a frame say.
struct Header {
    size: Option<(u32, u32)>,
    /// What its colour configuration says, if it has one and that says it.
    colours: Option<Option<Colours>>,
}

impl Decoder {
    /// Decodes one frame or superframe whose sizes were checked.
    pub fn decode(&mut self, data: &[u8], out: &mut Vec<Picture>) -> Result<(), Error> {
        for frame in frames(data) {
            let header = Header::read(frame).ok_or(Error::Truncated)?;
            if let Some(colours) = header.colours {
                self.colours = colours;
            }
        }
        let backend = |error| Error::Backend(format!("damaged VP9 frame: {error}"));
        self.decoder.push(data, None).map_err(backend)?;
        // One answer for each of them, and one that says that there are no more.
        for _ in 0..=frames(data).count() {
            match self.decoder.next_frame() {
                Ok(frame) => out.push(self.picture(&frame)?),
                Err(rusty_vp9::Error::Again | rusty_vp9::Error::Eof) => {}
                Err(error) => return Err(backend(error)),
            }
        }
        Ok(())
    }

    fn picture(&self, frame: &rusty_vp9::DecodedFrame) -> Result<Picture, Error> {
        let [y, u, v] = frame.planes.as_slice() else {
            return Err(Error::GaveUp);
        };
        let [y, u, v] = [y, u, v].map(|plane| to_eight_bits(plane, frame.bit_depth));
        let samples = frame.bit_depth.div_ceil(8).max(1) as usize;
        let stride = |plane: usize| frame.strides.get(plane).map(|stride| stride / samples);
        let planes = Planes {
            size: (frame.width, frame.height),
            planes: [&y, &u, &v],
            strides: [
                stride(0).ok_or(Error::GaveUp)?,
                stride(1).ok_or(Error::GaveUp)?,
                stride(2).ok_or(Error::GaveUp)?,
            ],
            halved: (frame.subsampling_x == 1, frame.subsampling_y == 1),
            colours: self.colours.unwrap_or(Colours::by_height(frame.height)),
        };
        planes.to_picture()
    }
}

/// The largest picture among the frames of a message. Frames that are as large as an earlier one do not say.
pub(super) fn size(data: &[u8]) -> Result<Option<(u32, u32)>, Error> {
    let mut largest: Option<(u32, u32)> = None;
    for frame in frames(data) {
        let Some((width, height)) = Header::read(frame).ok_or(Error::Truncated)?.size else {
            continue;
        };
        let (w, h) = largest.unwrap_or((0, 0));
        largest = Some((w.max(width), h.max(height)));
    }
    Ok(largest)
}

/// The frames of a superframe, or the one frame there is. The index at the end says how long each is.
fn frames(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    // An index whose first frame is longer than everything is none, the decoder thinks.
    let index = superframe_index(data).filter(|(lens, bytes)| {
        let first = lens.chunks_exact(*bytes).next();
        first.is_some_and(|len| length(len) <= data.len())
    });
    let whole = index.is_none().then_some(data);
    let (lens, bytes) = index.unwrap_or((&[], 1));
    let mut rest = data;
    let parts = lens.chunks_exact(bytes).filter_map(move |len| {
        let (frame, after) = rest.split_at_checked(length(len))?;
        rest = after;
        Some(frame)
    });
    whole.into_iter().chain(parts)
}

/// Little-endian, of one to four bytes.
fn length(bytes: &[u8]) -> usize {
    let sum = bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    usize::try_from(sum).unwrap_or(usize::MAX)
}

/// The lengths in the index of a superframe, and how many bytes each has.
fn superframe_index(data: &[u8]) -> Option<(&[u8], usize)> {
    let marker = *data.last().filter(|marker| **marker & 0xe0 == 0xc0)?;
    let (frames, bytes) = (
        usize::from(marker & 7) + 1,
        usize::from(marker >> 3 & 3) + 1,
    );
    let lens = frames * bytes;
    let start = data.len().checked_sub(lens + 2)?;
    (data[start] == marker).then(|| (&data[start + 1..start + 1 + lens], bytes))
}

impl Header {
    /// Reads as far as the size; `None` when the frame is too short to have what it announces.
    fn read(frame: &[u8]) -> Option<Self> {
        let mut header = Self {
            size: None,
            colours: None,
        };
        let mut r = BitReader::new(frame);
        let mut bits = |n| r.f(n).ok();
        let _marker = bits(2)?;
        let profile = bits(1)? | bits(1)? << 1;
        if profile == 3 {
            bits(1)?;
        }
        // A picture that is there already.
        if bits(1)? == 1 {
            return Some(header);
        }
        let is_inter = bits(1)? == 1;
        let (is_shown, resilient) = (bits(1)? == 1, bits(1)? == 1);
        let intra_only = is_inter && !is_shown && bits(1)? == 1;
        if is_inter && !resilient {
            bits(2)?;
        }
        if !is_inter || intra_only {
            bits(24)?;
            if !is_inter || profile > 0 {
                header.colours = Some(colours(profile, &mut bits)?);
            }
            if intra_only {
                bits(8)?;
            }
        } else {
            // Which pictures are replaced, which are referred to; then whether one of those has the size.
            bits(8 + 3 * 4)?;
            if bits(1)? == 1 || bits(1)? == 1 || bits(1)? == 1 {
                return Some(header);
            }
        }
        header.size = Some((bits(16)? + 1, bits(16)? + 1));
        Some(header)
    }
}

/// Reads the colour configuration; the inner `None` when it leaves open what samples mean.
fn colours(profile: u32, bits: &mut impl FnMut(u32) -> Option<u32>) -> Option<Option<Colours>> {
    if profile >= 2 {
        bits(1)?;
    }
    const RGB: u32 = 7;
    let space = bits(3)?;
    let mut full_range = true;
    if space != RGB {
        full_range = bits(1)? == 1;
        if profile & 1 == 1 {
            bits(3)?;
        }
    } else if profile & 1 == 1 {
        bits(1)?;
    }
    let matrix = match space {
        1 | 3 => Matrix::Bt601,
        2 | 4 => Matrix::Bt709,
        5 => Matrix::Bt2020,
        _ => return Some(None),
    };
    Some(Some(Colours { matrix, full_range }))
}

/// Samples of more bits are little-endian words.
fn to_eight_bits(plane: &[u8], bit_depth: u32) -> Cow<'_, [u8]> {
    match bit_depth {
        0..=8 => Cow::Borrowed(plane),
        _ => plane
            .as_chunks()
            .0
            .iter()
            .map(|word| (u16::from_le_bytes(*word) >> (bit_depth - 8).min(8)) as u8)
            .collect(),
    }
}
