//! Layouts of the cursor channel's messages (spec 03 §B1). The client says nothing of its own on this channel.

use crate::channel::messages;
use crate::wire::{
    Decode, DecodeError, Encode, Reader, Writer, wire_enum, wire_flags, wire_struct,
};

messages! {
    /// Server → client.
    pub enum ServerMessage<'a> {
        /// The pointer at the start; empties the cache.
        101 INIT Init(Init<'a>),
        /// Forget everything and wait for INIT.
        102 RESET Reset,
        /// The pointer's shape.
        103 SET Set(Set<'a>),
        /// The pointer is elsewhere, and visible.
        104 MOVE Move(Move),
        /// The pointer is hidden.
        105 HIDE Hide,
        /// Mouse trails.
        106 TRAIL Trail(Trail),
        /// A shape leaves the cache.
        107 INVAL_ONE InvalOne(InvalOne),
        /// The cache is emptied.
        108 INVAL_ALL InvalAll,
    }
}

messages! {
    /// Client → server: nothing but what every channel says.
    pub enum ClientMessage<'a> {}
}

wire_enum! {
    /// What a shape's pixels are.
    pub enum CursorType: u8 {
        /// Bytes B, G, R, A.
        Alpha = 0,
        /// AND mask and XOR mask.
        Mono = 1,
        /// 4-bit indices, 16 colours, mask.
        Color4 = 2,
        /// 8-bit indices, 256 colours, mask.
        Color8 = 3,
        /// Words `x1 r5 g5 b5`, mask.
        Color16 = 4,
        /// Bytes B, G, R, mask.
        Color24 = 5,
        /// Bytes B, G, R, X, mask.
        Color32 = 6,
    }
}

wire_flags! {
    /// Where a shape is.
    pub struct CursorFlags: u16 {
        /// There is none.
        NONE = 1,
        /// Keep it in the cache under its id.
        CACHE_ME = 2,
        /// It is in the cache.
        FROM_CACHE = 4,
    }
}

wire_struct! {
    /// A position in 16-bit coordinates.
    pub struct Point16 { x: i16, y: i16 }
}

/// The pointer at the start. Number 101, server → client. 11 bytes without a shape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Init<'a> {
    /// Where the hot spot is.
    pub position: Point16,
    /// Length of the mouse trail.
    pub trail_length: u16,
    /// Frequency of the mouse trail.
    pub trail_frequency: u16,
    /// 0 hides the pointer.
    pub visible: u8,
    /// The shape.
    pub cursor: Cursor<'a>,
}

/// The pointer's shape. Number 103, server → client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set<'a> {
    /// Where the hot spot is.
    pub position: Point16,
    /// 0 hides the pointer.
    pub visible: u8,
    /// The shape.
    pub cursor: Cursor<'a>,
}

wire_struct! {
    /// The pointer is elsewhere, and visible. Number 104, server → client.
    pub struct Move { position: Point16 }
}

wire_struct! {
    /// Mouse trails. Number 106, server → client.
    pub struct Trail { length: u16, frequency: u16 }
}

wire_struct! {
    /// A shape leaves the cache. Number 107, server → client.
    pub struct InvalOne { id: u64 }
}

/// A shape: u16 flags; unless NONE a header of 17 bytes, and pixels to the end of the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor<'a> {
    /// Where it is. NONE is set exactly if there is no header, whatever is said here when encoding.
    pub flags: CursorFlags,
    /// What it is.
    pub header: Option<CursorHeader>,
    /// The pixels, in the layout the header names; empty with NONE and FROM_CACHE.
    pub data: &'a [u8],
}

wire_struct! {
    /// What a shape is.
    pub struct CursorHeader {
        /// Key in the cache; 0 is not cacheable.
        unique: u64,
        cursor_type: CursorType,
        width: u16,
        height: u16,
        hot_spot_x: u16,
        hot_spot_y: u16,
    }
}

impl Cursor<'_> {
    /// No shape.
    pub const NONE: Self = Self {
        flags: CursorFlags::NONE,
        header: None,
        data: &[],
    };
}

impl<'a> Decode<'a> for Init<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            position: r.value("position")?,
            trail_length: r.u16("trail_length")?,
            trail_frequency: r.u16("trail_frequency")?,
            visible: r.u8("visible")?,
            cursor: r.value("cursor")?,
        })
    }
}

impl Encode for Init<'_> {
    fn encode(&self, w: &mut Writer) {
        w.value(&self.position);
        w.u16(self.trail_length);
        w.u16(self.trail_frequency);
        w.u8(self.visible);
        w.value(&self.cursor);
    }
}

impl<'a> Decode<'a> for Set<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            position: r.value("position")?,
            visible: r.u8("visible")?,
            cursor: r.value("cursor")?,
        })
    }
}

impl Encode for Set<'_> {
    fn encode(&self, w: &mut Writer) {
        w.value(&self.position);
        w.u8(self.visible);
        w.value(&self.cursor);
    }
}

impl<'a> Decode<'a> for Cursor<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let flags: CursorFlags = r.value("flags")?;
        if flags.contains(CursorFlags::NONE) {
            return Ok(Self {
                flags,
                ..Self::NONE
            });
        }
        let header = Some(r.value("header")?);
        let data = if flags.contains(CursorFlags::FROM_CACHE) {
            &[]
        } else {
            r.rest("data")
        };
        Ok(Self {
            flags,
            header,
            data,
        })
    }
}

impl Encode for Cursor<'_> {
    fn encode(&self, w: &mut Writer) {
        match &self.header {
            None => w.value(&(self.flags | CursorFlags::NONE)),
            Some(header) => {
                w.u16(self.flags.0 & !CursorFlags::NONE.0);
                w.value(header);
                w.bytes(self.data);
            }
        }
    }
}
