//! MJPEG: every frame a JPEG file. The feature `mjpeg` brings a decoder nearly twice as fast as the one for stills.

use super::Picture;
use crate::codec::{Error, Limits, jpeg};

/// Keeps nothing: the frames know nothing of each other.
pub(super) struct Decoder;

impl Decoder {
    /// Decodes one file whose size was checked.
    pub fn decode(&mut self, data: &[u8], out: &mut Vec<Picture>) -> Result<(), Error> {
        jpeg::check_scans(data)?;
        out.push(picture(data)?);
        Ok(())
    }
}

#[cfg(feature = "mjpeg")]
fn picture(data: &[u8]) -> Result<Picture, Error> {
    use zune_core::bytestream::ZCursor;
    use zune_core::colorspace::ColorSpace;
    use zune_core::options::DecoderOptions;

    let side = Picture::MAX_SIDE as usize;
    let options = DecoderOptions::default()
        .set_max_width(side)
        .set_max_height(side)
        .jpeg_set_out_colorspace(ColorSpace::BGRA);
    let mut decoder = zune_jpeg::JpegDecoder::new_with_options(ZCursor::new(data), options);
    let backend = |error| Error::Backend(format!("damaged JPEG file: {error}"));
    decoder.decode_headers().map_err(backend)?;
    // It cannot turn grey into four bytes a pixel.
    if decoder.input_colorspace() != Some(ColorSpace::YCbCr) {
        return still(data);
    }
    let info = decoder.info().ok_or(Error::Truncated)?;
    let (width, height) = (u32::from(info.width), u32::from(info.height));
    // It finds the size in the same marker, and must not find another one.
    Limits {
        announced: Some(size(data)?),
        ..Limits::default()
    }
    .check(width, height)?;
    let pixels = decoder.decode().map_err(backend)?;
    if pixels.len() as u64 != u64::from(width) * u64::from(height) * 4 {
        return Err(Error::BadHeader("a JPEG file of an unusual colour space"));
    }
    Ok(Picture {
        width,
        height,
        pixels,
    })
}

#[cfg(not(feature = "mjpeg"))]
fn picture(data: &[u8]) -> Result<Picture, Error> {
    still(data)
}

/// Decodes with the decoder of stills.
fn still(data: &[u8]) -> Result<Picture, Error> {
    let mut pixels = Vec::new();
    let header = jpeg::decode(data, &Limits::default(), &mut pixels)?;
    Ok(Picture {
        width: header.width,
        height: header.height,
        pixels,
    })
}

/// Width and height as the frame header says.
pub(super) fn size(data: &[u8]) -> Result<(u32, u32), Error> {
    let mut rest = data.get(2..).unwrap_or(&[]);
    if !data.starts_with(&[0xff, 0xd8]) {
        return Err(Error::BadHeader("not a JPEG file"));
    }
    loop {
        let [0xff, marker, after @ ..] = rest else {
            return Err(match rest.len() {
                0 | 1 => Error::Truncated,
                _ => Error::BadHeader("a JPEG marker is missing"),
            });
        };
        match marker {
            // Fill bytes, and markers that stand alone.
            0xff => rest = &rest[1..],
            0x01 | 0xd0..=0xd8 => rest = after,
            0xd9 | 0xda => return Err(Error::BadHeader("a JPEG file without a frame header")),
            _ => {
                let &[high, low, ..] = after else {
                    return Err(Error::Truncated);
                };
                let segment = after
                    .get(..usize::from(u16::from_be_bytes([high, low])))
                    .ok_or(Error::Truncated)?;
                // Frame headers, apart from DHT, JPG and DAC among them.
                if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
                    let &[_, _, _, h1, h0, w1, w0, ..] = segment else {
                        return Err(Error::Truncated);
                    };
                    let side = |high, low| u32::from(u16::from_be_bytes([high, low]));
                    return Ok((side(w1, w0), side(h1, h0)));
                }
                rest = &after[segment.len().max(2)..];
            }
        }
    }
}
