//! Paths, dashes and glyphs: from the shape they have in messages to the shape they are drawn in.

use smallvec::SmallVec;

use crate::canvas::{Clip, Coverage, Dashes, Error, Glyph, Path, Region};
use crate::channel::display::draw::{self, GlyphString, LineAttr, LineFlags, PathFlags};
use crate::geometry::{Point, Rect, Size};

/// Memory for the shapes of a command, kept from one to the next.
#[derive(Default)]
pub(super) struct Scratch {
    /// The rectangles of a clip.
    pub rects: Vec<Rect>,
    /// What a clip leaves.
    pub region: Region,
    /// The lines of a stroke.
    pub path: Path,
    /// The glyphs of a text. INVARIANT: none.
    glyphs: Vec<Glyph<'static>>,
}

impl Scratch {
    /// Most bytes kept.
    pub const MOST: usize = MOST_RECTS * size_of::<Rect>()
        + MOST_GLYPHS * size_of::<Glyph<'_>>()
        + Region::MOST
        + Path::MOST_KEPT;

    /// The clip of a command, until it is [put back](Self::put_clip).
    pub fn clip(&mut self, clip: &draw::Clip<'_>) -> Clip {
        match clip {
            draw::Clip::None => Clip::None,
            draw::Clip::Rects(clip) => {
                let mut rects = std::mem::take(&mut self.rects);
                rects.clear();
                rects.extend(clip.iter());
                Clip::Rects(rects)
            }
        }
    }

    /// Takes the memory of a clip back, unless it grew out of proportion.
    pub fn put_clip(&mut self, clip: Clip) {
        if let Clip::Rects(rects) = clip
            && rects.capacity() <= MOST_RECTS
        {
            self.rects = rects;
        }
    }

    /// Takes the memory of a path back.
    pub fn put_path(&mut self, mut path: Path) {
        path.clear();
        self.path = path;
    }

    /// The glyphs of a string, each at its place, until they are [put back](Self::put_glyphs).
    pub fn glyphs<'a>(&mut self, string: &GlyphString<'a>) -> Vec<Glyph<'a>> {
        let mut placed: Vec<Glyph<'a>> = std::mem::take(&mut self.glyphs);
        let coverage = match string.flags.bits() {
            Some(1) => Coverage::A1,
            Some(4) => Coverage::A4,
            _ => Coverage::A8,
        };
        placed.extend(string.glyphs.iter().filter_map(|glyph| {
            let corner = Point::new(
                glyph.render_pos.x.saturating_add(glyph.origin.x),
                glyph.render_pos.y.saturating_add(glyph.origin.y),
            );
            let size = Size::new(glyph.width.into(), glyph.height.into());
            Glyph::new(coverage, corner, size, glyph.data)
        }));
        placed
    }

    /// Takes the memory of glyphs back, unless it grew out of proportion.
    pub fn put_glyphs(&mut self, mut glyphs: Vec<Glyph<'_>>) {
        glyphs.clear();
        if glyphs.capacity() <= MOST_GLYPHS {
            // Collecting what comes from a list of equal layout keeps its memory. (tests/alloc sees that it does.)
            self.glyphs = glyphs.into_iter().map_while(|_| None).collect();
        }
    }

    /// Bytes kept, or nearly.
    pub fn bytes(&self) -> usize {
        self.rects.capacity() * size_of::<Rect>()
            + self.glyphs.capacity() * size_of::<Glyph<'_>>()
            + self.region.bytes()
            + self.path.bytes()
    }
}

/// Most rectangles of a clip, and most glyphs, whose memory is kept.
const MOST_RECTS: usize = 1024;
const MOST_GLYPHS: usize = 1024;

/// Makes `built`, which is empty, the polylines of a path.
///
/// # Errors
///
/// Those of [`Path::curve_to`].
pub(super) fn build(path: &draw::Path<'_>, built: &mut Path) -> Result<(), Error> {
    for segment in path.segments.iter() {
        let mut points = segment.points.iter().map(|p| Point::new(p.x, p.y));
        if segment.flags.contains(PathFlags::BEGIN) {
            built.end();
            if let Some(first) = points.next() {
                built.line_to(first);
            }
        }
        if segment.flags.contains(PathFlags::BEZIER) {
            while let (Some(first), Some(second), Some(end)) =
                (points.next(), points.next(), points.next())
            {
                built.curve_to([first, second], end)?;
            }
        } else {
            points.for_each(|point| built.line_to(point));
        }
        if segment.flags.contains(PathFlags::END) {
            if segment.flags.contains(PathFlags::CLOSE) {
                built.close();
            } else {
                built.end();
            }
        }
    }
    Ok(())
}

/// How a line is dashed, if it is.
///
/// # Errors
///
/// Those of [`Dashes::new`].
pub(super) fn dashes(attr: &LineAttr<'_>) -> Result<Option<Dashes>, Error> {
    let style: SmallVec<[i32; 16]> = attr.style.iter().collect();
    if style.is_empty() {
        Ok(None)
    } else if attr.flags.contains(LineFlags::START_WITH_GAP) {
        Dashes::with_gap_first(&style).map(Some)
    } else {
        Dashes::new(&style).map(Some)
    }
}
