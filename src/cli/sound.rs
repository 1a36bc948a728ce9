//! The sound of `connect`: the guest's into a WAV file, a WAV file into the guest.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::report::{Exit, Failure, say};
use crate::channel::audio::{Format, PlaybackEvent, RecordEvent};
use crate::client::CommandSender;
use crate::session::Command;
use crate::sound::{Converter, Decoder, Encoder, wav};

/// What a file says that never had any sound.
const SILENT: Format = Format {
    channels: 2,
    rate: 48_000,
};

/// Writes what the guest plays, as it is: no volume, and no pause between streams.
pub struct Ears {
    path: PathBuf,
    /// Until the first stream says its format.
    file: Option<File>,
    writer: Option<wav::Writer<File>>,
    /// Of the stream that runs, if it is written.
    decoder: Option<Decoder>,
}

impl Ears {
    /// Begins the file.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let file = File::create(path)
            .map_err(|error| Failure::file("write", &path.display().to_string(), &error))?;
        Ok(Self {
            path: path.to_owned(),
            file: Some(file),
            writer: None,
            decoder: None,
        })
    }

    /// Takes what the playback channel tells.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn hear(&mut self, event: &PlaybackEvent) -> Result<(), Failure> {
        match event {
            PlaybackEvent::Started(format) => self.start(*format),
            PlaybackEvent::Packet { packet, .. } => {
                let (Some(decoder), Some(writer)) = (&mut self.decoder, &mut self.writer) else {
                    return Ok(());
                };
                match decoder.decode(packet) {
                    Ok(samples) => {
                        let written = writer.write(samples);
                        written.map_err(|error| self.failure(&error))
                    }
                    Err(error) => {
                        tracing::warn!(%error, "left out of the file");
                        Ok(())
                    }
                }
            }
            PlaybackEvent::Stopped => {
                self.decoder = None;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Completes the file.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<(), Failure> {
        if self.writer.is_none() {
            say(format_args!(
                "the guest played nothing; {} holds no sound",
                self.path.display()
            ));
            self.begin(SILENT)?;
        }
        match self.writer.take() {
            Some(writer) => match writer.finish() {
                Ok(_) => Ok(()),
                Err(error) => Err(self.failure(&error)),
            },
            None => Ok(()),
        }
    }

    /// A file has one format, that of the first stream. Guests keep to one, as long as they are not replaced.
    fn start(&mut self, format: Format) -> Result<(), Failure> {
        self.begin(format)?;
        let fits = self.writer.as_ref().is_some_and(|w| w.format() == format);
        if !fits {
            let Format { channels, rate } = format;
            tracing::warn!(
                channels,
                rate,
                "sound of another format is left out of the file"
            );
        }
        self.decoder = fits.then(|| Decoder::new(format));
        Ok(())
    }

    fn begin(&mut self, format: Format) -> Result<(), Failure> {
        if let Some(file) = self.file.take() {
            let writer = wav::Writer::new(file, format);
            self.writer = Some(writer.map_err(|error| self.failure(&error))?);
        }
        Ok(())
    }

    fn failure(&self, error: &std::io::Error) -> Failure {
        Failure::file("write", &self.path.display().to_string(), error)
    }
}

/// Plays a file to the guest while it listens.
pub struct Voice {
    path: PathBuf,
    sender: CommandSender,
    speaking: Option<JoinHandle<()>>,
}

impl Voice {
    /// Looks whether the file can be played.
    ///
    /// # Errors
    ///
    /// When it cannot.
    pub fn check(path: &Path) -> Result<(), Failure> {
        open(path).map(|_| ())
    }

    /// Will play the file.
    pub fn new(path: &Path, sender: CommandSender) -> Self {
        Self {
            path: path.to_owned(),
            sender,
            speaking: None,
        }
    }

    /// Takes what the record channel tells.
    ///
    /// # Errors
    ///
    /// When the file cannot be read any more.
    pub fn heed(&mut self, event: &RecordEvent) -> Result<(), Failure> {
        match event {
            RecordEvent::Wanted { format, .. } => {
                self.stop();
                let file = open(&self.path)?;
                let speaking = speak(file, *format, self.sender.clone());
                self.speaking = Some(tokio::spawn(speaking));
            }
            RecordEvent::Stopped => self.stop(),
            _ => {}
        }
        Ok(())
    }

    fn stop(&mut self) {
        if let Some(speaking) = self.speaking.take() {
            speaking.abort();
        }
    }
}

impl Drop for Voice {
    fn drop(&mut self) {
        self.stop();
    }
}

type Wav = wav::Reader<BufReader<File>>;

pub(super) fn open(path: &Path) -> Result<Wav, Failure> {
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| Failure::file("read", &name, &error))?;
    wav::Reader::new(BufReader::new(file)).map_err(|error| match error {
        wav::BadFile::Io(error) => Failure::file("read", &name, &error),
        error => Failure::new(Exit::File, format!("cannot read {name}: {error}")),
    })
}

/// A file that is read as fast as it would be heard, and silence behind it.
pub(super) struct Paced {
    file: Wav,
    converter: Converter,
    clock: Interval,
    ticks: u64,
    frames: u64,
    over: bool,
}

impl Paced {
    /// From the first sample on, as samples of `format`.
    pub(super) fn new(file: Wav, format: Format) -> Self {
        /// Least time between two looks at the clock.
        const STEP: Duration = Duration::from_millis(10);
        let mut clock = interval(STEP);
        clock.set_missed_tick_behavior(MissedTickBehavior::Burst);
        Self {
            converter: Converter::new(file.format(), format),
            file,
            clock,
            ticks: 0,
            frames: 0,
            over: false,
        }
    }

    /// Whether all of the file was read.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// The samples of the next ten milliseconds, when it is time. Cancel safe: nothing is read before.
    pub(super) async fn next(&mut self) -> Vec<i16> {
        self.clock.tick().await;
        let Format { channels, rate } = self.file.format();
        self.ticks += 1;
        let due = self.ticks * u64::from(rate) / 100 - self.frames;
        self.frames += due;
        let due = due as usize;
        let mut samples = self.file.read(due).unwrap_or_default();
        self.over = samples.is_empty();
        samples.resize(due * usize::from(channels), 0);
        self.converter.convert(&samples)
    }
}

/// Sends a file as fast as it would be heard; silence when it is over, as a microphone does.
async fn speak(file: Wav, format: Format, sender: CommandSender) {
    let mut encoder = Encoder::raw(format);
    let mut paced = Paced::new(file, format);
    loop {
        for packet in encoder.encode(&paced.next().await) {
            if sender.send(Command::Record(packet)).await.is_err() {
                return;
            }
        }
    }
}
