//! Why a recording cannot be read, or no further.

use std::fmt;
use std::io;

/// What is wrong with a recording, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingError {
    /// Byte of the file.
    pub offset: u64,
    /// What is wrong there.
    pub kind: ErrorKind,
}

/// What is wrong with a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The file is neither pcapng nor pcap; its first bytes, at most four.
    NotARecording(Vec<u8>),
    /// The file is compressed with gzip.
    Compressed,
    /// The file ends in the middle of something; all before it can be played.
    CutShort,
    /// The file contradicts its format, the clause says how; all before it can be played.
    Damaged(String),
    /// There is no SPICE connection that can be followed.
    NoSpice(Instead),
    /// The session that was asked for, counted from 0, is not one of so many.
    NoSession {
        /// Which.
        number: usize,
        /// How many there are.
        of: usize,
    },
    /// The system cannot read the file.
    Io(io::ErrorKind, String),
}

/// What is in a file without a SPICE connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instead {
    /// TCP connections seen from their beginning or near it.
    pub connections: u64,
    /// Those of them that are encrypted.
    pub tls: u64,
    /// Why the last SPICE link did not come about.
    pub failed_link: Option<String>,
    /// Link type of packets that could not be taken apart.
    pub unknown_link_type: Option<u16>,
}

impl RecordingError {
    /// An error at this byte of the file.
    pub(super) const fn at(offset: u64, kind: ErrorKind) -> Self {
        Self { offset, kind }
    }

    /// The system does not let it be read at all.
    pub fn unreadable(error: io::Error) -> Self {
        Self::io(0, &error)
    }

    /// There are not so many sessions in it.
    pub fn no_session(number: usize, of: usize) -> Self {
        Self::at(0, ErrorKind::NoSession { number, of })
    }

    pub(super) fn io(offset: u64, error: &io::Error) -> Self {
        Self::at(offset, ErrorKind::Io(error.kind(), error.to_string()))
    }
}

impl fmt::Display for RecordingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.offset;
        match &self.kind {
            ErrorKind::NotARecording(first) if first.is_empty() => {
                f.write_str("not a recording: it is empty")
            }
            ErrorKind::NotARecording(first) => {
                f.write_str("not a recording: it begins with")?;
                first.iter().try_for_each(|byte| write!(f, " {byte:02x}"))?;
                f.write_str(", as neither pcapng nor pcap files do")
            }
            ErrorKind::Compressed => f.write_str("it is compressed with gzip"),
            ErrorKind::CutShort => write!(f, "cut short at byte {at}"),
            ErrorKind::Damaged(how) => write!(f, "damaged at byte {at}: {how}"),
            ErrorKind::NoSpice(instead) => write!(f, "no SPICE connection in it{instead}"),
            ErrorKind::NoSession { number, of: 1 } => {
                write!(f, "no session {} in it, only one", number + 1)
            }
            ErrorKind::NoSession { number, of } => {
                write!(f, "no session {} in it, only {of}", number + 1)
            }
            ErrorKind::Io(_, text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Instead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            connections, tls, ..
        } = self;
        if let Some(why) = &self.failed_link {
            write!(f, " that can be followed: {why}")
        } else if *tls > 0 {
            write!(
                f,
                ": {tls} of {connections} connections are encrypted (TLS)"
            )
        } else if let (0, Some(number)) = (*connections, self.unknown_link_type) {
            write!(f, ": packets of link type {number} cannot be read")
        } else {
            match connections {
                0 => f.write_str(": no TCP connection at all"),
                1 => f.write_str(": one TCP connection, of something else"),
                n => write!(f, ": {n} TCP connections, of something else"),
            }
        }
    }
}

impl std::error::Error for RecordingError {}
