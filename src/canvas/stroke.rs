//! Lines one pixel wide.
//!
//! A segment is cut to what is visible by arithmetic: which of its steps lie inside is calculated, so that a line across
//! all coordinates costs no more than its visible pixels (bench canvas). Cutting never moves a pixel.
//!
//! Protocol: rasterisation (spec 07b §12).

use std::ops::Range;

use super::ink::Ink;
use super::scratch::Memory;
use super::{Area, Brush, Damage, Dashes, Error, Path, Rop, Surface};
use crate::geometry::{Point, Rect};

impl Surface {
    /// STROKE: draws the lines of a path, dashed if so wanted, and combines the brush with the surface along them.
    ///
    /// No segment draws its last point. Solid segments are drawn one after the other, so that XOR undoes itself where two
    /// cross; a dashed line touches each pixel once.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyPattern`], [`Error::DepthMismatch`]; nothing is drawn then.
    pub fn stroke(
        &mut self,
        area: &Area<'_>,
        path: &Path,
        dashes: Option<&Dashes>,
        brush: &Brush<'_>,
        rop: Rop,
        damage: &mut Damage,
    ) -> Result<(), Error> {
        let pen = Pen {
            ink: Ink::of_brush(brush, self.format())?,
            rop,
        };
        // Dashes may stick out by a pixel.
        let around = path.bounds();
        let around = Rect::new(
            around.left - 1,
            around.top - 1,
            around.right + 1,
            around.bottom + 1,
        );
        let extent = area.extent(self.size()).intersect(around);
        let mut memory = self.scratch.take();
        if let Some(window) = Window::new(area, extent, self.size().width, &mut memory) {
            let places = |bits: &mut Vec<u64>| Places::new(&window, std::mem::take(bits));
            let mut dashed = dashes.map(|dashes| (dashes, places(&mut memory.dashed)));
            self.stroke_lines(path, &window, &mut dashed, &pen, damage);
            if let Some((_, places)) = dashed {
                memory.dashed = places.into_bits();
            }
            if let Some(inside) = window.inside {
                memory.inside = inside.into_bits();
            }
        }
        self.scratch.put(memory);
        Ok(())
    }

    /// Draws the lines of a path, through `dashed` if they are.
    fn stroke_lines(
        &mut self,
        path: &Path,
        window: &Window,
        dashed: &mut Option<(&Dashes, Places)>,
        pen: &Pen<'_>,
        damage: &mut Damage,
    ) {
        let mut rest = Rect::default();
        for (i, line) in path.lines().enumerate() {
            let drawn = match dashed {
                None => self.stroke_solid(line, window, pen),
                Some((dashes, places)) => {
                    let drawn = window.add_dashes(line, dashes, places);
                    self.plot(places.take(), pen);
                    drawn
                }
            };
            if i < NOTED_SINGLY {
                damage.add(drawn);
            } else {
                rest = rest.bounds(drawn);
            }
        }
        damage.add(rest);
    }

    /// Draws a solid polyline; the rectangle it was drawn in.
    fn stroke_solid(&mut self, line: &[Point], window: &Window, pen: &Pen<'_>) -> Rect {
        let mut drawn = Rect::default();
        for ends in line.windows(2) {
            let segment = Segment::new(ends[0], ends[1]);
            let steps = segment.steps_inside(window.extent);
            if steps.is_empty() {
                continue;
            }
            let first = segment
                .pixel(steps.start)
                .bounds(segment.pixel(steps.end - 1));
            drawn = drawn.bounds(first);
            let places = segment.places(steps, window.width);
            match &window.inside {
                None => self.plot(places, pen),
                Some(inside) => self.plot(places.filter(|place| inside.contains(*place)), pen),
            }
        }
        drawn
    }

    /// Draws single pixels. A place is row × width + column.
    fn plot(&mut self, places: impl Iterator<Item = usize>, pen: &Pen<'_>) {
        let format = self.format();
        let width = self.size().width as usize;
        let data = self.rows.in_order_mut().data_mut();
        match (&pen.ink, format.bytes()) {
            (Ink::Flat(word), 4) => {
                let (set, keep) = pen.rop.with_constant(*word);
                let words = data.as_chunks_mut::<4>().0;
                for place in places {
                    let old = u32::from_le_bytes(words[place]);
                    words[place] = (set ^ (old & keep)).to_le_bytes();
                }
            }
            (ink, _) => {
                let stride = format.row_bytes(width as u32);
                for place in places {
                    let (x, y) = (place % width, place / width);
                    let row = &mut data[y * stride..][..stride];
                    let new = pen
                        .rop
                        .apply(ink.word(x as i32, y as i32), format.load(row, x));
                    format.store(row, x, new);
                }
            }
        }
    }
}

/// What lines are drawn with.
struct Pen<'a> {
    ink: Ink<'a>,
    rop: Rop,
}

/// The part of a surface that lines are drawn in.
struct Window {
    /// Not empty, and on the surface.
    extent: Rect,
    /// Columns of the surface.
    width: usize,
    /// The pixels of the extent to draw; `None` for all.
    inside: Option<Places>,
}

impl Window {
    /// The visible part of `extent`; `None` when there is none.
    fn new(area: &Area<'_>, extent: Rect, width: u32, memory: &mut Memory) -> Option<Self> {
        let region = &mut memory.region;
        region.begin(area.clip, extent);
        let (first, second) = (region.next()?, region.next());
        let whole = |extent| Self {
            extent,
            width: width as usize,
            inside: None,
        };
        if second.is_none() && area.mask.is_none() {
            return Some(whole(first));
        }
        let mut window = whole(extent);
        let mut inside = Places::new(&window, std::mem::take(&mut memory.inside));
        for rect in [first].into_iter().chain(second).chain(region) {
            for y in rect.top..rect.bottom {
                (rect.left..rect.right)
                    .filter(|x| area.draws(*x, y))
                    .for_each(|x| inside.add(window.place(x, y)));
            }
        }
        window.inside = Some(inside);
        Some(window)
    }

    /// The place of a pixel of the extent.
    fn place(&self, x: i32, y: i32) -> usize {
        y as usize * self.width + x as usize
    }

    /// Adds the pixels of a dashed polyline to `places`; the rectangle they are in.
    fn add_dashes(&self, line: &[Point], dashes: &Dashes, places: &mut Places) -> Rect {
        let mut drawn = Rect::default();
        dashes.trace(line, self.extent, |x, y| {
            let place = self.place(x, y);
            let inside = self.inside.as_ref();
            if inside.is_none_or(|inside| inside.contains(place)) {
                places.add(place);
                drawn = drawn.bounds(Rect::new(x, y, x + 1, y + 1));
            }
        });
        drawn
    }
}

/// A set of pixels of a window.
struct Places {
    /// The place that the first bit stands for.
    first: usize,
    /// A bit for each place, lowest first, and perhaps more.
    bits: Vec<u64>,
    /// The words of `bits` that are not all zero lie in here.
    used: Range<usize>,
}

impl Places {
    /// No pixel of the rows of this window, in the memory of `bits`, which are zeros.
    fn new(window: &Window, mut bits: Vec<u64>) -> Self {
        let rows = window.extent.height() as usize;
        let words = (rows * window.width).div_ceil(64);
        if bits.len() < words {
            bits.resize(words, 0);
        }
        Self {
            first: window.extent.top as usize * window.width,
            bits,
            used: 0..0,
        }
    }

    /// Its memory, as zeros.
    fn into_bits(mut self) -> Vec<u64> {
        self.bits[self.used].fill(0);
        self.bits
    }

    fn add(&mut self, place: usize) {
        let bit = place - self.first;
        let word = bit / 64;
        self.bits[word] |= 1 << (bit % 64);
        self.used = match self.used.is_empty() {
            true => word..word + 1,
            false => self.used.start.min(word)..self.used.end.max(word + 1),
        };
    }

    fn contains(&self, place: usize) -> bool {
        let bit = place - self.first;
        self.bits[bit / 64] >> (bit % 64) & 1 == 1
    }

    /// All of them, in order. None are left.
    fn take(&mut self) -> impl Iterator<Item = usize> {
        let used = std::mem::take(&mut self.used);
        let start = self.first + 64 * used.start;
        let words = self.bits[used].iter_mut().map(std::mem::take);
        words.enumerate().flat_map(move |(i, mut word)| {
            std::iter::from_fn(move || {
                let bit = word.trailing_zeros() as usize;
                word &= word.checked_sub(1)?;
                Some(start + 64 * i + bit)
            })
        })
    }
}

/// A solid segment: one pixel for each step along its longer side.
///
/// With d the shorter and m the longer side, the n-th step has moved aside by (2dn + m − bias) / 2m, rounded down. That is
/// what adding 2d to an error term at each step comes to.
struct Segment {
    x: i64,
    y: i64,
    /// Whether its longer side is horizontal.
    flat: bool,
    /// Pixels along the longer side, and the way.
    steps: i64,
    way: i64,
    /// Pixels along the shorter side, and the way.
    aside: i64,
    aside_way: i64,
    /// 1 when it goes left or up.
    bias: i64,
}

impl Segment {
    fn new(a: Point, b: Point) -> Self {
        let (x, y) = (i64::from(a.x), i64::from(a.y));
        let (dx, dy) = (i64::from(b.x) - x, i64::from(b.y) - y);
        let flat = dx.abs() > dy.abs();
        let (long, short) = if flat { (dx, dy) } else { (dy, dx) };
        let way = |n: i64| if n < 0 { -1 } else { 1 };
        Self {
            x,
            y,
            flat,
            steps: long.abs(),
            way: way(long),
            aside: short.abs(),
            aside_way: way(short),
            bias: i64::from(long < 0),
        }
    }

    /// How far step `n` is aside of the start.
    fn aside_at(&self, n: i64) -> i64 {
        (2 * self.aside * n + self.steps - self.bias) / (2 * self.steps)
    }

    /// The first step that is at least `aside` away from the start.
    fn first_aside(&self, aside: i64) -> i64 {
        if aside <= 0 {
            0
        } else if self.aside == 0 {
            self.steps
        } else {
            let least = 2 * self.steps * aside - self.steps + self.bias;
            // Both are positive.
            (least + 2 * self.aside - 1) / (2 * self.aside)
        }
    }

    /// The steps whose pixels are inside `rect`.
    fn steps_inside(&self, rect: Rect) -> Range<i64> {
        let [left, top, right, bottom] =
            [rect.left, rect.top, rect.right, rect.bottom].map(i64::from);
        let (along, across) = match self.flat {
            true => (
                distances(self.x, self.way, left..right),
                distances(self.y, self.aside_way, top..bottom),
            ),
            false => (
                distances(self.y, self.way, top..bottom),
                distances(self.x, self.aside_way, left..right),
            ),
        };
        if along.end <= 0 || across.end <= 0 || across.start > self.aside {
            return 0..0;
        }
        let start = along.start.max(self.first_aside(across.start)).max(0);
        let end = along.end.min(self.first_aside(across.end)).min(self.steps);
        start..end
    }

    /// The rectangle of the pixel of step `n`, which must be on a surface.
    fn pixel(&self, n: i64) -> Rect {
        let (along, aside) = (self.way * n, self.aside_way * self.aside_at(n));
        let (x, y) = match self.flat {
            true => (self.x + along, self.y + aside),
            false => (self.x + aside, self.y + along),
        };
        let (x, y) = (x as i32, y as i32);
        Rect::new(x, y, x + 1, y + 1)
    }

    /// The places of the pixels of `steps`, which are on a surface of `width` columns.
    fn places(&self, steps: Range<i64>, width: usize) -> impl Iterator<Item = usize> + use<> {
        let first = self.pixel(steps.start);
        let width = width as isize;
        let mut place = first.top as isize * width + first.left as isize;
        let (step, sidestep) = match self.flat {
            true => (self.way as isize, self.aside_way as isize * width),
            false => (self.way as isize * width, self.aside_way as isize),
        };
        // What is left to the next step aside.
        let (aside, turn) = (2 * self.aside, 2 * self.steps);
        let mut error =
            aside * steps.start + self.steps - self.bias - turn * self.aside_at(steps.start);
        (steps.start..steps.end).map(move |_| {
            let here = place as usize;
            place += step;
            error += aside;
            if error >= turn {
                error -= turn;
                place += sidestep;
            }
            here
        })
    }
}

/// The distances from `start`, going in direction `way`, that are in `range`. They may be negative.
fn distances(start: i64, way: i64, range: Range<i64>) -> Range<i64> {
    match way {
        1 => range.start - start..range.end - start,
        _ => start - range.end + 1..start - range.start + 1,
    }
}

/// How many lines of a path are noted as damage one by one. There may be millions; those after these are noted as one.
const NOTED_SINGLY: usize = 256;
