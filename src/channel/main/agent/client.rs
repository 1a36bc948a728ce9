//! The client's side of the guest agent.

use std::time::Duration;

use super::assembler::{Assembled, Assembler};
use super::clipboard::Clipboards;
use super::files::Transfers;
use super::line::Line;
use super::messages::{
    AnnounceCapabilities, DisplayConfig, MaxClipboard, Message, MessageKind, Reply,
};
use super::monitors::Monitors;
use super::outgoing::{Step, Tag};
use super::{Abilities, Event, FileEnd, FileEvent, FileId, Order, State, Tunnel, Unusable};
use crate::channel::Cx;
use crate::channel::main::messages::{ClientMessage, Tokens};
use crate::wire::{DecodeError, Frame};

/// Number of AGENT_DATA, client → server.
const AGENT_DATA: u16 = 107;

/// Credit for the server, as much as there can be: what an agent can make a client keep is bounded otherwise.
const SERVER_TOKENS: u32 = u32::MAX;

/// How long an agent may take to say what it can do.
const PATIENCE: Duration = Duration::from_secs(5);

/// Largest clipboard content that is taken and given unless somebody chooses otherwise, bytes (spec 04 §5).
pub const CLIPBOARD_LIMIT: u32 = 100 << 20;

/// Largest that can be chosen, bytes.
pub const MAX_CLIPBOARD_LIMIT: u32 = 256 << 20;

/// What this client can do. Bits 0 to 4 are set by every client and mean little.
const ABILITIES: Abilities = Abilities(
    Abilities::MOUSE_STATE.0
        | Abilities::MONITORS_CONFIG.0
        | Abilities::REPLY.0
        | Abilities::DISPLAY_CONFIG.0
        | Abilities::CLIPBOARD_BY_DEMAND.0
        | Abilities::CLIPBOARD_SELECTION.0
        | Abilities::MONITORS_CONFIG_POSITION.0
        | Abilities::FILE_XFER_DETAILED_ERRORS.0
        | Abilities::CLIPBOARD_NO_RELEASE_ON_REGRAB.0
        | Abilities::CLIPBOARD_GRAB_SERIAL.0,
);

/// Talks with the agent.
#[derive(Clone, Debug)]
pub struct Client {
    line: Line,
    assembler: Assembler,
    clipboards: Clipboards,
    transfers: Transfers,
    monitors: Monitors,
    /// Whether DISPLAY_CONFIG was sent: once a connection.
    looks_told: bool,
    /// When an agent that has said nothing is held to be silent.
    silent_at: Option<Duration>,
}

impl Default for Client {
    fn default() -> Self {
        Self::new(CLIPBOARD_LIMIT)
    }
}

impl Client {
    /// No agent; contents of clipboards have at most `clipboard_limit` bytes, which is at most [`MAX_CLIPBOARD_LIMIT`].
    pub fn new(clipboard_limit: u32) -> Self {
        Self {
            line: Line::default(),
            assembler: Assembler::default(),
            clipboards: Clipboards::new(clipboard_limit.min(MAX_CLIPBOARD_LIMIT)),
            transfers: Transfers::default(),
            monitors: Monitors::default(),
            looks_told: false,
            silent_at: None,
        }
    }

    /// Whether there is an agent, and what it can do.
    pub fn state(&self) -> State {
        self.line.state
    }

    /// The tunnel at this moment.
    pub fn tunnel(&self) -> Tunnel {
        Tunnel {
            state: self.line.state,
            tokens: self.line.outgoing.tokens(),
            backlog: self.line.outgoing.bytes(),
        }
    }

    /// Bytes that are kept because the agent sent them.
    pub fn bytes(&self) -> usize {
        self.assembler.bytes() + self.line.told_bytes()
    }

    /// The server takes so many messages from now on: what INIT and AGENT_CONNECTED_TOKENS say.
    pub fn on_credit(&mut self, tokens: u32) {
        self.line.outgoing.set_tokens(tokens);
    }

    /// The agent is there.
    pub fn on_connected(&mut self, cx: &mut Cx<'_>) {
        self.forget();
        self.silent_at = Some(cx.now + PATIENCE);
        self.turn(State::Starting);
        let num_tokens = SERVER_TOKENS;
        cx.send(&ClientMessage::AgentStart(Tokens { num_tokens }));
        self.announce(1);
        self.flush(cx);
    }

    /// The agent went.
    pub fn on_disconnected(&mut self) {
        if self.line.state.is_present() {
            self.forget();
            self.turn(State::Absent);
        }
    }

    /// The server takes more.
    pub fn on_tokens(&mut self, tokens: u32, cx: &mut Cx<'_>) {
        self.line.outgoing.add_tokens(tokens);
        self.flush(cx);
    }

    /// Bytes came from the agent.
    pub fn on_data(&mut self, mut data: &[u8], cx: &mut Cx<'_>) {
        // What came before it was started is the middle of something.
        if matches!(self.line.state, State::Absent | State::Broken) {
            return;
        }
        loop {
            match self.assembler.next(&mut data, self.clipboards.wanted()) {
                Ok(None) => break,
                Ok(Some(Assembled::Message(kind, payload))) => {
                    if let Err(error) = self.on_message(kind, payload, cx.now) {
                        cx.notice(error.to_string());
                    }
                }
                Ok(Some(Assembled::TooLong(MessageKind::Clipboard, bytes))) => {
                    self.clipboards.on_too_large(bytes, &mut self.line);
                }
                Ok(Some(Assembled::TooLong(kind, bytes))) => {
                    cx.notice(format!(
                        "guest agent: message {} of {bytes} bytes is passed over",
                        kind.number()
                    ));
                }
                Err(not_agent) => {
                    cx.notice(format!(
                        "guest agent: protocol {} where 1 is known",
                        not_agent.protocol
                    ));
                    self.forget();
                    self.turn(State::Broken);
                    return;
                }
            }
        }
        if self.assembler.in_clipboard() {
            self.clipboards.on_progress(cx.now);
        }
        self.flush(cx);
    }

    /// The user wants something of the agent.
    pub fn on_order(&mut self, order: Order, cx: &mut Cx<'_>) {
        let line = &mut self.line;
        match order {
            Order::Offer { selection, kinds } => self.clipboards.offer(selection, &kinds, line),
            Order::Release { selection } => self.clipboards.release(selection, line),
            Order::Fetch { selection, kind } => {
                self.clipboards.fetch(selection, kind, cx.now, line)
            }
            Order::Answer {
                selection,
                kind,
                content,
            } => self.clipboards.answer(selection, kind, content, line),
            Order::Monitors(sizes) => self.monitors.want(sizes, cx.now),
            Order::SendFile { id, .. } if id.0 == 0 || self.transfers.has(id) => {
                cx.notice(format!("a file's number is used twice: {}", id.0));
            }
            Order::SendFile { id, name, size } => {
                if let Err(end) = self.transfers.start(id, &name, size, line) {
                    line.tell(Event::File(id, FileEvent::Ended(end)));
                }
            }
            Order::FileBytes { id, data } => self.transfers.give(id, data, line),
            Order::CancelFile { id, why } => self.transfers.cancel(id, why, line),
        }
        self.flush(cx);
    }

    /// The user may not change anything in the guest: an order for that comes to nothing.
    pub fn refuse(&mut self, order: &Order) {
        if let Order::SendFile { id, .. } = order {
            self.end_file(*id, FileEnd::Unusable(Unusable::ViewOnly));
        }
    }

    /// Time has passed; to be called when [`poll_timeout`](Self::poll_timeout) is due.
    pub fn tick(&mut self, cx: &mut Cx<'_>) {
        if self.silent_at.is_some_and(|at| at <= cx.now) {
            self.silent_at = None;
            self.turn(State::Silent);
            self.monitors.introduce(cx.now);
        }
        self.clipboards.tick(cx.now, &mut self.line);
        self.flush(cx);
    }

    /// When [`tick`](Self::tick) has something to do, as time since the session began.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let all = [
            self.silent_at,
            self.clipboards.poll_timeout(),
            self.monitors.poll_timeout(),
        ];
        all.into_iter().flatten().min()
    }

    /// The next thing for the user.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.line.poll_event()
    }

    /// Whether there is something for the user.
    pub fn has_event(&self) -> bool {
        self.line.has_event()
    }

    fn on_message(
        &mut self,
        kind: MessageKind,
        payload: Vec<u8>,
        now: Duration,
    ) -> Result<(), DecodeError> {
        if kind == MessageKind::Clipboard {
            return self.clipboards.on_content(payload, &mut self.line);
        }
        match Message::decode(kind, &payload, self.line.layout())? {
            Message::AnnounceCapabilities(said) => self.on_announcement(said, now),
            Message::ClipboardGrab(grab) => self.clipboards.on_grab(&grab, &mut self.line),
            Message::ClipboardRequest(request) => {
                self.clipboards.on_request(request, &mut self.line)
            }
            Message::ClipboardRelease(release) => {
                self.clipboards
                    .on_release(release.selection, now, &mut self.line)
            }
            Message::FileXferStatus(status) => self.transfers.on_status(&status, &mut self.line),
            Message::Reply(reply) => self.on_reply(&reply),
            // Not for a client, or not known.
            _ => {}
        }
        Ok(())
    }

    fn on_announcement(&mut self, said: AnnounceCapabilities, now: Duration) {
        let first = !matches!(self.line.state, State::Ready(_));
        let is_new = first || said.request != 0;
        self.silent_at = None;
        self.turn(State::Ready(said.abilities));
        if said.request != 0 {
            self.announce(0);
        }
        if self.line.can(Abilities::DISPLAY_CONFIG) && !self.looks_told {
            let (flags, depth) = (0, 0);
            let message = Message::DisplayConfig(DisplayConfig { flags, depth });
            self.looks_told = self.line.send(&message);
        }
        if is_new && self.line.can(Abilities::MAX_CLIPBOARD) {
            let max = i32::try_from(self.clipboards.limit()).unwrap_or(i32::MAX);
            self.line.send(&Message::MaxClipboard(MaxClipboard { max }));
        }
        if is_new {
            self.monitors.introduce(now);
            self.clipboards.introduce(&mut self.line);
        }
    }

    fn on_reply(&mut self, reply: &Reply) {
        if reply.kind == MessageKind::MonitorsConfig {
            let accepted = reply.error == 1;
            self.line.tell(Event::Monitors { accepted });
        }
    }

    fn announce(&mut self, request: u32) {
        let abilities = ABILITIES;
        let message = Message::AnnounceCapabilities(AnnounceCapabilities { request, abilities });
        self.line.send(&message);
    }

    fn end_file(&mut self, id: FileId, end: FileEnd) {
        self.line.tell(Event::File(id, FileEvent::Ended(end)));
    }

    /// Nothing of the agent's is left, whichever comes next.
    fn forget(&mut self) {
        self.assembler = Assembler::default();
        self.line.outgoing.reset();
        self.silent_at = None;
        self.clipboards.reset(&mut self.line);
        self.transfers.reset(&mut self.line);
        self.monitors.reset();
    }

    fn turn(&mut self, state: State) {
        if self.line.state != state {
            self.line.state = state;
            self.line.tell(Event::State(state));
        }
    }

    /// Sends what there is credit for.
    fn flush(&mut self, cx: &mut Cx<'_>) {
        self.monitors.tick(cx.now, &mut self.line);
        while let Some(body) = self.line.outgoing.poll() {
            cx.outbox.push(Frame::new(AGENT_DATA, body));
            self.take_steps();
        }
        self.take_steps();
    }

    /// Acts on what became of the messages.
    fn take_steps(&mut self) {
        while let Some(step) = self.line.outgoing.poll_step() {
            let line = &mut self.line;
            match step {
                Step::Begun(Tag::Piece(id, _)) => self.transfers.on_begun(id, line),
                Step::Sent(Tag::Piece(id, bytes)) => self.transfers.on_sent(id, bytes, line),
                Step::Sent(Tag::Farewell(id)) => self.transfers.on_left(id, line),
                Step::Taken(Tag::Answer(selection, kind, bytes)) => line.tell(Event::Answered {
                    selection,
                    kind,
                    bytes,
                }),
                Step::Begun(_) | Step::Sent(_) | Step::Taken(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_announces_the_bits_of_the_protocol_description() {
        assert_eq!(ABILITIES.0, 0x0003_5077);
    }
}
