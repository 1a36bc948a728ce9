//! The guest agent of a server: the stream its device is, and the viewer it talks with.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tracing::{debug, warn};

use crate::channel::main::agent::{Device, Piece, client_chunk, client_disconnected};

/// Chunks that wait for the device. A viewer has credit for ten; those of one that went may still be there.
const CHUNKS: usize = 32;

/// What waits for the viewer. When full the device is not read.
const SAID: usize = 8;

/// Bytes read from the device at a time.
const READ_AT_ONCE: usize = 16 << 10;

/// Where the agent's device is attached.
#[derive(Debug)]
pub(super) struct Port {
    device: Mutex<Option<mpsc::Sender<Chunk>>>,
    say: mpsc::Sender<Said>,
    said: tokio::sync::Mutex<mpsc::Receiver<Said>>,
    /// Whether there is a viewer. Without one nobody hears what the agent says.
    heard: AtomicBool,
}

/// What happens at the device.
#[derive(Debug)]
pub(super) enum Said {
    /// An agent is there.
    Attached,
    /// It says something.
    Pieces(Vec<Piece>),
    /// It has taken a chunk.
    Taken,
    /// It went.
    Detached,
}

/// Bytes for the device.
#[derive(Debug)]
struct Chunk {
    bytes: Vec<u8>,
    /// Whether they come from the viewer, which gets its credit back for them.
    of_viewer: bool,
}

impl Default for Port {
    fn default() -> Self {
        let (say, said) = mpsc::channel(SAID);
        Self {
            device: Mutex::default(),
            say,
            said: tokio::sync::Mutex::new(said),
            heard: AtomicBool::new(false),
        }
    }
}

impl Port {
    /// A viewer is there; whether there is an agent. What was said before it came is not for it.
    pub async fn open(&self) -> bool {
        let mut said = self.said.lock().await;
        while said.try_recv().is_ok() {}
        self.heard.store(true, Ordering::Release);
        self.device().is_some()
    }

    /// The viewer went; the agent is told if the two have talked.
    pub async fn close(&self, talked: bool) {
        self.heard.store(false, Ordering::Release);
        if talked {
            self.push(client_disconnected(), false);
        }
        // A device that waits to be heard goes on.
        let mut said = self.said.lock().await;
        while said.try_recv().is_ok() {}
    }

    /// What next happens. Cancel safe: nothing is taken unless it is returned.
    pub async fn next(&self) -> Said {
        match self.said.lock().await.recv().await {
            Some(said) => said,
            // It does not happen: a sender is held beside it.
            None => std::future::pending().await,
        }
    }

    /// The viewer says something to the agent.
    pub fn send(&self, data: &Bytes) {
        self.push(client_chunk(data), true);
    }

    fn push(&self, bytes: Vec<u8>, of_viewer: bool) {
        let chunk = Chunk { bytes, of_viewer };
        // Full it can be only while the device takes nothing and viewers come and go.
        if let Some(device) = &*self.device()
            && device.try_send(chunk).is_err()
        {
            warn!("the agent's device takes nothing; what a viewer said is dropped");
        }
    }

    /// Serves the device until it ends, or turns out to be no agent's.
    pub async fn serve(&self, stream: impl AsyncRead + AsyncWrite) {
        let (sender, chunks) = mpsc::channel(CHUNKS);
        *self.device() = Some(sender);
        self.tell(Said::Attached).await;
        let (read, write) = tokio::io::split(stream);
        tokio::select! {
            () = self.read(read) => {}
            () = self.write(write, chunks) => {}
        }
        self.leave().await;
    }

    /// There is no agent any more.
    pub async fn leave(&self) {
        if self.device().take().is_some() {
            self.tell(Said::Detached).await;
        }
    }

    async fn read(&self, mut stream: impl AsyncRead + Unpin) {
        let mut device = Device::default();
        let mut buffer = vec![0; READ_AT_ONCE];
        while let Ok(len @ 1..) = stream.read(&mut buffer).await {
            let mut said = Vec::new();
            let bytes = buffer.get(..len).unwrap_or_default();
            if let Err(fault) = device.receive(bytes, &mut said) {
                warn!(%fault, "the agent is disconnected");
                return;
            }
            if !said.is_empty() {
                self.tell(Said::Pieces(said)).await;
            }
        }
        debug!("the agent's device is at its end");
    }

    async fn write(&self, mut stream: impl AsyncWrite + Unpin, mut chunks: mpsc::Receiver<Chunk>) {
        while let Some(chunk) = chunks.recv().await {
            let written = async {
                stream.write_all(&chunk.bytes).await?;
                stream.flush().await
            };
            if written.await.is_err() {
                return;
            }
            if chunk.of_viewer {
                self.tell(Said::Taken).await;
            }
        }
    }

    /// Tells the viewer, if there is one.
    async fn tell(&self, said: Said) {
        if self.heard.load(Ordering::Acquire) {
            let _ = self.say.send(said).await;
        }
    }

    fn device(&self) -> MutexGuard<'_, Option<mpsc::Sender<Chunk>>> {
        self.device.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
