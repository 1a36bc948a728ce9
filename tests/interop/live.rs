//! A session of the library that stays connected while a server draws, so that every command of the server counts and
//! not only its last picture.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use capsaicin::channel::display::ImageCompression;
use capsaicin::channel::display::messages::{ServerMessage, StreamData};
use capsaicin::channel::inputs::{self, Locks};
use capsaicin::channel::main::MouseMode;
use capsaicin::channel::main::agent::Order;
use capsaicin::channel::{ChannelId, ChannelKind, Message};
use capsaicin::client::{ClientConfig, CommandSender, Framebuffer};
use capsaicin::geometry::Rect;
use capsaicin::net::{Address, Route};
use capsaicin::session::{Migration, SessionConfig, SessionStats, Tap, Way};
use capsaicin::wire::Frame;
use capsaicin::{ClientEvent, CloseReason, Command, InputEvent, MainEvent, SpiceClient};

use crate::peers::picture::{Picture, assert_same};
use crate::peers::until;

const LIMIT: Duration = Duration::from_secs(60);

/// After how long it is worth to look whether the server's screen is another one by now.
const PATIENCE: Duration = Duration::from_secs(20);

/// The number of the message that moves a part of the screen.
const COPY_BITS: u16 = 104;

/// A connected session and what it has shown.
pub struct Live {
    watched: Arc<Mutex<Watched>>,
    seen: Arc<Mutex<Seen>>,
    sender: CommandSender,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Watched {
    framebuffer: Framebuffer,
    mouse_mode: Option<MouseMode>,
    takes_input: bool,
    locks: Option<Locks>,
    stats: Option<Box<SessionStats>>,
    notices: Vec<String>,
    closed: Option<CloseReason>,
    migrations: Vec<Migration>,
}

impl Live {
    /// Connects without a password, and asks the server for this image compression if one is named.
    pub fn connect(address: &str, preferred: Option<ImageCompression>) -> Self {
        Self::connect_with(
            address,
            SessionConfig {
                preferred_compression: preferred,
                ..SessionConfig::default()
            },
        )
    }

    /// Connects without a password.
    pub fn connect_with(address: &str, session: SessionConfig) -> Self {
        let address = Address::parse(address).expect("an address");
        Self::along(Route::plain(address), session)
    }

    /// Connects without a password by any of these ways.
    pub fn along(route: Route, session: SessionConfig) -> Self {
        Self::start(ClientConfig {
            session,
            ..ClientConfig::along(route)
        })
    }

    /// Connects.
    pub fn start(config: ClientConfig) -> Self {
        let seen = Arc::default();
        let config = ClientConfig {
            tap: Some(Box::new(Counts(Arc::clone(&seen)))),
            ..config
        };
        let watched = Arc::new(Mutex::new(Watched::default()));
        let (connected, sender) = channel();
        let events = Arc::clone(&watched);
        let thread = thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime")
                .block_on(async {
                    let mut client = SpiceClient::connect_with(config)
                        .await
                        .expect("the server takes a client");
                    connected
                        .send(client.sender())
                        .expect("the test waits for it");
                    while let Some(event) = client.next_event().await {
                        events.lock().expect("no test panics with it").see(event);
                    }
                });
        });
        let sender = sender.recv().expect("the session connects");
        Self {
            watched,
            seen,
            sender,
            thread: Some(thread),
        }
    }

    /// Waits until there is a picture.
    pub fn wait_for_picture(&self) {
        until("a picture", LIMIT, || {
            self.watched().framebuffer.is_marked().then_some(())
        });
    }

    /// Waits until the server takes keys and pointer.
    pub fn wait_for_inputs(&self) {
        until("the inputs channel", LIMIT, || {
            self.watched().takes_input.then_some(())
        });
    }

    /// Waits until these lights of the guest's keyboard are on.
    pub fn wait_for_locks(&self, locks: Locks) {
        until(&format!("{locks:?}"), LIMIT, || {
            (self.watched().locks == Some(locks)).then_some(())
        });
    }

    /// Waits until the server wants the pointer in this way.
    pub fn wait_for_mouse_mode(&self, mode: MouseMode) {
        until(&format!("mouse mode {mode:?}"), LIMIT, || {
            (self.watched().mouse_mode == Some(mode)).then_some(())
        });
    }

    /// Wants something of the guest's agent.
    pub fn order(&self, order: Order) {
        let sent = self.sender.try_send(Command::Agent(order));
        assert_eq!(sent, Ok(true), "the order is taken");
    }

    /// Asks the server to want the pointer in this way.
    pub fn ask_for_mouse_mode(&self, mode: MouseMode) {
        let sent = self.sender.try_send(Command::MouseMode(mode));
        assert_eq!(sent, Ok(true), "{mode:?} is asked for");
    }

    /// Waits until the session is linked where the machine will move to.
    pub fn wait_until_prepared(&self) {
        until("the new host to be prepared", LIMIT, || {
            let told = self.migrations();
            told.contains(&Migration::Prepared).then_some(())
        });
    }

    /// Waits until the session could not be linked where the machine will move to; the reason.
    pub fn wait_for_refusal(&self) -> String {
        until("the new host to be refused", LIMIT, || {
            let told = self.migrations().into_iter();
            let mut refusals = told.filter_map(|event| match event {
                Migration::Refused(why) => Some(why),
                _ => None,
            });
            refusals.next()
        })
    }

    /// Waits until the machine's move is at its end.
    pub fn wait_for_move(&self) -> Migration {
        until("the end of a move", LIMIT, || {
            let migrations = &self.watched().migrations;
            let last = migrations.last().cloned();
            last.filter(|event| matches!(event, Migration::Moved(..) | Migration::Cancelled))
        })
    }

    /// What was told of the machine's moves.
    pub fn migrations(&self) -> Vec<Migration> {
        self.watched().migrations.clone()
    }

    /// Waits for the end of the session.
    pub fn wait_for_end(&self) -> CloseReason {
        until("the end of the session", LIMIT, || {
            self.watched().closed.clone()
        })
    }

    /// Does something with keyboard or mouse.
    pub fn input(&self, event: InputEvent) {
        let sent = self.sender.try_send(Command::Input(event));
        assert_eq!(sent, Ok(true), "{event:?} is taken");
    }

    /// How many images came in each encoding. None of them failed.
    pub fn images(&self) -> BTreeMap<&'static str, u64> {
        let stats = self.stats();
        for codec in &stats.codecs {
            assert_eq!(codec.failed, 0, "{codec:?}");
        }
        stats
            .codecs
            .iter()
            .map(|codec| (codec.name, codec.images))
            .collect()
    }

    /// The numbers of the session.
    pub fn stats(&self) -> Box<SessionStats> {
        self.watched().stats = None;
        assert_eq!(self.sender.try_send(Command::Stats), Ok(true));
        until("the counts", LIMIT, || self.watched().stats.take())
    }

    /// How often the server has moved a part of the screen instead of sending it.
    pub fn moves(&self) -> u64 {
        self.messages(COPY_BITS)
    }

    /// How many messages of this number the display channel has brought.
    pub fn messages(&self, number: u16) -> u64 {
        let seen = self.seen.lock().expect("no count panics");
        seen.messages.get(&number).copied().unwrap_or(0)
    }

    /// Where the images to copy came from, by the protocol's names: encodings, caches, surfaces.
    pub fn copied(&self) -> BTreeSet<&'static str> {
        self.seen.lock().expect("no count panics").copied.clone()
    }

    /// The newest stream of video as it came.
    pub fn video(&self) -> Option<Video> {
        self.seen.lock().expect("no count panics").video.clone()
    }

    /// What the user was told so far, without what every server says to a plain connection.
    pub fn notices(&self) -> Vec<String> {
        let notices = &self.watched().notices;
        let insecure = |text: &&String| !text.contains("insecure");
        notices.iter().filter(insecure).cloned().collect()
    }

    /// The picture as it is.
    pub fn picture(&self) -> Option<Picture> {
        let watched = self.watched();
        let view = watched.framebuffer.view()?;
        let pixels = view.rows().flat_map(|row| row.chunks_exact(4));
        let rgb = pixels.flat_map(|p| [p[2], p[1], p[0]]).collect();
        Some(Picture::from_rgb(view.size.width, view.size.height, rgb))
    }

    /// Fails unless this session comes to show `expected`, the still screen of its server.
    pub fn assert_shows(&self, name: &str, expected: &Picture) {
        self.assert_shows_within(name, expected, 0);
    }

    /// Fails unless this session comes to show what the server's screen comes to, which `screen` dumps once it is quiet; that
    /// picture. A busy machine pauses while it draws: a screen that was not quiet after all is dumped again.
    pub fn assert_follows(&self, name: &str, mut screen: impl FnMut() -> Picture) -> Picture {
        let mut expected = screen();
        until(name, 2 * LIMIT, || {
            let shows = self.shows_soon(&expected);
            let before = std::mem::replace(&mut expected, screen());
            (shows || before == expected).then_some(())
        });
        self.assert_shows(name, &expected);
        expected
    }

    /// Whether this comes to show a picture before patience is at its end.
    fn shows_soon(&self, expected: &Picture) -> bool {
        let start = Instant::now();
        while self.picture().as_ref() != Some(expected) {
            if start.elapsed() > PATIENCE {
                return false;
            }
            thread::sleep(Duration::from_millis(20));
        }
        true
    }

    /// As [`assert_shows`](Self::assert_shows), but colours may differ by as much as `tolerance`.
    pub fn assert_shows_within(&self, name: &str, expected: &Picture, tolerance: u8) {
        let start = Instant::now();
        let last = until(name, 2 * LIMIT, || {
            let picture = self.picture()?;
            // What was drawn may still be on its way; what is wrong stays wrong.
            let waited = start.elapsed() > LIMIT;
            (picture.is_within(tolerance, expected) || waited).then_some(picture)
        });
        if !last.is_within(tolerance, expected) {
            let closed = self.watched().closed.clone();
            let notices = self.notices();
            eprintln!("{name}: {closed:?}, {notices:?}");
            assert_same(name, &last, expected);
        }
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().expect("no event panics")
    }
}

impl Watched {
    fn see(&mut self, event: ClientEvent) {
        match event {
            ClientEvent::Display(event) => {
                self.framebuffer.apply(&event);
            }
            ClientEvent::Main(MainEvent::MouseMode { current, .. }) => {
                self.mouse_mode = Some(current);
            }
            ClientEvent::Inputs(event) => {
                self.takes_input = true;
                if let inputs::Event::Locks(locks) = event {
                    self.locks = Some(locks);
                }
            }
            ClientEvent::Notice(notice) => self.notices.push(notice.to_string()),
            ClientEvent::Stats(stats) => self.stats = Some(stats),
            ClientEvent::Closed(why) => self.closed = Some(why),
            ClientEvent::Migration(event) => self.migrations.push(event),
            _ => {}
        }
    }
}

/// What the display channel has brought.
#[derive(Default)]
struct Seen {
    /// How many messages of each number.
    messages: BTreeMap<u16, u64>,
    /// The descriptors of the images in DRAW_COPY.
    copied: BTreeSet<&'static str>,
    video: Option<Video>,
}

/// A stream as the server sends it.
#[derive(Clone)]
pub struct Video {
    pub id: u32,
    /// Where it is shown.
    pub dest: Rect,
    /// What its messages carried.
    pub frames: Vec<Vec<u8>>,
}

impl Seen {
    fn message(&mut self, message: &ServerMessage<'_>) {
        match message {
            ServerMessage::DrawCopy(copy) => {
                self.copied.insert(copy.src_bitmap.data.name());
            }
            ServerMessage::StreamCreate(stream) => {
                self.video = Some(Video {
                    id: stream.id,
                    dest: stream.dest,
                    frames: Vec::new(),
                });
            }
            ServerMessage::StreamData(StreamData { id, data, .. }) => {
                if let Some(video) = self.video.as_mut().filter(|video| video.id == *id) {
                    video.frames.push(data.to_vec());
                }
            }
            _ => {}
        }
    }
}

/// Sees every message.
struct Counts(Arc<Mutex<Seen>>);

impl Tap for Counts {
    fn frame(&mut self, _at: Duration, channel: ChannelId, way: Way, frame: &Frame) {
        if channel.kind == ChannelKind::Display && way == Way::ToClient {
            let mut seen = self.0.lock().expect("no test panics with it");
            *seen.messages.entry(frame.number).or_default() += 1;
            if let Ok(message) = ServerMessage::decode(frame.number, &frame.body) {
                seen.message(&message);
            }
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // Refused only when the session is over.
        let _ = self.sender.try_send(Command::Disconnect);
        let ended = self.thread.take().map(JoinHandle::join);
        if !thread::panicking() {
            ended.transpose().expect("the session does not panic");
        }
    }
}
