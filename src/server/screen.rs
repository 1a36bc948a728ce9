//! The picture that is served, and what each viewer has not seen of it yet.

use std::collections::{BTreeMap, VecDeque};

use crate::canvas::{Area, Brush, Clip, Cutout, Damage, Error, Rop, Source, Surface};
use crate::channel::cursor::Pointer;
use crate::channel::display::Update;
use crate::geometry::{Point, Rect, Size};
use crate::pixels::{PixelFormat, PixelView};

/// Most pixels of a screen. One image of it stays below what clients accept as one message.
const MOST_PIXELS: u64 = 1 << 25;

/// Moves that wait for one viewer. Another one is sent as pixels.
const MOST_COPIES: usize = 16;

/// Most pixels of one image, so that neither cutting nor coding it takes long.
const IMAGE_PIXELS: u32 = 1 << 18;

/// Rows that are looked at together when a drawing is compared with what is there.
const BAND_ROWS: i32 = 32;

/// The picture that is served. Every change is remembered for every viewer, as an area: pixels are cut when the viewer
/// is ready for them.
#[derive(Debug)]
pub(super) struct Screen {
    surface: Surface,
    pointer: Pointer,
    viewers: BTreeMap<u32, Behind>,
}

/// What a viewer has not seen.
///
/// Its picture becomes the screen's when first the moves are carried out in their order and then the damage is drawn.
#[derive(Debug, Default)]
struct Behind {
    /// Everything; what follows is empty then.
    whole: bool,
    moves: VecDeque<Move>,
    damage: Damage,
}

/// An area that moved.
#[derive(Clone, Copy, Debug)]
struct Move {
    from: Point,
    to: Rect,
}

impl Screen {
    /// A black screen.
    pub fn new(size: Size) -> Result<Self, Error> {
        Ok(Self {
            surface: surface(size)?,
            pointer: Pointer::default(),
            viewers: BTreeMap::new(),
        })
    }

    /// Width and height.
    pub fn size(&self) -> Size {
        self.surface.size()
    }

    /// What is on it.
    pub fn pixels(&self) -> PixelView<'_> {
        self.surface.pixels()
    }

    /// The pointer, to look at and to change.
    pub fn pointer(&mut self) -> &mut Pointer {
        &mut self.pointer
    }

    /// Puts pixels with their top left corner at the one of `rect`, cut to `rect`. Only what differs from what was there
    /// counts as changed.
    pub fn draw(&mut self, rect: Rect, pixels: PixelView<'_>) -> Result<(), Error> {
        let source = Source::surface(pixels);
        let rect = rect.intersect(Rect::at(rect.left, rect.top, pixels.size));
        let visible = rect.intersect(self.size().to_rect());
        let mut damage = Damage::default();
        let mut top = visible.top;
        while top < visible.bottom {
            let bottom = visible.bottom.min(top + BAND_ROWS);
            let band = Rect {
                top,
                bottom,
                ..visible
            };
            top = bottom;
            let changed = self.difference(band, pixels, rect.origin());
            if changed.is_empty() {
                continue;
            }
            let cutout = Cutout {
                area: changed.translate(rect.left.saturating_neg(), rect.top.saturating_neg()),
                ..Cutout::whole(source)
            };
            let area = Area::new(changed, &Clip::None);
            self.surface.copy(&area, &cutout, Rop::PUT, &mut damage)?;
        }
        self.changed(&damage);
        Ok(())
    }

    /// Fills an area with `0x00RRGGBB`.
    pub fn fill(&mut self, rect: Rect, color: u32) {
        let mut damage = Damage::default();
        let area = Area::new(rect, &Clip::None);
        let brush = Brush::Solid(color);
        // One word is as wide as any pixel and never missing.
        let filled = self.surface.fill(&area, &brush, Rop::PUT, &mut damage);
        if filled.is_ok() {
            self.changed(&damage);
        }
    }

    /// Moves what is in `from` to have its top left corner at `to`. What would come from outside the screen stays as it is.
    pub fn copy(&mut self, from: Rect, to: Point) {
        let mut damage = Damage::default();
        let bbox = Rect::at(to.x, to.y, from.size());
        self.surface
            .copy_bits(bbox, &Clip::None, from.origin(), &mut damage);
        for part in damage {
            // Both ends of the way are on the screen, so it is short.
            let (dx, dy) = (from.left - to.x, from.top - to.y);
            let behind = self.viewers.values_mut().filter(|v| !v.whole);
            behind.for_each(|v| v.moved(part.translate(dx, dy), part));
        }
    }

    /// A black screen of another size. The same size changes nothing.
    pub fn resize(&mut self, size: Size) -> Result<(), Error> {
        if size != self.size() {
            self.surface = surface(size)?;
            self.viewers.values_mut().for_each(|v| *v = Behind::all());
        }
        Ok(())
    }

    /// A viewer is there and has seen nothing.
    pub fn join(&mut self, viewer: u32) {
        self.viewers.insert(viewer, Behind::all());
    }

    /// A viewer is gone.
    pub fn leave(&mut self, viewer: u32) {
        self.viewers.remove(&viewer);
    }

    /// Whether a viewer has not seen everything.
    pub fn has_news(&self, viewer: u32) -> bool {
        let behind = self.viewers.get(&viewer);
        behind.is_some_and(|v| v.whole || !v.moves.is_empty() || !v.damage.is_empty())
    }

    /// The next thing for a viewer to see, with its pixels as they are at this moment.
    pub fn next(&mut self, viewer: u32) -> Option<Update> {
        let behind = self.viewers.get_mut(&viewer)?;
        if std::mem::take(&mut behind.whole) {
            return Some(Update::Screen(self.surface.pixels().to_buf()));
        }
        if let Some(Move { from, to }) = behind.moves.pop_front() {
            return Some(Update::Copy { from, to });
        }
        let rect = behind.next_rect()?;
        Some(Update::Pixels {
            at: rect.origin(),
            pixels: self.surface.pixels().crop(rect).to_buf(),
        })
    }

    fn changed(&mut self, damage: &Damage) {
        let behind = self.viewers.values_mut().filter(|v| !v.whole);
        behind.for_each(|v| v.damage.merge(damage));
    }

    /// The smallest part of `band` around all pixels that differ from `pixels`, whose corner is at `origin`.
    fn difference(&self, band: Rect, pixels: PixelView<'_>, origin: Point) -> Rect {
        if pixels.format.bits() != self.surface.format().bits() {
            return band;
        }
        let theirs =
            pixels.crop(band.translate(origin.x.saturating_neg(), origin.y.saturating_neg()));
        let ours = self.surface.pixels().crop(band);
        let mut changed = Rect::default();
        for ((y, a), b) in (band.top..).zip(ours.rows()).zip(theirs.rows()) {
            if a == b {
                continue;
            }
            let (a, b) = (a.as_chunks::<4>().0, b.as_chunks::<4>().0);
            let differ = |(a, b): (&[u8; 4], &[u8; 4])| a != b;
            let first = a.iter().zip(b).position(differ).unwrap_or_default() as i32;
            let last = a.iter().zip(b).rposition(differ).unwrap_or_default() as i32;
            let (left, right) = (band.left + first, band.left + last + 1);
            changed = changed.bounds(Rect::new(left, y, right, y + 1));
        }
        changed
    }
}

impl Behind {
    fn all() -> Self {
        Self {
            whole: true,
            ..Self::default()
        }
    }

    /// What was in `from` is in `to` as well now.
    ///
    /// A viewer that makes the same move has wrong pixels in `to` exactly where it had wrong ones in `from`.
    fn moved(&mut self, from: Rect, to: Rect) {
        let useless = self.damage.rects().iter().any(|r| r.covers(from));
        if useless || self.moves.len() == MOST_COPIES {
            self.damage.add(to);
            return;
        }
        let from_origin = from.origin();
        self.moves.push_back(Move {
            from: from_origin,
            to,
        });
        let (dx, dy) = (to.left - from.left, to.top - from.top);
        for rect in self.damage.take() {
            rect.subtract(to).for_each(|r| self.damage.add(r));
            self.damage.add(rect.intersect(from).translate(dx, dy));
        }
    }

    /// Takes a rectangle out of the damage, or the top of one that is too large for one image.
    fn next_rect(&mut self) -> Option<Rect> {
        let mut rects = self.damage.take().into_iter();
        let mut rect = rects.next()?;
        rects.for_each(|r| self.damage.add(r));
        let rows = (IMAGE_PIXELS / rect.width()).max(1);
        if rect.height() > rows {
            let middle = rect.top.saturating_add_unsigned(rows);
            self.damage.add(Rect {
                top: middle,
                ..rect
            });
            rect.bottom = middle;
        }
        Some(rect)
    }
}

fn surface(size: Size) -> Result<Surface, Error> {
    if size.area() > MOST_PIXELS {
        return Err(Error::BadSize(size));
    }
    Surface::new(PixelFormat::Xrgb, size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pixels::PixelBuf;

    /// A viewer that does what it is told.
    #[derive(Default)]
    struct Viewer {
        picture: Option<Surface>,
        /// Pixels it was sent.
        pixels: u64,
    }

    impl Viewer {
        fn see(&mut self, update: Update) {
            let mut ignored = Damage::default();
            match update {
                Update::Screen(pixels) => {
                    let mut surface = Surface::new(PixelFormat::Xrgb, pixels.size).unwrap();
                    put(&mut surface, Point::default(), &pixels);
                    self.picture = Some(surface);
                }
                Update::Pixels { at, pixels } => {
                    self.pixels += pixels.size.area();
                    put(self.picture.as_mut().unwrap(), at, &pixels);
                }
                Update::Copy { from, to } => {
                    let picture = self.picture.as_mut().unwrap();
                    picture.copy_bits(to, &Clip::None, from, &mut ignored);
                }
            }
        }

        fn catch_up(&mut self, screen: &mut Screen) {
            while let Some(update) = screen.next(1) {
                self.see(update);
            }
        }
    }

    fn put(surface: &mut Surface, at: Point, pixels: &PixelBuf) {
        let bbox = Rect::at(at.x, at.y, pixels.size);
        let cutout = Cutout::whole(Source::surface(pixels.view()));
        let area = Area::new(bbox, &Clip::None);
        let drawn = surface.copy(&area, &cutout, Rop::PUT, &mut Damage::default());
        drawn.unwrap();
    }

    fn screen(width: u32, height: u32) -> Screen {
        let mut screen = Screen::new(Size::new(width, height)).unwrap();
        screen.join(1);
        screen
    }

    fn flat(width: u32, height: u32, shade: u8) -> PixelBuf {
        let size = Size::new(width, height);
        let data = vec![shade; size.area() as usize * 4];
        PixelBuf::from_data(PixelFormat::Xrgb, size, data).unwrap()
    }

    #[test]
    fn a_viewer_that_takes_updates_at_any_time_ends_with_the_screen() {
        let mut seed = 7_u64;
        let mut random = move |limit: i32| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 33) as i32 % limit
        };
        for _ in 0..40 {
            let mut screen = screen(60, 40);
            let mut viewer = Viewer::default();
            for _ in 0..150 {
                let (x, y) = (random(80) - 10, random(60) - 10);
                let (w, h) = (random(30) + 1, random(20) + 1);
                let rect = Rect::new(x, y, x + w, y + h);
                match random(9) {
                    0 | 1 => {
                        let mut pixels = flat(w as u32, h as u32, 0);
                        pixels
                            .data_mut()
                            .iter_mut()
                            .for_each(|byte| *byte = random(4) as u8 * 60);
                        screen.draw(rect, pixels.view()).unwrap();
                    }
                    2 => screen.fill(rect, random(1 << 24) as u32),
                    3..=5 => screen.copy(rect, Point::new(random(70) - 5, random(50) - 5)),
                    6 if random(20) == 0 => screen
                        .resize(Size::new(random(50) as u32 + 20, random(30) as u32 + 20))
                        .unwrap(),
                    _ => {
                        let taken = random(4);
                        (0..taken)
                            .filter_map(|_| screen.next(1))
                            .for_each(|u| viewer.see(u));
                    }
                }
            }
            viewer.catch_up(&mut screen);
            assert!(!screen.has_news(1));
            let picture = viewer.picture.unwrap();
            assert_eq!(picture.size(), screen.size());
            assert!(picture.pixels().rows().eq(screen.pixels().rows()));
        }
    }

    #[test]
    fn pixels_that_are_there_already_are_not_sent_again() {
        let mut screen = screen(100, 100);
        let mut viewer = Viewer::default();
        viewer.catch_up(&mut screen);
        let mut picture = flat(100, 100, 0);
        screen
            .draw(Rect::new(0, 0, 100, 100), picture.view())
            .unwrap();
        assert!(!screen.has_news(1));
        picture.set_pixel(70, 80, 0x0012_3456);
        picture.set_pixel(73, 81, 0x0012_3456);
        screen
            .draw(Rect::new(0, 0, 100, 100), picture.view())
            .unwrap();
        let Some(Update::Pixels { at, pixels }) = screen.next(1) else {
            panic!("no pixels")
        };
        assert_eq!((at, pixels.size), (Point::new(70, 80), Size::new(4, 2)));
        assert_eq!(screen.next(1), None);
    }

    #[test]
    fn a_slow_viewer_is_sent_an_area_once_and_as_it_is_then() {
        let mut screen = screen(50, 50);
        let mut viewer = Viewer::default();
        viewer.catch_up(&mut screen);
        for shade in 1..=200 {
            let pixels = flat(20, 10, shade);
            screen.draw(Rect::new(5, 5, 25, 15), pixels.view()).unwrap();
        }
        let expected = Update::Pixels {
            at: Point::new(5, 5),
            pixels: flat(20, 10, 200),
        };
        assert_eq!(screen.next(1), Some(expected));
        assert_eq!(screen.next(1), None);
    }

    #[test]
    fn a_move_costs_no_pixels_and_one_of_unseen_pixels_is_drawn_where_it_ends() {
        let mut screen = screen(50, 50);
        let mut viewer = Viewer::default();
        screen.fill(Rect::new(0, 0, 10, 10), 0x00ff_0000);
        viewer.catch_up(&mut screen);
        screen.copy(Rect::new(0, 0, 10, 10), Point::new(20, 20));
        screen.copy(Rect::new(20, 20, 30, 30), Point::new(24, 20));
        viewer.catch_up(&mut screen);
        assert_eq!(viewer.pixels, 0);

        screen.fill(Rect::new(0, 0, 10, 10), 0x0000_ff00);
        screen.copy(Rect::new(0, 0, 10, 10), Point::new(40, 40));
        viewer.catch_up(&mut screen);
        assert_eq!(viewer.pixels, 200);
    }

    #[test]
    fn large_areas_come_in_pieces() {
        let mut screen = screen(1024, 1024);
        let mut viewer = Viewer::default();
        viewer.catch_up(&mut screen);
        screen.fill(Rect::new(0, 0, 1024, 1024), 0x0012_3456);
        let mut pieces = 0;
        while let Some(Update::Pixels { pixels, .. }) = screen.next(1) {
            assert!(pixels.size.area() <= u64::from(IMAGE_PIXELS));
            pieces += 1;
        }
        assert_eq!(pieces, 4);
    }

    #[test]
    fn coordinates_at_the_ends_of_the_number_line_are_cut() {
        let mut screen = screen(10, 10);
        let pixels = flat(4, 4, 9);
        let all = Rect::new(i32::MIN, i32::MIN, i32::MAX, i32::MAX);
        screen.draw(all, pixels.view()).unwrap();
        screen
            .draw(Rect::new(i32::MAX, 0, i32::MAX, 5), pixels.view())
            .unwrap();
        screen.copy(all, Point::new(i32::MAX, i32::MIN));
        screen.copy(Rect::new(0, 0, 5, 5), Point::new(i32::MIN, 3));
        screen.fill(all, 0x0001_0203);
        assert_eq!(screen.pixels().pixel(9, 9), 0x0001_0203);
    }
}
