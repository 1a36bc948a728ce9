//! The guest's sound: what the status line says of it, and who plays it.

use super::action::Effect;
use super::app::App;
use crate::channel::audio::PlaybackEvent;
use crate::sound::Loudness;
pub(super) use speaker::Speaker;

/// The guest's sound as the viewer knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Whether the user wants to hear it.
    pub on: bool,
    /// Whether there is any.
    pub playing: bool,
    /// How loud the guest wants it.
    pub loudness: Loudness,
    /// How loud it was lately, in steps of the meter.
    level: usize,
    /// Whether the user wants to hear it and cannot.
    unheard: bool,
    /// Whether it ever was heard.
    was_heard: bool,
}

/// Steps of the meter.
const STEPS: usize = 4;

impl Default for Sound {
    fn default() -> Self {
        Self {
            on: true,
            playing: false,
            loudness: Loudness::default(),
            level: 0,
            unheard: false,
            was_heard: false,
        }
    }
}

impl Sound {
    /// What the status line says while there is sound; `gauge` is the filled and the empty part of a meter.
    pub fn status(&self, (filled, empty): (&str, &str)) -> String {
        if !self.playing {
            return String::new();
        }
        if !self.on {
            return "sound off".into();
        }
        if self.unheard {
            return "sound fails".into();
        }
        if self.loudness.is_muted() {
            return "sound muted".into();
        }
        let (filled, empty) = (filled.repeat(self.level), empty.repeat(STEPS - self.level));
        format!("sound {}% {filled}{empty}", self.loudness.percent())
    }
}

impl App {
    /// Takes in what the playback channel tells. The sound itself is played elsewhere.
    pub(super) fn playback(&mut self, event: &PlaybackEvent) {
        let before = self.sound.clone();
        match event {
            PlaybackEvent::Started(_) => self.sound.playing = true,
            PlaybackEvent::Stopped => (self.sound.playing, self.sound.level) = (false, 0),
            PlaybackEvent::Volume(volume) => self.sound.loudness.set_volume(volume),
            PlaybackEvent::Muted(muted) => self.sound.loudness.set_muted(*muted),
            _ => {}
        }
        self.stale |= self.sound != before;
    }

    /// How loud the sound was lately, per cent. The eye sees loudness as the ear hears it: each step of the meter is four
    /// times the one before.
    pub(super) fn level(&mut self, percent: u8) {
        let level = match percent {
            0 => 0,
            1..4 => 1,
            4..16 => 2,
            16..64 => 3,
            _ => STEPS,
        };
        self.stale |= self.sound.level != level;
        self.sound.level = level;
    }

    /// The sound is not heard, for this reason; or it is.
    pub(super) fn unheard(&mut self, why: Option<String>) {
        let unheard = why.is_some();
        self.stale |= self.sound.unheard != unheard;
        self.sound.unheard = unheard;
        self.sound.was_heard |= !unheard;
        if let Some(why) = why {
            self.log_line(&why);
            // Many machines have no sound, and the status line says so.
            if self.sound.was_heard {
                self.flash(why);
            }
        }
    }

    /// Makes the sound quieter by this much, per cent; louder, if that is negative.
    pub(super) fn quieter(&mut self, percent: i8, effects: &mut Vec<Effect>) {
        let cut = i16::from(self.sound.loudness.cut()) + i16::from(percent);
        // Within 100.
        let cut = cut.clamp(0, 100) as u8;
        self.sound.loudness.set_cut(cut);
        effects.push(Effect::Quieter(cut));
        self.flash(format!("volume {}%", self.sound.loudness.percent()));
    }

    pub(super) fn toggle_sound(&mut self, effects: &mut Vec<Effect>) {
        self.sound.on = !self.sound.on;
        self.sound.level = 0;
        effects.push(Effect::Sound(self.sound.on));
        let state = if self.sound.on { "on" } else { "off" };
        self.flash(format!("the guest's sound is {state}"));
    }
}

/// Playing it.
#[cfg(feature = "audio")]
mod speaker {
    use std::path::PathBuf;

    use tokio::sync::mpsc;

    use crate::channel::audio::PlaybackEvent;
    use crate::sound::pulse::{Output, Report};
    use crate::sound::{Decoder, Heard, Loudness, peak};

    /// What workers say that nobody has taken. More is of no use: only the newest counts.
    const QUEUE: usize = 16;

    /// Plays the sound of a session on a sound server.
    pub struct Speaker {
        output: Option<Output>,
        heard: mpsc::Receiver<Heard>,
        decoder: Option<Decoder>,
        loudness: Loudness,
        on: bool,
        /// The peak of the samples counted.
        peak: u8,
        /// Samples since the level was told.
        counted: usize,
    }

    impl Speaker {
        /// Plays on the server that listens there, if one does, as soon as there is sound.
        pub fn new(socket: Option<PathBuf>) -> Self {
            let (sender, heard) = mpsc::channel(QUEUE);
            let report = move || {
                let sender = sender.clone();
                let tell: Report = Box::new(move |heard| {
                    // When the queue is full, what is in it says the same.
                    let _ = sender.try_send(heard);
                });
                tell
            };
            Self {
                output: socket.map(|socket| Output::new(socket, report)),
                heard,
                decoder: None,
                loudness: Loudness::default(),
                on: true,
                peak: 0,
                counted: 0,
            }
        }

        /// Makes it quieter by this much, per cent.
        pub fn set_cut(&mut self, percent: u8) {
            self.loudness.set_cut(percent);
        }

        /// What becomes of the sound. Cancel safe: it only takes from a queue.
        pub async fn heard(&mut self) -> Heard {
            match self.heard.recv().await {
                Some(heard) => heard,
                // The output holds a sender for its workers.
                None => std::future::pending().await,
            }
        }

        /// Lets the sound be heard, or not.
        pub fn turn(&mut self, on: bool) {
            self.on = on;
            if !on && let Some(output) = &mut self.output {
                output.finish();
            }
        }

        /// Takes what the playback channel tells; now and then how loud the sound was lately, per cent.
        pub fn take(&mut self, event: &PlaybackEvent) -> Option<u8> {
            self.output.as_ref()?;
            match event {
                PlaybackEvent::Started(format) => self.decoder = Some(Decoder::new(*format)),
                PlaybackEvent::Packet { packet, .. } => {
                    let decoder = self.decoder.as_mut().filter(|_| self.on)?;
                    // What is damaged is not heard; the next packet may be.
                    let mut samples = decoder.decode(packet).ok()?.to_vec();
                    let format = decoder.format();
                    self.loudness.apply(&mut samples, format.channels);
                    let level = self.measure(&samples, format.rate as usize);
                    self.output.as_mut()?.play(format, samples);
                    return level;
                }
                PlaybackEvent::Stopped => {
                    self.decoder = None;
                    self.output.as_mut()?.finish();
                }
                PlaybackEvent::Volume(volume) => self.loudness.set_volume(volume),
                PlaybackEvent::Muted(muted) => self.loudness.set_muted(*muted),
                PlaybackEvent::Latency(lag) => self.output.as_mut()?.set_lag(*lag),
            }
            None
        }

        /// The level, some times a second.
        fn measure(&mut self, samples: &[i16], rate: usize) -> Option<u8> {
            self.peak = self.peak.max(peak(samples));
            self.counted += samples.len();
            if self.counted < rate / 3 {
                return None;
            }
            self.counted = 0;
            Some(std::mem::take(&mut self.peak))
        }
    }
}

/// Where there is nothing to play it with.
#[cfg(not(feature = "audio"))]
mod speaker {
    use std::path::PathBuf;

    use crate::channel::audio::PlaybackEvent;
    use crate::sound::Heard;

    /// Plays nothing.
    pub struct Speaker;

    impl Speaker {
        /// There is no server that this build could play on.
        pub fn new(_socket: Option<PathBuf>) -> Self {
            Self
        }

        /// Nothing ever becomes of the sound. Cancel safe: it holds nothing.
        pub async fn heard(&mut self) -> Heard {
            std::future::pending().await
        }

        /// Changes nothing.
        pub fn turn(&mut self, _on: bool) {}

        /// Changes nothing.
        pub fn set_cut(&mut self, _percent: u8) {}

        /// Passes it over.
        pub fn take(&mut self, _event: &PlaybackEvent) -> Option<u8> {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GAUGE: (&str, &str) = ("#", ".");

    #[test]
    fn the_status_line_says_what_there_is_to_hear_and_why_it_is_not_heard() {
        let mut sound = Sound::default();
        assert_eq!(sound.status(GAUGE), "");
        sound.playing = true;
        assert_eq!(sound.status(GAUGE), "sound 100% ....");
        sound.loudness.set_volume(&[40_000, 42_000]);
        sound.level = 3;
        assert_eq!(sound.status(GAUGE), "sound 64% ###.");
        sound.loudness.set_muted(true);
        assert_eq!(sound.status(GAUGE), "sound muted");
        sound.unheard = true;
        assert_eq!(sound.status(GAUGE), "sound fails");
        sound.on = false;
        assert_eq!(sound.status(GAUGE), "sound off");
    }
}
