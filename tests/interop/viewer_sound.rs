//! The viewer's sound: played on a sound server that comes and goes, and the microphone of that server.

use std::path::PathBuf;
use std::process::Command;

use capsaicin::sound::wav;
use libtest_mimic::Trial;

use crate::peers::process::Process;
use crate::peers::pulse::{Listener, Pulse};
use crate::peers::tmux::Tmux;
use crate::peers::{Peer, until};
use crate::program::CAPSAICIN;
use crate::server::{ANY_PORT, address_of};
use crate::sound::{STEREO, holds_tone, read, tone};
use crate::{LIMIT, test};

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "viewer_sound::the_viewer_plays_whenever_a_sound_server_is_there_and_as_loud_as_it_is_told",
            &[Peer::Tmux, Peer::Pulse],
            the_viewer_plays_whenever_a_sound_server_is_there,
        ),
        test(
            "viewer_sound::the_microphone_is_heard_while_it_is_on_and_not_before_or_after",
            &[Peer::Tmux, Peer::Pulse],
            the_microphone_is_heard_while_it_is_on,
        ),
    ]
}

/// A server that plays a tone of two minutes and listens, a place for a sound server, and the viewer between them.
struct Scene {
    terminal: Tmux,
    pulse: Pulse,
    server: Process,
}

impl Scene {
    /// Without a sound server.
    fn start() -> Self {
        let mut pulse = Pulse::start();
        pulse.kill();
        let terminal = Tmux::start(120, 30);
        let file = terminal.scratch().join("tone.wav");
        let file = std::fs::File::create(file).expect("the scratch folder is writable");
        let mut wav = wav::Writer::new(file, STEREO).expect("a WAV file");
        let mut at = 0;
        for _ in 0..12_000 {
            wav.write(&tone(&mut at)).expect("a WAV file");
        }
        wav.finish().expect("a WAV file");
        let mut command = Command::new(CAPSAICIN);
        command
            .args(["serve", ANY_PORT, "--raw-sound"])
            .args(["--audio", "tone.wav", "--mic", "heard.wav"])
            .current_dir(terminal.scratch());
        let server = Process::start("serve", &command, terminal.scratch());
        let address = address_of(&server);
        let socket = pulse.socket();
        terminal.command(&format!(
            "clear; PULSE_SERVER=unix:{} {CAPSAICIN} view {address}",
            socket.display()
        ));
        Self {
            terminal,
            pulse,
            server,
        }
    }

    fn heard(&self) -> PathBuf {
        self.terminal.scratch().join("heard.wav")
    }

    /// Presses the escape key and these.
    fn menu(&self, keys: &str) {
        self.terminal.key("C-]");
        self.terminal.wait_for("suspend");
        for key in keys.chars() {
            self.terminal.text(&key.to_string());
        }
    }
}

fn wait_for_tone(listener: &Listener) {
    until("the tone", LIMIT, || {
        holds_tone(&listener.heard()).then_some(())
    });
}

/// Waits until the highest of the last half second is within these.
fn wait_for_peak(listener: &Listener, what: &str, peaks: std::ops::Range<u16>) {
    until(what, LIMIT, || {
        let heard = listener.heard();
        let last = heard.get(heard.len().checked_sub(24_000)?..)?;
        let peak = last.iter().map(|sample| sample.unsigned_abs()).max()?;
        peaks.contains(&peak).then_some(())
    });
}

fn the_viewer_plays_whenever_a_sound_server_is_there() {
    let mut scene = Scene::start();
    scene.terminal.wait_for("sound fails");

    for _ in 0..2 {
        scene.pulse.restart();
        let listener = scene.pulse.listen();
        wait_for_tone(&listener);
        scene.terminal.wait_for("sound 100%");
        drop(listener);
        scene.pulse.kill();
        scene.terminal.wait_for("sound fails");
    }
    scene.pulse.restart();
    let listener = scene.pulse.listen();
    wait_for_tone(&listener);

    scene.menu("u");
    scene.terminal.wait_for("sound off");
    wait_for_peak(&listener, "silence", 0..1);
    scene.menu("u");
    scene.terminal.wait_for("sound 100%");
    wait_for_peak(&listener, "the tone again", 9000..11_000);
    scene.menu("U-----");
    scene.terminal.wait_for("sound 50%");
    wait_for_peak(&listener, "half the tone", 4500..5500);
}

fn the_microphone_is_heard_while_it_is_on() {
    let mut scene = Scene::start();
    scene.pulse.restart();
    scene.terminal.wait_for("sound 100%");
    // The microphone of the sound server is what it plays.
    wait_for_tone(&scene.pulse.listen());
    scene.terminal.wait_for("mic off");
    let bytes = || std::fs::metadata(scene.heard()).map_or(0, |file| file.len());
    assert_eq!(bytes(), 44, "a header and no sound");

    scene.menu("Um");
    scene.terminal.wait_for("MIC LIVE");
    until("two seconds", LIMIT, || {
        (bytes() > 2 * 192_000).then_some(())
    });
    scene.menu("Um");
    scene.terminal.wait_for("mic off");
    // Something may be under way.
    until("nothing to come while it is off", LIMIT, || {
        let before = bytes();
        std::thread::sleep(std::time::Duration::from_secs(1));
        (bytes() == before).then_some(())
    });

    scene.server.interrupt();
    scene.server.finish(LIMIT);
    let left: Vec<i16> = read(&scene.heard()).into_iter().step_by(2).collect();
    assert!(holds_tone(&left));
}
