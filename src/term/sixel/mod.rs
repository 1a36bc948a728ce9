//! Pictures as sixels.
//!
//! An image is a rectangle of whole cells whose dots outside stay as they are; it brings the colours it uses. Terminals forget
//! the cells below it, so nothing has to be deleted. The mode that decides where an image starts (DECSDM) is left alone, as
//! images start at the cursor unless somebody has changed it, and an image never reaches the last row, where it would scroll.

mod encode;
mod patch;
mod still;

pub use encode::Encoder;
pub use still::still;

use std::mem::take;

use encode::decimal;
use patch::Patches;

use super::half::shrink;
use super::paint::{Painted, Painter, Place, Quality, Room, Scene};
use super::portion::{Portion, Sorted};
use super::probe;
use super::quantise::Quantiser;
use super::shadow::{Changes, Move, Moves, Shadow, Wanted};
use crate::geometry::{Rect, Size};
use crate::pixels::{PixelBuf, PixelFormat, PixelView};

/// What is known of the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest image, pixels (XTSMGRAPHICS). Larger ones are cut into several; a cell is always allowed.
    pub image: Size,
    /// Most colours of an image.
    pub colours: u16,
    /// Whether images scroll together with the text, between margins too (seen from xterm 379). Used when the picture is as wide as
    /// the terminal and no text is on it.
    pub scrolls: bool,
}

impl Limits {
    /// What a terminal said of itself.
    pub fn of(said: &probe::Sixel) -> Self {
        let largest = said.largest.map(|(width, height)| Size::new(width, height));
        Self {
            colours: u16::try_from(said.registers).unwrap_or(u16::MAX),
            image: largest.unwrap_or(Self::default().image),
            scrolls: said.scrolls,
        }
    }
}

impl Default for Limits {
    /// What xterm allows unless it is told otherwise, without scrolls.
    fn default() -> Self {
        Self {
            image: Size::new(1000, 1000),
            colours: 256,
            scrolls: false,
        }
    }
}

/// Draws with sixels.
pub struct Sixel {
    limits: Limits,
    shadow: Shadow,
    /// Where the picture was.
    place: Option<Place>,
    /// Cells that were covered, as dots.
    covered: Vec<Rect>,
    quantisers: Quantisers,
    patches: Patches,
    /// Whether the last picture was the one before, made better.
    is_refining: bool,
    portion: Portion,
    encoder: Encoder,
    /// Scratch: entries of an image.
    indices: Vec<u8>,
    /// Scratch: dots at half size, and at the size that is wanted.
    small: [Vec<u8>; 2],
}

impl Sixel {
    /// A painter for a terminal of which nothing is known but its limits.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            shadow: Shadow::new(Size::new(1, 1)),
            place: None,
            covered: Vec::new(),
            quantisers: Quantisers::new(limits.colours),
            patches: Patches::new(quantiser(limits.colours)),
            is_refining: false,
            portion: Portion::default(),
            encoder: Encoder::default(),
            indices: Vec::new(),
            small: Default::default(),
        }
    }

    /// Begins anew when the picture is somewhere else.
    fn settle(&mut self, place: Place) {
        if self.place != Some(place) {
            self.shadow = Shadow::new(place.cell);
            self.place = Some(place);
        }
    }

    fn paint_all(&mut self, scene: &Scene<'_>, place: Place, out: &mut Vec<u8>) -> Painted {
        self.settle(place);
        let coarse = !scene.quality.is_best();
        let covered: Vec<Rect> = scene
            .covered
            .iter()
            .map(|cells| place.dots_of(*cells))
            .collect();
        let mut changed = scene.changed.to_vec();
        changed.append(&mut self.covered);
        let spans = place.column == 0
            && scene.picture.size.width.div_ceil(place.cell.width) == u32::from(place.terminal.0);
        let can_scroll = self.limits.scrolls && covered.is_empty() && spans;
        let wanted = Wanted {
            tight: false,
            moves: if can_scroll {
                Moves::Grains
            } else {
                Moves::None
            },
            refine: false,
        };
        let Changes { moved, mut rects } = self.shadow.plan(scene.picture, &changed, wanted);
        if let Some(moved) = moved {
            scroll(moved, place, out);
        }
        let refines = rects.is_empty() && moved.is_none() && !coarse && self.shadow.is_coarse();
        if refines && !self.is_refining {
            self.portion.begin_at_eye(place.cell);
        }
        self.is_refining = refines;
        if refines {
            let wanted = Wanted {
                refine: true,
                ..Wanted::default()
            };
            rects = self.shadow.plan(scene.picture, &[], wanted).rects;
        }
        rects = merged(rects);
        for hole in &covered {
            rects = rects.iter().flat_map(|rect| rect.subtract(*hole)).collect();
            self.shadow.show(scene.picture, *hole, false);
            self.shadow.lose(*hole);
        }
        self.covered = covered;
        let (dots, mut owed) = self.draw(scene, &rects, coarse, out);
        if refines {
            // What is only coarse stays so, and is no part of a frame that is not complete.
            owed.clear();
        }
        owed.iter().for_each(|rect| self.shadow.owe(*rect));
        Painted {
            dots,
            owed: owed.iter().map(|rect| rect.area()).sum(),
            coarse: self.shadow.is_coarse(),
        }
    }

    /// Draws what there is room for; its dots, and what there is none for.
    fn draw(
        &mut self,
        scene: &Scene<'_>,
        rects: &[Rect],
        coarse: bool,
        out: &mut Vec<u8>,
    ) -> (u64, Vec<Rect>) {
        let (cell, all) = (scene.place.cell, rects.iter().map(|rect| rect.area()).sum());
        let mut portion = take(&mut self.portion);
        let has_room = portion.has_room_for(all);
        let sorted = if scene.quality.is_best() && has_room {
            Sorted {
                small: Vec::new(),
                large: rects.to_vec(),
            }
        } else {
            portion.sort(rects, cell)
        };
        let is_patch = scene.quality.is_best() && has_room && is_patch(scene.picture, all);
        if self.is_refining {
            // In however many portions this is done: in the end it is as if all had been drawn at once.
            self.quantisers.fit_whole(scene.picture);
        } else if has_room && !is_patch {
            // What is drawn at once has one palette; what is small may turn out to be too long, and is drawn with the rest.
            let bounds = rects
                .iter()
                .fold(Rect::default(), |all, rect| all.bounds(*rect));
            self.quantisers.fit(scene.quality, scene.picture, bounds);
        }
        let drawn = portion.draw(sorted, cell, out, |rect, small, out| {
            if is_patch || small {
                self.draw_patch(scene.picture, rect, scene.place, out);
                return self.quantisers.is_passing();
            }
            if has_room || self.is_refining {
                self.draw_rect(scene.picture, rect, scene.quality, scene.place, out);
                return coarse;
            }
            let quality = worth(scene.quality, rect.area());
            self.quantisers.fit(quality, scene.picture, rect);
            self.draw_rect(scene.picture, rect, quality, scene.place, out);
            // Its palette is not that of what is beside it.
            coarse || !self.quantisers.of(quality).is_exact()
        });
        self.portion = portion;
        let mut dots = 0;
        for (rect, coarse) in drawn.shown {
            self.shadow.show(scene.picture, rect, coarse);
            dots += rect.area();
        }
        (dots, drawn.owed)
    }

    /// Draws a small part of a picture.
    fn draw_patch(&mut self, picture: PixelView<'_>, rect: Rect, place: Place, out: &mut Vec<u8>) {
        self.quantisers.fit_patch(picture, rect);
        let Quantisers { most, fine, .. } = &mut self.quantisers;
        for part in parts(rect, self.limits.image, place.cell) {
            let most = usize::from(*most);
            let palette = self
                .patches
                .map(fine, picture, part, most, &mut self.indices);
            go(place, part, out);
            self.encoder
                .encode(&self.indices, part.size(), palette, out);
        }
    }

    fn draw_rect(
        &mut self,
        picture: PixelView<'_>,
        rect: Rect,
        quality: Quality,
        place: Place,
        out: &mut Vec<u8>,
    ) {
        let quantiser = self.quantisers.of(quality);
        for part in parts(rect, self.limits.image, place.cell) {
            if quality.square > 1 {
                let [half, small] = &mut self.small;
                let size = shrink(picture, part, quality.square, half, small);
                map_small(
                    small,
                    size,
                    part.size(),
                    quality.square,
                    quantiser,
                    &mut self.indices,
                );
            } else {
                quantiser.map_part(picture, part, &mut self.indices);
            }
            go(place, part, out);
            self.encoder
                .encode(&self.indices, part.size(), quantiser.palette(), out);
        }
    }
}

/// Palettes of a painter: one for what is as good as it can be, and one for what is not.
struct Quantisers {
    /// Most colours of the terminal.
    most: u16,
    fine: Quantiser,
    /// Whether that one was made for a part of a picture.
    is_of_part: bool,
    /// For so many colours.
    poor: (u16, Quantiser),
}

impl Quantisers {
    fn new(most: u16) -> Self {
        let most = most.clamp(2, 256);
        Self {
            most,
            fine: quantiser(most),
            is_of_part: true,
            poor: (most, quantiser(most)),
        }
    }

    fn of(&mut self, quality: Quality) -> &mut Quantiser {
        let colours = quality.colours.clamp(2, self.most);
        if colours == self.most {
            return &mut self.fine;
        }
        if self.poor.0 != colours {
            self.poor = (colours, quantiser(colours));
        }
        &mut self.poor.1
    }

    /// Sees to it that the palette for a quality suits a part of a picture.
    fn fit(&mut self, quality: Quality, picture: PixelView<'_>, part: Rect) {
        let is_new = self.of(quality).fit(picture, part);
        if is_new && quality.colours >= self.most {
            self.is_of_part = part != picture.size.to_rect();
        }
    }

    /// Sees to it that the best palette is one for all of a picture. One for a part would pass: what is rare is too little of it.
    fn fit_whole(&mut self, picture: PixelView<'_>) {
        if take(&mut self.is_of_part) {
            self.fine = quantiser(self.most);
        }
        self.fine.fit(picture, picture.size.to_rect());
    }

    /// Sees to it that there is a palette for small parts to be like.
    fn fit_patch(&mut self, picture: PixelView<'_>, part: Rect) {
        let was_exact = self.fine.is_exact();
        if was_exact && self.fine.fit(picture, part) {
            self.is_of_part = true;
        }
        if self.fine.palette().is_empty() || (was_exact && self.is_passing()) {
            // Too many colours: as many as stand for all of the picture, not for this part of it.
            self.fit_whole(picture);
        }
    }

    /// Whether the best palette is only good for what was drawn with it.
    fn is_passing(&self) -> bool {
        self.is_of_part && !self.fine.is_exact()
    }
}

/// Replaces `indices` by those of dots that are drawn as squares of so many dots a side, cut off at `room`.
fn map_small(
    dots: &[u8],
    size: Size,
    room: Size,
    square: u32,
    quantiser: &mut Quantiser,
    indices: &mut Vec<u8>,
) {
    let (width, square) = (room.width as usize, square as usize);
    indices.clear();
    indices.resize(width * room.height as usize, 0);
    let mut small = Vec::with_capacity(size.width as usize);
    let bands = indices.chunks_mut(square * width);
    for (dots, rows) in dots.chunks_exact(size.width as usize * 4).zip(bands) {
        small.clear();
        quantiser.map(dots, &mut small);
        // The last rows may be fewer, and so may the last columns.
        let (first, others) = rows.split_at_mut(width);
        for (run, entry) in first.chunks_mut(square).zip(&small) {
            run.fill(*entry);
        }
        for row in others.chunks_exact_mut(width) {
            row.copy_from_slice(first);
        }
    }
}

impl Painter for Sixel {
    fn paint(&mut self, scene: &Scene<'_>, out: &mut Vec<u8>) -> Painted {
        let place = scene.place;
        let room = place.room();
        let size = Size::new(
            scene.picture.size.width.min(room.width),
            scene.picture.size.height.min(room.height),
        );
        if size.is_empty() || place.cell.is_empty() || scene.picture.format.bytes() != 4 {
            return Painted::default();
        }
        if size == scene.picture.size && scene.picture.packed().is_some() {
            return self.paint_all(scene, place, out);
        }
        // A copy of what has room, for pictures that were made for another terminal.
        let cut: PixelBuf = scene.picture.crop(size.to_rect()).to_buf();
        let Some(picture) = PixelView::new(PixelFormat::Xrgb, cut.size, cut.stride(), cut.data())
        else {
            return Painted::default();
        };
        self.paint_all(&Scene { picture, ..*scene }, place, out)
    }

    fn limit(&mut self, room: Room, first: &[Rect]) {
        self.portion.limit(room, first);
    }

    fn forget(&mut self) {
        self.shadow.forget();
        self.covered.clear();
    }

    /// Nothing: images are gone with the cells they are on.
    fn leave(&mut self, _: &mut Vec<u8>) {
        self.forget();
    }
}

/// Whether so many dots are a small part of a picture.
fn is_patch(picture: PixelView<'_>, dots: u64) -> bool {
    dots * 8 <= picture.size.area()
}

/// Dots from which on one more colour is worth the bytes that define it, in an image that is a small part of a picture. The
/// landscape of `cargo bench --bench link` takes 0.9 MB in images of 16 or 32 colours each, and 1.5 MB in all colours at once:
/// both are 39 dB from the original.
const DOTS_A_COLOUR: u64 = 96;
/// Colours of the smallest image.
const FEWEST: u64 = 16;

/// How well an image by itself is drawn: with no more colours than its dots are worth.
fn worth(quality: Quality, dots: u64) -> Quality {
    let dots = dots / u64::from(quality.square * quality.square);
    let colours = (dots / DOTS_A_COLOUR).clamp(FEWEST, Quality::BEST.colours.into());
    // Not more than 256.
    let colours = 1 << colours.ilog2();
    Quality {
        colours: quality.colours.min(colours),
        ..quality
    }
}

/// Mean squared error (the sum over three components) for which no more colours are spent: 45 dB, where registers of 101 levels
/// allow 51. The desktop of `cargo bench --bench sixel` takes a tenth fewer bytes than in 256 colours.
const ENOUGH: f64 = 2.5;

fn quantiser(colours: u16) -> Quantiser {
    Quantiser::new(colours).content_with(ENOUGH)
}

/// Dots that may be drawn for nothing to save an image: it costs a few hundred bytes for its colours, a dot of text a third of
/// a byte.
const SPARE: u64 = 1536;

/// Rectangles that are still to be looked at for one to be joined with.
const NEAR: usize = 16;

/// Fewer rectangles that cover the same, sorted by their tops; they may overlap.
fn merged(rects: Vec<Rect>) -> Vec<Rect> {
    let mut merged: Vec<Rect> = Vec::with_capacity(rects.len());
    for mut rect in rects {
        // One that has grown may reach the next.
        while let Some(at) = partner(&merged, rect) {
            rect = rect.bounds(merged.remove(at));
        }
        merged.push(rect);
    }
    merged
}

/// The latest rectangle that is better drawn together with another one.
fn partner(merged: &[Rect], rect: Rect) -> Option<usize> {
    let near = merged.len().saturating_sub(NEAR);
    let fits = |other: &Rect| rect.bounds(*other).area() <= rect.area() + other.area() + SPARE;
    merged[near..].iter().rposition(fits).map(|at| near + at)
}

/// A rectangle cut along cells so that no part is larger than an image may be.
fn parts(rect: Rect, largest: Size, cell: Size) -> impl Iterator<Item = Rect> {
    // No wider than what the encoder takes.
    let step =
        |largest: u32, cell: u32| (largest.min(0xffff) / cell).max(1) as usize * cell as usize;
    let (wide, high) = (
        step(largest.width, cell.width),
        step(largest.height, cell.height),
    );
    let tops = (rect.top..rect.bottom).step_by(high);
    tops.flat_map(move |y| (rect.left..rect.right).step_by(wide).map(move |x| (x, y)))
        .map(move |(x, y)| Rect::at(x, y, Size::new(wide as u32, high as u32)).intersect(rect))
}

/// Puts the cursor on the first cell of a part.
fn go(place: Place, part: Rect, out: &mut Vec<u8>) {
    let (row, column) = place.cell_of(part.origin());
    out.extend_from_slice(b"\x1b[");
    decimal(row + 1, out);
    out.push(b';');
    decimal(column + 1, out);
    out.push(b'H');
}

/// Scrolls the rows of a move between margins, which are taken away again.
fn scroll(Move { area, up }: Move, place: Place, out: &mut Vec<u8>) {
    let row = |dot: i32| u32::from(place.row) + dot as u32 / place.cell.height;
    out.extend_from_slice(b"\x1b[");
    decimal(row(area.top) + 1, out);
    out.push(b';');
    decimal(row(area.bottom), out);
    out.extend_from_slice(b"r\x1b[");
    decimal(up.unsigned_abs() / place.cell.height, out);
    out.push(if up > 0 { b'S' } else { b'T' });
    out.extend_from_slice(b"\x1b[r");
}
