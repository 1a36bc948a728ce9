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
    pixels: u64,
    limit: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    pixmap: Pixmap,
    pixels: u64,
    /// Arrived as JPEG: not good enough for FROM_CACHE_LOSSLESS.
    lossy: bool,
    /// Times it was stored; it goes when it was invalidated as often.
    references: u32,
}

impl PixmapCache {
    /// A cache for a server that was told it may keep `announced` pixels.
    pub fn new(announced: u64) -> Self {
        // A tenth more than announced is a server's rounding; beyond that it breaks the protocol.
        Self {
            limit: announced + announced / 10,
            ..Self::default()
        }
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
        let (held, references) = self
            .entries
            .get(&id)
            .map_or((0, 0), |e| (e.pixels, e.references));
        let total = self.pixels - held + pixels;
        if total > self.limit {
            return Err(format!(
                "the pixmap cache would hold {total} pixels, over its limit of {}",
                self.limit
            ));
        }
        let references = references.saturating_add(1);
        self.entries.insert(
            id,
            Entry {
                pixmap,
                pixels,
                lossy,
                references,
            },
        );
        self.pixels = total;
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
                self.pixels -= entry.pixels;
                self.entries.remove(&id);
            }
        }
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.pixels = 0;
    }

    /// Pixels held.
    pub fn pixels(&self) -> u64 {
        self.pixels
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
    pub const MAX: usize = 1024;

    /// Stores a palette; id 0 is never kept.
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
        self.palettes.insert(id, entries);
        Ok(())
    }

    /// The palette with this id.
    pub fn find(&self, id: u64) -> Option<&Arc<[u32]>> {
        self.palettes.get(&id)
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
}
