//! A server that says again what a recorded server said, to any real client: traffic that is always the same.
//!
//! Each channel is linked in earnest, with a key of our own and any ticket; then the frames recorded on that channel
//! follow in their order, with the header that was agreed on. What the client says is read and ignored.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use capsaicin::channel::{ChannelId, ChannelKind};
use capsaicin::link::messages::LinkMess;
use capsaicin::link::{Asks, Capabilities, Established, LinkCode, ServerKey, ServerLink};
use capsaicin::recording::{Reader, What};
use capsaicin::session::Way;
use capsaicin::wire::{Frame, HeaderKind, parts};

/// How fast frames follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// At the times they were recorded at.
    Recorded,
    /// As fast as the client takes them.
    Fast,
}

/// How long the session goes on when everything was said: a client on a busy machine still draws for a while, and may then wait
/// until nothing has been drawn for a moment.
const LINGER: Duration = Duration::from_secs(3);

/// A server that replays one recording to one client after the other. Dropping it ends it.
pub struct ReplayServer {
    /// Where it listens: a loopback address.
    pub address: String,
    over: Arc<AtomicBool>,
}

/// What was recorded.
struct Tape {
    channels: BTreeMap<ChannelId, Track>,
    pace: Pace,
    key: ServerKey,
}

/// What the server said on one channel.
#[derive(Default)]
struct Track {
    capabilities: Capabilities,
    frames: Vec<(Duration, Frame)>,
}

/// What the channels of one session share.
struct Stage {
    began: OnceLock<Instant>,
    /// Channels that have not said everything yet.
    speaking: AtomicUsize,
    over: AtomicBool,
}

impl ReplayServer {
    /// Serves the first session of a recording on a port that the system chose.
    pub fn start(recording: &[u8], pace: Pace) -> Self {
        let tape = Arc::new(Tape::read(recording, pace));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let over = Arc::new(AtomicBool::new(false));
        let ended = over.clone();
        thread::spawn(move || {
            let mut stage = Arc::new(Stage::new());
            for stream in listener.incoming().flatten() {
                if ended.load(Ordering::Relaxed) {
                    return;
                }
                // The first channel of a session is the main one; others come only once that has said which there are.
                if stage.over.load(Ordering::Relaxed) {
                    stage = Arc::new(Stage::new());
                }
                let (tape, stage) = (tape.clone(), stage.clone());
                thread::spawn(move || serve(stream, &tape, &stage));
            }
        });
        Self { address, over }
    }
}

impl Drop for ReplayServer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Somebody has to knock for the door to be found closed.
        let _ = TcpStream::connect(&self.address);
    }
}

impl Tape {
    fn read(recording: &[u8], pace: Pace) -> Self {
        let mut reader = Reader::new(recording).expect("a capture");
        let mut channels: BTreeMap<ChannelId, Track> = BTreeMap::new();
        while let Some(record) = reader.next_record().expect("memory can be read") {
            if record.session != 0 {
                continue;
            }
            let track = channels.entry(record.channel).or_default();
            match record.what {
                What::Opened(link) => track.capabilities = link.server,
                What::Frame(Way::ToClient, frame) => track.frames.push((record.at, frame)),
                _ => {}
            }
        }
        let key = ServerKey::generate(&mut entropy());
        Self {
            channels,
            pace,
            key,
        }
    }
}

impl Stage {
    fn new() -> Self {
        Self {
            began: OnceLock::new(),
            speaking: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        }
    }
}

/// One connection from its first byte to its end. A client that leaves ends it.
fn serve(mut stream: TcpStream, tape: &Tape, stage: &Stage) {
    let _ = stream.set_nodelay(true);
    let Ok((channel, link)) = handshake(&mut stream, tape) else {
        return;
    };
    let is_main = channel == ChannelId::MAIN;
    stage.speaking.fetch_add(1, Ordering::SeqCst);
    let listener = stream
        .try_clone()
        .map(|stream| thread::spawn(move || listen(stream)));
    let said = say(
        &mut stream,
        &tape.channels[&channel],
        &link,
        tape.pace,
        stage,
    );
    stage.speaking.fetch_sub(1, Ordering::SeqCst);
    let mut quiet_since = Instant::now();
    while said.is_ok() && !stage.over.load(Ordering::SeqCst) {
        if stage.speaking.load(Ordering::SeqCst) > 0 {
            quiet_since = Instant::now();
        }
        if is_main && quiet_since.elapsed() > LINGER {
            break;
        }
        if listener.as_ref().is_ok_and(|l| l.is_finished()) {
            break;
        }
        thread::sleep(Duration::from_millis(5));
    }
    if is_main {
        stage.over.store(true, Ordering::SeqCst);
    }
    let _ = stream.shutdown(Shutdown::Both);
}

fn handshake(stream: &mut TcpStream, tape: &Tape) -> io::Result<(ChannelId, Established)> {
    let mut link = ServerLink::new(tape.key.clone(), None);
    let mut asked = None;
    let mut byte = [0];
    loop {
        match link.asks() {
            Some(Asks::Channel(mess)) => {
                let channel = channel_of(mess);
                match tape.channels.get(&channel) {
                    Some(track) => link.accept(track.capabilities.clone()),
                    None => link.refuse(LinkCode::ChannelNotAvailable),
                }
                asked = Some(channel);
            }
            Some(Asks::Session(_)) => link.admit(),
            None => {}
        }
        if let Some(bytes) = link.poll_transmit() {
            stream.write_all(&bytes)?;
        }
        if let (Some(established), Some(channel)) = (link.established(), asked) {
            return Ok((channel, established.clone()));
        }
        if link.asks().is_none() {
            stream.read_exact(&mut byte)?;
            link.receive(&byte, &mut entropy())
                .map_err(io::Error::other)?;
        }
    }
}

fn channel_of(mess: &LinkMess) -> ChannelId {
    ChannelId::new(ChannelKind::from_number(mess.channel_type), mess.channel_id)
}

/// Says what was recorded.
fn say(
    stream: &mut TcpStream,
    track: &Track,
    link: &Established,
    pace: Pace,
    stage: &Stage,
) -> io::Result<()> {
    let began = *stage.began.get_or_init(Instant::now);
    let mut bytes = Vec::new();
    for (at, frame) in &track.frames {
        if pace == Pace::Recorded {
            thread::sleep((began + *at).saturating_duration_since(Instant::now()));
        }
        bytes.clear();
        match link.header {
            // A short header cannot say that there are messages inside.
            HeaderKind::Mini if frame.sub_list != 0 => {
                for part in parts(frame.clone()).0 {
                    link.header
                        .write(&Frame::new(part.number, part.body), &mut bytes);
                }
            }
            header => header.write(frame, &mut bytes),
        }
        stream.write_all(&bytes)?;
    }
    Ok(())
}

/// Reads what the client says until it leaves.
fn listen(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).is_ok_and(|len| len > 0) {}
}

/// Bytes for keys that protect nothing.
fn entropy() -> impl FnMut(&mut [u8]) {
    let mut state = 0x5eed_u64;
    move |bytes| {
        for byte in bytes {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            *byte = (state >> 56) as u8;
        }
    }
}
