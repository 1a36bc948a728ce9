//! Everything a user could name, one module per capability.

mod layers;
mod link;
mod wire;
