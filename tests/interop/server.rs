//! capsaicin as the server: what the GTK client sees of it.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use libtest_mimic::Trial;
use tempfile::TempDir;

use crate::peers::picture::{Picture, assert_same};
use crate::peers::process::Process;
use crate::peers::tap::Tap;
use crate::peers::{Peer, spicy, until};
use crate::program::CAPSAICIN;
use crate::{LIMIT, program, test};

const NEEDS: &[Peer] = &[Peer::Spicy];

pub fn tests() -> Vec<Trial> {
    let compressed = |(mode, sent): (&'static str, &'static str)| {
        test(
            format!("server::the_gtk_client_shows_the_served_picture::{mode}"),
            NEEDS,
            move || the_gtk_client_shows_the_served_picture(mode, sent),
        )
    };
    let mut tests: Vec<_> = MODES.into_iter().map(compressed).collect();
    tests.extend([
        test(
            "server::the_gtk_client_shows_the_served_picture_over_a_unix_socket",
            NEEDS,
            the_gtk_client_shows_a_picture_over_a_unix_socket,
        ),
        #[cfg(feature = "tls")]
        test(
            "server::the_gtk_client_shows_the_served_picture_with_tls",
            NEEDS,
            the_gtk_client_speaks_tls,
        ),
        test(
            "server::the_gtk_client_gives_the_password_by_tcp",
            NEEDS,
            the_gtk_client_gives_the_password,
        ),
        test(
            "server::a_recording_served_again_shows_the_gtk_client_what_the_recorded_server_showed",
            NEEDS,
            a_recording_served_again_shows_the_gtk_client_what_the_recorded_server_showed,
        ),
    ]);
    tests
}

/// Values of `--compression`, and the encoding that the test card is then sent in.
pub const MODES: [(&str, &str); 7] = [
    ("off", "BITMAP"),
    ("auto", "GLZ_RGB"),
    ("quic", "QUIC"),
    ("lz", "LZ_RGB"),
    ("glz", "GLZ_RGB"),
    ("zlib-glz", "ZLIB_GLZ_RGB"),
    ("lz4", "LZ4"),
];

fn the_gtk_client_shows_the_served_picture(compression: &str, sent: &str) {
    let picture = test_card();
    let dir = TempDir::new().expect("a scratch folder");

    let server = serve(
        &picture,
        &[ANY_PORT, "--compression", compression],
        dir.path(),
    );
    let address = address_of(&server);
    let [gtk, ours] = [(); 2].map(|()| Tap::start(&address));

    assert_same(
        &format!("served picture {compression} to the GTK client"),
        &spicy::screenshot(&gtk.address, None),
        &picture,
    );
    assert_same(
        &format!("served picture {compression} to capsaicin"),
        &program::screenshot(&ours.address, &[]),
        &picture,
    );
    for tap in [gtk, ours] {
        let images = until("the end of the display channel", LIMIT, || {
            Some(tap.images()).filter(|images| !images.is_empty())
        });
        assert_eq!(images, [sent]);
    }
}

/// Recordings of real servers, how long they last, and the pictures those servers ended at.
const RECORDINGS: [(&str, u64, &str); 3] = [
    ("image-quic", 6, "image-quic"),
    ("image-glz", 6, "image-glz"),
    ("stream-sized", 9, "stream-sized"),
];

fn a_recording_served_again_shows_the_gtk_client_what_the_recorded_server_showed() {
    for (recording, seconds, end) in RECORDINGS {
        let file = |name: &str| format!("{}/recordings/{name}", env!("CARGO_MANIFEST_DIR"));
        let dir = TempDir::new().expect("a scratch folder");
        let source = file(&format!("{recording}.pcapng"));
        let serve = ["serve", ANY_PORT, "--source", "recording", &source];
        let server = program::start(dir.path(), &serve);
        let address = address_of(&server);
        // It begins to play when somebody looks.
        let watched = program::run(&["connect", &address, "--for", &(seconds + 3).to_string()]);
        assert_eq!(watched.code, 0, "{}", watched.stderr);

        let end = std::fs::read(file(&format!("{end}.png"))).expect("it is there");
        let end = Picture::from_png(&end);
        let begun = Instant::now();
        let shown = loop {
            let shown = spicy::screenshot(&address, None);
            // A busy machine plays slowly.
            if shown == end || begun.elapsed() > LIMIT {
                break shown;
            }
        };
        assert_same(&format!("{recording} served again"), &shown, &end);
    }
}

fn the_gtk_client_shows_a_picture_over_a_unix_socket() {
    let picture = test_card();
    let dir = TempDir::new().expect("a scratch folder");
    let socket = dir.path().join("served.sock").display().to_string();
    let options = ["--unix", &socket];

    let server = serve(&picture, &options, dir.path());
    wait_until_it_listens(&server);

    assert_same(
        "served picture to the GTK client",
        &spicy::screenshot(&socket, None),
        &picture,
    );
    assert_same(
        "served picture to capsaicin",
        &program::screenshot(&socket, &[]),
        &picture,
    );
}

#[cfg(feature = "tls")]
fn the_gtk_client_speaks_tls() {
    let fixture = |name: &str| format!("{}/tests/fixtures/tls/{name}", env!("CARGO_MANIFEST_DIR"));
    let picture = test_card();
    for certificate in ["v1-rsa2048", "ec"] {
        let dir = TempDir::new().expect("a scratch folder");
        let (cert, key) = (
            fixture(&format!("{certificate}.pem")),
            fixture(&format!("{certificate}.key")),
        );
        let server = serve(
            &picture,
            &[ANY_PORT, "--tls-cert", &cert, "--tls-key", &key],
            dir.path(),
        );
        let authority = fixture("authority.pem");
        let shown = spicy::screenshot_with_tls(port_of(&server), authority.as_ref());
        assert_same(
            &format!("served with {certificate} to the GTK client"),
            &shown,
            &picture,
        );
    }
}

fn the_gtk_client_gives_the_password() {
    let picture = test_card();
    let dir = TempDir::new().expect("a scratch folder");
    let password = dir.path().join("password");
    std::fs::write(&password, "s3kr3t\n").expect("the scratch folder is writable");
    let options = [ANY_PORT, "--password-file", &password.display().to_string()];

    let server = serve(&picture, &options, dir.path());
    let address = address_of(&server);

    assert_same(
        "served picture behind a password",
        &spicy::screenshot(&address, Some("s3kr3t")),
        &picture,
    );
}

/// `capsaicin serve` with this picture.
pub fn serve(picture: &Picture, options: &[&str], dir: &Path) -> Process {
    let file = dir.join("picture.png");
    picture.write_png(&file);
    let mut command = Command::new(CAPSAICIN);
    command
        .arg("serve")
        .args(options)
        .args(["--source", "image"])
        .arg(&file);
    Process::start("capsaicin-serve", &command, dir)
}

/// Where `capsaicin serve` is to listen: at a loopback port that the system chooses.
pub const ANY_PORT: &str = "127.0.0.1:0";

/// Waits until `capsaicin serve` listens; the URI that it then prints.
pub fn wait_until_it_listens(server: &Process) -> String {
    until("the server to listen", LIMIT, || {
        let log = server.log();
        let (_, uri) = log.split_once("listening at ")?;
        let (uri, _) = uri.split_once(';')?;
        Some(uri.to_owned())
    })
}

/// The loopback address of `capsaicin serve`, once it listens.
pub fn address_of(server: &Process) -> String {
    let uri = wait_until_it_listens(server);
    let (_, address) = uri.split_once("://").expect("a URI");
    address.to_owned()
}

/// The loopback port of `capsaicin serve`, once it listens.
pub fn port_of(server: &Process) -> u16 {
    let address = address_of(server);
    let (_, port) = address.rsplit_once(':').expect("a port");
    port.parse().expect("a number")
}

/// A picture of an odd size with smooth, flat and noisy parts.
pub fn test_card() -> Picture {
    let (width, height) = (643, 411);
    let pixels = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    let rgb = pixels.flat_map(|(x, y): (u32, u32)| match (x / 220, y / 210) {
        (0, _) => [(x & 255) as u8, (y & 255) as u8, (x ^ y) as u8],
        (1, 0) => [200, 30, 30],
        _ => (x * 7919 + y * 104_729)
            .wrapping_mul(2_654_435_761)
            .to_be_bytes()[..3]
            .try_into()
            .expect("three bytes"),
    });
    Picture::from_rgb(width, height, rgb.collect())
}
