//! What is against the protocol: rules that span messages, and the decoders' own complaints.

use std::collections::{BTreeMap, BTreeSet};

use super::dissect::Dissection;
use crate::channel::{ChannelId, ChannelKind};
use crate::link::Established;
use crate::session::Way;
use crate::wire::{HeaderKind, Value};

/// Most surfaces and streams followed on a channel.
const MOST: usize = 4096;

/// A rule that a message broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breach {
    /// Where the protocol says so: a chapter of its description, as in `spec 02 §1`.
    pub rule: &'static str,
    /// What was wrong, one clause.
    pub text: String,
}

fn breach(rule: &'static str, text: impl Into<String>) -> Breach {
    Breach {
        rule,
        text: text.into(),
    }
}

/// Holds the messages of one session against the rules, in their order.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    channels: BTreeMap<ChannelId, Channel>,
    tokens: Tokens,
}

/// What is known of one channel.
#[derive(Clone, Debug, Default)]
struct Channel {
    header: HeaderKind,
    /// The last serial from the server, and from the client.
    serials: [Option<u64>; 2],
    /// How many messages of its own, not common ones, came from the server, and from the client.
    own: [u64; 2],
    acks: Acks,
    surfaces: BTreeSet<u64>,
    streams: BTreeSet<u64>,
    /// Whether something of it is missing, so that it says less than there was.
    has_gaps: bool,
}

/// The acknowledgement window.
#[derive(Clone, Debug, Default)]
struct Acks {
    window: u64,
    generation: u64,
    /// What the client answered to.
    answered: Option<u64>,
    sent: u64,
}

/// Credit for agent data.
#[derive(Clone, Debug, Default)]
struct Tokens {
    /// What the server may still send, and the client; `None` while nobody has said.
    left: [Option<u64>; 2],
}

impl Rules {
    /// A channel was linked.
    pub fn opened(&mut self, channel: ChannelId, link: &Established) {
        let header = link.header;
        let fresh = Channel {
            header,
            ..Channel::default()
        };
        self.channels.insert(channel, fresh);
    }

    /// A channel is gone.
    pub fn closed(&mut self, channel: ChannelId) {
        self.channels.remove(&channel);
    }

    /// Some of a channel was not seen: what needs all of it is not held against it from here on.
    pub fn lost(&mut self, channel: ChannelId) {
        let channel = self.channels.entry(channel).or_default();
        channel.has_gaps = true;
        channel.serials = [None; 2];
        self.tokens = Tokens::default();
    }

    /// The rules a message breaks, those inside it included. To be asked once for each, in their order.
    pub fn check(&mut self, message: &Dissection) -> Vec<Breach> {
        let mut found = Vec::new();
        let channel = self.channels.entry(message.channel).or_default();
        channel.frame(message, &mut found);
        for part in &message.parts {
            content(part, &mut found);
            if !part.name.starts_with("AGENT ") {
                channel.own(part, &mut found);
            }
        }
        content(message, &mut found);
        channel.own(message, &mut found);
        if message.channel == ChannelId::MAIN {
            self.tokens.count(message, &mut found);
        }
        found
    }
}

/// What can be said of a message by itself.
fn content(message: &Dissection, found: &mut Vec<Breach>) {
    if message.name == "UNKNOWN" {
        let text = format!("no message of this channel has number {}", message.number);
        found.push(breach("spec 00 §5", text));
    }
    if let Some(error) = &message.error {
        let text = format!("{} at byte {}: {}", error.field, error.at, error.kind);
        found.push(breach("spec 00 §1", text));
    }
    if let Some(damage) = message.damage {
        found.push(breach("spec 01 §9.3", damage));
    }
}

impl Channel {
    /// What holds for every frame of a channel.
    fn frame(&mut self, message: &Dissection, found: &mut Vec<Breach>) {
        let side = usize::from(message.way == Way::ToServer);
        if self.header == HeaderKind::Full {
            if let Some(last) = self.serials[side]
                && message.serial != last.wrapping_add(1)
            {
                let text = format!("serial {} follows {last}", message.serial);
                found.push(breach("spec 01 §9.1", text));
            }
            self.serials[side] = Some(message.serial);
        }
        let limit = match message.way {
            Way::ToClient => message.channel.kind.server_body_limit(),
            Way::ToServer => message.channel.kind.client_body_limit(),
        };
        if message.body.len() > limit as usize {
            let text = format!("{} bytes, the limit is {limit}", message.body.len());
            found.push(breach("spec 00 §8", text));
        }
        self.acks.count(message, self.has_gaps, found);
    }

    /// What holds for a channel's own messages.
    fn own(&mut self, message: &Dissection, found: &mut Vec<Breach>) {
        let side = usize::from(message.way == Way::ToServer);
        if message.number > 100 {
            self.first(message, side, found);
            self.own[side] += 1;
        }
        if message.channel.kind == ChannelKind::Display && message.way == Way::ToClient {
            self.display(message, found);
        }
    }

    /// INIT comes first, and once.
    fn first(&mut self, message: &Dissection, side: usize, found: &mut Vec<Breach>) {
        let (rule, init) = match (message.channel.kind, message.way) {
            (ChannelKind::Main, Way::ToClient) => ("spec 02 §9", "INIT"),
            (ChannelKind::Inputs, Way::ToClient) => ("spec 03 §A1", "INIT"),
            (ChannelKind::Cursor, Way::ToClient) => ("spec 03 §B2", "INIT"),
            (ChannelKind::Display, Way::ToServer) => ("spec 07a §8.1", "INIT"),
            (ChannelKind::Port | ChannelKind::Webdav, Way::ToClient) => ("spec 06 §1", "PORT_INIT"),
            _ => return,
        };
        let is_init = message.name == init;
        if self.own[side] == 0 && !is_init && !self.has_gaps {
            found.push(breach(rule, format!("{} before {init}", message.name)));
        }
        // The cursor's comes again with every mode.
        let once = message.channel.kind == ChannelKind::Display;
        if once && is_init && self.own[side] > 0 {
            found.push(breach(rule, format!("a second {init}")));
        }
    }

    /// Surfaces and streams are made before they are used, and once.
    fn display(&mut self, message: &Dissection, found: &mut Vec<Breach>) {
        const THERE: &str = "is there already";
        const NOT_THERE: &str = "is not there";
        let has_all = !self.has_gaps;
        let surface = message.first("surface_id");
        let wrong = match (message.name, surface) {
            ("MODE", _) => {
                self.surfaces.insert(0);
                None
            }
            ("SURFACE_CREATE", Some(id)) if self.surfaces.len() < MOST => {
                (!self.surfaces.insert(id)).then_some(THERE)
            }
            ("SURFACE_DESTROY", Some(id)) => {
                (!self.surfaces.remove(&id) && has_all).then_some(NOT_THERE)
            }
            (name, Some(id)) if name.starts_with("DRAW_") || name == "COPY_BITS" => {
                (!self.surfaces.contains(&id) && has_all).then_some(NOT_THERE)
            }
            _ => None,
        };
        if let (Some(wrong), Some(id)) = (wrong, surface) {
            found.push(breach("spec 07a §6", format!("surface {id} {wrong}")));
        }
        let stream = message.first("id");
        let wrong = match (message.name, stream) {
            ("STREAM_CREATE", Some(id)) if self.streams.len() < MOST => {
                (!self.streams.insert(id)).then_some(THERE)
            }
            ("STREAM_DESTROY", Some(id)) => {
                (!self.streams.remove(&id) && has_all).then_some(NOT_THERE)
            }
            ("STREAM_DATA" | "STREAM_DATA_SIZED" | "STREAM_CLIP", Some(id)) => {
                (!self.streams.contains(&id) && has_all).then_some(NOT_THERE)
            }
            ("STREAM_DESTROY_ALL", _) => {
                self.streams.clear();
                None
            }
            _ => None,
        };
        if let (Some(wrong), Some(id)) = (wrong, stream) {
            found.push(breach("spec 07c §1", format!("stream {id} {wrong}")));
        }
    }
}

impl Acks {
    fn count(&mut self, message: &Dissection, has_gaps: bool, found: &mut Vec<Breach>) {
        const RULE: &str = "spec 02 §1";
        match (message.way, message.name) {
            (Way::ToClient, "SET_ACK") => {
                self.window = message.first("window").unwrap_or(0);
                self.generation = message.first("generation").unwrap_or(0);
                self.sent = 1;
            }
            (Way::ToClient, _) => {
                self.sent += 1;
                let most = 2 * self.window + 1;
                if self.window > 0 && self.sent == most + 1 && !has_gaps {
                    let text = format!("more than {most} messages without an ACK");
                    found.push(breach(RULE, text));
                }
            }
            (Way::ToServer, "ACK_SYNC") => {
                self.answered = message.first("generation");
                if self.answered != Some(self.generation) && !has_gaps {
                    let text = format!("the generation to answer is {}", self.generation);
                    found.push(breach(RULE, text));
                }
            }
            (Way::ToServer, "ACK") if self.answered == Some(self.generation) => {
                if self.sent < self.window && !has_gaps {
                    let text = format!("ACK after {} of {} messages", self.sent, self.window);
                    found.push(breach(RULE, text));
                }
                self.sent = self.sent.saturating_sub(self.window);
            }
            _ => {}
        }
    }
}

impl Tokens {
    fn count(&mut self, message: &Dissection, found: &mut Vec<Breach>) {
        const RULE: &str = "spec 02 §7";
        let [server, client] = &mut self.left;
        let granted = message.first("num_tokens");
        let (side, left) = match (message.way, message.name) {
            (Way::ToClient, "INIT") => {
                *client = message.first("agent_tokens");
                return;
            }
            (Way::ToClient, "AGENT_CONNECTED_TOKENS") => {
                *client = granted;
                return;
            }
            (Way::ToServer, "AGENT_START") => {
                *server = granted;
                return;
            }
            (Way::ToClient, "AGENT_TOKEN") => {
                *client = client.map(|left| left.saturating_add(granted.unwrap_or(0)));
                return;
            }
            (Way::ToServer, "AGENT_TOKEN") => {
                *server = server.map(|left| left.saturating_add(granted.unwrap_or(0)));
                return;
            }
            (Way::ToClient, "AGENT_DATA") => ("server", server),
            (Way::ToServer, "AGENT_DATA") => {
                if message.body.len() > 2048 {
                    let text = format!("{} bytes of agent data, 2048 at most", message.body.len());
                    found.push(breach(RULE, text));
                }
                ("client", client)
            }
            _ => return,
        };
        match left {
            Some(0) => found.push(breach(RULE, format!("the {side} has no token left"))),
            Some(left) => *left -= 1,
            None => {}
        }
    }
}

impl Dissection {
    /// The number in the first field of this name.
    pub(super) fn first(&self, name: &str) -> Option<u64> {
        let field = self.trace.fields.iter().find(|field| field.name == name);
        field.and_then(|field| match field.value {
            Value::Unsigned(number) | Value::Named(number, _) => Some(number),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::Dissector;
    use crate::link::Capabilities;
    use crate::wire::Frame;

    const DISPLAY: ChannelId = ChannelId::new(ChannelKind::Display, 0);

    /// The rules broken by messages of one channel, each as its rule.
    fn broken(
        channel: ChannelId,
        header: HeaderKind,
        frames: impl IntoIterator<Item = (Way, Frame)>,
    ) -> Vec<String> {
        let (mut rules, mut dissector) = (Rules::default(), Dissector::default());
        let link = Established {
            header,
            client: Capabilities::default(),
            server: Capabilities::default(),
        };
        rules.opened(channel, &link);
        let mut all = Vec::new();
        for (way, frame) in frames {
            let message = dissector.dissect(channel, way, &frame);
            let found = rules.check(&message);
            all.extend(found.into_iter().map(|b| format!("{}: {}", b.rule, b.text)));
        }
        all
    }

    fn from_server(number: u16, body: &[u8]) -> (Way, Frame) {
        (Way::ToClient, Frame::new(number, body.to_vec()))
    }

    fn from_client(number: u16, body: &[u8]) -> (Way, Frame) {
        (Way::ToServer, Frame::new(number, body.to_vec()))
    }

    #[test]
    fn a_server_may_send_two_windows_and_one_message_without_an_ack() {
        let set_ack = from_server(3, &[1, 0, 0, 0, 20, 0, 0, 0]);
        let mark = || from_server(102, &[]);
        let sync = from_client(1, &[1, 0, 0, 0]);
        let start = || vec![set_ack.clone(), sync.clone()];
        let forty = std::iter::repeat_with(mark).take(40);
        let quiet = start().into_iter().chain(forty.clone());
        assert_eq!(
            broken(DISPLAY, HeaderKind::Mini, quiet),
            Vec::<String>::new()
        );
        let loud = start().into_iter().chain(forty.clone()).chain([mark()]);
        assert_eq!(
            broken(DISPLAY, HeaderKind::Mini, loud),
            ["spec 02 §1: more than 41 messages without an ACK"]
        );
        let acked = start()
            .into_iter()
            .chain(forty)
            .chain([from_client(2, &[])]);
        let acked = acked.chain(std::iter::repeat_with(mark).take(20));
        assert_eq!(
            broken(DISPLAY, HeaderKind::Mini, acked),
            Vec::<String>::new()
        );
    }

    #[test]
    fn serials_of_full_headers_count() {
        let frame = |serial| {
            (
                Way::ToClient,
                Frame {
                    serial,
                    ..Frame::new(102, vec![])
                },
            )
        };
        let frames = [frame(1), frame(2), frame(4)];
        assert_eq!(
            broken(DISPLAY, HeaderKind::Full, frames.clone()),
            ["spec 01 §9.1: serial 4 follows 2"]
        );
        assert!(broken(DISPLAY, HeaderKind::Mini, frames).is_empty());
    }

    #[test]
    fn init_comes_first() {
        assert_eq!(
            broken(ChannelId::MAIN, HeaderKind::Mini, [from_server(107, &[])]),
            ["spec 02 §9: AGENT_CONNECTED before INIT"]
        );
        assert_eq!(
            broken(
                DISPLAY,
                HeaderKind::Mini,
                [from_client(103, &[1]), from_client(101, &[0; 14])]
            ),
            [
                "spec 07a §8.1: PREFERRED_COMPRESSION before INIT",
                "spec 07a §8.1: a second INIT"
            ]
        );
    }

    #[test]
    fn a_client_without_tokens_says_nothing_to_the_agent() {
        let mut init = vec![0; 32];
        init[20] = 1;
        let frames = [
            from_server(103, &init),
            from_client(107, &[1; 30]),
            from_client(107, &[1; 30]),
        ];
        assert_eq!(
            broken(ChannelId::MAIN, HeaderKind::Mini, frames),
            ["spec 02 §7: the client has no token left"]
        );
    }

    #[test]
    fn surfaces_are_made_before_they_are_used() {
        let create = |id: u8| {
            let body = [id, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0];
            from_server(314, &body)
        };
        let destroy = |id: u8| from_server(315, &[id, 0, 0, 0]);
        let frames = [create(1), create(1), destroy(1), destroy(1)];
        assert_eq!(
            broken(DISPLAY, HeaderKind::Mini, frames),
            [
                "spec 07a §6: surface 1 is there already",
                "spec 07a §6: surface 1 is not there"
            ]
        );
    }

    #[test]
    fn what_cannot_be_decoded_and_what_nobody_knows_is_said() {
        let frames = [from_server(999, &[]), from_server(315, &[1])];
        assert_eq!(
            broken(DISPLAY, HeaderKind::Mini, frames),
            [
                "spec 00 §5: no message of this channel has number 999",
                "spec 00 §1: surface_id at byte 0: needs 4 bytes, 1 left"
            ]
        );
    }
}
