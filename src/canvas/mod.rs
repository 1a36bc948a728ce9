//! A 2-D rasteriser for the drawing commands of SPICE. It knows geometry and pixels: no messages, no images in coded
//! form, no caches.
//!
//! A [`Canvas`] is a set of [`Surface`]s. Every command is a method of `Surface` and has the same ingredients:
//!
//! * an [`Area`]: the box it draws in, a [`Clip`] and perhaps a [`Mask`];
//! * operands: a [`Brush`], or a [`Cutout`] of a [`Source`] picture;
//! * a [`Rop`] that combines operands and surface, bit by bit, on whole pixel words;
//! * a [`Damage`] that learns which rectangles were drawn.
//!
//! Coordinates may be anything an `i32` can be. A command costs no more than the part of its box that lies on the surface.

mod area;
mod blend;
mod brush;
mod clip;
mod composite;
mod convert;
mod damage;
mod dashes;
mod glyph;
mod ink;
mod note;
mod operator;
mod path;
mod ratio;
mod rop;
mod rop3;
mod rows;
mod scale;
mod scratch;
mod source;
mod stroke;
mod surface;
mod texture;
mod transparent;

use std::collections::BTreeMap;
use std::fmt;

use smallvec::SmallVec;

use crate::geometry::Size;
use crate::pixels::{PixelFormat, PixelView};
use scratch::Scratch;

pub use area::{Area, Mask};
pub use brush::Brush;
pub use clip::{Clip, Region};
pub use composite::Composite;
pub use damage::Damage;
pub use dashes::Dashes;
pub use glyph::{Coverage, Glyph, Text};
pub use operator::Operator;
pub use path::Path;
pub use rop::{Operands, Rop};
pub use rop3::Rop3;
pub use scale::ScaleMode;
pub use source::{Cutout, Layout, Source};
pub use surface::Surface;
pub use texture::{Filter, Repeat, Texture, Transform};

/// A set of surfaces by id, within limits on their number and on their memory.
#[derive(Clone, Debug)]
pub struct Canvas {
    surfaces: BTreeMap<u32, Surface>,
    /// Most bytes all surfaces together may take.
    budget: u64,
    /// What surfaces need while they are drawn on.
    scratch: Scratch,
}

impl Canvas {
    /// Most bytes kept to draw with, beside the surfaces.
    pub const MAX_SCRATCH_BYTES: usize = Scratch::MOST;

    /// Most surfaces at a time.
    pub const MAX_SURFACES: usize = 1024;

    /// An empty canvas whose surfaces may take `budget` bytes together.
    pub fn new(budget: u64) -> Self {
        Self {
            surfaces: BTreeMap::new(),
            budget,
            scratch: Scratch::default(),
        }
    }

    /// From now on all surfaces together may take `budget` bytes. Those that exist stay, even if they take more.
    pub fn set_budget(&mut self, budget: u64) {
        self.budget = budget;
    }

    /// Makes a surface of zeros. One that has this id already is replaced.
    ///
    /// # Errors
    ///
    /// [`Error::BadSize`], [`Error::TooManySurfaces`] or [`Error::OverBudget`], before anything is allocated; the canvas
    /// is then as before.
    pub fn create(&mut self, id: u32, format: PixelFormat, size: Size) -> Result<(), Error> {
        let replaced = self.surfaces.get(&id);
        if replaced.is_none() && self.surfaces.len() >= Self::MAX_SURFACES {
            return Err(Error::TooManySurfaces);
        }
        let others = self.bytes_in_use() - replaced.map_or(0, Surface::bytes);
        let needed = others + Surface::bytes_for(format, size)?;
        if needed > self.budget {
            return Err(Error::OverBudget {
                needed,
                budget: self.budget,
            });
        }
        // Frees the memory of the old one first.
        self.surfaces.remove(&id);
        self.surfaces.insert(id, Surface::new(format, size)?);
        Ok(())
    }

    /// Removes a surface; whether there was one.
    pub fn destroy(&mut self, id: u32) -> bool {
        self.surfaces.remove(&id).is_some()
    }

    /// Removes all surfaces but this one.
    pub fn keep_only(&mut self, id: Option<u32>) {
        self.surfaces.retain(|other, _| Some(*other) == id);
    }

    /// Removes all surfaces.
    pub fn clear(&mut self) {
        self.surfaces.clear();
    }

    /// The surface with this id.
    pub fn surface(&self, id: u32) -> Option<&Surface> {
        self.surfaces.get(&id)
    }

    /// The surface with this id, to draw on.
    pub fn surface_mut(&mut self, id: u32) -> Option<&mut Surface> {
        self.surfaces.get_mut(&id)
    }

    /// All surfaces, lowest id first.
    pub fn surfaces(&self) -> impl Iterator<Item = (u32, &Surface)> {
        self.surfaces.iter().map(|(id, surface)| (*id, surface))
    }

    /// Memory of all surfaces together.
    pub fn bytes_in_use(&self) -> u64 {
        self.surfaces.values().map(Surface::bytes).sum()
    }

    /// Bytes kept to draw with, at most [`Canvas::MAX_SCRATCH_BYTES`].
    pub fn scratch_bytes(&self) -> usize {
        self.scratch.bytes()
    }

    /// Gives the memory kept to draw with back.
    pub fn drop_scratch(&mut self) {
        self.scratch = Scratch::default();
    }

    /// Draws on the surface `target` while reading from others: `draw` gets the target and the pixels of the surfaces
    /// `reads`, in that order. A target that is read as well is seen as it was before, through a temporary copy, so that
    /// overlap is harmless.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSurface`] with the first id that is missing; nothing is drawn then.
    pub fn draw_from<R>(
        &mut self,
        target: u32,
        reads: &[u32],
        draw: impl FnOnce(&mut Surface, &[PixelView<'_>]) -> R,
    ) -> Result<R, Error> {
        if let Some(id) = reads.iter().find(|id| !self.surfaces.contains_key(id)) {
            return Err(Error::UnknownSurface(*id));
        }
        for id in reads {
            self.surfaces.get_mut(id).map(Surface::put_in_order);
        }
        let Some(place) = self.surfaces.get_mut(&target) else {
            return Err(Error::UnknownSurface(target));
        };
        // Taken out of its place, so that the others can be borrowed while it changes.
        let mut surface = std::mem::replace(place, Surface::absent());
        surface.scratch = std::mem::take(&mut self.scratch);
        let before = reads.contains(&target).then(|| surface.clone());
        let views: SmallVec<[PixelView<'_>; 3]> = reads
            .iter()
            .filter_map(|id| match *id == target {
                true => before.as_ref(),
                false => self.surfaces.get(id),
            })
            .map(Surface::pixels)
            .collect();
        let result = draw(&mut surface, &views);
        drop(views);
        self.scratch = std::mem::take(&mut surface.scratch);
        self.surfaces.insert(target, surface);
        Ok(result)
    }
}

impl Default for Canvas {
    /// A budget of 512 MiB.
    fn default() -> Self {
        Self::new(512 << 20)
    }
}

/// Why a surface cannot be made, or a command cannot be drawn. The command is to be skipped; it has drawn nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A surface without pixels, or with a side longer than [`Surface::MAX_SIDE`].
    BadSize(Size),
    /// There are [`Canvas::MAX_SURFACES`] already.
    TooManySurfaces,
    /// The surfaces would take more memory than the canvas may use.
    OverBudget {
        /// Bytes with the surface asked for.
        needed: u64,
        /// Bytes allowed.
        budget: u64,
    },
    /// No surface has this id.
    UnknownSurface(u32),
    /// A surface can only be read by a surface with equally wide pixels.
    DepthMismatch {
        /// Bits per pixel of the surface that is read.
        source: u32,
        /// Bits per pixel of the surface that is drawn on.
        target: u32,
    },
    /// The part of a picture to copy has no pixels.
    EmptySourceArea,
    /// The picture of a pattern brush has no pixels.
    EmptyPattern,
    /// The part of a picture to use reaches outside it.
    AreaOutsideSource,
    /// A curve is the first thing in a line.
    CurveWithoutStart,
    /// All dashes and gaps of a line are shorter than a pixel.
    EmptyDashes,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BadSize(Size { width, height }) => {
                write!(f, "a surface cannot be {width}×{height} pixels")
            }
            Self::TooManySurfaces => write!(f, "there are {} surfaces", Canvas::MAX_SURFACES),
            Self::OverBudget { needed, budget } => write!(
                f,
                "the surfaces would take {needed} bytes, over the limit of {budget}"
            ),
            Self::UnknownSurface(id) => write!(f, "there is no surface {id}"),
            Self::DepthMismatch { source, target } => write!(
                f,
                "a surface of {source} bits per pixel cannot be drawn on one of {target}"
            ),
            Self::EmptySourceArea => write!(f, "the source area is empty"),
            Self::EmptyPattern => write!(f, "the pattern has no pixels"),
            Self::AreaOutsideSource => write!(f, "the source area reaches outside its picture"),
            Self::CurveWithoutStart => write!(f, "a curve has no start"),
            Self::EmptyDashes => write!(f, "the dashes have no length"),
        }
    }
}

impl std::error::Error for Error {}
