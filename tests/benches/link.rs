//! The viewer over slow links: frames a second, the share of the link that is used, the longest queue, and how long a key takes;
//! of the slowest key, what that was spent with beside the way there and back: until a frame was ordered, until it was painted,
//! in the queue, and for the piece it was in.
//!
//! `cargo bench --bench link` prints a table; time is the link's own, so that it says the same on every machine. Without
//! `--bench`, as `cargo test --all-targets` calls it, a second of each is run.

#[allow(dead_code)]
#[path = "../support/screens.rs"]
mod screens;
#[path = "../support/slow_link.rs"]
mod slow_link;
#[path = "../support/terminals/mod.rs"]
mod terminals;

use std::time::Duration;

use capsaicin::geometry::{Point, Rect};
use capsaicin::term::Drawing;
use slow_link::{Film, Guest, Scroll, SlowLink, Still};

const MS: Duration = Duration::from_millis(1);

fn main() {
    let for_real = std::env::args().any(|argument| argument == "--bench");
    let only: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let seconds = if for_real { 10 } else { 1 };
    println!(
        "{:34} {:>6} {:>7} {:>9} {:>9} {:>9} {:>9} {:>9}  order+paint+queue+own",
        "", "fps", "link %", "KB/s", "queue ms", "queue KB", "key ms", "worst ms"
    );
    for drawing in [Drawing::Kitty, Drawing::Sixel, Drawing::Half] {
        for megabits in [1.0, 10.0] {
            for round_trip in [20, 150] {
                for script in ["idle", "typing", "scrolling", "film"] {
                    let name = format!(
                        "{} {megabits} Mbit/s {round_trip} ms {script}",
                        drawing.name()
                    );
                    if only.iter().all(|word| name.contains(word.as_str())) {
                        measure(&name, drawing, megabits, MS * round_trip, script, seconds);
                    }
                }
            }
        }
    }
}

fn measure(
    name: &str,
    drawing: Drawing,
    megabits: f64,
    round_trip: Duration,
    script: &str,
    seconds: u32,
) {
    let mut link = SlowLink::new(megabits, round_trip, drawing);
    link.screen(&screens::desktop());
    // Until the first picture is there and as good as it can be.
    link.run(&mut Still, MS * 1000 * seconds.min(8));
    let mut guest: Box<dyn Guest> = match script {
        "scrolling" => Box::new(Scroll::new(screens::term0(), MS * 200)),
        "film" => Box::new(Film::new(screens::photo(), Rect::new(0, 0, 1280, 720), 24)),
        _ => Box::new(Still),
    };
    link.run(&mut *guest, MS * 500 * seconds);
    link.reset();
    let time = MS * 1000 * seconds;
    if script == "idle" || script == "scrolling" {
        link.run(&mut *guest, time);
    } else {
        link.type_at(&mut *guest, Point::new(64, 736), time, MS * 180);
    }
    let seen = link.seen;
    let mut echoes = seen.echoes.clone();
    echoes.sort();
    let median = echoes.get(echoes.len() / 2).copied().unwrap_or_default();
    let keys = seen.echoes.iter().zip(&seen.trips);
    let slowest = keys.max_by_key(|(echo, _)| **echo);
    let slowest = slowest.map(|(_, trip)| *trip).unwrap_or_default();
    let parts = [
        slowest.unordered,
        slowest.painting,
        slowest.queued,
        slowest.carried,
    ];
    println!(
        "{name:34} {:>6.1} {:>7.1} {:>9.1} {:>9.1} {:>9.1} {:>9} {:>9}  {}",
        seen.frames_per_second(),
        100.0 * seen.share(),
        seen.written as f64 / seen.time.as_secs_f64() / 1e3,
        seen.queue.as_secs_f64() * 1e3,
        seen.queue_bytes / 1e3,
        median.as_millis(),
        seen.slowest_echo().as_millis(),
        parts.map(|part| part.as_millis().to_string()).join("+"),
    );
}
