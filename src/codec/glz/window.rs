//! The window of a GLZ decoder: the images of a session that later ones may still refer to.
//!
//! Ids are given out in encoding order over all channels, but every channel is a connection of its own, so images arrive
//! out of order. The *frontier* is the lowest id that has not arrived. Only the newest image before it says what may be
//! dropped: an image that arrived ahead of a gap knows nothing of what the images in the gap refer to.

use std::collections::VecDeque;
use std::ops::Deref;
use std::sync::Arc;

use super::{Header, Kind, MAX_DISTANCE, MAX_PIXELS};
use crate::codec::Error;

/// The decoded images of one session, by id.
///
/// A clone shares the pixels with its original.
#[derive(Debug)]
pub struct Window {
    /// What the client announced. Twice as much in the window is too much.
    limit_pixels: u64,
    /// Lowest id that has not arrived. `None` until the first image when ids continue those of another server.
    frontier: Option<u64>,
    /// INVARIANT: ids ascend. Only ids at or above the frontier may have gaps between them.
    pub(super) images: VecDeque<Image>,
    /// INVARIANT: the sum over `images`.
    pixels: u64,
    /// Buffers of images that were dropped, for those to come.
    spares: Vec<Buffer>,
}

/// Bytes an image costs beside its pixels, generously.
const IMAGE_BYTES: u64 = 160;

/// One image of the window.
#[derive(Clone, Debug)]
pub(super) struct Image {
    pub(super) id: u64,
    /// Oldest id that this image or a later one may refer to.
    pub(super) head: u64,
    pub(super) kind: Kind,
    pixels: Pixels,
}

impl Image {
    pub(super) fn pixels(&self) -> &[[u8; 4]] {
        &self.pixels.0
    }
}

/// The pixels of one decoded image, shared between the window and whoever draws it: bytes B, G, R and 0, or A where the
/// image has alpha, without padding, in the order they were coded. A clone is cheap.
///
/// The window reuses the memory of an image it drops if nobody else holds it then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pixels(Arc<Vec<[u8; 4]>>);

/// Pixels that nobody shares yet, or any more.
#[derive(Debug)]
pub(super) struct Buffer(Arc<Vec<[u8; 4]>>);

impl Buffer {
    /// The pixels, to be written.
    pub(super) fn pixels_mut(&mut self) -> &mut [[u8; 4]] {
        self.vec_mut()
    }

    fn vec_mut(&mut self) -> &mut Vec<[u8; 4]> {
        // INVARIANT: the only reference, or this would copy.
        Arc::make_mut(&mut self.0)
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

impl Deref for Pixels {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_flattened()
    }
}

impl Pixels {
    /// So many pixels, whose bytes somebody writes; those that are not written are 0.
    pub fn written(count: usize, write: impl FnOnce(&mut [u8])) -> Self {
        let mut pixels = vec![[0; 4]; count];
        write(pixels.as_flattened_mut());
        Self(Arc::new(pixels))
    }

    /// The same number for clones of one another, and for no others while they are there.
    pub fn identity(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Bytes of memory it holds, at most a third more than its pixels take.
    pub fn memory(&self) -> u64 {
        self.0.capacity() as u64 * 4
    }
}

impl Window {
    /// An empty window for a session whose client announced a window of `limit_pixels`.
    pub fn new(limit_pixels: u64) -> Self {
        Self {
            limit_pixels,
            frontier: Some(0),
            images: VecDeque::new(),
            pixels: 0,
            spares: Vec::new(),
        }
    }

    /// Forgets all images: the session ended, or begins again with id 0.
    pub fn clear(&mut self) {
        self.images.clear();
        self.pixels = 0;
        self.frontier = Some(0);
    }

    /// Forgets all images because the session moved to another server, whose ids continue those of the old one.
    ///
    /// The frontier is then where the first image to come says that its window begins.
    pub fn clear_for_migration(&mut self) {
        self.clear();
        self.frontier = None;
    }

    /// Most bytes that a window announced with `limit_pixels` takes: three times as many pixels (twice, and one image more) in
    /// buffers a third too large, spare buffers of as many pixels, and what images cost beside them.
    pub const fn limit_bytes(limit_pixels: u64) -> u64 {
        limit_pixels * (3 * 4 * 4 / 3 + 4) + Self::most_images(limit_pixels) * IMAGE_BYTES
    }

    /// Images of 32 pixels on average, and some.
    const fn most_images(limit_pixels: u64) -> u64 {
        limit_pixels / 32 + 4096
    }

    /// Bytes held: pixels, spare buffers, and what images cost beside them.
    pub fn bytes(&self) -> u64 {
        let spares: usize = self.spares.iter().map(Buffer::capacity).sum();
        let images = self.images.iter().map(|image| image.pixels.memory());
        images.sum::<u64>() + spares as u64 * 4 + self.images.len() as u64 * IMAGE_BYTES
    }

    /// Number of images held.
    pub fn images(&self) -> usize {
        self.images.len()
    }

    /// Number of pixels held, four bytes each.
    pub fn pixels(&self) -> u64 {
        self.pixels
    }

    /// Lowest id that has not arrived; `None` while that is unknown after a migration.
    pub fn frontier(&self) -> Option<u64> {
        self.frontier
    }

    /// The pixels of all images, lowest id first.
    pub fn all_pixels(&self) -> impl Iterator<Item = &Pixels> {
        self.images.iter().map(|image| &image.pixels)
    }

    /// Puts other pixels in the place of those of every image, lowest id first: none, to put them away, and the same ones to
    /// bring them back. As many count as held as before.
    pub fn replace_pixels(&mut self, mut other: impl FnMut(&Pixels) -> Pixels) {
        for image in &mut self.images {
            image.pixels = other(&image.pixels);
        }
    }

    /// The pixels of an image, if it is in the window.
    pub fn image(&self, id: u64) -> Option<&Pixels> {
        self.find(id).map(|image| &image.pixels)
    }

    /// Whether an image may still arrive: it is not in the window, and its time is not over.
    pub fn may_arrive(&self, id: u64) -> bool {
        self.frontier.is_none_or(|frontier| id >= frontier) && self.find(id).is_none()
    }

    pub(super) fn find(&self, id: u64) -> Option<&Image> {
        if self.images.back()?.id < id {
            return None;
        }
        // Without gaps an image stands at its distance from the first one.
        let place = usize::try_from(id.checked_sub(self.images.front()?.id)?).ok()?;
        match self.images.get(place) {
            Some(image) if image.id == id => Some(image),
            _ => {
                let place = self.images.binary_search_by_key(&id, |image| image.id);
                self.images.get(place.ok()?)
            }
        }
    }

    /// Checks that an image of `count` pixels may enter the window.
    pub(super) fn admit(&self, header: &Header, count: usize) -> Result<(), Error> {
        let count = count as u64;
        let limit = self.limit_pixels.min(MAX_PIXELS - 1);
        if count > limit {
            return Err(Error::TooLarge {
                pixels: count,
                limit,
            });
        }
        // What arrived ahead of a gap is kept beside the window proper, and this image drops others only once it is in.
        let limit = self.limit_pixels.saturating_mul(2);
        if self.pixels >= limit {
            return Err(Error::TooLarge {
                pixels: self.pixels + count,
                limit,
            });
        }
        // An image costs memory beside its pixels. Servers send images of fewer than 54 bytes as they are.
        if self.images.len() as u64 >= Self::most_images(self.limit_pixels) {
            return Err(Error::BadHeader("more images than the window can hold"));
        }
        if let Some(frontier) = self.frontier {
            if header.id > frontier.saturating_add(MAX_DISTANCE) {
                return Err(Error::BadHeader("the image id is far ahead of all others"));
            }
            if header.id < frontier {
                return Err(Error::BadHeader("the image id was used before"));
            }
        }
        if self.find(header.id).is_some() {
            return Err(Error::BadHeader("the image id was used before"));
        }
        Ok(())
    }

    /// Puts a decoded image into the window and drops those that nothing can refer to any more.
    pub(super) fn insert(&mut self, header: &Header, buffer: Buffer) -> Pixels {
        let pixels = Pixels(buffer.0);
        let image = Image {
            id: header.id,
            head: header.head(),
            kind: header.kind,
            pixels: pixels.clone(),
        };
        self.pixels += image.pixels().len() as u64;
        let place = self.images.partition_point(|other| other.id < header.id);
        self.images.insert(place, image);

        if *self.frontier.get_or_insert(header.head()) == header.id {
            self.advance(place);
        }
        pixels
    }

    /// Gives up an image: it could not be decoded, or never arrived. What refers to it fails then, and what does not goes on
    /// as if it had come. `head` is the oldest image it may have referred to, 0 if unknown.
    ///
    /// Does nothing for an image that came, or whose time is over.
    pub fn give_up(&mut self, id: u64, head: u64) {
        let full = self.images.len() as u64 >= Self::most_images(self.limit_pixels);
        let near = self
            .frontier
            .is_some_and(|f| (f..=f.saturating_add(MAX_DISTANCE)).contains(&id));
        if full || !near || self.find(id).is_some() {
            return;
        }
        let image = Image {
            id,
            head: head.min(id),
            kind: Kind::Rgb32,
            pixels: Pixels(Arc::default()),
        };
        let place = self.images.partition_point(|other| other.id < id);
        self.images.insert(place, image);
        if self.frontier == Some(id) {
            self.advance(place);
        }
    }

    /// Goes on without the images of the first gap if there is no room for others while it is open: they were lost with the
    /// channel that was to bring them.
    pub(super) fn close_gap_if_full(&mut self) {
        let Some(frontier) = self.frontier else {
            return;
        };
        if self.pixels < self.limit_pixels.saturating_mul(2) {
            return;
        }
        let place = self.images.partition_point(|image| image.id < frontier);
        if let Some(image) = self.images.get(place) {
            self.frontier = Some(image.id);
            self.advance(place);
        }
    }

    /// Moves the frontier behind the images without a gap from `place` on, where the image at the frontier is, and drops
    /// what the last of them makes superfluous.
    fn advance(&mut self, place: usize) {
        let mut head = None;
        for image in self.images.range(place..) {
            if Some(image.id) != self.frontier {
                break;
            }
            self.frontier = Some(image.id + 1);
            head = Some(image.head);
        }
        if let Some(head) = head {
            self.drop_before(head);
        }
    }

    fn drop_before(&mut self, head: u64) {
        while let Some(image) = self.images.pop_front_if(|image| image.id < head) {
            self.pixels -= image.pixels().len() as u64;
            let mut pixels = image.pixels.0;
            if Arc::get_mut(&mut pixels).is_some() {
                self.recycle(Buffer(pixels));
            }
        }
    }

    /// A buffer of `count` pixels of any content.
    pub(super) fn buffer(&mut self, count: usize) -> Buffer {
        // A much larger buffer than needed would hold memory that `pixels` does not count.
        let fits = |spare: &Buffer| spare.capacity() >= count && spare.capacity() / 4 * 3 <= count;
        match self.spares.iter().position(fits) {
            Some(place) => {
                let mut buffer = self.spares.swap_remove(place);
                buffer.vec_mut().resize(count, [0; 4]);
                buffer
            }
            None => Buffer(Arc::new(vec![[0; 4]; count])),
        }
    }

    /// Keeps a buffer for the next image.
    pub(super) fn recycle(&mut self, buffer: Buffer) {
        const MOST: usize = 8;
        // Below this the allocator is as fast.
        const SMALLEST: usize = 1024;
        if buffer.capacity() < SMALLEST {
            return;
        }
        let mut kept: usize = self.spares.iter().map(Buffer::capacity).sum();
        while self.spares.len() == MOST
            || !self.spares.is_empty() && (kept + buffer.capacity()) as u64 > self.limit_pixels
        {
            kept -= self.spares.remove(0).capacity();
        }
        self.spares.push(buffer);
    }
}

impl Clone for Window {
    fn clone(&self) -> Self {
        Self {
            images: self.images.clone(),
            spares: Vec::new(),
            ..*self
        }
    }
}
