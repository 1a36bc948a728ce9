//! How long a key press takes to reach the server while the server sends full screens of QUIC without a pause.
//!
//! `cargo bench --bench latency` prints the times of 200 keys for each screen size, and how many screens a second were
//! drawn meanwhile. The same with decoding in the driver is what [`ClientConfig`] does not offer: a key then waits for
//! up to a whole image.

#[path = "../support/mod.rs"]
mod support;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use capsaicin::channel::display::image::{Image, ImageData, ImageFlags};
use capsaicin::channel::inputs::InputEvent;
use capsaicin::channel::{ChannelId, ChannelKind, Message};
use capsaicin::client::SpiceClient;
use capsaicin::codec::quic;
use capsaicin::geometry::{Rect, Size};
use capsaicin::session::{ClientEvent, Command};
use capsaicin::wire::Frame;
use support::scripted::{self, Connection};
use support::viewer::{DISPLAY, copy, primary};

fn main() {
    let for_real = std::env::args().any(|argument| argument == "--bench");
    let keys = if for_real { 200 } else { 2 };
    println!("key press to server, ms, during a storm of full QUIC screens");
    println!(
        "{:>10} {:>8} {:>8} {:>8} {:>10} {:>10}",
        "screen", "median", "95 %", "most", "screens/s", "MPixel/s"
    );
    for (width, height) in [(1280, 800), (1920, 1080), (3840, 2160)] {
        measure(Size::new(width, height), keys);
    }
}

fn measure(size: Size, keys: usize) {
    let (arrived, arrivals) = mpsc::channel();
    let screen = drawing(size);
    let address = scripted::serve(move |connection| match connection.id.kind {
        ChannelKind::Main => scripted::greet(connection, &[DISPLAY, ChannelId::INPUTS]),
        ChannelKind::Display => storm(connection, size, &screen),
        ChannelKind::Inputs => scripted::listen(connection, |frame| heard(&frame, &arrived)),
        _ => {}
    });
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let (times, draws, over) = runtime.block_on(press(address.to_string(), arrivals, keys));
    runtime.shutdown_background();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    let screens = draws as f64 / over.as_secs_f64();
    println!(
        "{:>10} {:>8.2} {:>8.2} {:>8.2} {:>10.1} {:>10.0}",
        format!("{}×{}", size.width, size.height),
        at(0.5),
        at(0.95),
        at(1.0),
        screens,
        screens * size.area() as f64 / 1e6
    );
}

/// Presses keys, each when the one before has arrived; their times, sorted, and the screens drawn meanwhile.
async fn press(
    address: String,
    arrivals: mpsc::Receiver<Instant>,
    keys: usize,
) -> (Vec<Duration>, u64, Duration) {
    let mut client = SpiceClient::connect(&address, "")
        .await
        .expect("it listens");
    let sender = client.sender();
    // Somebody takes the pictures, as a viewer would.
    let (told, mut stats) = tokio::sync::mpsc::channel(4);
    tokio::spawn(async move {
        while let Some(event) = client.next_event().await {
            if let ClientEvent::Stats(stats) = event {
                let draws = stats.displays.iter().map(|d| d.draws).sum::<u64>();
                let _ = told.send(draws).await;
            }
        }
    });
    let mut draws = async || {
        sender.send(Command::Stats).await.expect("connected");
        stats.recv().await.expect("connected")
    };
    while draws().await < 3 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (before, started) = (draws().await, Instant::now());
    let mut times = Vec::with_capacity(keys);
    let mut arrivals = Some(arrivals);
    for _ in 0..keys {
        tokio::time::sleep(Duration::from_millis(13)).await;
        let pressed = Instant::now();
        let key = Command::Input(InputEvent::KeyDown(0x1e));
        sender.send(key).await.expect("connected");
        let receiver = arrivals.take().expect("put back below");
        let waiting = tokio::task::spawn_blocking(move || (receiver.recv(), receiver));
        let (arrival, receiver) = waiting.await.expect("it only waits");
        arrivals = Some(receiver);
        times.push(arrival.expect("the key arrives").duration_since(pressed));
    }
    times.sort_unstable();
    (times, draws().await - before, started.elapsed())
}

/// Sends the same screen for as long as the client takes it.
fn storm(mut connection: Connection, size: Size, drawing: &Frame) {
    connection.receive();
    connection.send(&primary(size.width, size.height));
    while connection.send_frame(drawing.clone()) {}
}

/// Whether somebody still waits for keys.
fn heard(frame: &Frame, arrived: &mpsc::Sender<Instant>) -> bool {
    const KEY_DOWN: u16 = 101;
    frame.number != KEY_DOWN || arrived.send(Instant::now()).is_ok()
}

/// DRAW_COPY of a screen that looks like a photograph to QUIC: slopes with noise on them.
fn drawing(size: Size) -> Frame {
    let mut seed = 1_u32;
    let pixels: Vec<u8> = (0..size.area() as u32)
        .flat_map(|i| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let (x, y) = (i % size.width, i / size.width);
            let at = |slope: u32, shift: u32| (slope / 7 + (seed >> shift & 7)) as u8;
            [at(x, 24), at(y, 20), at(x + y, 16), 0]
        })
        .collect();
    let mut stream = Vec::new();
    let stride = size.width as usize * 4;
    quic::encode(
        quic::Kind::Rgb32,
        size.width,
        size.height,
        stride,
        &pixels,
        &mut stream,
    )
    .expect("a picture");
    let image = Image {
        id: 1,
        flags: ImageFlags::empty(),
        width: size.width,
        height: size.height,
        data: ImageData::Quic(&stream),
    };
    let whole = Rect::at(0, 0, size);
    copy(whole, image).to_frame()
}
