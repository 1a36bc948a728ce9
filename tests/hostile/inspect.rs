//! Damaged messages taken apart, and filters of noise.

use std::time::{Duration, Instant};

use capsaicin::channel::{ChannelId, ChannelKind};
use capsaicin::inspect::{
    Dissection, Dissector, Filter, Rules, Subject, Tally, byte_rows, short, value,
};
use capsaicin::recording::{Reader, What};
use capsaicin::session::Way;
use capsaicin::wire::Frame;

use crate::mutate::{Random, mutate, rounds};
use crate::support::recordings::file;

/// Everything that is said of a message is bounded, inside its body, and safe to print.
fn check(message: &Dissection) {
    for part in message.all() {
        assert!(
            part.trace.fields.len() < 10_000,
            "{}",
            part.trace.fields.len()
        );
        for field in &part.trace.fields {
            assert!(field.bytes.start <= field.bytes.end && field.bytes.end <= part.body.len());
            assert!(value(part, field).chars().all(|c| !c.is_control()));
        }
        let covered: usize = part.gaps().iter().map(|gap| gap.len()).sum();
        assert!(covered <= part.body.len());
        let line = short(part);
        assert!(
            line.len() < 20_000 && line.chars().all(|c| !c.is_control()),
            "{line:?}"
        );
        assert_eq!(byte_rows(&part.body).len(), part.body.len().div_ceil(16));
    }
    assert!(message.parts.len() <= 64);
}

#[test]
fn damaged_messages_are_taken_apart_as_far_as_they_go() {
    let mut random = Random::new(0x1457_0001);
    let filter: Filter = "image.ratio > 2 or rects[1].top != 3 or broken or data contains 'x'"
        .parse()
        .unwrap();
    let mut frames = Vec::new();
    for name in [
        "draws-commands",
        "image-cache",
        "cursors",
        "guest-desktop",
        "stream-sized",
    ] {
        let file = file(&format!("{name}.pcapng"));
        let mut reader = Reader::new(&file[..]).unwrap();
        while let Some(record) = reader.next_record().unwrap() {
            if let What::Frame(way, frame) = record.what
                && frame.body.len() < 20_000
            {
                frames.push((record.channel, way, frame));
            }
        }
    }
    let (mut dissector, mut rules, mut tally) =
        (Dissector::default(), Rules::default(), Tally::default());
    for _ in 0..rounds(5000) {
        let (channel, way, frame) = &frames[random.below(frames.len())];
        let damaged = Frame {
            number: if random.below(20) == 0 {
                random.next() as u16
            } else {
                frame.number
            },
            serial: frame.serial,
            sub_list: if random.below(20) == 0 {
                random.next() as u32
            } else {
                frame.sub_list
            },
            body: mutate(&frame.body, &mut random).into(),
        };
        let message = dissector.dissect(*channel, *way, &damaged);
        check(&message);
        let broken = rules.check(&message);
        assert!(broken.len() < 200);
        filter.matches(&Subject {
            at: Duration::ZERO,
            message: &message,
            broken: &broken,
        });
        tally.count(Duration::ZERO, &message, &broken, false);
    }
}

#[test]
fn a_message_that_is_one_long_list_costs_no_more_than_it_is_worth() {
    // A path of one segment with points to the end of a large body: a stroke as large as a body may be.
    let points = 2_000_000_u32;
    let mut body = vec![0; 21];
    body.extend(45_u32.to_le_bytes());
    body.extend([0; 20]);
    body.extend(1_u32.to_le_bytes());
    body.push(1);
    body.extend(points.to_le_bytes());
    body.resize(body.len() + points as usize * 8, 7);
    let display = ChannelId::new(ChannelKind::Display, 0);
    let began = Instant::now();
    let message = Dissector::default().dissect(display, Way::ToClient, &Frame::new(310, body));
    check(&message);
    assert!(message.trace.fields.len() < 5000);
    assert!(began.elapsed() < Duration::from_secs(20));
}

#[test]
fn filters_of_noise_are_refused_or_answer() {
    let words = [
        "display",
        "draw_*",
        "image.type",
        "time",
        "size",
        "=",
        "!=",
        "<",
        ">=",
        "contains",
        "matches",
        "and",
        "or",
        "not",
        "(",
        ")",
        "!",
        "'x'",
        "\"[a-z]+\"",
        "10k",
        "-3.5",
        "0xffffffffffffffff",
        "rects[1].top",
        "*",
        "a.b.c",
        "é",
        "\u{202e}",
        "99999999999999999999999999G",
        "-",
        "[",
        "]",
        ":",
        "main.agent.*",
    ];
    let mut random = Random::new(0x1457_0002);
    let display = ChannelId::new(ChannelKind::Display, 0);
    let frame = Frame::new(314, vec![1; 20]);
    let message = Dissector::default().dissect(display, Way::ToClient, &frame);
    let mut sound = 0;
    for _ in 0..rounds(20_000) {
        let text: Vec<&str> = (0..=random.below(8))
            .map(|_| words[random.below(words.len())])
            .collect();
        let text = String::from_utf8_lossy(&match random.below(3) {
            0 => mutate(text.join(" ").as_bytes(), &mut random),
            _ => text.join(" ").into_bytes(),
        })
        .into_owned();
        match text.parse::<Filter>() {
            Ok(filter) => {
                sound += 1;
                filter.matches(&Subject {
                    at: Duration::ZERO,
                    message: &message,
                    broken: &[],
                });
            }
            Err(error) => {
                assert!(error.column <= text.chars().count(), "{text:?}: {error}");
                assert!(
                    error.to_string().chars().all(|c| !c.is_control()),
                    "{error:?}"
                );
            }
        }
    }
    assert!(sound > 500, "{sound}");
}
