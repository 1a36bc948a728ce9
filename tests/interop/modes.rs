//! The image compressions of a server that lose nothing, and how each is had.

use capsaicin::channel::display::ImageCompression;
use libtest_mimic::Trial;

use crate::peers::Peer;
use crate::peers::qemu::{Boot, Machine};
use crate::test;

/// One image compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// By this setting of the server.
    Server(&'static str),
    /// LZ4, which neither server has as a setting; both do it for a client that asks.
    AskedLz4,
}

/// All of them.
pub const MODES: [Mode; 7] = [
    Mode::Server("off"),
    Mode::Server("lz"),
    Mode::Server("glz"),
    Mode::Server("quic"),
    Mode::AskedLz4,
    Mode::Server("auto_lz"),
    Mode::Server("auto_glz"),
];

impl Mode {
    /// Its name, as servers spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Server(name) => name,
            Self::AskedLz4 => "lz4",
        }
    }

    /// What the server is set to.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Server(name) => name,
            Self::AskedLz4 => "off",
        }
    }

    /// The encodings that a server with much to draw must have used, by the protocol's names.
    pub fn encodings(self) -> &'static [&'static str] {
        match self.name() {
            "off" => &["BITMAP"],
            "lz" => &["LZ_RGB"],
            "glz" => &["GLZ_RGB"],
            "quic" => &["QUIC"],
            "lz4" => &["LZ4"],
            "auto_lz" => &["LZ_RGB", "QUIC"],
            _ => &["GLZ_RGB", "QUIC"],
        }
    }

    /// A QEMU machine in this mode.
    pub fn machine(self, boot: Boot) -> Machine {
        Machine::new(boot).image_compression(self.setting())
    }

    /// What the client asks for.
    pub fn preferred(self) -> Option<ImageCompression> {
        (self == Self::AskedLz4).then_some(ImageCompression::Lz4)
    }

    /// The same on the command line.
    pub fn arguments(self) -> Vec<&'static str> {
        match self {
            Self::Server(_) => vec![],
            Self::AskedLz4 => vec!["--preferred-compression", "lz4"],
        }
    }
}

/// One test for each mode, named after it.
pub fn each_mode(
    name: &str,
    needs: &'static [Peer],
    body: impl Fn(Mode) + Send + Copy + 'static,
) -> Vec<Trial> {
    MODES
        .iter()
        .map(|&mode| {
            test(format!("{name}::{}", mode.name()), needs, move || {
                body(mode)
            })
        })
        .collect()
}
