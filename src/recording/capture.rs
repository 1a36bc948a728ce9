//! The packets of a capture file, whichever of the two formats it has.

use std::io::Read;

use super::error::{ErrorKind, RecordingError};
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

    /// The next packet; `None` at the end.
    ///
    /// # Errors
    ///
    /// When the file ends in the middle of a record, or contradicts itself: nothing can be read after that.
    pub(super) fn next_packet(&mut self) -> Result<Option<Packet<'_>>, RecordingError> {
        let offset = self.source.offset();
        let (source, record) = (&mut self.source, &mut self.record);
        let found = match &mut self.format {
            Format::Pcapng(section) => section.next_packet(source, record)?,
            Format::Pcap(header) => header.next_packet(source, record)?,
        };
        Ok(found.map(|found| Packet {
            at: found.at,
            link_type: found.link_type,
            offset,
            data: record.get(found.data).unwrap_or_default(),
        }))
    }
}
