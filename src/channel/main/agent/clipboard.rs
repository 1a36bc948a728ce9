//! Clipboards: what they are, and why their content cannot be had (spec 04 §5).

use std::fmt;

use super::Unusable;
use crate::wire::wire_enum;

wire_enum! {
    /// One of the clipboards of an X server; other systems have the first only.
    pub enum Selection: u8 {
        /// What is copied by command.
        Clipboard = 0,
        /// What is marked.
        Primary = 1,
        /// Hardly used.
        Secondary = 2,
    }
}

wire_enum! {
    /// What a clipboard's content can be had as.
    pub enum ContentKind: u32 {
        /// Nothing: the answer to a request that fails.
        None = 0,
        /// UTF-8 text.
        Text = 1,
        /// A PNG file.
        Png = 2,
        /// A BMP file.
        Bmp = 3,
        /// A TIFF file.
        Tiff = 4,
        /// A JPEG file.
        Jpeg = 5,
        /// Paths of files in a shared folder.
        Files = 6,
    }
}

impl Selection {
    /// The word for people and programs: `clipboard`, `primary`, `secondary`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clipboard => "clipboard",
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::Other(_) => "unknown",
        }
    }
}

impl ContentKind {
    /// The word for people: `text`, `PNG` …
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::Text => "text",
            Self::Png => "PNG",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Jpeg => "JPEG",
            Self::Files => "files",
            Self::Other(_) => "something unknown",
        }
    }

    /// Whether it is a picture.
    pub fn is_image(self) -> bool {
        matches!(self, Self::Png | Self::Bmp | Self::Tiff | Self::Jpeg)
    }
}

/// Why the guest's clipboard could not be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchError {
    /// No agent that shares clipboards.
    Unusable(Unusable),
    /// The guest offers nothing, or not as this kind.
    NotOffered,
    /// The guest says that it has nothing.
    Empty,
    /// The guest stopped offering it, or offers something else, before it came.
    Withdrawn,
    /// The agent went before it came.
    AgentGone,
    /// It is larger than the limit.
    TooLarge {
        /// Its size, bytes.
        bytes: u32,
        /// The limit, bytes.
        limit: u32,
    },
    /// It is no UTF-8.
    NotText,
    /// Nothing came for ten seconds.
    Timeout,
    /// Another [`Order::Fetch`](super::Order::Fetch) took its place.
    Replaced,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(why) => why.fmt(f),
            Self::NotOffered => f.write_str("nothing of that kind was copied in the guest"),
            Self::Empty => f.write_str("the guest says that it is empty"),
            Self::Withdrawn => f.write_str("something else was copied in the guest meanwhile"),
            Self::AgentGone => f.write_str("the guest agent went meanwhile"),
            Self::TooLarge { bytes, limit } => {
                write!(f, "it is too large: {bytes} bytes, the limit is {limit}")
            }
            Self::NotText => f.write_str("what came is no text"),
            Self::Timeout => f.write_str("the guest did not hand it over in time"),
            Self::Replaced => f.write_str("something else was asked for meanwhile"),
        }
    }
}

impl std::error::Error for FetchError {}
