//! The sound of a Debian guest in QEMU: what it plays is written, and what is said is recorded in it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use capsaicin::sound::wav;
use libtest_mimic::Trial;
use tempfile::TempDir;

use crate::desktop::NEEDS;
use crate::peers::desktop_guest::{Card, DesktopGuest, Settings};
use crate::peers::process::Process;
use crate::peers::until;
use crate::program::CAPSAICIN;
use crate::sound::{STEREO, read, samples};
use crate::{LIMIT, test_alone};

pub fn tests() -> Vec<Trial> {
    vec![test_alone(
        "guest_sound::what_a_guest_plays_is_written_and_what_is_said_is_recorded_in_it",
        NEEDS,
        what_a_guest_plays_is_written_and_what_is_said_is_recorded_in_it,
    )]
}

/// For how long it is tried again: a guest on emulated processors may have no time to play or to record without a break.
const PATIENCE: Duration = Duration::from_secs(300);

fn what_a_guest_plays_is_written_and_what_is_said_is_recorded_in_it() {
    let mut guest = DesktopGuest::start(Settings::new(Card::Qxl).without_agent().with_sound());
    let dir = TempDir::new().expect("a scratch folder");
    let (noise, tone) = (noise(48_000), tone(72_000));
    put(&mut guest, "noise", &noise);
    put(&mut guest, "tone", &tone);

    attempt("raw sound", || {
        let heard = play(&mut guest, "noise", &["--raw-sound"], dir.path());
        (heard == noise).then_some(())
    });
    attempt("sound with Opus", || {
        let heard = play(&mut guest, "tone", &[], dir.path());
        is_tone(&heard, 72_000).then_some(())
    });
    attempt("a microphone", || {
        let heard = record(&mut guest, &noise, &[], dir.path());
        let begin = heard.windows(64).position(|piece| piece == &noise[..64])?;
        heard[begin..].starts_with(&noise).then_some(())
    });
}

/// Whether this holds the tone of so many frames, no more than a block of the codec longer or shorter, and 40 dB above what
/// else there is.
fn is_tone(heard: &[i16], frames: usize) -> bool {
    const PERIOD: usize = 120;
    let left: Vec<i16> = heard.iter().step_by(2).copied().collect();
    let is_loud = |sample: &i16| *sample > 6000;
    let ends = (
        left.iter().position(is_loud),
        left.iter().rposition(is_loud),
    );
    let (Some(begin), Some(end)) = ends else {
        return false;
    };
    if (end - begin).abs_diff(frames - PERIOD) > 480 {
        return false;
    }
    // Without the moments in which the codec finds the tone and loses it.
    let steady = &left[begin + 9600..end - 4800];
    let wave: Vec<i16> = tone(PERIOD).into_iter().step_by(2).collect();
    let signal = steady.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>();
    let noise = |shift: usize| {
        let at = |i: usize| f64::from(wave[(i + shift) % PERIOD]);
        let errors = steady
            .iter()
            .enumerate()
            .map(|(i, s)| f64::from(*s) - at(i));
        errors.map(|error| error.powi(2)).sum::<f64>()
    };
    let noise = (0..PERIOD).map(noise).fold(f64::MAX, f64::min);
    10.0 * (signal / noise).log10() >= 40.0
}

/// Something that a machine without time may break.
fn attempt<T>(what: &str, mut try_it: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    let mut tries = 0;
    while begun.elapsed() < PATIENCE {
        if let Some(done) = try_it() {
            return done;
        }
        tries += 1;
    }
    panic!("{what}: broken {tries} times");
}

/// Puts samples into the guest as a file.
fn put(guest: &mut DesktopGuest, name: &str, samples: &[i16]) {
    let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    let text = base64(&bytes);
    guest.run(&format!(
        "base64 -d >/tmp/test-{name}.raw <<END\n{text}\nEND"
    ));
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    assert!(bytes.len().is_multiple_of(3), "whole groups");
    let digit = |bits: u32| char::from(DIGITS[(bits & 63) as usize]);
    let group = |group: &[u8]| {
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        [18, 12, 6, 0].map(|shift| digit(bits >> shift))
    };
    let lines = bytes
        .chunks(57)
        .map(|line| line.chunks(3).flat_map(group).collect::<String>());
    lines.collect::<Vec<_>>().join("\n")
}

/// What `connect` writes while the guest plays a file, from the first sound to the last.
fn play(guest: &mut DesktopGuest, name: &str, options: &[&str], dir: &Path) -> Vec<i16> {
    let file = dir.join("heard.wav");
    let mut connect = connect(guest, dir, &["--audio", "heard.wav"], options);
    let played = format!("aplay -q -D hw:0,0 -t raw -f S16_LE -c 2 -r 48000 /tmp/test-{name}.raw");
    guest.run(&played);
    until("the end of the stream", LIMIT, || {
        connect.log().contains("sound stopped").then_some(())
    });
    connect.interrupt();
    connect.finish(LIMIT);
    let heard = read(&file);
    let is_sound = |frame: &&[i16]| frame.iter().any(|sample| *sample != 0);
    let silent = heard.chunks(2).take_while(|frame| !is_sound(frame)).count();
    let behind = heard
        .chunks(2)
        .rev()
        .take_while(|frame| !is_sound(frame))
        .count();
    heard[2 * silent..heard.len() - 2 * behind.min(heard.len() / 2 - silent)].to_vec()
}

/// What the guest records while `connect` plays these samples as a microphone.
fn record(guest: &mut DesktopGuest, said: &[i16], options: &[&str], dir: &Path) -> Vec<i16> {
    let file = std::fs::File::create(dir.join("said.wav")).expect("the scratch folder is writable");
    let mut wav = wav::Writer::new(file, STEREO).expect("a WAV file");
    wav.write(said).expect("a WAV file");
    wav.finish().expect("a WAV file");
    let _connect = connect(guest, dir, &["--mic", "said.wav"], options);
    guest.run("arecord -q -D hw:0,0 -t raw -f S16_LE -c 2 -r 48000 -d 3 /tmp/test-heard.raw");
    samples(&guest.exec("cat /tmp/test-heard.raw").bytes)
}

/// `connect` with its sound channel open.
fn connect(guest: &DesktopGuest, dir: &Path, sound: &[&str], options: &[&str]) -> Process {
    let mut command = Command::new(CAPSAICIN);
    command
        .args(["connect", &guest.qemu.address])
        .args(sound)
        .args(options)
        .current_dir(dir);
    let process = Process::start("connect", &command, dir);
    let channel = match sound[0] {
        "--mic" => "record:0",
        _ => "playback:0",
    };
    until("the channel", LIMIT, || {
        let log = process.log();
        log.lines()
            .any(|line| line.contains(channel) && line.contains("open"))
            .then_some(())
    });
    process
}

/// So many frames of noise: no sample tells the next.
fn noise(frames: usize) -> Vec<i16> {
    let mut state = 0x1234_5678_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        // Never silent.
        (state >> 16) as i16 >> 1 | 1
    };
    (0..2 * frames).map(|_| next()).collect()
}

/// So many frames of 400 Hz, beginning loud.
fn tone(frames: usize) -> Vec<i16> {
    let sample = |at: usize| {
        let phase = (at as f64 + 0.5) * 400.0 / 48_000.0 * std::f64::consts::TAU;
        let sample = (9000.0 * phase.sin()) as i16;
        [sample, sample]
    };
    (0..frames).flat_map(sample).collect()
}
