//! One task per SPICE connection: bytes in, frames out, and the other way.

use std::pin::pin;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::Stream;
use crate::wire::{Frame, FrameError, Framer, HeaderKind};

/// Bytes a buffer has room for when it is new.
const READ_AT_ONCE: usize = 64 << 10;

/// Bytes asked for with each read at least. With less room than that, a new buffer is begun; the frames that were read keep
/// the old one.
const READ_AT_LEAST: usize = 32 << 10;

/// Bytes gathered into one write.
const WRITE_AT_ONCE: usize = 64 << 10;

/// What a pump tells its driver about connection `K`.
#[derive(Debug)]
pub enum Incoming<K> {
    /// A frame. The permit stands for its share of the byte budget and is to be dropped when the frame is done with.
    Frame(K, Frame, OwnedSemaphorePermit),
    /// The connection is over; nothing follows.
    End(K, PumpEnd),
}

/// Why a pump ended.
#[derive(Debug)]
pub enum PumpEnd {
    /// The peer closed between two messages.
    Closed,
    /// The peer closed between two messages with some of what it was sent unread, which its system tells by a reset.
    Reset,
    /// The peer closed in the middle of a message.
    CutShort,
    /// The connection broke.
    Io(std::io::Error),
    /// The peer announced a message over the limit.
    TooLong(FrameError),
    /// The driver dropped its sender: the connection was closed from here.
    Dropped,
}

/// A linked connection, about to be pumped.
pub struct Wire {
    /// The socket.
    pub stream: Stream,
    /// Bytes that arrived behind the link result.
    pub leftover: BytesMut,
    /// Agreed data header.
    pub header: HeaderKind,
    /// Largest body accepted, bytes.
    pub limit: u32,
}

/// Moves frames between a connection and its driver until either side ends it.
///
/// When `budget` or `incoming` is full the pump stops reading, TCP pushes back, and the peer merges. Frames from `outgoing`
/// are written in order; when that queue is dropped the rest is written and the connection closed.
pub async fn pump<K: Copy + Send>(
    wire: Wire,
    key: K,
    mut outgoing: mpsc::Receiver<Frame>,
    incoming: mpsc::Sender<Incoming<K>>,
    budget: Budget,
) {
    let (mut read, mut write) = tokio::io::split(wire.stream);
    let mut framer = Framer::new(wire.header, wire.limit);
    framer.receive(&wire.leftover);
    let mut reading = pin!(read_frames(&mut read, &mut framer, key, &incoming, &budget));
    let end = tokio::select! {
        end = &mut reading => end,
        result = write_frames(&mut write, wire.header, &mut outgoing) => match result {
            Ok(()) => PumpEnd::Dropped,
            // A peer that closed may have said something before; what can be read says best why it ended.
            Err(_) => reading.await,
        },
    };
    if matches!(end, PumpEnd::Dropped) {
        // The peer is to read what was sent last; whether it can is its own affair.
        let _ = write.shutdown().await;
    }
    let _ = incoming.send(Incoming::End(key, end)).await;
}

async fn read_frames<K: Copy>(
    stream: &mut ReadHalf<Stream>,
    framer: &mut Framer,
    key: K,
    incoming: &mpsc::Sender<Incoming<K>>,
    budget: &Budget,
) -> PumpEnd {
    let mut arriving = None;
    loop {
        loop {
            let frame = match framer.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => return PumpEnd::TooLong(error),
            };
            let kib = (frame.body.len() >> 10) as u32 + 1;
            // A frame larger than the whole budget passes alone.
            let waiting = Arc::clone(&budget.waiting);
            let Ok(permit) = waiting.acquire_many_owned(kib.min(WAITING_KIB)).await else {
                return PumpEnd::Dropped;
            };
            arriving = None;
            if incoming
                .send(Incoming::Frame(key, frame, permit))
                .await
                .is_err()
            {
                return PumpEnd::Dropped;
            }
        }
        let announced = framer.announced();
        if announced > LARGE && arriving.is_none() {
            let kib = (announced >> 10) as u32 + 1;
            let large = Arc::clone(&budget.arriving);
            let Ok(permit) = large.acquire_many_owned(kib.min(ARRIVING_KIB)).await else {
                return PumpEnd::Dropped;
            };
            arriving = Some(permit);
        }
        let buffer = framer.buffer();
        if buffer.capacity() - buffer.len() < READ_AT_LEAST {
            buffer.reserve(READ_AT_ONCE);
        }
        match stream.read_buf(framer.buffer()).await {
            Ok(0) if framer.buffer().is_empty() => return PumpEnd::Closed,
            Ok(0) => return PumpEnd::CutShort,
            Ok(_) => {}
            Err(error) if is_reset(&error) && framer.buffer().is_empty() => return PumpEnd::Reset,
            Err(error) => return PumpEnd::Io(error),
        }
    }
}

fn is_reset(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::ConnectionReset
}

/// KiB of whole frames that may wait for the driver.
const WAITING_KIB: u32 = 64 << 10;

/// KiB of large frames that may arrive at a time.
const ARRIVING_KIB: u32 = 256 << 10;

/// Bytes from which a frame is large while it arrives.
const LARGE: usize = 1 << 20;

/// Memory for frames that a driver does not have yet, over all its connections: 64 MiB of frames that wait for it, and 256 MiB
/// of large frames that are arriving; of others each connection has its own.
#[derive(Clone, Debug)]
pub struct Budget {
    /// A permit for each KiB.
    waiting: Arc<Semaphore>,
    /// A permit for each KiB. Apart from the other, so that a large frame that takes its time holds up no small ones.
    arriving: Arc<Semaphore>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            waiting: Arc::new(Semaphore::new(WAITING_KIB as usize)),
            arriving: Arc::new(Semaphore::new(ARRIVING_KIB as usize)),
        }
    }
}

async fn write_frames(
    stream: &mut WriteHalf<Stream>,
    header: HeaderKind,
    outgoing: &mut mpsc::Receiver<Frame>,
) -> std::io::Result<()> {
    let mut bytes = Vec::new();
    while let Some(frame) = outgoing.recv().await {
        bytes.clear();
        header.write(&frame, &mut bytes);
        while bytes.len() < WRITE_AT_ONCE
            && let Ok(frame) = outgoing.try_recv()
        {
            header.write(&frame, &mut bytes);
        }
        stream.write_all(&bytes).await?;
        stream.flush().await?;
    }
    Ok(())
}

impl std::fmt::Display for PumpEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => f.write_str("closed by the peer"),
            Self::Reset => f.write_str("connection reset by peer"),
            Self::CutShort => f.write_str("the peer closed it in the middle of a message"),
            Self::Io(error) => error.fmt(f),
            Self::TooLong(error) => error.fmt(f),
            Self::Dropped => f.write_str("closed"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::time::Duration;

    use tokio::net::UnixStream;

    use super::*;

    /// A connection whose pump reads with this budget; the other end.
    fn connection(budget: &Budget) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
        let (sender, outgoing) = mpsc::channel(1);
        let (incoming, mut frames) = mpsc::channel(1);
        let wire = Wire {
            stream: Stream::Unix(ours),
            leftover: BytesMut::new(),
            header: HeaderKind::Mini,
            limit: 256 << 20,
        };
        let budget = budget.clone();
        tokio::spawn(async move {
            let taking = async { while frames.recv().await.is_some() {} };
            tokio::join!(pump(wire, 0, outgoing, incoming, budget), taking);
            // A pump ends when its queue does.
            drop(sender);
        });
        theirs
    }

    /// Turns of the runtime after which a pump that reads would have read.
    const TURNS: u32 = 1000;

    /// Writes the header of a message of `len` bytes and then its body, until nothing more is read; how much was.
    async fn write(stream: &mut UnixStream, len: u32, most: usize) -> usize {
        let header = [&9_u16.to_le_bytes()[..], &len.to_le_bytes()].concat();
        stream.write_all(&header).await.expect("a header is read");
        let piece = vec![0; 64 << 10];
        let (mut written, mut turns) = (0, 0);
        while written < most && turns < TURNS {
            match stream.try_write(&piece[..piece.len().min(most - written)]) {
                Ok(len) => (written, turns) = (written + len, 0),
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
                    turns += 1;
                    tokio::task::yield_now().await;
                }
            }
        }
        written
    }

    #[tokio::test]
    async fn large_frames_of_several_connections_arrive_within_one_budget() {
        let budget = Budget::default();
        let mut first = connection(&budget);
        let mut second = connection(&budget);
        let mut small = connection(&budget);

        assert_eq!(write(&mut first, 200 << 20, 8 << 20).await, 8 << 20);
        let before = write(&mut second, 200 << 20, 8 << 20).await;
        assert!(before < 4 << 20, "{before} bytes were read beside 200 MiB");
        assert_eq!(write(&mut small, 512 << 10, 512 << 10).await, 512 << 10);

        drop(first);
        let piece = vec![0; 8 << 20];
        let more = second.write_all(&piece);
        let read = tokio::time::timeout(Duration::from_secs(60), more).await;
        read.expect("it is read when the first is gone")
            .expect("it is open");
    }

    /// How a pump ends whose peer says this and goes, without having read what it was sent.
    async fn end_unread(last_words: &[u8]) -> PumpEnd {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        let (sender, outgoing) = mpsc::channel(1);
        let (incoming, mut frames) = mpsc::channel(1);
        let wire = Wire {
            stream: Stream::Unix(ours),
            leftover: BytesMut::new(),
            header: HeaderKind::Mini,
            limit: 1 << 20,
        };
        tokio::spawn(pump(wire, 0, outgoing, incoming, Budget::default()));
        let sent = sender.send(Frame::new(9, vec![0; 4])).await;
        sent.expect("the pump runs");
        theirs.readable().await.expect("it was written");
        theirs.write_all(last_words).await.expect("it is open");
        drop(theirs);
        loop {
            if let Incoming::End(_, end) = frames.recv().await.expect("an end") {
                return end;
            }
        }
    }

    #[tokio::test]
    async fn a_peer_that_goes_without_reading_all_has_closed_unless_in_the_middle_of_a_message() {
        let message = [&9_u16.to_le_bytes()[..], &4_u32.to_le_bytes(), &[0; 4]].concat();
        for whole in [&[][..], &message] {
            let end = end_unread(whole).await;
            assert!(matches!(end, PumpEnd::Reset), "{end}");
        }
        let end = end_unread(&message[..8]).await;
        assert!(matches!(end, PumpEnd::Io(_)), "{end}");
    }
}
