//! GLZ with its window, and the JPEG, LZ4 and zlib covers, against streams of independent encoders.

use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use capsaicin::codec::glz::{self, Bitmap, Encoder, Kind, Window};
use capsaicin::codec::{Error, Limits, jpeg, lz4, zlib};
use proptest::prelude::*;
use serde_json::Value;

// ---- GLZ: streams of the reference encoder ------------------------------------------------------------------------

#[test]
fn glz_sequences_decode_exactly() {
    let vectors = fixtures("glz");

    for sequence in ["scroll", "mixed", "tiny", "synth"] {
        assert_glz_sequence_decodes(&vectors, sequence);
    }
}

#[test]
fn deflated_glz_sequences_decode_exactly() {
    assert_glz_sequence_decodes(&fixtures("zlib_glz"), "zscroll");
}

#[test]
fn an_image_that_overtook_its_predecessor_decodes_once_that_has_arrived() {
    let vectors = fixtures("glz");
    let scroll: Vec<_> = of_sequence(&vectors, "scroll").collect();
    let mut window = Window::new(scroll[0].number("window_pixels"));
    let mut out = Vec::new();
    glz::decode(&scroll[0].enc, &scroll[0].limits(), &mut window, &mut out).unwrap();

    for pair in scroll[1..7].chunks(2) {
        let [first, second] = pair else {
            unreachable!()
        };
        let held = window.images();
        let early = glz::decode(&second.enc, &second.limits(), &mut window, &mut out);
        assert_eq!(
            early,
            Err(Error::MissingImage {
                id: first.number("id")
            })
        );
        assert_eq!(window.images(), held);

        for vector in [first, second] {
            out.clear();
            glz::decode(&vector.enc, &vector.limits(), &mut window, &mut out).unwrap();
            assert_exact(vector, &out);
        }
    }
}

#[test]
fn channels_of_one_session_may_progress_in_any_order() {
    let vectors = fixtures("glz");

    for (sequence, preferred) in [("mixed", 0), ("mixed", 1), ("tiny", 1), ("tiny", 2)] {
        let mut waiting: Vec<_> = of_sequence(&vectors, sequence).collect();
        let mut window = Window::new(waiting[0].number("window_pixels"));
        while !waiting.is_empty() {
            // The preferred channel goes on as far as it can before another one gets a turn.
            let heads = (0..3).filter_map(|turn| {
                let channel = (preferred + turn) % 3;
                waiting
                    .iter()
                    .position(|vector| vector.number("channel") == channel)
            });
            let progress = heads
                .map(|place| (place, waiting[place]))
                .find(|(_, vector)| {
                    let mut out = Vec::new();
                    match glz::decode(&vector.enc, &vector.limits(), &mut window, &mut out) {
                        Ok(_) => {
                            assert_exact(vector, &out);
                            true
                        }
                        Err(Error::MissingImage { .. }) => false,
                        Err(error) => panic!("{}: {error}", vector.name()),
                    }
                });
            waiting.remove(progress.expect("some channel can go on").0);
        }
    }
}

#[test]
fn every_vector_of_a_named_folder_decodes() {
    let Some(folder) = std::env::var_os("CAPSAICIN_VECTORS") else {
        eprintln!("skipped: CAPSAICIN_VECTORS names no folder of vectors");
        return;
    };
    let vectors = vectors_in(Path::new(&folder), "manifest.json");

    let mut sequences: Vec<_> = vectors
        .iter()
        .filter_map(|v| v.entry["sequence"].as_str())
        .collect();
    sequences.sort();
    sequences.dedup();
    for sequence in &sequences {
        assert_glz_sequence_decodes(&vectors, sequence);
    }
    for vector in &vectors {
        match vector.text("codec") {
            "lz4" => assert_lz4_decodes(vector),
            "jpeg" | "jpeg_alpha" => assert_jpeg_decodes(vector),
            _ => {}
        }
    }
    eprintln!(
        "{} vectors, {} GLZ sequences",
        vectors.len(),
        sequences.len()
    );
}

// ---- GLZ: tokens by hand -------------------------------------------------------------------------------------------

#[test]
fn the_worked_pair_of_images_decodes() {
    let [first, second] = worked_pair();
    let mut window = Window::new(1 << 20);
    let mut out = Vec::new();

    let header = glz::decode(&first, &Limits::announced(16, 1), &mut window, &mut out).unwrap();
    glz::decode(&second, &Limits::announced(16, 1), &mut window, &mut out).unwrap();

    assert_eq!(
        header,
        glz::Header {
            kind: Kind::Rgb32,
            width: 16,
            height: 1,
            stride: 64,
            top_down: true,
            id: 0,
            head_distance: 0,
        }
    );
    let pixel = |i: u8| [0x10 + i, 0x20 + i, 0x30 + i, 0];
    let row: Vec<_> = (0..16).map(pixel).collect();
    let rotated: Vec<_> = (0..16).map(|i| pixel((i + 3) % 16)).collect();
    assert_eq!(out, [row, rotated].concat().as_flattened());
}

#[test]
fn the_worked_tokens_mean_what_the_format_says() {
    // A dictionary that holds images 0, 1 and 7 of 400000 pixels each; pixel i of image k is (i, i >> 8, 16·k + (i >> 16)).
    let mut window = Window::new(1 << 22);
    let pixel = |k: usize, i: usize| [i as u8, (i >> 8) as u8, (16 * k + (i >> 16)) as u8, 0];
    for id in [0, 1, 7] {
        let pixels: Vec<_> = (0..400_000).map(|i| pixel(id, i)).collect();
        let data = literal_stream(id as u64, 400_000, &pixels);
        glz::decode_shared(&data, &Limits::default(), &mut window).unwrap();
    }
    let mut decode = |id, width, tokens: &str| {
        let data = stream(id, id as u32, width, tokens);
        let (_, pixels) = glz::decode_shared(&data, &Limits::default(), &mut window).unwrap();
        pixels.as_chunks::<4>().0.to_vec()
    };

    let repeat_the_last_pixel = decode(10, 3, "00 01 02 03  40 00 00");
    assert_eq!(repeat_the_last_pixel, [[1, 2, 3, 0]; 3]);

    let from_22_back = decode(11, 25, &format!("{} 65 01 00", counted_literals(22)));
    assert_eq!(
        from_22_back[22..],
        [[0, 0, 0, 0], [1, 1, 1, 0], [2, 2, 2, 0]]
    );

    let pixels_21_of_131_ids_back = decode(131, 266, "e5 ff 04 01 43 02");
    let expected: Vec<_> = (21..21 + 266).map(|i| pixel(0, i)).collect();
    assert_eq!(pixels_21_of_131_ids_back, expected);

    let pixels_4388_of_7_ids_back = decode(14, 2, "54 12 41 07");
    assert_eq!(pixels_4388_of_7_ids_back, [pixel(7, 4388), pixel(7, 4389)]);

    let pixels_393218_of_the_previous = decode(8, 2, "52 00 60 01 03");
    assert_eq!(
        pixels_393218_of_the_previous,
        [pixel(7, 393_218), pixel(7, 393_219)]
    );
}

#[test]
fn sixteen_bit_pixels_are_widened_and_their_matches_count_from_two() {
    // Literals red, green, blue; then length field 1 from three back: blue's neighbours again.
    let tokens = "02 7c00 03e0 001f  22 00 00";
    let mut window = Window::new(100);

    let data = stream_of(0x16, 0, 0, 5, tokens);
    let (header, pixels) = glz::decode_shared(&data, &Limits::default(), &mut window).unwrap();

    assert_eq!(header.kind, Kind::Rgb16);
    let (red, green, blue) = ([0, 0, 255, 0], [0, 255, 0, 0], [255, 0, 0, 0]);
    assert_eq!(*pixels, *[red, green, blue, red, green].as_flattened());
}

#[test]
fn alpha_is_a_stream_of_its_own_after_the_colours() {
    // Two pixels and a run; alpha 9, then length field 1 + 2 from one back, then 7.
    let tokens = "01 010203 040506  60 00 00   00 09  20 00 00  00 07";
    let mut window = Window::new(100);

    let data = stream_of(0x19, 0, 0, 5, tokens);
    let (_, pixels) = glz::decode_shared(&data, &Limits::default(), &mut window).unwrap();

    assert_eq!(
        pixels.as_chunks::<4>().0,
        [
            [1, 2, 3, 9],
            [4, 5, 6, 9],
            [4, 5, 6, 9],
            [4, 5, 6, 9],
            [4, 5, 6, 7]
        ]
    );
}

#[test]
fn an_opaque_image_takes_no_alpha_from_another_image() {
    let mut window = Window::new(1000);
    let with_alpha = stream_of(0x19, 0, 0, 40, "00 010203 e020 00 00   00 55 e01e 00 00");
    glz::decode_shared(&with_alpha, &Limits::default(), &mut window).unwrap();

    let (_, few) = decode_row(1, 3, "60 00 01", &mut window).unwrap();
    let (_, many) = decode_row(2, 30, "e0 17 00 02", &mut window).unwrap();

    assert_eq!(few.as_chunks::<4>().0, [[1, 2, 3, 0]; 3]);
    assert_eq!(many.as_chunks::<4>().0, [[1, 2, 3, 0]; 30]);
}

#[test]
fn bytes_behind_the_last_token_are_ignored() {
    let mut window = Window::new(100);

    let (_, pixels) = decode_row(0, 1, "00 01 02 03  ff ff", &mut window).unwrap();

    assert_eq!(*pixels, [1, 2, 3, 0]);
}

// ---- GLZ: what the window keeps ------------------------------------------------------------------------------------

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
    assert_eq!(window.images(), 10_000 / 8 + 4096);
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

// ---- GLZ: malformed streams ----------------------------------------------------------------------------------------

#[test]
fn headers_no_image_can_have_are_refused() {
    let [good, _] = worked_pair();
    let with = |at: usize, bytes: &[u8]| {
        let mut data = good.clone();
        data[at..at + bytes.len()].copy_from_slice(bytes);
        let mut window = Window::new(1 << 26);
        glz::decode_shared(&data, &Limits::default(), &mut window).unwrap_err()
    };

    assert_eq!(with(3, b"M"), Error::BadHeader("not a GLZ stream"));
    assert_eq!(with(7, &[2]), Error::BadHeader("unknown GLZ version"));
    for kind in (0..=5).chain(10..=15) {
        assert_eq!(
            with(8, &[kind]),
            Error::BadHeader("not a pixel kind GLZ can carry")
        );
    }
    assert_eq!(with(9, &[0; 4]), Error::BadHeader("width or height is 0"));
    assert_eq!(with(13, &[0; 4]), Error::BadHeader("width or height is 0"));
    assert_eq!(
        with(32, &[1]),
        Error::BadHeader("the window begins before the first image")
    );
    assert_eq!(
        with(9, &[0xff; 8]),
        Error::TooLarge {
            pixels: 0xffff_ffff * 0xffff_ffff,
            limit: 1 << 26
        }
    );
    assert_eq!(
        with(9, &[0, 0, 0x20, 0, 0, 0, 0x10, 0]),
        Error::TooLarge {
            pixels: 1 << 25,
            limit: (1 << 25) - 1
        }
    );
    let mut window = Window::new(100);
    assert_eq!(
        glz::decode_shared(&good, &Limits::announced(16, 2), &mut window).unwrap_err(),
        Error::SizeMismatch {
            announced: (16, 2),
            found: (16, 1)
        }
    );
}

#[test]
fn tokens_that_reach_outside_are_refused_where_they_stand() {
    let corrupt = |at, what| Error::Corrupt { at, what };
    let beyond = "match beyond the end of the image";
    for (tokens, error) in [
        (
            "03 01 02 03",
            corrupt(33, "literals beyond the end of the image"),
        ),
        ("00 01 02 03  60 00 00", corrupt(37, beyond)),
        ("00 01 02 03  e0 00 00 00", corrupt(37, beyond)),
        (
            "00 01 02 03  e0 ff ff ff ff ff ff ff ff ff ff ff",
            corrupt(37, beyond),
        ),
        (
            "20 00 00",
            corrupt(33, "match before the start of the image"),
        ),
        (
            "00 01 02 03  21 00 00",
            corrupt(37, "match before the start of the image"),
        ),
        (
            "20 00 03",
            corrupt(33, "refers to an image before the window"),
        ),
        (
            "30 00 c0 ff ff ff",
            corrupt(33, "refers to an image before the window"),
        ),
        (
            "21 00 01",
            corrupt(33, "match beyond the end of another image"),
        ),
        (
            "40 00 01",
            corrupt(33, "match beyond the end of another image"),
        ),
        (
            "30 00 7f 01 ff",
            corrupt(33, "match beyond the end of another image"),
        ),
        ("01 01 02 03", Error::Truncated),
        ("00 01 02 03", Error::Truncated),
        ("00 01 02 03  20", Error::Truncated),
        ("00 01 02 03  20 00", Error::Truncated),
        ("20 00 41", Error::Truncated),
        ("30 00 60 01", Error::Truncated),
        ("", Error::Truncated),
    ] {
        let mut window = Window::new(1000);
        decode_pixel(8, 0, &mut window).unwrap();
        decode_pixel(9, 0, &mut window).unwrap();

        let data = stream(10, 2, 3, tokens);
        let refused = glz::decode_shared(&data, &Limits::default(), &mut window);

        assert_eq!(refused.unwrap_err(), error, "{tokens}");
        assert_eq!(window.images(), 2);
    }
}

#[test]
fn an_image_with_alpha_needs_both_streams() {
    let mut window = Window::new(100);

    let data = stream_of(0x19, 0, 0, 1, "00 01 02 03");
    let refused = glz::decode_shared(&data, &Limits::default(), &mut window);

    assert_eq!(refused.unwrap_err(), Error::Truncated);
}

#[test]
fn a_short_stream_cannot_claim_a_large_image() {
    let mut window = Window::new(1 << 25);

    let data = stream(0, 0, (1 << 25) - 1, "00 01 02 03 e0 ff ff ff ff");
    let refused = glz::decode_shared(&data, &Limits::default(), &mut window);

    assert_eq!(refused.unwrap_err(), Error::Truncated);
}

#[test]
fn every_prefix_of_a_glz_stream_is_refused() {
    let vectors = fixtures("glz");
    for sequence in ["scroll", "mixed", "synth"] {
        for_each_window(&vectors, sequence, |vector, window| {
            let step = 1 + vector.enc.len() / 300;
            for len in (0..vector.enc.len()).step_by(step) {
                let mut window = window.clone();
                let mut out = Vec::new();
                let prefix = &vector.enc[..len];
                let refused = glz::decode(prefix, &vector.limits(), &mut window, &mut out);
                assert_eq!(
                    refused.unwrap_err(),
                    Error::Truncated,
                    "{} {len}",
                    vector.name()
                );
                assert!(out.is_empty());
            }
        });
    }
}

#[test]
fn damaged_glz_streams_yield_an_error_or_a_picture() {
    let vectors = fixtures("glz");
    let mut random = Random(0x5eed_0001);
    for sequence in ["scroll", "mixed", "tiny", "synth"] {
        for_each_window(&vectors, sequence, |vector, window| {
            for _ in 0..60 {
                let data = random.damage(&vector.enc);
                let mut window = window.clone();
                let mut out = Vec::new();
                let limits = Limits {
                    max_pixels: 1 << 16,
                    announced: None,
                };
                if let Ok(header) = glz::decode(&data, &limits, &mut window, &mut out) {
                    let pixels = header.width as usize * header.height as usize;
                    assert_eq!(out.len(), 4 * pixels);
                }
            }
        });
    }
}

// ---- GLZ: encoding -------------------------------------------------------------------------------------------------

#[test]
fn the_encoder_finds_the_pictures_of_the_reference_again() {
    let vectors = fixtures("glz");
    for sequence in ["scroll", "mixed", "tiny"] {
        let window_pixels = of_sequence(&vectors, sequence)
            .next()
            .unwrap()
            .number("window_pixels");
        let mut encoder = Encoder::new(window_pixels).unwrap();
        let mut window = Window::new(window_pixels);
        let (mut ours, mut theirs) = (0, 0);
        for vector in of_sequence(&vectors, sequence) {
            let source = bitmap_of(vector);
            let mut data = Vec::new();
            encoder.encode(&source.bitmap(), &mut data).unwrap();
            let mut out = Vec::new();
            glz::decode(&data, &vector.limits(), &mut window, &mut out).unwrap();
            assert_exact(vector, &out);
            ours += data.len();
            theirs += vector.enc.len();
        }
        assert!(
            ours <= theirs + theirs / 10,
            "{sequence}: {ours} bytes, the reference needs {theirs}"
        );
    }
}

#[test]
fn an_image_seen_before_costs_a_few_bytes() {
    let mut encoder = Encoder::new(1 << 20).unwrap();
    let mut random = Random(7);
    let pixels: Vec<u8> = (0..4 * 300 * 200).map(|_| random.next() as u8).collect();
    let bitmap = Bitmap {
        kind: Kind::Rgb32,
        width: 300,
        height: 200,
        stride: 1200,
        top_down: true,
        pixels: &pixels,
    };
    let (mut first, mut second) = (Vec::new(), Vec::new());

    encoder.encode(&bitmap, &mut first).unwrap();
    encoder.encode(&bitmap, &mut second).unwrap();

    assert!(first.len() > 180_000);
    // Header, a literal, a length of 60000 in steps of 255, position and distance.
    assert!(second.len() < 33 + 4 + 60_000 / 255 + 8, "{}", second.len());
}

#[test]
fn the_padding_of_rows_is_not_coded() {
    let mut encoder = Encoder::new(1000).unwrap();
    let mut window = Window::new(1000);
    let bitmap = Bitmap {
        kind: Kind::Rgb24,
        width: 1,
        height: 2,
        stride: 5,
        top_down: true,
        pixels: &[1, 2, 3, 99, 99, 4, 5, 6],
    };
    let (mut data, mut out) = (Vec::new(), Vec::new());

    encoder.encode(&bitmap, &mut data).unwrap();
    let header = glz::decode(&data, &Limits::announced(1, 2), &mut window, &mut out).unwrap();

    assert_eq!(header.stride, 3);
    assert_eq!(out, [1, 2, 3, 0, 4, 5, 6, 0]);
}

#[test]
fn bitmaps_that_cannot_be_encoded_take_no_id() {
    let mut encoder = Encoder::new(20).unwrap();
    let mut out = Vec::new();
    let good = Bitmap {
        kind: Kind::Rgb32,
        width: 4,
        height: 4,
        stride: 16,
        top_down: true,
        pixels: &[0; 64],
    };

    for (bad, error) in [
        (
            Bitmap { width: 0, ..good },
            Error::BadHeader("width or height is 0"),
        ),
        (
            Bitmap { stride: 15, ..good },
            Error::BadHeader("the rows overlap"),
        ),
        (
            Bitmap {
                pixels: &[0; 63],
                ..good
            },
            Error::Truncated,
        ),
        (
            Bitmap {
                height: 5,
                pixels: &[0; 80],
                ..good
            },
            Error::TooLarge {
                pixels: 20,
                limit: 19,
            },
        ),
    ] {
        assert_eq!(encoder.encode(&bad, &mut out), Err(error));
    }
    assert!(out.is_empty());
    encoder.encode(&good, &mut out).unwrap();
    assert_eq!(encoder.next_id(), 1);
}

#[test]
fn a_window_larger_than_the_format_can_address_is_refused() {
    assert_eq!(
        Encoder::new((1 << 25) + 1).unwrap_err(),
        Error::TooLarge {
            pixels: (1 << 25) + 1,
            limit: 1 << 25
        }
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_encoded_decodes_to_itself(
        window_pixels in 30u64..3000,
        images in prop::collection::vec((any_kind(), 1u32..50, 1u32..24, any::<u64>()), 1..40),
    ) {
        let mut encoder = Encoder::new(window_pixels).unwrap();
        let mut window = Window::new(window_pixels);
        for (kind, width, height, seed) in images {
            let source = Source::random(kind, width, height, seed);
            let mut data = Vec::new();
            if encoder.encode(&source.bitmap(), &mut data).is_err() {
                continue;
            }
            let limits = Limits::announced(width, height);
            let (header, pixels) = glz::decode_shared(&data, &limits, &mut window).unwrap();
            prop_assert_eq!((header.kind, header.top_down), (kind, source.top_down));
            prop_assert_eq!(&*pixels, source.decoded());
            prop_assert!(window.pixels() <= window_pixels);
        }
    }

    #[test]
    fn a_session_of_three_channels_decodes_in_any_order_of_arrival(
        images in prop::collection::vec((any_kind(), 1u32..30, 1u32..12, any::<u64>()), 1..40),
        order in any::<u64>(),
    ) {
        let mut random = Random(order | 1);
        let mut encoder = Encoder::new(2000).unwrap();
        // What runs ahead of a gap is kept beside the window; three channels get no further apart than all there is.
        let mut window = Window::new(20_000);
        let mut channels = [const { std::collections::VecDeque::new() }; 3];
        for (kind, width, height, seed) in images {
            let source = Source::random(kind, width, height, seed);
            let mut data = Vec::new();
            encoder.encode(&source.bitmap(), &mut data).unwrap();
            channels[random.below(3)].push_back((data, source));
        }
        while channels.iter().any(|channel| !channel.is_empty()) {
            let channel = &mut channels[random.below(3)];
            let Some((data, source)) = channel.front() else { continue };
            match glz::decode_shared(data, &Limits::default(), &mut window) {
                Ok((_, pixels)) => {
                    prop_assert_eq!(&*pixels, source.decoded());
                    channel.pop_front();
                }
                Err(Error::MissingImage { .. }) => {}
                Err(error) => panic!("{error}"),
            }
        }
        prop_assert_eq!(window.frontier(), Some(encoder.next_id()));
        prop_assert!(window.pixels() <= 2000);
    }

    #[test]
    fn lz4_images_decode_to_what_was_encoded(
        kind in any_kind(),
        width in 1u32..60,
        height in 1u32..60,
        padding in 0usize..5,
        seed in any::<u64>(),
    ) {
        let source = Source::random(kind, width, height, seed);
        let row_len = width as usize * kind.bytes_per_pixel();
        let mut padded = Vec::new();
        for row in source.pixels.chunks(row_len) {
            padded.extend_from_slice(row);
            padded.resize(padded.len() + padding, 99);
        }
        let (mut data, mut out) = (Vec::new(), vec![1, 2, 3]);
        let stride = row_len + padding;

        lz4::encode(kind as u8, source.top_down, width, height, stride, &padded, &mut data).unwrap();
        let limits = Limits::announced(width, height);
        let header = lz4::decode(&data, width, height, &limits, &mut out).unwrap();

        prop_assert_eq!((header.format, header.top_down), (kind as u8, source.top_down));
        prop_assert_eq!(&out[..3], [1, 2, 3]);
        prop_assert_eq!(&out[3..], source.pixels);
    }

    #[test]
    fn deflated_bytes_inflate_to_themselves(data in prop::collection::vec(0u8..4, 0..3000), level in 0u32..10) {
        let (mut packed, mut out) = (Vec::new(), Vec::new());

        zlib::deflate(&data, level, &mut packed);
        zlib::inflate_exact(&packed, data.len(), &mut out).unwrap();

        prop_assert_eq!(out, data);
    }
}

// ---- LZ4 -----------------------------------------------------------------------------------------------------------

#[test]
fn lz4_images_of_one_or_more_blocks_decode_exactly() {
    for vector in fixtures("lz4") {
        assert_lz4_decodes(&vector);
    }
}

#[test]
fn lz4_headers_and_blocks_that_cannot_be_are_refused() {
    // One literal byte a block: token 0x10, the byte.
    let decode = |data: &str| lz4::decode(&hex(data), 2, 1, &Limits::default(), &mut Vec::new());
    let corrupt = |at, what| Err(Error::Corrupt { at, what });
    let format = Err(Error::BadHeader("not a bitmap format LZ4 can carry"));

    let good = decode("01 0a  00000002 10aa  00000002 10bb").unwrap();
    assert_eq!((good.format, good.top_down), (10, true));
    assert_eq!(decode("01"), Err(Error::Truncated));
    assert_eq!(decode("01 05 00000002 10aa"), format);
    assert_eq!(decode("01 0b 00000002 10aa"), format);
    assert_eq!(decode("01 0a"), Err(Error::Truncated));
    assert_eq!(decode("01 0a 00000002 10aa"), Err(Error::Truncated));
    assert_eq!(decode("01 0a 00000003 10aa"), Err(Error::Truncated));
    assert_eq!(decode("01 0a ffffffff 10aa"), Err(Error::Truncated));
    assert_eq!(
        decode("01 0a 00000000 00000003 20aabb"),
        corrupt(2, "empty LZ4 block")
    );
    assert_eq!(
        decode("01 0a 00000001 00"),
        corrupt(2, "LZ4 block without content")
    );
    assert_eq!(
        decode("01 0a 00000004 30aabbcc"),
        corrupt(2, "damaged LZ4 block")
    );
    assert_eq!(
        decode("01 0a 00000003 20aabb 00000002 10cc"),
        corrupt(9, "damaged LZ4 block")
    );
    for stray in ["00", "0000", "000000"] {
        let data = format!("01 0a 00000003 20aabb {stray}");
        assert_eq!(decode(&data), Err(Error::Truncated));
    }
    // A match of four from two back, with one byte in front of it.
    let early = "01 08 00000008 10aa 0200 30 aabbcc";
    assert_eq!(decode(early), corrupt(2, "damaged LZ4 block"));
}

#[test]
fn a_block_may_refer_to_the_block_before_it() {
    // aabbccdd; then four bytes from four back; then nothing more to say but the empty last sequence.
    let data = hex("00 08  00000005 40aabbccdd  00000004 00 0400 00");
    let mut out = Vec::new();

    let header = lz4::decode(&data, 1, 2, &Limits::announced(1, 2), &mut out).unwrap();

    assert!(!header.top_down);
    assert_eq!(out, hex("aabbccdd aabbccdd"));
}

#[test]
fn damaged_lz4_images_yield_an_error_or_a_picture() {
    let mut random = Random(0x5eed_0002);
    for vector in fixtures("lz4") {
        let (width, height) = vector.size();
        let mut decode = |data: &[u8]| {
            let mut out = Vec::new();
            let result = lz4::decode(data, width, height, &vector.limits(), &mut out);
            match result {
                Ok(header) => {
                    assert_eq!(
                        out.len(),
                        (width * height) as usize * header.bytes_per_pixel()
                    );
                    true
                }
                Err(_) => {
                    assert!(out.is_empty());
                    false
                }
            }
        };
        let step = 1 + vector.enc.len() / 200;
        for len in (0..vector.enc.len()).step_by(step) {
            assert!(!decode(&vector.enc[..len]), "{} {len}", vector.name());
        }
        for _ in 0..100 {
            decode(&random.damage(&vector.enc));
        }
    }
}

// ---- zlib ----------------------------------------------------------------------------------------------------------

#[test]
fn a_deflated_stream_has_exactly_the_announced_size() {
    let vector = &fixtures("zlib_glz")[0];
    let size = vector.number("glz_data_size") as usize;
    let inflate = |data: &[u8], size| {
        let mut out = vec![5];
        let result = zlib::inflate_exact(data, size, &mut out);
        result
            .map(|()| out.len() - 1)
            .inspect_err(|_| assert_eq!(out, [5]))
    };

    assert_eq!(inflate(&vector.enc, size), Ok(size));
    assert_eq!(
        inflate(&[&vector.enc[..], b"more"].concat(), size),
        Ok(size)
    );
    assert_eq!(
        inflate(&vector.enc, size + 1),
        Err(Error::BadHeader("fewer bytes than announced"))
    );
    assert_eq!(
        inflate(&vector.enc, size - 1),
        Err(Error::BadHeader("more bytes than announced"))
    );
    assert_eq!(inflate(&vector.enc, usize::MAX), Err(Error::Truncated));
    for len in 0..vector.enc.len() {
        assert_eq!(inflate(&vector.enc[..len], size), Err(Error::Truncated));
    }
}

#[test]
fn damaged_zlib_streams_are_refused() {
    let mut random = Random(0x5eed_0003);
    for vector in fixtures("zlib_glz") {
        let size = vector.number("glz_data_size") as usize;
        let intact = glz_stream(&vector);
        for _ in 0..200 {
            let data = random.damage(&vector.enc);
            let mut out = Vec::new();
            // A few bits mean nothing; all others are covered by the checksum.
            match zlib::inflate_exact(&data, size, &mut out) {
                Ok(()) => assert!(out == intact),
                Err(_) => assert!(out.is_empty()),
            }
        }
    }
}

#[test]
fn the_bound_of_a_glz_stream_is_the_one_of_the_format() {
    // 33 bytes, four for each pixel, and two counts for each 32 of them.
    assert_eq!(zlib::glz_bound(1), 33 + 4 + 2);
    assert_eq!(zlib::glz_bound(33), 33 + 132 + 4);
    assert_eq!(zlib::glz_bound(u64::MAX), u64::MAX);
}

// ---- JPEG ----------------------------------------------------------------------------------------------------------

#[test]
fn jpeg_files_decode_as_the_reference_does() {
    for vector in fixtures("jpeg") {
        assert_jpeg_decodes(&vector);
    }
}

#[test]
fn the_colours_of_a_jpeg_with_alpha_decode_as_the_reference_does() {
    for vector in fixtures("jpeg_alpha") {
        assert_jpeg_decodes(&vector);
    }
}

#[test]
fn jpeg_files_of_another_size_or_kind_are_refused() {
    let gray = fixtures("jpeg")
        .into_iter()
        .find(|v| v.name() == "gray")
        .unwrap();
    let decode = |data: &[u8], limits| jpeg::decode(data, &limits, &mut Vec::new());

    assert_eq!(
        decode(&gray.enc, Limits::announced(61, 44)),
        Err(Error::SizeMismatch {
            announced: (61, 44),
            found: (61, 43)
        })
    );
    let few = Limits {
        max_pixels: 60 * 43,
        announced: None,
    };
    assert_eq!(
        decode(&gray.enc, few),
        Err(Error::TooLarge {
            pixels: 61 * 43,
            limit: 60 * 43
        })
    );

    let cmyk = std::fs::read(fixture_folder().join("jpeg/cmyk.enc")).unwrap();
    assert_eq!(
        decode(&cmyk, Limits::default()),
        Err(Error::BadHeader(
            "a JPEG file of 16 bits or with four components"
        ))
    );

    let frame = gray
        .enc
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .unwrap();
    // Extended sequential with 12 bits, arithmetic coding, lossless.
    for (marker, precision) in [(0xc1, 12), (0xc9, 8), (0xc3, 8)] {
        let mut data = gray.enc.clone();
        (data[frame + 1], data[frame + 4]) = (marker, precision);
        assert!(decode(&data, Limits::default()).is_err(), "{marker:x}");
    }

    let scan = gray
        .enc
        .windows(2)
        .position(|pair| pair == [0xff, 0xda])
        .unwrap();
    let scans = [
        &gray.enc[..scan],
        &[0xff, 0xda].repeat(200),
        &gray.enc[scan..],
    ]
    .concat();
    assert_eq!(
        decode(&scans, Limits::default()),
        Err(Error::BadHeader("a JPEG file of very many scans"))
    );
}

#[test]
fn damaged_jpeg_files_yield_an_error_or_a_picture() {
    let mut random = Random(0x5eed_0004);
    for vector in fixtures("jpeg") {
        let limits = Limits {
            max_pixels: 1 << 16,
            announced: None,
        };
        let decode = |data: &[u8]| {
            let mut out = Vec::new();
            match jpeg::decode(data, &limits, &mut out) {
                Ok(header) => assert_eq!(out.len(), (header.width * header.height * 4) as usize),
                Err(_) => assert!(out.is_empty()),
            }
        };
        let step = 1 + vector.enc.len() / 100;
        for len in (0..vector.enc.len()).step_by(step) {
            decode(&vector.enc[..len]);
        }
        for _ in 0..100 {
            decode(&random.damage(&vector.enc));
        }
    }
}

// ---- what the tests share ------------------------------------------------------------------------------------------

/// One entry of a manifest: a stream, and the picture it decodes to.
struct Vector {
    entry: Value,
    enc: Vec<u8>,
    raw: Vec<u8>,
}

impl Vector {
    fn text(&self, key: &str) -> &str {
        self.entry[key].as_str().unwrap()
    }

    fn number(&self, key: &str) -> u64 {
        self.entry[key].as_u64().unwrap()
    }

    fn name(&self) -> &str {
        self.text("name")
    }

    fn size(&self) -> (u32, u32) {
        (self.number("width") as u32, self.number("height") as u32)
    }

    fn limits(&self) -> Limits {
        let (width, height) = self.size();
        Limits::announced(width, height)
    }
}

fn fixture_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codecs")
}

fn fixtures(codec: &str) -> Vec<Vector> {
    vectors_in(&fixture_folder(), &format!("{codec}/manifest.json"))
}

fn vectors_in(folder: &Path, manifest: &str) -> Vec<Vector> {
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(folder.join(manifest)).unwrap()).unwrap();
    let entries = manifest["vectors"].as_array().unwrap();
    let ours = |entry: &&Value| {
        ["glz", "zlib_glz", "lz4", "jpeg", "jpeg_alpha"].contains(&entry["codec"].as_str().unwrap())
    };
    let load = |entry: &Value| Vector {
        enc: std::fs::read(folder.join(entry["enc"].as_str().unwrap())).unwrap(),
        raw: read_raw(&folder.join(entry["raw"].as_str().unwrap())),
        entry: entry.clone(),
    };
    entries.iter().filter(ours).map(load).collect()
}

fn read_raw(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "z") {
        let mut raw = Vec::new();
        flate2::read::ZlibDecoder::new(&bytes[..])
            .read_to_end(&mut raw)
            .unwrap();
        return raw;
    }
    bytes
}

fn of_sequence<'a>(vectors: &'a [Vector], name: &'a str) -> impl Iterator<Item = &'a Vector> {
    vectors
        .iter()
        .filter(move |vector| vector.entry["sequence"] == name)
}

/// The GLZ stream of a vector, unwrapped if it was deflated.
fn glz_stream(vector: &Vector) -> Vec<u8> {
    if vector.text("codec") == "glz" {
        return vector.enc.clone();
    }
    let size = vector.number("glz_data_size");
    let (width, height) = vector.size();
    assert!(size <= zlib::glz_bound(u64::from(width * height)));
    let mut data = Vec::new();
    zlib::inflate_exact(&vector.enc, size as usize, &mut data).unwrap();
    data
}

fn assert_glz_sequence_decodes(vectors: &[Vector], sequence: &str) {
    let mut window: Option<Window> = None;
    for vector in of_sequence(vectors, sequence) {
        let window = window.get_or_insert_with(|| Window::new(vector.number("window_pixels")));
        let mut out = Vec::new();
        let header = glz::decode(&glz_stream(vector), &vector.limits(), window, &mut out)
            .unwrap_or_else(|error| panic!("{}: {error}", vector.name()));

        assert_exact(vector, &out);
        assert_eq!(header.id, vector.number("id"));
        assert_eq!(
            u64::from(header.head_distance),
            vector.number("win_head_dist")
        );
        assert_eq!(header.top_down, vector.entry["top_down"] == true);
        assert!(window.pixels() <= vector.number("window_pixels"));
    }
    assert!(window.is_some(), "no such sequence: {sequence}");
}

fn assert_lz4_decodes(vector: &Vector) {
    let (width, height) = vector.size();
    let mut out = Vec::new();
    let header = lz4::decode(&vector.enc, width, height, &vector.limits(), &mut out)
        .unwrap_or_else(|error| panic!("{}: {error}", vector.name()));

    assert_exact(vector, &out);
    assert_eq!(u64::from(header.format), vector.number("spice_format"));
    assert_eq!(header.top_down, vector.entry["top_down"] == true);
}

fn assert_jpeg_decodes(vector: &Vector) {
    let jpeg_size = vector.entry["jpeg_size"].as_u64().map(|size| size as usize);
    let data = &vector.enc[..jpeg_size.unwrap_or(vector.enc.len())];
    let mut out = Vec::new();
    jpeg::decode(data, &vector.limits(), &mut out)
        .unwrap_or_else(|error| panic!("{}: {error}", vector.name()));

    assert_eq!(out.len(), vector.raw.len(), "{}", vector.name());
    assert!(out.as_chunks::<4>().0.iter().all(|pixel| pixel[3] == 0));
    let pixels = out
        .as_chunks::<4>()
        .0
        .iter()
        .zip(vector.raw.as_chunks::<4>().0);
    let differences = pixels.flat_map(|(a, b)| {
        [
            a[0].abs_diff(b[0]),
            a[1].abs_diff(b[1]),
            a[2].abs_diff(b[2]),
        ]
    });
    let (mut worst, mut sum, mut count) = (0, 0u64, 0u64);
    for difference in differences {
        worst = worst.max(difference);
        sum += u64::from(difference);
        count += 1;
    }
    let mean = sum as f64 / count as f64;
    let tolerance = &vector.entry["tolerance"];
    assert!(
        u64::from(worst) <= tolerance["max_abs"].as_u64().unwrap()
            && mean <= tolerance["mean_abs"].as_f64().unwrap(),
        "{}: off by {worst} at most, {mean:.3} on average",
        vector.name()
    );
}

#[track_caller]
fn assert_exact(vector: &Vector, out: &[u8]) {
    assert_eq!(out.len(), vector.raw.len(), "{}: length", vector.name());
    if let Some(at) = out.iter().zip(&vector.raw).position(|(a, b)| a != b) {
        let row_len = out.len() / vector.size().1 as usize;
        panic!(
            "{}: first difference in row {} at byte {}: {:02x}, not {:02x}",
            vector.name(),
            at / row_len,
            at % row_len,
            out[at],
            vector.raw[at]
        );
    }
}

/// Decodes a sequence and shows each vector together with the window it is to be decoded with.
fn for_each_window(vectors: &[Vector], sequence: &str, mut each: impl FnMut(&Vector, &Window)) {
    let mut window: Option<Window> = None;
    for vector in of_sequence(vectors, sequence) {
        let window = window.get_or_insert_with(|| Window::new(vector.number("window_pixels")));
        each(vector, window);
        glz::decode_shared(&vector.enc, &vector.limits(), window).unwrap();
    }
}

/// A GLZ stream of one row.
fn stream_of(kind: u8, id: u64, head_distance: u32, width: u32, tokens: &str) -> Vec<u8> {
    let mut data = hex("20205a4c 00010001");
    data.push(kind);
    for field in [
        width,
        1,
        4 * width,
        (id >> 32) as u32,
        id as u32,
        head_distance,
    ] {
        data.extend_from_slice(&field.to_be_bytes());
    }
    data.extend_from_slice(&hex(tokens));
    data
}

fn stream(id: u64, head_distance: u32, width: u32, tokens: &str) -> Vec<u8> {
    stream_of(0x18, id, head_distance, width, tokens)
}

fn literal_stream(id: u64, width: u32, pixels: &[[u8; 4]]) -> Vec<u8> {
    let mut data = stream(id, id as u32, width, "");
    for run in pixels.chunks(32) {
        data.push(run.len() as u8 - 1);
        data.extend(run.iter().flat_map(|pixel| &pixel[..3]));
    }
    data
}

/// Literals 0,0,0 · 1,1,1 · 2,2,2 …
fn counted_literals(count: u8) -> String {
    let mut text = format!("{:02x}", count - 1);
    for value in 0..count {
        write!(text, "{value:02x}{value:02x}{value:02x}").unwrap();
    }
    text
}

/// Decodes a row of RGB32 that may refer to everything before it.
fn decode_row(
    id: u64,
    width: u32,
    tokens: &str,
    window: &mut Window,
) -> Result<(glz::Header, glz::Pixels), Error> {
    let data = stream(id, id.min(500) as u32, width, tokens);
    glz::decode_shared(&data, &Limits::default(), window)
}

/// Decodes an image of one literal pixel.
fn decode_pixel(id: u64, head_distance: u64, window: &mut Window) -> Result<(), Error> {
    let data = stream(id, head_distance as u32, 1, "00 01 02 03");
    glz::decode_shared(&data, &Limits::default(), window).map(|_| ())
}

/// The two images the description of the format ends with.
fn worked_pair() -> [Vec<u8>; 2] {
    let mut first =
        hex("20205a4c 00010001 18 00000010 00000001 00000040 0000000000000000 00000000 0f");
    first.extend((0..16).flat_map(|i| [0x10 + i, 0x20 + i, 0x30 + i]));
    let second = hex(
        "20205a4c 00010001 18 00000010 00000001 00000040 0000000000000001 00000001
         01 132333 142434  e5 04 00 01  02 102030 112131 122232",
    );
    [first, second]
}

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(|c| c.to_digit(16).unwrap() as u8)
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// A bitmap to encode.
#[derive(Debug)]
struct Source {
    kind: Kind,
    width: u32,
    height: u32,
    top_down: bool,
    pixels: Vec<u8>,
}

impl Source {
    /// A bitmap of runs, repetitions and noise, in colours and shapes that recur from one bitmap to the next.
    fn random(kind: Kind, width: u32, height: u32, seed: u64) -> Self {
        let mut random = Random(seed | 1);
        let count = (width * height) as usize;
        let mut pixels: Vec<u32> = Vec::with_capacity(count);
        while pixels.len() < count {
            let length = 1 + random.below(40);
            let start = random.below(5000) as u32;
            match random.below(4) {
                0 => pixels.extend(std::iter::repeat_n(start % 5 * 0x0123_4567, length)),
                1 => pixels.extend((start..).take(length).map(|i| i.wrapping_mul(0x9e37_79b1))),
                2 => pixels.extend((0..length).map(|_| random.next() as u32)),
                _ => {
                    let from = random.below(pixels.len().max(1));
                    let run = from..pixels.len().min(from + length);
                    pixels.extend_from_within(run);
                }
            }
        }
        let bytes = pixels[..count]
            .iter()
            .flat_map(|pixel| pixel.to_le_bytes()[..kind.bytes_per_pixel()].to_vec());
        Self {
            kind,
            width,
            height,
            top_down: seed & 1 == 0,
            pixels: bytes.collect(),
        }
    }

    fn bitmap(&self) -> Bitmap<'_> {
        Bitmap {
            kind: self.kind,
            width: self.width,
            height: self.height,
            stride: self.width as usize * self.kind.bytes_per_pixel(),
            top_down: self.top_down,
            pixels: &self.pixels,
        }
    }

    /// What a decoder makes of it.
    fn decoded(&self) -> Vec<u8> {
        let widen = |value: u16| ((value & 31) * 33 / 4) as u8;
        let pixels = self.pixels.chunks(self.kind.bytes_per_pixel());
        pixels
            .flat_map(|pixel| match (self.kind, pixel) {
                (Kind::Rgb16, &[low, high]) => {
                    let value = u16::from_le_bytes([low, high]);
                    [widen(value), widen(value >> 5), widen(value >> 10), 0]
                }
                (Kind::Rgb24, &[b, g, r]) | (Kind::Rgb32, &[b, g, r, _]) => [b, g, r, 0],
                (Kind::Rgba, &[b, g, r, a]) => [b, g, r, a],
                _ => unreachable!("chunks of one pixel"),
            })
            .collect()
    }
}

/// The bitmap a GLZ vector was made from: its picture, in the kind it was encoded as.
fn bitmap_of(vector: &Vector) -> Source {
    let (kind, narrow): (Kind, fn(&[u8; 4]) -> Vec<u8>) =
        match glz::Header::parse(&vector.enc).unwrap().kind {
            Kind::Rgb16 => (Kind::Rgb16, |&[b, g, r, _]| {
                let value = u16::from(r >> 3) << 10 | u16::from(g >> 3) << 5 | u16::from(b >> 3);
                value.to_le_bytes().to_vec()
            }),
            Kind::Rgb24 => (Kind::Rgb24, |pixel| pixel[..3].to_vec()),
            kind => (kind, |pixel| pixel.to_vec()),
        };
    let (width, height) = vector.size();
    Source {
        kind,
        width,
        height,
        top_down: vector.entry["top_down"] == true,
        pixels: vector.raw.as_chunks().0.iter().flat_map(narrow).collect(),
    }
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![Kind::Rgb16, Kind::Rgb24, Kind::Rgb32, Kind::Rgba])
}

/// Xorshift: the same numbers in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() >> 20) as usize % end
    }

    /// A copy with a few bits or bytes changed.
    fn damage(&mut self, data: &[u8]) -> Vec<u8> {
        let mut data = data.to_vec();
        for _ in 0..1 + self.below(4) {
            let at = self.below(data.len());
            match self.below(3) {
                0 => data[at] ^= 1 << self.below(8),
                1 => data[at] = self.next() as u8,
                _ => data[at] = [0, 0x1f, 0x20, 0x7f, 0x80, 0xff][self.below(6)],
            }
        }
        data
    }
}
