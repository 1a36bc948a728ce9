//! The SPICE remote-display protocol in pure Rust.

pub mod codec;
pub mod geometry;
pub mod pixels;
