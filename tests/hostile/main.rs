//! Malformed input, one module per parser: it must neither panic nor cost more than the input is worth.
//!
//! Seeds are fixed; the variable `HOSTILE_ROUNDS` makes the tests that know it run that many times longer.

mod agent;
mod drawing;
#[cfg(all(feature = "viewer", unix))]
mod files;
mod inspect;
mod link;
mod messages;
mod mutate;
mod oracles;
#[cfg(feature = "viewer")]
mod ports;
#[cfg(feature = "server")]
mod proxy;
mod recordings;
mod seeds;
mod server;
mod session;
mod sounds;
mod streams;

#[path = "../support/mod.rs"]
mod support;

use support::messages as fixtures;
