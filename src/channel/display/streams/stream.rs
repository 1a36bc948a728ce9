//! One stream: frames that wait to be decoded, pictures that wait to be shown.

use std::collections::VecDeque;
use std::time::Duration;

use super::job::{Decoded, VideoDone, VideoJob};
use super::report::Report;
use super::{Painting, STARVED_AFTER, StreamCount, to_clip, wait};
use crate::canvas::Clip;
use crate::channel::display::SurfaceId;
use crate::channel::display::messages::{StreamCreate, StreamFlags};
use crate::channel::shared::Shared;
use crate::codec::Error;
use crate::codec::contain::contain;
use crate::codec::video::{Codec, Decoder, Picture, Share, Tables};
use crate::geometry::{Rect, Size};

/// Frames that may wait: what a server sends in eight seconds, more than it ever runs ahead of the clock. Later MJPEG frames
/// push out the oldest; of other codecs the oldest are shown early.
const MAX_FRAMES: usize = 256;

/// Frames over that which may come while the decoder is busy.
const MAX_OVERRUN: usize = 64;

/// Pictures decoded before their time.
const AHEAD: usize = 2;

/// Pixels of the largest frames that are put off: 1920×1088, for whose decoding a key press may wait (8 ms, `benches/video.rs`).
const LARGEST_PUT_OFF: u64 = 1920 * 1088;

/// After so long a frame is decoded though nobody looks, so that a stream which cannot be is noticed.
const LOOK_AFTER: Duration = Duration::from_secs(1);

/// Frames a decoder may hold back to put them in order.
const MAX_HELD: usize = 16;

/// One stream.
pub(super) struct Stream {
    /// Different for each stream there ever was.
    pub serial: u64,
    pub surface: SurfaceId,
    pub codec: Codec,
    pub dest: Rect,
    pub clip: Clip,
    pub report: Option<Report>,
    top_down: bool,
    /// `None` while a job has it.
    decoder: Option<Decoder>,
    /// What files of an MJPEG stream leave out.
    tables: Tables,
    /// Not decoded yet, in the order they came.
    frames: VecDeque<Frame>,
    /// When the frame is to be shown that a job has.
    decoding: Option<u32>,
    /// Decoded, and no picture came out yet.
    held: Vec<Place>,
    /// To be shown, first one first.
    ready: VecDeque<(Place, Picture)>,
    /// Its time has come and nobody looked; it is decoded when somebody does. INVARIANT: older than everything else here.
    unseen: Option<Unseen>,
    /// Why a frame that somebody looked at could not be decoded.
    pub broken: Option<Error>,
    /// When something was shown last, once it was.
    shown_at: Option<Duration>,
    /// When a frame was decoded last.
    decoded_at: Duration,
    size: Option<Size>,
    received: u64,
    shown: u64,
    dropped: u64,
    bytes: u64,
    decode_time: Duration,
    rate: Rate,
}

/// A coded frame.
pub(super) struct Frame {
    /// When to show it, milliseconds of the multi-media clock.
    pub time: u32,
    pub dest: Rect,
    pub data: Vec<u8>,
    /// What it takes of the memory for frames, until it is decoded.
    pub room: Share,
}

impl Frame {
    fn fork(&self, shared: &Shared) -> Option<Self> {
        Some(Self {
            data: self.data.clone(),
            room: self.room.taken_of(&shared.frames)?,
            ..*self
        })
    }
}

/// A frame that is decoded when somebody looks.
struct Unseen {
    frame: Frame,
    /// Reads a clock, for statistics.
    timer: fn() -> Duration,
}

/// Too many frames wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Overrun;

/// When and where a picture is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub time: u32,
    pub dest: Rect,
}

/// Counts by the second.
#[derive(Clone, Copy, Default)]
struct Rate {
    second: u64,
    current: u32,
    last: u32,
}

impl Stream {
    pub fn new(serial: u64, create: &StreamCreate, decoder: Decoder) -> Self {
        Self {
            serial,
            surface: create.surface_id,
            codec: decoder.codec(),
            dest: create.dest,
            clip: to_clip(&create.clip),
            report: None,
            top_down: create.flags.contains(StreamFlags::TOP_DOWN),
            decoder: Some(decoder),
            tables: Tables::default(),
            frames: VecDeque::new(),
            decoding: None,
            held: Vec::new(),
            ready: VecDeque::new(),
            unseen: None,
            broken: None,
            shown_at: None,
            decoded_at: Duration::ZERO,
            size: None,
            received: 0,
            shown: 0,
            dropped: 0,
            bytes: 0,
            decode_time: Duration::ZERO,
            rate: Rate::default(),
        }
    }

    /// The same stream of a session beside this one. `None` where that is more than its frames: decoders other than that of
    /// MJPEG keep what nobody can copy.
    pub fn fork(&self, shared: &Shared) -> Option<Self> {
        if self.codec != Codec::Mjpeg || self.decoder.is_none() || self.broken.is_some() {
            return None;
        }
        let unseen = match &self.unseen {
            Some(Unseen { frame, timer }) => Some(Unseen {
                frame: frame.fork(shared)?,
                timer: *timer,
            }),
            None => None,
        };
        Some(Self {
            clip: self.clip.clone(),
            report: self.report.clone(),
            decoder: Some(Decoder::new(self.codec, &shared.video)?),
            tables: self.tables.clone(),
            frames: self
                .frames
                .iter()
                .map(|frame| frame.fork(shared))
                .collect::<Option<_>>()?,
            held: self.held.clone(),
            ready: self.ready.clone(),
            unseen,
            broken: None,
            ..*self
        })
    }

    /// A frame came, at `clock` by the multi-media clock.
    ///
    /// # Errors
    ///
    /// When too many wait, and none of them can be left out.
    pub fn queue(&mut self, mut frame: Frame, clock: u32, now: Duration) -> Result<(), Overrun> {
        self.received += 1;
        self.bytes += frame.data.len() as u64;
        let is_late = (frame.time.wrapping_sub(clock) as i32) < 0;
        if self.codec == Codec::Mjpeg {
            frame.data = self.tables.complete(&frame.data);
            // The reference client drops every late frame. We let one pass when the picture would stand still for long.
            let stands_since = self.shown_at.map(|at| now.saturating_sub(at));
            let is_starved = stands_since.is_none_or(|time| time >= STARVED_AFTER);
            if is_late && !is_starved {
                self.dropped += 1;
                return Ok(());
            }
            if is_late {
                frame.time = clock;
            }
            let newest = self.frames.back();
            if newest.is_some_and(|newest| (frame.time.wrapping_sub(newest.time) as i32) < 0) {
                self.drop_frames(self.frames.len());
            }
            if self.frames.len() >= MAX_FRAMES {
                self.drop_frames(1);
            }
        }
        if frame.room.grow_to(frame.data.len() as u64).is_err() {
            return Err(Overrun);
        }
        self.frames.push_back(frame);
        if self.frames.len() > MAX_FRAMES {
            let times = self.ready.iter_mut().map(|(place, _)| &mut place.time);
            let times = times.chain(self.held.iter_mut().map(|place| &mut place.time));
            times
                .chain(self.frames.front_mut().map(|frame| &mut frame.time))
                .for_each(|time| *time = clock);
        }
        match self.frames.len() > MAX_FRAMES + MAX_OVERRUN {
            true => Err(Overrun),
            false => Ok(()),
        }
    }

    /// When the stream has something to do, by the multi-media clock.
    pub fn next_time(&self) -> Option<u32> {
        let picture = self.ready.front().map(|(place, _)| place.time);
        let frame = || self.frames.front().map(|frame| frame.time);
        match self.codec {
            Codec::Mjpeg if self.decoder.is_some() => picture.or_else(frame),
            // Their frames are decoded as soon as there is room.
            _ => picture,
        }
    }

    /// The picture to show now.
    pub fn show(&mut self, clock: u32, now: Duration) -> Option<Painting> {
        self.pass_over_late(clock);
        let (place, picture) = self
            .ready
            .pop_front_if(|(place, _)| wait(place.time, clock) == 0)?;
        self.count_shown(now);
        self.decoded_at = now;
        Some(self.painting(place.dest, Some(picture)))
    }

    fn count_shown(&mut self, now: Duration) {
        self.shown += 1;
        self.shown_at = Some(now);
        self.rate.count(now);
    }

    fn painting(&mut self, dest: Rect, picture: Option<Picture>) -> Painting {
        if let Some(picture) = &picture {
            self.size = Some(Size::new(picture.width, picture.height));
        }
        Painting {
            surface: self.surface,
            picture,
            dest,
            clip: self.clip.clone(),
            top_down: self.top_down,
        }
    }

    /// Where the newest of the frames whose time has come goes, if it can be decoded when somebody looks. The first ones show
    /// whether the stream can be decoded and how large it is.
    pub fn may_put_off(&self, clock: u32) -> Option<Rect> {
        let is_small = self.size.is_some_and(|size| size.area() <= LARGEST_PUT_OFF);
        let is_free = self.decoder.is_some() && self.ready.is_empty();
        if self.codec != Codec::Mjpeg || !is_small || !is_free {
            return None;
        }
        let newest = self.due_frames(clock).checked_sub(1)?;
        Some(self.frames.get(newest)?.dest)
    }

    /// Takes the newest of the frames whose time has come, to be decoded when somebody looks, instead of the one put off
    /// before. The area that changes.
    pub fn put_off(
        &mut self,
        clock: u32,
        now: Duration,
        timer: fn() -> Duration,
    ) -> Option<Painting> {
        let late = self.due_frames(clock).checked_sub(1)?;
        self.drop_frames(late);
        let frame = self.frames.pop_front()?;
        self.count_shown(now);
        let changed = self.painting(frame.dest, None);
        self.unseen = Some(Unseen { frame, timer });
        Some(changed)
    }

    /// Decodes the frame that was put off if it is time to see whether that can be done.
    pub fn check(&mut self, now: Duration) -> Option<Painting> {
        let is_time = now.saturating_sub(self.decoded_at) >= LOOK_AFTER;
        let checked = is_time.then(|| self.develop()).flatten()?;
        self.decoded_at = now;
        Some(checked)
    }

    /// Whether the next frame of the stream `serial`, which goes to `dest`, may take the place of what was put off here: only
    /// if it is this stream's, and leaves nothing of it.
    pub fn is_covered(&self, serial: u64, dest: Rect) -> bool {
        let same = |unseen: &Unseen| unseen.frame.dest == dest;
        serial == self.serial && self.unseen.as_ref().is_none_or(same)
    }

    /// Whether somebody who looks at `area` sees a frame that was put off.
    pub fn is_unseen_in(&self, area: Rect) -> bool {
        self.unseen
            .as_ref()
            .is_some_and(|unseen| unseen.frame.dest.overlaps(area))
    }

    /// Decodes the frame that was put off, if there is one; it is to be painted. Why it cannot be is in
    /// [`broken`](Self::broken).
    pub fn develop(&mut self) -> Option<Painting> {
        let Unseen { frame, timer } = self.unseen.take()?;
        let job = VideoJob {
            stream: 0,
            serial: self.serial,
            decoder: self.decoder.take()?,
            frame,
            timer,
        };
        let lost = job.lost();
        let done = contain(|| job.run()).unwrap_or(lost);
        if let Err(error) = self.finish(done) {
            self.broken = Some(error);
        }
        let (place, picture) = self.ready.pop_back()?;
        Some(self.painting(place.dest, Some(picture)))
    }

    /// Forgets the frame that was put off.
    pub fn overlook(&mut self) {
        self.unseen = None;
    }

    /// How many frames' time has come.
    pub fn due_frames(&self, clock: u32) -> usize {
        let due = |frame: &&Frame| wait(frame.time, clock) == 0;
        self.frames.iter().take_while(due).count()
    }

    /// Drops pictures whose time has come while that of a later one has come too.
    fn pass_over_late(&mut self, clock: u32) {
        let due = self
            .ready
            .iter()
            .take_while(|(place, _)| wait(place.time, clock) == 0);
        let late = due.count().saturating_sub(1);
        self.ready.drain(..late);
        self.dropped += late as u64;
    }

    /// The next frame to decode, with the decoder. `None` while that is elsewhere, or when there is nothing to do now.
    pub fn next_job(&mut self, id: u32, clock: u32, timer: fn() -> Duration) -> Option<VideoJob> {
        self.decoder.as_ref()?;
        self.pass_over_late(clock);
        if self.codec == Codec::Mjpeg {
            // Decoded only when it is to be shown, and only the newest of those whose time has come.
            let late = self.due_frames(clock).checked_sub(1)?;
            self.drop_frames(late);
        } else if self.ready.len() >= AHEAD {
            return None;
        }
        let frame = self.frames.pop_front()?;
        self.decoding = Some(frame.time);
        Some(VideoJob {
            stream: id,
            serial: self.serial,
            decoder: self.decoder.take()?,
            frame,
            timer,
        })
    }

    /// A frame was decoded.
    ///
    /// # Errors
    ///
    /// When it was not; the stream is to be ended.
    pub fn finish(&mut self, done: VideoDone) -> Result<(), Error> {
        self.decode_time += done.time;
        self.decoding = None;
        let Decoded {
            decoder,
            place: own,
            pictures,
        } = done.result?;
        self.decoder = Some(decoder);
        self.held.push(own);
        self.held
            .sort_by(|a, b| (a.time.wrapping_sub(b.time) as i32).cmp(&0));
        for picture in pictures {
            // Pictures come in the order shown, so each has the earliest of the times left.
            let place = match self.held.is_empty() {
                true => own,
                false => self.held.remove(0),
            };
            self.ready.push_back((place, picture));
        }
        let reorders = matches!(self.codec, Codec::H264 | Codec::H265);
        let too_many = self
            .held
            .len()
            .saturating_sub(if reorders { MAX_HELD } else { 0 });
        self.held.drain(..too_many);
        Ok(())
    }

    /// The earliest time of what came and was not shown, decoded or not.
    pub fn first_waiting(&self) -> Option<u32> {
        let frames = self.frames.iter().map(|frame| frame.time);
        let decoded = self
            .held
            .iter()
            .chain(self.ready.iter().map(|(place, _)| place));
        let times = frames
            .chain(self.decoding)
            .chain(decoded.map(|place| place.time));
        times.reduce(|first, time| match (time.wrapping_sub(first) as i32) < 0 {
            true => time,
            false => first,
        })
    }

    /// Whether a frame is being decoded.
    pub fn is_decoding(&self) -> bool {
        self.decoding.is_some()
    }

    /// The frames that were not decoded yet, first one first; those of MJPEG whole.
    pub fn waiting(&self) -> impl Iterator<Item = &Frame> {
        self.frames.iter()
    }

    /// A frame of this MJPEG stream with the tables that it leaves out.
    pub fn whole(&self, data: &[u8]) -> Vec<u8> {
        self.tables.clone().complete(data)
    }

    pub fn count(&self, id: u32) -> StreamCount {
        StreamCount {
            id,
            codec: self.codec,
            size: self.size,
            received: self.received,
            shown: self.shown,
            dropped: self.dropped,
            fps: self.rate.last,
            bytes: self.bytes,
            decode_time: self.decode_time,
        }
    }

    /// Drops the oldest frames.
    fn drop_frames(&mut self, count: usize) {
        self.dropped += count as u64;
        self.frames.drain(..count);
    }
}

impl Rate {
    fn count(&mut self, now: Duration) {
        let second = now.as_secs();
        if second != self.second {
            self.last = if second == self.second + 1 {
                self.current
            } else {
                0
            };
            (self.second, self.current) = (second, 0);
        }
        self.current += 1;
    }
}
