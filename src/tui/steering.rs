//! The pointer by keyboard: arrows move it, keys are its buttons.

use std::time::Duration;

use super::action::{Effect, MenuKey};
use super::app::{App, Focus};
use super::mouse::Place;
use super::picture::middle;
use crate::channel::inputs::{Button, InputEvent};
use crate::geometry::{Point, Rect};
use crate::session::Command;

/// How soon an arrow must come again to count as held.
const HELD: Duration = Duration::from_millis(150);
/// Pixels of the first step.
const FIRST: i32 = 8;
/// By how many pixels each step that follows is longer.
const LONGER: i32 = 4;
/// The most pixels of a step.
const LONGEST: i32 = 64;

/// What the status line says meanwhile.
pub const HINTS: [&str; 6] = [
    "pointer: arrows",
    "1 2 3 click",
    "Space holds",
    "PgUp PgDn",
    "0 corner",
    "Esc ends",
];

/// How the pointer has been moved so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Steering {
    /// The last arrow, when it came, and how far it went.
    last: Option<(MenuKey, Duration, i32)>,
}

/// What a key does to the pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Moves it by so many pixels, to the right and down.
    Move(i32, i32),
    /// A button goes down and up.
    Click(Button),
    /// A button goes down, and stays there until the same order.
    Hold(Button),
    /// A detent of the wheel.
    Wheel(Button),
    /// Drives it into the corner at the top left: a guest that does not say where it has its pointer has it there then.
    Corner,
    /// The keyboard is the guest's again.
    End,
}

impl Steering {
    /// Takes in a key.
    pub fn key(&mut self, key: MenuKey, now: Duration) -> Option<Order> {
        let (across, down) = match key {
            MenuKey::Left | MenuKey::ShiftLeft => (-1, 0),
            MenuKey::Right | MenuKey::ShiftRight => (1, 0),
            MenuKey::Up | MenuKey::ShiftUp => (0, -1),
            MenuKey::Down | MenuKey::ShiftDown => (0, 1),
            _ => return button(key),
        };
        let step = self.step(key, now);
        Some(Order::Move(across * step, down * step))
    }

    /// How far an arrow goes: a pixel with Shift, and otherwise the farther the longer it is held.
    fn step(&mut self, key: MenuKey, now: Duration) -> i32 {
        if key != key.without_shift() {
            self.last = None;
            return 1;
        }
        let step = match self.last {
            Some((last, at, step)) if last == key && now <= at + HELD => {
                (step + LONGER).min(LONGEST)
            }
            _ => FIRST,
        };
        self.last = Some((key, now, step));
        step
    }
}

fn button(key: MenuKey) -> Option<Order> {
    Some(match key {
        MenuKey::Char('1') | MenuKey::Enter => Order::Click(Button::Left),
        MenuKey::Char('2') => Order::Click(Button::Middle),
        MenuKey::Char('3') => Order::Click(Button::Right),
        MenuKey::Char('8') => Order::Click(Button::Side),
        MenuKey::Char('9') => Order::Click(Button::Extra),
        MenuKey::Char(' ') => Order::Hold(Button::Left),
        MenuKey::Char('0') => Order::Corner,
        MenuKey::PageUp => Order::Wheel(Button::Up),
        MenuKey::PageDown => Order::Wheel(Button::Down),
        MenuKey::Close => Order::End,
        _ => return None,
    })
}

impl App {
    /// Does with the guest's mouse what a key ordered.
    pub(super) fn steer(&mut self, order: Order, effects: &mut Vec<Effect>) {
        let events = match order {
            Order::Move(dx, dy) => self.nudge(dx, dy).into_iter().collect(),
            Order::Click(button) => {
                let mut events = self.pointer.press(button);
                events.extend(self.pointer.release(button));
                events
            }
            Order::Hold(button) => match &self.pointer.release(button)[..] {
                [] => self.pointer.press(button),
                events => events.to_vec(),
            },
            Order::Wheel(button) => vec![InputEvent::Wheel(button)],
            Order::Corner => self.drive_to_corner().into_iter().collect(),
            Order::End => {
                self.focus = Focus::Guest;
                let held = self.pointer.take_buttons();
                held.into_iter().map(InputEvent::Release).collect()
            }
        };
        effects.extend(events.into_iter().map(Command::Input).map(Effect::Command));
    }

    fn drive_to_corner(&mut self) -> Option<InputEvent> {
        let monitor = self.picture.monitor()?;
        let (pixel, display) = (monitor.rect.origin(), monitor.display);
        let corner = Place { pixel, display };
        Some(self.pointer.drive_to(corner, monitor.rect.size()))
    }

    /// Moves the guest's pointer from where it is, as far as the monitor reaches.
    fn nudge(&mut self, dx: i32, dy: i32) -> Option<InputEvent> {
        let monitor = self.picture.monitor()?;
        let known = self.pointer.at().or(self.picture.pointer());
        let from = match known {
            Some(from) => from,
            None if self.pointer.takes_places => middle(monitor.rect),
            // Wherever that is.
            None => return Some(self.pointer.push(dx, dy)),
        };
        self.pointer.suppose(from);
        let pixel = inside(monitor.rect, Point::new(from.x + dx, from.y + dy));
        let display = monitor.display;
        self.pointer.point(Place { pixel, display }, self.now)
    }
}

/// The pixel of an area that is nearest to a point.
fn inside(area: Rect, point: Point) -> Point {
    let last = |first: i32, end: i32| (end - 1).max(first);
    Point::new(
        point.x.clamp(area.left, last(area.left, area.right)),
        point.y.clamp(area.top, last(area.top, area.bottom)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn an_arrow_that_is_held_goes_faster_and_faster_up_to_a_limit() {
        let mut steering = Steering::default();
        let mut steps = (0..20).map(|n| {
            // The keyboard waits before it repeats.
            let at = if n == 0 {
                at_ms(0)
            } else {
                at_ms(500 + 30 * n)
            };
            match steering.key(MenuKey::Right, at) {
                Some(Order::Move(across, 0)) => across,
                order => panic!("{order:?}"),
            }
        });
        assert_eq!(
            steps.by_ref().take(5).collect::<Vec<_>>(),
            [8, 8, 12, 16, 20]
        );
        assert_eq!(steps.last(), Some(64));

        let slow = steering.key(MenuKey::Right, at_ms(5000));
        assert_eq!(slow, Some(Order::Move(8, 0)));
    }

    #[test]
    fn with_shift_an_arrow_is_one_pixel() {
        let mut steering = Steering::default();
        for ms in [0, 30, 60] {
            let order = steering.key(MenuKey::ShiftUp, at_ms(ms));
            assert_eq!(order, Some(Order::Move(0, -1)));
        }
    }
}
