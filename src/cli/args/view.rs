//! `view` and `play`, and how they draw.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args as Group, ValueEnum, value_parser};

use super::keys::LayoutArgs;
use super::seconds;
use super::target::TargetArgs;
use super::tools::capability;
use crate::cli::rotation::RotationArgs;
use crate::tui::Escape;
use crate::tui::deck::Speed;

const VIEW_EXAMPLES: &str = "\
Every key and the mouse go to the machine. Ctrl+] opens the menu: there q quits
and ? explains the rest. Without TARGET a list of what can be reached from here
is shown: machines of libvirt, QEMU processes, what was viewed before.

Examples:
  capsaicin view
  capsaicin view demo:
  capsaicin view 127.0.0.1:5900
  capsaicin view --view-only --draw ascii spice+unix:///run/vm.sock";

/// `view`
#[derive(Debug, Group)]
#[command(after_help = VIEW_EXAMPLES)]
pub struct ViewArgs {
    /// What to view.
    #[command(flatten)]
    pub target: TargetArgs,
    /// Give up connecting after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,
    /// Send no keys and no mouse
    #[arg(long)]
    pub view_only: bool,
    /// End when the connection is lost, rather than make it again
    #[arg(long)]
    pub no_reconnect: bool,
    /// Let the guest hear the microphone from the start; the menu switches it on and off too
    #[arg(long, conflicts_with = "view_only")]
    pub mic: bool,
    /// Record the session into this new file, from its beginning; r in the menu begins at any time
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Several files.
    #[command(flatten)]
    pub rotation: RotationArgs,
    /// Record keys, the pointer and what is said to ports and by the microphone, too
    #[arg(long)]
    pub with_input: bool,
    /// Record the contents of clipboards and of files that are sent, too
    #[arg(long)]
    pub with_clipboard: bool,
    /// The keyboard.
    #[command(flatten)]
    pub keyboard: LayoutArgs,
    /// Type characters that the layout lacks by their numbers, as Windows takes them (Alt+0176)
    #[arg(long, hide_short_help = true)]
    pub alt_codes: bool,
    /// How it is drawn.
    #[command(flatten)]
    pub drawing: DrawingArgs,
}

/// How the viewer draws, and the key of its menu.
#[derive(Debug, Group)]
pub struct DrawingArgs {
    /// The key that opens the menu
    #[arg(long, value_name = "KEY", default_value = "ctrl+]")]
    pub escape: Escape,
    /// What the picture is drawn with
    #[arg(
        long,
        value_name = "auto|kitty|sixel|iterm2|octant|sextant|quadrant|half|ascii",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub draw: Draw,
    /// How many colours it is drawn with
    #[arg(
        long,
        value_name = "auto|true|256|16|none",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub colours: Colours,
    /// What this terminal can do, where it is wrong about that: sixel=off, cell=8x16 (see doctor --help)
    #[arg(
        long,
        value_name = "LIST",
        value_delimiter = ',',
        env = "CAPSAICIN_TERMINAL",
        hide_short_help = true,
        value_parser = capability
    )]
    pub terminal: Vec<String>,
}

const PLAY_EXAMPLES: &str = "\
Space stops and goes on, arrows go back and forth, + and - change the speed,
? explains the rest, q quits. Captures by tcpdump or Wireshark of a plain SPICE
connection are played too; what is missing in them is said.

Examples:
  capsaicin play boot.pcapng
  capsaicin play --speed 8 boot.pcapng
  capsaicin play --at 90 --paused boot.pcapng";

/// `play`
#[derive(Debug, Group)]
#[command(after_help = PLAY_EXAMPLES)]
pub struct PlayArgs {
    /// The recording
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Begin so many seconds after its beginning
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub at: Option<Duration>,
    /// How fast: 0.25, 0.5, 1, 2, 4, 8, 16, 32, or max for as fast as possible
    #[arg(long, value_name = "TIMES", default_value = "1")]
    pub speed: Speed,
    /// Show the first picture and wait
    #[arg(long)]
    pub paused: bool,
    /// Begin again at the end
    #[arg(long = "loop")]
    pub looping: bool,
    /// Play this session of the file, from 1, and not the last one with a picture
    #[arg(long, value_name = "NUMBER", value_parser = value_parser!(u32).range(1..))]
    pub session: Option<u32>,
    /// How it is drawn.
    #[command(flatten)]
    pub drawing: DrawingArgs,
}

/// What a picture is drawn with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Draw {
    /// The best the terminal has
    Auto,
    /// Pixels, by the kitty graphics protocol
    Kitty,
    /// Pixels, by the kitty graphics protocol without its edits: a tile at a time
    KittyTiles,
    /// Pixels, by the kitty graphics protocol through tmux
    KittyPlaceholders,
    /// Pixels, by sixel
    Sixel,
    /// Pixels, by iTerm2's inline images
    Iterm2,
    /// Blocks of eight pixels a character; few terminals have them
    Octant,
    /// Blocks of six pixels a character
    Sextant,
    /// Quarter blocks: four pixels a character
    Quadrant,
    /// Half blocks: two pixels a character
    Half,
    /// ASCII characters
    Ascii,
}

/// How many colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Colours {
    /// What the terminal is likely to show
    Auto,
    /// All of them
    True,
    /// The xterm palette
    #[value(name = "256")]
    Palette256,
    /// The first sixteen of it
    #[value(name = "16")]
    Palette16,
    /// None
    None,
}
