//! The server library's sound, raw and coded with Opus; and a real sound server that plays it.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use capsaicin::channel::audio::Format;
use capsaicin::sound::pulse::{Output, Source};
use capsaicin::sound::{Heard, wav};
use libtest_mimic::Trial;
use tempfile::TempDir;

use crate::peers::Peer;
use crate::peers::draws::Draws;
use crate::peers::pulse::Pulse;
use crate::peers::until;
use crate::{LIMIT, program, test};

pub const STEREO: Format = Format {
    channels: 2,
    rate: 48_000,
};

pub fn tests() -> Vec<Trial> {
    let server = &[Peer::DrawingServer];
    let pulse = &[Peer::Pulse];
    vec![
        test(
            "sound::raw_sound_is_written_sample_by_sample",
            server,
            raw_sound_is_written_sample_by_sample,
        ),
        test(
            "sound::sound_coded_with_opus_is_written_in_full_and_in_its_quality",
            server,
            sound_coded_with_opus_is_written_in_full_and_in_its_quality,
        ),
        test(
            "sound::a_sound_server_plays_on_when_it_was_killed_and_came_back",
            pulse,
            a_sound_server_plays_on_when_it_was_killed_and_came_back,
        ),
        test(
            "sound::a_tone_is_heard_whole_sample_by_sample",
            pulse,
            a_tone_is_heard_whole_sample_by_sample,
        ),
        test(
            "sound::a_microphone_is_heard_until_it_is_let_go",
            pulse,
            a_microphone_is_heard_until_it_is_let_go,
        ),
    ]
}

/// What the server was given, and what `connect --audio` wrote of it.
fn written(mode: &str) -> (Vec<i16>, Vec<i16>) {
    let server = Draws::start(&["--sound", mode], &["fill"]);
    let dir = TempDir::new().expect("a scratch folder");
    let file = dir.path().join("sound.wav");
    let path = file.to_str().expect("UTF-8");
    let mut connect = program::start(dir.path(), &["connect", &server.address, "--audio", path]);
    until("two seconds of sound", LIMIT, || {
        (samples(&server.sound()).len() >= 2 * 96_000).then_some(())
    });
    // What is under way is written when there is no more.
    let written = || std::fs::metadata(&file).map_or(0, |file| file.len());
    until("the end of the sound", LIMIT, || {
        let before = written();
        std::thread::sleep(Duration::from_secs(1));
        (before > 0 && written() == before).then_some(())
    });
    connect.interrupt();
    assert_eq!(connect.finish(LIMIT).code(), Some(130), "{}", connect.log());
    (samples(&server.sound()), read(&file))
}

/// Two seconds are there. The server drops blocks when it gets no time, as on a busy machine: not more than a tenth.
fn assert_length(written: &[i16], given: &[i16]) {
    const BLOCK: usize = 960;
    assert!(given.len() >= 2 * 96_000);
    assert!(written.len().is_multiple_of(BLOCK), "{}", written.len());
    let missing = given.len() - written.len();
    assert!(missing <= given.len() / 10, "{missing} samples are missing");
}

pub fn samples(bytes: &[u8]) -> Vec<i16> {
    let pairs = bytes.chunks_exact(2);
    pairs
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect()
}

pub fn read(file: &Path) -> Vec<i16> {
    let file = std::fs::File::open(file).expect("a file was written");
    let mut wav = wav::Reader::new(file).expect("it is a WAV file");
    assert_eq!(wav.format(), STEREO);
    let mut all = Vec::new();
    loop {
        let more = wav.read(48_000).expect("it can be read");
        if more.is_empty() {
            return all;
        }
        all.extend(more);
    }
}

fn raw_sound_is_written_sample_by_sample() {
    let (given, written) = written("raw");

    assert_length(&written, &given);
    let differs = written.iter().zip(&given).position(|(a, b)| a != b);
    assert_eq!(differs, None, "the first sample that differs");
}

fn sound_coded_with_opus_is_written_in_full_and_in_its_quality() {
    let (given, written) = written("opus");

    assert_length(&written, &given);
    assert_quality(&written, &given);
}

/// What Opus makes of a tone: at least 40 dB from its signal to the noise.
pub fn assert_quality(written: &[i16], given: &[i16]) {
    // The codec looks 6.5 ms ahead, 312 frames; and needs a moment to find the tone.
    let span = 9600..written.len().min(given.len()) - 9600;
    let error = |at: usize| f64::from(written[at + 624]) - f64::from(given[at]);
    let noise: f64 = span.clone().map(|at| error(at).powi(2)).sum();
    let signal: f64 = span.map(|at| f64::from(given[at]).powi(2)).sum();
    let ratio = 10.0 * (signal / noise).log10();
    assert!(ratio >= 40.0, "{ratio:.1} dB");
}

/// Ten milliseconds of 440 Hz from this sample on, both channels.
pub fn tone(at: &mut u32) -> Vec<i16> {
    let mut samples = Vec::new();
    for _ in 0..480 {
        let phase = f64::from(*at) * 440.0 / 48_000.0 * std::f64::consts::TAU;
        let sample = (10_000.0 * phase.sin()) as i16;
        samples.extend([sample, sample]);
        *at += 1;
    }
    samples
}

/// Whether these samples hold 0.3 seconds of the tone without a break: its peaks come every 109 samples.
pub fn holds_tone(samples: &[i16]) -> bool {
    let mut loud = 0;
    for piece in samples.chunks_exact(480) {
        let peak = piece.iter().map(|s| s.unsigned_abs()).max().unwrap_or(0);
        loud = if (9000..11_000).contains(&peak) {
            loud + 1
        } else {
            0
        };
        if loud >= 30 {
            return true;
        }
    }
    false
}

fn player(pulse: &Pulse) -> (Output, Arc<Mutex<Vec<Heard>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = Arc::clone(&told);
    let output = Output::new(pulse.socket(), move || {
        let told = Arc::clone(&teller);
        Box::new(move |heard| told.lock().expect("no panic").push(heard))
    });
    (output, told)
}

/// Plays until `done`, in real time.
fn play_until(output: &mut Output, at: &mut u32, what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    let mut played = 0;
    until(what, LIMIT, || {
        while played < began.elapsed().as_millis() / 10 {
            output.play(STEREO, tone(at));
            played += 1;
        }
        done().then_some(())
    });
}

fn a_sound_server_plays_on_when_it_was_killed_and_came_back() {
    let mut pulse = Pulse::start();
    let (mut output, told) = player(&pulse);
    let mut at = 0;
    let last = || told.lock().expect("no panic").last().cloned();
    let is_heard_soon =
        || matches!(last(), Some(Heard::After(delay)) if delay < Duration::from_secs(2));

    let listener = pulse.listen();
    play_until(&mut output, &mut at, "the tone", || {
        holds_tone(&listener.heard())
    });
    drop(listener);
    // The server is asked for its delay now and then.
    play_until(&mut output, &mut at, "a delay", is_heard_soon);

    pulse.kill();
    play_until(&mut output, &mut at, "that nothing is heard", || {
        matches!(last(), Some(Heard::Not(_)))
    });

    pulse.restart();
    let listener = pulse.listen();
    play_until(&mut output, &mut at, "the tone again", || {
        holds_tone(&listener.heard())
    });
    play_until(&mut output, &mut at, "a delay again", is_heard_soon);
}

fn a_tone_is_heard_whole_sample_by_sample() {
    let pulse = Pulse::start();
    for (packets, lag_ms) in [(10, 0), (60, 1000)] {
        // 100 ms, less than the server keeps before it begins; and 600 ms.
        let (mut output, _) = player(&pulse);
        output.set_lag(Duration::from_millis(lag_ms));
        let listener = pulse.listen();
        let mut at = 0;
        let mut given = Vec::new();
        for _ in 0..packets {
            let samples = tone(&mut at);
            given.extend(samples.iter().step_by(2).copied());
            output.play(STEREO, samples);
        }
        output.finish();

        // The tone begins with a sample of silence.
        let end = given.len() + 4800;
        let heard = until("the tone and silence behind it", LIMIT, || {
            let heard = listener.heard();
            let begin = heard.iter().position(|s| *s != 0)? - 1;
            (heard.len() >= begin + end).then(|| heard[begin..begin + end].to_vec())
        });
        let differs = given.iter().zip(&heard).position(|(a, b)| a != b);
        assert_eq!(differs, None, "the first sample that differs");
        assert!(heard[given.len()..].iter().all(|s| *s == 0));
    }
}

fn a_microphone_is_heard_until_it_is_let_go() {
    let pulse = Pulse::start();
    let (mut output, _) = player(&pulse);
    let heard = Arc::new(Mutex::new((Vec::new(), false)));
    let ear = Arc::clone(&heard);
    // The default source is the monitor of the only output.
    let source = Source::open(&pulse.socket(), STEREO, move |samples| {
        let mut heard = ear.lock().expect("no panic");
        match samples {
            Some(samples) => heard.0.extend(samples.iter().step_by(2).copied()),
            None => heard.1 = true,
        }
        true
    })
    .expect("a source");
    let mut at = 0;
    play_until(&mut output, &mut at, "the tone", || {
        holds_tone(&heard.lock().expect("no panic").0)
    });

    drop(source);
    until("the end", LIMIT, || {
        heard.lock().expect("no panic").1.then_some(())
    });
}
