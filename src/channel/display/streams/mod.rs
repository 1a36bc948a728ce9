//! The video streams of one display: which there are, when their frames are shown, and what the server is told about it.
//!
//! Nothing is drawn here: [`Streams::poll_picture`] says what to paint where. Decoding is handed out as jobs, one a stream
//! at a time, so that the order of frames is kept; a session that does not offload runs them on the spot.
//!
//! Memory is bounded for all displays together: 512 MiB for the worst that all decoders could hold ([`Shared::video`]; a stream
//! whose pictures would not fit is refused), which includes the pictures they decode ahead, and 64 MiB for frames until
//! they are decoded.
//!
//! [`Shared::video`]: crate::channel::shared::Shared::video
//!
//! Protocol: spec 07c.

mod job;
mod report;
mod retell;
mod stream;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

pub(crate) use job::{VideoDone, VideoJob};
use stream::{Frame, Stream};

use super::SurfaceId;
use super::draw;
use super::messages::{
    ClientMessage, PreferredVideoCodecType, StreamActivateReport, StreamClip, StreamCreate,
    StreamData, StreamDataSized, StreamReport, VideoCodec,
};
use crate::canvas::Clip;
use crate::channel::Cx;
use crate::channel::shared::{MediaClock, Shared};
use crate::codec::Error;
use crate::codec::video::{Codec, Decoder, Picture};
use crate::geometry::{Rect, Size};
use crate::link::Capabilities;

/// Capability bit of servers and clients that know reports (spec 00 §6).
pub(super) const STREAM_REPORT: u32 = 4;

/// Capability bit of servers that let the client choose codecs.
pub(super) const PREF_VIDEO_CODEC_TYPE: u32 = 12;

/// Ids of streams are below this.
pub(crate) const MAX_STREAMS: u32 = 64;

/// Most frames decoded outside at a time. Streams that are there have one at most; but those of streams that are gone have to
/// be finished too, and a server could make many.
const MAX_RUNNING: usize = MAX_STREAMS as usize;

/// A frame stamped later than this is shown at once: nothing legitimate is meant for then.
const FARTHEST_MS: i32 = 10_000;

/// A stream whose picture stood still for so long takes what comes, late or not.
const STARVED_AFTER: Duration = Duration::from_secs(1);

/// The streams of one display.
pub(super) struct Streams {
    streams: BTreeMap<u32, Stream>,
    /// What this client may be sent.
    allowed: Vec<Codec>,
    /// Whether the server takes reports.
    reports: bool,
    /// Whether the server lets the client choose.
    chooses: bool,
    /// Codecs whose streams could not be decoded, which the server was asked to use last.
    failed: Vec<Codec>,
    /// Whether the screen holds nothing but video, whose frames are then shown as they come.
    pub immediate: bool,
    /// Whether nobody looks at the screen, so that frames of MJPEG, each of which stands alone, are decoded only when
    /// something else is drawn over them or reads them. Most are followed by the next one before that.
    pub unwatched: bool,
    /// Whether nobody ever will, so that these are not decoded even then.
    pub blind: bool,
    /// Ids for which the server was told that they cannot be played, one bit each. It is told once.
    refused: u64,
    /// Tells streams apart that use the same id one after the other.
    created: u64,
    /// Frames to be decoded outside; at most one for each stream.
    jobs: VecDeque<VideoJob>,
    /// Frames that are being decoded outside.
    running: usize,
    pictures: VecDeque<Painting>,
    /// When a method was called last. Times to come are told from here.
    seen: Duration,
}

/// A picture whose time has come.
pub(super) struct Painting {
    pub surface: SurfaceId,
    /// `None` while it waits for somebody to look: the area changes, and its pixels come before they are needed.
    pub picture: Option<Picture>,
    /// Where the whole picture goes, scaled.
    pub dest: Rect,
    pub clip: Clip,
    /// Whether the first row is the top one.
    pub top_down: bool,
}

/// A stream, in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamCount {
    /// Its id, unique while it lasts.
    pub id: u32,
    /// How its frames are coded.
    pub codec: Codec,
    /// Size of the last picture, once there is one.
    pub size: Option<Size>,
    /// Frames that came.
    pub received: u64,
    /// Pictures shown.
    pub shown: u64,
    /// Frames that were too late to be shown.
    pub dropped: u64,
    /// Pictures shown in the last whole second.
    pub fps: u32,
    /// Bytes of the frames that came.
    pub bytes: u64,
    /// Time spent decoding. Zero where nobody measures.
    pub decode_time: Duration,
}

impl Streams {
    /// No streams; those to come may use the codecs `allowed`.
    pub fn new(allowed: Vec<Codec>) -> Self {
        Self {
            streams: BTreeMap::new(),
            allowed,
            reports: false,
            chooses: false,
            failed: Vec::new(),
            immediate: false,
            unwatched: false,
            blind: false,
            refused: 0,
            created: 0,
            jobs: VecDeque::new(),
            running: 0,
            pictures: VecDeque::new(),
            seen: Duration::ZERO,
        }
    }

    /// The same streams in a session beside this one; `None` where they cannot be copied, or something is being decoded.
    pub fn fork(&self, shared: &Shared) -> Option<Self> {
        if !self.jobs.is_empty() || self.running > 0 || !self.pictures.is_empty() {
            return None;
        }
        let fork = |(id, stream): (&u32, &Stream)| Some((*id, stream.fork(shared)?));
        Some(Self {
            streams: self.streams.iter().map(fork).collect::<Option<_>>()?,
            allowed: self.allowed.clone(),
            failed: self.failed.clone(),
            jobs: VecDeque::new(),
            pictures: VecDeque::new(),
            ..*self
        })
    }

    /// No streams, in a session beside this one whose screen is only looked at.
    pub fn without_video(&self) -> Self {
        Self {
            immediate: self.immediate,
            ..Self::new(self.allowed.clone())
        }
    }

    /// Decodes what was put off; it is to be painted.
    pub fn develop_all(&mut self) {
        let ids: Vec<u32> = self.streams.keys().copied().collect();
        ids.into_iter().for_each(|id| self.develop(id));
    }

    /// Codecs the server may use.
    pub fn allowed(&self) -> &[Codec] {
        &self.allowed
    }

    /// The channel is linked with a server that can so much.
    pub fn linked(&mut self, server: &Capabilities) {
        self.reports = server.has(STREAM_REPORT);
        self.chooses = server.has(PREF_VIDEO_CODEC_TYPE);
    }

    /// STREAM_CREATE. A stream of this id that is still there ends.
    pub fn create(&mut self, create: &StreamCreate, surface_exists: bool, cx: &mut Cx<'_>) {
        let id = create.id;
        if id >= MAX_STREAMS {
            cx.notice(format!(
                "STREAM_CREATE: stream {id} is over the limit of {MAX_STREAMS}"
            ));
            return;
        }
        self.destroy(id);
        let codec = codec_of(create.codec).filter(|codec| self.allowed.contains(codec));
        let Some(codec) = codec else {
            self.refuse(id, "its codec was not asked for", cx);
            return;
        };
        if !surface_exists {
            self.refuse(id, "there is no such surface", cx);
            return;
        }
        let Some(decoder) = Decoder::new(codec, &cx.shared.video) else {
            self.refuse(id, "there is no decoder for it", cx);
            return;
        };
        self.created += 1;
        let stream = Stream::new(self.created, create, decoder);
        self.streams.insert(id, stream);
    }

    /// STREAM_DATA.
    pub fn data(&mut self, data: &StreamData<'_>, cx: &mut Cx<'_>) {
        self.take(data.id, data.multi_media_time, None, data.data, cx);
    }

    /// STREAM_DATA_SIZED. Its size is for information: a picture has the size that the codec says.
    pub fn data_sized(&mut self, data: &StreamDataSized<'_>, cx: &mut Cx<'_>) {
        let dest = Some(data.dest);
        self.take(data.id, data.multi_media_time, dest, data.data, cx);
    }

    fn take(&mut self, id: u32, time: u32, dest: Option<Rect>, data: &[u8], cx: &mut Cx<'_>) {
        self.seen = cx.now;
        let Some(stream) = self.streams.get_mut(&id) else {
            self.refuse(id, "it does not exist", cx);
            return;
        };
        if data.is_empty() {
            return;
        }
        let clock = cx.shared.media.time(cx.now);
        let time = if time == 0 {
            clock.wrapping_add(100)
        } else {
            time
        };
        let margin = time.wrapping_sub(clock) as i32;
        let sound = cx.shared.media.sound_delay();
        let report = stream
            .report
            .as_mut()
            .and_then(|report| report.count(id, time, margin, sound, cx.now));
        if let Some(report) = report.filter(|_| self.reports) {
            cx.send(&ClientMessage::StreamReport(report));
        }
        let at_once = self.immediate || margin > FARTHEST_MS;
        let frame = Frame {
            time: if at_once { clock } else { time },
            dest: dest.unwrap_or(stream.dest),
            data: data.to_vec(),
            room: cx.shared.frames.share(),
        };
        if stream.queue(frame, clock, cx.now).is_err() {
            self.fail(id, "frames come faster than they can be decoded", cx);
        }
        self.advance(id, cx);
    }

    /// STREAM_CLIP: frames that wait obey it too.
    pub fn clip(&mut self, clip: &StreamClip<'_>, cx: &mut Cx<'_>) {
        self.develop(clip.id);
        match self.streams.get_mut(&clip.id) {
            Some(stream) => stream.clip = to_clip(&clip.clip),
            None => self.refuse(clip.id, "it does not exist", cx),
        }
    }

    /// STREAM_DESTROY: what waits is not shown any more.
    pub fn destroy(&mut self, id: u32) {
        self.develop(id);
        self.streams.remove(&id);
        self.refused &= !bit(id);
    }

    /// STREAM_DESTROY_ALL.
    pub fn destroy_all(&mut self) {
        self.develop_all();
        self.streams.clear();
        self.refused = 0;
    }

    /// A surface is gone, and its streams with it.
    pub fn surface_gone(&mut self, surface: SurfaceId) {
        self.streams.retain(|_, stream| stream.surface != surface);
    }

    /// Something else is about to read or change this area: frames in it that were put off are to be painted before. Whether
    /// there are any.
    pub fn look(&mut self, surface: SurfaceId, area: Rect) -> bool {
        if !self.unwatched || self.blind {
            return false;
        }
        let streams = self.streams.values_mut();
        let seen = streams.filter(|stream| stream.surface == surface && stream.is_unseen_in(area));
        let before = self.pictures.len();
        self.pictures.extend(seen.filter_map(Stream::develop));
        self.pictures.len() > before
    }

    /// Decodes what was put off of a stream, for whoever looks.
    fn develop(&mut self, id: u32) {
        let stream = self.streams.get_mut(&id);
        match self.blind {
            true => stream.map_or((), Stream::overlook),
            false => self.pictures.extend(stream.and_then(Stream::develop)),
        }
    }

    /// STREAM_ACTIVATE_REPORT.
    pub fn activate_report(&mut self, order: &StreamActivateReport) {
        if let Some(stream) = self.streams.get_mut(&order.stream_id) {
            stream.report = Some(report::Report::new(order));
        }
    }

    /// When [`tick`](Self::tick) wants to be called, by the clock in force.
    pub fn due(&self, media: &MediaClock) -> Option<Duration> {
        let clock = media.time(self.seen);
        let times = self.streams.values().filter_map(Stream::next_time);
        let margin = times.map(|time| wait(time, clock)).min()?;
        Some(self.seen + Duration::from_millis(margin.into()))
    }

    /// Time has passed.
    pub fn tick(&mut self, cx: &mut Cx<'_>) {
        self.seen = cx.now;
        let ids: Vec<u32> = self.streams.keys().copied().collect();
        for id in ids {
            self.advance(id, cx);
        }
    }

    /// The next frame to decode outside.
    pub fn poll_job(&mut self) -> Option<VideoJob> {
        let job = self.jobs.pop_front_if(|_| self.running < MAX_RUNNING)?;
        self.running += 1;
        Some(job)
    }

    /// A frame was decoded. Those of streams that are gone are forgotten.
    pub fn finish(&mut self, done: VideoDone, cx: &mut Cx<'_>) {
        self.seen = cx.now;
        self.running = self.running.saturating_sub(1);
        let id = done.stream;
        let Some(stream) = self
            .streams
            .get_mut(&id)
            .filter(|s| s.serial == done.serial)
        else {
            return;
        };
        match stream.finish(done) {
            Ok(()) => self.advance(id, cx),
            Err(error) => self.fail_to_decode(id, &error, cx),
        }
    }

    /// The next picture to paint.
    pub fn poll_picture(&mut self) -> Option<Painting> {
        self.pictures.pop_front()
    }

    /// The streams in numbers, lowest id first.
    pub fn counts(&self) -> impl Iterator<Item = StreamCount> {
        self.streams.iter().map(|(id, stream)| stream.count(*id))
    }

    /// Shows what is to be shown, and decodes what is to be decoded.
    fn advance(&mut self, id: u32, cx: &mut Cx<'_>) {
        let clock = cx.shared.media.time(cx.now);
        if self.unwatched && !self.put_off(id, clock, cx) {
            return;
        }
        while let Some(stream) = self.streams.get_mut(&id) {
            let Some(job) = stream.next_job(id, clock, cx.shared.clock) else {
                break;
            };
            if cx.shared.offload {
                self.forget_jobs();
                self.jobs.push_back(job);
                break;
            }
            if let Err(error) = stream.finish(job.run()) {
                self.fail_to_decode(id, &error, cx);
            }
        }
        if let Some(stream) = self.streams.get_mut(&id) {
            let shown = stream.show(clock, cx.now);
            if let Some(painting) = &shown {
                self.look(painting.surface, painting.dest);
            }
            self.pictures.extend(shown);
        }
    }

    /// Leaves a frame whose time has come undecoded, if that can be. Whether the stream goes on.
    fn put_off(&mut self, id: u32, clock: u32, cx: &mut Cx<'_>) -> bool {
        let Some(stream) = self.streams.get(&id) else {
            return false;
        };
        let (serial, surface) = (stream.serial, stream.surface);
        if let Some(dest) = stream.may_put_off(clock) {
            let streams = self.streams.values_mut();
            let below = streams.filter(|other| {
                !self.blind
                    && other.surface == surface
                    && !other.is_covered(serial, dest)
                    && (other.serial == serial || other.is_unseen_in(dest))
            });
            self.pictures.extend(below.filter_map(Stream::develop));
            if let Some(stream) = self.streams.get_mut(&id) {
                let changed = stream.put_off(clock, cx.now, cx.shared.clock);
                self.pictures.extend(changed);
                self.pictures.extend(stream.check(cx.now));
            }
        } else if stream.due_frames(clock) > 0 {
            // The decoder is about to leave with the next frame.
            self.develop(id);
        }
        let broken = self
            .streams
            .get_mut(&id)
            .and_then(|stream| stream.broken.take());
        if let Some(error) = &broken {
            self.fail_to_decode(id, error, cx);
        }
        broken.is_none()
    }

    /// Drops what was to be decoded for streams that are gone.
    fn forget_jobs(&mut self) {
        let streams = &self.streams;
        let is_wanted = |job: &VideoJob| {
            let stream = streams.get(&job.stream);
            stream.is_some_and(|stream| stream.serial == job.serial)
        };
        self.jobs.retain(is_wanted);
    }

    /// Ends a stream that cannot be decoded. The next is not likely to do better: libspice-server 0.15 codes H.264 with full
    /// chroma, which no decoder here takes. So the server is asked, once, to use other codecs first.
    fn fail_to_decode(&mut self, id: u32, error: &Error, cx: &mut Cx<'_>) {
        let codec = self.streams.get(&id).map(|stream| stream.codec);
        self.fail(id, &error.to_string(), cx);
        let Some(codec) = codec.filter(|codec| self.chooses && !self.failed.contains(codec)) else {
            return;
        };
        self.failed.push(codec);
        let sound = self
            .allowed
            .iter()
            .filter(|codec| !self.failed.contains(codec));
        if sound.clone().next().is_some() {
            let order = sound
                .chain(&self.failed)
                .map(|codec| announcement(*codec).0);
            let codecs = order.collect();
            let message = PreferredVideoCodecType { codecs };
            cx.send(&ClientMessage::PreferredVideoCodecType(message));
        }
    }

    /// Ends a stream that cannot go on.
    fn fail(&mut self, id: u32, why: &str, cx: &mut Cx<'_>) {
        self.develop(id);
        if let Some(stream) = self.streams.remove(&id) {
            let why = format!("{} cannot go on: {why}", stream.codec);
            self.refuse(id, &why, cx);
        }
    }

    /// Tells the server, once for each stream, that it is to send pictures instead.
    fn refuse(&mut self, id: u32, why: &str, cx: &mut Cx<'_>) {
        if id >= MAX_STREAMS {
            cx.notice(format!(
                "a message is about stream {id}, over the limit of {MAX_STREAMS}"
            ));
            return;
        }
        if self.refused & bit(id) != 0 {
            return;
        }
        self.refused |= bit(id);
        cx.notice(format!("stream {id} is not played: {why}"));
        if self.reports {
            cx.send(&ClientMessage::StreamReport(StreamReport {
                stream_id: id,
                unique_id: 0,
                start_frame_mm_time: 0,
                end_frame_mm_time: 0,
                num_frames: 0,
                num_drops: u32::MAX,
                last_frame_delay: 0,
                audio_delay: 0,
            }));
        }
    }
}

/// Milliseconds until a frame is to be shown. Clocks can be set back by any amount, and nothing waits for that long.
fn wait(time: u32, clock: u32) -> u32 {
    match time.wrapping_sub(clock) as i32 {
        margin @ 1..=FARTHEST_MS => margin.unsigned_abs(),
        _ => 0,
    }
}

fn bit(id: u32) -> u64 {
    1_u64.checked_shl(id).unwrap_or(0)
}

/// The codec of this number, if it is one that can be decoded.
pub(crate) fn codec_of(codec: VideoCodec) -> Option<Codec> {
    Some(match codec {
        VideoCodec::Mjpeg => Codec::Mjpeg,
        VideoCodec::Vp8 => Codec::Vp8,
        VideoCodec::H264 => Codec::H264,
        VideoCodec::Vp9 => Codec::Vp9,
        VideoCodec::H265 => Codec::H265,
        VideoCodec::Other(_) => return None,
    })
}

/// The protocol's number of a codec, and the capability bit that announces it (spec 00 §6).
pub(super) fn announcement(codec: Codec) -> (VideoCodec, u32) {
    match codec {
        Codec::Mjpeg => (VideoCodec::Mjpeg, 9),
        Codec::Vp8 => (VideoCodec::Vp8, 10),
        Codec::H264 => (VideoCodec::H264, 11),
        Codec::Vp9 => (VideoCodec::Vp9, 13),
        Codec::H265 => (VideoCodec::H265, 14),
    }
}

fn to_clip(clip: &draw::Clip<'_>) -> Clip {
    match clip {
        draw::Clip::None => Clip::None,
        draw::Clip::Rects(rects) => Clip::Rects(rects.iter().collect()),
    }
}
