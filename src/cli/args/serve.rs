//! `serve`.

use std::path::PathBuf;

use clap::{Args as Group, ValueEnum};

use crate::channel::display::{self, ImageCompression};
use crate::geometry::Size;

const SERVE_EXAMPLES: &str = "\
Prints where it listens and runs until Ctrl+C.

Examples:
  capsaicin serve
  capsaicin serve 127.0.0.1:5901 --source desktop --password-file secret.txt
  capsaicin serve --tls-cert server.pem --tls-key server.key 0.0.0.0:5901
  capsaicin serve --unix /tmp/demo.sock --source image picture.png
  capsaicin serve --source recording boot.pcapng --loop
  capsaicin serve --audio welcome.wav --mic heard.wav
  capsaicin serve --port org.qemu.console.serial.0=/tmp/serial.sock";

/// `serve`
#[derive(Debug, Group)]
#[command(after_help = SERVE_EXAMPLES)]
pub struct ServeArgs {
    /// Where to listen, HOST:PORT; port 0 takes a free one
    #[arg(value_name = "ADDR", conflicts_with = "unix")]
    pub address: Option<String>,
    /// Listen on a unix socket instead
    #[arg(long, value_name = "PATH")]
    pub unix: Option<PathBuf>,
    /// Print where it listens as JSON
    #[arg(long)]
    pub json: bool,
    /// What to show: desktop, image FILE, or recording FILE, which plays when somebody looks
    #[arg(long, value_names = ["SOURCE", "FILE"], num_args = 1..=2, default_value = "desktop")]
    pub source: Vec<String>,
    /// Begin a recording again at its end
    #[arg(long = "loop")]
    pub again: bool,
    /// Offer a port of this name, joined to whoever listens on a unix socket
    #[arg(long = "port", value_name = "NAME=SOCKET", value_parser = served_port)]
    pub ports: Vec<(String, PathBuf)>,
    /// How to send images: off, auto, quic, lz, glz, zlib-glz or lz4
    #[arg(
        long,
        value_name = "CODEC",
        default_value = "lz",
        hide_possible_values = true
    )]
    pub compression: ServedCompression,
    /// Play this WAV file to each viewer, once
    #[arg(long, value_name = "FILE")]
    pub audio: Option<PathBuf>,
    /// Listen to the microphones of viewers and write what they hear to this WAV file
    #[arg(long, value_name = "FILE")]
    pub mic: Option<PathBuf>,
    /// Send sound as it is, and not coded with Opus
    #[arg(long)]
    pub raw_sound: bool,
    /// Size of the screen
    #[arg(long, value_name = "WxH", default_value = "1024x768", value_parser = screen_size)]
    pub size: Size,
    /// The password clients need. Everybody on this machine can see it in ps: --password-file hides it
    #[arg(long, value_name = "PASSWORD", conflicts_with = "password_file")]
    pub password: Option<String>,
    /// Speak TLS, and nothing else, with this certificate: PEM, and those between it and its authority
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,
    /// The key of that certificate, PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,
    /// Read the password clients need from the first line of this file (- for standard input)
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
}

/// How `serve` sends images.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ServedCompression {
    /// Not compressed.
    Off,
    /// QUIC for photographs, GLZ for the rest.
    Auto,
    /// QUIC.
    Quic,
    /// LZ.
    Lz,
    /// GLZ.
    Glz,
    /// GLZ, deflated for slow links.
    ZlibGlz,
    /// LZ4 for clients that take it, LZ for others.
    Lz4,
}

impl From<ServedCompression> for display::Compression {
    fn from(served: ServedCompression) -> Self {
        Self {
            images: match served {
                ServedCompression::Off => ImageCompression::Off,
                ServedCompression::Auto => ImageCompression::AutoGlz,
                ServedCompression::Quic => ImageCompression::Quic,
                ServedCompression::Lz => ImageCompression::Lz,
                ServedCompression::Glz | ServedCompression::ZlibGlz => ImageCompression::Glz,
                ServedCompression::Lz4 => ImageCompression::Lz4,
            },
            deflates_glz: served == ServedCompression::ZlibGlz,
        }
    }
}

fn served_port(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, socket)) if !name.is_empty() && !socket.is_empty() => {
            Ok((name.to_owned(), socket.into()))
        }
        _ => Err("not of the form NAME=SOCKET".to_owned()),
    }
}

fn screen_size(text: &str) -> Result<Size, String> {
    let (width, height) = text.split_once('x').ok_or("not of the form 1024x768")?;
    let side = |text: &str| match text.parse() {
        Ok(n @ 1..=16384) => Ok(n),
        _ => Err("each side is from 1 to 16384 pixels".to_owned()),
    };
    Ok(Size::new(side(width)?, side(height)?))
}
