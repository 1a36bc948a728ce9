//! The SPICE remote-display protocol in pure Rust.

pub mod canvas;
pub mod channel;
pub mod codec;
pub mod geometry;
pub mod link;
pub mod pixels;
pub mod session;
pub mod wire;

pub use channel::cursor::Event as CursorEvent;
pub use channel::display::{Event as DisplayEvent, RegionPixels};
pub use channel::inputs::{Event as InputsEvent, InputEvent};
pub use channel::main::Event as MainEvent;
pub use session::{ClientEvent, CloseReason, Command, Notice};
