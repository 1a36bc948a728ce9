//! Answers that are strings: `DCS …`, `OSC …` and `APC …`, each up to its end.

use super::event::Reply;

/// Kinds of strings, by the byte after Escape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum StringKind {
    Device,
    System,
    Application,
    /// Privacy messages and strings: nobody answers with them.
    Other(u8),
}

impl StringKind {
    /// The string that Escape and this byte begin, if they do.
    pub fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            b'P' => Self::Device,
            b']' => Self::System,
            b'_' => Self::Application,
            b'^' | b'X' => Self::Other(byte),
            _ => return None,
        })
    }

    /// The byte after Escape.
    pub fn byte(self) -> u8 {
        match self {
            Self::Device => b'P',
            Self::System => b']',
            Self::Application => b'_',
            Self::Other(byte) => byte,
        }
    }

    /// What a whole string of this kind says; `None` when it is nothing we know.
    pub fn reply(self, body: &[u8]) -> Option<Reply> {
        let text = String::from_utf8_lossy(body);
        match self {
            Self::Device => match text.strip_prefix(">|") {
                Some(version) => Some(Reply::Version(clean(version))),
                None => attributes(&text),
            },
            Self::System => colour(&text),
            Self::Application => kitty(&text),
            Self::Other(_) => None,
        }
    }
}

/// `1$r0;38:2::1:2:3m`: the attributes in force. kitty leaves the 0 out, and the colour space between the 2 and red.
fn attributes(text: &str) -> Option<Reply> {
    let attributes = text.strip_prefix("1$r")?.strip_suffix('m')?;
    let numbers: Vec<&str> = attributes.split([';', ':']).collect();
    let is_direct = numbers.windows(2).any(|pair| pair == ["38", "2"]);
    Some(Reply::DirectColour(is_direct))
}

/// `10;rgb:ffff/ffff/ffff` and the like.
fn colour(text: &str) -> Option<Reply> {
    let (number, value) = text.split_once(';')?;
    let background = match number {
        "10" => false,
        "11" => true,
        _ => return None,
    };
    let rgb = match value.strip_prefix('#') {
        Some(hex) if hex.is_ascii() && !hex.is_empty() && hex.len() % 3 == 0 => {
            let third = hex.len() / 3;
            let part = |n: usize| channel(hex.get(n * third..(n + 1) * third)?);
            [part(0)?, part(1)?, part(2)?]
        }
        Some(_) => return None,
        None => {
            let parts = value
                .strip_prefix("rgb:")
                .or_else(|| value.strip_prefix("rgba:"))?;
            let mut parts = parts.split('/').map(channel);
            [parts.next()??, parts.next()??, parts.next()??]
        }
    };
    Some(Reply::Colour { background, rgb })
}

/// One to four hexadecimal digits, as a fraction of the largest number they can write.
fn channel(hex: &str) -> Option<u8> {
    let digits = u32::try_from(hex.len())
        .ok()
        .filter(|n| (1..=4).contains(n))?;
    let value = u32::from_str_radix(hex, 16).ok()?;
    let most = (1 << (4 * digits)) - 1;
    u8::try_from((value * 255 + most / 2) / most).ok()
}

/// `Gi=31;OK`
fn kitty(text: &str) -> Option<Reply> {
    let (keys, message) = text.strip_prefix('G')?.split_once(';')?;
    let id = keys.split(',').find_map(|key| key.strip_prefix("i="))?;
    Some(Reply::Kitty {
        id: id.parse().ok()?,
        message: clean(message),
    })
}

/// What is written for people, without anything a terminal would act on.
fn clean(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).collect()
}
