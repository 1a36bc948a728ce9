//! A link of some speed and length, and a film that has a piece ready whenever one may be sent.

use super::*;

const MS: Duration = Duration::from_millis(1);
const MEGABIT: f64 = 125_000.0;

/// A terminal behind a link, and a film that has a piece ready whenever one may be sent.
struct Link {
    now: Duration,
    /// Bytes a second.
    rate: f64,
    round_trip: Duration,
    /// Nothing moves before.
    stalled_until: Duration,
    pace: Pace,
    /// Bytes on their way with the fence behind them.
    queue: VecDeque<f64>,
    answers: VecDeque<Duration>,
    /// How many answers the terminal never gives.
    swallowed: usize,
    carried: f64,
}

impl Link {
    fn new(rate: f64, round_trip: Duration) -> Self {
        Self {
            now: Duration::ZERO,
            rate,
            round_trip,
            stalled_until: Duration::ZERO,
            pace: Pace::new(true),
            queue: VecDeque::new(),
            answers: VecDeque::new(),
            swallowed: 0,
            carried: 0.0,
        }
    }

    /// A quarter of a millisecond.
    fn step(&mut self, busy: bool) {
        const STEP: Duration = Duration::from_micros(250);
        self.now += STEP;
        let stalled = self.now < self.stalled_until;
        let mut room = if stalled {
            0.0
        } else {
            self.rate * STEP.as_secs_f64()
        };
        while let Some(first) = self.queue.front_mut() {
            let taken = first.min(room);
            *first -= taken;
            room -= taken;
            self.carried += taken;
            if *first > 0.0 {
                break;
            }
            self.queue.pop_front();
            if self.swallowed > 0 {
                self.swallowed -= 1;
            } else {
                self.answers.push_back(self.now + self.round_trip);
            }
        }
        while !stalled && self.answers.front().is_some_and(|at| *at <= self.now) {
            self.answers.pop_front();
            self.pace.answered(self.now);
        }
        self.pace.tick(self.now);
        if busy {
            self.send(self.pace.room(self.now) as usize);
        }
    }

    fn send(&mut self, bytes: usize) {
        let mut bytes = vec![0; bytes];
        self.pace.send(&mut bytes, true, self.now);
        if !bytes.is_empty() {
            self.queue.push_back(bytes.len() as f64);
        }
    }

    /// How long a byte that is sent now takes until it is shown, without the way itself.
    fn queued(&self) -> Duration {
        let bytes: f64 = self.queue.iter().sum();
        let stall = self.stalled_until.saturating_sub(self.now);
        stall + Duration::from_secs_f64(bytes / self.rate)
    }

    /// A film for so long: the share of the link that was used, and the longest queue.
    fn film(&mut self, time: Duration) -> (f64, Duration) {
        let (end, before) = (self.now + time, self.carried);
        let mut longest = Duration::ZERO;
        while self.now < end {
            self.step(true);
            longest = longest.max(self.queued());
        }
        let share = (self.carried - before) / (self.rate * time.as_secs_f64());
        (share, longest)
    }

    fn rest(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step(false);
        }
    }
}

#[test]
fn a_link_is_filled_but_not_flooded() {
    for megabits in [0.5, 1.0, 10.0, 100.0] {
        for ms in [2, 20, 150] {
            let mut link = Link::new(megabits * MEGABIT, MS * ms);
            link.film(4000 * MS);
            let (share, longest) = link.film(20_000 * MS);
            let what = format!("{megabits} Mbit/s, {ms} ms: {share}, {longest:?}");
            assert!(share > 0.93, "{what}");
            // A kilobyte takes 16 ms at half a megabit a second.
            let more = Duration::from_secs_f64(2.0 * LEAST as f64 / link.rate);
            assert!(longest < QUEUE + PIECE + more.min(50 * MS), "{what}");
            let known = link.pace.rate().unwrap() / link.rate;
            assert!((0.9..1.1).contains(&known), "{what}: {known}");
        }
    }
}

#[test]
fn the_first_frames_do_not_flood_a_link_that_nobody_knows() {
    // 64 KB would take this one half a second.
    let mut link = Link::new(MEGABIT, 150 * MS);
    let (_, longest) = link.film(2000 * MS);
    assert!(longest < 400 * MS, "{longest:?}");
}

#[test]
fn a_link_that_becomes_slower_is_noticed_as_soon_as_what_is_on_its_way_has_arrived() {
    for ms in [20, 150] {
        let mut link = Link::new(10.0 * MEGABIT, MS * ms);
        link.film(3000 * MS);
        link.rate = MEGABIT;
        // At 150 ms, 250 KB are on their way, which take it two seconds.
        link.film(3000 * MS);
        let (share, longest) = link.film(5000 * MS);
        assert!(share > 0.9 && longest < 120 * MS, "{share} {longest:?}");
    }
}

#[test]
fn a_link_that_becomes_faster_is_used_within_seconds() {
    for ms in [20, 150] {
        let mut link = Link::new(MEGABIT, MS * ms);
        link.film(3000 * MS);
        link.rate = 10.0 * MEGABIT;
        link.film(3000 * MS);
        let (share, longest) = link.film(5000 * MS);
        assert!(share > 0.9 && longest < 120 * MS, "{share} {longest:?}");
    }
}

#[test]
fn a_way_that_becomes_longer_is_believed_within_ten_seconds() {
    let mut link = Link::new(10.0 * MEGABIT, 20 * MS);
    link.film(3000 * MS);
    link.round_trip = 150 * MS;
    link.film(13_000 * MS);
    let (share, longest) = link.film(5000 * MS);
    assert!(share > 0.9 && longest < 120 * MS, "{share} {longest:?}");
}

#[test]
fn after_a_stall_everything_is_as_before() {
    for (rate, ms) in [(1.0, 20), (1.0, 150), (10.0, 20), (10.0, 150)] {
        let mut link = Link::new(rate * MEGABIT, MS * ms);
        link.film(3000 * MS);
        let sent = link.pace.sent;
        link.stalled_until = link.now + 5000 * MS;
        link.film(4900 * MS);
        // A question now and then is all that is sent meanwhile.
        let meanwhile = link.pace.sent - sent;
        assert!(
            meanwhile <= link.pace.budget() + 4 * LEAST_PIECE,
            "{meanwhile}"
        );
        link.film(1500 * MS);
        let (share, longest) = link.film(5000 * MS);
        assert!(share > 0.9 && longest < 120 * MS, "{share} {longest:?}");
    }
}

#[test]
fn answers_that_are_lost_cost_a_pause_and_no_more() {
    let mut link = Link::new(MEGABIT, 20 * MS);
    link.film(3000 * MS);
    link.swallowed = 3;
    link.film(6000 * MS);
    let (share, longest) = link.film(5000 * MS);
    assert!(share > 0.9 && longest < 150 * MS, "{share} {longest:?}");
}

#[test]
fn typing_does_not_make_a_link_look_slow() {
    let mut link = Link::new(10.0 * MEGABIT, 150 * MS);
    link.film(4000 * MS);
    for _ in 0..100 {
        link.send(1500);
        link.rest(100 * MS);
    }
    let (share, _) = link.film(1000 * MS);
    assert!(share > 0.8, "{share}");
}

#[test]
fn a_link_with_nothing_to_do_is_left_alone() {
    let mut link = Link::new(MEGABIT, 20 * MS);
    link.film(1000 * MS);
    link.rest(1000 * MS);
    let sent = link.pace.sent;
    assert_eq!(link.pace.deadline(), None);
    link.rest(60_000 * MS);
    assert_eq!((link.pace.sent, link.pace.deadline()), (sent, None));
}

#[test]
fn a_little_is_sent_without_a_fence_once_the_way_is_known() {
    let mut pace = Pace::new(true);
    let mut bytes = b"a glyph".to_vec();
    pace.send(&mut bytes, false, Duration::ZERO);
    assert_eq!(bytes, b"a glyph\x1b[5n");
    pace.answered(20 * MS);
    assert_eq!(pace.round_trip(), Some(20 * MS));
    let mut bytes = b"a glyph".to_vec();
    pace.send(&mut bytes, false, 30 * MS);
    assert_eq!(bytes, b"a glyph");
    assert_eq!(pace.outstanding(), 0);
}

#[test]
fn a_terminal_next_door_gets_a_whole_picture_at_once() {
    let mut pace = Pace::new(true);
    assert!(pace.room(Duration::ZERO) < 16 << 10);
    pace.send(&mut b"a line".to_vec(), false, Duration::ZERO);
    pace.answered(2 * MS);
    assert!(pace.room(2 * MS) > 200 << 10);
}

#[test]
fn few_frames_are_on_their_way_however_small_they_are() {
    let mut pace = Pace::new(true);
    for _ in 0..MOST_FENCES {
        assert!(pace.may_send(Duration::ZERO));
        pace.send(&mut b"a name".to_vec(), true, Duration::ZERO);
    }
    assert!(!pace.may_send(Duration::ZERO));
    pace.answered(MS);
    assert!(pace.may_send(MS));
}

#[test]
fn a_terminal_that_is_slow_at_drawing_gets_no_more_to_draw() {
    let mut pace = Pace::new(true);
    pace.send(&mut b"first".to_vec(), true, Duration::ZERO);
    pace.answered(MS);
    pace.send(&mut b"second".to_vec(), true, MS);
    assert!(pace.may_send(200 * MS));
    assert!(!pace.may_send(210 * MS));
    pace.answered(211 * MS);
    assert!(pace.may_send(211 * MS));
}

#[test]
fn without_answers_the_system_is_believed() {
    let mut pace = Pace::new(false);
    pace.send(&mut vec![0; 100_000], false, Duration::ZERO);
    assert!(!pace.may_send(Duration::ZERO));
    pace.written(1000, MS);
    assert!(pace.may_send(MS));
}

#[test]
fn a_terminal_that_never_answers_is_believed_until_it_does() {
    let mut pace = Pace::new(true);
    pace.send(&mut vec![0; 100_000], false, Duration::ZERO);
    // One that has stopped reading is another matter.
    pace.written(1, 1000 * MS);
    assert_eq!(pace.deadline(), None);
    pace.written(0, 1500 * MS);
    assert!(!pace.may_send(1500 * MS));
    assert_eq!(pace.deadline(), Some(PATIENCE));
    pace.tick(PATIENCE);
    assert_eq!(pace.deadline(), None);
    let mut bytes = vec![0; 10_000];
    assert!(pace.may_send(PATIENCE));
    pace.send(&mut bytes, true, PATIENCE);
    assert!(!bytes.ends_with(FENCE));
    pace.answered(PATIENCE + 500 * MS);
    let mut bytes = vec![0; 10_000];
    pace.send(&mut bytes, true, PATIENCE + 600 * MS);
    assert!(bytes.ends_with(FENCE));
}

#[test]
fn what_is_small_and_urgent_need_not_wait_for_a_piece() {
    let mut link = Link::new(MEGABIT, 150 * MS);
    link.film(4000 * MS);
    let mut overtook = 0;
    for _ in 0..400 {
        link.step(true);
        if link.pace.room(link.now) == 0 && link.pace.may_overtake(link.now) {
            overtook += 1;
        }
    }
    assert!(overtook > 300, "{overtook}");
    // Whoever has much of it waits as everybody else.
    while link.pace.may_overtake(link.now) {
        link.send(LEAST_PIECE as usize);
    }
    let over = link.pace.outstanding() - link.pace.budget();
    assert!(over <= OVERTAKING + LEAST_PIECE + 8, "{over}");
}

#[test]
fn nothing_overtakes_on_a_link_that_stands_still() {
    let mut link = Link::new(MEGABIT, 20 * MS);
    link.film(3000 * MS);
    link.stalled_until = link.now + 5000 * MS;
    link.film(1000 * MS);
    assert!(!link.pace.may_overtake(link.now));
}

#[test]
fn the_way_is_measured_anew_while_somebody_types() {
    let mut link = Link::new(10.0 * MEGABIT, 20 * MS);
    link.film(3000 * MS);
    link.round_trip = 150 * MS;
    let end = link.now + 14_000 * MS;
    let mut next = link.now;
    while link.now < end {
        link.step(true);
        if link.now >= next && link.pace.may_overtake(link.now) {
            link.send(100);
            next = link.now + 80 * MS;
        }
    }
    let (share, longest) = link.film(5000 * MS);
    assert!(share > 0.9 && longest < 120 * MS, "{share} {longest:?}");
}

#[test]
fn answers_nobody_asked_for_are_nothing() {
    let mut pace = Pace::new(true);
    pace.answered(MS);
    assert_eq!((pace.outstanding(), pace.rate()), (0, None));
}
