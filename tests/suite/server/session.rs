//! One connected client, frame by frame: `ServerSession` against a scripted client.

use std::sync::Arc;
use std::time::Duration;

use capsaicin::InputEvent;
use capsaicin::channel::common::messages as common;
use capsaicin::channel::cursor::{Pointer, Shape, messages as cursor};
use capsaicin::channel::display::{Update, draw, image, messages as display};
use capsaicin::channel::inputs::{Button, Buttons, Locks, messages as inputs};
use capsaicin::channel::main::{Greeting, MouseMode, messages as main};
use capsaicin::channel::{ChannelId, ChannelKind, Message};
use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::link::{COMMON, Capabilities, Established};
use capsaicin::pixels::{PixelBuf, PixelFormat};
use capsaicin::session::{Output, Parting, ServerEvent, ServerSession};
use capsaicin::wire::{Frame, HeaderKind};

const MAIN: ChannelId = ChannelId::MAIN;
const INPUTS: ChannelId = ChannelId::INPUTS;
const DISPLAY: ChannelId = ChannelId::new(ChannelKind::Display, 0);
const CURSOR: ChannelId = ChannelId::new(ChannelKind::Cursor, 0);

const LOSSLESS: display::ImageCompression = display::ImageCompression::Off;

/// A session and the clock of its test.
struct Server {
    session: ServerSession,
    now: Duration,
}

impl Server {
    fn new() -> Self {
        let greeting = Greeting {
            session_id: 0x1234_5678,
            name: "attic".into(),
            uuid: *b"0123456789abcdef",
            media_ms: 1000,
        };
        Self {
            session: ServerSession::new(greeting, LOSSLESS),
            now: Duration::ZERO,
        }
    }

    /// With these channels linked by a client that announces what the reference client does.
    fn with(channels: &[ChannelId]) -> Self {
        let mut server = Self::new();
        assert!(channels.iter().all(|id| server.open(*id)));
        server
    }

    /// With a display channel that shows a 4×2 screen.
    fn showing() -> Self {
        let mut server = Self::with(&[MAIN, DISPLAY]);
        server.say(DISPLAY, &display_init());
        server.session.draw(&Update::Screen(colours(4, 2)));
        server.sent();
        server
    }

    fn open(&mut self, id: ChannelId) -> bool {
        let channel = match id.kind {
            ChannelKind::Main => &[1][..],
            ChannelKind::Display => &[1],
            _ => &[],
        };
        self.open_announcing(id, channel)
    }

    fn open_announcing(&mut self, id: ChannelId, channel: &[u32]) -> bool {
        let link = Established {
            header: HeaderKind::Mini,
            client: Capabilities::of(COMMON, channel),
            server: ServerSession::capabilities(id).unwrap_or_default(),
        };
        self.session.opened(id, &link, self.now)
    }

    fn say<'m>(&mut self, id: ChannelId, message: &impl Message<'m>) {
        self.session.receive(id, &message.to_frame(), self.now);
    }

    fn say_raw(&mut self, id: ChannelId, number: u16, body: &'static [u8]) {
        let frame = Frame::new(number, body);
        self.session.receive(id, &frame, self.now);
    }

    fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.session.tick(self.now);
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.session.poll_output()).collect()
    }

    /// Everything sent since the last call.
    fn sent(&mut self) -> Vec<Frame> {
        let frames = self
            .outputs()
            .into_iter()
            .filter_map(|output| match output {
                Output::Send(_, frame) => Some(frame),
                _ => None,
            });
        frames.collect()
    }

    fn numbers(&mut self) -> Vec<u16> {
        self.sent().iter().map(|frame| frame.number).collect()
    }

    fn closed(&mut self) -> Vec<ChannelId> {
        let closed = self
            .outputs()
            .into_iter()
            .filter_map(|output| match output {
                Output::Close(id) => Some(id),
                _ => None,
            });
        closed.collect()
    }

    fn inputs(&mut self) -> Vec<InputEvent> {
        let events = std::iter::from_fn(|| self.session.poll_event());
        let inputs = events.filter_map(|event| match event {
            ServerEvent::Input(input) => Some(input),
            _ => None,
        });
        inputs.collect()
    }
}

fn display_init() -> display::ClientMessage<'static> {
    display::ClientMessage::Init(display::Init {
        pixmap_cache_id: 1,
        pixmap_cache_size: 20_971_520,
        glz_dictionary_id: 1,
        glz_dictionary_window_size: 3_145_728,
    })
}

/// A picture in which no pixel is like its neighbour.
fn colours(width: u32, height: u32) -> PixelBuf {
    let size = Size::new(width, height);
    let data = (0..size.area())
        .flat_map(|i| [i as u8, (i * 7) as u8, (i * 13) as u8, 0])
        .collect();
    PixelBuf::from_data(PixelFormat::Xrgb, size, data).expect("as many bytes as pixels")
}

fn flat(width: u32, height: u32, pixel: [u8; 4]) -> PixelBuf {
    let size = Size::new(width, height);
    let data = pixel.repeat(size.area() as usize);
    PixelBuf::from_data(PixelFormat::Xrgb, size, data).expect("as many bytes as pixels")
}

fn decode(frame: &Frame) -> display::ServerMessage<'_> {
    display::ServerMessage::decode(frame.number, &frame.body).expect("a message of ours")
}

fn shape(n: u32) -> Arc<Shape> {
    Arc::new(Shape {
        size: Size::new(2, 1),
        hot_spot: Point::new(1, 0),
        pixels: [n.to_le_bytes(), [1, 2, 3, 255]].concat(),
        invert: vec![],
    })
}

fn pointer(shape: Option<Arc<Shape>>) -> Pointer {
    Pointer {
        shape,
        position: Point::new(10, 20),
        visible: true,
    }
}

#[test]
fn main_begins_with_init_name_and_uuid() {
    let mut server = Server::with(&[MAIN]);
    let sent = server.sent();
    let bodies: Vec<&[u8]> = sent.iter().map(|f| f.body.as_ref()).collect();
    assert_eq!(
        sent.iter().map(|f| f.number).collect::<Vec<_>>(),
        [103, 113, 114]
    );
    // Session, displays, modes 3 and 2, no agent, 10 tokens, clock less 400, no hint.
    let init = [0x1234_5678_u32, 1, 3, 2, 0, 10, 600, 0];
    assert_eq!(bodies[0], init.map(u32::to_le_bytes).concat());
    assert_eq!(bodies[1], b"\x06\0\0\0attic\0");
    assert_eq!(bodies[2], b"0123456789abcdef");
    assert_eq!(sent.iter().map(|f| f.serial).collect::<Vec<_>>(), [1, 2, 3]);
}

#[test]
fn a_client_without_the_capability_is_told_no_name() {
    let mut server = Server::new();
    server.open_announcing(MAIN, &[]);
    assert_eq!(server.numbers(), [103]);
}

#[test]
fn attaching_is_answered_with_all_channels_but_main() {
    let mut server = Server::with(&[MAIN]);
    server.sent();
    server.say(MAIN, &main::ClientMessage::AttachChannels);
    let sent = server.sent();
    assert_eq!(sent[0].number, 104);
    assert_eq!(sent[0].body.as_ref(), [3, 0, 0, 0, 2, 0, 3, 0, 4, 0]);
}

#[test]
fn a_display_says_nothing_before_init_and_then_what_the_reference_says_in_its_order() {
    let mut server = Server::with(&[MAIN]);
    server.sent();
    server.open(DISPLAY);
    assert!(!server.session.wants_picture());
    assert_eq!(server.numbers(), [0_u16; 0]);

    server.say(DISPLAY, &display_init());
    server.session.draw(&Update::Screen(colours(4, 2)));
    let sent = server.sent();
    let numbers: Vec<u16> = sent.iter().map(|f| f.number).collect();
    assert_eq!(numbers, [3, 108, 314, 304, 317, 102]);
    assert_eq!(sent[0].body.as_ref(), [1, 0, 0, 0, 20, 0, 0, 0]);
    let create = [0_u32, 4, 2, 32, 1].map(u32::to_le_bytes).concat();
    assert_eq!(sent[2].body, create);
    let mut monitors = vec![1, 0, 1, 0];
    monitors.extend([0_u32, 0, 4, 2, 0, 0, 0].map(u32::to_le_bytes).concat());
    assert_eq!(sent[4].body, monitors);
}

#[test]
fn a_client_that_knows_no_monitors_is_sent_none() {
    let mut server = Server::with(&[MAIN]);
    server.open_announcing(DISPLAY, &[]);
    server.sent();
    server.say(DISPLAY, &display_init());
    server.session.draw(&Update::Screen(colours(4, 2)));
    assert_eq!(server.numbers(), [3, 108, 314, 304, 102]);
}

#[test]
fn an_image_is_a_plain_copy_of_top_down_rows() {
    let mut server = Server::showing();
    server.session.draw(&Update::Pixels {
        at: Point::new(1, 1),
        pixels: colours(3, 1),
    });
    let sent = server.sent();
    let display::ServerMessage::DrawCopy(copy) = decode(&sent[0]) else {
        panic!("{:?}", sent[0])
    };
    assert_eq!(copy.base.bbox, Rect::new(1, 1, 4, 2));
    assert_eq!(copy.base.clip, draw::Clip::None);
    assert_eq!(copy.src_area, Rect::new(0, 0, 3, 1));
    assert_eq!(copy.rop, draw::Rop::OP_PUT);
    assert_eq!(copy.mask, draw::QMask::default());
    assert_eq!(copy.src_bitmap.flags, image::ImageFlags::empty());
    let image::ImageData::Bitmap(bitmap) = copy.src_bitmap.data else {
        panic!("not a bitmap")
    };
    assert_eq!(bitmap.format, image::BitmapFormat::ThirtyTwoBit);
    assert_eq!(bitmap.flags, image::BitmapFlags::TOP_DOWN);
    assert_eq!(bitmap.stride, 12);
    assert_eq!(bitmap.rows, [0, 0, 0, 0, 1, 7, 13, 0, 2, 14, 26, 0]);
}

#[test]
fn an_area_of_one_colour_is_a_fill_of_41_bytes() {
    let mut server = Server::showing();
    server.session.draw(&Update::Pixels {
        at: Point::new(1, 0),
        pixels: flat(2, 2, [0x33, 0x22, 0x11, 0x99]),
    });
    let sent = server.sent();
    assert_eq!(sent[0].number, 302);
    assert_eq!(sent[0].body.len(), 41);
    let display::ServerMessage::DrawFill(fill) = decode(&sent[0]) else {
        panic!("{:?}", sent[0])
    };
    assert_eq!(fill.base.bbox, Rect::new(1, 0, 3, 2));
    assert_eq!(fill.brush, draw::Brush::Solid(0x0011_2233));
}

#[test]
fn a_moved_area_is_a_copy_bits() {
    let mut server = Server::showing();
    server.session.draw(&Update::Copy {
        from: Point::new(2, 1),
        to: Rect::new(0, 0, 2, 1),
    });
    let sent = server.sent();
    let display::ServerMessage::CopyBits(copy) = decode(&sent[0]) else {
        panic!("{:?}", sent[0])
    };
    assert_eq!(
        (copy.src_pos, copy.base.bbox),
        (Point::new(2, 1), Rect::new(0, 0, 2, 1))
    );
}

#[test]
fn a_new_size_destroys_the_surface_and_shows_another() {
    let mut server = Server::showing();
    assert_eq!(server.session.screen_size(), Some(Size::new(4, 2)));
    server.session.draw(&Update::Screen(colours(6, 3)));
    assert_eq!(server.numbers(), [315, 314, 304, 317, 102]);
    assert_eq!(server.session.screen_size(), Some(Size::new(6, 3)));
}

#[test]
fn a_silent_client_gets_41_messages_and_20_more_for_each_acknowledgement() {
    let mut server = Server::with(&[MAIN, DISPLAY]);
    server.sent();
    server.say(DISPLAY, &display_init());
    let dot = Update::Pixels {
        at: Point::new(0, 0),
        pixels: flat(1, 1, [0; 4]),
    };
    let draw_all = |server: &mut Server| {
        let mut sent = server.numbers().len();
        while server.session.wants_picture() {
            server.session.draw(&dot);
            sent += server.numbers().len();
        }
        sent
    };
    assert_eq!(draw_all(&mut server), 41);
    // What is drawn all the same waits.
    server.session.draw(&dot);
    assert_eq!(server.numbers(), [0_u16; 0]);

    server.say(DISPLAY, &common::ClientMessage::Ack);
    assert_eq!(draw_all(&mut server), 0, "before ACK_SYNC");
    server.say(
        DISPLAY,
        &common::ClientMessage::AckSync(common::AckSync { generation: 1 }),
    );
    server.say(DISPLAY, &common::ClientMessage::Ack);
    assert_eq!(draw_all(&mut server), 20);
}

#[test]
fn more_acknowledgements_than_messages_open_no_window() {
    let mut server = Server::showing();
    server.say(
        DISPLAY,
        &common::ClientMessage::AckSync(common::AckSync { generation: 1 }),
    );
    (0..1000).for_each(|_| server.say(DISPLAY, &common::ClientMessage::Ack));
    let dot = Update::Pixels {
        at: Point::new(0, 0),
        pixels: flat(1, 1, [0; 4]),
    };
    let mut sent = 0;
    while server.session.wants_picture() {
        server.session.draw(&dot);
        sent += server.numbers().len();
    }
    assert_eq!(sent, 41);
}

#[test]
fn inputs_begin_with_the_lights_and_every_fourth_motion_is_acknowledged() {
    let mut server = Server::with(&[MAIN]);
    server.sent();
    server.open(INPUTS);
    let sent = server.sent();
    assert_eq!((sent[0].number, sent[0].body.as_ref()), (101, &[0, 0][..]));

    let position = inputs::ClientMessage::MousePosition(inputs::MousePosition {
        x: 1,
        y: 1,
        buttons: Buttons::empty(),
        display_id: 0,
    });
    (0..10).for_each(|_| server.say(INPUTS, &position));
    assert_eq!(server.numbers(), [111, 111]);
}

#[test]
fn keys_are_told_apart_by_their_scan_codes() {
    let mut server = Server::with(&[MAIN, INPUTS]);
    let down = |server: &mut Server, bytes: [u8; 4]| {
        let code = u32::from_le_bytes(bytes);
        server.say(
            INPUTS,
            &inputs::ClientMessage::KeyDown(inputs::KeyCode { code }),
        );
    };
    down(&mut server, [0x1e, 0, 0, 0]);
    down(&mut server, [0x9e, 0, 0, 0]);
    down(&mut server, [0xe0, 0x4d, 0, 0]);
    down(&mut server, [0xe0, 0xcd, 0, 0]);
    // Pause, in two messages each way as the reference client sends it.
    down(&mut server, [0xe1, 0x1d, 0, 0]);
    down(&mut server, [0x45, 0, 0, 0]);
    down(&mut server, [0xe1, 0x9d, 0, 0]);
    down(&mut server, [0xc5, 0, 0, 0]);
    assert_eq!(
        server.inputs(),
        [
            InputEvent::KeyDown(0x1e),
            InputEvent::KeyUp(0x1e),
            InputEvent::KeyDown(0xe04d),
            InputEvent::KeyUp(0xe04d),
            InputEvent::KeyDown(0x00e1_1d45),
            InputEvent::KeyUp(0x00e1_1d45),
        ]
    );
    // The shifts a keyboard wraps around PrintScreen are no keys.
    server.say_raw(
        INPUTS,
        104,
        &[0xe0, 0x2a, 0xe0, 0x37, 0xe0, 0xb7, 0xe0, 0xaa],
    );
    assert_eq!(
        server.inputs(),
        [InputEvent::KeyDown(0xe037), InputEvent::KeyUp(0xe037)]
    );
}

#[test]
fn no_sequence_of_bytes_wedges_the_keyboard() {
    let mut server = Server::with(&[MAIN, INPUTS]);
    server.say_raw(INPUTS, 104, &[0xe0; 300]);
    server.say_raw(INPUTS, 104, &[0xe1, 0xe1, 0xe0, 0xe2, 0, 0x80]);
    server.inputs();
    server.say_raw(INPUTS, 104, &[0x1e, 0x9e]);
    assert_eq!(
        server.inputs(),
        [InputEvent::KeyDown(0x1e), InputEvent::KeyUp(0x1e)]
    );
}

#[test]
fn the_lights_are_reported_two_seconds_after_a_lock_key() {
    let mut server = Server::with(&[MAIN, INPUTS]);
    server.sent();
    server.say_raw(INPUTS, 101, &[0x3a, 0, 0, 0]);
    server.say_raw(INPUTS, 101, &[0x3a, 0, 0, 0]);
    assert_eq!(server.session.poll_timeout(), Some(Duration::from_secs(2)));
    server.wait(1);
    assert_eq!(server.numbers(), [0_u16; 0]);
    server.wait(1);
    let sent = server.sent();
    assert_eq!((sent[0].number, sent[0].body.as_ref()), (102, &[4, 0][..]));
}

#[test]
fn locks_are_brought_in_step_by_pressing_their_keys() {
    let mut server = Server::with(&[MAIN, INPUTS]);
    let wish =
        |locks: Locks| inputs::ClientMessage::KeyModifiers(inputs::Modifiers { modifiers: locks });
    server.say(INPUTS, &wish(Locks::CAPS | Locks::SCROLL));
    assert_eq!(
        server.inputs(),
        [
            InputEvent::KeyDown(0x46),
            InputEvent::KeyUp(0x46),
            InputEvent::KeyDown(0x3a),
            InputEvent::KeyUp(0x3a),
        ]
    );
    server.say(INPUTS, &wish(Locks::CAPS | Locks::SCROLL));
    assert_eq!(server.inputs(), []);
    // A lock key that is held is left alone.
    server.say_raw(INPUTS, 101, &[0x45, 0, 0, 0]);
    server.inputs();
    server.say(INPUTS, &wish(Locks::CAPS | Locks::SCROLL));
    assert_eq!(server.inputs(), []);
}

#[test]
fn what_a_client_holds_is_let_go_when_it_goes() {
    let mut server = Server::with(&[MAIN, INPUTS]);
    server.say_raw(INPUTS, 101, &[0x2a, 0, 0, 0]);
    server.say_raw(INPUTS, 101, &[0xe0, 0x4d, 0, 0]);
    server.say_raw(INPUTS, 113, &[1, 1, 0]);
    server.inputs();
    server.session.closed(INPUTS, Parting::Left);
    assert_eq!(
        server.inputs(),
        [
            InputEvent::KeyUp(0xe04d),
            InputEvent::KeyUp(0x2a),
            InputEvent::Release(Button::Left),
        ]
    );
}

#[test]
fn buttons_are_pressed_and_released_in_turn_and_the_wheel_is_one_event() {
    let mut server = Server::with(&[MAIN, INPUTS]);
    server.say_raw(INPUTS, 113, &[3, 4, 0]);
    server.say_raw(INPUTS, 113, &[3, 4, 0]);
    server.say_raw(INPUTS, 114, &[3, 0, 0]);
    server.say_raw(INPUTS, 114, &[3, 0, 0]);
    server.say_raw(INPUTS, 113, &[4, 0, 0]);
    server.say_raw(INPUTS, 114, &[4, 0, 0]);
    server.say_raw(INPUTS, 113, &[99, 0xff, 0xff]);
    assert_eq!(
        server.inputs(),
        [
            InputEvent::Press(Button::Right),
            InputEvent::Release(Button::Right),
            InputEvent::Wheel(Button::Up),
        ]
    );
}

#[test]
fn positions_count_in_client_mode_and_motion_in_server_mode() {
    let mut server = Server::showing();
    server.open(INPUTS);
    server.sent();
    let position = inputs::ClientMessage::MousePosition(inputs::MousePosition {
        x: 3,
        y: 7000,
        buttons: Buttons::empty(),
        display_id: 0,
    });
    let motion = inputs::ClientMessage::MouseMotion(inputs::MouseMotion {
        dx: -5,
        dy: 6,
        buttons: Buttons::empty(),
    });
    server.say(INPUTS, &position);
    server.say(INPUTS, &motion);
    // The screen has two rows.
    let here = InputEvent::Position {
        x: 3,
        y: 1,
        display: 0,
    };
    assert_eq!(server.inputs(), [here]);

    let request = |mode| main::ClientMessage::MouseModeRequest(main::MouseModeRequest { mode });
    server.say(MAIN, &request(MouseMode::SERVER));
    let sent = server.sent();
    assert_eq!(
        (sent[0].number, sent[0].body.as_ref()),
        (105, &[3, 0, 1, 0][..])
    );
    assert_eq!(
        server.session.poll_event(),
        Some(ServerEvent::MouseMode(MouseMode::SERVER))
    );
    server.say(INPUTS, &position);
    server.say(INPUTS, &motion);
    assert_eq!(server.inputs(), [InputEvent::Motion { dx: -5, dy: 6 }]);
    assert_eq!(server.numbers(), [111], "all four count");

    server.say(MAIN, &request(MouseMode::SERVER));
    server.say(MAIN, &request(MouseMode(3)));
    server.say(MAIN, &request(MouseMode(8)));
    assert_eq!(server.numbers(), [0_u16; 0]);
}

#[test]
fn the_pointer_is_introduced_then_only_its_changes_are_sent() {
    let mut server = Server::with(&[MAIN]);
    server.sent();
    server.open(CURSOR);
    server.session.point(&pointer(None));
    let sent = server.sent();
    assert_eq!((sent[0].number, sent[1].number), (3, 101));
    // Position 10, 20; no trail; visible; no shape.
    assert_eq!(sent[1].body.as_ref(), [10, 0, 20, 0, 0, 0, 0, 0, 1, 1, 0]);

    server.session.point(&pointer(None));
    assert_eq!(server.numbers(), [0_u16; 0]);

    server.session.point(&pointer(Some(shape(1))));
    let sent = server.sent();
    assert_eq!(sent[0].number, 103);
    let cursor::ServerMessage::Set(set) =
        cursor::ServerMessage::decode(103, &sent[0].body).unwrap()
    else {
        panic!()
    };
    let header = set.cursor.header.unwrap();
    assert_eq!(set.cursor.flags, cursor::CursorFlags::CACHE_ME);
    assert_eq!(header.cursor_type, cursor::CursorType::Alpha);
    assert_eq!((header.width, header.height, header.hot_spot_x), (2, 1, 1));
    assert_eq!(set.cursor.data, [1, 0, 0, 0, 1, 2, 3, 255]);

    let hidden = Pointer {
        visible: false,
        ..pointer(Some(shape(1)))
    };
    server.session.point(&hidden);
    assert_eq!(server.numbers(), [105]);
    server.session.point(&pointer(Some(shape(1))));
    assert_eq!(server.numbers(), [104]);
}

#[test]
fn the_pointer_s_place_is_sent_in_server_mode_only() {
    let mut server = Server::with(&[MAIN, CURSOR]);
    server.session.point(&pointer(Some(shape(1))));
    server.sent();
    let elsewhere = Pointer {
        position: Point::new(-3, 40),
        ..pointer(Some(shape(1)))
    };
    server.session.point(&elsewhere);
    assert_eq!(server.numbers(), [0_u16; 0]);

    let mode = MouseMode::SERVER;
    server.say(
        MAIN,
        &main::ClientMessage::MouseModeRequest(main::MouseModeRequest { mode }),
    );
    server.sent();
    server.session.point(&elsewhere);
    let sent = server.sent();
    assert_eq!(
        (sent[0].number, sent[0].body.as_ref()),
        (104, &[0xfd, 0xff, 40, 0][..])
    );
}

#[test]
fn a_shape_the_client_has_is_named_and_the_257th_pushes_one_out() {
    let mut server = Server::with(&[MAIN, CURSOR]);
    let ack = common::ClientMessage::Ack;
    server.say(
        CURSOR,
        &common::ClientMessage::AckSync(common::AckSync { generation: 1 }),
    );
    server.session.point(&pointer(Some(shape(0))));
    server.sent();
    server.session.point(&pointer(Some(shape(1))));
    server.sent();
    server.session.point(&pointer(Some(shape(0))));
    let sent = server.sent();
    let cursor::ServerMessage::Set(set) =
        cursor::ServerMessage::decode(103, &sent[0].body).unwrap()
    else {
        panic!()
    };
    assert_eq!(set.cursor.flags, cursor::CursorFlags::FROM_CACHE);
    assert_eq!(sent[0].body.len(), 5 + 2 + 17);

    for n in 2..256 {
        server.session.point(&pointer(Some(shape(n))));
        assert_eq!(server.numbers(), [103], "shape {n}");
        server.say(CURSOR, &ack);
    }
    server.session.point(&pointer(Some(shape(256))));
    assert_eq!(server.numbers(), [107, 103]);
}

#[test]
fn a_shape_that_inverts_is_sent_as_colours_with_a_mask() {
    let mut server = Server::with(&[MAIN, CURSOR]);
    let beam = Shape {
        size: Size::new(3, 1),
        hot_spot: Point::new(9, 0),
        pixels: [[0; 4], [0; 4], [1, 2, 3, 255]].concat(),
        invert: vec![1, 0, 0],
    };
    server.session.point(&pointer(Some(Arc::new(beam))));
    let sent = server.sent();
    let init = sent.last().unwrap();
    let cursor::ServerMessage::Init(init) =
        cursor::ServerMessage::decode(init.number, &init.body).unwrap()
    else {
        panic!()
    };
    let header = init.cursor.header.unwrap();
    assert_eq!(header.cursor_type, cursor::CursorType::Color32);
    assert_eq!(header.hot_spot_x, 3, "not beyond the edge");
    // White under a set mask bit inverts, black is transparent.
    assert_eq!(
        init.cursor.data,
        [255, 255, 255, 0, 0, 0, 0, 0, 1, 2, 3, 0, 0b1100_0000]
    );
}

#[test]
fn a_broken_channel_closes_alone_and_is_reported() {
    let mut server = Server::showing();
    server.say(DISPLAY, &display_init());
    assert_eq!(server.closed(), [DISPLAY]);
    assert_eq!(server.session.ended(), None);
    let Some(ServerEvent::Notice(notice)) = server.session.poll_event() else {
        panic!("no notice")
    };
    assert_eq!(notice.to_string(), "display:0: a second INIT");
    // It may come again, and begins from the start.
    server.open(DISPLAY);
    server.say(DISPLAY, &display_init());
    server.session.draw(&Update::Screen(colours(4, 2)));
    assert_eq!(server.numbers(), [3, 108, 314, 304, 317, 102]);
}

#[test]
fn violations_on_the_display_channel_close_it_and_oddities_do_not() {
    for (number, body) in [
        (101, &[0; 13][..]),
        (
            102,
            &[
                50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 0,
            ],
        ),
        (102, &[0; 31]),
        (104, &[]),
        (4, &[]),
        (5, &[]),
        (8, &[0, 0]),
        (999, &[]),
    ] {
        let mut server = Server::showing();
        server.say_raw(DISPLAY, number, body);
        assert_eq!(server.closed(), [DISPLAY], "message {number}");
    }
    for (number, body) in [
        (103, &[0][..]),
        (103, &[8]),
        (105, &[0]),
        (105, &[2, 9, 200]),
        (
            102,
            &[
                49, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                0, 0, 0, 0, 0,
            ],
        ),
        (3, &[0; 12]),
        (6, &[0; 12]),
    ] {
        let mut server = Server::showing();
        server.say_raw(DISPLAY, number, body);
        assert_eq!(server.closed(), [], "message {number}");
    }
}

#[test]
fn a_broken_main_channel_ends_the_session() {
    let mut server = Server::with(&[MAIN, INPUTS, CURSOR]);
    server.say_raw(INPUTS, 101, &[0x1e, 0, 0, 0]);
    server.inputs();
    server.say_raw(MAIN, 999, &[]);
    let Some(Parting::Fault(fault)) = server.session.ended() else {
        panic!("{:?}", server.session.ended())
    };
    assert_eq!(fault.to_string(), "unknown message 999");
    assert_eq!(server.closed().len(), 3);
    assert_eq!(server.inputs(), [InputEvent::KeyUp(0x1e)]);
}

#[test]
fn messages_for_an_agent_that_is_not_there_are_dropped_if_they_are_short() {
    let mut server = Server::with(&[MAIN]);
    server.sent();
    server.say_raw(MAIN, 106, &[255; 4]);
    server.say_raw(MAIN, 107, &[0; 2048]);
    server.say_raw(MAIN, 108, &[255; 4]);
    assert_eq!(server.session.ended(), None);
    server.say_raw(MAIN, 107, &[0; 2049]);
    assert!(matches!(server.session.ended(), Some(Parting::Fault(_))));
}

#[test]
fn a_display_that_never_says_init_is_closed_after_30_seconds() {
    let mut server = Server::with(&[MAIN, DISPLAY]);
    server.wait(29);
    assert_eq!(server.closed(), []);
    server.wait(1);
    assert_eq!(server.closed(), [DISPLAY]);
}

#[test]
fn a_quiet_client_is_asked_whether_it_is_there_and_given_up_when_it_does_not_answer() {
    let mut server = Server::with(&[MAIN]);
    server.sent();
    assert_eq!(server.session.poll_timeout(), Some(Duration::from_secs(30)));
    server.wait(30);
    assert_eq!(server.numbers(), [4]);
    server.wait(20);
    server.say_raw(MAIN, 3, &[0; 12]);
    server.wait(29);
    assert_eq!(server.numbers(), [0_u16; 0]);
    server.wait(1);
    assert_eq!(server.numbers(), [4]);
    server.wait(30);
    assert_eq!(server.session.ended(), Some(&Parting::Silent));
}

#[test]
fn a_channel_that_is_linked_already_or_does_not_exist_is_not_taken() {
    let mut server = Server::with(&[MAIN, INPUTS]);
    assert!(!server.open(INPUTS));
    let second = ChannelId::new(ChannelKind::Display, 1);
    assert_eq!(ServerSession::capabilities(second), None);
    assert!(!server.open(second));
    // The first one goes on.
    server.say_raw(INPUTS, 101, &[0x1e, 0, 0, 0]);
    assert_eq!(server.inputs(), [InputEvent::KeyDown(0x1e)]);
}
