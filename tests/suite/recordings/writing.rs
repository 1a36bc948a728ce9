//! Recordings that the program writes itself.

use std::fs::File;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use capsaicin::channel::{ChannelId, ChannelKind};
use capsaicin::recording::{About, Choices, Ended, Reader, Record, Recorder, What, Writer};
use capsaicin::session::{Tap, Way};
use capsaicin::wire::Frame;

use super::{file, records};

const ALL: Choices = Choices {
    input: true,
    clipboard: true,
};

/// The records of a real session, written again by the program.
fn written(records: &[Record], choices: Choices) -> Vec<u8> {
    let mut bytes = Vec::new();
    let started = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let mut writer = Writer::new(&mut bytes, "a test", started, choices).unwrap();
    let mut last = Duration::ZERO;
    for record in records {
        let (at, channel) = (record.at, record.channel);
        last = at;
        match &record.what {
            What::Opened(established) => writer.opened(at, channel, established),
            What::Frame(way, frame) => writer.frame(at, channel, *way, frame),
            What::Closed => writer.closed(at, channel),
            other => panic!("{other:?}"),
        }
        .unwrap();
    }
    writer.close(last).unwrap();
    assert_eq!(writer.written(), bytes.len() as u64);
    bytes
}

/// What happened without the places in the file; times count from the first record.
fn told(records: &[Record]) -> Vec<(Duration, ChannelId, What)> {
    let zero = records[0].at;
    let told = records
        .iter()
        .map(|r| (r.at - zero, r.channel, r.what.clone()));
    told.collect()
}

#[test]
fn what_is_written_is_what_is_read() {
    for name in [
        "firmware-menu.pcapng",
        "guest-desktop.pcapng",
        "image-glz.pcapng",
        "audio-opus.pcapng",
    ] {
        let before = records(&file(name));
        let after = records(&written(&before, ALL));
        assert!(told(&before) == told(&after), "{name}");
    }
}

#[test]
fn a_recording_cut_short_is_read_up_to_the_cut() {
    let whole = records(&file("firmware-menu.pcapng"));
    let bytes = written(&whole, ALL);
    let all = told(&records(&bytes));
    for len in (200..bytes.len()).step_by(97) {
        let mut reader = Reader::new(&bytes[..len]).unwrap();
        let mut read = Vec::new();
        while let Some(record) = reader.next_record().unwrap() {
            read.push(record);
        }
        // Connections that the cut left open end with it.
        read.retain(|record| record.what != What::Closed);
        if !read.is_empty() {
            let read = told(&read);
            assert!(all[..].starts_with(&read), "cut at {len}");
        }
    }
}

/// By hand: key A goes down and up, and the client acknowledges; the acknowledgement is all that may be kept.
#[test]
fn keys_are_not_in_a_recording_unless_they_are_asked_for() {
    let opened = records(&file("firmware-menu.pcapng"))
        .into_iter()
        .find(|r| r.channel.kind == ChannelKind::Inputs && matches!(r.what, What::Opened(_)))
        .expect("an inputs channel");
    let said = |number, body: &'static [u8]| Record {
        what: What::Frame(
            Way::ToServer,
            Frame {
                number,
                serial: 0,
                sub_list: 0,
                body: body.into(),
            },
        ),
        ..opened.clone()
    };
    let session = [
        opened.clone(),
        said(101, &[0x1e, 0, 0, 0]),
        said(102, &[0x9e, 0, 0, 0]),
        said(2, &[]),
    ];
    let numbers = |choices| -> Vec<u16> {
        let records = records(&written(&session, choices));
        let numbers = records.iter().filter_map(|r| match &r.what {
            What::Frame(_, frame) => Some(frame.number),
            _ => None,
        });
        numbers.collect()
    };
    assert_eq!(numbers(Choices::default()), [2]);
    assert_eq!(numbers(ALL), [101, 102, 2]);
}

fn recorder(
    limit: Option<u64>,
) -> (
    tempfile::NamedTempFile,
    Recorder,
    capsaicin::recording::Recording,
) {
    let target = tempfile::NamedTempFile::new().unwrap();
    let about = About {
        comment: "a test".into(),
        choices: ALL,
        limit,
        ..About::default()
    };
    let (recorder, recording) = Recorder::start(target.reopen().unwrap(), &about).unwrap();
    (target, recorder, recording)
}

fn feed(recorder: &mut Recorder, records: &[Record]) {
    for record in records {
        match &record.what {
            What::Opened(established) => recorder.opened(record.at, record.channel, established),
            What::Frame(way, frame) => recorder.frame(record.at, record.channel, *way, frame),
            What::Closed => recorder.closed(record.at, record.channel),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_recorder_has_everything_in_the_file_when_it_is_finished() {
    let before = records(&file("guest-desktop.pcapng"));
    let (target, mut recorder, recording) = recorder(None);
    feed(&mut recorder, &before);
    drop(recorder);
    let progress = recording.finish();
    assert_eq!(progress.ended, None);
    let frames = before.iter().filter(|r| matches!(r.what, What::Frame(..)));
    assert_eq!(progress.frames, frames.count() as u64);
    let bytes = std::fs::read(target.path()).unwrap();
    assert_eq!(progress.bytes, bytes.len() as u64);
    assert!(told(&before) == told(&records(&bytes)));
}

#[test]
fn a_recording_ends_at_its_limit_and_can_be_read() {
    let before = records(&file("guest-desktop.pcapng"));
    const LIMIT: u64 = 120_000;
    let (target, mut recorder, recording) = recorder(Some(LIMIT));
    feed(&mut recorder, &before);
    drop(recorder);
    let progress = recording.finish();
    assert_eq!(progress.ended, Some(Ended::Full { limit: LIMIT }));
    let bytes = std::fs::read(target.path()).unwrap();
    assert!(bytes.len() as u64 <= LIMIT, "{}", bytes.len());
    let mut after = told(&records(&bytes));
    after.retain(|(_, _, what)| *what != What::Closed);
    assert!(after.len() > 20 && told(&before).starts_with(&after));
}

/// A full disk, as Linux has one for tests.
#[test]
fn a_full_disk_ends_the_recording_and_never_the_session() {
    let Ok(full) = File::options().write(true).open("/dev/full") else {
        eprintln!("skipped: no /dev/full here");
        return;
    };
    let before = records(&file("guest-desktop.pcapng"));
    let about = About::default();
    // The first bytes may be refused already, or those that follow.
    let Ok((mut recorder, recording)) = Recorder::start(full, &about) else {
        return;
    };
    feed(&mut recorder, &before);
    drop(recorder);
    assert!(matches!(recording.finish().ended, Some(Ended::Broken(_))));
}

#[test]
fn times_are_those_of_the_day_it_was_recorded() {
    let before = records(&file("firmware-menu.pcapng"));
    let mut bytes = Vec::new();
    let started = SystemTime::now();
    let mut writer = Writer::new(&mut bytes, "a test", started, ALL).unwrap();
    let What::Opened(established) = &before[0].what else {
        panic!("{:?}", before[0]);
    };
    let at = Duration::from_millis(1500);
    writer.opened(at, ChannelId::MAIN, established).unwrap();
    // The first packet block: behind the section's and the interface's, its time in nanoseconds at byte 12.
    let len = |at: usize| u32::from_le_bytes(*bytes[at + 4..].first_chunk().unwrap()) as usize;
    let interface = len(0);
    let packet = interface + len(interface);
    let word = |at: usize| u64::from(u32::from_le_bytes(*bytes[at..].first_chunk().unwrap()));
    let time = word(packet + 12) << 32 | word(packet + 16);
    let expected = (started.duration_since(UNIX_EPOCH).unwrap() + at).as_nanos() as u64;
    assert_eq!(time, expected);
}
