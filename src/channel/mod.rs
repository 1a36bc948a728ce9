//! The SPICE channels: one folder each, with what it says, what a client does and what a server does.

pub mod audio;
pub mod common;
pub mod cursor;
pub mod display;
pub mod inputs;
pub mod job;
pub mod main;
pub mod names;
pub mod port;
pub mod shared;

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use crate::wire::{DecodeError, Frame, Reader, Writer, wire_enum};

wire_enum! {
    /// What a channel is for (spec 00 §4).
    pub enum ChannelKind: u8 {
        /// Session set-up, mouse mode, agent.
        Main = 1,
        /// Pictures.
        Display = 2,
        /// Keyboard and mouse.
        Inputs = 3,
        /// Pointer shapes.
        Cursor = 4,
        /// Sound from the guest.
        Playback = 5,
        /// Sound to the guest.
        Record = 6,
        /// Obsolete.
        Tunnel = 7,
        /// Smart cards.
        Smartcard = 8,
        /// USB devices.
        Usbredir = 9,
        /// Named byte streams.
        Port = 10,
        /// Shared folders.
        Webdav = 11,
    }
}

impl ChannelKind {
    /// The word users know it by, as in `secure-channels` lists.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Main => "main",
            Self::Display => "display",
            Self::Inputs => "inputs",
            Self::Cursor => "cursor",
            Self::Playback => "playback",
            Self::Record => "record",
            Self::Tunnel => "tunnel",
            Self::Smartcard => "smartcard",
            Self::Usbredir => "usbredir",
            Self::Port => "port",
            Self::Webdav => "webdav",
            Self::Other(_) => "unknown",
        }
    }

    /// Largest body a client accepts from a server on this channel, bytes (spec 00 §8).
    pub const fn server_body_limit(self) -> u32 {
        match self {
            Self::Display => 256 << 20,
            _ => 1 << 20,
        }
    }

    /// Largest body a server accepts from a client on this channel, bytes (spec 00 §8).
    pub const fn client_body_limit(self) -> u32 {
        match self {
            Self::Main => 26_624,
            Self::Inputs => 2048,
            Self::Display | Self::Cursor => 1024,
            _ => 1 << 20,
        }
    }
}

/// One channel of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ChannelId {
    /// What it is for.
    pub kind: ChannelKind,
    /// Which of its kind, from 0.
    pub id: u8,
}

impl ChannelId {
    /// The one main channel.
    pub const MAIN: Self = Self::new(ChannelKind::Main, 0);
    /// The one inputs channel.
    pub const INPUTS: Self = Self::new(ChannelKind::Inputs, 0);

    /// The channel of this kind and number.
    pub const fn new(kind: ChannelKind, id: u8) -> Self {
        Self { kind, id }
    }
}

/// `main` for the only one, `display:1` where there may be several.
impl fmt::Display for ChannelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ChannelKind::Main | ChannelKind::Inputs => f.write_str(self.kind.name()),
            ChannelKind::Other(n) => write!(f, "type{n}:{}", self.id),
            kind => write!(f, "{}:{}", kind.name(), self.id),
        }
    }
}

/// All messages of one channel in one direction. Bodies borrow from the frame they were decoded from.
pub trait Message<'a>: Sized {
    /// Reads the body of message `number`; an unknown number is a value, not an error. The reader needs no name.
    ///
    /// # Errors
    ///
    /// When the body does not hold what the number promises. Bytes after the last field are ignored.
    fn read(number: u16, reader: Reader<'a>) -> Result<Self, DecodeError>;

    /// Decodes the body of message `number`; as [`Message::read`].
    ///
    /// # Errors
    ///
    /// As [`Message::read`].
    fn decode(number: u16, body: &'a [u8]) -> Result<Self, DecodeError> {
        Self::read(number, Reader::new("", body))
    }

    /// The message's number on the wire.
    fn number(&self) -> u16;

    /// The protocol's name for it, as in `SURFACE_CREATE`.
    fn name(&self) -> &'static str;

    /// Numbers and names of all these messages, in the order of the numbers.
    const NAMES: &'static [(u16, &'static str)];

    /// Appends the body.
    fn encode(&self, w: &mut Writer);

    /// The message as a frame without a serial.
    fn to_frame(&self) -> Frame {
        let mut w = Writer::new();
        self.encode(&mut w);
        Frame::new(self.number(), Bytes::from(w.into_body()))
    }
}

/// Declares the message enum of one channel and direction, and its [`Message`] implementation.
///
/// Each arm is `NUMBER NAME Variant` for an empty body, or `NUMBER NAME Variant(Type)`.
macro_rules! messages {
    ($(#[$meta:meta])* pub enum $name:ident<'a> {
        $($(#[$vmeta:meta])* $number:literal $wire:ident $variant:ident $(($type:ty))?),* $(,)?
    }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name<'a> {
            $($(#[$vmeta])* $variant $(($type))?,)*
            /// A number this version does not know.
            Unknown {
                /// The number.
                number: u16,
                /// The whole body.
                body: &'a [u8],
            },
        }

        impl<'a> $crate::channel::Message<'a> for $name<'a> {
            const NAMES: &'static [(u16, &'static str)] = &[$(($number, stringify!($wire))),*];

            fn read(
                number: u16,
                mut reader: $crate::wire::Reader<'a>,
            ) -> Result<Self, $crate::wire::DecodeError> {
                Ok(match number {
                    $($number => $crate::channel::messages!(@decode reader $wire $variant $(($type))?),)*
                    _ => Self::Unknown { number, body: reader.rest("data") },
                })
            }

            fn number(&self) -> u16 {
                match self {
                    $($crate::channel::messages!(@pattern $variant $(($type))?) => $number,)*
                    Self::Unknown { number, .. } => *number,
                }
            }

            fn name(&self) -> &'static str {
                match self {
                    $($crate::channel::messages!(@pattern $variant $(($type))?) => stringify!($wire),)*
                    Self::Unknown { .. } => "UNKNOWN",
                }
            }

            fn encode(&self, w: &mut $crate::wire::Writer) {
                match self {
                    $($crate::channel::messages!(@bind value $variant $(($type))?) =>
                        $crate::channel::messages!(@encode value w $(($type))?),)*
                    Self::Unknown { body, .. } => w.bytes(body),
                }
            }
        }
    };
    (@decode $reader:ident $wire:ident $variant:ident) => { Self::$variant };
    (@decode $reader:ident $wire:ident $variant:ident ($type:ty)) => {
        Self::$variant($crate::wire::Decode::decode(&mut $reader.named(stringify!($wire)))?)
    };
    (@pattern $variant:ident) => { Self::$variant };
    (@pattern $variant:ident ($type:ty)) => { Self::$variant(_) };
    (@bind $value:ident $variant:ident) => { Self::$variant };
    (@bind $value:ident $variant:ident ($type:ty)) => { Self::$variant($value) };
    (@encode $value:ident $w:ident) => { {} };
    (@encode $value:ident $w:ident ($type:ty)) => { $crate::wire::Encode::encode($value, $w) };
}

pub(crate) use messages;

/// The protocol was broken beyond one message: the channel closes; on main, the session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A message announced a body over the limit.
    Frame(crate::wire::FrameError),
    /// A message that the channel cannot do without could not be decoded.
    Message(DecodeError),
    /// A limit on memory or counts was exceeded; the text says which.
    Limit(String),
    /// Something was said out of turn; the text says what.
    Violation(String),
}

impl Fault {
    /// For a number that the channel does not know in this direction.
    pub(crate) fn unknown_message(number: u16) -> Self {
        Self::Violation(format!("unknown message {number}"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Frame(error) => error.fmt(f),
            Self::Message(error) => error.fmt(f),
            Self::Limit(text) | Self::Violation(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Fault {}

/// What a channel's client works with while it handles one message or command.
pub struct Cx<'a> {
    /// The channel.
    pub id: ChannelId,
    /// Time since the session began.
    pub now: Duration,
    /// What it shares with the other channels.
    pub shared: &'a mut shared::Shared,
    /// What it wants to send, in order; serials are set later.
    pub outbox: &'a mut Vec<Frame>,
    /// What the user may want to know.
    pub notices: &'a mut Vec<String>,
}

impl Cx<'_> {
    /// Queues a message for sending on this channel.
    pub fn send<'m>(&mut self, message: &impl Message<'m>) {
        self.outbox.push(message.to_frame());
    }

    /// Tells the user something that need not be handled.
    pub fn notice(&mut self, text: impl Into<String>) {
        self.notices.push(text.into());
    }
}

/// Why a message has to wait, and everything behind it on its channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blocked {
    /// For other channels to have handled certain messages.
    Channels(Vec<common::messages::Wait>),
    /// For a GLZ image that is on its way on another display channel.
    GlzImage(u64),
    /// For a cached image that is on its way on another display channel.
    Pixmap {
        /// Its id.
        id: u64,
        /// Whether one that was sent as JPEG is not enough.
        lossless: bool,
    },
    /// For an image that is decoded outside the session.
    Decoding,
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channels(_) => f.write_str("other channels"),
            Self::Decoding => f.write_str("an image that is being decoded"),
            Self::GlzImage(id) => write!(f, "GLZ image {id}"),
            Self::Pixmap { id, .. } => write!(f, "cached image {id:#x}"),
        }
    }
}
