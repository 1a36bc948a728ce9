//! Executes draw commands: finds their images, then draws on the canvas.

mod compose;

use std::sync::Arc;

use smallvec::SmallVec;

use super::{Client, shapes};
use crate::canvas::{
    Area, Brush, Cutout, Damage, Mask, Operands, Rop, ScaleMode, Source, Surface, Text,
};
use crate::channel::Cx;
use crate::channel::display::SurfaceId;
use crate::channel::display::draw::{
    self, DisplayBase, DrawCopy, DrawFill, DrawMasked, DrawOpaque, DrawStroke, DrawText, MaskFlags,
    QMask,
};
use crate::channel::display::image::Image;
use crate::channel::display::images::{ImageError, MaskImage, Resolved};
use crate::channel::display::messages::{CopyBits, ServerMessage};
use crate::channel::display::picture::{Picture, Pixels};
use crate::geometry::{Point, Rect};
use crate::pixels::{PixelBuf, PixelView};

/// A picture operand while a command is drawn.
enum Operand<'a> {
    Picture(Picture<'a>),
    /// Place in the list of surfaces that are read.
    Surface(usize),
}

/// A brush while a command is drawn.
enum BrushOperand<'a> {
    None,
    Solid(u32),
    Pattern(Operand<'a>, Point),
}

/// A mask while a command is drawn.
struct MaskOperand {
    bits: MaskBits,
    origin: Point,
    inverse: bool,
}

enum MaskBits {
    Image(PixelBuf),
    Kept(Arc<PixelBuf>),
    Surface(usize),
}

/// The whole of a surface, whatever its size.
const EVERYWHERE: Rect = Rect::new(0, 0, i32::MAX, i32::MAX);

/// Surfaces a command reads.
type Reads = SmallVec<[SurfaceId; 3]>;

impl Client {
    /// Notes where a command draws instead of drawing it; `None` unless nobody ever looks.
    pub(super) fn note(&mut self, message: &ServerMessage<'_>) -> Option<Result<(), ImageError>> {
        let base = message.base().filter(|_| self.is_blind)?;
        if let ServerMessage::CopyBits(copy) = message {
            return Some(self.on_copy_bits(copy));
        }
        let clip = self.scratch.clip(&base.clip);
        let mut damage = Damage::default();
        let noted = self.canvas.draw_from(base.surface_id, &[], |surface, _| {
            surface.note(base.bbox, &clip, &mut damage);
        });
        self.scratch.put_clip(clip);
        if let Err(error) = noted {
            return Some(Err(error.to_string().into()));
        }
        self.draws += 1;
        if self.primary == Some(base.surface_id) {
            self.pending.damage.merge(&damage);
        }
        Some(Ok(()))
    }

    pub(super) fn on_copy_bits(&mut self, copy: &CopyBits<'_>) -> Result<(), ImageError> {
        let DisplayBase {
            surface_id,
            bbox,
            clip,
        } = &copy.base;
        let from = Rect::at(copy.src_pos.x, copy.src_pos.y, bbox.size());
        self.look(*surface_id, *bbox);
        self.look(*surface_id, from);
        let mut damage = Damage::default();
        let clip = self.scratch.clip(clip);
        let is_blind = self.is_blind;
        let moved = self
            .canvas
            .draw_from(*surface_id, &[], |surface, _| match is_blind {
                true => surface.note_copy_bits(*bbox, &clip, copy.src_pos, &mut damage),
                false => surface.copy_bits(*bbox, &clip, copy.src_pos, &mut damage),
            });
        self.scratch.region.begin(&clip, *bbox);
        let in_pieces = self.scratch.region.nth(1).is_some();
        self.scratch.put_clip(clip);
        moved.map_err(|error| error.to_string())?;
        self.draws += 1;
        if self.primary != Some(*surface_id) {
            return Ok(());
        }
        // Damage may cover what lies between the pieces of a clip too, which has not moved; and one piece may be where
        // another came from.
        if in_pieces {
            self.pending.damage.merge(&damage);
            return Ok(());
        }
        let (dx, dy) = (
            bbox.left.wrapping_sub(copy.src_pos.x),
            bbox.top.wrapping_sub(copy.src_pos.y),
        );
        for rect in damage {
            self.pending.moved(
                rect,
                Point::new(rect.left.wrapping_sub(dx), rect.top.wrapping_sub(dy)),
            );
        }
        Ok(())
    }

    pub(super) fn on_fill(
        &mut self,
        fill: &DrawFill<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<(), ImageError> {
        let images = [brush_image(&fill.brush), fill.mask.bitmap.as_ref()];
        self.check_ready(&images, cx)?;
        let mut reads = Reads::new();
        // The brush first: of the two only it can still turn out to have to wait.
        let brush = self.brush(&fill.brush, &mut reads, cx)?;
        let mask = self.mask(&fill.mask, &mut reads, cx)?;
        let rop = Rop::new(fill.rop.0, Operands::BrushOnSurface);
        let result = self.draw(&fill.base, &mask, &reads, |surface, area, views, damage| {
            surface
                .fill(area, &brush.as_brush(views)?, rop, damage)
                .map_err(|e| e.to_string())
        });
        self.recycle_brush(brush);
        self.recycle_mask(mask);
        result
    }

    pub(super) fn on_copy(
        &mut self,
        copy: &DrawCopy<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<(), ImageError> {
        self.check_ready(&[Some(&copy.src_bitmap), copy.mask.bitmap.as_ref()], cx)?;
        let mut reads = Reads::new();
        // The source first: of the two only it can still turn out to have to wait.
        let mut source = self.operand(&copy.src_bitmap, &mut reads, cx)?;
        if self.exchange(copy, &mut source) {
            self.recycle(source);
            return Ok(());
        }
        let mask = self.mask(&copy.mask, &mut reads, cx)?;
        let (rop, scale) = (
            Rop::new(copy.rop.0, Operands::SourceOnSurface),
            scale(copy.scale_mode),
        );
        let result = self.draw(&copy.base, &mask, &reads, |surface, area, views, damage| {
            let cutout = Cutout {
                source: source.as_source(views)?,
                area: copy.src_area,
                scale,
            };
            surface
                .copy(area, &cutout, rop, damage)
                .map_err(|e| e.to_string())
        });
        self.recycle(source);
        self.recycle_mask(mask);
        result
    }

    /// Draws a picture of the whole surface by taking its rows over. Whether it was one: copying the 32 MiB of a 3840×2160
    /// screen takes milliseconds, for which a key press would wait (bench latency).
    fn exchange(&mut self, copy: &DrawCopy<'_>, source: &mut Operand<'_>) -> bool {
        let DisplayBase {
            surface_id,
            bbox,
            clip,
        } = &copy.base;
        let plain = Rop::new(copy.rop.0, Operands::SourceOnSurface) == Rop::PUT
            && copy.mask.bitmap.is_none()
            && matches!(clip, draw::Clip::None);
        let Operand::Picture(Picture {
            layout,
            size,
            bottom_up: false,
            pixels: Pixels::Owned(rows),
            ..
        }) = source
        else {
            return false;
        };
        let whole = size.to_rect();
        if !plain || *bbox != whole || copy.src_area != whole {
            return false;
        }
        self.look(*surface_id, whole);
        let mut damage = Damage::default();
        let surface = self.canvas.surface_mut(*surface_id);
        if !surface.is_some_and(|s| s.exchange(*layout, *size, rows, &mut damage)) {
            return false;
        }
        self.draws += 1;
        if self.primary == Some(*surface_id) {
            self.pending.damage.merge(&damage);
        }
        true
    }

    pub(super) fn on_opaque(
        &mut self,
        opaque: &DrawOpaque<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<(), ImageError> {
        let images = [
            Some(&opaque.src_bitmap),
            brush_image(&opaque.brush),
            opaque.mask.bitmap.as_ref(),
        ];
        self.check_ready(&images, cx)?;
        let mut reads = Reads::new();
        // The source first: of the three only it can still turn out to have to wait.
        let source = self.operand(&opaque.src_bitmap, &mut reads, cx)?;
        let mask = self.mask(&opaque.mask, &mut reads, cx)?;
        let brush = self.brush(&opaque.brush, &mut reads, cx)?;
        let (rop, scale) = (
            Rop::new(opaque.rop.0, Operands::BrushOnSource),
            scale(opaque.scale_mode),
        );
        let result = self.draw(
            &opaque.base,
            &mask,
            &reads,
            |surface, area, views, damage| {
                let cutout = Cutout {
                    source: source.as_source(views)?,
                    area: opaque.src_area,
                    scale,
                };
                surface
                    .opaque(area, &cutout, &brush.as_brush(views)?, rop, damage)
                    .map_err(|e| e.to_string())
            },
        );
        self.recycle(source);
        self.recycle_brush(brush);
        self.recycle_mask(mask);
        result
    }

    pub(super) fn on_masked(
        &mut self,
        draw: &DrawMasked<'_>,
        paint: fn(&mut Surface, &Area<'_>, &mut Damage),
        cx: &mut Cx<'_>,
    ) -> Result<(), ImageError> {
        self.check_ready(&[draw.mask.bitmap.as_ref()], cx)?;
        let mut reads = Reads::new();
        let mask = self.mask(&draw.mask, &mut reads, cx)?;
        let result = self.draw(&draw.base, &mask, &reads, |surface, area, _, damage| {
            paint(surface, area, damage);
            Ok(())
        });
        self.recycle_mask(mask);
        result
    }

    pub(super) fn on_stroke(
        &mut self,
        stroke: &DrawStroke<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<(), ImageError> {
        self.check_ready(&[brush_image(&stroke.brush)], cx)?;
        let mut reads = Reads::new();
        let brush = self.brush(&stroke.brush, &mut reads, cx)?;
        let dashes = shapes::dashes(&stroke.attr).map_err(|e| e.to_string())?;
        let mut path = std::mem::take(&mut self.scratch.path);
        shapes::build(&stroke.path, &mut path).map_err(|e| e.to_string())?;
        let rop = Rop::new(stroke.fore_mode.0, Operands::BrushOnSurface);
        let result = self.draw(
            &stroke.base,
            &None,
            &reads,
            |surface, area, views, damage| {
                let brush = brush.as_brush(views)?;
                surface
                    .stroke(area, &path, dashes.as_ref(), &brush, rop, damage)
                    .map_err(|e| e.to_string())
            },
        );
        self.scratch.put_path(path);
        self.recycle_brush(brush);
        result
    }

    pub(super) fn on_text(
        &mut self,
        text: &DrawText<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<(), ImageError> {
        let images = [brush_image(&text.fore_brush), brush_image(&text.back_brush)];
        self.check_ready(&images, cx)?;
        let mut reads = Reads::new();
        let fore = self.brush(&text.fore_brush, &mut reads, cx)?;
        let back = self.brush(&text.back_brush, &mut reads, cx)?;
        let has_back = !text.back_area.is_empty();
        // Without a background the mode is ignored.
        if has_back && text.fore_mode != draw::Rop::OP_PUT {
            return Err(format!("{:?} with a background", text.fore_mode).into());
        }
        let glyphs = self.scratch.glyphs(&text.string);
        let result = self.draw(&text.base, &None, &reads, |surface, area, views, damage| {
            let back = has_back.then(|| back.as_brush(views)).transpose()?;
            let text = Text {
                glyphs: &glyphs,
                fore: fore.as_brush(views)?,
                back: back.map(|brush| (text.back_area, brush)),
            };
            surface.text(area, &text, damage).map_err(|e| e.to_string())
        });
        self.scratch.put_glyphs(glyphs);
        self.recycle_brush(fore);
        self.recycle_brush(back);
        result
    }

    /// Fails while one of the images has to wait, before any of them has changed anything.
    fn check_ready(
        &mut self,
        images: &[Option<&Image<'_>>],
        cx: &Cx<'_>,
    ) -> Result<(), ImageError> {
        if cx.shared.impatient {
            return Ok(());
        }
        let blocked = images
            .iter()
            .flatten()
            .find_map(|image| self.images.blocked_by(image, cx));
        blocked.map_or(Ok(()), |why| Err(ImageError::Blocked(why)))
    }

    /// Draws on a surface while reading from others, and notes what changed if it is the primary.
    fn draw(
        &mut self,
        base: &DisplayBase<'_>,
        mask: &Option<MaskOperand>,
        reads: &Reads,
        paint: impl FnOnce(&mut Surface, &Area<'_>, &[PixelView<'_>], &mut Damage) -> Result<(), String>,
    ) -> Result<(), ImageError> {
        self.look(base.surface_id, base.bbox);
        for source in reads {
            self.look(*source, EVERYWHERE);
        }
        let clip = self.scratch.clip(&base.clip);
        let mut damage = Damage::default();
        let result = self
            .canvas
            .draw_from(base.surface_id, reads, |surface, views| {
                let mask = mask.as_ref().map(|m| m.as_mask(views)).transpose()?;
                let area = Area {
                    bbox: base.bbox,
                    clip: &clip,
                    mask,
                };
                paint(surface, &area, views, &mut damage)
            });
        self.scratch.put_clip(clip);
        result.map_err(|error| error.to_string())??;
        self.draws += 1;
        if self.primary == Some(base.surface_id) {
            self.pending.damage.merge(&damage);
        }
        Ok(())
    }

    fn operand<'a>(
        &mut self,
        image: &Image<'a>,
        reads: &mut Reads,
        cx: &mut Cx<'_>,
    ) -> Result<Operand<'a>, ImageError> {
        Ok(match self.images.resolve(image, cx)? {
            Resolved::Picture(picture) => Operand::Picture(picture),
            Resolved::Surface(id) => {
                reads.push(id);
                Operand::Surface(reads.len() - 1)
            }
        })
    }

    fn brush<'a>(
        &mut self,
        brush: &draw::Brush<'a>,
        reads: &mut Reads,
        cx: &mut Cx<'_>,
    ) -> Result<BrushOperand<'a>, ImageError> {
        Ok(match brush {
            draw::Brush::None => BrushOperand::None,
            draw::Brush::Solid(color) => BrushOperand::Solid(*color),
            draw::Brush::Pattern { pattern, pos } => {
                BrushOperand::Pattern(self.operand(pattern, reads, cx)?, *pos)
            }
        })
    }

    fn mask(
        &mut self,
        mask: &QMask<'_>,
        reads: &mut Reads,
        cx: &mut Cx<'_>,
    ) -> Result<Option<MaskOperand>, ImageError> {
        let Some(image) = &mask.bitmap else {
            return Ok(None);
        };
        let bits = match self.images.resolve_mask(image, cx)? {
            MaskImage::Bits(bits) => MaskBits::Image(bits),
            MaskImage::Kept(bits) => MaskBits::Kept(bits),
            MaskImage::Surface(id) => {
                reads.push(id);
                MaskBits::Surface(reads.len() - 1)
            }
        };
        let inverse = mask.flags.contains(MaskFlags::INVERS);
        Ok(Some(MaskOperand {
            bits,
            origin: mask.pos,
            inverse,
        }))
    }

    fn recycle(&mut self, operand: Operand<'_>) {
        if let Operand::Picture(picture) = operand {
            self.images.recycle(picture);
        }
    }

    fn recycle_brush(&mut self, brush: BrushOperand<'_>) {
        if let BrushOperand::Pattern(operand, _) = brush {
            self.recycle(operand);
        }
    }

    fn recycle_mask(&mut self, mask: Option<MaskOperand>) {
        if let Some(MaskBits::Image(bits)) = mask.map(|mask| mask.bits) {
            self.images.recycle_mask(bits);
        }
    }
}

impl Operand<'_> {
    fn as_source<'s>(&'s self, views: &[PixelView<'s>]) -> Result<Source<'s>, String> {
        match self {
            Self::Picture(picture) => picture
                .source()
                .ok_or_else(|| "its rows are cut short".to_owned()),
            Self::Surface(at) => Ok(Source::surface(views[*at])),
        }
    }
}

impl BrushOperand<'_> {
    fn as_brush<'s>(&'s self, views: &[PixelView<'s>]) -> Result<Brush<'s>, String> {
        Ok(match self {
            Self::None => Brush::None,
            Self::Solid(color) => Brush::Solid(*color),
            Self::Pattern(operand, origin) => Brush::Pattern {
                pixels: operand.as_source(views)?,
                origin: *origin,
            },
        })
    }
}

impl MaskOperand {
    fn as_mask<'s>(&'s self, views: &[PixelView<'s>]) -> Result<Mask<'s>, String> {
        let bits = match &self.bits {
            MaskBits::Image(bits) => bits.view(),
            MaskBits::Kept(bits) => bits.view(),
            MaskBits::Surface(at) => views[*at],
        };
        let mask = Mask::new(bits, self.origin).ok_or("the mask is not a 1-bit surface")?;
        Ok(if self.inverse { mask.inverse() } else { mask })
    }
}

fn brush_image<'b, 'a>(brush: &'b draw::Brush<'a>) -> Option<&'b Image<'a>> {
    match brush {
        draw::Brush::Pattern { pattern, .. } => Some(pattern),
        _ => None,
    }
}

fn scale(mode: draw::ScaleMode) -> ScaleMode {
    match mode {
        draw::ScaleMode::Interpolate => ScaleMode::Interpolate,
        _ => ScaleMode::Nearest,
    }
}
