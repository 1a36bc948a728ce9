//! The protocol at work: frames taken apart into named fields, filtered, counted, and held against the rules.
//!
//! Nothing here describes a message a second time: names, bytes and values come from the decoders themselves, by the
//! [`Trace`](crate::wire::Trace) they leave behind. A [`Dissector`] follows a session and turns each frame into a
//! [`Dissection`]; a [`Filter`] picks some of them; a [`Tally`] counts them; [`Rules`] say what was against the protocol;
//! [`Origins`] tell which messages made a pixel.
//!
//! ```
//! use capsaicin::channel::{ChannelId, ChannelKind};
//! use capsaicin::inspect::{Dissector, Filter, Subject};
//! use capsaicin::session::Way;
//! use capsaicin::wire::Frame;
//! use std::time::Duration;
//!
//! let display = ChannelId::new(ChannelKind::Display, 0);
//! let frame = Frame::new(315, vec![7, 0, 0, 0]);
//! let message = Dissector::default().dissect(display, Way::ToClient, &frame);
//! assert_eq!(message.name, "SURFACE_DESTROY");
//!
//! let filter: Filter = "display and surface_id = 7".parse().unwrap();
//! assert!(filter.matches(&Subject { at: Duration::ZERO, message: &message, broken: &[] }));
//! ```

mod dissect;
mod filter;
mod hex;
mod names;
mod origin;
mod plain;
mod rules;
mod short;
mod tally;

pub use dissect::{Dissection, Dissector, Image};
pub use filter::{Filter, FilterError, Subject};
pub use hex::{ByteRow, byte_rows};
pub use names::{label, messages};
pub use origin::{Effect, Mark, Origins};
pub use plain::{is_acted_on, plain};
pub use rules::{Breach, Rules};
pub use short::{short, text, value};
pub use tally::{Row, Tally};
