//! A relay in front of a server that breaks in the middle of a picture.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use tempfile::TempDir;

/// The number of the display channel in a link message.
const DISPLAY: u8 = 2;
/// Bytes of a link message up to and including the channel's type.
const LINK_START: usize = 21;

/// Passes connections on until a display channel has carried so many bytes to the client; then every connection ends,
/// and no other is taken.
pub struct Relay {
    /// Where it listens: the path of a unix socket.
    pub address: String,
    wires: Arc<Wires>,
    _dir: TempDir,
}

#[derive(Default)]
struct Wires {
    cut: AtomicBool,
    open: Mutex<Vec<UnixStream>>,
}

impl Relay {
    /// In front of the server whose unix socket is `server`; breaks after `display_bytes`.
    pub fn start(server: &Path, display_bytes: usize) -> Self {
        let dir = TempDir::new().expect("a scratch folder");
        let socket = dir.path().join("relay.sock");
        let listener = UnixListener::bind(&socket).expect("a unix socket");
        let wires = Arc::new(Wires::default());
        let server = server.to_owned();
        let shared = Arc::clone(&wires);
        thread::spawn(move || {
            for client in listener.incoming() {
                if shared.is_cut() {
                    return;
                }
                let client = client.expect("a connection");
                let server = UnixStream::connect(&server).expect("the server listens");
                shared.join(client, server, display_bytes);
            }
        });
        Self {
            address: socket.display().to_string(),
            wires,
            _dir: dir,
        }
    }

    /// Whether it broke.
    pub fn is_cut(&self) -> bool {
        self.wires.is_cut()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.wires.cut();
        // Wakes the listener, which then sees that it is over.
        let _ = UnixStream::connect(&self.address);
    }
}

impl Wires {
    fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }

    fn cut(&self) {
        let open = self.open.lock().expect("no thread panics with the list");
        self.cut.store(true, Ordering::SeqCst);
        for stream in open.iter() {
            // Fails when the other side was first.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    fn join(self: &Arc<Self>, client: UnixStream, server: UnixStream, display_bytes: usize) {
        let copy = |stream: &UnixStream| stream.try_clone().expect("a second handle");
        self.open
            .lock()
            .expect("no thread panics with the list")
            .extend([copy(&client), copy(&server)]);
        let (mut from_client, mut to_client) = (copy(&client), client);
        let (mut from_server, mut to_server) = (copy(&server), server);

        let kind = Arc::new(Mutex::new(None));
        let seen = Arc::clone(&kind);
        thread::spawn(move || {
            let mut start = [0; LINK_START];
            if from_client.read_exact(&mut start).is_ok() && to_server.write_all(&start).is_ok() {
                *seen.lock().expect("not poisoned") = start.last().copied();
                // Ends with either side.
                let _ = std::io::copy(&mut from_client, &mut to_server);
            }
            let _ = to_server.shutdown(Shutdown::Both);
        });
        let wires = Arc::clone(self);
        thread::spawn(move || {
            let mut left = display_bytes;
            let mut chunk = [0; 4096];
            while let Ok(read @ 1..) = from_server.read(&mut chunk) {
                let display = *kind.lock().expect("not poisoned") == Some(DISPLAY);
                let part = if display { read.min(left) } else { read };
                if to_client.write_all(&chunk[..part]).is_err() {
                    break;
                }
                if display {
                    left -= part;
                    if left == 0 {
                        wires.cut();
                    }
                }
            }
            let _ = to_client.shutdown(Shutdown::Both);
        });
    }
}
