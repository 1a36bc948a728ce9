//! The viewer in front of a slow link, in a time of its own: a guest draws, the link carries so many bytes a second behind a
//! queue without end, as a socket of ssh has, and a terminal decodes what arrives and answers.
//!
//! Everything but the waiting is the viewer's own code. Painting takes [`PAINTING`], whatever machine this runs on.

#![allow(dead_code)]

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::keyboard::Layout;
use capsaicin::pixels::PixelBuf;
use capsaicin::term::pace::FENCE;
use capsaicin::term::probe::Capabilities;
use capsaicin::term::{Drawing, Style};
use capsaicin::tui::action::Action;
use capsaicin::tui::app::{App, Setup};
use capsaicin::tui::easel::Easel;
use capsaicin::tui::keymap::Escape;
use capsaicin::tui::pixels::Frame;
use capsaicin::tui::view;
use capsaicin::{ClientEvent, DisplayEvent, RegionPixels};
use ratatui::buffer::Buffer;
use ratatui::layout;

use super::terminals::{kitty, sixel};

/// A step of time.
const STEP: Duration = Duration::from_millis(1);
/// How long a frame is painted.
const PAINTING: Duration = Duration::from_millis(5);
/// How long the guest needs to show a key.
const GUEST: Duration = Duration::from_millis(5);
/// Cells of the terminal: a screen of 1280×800 and a status line.
const CELLS: (u16, u16) = (160, 51);
const CELL: Size = Size::new(8, 16);

/// A link and both of its ends.
pub struct SlowLink {
    /// Time so far.
    pub now: Duration,
    /// Bytes a second.
    pub rate: f64,
    /// The way there and back.
    pub round_trip: Duration,
    /// Nothing moves until then.
    pub stalled_until: Duration,
    /// Whether the terminal answers fences.
    pub answers: bool,
    /// How long the terminal takes for an edit of a picture, however small it is.
    pub per_edit: Duration,
    /// When it has done what it was told so far.
    free_at: Duration,
    app: App,
    easel: Easel,
    /// When the frame that is being painted was ordered, and when it is ready.
    painting: Option<(Duration, Duration, Frame)>,
    /// Pieces on the near side of the link, and how much of each is still there.
    queue: VecDeque<(Piece, f64)>,
    /// Pieces that are through, and when they are at the terminal.
    arriving: VecDeque<(Duration, Piece)>,
    /// When answers reach the viewer.
    answers_at: VecDeque<Duration>,
    /// When drawing by the guest that the user caused is due.
    echoes: VecDeque<(Duration, Echo)>,
    terminal: Terminal,
    /// Keys that are not shown yet: when they were pressed, and what for.
    pressed: Vec<(Duration, Echo)>,
    /// What was measured.
    pub seen: Seen,
}

/// What was measured since it was last reset.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// How long keys took from the user's finger to the user's eye.
    pub echoes: Vec<Duration>,
    /// Where that time went, of each of them.
    pub trips: Vec<Trip>,
    /// Bytes the link carried, and could have.
    pub carried: f64,
    pub could: f64,
    /// The longest time that the queue took the link.
    pub queue: Duration,
    /// The most bytes that waited in it.
    pub queue_bytes: f64,
    /// Changes of the dots that are watched, and those dots.
    pub changes: usize,
    pub watched: usize,
    /// Bytes written by the viewer.
    pub written: usize,
    /// Times the viewer had to wake up although nothing had happened.
    pub woken: usize,
    /// How long.
    pub time: Duration,
}

impl Seen {
    /// Frames a second at the dots that are watched.
    pub fn frames_per_second(&self) -> f64 {
        self.changes as f64 / self.watched.max(1) as f64 / self.time.as_secs_f64()
    }

    /// Share of the link that was used.
    pub fn share(&self) -> f64 {
        self.carried / self.could
    }

    /// The longest time a key took.
    pub fn slowest_echo(&self) -> Duration {
        self.echoes.iter().copied().max().unwrap_or_default()
    }
}

/// What the time from a key to its echo was spent with, beside the way there and back and the guest's own.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trip {
    /// From the guest's drawing until a frame with it was ordered.
    pub unordered: Duration,
    /// From then until its bytes were written.
    pub painting: Duration,
    /// From then until its first byte left the queue.
    pub queued: Duration,
    /// From then until its last byte did.
    pub carried: Duration,
    /// Bytes of the piece that it came with.
    pub bytes: usize,
}

impl Trip {
    fn of(drawn: Duration, piece: &Piece) -> Self {
        Self {
            unordered: piece.ordered.saturating_sub(drawn),
            painting: piece.written - piece.ordered,
            queued: piece.first - piece.written,
            carried: piece.last - piece.first,
            bytes: piece.bytes,
        }
    }
}

/// A square that appears where a key was typed.
#[derive(Clone, Copy, Debug)]
struct Echo {
    at: Rect,
    rgb: [u8; 3],
}

/// Bytes that are written at once.
#[derive(Default)]
struct Piece {
    bytes: usize,
    /// When the frame was ordered, when it was written, and when its first and last bytes left.
    ordered: Duration,
    written: Duration,
    first: Duration,
    last: Duration,
    text: Vec<u8>,
    picture: Vec<u8>,
    fence: bool,
}

enum Terminal {
    Kitty(kitty::Kitty),
    Sixel(sixel::SixelTerminal),
    Cells(Box<vt100::Parser>),
}

impl Terminal {
    fn show(&mut self, piece: &Piece) {
        match self {
            Self::Kitty(terminal) => terminal.read(&piece.picture),
            Self::Sixel(terminal) => terminal.write(&piece.picture),
            Self::Cells(terminal) => terminal.process(&piece.text),
        }
    }

    fn dot(&self, at: Point) -> Option<[u8; 3]> {
        match self {
            Self::Kitty(terminal) => terminal.dot(at),
            Self::Sixel(terminal) => terminal.dot(at),
            Self::Cells(terminal) => {
                let (row, column) = (at.y / CELL.height as i32, at.x / CELL.width as i32);
                let cell = terminal.screen().cell(row as u16, column as u16)?;
                // The upper half is the character's, where there is one.
                let upper = at.y % CELL.height as i32 * 2 < CELL.height as i32;
                let colour = match cell.contents() {
                    "▀" if upper => cell.fgcolor(),
                    "▄" if !upper => cell.fgcolor(),
                    "█" => cell.fgcolor(),
                    _ => cell.bgcolor(),
                };
                match colour {
                    vt100::Color::Rgb(r, g, b) => Some([r, g, b]),
                    _ => None,
                }
            }
        }
    }
}

/// What a guest does.
pub trait Guest {
    /// Draws what is due.
    fn draw(&mut self, link: &mut SlowLink);

    /// Dots whose changes are frames.
    fn watched(&self) -> Vec<Point> {
        Vec::new()
    }
}

/// A guest that does nothing.
pub struct Still;

impl Guest for Still {
    fn draw(&mut self, _: &mut SlowLink) {}
}

/// A landscape that wanders through a rectangle, with marks that are of another colour in each frame.
pub struct Film {
    picture: PixelBuf,
    area: Rect,
    frame: u32,
    next: Duration,
    every: Duration,
}

impl Film {
    pub fn new(picture: PixelBuf, area: Rect, frames_per_second: u32) -> Self {
        Self {
            picture,
            area,
            frame: 0,
            next: Duration::ZERO,
            every: Duration::from_secs(1) / frames_per_second,
        }
    }

    fn marks(&self) -> Vec<Rect> {
        let at = |x: u32, y: u32| {
            let left = self.area.left + (self.area.width() * x / 4) as i32 / 16 * 16;
            let top = self.area.top + (self.area.height() * y / 4) as i32 / 16 * 16;
            Rect::at(left, top, Size::new(32, 32))
        };
        vec![at(1, 1), at(3, 1), at(2, 2), at(1, 3), at(3, 3)]
    }
}

impl Guest for Film {
    fn draw(&mut self, link: &mut SlowLink) {
        if link.now < self.next {
            return;
        }
        self.next = link.now + self.every;
        self.frame += 1;
        let colours = [
            [255, 0, 0],
            [0, 255, 0],
            [0, 0, 255],
            [255, 255, 0],
            [255, 0, 255],
        ];
        let [r, g, b]: [u8; 3] = colours[self.frame as usize % colours.len()];
        let marks = self.marks();
        let size = self.picture.size;
        let mut data = Vec::with_capacity(self.area.area() as usize * 4);
        for y in self.area.top..self.area.bottom {
            let row = self.picture.view().row(y as u32 % size.height).to_vec();
            let shift = (self.frame * 6 + self.area.left as u32) % size.width * 4;
            let mut row = [&row[shift as usize..], &row[..shift as usize]].concat();
            row.truncate(self.area.width() as usize * 4);
            for mark in marks
                .iter()
                .filter(|mark| (mark.top..mark.bottom).contains(&y))
            {
                let left = (mark.left - self.area.left) as usize * 4;
                row[left..left + 128].copy_from_slice(&[b, g, r, 0].repeat(32));
            }
            data.extend(row);
        }
        link.region(self.area, data);
    }

    fn watched(&self) -> Vec<Point> {
        let middle = |mark: Rect| Point::new(mark.left + 16, mark.top + 16);
        self.marks().into_iter().map(middle).collect()
    }
}

/// A full-screen text that scrolls by a line now and then.
pub struct Scroll {
    pub picture: PixelBuf,
    pub every: Duration,
    next: Duration,
    lines: u32,
}

impl Scroll {
    pub fn new(picture: PixelBuf, every: Duration) -> Self {
        Self {
            picture,
            every,
            next: Duration::ZERO,
            lines: 0,
        }
    }
}

impl Guest for Scroll {
    fn draw(&mut self, link: &mut SlowLink) {
        if link.now < self.next {
            return;
        }
        self.next = link.now + self.every;
        self.lines += 1;
        let size = self.picture.size;
        let rows = (0..size.height).map(|y| (y + self.lines * 16) % size.height);
        let data = rows.flat_map(|y| self.picture.view().row(y).to_vec());
        link.region(size.to_rect(), data.collect());
    }
}

impl SlowLink {
    /// A link of so many Mbit/s with a terminal that has been told nothing.
    pub fn new(megabits: f64, round_trip: Duration, drawing: Drawing) -> Self {
        let mut app = App::new(Setup {
            target: "vm:5900".into(),
            view_only: false,
            escape: Escape::default(),
            layout: Layout::us(),
            alt_codes: false,
            drawing: Some(drawing),
            style: Style::default(),
            size: CELLS,
            cell_aspect: 0.5,
        });
        let capabilities = Capabilities {
            cell: Some((CELL.width, CELL.height)),
            sixel: Some(capsaicin::term::probe::Sixel {
                registers: 256,
                largest: Some((2000, 2000)),
                scrolls: true,
            }),
            ..Capabilities::default()
        };
        let learned = Action::Capabilities {
            capabilities: Box::new(capabilities),
            answers: true,
        };
        drop(app.update(learned, Duration::ZERO));
        let (columns, rows) = CELLS;
        let terminal = match drawing {
            Drawing::Sixel => Terminal::Sixel(sixel::SixelTerminal::new(columns, rows, CELL)),
            Drawing::Half => Terminal::Cells(Box::new(vt100::Parser::new(rows, columns, 0))),
            _ => Terminal::Kitty(kitty::Kitty::new(columns, rows, CELL)),
        };
        Self {
            now: Duration::ZERO,
            rate: megabits * 125_000.0,
            round_trip,
            stalled_until: Duration::ZERO,
            answers: true,
            per_edit: Duration::ZERO,
            free_at: Duration::ZERO,
            app,
            easel: Easel::new(),
            painting: None,
            queue: VecDeque::new(),
            arriving: VecDeque::new(),
            answers_at: VecDeque::new(),
            echoes: VecDeque::new(),
            terminal,
            pressed: Vec::new(),
            seen: Seen::default(),
        }
    }

    /// The guest has this screen.
    pub fn screen(&mut self, picture: &PixelBuf) {
        let Size { width, height } = picture.size;
        self.session(DisplayEvent::SurfaceCreated {
            display: 0,
            surface: 0,
            width,
            height,
        });
        self.session(DisplayEvent::Marked { display: 0 });
        self.region(picture.size.to_rect(), picture.data().to_vec());
    }

    /// The guest draws a rectangle.
    pub fn region(&mut self, rect: Rect, data: Vec<u8>) {
        self.session(DisplayEvent::Region {
            display: 0,
            surface: 0,
            rect,
            pixels: RegionPixels::Raw {
                data: Bytes::from(data),
                stride: rect.width() as usize * 4,
            },
        });
    }

    fn session(&mut self, event: DisplayEvent) {
        let event = Action::Session(ClientEvent::Display(event));
        drop(self.app.update(event, self.now));
    }

    /// The user presses a key, and the guest will show a square of 16×16 pixels there.
    pub fn press(&mut self, at: Point) {
        let n = self.seen.echoes.len() + self.pressed.len();
        let echo = Echo {
            at: Rect::at(at.x, at.y, Size::new(16, 16)),
            // A primary colour is exact in every way of drawing.
            rgb: [[255, 255, 0], [0, 255, 255], [255, 0, 255]][n % 3],
        };
        self.pressed.push((self.now, echo));
        let shown = self.now + self.round_trip / 2 + GUEST;
        self.echoes.push_back((shown, echo));
    }

    /// Lets time pass.
    pub fn run(&mut self, guest: &mut dyn Guest, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step(guest);
        }
    }

    /// Lets time pass with a key every `every`, at places beside each other.
    pub fn type_at(&mut self, guest: &mut dyn Guest, at: Point, time: Duration, every: Duration) {
        let end = self.now + time;
        let mut column = 0;
        while self.now + every <= end {
            self.press(Point::new(at.x + column % 20 * 16, at.y));
            column += 1;
            self.run(guest, every);
        }
    }

    /// Forgets what was measured.
    pub fn reset(&mut self) {
        self.seen = Seen::default();
    }

    /// Red, green and blue that the terminal shows there.
    pub fn dot(&self, at: Point) -> Option<[u8; 3]> {
        self.terminal.dot(at)
    }

    /// Dots of the picture that the terminal shows in another colour than the guest has.
    pub fn wrong_dots(&self) -> usize {
        let dots = self.app.picture.dots().expect("a picture");
        let rows = (0..).zip(dots.rows());
        rows.map(|(y, row)| {
            let dots = (0..).zip(row.chunks_exact(4));
            let wrong = |(x, dot): &(i32, &[u8])| {
                self.dot(Point::new(*x, y)) != Some([dot[2], dot[1], dot[0]])
            };
            dots.filter(wrong).count()
        })
        .sum()
    }

    /// How near what the terminal shows is to the guest's picture: peak signal to noise, dB; 99 where it is the same.
    pub fn likeness(&self) -> f64 {
        let size = self.app.picture.dots().map(|dots| dots.size);
        self.likeness_of(size.unwrap_or_default().to_rect())
    }

    /// The same of a part of the picture.
    pub fn likeness_of(&self, part: Rect) -> f64 {
        let dots = self.app.picture.dots().expect("a picture").crop(part);
        let mut error = 0.0;
        for (y, row) in (part.top..).zip(dots.rows()) {
            for (x, dot) in (part.left..).zip(row.chunks_exact(4)) {
                let shown = self.dot(Point::new(x, y)).unwrap_or_default();
                let far = |a: u8, b: u8| f64::from(a.abs_diff(b)).powi(2);
                error += far(shown[0], dot[2]) + far(shown[1], dot[1]) + far(shown[2], dot[0]);
            }
        }
        let mean = error / (3.0 * part.area() as f64);
        (10.0 * (255.0 * 255.0 / mean).log10()).min(99.0)
    }

    /// The viewer's status line.
    pub fn status(&self) -> String {
        let (columns, rows) = self.app.setup.size;
        let mut frame = Buffer::empty(layout::Rect::new(0, 0, columns, rows));
        view::draw(&self.app, &mut frame);
        let line = &frame.content[usize::from(columns) * usize::from(rows - 1)..];
        line.iter().map(|cell| cell.symbol()).collect()
    }

    /// Bytes the viewer believes to be on their way, and its budget for them.
    pub fn outstanding(&self) -> (u64, u64) {
        (self.app.pace.outstanding(), self.app.pace.budget())
    }

    /// What the viewer believes the link to carry, bytes a second.
    pub fn believed_rate(&self) -> Option<f64> {
        self.app.pace.rate()
    }

    /// Whether the viewer could sleep until somebody wakes it.
    pub fn is_asleep(&self) -> bool {
        let due = self.app.deadline().is_some() || self.app.frame_due().is_some();
        !due && self.painting.is_none()
    }

    fn step(&mut self, guest: &mut dyn Guest) {
        self.now += STEP;
        self.seen.time += STEP;
        while let Some((_, echo)) = self.echoes.pop_front_if(|(at, _)| *at <= self.now) {
            let [r, g, b] = echo.rgb;
            self.region(echo.at, [b, g, r, 0].repeat(256));
        }
        guest.draw(self);
        self.carry();
        self.arrive(&guest.watched());
        while self.answers_at.pop_front_if(|at| *at <= self.now).is_some() {
            drop(self.app.update(Action::Arrived, self.now));
        }
        self.view();
    }

    /// What the run loop of the viewer does.
    fn view(&mut self) {
        if let Some((ordered, _, frame)) = self.painting.take_if(|(_, at, _)| *at <= self.now) {
            let picture = self.app.accept(frame, self.now);
            let bytes = self.easel.join(&picture);
            let piece = Piece {
                picture,
                ordered,
                ..Piece::default()
            };
            self.write(bytes, piece, true);
            drop(self.app.update(Action::Time, self.now));
        }
        if self.app.deadline().is_some_and(|due| due <= self.now) {
            self.seen.woken += 1;
            drop(self.app.update(Action::Time, self.now));
        }
        if self.app.frame_due().is_some_and(|due| due <= self.now) {
            drop(self.app.update(Action::Frame, self.now));
            let drawn = self.easel.draw(&mut self.app);
            let piece = Piece {
                text: drawn.bytes.clone(),
                ordered: self.now,
                ..Piece::default()
            };
            self.write(drawn.bytes, piece, false);
            let ready = self.now + PAINTING;
            self.painting = drawn.order.map(|order| (self.now, ready, order.run()));
            let bytes = drawn.cells;
            drop(self.app.update(Action::Painted { bytes }, self.now));
        }
    }

    fn write(&mut self, mut bytes: Vec<u8>, mut piece: Piece, frame: bool) {
        self.app.pace.send(&mut bytes, frame, self.now);
        if bytes.is_empty() {
            return;
        }
        self.seen.written += bytes.len();
        piece.bytes = bytes.len();
        piece.written = self.now;
        piece.fence = bytes.ends_with(FENCE);
        let waiting = piece.bytes as f64;
        self.queue.push_back((piece, waiting));
        // The queue of the socket takes everything at once.
        drop(
            self.app
                .update(Action::Written { outstanding: 0 }, self.now),
        );
    }

    fn carry(&mut self) {
        let could = self.rate * STEP.as_secs_f64();
        self.seen.could += could;
        let waiting: f64 = self.queue.iter().map(|(_, bytes)| bytes).sum();
        self.seen.queue_bytes = self.seen.queue_bytes.max(waiting);
        let takes = Duration::from_secs_f64(waiting / self.rate);
        self.seen.queue = self.seen.queue.max(takes);
        let mut room = could;
        if self.now < self.stalled_until {
            return;
        }
        while let Some((piece, bytes)) = self.queue.front_mut() {
            let taken = bytes.min(room);
            if *bytes == piece.bytes as f64 {
                piece.first = self.now;
            }
            *bytes -= taken;
            room -= taken;
            self.seen.carried += taken;
            if *bytes > 0.0 {
                break;
            }
            let mut piece = std::mem::take(piece);
            let begun = self.free_at.max(self.now + self.round_trip / 2);
            let at = begun + self.per_edit * edits(&piece.picture);
            self.free_at = at;
            piece.last = self.now;
            self.arriving.push_back((at, piece));
            self.queue.pop_front();
        }
    }

    fn arrive(&mut self, watched: &[Point]) {
        self.seen.watched = watched.len();
        while let Some((_, piece)) = self.arriving.pop_front_if(|(at, _)| *at <= self.now) {
            let dots = |terminal: &Terminal| -> Vec<_> {
                watched.iter().map(|at| terminal.dot(*at)).collect()
            };
            let before = dots(&self.terminal);
            self.terminal.show(&piece);
            let after = dots(&self.terminal);
            let changed = |(before, after): &(_, _)| before != after;
            self.seen.changes += before.iter().zip(&after).filter(changed).count();
            if piece.fence && self.answers {
                self.answers_at.push_back(self.now + self.round_trip / 2);
            }
            self.look_for_echoes(&piece);
        }
    }

    /// Looks for keys that are shown, for the first time, since this piece arrived.
    fn look_for_echoes(&mut self, piece: &Piece) {
        let (now, terminal, seen) = (self.now, &self.terminal, &mut self.seen);
        let there = self.round_trip / 2 + GUEST;
        self.pressed.retain(|(at, echo)| {
            let middle = Point::new(echo.at.left + 7, echo.at.top + 7);
            let is_shown = terminal.dot(middle).is_some_and(|dot| near(dot, echo.rgb));
            if is_shown {
                seen.echoes.push(now - *at);
                seen.trips.push(Trip::of(*at + there, piece));
            }
            !is_shown
        });
    }
}

/// How many edits of a picture there are, beginnings of pictures counted.
fn edits(picture: &[u8]) -> u32 {
    // The first chunk of each says how its dots are coded.
    picture.windows(3).filter(|key| key == b",f=").count() as u32
}

fn near(a: [u8; 3], b: [u8; 3]) -> bool {
    a.iter().zip(b).all(|(a, b)| a.abs_diff(b) < 48)
}
