//! What the program says in a recording beside the packets: seek points, markers, where a session goes on in the next one,
//! and at the end an index.
//!
//! Each is a block of a type for local use, which other programs pass over without a word. (Custom blocks, made for this,
//! Wireshark 4.0 lists as rows without a time, and a first one spoils the times of all rows.) A block says which byte of
//! the file it begins at, and has a check sum: where a file was cut, joined to another or damaged, it is not believed.
//!
//! | Offset | Type | Field |
//! |---|---|---|
//! | 0 | 9 bytes | `capsaicin` |
//! | 9 | u8 | version, 1 |
//! | 10 | u16 | kind |
//! | 12 | u64 | byte of the file where the block begins |
//! | 20 | u32 | length of what follows the header |
//! | 24 | u32 | CRC-32 of it |
//!
//! All numbers are little-endian. Times are nanoseconds since the epoch.

use std::time::Duration;

use bytes::Bytes;

use crate::channel::{ChannelId, ChannelKind};
use crate::link::{Capabilities, Established};
use crate::pixels::{PixelFormat, PixelView};
use crate::session::ClientSession;
use crate::wire::{DecodeError, Frame, HeaderKind, Reader, Writer};

/// The block type: its upper bit says that it is for local use.
pub(super) const BLOCK: u32 = 0x8043_4150;

/// How each begins, with the version.
const MAGIC: [u8; 10] = *b"capsaicin\x01";

/// Bytes of the header.
pub(super) const HEADER: usize = 28;

/// Bytes of a block before and behind what is in it.
pub(super) const AROUND: u64 = 12;

/// Longest that is read: a seek point of many large screens.
pub(super) const MOST_BYTES: usize = 64 << 20;

/// Longest state of a seek point once it is decompressed.
const MOST_STATE: usize = 192 << 20;

/// LZ4 makes a byte at most so many.
const LZ4_RATIO: usize = 255;

/// Longest text of a marker, bytes.
pub(super) const MOST_TEXT: usize = 1000;

/// Most channels of a seek point, most sessions, and most words of capabilities.
const MOST_CHANNELS: usize = 4096;
const MOST_WORDS: usize = 64;

/// Most frames of a seek point, all channels together.
const MOST_FRAMES: usize = 1 << 20;

/// Most surfaces and session ids of one: no more than they take in the file.
const MOST_SMALL: usize = 1 << 20;

/// Kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A place from which the recording can be played.
    Point,
    /// What is in the whole file.
    Index,
    /// A moment that somebody marked.
    Marker,
    /// The next session goes on where an earlier one ended.
    GoesOn,
}

impl Kind {
    const ALL: [Self; 4] = [Self::Point, Self::Index, Self::Marker, Self::GoesOn];

    fn number(self) -> u16 {
        match self {
            Self::Point => 1,
            Self::Index => 2,
            Self::Marker => 3,
            Self::GoesOn => 4,
        }
    }
}

/// The header of a note.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) kind: Kind,
    /// Byte of the file where it says it begins.
    pub(super) offset: u64,
    pub(super) len: u32,
    sum: u32,
}

impl Header {
    /// The bytes of a header for this content.
    pub(super) fn encode(kind: Kind, offset: u64, content: &[u8]) -> [u8; HEADER] {
        let mut header = [0; HEADER];
        header[..10].copy_from_slice(&MAGIC);
        header[10..12].copy_from_slice(&kind.number().to_le_bytes());
        header[12..20].copy_from_slice(&offset.to_le_bytes());
        header[20..24].copy_from_slice(&(content.len() as u32).to_le_bytes());
        header[24..].copy_from_slice(&sum(content).to_le_bytes());
        header
    }

    /// The header that `bytes` begin with; `None` where they are something else.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes = bytes.strip_prefix(&MAGIC)?;
        let kind = u16::from_le_bytes(*bytes.first_chunk()?);
        let word = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
        Some(Self {
            kind: Kind::ALL.into_iter().find(|known| known.number() == kind)?,
            offset: u64::from_le_bytes(*bytes.get(2..)?.first_chunk()?),
            len: word(10)?,
            sum: word(14)?,
        })
    }

    /// Whether it was written at this byte of the file, with this content.
    pub(super) fn is_true(&self, offset: u64, content: &[u8]) -> bool {
        self.offset == offset && content.len() == self.len as usize && sum(content) == self.sum
    }
}

/// CRC-32, as zlib has it.
fn sum(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// A place from which a recording can be played: what its connections have come to, and what a fresh session has to be told.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Point {
    pub(super) at: u64,
    /// When the first connection of the file began.
    pub(super) zero: u64,
    /// The session, and how many there were by then.
    pub(super) session: u32,
    pub(super) sessions: u32,
    /// The sessions by the connection ids of their servers.
    pub(super) ids: Vec<(u32, u32)>,
    pub(super) channels: Vec<Channel>,
    /// Check sums of surfaces: whoever plays up to here has the same. None while a video plays, whose pictures depend on
    /// when they are shown.
    pub(super) surfaces: Vec<Surface>,
}

/// A channel at a seek point.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Channel {
    pub(super) id: ChannelId,
    /// Port of its client.
    pub(super) port: u16,
    /// Numbers of the next bytes, of the client and of the server.
    pub(super) next: [u32; 2],
    pub(super) link: Established,
    /// Serial of the newest frame from the server.
    pub(super) serial: u64,
    /// What a fresh session is told.
    pub(super) frames: Vec<Frame>,
}

/// The check sum of a surface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Surface {
    pub(super) display: u8,
    pub(super) surface: u32,
    /// CRC-32 of its rows; the unused byte of pixels without alpha counts as 0.
    pub(super) sum: u32,
}

impl Point {
    /// Its bytes; else how many there would be, where they are more than would be read again.
    pub(super) fn encode(&self) -> Result<Vec<u8>, usize> {
        let frames = || self.channels.iter().flat_map(|channel| &channel.frames);
        let least: usize = frames().map(|frame| frame.body.len()).sum();
        if least > MOST_STATE || frames().count() > MOST_FRAMES {
            return Err(least);
        }
        let mut w = Writer::new();
        w.u64(self.at);
        w.u64(self.zero);
        w.u32(self.session);
        w.u32(self.sessions);
        // What can be checked without the rest is in front.
        w.u32(self.surfaces.len() as u32);
        for surface in &self.surfaces {
            w.u8(surface.display);
            w.u32(surface.surface);
            w.u32(surface.sum);
        }
        // The rest is large and simple: images of a GLZ window are told as they look.
        let state = self.encode_state();
        w.u32(state.len() as u32);
        w.bytes(&lz4_flex::block::compress(&state));
        let content = w.into_body();
        match state.len() <= MOST_STATE && content.len() <= MOST_BYTES {
            true => Ok(content),
            false => Err(content.len()),
        }
    }

    fn encode_state(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.u32(self.ids.len() as u32);
        for (id, session) in &self.ids {
            w.u32(*id);
            w.u32(*session);
        }
        w.u32(self.channels.len() as u32);
        for channel in &self.channels {
            channel.encode(&mut w);
        }
        w.into_body()
    }

    /// The moment, the session and the check sums of surfaces, of the beginning of a point: no sums where they are cut off.
    pub(super) fn decode_front(content: &[u8]) -> Result<(u64, usize, Vec<Surface>), DecodeError> {
        let mut r = Reader::new("seek point", content);
        let (at, _zero) = (r.u64("at")?, r.u64("zero")?);
        let session = r.u32("session")? as usize;
        r.u32("sessions")?;
        Ok((at, session, surfaces(&mut r).unwrap_or_default()))
    }

    pub(super) fn decode(content: &[u8]) -> Result<Self, DecodeError> {
        let mut r = Reader::new("seek point", content);
        let (at, zero) = (r.u64("at")?, r.u64("zero")?);
        let (session, sessions) = (r.u32("session")?, r.u32("sessions")?);
        sound(
            &r,
            "sessions",
            session < sessions && sessions as usize <= MOST_CHANNELS,
        )?;
        let surfaces = surfaces(&mut r)?;
        let len = r.u32("length of the state")? as usize;
        let packed = r.rest("state");
        let may_be = len <= MOST_STATE && len / LZ4_RATIO <= packed.len();
        sound(&r, "length of the state", may_be)?;
        let state = lz4_flex::block::decompress(packed, len).unwrap_or_default();
        sound(&r, "state", state.len() == len)?;
        let mut r = Reader::new("seek point", &state);
        let id = |r: &mut Reader<'_>| Ok((r.u32("id")?, r.u32("session")?));
        let ids = several(&mut r, 8, MOST_SMALL, id)?;
        let mut frames = MOST_FRAMES;
        let channel = |r: &mut Reader<'_>| {
            let channel = Channel::decode(r, frames)?;
            frames -= channel.frames.len();
            Ok(channel)
        };
        let channels = several(&mut r, 41, MOST_CHANNELS, channel)?;
        Ok(Self {
            at,
            zero,
            session,
            sessions,
            ids,
            channels,
            surfaces,
        })
    }
}

fn surfaces(r: &mut Reader<'_>) -> Result<Vec<Surface>, DecodeError> {
    several(r, 9, MOST_SMALL, |r| {
        Ok(Surface {
            display: r.u8("display")?,
            surface: r.u32("surface")?,
            sum: r.u32("sum")?,
        })
    })
}

impl Surface {
    /// The check sums of all surfaces of a session; none while a video plays in it.
    pub(super) fn all(session: &ClientSession) -> Vec<Self> {
        if session.displays().any(|(_, client)| client.has_video()) {
            return Vec::new();
        }
        let displays = session.displays().flat_map(|(display, client)| {
            let surfaces = client.canvas().surfaces();
            surfaces.map(move |(surface, found)| Self {
                display,
                surface,
                sum: rows(found.pixels()),
            })
        });
        displays.collect()
    }
}

fn rows(pixels: PixelView<'_>) -> u32 {
    let mut crc = flate2::Crc::new();
    let mut seen = Vec::new();
    for row in pixels.rows() {
        if pixels.format != PixelFormat::Xrgb {
            crc.update(row);
            continue;
        }
        seen.clear();
        seen.extend_from_slice(row);
        let (words, _) = seen.as_chunks_mut::<4>();
        words.iter_mut().for_each(|word| word[3] = 0);
        crc.update(&seen);
    }
    crc.sum()
}

impl Channel {
    fn encode(&self, w: &mut Writer) {
        w.u8(self.id.kind.number());
        w.u8(self.id.id);
        w.u16(self.port);
        w.u32(self.next[0]);
        w.u32(self.next[1]);
        w.u8(u8::from(self.link.header == HeaderKind::Mini));
        for set in [&self.link.client, &self.link.server] {
            for words in [&set.common, &set.channel] {
                w.u32(words.len() as u32);
                words.iter().for_each(|word| w.u32(*word));
            }
        }
        w.u64(self.serial);
        w.u32(self.frames.len() as u32);
        for frame in &self.frames {
            w.u16(frame.number);
            w.u32(frame.body.len() as u32);
            w.bytes(&frame.body);
        }
    }

    /// With at most so many frames.
    fn decode(r: &mut Reader<'_>, most: usize) -> Result<Self, DecodeError> {
        let kind = ChannelKind::from_number(r.u8("channel type")?);
        let id = ChannelId::new(kind, r.u8("channel id")?);
        let port = r.u16("port")?;
        let next = [r.u32("next of client")?, r.u32("next of server")?];
        let header = match r.u8("header")? {
            0 => HeaderKind::Full,
            _ => HeaderKind::Mini,
        };
        let (client, server) = (capabilities(r)?, capabilities(r)?);
        let link = Established {
            header,
            client,
            server,
        };
        let serial = r.u64("serial")?;
        let frames = several(r, 6, most, |r| {
            let number = r.u16("number")?;
            let len = r.u32("length")? as usize;
            Ok(Frame {
                number,
                serial,
                sub_list: 0,
                body: Bytes::copy_from_slice(r.bytes("body", len)?),
            })
        })?;
        Ok(Self {
            id,
            port,
            next,
            link,
            serial,
            frames,
        })
    }
}

fn capabilities(r: &mut Reader<'_>) -> Result<Capabilities, DecodeError> {
    let mut words = || several(r, 4, MOST_WORDS, |r| r.u32("capabilities"));
    Ok(Capabilities {
        common: words()?,
        channel: words()?,
    })
}

/// A number of things, at most so many, none of which is shorter than `least` bytes. What one takes in memory may be many
/// times that.
pub(super) fn several<'a, T>(
    r: &mut Reader<'a>,
    least: usize,
    most: usize,
    mut one: impl FnMut(&mut Reader<'a>) -> Result<T, DecodeError>,
) -> Result<Vec<T>, DecodeError> {
    let count = r.u32("count")? as usize;
    sound(r, "count", count <= most.min(r.left() / least.max(1)))?;
    (0..count).map(|_| one(r)).collect()
}

/// Fails with the field just read unless it `holds`.
pub(super) fn sound(r: &Reader<'_>, field: &'static str, holds: bool) -> Result<(), DecodeError> {
    let says = || "not what this program writes".to_owned();
    r.require(field, r.position(), holds, says)
}

/// A marker: when, and what somebody called it.
pub(super) fn encode_marker(at: u64, text: &str) -> Vec<u8> {
    let mut w = Writer::new();
    w.u64(at);
    let end = text.floor_char_boundary(MOST_TEXT);
    w.bytes(&text.as_bytes()[..end]);
    w.into_body()
}

/// The moment of a marker, and its text.
pub(super) fn decode_marker(content: &[u8]) -> Result<(u64, String), DecodeError> {
    let mut r = Reader::new("marker", content);
    let at = r.u64("at")?;
    let text = r.rest("text");
    sound(&r, "text", text.len() <= MOST_TEXT)?;
    Ok((at, String::from_utf8_lossy(text).into_owned()))
}

/// A moment of the file, of nanoseconds since the epoch.
pub(super) fn since(zero: u64, at: u64) -> Duration {
    Duration::from_nanos(at.saturating_sub(zero))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the length of the state is, without surfaces: behind two times and three numbers.
    const LENGTH: usize = 28;

    /// Zeros are channels of no frames, and frames of no bytes, which take some hundred bytes each in memory.
    #[test]
    fn more_channels_or_frames_than_a_point_has_are_not_read() {
        // Where a point with this state is found to be wrong: the byte behind a count.
        let refused = |mut state: Vec<u8>, zeros: usize| {
            state.resize(state.len() + zeros, 0);
            let mut w = Writer::new();
            w.bytes(&[0; 16]);
            // The only session, and no surfaces.
            [0, 1, 0].into_iter().for_each(|word| w.u32(word));
            w.u32(state.len() as u32);
            w.bytes(&lz4_flex::block::compress(&state));
            let error = Point::decode(&w.into_body()).expect_err("it is refused");
            (error.field, error.at)
        };
        let count = |count: usize| (count as u32).to_le_bytes();

        let channels = MOST_CHANNELS + 1;
        let state = [[0; 4], count(channels)].concat();
        assert_eq!(refused(state, 41 * channels), ("count".into(), 8));

        let frames = MOST_FRAMES + 1;
        let state = [&[0; 4], &count(1), [0; 37].as_slice(), &count(frames)].concat();
        assert_eq!(refused(state, 6 * frames), ("count".into(), 49));
    }

    #[test]
    fn a_state_that_is_longer_than_its_bytes_can_make_is_not_believed() {
        let point = Point {
            at: 1,
            zero: 1,
            session: 0,
            sessions: 1,
            ids: vec![(7, 0)],
            channels: Vec::new(),
            surfaces: Vec::new(),
        };
        let content = point.encode().expect("it is small");
        // Two counts and one id.
        assert_eq!(content[LENGTH..LENGTH + 4], 16_u32.to_le_bytes());
        assert_eq!(Point::decode(&content).expect("it is whole").ids, [(7, 0)]);
        for wrong in [0, 15, 17, 4096, MOST_STATE as u32, u32::MAX] {
            let mut lying = content.clone();
            lying[LENGTH..LENGTH + 4].copy_from_slice(&wrong.to_le_bytes());
            assert!(Point::decode(&lying).is_err(), "{wrong}");
        }
        for end in 0..content.len() {
            assert!(Point::decode(&content[..end]).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn a_state_that_would_not_be_read_again_is_not_written() {
        let frames = vec![Frame::new(1, vec![0; 1 << 20]); 193];
        let point = Point {
            at: 1,
            zero: 1,
            session: 0,
            sessions: 1,
            ids: Vec::new(),
            channels: vec![Channel {
                id: ChannelId::MAIN,
                port: 1,
                next: [0; 2],
                link: Established::default(),
                serial: 1,
                frames,
            }],
            surfaces: Vec::new(),
        };
        assert_eq!(point.encode(), Err(193 << 20));
    }
}
