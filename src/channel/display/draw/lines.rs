//! What DRAW_STROKE draws: paths, and how their lines are dashed.

use super::Member;
use crate::channel::display::image::{Target, Targets, invalid};
use crate::wire::{
    Decode, DecodeError, DecodeErrorKind, Encode, List, Reader, Writer, wire_flags, wire_struct,
};

wire_flags! {
    /// How a line starts.
    pub struct LineFlags: u8 {
        /// The first dash is a gap.
        START_WITH_GAP = 4,
        /// The line is dashed.
        STYLED = 8,
    }
}

wire_flags! {
    /// What a segment does to its path.
    pub struct PathFlags: u8 {
        /// A new line begins with the segment's first point.
        BEGIN = 1,
        /// The line ends here.
        END = 2,
        /// The line returns to its first point when it ends.
        CLOSE = 8,
        /// The points are Bézier triples: two controls and an end.
        BEZIER = 0x10,
    }
}

wire_struct! {
    /// A point in sixteenths of a pixel.
    pub struct PointFix { x: i32, y: i32 }
}

/// How a line is drawn: 1 byte, or 6 and a pointed-to array when dashed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineAttr<'a> {
    /// How it starts. STYLED is set exactly if there is a style, whatever is said here when encoding.
    pub flags: LineFlags,
    /// Lengths of dashes and gaps in turn, in sixteenths of a pixel, 1 to 255 of them; empty for a solid line.
    pub style: List<'a, i32>,
}

/// Lines and curves, behind a pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path<'a> {
    /// The segments in drawing order.
    pub segments: List<'a, PathSegment<'a>>,
}

/// Points of a [`Path`]: u8 flags, u32 count, the points.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathSegment<'a> {
    /// What the segment does.
    pub flags: PathFlags,
    /// Its points.
    pub points: List<'a, PointFix>,
}

impl<'a> Decode<'a> for LineAttr<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let flags: LineFlags = r.value("flags")?;
        let mut style = List::default();
        if flags.contains(LineFlags::STYLED) {
            let at = r.position();
            let count = usize::from(r.u8("style_nseg")?);
            if count == 0 {
                return Err(invalid(r, "style_nseg", at, "0 dashes in a dashed line"));
            }
            let at = r.position();
            style = r
                .pointer_with("style", |r| r.lasting_list("", count, 4))?
                .ok_or_else(|| r.error("style", at, DecodeErrorKind::Null))?;
        }
        Ok(Self { flags, style })
    }
}

/// At most 255 lengths can be sent; the rest is left out.
impl<'a> Member<'a> for LineAttr<'a> {
    fn write<'t>(&'t self, w: &mut Writer, targets: &mut Targets<'t>) {
        if self.style.is_empty() {
            w.u8(self.flags.0 & !LineFlags::STYLED.0);
        } else {
            w.value(&(self.flags | LineFlags::STYLED));
            w.u8(self.style.len().min(255) as u8);
            targets.pointer(w, &self.style);
        }
    }
}

/// Dashes and gaps of a [`LineAttr`].
impl Target for List<'_, i32> {
    fn write_target<'t>(&'t self, w: &mut Writer, _: &mut Targets<'t>) {
        self.iter().take(255).for_each(|length| w.i32(length));
    }
}

impl<'a> Decode<'a> for Path<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = r.u32("num_segments")? as usize;
        Ok(Self {
            segments: r.lasting_list("segments", count, 5)?,
        })
    }
}

impl Target for Path<'_> {
    fn write_target<'t>(&'t self, w: &mut Writer, _: &mut Targets<'t>) {
        w.u32(self.segments.len() as u32);
        w.value(&self.segments);
    }
}

impl<'a> Decode<'a> for PathSegment<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let flags = r.value("flags")?;
        let count = r.u32("count")? as usize;
        Ok(Self {
            flags,
            points: r.lasting_list("points", count, 8)?,
        })
    }
}

impl Encode for PathSegment<'_> {
    fn encode(&self, w: &mut Writer) {
        w.value(&self.flags);
        w.u32(self.points.len() as u32);
        w.value(&self.points);
    }
}
