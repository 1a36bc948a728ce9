//! The recordings of this repository, as tests and benches use them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use capsaicin::client::Framebuffer;
use capsaicin::recording::{
    About, Choices, Player, Reader, Record, Recorder, Recording, Spacing, Survey, Switch,
};
use capsaicin::session::Tap;
use capsaicin::{ClientEvent, DisplayEvent, Notice};

/// Where a recording lies.
pub fn path(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("recordings");
    folder.join(name)
}

/// The names of all recordings.
pub fn names() -> Vec<String> {
    let files = std::fs::read_dir(path("")).expect("the folder is there");
    let names = files.map(|file| file.expect("it can be read").file_name().into_string());
    let mut names: Vec<String> = names.map(|name| name.expect("plain letters")).collect();
    names.retain(|name| name.ends_with(".pcapng"));
    names.sort_unstable();
    assert!(names.len() >= 24, "{names:?}");
    names
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

/// As many seek points as there can be.
pub const DENSE: Spacing = Spacing {
    bytes: 0,
    time: Duration::ZERO,
    share: 0,
};

/// Everything is recorded.
fn about(spacing: Spacing) -> About {
    About {
        comment: "a test".into(),
        choices: Choices {
            input: true,
            clipboard: true,
        },
        spacing,
        ..About::default()
    }
}

/// Until all that was recorded is written.
pub fn wait_for_writer(recording: &Recording) {
    let began = Instant::now();
    while recording.is_behind() {
        assert!(began.elapsed() < Duration::from_secs(60));
        std::thread::yield_now();
    }
}

/// Plays recordings one after the other, as sessions of one recording that goes on; a marker in the middle of each.
pub fn recorded(names: &[&str], spacing: Spacing) -> Vec<u8> {
    let files: Vec<Vec<u8>> = names.iter().map(|name| file(name)).collect();
    recorded_again(&files, spacing)
}

/// The same of recordings that are in memory.
pub fn recorded_again(files: &[Vec<u8>], spacing: Spacing) -> Vec<u8> {
    let target = tempfile::NamedTempFile::new().unwrap();
    let (recorder, recording) = Recorder::start(target.reopen().unwrap(), &about(spacing)).unwrap();
    let first = Switch::default();
    first.begin_now(recorder);
    for (place, bytes) in files.iter().enumerate() {
        let mut switch = match place {
            0 => first.clone(),
            _ => first.another(),
        };
        let bytes = bytes.as_slice();
        let survey = Survey::read(Reader::new(bytes).unwrap()).unwrap();
        let mut player = Player::new(Reader::new(bytes).unwrap(), survey.choose(None));
        player.set_tap(Some(Box::new(switch.clone())));
        let mut middle = Some(survey.length / 2);
        while player.step(Duration::MAX).unwrap() {
            wait_for_writer(&recording);
            if switch.wants_session() && player.session().is_settled() {
                switch.session(player.now(), player.session());
            }
            if middle.take_if(|middle| *middle <= player.now()).is_some() {
                assert!(switch.mark("the middle"));
            }
        }
    }
    first.end();
    let progress = recording.finish();
    assert_eq!(progress.ended, None);
    let bytes = std::fs::read(target.path()).unwrap();
    assert_eq!(progress.bytes, bytes.len() as u64);
    bytes
}
