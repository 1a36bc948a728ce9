//! Executes the commands that mix pictures with what is on the surface: ROP3, TRANSPARENT, ALPHA_BLEND, COMPOSITE.

use super::{Operand, Reads, brush_image, scale};
use crate::canvas::{
    Composite, Cutout, Filter, Operator, Repeat, Rop3, ScaleMode, Source, Texture, Transform,
};
use crate::channel::Cx;
use crate::channel::display::client::Client;
use crate::channel::display::draw::{
    self, AlphaFlags, CompositeFlags, DrawAlphaBlend, DrawComposite, DrawRop3, DrawTransparent,
    Point16,
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
        result
    }

    pub(in super::super) fn on_transparent(
        &mut self,
        draw: &DrawTransparent<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<(), ImageError> {
        let (source, reads) = self.only_operand(&draw.src_bitmap, cx)?;
        let result = self.draw(&draw.base, &None, &reads, |surface, area, views, damage| {
            let cutout = cutout(&source, views, draw.src_area, ScaleMode::Nearest)?;
            surface
                .transparent(area, &cutout, draw.true_color, damage)
                .map_err(|e| e.to_string())
        });
        self.recycle(source);
        result
    }

    pub(in super::super) fn on_alpha_blend(
        &mut self,
        draw: &DrawAlphaBlend<'_>,
        cx: &mut Cx<'_>,
    ) -> Result<(), ImageError> {
        let (source, reads) = self.only_operand(&draw.src_bitmap, cx)?;
        let flags = draw.alpha_flags;
        let result = self.draw(&draw.base, &None, &reads, |surface, area, views, damage| {
            let mut cutout = cutout(&source, views, draw.src_area, ScaleMode::Nearest)?;
            if flags.contains(AlphaFlags::SRC_SURFACE_HAS_ALPHA) {
                cutout.source = cutout.source.with_alpha();
            }
            surface
                .alpha_blend(area, &cutout, draw.alpha, damage)
                .map_err(|e| e.to_string())
        });
        self.recycle(source);
        result
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

    /// The picture operand of a command that has no other.
    fn only_operand<'a>(
        &mut self,
        image: &Image<'a>,
        cx: &mut Cx<'_>,
    ) -> Result<(Operand<'a>, Reads), ImageError> {
        self.check_ready(&[Some(image)], cx)?;
        let mut reads = Reads::new();
        let operand = self.operand(image, &mut reads, cx)?;
        Ok((operand, reads))
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
