//! VP8.

use oxideav_vp8::Vp8DecoderState;

use super::Picture;
use super::colour::Planes;
use crate::codec::Error;

/// The three reference pictures and the probabilities.
#[derive(Default)]
pub(super) struct Decoder(Vp8DecoderState);

impl Decoder {
    /// Decodes one frame whose size was checked.
    pub fn decode(&mut self, data: &[u8], out: &mut Vec<Picture>) -> Result<(), Error> {
        let frame = self
            .0
            .decode_frame(data)
            .map_err(|error| Error::Backend(format!("damaged VP8 frame: {error}")))?;
        // Frames that are only referred to come out all the same.
        if self.0.last_frame_shown() == Some(false) {
            return Ok(());
        }
        let chroma = frame.width.div_ceil(2) as usize;
        let planes = Planes {
            size: (frame.width, frame.height),
            planes: [&frame.y, &frame.u, &frame.v],
            strides: [frame.width as usize, chroma, chroma],
            halved: (true, true),
            colours: super::colour::Colours::by_height(frame.height),
        };
        out.push(planes.to_picture()?);
        Ok(())
    }
}

/// Width and height, which only key frames have: 14 bits each after a tag of three bytes and a start code.
pub(super) fn size(data: &[u8]) -> Option<(u32, u32)> {
    let &[tag, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..] = data else {
        return None;
    };
    let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    (tag & 1 == 0).then(|| (side(w0, w1), side(h0, h1)))
}
