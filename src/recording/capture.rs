//! The packets of a capture file, whichever of the two formats it has.

use std::io::Read;

use super::error::{ErrorKind, RecordingError};
use super::note::{self, Header, Kind};
use super::source::{Reopen, Source};
use super::{pcap, pcapng};

/// Longest packet, or block of a kind that is looked into, bytes. The tools that capture stop at a quarter of a mebibyte.
pub(super) const MOST_BYTES: u32 = 16 << 20;

/// One captured packet.
pub(super) struct Packet<'a> {
    /// Nanoseconds since the epoch of the file.
    pub(super) at: u64,
    /// How it begins: a number of the list of link types.
    pub(super) link_type: u16,
    /// Byte of the file where its record begins.
    pub(super) offset: u64,
    /// As much of it as was kept.
    pub(super) data: &'a [u8],
}

/// What the program said beside the packets.
pub(super) struct Note<'a> {
    pub(super) header: Header,
    /// Byte of the file where its block begins.
    pub(super) offset: u64,
    /// The beginning of its content; all of it where it is short.
    pub(super) content: &'a [u8],
}

/// What is in a file.
pub(super) enum Item<'a> {
    Packet(Packet<'a>),
    Note(Note<'a>),
}

/// Reads packets.
pub(super) struct Capture<R> {
    source: Source<R>,
    format: Format,
    /// The record being read.
    record: Vec<u8>,
}

#[derive(Clone)]
enum Format {
    Pcapng(pcapng::Section),
    Pcap(pcap::Header),
}

/// What the record that was read is.
pub(super) enum Record {
    Packet(Found),
    /// A note, whose content it begins with.
    Note(Header),
}

/// Where a packet lies in the record that was read.
pub(super) struct Found {
    pub(super) at: u64,
    pub(super) link_type: u16,
    pub(super) data: std::ops::Range<usize>,
}

/// Whether captures begin with these bytes, of which four are enough.
pub fn is_capture(first: &[u8]) -> bool {
    let magic = first.first_chunk();
    magic.is_some_and(|magic| *magic == pcapng::SECTION_MAGIC || pcap::Kind::of(*magic).is_some())
}

impl<R: Read> Capture<R> {
    /// Looks at the beginning of a file.
    ///
    /// # Errors
    ///
    /// When it is not a capture.
    pub(super) fn new(file: R) -> Result<Self, RecordingError> {
        let mut source = Source::new(file);
        let mut record = Vec::new();
        source.read(&mut record, 4)?;
        let format = match record.first_chunk() {
            Some(&pcapng::SECTION_MAGIC) => {
                Format::Pcapng(pcapng::Section::open(&mut source, &mut record)?)
            }
            Some(magic) if let Some(kind) = pcap::Kind::of(*magic) => {
                Format::Pcap(pcap::Header::read(kind, &mut source, &mut record)?)
            }
            _ if record.starts_with(&[0x1f, 0x8b]) => {
                return Err(RecordingError::at(0, ErrorKind::Compressed));
            }
            _ => return Err(RecordingError::at(0, ErrorKind::NotARecording(record))),
        };
        Ok(Self {
            source,
            format,
            record,
        })
    }

    /// The same, reading on from here by itself.
    pub(super) fn fork(&self) -> Self
    where
        R: Reopen,
    {
        Self {
            source: self.source.fork(),
            format: self.format.clone(),
            record: Vec::new(),
        }
    }

    /// Bytes read so far.
    pub(super) fn offset(&self) -> u64 {
        self.source.offset()
    }

    /// The next packet or note; `None` at the end.
    ///
    /// # Errors
    ///
    /// When the file ends in the middle of a record, or contradicts itself: nothing can be read after that.
    pub(super) fn next_item(&mut self) -> Result<Option<Item<'_>>, RecordingError> {
        let (source, record) = (&mut self.source, &mut self.record);
        let found = match &mut self.format {
            Format::Pcapng(section) => section.next_record(source, record)?,
            Format::Pcap(header) => {
                let offset = source.offset();
                let found = header.next_packet(source, record)?;
                found.map(|found| (offset, Record::Packet(found)))
            }
        };
        Ok(found.map(|(offset, found)| match found {
            Record::Packet(found) => Item::Packet(Packet {
                at: found.at,
                link_type: found.link_type,
                offset,
                data: record.get(found.data).unwrap_or_default(),
            }),
            Record::Note(header) => Item::Note(Note {
                header,
                offset,
                content: record,
            }),
        }))
    }

    /// Goes to the note that begins at a byte of the file, and reads it; the next item is the one behind it. What is in
    /// front of the first packet has to be known.
    ///
    /// # Errors
    ///
    /// When there is no such note, or it is damaged.
    pub(super) fn read_note(&mut self, offset: u64, kind: Kind) -> Result<Vec<u8>, RecordingError>
    where
        R: Reopen,
    {
        let damaged = |how: &str| RecordingError::at(offset, ErrorKind::Damaged(how.to_owned()));
        self.source = self.source.fork_at(offset);
        let mut record = Vec::new();
        self.source.read_whole(&mut record, 8 + note::HEADER)?;
        let word = |at: usize| {
            let word = record.get(at..).and_then(<[u8]>::first_chunk);
            word.map_or(0, |word| u32::from_le_bytes(*word))
        };
        let total = u64::from(word(4));
        let header = Header::decode(record.get(8..).unwrap_or_default());
        let header = header.filter(|header| word(0) == note::BLOCK && header.kind == kind);
        let Some(header) = header else {
            return Err(damaged("there is no note"));
        };
        let len = header.len as usize;
        let whole = note::AROUND + (note::HEADER + len.next_multiple_of(4)) as u64;
        if len > note::MOST_BYTES || whole != total {
            return Err(damaged("a note of another length than its block"));
        }
        self.source.read_whole(&mut record, len)?;
        let rest = total - 8 - (note::HEADER + len) as u64;
        self.source.skip(rest)?;
        if !header.is_true(offset, &record) {
            return Err(damaged("a note that was moved or changed"));
        }
        Ok(record)
    }

    /// The note that a file of so many bytes ends with, if it is of this kind.
    ///
    /// # Errors
    ///
    /// When it is not, or is damaged.
    pub(super) fn read_last_note(&self, bytes: u64, kind: Kind) -> Result<Vec<u8>, RecordingError>
    where
        R: Reopen,
    {
        let none = RecordingError::at(bytes, ErrorKind::CutShort);
        let Some(length) = bytes.checked_sub(4) else {
            return Err(none);
        };
        let mut word = Vec::new();
        self.source.fork_at(length).read_whole(&mut word, 4)?;
        let total = word
            .first_chunk()
            .map_or(0, |word| u32::from_le_bytes(*word));
        match bytes.checked_sub(total.into()) {
            Some(offset) => self.fork().read_note(offset, kind),
            None => Err(none),
        }
    }

    /// The same file from its beginning, up to behind the first packet.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub(super) fn restart(&self) -> Result<Self, RecordingError>
    where
        R: Reopen,
    {
        let mut again = Self::new(self.source.fork_at(0).into_inner())?;
        while let Some(item) = again.next_item()? {
            if let Item::Packet(_) = item {
                return Ok(again);
            }
        }
        Err(RecordingError::at(again.offset(), ErrorKind::CutShort))
    }
}
