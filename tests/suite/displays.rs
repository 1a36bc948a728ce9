//! Several displays of one session: what one of them waits for, and what they share.

use std::time::Duration;

use capsaicin::channel::common::messages::{ServerMessage as Common, Wait, WaitForChannels};
use capsaicin::channel::display::draw::{
    Brush, Clip, DisplayBase, DrawFill, MaskFlags, QMask, Rop,
};
use capsaicin::channel::display::image::{BitmapFlags, BitmapFormat, Image, ImageData, ImageFlags};
use capsaicin::channel::display::messages::{
    InvalList, InvalPalette, Resource, ResourceType, ServerMessage as Display, SurfaceCreate,
    SurfaceDestroy, SurfaceFlags, SurfaceFormat,
};
use capsaicin::channel::display::{Event, SurfaceId};
use capsaicin::channel::{ChannelId, Message};
use capsaicin::geometry::{Point, Rect};
use capsaicin::session::{ClientEvent, CloseReason};
use capsaicin::wire::Frame;

use crate::support::images::{
    bitmap, from_cache, from_cache_lossless, glz, glz_pixel, glz_pixel_of, image, one_index,
    one_index_from_cache, one_pixel,
};
use crate::support::viewer::{DISPLAY, DISPLAY_1, Viewer, copy, fill, primary};

const PIXEL: Rect = Rect {
    left: 0,
    top: 0,
    right: 1,
    bottom: 1,
};

/// A session with two displays whose screens are one black pixel each.
fn two_displays() -> Viewer {
    let mut viewer = Viewer::with_displays(&[0, 1]);
    for id in [DISPLAY, DISPLAY_1] {
        viewer.receive(id, primary(1, 1).to_frame());
    }
    viewer
}

/// Draws an image on the first pixel of a display.
fn draw(viewer: &mut Viewer, on: ChannelId, image: Image<'_>) {
    viewer.receive(on, copy(PIXEL, image).to_frame());
}

fn draw_glz(viewer: &mut Viewer, on: ChannelId, stream: &[u8]) {
    let data = ImageData::GlzRgb(stream);
    draw(viewer, on, image(0, ImageFlags::empty(), (1, 1), data));
}

/// Display 0 draws image 42, whose blue is 7, and keeps it in the cache.
fn bring_42(viewer: &mut Viewer) {
    let image = one_pixel(42, ImageFlags::CACHE_ME, &[7; 4]);
    draw(viewer, DISPLAY, image);
}

/// Time passes until a channel that waits goes on without.
fn lose_patience(viewer: &mut Viewer) {
    viewer.now = Duration::from_secs(5);
    viewer.session.tick(viewer.now);
}

/// Blue of the first pixel of a display's screen.
fn blue(viewer: &Viewer, display: u8) -> u32 {
    let surface = viewer.session.display(display).unwrap().canvas().surface(0);
    surface.unwrap().pixels().pixel(0, 0) & 0xff
}

fn pixmaps(viewer: &Viewer) -> u64 {
    viewer.session.stats(viewer.now).pixmap_cache_pixels
}

fn is_waiting(viewer: &Viewer, id: ChannelId) -> bool {
    let stats = viewer.session.stats(viewer.now);
    let mut channels = stats.channels.iter();
    channels.any(|channel| channel.id == id && channel.state == "waiting")
}

fn inval(id: u64) -> Display<'static> {
    let kind = ResourceType::Pixmap;
    Display::InvalList(InvalList {
        resources: vec![Resource { kind, id }],
    })
}

/// As the reference server writes it: WAIT_FOR_CHANNELS for message `serial` of display 1, and INVAL_LIST of image `id`, whose
/// sizes say 8 + 16 bytes where there are 11. Its own offset in a body is `at`.
fn wait_and_inval(at: u32, serial: u8, id: u8) -> Vec<u8> {
    let [wait, inval] = [at + 10, at + 27].map(u32::to_le_bytes);
    let mut list = vec![2, 0];
    list.extend(wait);
    list.extend(inval);
    list.extend([5, 0, 24, 0, 0, 0, 1, 2, 1, serial, 0, 0, 0, 0, 0, 0, 0]);
    list.extend([105, 0, 24, 0, 0, 0, 1, 0, 1, id, 0, 0, 0, 0, 0, 0, 0]);
    list
}

// --- the pixmap cache

#[test]
fn a_list_waits_for_the_other_display_before_it_invalidates() {
    let mut viewer = two_displays();
    bring_42(&mut viewer);

    // The other display has handled one message; its second may still need the image.
    viewer.receive(DISPLAY, Frame::new(Frame::LIST, wait_and_inval(0, 2, 42)));
    assert_eq!(pixmaps(&viewer), 1);
    draw(&mut viewer, DISPLAY_1, from_cache(42));

    assert_eq!((pixmaps(&viewer), blue(&viewer, 1)), (0, 7));
}

#[test]
fn the_list_of_a_full_header_is_handled_before_its_own_message() {
    let mut viewer = two_displays();
    bring_42(&mut viewer);

    let mut frame = copy(PIXEL, one_pixel(42, ImageFlags::CACHE_ME, &[9; 4])).to_frame();
    let mut body = frame.body.to_vec();
    frame.sub_list = body.len() as u32;
    body.extend(wait_and_inval(frame.sub_list, 2, 42));
    frame.body = body.into();
    viewer.receive(DISPLAY, frame);

    assert_eq!(blue(&viewer, 0), 7, "the drawing waits with its list");
    draw(&mut viewer, DISPLAY_1, from_cache(42));
    assert_eq!((blue(&viewer, 0), blue(&viewer, 1)), (9, 7));
    // The old image went before the new one came: it is there once.
    viewer.display(&inval(42));
    assert_eq!(pixmaps(&viewer), 0);
}

#[test]
fn only_pixmaps_are_invalidated_as_such() {
    let mut viewer = two_displays();
    bring_42(&mut viewer);

    let kind = ResourceType::Other(9);
    viewer.display(&Display::InvalList(InvalList {
        resources: vec![Resource { kind, id: 42 }],
    }));

    assert_eq!(pixmaps(&viewer), 1);
}

/// One pixel that is lossy when it is kept.
fn jpeg() -> Vec<u8> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/codecs/jpeg");
    std::fs::read(format!("{folder}/RGB32_noise_1x1.enc")).unwrap()
}

#[test]
fn an_exact_image_is_waited_for_while_only_a_lossy_one_is_there() {
    let mut viewer = two_displays();
    let file = jpeg();
    let lossy = image(42, ImageFlags::CACHE_ME, (1, 1), ImageData::Jpeg(&file));
    draw(&mut viewer, DISPLAY, lossy);
    viewer.display(&fill(PIXEL, 0));

    draw(&mut viewer, DISPLAY, from_cache_lossless(42));
    assert!(is_waiting(&viewer, DISPLAY));
    draw(&mut viewer, DISPLAY_1, from_cache(42));
    assert!(!is_waiting(&viewer, DISPLAY_1), "lossy is good enough");
    let exact = one_pixel(42, ImageFlags::CACHE_REPLACE_ME, &[9; 4]);
    draw(&mut viewer, DISPLAY_1, exact);

    assert_eq!((blue(&viewer, 0), blue(&viewer, 1)), (9, 9));
    viewer.display(&inval(42));
    assert_eq!(pixmaps(&viewer), 0, "the replacement did not count");
}

#[test]
fn a_lossy_image_replaces_nothing() {
    let mut viewer = two_displays();
    bring_42(&mut viewer);
    viewer.events();
    let file = jpeg();
    let flags = ImageFlags::CACHE_REPLACE_ME;
    draw(
        &mut viewer,
        DISPLAY,
        image(42, flags, (1, 1), ImageData::Jpeg(&file)),
    );

    draw(&mut viewer, DISPLAY, from_cache_lossless(42));

    assert_eq!(blue(&viewer, 0), 7);
    assert_eq!(
        viewer.notices(),
        ["display:0: a lossy image is to replace one in the pixmap cache"]
    );
}

#[test]
fn a_cached_image_outlives_the_surface_it_was_drawn_on() {
    let mut viewer = two_displays();
    bring_42(&mut viewer);
    viewer.display(&Display::SurfaceDestroy(SurfaceDestroy { surface_id: 0 }));

    draw(&mut viewer, DISPLAY_1, from_cache(42));

    assert_eq!(blue(&viewer, 1), 7);
}

#[test]
fn a_mask_is_kept_once_although_its_drawing_was_tried_twice() {
    let mut viewer = two_displays();
    let bits = bitmap(BitmapFormat::OneBitBe, 1, &[0x80]);
    let stream = glz_pixel_of(1, 0, 1);
    let source = image(0, ImageFlags::empty(), (1, 1), ImageData::GlzRgb(&stream));
    let Display::DrawCopy(mut masked) = copy(PIXEL, source) else {
        unreachable!()
    };
    masked.mask = QMask {
        flags: MaskFlags::empty(),
        pos: Point::default(),
        bitmap: Some(image(42, ImageFlags::CACHE_ME, (1, 1), bits)),
    };

    viewer.display(&Display::DrawCopy(masked));
    assert!(is_waiting(&viewer, DISPLAY));
    draw_glz(&mut viewer, DISPLAY_1, &glz_pixel(0, 0, 5));

    assert_eq!((blue(&viewer, 0), pixmaps(&viewer)), (5, 1));
    viewer.display(&inval(42));
    assert_eq!(pixmaps(&viewer), 0);
}

// --- the end of a wait

#[test]
fn a_display_that_closes_ends_the_waits_for_it_at_once() {
    let mut viewer = two_displays();
    let waits = vec![Wait {
        channel: DISPLAY_1,
        serial: 100,
    }];
    viewer.common(DISPLAY, &Common::WaitForChannels(WaitForChannels { waits }));
    viewer.display(&fill(PIXEL, 4));
    assert_eq!(blue(&viewer, 0), 0);

    viewer.session.closed(DISPLAY_1, CloseReason::ByPeer);

    assert_eq!(blue(&viewer, 0), 4);
    assert_eq!(viewer.session.poll_timeout(), None);
}

#[test]
fn an_image_only_a_closed_display_could_have_brought_is_not_waited_for() {
    let mut viewer = two_displays();
    draw(&mut viewer, DISPLAY, from_cache(42));
    viewer.display(&fill(PIXEL, 4));
    viewer.events();

    viewer.session.closed(DISPLAY_1, CloseReason::ByPeer);

    assert_eq!(blue(&viewer, 0), 4);
    assert_eq!(
        viewer.notices(),
        ["display:0: DRAW_COPY: cached image 0x2a never arrived"]
    );
}

#[test]
fn what_is_sent_behind_a_wait_in_a_list_waits_as_well_until_patience_is_over() {
    let mut viewer = two_displays();
    bring_42(&mut viewer);
    viewer.receive(DISPLAY, Frame::new(Frame::LIST, wait_and_inval(0, 200, 42)));
    viewer.display(&fill(PIXEL, 4));
    assert_eq!((pixmaps(&viewer), blue(&viewer, 0)), (1, 7));

    lose_patience(&mut viewer);

    assert_eq!((pixmaps(&viewer), blue(&viewer, 0)), (0, 4));
}

#[test]
fn a_drawing_given_up_for_one_image_still_keeps_the_others_it_brought() {
    let mut viewer = two_displays();
    let brought = one_pixel(8, ImageFlags::CACHE_ME, &[3; 4]);
    let base = DisplayBase {
        surface_id: 0,
        bbox: PIXEL,
        clip: Clip::None,
    };
    let mask = QMask {
        flags: MaskFlags::empty(),
        pos: Point::default(),
        bitmap: Some(from_cache(42)),
    };
    viewer.display(&Display::DrawFill(DrawFill {
        base,
        brush: Brush::Pattern {
            pattern: brought,
            pos: Point::default(),
        },
        rop: Rop::OP_PUT,
        mask,
    }));
    assert_eq!(pixmaps(&viewer), 0);

    lose_patience(&mut viewer);
    draw(&mut viewer, DISPLAY_1, from_cache(8));

    assert_eq!((blue(&viewer, 0), blue(&viewer, 1)), (0, 3));
}

// --- palettes

#[test]
fn a_palette_is_known_to_its_own_display_only() {
    let mut viewer = two_displays();
    let entries = [[6, 0, 0, 0]];
    draw(
        &mut viewer,
        DISPLAY,
        one_index(5, &entries, BitmapFlags::PAL_CACHE_ME),
    );
    viewer.events();

    draw(&mut viewer, DISPLAY_1, one_index_from_cache(5));
    viewer.display(&fill(PIXEL, 0));
    draw(&mut viewer, DISPLAY, one_index_from_cache(5));

    assert_eq!((blue(&viewer, 0), blue(&viewer, 1)), (6, 0));
    assert_eq!(
        viewer.notices(),
        ["display:1: DRAW_COPY: BITMAP image: its palette 0x5 is not in the cache"]
    );
}

#[test]
fn a_palette_goes_when_it_is_invalidated_with_all_others_or_by_a_reset() {
    let forget: [Display<'_>; 3] = [
        Display::InvalPalette(InvalPalette { id: 5 }),
        Display::InvalAllPalettes,
        Display::Reset,
    ];
    for message in forget {
        let mut viewer = two_displays();
        let entries = [[6, 0, 0, 0]];
        draw(
            &mut viewer,
            DISPLAY,
            one_index(5, &entries, BitmapFlags::PAL_CACHE_ME),
        );

        viewer.display(&message);
        viewer.display(&fill(PIXEL, 0));
        draw(&mut viewer, DISPLAY, one_index_from_cache(5));

        assert_eq!(blue(&viewer, 0), 0, "{}", message.name());
    }
}

#[test]
fn a_palette_that_came_with_a_mask_is_kept_too() {
    use capsaicin::channel::display::image::{Bitmap, Palette, PaletteRef};
    let mut viewer = two_displays();
    let unique = 5;
    let entries = &[[6, 0, 0, 0]];
    let data = ImageData::Bitmap(Bitmap {
        format: BitmapFormat::OneBitBe,
        flags: BitmapFlags::TOP_DOWN | BitmapFlags::PAL_CACHE_ME,
        stride: 1,
        palette: PaletteRef::Inline(Palette { unique, entries }),
        rows: &[0],
    });
    let Display::DrawFill(mut masked) = fill(PIXEL, 1) else {
        unreachable!()
    };
    masked.mask.bitmap = Some(image(0, ImageFlags::empty(), (1, 1), data));
    viewer.display(&Display::DrawFill(masked));

    draw(&mut viewer, DISPLAY, one_index_from_cache(5));

    assert_eq!(blue(&viewer, 0), 6);
}

// --- the GLZ window

/// Every order in which the messages of two channels can arrive.
fn interleavings(of: [usize; 2]) -> Vec<Vec<usize>> {
    if of == [0, 0] {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for channel in 0..2 {
        let mut left = of;
        if left[channel] > 0 {
            left[channel] -= 1;
            for mut rest in interleavings(left) {
                rest.insert(0, channel);
                all.push(rest);
            }
        }
    }
    all
}

#[test]
fn images_of_two_displays_decode_in_whatever_order_they_arrive() {
    // Each but the first is a copy of the one before it; odd ones are for the second display.
    let streams: Vec<Vec<u8>> = (0..8)
        .map(|id| match id {
            0 => glz_pixel(0, 0, 77),
            _ => glz_pixel_of(id, id - 1, 1),
        })
        .collect();
    let orders = interleavings([4, 4]);
    assert_eq!(orders.len(), 70);
    for order in orders {
        let mut viewer = two_displays();
        let mut next = [0, 1];
        for channel in &order {
            draw_glz(
                &mut viewer,
                [DISPLAY, DISPLAY_1][*channel],
                &streams[next[*channel]],
            );
            next[*channel] += 2;
        }
        assert_eq!((blue(&viewer, 0), blue(&viewer, 1)), (77, 77), "{order:?}");
        assert_eq!(viewer.session.poll_timeout(), None, "{order:?}");
        let left = viewer.session.stats(viewer.now).glz_pixels;
        assert_eq!(
            left, 2,
            "the last image and the one it may refer to: {order:?}"
        );
    }
}

#[test]
fn a_drawing_of_two_images_waits_for_the_second_and_still_has_the_first() {
    use capsaicin::channel::display::draw::{DrawOpaque, ScaleMode};
    let mut viewer = two_displays();
    let [source, pattern] = [glz_pixel(0, 0, 0x0f), glz_pixel_of(2, 0, 1)];
    let pixel = |stream| image(0, ImageFlags::empty(), (1, 1), ImageData::GlzRgb(stream));
    viewer.display(&Display::DrawOpaque(DrawOpaque {
        base: DisplayBase {
            surface_id: 0,
            bbox: PIXEL,
            clip: Clip::None,
        },
        src_bitmap: pixel(&source),
        src_area: PIXEL,
        brush: Brush::Pattern {
            pattern: pixel(&pattern),
            pos: Point::default(),
        },
        rop: Rop::OP_OR,
        scale_mode: ScaleMode::Nearest,
        mask: QMask::default(),
    }));
    assert!(is_waiting(&viewer, DISPLAY));

    draw_glz(&mut viewer, DISPLAY_1, &glz_pixel(1, 0, 0xf0));

    assert_eq!(blue(&viewer, 0), 0xff);
}

#[test]
fn an_image_that_never_comes_costs_one_wait_and_what_refers_to_it() {
    let mut viewer = two_displays();
    // Image 0 is lost; 1 needs it, 2 needs 1, 3 needs neither.
    draw_glz(&mut viewer, DISPLAY, &glz_pixel_of(1, 0, 1));
    draw_glz(&mut viewer, DISPLAY, &glz_pixel_of(2, 0, 1));
    draw_glz(&mut viewer, DISPLAY, &glz_pixel(3, 2, 33));
    assert!(is_waiting(&viewer, DISPLAY));

    lose_patience(&mut viewer);

    assert!(!is_waiting(&viewer, DISPLAY));
    assert_eq!(blue(&viewer, 0), 33);
    draw_glz(&mut viewer, DISPLAY_1, &glz_pixel_of(4, 3, 1));
    assert_eq!(blue(&viewer, 1), 33);
}

#[test]
fn a_damaged_image_fails_by_itself_and_the_window_goes_on() {
    let mut viewer = two_displays();
    draw_glz(&mut viewer, DISPLAY, &glz(0, 0, (1, 1), &[]));
    for id in 1..100 {
        draw_glz(&mut viewer, DISPLAY, &glz_pixel(id, id, id as u8));
    }
    assert_eq!(blue(&viewer, 0), 99);
    assert_eq!(viewer.session.stats(viewer.now).glz_pixels, 1);
}

// --- surfaces

#[test]
fn a_primary_made_again_in_its_size_keeps_its_picture() {
    let mut viewer = two_displays();
    viewer.display(&fill(PIXEL, 4));
    viewer.events();

    viewer.display(&primary(1, 1));

    assert_eq!(blue(&viewer, 0), 4);
    assert_eq!(viewer.events(), []);
}

#[test]
fn a_reset_clears_the_screen_and_leaves_other_surfaces_and_cached_images() {
    let mut viewer = two_displays();
    let surface_id: SurfaceId = 3;
    viewer.display(&Display::SurfaceCreate(SurfaceCreate {
        surface_id,
        width: 1,
        height: 1,
        format: SurfaceFormat::Xrgb,
        flags: SurfaceFlags::empty(),
    }));
    let Display::DrawFill(mut off_screen) = fill(PIXEL, 6) else {
        unreachable!()
    };
    off_screen.base.surface_id = surface_id;
    viewer.display(&Display::DrawFill(off_screen));
    bring_42(&mut viewer);
    viewer.display(&Display::Mark);
    viewer.events();

    viewer.display(&Display::Reset);

    let created = Event::SurfaceCreated {
        display: 0,
        surface: 0,
        width: 1,
        height: 1,
    };
    assert_eq!(
        viewer.events(),
        [ClientEvent::Display(created)],
        "unmarked, all zero"
    );
    assert_eq!((blue(&viewer, 0), pixmaps(&viewer)), (0, 1));
    let data = ImageData::Surface(surface_id);
    draw(
        &mut viewer,
        DISPLAY,
        image(0, ImageFlags::empty(), (1, 1), data),
    );
    assert_eq!(blue(&viewer, 0), 6);
}

#[test]
fn a_display_that_closes_has_told_its_last_pixels_before() {
    let mut viewer = two_displays();
    viewer.events();
    viewer.display(&fill(PIXEL, 4));
    viewer.receive(DISPLAY_1, fill(PIXEL, 5).to_frame());
    viewer.session.closed(DISPLAY, CloseReason::ByPeer);

    let events = viewer.events();

    let ClientEvent::Display(Event::Region { display: 0, .. }) = &events[0] else {
        panic!("{events:?}")
    };
    assert_eq!(
        events[1],
        ClientEvent::ChannelClosed(DISPLAY, CloseReason::ByPeer)
    );
    assert_eq!(events.len(), 3, "the other display goes on: {events:?}");
}

#[test]
fn more_than_16_displays_are_not_opened() {
    let mut viewer = Viewer::with_displays(&[]);
    let all: Vec<ChannelId> = (0..20).map(|id| ChannelId { id, ..DISPLAY }).collect();
    viewer.list(&all);
    assert_eq!(viewer.outputs().len(), 16);
    let first = viewer.notices().swap_remove(0);
    assert_eq!(
        first,
        "main: more than 16 display channels are offered; the rest is ignored"
    );
}
