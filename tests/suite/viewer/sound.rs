//! The guest's sound and the user's microphone on the status line and in the menu.

use capsaicin::ClientEvent;
use capsaicin::channel::audio::{Format, PlaybackEvent, RecordEvent};
use capsaicin::tui::action::{Action, Effect};

use super::Viewer;

const STEREO: Format = Format {
    channels: 2,
    rate: 48_000,
};

impl Viewer {
    /// The status line.
    fn status(&mut self) -> String {
        self.text().pop().expect("a line")
    }
}

fn listening() -> Viewer {
    let mut viewer = Viewer::of_size(100, 24);
    viewer.session(ClientEvent::Record(RecordEvent::Wanted {
        format: STEREO,
        opus: true,
    }));
    viewer
}

#[test]
fn the_microphone_is_off_until_it_is_asked_for_and_then_never_out_of_sight() {
    let mut viewer = listening();
    assert!(viewer.status().contains("mic off"));

    assert_eq!(viewer.menu("Um"), [Effect::Microphone(true)]);
    viewer.wait(10_000);
    assert!(viewer.status().contains("MIC LIVE"), "{}", viewer.status());
    viewer.act(Action::Resized {
        columns: 40,
        rows: 24,
        cell_aspect: 0.5,
    });
    assert!(viewer.status().contains("MIC LIVE"), "{}", viewer.status());

    viewer.session(ClientEvent::Record(RecordEvent::Stopped));
    assert!(viewer.status().contains("mic on"), "{}", viewer.status());
    assert_eq!(viewer.menu("Um"), [Effect::Microphone(false)]);
    viewer.wait(10_000);
    assert!(!viewer.status().contains("mic"), "{}", viewer.status());
}

#[test]
fn a_microphone_that_is_not_there_is_told() {
    let mut viewer = listening();
    viewer.menu("Um");
    viewer.act(Action::MicrophoneFails(Some("no server".into())));
    assert!(viewer.text().join("\n").contains("no server"));
    viewer.wait(10_000);
    assert!(viewer.status().contains("mic fails"), "{}", viewer.status());
    viewer.act(Action::MicrophoneFails(None));
    assert!(viewer.status().contains("MIC LIVE"), "{}", viewer.status());
}

#[test]
fn the_sound_becomes_quieter_and_louder_by_tenths_and_the_menu_stays() {
    let mut viewer = Viewer::of_size(100, 24);
    viewer.session(ClientEvent::Playback(PlaybackEvent::Started(STEREO)));

    let cuts: Vec<_> = [10, 20, 10, 0, 0].map(Effect::Quieter).into();
    assert_eq!(viewer.menu("U--+++"), cuts);
    assert!(viewer.text().join("\n").contains("louder"));

    viewer.bytes(b"-");
    viewer.wait(10_000);
    assert!(viewer.status().contains("sound 90%"), "{}", viewer.status());
}
