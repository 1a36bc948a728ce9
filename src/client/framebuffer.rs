//! A current picture of one display, kept from its events.

use crate::canvas::Damage;
use crate::channel::display::{Event, Head, RegionPixels};
use crate::geometry::{Point, Rect, Size};
use crate::pixels::{PixelBuf, PixelFormat, PixelView};

/// Turns the events of one display into a picture.
///
/// There are two: the screen as it is, [`view`](Self::view), and what a person is to see, [`shown`](Self::shown). They differ
/// while a new screen is drawn for the first time: until the server says that it is meaningful, the one before stays.
#[derive(Clone, Debug, Default)]
pub struct Framebuffer {
    picture: Option<PixelBuf>,
    marked: bool,
    heads: Vec<Head>,
    /// The last screen that was marked, and its monitors, while there is no other.
    before: Option<(PixelBuf, Vec<Head>)>,
}

impl Framebuffer {
    /// Takes over one event; the area of [`view`](Self::view) that changed. Events of other displays are the caller's to keep
    /// away.
    pub fn apply(&mut self, event: &Event) -> Damage {
        let mut damage = Damage::default();
        match event {
            Event::SurfaceCreated { width, height, .. } => {
                let size = Size::new(*width, *height);
                self.retire();
                self.picture = Some(PixelBuf::new(PixelFormat::Xrgb, size));
                damage.add(size.to_rect());
            }
            Event::SurfaceDestroyed { .. } => self.retire(),
            Event::Region {
                rect,
                pixels: RegionPixels::Raw { data, stride },
                ..
            } => {
                let source = PixelView::new(PixelFormat::Xrgb, rect.size(), *stride, data);
                if let (Some(picture), Some(source)) = (&mut self.picture, source) {
                    damage.add(paste(picture, *rect, source));
                }
            }
            // Whoever wants a picture asks for pixels.
            Event::Region {
                pixels: RegionPixels::NotCut,
                ..
            } => {}
            Event::CopyRect {
                src_x,
                src_y,
                dest_rect,
                ..
            } => {
                if let Some(picture) = &mut self.picture {
                    damage.add(copy(picture, Point::new(*src_x, *src_y), *dest_rect));
                }
            }
            Event::Marked { .. } => {
                self.marked = true;
                self.before = None;
            }
            Event::Monitors { heads, .. } => self.heads.clone_from(heads),
        }
        damage
    }

    /// Puts the screen away, to be shown until there is another.
    fn retire(&mut self) {
        let picture = self.picture.take();
        if std::mem::take(&mut self.marked) {
            self.before = picture.map(|picture| (picture, self.heads.clone()));
        }
    }

    /// What a person is to see: the screen once it was marked, before that the last one that was. `None` while there was none.
    pub fn shown(&self) -> Option<PixelView<'_>> {
        match self.marked {
            true => self.view(),
            false => self.before.as_ref().map(|(picture, _)| picture.view()),
        }
    }

    /// The monitors that look at what is [`shown`](Self::shown).
    pub fn shown_heads(&self) -> &[Head] {
        match &self.before {
            Some((_, heads)) if !self.marked => heads,
            _ => &self.heads,
        }
    }

    /// The picture; `None` while the display has none.
    pub fn view(&self) -> Option<PixelView<'_>> {
        self.picture.as_ref().map(PixelBuf::view)
    }

    /// Width and height of the picture; nothing while there is none.
    pub fn size(&self) -> Size {
        self.picture.as_ref().map_or(Size::default(), |p| p.size)
    }

    /// Whether the server has said that the picture is meaningful.
    pub fn is_marked(&self) -> bool {
        self.marked
    }

    /// The monitors that look at the picture, as last announced.
    pub fn heads(&self) -> &[Head] {
        &self.heads
    }
}

/// Copies `source` to `rect`, as far as both hold pixels; the area written.
fn paste(picture: &mut PixelBuf, rect: Rect, source: PixelView<'_>) -> Rect {
    let area = rect.intersect(picture.size.to_rect());
    if area.is_empty() {
        return area;
    }
    let (stride, columns) = (picture.stride(), area.width() as usize * 4);
    let skip = area.left.wrapping_sub(rect.left) as usize * 4;
    for y in area.top..area.bottom {
        let from = &source.row(y.abs_diff(rect.top))[skip..skip + columns];
        let at = y as usize * stride + area.left as usize * 4;
        picture.data_mut()[at..at + columns].copy_from_slice(from);
    }
    area
}

/// Copies within the picture, overlap included; the area written.
fn copy(picture: &mut PixelBuf, from: Point, to: Rect) -> Rect {
    let bounds = picture.size.to_rect();
    let (dx, dy) = (
        to.left.saturating_sub(from.x),
        to.top.saturating_sub(from.y),
    );
    let area = to.intersect(bounds).intersect(bounds.translate(dx, dy));
    let (stride, columns) = (picture.stride(), area.width() as usize * 4);
    let mut row = |y: i32| {
        let at = |x: i32, y: i32| y as usize * stride + x as usize * 4;
        let source = at(area.left - dx, y - dy);
        picture
            .data_mut()
            .copy_within(source..source + columns, at(area.left, y));
    };
    if area.is_empty() {
        return area;
    }
    if dy > 0 {
        (area.top..area.bottom).rev().for_each(&mut row);
    } else {
        (area.top..area.bottom).for_each(&mut row);
    }
    area
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framebuffer(width: u32, height: u32) -> Framebuffer {
        let mut framebuffer = Framebuffer::default();
        framebuffer.apply(&Event::SurfaceCreated {
            display: 0,
            surface: 0,
            width,
            height,
        });
        framebuffer
    }

    fn region(rect: Rect, values: &[u8]) -> Event {
        let data = values
            .iter()
            .flat_map(|v| [*v, 0, 0, 0])
            .collect::<Vec<_>>();
        let pixels = RegionPixels::Raw {
            data: data.into(),
            stride: rect.width() as usize * 4,
        };
        Event::Region {
            display: 0,
            surface: 0,
            rect,
            pixels,
        }
    }

    fn blues(framebuffer: &Framebuffer) -> Vec<u8> {
        framebuffer
            .view()
            .unwrap()
            .rows()
            .flat_map(|r| r.chunks(4).map(|p| p[0]))
            .collect()
    }

    #[test]
    fn a_region_reaching_outside_is_cut_and_its_pixels_keep_their_places() {
        let mut framebuffer = framebuffer(3, 2);
        let damage = framebuffer.apply(&region(
            Rect::new(-1, -1, 2, 2),
            &[1, 2, 3, 4, 5, 6, 7, 8, 9],
        ));
        assert_eq!(blues(&framebuffer), [5, 6, 0, 8, 9, 0]);
        assert_eq!(damage.bounds(), Rect::new(0, 0, 2, 2));
    }

    #[test]
    fn a_copy_reads_what_was_there_before_it_in_every_direction() {
        for (dx, dy) in [
            (1, 0),
            (-1, 0),
            (0, 1),
            (0, -1),
            (1, 1),
            (-1, -1),
            (1, -1),
            (-1, 1),
        ] {
            let mut framebuffer = framebuffer(4, 4);
            let before: Vec<u8> = (1..=16).collect();
            framebuffer.apply(&region(Rect::new(0, 0, 4, 4), &before));
            let dest_rect = Rect::new(1, 1, 3, 3);
            let (src_x, src_y) = (1 - dx, 1 - dy);
            framebuffer.apply(&Event::CopyRect {
                display: 0,
                surface: 0,
                src_x,
                src_y,
                dest_rect,
            });
            let expected: Vec<u8> = (0..16)
                .map(|i| {
                    let (x, y) = (i % 4, i / 4);
                    let inside = dest_rect.contains(Point::new(x, y));
                    before[if inside { (y - dy) * 4 + x - dx } else { i } as usize]
                })
                .collect();
            assert_eq!(blues(&framebuffer), expected, "by {dx}, {dy}");
        }
    }

    #[test]
    fn the_last_screen_is_shown_until_the_next_one_is_marked() {
        let head = |id| Head {
            id,
            rect: Rect::new(0, 0, 1, 1),
        };
        let monitors = |id| Event::Monitors {
            display: 0,
            heads: vec![head(id)],
        };
        let seen = |framebuffer: &Framebuffer| {
            let heads = framebuffer.shown_heads().first().map(|head| head.id);
            framebuffer.shown().map(|view| (view.data()[0], heads))
        };
        let mut framebuffer = framebuffer(1, 1);
        framebuffer.apply(&region(Rect::new(0, 0, 1, 1), &[1]));
        framebuffer.apply(&monitors(1));
        assert_eq!(seen(&framebuffer), None, "never marked");
        framebuffer.apply(&Event::Marked { display: 0 });
        assert_eq!(seen(&framebuffer), Some((1, Some(1))));

        let (display, surface) = (0, 0);
        framebuffer.apply(&Event::SurfaceDestroyed { display, surface });
        assert_eq!(seen(&framebuffer), Some((1, Some(1))));
        let (width, height) = (2, 2);
        framebuffer.apply(&Event::SurfaceCreated {
            display,
            surface,
            width,
            height,
        });
        framebuffer.apply(&region(Rect::new(0, 0, 2, 2), &[5; 4]));
        framebuffer.apply(&monitors(2));
        assert_eq!(seen(&framebuffer), Some((1, Some(1))));
        assert_eq!(framebuffer.size(), Size::new(2, 2));

        framebuffer.apply(&Event::Marked { display: 0 });
        assert_eq!(seen(&framebuffer), Some((5, Some(2))));
    }

    #[test]
    fn hostile_rectangles_change_nothing() {
        let mut framebuffer = framebuffer(2, 2);
        let far = Rect::new(i32::MAX - 1, i32::MIN, i32::MAX, i32::MIN + 1);
        framebuffer.apply(&region(far, &[9]));
        let (src_x, src_y) = (i32::MIN, i32::MAX);
        framebuffer.apply(&Event::CopyRect {
            display: 0,
            surface: 0,
            src_x,
            src_y,
            dest_rect: Rect::new(0, 0, 2, 2),
        });
        assert_eq!(blues(&framebuffer), [0, 0, 0, 0]);
    }
}
