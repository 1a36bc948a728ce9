//! A small language to pick messages: by channel, name, direction, time and any field.
//!
//! ```text
//! display.draw_copy and image.type = glz
//! (draw_* or stream_data) and size > 10k and not time < 3.5
//! received and base.bbox.left >= 100 and rop != OP_PUT
//! main.agent.clipboard or notify and message contains "disk"
//! broken
//! ```
//!
//! A word alone is a channel (`display`, `display:1`), a message (`draw_copy`, `draw_*`, `display.draw_copy`,
//! `main.agent.clipboard`), a direction (`sent`, `received`), or one of `unknown` (has no name), `broken` (breaks a rule).
//! A field is named by the end of its path, as the inspector prints it: `bbox.left` is any of them, `rects[1].top` one. A channel and a message may
//! stand in front, as in `display.draw_copy.rop = OP_XOR`.
//! Besides the fields of the message there are `time` (seconds), `size` (bytes of the body), `number`, `serial`, `channel`,
//! `message`, and of an image `image.type`, `.id`, `.width`, `.height`, `.pixels`, `.coded` (bytes), `.ratio`.
//!
//! Numbers may end in `k`, `M`, `G` (1024 each), `ms` or `s`. `=`, `!=`, `<`, `<=`, `>`, `>=`, `contains`, and `matches` (a
//! regular expression, with the feature `viewer`) compare; bytes and texts compare with numbers by their length. A field that
//! occurs several times is as asked for if one of them is; with `!=` if it is there and none of them is equal. Names are
//! compared without case and underscores, `glz` is `GLZ_RGB` as well, and of a set of bits each one is equal.

mod parse;
mod read;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::dissect::{Dissection, Image};
use super::rules::Breach;
use crate::channel::ChannelKind;
use crate::session::Way;
use crate::wire::Value;

/// A message as a filter sees it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Time since the session began.
    pub at: Duration,
    /// The message.
    pub message: &'a Dissection,
    /// The rules it broke.
    pub broken: &'a [Breach],
}

/// Picks messages.
#[derive(Clone, Debug)]
pub struct Filter(Node);

/// Why a text is no filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The character it is about, from 0.
    pub column: usize,
    /// What is wrong with it, and what would be right.
    pub text: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: {}", self.column + 1, self.text)
    }
}

impl std::error::Error for FilterError {}

#[derive(Clone, Debug)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Channel(ChannelKind, Option<u8>),
    /// In lower case, words separated by `_`; `*` stands for any characters.
    Message(String),
    Way(Way),
    Unknown,
    Broken,
    Has(Vec<Step>),
    Compare(Place, Test),
}

/// One name of a path.
#[derive(Clone, Debug)]
struct Step {
    name: String,
    index: Option<usize>,
}

/// What is compared.
#[derive(Clone, Debug)]
enum Place {
    Time,
    Size,
    Number,
    Serial,
    Channel,
    Message,
    Image(ImageField),
    Field(Vec<Step>),
}

#[derive(Clone, Copy, Debug)]
enum ImageField {
    Type,
    Id,
    Width,
    Height,
    Pixels,
    Coded,
    Ratio,
}

/// What it is compared with, and how.
#[derive(Clone, Debug)]
enum Test {
    Equal(Literal),
    Unequal(Literal),
    /// Less, equal, greater: which of them will do.
    Order([bool; 3], Literal),
    Contains(String),
    #[cfg(feature = "viewer")]
    Matches(regex_lite::Regex),
}

#[derive(Clone, Debug)]
struct Literal {
    text: String,
    /// Exactly, where it is a whole number.
    whole: Option<i128>,
    number: Option<f64>,
}

impl Filter {
    /// Lets everything pass.
    pub const EVERYTHING: Self = Self(Node::All(Vec::new()));

    /// Only what passes both.
    pub fn and(self, other: Self) -> Self {
        Self(Node::All(vec![self.0, other.0]))
    }

    /// Whether it picks this message. The messages inside it are asked about one by one.
    pub fn matches(&self, subject: &Subject<'_>) -> bool {
        self.0.holds(subject)
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        parse::filter(text).map(Self)
    }
}

impl Node {
    fn holds(&self, subject: &Subject<'_>) -> bool {
        let message = subject.message;
        match self {
            Self::All(nodes) => nodes.iter().all(|node| node.holds(subject)),
            Self::Any(nodes) => nodes.iter().any(|node| node.holds(subject)),
            Self::Not(node) => !node.holds(subject),
            Self::Channel(kind, id) => {
                message.channel.kind == *kind && id.is_none_or(|id| message.channel.id == id)
            }
            Self::Message(pattern) => is_like(pattern, &plain_name(message.name)),
            Self::Way(way) => message.way == *way,
            Self::Unknown => message.name == "UNKNOWN",
            Self::Broken => !subject.broken.is_empty(),
            Self::Has(path) => read::fields(message, path).next().is_some(),
            Self::Compare(place, test) => test.holds(&place.found(subject)),
        }
    }
}

/// What was found at a place, ready to be compared.
enum Found<'a> {
    Whole(i128),
    Number(f64),
    /// A number with a name, or a set of them.
    Named(i128, &'a str),
    Name(String),
    Bytes(&'a [u8]),
}

impl Place {
    fn found<'a>(&'a self, subject: &Subject<'a>) -> Vec<Found<'a>> {
        let message = subject.message;
        match self {
            Self::Time => vec![Found::Number(subject.at.as_secs_f64())],
            Self::Size => vec![Found::Whole(message.size() as i128)],
            Self::Number => vec![Found::Whole(message.number.into())],
            Self::Serial => vec![Found::Whole(message.serial.into())],
            Self::Channel => vec![
                Found::Name(message.channel.kind.name().to_owned()),
                Found::Name(message.channel.to_string()),
            ],
            // A text for the user is a field of that name.
            Self::Message => {
                let fields = message.trace.fields.iter();
                let texts = fields.filter(|f| f.name == "message" && f.value == Value::Bytes);
                let texts = texts.filter_map(|f| message.body.get(f.bytes.clone()));
                let name = Found::Name(plain_name(message.name));
                std::iter::once(name)
                    .chain(texts.map(Found::Bytes))
                    .collect()
            }
            Self::Image(field) => message
                .images
                .iter()
                .filter_map(|image| field.of(image))
                .collect(),
            Self::Field(path) => read::fields(message, path)
                .filter_map(|field| {
                    Some(match &field.value {
                        Value::Unsigned(number) => Found::Whole((*number).into()),
                        Value::Signed(number) => Found::Whole((*number).into()),
                        Value::Pointer(at) => Found::Whole((*at).into()),
                        Value::Named(number, name) => Found::Named((*number).into(), name),
                        Value::Bytes => Found::Bytes(message.body.get(field.bytes.clone())?),
                        Value::Group | Value::Rest => return None,
                    })
                })
                .collect(),
        }
    }
}

impl ImageField {
    fn of<'a>(self, image: &'a Image) -> Option<Found<'a>> {
        Some(match self {
            Self::Type => Found::Named(-1, &image.coding),
            Self::Id => Found::Whole(image.id.into()),
            Self::Width => Found::Whole(image.width.into()),
            Self::Height => Found::Whole(image.height.into()),
            Self::Pixels => Found::Whole(image.pixels().into()),
            Self::Coded => Found::Whole(image.coded.into()),
            Self::Ratio => Found::Number(image.ratio()?),
        })
    }
}

impl Test {
    fn holds(&self, found: &[Found<'_>]) -> bool {
        match self {
            Self::Equal(literal) => found.iter().any(|found| found.equals(literal)),
            Self::Unequal(literal) => {
                !found.is_empty() && !found.iter().any(|found| found.equals(literal))
            }
            Self::Order(allowed, literal) => {
                let order = |found: &Found<'_>| found.order(literal);
                found
                    .iter()
                    .filter_map(order)
                    .any(|order| allowed[(order as i8 + 1) as usize])
            }
            Self::Contains(text) => found.iter().any(|found| found.contains(text)),
            #[cfg(feature = "viewer")]
            Self::Matches(regex) => found.iter().any(|found| regex.is_match(&found.text())),
        }
    }
}

impl Found<'_> {
    fn equals(&self, literal: &Literal) -> bool {
        match self {
            Self::Whole(_) | Self::Number(_) => self.order(literal).is_some_and(|o| o.is_eq()),
            Self::Named(number, name) => match literal.whole {
                Some(whole) => *number == whole,
                None => name.split('|').any(|name| is_named(name, &literal.text)),
            },
            Self::Name(name) => simple(name) == simple(&literal.text),
            Self::Bytes(bytes) => {
                let text = bytes.strip_suffix(&[0]).unwrap_or(bytes);
                text == literal.text.as_bytes() || self.order(literal).is_some_and(|o| o.is_eq())
            }
        }
    }

    fn order(&self, literal: &Literal) -> Option<std::cmp::Ordering> {
        let (whole, number) = match self {
            Self::Whole(whole) | Self::Named(whole, _) => (Some(*whole), *whole as f64),
            Self::Number(number) => (None, *number),
            Self::Bytes(bytes) => (Some(bytes.len() as i128), bytes.len() as f64),
            Self::Name(_) => return None,
        };
        match (whole, literal.whole) {
            (Some(whole), Some(literal)) => Some(whole.cmp(&literal)),
            _ => number.partial_cmp(&literal.number?),
        }
    }

    fn contains(&self, text: &str) -> bool {
        match self {
            Self::Bytes(bytes) => {
                !text.is_empty()
                    && bytes
                        .windows(text.len())
                        .any(|part| part == text.as_bytes())
            }
            other => simple(&other.text()).contains(&simple(text)),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Whole(number) => number.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Named(_, name) => super::label(name),
            Self::Name(name) => name.clone(),
            Self::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

/// A message's name as it is written in a filter.
fn plain_name(name: &str) -> String {
    name.to_ascii_lowercase().replace(' ', "_")
}

/// Without case and underscores.
fn simple(name: &str) -> String {
    name.chars()
        .filter(|c| *c != '_')
        .map(|c| c.to_ascii_lowercase())
        .collect()
}

/// Whether a value's name is the one that is asked for: as a whole, or without what only says what its pixels are.
fn is_named(name: &str, asked: &str) -> bool {
    let (name, asked) = (simple(name), simple(asked));
    let stem = name
        .strip_suffix("rgb")
        .or_else(|| name.strip_suffix("plt"));
    name == asked || stem.is_some_and(|stem| !stem.is_empty() && stem == asked)
}

/// Whether a name fits a pattern in which `*` stands for any characters.
fn is_like(pattern: &str, name: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut rest) = name.strip_prefix(head) else {
        return false;
    };
    let mut pieces: Vec<&str> = tail.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}
