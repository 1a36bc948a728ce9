//! Who drew this pixel: a crosshair that keys and the mouse move, and the question that is asked of the pixel under it.

use std::sync::Arc;

use super::action::{Effect, MenuKey, Mouse, Pointer};
use super::app::{App, Focus};
use super::deck::Order as Play;
use super::origin::{Question, Search, State};
use super::panes::PaneKind;
use super::picture::middle;
use super::pixels::GuestPointer;
use super::steering::{self, Steering};
use super::view;
use crate::channel::cursor;
use crate::channel::inputs::Button;
use crate::geometry::{Point, Rect, Size};
use crate::term::Fit;

/// Lines of the crosshair are no thicker, pixels.
const MOST_PIXELS_OF_A_DOT: u32 = 16;

/// Where the crosshair is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointing {
    /// The pixel of the screen that is shown.
    pub at: Point,
    steering: Steering,
    /// What it looks like where pictures are drawn with pixels.
    shape: Arc<cursor::Shape>,
}

impl App {
    /// Shows the crosshair. A recording stands still meanwhile.
    pub(super) fn begin_pointing(&mut self, effects: &mut Vec<Effect>) {
        if self.tabs.is_shown() {
            return self
                .flash("there are no pixels in a port: w in the menu shows the picture".into());
        }
        let Some(monitor) = self.picture.monitor() else {
            return self.flash("there is no picture yet".into());
        };
        if self
            .timeline
            .as_ref()
            .is_some_and(|t| !t.paused && !t.ended)
        {
            effects.push(Effect::Play(Play::Pause));
        }
        let asked = self.origin.as_ref().map(|origin| origin.question);
        let asked = asked.filter(|question| question.display == monitor.display);
        let known = asked.map(|question| question.pixel).or(self.pointer_at());
        let at = known.filter(|at| monitor.rect.contains(*at));
        self.open_pane(PaneKind::Pixel);
        self.focus = Focus::Pointing(Pointing {
            at: at.unwrap_or(middle(monitor.rect)),
            steering: Steering::default(),
            shape: Arc::new(shape(self.pixels_of_a_dot())),
        });
        self.stale = true;
    }

    /// The pixel under the crosshair.
    pub fn crosshair(&self) -> Option<Point> {
        match &self.focus {
            Focus::Pointing(pointing) => Some(pointing.at),
            _ => None,
        }
    }

    /// The crosshair as a pointer, for pictures that are drawn with pixels.
    pub(super) fn crosshair_pointer(&self) -> Option<GuestPointer> {
        let Focus::Pointing(pointing) = &self.focus else {
            return None;
        };
        let (shape, at) = (Arc::clone(&pointing.shape), pointing.at);
        Some(GuestPointer { shape, at })
    }

    /// How many pixels of the screen one dot of the picture stands for, along a side; one at least.
    pub(super) fn pixels_of_a_dot(&self) -> u32 {
        let of = |fit: &Fit| fit.shown().width().div_ceil(fit.dots().width.max(1));
        self.picture
            .fit()
            .map_or(1, of)
            .clamp(1, MOST_PIXELS_OF_A_DOT)
    }

    /// What the status line says while the crosshair is there.
    pub(super) fn pointing_hints(&self, separator: &str) -> Option<String> {
        let at = self.crosshair()?;
        let colour = match self.picture.colour_of(at) {
            Some([r, g, b]) => format!(" #{r:02x}{g:02x}{b:02x}"),
            None => String::new(),
        };
        let hints = ["arrows, by one with Shift", "Enter: who drew it", "Esc"];
        Some(format!(
            " pixel {},{}{colour}{separator}{}",
            at.x,
            at.y,
            hints.join(separator)
        ))
    }

    /// A key for the crosshair.
    pub(super) fn pointing_key(&mut self, key: MenuKey, effects: &mut Vec<Effect>) {
        let Focus::Pointing(pointing) = &mut self.focus else {
            return;
        };
        match pointing.steering.key(key, self.now) {
            Some(steering::Order::Move(dx, dy)) => {
                let to = Point::new(
                    pointing.at.x.saturating_add(dx),
                    pointing.at.y.saturating_add(dy),
                );
                self.move_crosshair(to);
            }
            Some(steering::Order::Click(_) | steering::Order::Hold(_)) => {
                self.ask_who_drew(effects);
            }
            Some(steering::Order::End) => self.end_pointing(),
            _ => {}
        }
    }

    /// The mouse, while the crosshair is there.
    pub(super) fn point_crosshair(&mut self, pointer: Pointer, effects: &mut Vec<Effect>) {
        let area = view::layout_of(self).picture;
        let (Some(column), Some(row)) = (
            pointer.column.checked_sub(area.x),
            pointer.row.checked_sub(area.y),
        ) else {
            return;
        };
        let (part, cell) = pointer.part;
        let fit = self.picture.fit();
        let fit = fit.filter(|fit| fit.pixel_at(column, row).is_some());
        let Some(pixel) = fit.map(|fit| fit.nearest_pixel_in(column, row, part, cell)) else {
            return;
        };
        match pointer.did {
            Mouse::Move | Mouse::Drag => self.move_crosshair(pixel),
            Mouse::Press(Button::Left) => {
                self.move_crosshair(pixel);
                self.ask_who_drew(effects);
            }
            _ => {}
        }
    }

    fn move_crosshair(&mut self, to: Point) {
        let rect = self.picture.monitor().map(|monitor| monitor.rect);
        if let (Focus::Pointing(pointing), Some(rect)) = (&mut self.focus, rect) {
            pointing.at = nearest(rect, to);
            self.stale = true;
        }
    }

    fn end_pointing(&mut self) {
        self.focus = Focus::Guest;
        match self.origin {
            Some(_) => self.read(PaneKind::Pixel),
            None => self.close_pane(PaneKind::Pixel),
        }
        self.stale = true;
    }

    fn ask_who_drew(&mut self, effects: &mut Vec<Effect>) {
        let (Some(pixel), Some(monitor)) = (self.crosshair(), self.picture.monitor()) else {
            return;
        };
        let display = monitor.display;
        let question = Question { display, pixel };
        if self.timeline.is_some() {
            effects.push(Effect::Play(Play::WhoDrew(question)));
            self.origin = Some(Search {
                question,
                state: State::Reads(0),
                ..Search::default()
            });
        } else {
            self.protocol.take_in(&self.watch);
            self.origin = Some(Search::among(&self.protocol, question));
        }
        self.read(PaneKind::Pixel);
    }

    /// What became of a search in a recording.
    pub(super) fn take_search(&mut self, search: Search) {
        // Nobody may want it any more, or already another one.
        let waits = |asked: &Search| {
            asked.question == search.question && matches!(asked.state, State::Reads(_))
        };
        if self.origin.as_ref().is_some_and(waits) {
            self.origin = Some(search);
            self.stale = true;
        }
    }

    /// Takes in a key for the answer; whether it was one of its own.
    pub(super) fn origin_key(
        &mut self,
        key: MenuKey,
        page: isize,
        effects: &mut Vec<Effect>,
    ) -> bool {
        if key == MenuKey::Char('w') {
            self.begin_pointing(effects);
            return true;
        }
        let Some(origin) = &mut self.origin else {
            return false;
        };
        match key {
            MenuKey::Up => origin.step(-1),
            MenuKey::Down => origin.step(1),
            MenuKey::PageUp => origin.step(-page),
            MenuKey::PageDown => origin.step(page),
            MenuKey::Close if matches!(origin.state, State::Reads(_)) => {
                origin.state = State::Done;
                origin.remark = Some("given up");
                effects.push(Effect::Play(Play::Recall));
            }
            MenuKey::Enter if origin.looked_at().is_some() => {
                self.protocol.field = 0;
                self.details_origin = true;
                self.open_and_read(PaneKind::Detail);
            }
            _ => return false,
        }
        true
    }
}

/// A cross of lines that are so many pixels thick and invert what is below them. Its middle, the pixel that counts, stays free.
fn shape(thick: u32) -> cursor::Shape {
    /// How far it reaches, in lines.
    const ARM: u32 = 9;
    let side = (2 * ARM + 1) * thick;
    let middle = ARM * thick..(ARM + 1) * thick;
    let inverts = |x: u32, y: u32| middle.contains(&x) != middle.contains(&y);
    let pixels = || (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
    cursor::Shape {
        size: Size::new(side, side),
        // Less than 1024.
        hot_spot: Point::new((side / 2) as i32, (side / 2) as i32),
        pixels: vec![0; pixels().count() * 4],
        invert: pixels().map(|(x, y)| u8::from(inverts(x, y))).collect(),
    }
}

/// The pixel of an area that is nearest to a point.
fn nearest(area: Rect, point: Point) -> Point {
    let last = |first: i32, end: i32| (end - 1).max(first);
    Point::new(
        point.x.clamp(area.left, last(area.left, area.right)),
        point.y.clamp(area.top, last(area.top, area.bottom)),
    )
}
