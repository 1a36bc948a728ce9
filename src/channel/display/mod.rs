//! The display channel: surfaces, draw commands, images, streams.
//!
//! Protocol: spec 07, 07a to 07c. One channel a graphics device; ids from 0.

pub mod draw;
pub mod image;
pub mod messages;

mod cache;
mod client;
mod compress;
mod images;
mod picture;
mod server;
mod stills;
mod streams;

pub use cache::{PaletteCache, PixmapCache};
pub use client::{Client, SPARE_BYTES};
pub use compress::Compression;
pub use images::CodecCount;
pub use messages::ImageCompression;
pub use server::{Server, Update};
pub(crate) use stills::{DecodedImage, ImageJob};
pub use streams::StreamCount;
pub(crate) use streams::{MAX_STREAMS, VideoDone, VideoJob, codec_of};

use bytes::Bytes;

use crate::geometry::Rect;

/// Number of a surface. The primary, which is what the screen shows, is 0 on every known server.
pub type SurfaceId = u32;

/// What a display channel tells the user of a client. All are about the channel's primary surface.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The screen has a new size; its pixels are zero until regions follow.
    SurfaceCreated {
        /// Id of the display channel.
        display: u8,
        /// Number of the surface.
        surface: SurfaceId,
        /// Columns, 1 to 16384.
        width: u32,
        /// Rows, 1 to 16384.
        height: u32,
    },
    /// The screen is gone; another SurfaceCreated usually follows.
    SurfaceDestroyed {
        /// Id of the display channel.
        display: u8,
        /// Number of the surface.
        surface: SurfaceId,
    },
    /// Pixels of an area as they are at the moment this event is taken.
    Region {
        /// Id of the display channel.
        display: u8,
        /// Number of the surface.
        surface: SurfaceId,
        /// The area, inside the surface and not empty.
        rect: Rect,
        /// Its pixels.
        pixels: RegionPixels,
    },
    /// An area of the screen moved; what was announced before is enough to follow it.
    CopyRect {
        /// Id of the display channel.
        display: u8,
        /// Number of the surface.
        surface: SurfaceId,
        /// Column of the source's corner.
        src_x: i32,
        /// Row of the source's corner.
        src_y: i32,
        /// Where it goes, inside the surface. May overlap the source.
        dest_rect: Rect,
    },
    /// What is on the surface is meaningful: show it.
    Marked {
        /// Id of the display channel.
        display: u8,
    },
    /// The monitors that look at the surface.
    Monitors {
        /// Id of the display channel.
        display: u8,
        /// Never empty.
        heads: Vec<Head>,
    },
}

impl Event {
    /// Id of the display channel it is from.
    pub fn display(&self) -> u8 {
        match self {
            Self::SurfaceCreated { display, .. }
            | Self::SurfaceDestroyed { display, .. }
            | Self::Region { display, .. }
            | Self::CopyRect { display, .. }
            | Self::Marked { display }
            | Self::Monitors { display, .. } => *display,
        }
    }
}

/// Pixels of a [`Event::Region`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegionPixels {
    /// Uncompressed.
    Raw {
        /// Rows, top row first; each pixel is the bytes B, G, R, X.
        data: Bytes,
        /// Bytes from one row to the next.
        stride: usize,
    },
    /// Left where they are: the session was told that nobody looks at them.
    NotCut,
}

/// One monitor: a rectangle of the primary surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of the monitor on its channel.
    pub id: u32,
    /// The area it shows, as announced; may exceed the surface while it is resized.
    pub rect: Rect,
}
