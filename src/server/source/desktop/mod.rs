//! A small desktop that is alive: a clock, a ball that bounces, a text that can be typed, a mouse that shows what is done
//! with it, and windows that can be dragged.

mod looks;
mod notes;
mod scene;

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::time::MissedTickBehavior;
use tracing::debug;

use crate::canvas::Damage;
use crate::channel::inputs::{Button, Buttons, InputEvent};
use crate::geometry::{Point, Rect, Size};
use crate::pixels::{PixelBuf, PixelFormat};
use crate::server::{DisplayHandle, SpiceServer};
use crate::session::ServerEvent;
use looks::{Look, Looks};
use notes::Notes;
use scene::{
    PANEL_HEIGHT, TITLE_HEIGHT, ball_at, ball_rect, inside, shadowed, title, wallpaper, windows,
};

/// Time between two steps of what moves.
const STEP: Duration = Duration::from_millis(50);

/// How long the caret is on, and then off.
const BLINK: Duration = Duration::from_millis(500);

/// Serves a desktop on `server` until `cancel` is ready or the server ends. Nothing moves while nobody looks.
pub async fn run(mut server: SpiceServer, cancel: impl Future<Output = ()>) {
    let display = server.display();
    let started = Instant::now();
    let mut desktop = Desktop::new(display.size());
    let mut steps = tokio::time::interval(STEP);
    steps.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut cancel = pin!(cancel);
    let mut watched = false;
    desktop.tick(started.elapsed(), time_of_day());
    loop {
        desktop.show(&display);
        tokio::select! {
            () = &mut cancel => return,
            _ = steps.tick(), if watched => desktop.tick(started.elapsed(), time_of_day()),
            event = server.next_event() => match event {
                Some(ServerEvent::Connected { .. }) => {
                    watched = true;
                    desktop.tick(started.elapsed(), time_of_day());
                }
                Some(ServerEvent::Disconnected(_)) => watched = false,
                Some(ServerEvent::Input(input)) => desktop.input(input),
                Some(ServerEvent::Notice(notice)) => debug!(%notice, "viewer"),
                Some(ServerEvent::MouseMode(_) | ServerEvent::Break { .. }) => {}
                None => return,
            },
        }
    }
}

/// Seconds since midnight, UTC.
fn time_of_day() -> u32 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    (since.unwrap_or_default().as_secs() % 86_400) as u32
}

/// Everything on the desktop, and its picture.
struct Desktop {
    wallpaper: PixelBuf,
    /// The picture, apart from what is damaged.
    frame: PixelBuf,
    damage: Damage,
    /// Windows moved since the last time, with where they were; before anything is drawn.
    moves: Vec<(Rect, Point)>,
    /// Bottom first.
    windows: Vec<Window>,
    /// Where in the topmost window it is held, while it is dragged.
    grip: Option<Point>,
    notes: Notes,
    ball: Point,
    caret: bool,
    /// Seconds since midnight.
    time_of_day: u32,
    pointer: Point,
    /// Whether the pointer was moved by motion, so that the viewer has to be told where it is.
    pointer_moved: bool,
    buttons: Buttons,
    wheel: i32,
    last_key: Option<u32>,
    /// The pointer's look, and whether the viewer has been told.
    look: Look,
    looks: Looks,
    look_shown: bool,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    kind: Kind,
    rect: Rect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Notes,
    Motion,
    Mouse,
}

impl Desktop {
    fn new(size: Size) -> Self {
        let mut damage = Damage::default();
        damage.add(size.to_rect());
        Self {
            wallpaper: wallpaper(size),
            frame: PixelBuf::new(PixelFormat::Xrgb, size),
            damage,
            moves: Vec::new(),
            windows: windows(size),
            grip: None,
            notes: Notes::default(),
            ball: Point::default(),
            caret: true,
            time_of_day: 0,
            pointer: Point::default(),
            pointer_moved: false,
            buttons: Buttons::empty(),
            wheel: 0,
            last_key: None,
            look: Look::Arrow,
            looks: Looks::new(),
            look_shown: false,
        }
    }

    /// `at` after the start, so many seconds after midnight.
    fn tick(&mut self, at: Duration, time_of_day: u32) {
        if self.time_of_day != time_of_day {
            self.time_of_day = time_of_day;
            self.damage.add(self.clock_rect());
        }
        let caret = (at.as_millis() / BLINK.as_millis()).is_multiple_of(2);
        if self.caret != caret {
            self.caret = caret;
            let place = self.caret_place(inside(self.window(Kind::Notes).rect));
            self.damage.add(place);
        }
        let inside = inside(self.window(Kind::Motion).rect);
        let ball = ball_at(at, inside.size());
        if self.ball != ball {
            self.damage.add(ball_rect(inside, self.ball));
            self.ball = ball;
            self.damage.add(ball_rect(inside, self.ball));
        }
    }

    /// The viewer's user does something.
    fn input(&mut self, input: InputEvent) {
        match input {
            InputEvent::KeyDown(code) => {
                self.notes.key_down(code);
                self.last_key = Some(code);
                self.redraw(Kind::Notes, |inside| inside);
                self.redraw(Kind::Mouse, |inside| inside);
            }
            InputEvent::KeyUp(code) => self.notes.key_up(code),
            InputEvent::Position { x, y, .. } => self.point(Point::new(x as i32, y as i32)),
            InputEvent::Motion { dx, dy } => {
                let edge = self.frame.size.to_rect();
                let x = self.pointer.x.saturating_add(dx).clamp(0, edge.right - 1);
                let y = self.pointer.y.saturating_add(dy).clamp(0, edge.bottom - 1);
                self.pointer_moved = true;
                self.point(Point::new(x, y));
            }
            InputEvent::Press(button) => self.press(button),
            InputEvent::Release(button) => self.release(button),
            InputEvent::Wheel(button) => {
                let turn = if button == Button::Up { 1 } else { -1 };
                self.wheel = self.wheel.wrapping_add(turn);
                self.redraw(Kind::Mouse, |inside| inside);
            }
            _ => {}
        }
    }

    /// Draws what has changed.
    fn show(&mut self, display: &DisplayHandle) {
        for (from, to) in self.moves.drain(..) {
            display.copy(from, to);
        }
        let screen = self.frame.size.to_rect();
        for rect in self.damage.take() {
            let rect = rect.intersect(screen);
            self.compose(rect);
            // The picture has 32-bit pixels, so it can be drawn.
            let _ = display.draw(rect, self.frame.view().crop(rect));
        }
        if !std::mem::replace(&mut self.look_shown, true) {
            display.show_cursor(self.looks.shape(self.look));
        }
        if std::mem::take(&mut self.pointer_moved) {
            display.move_cursor(self.pointer);
        }
    }

    fn point(&mut self, to: Point) {
        self.pointer = to;
        if let Some(grip) = self.grip {
            self.drag(to.x - grip.x, to.y - grip.y);
        }
        self.redraw(Kind::Mouse, |inside| inside);
        self.choose_look();
    }

    fn press(&mut self, button: Button) {
        self.buttons = self.buttons | button.bit();
        self.redraw(Kind::Mouse, |inside| inside);
        let under = self
            .windows
            .iter()
            .rposition(|w| w.rect.contains(self.pointer));
        if let (Button::Left, Some(i)) = (button, under) {
            // The one that was on top looks different now.
            let above = self.windows.last().map(|w| w.rect).unwrap_or_default();
            let window = self.windows.remove(i);
            self.windows.push(window);
            for rect in [above, window.rect] {
                self.damage.add(shadowed(rect));
            }
            if title(window.rect).contains(self.pointer) {
                let (x, y) = (window.rect.left, window.rect.top);
                self.grip = Some(Point::new(self.pointer.x - x, self.pointer.y - y));
            }
        }
        self.choose_look();
    }

    fn release(&mut self, button: Button) {
        self.buttons = Buttons(self.buttons.0 & !button.bit().0);
        self.redraw(Kind::Mouse, |inside| inside);
        if button == Button::Left {
            self.grip = None;
        }
        self.choose_look();
    }

    /// Moves the topmost window. Where its old and its new place are all on the screen and nothing of it has changed, the
    /// viewer can move its own pixels.
    fn drag(&mut self, left: i32, top: i32) {
        let screen = self.frame.size.to_rect();
        let Some(window) = self.windows.last_mut() else {
            return;
        };
        let old = window.rect;
        let top = top.clamp(PANEL_HEIGHT, screen.bottom - TITLE_HEIGHT);
        let left = left.clamp(
            TITLE_HEIGHT - old.width() as i32,
            screen.right - TITLE_HEIGHT,
        );
        let new = Rect::at(left, top, old.size());
        if new == old {
            return;
        }
        window.rect = new;
        let fresh = self.damage.rects().iter().all(|r| !r.overlaps(old));
        if fresh && screen.covers(old) && screen.covers(new) {
            self.moves.push((old, new.origin()));
        }
        self.damage.add(shadowed(old));
        self.damage.add(shadowed(new));
    }

    fn choose_look(&mut self) {
        let under = self.windows.iter().rfind(|w| w.rect.contains(self.pointer));
        let look = match under {
            _ if self.grip.is_some() => Look::Move,
            Some(w) if title(w.rect).contains(self.pointer) => Look::Move,
            Some(w) if w.kind == Kind::Notes => Look::Beam,
            _ => Look::Arrow,
        };
        if self.look != look {
            (self.look, self.look_shown) = (look, false);
        }
    }

    fn window(&self, kind: Kind) -> Window {
        let found = self.windows.iter().find(|w| w.kind == kind);
        found.copied().unwrap_or(Window {
            kind,
            rect: Rect::default(),
        })
    }

    /// Marks a part of a window's inside as changed.
    fn redraw(&mut self, kind: Kind, part: impl FnOnce(Rect) -> Rect) {
        let rect = part(inside(self.window(kind).rect));
        self.damage.add(rect.intersect(self.frame.size.to_rect()));
    }

    fn clock_rect(&self) -> Rect {
        let right = self.frame.size.to_rect().right;
        Rect::new(right - 120, 0, right, PANEL_HEIGHT)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::server::handle::Shared;
    use crate::server::screen::Screen;

    const SIZE: Size = Size::new(640, 480);

    fn display() -> DisplayHandle {
        let screen = Screen::new(SIZE).unwrap();
        DisplayHandle {
            shared: Arc::new(Shared::new(screen)),
        }
    }

    fn at(x: i32, y: i32) -> InputEvent {
        InputEvent::Position {
            x: x as u32,
            y: y as u32,
            display: 0,
        }
    }

    #[test]
    fn what_is_drawn_in_parts_looks_as_if_it_were_drawn_at_once() {
        let display = display();
        let mut desktop = Desktop::new(SIZE);
        let mut seed = 3_u32;
        let mut random = move |limit: u32| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 16) % limit
        };
        for step in 0..400_u32 {
            let input = match random(8) {
                0 => InputEvent::Press(Button::Left),
                1 => InputEvent::Release(Button::Left),
                2 => InputEvent::KeyDown(random(0x60)),
                3 => InputEvent::Wheel(Button::Down),
                4 => InputEvent::Motion {
                    dx: random(60) as i32 - 30,
                    dy: random(60) as i32 - 30,
                },
                _ => at(random(640) as i32, random(480) as i32),
            };
            desktop.input(input);
            desktop.tick(Duration::from_millis(u64::from(step) * 37), step);
            desktop.show(&display);
        }
        desktop.compose(SIZE.to_rect());
        let shown = display.snapshot();
        let rows = (0..).zip(shown.view().rows().zip(desktop.frame.view().rows()));
        let different: Vec<u32> = rows.filter(|(_, (a, b))| a != b).map(|(y, _)| y).collect();
        assert_eq!(different, [0_u32; 0], "rows that differ");
    }

    #[test]
    fn a_window_follows_the_pointer_by_its_title_bar_and_stays_within_reach() {
        let mut desktop = Desktop::new(SIZE);
        desktop.show(&display());
        let before = desktop.window(Kind::Notes).rect;
        desktop.input(at(before.left + 150, before.top + 5));
        desktop.input(InputEvent::Press(Button::Left));
        desktop.show(&display());
        desktop.input(at(before.left + 160, before.top + 25));
        let moved = desktop.window(Kind::Notes).rect;
        assert_eq!(moved, before.translate(10, 20));
        assert_eq!(desktop.moves, [(before, moved.origin())]);
        assert_eq!(desktop.look, Look::Move);

        desktop.input(at(0, 479));
        let corner = desktop.window(Kind::Notes).rect;
        assert!(corner.overlaps(SIZE.to_rect()));
        desktop.input(at(300, 0));
        assert_eq!(desktop.window(Kind::Notes).rect.top, PANEL_HEIGHT);
        desktop.input(InputEvent::Release(Button::Left));
        let left = desktop.window(Kind::Notes).rect;
        desktop.input(at(10, 300));
        assert_eq!(desktop.window(Kind::Notes).rect, left);
    }

    #[test]
    fn the_window_under_the_button_comes_to_the_top() {
        let mut desktop = Desktop::new(SIZE);
        assert_eq!(desktop.windows.last().unwrap().kind, Kind::Notes);
        let motion = desktop.window(Kind::Motion).rect;
        desktop.input(at(motion.right - 5, motion.top + 60));
        desktop.input(InputEvent::Press(Button::Left));
        assert_eq!(desktop.windows.last().unwrap().kind, Kind::Motion);
    }

    #[test]
    fn the_ball_stays_inside_its_window() {
        let size = Size::new(200, 150);
        for ms in (0..60_000).step_by(7) {
            let ball = ball_at(Duration::from_millis(ms), size);
            let rect = Rect::new(ball.x - 17, ball.y - 17, ball.x + 17, ball.y + 17);
            assert!(size.to_rect().covers(rect), "{ball:?} after {ms} ms");
        }
    }

    #[test]
    fn a_step_changes_little() {
        let display = display();
        let mut desktop = Desktop::new(SIZE);
        desktop.show(&display);
        for step in 1..40 {
            desktop.tick(STEP * step, step / 20);
            let area: u64 = desktop.damage.rects().iter().map(|r| r.area()).sum();
            assert!(area < 60_000, "{area} pixels in step {step}");
            desktop.show(&display);
        }
    }
}
