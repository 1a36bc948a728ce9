//! Sending files to the guest (spec 04 §6).
//!
//! The agent is told the name and size of a file and asks for its contents, or says why it does not want them. Whoever has the
//! file hands it over in pieces, each when the one before is on its way, so that as much of it is in memory as the agent takes.

use std::fmt;

use bytes::Bytes;

use super::line::Line;
use super::messages::{
    FileResult, FileXferData, FileXferStart, FileXferStatus, Message, MessageKind,
};
use super::outgoing::Tag;
use super::{Abilities, Cancel, Event, Unusable};
use crate::wire::Reader;

/// Names a file while it is being sent; not 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId(pub u32);

/// What happens to a file that is being sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileEvent {
    /// Its next bytes are wanted, at most this many: to be given with [`Order::FileBytes`](super::Order::FileBytes).
    Wants {
        /// Most bytes to give.
        most: usize,
    },
    /// So much of it has gone to the server.
    Sent {
        /// Bytes from the file's beginning.
        bytes: u64,
    },
    /// Nothing more will be heard of it.
    Ended(FileEnd),
}

/// How the sending of a file ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileEnd {
    /// The guest has all of it.
    Done,
    /// It was cancelled from here.
    Cancelled,
    /// It could not be read, or was shorter than it promised.
    Unreadable,
    /// The guest cancelled it.
    CancelledByGuest,
    /// The guest could not write it.
    GuestError {
        /// What the agent says, as a number of GLib's `G_IO_ERROR`.
        code: Option<u32>,
    },
    /// The guest has no room for it.
    NoSpace {
        /// Bytes the guest has.
        free: Option<u64>,
        /// Bytes of the file.
        needed: u64,
    },
    /// Nobody uses the guest at the moment: its screen is locked.
    SessionLocked,
    /// Nobody is logged in, or the agent does not run in the user's session.
    NoSession,
    /// File transfer is turned off.
    Disabled,
    /// The agent ended it with a number that is not known here.
    Other(u32),
    /// The agent went.
    AgentGone,
    /// Its name cannot be sent: it names no file.
    BadName,
    /// Too many files are being sent at a time.
    TooMany,
    /// It was not begun.
    Unusable(Unusable),
}

impl fmt::Display for FileEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("done"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::Unreadable => f.write_str("it cannot be read to its end"),
            Self::CancelledByGuest => f.write_str("the guest cancelled it"),
            Self::GuestError { code: Some(10) } => f.write_str("the guest refuses its name"),
            Self::GuestError { code: Some(code) } => {
                write!(f, "the guest cannot write it (error {code})")
            }
            Self::GuestError { code: None } => f.write_str("the guest cannot write it"),
            Self::NoSpace {
                free: Some(free),
                needed,
            } => {
                write!(
                    f,
                    "not enough free space in the guest ({free} bytes free, {needed} needed)"
                )
            }
            Self::NoSpace { free: None, .. } => f.write_str("not enough free space in the guest"),
            Self::SessionLocked => f.write_str("the guest session is locked"),
            Self::NoSession => f.write_str("no user session agent runs in the guest"),
            Self::Disabled => f.write_str("file transfer is disabled"),
            Self::Other(result) => write!(f, "the guest ended it with status {result}"),
            Self::AgentGone => f.write_str("the guest agent went"),
            Self::BadName => f.write_str("its name names no file"),
            Self::TooMany => write!(f, "more than {MAX_FILES} files are being sent"),
            Self::Unusable(why) => why.fmt(f),
        }
    }
}

/// Most files at a time.
const MAX_FILES: usize = 64;

/// Most bytes of a file in one message.
const PIECE: usize = 64 << 10;

/// Most bytes of a file's name, as file systems have it.
const MAX_NAME: usize = 255;

/// All files that are being sent.
#[derive(Clone, Debug, Default)]
pub(super) struct Transfers {
    running: Vec<Transfer>,
    /// Files that ended here, and whose agent has not been told yet.
    leaving: Vec<(FileId, FileEnd)>,
}

/// One file.
#[derive(Clone, Debug)]
struct Transfer {
    id: FileId,
    size: u64,
    /// Bytes handed over.
    given: u64,
    step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// The agent was told of it.
    Announced,
    /// So many of its bytes were asked for, at most.
    Asked(usize),
    /// A piece waits to be sent.
    Queued,
    /// All was handed over.
    Given,
}

impl Transfers {
    /// Starts to send a file.
    pub fn start(
        &mut self,
        id: FileId,
        name: &str,
        size: u64,
        line: &mut Line,
    ) -> Result<(), FileEnd> {
        line.state.files().map_err(FileEnd::Unusable)?;
        if self.running.len() >= MAX_FILES {
            return Err(FileEnd::TooMany);
        }
        let name = base_name(name).ok_or(FileEnd::BadName)?;
        let metadata = format!(
            "[vdagent-file-xfer]\nname={}\nsize={size}\n\0",
            escaped(name)
        );
        self.running.push(Transfer {
            id,
            size,
            given: 0,
            step: Step::Announced,
        });
        line.send(&Message::FileXferStart(FileXferStart {
            id: id.0,
            metadata: metadata.as_bytes(),
        }));
        Ok(())
    }

    /// Whether a file of this number is being sent.
    pub fn has(&self, id: FileId) -> bool {
        self.running.iter().any(|t| t.id == id) || self.leaving.iter().any(|(of, _)| *of == id)
    }

    /// The next bytes of a file.
    pub fn give(&mut self, id: FileId, mut data: Bytes, line: &mut Line) {
        let Some(transfer) = self.running.iter_mut().find(|t| t.id == id) else {
            return;
        };
        let Step::Asked(most) = transfer.step else {
            return;
        };
        if data.is_empty() {
            return self.leave(id, FileEnd::Unreadable, line);
        }
        data.truncate(most);
        transfer.give(data, line);
    }

    /// Ends the sending of a file from here.
    pub fn cancel(&mut self, id: FileId, why: Cancel, line: &mut Line) {
        self.leave(
            id,
            match why {
                Cancel::Requested => FileEnd::Cancelled,
                Cancel::Unreadable => FileEnd::Unreadable,
            },
            line,
        );
    }

    /// The agent says how a file goes. Late words about one that ended are nothing.
    pub fn on_status(&mut self, status: &FileXferStatus<'_>, line: &mut Line) {
        let id = FileId(status.id);
        let Some(at) = self.running.iter().position(|t| t.id == id) else {
            return;
        };
        let Some(transfer) = self.running.get_mut(at) else {
            return;
        };
        if status.result == FileResult::CanSendData {
            return transfer.begin(line);
        }
        let detail = match line.can(Abilities::FILE_XFER_DETAILED_ERRORS) {
            true => status.detail,
            false => &[],
        };
        let end = end(status.result, detail, transfer);
        self.running.remove(at);
        line.outgoing.drop_pieces(id);
        line.tell(Event::File(id, FileEvent::Ended(end)));
    }

    /// A piece of a file is on its way: the next one may be read.
    pub fn on_begun(&mut self, id: FileId, line: &mut Line) {
        if let Some(transfer) = self.running.iter_mut().find(|t| t.id == id)
            && transfer.step == Step::Queued
        {
            transfer.ask(line);
        }
    }

    /// A piece of a file was sent.
    pub fn on_sent(&self, id: FileId, bytes: u64, line: &mut Line) {
        if self.running.iter().any(|t| t.id == id) {
            line.tell(Event::File(id, FileEvent::Sent { bytes }));
        }
    }

    /// The agent was told that a file ended here.
    pub fn on_left(&mut self, id: FileId, line: &mut Line) {
        for (id, end) in self.leaving.extract_if(.., |(of, _)| *of == id) {
            line.tell(Event::File(id, FileEvent::Ended(end)));
        }
    }

    /// The agent went.
    pub fn reset(&mut self, line: &mut Line) {
        for (id, end) in self.leaving.drain(..) {
            line.tell(Event::File(id, FileEvent::Ended(end)));
        }
        for transfer in self.running.drain(..) {
            line.tell(Event::File(
                transfer.id,
                FileEvent::Ended(FileEnd::AgentGone),
            ));
        }
    }

    fn leave(&mut self, id: FileId, end: FileEnd, line: &mut Line) {
        let Some(at) = self.running.iter().position(|t| t.id == id) else {
            return;
        };
        self.running.remove(at);
        line.outgoing.drop_pieces(id);
        self.leaving.push((id, end));
        let status = Message::FileXferStatus(FileXferStatus {
            id: id.0,
            result: match end {
                FileEnd::Cancelled => FileResult::Cancelled,
                _ => FileResult::Error,
            },
            detail: &[],
        });
        if !line.send_with(&status, Bytes::new(), Tag::Farewell(id)) {
            self.on_left(id, line);
        }
    }
}

impl Transfer {
    /// The agent wants the contents.
    fn begin(&mut self, line: &mut Line) {
        match self.step {
            // The one message without contents that an agent expects.
            Step::Announced if self.size == 0 => self.give(Bytes::new(), line),
            Step::Announced => self.ask(line),
            _ => {}
        }
    }

    fn ask(&mut self, line: &mut Line) {
        // Never cut: a piece is small.
        let most = (self.size - self.given).min(PIECE as u64) as usize;
        self.step = Step::Asked(most);
        line.tell(Event::File(self.id, FileEvent::Wants { most }));
    }

    fn give(&mut self, data: Bytes, line: &mut Line) {
        self.given += data.len() as u64;
        self.step = match self.given < self.size {
            true => Step::Queued,
            false => Step::Given,
        };
        let fields = FileXferData::head(self.id.0, data.len());
        let tag = Tag::Piece(self.id, self.given);
        line.send_fields(MessageKind::FileXferData, &fields, data, tag);
    }
}

/// How a file ended that the agent has ended.
fn end(result: FileResult, detail: &[u8], transfer: &Transfer) -> FileEnd {
    let mut detail = Reader::new("FILE_XFER_STATUS", detail);
    match result {
        FileResult::Success if transfer.step == Step::Given => FileEnd::Done,
        // Nobody can have what was not sent yet.
        FileResult::Success => FileEnd::GuestError { code: None },
        FileResult::Cancelled => FileEnd::CancelledByGuest,
        FileResult::Error => {
            let glib = detail.u8("error_type").is_ok_and(|kind| kind == 0);
            let code = detail.u32("error_code").ok().filter(|_| glib);
            FileEnd::GuestError { code }
        }
        FileResult::NotEnoughSpace => FileEnd::NoSpace {
            free: detail.u64("disk_free_space").ok(),
            needed: transfer.size,
        },
        FileResult::SessionLocked => FileEnd::SessionLocked,
        FileResult::NotConnected => FileEnd::NoSession,
        FileResult::Disabled => FileEnd::Disabled,
        other => FileEnd::Other(other.number()),
    }
}

/// The last part of a path, if that can name a file.
fn base_name(name: &str) -> Option<&str> {
    let base = name.rsplit('/').next().unwrap_or(name);
    let is_name = !base.is_empty() && base != "." && base != "..";
    (is_name && base.len() <= MAX_NAME && !base.contains('\0')).then_some(base)
}

/// A name as a key file has it. Spaces count only where a reader would take them away: at the beginning.
fn escaped(name: &str) -> String {
    let rest = name.trim_start_matches(' ');
    let mut text = "\\s".repeat(name.len() - rest.len());
    for c in rest.chars() {
        match c {
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\\' => text.push_str("\\\\"),
            c => text.push(c),
        }
    }
    text
}
