//! What can be served: each source draws on a server and takes its events.

pub mod desktop;
mod font;
mod paint;
