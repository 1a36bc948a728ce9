//! Memory that commands need while they draw, kept from one to the next, so that a surface in use draws without allocating.

use std::fmt;

use super::clip::Region;
use super::scale;

/// The memory of one surface, or of a canvas, which lends it to the surface it draws on. There is none before the first
/// command; what a command made too large is given back after it.
#[derive(Default)]
pub(super) struct Scratch(Option<Box<Memory>>);

/// What is in a [`Scratch`].
#[derive(Default)]
pub(super) struct Memory {
    /// Where a command draws.
    pub region: Region,
    /// How much the glyphs of a text cover.
    pub coverage: Vec<u8>,
    /// The pixels that lines may draw. INVARIANT: zeros.
    pub inside: Vec<u64>,
    /// The pixels that dashes cover. INVARIANT: zeros.
    pub dashed: Vec<u64>,
    /// Rows of a picture that is scaled.
    pub scaled: Option<Box<scale::Buffers>>,
}

impl Scratch {
    /// Most bytes kept.
    pub const MOST: usize = MOST_COVERAGE + 2 * MOST_PLACES + Region::MOST + scale::Buffers::MOST;

    /// The memory, until it is [put back](Self::put).
    pub fn take(&mut self) -> Box<Memory> {
        self.0.take().unwrap_or_default()
    }

    /// Puts the memory back, for the next command.
    pub fn put(&mut self, mut memory: Box<Memory>) {
        if memory.coverage.capacity() > MOST_COVERAGE {
            memory.coverage = Vec::new();
        }
        for places in [&mut memory.inside, &mut memory.dashed] {
            if places.capacity() > MOST_PLACES / 8 {
                *places = Vec::new();
            }
        }
        if memory.region.bytes() > Region::MOST {
            memory.region = Region::default();
        }
        self.0 = Some(memory);
    }

    /// Memory to scale a picture with, until it is [put back](Self::put_scaled).
    pub fn take_scaled(&mut self) -> Box<scale::Buffers> {
        let kept = self.0.as_mut().and_then(|memory| memory.scaled.take());
        kept.unwrap_or_default()
    }

    /// Puts the memory back, for the next picture.
    pub fn put_scaled(&mut self, buffers: Box<scale::Buffers>) {
        self.0.get_or_insert_default().scaled = Some(buffers);
    }

    /// Bytes kept.
    pub fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |memory| {
            let places = memory.inside.capacity() + memory.dashed.capacity();
            let scaled = memory.scaled.as_ref().map_or(0, |_| scale::Buffers::MOST);
            memory.coverage.capacity() + 8 * places + memory.region.bytes() + scaled
        })
    }
}

/// A copy has memory of its own.
impl Clone for Scratch {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// What is in it means nothing.
impl PartialEq for Scratch {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Scratch {}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scratch({} bytes)", self.bytes())
    }
}

/// Most bytes kept for coverage: a line of large letters across a screen.
const MOST_COVERAGE: usize = 256 << 10;

/// Most bytes kept for a set of pixels: all of a screen of 2048×2048.
const MOST_PLACES: usize = 512 << 10;
