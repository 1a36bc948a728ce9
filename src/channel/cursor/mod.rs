//! The cursor channel: the shape and place of the guest's pointer.
//!
//! Protocol: spec 03 part B. One channel a display, of the same id.

mod client;
pub mod messages;
mod server;
mod shape;

pub use client::{Client, MAX_SHAPE_BYTES};
pub use server::{Pointer, Server};

use std::sync::Arc;

use crate::geometry::{Point, Size};

/// What a cursor channel tells the user of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The pointer has this shape from now on; `None` is no shape of its own.
    Shape {
        /// Id of the cursor channel, which is that of its display.
        display: u8,
        /// The shape.
        shape: Option<Arc<Shape>>,
    },
    /// The pointer is here (mouse mode SERVER), and visible.
    Moved {
        /// Id of the cursor channel.
        display: u8,
        /// Where its hot spot is.
        position: Point,
    },
    /// The pointer is shown or hidden.
    Visible {
        /// Id of the cursor channel.
        display: u8,
        /// Whether it is shown.
        visible: bool,
    },
}

impl Event {
    /// Id of the cursor channel it is from.
    pub fn display(&self) -> u8 {
        match self {
            Self::Shape { display, .. }
            | Self::Moved { display, .. }
            | Self::Visible { display, .. } => *display,
        }
    }
}

/// A pointer's picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Width and height, each 1 to 1024.
    pub size: Size,
    /// The pixel that points; may be one past the edge.
    pub hot_spot: Point,
    /// Rows, top row first, packed; each pixel is the bytes B, G, R, A, not premultiplied.
    pub pixels: Vec<u8>,
    /// One byte a pixel: 1 where the colour is XORed with the screen instead (monochrome and masked shapes); empty when
    /// there is no such pixel. Those pixels have alpha 0.
    pub invert: Vec<u8>,
}
