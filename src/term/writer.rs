//! Bytes to a terminal that may be slow, stopped or gone, without waiting for it.
//!
//! A thread of its own does the waiting. Nothing is dropped and nothing overtakes: an escape sequence that has begun has to
//! end. So whoever writes looks at [`Writer::outstanding`] first.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes of one write: a pseudo-terminal takes few at once, and progress is counted by writes.
const PIECE: usize = 4096;

/// Hands bytes to a thread that writes them. Dropping it ends the thread once they are written.
#[derive(Debug)]
pub struct Writer {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    /// Bytes taken so far.
    taken: u64,
    /// Bytes written so far.
    written: u64,
    failed: Option<io::ErrorKind>,
    /// Whether the thread is writing a piece.
    busy: bool,
    /// Nothing more is taken, and the thread ends with what it has.
    ended: bool,
    /// It ends at once.
    abandoned: bool,
}

impl Writer {
    /// Starts the thread. `progress` is called from it after every piece that was written, and when writing failed.
    ///
    /// # Errors
    ///
    /// When the system has no thread left.
    pub fn new(
        out: impl Write + Send + 'static,
        progress: impl Fn() + Send + 'static,
    ) -> io::Result<Self> {
        let shared = Arc::<Shared>::default();
        let theirs = Arc::clone(&shared);
        thread::Builder::new()
            .name("terminal writer".into())
            .spawn(move || theirs.work(out, progress))?;
        Ok(Self { shared })
    }

    /// Takes bytes to be written after all earlier ones. Never waits. After a failure they are forgotten.
    pub fn write(&self, bytes: Vec<u8>) {
        let mut state = self.shared.lock();
        if bytes.is_empty() || state.failed.is_some() || state.ended {
            return;
        }
        state.taken += bytes.len() as u64;
        state.waiting.push_back(bytes);
        self.shared.changed.notify_all();
    }

    /// Bytes taken and not yet written.
    pub fn outstanding(&self) -> u64 {
        let state = self.shared.lock();
        state.taken - state.written
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.shared.lock().written
    }

    /// Why nothing is written any more, if so.
    pub fn failure(&self) -> Option<io::ErrorKind> {
        self.shared.lock().failed
    }

    /// Waits until everything is written, at most for `limit`; whether it is.
    pub fn settle(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut state = self.shared.lock();
        while state.taken > state.written && state.failed.is_none() {
            let Some(left) = end.checked_duration_since(Instant::now()) else {
                return false;
            };
            let woken = self.shared.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.failed.is_none()
    }

    /// Writes nothing more, from the next piece on: the last sequence may be cut short. Waits at most for `limit` until the
    /// piece is written that is under way; whether it is, so that somebody else may write.
    pub fn abandon(&self, limit: Duration) -> bool {
        let end = Instant::now() + limit;
        let mut state = self.shared.lock();
        (state.ended, state.abandoned) = (true, true);
        state.waiting.clear();
        self.shared.changed.notify_all();
        while state.busy {
            let Some(left) = end.checked_duration_since(Instant::now()) else {
                return false;
            };
            let woken = self.shared.changed.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.ended = true;
        self.shared.changed.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The numbers are right after every statement, so a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self, mut out: impl Write, progress: impl Fn()) {
        while let Some(bytes) = self.next() {
            for piece in bytes.chunks(PIECE) {
                if !self.begin() {
                    return;
                }
                let result = out.write_all(piece).and_then(|()| out.flush());
                let mut state = self.lock();
                state.busy = false;
                match result {
                    Ok(()) => state.written += piece.len() as u64,
                    Err(error) => {
                        state.failed = Some(error.kind());
                        state.waiting.clear();
                    }
                }
                let failed = state.failed.is_some();
                drop(state);
                self.changed.notify_all();
                progress();
                if failed {
                    return;
                }
            }
        }
    }

    /// Whether a piece may be written.
    fn begin(&self) -> bool {
        let mut state = self.lock();
        state.busy = !state.abandoned;
        state.busy
    }

    fn next(&self) -> Option<Vec<u8>> {
        let mut state = self.lock();
        loop {
            if let Some(bytes) = state.waiting.pop_front() {
                return Some(bytes);
            }
            if state.ended {
                return None;
            }
            state = self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);

    /// A terminal that takes a piece whenever the test lets it.
    struct Valve {
        open: mpsc::Receiver<bool>,
        shown: Arc<Mutex<Vec<u8>>>,
    }

    impl Write for Valve {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            match self.open.recv() {
                Ok(true) => {
                    self.shown.lock().unwrap().extend_from_slice(bytes);
                    Ok(bytes.len())
                }
                _ => Err(io::ErrorKind::BrokenPipe.into()),
            }
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn valve() -> (mpsc::Sender<bool>, Arc<Mutex<Vec<u8>>>, Writer) {
        let (sender, open) = mpsc::channel();
        let shown = Arc::<Mutex<Vec<u8>>>::default();
        let terminal = Valve {
            open,
            shown: Arc::clone(&shown),
        };
        (sender, shown, Writer::new(terminal, || ()).unwrap())
    }

    #[test]
    fn a_terminal_that_stops_reading_delays_nobody_and_loses_nothing() {
        let (open, shown, writer) = valve();
        let bytes: Vec<u8> = (0..10_000u32).map(|n| n as u8).collect();
        writer.write(bytes.clone());
        writer.write(b"end".to_vec());
        assert_eq!(writer.outstanding(), 10_003);
        assert!(!writer.settle(Duration::from_millis(10)));
        // Three pieces of the first, one of the second.
        for _ in 0..4 {
            open.send(true).unwrap();
        }
        assert!(writer.settle(LIMIT));
        assert_eq!(writer.outstanding(), 0);
        assert_eq!(*shown.lock().unwrap(), [bytes, b"end".to_vec()].concat());
    }

    #[test]
    fn an_abandoned_terminal_gets_the_piece_under_way_and_no_more() {
        let (open, shown, writer) = valve();
        writer.write(vec![7; 3 * PIECE]);
        open.send(true).unwrap();
        // The second piece is under way or about to be; whoever waits for it is not kept waiting.
        while writer.written() < PIECE as u64 {
            thread::yield_now();
        }
        let done = writer.abandon(Duration::from_millis(20));
        // Nobody listens any more where the second piece was never begun.
        let _ = open.send(true);
        assert!(writer.abandon(LIMIT));
        let written = shown.lock().unwrap().len();
        assert!(
            written == PIECE && done || written == 2 * PIECE,
            "{written}"
        );
        writer.write(vec![8; 10]);
        assert!(writer.abandon(LIMIT));
        assert_eq!(shown.lock().unwrap().len(), written);
    }

    #[test]
    fn a_terminal_that_is_gone_is_told_once() {
        let (open, _, writer) = valve();
        writer.write(vec![1; 100]);
        open.send(false).unwrap();
        assert!(!writer.settle(LIMIT));
        assert_eq!(writer.failure(), Some(io::ErrorKind::BrokenPipe));
        writer.write(vec![2; 100]);
        assert_eq!(writer.outstanding(), 100);
    }
}
