//! Seek points in files of the program's own: going to them shows what playing from the beginning shows, and those that
//! lie are found.

use std::io::Cursor;
use std::time::{Duration, Instant};

use capsaicin::ClientEvent;
use capsaicin::client::Screens;
use capsaicin::recording::{
    About, Player, Reader, Record, Recorder, Replay, Scan, SharedFile, Spacing, Survey, Switch,
    What,
};
use capsaicin::session::{SessionConfig, Tap};

use super::{file, records};
use crate::support::recordings::{DENSE, recorded};

type File = SharedFile<Cursor<Vec<u8>>>;

/// A recording with what is known of it.
struct Opened {
    replay: Replay<File>,
    scan: Scan<File>,
}

fn opened(bytes: &[u8]) -> Opened {
    let reader = Reader::new(SharedFile::new(Cursor::new(bytes.to_vec()))).unwrap();
    let mut scan = Scan::of_file(reader.fork(), bytes.len() as u64);
    while !scan.run(Duration::from_secs(1)).unwrap() {}
    let session = scan.survey().choose(None);
    let replay = Replay::new(reader, session, SessionConfig::default());
    replay.index().learn(&scan, session);
    Opened { replay, scan }
}

/// What is shown, and what is said.
fn listen(replay: &mut Replay<File>) -> (Vec<(u8, Vec<u8>)>, Vec<String>) {
    let (mut screens, mut said) = (Screens::default(), Vec::new());
    while let Some(event) = replay.poll_event() {
        match event {
            ClientEvent::Display(event) => drop(screens.apply(&event)),
            ClientEvent::ChannelClosed(id, _) => screens.close(id.id),
            ClientEvent::Notice(notice) => said.push(notice.to_string()),
            _ => {}
        }
    }
    let shown = screens.displays().filter_map(|(id, screen)| {
        let view = screen.view()?;
        let rgb = view
            .rows()
            .flat_map(|row| row.chunks_exact(4))
            .flat_map(|p| [p[0], p[1], p[2]]);
        Some((id, rgb.collect()))
    });
    (shown.collect(), said)
}

fn straight(bytes: &[u8], at: Duration) -> Vec<(u8, Vec<u8>)> {
    let mut replay = opened(bytes).replay;
    replay.play_until(at).unwrap();
    listen(&mut replay).0
}

/// Every tenth of the recording, reached by seek points alone.
pub(super) fn every_seek_shows_what_playing_shows(bytes: &[u8], name: &str) {
    let length = opened(bytes).scan.survey().length;
    for part in [7, 3, 5, 1, 10, 9] {
        let mut replay = opened(bytes).replay;
        let at = length * part / 10;
        assert!(replay.seek(at, |_| true).unwrap());
        let (shown, said) = listen(&mut replay);
        assert!(shown == straight(bytes, at), "{name} at {at:?}");
        let about_points = said.iter().filter(|line| line.contains("seek point"));
        assert_eq!(about_points.count(), 0, "{name}: {said:?}");
    }
}

pub(super) fn points(records: &[Record]) -> usize {
    let points = records.iter().filter(|r| matches!(r.what, What::Point(_)));
    points.count()
}

#[test]
fn seeking_by_the_points_of_a_file_shows_what_playing_shows() {
    for name in [
        "guest-desktop.pcapng",
        "image-glz.pcapng",
        "image-cache-jpeg.pcapng",
        "draws-composite-surface.pcapng",
        "monitors-resize.pcapng",
    ] {
        let bytes = recorded(&[name], DENSE);
        assert!(points(&records(&bytes)) > 5, "{name}");
        every_seek_shows_what_playing_shows(&bytes, name);
    }
}

/// The index is believed without a look at what is in front of it.
#[test]
fn the_end_of_a_file_says_what_reading_it_all_says() {
    let bytes = recorded(&["guest-desktop.pcapng"], DENSE);
    let reader = || Reader::new(SharedFile::new(Cursor::new(bytes.clone()))).unwrap();
    let told = Scan::of_file(reader(), bytes.len() as u64);
    let mut read = Scan::new(reader());
    while !read.run(Duration::from_secs(1)).unwrap() {}
    assert_eq!(told.survey().sessions, read.survey().sessions);
    assert_eq!(told.survey().length, read.survey().length);
    assert_eq!(told.contents(0), read.contents(0));
    assert!(told.offset() < 2000, "{} bytes were read", told.offset());
}

#[test]
fn a_marker_is_where_it_was_set() {
    let bytes = recorded(&["firmware-menu.pcapng"], Spacing::default());
    let markers = opened(&bytes).scan.contents(0).markers;
    assert_eq!(markers.len(), 1);
    assert_eq!(markers[0].text, "the middle");
}

/// The session that comes second is what is shown at the end, and what was said of it is told later than of the first.
#[test]
fn a_recording_across_two_sessions_plays_one_after_the_other() {
    let names = ["firmware-menu.pcapng", "surface-16bit.pcapng"];
    let bytes = recorded(&names, DENSE);
    let Opened { scan, .. } = opened(&bytes);
    let survey = scan.survey();
    assert_eq!(survey.sessions.len(), 2);
    assert_eq!(survey.sessions[1].goes_on, Some(0));
    assert_eq!(survey.choose(None), 0);
    assert!(survey.sessions[1].begins >= survey.sessions[0].ends);
    let end = |name: &str| {
        let alone = file(name);
        straight(&alone, Duration::from_secs(3600))
    };
    // Up to just before the end of the first one; by itself it begins at the same time.
    let before = survey.sessions[0].ends - Duration::from_nanos(1);
    let alone = straight(&file(names[0]), before);
    assert!(straight(&bytes, before) == alone, "the first one");
    assert!(
        straight(&bytes, survey.length) == end(names[1]),
        "the second one"
    );
    every_seek_shows_what_playing_shows(&bytes, "two sessions");
}

/// One byte of each point is changed: the check sum tells, and the way there is played.
#[test]
fn a_damaged_seek_point_is_not_used_and_that_is_said() {
    let mut bytes = recorded(&["guest-desktop.pcapng"], DENSE);
    let length = opened(&bytes).scan.survey().length;
    let places: Vec<usize> = records(&bytes)
        .iter()
        .filter(|record| matches!(record.what, What::Point(_)))
        .map(|record| record.offset as usize)
        .collect();
    for place in &places {
        let len = u32::from_le_bytes(*bytes[place + 4..].first_chunk().unwrap()) as usize;
        bytes[place + len / 2] ^= 1;
    }
    let at = length * 3 / 4;
    let expected = straight(&bytes, at);
    let mut replay = opened(&bytes).replay;
    assert!(replay.seek(at, |_| true).unwrap());
    let (shown, said) = listen(&mut replay);
    assert!(shown == expected);
    let told = said
        .iter()
        .any(|line| line.contains("a seek point is not used"));
    assert!(told, "{said:?}");
}

/// The points of one recording in the places of those of another: each is sound by itself.
#[test]
fn a_point_that_shows_another_picture_is_found_by_playing_up_to_it() {
    let bytes = recorded(&["firmware-menu.pcapng"], DENSE);
    let lies = lying(&bytes);
    assert!(points(&records(&lies)) > 1);
    let Opened { replay, scan } = opened(&lies);
    let index = replay.index();
    let before = index.points();
    index.complete().unwrap();
    assert!(index.points() < before, "{before} points");
    drop(scan);
}

/// The same file with other check sums of surfaces in its points, and everything else made to fit.
fn lying(bytes: &[u8]) -> Vec<u8> {
    let mut lies = bytes.to_vec();
    for record in records(bytes) {
        let What::Point(_) = record.what else {
            continue;
        };
        // The block's header, then the note's; then two times and two numbers, and how many sums there are.
        let content = record.offset as usize + 8 + 28;
        let sums = u32::from_le_bytes(*lies[content + 24..].first_chunk().unwrap());
        if sums > 0 {
            lies[content + 28 + 5] ^= 0xff;
        }
    }
    lies
}

#[test]
fn a_file_that_is_cut_short_is_gone_through_by_the_points_it_has() {
    let bytes = recorded(&["guest-desktop.pcapng"], DENSE);
    for part in [1, 2, 3] {
        let cut = &bytes[..bytes.len() * part / 4];
        let Opened { mut replay, scan } = opened(cut);
        assert!(scan.survey().damage.is_some());
        let at = scan.survey().length;
        assert!(replay.seek(at, |_| true).unwrap());
        assert!(listen(&mut replay).0 == straight(cut, at));
    }
}

/// All channels change over to another host, whose server goes on with their state: nothing of it is said again.
#[test]
fn a_recording_of_a_session_that_moved_plays_beyond_the_move() {
    let name = "guest-desktop.pcapng";
    let bytes = file(name);
    let links = records(&bytes)
        .into_iter()
        .filter_map(|record| match record.what {
            What::Opened(link) => Some((record.channel, link)),
            _ => None,
        });
    let links: Vec<_> = links.collect();
    let survey = Survey::read(Reader::new(&*bytes).unwrap()).unwrap();
    let mut player = Player::new(Reader::new(&*bytes).unwrap(), survey.choose(None));
    let target = tempfile::NamedTempFile::new().unwrap();
    let (recorder, recording) =
        Recorder::start(target.reopen().unwrap(), &About::default()).unwrap();
    let mut switch = Switch::default();
    switch.begin_now(recorder);
    player.set_tap(Some(Box::new(switch.clone())));
    while player.step(survey.length / 2).unwrap() {}
    for (channel, link) in &links {
        switch.closed(player.now(), *channel);
        switch.opened(player.now(), *channel, link);
    }
    let began = Instant::now();
    while !switch.waits() {
        assert!(began.elapsed() < Duration::from_secs(60));
        std::thread::yield_now();
    }
    switch.session(player.now(), player.session());
    while player.step(Duration::MAX).unwrap() {}
    switch.end();
    assert_eq!(recording.finish().ended, None);

    let moved = std::fs::read(target.path()).unwrap();
    let survey = opened(&moved).scan.survey().clone();
    assert_eq!(
        survey.onward(0),
        [0, 2],
        "what was said on the way is passed over"
    );
    let end = Duration::from_secs(3600);
    assert!(straight(&moved, end) == straight(&bytes, end));
}
