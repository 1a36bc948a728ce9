//! What to connect to, and how: options of every command that has a target.

use std::path::PathBuf;

use clap::{Args as Group, ValueEnum, value_parser};

use crate::channel::display::ImageCompression;
use crate::codec::video;

/// What to connect to, and how.
#[derive(Clone, Debug, Group)]
pub struct TargetArgs {
    /// HOST[:PORT], spice://HOST:PORT, spice+tls://HOST:PORT, spice+unix:///PATH, ws://HOST/PATH, a socket, a .vv file, libvirt:NAME, a recording, or demo:
    pub target: String,
    /// Read the password from the first line of this file (- for standard input)
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// TLS.
    #[command(flatten)]
    pub security: SecurityArgs,
    /// Connect even where that disconnects another viewer, and do not ask. Known is who is connected to machines here
    #[arg(long, hide_short_help = true)]
    pub take: bool,
    /// Ask the server to send images this way: off, auto_glz, auto_lz, quic, glz, lz or lz4
    #[arg(
        long,
        value_name = "CODEC",
        hide_short_help = true,
        hide_possible_values = true
    )]
    pub preferred_compression: Option<Compression>,
    /// Video codecs the server may use, best first: mjpeg, vp8, vp9, h264, h265; or none
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        hide_short_help = true,
        hide_possible_values = true
    )]
    pub codecs: Option<Vec<VideoCodec>>,
}

/// Who the user is, what lies between, whom to trust, and when to use TLS.
#[derive(Clone, Debug, Default, Group)]
pub struct SecurityArgs {
    /// Who the user is, for servers that ask by SASL
    #[arg(long, value_name = "NAME", hide_short_help = true)]
    pub user: Option<String>,
    /// Connect by this HTTP proxy, [http[s]://][USER:PASSWORD@]HOST[:PORT], or by websockify, http[s]://HOST:PORT?token=TOKEN;
    /// '' for none in spite of SPICE_PROXY
    #[arg(long, value_name = "URL", hide_short_help = true)]
    pub proxy: Option<String>,
    /// Trust the certificates of this PEM file, and no others
    #[arg(long, visible_alias = "ca", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// The subject the server's certificate must have, KEY=VALUE,... in its order; its names do not count then
    #[arg(long, value_name = "SUBJECT", hide_short_help = true)]
    pub host_subject: Option<String>,
    /// Whom to trust without --ca-file: the system's authorities (system), whoever you say (ask), whoever comes
    /// first (first-use), anybody (none)
    #[arg(
        long,
        value_name = "ask|first-use|system|none",
        default_value = "ask",
        hide_short_help = true,
        hide_possible_values = true
    )]
    pub trust: Trust,
    /// The server's port with TLS
    #[arg(long, value_name = "PORT", hide_short_help = true, value_parser = value_parser!(u16).range(1..))]
    pub tls_port: Option<u16>,
    /// Nothing without TLS: a single port is taken for one with TLS
    #[arg(long, hide_short_help = true, conflicts_with = "plain")]
    pub tls_only: bool,
    /// Begin at the plain port even where there is one with TLS; a channel that the server wants with TLS gets it. Without
    /// this no channel is ever made plain, not even when the server asks for it
    #[arg(long, hide_short_help = true)]
    pub plain: bool,
}

/// Whom to trust.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Trust {
    /// The system's authorities, and whoever the person at the terminal says.
    #[default]
    Ask,
    /// The system's authorities, and who came first.
    FirstUse,
    /// The system's authorities.
    System,
    /// Anybody.
    None,
}

/// A video codec, or the word for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum VideoCodec {
    /// No video.
    None,
    /// MJPEG.
    Mjpeg,
    /// VP8.
    Vp8,
    /// VP9.
    Vp9,
    /// H.264.
    H264,
    /// H.265.
    H265,
}

impl VideoCodec {
    /// The codec.
    pub fn codec(self) -> Option<video::Codec> {
        match self {
            Self::None => None,
            Self::Mjpeg => Some(video::Codec::Mjpeg),
            Self::Vp8 => Some(video::Codec::Vp8),
            Self::Vp9 => Some(video::Codec::Vp9),
            Self::H264 => Some(video::Codec::H264),
            Self::H265 => Some(video::Codec::H265),
        }
    }
}

/// How a server may send images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Compression {
    /// Not compressed.
    Off,
    /// QUIC for photographs, GLZ for the rest.
    #[value(name = "auto_glz")]
    AutoGlz,
    /// QUIC for photographs, LZ for the rest.
    #[value(name = "auto_lz")]
    AutoLz,
    /// QUIC.
    Quic,
    /// GLZ.
    Glz,
    /// LZ.
    Lz,
    /// LZ4.
    Lz4,
}

impl From<Compression> for ImageCompression {
    fn from(compression: Compression) -> Self {
        match compression {
            Compression::Off => Self::Off,
            Compression::AutoGlz => Self::AutoGlz,
            Compression::AutoLz => Self::AutoLz,
            Compression::Quic => Self::Quic,
            Compression::Glz => Self::Glz,
            Compression::Lz => Self::Lz,
            Compression::Lz4 => Self::Lz4,
        }
    }
}
