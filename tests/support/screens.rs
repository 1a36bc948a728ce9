//! The screens of `tests/fixtures/terminal`, as bytes B, G, R, 0.

use std::path::PathBuf;

use capsaicin::geometry::Size;
use capsaicin::pixels::{PixelBuf, PixelFormat};

/// A window manager with terminals, small programs and a landscape.
pub fn desktop() -> PixelBuf {
    png("desktop.png")
}

/// A terminal over the full screen.
pub fn term0() -> PixelBuf {
    png("term0.png")
}

/// The same, scrolled by a line of 16 pixels.
pub fn term1() -> PixelBuf {
    png("term1.png")
}

/// [`term0`] with one glyph typed.
pub fn type1() -> PixelBuf {
    png("type1.png")
}

/// A landscape.
pub fn photo() -> PixelBuf {
    let file = std::fs::read(path("photo.jpg")).expect("the fixture is there");
    let mut decoder = jpeg_decoder::Decoder::new(&file[..]);
    let rgb = decoder.decode().expect("a picture");
    let info = decoder.info().expect("it was decoded");
    from_rgb(Size::new(info.width.into(), info.height.into()), &rgb)
}

fn png(name: &str) -> PixelBuf {
    let image = image::open(path(name)).expect("a picture").into_rgb8();
    from_rgb(Size::new(image.width(), image.height()), image.as_raw())
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/terminal")
        .join(name)
}

fn from_rgb(size: Size, rgb: &[u8]) -> PixelBuf {
    let dots = rgb.chunks_exact(3).flat_map(|p| [p[2], p[1], p[0], 0]);
    PixelBuf::from_data(PixelFormat::Xrgb, size, dots.collect()).expect("as many as it says")
}
