//! The messages that the panes show: the newest ones, which of them pass the filter, which one is looked at.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use super::watch::{Passed, Seen, Watch};
use crate::channel::ChannelId;
use crate::geometry::Rect;
use crate::inspect::{Breach, Dissection, Dissector, Filter, Rules, Subject, short};
use crate::session::Way;
use crate::wire::Frame;

/// Most messages kept.
const MOST: usize = 5000;

/// Most bytes of them.
const MOST_BYTES: usize = 32 << 20;

/// Most characters of a filter.
const MOST_FILTER: usize = 200;

/// Most characters kept of a message's line.
const LINE: usize = 300;

/// Moments of the server's clock that are kept.
const CLOCKS: usize = 64;

/// One message in the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its place among all that were seen, from 0.
    pub number: u64,
    /// Time since the session began.
    pub at: Duration,
    /// The channel.
    pub channel: ChannelId,
    /// Which way it went.
    pub way: Way,
    /// The protocol's name.
    pub name: &'static str,
    /// Bytes of the whole body; some may not have been kept.
    pub size: usize,
    /// Its main fields; safe to print.
    pub line: String,
    /// The rules it broke.
    pub broken: Vec<Breach>,
    /// The surface and the box it draws in.
    pub touched: Option<(u32, Rect)>,
    frame: Frame,
    /// As it was before this message.
    dissector: Dissector,
    /// Whether the filter picks it.
    picked: bool,
}

impl Entry {
    /// A frame by itself: what came before it is not known, and no rule is held against it. Of its body `size` bytes passed.
    pub fn apart(
        number: u64,
        at: Duration,
        (channel, way): (ChannelId, Way),
        (frame, size): (Frame, usize),
    ) -> Self {
        let dissector = Dissector::default();
        let message = dissector.clone().dissect(channel, way, &frame);
        Self {
            number,
            at,
            channel,
            way,
            name: message.name,
            size,
            line: line(&message),
            broken: Vec::new(),
            touched: message.touched(),
            frame,
            dissector,
            picked: true,
        }
    }

    /// The frame; of a long body not all may have been kept.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The message, taken apart.
    pub fn dissect(&self) -> Dissection {
        let mut dissector = self.dissector.clone();
        dissector.dissect(self.channel, self.way, &self.frame)
    }
}

/// The messages, and where the user is among them.
#[derive(Debug, Default)]
pub struct Protocol {
    /// INVARIANT: at most [`MOST`], and [`MOST_BYTES`] in their bodies.
    entries: VecDeque<Entry>,
    bytes: usize,
    next: u64,
    /// Messages that were left out, or are no longer kept.
    pub dropped: u64,
    dissector: Dissector,
    rules: Rules,
    filter: Option<Filter>,
    /// The filter as the user wrote it.
    pub filter_text: String,
    /// What is being written, and what is wrong with it so far.
    pub editing: Option<(String, Option<String>)>,
    /// Whether nothing is taken in.
    pub frozen: bool,
    /// The message that is looked at; `None` follows the newest.
    looked_at: Option<u64>,
    /// The field that is looked at in it.
    pub field: usize,
    /// What the server's clock said, and when.
    pub clocks: VecDeque<(Duration, u32)>,
    /// The mean deviation of video from its own times, as in RFC 3550.
    pub jitter: BTreeMap<ChannelId, Jitter>,
}

/// How unsteady the messages of a stream arrive.
#[derive(Clone, Copy, Debug, Default)]
pub struct Jitter {
    last: Option<(Duration, u32)>,
    /// Milliseconds.
    pub mean_ms: f64,
    /// Milliseconds; the largest single deviation.
    pub most_ms: f64,
}

impl Jitter {
    fn count(&mut self, at: Duration, clock: u32) {
        if let Some((before, said)) = self.last {
            let passed = at.saturating_sub(before).as_secs_f64() * 1000.0;
            // The clock wraps.
            let meant = f64::from(clock.wrapping_sub(said).cast_signed());
            let off = (passed - meant).abs();
            self.mean_ms += (off - self.mean_ms) / 16.0;
            self.most_ms = self.most_ms.max(off);
        }
        self.last = Some((at, clock));
    }
}

impl Protocol {
    /// Somebody looks from here on: what came before is not known.
    pub fn begin(&mut self, watch: &Watch) {
        for (channel, link) in watch.things().links {
            self.rules.opened(channel, &link);
            self.rules.lost(channel);
        }
    }

    /// Takes in what the watch has seen; whether it was anything.
    pub fn take_in(&mut self, watch: &Watch) -> bool {
        if self.frozen || !watch.has_seen() {
            return false;
        }
        let taken = watch.take();
        if taken.dropped > 0 {
            self.dropped += taken.dropped;
            watch
                .things()
                .links
                .into_keys()
                .for_each(|channel| self.rules.lost(channel));
        }
        for seen in taken.seen {
            match seen.what {
                Passed::Skipped => self.skip(watch),
                _ => self.add(seen),
            }
        }
        true
    }

    /// What came between is not known: no rule that needs it is held against what follows.
    fn skip(&mut self, watch: &Watch) {
        self.rules = Rules::default();
        self.begin(watch);
        self.jitter.clear();
        self.clocks.clear();
    }

    fn add(&mut self, seen: Seen) {
        let Seen { at, channel, what } = seen;
        let (way, frame, size) = match what {
            Passed::Opened(link) => return self.rules.opened(channel, &link),
            Passed::Closed => return self.rules.closed(channel),
            Passed::Skipped => return,
            Passed::Frame(way, frame, size) => (way, frame, size),
        };
        let dissector = self.dissector.clone();
        let message = self.dissector.dissect(channel, way, &frame);
        let broken = match frame.body.len() == size {
            true => self.rules.check(&message),
            false => Vec::new(),
        };
        self.clock(at, &message);
        let entry = Entry {
            number: self.next,
            at,
            channel,
            way,
            name: message.name,
            size,
            line: line(&message),
            picked: picks(self.filter.as_ref(), at, &message, &broken),
            broken,
            touched: message.touched(),
            frame,
            dissector,
        };
        self.next += 1;
        self.bytes += entry.frame.body.len();
        self.entries.push_back(entry);
        while self.entries.len() > MOST || self.bytes > MOST_BYTES {
            if let Some(oldest) = self.entries.pop_front() {
                self.bytes -= oldest.frame.body.len();
                self.dropped += 1;
            }
        }
    }

    /// Notes what a message says of the server's clock.
    fn clock(&mut self, at: Duration, message: &Dissection) {
        let field = match message.name {
            "STREAM_DATA" | "STREAM_DATA_SIZED" | "INIT" => "multi_media_time",
            "MULTI_MEDIA_TIME" | "DATA" | "START" => "time",
            _ => return,
        };
        let fields = &message.trace.fields;
        let found = fields.iter().find(|f| f.name == field);
        let Some(crate::wire::Value::Unsigned(clock)) = found.map(|f| &f.value) else {
            return;
        };
        let clock = *clock as u32;
        if message.name.ends_with("DATA") || message.name.ends_with("SIZED") {
            self.jitter
                .entry(message.channel)
                .or_default()
                .count(at, clock);
        }
        self.clocks.push_back((at, clock));
        if self.clocks.len() > CLOCKS {
            self.clocks.pop_front();
        }
    }

    /// The messages the filter picks, oldest first.
    pub fn picked(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.picked)
    }

    /// All that are kept, oldest first.
    pub fn kept(&self) -> impl DoubleEndedIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// How many are kept.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none are kept.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the newest message is looked at, whatever comes.
    pub fn follows(&self) -> bool {
        self.looked_at.is_none()
    }

    /// The message that is looked at.
    pub fn looked_at(&self) -> Option<&Entry> {
        match self.looked_at {
            None => self.picked().next_back(),
            // The next one, once it is gone.
            Some(number) => {
                let mut rest = self.picked().filter(|entry| entry.number >= number);
                rest.next().or_else(|| self.picked().next_back())
            }
        }
    }

    /// Looks at the message so many places further, and follows no longer.
    pub fn step(&mut self, places: isize) {
        let numbers: Vec<u64> = self.picked().map(|entry| entry.number).collect();
        let here = self.looked_at().map(|entry| entry.number);
        let at = here.and_then(|here| numbers.binary_search(&here).ok());
        let last = numbers.len().saturating_sub(1);
        let at = at.unwrap_or(last).saturating_add_signed(places).min(last);
        self.looked_at = numbers.get(at).copied();
        self.field = 0;
    }

    /// Follows the newest message, or stays where it is.
    pub fn toggle_follow(&mut self) {
        self.looked_at = match self.looked_at {
            None => self.looked_at().map(|entry| entry.number),
            Some(_) => None,
        };
        self.field = 0;
    }

    /// The number that the next message will have.
    pub fn next_number(&self) -> u64 {
        self.next
    }

    /// Looks at this message and follows no longer, or follows.
    pub fn look_at(&mut self, number: Option<u64>) {
        self.looked_at = number;
        self.field = 0;
    }

    /// Stays at the message that is looked at.
    pub fn stay(&mut self) {
        self.looked_at = self.looked_at().map(|entry| entry.number);
    }

    /// Forgets all messages.
    pub fn clear(&mut self) {
        self.entries.clear();
        (self.bytes, self.dropped, self.looked_at, self.field) = (0, 0, None, 0);
    }

    /// Begins to write a filter.
    pub fn edit(&mut self) {
        self.editing = Some((self.filter_text.clone(), None));
    }

    /// Changes the filter that is being written.
    pub fn write(&mut self, change: impl FnOnce(&mut String)) {
        let Some((text, wrong)) = &mut self.editing else {
            return;
        };
        change(text);
        if let Some((end, _)) = text.char_indices().nth(MOST_FILTER) {
            text.truncate(end);
        }
        let parsed = text.parse::<Filter>();
        *wrong = parsed.err().map(|error| error.to_string());
    }

    /// Takes the filter that was written, if it is one; whether it is.
    pub fn apply(&mut self) -> bool {
        let Some((text, _)) = &self.editing else {
            return true;
        };
        let Ok(filter) = text.parse::<Filter>() else {
            return false;
        };
        let text = text.trim().to_owned();
        self.filter = (!text.is_empty()).then_some(filter);
        self.filter_text = text;
        self.editing = None;
        for entry in &mut self.entries {
            entry.picked = match &self.filter {
                None => true,
                filter => picks(filter.as_ref(), entry.at, &entry.dissect(), &entry.broken),
            };
        }
        true
    }
}

/// What tells most of a message.
fn line(message: &Dissection) -> String {
    let line = match &message.parts[..] {
        [part, ..] => format!("{}: {}", part.name, short(part)),
        [] => short(message),
    };
    line.chars().take(LINE).collect()
}

/// Whether a filter picks a message, or one inside it.
fn picks(filter: Option<&Filter>, at: Duration, message: &Dissection, broken: &[Breach]) -> bool {
    filter.is_none_or(|filter| {
        message.all().any(|message| {
            filter.matches(&Subject {
                at,
                message,
                broken,
            })
        })
    })
}
