//! What follows from answers and hints.

use std::str::FromStr;

use super::known::Named;
use super::{Answers, ModeState, Multiplexer, Surroundings};
use crate::term::{Colours, Drawing, Glyphs};

/// What a terminal can do.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capabilities {
    /// What it calls itself; empty where it does not say.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Width and height of a cell in pixels.
    pub cell: Option<(u32, u32)>,
    /// Width and height of the text area in pixels.
    pub area: Option<(u32, u32)>,
    /// Sixel.
    pub sixel: Option<Sixel>,
    /// Kitty graphics.
    pub kitty: Option<Kitty>,
    /// iTerm2's inline images.
    pub iterm2: bool,
    /// Synchronized output (2026).
    pub synchronized: bool,
    /// Mouse reports in pixels (1016).
    pub pixel_mouse: bool,
    /// Whether it has the kitty keyboard protocol: releases, modifiers by themselves, places of keys.
    pub keyboard: bool,
    /// The default colour of text.
    pub foreground: Option<[u8; 3]>,
    /// The default colour behind it.
    pub background: Option<[u8; 3]>,
    /// How many colours it shows.
    pub colours: Colours,
    /// The smallest parts of a cell that it draws.
    pub cells: Cells,
    /// What stands between.
    pub multiplexer: Option<Multiplexer>,
    /// Whether it is at the other end of an SSH connection.
    pub remote: bool,
}

/// Sixel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sixel {
    /// Colours at a time.
    pub registers: u32,
    /// Width and height of the largest picture, where the terminal says.
    pub largest: Option<(u32, u32)>,
    /// Whether pictures move with the text when it scrolls.
    pub scrolls: bool,
}

impl Default for Sixel {
    fn default() -> Self {
        Self {
            registers: USUAL_REGISTERS,
            largest: None,
            scrolls: false,
        }
    }
}

/// Kitty graphics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kitty {
    /// Whether pixels may come in the sequence itself, to the terminal itself.
    pub direct: bool,
    /// Whether frames can be edited and composed.
    pub edits: bool,
    /// Whether pixels may come by shared memory.
    pub shared_memory: bool,
    /// Whether pixels may come by a temporary file.
    pub file: bool,
    /// Whether pictures can be placed by characters, through tmux if that stands between.
    pub placeholders: bool,
}

/// Parts of a cell that characters can draw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cells {
    /// None: light and dark by the shape of ASCII characters.
    Ascii,
    /// Upper and lower halves.
    #[default]
    Half,
    /// Two by two.
    Quadrant,
    /// Two by three.
    Sextant,
    /// Two by four.
    Octant,
}

/// The size of the terminal as the system knows it; pixels are 0 where it does not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Columns.
    pub columns: u16,
    /// Rows.
    pub rows: u16,
    /// Width in pixels.
    pub width: u16,
    /// Height in pixels.
    pub height: u16,
}

impl Window {
    fn area(self) -> Option<(u32, u32)> {
        (self.width > 0 && self.height > 0).then(|| (self.width.into(), self.height.into()))
    }

    /// Pixels of a cell where so many are shared by all.
    fn cell_of(self, (width, height): (u32, u32)) -> Option<(u32, u32)> {
        let cell = |pixels: u32, cells: u16| pixels.checked_div(cells.into());
        cell(width, self.columns).zip(cell(height, self.rows))
    }

    /// Whether its cells are larger than this by half or more.
    fn is_larger_than(self, cell: Option<(u32, u32)>) -> bool {
        let own = self.area().and_then(|area| self.cell_of(area));
        own.zip(cell).is_some_and(|(own, cell)| {
            let larger = |own: u32, cell: u32| u64::from(own) * 2 >= u64::from(cell) * 3;
            larger(own.0, cell.0) && larger(own.1, cell.1)
        })
    }
}

/// Colour registers where a terminal with sixel does not say how many: all current ones have these.
const USUAL_REGISTERS: u32 = 256;

impl Capabilities {
    /// Decides.
    pub fn of(answers: &Answers, around: &Surroundings, window: Window) -> Self {
        let named = named(answers, around);
        let usable = |state: Option<ModeState>| state.is_some_and(ModeState::is_usable);
        let is_scaled = named.says_scaled_pixels() && window.is_larger_than(answers.cell);
        let said = answers.area.filter(|a| !is_scaled && a.0 > 0 && a.1 > 0);
        let area = said.or(window.area());
        let is_cell = |&(width, height): &(u32, u32)| {
            (2..=256).contains(&width) && (2..=512).contains(&height)
        };
        let shared = area.and_then(|area| window.cell_of(area));
        let has_sixel = answers
            .attributes
            .as_ref()
            .is_some_and(|a| a.iter().skip(1).any(|n| *n == 4));
        Self {
            cell: answers
                .cell
                .filter(|cell| !is_scaled && is_cell(cell))
                .or(shared.filter(is_cell)),
            area,
            sixel: has_sixel.then(|| Sixel {
                registers: answers
                    .registers
                    .filter(|n| *n >= 2)
                    .unwrap_or(USUAL_REGISTERS),
                largest: answers.largest_sixel.filter(|l| l.0 > 0 && l.1 > 0),
                scrolls: named.scrolls_sixel(),
            }),
            kitty: kitty(answers, around, &named),
            iterm2: around.multiplexer.is_none()
                && (named.has_iterm2()
                    || ["iterm.app", "iterm2", "wezterm"].contains(&around.program.as_str())),
            synchronized: usable(answers.synchronized),
            pixel_mouse: usable(answers.pixel_mouse),
            keyboard: answers.keyboard.is_some(),
            foreground: answers.foreground,
            background: answers.background,
            colours: match (around.style.colours, answers.direct_colour) {
                // The user wants none, or the terminal has none.
                (Colours::None, _) => Colours::None,
                (_, Some(true)) => Colours::True,
                // Variables may be of another terminal.
                (Colours::True, Some(false)) => Colours::Palette256,
                (expected, Some(false)) => expected,
                (_, None) if named.has_all_colours() => Colours::True,
                (expected, None) => expected,
            },
            cells: match around.style.glyphs {
                Glyphs::Ascii => Cells::Ascii,
                // The multiplexer has a say on which characters there are, and on their width.
                _ if around.multiplexer.is_some() => Cells::Half,
                _ => named.cells(),
            },
            multiplexer: around.multiplexer,
            remote: around.remote,
            name: named.name,
            version: named.version,
        }
    }

    /// Whether sequences reach the terminal around tmux when they are wrapped for it.
    pub fn passes_through(&self) -> bool {
        let answered = self.kitty.is_some_and(|kitty| kitty.placeholders);
        self.multiplexer == Some(Multiplexer::Tmux) && answered
    }

    /// Whether a living picture can be drawn here in this way.
    pub fn has(&self, drawing: Drawing) -> bool {
        let kitty = self.kitty.unwrap_or_default();
        // Pictures are cut along cells, so their size has to be known.
        let pixels = self.cell.is_some();
        let direct = pixels && kitty.direct && self.multiplexer.is_none();
        match drawing {
            Drawing::Kitty => direct && kitty.edits,
            Drawing::KittyTiles => direct,
            Drawing::KittyPlaceholders => pixels && kitty.placeholders,
            Drawing::Sixel => pixels && self.sixel.is_some(),
            Drawing::Iterm2 => pixels && self.iterm2,
            Drawing::Octant => self.cells == Cells::Octant,
            Drawing::Sextant => matches!(self.cells, Cells::Sextant | Cells::Octant),
            Drawing::Quadrant => !matches!(self.cells, Cells::Half | Cells::Ascii),
            Drawing::Half => self.cells != Cells::Ascii,
            Drawing::Ascii => true,
        }
    }

    /// The best way to draw a living picture here.
    pub fn best(&self) -> Drawing {
        let best_first = [
            Drawing::Kitty,
            Drawing::KittyTiles,
            Drawing::KittyPlaceholders,
            Drawing::Sixel,
            Drawing::Iterm2,
            Drawing::Octant,
            Drawing::Sextant,
            Drawing::Quadrant,
            Drawing::Half,
        ];
        let mut had = best_first.into_iter().filter(|drawing| self.has(*drawing));
        had.next().unwrap_or(Drawing::Ascii)
    }

    /// Whether it counts the pixels of mouse reports from 0, as kitty 0.26.5 does. XTerm 379 and foot 1.13.1 count from 1, as
    /// cells are counted.
    pub fn counts_pixels_from_zero(&self) -> bool {
        self.name.eq_ignore_ascii_case("kitty")
    }

    /// Overrides one capability, by a word of the user's: `sixel=off`, `cell=8x16`, `colours=256`.
    ///
    /// # Errors
    ///
    /// A clause for the user when there is no such capability, or it has no such value.
    pub fn set(&mut self, word: &str) -> Result<(), String> {
        let (name, value) = word.split_once('=').unwrap_or((word, "on"));
        match name {
            "kitty" => {
                self.kitty = switch(value)?.then(|| Kitty {
                    direct: true,
                    ..self.kitty.unwrap_or_default()
                })
            }
            "kitty-edits" => self.kitty.get_or_insert_default().edits = switch(value)?,
            "kitty-shm" => self.kitty.get_or_insert_default().shared_memory = switch(value)?,
            "kitty-file" => self.kitty.get_or_insert_default().file = switch(value)?,
            "placeholders" => self.kitty.get_or_insert_default().placeholders = switch(value)?,
            "sixel" => {
                self.sixel = switch(value)?.then(|| self.sixel.unwrap_or_default());
            }
            "registers" => {
                let sixel = self.sixel.get_or_insert_default();
                sixel.registers = number(value, 2..=65536)?;
            }
            "iterm2" => self.iterm2 = switch(value)?,
            "sync" => self.synchronized = switch(value)?,
            "pixel-mouse" => self.pixel_mouse = switch(value)?,
            "keyboard" => self.keyboard = switch(value)?,
            "remote" => self.remote = switch(value)?,
            "cell" => self.cell = Some(pair(value)?),
            "colours" => {
                self.colours = match value {
                    "true" => Colours::True,
                    "256" => Colours::Palette256,
                    "16" => Colours::Palette16,
                    "none" => Colours::None,
                    _ => return Err(format!("colours are true, 256, 16 or none, not {value}")),
                }
            }
            "cells" => {
                self.cells = match value {
                    "octant" => Cells::Octant,
                    "sextant" => Cells::Sextant,
                    "quadrant" => Cells::Quadrant,
                    "half" => Cells::Half,
                    "ascii" => Cells::Ascii,
                    _ => {
                        return Err(format!(
                            "cells are octant, sextant, quadrant, half or ascii, not {value}"
                        ));
                    }
                }
            }
            _ => return Err(format!("terminals have nothing called {name}")),
        }
        Ok(())
    }
}

fn named(answers: &Answers, around: &Surroundings) -> Named {
    match &answers.version {
        Some(version) => Named::parse(version),
        // Those that do not say have names in the environment, which are as good as a hint is.
        None if around.multiplexer.is_none() => Named {
            name: around.program.clone(),
            version: String::new(),
        },
        None => Named::default(),
    }
}

fn kitty(answers: &Answers, around: &Surroundings, named: &Named) -> Option<Kitty> {
    let fine = |answer: &Option<String>| answer.as_deref() == Some("OK");
    let through = fine(&answers.kitty_through);
    let found = Kitty {
        direct: fine(&answers.kitty),
        edits: named.edits(),
        shared_memory: fine(&answers.kitty_shared),
        file: fine(&answers.kitty_file),
        placeholders: match around.multiplexer {
            None => fine(&answers.kitty) && named.has_placeholders(),
            Some(_) => through && !around.lacks_placeholders,
        },
    };
    (found.direct || through).then_some(found)
}

fn switch(value: &str) -> Result<bool, String> {
    match value {
        "on" | "yes" => Ok(true),
        "off" | "no" => Ok(false),
        _ => Err(format!("on or off, not {value}")),
    }
}

fn number(value: &str, range: std::ops::RangeInclusive<u32>) -> Result<u32, String> {
    let wrong = || {
        format!(
            "a number from {} to {}, not {value}",
            range.start(),
            range.end()
        )
    };
    u32::from_str(value)
        .ok()
        .filter(|n| range.contains(n))
        .ok_or_else(wrong)
}

fn pair(value: &str) -> Result<(u32, u32), String> {
    let (width, height) = value.split_once('x').ok_or("a cell is of the form 8x16")?;
    Ok((number(width, 2..=256)?, number(height, 2..=512)?))
}
