//! The screens of all displays of a session, and the monitors on them.

use std::collections::BTreeMap;

use super::Framebuffer;
use crate::canvas::Damage;
use crate::channel::display::{Event, Head};
use crate::geometry::Rect;

/// Turns the events of all displays into pictures, each display by itself, and finds the monitors on them.
///
/// Give it every [`ClientEvent::Display`](crate::session::ClientEvent::Display), and tell it of every display channel that
/// closed.
#[derive(Clone, Debug, Default)]
pub struct Screens {
    displays: BTreeMap<u8, Framebuffer>,
}

/// One monitor of a guest: a display, or a part of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Monitor {
    /// Id of the display channel.
    pub display: u8,
    /// Number of the monitor on its channel, from 0, perhaps with gaps.
    pub head: u32,
    /// The part of the display's screen that it shows; inside it and not empty.
    pub rect: Rect,
}

impl Monitor {
    /// The number people give it, from 1: of a guest either each display has one monitor, or one display has all of them, and
    /// so the sum of the two numbers tells them apart.
    pub fn number(&self) -> u32 {
        u32::from(self.display)
            .saturating_add(self.head)
            .saturating_add(1)
    }

    /// Whether it is that monitor, wherever it lies and however large it is.
    pub fn is(&self, other: &Self) -> bool {
        (self.display, self.head) == (other.display, other.head)
    }
}

impl Screens {
    /// Takes over one event; the area that changed of what the display of that event shows.
    pub fn apply(&mut self, event: &Event) -> Damage {
        self.displays
            .entry(event.display())
            .or_default()
            .apply(event)
    }

    /// A display channel closed: its screen is gone.
    pub fn close(&mut self, display: u8) {
        self.displays.remove(&display);
    }

    /// The same, for who may want to put the screen back as it was last.
    pub fn take_out(&mut self, display: u8) -> Option<Framebuffer> {
        self.displays.remove(&display)
    }

    /// Puts a screen back that was gone.
    pub fn put_back(&mut self, display: u8, screen: Framebuffer) {
        self.displays.entry(display).or_insert(screen);
    }

    /// The screen of a display, once something was said about it.
    pub fn display(&self, id: u8) -> Option<&Framebuffer> {
        self.displays.get(&id)
    }

    /// All displays, lowest id first.
    pub fn displays(&self) -> impl Iterator<Item = (u8, &Framebuffer)> {
        self.displays.iter().map(|(id, screen)| (*id, screen))
    }

    /// The monitors that have something to show, by display and then in the order the server gives. Parts of a monitor that
    /// lie outside of its screen are cut off; a monitor that lies outside altogether is none.
    ///
    /// A display whose server says nothing about monitors is one.
    pub fn monitors(&self) -> Vec<Monitor> {
        let of = |(display, screen): (u8, &Framebuffer)| {
            let Some(view) = screen.shown() else {
                return Vec::new();
            };
            let bounds = view.size.to_rect();
            let whole = Head {
                id: 0,
                rect: bounds,
            };
            let heads = match screen.shown_heads() {
                [] => &[whole],
                heads => heads,
            };
            let monitors = heads.iter().map(|head| Monitor {
                display,
                head: head.id,
                rect: head.rect.intersect(bounds),
            });
            monitors
                .filter(|monitor| !monitor.rect.is_empty())
                .collect()
        };
        self.displays().flat_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(screens: &mut Screens, display: u8, width: u32, height: u32) {
        screens.apply(&Event::SurfaceCreated {
            display,
            surface: 0,
            width,
            height,
        });
        screens.apply(&Event::Marked { display });
    }

    fn heads(screens: &mut Screens, display: u8, heads: &[(u32, Rect)]) {
        let heads = heads.iter().map(|(id, rect)| Head {
            id: *id,
            rect: *rect,
        });
        screens.apply(&Event::Monitors {
            display,
            heads: heads.collect(),
        });
    }

    fn numbers(screens: &Screens) -> Vec<(u32, Rect)> {
        let monitors = screens.monitors();
        monitors.iter().map(|m| (m.number(), m.rect)).collect()
    }

    #[test]
    fn displays_with_one_monitor_each_are_numbered_by_channel() {
        let mut screens = Screens::default();
        shown(&mut screens, 2, 4, 3);
        shown(&mut screens, 0, 8, 6);
        heads(&mut screens, 2, &[(0, Rect::new(0, 0, 4, 3))]);
        let expected = [(1, Rect::new(0, 0, 8, 6)), (3, Rect::new(0, 0, 4, 3))];
        assert_eq!(numbers(&screens), expected);
    }

    #[test]
    fn monitors_of_one_display_are_numbered_as_the_server_does_and_cut_to_the_screen() {
        let mut screens = Screens::default();
        shown(&mut screens, 0, 10, 5);
        let left = (0, Rect::new(0, 0, 4, 5));
        let cut = (2, Rect::new(4, 0, 20, 20));
        let outside = (3, Rect::new(10, 0, 14, 5));
        heads(&mut screens, 0, &[left, cut, outside]);
        assert_eq!(
            numbers(&screens),
            [(1, left.1), (3, Rect::new(4, 0, 10, 5))]
        );
    }

    #[test]
    fn a_display_that_closed_or_was_never_marked_has_no_monitor() {
        let mut screens = Screens::default();
        screens.apply(&Event::SurfaceCreated {
            display: 0,
            surface: 0,
            width: 1,
            height: 1,
        });
        shown(&mut screens, 1, 4, 3);
        assert_eq!(numbers(&screens), [(2, Rect::new(0, 0, 4, 3))]);
        screens.close(1);
        assert_eq!(numbers(&screens), []);
    }
}
