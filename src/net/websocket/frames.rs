//! The frames of a web-socket, apart from any socket.

use std::fmt;

use bytes::{Buf, BytesMut};

/// Most bytes of a frame that says something about the connection.
const CONTROL_MOST: usize = 125;

/// Bytes of a frame's header at most: two, eight of length, four of a mask.
pub(super) const HEADER_MOST: usize = 14;

/// Most bytes that one frame of ours carries.
pub(super) const FRAME_MOST: usize = 16 << 10;

/// Which end of a connection this is: what clients send is masked, what servers send is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It asked for the web-socket.
    Client,
    /// It was asked.
    Server,
}

/// Why a frame cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadFrame {
    /// A reserved bit is set.
    Reserved,
    /// Its kind is not known.
    Kind(u8),
    /// It says something about the connection and is too long for that, or comes in pieces.
    Control,
    /// It goes on with a message that was not begun, or begins one in the middle of another.
    Order,
    /// Its length has the highest bit set.
    Length,
    /// The server's frames are masked.
    Masked,
}

/// What comes next of what was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// More has to be received first.
    Nothing,
    /// As many bytes are the stream's, to be unmasked with [`Reader::unmask`].
    Bytes(usize),
    /// The peer wants to hear this again.
    Ping(Echo),
    /// The peer ends the connection.
    Close,
}

/// What a ping carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Echo {
    bytes: [u8; CONTROL_MOST],
    len: usize,
}

/// Takes received frames apart.
#[derive(Debug)]
pub(super) struct Reader {
    role: Role,
    /// Bytes of the frame at hand that are still to come.
    left: u64,
    mask: [u8; 4],
    /// Where in the mask the next byte is.
    turn: usize,
    /// Whether a message was begun that further frames go on with.
    within: bool,
}

const CONTINUES: u8 = 0;
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// The last frame of its message.
const FINAL: u8 = 0x80;
/// Bits that mean nothing yet.
const RESERVED: u8 = 0x70;
/// Set in the second byte of a frame that is masked.
const MASKED: u8 = 0x80;

/// The header of a frame.
struct Header {
    kind: u8,
    is_final: bool,
    mask: Option<[u8; 4]>,
    len: u64,
    /// Its own bytes.
    size: usize,
}

impl Header {
    /// The header at the beginning of what was received, once it is complete.
    fn read(bytes: &[u8]) -> Result<Option<Self>, BadFrame> {
        let [first, second, rest @ ..] = bytes else {
            return Ok(None);
        };
        let (len, size) = match second & !MASKED {
            126 => match rest.first_chunk::<2>() {
                Some(len) => (u16::from_be_bytes(*len).into(), 4),
                None => return Ok(None),
            },
            127 => match rest.first_chunk::<8>() {
                Some(len) => (u64::from_be_bytes(*len), 10),
                None => return Ok(None),
            },
            len => (len.into(), 2),
        };
        let mask = match second & MASKED {
            0 => None,
            _ => match bytes.get(size..).and_then(|b| b.first_chunk::<4>()) {
                Some(mask) => Some(*mask),
                None => return Ok(None),
            },
        };
        if first & RESERVED != 0 {
            return Err(BadFrame::Reserved);
        }
        if len >> 63 != 0 {
            return Err(BadFrame::Length);
        }
        Ok(Some(Self {
            kind: first & 0x0f,
            is_final: first & FINAL != 0,
            mask,
            len,
            size: size + 4 * usize::from(mask.is_some()),
        }))
    }

    const fn is_control(&self) -> bool {
        self.kind & 8 != 0
    }

    /// Whether it may be here.
    fn check(&self, reader: &Reader) -> Result<(), BadFrame> {
        match self.kind {
            CLOSE | PING | PONG if !self.is_final || self.len > CONTROL_MOST as u64 => {
                Err(BadFrame::Control)
            }
            CONTINUES if !reader.within => Err(BadFrame::Order),
            // The reference takes text too, and frames of clients that are not masked.
            TEXT | BINARY if reader.within => Err(BadFrame::Order),
            CONTINUES | TEXT | BINARY | CLOSE | PING | PONG => match (reader.role, self.mask) {
                (Role::Client, Some(_)) => Err(BadFrame::Masked),
                _ => Ok(()),
            },
            kind => Err(BadFrame::Kind(kind)),
        }
    }
}

impl Reader {
    pub(super) const fn new(role: Role) -> Self {
        Self {
            role,
            left: 0,
            mask: [0; 4],
            turn: 0,
            within: false,
        }
    }

    /// What `received` begins with. Headers and whole frames about the connection are taken from it; bytes of the stream are
    /// left to the caller.
    ///
    /// # Errors
    ///
    /// [`BadFrame`]; what follows cannot be understood.
    pub(super) fn next(&mut self, received: &mut BytesMut) -> Result<Next, BadFrame> {
        loop {
            if self.left > 0 {
                let here = usize::try_from(self.left).unwrap_or(usize::MAX);
                return Ok(Next::Bytes(here));
            }
            let Some(header) = Header::read(received)? else {
                return Ok(Next::Nothing);
            };
            header.check(self)?;
            if header.is_control() {
                let len = header.len as usize;
                if received.len() < header.size + len {
                    return Ok(Next::Nothing);
                }
                received.advance(header.size);
                let mut echo = Echo {
                    bytes: [0; CONTROL_MOST],
                    len,
                };
                received.copy_to_slice(&mut echo.bytes[..len]);
                apply(header.mask.unwrap_or_default(), 0, &mut echo.bytes[..len]);
                match header.kind {
                    CLOSE => return Ok(Next::Close),
                    PING => return Ok(Next::Ping(echo)),
                    _ => continue,
                }
            }
            received.advance(header.size);
            self.within = !header.is_final;
            self.left = header.len;
            (self.mask, self.turn) = (header.mask.unwrap_or_default(), 0);
        }
    }

    /// Makes bytes readable that came next in the frame at hand, as many as [`Reader::next`] said or fewer.
    pub(super) fn unmask(&mut self, bytes: &mut [u8]) {
        apply(self.mask, self.turn, bytes);
        self.turn = (self.turn + bytes.len()) % 4;
        self.left = self.left.saturating_sub(bytes.len() as u64);
    }
}

/// Masks bytes, or takes the mask from them; the first of them is at `turn` of the mask.
fn apply(mask: [u8; 4], turn: usize, bytes: &mut [u8]) {
    if mask == [0; 4] {
        return;
    }
    let mut masks = mask.into_iter().cycle().skip(turn);
    bytes
        .iter_mut()
        .for_each(|byte| *byte ^= masks.next().unwrap_or(0));
}

/// Appends a frame with these bytes of the stream, at most [`FRAME_MOST`] of them; how many it took. A client's `mask` is four
/// bytes that nobody can foresee.
pub(super) fn write_bytes(role: Role, mask: [u8; 4], bytes: &[u8], out: &mut Vec<u8>) -> usize {
    let taken = bytes.len().min(FRAME_MOST);
    write(BINARY, role, mask, &bytes[..taken], out);
    taken
}

/// Appends the answer to a ping.
pub(super) fn write_pong(role: Role, mask: [u8; 4], echo: &Echo, out: &mut Vec<u8>) {
    write(PONG, role, mask, &echo.bytes[..echo.len], out);
}

/// Appends the farewell.
pub(super) fn write_close(role: Role, mask: [u8; 4], out: &mut Vec<u8>) {
    write(CLOSE, role, mask, &[], out);
}

fn write(kind: u8, role: Role, mask: [u8; 4], bytes: &[u8], out: &mut Vec<u8>) {
    let masked = match role {
        Role::Client => MASKED,
        Role::Server => 0,
    };
    out.push(FINAL | kind);
    match bytes.len() {
        len @ ..126 => out.push(masked | len as u8),
        // No frame of ours is longer than `FRAME_MOST`.
        len => {
            out.push(masked | 126);
            out.extend((len as u16).to_be_bytes());
        }
    }
    if role == Role::Client {
        out.extend(mask);
    }
    let start = out.len();
    out.extend_from_slice(bytes);
    if role == Role::Client {
        apply(mask, 0, &mut out[start..]);
    }
}

impl fmt::Display for BadFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the web-socket is broken: ")?;
        match self {
            Self::Reserved => f.write_str("a reserved bit of a frame is set"),
            Self::Kind(kind) => write!(f, "there is no frame of kind {kind}"),
            Self::Control => f.write_str("a frame about the connection is too long or in pieces"),
            Self::Order => f.write_str("a frame is not where it may be"),
            Self::Length => f.write_str("a frame's length has its highest bit set"),
            Self::Masked => f.write_str("the server masks its frames"),
        }
    }
}

impl std::error::Error for BadFrame {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes, pings, and whether there was a farewell.
    type Said = (Vec<u8>, Vec<Vec<u8>>, bool);

    /// Everything that frames received in pieces of this length say.
    fn read(role: Role, frames: &[u8], piece: usize) -> Result<Said, BadFrame> {
        let mut reader = Reader::new(role);
        let mut received = BytesMut::new();
        let (mut bytes, mut pings) = (Vec::new(), Vec::new());
        for piece in frames.chunks(piece) {
            received.extend_from_slice(piece);
            loop {
                match reader.next(&mut received)? {
                    Next::Nothing => break,
                    Next::Bytes(_) if received.is_empty() => break,
                    Next::Bytes(n) => {
                        let mut here = received.split_to(n.min(received.len()));
                        reader.unmask(&mut here);
                        bytes.extend_from_slice(&here);
                    }
                    Next::Ping(echo) => pings.push(echo.bytes[..echo.len].to_vec()),
                    Next::Close => return Ok((bytes, pings, true)),
                }
            }
        }
        Ok((bytes, pings, false))
    }

    #[test]
    fn the_examples_of_the_standard_are_understood() {
        // RFC 6455 §5.7: "Hello" plain, masked and in two pieces, and a ping.
        let masked = [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        let plain = [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
        let pieces = [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f];
        let ping = [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f];
        for piece in [1, 2, 5, 100] {
            let hello = |pings: &[&[u8]]| {
                let pings = pings.iter().map(|ping| ping.to_vec()).collect::<Vec<_>>();
                Ok((b"Hello".to_vec(), pings, false))
            };
            assert_eq!(read(Role::Server, &masked, piece), hello(&[]));
            assert_eq!(read(Role::Client, &plain, piece), hello(&[]));
            assert_eq!(read(Role::Client, &pieces, piece), hello(&[]));
            // A ping may come between the pieces of a message.
            let between = [&pieces[..5], &ping, &pieces[5..]].concat();
            assert_eq!(read(Role::Client, &between, piece), hello(&[b"Hello"]));
        }
    }

    #[test]
    fn frames_of_every_length_are_written_as_the_other_side_reads_them() {
        let bytes: Vec<u8> = (0..40_000_u32).map(|n| (n * n) as u8).collect();
        for (us, them) in [(Role::Client, Role::Server), (Role::Server, Role::Client)] {
            for len in [0, 1, 125, 126, 127, 40_000] {
                let (mut frames, mut at) = (Vec::new(), 0);
                while at < len {
                    at += write_bytes(us, [1, 2, 3, 250], &bytes[at..len], &mut frames);
                }
                write_close(us, [9; 4], &mut frames);
                let expected = Ok((bytes[..len].to_vec(), Vec::new(), true));
                assert_eq!(read(them, &frames, 777), expected, "{len} bytes");
            }
        }
    }

    #[test]
    fn what_is_masked_looks_different() {
        let mut frame = Vec::new();
        write_bytes(Role::Client, [0x37, 0xfa, 0x21, 0x3d], b"Hello", &mut frame);
        assert_eq!(
            frame,
            [
                0x82, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58
            ]
        );
    }

    #[test]
    fn damaged_frames_are_refused_or_say_no_more_than_they_hold() {
        let mut frames = Vec::new();
        for len in [0, 5, 126, 300] {
            write_bytes(
                Role::Client,
                [3, 1, 4, 1],
                &vec![len as u8; len],
                &mut frames,
            );
        }
        write(PING, Role::Client, [5; 4], b"hello", &mut frames);
        write_close(Role::Client, [9; 4], &mut frames);
        let holds = |bytes: &[u8]| {
            if let Ok((said, pings, _)) = read(Role::Server, bytes, 7) {
                let total = said.len() + pings.iter().map(Vec::len).sum::<usize>();
                assert!(total <= bytes.len());
            }
        };
        for end in 0..frames.len() {
            holds(&frames[..end]);
        }
        let mut seed = 0x2545_f491_u32;
        for _ in 0..20_000 {
            let mut damaged = frames.clone();
            for _ in 0..3 {
                seed ^= seed << 13;
                seed ^= seed >> 17;
                seed ^= seed << 5;
                let at = seed as usize % damaged.len();
                damaged[at] = (seed >> 24) as u8;
            }
            holds(&damaged);
        }
    }

    #[test]
    fn frames_that_cannot_be_are_refused() {
        for (frames, error) in [
            (&[0xc2, 0x00][..], BadFrame::Reserved),
            (&[0x83, 0x00], BadFrame::Kind(3)),
            (&[0x8b, 0x00], BadFrame::Kind(11)),
            (&[0x09, 0x00], BadFrame::Control),
            (&[0x89, 0x7e, 0x00, 0x7e], BadFrame::Control),
            (&[0x80, 0x00], BadFrame::Order),
            (&[0x02, 0x00, 0x82, 0x00], BadFrame::Order),
            (&[0x82, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0], BadFrame::Length),
            (&[0x82, 0x80, 1, 2, 3, 4], BadFrame::Masked),
        ] {
            assert_eq!(read(Role::Client, frames, 1), Err(error), "{frames:x?}");
        }
    }
}
