//! The viewer over slow links: what arrives, how soon, and what it costs. Time is the link's own.

use std::time::Duration;

use capsaicin::geometry::{Point, Rect};
use capsaicin::pixels::PixelBuf;
use capsaicin::term::Drawing;

use crate::support::screens;
use crate::support::slow_link::{Film, SlowLink, Still};

const MS: Duration = Duration::from_millis(1);
/// Where the user types: below the films.
const PROMPT: Point = Point::new(64, 736);
/// A film over most of the screen.
const LARGE: Rect = Rect::new(0, 0, 1280, 720);
/// A small one, for tests that are about time and not about films.
const SMALL: Rect = Rect::new(320, 160, 640, 400);

fn film(area: Rect) -> Film {
    Film::new(screens::photo(), area, 24)
}

/// A link on which a screen of one colour is shown, as well as it can be.
fn showing_grey(megabits: f64, round_trip: Duration, drawing: Drawing) -> SlowLink {
    let mut link = SlowLink::new(megabits, round_trip, drawing);
    let mut grey = PixelBuf::new(screens::photo().view().format, screens::photo().size);
    grey.data_mut().fill(80);
    link.screen(&grey);
    link.run(&mut Still, MS * 1500);
    link
}

/// Somebody types while a film fills a link of a megabit: every key is shown within the round trip and a tenth of a second, and
/// the film gets all the rest.
fn types_beside_a_film(drawing: Drawing, round_trip: Duration) {
    let mut link = showing_grey(1.0, round_trip, drawing);
    let mut film = film(SMALL);
    link.run(&mut film, MS * 3000);
    link.reset();
    link.type_at(&mut film, PROMPT, MS * 2500, MS * 190);
    link.run(&mut film, MS * 500);
    let name = format!("{}, {round_trip:?}", drawing.name());
    assert_eq!(link.seen.echoes.len(), 13, "{name}");
    let slowest = link.seen.slowest_echo();
    let trips = &link.seen.trips;
    assert!(
        slowest <= round_trip + MS * 100,
        "{name}: {slowest:?} {trips:#?}"
    );
    assert!(link.seen.share() > 0.9, "{name}: {}", link.seen.share());
    // What is on its way takes the link little more than the 50 ms it is meant to.
    assert!(link.seen.queue < MS * 80, "{name}: {:?}", link.seen.queue);
}

#[test]
fn a_key_is_shown_in_time_beside_a_film_in_kitty() {
    types_beside_a_film(Drawing::Kitty, MS * 20);
}

#[test]
fn a_key_is_shown_in_time_on_a_long_way_in_kitty() {
    types_beside_a_film(Drawing::Kitty, MS * 150);
}

#[test]
fn a_key_is_shown_in_time_beside_a_film_in_sixel() {
    types_beside_a_film(Drawing::Sixel, MS * 20);
}

#[test]
fn a_key_is_shown_in_time_on_a_long_way_in_sixel() {
    types_beside_a_film(Drawing::Sixel, MS * 150);
}

#[test]
fn a_key_is_shown_in_time_beside_a_film_in_cells() {
    types_beside_a_film(Drawing::Half, MS * 20);
    types_beside_a_film(Drawing::Half, MS * 150);
}

#[test]
fn a_key_is_shown_in_time_while_the_way_is_measured_anew() {
    let mut link = showing_grey(1.0, MS * 150, Drawing::Half);
    let mut film = film(SMALL);
    link.run(&mut film, MS * 3000);
    link.reset();
    // The shortest way is believed for ten seconds; then the link is left empty for once.
    link.type_at(&mut film, PROMPT, MS * 12_000, MS * 90);
    let slowest = link.seen.slowest_echo();
    assert!(slowest <= MS * 250, "{slowest:?} {:#?}", link.seen.trips);
    assert!(link.seen.share() > 0.9, "{}", link.seen.share());
}

#[test]
fn while_a_still_picture_gets_better_on_a_slow_link_the_status_line_says_so() {
    let mut link = SlowLink::new(1.0, MS * 20, Drawing::Kitty);
    link.screen(&screens::desktop());
    let says_so = |link: &SlowLink| link.status().contains("refining");
    link.run(&mut Still, MS * 500);
    assert!(!says_so(&link));
    link.run(&mut Still, MS * 2500);
    assert!(says_so(&link) && link.wrong_dots() > 0);
    link.run(&mut Still, MS * 60_000);
    assert_eq!((says_so(&link), link.wrong_dots()), (false, 0));
    assert!(link.is_asleep());
}

/// How good what lies above and below a small film is, dB.
fn beside_the_film(link: &SlowLink) -> f64 {
    let (above, below) = (Rect::new(0, 0, 1280, 160), Rect::new(0, 288, 1280, 800));
    link.likeness_of(above).min(link.likeness_of(below))
}

/// A photograph appears on a link of which nothing is known, and something small moves on it all the time; how good what stands
/// still is after so long, dB.
fn beside_a_small_film(drawing: Drawing, megabits: f64, time: Duration) -> f64 {
    const SIDE: Rect = Rect::new(640, 160, 768, 288);
    let mut link = SlowLink::new(megabits, MS * 20, drawing);
    link.screen(&screens::photo());
    let mut film = Film::new(screens::photo(), SIDE, 12);
    link.run(&mut film, time);
    let likeness = beside_the_film(&link);
    // And none of its frames is left out for that.
    link.reset();
    link.run(&mut film, MS * 1000);
    let fps = link.seen.frames_per_second();
    assert!(fps >= 11.0, "{fps}");
    likeness
}

#[test]
fn a_picture_becomes_exact_while_something_small_moves_on_it() {
    let likeness = beside_a_small_film(Drawing::Kitty, 10.0, MS * 6000);
    assert_eq!(likeness, 99.0);
}

#[test]
fn sixels_become_as_good_as_they_get_while_something_small_moves_on_them() {
    // A link that carries it all at once.
    let mut fast = SlowLink::new(10_000.0, MS, Drawing::Sixel);
    fast.screen(&screens::photo());
    fast.run(&mut Still, MS * 2000);
    let could_be = beside_the_film(&fast);
    assert!(could_be > 37.5, "{could_be} dB");

    let likeness = beside_a_small_film(Drawing::Sixel, 10.0, MS * 6000);
    assert!(
        likeness > could_be - 0.3,
        "{likeness} dB where {could_be} can be"
    );
}

/// Ten megabits carry at least eight frames a second of a film over the screen: all of it, or as much as the link can.
fn films_over_the_screen(drawing: Drawing) {
    /// Frames a second, not many more than are to be seen: each is costly where this is not optimised.
    const FILMED: u32 = 14;
    let mut link = showing_grey(10.0, MS * 20, drawing);
    let mut film = Film::new(screens::photo(), LARGE, FILMED);
    link.run(&mut film, MS * 800);
    link.reset();
    link.run(&mut film, MS * 1000);
    let (fps, share) = (link.seen.frames_per_second(), link.seen.share());
    let is_all = fps >= f64::from(FILMED - 1);
    assert!(fps >= 8.0 && (is_all || share > 0.9), "{fps}, {share}");
}

#[test]
fn ten_megabits_carry_a_film_over_the_screen_in_kitty() {
    films_over_the_screen(Drawing::Kitty);
}

#[test]
fn ten_megabits_carry_a_film_over_the_screen_in_sixel() {
    films_over_the_screen(Drawing::Sixel);
}

/// Frames a second of a film over the screen at a megabit, while somebody types beside it.
fn films_on_a_megabit(drawing: Drawing) -> f64 {
    let mut link = showing_grey(1.0, MS * 20, drawing);
    let mut film = Film::new(screens::photo(), LARGE, 14);
    link.run(&mut film, MS * 3000);
    link.reset();
    link.type_at(&mut film, PROMPT, MS * 3000, MS * 190);
    let echoes = &link.seen.echoes;
    assert!(link.seen.slowest_echo() <= MS * 120, "{echoes:?}");
    assert!(link.seen.share() > 0.9, "{}", link.seen.share());
    link.seen.frames_per_second()
}

#[test]
fn a_megabit_carries_a_coarse_film_over_the_screen() {
    // At half the size it is 2 and 0.7.
    let (kitty, sixel) = (
        films_on_a_megabit(Drawing::Kitty),
        films_on_a_megabit(Drawing::Sixel),
    );
    assert!(kitty > 3.0 && sixel > 1.3, "{kitty}, {sixel}");
}

#[test]
fn what_stands_still_becomes_exact_and_then_nothing_is_written() {
    let mut link = showing_grey(10.0, MS * 20, Drawing::Kitty);
    let mut film = film(SMALL);
    link.run(&mut film, MS * 1000);
    link.run(&mut Still, MS * 2500);
    link.reset();
    link.run(&mut Still, MS * 5000);
    assert_eq!((link.seen.written, link.seen.woken), (0, 0));
    assert!(link.is_asleep());
    // The last frame of the film, dot by dot.
    assert_eq!(link.wrong_dots(), 0);
}

#[test]
fn sixels_that_stand_still_are_as_good_as_they_get_within_seconds_on_a_megabit() {
    let mut link = showing_grey(1.0, MS * 20, Drawing::Sixel);
    link.run(&mut film(SMALL), MS * 3000);
    link.reset();
    link.run(&mut Still, MS * 3000);
    // A film of 320×240 dots, in a second of the link.
    assert!(link.seen.written < 125_000, "{}", link.seen.written);
    assert!(link.is_asleep());
    assert!(link.likeness() > 40.0, "{} dB", link.likeness());
    link.reset();
    link.run(&mut Still, MS * 5000);
    assert_eq!((link.seen.written, link.seen.woken), (0, 0));
}

#[test]
fn what_is_made_better_is_so_first_where_the_user_types() {
    let mut link = showing_grey(1.0, MS * 20, Drawing::Sixel);
    let mut film = film(Rect::new(320, 160, 640, 720));
    link.run(&mut film, MS * 3000);
    link.type_at(&mut film, Point::new(400, 560), MS * 100, MS * 90);
    let coarse = |link: &SlowLink, rect| link.likeness_of(rect);
    let (above, at_eye) = (Rect::new(320, 160, 640, 320), Rect::new(320, 560, 640, 620));
    while link.likeness_of(at_eye) < 35.0 {
        link.run(&mut Still, MS * 50);
    }
    assert!(coarse(&link, above) < 35.0, "{}", coarse(&link, above));
}

#[test]
fn after_a_stall_the_newest_picture_comes_and_no_film_of_the_past() {
    let mut link = showing_grey(1.0, MS * 20, Drawing::Half);
    let mut film = film(SMALL);
    link.run(&mut film, MS * 2000);
    link.reset();
    link.stalled_until = link.now + MS * 5000;
    link.run(&mut film, MS * 5000);
    // A question now and then.
    assert!(link.seen.written < 10_000, "{}", link.seen.written);
    link.run(&mut film, MS * 1000);
    link.reset();
    link.type_at(&mut film, PROMPT, MS * 2000, MS * 190);
    let echoes = &link.seen.echoes;
    assert!(link.seen.slowest_echo() <= MS * 120, "{echoes:?}");
    assert!(link.seen.share() > 0.9, "{}", link.seen.share());
}

#[test]
fn a_stall_of_a_terminal_with_nothing_to_show_wakes_nobody() {
    let mut link = showing_grey(1.0, MS * 20, Drawing::Half);
    link.reset();
    link.stalled_until = link.now + MS * 5000;
    link.run(&mut Still, MS * 5000);
    assert_eq!((link.seen.written, link.seen.woken), (0, 0));
    assert!(link.is_asleep());
}

#[test]
fn a_link_that_becomes_slower_shows_keys_in_time_again_within_seconds() {
    let mut link = showing_grey(10.0, MS * 20, Drawing::Half);
    let mut film = film(SMALL);
    link.run(&mut film, MS * 2000);
    link.rate /= 10.0;
    link.run(&mut film, MS * 2000);
    link.reset();
    link.type_at(&mut film, PROMPT, MS * 2000, MS * 190);
    let echoes = &link.seen.echoes;
    assert!(link.seen.slowest_echo() <= MS * 120, "{echoes:?}");
    assert!(link.seen.share() > 0.9, "{}", link.seen.share());
}

#[test]
fn a_link_that_becomes_faster_is_used_within_seconds() {
    let mut link = showing_grey(1.0, MS * 20, Drawing::Half);
    let mut film = film(LARGE);
    link.run(&mut film, MS * 2000);
    link.rate *= 4.0;
    link.run(&mut film, MS * 2000);
    link.reset();
    link.type_at(&mut film, PROMPT, MS * 2000, MS * 190);
    let echoes = &link.seen.echoes;
    assert!(link.seen.slowest_echo() <= MS * 120, "{echoes:?}");
    assert!(link.seen.share() > 0.9, "{}", link.seen.share());
}

#[test]
fn a_terminal_that_answers_no_fence_shows_everything_all_the_same() {
    let mut link = SlowLink::new(10.0, MS * 20, Drawing::Kitty);
    link.answers = false;
    link.screen(&screens::desktop());
    link.run(&mut Still, MS * 8000);
    assert_eq!(link.wrong_dots(), 0);
    assert!(link.is_asleep());
    link.reset();
    link.run(&mut Still, MS * 5000);
    assert_eq!((link.seen.written, link.seen.woken), (0, 0));
}

#[test]
fn a_terminal_that_is_slow_at_every_edit_gets_few_and_large_ones() {
    let mut link = SlowLink::new(1000.0, MS, Drawing::Kitty);
    link.per_edit = MS * 150;
    link.screen(&screens::photo());
    link.run(&mut Still, MS * 1500);
    let mut film = film(SMALL);
    // Until it is known what takes it so long.
    link.run(&mut film, MS * 6000);
    link.reset();
    link.type_at(&mut film, PROMPT, MS * 4000, MS * 490);
    // Two edits, the key's and the film's, take 300 ms: one that waits for them is shown with the next two.
    let echoes = &link.seen.echoes;
    assert_eq!(echoes.len(), 8);
    assert!(link.seen.slowest_echo() <= MS * 750, "{echoes:?}");
    let fps = link.seen.frames_per_second();
    assert!(fps >= 2.5, "{fps}");
}
