//! A cell as it is compared and written: sixteen bytes, whether it comes from text or from a picture.

use std::collections::HashMap;

use ratatui::buffer::{Cell, CellDiffOption, CellWidth};
use ratatui::style::{Color, Modifier};

use crate::inspect::is_acted_on;
use crate::term::{self, Attributes, Ink, Pen};

/// Bytes of the longest cluster that is written; longer ones are piles of marks that no terminal shows.
const LONGEST: usize = 64;

/// What a cell is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nobody knows. Only of a cell of the terminal.
    Unknown,
    /// Somebody else's, made blank for that.
    Theirs,
    /// Where something begins that is so many columns wide.
    Start(u8),
    /// The rest of what begins further left.
    Rest,
}

/// A cell of a frame, or of the terminal. All but where something begins are blank in the terminal's own colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    text: Text,
    pub(super) fore: Ink,
    pub(super) back: Ink,
    pub(super) attributes: Attributes,
    pub(super) kind: Kind,
}

/// A character, or the number of a [cluster](Clusters) of several and [`CLUSTER`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Text(u32);

/// Beyond all characters.
const CLUSTER: u32 = 1 << 31;

impl Slot {
    pub(super) const BLANK: Self = Self::of(Kind::Start(1));
    pub(super) const REST: Self = Self::of(Kind::Rest);
    pub(super) const THEIRS: Self = Self::of(Kind::Theirs);
    pub(super) const UNKNOWN: Self = Self::of(Kind::Unknown);

    const fn of(kind: Kind) -> Self {
        Self {
            text: Text(b' ' as u32),
            fore: Ink::Default,
            back: Ink::Default,
            attributes: Attributes::NONE,
            kind,
        }
    }

    /// A cell of a picture.
    #[inline]
    pub(super) fn of_picture(cell: &term::Cell) -> Self {
        Self {
            text: Text(cell.glyph as u32),
            fore: cell.fore,
            back: cell.back,
            attributes: Attributes::NONE,
            kind: Kind::Start(1),
        }
    }

    /// The first of some cells of text: of its colours, but blank, in place of what cannot be written, or is wider than what is
    /// free.
    pub(super) fn of_text(cells: &[Cell], clusters: &mut Clusters) -> Self {
        let Some((cell, others)) = cells.split_first() else {
            return Self::BLANK;
        };
        let wide = width(cell.symbol());
        let rest = others.get(..usize::from(wide).saturating_sub(1));
        let fits = wide > 0 && rest.is_some_and(|rest| !rest.iter().any(is_skipped));
        let (wide, text) = match fits {
            true => (wide, clusters.text(cell.symbol())),
            false => (1, Self::BLANK.text),
        };
        Self {
            text,
            fore: ink(cell.fg),
            back: ink(cell.bg),
            attributes: attributes(cell.modifier),
            kind: Kind::Start(wide),
        }
    }

    /// Columns up to where the next cell begins.
    pub(super) fn width(&self) -> usize {
        match self.kind {
            Kind::Start(wide) => wide.into(),
            _ => 1,
        }
    }

    /// Whether it is a blank in the terminal's own colours.
    pub(super) fn is_blank(&self) -> bool {
        *self == Self::BLANK
    }

    /// Bytes of its text.
    pub(super) fn len(&self, clusters: &Clusters) -> usize {
        match char::from_u32(self.text.0) {
            Some(character) => character.len_utf8(),
            None => clusters.of(self.text).len(),
        }
    }

    /// Writes it where the pen is.
    #[inline]
    pub(super) fn put(&self, clusters: &Clusters, pen: &mut Pen, out: &mut Vec<u8>) {
        let (wide, inks) = (self.width() as u16, (self.fore, self.back));
        let single = char::from_u32(self.text.0);
        match single {
            Some(character) => pen.write_char(character, wide, inks, self.attributes, out),
            None => pen.write(clusters.of(self.text), wide, inks, self.attributes, out),
        }
        // Terminals disagree about the width of clusters of several characters, and of wide ones.
        if wide > 1 || single.is_none() {
            pen.lose_place();
        }
    }

    /// A number that tells most cells apart.
    pub(super) fn hash(&self) -> u64 {
        let colour = |ink: Ink| match ink {
            Ink::Rgb(r, g, b) => u64::from_be_bytes([0, 0, 0, 0, 1, r, g, b]),
            Ink::Indexed(n) => u64::from(n) | 0x200,
            Ink::Default => 0,
        };
        u64::from(self.text.0) ^ colour(self.fore) << 32 ^ colour(self.back)
    }
}

/// Clusters of several characters that cells show, each with a number.
#[derive(Debug, Default)]
pub(super) struct Clusters {
    texts: Vec<Box<str>>,
    numbers: HashMap<Box<str>, u32>,
}

impl Clusters {
    /// The text of a cell, of at most [`LONGEST`] bytes.
    fn text(&mut self, text: &str) -> Text {
        let mut characters = text.chars();
        if let (Some(character), None) = (characters.next(), characters.next()) {
            return Text(character as u32);
        }
        if let Some(number) = self.numbers.get(text) {
            return Text(CLUSTER | number);
        }
        // Fewer than there are cells, which 32 bits count.
        let number = self.texts.len() as u32;
        self.texts.push(text.into());
        self.numbers.insert(text.into(), number);
        Text(CLUSTER | number)
    }

    fn of(&self, text: Text) -> &str {
        let text = self.texts.get((text.0 & !CLUSTER) as usize);
        text.map_or(" ", |text| text)
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.texts.len()
    }

    /// Forgets all of them, and what shows one of them.
    pub(super) fn clear(&mut self, shown: &mut [Slot]) {
        *self = Self::default();
        let theirs = shown.iter_mut().filter(|slot| slot.text.0 & CLUSTER != 0);
        theirs.for_each(|slot| *slot = Slot::UNKNOWN);
    }
}

/// Both ways to say it count: the younger one is not known to every widget.
#[allow(deprecated)]
#[inline]
pub(super) fn is_skipped(cell: &Cell) -> bool {
    cell.skip || cell.diff_option == CellDiffOption::Skip
}

/// Columns of a cluster; 0 for what must not be written.
fn width(text: &str) -> u8 {
    match text.as_bytes() {
        [b' '..=b'~'] => 1,
        // The blocks of pictures (2580 to 259F; 1CC00 to 1CEFF; 1FB00 to 1FBFF).
        [0xe2, 0x96, _] | [0xf0, 0x9c, 0xb0..=0xbb, _] | [0xf0, 0x9f, 0xac..=0xaf, _] => 1,
        _ if text.len() > LONGEST || text.chars().any(is_acted_on) => 0,
        // No character is wider than two columns.
        _ => u8::try_from(text.cell_width()).unwrap_or(0),
    }
}

fn ink(colour: Color) -> Ink {
    match colour {
        Color::Rgb(r, g, b) => Ink::Rgb(r, g, b),
        Color::Indexed(n) => Ink::Indexed(n),
        // No other is drawn with.
        _ => Ink::Default,
    }
}

fn attributes(modifier: Modifier) -> Attributes {
    if modifier.is_empty() {
        return Attributes::NONE;
    }
    [
        (Modifier::BOLD, Attributes::BOLD),
        (Modifier::DIM, Attributes::DIM),
        (Modifier::UNDERLINED, Attributes::UNDERLINED),
        (Modifier::REVERSED, Attributes::REVERSED),
        (Modifier::ITALIC, Attributes::ITALIC),
        (Modifier::CROSSED_OUT, Attributes::CROSSED_OUT),
    ]
    .into_iter()
    .filter(|(bit, _)| modifier.contains(*bit))
    .fold(Attributes::NONE, |all, (_, one)| all | one)
}
