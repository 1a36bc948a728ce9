//! Which part of the picture is outlined, and the picture that is shown instead of the screen: the one before a message, or one
//! with the outline drawn into it where cells cannot.

use super::app::App;
use super::panes::PaneKind;
use super::protocol::Entry;
use crate::channel::{ChannelId, ChannelKind};
use crate::geometry::Rect;
use crate::pixels::PixelBuf;

/// What a still was made of, so that it is made once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StillOf {
    outline: Option<Rect>,
    /// Steps so far, where the picture before the last is shown.
    before: Option<u64>,
    /// Changes of the screen, where it is the screen.
    changes: Option<u64>,
}

impl App {
    /// The box that the message draws in which the user looks at, where it is on the screen that is shown.
    pub(super) fn outlined(&self) -> Option<Rect> {
        let entry = match (self.reading().map(|reading| reading.kind), &self.origin) {
            (Some(PaneKind::Pixel), Some(origin)) => origin.looked_at(),
            (Some(PaneKind::Detail), _) => self.examined(),
            (Some(PaneKind::Messages), _) if !self.protocol.follows() => self.protocol.looked_at(),
            _ => self.stepper.message(),
        };
        self.area_of(entry?)
    }

    /// The box that a message draws in, where it is on the screen that is shown.
    pub(super) fn area_of(&self, entry: &Entry) -> Option<Rect> {
        let shown = self.picture.monitor()?.display;
        let is_here = entry.channel == ChannelId::new(ChannelKind::Display, shown);
        let (surface, area) = entry.touched?;
        // The screen is surface 0 on every known server.
        (is_here && surface == 0).then_some(area)
    }

    /// Has the picture show what is to be shown instead of the screen.
    pub(super) fn set_still(&mut self) {
        let drawn = self.outlined().filter(|_| self.draws_pixels());
        let before = self.stepper.before();
        let of = StillOf {
            outline: drawn,
            before: before.map(|_| self.stepper.count()),
            changes: (drawn.is_some() && before.is_none()).then(|| self.picture.changes()),
        };
        if of == self.still_of {
            return;
        }
        let copied = before.map(|(display, picture)| (display, picture.clone()));
        let still = match (copied, drawn) {
            (None, None) => None,
            (copied, _) => copied.or_else(|| self.picture.copy()),
        };
        let thick = self.pixels_of_a_dot();
        let still = still.map(|(display, mut picture)| {
            if let Some(area) = drawn {
                outline(&mut picture, area, thick);
            }
            (display, picture)
        });
        self.still_of = of;
        self.picture.set_still(still);
        self.picture_stale = true;
    }
}

/// Draws a frame of lines so many pixels thick around a part of a picture, inside of it; black and white, so that it is seen on
/// everything.
fn outline(picture: &mut PixelBuf, area: Rect, thick: u32) {
    const WHITE: u32 = 0x00ff_ffff;
    let area = area.intersect(picture.size.to_rect());
    let thick = thick as i32;
    let inner = |by: i32| {
        Rect::new(
            area.left + by,
            area.top + by,
            area.right - by,
            area.bottom - by,
        )
    };
    for (outside, inside, colour) in [(0, thick, 0), (thick, 2 * thick, WHITE)] {
        let (outside, inside) = (inner(outside), inner(inside));
        for y in outside.top..outside.bottom {
            let is_side = inside.top <= y && y < inside.bottom;
            let gap = if is_side {
                inside.left..inside.right
            } else {
                0..0
            };
            for x in (outside.left..outside.right).filter(|x| !gap.contains(x)) {
                // Inside the picture, and so not negative.
                picture.set_pixel(x as u32, y as u32, colour);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::geometry::Size;
    use crate::pixels::PixelFormat;

    #[test]
    fn a_box_is_outlined_in_black_and_white_and_its_inside_is_left() {
        let mut picture = PixelBuf::new(PixelFormat::Xrgb, Size::new(9, 9));
        for n in 0..81 {
            picture.set_pixel(n % 9, n / 9, 0x77);
        }
        outline(&mut picture, Rect::new(1, 1, 30, 7), 1);
        let row = |y| -> Vec<u32> { (0..9).map(|x| picture.view().pixel(x, y)).collect() };
        let (w, i) = (0x00ff_ffff, 0x77);
        assert_eq!(row(0), [i; 9]);
        assert_eq!(row(1), [i, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(row(2), [i, 0, w, w, w, w, w, w, 0]);
        assert_eq!(row(3), [i, 0, w, i, i, i, i, w, 0]);
        assert_eq!(row(7), [i; 9]);
    }

    #[test]
    fn a_box_smaller_than_its_lines_is_filled_and_one_outside_is_nothing() {
        let mut picture = PixelBuf::new(PixelFormat::Xrgb, Size::new(4, 4));
        outline(&mut picture, Rect::new(1, 1, 2, 2), 8);
        outline(&mut picture, Rect::new(50, 50, 60, 60), 1);
        outline(&mut picture, Rect::new(i32::MIN, 0, i32::MAX, 1), 1);
        assert_eq!(picture.view().pixel(3, 3), 0);
    }
}
