//! Message layouts: bytes from the protocol description and from real sessions ↔ values.

use std::cell::RefCell;
use std::collections::BTreeSet;

use capsaicin::channel::display::draw::{
    AlphaFlags, Brush, Clip, CompositeFlags, DisplayBase, DrawAlphaBlend, DrawComposite, DrawCopy,
    DrawFill, DrawMasked, DrawOpaque, DrawRop3, DrawStroke, DrawText, DrawTransparent, Filter,
    Glyph, GlyphString, LineAttr, LineFlags, MaskFlags, Path, PathFlags, PathSegment, Point16,
    PointFix, QMask, Repeat, Rop, ScaleMode, StringFlags, Transform,
};
use capsaicin::channel::display::image::{
    Bitmap, BitmapFlags, BitmapFormat, Image, ImageData, ImageFlags, JpegAlpha, JpegAlphaFlags,
    LzPlt, Palette, PaletteRef, ZlibGlz,
};
use capsaicin::channel::display::messages::{
    ClientMessage as DisplayClient, CopyBits, Head, ImageCompression, MonitorsConfig, Resource,
    ResourceType, ServerMessage as Display, StreamCreate, StreamDataSized, StreamFlags,
    SurfaceCreate, SurfaceFlags, SurfaceFormat, VideoCodec,
};
use capsaicin::channel::inputs::messages::ClientMessage as InputsClient;
use capsaicin::channel::inputs::{Button, Buttons};
use capsaicin::channel::{ChannelId, ChannelKind, Message};
use capsaicin::geometry::{Point, Rect};
use capsaicin::wire::{Decode, DecodeErrorKind, List, Reader, Trace, Value, Writer};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::messages::{Way, decode, fixtures};

/// The body of one fixture.
fn body(name: &str) -> Vec<u8> {
    let found = fixtures().into_iter().find(|f| f.name == name);
    found.unwrap_or_else(|| panic!("no fixture {name}")).body
}

// Every layout, over all fixtures.

#[test]
fn every_message_of_these_channels_has_a_fixture() {
    let has: BTreeSet<(u8, u16)> = fixtures().iter().map(|f| (f.way as u8, f.number)).collect();
    let mut numbers = Vec::new();
    numbers.extend([101..=108, 122..=126, 302..=322].map(|range| (Way::DisplayServer, range)));
    numbers.push((Way::DisplayClient, 101..=105));
    numbers.extend([101..=102, 111..=111].map(|range| (Way::InputsServer, range)));
    numbers.extend([101..=104, 111..=114].map(|range| (Way::InputsClient, range)));
    numbers.push((Way::CursorServer, 101..=108));
    numbers.push((Way::PlaybackServer, 101..=107));
    numbers.push((Way::RecordServer, 101..=104));
    numbers.push((Way::RecordClient, 101..=103));
    numbers.extend([101..=102, 201..=202].map(|range| (Way::PortServer, range)));
    numbers.extend([101..=102, 201..=201].map(|range| (Way::PortClient, range)));
    let expected: BTreeSet<(u8, u16)> = numbers
        .into_iter()
        .flat_map(|(way, range)| range.map(move |number| (way as u8, number)))
        .collect();
    assert_eq!(has, expected);
}

#[test]
fn every_message_reads_and_writes_to_the_same_bytes() {
    for fixture in fixtures() {
        let message = decode(fixture.way, fixture.number, &fixture.body).unwrap();
        assert_eq!(message.name(), fixture.message, "{}", fixture.name);
        assert_eq!(message.encode(), fixture.body, "{}", fixture.name);
    }
}

/// Messages whose last field runs to the end of the body, so that there is no such thing as a trailing byte.
const OPEN_ENDED: [&str; 7] = [
    "INIT",
    "SET",
    "KEY_SCANCODE",
    "QUALITY_INDICATOR",
    "DATA",
    "COMPRESSED_DATA",
    "MODE",
];

#[test]
fn bytes_after_the_last_field_are_ignored() {
    let closed = |message: &str, way| {
        !OPEN_ENDED.contains(&message)
            || (message == "INIT" && way != Way::CursorServer)
            || (message == "MODE" && way == Way::DisplayServer)
    };
    for fixture in fixtures().iter().filter(|f| closed(&f.message, f.way)) {
        let longer = [&fixture.body, [0xaa; 9].as_slice()].concat();
        assert_eq!(
            decode(fixture.way, fixture.number, &longer).unwrap(),
            decode(fixture.way, fixture.number, &fixture.body).unwrap(),
            "{}",
            fixture.name
        );
    }
}

#[test]
fn every_truncation_names_the_field_that_is_cut() {
    for fixture in fixtures() {
        for len in 0..fixture.body.len() {
            let cut = &fixture.body[..len];
            let context = || format!("{} cut to {len}", fixture.name);
            match decode(fixture.way, fixture.number, cut) {
                Ok(_) => assert!(
                    OPEN_ENDED.contains(&fixture.message.as_str()),
                    "{}",
                    context()
                ),
                Err(error) => {
                    assert_eq!(error.message, fixture.message, "{}", context());
                    assert!(!error.field.is_empty(), "{}", context());
                    assert!(error.at <= len, "{}: {error}", context());
                    assert!(
                        matches!(
                            error.kind,
                            DecodeErrorKind::Truncated { .. } | DecodeErrorKind::BadPointer { .. }
                        ),
                        "{}: {error}",
                        context()
                    );
                }
            }
        }
    }
}

// Values, from the protocol description and from what an independent reader found in real sessions.

fn display(body: &[u8], number: u16) -> Display<'_> {
    Display::decode(number, body).unwrap()
}

macro_rules! fixture {
    ($body:ident, $name:literal, $number:literal, $variant:ident($value:ident)) => {
        let $body = body($name);
        let Display::$variant($value) = display(&$body, $number) else {
            panic!("{}", $name)
        };
    };
}

#[test]
fn a_fill_has_a_box_a_brush_and_a_rop() {
    fixture!(
        bytes,
        "display-server-302-draw_fill-spec-1",
        302,
        DrawFill(fill)
    );
    let expected = DrawFill {
        base: DisplayBase {
            surface_id: 0,
            bbox: Rect::new(1, 1, 5, 3),
            clip: Clip::None,
        },
        brush: Brush::Solid(0x00ff_8000),
        rop: Rop::OP_PUT,
        mask: QMask::default(),
    };
    assert_eq!(fill, expected);

    fixture!(bytes, "display-server-302-draw_fill-6", 302, DrawFill(fill));
    assert_eq!(fill.base.bbox, Rect::new(618, 8, 626, 48));
    assert_eq!(fill.brush, Brush::Solid(0x00f0_7030));
    assert_eq!(fill.rop, Rop::INVERS_BRUSH | Rop::OP_XOR);
}

#[test]
fn a_clip_lists_its_rectangles_and_may_list_none() {
    fixture!(bytes, "display-server-104-copy_bits-2", 104, CopyBits(copy));
    assert_eq!(copy.base.bbox, Rect::new(75, 30, 375, 130));
    let clip = [
        Rect::new(75, 30, 172, 105),
        Rect::new(175, 55, 272, 130),
        Rect::new(275, 30, 372, 105),
    ];
    assert_eq!(copy.base.clip.rects(), Some(&clip.into_iter().collect()));
    assert_eq!(copy.src_pos, Point::new(100, 30));

    fixture!(
        bytes,
        "display-server-302-draw_fill-spec-3",
        302,
        DrawFill(fill)
    );
    assert_eq!(fill.base.clip, Clip::Rects(List::default()));
    assert_eq!(fill.brush, Brush::None);
    assert_eq!(fill.rop, Rop::empty());
}

#[test]
fn a_pattern_brush_carries_an_image_and_its_anchor() {
    fixture!(
        bytes,
        "display-server-302-draw_fill-12",
        302,
        DrawFill(fill)
    );
    let Brush::Pattern { pattern, pos } = fill.brush else {
        panic!()
    };
    assert_eq!(pos, Point::new(240, 0));
    assert_eq!((pattern.width, pattern.height), (16, 12));
    assert_eq!(pattern.id, 0x2_0000_0000);
    let ImageData::Bitmap(bitmap) = pattern.data else {
        panic!()
    };
    assert_eq!(bitmap.format, BitmapFormat::OneBitBe);
    assert_eq!(
        bitmap.flags,
        BitmapFlags::PAL_CACHE_ME | BitmapFlags::TOP_DOWN
    );
    assert_eq!((bitmap.stride, bitmap.rows.len()), (4, 48));
    let PaletteRef::Inline(palette) = bitmap.palette else {
        panic!()
    };
    assert_eq!(palette.colors().len(), 2);
}

#[test]
fn a_mask_is_an_image_that_may_be_inverted() {
    fixture!(
        bytes,
        "display-server-307-draw_whiteness",
        307,
        DrawWhiteness(fill)
    );
    assert_eq!(fill.base.bbox, Rect::new(442, 70, 472, 100));
    assert_eq!(fill.mask.flags, MaskFlags::INVERS);
    let mask = fill.mask.bitmap.unwrap();
    assert_eq!((mask.width, mask.height), (30, 30));
    let ImageData::Bitmap(bitmap) = mask.data else {
        panic!()
    };
    assert_eq!(bitmap.stride, 4);
    assert_eq!(bitmap.palette, PaletteRef::Cached(0x7022));
}

#[test]
fn a_copy_carries_pixels_and_a_palette() {
    fixture!(
        bytes,
        "display-server-304-draw_copy-spec-2",
        304,
        DrawCopy(copy)
    );
    assert_eq!(copy.src_area, Rect::new(0, 0, 4, 2));
    assert_eq!(copy.scale_mode, ScaleMode::Nearest);
    let ImageData::Bitmap(bitmap) = copy.src_bitmap.data else {
        panic!()
    };
    assert_eq!(bitmap.rows, [0, 1, 2, 1, 2, 2, 0, 0]);
    let PaletteRef::Inline(palette) = bitmap.palette else {
        panic!()
    };
    assert_eq!(palette.unique, 0x1122_3344_5566_7788);
    assert!(palette.colors().eq([0x11_1111, 0x22_2222, 0x33_3333]));
    assert_eq!(palette.color(2), 0x33_3333);
    assert_eq!(palette.color(3), 0, "beyond the last");
}

#[test]
fn targets_of_targets_follow_all_direct_targets() {
    fixture!(
        bytes,
        "display-server-304-draw_copy-spec-4",
        304,
        DrawCopy(copy)
    );
    let mask = copy.mask.bitmap.unwrap();
    assert_eq!((copy.mask.pos, mask.id), (Point::new(2, 1), 1));
    let ImageData::Bitmap(source) = copy.src_bitmap.data else {
        panic!()
    };
    assert_eq!(source.rows, [0x80]);
    let PaletteRef::Inline(palette) = source.palette else {
        panic!()
    };
    assert!(palette.colors().eq([0, 0xff_ffff]));
}

#[test]
fn images_of_every_kind_are_told_apart() {
    let source = |name: &str| {
        let bytes = body(name);
        let Display::DrawCopy(copy) = display(&bytes, 304) else {
            panic!("{name}")
        };
        let image = copy.src_bitmap;
        (
            image.data.name(),
            image.width,
            image.height,
            image.id >> 32,
            image.data.coded_bytes(),
        )
    };
    let found = [1, 2, 3, 4, 6, 7, 8, 15, 18, 20, 23, 25]
        .map(|n| source(&format!("display-server-304-draw_copy-{n}")));
    assert_eq!(
        found,
        [
            ("FROM_CACHE", 100, 80, 0x16, 0),
            ("FROM_CACHE_LOSSLESS", 120, 90, 2, 0),
            ("SURFACE", 150, 100, 0x21, 0),
            ("BITMAP", 7, 1, 0, 28),
            ("LZ_RGB", 19, 14, 0xf, 75),
            ("ZLIB_GLZ_RGB", 37, 66, 0xa, 103),
            ("GLZ_RGB", 76, 56, 0x1a, 116),
            ("LZ_PLT", 128, 96, 0x22, 208),
            ("QUIC", 20, 15, 0x14, 500),
            ("LZ4", 200, 150, 6, 868),
            ("JPEG", 120, 90, 1, 2009),
            ("JPEG_ALPHA", 124, 154, 7, 2571),
        ]
    );
}

#[test]
fn the_parts_of_compound_images_are_cut_where_their_sizes_say() {
    fixture!(
        bytes,
        "display-server-304-draw_copy-25",
        304,
        DrawCopy(copy)
    );
    let ImageData::JpegAlpha(both) = copy.src_bitmap.data else {
        panic!()
    };
    assert_eq!(both.flags, JpegAlphaFlags::TOP_DOWN);
    assert_eq!((both.jpeg.len(), both.alpha.len()), (2334, 2571 - 2334));
    assert_eq!(both.jpeg[..3], [0xff, 0xd8, 0xff], "start of a JPEG");
    assert_eq!(both.jpeg[2332..], [0xff, 0xd9], "end of a JPEG");
    assert_eq!(both.alpha[..4], *b"  ZL", "start of an LZ stream");

    fixture!(bytes, "display-server-304-draw_copy-7", 304, DrawCopy(copy));
    let ImageData::ZlibGlzRgb(zlib) = copy.src_bitmap.data else {
        panic!()
    };
    assert_eq!((zlib.glz_data_size, zlib.data[0]), (146, 0x78));

    fixture!(
        bytes,
        "display-server-304-draw_copy-15",
        304,
        DrawCopy(copy)
    );
    assert_eq!(copy.src_bitmap.flags, ImageFlags::CACHE_ME);
    let ImageData::LzPlt(lz) = copy.src_bitmap.data else {
        panic!()
    };
    assert_eq!(lz.flags, BitmapFlags::PAL_CACHE_ME | BitmapFlags::TOP_DOWN);
    let PaletteRef::Inline(palette) = lz.palette else {
        panic!()
    };
    assert_eq!((palette.unique, palette.colors().len()), (0x7043, 16));

    fixture!(bytes, "display-server-304-draw_copy-3", 304, DrawCopy(copy));
    assert_eq!(copy.src_bitmap.data, ImageData::Surface(1));
    assert_eq!(copy.base.bbox, Rect::new(20, 435, 95, 475));
}

#[test]
fn the_other_draw_commands_have_their_operands_in_place() {
    fixture!(
        bytes,
        "display-server-303-draw_opaque",
        303,
        DrawOpaque(opaque)
    );
    assert_eq!(opaque.src_area, Rect::new(0, 0, 38, 28));
    assert_eq!(
        (opaque.rop, opaque.scale_mode),
        (Rop::OP_XOR, ScaleMode::Nearest)
    );
    assert!(matches!(
        opaque.brush,
        Brush::Pattern {
            pos: Point { x: 240, y: 60 },
            ..
        }
    ));

    fixture!(
        bytes,
        "display-server-309-draw_rop3-15",
        309,
        DrawRop3(rop3)
    );
    assert_eq!((rop3.rop3, rop3.brush), (0x1a, Brush::Solid(0x00f0_a030)));
    assert_eq!(rop3.mask.bitmap.unwrap().id, 0x12_0000_0000);

    fixture!(
        bytes,
        "display-server-312-draw_transparent-2",
        312,
        DrawTransparent(copy)
    );
    assert_eq!((copy.src_color, copy.true_color), (0xff, 0xff));
    assert_eq!(copy.src_area, Rect::new(0, 0, 76, 56));

    fixture!(
        bytes,
        "display-server-313-draw_alpha_blend-1",
        313,
        DrawAlphaBlend(blend)
    );
    assert_eq!((blend.alpha_flags, blend.alpha), (AlphaFlags::empty(), 255));
    assert_eq!(blend.src_bitmap.data.name(), "GLZ_RGB");
}

#[test]
fn a_stroke_has_a_path_and_perhaps_dashes() {
    fixture!(
        bytes,
        "display-server-310-draw_stroke-2",
        310,
        DrawStroke(stroke)
    );
    assert_eq!(
        stroke.attr.flags,
        LineFlags::START_WITH_GAP | LineFlags::STYLED
    );
    assert_eq!(stroke.attr.style, List::from(vec![96, 64, 32, 64]));
    assert_eq!(stroke.brush, Brush::Solid(0x00a0_78d0));
    assert_eq!(
        (stroke.fore_mode, stroke.back_mode),
        (Rop::OP_PUT, Rop::OP_PUT)
    );
    let segments: Vec<PathSegment<'_>> = stroke.path.segments.iter().collect();
    let [segment] = segments.as_slice() else {
        panic!()
    };
    assert_eq!(
        segment.flags,
        PathFlags::BEGIN | PathFlags::END | PathFlags::CLOSE
    );
    let corners = [(5280, 2080), (6176, 2080), (6176, 2656), (5280, 2656)];
    let corners = corners.map(|(x, y)| PointFix { x, y });
    assert_eq!(segment.points, corners.into_iter().collect());

    fixture!(
        bytes,
        "display-server-310-draw_stroke-3",
        310,
        DrawStroke(stroke)
    );
    assert_eq!(stroke.attr, LineAttr::default());
    assert_eq!(
        stroke.path.segments.iter().next().unwrap().flags,
        PathFlags::BEGIN | PathFlags::END | PathFlags::BEZIER
    );
}

#[test]
fn text_is_glyphs_of_one_two_or_eight_bits() {
    fixture!(
        bytes,
        "display-server-311-draw_text-spec",
        311,
        DrawText(text)
    );
    let glyph = Glyph {
        render_pos: Point::new(2, 4),
        origin: Point::new(0, -3),
        width: 10,
        height: 3,
        data: &[0xff, 0xc0, 0x80, 0x40, 0xaa, 0x80],
    };
    assert_eq!(text.string.glyphs, List::from(vec![glyph]));
    assert_eq!(text.fore_brush, Brush::Solid(0x00ff_8040));
    assert_eq!(text.back_brush, Brush::None);
    assert_eq!(
        (text.fore_mode, text.back_mode),
        (Rop::OP_PUT, Rop::empty())
    );

    fixture!(bytes, "display-server-311-draw_text-2", 311, DrawText(text));
    assert_eq!(text.string.flags, StringFlags::RASTER_A4);
    let first = text.string.glyphs.iter().next().unwrap();
    assert_eq!(
        (first.render_pos, first.origin),
        (Point::new(248, 214), Point::new(0, -15))
    );
    assert_eq!(first.data.len(), 5 * 15, "10 pixels of 4 bits, 15 rows");
    assert_eq!(text.string.glyphs.len(), 5);

    fixture!(bytes, "display-server-311-draw_text-3", 311, DrawText(text));
    assert_eq!(text.string.flags, StringFlags::RASTER_A8);
    assert_eq!(text.back_area, Rect::new(84, 192, 154, 226));
    assert_eq!(text.back_brush, Brush::Solid(0x00ff_d080));
}

#[test]
fn a_composition_has_what_its_flags_say() {
    fixture!(
        bytes,
        "display-server-318-draw_composite-spec",
        318,
        DrawComposite(both)
    );
    assert_eq!(both.flags.operator(), 3);
    assert_eq!(both.src_bitmap.data, ImageData::Surface(1));
    assert_eq!(both.mask_bitmap.unwrap().data, ImageData::Surface(2));
    assert_eq!(both.src_transform.unwrap().t11, 0x10000);
    assert_eq!(both.mask_transform, None);
    assert_eq!(both.src_origin, Point16 { x: 1, y: 2 });
    assert_eq!(both.mask_origin, Point16 { x: 3, y: 4 });

    fixture!(
        bytes,
        "display-server-318-draw_composite-1",
        318,
        DrawComposite(sheared)
    );
    let transform = Transform {
        t00: 32768,
        t01: 8192,
        t02: 0,
        t10: 0,
        t11: 32768,
        t12: 65536,
    };
    assert_eq!(sheared.src_transform, Some(transform));
    assert_eq!(
        (sheared.flags.src_filter(), sheared.flags.src_repeat()),
        (Filter::Good, Repeat::None)
    );

    fixture!(
        bytes,
        "display-server-318-draw_composite-2",
        318,
        DrawComposite(masked)
    );
    assert_eq!(masked.mask_bitmap.unwrap().data.name(), "LZ_RGB");
}

#[test]
fn surfaces_come_with_size_format_and_purpose() {
    fixture!(
        bytes,
        "display-server-314-surface_create-spec",
        314,
        SurfaceCreate(create)
    );
    let expected = SurfaceCreate {
        surface_id: 0,
        width: 720,
        height: 400,
        format: SurfaceFormat::Xrgb,
        flags: SurfaceFlags::PRIMARY,
    };
    assert_eq!(create, expected);
    fixture!(
        bytes,
        "display-server-314-surface_create-4",
        314,
        SurfaceCreate(create)
    );
    assert_eq!((create.surface_id, create.format), (2, SurfaceFormat::Argb));
    fixture!(
        bytes,
        "display-server-314-surface_create-1",
        314,
        SurfaceCreate(create)
    );
    assert_eq!(create.format, SurfaceFormat::Rgb555);
}

#[test]
fn monitors_are_rectangles_of_the_primary() {
    fixture!(
        bytes,
        "display-server-317-monitors_config-2",
        317,
        MonitorsConfig(config)
    );
    let head = |monitor_id, x| Head {
        monitor_id,
        surface_id: 0,
        width: 320,
        height: 480,
        x,
        y: 0,
        flags: 0,
    };
    assert_eq!(config.max_allowed, 4);
    assert_eq!(config.heads, [head(0, 0), head(1, 320)]);
}

#[test]
fn streams_begin_with_a_codec_and_a_place() {
    fixture!(
        bytes,
        "display-server-122-stream_create-2",
        122,
        StreamCreate(stream)
    );
    assert_eq!(
        (stream.id, stream.codec, stream.flags),
        (49, VideoCodec::Vp8, StreamFlags::TOP_DOWN)
    );
    assert_eq!((stream.stream_width, stream.stream_height), (160, 120));
    assert_eq!(stream.dest, Rect::new(350, 20, 510, 140));
    assert_eq!(stream.clip, Clip::None);

    fixture!(
        bytes,
        "display-server-316-stream_data_sized",
        316,
        StreamDataSized(frame)
    );
    assert_eq!((frame.id, frame.width, frame.height), (49, 184, 138));
    assert_eq!(frame.dest, Rect::new(340, 12, 524, 150));
    assert_eq!(frame.data.len(), 0x9b3);

    fixture!(
        bytes,
        "display-server-124-stream_clip",
        124,
        StreamClip(clip)
    );
    let visible = [Rect::new(350, 20, 510, 100), Rect::new(350, 100, 470, 140)];
    assert_eq!(clip.clip.rects(), Some(&visible.into_iter().collect()));

    fixture!(
        bytes,
        "display-server-319-stream_activate_report",
        319,
        StreamActivateReport(ask)
    );
    assert_eq!(
        (ask.unique_id, ask.max_window_size, ask.timeout_ms),
        (0x74b0_dc51, 5, 1000)
    );
}

#[test]
fn caches_are_told_what_to_forget() {
    fixture!(bytes, "display-server-105-inval_list", 105, InvalList(list));
    assert_eq!(
        list.resources,
        [Resource {
            kind: ResourceType::Pixmap,
            id: 1 << 32
        }]
    );

    fixture!(
        bytes,
        "display-server-106-inval_all_pixmaps",
        106,
        InvalAllPixmaps(waits)
    );
    let waits: Vec<_> = waits.waits.iter().map(|w| (w.channel, w.serial)).collect();
    let display = |id| ChannelId::new(ChannelKind::Display, id);
    assert_eq!(waits, [(display(0), 5), (display(1), 7)]);
}

#[test]
fn a_client_says_what_it_can_keep_and_prefers() {
    let bytes = body("display-client-101-init");
    let Ok(DisplayClient::Init(init)) = DisplayClient::decode(101, &bytes) else {
        panic!()
    };
    assert_eq!(
        (init.pixmap_cache_id, init.pixmap_cache_size),
        (1, 20 << 20)
    );
    assert_eq!(
        (init.glz_dictionary_id, init.glz_dictionary_window_size),
        (1, 3 << 20)
    );

    let bytes = body("display-client-102-stream_report");
    let Ok(DisplayClient::StreamReport(report)) = DisplayClient::decode(102, &bytes) else {
        panic!()
    };
    assert_eq!(
        (report.stream_id, report.num_frames, report.num_drops),
        (49, 5, 0)
    );
    assert_eq!(
        (report.last_frame_delay, report.audio_delay),
        (416, u32::MAX)
    );

    let bytes = body("display-client-103-preferred_compression");
    let Ok(DisplayClient::PreferredCompression(wish)) = DisplayClient::decode(103, &bytes) else {
        panic!()
    };
    assert_eq!(wish.image_compression, ImageCompression::Quic);

    let bytes = body("display-client-105-preferred_video_codec_type");
    let Ok(DisplayClient::PreferredVideoCodecType(wish)) = DisplayClient::decode(105, &bytes)
    else {
        panic!()
    };
    assert_eq!(
        wish.codecs,
        [VideoCodec::Vp9, VideoCodec::Vp8, VideoCodec::Other(0x63)]
    );
}

#[test]
fn keyboard_and_mouse_are_written_as_the_protocol_description_says() {
    let sent = [
        "inputs-client-102-key_up",
        "inputs-client-111-mouse_motion",
        "inputs-client-112-mouse_position",
        "inputs-client-113-mouse_press",
    ]
    .map(body);
    let decode = |number, i: usize| InputsClient::decode(number, &sent[i]).unwrap();
    let InputsClient::KeyUp(key) = decode(102, 0) else {
        panic!()
    };
    assert_eq!(key.code, 0xcde0);
    let InputsClient::MouseMotion(motion) = decode(111, 1) else {
        panic!()
    };
    assert_eq!(
        (motion.dx, motion.dy, motion.buttons),
        (-1, 2, Buttons::LEFT)
    );
    let InputsClient::MousePosition(position) = decode(112, 2) else {
        panic!()
    };
    assert_eq!((position.x, position.y, position.display_id), (640, 480, 1));
    let InputsClient::MousePress(press) = decode(113, 3) else {
        panic!()
    };
    assert_eq!(
        (press.button, press.buttons),
        (Button::Right, Buttons::RIGHT)
    );
}

// What is refused, and how it is said.

/// The error about a fixture whose byte at `at` is changed to `value`.
fn refusal(name: &str, number: u16, at: usize, value: u8) -> String {
    let mut bytes = body(name);
    bytes[at] = value;
    Display::decode(number, &bytes).unwrap_err().to_string()
}

#[test]
fn what_nobody_could_draw_is_refused_with_the_name_of_the_field() {
    let fill = "display-server-302-draw_fill-spec-1";
    let copy = "display-server-304-draw_copy-spec-1";
    let text = "display-server-311-draw_text-spec";
    let dashes = "display-server-310-draw_stroke-2";
    let create = "display-server-314-surface_create-spec";
    let stream = "display-server-122-stream_create-1";
    let expected = [
        (
            refusal(fill, 302, 0x14, 2),
            "DRAW_FILL: base.clip.type at byte 20: 2 is not a known value",
        ),
        (
            refusal(fill, 302, 0x15, 9),
            "DRAW_FILL: brush.type at byte 21: 9 is not a known value",
        ),
        (
            refusal(copy, 304, 0x15, 0),
            "DRAW_COPY: src_bitmap at byte 21: is null",
        ),
        (
            refusal(copy, 304, 0x16, 1),
            "DRAW_COPY: src_bitmap at byte 21: points to 313 in a body of 109 bytes",
        ),
        (
            refusal(copy, 304, 0x2b, 2),
            "DRAW_COPY: scale_mode at byte 43: 2 is not a known value",
        ),
        (
            refusal(copy, 304, 0x41, 2),
            "DRAW_COPY: src_bitmap.type at byte 65: 2 is not a known value",
        ),
        (
            refusal(copy, 304, 0x4b, 11),
            "DRAW_COPY: src_bitmap.format at byte 75: 11 is not a known value",
        ),
        (
            refusal(copy, 304, 0x51, 3),
            "DRAW_COPY: src_bitmap.y at byte 81: 3 differs from the image's 2",
        ),
        (
            refusal(copy, 304, 0x55, 7),
            "DRAW_COPY: src_bitmap.stride at byte 85: 7 is less than one row (8)",
        ),
        (
            refusal(copy, 304, 0x55, 9),
            "DRAW_COPY: src_bitmap.data at byte 93: needs 18 bytes, 16 left",
        ),
        (
            refusal(text, 311, 0x35, 8),
            "DRAW_TEXT: string.flags at byte 53: RASTER_TOP_DOWN names no kind of glyph",
        ),
        (
            refusal(text, 311, 0x35, 4),
            "DRAW_TEXT: string.glyphs.data at byte 74: needs 30 bytes, 6 left",
        ),
        (
            refusal(dashes, 310, 0x1a, 0),
            "DRAW_STROKE: attr.style_nseg at byte 26: 0 dashes in a dashed line",
        ),
        (
            refusal(create, 314, 12, 33),
            "SURFACE_CREATE: format at byte 12: 33 is not a known value",
        ),
        (
            refusal(stream, 122, 9, 6),
            "STREAM_CREATE: codec at byte 9: 6 is not a known value",
        ),
    ];
    for (found, expected) in expected {
        assert_eq!(found, expected);
    }
}

#[test]
fn counts_are_held_against_the_bytes_that_are_left_before_anything_is_allocated() {
    let mut clip = body("display-server-302-draw_fill-spec-2");
    clip[0x15..0x19].fill(0xff);
    let mut path = body("display-server-310-draw_stroke-spec");
    path[0x23..0x27].fill(0xff);
    let mut points = body("display-server-310-draw_stroke-spec");
    points[0x28..0x2c].fill(0xff);
    let mut jpeg = body("display-server-304-draw_copy-25");
    jpeg[0x4c..0x50].fill(0xff);
    let errors = [(302, clip), (310, path), (310, points), (304, jpeg)]
        .map(|(number, bytes)| Display::decode(number, &bytes).unwrap_err().to_string());
    assert_eq!(
        errors,
        [
            "DRAW_FILL: base.clip.rects at byte 25: needs 68719476720 bytes, 52 left",
            "DRAW_STROKE: path.segments at byte 39: needs 21474836475 bytes, 29 left",
            "DRAW_STROKE: path.segments.points at byte 44: needs 34359738360 bytes, 24 left",
            "DRAW_COPY: src_bitmap.data_size at byte 80: 2571 is less than jpeg_size (4294967295)",
        ]
    );
}

#[test]
fn flag_bits_nobody_knows_are_carried_along() {
    let mut bytes = body("display-server-304-draw_copy-spec-1");
    bytes[0x42] = 0xf0;
    let message = display(&bytes, 304);
    assert_eq!(message.to_frame().body, bytes);
}

#[test]
fn two_pointers_may_lead_to_one_image() {
    let mut bytes = body("display-server-318-draw_composite-spec");
    bytes[0x1d] = 0x41;
    let Display::DrawComposite(both) = display(&bytes, 318) else {
        panic!()
    };
    assert_eq!(Some(both.src_bitmap), both.mask_bitmap);
}

// Traces.

/// Reads a body and gives the fields that were read.
macro_rules! trace {
    ($type:ty, $body:expr) => {{
        let trace = RefCell::<Trace>::default();
        let mut reader = Reader::new("TEST", $body).with_trace(&trace);
        <$type>::decode(&mut reader).unwrap();
        drop(reader);
        trace.into_inner()
    }};
}

#[test]
fn a_trace_names_every_field_by_its_path() {
    let bytes = body("display-server-304-draw_copy-spec-2");
    let trace = trace!(DrawCopy, &bytes);
    let paths: Vec<String> = (0..trace.fields.len()).map(|at| trace.path(at)).collect();
    let found: Vec<(&str, usize)> = trace
        .fields
        .iter()
        .zip(&paths)
        .filter(|(field, _)| field.value != Value::Group)
        .map(|(field, path)| (path.as_str(), field.bytes.start))
        .collect();
    assert_eq!(
        found,
        [
            ("base.surface_id", 0x00),
            ("base.bbox.top", 0x04),
            ("base.bbox.left", 0x08),
            ("base.bbox.bottom", 0x0c),
            ("base.bbox.right", 0x10),
            ("base.clip.type", 0x14),
            ("src_bitmap", 0x15),
            ("src_bitmap.id", 0x39),
            ("src_bitmap.type", 0x41),
            ("src_bitmap.flags", 0x42),
            ("src_bitmap.width", 0x43),
            ("src_bitmap.height", 0x47),
            ("src_bitmap.format", 0x4b),
            ("src_bitmap.bitmap_flags", 0x4c),
            ("src_bitmap.x", 0x4d),
            ("src_bitmap.y", 0x51),
            ("src_bitmap.stride", 0x55),
            ("src_bitmap.palette", 0x59),
            ("src_bitmap.palette.unique", 0x65),
            ("src_bitmap.palette.num_ents", 0x6d),
            ("src_bitmap.palette.entries", 0x6f),
            ("src_bitmap.data", 0x5d),
            ("src_area.top", 0x19),
            ("src_area.left", 0x1d),
            ("src_area.bottom", 0x21),
            ("src_area.right", 0x25),
            ("rop", 0x29),
            ("scale_mode", 0x2b),
            ("mask.flags", 0x2c),
            ("mask.pos.x", 0x2d),
            ("mask.pos.y", 0x31),
            ("mask.bitmap", 0x35),
        ]
    );
}

#[test]
fn a_trace_of_a_sound_message_covers_every_byte() {
    for fixture in fixtures().iter().filter(|f| f.way == Way::DisplayServer) {
        let bytes = &fixture.body;
        let trace = match fixture.number {
            104 => trace!(CopyBits, bytes),
            122 => trace!(StreamCreate, bytes),
            302 => trace!(DrawFill, bytes),
            303 => trace!(DrawOpaque, bytes),
            304 | 305 => trace!(DrawCopy, bytes),
            306..=308 => trace!(DrawMasked, bytes),
            309 => trace!(DrawRop3, bytes),
            310 => trace!(DrawStroke, bytes),
            311 => trace!(DrawText, bytes),
            312 => trace!(DrawTransparent, bytes),
            313 => trace!(DrawAlphaBlend, bytes),
            316 => trace!(StreamDataSized, bytes),
            317 => trace!(MonitorsConfig, bytes),
            318 => trace!(DrawComposite, bytes),
            _ => continue,
        };
        let mut covered = vec![false; bytes.len()];
        let leaves = trace.fields.iter().enumerate();
        for (at, field) in leaves.filter(|(_, field)| field.value != Value::Group) {
            assert!(!trace.path(at).is_empty(), "{}", fixture.name);
            covered[field.bytes.clone()].fill(true);
        }
        assert_eq!(covered.iter().position(|c| !c), None, "{}", fixture.name);
    }
}

// Whatever can be said is understood.

/// Bytes without a pattern for pictures and palettes.
static NOISE: [u8; 8192] = {
    let (mut bytes, mut state, mut i) = ([0; 8192], 0x2545_f491_u32, 0);
    while i < bytes.len() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        bytes[i] = (state >> 24) as u8;
        i += 1;
    }
    bytes
};

fn noise() -> impl Strategy<Value = &'static [u8]> {
    (0..1000usize, 0..200usize).prop_map(|(at, len)| &NOISE[at..at + len])
}

fn point() -> impl Strategy<Value = Point> {
    any::<(i32, i32)>().prop_map(|(x, y)| Point::new(x, y))
}

fn rect() -> impl Strategy<Value = Rect> {
    any::<(i32, i32, i32, i32)>().prop_map(|(l, t, r, b)| Rect::new(l, t, r, b))
}

fn base() -> impl Strategy<Value = DisplayBase<'static>> {
    let clip = prop_oneof![
        Just(Clip::None),
        proptest::collection::vec(rect(), 0..5).prop_map(|rects| Clip::Rects(rects.into())),
    ];
    (any::<u32>(), rect(), clip).prop_map(|(surface_id, bbox, clip)| DisplayBase {
        surface_id,
        bbox,
        clip,
    })
}

fn palette() -> impl Strategy<Value = PaletteRef<'static>> {
    prop_oneof![
        any::<u64>().prop_map(PaletteRef::Cached),
        (any::<u64>(), noise()).prop_map(|(unique, bytes)| {
            let (entries, _) = bytes.as_chunks();
            PaletteRef::Inline(Palette { unique, entries })
        }),
    ]
}

/// Any flags, with the one that tells where the palette is as it has to be.
fn bitmap_flags(bits: u8, palette: &PaletteRef<'_>) -> BitmapFlags {
    let cached = matches!(palette, PaletteRef::Cached(_));
    BitmapFlags(bits & !2 | u8::from(cached) << 1)
}

fn bitmap(width: u32, height: u32) -> impl Strategy<Value = ImageData<'static>> {
    let palette = prop_oneof![Just(PaletteRef::None), palette()];
    (1..=10u8, any::<u8>(), 0..5u32, palette).prop_map(move |(format, bits, padding, palette)| {
        let format = BitmapFormat::from_number(format);
        let stride = format.row_bytes(width) as u32 + padding;
        ImageData::Bitmap(Bitmap {
            format,
            flags: bitmap_flags(bits, &palette),
            stride,
            palette,
            rows: &NOISE[..(stride * height) as usize],
        })
    })
}

fn coded() -> impl Strategy<Value = ImageData<'static>> {
    prop_oneof![
        noise().prop_map(ImageData::Quic),
        noise().prop_map(ImageData::LzRgb),
        noise().prop_map(ImageData::GlzRgb),
        noise().prop_map(ImageData::Jpeg),
        noise().prop_map(ImageData::Lz4),
        Just(ImageData::FromCache),
        Just(ImageData::FromCacheLossless),
        any::<u32>().prop_map(ImageData::Surface),
        (any::<u8>(), palette(), noise()).prop_map(|(bits, palette, data)| {
            let flags = bitmap_flags(bits, &palette);
            ImageData::LzPlt(LzPlt {
                flags,
                palette,
                data,
            })
        }),
        (any::<u32>(), noise()).prop_map(|(glz_data_size, data)| ImageData::ZlibGlzRgb(ZlibGlz {
            glz_data_size,
            data
        })),
        (any::<u8>(), noise(), noise()).prop_map(|(bits, jpeg, alpha)| {
            let flags = JpegAlphaFlags(bits);
            ImageData::JpegAlpha(JpegAlpha { flags, jpeg, alpha })
        }),
    ]
}

fn image() -> impl Strategy<Value = Image<'static>> {
    (any::<u64>(), any::<u8>(), 0..30u32, 0..30u32).prop_flat_map(|(id, flags, width, height)| {
        prop_oneof![bitmap(width, height), coded()].prop_map(move |data| Image {
            id,
            flags: ImageFlags(flags),
            width,
            height,
            data,
        })
    })
}

fn brush() -> impl Strategy<Value = Brush<'static>> {
    prop_oneof![
        Just(Brush::None),
        any::<u32>().prop_map(Brush::Solid),
        (image(), point()).prop_map(|(pattern, pos)| Brush::Pattern { pattern, pos }),
    ]
}

fn mask() -> impl Strategy<Value = QMask<'static>> {
    (any::<u8>(), point(), proptest::option::of(image())).prop_map(|(flags, pos, bitmap)| QMask {
        flags: MaskFlags(flags),
        pos,
        bitmap,
    })
}

fn rop() -> impl Strategy<Value = Rop> {
    any::<u16>().prop_map(Rop)
}

fn scale_mode() -> impl Strategy<Value = ScaleMode> {
    prop_oneof![Just(ScaleMode::Interpolate), Just(ScaleMode::Nearest)]
}

fn line_attr() -> impl Strategy<Value = LineAttr<'static>> {
    let style = proptest::collection::vec(any::<i32>(), 0..6);
    (any::<u8>(), style).prop_map(|(bits, style)| LineAttr {
        flags: LineFlags(bits & !8 | u8::from(!style.is_empty()) << 3),
        style: style.into(),
    })
}

fn path() -> impl Strategy<Value = Path<'static>> {
    let point = any::<(i32, i32)>().prop_map(|(x, y)| PointFix { x, y });
    let segment =
        (any::<u8>(), proptest::collection::vec(point, 0..4)).prop_map(|(bits, points)| {
            PathSegment {
                flags: PathFlags(bits),
                points: points.into(),
            }
        });
    proptest::collection::vec(segment, 0..4).prop_map(|segments| Path {
        segments: segments.into(),
    })
}

fn glyphs() -> impl Strategy<Value = GlyphString<'static>> {
    (0..3u32, any::<bool>()).prop_flat_map(|(kind, top_down)| {
        let bits = [1, 4, 8][kind as usize];
        let glyph = (point(), point(), 0..12u16, 0..12u16).prop_map(
            move |(render_pos, origin, width, height)| {
                let row = (usize::from(width) * bits).div_ceil(8);
                let data = &NOISE[..row * usize::from(height)];
                Glyph {
                    render_pos,
                    origin,
                    width,
                    height,
                    data,
                }
            },
        );
        let flags = StringFlags(1 << kind | u8::from(top_down) << 3);
        proptest::collection::vec(glyph, 0..5).prop_map(move |glyphs| GlyphString {
            flags,
            glyphs: glyphs.into(),
        })
    })
}

fn transform() -> impl Strategy<Value = Option<Transform>> {
    let transform = any::<[i32; 6]>().prop_map(|[t00, t01, t02, t10, t11, t12]| Transform {
        t00,
        t01,
        t02,
        t10,
        t11,
        t12,
    });
    proptest::option::of(transform)
}

fn composite() -> impl Strategy<Value = DrawComposite<'static>> {
    let parts = (proptest::option::of(image()), transform(), transform());
    (base(), any::<u32>(), image(), parts, any::<[i16; 4]>()).prop_map(
        |(base, bits, src_bitmap, (mask_bitmap, src_transform, mask_transform), [a, b, c, d])| {
            let present = [
                (CompositeFlags::HAS_MASK, mask_bitmap.is_some()),
                (CompositeFlags::HAS_SRC_TRANSFORM, src_transform.is_some()),
                (CompositeFlags::HAS_MASK_TRANSFORM, mask_transform.is_some()),
            ];
            let flags =
                present.into_iter().fold(
                    bits & !(7 << 19),
                    |bits, (flag, set)| {
                        if set { bits | flag.0 } else { bits }
                    },
                );
            DrawComposite {
                base,
                flags: CompositeFlags(flags),
                src_bitmap,
                mask_bitmap,
                src_transform,
                mask_transform,
                src_origin: Point16 { x: a, y: b },
                mask_origin: Point16 { x: c, y: d },
            }
        },
    )
}

fn draw() -> impl Strategy<Value = Display<'static>> {
    let copy = (base(), image(), rect(), rop(), scale_mode(), mask()).prop_map(
        |(base, src_bitmap, src_area, rop, scale_mode, mask)| {
            Display::DrawCopy(DrawCopy {
                base,
                src_bitmap,
                src_area,
                rop,
                scale_mode,
                mask,
            })
        },
    );
    let opaque = (
        base(),
        image(),
        rect(),
        brush(),
        rop(),
        scale_mode(),
        mask(),
    )
        .prop_map(
            |(base, src_bitmap, src_area, brush, rop, scale_mode, mask)| {
                Display::DrawOpaque(DrawOpaque {
                    base,
                    src_bitmap,
                    src_area,
                    brush,
                    rop,
                    scale_mode,
                    mask,
                })
            },
        );
    let rop3 = (
        base(),
        image(),
        rect(),
        brush(),
        any::<u8>(),
        scale_mode(),
        mask(),
    )
        .prop_map(
            |(base, src_bitmap, src_area, brush, rop3, scale_mode, mask)| {
                Display::DrawRop3(DrawRop3 {
                    base,
                    src_bitmap,
                    src_area,
                    brush,
                    rop3,
                    scale_mode,
                    mask,
                })
            },
        );
    let stroke = (base(), path(), line_attr(), brush(), rop(), rop()).prop_map(
        |(base, path, attr, brush, fore_mode, back_mode)| {
            Display::DrawStroke(DrawStroke {
                base,
                path,
                attr,
                brush,
                fore_mode,
                back_mode,
            })
        },
    );
    let text = (base(), glyphs(), rect(), brush(), brush(), rop(), rop()).prop_map(
        |(base, string, back_area, fore_brush, back_brush, fore_mode, back_mode)| {
            Display::DrawText(DrawText {
                base,
                string,
                back_area,
                fore_brush,
                back_brush,
                fore_mode,
                back_mode,
            })
        },
    );
    let blend = (base(), any::<u8>(), any::<u8>(), image(), rect()).prop_map(
        |(base, flags, alpha, src_bitmap, src_area)| {
            let alpha_flags = AlphaFlags(flags);
            Display::DrawAlphaBlend(DrawAlphaBlend {
                base,
                alpha_flags,
                alpha,
                src_bitmap,
                src_area,
            })
        },
    );
    let transparent = (base(), image(), rect(), any::<u32>(), any::<u32>()).prop_map(
        |(base, src_bitmap, src_area, src_color, true_color)| {
            Display::DrawTransparent(DrawTransparent {
                base,
                src_bitmap,
                src_area,
                src_color,
                true_color,
            })
        },
    );
    prop_oneof![
        4 => copy,
        2 => (base(), brush(), rop(), mask())
            .prop_map(|(base, brush, rop, mask)| Display::DrawFill(DrawFill { base, brush, rop, mask })),
        1 => (base(), mask()).prop_map(|(base, mask)| Display::DrawInvers(DrawMasked { base, mask })),
        2 => opaque,
        2 => rop3,
        1 => stroke,
        1 => text,
        1 => blend,
        1 => transparent,
        2 => composite().prop_map(Display::DrawComposite),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 512,
        rng_seed: RngSeed::Fixed(0x5eed),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_draw_command_reads_back_as_it_was_written(message in draw()) {
        let mut w = Writer::new();
        message.encode(&mut w);
        let bytes = w.into_body();
        prop_assert_eq!(Display::decode(message.number(), &bytes).unwrap(), message);
    }
}
