//! The block format of captures: sections, each with its byte order and its interfaces; packets name an interface.
//!
//! Blocks of other kinds are passed over, but for the [notes](super::note) of the program. Layout: draft-ietf-opsawg-pcapng.

use std::io::Read;

use super::capture::{Found, MOST_BYTES, Record};
use super::error::{ErrorKind, RecordingError};
use super::note;
use super::source::Source;

/// How a section, and therefore a file, begins: the same in both byte orders.
pub(super) const SECTION_MAGIC: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

const INTERFACE: u32 = 1;
const OLD_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const PACKET: u32 = 6;

/// Bytes kept of the content of a note: more than is said in short ones, and at the beginning of others.
const MOST_NOTE: usize = 4096;

/// Most interfaces of one section.
const MOST_INTERFACES: usize = 4096;

/// What packets of the current section are read with.
#[derive(Clone)]
pub(super) struct Section {
    order: Order,
    interfaces: Vec<Interface>,
    /// Time of the last packet, for blocks that say none.
    last: u64,
}

#[derive(Clone, Copy)]
struct Order {
    big: bool,
}

#[derive(Clone)]
struct Interface {
    link_type: u16,
    /// Longest packet kept, bytes; 0 for no limit.
    kept: u32,
    /// `if_tsresol`: ticks of the clock in a second are 10 to this power, or 2 with the upper bit.
    resolution: u8,
    /// `if_tsoffset`: seconds added to every time.
    seconds: i64,
}

impl Section {
    /// Reads the first section's header, whose magic has been read.
    pub(super) fn open<R: Read>(
        source: &mut Source<R>,
        record: &mut Vec<u8>,
    ) -> Result<Self, RecordingError> {
        let mut section = Self {
            order: Order { big: false },
            interfaces: Vec::new(),
            last: 0,
        };
        section.begin(source, record)?;
        Ok(section)
    }

    /// Reads blocks up to the next packet or note, and says where it begins.
    pub(super) fn next_record<R: Read>(
        &mut self,
        source: &mut Source<R>,
        record: &mut Vec<u8>,
    ) -> Result<Option<(u64, Record)>, RecordingError> {
        loop {
            let offset = source.offset();
            source.read(record, 4)?;
            let kind = match record.first_chunk() {
                Some(&SECTION_MAGIC) => {
                    self.begin(source, record)?;
                    continue;
                }
                Some(_) => self.order.u32(record, 0),
                None if record.is_empty() => return Ok(None),
                None => return Err(RecordingError::at(source.offset(), ErrorKind::CutShort)),
            };
            source.read_whole(record, 4)?;
            let total = self.order.u32(record, 0);
            if kind == note::BLOCK && total as usize >= 12 + note::HEADER {
                match self.note(total, offset, source, record)? {
                    Some(header) => return Ok(Some((offset, Record::Note(header)))),
                    None => continue,
                }
            }
            self.read_body(kind, total, offset, source, record)?;
            let found = match kind {
                INTERFACE => {
                    self.add_interface(record, offset)?;
                    None
                }
                PACKET | OLD_PACKET => Some(self.packet(kind, record, offset)?),
                SIMPLE_PACKET => Some(self.simple_packet(record, offset)?),
                _ => None,
            };
            if let Some(found) = found {
                self.last = found.at;
                return Ok(Some((offset, Record::Packet(found))));
            }
        }
    }

    /// Reads the header of a note and the beginning of its content; `None` for another block of the same local type.
    fn note<R: Read>(
        &self,
        total: u32,
        offset: u64,
        source: &mut Source<R>,
        record: &mut Vec<u8>,
    ) -> Result<Option<note::Header>, RecordingError> {
        if !total.is_multiple_of(4) {
            return Err(damaged(offset, format!("a block of {total} bytes")));
        }
        source.read_whole(record, note::HEADER)?;
        let header = note::Header::decode(record);
        let rest = total as usize - 12 - note::HEADER;
        let header = header.filter(|header| header.len as usize <= rest);
        let content = header.map_or(0, |header| header.len as usize);
        let kept = content.min(MOST_NOTE);
        source.read_whole(record, kept)?;
        source.skip((rest - kept) as u64)?;
        self.trailer(total, offset, source, &mut Vec::new())?;
        Ok(header)
    }

    /// Reads a section header from behind its magic on.
    fn begin<R: Read>(
        &mut self,
        source: &mut Source<R>,
        record: &mut Vec<u8>,
    ) -> Result<(), RecordingError> {
        let offset = source.offset() - 4;
        source.read_whole(record, 8)?;
        self.order = match record.get(4..) {
            Some([0x4d, 0x3c, 0x2b, 0x1a]) => Order { big: false },
            Some([0x1a, 0x2b, 0x3c, 0x4d]) => Order { big: true },
            _ => return Err(damaged(offset, "a section that has no byte order")),
        };
        let total = self.order.u32(record, 0);
        if total < 28 || !total.is_multiple_of(4) {
            return Err(damaged(
                offset,
                format!("a section header of {total} bytes"),
            ));
        }
        // Versions, the length of the section, comments: nothing of it changes how blocks are read.
        source.skip(u64::from(total) - 16)?;
        self.trailer(total, offset, source, record)?;
        self.interfaces.clear();
        Ok(())
    }

    /// Reads the body of a block that is looked into, passes over another one, and checks the length behind it.
    fn read_body<R: Read>(
        &self,
        kind: u32,
        total: u32,
        offset: u64,
        source: &mut Source<R>,
        record: &mut Vec<u8>,
    ) -> Result<(), RecordingError> {
        if total < 12 || !total.is_multiple_of(4) {
            return Err(damaged(offset, format!("a block of {total} bytes")));
        }
        let body = total - 12;
        let mut behind = Vec::new();
        if !matches!(kind, INTERFACE | PACKET | OLD_PACKET | SIMPLE_PACKET) {
            source.skip(body.into())?;
            return self.trailer(total, offset, source, &mut behind);
        }
        if body > MOST_BYTES {
            return Err(damaged(offset, format!("a packet of {body} bytes")));
        }
        source.read_whole(record, body as usize)?;
        self.trailer(total, offset, source, &mut behind)
    }

    fn trailer<R: Read>(
        &self,
        total: u32,
        offset: u64,
        source: &mut Source<R>,
        record: &mut Vec<u8>,
    ) -> Result<(), RecordingError> {
        source.read_whole(record, 4)?;
        let again = self.order.u32(record, 0);
        if again != total {
            let how = format!("a block of {total} bytes that ends as one of {again}");
            return Err(damaged(offset, how));
        }
        Ok(())
    }

    fn add_interface(&mut self, body: &[u8], offset: u64) -> Result<(), RecordingError> {
        if body.len() < 8 || self.interfaces.len() == MOST_INTERFACES {
            return Err(damaged(offset, "an interface without a description"));
        }
        let mut interface = Interface {
            link_type: self.order.u16(body, 0),
            kept: self.order.u32(body, 4),
            resolution: 6,
            seconds: 0,
        };
        let mut options = body.get(8..).unwrap_or_default();
        while options.len() >= 4 {
            let (code, len) = (self.order.u16(options, 0), self.order.u16(options, 2));
            let value = options.get(4..4 + usize::from(len)).unwrap_or_default();
            match (code, value) {
                (0, _) => break,
                (9, [resolution, ..]) => interface.resolution = *resolution,
                (14, value) if value.len() == 8 => {
                    interface.seconds = self.order.u64(value, 0).cast_signed();
                }
                _ => {}
            }
            let next = 4 + usize::from(len).next_multiple_of(4);
            options = options.get(next..).unwrap_or_default();
        }
        self.interfaces.push(interface);
        Ok(())
    }

    /// The current block kind, and the one it replaced, which counts interfaces in 16 bits.
    fn packet(&self, kind: u32, body: &[u8], offset: u64) -> Result<Found, RecordingError> {
        let number = match kind {
            OLD_PACKET => self.order.u16(body, 0).into(),
            _ => self.order.u32(body, 0),
        };
        let ticks = u64::from(self.order.u32(body, 4)) << 32 | u64::from(self.order.u32(body, 8));
        let len = self.order.u32(body, 12) as usize;
        let data = 20..20usize.saturating_add(len);
        let interface = self.interfaces.get(number as usize).ok_or_else(|| {
            let known = self.interfaces.len();
            damaged(offset, format!("a packet of interface {number} of {known}"))
        })?;
        if body.len() < data.end {
            return Err(damaged(
                offset,
                format!("a packet of {len} bytes in a block of {}", body.len() + 12),
            ));
        }
        Ok(Found {
            at: interface.nanoseconds(ticks),
            link_type: interface.link_type,
            data,
        })
    }

    fn simple_packet(&self, body: &[u8], offset: u64) -> Result<Found, RecordingError> {
        let (Some(interface), true) = (self.interfaces.first(), body.len() >= 4) else {
            return Err(damaged(offset, "a packet without an interface"));
        };
        let mut len = (self.order.u32(body, 0) as usize).min(body.len() - 4);
        if interface.kept > 0 {
            len = len.min(interface.kept as usize);
        }
        Ok(Found {
            at: self.last,
            link_type: interface.link_type,
            data: 4..4 + len,
        })
    }
}

impl Interface {
    fn nanoseconds(&self, ticks: u64) -> u64 {
        const SECOND: u128 = 1_000_000_000;
        let power = u32::from(self.resolution & 0x7f);
        let ticks = u128::from(ticks) * SECOND;
        let since = match self.resolution & 0x80 {
            // 38 is the last power of ten that fits, and long before it nothing is left of 64 bits.
            0 => ticks / 10u128.pow(power.min(38)),
            _ => ticks >> power,
        };
        let shift = i128::from(self.seconds) * SECOND.cast_signed();
        let since = i128::try_from(since).unwrap_or(i128::MAX);
        u64::try_from(since.saturating_add(shift).max(0)).unwrap_or(u64::MAX)
    }
}

/// Numbers in the byte order of a section; 0 where there are too few bytes.
impl Order {
    fn u16(self, bytes: &[u8], at: usize) -> u16 {
        let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |b| match self.big {
            true => u16::from_be_bytes(*b),
            false => u16::from_le_bytes(*b),
        })
    }

    fn u32(self, bytes: &[u8], at: usize) -> u32 {
        let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |b| match self.big {
            true => u32::from_be_bytes(*b),
            false => u32::from_le_bytes(*b),
        })
    }

    fn u64(self, bytes: &[u8], at: usize) -> u64 {
        let bytes = bytes.get(at..).and_then(<[u8]>::first_chunk);
        bytes.map_or(0, |b| match self.big {
            true => u64::from_be_bytes(*b),
            false => u64::from_le_bytes(*b),
        })
    }
}

fn damaged(offset: u64, how: impl Into<String>) -> RecordingError {
    RecordingError::at(offset, ErrorKind::Damaged(how.into()))
}
