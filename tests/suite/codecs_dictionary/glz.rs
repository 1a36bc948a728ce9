//! What GLZ streams mean: those of the reference encoder, and tokens written by hand.

use capsaicin::codec::glz::{self, Kind, Window};
use capsaicin::codec::{Error, Limits};

use super::tokens::{counted_literals, decode_row, literal_stream, stream, stream_of, worked_pair};
use super::vectors::{assert_exact, assert_glz_sequence_decodes, fixtures, of_sequence};

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
