//! The client's side of sound: what the server says is checked and told, what the user records is sent in blocks.

use std::time::Duration;

use bytes::Bytes;

use super::messages::{
    ModeChange, PlaybackMessage, PlaybackStart, RecordAnswer, RecordMessage, RecordStart, Sound,
    StartMark,
};
use super::{Format, MAX_OPUS_BYTES, Mode, Packet, PlaybackEvent, RecordEvent};
use crate::channel::{Cx, Message};
use crate::link::{self, Capabilities};
use crate::wire::Part;

/// Longest delay of an output that is believed.
const MAX_DELAY: Duration = Duration::from_secs(10);

/// Frames of raw samples in one message to the server. Not 480 as the reference client sends: libspice-server 0.15 keeps them in
/// a ring of 8192, and of a block that does not end where the ring does the rest comes out shifted (seen in QEMU 7.2, every
/// 171 ms).
const BLOCK_FRAMES: usize = 256;

/// Follows the sound of the guest.
#[derive(Clone, Debug)]
pub struct Playback {
    mode: Mode,
    running: Option<Format>,
    /// Media clock of the newest sound, once the stream has had any.
    newest: Option<u32>,
}

impl Default for Playback {
    fn default() -> Self {
        Self {
            mode: Mode::Raw,
            running: None,
            newest: None,
        }
    }
}

impl Playback {
    /// What this client announces on the playback channel: VOLUME, LATENCY, and OPUS if it is wanted and this build can
    /// decode it.
    pub fn capabilities(opus: bool) -> Capabilities {
        const VOLUME: u32 = 1;
        const LATENCY: u32 = 2;
        const OPUS: u32 = 3;
        let bits = [VOLUME, LATENCY, OPUS];
        Capabilities::of(
            link::CLIENT_COMMON,
            &bits[..if opus && cfg!(feature = "opus") { 3 } else { 2 }],
        )
    }

    /// The stream that runs.
    pub fn running(&self) -> Option<Format> {
        self.running
    }

    /// Acts on one message.
    pub fn on_part(&mut self, part: &Part, cx: &mut Cx<'_>, events: &mut Vec<PlaybackEvent>) {
        match PlaybackMessage::decode(part.number, &part.body) {
            Ok(PlaybackMessage::Data(sound)) => self.on_data(&sound, cx, events),
            Ok(PlaybackMessage::Mode(change)) => self.on_mode(change.mode, cx),
            Ok(PlaybackMessage::Start(start)) => self.on_start(&start, cx, events),
            Ok(PlaybackMessage::Stop) => self.on_stop(cx, events),
            Ok(PlaybackMessage::Volume(volume)) => {
                events.extend(told(volume.volume).map(PlaybackEvent::Volume));
            }
            Ok(PlaybackMessage::Mute(mute)) => events.push(PlaybackEvent::Muted(mute.mute != 0)),
            Ok(PlaybackMessage::Latency(latency)) => {
                let wanted = Duration::from_millis(latency.latency_ms.into());
                events.push(PlaybackEvent::Latency(wanted.min(MAX_DELAY)));
            }
            Ok(PlaybackMessage::Unknown { number, .. }) => {
                cx.notice(format!("unknown message {number}"));
            }
            Err(error) => cx.notice(error.to_string()),
        }
    }

    /// The newest sound will be heard after `delay`: the media clock follows what is heard.
    pub fn on_delay(&mut self, delay: Duration, cx: &mut Cx<'_>) {
        if let Some(newest) = self.newest {
            cx.shared.media.hear(newest, delay.min(MAX_DELAY), cx.now);
        }
    }

    fn on_mode(&mut self, mode: Mode, cx: &mut Cx<'_>) {
        self.mode = mode;
        if !self.is_known() {
            cx.notice(format!("sound of mode {mode} cannot be played"));
        }
    }

    fn on_start(
        &mut self,
        start: &PlaybackStart,
        cx: &mut Cx<'_>,
        events: &mut Vec<PlaybackEvent>,
    ) {
        self.on_stop(cx, events);
        self.running = Format::from_wire(start.channels, start.format, start.frequency);
        match self.running {
            Some(format) => events.push(PlaybackEvent::Started(format)),
            None => cx.notice(strange(start.channels, start.format, start.frequency)),
        }
    }

    fn on_stop(&mut self, cx: &mut Cx<'_>, events: &mut Vec<PlaybackEvent>) {
        if self.running.take().is_some() {
            events.push(PlaybackEvent::Stopped);
        }
        self.newest = None;
        cx.shared.media.hear_nothing();
    }

    /// Sound outside a stream, or of a mode that was refused, is passed over.
    fn on_data(&mut self, sound: &Sound<'_>, cx: &mut Cx<'_>, events: &mut Vec<PlaybackEvent>) {
        let Some(format) = self.running.filter(|_| self.is_known()) else {
            return;
        };
        let data = match self.mode {
            Mode::Raw => whole_frames(sound.data, format, cx),
            _ if !format.suits_opus() => {
                cx.notice("sound coded with Opus has a rate or channels that Opus does not know");
                return;
            }
            _ if sound.data.len() > MAX_OPUS_BYTES => {
                cx.notice("an Opus packet is longer than any can be");
                return;
            }
            _ => sound.data,
        };
        if data.is_empty() {
            return;
        }
        let goes_back = |newest: u32| (sound.time.wrapping_sub(newest) as i32) < 0;
        if self.newest.is_some_and(goes_back) {
            cx.notice("the clock of the sound goes back");
        }
        self.newest = Some(sound.time);
        events.push(PlaybackEvent::Packet {
            time: sound.time,
            packet: Packet {
                mode: self.mode,
                // A copy, for whoever keeps it: the frame's buffer may be larger.
                data: Bytes::copy_from_slice(data),
            },
        });
    }

    fn is_known(&self) -> bool {
        self.mode == Mode::Raw || self.mode == Mode::Opus && cfg!(feature = "opus")
    }
}

/// Sends the user's sound while the guest listens.
#[derive(Clone, Debug, Default)]
pub struct Record {
    takes_opus: bool,
    wanted: Option<Format>,
    /// The mode that was said since the guest began to listen.
    said: Option<Mode>,
    /// Raw samples that do not fill a block yet.
    rest: Vec<u8>,
}

impl Record {
    /// What this client announces on the record channel: VOLUME, and OPUS if it is wanted and this build can encode it.
    pub fn capabilities(opus: bool) -> Capabilities {
        const VOLUME: u32 = 1;
        let bits = [VOLUME, Self::OPUS];
        Capabilities::of(
            link::CLIENT_COMMON,
            &bits[..if opus && cfg!(feature = "opus") { 2 } else { 1 }],
        )
    }

    const OPUS: u32 = 2;

    /// The channel is linked with a server of these capabilities, to send Opus if that is wanted and taken.
    pub fn start(&mut self, server: &Capabilities, opus: bool) {
        *self = Self {
            takes_opus: opus && server.has(Self::OPUS),
            ..Self::default()
        };
    }

    /// What the guest listens to at this moment.
    pub fn wanted(&self) -> Option<Format> {
        self.wanted
    }

    /// Acts on one message.
    pub fn on_part(&mut self, part: &Part, cx: &mut Cx<'_>, events: &mut Vec<RecordEvent>) {
        match RecordMessage::decode(part.number, &part.body) {
            Ok(RecordMessage::Start(start)) => self.on_start(&start, cx, events),
            Ok(RecordMessage::Stop) => self.on_stop(events),
            Ok(RecordMessage::Volume(volume)) => {
                events.extend(told(volume.volume).map(RecordEvent::Volume));
            }
            Ok(RecordMessage::Mute(mute)) => events.push(RecordEvent::Muted(mute.mute != 0)),
            Ok(RecordMessage::Unknown { number, .. }) => {
                cx.notice(format!("unknown message {number}"));
            }
            Err(error) => cx.notice(error.to_string()),
        }
    }

    /// Sends some sound, if the guest listens and takes its mode. Raw sound goes in blocks that servers keep in order; what does
    /// not fill one waits for more.
    pub fn send(&mut self, packet: &Packet, cx: &mut Cx<'_>) {
        let Some(format) = self
            .wanted
            .filter(|format| self.takes(packet.mode, *format))
        else {
            return;
        };
        let time = cx.shared.media.time(cx.now);
        if self.said != Some(packet.mode) {
            let begins = self.said.replace(packet.mode).is_none();
            let (mode, data) = (packet.mode, &[][..]);
            cx.send(&RecordAnswer::Mode(ModeChange { time, mode, data }));
            if begins {
                cx.send(&RecordAnswer::StartMark(StartMark { time }));
            }
        }
        if packet.mode != Mode::Raw {
            let data = &packet.data;
            return cx.send(&RecordAnswer::Data(Sound { time, data }));
        }
        self.rest.extend_from_slice(&packet.data);
        let blocks = self.rest.chunks_exact(BLOCK_FRAMES * format.frame_bytes());
        let left = blocks.remainder().to_vec();
        for data in blocks {
            cx.send(&RecordAnswer::Data(Sound { time, data }));
        }
        self.rest = left;
    }

    fn takes(&self, mode: Mode, format: Format) -> bool {
        mode == Mode::Raw || mode == Mode::Opus && self.takes_opus && format.suits_opus()
    }

    fn on_start(&mut self, start: &RecordStart, cx: &mut Cx<'_>, events: &mut Vec<RecordEvent>) {
        self.on_stop(events);
        self.wanted = Format::from_wire(start.channels, start.format, start.frequency);
        match self.wanted {
            Some(format) => events.push(RecordEvent::Wanted {
                format,
                opus: self.takes(Mode::Opus, format),
            }),
            None => cx.notice(strange(start.channels, start.format, start.frequency)),
        }
    }

    fn on_stop(&mut self, events: &mut Vec<RecordEvent>) {
        self.said = None;
        self.rest.clear();
        if self.wanted.take().is_some() {
            events.push(RecordEvent::Stopped);
        }
    }
}

/// Raw sound without the part of a frame at its end.
fn whole_frames<'a>(data: &'a [u8], format: Format, cx: &mut Cx<'_>) -> &'a [u8] {
    let rest = data.len() % format.frame_bytes();
    if rest != 0 {
        cx.notice("raw sound ends inside a frame");
    }
    &data[..data.len() - rest]
}

/// The volumes of the channels there can be; none is not a volume.
fn told(mut volume: Vec<u16>) -> Option<Vec<u16>> {
    volume.truncate(Format::MOST_CHANNELS.into());
    (!volume.is_empty()).then_some(volume)
}

fn strange(channels: u32, format: u16, rate: u32) -> String {
    format!("sound of {channels} channels, {rate} Hz and format {format} is not understood")
}
