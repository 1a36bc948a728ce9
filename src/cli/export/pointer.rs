//! The pointer of a recording: its shape, and its place as far as that is known.
//!
//! A pointer that the guest moves is where the server says. One that the client moves is where the client said, which is in
//! recordings that were made with what the client sends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::channel::inputs::messages::{ClientMessage, MousePosition};
use crate::channel::main::{self, MouseMode};
use crate::channel::{ChannelId, ChannelKind, Message, cursor};
use crate::client::Screens;
use crate::geometry::Point;
use crate::session::{ClientEvent, Tap, Way};
use crate::wire::Frame;

/// The pointers of all displays.
#[derive(Default)]
pub struct Pointers {
    mode: Option<MouseMode>,
    of: BTreeMap<u8, Pointer>,
    said: Said,
}

/// What is known of one.
#[derive(Default)]
struct Pointer {
    shape: Option<Arc<cursor::Shape>>,
    at: Option<Point>,
    is_visible: bool,
}

/// Where the client said the pointer is.
type Said = Arc<Mutex<Option<MousePosition>>>;

impl Pointers {
    /// Who hears what the client says.
    pub fn tap(&self) -> Box<dyn Tap> {
        Box::new(Ear(Arc::clone(&self.said)))
    }

    /// Takes over what the session tells.
    pub fn apply(&mut self, event: &ClientEvent) {
        match event {
            ClientEvent::Main(main::Event::MouseMode { current, .. }) => self.mode = Some(*current),
            ClientEvent::Cursor(event) => {
                let pointer = self.of.entry(event.display()).or_default();
                match event {
                    cursor::Event::Shape { shape, .. } => pointer.shape.clone_from(shape),
                    cursor::Event::Moved { position, .. } => pointer.at = Some(*position),
                    cursor::Event::Visible { visible, .. } => pointer.is_visible = *visible,
                }
            }
            _ => {}
        }
    }

    /// What is to be drawn on a display, and the pixel it points at.
    pub fn shown(&self, display: u8, screens: &Screens) -> Option<(&cursor::Shape, Point)> {
        let pointer = self.of.get(&display).filter(|pointer| pointer.is_visible)?;
        let at = match self.mode {
            Some(MouseMode::CLIENT) => self.said_of(display, screens)?,
            _ => pointer.at?,
        };
        Some((pointer.shape.as_deref()?, at))
    }

    /// Where the client said it is, if it is on this display: a place on a monitor.
    fn said_of(&self, display: u8, screens: &Screens) -> Option<Point> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let said = said.as_ref()?;
        let monitors = screens.monitors();
        let is_meant = |number: u32| number == u32::from(said.display_id) + 1;
        let monitor = monitors
            .iter()
            .find(|monitor| monitor.display == display && is_meant(monitor.number()))?;
        let side = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        Some(Point::new(
            monitor.rect.left.saturating_add(side(said.x)),
            monitor.rect.top.saturating_add(side(said.y)),
        ))
    }
}

/// Keeps the newest place that the client says.
struct Ear(Said);

impl Tap for Ear {
    fn frame(&mut self, _at: Duration, channel: ChannelId, way: Way, frame: &Frame) {
        if (channel.kind, way) != (ChannelKind::Inputs, Way::ToServer) {
            return;
        }
        if let Ok(ClientMessage::MousePosition(position)) =
            ClientMessage::decode(frame.number, &frame.body)
        {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(position);
        }
    }
}
