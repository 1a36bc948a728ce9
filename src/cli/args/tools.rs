//! `doctor`, `decode` and `completions`.

use std::path::PathBuf;

use clap::{Args as Group, ValueEnum, value_parser};
use clap_complete::Shell;

use super::target::SecurityArgs;
use crate::term::probe::Capabilities;

const DOCTOR_EXAMPLES: &str = "\
What --terminal can say: kitty, kitty-edits, kitty-shm, kitty-file, placeholders,
sixel, iterm2, sync, pixel-mouse, keyboard, remote (=on or =off), registers=N,
cell=WxH, colours=true|256|16|none, cells=octant|sextant|quadrant|half|ascii.
The same list in CAPSAICIN_TERMINAL is for every command.

Examples:
  capsaicin doctor
  capsaicin doctor 127.0.0.1:5900
  capsaicin doctor --json | jq .best";

/// `doctor`
#[derive(Debug, Group)]
#[command(after_help = DOCTOR_EXAMPLES)]
pub struct DoctorArgs {
    /// Also try to connect to this, step by step
    pub target: Option<String>,
    /// Read the password from the first line of this file (- for standard input)
    #[arg(long, value_name = "FILE", requires = "target")]
    pub password_file: Option<PathBuf>,
    /// TLS.
    #[command(flatten)]
    pub security: SecurityArgs,
    /// Try the password and the channels even where that disconnects another viewer
    #[arg(long, requires = "target")]
    pub take: bool,
    /// What this terminal can do, where it is wrong about that
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        env = "CAPSAICIN_TERMINAL",
        value_parser = capability
    )]
    pub terminal: Vec<String>,
    /// Print it as JSON
    #[arg(long)]
    pub json: bool,
}

const DECODE_EXAMPLES: &str = "\
Several files are a sequence, for GLZ images refer to those before them; OUT is a
folder then. A .raw file holds the codec's own pixels in its own row order.

Examples:
  capsaicin decode --codec quic image.quic -o image.png
  capsaicin decode --codec lz4 --width 640 --height 480 image.lz4 -o image.raw
  capsaicin decode --codec glz 0.glz 1.glz 2.glz -o frames";

/// `decode`
#[derive(Debug, Group)]
#[command(after_help = DECODE_EXAMPLES)]
pub struct DecodeArgs {
    /// quic, lz, glz, zlib-glz, lz4, jpeg or jpeg-alpha
    #[arg(long, value_name = "CODEC", hide_possible_values = true)]
    pub codec: Codec,
    /// Files to decode, in order
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// A .png, .ppm or .raw file, or a folder for a sequence
    #[arg(short, long, value_name = "OUT")]
    pub output: PathBuf,
    /// Write raw pixels, whatever OUT is called
    #[arg(long)]
    pub raw: bool,
    /// Colours of palette images: 4-byte entries B, G, R, 0, or a JSON list of 0xRRGGBB
    #[arg(long, value_name = "FILE")]
    pub palette: Option<PathBuf>,
    /// Columns, for codecs whose streams do not say (LZ4)
    #[arg(long, value_name = "PIXELS", value_parser = value_parser!(u32).range(1..=16384))]
    pub width: Option<u32>,
    /// Rows, for codecs whose streams do not say (LZ4)
    #[arg(long, value_name = "PIXELS", value_parser = value_parser!(u32).range(1..=16384))]
    pub height: Option<u32>,
    /// Print what was decoded as JSON, one object a line
    #[arg(long)]
    pub json: bool,
}

/// An image codec of SPICE.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Codec {
    /// QUIC
    Quic,
    /// LZ, with or without a palette
    Lz,
    /// LZ with a dictionary that images share
    Glz,
    /// GLZ inside zlib
    ZlibGlz,
    /// LZ4
    Lz4,
    /// JPEG
    Jpeg,
    /// JPEG with LZ-compressed transparency
    JpegAlpha,
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  capsaicin completions bash > ~/.local/share/bash-completion/completions/capsaicin
  capsaicin completions fish > ~/.config/fish/completions/capsaicin.fish";

/// `completions`
#[derive(Debug, Group)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub struct CompletionsArgs {
    /// Which shell
    pub shell: Shell,
}

pub(super) fn capability(text: &str) -> Result<String, String> {
    Capabilities::default().set(text).map(|()| text.to_owned())
}
