//! Rules by which a proxy damages what passes: where, and how.
//!
//! ```text
//! display.draw_copy[10]: cut        the tenth DRAW_COPY of a display channel ends its connection
//! display:1.stream_data: drop       no STREAM_DATA of the second display arrives
//! client inputs.key_down[3..5]: stall 500ms
//! main.*[20..]: corrupt             from the twentieth message on
//! ```

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::channel::{ChannelId, ChannelKind, names};
use crate::session::Way;
use crate::wire::Frame;

/// Longest stall, and in it a year: longer is for ever.
const LONGEST: f64 = 31_536_000.0;

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// As it was written.
    text: String,
    way: Way,
    /// `None` for any channel.
    kind: Option<ChannelKind>,
    /// `None` for any of its kind.
    id: Option<u8>,
    /// `None` for any message.
    number: Option<u16>,
    /// Which of the messages that fit, from 1; both ends belong to it.
    first: u64,
    last: u64,
    action: Action,
}

/// What is done to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The connection of its channel is closed before it.
    Cut,
    /// It and all behind it come later.
    Stall(Duration),
    /// The byte in the middle of its body is inverted.
    Corrupt,
    /// It is left out. Where headers are short, the messages behind it get other serials.
    Drop,
}

/// A text that is no rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRule {
    /// The text.
    pub text: String,
    /// What is wrong with it, one clause.
    pub why: String,
}

/// The rules as one direction of one connection sees them: it counts its own messages.
#[derive(Debug)]
pub(super) struct Faults<'a> {
    /// Rules that may apply, and how many messages have fitted so far.
    rules: Vec<(&'a Rule, u64)>,
}

impl<'a> Faults<'a> {
    pub(super) fn new(rules: &'a [Rule], channel: ChannelId, way: Way) -> Self {
        let here = |rule: &&Rule| {
            rule.way == way
                && rule.kind.is_none_or(|kind| kind == channel.kind)
                && rule.id.is_none_or(|id| id == channel.id)
        };
        let rules = rules.iter().filter(here).map(|rule| (rule, 0)).collect();
        Self { rules }
    }

    /// Counts a message; what is to be done to it, by the first rule that says something, and the rule.
    pub(super) fn judge(&mut self, frame: &Frame) -> Option<(Action, &'a Rule)> {
        let mut verdict = None;
        for (rule, count) in &mut self.rules {
            if rule.number.is_none_or(|number| number == frame.number) {
                *count += 1;
                if (rule.first..=rule.last).contains(count) {
                    verdict = verdict.or(Some((rule.action, *rule)));
                }
            }
        }
        verdict
    }
}

/// The same message with the byte in the middle of its body inverted.
pub(super) fn corrupted(frame: Frame) -> Frame {
    let mut body = frame.body.to_vec();
    let middle = body.len() / 2;
    if let Some(byte) = body.get_mut(middle) {
        *byte = !*byte;
    }
    Frame {
        body: body.into(),
        ..frame
    }
}

impl FromStr for Rule {
    type Err = BadRule;

    fn from_str(text: &str) -> Result<Self, BadRule> {
        parse(text).map_err(|why| BadRule {
            text: text.to_owned(),
            why,
        })
    }
}

fn parse(text: &str) -> Result<Rule, String> {
    // The action comes last; a colon may be in the channel too.
    let (place, action) = text
        .rsplit_once(": ")
        .or_else(|| text.rsplit_once(':'))
        .ok_or("it has no ': ACTION'")?;
    let place = place.trim();
    let (way, place) = match place.split_once(' ') {
        Some(("client", rest)) => (Way::ToServer, rest.trim()),
        Some(("server", rest)) => (Way::ToClient, rest.trim()),
        Some((word, _)) => return Err(format!("who is '{word}'? client and server send messages")),
        None => (Way::ToClient, place),
    };
    let (place, [first, last]) = match place.strip_suffix(']') {
        None => (place, [1, u64::MAX]),
        Some(rest) => {
            let (place, range) = rest.split_once('[').ok_or("']' has no '['")?;
            (place, parse_range(range)?)
        }
    };
    let (channel, message) = place
        .split_once('.')
        .ok_or("it does not say CHANNEL.MESSAGE")?;
    let (kind, id) = parse_channel(channel)?;
    let number = parse_message(message, kind, way)?;
    Ok(Rule {
        text: text.trim().to_owned(),
        way,
        kind,
        id,
        number,
        first,
        last,
        action: parse_action(action.trim())?,
    })
}

/// `10`, `10..` or `10..20`, from 1.
fn parse_range(text: &str) -> Result<[u64; 2], String> {
    let number = |text: &str| match text.trim().parse() {
        Ok(0) => Err("messages are counted from 1".to_owned()),
        Ok(number) => Ok(number),
        Err(_) => Err(format!("'{text}' does not say which messages")),
    };
    match text.split_once("..") {
        None => number(text).map(|only| [only; 2]),
        Some((first, "")) => Ok([number(first)?, u64::MAX]),
        Some((first, last)) => match [number(first)?, number(last)?] {
            range @ [first, last] if first <= last => Ok(range),
            _ => Err(format!("in '{text}' the last comes before the first")),
        },
    }
}

fn parse_channel(text: &str) -> Result<(Option<ChannelKind>, Option<u8>), String> {
    let (name, id) = match text.split_once(':') {
        None => (text, None),
        Some((name, id)) => {
            let id = id.parse().map_err(|_| format!("'{id}' is no channel id"))?;
            (name, Some(id))
        }
    };
    if name == "*" {
        return Ok((None, id));
    }
    let known = (1..=11).map(ChannelKind::from_number);
    let kind = known.into_iter().find(|kind| kind.name() == name);
    match kind {
        Some(kind) => Ok((Some(kind), id)),
        None => Err(format!("there is no channel '{name}'")),
    }
}

fn parse_message(text: &str, kind: Option<ChannelKind>, way: Way) -> Result<Option<u16>, String> {
    if text == "*" {
        return Ok(None);
    }
    if let Ok(number) = text.parse() {
        return Ok(Some(number));
    }
    // Of any channel: only what every channel has.
    let kind = kind.unwrap_or(ChannelKind::Other(0));
    let (names, whose) = match way {
        Way::ToClient => (names::from_server(kind), "server"),
        Way::ToServer => (names::from_client(kind), "client"),
    };
    let number = names::number(names, text);
    number
        .map(Some)
        .ok_or_else(|| format!("the {whose} sends no '{text}' on this channel"))
}

fn parse_action(text: &str) -> Result<Action, String> {
    match text.split_once(' ') {
        None if text == "cut" => Ok(Action::Cut),
        None if text == "drop" => Ok(Action::Drop),
        None if text == "corrupt" => Ok(Action::Corrupt),
        Some(("stall", how_long)) => {
            let (number, unit) = match how_long.trim().strip_suffix("ms") {
                Some(number) => (number, 0.001),
                None => (how_long.trim().trim_end_matches('s'), 1.0),
            };
            let seconds = number.trim().parse::<f64>().ok().map(|n| n * unit);
            seconds
                .filter(|seconds| (0.0..=LONGEST).contains(seconds))
                .map(|seconds| Action::Stall(Duration::from_secs_f64(seconds)))
                .ok_or_else(|| format!("'{how_long}' is no time such as 2s or 500ms"))
        }
        _ => Err(format!(
            "'{text}' is none of cut, drop, corrupt and stall TIME"
        )),
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Display for BadRule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' is not a rule: {}", self.text, self.why)
    }
}

impl std::error::Error for BadRule {}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    fn why(text: &str) -> String {
        text.parse::<Rule>().expect_err(text).why
    }

    /// What is done to the first messages of this number.
    fn verdicts<const N: usize>(rules: &[Rule], way: Way, number: u16) -> [Option<Action>; N] {
        let channel = ChannelId::new(ChannelKind::Display, 0);
        let mut faults = Faults::new(rules, channel, way);
        [(); N].map(|()| {
            faults
                .judge(&Frame::new(number, vec![]))
                .map(|(action, _)| action)
        })
    }

    #[test]
    fn a_rule_counts_the_messages_it_names() {
        let second = [rule("display.draw_copy[2]: cut")];
        assert_eq!(
            verdicts(&second, Way::ToClient, 304),
            [None, Some(Action::Cut), None]
        );
        assert_eq!(verdicts(&second, Way::ToClient, 305), [None; 3]);
        assert_eq!(verdicts(&second, Way::ToServer, 304), [None; 3]);
        let later = [rule("display:0.304[2..3]: stall 500ms")];
        let stall = Some(Action::Stall(Duration::from_millis(500)));
        assert_eq!(
            verdicts(&later, Way::ToClient, 304),
            [None, stall, stall, None]
        );
    }

    #[test]
    fn the_first_rule_that_applies_decides_and_all_of_them_count() {
        let rules = [rule("*.*[2..]: drop"), rule("display.ping[2]: corrupt")];
        let drop = Some(Action::Drop);
        assert_eq!(verdicts(&rules, Way::ToClient, 4), [None, drop, drop]);
        let rules = [rule("display:1.*: drop"), rule("client display.*: corrupt")];
        assert_eq!(verdicts(&rules, Way::ToClient, 304), [None]);
        assert_eq!(
            verdicts(&rules, Way::ToServer, 101),
            [Some(Action::Corrupt)]
        );
    }

    #[test]
    fn what_is_no_rule_is_refused_with_the_reason() {
        for (text, reason) in [
            ("display.draw_copy", "it has no ': ACTION'"),
            ("display: cut", "it does not say CHANNEL.MESSAGE"),
            ("screen.draw_copy: cut", "there is no channel 'screen'"),
            (
                "inputs.draw_copy: cut",
                "the server sends no 'draw_copy' on this channel",
            ),
            (
                "guest main.ping: cut",
                "who is 'guest'? client and server send messages",
            ),
            ("main.ping[0]: cut", "messages are counted from 1"),
            (
                "main.ping[3..2]: cut",
                "in '3..2' the last comes before the first",
            ),
            (
                "main.ping: stall soon",
                "'soon' is no time such as 2s or 500ms",
            ),
            (
                "main.ping: explode",
                "'explode' is none of cut, drop, corrupt and stall TIME",
            ),
        ] {
            assert_eq!(why(text), reason, "{text}");
        }
    }

    #[test]
    fn corruption_inverts_the_middle_byte_and_survives_an_empty_body() {
        let frame = corrupted(Frame::new(304, vec![1, 2, 3]));
        assert_eq!(frame.body[..], [1, 0xfd, 3]);
        assert!(corrupted(Frame::new(304, vec![])).body.is_empty());
    }
}
