//! The server's side of sound: streams begin and end for a client, and what its user says is taken in.

use std::time::Duration;

use bytes::Bytes;

use super::messages::{
    Latency, ModeChange, Mute, PlaybackMessage, PlaybackStart, RecordAnswer, RecordMessage,
    RecordStart, Sound, Volume,
};
use super::{Format, MAX_OPUS_BYTES, Mode, Packet};
use crate::channel::{Fault, Message};
use crate::link::{self, Capabilities};
use crate::wire::Frame;

/// Signed samples of 16 bits, the only ones there are.
const SIGNED_16: u16 = 1;

/// The capability VOLUME of both channels.
const VOLUME: u32 = 1;

/// What sound a server offers to its viewers, both ways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offer {
    /// None: the channels do not exist.
    #[default]
    Nothing,
    /// Samples as they are.
    Raw,
    /// Samples coded with Opus, where this build, the viewer and the format allow; raw otherwise.
    Opus,
}

impl Offer {
    fn has_opus(self) -> bool {
        self == Self::Opus && cfg!(feature = "opus")
    }

    /// VOLUME, and Opus under the number it has on the channel.
    fn capabilities(self, opus: u32) -> Capabilities {
        let bits = [VOLUME, opus];
        Capabilities::of(link::COMMON, &bits[..if self.has_opus() { 2 } else { 1 }])
    }
}

/// What is to become of the guest's sound.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlaybackOrder {
    /// A stream begins; one that runs ends.
    Start(Format),
    /// Sound of the stream that runs, in the mode that [`Playback::mode`] says.
    Play(Packet),
    /// The stream ends.
    Stop,
    /// How loud each channel is to be, linear; 65535 changes nothing.
    Volume(Vec<u16>),
    /// Whether there is to be silence.
    Mute(bool),
    /// Least delay of the client's output.
    Latency(Duration),
}

/// Lets a client hear the guest.
#[derive(Clone, Debug)]
pub struct Playback {
    takes_opus: bool,
    takes_volume: bool,
    takes_latency: bool,
    /// The mode said last.
    mode: Mode,
    running: bool,
}

impl Playback {
    /// Number of the capability OPUS.
    const OPUS: u32 = 3;

    /// Number of the client's capability LATENCY.
    const LATENCY: u32 = 2;

    /// What a server announces on the playback channel.
    pub fn capabilities(offer: Offer) -> Capabilities {
        offer.capabilities(Self::OPUS)
    }

    /// The channel is linked with a client of these capabilities, at `time` by the media clock.
    pub fn new(offer: Offer, client: &Capabilities, time: u32, outbox: &mut Vec<Frame>) -> Self {
        let takes_opus = offer.has_opus() && client.has(Self::OPUS);
        let mode = if takes_opus { Mode::Opus } else { Mode::Raw };
        outbox.push(mode_message(time, mode));
        Self {
            takes_opus,
            takes_volume: client.has(VOLUME),
            takes_latency: client.has(Self::LATENCY),
            mode,
            running: false,
        }
    }

    /// How a stream of this format is to be coded.
    pub fn mode(&self, format: Format) -> Mode {
        if self.takes_opus && format.suits_opus() {
            Mode::Opus
        } else {
            Mode::Raw
        }
    }

    /// Whether a stream runs.
    pub fn is_running(&self) -> bool {
        self.running
    }

    /// Tells the client, at `time` by the media clock. Sound outside a stream is not sent, nor what the client did not say it
    /// understands.
    pub fn on_order(&mut self, order: PlaybackOrder, time: u32, outbox: &mut Vec<Frame>) {
        match order {
            PlaybackOrder::Start(format) => {
                self.stop(outbox);
                // Clients make their decoder at START.
                self.say_mode(self.mode(format), time, outbox);
                self.running = true;
                let start = PlaybackStart {
                    channels: format.channels.into(),
                    format: SIGNED_16,
                    frequency: format.rate,
                    time,
                };
                outbox.push(PlaybackMessage::Start(start).to_frame());
            }
            PlaybackOrder::Play(packet) if self.running => {
                self.say_mode(packet.mode, time, outbox);
                let data = &packet.data;
                outbox.push(PlaybackMessage::Data(Sound { time, data }).to_frame());
            }
            PlaybackOrder::Play(_) => {}
            PlaybackOrder::Stop => self.stop(outbox),
            PlaybackOrder::Volume(volume) if self.takes_volume && !volume.is_empty() => {
                outbox.push(PlaybackMessage::Volume(Volume { volume }).to_frame());
            }
            PlaybackOrder::Mute(mute) if self.takes_volume => {
                let mute = mute.into();
                outbox.push(PlaybackMessage::Mute(Mute { mute }).to_frame());
            }
            PlaybackOrder::Latency(latency) if self.takes_latency => {
                let latency_ms = latency.as_millis().try_into().unwrap_or(u32::MAX);
                outbox.push(PlaybackMessage::Latency(Latency { latency_ms }).to_frame());
            }
            PlaybackOrder::Volume(_) | PlaybackOrder::Mute(_) | PlaybackOrder::Latency(_) => {}
        }
    }

    fn say_mode(&mut self, mode: Mode, time: u32, outbox: &mut Vec<Frame>) {
        if self.mode != mode {
            self.mode = mode;
            outbox.push(mode_message(time, mode));
        }
    }

    fn stop(&mut self, outbox: &mut Vec<Frame>) {
        if std::mem::take(&mut self.running) {
            outbox.push(PlaybackMessage::Stop.to_frame());
        }
    }
}

fn mode_message(time: u32, mode: Mode) -> Frame {
    let data = &[][..];
    PlaybackMessage::Mode(ModeChange { time, mode, data }).to_frame()
}

/// What is to become of the viewer's microphone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RecordOrder {
    /// The guest listens from here on.
    Listen(Format),
    /// It listens no longer.
    Stop,
    /// How loud each channel is to be, linear; 65535 changes nothing.
    Volume(Vec<u16>),
    /// Whether there is to be silence.
    Mute(bool),
}

/// Listens to a client's user.
#[derive(Clone, Debug)]
pub struct Record {
    offers_opus: bool,
    takes_volume: bool,
    listening: Option<Format>,
    /// The mode the client said last.
    mode: Mode,
}

impl Record {
    /// Number of the capability OPUS.
    const OPUS: u32 = 2;

    /// What a server announces on the record channel.
    pub fn capabilities(offer: Offer) -> Capabilities {
        offer.capabilities(Self::OPUS)
    }

    /// The channel is linked with a client of these capabilities.
    pub fn new(offer: Offer, client: &Capabilities) -> Self {
        Self {
            offers_opus: offer.has_opus(),
            takes_volume: client.has(VOLUME),
            listening: None,
            mode: Mode::Raw,
        }
    }

    /// Tells the client.
    pub fn on_order(&mut self, order: RecordOrder, outbox: &mut Vec<Frame>) {
        match order {
            RecordOrder::Listen(format) => {
                self.stop(outbox);
                (self.listening, self.mode) = (Some(format), Mode::Raw);
                let start = RecordStart {
                    channels: format.channels.into(),
                    format: SIGNED_16,
                    frequency: format.rate,
                };
                outbox.push(RecordMessage::Start(start).to_frame());
            }
            RecordOrder::Stop => self.stop(outbox),
            RecordOrder::Volume(volume) if self.takes_volume && !volume.is_empty() => {
                outbox.push(RecordMessage::Volume(Volume { volume }).to_frame());
            }
            RecordOrder::Mute(mute) if self.takes_volume => {
                let mute = mute.into();
                outbox.push(RecordMessage::Mute(Mute { mute }).to_frame());
            }
            RecordOrder::Volume(_) | RecordOrder::Mute(_) => {}
        }
    }

    /// Acts on one message: the sound in it, if it holds any and the guest listens.
    ///
    /// # Errors
    ///
    /// When the message is malformed or unknown, its mode was not offered or does not suit, or a packet is longer than any can
    /// be: the reference server closes the channel too.
    pub fn on_frame(&mut self, frame: &Frame) -> Result<Option<Packet>, Fault> {
        let message = RecordAnswer::decode(frame.number, &frame.body).map_err(Fault::Message)?;
        match message {
            RecordAnswer::Data(sound) => self.on_data(&sound),
            RecordAnswer::Mode(change) => {
                if !self.takes(change.mode) {
                    let text = format!("sound of mode {} cannot be taken", change.mode);
                    return Err(Fault::Violation(text));
                }
                self.mode = change.mode;
                Ok(None)
            }
            RecordAnswer::StartMark(_) => Ok(None),
            RecordAnswer::Unknown { number, .. } => Err(Fault::unknown_message(number)),
        }
    }

    fn on_data(&self, sound: &Sound<'_>) -> Result<Option<Packet>, Fault> {
        // What was under way when the guest stopped listening.
        let Some(format) = self.listening else {
            return Ok(None);
        };
        let data = match self.mode {
            Mode::Raw => &sound.data[..sound.data.len() - sound.data.len() % format.frame_bytes()],
            _ if sound.data.len() > MAX_OPUS_BYTES => {
                return Err(Fault::Limit(
                    "an Opus packet is longer than any can be".into(),
                ));
            }
            _ => sound.data,
        };
        Ok((!data.is_empty()).then(|| Packet {
            mode: self.mode,
            data: Bytes::copy_from_slice(data),
        }))
    }

    fn takes(&self, mode: Mode) -> bool {
        let suits = self.listening.is_none_or(Format::suits_opus);
        mode == Mode::Raw || mode == Mode::Opus && self.offers_opus && suits
    }

    fn stop(&mut self, outbox: &mut Vec<Frame>) {
        if self.listening.take().is_some() {
            outbox.push(RecordMessage::Stop.to_frame());
        }
    }
}
