//! Going to a moment of a recording shows what playing it up to there shows.

use std::io::Cursor;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use capsaicin::channel::ChannelId;
use capsaicin::client::Screens;
use capsaicin::recording::{Reader, Replay, SharedFile, Survey};
use capsaicin::session::{SessionConfig, Tap, Way};
use capsaicin::wire::Frame;
use capsaicin::{ClientEvent, CursorEvent};

use super::file;

type File = SharedFile<Cursor<Vec<u8>>>;

fn replay(name: &str) -> (Replay<File>, Survey) {
    let bytes = file(name);
    let survey = Survey::read(Reader::new(&*bytes).unwrap()).unwrap();
    let reader = Reader::new(SharedFile::new(Cursor::new(bytes))).unwrap();
    let config = SessionConfig::default();
    (Replay::new(reader, survey.choose(None), config), survey)
}

/// What somebody sees who is told everything.
#[derive(Default)]
struct Viewer {
    screens: Screens,
    pointer: Vec<CursorEvent>,
}

impl Viewer {
    fn listen(&mut self, replay: &mut Replay<File>) {
        while let Some(event) = replay.poll_event() {
            match event {
                ClientEvent::Display(event) => drop(self.screens.apply(&event)),
                ClientEvent::ChannelClosed(id, _) => self.screens.close(id.id),
                ClientEvent::Cursor(event) => {
                    let kind = std::mem::discriminant(&event);
                    self.pointer
                        .retain(|old| std::mem::discriminant(old) != kind);
                    self.pointer.push(event);
                }
                _ => {}
            }
        }
        self.pointer
            .sort_by_key(|event| format!("{event:?}").chars().take(3).collect::<String>());
    }

    fn shown(&self) -> Vec<(u8, bool, Vec<u8>)> {
        let shown = self.screens.displays().filter_map(|(id, screen)| {
            let view = screen.view()?;
            Some((
                id,
                screen.is_marked(),
                view.rows().flatten().copied().collect(),
            ))
        });
        shown.collect()
    }

    fn visible(&self) -> bool {
        let shown =
            |event: &CursorEvent| matches!(event, CursorEvent::Visible { visible: true, .. });
        self.pointer.iter().any(shown)
    }
}

fn straight(name: &str, at: Duration) -> Viewer {
    let (mut replay, _) = replay(name);
    replay.play_until(at).unwrap();
    let mut viewer = Viewer::default();
    viewer.listen(&mut replay);
    viewer
}

/// Goes forth and back through a recording, with as many checkpoints as there can be.
fn every_seek_shows_what_playing_shows(name: &str) {
    let (mut replay, survey) = replay(name);
    replay.index().set_spacing(Duration::ZERO);
    let indexed = replay.index().complete().unwrap();
    assert!(
        indexed.whole && indexed.checkpoints > 1,
        "{name}: {indexed:?}"
    );
    let mut viewer = Viewer::default();
    for part in [7, 3, 5, 1, 10, 2, 9, 8, 0, 10] {
        let at = survey.length * part / 10;
        assert!(replay.seek(at, |_| true).unwrap());
        viewer.listen(&mut replay);
        let expected = straight(name, at);
        assert!(viewer.shown() == expected.shown(), "{name} at {at:?}");
        assert_eq!(viewer.visible(), expected.visible(), "{name} at {at:?}");
    }
}

#[test]
fn seeking_in_a_desktop_shows_what_playing_shows() {
    every_seek_shows_what_playing_shows("guest-desktop.pcapng");
}

#[test]
fn seeking_among_images_of_every_kind_shows_what_playing_shows() {
    let names = [
        "image-glz.pcapng",
        "image-cache-evict.pcapng",
        "image-cache-jpeg.pcapng",
    ];
    names
        .into_iter()
        .for_each(every_seek_shows_what_playing_shows);
}

#[test]
fn seeking_through_draw_commands_and_offscreen_surfaces_shows_what_playing_shows() {
    let names = [
        "draws-commands.pcapng",
        "draws-composite-surface.pcapng",
        "surface-16bit.pcapng",
    ];
    names
        .into_iter()
        .for_each(every_seek_shows_what_playing_shows);
}

#[test]
fn seeking_through_pointers_monitors_and_video_shows_what_playing_shows() {
    let names = [
        "cursors.pcapng",
        "monitors-resize.pcapng",
        "stream-sized.pcapng",
    ];
    names
        .into_iter()
        .for_each(every_seek_shows_what_playing_shows);
}

#[test]
fn an_index_of_no_memory_to_speak_of_still_leads_everywhere() {
    let (mut replay, survey) = replay("guest-desktop.pcapng");
    let at = survey.length / 3;
    replay.play_until(survey.length).unwrap();
    assert!(
        replay.seek(at, |_| true).unwrap(),
        "there is no index at all"
    );
    let mut viewer = Viewer::default();
    viewer.listen(&mut replay);
    assert!(viewer.shown() == straight("guest-desktop.pcapng", at).shown());
}

#[test]
fn a_seek_that_is_given_up_stands_where_it_was_left() {
    let (mut replay, survey) = replay("guest-desktop.pcapng");
    let mut asked = 0;
    let whole = replay.seek(survey.length, |_| {
        asked += 1;
        false
    });
    assert!(!whole.unwrap());
    assert_eq!(asked, 1);
    let mut viewer = Viewer::default();
    viewer.listen(&mut replay);
    assert!(viewer.shown() == straight("guest-desktop.pcapng", replay.now()).shown());
}

/// Counts frames.
#[derive(Clone, Default)]
struct Counter(Arc<Mutex<usize>>);

impl Tap for Counter {
    fn frame(&mut self, _: Duration, _: ChannelId, _: Way, _: &Frame) {
        *self.0.lock().unwrap() += 1;
    }
}

#[test]
fn a_tap_sees_what_is_played_and_not_what_is_passed_over() {
    let (mut replay, survey) = replay("guest-desktop.pcapng");
    let counter = Counter::default();
    replay.set_tap(Some(Box::new(counter.clone())));
    replay.seek(survey.length / 2, |_| true).unwrap();
    assert_eq!(*counter.0.lock().unwrap(), 0);
    replay.play_until(survey.length).unwrap();
    assert!(*counter.0.lock().unwrap() > 0);
}
