//! Servers that want a client's memory.

use capsaicin::channel::common::messages::{
    Notify, Ping, ServerMessage as Common, Wait, WaitForChannels,
};
use capsaicin::channel::common::{Severity, Visibility};
use capsaicin::channel::cursor::messages::{
    Cursor, CursorFlags, CursorHeader, CursorType, Init, Point16, ServerMessage as Pointer, Set,
};
use capsaicin::channel::display::draw::{
    Brush, Clip, DisplayBase, DrawFill, MaskFlags, QMask, Rop,
};
use capsaicin::channel::display::image::{BitmapFlags, BitmapFormat, Image, ImageData, ImageFlags};
use capsaicin::channel::display::messages::{
    Head, MonitorsConfig, ServerMessage as Display, SurfaceCreate, SurfaceFlags, SurfaceFormat,
};
use capsaicin::channel::{ChannelId, ChannelKind, Message};
use capsaicin::codec::lz;
use capsaicin::geometry::{Point, Rect};
use capsaicin::session::CloseReason;
use capsaicin::wire::{Frame, Writer};

use crate::support::images::{bitmap, glz_pixel, glz_plain, image, one_index};
use crate::support::viewer::{DISPLAY, DISPLAY_1, Viewer, copy, fill, mjpeg, primary};

const MIB: usize = 1 << 20;

fn display(id: u8) -> ChannelId {
    ChannelId::new(ChannelKind::Display, id)
}

fn cursor(id: u8) -> ChannelId {
    ChannelId::new(ChannelKind::Cursor, id)
}

fn open(viewer: &mut Viewer, channels: &[ChannelId]) {
    viewer.list(channels);
    channels.iter().for_each(|id| viewer.open(*id));
}

/// One display with a small screen.
fn open_display(viewer: &mut Viewer) {
    open(viewer, &[DISPLAY]);
    viewer.display(&primary(8, 8));
}

/// Drawn where nobody sees it, but decoded and kept all the same.
fn draw(viewer: &mut Viewer, on: ChannelId, image: Image<'_>) {
    viewer.receive(on, copy(Rect::new(0, 0, 1, 1), image).to_frame());
    // Answers and events are taken, as by a user who keeps up.
    viewer.outputs();
    viewer.events();
}

pub fn caches_images(viewer: &mut Viewer) {
    open_display(viewer);
    let rows = vec![7; 256 * 256 * 4];
    for id in 0..400 {
        let data = bitmap(BitmapFormat::ThirtyTwoBit, 1024, &rows);
        draw(
            viewer,
            DISPLAY,
            image(id, ImageFlags::CACHE_ME, (256, 256), data),
        );
    }
}

pub fn caches_single_pixels(viewer: &mut Viewer) {
    open_display(viewer);
    for id in 0..200_000 {
        let data = bitmap(BitmapFormat::ThirtyTwoBit, 4, &[7; 4]);
        draw(
            viewer,
            DISPLAY,
            image(id, ImageFlags::CACHE_ME, (1, 1), data),
        );
    }
}

pub fn caches_images_with_long_rows(viewer: &mut Viewer) {
    open_display(viewer);
    let rows = vec![7; MIB];
    for id in 0..500 {
        let data = bitmap(BitmapFormat::ThirtyTwoBit, MIB as u32 / 16, &rows);
        draw(
            viewer,
            DISPLAY,
            image(id, ImageFlags::CACHE_ME, (1, 16), data),
        );
    }
}

pub fn caches_masks(viewer: &mut Viewer) {
    open_display(viewer);
    let rows = vec![7; 2048 / 8 * 2048];
    for id in 0..200 {
        let data = bitmap(BitmapFormat::OneBitBe, 2048 / 8, &rows);
        let mask = QMask {
            flags: MaskFlags::empty(),
            pos: Point::default(),
            bitmap: Some(image(id, ImageFlags::CACHE_ME, (2048, 2048), data)),
        };
        viewer.display(&Display::DrawFill(DrawFill {
            base: DisplayBase {
                surface_id: 0,
                bbox: Rect::new(0, 0, 8, 8),
                clip: Clip::None,
            },
            brush: Brush::Solid(1),
            rop: Rop::OP_PUT,
            mask,
        }));
    }
}

pub fn caches_glz_images(viewer: &mut Viewer) {
    open_display(viewer);
    for id in 0..200 {
        let stream = glz_plain(id, id, (512, 512));
        let data = ImageData::GlzRgb(&stream);
        draw(
            viewer,
            DISPLAY,
            image(id, ImageFlags::CACHE_ME, (512, 512), data),
        );
    }
}

pub fn never_empties_the_glz_window(viewer: &mut Viewer) {
    open_display(viewer);
    for id in 0..200 {
        let stream = glz_plain(id, 0, (512, 512));
        draw(
            viewer,
            DISPLAY,
            image(
                0,
                ImageFlags::empty(),
                (512, 512),
                ImageData::GlzRgb(&stream),
            ),
        );
    }
}

pub fn sends_tiny_glz_images(viewer: &mut Viewer) {
    open_display(viewer);
    for id in 0..150_000 {
        let stream = glz_pixel(id, 0, 7);
        draw(
            viewer,
            DISPLAY,
            image(0, ImageFlags::empty(), (1, 1), ImageData::GlzRgb(&stream)),
        );
    }
}

fn surface(surface_id: u32, side: u32) -> Frame {
    Display::SurfaceCreate(SurfaceCreate {
        surface_id,
        width: side,
        height: side,
        format: SurfaceFormat::Argb,
        flags: SurfaceFlags::empty(),
    })
    .to_frame()
}

pub fn makes_surfaces_everywhere(viewer: &mut Viewer) {
    let displays: Vec<ChannelId> = (0..16).map(display).collect();
    open(viewer, &displays);
    for id in 0..100 {
        for on in &displays {
            viewer.receive(*on, surface(id, 100));
        }
    }
}

pub fn opens_and_closes_displays(viewer: &mut Viewer) {
    for round in 0..600 {
        let id = display((round % 256) as u8);
        open(viewer, &[id]);
        viewer.receive(id, primary(400, 400).to_frame());
        viewer.receive(id, surface(1, 400));
        viewer.receive(id, mjpeg(0, 400, Rect::new(0, 0, 400, 400)).to_frame());
        viewer.session.closed(id, CloseReason::ByPeer);
        // Nobody takes the events.
        viewer.outputs();
    }
}

fn wait_for_ever(viewer: &mut Viewer, on: ChannelId, channel: ChannelId) {
    let waits = vec![Wait {
        channel,
        serial: u64::MAX,
    }];
    viewer.common(on, &Common::WaitForChannels(WaitForChannels { waits }));
}

pub fn parks_large_frames(viewer: &mut Viewer) {
    open(viewer, &[DISPLAY, DISPLAY_1]);
    viewer.display(&primary(8, 8));
    for _ in 0..3 {
        wait_for_ever(viewer, DISPLAY, DISPLAY_1);
        for _ in 0..100 {
            viewer.receive(DISPLAY, Frame::new(999, vec![0; MIB]));
        }
        viewer.outputs();
    }
}

pub fn parks_small_frames(viewer: &mut Viewer) {
    open(viewer, &[DISPLAY, DISPLAY_1]);
    wait_for_ever(viewer, DISPLAY, DISPLAY_1);
    for _ in 0..600_000 {
        viewer.receive(DISPLAY, Frame::new(999, vec![0]));
    }
}

pub fn parks_on_every_display(viewer: &mut Viewer) {
    let displays: Vec<ChannelId> = (0..16).map(display).collect();
    open(viewer, &displays);
    for on in &displays[1..] {
        wait_for_ever(viewer, *on, DISPLAY);
    }
    for _ in 0..20 {
        for on in &displays[1..] {
            viewer.receive(*on, Frame::new(999, vec![0; MIB]));
        }
    }
}

pub fn waits_with_a_list_of_overlapping_messages(viewer: &mut Viewer) {
    open(viewer, &[DISPLAY, DISPLAY_1]);
    let mut w = Writer::new();
    w.u16(64);
    let slots: Vec<_> = (0..64).map(|_| w.slot()).collect();
    for slot in slots {
        w.place(slot);
        // A wait for one channel whose body reaches, it says, to the end.
        w.u16(5);
        w.u32(u32::MAX);
        w.u8(1);
        w.u8(2);
        w.u8(1);
        w.u64(u64::MAX);
    }
    w.bytes(&vec![0; 2 * MIB]);
    viewer.receive(DISPLAY, Frame::new(Frame::LIST, w.into_body()));
}

pub fn caches_palettes(viewer: &mut Viewer) {
    open(viewer, &[DISPLAY, DISPLAY_1]);
    let entries = vec![[7; 4]; 20_000];
    for on in [DISPLAY, DISPLAY_1] {
        viewer.receive(on, primary(8, 8).to_frame());
        for id in 1..1000 {
            draw(
                viewer,
                on,
                one_index(id, &entries, BitmapFlags::PAL_CACHE_ME),
            );
        }
    }
}

pub fn caches_pointers(viewer: &mut Viewer) {
    // No displays: without them there is only the pointers' memory.
    let channels: Vec<ChannelId> = (0..16).map(cursor).collect();
    open(viewer, &channels);
    let pixels = vec![0xff; 512 * 512 * 4];
    let position = || Point16 { x: 0, y: 0 };
    for on in &channels {
        let init = Init {
            position: position(),
            trail_length: 0,
            trail_frequency: 0,
            visible: 1,
            cursor: Cursor::NONE,
        };
        viewer.receive(*on, Pointer::Init(init).to_frame());
        for unique in 1..=12 {
            let header = CursorHeader {
                unique,
                cursor_type: CursorType::Alpha,
                width: 512,
                height: 512,
                hot_spot_x: 0,
                hot_spot_y: 0,
            };
            let cursor = Cursor {
                flags: CursorFlags::CACHE_ME,
                header: Some(header),
                data: &pixels,
            };
            let set = Set {
                position: position(),
                visible: 1,
                cursor,
            };
            viewer.receive(*on, Pointer::Set(set).to_frame());
        }
    }
}

pub fn sends_large_images(viewer: &mut Viewer) {
    const SIDE: u32 = 1600;
    let displays: Vec<ChannelId> = (0..8).map(display).collect();
    open(viewer, &displays);
    let pixels = vec![7; (SIDE * SIDE * 4) as usize];
    let mut stream = Vec::new();
    let stride = SIDE as usize * 4;
    lz::encode(
        lz::Kind::Rgb32,
        SIDE,
        SIDE,
        stride,
        true,
        &pixels,
        &mut stream,
    )
    .unwrap();
    drop(pixels);
    for on in displays {
        viewer.receive(on, primary(8, 8).to_frame());
        for _ in 0..2 {
            let data = ImageData::LzRgb(&stream);
            draw(
                viewer,
                on,
                image(0, ImageFlags::empty(), (SIDE, SIDE), data),
            );
        }
    }
}

pub fn lists_channels(viewer: &mut Viewer) {
    let all: Vec<ChannelId> = (0..=255)
        .flat_map(|id| {
            (1..=255).map(move |kind| ChannelId::new(ChannelKind::from_number(kind), id))
        })
        .collect();
    for _ in 0..10 {
        viewer.list(&all);
    }
}

pub fn lists_monitors(viewer: &mut Viewer) {
    open_display(viewer);
    let head = Head {
        monitor_id: 0,
        surface_id: 0,
        width: 1,
        height: 1,
        x: 0,
        y: 0,
        flags: 0,
    };
    for _ in 0..20 {
        viewer.display(&Display::MonitorsConfig(MonitorsConfig {
            max_allowed: u16::MAX,
            heads: vec![head.clone(); 65_535],
        }));
        viewer.display(&fill(Rect::new(0, 0, 8, 8), 1));
    }
}

pub fn notifies(viewer: &mut Viewer) {
    for number in 0..40_000 {
        let message = format!("{number}{}", "é".repeat(600));
        viewer.common(
            ChannelId::MAIN,
            &Common::Notify(Notify {
                time_stamp: 0,
                severity: Severity::Warn,
                visibility: Visibility::High,
                what: 0,
                message: message.as_bytes(),
            }),
        );
    }
}

pub fn pings(viewer: &mut Viewer) {
    for id in 0..200 {
        let padding = vec![0; 250 << 10];
        let ping = Ping {
            id,
            timestamp: 0,
            padding: &padding,
        };
        viewer.common(ChannelId::MAIN, &Common::Ping(ping));
    }
}
