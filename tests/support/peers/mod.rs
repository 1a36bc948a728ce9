//! Real SPICE servers, a real client and their neighbours, started by the tests that need them.
//!
//! Every peer is a child process behind a guard: it is ended by its process id when the guard goes, and by the kernel
//! when the test does. Addresses are unix sockets in a scratch folder, or loopback ports the system chose. A peer is
//! returned when it is ready, which is seen, not waited for.

pub mod boot;
pub mod desktop;
pub mod desktop_guest;
pub mod draws;
pub mod guest;
pub mod outer;
pub mod picture;
pub mod process;
pub mod proxy;
pub mod pulse;
pub mod qemu;
pub mod qmp;
pub mod relay;
pub mod sasl;
pub mod spicy;
pub mod tap;
pub mod tmux;
pub mod xserver;

use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use picture::Picture;

/// What a test may need beside the program under test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// QEMU with its SPICE server.
    Qemu,
    /// Kernel, console and desktop of Debian guests, for QEMU to boot.
    Guest,
    /// The X server that draws into a SPICE server, and programs to draw with.
    XServer,
    /// The server library, and what it takes to compile a program against it.
    DrawingServer,
    /// A player of moving pictures.
    Player,
    /// Video encoders for SPICE servers, as GStreamer plugins.
    Encoders,
    /// A sound server.
    Pulse,
    /// The GTK client's screenshot program.
    Spicy,
    /// The reader of captures.
    Wireshark,
    /// The GTK client itself, with what it plays to and a tone for its microphone.
    SpicySound,
    /// The terminal multiplexer that the viewer is driven in.
    Tmux,
    /// An X server without a screen, a terminal with sixels on it, and what types and looks there.
    Desktop,
    /// The terminal of the kitty graphics protocol.
    Kitty,
    /// A Wayland compositor, and a terminal with sixels for that.
    Foot,
    /// Mechanisms of SASL, and what makes users for them.
    Sasl,
    /// An HTTP proxy.
    Tinyproxy,
    /// An SSH server.
    Ssh,
    /// A web server.
    Web,
    /// A network of one's own.
    Namespaces,
    /// What asks libvirt; its test driver needs no libvirt.
    Virsh,
}

impl Peer {
    /// What is missing here for this peer and how to get it; `None` when it can be started.
    pub fn missing(self) -> Option<String> {
        let (programs, packages): (&[&str], &str) = match self {
            Self::Qemu => (
                &["qemu-system-x86_64"],
                "qemu-system-x86 qemu-system-common",
            ),
            Self::Guest => return guest::missing(),
            Self::XServer => {
                let files = [
                    (xserver::DRIVER, "xserver-xspice"),
                    (xserver::POINTERS, "adwaita-icon-theme"),
                ];
                for (file, package) in files {
                    if !Path::new(file).exists() {
                        return Some(format!("no {file} (Debian: {package})"));
                    }
                }
                (
                    &[
                        "Xorg", "xwd", "xrandr", "xsetroot", "xterm", "xdotool", "feh",
                    ],
                    "xserver-xorg-core x11-apps x11-xserver-utils xterm xdotool feh",
                )
            }
            Self::DrawingServer => return draws::missing(),
            Self::Pulse => (&["pulseaudio", "parec"], "pulseaudio pulseaudio-utils"),
            Self::Player => (&["ffplay"], "ffmpeg"),
            Self::Encoders => return encoders_missing(),
            Self::SpicySound => return spicy_sound_missing(),
            Self::Spicy => (&["spicy-screenshot"], "spice-client-gtk"),
            Self::Wireshark => (&["tshark"], "tshark"),
            Self::Tmux => (&["tmux"], "tmux"),
            Self::Desktop => (
                &["Xvfb", "xwd", "xdotool", "xterm"],
                "xvfb x11-apps xdotool xterm",
            ),
            Self::Kitty => (&["kitty"], "kitty"),
            Self::Foot => (&["weston", "foot"], "weston foot"),
            Self::Sasl => return sasl::missing(),
            Self::Tinyproxy => (&["tinyproxy"], "tinyproxy-bin"),
            Self::Ssh => (&["dropbear"], "dropbear-bin"),
            Self::Web => (&["python3"], "python3"),
            Self::Namespaces => return namespaces_missing(),
            Self::Virsh => (&["virsh"], "libvirt-clients"),
        };
        programs
            .iter()
            .find(|program| !installed(program))
            .map(|program| format!("no {program} (Debian: {packages})"))
    }
}

/// What is missing of the GStreamer plugins with the encoders for VP8, VP9 and H.264.
fn encoders_missing() -> Option<String> {
    plugin_missing(&[
        ("libgstvpx.so", "gstreamer1.0-plugins-good"),
        ("libgstx264.so", "gstreamer1.0-plugins-ugly"),
        ("libgstapp.so", "gstreamer1.0-plugins-base"),
    ])
}

/// What is missing to hear and to be heard by the GTK client.
fn spicy_sound_missing() -> Option<String> {
    for (program, package) in [("spicy", "spice-client-gtk"), ("Xvfb", "xvfb")] {
        if !installed(program) {
            return Some(format!("no {program} (Debian: {package})"));
        }
    }
    plugin_missing(&[
        ("libgstautodetect.so", "gstreamer1.0-plugins-good"),
        ("libgstaudiotestsrc.so", "gstreamer1.0-plugins-base"),
    ])
}

/// Why there can be no network of one's own.
fn namespaces_missing() -> Option<String> {
    let alone = std::process::Command::new("unshare")
        .args(["-rn", "true"])
        .output();
    match alone {
        Ok(ended) if ended.status.success() => None,
        Ok(ended) => Some(String::from_utf8_lossy(&ended.stderr).trim().to_owned()),
        Err(_) => Some("no unshare (Debian: util-linux)".to_owned()),
    }
}

/// The first of these GStreamer plugins that is missing, each with its package.
fn plugin_missing(plugins: &[(&str, &str)]) -> Option<String> {
    let folders = [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib64",
        "/usr/lib",
    ];
    let here = |plugin: &str| {
        folders
            .iter()
            .any(|f| Path::new(f).join("gstreamer-1.0").join(plugin).is_file())
    };
    let (plugin, package) = plugins.iter().find(|(plugin, _)| !here(plugin))?;
    Some(format!("no {plugin} (Debian: {package})"))
}

/// Whether a missing peer is a failure: `CAPSAICIN_REQUIRE_PEERS` is 1.
pub fn required() -> bool {
    std::env::var_os("CAPSAICIN_REQUIRE_PEERS").is_some_and(|value| value == "1")
}

/// Whether the search path has this program.
pub fn installed(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(program).is_file()))
}

/// Asks again and again until there is an answer.
///
/// # Panics
///
/// When there is none within `limit`; `what` says what was waited for.
pub fn until<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A loopback port that nothing listens on at this moment, below those that systems give to whoever asks for any: no connection
/// of another test comes from it, before or after, and no test of this program gets it twice. A program beside this one may take it
/// before it is used, so whoever starts a server on it tries again with another.
pub fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    // Two programs that test at the same time begin far apart.
    let begin = std::process::id().wrapping_mul(7919);
    let next = || begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
    // Less than a u16.
    let mut ports = std::iter::repeat_with(|| 12_000 + next() as u16).take(20_000);
    let is_free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    ports.find(is_free).expect("a free port")
}

/// A loopback port on which nothing listens, and nobody else can while this is kept.
pub struct ClosedPort(tokio::net::TcpSocket);

impl ClosedPort {
    /// One that the system chose.
    pub fn new() -> Self {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        let bound = socket.bind((Ipv4Addr::LOCALHOST, 0).into());
        bound.expect("the system has a free port");
        Self(socket)
    }

    /// Its address.
    pub fn address(&self) -> String {
        self.0.local_addr().expect("it is bound").to_string()
    }
}

/// A screen once it has stayed the same for half a second.
fn quiet(mut screen: impl FnMut() -> Picture) -> Picture {
    let mut last = screen();
    let mut same_since = Instant::now();
    until("a quiet screen", Duration::from_secs(90), || {
        let next = screen();
        if next != last {
            (last, same_since) = (next, Instant::now());
        }
        (same_since.elapsed() > Duration::from_millis(500)).then(|| last.clone())
    })
}
