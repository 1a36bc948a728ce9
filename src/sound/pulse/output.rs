//! Playing: a thread that hands samples to the server as they come. The server's buffer is the one that evens out the
//! network; how full it is says how late the sound is heard.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{self, ChannelVolume, Command, PlaybackStreamParams};

use super::connection::{Connection, Said, Trouble, map, props, spec};
use crate::channel::audio::Format;
use crate::sound::Heard;
use crate::sound::pace::Pace;

/// Packets that may wait for the thread: more than half a second. When full the newest is dropped; the server hangs then.
const QUEUE: usize = 64;

/// How long to leave a server alone that was not there.
const RETRY: Duration = Duration::from_secs(1);

/// Packets between two questions how late the sound is.
const MEASURE_EVERY: u32 = 50;

/// What the server may buffer beyond what is wanted before it throws sound away.
const OVERFLOW: Duration = Duration::from_secs(1);

/// How long the thread stays when a stream has ended, in case another begins at once.
const LINGER: Duration = Duration::from_millis(500);

/// Plays samples on a PulseAudio server that may come and go.
pub struct Output {
    socket: PathBuf,
    report: Box<dyn Fn() -> Report + Send>,
    worker: Option<SyncSender<Message>>,
    lag: Duration,
}

/// Takes what a worker has to tell.
pub type Report = Box<dyn Fn(Heard) + Send>;

enum Message {
    Play {
        format: Format,
        /// How late it is to be heard at least.
        lag: Duration,
        samples: Vec<i16>,
    },
    /// The stream is over; what was given is to be heard to its end.
    Finish,
}

impl Output {
    /// Plays to the server that listens at `socket`. Each worker tells what becomes of the sound by what `report` yields, on a
    /// thread of its own. Nothing happens before there is sound.
    pub fn new(socket: PathBuf, report: impl Fn() -> Report + Send + 'static) -> Self {
        Self {
            socket,
            report: Box::new(report),
            worker: None,
            lag: Duration::ZERO,
        }
    }

    /// Sound is to be heard this much later than it is given, at least.
    pub fn set_lag(&mut self, lag: Duration) {
        self.lag = lag;
    }

    /// Plays samples. Never waits: where the server does not take them they are dropped.
    pub fn play(&mut self, format: Format, samples: Vec<i16>) {
        let lag = self.lag;
        self.send(Message::Play {
            format,
            lag,
            samples,
        });
    }

    /// The stream is over. What was given is heard to its end.
    pub fn finish(&mut self) {
        if self.worker.is_some() {
            self.send(Message::Finish);
        }
    }

    fn send(&mut self, message: Message) {
        let message = match &self.worker {
            Some(worker) => match worker.try_send(message) {
                Ok(()) | Err(TrySendError::Full(_)) => return,
                Err(TrySendError::Disconnected(message)) => message,
            },
            None => message,
        };
        self.worker = None;
        if matches!(message, Message::Finish) {
            return;
        }
        let (sender, receiver) = sync_channel(QUEUE);
        let worker = Worker::new(self.socket.clone(), (self.report)());
        // An empty queue has room. Without a thread there is no sound, and the next packet tries again.
        let _ = sender.try_send(message);
        if thread::Builder::new()
            .name("sound".into())
            .spawn(move || worker.run(&receiver))
            .is_ok()
        {
            self.worker = Some(sender);
        }
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output")
            .field("socket", &self.socket)
            .field("playing", &self.worker.is_some())
            .finish_non_exhaustive()
    }
}

struct Worker {
    socket: PathBuf,
    report: Report,
    stream: Option<Stream>,
    /// When to look for a server again.
    retry: Option<Instant>,
    /// Whether the user knows that nothing is heard.
    told: bool,
}

/// A stream on a server.
struct Stream {
    connection: Connection,
    id: u32,
    format: Format,
    pace: Pace,
    packets: u32,
    /// The number of the question how late the sound is.
    asked: Option<u32>,
}

impl Worker {
    fn new(socket: PathBuf, report: Report) -> Self {
        Self {
            socket,
            report,
            stream: None,
            retry: None,
            told: false,
        }
    }

    fn run(mut self, messages: &Receiver<Message>) {
        let mut idle = false;
        loop {
            let next = match idle {
                true => messages.recv_timeout(LINGER),
                false => messages.recv().map_err(RecvTimeoutError::from),
            };
            match next {
                Ok(Message::Play {
                    format,
                    lag,
                    samples,
                }) => {
                    idle = false;
                    self.play(format, lag, &samples);
                }
                Ok(Message::Finish) => {
                    idle = true;
                    self.finish();
                }
                // Whoever gave the sound is gone, or there is none.
                Err(_) => return,
            }
        }
    }

    fn play(&mut self, format: Format, lag: Duration, samples: &[i16]) {
        if self.stream.as_ref().is_some_and(|s| s.format != format) {
            self.finish();
        }
        if self.stream.is_none() {
            if self.retry.is_some_and(|at| Instant::now() < at) {
                return;
            }
            match Stream::open(&self.socket, format, lag) {
                Ok(stream) => self.stream = Some(stream),
                Err(trouble) => return self.lost(&trouble),
            }
        }
        let Some(stream) = &mut self.stream else {
            return;
        };
        match stream.play(samples) {
            Ok(Some(delay)) => {
                self.told = false;
                (self.report)(Heard::After(delay));
            }
            Ok(None) => {}
            Err(trouble) => self.lost(&trouble),
        }
    }

    /// The server is gone, or never was there: it is looked for again when there is more sound.
    fn lost(&mut self, trouble: &Trouble) {
        self.stream = None;
        self.retry = Some(Instant::now() + RETRY);
        if !std::mem::replace(&mut self.told, true) {
            (self.report)(Heard::Not(trouble.to_string()));
        }
    }

    fn finish(&mut self) {
        if let Some(stream) = self.stream.take() {
            // A server that goes while it plays the end has no one to tell.
            let _ = stream.finish();
        }
    }
}

impl Stream {
    fn open(socket: &std::path::Path, format: Format, lag: Duration) -> Result<Self, Trouble> {
        let pace = Pace::new(format, lag);
        let mut connection = Connection::open(socket)?;
        let wanted = bytes_in(pace.wanted(), format);
        let reply: protocol::CreatePlaybackStreamReply =
            connection.ask(&Command::CreatePlaybackStream(PlaybackStreamParams {
                sample_spec: spec(format),
                channel_map: map(format),
                sink_name: Some(protocol::DEFAULT_SINK.to_owned()),
                buffer_attr: BufferAttr {
                    max_length: wanted + bytes_in(OVERFLOW, format),
                    target_length: wanted,
                    pre_buffering: wanted,
                    minimum_request_length: wanted / 4,
                    fragment_size: u32::MAX,
                },
                cvolume: Some(ChannelVolume::norm(format.channels)),
                props: props("guest"),
                flags: StreamFlags {
                    adjust_latency: true,
                    ..StreamFlags::default()
                },
                ..PlaybackStreamParams::default()
            }))?;
        Ok(Self {
            connection,
            id: reply.channel,
            format,
            pace,
            packets: 0,
            asked: None,
        })
    }

    /// Hands samples over; how late they are heard, if that is known anew.
    fn play(&mut self, samples: &[i16]) -> Result<Option<Duration>, Trouble> {
        let samples = self.pace.admit(samples);
        let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
        if !bytes.is_empty() {
            self.connection.write(self.id, &bytes)?;
        }
        // Early, and then now and then.
        if self.asked.is_none() && (self.packets == 5 || self.packets.is_multiple_of(MEASURE_EVERY))
        {
            self.asked = Some(self.connection.ask_delay(self.id)?);
        }
        self.packets = self.packets.wrapping_add(1);
        let mut delay = None;
        while let Some(said) = self.connection.poll()? {
            match said {
                Said::Reply(number, body) if Some(number) == self.asked => {
                    self.asked = None;
                    let measured = self.connection.read_delay(&body, self.format)?;
                    self.pace.measured(measured);
                    delay = Some(measured);
                }
                Said::Killed => return Err(Trouble::Refused("it ended the stream".into())),
                Said::Reply(..) | Said::Samples(_) | Said::Nothing => {}
            }
        }
        Ok(delay)
    }

    /// Lets the server play what it has, however little, and waits for that.
    fn finish(mut self) -> Result<(), Trouble> {
        let drain = Command::DrainPlaybackStream(self.id);
        let number = self.connection.send(&drain)?;
        loop {
            match self.connection.next()? {
                Said::Reply(answered, _) if answered == number => return Ok(()),
                Said::Killed => return Ok(()),
                _ => {}
            }
        }
    }
}

/// Bytes of samples in this time, whole frames.
fn bytes_in(time: Duration, format: Format) -> u32 {
    let frames = time.as_millis() as u64 * u64::from(format.rate) / 1000;
    // Some seconds at most, of 3 MB each.
    (frames * format.frame_bytes() as u64).min(1 << 24) as u32
}
