//! Recorded sessions: writing captures, reading them, and playing them into a [`ClientSession`](crate::session::ClientSession).
//!
//! A recording is a capture of plain SPICE connections, pcapng or pcap, made by any tool on any port. [`Reader`] takes it
//! apart: packets, TCP streams, link exchanges, frames. It finds SPICE by how both sides of a connection begin. What is
//! missing in the file is told with its place ([`Loss`]), and everything else goes on. [`Survey`] says what is in a file
//! and which of its sessions to show; [`Player`] feeds the frames of one session, with the times they were recorded at,
//! to an ordinary client session, and drops what that wants to send. [`Recorder`] is the tap of a running session that
//! makes such a file, or a [`Series`] of them, by a [`Writer`]; a [`Switch`] begins one at any time of a session, with
//! messages that make anew what was there before. [`Replay`] plays from any moment, by the checkpoints of its [`Index`],
//! and [`Scan`] learns bit by bit what is in a long file.
//!
//! ```no_run
//! use capsaicin::recording::{Player, Reader, Survey};
//! use std::fs::File;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let survey = Survey::read(Reader::new(File::open("boot.pcapng")?)?)?;
//! let mut player = Player::new(Reader::new(File::open("boot.pcapng")?)?, survey.choose(None));
//! player.play_to_end()?;
//! while let Some(event) = player.poll_event() { /* as from a live client */ }
//! # Ok(())
//! # }
//! ```

mod assembler;
mod capture;
mod checkpoint;
mod connection;
mod dialogue;
mod error;
#[cfg(feature = "viewer")]
pub mod export;
mod memory;
mod note;
mod pcap;
mod pcapng;
mod player;
mod reader;
mod recorder;
mod reels;
mod reenactment;
mod replay;
mod scan;
mod segment;
mod sketch;
mod source;
mod survey;
mod switch;
mod table;
mod told;
mod writer;

/// Number of INIT on the main channel, which names the session.
const MAIN_INIT: u16 = 103;

pub use capture::is_capture;
pub use dialogue::Loss;
pub use error::{ErrorKind, Instead, RecordingError};
pub use player::{Place, Player};
pub use reader::{Reader, Record, SeekPoint, What};
pub use recorder::{About, Border, Ended, Files, Progress, Recorder, Recording, Series, Spacing};
pub use reenactment::Reenactment;
pub use replay::{Index, Indexed, Replay};
pub use scan::Scan;
pub use sketch::{Contents, Marker};
pub use source::{Reopen, SharedFile};
pub use survey::{Summary, Survey};
pub use switch::Switch;
pub use writer::{Choices, Writer};
