//! The recordings of this repository, as tests and benches use them.

use std::path::PathBuf;
use std::time::Duration;

use capsaicin::client::Framebuffer;
use capsaicin::recording::{Player, Reader, Record, Survey};
use capsaicin::{ClientEvent, DisplayEvent, Notice};

/// Where a recording lies.
pub fn path(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("recordings");
    folder.join(name)
}

/// The bytes of a file of the folder.
pub fn file(name: &str) -> Vec<u8> {
    let path = path(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All that happens in a recording.
pub fn records(file: &[u8]) -> Vec<Record> {
    let mut reader = Reader::new(file).expect("a capture");
    std::iter::from_fn(|| reader.next_record().expect("memory can be read")).collect()
}

/// What a recording shows at its end.
pub struct Played {
    /// The first display.
    pub screen: Framebuffer,
    /// What the session had to say.
    pub notices: Vec<Notice>,
    /// What was missing in the file.
    pub losses: Vec<Notice>,
}

/// Plays a recording to its end.
pub fn play(file: &[u8]) -> Played {
    play_until(file, None)
}

/// Plays a recording to a moment, or to its end.
pub fn play_until(file: &[u8], at: Option<Duration>) -> Played {
    let survey = Survey::read(Reader::new(file).expect("a capture")).expect("SPICE in it");
    let mut player = Player::new(Reader::new(file).expect("a capture"), survey.choose(at));
    match at {
        Some(at) => player.play_until(at),
        None => player.play_to_end(),
    }
    .expect("memory can be read");
    let mut played = Played {
        screen: Framebuffer::default(),
        notices: Vec::new(),
        losses: std::iter::from_fn(|| player.poll_loss()).collect(),
    };
    while let Some(event) = player.poll_event() {
        match event {
            ClientEvent::Display(event) if is_first(&event) => {
                played.screen.apply(&event);
            }
            ClientEvent::Notice(notice) => played.notices.push(notice),
            _ => {}
        }
    }
    played
}

fn is_first(event: &DisplayEvent) -> bool {
    matches!(
        event,
        DisplayEvent::SurfaceCreated { display: 0, .. }
            | DisplayEvent::SurfaceDestroyed { display: 0, .. }
            | DisplayEvent::Region { display: 0, .. }
            | DisplayEvent::CopyRect { display: 0, .. }
            | DisplayEvent::Marked { display: 0 }
            | DisplayEvent::Monitors { display: 0, .. }
    )
}
