//! Damaged capture files: cut anywhere, or changed anywhere, from the block structure down to the drawing.

use capsaicin::client::Framebuffer;
use std::io::Cursor;
use std::time::Duration;

use capsaicin::recording::{
    ErrorKind, Player, Reader, RecordingError, Replay, Scan, SharedFile, Survey, What,
};
use capsaicin::session::SessionConfig;
use capsaicin::{ClientEvent, CloseReason};

use crate::mutate::{Random, mutate, rounds};
use crate::support::packets::{self, packets};
use crate::support::recordings::{DENSE, file, recorded};

/// Bytes the surfaces of a session may take; small, so that many sessions fit into a test.
const SURFACE_BUDGET: u64 = 64 << 20;

/// Reads to the end: whatever the file announces, no more comes out than is in it. How many records.
fn read(file: &[u8]) -> Result<usize, RecordingError> {
    let mut reader = Reader::new(file)?;
    let (mut records, mut bytes, mut last) = (0, 0, Default::default());
    while let Some(record) = reader.next_record()? {
        assert!(record.at >= last, "time runs backwards");
        last = record.at;
        records += 1;
        if let What::Frame(_, frame) = record.what {
            bytes += frame.body.len();
        }
    }
    assert!(bytes <= file.len(), "{bytes} bytes of {}", file.len());
    if let Some(damage) = reader.damage() {
        assert!(damage.offset <= file.len() as u64 && !damage.to_string().is_empty());
    }
    Ok(records)
}

/// Plays the session that would be shown.
fn play(file: &[u8]) -> Result<(), RecordingError> {
    let survey = Survey::read(Reader::new(file)?)?;
    let config = SessionConfig {
        surface_budget: SURFACE_BUDGET,
        ..SessionConfig::default()
    };
    let mut player = Player::with_config(Reader::new(file)?, survey.choose(None), config);
    player.play_to_end()?;
    let mut screen = Framebuffer::default();
    let (mut events, mut ends) = (0, 0);
    while let Some(event) = player.poll_event() {
        if let ClientEvent::Display(event) = &event {
            screen.apply(event);
        }
        ends += usize::from(matches!(event, ClientEvent::Closed(_)));
        assert!(
            !matches!(event, ClientEvent::Closed(CloseReason::Requested)),
            "nobody asked for the end"
        );
        events += 1;
        assert!(events < 20_000, "events without end: {event:?}");
    }
    assert!(ends <= 1);
    assert!(std::iter::from_fn(|| player.poll_loss()).count() <= 100);
    let stats = player.session().stats(player.now());
    assert!(stats.surface_bytes <= SURFACE_BUDGET);
    Ok(())
}

/// Goes forth and back in it, with as many checkpoints as there can be.
fn seek(file: &[u8]) -> Result<(), RecordingError> {
    let reader = Reader::new(SharedFile::new(Cursor::new(file)))?;
    let mut scan = Scan::of_file(reader.fork(), file.len() as u64);
    while !scan.run(Duration::from_secs(1))? {}
    let survey = scan.survey();
    if survey.sessions.is_empty() {
        return Err(scan.failure());
    }
    assert!(scan.contents(0).activity.len() <= 512);
    let session = survey.choose(None);
    assert!(survey.onward(session).contains(&session));
    let config = SessionConfig {
        surface_budget: SURFACE_BUDGET,
        ..SessionConfig::default()
    };
    let mut replay = Replay::new(reader, session, config);
    replay.index().learn(&scan, session);
    // By what the file says, before anybody has looked whether it is true.
    for part in [2, 4, 1] {
        replay.seek(survey.length / 4 * part, |_| true)?;
        while replay.poll_event().is_some() {}
    }
    replay.index().set_spacing(Duration::ZERO);
    let indexed = replay.index().complete()?;
    assert!(indexed.bytes <= (256 << 20) + SURFACE_BUDGET, "{indexed:?}");
    for part in [3, 1, 4, 0] {
        replay.seek(survey.length * part / 4, |_| true)?;
        let mut screen = Framebuffer::default();
        while let Some(event) = replay.poll_event() {
            assert!(!matches!(event, ClientEvent::Closed(_)));
            if let ClientEvent::Display(event) = &event {
                screen.apply(event);
            }
        }
    }
    Ok(())
}

/// What is refused is refused with a reason a person can read.
fn check(result: Result<(), RecordingError>) -> bool {
    match result {
        Ok(()) => true,
        Err(error) => {
            assert!(!matches!(error.kind, ErrorKind::Io(..)));
            assert!(!error.to_string().is_empty());
            false
        }
    }
}

#[test]
fn prefixes_of_a_recording_are_read_up_to_their_ends() {
    let file = file("firmware-menu.pcapng");
    let mut before = 0;
    // Every byte of the beginning, with all that is said once; then every seventh.
    for len in (0..3000).chain((3000..=file.len()).step_by(7)) {
        let records = read(&file[..len]).unwrap_or(0);
        assert!(records + 2 >= before, "{len}: {records} after {before}");
        before = records;
    }
}

#[test]
fn prefixes_of_a_recording_are_played() {
    let file = file("surface-16bit.pcapng");
    for len in (0..=file.len()).step_by(331) {
        check(play(&file[..len]));
    }
}

#[test]
fn damaged_recordings_are_read_and_played_as_far_as_they_go() {
    let mut random = Random::new(0x9ca9_0001);
    let (mut runs, mut played) = (0, 0);
    for name in [
        "firmware-menu",
        "surface-16bit",
        "image-cache-jpeg",
        "cursors",
    ] {
        let file = file(&format!("{name}.pcapng"));
        for _ in 0..rounds(60) {
            let damaged = mutate(&file, &mut random);
            check(read(&damaged).map(drop));
            runs += 1;
            played += usize::from(check(play(&damaged)));
        }
    }
    assert!(played > runs / 2, "{played} of {runs} were still played");
}

#[test]
fn damaged_recordings_can_be_gone_through_forth_and_back() {
    let mut random = Random::new(0x9ca9_0004);
    for name in ["surface-16bit", "image-cache-jpeg", "cursors"] {
        let file = file(&format!("{name}.pcapng"));
        for _ in 0..rounds(10) {
            check(seek(&mutate(&file, &mut random)));
        }
    }
}

/// The program's own recordings: seek points, markers, an index, and a session that goes on in the next one.
#[test]
fn damaged_seek_points_and_indices_lead_nowhere_else() {
    let mut random = Random::new(0x9ca9_0005);
    let own = recorded(&["firmware-menu.pcapng", "surface-16bit.pcapng"], DENSE);
    assert!(check(seek(&own)), "it is sound");
    for _ in 0..rounds(30) {
        check(seek(&mutate(&own, &mut random)));
    }
}

/// Check sums made to fit: what is said is then all that can be wrong.
#[test]
fn lying_seek_points_and_indices_are_bounded() {
    let mut random = Random::new(0x9ca9_0006);
    let own = recorded(&["surface-16bit.pcapng"], DENSE);
    let notes = notes(&own);
    assert!(notes.len() > 3, "{} notes", notes.len());
    for _ in 0..rounds(60) {
        let mut lies = own.clone();
        for _ in 0..=random.below(4) {
            let (at, len) = notes[random.below(notes.len())];
            // Most of what counts is in front.
            let within = [60, len][random.below(2)].min(len);
            let byte = at + HEADER + random.below(within.max(1)).min(len.saturating_sub(1));
            lies[byte] = [0, 1, 0xff, random.next() as u8][random.below(4)];
        }
        for (at, len) in &notes {
            let mut crc = flate2::Crc::new();
            crc.update(&lies[at + HEADER..at + HEADER + len]);
            lies[at + 32..at + 36].copy_from_slice(&crc.sum().to_le_bytes());
        }
        check(seek(&lies));
    }
}

/// Bytes of a block in front of what a note says: of the block itself, and of the note.
const HEADER: usize = 8 + 28;

/// Where the notes of a file are, and how long what they say is.
fn notes(file: &[u8]) -> Vec<(usize, usize)> {
    let word = |at: usize| u32::from_le_bytes(*file[at..].first_chunk().unwrap()) as usize;
    let (mut at, mut notes) = (0, Vec::new());
    while at < file.len() {
        if file[at + 8..].starts_with(b"capsaicin") {
            notes.push((at, word(at + 28)));
        }
        at += word(at + 4);
    }
    notes
}

/// Damage inside packets leaves the file sound, so it reaches what is further in.
#[test]
fn damaged_packets_are_read_and_played_as_far_as_they_go() {
    let mut random = Random::new(0x9ca9_0002);
    let original = packets(&file("image-cache.pcapng"));
    for _ in 0..rounds(150) {
        let mut damaged: Vec<_> = original.iter().map(|p| (p.at, p.ip.clone())).collect();
        for _ in 0..=random.below(4) {
            let at = random.below(damaged.len());
            match random.below(4) {
                0 => drop(damaged.remove(at)),
                1 => {
                    let other = random.below(damaged.len());
                    damaged.swap(at, other);
                }
                _ => damaged[at].1 = mutate(&damaged[at].1, &mut random),
            }
        }
        let file = packets::pcap(random.below(2) == 0, 1000, 101, &damaged);
        check(read(&file).map(drop));
        check(play(&file));
    }
}

#[test]
fn packets_of_noise_on_any_link_layer_are_passed_over() {
    let mut random = Random::new(0x9ca9_0003);
    for _ in 0..rounds(300) {
        let link_types = [0, 1, 12, 101, 108, 113, 228, 229, 276, 147];
        let noise: Vec<(u64, Vec<u8>)> = (0..20)
            .map(|at| {
                let len = random.below(120);
                let mut packet: Vec<u8> = (0..len).map(|_| random.next() as u8).collect();
                // As often as not, something that looks like IP.
                let version = [0x45, 0x60, 0x4f, 0x00][random.below(4)];
                packet.first_mut().into_iter().for_each(|b| *b = version);
                packet.get_mut(9).into_iter().for_each(|b| *b = 6);
                (at, packet)
            })
            .collect();
        let link_type = link_types[random.below(link_types.len())];
        let records = read(&packets::pcap(false, 1, link_type, &noise)).expect("a capture");
        assert_eq!(records, 0);
    }
}

#[test]
fn connections_without_end_are_not_all_followed() {
    let first = packets(&file("firmware-menu.pcapng"));
    let begins = first
        .iter()
        .find(|p| p.data().starts_with(b"REDQ"))
        .expect("a link");
    let many: Vec<_> = (0..60_000_u16)
        .map(|port| {
            let mut packet = begins.ip.clone();
            packet[20..22].copy_from_slice(&port.to_be_bytes());
            (0, packet)
        })
        .collect();
    assert_eq!(read(&packets::pcap(false, 1, 101, &many)), Ok(0));
}
