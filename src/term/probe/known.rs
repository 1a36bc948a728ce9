//! What cannot be asked: terminals known by what they call themselves (XTVERSION).

use super::capabilities::Cells;

/// A terminal's own name and version.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    pub name: String,
    pub version: String,
}

impl Named {
    /// Of `kitty(0.40.1)`, `WezTerm 20240203-110809-5046fc22`, `tmux 3.3a` or the like.
    pub fn parse(text: &str) -> Self {
        let (name, rest) = text.split_once(['(', ' ']).unwrap_or((text, ""));
        Self {
            name: name.to_owned(),
            version: rest.trim_end_matches(')').to_owned(),
        }
    }

    fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether it is this terminal, of this version or a later one.
    fn is_since(&self, name: &str, least: &[u32]) -> bool {
        let numbers = self.version.split(|c: char| !c.is_ascii_digit());
        let version: Vec<u32> = numbers.map_while(|n| n.parse().ok()).collect();
        self.is(name) && version.as_slice() >= least
    }

    /// Whether kitty graphics have frames that can be edited and composed. It cannot be asked: terminals without
    /// them answer as if they had them, or not at all. ghostty, Konsole and WezTerm draw stills only, or nearly.
    pub fn edits(&self) -> bool {
        self.is_since("kitty", &[0, 20])
    }

    /// Whether kitty graphics can be placed by characters.
    pub fn has_placeholders(&self) -> bool {
        self.is_since("kitty", &[0, 28]) || self.is("ghostty")
    }

    /// Whether it shows pictures by iTerm2's protocol.
    pub fn has_iterm2(&self) -> bool {
        ["iTerm2", "WezTerm", "mintty", "rio"]
            .iter()
            .any(|name| self.is(name))
            || self.is_since("Konsole", &[22, 4])
    }

    /// Whether it shows 2²⁴ colours, for those that do not say how they keep one.
    pub fn has_all_colours(&self) -> bool {
        let all = [
            "kitty", "foot", "ghostty", "WezTerm", "iTerm2", "Konsole", "contour", "mintty", "rio",
            "VTE", "tmux",
        ];
        all.iter().any(|name| self.is(name)) || self.is_since("XTerm", &[331])
    }

    /// The smallest parts of a cell whose characters it draws by itself, whatever the font has.
    pub fn cells(&self) -> Cells {
        let octants = self.is_since("kitty", &[0, 40])
            || self.is_since("foot", &[1, 20])
            || self.is("ghostty")
            || self.is_since("WezTerm", &[2025_0101]);
        let sextants = self.is_since("kitty", &[0, 20])
            || self.is_since("foot", &[1, 8])
            || self.is_since("WezTerm", &[2021_0814]);
        match (octants, sextants) {
            (true, _) => Cells::Octant,
            (_, true) => Cells::Sextant,
            _ => Cells::Half,
        }
    }

    /// Whether it says sizes in pixels of the desktop, which are several of its window where that is scaled. The system knows the
    /// others, and pictures are made of those. Seen from foot 1.13.1.
    pub fn says_scaled_pixels(&self) -> bool {
        self.is("foot")
    }

    /// Whether sixel pictures move with the text when `CSI S` scrolls it. Seen from XTerm 379.
    pub fn scrolls_sixel(&self) -> bool {
        self.is("XTerm")
    }
}
