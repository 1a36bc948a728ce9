//! The guest agent: a daemon in the guest that shares its clipboard, follows the sizes of windows and takes files.
//!
//! Its messages are tunnelled through the main channel. A client follows [`Event::State`] to know whether it can use the
//! agent, and what of it; what it wants it says as an [`Order`]. Nothing is waited for here: an order that comes to nothing
//! ends in an event that says why.
//!
//! Protocol: spec 04, and spec 02 §7 for the tunnel.

mod assembler;
mod client;
mod clipboard;
mod device;
mod files;
mod line;
pub mod messages;
mod monitors;
mod outgoing;
mod server;

use std::fmt;

use bytes::Bytes;

pub use client::{CLIPBOARD_LIMIT, Client, MAX_CLIPBOARD_LIMIT};
pub use clipboard::{ContentKind, FetchError, Selection};
pub use device::{Device, Piece, client_chunk, client_disconnected};
pub use files::{FileEnd, FileEvent, FileId};
pub use monitors::MonitorSize;
pub use server::Server;

use crate::wire::wire_flags;

wire_flags! {
    /// What an agent, or a client, says it can do: the first word of ANNOUNCE_CAPABILITIES (spec 04 §3).
    pub struct Abilities: u32 {
        /// Takes MOUSE_STATE.
        MOUSE_STATE = 1,
        /// Takes MONITORS_CONFIG.
        MONITORS_CONFIG = 1 << 1,
        /// Sends, or understands, REPLY.
        REPLY = 1 << 2,
        /// Obsolete: clipboards that are pushed.
        CLIPBOARD = 1 << 3,
        /// Takes DISPLAY_CONFIG.
        DISPLAY_CONFIG = 1 << 4,
        /// Clipboards that are offered and asked for.
        CLIPBOARD_BY_DEMAND = 1 << 5,
        /// Clipboard messages name a selection.
        CLIPBOARD_SELECTION = 1 << 6,
        /// Monitors of no size are off.
        SPARSE_MONITORS_CONFIG = 1 << 7,
        /// Lines of the guest's text end in LF.
        GUEST_LINEEND_LF = 1 << 8,
        /// Lines of the guest's text end in CRLF.
        GUEST_LINEEND_CRLF = 1 << 9,
        /// Takes MAX_CLIPBOARD.
        MAX_CLIPBOARD = 1 << 10,
        /// Takes AUDIO_VOLUME_SYNC.
        AUDIO_VOLUME_SYNC = 1 << 11,
        /// Positions of monitors count.
        MONITORS_CONFIG_POSITION = 1 << 12,
        /// Files are refused. Also set by a server that has file transfer turned off.
        FILE_XFER_DISABLED = 1 << 13,
        /// Says more about a file that failed.
        FILE_XFER_DETAILED_ERRORS = 1 << 14,
        /// Wants GRAPHICS_DEVICE_INFO.
        GRAPHICS_DEVICE_INFO = 1 << 15,
        /// A grab replaces the one before without a release.
        CLIPBOARD_NO_RELEASE_ON_REGRAB = 1 << 16,
        /// Grabs are numbered.
        CLIPBOARD_GRAB_SERIAL = 1 << 17,
    }
}

/// Whether there is an agent, and what it can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// None. The machine has no channel for one, or none runs in the guest: a server does not say which.
    #[default]
    Absent,
    /// It is there and has not said yet what it can do.
    Starting,
    /// It has said nothing for five seconds: its daemon hangs, or is older than abilities are.
    Silent,
    /// It is there and can do this.
    Ready(Abilities),
    /// What it says is no agent's protocol. It is not listened to until it is started anew.
    Broken,
}

/// The tunnel to the agent at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tunnel {
    /// Whether there is an agent, and what it can do.
    pub state: State,
    /// Messages of at most 2048 bytes that may be sent until the server takes more.
    pub tokens: u32,
    /// Bytes that wait for tokens.
    pub backlog: usize,
}

/// Why something cannot be done with the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unusable {
    /// There is none.
    Absent,
    /// It is there and has said nothing yet, or will say nothing.
    Silent,
    /// It speaks another protocol.
    Broken,
    /// It shares no clipboard, or the server has that turned off: it hides then that the agent could.
    NoClipboard,
    /// The agent or the server has file transfer turned off.
    FilesDisabled,
    /// The session is for looking only.
    ViewOnly,
}

impl State {
    /// What the agent can do; nothing unless it is ready.
    pub fn abilities(self) -> Abilities {
        match self {
            Self::Ready(abilities) => abilities,
            _ => Abilities::empty(),
        }
    }

    /// Whether the agent is there, whatever it can do.
    pub fn is_present(self) -> bool {
        self != Self::Absent
    }

    /// Whether clipboards can be shared.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn clipboard(self) -> Result<(), Unusable> {
        let abilities = self.ready()?;
        if abilities.contains(Abilities::CLIPBOARD_BY_DEMAND) {
            Ok(())
        } else {
            Err(Unusable::NoClipboard)
        }
    }

    /// Whether files can be sent.
    ///
    /// # Errors
    ///
    /// Why not.
    pub fn files(self) -> Result<(), Unusable> {
        let abilities = self.ready()?;
        if abilities.contains(Abilities::FILE_XFER_DISABLED) {
            Err(Unusable::FilesDisabled)
        } else {
            Ok(())
        }
    }

    fn ready(self) -> Result<Abilities, Unusable> {
        match self {
            Self::Ready(abilities) => Ok(abilities),
            Self::Absent => Err(Unusable::Absent),
            Self::Starting | Self::Silent => Err(Unusable::Silent),
            Self::Broken => Err(Unusable::Broken),
        }
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "the guest has no agent",
            Self::Silent => "the guest agent does not answer",
            Self::Broken => "the guest agent speaks another protocol",
            Self::NoClipboard => {
                "the guest agent shares no clipboard, or the server has it turned off"
            }
            Self::ViewOnly => "this session changes nothing in the guest",
            Self::FilesDisabled => "file transfer is turned off, by the guest or by the server",
        })
    }
}

impl std::error::Error for Unusable {}

/// What the agent did, or what has become of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The agent appeared, said what it can do, or went.
    State(State),
    /// Something was copied in the guest. The client's own offer in this selection is over.
    Offered {
        /// Where.
        selection: Selection,
        /// What it can be had as, the guest's order; each kind once.
        kinds: Vec<ContentKind>,
        /// The grab's number, if the agent numbers them.
        serial: Option<u32>,
    },
    /// The guest no longer offers anything in this selection.
    Released {
        /// Where.
        selection: Selection,
    },
    /// Somebody in the guest wants what the client offers; to be answered with [`Order::Answer`].
    Requested {
        /// Where.
        selection: Selection,
        /// As what.
        kind: ContentKind,
    },
    /// The server has passed an [`Order::Answer`] on to the agent, but for at most its last four messages of 2048 bytes.
    Answered {
        /// Where.
        selection: Selection,
        /// As what.
        kind: ContentKind,
        /// Bytes of content; 0 for an answer that said there is none.
        bytes: usize,
    },
    /// What an [`Order::Fetch`] came to.
    Content {
        /// Where.
        selection: Selection,
        /// As what.
        kind: ContentKind,
        /// Text is UTF-8 without a final NUL, its lines end in LF. Anything else is as the guest sent it: it may hold anything.
        content: Result<Bytes, FetchError>,
    },
    /// The agent has dealt with a MONITORS_CONFIG. Not every agent says so, and a server that changes the sizes itself never does.
    Monitors {
        /// Whether it could.
        accepted: bool,
    },
    /// A file that is being sent wants something, got somewhere, or ended.
    File(FileId, FileEvent),
}

/// What a user of a client wants of the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Order {
    /// Offers something to be pasted in the guest, and stands until [`Order::Release`] or until something is copied in the guest. May
    /// be given before the agent is there. The guest asks by [`Event::Requested`].
    Offer {
        /// Where.
        selection: Selection,
        /// What it can be had as.
        kinds: Vec<ContentKind>,
    },
    /// Offers nothing any more.
    Release {
        /// Where.
        selection: Selection,
    },
    /// Asks for what the guest offers, or, while it has told of nothing in this selection, for what it may have from
    /// before; [`Event::Content`] answers. One at a time: another ends it.
    Fetch {
        /// Where.
        selection: Selection,
        /// As what.
        kind: ContentKind,
    },
    /// Answers [`Event::Requested`].
    Answer {
        /// Where.
        selection: Selection,
        /// As what.
        kind: ContentKind,
        /// Text is UTF-8 with lines that end in LF; they are made the guest's. `None` if it cannot be had.
        content: Option<Bytes>,
    },
    /// The monitors the guest should have, by display, all others off. Sent once nothing else was wanted for a second, and at once to an
    /// agent that appears. Who gives this again for each size that the guest chooses itself will never be done.
    Monitors(Vec<MonitorSize>),
    /// Starts to send a file; [`Event::File`] follows until [`FileEvent::Ended`].
    SendFile {
        /// A number of the caller's choice, not 0 and not used before in this session.
        id: FileId,
        /// Its name in the guest. Of a path only the last part counts.
        name: String,
        /// Its length in bytes.
        size: u64,
    },
    /// The next bytes of a file, as asked for by [`FileEvent::Wants`]. None at all means that it has no more, which it promised.
    FileBytes {
        /// Which.
        id: FileId,
        /// At most as many as were asked for.
        data: Bytes,
    },
    /// Ends the sending of a file; the guest is told and deletes what it has.
    CancelFile {
        /// Which.
        id: FileId,
        /// Why.
        why: Cancel,
    },
}

/// Why the sending of a file is ended from here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancel {
    /// The user wants it.
    Requested,
    /// The file cannot be read.
    Unreadable,
}
