//! Pixels to GLZ streams: the dictionary a server keeps for one client.

use std::collections::VecDeque;

use super::search::{Image, Search, TABLE_BITS};
use super::token::{Alpha, Colour, Rgb16};
use super::{Header, Kind, MAX_DISTANCE, MAX_PIXELS};
use crate::codec::Error;

/// An image to encode.
#[derive(Clone, Copy, Debug)]
pub struct Bitmap<'a> {
    /// What the pixels are.
    pub kind: Kind,
    /// Pixels of one row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes from the start of one row to the start of the next; padding is not coded.
    pub stride: usize,
    /// Whether the first row in memory is the top one.
    pub top_down: bool,
    /// The rows.
    pub pixels: &'a [u8],
}

/// The encoder of one client: what it encodes refers to what it encoded before.
///
/// Keeps a copy of the images of the window, and a table of 4 MiB.
///
/// Every image that was encoded has to reach the client, in the order of encoding on each channel, or the client waits
/// for the missing id and keeps all that follows.
#[derive(Clone, Debug)]
pub struct Encoder {
    window_pixels: u64,
    next_id: u64,
    /// The weights of all images so far, also of those that left.
    next_base: u64,
    /// The images of the window, the oldest first; the last one is the newest. INVARIANT: ids are consecutive.
    images: VecDeque<Image>,
    /// INVARIANT: the sum of the weights of `images`.
    weight: u64,
    /// That of [`Search`].
    table: Vec<u32>,
    /// Planes of images that left.
    spare_colours: Vec<Vec<u32>>,
    spare_alphas: Vec<Vec<u8>>,
}

/// Images below this many pixels count as this many, so that their number is bounded too.
const LEAST_WEIGHT: u64 = 16;

impl Encoder {
    /// An encoder for a client that announced a window of `window_pixels`.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] for a window of more than [`MAX_PIXELS`].
    pub fn new(window_pixels: u64) -> Result<Self, Error> {
        Self::resume(window_pixels, 0)
    }

    /// An encoder that takes over from another server: the client has a window of `window_pixels`, from which nothing is
    /// known any more, and expects `next_id`.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] for a window of more than [`MAX_PIXELS`].
    pub fn resume(window_pixels: u64, next_id: u64) -> Result<Self, Error> {
        if window_pixels > MAX_PIXELS {
            return Err(Error::TooLarge {
                pixels: window_pixels,
                limit: MAX_PIXELS,
            });
        }
        Ok(Self {
            window_pixels,
            next_id,
            next_base: 0,
            images: VecDeque::new(),
            weight: 0,
            table: vec![0; 1 << TABLE_BITS],
            spare_colours: Vec::new(),
            spare_alphas: Vec::new(),
        })
    }

    /// The id the next image will have.
    pub fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Encodes one image and appends the stream to `out`.
    ///
    /// The stream is at most [`HEADER_LEN`](super::HEADER_LEN) bytes, those of all pixels (2 for RGB16, 3, or 4 for RGBA)
    /// and one for each 32 pixels or part of them, two for RGBA: a match is always shorter than its literals would be.
    ///
    /// # Errors
    ///
    /// [`Error::TooLarge`] for an image that is not smaller than the window: send it in another encoding.
    /// [`Error::BadHeader`] or [`Error::Truncated`] for a bitmap without pixels, with rows that overlap, or with fewer
    /// bytes than its size needs. No id is taken then, and `out` is as it was.
    pub fn encode(&mut self, bitmap: &Bitmap<'_>, out: &mut Vec<u8>) -> Result<(), Error> {
        let rows = Rows::of(bitmap)?;
        let count = u64::from(bitmap.width) * u64::from(bitmap.height);
        if count >= self.window_pixels {
            return Err(Error::TooLarge {
                pixels: count,
                limit: self.window_pixels.saturating_sub(1),
            });
        }

        let id = self.next_id;
        let weight = count.max(LEAST_WEIGHT);
        self.make_room(weight);
        let image = self.load(bitmap, rows, weight);
        let head = self.images.front().map_or(id, |oldest| oldest.id);
        Header {
            kind: bitmap.kind,
            width: bitmap.width,
            height: bitmap.height,
            stride: bitmap.width * bitmap.kind.bytes_per_pixel() as u32,
            top_down: bitmap.top_down,
            id,
            head_distance: (id - head) as u32,
        }
        .write(out);

        let mut search = Search {
            images: &self.images,
            current: &image,
            table: &mut self.table,
            followed: self.images.back().map(|newest| (newest, 0)),
        };
        match bitmap.kind {
            Kind::Rgb16 => search.tokens::<Rgb16>(out),
            Kind::Rgb24 | Kind::Rgb32 => search.tokens::<Colour>(out),
            Kind::Rgba => {
                search.tokens::<Colour>(out);
                search.tokens::<Alpha>(out);
            }
        }
        self.weight += weight;
        self.next_base += weight;
        self.images.push_back(image);
        self.next_id = id.wrapping_add(1);
        Ok(())
    }

    /// Lets the oldest images go until one of `weight` has room.
    fn make_room(&mut self, weight: u64) {
        let id = self.next_id;
        let window = self.window_pixels;
        let mut used = self.weight;
        while let Some(image) = self
            .images
            .pop_front_if(|oldest| used + weight > window || id - oldest.id > MAX_DISTANCE)
        {
            used -= image.weight;
            keep_spare(&mut self.spare_colours, image.colours);
            keep_spare(&mut self.spare_alphas, image.alphas);
        }
        self.weight = used;
    }

    /// Splits a bitmap into what the streams are made of.
    fn load(&mut self, bitmap: &Bitmap<'_>, rows: Rows<'_>, weight: u64) -> Image {
        let count = rows.count;
        let mut colours = take_spare(&mut self.spare_colours, count);
        let mut alphas = Vec::new();
        match bitmap.kind {
            // Bit 15 means nothing.
            Kind::Rgb16 => rows.load(&mut colours, |&[low, high]: &[u8; 2]| {
                u32::from(u16::from_le_bytes([low, high & 0x7f]))
            }),
            Kind::Rgb24 => rows.load(&mut colours, |&[b, g, r]: &[u8; 3]| {
                u32::from_le_bytes([b, g, r, 0])
            }),
            Kind::Rgb32 => rows.load(&mut colours, colour_of),
            Kind::Rgba => {
                alphas = take_spare(&mut self.spare_alphas, count);
                rows.load(&mut colours, colour_of);
                rows.load(&mut alphas, |&[.., alpha]: &[u8; 4]| alpha);
            }
        }
        Image {
            id: self.next_id,
            kind: bitmap.kind,
            width: bitmap.width as usize,
            weight,
            base: self.next_base,
            colours,
            alphas,
        }
    }
}

/// What is coded of a 32-bit pixel, without its alpha. As a word, so that several are masked at once.
fn colour_of(pixel: &[u8; 4]) -> u32 {
    u32::from_le_bytes(*pixel) & 0x00ff_ffff
}

/// An empty plane with room for `count` elements. One with room for many more would hold memory that no weight counts.
fn take_spare<T>(spares: &mut Vec<Vec<T>>, count: usize) -> Vec<T> {
    let fits = |spare: &Vec<T>| spare.capacity() >= count && spare.capacity() / 2 <= count;
    match spares.iter().position(fits) {
        Some(place) => spares.swap_remove(place),
        None => Vec::with_capacity(count),
    }
}

fn keep_spare<T>(spares: &mut Vec<Vec<T>>, mut plane: Vec<T>) {
    const MOST: usize = 2;
    if plane.capacity() == 0 {
        return;
    }
    if spares.len() == MOST {
        spares.remove(0);
    }
    plane.clear();
    spares.push(plane);
}

/// The rows of a bitmap, known to be complete.
#[derive(Clone, Copy)]
struct Rows<'a> {
    pixels: &'a [u8],
    stride: usize,
    row_len: usize,
    count: usize,
}

impl<'a> Rows<'a> {
    fn of(bitmap: &Bitmap<'a>) -> Result<Self, Error> {
        if bitmap.width == 0 || bitmap.height == 0 {
            return Err(Error::BadHeader("width or height is 0"));
        }
        let (width, height) = (bitmap.width as usize, bitmap.height as usize);
        let row_len = width.saturating_mul(bitmap.kind.bytes_per_pixel());
        if bitmap.stride < row_len {
            return Err(Error::BadHeader("the rows overlap"));
        }
        let len = bitmap.stride.checked_mul(height - 1);
        let len = len.and_then(|len| len.checked_add(row_len));
        let pixels = len.and_then(|len| bitmap.pixels.get(..len));
        Ok(Self {
            pixels: pixels.ok_or(Error::Truncated)?,
            stride: bitmap.stride,
            row_len,
            count: width * height,
        })
    }

    fn load<const N: usize, T>(self, plane: &mut Vec<T>, element: impl Fn(&[u8; N]) -> T) {
        for row in self.pixels.chunks(self.stride) {
            let (pixels, _) = row[..self.row_len].as_chunks();
            plane.extend(pixels.iter().map(&element));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_images_do_not_keep_the_memory_of_large_ones() {
        let mut encoder = Encoder::new(20_000).unwrap();
        let pixels = vec![0; 4 * 15_000];
        let mut out = Vec::new();
        for width in [15_000, 20].repeat(50) {
            let bitmap = Bitmap {
                kind: Kind::Rgba,
                width,
                height: 1,
                stride: 4 * width as usize,
                top_down: true,
                pixels: &pixels,
            };
            encoder.encode(&bitmap, &mut out).unwrap();
        }

        let held = encoder.images.iter().map(|image| image.colours.capacity());
        assert_eq!(held.sum::<usize>(), 20 + 15_000 + 20);
    }
}
