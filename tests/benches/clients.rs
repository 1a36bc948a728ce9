//! Whole clients side by side: processor time, memory and wall time of `capsaicin connect` and of the GTK client without
//! a window, `spicy-stats`, over the same traffic.
//!
//! Recordings are replayed to each at the recorded times and as fast as it takes them. Then each watches an X server
//! where a video plays, text scrolls and a window moves, one after the other and all at once (`-- live`, or no argument;
//! `-- replay` leaves it out). What is not installed is left out with a word.
//!
//! `connect` shows no pictures, so it decodes and draws none: it only notes where commands draw. That is the first column, and
//! what a user pays; but it is not the same work, as the GTK client decodes and draws all of them for its window that is not
//! there. With `--draw`, the second column, `connect` does so too. Even then it rests 33 ms after a few messages, and leaves a
//! video frame undecoded when the next one comes before anything is drawn over it.

#[path = "../support/terminals/mod.rs"]
mod models;
#[allow(dead_code)]
#[path = "../support/peers/mod.rs"]
mod peers;
#[allow(dead_code)]
#[path = "../support/recordings.rs"]
mod recordings;
#[path = "../support/replay.rs"]
mod replay;
#[path = "../support/usage.rs"]
mod usage;

use std::process::Command;
use std::thread;
use std::time::Duration;

use peers::xserver::{Settings, XServer};
use peers::{Peer, installed};
use replay::{Pace, ReplayServer};
use usage::{Usage, measure};

/// The GTK client without a window.
const OTHER: &str = "spicy-stats";

/// How long each live workload lasts.
const LIVE: Duration = Duration::from_secs(20);

fn main() {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let wanted = |what: &str| words.is_empty() || words.iter().any(|word| word == what);
    if !installed(OTHER) {
        println!("{OTHER} is not installed (Debian: spice-client-gtk): nothing to compare with");
        return;
    }
    println!(
        "{:<32} {:>21}   {:>21}   {:>21}   {:>12}   {:>12}",
        "", "capsaicin connect", "connect --draw", OTHER, "first/other", "second/other"
    );
    let (usage, ratio) = ("  cpu s     MB wall s", "  cpu memory");
    println!(
        "{:<32} {usage}   {usage}   {usage}   {ratio:>12}   {ratio:>12}",
        ""
    );
    if wanted("replay") {
        for name in [
            "xspice-move-video",
            "xspice-text-fills",
            "xspice-photo-cursors",
        ] {
            for pace in [Pace::Recorded, Pace::Fast] {
                replayed(name, pace);
            }
        }
    }
    if wanted("live") {
        match Peer::XServer.missing() {
            Some(missing) => println!("live: {missing}"),
            None => live(),
        }
    }
}

fn replayed(name: &str, pace: Pace) {
    let recording = recordings::file(&format!("{name}.pcapng"));
    let usages = CLIENTS.map(|command| {
        let server = ReplayServer::start(&recording, pace);
        measure(&mut command(&server.address), Duration::from_secs(120))
    });
    print(&format!("{name}, {pace:?}").to_lowercase(), usages);
}

/// Draws on an X server while a client watches.
type Workload = fn(&mut XServer);

fn live() {
    let workloads: [(&str, &str, Workload); 4] = [
        ("live: a video", "ffplay", play_video),
        ("live: scrolling text", "xterm", scroll_text),
        ("live: a moving window", "xdotool", move_window),
        ("live: all three at once", "xdotool", do_all),
    ];
    for (name, program, workload) in workloads {
        if !installed(program) {
            println!("{name}: {program} is not installed");
            continue;
        }
        print(name, CLIENTS.map(|command| watch(command, workload)));
    }
}

/// What it costs to watch a workload from before its beginning to its end.
fn watch(command: fn(&str) -> Command, workload: Workload) -> Usage {
    let mut server = XServer::with(Settings {
        streaming_video: "filter",
        ..Settings::default()
    });
    let address = server.address.clone();
    let client =
        thread::spawn(move || measure(&mut command(&address), LIVE + Duration::from_secs(2)));
    thread::sleep(Duration::from_secs(1));
    workload(&mut server);
    client.join().expect("the measuring does not fail")
}

fn play_video(server: &mut XServer) {
    begin_video(server);
    thread::sleep(LIVE);
}

fn scroll_text(server: &mut XServer) {
    begin_text(server);
    thread::sleep(LIVE);
}

fn do_all(server: &mut XServer) {
    begin_video(server);
    begin_text(server);
    move_window(server);
}

fn begin_video(server: &mut XServer) {
    let source = format!("testsrc2=size=480x360:rate=25:duration={}", LIVE.as_secs());
    let picture = ["-f", "lavfi", "-i", &source, "-autoexit", "-an"];
    let place = [
        "-loglevel",
        "quiet",
        "-noborder",
        "-left",
        "200",
        "-top",
        "150",
    ];
    server.spawn("ffplay", &[&place[..], &picture[..]].concat());
}

fn begin_text(server: &mut XServer) {
    let script = "i=0; while :; do i=$((i+1)); echo \"$i the quick brown fox jumps over the lazy dog $((i*31))\"; \
                  [ $((i % 3)) = 0 ] && sleep 0.03; done";
    let window = [
        "-geometry",
        "100x36+60+40",
        "-fn",
        "fixed",
        "-bg",
        "black",
        "-fg",
        "green",
    ];
    server.spawn(
        "xterm",
        &[&window[..], &["-e", "sh", "-c", script]].concat(),
    );
}

fn move_window(server: &mut XServer) {
    let script = "ls -l /usr/bin | head -14; sleep 60";
    let window = [
        "-geometry",
        "60x16+20+20",
        "-name",
        "moved",
        "-fn",
        "fixed",
        "-e",
        "sh",
        "-c",
        script,
    ];
    server.spawn("xterm", &window);
    let search = ["search", "--sync", "--onlyvisible", "--classname", "moved"];
    let window = server.run("xdotool", &search);
    let window = window.lines().next().unwrap_or_default().to_owned();
    for step in 0..LIVE.as_millis() / 50 {
        let [x, y] = [(step * 7 % 600).to_string(), (step * 5 % 400).to_string()];
        server.run("xdotool", &["windowmove", &window, &x, &y]);
        thread::sleep(Duration::from_millis(50));
    }
}

/// What is compared: `connect`, the same with pictures drawn, and the GTK client.
const CLIENTS: [fn(&str) -> Command; 3] = [ours, ours_drawing, other];

fn ours(address: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_capsaicin"));
    command.args(["connect", address]).env_remove("RUST_LOG");
    command
}

fn ours_drawing(address: &str) -> Command {
    let mut command = ours(address);
    command.arg("--draw");
    command
}

fn other(address: &str) -> Command {
    let mut command = Command::new(OTHER);
    command
        .arg(format!("--uri=spice://{address}"))
        .env_remove("DISPLAY")
        // No sound server is to be looked for, let alone started.
        .envs([("GST_AUDIO_SINK", "fakesink"), ("PULSE_SERVER", "none")]);
    command
}

fn print(name: &str, usages: [Usage; 3]) {
    let [ours, drawing, other] = usages;
    let megabytes = |usage: Usage| usage.memory as f64 / 1e6;
    let columns = |usage: Usage| {
        let [cpu, wall] = [usage.cpu, usage.wall].map(|time| time.as_secs_f64());
        format!("{cpu:>7.2} {:>6.1} {wall:>6.1}", megabytes(usage))
    };
    let ratios = |usage: Usage| {
        let cpu = usage.cpu.as_secs_f64() / other.cpu.as_secs_f64();
        format!("{cpu:>5.2} {:>6.2}", megabytes(usage) / megabytes(other))
    };
    println!(
        "{name:<32} {}   {}   {}   {}   {}",
        columns(ours),
        columns(drawing),
        columns(other),
        ratios(ours),
        ratios(drawing)
    );
}
