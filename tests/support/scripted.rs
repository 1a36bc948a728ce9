//! A server on a loopback port that links every channel a client asks for and then leaves each connection to a script,
//! on a thread of its own. It is made of the library's link and framing, and of nothing else.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use capsaicin::channel::inputs::Locks;
use capsaicin::channel::inputs::messages::{Modifiers, ServerMessage as Inputs};
use capsaicin::channel::main::messages::{ChannelsList, ServerMessage as Main};
use capsaicin::channel::{ChannelId, ChannelKind, Message};
use capsaicin::link::{Asks, Capabilities, Established, ServerKey, ServerLink};
use capsaicin::wire::{Frame, Framer};

use super::viewer::init;

/// A linked connection in the hands of a script.
pub struct Connection {
    /// Which channel it is.
    pub id: ChannelId,
    /// What was agreed.
    pub established: Established,
    stream: TcpStream,
    framer: Framer,
    serial: u64,
}

impl Connection {
    /// Sends a message; `false` when the client is gone.
    pub fn send<'m>(&mut self, message: &impl Message<'m>) -> bool {
        self.send_frame(message.to_frame())
    }

    /// Sends a frame with the next serial; `false` when the client is gone.
    pub fn send_frame(&mut self, mut frame: Frame) -> bool {
        self.serial += 1;
        frame.serial = self.serial;
        let mut bytes = Vec::with_capacity(frame.body.len() + 18);
        self.established.header.write(&frame, &mut bytes);
        self.stream.write_all(&bytes).is_ok()
    }

    /// The client's next frame; `None` when it is gone.
    pub fn receive(&mut self) -> Option<Frame> {
        let mut buffer = [0; 4096];
        loop {
            if let Some(frame) = self.framer.next_frame().expect("our client keeps limits") {
                return Some(frame);
            }
            match self.stream.read(&mut buffer) {
                Ok(0) | Err(_) => return None,
                Ok(len) => self.framer.receive(&buffer[..len]),
            }
        }
    }

    /// The same connection once more, to read on one thread and write on another.
    pub fn split(self) -> (Self, Self) {
        let other = Self {
            id: self.id,
            established: self.established.clone(),
            stream: self.stream.try_clone().expect("a socket can be cloned"),
            framer: Framer::new(self.established.header, 1 << 20),
            serial: self.serial,
        };
        (self, other)
    }
}

/// The script of a main channel that lists these channels and says no more.
pub fn greet(mut main: Connection, channels: &[ChannelId]) {
    main.send(&init());
    let channels = channels.to_vec();
    main.send(&Main::ChannelsList(ChannelsList { channels }));
    while main.receive().is_some() {}
}

/// The script of an inputs channel without locks that shows each message to `hear`, until that returns `false`.
pub fn listen(mut inputs: Connection, mut hear: impl FnMut(Frame) -> bool) {
    inputs.send(&Inputs::Init(Modifiers {
        modifiers: Locks::empty(),
    }));
    while inputs.receive().is_some_and(&mut hear) {}
}

/// Serves for as long as the program runs. `script` gets every connection that was linked; the connection closes when it
/// returns.
pub fn serve(script: impl Fn(Connection) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("it is bound");
    // Nobody is to be kept out: any numbers will do for the key.
    let mut seed = 1_u64;
    let key = ServerKey::generate(&mut |bytes| {
        for byte in bytes {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            *byte = (seed >> 56) as u8;
        }
    });
    let script = Arc::new(script);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (script, key) = (Arc::clone(&script), key.clone());
            thread::spawn(move || {
                if let Some(connection) = link(stream, key) {
                    script(connection);
                }
            });
        }
    });
    address
}

/// The server's side of a handshake that refuses nothing.
fn link(mut stream: TcpStream, key: ServerKey) -> Option<Connection> {
    stream.set_nodelay(true).ok()?;
    let mut link = ServerLink::new(key, None);
    let (mut received, mut id) = (Vec::new(), None);
    loop {
        let used = link.receive(&received, &mut |bytes| bytes.fill(7)).ok()?;
        match link.asks() {
            Some(Asks::Channel(mess)) => {
                let kind = ChannelKind::from_number(mess.channel_type);
                id = Some(ChannelId::new(kind, mess.channel_id));
                // Mini headers, and every capability of a display.
                link.accept(Capabilities {
                    common: vec![0xb],
                    channel: vec![0x1052],
                });
            }
            Some(Asks::Session(_)) => link.admit(),
            None => {}
        }
        while let Some(bytes) = link.poll_transmit() {
            stream.write_all(&bytes).ok()?;
        }
        received.drain(..used);
        if let Some(established) = link.established().cloned() {
            let mut framer = Framer::new(established.header, 1 << 20);
            framer.receive(&received);
            return Some(Connection {
                id: id?,
                established,
                stream,
                framer,
                serial: 0,
            });
        }
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer) {
            Ok(0) | Err(_) if used == 0 => return None,
            Ok(len) => received.extend_from_slice(&buffer[..len]),
            Err(_) => return None,
        }
    }
}
