//! The client's side of a cursor channel: which shape the pointer has, where it is, and the cache of shapes.
//!
//! Protocol: spec 03 §B2 and §B3. Before INIT, and after RESET until the next INIT, everything else is ignored.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::messages::{Cursor, CursorFlags, Init, Point16, ServerMessage, Set};
use super::{Event, Shape, shape};
use crate::geometry::Point;

/// Most shapes in the cache; servers keep to 256.
const MAX_SHAPES: usize = 1024;

/// Most bytes of pixels in the caches of all cursor channels of a session.
pub const MAX_SHAPE_BYTES: usize = 32 << 20;

/// The state of one cursor channel.
#[derive(Clone, Debug)]
pub struct Client {
    /// Id of the channel, which is that of its display.
    display: u8,
    /// Whether an INIT has come since the start or the last RESET.
    ready: bool,
    visible: bool,
    cache: HashMap<u64, Arc<Shape>>,
    /// Bytes of pixels in the cache.
    cached_bytes: usize,
    /// Bytes of pixels the cache may hold.
    room: usize,
}

impl Client {
    /// The client of the cursor channel with this id, before INIT: no shape, hidden.
    pub fn new(display: u8) -> Self {
        Self {
            display,
            ready: false,
            visible: false,
            cache: HashMap::new(),
            cached_bytes: 0,
            room: MAX_SHAPE_BYTES,
        }
    }

    /// From now on the cache may hold `bytes` bytes of pixels; what it holds stays.
    pub fn set_room(&mut self, bytes: usize) {
        self.room = bytes;
    }

    /// Bytes of pixels in the cache.
    pub fn cached_bytes(&self) -> usize {
        self.cached_bytes
    }

    /// Acts on one message; what it means to the user is appended to `events`.
    ///
    /// # Errors
    ///
    /// A clause for the user when the message, or its shape, could not be used. The pointer stays as it was; after an
    /// INIT it has no shape.
    pub fn on_message(
        &mut self,
        message: &ServerMessage<'_>,
        events: &mut VecDeque<Event>,
    ) -> Result<(), String> {
        match message {
            ServerMessage::Init(_) if self.ready => Err("INIT came without a RESET".into()),
            ServerMessage::Init(init) => self.init(init, events),
            _ if !self.ready => Ok(()),
            ServerMessage::Reset => {
                self.reset(events);
                Ok(())
            }
            ServerMessage::Set(set) => self.set(set, events),
            ServerMessage::Move(to) => {
                self.moved(&to.position, events);
                self.show(true, events);
                Ok(())
            }
            ServerMessage::Hide => {
                self.show(false, events);
                Ok(())
            }
            // Mouse trails are an ornament that terminals cannot draw.
            ServerMessage::Trail(_) => Ok(()),
            ServerMessage::InvalOne(inval) => {
                self.forget(inval.id);
                Ok(())
            }
            ServerMessage::InvalAll => {
                self.forget_all();
                Ok(())
            }
            ServerMessage::Unknown { number, .. } => Err(format!("message {number} is unknown")),
        }
    }

    /// Shapes in the cache.
    pub fn cached_shapes(&self) -> usize {
        self.cache.len()
    }

    fn init(&mut self, init: &Init<'_>, events: &mut VecDeque<Event>) -> Result<(), String> {
        self.ready = true;
        self.forget_all();
        let (shape, problem) = match self.resolve(&init.cursor) {
            Ok(shape) => (shape, None),
            Err(text) => (None, Some(text)),
        };
        let kept = self.keep(&init.cursor, shape.as_ref());
        self.visible = init.visible != 0 && shape.is_some();
        let (display, visible) = (self.display, self.visible);
        events.push_back(Event::Shape { display, shape });
        self.moved(&init.position, events);
        events.push_back(Event::Visible { display, visible });
        problem.map_or(kept, Err)
    }

    fn reset(&mut self, events: &mut VecDeque<Event>) {
        self.ready = false;
        self.forget_all();
        events.push_back(Event::Shape {
            display: self.display,
            shape: None,
        });
        self.show(false, events);
    }

    /// The reference client shows the shape even when the message says invisible, and ignores the position; servers
    /// fill in both.
    fn set(&mut self, set: &Set<'_>, events: &mut VecDeque<Event>) -> Result<(), String> {
        let shape = self.resolve(&set.cursor)?;
        let kept = self.keep(&set.cursor, shape.as_ref());
        let visible = set.visible != 0 && shape.is_some();
        events.push_back(Event::Shape {
            display: self.display,
            shape,
        });
        if visible {
            self.moved(&set.position, events);
        }
        self.show(visible, events);
        kept
    }

    fn moved(&self, to: &Point16, events: &mut VecDeque<Event>) {
        events.push_back(Event::Moved {
            display: self.display,
            position: Point::new(to.x.into(), to.y.into()),
        });
    }

    fn show(&mut self, visible: bool, events: &mut VecDeque<Event>) {
        if self.visible != visible {
            self.visible = visible;
            events.push_back(Event::Visible {
                display: self.display,
                visible,
            });
        }
    }

    /// The shape a message stands for; `None` when it says that there is none.
    fn resolve(&self, cursor: &Cursor<'_>) -> Result<Option<Arc<Shape>>, String> {
        let Some(header) = &cursor.header else {
            return Ok(None);
        };
        if cursor.flags.contains(CursorFlags::FROM_CACHE) {
            let cached = self.cache.get(&header.unique).cloned();
            return match cached {
                Some(shape) => Ok(Some(shape)),
                None => Err(format!("shape {:#x} is not in the cache", header.unique)),
            };
        }
        shape::decode(header, cursor.data).map(|shape| Some(Arc::new(shape)))
    }

    /// Stores the shape of a message, in place of one of the same id, if the message asks for it.
    fn keep(&mut self, cursor: &Cursor<'_>, shape: Option<&Arc<Shape>>) -> Result<(), String> {
        let (Some(header), Some(shape)) = (&cursor.header, shape) else {
            return Ok(());
        };
        if !cursor.flags.contains(CursorFlags::CACHE_ME) || header.unique == 0 {
            return Ok(());
        }
        self.forget(header.unique);
        let bytes = self.cached_bytes + shape_bytes(shape);
        if self.cache.len() == MAX_SHAPES || bytes > self.room {
            return Err("the cursor cache is full".into());
        }
        self.cached_bytes = bytes;
        self.cache.insert(header.unique, shape.clone());
        Ok(())
    }

    fn forget(&mut self, id: u64) {
        if let Some(shape) = self.cache.remove(&id) {
            self.cached_bytes -= shape_bytes(&shape);
        }
    }

    /// Empties the cache.
    pub fn forget_all(&mut self) {
        self.cache.clear();
        self.cached_bytes = 0;
    }
}

fn shape_bytes(shape: &Shape) -> usize {
    shape.pixels.len() + shape.invert.len()
}
