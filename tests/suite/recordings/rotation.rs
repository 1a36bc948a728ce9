//! Recordings in several files: each plays alone, and ends in the picture the session had when the next one began.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use capsaicin::recording::{
    About, Border, Choices, Ended, Player, Progress, Reader, Recorder, Series, Survey, Switch,
};
use capsaicin::session::Tap;
use tempfile::TempDir;

use super::{file, play};
use crate::support::recordings::wait_for_writer;

/// A size, and rows of red, green and blue.
type Picture = (u32, u32, Vec<u8>);

fn rgb(size: capsaicin::geometry::Size, rows: impl Iterator<Item = u8>) -> Picture {
    let bytes: Vec<u8> = rows.collect();
    let pixels = bytes.chunks_exact(4).flat_map(|p| [p[0], p[1], p[2]]);
    (size.width, size.height, pixels.collect())
}

/// What the session of a player shows.
fn shown(player: &Player<&[u8]>) -> Picture {
    let display = player.session().display(0).expect("a display");
    let surface = display.canvas().surface(0).expect("a screen");
    rgb(surface.size(), surface.pixels().data().iter().copied())
}

/// What a file shows when it is played to its end.
fn ends_at(path: &Path) -> Picture {
    let played = play(&std::fs::read(path).expect("the file is there"));
    assert!(
        played.losses.is_empty(),
        "{}: {:?}",
        path.display(),
        played.losses
    );
    let view = played.screen.view().expect("a screen");
    rgb(view.size, view.rows().flatten().copied())
}

/// A session that is recorded in several files.
struct Rotated {
    folder: TempDir,
    progress: Progress,
    /// What the session showed at each border, and at its end.
    pictures: Vec<Picture>,
}

impl Rotated {
    /// The files that are there, in the order of their names.
    fn files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path()).expect("the folder is there");
        let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }
}

fn about() -> About {
    About {
        comment: "a test".into(),
        choices: Choices {
            input: true,
            clipboard: true,
        },
        ..About::default()
    }
}

/// Plays a recording, and records it in files as a driver does: the session is shown when it is wanted, between two frames.
fn rotated(name: &str, series: impl FnOnce(&Path) -> Series) -> Rotated {
    let bytes = file(name);
    let survey = Survey::read(Reader::new(&*bytes).unwrap()).unwrap();
    let mut player = Player::new(Reader::new(&*bytes).unwrap(), survey.choose(None));
    let folder = TempDir::new().expect("a scratch folder");
    let series = series(&folder.path().join("x.pcapng"));
    let mut switch = Switch::default();
    let (recorder, recording) = Recorder::start_series(series, &about()).expect("a first file");
    switch.begin_now(recorder);
    player.set_tap(Some(Box::new(switch.clone())));
    let mut pictures = Vec::new();
    while player.step(Duration::MAX).unwrap() {
        wait_for_writer(&recording);
        // Pictures of video that wait at a border are shown at the end of the file, where they are still due.
        let display = player.session().display(0);
        let is_still = display
            .is_some_and(|display| display.canvas().surface(0).is_some() && !display.has_video());
        if is_still && switch.wants_session() && player.session().is_settled() {
            pictures.push(shown(&player));
            switch.session(player.now(), player.session());
        }
    }
    pictures.push(shown(&player));
    switch.end();
    Rotated {
        folder,
        progress: recording.finish(),
        pictures,
    }
}

fn every_file_plays_alone(name: &str, size: u64) {
    let rotated = rotated(name, |path| Series::new(path, Border::Bytes(size), None));
    assert_eq!(rotated.progress.ended, None);
    let files = rotated.files();
    assert!(files.len() >= 3, "{name}: {} files", files.len());
    assert_eq!(files.len(), rotated.pictures.len(), "{name}");
    assert_eq!(rotated.progress.files.kept, files);
    let bytes = files.iter().map(|file| file.metadata().unwrap().len());
    assert_eq!(rotated.progress.bytes, bytes.sum::<u64>(), "{name}");
    for (path, picture) in files.iter().zip(&rotated.pictures) {
        assert!(ends_at(path) == *picture, "{name}: {}", path.display());
    }
}

#[test]
fn every_file_of_a_desktop_plays_alone_and_ends_where_the_next_begins() {
    every_file_plays_alone("guest-desktop.pcapng", 20_000);
}

#[test]
fn every_file_plays_alone_though_images_refer_to_others_from_before() {
    every_file_plays_alone("image-glz.pcapng", 30_000);
    every_file_plays_alone("image-cache.pcapng", 8000);
}

#[test]
fn every_file_plays_alone_though_surfaces_and_pointers_are_from_before() {
    every_file_plays_alone("draws-composite-surface.pcapng", 20_000);
    every_file_plays_alone("xspice-move-video.pcapng", 200_000);
}

#[test]
fn a_file_that_is_old_enough_is_followed_by_another() {
    let rotated = rotated("firmware-menu.pcapng", |path| {
        Series::new(path, Border::Time(Duration::from_nanos(1)), None)
    });
    let files = rotated.files();
    assert!(files.len() > 3, "{}", files.len());
    assert!(ends_at(&files[0]) == rotated.pictures[0]);
    assert!(ends_at(&files[1]) == rotated.pictures[1]);
}

#[test]
fn only_files_of_this_recording_are_deleted() {
    let keep = NonZeroU32::new(2);
    let rotated = rotated("guest-desktop.pcapng", |path| {
        for other in ["x.pcapng", "x-0000.pcapng", "x-1.pcapng", "y-0001.pcapng"] {
            std::fs::write(path.with_file_name(other), b"somebody else's").unwrap();
        }
        Series::new(path, Border::Bytes(20_000), keep).overwriting()
    });
    let written = rotated.pictures.len();
    let names: Vec<String> = rotated
        .files()
        .iter()
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    let newest = format!("x-{written:04}.pcapng");
    let before = format!("x-{:04}.pcapng", written - 1);
    let others = ["x-0000.pcapng", "x-1.pcapng", "x.pcapng", "y-0001.pcapng"];
    assert_eq!(
        names,
        [others[0], &before, &newest, others[1], others[2], others[3]]
    );
    assert_eq!(rotated.progress.files.deleted, written as u64 - 2);
    assert_eq!(rotated.progress.files.kept.len(), 2);
}

#[test]
fn files_that_are_there_already_are_seen_before_recording_begins() {
    let folder = TempDir::new().unwrap();
    let series = |name: &str| Series::new(&folder.path().join(name), Border::Bytes(1), None);
    assert_eq!(series("x.pcapng").taken(), None);
    let taken = folder.path().join("x-0012.pcapng");
    std::fs::write(&taken, b"").unwrap();
    assert_eq!(series("x.pcapng").taken(), Some(taken));
    assert_eq!(series("x.pcap").taken(), None);
    assert_eq!(series("y.pcapng").taken(), None);
}

/// Linux has a full disk for tests: whoever opens the second file gets there.
#[test]
#[cfg(target_os = "linux")]
fn a_disk_that_is_full_at_the_second_file_leaves_the_first_one_whole() {
    let rotated = rotated("guest-desktop.pcapng", |path| {
        let second = path.with_file_name("x-0002.pcapng");
        std::os::unix::fs::symlink("/dev/full", second).unwrap();
        Series::new(path, Border::Bytes(20_000), None).overwriting()
    });
    assert!(matches!(rotated.progress.ended, Some(Ended::Broken(_))));
    let first = rotated.folder.path().join("x-0001.pcapng");
    assert!(ends_at(&first) == rotated.pictures[0]);
}

#[test]
fn a_recording_that_is_ended_at_a_border_has_no_empty_file() {
    let bytes = file("guest-desktop.pcapng");
    let survey = Survey::read(Reader::new(&*bytes).unwrap()).unwrap();
    let mut player = Player::new(Reader::new(&*bytes).unwrap(), survey.choose(None));
    let folder = TempDir::new().unwrap();
    let series = Series::new(&folder.path().join("x.pcapng"), Border::Bytes(20_000), None);
    let switch = Switch::default();
    let (recorder, recording) = Recorder::start_series(series, &about()).unwrap();
    switch.begin_now(recorder);
    player.set_tap(Some(Box::new(switch.clone())));
    while !switch.wants_session() && player.step(Duration::MAX).unwrap() {
        wait_for_writer(&recording);
    }
    assert!(switch.wants_session(), "the border was reached");
    switch.end();
    let progress = recording.finish();
    assert_eq!(progress.ended, None);
    assert_eq!(progress.files.kept, [folder.path().join("x-0001.pcapng")]);
    assert!(ends_at(&progress.files.kept[0]) == shown(&player));
}
