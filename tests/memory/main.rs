//! The memory of a client session against servers that want it to grow: a test binary of its own, because it counts what the
//! whole process allocates.
//!
//! Every server asks for several times what [`Memory::limit`] allows. The session's own account must stay within it, and the
//! heap within the account.

mod servers;

#[path = "../support/mod.rs"]
mod support;

use std::sync::Mutex;

use capsaicin::session::{Memory, SessionConfig};
use peak_alloc::PeakAlloc;

use support::viewer::Viewer;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// One at a time: the heap belongs to all tests of the process.
static ALONE: Mutex<()> = Mutex::new(());

/// Bytes that surfaces may take; small, so that a server has soon asked for more.
const SURFACES: u64 = 24 << 20;

/// What the account leaves out: tables, queues, codec states.
const SLACK: u64 = 6 << 20;

/// Lets a server do its worst, and holds what is left against the limits. What the session says it holds.
fn session_against(server: impl FnOnce(&mut Viewer)) -> Memory {
    let _alone = ALONE
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    let before = HEAP.current_usage() as u64;
    let mut viewer = Viewer::linked(SessionConfig {
        surface_budget: SURFACES,
        ..SessionConfig::default()
    });
    server(&mut viewer);
    while viewer.session.poll_output().is_some() {}
    let held = viewer.session.memory();
    let heap = (HEAP.current_usage() as u64).saturating_sub(before);
    let limit = Memory::limit(SURFACES);
    assert!(held.total() <= limit, "{held:?}, allowed are {limit}");
    assert!(
        heap <= held.total() + SLACK,
        "{heap} bytes of heap: {held:?}"
    );
    held
}

#[test]
fn images_to_be_kept_without_end_fill_the_cache_and_no_more() {
    let held = session_against(servers::caches_images);
    assert!(held.pixmaps > 32 << 20, "{held:?}");
}

#[test]
fn images_of_one_pixel_are_counted_with_what_they_cost() {
    let held = session_against(servers::caches_single_pixels);
    assert!(held.pixmaps > 32 << 20, "{held:?}");
}

#[test]
fn what_lies_between_the_rows_of_an_image_is_not_kept() {
    let held = session_against(servers::caches_images_with_long_rows);
    assert!(held.pixmaps < 1 << 20, "{held:?}");
}

#[test]
fn masks_to_be_kept_are_counted() {
    let held = session_against(servers::caches_masks);
    assert!(held.pixmaps > 1 << 20, "{held:?}");
}

#[test]
fn cached_images_that_left_the_glz_window_count_in_the_cache() {
    let held = session_against(servers::caches_glz_images);
    assert!(held.pixmaps > 32 << 20 && held.glz > 1 << 20, "{held:?}");
}

#[test]
fn a_glz_window_that_is_never_to_be_emptied_is_bounded() {
    let held = session_against(servers::never_empties_the_glz_window);
    assert!(held.glz > 20 << 20, "{held:?}");
}

#[test]
fn tiny_glz_images_are_bounded_in_number() {
    let held = session_against(servers::sends_tiny_glz_images);
    assert!(held.glz > 10 << 20, "{held:?}");
}

#[test]
fn surfaces_of_all_displays_share_one_budget() {
    let held = session_against(servers::makes_surfaces_everywhere);
    assert!(
        held.surfaces > SURFACES / 2 && held.surfaces <= SURFACES,
        "{held:?}"
    );
}

#[test]
fn displays_that_come_and_go_leave_nothing_but_their_last_screens() {
    let held = session_against(servers::opens_and_closes_displays);
    assert!(held.surfaces <= SURFACES, "{held:?}");
}

#[test]
fn frames_behind_a_wait_that_never_ends_are_bounded() {
    session_against(servers::parks_large_frames);
    session_against(servers::parks_small_frames);
    session_against(servers::parks_on_every_display);
}

#[test]
fn a_frame_that_waits_in_many_pieces_counts_once() {
    let held = session_against(servers::waits_with_a_list_of_overlapping_messages);
    assert!(held.parked > 1 << 20, "{held:?}");
}

#[test]
fn palettes_are_bounded_in_number_and_size() {
    let held = session_against(servers::caches_palettes);
    assert!(held.palettes > 256 << 10, "{held:?}");
}

#[test]
fn pointer_shapes_of_all_cursor_channels_share_one_budget() {
    let held = session_against(servers::caches_pointers);
    assert!(held.cursors > 24 << 20, "{held:?}");
}

#[test]
fn buffers_of_large_images_are_not_kept_by_every_display() {
    let held = session_against(servers::sends_large_images);
    assert!(held.spares > 8 << 20, "{held:?}");
}

#[test]
fn lists_of_channels_and_monitors_and_endless_notices_stay_small() {
    for server in [
        servers::lists_channels,
        servers::lists_monitors,
        servers::notifies,
        servers::pings,
    ] {
        let held = session_against(server);
        assert!(held.total() < 16 << 20, "{held:?}");
    }
}
