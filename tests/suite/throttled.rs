//! The program itself behind a slow link: a pseudo-terminal that is read no faster than the link carries.
//!
//! The numbers are generous, and most of them bytes: this runs in real time, on machines that have other things to do. `slow_links`
//! has the exact ones.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use capsaicin::geometry::{Rect, Size};
use capsaicin::pixels::{PixelBuf, PixelFormat};
use capsaicin::server::{DisplayHandle, ServerConfig};
use capsaicin::session::ServerEvent;
use capsaicin::term::pace::FENCE;
use capsaicin::{InputEvent, SpiceServer};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::support::terminals::text::TextTerminal;

/// Bytes a second of the link: half a megabit.
const RATE: f64 = 64_000.0;
/// The way there and back.
const ROUND_TRIP: Duration = Duration::from_millis(30);
/// Only so that a broken test ends.
const PATIENCE: Duration = Duration::from_secs(60);
/// A guest that fills 80×23 cells of 8×16.
const SCREEN: Size = Size::new(640, 368);
/// Its film, above the line where the user types.
const FILM: Rect = Rect::new(0, 0, 640, 288);
const PROMPT_ROW: u16 = 20;
/// A terminal without pictures.
const ANSWER: &[u8] = b"\x1b[?62;22c";

/// Colours of what keys show, which a film has none of.
const ECHOES: [[u8; 3]; 3] = [[255, 255, 0], [0, 255, 255], [255, 0, 255]];

/// Columns of the cells that the key of this number colours.
fn column_of(key: usize) -> u16 {
    key as u16 * 3 + 4
}

/// A server that shows a film while it is told to, and a square for each key.
struct Guest {
    address: String,
    plays: Arc<AtomicBool>,
}

impl Guest {
    fn start() -> Self {
        let plays = Arc::new(AtomicBool::new(true));
        let (told, address) = channel();
        let theirs = Arc::clone(&plays);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.unwrap().block_on(run_guest(told, theirs));
        });
        let address = address.recv_timeout(PATIENCE).expect("it listens");
        Self { address, plays }
    }
}

async fn run_guest(told: Sender<String>, plays: Arc<AtomicBool>) {
    let config = ServerConfig {
        size: SCREEN,
        ..ServerConfig::default()
    };
    let mut server = SpiceServer::bind("127.0.0.1:0", config).await.unwrap();
    told.send(server.local_address().to_string()).unwrap();
    let display = server.display();
    let mut steps = tokio::time::interval(Duration::from_millis(80));
    let (mut frame, mut keys) = (0, 0);
    loop {
        tokio::select! {
            _ = steps.tick() => if plays.load(Ordering::Relaxed) {
                frame += 1;
                play(&display, frame);
            },
            event = server.next_event() => match event {
                Some(ServerEvent::Input(InputEvent::KeyDown(_))) => {
                    let [r, g, b] = ECHOES[keys % ECHOES.len()].map(u32::from);
                    let at = Rect::new(
                        i32::from(column_of(keys)) * 8,
                        i32::from(PROMPT_ROW) * 16,
                        i32::from(column_of(keys)) * 8 + 16,
                        i32::from(PROMPT_ROW) * 16 + 16,
                    );
                    display.fill(at, r << 16 | g << 8 | b);
                    keys += 1;
                }
                Some(_) => {}
                None => return,
            },
        }
    }
}

/// Draws a frame that has nothing in common with the one before: a colour for each half of a cell, none of them bright.
fn play(display: &DisplayHandle, frame: u32) {
    let mut picture = PixelBuf::new(PixelFormat::Xrgb, FILM.size());
    for y in 0..FILM.height() {
        for x in 0..FILM.width() {
            let n = (x / 8 + y / 8 * 80 + frame * 7919).wrapping_mul(0x9e37_79b1);
            picture.set_pixel(x, y, (n ^ n >> 15) & 0x007f_7f7f);
        }
    }
    display.draw(FILM, picture.view()).unwrap();
}

/// `capsaicin view` in a terminal behind the link.
struct Program {
    child: Box<dyn Child + Send + Sync>,
    keyboard: Arc<Mutex<Box<dyn Write + Send>>>,
    screen: Arc<Mutex<TextTerminal>>,
    eaten: Arc<AtomicU64>,
    _terminal: Box<dyn MasterPty + Send>,
}

impl Program {
    fn viewing(guest: &Guest) -> Self {
        let size = PtySize {
            rows: 24,
            cols: 80,
            pixel_width: 640,
            pixel_height: 384,
        };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_capsaicin"));
        command.args(["view", "--draw", "half", &guest.address]);
        command.env("TERM", "xterm-256color");
        command.env("COLORTERM", "truecolor");
        command.env("LC_ALL", "C.UTF-8");
        for variable in [
            "TMUX",
            "SSH_CONNECTION",
            "SSH_TTY",
            "SSH_CLIENT",
            "NO_COLOR",
        ] {
            command.env_remove(variable);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let reader = pair.master.try_clone_reader().unwrap();
        let keyboard = Arc::new(Mutex::new(pair.master.take_writer().unwrap()));
        let screen = Arc::new(Mutex::new(TextTerminal::new(24, 80)));
        let eaten = Arc::<AtomicU64>::default();
        let (answer, answers) = channel();
        let link = Link {
            screen: Arc::clone(&screen),
            eaten: Arc::clone(&eaten),
            answer,
        };
        thread::spawn(move || link.carry(reader));
        let theirs = Arc::clone(&keyboard);
        thread::spawn(move || carry_back(&answers, &theirs));
        Self {
            child,
            keyboard,
            screen,
            eaten,
            _terminal: pair.master,
        }
    }

    fn say(&self, bytes: &[u8]) {
        let mut keyboard = self.keyboard.lock().unwrap();
        keyboard.write_all(bytes).unwrap();
    }

    fn eaten(&self) -> u64 {
        self.eaten.load(Ordering::Relaxed)
    }

    /// Waits until the terminal shows something.
    #[track_caller]
    fn wait_for(&self, what: &str, seen: impl Fn(&vt100::Screen) -> bool) {
        let start = Instant::now();
        while !seen(self.screen.lock().unwrap().screen()) {
            assert!(start.elapsed() < PATIENCE, "{what} never came");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits until nothing was eaten for so long.
    #[track_caller]
    fn wait_for_silence(&self, lasting: Duration) {
        let (start, mut since, mut eaten) = (Instant::now(), Instant::now(), self.eaten());
        while since.elapsed() < lasting {
            assert!(start.elapsed() < PATIENCE, "it is never silent");
            thread::sleep(Duration::from_millis(10));
            if self.eaten() != eaten {
                (since, eaten) = (Instant::now(), self.eaten());
            }
        }
    }

    /// Ends it from its menu; the exit code.
    fn quit(mut self) -> u32 {
        self.say(b"\x1d");
        self.wait_for("the menu", |screen| screen.contents().contains("q  quit"));
        self.say(b"q");
        self.wait_for("the end", |screen| !screen.alternate_screen());
        let mut killer = self.child.clone_killer();
        let (ended, waited) = channel();
        thread::spawn(move || ended.send(self.child.wait()));
        let status = waited.recv_timeout(PATIENCE);
        let _ = killer.kill();
        status.expect("it ends").unwrap().exit_code()
    }
}

/// The link, and the terminal behind it.
struct Link {
    screen: Arc<Mutex<TextTerminal>>,
    eaten: Arc<AtomicU64>,
    /// When to say what.
    answer: Sender<(Instant, &'static [u8])>,
}

impl Link {
    fn carry(self, mut reader: impl Read) {
        // A burst makes up for a thread that slept too long.
        const BURST: Duration = Duration::from_millis(40);
        let (mut free, mut bytes, mut rest) = (Instant::now(), [0; 512], Vec::new());
        while let Ok(count @ 1..) = reader.read(&mut bytes) {
            let earliest = Instant::now().checked_sub(BURST).unwrap_or(free);
            free = free.max(earliest) + Duration::from_secs_f64(count as f64 / RATE);
            thread::sleep(free.saturating_duration_since(Instant::now()));
            let bytes = &bytes[..count];
            self.screen.lock().unwrap().process(bytes);
            self.eaten.fetch_add(count as u64, Ordering::Relaxed);
            rest.extend_from_slice(bytes);
            self.answer_questions(&mut rest);
        }
    }

    /// Answers what is asked, and keeps what may be the beginning of a question.
    fn answer_questions(&self, rest: &mut Vec<u8>) {
        let questions: [(&[u8], &[u8]); 2] = [(FENCE, b"\x1b[0n"), (b"\x1b[c", ANSWER)];
        let mut from = 0;
        for at in 0..rest.len() {
            let asked = questions.iter().find(|(q, _)| rest[at..].starts_with(q));
            if let Some((question, answer)) = asked {
                from = at + question.len();
                let _ = self.answer.send((Instant::now() + ROUND_TRIP, answer));
            }
        }
        let kept = FENCE.len() - 1;
        rest.drain(..from.max(rest.len().saturating_sub(kept)));
    }
}

fn carry_back(
    answers: &Receiver<(Instant, &'static [u8])>,
    keyboard: &Mutex<Box<dyn Write + Send>>,
) {
    for (at, answer) in answers {
        thread::sleep(at.saturating_duration_since(Instant::now()));
        if keyboard.lock().unwrap().write_all(answer).is_err() {
            return;
        }
    }
}

#[test]
fn keys_are_shown_beside_a_film_and_afterwards_nothing_is_written() {
    let guest = Guest::start();
    let program = Program::viewing(&guest);
    program.wait_for("the film", |screen| {
        let cell = screen.cell(10, 40);
        cell.is_some_and(|cell| matches!(cell.bgcolor(), vt100::Color::Rgb(..)))
    });
    // Until the link is known.
    thread::sleep(Duration::from_secs(2));

    // A busy machine is behind some of the time; frames that stand in the way of keys are in their way always.
    let rounds = (0..ROUNDS).map(|round| echoes(&program, round));
    let mut seen = Vec::new();
    let is_quick = rounds
        .inspect(|round| seen.push(format!("{round:?}")))
        .any(|round| {
            // A frame of the film alone is what the link carries in about a second.
            let second = RATE as u64;
            round.before[2] < second * 7 / 10
                && round.before[KEYS - 1] < second * 5
                && round.share > 0.5
        });
    assert!(is_quick, "{seen:#?}");

    guest.plays.store(false, Ordering::Relaxed);
    program.wait_for_silence(Duration::from_millis(3500));
    assert_eq!(program.quit(), 0);
}

/// How often keys are pressed in a row, and how many each time: as many as there is room for what they show.
const ROUNDS: usize = 5;
const KEYS: usize = 5;

/// What was in the way of what keys show.
#[derive(Debug)]
struct Echoes {
    /// Bytes that came before it, from the fewest to the most.
    before: Vec<u64>,
    /// How much of what the link could carry meanwhile it did.
    share: f64,
}

fn echoes(program: &Program, round: usize) -> Echoes {
    let (start, eaten) = (Instant::now(), program.eaten());
    let keys = round * KEYS..(round + 1) * KEYS;
    let mut before: Vec<u64> = keys
        .map(|key| {
            let pressed = program.eaten();
            program.say(b"a");
            let [r, g, b] = ECHOES[key % ECHOES.len()];
            program.wait_for("an echo", |screen| {
                let cell = screen.cell(PROMPT_ROW, column_of(key)).unwrap();
                cell.bgcolor() == vt100::Color::Rgb(r, g, b)
            });
            let shown = program.eaten();
            thread::sleep(Duration::from_millis(200));
            shown - pressed
        })
        .collect();
    before.sort();
    let could = RATE * start.elapsed().as_secs_f64();
    let share = (program.eaten() - eaten) as f64 / could;
    Echoes { before, share }
}
