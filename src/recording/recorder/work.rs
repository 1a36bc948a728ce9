//! The thread that writes.

use std::fs::File;
use std::io::{self, BufWriter};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use super::series::{Border, Series};
use super::{
    About, Ended, Joined, LINK_BYTES, Shared, Spacing, State, What, Why, Wish, bytes_of, lock,
};
use crate::channel::ChannelId;
use crate::recording::writer::Writer;
use crate::session::Way;
use crate::wire::Frame;
use crate::words::system;

/// How old what is not in the file yet may be.
const FLUSH_EVERY: Duration = Duration::from_millis(500);

/// Bytes that are written at once.
const BUFFER: usize = 256 << 10;

/// The end of a file has room in a limit that is so many times as much.
const END_SHARE: u64 = 16;

/// The newest seek point, or the beginning of the file.
#[derive(Clone, Copy, Debug, Default)]
struct Points {
    /// Bytes it has, or would have had.
    len: u64,
    /// Bytes written up to behind it.
    offset: u64,
    /// When it was made.
    last: Duration,
}

/// What the thread has.
pub(super) struct Work {
    writer: Writer<BufWriter<File>>,
    about: About,
    /// What the times of all files count from.
    started: SystemTime,
    series: Option<Series>,
    /// Bytes and frames of the files before this one.
    before: (u64, u64),
    /// Bytes of what the file began with.
    head: u64,
    points: Points,
    /// The moment of what was written last.
    last: Duration,
    shared: Arc<Mutex<Shared>>,
}

impl Work {
    /// Begins the first file.
    pub(super) fn new(
        file: File,
        series: Option<Series>,
        about: &About,
        shared: Arc<Mutex<Shared>>,
    ) -> io::Result<Self> {
        let started = SystemTime::now();
        let mut work = Self {
            writer: begin(file, about, started)?,
            about: about.clone(),
            started,
            series,
            before: (0, 0),
            head: 0,
            points: Points::default(),
            last: Duration::ZERO,
            shared,
        };
        work.begun(Duration::ZERO);
        Ok(work)
    }

    /// Writes what comes until nothing can come any more.
    pub(super) fn run(&mut self, entries: &Receiver<(Duration, What)>) {
        if let Err(why) = self.write_all(entries) {
            self.conclude_early(&why);
            self.shared().progress.ended = Some(why);
        }
        // What else comes is dropped with the queue.
        if let Err(error) = self.writer.flush() {
            self.shared().progress.ended.get_or_insert(broken(error));
        }
    }

    /// Ends a file that is not broken as any other, where there is room for that.
    fn conclude_early(&mut self, why: &Ended) {
        let is_broken = matches!(why, Ended::Broken(_));
        if !is_broken && self.writer.ending() <= self.room() {
            // Why it ended is known already; a file without its end can be read all the same.
            let is_whole = self.end(self.last, 0).is_ok();
            let bytes = self.written();
            if is_whole {
                self.shared().progress.bytes = bytes;
            }
        }
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }

    fn write_all(&mut self, entries: &Receiver<(Duration, What)>) -> Result<(), Ended> {
        let mut flushed = Instant::now();
        let mut unflushed = false;
        loop {
            let entry = if unflushed {
                entries.recv_timeout(FLUSH_EVERY.saturating_sub(flushed.elapsed()))
            } else {
                entries.recv().map_err(|_| RecvTimeoutError::Disconnected)
            };
            match entry {
                Ok((at, what)) => {
                    self.write(at, what)?;
                    unflushed = true;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if unflushed && flushed.elapsed() >= FLUSH_EVERY {
                self.writer.flush().map_err(broken)?;
                (flushed, unflushed) = (Instant::now(), false);
            }
            if let Some(ended) = &self.shared().progress.ended {
                return Err(ended.clone());
            }
        }
        self.end(self.last, 0).map_err(broken)?;
        let bytes = self.written();
        self.shared().progress.bytes = bytes;
        Ok(())
    }

    fn write(&mut self, at: Duration, what: What) -> Result<(), Ended> {
        let waited = what.bytes();
        let is_state = matches!(what, What::State(..));
        self.last = at;
        self.has_room(waited as u64)?;
        match what {
            What::Opened(channel, established) => self.writer.opened(at, channel, &established),
            What::Frame(channel, way, frame) => self.writer.frame(at, channel, way, &frame),
            What::Closed(channel) => self.writer.closed(at, channel),
            What::GoesOn(channels) => self.go_on(at, &channels),
            What::Marked(text) => self.writer.mark(at, &text),
            What::State(state, why) => {
                self.state(at, state, why)?;
                Ok(())
            }
        }
        .map_err(broken)?;
        let bytes = self.written();
        let frames = self.before.1 + self.writer.frames();
        let wish = self.wish(at);
        let mut shared = self.shared();
        shared.waiting -= waited;
        shared.shown -= usize::from(is_state);
        shared.wish = wish;
        (shared.progress.bytes, shared.progress.frames) = (bytes, frames);
        Ok(())
    }

    /// What the session is wanted for.
    fn wish(&self, at: Duration) -> Option<Wish> {
        let written = self.writer.written();
        // What a file begins with may be more than it is to have: there has to be something else in it, too.
        let is_full = |size: u64| written >= size.max(2 * self.head);
        let border = self.series.as_ref().map(Series::border);
        if matches!(border, Some(Border::Bytes(size)) if is_full(size)) {
            return Some(Wish::File);
        }
        let Points { len, offset, last } = self.points;
        let since = written.saturating_sub(offset);
        let Spacing { bytes, time, share } = self.about.spacing;
        let is_far = since >= bytes.max(len.saturating_mul(share));
        let is_due = is_far && at.saturating_sub(last) >= time;
        is_due.then_some(Wish::Point)
    }

    /// Bytes of all files.
    fn written(&self) -> u64 {
        self.before.0 + self.writer.written()
    }

    /// Bytes up to the limit.
    fn room(&self) -> u64 {
        let room = |limit: u64| limit.saturating_sub(self.written());
        self.about.limit.map_or(u64::MAX, room)
    }

    /// The same without what the end of the file takes. Where that is much of all there may be, the file goes without.
    fn free(&self) -> u64 {
        let Some(limit) = self.about.limit else {
            return u64::MAX;
        };
        let ending = self.writer.ending();
        let kept = if ending <= limit / END_SHARE {
            ending
        } else {
            0
        };
        self.room().saturating_sub(kept)
    }

    /// Fails where so many bytes are beyond the limit.
    fn has_room(&self, bytes: u64) -> Result<(), Ended> {
        let limit = self.about.limit.filter(|_| bytes > self.free());
        limit.map_or(Ok(()), |limit| Err(Ended::Full { limit }))
    }

    /// Writes what makes a session that is in its middle, where it is wanted.
    fn state(&mut self, at: Duration, state: State, why: Why) -> Result<(), Ended> {
        if why == Why::Point {
            return self.point(at, state).map_err(broken);
        }
        let agent = state.agent.clone();
        let told = state.told();
        let frames = told.iter().flat_map(|(_, frames)| frames);
        let bytes = (told.len() * LINK_BYTES + frames.map(bytes_of).sum::<usize>()) as u64;
        self.has_room(bytes)?;
        if why == Why::File {
            self.next_file(at, bytes).map_err(broken)?;
        } else if why == Why::Anew {
            let channels: Vec<ChannelId> = self.writer.open().collect();
            self.go_on(at, &channels).map_err(broken)?;
        }
        self.join(at, told).map_err(broken)?;
        // What was said about the agent just now is no news of it.
        self.writer.resume(&agent);
        if why != Why::Anew {
            self.writer.flush().map_err(broken)?;
            self.begun(at);
        }
        Ok(())
    }

    /// Ends a session that goes on in the next one.
    fn go_on(&mut self, at: Duration, channels: &[ChannelId]) -> io::Result<()> {
        for channel in channels {
            self.writer.closed(at, *channel)?;
        }
        self.writer.go_on(at)
    }

    /// Writes a seek point, if it is small beside what was written since the last one.
    fn point(&mut self, at: Duration, state: State) -> io::Result<()> {
        let surfaces = match state.has_video {
            true => Vec::new(),
            false => state.scene.surfaces(),
        };
        let told = state.told().into_iter();
        let channels: Vec<_> = told
            .map(|(joined, frames)| (joined.channel, frames))
            .collect();
        let since = self.writer.written().saturating_sub(self.points.offset);
        let share = self.about.spacing.share.saturating_mul(4) / 5;
        let most = since.checked_div(share).unwrap_or(u64::MAX);
        // With what is around it in the file.
        let most = most.min(self.free().saturating_sub(LINK_BYTES as u64));
        let len = self.writer.point(at, &channels, surfaces, most)?;
        self.points.len = len;
        self.points.last = at;
        if len <= most {
            self.points.offset = self.writer.written();
        }
        Ok(())
    }

    /// Ends this file, and begins another one, which will begin with so many bytes.
    fn next_file(&mut self, at: Duration, bytes: u64) -> io::Result<()> {
        self.end(at, bytes)?;
        let Some(series) = &mut self.series else {
            return Ok(());
        };
        let file = series.next_file()?;
        let (bytes, frames) = (self.writer.written(), self.writer.frames());
        self.before = (self.before.0 + bytes, self.before.1 + frames);
        self.writer = begin(file, &self.about, self.started).inspect_err(|_| series.discard())?;
        Ok(())
    }

    /// Ends the file: with an index, where there is room for it beside so many bytes that are to come.
    fn end(&mut self, at: Duration, bytes: u64) -> io::Result<()> {
        self.writer.close(at)?;
        self.writer.index(self.room().saturating_sub(bytes))
    }

    /// A file has begun.
    fn begun(&mut self, at: Duration) {
        self.head = self.writer.written();
        self.points = Points {
            len: self.head,
            offset: self.head,
            last: at,
        };
        let Some(series) = &self.series else { return };
        let mut shared = lock(&self.shared);
        shared.progress.files = series.files();
        shared.border = match series.border() {
            Border::Time(every) => Instant::now().checked_add(every),
            Border::Bytes(_) => None,
        };
    }

    /// Links all channels, and says what a fresh session has to be told.
    fn join(&mut self, at: Duration, told: Vec<(Joined, Vec<Frame>)>) -> io::Result<()> {
        for (joined, frames) in told {
            let channel = joined.channel;
            self.writer.opened(at, channel, &joined.link)?;
            if let Some(hello) = &joined.hello {
                self.writer.frame(at, channel, Way::ToServer, hello)?;
            }
            // They are counted so that the newest frame there was has its own serial, and the next one follows.
            for (behind, frame) in (0..frames.len() as u64).rev().zip(frames) {
                let frame = Frame {
                    serial: joined.serial.wrapping_sub(behind),
                    ..frame
                };
                self.writer.frame(at, channel, Way::ToClient, &frame)?;
            }
        }
        Ok(())
    }
}

/// Begins a file.
fn begin(file: File, about: &About, started: SystemTime) -> io::Result<Writer<BufWriter<File>>> {
    let file = BufWriter::with_capacity(BUFFER, file);
    let mut writer = Writer::new(file, &about.comment, started, about.choices)?;
    writer.flush()?;
    Ok(writer)
}

fn broken(error: io::Error) -> Ended {
    Ended::Broken(system(&error))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use tempfile::TempDir;

    use super::super::{Recorder, Scene};
    use super::*;
    use crate::link::Established;
    use crate::recording::writer::Agent;
    use crate::recording::{Reader, SharedFile};
    use crate::session::Tap;

    /// A recording in files, whose entries are written when the test says so.
    struct Desk {
        recorder: Recorder,
        entries: Receiver<(Duration, What)>,
        work: Work,
        folder: TempDir,
    }

    impl Desk {
        /// Files of so many bytes, all together of at most `limit`.
        fn new(size: u64, limit: Option<u64>) -> Self {
            let folder = TempDir::new().expect("a scratch folder");
            let path = folder.path().join("x.pcapng");
            let mut series = Series::new(&path, Border::Bytes(size), None);
            let (queue, entries) = channel();
            let shared = Arc::<Mutex<Shared>>::default();
            let file = series.next_file().expect("a first file");
            let about = About {
                limit,
                ..About::default()
            };
            let work = Work::new(file, Some(series), &about, Arc::clone(&shared));
            Self {
                recorder: Recorder { queue, shared },
                entries,
                work: work.expect("it is written"),
                folder,
            }
        }

        fn hear(&mut self, body: usize) {
            let frame = Frame::new(1000, vec![0; body]);
            let (at, way) = (Duration::ZERO, Way::ToClient);
            self.recorder.frame(at, ChannelId::MAIN, way, &frame);
        }

        /// The session is shown, which takes so many bytes to tell.
        fn show(&mut self, why: Why, bytes: usize) {
            let joined = Joined {
                channel: ChannelId::MAIN,
                link: Established::default(),
                serial: 1,
                hello: None,
                frames: vec![Frame::new(1001, noise(bytes))],
            };
            let state = State {
                channels: vec![joined],
                scene: Scene::Frames(Vec::new()),
                has_video: false,
                agent: Agent::default(),
            };
            self.recorder.state(Duration::ZERO, state, why);
        }

        /// Writes the oldest entry that waits.
        fn write(&mut self) -> Result<(), Ended> {
            let (at, what) = self.entries.try_recv().expect("something waits");
            self.work.write(at, what)
        }

        fn files(&self) -> usize {
            lock(&self.recorder.shared).progress.files.kept.len()
        }

        /// Bytes of all files.
        fn bytes(&self) -> u64 {
            let entries = std::fs::read_dir(self.folder.path()).expect("it is there");
            let lens = entries.map(|entry| entry.unwrap().metadata().unwrap().len());
            lens.sum()
        }
    }

    /// Bytes that cannot be compressed.
    fn noise(count: usize) -> Vec<u8> {
        let next = |last: &u32| Some(last.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
        let numbers = std::iter::successors(Some(1_u32), next);
        numbers.map(|n| (n >> 24) as u8).take(count).collect()
    }

    #[test]
    fn a_full_file_is_followed_by_one_other_however_slow_the_disk_is() {
        let mut desk = Desk::new(10_000, None);
        desk.show(Why::Begin, 0);
        desk.hear(10_000);
        assert_eq!([desk.write(), desk.write()], [Ok(()), Ok(())]);
        assert_eq!(desk.recorder.wish(), Some(Wish::File));

        desk.hear(1);
        desk.show(Why::File, 0);
        desk.hear(1);
        for _ in 0..3 {
            assert_eq!(desk.recorder.wish(), None, "it was shown");
            assert_eq!(desk.write(), Ok(()));
        }
        assert_eq!(desk.recorder.wish(), None, "the next file has room");
        assert_eq!(desk.files(), 2);
    }

    #[test]
    fn what_a_file_begins_with_counts_for_the_limit_too() {
        let limit = 60_000;
        let full = Err(Ended::Full { limit });

        let mut desk = Desk::new(10_000, Some(limit));
        desk.show(Why::Begin, 70_000);
        assert_eq!(desk.write(), full);
        desk.work.writer.flush().unwrap();
        assert!(desk.bytes() <= limit, "{}", desk.bytes());

        let mut desk = Desk::new(10_000, Some(limit));
        desk.show(Why::Begin, 30_000);
        desk.show(Why::File, 40_000);
        assert_eq!([desk.write(), desk.write()], [Ok(()), full]);
        desk.work.writer.flush().unwrap();
        assert_eq!(desk.files(), 1, "no other was begun");
        assert!(desk.bytes() <= limit, "{}", desk.bytes());
    }

    #[test]
    fn a_recording_that_reaches_its_limit_ends_with_an_index() {
        let limit = 1 << 20;
        let mut desk = Desk::new(1 << 30, Some(limit));
        desk.show(Why::Begin, 10);
        for _ in 0..50 {
            desk.hear(30_000);
        }
        desk.work.run(&desk.entries);

        let progress = lock(&desk.recorder.shared).progress.clone();
        assert_eq!(progress.ended, Some(Ended::Full { limit }));
        assert_eq!(progress.bytes, desk.bytes());
        assert!(desk.bytes() <= limit, "{}", desk.bytes());
        let file = File::open(&progress.files.kept[0]).unwrap();
        let reader = Reader::new(SharedFile::new(file)).unwrap();
        assert_eq!(reader.index(desk.bytes()).unwrap().survey.sessions.len(), 1);
    }

    #[test]
    fn a_seek_point_beyond_the_limit_is_left_out() {
        let mut desk = Desk::new(1 << 20, Some(60_000));
        desk.work.about.spacing.share = 0;
        desk.show(Why::Begin, 10_000);
        desk.show(Why::Point, 60_000);
        assert_eq!([desk.write(), desk.write()], [Ok(()), Ok(())]);
        desk.work.writer.flush().unwrap();
        assert!(desk.bytes() <= 60_000, "{}", desk.bytes());
    }

    /// So a recording is a seventh longer at most for being gone through quickly.
    #[test]
    fn a_seek_point_has_at_most_an_eighth_of_what_was_written_since_the_last_one() {
        let grown = |written: usize, point: usize| {
            let mut desk = Desk::new(1 << 30, None);
            desk.show(Why::Begin, 10);
            for _ in 0..8 {
                desk.hear(written / 8);
            }
            desk.show(Why::Point, point);
            let mut before = 0;
            while let Ok((at, what)) = desk.entries.try_recv() {
                desk.work.writer.flush().unwrap();
                before = desk.bytes();
                desk.work.write(at, what).unwrap();
            }
            desk.work.writer.flush().unwrap();
            desk.bytes() - before
        };
        for written in [1 << 20, 3 << 20] {
            let most = written / 8;
            assert!(grown(written, most - most / 50) > 0);
            assert_eq!(grown(written, most + most / 50), 0);
        }
    }
}
