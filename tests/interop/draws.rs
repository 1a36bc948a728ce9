//! The server library issuing every drawing command: our screen is the server's own rendering of the same commands, scene
//! for scene, in every image compression.

use std::collections::BTreeSet;

use libtest_mimic::Trial;

use crate::live::Live;
use crate::peers::draws::Draws;
use crate::peers::{Peer, until};
use crate::{LIMIT, test};

const NEEDS: &[Peer] = &[Peer::DrawingServer];

/// How a server compresses images.
#[derive(Clone, Copy)]
pub struct Way {
    pub name: &'static str,
    /// What the server is told.
    pub options: &'static [&'static str],
    /// Encodings it must have used over all scenes, by the protocol's names.
    encodings: &'static [&'static str],
    /// Images lose a little, and the server renders what it had before: by how much a colour may differ.
    pub tolerance: u8,
}

/// All of them.
pub const WAYS: [Way; 9] = [
    lossless("off", &["--image-compression", "off"], &["BITMAP"]),
    lossless(
        "quic",
        &["--image-compression", "quic"],
        &["QUIC", "BITMAP"],
    ),
    lossless("lz", &["--image-compression", "lz"], &["LZ_RGB", "LZ_PLT"]),
    lossless(
        "glz",
        &["--image-compression", "glz"],
        &["GLZ_RGB", "LZ_PLT"],
    ),
    lossless("lz4", &["--image-compression", "lz4"], &["LZ4"]),
    lossless(
        "auto_lz",
        &["--image-compression", "auto_lz"],
        &["LZ_RGB", "QUIC", "LZ_PLT"],
    ),
    lossless(
        "auto_glz",
        &["--image-compression", "auto_glz"],
        &["GLZ_RGB", "QUIC", "LZ_PLT"],
    ),
    lossless(
        "zlib_glz",
        &["--image-compression", "glz", "--zlib-glz-wan", "always"],
        &["ZLIB_GLZ_RGB"],
    ),
    Way {
        name: "jpeg",
        options: &["--image-compression", "auto_glz", "--jpeg-wan", "always"],
        encodings: &["JPEG", "JPEG_ALPHA", "GLZ_RGB"],
        tolerance: 16,
    },
];

const fn lossless(
    name: &'static str,
    options: &'static [&'static str],
    encodings: &'static [&'static str],
) -> Way {
    Way {
        name,
        options,
        encodings,
        tolerance: 0,
    }
}

/// A scene of the server, and the numbers of messages it cannot be drawn without.
type Scene = (&'static str, &'static [u16]);

/// Scenes for every way of compressing images.
const SCENES: &[Scene] = &[
    ("fill", &[FILL]),
    ("big", &[COPY]),
    ("stroke", &[STROKE]),
    ("paths", &[STROKE]),
    ("text", &[TEXT]),
    ("surface", &[SURFACE_CREATE, COPY, SURFACE_DESTROY]),
    ("copybits", &[COPY_BITS]),
    ("cache", &[COPY]),
    ("plt", &[COPY]),
    ("mix", &[FILL, COPY]),
    ("monitors", &[MONITORS_CONFIG]),
    ("resize", &[SURFACE_DESTROY, SURFACE_CREATE]),
];

/// Scenes with raster operations or few colours, where a small loss may become a large one.
const EXACT_SCENES: &[Scene] = &[
    ("copy", &[FILL, COPY]),
    ("blend", &[BLEND, OPAQUE, BLACKNESS, WHITENESS, INVERS]),
    ("rop3", &[ROP3]),
    ("alpha", &[TRANSPARENT, ALPHA_BLEND]),
    ("composite", &[COMPOSITE]),
    ("depth16", &[SURFACE_DESTROY, SURFACE_CREATE, COPY]),
];

pub fn tests() -> Vec<Trial> {
    let mut tests: Vec<Trial> = WAYS.iter().map(every_scene).collect();
    tests.push(test(
        "draws::a_full_cache_makes_room_as_the_server_says",
        NEEDS,
        a_full_cache_makes_room,
    ));
    tests
}

fn every_scene(way: &'static Way) -> Trial {
    let name = format!(
        "draws::every_scene_is_what_the_server_renders::{}",
        way.name
    );
    test(name, NEEDS, || {
        let exact = if way.tolerance == 0 {
            EXACT_SCENES
        } else {
            &[]
        };
        let copied = scenes_are_what_the_server_renders(way, &[SCENES, exact].concat());
        for image in [way.encodings, &["FROM_CACHE", "SURFACE"]].concat() {
            assert!(copied.contains(image), "no {image} in {copied:?}");
        }
    })
}

/// More pictures to keep than there is room for: the server says which to forget, and later sends them again.
fn a_full_cache_makes_room() {
    let way = &WAYS[2];
    let copied = scenes_are_what_the_server_renders(way, &[("evict", &[INVAL_LIST])]);

    assert_eq!(copied, BTreeSet::from(["LZ_RGB"]));
}

/// Draws scenes with a client that is there from the start; in which ways it got the images to copy.
///
/// It agrees with the server after each scene, got the messages that the scene is about, and had nothing to complain about.
fn scenes_are_what_the_server_renders(way: &Way, scenes: &[Scene]) -> BTreeSet<&'static str> {
    let names: Vec<&str> = scenes.iter().map(|(name, _)| *name).collect();
    let mut server = Draws::start(way.options, &names);
    let live = Live::connect(&server.address, None);
    let mut scene_before = None;

    for (name, messages) in [("start", &[][..])].iter().chain(scenes) {
        let before: Vec<u64> = messages
            .iter()
            .map(|number| live.messages(*number))
            .collect();
        // The server draws at once.
        if let Some(scene_before) = scene_before.replace(name) {
            server.go_on(scene_before);
        }
        let expected = server.wait_for(name);
        live.assert_shows_within(
            &format!("draws {} {name}", way.name),
            &expected,
            way.tolerance,
        );
        for (number, before) in messages.iter().zip(before) {
            // Those that change nothing on the screen may come after it.
            until(&format!("{name}: message {number}"), LIMIT, || {
                (live.messages(*number) > before).then_some(())
            });
        }
    }

    assert_eq!(live.notices(), [""; 0]);
    live.copied()
}

const COPY_BITS: u16 = 104;
const INVAL_LIST: u16 = 105;
const FILL: u16 = 302;
const OPAQUE: u16 = 303;
const COPY: u16 = 304;
const BLEND: u16 = 305;
const BLACKNESS: u16 = 306;
const WHITENESS: u16 = 307;
const INVERS: u16 = 308;
const ROP3: u16 = 309;
const STROKE: u16 = 310;
const TEXT: u16 = 311;
const TRANSPARENT: u16 = 312;
const ALPHA_BLEND: u16 = 313;
const SURFACE_CREATE: u16 = 314;
const SURFACE_DESTROY: u16 = 315;
const MONITORS_CONFIG: u16 = 317;
const COMPOSITE: u16 = 318;
