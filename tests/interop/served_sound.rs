//! capsaicin as the server of sound: what the GTK client and capsaicin itself hear of it, and how they are heard.

use std::path::{Path, PathBuf};
use std::process::Command;

use capsaicin::sound::wav;
use libtest_mimic::Trial;
use tempfile::TempDir;

use crate::peers::desktop::Desktop;
use crate::peers::process::Process;
use crate::peers::{Peer, until};
use crate::program::CAPSAICIN;
use crate::server::{ANY_PORT, port_of};
use crate::sound::{STEREO, assert_quality, read, samples};
use crate::support::recordings;
use crate::{LIMIT, program, test};

pub fn tests() -> Vec<Trial> {
    let spicy = &[Peer::SpicySound];
    let mut tests = Vec::new();
    for (name, coding) in [("raw", Coding::Raw), ("opus", Coding::Opus)] {
        tests.push(test(
            format!("served_sound::the_gtk_client_hears_all_of_it_and_is_heard::{name}"),
            spicy,
            move || the_gtk_client_hears_all_of_it_and_is_heard(coding),
        ));
        tests.push(test(
            format!("served_sound::connect_writes_what_serve_plays_and_is_written_down::{name}"),
            &[],
            move || connect_writes_what_serve_plays_and_is_written_down(coding),
        ));
    }
    tests.push(test(
        "served_sound::the_gtk_client_hears_what_was_recorded",
        spicy,
        the_gtk_client_hears_what_was_recorded,
    ));
    tests.push(test(
        "served_sound::connect_writes_what_was_recorded",
        &[],
        connect_writes_what_was_recorded,
    ));
    tests
}

/// How sound is sent.
#[derive(Clone, Copy, PartialEq)]
enum Coding {
    Raw,
    Opus,
}

/// `capsaicin serve` that plays a tone of two seconds and listens.
struct Server {
    process: Process,
    port: u16,
    given: Vec<i16>,
    dir: TempDir,
}

impl Server {
    fn start(coding: Coding) -> Self {
        let dir = TempDir::new().expect("a scratch folder");
        let given = tone(96_000);
        write(&dir.path().join("tone.wav"), &given);
        let mut command = Command::new(CAPSAICIN);
        command.args([
            "serve",
            ANY_PORT,
            "--audio",
            "tone.wav",
            "--mic",
            "heard.wav",
        ]);
        if coding == Coding::Raw {
            command.arg("--raw-sound");
        }
        command.current_dir(dir.path());
        Self::run(command, given, dir)
    }

    /// Plays a recording of Opus by another server, over and over, as plain samples.
    fn of_recording() -> Self {
        let dir = TempDir::new().expect("a scratch folder");
        let recording = recordings::path("audio-opus.pcapng");
        let wav = dir.path().join("given.wav");
        let [recording, wav] = [&recording, &wav].map(|path| path.to_str().expect("UTF-8"));
        let exported = program::run(&["export", recording, "-o", wav]);
        assert_eq!(exported.code, 0, "{}", exported.stderr);
        let given = sounding(&read(Path::new(wav))).to_vec();
        assert!(given.len() > 180_000, "{}", given.len());
        let mut command = Command::new(CAPSAICIN);
        command.args(["serve", ANY_PORT, "--raw-sound"]);
        command.args(["--loop", "--source", "recording", recording]);
        Self::run(command, given, dir)
    }

    fn run(command: Command, given: Vec<i16>, dir: TempDir) -> Self {
        let process = Process::start("serve", &command, dir.path());
        let port = port_of(&process);
        Self {
            process,
            port,
            given,
            dir,
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Ends it; what it was told by microphones.
    fn heard(mut self) -> Vec<i16> {
        self.process.interrupt();
        assert_eq!(self.process.finish(LIMIT).code(), Some(130));
        read(&self.file("heard.wav"))
    }
}

/// So many frames of 400 Hz, half as loud on the right.
fn tone(frames: usize) -> Vec<i16> {
    let sample = |at: usize| {
        let phase = at as f64 * 400.0 / 48_000.0 * std::f64::consts::TAU;
        let left = (9000.0 * phase.sin()) as i16;
        [left, left / 2]
    };
    (0..frames).flat_map(sample).collect()
}

fn write(file: &Path, samples: &[i16]) {
    let file = std::fs::File::create(file).expect("the scratch folder is writable");
    let mut wav = wav::Writer::new(file, STEREO).expect("a WAV file");
    wav.write(samples).expect("a WAV file");
    wav.finish().expect("a WAV file");
}

/// From the first sample that is not silent to the last.
fn sounding(samples: &[i16]) -> &[i16] {
    let silent = |sample: &i16| *sample == 0;
    let begin = samples.iter().position(|s| !silent(s)).unwrap_or(0);
    let end = samples.iter().rposition(|s| !silent(s)).unwrap_or(0);
    &samples[begin..end]
}

/// Whether all of a sound is somewhere in what was heard.
fn holds(heard: &[i16], sound: &[i16]) -> bool {
    heard.windows(sound.len()).any(|part| part == sound)
}

/// The GTK client looks at a server; what it plays goes into a file, and its microphone hears 440 Hz.
fn listen(desktop: &mut Desktop, server: &Server, file: &Path) {
    let sink = format!(
        "appsrc is-live=1 do-timestamp=0 format=time \
         caps=\"audio/x-raw,format=S16LE,channels=2,rate=48000,layout=interleaved\" name=\"appsrc\" ! \
         filesink name=\"audiosink\" location={} buffer-mode=unbuffered async=false sync=false",
        file.display()
    );
    let mut spicy = Command::new("spicy");
    spicy
        .args(["-h", "127.0.0.1", "-p", &server.port.to_string()])
        .env("SPICE_GST_AUDIOSINK", sink)
        .env("GST_PLUGIN_FEATURE_RANK", "audiotestsrc:1024");
    desktop.run("spicy", spicy);
}

/// Whoever looks first may come when the sound has begun: the next round is heard whole.
fn the_gtk_client_hears_what_was_recorded() {
    let server = Server::of_recording();
    let mut desktop = Desktop::start();
    let file = server.file("gtk.raw");
    listen(&mut desktop, &server, &file);

    until("the recorded sound", LIMIT, || {
        let heard = samples(&std::fs::read(&file).ok()?);
        holds(&heard, &server.given).then_some(())
    });
}

fn connect_writes_what_was_recorded() {
    let server = Server::of_recording();
    let address = format!("127.0.0.1:{}", server.port);
    let file = server.file("ours.wav");
    let name = file.to_str().expect("UTF-8");
    let dir = TempDir::new().expect("a scratch folder");
    let mut connect = program::start(dir.path(), &["connect", &address, "--audio", name]);

    until("the recorded sound", LIMIT, || {
        let written = std::fs::read(&file).ok()?;
        // Behind the header of the file.
        holds(&samples(written.get(44..)?), &server.given).then_some(())
    });

    connect.interrupt();
    assert_eq!(connect.finish(LIMIT).code(), Some(130), "{}", connect.log());
    assert!(holds(&read(&file), &server.given));
}

fn the_gtk_client_hears_all_of_it_and_is_heard(coding: Coding) {
    let server = Server::start(coding);
    let mut desktop = Desktop::start();
    let file = server.file("gtk.raw");
    listen(&mut desktop, &server, &file);
    let bytes = server.given.len() as u64 * 2;
    until("all of the tone", LIMIT, || {
        let heard = std::fs::metadata(&file).ok()?;
        (heard.len() >= bytes).then_some(())
    });
    // And two seconds of the microphone, behind the header of the file.
    until("what it says", LIMIT, || {
        let said = std::fs::metadata(server.file("heard.wav")).ok()?;
        (said.len() > 44 + bytes).then_some(())
    });
    drop(desktop);
    let heard = samples(&std::fs::read(&file).expect("it was written"));
    assert_eq!(heard.len(), server.given.len());
    match coding {
        Coding::Raw => assert!(heard == server.given, "some sample differs"),
        Coding::Opus => assert_quality(&heard, &server.given),
    }

    // Half a second of the middle of what it said.
    let said = server.heard();
    let left: Vec<i16> = said.iter().step_by(2).copied().collect();
    let span = &left[left.len() / 2..][..24_000];
    let rising = span.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0);
    let rising = rising.count();
    assert!((219..=221).contains(&rising), "{rising} waves of 220");
}

fn connect_writes_what_serve_plays_and_is_written_down(coding: Coding) {
    let server = Server::start(coding);
    let address = format!("127.0.0.1:{}", server.port);
    let (file, tone) = (server.file("ours.wav"), server.file("tone.wav"));
    let [file_name, tone_name] = [&file, &tone].map(|path| path.to_str().expect("UTF-8"));
    let sound = ["--audio", file_name, "--mic", tone_name];
    let dir = TempDir::new().expect("a scratch folder");
    let mut connect = program::start(dir.path(), &[&["connect", &address], &sound[..]].concat());

    until("the end of the tone", LIMIT, || {
        connect.log().contains("sound stopped").then_some(())
    });
    until("what it says", LIMIT, || {
        let said = std::fs::metadata(server.file("heard.wav")).ok()?;
        // Behind the header of the file.
        (said.len() >= 44 + 2 * server.given.len() as u64).then_some(())
    });
    connect.interrupt();
    assert_eq!(connect.finish(LIMIT).code(), Some(130), "{}", connect.log());
    let written = read(&file);
    assert_eq!(written.len(), server.given.len());
    let given = server.given.clone();
    let mut said = server.heard();
    assert!(said.len() >= given.len(), "{}", said.len());
    said.truncate(given.len());
    // A microphone is not coded.
    assert!(said == given, "some sample of the microphone differs");
    match coding {
        Coding::Raw => assert!(written == given, "some sample differs"),
        Coding::Opus => assert_quality(&written, &given),
    }
}
