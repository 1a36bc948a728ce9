//! The server's side of the main channel.

use super::MouseMode;
use super::messages::{ChannelsList, ClientMessage, Init, MouseModes, Name, ServerMessage, Uuid};
use crate::channel::{ChannelId, Fault, Message};
use crate::link::{self, Capabilities};
use crate::wire::Frame;

/// Number of the capability NAME_AND_UUID.
const NAME_AND_UUID: u32 = 1;

/// Both modes: whoever is told positions can be told motion too.
const SUPPORTED: MouseMode = MouseMode(MouseMode::SERVER.0 | MouseMode::CLIENT.0);

/// Credits for messages to the agent; as many as the reference gives, though there is no agent to use them.
const AGENT_TOKENS: u32 = 10;

/// Largest body of one message to the agent, bytes.
const AGENT_DATA_MOST: usize = 2048;

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

/// Sets up the session and keeps the mouse mode.
#[derive(Clone, Debug)]
pub struct Server {
    mode: MouseMode,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            mode: MouseMode::CLIENT,
        }
    }
}

impl Server {
    /// What this server announces on the main channel.
    pub fn capabilities() -> Capabilities {
        Capabilities::of(link::COMMON, &[NAME_AND_UUID])
    }

    /// The mouse mode in force. Positions are asked for from the start.
    pub fn mouse_mode(&self) -> MouseMode {
        self.mode
    }

    /// The channel is linked with a client of these capabilities.
    pub fn start(&self, greeting: &Greeting, client: &Capabilities, outbox: &mut Vec<Frame>) {
        let init = Init {
            session_id: greeting.session_id,
            display_channels_hint: 1,
            supported_mouse_modes: SUPPORTED.0.into(),
            current_mouse_mode: self.mode.0.into(),
            agent_connected: 0,
            agent_tokens: AGENT_TOKENS,
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
            ClientMessage::AgentData(data) if data.0.len() > AGENT_DATA_MOST => {
                let text = format!(
                    "AGENT_DATA of {} bytes, the limit is {AGENT_DATA_MOST}",
                    data.0.len()
                );
                return Err(Fault::Limit(text));
            }
            ClientMessage::MigrateDstDoSeamless(_) => {
                outbox.push(ServerMessage::MigrateDstSeamlessNack.to_frame());
            }
            // There is no agent: what is meant for it is dropped, as the reference does between two agents. Answers to
            // migrations that were never begun change nothing.
            ClientMessage::ClientInfo(_)
            | ClientMessage::AgentStart(_)
            | ClientMessage::AgentData(_)
            | ClientMessage::AgentToken(_)
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
