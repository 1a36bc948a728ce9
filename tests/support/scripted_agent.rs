//! A guest agent in the hands of a script, at the device of our own server. What it writes and reads is laid out by hand: chunks of
//! u32 port and u32 size, in them messages of u32 protocol 1, u32 type, u64 0, u32 size.

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// The guest's end of the port.
pub struct Agent {
    device: DuplexStream,
    stream: Vec<u8>,
}

impl Agent {
    /// An agent, and the other end of its port for the server.
    pub fn new() -> (Self, DuplexStream) {
        let (device, host) = tokio::io::duplex(64 << 10);
        let stream = Vec::new();
        (Self { device, stream }, host)
    }

    /// Says something to the client, in chunks of 2048 bytes.
    pub async fn says(&mut self, kind: u32, payload: &[u8]) {
        let mut message = header(kind, payload.len());
        message.extend(payload);
        for part in message.chunks(2048) {
            let mut chunk = words(&[1, part.len() as u32]);
            chunk.extend(part);
            self.raw(&chunk).await;
        }
    }

    /// Writes bytes as they are.
    pub async fn raw(&mut self, bytes: &[u8]) {
        self.device
            .write_all(bytes)
            .await
            .expect("the server reads");
    }

    /// ANNOUNCE_CAPABILITIES that asks for none.
    pub async fn announces(&mut self, abilities: u32) {
        self.says(6, &words(&[0, abilities])).await;
    }

    /// The next message: its port, type and payload; `None` when the port is closed.
    pub async fn hears(&mut self) -> Option<(u32, u32, Vec<u8>)> {
        loop {
            let mut head = [0; 8];
            self.device.read_exact(&mut head).await.ok()?;
            let (port, size) = (word(&head, 0), word(&head, 4));
            assert!((1..=2048).contains(&size), "a chunk of {size} bytes");
            let mut part = vec![0; size as usize];
            self.device.read_exact(&mut part).await.ok()?;
            self.stream.extend(part);
            let wanted = 20 + word(&self.stream, 16) as usize;
            if self.stream.len() == wanted {
                let message = std::mem::take(&mut self.stream);
                assert_eq!(word(&message, 0), 1, "protocol");
                return Some((port, word(&message, 4), message[20..].to_vec()));
            }
        }
    }

    /// The next message of this type from the client; others are passed over.
    pub async fn waits_for(&mut self, kind: u32) -> Vec<u8> {
        loop {
            let (_, heard, payload) = self.hears().await.expect("the port is open");
            if heard == kind {
                return payload;
            }
        }
    }
}

/// A message's header.
pub fn header(kind: u32, len: usize) -> Vec<u8> {
    words(&[1, kind, 0, 0, len as u32])
}

/// Numbers, little-endian.
pub fn words(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|n| n.to_le_bytes()).collect()
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}
