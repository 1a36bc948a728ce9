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
    if !data.starts_with(&START_OF_IMAGE) {
        return Err(Error::BadHeader("not a JPEG file"));
    }
    // All numbers from 0xc0 to 0xcf but those of DHT, JPG and DAC.
    let is_frame = |marker| matches!(marker, 0xc0..=0xcf) && !matches!(marker, DHT | 0xc8 | 0xcc);
    let Some((_, header)) = segments(data).find(|(marker, _)| is_frame(*marker)) else {
        return Err(Error::BadHeader("a JPEG file without a frame header"));
    };
    let &[_, h1, h0, w1, w0, ..] = header else {
        return Err(Error::Truncated);
    };
    let side = |high, low| u32::from(u16::from_be_bytes([high, low]));
    Ok((side(w1, w0), side(h1, h0)))
}

/// The segments before the first scan: marker and what follows the length. Ends early where there is none.
fn segments(data: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = data.get(START_OF_IMAGE.len()..).unwrap_or(&[]);
    std::iter::from_fn(move || {
        loop {
            let [0xff, marker, after @ ..] = rest else {
                return None;
            };
            match marker {
                // A fill byte; markers that stand alone; the end of the image, and the first scan.
                0xff => rest = &rest[1..],
                0x01 | 0xd0..=0xd8 => rest = after,
                0xd9 | 0xda => return None,
                _ => {
                    let len = usize::from(u16::from_be_bytes(*after.first_chunk()?));
                    let body = after.get(2..len)?;
                    rest = &after[len..];
                    return Some((*marker, body));
                }
            }
        }
    })
}

const START_OF_IMAGE: [u8; 2] = [0xff, 0xd8];
const DHT: u8 = 0xc4;
const DQT: u8 = 0xdb;

/// The tables of a stream. Files of a stream leave out tables that an earlier one had: seen from libspice-server 0.15, which
/// sends the Huffman tables with its first frame only.
#[derive(Clone, Debug)]
pub struct Tables {
    /// Quantisation tables by number, each with the byte that has its number.
    quantisation: [Vec<u8>; 4],
    /// Huffman tables, four for DC and four for AC, each with the byte that has its class and number.
    huffman: [Vec<u8>; 8],
}

impl Default for Tables {
    /// The Huffman tables everybody uses (ITU-T T.81 annex K.3), as streams without any mean them.
    fn default() -> Self {
        let mut tables = Self {
            quantisation: Default::default(),
            huffman: Default::default(),
        };
        for table in STANDARD_HUFFMAN {
            tables.huffman[place(table[0])] = table.to_vec();
        }
        tables
    }
}

impl Tables {
    /// Notes the tables of the next file of a stream; the file with those it lacks. Files that cannot be understood stay as
    /// they are. Every file has to pass here, those that are not decoded too.
    pub fn complete(&mut self, data: &[u8]) -> Vec<u8> {
        let Some(rest) = data.strip_prefix(&START_OF_IMAGE) else {
            return data.to_vec();
        };
        let (mut has_quantisation, mut has_huffman) = ([false; 4], [false; 8]);
        for (marker, mut body) in segments(data) {
            while let Some(&first) = body.first().filter(|_| matches!(marker, DQT | DHT)) {
                let len = match marker {
                    DQT => 1 + if first >> 4 == 0 { 64 } else { 128 },
                    _ => {
                        let counts = body.get(1..17).unwrap_or(&[]);
                        17 + counts
                            .iter()
                            .map(|count| usize::from(*count))
                            .sum::<usize>()
                    }
                };
                let Some((table, rest)) = body.split_at_checked(len) else {
                    break;
                };
                body = rest;
                let number = usize::from(first & 3);
                match marker {
                    DQT => {
                        self.quantisation[number] = table.to_vec();
                        has_quantisation[number] = true;
                    }
                    _ => {
                        self.huffman[place(first)] = table.to_vec();
                        has_huffman[place(first)] = true;
                    }
                }
            }
        }
        let mut whole = Vec::with_capacity(data.len() + 1024);
        whole.extend_from_slice(&START_OF_IMAGE);
        let quantisation = self.quantisation.iter().zip(has_quantisation);
        let huffman = self.huffman.iter().zip(has_huffman);
        let missing = quantisation
            .map(|pair| (DQT, pair))
            .chain(huffman.map(|pair| (DHT, pair)));
        for (marker, (table, has)) in missing {
            if !has && !table.is_empty() {
                // At most 17 + 16 × 255 bytes.
                let len = (table.len() + 2) as u16;
                whole.extend_from_slice(&[0xff, marker]);
                whole.extend_from_slice(&len.to_be_bytes());
                whole.extend_from_slice(table);
            }
        }
        whole.extend_from_slice(rest);
        whole
    }
}

/// Where a Huffman table is kept, by the byte with its class (bit 4) and number.
fn place(first: u8) -> usize {
    usize::from(first >> 4 & 1) * 4 + usize::from(first & 3)
}

#[rustfmt::skip]
const STANDARD_HUFFMAN: [&[u8]; 4] = [
    &[
        0x00, 0, 1, 5, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0,
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    ],
    &[
        0x01, 0, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0,
        0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
    ],
    &[
        0x10, 0, 2, 1, 3, 3, 2, 4, 3, 5, 5, 4, 4, 0, 0, 1, 0x7d,
        0x01, 0x02, 0x03, 0x00, 0x04, 0x11, 0x05, 0x12, 0x21, 0x31, 0x41, 0x06, 0x13, 0x51, 0x61, 0x07, 0x22, 0x71,
        0x14, 0x32, 0x81, 0x91, 0xa1, 0x08, 0x23, 0x42, 0xb1, 0xc1, 0x15, 0x52, 0xd1, 0xf0, 0x24, 0x33, 0x62, 0x72,
        0x82, 0x09, 0x0a, 0x16, 0x17, 0x18, 0x19, 0x1a, 0x25, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x34, 0x35, 0x36, 0x37,
        0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58, 0x59,
        0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a, 0x83,
        0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a, 0xa2, 0xa3,
        0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba, 0xc2, 0xc3,
        0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda, 0xe1, 0xe2,
        0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa,
    ],
    &[
        0x11, 0, 2, 1, 2, 4, 4, 3, 4, 7, 5, 4, 4, 0, 1, 2, 0x77,
        0x00, 0x01, 0x02, 0x03, 0x11, 0x04, 0x05, 0x21, 0x31, 0x06, 0x12, 0x41, 0x51, 0x07, 0x61, 0x71, 0x13, 0x22,
        0x32, 0x81, 0x08, 0x14, 0x42, 0x91, 0xa1, 0xb1, 0xc1, 0x09, 0x23, 0x33, 0x52, 0xf0, 0x15, 0x62, 0x72, 0xd1,
        0x0a, 0x16, 0x24, 0x34, 0xe1, 0x25, 0xf1, 0x17, 0x18, 0x19, 0x1a, 0x26, 0x27, 0x28, 0x29, 0x2a, 0x35, 0x36,
        0x37, 0x38, 0x39, 0x3a, 0x43, 0x44, 0x45, 0x46, 0x47, 0x48, 0x49, 0x4a, 0x53, 0x54, 0x55, 0x56, 0x57, 0x58,
        0x59, 0x5a, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x73, 0x74, 0x75, 0x76, 0x77, 0x78, 0x79, 0x7a,
        0x82, 0x83, 0x84, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8a, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99, 0x9a,
        0xa2, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xb2, 0xb3, 0xb4, 0xb5, 0xb6, 0xb7, 0xb8, 0xb9, 0xba,
        0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7, 0xc8, 0xc9, 0xca, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8, 0xd9, 0xda,
        0xe2, 0xe3, 0xe4, 0xe5, 0xe6, 0xe7, 0xe8, 0xe9, 0xea, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa,
    ],
];
