//! The viewer over slow links: what arrives, how soon, and what it costs. Time is the link's own.

use std::time::Duration;

use capsaicin::geometry::Rect;
use capsaicin::pixels::PixelBuf;
use capsaicin::term::Drawing;

use crate::support::screens;
use crate::support::slow_link::{Film, SlowLink, Still};

const MS: Duration = Duration::from_millis(1);
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
fn a_terminal_that_answers_no_fence_shows_everything_all_the_same() {
    let mut link = SlowLink::new(10.0, MS * 20, Drawing::Kitty);
    link.answers = false;
    link.screen(&screens::desktop());
    link.run(&mut Still, MS * 8000);
    assert_eq!(link.wrong_dots(), 0);
    assert!(link.is_asleep());
}
