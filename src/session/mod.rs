//! All channels of one connection as one value: frames and time go in, frames and events come out. No I/O.

mod client;
mod event;
mod memory;
mod server;
mod stats;

use std::fmt;
use std::time::Duration;

pub use client::{ClientSession, SessionConfig};
pub use event::{ClientEvent, Command, Grade, Held, Hold, Migration};
pub use memory::Memory;
pub use server::{MAX_PORTS, Parting, ServerEvent, ServerSession};
pub use stats::{ChannelStats, DisplayStats, SessionStats, StreamStats};

pub use crate::codec::contain::is_contained as panic_is_contained;

use crate::channel::main::Destination;
use crate::channel::{ChannelId, Fault};
use crate::link::Established;
use crate::wire::Frame;

/// What the session wants done outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send this frame on that channel. Its serial is set.
    Send(ChannelId, Frame),
    /// Connect and link this channel, then report `opened` or `closed`.
    Open(ChannelId),
    /// Close this channel's connection.
    Close(ChannelId),
    /// Something about the host the machine moves to.
    Move(Move),
}

/// What a client session wants done when its machine moves to another host.
#[derive(Clone, Debug, PartialEq)]
pub enum Move {
    /// The other orders are about this host. It has to satisfy what the first one did.
    Aim(Destination),
    /// Connect and link this channel there, then report `linked_there` or `lost_there`. What it says before it is taken is kept
    /// back; of main it is reported by `received_there`.
    Open(ChannelId),
    /// Send this frame there.
    Send(ChannelId, Frame),
    /// The connection there is the channel's from now on. The one it had is closed when what was to be sent is sent.
    Take(ChannelId),
    /// Whatever is opened from now on, with [`Output::Open`] too, is opened there.
    Settle,
    /// Close the connections there that were not taken, and forget the host.
    Drop,
}

/// Something the user may want to know but need not handle. Each text is reported once; repetitions raise the count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Where it happened, if on one channel.
    pub channel: Option<ChannelId>,
    /// One clause.
    pub text: String,
    /// How often so far.
    pub count: u64,
}

/// Why a channel or a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// The user asked for it.
    Requested,
    /// The peer closed the connection between two messages: the guest was shut down, or another viewer took over. Of a session
    /// it is the same whether the peer had read all that was sent to it, or its system reset the connection.
    ByPeer,
    /// The connection broke in the middle of a message, or that of a single channel was reset.
    Broken(String),
    /// Nobody was there any more: no answer came, or the network was gone.
    Lost(String),
    /// The channel could not be connected or linked.
    Refused(String),
    /// The peer broke the protocol.
    Protocol(Fault),
}

/// Whoever wants to see every frame: a recorder, a message pane. Called before the session acts on it.
pub trait Tap: Send {
    /// A frame passed, `at` after the session began.
    fn frame(&mut self, at: Duration, channel: ChannelId, way: Way, frame: &Frame);
    /// A channel was linked.
    fn opened(&mut self, _at: Duration, _channel: ChannelId, _link: &Established) {}
    /// A channel is gone.
    fn closed(&mut self, _at: Duration, _channel: ChannelId) {}
    /// Frames passed that it was not shown: a recording is played on from another moment. This is the session as it is there.
    fn skipped(&mut self, _at: Duration, _session: &ClientSession) {}
    /// Whether it wants to see the session itself, as soon as nothing in it waits. One that draws nothing is not shown.
    fn wants_session(&self) -> bool {
        false
    }
    /// The session as it is between two frames, for a tap that wants to see it.
    fn session(&mut self, _at: Duration, _session: &ClientSession) {}
}

/// Several who want to see every frame, each in its turn.
impl Tap for Vec<Box<dyn Tap>> {
    fn frame(&mut self, at: Duration, channel: ChannelId, way: Way, frame: &Frame) {
        self.iter_mut()
            .for_each(|tap| tap.frame(at, channel, way, frame));
    }

    fn opened(&mut self, at: Duration, channel: ChannelId, link: &Established) {
        self.iter_mut()
            .for_each(|tap| tap.opened(at, channel, link));
    }

    fn closed(&mut self, at: Duration, channel: ChannelId) {
        self.iter_mut().for_each(|tap| tap.closed(at, channel));
    }

    fn skipped(&mut self, at: Duration, session: &ClientSession) {
        self.iter_mut().for_each(|tap| tap.skipped(at, session));
    }

    fn wants_session(&self) -> bool {
        self.iter().any(|tap| tap.wants_session())
    }

    fn session(&mut self, at: Duration, session: &ClientSession) {
        let wanting = self.iter_mut().filter(|tap| tap.wants_session());
        wanting.for_each(|tap| tap.session(at, session));
    }
}

/// Which way a frame went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// From the server.
    ToClient,
    /// From the client.
    ToServer,
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requested => f.write_str("disconnected"),
            Self::ByPeer => f.write_str("the server closed the connection"),
            Self::Broken(text) => write!(f, "the connection broke: {text}"),
            Self::Lost(text) => write!(f, "the connection was lost: {text}"),
            Self::Refused(text) => write!(f, "could not be opened: {text}"),
            Self::Protocol(fault) => write!(f, "the server broke the protocol: {fault}"),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(channel) = self.channel {
            write!(f, "{channel}: ")?;
        }
        f.write_str(&self.text)?;
        if self.count > 1 {
            write!(f, " ({}×)", self.count)
        } else {
            Ok(())
        }
    }
}
