//! A relay between a client and a server on loopback that makes the link between them slow or bad, and can change that while
//! connections pass through it.

#![allow(dead_code)]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes taken at a time: what a link carries in one packet.
const PACKET: usize = 1400;
/// Packets that may be on their way in each direction: a modest queue, as routers have.
const QUEUE: usize = 128;

/// How a link is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Link {
    /// How long each way takes.
    pub delay: Duration,
    /// Bytes a second each way; `None` for as many as come.
    pub rate: Option<u32>,
    /// Nothing moves, and nothing is lost.
    pub stalls: bool,
    /// What is sent is swallowed: the other end is gone, and nobody says so.
    pub swallows: bool,
    /// New connections are closed at once.
    pub refuses: bool,
}

impl Link {
    /// This many milliseconds each way.
    pub fn delayed(ms: u64) -> Self {
        Self {
            delay: Duration::from_millis(ms),
            ..Self::default()
        }
    }

    /// With so many bits a second.
    pub fn megabits(self, megabits: u32) -> Self {
        Self {
            rate: Some(megabits * 125_000),
            ..self
        }
    }
}

/// A relay. Dropping it cuts what passes through it.
pub struct Relay {
    /// Where it listens.
    pub address: SocketAddr,
    state: Arc<State>,
}

struct State {
    link: Mutex<Link>,
    changed: Condvar,
    open: Mutex<Vec<TcpStream>>,
    server: Mutex<SocketAddr>,
}

impl Relay {
    /// In front of a server on loopback.
    pub fn start(server: SocketAddr, link: Link) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback can be listened at");
        let address = listener.local_addr().expect("it has an address");
        let state = Arc::new(State {
            link: Mutex::new(link),
            changed: Condvar::new(),
            open: Mutex::default(),
            server: Mutex::new(server),
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                if shared.link().refuses {
                    continue;
                }
                let server = *shared.server.lock().expect("nobody panics with it");
                if let Ok(server) = TcpStream::connect(server) {
                    shared.join(client, server);
                }
            }
        });
        Self { address, state }
    }

    /// The link is another one from now on.
    pub fn becomes(&self, link: Link) {
        *self.state.link() = link;
        self.state.changed.notify_all();
    }

    /// The server is elsewhere for connections from now on.
    pub fn leads_to(&self, server: SocketAddr) {
        *self.state.server.lock().expect("nobody panics with it") = server;
    }

    /// Cuts every connection that passes.
    pub fn cut(&self) {
        let mut open = self.state.open.lock().expect("nobody panics with it");
        for stream in open.drain(..) {
            // It may be gone already.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.becomes(Link {
            refuses: true,
            ..Link::default()
        });
        self.cut();
    }
}

impl State {
    fn link(&self) -> MutexGuard<'_, Link> {
        self.link.lock().expect("nobody panics with it")
    }

    fn join(self: &Arc<Self>, client: TcpStream, server: TcpStream) {
        let clone = |stream: &TcpStream| stream.try_clone().expect("a socket once more");
        {
            let mut open = self.open.lock().expect("nobody panics with it");
            open.extend([clone(&client), clone(&server)]);
        }
        for (from, to) in [(&client, &server), (&server, &client)] {
            // What is delayed here is not to be delayed by the system as well.
            let _ = to.set_nodelay(true);
            let (packets, queue) = sync_channel(QUEUE);
            let (from, to) = (clone(from), clone(to));
            let (reader, writer) = (Arc::clone(self), Arc::clone(self));
            thread::spawn(move || reader.read(from, &packets));
            thread::spawn(move || writer.write(to, &queue));
        }
    }

    fn read(&self, mut from: TcpStream, packets: &SyncSender<(Instant, Vec<u8>)>) {
        let mut packet = [0; PACKET];
        while let Ok(len @ 1..) = from.read(&mut packet) {
            let due = Instant::now() + self.link().delay;
            if packets.send((due, packet[..len].to_vec())).is_err() {
                return;
            }
        }
    }

    fn write(&self, mut to: TcpStream, queue: &Receiver<(Instant, Vec<u8>)>) {
        for (due, packet) in queue {
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let link = self.link();
            let waiting = self.changed.wait_while(link, |link| link.stalls);
            let link = *waiting.expect("nobody panics with it");
            if link.swallows {
                continue;
            }
            if let Some(rate) = link.rate {
                thread::sleep(Duration::from_secs_f64(
                    packet.len() as f64 / f64::from(rate),
                ));
            }
            if to.write_all(&packet).is_err() {
                return;
            }
        }
        // An end travels like everything else; of what is swallowed nobody hears.
        if !self.link().swallows {
            let _ = to.shutdown(Shutdown::Write);
        }
    }
}
