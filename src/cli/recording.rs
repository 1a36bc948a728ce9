//! Recordings as targets: which files are some, and what they show.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use super::report::{Exit, Failure, say};
use crate::client::{Framebuffer, Screens};
use crate::recording::{ErrorKind, Instead, Player, Reader, RecordingError, Survey, is_capture};
use crate::session::ClientEvent;

/// Losses told one by one; more are counted.
const LOSSES_TOLD: usize = 3;

/// What a recording shows at a moment.
pub struct Shown {
    /// The screens of its displays.
    pub screens: Screens,
    /// The moment, since the recording began.
    pub at: Duration,
    /// Which of its sessions this is, from 0.
    pub session: usize,
    /// How many sessions are in it.
    pub sessions: usize,
    /// Why it could not be read to its end.
    pub damage: Option<String>,
}

/// Whether this is a file that begins as recordings do, or is called like one.
pub fn is_recording(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.unwrap_or_default().to_ascii_lowercase();
    let named = name.strip_suffix(".gz").unwrap_or(&name);
    let mut magic = Vec::new();
    // A socket must not be opened, nor a pipe read twice.
    let regular = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    if regular && let Ok(file) = File::open(path) {
        let _ = file.take(4).read_to_end(&mut magic);
    }
    [".pcapng", ".pcap"].iter().any(|e| named.ends_with(e)) || is_capture(&magic)
}

/// Plays a recording up to a moment, or to its end.
///
/// # Errors
///
/// When it cannot be read, or shows nothing then.
pub fn show(path: &Path, at: Option<Duration>) -> Result<Shown, Failure> {
    let failure = |error: RecordingError| cannot_open(path, &error);
    let survey = Survey::read(open(path)?).map_err(failure)?;
    let session = survey.choose(at);
    let mut player = Player::new(open(path)?, session);
    match at {
        Some(at) => player.play_until(at),
        None => player.play_to_end(),
    }
    .map_err(failure)?;
    warn(path, &survey, &mut player);
    let mut screens = Screens::default();
    while let Some(event) = player.poll_event() {
        if let ClientEvent::Display(event) = event {
            screens.apply(&event);
        }
    }
    // A picture that nobody ever declared complete is still all there is at the end.
    let is_there =
        |screen: &Framebuffer| screen.view().is_some() && (screen.is_marked() || at.is_none());
    let empty: Vec<u8> = screens
        .displays()
        .filter(|(_, screen)| !is_there(screen))
        .map(|(display, _)| display)
        .collect();
    empty.into_iter().for_each(|display| screens.close(display));
    if screens.displays().next().is_none() {
        return Err(no_picture(path, &survey, at));
    }
    Ok(Shown {
        screens,
        at: player.now(),
        session,
        sessions: survey.sessions.len(),
        damage: survey.damage.map(|damage| damage.to_string()),
    })
}

/// Opens a recording.
///
/// # Errors
///
/// When it cannot be read, or is none.
pub fn open(path: &Path) -> Result<Reader<File>, Failure> {
    let file = File::open(path)
        .map_err(|error| Failure::file("open", &path.display().to_string(), &error))?;
    Reader::new(file).map_err(|error| cannot_open(path, &error))
}

/// Why a recording could not be opened or read, in words.
pub fn cannot_open(path: &Path, error: &RecordingError) -> Failure {
    let name = path.display().to_string();
    let hint = match &error.kind {
        ErrorKind::Io(kind, text) => {
            let verb = if error.offset == 0 { "open" } else { "read" };
            return Failure::file(verb, &name, &io::Error::new(*kind, text.clone()));
        }
        ErrorKind::NotARecording(_) => "recordings are captures of plain SPICE, .pcapng or .pcap",
        ErrorKind::Compressed => "unpack it with gunzip",
        ErrorKind::NoSpice(Instead { tls: 1.., .. }) => {
            "what is encrypted cannot be read from outside: capture on the server's plain port"
        }
        ErrorKind::NoSpice(_) => {
            "the capture must hold a SPICE connection from its first packet on"
        }
        _ => return Failure::new(Exit::File, format!("cannot open {name}: {error}")),
    };
    Failure::new(Exit::File, format!("cannot open {name}: {error}")).with_hint(hint)
}

/// There is nothing to see, in words.
pub fn no_picture(path: &Path, survey: &Survey, at: Option<Duration>) -> Failure {
    let name = path.display();
    let first = survey.sessions.iter().find_map(|s| s.pictured);
    match (at, first) {
        (Some(at), Some(first)) => Failure::new(
            Exit::Usage,
            format!(
                "cannot take the screen: {name} has no complete picture at {} s",
                at.as_secs_f64()
            ),
        )
        .with_hint(format!(
            "the first is there at {:.3} s",
            first.as_secs_f64()
        )),
        _ => Failure::new(
            Exit::File,
            format!("cannot take the screen: there is no picture in {name}"),
        ),
    }
}

/// Says what is missing in the recording.
pub fn warn(path: &Path, survey: &Survey, player: &mut Player<File>) {
    let name = path.display();
    if let Some(damage) = &survey.damage {
        say(format_args!(
            "{name} is {damage}; it was played up to there"
        ));
    }
    warn_of_losses(path, player);
}

/// Says what was missing in what was played.
pub fn warn_of_losses(path: &Path, player: &mut Player<File>) {
    let name = path.display();
    let mut losses = 0;
    while let Some(loss) = player.poll_loss() {
        losses += 1;
        if losses <= LOSSES_TOLD {
            say(format_args!("{name}: {loss}"));
        }
    }
    if losses > LOSSES_TOLD {
        let more = losses - LOSSES_TOLD;
        say(format_args!("{name}: the like {more} times more"));
    }
}
