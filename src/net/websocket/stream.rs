//! A web-socket as a stream of bytes.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::frames::{self, FRAME_MOST, HEADER_MOST, Next, Reader, Role};
use crate::net::{Stream, entropy};

/// Bytes asked for with each read while no frame is at hand.
const READ_AT_ONCE: usize = 4 << 10;

/// Most bytes of answers to pings that wait to be written; a peer that sends more and reads nothing is not answered.
const ANSWERS_MOST: usize = 1 << 10;

/// A stream in the frames of a web-socket. What is written may stay here until it is flushed.
#[derive(Debug)]
pub struct WebSocket {
    below: Stream,
    role: Role,
    reader: Reader,
    /// What was received and not taken apart.
    received: BytesMut,
    /// Whole frames, or the rest of them. INVARIANT: no more than one frame, the answers and a farewell.
    unsent: Vec<u8>,
    /// How much of `unsent` was written.
    sent: usize,
    /// The peer has said farewell.
    ended: bool,
    /// We have.
    closed: bool,
}

impl WebSocket {
    /// What follows the handshake; `received` came behind it.
    pub(super) fn new(below: Stream, role: Role, received: BytesMut) -> Self {
        Self {
            below,
            role,
            reader: Reader::new(role),
            received,
            unsent: Vec::with_capacity(FRAME_MOST + HEADER_MOST),
            sent: 0,
            ended: false,
            closed: false,
        }
    }

    /// The stream that carries it.
    pub const fn below(&self) -> &Stream {
        &self.below
    }

    fn mask(&self) -> [u8; 4] {
        let mut mask = [0; 4];
        if self.role == Role::Client {
            entropy(&mut mask);
        }
        mask
    }

    /// Writes the frames that wait.
    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.sent < self.unsent.len() {
            let below = Pin::new(&mut self.below);
            match ready!(below.poll_write(cx, &self.unsent[self.sent..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => self.sent += written,
            }
        }
        self.unsent.clear();
        self.sent = 0;
        Poll::Ready(Ok(()))
    }

    /// Says farewell once; what cannot be sent is not worth waiting for.
    fn close(&mut self) {
        if !self.closed {
            self.closed = true;
            frames::write_close(self.role, self.mask(), &mut self.unsent);
        }
    }

    /// Sends what waits as far as that goes at once: reading does not wait for it.
    fn send_along(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if let Poll::Ready(sent) = self.poll_send(cx) {
            sent?;
            if let Poll::Ready(flushed) = Pin::new(&mut self.below).poll_flush(cx) {
                flushed?;
            }
        }
        Ok(())
    }

    /// Reads more of what is below; whether there was any.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut piece = [0; READ_AT_ONCE];
        let mut piece = ReadBuf::new(&mut piece);
        ready!(Pin::new(&mut self.below).poll_read(cx, &mut piece))?;
        self.received.extend_from_slice(piece.filled());
        Poll::Ready(Ok(!piece.filled().is_empty()))
    }
}

impl AsyncRead for WebSocket {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while !this.ended {
            let next = this.reader.next(&mut this.received);
            let next = next.map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            match next {
                // Straight into the reader's memory: pictures are large.
                Next::Bytes(len) if this.received.is_empty() => {
                    let unfilled = buf.initialize_unfilled();
                    let most = unfilled.len().min(len);
                    let mut here = ReadBuf::new(&mut unfilled[..most]);
                    ready!(Pin::new(&mut this.below).poll_read(cx, &mut here))?;
                    let read = here.filled().len();
                    this.reader.unmask(here.filled_mut());
                    buf.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Next::Bytes(len) => {
                    let len = len.min(this.received.len()).min(buf.remaining());
                    let start = buf.filled().len();
                    buf.put_slice(&this.received[..len]);
                    this.received.advance(len);
                    this.reader.unmask(&mut buf.filled_mut()[start..]);
                    return Poll::Ready(Ok(()));
                }
                Next::Nothing => {
                    if !ready!(this.poll_more(cx))? {
                        this.ended = true;
                    }
                }
                Next::Ping(echo) => {
                    if !this.closed && this.unsent.len() - this.sent < FRAME_MOST + ANSWERS_MOST {
                        let mask = this.mask();
                        frames::write_pong(this.role, mask, &echo, &mut this.unsent);
                    }
                    this.send_along(cx)?;
                }
                Next::Close => {
                    this.ended = true;
                    this.close();
                    // It may be gone already.
                    let _ = this.send_along(cx);
                }
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for WebSocket {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        if this.closed {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        let taken = frames::write_bytes(this.role, this.mask(), bytes, &mut this.unsent);
        if let Poll::Ready(Err(error)) = this.poll_send(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(taken))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        Pin::new(&mut this.below).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.close();
        ready!(this.poll_send(cx))?;
        ready!(Pin::new(&mut this.below).poll_flush(cx))?;
        Pin::new(&mut this.below).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;

    use super::*;

    fn pair() -> (WebSocket, WebSocket) {
        let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
        let client = WebSocket::new(Stream::Unix(ours), Role::Client, BytesMut::new());
        let server = WebSocket::new(Stream::Unix(theirs), Role::Server, BytesMut::new());
        (client, server)
    }

    #[tokio::test]
    async fn what_is_written_is_read_both_ways_and_ends_with_a_farewell() {
        let (mut client, mut server) = pair();
        let long: Vec<u8> = (0..300_000_u32).map(|n| (n * 7) as u8).collect();
        let sending = async {
            client.write_all(&long).await.expect("written");
            client.flush().await.expect("flushed");
            let mut answer = Vec::new();
            client.read_to_end(&mut answer).await.expect("read");
            answer
        };
        let answering = async {
            let mut read = vec![0; long.len()];
            server.read_exact(&mut read).await.expect("read");
            server.write_all(b"thanks").await.expect("written");
            server.shutdown().await.expect("closed");
            read
        };
        let (answer, read) = tokio::join!(sending, answering);
        assert!(read == long);
        assert_eq!(answer, b"thanks");
    }

    #[tokio::test]
    async fn a_ping_is_answered_while_reading_and_is_not_the_streams() {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        let mut server = WebSocket::new(Stream::Unix(ours), Role::Server, BytesMut::new());
        theirs
            .write_all(b"\x89\x02hi\x82\x01x")
            .await
            .expect("written");
        assert_eq!(server.read_u8().await.expect("read"), b'x');
        let mut answer = [0; 4];
        theirs.read_exact(&mut answer).await.expect("read");
        assert_eq!(&answer, b"\x8a\x02hi");
    }

    #[tokio::test]
    async fn a_broken_frame_is_an_error_and_no_end() {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        let mut client = WebSocket::new(Stream::Unix(ours), Role::Client, BytesMut::new());
        theirs.write_all(b"\x83\x00").await.expect("written");
        let error = client.read_u8().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "the web-socket is broken: there is no frame of kind 3"
        );
    }

    #[tokio::test]
    async fn pings_that_nobody_reads_the_answers_to_are_dropped() {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        let mut server = WebSocket::new(Stream::Unix(ours), Role::Server, BytesMut::new());
        let pings = [&[0x89, 125][..], &[7; 125]].concat().repeat(20_000);
        let sending = async {
            theirs.write_all(&pings).await.expect("written");
            theirs.write_all(b"\x82\x01x").await.expect("written");
            theirs
        };
        let reading = server.read_u8();
        let (_theirs, read) = tokio::join!(sending, reading);
        assert_eq!(read.expect("read"), b'x');
        assert!(server.unsent.capacity() < 64 << 10);
    }
}
