//! How much may be on its way to a terminal.
//!
//! Over SSH nobody says how much lies in queues between us and the terminal; only an answer of the terminal itself proves that
//! everything before it has arrived. So a *fence* (DSR, `CSI 5 n`) is written behind enough bytes, and its answer (`CSI 0 n`) is
//! credit for them. The answers also tell how fast the link is, and how long the way there and back. A terminal that does not
//! answer is trusted with what the system took from us.
//!
//! On its way may be what the link carries during a round trip, and a little more that keeps it busy. It goes in pieces, each a
//! small part of that: what has become urgent waits for what is on its way, and for nothing else. Where it is small it need not
//! even wait until the next piece is due.

mod rates;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use super::costs::Costs;
use super::paint::Room;
use rates::Rates;

/// What a fence looks like.
pub const FENCE: &[u8] = b"\x1b[5n";

/// Bytes after which a fence is worth its four.
const FENCED: u64 = 1024;
/// What may be on its way while the link is unknown: at a megabit a second it takes an eighth of one.
const UNKNOWN: u64 = 16 * 1024;
/// The same when the terminal answers so soon that it is likely to be on this machine, or next to it.
const UNKNOWN_BUT_NEAR: u64 = 1024 * 1024;
/// How soon that is.
const NEAR: Duration = Duration::from_millis(10);
/// What the system may have of a terminal that answers nothing.
const BELIEVED: u64 = 64 * 1024;
/// What always may be on its way.
const LEAST: u64 = 4 * 1024;
/// Bytes of the least piece.
const LEAST_PIECE: u64 = 1024;
/// What is urgent and small may be on its way beyond all others.
const OVERTAKING: u64 = 2 * LEAST_PIECE;
/// How long a link may need for what lies in its queue. A key's echo waits behind it: together with [`PIECE`] it is well below
/// the 100 ms that an echo may be late.
const QUEUE: Duration = Duration::from_millis(50);
/// How long a link may need for one piece. Half the queue: the other half keeps the link busy until the next comes.
const PIECE: Duration = Duration::from_millis(20);
/// From here on a frame costs much by itself.
const MUCH: Duration = Duration::from_millis(40);
/// How long the bytes of a frame may take where it costs that much, and how many they may be.
const LONG: Duration = Duration::from_millis(200);
const MOST: u64 = 1024 * 1024;
/// Parts of a frame that costs much by itself: something urgent, and something else.
const FEW_PARTS: usize = 2;
/// How much faster than its known rate a link is filled.
const HASTE: f64 = 1.1;
/// How much later than twice a round trip an answer may come.
const LATE: Duration = Duration::from_millis(200);
/// How long the shortest round trip is believed. Then the link is left empty for once, and it is measured anew: the way may have
/// become longer, and a queue that never empties would count as a part of it.
const BELIEVED_FOR: Duration = Duration::from_secs(10);
/// Frames that may be on their way, however small they are.
const MOST_FENCES: usize = 32;
/// How long an answer is waited for, once the system has taken everything; where the way is long, for as many round trips.
const PATIENCE: Duration = Duration::from_secs(2);
const PATIENT_ROUNDS: u32 = 4;
/// Fences whose late answers are understood.
const MOST_LATE: usize = 256;

/// Counts what is on its way and measures the link.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    /// Whether fences are written and answers waited for.
    answers: bool,
    /// When the terminal last answered anything.
    heard_at: Duration,
    /// Bytes sent, fences included.
    sent: u64,
    /// Bytes known to have arrived, or to have been taken by the system.
    arrived: u64,
    /// When that became known, or since when there was something to do again.
    arrived_at: Duration,
    /// Bytes the system has not taken yet, when it was last asked.
    waiting: u64,
    /// Fences without an answer yet.
    fences: VecDeque<Fence>,
    /// When fences were sent that were given up and may be answered all the same.
    late: VecDeque<Duration>,
    /// Whether one of them was, since others were given up.
    heard_late: bool,
    rates: Rates,
    costs: Costs,
    /// When they were last seen.
    costs_at: Duration,
    round_trip: Option<Duration>,
    /// When the way was last seen to be as short as that.
    round_trip_at: Duration,
    /// When the link will have carried what was sent, as far as its rate is known.
    done_at: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Fence {
    /// Bytes sent up to its end.
    end: u64,
    /// Those of them that are its own, if they are a frame of pixels.
    frame: Option<u64>,
    sent_at: Duration,
    /// What had arrived when it was sent, and since when that was known.
    arrived: u64,
    arrived_at: Duration,
    /// Whether the link had hardly anything to do before this.
    was_idle: bool,
}

impl Pace {
    /// A link of which nothing is known. `answers`: whether the terminal answers fences.
    pub fn new(answers: bool) -> Self {
        Self {
            answers,
            ..Self::default()
        }
    }

    /// Appends a fence to bytes that are about to be sent, if it is time for one, and counts them. A `frame` of pixels always
    /// gets one: few bytes may be much work, as when they name pixels in shared memory.
    pub fn send(&mut self, bytes: &mut Vec<u8>, frame: bool, now: Duration) {
        if bytes.is_empty() {
            return;
        }
        if self.outstanding() == 0 {
            self.arrived_at = now;
        }
        let was_idle = self.outstanding() <= LEAST_PIECE;
        let last = self.fences.back().map_or(self.arrived, |f| f.end);
        let unfenced = self.sent + bytes.len() as u64 - last;
        let unknown = self.round_trip.is_none() && self.fences.is_empty();
        let fence = self.answers && (frame || unknown || unfenced >= FENCED);
        if fence {
            bytes.extend_from_slice(FENCE);
        }
        self.sent += bytes.len() as u64;
        if let Some(rate) = self.rates.best().filter(|_| self.rates.is_known) {
            let takes = Duration::from_secs_f64(bytes.len() as f64 / (rate * HASTE));
            self.done_at = self.done_at.max(now) + takes;
        }
        if fence {
            self.fences.push_back(Fence {
                end: self.sent,
                frame: frame.then(|| self.sent - last),
                sent_at: now,
                arrived: self.arrived,
                arrived_at: self.arrived_at,
                was_idle,
            });
        }
    }

    /// The terminal answered the oldest fence.
    pub fn answered(&mut self, now: Duration) {
        let heard_at = std::mem::replace(&mut self.heard_at, now);
        if let Some(sent_at) = self.late.pop_front() {
            (self.answers, self.heard_late) = (true, true);
            self.round_trip.get_or_insert(now.saturating_sub(sent_at));
            return;
        }
        // One more than was asked for is somebody else's.
        let Some(fence) = self.fences.pop_front() else {
            return;
        };
        if let (Some(bytes), Some(round_trip)) = (fence.frame, self.round_trip) {
            // Behind another one it was begun when that was done, however long the way is.
            if fence.sent_at + round_trip <= heard_at {
                self.costs.see(bytes, now.saturating_sub(heard_at));
                self.costs_at = now;
            } else {
                self.costs.see_at_most(now.saturating_sub(fence.sent_at));
            }
        }
        self.measure_round_trip(fence, now);
        let bytes = fence.end - fence.arrived;
        let took = now.saturating_sub(fence.arrived_at);
        if took > Duration::ZERO && bytes >= FENCED {
            let enough = if self.rates.best.is_empty() {
                UNKNOWN
            } else {
                self.budget()
            };
            let full = bytes * 2 >= enough;
            let rate = bytes as f64 / took.as_secs_f64();
            let waited = now.saturating_sub(fence.sent_at);
            if waited > self.late() {
                self.rates = Rates::default();
                self.done_at = now;
            } else {
                let queued = waited.saturating_sub(self.round_trip.unwrap_or_default());
                self.rates.is_known |= queued > QUEUE;
                // As much as it may have, and yet no queue: it can carry more. The way was measured with a few bytes on it, and
                // may be a little shorter.
                self.rates.is_known &= !full || queued > QUEUE / 10;
            }
            self.rates.see(rate, full, fence.arrived, self.sent);
        }
        self.arrived = self.arrived.max(fence.end);
        self.arrived_at = now;
    }

    fn measure_round_trip(&mut self, fence: Fence, now: Duration) {
        let mut waited = now.saturating_sub(fence.sent_at);
        if fence.frame.is_some() {
            waited = waited.saturating_sub(self.much());
        }
        let anew = fence.was_idle && self.is_round_trip_old(fence.sent_at);
        match self.round_trip {
            // What is hardly more says that it is still true.
            Some(best) if waited > best && !anew => {
                if waited <= best + best / 8 {
                    self.round_trip_at = now;
                }
            }
            _ => {
                self.round_trip = Some(waited);
                self.round_trip_at = now;
            }
        }
    }

    fn is_round_trip_old(&self, now: Duration) -> bool {
        self.answers && self.round_trip.is_some() && now >= self.round_trip_at + BELIEVED_FOR
    }

    /// The system has taken everything but `outstanding` bytes. For a terminal that answers no fences that is all there is
    /// to know.
    pub fn written(&mut self, outstanding: u64, now: Duration) {
        self.waiting = outstanding;
        self.tick(now);
        if !self.answers {
            self.arrived = self.sent.saturating_sub(outstanding);
            self.arrived_at = now;
        }
    }

    /// Time passed. A terminal that has everything and says nothing is asked once more, with a little picture; one that never
    /// said anything is asked no more.
    ///
    /// A link may stall for longer than anybody waits: answers that come after all are still understood.
    pub fn tick(&mut self, now: Duration) {
        if self.deadline().is_none_or(|deadline| deadline > now) {
            return;
        }
        self.answers = self.round_trip.is_some();
        let given_up = self.fences.drain(..).map(|fence| fence.sent_at);
        if std::mem::take(&mut self.heard_late) {
            // What was taken for late answers were those to later questions: the others are lost.
            drop(given_up);
            self.late.clear();
        } else {
            self.late.extend(given_up);
            self.late.truncate(MOST_LATE);
        }
        self.arrived = self.sent;
        (self.arrived_at, self.done_at) = (now, now);
    }

    /// Bytes on their way. What is behind the last fence counts only once there is a fence behind it.
    pub fn outstanding(&self) -> u64 {
        if self.answers {
            self.fences.back().map_or(0, |last| last.end - self.arrived)
        } else {
            self.sent - self.arrived
        }
    }

    /// How many bytes may be on their way: what the link carries during a round trip, and 50 ms more, which keep it busy. Twice
    /// that while its rate still grows.
    pub fn budget(&self) -> u64 {
        if !self.answers {
            return BELIEVED;
        }
        let round_trip = self.round_trip.unwrap_or_default();
        match self.rates.best() {
            Some(rate) => {
                let bytes = (rate * (round_trip + QUEUE).as_secs_f64()) as u64;
                match self.rates.is_known {
                    true => bytes.max(LEAST),
                    false => (bytes * 2).max(LEAST),
                }
            }
            None if self.round_trip.is_some_and(|time| time < NEAR) => UNKNOWN_BUT_NEAR,
            None => UNKNOWN,
        }
    }

    /// Bytes of the next piece, a few more or less; 0 while nothing more may be sent.
    pub fn room(&self, now: Duration) -> u64 {
        if self.ready_at() > now {
            return 0;
        }
        self.room_but_for_time(now)
    }

    /// Until when nothing is sent although it may be on its way: all of it at once would make a queue, where the way is long.
    pub fn ready_at(&self) -> Duration {
        self.done_at.saturating_sub(QUEUE - PIECE)
    }

    /// Whether something small and urgent, a kilobyte at most, may be sent although it is not time for a piece, or what is
    /// on its way is to arrive first so that the way can be measured.
    pub fn may_overtake(&self, now: Duration) -> bool {
        let is_known = !self.answers || (self.round_trip.is_some() && self.late.is_empty());
        is_known && !self.is_full(self.budget() + OVERTAKING, now)
    }

    /// Whether nothing may be sent, where so many bytes may be on their way.
    fn is_full(&self, budget: u64, now: Duration) -> bool {
        let oldest = self.fences.front().filter(|_| self.round_trip.is_some());
        let is_late = oldest.is_some_and(|fence| now > fence.sent_at + self.late());
        is_late || self.fences.len() >= MOST_FENCES || self.outstanding() >= budget
    }

    fn room_but_for_time(&self, now: Duration) -> u64 {
        let outstanding = self.outstanding();
        if self.is_full(self.budget(), now) {
            return 0;
        }
        // A question more than a picture: its answer says how things are.
        if self.answers && (!self.late.is_empty() || self.is_round_trip_old(now)) {
            return if outstanding == 0 { LEAST_PIECE } else { 0 };
        }
        if self.answers && self.round_trip.is_none() && outstanding == 0 {
            return LEAST_PIECE;
        }
        let piece = self.piece();
        // A piece that does not fit waits for the next answer, unless nothing is on its way.
        let fits = outstanding + piece <= self.budget() + LEAST_PIECE;
        if fits || outstanding == 0 {
            piece
        } else if self.are_costs_old(now) && self.fences.len() == 1 {
            LEAST_PIECE
        } else {
            0
        }
    }

    /// An answer that takes longer than this means that the link carries less than it did.
    fn late(&self) -> Duration {
        self.round_trip.unwrap_or_default() * 2 + LATE + self.much() * 3
    }

    /// Bytes of a piece.
    fn piece(&self) -> u64 {
        if !self.answers {
            return BELIEVED / 2;
        }
        let piece = match self.rates.best() {
            Some(rate) => ((rate * PIECE.as_secs_f64()) as u64).max(LEAST_PIECE),
            None => self.budget() / 4,
        };
        match self.much() {
            // Once one is twice as large it is known why they take so long.
            Duration::ZERO if self.costs.may_be_fixed(MUCH) => piece * 2,
            Duration::ZERO => piece,
            // Half of the time is for the bytes.
            much => piece.max(self.costs.bytes_in(much.min(LONG)).min(MOST)),
        }
    }

    /// What a frame costs by itself, where that is much; zero elsewhere.
    fn much(&self) -> Duration {
        let much = Some(self.costs.fixed()).filter(|fixed| *fixed >= MUCH);
        much.unwrap_or_default()
    }

    /// What the next frame may take.
    pub fn room_of_frame(&self, bytes: usize) -> Room {
        let parts = match self.much() {
            Duration::ZERO => usize::MAX,
            _ => FEW_PARTS,
        };
        Room { bytes, parts }
    }

    /// Whether what frames cost is believed to be much, and has to be seen anew: for that one is sent behind another.
    fn are_costs_old(&self, now: Duration) -> bool {
        !self.much().is_zero() && now >= self.costs_at + BELIEVED_FOR
    }

    /// Whether another piece may be sent, now or at [`Pace::ready_at`].
    pub fn may_send(&self, now: Duration) -> bool {
        self.room_but_for_time(now.max(self.ready_at())) > 0
    }

    /// Bytes a second the link carries; `None` until it was seen at work.
    pub fn rate(&self) -> Option<f64> {
        self.rates.best()
    }

    /// The same of the bytes of frames, without what each frame costs by itself: less bytes make a frame quicker by this.
    pub fn rate_of_frames(&self) -> Option<f64> {
        match self.much() {
            Duration::ZERO => self.rate(),
            _ => Some(self.costs.bytes_in(Duration::from_secs(1)) as f64),
        }
    }

    /// The shortest time from a fence to its answer.
    pub fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// When a terminal that answers nothing is given up, while an answer of one is waited for that has all bytes.
    pub fn deadline(&self) -> Option<Duration> {
        let fence = self.fences.front().filter(|_| self.waiting == 0)?;
        let rounds = self.round_trip.unwrap_or_default() * PATIENT_ROUNDS;
        Some(fence.sent_at.max(self.heard_at) + rounds.max(PATIENCE))
    }
}
