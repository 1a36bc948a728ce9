//! What a recording is like: which sessions are in it, what happens when, and from where it can be played. Learnt record by
//! record by whoever writes a file, who says it at its end, or by whoever reads one.

use std::time::Duration;

use super::note::{several, sound};
use super::reader::{PointPlace, Record, What};
use super::survey::{MOST_CHANNELS, Summary, Survey};
use crate::channel::{ChannelId, ChannelKind};
use crate::session::Way;
use crate::wire::{DecodeError, Reader, Writer};

/// Slices of time that activity is told in.
const SLICES: usize = 512;

/// The shortest slice.
const FIRST: Duration = Duration::from_millis(50);

/// Most places told of one session, and most markers.
const MOST_PLACES: usize = 1000;

/// Most seek points and sessions kept.
const MOST_POINTS: usize = 100_000;
const MOST_SESSIONS: usize = 10_000;

/// Bytes of a session without its channels, places and markers, and more than one of each and the counts of all.
const SESSION_BYTES: usize = 8 * SLICES + 256;

/// Number of SURFACE_CREATE on display channels.
const SURFACE_CREATE: u16 = 314;

/// What is in a recording.
#[derive(Clone, Debug)]
pub(super) struct Sketch {
    pub(super) survey: Survey,
    /// By session.
    pub(super) sessions: Vec<Contents>,
    pub(super) points: Vec<PointPlace>,
}

/// A moment that somebody marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    /// When, since the recording began.
    pub at: Duration,
    /// What it is called; may be empty.
    pub text: String,
}

/// What a session is like over its time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Bytes from the server in each slice of time, from the beginning of the recording on.
    pub activity: Vec<u64>,
    /// How long a slice is.
    pub slice: Duration,
    /// Places of interest: where a screen gets another size, and where something is missing; in order.
    pub places: Vec<Duration>,
    /// What was marked while it was recorded, in order.
    pub markers: Vec<Marker>,
}

impl Default for Sketch {
    fn default() -> Self {
        Self {
            survey: Survey::empty(),
            sessions: Vec::new(),
            points: Vec::new(),
        }
    }
}

impl Sketch {
    /// Takes in the next record.
    pub(super) fn add(&mut self, record: &Record) {
        self.survey.add(record);
        if self.sessions.len() <= record.session {
            self.sessions
                .resize(record.session + 1, Contents::default());
        }
        if let Some(contents) = self.sessions.get_mut(record.session) {
            contents.add(record);
        }
        if let What::Point(point) = &record.what
            && self.points.len() < MOST_POINTS
        {
            self.points.push(point.place);
        }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        time(&mut w, self.survey.length);
        w.u32(self.survey.sessions.len() as u32);
        for (place, summary) in self.survey.sessions.iter().enumerate() {
            encode_summary(summary, &mut w);
            let contents = self.sessions.get(place).cloned().unwrap_or_default();
            contents.encode(&mut w);
        }
        w.u32(self.points.len() as u32);
        for point in &self.points {
            w.u64(point.offset);
            time(&mut w, point.at);
            w.u32(point.session as u32);
        }
        w.into_body()
    }

    /// Bytes that it takes at most, also with one more record whose text is counted by others.
    pub(super) fn most_bytes(&self) -> usize {
        let places = |contents: &Contents| {
            let texts = contents.markers.iter().map(|marker| 12 + marker.text.len());
            8 * contents.places.len() + texts.sum::<usize>()
        };
        let channels = |summary: &Summary| 2 * summary.channels.len();
        let sessions = (self.survey.sessions.len() + 1) * SESSION_BYTES;
        let sessions = sessions + self.survey.sessions.iter().map(channels).sum::<usize>();
        sessions + self.sessions.iter().map(places).sum::<usize>() + 20 * (self.points.len() + 1)
    }

    /// What the end of a file of so many bytes says.
    pub(super) fn decode(content: &[u8], bytes: u64) -> Result<Self, DecodeError> {
        let mut r = Reader::new("index", content);
        let length = Duration::from_nanos(r.u64("length")?);
        let both = several(&mut r, 60, MOST_SESSIONS, |r| {
            let summary = summary(r)?;
            Ok((summary, Contents::decode(r)?))
        })?;
        sound(&r, "sessions", !both.is_empty())?;
        let (summaries, sessions): (Vec<_>, Vec<_>) = both.into_iter().unzip();
        let goes_on = |(place, summary): (usize, &Summary)| {
            summary.goes_on.is_none_or(|before| before < place)
        };
        sound(&r, "goes on", summaries.iter().enumerate().all(goes_on))?;
        let points = several(&mut r, 20, MOST_POINTS, |r| {
            Ok(PointPlace {
                offset: r.u64("offset")?,
                at: Duration::from_nanos(r.u64("at")?),
                session: r.u32("session")? as usize,
            })
        })?;
        let is_inside = |point: &PointPlace| {
            point.offset < bytes && point.at <= length && point.session < summaries.len()
        };
        sound(
            &r,
            "points",
            points.iter().all(is_inside) && points.is_sorted_by_key(|p| p.at),
        )?;
        Ok(Self {
            survey: Survey {
                sessions: summaries,
                length,
                damage: None,
            },
            sessions,
            points,
        })
    }
}

fn time(w: &mut Writer, at: Duration) {
    w.u64(u64::try_from(at.as_nanos()).unwrap_or(u64::MAX));
}

fn encode_summary(summary: &Summary, w: &mut Writer) {
    time(w, summary.begins);
    time(w, summary.ends);
    w.u64(summary.frames);
    w.u64(summary.losses);
    // One more than it is, and 0 for none.
    let pictured = summary
        .pictured
        .map(|at| at.saturating_add(Duration::from_nanos(1)));
    time(w, pictured.unwrap_or_default());
    w.u32(summary.goes_on.map_or(0, |before| before as u32 + 1));
    w.u32(summary.channels.len() as u32);
    for channel in &summary.channels {
        w.u8(channel.kind.number());
        w.u8(channel.id);
    }
}

fn summary(r: &mut Reader<'_>) -> Result<Summary, DecodeError> {
    let (begins, ends) = (r.u64("begins")?, r.u64("ends")?);
    let (frames, losses) = (r.u64("frames")?, r.u64("losses")?);
    let (pictured, goes_on) = (r.u64("pictured")?, r.u32("goes on")?);
    let channels = several(r, 2, MOST_CHANNELS, |r| {
        let kind = ChannelKind::from_number(r.u8("channel type")?);
        Ok(ChannelId::new(kind, r.u8("channel id")?))
    })?;
    Ok(Summary {
        begins: Duration::from_nanos(begins),
        ends: Duration::from_nanos(ends),
        channels,
        frames,
        pictured: pictured.checked_sub(1).map(Duration::from_nanos),
        losses,
        goes_on: goes_on.checked_sub(1).map(|before| before as usize),
    })
}

impl Contents {
    /// What there is in this session and in one behind it.
    pub fn and(mut self, mut next: Self) -> Self {
        while self.slice < next.slice {
            self.widen();
        }
        while next.slice < self.slice {
            next.widen();
        }
        let slices = self.activity.len().max(next.activity.len());
        self.activity.resize(slices, 0);
        for (slice, more) in self.activity.iter_mut().zip(next.activity) {
            *slice = slice.saturating_add(more);
        }
        self.places.extend(next.places);
        self.markers.extend(next.markers);
        self
    }

    /// Makes the slices twice as long.
    fn widen(&mut self) {
        self.slice = self.slice.max(FIRST).saturating_mul(2);
        let chunks = self.activity.chunks(2);
        self.activity = chunks
            .map(|two| {
                two.iter()
                    .fold(0, |sum: u64, slice| sum.saturating_add(*slice))
            })
            .collect();
    }

    fn encode(&self, w: &mut Writer) {
        time(w, self.slice);
        w.u32(self.activity.len() as u32);
        self.activity.iter().for_each(|bytes| w.u64(*bytes));
        w.u32(self.places.len() as u32);
        self.places.iter().for_each(|at| time(w, *at));
        w.u32(self.markers.len() as u32);
        for marker in &self.markers {
            time(w, marker.at);
            w.u32(marker.text.len() as u32);
            w.bytes(marker.text.as_bytes());
        }
    }

    fn decode(r: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let slice = Duration::from_nanos(r.u64("slice")?);
        let activity = several(r, 8, SLICES, |r| r.u64("activity"))?;
        let places = several(r, 8, MOST_PLACES, |r| {
            r.u64("place").map(Duration::from_nanos)
        })?;
        let markers = several(r, 12, MOST_PLACES, |r| {
            let at = Duration::from_nanos(r.u64("at")?);
            let len = r.u32("length")? as usize;
            let text = String::from_utf8_lossy(r.bytes("text", len)?).into_owned();
            Ok(Marker { at, text })
        })?;
        Ok(Self {
            activity,
            slice,
            places,
            markers,
        })
    }

    fn add(&mut self, record: &Record) {
        match &record.what {
            What::Frame(Way::ToClient, frame) => {
                let resizes = frame.number == SURFACE_CREATE
                    && record.channel.kind == ChannelKind::Display
                    && frame.body.get(16).is_some_and(|flags| flags & 1 != 0);
                if resizes {
                    self.add_place(record.at);
                }
                self.count(record.at, frame.body.len() as u64 + 6);
            }
            What::Lost(_) => self.add_place(record.at),
            What::Marked(text) if self.markers.len() < MOST_PLACES => {
                let (at, text) = (record.at, text.clone());
                self.markers.push(Marker { at, text });
            }
            _ => {}
        }
    }

    fn add_place(&mut self, at: Duration) {
        if self.places.len() < MOST_PLACES && self.places.last() != Some(&at) {
            self.places.push(at);
        }
    }

    /// Counts bytes. Slices get twice as long whenever there would be too many.
    fn count(&mut self, at: Duration, bytes: u64) {
        self.slice = self.slice.max(FIRST);
        while at.as_nanos() / self.slice.as_nanos() >= SLICES as u128 {
            self.widen();
        }
        // Less than SLICES by what was done before.
        let place = (at.as_nanos() / self.slice.as_nanos()) as usize;
        if self.activity.len() <= place {
            self.activity.resize(place + 1, 0);
        }
        if let Some(slice) = self.activity.get_mut(place) {
            *slice = slice.saturating_add(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slices_get_longer_and_no_byte_is_lost() {
        let mut contents = Contents::default();
        for second in 0..100 {
            contents.count(Duration::from_secs(second), 10);
        }
        // 512 slices of 50 ms are 25.6 s; twice as long twice, they are 102.4 s.
        assert_eq!(contents.slice, Duration::from_millis(200));
        assert_eq!(contents.activity.iter().sum::<u64>(), 1000);
        assert_eq!(contents.activity.len(), 496);
        assert_eq!(contents.activity[495], 10, "99 s");
    }

    #[test]
    fn a_time_far_away_takes_no_more_slices() {
        let mut contents = Contents::default();
        contents.count(Duration::from_secs(1), 1);
        contents.count(Duration::MAX / 2, 1);
        assert!(contents.activity.len() <= SLICES);
    }
}
