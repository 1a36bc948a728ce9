//! A file read from front to back, with its place kept.

use std::io::{self, BufReader, Read};

use super::error::{ErrorKind, RecordingError};

/// Reads pieces of announced lengths, none of which is believed before its bytes are there.
pub(super) struct Source<R> {
    inner: BufReader<R>,
    offset: u64,
}

impl<R: Read> Source<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner: BufReader::with_capacity(64 << 10, inner),
            offset: 0,
        }
    }

    /// Bytes read so far.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Puts the next `len` bytes, or what is left of the file, in place of what `buffer` held.
    pub(super) fn read(&mut self, buffer: &mut Vec<u8>, len: usize) -> Result<(), RecordingError> {
        buffer.clear();
        // The buffer grows as bytes arrive: a length that is not true costs nothing.
        let read = self.inner.by_ref().take(len as u64).read_to_end(buffer);
        self.offset += buffer.len() as u64;
        read.map(drop)
            .map_err(|error| RecordingError::io(self.offset, &error))
    }

    /// The same, and an error when the file ends before.
    pub(super) fn read_whole(
        &mut self,
        buffer: &mut Vec<u8>,
        len: usize,
    ) -> Result<(), RecordingError> {
        self.read(buffer, len)?;
        if buffer.len() < len {
            return Err(RecordingError::at(self.offset, ErrorKind::CutShort));
        }
        Ok(())
    }

    /// Passes over `len` bytes.
    pub(super) fn skip(&mut self, len: u64) -> Result<(), RecordingError> {
        let mut rest = self.inner.by_ref().take(len);
        let skipped = io::copy(&mut rest, &mut io::sink())
            .map_err(|error| RecordingError::io(self.offset, &error))?;
        self.offset += skipped;
        if skipped < len {
            return Err(RecordingError::at(self.offset, ErrorKind::CutShort));
        }
        Ok(())
    }
}
