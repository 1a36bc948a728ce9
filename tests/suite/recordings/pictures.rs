//! Sessions that a real server and a real client had, played to their end: the picture is the server's own.
//!
//! `recordings/README.md` says how each was made. The reference pictures were taken of the server when the screen was
//! still, as another client and the server itself saw it.

use std::time::Duration;

use super::picture::{Picture, assert_same};
use super::{file, play_until};

/// The picture at the end of a recording.
fn last_picture(name: &str) -> Picture {
    picture(name, None)
}

fn picture(name: &str, at: Option<Duration>) -> Picture {
    let played = play_until(&file(&format!("{name}.pcapng")), at);
    assert_eq!(played.losses, [], "nothing is missing in the file");
    let view = played.screen.view().expect("there is a picture");
    let pixels = view.rows().flat_map(|row| row.chunks_exact(4));
    let rgb = pixels.flat_map(|p| [p[2], p[1], p[0]]).collect();
    Picture::from_rgb(view.size.width, view.size.height, rgb)
}

fn reference(name: &str) -> Picture {
    Picture::from_png(&file(&format!("{name}.png")))
}

/// A picture with a rectangle (left, top, right, bottom) blacked out.
fn without(mut picture: Picture, [left, top, right, bottom]: [usize; 4]) -> Picture {
    let row = picture.width as usize * 3;
    for y in top..bottom {
        picture.rgb[y * row + left * 3..y * row + right * 3].fill(0);
    }
    picture
}

/// Declares tests: the recording ends at exactly the pixels of the reference.
macro_rules! ends_at {
    ($($(#[$meta:meta])* $test:ident: $recording:literal, $reference:literal;)*) => {$(
        $(#[$meta])*
        #[test]
        fn $test() {
            assert_same($recording, &last_picture($recording), &reference($reference));
        }
    )*};
}

ends_at! {
    fills_and_copies_of_every_kind_end_at_the_servers_picture: "audio-opus", "audio-opus";
    windows_of_an_agents_new_sizes_end_at_the_machines_own_screenshot: "agent", "agent";
    a_screen_under_pointers_ends_at_the_servers_picture: "cursors", "cursors";
    copies_within_the_screen_end_at_the_servers_picture: "draws-rop3-copybits", "draws-rop3-copybits";
    a_start_of_firmware_ends_at_the_machines_own_screenshot: "boot-efi", "boot-efi";
    a_firmware_pattern_ends_at_the_servers_picture: "firmware-pattern", "firmware-pattern";
    an_installer_ends_at_the_machines_own_screenshot: "installer", "installer";
    images_from_the_cache_end_at_the_servers_picture: "image-cache", "image-cache";
    images_driven_out_of_the_cache_end_at_the_servers_picture: "image-cache-evict", "image-cache-evict";
    lossless_images_replacing_lossy_ones_end_at_the_servers_picture: "image-cache-jpeg", "image-cache-jpeg";
    images_that_share_a_dictionary_end_at_the_servers_picture: "image-glz", "image-glz";
    images_that_share_a_dictionary_in_zlib_end_at_the_servers_picture: "image-zlibglz", "image-glz";
    lz_images_with_and_without_palettes_end_at_the_servers_picture: "image-lz", "image-lz";
    lz4_images_end_at_the_servers_picture: "image-lz4", "image-quic";
    a_video_with_frames_of_two_sizes_ends_at_the_servers_picture: "stream-sized", "stream-sized";
    a_video_of_vp8_ends_at_the_servers_picture: "stream-vp8", "stream-vp8";
    quic_images_end_at_the_servers_picture: "image-quic", "image-quic";
    two_monitors_and_new_sizes_end_at_the_servers_picture: "monitors-resize", "monitors-resize";
    a_screen_of_16_bits_ends_at_the_servers_picture: "surface-16bit", "surface-16bit";
    photographs_in_windows_end_at_the_servers_picture: "xspice-photo-cursors", "xspice";
    a_video_and_moving_windows_end_at_the_servers_picture: "xspice-move-video", "xspice";
    a_text_console_ends_at_the_machines_own_screenshot: "text-console", "text-console";
    scrolling_text_ends_at_the_servers_picture: "xspice-text-fills", "xspice";
}

/// Fails unless a recording ends at the reference, but for these rectangles (left, top, right, bottom).
fn assert_ends_at_the_reference_without(name: &str, places: &[[usize; 4]]) {
    let masked = |picture| places.iter().fold(picture, |p, place| without(p, *place));
    assert_same(name, &masked(last_picture(name)), &masked(reference(name)));
}

#[test]
fn a_firmware_menu_ends_at_the_servers_picture_but_for_the_blinking_cursor() {
    assert_ends_at_the_reference_without("firmware-menu", &[[0, 77, 9, 79]]);
}

/// The panel in the last 30 rows was painted after the recorded client had left.
#[test]
fn a_guests_desktop_ends_at_the_servers_picture_above_the_panel() {
    assert_ends_at_the_reference_without("guest-desktop", &[[0, 738, 1024, 768]]);
}

/// The two strings of 8-bit glyphs are left out: the reference reads their rows one too far, into the glyph's size.
#[test]
fn blends_strokes_and_text_end_at_the_servers_picture() {
    let strings = [[82, 182, 158, 238], [322, 182, 398, 238]];
    assert_ends_at_the_reference_without("draws-commands", &strings);
}

/// The two draws with a mask are left out: the reference takes one of 8 bits for opaque.
#[test]
fn composites_and_surfaces_off_the_screen_end_at_the_servers_picture() {
    let masks = [[162, 62, 238, 118], [402, 62, 478, 118]];
    assert_ends_at_the_reference_without("draws-composite-surface", &masks);
}

/// The reference is the server's own picture, which never was a JPEG.
#[test]
fn jpeg_images_end_near_the_servers_picture() {
    let likeness = last_picture("image-jpeg").likeness(&reference("image-quic"));
    assert!(likeness >= 40.0, "{likeness:.1} dB");
}

/// The scene is wiped before the end. The reference is the server's own memory after the same scene, drawn alone.
#[test]
fn the_sixteen_raster_operations_of_three_look_as_the_server_draws_them() {
    let shown = picture("draws-rop3-copybits", Some(Duration::from_millis(2300)));
    assert_same("draws-rop3", &shown, &reference("draws-rop3"));
}

/// The part of a picture from `left` and `top` on that is as large as another.
fn part(picture: &Picture, [left, top]: [u32; 2], like: &Picture) -> Picture {
    let rows = (top..top + like.height)
        .flat_map(|y| (left..left + like.width).flat_map(move |x| picture.pixel(x, y)));
    Picture::from_rgb(like.width, like.height, rows.collect())
}

/// Each recorded video ends with a lossless picture. Before that its last frame is on the screen; the reference is that
/// frame as libjpeg or ffmpeg decodes it, which differ from us in the rounding of colours.
#[test]
fn the_last_frame_of_a_video_is_on_the_screen_before_the_stream_ends() {
    for (name, at_ms, place) in [
        ("stream-sized", 5200, [340, 12]),
        ("stream-vp8", 5200, [350, 20]),
        ("xspice-move-video", 12_300, [200, 150]),
    ] {
        let frame = reference(&format!("{name}-video"));
        let screen = picture(name, Some(Duration::from_millis(at_ms)));
        let likeness = part(&screen, place, &frame).likeness(&frame);
        assert!(likeness >= 40.0, "{name}: {likeness:.1} dB");
    }
}
