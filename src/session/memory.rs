//! How much memory a session holds, and how much a server can make it hold.

use crate::channel::display::{PaletteCache, PixmapCache, SPARE_BYTES};
use crate::channel::main::agent;
use crate::channel::shared::{
    MAX_FRAME_BYTES, MAX_GLZ_PIXELS, MAX_VIDEO_BYTES, PIXMAP_CACHE_PIXELS,
};
use crate::channel::{cursor, main, port};
use crate::codec::glz;

/// Bytes a session holds, by what they are for. Counted are the things whose size a server decides.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Surfaces of all displays.
    pub surfaces: u64,
    /// The pixmap cache.
    pub pixmaps: u64,
    /// The GLZ window.
    pub glz: u64,
    /// Palettes of all displays.
    pub palettes: u64,
    /// Buffers kept for the next images.
    pub spares: u64,
    /// Pointer shapes: those in the caches, and those the user has not taken yet.
    pub cursors: u64,
    /// What the decoders of video streams hold at worst, for the sizes they have met.
    pub video: u64,
    /// Coded frames of video streams that wait for their time.
    pub frames: u64,
    /// Frames of channels that wait.
    pub parked: u64,
    /// What the guest agent sent: a clipboard that is coming, and one the user has not taken.
    pub agent: u64,
    /// Notices, and events that the user has not taken yet.
    pub told: u64,
    /// What the user writes to ports and is not sent yet.
    pub unsent: u64,
}

/// Most bytes of frames kept for channels that wait, over all of them. A server that keeps to its windows, and whose other
/// channels do what is waited for, stays far below.
pub(super) const MAX_PARKED_BYTES: u64 = 64 << 20;

/// Most bytes of notices and of events other than pointer shapes.
const MAX_TOLD_BYTES: u64 = 16 << 20;

/// Most bytes of one pointer shape.
const MAX_SHAPE_BYTES: u64 = 1024 * 1024 * 5;

impl Memory {
    /// All of it.
    pub fn total(&self) -> u64 {
        let Self {
            surfaces,
            pixmaps,
            glz,
            palettes,
            spares,
            cursors,
            video,
            frames,
            parked,
            agent,
            told,
            unsent,
        } = *self;
        let channels = surfaces + pixmaps + glz + palettes + spares + cursors + video + frames;
        channels + parked + agent + told + unsent
    }

    /// The most a server can make a session hold whose surfaces may take `surface_budget` bytes: 1178 MiB and that, of which
    /// 576 MiB are for video.
    ///
    /// An ordinary session holds a screen or two, a full pixmap cache and a full GLZ window: under 80 MB. While one message
    /// is worked on, its images come to it (2²⁶ pixels each, at most three) and a copy of a surface that is drawn on itself;
    /// and what jobs decode at the same time, 2²⁶ pixels and what is ready. Frames that a connection has not handed over yet
    /// are not the session's: whoever moves them has a budget for them. A larger limit of clipboards than the default adds twice the
    /// difference.
    pub const fn limit(surface_budget: u64) -> u64 {
        let limits = Self {
            surfaces: surface_budget,
            ..Self::LIMITS
        };
        limits.surfaces
            + limits.pixmaps
            + limits.glz
            + limits.palettes
            + limits.spares
            + limits.cursors
            + limits.video
            + limits.frames
            + limits.parked
            + limits.agent
            + limits.told
            + limits.unsent
    }

    /// The most of each, surfaces apart.
    const LIMITS: Self = Self {
        surfaces: 0,
        pixmaps: PixmapCache::limit_bytes(PIXMAP_CACHE_PIXELS),
        glz: glz::Window::limit_bytes(MAX_GLZ_PIXELS),
        palettes: main::MAX_OF_A_KIND as u64 * PaletteCache::LIMIT_BYTES,
        spares: SPARE_BYTES as u64,
        cursors: cursor::MAX_SHAPE_BYTES as u64 + main::MAX_OF_A_KIND as u64 * MAX_SHAPE_BYTES,
        video: MAX_VIDEO_BYTES,
        frames: MAX_FRAME_BYTES,
        parked: MAX_PARKED_BYTES,
        agent: 2 * agent::CLIPBOARD_LIMIT as u64 + (64 << 10),
        told: MAX_TOLD_BYTES,
        unsent: main::MAX_OF_A_KIND as u64 * port::MAX_UNSENT as u64,
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_bounded_by_its_surfaces_and_the_number_in_the_documentation() {
        assert!(Memory::limit(0) <= 1178 << 20, "{}", Memory::limit(0));
        assert_eq!(Memory::limit(1000), Memory::limit(0) + 1000);
    }
}
