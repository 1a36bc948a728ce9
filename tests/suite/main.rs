//! Everything a user could name, one module per capability.

#[path = "../support/mod.rs"]
mod support;

mod agent;
mod asked_again;
mod canvas;
mod cell_writer;
mod cli;
mod codecs;
mod codecs_dictionary;
mod connection_file;
mod cursor;
mod displays;
mod doctor;
mod hostile_text;
mod inspect;
mod iterm2;
mod jobs;
mod keyboard;
mod kitty;
mod layers;
mod leaving;
mod libvirt;
mod link;
mod links;
mod liveness;
mod migration;
mod mixing;
mod pair;
mod picker;
mod playing;
mod poor_terminals;
mod ports;
mod proxy;
mod readme;
mod recordings;
mod samples;
#[cfg(feature = "tls")]
mod security;
mod server;
mod session;
mod sharing;
mod sixel;
mod slow_links;
mod sound;
mod streams;
mod terminal;
mod terminal_answers;
mod terminal_input;
mod terminal_probe;
mod throttled;
mod undrawn;
mod unwatched;
mod viewer;
mod wire;

use support::messages;
