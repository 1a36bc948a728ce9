//! Pictures in terminals: fitting, scaling and painting them with character cells.
//!
//! Knows nothing of SPICE and nothing of any terminal library. A picture passes through three values: a [`Fit`] says
//! which part of it lands where, a [`Scaler`] keeps it scaled to *dots* (a cell is one dot wide and two high), and
//! [`halfblock::paint`] turns dots into a [`Grid`] of [`Cell`]s. Each works on the changed area only. A [`Pen`] writes
//! cells as bytes.

mod fit;
pub mod halfblock;
pub mod input;
pub mod ladder;
pub mod pace;
pub mod paint;
pub mod palette;
mod pen;
pub mod probe;
mod scale;
pub mod shadow;
pub mod writer;

pub use fit::{Fit, Pane, Raster};
pub use pen::{Attributes, Pen};
pub use scale::Scaler;

/// How a living picture is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawing {
    /// Kitty graphics: one image, edited and composed.
    Kitty,
    /// Kitty graphics: an image for each tile of whole cells.
    KittyTiles,
    /// Kitty graphics, placed by characters; through tmux.
    KittyPlaceholders,
    /// Sixel.
    Sixel,
    /// iTerm2's inline images.
    Iterm2,
    /// Characters of two by four parts.
    Octant,
    /// Characters of two by three parts.
    Sextant,
    /// Characters of two by two parts.
    Quadrant,
    /// Characters of an upper and a lower half.
    Half,
    /// ASCII characters, light and dark by their shape.
    Ascii,
}

impl Drawing {
    /// The name for status lines and options.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Kitty => "kitty",
            Self::KittyTiles => "kitty-tiles",
            Self::KittyPlaceholders => "kitty-placeholders",
            Self::Sixel => "sixel",
            Self::Iterm2 => "iterm2",
            Self::Octant => "octant",
            Self::Sextant => "sextant",
            Self::Quadrant => "quadrant",
            Self::Half => "half",
            Self::Ascii => "ascii",
        }
    }
}

/// How many colours a terminal shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Colours {
    /// 2²⁴, exactly.
    #[default]
    True,
    /// The xterm palette of 256; only 16 to 255, because users change the first sixteen.
    Palette256,
    /// The first sixteen of that palette.
    Palette16,
    /// None: light and dark by the shape of characters.
    None,
}

/// Which characters a picture may be drawn with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Glyphs {
    /// Half blocks and shades.
    #[default]
    Blocks,
    /// ASCII only.
    Ascii,
}

/// What a picture is painted with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Colours the terminal shows.
    pub colours: Colours,
    /// Characters it shows.
    pub glyphs: Glyphs,
}

impl Style {
    /// The name for status lines and options.
    pub const fn name(self) -> &'static str {
        match (self.glyphs, self.colours) {
            (Glyphs::Ascii, _) => "ascii",
            (Glyphs::Blocks, Colours::True) => "half",
            (Glyphs::Blocks, Colours::Palette256) => "half/256",
            (Glyphs::Blocks, Colours::Palette16) => "half/16",
            (Glyphs::Blocks, Colours::None) => "half/mono",
        }
    }
}

/// A colour of a cell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ink {
    /// Whatever the terminal's own is.
    #[default]
    Default,
    /// Red, green, blue.
    Rgb(u8, u8, u8),
    /// A colour of the xterm palette.
    Indexed(u8),
}

/// One character cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// What is drawn.
    pub glyph: char,
    /// In which colour.
    pub fore: Ink,
    /// On which colour.
    pub back: Ink,
}

impl Default for Cell {
    fn default() -> Self {
        Self {
            glyph: ' ',
            fore: Ink::Default,
            back: Ink::Default,
        }
    }
}

/// A rectangle of cells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grid {
    columns: u16,
    rows: u16,
    /// Top row first. INVARIANT: `columns × rows` cells.
    cells: Vec<Cell>,
}

impl Grid {
    /// Blank cells.
    pub fn new(columns: u16, rows: u16) -> Self {
        Self {
            columns,
            rows,
            cells: vec![Cell::default(); usize::from(columns) * usize::from(rows)],
        }
    }

    /// Cells in a row.
    pub fn columns(&self) -> u16 {
        self.columns
    }

    /// Number of rows.
    pub fn rows(&self) -> u16 {
        self.rows
    }

    /// The cells of row `row`; none below the last row.
    pub fn row(&self, row: u16) -> &[Cell] {
        let start = usize::from(row) * usize::from(self.columns);
        self.cells
            .get(start..start + usize::from(self.columns))
            .unwrap_or(&[])
    }

    fn row_mut(&mut self, row: u16) -> &mut [Cell] {
        let start = usize::from(row) * usize::from(self.columns);
        self.cells
            .get_mut(start..start + usize::from(self.columns))
            .unwrap_or(&mut [])
    }
}
