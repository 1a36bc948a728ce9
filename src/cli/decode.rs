//! `capsaicin decode`: images that SPICE compressed, outside of any session.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use flate2::read::ZlibDecoder;
use serde_json::json;

use super::args::{Codec, DecodeArgs};
use super::picture::{self, Format};
use super::report::{Exit, Failure};
use crate::codec::{self, Limits, glz, jpeg, lz, lz4, palette, quic};
use crate::geometry::Size;
use crate::pixels::{PixelBuf, PixelFormat};

/// Longest file that is read: no message of the protocol is longer.
const LONGEST_FILE: u64 = 256 << 20;
/// Pixels the dictionary of GLZ images may hold; twice what clients announce.
const WINDOW_PIXELS: u64 = 1 << 25;

/// Decodes every file, in order.
///
/// # Errors
///
/// When a file cannot be read, decoded or written.
pub fn run(args: &DecodeArgs) -> Result<(), Failure> {
    let colours = match &args.palette {
        Some(path) => read_palette(path)?,
        None => Vec::new(),
    };
    let mut decoder = Decoder {
        codec: args.codec,
        size: args.width.zip(args.height),
        window: glz::Window::new(WINDOW_PIXELS),
    };
    let places = Places::of(args)?;
    for file in &args.files {
        let data = read(file)?;
        let image = decoder
            .decode(&data)
            .map_err(|error| refused(file, args, error))?;
        let place = places.place(file);
        let written = match places.format {
            Some(format) => picture::encode(format, image.to_pixels(&colours)?.view())?,
            None => image.raw.clone(),
        };
        std::fs::write(&place, written)
            .map_err(|error| Failure::file("write", &place.display().to_string(), &error))?;
        if args.json {
            print_facts(file, &place, &image)?;
        }
    }
    Ok(())
}

fn refused(file: &Path, args: &DecodeArgs, error: codec::Error) -> Failure {
    let codec = args.codec.name();
    let hint = match &error {
        codec::Error::MissingImage { .. } => {
            Some("name the images before it too, in the order they were sent")
        }
        codec::Error::BadHeader(_) if args.codec == Codec::Lz4 && args.width.is_none() => {
            Some("LZ4 images do not say their size: give --width and --height")
        }
        _ => None,
    };
    let text = format!("cannot decode {} as {codec}: {error}", file.display());
    Failure {
        hint: hint.map(str::to_owned),
        ..Failure::new(Exit::File, text)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let name = path.display().to_string();
    let mut data = Vec::new();
    let file = File::open(path).map_err(|error| Failure::file("read", &name, &error))?;
    let read = file.take(LONGEST_FILE + 1).read_to_end(&mut data);
    read.map_err(|error| Failure::file("read", &name, &error))?;
    if data.len() as u64 > LONGEST_FILE {
        let text = format!("cannot read {name}: it is longer than any image, 256 MiB");
        return Err(Failure::new(Exit::File, text));
    }
    Ok(data)
}

/// Entries of 4 bytes, B, G, R and one that means nothing; or a JSON list of numbers 0xRRGGBB.
fn read_palette(path: &Path) -> Result<Vec<u32>, Failure> {
    let data = read(path)?;
    let colours = match data.first() {
        Some(b'[') => serde_json::from_slice(&data).ok(),
        _ => {
            let (entries, rest) = data.as_chunks();
            let whole = rest.is_empty() && !entries.is_empty();
            whole.then(|| {
                entries
                    .iter()
                    .map(|entry| u32::from_le_bytes(*entry))
                    .collect()
            })
        }
    };
    colours.ok_or_else(|| {
        let name = path.display();
        let text = format!(
            "cannot use the palette {name}: it is neither entries of 4 bytes nor a JSON list"
        );
        Failure::new(Exit::File, text)
    })
}

/// Where the pictures go, and as what.
struct Places<'a> {
    output: &'a Path,
    folder: bool,
    /// `None` for raw pixels.
    format: Option<Format>,
}

impl<'a> Places<'a> {
    fn of(args: &'a DecodeArgs) -> Result<Self, Failure> {
        let output = args.output.as_path();
        let folder = args.files.len() > 1 || output.is_dir();
        let format = match folder {
            true if args.raw => None,
            true => Some(Format::Png),
            false if args.raw || output.extension().is_some_and(|e| e == "raw") => None,
            false => Some(Format::of(output)?),
        };
        if folder {
            std::fs::create_dir_all(output).map_err(|error| {
                Failure::file("make the folder", &output.display().to_string(), &error)
            })?;
        }
        Ok(Self {
            output,
            folder,
            format,
        })
    }

    fn place(&self, file: &Path) -> PathBuf {
        if !self.folder {
            return self.output.to_owned();
        }
        let extension = if self.format.is_some() { "png" } else { "raw" };
        let name = Path::new(file.file_name().unwrap_or(file.as_os_str()));
        self.output.join(name.with_extension(extension))
    }
}

/// A codec, and what it keeps from one image to the next.
struct Decoder {
    codec: Codec,
    /// Width and height, for streams that do not say.
    size: Option<(u32, u32)>,
    window: glz::Window,
}

/// A decoded image, in its codec's own layout and order of rows.
struct Image {
    size: Size,
    layout: Layout,
    top_down: bool,
    raw: Vec<u8>,
}

/// What the pixels of a decoded image are.
#[derive(Clone, Copy)]
enum Layout {
    /// One byte of brightness, or of alpha.
    Grey,
    /// Packed palette indices.
    Indices(palette::Indices),
    /// Words `xRRRRRGGGGGBBBBB`.
    Rgb16,
    /// Bytes B, G, R.
    Rgb24,
    /// Bytes B, G, R and one that means nothing.
    Rgb32,
    /// Bytes B, G, R, A.
    Rgba,
    /// Three bytes that mean nothing, and A.
    Alpha,
}

impl Decoder {
    fn decode(&mut self, data: &[u8]) -> Result<Image, codec::Error> {
        let limits = Limits {
            announced: self.size,
            ..Limits::default()
        };
        match self.codec {
            Codec::Quic => decode_quic(data, &limits),
            Codec::Lz => decode_lz(data, &limits),
            Codec::Glz => self.decode_glz(data, &limits),
            Codec::ZlibGlz => self.decode_glz(&inflate(data)?, &limits),
            Codec::Lz4 => self.decode_lz4(data, &limits),
            Codec::Jpeg => decode_jpeg(data, &limits),
            Codec::JpegAlpha => decode_jpeg_alpha(data, &limits),
        }
    }

    fn decode_glz(&mut self, data: &[u8], limits: &Limits) -> Result<Image, codec::Error> {
        let mut raw = Vec::new();
        let header = glz::decode(data, limits, &mut self.window, &mut raw)?;
        Ok(Image {
            size: Size::new(header.width, header.height),
            layout: match header.kind {
                glz::Kind::Rgba => Layout::Rgba,
                _ => Layout::Rgb32,
            },
            top_down: header.top_down,
            raw,
        })
    }

    fn decode_lz4(&self, data: &[u8], limits: &Limits) -> Result<Image, codec::Error> {
        let unknown = codec::Error::BadHeader("the size is not known");
        let (width, height) = self.size.ok_or(unknown)?;
        let mut raw = Vec::new();
        let header = lz4::decode(data, width, height, limits, &mut raw)?;
        Ok(Image {
            size: Size::new(width, height),
            layout: match header.format {
                6 => Layout::Rgb16,
                7 => Layout::Rgb24,
                8 => Layout::Rgb32,
                9 => Layout::Rgba,
                _ => Layout::Grey,
            },
            top_down: header.top_down,
            raw,
        })
    }
}

fn decode_quic(data: &[u8], limits: &Limits) -> Result<Image, codec::Error> {
    let mut raw = Vec::new();
    let header = quic::decode(data, limits, &mut raw)?;
    Ok(Image {
        size: Size::new(header.width, header.height),
        layout: match header.kind {
            quic::Kind::Gray => Layout::Grey,
            quic::Kind::Rgb16 => Layout::Rgb16,
            quic::Kind::Rgb24 => Layout::Rgb24,
            quic::Kind::Rgb32 => Layout::Rgb32,
            quic::Kind::Rgba => Layout::Rgba,
        },
        top_down: true,
        raw,
    })
}

fn decode_lz(data: &[u8], limits: &Limits) -> Result<Image, codec::Error> {
    let mut raw = Vec::new();
    let header = lz::decode(data, limits, &mut raw)?;
    Ok(Image {
        size: Size::new(header.width, header.height),
        layout: match header.kind {
            lz::Kind::Plt(indices) => Layout::Indices(indices),
            lz::Kind::Rgb16 => Layout::Rgb16,
            lz::Kind::Rgb24 => Layout::Rgb24,
            lz::Kind::Rgb32 => Layout::Rgb32,
            lz::Kind::Rgba => Layout::Rgba,
            lz::Kind::Xxxa => Layout::Alpha,
            lz::Kind::A8 => Layout::Grey,
        },
        top_down: header.top_down,
        raw,
    })
}

fn decode_jpeg(data: &[u8], limits: &Limits) -> Result<Image, codec::Error> {
    let mut raw = Vec::new();
    let header = jpeg::decode(data, limits, &mut raw)?;
    Ok(Image {
        size: Size::new(header.width, header.height),
        layout: Layout::Rgb32,
        top_down: true,
        raw,
    })
}

/// A JPEG file and the LZ image of its alpha behind it. The message says where the second begins; here its first bytes
/// do, which a JPEG file has no reason to hold.
fn decode_jpeg_alpha(data: &[u8], limits: &Limits) -> Result<Image, codec::Error> {
    const LZ_MAGIC_AND_VERSION: &[u8] = b"  ZL\0\x01\0\x01";
    let mut windows = data.windows(LZ_MAGIC_AND_VERSION.len());
    let start = windows.position(|bytes| bytes == LZ_MAGIC_AND_VERSION);
    let no_alpha = codec::Error::BadHeader("no LZ image follows the JPEG file");
    let (colours, alpha) = data.split_at(start.ok_or(no_alpha)?);
    let mut image = decode_jpeg(colours, limits)?;
    lz::decode_alpha_into(alpha, limits, &mut image.raw)?;
    Ok(Image {
        layout: Layout::Rgba,
        ..image
    })
}

/// The GLZ stream in a zlib stream. The message says how long it is; here it is as long as it turns out.
fn inflate(data: &[u8]) -> Result<Vec<u8>, codec::Error> {
    let mut stream = Vec::new();
    ZlibDecoder::new(data)
        .take(LONGEST_FILE)
        .read_to_end(&mut stream)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => codec::Error::Truncated,
            _ => codec::Error::Backend(format!("damaged zlib stream: {error}")),
        })?;
    Ok(stream)
}

impl Image {
    /// The picture, top row first, as 32-bit pixels; brightness and alpha alone as greys.
    fn to_pixels(&self, colours: &[u32]) -> Result<PixelBuf, Failure> {
        let Size { width, height } = self.size;
        let grey = |value: u8| [value, value, value, 0];
        let mut pixels: Vec<u8> = match self.layout {
            Layout::Grey => self.raw.iter().flat_map(|value| grey(*value)).collect(),
            Layout::Alpha => self
                .raw
                .as_chunks()
                .0
                .iter()
                .flat_map(|[.., a]: &[u8; 4]| grey(*a))
                .collect(),
            Layout::Rgb16 => self
                .raw
                .as_chunks()
                .0
                .iter()
                .flat_map(|word| widened(u16::from_le_bytes(*word)))
                .collect(),
            Layout::Rgb24 => self
                .raw
                .as_chunks()
                .0
                .iter()
                .flat_map(|[b, g, r]| [*b, *g, *r, 0])
                .collect(),
            Layout::Rgb32 | Layout::Rgba => self.raw.clone(),
            Layout::Indices(indices) => self.coloured(indices, colours)?,
        };
        if !self.top_down {
            let row = width as usize * 4;
            pixels = pixels.rchunks(row.max(1)).flatten().copied().collect();
        }
        let format = match self.layout {
            Layout::Rgba => PixelFormat::Argb,
            _ => PixelFormat::Xrgb,
        };
        PixelBuf::from_data(format, Size::new(width, height), pixels).ok_or_else(|| {
            Failure::new(
                Exit::Unexpected,
                "the decoder gave fewer pixels than it said",
            )
        })
    }

    fn coloured(&self, indices: palette::Indices, colours: &[u32]) -> Result<Vec<u8>, Failure> {
        if colours.is_empty() {
            let text = "cannot make a picture of palette indices without the palette";
            let hint = "name it with --palette, or write the indices to a .raw file";
            return Err(Failure::new(Exit::Usage, text).with_hint(hint));
        }
        let Size { width, height } = self.size;
        let mut pixels = Vec::new();
        let stride = indices.row_bytes(width);
        palette::expand(
            indices,
            width,
            height,
            stride,
            &self.raw,
            colours,
            &mut pixels,
        )
        .map_err(|error| Failure::new(Exit::File, format!("cannot use the palette: {error}")))?;
        Ok(pixels)
    }
}

/// Five bits a component as eight: the upper bits repeat in the lower ones.
fn widened(word: u16) -> [u8; 4] {
    let component = |shift: u32| {
        let five = (word >> shift & 0x1f) as u8;
        five << 3 | five >> 2
    };
    [component(0), component(5), component(10), 0]
}

fn print_facts(file: &Path, place: &Path, image: &Image) -> Result<(), Failure> {
    let facts = json!({
        "file": file.display().to_string(),
        "output": place.display().to_string(),
        "width": image.size.width,
        "height": image.size.height,
        "top_down": image.top_down,
        "layout": image.layout.name(),
    });
    writeln!(io::stdout(), "{facts}").map_err(|error| Failure::output(&error))
}

impl Layout {
    fn name(self) -> &'static str {
        match self {
            Self::Grey => "grey",
            Self::Indices(_) => "indices",
            Self::Rgb16 => "rgb16",
            Self::Rgb24 => "rgb24",
            Self::Rgb32 => "rgb32",
            Self::Rgba => "rgba",
            Self::Alpha => "alpha",
        }
    }
}

impl Codec {
    fn name(self) -> &'static str {
        match self {
            Self::Quic => "QUIC",
            Self::Lz => "LZ",
            Self::Glz => "GLZ",
            Self::ZlibGlz => "zlib GLZ",
            Self::Lz4 => "LZ4",
            Self::Jpeg => "JPEG",
            Self::JpegAlpha => "JPEG with alpha",
        }
    }
}
