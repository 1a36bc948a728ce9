//! Pictures in files.

use std::io::{Cursor, Write};
use std::path::Path;

use image::{DynamicImage, ImageFormat, RgbImage, RgbaImage};

use super::report::{Exit, Failure};
use crate::pixels::{PixelFormat, PixelView};

/// How a picture is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// PNG.
    Png,
    /// Portable pixel map, binary, 8 bits a component.
    Ppm,
}

impl Format {
    /// The format of a file of this name.
    ///
    /// # Errors
    ///
    /// When its extension is another.
    pub fn of(path: &Path) -> Result<Self, Failure> {
        let extension = path.extension().and_then(|e| e.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            Some("png") => Ok(Self::Png),
            Some("ppm") => Ok(Self::Ppm),
            _ => {
                let text = format!(
                    "cannot write {}: the extension says which format, and is not .png or .ppm",
                    path.display()
                );
                Err(Failure::new(Exit::Usage, text))
            }
        }
    }
}

/// Writes 32-bit pixels to a file.
///
/// # Errors
///
/// When it cannot be written.
pub fn save(path: &Path, format: Format, view: PixelView<'_>) -> Result<(), Failure> {
    let bytes = encode(format, view)?;
    std::fs::write(path, bytes)
        .map_err(|error| Failure::file("write", &path.display().to_string(), &error))
}

/// 32-bit pixels as the bytes of a file.
///
/// # Errors
///
/// When the encoder refuses, which it has no reason to.
pub fn encode(format: Format, view: PixelView<'_>) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    match format {
        Format::Png => {
            let written = to_image(view).write_to(&mut Cursor::new(&mut bytes), ImageFormat::Png);
            written.map_err(|error| {
                Failure::new(
                    Exit::Unexpected,
                    format!("cannot encode the picture: {error}"),
                )
            })?;
        }
        Format::Ppm => {
            let _ = write!(bytes, "P6\n{} {}\n255\n", view.size.width, view.size.height);
            bytes.extend(rgb(view));
        }
    }
    Ok(bytes)
}

/// 32-bit pixels as an image: with transparency if the format has it.
pub fn to_image(view: PixelView<'_>) -> DynamicImage {
    let (width, height) = (view.size.width, view.size.height);
    let image = if view.format == PixelFormat::Argb {
        let pixels = view.rows().flat_map(|row| row.chunks_exact(4));
        let rgba = pixels.flat_map(|p| [p[2], p[1], p[0], p[3]]).collect();
        RgbaImage::from_raw(width, height, rgba).map(DynamicImage::ImageRgba8)
    } else {
        RgbImage::from_raw(width, height, rgb(view).collect()).map(DynamicImage::ImageRgb8)
    };
    image.unwrap_or_default()
}

fn rgb<'a>(view: PixelView<'a>) -> impl Iterator<Item = u8> + use<'a> {
    let pixels = view.rows().flat_map(|row| row.chunks_exact(4));
    pixels.flat_map(|p| [p[2], p[1], p[0]])
}
