//! Numbers about a session, as plain data: for panes, status lines and reports.

use std::time::Duration;

use crate::channel::ChannelId;
use crate::channel::display::{CodecCount, StreamCount};
use crate::channel::main::{MouseMode, agent};
use crate::geometry::Size;
use crate::link::Capabilities;
use crate::wire::HeaderKind;

/// A session at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SessionStats {
    /// Time since the session began.
    pub at: Duration,
    /// The guest's name, once known.
    pub name: Option<String>,
    /// The mouse mode in force.
    pub mouse_mode: MouseMode,
    /// Whether the guest agent is there.
    pub agent: bool,
    /// The tunnel to it.
    pub tunnel: agent::Tunnel,
    /// The channels, main first.
    pub channels: Vec<ChannelStats>,
    /// The displays, by id.
    pub displays: Vec<DisplayStats>,
    /// Video streams, by display and id.
    pub streams: Vec<StreamStats>,
    /// Image codecs, those used only, in the order of their names.
    pub codecs: Vec<CodecCount>,
    /// Bytes of all surfaces.
    pub surface_bytes: u64,
    /// Pixels in the GLZ window.
    pub glz_pixels: u64,
    /// Pixels in the pixmap cache.
    pub pixmap_cache_pixels: u64,
}

/// One channel.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelStats {
    /// Which.
    pub id: ChannelId,
    /// `linking`, `open`, `waiting` (for another channel or image) or `closed`.
    pub state: &'static str,
    /// What the client announced, then what the server announced.
    pub capabilities: [Capabilities; 2],
    /// Data header in use.
    pub header: HeaderKind,
    /// Messages received, sent.
    pub messages: [u64; 2],
    /// Bytes of bodies and headers received, sent.
    pub bytes: [u64; 2],
    /// Messages per acknowledgement (0: none asked for), and how many have arrived since the last.
    pub ack_window: [u32; 2],
}

/// One display.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisplayStats {
    /// Id of the channel.
    pub id: u8,
    /// Size of the primary surface, if there is one.
    pub primary: Option<Size>,
    /// Number of surfaces.
    pub surfaces: usize,
    /// Draw commands executed.
    pub draws: u64,
}

/// One video stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamStats {
    /// Id of the display channel.
    pub display: u8,
    /// The stream.
    pub count: StreamCount,
}
