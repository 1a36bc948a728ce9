//! What a tmux that stands between says of itself.

use std::process::{Command, Stdio};

/// How a tmux is set up; `None` for what it does not say: it cannot be asked, as over SSH, or is too old.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tmux {
    /// Whether it hands sequences on to its terminal.
    pub passes: Option<bool>,
    /// Whether it says that its terminal gets or loses the keyboard, or is another one.
    pub tells_focus: Option<bool>,
    /// Whether it knows that its terminal shows 2²⁴ colours.
    pub has_all_colours: Option<bool>,
}

impl Tmux {
    /// Asks the tmux this program runs in, if it runs in one.
    pub fn ask() -> Self {
        let pane = std::env::var_os("TMUX").and_then(|_| std::env::var_os("TMUX_PANE"));
        let asked = pane.and_then(|pane| {
            Command::new("tmux")
                .args(["display-message", "-p", "-t"])
                .arg(pane)
                .arg("#{allow-passthrough}|#{focus-events}|#{client_termfeatures}")
                .stdin(Stdio::null())
                .stderr(Stdio::null())
                .output()
                .ok()
        });
        asked.map_or(Self::default(), |asked| {
            Self::said(&String::from_utf8_lossy(&asked.stdout))
        })
    }

    fn said(text: &str) -> Self {
        let mut words = text.trim().split('|');
        let mut switch = || match words.next()? {
            "0" | "off" => Some(false),
            "1" | "2" | "on" | "all" => Some(true),
            _ => None,
        };
        let (passes, tells_focus) = (switch(), switch());
        let features = words.next().filter(|features| !features.is_empty());
        Self {
            passes,
            tells_focus,
            has_all_colours: features.map(|all| all.split(',').any(|one| one == "RGB")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tmux_says_how_it_is_set_up() {
        // Seen from tmux 3.3a, attached and not.
        let attached = Tmux::said("1|0|bpaste,ccolour,clipboard,cstyle,focus,title\n");
        let said = Tmux {
            passes: Some(true),
            tells_focus: Some(false),
            has_all_colours: Some(false),
        };
        assert_eq!(attached, said);
        let colours = Tmux::said("all|on|256,RGB,title\n").has_all_colours;
        assert_eq!(colours, Some(true));
        assert_eq!(Tmux::said("||\n"), Tmux::default());
        assert_eq!(Tmux::said(""), Tmux::default());
    }
}
