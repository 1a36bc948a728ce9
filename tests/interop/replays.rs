//! Sessions with real servers, what is recorded of them while they run, and what that is played and exported to: the same pixels as
//! the server's own, through every codec, and as many messages as Wireshark counts.

use std::path::{Path, PathBuf};

use capsaicin::recording::{Reader, Survey};
use libtest_mimic::Trial;
use tempfile::TempDir;

use crate::draws::{WAYS, Way};
use crate::peers::draws::Draws;
use crate::peers::picture::{Picture, assert_same};
use crate::peers::qemu::{Boot, Machine, Qemu};
use crate::peers::tmux::Tmux;
use crate::peers::{Peer, spicy, until};
use crate::recording::{Recorder, assert_wireshark_agrees};
use crate::server::{ANY_PORT, MODES, address_of, serve, test_card};
use crate::support::recordings::play;
use crate::viewer::Viewer;
use crate::{LIMIT, guest, program, test};

pub fn tests() -> Vec<Trial> {
    const DRAWS: &[Peer] = &[Peer::DrawingServer, Peer::Spicy, Peer::Wireshark];
    const VIEWED: &[Peer] = &[Peer::DrawingServer, Peer::Tmux, Peer::Wireshark];
    const QEMU: &[Peer] = &[Peer::Qemu, Peer::Guest, Peer::Wireshark];
    let mut tests = Vec::new();
    for way in &WAYS {
        tests.push(test(
            format!(
                "replays::every_scene_is_played_as_the_server_drew_it::{}",
                way.name
            ),
            DRAWS,
            || every_scene_is_played_as_the_server_drew_it(way),
        ));
        tests.push(test(
            format!(
                "replays::a_viewer_that_records_from_the_middle_on_has_what_the_server_drew::{}",
                way.name
            ),
            VIEWED,
            || a_viewer_that_records_from_the_middle_on_has_what_the_server_drew(way),
        ));
    }
    tests.push(test(
        "replays::a_viewer_that_records_in_several_files_has_what_the_server_drew_in_each",
        VIEWED,
        a_viewer_that_records_in_several_files_has_what_the_server_drew_in_each,
    ));
    for (compression, _) in MODES {
        tests.push(test(
            format!("replays::what_capsaicin_serves_is_played_as_it_was_served::{compression}"),
            &[Peer::Wireshark],
            move || what_capsaicin_serves_is_played_as_it_was_served(compression),
        ));
    }
    tests.push(test(
        "replays::firmware_that_starts_is_played_as_qemu_dumps_it",
        &[Peer::Qemu, Peer::Wireshark],
        || a_start_is_played_as_qemu_dumps_it(Boot::Firmware, Qemu::still_screen),
    ));
    tests.push(test(
        "replays::a_guest_that_starts_and_scrolls_is_played_as_qemu_dumps_it",
        QEMU,
        || a_start_is_played_as_qemu_dumps_it(guest::console(), scrolled),
    ));
    tests
}

/// Scenes of which each encoding takes a part, and what they leave on the screen for the next.
const SCENES: [&str; 8] = [
    "fill", "big", "text", "surface", "copybits", "cache", "plt", "mix",
];

/// How near a picture that has lost something is to the original at least.
const NEAR_DB: f64 = 40.0;

/// Whether this is what the server drew: exactly, unless the way of sending it loses something.
fn is_it(way: &Way, shown: &Picture, drawn: &Picture) -> bool {
    match way.tolerance {
        0 => shown == drawn,
        _ => shown.likeness(drawn) >= NEAR_DB,
    }
}

/// What a recording shows at its end; one that is still being written has whole messages up to some place.
pub fn shown(file: &Path) -> Option<Picture> {
    let bytes = std::fs::read(file).ok()?;
    Reader::new(&*bytes).and_then(Survey::read).ok()?;
    let played = play(&bytes);
    assert_eq!(played.losses, [], "nothing is missing in the file");
    let view = played.screen.view()?;
    let pixels = view.rows().flat_map(|row| row.chunks_exact(4));
    let rgb = pixels.flat_map(|p| [p[2], p[1], p[0]]).collect();
    Some(Picture::from_rgb(view.size.width, view.size.height, rgb))
}

/// Waits until what is recorded so far is what the server drew.
fn wait_until_recorded(name: &str, file: &Path, is_it: impl Fn(&Picture) -> bool) {
    let mut last = None;
    let recorded = || {
        last = shown(file);
        last.as_ref().is_some_and(&is_it).then_some(())
    };
    until(&format!("{name} in the recording"), LIMIT, recorded);
}

/// What `capsaicin screenshot` and `capsaicin export` make of a recording, which is the same.
fn exported(file: &Path) -> Picture {
    let name = file.to_str().expect("UTF-8");
    let taken = program::screenshot(name, &[]);
    let folder = TempDir::new().expect("a scratch folder");
    let output = folder.path().join("end.png");
    let ended = program::run(&["export", name, "-o", output.to_str().expect("UTF-8")]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let exported = Picture::from_png(&std::fs::read(output).expect("it was made"));
    assert_same("exported", &exported, &taken);
    exported
}

fn every_scene_is_played_as_the_server_drew_it(way: &Way) {
    let mut server = Draws::start(way.options, &SCENES);
    let recorder = Recorder::start(&server.address);
    let mut drawn = None;
    for (place, scene) in ["start"].iter().chain(&SCENES).enumerate() {
        let picture = server.wait_for(scene);
        wait_until_recorded(scene, &recorder.file, |shown| is_it(way, shown, &picture));
        drawn = Some(picture);
        // After the last one the server would leave.
        if place < SCENES.len() {
            server.go_on(scene);
        }
    }
    let drawn = drawn.expect("scenes were drawn");
    let (facts, file, _folder) = recorder.end();

    let seen = spicy::screenshot(&server.address, None);
    let live = program::screenshot(&server.address, &[]);
    for (who, picture) in [
        ("spicy", seen),
        ("live", live),
        ("recorded", exported(&file)),
    ] {
        let likeness = picture.likeness(&drawn);
        assert!(is_it(way, &picture, &drawn), "{who}: {likeness:.1} dB");
    }
    assert_wireshark_agrees(&file, &facts);
}

fn a_viewer_that_records_from_the_middle_on_has_what_the_server_drew(way: &Way) {
    const MIDDLE: usize = 4;
    let mut server = Draws::start(way.options, &SCENES);
    let terminal = Tmux::start(100, 30);
    let viewer = Viewer::start(&terminal, &server.address);
    for scene in ["start"].iter().chain(&SCENES[..MIDDLE]) {
        server.wait_for(scene);
        server.go_on(scene);
    }
    server.wait_for(SCENES[MIDDLE]);
    terminal.key("C-]");
    terminal.text("r");
    terminal.wait_for("REC ");
    let file = recorded_by_the_viewer(&terminal);
    for pair in SCENES[MIDDLE..].windows(2) {
        server.go_on(pair[0]);
        let drawn = server.wait_for(pair[1]);
        wait_until_recorded(pair[1], &file, |shown| is_it(way, shown, &drawn));
    }
    let drawn = server.wait_for(SCENES[SCENES.len() - 1]);
    viewer.quit();

    let picture = exported(&file);
    let likeness = picture.likeness(&drawn);
    assert!(is_it(way, &picture, &drawn), "{likeness:.1} dB");
    assert_wireshark_agrees(&file, &serde_json::Value::Null);
}

/// The file that the viewer has made in its folder.
fn recorded_by_the_viewer(terminal: &Tmux) -> PathBuf {
    until("a recording", LIMIT, || {
        let mut files = std::fs::read_dir(terminal.scratch()).ok()?.flatten();
        let file = files.find(|file| file.file_name().to_string_lossy().ends_with(".pcapng"))?;
        Some(file.path())
    })
}

fn a_viewer_that_records_in_several_files_has_what_the_server_drew_in_each() {
    let way = &WAYS[0];
    let mut server = Draws::start(way.options, &SCENES);
    let terminal = Tmux::start(100, 30);
    let target = format!("{} --record day.pcapng --rotate 32k", server.address);
    let viewer = Viewer::start(&terminal, &target);
    terminal.wait_for("REC ");
    let newest = || files(&terminal).pop().unwrap_or_default();
    let mut drawn = Vec::new();
    for (place, scene) in ["start"].iter().chain(&SCENES).enumerate() {
        let picture = server.wait_for(scene);
        let recorded = || shown(&newest()).filter(|shown| is_it(way, shown, &picture));
        until(&format!("{scene} in the newest file"), LIMIT, recorded);
        drawn.push(picture);
        if place < SCENES.len() {
            server.go_on(scene);
        }
    }
    let screen = viewer.quit();

    let files = files(&terminal);
    assert!(files.len() > 1, "{files:?}");
    assert!(screen.contains("day-0001.pcapng to "), "{screen}");
    for file in &files {
        assert_wireshark_agrees(file, &serde_json::Value::Null);
        // The moments at which a file ends are the program's own; the last one is the server's.
        assert!(shown(file).is_some(), "{}", file.display());
    }
    let end = exported(files.last().expect("files"));
    assert!(is_it(way, &end, drawn.last().expect("scenes")));
}

/// The recordings in the viewer's folder, in the order of their names.
fn files(terminal: &Tmux) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(terminal.scratch()).expect("the folder is there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "pcapng"));
    files.sort();
    files
}

fn what_capsaicin_serves_is_played_as_it_was_served(compression: &str) {
    let picture = test_card();
    let dir = TempDir::new().expect("a scratch folder");
    let server = serve(
        &picture,
        &[ANY_PORT, "--compression", compression],
        dir.path(),
    );
    let address = address_of(&server);
    let recorder = Recorder::start(&address);
    wait_until_recorded("the picture", &recorder.file, |shown| *shown == picture);
    let live = program::screenshot(&address, &[]);
    let (facts, file, _folder) = recorder.end();

    assert_same("live", &live, &picture);
    assert_same("recorded", &exported(&file), &picture);
    assert_wireshark_agrees(&file, &facts);
}

fn a_start_is_played_as_qemu_dumps_it(boot: Boot, settled: fn(&mut Qemu) -> Picture) {
    let mut qemu = Machine::new(boot).switched_off().start();
    let recorder = Recorder::start(&qemu.address);
    recorder.wait_for(4_000);
    qemu.qmp.cont();
    qemu.booted();
    let screen = settled(&mut qemu);
    wait_until_recorded("the screen", &recorder.file, |shown| *shown == screen);
    let (facts, file, _folder) = recorder.end();

    let live = program::screenshot(&qemu.address, &[]);

    assert!(!screen.is_blank(), "nothing on the screen");
    assert_same("live", &live, &screen);
    assert_same("recorded", &exported(&file), &screen);
    assert_wireshark_agrees(&file, &facts);
}

/// The console after a shell has printed more than there is room for.
fn scrolled(qemu: &mut Qemu) -> Picture {
    let command = "ls -l /bin; echo DONE >/dev/ttyS0\n";
    // Each when the guest has taken the one before: a PC's keyboard buffer is small.
    for (taken, character) in (1..).zip(command.chars()) {
        qemu.qmp.press(&crate::keys::codes(character));
        crate::keys::wait_until_taken(qemu, taken);
    }
    until("the end of the list", LIMIT, || {
        qemu.guest_log().contains("DONE").then_some(())
    });
    qemu.quiet_screen();
    qemu.still_screen()
}
