//! A recording of one hour of a busy desktop: how long it takes to open, to go anywhere in it, and to play it.
//!
//! It is made of real sessions with a drawing X server, one after the other on the same connection until the hour is over:
//! ids of GLZ images and the times of video go on from one to the next. It is recorded as a live session is, seek points and
//! all, into a file that goes again. `cargo test` makes 20 seconds instead.

#[path = "../support/recordings.rs"]
#[allow(dead_code)]
mod recordings;

use std::fs::File;
use std::time::{Duration, Instant};

use bytes::Bytes;
use capsaicin::channel::display::draw::DrawCopy;
use capsaicin::channel::display::image::{Image, ImageData};
use capsaicin::channel::display::messages::ServerMessage;
use capsaicin::channel::{ChannelId, ChannelKind, Message};
use capsaicin::recording::{
    About, Player, Reader, Record, Recorder, Recording, Replay, Scan, SharedFile, Survey, Switch,
    What,
};
use capsaicin::session::{ClientSession, Output, SessionConfig, Tap, Way};
use capsaicin::wire::Frame;

/// All begin and end with the same screen.
const PARTS: [&str; 3] = [
    "xspice-text-fills.pcapng",
    "xspice-photo-cursors.pcapng",
    "xspice-move-video.pcapng",
];

/// Ids that the GLZ images of one part take, generously.
const IDS: u64 = 100_000;

fn main() {
    // `cargo test` runs benches too.
    let measures = std::env::args().any(|argument| argument == "--bench");
    let length = Duration::from_secs(if measures { 3600 } else { 20 });
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let began = Instant::now();
    let facts = record(file.path(), length);
    let megabytes = |bytes: u64| format!("{:.1} MB", bytes as f64 / 1e6);
    let row =
        |name: &str, value: String, wanted: &str| println!("{name:46} {value:>14}   {wanted}");
    row(
        "length of the recording",
        format!("{} s", length.as_secs()),
        "",
    );
    row("file", megabytes(facts.bytes), "");
    row("made in", seconds(began.elapsed()), "");

    let began = Instant::now();
    let (mut replay, scan) = open(file.path());
    row("opened by its end", millis(began.elapsed()), "");
    let seeks = if measures { 200 } else { 3 };
    let (half, most) = seek_around(&mut replay, length, seeks);
    let points = format!("{} points", replay.index().points());
    row("seek by seek points alone, median", millis(half), &points);
    row("seek by seek points alone, longest", millis(most), "");
    drop(scan);

    let began = Instant::now();
    let mut scan = Scan::new(reader(file.path()));
    while !scan.run(Duration::from_secs(60)).expect("a file") {}
    row("read whole, nothing drawn", seconds(began.elapsed()), "");

    let began = Instant::now();
    let indexed = replay.index().complete().expect("a file");
    let lasted = began.elapsed();
    row("indexed: played as fast as it goes", seconds(lasted), "");
    let speed = length.as_secs_f64() / lasted.as_secs_f64();
    row(
        "  times as fast as it was",
        format!("{speed:.0}"),
        "wanted: 30",
    );
    let held = format!("{} checkpoints", indexed.checkpoints);
    row("  memory of checkpoints", megabytes(indexed.bytes), &held);

    let (half, most) = seek_around(&mut replay, length, seeks);
    row("seek once indexed, median", millis(half), "");
    row("seek once indexed, longest", millis(most), "wanted: 300 ms");
    if let Some(peak) = peak() {
        row("memory of the process at its most", megabytes(peak), "");
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

fn reader(path: &std::path::Path) -> Reader<SharedFile<File>> {
    let file = File::open(path).expect("the file is there");
    Reader::new(SharedFile::new(file)).expect("a capture")
}

fn open(path: &std::path::Path) -> (Replay<SharedFile<File>>, Scan<SharedFile<File>>) {
    let reader = reader(path);
    let bytes = path.metadata().expect("the file is there").len();
    let scan = Scan::of_file(reader.fork(), bytes);
    let replay = Replay::new(reader, 0, SessionConfig::default());
    replay.index().learn(&scan, 0);
    (replay, scan)
}

/// Goes to places all over; half of the times are not longer than the first figure, and none than the second.
fn seek_around(
    replay: &mut Replay<SharedFile<File>>,
    length: Duration,
    count: usize,
) -> (Duration, Duration) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut times: Vec<Duration> = (0..count)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let part = (state >> 33) as f64 / f64::from(1_u32 << 31);
            let began = Instant::now();
            replay.seek(length.mul_f64(part), |_| true).expect("a file");
            while replay.poll_event().is_some() {}
            began.elapsed()
        })
        .collect();
    times.sort();
    (times[count / 2], times[count - 1])
}

/// Most memory the process has had, bytes, where the system tells.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes * 1024)
}

/// Records the sessions one after the other until `length` is over.
fn record(path: &std::path::Path, length: Duration) -> capsaicin::recording::Progress {
    let file = File::create(path).expect("a temporary file");
    let (recorder, recording) = Recorder::start(file, &About::default()).expect("a thread");
    let mut switch = Switch::default();
    switch.begin_now(recorder);
    let mut live = Live {
        session: ClientSession::new(SessionConfig::default()),
        switch: switch.clone(),
        recording,
        frames: 0,
    };
    let mut begins = Duration::ZERO;
    'hour: for round in 0.. {
        let part = PARTS[round % PARTS.len()];
        let records = first_session(part);
        let zero = records[0].at;
        for record in &records {
            let at = begins + record.at - zero;
            if at > length {
                break 'hour;
            }
            live.take(record, round as u64, at, begins);
        }
        begins += records.last().expect("records").at - zero;
    }
    switch.closed(length, ChannelId::MAIN);
    switch.end();
    drop(switch);
    live.recording.finish()
}

/// What happens in the session of a recording that is shown.
fn first_session(name: &str) -> Vec<Record> {
    let bytes = recordings::file(name);
    let survey = Survey::read(Reader::new(&*bytes).expect("a capture")).expect("SPICE in it");
    let player = Player::new(
        Reader::new(&*bytes).expect("a capture"),
        survey.choose(None),
    );
    let mut records = recordings::records(&bytes);
    records.retain(|record| record.session == player.chosen());
    records
}

/// A session that is fed as a driver feeds it.
struct Live {
    session: ClientSession,
    switch: Switch,
    recording: Recording,
    frames: u64,
}

impl Live {
    /// Something happens, in a part of the hour that began at `begins`.
    fn take(&mut self, record: &Record, round: u64, at: Duration, begins: Duration) {
        let channel = record.channel;
        match &record.what {
            What::Opened(link) if round == 0 => {
                self.switch.opened(at, channel, link);
                self.session.opened(channel, link.clone(), at);
            }
            What::Frame(Way::ToClient, frame) if round == 0 || goes_on(channel, frame) => {
                let frame = shifted(channel, frame, round, begins);
                self.switch.frame(at, channel, Way::ToClient, &frame);
                self.session.receive(channel, frame, at);
            }
            _ => {}
        }
        self.session.tick(at);
        while let Some(output) = self.session.poll_output() {
            if let Output::Send(channel, frame) = output {
                self.switch.frame(at, channel, Way::ToServer, &frame);
            }
        }
        while self.session.poll_event().is_some() {}
        self.frames += 1;
        // The disk is not to be faster than it is.
        while self.frames.is_multiple_of(64) && self.recording.is_behind() {
            std::thread::yield_now();
        }
        if self.switch.wants_session() && self.session.is_settled() {
            self.switch.session(at, &self.session);
        }
    }
}

/// Whether a message can be said again on a connection where its part was played before.
fn goes_on(channel: ChannelId, frame: &Frame) -> bool {
    match channel.kind {
        // All but the screen itself, which is there; what is about the connection is said once.
        ChannelKind::Display => match frame.number {
            314 => frame.body.get(16).is_none_or(|flags| flags & 1 == 0),
            number => number > 103,
        },
        ChannelKind::Cursor => frame.number > 102,
        _ => false,
    }
}

/// The same message at another time: ids of GLZ images and times of video go on from part to part.
fn shifted(channel: ChannelId, frame: &Frame, round: u64, begins: Duration) -> Frame {
    let mut frame = frame.clone();
    if channel.kind != ChannelKind::Display || round == 0 {
        return frame;
    }
    // STREAM_DATA and STREAM_DATA_SIZED: behind the id of the stream.
    if matches!(frame.number, 123 | 316) {
        let mut body = frame.body.to_vec();
        if let Some(time) = body.get_mut(4..8) {
            let was = u32::from_le_bytes(time.try_into().expect("four bytes"));
            let time_now = was.wrapping_add(begins.as_millis() as u32);
            time.copy_from_slice(&time_now.to_le_bytes());
        }
        frame.body = Bytes::from(body);
        return frame;
    }
    let Ok(ServerMessage::DrawCopy(copy)) = ServerMessage::decode(frame.number, &frame.body) else {
        return frame;
    };
    let ImageData::GlzRgb(stream) = copy.src_bitmap.data else {
        return frame;
    };
    let mut stream = stream.to_vec();
    // Behind magic, version, type, width, height and stride, big-endian.
    if let Some(id) = stream.get_mut(21..29) {
        let was = u64::from_be_bytes(id.try_into().expect("eight bytes"));
        id.copy_from_slice(&(was + round * IDS).to_be_bytes());
    }
    let image = Image {
        data: ImageData::GlzRgb(&stream),
        ..copy.src_bitmap
    };
    let copy = DrawCopy {
        src_bitmap: image,
        ..copy
    };
    let serial = frame.serial;
    Frame {
        serial,
        ..ServerMessage::DrawCopy(copy).to_frame()
    }
}
