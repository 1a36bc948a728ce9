//! `capsaicin export`: what other readers find in the files it makes.

use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use capsaicin::recording::{Reader, Spacing, Survey};
use image::AnimationDecoder;
use image::codecs::png::PngDecoder;
use serde_json::Value;
use tempfile::TempDir;

use super::file;
use super::picture::{Picture, assert_same};
use crate::support::recordings::{path, recorded};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_capsaicin"))
        .arg("export")
        .args(arguments)
        .stdin(Stdio::null())
        .env_remove("RUST_LOG")
        .output()
        .expect("the program starts")
}

/// An export in a folder of its own, and what the program says of it.
struct Export {
    facts: Value,
    path: PathBuf,
    _folder: TempDir,
}

fn export(recording: &str, name: &str, more: &[&str]) -> Export {
    let folder = TempDir::new().expect("a scratch folder");
    let made = folder.path().join(name);
    let recording = path(recording);
    let mut arguments = vec![text(&recording), "-o", text(&made), "--json"];
    arguments.extend(more);
    let output = run(&arguments);
    assert!(output.status.success(), "{output:?}");
    // Nothing is left of the making.
    let entries = std::fs::read_dir(folder.path()).expect("it is readable");
    assert_eq!(entries.count(), 1);
    Export {
        facts: serde_json::from_slice(&output.stdout).expect("JSON"),
        path: made,
        _folder: folder,
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of plain letters")
}

/// What a refused export says, and its exit code.
fn refusal(recording: &Path, output: &str, more: &[&str]) -> (String, i32) {
    let folder = TempDir::new().expect("a scratch folder");
    let made = folder.path().join(output);
    let output = run(&[&[text(recording), "-o", text(&made)], more].concat());
    let said = String::from_utf8_lossy(&output.stderr)
        .replace(text(recording), "FILE")
        .replace(text(&made), "OUT");
    let entries = std::fs::read_dir(folder.path()).expect("it is readable");
    assert_eq!(entries.count(), 0, "nothing is made");
    (said, output.status.code().expect("it was not killed"))
}

fn picture(rgb: Vec<u8>, width: u32, height: u32) -> Picture {
    Picture::from_rgb(width, height, rgb)
}

fn end_picture(name: &str) -> Picture {
    Picture::from_png(&file(name))
}

#[test]
fn a_png_is_the_screen_of_its_moment() {
    let last = export("image-quic.pcapng", "last.png", &[]);
    assert_same(
        "export png",
        &Picture::from_png(&std::fs::read(&last.path).unwrap()),
        &end_picture("image-quic.png"),
    );
    let before = export("draws-rop3-copybits.pcapng", "rop3.png", &["--at", "2.3"]);
    assert_same(
        "export png --at",
        &Picture::from_png(&std::fs::read(&before.path).unwrap()),
        &end_picture("draws-rop3.png"),
    );
}

/// The screen of a moment.
fn at(recording: &str, seconds: &str, pointer: &str) -> Picture {
    let made = export(
        recording,
        "at.png",
        &["--at", seconds, "--pointer", pointer],
    );
    Picture::from_png(&std::fs::read(&made.path).unwrap())
}

/// The pixels that differ: how many, and the smallest rectangle (left, top, right, bottom) around them.
fn differing(a: &Picture, b: &Picture) -> (usize, [u32; 4]) {
    let places = (0..a.height).flat_map(|y| (0..a.width).map(move |x| (x, y)));
    let places: Vec<_> = places
        .filter(|&(x, y)| a.pixel(x, y) != b.pixel(x, y))
        .collect();
    let around = places
        .iter()
        .fold([u32::MAX, u32::MAX, 0, 0], |[l, t, r, b], &(x, y)| {
            [l.min(x), t.min(y), r.max(x + 1), b.max(y + 1)]
        });
    (places.len(), around)
}

/// As `inspect` prints the messages: SET at 5.13 s puts a pointer of 32×32 pixels at (250, 100), its hot spot at (5, 2); and in
/// the other recording the client says (150, 181), with a pointer of 64×64 pixels whose hot spot is at (4, 8).
#[test]
fn the_pointer_is_drawn_where_it_was_when_it_is_wanted() {
    for (recording, seconds, [left, top, right, bottom]) in [
        ("cursors.pcapng", "5.2", [245, 98, 277, 130]),
        ("agent.pcapng", "25", [146, 173, 210, 237]),
    ] {
        let (without, with) = (at(recording, seconds, "off"), at(recording, seconds, "on"));
        let (count, [l, t, r, b]) = differing(&without, &with);
        assert!(count > 20, "{recording}: {count} pixels");
        let inside = l >= left && t >= top && r <= right && b <= bottom;
        assert!(inside, "{recording}: {:?}", [l, t, r, b]);
    }
    let plain = export("cursors.pcapng", "plain.png", &["--at", "5.2"]);
    let plain = Picture::from_png(&std::fs::read(&plain.path).unwrap());
    assert_same("plain", &plain, &at("cursors.pcapng", "5.2", "off"));
}

#[test]
fn films_have_the_pointer_in_them() {
    let moment = ["--from", "5.2", "--to", "5.2"];
    let made = export("cursors.pcapng", "film.apng", &moment);
    let film = Picture::from_png(&std::fs::read(&made.path).unwrap());
    assert_same("film", &film, &at("cursors.pcapng", "5.2", "on"));
    let made = export(
        "cursors.pcapng",
        "bare.apng",
        &[&moment[..], &["--pointer", "off"]].concat(),
    );
    let bare = Picture::from_png(&std::fs::read(&made.path).unwrap());
    assert_same("bare", &bare, &at("cursors.pcapng", "5.2", "off"));
}

#[test]
fn an_animated_png_ends_with_the_exact_picture_and_lasts_as_long_as_the_session() {
    let made = export("image-quic.pcapng", "film.apng", &["--fps", "10"]);
    let decoder = PngDecoder::new(BufReader::new(File::open(&made.path).unwrap()))
        .and_then(PngDecoder::apng)
        .expect("an animated PNG");
    let frames = decoder
        .into_frames()
        .collect_frames()
        .expect("sound frames");

    assert_eq!(Some(frames.len() as u64), made.facts["pictures"].as_u64());
    assert!(frames.len() > 2, "{}", frames.len());
    let last = frames.last().expect("a frame").buffer();
    let rgb = last
        .pixels()
        .flat_map(|p| [p.0[0], p.0[1], p.0[2]])
        .collect();
    assert_same(
        "export apng",
        &picture(rgb, last.width(), last.height()),
        &end_picture("image-quic.png"),
    );
    let millis: f64 = frames
        .iter()
        .map(|frame| {
            let (numerator, denominator) = frame.delay().numer_denom_ms();
            f64::from(numerator) / f64::from(denominator)
        })
        .sum();
    let seconds = made.facts["seconds"].as_f64().unwrap();
    assert!(
        (millis / 1000.0 - seconds).abs() < 0.01,
        "{millis} ms, {seconds} s"
    );
}

#[test]
fn an_animated_webp_ends_with_the_exact_picture() {
    let made = export("image-quic.pcapng", "film.webp", &["--fps", "10"]);
    let bytes = std::fs::read(&made.path).unwrap();
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(bytes)).expect("a WebP file");
    assert!(decoder.is_animated() && !decoder.is_lossy());
    let frames = u64::from(decoder.num_frames());
    assert_eq!(Some(frames), made.facts["pictures"].as_u64());
    let (width, height) = decoder.dimensions();
    let pixel = if decoder.has_alpha() { 4 } else { 3 };
    let mut pixels = vec![0; decoder.output_buffer_size().expect("it is small")];
    let mut millis = 0;
    for _ in 0..frames {
        millis += decoder.read_frame(&mut pixels).expect("a sound frame");
    }
    let rgb = pixels
        .chunks_exact(pixel)
        .flat_map(|p| [p[0], p[1], p[2]])
        .collect();
    assert_same(
        "export webp",
        &picture(rgb, width, height),
        &end_picture("image-quic.png"),
    );
    let seconds = made.facts["seconds"].as_f64().unwrap();
    assert!((f64::from(millis) / 1000.0 - seconds).abs() < 0.01);
}

#[test]
fn a_gif_of_few_colours_is_exact() {
    let made = export("firmware-menu.pcapng", "film.gif", &[]);
    let mut options = gif::DecodeOptions::new();
    options.set_color_output(gif::ColorOutput::RGBA);
    let mut decoder = options
        .read_info(File::open(&made.path).unwrap())
        .expect("a GIF");
    let (width, height) = (usize::from(decoder.width()), usize::from(decoder.height()));
    let mut canvas = vec![0; width * height * 3];
    let mut frames = 0;
    while let Some(frame) = decoder.read_next_frame().expect("a sound frame") {
        frames += 1;
        let columns = usize::from(frame.width);
        for (place, pixel) in frame.buffer.chunks_exact(4).enumerate() {
            let x = usize::from(frame.left) + place % columns;
            let y = usize::from(frame.top) + place / columns;
            canvas[(y * width + x) * 3..][..3].copy_from_slice(&pixel[..3]);
        }
    }
    assert_eq!(Some(frames), made.facts["pictures"].as_u64());
    assert_same(
        "export gif",
        &picture(canvas, width as u32, height as u32).part((0, 100), (720, 300)),
        // Above it a cursor blinks.
        &end_picture("firmware-menu.png").part((0, 100), (720, 300)),
    );
}

#[test]
fn video_has_a_picture_for_every_tick_and_even_sides() {
    let more = [
        "--fps", "10", "--scale", "0.247", "--from", "1", "--to", "2",
    ];
    let made = export("image-quic.pcapng", "film.y4m", &more);
    let bytes = std::fs::read(&made.path).unwrap();
    let end = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .expect("a header");
    let header = std::str::from_utf8(&bytes[..end]).expect("text");
    let (width, height) = (
        made.facts["width"].as_u64().unwrap(),
        made.facts["height"].as_u64().unwrap(),
    );
    let (even, high) = (width.next_multiple_of(2), height.next_multiple_of(2));
    assert_eq!(
        header,
        format!("YUV4MPEG2 W{even} H{high} F10000:1000 Ip A1:1 C420jpeg XCOLORRANGE=LIMITED")
    );
    let frame = 6 + (even * high * 3 / 2) as usize;
    assert_eq!((bytes.len() - end - 1) % frame, 0);
    assert_eq!((bytes.len() - end - 1) / frame, 10);
}

/// A colour of a terminal, those of the xterm palette by its rule: greys from 232, a cube of six steps from 16.
fn rgb(colour: vt100::Color) -> [u8; 3] {
    match colour {
        vt100::Color::Rgb(r, g, b) => [r, g, b],
        vt100::Color::Idx(n @ 232..) => [8 + (n - 232) * 10; 3],
        vt100::Color::Idx(n @ 16..) => {
            let step = |place: u8| [0, 95, 135, 175, 215, 255][usize::from((n - 16) / place % 6)];
            [step(36), step(6), step(1)]
        }
        other => panic!("{other:?} is whatever the user likes"),
    }
}

#[test]
fn a_cast_replayed_in_a_terminal_shows_the_picture() {
    let more = ["--columns", "72", "--rows", "40", "--draw", "half"];
    let made = export("firmware-pattern.pcapng", "film.cast", &more);
    let cast = std::fs::read_to_string(&made.path).unwrap();
    let mut lines = cast
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let header = lines.next().expect("a header");
    assert_eq!(
        (&header["version"], &header["width"], &header["height"]),
        (&2.into(), &72.into(), &40.into())
    );
    let mut terminal = vt100::Parser::new(40, 72, 0);
    let mut last = 0.0;
    for event in lines {
        let (at, kind) = (event[0].as_f64().expect("a time"), &event[1]);
        assert!(at >= last && kind == "o", "{event}");
        last = at;
        terminal.process(event[2].as_str().expect("text").as_bytes());
    }
    // 640 by 400 pixels are 72 by 45 dots, two a cell, from row 8 of 40 on: each is the mean of 8.9 by 8.9 pixels.
    let end = end_picture("firmware-pattern.png");
    let mean = |column: u16, row: u16| {
        let (left, top) = (
            f64::from(column) * 640.0 / 72.0,
            f64::from(row - 8) * 2.0 * 400.0 / 45.0,
        );
        let inside = (1..9).flat_map(|y| (1..9).map(move |x| (x, y)));
        let pixels = inside.map(|(x, y)| end.pixel(left as u32 + x, top as u32 + y));
        let sum = pixels.fold([0; 3], |sum, pixel| {
            [0, 1, 2].map(|c| sum[c] + u32::from(pixel[c]))
        });
        sum.map(|sum| (sum / 64) as u8)
    };
    let mut far = 0;
    for (column, row) in (1..71).flat_map(|x| (9..30).map(move |y| (x, y))) {
        let cell = terminal.screen().cell(row, column).expect("a cell");
        let colour = match cell.contents() {
            "▀" | "█" => cell.fgcolor(),
            _ => cell.bgcolor(),
        };
        let [r, g, b] = rgb(colour);
        let there = mean(column, row);
        let distance = there
            .iter()
            .zip([r, g, b])
            .map(|(a, b)| a.abs_diff(b))
            .max();
        far += usize::from(distance > Some(64));
    }
    assert!(far < 15, "{far} of 1470 cells are of another colour");
}

#[test]
fn sound_has_its_place_and_its_rate() {
    let made = export("audio-opus.pcapng", "sound.wav", &[]);
    let bytes = std::fs::read(&made.path).unwrap();
    let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    assert_eq!((&bytes[..4], word(24)), (&b"RIFF"[..], 48_000));
    let samples: Vec<i16> = bytes[44..]
        .chunks_exact(2)
        .map(|pair| i16::from_le_bytes([pair[0], pair[1]]))
        .collect();
    // 201 packets of 10 ms were recorded; the rest is silence.
    let loud = samples
        .chunks_exact(2)
        .filter(|frame| frame[0].abs() > 100)
        .count();
    assert!((60_000..=96_480).contains(&loud), "{loud} frames");
    let seconds = samples.len() as f64 / 2.0 / 48_000.0;
    let told = made.facts["seconds"].as_f64().unwrap();
    assert!((seconds - told).abs() < 0.01, "{seconds} s, {told} s");
}

#[test]
fn what_cannot_be_made_is_said_and_nothing_is_left_behind() {
    let recording = path("firmware-menu.pcapng");
    for (output, more, code, said) in [
        (
            "film.avi",
            &[][..],
            2,
            "capsaicin: cannot make OUT: its extension does not say what it is to be\n  hint: .png, .gif, .apng, .webp, \
             .y4m, .cast, .wav and .txt can be made\n",
        ),
        ("a.wav", &[], 9, "capsaicin: there is no sound in FILE\n"),
        (
            "a.txt",
            &[],
            9,
            "capsaicin: no port says anything in FILE\n  hint: what is on the screen is no text to this program; .png and \
             .cast show it\n",
        ),
        (
            "a.gif",
            &["--monitor", "7"],
            9,
            "capsaicin: cannot show monitor 7: FILE has no such monitor then\n  hint: --monitor can be 1\n",
        ),
        (
            "a.gif",
            &["--from", "3", "--to", "1"],
            2,
            "capsaicin: cannot end at 1 s: that is before 3.000 s\n",
        ),
    ] {
        assert_eq!(refusal(&recording, output, more), (said.to_owned(), code));
    }
    let folder = TempDir::new().expect("a scratch folder");
    let other = folder.path().join("other.pcapng");
    std::fs::write(&other, b"something else").unwrap();
    let (said, code) = refusal(&other, "a.gif", &[]);
    assert!(
        said.starts_with("capsaicin: cannot open FILE: not a recording"),
        "{said}"
    );
    assert_eq!(code, 11);
}

#[test]
fn a_file_that_exists_stays_unless_it_may_be_written_over() {
    let folder = TempDir::new().expect("a scratch folder");
    let made = folder.path().join("a.png");
    std::fs::write(&made, b"older").unwrap();
    let recording = path("firmware-menu.pcapng");
    let arguments = [text(&recording), "-o", text(&made)];
    let output = run(&arguments);
    assert_eq!(output.status.code(), Some(11));
    assert_eq!(std::fs::read(&made).unwrap(), b"older");

    let output = run(&[&arguments[..], &["--force"]].concat());
    assert!(output.status.success(), "{output:?}");
    assert!(std::fs::read(&made).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn a_damaged_recording_is_exported_as_far_as_it_can_be_read() {
    let folder = TempDir::new().expect("a scratch folder");
    let (cut, made) = (
        folder.path().join("cut.pcapng"),
        folder.path().join("a.gif"),
    );
    let whole = file("image-lz.pcapng");
    std::fs::write(&cut, &whole[..whole.len() / 2]).unwrap();
    let output = run(&[text(&cut), "-o", text(&made)]);
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cut short at byte"), "{said}");
    assert!(std::fs::read(&made).unwrap().starts_with(b"GIF89a"));
}

/// A session that goes on in the next one is exported as it is played: on to the end of the last.
#[test]
fn a_film_goes_on_where_the_session_does() {
    let folder = TempDir::new().expect("a scratch folder");
    let joined = folder.path().join("joined.pcapng");
    let names = ["firmware-menu.pcapng", "image-quic.pcapng"];
    std::fs::write(&joined, recorded(&names, Spacing::default())).expect("it is written");
    let survey = Survey::read(Reader::new(File::open(&joined).unwrap()).unwrap()).unwrap();
    assert_eq!(survey.onward(0), [0, 1]);

    let last = folder.path().join("last.png");
    let output = run(&[text(&joined), "-o", text(&last)]);
    assert!(output.status.success(), "{output:?}");
    let shown = Picture::from_png(&std::fs::read(&last).unwrap());
    assert_same("export of two", &shown, &end_picture("image-quic.png"));

    let film = folder.path().join("film.gif");
    let output = run(&[text(&joined), "-o", text(&film), "--json"]);
    assert!(output.status.success(), "{output:?}");
    let facts: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let end = facts["end"].as_f64().unwrap();
    assert!((end - survey.length.as_secs_f64()).abs() < 0.001, "{facts}");
}
