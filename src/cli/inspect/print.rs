//! Messages as lines, as JSON, or counted.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, StdoutLock, Write};
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::Style;
use crate::channel::ChannelId;
use crate::cli::report::{self, Failure};
use crate::inspect::{
    Breach, Dissection, Dissector, Filter, Mark, Row, Rules, Subject, Tally, label, plain, short,
    text, value,
};
use crate::link::Established;
use crate::session::Way;
use crate::wire::{Field, Frame, Value};

/// Bytes of a field that are shown without `-xx`.
const SHOWN: usize = 64;

/// Prints what passes the filter.
pub struct Printer {
    filter: Filter,
    /// What is known of each session.
    sessions: BTreeMap<usize, (Dissector, Rules)>,
    session: usize,
    style: Style,
    tally: Tally,
    /// Messages that may still be printed.
    left: u64,
    out: BufWriter<StdoutLock<'static>>,
}

/// Where a message passed.
#[derive(Clone, Copy)]
pub struct Place {
    /// Since the beginning.
    pub at: Duration,
    /// Which of several sessions, from 1.
    pub session: Option<usize>,
    /// Byte of the file where its packet lies.
    pub offset: Option<u64>,
    /// What it did to the pixel that was asked for.
    pub mark: Option<Mark>,
}

impl Printer {
    /// A printer to standard output.
    pub fn new(style: Style, filter: Filter) -> Self {
        Self {
            filter,
            sessions: BTreeMap::new(),
            session: 0,
            style,
            tally: Tally::default(),
            left: style.most,
            out: BufWriter::new(io::stdout().lock()),
        }
    }

    /// What follows belongs to this session.
    pub fn choose(&mut self, session: usize) {
        self.session = session;
    }

    fn rules(&mut self) -> &mut Rules {
        &mut self.sessions.entry(self.session).or_default().1
    }

    /// A channel was linked.
    pub fn opened(&mut self, channel: ChannelId, link: &Established) {
        self.rules().opened(channel, link);
    }

    /// A channel is gone.
    pub fn closed(&mut self, channel: ChannelId) {
        self.rules().closed(channel);
    }

    /// Some of a channel is missing.
    pub fn lost(&mut self, channel: ChannelId) {
        self.rules().lost(channel);
    }

    /// Whether enough was printed.
    pub fn is_done(&self) -> bool {
        self.left == 0
    }

    /// Prints, or counts, the message if it passes.
    pub fn frame(
        &mut self,
        place: Place,
        channel: ChannelId,
        way: Way,
        frame: &Frame,
    ) -> Result<(), Failure> {
        let (dissector, rules) = self.sessions.entry(self.session).or_default();
        let message = dissector.dissect(channel, way, frame);
        let broken = rules.check(&message);
        for (depth, part) in message.all().enumerate() {
            let broken: &[Breach] = if depth == 0 { &broken } else { &[] };
            let subject = Subject {
                at: place.at,
                message: part,
                broken,
            };
            if self.left == 0 || !self.filter.matches(&subject) {
                continue;
            }
            self.left -= 1;
            if self.style.stats {
                self.tally.count(place.at, part, broken, depth > 0);
            } else {
                self.print(place, &subject, depth > 0)
                    .map_err(|error| Failure::output(&error))?;
            }
        }
        Ok(())
    }

    fn print(&mut self, place: Place, subject: &Subject<'_>, is_inside: bool) -> io::Result<()> {
        if self.style.json {
            let line = json_line(place, subject, is_inside, self.style.bytes > 0);
            return writeln!(self.out, "{}", report::json(line));
        }
        let message = subject.message;
        let arrow = match message.way {
            Way::ToClient => '<',
            Way::ToServer => '>',
        };
        let name = match message.name {
            "UNKNOWN" => format!("UNKNOWN {}", message.number),
            name => name.to_owned(),
        };
        let session = place.session.map_or(String::new(), |n| format!("#{n} "));
        let indent = if is_inside { "  " } else { "" };
        let line = format!(
            "{session}{:10.6} {arrow} {:<10} {indent}{name:<16} {}",
            place.at.as_secs_f64(),
            message.channel.to_string(),
            short(message)
        );
        writeln!(self.out, "{}", line.trim_end())?;
        if let Some(mark) = place.mark {
            let (did, Mark { surface, at, .. }) = (mark.effect, mark);
            let (x, y) = (at.x, at.y);
            writeln!(self.out, "           * {did} {x},{y} of surface {surface}")?;
        }
        for breach in subject.broken {
            writeln!(
                self.out,
                "           ! {}: {}",
                breach.rule,
                plain(&breach.text)
            )?;
        }
        if self.style.bytes > 0 {
            self.print_bytes(message)?;
        }
        Ok(())
    }

    /// A line a field: where it lies, its name, what it says, its bytes.
    fn print_bytes(&mut self, message: &Dissection) -> io::Result<()> {
        for field in &message.trace.fields {
            let indent = "  ".repeat(usize::from(field.level));
            let name = field_name(field);
            if field.value == Value::Group {
                writeln!(self.out, "    {:12} {indent}{name}", "")?;
                continue;
            }
            let place = format!("{:04x}-{:04x}", field.bytes.start, field.bytes.end);
            let said = plain(&value(message, field));
            let bytes = message.body.get(field.bytes.clone()).unwrap_or_default();
            self.print_field(&format!("    {place:12} {indent}{name} = {said}"), bytes)?;
        }
        for gap in message.gaps() {
            let bytes = message.body.get(gap.clone()).unwrap_or_default();
            let place = format!("{:04x}-{:04x}", gap.start, gap.end);
            self.print_field(&format!("    {place:12} (no field)"), bytes)?;
        }
        Ok(())
    }

    fn print_field(&mut self, head: &str, bytes: &[u8]) -> io::Result<()> {
        let shown = match self.style.bytes {
            1 => bytes.get(..SHOWN).unwrap_or(bytes),
            _ => bytes,
        };
        let mut rows = shown.chunks(16).map(hex);
        match rows.next() {
            // A short field fits into its line.
            Some(row) if bytes.len() <= 8 => writeln!(self.out, "{head:<56} {row}")?,
            first => {
                writeln!(self.out, "{head}")?;
                for row in first.into_iter().chain(rows) {
                    writeln!(self.out, "                 {row}")?;
                }
            }
        }
        if shown.len() < bytes.len() {
            let more = bytes.len() - shown.len();
            writeln!(
                self.out,
                "                 … {more} bytes more (-xx shows them)"
            )?;
        }
        Ok(())
    }

    /// Writes what is waiting to be written.
    pub fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush().map_err(|error| Failure::output(&error))
    }

    /// Writes the counts, if they were asked for, and all that waits.
    pub fn finish(mut self) -> Result<(), Failure> {
        if self.style.stats {
            let tally = std::mem::take(&mut self.tally);
            let written = match self.style.json {
                true => self.json_stats(&tally),
                false => self.stats(&tally),
            };
            written.map_err(|error| Failure::output(&error))?;
        }
        self.flush()
    }

    fn stats(&mut self, tally: &Tally) -> io::Result<()> {
        let out = &mut self.out;
        writeln!(
            out,
            "{:<10}   {:<26}{:>9}{:>12}{:>10}{:>9}{:>8}",
            "channel", "message", "count", "bytes", "mean", "largest", "broken"
        )?;
        for (channel, way, name, row) in tally.messages() {
            let arrow = if way == Way::ToClient { '<' } else { '>' };
            writeln!(
                out,
                "{:<10} {arrow} {}",
                channel.to_string(),
                numbers(name, row)
            )?;
        }
        writeln!(out, "{:<10}   {}", "all", numbers("", tally.total()))?;
        if tally.images().next().is_some() {
            writeln!(
                out,
                "\n{:<23}{:>9}{:>12}{:>14}{:>8}",
                "images", "count", "bytes", "pixels", "ratio"
            )?;
        }
        for (coding, row) in tally.images() {
            let ratio = row.ratio().map_or("-".to_owned(), |r| format!("{r:.1}"));
            writeln!(
                out,
                "{:<23}{:>9}{:>12}{:>14}{ratio:>8}",
                plain(coding),
                row.count,
                row.bytes,
                row.pixels
            )?;
        }
        let seconds = tally.span().as_secs_f64();
        let rate = match seconds {
            0.0 => 0.0,
            seconds => tally.total().bytes as f64 / seconds,
        };
        writeln!(out, "\n{seconds:.3} seconds, {rate:.0} bytes a second")
    }

    fn json_stats(&mut self, tally: &Tally) -> io::Result<()> {
        for (channel, way, name, row) in tally.messages() {
            let line = json!({
                "channel": channel.to_string(), "way": direction(way), "message": name,
                "count": row.count, "bytes": row.bytes, "largest": row.largest,
                "coded": row.coded, "pixels": row.pixels, "ratio": row.ratio().map(two_digits),
                "broken": row.broken,
            });
            writeln!(self.out, "{}", report::json(line))?;
        }
        for (coding, row) in tally.images() {
            let line = json!({
                "images": coding, "count": row.count, "bytes": row.bytes, "pixels": row.pixels,
                "ratio": row.ratio().map(two_digits),
            });
            writeln!(self.out, "{}", report::json(line))?;
        }
        let total = tally.total();
        let line = json!({
            "total": total.count, "bytes": total.bytes, "broken": total.broken,
            "seconds": tally.span().as_secs_f64(),
        });
        writeln!(self.out, "{}", report::json(line))
    }
}

fn numbers(name: &str, row: &Row) -> String {
    let mean = row.bytes / row.count.max(1);
    let broken = match row.broken {
        0 => String::new(),
        broken => broken.to_string(),
    };
    let line = format!(
        "{name:<26}{:>9}{:>12}{mean:>10}{:>9}{broken:>8}",
        row.count, row.bytes, row.largest
    );
    line.trim_end().to_owned()
}

fn direction(way: Way) -> &'static str {
    match way {
        Way::ToClient => "received",
        Way::ToServer => "sent",
    }
}

fn two_digits(ratio: f64) -> f64 {
    (ratio * 100.0).round() / 100.0
}

/// A field's name, with its index where it is an element.
fn field_name(field: &Field) -> String {
    match (field.name, field.index) {
        ("", None) => "→".to_owned(),
        (name, None) => name.to_owned(),
        (name, Some(index)) => format!("{name}[{index}]"),
    }
}

fn hex(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

/// A message as an object. Fields have their paths for names, so that each is there once and none is nested.
fn json_line(place: Place, subject: &Subject<'_>, is_inside: bool, with_bytes: bool) -> Json {
    let message = subject.message;
    let mut fields = Map::new();
    for (at, field) in message.trace.fields.iter().enumerate() {
        let said = match &field.value {
            Value::Group | Value::Rest => continue,
            Value::Unsigned(number) => json!(number),
            Value::Signed(number) => json!(number),
            Value::Named(_, name) => json!(label(name)),
            Value::Pointer(at) => json!(at),
            Value::Bytes => match text(message, field) {
                Some(text) => json!(text),
                None => json!({ "bytes": field.bytes.len() }),
            },
        };
        let path = message.trace.path(at);
        let said = match with_bytes {
            false => said,
            true => json!({
                "value": said, "at": field.bytes.start,
                "bytes": hex(message.body.get(field.bytes.clone()).unwrap_or_default()),
            }),
        };
        // A pointer and what lies behind it may have one path: the thing itself is what is asked for.
        fields.insert(path, said);
    }
    let images: Vec<Json> = message
        .images
        .iter()
        .map(|image| {
            json!({
                "role": image.role, "type": image.coding, "id": image.id, "width": image.width,
                "height": image.height, "coded": image.coded, "ratio": image.ratio().map(two_digits),
            })
        })
        .collect();
    let broken: Vec<Json> = subject
        .broken
        .iter()
        .map(|breach| json!({"rule": breach.rule, "text": breach.text}))
        .collect();
    let mut line = json!({
        "time": (place.at.as_secs_f64() * 1e6).round() / 1e6,
        "way": direction(message.way), "channel": message.channel.to_string(),
        "message": message.name, "number": message.number, "serial": message.serial,
        "size": message.size(), "fields": fields,
    });
    let extras = [
        (
            "pixel",
            place.mark.map(|mark| {
                json!({"surface": mark.surface, "x": mark.at.x, "y": mark.at.y, "effect": mark.effect.to_string()})
            }),
        ),
        ("session", place.session.map(|n| json!(n))),
        ("offset", place.offset.map(|n| json!(n))),
        ("inside", is_inside.then_some(Json::Bool(true))),
        ("images", (!images.is_empty()).then(|| json!(images))),
        (
            "error",
            message.error.as_ref().map(|e| json!(e.to_string())),
        ),
        ("broken", (!broken.is_empty()).then(|| json!(broken))),
    ];
    if let Some(line) = line.as_object_mut() {
        for (name, extra) in extras {
            if let Some(extra) = extra {
                line.insert(name.to_owned(), extra);
            }
        }
    }
    line
}
