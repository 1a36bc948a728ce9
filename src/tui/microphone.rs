//! The user's microphone: off until it is asked for, and a sign on the status line as long as it is on.

use super::action::Effect;
use super::app::App;
use crate::channel::audio::RecordEvent;
pub(super) use worker::{Told, Worker};

/// The microphone as the viewer knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Microphone {
    /// Whether the user lets the guest hear.
    pub on: bool,
    /// Whether the guest listens.
    wanted: bool,
    /// Whether the guest is to hear and there is nothing to hear with.
    fails: bool,
}

impl Microphone {
    /// What the status line says: nothing while it is off, unless the guest would listen.
    pub fn status(&self) -> &'static str {
        match (self.on, self.wanted) {
            (true, _) if self.fails => "mic fails",
            (true, true) => "MIC LIVE",
            (true, false) => "mic on",
            (false, true) => "mic off",
            (false, false) => "",
        }
    }
}

impl App {
    /// Takes in what the record channel tells.
    pub(super) fn record(&mut self, event: &RecordEvent) {
        let before = self.microphone.clone();
        match event {
            RecordEvent::Wanted { .. } => self.microphone.wanted = true,
            RecordEvent::Stopped => {
                (self.microphone.wanted, self.microphone.fails) = (false, false)
            }
            _ => {}
        }
        self.stale |= self.microphone != before;
    }

    /// The microphone cannot be heard with, for this reason; or it can.
    pub(super) fn microphone_fails(&mut self, why: Option<String>) {
        let fails = why.is_some();
        let news = self.microphone.fails != fails;
        self.microphone.fails = fails;
        self.stale |= news;
        if let Some(why) = why.filter(|_| news) {
            self.log_line(&why);
            self.flash(why);
        }
    }

    /// Switches it on or off.
    pub(super) fn toggle_microphone(&mut self, effects: &mut Vec<Effect>) {
        if self.setup.view_only {
            return self.flash("view only: the guest hears nothing".into());
        }
        self.microphone.on = !self.microphone.on;
        self.microphone.fails = false;
        effects.push(Effect::Microphone(self.microphone.on));
        let text = match (self.microphone.on, self.microphone.wanted) {
            (true, true) => "the guest hears your microphone",
            (true, false) => "the guest hears your microphone when it listens",
            (false, _) => "the microphone is off",
        };
        self.flash(text.into());
    }
}

/// Listening.
#[cfg(feature = "audio")]
mod worker {
    use std::future::pending;
    use std::path::PathBuf;
    use std::sync::{Arc, Mutex, PoisonError};
    use std::time::Duration;

    use tokio::sync::mpsc;
    use tokio::task::{JoinHandle, spawn_blocking};
    use tokio::time::Instant;

    use crate::channel::audio::{Format, RecordEvent};
    use crate::client::CommandSender;
    use crate::session::Command;
    use crate::sound::pulse::{Source, Trouble};
    use crate::sound::{Encoder, Loudness};

    /// How long to leave a server alone that was not there.
    const RETRY: Duration = Duration::from_secs(1);

    /// What becomes of the microphone.
    pub enum Told {
        /// It hears.
        Hears,
        /// It does not, for this reason; it is tried again.
        Fails(String),
    }

    /// Records from a sound server while the user wants it and the guest listens, and not a moment longer.
    pub struct Worker {
        socket: Option<PathBuf>,
        sender: CommandSender,
        on: bool,
        wanted: Option<Format>,
        loudness: Arc<Mutex<Loudness>>,
        state: State,
        /// Told by the thread of a source that ended, by its number.
        ended: (mpsc::Sender<u64>, mpsc::Receiver<u64>),
        /// The number of the newest source.
        number: u64,
    }

    enum State {
        Off,
        /// No place is known where a sound server would listen.
        Nowhere,
        Opening(JoinHandle<Result<Source, Trouble>>),
        /// Dropping the source ends it.
        Hears(#[allow(dead_code, reason = "it is held")] Source),
        RetryAt(Instant),
    }

    impl Worker {
        /// Nothing is recorded before it is [turned](Self::turn) on.
        pub fn new(socket: Option<PathBuf>, sender: CommandSender) -> Self {
            Self {
                socket,
                sender,
                on: false,
                wanted: None,
                loudness: Arc::default(),
                state: State::Off,
                ended: mpsc::channel(4),
                number: 0,
            }
        }

        /// Lets the guest hear, or not.
        pub fn turn(&mut self, on: bool) {
            self.on = on;
            self.begin();
        }

        /// Takes what the record channel tells.
        pub fn take(&mut self, event: &RecordEvent) {
            match event {
                RecordEvent::Wanted { format, .. } => {
                    self.wanted = Some(*format);
                    self.begin();
                }
                RecordEvent::Stopped => {
                    self.wanted = None;
                    self.begin();
                }
                RecordEvent::Volume(volume) => self.loudness(|l| l.set_volume(volume)),
                RecordEvent::Muted(muted) => self.loudness(|l| l.set_muted(*muted)),
            }
        }

        /// What becomes of it. Cancel safe: what is under way stays in its place.
        pub async fn told(&mut self) -> Told {
            loop {
                tokio::select! {
                    Some(number) = self.ended.1.recv() => {
                        if number == self.number && matches!(self.state, State::Hears(_)) {
                            self.state = State::RetryAt(Instant::now() + RETRY);
                            return Told::Fails("the sound server let go of the microphone".into());
                        }
                    }
                    opened = opened(&mut self.state) => match opened {
                        Some(Ok(source)) => {
                            self.state = State::Hears(source);
                            return Told::Hears;
                        }
                        Some(Err(trouble)) => {
                            if self.socket.is_some() {
                                self.state = State::RetryAt(Instant::now() + RETRY);
                            }
                            return Told::Fails(trouble.to_string());
                        }
                        None => self.begin(),
                    },
                }
            }
        }

        fn loudness(&self, change: impl FnOnce(&mut Loudness)) {
            change(&mut self.loudness.lock().unwrap_or_else(PoisonError::into_inner));
        }

        /// Begins anew, or ends.
        fn begin(&mut self) {
            self.state = match &self.socket {
                None if self.on => State::Nowhere,
                _ => State::Off,
            };
            let wanted = self.wanted.filter(|_| self.on);
            let (Some(format), Some(socket)) = (wanted, &self.socket) else {
                return;
            };
            self.number += 1;
            let (number, ended) = (self.number, self.ended.0.clone());
            let (sender, loudness) = (self.sender.clone(), Arc::clone(&self.loudness));
            let mut encoder = Encoder::raw(format);
            let socket = socket.clone();
            let hear = move |samples: Option<Vec<i16>>| {
                let Some(mut samples) = samples else {
                    // When the queue is full, it holds others that ended.
                    let _ = ended.try_send(number);
                    return false;
                };
                let held = loudness.lock().unwrap_or_else(PoisonError::into_inner);
                held.apply(&mut samples, format.channels);
                drop(held);
                // What the session has no room for is lost; without a session there is nobody to hear it.
                let packets = encoder.encode(&samples).into_iter();
                packets
                    .map(|packet| sender.try_send(Command::Record(packet)))
                    .all(|sent| sent.is_ok())
            };
            let open = spawn_blocking(move || Source::open(&socket, format, hear));
            self.state = State::Opening(open);
        }
    }

    /// The source once it is open, or why it is not; `None` when it is to be tried again. Cancel safe: the task goes on, and
    /// a time stays.
    async fn opened(state: &mut State) -> Option<Result<Source, Trouble>> {
        match state {
            State::Opening(task) => match task.await {
                Ok(opened) => Some(opened),
                Err(error) => Some(Err(Trouble::Refused(error.to_string()))),
            },
            State::RetryAt(at) => {
                tokio::time::sleep_until(*at).await;
                None
            }
            State::Nowhere => {
                *state = State::Off;
                let text = "neither PULSE_SERVER nor XDG_RUNTIME_DIR says where".to_owned();
                Some(Err(Trouble::Refused(text)))
            }
            State::Off | State::Hears(_) => pending().await,
        }
    }
}

/// Where there is nothing to listen with.
#[cfg(not(feature = "audio"))]
mod worker {
    use std::path::PathBuf;

    use crate::channel::audio::RecordEvent;
    use crate::client::CommandSender;

    /// What becomes of the microphone.
    pub enum Told {
        /// It hears.
        Hears,
        /// It does not, for this reason.
        Fails(String),
    }

    /// Records nothing.
    pub struct Worker {
        on: Option<bool>,
    }

    impl Worker {
        /// There is no server that this build could record from.
        pub fn new(_socket: Option<PathBuf>, _sender: CommandSender) -> Self {
            Self { on: None }
        }

        /// Will say that it cannot.
        pub fn turn(&mut self, on: bool) {
            self.on = Some(on);
        }

        /// Passes it over.
        pub fn take(&mut self, _event: &RecordEvent) {}

        /// That it fails, once it is turned on. Cancel safe: it only takes a value.
        pub async fn told(&mut self) -> Told {
            match self.on.take() {
                Some(true) => Told::Fails("this build has no sound".into()),
                Some(false) => Told::Hears,
                None => std::future::pending().await,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_line_says_whether_the_guest_hears() {
        let said = |on, wanted, fails| Microphone { on, wanted, fails }.status();
        assert_eq!(said(false, false, false), "");
        assert_eq!(said(false, true, false), "mic off");
        assert_eq!(said(true, false, false), "mic on");
        assert_eq!(said(true, true, false), "MIC LIVE");
        assert_eq!(said(true, true, true), "mic fails");
    }
}
