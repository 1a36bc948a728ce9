//! The cursor channel: pixels of every kind of shape, the cache, and when the pointer shows.

use std::collections::VecDeque;
use std::sync::Arc;

use capsaicin::channel::cursor::Client;
use capsaicin::channel::cursor::messages::{
    Cursor, CursorFlags, CursorHeader, CursorType, Init, InvalOne, Move, Point16, ServerMessage,
    Set, Trail,
};
use capsaicin::channel::cursor::{Event, Shape};
use capsaicin::geometry::{Point, Size};
use capsaicin::pixels::{PixelBuf, PixelFormat};

use crate::messages::{Decoded, Way, decode, fixtures};

/// A cursor channel and what it said.
struct Channel {
    client: Client,
    events: VecDeque<Event>,
}

impl Channel {
    /// The channel of display 3 before its INIT.
    fn new() -> Self {
        Self {
            client: Client::new(3),
            events: VecDeque::new(),
        }
    }

    /// The channel after an INIT without a shape.
    fn ready() -> Self {
        let mut channel = Self::new();
        channel.says(&init(Cursor::NONE)).unwrap();
        channel.take();
        channel
    }

    fn says(&mut self, message: &ServerMessage<'_>) -> Result<(), String> {
        self.client.on_message(message, &mut self.events)
    }

    /// The events since the last call.
    fn take(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    /// Sets a shape and gives it as the user sees it.
    fn shows(&mut self, cursor: Cursor<'_>) -> Arc<Shape> {
        self.says(&set(1, cursor)).unwrap();
        match self.take().swap_remove(0) {
            Event::Shape {
                shape: Some(shape), ..
            } => shape,
            other => panic!("{other:?}"),
        }
    }
}

fn init(cursor: Cursor<'_>) -> ServerMessage<'_> {
    ServerMessage::Init(Init {
        position: Point16 { x: 10, y: 20 },
        trail_length: 0,
        trail_frequency: 0,
        visible: 1,
        cursor,
    })
}

fn set(visible: u8, cursor: Cursor<'_>) -> ServerMessage<'_> {
    ServerMessage::Set(Set {
        position: Point16 { x: -1, y: 7 },
        visible,
        cursor,
    })
}

fn cursor(kind: CursorType, width: u16, height: u16, data: &[u8]) -> Cursor<'_> {
    Cursor {
        flags: CursorFlags::empty(),
        header: Some(CursorHeader {
            unique: 0,
            cursor_type: kind,
            width,
            height,
            hot_spot_x: 0,
            hot_spot_y: 0,
        }),
        data,
    }
}

/// A shape of one pixel that is to be cached, or comes from the cache.
fn cached(id: u64, flags: CursorFlags, data: &[u8]) -> Cursor<'_> {
    let mut cursor = cursor(CursorType::Alpha, 1, 1, data);
    cursor.flags = flags;
    cursor.header.as_mut().unwrap().unique = id;
    cursor
}

fn moved(x: i32, y: i32) -> Event {
    Event::Moved {
        display: 3,
        position: Point::new(x, y),
    }
}

fn visible(visible: bool) -> Event {
    Event::Visible {
        display: 3,
        visible,
    }
}

fn no_shape() -> Event {
    Event::Shape {
        display: 3,
        shape: None,
    }
}

/// The picture of a shape with these pixels.
fn decoded(kind: CursorType, width: u16, height: u16, data: &[u8]) -> Arc<Shape> {
    Channel::ready().shows(cursor(kind, width, height, data))
}

const OPAQUE_RED: [u8; 4] = [0, 0, 0xff, 0xff];

// Pixels.

#[test]
fn an_alpha_shape_is_premultiplied_on_the_wire_and_straight_afterwards() {
    // Half transparent; 0x20 × 255 / 0x80 = 63.75, 127.5, 191.25.
    let shape = decoded(CursorType::Alpha, 1, 1, &[0x20, 0x40, 0x60, 0x80]);
    assert_eq!(shape.pixels, [64, 128, 191, 0x80]);
    // Opaque stays; transparent is nothing; more colour than alpha is full colour.
    let shape = decoded(
        CursorType::Alpha,
        3,
        1,
        &[1, 2, 3, 255, 9, 9, 9, 0, 0, 10, 200, 100],
    );
    assert_eq!(shape.pixels, [1, 2, 3, 255, 0, 0, 0, 0, 0, 26, 255, 100]);
    assert_eq!(shape.size, Size::new(3, 1));
    assert!(shape.invert.is_empty());
}

#[test]
fn a_monochrome_shape_is_black_white_nothing_or_inverted() {
    // Ten columns: rows are two bytes. AND 0011…, XOR 0101… gives black, white, nothing, inverted; the rest nothing.
    let shape = decoded(
        CursorType::Mono,
        10,
        1,
        &[0b0011_1111, 0xff, 0b0101_0000, 0],
    );
    assert_eq!(
        shape.pixels[..16],
        [
            0, 0, 0, 255, 255, 255, 255, 255, 0, 0, 0, 0, 255, 255, 255, 0
        ]
    );
    assert_eq!(shape.invert, [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn sixteen_colours_are_nibbles_with_a_palette_and_a_mask() {
    // Three columns, two rows; a row of nibbles is two bytes. Colour 1 is red, 2 is blue.
    let mut data = vec![0x12, 0x00, 0x21, 0x10];
    data.extend([0; 4]);
    data.extend([0, 0, 0xff, 0, 0xff, 0, 0, 0]);
    data.extend([0; 13 * 4]);
    // The mask runs on from row to row: pixels 2 (black), 4 (red).
    let linear = [data.clone(), vec![0b0010_1000]].concat();
    let shape = decoded(CursorType::Color4, 3, 2, &linear);
    let blue = [0xff, 0, 0, 0xff];
    let expected = [OPAQUE_RED, blue, [0; 4], blue, [0, 0, 0xff, 0], OPAQUE_RED];
    assert_eq!(shape.pixels, expected.concat());
    assert_eq!(shape.invert, [0, 0, 0, 0, 1, 0]);
    // The same with the mask's rows filled to whole bytes.
    let padded = [data, vec![0b0010_0000, 0b0100_0000]].concat();
    assert_eq!(decoded(CursorType::Color4, 3, 2, &padded), shape);
}

#[test]
fn words_are_expanded_without_filling_the_low_bits() {
    // x1 r5 g5 b5: full red; white under the mask; white beside it.
    let words = [0x7c00_u16, 0x7fff, 0xffff].map(u16::to_le_bytes).concat();
    let shape = decoded(
        CursorType::Color16,
        3,
        1,
        &[words, vec![0b0100_0000]].concat(),
    );
    let expected = [
        [0, 0, 0xf8, 0xff],
        [0xff, 0xff, 0xff, 0],
        [0xf8, 0xf8, 0xf8, 0xff],
    ];
    assert_eq!(shape.pixels, expected.concat());
    assert_eq!(shape.invert, [0, 1, 0]);
}

/// The shape of the fixture with this name.
fn recorded(name: &str) -> Arc<Shape> {
    let fixtures = fixtures();
    let fixture = fixtures.iter().find(|f| f.name == name).unwrap();
    let Ok(Decoded::CursorServer(ServerMessage::Set(set))) =
        decode(Way::CursorServer, 103, &fixture.body)
    else {
        panic!("{name}")
    };
    Channel::ready().shows(set.cursor)
}

/// The 32 × 32 shapes were drawn as a triangle of `color(x, y)` (R, G, B), opaque, on nothing.
fn assert_triangle(shape: &Shape, color: impl Fn(u32, u32) -> [u32; 3]) {
    assert_eq!(shape.size, Size::new(32, 32));
    for (i, pixel) in shape.pixels.chunks(4).enumerate() {
        let (x, y) = (i as u32 % 32, i as u32 / 32);
        if x <= y && x + y < 40 {
            let [r, g, b] = color(x, y).map(|c| c as u8);
            assert_eq!(pixel, [b, g, r, 0xff], "({x}, {y})");
        } else {
            assert_eq!(pixel[3], 0, "({x}, {y})");
        }
    }
}

#[test]
fn shapes_from_the_reference_server_look_as_they_were_drawn() {
    let mono = recorded("cursor-server-103-set-2");
    assert_triangle(&mono, |x, y| [if (x + y) % 7 == 0 { 255 } else { 0 }; 3]);
    assert!(mono.invert.is_empty());

    let color4 = recorded("cursor-server-103-set-3");
    assert_triangle(&color4, |x, y| {
        [0x11, 0x0a, 0x04].map(|step| (x / 4 + y / 4) % 16 * step)
    });
    assert!(color4.invert.is_empty());

    let color8 = recorded("cursor-server-103-set-4");
    assert_triangle(&color8, |x, _| [x * 8, 255 - x * 8, 40]);
    assert_eq!(
        color8.invert[1], 1,
        "colour 0 is not black, and under the mask"
    );

    let color16 = recorded("cursor-server-103-set-5");
    assert_triangle(&color16, |x, y| [x * 8, y * 8, 9 * 8]);
    let color24 = recorded("cursor-server-103-set-7");
    let color32 = recorded("cursor-server-103-set-8");
    for shape in [&color24, &color32] {
        assert_triangle(shape, |x, y| [x * 8, y * 8, 0x60]);
    }
    assert_eq!(
        (color32.hot_spot, color4.hot_spot),
        (Point::new(6, 2), Point::new(2, 2))
    );
}

#[test]
fn a_half_transparent_shape_from_the_reference_server_has_its_colours_back() {
    let shape = recorded("cursor-server-103-set-9");
    assert_eq!(
        (shape.size, shape.hot_spot),
        (Size::new(24, 28), Point::new(0, 2))
    );
    for (i, pixel) in shape.pixels.chunks(4).enumerate() {
        let (x, y) = (i as u32 % 24, i as u32 / 24);
        let inside = x <= y && x + y < 36;
        assert_eq!(u32::from(pixel[3]), if inside { 255 - y * 5 } else { 0 });
        if inside {
            // Premultiplication rounded down: at alpha 120 a colour may come back two too low.
            let near = |found: u8, drawn: u32| drawn.abs_diff(found.into()) <= 2;
            assert!(
                near(pixel[2], x * 8) && near(pixel[1], 128),
                "({x}, {y}) {pixel:?}"
            );
        }
    }
}

#[test]
fn a_hot_spot_may_lie_one_past_the_edge_and_no_further() {
    let mut far = cursor(CursorType::Alpha, 1, 2, &[0; 8]);
    let header = far.header.as_mut().unwrap();
    (header.hot_spot_x, header.hot_spot_y) = (9, 2);
    assert_eq!(Channel::ready().shows(far).hot_spot, Point::new(1, 2));
}

// What cannot be drawn.

#[test]
fn a_shape_that_cannot_be_drawn_leaves_the_pointer_as_it_was() {
    let mut channel = Channel::ready();
    let mut refusal = |cursor| channel.says(&set(1, cursor)).unwrap_err();
    let expected = [
        (
            refusal(cursor(CursorType::Alpha, 2, 2, &[0; 15])),
            "the shape's data is too short by 1",
        ),
        (
            refusal(cursor(CursorType::Color32, 3, 3, &[0; 37])),
            "the shape's data is too short by 1",
        ),
        (
            refusal(cursor(CursorType::Mono, 9, 1, &[0; 3])),
            "the shape's data is too short by 1",
        ),
        (
            refusal(cursor(CursorType::Alpha, 0, 4, &[])),
            "a shape of 0×4 pixels, allowed are 1 to 1024",
        ),
        (
            refusal(cursor(CursorType::Alpha, 1025, 1, &[0; 4100])),
            "a shape of 1025×1 pixels, allowed are 1 to 1024",
        ),
        (
            refusal(cursor(CursorType::Other(7), 1, 1, &[0; 4])),
            "a shape of the unknown type 7",
        ),
        (
            refusal(cached(5, CursorFlags::FROM_CACHE, &[])),
            "shape 0x5 is not in the cache",
        ),
    ];
    for (found, expected) in expected {
        assert_eq!(found, expected);
    }
    assert_eq!(channel.take(), []);
}

#[test]
fn the_largest_shape_is_accepted() {
    let shape = decoded(CursorType::Alpha, 1024, 1024, &vec![0xff; 4 << 20]);
    assert_eq!(shape.pixels.len(), 4 << 20);
}

// Place and visibility.

#[test]
fn init_tells_shape_place_and_visibility() {
    let mut channel = Channel::new();
    channel
        .says(&init(cursor(CursorType::Alpha, 1, 1, &OPAQUE_RED)))
        .unwrap();
    let events = channel.take();
    assert!(
        matches!(&events[0], Event::Shape { display: 3, shape: Some(s) } if s.pixels == OPAQUE_RED)
    );
    assert_eq!(events[1..], [moved(10, 20), visible(true)]);
}

#[test]
fn init_without_a_shape_or_marked_invisible_hides_the_pointer() {
    let mut channel = Channel::new();
    channel.says(&init(Cursor::NONE)).unwrap();
    assert_eq!(channel.take(), [no_shape(), moved(10, 20), visible(false)]);

    let mut channel = Channel::new();
    let ServerMessage::Init(mut hidden) = init(cursor(CursorType::Alpha, 1, 1, &OPAQUE_RED)) else {
        panic!()
    };
    hidden.visible = 0;
    channel.says(&ServerMessage::Init(hidden)).unwrap();
    assert_eq!(channel.take()[2], visible(false));
}

#[test]
fn init_with_a_shape_that_cannot_be_drawn_still_starts_the_channel() {
    let mut channel = Channel::new();
    let error = channel.says(&init(cursor(CursorType::Alpha, 2, 2, &[])));
    assert_eq!(error.unwrap_err(), "the shape's data is too short by 16");
    assert_eq!(channel.take(), [no_shape(), moved(10, 20), visible(false)]);
    channel
        .says(&ServerMessage::Move(Move {
            position: Point16 { x: 1, y: 2 },
        }))
        .unwrap();
    assert_eq!(channel.take(), [moved(1, 2), visible(true)]);
}

#[test]
fn nothing_happens_before_init() {
    let mut channel = Channel::new();
    let red = || cursor(CursorType::Alpha, 1, 1, &OPAQUE_RED);
    let early = [
        set(1, red()),
        ServerMessage::Move(Move {
            position: Point16 { x: 1, y: 2 },
        }),
        ServerMessage::Hide,
        ServerMessage::Trail(Trail {
            length: 1,
            frequency: 1,
        }),
        ServerMessage::InvalOne(InvalOne { id: 1 }),
        ServerMessage::InvalAll,
        ServerMessage::Reset,
    ];
    for message in &early {
        channel.says(message).unwrap();
    }
    assert_eq!(channel.take(), []);
}

#[test]
fn a_second_init_counts_only_after_reset() {
    let mut channel = Channel::ready();
    assert_eq!(
        channel.says(&init(Cursor::NONE)).unwrap_err(),
        "INIT came without a RESET"
    );
    assert_eq!(channel.take(), []);
    channel.says(&ServerMessage::Reset).unwrap();
    assert_eq!(channel.take(), [no_shape()], "it was hidden already");
    channel.says(&init(Cursor::NONE)).unwrap();
    assert_eq!(channel.take(), [no_shape(), moved(10, 20), visible(false)]);
}

#[test]
fn set_shows_the_pointer_unless_it_says_invisible_or_has_no_shape() {
    let mut channel = Channel::ready();
    let red = || cursor(CursorType::Alpha, 1, 1, &OPAQUE_RED);
    channel.says(&set(0, red())).unwrap();
    assert_eq!(
        channel.take().len(),
        1,
        "only the shape: it stays hidden where it was"
    );
    channel.says(&set(1, red())).unwrap();
    assert_eq!(channel.take()[1..], [moved(-1, 7), visible(true)]);
    channel.says(&set(1, red())).unwrap();
    assert_eq!(channel.take()[1..], [moved(-1, 7)], "it is visible already");
    channel.says(&set(1, Cursor::NONE)).unwrap();
    assert_eq!(channel.take(), [no_shape(), visible(false)]);
}

#[test]
fn move_shows_what_hide_hid() {
    let mut channel = Channel::ready();
    channel.shows(cursor(CursorType::Alpha, 1, 1, &OPAQUE_RED));
    channel.says(&ServerMessage::Hide).unwrap();
    channel.says(&ServerMessage::Hide).unwrap();
    assert_eq!(channel.take(), [visible(false)]);
    let to = |x, y| {
        ServerMessage::Move(Move {
            position: Point16 { x, y },
        })
    };
    channel.says(&to(-5, 6)).unwrap();
    channel.says(&to(-4, 6)).unwrap();
    assert_eq!(channel.take(), [moved(-5, 6), visible(true), moved(-4, 6)]);
}

#[test]
fn an_unknown_message_is_reported() {
    let mut channel = Channel::ready();
    let message = ServerMessage::Unknown {
        number: 140,
        body: &[],
    };
    assert_eq!(
        channel.says(&message).unwrap_err(),
        "message 140 is unknown"
    );
}

// The cache.

#[test]
fn a_cached_shape_comes_back_by_its_id_until_it_is_invalidated() {
    let mut channel = Channel::ready();
    let first = channel.shows(cached(0x100, CursorFlags::CACHE_ME, &OPAQUE_RED));
    channel.shows(cached(0x101, CursorFlags::CACHE_ME, &[0; 4]));
    let again = channel.shows(cached(0x100, CursorFlags::FROM_CACHE, &[]));
    assert!(Arc::ptr_eq(&first, &again));

    channel
        .says(&ServerMessage::InvalOne(InvalOne { id: 0x100 }))
        .unwrap();
    let gone = set(1, cached(0x100, CursorFlags::FROM_CACHE, &[]));
    assert!(channel.says(&gone).is_err());
    assert_eq!(channel.client.cached_shapes(), 1);
    channel.says(&ServerMessage::InvalAll).unwrap();
    assert_eq!(channel.client.cached_shapes(), 0);
}

#[test]
fn a_shape_replaces_the_one_of_the_same_id_and_id_0_is_not_kept() {
    let mut channel = Channel::ready();
    channel.shows(cached(1, CursorFlags::CACHE_ME, &[0; 4]));
    channel.shows(cached(1, CursorFlags::CACHE_ME, &OPAQUE_RED));
    channel.shows(cached(0, CursorFlags::CACHE_ME, &[0; 4]));
    assert_eq!(channel.client.cached_shapes(), 1);
    let shape = channel.shows(cached(1, CursorFlags::FROM_CACHE, &[]));
    assert_eq!(shape.pixels, OPAQUE_RED);
}

#[test]
fn reset_empties_the_cache() {
    let mut channel = Channel::ready();
    channel.shows(cached(1, CursorFlags::CACHE_ME, &OPAQUE_RED));
    channel.says(&ServerMessage::Reset).unwrap();
    assert_eq!(channel.take(), [no_shape(), visible(false)]);
    assert_eq!(channel.client.cached_shapes(), 0);
}

#[test]
fn the_cache_is_bounded_in_number_and_in_bytes() {
    let mut channel = Channel::ready();
    for id in 1..=1024 {
        channel.shows(cached(id, CursorFlags::CACHE_ME, &OPAQUE_RED));
    }
    let one_more = set(1, cached(5000, CursorFlags::CACHE_ME, &OPAQUE_RED));
    assert_eq!(
        channel.says(&one_more).unwrap_err(),
        "the cursor cache is full"
    );
    assert!(
        matches!(channel.take()[0], Event::Shape { shape: Some(_), .. }),
        "shown all the same"
    );

    let mut channel = Channel::ready();
    let pixels = vec![0; 4 << 20];
    for id in 1..=9 {
        let mut large = cursor(CursorType::Alpha, 1024, 1024, &pixels);
        large.flags = CursorFlags::CACHE_ME;
        large.header.as_mut().unwrap().unique = id;
        let kept = channel.says(&set(1, large));
        assert_eq!(kept.is_ok(), id <= 8, "8 × 4 MiB are 32 MiB");
    }
}

// A whole session.

#[test]
fn a_recorded_channel_is_followed_to_its_end() {
    let fixtures = fixtures();
    let mut channel = Channel::new();
    let script = [
        "101-init-2",
        "106-trail",
        "103-set-3",
        "105-hide",
        "104-move",
        "108-inval_all",
        "102-reset",
        "101-init-1",
    ];
    let mut seen = Vec::new();
    for step in script {
        let name = format!("cursor-server-{step}");
        let fixture = fixtures.iter().find(|f| f.name == name).unwrap();
        let Ok(Decoded::CursorServer(message)) = decode(fixture.way, fixture.number, &fixture.body)
        else {
            panic!("{name}")
        };
        channel.says(&message).unwrap();
        seen.extend(channel.take().into_iter().map(|event| match event {
            Event::Shape {
                shape: Some(shape), ..
            } => format!("shape {}", shape.size.width),
            Event::Shape { shape: None, .. } => "no shape".into(),
            Event::Moved { position, .. } => format!("at {},{}", position.x, position.y),
            Event::Visible { visible, .. } => format!("visible {visible}"),
            other => panic!("{other:?}"),
        }));
    }
    assert_eq!(
        seen.join("; "),
        "shape 24; at 512,384; visible true; shape 32; at 160,100; visible false; at 110,130; visible true; \
         no shape; visible false; no shape; at 0,0; visible false"
    );
}

#[test]
fn a_shape_is_drawn_so_that_its_hot_spot_is_on_the_place() {
    let mut picture =
        PixelBuf::from_data(PixelFormat::Xrgb, Size::new(3, 2), vec![100; 24]).unwrap();
    let shape = Shape {
        size: Size::new(2, 2),
        hot_spot: Point::new(1, 0),
        // Opaque, half there, not there, and XORed.
        pixels: [
            [10, 20, 30, 255],
            [200, 0, 100, 51],
            [9, 9, 9, 0],
            [255, 15, 0, 0],
        ]
        .concat(),
        invert: vec![0, 0, 0, 1],
    };

    shape.draw(&mut picture, Point::new(2, 0));
    assert_eq!(
        picture.data(),
        [
            [100, 100, 100, 100, 10, 20, 30, 100, 120, 80, 100, 100],
            [100, 100, 100, 100, 100, 100, 100, 100, 155, 107, 100, 100],
        ]
        .concat()
    );

    // Most of it is outside, or all.
    shape.draw(&mut picture, Point::new(0, 1));
    assert_eq!(picture.data()[12..15], [120, 80, 100]);
    let before = picture.clone();
    shape.draw(&mut picture, Point::new(i32::MAX, i32::MIN));
    assert!(picture == before);
}
