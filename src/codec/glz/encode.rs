//! Pixels to GLZ streams: the dictionary a server keeps for one client.
//!
//! The search is greedy with two candidates. A table of positions, indexed by a hash of three elements, spans all images of
//! the window; positions of images that left are not cleaned up, but recognised when they are looked up. The other one is
//! where the last match with another image would go on.

use std::collections::VecDeque;

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
/// Keeps a copy of the images of the window, and a table of 8 MiB.
///
/// Every image that was encoded has to reach the client, in the order of encoding on each channel, or the client waits
/// for the missing id and keeps all that follows.
#[derive(Clone, Debug)]
pub struct Encoder {
    window_pixels: u64,
    first_id: u64,
    next_id: u64,
    /// The images of the window, the oldest first; the last one is the newest. INVARIANT: ids are consecutive.
    images: VecDeque<Image>,
    /// INVARIANT: the sum of the weights of `images`.
    weight: u64,
    /// Where three elements, the index being their hash, were last seen: `(id − first_id) << POSITION_BITS | position`.
    table: Vec<u64>,
    /// Planes of images that left.
    spare_colours: Vec<Vec<u32>>,
    spare_alphas: Vec<Vec<u8>>,
}

#[derive(Clone, Debug)]
struct Image {
    id: u64,
    kind: Kind,
    weight: u64,
    /// One number a pixel, equal where the pixels are; no alpha in it.
    colours: Vec<u32>,
    /// Empty unless the kind is RGBA.
    alphas: Vec<u8>,
}

/// Images below this many pixels count as this many, so that their number is bounded too.
const LEAST_WEIGHT: u64 = 16;
const TABLE_BITS: u32 = 20;
const POSITION_BITS: u32 = 25;
const NOWHERE: u64 = u64::MAX;

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
            first_id: next_id,
            next_id,
            images: VecDeque::new(),
            weight: 0,
            table: vec![NOWHERE; 1 << TABLE_BITS],
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
            first_id: self.first_id,
            head,
            current: &image,
            table: &mut self.table,
            followed: self.images.back().map(|newest| (newest.id, 0)),
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
            weight,
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

/// What differs between the token streams.
trait Class {
    type Element: Element;
    /// Subtracted from every length field.
    const BIAS: usize;
    /// Bytes of one literal.
    const LITERAL_LEN: usize;
    /// Shortest match to use at all.
    const LEAST: usize;
    /// Keeps the three streams apart in the table.
    const SALT: u64;

    fn plane(image: &Image) -> &[Self::Element];
    /// Writes one literal; `place` has its length.
    fn literal(element: Self::Element, place: &mut [u8]);
}

struct Rgb16;
struct Colour;
struct Alpha;

impl Class for Rgb16 {
    type Element = u32;
    const BIAS: usize = 1;
    const LITERAL_LEN: usize = 2;
    const LEAST: usize = 2;
    const SALT: u64 = 1 << 62;

    fn plane(image: &Image) -> &[u32] {
        &image.colours
    }

    fn literal(element: u32, place: &mut [u8]) {
        place.copy_from_slice(&(element as u16).to_be_bytes());
    }
}

impl Class for Colour {
    type Element = u32;
    const BIAS: usize = 0;
    const LITERAL_LEN: usize = 3;
    const LEAST: usize = 2;
    const SALT: u64 = 0;

    fn plane(image: &Image) -> &[u32] {
        &image.colours
    }

    fn literal(element: u32, place: &mut [u8]) {
        place.copy_from_slice(&element.to_le_bytes()[..3]);
    }
}

impl Class for Alpha {
    type Element = u8;
    const BIAS: usize = 2;
    const LITERAL_LEN: usize = 1;
    const LEAST: usize = 4;
    const SALT: u64 = 2 << 62;

    fn plane(image: &Image) -> &[u8] {
        &image.alphas
    }

    fn literal(element: u8, place: &mut [u8]) {
        place.fill(element);
    }
}

/// A match: from `start` on, `length` elements are those at `position` of the image `distance` ids back.
#[derive(Clone, Copy)]
struct Match {
    start: usize,
    length: usize,
    distance: u64,
    /// With distance 0 the number of elements back, less 1.
    position: usize,
}

impl Match {
    fn is_run(&self) -> bool {
        self.distance == 0 && self.position == 0
    }

    /// Bytes of the token.
    fn len(&self, bias: usize) -> usize {
        let extension = match (self.length - bias).checked_sub(7) {
            Some(rest) => rest / 255 + 1,
            None => 0,
        };
        3 + self.wide() + usize::from(self.position >= 1 << 17) + extension
    }

    fn is_long(&self) -> bool {
        self.position >= 1 << 12
    }

    /// Bytes of the image distance beside the bits of the third byte.
    fn wide(&self) -> usize {
        let in_place = if self.is_long() { 0 } else { 6 };
        let bits = u64::BITS - self.distance.leading_zeros();
        bits.saturating_sub(in_place).div_ceil(8) as usize
    }

    fn write(&self, bias: usize, out: &mut Vec<u8>) {
        let length = self.length - bias;
        let long = self.is_long();
        let control = length.min(7) << 5 | usize::from(long) << 4 | self.position & 15;
        out.push(control as u8);
        if let Some(rest) = length.checked_sub(7) {
            out.resize(out.len() + rest / 255, 255);
            out.push((rest % 255) as u8);
        }
        out.push((self.position >> 4) as u8);
        let wide = self.wide();
        let distance = self.distance.to_le_bytes();
        if long {
            let more = self.position >> 17;
            let fields = wide << 6 | usize::from(more != 0) << 5 | self.position >> 12 & 31;
            out.push(fields as u8);
            out.extend_from_slice(&distance[..wide]);
            if more != 0 {
                out.push(more as u8);
            }
        } else {
            out.push((wide as u8) << 6 | distance[0] & 63);
            out.extend_from_slice(&(self.distance >> 6).to_le_bytes()[..wide]);
        }
    }
}

/// One image being encoded against a window.
struct Search<'a> {
    images: &'a VecDeque<Image>,
    first_id: u64,
    head: u64,
    current: &'a Image,
    table: &'a mut [u64],
    /// The image the last match with another one was found in, and how far its positions are ahead of ours. What comes
    /// behind a change on a screen goes on where the last match broke off.
    followed: Option<(u64, isize)>,
}

impl Search<'_> {
    /// Appends the tokens of one stream.
    fn tokens<C: Class>(&mut self, out: &mut Vec<u8>) {
        let plane = C::plane(self.current);
        // Every known decoder accepts a stream that begins with a literal.
        let mut pending = 0;
        let mut at = 1;
        while at + 3 <= plane.len() {
            let Some(found) = self.find::<C>(plane, pending.max(1), at) else {
                // In what does not repeat, look less often the longer it lasts.
                at += 1 + (at - pending) / 64;
                continue;
            };
            literals::<C>(&plane[pending..found.start], out);
            found.write(C::BIAS, out);
            pending = found.start + found.length;
            self.enter_match::<C>(plane, at, &found);
            at = pending;
        }
        literals::<C>(&plane[pending..], out);
    }

    /// The match to use at `at`, which may begin as early as `least`.
    fn find<C: Class>(&mut self, plane: &[C::Element], least: usize, at: usize) -> Option<Match> {
        let followed = self.followed.and_then(|(id, ahead)| {
            let position = at.checked_add_signed(ahead)?;
            self.compare::<C>(plane, least, at, (id, position))
        });
        let seen = if plane[at..at + 3] == [plane[at - 1]; 3] {
            (self.current.id, at - 1)
        } else {
            self.enter::<C>(plane, at)
        };
        match (followed, self.compare::<C>(plane, least, at, seen)) {
            (Some(followed), Some(seen)) if followed.length > seen.length => Some(followed),
            (followed, None) => followed,
            (_, seen) => seen,
        }
    }

    /// The match between what stands at `at` and at another place, the id of an image and a position, if it is worth its
    /// token.
    // Inlined so that the match stays in registers.
    #[inline(always)]
    fn compare<C: Class>(
        &self,
        plane: &[C::Element],
        least: usize,
        at: usize,
        (id, there): (u64, usize),
    ) -> Option<Match> {
        let found = if id == self.current.id {
            // The table may name a place of the other stream of an RGBA image.
            let back = at.checked_sub(there).filter(|&back| back > 0)?;
            let (start, length) = extend(plane, there, plane, at, least);
            Match {
                start,
                length,
                distance: 0,
                position: back - 1,
            }
        } else {
            let index = usize::try_from(id.checked_sub(self.head)?).ok()?;
            let image = self.images.get(index)?;
            if image.kind != self.current.kind {
                return None;
            }
            let (start, length) = extend(C::plane(image), there, plane, at, least);
            Match {
                start,
                length,
                distance: self.current.id - id,
                position: there + start - at,
            }
        };
        if found.length < C::LEAST {
            return None;
        }
        // A token has 7 bytes, and one more for each 255 elements.
        let clearly = found.length * C::LITERAL_LEN > 8;
        let worth = clearly || found.length > found.len(C::BIAS) / C::LITERAL_LEN;
        worth.then_some(found)
    }

    /// Notes that the element `at` and the two behind it are there; where the like was before.
    fn enter<C: Class>(&mut self, plane: &[C::Element], at: usize) -> (u64, usize) {
        let slot = &mut self.table[hash::<C>(&plane[at..at + 3])];
        let here = (self.current.id - self.first_id) << POSITION_BITS | at as u64;
        let before = std::mem::replace(slot, here);
        let position = before & ((1 << POSITION_BITS) - 1);
        let id = self.first_id.wrapping_add(before >> POSITION_BITS);
        (id, position as usize)
    }

    /// Enters some of what a match covers, so that it is still found when its source has left the window.
    fn enter_match<C: Class>(&mut self, plane: &[C::Element], at: usize, found: &Match) {
        const STEP: usize = 16;
        let end = found.start + found.length;
        let last = plane.len().saturating_sub(3).min(end.saturating_sub(2));
        if !found.is_run() {
            for at in (at + STEP..last).step_by(STEP) {
                self.enter::<C>(plane, at);
            }
        }
        if at < last {
            self.enter::<C>(plane, last);
        }
        if found.distance > 0 {
            let ahead = found.position as isize - found.start as isize;
            self.followed = Some((self.current.id - found.distance, ahead));
        }
    }
}

fn hash<C: Class>(elements: &[C::Element]) -> usize {
    let mixed = elements.iter().fold(C::SALT, |mixed, &element| {
        mixed.rotate_left(21) ^ element.into()
    });
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - TABLE_BITS)) as usize
}

/// How far what stands at `there` in `other` equals what stands at `here` in `plane`, in both directions but not before
/// `least` in `plane`: where that begins in `plane`, and its length.
#[inline(always)]
fn extend<T: Element>(
    other: &[T],
    there: usize,
    plane: &[T],
    here: usize,
    least: usize,
) -> (usize, usize) {
    let forward = T::common_prefix(other.get(there..).unwrap_or_default(), &plane[here..]);
    if forward == 0 {
        return (here, 0);
    }
    // Position 0 of another image is allowed, but known encoders never name it.
    let most = (here - least).min(there.saturating_sub(1));
    let backward = (1..=most)
        .take_while(|back| other[there - back] == plane[here - back])
        .count();
    (here - backward, backward + forward)
}

/// What a stream is made of: colours or alpha.
trait Element: Copy + Eq + Into<u64> {
    /// How many elements at the beginning of both are the same.
    fn common_prefix(a: &[Self], b: &[Self]) -> usize;
}

impl Element for u32 {
    #[inline(always)]
    fn common_prefix(a: &[u32], b: &[u32]) -> usize {
        let pair = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let (a_blocks, _) = a.as_chunks::<4>();
        let (b_blocks, _) = b.as_chunks::<4>();
        let mut count = 0;
        for (a, b) in a_blocks.iter().zip(b_blocks) {
            let first = pair(a[0], a[1]) ^ pair(b[0], b[1]);
            let second = pair(a[2], a[3]) ^ pair(b[2], b[3]);
            if first | second != 0 {
                let bits = match first {
                    0 => 64 + second.trailing_zeros(),
                    _ => first.trailing_zeros(),
                };
                return count + bits as usize / 32;
            }
            count += 4;
        }
        count + plain_prefix(&a[count..], &b[count..])
    }
}

impl Element for u8 {
    fn common_prefix(a: &[u8], b: &[u8]) -> usize {
        let blocks = a.as_chunks::<16>().0.iter().zip(b.as_chunks::<16>().0);
        let count = 16 * blocks.take_while(|(a, b)| a == b).count();
        count + plain_prefix(&a[count..], &b[count..])
    }
}

/// The plain version of [`Element::common_prefix`].
fn plain_prefix<T: Eq>(a: &[T], b: &[T]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}

fn literals<C: Class>(elements: &[C::Element], out: &mut Vec<u8>) {
    for run in elements.chunks(32) {
        let start = out.len();
        out.push((run.len() - 1) as u8);
        out.resize(start + 1 + run.len() * C::LITERAL_LEN, 0);
        let places = out[start + 1..].chunks_exact_mut(C::LITERAL_LEN);
        for (place, &element) in places.zip(run) {
            C::literal(element, place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_common_beginning_is_as_long_as_when_it_is_counted_one_by_one() {
        for length in 0..40 {
            for differs in 0..length + 2 {
                let a: Vec<u8> = (0..length).collect();
                let mut b: Vec<u8> = (0..length + 3).collect();
                b[usize::from(differs)] ^= 0x80;
                let expected = usize::from(differs.min(length));
                let [a32, b32] = [&a, &b].map(|v| v.iter().map(|n| u32::from(*n) << 16));
                let [a32, b32]: [Vec<u32>; 2] = [a32.collect(), b32.collect()];

                assert_eq!(plain_prefix(&a, &b), expected);
                assert_eq!(u8::common_prefix(&a, &b), expected);
                assert_eq!(u32::common_prefix(&a32, &b32), expected);
                assert_eq!(u32::common_prefix(&b32, &a32), expected);
            }
        }
    }

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
