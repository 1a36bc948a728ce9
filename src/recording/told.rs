//! What the user of a played session has been told, so that it can be told again from another moment.

use std::collections::BTreeMap;

use crate::channel::main::Event as Main;
use crate::channel::{ChannelKind, cursor, display};
use crate::session::ClientEvent;

/// The newest of what events say about screens and pointers.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    displays: BTreeMap<u8, Screen>,
    pointers: BTreeMap<u8, Pointer>,
    /// The mouse mode, which says whether the pointer is drawn.
    mode: Option<Main>,
}

/// A display's screen, pixels apart.
#[derive(Clone, Debug, Default)]
struct Screen {
    /// Whether there is one.
    exists: bool,
    marked: bool,
    monitors: Option<display::Event>,
}

/// A display's pointer.
#[derive(Clone, Debug, Default)]
struct Pointer {
    shape: Option<cursor::Event>,
    place: Option<cursor::Event>,
    visible: Option<cursor::Event>,
}

impl Told {
    /// Takes note of an event; whether it changed a picture.
    pub(super) fn note(&mut self, event: &ClientEvent) -> bool {
        match event {
            ClientEvent::Display(event) => {
                self.note_display(event);
                true
            }
            ClientEvent::Cursor(event) => {
                let pointer = self.pointers.entry(event.display()).or_default();
                let place = match event {
                    cursor::Event::Shape { .. } => &mut pointer.shape,
                    cursor::Event::Moved { .. } => &mut pointer.place,
                    cursor::Event::Visible { .. } => &mut pointer.visible,
                };
                *place = Some(event.clone());
                false
            }
            ClientEvent::Main(event @ Main::MouseMode { .. }) => {
                self.mode = Some(event.clone());
                false
            }
            ClientEvent::ChannelClosed(id, _) if id.kind == ChannelKind::Display => {
                self.displays.remove(&id.id);
                true
            }
            _ => false,
        }
    }

    fn note_display(&mut self, event: &display::Event) {
        let screen = self.displays.entry(event.display()).or_default();
        match event {
            display::Event::SurfaceCreated { .. } => (screen.exists, screen.marked) = (true, false),
            display::Event::SurfaceDestroyed { .. } => {
                (screen.exists, screen.marked) = (false, false);
            }
            display::Event::Marked { .. } => screen.marked = true,
            display::Event::Monitors { .. } => screen.monitors = Some(event.clone()),
            display::Event::Region { .. } | display::Event::CopyRect { .. } => {}
        }
    }

    /// The displays that have a screen.
    pub(super) fn screens(&self) -> impl Iterator<Item = u8> {
        let screens = self.displays.iter().filter(|(_, screen)| screen.exists);
        screens.map(|(id, _)| *id)
    }

    /// What somebody who was told `before` has to forget.
    pub(super) fn forget(&self, before: &Self) -> Vec<ClientEvent> {
        let exists = |id: u8| self.screens().any(|screen| screen == id);
        let gone = before.screens().filter(|id| !exists(*id));
        let screens = gone.map(|display| {
            let surface = 0;
            ClientEvent::Display(display::Event::SurfaceDestroyed { display, surface })
        });
        let unknown = |id: &&u8| !self.pointers.contains_key(id);
        let pointers = before.pointers.keys().filter(unknown).flat_map(|id| {
            let (display, visible, shape) = (*id, false, None);
            let events = [
                cursor::Event::Shape { display, shape },
                cursor::Event::Visible { display, visible },
            ];
            events.map(ClientEvent::Cursor)
        });
        screens.chain(pointers).collect()
    }

    /// What is to be told beside the screens themselves, which come before it.
    pub(super) fn again(&self) -> Vec<ClientEvent> {
        let mut events: Vec<ClientEvent> = self
            .mode
            .clone()
            .map(ClientEvent::Main)
            .into_iter()
            .collect();
        for (display, screen) in &self.displays {
            events.extend(screen.monitors.clone().map(ClientEvent::Display));
            if screen.marked {
                events.push(ClientEvent::Display(display::Event::Marked {
                    display: *display,
                }));
            }
        }
        for (display, pointer) in &self.pointers {
            let display = *display;
            let hidden = cursor::Event::Visible {
                display,
                visible: false,
            };
            let all = [
                pointer.shape.clone(),
                pointer.place.clone(),
                Some(pointer.visible.clone().unwrap_or(hidden)),
            ];
            events.extend(all.into_iter().flatten().map(ClientEvent::Cursor));
        }
        events
    }
}
