//! Pictures by kitty's graphics protocol.
//!
//! Three painters speak it, for three kinds of terminals: [`Edits`] for those with all of it (kitty), [`Tiles`] for those that
//! cannot edit an image (ghostty), and [`Placeholders`] for those around a tmux, which knows nothing of images.
//!
//! The first two put their images below text, and below the background of cells too unless that is the terminal's own. So
//! text on the picture is simply written: in cells with a background of another colour it hides the picture, in others it is
//! drawn over it. A cell is free again when it is a space in the terminal's own colours.
//!
//! Every command asks for no answer (`q=2`): answers would come in among the keys.
//!
//! Protocol: <https://sw.kovidgoyal.net/kitty/graphics-protocol/>; where kitty 0.26.5 differs it is said.

mod command;
mod deflate;
mod diacritics;
mod edits;
mod join;
mod marker;
mod media;
mod payload;
mod placeholders;
mod png;
mod pointer;
mod tiles;

pub use command::Route;
pub use edits::Edits;
pub use marker::{MARKER, ask_for_marker, delete_marker, send_marker};
pub use media::Medium;
pub use placeholders::Placeholders;
pub use tiles::Tiles;

/// Layer of the picture: below −2³⁰ images are under the background of cells.
const BELOW_TEXT: i32 = -(1 << 30) - 2;

/// Layer of the pointer.
const ABOVE_PICTURE: i32 = BELOW_TEXT + 1;

/// The key that asks for no answer.
const fn quiet() -> &'static str {
    "q=2"
}

/// Appends the command that takes an image off the terminal and out of its memory.
fn delete(route: Route, id: u32, out: &mut Vec<u8>) {
    route.send(&format!("a=d,d=I,i={id},{}", quiet()), "", b"", out);
}
