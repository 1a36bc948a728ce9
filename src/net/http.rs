//! The little of HTTP that leads to a server: the head of an answer, to CONNECT or to the wish for a web-socket.
//!
//! Only the head is read. What follows it is the tunnel's, and is not looked at here.

use std::fmt;
use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Stream;
use crate::link::Peer;

/// Most bytes of a head.
const HEAD_MOST: usize = 64 << 10;

/// Most characters that are kept of a status line.
const LINE_MOST: usize = 120;

/// Bytes that are enough to recognise a protocol.
const FIRST_MOST: usize = 16;

/// How every answer begins.
const VERSION: &[u8] = b"HTTP/1.";

/// The head of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The three digits.
    pub status: u16,
    /// Status and reason, as in `403 Forbidden`; at most 120 characters, in whatever words the peer chose.
    pub line: String,
    /// The fields, names in lower case.
    pub fields: Vec<(String, String)>,
}

/// Why there is no answer.
#[derive(Debug)]
#[non_exhaustive]
pub enum HttpError {
    /// The connection broke.
    Io(io::Error),
    /// What answers does not speak HTTP.
    NotHttp {
        /// What it may be.
        guess: Peer,
    },
    /// The head does not end.
    TooLong,
    /// The peer closed the connection before it had answered.
    HungUp,
}

/// Gathers the head of an answer.
#[derive(Debug, Default)]
pub struct Head {
    /// INVARIANT: at most `HEAD_MOST` bytes.
    bytes: Vec<u8>,
    ended: bool,
}

impl Answer {
    /// The value of a field, which is named in lower case.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.fields.iter();
        fields.find_map(|(known, value)| (known == name).then_some(&**value))
    }

    /// Reads a head; `None` when its first line is none of an answer.
    fn parse(head: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(head);
        let mut lines = text.lines();
        let (version, line) = lines.next()?.split_once(' ')?;
        let line = line.trim();
        let digits = line.get(..3)?;
        let is_status = digits.bytes().all(|b| b.is_ascii_digit())
            && line.as_bytes().get(3).is_none_or(|b| *b == b' ');
        if !version.as_bytes().starts_with(VERSION) || !is_status {
            return None;
        }
        let fields = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        });
        Some(Self {
            status: digits.parse().ok()?,
            line: line.chars().take(LINE_MOST).collect(),
            fields: fields.collect(),
        })
    }
}

impl Head {
    /// Takes received bytes and says how many belong to the head.
    ///
    /// # Errors
    ///
    /// [`HttpError::NotHttp`] as soon as that is certain, [`HttpError::TooLong`].
    pub fn receive(&mut self, bytes: &[u8]) -> Result<usize, HttpError> {
        for (at, byte) in bytes.iter().enumerate() {
            if self.ended {
                return Ok(at);
            }
            if self.bytes.len() == HEAD_MOST {
                return Err(HttpError::TooLong);
            }
            self.bytes.push(*byte);
            // Lines may end without a carriage return.
            self.ended = self.bytes.ends_with(b"\n\r\n") || self.bytes.ends_with(b"\n\n");
        }
        let compared = self.bytes.len().min(VERSION.len());
        let foreign = self.bytes[..compared] != VERSION[..compared];
        if foreign && !Peer::may_become_known(&self.bytes) {
            return Err(self.not_http());
        }
        Ok(bytes.len())
    }

    /// The answer, once its head is complete.
    ///
    /// # Errors
    ///
    /// [`HttpError::NotHttp`].
    pub fn answer(&self) -> Option<Result<Answer, HttpError>> {
        let answer = || Answer::parse(&self.bytes).ok_or_else(|| self.not_http());
        self.ended.then(answer)
    }

    /// The error to report when the peer closes the connection before the head is complete.
    pub fn end_of_stream(&self) -> HttpError {
        match self.bytes.is_empty() || self.bytes.starts_with(VERSION) {
            true => HttpError::HungUp,
            false => self.not_http(),
        }
    }

    fn not_http(&self) -> HttpError {
        let guess = match Peer::guess(&self.bytes[..self.bytes.len().min(FIRST_MOST)]) {
            // It begins like HTTP and goes on otherwise.
            Peer::Http => Peer::Unknown,
            guess => guess,
        };
        HttpError::NotHttp { guess }
    }
}

/// Sends a request and reads the head of the answer; what came behind it is returned too.
///
/// # Errors
///
/// [`HttpError`].
pub async fn ask(stream: &mut Stream, request: &[u8]) -> Result<(Answer, BytesMut), HttpError> {
    let sent = match stream.write_all(request).await {
        Ok(()) => stream.flush().await,
        Err(error) => Err(error),
    };
    let mut head = Head::default();
    let mut received = BytesMut::with_capacity(4096);
    loop {
        match stream.read_buf(&mut received).await {
            Ok(0) => return Err(head.end_of_stream()),
            Ok(_) => {}
            // Who does not even read the request may have said why before.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                return Err(head.end_of_stream());
            }
            Err(error) => return Err(HttpError::Io(sent.err().unwrap_or(error))),
        }
        let used = head.receive(&received)?;
        let _ = received.split_to(used);
        if let Some(answer) = head.answer() {
            return Ok((answer?, received));
        }
    }
}

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::NotHttp { guess } => match guess.name() {
                Some(name) => write!(f, "it speaks {name}, not HTTP"),
                None => f.write_str("it does not speak HTTP"),
            },
            Self::TooLong => write!(f, "its answer does not end within {HEAD_MOST} bytes"),
            Self::HungUp => f.write_str("it closed the connection without an answer"),
        }
    }
}

impl std::error::Error for HttpError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The head of what is received in pieces of this length, and what is left of it.
    fn read(text: &[u8], piece: usize) -> Result<(Answer, Vec<u8>), HttpError> {
        let mut head = Head::default();
        let mut left = Vec::new();
        for piece in text.chunks(piece) {
            let used = head.receive(piece)?;
            left.extend_from_slice(&piece[used..]);
        }
        match head.answer() {
            Some(answer) => Ok((answer?, left)),
            None => Err(head.end_of_stream()),
        }
    }

    #[test]
    fn an_answer_is_the_same_however_it_is_cut_and_what_follows_is_not_its() {
        let text = b"HTTP/1.0 200 Connection established\r\nProxy-agent: x\r\n\r\nREDQ\r\n\r\n";
        for piece in [1, 2, 3, 7, 100] {
            let (answer, left) = read(text, piece).unwrap();
            assert_eq!(answer.status, 200);
            assert_eq!(answer.line, "200 Connection established");
            assert_eq!(answer.field("proxy-agent"), Some("x"));
            assert_eq!(left, b"REDQ\r\n\r\n");
        }
    }

    #[test]
    fn answers_are_read_as_careless_peers_write_them() {
        for (text, status, line) in [
            (&b"HTTP/1.1 200\r\n\r\n"[..], 200, "200"),
            (b"HTTP/1.1 200 OK\n\n", 200, "200 OK"),
            (
                b"HTTP/1.1 407  Who are you?\nx\n\r\n",
                407,
                "407  Who are you?",
            ),
        ] {
            let (answer, left) = read(text, 5).unwrap();
            assert_eq!((answer.status, &*answer.line), (status, line));
            assert!(left.is_empty());
        }
    }

    #[test]
    fn what_is_no_answer_is_recognised_without_waiting_for_its_end() {
        for (text, words) in [
            (&b"SSH-2.0-OpenSSH_9.2\r\n"[..], "it speaks SSH, not HTTP"),
            (b"RFB 003.008\n", "it speaks VNC, not HTTP"),
            (b"REDQ\x02\0\0\0", "it speaks SPICE, not HTTP"),
            (b"\x15\x03\x01\0\x02\x02\x16", "it speaks TLS, not HTTP"),
            (b"\x05\xff", "it does not speak HTTP"),
            (b"HTTP/2 200 OK\r\n\r\n", "it does not speak HTTP"),
            (b"HTTP/1.1 ok\r\n\r\n", "it does not speak HTTP"),
            (b"HTTP/1.1 2000\r\n\r\n", "it does not speak HTTP"),
            (b"", "it closed the connection without an answer"),
            (
                b"HTTP/1.1 200 OK\r\n",
                "it closed the connection without an answer",
            ),
        ] {
            assert_eq!(read(text, 3).unwrap_err().to_string(), words, "{text:?}");
        }
    }

    #[test]
    fn damaged_answers_are_refused_or_leave_what_follows_alone() {
        let text = b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\n\r\nREDQ";
        for end in 0..text.len() {
            let result = read(&text[..end], 3);
            assert_eq!(result.is_ok(), end >= text.len() - 4, "{end} bytes");
        }
        for at in 0..text.len() {
            for byte in [0, b'\n', b'\r', b' ', b':', 0x80, 0xff] {
                let mut damaged = text.to_vec();
                damaged[at] = byte;
                if let Ok((answer, left)) = read(&damaged, 5) {
                    assert!(damaged.ends_with(&left) && answer.line.len() <= damaged.len());
                }
            }
        }
    }

    #[test]
    fn an_answer_that_does_not_end_is_given_up() {
        let mut text = b"HTTP/1.1 200 OK\r\nx: ".to_vec();
        text.resize(HEAD_MOST, b'x');
        let error = read(&text, 1000).unwrap_err();
        assert!(matches!(error, HttpError::HungUp), "{error}");
        text.push(b'x');
        let error = read(&text, 1000).unwrap_err();
        assert!(matches!(error, HttpError::TooLong), "{error}");
    }
}
