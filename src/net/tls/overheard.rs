//! A stream that remembers the first words of its peer, to say who it is if it is not who was expected.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::net::Stream;

/// Bytes that are enough to recognise a protocol.
const MOST: usize = 16;

/// A stream, and the first bytes read from it.
#[derive(Debug)]
pub struct Overheard {
    stream: Stream,
    first: Vec<u8>,
}

impl Overheard {
    /// A stream of which nothing was read yet.
    pub(super) fn new(stream: Stream) -> Self {
        Self {
            stream,
            first: Vec::new(),
        }
    }

    /// The stream.
    pub fn stream(&self) -> &Stream {
        &self.stream
    }

    /// The first bytes, sixteen at most.
    pub(super) fn first(&self) -> &[u8] {
        &self.first
    }
}

impl AsyncRead for Overheard {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(cx, buf);
        if self.first.len() < MOST {
            let fresh = buf.filled().get(before..).unwrap_or_default();
            let taken = fresh.len().min(MOST - self.first.len());
            self.first.extend_from_slice(&fresh[..taken]);
        }
        result
    }
}

impl AsyncWrite for Overheard {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
