//! What a server sends and when, what it makes of input, and how it treats clients that do not behave.

mod agent;
mod live;
mod ports;
mod session;
mod sound;
mod sources;
