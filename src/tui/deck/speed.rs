//! How fast a recording is played.

/// How fast to play.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Speed {
    /// Two to this power: -2 to 5, 0.25 to 32 times as fast as it was.
    Power(i8),
    /// As fast as possible.
    Fastest,
    /// As it was.
    #[default]
    Real,
}

impl Speed {
    /// All, slowest first.
    pub const ALL: [Self; 9] = [
        Self::Power(-2),
        Self::Power(-1),
        Self::Real,
        Self::Power(1),
        Self::Power(2),
        Self::Power(3),
        Self::Power(4),
        Self::Power(5),
        Self::Fastest,
    ];

    /// The next one in a direction, if there is one.
    pub fn next(self, faster: bool) -> Self {
        let at = Self::ALL
            .iter()
            .position(|speed| *speed == self)
            .unwrap_or(2);
        let to = if faster { at + 1 } else { at.saturating_sub(1) };
        Self::ALL.get(to).copied().unwrap_or(self)
    }

    /// Seconds played in a second; `None` for as many as possible.
    pub fn factor(self) -> Option<f64> {
        match self {
            Self::Power(power) => Some(2f64.powi(power.into())),
            Self::Real => Some(1.0),
            Self::Fastest => None,
        }
    }
}

impl std::fmt::Display for Speed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.factor() {
            Some(factor) => write!(f, "{factor}"),
            None => f.write_str("max"),
        }
    }
}

impl std::str::FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let named = |speed: &Self| speed.to_string() == text.trim_end_matches(['x', '×']);
        let found = Self::ALL.into_iter().find(named);
        found.ok_or_else(|| "one of 0.25, 0.5, 1, 2, 4, 8, 16, 32 and max".to_owned())
    }
}
