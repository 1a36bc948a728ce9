//! A client session: what it answers, what it waits for, what it tells.

use std::time::Duration;

use capsaicin::channel::common::messages::{
    Notify, Ping, ServerMessage as Common, SetAck, Wait, WaitForChannels,
};
use capsaicin::channel::common::{Severity, Visibility};
use capsaicin::channel::display::draw::{Clip, DisplayBase};
use capsaicin::channel::display::image::{Image, ImageData, ImageFlags};
use capsaicin::channel::display::messages::{
    CopyBits, InvalList, Resource, ResourceType, ServerMessage as Display, SurfaceDestroy,
};
use capsaicin::channel::display::{Event, RegionPixels};
use capsaicin::channel::inputs::{Button, InputEvent};
use capsaicin::channel::main::messages::{ChannelsList, MouseModes, ServerMessage as Main};
use capsaicin::channel::main::{Event as MainEvent, MouseMode};
use capsaicin::channel::{ChannelId, ChannelKind, Message};
use capsaicin::client::Framebuffer;
use capsaicin::geometry::{Point, Rect};
use capsaicin::session::{ClientEvent, CloseReason, Command, Output, SessionConfig};
use capsaicin::wire::{Frame, Writer};

use crate::support::viewer::{DISPLAY, DISPLAY_1, Viewer, copy, fill, frame, init, primary};

const ACK: u16 = 2;
const ACK_SYNC: u16 = 1;
const PONG: u16 = 3;

/// The picture a user sees who applies every event.
fn picture(viewer: &mut Viewer, framebuffer: &mut Framebuffer) -> Vec<u8> {
    for event in viewer.events() {
        if let ClientEvent::Display(event) = event {
            framebuffer.apply(&event);
        }
    }
    let view = framebuffer.view().expect("there is a picture");
    view.rows()
        .flat_map(|row| row.chunks(4).map(|pixel| pixel[0]))
        .collect()
}

fn one_pixel(id: u64, flags: ImageFlags, bytes: &[u8; 4]) -> Image<'_> {
    use capsaicin::channel::display::image::{Bitmap, BitmapFlags, BitmapFormat, PaletteRef};
    let data = ImageData::Bitmap(Bitmap {
        format: BitmapFormat::ThirtyTwoBit,
        flags: BitmapFlags::TOP_DOWN,
        stride: 4,
        palette: PaletteRef::None,
        rows: bytes,
    });
    Image {
        id,
        flags,
        width: 1,
        height: 1,
        data,
    }
}

fn from_cache(id: u64) -> Image<'static> {
    Image {
        id,
        flags: ImageFlags::empty(),
        width: 1,
        height: 1,
        data: ImageData::FromCache,
    }
}

#[test]
fn init_is_answered_with_attach_channels_and_listed_channels_are_opened_in_order() {
    let mut viewer = Viewer::linked(SessionConfig::default());
    assert_eq!(viewer.sent(ChannelId::MAIN), [104], "ATTACH_CHANNELS");
    assert_eq!(viewer.session.connection_id(), 7);

    let unknown = ChannelId::new(ChannelKind::Other(99), 0);
    let channels = vec![DISPLAY_1, unknown, ChannelId::INPUTS, DISPLAY, DISPLAY_1];
    viewer.main(&Main::ChannelsList(ChannelsList { channels }));

    let opened = [DISPLAY_1, ChannelId::INPUTS, DISPLAY].map(Output::Open);
    assert_eq!(viewer.outputs(), opened);
}

#[test]
fn client_mouse_mode_is_asked_for_as_soon_as_it_is_supported() {
    let mut viewer = Viewer::with_displays(&[]);
    let (supported, current) = (MouseMode(3), MouseMode::SERVER);
    viewer.main(&Main::MouseMode(MouseModes { supported, current }));
    let request = viewer.sent_frames(ChannelId::MAIN);
    assert_eq!(request[0].number, 105);
    assert_eq!(request[0].body.as_ref(), [2, 0]);
}

#[test]
fn the_mouse_mode_the_user_asks_for_is_the_one_that_is_kept() {
    let mut viewer = Viewer::with_displays(&[]);
    let supported = MouseMode(3);
    let answers = |viewer: &mut Viewer, current| {
        viewer.main(&Main::MouseMode(MouseModes { supported, current }));
        let sent = viewer.sent_frames(ChannelId::MAIN);
        let requested = sent.iter().filter(|frame| frame.number == 105);
        requested.map(|frame| frame.body[0]).collect::<Vec<u8>>()
    };
    answers(&mut viewer, MouseMode::CLIENT);

    let command = Command::MouseMode(MouseMode::SERVER);
    viewer.session.command(command, Duration::ZERO);
    assert_eq!(viewer.sent(ChannelId::MAIN), [105]);

    assert!(
        answers(&mut viewer, MouseMode::SERVER).is_empty(),
        "as wanted"
    );
    assert_eq!(
        answers(&mut viewer, MouseMode::CLIENT),
        [1u8],
        "SERVER again"
    );
}

#[test]
fn a_display_says_first_what_it_can_cache() {
    let mut viewer = Viewer::linked(SessionConfig::default());
    viewer.main(&Main::ChannelsList(ChannelsList {
        channels: vec![DISPLAY],
    }));
    viewer.outputs();
    viewer.open(DISPLAY);
    let sent = viewer.sent_frames(DISPLAY);
    // 8 Mi pixels of cache; a GLZ window of 3 Mi pixels, as the reference client for a server without a memory hint.
    let expected = [1, 0, 0, 0x80, 0, 0, 0, 0, 0, 1, 0, 0, 0x30, 0];
    assert_eq!(
        (sent[0].number, sent[0].body.as_ref()),
        (101, &expected[..])
    );
}

#[test]
fn acknowledgements_are_sent_exactly_on_the_window_and_before_the_messages_own_answer() {
    let mut viewer = Viewer::with_displays(&[0]);
    viewer.common(
        DISPLAY,
        &Common::SetAck(SetAck {
            generation: 5,
            window: 3,
        }),
    );
    let sync = viewer.sent_frames(DISPLAY);
    assert_eq!(
        (sync[0].number, sync[0].body.as_ref()),
        (ACK_SYNC, &[5, 0, 0, 0][..])
    );

    let ping = Common::Ping(Ping {
        id: 1,
        timestamp: 2,
        padding: &[],
    });
    let answers: Vec<Vec<u16>> = (0..7)
        .map(|_| {
            viewer.common(DISPLAY, &ping);
            viewer.sent(DISPLAY)
        })
        .collect();
    let (pong, ack_pong) = (vec![PONG], vec![ACK, PONG]);
    let due = [&pong, &pong, &ack_pong, &pong, &pong, &ack_pong, &pong];
    assert_eq!(answers.iter().collect::<Vec<_>>(), due);
}

#[test]
fn a_list_counts_as_one_message() {
    let mut viewer = Viewer::with_displays(&[0]);
    viewer.common(
        DISPLAY,
        &Common::SetAck(SetAck {
            generation: 1,
            window: 2,
        }),
    );
    viewer.outputs();
    let ping = Common::Ping(Ping {
        id: 9,
        timestamp: 0,
        padding: &[],
    })
    .to_frame();
    viewer.receive(DISPLAY, list(&[&ping, &ping, &ping]));
    assert_eq!(viewer.sent(DISPLAY), [PONG, PONG, PONG]);
    viewer.receive(DISPLAY, list(&[&ping]));
    assert_eq!(viewer.sent(DISPLAY), [ACK, PONG]);
}

/// A LIST of these frames.
fn list(frames: &[&Frame]) -> Frame {
    let mut w = Writer::new();
    w.u16(frames.len() as u16);
    let slots: Vec<_> = frames.iter().map(|_| w.slot()).collect();
    for (slot, frame) in slots.into_iter().zip(frames) {
        w.place(slot);
        w.u16(frame.number);
        w.u32(frame.body.len() as u32);
        w.bytes(&frame.body);
    }
    Frame::new(Frame::LIST, w.into_body())
}

#[test]
fn a_ping_of_250_kib_is_answered_with_twelve_bytes() {
    let mut viewer = Viewer::with_displays(&[]);
    let padding = vec![0; 256_000];
    viewer.common(
        ChannelId::MAIN,
        &Common::Ping(Ping {
            id: 3,
            timestamp: 0x1122,
            padding: &padding,
        }),
    );
    let pong = viewer.sent_frames(ChannelId::MAIN);
    assert_eq!(
        pong[0].body.as_ref(),
        [3, 0, 0, 0, 0x22, 0x11, 0, 0, 0, 0, 0, 0]
    );
    assert_eq!(pong[0].serial, 2, "ATTACH_CHANNELS was the first");
}

#[test]
fn a_notice_of_the_server_is_told_without_its_control_characters() {
    let mut viewer = Viewer::with_displays(&[]);
    viewer.common(
        ChannelId::MAIN,
        &Common::Notify(Notify {
            time_stamp: 0,
            severity: Severity::Warn,
            visibility: Visibility::High,
            what: 0,
            message: b"keyboard \x1b]0;evil\x07 is insecure",
        }),
    );
    assert_eq!(
        viewer.notices(),
        ["main: the server says: keyboard ]0;evil is insecure"]
    );
}

#[test]
fn repeated_notices_are_told_with_a_count_and_ever_more_rarely() {
    let mut viewer = Viewer::with_displays(&[0]);
    for _ in 0..100 {
        viewer.receive(DISPLAY, frame(999, vec![]));
    }
    let notices = viewer.notices();
    assert_eq!(
        notices.first().map(String::as_str),
        Some("display:0: unknown message 999")
    );
    assert_eq!(
        notices.last().map(String::as_str),
        Some("display:0: unknown message 999 (64×)")
    );
    assert_eq!(notices.len(), 7);
}

#[test]
fn a_surface_is_told_with_its_size_its_pixels_and_then_the_mark() {
    let mut viewer = Viewer::with_displays(&[0]);
    viewer.display(&primary(4, 2));
    viewer.display(&Display::Mark);
    viewer.display(&fill(Rect::new(1, 0, 3, 2), 0x00aa_bbcc));
    let events: Vec<_> = viewer
        .events()
        .into_iter()
        .map(|event| match event {
            ClientEvent::Display(event) => event,
            other => panic!("{other:?}"),
        })
        .collect();
    let pixel = [0xcc, 0xbb, 0xaa, 0];
    assert_eq!(
        events,
        [
            Event::SurfaceCreated {
                display: 0,
                surface: 0,
                width: 4,
                height: 2
            },
            Event::Region {
                display: 0,
                surface: 0,
                rect: Rect::new(1, 0, 3, 2),
                pixels: RegionPixels::Raw {
                    data: pixel.repeat(4).into(),
                    stride: 8
                },
            },
            Event::Marked { display: 0 },
        ]
    );
}

#[test]
fn pixels_are_those_of_the_moment_the_event_is_taken() {
    let mut viewer = Viewer::with_displays(&[0]);
    viewer.display(&primary(2, 1));
    for color in 1..=200 {
        viewer.display(&fill(Rect::new(0, 0, 2, 1), color));
    }
    let regions = viewer.events().into_iter().filter_map(|event| match event {
        ClientEvent::Display(Event::Region {
            pixels: RegionPixels::Raw { data, .. },
            ..
        }) => Some(data[0]),
        _ => None,
    });
    assert_eq!(
        regions.collect::<Vec<_>>(),
        [200],
        "one event, with the newest colour"
    );
}

#[test]
fn a_user_who_looks_at_no_pixels_is_told_the_areas_only() {
    let config = SessionConfig {
        pixels: false,
        ..Default::default()
    };
    let mut viewer = Viewer::with(config, &[0]);
    viewer.display(&primary(4, 2));
    viewer.display(&fill(Rect::new(1, 0, 3, 2), 0x00aa_bbcc));
    let region = Event::Region {
        display: 0,
        surface: 0,
        rect: Rect::new(1, 0, 3, 2),
        pixels: RegionPixels::NotCut,
    };
    let last = viewer.events().pop();
    assert_eq!(last, Some(ClientEvent::Display(region)));
}

fn scroll(bbox: Rect, from: Point) -> Display<'static> {
    let base = DisplayBase {
        surface_id: 0,
        bbox,
        clip: Clip::None,
    };
    Display::CopyBits(CopyBits {
        base,
        src_pos: from,
    })
}

#[test]
fn a_move_is_told_as_a_move_and_what_is_drawn_after_it_as_pixels() {
    let mut viewer = Viewer::with_displays(&[0]);
    let mut framebuffer = Framebuffer::default();
    viewer.display(&primary(1, 4));
    for y in 0..4 {
        viewer.display(&fill(Rect::new(0, y, 1, y + 1), y as u32 + 1));
    }
    assert_eq!(picture(&mut viewer, &mut framebuffer), [1, 2, 3, 4]);

    viewer.display(&scroll(Rect::new(0, 0, 1, 3), Point::new(0, 1)));
    viewer.display(&fill(Rect::new(0, 3, 1, 4), 9));
    let events = viewer.events();
    let expected = Event::CopyRect {
        display: 0,
        surface: 0,
        src_x: 0,
        src_y: 1,
        dest_rect: Rect::new(0, 0, 1, 3),
    };
    assert_eq!(events[0], ClientEvent::Display(expected));
    for event in events {
        let ClientEvent::Display(event) = event else {
            panic!()
        };
        framebuffer.apply(&event);
    }
    assert_eq!(picture(&mut viewer, &mut framebuffer), [2, 3, 4, 9]);
}

#[test]
fn a_move_of_pixels_that_were_not_told_yet_is_told_as_pixels() {
    let mut viewer = Viewer::with_displays(&[0]);
    let mut framebuffer = Framebuffer::default();
    viewer.display(&primary(1, 4));
    viewer.events();
    framebuffer.apply(&Event::SurfaceCreated {
        display: 0,
        surface: 0,
        width: 1,
        height: 4,
    });
    viewer.display(&fill(Rect::new(0, 2, 1, 3), 5));
    viewer.display(&scroll(Rect::new(0, 0, 1, 2), Point::new(0, 2)));
    assert_eq!(picture(&mut viewer, &mut framebuffer), [5, 0, 5, 0]);
}

#[test]
fn a_move_in_pieces_is_told_as_pixels() {
    let mut viewer = Viewer::with_displays(&[0]);
    let mut framebuffer = Framebuffer::default();
    viewer.display(&primary(1, 4));
    for y in 0..4 {
        viewer.display(&fill(Rect::new(0, y, 1, y + 1), y as u32 + 1));
    }
    assert_eq!(picture(&mut viewer, &mut framebuffer), [1, 2, 3, 4]);
    let Display::CopyBits(mut command) = scroll(Rect::new(0, 1, 1, 4), Point::new(0, 0)) else {
        unreachable!("it is a COPY_BITS");
    };
    command.base.clip = Clip::Rects(vec![Rect::new(0, 1, 1, 2), Rect::new(0, 3, 1, 4)].into());

    viewer.display(&Display::CopyBits(command));

    assert_eq!(picture(&mut viewer, &mut framebuffer), [1, 1, 3, 3]);
}

#[test]
fn a_cached_image_that_is_unknown_is_skipped_when_no_other_display_could_bring_it() {
    let mut viewer = Viewer::with_displays(&[0]);
    viewer.display(&primary(1, 1));
    viewer.display(&copy(Rect::new(0, 0, 1, 1), from_cache(42)));
    viewer.display(&fill(Rect::new(0, 0, 1, 1), 3));
    let mut framebuffer = Framebuffer::default();
    assert_eq!(picture(&mut viewer, &mut framebuffer), [3]);
}

#[test]
fn a_display_waits_for_an_image_another_display_brings_and_then_catches_up_in_order() {
    let mut viewer = Viewer::with_displays(&[0, 1]);
    let mut framebuffer = Framebuffer::default();
    viewer.display(&primary(2, 1));
    viewer.display(&copy(Rect::new(0, 0, 1, 1), from_cache(42)));
    viewer.display(&fill(Rect::new(1, 0, 2, 1), 8));
    assert_eq!(picture(&mut viewer, &mut framebuffer), [0, 0], "both wait");

    let bytes = [7, 0, 0, 0];
    viewer.receive(DISPLAY_1, primary(1, 1).to_frame());
    let image = one_pixel(42, ImageFlags::CACHE_ME, &bytes);
    viewer.receive(DISPLAY_1, copy(Rect::new(0, 0, 1, 1), image).to_frame());
    let events = viewer.events().into_iter().filter_map(|e| match e {
        ClientEvent::Display(e @ Event::Region { display: 0, .. }) => Some(e),
        _ => None,
    });
    events.for_each(|e| {
        framebuffer.apply(&e);
    });
    assert_eq!(picture(&mut viewer, &mut framebuffer), [7, 8]);
}

#[test]
fn waiting_ends_after_five_seconds_with_a_notice() {
    let mut viewer = Viewer::with_displays(&[0, 1]);
    let mut framebuffer = Framebuffer::default();
    viewer.display(&primary(1, 1));
    viewer.display(&copy(Rect::new(0, 0, 1, 1), from_cache(42)));
    viewer.display(&fill(Rect::new(0, 0, 1, 1), 8));
    assert_eq!(picture(&mut viewer, &mut framebuffer), [0]);
    assert_eq!(viewer.session.poll_timeout(), Some(Duration::from_secs(5)));

    viewer.now = Duration::from_secs(5);
    viewer.session.tick(viewer.now);
    assert_eq!(viewer.session.poll_timeout(), None);
    assert_eq!(
        viewer.notices(),
        [
            "display:0: gave up waiting for cached image 0x2a",
            "display:0: DRAW_COPY: cached image 0x2a never arrived",
        ]
    );
    assert_eq!(
        viewer.session.display(0).map(|d| d.draws()),
        Some(1),
        "the fill behind it"
    );
}

#[test]
fn a_wait_for_channels_holds_back_what_follows_until_the_serial_was_handled() {
    let mut viewer = Viewer::with_displays(&[0, 1]);
    let mut framebuffer = Framebuffer::default();
    viewer.display(&primary(1, 1));
    let waits = vec![Wait {
        channel: DISPLAY_1,
        serial: 2,
    }];
    viewer.common(DISPLAY, &Common::WaitForChannels(WaitForChannels { waits }));
    viewer.display(&fill(Rect::new(0, 0, 1, 1), 4));

    viewer.receive(DISPLAY_1, Display::Mark.to_frame());
    assert_eq!(picture(&mut viewer, &mut framebuffer), [0]);
    viewer.receive(DISPLAY_1, Display::Mark.to_frame());
    assert_eq!(picture(&mut viewer, &mut framebuffer), [4]);
}

#[test]
fn emptying_the_cache_waits_for_the_channels_that_still_use_it() {
    let mut viewer = Viewer::with_displays(&[0, 1]);
    let bytes = [7, 0, 0, 0];
    viewer.display(&primary(1, 1));
    let image = one_pixel(42, ImageFlags::CACHE_ME, &bytes);
    viewer.display(&copy(Rect::new(0, 0, 1, 1), image));
    let waits = vec![Wait {
        channel: DISPLAY_1,
        serial: 1,
    }];
    viewer.display(&Display::InvalAllPixmaps(WaitForChannels { waits }));
    assert_eq!(viewer.session.stats(viewer.now).pixmap_cache_pixels, 1);
    viewer.receive(DISPLAY_1, Display::Mark.to_frame());
    assert_eq!(viewer.session.stats(viewer.now).pixmap_cache_pixels, 0);
}

#[test]
fn waits_for_oneself_or_for_channels_that_do_not_exist_do_not_wait() {
    let mut viewer = Viewer::with_displays(&[0]);
    let nobody = ChannelId::new(ChannelKind::Display, 3);
    let waits = vec![
        Wait {
            channel: nobody,
            serial: 9,
        },
        Wait {
            channel: DISPLAY,
            serial: 99,
        },
    ];
    viewer.common(DISPLAY, &Common::WaitForChannels(WaitForChannels { waits }));
    assert_eq!(viewer.session.poll_timeout(), None);
}

#[test]
fn two_displays_that_wait_for_each_other_go_on_after_the_patience_is_over() {
    let mut viewer = Viewer::with_displays(&[0, 1]);
    for (id, other) in [(DISPLAY, DISPLAY_1), (DISPLAY_1, DISPLAY)] {
        let waits = vec![Wait {
            channel: other,
            serial: 100,
        }];
        viewer.common(id, &Common::WaitForChannels(WaitForChannels { waits }));
    }
    viewer.display(&primary(1, 1));
    viewer.now = Duration::from_secs(6);
    viewer.session.tick(viewer.now);
    assert!(
        viewer
            .session
            .display(0)
            .is_some_and(|d| d.primary_size().is_some())
    );
}

#[test]
fn an_invalidated_image_is_gone_from_the_cache_of_every_display() {
    let mut viewer = Viewer::with_displays(&[0]);
    let bytes = [7, 0, 0, 0];
    viewer.display(&primary(1, 1));
    viewer.display(&copy(
        Rect::new(0, 0, 1, 1),
        one_pixel(42, ImageFlags::CACHE_ME, &bytes),
    ));
    assert_eq!(viewer.session.stats(viewer.now).pixmap_cache_pixels, 1);
    let resources = vec![Resource {
        kind: ResourceType::Pixmap,
        id: 42,
    }];
    viewer.display(&Display::InvalList(InvalList { resources }));
    assert_eq!(viewer.session.stats(viewer.now).pixmap_cache_pixels, 0);
}

#[test]
fn an_image_is_cached_even_when_its_drawing_is_clipped_away() {
    let mut viewer = Viewer::with_displays(&[0]);
    let bytes = [7, 0, 0, 0];
    viewer.display(&primary(1, 1));
    viewer.display(&copy(
        Rect::new(50, 50, 51, 51),
        one_pixel(42, ImageFlags::CACHE_ME, &bytes),
    ));
    viewer.display(&copy(Rect::new(0, 0, 1, 1), from_cache(42)));
    assert_eq!(picture(&mut viewer, &mut Framebuffer::default()), [7]);
}

#[test]
fn what_cannot_be_drawn_is_told_and_the_channel_goes_on() {
    let mut viewer = Viewer::with_displays(&[0]);
    viewer.display(&fill(Rect::new(0, 0, 1, 1), 1));
    viewer.receive(DISPLAY, frame(310, vec![0; 3]));
    assert_eq!(
        viewer.notices(),
        [
            "display:0: DRAW_FILL: there is no surface 0",
            "display:0: DRAW_STROKE: base.surface_id at byte 0: needs 4 bytes, 3 left",
        ]
    );
}

#[test]
fn a_surface_that_is_gone_takes_its_untold_changes_with_it() {
    let mut viewer = Viewer::with_displays(&[0]);
    viewer.display(&primary(2, 2));
    viewer.events();
    viewer.display(&fill(Rect::new(0, 0, 1, 1), 1));
    viewer.display(&Display::SurfaceDestroy(SurfaceDestroy { surface_id: 0 }));
    viewer.display(&primary(1, 1));
    let events: Vec<_> = viewer.events();
    let created = Event::SurfaceCreated {
        display: 0,
        surface: 0,
        width: 1,
        height: 1,
    };
    assert_eq!(events, [ClientEvent::Display(created)]);
}

#[test]
fn keys_go_out_as_set_1_codes_and_everything_held_is_released() {
    let mut viewer = Viewer::with_displays(&[]);
    for event in [
        InputEvent::KeyDown(0x1e),
        InputEvent::KeyDown(0xe04d),
        InputEvent::ReleaseAll,
    ] {
        viewer.session.command(Command::Input(event), viewer.now);
    }
    let sent: Vec<_> = viewer
        .sent_frames(ChannelId::INPUTS)
        .into_iter()
        .map(|f| (f.number, f.body.to_vec()))
        .collect();
    assert_eq!(
        sent,
        [
            (101, vec![0x1e, 0, 0, 0]),
            (101, vec![0xe0, 0x4d, 0, 0]),
            (102, vec![0xe0, 0xcd, 0, 0]),
            (102, vec![0x9e, 0, 0, 0]),
        ]
    );
}

#[test]
fn motion_adds_up_while_eight_are_on_their_way_and_an_ack_lets_four_more_go() {
    let mut viewer = Viewer::with_displays(&[]);
    let motion = |viewer: &mut Viewer| {
        viewer.session.command(
            Command::Input(InputEvent::Motion { dx: 1, dy: -1 }),
            viewer.now,
        )
    };
    (0..12).for_each(|_| motion(&mut viewer));
    assert_eq!(viewer.sent(ChannelId::INPUTS), [111; 8]);

    viewer.receive(ChannelId::INPUTS, frame(111, vec![]));
    let sent = viewer.sent_frames(ChannelId::INPUTS);
    assert_eq!(sent.len(), 1);
    assert_eq!(
        sent[0].body.as_ref(),
        [4, 0, 0, 0, 0xfc, 0xff, 0xff, 0xff, 0, 0]
    );
    (0..9).for_each(|_| motion(&mut viewer));
    assert_eq!(viewer.sent(ChannelId::INPUTS), [111; 3]);
}

#[test]
fn motion_is_followed_by_some_that_is_none_until_a_slow_guest_has_had_it_all() {
    let mut viewer = Viewer::with_displays(&[]);
    let motion = InputEvent::Motion { dx: 300, dy: 0 };
    viewer
        .session
        .command(Command::Input(motion), Duration::from_millis(5));
    viewer.outputs();

    let mut sent_at = Vec::new();
    while let Some(due) = viewer.session.poll_timeout() {
        viewer.session.tick(due);
        for sent in viewer.sent_frames(ChannelId::INPUTS) {
            assert_eq!((sent.number, &sent.body[..]), (111, &[0; 10][..]));
            sent_at.push(due.as_millis());
            // The window is not to be in the way here.
            viewer.receive(ChannelId::INPUTS, frame(111, vec![]));
        }
    }

    assert_eq!(sent_at, [25, 65, 145, 305, 625, 1265]);
}

#[test]
fn motion_that_is_none_is_for_server_mode_only() {
    let mut viewer = Viewer::with_displays(&[]);
    let motion = InputEvent::Motion { dx: 3, dy: 0 };
    viewer.session.command(Command::Input(motion), viewer.now);
    viewer.outputs();
    let mode = MouseModes {
        supported: MouseMode::SERVER | MouseMode::CLIENT,
        current: MouseMode::CLIENT,
    };
    viewer.main(&Main::MouseMode(mode));

    viewer.session.tick(Duration::from_millis(20));

    assert!(viewer.sent(ChannelId::INPUTS).is_empty());
    assert_eq!(viewer.session.poll_timeout(), None);
}

#[test]
fn a_click_sends_the_waiting_motion_first_and_carries_the_buttons_after_it() {
    let mut viewer = Viewer::with_displays(&[]);
    let input =
        |viewer: &mut Viewer, event| viewer.session.command(Command::Input(event), viewer.now);
    for _ in 0..9 {
        input(&mut viewer, InputEvent::Motion { dx: 1, dy: 0 });
    }
    viewer.outputs();
    input(&mut viewer, InputEvent::Press(Button::Right));
    input(&mut viewer, InputEvent::Wheel(Button::Down));
    input(&mut viewer, InputEvent::Release(Button::Right));
    let sent: Vec<_> = viewer
        .sent_frames(ChannelId::INPUTS)
        .into_iter()
        .map(|f| (f.number, f.body.to_vec()))
        .collect();
    assert_eq!(
        sent,
        [
            (111, vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            (113, vec![3, 4, 0]),
            (113, vec![5, 4, 0]),
            (114, vec![5, 4, 0]),
            (114, vec![3, 0, 0]),
        ]
    );
}

#[test]
fn of_what_was_held_an_inputs_channel_that_is_listed_again_knows_nothing() {
    let mut viewer = Viewer::with_displays(&[]);
    let input =
        |viewer: &mut Viewer, event| viewer.session.command(Command::Input(event), viewer.now);
    input(&mut viewer, InputEvent::KeyDown(0x1e));
    input(&mut viewer, InputEvent::Press(Button::Left));
    (0..9).for_each(|_| input(&mut viewer, InputEvent::Motion { dx: 1, dy: 0 }));

    // The server lets go of everything when its end is gone.
    viewer
        .session
        .closed(ChannelId::INPUTS, CloseReason::ByPeer);
    viewer.list(&[ChannelId::INPUTS]);
    viewer.open(ChannelId::INPUTS);
    viewer.outputs();

    input(&mut viewer, InputEvent::ReleaseAll);
    input(&mut viewer, InputEvent::Motion { dx: 1, dy: 0 });
    let sent = viewer.sent_frames(ChannelId::INPUTS);
    let sent: Vec<_> = sent.iter().map(|f| (f.number, f.body.to_vec())).collect();
    assert_eq!(sent, [(111, vec![1, 0, 0, 0, 0, 0, 0, 0, 0, 0])]);
}

#[test]
fn keys_pressed_before_the_inputs_channel_is_linked_are_sent_when_it_is() {
    let mut viewer = Viewer::linked(SessionConfig::default());
    let key =
        |viewer: &mut Viewer, event| viewer.session.command(Command::Input(event), viewer.now);
    key(&mut viewer, InputEvent::KeyDown(0x1e));
    viewer.main(&Main::ChannelsList(ChannelsList {
        channels: vec![ChannelId::INPUTS],
    }));
    key(&mut viewer, InputEvent::KeyUp(0x1e));
    assert!(viewer.sent(ChannelId::INPUTS).is_empty());

    viewer.open(ChannelId::INPUTS);

    let sent = viewer.sent_frames(ChannelId::INPUTS);
    let sent: Vec<_> = sent.iter().map(|f| (f.number, f.body.to_vec())).collect();
    let (down, up) = (vec![0x1e, 0, 0, 0], vec![0x9e, 0, 0, 0]);
    assert_eq!(sent, [(101, down), (102, up)]);
}

#[test]
fn a_viewer_that_only_looks_sends_no_input() {
    let config = SessionConfig {
        view_only: true,
        ..SessionConfig::default()
    };
    let mut viewer = Viewer::linked(config);
    viewer.main(&Main::ChannelsList(ChannelsList {
        channels: vec![ChannelId::INPUTS],
    }));
    viewer.open(ChannelId::INPUTS);
    viewer.outputs();
    viewer
        .session
        .command(Command::Input(InputEvent::KeyDown(0x1e)), viewer.now);
    assert_eq!(viewer.outputs(), []);
}

#[test]
fn the_end_is_told_once_and_last() {
    let mut viewer = Viewer::with_displays(&[0]);
    viewer.display(&primary(1, 1));
    viewer.session.closed(ChannelId::MAIN, CloseReason::ByPeer);
    viewer.session.closed(DISPLAY, CloseReason::ByPeer);
    viewer.session.command(Command::Disconnect, viewer.now);
    let events = viewer.events();
    assert_eq!(
        events.last(),
        Some(&ClientEvent::Closed(CloseReason::ByPeer))
    );
    let ends = events
        .iter()
        .filter(|e| matches!(e, ClientEvent::Closed(_)));
    assert_eq!(ends.count(), 1);
    let closed: Vec<_> = viewer.outputs();
    assert!(
        closed.contains(&Output::Close(DISPLAY))
            && closed.contains(&Output::Close(ChannelId::INPUTS))
    );
}

#[test]
fn what_waited_when_the_session_ended_is_told_no_more() {
    let mut viewer = Viewer::with_displays(&[0, 1]);
    let waits = vec![Wait {
        channel: DISPLAY_1,
        serial: 100,
    }];
    viewer.common(DISPLAY, &Common::WaitForChannels(WaitForChannels { waits }));
    viewer.receive(DISPLAY, frame(50, vec![]));

    // A violation on the main channel ends the session while a frame is handled.
    viewer.receive(ChannelId::MAIN, frame(103, vec![]));

    let events = viewer.events();
    let last = matches!(events.last(), Some(ClientEvent::Closed(_)));
    assert!(last, "{events:?}");
    assert_eq!(viewer.session.poll_timeout(), None);
}

#[test]
fn a_channel_that_closes_leaves_the_session_running() {
    let mut viewer = Viewer::with_displays(&[0]);
    viewer.session.closed(DISPLAY, CloseReason::ByPeer);
    assert_eq!(
        viewer.events(),
        [ClientEvent::ChannelClosed(DISPLAY, CloseReason::ByPeer)]
    );
    let channels = vec![DISPLAY];
    viewer.main(&Main::ChannelsList(ChannelsList { channels }));
    assert_eq!(
        viewer.outputs(),
        [Output::Open(DISPLAY)],
        "the server may bring it back"
    );
}

#[test]
fn a_second_init_ends_the_session_as_a_violation() {
    let mut viewer = Viewer::with_displays(&[]);
    viewer.main(&init());
    let events = viewer.events();
    assert!(
        matches!(
            events.last(),
            Some(ClientEvent::Closed(CloseReason::Protocol(_)))
        ),
        "{events:?}"
    );
}

#[test]
fn a_user_who_takes_no_events_is_told_the_newest_state_only() {
    let mut viewer = Viewer::with_displays(&[]);
    for i in 0..1000_u32 {
        viewer.main(&Main::MultiMediaTime(
            capsaicin::channel::main::messages::MultiMediaTime { time: i },
        ));
    }
    assert_eq!(
        viewer.events(),
        [ClientEvent::Main(MainEvent::MultiMediaTime(999))]
    );
}

#[test]
fn surfaces_beyond_the_limits_close_the_display_and_nothing_else() {
    for (width, height) in [(0, 5), (16385, 1), (16384, 16384)] {
        let mut viewer = Viewer::with_displays(&[0]);
        viewer.display(&primary(width, height));
        let events = viewer.events();
        let closed = matches!(
            events.last(),
            Some(ClientEvent::ChannelClosed(
                DISPLAY,
                CloseReason::Protocol(_)
            ))
        );
        assert!(closed, "{width}×{height}: {events:?}");
        viewer.session.command(Command::Stats, viewer.now);
        assert_eq!(viewer.session.stats(viewer.now).surface_bytes, 0);
    }
}
