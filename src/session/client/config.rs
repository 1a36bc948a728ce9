//! What a client session is told at its start.

use std::time::Duration;

use crate::channel::display;
use crate::channel::main::agent;
use crate::codec::video::Codec;

/// What a client session may use, and what it tells the server.
#[derive(Clone, Debug)]
pub struct SessionConfig {
    /// Sends no input.
    pub view_only: bool,
    /// Image compression to ask for; 1 to 7 as in spec 00 §7 (`image_compression`).
    pub preferred_compression: Option<display::ImageCompression>,
    /// Video codecs the server may use, best first, which the server is asked to follow; none means no video. Without a list
    /// it may use every one this build has, and choose.
    pub codecs: Option<Vec<Codec>>,
    /// Bytes the surfaces of all displays may take together. All that a server can make a session hold is
    /// [`Memory::limit`](crate::session::Memory::limit) of it.
    pub surface_budget: u64,
    /// Bytes of the largest clipboard that is taken from the guest, and given to it; at most [`agent::MAX_CLIPBOARD_LIMIT`].
    pub clipboard_limit: u32,
    /// Opens the playback channel, whose sound comes as events.
    pub playback: bool,
    /// Opens the record channel. What is recorded is the user's affair: nothing is sent without
    /// [`Command::Record`](crate::session::Command::Record).
    pub record: bool,
    /// Takes and sends sound as it is, and not coded with Opus.
    pub raw_sound: bool,
    /// Opens port channels, such as serial consoles. What the guest says there is then gone for others.
    pub ports: bool,
    /// Hands out large images as jobs, see [`ClientSession::poll_job`](super::ClientSession::poll_job), instead of decoding
    /// them on the spot.
    pub offload: bool,
    /// Joins a session that has been there before, as a recording from its middle on does. The first GLZ image then says
    /// where the window begins.
    pub joins: bool,
    /// Cuts the pixels of changed areas out of the surfaces for the user. Without, events name the areas only.
    pub pixels: bool,
    /// Draws what the server sends. Without, there are no pixels: changed areas are named, surfaces stay empty, images are
    /// not decoded, and nobody hears of a damaged one. Of a video a frame a second is decoded, as the server is told when it
    /// cannot be played.
    pub draws: bool,
    /// Reads a clock for statistics of decoding time. The default is a clock that stands still.
    pub clock: fn() -> Duration,
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            view_only: false,
            preferred_compression: None,
            codecs: None,
            surface_budget: 256 << 20,
            clipboard_limit: agent::CLIPBOARD_LIMIT,
            playback: false,
            record: false,
            raw_sound: false,
            ports: false,
            offload: false,
            joins: false,
            pixels: true,
            draws: true,
            clock: || Duration::ZERO,
        }
    }
}
