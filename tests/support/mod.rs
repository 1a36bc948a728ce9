//! What several test binaries need.

#![allow(dead_code)]

pub mod messages;
pub mod pictures;
pub mod scripted;
pub mod viewer;
