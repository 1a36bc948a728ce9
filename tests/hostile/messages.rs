//! Damaged message bodies, and what a cursor channel makes of them.

use std::collections::VecDeque;

use capsaicin::channel::cursor::Client;
use capsaicin::channel::cursor::{Event, Shape};

use crate::fixtures::{Decoded, Fixture, Way, decode, fixtures};
use crate::mutate::{Random, mutate, rounds};

/// A damaged body is refused with the name of a field, or means something that can be said again in words not much
/// longer: a command shows at most three images and three palettes.
fn decode_oracle(fixture: &Fixture, body: &[u8]) -> bool {
    match decode(fixture.way, fixture.number, body) {
        Err(error) => {
            assert_eq!(error.message, fixture.message);
            assert!(!error.field.is_empty(), "{error}");
            assert!(error.at <= body.len(), "{error}");
            false
        }
        Ok(message) => {
            assert_eq!(message.name(), fixture.message);
            let again = message.encode();
            assert!(again.len() <= 8 * body.len() + 1024, "{message:?}");
            assert_eq!(
                decode(fixture.way, fixture.number, &again).unwrap(),
                message
            );
            true
        }
    }
}

#[test]
fn damaged_messages_are_refused_or_mean_something_bounded() {
    let fixtures = fixtures();
    let mut random = Random::new(0x5b1c_e000);
    let (mut runs, mut sound) = (0, 0);
    for fixture in &fixtures {
        for _ in 0..rounds(200) {
            let body = mutate(&fixture.body, &mut random);
            runs += 1;
            sound += usize::from(decode_oracle(fixture, &body));
        }
    }
    assert!(runs >= 20_000, "{runs}");
    assert!(
        sound > runs / 10 && sound < runs,
        "{sound} of {runs} were still sound"
    );
}

#[test]
fn bodies_of_other_messages_are_refused_or_mean_something_bounded() {
    let fixtures = fixtures();
    let mut random = Random::new(0x5b1c_e001);
    for fixture in &fixtures {
        for _ in 0..rounds(20) {
            let other = &fixtures[random.below(fixtures.len())];
            decode_oracle(fixture, &other.body);
        }
    }
}

#[test]
fn damaged_shapes_are_refused_or_drawn_in_full() {
    let fixtures = fixtures();
    let messages: Vec<_> = fixtures
        .iter()
        .filter(|f| f.way == Way::CursorServer)
        .collect();
    let mut random = Random::new(0x5b1c_e002);
    let mut events = VecDeque::new();
    let mut shapes = 0;
    for _ in 0..rounds(40) {
        let mut client = Client::new(0);
        for _ in 0..50 {
            let fixture = messages[random.below(messages.len())];
            let body = mutate(&fixture.body, &mut random);
            let body = if random.below(3) == 0 {
                &fixture.body
            } else {
                &body
            };
            if let Ok(Decoded::CursorServer(message)) = decode(fixture.way, fixture.number, body) {
                let _ = client.on_message(&message, &mut events);
            }
            assert!(events.len() <= 3 && client.cached_shapes() <= 1024);
            for event in events.drain(..) {
                if let Event::Shape {
                    shape: Some(shape), ..
                } = event
                {
                    assert_whole(&shape);
                    shapes += 1;
                }
            }
        }
    }
    assert!(shapes > 100, "{shapes}");
}

fn assert_whole(shape: &Shape) {
    let area = shape.size.area() as usize;
    assert!((1..=1024 * 1024).contains(&area));
    assert_eq!(shape.pixels.len(), area * 4);
    assert!(shape.invert.is_empty() || shape.invert.len() == area);
    let (x, y) = (shape.hot_spot.x as u32, shape.hot_spot.y as u32);
    assert!(x <= shape.size.width && y <= shape.size.height);
}
