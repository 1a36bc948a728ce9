//! What the environment hints at.

use crate::term::{Colours, Glyphs, Style};

/// What stands between us and the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multiplexer {
    /// tmux.
    Tmux,
    /// GNU screen.
    Screen,
    /// Zellij.
    Zellij,
}

impl Multiplexer {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tmux => "tmux",
            Self::Screen => "screen",
            Self::Zellij => "zellij",
        }
    }
}

/// What the environment hints at. Hints may be stale or copied from elsewhere; what the terminal answers counts more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `TERM`.
    pub term: String,
    /// The program that set `TERM_PROGRAM`, or `LC_TERMINAL` (which SSH passes on), in lower case.
    pub program: String,
    /// Between us and the terminal.
    pub multiplexer: Option<Multiplexer>,
    /// Whether the terminal is at the other end of an SSH connection.
    pub remote: bool,
    /// What the environment lets expect a terminal to show.
    pub style: Style,
    /// Whether it names a terminal that has kitty graphics but no placeholders; seen through tmux.
    pub lacks_placeholders: bool,
}

impl Surroundings {
    /// Looks variables up.
    pub fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let value = |name: &str| variable(name).filter(|v| !v.is_empty());
        let has = |name: &str| value(name).is_some();
        let term = value("TERM").unwrap_or_default();
        let program = value("TERM_PROGRAM").filter(|name| name != "tmux");
        let multiplexer = if has("TMUX") {
            Some(Multiplexer::Tmux)
        } else if has("ZELLIJ") {
            Some(Multiplexer::Zellij)
        } else if has("STY") {
            Some(Multiplexer::Screen)
        } else {
            // Through SSH from inside of one, only this is left.
            match term.split(['-', '.']).next() {
                Some("tmux") => Some(Multiplexer::Tmux),
                Some("screen") => Some(Multiplexer::Screen),
                _ => None,
            }
        };
        Self {
            program: program
                .or_else(|| value("LC_TERMINAL"))
                .unwrap_or_default()
                .to_lowercase(),
            multiplexer,
            remote: has("SSH_CONNECTION") || has("SSH_TTY") || has("SSH_CLIENT"),
            style: style(&term, &value),
            lacks_placeholders: has("WEZTERM_PANE") || has("KONSOLE_VERSION"),
            term,
        }
    }

    /// Whether questions are worth asking: a terminal that knows no sequences would show them.
    pub fn is_dumb(&self) -> bool {
        ["", "dumb", "unknown", "vt52"].contains(&self.term.as_str())
    }

    /// Whether strings the terminal does not know stay invisible. Old Linux consoles and Apple's Terminal show some.
    pub fn takes_strings(&self) -> bool {
        let old = ["linux", "vt100", "vt102", "vt220", "ansi", "cons25", "sun"];
        !self.is_dumb() && !old.contains(&self.term.as_str()) && self.program != "apple_terminal"
    }
}

fn style(term: &str, value: &impl Fn(&str) -> Option<String>) -> Style {
    let plain = ["", "dumb", "vt52", "vt100", "vt102", "vt220"].contains(&term);
    Style {
        colours: match plain || value("NO_COLOR").is_some() {
            true => Colours::None,
            false => colours(term, value),
        },
        glyphs: match plain || has_other_charset(value) {
            true => Glyphs::Ascii,
            false => Glyphs::Halves,
        },
    }
}

fn colours(term: &str, value: &impl Fn(&str) -> Option<String>) -> Colours {
    let known = [
        "kitty",
        "ghostty",
        "alacritty",
        "foot",
        "wezterm",
        "contour",
        "mlterm",
        "direct",
    ];
    let said = matches!(value("COLORTERM").as_deref(), Some("truecolor" | "24bit"));
    // tmux takes every colour and gives its own terminal what that can do.
    let marked = value("TMUX").is_some() || value("WT_SESSION").is_some();
    if said || marked || known.iter().any(|name| term.contains(name)) {
        Colours::True
    } else if term.contains("256color") {
        Colours::Palette256
    } else {
        Colours::Palette16
    }
}

/// Whether the locale names a character set, and it is not UTF-8.
fn has_other_charset(value: &impl Fn(&str) -> Option<String>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(value);
    locale.is_some_and(|locale| {
        let charset = locale
            .split_once('.')
            .map(|(_, charset)| charset.to_lowercase());
        charset.is_some_and(|c| !c.starts_with("utf-8") && !c.starts_with("utf8"))
    })
}
