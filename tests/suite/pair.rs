//! Our client against our server, in memory: no sockets, no clock, every frame in order.

use std::collections::VecDeque;
use std::time::Duration;

use capsaicin::channel::display::Update;
use capsaicin::channel::display::{Compression, ImageCompression};
use capsaicin::channel::inputs::InputEvent;
use capsaicin::channel::main::Greeting;
use capsaicin::channel::{ChannelId, ChannelKind};
use capsaicin::client::Framebuffer;
use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::link::Established;
use capsaicin::pixels::{PixelBuf, PixelFormat};
use capsaicin::session::{
    ClientEvent, ClientSession, Command, Output, ServerEvent, ServerSession, SessionConfig,
};
use capsaicin::wire::HeaderKind;

const NOW: Duration = Duration::from_secs(1);

/// Two sessions with a wire between them that loses nothing.
struct Pair {
    client: ClientSession,
    server: ServerSession,
    framebuffer: Framebuffer,
    /// What the server's screen is.
    screen: PixelBuf,
    /// Changes the client had no room for yet, in order.
    undrawn: VecDeque<Update>,
    server_events: Vec<ServerEvent>,
}

impl Pair {
    fn new(compression: impl Into<Compression>) -> Self {
        let greeting = Greeting {
            session_id: 99,
            name: "pair".into(),
            uuid: [0; 16],
            media_ms: 0,
        };
        let screen = PixelBuf::new(PixelFormat::Xrgb, Size::new(64, 48));
        let mut pair = Self {
            client: ClientSession::new(SessionConfig::default()),
            server: ServerSession::new(greeting, compression),
            framebuffer: Framebuffer::default(),
            undrawn: VecDeque::from([Update::Screen(screen.clone())]),
            screen,
            server_events: Vec::new(),
        };
        pair.settle();
        pair
    }

    /// Carries frames to and fro until nobody has anything to say.
    fn settle(&mut self) {
        loop {
            let mut quiet = true;
            while let Some(output) = self.client.poll_output() {
                quiet = false;
                self.on_client_output(output);
            }
            while self.server.wants_picture()
                && let Some(update) = self.undrawn.pop_front()
            {
                quiet = false;
                self.server.draw(&update);
            }
            while let Some(output) = self.server.poll_output() {
                quiet = false;
                match output {
                    Output::Send(id, frame) => self.client.receive(id, frame, NOW),
                    Output::Close(id) => self.client.closed(id, capsaicin::CloseReason::ByPeer),
                    Output::Open(_) | Output::Move(_) => unreachable!("a server opens nothing"),
                }
            }
            self.server_events
                .extend(std::iter::from_fn(|| self.server.poll_event()));
            while let Some(event) = self.client.poll_event() {
                match event {
                    ClientEvent::Display(event) => drop(self.framebuffer.apply(&event)),
                    ClientEvent::Notice(notice) => panic!("{notice}"),
                    _ => {}
                }
            }
            if quiet {
                return;
            }
        }
    }

    fn on_client_output(&mut self, output: Output) {
        match output {
            Output::Send(id, frame) => self.server.receive(id, &frame, NOW),
            Output::Open(id) => {
                let link = Established {
                    header: HeaderKind::Mini,
                    client: self
                        .client
                        .capabilities(id)
                        .expect("a channel it asked for"),
                    server: ServerSession::capabilities(id).expect("a channel it was offered"),
                };
                assert!(self.server.opened(id, &link, NOW));
                self.client.opened(id, link, NOW);
            }
            Output::Close(id) => self.server.closed(id, capsaicin::session::Parting::Left),
            Output::Move(_) => unreachable!("our server never moves"),
        }
    }

    /// Random pixels in a random rectangle of the screen.
    fn scribble(&mut self, random: &mut impl FnMut(u32) -> u32) {
        let rect = self.some_rect(random);
        let flat = random(3) == 0;
        let mut pixels = PixelBuf::new(PixelFormat::Xrgb, rect.size());
        let color = random(1 << 24);
        for pixel in pixels.data_mut().chunks_mut(4) {
            let color = if flat { color } else { random(7) * 0x0010_2040 };
            pixel.copy_from_slice(&color.to_le_bytes());
        }
        for (y, row) in (rect.top..).zip(pixels.view().rows()) {
            let at = (y as usize * 64 + rect.left as usize) * 4;
            self.screen.data_mut()[at..at + row.len()].copy_from_slice(row);
        }
        self.undrawn.push_back(Update::Pixels {
            at: rect.origin(),
            pixels,
        });
    }

    /// A random rectangle moves to a random place.
    fn push(&mut self, random: &mut impl FnMut(u32) -> u32) {
        let to = self.some_rect(random);
        let from = Point::new(
            random(65 - to.width()) as i32,
            random(49 - to.height()) as i32,
        );
        let before = self.screen.clone();
        for y in 0..to.height() as i32 {
            let at = |x: i32, y: i32| (y as usize * 64 + x as usize) * 4;
            let (source, target) = (at(from.x, from.y + y), at(to.left, to.top + y));
            let len = to.width() as usize * 4;
            self.screen.data_mut()[target..target + len]
                .copy_from_slice(&before.data()[source..source + len]);
        }
        self.undrawn.push_back(Update::Copy { from, to });
    }

    fn some_rect(&self, random: &mut impl FnMut(u32) -> u32) -> Rect {
        let (left, top) = (random(64), random(48));
        let size = Size::new(1 + random(64 - left), 1 + random(48 - top));
        Rect::at(left as i32, top as i32, size)
    }

    /// The picture the client's user has, and the server's.
    fn pictures(&self) -> [Vec<[u8; 3]>; 2] {
        let colours = |rows: Vec<&[u8]>| -> Vec<[u8; 3]> {
            rows.concat()
                .chunks(4)
                .map(|p| [p[0], p[1], p[2]])
                .collect()
        };
        let client = self.framebuffer.view().expect("there is a picture");
        [
            colours(client.rows().collect()),
            colours(self.screen.view().rows().collect()),
        ]
    }
}

/// A reproducible source of numbers below a limit (xorshift).
fn random(seed: u32) -> impl FnMut(u32) -> u32 {
    let mut state = seed;
    move |limit| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state % limit.max(1)
    }
}

#[test]
fn a_viewer_sees_every_picture_that_is_drawn_and_moved() {
    let deflated = Compression {
        deflates_glz: true,
        ..ImageCompression::Glz.into()
    };
    let plain = [
        ImageCompression::Off,
        ImageCompression::AutoGlz,
        ImageCompression::AutoLz,
        ImageCompression::Quic,
        ImageCompression::Glz,
        ImageCompression::Lz,
        ImageCompression::Lz4,
    ];
    for compression in plain.map(Compression::from).into_iter().chain([deflated]) {
        let mut pair = Pair::new(compression);
        let mut random = random(0x5eed);
        for step in 0..300 {
            for _ in 0..random(60) {
                if random(4) == 0 {
                    pair.push(&mut random)
                } else {
                    pair.scribble(&mut random)
                }
            }
            pair.settle();
            let [seen, drawn] = pair.pictures();
            assert!(seen == drawn, "step {step} with {compression:?}");
        }
    }
}

#[test]
fn a_new_size_replaces_the_screen() {
    let mut pair = Pair::new(ImageCompression::Lz);
    pair.screen =
        PixelBuf::from_data(PixelFormat::Xrgb, Size::new(5, 3), [9, 8, 7, 0].repeat(15)).unwrap();
    pair.undrawn.push_back(Update::Screen(pair.screen.clone()));
    pair.settle();
    assert_eq!(pair.framebuffer.size(), Size::new(5, 3));
    let [seen, drawn] = pair.pictures();
    assert_eq!(seen, drawn);
}

#[test]
fn keys_and_absolute_positions_reach_the_embedder() {
    let mut pair = Pair::new(ImageCompression::Lz);
    pair.server_events.clear();
    let position = InputEvent::Position {
        x: 7,
        y: 9,
        display: 0,
    };
    for event in [
        InputEvent::KeyDown(0xe04d),
        InputEvent::KeyUp(0xe04d),
        position,
    ] {
        pair.client.command(Command::Input(event), NOW);
    }
    pair.settle();
    let inputs: Vec<_> = pair
        .server_events
        .iter()
        .filter_map(|e| {
            if let ServerEvent::Input(input) = e {
                Some(*input)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(
        inputs,
        [
            InputEvent::KeyDown(0xe04d),
            InputEvent::KeyUp(0xe04d),
            position
        ]
    );
}

#[test]
fn a_hundred_positions_arrive_as_fewer_and_the_last_one_is_the_last() {
    let mut pair = Pair::new(ImageCompression::Lz);
    pair.server_events.clear();
    for x in 0..100 {
        let position = InputEvent::Position {
            x: x % 64,
            y: 1,
            display: 0,
        };
        pair.client.command(Command::Input(position), NOW);
    }
    let sent = std::iter::from_fn(|| pair.client.poll_output()).collect::<Vec<_>>();
    assert_eq!(sent.len(), 8, "the rest waits for acknowledgements");
    sent.into_iter()
        .for_each(|output| pair.on_client_output(output));
    pair.settle();
    let last = pair.server_events.iter().rev().find_map(|e| match e {
        ServerEvent::Input(input) => Some(*input),
        _ => None,
    });
    assert_eq!(
        last,
        Some(InputEvent::Position {
            x: 99 % 64,
            y: 1,
            display: 0
        })
    );
}

#[test]
fn the_pointer_is_told_with_its_shape() {
    let mut pair = Pair::new(ImageCompression::Lz);
    let shape = std::sync::Arc::new(capsaicin::channel::cursor::Shape {
        size: Size::new(1, 1),
        hot_spot: Point::new(0, 0),
        pixels: vec![1, 2, 3, 255],
        invert: Vec::new(),
    });
    let position = Point::new(3, 4);
    assert!(pair.server.wants_pointer());
    let pointer = capsaicin::channel::cursor::Pointer {
        shape: Some(shape.clone()),
        position,
        visible: true,
    };
    pair.server.point(&pointer);
    let mut shapes = Vec::new();
    while let Some(output) = pair.server.poll_output() {
        if let Output::Send(id, frame) = output {
            assert_eq!(id, ChannelId::new(ChannelKind::Cursor, 0));
            pair.client.receive(id, frame, NOW);
        }
    }
    while let Some(event) = pair.client.poll_event() {
        if let ClientEvent::Cursor(capsaicin::CursorEvent::Shape { shape, .. }) = event {
            shapes.push(shape);
        }
    }
    assert_eq!(shapes.last().and_then(Option::as_deref), Some(&*shape));
}
