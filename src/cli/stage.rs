//! The sound of `serve`: a WAV file to each viewer, and the microphones of viewers into a WAV file.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::report::Failure;
use super::sound::{Paced, open};
use crate::channel::audio::Format;
use crate::server::SoundHandle;
use crate::sound::wav;

/// What viewers are listened to in.
const HEARD: Format = Format {
    channels: 2,
    rate: 48_000,
};

/// Plays a file to each viewer from its beginning, once.
pub struct Music {
    path: PathBuf,
    sound: SoundHandle,
}

impl Music {
    /// Looks whether the file can be played.
    ///
    /// # Errors
    ///
    /// When it cannot.
    pub fn check(path: &Path) -> Result<(), Failure> {
        open(path).map(drop)
    }

    /// Will play the file.
    pub fn new(path: &Path, sound: SoundHandle) -> Self {
        Self {
            path: path.to_owned(),
            sound,
        }
    }

    /// Plays for ever, or until the file cannot be read any more.
    pub async fn play(self) -> Failure {
        let mut heard = None;
        loop {
            let viewer = self.sound.audience(heard).await;
            heard = Some(viewer);
            let file = match open(&self.path) {
                Ok(file) => file,
                Err(failure) => return failure,
            };
            let Format { channels, rate } = file.format();
            // Clients of SPICE expect two channels.
            let channels = channels.max(2);
            let format = Format { channels, rate };
            self.sound.start(format);
            let mut paced = Paced::new(file, format);
            loop {
                let samples = paced.next().await;
                if paced.is_over() || !self.sound.is_heard_by(viewer) {
                    break;
                }
                self.sound.play(&samples);
            }
            self.sound.stop();
        }
    }
}

/// Writes what the microphones of viewers hear.
pub struct Dictaphone {
    path: PathBuf,
    writer: wav::Writer<File>,
    sound: SoundHandle,
}

impl Dictaphone {
    /// Begins the file.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn new(path: &Path, sound: SoundHandle) -> Result<Self, Failure> {
        let writer = File::create(path).and_then(|file| wav::Writer::new(file, HEARD));
        let writer =
            writer.map_err(|error| Failure::file("write", &path.display().to_string(), &error))?;
        sound.listen(HEARD);
        Ok(Self {
            path: path.to_owned(),
            writer,
            sound,
        })
    }

    /// Writes for ever, or until that fails. Cancel safe: each piece is written at once.
    pub async fn write(&mut self) -> Failure {
        loop {
            let samples = self.sound.recorded().await;
            if let Err(error) = self.writer.write(&samples) {
                return self.failure(&error);
            }
        }
    }

    /// Completes the file.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn finish(self) -> Result<(), Failure> {
        let name = self.path.display().to_string();
        let finished = self.writer.finish();
        finished
            .map(drop)
            .map_err(|error| Failure::file("write", &name, &error))
    }

    fn failure(&self, error: &std::io::Error) -> Failure {
        Failure::file("write", &self.path.display().to_string(), error)
    }
}
