//! Recordings: what is read from capture files of every kind, and the pictures that real sessions end at.

mod export;
mod files;
mod joining;
mod packets;
mod pictures;
mod points;
mod program;
mod reading;
mod replay;
mod rotation;
mod seeking;
mod video;
mod writing;

use crate::support::recordings::{file, play, play_until, records};

#[allow(dead_code)]
#[path = "../../support/peers/picture.rs"]
mod picture;
