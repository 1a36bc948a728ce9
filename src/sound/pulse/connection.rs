//! One connection to a PulseAudio server: commands and samples out, answers in.

use std::ffi::CString;
use std::fmt;
use std::io::{self, Read};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, SystemTime};

use pulseaudio::protocol::{
    self, ChannelMap, ChannelPosition, Command, CommandReply, LatencyParams, PlaybackLatency,
    SampleFormat, SampleSpec, TagStructReader,
};

use crate::channel::audio::Format;

/// How long the server may take to answer, or to take samples.
const PATIENCE: Duration = Duration::from_secs(2);

/// Longest message taken from a server.
const LONGEST: usize = 1 << 20;

/// Bytes of the secret that servers and their users share.
const COOKIE: usize = 256;

/// What a server calls messages that are not about a stream's samples.
const CONTROL: u32 = u32::MAX;

/// Why there is no sound.
#[derive(Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// No server listens, or it is gone.
    Gone(io::Error),
    /// It does not do what it is asked.
    Refused(String),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gone(error) => write!(f, "the sound server is not there: {error}"),
            Self::Refused(text) => write!(f, "the sound server refuses: {text}"),
        }
    }
}

impl std::error::Error for Trouble {}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Gone(error)
    }
}

/// A server that has let us in.
pub(super) struct Connection {
    socket: UnixStream,
    version: u16,
    sequence: u32,
    /// What has arrived and is not a whole message yet.
    arrived: Vec<u8>,
    /// Whether reads wait.
    waits: bool,
}

/// Something a server said.
pub(super) enum Said {
    /// The answer to the command of this number, still in bytes.
    Reply(u32, Vec<u8>),
    /// Samples of a stream that is recorded.
    Samples(Vec<u8>),
    /// Our stream is no more.
    Killed,
    /// Nothing that matters here.
    Nothing,
}

impl Connection {
    /// Connects and introduces itself.
    pub fn open(socket: &Path) -> Result<Self, Trouble> {
        let socket = UnixStream::connect(socket)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        socket.set_write_timeout(Some(PATIENCE))?;
        let mut connection = Self {
            socket,
            version: protocol::MAX_VERSION,
            sequence: 0,
            arrived: Vec::new(),
            waits: true,
        };
        let cookie = pulseaudio::cookie_path_from_env().and_then(|path| std::fs::read(path).ok());
        // Servers that let everybody in want a cookie too, of just this length.
        let cookie = cookie.filter(|cookie| cookie.len() == COOKIE);
        let auth = protocol::AuthParams {
            version: protocol::MAX_VERSION,
            supports_shm: false,
            supports_memfd: false,
            cookie: cookie.unwrap_or_else(|| vec![0; COOKIE]),
        };
        let reply: protocol::AuthReply = connection.ask(&Command::Auth(auth))?;
        connection.version = reply.version.min(protocol::MAX_VERSION);
        if connection.version < protocol::MIN_VERSION {
            return Err(Trouble::Refused("it is too old".into()));
        }
        let mut props = protocol::Props::new();
        props.set(protocol::Prop::ApplicationName, c"capsaicin");
        let _: protocol::SetClientNameReply = connection.ask(&Command::SetClientName(props))?;
        Ok(connection)
    }

    /// The same socket once more, to cut the connection from another thread.
    pub fn scissors(&self) -> Result<Scissors, Trouble> {
        Ok(Scissors(self.socket.try_clone()?))
    }

    /// Sends a command; its number, by which its answer is known.
    pub fn send(&mut self, command: &Command) -> Result<u32, Trouble> {
        self.sequence = self.sequence.wrapping_add(1);
        let (number, version) = (self.sequence, self.version);
        self.blocking(true)?;
        protocol::write_command_message(&mut self.socket, number, command, version)
            .map_err(refused)?;
        Ok(number)
    }

    /// Sends a command and waits for its answer. What else the server says meanwhile is passed over.
    pub fn ask<R: CommandReply + protocol::TagStructRead>(
        &mut self,
        command: &Command,
    ) -> Result<R, Trouble> {
        let number = self.send(command)?;
        loop {
            if let Said::Reply(answered, body) = self.next()?
                && answered == number
            {
                return self.read(&body);
            }
        }
    }

    /// Asks where a playback stream stands; the number of the answer.
    pub fn ask_delay(&mut self, stream: u32) -> Result<u32, Trouble> {
        self.send(&Command::GetPlaybackLatency(LatencyParams {
            channel: stream,
            now: SystemTime::now(),
        }))
    }

    /// Reads that answer: how long after this moment what was written last is heard.
    pub fn read_delay(&self, body: &[u8], format: Format) -> Result<Duration, Trouble> {
        let at: PlaybackLatency = self.read(body)?;
        let buffered = at.write_offset.saturating_sub(at.read_offset).max(0) as u64;
        let a_second = u64::from(format.rate) * format.frame_bytes() as u64;
        let micros = buffered.min(1 << 40) * 1_000_000 / a_second.max(1);
        Ok(Duration::from_micros(micros + at.sink_usec.min(1 << 40)))
    }

    /// Reads the body of an answer.
    pub fn read<R: protocol::TagStructRead>(&self, mut body: &[u8]) -> Result<R, Trouble> {
        TagStructReader::new(&mut body, self.version)
            .read()
            .map_err(refused)
    }

    /// Writes samples to a stream.
    pub fn write(&mut self, stream: u32, samples: &[u8]) -> Result<(), Trouble> {
        self.blocking(true)?;
        protocol::write_memblock(&mut self.socket, stream, samples, 0).map_err(refused)?;
        Ok(())
    }

    /// The next thing the server says; waits for it.
    pub fn next(&mut self) -> Result<Said, Trouble> {
        self.blocking(true)?;
        loop {
            if let Some(said) = self.take()? {
                return Ok(said);
            }
            self.fill()?;
        }
    }

    /// Waits as long as it takes, from now on.
    pub fn wait_for_ever(&mut self) -> Result<(), Trouble> {
        Ok(self.socket.set_read_timeout(None)?)
    }

    /// What the server has said already; `None` when that is all.
    pub fn poll(&mut self) -> Result<Option<Said>, Trouble> {
        if let Some(said) = self.take()? {
            return Ok(Some(said));
        }
        self.blocking(false)?;
        match self.fill() {
            Ok(()) => self.take(),
            Err(Trouble::Gone(error)) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(trouble) => Err(trouble),
        }
    }

    fn blocking(&mut self, waits: bool) -> io::Result<()> {
        if std::mem::replace(&mut self.waits, waits) != waits {
            self.socket.set_nonblocking(!waits)?;
        }
        Ok(())
    }

    fn fill(&mut self) -> Result<(), Trouble> {
        let mut buffer = [0; 8192];
        match self.socket.read(&mut buffer)? {
            0 => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            len => {
                self.arrived.extend_from_slice(&buffer[..len]);
                Ok(())
            }
        }
    }

    /// The first whole message of what has arrived.
    fn take(&mut self) -> Result<Option<Said>, Trouble> {
        let Some((mut head, _)) = self.arrived.split_at_checked(protocol::DESCRIPTOR_SIZE) else {
            return Ok(None);
        };
        let head = protocol::read_descriptor(&mut head).map_err(refused)?;
        let len = head.length as usize;
        if len > LONGEST {
            return Err(Trouble::Refused("it says too much at once".into()));
        }
        let end = protocol::DESCRIPTOR_SIZE + len;
        if self.arrived.len() < end {
            return Ok(None);
        }
        let message: Vec<u8> = self.arrived.drain(..end).collect();
        let body = &message[protocol::DESCRIPTOR_SIZE..];
        if head.channel != CONTROL {
            return Ok(Some(Said::Samples(body.to_vec())));
        }
        let mut rest = body;
        Ok(Some(
            match Command::read_tag_prefixed(&mut rest, self.version) {
                Ok((number, Command::Reply)) => Said::Reply(number, rest.to_vec()),
                Ok((_, Command::Error(error))) => return Err(Trouble::Refused(format!("{error}"))),
                Ok((_, Command::PlaybackStreamKilled(_) | Command::RecordStreamKilled(_))) => {
                    Said::Killed
                }
                // News of a kind that the protocol's crate does not know is no reason to end.
                _ => Said::Nothing,
            },
        ))
    }
}

/// Cuts a connection from outside: whoever waits for it is told that it is gone.
pub(super) struct Scissors(UnixStream);

impl Scissors {
    pub fn cut(&self) {
        // It may be cut already.
        let _ = self.0.shutdown(Shutdown::Both);
    }
}

/// Samples as the server is to understand them.
pub(super) fn spec(format: Format) -> SampleSpec {
    SampleSpec {
        format: SampleFormat::S16Le,
        channels: format.channels,
        sample_rate: format.rate,
    }
}

/// Which speaker each channel is for, in the order of WAV files.
pub(super) fn map(format: Format) -> ChannelMap {
    use ChannelPosition::{
        FrontCenter, FrontLeft, FrontRight, Lfe, RearCenter, RearLeft, RearRight, SideLeft,
        SideRight,
    };
    let speakers: &[ChannelPosition] = match format.channels {
        0 | 1 => return ChannelMap::mono(),
        2 => &[FrontLeft, FrontRight],
        3 => &[FrontLeft, FrontRight, FrontCenter],
        4 => &[FrontLeft, FrontRight, RearLeft, RearRight],
        5 => &[FrontLeft, FrontRight, FrontCenter, RearLeft, RearRight],
        6 => &[FrontLeft, FrontRight, FrontCenter, Lfe, RearLeft, RearRight],
        7 => &[
            FrontLeft,
            FrontRight,
            FrontCenter,
            Lfe,
            RearCenter,
            SideLeft,
            SideRight,
        ],
        _ => &[
            FrontLeft,
            FrontRight,
            FrontCenter,
            Lfe,
            RearLeft,
            RearRight,
            SideLeft,
            SideRight,
        ],
    };
    ChannelMap::new(speakers.iter().copied())
}

/// The properties of our streams.
pub(super) fn props(name: &str) -> protocol::Props {
    let mut props = protocol::Props::new();
    if let Ok(name) = CString::new(name) {
        props.set(protocol::Prop::MediaName, name);
    }
    props
}

fn refused(error: protocol::ProtocolError) -> Trouble {
    match error {
        protocol::ProtocolError::Io(error) => Trouble::Gone(error),
        error => Trouble::Refused(error.to_string()),
    }
}
