//! What a person can change so that a terminal shows more.

use crate::term::Colours;
use crate::term::probe::{Capabilities, Cells, Multiplexer, Surroundings};
use crate::tui::multiplexer::Tmux;

/// One thing to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What is gained, and where the lines belong.
    pub text: String,
    /// Lines to copy.
    pub lines: Vec<String>,
}

/// Everything worth changing; `silent` where the terminal did not answer.
pub fn of(terminal: &Capabilities, around: &Surroundings, silent: bool, tmux: Tmux) -> Vec<Advice> {
    let mut all = Vec::new();
    let mut say = |text: &str, lines: &[&str]| {
        all.push(Advice {
            text: text.to_owned(),
            lines: lines.iter().map(|&line| line.to_owned()).collect(),
        });
    };
    if around.is_dumb() {
        say(
            "TERM promises nothing; in a terminal that can do more, name it",
            &["export TERM=xterm-256color"],
        );
        return all;
    }
    if silent {
        say(
            "the terminal did not answer, so only the environment is believed; what you know better can be said",
            &["capsaicin view --terminal sixel=on,cell=8x16 demo:"],
        );
    }
    if terminal.cells == Cells::Ascii {
        say(
            "the locale is not UTF-8; with one that is, pictures have twice the rows",
            &["export LC_ALL=C.UTF-8"],
        );
    }
    if terminal.multiplexer == Some(Multiplexer::Tmux) {
        if terminal.kitty.is_none() && tmux.passes == Some(true) {
            say(
                "tmux lets pictures pass, but the terminal around it has none that it can place (kitty from 0.28 and ghostty have)",
                &[],
            );
        } else if terminal.kitty.is_none() {
            say(
                "kitty graphics can pass tmux if your terminal has them; in ~/.tmux.conf, then 'tmux source ~/.tmux.conf'",
                &["set -g allow-passthrough on"],
            );
        }
        if tmux.has_all_colours != Some(true) {
            say(
                "tmux makes colours coarse for a terminal it does not know to have all of them; in ~/.tmux.conf, if yours has",
                &["set -as terminal-features ',*:RGB'"],
            );
        }
        if tmux.tells_focus != Some(true) {
            say(
                "tmux can say that this window is shown again, or on another terminal, and then the picture is drawn at once and not with the next key; in ~/.tmux.conf",
                &["set -g focus-events on"],
            );
        }
    } else if matches!(
        terminal.multiplexer,
        Some(Multiplexer::Screen | Multiplexer::Zellij)
    ) {
        say(
            "pictures other than characters need tmux, or no multiplexer",
            &[],
        );
    }
    if terminal.name.eq_ignore_ascii_case("xterm") {
        match terminal.sixel {
            None => say(
                "xterm draws pictures when it is a VT340; in ~/.Xresources, then 'xrdb -merge ~/.Xresources'",
                &[
                    "xterm*decTerminalID: vt340",
                    "xterm*maxGraphicSize: 4096x2160",
                ],
            ),
            Some(sixel) if is_smaller(sixel.largest, terminal) => say(
                "pictures may not be as large as the window; in ~/.Xresources, then 'xrdb -merge ~/.Xresources'",
                &["xterm*maxGraphicSize: 4096x2160"],
            ),
            Some(_) => {}
        }
    }
    if terminal.name == "WezTerm" && !(terminal.keyboard && terminal.kitty.is_some()) {
        say(
            "WezTerm has more than it shows; in ~/.wezterm.lua",
            &[
                "config.enable_kitty_keyboard = true",
                "config.enable_kitty_graphics = true",
            ],
        );
    }
    if terminal.sixel.is_some() && terminal.cell.is_none() {
        say(
            "nobody says how large a cell is, and without that there are no pictures; if you know",
            &["export CAPSAICIN_TERMINAL=cell=8x16"],
        );
    }
    if matches!(terminal.colours, Colours::Palette16 | Colours::Palette256) {
        say(
            "few colours are expected of this terminal; if it has all of them",
            &["export COLORTERM=truecolor"],
        );
    }
    if terminal.remote {
        say(
            "pictures are smaller on the way with compression; in ~/.ssh/config of the machine you sit at",
            &["Compression yes"],
        );
    }
    all
}

/// Whether pictures may not fill the window; its borders do not count.
fn is_smaller(picture: Option<(u32, u32)>, terminal: &Capabilities) -> bool {
    match (picture, terminal.area, terminal.cell) {
        (Some(picture), Some(window), Some(cell)) => {
            picture.0 + cell.0 < window.0 || picture.1 + cell.1 < window.1
        }
        _ => false,
    }
}
