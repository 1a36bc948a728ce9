//! The draw commands other than plain fills, copies and moves: with masks, patterns, and clips of many rectangles.

use capsaicin::channel::Message;
use capsaicin::channel::display::draw::{
    AlphaFlags, Brush, Clip, CompositeFlags, DisplayBase, DrawAlphaBlend, DrawComposite, DrawCopy,
    DrawFill, DrawMasked, DrawOpaque, DrawRop3, DrawStroke, DrawText, DrawTransparent, Glyph,
    GlyphString, LineAttr, LineFlags, MaskFlags, Path, PathFlags, PathSegment, Point16, PointFix,
    QMask, Rop, ScaleMode, StringFlags, Transform,
};
use capsaicin::channel::display::image::{
    Bitmap, BitmapFlags, BitmapFormat, Image, ImageData, ImageFlags, PaletteRef,
};
use capsaicin::channel::display::messages::{
    CopyBits, ServerMessage, SurfaceCreate, SurfaceFlags, SurfaceFormat,
};
use capsaicin::codec::lz;
use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::session::SessionConfig;
use capsaicin::wire::Frame;

use super::{HEIGHT, STRIDE, WIDTH, allocations, pixels, place};

/// Messages after which a session is warm: the surfaces of the test with most of them are made, and some commands drawn.
const WARM_UP: usize = SURFACES as usize + 8;

/// Surfaces beside the primary.
const SURFACES: u32 = 12;

/// Rectangles beside each other and apart, more than fit into what is kept without allocating.
fn clip<'a>() -> Clip<'a> {
    let rects = (0..40).map(|i| {
        let corner = Point::new(10 + 30 * (i % 10), 20 + 40 * (i / 10));
        Rect::at(corner.x, corner.y, Size::new(25, 30))
    });
    Clip::Rects(rects.collect())
}

fn base<'a>() -> DisplayBase<'a> {
    DisplayBase {
        surface_id: 0,
        bbox: place(),
        clip: clip(),
    }
}

fn image(data: ImageData<'_>) -> Image<'_> {
    Image {
        id: 1,
        flags: ImageFlags::empty(),
        width: WIDTH,
        height: HEIGHT,
        data,
    }
}

/// Pixels of 32 bits.
fn picture(rows: &[u8]) -> Image<'_> {
    image(ImageData::Bitmap(Bitmap {
        format: BitmapFormat::ThirtyTwoBit,
        flags: BitmapFlags::TOP_DOWN,
        stride: STRIDE as u32,
        palette: PaletteRef::None,
        rows,
    }))
}

/// The same, coded with LZ, so that it has to be decoded into a buffer.
fn coded() -> Vec<u8> {
    let (kind, mut data) = (lz::Kind::Rgb32, Vec::new());
    lz::encode(kind, WIDTH, HEIGHT, STRIDE, true, &pixels(), &mut data).unwrap();
    data
}

/// A mask of stripes in a bitmap, bottom row first.
fn mask(rows: &[u8]) -> QMask<'_> {
    QMask {
        flags: MaskFlags::INVERS,
        pos: Point::new(0, 0),
        bitmap: Some(image(ImageData::Bitmap(Bitmap {
            format: BitmapFormat::OneBitLe,
            flags: BitmapFlags::empty(),
            stride: WIDTH / 8,
            palette: PaletteRef::None,
            rows,
        }))),
    }
}

fn stripes() -> Vec<u8> {
    vec![0x5a; (WIDTH / 8 * HEIGHT) as usize]
}

fn pattern(data: &[u8]) -> Brush<'_> {
    Brush::Pattern {
        pattern: image(ImageData::LzRgb(data)),
        pos: Point::new(3, 5),
    }
}

/// Checks that a session allocates nothing for messages, whether it draws them or only notes where they would draw.
#[track_caller]
fn assert_nothing_allocates(messages: impl Iterator<Item = Frame> + Clone) {
    for draws in [true, false] {
        let config = SessionConfig {
            draws,
            // Pixels handed to the user need a buffer.
            pixels: false,
            ..SessionConfig::default()
        };
        let (counted, _) = allocations(config, WARM_UP, messages.clone());
        assert_eq!(counted.count_total, 0, "draws: {draws}, {counted:?}");
    }
}

#[track_caller]
fn assert_command_allocates_nothing(message: ServerMessage<'_>) {
    let frame = message.to_frame();
    assert_nothing_allocates(std::iter::repeat(frame));
}

#[test]
fn a_fill_through_a_clip_of_many_rectangles_allocates_no_memory_for_them() {
    assert_command_allocates_nothing(ServerMessage::DrawFill(DrawFill {
        base: base(),
        brush: Brush::Solid(7),
        rop: Rop::OP_PUT,
        mask: QMask::default(),
    }));
}

#[test]
fn a_move_through_a_clip_of_many_rectangles_allocates_no_memory_for_them() {
    assert_command_allocates_nothing(ServerMessage::CopyBits(CopyBits {
        base: base(),
        src_pos: Point::new(100, 120),
    }));
}

#[test]
fn a_fill_with_a_coded_pattern_through_a_mask_allocates_nothing() {
    let (coded, stripes) = (coded(), stripes());
    assert_command_allocates_nothing(ServerMessage::DrawFill(DrawFill {
        base: base(),
        brush: pattern(&coded),
        rop: Rop::OP_XOR,
        mask: mask(&stripes),
    }));
}

#[test]
fn whiteness_and_inversion_through_a_mask_allocate_nothing() {
    let stripes = stripes();
    let masked = || DrawMasked {
        base: base(),
        mask: mask(&stripes),
    };
    assert_command_allocates_nothing(ServerMessage::DrawWhiteness(masked()));
    assert_command_allocates_nothing(ServerMessage::DrawInvers(masked()));
}

#[test]
fn blend_through_a_mask_allocates_nothing() {
    let (coded, stripes) = (coded(), stripes());
    assert_command_allocates_nothing(ServerMessage::DrawBlend(DrawCopy {
        base: base(),
        src_bitmap: image(ImageData::LzRgb(&coded)),
        src_area: place().size().to_rect(),
        rop: Rop::OP_AND,
        scale_mode: ScaleMode::Nearest,
        mask: mask(&stripes),
    }));
}

#[test]
fn a_scaled_picture_allocates_nothing() {
    let pixels = pixels();
    for scale_mode in [ScaleMode::Nearest, ScaleMode::Interpolate] {
        assert_command_allocates_nothing(ServerMessage::DrawCopy(DrawCopy {
            base: base(),
            src_bitmap: picture(&pixels),
            src_area: Rect::new(5, 5, 200, 150),
            rop: Rop::OP_PUT,
            scale_mode,
            mask: QMask::default(),
        }));
    }
}

#[test]
fn a_brush_on_a_picture_allocates_nothing() {
    let (coded, stripes) = (coded(), stripes());
    assert_command_allocates_nothing(ServerMessage::DrawOpaque(DrawOpaque {
        base: base(),
        src_bitmap: image(ImageData::LzRgb(&coded)),
        src_area: place().size().to_rect(),
        brush: pattern(&coded),
        rop: Rop::OP_OR,
        scale_mode: ScaleMode::Nearest,
        mask: mask(&stripes),
    }));
}

#[test]
fn an_operation_of_three_with_a_pattern_and_a_mask_allocates_nothing() {
    let (coded, stripes) = (coded(), stripes());
    assert_command_allocates_nothing(ServerMessage::DrawRop3(DrawRop3 {
        base: base(),
        src_bitmap: image(ImageData::LzRgb(&coded)),
        src_area: place().size().to_rect(),
        brush: pattern(&coded),
        rop3: 0xca,
        scale_mode: ScaleMode::Nearest,
        mask: mask(&stripes),
    }));
}

#[test]
fn a_picture_except_for_one_colour_allocates_nothing() {
    let pixels = pixels();
    assert_command_allocates_nothing(ServerMessage::DrawTransparent(DrawTransparent {
        base: base(),
        src_bitmap: picture(&pixels),
        src_area: place().size().to_rect(),
        src_color: 0,
        true_color: 0x12_3456,
    }));
}

#[test]
fn a_picture_blended_over_the_surface_allocates_nothing_scaled_or_not() {
    let pixels = pixels();
    for src_area in [place().size().to_rect(), Rect::new(5, 5, 200, 150)] {
        assert_command_allocates_nothing(ServerMessage::DrawAlphaBlend(DrawAlphaBlend {
            base: base(),
            alpha_flags: AlphaFlags::empty(),
            alpha: 100,
            src_bitmap: picture(&pixels),
            src_area,
        }));
    }
}

#[test]
fn a_composition_allocates_nothing_transformed_or_not() {
    let (pixels, coded) = (pixels(), coded());
    let half = Transform {
        t00: 0x8000,
        t01: 0,
        t02: 0,
        t10: 0,
        t11: 0x8000,
        t12: 0,
    };
    for src_transform in [None, Some(half)] {
        // 3: source over destination.
        assert_command_allocates_nothing(ServerMessage::DrawComposite(DrawComposite {
            base: base(),
            flags: CompositeFlags(3),
            src_bitmap: picture(&pixels),
            mask_bitmap: Some(image(ImageData::LzRgb(&coded))),
            src_transform,
            mask_transform: None,
            src_origin: Point16 { x: 0, y: 0 },
            mask_origin: Point16 { x: 0, y: 0 },
        }));
    }
}

/// Forty lines: a polyline and curves.
fn path() -> Path<'static> {
    let point = |i: i32| PointFix {
        x: 16 * (10 + 7 * i),
        y: 16 * (20 + (37 * i) % 150),
    };
    let segment = |flags: PathFlags, count| PathSegment {
        flags: flags | PathFlags::BEGIN | PathFlags::END,
        points: (0..count).map(point).collect(),
    };
    let segments = [
        segment(PathFlags::empty(), 40),
        segment(PathFlags::BEZIER, 31),
    ];
    Path {
        segments: segments.into_iter().collect(),
    }
}

fn stroke(attr: LineAttr<'static>, clip: Clip<'static>) -> ServerMessage<'static> {
    ServerMessage::DrawStroke(DrawStroke {
        base: DisplayBase { clip, ..base() },
        path: path(),
        attr,
        brush: Brush::Solid(0xff_8040),
        fore_mode: Rop::OP_XOR,
        back_mode: Rop::OP_PUT,
    })
}

#[test]
fn solid_lines_allocate_nothing_clipped_or_not() {
    for clip in [Clip::None, clip()] {
        assert_command_allocates_nothing(stroke(LineAttr::default(), clip));
    }
}

#[test]
fn dashed_lines_allocate_nothing_clipped_or_not() {
    for clip in [Clip::None, clip()] {
        let attr = LineAttr {
            flags: LineFlags::START_WITH_GAP,
            style: vec![64, 32, 16, 32].into(),
        };
        assert_command_allocates_nothing(stroke(attr, clip));
    }
}

#[test]
fn text_of_every_coverage_allocates_nothing() {
    let coded = coded();
    let kinds = [
        (StringFlags::RASTER_A1, 1),
        (StringFlags::RASTER_A4, 4),
        (StringFlags::RASTER_A8, 8),
    ];
    for (flags, bits) in kinds {
        let row: usize = (9 * bits as usize).div_ceil(8);
        let rows = vec![0xa5; row * 14];
        let glyph = |i: i32| Glyph {
            render_pos: Point::new(12 + 10 * (i % 30), 40 + 16 * (i / 30)),
            origin: Point::new(0, -3),
            width: 9,
            height: 14,
            data: &rows,
        };
        assert_command_allocates_nothing(ServerMessage::DrawText(DrawText {
            base: base(),
            string: GlyphString {
                flags,
                glyphs: (0..100).map(glyph).collect(),
            },
            back_area: Rect::new(12, 30, 300, 90),
            fore_brush: pattern(&coded),
            back_brush: Brush::Solid(0x20_2020),
            fore_mode: Rop::OP_PUT,
            back_mode: Rop::OP_PUT,
        }));
    }
}

#[test]
fn a_picture_of_one_of_many_surfaces_allocates_nothing() {
    let surfaces = (1..=SURFACES).map(|surface_id| {
        ServerMessage::SurfaceCreate(SurfaceCreate {
            surface_id,
            width: WIDTH,
            height: HEIGHT,
            format: SurfaceFormat::Xrgb,
            flags: SurfaceFlags::empty(),
        })
    });
    let draws = (1..=SURFACES).cycle().map(|surface| {
        ServerMessage::DrawCopy(DrawCopy {
            base: base(),
            src_bitmap: image(ImageData::Surface(surface)),
            src_area: place().size().to_rect(),
            rop: Rop::OP_PUT,
            scale_mode: ScaleMode::Nearest,
            mask: QMask::default(),
        })
    });
    let messages = surfaces.chain(draws);
    assert_nothing_allocates(messages.map(|message| message.to_frame()));
}
