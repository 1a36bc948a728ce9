//! A file read from front to back, with its place kept.

use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use super::error::{ErrorKind, RecordingError};

/// Bytes read at once: small enough that hundreds may wait with one each.
const BUFFER: usize = 16 << 10;

/// Reads pieces of announced lengths, none of which is believed before its bytes are there.
pub(super) struct Source<R> {
    inner: BufReader<R>,
    offset: u64,
}

/// A file that can be read from another place by somebody else at the same time.
pub trait Reopen: Read + Sized {
    /// The same file, to be read from this byte on.
    fn reopen(&self, offset: u64) -> Self;
}

/// A file that several read from, each at a place of its own.
#[derive(Debug)]
pub struct SharedFile<F> {
    file: Arc<Mutex<F>>,
    offset: u64,
}

impl<F> SharedFile<F> {
    /// A reader at the beginning.
    pub fn new(file: F) -> Self {
        Self {
            file: Arc::new(Mutex::new(file)),
            offset: 0,
        }
    }
}

impl<F: Read + Seek> Read for SharedFile<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Whoever panicked while reading has changed nothing but the place, which is set anew.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.offset))?;
        let read = file.read(buffer)?;
        self.offset += read as u64;
        Ok(read)
    }
}

impl<F: Read + Seek> Reopen for SharedFile<F> {
    fn reopen(&self, offset: u64) -> Self {
        Self {
            file: Arc::clone(&self.file),
            offset,
        }
    }
}

impl<R: Reopen> Source<R> {
    /// The same file, read on from here by somebody else.
    pub(super) fn fork(&self) -> Self {
        self.fork_at(self.offset)
    }

    /// The same file, read from this byte on by somebody else.
    pub(super) fn fork_at(&self, offset: u64) -> Self {
        let inner = self.inner.get_ref().reopen(offset);
        Self {
            inner: BufReader::with_capacity(BUFFER, inner),
            offset,
        }
    }

    /// The file.
    pub(super) fn into_inner(self) -> R {
        self.inner.into_inner()
    }
}

impl<R: Read> Source<R> {
    pub(super) fn new(inner: R) -> Self {
        Self {
            inner: BufReader::with_capacity(BUFFER, inner),
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
