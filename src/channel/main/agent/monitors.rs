//! The sizes of the guest's monitors (spec 04 §4).

use crate::geometry::Size;

/// The size one monitor of the guest should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonitorSize {
    /// Which, from 0 to 15: the display channel's id, or, where one channel shows several monitors, the monitor's.
    pub display: u8,
    /// Its pixels. Guests round them, and have limits of their own.
    pub size: Size,
}
