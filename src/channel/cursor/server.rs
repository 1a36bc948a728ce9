//! The server's side of the cursor channel: the difference between the pointer as it is and as the client knows it.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::Shape;
use super::messages::{
    Cursor, CursorFlags, CursorHeader, CursorType, Init, InvalOne, Move, Point16, ServerMessage,
    Set,
};
use crate::channel::Message;
use crate::channel::main::MouseMode;
use crate::geometry::Point;
use crate::link::{self, Capabilities};
use crate::wire::Frame;

/// Shapes a client keeps.
const CACHE_SHAPES: usize = 256;

/// The guest's pointer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointer {
    /// Its picture; `None` for none of its own.
    pub shape: Option<Arc<Shape>>,
    /// Where its hot spot is; a client that sends positions knows better.
    pub position: Point,
    /// Whether it is shown.
    pub visible: bool,
}

impl Pointer {
    fn is_shown(&self) -> bool {
        self.visible && self.shape.is_some()
    }
}

/// Tells a client about the pointer.
#[derive(Clone, Debug, Default)]
pub struct Server {
    /// The pointer as the client knows it; `None` before INIT.
    shown: Option<Pointer>,
    /// Ids of the shapes the client has, the one not used for longest first.
    cached: VecDeque<u64>,
}

impl Server {
    /// What this server announces on the cursor channel.
    pub fn capabilities() -> Capabilities {
        Capabilities::of(link::COMMON, &[])
    }

    /// Sends what the client does not know about `pointer`.
    pub fn show(&mut self, pointer: &Pointer, mode: MouseMode, outbox: &mut Vec<Frame>) {
        let Some(shown) = self.shown.take() else {
            self.init(pointer, outbox);
            self.shown = Some(pointer.clone());
            return;
        };
        let mut next = pointer.clone();
        let mut visible = shown.is_shown();
        if shown.shape != pointer.shape {
            self.set(pointer, outbox);
            // A client shows a new shape whatever SET says about it (spec 03 §B2).
            visible = pointer.shape.is_some();
        }
        let moved = shown.position != pointer.position && mode == MouseMode::SERVER;
        if pointer.is_shown() && (moved || !visible) {
            let position = point16(pointer.position);
            outbox.push(ServerMessage::Move(Move { position }).to_frame());
        } else {
            next.position = shown.position;
        }
        if !pointer.is_shown() && visible {
            outbox.push(ServerMessage::Hide.to_frame());
        }
        self.shown = Some(next);
    }

    fn init(&mut self, pointer: &Pointer, outbox: &mut Vec<Frame>) {
        let mut pixels = Vec::new();
        let cursor = self.cursor(pointer.shape.as_deref(), &mut pixels, outbox);
        let init = Init {
            position: point16(pointer.position),
            trail_length: 0,
            trail_frequency: 0,
            visible: pointer.visible.into(),
            cursor,
        };
        outbox.push(ServerMessage::Init(init).to_frame());
    }

    fn set(&mut self, pointer: &Pointer, outbox: &mut Vec<Frame>) {
        let mut pixels = Vec::new();
        let cursor = self.cursor(pointer.shape.as_deref(), &mut pixels, outbox);
        let set = Set {
            position: point16(pointer.position),
            visible: pointer.visible.into(),
            cursor,
        };
        outbox.push(ServerMessage::Set(set).to_frame());
    }

    /// The shape as the client needs it: all of it, or its id. A shape that falls out of the cache is named first.
    fn cursor<'a>(
        &mut self,
        shape: Option<&'a Shape>,
        pixels: &'a mut Vec<u8>,
        outbox: &mut Vec<Frame>,
    ) -> Cursor<'a> {
        let Some((shape, width, height)) = shape.and_then(sendable) else {
            return Cursor::NONE;
        };
        let unique = id(shape);
        let known = self.cached.iter().position(|id| *id == unique);
        if let Some(i) = known {
            self.cached.remove(i);
        } else if self.cached.len() == CACHE_SHAPES
            && let Some(id) = self.cached.pop_front()
        {
            outbox.push(ServerMessage::InvalOne(InvalOne { id }).to_frame());
        }
        self.cached.push_back(unique);
        let (cursor_type, data) = if known.is_some() {
            (CursorType::Alpha, &[][..])
        } else if shape.invert.is_empty() {
            (CursorType::Alpha, shape.pixels.as_slice())
        } else {
            masked(shape, pixels);
            (CursorType::Color32, pixels.as_slice())
        };
        let flags = if known.is_some() {
            CursorFlags::FROM_CACHE
        } else {
            CursorFlags::CACHE_ME
        };
        let side = |n: i32| n.clamp(0, i32::from(u16::MAX)) as u16;
        let header = CursorHeader {
            unique,
            cursor_type,
            width,
            height,
            hot_spot_x: side(shape.hot_spot.x).min(width),
            hot_spot_y: side(shape.hot_spot.y).min(height),
        };
        Cursor {
            flags,
            header: Some(header),
            data,
        }
    }
}

/// A shape whose sides fit and whose pixels are all there, with its sides.
fn sendable(shape: &Shape) -> Option<(&Shape, u16, u16)> {
    let width = u16::try_from(shape.size.width).ok()?;
    let height = u16::try_from(shape.size.height).ok()?;
    let area = usize::from(width) * usize::from(height);
    let whole =
        shape.pixels.len() == area * 4 && (shape.invert.is_empty() || shape.invert.len() == area);
    (area > 0 && whole).then_some((shape, width, height))
}

/// The key of a shape: the same for the same picture, and not 0, which is not cacheable.
fn id(shape: &Shape) -> u64 {
    let mut hasher = DefaultHasher::new();
    (shape.size, shape.hot_spot).hash(&mut hasher);
    shape.pixels.hash(&mut hasher);
    shape.invert.hash(&mut hasher);
    hasher.finish().max(1)
}

/// Colours, then a mask whose set bits join the colour to the screen by exclusive or: what inverts is white there and
/// what is transparent black. Alpha in between is lost.
fn masked(shape: &Shape, out: &mut Vec<u8>) {
    let (pixels, _) = shape.pixels.as_chunks::<4>();
    let mut mask = vec![0_u8; pixels.len().div_ceil(8)];
    for (i, ([b, g, r, a], invert)) in pixels.iter().zip(&shape.invert).enumerate() {
        let (colour, bit) = match (invert, a) {
            (0, 128..) => ([*b, *g, *r, 0], 0),
            (0, _) => ([0; 4], 0x80),
            _ => ([0xff, 0xff, 0xff, 0], 0x80),
        };
        out.extend_from_slice(&colour);
        mask[i / 8] |= bit >> (i % 8);
    }
    out.append(&mut mask);
}

fn point16(point: Point) -> Point16 {
    let cut = |n: i32| n.clamp(i16::MIN.into(), i16::MAX.into()) as i16;
    Point16 {
        x: cut(point.x),
        y: cut(point.y),
    }
}
