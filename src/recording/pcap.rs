//! The classic capture format: a header of 24 bytes, then packets with 16 bytes in front of each.
//!
//! Both byte orders, with microseconds or nanoseconds. Layout: draft-ietf-opsawg-pcap.

use std::io::Read;

use super::capture::{Found, MOST_BYTES};
use super::error::{ErrorKind, RecordingError};
use super::source::Source;

/// Byte order and clock of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    big: bool,
    /// Nanoseconds of one tick of the clock.
    tick: u64,
}

impl Kind {
    /// What the first four bytes say.
    pub(super) fn of(magic: [u8; 4]) -> Option<Self> {
        let kind = |big, tick| Some(Self { big, tick });
        match magic {
            [0xd4, 0xc3, 0xb2, 0xa1] => kind(false, 1000),
            [0xa1, 0xb2, 0xc3, 0xd4] => kind(true, 1000),
            [0x4d, 0x3c, 0xb2, 0xa1] => kind(false, 1),
            [0xa1, 0xb2, 0x3c, 0x4d] => kind(true, 1),
            _ => None,
        }
    }

    fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) else {
            return 0;
        };
        match self.big {
            true => u32::from_be_bytes(*word),
            false => u32::from_le_bytes(*word),
        }
    }
}

/// What is said once for the whole file.
#[derive(Clone)]
pub(super) struct Header {
    kind: Kind,
    link_type: u16,
}

impl Header {
    /// Reads what follows the magic.
    pub(super) fn read<R: Read>(
        kind: Kind,
        source: &mut Source<R>,
        record: &mut Vec<u8>,
    ) -> Result<Self, RecordingError> {
        source.read_whole(record, 20)?;
        Ok(Self {
            kind,
            // The upper half says how long the check sum at the end of each packet is.
            link_type: kind.u32(record, 16) as u16,
        })
    }

    pub(super) fn next_packet<R: Read>(
        &self,
        source: &mut Source<R>,
        record: &mut Vec<u8>,
    ) -> Result<Option<Found>, RecordingError> {
        let offset = source.offset();
        source.read(record, 16)?;
        match record.len() {
            0 => return Ok(None),
            16 => {}
            _ => return Err(RecordingError::at(source.offset(), ErrorKind::CutShort)),
        }
        let [seconds, ticks, kept] = [0, 4, 8].map(|at| self.kind.u32(record, at));
        if kept > MOST_BYTES {
            let how = format!("a packet of {kept} bytes");
            return Err(RecordingError::at(offset, ErrorKind::Damaged(how)));
        }
        source.read_whole(record, kept as usize)?;
        Ok(Some(Found {
            at: u64::from(seconds) * 1_000_000_000 + u64::from(ticks) * self.kind.tick,
            link_type: self.link_type,
            data: 0..kept as usize,
        }))
    }
}
