//! How the desktop looks.

use std::time::Duration;

use super::{Desktop, Kind, Window};
use crate::channel::inputs::Buttons;
use crate::geometry::{Point, Rect, Size};
use crate::pixels::{PixelBuf, PixelFormat};
use crate::server::source::paint::{Pen, mix, text_width};

/// Rows of the bar at the top of the screen.
pub const PANEL_HEIGHT: i32 = 28;
/// Rows of a window's title bar.
pub const TITLE_HEIGHT: i32 = 24;
/// How far a shadow reaches.
const SHADOW: i32 = 8;
const BALL_RADIUS: f32 = 17.0;
/// Rows of a line of the notes.
const LINE_HEIGHT: i32 = 16;

impl Desktop {
    /// Paints everything inside `rect`, bottom to top.
    pub fn compose(&mut self, rect: Rect) {
        let mut frame = std::mem::replace(
            &mut self.frame,
            PixelBuf::new(PixelFormat::Xrgb, Size::default()),
        );
        let mut pen = Pen::new(&mut frame, rect);
        pen.picture(&self.wallpaper);
        for (i, window) in self.windows.iter().enumerate() {
            if shadowed(window.rect).overlaps(pen.clip()) {
                self.paint_window(*window, i + 1 == self.windows.len(), &mut pen);
            }
        }
        self.paint_panel(&mut pen);
        self.frame = frame;
    }

    fn paint_panel(&self, pen: &mut Pen<'_>) {
        let screen = self.frame_rect();
        let panel = Rect {
            bottom: PANEL_HEIGHT,
            ..screen
        };
        pen.gradient(panel, 0x0029_2f3a, 0x001a_1e26);
        pen.fill(
            Rect {
                top: panel.bottom - 1,
                ..panel
            },
            0x000c_0e12,
        );
        pen.disc(16.0, 14.0, 6.0, |_, dy| {
            mix(0x00ff_7a59, 0x00c1_2f2f, (dy + 1.0) / 2.0)
        });
        pen.text(Point::new(30, 8), "capsaicin", 0x00f4_f1ea, 1);
        let day = self.time_of_day;
        let clock = format!("{:02}:{:02}:{:02} UTC", day / 3600, day / 60 % 60, day % 60);
        let left = screen.right - 12 - text_width(&clock, 1);
        pen.text(Point::new(left, 8), &clock, 0x00f4_f1ea, 1);
    }

    fn frame_rect(&self) -> Rect {
        self.wallpaper.size.to_rect()
    }

    fn paint_window(&self, window: Window, active: bool, pen: &mut Pen<'_>) {
        let rect = window.rect;
        for depth in 0..SHADOW {
            let edge = grown(rect.translate(0, 3), SHADOW - depth);
            for strip in edge.subtract(grown(rect.translate(0, 3), SHADOW - depth - 1)) {
                let cover = 0.03 * (depth + 1) as f32;
                strip
                    .subtract(rect)
                    .for_each(|part| pen.veil(part, 0, cover));
            }
        }
        let (light, dark) = if active {
            (0x004f_6d9a, 0x0033_4a6e)
        } else {
            (0x0055_5b66, 0x003d_424b)
        };
        let bar = title(rect);
        pen.gradient(bar, light, dark);
        for (i, color) in [0x00ed_6a5e, 0x00f4_bf4f, 0x0061_c554]
            .into_iter()
            .enumerate()
        {
            let x = (bar.left + 16 + 18 * i as i32) as f32;
            let y = (bar.top + TITLE_HEIGHT / 2) as f32;
            pen.disc(x, y, 5.0, |_, _| color);
        }
        let name = match window.kind {
            Kind::Notes => "Notes",
            Kind::Motion => "Motion",
            Kind::Mouse => "Mouse and keyboard",
        };
        let left = bar.left + (bar.width() as i32 - text_width(name, 1)) / 2;
        pen.bold(Point::new(left, bar.top + 6), name, 0x00ff_ffff);
        let area = inside(rect);
        match window.kind {
            Kind::Notes => self.paint_notes(area, &mut pen.within(area)),
            Kind::Motion => self.paint_motion(area, &mut pen.within(area)),
            Kind::Mouse => self.paint_mouse(area, &mut pen.within(area)),
        }
        pen.frame(rect, 0x0014_1a24);
    }

    fn paint_notes(&self, area: Rect, pen: &mut Pen<'_>) {
        pen.fill(area, 0x00fb_f7ec);
        let (columns, rows) = page(area);
        for row in 0..rows {
            let y = line(area, row + 1).y - 2;
            pen.fill(Rect::new(area.left, y, area.right, y + 1), 0x00e6_dfcc);
        }
        if self.notes.text().is_empty() {
            for (row, text) in (0..).zip(PLACEHOLDER.lines()) {
                pen.text(line(area, row), text, 0x00a8_9f8a, 1);
            }
        }
        for (row, text) in (0..).zip(self.notes.lines(columns, rows as usize)) {
            pen.text(line(area, row), &text, 0x002b_2a33, 1);
        }
        if self.caret {
            pen.fill(self.caret_place(area), 0x00c1_2f2f);
        }
    }

    /// Where the caret is on a page.
    pub fn caret_place(&self, area: Rect) -> Rect {
        let (columns, rows) = page(area);
        let lines = self.notes.lines(columns, rows as usize);
        let Point { x, y } = line(area, lines.len().saturating_sub(1) as i32);
        let x = x + lines.last().map_or(0, |text| text_width(text, 1));
        Rect::new(x, y, x + 2, y + 13)
    }

    fn paint_motion(&self, area: Rect, pen: &mut Pen<'_>) {
        pen.gradient(area, 0x0012_1a2e, 0x002c_2f55);
        let mut x = area.left + 24;
        while x < area.right {
            pen.fill(Rect::new(x, area.top, x + 1, area.bottom), 0x0024_2c4c);
            x += 24;
        }
        let floor = Rect {
            top: area.bottom - 14,
            ..area
        };
        pen.gradient(floor, 0x0058_4b7d, 0x003a_3157);
        let (x, y) = (area.left + self.ball.x, area.top + self.ball.y);
        let height = (floor.top - y) as f32 / area.height().max(1) as f32;
        let half = (BALL_RADIUS * (1.1 - height * 0.6)) as i32;
        let shadow = Rect::new(x - half, floor.top + 3, x + half, floor.top + 7);
        pen.veil(shadow, 0, 0.45 - 0.3 * height.clamp(0.0, 1.0));
        pen.disc(x as f32, y as f32, BALL_RADIUS, |dx, dy| {
            let light = (dx + 0.4).hypot(dy + 0.45);
            if light < 0.9 {
                mix(0x00ff_f1d6, 0x00ff_8a3d, light / 0.9)
            } else {
                mix(0x00ff_8a3d, 0x009a_2a12, (light - 0.9).min(1.0))
            }
        });
    }

    fn paint_mouse(&self, area: Rect, pen: &mut Pen<'_>) {
        pen.gradient(area, 0x00ee_f2f6, 0x00d9_e0e8);
        let (x, y) = (area.left + 28, area.top + 16);
        let body = Rect::new(x, y, x + 84, y + 124).intersect(area);
        pen.rounded(body, 34, 0x0096_a0ae);
        let face = grown(body, -2);
        pen.rounded(face, 32, 0x00f7_f9fb);
        let split = face.top + 46;
        for (button, left, right) in [
            (Buttons::LEFT, face.left, x + 33),
            (Buttons::MIDDLE, x + 35, x + 49),
            (Buttons::RIGHT, x + 51, face.right),
        ] {
            let held = self.buttons.contains(button);
            let color = if held { 0x00e0_6c3c } else { 0x00ff_ffff };
            let place = Rect::new(left, face.top, right, split);
            pen.within(place).rounded(face, 32, color);
        }
        for line in [
            Rect::new(face.left, split, face.right, split + 2),
            Rect::new(x + 33, face.top, x + 35, split),
            Rect::new(x + 49, face.top, x + 51, split),
        ] {
            pen.fill(line, 0x0096_a0ae);
        }
        // The ridges of the wheel turn with it.
        for ridge in 0..5 {
            let turn = (ridge * 8 + self.wheel.wrapping_mul(3)).rem_euclid(40);
            let top = face.top + 3 + turn;
            pen.fill(Rect::new(x + 38, top, x + 46, top + 3), 0x0060_6b7a);
        }
        self.paint_facts(Point::new(body.right + 28, area.top + 24), pen);
    }

    fn paint_facts(&self, at: Point, pen: &mut Pen<'_>) {
        let key = match self.last_key {
            Some(code) => format!("{code:#04x}"),
            None => "none yet".into(),
        };
        let position = format!("{}, {}", self.pointer.x, self.pointer.y);
        let wheel = format!("{:+}", self.wheel);
        let facts = [("position", position), ("wheel", wheel), ("last key", key)];
        for (i, (name, value)) in (0..).zip(&facts) {
            let top = at.y + i * 40;
            pen.text(Point::new(at.x, top), name, 0x0070_7b8a, 1);
            pen.bold(Point::new(at.x, top + LINE_HEIGHT), value, 0x001d_2430);
        }
    }
}

/// What stands in the notes before anything is typed.
const PLACEHOLDER: &str = "
Type something: it travels as scan codes of a
US keyboard and comes back as pixels.

Drag a window by its title bar.
Ctrl+L clears this page.";

/// The windows at the start, fitted to the screen.
pub fn windows(size: Size) -> Vec<Window> {
    let (w, h) = (size.to_rect().right, size.to_rect().bottom);
    let window = |kind, left: i32, top: i32, width: i32, height: i32| Window {
        kind,
        rect: Rect::new(left, top, left + width, top + height),
    };
    vec![
        window(
            Kind::Motion,
            w * 56 / 100,
            h * 13 / 100,
            (w * 39 / 100).min(400),
            (h * 40 / 100).min(300),
        ),
        window(
            Kind::Mouse,
            w * 47 / 100,
            h * 60 / 100,
            (w * 42 / 100).min(360),
            176,
        ),
        window(
            Kind::Notes,
            w * 5 / 100,
            h * 10 / 100,
            (w * 48 / 100).min(460),
            (h * 50 / 100).min(320),
        ),
    ]
}

/// A sky at dusk, two ranges of hills, and the name.
pub fn wallpaper(size: Size) -> PixelBuf {
    let mut picture = PixelBuf::new(PixelFormat::Xrgb, size);
    let screen = size.to_rect();
    let mut pen = Pen::new(&mut picture, screen);
    let (w, h) = (screen.right, screen.bottom);
    let horizon = h * 7 / 10;
    pen.gradient(Rect::new(0, 0, w, horizon / 2), 0x001c_2541, 0x004a_4e80);
    pen.gradient(
        Rect::new(0, horizon / 2, w, horizon),
        0x004a_4e80,
        0x00e0_8e6d,
    );
    pen.fill(Rect::new(0, horizon, w, h), 0x00e0_8e6d);
    pen.disc(
        w as f32 * 0.24,
        horizon as f32 * 0.92,
        h as f32 * 0.09,
        |_, dy| mix(0x00ff_e3a8, 0x00ff_b37a, (dy + 1.0) / 2.0),
    );
    let ranges = [
        (0.006, 0.0, 0.045, h * 70 / 100, 0x0069_4873),
        (0.009, 2.0, 0.035, h * 79 / 100, 0x0046_3258),
        (0.004, 4.0, 0.03, h * 88 / 100, 0x002a_2140),
    ];
    for (pitch, phase, rise, base, color) in ranges {
        for x in 0..w {
            let t = x as f32 * pitch + phase;
            let wave = t.sin() + 0.5 * (t * 2.3 + 1.0).sin();
            let top = base - (wave * rise * h as f32) as i32;
            pen.fill(Rect::new(x, top, x + 1, h), color);
        }
    }
    let scale = (w / 200).clamp(2, 6);
    let at = Point::new(w * 5 / 100, h - 13 * scale - 34);
    pen.text(
        Point::new(at.x + 2, at.y + 2),
        "capsaicin",
        0x0014_0f22,
        scale,
    );
    pen.text(at, "capsaicin", 0x00ff_d9b0, scale);
    let below = Point::new(at.x + 2, at.y + 13 * scale + 4);
    pen.text(below, "a small desktop, served over SPICE", 0x00c9_a7c0, 1);
    picture
}

/// Columns and rows of a page in an area; at least one of each.
fn page(area: Rect) -> (usize, i32) {
    let columns = (area.width() as i32 - 24) / 8;
    let rows = (area.height() as i32 - 20) / LINE_HEIGHT;
    (columns.max(1) as usize, rows.max(1))
}

/// Where a line of a page begins.
fn line(area: Rect, row: i32) -> Point {
    Point::new(area.left + 12, area.top + 10 + row * LINE_HEIGHT)
}

/// Where the ball is in a window of this size: to and fro, and up and down as things fall.
pub fn ball_at(at: Duration, size: Size) -> Point {
    let width = (size.width as f32 - 2.0 * BALL_RADIUS).max(1.0);
    let height = (size.height as f32 - 2.0 * BALL_RADIUS - 14.0).max(1.0);
    let seconds = at.as_secs_f32();
    let way = (seconds * 110.0) % (2.0 * width);
    let x = if way < width { way } else { 2.0 * width - way };
    let fall = (seconds / 1.3).fract();
    let y = height * (1.0 - 4.0 * fall * (1.0 - fall));
    Point::new((BALL_RADIUS + x) as i32, (BALL_RADIUS + y) as i32)
}

/// What the ball and its shadow cover.
pub fn ball_rect(inside: Rect, ball: Point) -> Rect {
    let reach = BALL_RADIUS as i32 + 2;
    let (x, y) = (inside.left + ball.x, inside.top + ball.y);
    let around = Rect::new(x - reach, y - reach, x + reach, y + reach);
    let shadow = Rect::new(x - reach, inside.bottom - 14, x + reach, inside.bottom);
    around.bounds(shadow).intersect(inside)
}

pub fn title(window: Rect) -> Rect {
    Rect {
        bottom: window.top + TITLE_HEIGHT,
        ..window
    }
}

pub fn inside(window: Rect) -> Rect {
    Rect::new(
        window.left + 1,
        window.top + TITLE_HEIGHT,
        window.right - 1,
        window.bottom - 1,
    )
}

/// A window with its shadow.
pub fn shadowed(window: Rect) -> Rect {
    let all = grown(window, SHADOW);
    Rect {
        bottom: all.bottom + 3,
        ..all
    }
}

fn grown(rect: Rect, by: i32) -> Rect {
    Rect::new(
        rect.left - by,
        rect.top - by,
        rect.right + by,
        rect.bottom + by,
    )
}
