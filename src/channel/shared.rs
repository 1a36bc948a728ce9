//! What the channels of one connection share: GLZ window, pixmap cache, mouse mode, media clock.

use std::time::Duration;

use super::display::PixmapCache;
use super::main::MouseMode;
use crate::codec::{glz, video};

/// Pixels the pixmap cache may hold, as announced to servers: 32 MiB at 4 bytes.
///
/// The reference client announces 80 MiB, and a server fills what it is given. With 32 MiB, a GLZ window of 16 MiB and two
/// pictures of a 1920×1080 screen (surface and viewer) a client stays below 80 MB; what is sent a second time then is
/// what a desktop did not show for a while.
pub const PIXMAP_CACHE_PIXELS: u64 = 8 << 20;

/// What all video decoders may hold at worst. A picture of 3840×2160 pixels fits in every codec; those of an ordinary stream
/// hold an eighth of what is counted for them.
pub const MAX_VIDEO_BYTES: u64 = 512 << 20;

/// Most bytes of coded video that waits for its time, or is being decoded.
pub const MAX_FRAME_BYTES: u64 = 64 << 20;

/// Most pixels of images that are decoded outside the session at a time: one of the largest.
pub const MAX_JOB_PIXELS: u64 = 1 << 26;

/// State that several channels of one client session use.
pub struct Shared {
    /// Images of the session that later GLZ images may refer to.
    pub glz: glz::Window,
    /// Images the server asked to keep.
    pub pixmaps: PixmapCache,
    /// The mouse mode in force.
    pub mouse_mode: MouseMode,
    /// The server's multi-media clock.
    pub media: MediaClock,
    /// Bytes of graphics memory as the server hinted; 0 if unknown.
    pub ram_hint: u32,
    /// What the surfaces of all displays take, and may take.
    pub surfaces: Budget,
    /// What the decoders of all video streams may hold at worst.
    pub video: video::Memory,
    /// What the coded frames that wait in all video streams take.
    pub frames: video::Memory,
    /// Images that have not arrived are not waited for any more: what needs them fails.
    pub impatient: bool,
    /// Reads a clock for statistics of decoding time; constant where nobody measures.
    pub clock: fn() -> Duration,
    /// Large images are decoded outside the session.
    pub offload: bool,
    /// The session may begin in the middle of another, so that the first GLZ image says where the window begins.
    pub joins: bool,
    /// Pixels of the images that are, until they are given back: those of channels that are gone too.
    pub job_pixels: video::Memory,
}

impl Shared {
    /// State of a fresh session. `clock` times the decoders.
    pub fn new(surface_budget: u64, clock: fn() -> Duration) -> Self {
        Self {
            glz: glz::Window::new(glz_window_pixels(0)),
            pixmaps: PixmapCache::new(PIXMAP_CACHE_PIXELS),
            mouse_mode: MouseMode::SERVER,
            media: MediaClock::default(),
            ram_hint: 0,
            surfaces: Budget::new(surface_budget),
            video: video::Memory::new(MAX_VIDEO_BYTES),
            frames: video::Memory::new(MAX_FRAME_BYTES),
            impatient: false,
            clock,
            offload: false,
            joins: false,
            job_pixels: video::Memory::new(MAX_JOB_PIXELS),
        }
    }

    /// The same for a session beside this one. Images are shared; what decoders may hold is counted anew.
    pub fn fork(&self) -> Self {
        Self {
            glz: self.glz.clone(),
            pixmaps: self.pixmaps.clone(),
            video: video::Memory::new(MAX_VIDEO_BYTES),
            frames: video::Memory::new(MAX_FRAME_BYTES),
            job_pixels: video::Memory::new(MAX_JOB_PIXELS),
            ..*self
        }
    }

    /// Pixels of the GLZ window to announce for the server's memory hint; the window is sized to it.
    pub fn size_glz_window(&mut self) -> u64 {
        let pixels = glz_window_pixels(self.ram_hint);
        if self.glz.images() == 0 {
            self.glz = glz::Window::new(pixels);
            if self.joins {
                self.glz.clear_for_migration();
            }
        }
        pixels
    }
}

/// Bytes that several channels share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    limit: u64,
    used: u64,
}

impl Budget {
    /// Nothing used of `limit` bytes.
    pub fn new(limit: u64) -> Self {
        Self { limit, used: 0 }
    }

    /// Bytes used by all.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Bytes nobody uses.
    pub fn left(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    /// Somebody who used `before` bytes uses `after` bytes now.
    pub fn change(&mut self, before: u64, after: u64) {
        self.used = self.used.saturating_sub(before).saturating_add(after);
    }
}

/// Half of the graphics memory within 12 to 16 MiB, at 4 bytes a pixel (spec 07a §8.1).
///
/// The reference client goes up to 64 MiB. A window fills and stays full while text scrolls, and that much alone is most of what
/// a viewer may take. Between 24 and 16 MiB, 44 000 images of a scrolling terminal grew from 10 to 11 MB (seen from the SPICE X
/// server). Images larger than the window come as LZ.
fn glz_window_pixels(ram_hint: u32) -> u64 {
    u64::from(ram_hint / 2).clamp(12 << 20, MAX_GLZ_PIXELS * 4) / 4
}

/// Most pixels of the GLZ window announced: 16 MiB at 4 bytes.
pub const MAX_GLZ_PIXELS: u64 = 4 << 20;

/// The server's multi-media clock as last set: wrapping milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MediaClock {
    /// Server's time at `at`.
    base: u32,
    at: Duration,
    /// How long after its arrival sound is heard, while it is: the clock follows the sound then.
    sound: Option<Duration>,
}

impl MediaClock {
    /// The server's clock says `time` at the moment `now` of the session. While sound is heard that counts for more.
    pub fn set(&mut self, time: u32, now: Duration) {
        if self.sound.is_none() {
            (self.base, self.at) = (time, now);
        }
    }

    /// Sound of the server's time `time` will be heard `delay` after `now`: what belongs to it is due then.
    pub fn hear(&mut self, time: u32, delay: Duration, now: Duration) {
        self.sound = Some(delay);
        // Wrapping is the clock's own arithmetic.
        (self.base, self.at) = (time.wrapping_sub(delay.as_millis() as u32), now);
    }

    /// No sound is heard any longer; the clock runs on.
    pub fn hear_nothing(&mut self) {
        self.sound = None;
    }

    /// The session's time stood still while the server's went on by so much.
    pub fn skip(&mut self, lasting: Duration) {
        // Wrapping is the clock's own arithmetic.
        self.base = self.base.wrapping_add(lasting.as_millis() as u32);
    }

    /// How long after its arrival sound is heard; `None` while none is.
    pub fn sound_delay(&self) -> Option<Duration> {
        self.sound
    }

    /// The server's time at the moment `now`, wrapping milliseconds.
    pub fn time(&self, now: Duration) -> u32 {
        // Wrapping is the clock's own arithmetic.
        self.base
            .wrapping_add(now.saturating_sub(self.at).as_millis() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_clock_runs_from_where_it_was_set_and_wraps() {
        let mut clock = MediaClock::default();
        clock.set(u32::MAX - 9, Duration::from_secs(5));
        assert_eq!(clock.time(Duration::from_millis(5015)), 5);
        assert_eq!(
            clock.time(Duration::from_secs(1)),
            u32::MAX - 9,
            "never before it was set"
        );
        clock.skip(Duration::from_millis(100));
        assert_eq!(clock.time(Duration::from_millis(5015)), 105);
    }

    #[test]
    fn the_glz_window_is_half_the_graphics_memory_and_never_more_than_16_mib() {
        assert_eq!(glz_window_pixels(0), 3_145_728);
        assert_eq!(glz_window_pixels(28 << 20), 3_670_016);
        assert_eq!(glz_window_pixels(u32::MAX), 4_194_304);
    }
}
