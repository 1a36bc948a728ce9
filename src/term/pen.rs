//! Cells as bytes, with as few of them as the terminal's state allows.

use super::{Ink, cells};

/// How text is set off. A set of bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(u8);

impl Attributes {
    /// As text usually is.
    pub const NONE: Self = Self(0);
    /// Bold.
    pub const BOLD: Self = Self(1);
    /// Faint.
    pub const DIM: Self = Self(2);
    /// Underlined.
    pub const UNDERLINED: Self = Self(4);
    /// Foreground and background exchanged.
    pub const REVERSED: Self = Self(8);
    /// Slanted.
    pub const ITALIC: Self = Self(16);
    /// Struck out.
    pub const CROSSED_OUT: Self = Self(32);

    /// Bits and the number each has as a terminal attribute.
    const NUMBERS: [(Self, &str); 6] = [
        (Self::BOLD, "1"),
        (Self::DIM, "2"),
        (Self::UNDERLINED, "4"),
        (Self::REVERSED, "7"),
        (Self::ITALIC, "3"),
        (Self::CROSSED_OUT, "9"),
    ];

    /// Whether every bit of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl std::ops::BitOr for Attributes {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Where a terminal's cursor is and how it would write the next character.
///
/// Blocks may come out as their opposite with the colours exchanged, when that names fewer colours.
#[derive(Clone, Debug, Default)]
pub struct Pen {
    /// Column and row, both from 0; `None` while unknown.
    at: Option<(u16, u16)>,
    fore: Ink,
    back: Ink,
    attributes: Attributes,
}

impl Pen {
    /// A pen of which only the position is unknown: attributes and colours are the terminal's own.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes to a column and row, both from 0.
    pub fn go(&mut self, column: u16, row: u16, out: &mut Vec<u8>) {
        match self.at {
            Some(at) if at == (column, row) => return,
            Some((from, same)) if same == row && from < column => {
                out.extend_from_slice(b"\x1b[");
                if column - from > 1 {
                    decimal(column - from, out);
                }
                out.push(b'C');
            }
            Some((_, above)) if column == 0 && above.checked_add(1) == Some(row) => {
                out.extend_from_slice(b"\r\n");
            }
            _ => {
                out.extend_from_slice(b"\x1b[");
                // What is left out is 1.
                if row > 0 {
                    decimal(row.saturating_add(1), out);
                }
                if column > 0 {
                    out.push(b';');
                    decimal(column.saturating_add(1), out);
                }
                out.push(b'H');
            }
        }
        self.at = Some((column, row));
    }

    /// Where the cursor is, is no longer known.
    pub fn lose_place(&mut self) {
        self.at = None;
    }

    /// How many columns in the same row lie before a place; `None` when it is in another row or not ahead.
    pub fn columns_to(&self, column: u16, row: u16) -> Option<u16> {
        let (from, same) = self.at?;
        (same == row).then(|| column.checked_sub(from))?
    }

    /// Whether a character would be written without naming a colour or an attribute.
    pub fn is_set_to(&self, (fore, back): (Ink, Ink), attributes: Attributes) -> bool {
        (self.fore, self.back, self.attributes) == (fore, back, attributes)
    }

    /// Makes the rest of the row blank, in the terminal's own colours.
    pub fn erase_to_end(&mut self, out: &mut Vec<u8>) {
        if self.attributes != Attributes::NONE {
            self.set_attributes(Attributes::NONE, out);
        }
        self.set_colours(self.fore, Ink::Default, out);
        out.extend_from_slice(b"\x1b[K");
    }

    /// Writes one character (or one cluster) that is `width` columns wide.
    pub fn write(
        &mut self,
        text: &str,
        width: u16,
        inks: (Ink, Ink),
        attributes: Attributes,
        out: &mut Vec<u8>,
    ) {
        let mut characters = text.chars();
        if let (Some(character), None) = (characters.next(), characters.next()) {
            return self.write_char(character, width, inks, attributes, out);
        }
        if attributes != self.attributes {
            self.set_attributes(attributes, out);
        }
        self.set_colours(inks.0, inks.1, out);
        out.extend_from_slice(text.as_bytes());
        self.advance(width);
    }

    /// The same for what is one character.
    #[inline]
    pub fn write_char(
        &mut self,
        character: char,
        width: u16,
        (fore, back): (Ink, Ink),
        attributes: Attributes,
        out: &mut Vec<u8>,
    ) {
        if attributes != self.attributes {
            self.set_attributes(attributes, out);
        }
        let plain = attributes == Attributes::NONE;
        let (mut character, mut inks) = (character, (fore, back));
        if character == ' ' && plain {
            // Not a full block, even where its colour is set already: in many fonts it leaves seams.
            inks = (self.fore, back);
        } else if plain
            && fore != Ink::Default
            && back != Ink::Default
            && self.turning_saves(fore, back)
            && let Some(opposite) = cells::opposite(character)
        {
            (character, inks) = (opposite, (back, fore));
        }
        if inks == (self.fore, self.back) {
            // As often as not in text.
            let mut bytes = [0; 4];
            let len = character.encode_utf8(&mut bytes).len();
            out.extend_from_slice(&bytes);
            out.truncate(out.len() - bytes.len() + len);
        } else {
            let mut text = Sequence::new();
            self.colours(inks, &mut text);
            text.character(character);
            text.append_to(out);
        }
        self.advance(width);
    }

    /// A terminal may stay in the last column after filling it, so the position is trusted only within a row; the caller goes to
    /// the start of the next.
    fn advance(&mut self, width: u16) {
        if let Some((column, _)) = &mut self.at {
            *column = column.saturating_add(width);
        }
    }

    /// Gives the terminal its own colours and attributes back.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if (self.fore, self.back, self.attributes) != Default::default() {
            out.extend_from_slice(b"\x1b[m");
        }
        *self = Self {
            at: self.at,
            ..Self::default()
        };
    }

    /// Whether fewer colours have to be named when they are exchanged.
    #[inline]
    fn turning_saves(&self, fore: Ink, back: Ink) -> bool {
        let upright = u8::from(fore != self.fore) + u8::from(back != self.back);
        let turned = u8::from(back != self.fore) + u8::from(fore != self.back);
        turned < upright
    }

    fn set_attributes(&mut self, attributes: Attributes, out: &mut Vec<u8>) {
        if !attributes.contains(self.attributes) {
            out.extend_from_slice(b"\x1b[m");
            (self.fore, self.back) = (Ink::Default, Ink::Default);
            self.attributes = Attributes::NONE;
        }
        for (bit, number) in Attributes::NUMBERS {
            if attributes.contains(bit) && !self.attributes.contains(bit) {
                out.extend_from_slice(b"\x1b[");
                out.extend_from_slice(number.as_bytes());
                out.push(b'm');
            }
        }
        self.attributes = attributes;
    }

    fn set_colours(&mut self, fore: Ink, back: Ink, out: &mut Vec<u8>) {
        let mut text = Sequence::new();
        self.colours((fore, back), &mut text);
        text.append_to(out);
    }

    /// Names the colours that are to be other ones.
    #[inline]
    fn colours(&mut self, (fore, back): (Ink, Ink), text: &mut Sequence) {
        if fore != self.fore {
            text.colour(fore, Ground::Fore);
        }
        if back != self.back {
            text.colour(back, Ground::Back);
        }
        text.end();
        (self.fore, self.back) = (fore, back);
    }
}

#[derive(Clone, Copy)]
enum Ground {
    Fore,
    Back,
}

/// `CSI … m` and a character, made in one piece: most of a picture in cells is this.
struct Sequence {
    /// Room for two colours and a character, and for what is written beyond them.
    text: [u8; 48],
    /// Bytes of it that count: each parameter with a semicolon after it.
    len: usize,
}

impl Sequence {
    const INTRODUCER: &[u8] = b"\x1b[";

    #[inline]
    fn new() -> Self {
        let mut text = [0; 48];
        text[..2].copy_from_slice(Self::INTRODUCER);
        Self { text, len: 2 }
    }

    /// Names a colour.
    #[inline]
    fn colour(&mut self, ink: Ink, ground: Ground) {
        let base = match ground {
            Ground::Fore => 30,
            Ground::Back => 40,
        };
        match ink {
            Ink::Default => self.number(base + 9),
            Ink::Indexed(n @ 0..=7) => self.number(base + n),
            Ink::Indexed(n @ 8..=15) => self.number(base + 60 + (n - 8)),
            Ink::Indexed(n) => {
                self.number(base + 8);
                self.number(5);
                self.number(n);
            }
            Ink::Rgb(r, g, b) => {
                self.number(base + 8);
                self.number(2);
                self.number(r);
                self.number(g);
                self.number(b);
            }
        }
    }

    #[inline]
    fn number(&mut self, n: u8) {
        // What is written beyond the number is written over by what comes next.
        self.text[self.len..self.len + 4].copy_from_slice(&NUMBERS[usize::from(n)]);
        self.len += 2 + usize::from(n > 9) + usize::from(n > 99);
    }

    /// After the last colour. Nothing is left where there was none.
    #[inline]
    fn end(&mut self) {
        if self.len == Self::INTRODUCER.len() {
            self.len = 0;
        } else {
            self.text[self.len - 1] = b'm';
        }
    }

    /// After the end.
    #[inline]
    fn character(&mut self, character: char) {
        let mut bytes = [0; 4];
        let len = character.encode_utf8(&mut bytes).len();
        self.text[self.len..self.len + 4].copy_from_slice(&bytes);
        self.len += len;
    }

    #[inline]
    fn append_to(&self, out: &mut Vec<u8>) {
        // So many are copied in fewer steps than as many as there are.
        let end = out.len() + self.len;
        out.extend_from_slice(&self.text);
        out.truncate(end);
    }
}

/// Each byte in decimal, with a semicolon after it.
static NUMBERS: [[u8; 4]; 256] = {
    let mut numbers = [[b';'; 4]; 256];
    let mut n = 0;
    while n < 256 {
        let digits = [n / 100, n / 10 % 10, n % 10];
        let mut skipped = if n > 99 {
            0
        } else if n > 9 {
            1
        } else {
            2
        };
        let mut at = 0;
        while skipped < 3 {
            numbers[n][at] = b'0' + digits[skipped] as u8;
            skipped += 1;
            at += 1;
        }
        n += 1;
    }
    numbers
};

fn decimal(n: u16, out: &mut Vec<u8>) {
    let mut digits = [0; 5];
    let mut left = n;
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (left % 10) as u8;
        left /= 10;
        if left == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}
