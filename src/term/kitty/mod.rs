//! Pictures by kitty's graphics protocol.
//!
//! Three painters speak it, for three kinds of terminals: [`Edits`] for those with all of it (kitty), [`Tiles`] for those that
//! cannot edit an image (ghostty), and [`Placeholders`] for those around a tmux, which knows nothing of images.
//!
//! The first two put their images above text and show only the parts of them that no text is on. Below text all of them could
//! stay in sight, but kitty then draws every cell of its window in another way, in which Mesa 22.3 now and then mixes up the red,
//! green and blue of what is behind text (seen from kitty 0.26.5 without a graphics card). Above text all colours are exact, and
//! text on the picture has the background it has anywhere else.
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
mod sight;
mod tiles;

pub use command::Route;
pub use edits::Edits;
pub use marker::{MARKER, ask_for_marker, delete_marker, send_marker};
pub use media::Medium;
pub use placeholders::Placeholders;
pub use tiles::Tiles;

/// Layer of the pointer. That of the picture is 0.
const ABOVE_PICTURE: i32 = 1;

/// The key that asks for no answer.
const fn quiet() -> &'static str {
    "q=2"
}

/// Appends the command that takes an image off the terminal and out of its memory.
fn delete(route: Route, id: u32, out: &mut Vec<u8>) {
    route.send(&format!("a=d,d=I,i={id},{}", quiet()), "", b"", out);
}
