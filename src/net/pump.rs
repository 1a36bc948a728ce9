//! One task per SPICE connection: bytes in, frames out, and the other way.

use std::pin::pin;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use super::Stream;
use crate::wire::{Frame, FrameError, Framer, HeaderKind};

/// Bytes asked for with each read.
const READ_AT_ONCE: usize = 64 << 10;

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
/// `budget` has a permit for each KiB of frames that may wait for the driver, over all its connections: when it or
/// `incoming` is full the pump stops reading, TCP pushes back, and the peer merges. Frames from `outgoing` are written
/// in order; when that queue is dropped the rest is written and the connection closed.
pub async fn pump<K: Copy + Send>(
    wire: Wire,
    key: K,
    mut outgoing: mpsc::Receiver<Frame>,
    incoming: mpsc::Sender<Incoming<K>>,
    budget: Arc<Semaphore>,
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
    budget: &Arc<Semaphore>,
) -> PumpEnd {
    loop {
        loop {
            let frame = match framer.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => return PumpEnd::TooLong(error),
            };
            let kib = (frame.body.len() >> 10) as u32 + 1;
            // A frame larger than the whole budget passes alone.
            let Ok(permit) = Arc::clone(budget)
                .acquire_many_owned(kib.min(MAX_PERMITS))
                .await
            else {
                return PumpEnd::Dropped;
            };
            if incoming
                .send(Incoming::Frame(key, frame, permit))
                .await
                .is_err()
            {
                return PumpEnd::Dropped;
            }
        }
        framer.buffer().reserve(READ_AT_ONCE);
        match stream.read_buf(framer.buffer()).await {
            Ok(0) if framer.buffer().is_empty() => return PumpEnd::Closed,
            Ok(0) => return PumpEnd::CutShort,
            Ok(_) => {}
            Err(error) => return PumpEnd::Io(error),
        }
    }
}

/// Permits of a whole byte budget: 64 MiB.
pub(crate) const MAX_PERMITS: u32 = 64 << 10;

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
    }
    Ok(())
}

impl std::fmt::Display for PumpEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Closed => f.write_str("closed by the peer"),
            Self::CutShort => f.write_str("the peer closed it in the middle of a message"),
            Self::Io(error) => error.fmt(f),
            Self::TooLong(error) => error.fmt(f),
            Self::Dropped => f.write_str("closed"),
        }
    }
}
