//! What several test binaries need.

#![allow(dead_code)]

pub mod images;
pub mod messages;
pub mod packets;
pub mod pictures;
pub mod recordings;
pub mod replay;
#[cfg(feature = "viewer")]
pub mod screens;
pub mod scripted;
#[cfg(feature = "client")]
pub mod scripted_agent;
pub mod shaping;
#[cfg(feature = "viewer")]
pub mod slow_link;
#[cfg(feature = "viewer")]
pub mod terminals;
pub mod video;
pub mod viewer;
