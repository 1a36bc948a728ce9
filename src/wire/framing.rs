//! A channel's byte stream cut into frames: full and mini headers, sub-message lists, size limits.
//!
//! Source: spec 01 §9. The reference server announces sub-messages longer than they are (`8 + 16·n` bytes where
//! `2 + 9·n` or `1 + 10·n` are present); a sub-message's body is therefore cut at the end of its container, and the
//! message's own counts decide how much of it is used.

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};
use smallvec::{SmallVec, smallvec};

/// One message still in bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Frame {
    /// Message number; its meaning depends on channel kind and direction.
    pub number: u16,
    /// Count of messages of this channel and direction, from 1.
    pub serial: u64,
    /// Offset of a sub-message list in the body; 0 for none. Only full headers carry one.
    pub sub_list: u32,
    /// The body, without any header.
    pub body: Bytes,
}

/// Which data header both sides agreed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HeaderKind {
    /// 18 bytes: serial, number, size, offset of the sub-message list.
    Full,
    /// 6 bytes: number, size. Serials are counted.
    #[default]
    Mini,
}

impl HeaderKind {
    /// Bytes of the header.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Full => 18,
            Self::Mini => 6,
        }
    }

    /// Appends header and body.
    ///
    /// # Panics
    ///
    /// When the body is longer than a `u32` can say.
    pub fn write(self, frame: &Frame, out: &mut Vec<u8>) {
        let size = u32::try_from(frame.body.len()).expect("a message body is shorter than 4 GiB");
        match self {
            Self::Full => {
                out.extend_from_slice(&frame.serial.to_le_bytes());
                out.extend_from_slice(&frame.number.to_le_bytes());
                out.extend_from_slice(&size.to_le_bytes());
                out.extend_from_slice(&frame.sub_list.to_le_bytes());
            }
            Self::Mini => {
                out.extend_from_slice(&frame.number.to_le_bytes());
                out.extend_from_slice(&size.to_le_bytes());
            }
        }
        out.extend_from_slice(&frame.body);
    }
}

/// The stream cannot be followed any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameError {
    /// Number of the message.
    pub number: u16,
    /// Announced size of its body, bytes.
    pub size: u32,
    /// The limit it exceeds, bytes.
    pub limit: u32,
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            number,
            size,
            limit,
        } = self;
        write!(
            f,
            "message {number} announces {size} bytes, the limit is {limit}"
        )
    }
}

impl std::error::Error for FrameError {}

/// Turns received bytes into frames.
#[derive(Clone, Debug)]
pub struct Framer {
    header: HeaderKind,
    /// Largest body accepted, bytes.
    limit: u32,
    serial: u64,
    buffer: BytesMut,
}

impl Framer {
    /// A framer at the first byte after the link result. Bodies over `limit` bytes are refused.
    pub fn new(header: HeaderKind, limit: u32) -> Self {
        Self {
            header,
            limit,
            serial: 0,
            buffer: BytesMut::new(),
        }
    }

    /// What follows is behind the frame of this serial, as if everything before it had been received.
    pub fn resume(&mut self, serial: u64) {
        self.serial = serial;
    }

    /// The buffer to read into: append received bytes, then call [`Framer::next_frame`].
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// Appends received bytes.
    pub fn receive(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Bytes of the frame that is arriving, header included; 0 until its header is there.
    pub fn announced(&self) -> usize {
        let len = self.header.bytes();
        let size_at = match self.header {
            HeaderKind::Full => 10,
            HeaderKind::Mini => 2,
        };
        let size = self.buffer.get(..len).map(|header| &header[size_at..]);
        size.map_or(0, |mut size| len + size.get_u32_le() as usize)
    }

    /// The next whole frame; `None` until more bytes arrive. The body shares the buffer and is not copied.
    ///
    /// # Errors
    ///
    /// When a body is announced longer than the limit: the channel is to be closed.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let header_len = self.header.bytes();
        let Some(header) = self.buffer.get(..header_len) else {
            return Ok(None);
        };
        let mut fields = header;
        let serial = match self.header {
            HeaderKind::Full => fields.get_u64_le(),
            HeaderKind::Mini => self.serial.wrapping_add(1),
        };
        let (number, size) = (fields.get_u16_le(), fields.get_u32_le());
        let sub_list = if self.header == HeaderKind::Full {
            fields.get_u32_le()
        } else {
            0
        };
        if size > self.limit {
            return Err(FrameError {
                number,
                size,
                limit: self.limit,
            });
        }
        let len = header_len + size as usize;
        if self.buffer.len() < len {
            // A reservation of the whole frame, but never far ahead of what has arrived.
            let missing = (len - self.buffer.len()).min(self.buffer.len().max(64 << 10));
            self.buffer.reserve(missing);
            return Ok(None);
        }
        self.serial = serial;
        let mut whole = self.buffer.split_to(len).freeze();
        whole.advance(header_len);
        Ok(Some(Frame {
            number,
            serial,
            sub_list,
            body: whole,
        }))
    }

    /// Gives up the frame whose header has arrived, and counts it; how many bytes of it are still to come, which are to
    /// be left out. `None`, and nothing done, when no whole header has arrived.
    pub fn give_up(&mut self) -> Option<u64> {
        let header_len = self.header.bytes();
        let mut fields = self.buffer.get(..header_len)?;
        self.serial = match self.header {
            HeaderKind::Full => fields.get_u64_le(),
            HeaderKind::Mini => self.serial.wrapping_add(1),
        };
        let (_number, size) = (fields.get_u16_le(), fields.get_u32_le());
        let arrived = (self.buffer.len() - header_len) as u64;
        self.buffer.clear();
        Some(u64::from(size).saturating_sub(arrived))
    }
}

impl Frame {
    /// Number of the LIST message, whose body is nothing but a sub-message list.
    pub const LIST: u16 = 8;

    /// A frame to be sent; the serial is given by whoever counts them.
    pub fn new(number: u16, body: impl Into<Bytes>) -> Self {
        Self {
            number,
            serial: 0,
            sub_list: 0,
            body: body.into(),
        }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Frame {{ number: {}, serial: {}, body: {} bytes }}",
            self.number,
            self.serial,
            self.body.len()
        )
    }
}

/// One message of a frame: a sub-message, or the frame's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Message number.
    pub number: u16,
    /// Body; pointers count from its start.
    pub body: Bytes,
}

/// The messages of one frame: mostly a single one.
pub type Parts = SmallVec<[Part; 1]>;

/// Most sub-messages taken from one list; the reference sends two.
const MAX_PARTS: usize = 64;

/// The messages of a frame in the order they are to be handled: its sub-messages, then, unless it is a LIST, itself.
///
/// A list that is damaged ends at the damage: the second value is then the reason.
pub fn parts(frame: Frame) -> (Parts, Option<&'static str>) {
    let list_at = match frame.number {
        Frame::LIST => Some(0),
        _ if frame.sub_list != 0 => Some(frame.sub_list as usize),
        _ => None,
    };
    let Some(list_at) = list_at else {
        let part = Part {
            number: frame.number,
            body: frame.body,
        };
        return (smallvec![part], None);
    };
    let mut parts = Parts::new();
    let damage = sub_messages(&frame.body, list_at, &mut parts).err();
    if frame.number != Frame::LIST {
        parts.push(Part {
            number: frame.number,
            body: frame.body,
        });
    }
    (parts, damage)
}

fn sub_messages(body: &Bytes, list_at: usize, parts: &mut Parts) -> Result<(), &'static str> {
    let mut list = body
        .get(list_at..)
        .filter(|l| l.len() >= 2)
        .ok_or("the sub-message list lies outside the body")?;
    let count = usize::from(list.get_u16_le());
    if count > MAX_PARTS {
        return Err("too many sub-messages");
    }
    if list.len() < count * 4 {
        return Err("the sub-message list is cut short");
    }
    for _ in 0..count {
        let at = list.get_u32_le() as usize;
        let header_end = at
            .checked_add(6)
            .filter(|end| *end <= body.len())
            .ok_or("a sub-message lies outside the body")?;
        let mut header = &body[at..header_end];
        let (number, size) = (header.get_u16_le(), header.get_u32_le() as usize);
        if number == Frame::LIST {
            return Err("a sub-message list inside another");
        }
        let end = header_end.saturating_add(size).min(body.len());
        parts.push(Part {
            number,
            body: body.slice(header_end..end),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_split_at_every_byte_gives_the_same_frames() {
        let mut stream = Vec::new();
        let sent = [
            Frame::new(104, vec![1, 2, 3]),
            Frame::new(3, vec![]),
            Frame::new(304, vec![9; 70]),
        ];
        sent.iter()
            .for_each(|f| HeaderKind::Mini.write(f, &mut stream));
        for split in 0..=stream.len() {
            let mut framer = Framer::new(HeaderKind::Mini, 100);
            let mut got = Vec::new();
            for piece in [&stream[..split], &stream[split..]] {
                framer.receive(piece);
                while let Some(frame) = framer.next_frame().unwrap() {
                    got.push((frame.number, frame.serial, frame.body.len()));
                }
            }
            assert_eq!(
                got,
                [(104, 1, 3), (3, 2, 0), (304, 3, 70)],
                "split at {split}"
            );
        }
    }

    #[test]
    fn a_full_header_carries_its_own_serial() {
        let mut stream = Vec::new();
        let frame = Frame {
            serial: 41,
            ..Frame::new(104, vec![1])
        };
        HeaderKind::Full.write(&frame, &mut stream);
        let mut framer = Framer::new(HeaderKind::Full, 100);
        framer.receive(&stream);
        assert_eq!(framer.next_frame().unwrap().unwrap(), frame);
    }

    #[test]
    fn a_frame_that_is_given_up_is_counted() {
        let mut stream = Vec::new();
        HeaderKind::Mini.write(&Frame::new(104, vec![1, 2, 3]), &mut stream);
        let mut framer = Framer::new(HeaderKind::Mini, 100);
        framer.receive(&stream[..5]);
        assert_eq!(framer.give_up(), None, "a header is 6 bytes");
        framer.receive(&stream[5..8]);
        assert_eq!(framer.give_up(), Some(1));
        framer.receive(&stream);
        assert_eq!(framer.next_frame().unwrap().map(|f| f.serial), Some(2));
    }

    #[test]
    fn a_body_over_the_limit_is_refused_before_it_is_stored() {
        let mut framer = Framer::new(HeaderKind::Mini, 10);
        framer.receive(&[1, 0, 0xff, 0xff, 0xff, 0xff]);
        let error = framer.next_frame().unwrap_err();
        assert_eq!(
            error.to_string(),
            "message 1 announces 4294967295 bytes, the limit is 10"
        );
    }

    #[test]
    fn sub_messages_with_sizes_too_large_are_cut_at_the_end_of_the_body() {
        // As the reference server sends them: WAIT_FOR_CHANNELS says 24 bytes and has 11, INVAL_LIST says 24 and has 11.
        let mut body = vec![2, 0, 10, 0, 0, 0, 27, 0, 0, 0];
        body.extend([5, 0, 24, 0, 0, 0, 1, 2, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
        body.extend([105, 0, 24, 0, 0, 0, 1, 0, 1, 9, 0, 0, 0, 0, 0, 0, 0]);
        let (parts, damage) = parts(Frame::new(Frame::LIST, body));
        assert_eq!(damage, None);
        assert_eq!(parts.iter().map(|p| p.number).collect::<Vec<_>>(), [5, 105]);
        assert_eq!(
            parts[0].body.len(),
            24,
            "its announced 24 bytes run into the next one"
        );
        assert_eq!(parts[1].body.len(), 11);
    }

    #[test]
    fn a_list_that_points_outside_keeps_what_is_sound() {
        let body = vec![
            2, 0, 10, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 102, 0, 0, 0, 0, 0,
        ];
        let (parts, damage) = parts(Frame::new(Frame::LIST, body));
        assert_eq!(parts.len(), 1);
        assert_eq!(damage, Some("a sub-message lies outside the body"));
    }
}
