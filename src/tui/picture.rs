//! The guest's screen as cells: what the session says about it, scaled to the pane, only where it changed.

use std::collections::BTreeMap;

use crate::canvas::Damage;
use crate::channel::{cursor, display};
use crate::client::{Framebuffer, Monitor, Screens};
use crate::geometry::{Point, Rect, Size};
use crate::term::{Fit, Grid, Pane, Scaler, Style, halfblock};

/// How a picture that does not fit is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zoom {
    /// All of it, scaled.
    #[default]
    Whole,
    /// One pixel a dot, around this pixel.
    Exact(Point),
}

/// Guest screens, and the cells of the monitor that is shown.
pub struct Picture {
    screens: Screens,
    /// The monitor the user chose. While it has nothing to show, the first one that has is shown.
    chosen: Option<Monitor>,
    /// The monitor that is shown.
    monitor: Option<Monitor>,
    /// What changed on its display since the last refresh.
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
            screens: Screens::default(),
            chosen: None,
            monitor: None,
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
        self.damage.merge(&damage);
        !damage.is_empty() || self.repaint
    }

    /// A display channel closed, or has had no screen for a while; whether the picture that is shown changed.
    pub fn close(&mut self, display: u8) -> bool {
        self.screens.close(display);
        self.pointers.remove(&display);
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
        let shown = self.monitor.and_then(|monitor| {
            let screen = self.screens.display(monitor.display)?;
            Some((screen.shown()?, monitor.rect))
        });
        let fit = shown.and_then(|(picture, part)| match self.zoom {
            Zoom::Whole => Fit::whole_part(picture.size, part, &self.pane),
            Zoom::Exact(centre) => Fit::exact_part(picture.size, part, &self.pane, centre, 1),
        });
        if self.fit != fit {
            self.fit = fit;
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
            paint(
                &self.scaler,
                fit.dots().to_rect(),
                self.style,
                &mut self.grid,
            );
            return;
        }
        for rect in damage {
            let dots = self.scaler.update(picture, &fit, rect);
            paint(&self.scaler, dots, self.style, &mut self.grid);
        }
    }
}

fn paint(scaler: &Scaler, dots: Rect, style: Style, grid: &mut Grid) {
    if let Some(plane) = scaler.dots() {
        halfblock::paint(plane, dots, style, grid);
    }
}
