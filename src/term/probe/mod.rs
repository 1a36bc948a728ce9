//! What a terminal can do: asked, not guessed.
//!
//! [`Question`] is one write of questions that terminals answer or ignore. All terminals answer the last (DA1), in
//! order, so its answer says that no other is still to come; except through tmux, and over slow links, where answers
//! may come at any time. [`Answers`] collects them, [`Surroundings`] is what the environment hints at, and
//! [`Capabilities`] what follows from both.

mod capabilities;
mod known;
mod surroundings;

pub use capabilities::{Capabilities, Cells, Kitty, Sixel, Window};
pub use surroundings::{Multiplexer, Surroundings};

use super::base64::base64;
use super::input::{ModeState, Reply};

/// The image of each question about kitty graphics; far from any that a picture is drawn with.
const DIRECT: u32 = 0x7fff_0001;
const SHARED: u32 = 0x7fff_0002;
const FILE: u32 = 0x7fff_0003;
const THROUGH: u32 = 0x7fff_0004;

/// What to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question<'a> {
    /// Whether the terminal takes strings (APC, OSC) it does not know without showing them.
    pub strings: bool,
    /// What stands between. Through tmux its terminal is asked as well.
    pub multiplexer: Option<Multiplexer>,
    /// The name of a shared memory object that holds one RGB pixel.
    pub shared_memory: Option<&'a str>,
    /// The path of a temporary file that holds one RGB pixel; its name contains `tty-graphics-protocol`. The terminal
    /// deletes it.
    pub file: Option<&'a str>,
}

impl Question<'_> {
    /// The bytes to write, at once.
    pub fn bytes(&self) -> Vec<u8> {
        let mut text = String::from("\x1b[>0q");
        if self.strings {
            // tmux and screen take what is in it for the title of their window.
            if self.multiplexer.is_none() {
                text += &pixel(DIRECT, 'd', "\0\0\0");
            }
            if let Some(name) = self.shared_memory {
                text += &pixel(SHARED, 's', name);
            }
            if let Some(path) = self.file {
                text += &pixel(FILE, 't', path);
            }
            if self.multiplexer == Some(Multiplexer::Tmux) {
                // Placeholders are all that can be used there: a kitty too old for them refuses to answer the U.
                let inside = pixel(THROUGH, 'd', "\0\0\0")
                    .replace(",a=q", ",a=q,U=1")
                    .replace('\x1b', "\x1b\x1b");
                text += &format!("\x1bPtmux;{inside}\x1b\\");
            }
            text += "\x1b]10;?\x1b\\\x1b]11;?\x1b\\";
            // A colour of 24 bits, how attributes are told back with it, and an end to it. screen would have its terminal show
            // what is in the string.
            if self.multiplexer.is_none() {
                text += "\x1b[38;2;1;2;3m\x1bP$qm\x1b\\\x1b[m";
            }
        }
        text += "\x1b[14t\x1b[16t\x1b[?1;1;0S\x1b[?2;1;0S\x1b[?2026$p\x1b[?1016$p\x1b[?u";
        text += "\x1b[c";
        text.into_bytes()
    }
}

/// The question whether a pixel that arrives in this way could be shown.
fn pixel(id: u32, medium: char, payload: &str) -> String {
    let mut text = Vec::new();
    base64(payload.as_bytes(), &mut text);
    let payload = String::from_utf8_lossy(&text);
    format!("\x1b_Gi={id},s=1,v=1,a=q,t={medium},f=24;{payload}\x1b\\")
}

/// What the terminal answered so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// XTVERSION.
    pub version: Option<String>,
    /// DA1. Once it is here, only stragglers come.
    pub attributes: Option<Vec<u16>>,
    /// Width and height of the text area in pixels.
    pub area: Option<(u32, u32)>,
    /// Width and height of a cell in pixels.
    pub cell: Option<(u32, u32)>,
    /// Colour registers of sixel.
    pub registers: Option<u32>,
    /// Width and height of the largest sixel picture.
    pub largest_sixel: Option<(u32, u32)>,
    /// Synchronized output.
    pub synchronized: Option<ModeState>,
    /// Mouse reports in pixels.
    pub pixel_mouse: Option<ModeState>,
    /// Flags of the kitty keyboard protocol that were in force.
    pub keyboard: Option<u8>,
    /// The default colour of text.
    pub foreground: Option<[u8; 3]>,
    /// The default colour behind it.
    pub background: Option<[u8; 3]>,
    /// Whether a colour is kept as red, green and blue.
    pub direct_colour: Option<bool>,
    /// Kitty graphics with the pixels in the sequence itself: OK, or what is wrong.
    pub kitty: Option<String>,
    /// The same with shared memory.
    pub kitty_shared: Option<String>,
    /// The same with a temporary file.
    pub kitty_file: Option<String>,
    /// The same from the terminal behind tmux.
    pub kitty_through: Option<String>,
}

impl Answers {
    /// Takes a reply in; whether it says something that was not known.
    pub fn take(&mut self, reply: Reply) -> bool {
        match reply {
            Reply::Version(version) => news(&mut self.version, version),
            Reply::Attributes(attributes) => news(&mut self.attributes, attributes),
            Reply::AreaPixels { width, height } => news(&mut self.area, (width, height)),
            Reply::CellPixels { width, height } => news(&mut self.cell, (width, height)),
            Reply::Graphics {
                item,
                status: 0,
                values,
            } => match (item, &values[..]) {
                (1, [registers, ..]) => news(&mut self.registers, *registers),
                (2, [width, height, ..]) => news(&mut self.largest_sixel, (*width, *height)),
                _ => false,
            },
            Reply::Mode { mode: 2026, state } => news(&mut self.synchronized, state),
            Reply::Mode { mode: 1016, state } => news(&mut self.pixel_mouse, state),
            // What was in force first; later answers are about what we switched on.
            Reply::KeyboardFlags(flags) => {
                self.keyboard.is_none() && news(&mut self.keyboard, flags)
            }
            Reply::Colour { background, rgb } => match background {
                true => news(&mut self.background, rgb),
                false => news(&mut self.foreground, rgb),
            },
            Reply::DirectColour(kept) => news(&mut self.direct_colour, kept),
            Reply::Kitty { id, message } => match id {
                DIRECT => news(&mut self.kitty, message),
                SHARED => news(&mut self.kitty_shared, message),
                FILE => news(&mut self.kitty_file, message),
                THROUGH => news(&mut self.kitty_through, message),
                _ => false,
            },
            Reply::Graphics { .. }
            | Reply::Mode { .. }
            | Reply::Ready
            | Reply::Cursor { .. }
            | Reply::AreaCells { .. } => false,
        }
    }

    /// Whether the last question was answered.
    pub fn is_complete(&self) -> bool {
        self.attributes.is_some()
    }
}

fn news<T: PartialEq>(known: &mut Option<T>, value: T) -> bool {
    let value = Some(value);
    let is_news = *known != value;
    *known = value;
    is_news
}
