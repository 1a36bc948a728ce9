//! The guest's screen as cells: what the session says about it, scaled to the pane, only where it changed.

use std::collections::BTreeMap;

use crate::canvas::Damage;
use crate::channel::{cursor, display};
use crate::client::Framebuffer;
use crate::geometry::{Point, Rect, Size};
use crate::term::{Fit, Grid, Scaler, Style, halfblock};

/// How a picture that does not fit is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zoom {
    /// All of it, scaled.
    #[default]
    Whole,
    /// One pixel a dot, around this pixel.
    Exact(Point),
}

/// The pane a picture is shown in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pane {
    /// Columns.
    pub columns: u16,
    /// Rows.
    pub rows: u16,
    /// Width divided by height of half a cell.
    pub dot_aspect: f64,
}

/// Guest screens, and the cells of the one that is shown.
pub struct Picture {
    displays: BTreeMap<u8, Framebuffer>,
    /// What changed on the display that is shown since the last refresh.
    damage: Damage,
    pointers: BTreeMap<u8, Option<Point>>,
    pane: Pane,
    style: Style,
    zoom: Zoom,
    fit: Option<Fit>,
    scaler: Scaler,
    grid: Grid,
    /// Whether the cells are to be painted anew.
    repaint: bool,
}

impl Picture {
    /// Nothing yet, for a pane.
    pub fn new(pane: Pane, style: Style) -> Self {
        Self {
            displays: BTreeMap::new(),
            damage: Damage::default(),
            pointers: BTreeMap::new(),
            pane,
            style,
            zoom: Zoom::default(),
            fit: None,
            scaler: Scaler::default(),
            grid: Grid::default(),
            repaint: true,
        }
    }

    /// Takes over what a display channel says; whether the picture that is shown changed.
    pub fn apply(&mut self, event: &display::Event) -> bool {
        use display::Event;
        let id = match event {
            Event::SurfaceCreated { display, .. }
            | Event::SurfaceDestroyed { display, .. }
            | Event::Region { display, .. }
            | Event::CopyRect { display, .. }
            | Event::Marked { display }
            | Event::Monitors { display, .. } => *display,
        };
        let before = self.shown();
        let damage = self.displays.entry(id).or_default().apply(event);
        if self.shown() != before {
            self.repaint = true;
        }
        if self.shown() == Some(id) || self.shown() != before {
            self.damage.merge(&damage);
            return !damage.is_empty() || self.repaint;
        }
        false
    }

    /// Takes over what a cursor channel says; whether something that is shown changed.
    pub fn apply_pointer(&mut self, event: &cursor::Event) -> bool {
        let (id, position) = match event {
            cursor::Event::Moved { display, position } => (*display, Some(*position)),
            cursor::Event::Visible {
                display,
                visible: false,
            } => (*display, None),
            _ => return false,
        };
        self.pointers.insert(id, position) != Some(position) && self.shown() == Some(id)
    }

    /// The display that is shown: the first that has a picture.
    pub fn shown(&self) -> Option<u8> {
        let mut with_picture = self.displays.iter().filter(|(_, f)| f.view().is_some());
        with_picture.next().map(|(id, _)| *id)
    }

    /// Size of the guest's screen, pixels; nothing while there is none.
    pub fn size(&self) -> Size {
        self.shown()
            .and_then(|id| self.displays.get(&id))
            .map(Framebuffer::size)
            .unwrap_or_default()
    }

    /// Where the guest says its own pointer is, when it is shown.
    pub fn pointer(&self) -> Option<Point> {
        *self.pointers.get(&self.shown()?)?
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
        let picture = self
            .shown()
            .and_then(|id| self.displays.get(&id))
            .and_then(Framebuffer::view);
        let Pane {
            columns,
            rows,
            dot_aspect,
        } = self.pane;
        let fit = picture.and_then(|picture| match self.zoom {
            Zoom::Whole => Fit::whole(picture.size, columns, rows, dot_aspect),
            Zoom::Exact(centre) => Fit::exact(picture.size, columns, rows, centre),
        });
        if self.fit != fit {
            self.fit = fit;
            let cells = fit.map(|fit| fit.cells().size()).unwrap_or_default();
            // A fit never exceeds its pane, whose sides are 16 bits.
            self.grid = Grid::new(cells.width as u16, cells.height as u16);
            self.repaint = true;
        }
        let (Some(picture), Some(fit)) = (picture, fit) else {
            return;
        };
        if std::mem::take(&mut self.repaint) {
            let whole = picture.size.to_rect();
            self.scaler.update(picture, &fit, whole);
            self.paint(fit.dots().to_rect());
            return;
        }
        for rect in damage {
            let picture = self
                .shown()
                .and_then(|id| self.displays.get(&id))
                .and_then(Framebuffer::view);
            if let Some(picture) = picture {
                let dots = self.scaler.update(picture, &fit, rect);
                self.paint(dots);
            }
        }
    }

    fn paint(&mut self, dots: Rect) {
        if let Some(plane) = self.scaler.dots() {
            halfblock::paint(plane, dots, self.style, &mut self.grid);
        }
    }
}
