//! Reading the terminal: a thread that waits for bytes, and events made of them.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use tokio::sync::mpsc;

use crate::term::input::{Event, Parser, Pending};

/// Bytes of one read.
const PIECE: usize = 4096;
/// Reads that wait. When there are more the thread waits, and the terminal behind it.
const PIECES: usize = 16;
/// How long an unfinished sequence may take. A link that stalls for longer has other troubles.
const SEQUENCE: Duration = Duration::from_secs(2);
/// How long a paste may pause.
const PASTE: Duration = Duration::from_secs(10);

/// The terminal's end that speaks to us. Dropping it leaves what is typed from then on to others.
pub struct Input {
    pieces: mpsc::Receiver<Vec<u8>>,
    parser: Parser,
    events: VecDeque<Event>,
    /// When the last bytes came.
    heard: Instant,
    /// How long an Escape may be the beginning of something.
    escape: Duration,
    /// The thread ends when this is closed.
    _stop: UnixStream,
}

impl Input {
    /// Begins to read. The terminal should be in raw mode.
    ///
    /// # Errors
    ///
    /// When there is no terminal, or the system has no thread left.
    pub fn start() -> io::Result<Self> {
        let tty = open()?;
        let (stop, stopped) = UnixStream::pair()?;
        let (sender, pieces) = mpsc::channel(PIECES);
        thread::Builder::new()
            .name("terminal reader".into())
            .spawn(move || read(tty, &stopped, &sender))?;
        Ok(Self {
            pieces,
            parser: Parser::new(),
            events: VecDeque::new(),
            heard: Instant::now(),
            escape: Duration::ZERO,
            _stop: stop,
        })
    }

    /// How long an Escape waits for more before it is a key.
    pub fn wait_for_sequences(&mut self, escape: Duration) {
        self.escape = escape;
    }

    /// The next event; `None` when the terminal is gone. Cancel safe: bytes stay in the parser, events in the queue.
    pub async fn next(&mut self) -> Option<Event> {
        let mut events = Vec::new();
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            match self.piece().await {
                Some(Some(piece)) => {
                    self.heard = Instant::now();
                    self.parser.feed(&piece, &mut events);
                }
                Some(None) => return None,
                None => self.parser.flush(&mut events),
            }
            self.events.extend(events.drain(..));
        }
    }

    /// The next bytes, or `Some(None)` at the end; `None` when it has been quiet for as long as what is pending may
    /// wait. Cancel safe.
    async fn piece(&mut self) -> Option<Option<Vec<u8>>> {
        let patience = match self.parser.pending() {
            None => return Some(self.pieces.recv().await),
            Some(Pending::Escape) => self.escape,
            Some(Pending::Sequence) => SEQUENCE,
            Some(Pending::Paste) => PASTE,
        };
        let until = tokio::time::Instant::from_std(self.heard + patience);
        tokio::time::timeout_at(until, self.pieces.recv())
            .await
            .ok()
    }
}

/// Standard input if that is a terminal, else the one that controls us.
fn open() -> io::Result<File> {
    let stdin = io::stdin();
    match stdin.is_terminal() {
        true => Ok(File::from(stdin.as_fd().try_clone_to_owned()?)),
        false => File::open("/dev/tty"),
    }
}

/// Whether there is a terminal to read from.
pub fn can_read() -> bool {
    open().is_ok()
}

/// Reads until the terminal is gone or nobody listens.
fn read(mut tty: File, stopped: &UnixStream, sender: &mpsc::Sender<Vec<u8>>) {
    let mut bytes = [0; PIECE];
    loop {
        let mut waiting = [
            PollFd::new(&tty, PollFlags::IN),
            PollFd::new(stopped, PollFlags::IN),
        ];
        match poll(&mut waiting, None) {
            Ok(_) if !waiting[1].revents().is_empty() => return,
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => continue,
            Err(_) => return,
        }
        match tty.read(&mut bytes) {
            Ok(0) => return,
            Ok(count) => {
                if sender.blocking_send(bytes[..count].to_vec()).is_err() {
                    return;
                }
            }
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock => {}
                _ => return,
            },
        }
    }
}
