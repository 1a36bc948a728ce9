//! The server's side of the main channel.

use super::messages::{
    ChannelsList, ClientMessage, Init, MouseModes, MultiMediaTime, Name, ServerMessage, Uuid,
};
use super::{MouseMode, agent};
use crate::channel::{ChannelId, Fault, Message};
use crate::link::{self, Capabilities};
use crate::wire::Frame;

/// Number of the capability NAME_AND_UUID.
const NAME_AND_UUID: u32 = 1;

/// Both modes: whoever is told positions can be told motion too.
const SUPPORTED: MouseMode = MouseMode(MouseMode::SERVER.0 | MouseMode::CLIENT.0);

/// Number of the capability AGENT_CONNECTED_TOKENS.
const AGENT_CONNECTED_TOKENS: u32 = 2;

/// How much earlier the client's multi-media clock runs, milliseconds.
const MEDIA_LEAD_MS: u32 = 400;

/// What a new client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Not 0.
    pub session_id: u32,
    /// The guest's name; not told when empty.
    pub name: String,
    /// The guest's UUID, bytes in textual order; all zero for none.
    pub uuid: [u8; 16],
    /// The server's multi-media clock, milliseconds.
    pub media_ms: u32,
}

/// Sets up the session, keeps the mouse mode, and carries what client and guest agent say.
#[derive(Clone, Debug)]
pub struct Server {
    mode: MouseMode,
    agent: agent::Server,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            mode: MouseMode::CLIENT,
            agent: agent::Server::default(),
        }
    }
}

impl Server {
    /// What this server announces on the main channel.
    pub fn capabilities() -> Capabilities {
        Capabilities::of(link::COMMON, &[NAME_AND_UUID, AGENT_CONNECTED_TOKENS])
    }

    /// The mouse mode in force. Positions are asked for from the start.
    pub fn mouse_mode(&self) -> MouseMode {
        self.mode
    }

    /// The tunnel to the guest agent.
    pub fn agent(&self) -> &agent::Server {
        &self.agent
    }

    /// The same, to carry something.
    pub fn agent_mut(&mut self) -> &mut agent::Server {
        &mut self.agent
    }

    /// The channel is linked with a client of these capabilities.
    pub fn start(&mut self, greeting: &Greeting, client: &Capabilities, outbox: &mut Vec<Frame>) {
        self.agent.start(client.has(AGENT_CONNECTED_TOKENS));
        let init = Init {
            session_id: greeting.session_id,
            display_channels_hint: 1,
            supported_mouse_modes: SUPPORTED.0.into(),
            current_mouse_mode: self.mode.0.into(),
            agent_connected: self.agent.is_attached().into(),
            agent_tokens: agent::Server::TOKENS,
            multi_media_time: greeting.media_ms.wrapping_sub(MEDIA_LEAD_MS),
            ram_hint: 0,
        };
        outbox.push(ServerMessage::Init(init).to_frame());
        if !client.has(NAME_AND_UUID) {
            return;
        }
        if !greeting.name.is_empty() {
            let name = [greeting.name.as_bytes(), &[0]].concat();
            outbox.push(ServerMessage::Name(Name { name: &name }).to_frame());
        }
        let uuid = greeting.uuid;
        outbox.push(ServerMessage::Uuid(Uuid { uuid }).to_frame());
    }

    /// Sets the client's multi-media clock by the server's: to be said when nothing else does any more, at the end of sound.
    pub fn tell_time(media_ms: u32, outbox: &mut Vec<Frame>) {
        let time = media_ms.wrapping_sub(MEDIA_LEAD_MS);
        outbox.push(ServerMessage::MultiMediaTime(MultiMediaTime { time }).to_frame());
    }

    /// Acts on one message; `others` are the channels besides this one. The new mouse mode, if it changed.
    ///
    /// # Errors
    ///
    /// When the message is malformed, unknown or out of turn.
    pub fn on_frame(
        &mut self,
        frame: &Frame,
        others: &[ChannelId],
        outbox: &mut Vec<Frame>,
    ) -> Result<Option<MouseMode>, Fault> {
        let message = ClientMessage::decode(frame.number, &frame.body).map_err(Fault::Message)?;
        match message {
            ClientMessage::AttachChannels => {
                let channels = others.to_vec();
                outbox.push(ServerMessage::ChannelsList(ChannelsList { channels }).to_frame());
            }
            ClientMessage::MouseModeRequest(request) => {
                return Ok(self.request_mode(request.mode, outbox));
            }
            ClientMessage::AgentStart(credit) => self.agent.on_start(credit.num_tokens, outbox),
            ClientMessage::AgentToken(credit) => self.agent.on_tokens(credit.num_tokens, outbox),
            ClientMessage::AgentData(data) => self.agent.on_data(data.0, outbox)?,
            ClientMessage::MigrateDstDoSeamless(_) => {
                outbox.push(ServerMessage::MigrateDstSeamlessNack.to_frame());
            }
            // Answers to migrations that were never begun change nothing.
            ClientMessage::ClientInfo(_)
            | ClientMessage::MigrateConnected
            | ClientMessage::MigrateConnectError
            | ClientMessage::MigrateConnectedSeamless
            | ClientMessage::MigrateEnd
            | ClientMessage::QualityIndicator(_) => {}
            ClientMessage::Unknown { number, .. } => return Err(Fault::unknown_message(number)),
        }
        Ok(None)
    }

    /// Switches, if exactly one known mode is asked for, and says so.
    fn request_mode(&mut self, mode: MouseMode, outbox: &mut Vec<Frame>) -> Option<MouseMode> {
        if (mode != MouseMode::SERVER && mode != MouseMode::CLIENT) || mode == self.mode {
            return None;
        }
        self.mode = mode;
        let modes = MouseModes {
            supported: SUPPORTED,
            current: mode,
        };
        outbox.push(ServerMessage::MouseMode(modes).to_frame());
        Some(mode)
    }
}
