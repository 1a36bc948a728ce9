//! The client's side of the main channel.

use super::messages::{ClientMessage, Init, MouseModeRequest, ServerMessage};
use super::{Event, MouseMode, agent};
use crate::channel::{ChannelId, Cx, Fault, Message};
use crate::link::{self, Capabilities};
use crate::wire::Part;

/// Sets up the session and follows mouse mode, agent and clock.
#[derive(Clone, Debug, Default)]
pub struct Client {
    session_id: Option<u32>,
    supported: MouseMode,
    current: MouseMode,
    agent: agent::Client,
    /// Mode asked for and not answered yet.
    requested: Option<MouseMode>,
    /// The mode the user asked for last; without such a wish it is CLIENT.
    wanted: Option<MouseMode>,
    channels: Vec<ChannelId>,
    /// What INIT is the beginning of.
    start: Start,
}

/// How the session begins at the host that its machine moved to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Start {
    /// From nothing: channels are asked for.
    #[default]
    Fresh,
    /// Its channels are linked there already.
    Continued,
}

/// Most channels taken from a server, and most of one kind.
const MAX_CHANNELS: usize = 64;
/// A session keeps memory for each. Servers have as many displays as QEMU has outputs, 16.
pub const MAX_OF_A_KIND: usize = 16;

/// Longest name taken over, bytes.
const MAX_NAME: usize = 256;

impl Client {
    /// A client that takes clipboards of at most so many bytes from the guest's agent.
    pub fn new(clipboard_limit: u32) -> Self {
        Self {
            agent: agent::Client::new(clipboard_limit),
            ..Self::default()
        }
    }

    /// What this client announces on the main channel: bit 0, SEMI_SEAMLESS_MIGRATE; bit 1, NAME_AND_UUID; bit 2,
    /// AGENT_CONNECTED_TOKENS; bit 3, SEAMLESS_MIGRATE.
    pub fn capabilities() -> Capabilities {
        Capabilities::of(link::CLIENT_COMMON, &[0, 1, 2, 3])
    }

    /// The machine is with another server, whose INIT will come; whether there was an agent, which is gone until that says
    /// otherwise.
    pub fn begin_elsewhere(&mut self, start: Start) -> bool {
        (self.session_id, self.requested, self.start) = (None, None, start);
        if start == Start::Fresh {
            self.channels.clear();
        }
        let gone = self.has_agent();
        self.agent.on_disconnected();
        gone
    }

    /// Repeated by every other channel's link; `None` before INIT.
    pub fn session_id(&self) -> Option<u32> {
        self.session_id
    }

    /// The mouse mode in force.
    pub fn mouse_mode(&self) -> MouseMode {
        self.current
    }

    /// Whether the guest agent is there.
    pub fn has_agent(&self) -> bool {
        self.agent.state().is_present()
    }

    /// The guest agent, at the other end of the tunnel.
    pub fn agent(&self) -> &agent::Client {
        &self.agent
    }

    /// The same, to talk with it.
    pub fn agent_mut(&mut self) -> &mut agent::Client {
        &mut self.agent
    }

    /// Asks for another mouse mode, once the server supports it. It is asked for again whenever the server leaves it.
    pub fn request_mouse_mode(&mut self, mode: MouseMode, cx: &mut Cx<'_>) {
        self.wanted = Some(mode);
        self.request_wanted_mode(cx);
    }

    fn request_wanted_mode(&mut self, cx: &mut Cx<'_>) {
        let mode = self.wanted.unwrap_or(MouseMode::CLIENT);
        if self.supported.contains(mode) && self.current != mode && self.requested != Some(mode) {
            self.requested = Some(mode);
            cx.send(&ClientMessage::MouseModeRequest(MouseModeRequest { mode }));
        }
    }

    /// Acts on one message. Channels to be opened are appended to `open`.
    pub fn on_part(
        &mut self,
        part: &Part,
        cx: &mut Cx<'_>,
        events: &mut Vec<Event>,
        open: &mut Vec<ChannelId>,
    ) -> Result<(), Fault> {
        let message = match ServerMessage::decode(part.number, &part.body) {
            Ok(message) => message,
            // Nothing works without these two.
            Err(error) if part.number == 103 || part.number == 104 => {
                return Err(Fault::Message(error));
            }
            Err(error) => {
                cx.notice(error.to_string());
                return Ok(());
            }
        };
        match message {
            ServerMessage::Init(init) => self.on_init(&init, cx, events)?,
            ServerMessage::ChannelsList(list) => self.on_channels(list.channels, cx, open),
            ServerMessage::MouseMode(modes) => {
                self.on_mouse_mode(modes.supported, modes.current, cx, events)
            }
            ServerMessage::MultiMediaTime(time) => {
                cx.shared.media.set(time.time, cx.now);
                events.push(Event::MultiMediaTime(time.time));
            }
            ServerMessage::AgentConnected => self.on_agent(None, cx, events),
            ServerMessage::AgentConnectedTokens(credit) => {
                self.on_agent(Some(credit.num_tokens), cx, events)
            }
            ServerMessage::AgentDisconnected(_) => {
                if self.has_agent() {
                    events.push(Event::Agent { connected: false });
                }
                self.agent.on_disconnected();
            }
            ServerMessage::AgentData(data) => self.agent.on_data(data.0, cx),
            ServerMessage::AgentToken(credit) => self.agent.on_tokens(credit.num_tokens, cx),
            ServerMessage::Name(name) => events.push(Event::Name(text(name.name))),
            ServerMessage::Uuid(uuid) => events.push(Event::Uuid(uuid.uuid)),
            ServerMessage::MigrateBegin(_)
            | ServerMessage::MigrateBeginSeamless(_)
            | ServerMessage::MigrateSwitchHost(_)
            | ServerMessage::MigrateCancel
            | ServerMessage::MigrateEnd
            | ServerMessage::MigrateDstSeamlessAck
            | ServerMessage::MigrateDstSeamlessNack => {
                // The session knows what to do with those that come in their turn.
                cx.notice(format!("{} out of turn", message.name()));
            }
            ServerMessage::Unknown { number, .. } => cx.notice(format!("unknown message {number}")),
        }
        Ok(())
    }

    fn on_init(
        &mut self,
        init: &Init,
        cx: &mut Cx<'_>,
        events: &mut Vec<Event>,
    ) -> Result<(), Fault> {
        if self.session_id.is_some() {
            return Err(Fault::Violation("a second INIT on the main channel".into()));
        }
        self.session_id = Some(init.session_id);
        events.push(Event::Init {
            session_id: init.session_id,
            display_channels_hint: init.display_channels_hint,
        });
        cx.shared.media.set(init.multi_media_time, cx.now);
        cx.shared.ram_hint = init.ram_hint;
        let mode = |bits: u32| MouseMode(bits as u16 & 3);
        self.agent.on_credit(init.agent_tokens);
        if init.agent_connected != 0 {
            self.on_agent(None, cx, events);
        }
        self.on_mouse_mode(
            mode(init.supported_mouse_modes),
            mode(init.current_mouse_mode),
            cx,
            events,
        );
        if self.start == Start::Fresh {
            cx.send(&ClientMessage::AttachChannels);
        }
        Ok(())
    }

    fn on_mouse_mode(
        &mut self,
        supported: MouseMode,
        current: MouseMode,
        cx: &mut Cx<'_>,
        events: &mut Vec<Event>,
    ) {
        (self.supported, self.current, self.requested) = (supported, current, None);
        cx.shared.mouse_mode = current;
        events.push(Event::MouseMode { supported, current });
        // The server never switches to CLIENT by itself (spec 02 §6).
        self.request_wanted_mode(cx);
    }

    /// An agent is there, another one if there was one.
    fn on_agent(&mut self, credit: Option<u32>, cx: &mut Cx<'_>, events: &mut Vec<Event>) {
        if !self.has_agent() {
            events.push(Event::Agent { connected: true });
        }
        if let Some(tokens) = credit {
            self.agent.on_credit(tokens);
        }
        self.agent.on_connected(cx);
    }

    fn on_channels(&mut self, listed: Vec<ChannelId>, cx: &mut Cx<'_>, open: &mut Vec<ChannelId>) {
        for channel in listed {
            if self.channels.len() == MAX_CHANNELS {
                cx.notice(format!(
                    "more than {MAX_CHANNELS} channels are offered; the rest is ignored"
                ));
                return;
            }
            if channel == ChannelId::MAIN || self.channels.contains(&channel) {
                continue;
            }
            let alike = self.channels.iter().filter(|c| c.kind == channel.kind);
            if alike.count() >= MAX_OF_A_KIND {
                let kind = channel.kind.name();
                cx.notice(format!(
                    "more than {MAX_OF_A_KIND} {kind} channels are offered; the rest is ignored"
                ));
                continue;
            }
            self.channels.push(channel);
            open.push(channel);
        }
    }

    /// A channel is there again, unasked.
    pub fn remember(&mut self, channel: ChannelId) {
        if !self.channels.contains(&channel) {
            self.channels.push(channel);
        }
    }

    /// A channel is gone; the server may announce it again.
    pub fn forget(&mut self, channel: ChannelId) {
        self.channels.retain(|c| *c != channel);
    }
}

/// Text from the server: up to its NUL, cut to a sane length, without control characters.
fn text(bytes: &[u8]) -> String {
    let end = bytes
        .iter()
        .position(|b| *b == 0)
        .unwrap_or(bytes.len())
        .min(MAX_NAME);
    String::from_utf8_lossy(&bytes[..end])
        .chars()
        .filter(|c| !c.is_control())
        .collect()
}
