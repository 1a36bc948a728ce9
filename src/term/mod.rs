//! Pictures in terminals: fitting, scaling and painting them with character cells.
//!
//! Knows nothing of SPICE and nothing of any terminal library. A picture passes through three values: a [`Fit`] says
//! which part of it lands where, a [`Scaler`] keeps it scaled to *dots* (of which a cell has as many as its [`Raster`] says), and
//! [`cells::paint`] turns dots into a [`Grid`] of [`Cell`]s. Each works on the changed area only. A [`Pen`] writes cells as
//! bytes.

mod at_once;
mod base64;
pub mod cells;
pub mod clipboard;
mod costs;
mod fit;
mod half;
pub mod input;
pub mod iterm2;
pub mod kitty;
pub mod ladder;
pub mod pace;
pub mod paint;
pub mod palette;
mod pen;
pub mod portion;
pub mod probe;
pub mod quantise;
mod scale;
pub mod shadow;
pub mod sixel;
pub mod tmux;
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
    /// The characters it draws with; `None` where it draws pixels.
    pub const fn glyphs(self) -> Option<Glyphs> {
        match self {
            Self::Octant => Some(Glyphs::Octants),
            Self::Sextant => Some(Glyphs::Sextants),
            Self::Quadrant => Some(Glyphs::Quadrants),
            Self::Half => Some(Glyphs::Halves),
            Self::Ascii => Some(Glyphs::Ascii),
            _ => None,
        }
    }

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

/// Which characters a picture is drawn with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Glyphs {
    /// Blocks of 2×4 dots. Young (Unicode 16): few terminals draw them.
    Octants,
    /// Blocks of 2×3 dots (Unicode 13).
    Sextants,
    /// Blocks of 2×2 dots.
    Quadrants,
    /// Half blocks.
    #[default]
    Halves,
    /// ASCII only.
    Ascii,
}

impl Glyphs {
    /// Pictures drawn with them.
    pub const fn drawing(self) -> Drawing {
        match self {
            Self::Octants => Drawing::Octant,
            Self::Sextants => Drawing::Sextant,
            Self::Quadrants => Drawing::Quadrant,
            Self::Halves => Drawing::Half,
            Self::Ascii => Drawing::Ascii,
        }
    }
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
        /// The name, and with each of fewer colours.
        macro_rules! with_colours {
            ($colours:expr, $name:literal) => {
                match $colours {
                    Colours::True => $name,
                    Colours::Palette256 => concat!($name, "/256"),
                    Colours::Palette16 => concat!($name, "/16"),
                    Colours::None => concat!($name, "/mono"),
                }
            };
        }
        match self.glyphs {
            Glyphs::Octants => with_colours!(self.colours, "octant"),
            Glyphs::Sextants => with_colours!(self.colours, "sextant"),
            Glyphs::Quadrants => with_colours!(self.colours, "quadrant"),
            Glyphs::Halves => with_colours!(self.colours, "half"),
            Glyphs::Ascii => with_colours!(self.colours, "ascii"),
        }
    }

    /// The dots of a cell.
    pub const fn raster(self) -> Raster {
        match self.glyphs {
            Glyphs::Octants => Raster::OCTANTS,
            Glyphs::Sextants => Raster::SEXTANTS,
            Glyphs::Quadrants => Raster::QUADRANTS,
            Glyphs::Halves | Glyphs::Ascii => Raster::HALVES,
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

impl Ink {
    /// The nearest that a terminal of so many colours shows.
    pub fn reduced_to(self, colours: Colours) -> Self {
        match (colours, self) {
            (_, Self::Default) | (Colours::None, _) => Self::Default,
            (Colours::True, ink) | (Colours::Palette256, ink @ Self::Indexed(_)) => ink,
            (Colours::Palette256, Self::Rgb(r, g, b)) => {
                Self::Indexed(palette::nearest_256(r, g, b))
            }
            (Colours::Palette16, ink @ Self::Indexed(0..=15)) => ink,
            (Colours::Palette16, Self::Indexed(n)) => {
                let [r, g, b] = palette::rgb(n);
                Self::Indexed(palette::nearest_16(r, g, b))
            }
            (Colours::Palette16, Self::Rgb(r, g, b)) => Self::Indexed(palette::nearest_16(r, g, b)),
        }
    }
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
