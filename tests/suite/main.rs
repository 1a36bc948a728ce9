//! Everything a user could name, one module per capability.

mod canvas;
mod codecs;
mod codecs_dictionary;
mod cursor;
mod layers;
mod link;
mod wire;

#[path = "../support/messages.rs"]
mod messages;
