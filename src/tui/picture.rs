//! The guest's screen as cells: what the session says about it, scaled to the pane, only where it changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::canvas::Damage;
use crate::channel::{cursor, display};
use crate::client::{Framebuffer, Monitor, Screens};
use crate::geometry::{Point, Rect, Size};
use crate::pixels::{PixelBuf, PixelView};
use crate::term::{Fit, Grid, Pane, Scaler, Style, cells};

/// How a picture that does not fit is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zoom {
    /// All of it, scaled.
    #[default]
    Whole,
    /// So many dots a pixel both ways, one at least, around a pixel.
    Exact {
        /// The pixel.
        centre: Point,
        /// Dots.
        times: u32,
    },
    /// One dot a pixel, around what the user looks at: where the mouse points, else the guest's pointer, else what changed last.
    Loupe,
}

/// A pixel's brightness, halved, as a pixel: bytes B, G, R, X.
fn greyed(pixel: &[u8]) -> [u8; 4] {
    let [b, g, r] = [0, 1, 2].map(|at| u32::from(pixel.get(at).copied().unwrap_or_default()));
    // Weights of ITU-R BT.601 in 256ths, halved; at most 127.
    let grey = ((29 * b + 150 * g + 77 * r) >> 9) as u8;
    [grey, grey, grey, 0]
}

/// What the loupe follows.
#[derive(Clone, Copy, Debug, Default)]
struct Look {
    /// The middle of what it shows, once it was shown.
    centre: Option<Point>,
    /// The middle that the user's mouse asked for.
    pointed: Option<Point>,
    /// Where something small changed last, as a caret does.
    changed: Option<Point>,
}

/// Pixels of the largest change that may be a caret, or a character that was typed.
const CARET: u64 = 4096;

/// Small changes that are urgent at once.
const MOST_URGENT: usize = 4;

/// Guest screens, and the cells of the monitor that is shown.
pub struct Picture {
    screens: Screens,
    /// Screens that are gone, for a moment: when the whole session is, they are its last picture.
    parted: BTreeMap<u8, Framebuffer>,
    /// The monitor the user chose. While it has nothing to show, the first one that has is shown.
    chosen: Option<Monitor>,
    /// The monitor that is shown.
    monitor: Option<Monitor>,
    /// What changed on its display since the last refresh.
    damage: Damage,
    pointers: BTreeMap<u8, Option<Point>>,
    shapes: BTreeMap<u8, Arc<cursor::Shape>>,
    /// Whether somebody else draws the dots, as pixels.
    pixels: bool,
    /// Dots that changed since that somebody last asked.
    changed: Damage,
    /// The newest small changes since then, pixels: whatever changed around them, these are likely to be what the user waits for.
    urgent: Vec<Rect>,
    pane: Pane,
    style: Style,
    zoom: Zoom,
    look: Look,
    fit: Option<Fit>,
    scaler: Scaler,
    grid: Grid,
    /// Whether the cells are to be painted anew.
    repaint: bool,
    /// What is shown of a display instead of its screen.
    still: Option<(u8, PixelBuf)>,
    /// How often something changed.
    changes: u64,
}

impl Picture {
    /// Nothing yet, for a pane.
    pub fn new(pane: Pane, style: Style) -> Self {
        Self {
            screens: Screens::default(),
            parted: BTreeMap::new(),
            chosen: None,
            monitor: None,
            damage: Damage::default(),
            pointers: BTreeMap::new(),
            shapes: BTreeMap::new(),
            pixels: false,
            changed: Damage::default(),
            urgent: Vec::new(),
            pane,
            style,
            zoom: Zoom::default(),
            look: Look::default(),
            fit: None,
            scaler: Scaler::default(),
            grid: Grid::default(),
            repaint: true,
            still: None,
            changes: 0,
        }
    }

    /// Takes over what a display channel says; whether the picture that is shown changed.
    pub fn apply(&mut self, event: &display::Event) -> bool {
        use display::Event;
        self.changes = self.changes.wrapping_add(1);
        let display = event.display();
        let was_marked = self.is_marked(display);
        let damage = self.screens.apply(event);
        if !matches!(event, Event::Region { .. } | Event::CopyRect { .. }) {
            self.look_for_monitor();
        }
        if self.monitor.is_none_or(|shown| shown.display != display) {
            return self.repaint;
        }
        if !self.is_marked(display) {
            // Drawn on what is not shown yet.
            return self.repaint;
        }
        self.repaint |= !was_marked;
        self.note_urgent(&damage);
        self.damage.merge(&damage);
        !damage.is_empty() || self.repaint
    }

    fn note_urgent(&mut self, damage: &Damage) {
        let small = damage.rects().iter().filter(|rect| rect.area() <= CARET);
        self.urgent.extend(small);
        let too_many = self.urgent.len().saturating_sub(MOST_URGENT);
        self.urgent.drain(..too_many);
    }

    /// Screens that are gone are no longer kept.
    pub fn forget_parted(&mut self) {
        self.parted.clear();
    }

    /// Takes colour and half of the brightness off every screen, those that have just gone among them: what they show is what
    /// was, and nobody draws on it.
    pub fn grey(&mut self) {
        for (display, screen) in std::mem::take(&mut self.parted) {
            self.screens.put_back(display, screen);
        }
        self.look_for_monitor();
        let displays: Vec<u8> = self.screens.displays().map(|(id, _)| id).collect();
        for display in displays {
            let screen = self.screens.display(display);
            let Some(view) = screen.and_then(Framebuffer::view) else {
                continue;
            };
            let rect = view.size.to_rect();
            let stride = view.size.width as usize * 4;
            let pixels = view.rows().flat_map(|row| row.chunks_exact(4));
            let data: Vec<u8> = pixels.flat_map(greyed).collect();
            let pixels = display::RegionPixels::Raw {
                data: data.into(),
                stride,
            };
            self.apply(&display::Event::Region {
                display,
                surface: 0,
                rect,
                pixels,
            });
        }
        self.urgent.clear();
    }

    /// A display channel closed, or has had no screen for a while; whether the picture that is shown changed.
    pub fn close(&mut self, display: u8) -> bool {
        let screen = self.screens.take_out(display);
        self.parted.extend(screen.map(|screen| (display, screen)));
        self.pointers.remove(&display);
        self.shapes.remove(&display);
        self.look_for_monitor();
        self.repaint
    }

    /// Displays whose screen is gone and whose last picture is all there is of them.
    pub fn gone(&self) -> Vec<u8> {
        let gone = |(id, screen): (u8, &Framebuffer)| screen.view().is_none().then_some(id);
        self.screens.displays().filter_map(gone).collect()
    }

    fn is_marked(&self, display: u8) -> bool {
        let screen = self.screens.display(display);
        screen.is_some_and(Framebuffer::is_marked)
    }

    fn look_for_monitor(&mut self) {
        let monitors = self.screens.monitors();
        let chosen = self.chosen.and_then(|c| monitors.iter().find(|m| m.is(&c)));
        let monitor = chosen.or(monitors.first()).copied();
        self.repaint |= monitor != self.monitor;
        self.monitor = monitor;
    }

    /// Takes over what a cursor channel says; whether something that is shown changed.
    pub fn apply_pointer(&mut self, event: &cursor::Event) -> bool {
        let (id, position) = match event {
            cursor::Event::Shape { display, shape } => {
                match shape {
                    Some(shape) => self.shapes.insert(*display, Arc::clone(shape)),
                    None => self.shapes.remove(display),
                };
                return self.monitor.is_some_and(|m| m.display == *display);
            }
            cursor::Event::Moved { display, position } => (*display, Some(*position)),
            cursor::Event::Visible {
                display,
                visible: false,
            } => (*display, None),
            _ => return false,
        };
        let shown = self.monitor.is_some_and(|monitor| monitor.display == id);
        self.pointers.insert(id, position) != Some(position) && shown
    }

    /// All monitors that have something to show.
    pub fn monitors(&self) -> Vec<Monitor> {
        self.screens.monitors()
    }

    /// The monitor that is shown: the one that was chosen, or else the first. Its rectangle is of its display's screen, as are
    /// all pixels here.
    pub fn monitor(&self) -> Option<Monitor> {
        self.monitor
    }

    /// Shows this monitor from now on, whenever it has something to show.
    pub fn choose(&mut self, monitor: Monitor) {
        self.chosen = Some(monitor);
        self.look = Look::default();
        self.look_for_monitor();
    }

    /// Size of the monitor that is shown, pixels; nothing while there is none.
    pub fn size(&self) -> Size {
        self.monitor.map(|m| m.rect.size()).unwrap_or_default()
    }

    /// Where the guest says its own pointer is, when it is shown.
    pub fn pointer(&self) -> Option<Point> {
        *self.pointers.get(&self.monitor?.display)?
    }

    /// The display that is shown, and a copy of what it shows.
    pub fn copy(&self) -> Option<(u8, PixelBuf)> {
        let display = self.monitor?.display;
        let screen = self.screens.display(display)?.shown()?;
        Some((display, screen.to_buf()))
    }

    /// Shows a still picture of a display instead of its screen from now on, or the screen again.
    pub fn set_still(&mut self, still: Option<(u8, PixelBuf)>) {
        self.repaint |= still.is_some() || self.still.is_some();
        self.still = still;
    }

    /// A number that is another one whenever what is shown may have changed.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// The colour of a pixel of the screen that is shown: red, green, blue.
    pub fn colour_of(&self, at: Point) -> Option<[u8; 3]> {
        let screen = self.screens.display(self.monitor?.display)?.shown()?;
        let inside = screen.size.to_rect().contains(at);
        let (x, y) = (u32::try_from(at.x).ok()?, u32::try_from(at.y).ok()?);
        // The word of a pixel is 0xXXRRGGBB.
        let [b, g, r, _] = inside.then(|| screen.pixel(x, y))?.to_le_bytes();
        Some([r, g, b])
    }

    /// What the guest's pointer looks like.
    pub fn shape(&self) -> Option<Arc<cursor::Shape>> {
        self.shapes.get(&self.monitor?.display).cloned()
    }

    /// Leaves the dots to somebody who draws them as pixels, or paints cells again.
    pub fn set_pixels(&mut self, pixels: bool) {
        self.repaint |= self.pixels != pixels;
        self.pixels = pixels;
    }

    /// The dots, as of the last refresh: bytes B, G, R, X.
    pub fn dots(&self) -> Option<PixelView<'_>> {
        self.scaler.dots()
    }

    /// Dots that changed since this was last asked, where they are drawn as pixels.
    pub fn take_changed(&mut self) -> Damage {
        self.changed.take()
    }

    /// Whether there are small changes that nobody has asked for yet.
    pub fn is_urgent(&self) -> bool {
        !self.urgent.is_empty()
    }

    /// Dots around the newest small changes since this was last asked.
    pub fn take_urgent(&mut self) -> Vec<Rect> {
        let urgent = std::mem::take(&mut self.urgent);
        let fit = self.fit.as_ref();
        let dots = urgent
            .iter()
            .filter_map(|rect| Some(fit?.dots_touched(*rect)));
        dots.filter(|dots| !dots.is_empty()).collect()
    }

    /// Shows it in another pane from now on.
    pub fn set_pane(&mut self, pane: Pane) {
        self.pane = pane;
    }

    /// Paints it in another style from now on.
    pub fn set_style(&mut self, style: Style) {
        self.repaint |= self.style != style;
        self.style = style;
    }

    /// How it is scaled.
    pub fn zoom(&self) -> Zoom {
        self.zoom
    }

    /// Scales it differently from now on.
    pub fn set_zoom(&mut self, zoom: Zoom) {
        self.zoom = zoom;
        self.look.centre = None;
        self.look.pointed = None;
    }

    /// Puts this pixel in the middle of the loupe, as far as the edges allow.
    pub fn look_at(&mut self, pixel: Point) {
        self.look.pointed = Some(pixel);
    }

    /// Moves the loupe with the mouse, which is over this cell of the pane; the pixel that will be under it. `None` when there is
    /// no loupe, or the cell is beside the picture.
    ///
    /// The pane stands for the whole picture: in its first column the left edge is shown, in its last column the right one. What
    /// is pointed at and what is shown would chase each other otherwise.
    pub fn point_loupe(&mut self, column: u16, row: u16) -> Option<Point> {
        let (fit, part) = (self.fit?, self.monitor?.rect);
        let (cells, shown) = (fit.cells(), fit.shown().size());
        let inside = cells.contains(Point::new(column.into(), row.into()));
        if self.zoom != Zoom::Loupe || !inside {
            return None;
        }
        let along = |cell: u16, first: i32, cells: u32, pixels: u32, shown: u32| {
            let at = i64::from(cell) - i64::from(first);
            let hidden = i64::from(pixels) - i64::from(shown);
            // Less than the picture's side.
            (at * hidden / i64::from(cells.max(2) - 1)) as i32 + (shown / 2) as i32
        };
        let centre = Point::new(
            part.left + along(column, cells.left, cells.width(), part.width(), shown.width),
            part.top + along(row, cells.top, cells.height(), part.height(), shown.height),
        );
        self.look_at(centre);
        let moved = Fit::exact_part(fit.picture(), part, &self.pane, centre, 1)?;
        Some(moved.nearest_pixel(column, row))
    }

    /// The middle of the loupe. It stays where it is while what it follows by itself is well inside: each move draws everything.
    fn looked_at(&self, part: Rect) -> Point {
        let followed = self.look.pointed.or_else(|| {
            let target = self.pointer().or(self.look.changed)?;
            let kept = self.look.centre.zip(self.fit).filter(|(_, fit)| {
                let shown = fit.shown();
                let (wide, high) = (shown.width() as i32 / 8, shown.height() as i32 / 8);
                let inner = Rect::new(
                    shown.left + wide,
                    shown.top + high,
                    shown.right - wide,
                    shown.bottom - high,
                );
                inner.contains(target)
            });
            Some(kept.map_or(target, |(centre, _)| centre))
        });
        followed
            .or(self.look.centre)
            .unwrap_or_else(|| middle(part))
    }

    /// Where it is in the pane, as of the last refresh.
    pub fn fit(&self) -> Option<&Fit> {
        self.fit.as_ref()
    }

    /// The cells, as of the last refresh; they belong at [`Fit::cells`].
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Brings the cells up to date with the screen.
    pub fn refresh(&mut self) {
        let damage = self.damage.take();
        if let Some(small) = damage
            .rects()
            .iter()
            .rev()
            .find(|rect| rect.area() <= CARET)
        {
            self.look.changed = Some(middle(*small));
        }
        let shown = self.monitor.and_then(|monitor| {
            let still = self.still.as_ref().filter(|(of, _)| *of == monitor.display);
            if let Some((_, still)) = still {
                let whole = still.size.to_rect();
                let part = monitor.rect.intersect(whole);
                let part = if part.is_empty() { whole } else { part };
                return Some((still.view(), part));
            }
            let screen = self.screens.display(monitor.display)?;
            Some((screen.shown()?, monitor.rect))
        });
        let fit = shown.and_then(|(picture, part)| match self.zoom {
            Zoom::Whole => Fit::whole_part(picture.size, part, &self.pane),
            Zoom::Exact { centre, times } => {
                Fit::exact_part(picture.size, part, &self.pane, centre, times)
            }
            Zoom::Loupe => Fit::exact_part(picture.size, part, &self.pane, self.looked_at(part), 1),
        });
        if self.fit != fit {
            self.fit = fit;
            self.look.centre = fit.map(|fit| middle(fit.shown()));
            let cells = fit.map(|fit| fit.cells().size()).unwrap_or_default();
            // A fit never exceeds its pane, whose sides are 16 bits.
            self.grid = Grid::new(cells.width as u16, cells.height as u16);
            self.repaint = true;
        }
        let (Some((picture, _)), Some(fit)) = (shown, fit) else {
            return;
        };
        if std::mem::take(&mut self.repaint) {
            self.scaler.update(picture, &fit, picture.size.to_rect());
            self.changed.add(fit.dots().to_rect());
        } else {
            for rect in damage {
                self.changed.add(self.scaler.update(picture, &fit, rect));
            }
        }
        if !self.pixels {
            let changed = self.changed.take();
            if let Some(plane) = self.scaler.dots() {
                for dots in changed {
                    cells::paint(plane, dots, self.style, &mut self.grid);
                }
            }
        }
    }
}

/// The pixel in the middle.
pub(super) fn middle(rect: Rect) -> Point {
    Point::new(
        rect.left + rect.width() as i32 / 2,
        rect.top + rect.height() as i32 / 2,
    )
}
