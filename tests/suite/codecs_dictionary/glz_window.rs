//! What the window of a GLZ session keeps, for how long, and how much of it.

use capsaicin::codec::glz::{self, Bitmap, Encoder, Kind, Window};
use capsaicin::codec::{Error, Limits};

use super::tokens::{decode_pixel, decode_row, stream};

#[test]
fn the_newest_image_before_the_first_gap_says_what_is_dropped() {
    let mut window = Window::new(1000);
    for id in 0..4 {
        decode_pixel(id, id, &mut window).unwrap();
    }

    // 5 reaches back to 4 only, but it has overtaken 4, which may still want 1.
    decode_pixel(5, 1, &mut window).unwrap();
    assert_eq!((window.images(), window.frontier()), (5, Some(4)));

    decode_pixel(4, 3, &mut window).unwrap();
    assert_eq!((window.images(), window.frontier()), (2, Some(6)));
    assert!(window.image(3).is_none() && window.image(4).is_some());
    assert_eq!(window.pixels(), 2);
}

#[test]
fn an_image_that_left_the_window_can_be_referred_to_no_more() {
    let mut window = Window::new(1000);
    decode_pixel(0, 0, &mut window).unwrap();
    decode_pixel(1, 0, &mut window).unwrap();

    let gone = decode_row(2, 1, "20 00 02", &mut window);

    assert_eq!(
        gone.unwrap_err(),
        Error::Corrupt {
            at: 33,
            what: "refers to an image that was never sent or is gone"
        }
    );
}

#[test]
fn an_id_is_used_once() {
    let mut window = Window::new(1000);
    for id in [0, 1, 5] {
        decode_pixel(id, 0, &mut window).unwrap();
    }

    for id in [0, 1, 5] {
        let again = decode_pixel(id, 0, &mut window);
        assert_eq!(again, Err(Error::BadHeader("the image id was used before")));
    }
    assert_eq!(window.images(), 2);
}

#[test]
fn an_id_far_ahead_of_the_frontier_is_refused() {
    let mut window = Window::new(1000);

    let far = decode_pixel(0x100_0000, 0, &mut window);

    assert_eq!(
        far,
        Err(Error::BadHeader("the image id is far ahead of all others"))
    );
    decode_pixel(0xff_ffff, 0, &mut window).unwrap();
}

#[test]
fn a_window_that_holds_twice_its_announced_size_takes_no_more() {
    let mut window = Window::new(100);
    let a_run_of_20 = "00 01 02 03 e0 0c 00 00";
    // Id 0 never comes, so nothing can be dropped.
    for id in 1..=10 {
        decode_row(id, 20, a_run_of_20, &mut window).unwrap();
    }

    let beyond = decode_row(11, 20, a_run_of_20, &mut window);

    assert_eq!(
        beyond.unwrap_err(),
        Error::TooLarge {
            pixels: 220,
            limit: 200
        }
    );
    assert_eq!(window.pixels(), 200);
}

#[test]
fn an_image_larger_than_the_window_is_refused() {
    let mut window = Window::new(19);

    let refused = decode_row(0, 20, "00 01 02 03 e0 0c 00 00", &mut window);

    assert_eq!(
        refused.unwrap_err(),
        Error::TooLarge {
            pixels: 20,
            limit: 19
        }
    );
}

#[test]
fn the_number_of_images_is_bounded_too() {
    let mut window = Window::new(10_000);

    let refused = (1..).find_map(|id| decode_pixel(id, 0, &mut window).err());

    assert_eq!(
        refused,
        Some(Error::BadHeader("more images than the window can hold"))
    );
    assert_eq!(window.images(), 10_000 / 32 + 4096);
}

#[test]
fn a_window_of_a_new_session_is_empty_and_begins_at_id_0() {
    let mut window = Window::new(1000);
    decode_pixel(0, 0, &mut window).unwrap();

    window.clear();

    assert_eq!(
        (window.images(), window.pixels(), window.frontier()),
        (0, 0, Some(0))
    );
    decode_pixel(0, 0, &mut window).unwrap();
}

#[test]
fn after_a_migration_the_first_image_says_where_ids_begin() {
    let mut window = Window::new(1000);
    decode_pixel(0, 0, &mut window).unwrap();
    window.clear_for_migration();
    assert_eq!((window.images(), window.frontier()), (0, None));

    // Id 70 reaches back to 68; 68 and 69 are on their way on another channel.
    decode_pixel(70, 2, &mut window).unwrap();
    assert_eq!(window.frontier(), Some(68));
    let early = decode_row(71, 1, "20 00 02", &mut window);
    assert_eq!(early.unwrap_err(), Error::MissingImage { id: 69 });

    decode_pixel(68, 0, &mut window).unwrap();
    decode_pixel(69, 1, &mut window).unwrap();
    assert_eq!(window.frontier(), Some(71));
    decode_row(71, 1, "20 00 02", &mut window).unwrap();
}

#[test]
fn what_another_server_continues_decodes_after_a_migration() {
    let mut encoder = Encoder::resume(1000, 40).unwrap();
    let mut window = Window::new(1000);
    window.clear_for_migration();
    let pixels: Vec<u8> = (0..100).collect();
    let bitmap = Bitmap {
        kind: Kind::Rgb32,
        width: 5,
        height: 5,
        stride: 20,
        top_down: false,
        pixels: &pixels,
    };

    for id in 40..43 {
        let mut data = Vec::new();
        encoder.encode(&bitmap, &mut data).unwrap();
        let (header, _) = glz::decode_shared(&data, &Limits::announced(5, 5), &mut window).unwrap();
        assert_eq!((header.id, header.head()), (id, 40));
    }
}

#[test]
fn the_memory_of_a_dropped_image_serves_a_later_one() {
    let mut window = Window::new(10_000);
    // A literal and a run of 7 + 15 · 255 + 167; nothing refers to anything older.
    let tokens = format!("00 01 02 03 e0 {} a7 00 00", "ff".repeat(15));
    let at = |id, window: &mut Window| {
        let data = stream(id, 0, 4000, &tokens);
        let (_, pixels) = glz::decode_shared(&data, &Limits::default(), window).unwrap();
        pixels.as_ptr()
    };

    let first = at(0, &mut window);
    at(1, &mut window);
    let third = at(2, &mut window);

    assert_eq!(first, third);
}

#[test]
fn pixels_outlive_the_window_they_came_from() {
    let mut window = Window::new(1000);
    let (_, pixels) = decode_row(0, 1, "00 01 02 03", &mut window).unwrap();
    let copy = window.clone();

    window.clear();

    assert_eq!(*pixels, [1, 2, 3, 0]);
    assert_eq!(copy.image(0), Some(&pixels));
}

#[test]
fn an_image_given_up_is_passed_over_and_what_refers_to_it_fails() {
    let mut window = Window::new(1000);
    decode_pixel(0, 0, &mut window).unwrap();
    decode_pixel(2, 2, &mut window).unwrap();

    window.give_up(1, 0);

    assert_eq!((window.frontier(), window.pixels()), (Some(3), 2));
    assert!(!window.may_arrive(1));
    let refers = decode_row(3, 1, "20 00 02", &mut window);
    assert_eq!(
        refers.unwrap_err(),
        Error::Corrupt {
            at: 33,
            what: "match beyond the end of another image"
        }
    );
    decode_row(3, 1, "20 00 01", &mut window).unwrap();
}

#[test]
fn what_came_or_is_over_or_far_ahead_cannot_be_given_up() {
    let mut window = Window::new(1000);
    for id in 0..3 {
        decode_pixel(id, id.min(1), &mut window).unwrap();
    }

    for id in [0, 1, 2, 3 + 0x100_0000] {
        window.give_up(id, 0);
    }

    assert_eq!((window.images(), window.frontier()), (2, Some(3)));
}

#[test]
fn a_window_full_behind_a_gap_goes_on_without_the_gap() {
    let mut window = Window::new(100);
    let a_run_of_20 = "00 01 02 03 e0 0c 00 00";
    // Id 0 never comes. Nothing refers to it.
    for id in 1..=10 {
        let data = stream(id, 0, 20, a_run_of_20);
        glz::decode_shared(&data, &Limits::default(), &mut window).unwrap();
    }
    assert_eq!((window.pixels(), window.frontier()), (200, Some(0)));

    let data = stream(11, 0, 20, a_run_of_20);
    glz::decode_shared(&data, &Limits::default(), &mut window).unwrap();

    assert_eq!((window.pixels(), window.frontier()), (20, Some(12)));
}
