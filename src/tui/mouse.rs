//! The guest's mouse: where it is to be, which buttons are down, and what to send so that the guest agrees.
//!
//! In client mode the guest is told the pixel. In server mode it takes motions, and what it makes of them is its own
//! affair: it may accelerate, stop at an edge, or keep some for later (QEMU's PS/2 mouse has room for four motions and
//! tells the rest with the next one). So when the guest has said where its pointer came to rest and that is elsewhere,
//! the rest of the way is sent as another motion.

use std::time::Duration;

use crate::channel::inputs::{Button, InputEvent};
use crate::geometry::{Point, Size};

/// How long the guest must have been silent about its pointer for that to be at rest.
const REST: Duration = Duration::from_millis(200);
/// Most motions that put right where the pointer came to rest: a guest that moves it by itself is let alone.
const MOST_CORRECTIONS: u8 = 4;

/// The most that guests are taken to accelerate.
const MOST_GAIN: f64 = 4.0;

/// A place of the mouse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The pixel.
    pub pixel: Point,
    /// Id of the display it is of.
    pub display: u8,
}

/// The mouse as the guest knows it.
#[derive(Clone, Debug, Default)]
pub struct GuestMouse {
    /// Whether the guest takes places, and not motions.
    pub takes_places: bool,
    /// Buttons that are down, in the order they went down.
    down: Vec<Button>,
    /// Where it is to be.
    wanted: Option<Place>,
    /// Where the motions so far should have brought it.
    reckoned: Option<Point>,
    /// What the guest says of its pointer, since the last motion.
    told: Option<Told>,
    /// Where its pointer was last known to be, and all motions since.
    under_way: Option<(Point, Point)>,
    corrections: u8,
}

/// Where the guest's pointer is, by its own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Told {
    pixel: Point,
    at: Duration,
}

impl GuestMouse {
    /// The pixel it is to be at.
    pub fn at(&self) -> Option<Point> {
        self.wanted.map(|place| place.pixel)
    }

    /// Whether a button is down.
    pub fn is_held(&self) -> bool {
        !self.down.is_empty()
    }

    /// It is to be at this place.
    pub fn point(&mut self, place: Place, now: Duration) -> Option<InputEvent> {
        if self.wanted == Some(place) {
            return None;
        }
        self.wanted = Some(place);
        self.corrections = 0;
        if self.takes_places {
            let Place { pixel, display } = place;
            let (x, y) = (pixel.x as u32, pixel.y as u32);
            return Some(InputEvent::Position { x, y, display });
        }
        let rest = self.resting(now);
        if rest.is_some() {
            self.under_way = None;
        }
        self.go(rest.or(self.reckoned), place.pixel, 1.0)
    }

    /// It is to move by so many pixels, wherever it is.
    pub fn push(&mut self, dx: i32, dy: i32) -> InputEvent {
        self.wanted = None;
        self.reckoned = None;
        self.told = None;
        self.under_way = None;
        InputEvent::Motion { dx, dy }
    }

    /// The user's mouse is elsewhere. The guest's stays where it is.
    pub fn leave(&mut self) {
        self.wanted = None;
    }

    /// Where it is on the display that is shown now is not known.
    pub fn lose(&mut self) {
        self.wanted = None;
        self.reckoned = None;
        self.told = None;
        self.under_way = None;
    }

    /// It is driven into a corner, which it reaches wherever it is and however fast it goes.
    pub fn drive_to(&mut self, corner: Place, size: Size) -> InputEvent {
        let Place { pixel, display } = corner;
        if self.takes_places {
            self.wanted = Some(corner);
            let (x, y) = (pixel.x as u32, pixel.y as u32);
            return InputEvent::Position { x, y, display };
        }
        let event = self.push(-(size.width as i32), -(size.height as i32));
        self.reckoned = Some(pixel);
        event
    }

    /// A button goes down. Where it is down already its release was missed.
    pub fn press(&mut self, button: Button) -> Vec<InputEvent> {
        let mut events = self.release(button);
        self.down.push(button);
        events.push(InputEvent::Press(button));
        events
    }

    /// A button goes up, if it is down.
    pub fn release(&mut self, button: Button) -> Vec<InputEvent> {
        let was_down = self.down.contains(&button);
        self.down.retain(|down| *down != button);
        was_down
            .then_some(InputEvent::Release(button))
            .into_iter()
            .collect()
    }

    /// The buttons that are down, which from now on count as up.
    pub fn take_buttons(&mut self) -> Vec<Button> {
        std::mem::take(&mut self.down)
    }

    /// The guest's pointer is at this pixel, as far as nothing better is known.
    pub fn suppose(&mut self, pixel: Point) {
        self.reckoned.get_or_insert(pixel);
    }

    /// The guest listens to something else from now on. The buttons stay as they are.
    pub fn begin(&mut self, takes_places: bool) {
        *self = Self {
            takes_places,
            down: std::mem::take(&mut self.down),
            ..Self::default()
        };
    }

    /// The guest says where its pointer is; nothing when it hides it.
    pub fn told(&mut self, pixel: Option<Point>, now: Duration) {
        self.told = pixel.map(|pixel| Told { pixel, at: now });
    }

    /// When [`GuestMouse::correct`] may have something to send.
    pub fn deadline(&self) -> Option<Duration> {
        let Told { pixel, at } = self.told?;
        let wrong = self.at().is_some_and(|wanted| wanted != pixel);
        (wrong && !self.takes_places && self.corrections < MOST_CORRECTIONS).then_some(at + REST)
    }

    /// The motion from where the pointer came to rest to where it is to be.
    pub fn correct(&mut self, now: Duration) -> Option<InputEvent> {
        if self.deadline()? > now {
            return None;
        }
        self.corrections += 1;
        let rest = self.resting(now)?;
        let gain = self.gain(rest);
        self.under_way = None;
        self.go(Some(rest), self.at()?, gain)
    }

    /// How far the guest's pointer has gone for each pixel that it was told, as it came to rest here. A guest that accelerates
    /// would be sent beyond its place again and again. One that is short of it may have been stopped by an edge.
    fn gain(&self, rest: Point) -> f64 {
        let Some((from, told)) = self.under_way else {
            return 1.0;
        };
        let (went, told) = match told.x.abs() >= told.y.abs() {
            true => (rest.x - from.x, told.x),
            false => (rest.y - from.y, told.y),
        };
        if told == 0 {
            return 1.0;
        }
        (f64::from(went) / f64::from(told)).clamp(1.0, MOST_GAIN)
    }

    /// Where the guest's pointer has come to rest.
    fn resting(&self, now: Duration) -> Option<Point> {
        let Told { pixel, at } = self.told?;
        (at + REST <= now).then_some(pixel)
    }

    /// The motion from a pixel to another, for a guest that goes so far for each pixel. From nowhere there is none: it is
    /// taken to be there.
    fn go(&mut self, from: Option<Point>, to: Point, gain: f64) -> Option<InputEvent> {
        self.reckoned = Some(to);
        let from = from.filter(|from| *from != to)?;
        self.told = None;
        let part = |pixels: i32| (f64::from(pixels) / gain).round() as i32;
        let (dx, dy) = (part(to.x - from.x), part(to.y - from.y));
        let (_, sum) = self.under_way.get_or_insert((from, Point::new(0, 0)));
        *sum = Point::new(sum.x.saturating_add(dx), sum.y.saturating_add(dy));
        Some(InputEvent::Motion { dx, dy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn place(x: i32, y: i32) -> Place {
        Place {
            pixel: Point::new(x, y),
            display: 0,
        }
    }

    fn motion(dx: i32, dy: i32) -> Option<InputEvent> {
        Some(InputEvent::Motion { dx, dy })
    }

    #[test]
    fn a_pointer_that_came_to_rest_elsewhere_is_sent_the_rest_of_the_way() {
        let mut mouse = GuestMouse::default();
        assert_eq!(mouse.point(place(100, 100), at_ms(0)), None, "from nowhere");
        assert_eq!(mouse.point(place(140, 90), at_ms(10)), motion(40, -10));

        // It is underway, and then stops short.
        mouse.told(Some(Point::new(110, 98)), at_ms(50));
        mouse.told(Some(Point::new(120, 95)), at_ms(100));
        assert_eq!(mouse.correct(at_ms(299)), None);
        assert_eq!(mouse.deadline(), Some(at_ms(300)));
        assert_eq!(mouse.correct(at_ms(300)), motion(20, -5));

        assert_eq!(mouse.deadline(), None, "it has said nothing since");
        mouse.told(Some(Point::new(140, 90)), at_ms(320));
        assert_eq!(mouse.deadline(), None, "it is there");
    }

    #[test]
    fn a_guest_that_accelerates_is_brought_back_by_less() {
        let mut mouse = GuestMouse::default();
        mouse.suppose(Point::new(0, 0));
        mouse.point(place(40, 0), at_ms(0));
        mouse.point(place(100, 10), at_ms(10));

        // Three pixels for each.
        mouse.told(Some(Point::new(300, 30)), at_ms(20));
        assert_eq!(mouse.correct(at_ms(220)), motion(-67, -7));

        // And slower ways are not so long.
        mouse.told(Some(Point::new(166, 16)), at_ms(240));
        assert_eq!(mouse.correct(at_ms(440)), motion(-33, -3));
        mouse.told(Some(Point::new(100, 10)), at_ms(460));
        assert_eq!(mouse.deadline(), None, "it is there");
    }

    #[test]
    fn a_guest_that_moves_its_pointer_by_itself_is_let_alone() {
        let mut mouse = GuestMouse::default();
        mouse.suppose(Point::new(0, 0));
        mouse.point(place(50, 50), at_ms(0));

        let mut corrections = 0;
        for ms in (1000..100_000).step_by(1000) {
            mouse.told(Some(Point::new(320, 240)), at_ms(ms));
            corrections += u32::from(mouse.correct(at_ms(ms + 500)).is_some());
        }
        assert_eq!(corrections, 4);

        // The user's own motion begins where the pointer is.
        assert_eq!(
            mouse.point(place(51, 50), at_ms(200_000)),
            motion(-269, -190)
        );
    }

    #[test]
    fn a_guest_that_hides_its_pointer_gets_motions_alone() {
        let mut mouse = GuestMouse::default();
        mouse.suppose(Point::new(10, 10));
        mouse.told(None, at_ms(0));
        assert_eq!(mouse.point(place(15, 10), at_ms(1)), motion(5, 0));
        mouse.told(None, at_ms(2));
        assert_eq!(mouse.deadline(), None);
        assert_eq!(mouse.point(place(18, 10), at_ms(900)), motion(3, 0));
    }

    #[test]
    fn in_a_corner_a_guest_that_is_silent_agrees_with_us_again() {
        let mut mouse = GuestMouse::default();
        // Taken to be there, wherever it is.
        assert_eq!(mouse.point(place(300, 300), at_ms(0)), None);

        let driven = mouse.drive_to(place(0, 0), Size::new(640, 480));

        assert_eq!(Some(driven), motion(-640, -480));
        assert_eq!(mouse.point(place(30, 40), at_ms(2000)), motion(30, 40));
        // The user's mouse comes back elsewhere; the guest's has stayed.
        mouse.leave();
        assert_eq!(mouse.point(place(50, 40), at_ms(3000)), motion(20, 0));
    }

    #[test]
    fn places_are_neither_reckoned_nor_corrected() {
        let mut mouse = GuestMouse::default();
        mouse.begin(true);
        let position = InputEvent::Position {
            x: 7,
            y: 9,
            display: 0,
        };
        assert_eq!(mouse.point(place(7, 9), at_ms(0)), Some(position));
        mouse.told(Some(Point::new(0, 0)), at_ms(1));
        assert_eq!(mouse.deadline(), None);
    }

    #[test]
    fn a_button_goes_up_as_often_as_it_went_down() {
        use InputEvent::{Press, Release};
        let left = Button::Left;
        let mut mouse = GuestMouse::default();
        assert_eq!(mouse.release(left), [], "it was not down");
        assert_eq!(mouse.press(left), [Press(left)]);
        assert_eq!(
            mouse.press(left),
            [Release(left), Press(left)],
            "a missed release"
        );
        assert_eq!(mouse.release(left), [Release(left)]);
        assert!(!mouse.is_held());
    }
}
