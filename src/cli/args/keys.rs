//! `type` and `key`.

use std::time::Duration;

use clap::{Args as Group, value_parser};

use super::seconds;
use super::target::TargetArgs;
use crate::cli::layouts::LayoutParser;
use crate::keyboard::{Chord, Layout};

/// The guest's keyboard.
#[derive(Debug, Group)]
pub struct LayoutArgs {
    /// The guest's keyboard layout, us at first and then what TARGET had the last time ('help' lists them)
    #[arg(
        long,
        value_name = "NAME",
        value_parser = LayoutParser,
        hide_possible_values = true
    )]
    pub layout: Option<&'static Layout>,
}

const TYPE_EXAMPLES: &str = "\
Text is typed as if at the machine: --layout says which keyboard it is set up
for. A line end is Enter, a tab is Tab. When the layout has no key for some of
the characters, nothing is typed and the exit code is 2. Done when the server
has taken everything in; what the guest does with it takes longer.
Most servers have one viewer at a time: another one is disconnected.

Examples:
  capsaicin type demo: 'Hello!' --enter
  capsaicin type 127.0.0.1:5900 --layout de 'Grüße aus Köln'
  capsaicin type 127.0.0.1:5900 --rate 25 - < script.sh";

/// `type`
#[derive(Debug, Group)]
#[command(after_help = TYPE_EXAMPLES)]
pub struct TypeArgs {
    /// Where to type.
    #[command(flatten)]
    pub target: TargetArgs,
    /// What to type (- for standard input)
    #[arg(value_name = "TEXT", allow_hyphen_values = true)]
    pub text: String,
    /// Press Enter after it
    #[arg(long)]
    pub enter: bool,
    /// The keyboard.
    #[command(flatten)]
    pub keyboard: LayoutArgs,
    /// Type characters that the layout lacks by their numbers, as Windows takes them (Alt+0176)
    #[arg(long)]
    pub alt_codes: bool,
    /// Leave out characters that the layout lacks
    #[arg(long)]
    pub skip_unknown: bool,
    /// Characters a second, at most; a USB keyboard takes 25
    #[arg(long, value_name = "N", default_value = "100", value_parser = value_parser!(u32).range(1..=1000))]
    pub rate: u32,
    /// Give up connecting after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,
    /// Print what was typed as JSON
    #[arg(long)]
    pub json: bool,
}

const KEY_EXAMPLES: &str = "\
A chord is keys joined by +, all but the last held while the last is pressed.
A key is a character (by the layout) or a name: enter, esc, tab, f1 to f24, up,
pageup, delete, print, pause, menu, super, altgr, kp0, volumeup, KeyQ (by its
place) ... 'hold:KEYS:TIME' holds keys, 'alt+0176' types by number (Windows).
Most servers have one viewer at a time: another one is disconnected.

Examples:
  capsaicin key demo: ctrl+alt+delete
  capsaicin key 127.0.0.1:5900 ctrl+alt+f3 enter
  capsaicin key 127.0.0.1:5900 alt+sysrq+b hold:shift:500ms";

/// `key`
#[derive(Debug, Group)]
#[command(after_help = KEY_EXAMPLES)]
pub struct KeyArgs {
    /// Where to press keys.
    #[command(flatten)]
    pub target: TargetArgs,
    /// What to press, one after the other
    #[arg(value_name = "CHORD", required = true)]
    pub chords: Vec<Chord>,
    /// The keyboard.
    #[command(flatten)]
    pub keyboard: LayoutArgs,
    /// Give up connecting after this many seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,
    /// Print what was pressed as JSON
    #[arg(long)]
    pub json: bool,
}
