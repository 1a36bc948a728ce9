//! Paths, dashes and glyphs: from the shape they have in messages to the shape they are drawn in.

use crate::canvas::{Coverage, Dashes, Error, Glyph, Path};
use crate::channel::display::draw::{self, GlyphString, LineAttr, LineFlags, PathFlags};
use crate::geometry::{Point, Size};

/// The polylines of a path.
///
/// # Errors
///
/// Those of [`Path::curve_to`].
pub(super) fn path(path: &draw::Path) -> Result<Path, Error> {
    let mut built = Path::default();
    for segment in &path.segments {
        let points: Vec<Point> = segment
            .points
            .iter()
            .map(|p| Point::new(p.x, p.y))
            .collect();
        let mut rest = points.as_slice();
        if segment.flags.contains(PathFlags::BEGIN) {
            built.end();
            if let Some((first, others)) = rest.split_first() {
                built.line_to(*first);
                rest = others;
            }
        }
        if segment.flags.contains(PathFlags::BEZIER) {
            for [first, second, end] in rest.as_chunks().0 {
                built.curve_to([*first, *second], *end)?;
            }
        } else {
            rest.iter().for_each(|point| built.line_to(*point));
        }
        if segment.flags.contains(PathFlags::END) {
            if segment.flags.contains(PathFlags::CLOSE) {
                built.close();
            } else {
                built.end();
            }
        }
    }
    Ok(built)
}

/// How a line is dashed, if it is.
///
/// # Errors
///
/// Those of [`Dashes::new`].
pub(super) fn dashes(attr: &LineAttr) -> Result<Option<Dashes>, Error> {
    if attr.style.is_empty() {
        Ok(None)
    } else if attr.flags.contains(LineFlags::START_WITH_GAP) {
        Dashes::with_gap_first(&attr.style).map(Some)
    } else {
        Dashes::new(&attr.style).map(Some)
    }
}

/// The glyphs of a string, each at its place.
pub(super) fn glyphs<'a>(string: &GlyphString<'a>) -> Vec<Glyph<'a>> {
    let coverage = match string.flags.bits() {
        Some(1) => Coverage::A1,
        Some(4) => Coverage::A4,
        _ => Coverage::A8,
    };
    let glyphs = string.glyphs.iter();
    glyphs
        .filter_map(|glyph| {
            let corner = Point::new(
                glyph.render_pos.x.saturating_add(glyph.origin.x),
                glyph.render_pos.y.saturating_add(glyph.origin.y),
            );
            let size = Size::new(glyph.width.into(), glyph.height.into());
            Glyph::new(coverage, corner, size, glyph.data)
        })
        .collect()
}
