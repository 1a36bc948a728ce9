//! The SPICE remote-display protocol in pure Rust: client, server, codecs, and a viewer for terminals.
//!
#![cfg_attr(feature = "client", doc = "```no_run")]
#![cfg_attr(not(feature = "client"), doc = "```text")]
//! use capsaicin::{ClientEvent, DisplayEvent, InputEvent, RegionPixels, SpiceClient};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let mut client = SpiceClient::connect("127.0.0.1:5900", "").await?;
//! client.send_input(InputEvent::KeyDown(0x1e)).await?;
//! while let Some(evt) = client.next_event().await { match evt {
//!     ClientEvent::Display(DisplayEvent::SurfaceCreated { width, height, .. }) => {}
//!     ClientEvent::Display(DisplayEvent::Region { rect, pixels: RegionPixels::Raw { data, stride }, .. }) => {}
//!     ClientEvent::Display(DisplayEvent::CopyRect { src_x, src_y, dest_rect, .. }) => {}
//!     ClientEvent::Closed(_) => break, _ => {} } }
//! # Ok(())
//! # }
//! ```
//!
//! # Map
//!
//! The protocol is a calculation: bytes and a time go in, bytes and events come out. Sockets come last.
//!
//! | module | is | knows |
//! |---|---|---|
//! | [`codec`] | image codecs: QUIC, LZ, GLZ, LZ4, JPEG | bytes |
//! | [`canvas`] | a rasteriser | [`geometry`] and [`pixels`] |
//! | [`wire`] | named, checked reads and writes; frames | bytes |
//! | [`link`] | the handshake of one connection | `wire` |
//! | [`channel`] | each SPICE channel: messages, client, server | all of the above |
//! | [`session`] | all channels of one connection as one value | `channel` |
//! | [`sound`] | samples: coded, in WAV files, played and recorded | `channel` (sound only), `codec` |
//! | [`inspect`] | frames as named fields: filtered, counted, held against the rules | `session` |
//! | [`recording`] | captured sessions: written, read, and played into a session | `session` |
#![cfg_attr(
    feature = "client",
    doc = "| [`net`], [`client`] | sockets and tasks around a session | `session`, tokio |"
)]
#![cfg_attr(
    feature = "server",
    doc = "| [`server`] | a screen to draw on, served to one viewer | `net`, `session`, tokio |"
)]
#![cfg_attr(
    all(feature = "client", feature = "server"),
    doc = "| [`proxy`] | between clients and a server | `net`, `session`, tokio |"
)]
#![cfg_attr(
    feature = "viewer",
    doc = "| [`term`], [`keyboard`] | pictures and keys of terminals | `pixels` |
| [`tui`], [`cli`] | the viewer, the program | everything |"
)]
//!
//! Nothing that comes from outside can make the library panic, and no size from the wire is allocated unchecked.

pub mod canvas;
pub mod channel;
#[cfg(feature = "viewer")]
pub mod cli;
#[cfg(feature = "client")]
pub mod client;
pub mod codec;
pub mod geometry;
pub mod inspect;
#[cfg(feature = "viewer")]
pub mod keyboard;
pub mod link;
#[cfg(any(feature = "client", feature = "server"))]
pub mod net;
pub mod pixels;
#[cfg(all(feature = "client", feature = "server"))]
pub mod proxy;
pub mod recording;
#[cfg(feature = "server")]
pub mod server;
pub mod session;
pub mod sound;
#[cfg(feature = "viewer")]
pub mod term;
#[cfg(feature = "viewer")]
pub mod tui;
pub mod wire;
mod words;

pub use channel::cursor::Event as CursorEvent;
pub use channel::display::{Event as DisplayEvent, RegionPixels};
pub use channel::inputs::{Event as InputsEvent, InputEvent};
pub use channel::main::Event as MainEvent;
pub use channel::main::agent::Event as AgentEvent;
#[cfg(feature = "client")]
pub use client::SpiceClient;
#[cfg(feature = "server")]
pub use server::SpiceServer;
pub use session::{ClientEvent, CloseReason, Command, Notice};
