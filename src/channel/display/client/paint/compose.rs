//! Executes the commands that mix pictures with what is on the surface: ROP3, TRANSPARENT, ALPHA_BLEND, COMPOSITE.

use super::{Operand, Reads, brush_image, scale};
use crate::canvas::{
    self, Area, Composite, Cutout, Damage, Filter, Operator, Repeat, Rop3, ScaleMode, Source,
    Surface, Texture, Transform,
};
use crate::channel::Cx;
use crate::channel::display::client::Client;
use crate::channel::display::draw::{
    self, AlphaFlags, CompositeFlags, DisplayBase, DrawAlphaBlend, DrawComposite, DrawRop3,
    DrawTransparent, Point16,
};
use crate::channel::display::image::Image;
use crate::channel::display::images::ImageError;
use crate::geometry::{Point, Rect};
use crate::pixels::PixelView;

impl Client {
    pub(in super::super) fn on_rop3(
        &mut self,
        rop3: &DrawRop3<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<(), ImageError> {
        let images = [
            Some(&rop3.src_bitmap),
            brush_image(&rop3.brush),
            rop3.mask.bitmap.as_ref(),
        ];
        self.check_ready(&images, cx)?;
        let mut reads = Reads::new();
        // The source first: of the three only it can still turn out to have to wait.
        let source = self.operand(&rop3.src_bitmap, &mut reads, cx)?;
        let mask = self.mask(&rop3.mask, &mut reads, cx)?;
        let brush = self.brush(&rop3.brush, &mut reads, cx)?;
        let (rop, scale) = (Rop3::new(rop3.rop3), scale(rop3.scale_mode));
        let result = self.draw(&rop3.base, &mask, &reads, |surface, area, views, damage| {
            let cutout = cutout(&source, views, rop3.src_area, scale)?;
            surface
                .rop3(area, &cutout, &brush.as_brush(views)?, rop, damage)
                .map_err(|e| e.to_string())
        });
        self.recycle(source);
        self.recycle_brush(brush);
        self.recycle_mask(mask);
        result
    }

    pub(in super::super) fn on_transparent(
        &mut self,
        draw: &DrawTransparent<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<(), ImageError> {
        let (base, color) = (&draw.base, draw.true_color);
        self.draw_part(
            base,
            &draw.src_bitmap,
            draw.src_area,
            cx,
            |surface, area, part, damage| surface.transparent(area, &part, color, damage),
        )
    }

    pub(in super::super) fn on_alpha_blend(
        &mut self,
        draw: &DrawAlphaBlend<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<(), ImageError> {
        let has_alpha = draw.alpha_flags.contains(AlphaFlags::SRC_SURFACE_HAS_ALPHA);
        let (base, alpha) = (&draw.base, draw.alpha);
        self.draw_part(
            base,
            &draw.src_bitmap,
            draw.src_area,
            cx,
            |surface, area, mut part, damage| {
                if has_alpha {
                    part.source = part.source.with_alpha();
                }
                surface.alpha_blend(area, &part, alpha, damage)
            },
        )
    }

    pub(in super::super) fn on_composite(
        &mut self,
        draw: &DrawComposite<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<(), ImageError> {
        self.check_ready(&[Some(&draw.src_bitmap), draw.mask_bitmap.as_ref()], cx)?;
        let mut reads = Reads::new();
        let source = self.operand(&draw.src_bitmap, &mut reads, cx)?;
        let mask = draw.mask_bitmap.as_ref();
        let mask = mask
            .map(|mask| self.operand(mask, &mut reads, cx))
            .transpose()?;
        let result = self.draw(&draw.base, &None, &reads, |surface, area, views, damage| {
            let source = source.as_source(views)?;
            let mask = mask.as_ref().map(|m| m.as_source(views)).transpose()?;
            surface.composite(area, &composite(draw, source, mask)?, damage);
            Ok(())
        });
        self.recycle(source);
        if let Some(mask) = mask {
            self.recycle(mask);
        }
        result
    }

    /// Draws with part of a picture, which is all the command reads.
    fn draw_part(
        &mut self,
        base: &DisplayBase<'_>,
        image: &Image<'_>,
        area: Rect,
        cx: &mut Cx<'_>,
        paint: impl FnOnce(
            &mut Surface,
            &Area<'_>,
            Cutout<'_>,
            &mut Damage,
        ) -> Result<(), canvas::Error>,
    ) -> Result<(), ImageError> {
        self.check_ready(&[Some(image)], cx)?;
        let mut reads = Reads::new();
        let source = self.operand(image, &mut reads, cx)?;
        let result = self.draw(base, &None, &reads, |surface, target, views, damage| {
            let part = cutout(&source, views, area, ScaleMode::Nearest)?;
            paint(surface, target, part, damage).map_err(|e| e.to_string())
        });
        self.recycle(source);
        result
    }
}

fn cutout<'s>(
    operand: &'s Operand<'_>,
    views: &[PixelView<'s>],
    area: Rect,
    scale: ScaleMode,
) -> Result<Cutout<'s>, String> {
    Ok(Cutout {
        source: operand.as_source(views)?,
        area,
        scale,
    })
}

/// The composition a command asks for.
fn composite<'s>(
    draw: &DrawComposite<'_>,
    source: Source<'s>,
    mask: Option<Source<'s>>,
) -> Result<Composite<'s>, String> {
    let flags = draw.flags;
    let number = flags.operator();
    let operator = Operator::from_number(number)
        .ok_or_else(|| format!("operator {number:#04x} is unknown"))?;
    let source = if flags.contains(CompositeFlags::SOURCE_OPAQUE) {
        source.without_alpha()
    } else {
        source
    };
    let source = Texture {
        source,
        origin: point(&draw.src_origin),
        transform: draw.src_transform.as_ref().map(transform),
        filter: filter(flags.src_filter())?,
        repeat: repeat(flags.src_repeat()),
    };
    let texture = |source| -> Result<_, String> {
        Ok(Texture {
            source,
            origin: point(&draw.mask_origin),
            transform: draw.mask_transform.as_ref().map(transform),
            filter: filter(flags.mask_filter())?,
            repeat: repeat(flags.mask_repeat()),
        })
    };
    Ok(Composite {
        operator,
        source,
        mask: mask.map(texture).transpose()?,
        component_alpha: flags.contains(CompositeFlags::COMPONENT_ALPHA),
    })
}

fn point(point: &Point16) -> Point {
    Point::new(i32::from(point.x), i32::from(point.y))
}

fn transform(map: &draw::Transform) -> Transform {
    let draw::Transform {
        t00,
        t01,
        t02,
        t10,
        t11,
        t12,
    } = *map;
    Transform {
        t00,
        t01,
        t02,
        t10,
        t11,
        t12,
    }
}

fn filter(filter: draw::Filter) -> Result<Filter, String> {
    match filter {
        draw::Filter::Fast | draw::Filter::Nearest => Ok(Filter::Nearest),
        draw::Filter::Good | draw::Filter::Best | draw::Filter::Bilinear => Ok(Filter::Bilinear),
        draw::Filter::Other(n) => Err(format!("filter {n} is unknown")),
    }
}

fn repeat(repeat: draw::Repeat) -> Repeat {
    match repeat {
        draw::Repeat::Normal => Repeat::Normal,
        draw::Repeat::Pad => Repeat::Pad,
        draw::Repeat::Reflect => Repeat::Reflect,
        // Two bits have no other value.
        draw::Repeat::None | draw::Repeat::Other(_) => Repeat::None,
    }
}
