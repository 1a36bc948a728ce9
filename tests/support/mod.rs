//! What several test binaries need.

#![allow(dead_code)]

pub mod messages;
pub mod viewer;
