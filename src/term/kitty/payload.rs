//! Dots as the bytes of a payload: the shortest way of saying them that is quick enough.

use super::deflate::{Deflate, Effort};
use super::png;
use crate::geometry::{Rect, Size};
use crate::pixels::PixelView;
use crate::term::half::shrink;
use crate::term::paint::Quality;
use crate::term::quantise::Quantiser;

/// Bytes of a dot of the picture: B, G, R, X.
const DOT: usize = 4;

/// Most dots of which two ways are tried.
const FEW_DOTS: u64 = 4096;

/// Most bytes that are compressed as well as possible.
const FEW_BYTES: usize = 64 << 10;

/// How a payload says dots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Bytes R, G, B.
    Rgb,
    /// Bytes R, G, B, compressed.
    RgbZlib,
    /// Bytes R, G, B, A, compressed.
    RgbaZlib,
    /// A PNG file.
    Png,
}

impl Form {
    /// The keys that say so.
    pub(super) fn keys(self, size: Size) -> String {
        let Size { width, height } = size;
        match self {
            Self::Rgb => format!("f=24,s={width},v={height}"),
            Self::RgbZlib => format!("f=24,o=z,s={width},v={height}"),
            Self::RgbaZlib => format!("o=z,s={width},v={height}"),
            Self::Png => "f=100".to_owned(),
        }
    }
}

/// How well dots are said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Exactly.
    Exact,
    /// With no more colours than this, and dots perhaps.
    Reduced(Quality),
}

impl How {
    /// The part of a picture to say so that it fits to what is around it.
    pub(super) fn aligned(self, rect: Rect, picture: Rect) -> Rect {
        match self {
            Self::Reduced(Quality { square, .. }) => {
                let last = square.max(1) as i32 - 1;
                Rect::new(
                    rect.left & !last,
                    rect.top & !last,
                    (rect.right + last) & !last,
                    (rect.bottom + last) & !last,
                )
                .intersect(picture)
            }
            Self::Exact => rect,
        }
    }
}

/// A payload.
pub(super) struct Encoded<'a> {
    /// What the bytes are.
    pub(super) form: Form,
    /// The bytes.
    pub(super) bytes: &'a [u8],
    /// What they say, unless they are exact.
    sent: Option<Sent<'a>>,
}

/// Dots as they were sent.
struct Sent<'a> {
    rect: Rect,
    /// A byte of no meaning here and then the places in the palette, for each row.
    rows: &'a [u8],
    palette: &'a [[u8; 3]],
}

impl Encoded<'_> {
    /// The tiles of a grid over the picture in which it says another colour than the picture's.
    pub(super) fn inexact(&self, picture: PixelView<'_>, grain: Size) -> Vec<Rect> {
        let Some(Sent {
            rect,
            rows,
            palette,
        }) = &self.sent
        else {
            return Vec::new();
        };
        let mut words = [0; 256];
        for (word, [r, g, b]) in words.iter_mut().zip(*palette) {
            *word = u32::from_le_bytes([*b, *g, *r, 0]);
        }
        let (wide, high) = (grain.width.max(1), grain.height.max(1) as i32);
        let tiles_before = rect.left as u32 / wide;
        let mut wrong = vec![
            false;
            (rect.right as u32)
                .div_ceil(wide)
                .saturating_sub(tiles_before) as usize
        ];
        let mut found = Vec::new();
        let mut rows = rows.chunks_exact(rect.width() as usize + 1);
        for y in rect.top..rect.bottom {
            let (Some([_, places @ ..]), dots) = (rows.next(), row(picture, y, *rect)) else {
                break;
            };
            // The first tile may begin left of the rectangle.
            let mut at = 0;
            let mut room = (wide - rect.left as u32 % wide) as usize;
            for tile in &mut wrong {
                let end = (at + room).min(places.len());
                let differs = |(place, dot): (&u8, &[u8; DOT])| {
                    (words[usize::from(*place)] ^ u32::from_le_bytes(*dot)) & 0x00ff_ffff
                };
                let both = places[at..end].iter().zip(&dots[at..end]);
                *tile |= both.map(differs).fold(0, std::ops::BitOr::bitor) != 0;
                (at, room) = (end, wide as usize);
            }
            if (y + 1) % high == 0 || y + 1 == rect.bottom {
                let top = y / high * high;
                for (column, tile) in (tiles_before..).zip(&mut wrong) {
                    if std::mem::take(tile) {
                        found.push(Rect::at((column * wide) as i32, top, grain));
                    }
                }
            }
        }
        found
    }
}

/// Makes payloads.
#[derive(Default)]
pub(super) struct Payloads {
    deflate: Deflate,
    exact: Exact,
    /// By how many colours it is for.
    quantiser: Option<(u16, Quantiser)>,
    /// Whether parts are of something larger that the palette was made for already.
    is_of_many: bool,
    palette: Vec<[u8; 3]>,
    /// What is compressed.
    raw: Vec<u8>,
    shrunk: Vec<u8>,
    enlarged: Vec<u8>,
    filtered: Vec<u8>,
    packed: Vec<u8>,
    other: Vec<u8>,
}

impl Payloads {
    /// What is encoded next are parts of `area`, until this is said of another one; `None` for parts that stand alone. Parts have
    /// one palette, and each takes little time.
    pub(super) fn begin(&mut self, picture: PixelView<'_>, area: Option<Rect>, how: How) {
        self.is_of_many = area.is_some();
        if let (Some(area), How::Reduced(quality)) = (area, how) {
            quantiser_of(&mut self.quantiser, quality.colours).fit(picture, area);
        }
    }

    /// A part of a picture, as well as asked for.
    pub(super) fn encode(&mut self, picture: PixelView<'_>, rect: Rect, how: How) -> Encoded<'_> {
        match how {
            How::Exact => {
                let (form, bytes) = self.exact(picture, rect);
                Encoded {
                    form,
                    bytes,
                    sent: None,
                }
            }
            How::Reduced(quality) => self.reduced(picture, rect, quality),
        }
    }

    /// A part of a picture with fewer dots and colours.
    fn reduced(&mut self, picture: PixelView<'_>, rect: Rect, quality: Quality) -> Encoded<'_> {
        let mut enlarged = std::mem::take(&mut self.enlarged);
        if quality.square > 1 {
            let size = shrink(
                picture,
                rect,
                quality.square,
                &mut self.other,
                &mut self.shrunk,
            );
            enlarge(
                &self.shrunk,
                size,
                rect.size(),
                quality.square,
                &mut enlarged,
            );
            let stride = rect.width() as usize * DOT;
            if let Some(dots) = PixelView::new(picture.format, rect.size(), stride, &enlarged) {
                self.index(dots, rect.size().to_rect(), quality.colours);
            }
        } else {
            self.index(picture, rect, quality.colours);
        }
        self.enlarged = enlarged;
        let palette = png::Colours::Indexed(&self.palette);
        let effort = self.effort();
        png::write(
            rect.size(),
            palette,
            &self.raw,
            &mut self.deflate,
            effort,
            &mut self.packed,
        );
        Encoded {
            form: Form::Png,
            bytes: &self.packed,
            sent: Some(Sent {
                rect,
                rows: &self.raw,
                palette: &self.palette,
            }),
        }
    }

    /// Replaces `raw` and `palette` by those of at most so many colours: the picture's own if they are that few.
    fn index(&mut self, picture: PixelView<'_>, rect: Rect, colours: u16) {
        if self
            .exact
            .index(picture, rect, usize::from(colours), &mut self.raw)
        {
            self.palette.clone_from(&self.exact.palette);
            return;
        }
        let quantiser = quantiser_of(&mut self.quantiser, colours);
        if !self.is_of_many {
            quantiser.fit(picture, rect);
        }
        self.raw.clear();
        for y in rect.top..rect.bottom {
            self.raw.push(0);
            quantiser.map(row(picture, y, rect).as_flattened(), &mut self.raw);
        }
        prune(
            quantiser.palette(),
            &mut self.raw,
            rect.size(),
            &mut self.palette,
        );
    }

    /// A part of a picture, exactly.
    fn exact(&mut self, picture: PixelView<'_>, rect: Rect) -> (Form, &[u8]) {
        let few = rect.area() <= FEW_DOTS;
        let indexed = self.exact.index(picture, rect, 256, &mut self.raw);
        if indexed {
            let palette = png::Colours::Indexed(&self.exact.palette);
            let effort = self.effort();
            png::write(
                rect.size(),
                palette,
                &self.raw,
                &mut self.deflate,
                effort,
                &mut self.packed,
            );
            if !few {
                return (Form::Png, &self.packed);
            }
        }
        rgb(picture, rect, &mut self.raw);
        if !few && !is_flat(&self.raw, rect.size()) {
            png::filter(&self.raw, rect.size(), &mut self.filtered);
            let effort = self.effort();
            png::write(
                rect.size(),
                png::Colours::Rgb,
                &self.filtered,
                &mut self.deflate,
                effort,
                &mut self.packed,
            );
            return (Form::Png, &self.packed);
        }
        self.other.clear();
        let effort = self.effort();
        self.deflate.zlib(&self.raw, effort, &mut self.other);
        if indexed && self.packed.len() < self.other.len() {
            return (Form::Png, &self.packed);
        }
        (Form::RgbZlib, &self.other)
    }

    /// For what is in `raw`.
    fn effort(&self) -> Effort {
        match self.raw.len() {
            ..=FEW_BYTES if !self.is_of_many => Effort::Best,
            _ => Effort::Fast,
        }
    }

    /// A part of a picture as it is.
    pub(super) fn plain(&mut self, picture: PixelView<'_>, rect: Rect) -> (Form, &[u8]) {
        rgb(picture, rect, &mut self.raw);
        (Form::Rgb, &self.raw)
    }

    /// A part of a picture, and transparency right of it and below up to `size`.
    pub(super) fn padded(
        &mut self,
        picture: PixelView<'_>,
        rect: Rect,
        size: Size,
    ) -> (Form, &[u8]) {
        self.raw.clear();
        for y in 0..size.height {
            let start = self.raw.len();
            if y < rect.height() {
                let dots = row(picture, rect.top + y as i32, rect);
                self.raw
                    .extend(dots.iter().flat_map(|[b, g, r, _]| [*r, *g, *b, 0xff]));
            }
            self.raw.resize(start + size.width as usize * DOT, 0);
        }
        self.other.clear();
        let effort = self.effort();
        self.deflate.zlib(&self.raw, effort, &mut self.other);
        (Form::RgbaZlib, &self.other)
    }

    /// A whole picture of bytes B, G, R, A, colours multiplied by alpha; the payload's are not.
    pub(super) fn transparent(&mut self, shape: PixelView<'_>) -> (Form, &[u8]) {
        self.raw.clear();
        for row in shape.rows() {
            for [b, g, r, a] in row.as_chunks::<DOT>().0 {
                let divided = |c: u8| match *a {
                    0 => 0,
                    a => ((u32::from(c) * 255 + u32::from(a) / 2) / u32::from(a)).min(255) as u8,
                };
                self.raw
                    .extend_from_slice(&[divided(*r), divided(*g), divided(*b), *a]);
            }
        }
        self.other.clear();
        self.deflate.zlib(&self.raw, Effort::Best, &mut self.other);
        (Form::RgbaZlib, &self.other)
    }
}

/// Mean squared error (the sum over three components) for which no more colours are spent: 45 dB. What is sent with fewer
/// colours is exact soon after, and the first sight of the desktop of `cargo bench --bench term` takes a fifth fewer bytes than in
/// 256 colours.
const ENOUGH: f64 = 4.0;

/// The one for so many colours; a new one in place of one for another number.
fn quantiser_of(kept: &mut Option<(u16, Quantiser)>, colours: u16) -> &mut Quantiser {
    if kept.as_ref().is_some_and(|(of, _)| *of != colours) {
        *kept = None;
    }
    let new = || (colours, Quantiser::new(colours).content_with(ENOUGH));
    &mut kept.get_or_insert_with(new).1
}

/// The dots of row `y` between the edges of a rectangle.
fn row<'a>(picture: PixelView<'a>, y: i32, rect: Rect) -> &'a [[u8; DOT]] {
    let dots = picture.row(y as u32).as_chunks().0;
    &dots[rect.left as usize..rect.right as usize]
}

/// Replaces `used` by the entries of a palette that rows use, and their places in these rows: a byte of no meaning here and
/// then places, for each.
fn prune(palette: &[[u8; 3]], rows: &mut [u8], size: Size, used: &mut Vec<[u8; 3]>) {
    let stride = size.width as usize + 1;
    let mut uses = [false; 256];
    for row in rows.chunks_exact(stride) {
        row[1..]
            .iter()
            .for_each(|place| uses[usize::from(*place)] = true);
    }
    let mut places = [0; 256];
    used.clear();
    for ((entry, place), _) in palette
        .iter()
        .zip(&mut places)
        .zip(uses)
        .filter(|(_, uses)| *uses)
    {
        *place = used.len() as u8;
        used.push(*entry);
    }
    if used.len() < palette.len() {
        for row in rows.chunks_exact_mut(stride) {
            row[1..]
                .iter_mut()
                .for_each(|place| *place = places[usize::from(*place)]);
        }
    }
}

/// Replaces `out` by dots that are drawn as squares of so many dots a side, cut off at `room`.
fn enlarge(dots: &[u8], size: Size, room: Size, square: u32, out: &mut Vec<u8>) {
    let (stride, height) = (room.width as usize * DOT, room.height as usize);
    let square = square as usize;
    out.clear();
    out.reserve(stride * (height + square - 1));
    for row in dots.chunks_exact(size.width as usize * DOT) {
        let start = out.len();
        for dot in row.as_chunks::<DOT>().0 {
            out.extend_from_slice([*dot; 4][..square.min(4)].as_flattened());
        }
        out.truncate(start + stride);
        for _ in 1..square {
            out.extend_from_within(start..start + stride);
        }
    }
    out.truncate(stride * height);
}

/// Replaces `out` by bytes R, G, B.
fn rgb(picture: PixelView<'_>, rect: Rect, out: &mut Vec<u8>) {
    out.clear();
    out.resize(rect.area() as usize * 3, 0);
    let mut rows = out.chunks_exact_mut(rect.width() as usize * 3);
    for y in rect.top..rect.bottom {
        let target = rows.next().unwrap_or_default();
        for (to, [b, g, r, _]) in target
            .as_chunks_mut()
            .0
            .iter_mut()
            .zip(row(picture, y, rect))
        {
            *to = [*r, *g, *b];
        }
    }
}

/// Whether many dots are as the one left of them, as drawn things are and photographs are not. Judged by every eighth row.
fn is_flat(rgb: &[u8], size: Size) -> bool {
    let (mut same, mut all) = (0, 0);
    for row in rgb.chunks_exact(size.width as usize * 3).step_by(8) {
        let dots = row.as_chunks::<3>().0;
        same += dots.windows(2).filter(|pair| pair[0] == pair[1]).count();
        all += dots.len();
    }
    same * 3 >= all
}

/// Dots by their place in a palette of exactly their colours.
struct Exact {
    palette: Vec<[u8; 3]>,
    /// By hash: a colour's place plus one, and the colour. 0 where there is none.
    slots: Vec<(u16, u32)>,
}

impl Default for Exact {
    fn default() -> Self {
        Self {
            palette: Vec::with_capacity(256),
            slots: vec![(0, 0); SLOTS],
        }
    }
}

const SLOTS: usize = 1024;

impl Exact {
    /// Replaces `out` by a filter's number 0 and the places for each row. `false` when there are more than
    /// `most` colours.
    fn index(
        &mut self,
        picture: PixelView<'_>,
        rect: Rect,
        most: usize,
        out: &mut Vec<u8>,
    ) -> bool {
        self.palette.clear();
        self.slots.fill((0, 0));
        out.clear();
        out.reserve(rect.area() as usize + rect.height() as usize);
        // No colour has a fourth byte.
        let (mut last, mut place) = (u32::MAX, 0);
        for y in rect.top..rect.bottom {
            out.push(0);
            for dot in row(picture, y, rect) {
                let colour = u32::from_le_bytes(*dot) & 0x00ff_ffff;
                if colour != last {
                    let Some(found) = self.place(colour, most) else {
                        return false;
                    };
                    (last, place) = (colour, found);
                }
                out.push(place);
            }
        }
        true
    }

    /// `None` when it would be one colour more than `most`, or the 257th.
    fn place(&mut self, colour: u32, most: usize) -> Option<u8> {
        let mut at = colour.wrapping_mul(0x9e37_79b1) as usize >> 22;
        loop {
            match self.slots[at] {
                (0, _) => break,
                (place, held) if held == colour => return Some((place - 1) as u8),
                _ => at = (at + 1) % SLOTS,
            }
        }
        if self.palette.len() >= most.min(256) {
            return None;
        }
        let [b, g, r, _] = colour.to_le_bytes();
        self.palette.push([r, g, b]);
        self.slots[at] = (self.palette.len() as u16, colour);
        Some((self.palette.len() - 1) as u8)
    }
}
