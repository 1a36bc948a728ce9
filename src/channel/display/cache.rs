//! Pictures a server may refer to later: the pixmap cache of the session and the palettes of a display channel.
//!
//! The server decides what enters and what leaves. The limits here only stop a server that does not keep its own.
//!
//! Protocol: spec 07a §9.

use std::collections::HashMap;
use std::sync::Arc;

use super::picture::Picture;

/// What a pixmap cache entry holds.
#[derive(Clone, Debug)]
pub enum Pixmap {
    /// A picture in the format it arrived in.
    Picture(Arc<Picture<'static>>),
    /// A 1-bit mask, before any inversion.
    Mask(Arc<crate::pixels::PixelBuf>),
}

/// Images kept for the server, shared by the display channels of a session.
#[derive(Clone, Debug, Default)]
pub struct PixmapCache {
    entries: HashMap<u64, Entry>,
    /// INVARIANT: the sums over `entries`.
    pixels: u64,
    bytes: u64,
    limit_pixels: u64,
    limit_bytes: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    pixmap: Pixmap,
    pixels: u64,
    bytes: u64,
    /// Arrived as JPEG: not good enough for FROM_CACHE_LOSSLESS.
    lossy: bool,
    /// Times it was stored; it goes when it was invalidated as often.
    references: u32,
}

/// Bytes an image costs beside its pixels, generously.
const ENTRY_BYTES: u64 = 256;

impl Pixmap {
    /// Memory it takes.
    fn bytes(&self) -> u64 {
        ENTRY_BYTES
            + match self {
                Self::Picture(picture) => picture.memory(),
                Self::Mask(bits) => bits.data().len() as u64,
            }
    }
}

impl PixmapCache {
    /// A cache for a server that was told it may keep `announced` pixels.
    pub fn new(announced: u64) -> Self {
        Self {
            // A tenth more than announced is a server's rounding; beyond that it breaks the protocol.
            limit_pixels: announced + announced / 10,
            limit_bytes: Self::limit_bytes(announced),
            ..Self::default()
        }
    }

    /// Most bytes that a cache of `announced` pixels takes. A server counts pixels as four bytes, and nothing for an image
    /// as such: it can fill its cache when images have 256 pixels or more on average.
    pub const fn limit_bytes(announced: u64) -> u64 {
        announced * 5
    }

    /// Stores a pixmap of `pixels` pixels; one with this id is replaced.
    ///
    /// # Errors
    ///
    /// The text of a limit that was exceeded; the cache is then as before.
    pub fn store(
        &mut self,
        id: u64,
        pixmap: Pixmap,
        pixels: u64,
        lossy: bool,
    ) -> Result<(), String> {
        let bytes = pixmap.bytes();
        self.admit(id, pixels, bytes)?;
        let replaced = self.entries.get(&id);
        let references = replaced.map_or(0, |e| e.references).saturating_add(1);
        self.remove(id);
        self.entries.insert(
            id,
            Entry {
                pixmap,
                pixels,
                bytes,
                lossy,
                references,
            },
        );
        self.pixels += pixels;
        self.bytes += bytes;
        Ok(())
    }

    /// Checks that a pixmap of `pixels` pixels in `bytes` bytes may be stored under this id.
    ///
    /// # Errors
    ///
    /// The text of the limit that it would exceed.
    pub fn admit(&self, id: u64, pixels: u64, bytes: u64) -> Result<(), String> {
        let held = self
            .entries
            .get(&id)
            .map_or((0, 0), |e| (e.pixels, e.bytes));
        let pixels = (self.pixels - held.0).saturating_add(pixels);
        let bytes = (self.bytes - held.1).saturating_add(bytes);
        if pixels > self.limit_pixels {
            return Err(format!(
                "the pixmap cache would hold {pixels} pixels, over its limit of {}",
                self.limit_pixels
            ));
        }
        if bytes > self.limit_bytes {
            return Err(format!(
                "the pixmap cache would take {bytes} bytes, over its limit of {}",
                self.limit_bytes
            ));
        }
        Ok(())
    }

    /// Puts a lossless pixmap in the place of a lossy one, which keeps its count.
    ///
    /// # Errors
    ///
    /// As [`store`](Self::store).
    pub fn replace(&mut self, id: u64, pixmap: Pixmap, pixels: u64) -> Result<(), String> {
        self.store(id, pixmap, pixels, false)?;
        if let Some(entry) = self.entries.get_mut(&id).filter(|e| e.references > 1) {
            entry.references -= 1;
        }
        Ok(())
    }

    /// The pixmap with this id; with `lossless`, only one that is.
    pub fn find(&self, id: u64, lossless: bool) -> Option<&Pixmap> {
        self.entries
            .get(&id)
            .filter(|e| !(lossless && e.lossy))
            .map(|e| &e.pixmap)
    }

    /// Whether [`find`](Self::find) would find it.
    pub fn contains(&self, id: u64, lossless: bool) -> bool {
        self.find(id, lossless).is_some()
    }

    /// The server gives up one reference.
    pub fn invalidate(&mut self, id: u64) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.references -= 1;
            if entry.references == 0 {
                self.remove(id);
            }
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
        (self.pixels, self.bytes) = (0, 0);
    }

    fn remove(&mut self, id: u64) {
        if let Some(entry) = self.entries.remove(&id) {
            self.pixels -= entry.pixels;
            self.bytes -= entry.bytes;
        }
    }

    /// All images: id, pixels, and how often each was stored.
    pub(super) fn all(&self) -> impl Iterator<Item = (u64, &Pixmap, u32)> {
        let entries = self.entries.iter();
        entries.map(|(id, entry)| (*id, &entry.pixmap, entry.references))
    }

    /// What its clones share: a number of each image, and its bytes.
    pub fn shared(&self) -> impl Iterator<Item = (usize, u64)> {
        self.entries.values().map(|entry| match &entry.pixmap {
            Pixmap::Picture(picture) => (Arc::as_ptr(picture).addr(), entry.bytes),
            Pixmap::Mask(bits) => (Arc::as_ptr(bits).addr(), entry.bytes),
        })
    }

    /// Pixels held.
    pub fn pixels(&self) -> u64 {
        self.pixels
    }

    /// Bytes held, what an image costs beside its pixels included.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Images held.
    pub fn images(&self) -> usize {
        self.entries.len()
    }
}

/// Palettes kept for the server by one display channel.
#[derive(Clone, Debug, Default)]
pub struct PaletteCache {
    palettes: HashMap<u64, Arc<[u32]>>,
}

impl PaletteCache {
    /// Most palettes held; the reference server keeps 128.
    pub const MAX: usize = 256;
    /// Most entries of a palette held: an index has eight bits at most.
    pub const MAX_ENTRIES: usize = 256;

    /// Most bytes held.
    pub const LIMIT_BYTES: u64 = (Self::MAX * (Self::MAX_ENTRIES * 4 + PALETTE_BYTES)) as u64;

    /// Stores a palette, its first [`MAX_ENTRIES`](Self::MAX_ENTRIES) entries; id 0 is never kept.
    ///
    /// # Errors
    ///
    /// The text of the limit when there are too many.
    pub fn store(&mut self, id: u64, entries: Arc<[u32]>) -> Result<(), String> {
        if id == 0 {
            return Ok(());
        }
        if self.palettes.len() >= Self::MAX && !self.palettes.contains_key(&id) {
            return Err(format!("more than {} palettes are to be kept", Self::MAX));
        }
        let entries = match entries.get(..Self::MAX_ENTRIES) {
            Some(first) if first.len() < entries.len() => first.into(),
            _ => entries,
        };
        self.palettes.insert(id, entries);
        Ok(())
    }

    /// All palettes by their ids.
    pub(super) fn all(&self) -> impl Iterator<Item = (u64, &[u32])> {
        self.palettes.iter().map(|(id, entries)| (*id, &**entries))
    }

    /// The palette with this id.
    pub fn find(&self, id: u64) -> Option<&Arc<[u32]>> {
        self.palettes.get(&id)
    }

    /// Bytes held, what a palette costs beside its entries included.
    pub fn bytes(&self) -> u64 {
        let one = |entries: &Arc<[u32]>| entries.len() * 4 + PALETTE_BYTES;
        self.palettes.values().map(one).sum::<usize>() as u64
    }

    /// Forgets one palette.
    pub fn invalidate(&mut self, id: u64) {
        self.palettes.remove(&id);
    }

    /// Forgets all palettes.
    pub fn clear(&mut self) {
        self.palettes.clear();
    }
}

/// Bytes a palette costs beside its entries, generously.
const PALETTE_BYTES: usize = 96;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::pixels::{PixelBuf, PixelFormat};

    fn mask() -> Pixmap {
        Pixmap::Mask(Arc::new(PixelBuf::new(PixelFormat::A1, Size::new(8, 1))))
    }

    #[test]
    fn an_image_stored_twice_goes_when_it_was_invalidated_twice() {
        let mut cache = PixmapCache::new(100);
        cache.store(7, mask(), 10, false).unwrap();
        cache.store(7, mask(), 10, false).unwrap();
        assert_eq!(cache.pixels(), 10);
        cache.invalidate(7);
        assert!(cache.contains(7, true));
        cache.invalidate(7);
        assert!(!cache.contains(7, false));
        assert_eq!(cache.pixels(), 0);
    }

    #[test]
    fn a_lossy_image_is_not_lossless_until_it_is_replaced() {
        let mut cache = PixmapCache::new(100);
        cache.store(7, mask(), 10, true).unwrap();
        assert!(cache.contains(7, false) && !cache.contains(7, true));
        cache.replace(7, mask(), 10).unwrap();
        assert!(cache.contains(7, true));
        cache.invalidate(7);
        assert!(
            !cache.contains(7, false),
            "the replacement added no reference"
        );
    }

    #[test]
    fn a_server_that_stores_more_than_announced_is_stopped() {
        let mut cache = PixmapCache::new(100);
        cache.store(1, mask(), 110, false).unwrap();
        assert!(cache.store(2, mask(), 1, false).is_err());
        assert_eq!((cache.images(), cache.pixels()), (1, 110));
    }

    #[test]
    fn many_tiny_images_are_counted_with_what_they_cost_beside_their_pixels() {
        let mut cache = PixmapCache::new(10_000);
        let stored = (0..1000).take_while(|id| cache.store(*id, mask(), 1, false).is_ok());
        // 5 · 10 000 bytes; each mask of one byte costs 257.
        assert_eq!(stored.count(), 194);
        assert_eq!((cache.images(), cache.bytes()), (194, 194 * 257));
        cache.invalidate(3);
        assert_eq!(cache.bytes(), 193 * 257);
    }

    #[test]
    fn a_palette_of_more_entries_than_an_index_can_name_is_cut() {
        let mut palettes = PaletteCache::default();
        palettes.store(1, vec![7; 65_535].into()).unwrap();
        assert_eq!(palettes.find(1).map(|p| p.len()), Some(256));
        assert_eq!(palettes.bytes(), 256 * 4 + 96);
    }
}
