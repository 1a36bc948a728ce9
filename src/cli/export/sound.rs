//! The sound of a recording, each part of it at its time.

use std::fs::File;
use std::io;
use std::time::Duration;

use serde_json::json;

use super::output::{Draft, Output};
use super::{Job, Made, reel};
use crate::channel::audio::{Format, PlaybackEvent};
use crate::cli::recording;
use crate::cli::report::{Exit, Failure};
use crate::session::{ClientEvent, SessionConfig};
use crate::sound::{Converter, Decoder, wav};

/// How far sound may lag behind its time before silence makes it up: servers send some of it in advance, and packets
/// jitter.
const SLACK: Duration = Duration::from_millis(250);

/// Samples of silence that are written at once.
const SILENCE: usize = 1 << 14;

/// How finely time is played.
const STEP: Duration = Duration::from_millis(10);

/// Writes the file, in the format of the first stream.
pub fn export(job: &Job, output: Output) -> Result<Made, Failure> {
    let config = SessionConfig {
        playback: true,
        draws: false,
        ..SessionConfig::default()
    };
    let mut player = reel::player(job, config)?;
    let (file, draft) = output.draft()?;
    let mut tape = Tape {
        file: Some(file),
        writer: None,
        stream: None,
        frames: 0,
        damaged: 0,
    };
    let mut at = Duration::ZERO;
    while at <= job.to && job.progress.goes_on(job, at) {
        let played = player.play_until(at);
        played.map_err(|error| recording::cannot_open(&job.recording, &error))?;
        while let Some(event) = player.poll_event() {
            if let ClientEvent::Playback(event) = event {
                tape.hear(&event, at.checked_sub(job.from))
                    .map_err(|error| draft.failure(&error))?;
            }
        }
        at += STEP;
    }
    let end = at.min(job.to);
    job.progress.clear();
    recording::warn_of_losses(&job.recording, &mut player);
    let Some(format) = tape.format() else {
        let text = format!("there is no sound in {}", job.recording.display());
        return Err(Failure::new(Exit::NotFound, text));
    };
    tape.conclude(end.saturating_sub(job.from), draft)?;
    let seconds = tape.frames as f64 / f64::from(format.rate);
    let Format { channels, rate } = format;
    Ok(Made {
        facts: json!({
            "channels": channels,
            "rate": rate,
            "begin": job.from.as_secs_f64(),
            "seconds": seconds,
            "damaged_packets": tape.damaged,
        }),
        amount: format!("{seconds:.1} s of {channels} channels at {rate} Hz"),
        end,
    })
}

struct Tape {
    /// Until the first stream says its format.
    file: Option<File>,
    writer: Option<wav::Writer<File>>,
    stream: Option<(Decoder, Converter)>,
    /// Frames of samples written.
    frames: u64,
    damaged: u64,
}

impl Tape {
    fn format(&self) -> Option<Format> {
        self.writer.as_ref().map(wav::Writer::format)
    }

    /// Takes what the playback channel tells, at a time of the file; `None` before it begins.
    fn hear(&mut self, event: &PlaybackEvent, at: Option<Duration>) -> io::Result<()> {
        match event {
            PlaybackEvent::Started(format) => {
                if let Some(file) = self.file.take() {
                    self.writer = Some(wav::Writer::new(file, *format)?);
                }
                let to = self.format().unwrap_or(*format);
                self.stream = Some((Decoder::new(*format), Converter::new(*format, to)));
            }
            PlaybackEvent::Stopped => self.stream = None,
            PlaybackEvent::Packet { packet, .. } => {
                let Some((decoder, converter)) = &mut self.stream else {
                    return Ok(());
                };
                let Ok(samples) = decoder.decode(packet) else {
                    self.damaged += 1;
                    return Ok(());
                };
                let samples = converter.convert(samples);
                if let Some(at) = at {
                    self.silence_until(at.saturating_sub(SLACK), at)?;
                    self.write(&samples)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// If not even `least` is reached, silence up to `at`.
    fn silence_until(&mut self, least: Duration, at: Duration) -> io::Result<()> {
        let Some(Format { rate, channels }) = self.format() else {
            return Ok(());
        };
        let frames = |time: Duration| (time.as_secs_f64() * f64::from(rate)) as u64;
        if self.frames >= frames(least) {
            return Ok(());
        }
        let mut left = frames(at).saturating_sub(self.frames) as usize * usize::from(channels);
        while left > 0 {
            let count = left.min(SILENCE - SILENCE % usize::from(channels));
            self.write(&[0; SILENCE][..count])?;
            left -= count;
        }
        Ok(())
    }

    fn write(&mut self, samples: &[i16]) -> io::Result<()> {
        if let Some(writer) = &mut self.writer {
            writer.write(samples)?;
            self.frames += samples.len() as u64 / u64::from(writer.format().channels.max(1));
        }
        Ok(())
    }

    /// Silence up to the end, and the file gets its name.
    fn conclude(&mut self, end: Duration, draft: Draft) -> Result<(), Failure> {
        self.silence_until(end, end)
            .and_then(|()| match self.writer.take() {
                Some(writer) => writer.finish().map(drop),
                None => Ok(()),
            })
            .map_err(|error| draft.failure(&error))?;
        draft.keep()
    }
}
