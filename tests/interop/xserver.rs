//! The X server that draws into a SPICE server: scrolling text, moving windows, pictures.

use capsaicin::InputEvent;
use capsaicin::channel::main::MouseMode;
use libtest_mimic::Trial;

use crate::keys;
use crate::live::Live;
use crate::modes::{Mode, each_mode};
use crate::peers::picture::{Picture, assert_same};
use crate::peers::process::read_lossy;
use crate::peers::xserver::XServer;
use crate::peers::{Peer, spicy, until};
use crate::{LIMIT, program, test};

const NEEDS: &[Peer] = &[Peer::XServer, Peer::Spicy];

pub fn tests() -> Vec<Trial> {
    let mut tests = each_mode(
        "xserver::text_windows_and_pictures_are_what_x_and_the_gtk_client_show",
        NEEDS,
        drawing_is_what_x_and_the_gtk_client_show,
    );
    for mode in [Mode::Server("off"), Mode::Server("auto_glz")] {
        tests.push(test(
            format!(
                "xserver::what_a_drawing_benchmark_leaves_is_shown::{}",
                mode.name()
            ),
            NEEDS,
            move || what_a_drawing_benchmark_leaves_is_shown(mode),
        ));
    }
    tests.push(test(
        "xserver::a_resized_screen_is_followed",
        NEEDS,
        a_resized_screen_is_followed,
    ));
    tests.push(test(
        "xserver::typed_characters_arrive_in_a_terminal",
        NEEDS,
        typed_characters_arrive,
    ));
    tests.push(test(
        "xserver::the_pointer_goes_where_it_is_sent",
        NEEDS,
        the_pointer_goes_where_it_is_sent,
    ));
    tests
}

fn drawing_is_what_x_and_the_gtk_client_show(mode: Mode) {
    let mut server = XServer::start(mode.setting());
    let live = Live::connect(&server.address, mode.preferred());
    live.wait_for_picture();

    scroll_text(&mut server);
    live.assert_follows(&format!("live text {}", mode.name()), || {
        server.quiet_screen()
    });
    show_pictures(&mut server);
    live.assert_follows(&format!("live pictures {}", mode.name()), || {
        server.quiet_screen()
    });
    move_windows(&server);
    live.assert_follows(&format!("live windows {}", mode.name()), || {
        server.quiet_screen()
    });

    let images = live.images();
    for encoding in mode.encodings() {
        assert!(images.contains_key(encoding), "no {encoding} in {images:?}");
    }
    assert!(live.moves() > 10, "{} moves", live.moves());

    let screen = server.quiet_screen();
    let screenshot = program::screenshot(&server.address, &mode.arguments());
    assert_same(&format!("screenshot {}", mode.name()), &screenshot, &screen);
    let reference = spicy::screenshot(&server.address, None);
    assert_same(
        &format!("screenshot {}", mode.name()),
        &screenshot,
        &reference,
    );
}

/// Text runs through a terminal and stays there.
pub fn scroll_text(server: &mut XServer) {
    // Fast at first, then step by step, so that the server sends many scrolled screens and not one.
    let script = "seq 1 400; for i in $(seq 40); do \
                  ls -l --color=always /usr/bin | head -$((8 * i)) | tail -4; sleep 0.05; done; \
                  touch done; exec sleep 999";
    server.spawn(
        "xterm",
        &["-geometry", "90x30+30+40", "-e", "sh", "-c", script],
    );
    let done = server.scratch().join("done");
    until("the end of the text", LIMIT, || done.exists().then_some(()));
}

/// Pictures of several kinds, because servers choose how to compress by what they see.
pub fn show_pictures(server: &mut XServer) {
    let photo = |x: u32, y: u32| {
        let wave = |a: f32, b: f32| ((x as f32 / a).sin() + (y as f32 / b).cos()) * 50.0 + 120.0;
        let noise = (x * 7919 + y * 104_729).wrapping_mul(2_654_435_761) >> 29;
        [wave(31.0, 47.0), wave(53.0, 29.0), wave(71.0, 67.0)].map(|c| c as u8 + noise as u8)
    };
    let drawing = |x: u32, y: u32| match (x / 20 + y / 15) % 3 {
        0 => [200, 30, 30],
        1 => [250, 250, 240],
        _ => [20, 40, 90],
    };
    let gradient = |x: u32, y: u32| [(x / 2) as u8, (y / 2) as u8, ((x + y) / 4) as u8];
    show(server, "photo", (400, 300), (560, 30), photo);
    show(server, "drawing", (300, 240), (100, 480), drawing);
    show(server, "gradient", (360, 280), (480, 400), gradient);
}

/// Shows a picture in a window of its own.
fn show(
    server: &mut XServer,
    title: &str,
    (width, height): (u32, u32),
    (x, y): (u32, u32),
    colour: impl Fn(u32, u32) -> [u8; 3],
) {
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let rgb = pixels.flat_map(|(x, y)| colour(x, y)).collect();
    let file = server.scratch().join(format!("{title}.png"));
    Picture::from_rgb(width, height, rgb).write_png(&file);
    let geometry = format!("{width}x{height}+{x}+{y}");
    let file = file.display().to_string();
    server.spawn(
        "feh",
        &[
            "--borderless",
            "--geometry",
            &geometry,
            "--title",
            title,
            &file,
        ],
    );
    // Returns when it is there.
    server.run(
        "xdotool",
        &["search", "--sync", "--onlyvisible", "--name", title],
    );
}

/// Drags windows across each other.
pub fn move_windows(server: &XServer) {
    for (name, dx, dy) in [("photo", "-11", "9"), ("gradient", "4", "-13")] {
        let window = server.run("xdotool", &["search", "--onlyvisible", "--name", name]);
        // The pause lets the server send what it would else merge.
        let step = [
            "windowmove",
            "--relative",
            "--",
            window.trim(),
            dx,
            dy,
            "sleep",
            "0.03",
        ];
        for _ in 0..25 {
            server.run("xdotool", &step);
        }
    }
}

/// What the benchmark draws: fills, stipples, tiles, lines, arcs, text, copies, images and blending.
const DRAWINGS: &[&[&str]] = &[
    &["-rop", "xor", "invert", "-rect100"],
    &["-osrect100"],
    &["-bigtilerect100"],
    &["-rop", "or", "-ddline100"],
    &["-wcircle100"],
    &["-complex100"],
    &["-ftext"],
    &["-scroll500"],
    &["-copypixwin100"],
    &["-copyplane100"],
    &["-putimage100"],
    &["-compwinwin100"],
];

fn what_a_drawing_benchmark_leaves_is_shown(mode: Mode) {
    let mut server = XServer::start(mode.setting());
    let live = Live::connect(&server.address, mode.preferred());
    live.wait_for_picture();
    for drawing in DRAWINGS {
        let empty = server.quiet_screen();
        let arguments = [&["-sync", "-repeat", "1", "-time", "20"], *drawing].concat();
        server.spawn("x11perf", &arguments);
        let drawn = until("the first drawing", LIMIT, || {
            Some(server.screen()).filter(|screen| *screen != empty)
        });
        until("another drawing", LIMIT, || {
            (server.screen() != drawn).then_some(())
        });
        // Stopped in the middle: a benchmark leaves nothing when it ends.
        server.last().freeze();
        let name = format!("live {drawing:?} {}", mode.name());
        live.assert_follows(&name, || server.quiet_screen());
        server.last().kill();
    }
    assert!(live.notices().is_empty(), "{:?}", live.notices());
}

fn a_resized_screen_is_followed() {
    let mut server = XServer::start("auto_glz");
    let live = Live::connect(&server.address, None);
    live.wait_for_picture();
    show_pictures(&mut server);

    for size in ["800x600", "1024x768"] {
        server.run("xrandr", &["--size", size]);
        live.assert_follows(&format!("live {size}"), || server.quiet_screen());
    }
}

fn typed_characters_arrive() {
    let mut server = XServer::start("auto_glz");
    let live = Live::connect(&server.address, None);
    live.wait_for_inputs();
    server.spawn(
        "xterm",
        &["-e", "sh", "-c", "echo ready >ready; cat >typed"],
    );
    let file = |name: &str| server.scratch().join(name);
    until("the terminal", LIMIT, || {
        file("ready").exists().then_some(())
    });
    // Without a window manager the keyboard goes where the pointer is.
    server.run("xdotool", &["mousemove", "100", "100"]);

    let text = format!("{}\n", keys::PRINTABLE);
    text.chars()
        .for_each(|character| keys::press(&live, character));

    until("the characters", LIMIT, || {
        (read_lossy(&file("typed")) == text).then_some(())
    });
    live.assert_follows("live typed", || server.quiet_screen());
}

fn the_pointer_goes_where_it_is_sent() {
    let server = XServer::start("auto_glz");
    let live = Live::connect(&server.address, None);
    live.wait_for_inputs();
    live.wait_for_mouse_mode(MouseMode::CLIENT);

    for (x, y) in [(10, 20), (1000, 700), (512, 384)] {
        live.input(InputEvent::Position { x, y, display: 0 });
        let wanted = format!("x:{x} y:{y} ");
        until(&format!("the pointer at {wanted}"), LIMIT, || {
            let place = server.run("xdotool", &["getmouselocation"]);
            place.starts_with(&wanted).then_some(())
        });
    }
}
