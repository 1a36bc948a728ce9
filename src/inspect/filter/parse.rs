//! Filters from their text.

use super::{FilterError, ImageField, Literal, Node, Place, Step, Test, is_like, plain_name};
use crate::channel::ChannelKind;
use crate::channel::main::agent::messages::{MessageKind, full_name};
use crate::inspect::names::messages;
use crate::inspect::plain;
use crate::session::Way;

/// Longest text, bytes.
const LONGEST: usize = 4096;

/// Deepest nesting of parentheses and negations.
const DEEPEST: usize = 50;

/// Reads a whole text.
pub(super) fn filter(text: &str) -> Result<Node, FilterError> {
    if text.len() > LONGEST {
        return Err(error(0, format!("longer than {LONGEST} bytes")));
    }
    let tokens = tokens(text)?;
    let end = text.chars().count();
    let mut parser = Parser {
        tokens: &tokens,
        end,
        depth: 0,
    };
    if parser.tokens.is_empty() {
        return Ok(Node::All(Vec::new()));
    }
    let node = parser.any()?;
    match parser.tokens.first() {
        None => Ok(node),
        Some(token) => Err(error(
            token.column,
            format!("'and' or 'or' is missing before {}", token.quoted()),
        )),
    }
}

fn error(column: usize, text: impl Into<String>) -> FilterError {
    FilterError {
        column,
        // Parts of it are what somebody wrote.
        text: plain(&text.into()),
    }
}

#[derive(Clone, Debug)]
struct Token {
    column: usize,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Word(String),
    Quoted(String),
    Sign(&'static str),
}

impl Token {
    fn quoted(&self) -> String {
        match &self.kind {
            Kind::Word(text) | Kind::Quoted(text) => format!("'{text}'"),
            Kind::Sign(sign) => format!("'{sign}'"),
        }
    }

    fn is(&self, words: &[&str]) -> bool {
        match &self.kind {
            Kind::Word(word) => words.iter().any(|w| w.eq_ignore_ascii_case(word)),
            Kind::Sign(sign) => words.contains(sign),
            Kind::Quoted(_) => false,
        }
    }
}

/// The signs, the longer ones first.
const SIGNS: [&str; 13] = [
    "==", "!=", "<=", ">=", "&&", "||", "=", "<", ">", "!", "(", ")", "~",
];

fn tokens(text: &str) -> Result<Vec<Token>, FilterError> {
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut column = 0;
    while let Some(first) = rest.chars().next() {
        let (kind, len) = if first.is_whitespace() {
            column += 1;
            rest = &rest[first.len_utf8()..];
            continue;
        } else if let Some(sign) = SIGNS.into_iter().find(|sign| rest.starts_with(sign)) {
            (Kind::Sign(sign), sign.len())
        } else if let '"' | '\'' = first {
            let inside = &rest[1..];
            let len = inside
                .find(first)
                .ok_or_else(|| error(column, format!("the {first} is not closed")))?;
            (Kind::Quoted(inside[..len].to_owned()), len + 2)
        } else {
            let is_word = |c: char| c.is_alphanumeric() || "_.:*[]-+/".contains(c);
            let len = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
            if len == 0 {
                let text = format!("'{}' has no meaning here", first.escape_default());
                return Err(error(column, text));
            }
            (Kind::Word(rest[..len].to_owned()), len)
        };
        tokens.push(Token { column, kind });
        column += rest[..len].chars().count();
        rest = &rest[len..];
    }
    Ok(tokens)
}

struct Parser<'t> {
    tokens: &'t [Token],
    /// Column behind the last character.
    end: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn next(&mut self) -> Option<&'t Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    /// Takes the next token if it is one of these.
    fn take(&mut self, words: &[&str]) -> Option<&'t Token> {
        let first = self.tokens.first().filter(|token| token.is(words))?;
        self.next();
        Some(first)
    }

    fn any(&mut self) -> Result<Node, FilterError> {
        let mut nodes = vec![self.all()?];
        while self.take(&["or", "||"]).is_some() {
            nodes.push(self.all()?);
        }
        Ok(single(nodes, Node::Any))
    }

    fn all(&mut self) -> Result<Node, FilterError> {
        let mut nodes = vec![self.one()?];
        while self.take(&["and", "&&"]).is_some() {
            nodes.push(self.one()?);
        }
        Ok(single(nodes, Node::All))
    }

    fn one(&mut self) -> Result<Node, FilterError> {
        let column = self.tokens.first().map_or(self.end, |token| token.column);
        if self.depth == DEEPEST {
            return Err(error(column, "nested too deep"));
        }
        self.depth += 1;
        let node = self.one_inside(column);
        self.depth -= 1;
        node
    }

    fn one_inside(&mut self, column: usize) -> Result<Node, FilterError> {
        if self.take(&["not", "!"]).is_some() {
            return Ok(Node::Not(Box::new(self.one()?)));
        }
        if self.take(&["("]).is_some() {
            let node = self.any()?;
            return match self.take(&[")"]) {
                Some(_) => Ok(node),
                None => Err(error(column, "the ( is not closed")),
            };
        }
        match self.next() {
            Some(token) => match &token.kind {
                Kind::Word(word) => self.term(word, column),
                _ => Err(error(
                    column,
                    format!(
                        "a channel, a message or a field is expected, not {}",
                        token.quoted()
                    ),
                )),
            },
            None => Err(error(
                column,
                "a channel, a message or a field is expected here",
            )),
        }
    }

    fn term(&mut self, word: &str, column: usize) -> Result<Node, FilterError> {
        const COMPARISONS: [&str; 10] = [
            "=", "==", "!=", "<", "<=", ">", ">=", "~", "contains", "matches",
        ];
        let Some(sign) = self.take(&COMPARISONS) else {
            return alone(word, column);
        };
        let (mut nodes, field) = qualifiers(word);
        let field_column = column + word.len() - field.len();
        let of_message = nodes.iter().any(|node| matches!(node, Node::Message(_)));
        let place = match of_message && !field.starts_with("image.") {
            true => Place::Field(path(field, field_column)?),
            false => place(field, field_column)?,
        };
        let compare = self.comparison(place, sign)?;
        nodes.push(compare);
        Ok(single(nodes, Node::All))
    }

    fn comparison(&mut self, place: Place, sign: &Token) -> Result<Node, FilterError> {
        let Some(value) = self.next() else {
            return Err(error(
                self.end,
                format!("a value is expected behind {}", sign.quoted()),
            ));
        };
        let (Kind::Word(text) | Kind::Quoted(text)) = &value.kind else {
            return Err(error(
                value.column,
                format!("a value is expected, not {}", value.quoted()),
            ));
        };
        let literal = literal(text, matches!(value.kind, Kind::Quoted(_)));
        let orders = match sign {
            _ if sign.is(&["=", "=="]) => return Ok(Node::Compare(place, Test::Equal(literal))),
            _ if sign.is(&["!="]) => return Ok(Node::Compare(place, Test::Unequal(literal))),
            _ if sign.is(&["contains"]) => {
                return Ok(Node::Compare(place, Test::Contains(text.clone())));
            }
            _ if sign.is(&["~", "matches"]) => {
                return Ok(Node::Compare(place, matches(text, value.column)?));
            }
            _ if sign.is(&["<"]) => [true, false, false],
            _ if sign.is(&["<="]) => [true, true, false],
            _ if sign.is(&[">"]) => [false, false, true],
            _ => [false, true, true],
        };
        if literal.number.is_none() {
            return Err(error(
                value.column,
                format!("{} needs a number, as in 10k or 3.5", sign.quoted()),
            ));
        }
        Ok(Node::Compare(place, Test::Order(orders, literal)))
    }
}

/// The channel and the message a field's path begins with, as in `display.draw_copy.rop`, and the rest of it.
fn qualifiers(word: &str) -> (Vec<Node>, &str) {
    let mut nodes = Vec::new();
    let mut rest = word;
    let mut kinds = &CHANNELS[..];
    let kind;
    if let Some((head, tail)) = rest.split_once('.')
        && let Some((of, id)) = channel(head)
    {
        nodes.push(Node::Channel(of, id));
        rest = tail;
        kind = [of];
        kinds = &kind;
    }
    if let Some((head, tail)) = rest.split_once('.')
        && let Ok(name) = message(&head.to_ascii_lowercase(), kinds, 0, "")
    {
        nodes.push(Node::Message(name));
        rest = tail;
    }
    (nodes, rest)
}

fn single(mut nodes: Vec<Node>, many: impl FnOnce(Vec<Node>) -> Node) -> Node {
    match nodes.len() {
        1 => nodes.remove(0),
        _ => many(nodes),
    }
}

#[cfg(feature = "viewer")]
fn matches(pattern: &str, column: usize) -> Result<Test, FilterError> {
    regex_lite::RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .build()
        .map(Test::Matches)
        .map_err(|why| error(column, format!("not a regular expression: {why}")))
}

#[cfg(not(feature = "viewer"))]
fn matches(_: &str, column: usize) -> Result<Test, FilterError> {
    Err(error(
        column,
        "regular expressions need the feature 'viewer'",
    ))
}

/// The words for channels.
const CHANNELS: [ChannelKind; 11] = [
    ChannelKind::Main,
    ChannelKind::Display,
    ChannelKind::Inputs,
    ChannelKind::Cursor,
    ChannelKind::Playback,
    ChannelKind::Record,
    ChannelKind::Tunnel,
    ChannelKind::Smartcard,
    ChannelKind::Usbredir,
    ChannelKind::Port,
    ChannelKind::Webdav,
];

/// A channel by its word, `display` or `display:1`.
fn channel(word: &str) -> Option<(ChannelKind, Option<u8>)> {
    let (name, id) = match word.split_once(':') {
        Some((name, id)) => (name, Some(id.parse().ok()?)),
        None => (word, None),
    };
    let kind = CHANNELS
        .into_iter()
        .find(|kind| kind.name().eq_ignore_ascii_case(name))?;
    Some((kind, id))
}

/// A word that is not compared with anything.
fn alone(word: &str, column: usize) -> Result<Node, FilterError> {
    let lower = word.to_ascii_lowercase();
    match lower.as_str() {
        "sent" => return Ok(Node::Way(Way::ToServer)),
        "received" => return Ok(Node::Way(Way::ToClient)),
        "unknown" => return Ok(Node::Unknown),
        "broken" => return Ok(Node::Broken),
        _ => {}
    }
    if let Some((kind, id)) = channel(&lower) {
        return Ok(Node::Channel(kind, id));
    }
    if let Some((head, name)) = lower.split_once('.') {
        let Some((kind, id)) = channel(head) else {
            return path(word, column).map(Node::Has);
        };
        let name = message(
            name,
            &[kind],
            column + head.len() + 1,
            &format!("{head} has no message"),
        )?;
        return Ok(Node::All(vec![
            Node::Channel(kind, id),
            Node::Message(name),
        ]));
    }
    message(&lower, &CHANNELS, column, "no channel and no message is").map(Node::Message)
}

/// A message of one of these channels; an error with the nearest names where there is none.
fn message(
    name: &str,
    kinds: &[ChannelKind],
    column: usize,
    says: &str,
) -> Result<String, FilterError> {
    let name = name.replace('.', "_");
    let mut known: Vec<String> = kinds
        .iter()
        .flat_map(|kind| [(*kind, Way::ToClient), (*kind, Way::ToServer)])
        .flat_map(|(kind, way)| messages(kind, way))
        .flatten()
        .map(|(_, name)| plain_name(name))
        .collect();
    if kinds.contains(&ChannelKind::Main) {
        let agent = (1..=16).map(|n| plain_name(full_name(MessageKind::from_number(n))));
        known.extend(agent);
    }
    if known.iter().any(|known| is_like(&name, known)) {
        return Ok(name);
    }
    let start: String = name.chars().take(4).collect();
    known.retain(|known| known.contains(name.as_str()) || known.starts_with(&start));
    known.sort_unstable();
    known.dedup();
    known.truncate(6);
    let hint = match known.is_empty() {
        true => String::new(),
        false => format!("; there is {}", known.join(", ")),
    };
    Err(error(
        column,
        format!("{says} called '{}'{hint}", name.escape_default()),
    ))
}

fn place(word: &str, column: usize) -> Result<Place, FilterError> {
    Ok(match word.to_ascii_lowercase().as_str() {
        "time" => Place::Time,
        "size" => Place::Size,
        "number" => Place::Number,
        "serial" => Place::Serial,
        "channel" => Place::Channel,
        "message" => Place::Message,
        "image.type" => Place::Image(ImageField::Type),
        "image.id" => Place::Image(ImageField::Id),
        "image.width" => Place::Image(ImageField::Width),
        "image.height" => Place::Image(ImageField::Height),
        "image.pixels" => Place::Image(ImageField::Pixels),
        "image.coded" => Place::Image(ImageField::Coded),
        "image.ratio" => Place::Image(ImageField::Ratio),
        lower if lower.starts_with("image.") => {
            let text = "an image has type, id, width, height, pixels, coded and ratio";
            return Err(error(column + "image.".len(), text));
        }
        _ => Place::Field(path(word, column)?),
    })
}

/// A path such as `clip.rects[1].top`.
fn path(word: &str, column: usize) -> Result<Vec<Step>, FilterError> {
    let wrong = || error(column, format!("'{}' is no field", word.escape_default()));
    word.split('.')
        .map(|step| {
            let (name, index) = match step.split_once('[') {
                Some((name, index)) => {
                    let index = index.strip_suffix(']').and_then(|i| i.parse().ok());
                    (name, Some(index.ok_or_else(wrong)?))
                }
                None => (step, None),
            };
            let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            if !starts || !name.chars().all(is_name) {
                return Err(wrong());
            }
            Ok(Step {
                name: name.to_owned(),
                index,
            })
        })
        .collect()
}

fn literal(text: &str, is_quoted: bool) -> Literal {
    let (whole, number) = match is_quoted {
        true => (None, None),
        false => number(text),
    };
    Literal {
        text: text.to_owned(),
        whole,
        number,
    }
}

/// A number with its unit: exactly, where it is whole, and as near as can be.
fn number(text: &str) -> (Option<i128>, Option<f64>) {
    let (sign, digits): (i8, _) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    if let Some(hex) = digits.strip_prefix("0x") {
        let whole = u64::from_str_radix(hex, 16)
            .ok()
            .map(|n| i128::from(sign) * i128::from(n));
        return (whole, whole.map(|n| n as f64));
    }
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return (None, None);
    }
    let (digits, factor) = [
        ("ms", 1e-3),
        ("s", 1.0),
        ("k", 1024.0),
        ("K", 1024.0),
        ("M", 1024.0 * 1024.0),
        ("G", 1024.0 * 1024.0 * 1024.0),
    ]
    .into_iter()
    .find_map(|(unit, factor)| Some((digits.strip_suffix(unit)?, factor)))
    .unwrap_or((digits, 1.0));
    let whole = digits.parse::<u64>().ok().filter(|_| factor >= 1.0);
    let whole = whole.map(|n| i128::from(sign) * i128::from(n) * factor as i128);
    let number = digits.parse::<f64>().ok();
    (whole, number.map(|n| f64::from(sign) * n * factor))
}
