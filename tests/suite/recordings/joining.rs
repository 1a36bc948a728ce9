//! A recording that begins in the middle of a session ends in the pictures the session ends in.

use std::time::Duration;

use capsaicin::inspect::{Dissector, Rules};
use capsaicin::recording::{About, Player, Reader, Recorder, Survey, Switch, What};
use capsaicin::session::Tap;

use super::{file, play, records};

/// Plays a recording, records it again from a part of its time on, and gives what was recorded.
fn recorded_from(name: &str, part: u32, of: u32) -> Vec<u8> {
    let bytes = file(name);
    let survey = Survey::read(Reader::new(&*bytes).unwrap()).unwrap();
    let mut player = Player::new(Reader::new(&*bytes).unwrap(), survey.choose(None));
    let mut switch = Switch::default();
    player.set_tap(Some(Box::new(switch.clone())));
    let until = survey.length * part / of;
    while player.step(until).unwrap() {}
    // A moment at which the session could not be copied, or waits for something, is passed over as a driver does.
    while !player.session().is_settled() && player.step(Duration::MAX).unwrap() {}

    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("from-the-middle.pcapng");
    let output = std::fs::File::create(&place).unwrap();
    let (recorder, recording) = Recorder::start(output, &About::default()).unwrap();
    assert!(!switch.wants_session());
    switch.begin(recorder);
    assert!(switch.wants_session());
    switch.session(player.now(), player.session());
    assert!(!switch.wants_session());
    while player.step(Duration::MAX).unwrap() {}
    switch.end();
    let progress = recording.finish();
    assert_eq!(progress.ended, None);
    std::fs::read(&place).unwrap()
}

/// What it begins with is counted on by what follows, and the client has introduced itself.
fn assert_breaks_no_rule(name: &str, recorded: &[u8]) {
    let (mut dissector, mut rules) = (Dissector::default(), Rules::default());
    for record in records(recorded) {
        match record.what {
            What::Opened(link) => rules.opened(record.channel, &link),
            What::Frame(way, frame) => {
                let message = dissector.dissect(record.channel, way, &frame);
                assert_eq!(rules.check(&message), [], "{name}: {}", message.full_name());
            }
            What::Closed => rules.closed(record.channel),
            other => panic!("{name}: {other:?}"),
        }
    }
}

fn ends_alike(names: &[&str]) {
    for name in names {
        let expected = play(&file(name));
        for part in [1, 2, 3] {
            let recorded = recorded_from(name, part, 4);
            assert_breaks_no_rule(name, &recorded);
            let again = play(&recorded);
            let of = |played: &crate::support::recordings::Played| {
                let view = played.screen.view().expect("a screen");
                let rgb = view
                    .rows()
                    .flat_map(|row| row.chunks_exact(4))
                    .flat_map(|p| [p[0], p[1], p[2]]);
                (view.size, rgb.collect::<Vec<u8>>())
            };
            assert!(
                of(&again) == of(&expected),
                "{name} from {part} quarters on"
            );
            assert_eq!(
                again.screen.is_marked(),
                expected.screen.is_marked(),
                "{name}"
            );
            assert!(again.losses.is_empty(), "{name}: {:?}", again.losses);
            let known = expected.notices.len();
            assert!(again.notices.len() <= known, "{name}: {:?}", again.notices);
        }
    }
}

#[test]
fn a_desktop_recorded_from_its_middle_on_ends_alike() {
    ends_alike(&["guest-desktop.pcapng"]);
}

#[test]
fn images_that_refer_to_a_window_and_a_cache_from_before_the_beginning_are_there() {
    ends_alike(&[
        "image-glz.pcapng",
        "image-zlibglz.pcapng",
        "image-cache.pcapng",
        "image-cache-jpeg.pcapng",
    ]);
}

#[test]
fn surfaces_of_every_kind_are_there() {
    ends_alike(&[
        "draws-composite-surface.pcapng",
        "draws-commands.pcapng",
        "surface-16bit.pcapng",
    ]);
}
