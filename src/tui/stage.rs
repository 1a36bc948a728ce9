//! How the viewer draws: which protocol, what is on its way, and the frames of the painter.
//!
//! Beside [`App::update`] these are the only changes of an [`App`]: a frame that goes out to be painted, and the one that comes
//! back.

use std::time::Duration;

use super::app::App;
use super::pixels::{Frame, GuestPointer, Order, Pixels};
use super::view;
use crate::geometry::{Rect, Size};
use crate::term::iterm2::Iterm2;
use crate::term::kitty::{self, Medium, Route};
use crate::term::pace::Pace;
use crate::term::paint::{Painter, Place};
use crate::term::probe::{Capabilities, Multiplexer};
use crate::term::sixel::{self, Sixel};
use crate::term::{Drawing, Raster};

/// Cells of a terminal that does not say how large they are, where the user wants pixels all the same.
const USUAL_CELL: Size = Size::new(8, 16);

/// Least time between two frames for a terminal that keeps every one in its memory.
const KEPT: Duration = Duration::from_millis(500);

impl App {
    /// The terminal turned out to do this.
    pub(super) fn learn(&mut self, capabilities: Capabilities, answers: bool) {
        self.releases = capabilities.keyboard;
        let answered = answers && !self.pace_answers;
        // What the user chose in the menu stays until the terminal says something else.
        if self.drawing.is_none() || self.capabilities.colours != capabilities.colours {
            self.setup.style.colours = capabilities.colours;
            self.picture.set_style(self.setup.style);
            self.stale = true;
        }
        let of = |terminal: &Capabilities| (terminal.sixel, terminal.kitty, terminal.multiplexer);
        self.painter_stale |= of(&self.capabilities) != of(&capabilities);
        self.capabilities = capabilities;
        if answered {
            self.pace_answers = true;
            self.pace = Pace::new(true);
        }
        self.choose_drawing();
    }

    /// Draws as the user wants it, or else as the terminal does it best. Nothing changes when that is so already, nor while a
    /// frame is being painted: then it changes with the end of that.
    pub(super) fn choose_drawing(&mut self) {
        let wanted = self
            .setup
            .drawing
            .unwrap_or_else(|| self.capabilities.best());
        let cell = self.cell();
        if self.pixels.as_ref().is_some_and(Pixels::is_painting) {
            self.drawing_due = true;
            return;
        }
        self.drawing_due = false;
        if self.drawing == Some((wanted, cell)) && !self.painter_stale {
            return;
        }
        self.painter_stale = false;
        self.drawing = Some((wanted, cell));
        if let Some(pixels) = &mut self.pixels {
            self.farewell.extend(pixels.leave());
        }
        self.pixels = painter(wanted, &self.capabilities).map(Pixels::new);
        if let Some(pixels) = &mut self.pixels
            && is_kept(wanted)
        {
            pixels.rest(KEPT);
        }
        if self.pixels.is_none() {
            self.setup.style.glyphs = wanted.glyphs().unwrap_or(self.setup.style.glyphs);
            self.picture.set_style(self.setup.style);
        }
        self.picture.set_pixels(self.pixels.is_some());
        self.lay_out();
    }

    /// Pixels of a cell.
    pub(super) fn cell(&self) -> Size {
        let said = self
            .capabilities
            .cell
            .map(|(width, height)| Size::new(width, height));
        said.filter(|cell| !cell.is_empty()).unwrap_or(USUAL_CELL)
    }

    /// Whether pictures are drawn on a terminal around tmux.
    pub fn draws_through_tmux(&self) -> bool {
        let drawing = self.drawing.map(|(drawing, _)| drawing);
        self.capabilities.multiplexer == Some(Multiplexer::Tmux)
            && drawing == Some(Drawing::KittyPlaceholders)
    }

    /// The name of how pictures are drawn.
    pub fn drawing_name(&self) -> &'static str {
        match (&self.pixels, self.drawing) {
            (Some(_), Some((drawing, _))) => drawing.name(),
            _ => self.setup.style.name(),
        }
    }

    /// The ways of drawing with pixels that this terminal has, and their keys in the menu.
    pub fn pixel_drawings(&self) -> Vec<(char, Drawing)> {
        let all = [
            ('k', Drawing::Kitty),
            ('t', Drawing::KittyTiles),
            ('p', Drawing::KittyPlaceholders),
            ('x', Drawing::Sixel),
            ('i', Drawing::Iterm2),
        ];
        let mut all = all.to_vec();
        all.retain(|(_, drawing)| self.capabilities.has(*drawing));
        all
    }

    /// What the terminal has to be told because a way of drawing ended.
    pub fn take_farewell(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.farewell)
    }

    /// Whether a picture that stands still is not as good yet as it will be: the link is slow.
    pub fn is_refining(&self) -> bool {
        let pixels = self.pixels.as_ref().filter(|_| !self.tabs.is_shown());
        pixels.is_some_and(|pixels| pixels.is_refining(self.now))
    }

    /// Whether the picture is drawn with pixels.
    pub fn draws_pixels(&self) -> bool {
        self.pixels.is_some()
    }

    /// Whether a frame is being painted.
    pub fn is_painting(&self) -> bool {
        self.pixels.as_ref().is_some_and(Pixels::is_painting)
    }

    /// The next frame for the painter, if the terminal does not show it. `covered` are the cells of the terminal on the picture
    /// that text was drawn on.
    ///
    /// It takes about `room` bytes at most.
    pub fn order(&mut self, covered: Option<Rect>, room: usize) -> Option<Order> {
        if self.tabs.is_shown() {
            return None;
        }
        let urgent = self.picture.take_urgent();
        let area = view::layout_of(self).picture;
        let cell = self.cell();
        let (pointer_at, shape) = (self.pointer_at(), self.picture.shape());
        let room = self.pace.room_of_frame(room);
        let crosshair = self.crosshair_pointer();
        let pixels = self.pixels.as_mut()?;
        let changed = self.picture.take_changed();
        for dots in changed.rects() {
            pixels.change(*dots, self.now);
        }
        let (fit, dots) = (self.picture.fit()?, self.picture.dots()?);
        let cells = fit.cells();
        let place = Place {
            // Inside the terminal, whose sides are 16 bits.
            column: area.x + cells.left as u16,
            row: area.y + cells.top as u16,
            cell,
            terminal: self.setup.size,
        };
        let covered = covered
            .map(|rect| rect.translate(-i32::from(place.column), -i32::from(place.row)))
            .map(|rect| rect.intersect(cells.size().to_rect()))
            .filter(|rect| !rect.is_empty());
        let pointer = shape
            .zip(pointer_at)
            .map(|(shape, at)| GuestPointer { shape, at });
        let pointer = crosshair.or(pointer);
        pixels.limit(room, urgent);
        pixels.order(
            dots,
            fit,
            place,
            covered.into_iter().collect(),
            pointer,
            self.now,
        )
    }

    /// Cells of the terminal around the newest small changes of a picture that is drawn with cells.
    pub fn take_urgent_cells(&mut self) -> Vec<Rect> {
        let Some(fit) = self.picture.fit().filter(|_| self.pixels.is_none()) else {
            return Vec::new();
        };
        let area = view::layout_of(self).picture;
        let first = fit.cells().origin();
        let Raster(dots) = fit.raster();
        let (wide, high) = (dots.width as i32, dots.height as i32);
        let (left, top) = (i32::from(area.x) + first.x, i32::from(area.y) + first.y);
        let cells = |dots: Rect| {
            Rect::new(
                left + dots.left / wide,
                top + dots.top / high,
                left + (dots.right + wide - 1) / wide,
                top + (dots.bottom + high - 1) / high,
            )
        };
        self.picture.take_urgent().into_iter().map(cells).collect()
    }

    /// There was no room for all of a frame.
    pub(super) fn fall_behind(&mut self) {
        self.is_behind = true;
        self.stale = true;
    }

    /// A frame is back from the painter; what the terminal is to be told.
    pub fn accept(&mut self, frame: Frame, now: Duration) -> Vec<u8> {
        self.now = now;
        let rate = self.pace.rate();
        let Some(pixels) = &mut self.pixels else {
            return Vec::new();
        };
        let (bytes, is_complete) = pixels.accept(frame, self.pace.rate_of_frames());
        if self.tabs.is_shown() {
            // It was taken off the terminal while this was painted.
            self.hide_picture();
            return Vec::new();
        }
        match bytes.len() {
            0 => {}
            length if is_complete => self.meter.count(length, now),
            length => self.meter.count_part(length, now),
        }
        if self.drawing.is_some_and(|(drawing, _)| is_kept(drawing)) {
            // Its frames are whole, and in the way of all else: half of the time the link is free.
            let takes = rate.map(|rate| Duration::from_secs_f64(bytes.len() as f64 / rate));
            pixels.rest(KEPT.max(takes.unwrap_or_default() * 2));
        }
        if pixels.is_behind() {
            self.fall_behind();
        }
        self.stale |= self.is_refining() != self.says_refining;
        if self.drawing_due {
            self.choose_drawing();
        }
        bytes
    }

    /// Takes the picture off the terminal, because something else is shown in its place. It comes back whole.
    pub(super) fn hide_picture(&mut self) {
        if let Some(pixels) = &mut self.pixels {
            self.farewell.extend(pixels.leave());
        }
        self.stale = true;
        if self.drawing_due {
            self.choose_drawing();
        }
    }

    /// Takes the picture off the terminal; what it has to be told.
    pub fn leave(&mut self) -> Vec<u8> {
        let mut bytes = self.take_farewell();
        if let Some(pixels) = &mut self.pixels {
            bytes.extend(pixels.leave());
        }
        bytes
    }
}

/// Whether a terminal keeps every frame that is drawn like this.
pub(super) const fn is_kept(drawing: Drawing) -> bool {
    matches!(drawing, Drawing::Iterm2)
}

/// A painter for a way of drawing; `None` for character cells.
fn painter(drawing: Drawing, capabilities: &Capabilities) -> Option<Box<dyn Painter>> {
    // Image numbers belong to a terminal: other programs on it have some too.
    let process = std::process::id();
    let images = (process & 0x3fff | 0x4000) << 16;
    Some(match drawing {
        Drawing::Kitty => Box::new(kitty::Edits::new(images, Medium::of(capabilities))),
        Drawing::KittyTiles => Box::new(kitty::Tiles::new(images)),
        Drawing::KittyPlaceholders => {
            let route = match capabilities.multiplexer {
                Some(Multiplexer::Tmux) => Route::Tmux,
                _ => Route::Direct,
            };
            Box::new(kitty::Placeholders::new(process as u8, route))
        }
        Drawing::Sixel => {
            let said = capabilities.sixel.unwrap_or_default();
            Box::new(Sixel::new(sixel::Limits::of(&said)))
        }
        Drawing::Iterm2 => Box::new(Iterm2::new()),
        Drawing::Octant | Drawing::Sextant | Drawing::Quadrant | Drawing::Half | Drawing::Ascii => {
            return None;
        }
    })
}
