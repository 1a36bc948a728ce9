//! Which messages made a pixel: from the last one that covered it back, through copies and the surfaces images come from.
//!
//! Nothing is drawn here. A message is taken to change every pixel of its box inside its clip; what only some of them are
//! changed by (masks, glyphs, lines, transparency) *blends*, and what was there before counts too.

use std::collections::BTreeMap;
use std::fmt;

use crate::channel::Message;
use crate::channel::display::draw::{Brush, Clip, CompositeFlags, DisplayBase, QMask, Rop};
use crate::channel::display::image::{Image, ImageData};
use crate::channel::display::messages::ServerMessage;
use crate::geometry::{Point, Rect};
use crate::wire::{Frame, parts};

/// Most changes remembered of a display; the oldest go first.
const MOST: usize = 2_000_000;

/// Most messages told of a pixel.
const MOST_MARKS: usize = 1000;

/// Most streams followed.
const MOST_STREAMS: usize = 4096;

/// The changes of one display's surfaces, in their order.
#[derive(Clone, Debug, Default)]
pub struct Origins {
    changes: Vec<Change>,
    /// How many of the oldest are gone.
    forgotten: u64,
    /// Where streams are shown: surface, box, clip.
    streams: BTreeMap<u32, (u32, Rect, Clip<'static>)>,
}

/// A message that had to do with a pixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The message, by the number it was added with.
    pub message: u64,
    /// The surface it changed.
    pub surface: u32,
    /// The pixel of it that counts: where copies come from it is another one than that asked for.
    pub at: Point,
    /// What it did there.
    pub effect: Effect,
}

/// What a message does to the pixels it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Made the surface: all zero.
    Creates,
    /// Replaced them, whatever they were.
    Covers,
    /// Made them of what they were, or changed only some of them.
    Blends,
    /// Took them from elsewhere on the surface, moved by this.
    Moves(Point),
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Creates => f.write_str("creates"),
            Self::Covers => f.write_str("covers"),
            Self::Blends => f.write_str("may change"),
            Self::Moves(by) => write!(f, "copies from {:+},{:+} to", by.x, by.y),
        }
    }
}

#[derive(Clone, Debug)]
struct Change {
    message: u64,
    surface: u32,
    area: Rect,
    clip: Clip<'static>,
    effect: Effect,
    /// A surface that an image of it is taken from, and the area of that.
    source: Option<(u32, Rect)>,
}

impl Change {
    fn touches(&self, surface: u32, at: Point) -> bool {
        let inside = |rect: &Rect| {
            rect.left <= at.x && at.x < rect.right && rect.top <= at.y && at.y < rect.bottom
        };
        self.surface == surface
            && inside(&self.area)
            && self
                .clip
                .rects()
                .is_none_or(|clip| clip.iter().any(|rect| inside(&rect)))
    }

    /// The pixel of the source that went to `at`, scaled as areas are.
    fn source_of(&self, at: Point) -> Option<(u32, Point)> {
        let (surface, from) = self.source?;
        let along = |at: i32, [to, to_end]: [i32; 2], [from, from_end]: [i32; 2]| {
            let (size, from_size) = (
                i64::from(to_end) - i64::from(to),
                i64::from(from_end) - i64::from(from),
            );
            let into = (i64::from(at) - i64::from(to)).checked_mul(from_size)?;
            i32::try_from(i64::from(from) + into.checked_div(size)?).ok()
        };
        let to = self.area;
        let x = along(at.x, [to.left, to.right], [from.left, from.right])?;
        let y = along(at.y, [to.top, to.bottom], [from.top, from.bottom])?;
        Some((surface, Point::new(x, y)))
    }
}

impl Origins {
    /// Takes in a frame from the server; `message` is what it is called by in the answers, and grows.
    pub fn add(&mut self, message: u64, frame: &Frame) {
        let (parts, _) = parts(frame.clone());
        for part in parts {
            // What the client cannot decode it does not draw.
            if let Ok(decoded) = ServerMessage::decode(part.number, &part.body) {
                self.change(message, &decoded);
            }
        }
        if self.changes.len() >= MOST {
            let gone = MOST / 4;
            self.changes.drain(..gone);
            self.forgotten += gone as u64;
        }
    }

    /// How many of the oldest changes are no longer known.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn change(&mut self, message: u64, of: &ServerMessage<'_>) {
        let (base, effect, source) = match of {
            ServerMessage::SurfaceCreate(made) => {
                let side = |side: u32| i32::try_from(side).unwrap_or(i32::MAX);
                let area = Rect::new(0, 0, side(made.width), side(made.height));
                return self.push(message, made.surface_id, area, Clip::None, Effect::Creates);
            }
            ServerMessage::Mode(mode) => {
                let side = |side: u32| i32::try_from(side).unwrap_or(i32::MAX);
                let area = Rect::new(0, 0, side(mode.x_res), side(mode.y_res));
                return self.push(message, 0, area, Clip::None, Effect::Creates);
            }
            ServerMessage::StreamCreate(made) if self.streams.len() < MOST_STREAMS => {
                let shown = (made.surface_id, made.dest, made.clip.to_owned());
                self.streams.insert(made.id, shown);
                return;
            }
            ServerMessage::StreamClip(clip) => {
                if let Some(stream) = self.streams.get_mut(&clip.id) {
                    stream.2 = clip.clip.to_owned();
                }
                return;
            }
            ServerMessage::StreamDestroy(gone) => return drop(self.streams.remove(&gone.id)),
            ServerMessage::StreamDestroyAll => return self.streams.clear(),
            ServerMessage::StreamData(data) => return self.video(message, data.id, None),
            ServerMessage::StreamDataSized(data) => {
                return self.video(message, data.id, Some(data.dest));
            }
            ServerMessage::CopyBits(copy) => {
                let by = Point::new(
                    copy.src_pos.x.saturating_sub(copy.base.bbox.left),
                    copy.src_pos.y.saturating_sub(copy.base.bbox.top),
                );
                (&copy.base, Effect::Moves(by), None)
            }
            ServerMessage::DrawFill(d) => {
                let by_brush = !matches!(d.brush, Brush::None);
                (&d.base, covers(d.rop, &d.mask, by_brush), None)
            }
            ServerMessage::DrawCopy(d) | ServerMessage::DrawBlend(d) => {
                let from = surface(&d.src_bitmap).map(|id| (id, d.src_area));
                (&d.base, covers(d.rop, &d.mask, true), from)
            }
            ServerMessage::DrawOpaque(d) => {
                let from = surface(&d.src_bitmap).map(|id| (id, d.src_area));
                // The image covers, whatever the brush does to it.
                (&d.base, unless_masked(&d.mask, Effect::Covers), from)
            }
            ServerMessage::DrawBlackness(d) | ServerMessage::DrawWhiteness(d) => {
                (&d.base, unless_masked(&d.mask, Effect::Covers), None)
            }
            ServerMessage::DrawInvers(d) => (&d.base, Effect::Blends, None),
            ServerMessage::DrawRop3(d) => {
                // Each pair of bits is the result without and with the surface's bit set.
                let ignores = (d.rop3 & 0x55) == (d.rop3 >> 1 & 0x55);
                let effect = if ignores {
                    Effect::Covers
                } else {
                    Effect::Blends
                };
                let from = surface(&d.src_bitmap).map(|id| (id, d.src_area));
                (&d.base, unless_masked(&d.mask, effect), from)
            }
            ServerMessage::DrawStroke(d) => (&d.base, Effect::Blends, None),
            ServerMessage::DrawText(d) => (&d.base, Effect::Blends, None),
            ServerMessage::DrawTransparent(d) => {
                let from = surface(&d.src_bitmap).map(|id| (id, d.src_area));
                (&d.base, Effect::Blends, from)
            }
            ServerMessage::DrawAlphaBlend(d) => {
                let from = surface(&d.src_bitmap).map(|id| (id, d.src_area));
                (&d.base, Effect::Blends, from)
            }
            ServerMessage::DrawComposite(d) => {
                /// Operators that do not look at what was there.
                const CLEAR_AND_SRC: [u8; 2] = [0, 1];
                let plain = CLEAR_AND_SRC.contains(&d.flags.operator())
                    && !d.flags.contains(CompositeFlags::HAS_MASK);
                let effect = if plain {
                    Effect::Covers
                } else {
                    Effect::Blends
                };
                // Where it comes from depends on the transform, which is not followed.
                (&d.base, effect, None)
            }
            _ => return,
        };
        self.push_drawn(message, base, effect, source);
    }

    fn video(&mut self, message: u64, stream: u32, dest: Option<Rect>) {
        if let Some((surface, area, clip)) = self.streams.get(&stream).cloned() {
            let area = dest.unwrap_or(area);
            self.push(message, surface, area, clip, Effect::Covers);
        }
    }

    fn push(
        &mut self,
        message: u64,
        surface: u32,
        area: Rect,
        clip: Clip<'static>,
        effect: Effect,
    ) {
        self.changes.push(Change {
            message,
            surface,
            area,
            clip,
            effect,
            source: None,
        });
    }

    fn push_drawn(
        &mut self,
        message: u64,
        base: &DisplayBase<'_>,
        effect: Effect,
        source: Option<(u32, Rect)>,
    ) {
        self.changes.push(Change {
            message,
            surface: base.surface_id,
            area: base.bbox,
            clip: base.clip.to_owned(),
            effect,
            source,
        });
    }

    /// The messages that made a pixel what it is, the newest first: back to the one that covered it, and what that took
    /// from other places.
    pub fn of(&self, surface: u32, at: Point) -> Vec<Mark> {
        let mut marks = Vec::new();
        // Pixels to follow, and the change before which.
        let mut waiting = vec![(surface, at, self.changes.len())];
        while let Some((surface, at, before)) = waiting.pop() {
            let earlier = self.changes[..before].iter().enumerate().rev();
            for (place, change) in earlier.filter(|(_, change)| change.touches(surface, at)) {
                if marks.len() >= MOST_MARKS {
                    break;
                }
                marks.push(Mark {
                    message: change.message,
                    surface,
                    at,
                    effect: change.effect,
                });
                if let Some((source, from)) = change.source_of(at) {
                    waiting.push((source, from, place));
                }
                match change.effect {
                    Effect::Creates | Effect::Covers => break,
                    Effect::Moves(by) => {
                        let from = Point::new(at.x.saturating_add(by.x), at.y.saturating_add(by.y));
                        waiting.push((surface, from, place));
                        break;
                    }
                    Effect::Blends => {}
                }
            }
            if marks.len() >= MOST_MARKS {
                break;
            }
        }
        marks.sort_by_key(|mark| std::cmp::Reverse(mark.message));
        marks.dedup();
        marks
    }
}

/// The surface an image stands for.
fn surface(image: &Image<'_>) -> Option<u32> {
    match image.data {
        ImageData::Surface(id) => Some(id),
        _ => None,
    }
}

/// What a draw with this operation does, where it has a source at all.
fn covers(rop: Rop, mask: &QMask<'_>, has_source: bool) -> Effect {
    let joins = [Rop::OP_OR, Rop::OP_AND, Rop::OP_XOR];
    // The first of PUT, OR, AND, XOR … that is set counts.
    let puts = rop.contains(Rop::OP_PUT) && has_source;
    let fixed = [Rop::OP_BLACKNESS, Rop::OP_WHITENESS];
    let is_fixed = !rop.contains(Rop::OP_PUT)
        && !joins.into_iter().any(|join| rop.contains(join))
        && fixed.into_iter().any(|fixed| rop.contains(fixed));
    let effect = if puts || is_fixed {
        Effect::Covers
    } else {
        Effect::Blends
    };
    unless_masked(mask, effect)
}

fn unless_masked(mask: &QMask<'_>, effect: Effect) -> Effect {
    match mask.bitmap {
        Some(_) => Effect::Blends,
        None => effect,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::display::draw::DrawFill;
    use crate::channel::display::messages::{CopyBits, SurfaceCreate, SurfaceFlags, SurfaceFormat};

    fn base<'a>(area: Rect) -> DisplayBase<'a> {
        DisplayBase {
            surface_id: 0,
            bbox: area,
            clip: Clip::None,
        }
    }

    fn fill(area: Rect, rop: Rop) -> Frame {
        ServerMessage::DrawFill(DrawFill {
            base: base(area),
            brush: Brush::Solid(7),
            rop,
            mask: QMask::default(),
        })
        .to_frame()
    }

    fn create() -> Frame {
        ServerMessage::SurfaceCreate(SurfaceCreate {
            surface_id: 0,
            width: 100,
            height: 100,
            format: SurfaceFormat::Xrgb,
            flags: SurfaceFlags::PRIMARY,
        })
        .to_frame()
    }

    fn copy(area: Rect, from: Point) -> Frame {
        ServerMessage::CopyBits(CopyBits {
            base: base(area),
            src_pos: from,
        })
        .to_frame()
    }

    fn made_by(frames: &[Frame], at: Point) -> Vec<(u64, Effect)> {
        let mut origins = Origins::default();
        (0..).zip(frames).for_each(|(n, f)| origins.add(n, f));
        let marks = origins.of(0, at).into_iter();
        marks.map(|mark| (mark.message, mark.effect)).collect()
    }

    #[test]
    fn what_was_covered_does_not_count() {
        let all = Rect::new(0, 0, 100, 100);
        let frames = [
            create(),
            fill(all, Rop::OP_PUT),
            fill(Rect::new(0, 0, 10, 10), Rop::OP_PUT),
            fill(Rect::new(5, 5, 20, 20), Rop::OP_XOR),
        ];
        let at = |x, y| made_by(&frames, Point::new(x, y));
        assert_eq!(at(50, 50), [(1, Effect::Covers)]);
        assert_eq!(at(7, 7), [(3, Effect::Blends), (2, Effect::Covers)]);
        assert_eq!(at(15, 15), [(3, Effect::Blends), (1, Effect::Covers)]);
        assert_eq!(at(100, 50), []);
    }

    #[test]
    fn copies_are_followed_to_where_they_came_from() {
        let frames = [
            create(),
            fill(Rect::new(0, 0, 10, 10), Rop::OP_PUT),
            copy(Rect::new(50, 50, 60, 60), Point::new(0, 0)),
            copy(Rect::new(50, 40, 60, 50), Point::new(50, 50)),
            // Too late for the copies.
            fill(Rect::new(0, 0, 10, 10), Rop::OP_PUT),
        ];
        assert_eq!(
            made_by(&frames, Point::new(53, 44)),
            [
                (3, Effect::Moves(Point::new(0, 10))),
                (2, Effect::Moves(Point::new(-50, -50))),
                (1, Effect::Covers)
            ]
        );
    }
}
