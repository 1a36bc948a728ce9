//! What the session says, and what is done for the app outside of it: commands, files, recordings, another connection.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tokio::task::JoinError;

use super::Viewer;
use crate::session::{ClientEvent, CloseReason, Command, Migration, Tap};
use crate::sound::Heard;
use crate::term::clipboard;
use crate::tui::ViewError;
use crate::tui::action::{Action, Effect, Ending};
use crate::tui::feed::Feed;
use crate::tui::microphone;
use crate::tui::recording::{Running, Tape};
use crate::tui::redial::{Reach, Reached, Redialled, Refusal};
use crate::tui::saving::save;

impl Viewer {
    /// Asks the server whether it is still there, if there is one.
    pub(super) fn ask_for_life(&mut self) {
        if matches!(self.feed, Feed::Live(_)) {
            self.effects.push_back(Effect::Command(Command::AskForLife));
        }
    }

    /// Takes in an event and those that wait behind it, so that a burst makes one frame.
    pub(super) fn session_events(&mut self, first: Option<ClientEvent>) {
        const AT_ONCE: usize = 64;
        /// Time after which the user's keys come first again.
        const ENOUGH: Duration = Duration::from_millis(20);
        let begun = Instant::now();
        let Some(first) = first else {
            let reason = CloseReason::Broken("the session ended without a word".into());
            self.effects.push_back(Effect::End(Ending::Closed(reason)));
            return;
        };
        self.session_event(first);
        for _ in 0..AT_ONCE {
            if begun.elapsed() >= ENOUGH || self.app.staying.is_apart() {
                break;
            }
            let Some(event) = self.feed.try_next_event() else {
                break;
            };
            self.session_event(event);
        }
    }

    fn session_event(&mut self, event: ClientEvent) {
        let level = match &event {
            ClientEvent::Playback(event) => self.speaker.take(event),
            ClientEvent::Record(event) => {
                self.microphone.take(event);
                None
            }
            ClientEvent::Migration(Migration::Moved(to, _)) => {
                self.moved_to = Some(to.clone());
                None
            }
            _ => None,
        };
        self.update(Action::Session(event));
        if let Some(level) = level {
            self.update(Action::Level(level));
        }
    }

    /// Looks for the server that was lost.
    fn redial(&mut self, reach: Reach) {
        if let Some(redial) = &self.redial {
            let watch: Box<dyn Tap> = Box::new(self.app.watch.clone());
            let tape = self.tape.as_ref().filter(|_| reach == Reach::Connect);
            let switch = tape.map(|tape| Box::new(tape.another()) as Box<dyn Tap>);
            let taps: Vec<Box<dyn Tap>> = [watch].into_iter().chain(switch).collect();
            self.redialling
                .spawn(redial(reach, self.moved_to.clone(), Some(Box::new(taps))));
        }
    }

    /// Video follows the sound that is heard.
    pub(super) fn heard(&mut self, heard: Heard) {
        match heard {
            Heard::After(delay) => {
                let delay = Effect::Command(Command::PlaybackDelay(delay));
                self.effects.push_back(delay);
                self.update(Action::Unheard(None));
            }
            Heard::Not(why) => self.update(Action::Unheard(Some(why))),
        }
    }

    pub(super) async fn perform(&mut self) -> Result<Option<Ending>, ViewError> {
        while let Some(effect) = self.effects.pop_front() {
            match effect {
                Effect::Command(command) => self.feed.send(command).await,
                Effect::Play(order) => self.feed.order(order),
                Effect::Record => self.toggle_recording().await,
                Effect::MarkRecording => {
                    if self.tape.as_ref().is_some_and(Tape::mark) {
                        let text = "marked; play goes there with [ and ]".to_owned();
                        self.update(Action::Recorded(text));
                    }
                }
                Effect::Copy(text) => {
                    let bytes = clipboard::copy(&text, self.app.capabilities.passes_through());
                    self.write(bytes);
                }
                Effect::Save {
                    stem,
                    extension,
                    content,
                } => {
                    let write = move || save(Path::new(""), stem, extension, &content);
                    self.saving.spawn_blocking(write);
                }
                Effect::Redial(reach) => self.redial(reach),
                Effect::Sound(on) => self.speaker.turn(on),
                Effect::Quieter(percent) => self.speaker.set_cut(percent),
                Effect::Microphone(on) => self.microphone.turn(on),
                Effect::Layout(layout) => self.remember.iter().for_each(|keep| keep(layout)),
                Effect::Suspend => {
                    self.suspend()?;
                }
                Effect::End(ending) => return Ok(Some(ending)),
            }
        }
        Ok(None)
    }

    /// Begins to record, or ends it.
    async fn toggle_recording(&mut self) {
        let is_taping = self.tape.as_ref().is_some_and(Tape::is_running);
        if is_taping {
            self.tape.iter_mut().for_each(Tape::end);
            return;
        }
        if let Err(error) = self.begin_recording(None) {
            self.update(Action::Recorded(format!("cannot record: {error}")));
        }
        // A session where nothing happens is woken by a question.
        self.feed.send(Command::Stats).await;
    }

    pub(super) fn begin_recording(&mut self, file: Option<PathBuf>) -> io::Result<()> {
        let now = self.started.elapsed();
        let target = self.app.setup.target.clone();
        if let Some(tape) = &mut self.tape {
            let path = tape.begin(&target, file, now)?;
            self.update(Action::Recorded(format!(
                "recording into {}",
                path.display()
            )));
        }
        Ok(())
    }

    /// Looks how recording goes.
    pub(super) async fn watch_tape(&mut self) {
        let now = self.started.elapsed();
        let Some(tape) = &mut self.tape else { return };
        if tape.wakes(now) {
            self.feed.send(Command::Stats).await;
        }
        let progress = tape.progress(now);
        if progress.as_ref().is_some_and(|(_, has_ended)| *has_ended) {
            tape.end();
        }
        let running = progress.map(|(running, _)| running);
        let shown = |running: &Option<Running>| running.as_ref().map(Running::text);
        if shown(&self.app.recording) != shown(&running) {
            self.update(Action::Recording(running));
        }
    }

    pub(super) fn saved(&mut self, saved: Result<io::Result<PathBuf>, JoinError>) {
        let outcome = match saved {
            Ok(Ok(path)) => Ok(path.display().to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the program failed".into()),
        };
        self.update(Action::Saved(outcome));
    }

    pub(super) fn redialled(&mut self, outcome: Redialled) {
        let reached = Reached::from(&outcome);
        if let Ok(Some(client)) = outcome {
            self.microphone = microphone::Worker::new(self.sound.clone(), client.sender());
            self.feed = client.into();
        }
        self.update(Action::Redialled(reached));
    }
}

/// What an attempt came to, even if it broke.
pub(super) fn redialled(outcome: Result<Redialled, JoinError>) -> Redialled {
    outcome.unwrap_or_else(|_| {
        Err(Refusal {
            text: "something broke inside".into(),
            is_final: true,
        })
    })
}
