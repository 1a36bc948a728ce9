//! Draw commands of all kinds with images of all types, on several displays, sound and damaged.

use capsaicin::wire::Frame;

use crate::fixtures::{Fixture, Way, fixtures};
use crate::mutate::{Random, mutate, rounds};
use crate::oracles::{self, REOPENS, TIME_PASSES};
use crate::seeds::{Parts, coded};

/// The bits in front of a message: which display, and now and then what happens before.
fn first(random: &mut Random) -> u8 {
    let display = random.below(2) as u8;
    match random.below(200) {
        0..20 => display | TIME_PASSES,
        20 => display | REOPENS,
        _ => display,
    }
}

/// A command that was sent for surface 0 on another one.
fn on_any_surface(fixture: &Fixture, random: &mut Random) -> Vec<u8> {
    let mut body = fixture.body.clone();
    let draws = (302..=318).contains(&fixture.number) || fixture.number == 104;
    if let (true, Some(surface)) = (draws, body.first_mut()) {
        *surface = random.below(8) as u8;
    }
    body
}

#[test]
fn every_command_with_every_image_type_on_every_surface_is_survived() {
    let coded = coded();
    let parts = Parts::new(&coded);
    let mut random = Random::new(0xd2a3_0001);
    let (sessions, mut drawn) = (rounds(100), 0);
    for _ in 0..sessions {
        let mut bytes = Vec::new();
        for _ in 0..60 {
            oracles::write(&mut bytes, first(&mut random), &parts.draw(&mut random));
        }
        drawn += oracles::session(&bytes);
    }
    assert!(drawn > sessions as u64 * 25, "{drawn} commands were drawn");
}

#[test]
fn damaged_commands_with_every_image_type_are_survived() {
    let coded = coded();
    let parts = Parts::new(&coded);
    let mut random = Random::new(0xd2a3_0002);
    let (sessions, mut drawn) = (rounds(100), 0);
    for _ in 0..sessions {
        let mut bytes = Vec::new();
        for _ in 0..60 {
            let sound = parts.draw(&mut random);
            let body = match random.below(3) {
                0 => sound.body.to_vec(),
                _ => mutate(&sound.body, &mut random),
            };
            let frame = Frame::new(sound.number, body);
            oracles::write(&mut bytes, first(&mut random), &frame);
        }
        drawn += oracles::session(&bytes);
    }
    assert!(drawn > sessions as u64 * 10, "{drawn} commands were drawn");
}

#[test]
fn damaged_messages_of_real_servers_on_two_displays_are_survived() {
    let fixtures: Vec<Fixture> = fixtures()
        .into_iter()
        .filter(|f| f.way == Way::DisplayServer && f.body.len() < 20_000)
        .collect();
    let coded = coded();
    let parts = Parts::new(&coded);
    let mut random = Random::new(0xd2a3_0003);
    let (sessions, mut drawn) = (rounds(100), 0);
    for _ in 0..sessions {
        let mut bytes = Vec::new();
        for _ in 0..60 {
            let fixture = &fixtures[random.below(fixtures.len())];
            let sound = on_any_surface(fixture, &mut random);
            let frame = match random.below(6) {
                0 => parts.draw(&mut random),
                1 | 2 => Frame::new(fixture.number, sound),
                _ => Frame::new(fixture.number, mutate(&sound, &mut random)),
            };
            oracles::write(&mut bytes, first(&mut random), &frame);
        }
        drawn += oracles::session(&bytes);
    }
    assert!(drawn > sessions as u64 * 8, "{drawn} commands were drawn");
}

#[test]
fn whole_sessions_damaged_anywhere_are_survived() {
    let coded = coded();
    let parts = Parts::new(&coded);
    let fixtures = fixtures();
    let mut random = Random::new(0xd2a3_0004);
    let (sessions, mut drawn) = (rounds(100), 0);
    for _ in 0..sessions {
        let mut bytes = Vec::new();
        for _ in 0..20 {
            let fixture = &fixtures[random.below(fixtures.len())];
            let (channel, frame) = match fixture.way {
                Way::DisplayServer => (0, Frame::new(fixture.number, fixture.body.clone())),
                Way::CursorServer => (2, Frame::new(fixture.number, fixture.body.clone())),
                _ => (1, parts.draw(&mut random)),
            };
            oracles::write(&mut bytes, channel, &frame);
        }
        drawn += oracles::session(&mutate(&bytes, &mut random));
    }
    assert!(drawn > sessions as u64 * 3, "{drawn} commands were drawn");
}
