//! `serve --source recording FILE`: a recording as a machine that viewers connect to.
//!
//! The first complete picture stands until somebody looks; then it plays in its own time, and the last one stays. What
//! is shown is the first display, with the pointer as the recorded server had it, and what is heard is what was played then.

use std::convert::Infallible;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::recording;
use super::report::{Exit, Failure, say};
use crate::canvas::Damage;
use crate::channel::audio::server::Offer;
use crate::channel::audio::{Mode, PlaybackEvent};
use crate::channel::cursor;
use crate::client::Screens;
use crate::geometry::Size;
use crate::recording::{Player, RecordingError, Summary, Survey};
use crate::server::{DisplayHandle, SoundHandle, SpiceServer};
use crate::session::{ClientEvent, ServerEvent, SessionConfig};
use crate::sound::Decoder;

/// How often what was drawn is passed on.
const STEP: Duration = Duration::from_millis(15);

/// How long the last picture stays before a recording begins again.
const BREATH: Duration = Duration::from_secs(2);

/// How far it is played beyond its last message: a server sends frames of video before they are due.
const LATEST: Duration = Duration::from_secs(60);

/// A recording that can be played.
pub struct Tape {
    path: PathBuf,
    session: usize,
    summary: Summary,
    /// Of its first picture.
    pub size: Size,
    /// How its sound can be sent without losing any of it; nothing where there is none.
    pub sound: Offer,
    /// Whether it begins again at its end.
    again: bool,
}

impl Tape {
    /// Looks into a recording.
    ///
    /// # Errors
    ///
    /// When it cannot be read, or shows nothing.
    pub fn open(path: &Path, again: bool) -> Result<Self, Failure> {
        let survey = Survey::read(recording::open(path)?)
            .map_err(|error| recording::cannot_open(path, &error))?;
        let session = survey.choose(None);
        if let Some(damage) = &survey.damage {
            let name = path.display();
            say(format_args!("{name} is {damage}; it is played up to there"));
        }
        let summary = survey.played(session);
        let Some(summary) = summary.filter(|summary| summary.pictured.is_some()) else {
            let text = format!("cannot serve {}: there is no picture in it", path.display());
            return Err(Failure::new(Exit::File, text));
        };
        let mut tape = Self {
            path: path.to_owned(),
            session,
            summary,
            size: Size::default(),
            sound: Offer::Nothing,
            again,
        };
        let mut stage = tape.stage(None)?;
        stage.play_until(tape.first())?;
        tape.size = stage.size();
        tape.sound = tape.listen()?;
        Ok(tape)
    }

    /// Looks for sound: its first packet says how it is coded.
    fn listen(&self) -> Result<Offer, Failure> {
        let mut player = self.player(SessionConfig {
            pixels: false,
            playback: true,
            ..SessionConfig::default()
        })?;
        let failed = |error: RecordingError| recording::cannot_open(&self.path, &error);
        while player.step(self.summary.ends).map_err(failed)? {
            while let Some(event) = player.poll_event() {
                if let ClientEvent::Playback(PlaybackEvent::Packet { packet, .. }) = event {
                    return Ok(match packet.mode {
                        Mode::Opus => Offer::Opus,
                        _ => Offer::Raw,
                    });
                }
            }
        }
        Ok(Offer::Nothing)
    }

    /// When the first picture is complete.
    fn first(&self) -> Duration {
        self.summary.pictured.unwrap_or(self.summary.begins)
    }

    fn player(&self, config: SessionConfig) -> Result<Player<File>, Failure> {
        let reader = recording::open(&self.path)?;
        Ok(Player::with_config(reader, self.session, config))
    }

    fn stage(&self, house: Option<&House>) -> Result<Stage, Failure> {
        let sound = house.and_then(|house| house.sound.clone());
        Ok(Stage {
            path: self.path.clone(),
            player: self.player(SessionConfig {
                playback: sound.is_some(),
                ..SessionConfig::default()
            })?,
            screens: Screens::default(),
            display: house.map(|house| house.display.clone()),
            sound,
            stream: None,
            damage: Damage::default(),
            whole: true,
        })
    }

    /// Plays, once `begin` says so, until it is over.
    fn play(&self, house: &House, begin: &Receiver<()>, over: &Over) -> Result<(), Failure> {
        let mut stage = self.stage(Some(house))?;
        stage.play_until(self.first())?;
        // Nobody will look when the server is gone.
        if begin.recv().is_err() {
            return Ok(());
        }
        // What is missing is said once.
        let mut is_new = true;
        loop {
            let started = Instant::now();
            let mut at = self.first();
            while at < self.summary.ends {
                if over.is_so_within(STEP) {
                    return Ok(());
                }
                at = (self.first() + started.elapsed()).min(self.summary.ends);
                stage.play_until(at)?;
            }
            stage.play_until(self.summary.ends.saturating_add(LATEST))?;
            if std::mem::take(&mut is_new) {
                recording::warn_of_losses(&stage.path, &mut stage.player);
            }
            if !self.again {
                return Ok(());
            }
            // What has one picture has no time in which it would be noticed elsewhere.
            if over.is_so_within(BREATH) {
                return Ok(());
            }
            stage = self.stage(Some(house))?;
            stage.play_until(self.first())?;
        }
    }
}

/// Where it is played.
struct House {
    display: DisplayHandle,
    /// Unless its sound is not wanted.
    sound: Option<SoundHandle>,
}

/// Serves a recording until the server ends; its sound unless viewers hear something else.
///
/// # Errors
///
/// When it cannot be read any more.
pub async fn run(mut server: SpiceServer, tape: Tape, with_sound: bool) -> Result<(), Failure> {
    let house = House {
        display: server.display(),
        sound: with_sound.then(|| server.sound()),
    };
    let (begin, begun) = channel();
    // It goes when this function ends, whatever ends it.
    let (_here, gone) = channel();
    let over = Over(gone);
    let mut playing = tokio::task::spawn_blocking(move || tape.play(&house, &begun, &over));
    let mut plays = true;
    loop {
        tokio::select! {
            played = &mut playing, if plays => {
                played.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
                // The last picture stays.
                plays = false;
            }
            event = server.next_event() => match event {
                // Fails when it has been played already.
                Some(ServerEvent::Connected { .. }) => drop(begin.send(())),
                Some(_) => {}
                None => return Ok(()),
            },
        }
    }
}

/// Whether the server is gone: whoever could say something here is.
struct Over(Receiver<Infallible>);

impl Over {
    /// Waits for that, for so long at most.
    fn is_so_within(&self, time: Duration) -> bool {
        self.0.recv_timeout(time) == Err(RecvTimeoutError::Disconnected)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // A stream that the recording leaves running ends with it.
        if let Some(sound) = &self.sound {
            sound.stop();
        }
    }
}

/// A recording being played onto a display.
struct Stage {
    path: PathBuf,
    player: Player<File>,
    screens: Screens,
    /// Where it is shown; `None` only to look at it.
    display: Option<DisplayHandle>,
    /// Where it is heard.
    sound: Option<SoundHandle>,
    /// The decoder of the stream that runs.
    stream: Option<Decoder>,
    /// What was drawn and not yet passed on.
    damage: Damage,
    /// Whether all of it is to be passed on.
    whole: bool,
}

impl Stage {
    fn play_until(&mut self, at: Duration) -> Result<(), Failure> {
        let played = self.player.play_until(at);
        played.map_err(|error: RecordingError| recording::cannot_open(&self.path, &error))?;
        while let Some(event) = self.player.poll_event() {
            match event {
                ClientEvent::Display(event) => {
                    let damage = self.screens.apply(&event);
                    if Some(event.display()) == self.first_display() {
                        self.damage.merge(&damage);
                    }
                }
                ClientEvent::Cursor(event) if Some(event.display()) == self.first_display() => {
                    self.point(event);
                }
                ClientEvent::Playback(event) => self.hear(event),
                _ => {}
            }
        }
        self.pass_on()
    }

    /// Passes sound on as it comes.
    fn hear(&mut self, event: PlaybackEvent) {
        let Some(sound) = &self.sound else {
            return;
        };
        match event {
            PlaybackEvent::Started(format) => {
                self.stream = Some(Decoder::new(format));
                sound.start(format);
            }
            PlaybackEvent::Packet { packet, .. } => {
                // What is damaged is a gap, as it was for the viewer then.
                let decoded = self.stream.as_mut().map(|stream| stream.decode(&packet));
                if let Some(Ok(samples)) = decoded {
                    sound.play(samples);
                }
            }
            PlaybackEvent::Stopped => {
                self.stream = None;
                sound.stop();
            }
            PlaybackEvent::Volume(volume) => sound.set_volume(&volume),
            PlaybackEvent::Muted(muted) => sound.set_muted(muted),
            PlaybackEvent::Latency(latency) => sound.set_latency(latency),
        }
    }

    fn first_display(&self) -> Option<u8> {
        self.screens.displays().next().map(|(id, _)| id)
    }

    /// Width and height of what is shown.
    fn size(&self) -> Size {
        let first = self.screens.displays().next();
        let view = first.and_then(|(_, screen)| screen.shown());
        view.map_or(Size::default(), |view| view.size)
    }

    fn point(&self, event: cursor::Event) {
        let Some(display) = &self.display else {
            return;
        };
        match event {
            cursor::Event::Shape {
                shape: Some(shape), ..
            } => display.show_cursor(shape),
            cursor::Event::Moved { position, .. } => display.move_cursor(position),
            cursor::Event::Shape { shape: None, .. }
            | cursor::Event::Visible { visible: false, .. } => display.hide_cursor(),
            cursor::Event::Visible { .. } => {}
        }
    }

    /// Draws what has changed.
    fn pass_on(&mut self) -> Result<(), Failure> {
        let Some((_, screen)) = self.screens.displays().next() else {
            return Ok(());
        };
        // While a new screen is drawn for the first time the one before stays.
        let (Some(view), true, Some(display)) = (screen.view(), screen.is_marked(), &self.display)
        else {
            self.whole = true;
            return Ok(());
        };
        let drawn = (|| {
            if view.size != display.size() {
                display.resize(view.size)?;
                self.whole = true;
            }
            if std::mem::take(&mut self.whole) {
                return display.draw(view.size.to_rect(), view);
            }
            for rect in self.damage.rects() {
                display.draw(*rect, view.crop(*rect))?;
            }
            Ok(())
        })();
        self.damage = Damage::default();
        drawn.map_err(|error| {
            let name = self.path.display();
            Failure::new(Exit::File, format!("cannot show {name}: {error}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::channel::display::messages as display;
    use crate::channel::main::messages as main;
    use crate::channel::{ChannelId, ChannelKind, Message};
    use crate::link::Established;
    use crate::net::Address;
    use crate::recording::{Choices, Writer};
    use crate::server::ServerConfig;
    use crate::session::Way;
    use crate::wire::{Frame, HeaderKind};

    /// A recording of a screen of 8 by 8 pixels, all of which happens in one moment.
    fn one_picture(path: &Path) {
        let file = File::create(path).expect("a scratch file");
        let choices = Choices::default();
        let mut writer = Writer::new(file, "a test", SystemTime::now(), choices).unwrap();
        let at = Duration::ZERO;
        let mut says = |channel, frames: &[Frame]| {
            let link = Established {
                header: HeaderKind::Full,
                ..Established::default()
            };
            writer.opened(at, channel, &link).unwrap();
            for frame in frames {
                writer.frame(at, channel, Way::ToClient, frame).unwrap();
            }
        };
        let init = main::Init {
            session_id: 1,
            display_channels_hint: 1,
            supported_mouse_modes: 1,
            current_mouse_mode: 1,
            agent_connected: 0,
            agent_tokens: 0,
            multi_media_time: 0,
            ram_hint: 0,
        };
        says(
            ChannelId::MAIN,
            &[main::ServerMessage::Init(init).to_frame()],
        );
        let create = display::SurfaceCreate {
            surface_id: 0,
            width: 8,
            height: 8,
            format: display::SurfaceFormat::Xrgb,
            flags: display::SurfaceFlags::PRIMARY,
        };
        says(
            ChannelId::new(ChannelKind::Display, 0),
            &[
                display::ServerMessage::SurfaceCreate(create).to_frame(),
                display::ServerMessage::Mark.to_frame(),
            ],
        );
    }

    #[tokio::test]
    async fn one_picture_that_is_played_over_and_over_ends_with_its_server() {
        let folder = tempfile::tempdir().expect("a scratch folder");
        let path = folder.path().join("one.pcapng");
        one_picture(&path);
        let tape = Tape::open(&path, true).unwrap();
        assert_eq!(tape.first(), tape.summary.ends, "there is no time in it");
        let address = Address::tcp("127.0.0.1", 0);
        let server = SpiceServer::bind_to(&address, ServerConfig::default()).await;
        let house = House {
            display: server.expect("a port").display(),
            sound: None,
        };

        let (begin, begun) = channel();
        begin.send(()).unwrap();
        let (here, gone) = channel();
        let (ended, end) = channel();
        std::thread::spawn(move || ended.send(tape.play(&house, &begun, &Over(gone)).is_ok()));
        drop(here);
        assert_eq!(end.recv_timeout(Duration::from_secs(60)), Ok(true));
    }
}
