//! How SPICE lays out bytes, and nothing about what they mean.
//!
//! Everything is little-endian and packed. A *pointer* is a `u32` offset from the start of the message body. Reading a
//! field names it; the name appears in the error when the field is bad and in the [`Trace`] when one is kept.

mod framing;
mod list;
mod macros;
mod reader;
mod trace;
mod writer;

pub use framing::{Frame, FrameError, Framer, HeaderKind, Part, Parts, parts};
pub use list::{List, Listed};
pub(crate) use macros::{wire_enum, wire_flags, wire_struct};
pub use reader::{DecodeError, DecodeErrorKind, Reader};
pub use trace::{Field, Trace, Value};
pub use writer::{Slot, Writer};

use crate::geometry::{Point, Rect};

/// A value that can be read from a message body.
pub trait Decode<'a>: Sized {
    /// Reads the value at the reader's position and moves behind it.
    ///
    /// # Errors
    ///
    /// When bytes are missing or a field is out of its range; the error names the field.
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError>;
}

/// A value that can be written into a message body.
pub trait Encode {
    /// Appends the value.
    fn encode(&self, w: &mut Writer);
}

macro_rules! scalars {
    ($($type:ident),*) => {$(
        impl<'a> Decode<'a> for $type {
            fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
                let value = $type::from_le_bytes(r.array("")?);
                if $type::MIN != 0 {
                    r.signed();
                }
                Ok(value)
            }
        }

        impl Encode for $type {
            fn encode(&self, w: &mut Writer) {
                w.bytes(&self.to_le_bytes());
            }
        }
    )*};
}

scalars!(u8, u16, u32, u64, i16, i32, i64);

impl<'a> Decode<'a> for Point {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Point {
            x: r.i32("x")?,
            y: r.i32("y")?,
        })
    }
}

impl Encode for Point {
    fn encode(&self, w: &mut Writer) {
        w.i32(self.x);
        w.i32(self.y);
    }
}

/// On the wire the order is top, left, bottom, right.
impl<'a> Decode<'a> for Rect {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (top, left) = (r.i32("top")?, r.i32("left")?);
        let (bottom, right) = (r.i32("bottom")?, r.i32("right")?);
        Ok(Rect {
            left,
            top,
            right,
            bottom,
        })
    }
}

impl Encode for Rect {
    fn encode(&self, w: &mut Writer) {
        w.i32(self.top);
        w.i32(self.left);
        w.i32(self.bottom);
        w.i32(self.right);
    }
}
