//! Terminals that keep what they are told to show, one for each protocol of pictures.

// Not every binary needs all of them, nor all of each.
#![allow(dead_code)]

pub mod iterm2;
pub mod kitty;
pub mod sixel;
pub mod text;
