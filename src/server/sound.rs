//! What an embedder is heard with, and hears with.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use crate::channel::audio::server::{PlaybackOrder, RecordOrder};
use crate::channel::audio::{Format, Mode, Packet};
use crate::sound::{BadPacket, Decoder, Encoder};

/// Frames of samples that are handed to a viewer at a time.
const PIECE: usize = 960;

/// Orders that wait for a viewer that does not read. Beyond, it is told how things are and not how they came about.
const MOST_STEPS: usize = 1024;

/// How much sound waits for a viewer, and from its microphone for the embedder: what is lost is the oldest.
const PATIENCE: Duration = Duration::from_millis(500);

/// Plays to the viewer and listens to it. Clones play the same stream.
///
/// Only one viewer is there at a time; without one what is played is heard by nobody, and a stream that runs when one comes is
/// heard from there on. No method waits for the viewer: of sound that it does not take half a second is kept.
#[derive(Clone, Debug)]
pub struct SoundHandle {
    pub(super) stage: Arc<Stage>,
}

impl SoundHandle {
    /// A stream begins; one that runs ends.
    pub fn start(&self, format: Format) {
        self.stage.change(|state| {
            state.playing = Some(format);
            state.order(PlaybackOrder::Start(format));
        });
    }

    /// Plays samples of the stream that runs, interleaved whole frames, as they come due: viewers buffer them as they would
    /// those of a sound card.
    pub fn play(&self, samples: &[i16]) {
        self.stage.change(|state| state.play(samples));
    }

    /// The stream ends.
    pub fn stop(&self) {
        self.stage.change(|state| {
            if state.playing.take().is_some() {
                state.order(PlaybackOrder::Stop);
            }
        });
    }

    /// How loud each channel is to be, linear; 65535 changes nothing.
    pub fn set_volume(&self, volume: &[u16]) {
        self.stage.change(|state| {
            state.volume = Some(volume.to_vec());
            state.order(PlaybackOrder::Volume(volume.to_vec()));
        });
    }

    /// Whether there is to be silence.
    pub fn set_muted(&self, muted: bool) {
        self.stage.change(|state| {
            state.muted = Some(muted);
            state.order(PlaybackOrder::Mute(muted));
        });
    }

    /// How late the viewer is to play at least.
    pub fn set_latency(&self, latency: Duration) {
        self.stage.change(|state| {
            state.latency = Some(latency);
            state.order(PlaybackOrder::Latency(latency));
        });
    }

    /// Listens to the viewer's microphone from here on, if its user lets it; what is heard comes by
    /// [`recorded`](Self::recorded).
    pub fn listen(&self, format: Format) {
        self.stage.change(|state| {
            state.listening = Some(format);
            state.wish(RecordOrder::Listen(format));
        });
    }

    /// Listens no longer.
    pub fn stop_listening(&self) {
        self.stage.change(|state| {
            if state.listening.take().is_some() {
                state.wish(RecordOrder::Stop);
            }
        });
    }

    /// How loud the viewer's user is to be, linear for each channel; 65535 changes nothing.
    pub fn set_microphone_volume(&self, volume: &[u16]) {
        self.stage.change(|state| {
            state.microphone_volume = Some(volume.to_vec());
            state.wish(RecordOrder::Volume(volume.to_vec()));
        });
    }

    /// Whether the viewer's user is to be silent.
    pub fn set_microphone_muted(&self, muted: bool) {
        self.stage.change(|state| {
            state.microphone_muted = Some(muted);
            state.wish(RecordOrder::Mute(muted));
        });
    }

    /// Waits for a viewer that takes sound, other than `before`; a name for it. Cancel safe: nothing is lost.
    pub async fn audience(&self, before: Option<u32>) -> u32 {
        let mut changes = self.stage.changed.subscribe();
        loop {
            let audience = self.stage.state().audience;
            match audience {
                Some(viewer) if before != Some(viewer) => return viewer,
                // The stage holds the sender.
                _ => drop(changes.changed().await),
            }
        }
    }

    /// Whether this viewer still takes sound.
    pub fn is_heard_by(&self, viewer: u32) -> bool {
        self.stage.state().audience == Some(viewer)
    }

    /// What the viewer's user said, next: interleaved samples of the format that was listened for. Cancel safe: nothing is
    /// lost.
    pub async fn recorded(&self) -> Vec<i16> {
        let mut changes = self.stage.changed.subscribe();
        loop {
            let samples = self.stage.state().take_recorded();
            match samples {
                Some(samples) => return samples,
                // The stage holds the sender.
                None => drop(changes.changed().await),
            }
        }
    }
}

/// Where embedder and viewer meet.
#[derive(Debug)]
pub(super) struct Stage {
    /// Held only to copy.
    state: Mutex<State>,
    changed: watch::Sender<()>,
}

/// What is to be heard, and what was.
#[derive(Debug, Default)]
struct State {
    playing: Option<Format>,
    volume: Option<Vec<u16>>,
    muted: Option<bool>,
    latency: Option<Duration>,
    /// The viewer that takes sound.
    audience: Option<u32>,
    /// What it has not been told.
    steps: VecDeque<Step>,
    /// Samples in `steps`.
    waiting: usize,
    listening: Option<Format>,
    microphone_volume: Option<Vec<u16>>,
    microphone_muted: Option<bool>,
    /// The viewer that has a microphone.
    speaker: Option<u32>,
    /// What it has not been told.
    wishes: VecDeque<RecordOrder>,
    /// What it said.
    recorded: VecDeque<Vec<i16>>,
    /// Samples in `recorded`.
    recorded_samples: usize,
}

/// What a viewer is to be told next.
#[derive(Debug)]
pub(super) enum Step {
    Order(PlaybackOrder),
    /// Samples of the stream that runs.
    Samples(Vec<i16>),
}

impl Stage {
    pub fn new() -> Self {
        Self {
            state: Mutex::default(),
            changed: watch::Sender::new(()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.send_replace(());
    }

    /// Tells when anything changes.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// A viewer takes sound from here on.
    pub fn join_audience(&self, viewer: u32) {
        self.change(|state| {
            state.audience = Some(viewer);
            state.begin_again(None);
        });
    }

    /// A viewer has a microphone from here on.
    pub fn join_speakers(&self, viewer: u32) {
        self.change(|state| {
            state.speaker = Some(viewer);
            state.wish_again(None);
        });
    }

    /// A viewer takes no more sound.
    pub fn leave_audience(&self, viewer: u32) {
        self.change(|state| {
            if state.audience == Some(viewer) {
                state.audience = None;
                (state.steps, state.waiting) = (VecDeque::new(), 0);
            }
        });
    }

    /// A viewer has no microphone any more.
    pub fn leave_speakers(&self, viewer: u32) {
        self.change(|state| {
            if state.speaker == Some(viewer) {
                (state.speaker, state.wishes) = (None, VecDeque::new());
            }
        });
    }

    /// What this viewer is to be told next.
    pub fn next_step(&self, viewer: u32) -> Option<Step> {
        let mut state = self.state();
        let step = match state.audience {
            Some(audience) if audience == viewer => state.steps.pop_front()?,
            _ => return None,
        };
        if let Step::Samples(samples) = &step {
            state.waiting -= samples.len();
        }
        Some(step)
    }

    /// What this viewer is to be told next of its microphone.
    pub fn next_wish(&self, viewer: u32) -> Option<RecordOrder> {
        let mut state = self.state();
        match state.speaker {
            Some(speaker) if speaker == viewer => state.wishes.pop_front(),
            _ => None,
        }
    }

    /// Whether this viewer is to be told something.
    pub fn has_steps(&self, viewer: u32) -> bool {
        let state = self.state();
        state.audience == Some(viewer) && !state.steps.is_empty()
    }

    /// Whether this viewer is to be told something of its microphone.
    pub fn has_wishes(&self, viewer: u32) -> bool {
        let state = self.state();
        state.speaker == Some(viewer) && !state.wishes.is_empty()
    }

    /// A viewer's user said something.
    pub fn record(&self, samples: Vec<i16>) {
        self.change(|state| state.record(samples));
    }
}

impl State {
    /// Keeps an order for the audience, if there is one.
    fn order(&mut self, order: PlaybackOrder) {
        if self.audience.is_none() {
            return;
        }
        self.steps.push_back(Step::Order(order));
        if self.steps.len() > MOST_STEPS {
            self.begin_again(Some(PlaybackOrder::Stop));
        }
    }

    fn play(&mut self, samples: &[i16]) {
        let Some(format) = self.playing.filter(|_| self.audience.is_some()) else {
            return;
        };
        let channels = usize::from(format.channels.max(1));
        let whole = samples.len() - samples.len() % channels;
        for piece in samples[..whole].chunks(PIECE * channels) {
            self.waiting += piece.len();
            self.steps.push_back(Step::Samples(piece.to_vec()));
        }
        let most = samples_in(PATIENCE, format);
        while self.waiting > most {
            let oldest = self
                .steps
                .iter()
                .position(|s| matches!(s, Step::Samples(_)));
            let oldest = oldest.and_then(|at| self.steps.remove(at));
            let Some(Step::Samples(samples)) = oldest else {
                return;
            };
            self.waiting -= samples.len();
        }
    }

    /// Tells the audience how things are, after `first`.
    fn begin_again(&mut self, first: Option<PlaybackOrder>) {
        let orders = [
            first,
            self.volume.clone().map(PlaybackOrder::Volume),
            self.muted.map(PlaybackOrder::Mute),
            self.playing.map(PlaybackOrder::Start),
            self.latency.map(PlaybackOrder::Latency),
        ];
        self.steps = orders.into_iter().flatten().map(Step::Order).collect();
        self.waiting = 0;
    }

    /// Keeps a wish for who has a microphone.
    fn wish(&mut self, wish: RecordOrder) {
        if self.speaker.is_none() {
            return;
        }
        self.wishes.push_back(wish);
        if self.wishes.len() > MOST_STEPS {
            self.wish_again(Some(RecordOrder::Stop));
        }
    }

    fn wish_again(&mut self, first: Option<RecordOrder>) {
        let wishes = [
            first,
            self.microphone_volume.clone().map(RecordOrder::Volume),
            self.microphone_muted.map(RecordOrder::Mute),
            self.listening.map(RecordOrder::Listen),
        ];
        self.wishes = wishes.into_iter().flatten().collect();
    }

    fn record(&mut self, samples: Vec<i16>) {
        let Some(format) = self.listening else {
            return;
        };
        self.recorded_samples += samples.len();
        self.recorded.push_back(samples);
        while self.recorded_samples > samples_in(PATIENCE, format) && self.recorded.len() > 1 {
            self.take_recorded();
        }
    }

    fn take_recorded(&mut self) -> Option<Vec<i16>> {
        let samples = self.recorded.pop_front()?;
        self.recorded_samples -= samples.len();
        Some(samples)
    }
}

/// Samples of all channels in this time.
fn samples_in(time: Duration, format: Format) -> usize {
    let frames = time.as_millis() as u64 * u64::from(format.rate) / 1000;
    frames as usize * usize::from(format.channels)
}

/// Codes the sound of one viewer, both ways.
#[derive(Debug, Default)]
pub(super) struct Coder {
    encoder: Option<Encoder>,
    decoder: Option<Decoder>,
}

impl Coder {
    /// A stream begins, to be coded in this mode.
    pub fn start(&mut self, format: Format, mode: Mode) {
        self.encoder = Some(Encoder::new(format, mode == Mode::Opus));
    }

    /// The packets that samples fill.
    pub fn encode(&mut self, samples: &[i16]) -> Vec<Packet> {
        let encoder = self.encoder.as_mut();
        encoder.map_or(Vec::new(), |encoder| encoder.encode(samples))
    }

    /// The stream is over: its last packet.
    pub fn finish(&mut self) -> Option<Packet> {
        self.encoder.take().and_then(Encoder::finish)
    }

    /// The viewer is listened to in this format.
    pub fn listen(&mut self, format: Format) {
        self.decoder = Some(Decoder::new(format));
    }

    /// The samples of a packet of the viewer's.
    ///
    /// # Errors
    ///
    /// When it is damaged.
    pub fn decode(&mut self, packet: &Packet) -> Result<Vec<i16>, BadPacket> {
        match &mut self.decoder {
            Some(decoder) => decoder.decode(packet).map(<[i16]>::to_vec),
            None => Ok(Vec::new()),
        }
    }
}
