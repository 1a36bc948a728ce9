//! A tap between a client and a server: what the server sends on display channels.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use capsaicin::channel::Message;
use capsaicin::channel::display::messages::ServerMessage;
use capsaicin::wire::{Framer, HeaderKind};

/// The number of the display channel in a link message.
const DISPLAY: u8 = 2;
/// Bytes of a link message up to and including the channel's type.
const LINK_START: usize = 21;
/// Bytes of the header of a link packet; the last four are the length of the rest.
const LINK_HEADER: usize = 16;
/// Bytes of the result that ends the linking.
const LINK_RESULT: usize = 4;

/// Passes connections on and keeps what was sent to the client on the display channels.
pub struct Tap {
    /// Where it listens: a loopback address.
    pub address: String,
    sent: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Tap {
    /// In front of the server at a loopback address. It listens until the process ends.
    pub fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it listens").to_string();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let (shared, server) = (Arc::clone(&sent), server.to_owned());
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let server = TcpStream::connect(&server).expect("the server listens");
                let shared = Arc::clone(&shared);
                thread::spawn(move || join(client, server, &shared));
            }
        });
        Self { address, sent }
    }

    /// The protocol's names for the encodings of the sources that were copied to the screen, in order.
    pub fn images(&self) -> Vec<&'static str> {
        let sent = self.sent.lock().expect("not poisoned");
        sent.iter().flat_map(|bytes| images(bytes)).collect()
    }
}

/// The encodings of what a display channel copies.
fn images(bytes: &[u8]) -> Vec<&'static str> {
    let rest = &bytes[LINK_HEADER - 4..LINK_HEADER];
    let rest = u32::from_le_bytes(rest.try_into().expect("four bytes")) as usize;
    let mut framer = Framer::new(HeaderKind::Mini, u32::MAX);
    framer.receive(&bytes[LINK_HEADER + rest + LINK_RESULT..]);
    let mut images = Vec::new();
    while let Some(frame) = framer.next_frame().expect("the server speaks SPICE") {
        if let Ok(ServerMessage::DrawCopy(copy)) = ServerMessage::decode(frame.number, &frame.body)
        {
            images.push(copy.src_bitmap.data.name());
        }
    }
    images
}

fn join(mut client: TcpStream, mut server: TcpStream, sent: &Mutex<Vec<Vec<u8>>>) {
    let copy = |stream: &TcpStream| stream.try_clone().expect("a second handle");
    let (mut to_client, mut from_server) = (copy(&client), copy(&server));
    let mut start = [0; LINK_START];
    if client.read_exact(&mut start).is_err() || server.write_all(&start).is_err() {
        return;
    }
    let to_server = thread::spawn(move || {
        // Ends with either side.
        let _ = std::io::copy(&mut client, &mut server);
        let _ = server.shutdown(Shutdown::Both);
    });
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    while let Ok(read @ 1..) = from_server.read(&mut chunk) {
        bytes.extend_from_slice(&chunk[..read]);
        if to_client.write_all(&chunk[..read]).is_err() {
            break;
        }
    }
    let _ = to_client.shutdown(Shutdown::Both);
    if start.last() == Some(&DISPLAY) {
        sent.lock().expect("not poisoned").push(bytes);
    }
    let _ = to_server.join();
}
