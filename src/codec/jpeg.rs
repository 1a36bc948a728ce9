//! JPEG stills.
//!
//! Senders write baseline JFIF files with 4:2:0 chroma; anything a common encoder makes is accepted, except 12 bits,
//! CMYK, and arithmetic or lossless coding.

use jpeg_decoder::{CodingProcess, Decoder, PixelFormat};

use super::{Error, Limits};

/// What a JPEG file says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Pixels of one row.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// Decodes one JPEG file.
///
/// Appends `width × height` pixels to `out`, bytes B, G, R and 0, the top row first, without padding. Gray is three equal
/// components. Bytes after the end of the file are ignored.
///
/// # Errors
///
/// Those of [`Limits::check`], before anything is allocated; [`Error::BadHeader`] for a file of a kind that is not
/// accepted; [`Error::Backend`] for what the decoder says about damage. `out` is then as it was.
pub fn decode(data: &[u8], limits: &Limits, out: &mut Vec<u8>) -> Result<Header, Error> {
    check_scans(data)?;
    let mut decoder = Decoder::new(data);
    decoder.read_info().map_err(backend)?;
    let info = decoder.info().ok_or(Error::Truncated)?;
    let header = Header {
        width: info.width.into(),
        height: info.height.into(),
    };
    limits.check(header.width, header.height)?;
    if info.coding_process == CodingProcess::Lossless {
        return Err(Error::BadHeader("a lossless JPEG file"));
    }
    match info.pixel_format {
        PixelFormat::RGB24 => {
            let pixels = decoder.decode().map_err(backend)?;
            let (pixels, _) = pixels.as_chunks();
            out.extend(pixels.iter().flat_map(|&[r, g, b]| [b, g, r, 0]));
        }
        PixelFormat::L8 => {
            let pixels = decoder.decode().map_err(backend)?;
            out.extend(pixels.iter().flat_map(|&gray| [gray, gray, gray, 0]));
        }
        PixelFormat::L16 | PixelFormat::CMYK32 => {
            return Err(Error::BadHeader(
                "a JPEG file of 16 bits or with four components",
            ));
        }
    }
    Ok(header)
}

/// Refuses files of very many scans: each makes a decoder visit the whole picture, however short it is.
pub(super) fn check_scans(data: &[u8]) -> Result<(), Error> {
    // In a scan 0xff is never followed by a marker's number, so this counts the scans and little else.
    let scans = data.windows(2).filter(|pair| *pair == [0xff, 0xda]).count();
    match scans > MOST_SCANS {
        true => Err(Error::BadHeader("a JPEG file of very many scans")),
        false => Ok(()),
    }
}

fn backend(error: jpeg_decoder::Error) -> Error {
    Error::Backend(format!("damaged JPEG file: {error}"))
}

/// Common progressive files have ten scans.
const MOST_SCANS: usize = 100;
