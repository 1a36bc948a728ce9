//! Video streams as a session plays them: when frames are shown, where, and what the server is told.

use std::time::Duration;

use capsaicin::channel::audio::messages::{PlaybackMessage, PlaybackStart, Sound};
use capsaicin::channel::display::StreamCount;
use capsaicin::channel::display::draw::Clip;
use capsaicin::channel::display::messages::{
    ServerMessage as Display, StreamActivateReport, StreamClip, StreamCreate, StreamData,
    StreamDataSized, StreamDestroy, StreamFlags, SurfaceCreate, SurfaceDestroy, SurfaceFlags,
    SurfaceFormat, VideoCodec,
};
use capsaicin::channel::main::messages::{MultiMediaTime, ServerMessage as Main};
use capsaicin::channel::{ChannelId, Message};
use capsaicin::codec::video::Codec;
use capsaicin::geometry::Rect;
use capsaicin::session::{CloseReason, Command, SessionConfig};

use crate::support::video::{clip, grey_jpeg};
use crate::support::viewer::{DISPLAY, PLAYBACK, Viewer, break_down, fill, fragile_clock, primary};

const STREAM_REPORT: u16 = 102;
const PREFERRED_VIDEO_CODEC_TYPE: u16 = 105;

const BOX: Rect = Rect::new(0, 0, 8, 8);

/// A viewer with a black screen of 16 × 16. The media clock says 1000 at the start.
fn viewer() -> Viewer {
    viewer_with(SessionConfig::default())
}

fn viewer_with(config: SessionConfig) -> Viewer {
    let mut viewer = Viewer::with(config, &[0]);
    viewer.display(&primary(16, 16));
    viewer.outputs();
    viewer.events();
    viewer
}

fn at_ms(viewer: &mut Viewer, ms: u64) {
    viewer.now = Duration::from_millis(ms);
    let now = viewer.now;
    viewer.session.tick(now);
}

fn stream(id: u32, codec: VideoCodec) -> StreamCreate {
    StreamCreate {
        surface_id: 0,
        id,
        flags: StreamFlags::TOP_DOWN,
        codec,
        stamp: 0,
        stream_width: 8,
        stream_height: 8,
        src_width: 8,
        src_height: 8,
        dest: BOX,
        clip: Clip::None,
    }
}

fn create(viewer: &mut Viewer, id: u32, codec: VideoCodec) {
    viewer.display(&Display::StreamCreate(stream(id, codec)));
}

fn data(viewer: &mut Viewer, id: u32, time: u32, data: &[u8]) {
    viewer.display(&Display::StreamData(StreamData {
        id,
        multi_media_time: time,
        data,
    }));
}

/// A frame of one grey.
fn grey(viewer: &mut Viewer, time: u32, value: u8) {
    data(viewer, 0, time, &grey_jpeg(&[value]));
}

/// Blue of a pixel on the screen.
fn pixel(viewer: &Viewer, x: u32, y: u32) -> u8 {
    let display = viewer.session.display(0).expect("it is open");
    let surface = display.canvas().surface(0).expect("it was created");
    surface.pixels().pixel(x, y) as u8
}

fn count(viewer: &Viewer) -> StreamCount {
    viewer.session.stats(viewer.now).streams[0].count
}

fn due_ms(viewer: &Viewer) -> Option<u128> {
    viewer.session.poll_timeout().map(|at| at.as_millis())
}

/// The reports sent since the last call, as their eight words.
fn reports(viewer: &mut Viewer) -> Vec<[u32; 8]> {
    let frames = viewer.sent_frames(DISPLAY);
    let reports = frames.iter().filter(|frame| frame.number == STREAM_REPORT);
    reports
        .map(|frame| {
            let words = frame
                .body
                .as_chunks()
                .0
                .iter()
                .map(|word| u32::from_le_bytes(*word));
            words.collect::<Vec<_>>().try_into().expect("32 bytes")
        })
        .collect()
}

/// "I cannot do this stream" (spec 07c §5).
fn refusal(id: u32) -> [u32; 8] {
    [id, 0, 0, 0, 0, u32::MAX, 0, 0]
}

fn playing() -> Viewer {
    let mut viewer = viewer();
    create(&mut viewer, 0, VideoCodec::Mjpeg);
    viewer
}

#[test]
fn a_frame_is_shown_when_the_media_clock_reaches_its_time() {
    let mut viewer = playing();
    at_ms(&mut viewer, 100);
    grey(&mut viewer, 1300, 70);
    assert_eq!(due_ms(&viewer), Some(300), "the clock says 1100");

    at_ms(&mut viewer, 299);
    assert_eq!(pixel(&viewer, 0, 0), 0);
    assert!(viewer.events().is_empty());
    at_ms(&mut viewer, 300);
    assert_eq!(pixel(&viewer, 7, 7), 70);
    assert_eq!(pixel(&viewer, 8, 8), 0);
    assert!(!viewer.events().is_empty(), "the user is told");
    assert_eq!(due_ms(&viewer), None);
}

/// Sound of this time arrives, and will be heard after `delay_ms`.
fn hear(viewer: &mut Viewer, time: u32, delay_ms: u64) {
    let data = &[0; 4];
    viewer.receive(
        PLAYBACK,
        PlaybackMessage::Data(Sound { time, data }).to_frame(),
    );
    let delay = Duration::from_millis(delay_ms);
    let now = viewer.now;
    viewer.session.command(Command::PlaybackDelay(delay), now);
}

#[test]
fn a_frame_is_shown_when_the_sound_of_its_time_is_heard() {
    let config = SessionConfig {
        playback: true,
        ..SessionConfig::default()
    };
    let mut viewer = Viewer::with_channels(config, &[ChannelId::INPUTS, DISPLAY, PLAYBACK]);
    viewer.display(&primary(16, 16));
    create(&mut viewer, 0, VideoCodec::Mjpeg);
    let (channels, format, frequency, time) = (2, 1, 48_000, 1000);
    let start = PlaybackMessage::Start(PlaybackStart {
        channels,
        format,
        frequency,
        time,
    });
    viewer.receive(PLAYBACK, start.to_frame());

    // Sound of 1100 is heard at 350 ms, and so what belongs to 1200 at 450.
    at_ms(&mut viewer, 100);
    hear(&mut viewer, 1100, 250);
    grey(&mut viewer, 1200, 70);
    assert_eq!(due_ms(&viewer), Some(450));
    // What main says of the clock counts for nothing meanwhile.
    viewer.main(&Main::MultiMediaTime(MultiMediaTime { time: 9000 }));
    assert_eq!(due_ms(&viewer), Some(450));
    // The output lags more: 1150 is heard at 450 ms.
    at_ms(&mut viewer, 150);
    hear(&mut viewer, 1150, 300);
    at_ms(&mut viewer, 450);
    assert_eq!(due_ms(&viewer), Some(500));
    at_ms(&mut viewer, 499);
    assert_eq!(pixel(&viewer, 0, 0), 0);
    at_ms(&mut viewer, 500);
    assert_eq!(pixel(&viewer, 0, 0), 70);

    // Without sound the clock is main's again.
    viewer.receive(PLAYBACK, PlaybackMessage::Stop.to_frame());
    viewer.main(&Main::MultiMediaTime(MultiMediaTime { time: 2000 }));
    grey(&mut viewer, 2100, 80);
    assert_eq!(due_ms(&viewer), Some(600));
}

#[test]
fn a_frame_without_a_time_is_shown_after_100_ms() {
    let mut viewer = playing();
    at_ms(&mut viewer, 50);
    grey(&mut viewer, 0, 70);
    assert_eq!(due_ms(&viewer), Some(150));
}

#[test]
fn a_frame_more_than_ten_seconds_ahead_is_shown_at_once() {
    let mut viewer = playing();
    grey(&mut viewer, 1000 + 10_001, 70);
    assert_eq!(pixel(&viewer, 0, 0), 70);
    grey(&mut viewer, 1000 + 10_000, 80);
    assert_eq!(due_ms(&viewer), Some(10_000));
}

#[test]
fn frames_wait_by_the_clock_in_force_and_not_longer_than_ten_seconds() {
    let mut viewer = playing();
    grey(&mut viewer, 1400, 70);
    assert_eq!(due_ms(&viewer), Some(400));
    viewer.main(&Main::MultiMediaTime(MultiMediaTime { time: 1300 }));
    assert_eq!(due_ms(&viewer), Some(100));
    viewer.main(&Main::MultiMediaTime(MultiMediaTime { time: 0x8000_0000 }));
    let due = viewer.session.poll_timeout().expect("it is due");
    assert_eq!(due, Duration::ZERO, "whatever happens to the clock");
}

#[test]
fn times_wrap() {
    let mut viewer = playing();
    viewer.main(&Main::MultiMediaTime(MultiMediaTime { time: u32::MAX - 9 }));
    grey(&mut viewer, 20, 70);
    assert_eq!(due_ms(&viewer), Some(30));
    at_ms(&mut viewer, 30);
    assert_eq!(pixel(&viewer, 0, 0), 70);
}

#[test]
fn late_mjpeg_frames_are_dropped_undecoded() {
    let mut viewer = playing();
    grey(&mut viewer, 1000, 70);
    assert_eq!(pixel(&viewer, 0, 0), 70);
    at_ms(&mut viewer, 500);
    data(&mut viewer, 0, 1499, b"not even a JPEG file");
    assert_eq!(pixel(&viewer, 0, 0), 70);
    assert_eq!((count(&viewer).shown, count(&viewer).dropped), (1, 1));
    assert!(viewer.notices().is_empty());
}

#[test]
fn frames_may_leave_out_what_an_earlier_one_said_though_that_was_dropped() {
    let [first, second] = clip("mjpeg-server").try_into().expect("two files");
    let quantisation = first.windows(2).position(|pair| pair == [0xff, 0xdb]);
    let at = quantisation.expect("it has tables");
    // The server sends the Huffman tables once; take its quantisation tables from later frames as well.
    let without: Vec<u8> = [&second[..at], &second[at + 2 * 69..]].concat();
    let mut viewer = playing();
    grey(&mut viewer, 1000, 70);
    data(&mut viewer, 0, 900, &first);
    assert_eq!(count(&viewer).dropped, 1);
    data(&mut viewer, 0, 1000, &without);
    assert_eq!(count(&viewer).shown, 2);
    assert!(viewer.notices().is_empty());
}

#[test]
fn a_picture_that_stood_still_for_a_second_takes_a_late_frame() {
    let mut viewer = playing();
    grey(&mut viewer, 400, 70);
    assert_eq!(pixel(&viewer, 0, 0), 70, "as the first one");
    at_ms(&mut viewer, 999);
    grey(&mut viewer, 400, 80);
    assert_eq!(pixel(&viewer, 0, 0), 70);
    at_ms(&mut viewer, 1000);
    grey(&mut viewer, 400, 90);
    assert_eq!(pixel(&viewer, 0, 0), 90);
}

#[test]
fn of_frames_whose_time_passed_together_the_newest_is_shown() {
    let mut viewer = playing();
    for (time, value) in [(1100, 70), (1140, 80), (1180, 90)] {
        grey(&mut viewer, time, value);
    }
    at_ms(&mut viewer, 150);
    assert_eq!(pixel(&viewer, 0, 0), 80);
    assert_eq!((count(&viewer).shown, count(&viewer).dropped), (1, 1));
    assert_eq!(due_ms(&viewer), Some(180));
}

#[test]
fn a_frame_older_than_the_newest_empties_the_queue() {
    let mut viewer = playing();
    grey(&mut viewer, 1100, 70);
    grey(&mut viewer, 1200, 80);
    grey(&mut viewer, 1150, 90);
    assert_eq!(due_ms(&viewer), Some(150));
    at_ms(&mut viewer, 1000);
    assert_eq!(pixel(&viewer, 0, 0), 90);
    assert_eq!((count(&viewer).shown, count(&viewer).dropped), (1, 2));
}

#[test]
fn only_256_frames_wait() {
    let mut viewer = playing();
    for i in 0..300 {
        grey(&mut viewer, 1100 + i, 70);
    }
    assert_eq!(count(&viewer).dropped, 44);
    assert_eq!(due_ms(&viewer), Some(144), "the oldest went");
}

#[test]
#[cfg(feature = "vp8")]
fn inter_coded_frames_are_all_decoded_however_late() {
    let messages = clip("vp8");
    let mut viewer = viewer();
    let mut create = stream(0, VideoCodec::Vp8);
    create.dest = Rect::new(0, 0, 16, 16);
    viewer.display(&Display::StreamCreate(create));
    at_ms(&mut viewer, 2000);
    for message in &messages {
        data(&mut viewer, 0, 1000, message);
    }
    let count = count(&viewer);
    assert_eq!((count.received, count.shown, count.dropped), (4, 4, 0));
    assert_eq!(
        count.size.map(|size| (size.width, size.height)),
        Some((64, 48))
    );
    assert!(viewer.notices().is_empty());
}

#[test]
#[cfg(feature = "vp8")]
fn inter_coded_pictures_that_are_late_together_give_way_to_the_newest() {
    let messages = clip("vp8");
    let mut viewer = viewer();
    create(&mut viewer, 0, VideoCodec::Vp8);
    for (i, message) in (0..).zip(&messages) {
        data(&mut viewer, 0, 1100 + 40 * i, message);
    }
    assert_eq!(due_ms(&viewer), Some(100));
    at_ms(&mut viewer, 190);
    assert_eq!((count(&viewer).shown, count(&viewer).dropped), (1, 2));
    assert_eq!(due_ms(&viewer), Some(220));
    at_ms(&mut viewer, 220);
    assert_eq!((count(&viewer).shown, count(&viewer).dropped), (2, 2));
}

#[test]
#[cfg(feature = "h264")]
fn pictures_out_of_order_take_the_times_in_order() {
    let messages = clip("h264-high-b");
    let mut viewer = viewer();
    create(&mut viewer, 0, VideoCodec::H264);
    for (i, message) in (0..).zip(&messages) {
        data(&mut viewer, 0, 1100 + 40 * i, message);
    }
    let mut shown = Vec::new();
    while let Some(due) = viewer.session.poll_timeout() {
        viewer.now = due;
        viewer.session.tick(due);
        shown.push(due.as_millis());
    }
    assert_eq!(shown[..4], [100, 140, 180, 220]);
    assert_eq!(count(&viewer).shown, shown.len() as u64);
}

#[test]
fn a_screen_of_nothing_but_video_shows_frames_as_they_come() {
    let mut viewer = Viewer::with_displays(&[0]);
    viewer.display(&Display::SurfaceCreate(SurfaceCreate {
        surface_id: 0,
        width: 16,
        height: 16,
        format: SurfaceFormat::Xrgb,
        flags: SurfaceFlags(3),
    }));
    create(&mut viewer, 0, VideoCodec::Mjpeg);
    viewer.display(&Display::StreamActivateReport(order(1, 1000)));
    grey(&mut viewer, 1400, 70);
    assert_eq!(pixel(&viewer, 0, 0), 70);
    let [report] = reports(&mut viewer)[..] else {
        panic!("one report")
    };
    assert_eq!(report[6], 400, "the delay is the true one");
}

fn order(max_window_size: u32, timeout_ms: u32) -> StreamActivateReport {
    StreamActivateReport {
        stream_id: 0,
        unique_id: 77,
        max_window_size,
        timeout_ms,
    }
}

fn reporting(max_window_size: u32, timeout_ms: u32) -> Viewer {
    let mut viewer = playing();
    viewer.display(&Display::StreamActivateReport(order(
        max_window_size,
        timeout_ms,
    )));
    viewer
}

#[test]
fn a_report_follows_a_window_of_frames() {
    let mut viewer = reporting(3, 1000);
    for (now, time) in [(0, 1200), (40, 1030), (80, 1290), (120, 1320)] {
        at_ms(&mut viewer, now);
        grey(&mut viewer, time, 70);
    }
    // The second frame was 10 ms late; the third came 210 ms early.
    let expected = [0, 77, 1200, 1290, 3, 1, 210, u32::MAX];
    assert_eq!(reports(&mut viewer), [expected]);
}

#[test]
fn a_report_follows_the_first_frame_after_the_timeout() {
    let mut viewer = reporting(100, 1000);
    for now in [0, 500, 999] {
        at_ms(&mut viewer, now);
        grey(&mut viewer, 1000 + now as u32 + 100, 70);
    }
    assert!(reports(&mut viewer).is_empty());
    at_ms(&mut viewer, 1500);
    assert!(reports(&mut viewer).is_empty(), "not before a frame comes");
    grey(&mut viewer, 2500, 70);
    assert_eq!(
        reports(&mut viewer),
        [[0, 77, 1100, 2500, 4, 0, 0, u32::MAX]]
    );
}

#[test]
fn three_late_frames_in_a_row_are_reported_at_once() {
    let mut viewer = reporting(100, 10_000);
    at_ms(&mut viewer, 100);
    for time in [1090, 1090, 1100, 1091, 1092, 1093] {
        grey(&mut viewer, time, 70);
    }
    let delay = -7_i32 as u32;
    assert_eq!(
        reports(&mut viewer),
        [[0, 77, 1090, 1093, 6, 5, delay, u32::MAX]]
    );
}

#[test]
fn nothing_is_reported_unasked() {
    let mut viewer = playing();
    (0..20).for_each(|i| grey(&mut viewer, 1000 + i, 70));
    assert!(viewer.sent(DISPLAY).is_empty());
}

#[test]
fn messages_about_unknown_streams_are_answered_once_each() {
    let mut viewer = viewer();
    data(&mut viewer, 5, 1000, b"x");
    data(&mut viewer, 5, 1000, b"x");
    viewer.display(&Display::StreamClip(StreamClip {
        id: 6,
        clip: Clip::None,
    }));
    assert_eq!(reports(&mut viewer), [refusal(5), refusal(6)]);
    assert_eq!(viewer.notices().len(), 2);

    viewer.display(&Display::StreamDestroy(StreamDestroy { id: 9 }));
    viewer.display(&Display::StreamActivateReport(order(1, 1)));
    assert!(viewer.outputs().is_empty() && viewer.notices().is_empty());
}

#[test]
fn ids_over_the_limit_are_refused_without_an_answer() {
    let mut viewer = viewer();
    create(&mut viewer, 64, VideoCodec::Mjpeg);
    data(&mut viewer, 64, 1000, b"x");
    data(&mut viewer, u32::MAX, 1000, b"x");
    assert!(viewer.outputs().is_empty());
    assert!(viewer.session.stats(viewer.now).streams.is_empty());
    assert_eq!(viewer.notices().len(), 3);
}

#[test]
fn a_stream_that_cannot_be_decoded_ends_and_pictures_are_asked_for_instead() {
    let mut viewer = playing();
    data(&mut viewer, 0, 1000, b"not a JPEG file");
    assert_eq!(reports(&mut viewer), [refusal(0)]);
    assert_eq!(
        viewer.notices(),
        [
            "display:0: stream 0 is not played: MJPEG cannot go on: bad image header: not a JPEG file"
        ]
    );
    grey(&mut viewer, 1000, 70);
    assert!(viewer.outputs().is_empty(), "the server knows");
    assert_eq!(pixel(&viewer, 0, 0), 0);

    viewer.display(&Display::StreamDestroy(StreamDestroy { id: 0 }));
    create(&mut viewer, 0, VideoCodec::Mjpeg);
    grey(&mut viewer, 1000, 70);
    assert_eq!(pixel(&viewer, 0, 0), 70, "the id can be used again");
}

#[test]
#[cfg(feature = "video")]
fn a_codec_that_could_not_be_decoded_is_asked_for_last() {
    let mut viewer = viewer();
    for id in 0..2 {
        create(&mut viewer, id, VideoCodec::H264);
        // A sequence parameter set of profile 244 with full chroma, as x264 makes it in libspice-server.
        data(
            &mut viewer,
            id,
            1000,
            &[0, 0, 0, 1, 0x67, 244, 0, 31, 0x91, 0x9b],
        );
    }
    let mut frames = viewer.sent_frames(DISPLAY);
    frames.retain(|frame| frame.number == PREFERRED_VIDEO_CODEC_TYPE);
    let bodies: Vec<_> = frames.iter().map(|frame| frame.body.to_vec()).collect();
    assert_eq!(bodies, [[5, 1, 2, 4, 5, 3]], "once");
}

#[test]
fn streams_of_codecs_that_were_not_asked_for_are_refused() {
    let mut viewer = viewer_with(SessionConfig {
        codecs: Some(vec![Codec::Mjpeg]),
        ..SessionConfig::default()
    });
    create(&mut viewer, 3, VideoCodec::Vp8);
    assert_eq!(reports(&mut viewer), [refusal(3)]);
}

#[test]
fn a_stream_needs_a_surface() {
    let mut viewer = viewer();
    let mut create = stream(1, VideoCodec::Mjpeg);
    create.surface_id = 4;
    viewer.display(&Display::StreamCreate(create));
    assert_eq!(reports(&mut viewer), [refusal(1)]);
}

#[test]
fn a_stream_takes_the_place_of_the_one_with_its_id() {
    let mut viewer = playing();
    grey(&mut viewer, 1100, 70);
    let mut create = stream(0, VideoCodec::Mjpeg);
    create.dest = Rect::new(8, 8, 16, 16);
    viewer.display(&Display::StreamCreate(create));
    grey(&mut viewer, 1200, 80);
    at_ms(&mut viewer, 300);
    assert_eq!((pixel(&viewer, 0, 0), pixel(&viewer, 8, 8)), (0, 80));
}

#[test]
fn frames_that_wait_obey_the_newest_clip() {
    let mut viewer = playing();
    grey(&mut viewer, 1100, 70);
    let rects = vec![Rect::new(0, 0, 2, 8), Rect::new(1, 0, 4, 1)];
    let clip = Clip::Rects(rects.into());
    viewer.display(&Display::StreamClip(StreamClip { id: 0, clip }));
    at_ms(&mut viewer, 100);
    assert_eq!(
        [(1, 7), (3, 0), (4, 0), (3, 1)].map(|(x, y)| pixel(&viewer, x, y)),
        [70, 70, 0, 0]
    );

    let clip = Clip::Rects(Vec::new().into());
    viewer.display(&Display::StreamClip(StreamClip { id: 0, clip }));
    grey(&mut viewer, 1100, 90);
    assert_eq!(pixel(&viewer, 0, 0), 70, "an empty list hides everything");

    let clip = Clip::None;
    viewer.display(&Display::StreamClip(StreamClip { id: 0, clip }));
    grey(&mut viewer, 1100, 90);
    assert_eq!(pixel(&viewer, 7, 7), 90);
}

#[test]
fn pictures_are_scaled_to_the_nearest_pixel() {
    let mut viewer = viewer();
    let mut create = stream(0, VideoCodec::Mjpeg);
    create.dest = Rect::new(0, 0, 5, 2);
    viewer.display(&Display::StreamCreate(create));
    data(&mut viewer, 0, 1000, &grey_jpeg(&[10, 200]));
    // Of 16 columns, f = 209715 and X0 = 104858: columns 1, 4, 7, 11 and 14 (spec 07c §2).
    let row: Vec<u8> = (0..6).map(|x| pixel(&viewer, x, 1)).collect();
    assert_eq!(row, [10, 10, 10, 200, 200, 0]);
}

#[test]
fn a_sized_frame_has_a_place_of_its_own() {
    let mut viewer = playing();
    let file = grey_jpeg(&[70]);
    viewer.display(&Display::StreamDataSized(StreamDataSized {
        id: 0,
        multi_media_time: 1000,
        width: 1 << 30,
        height: 0,
        dest: Rect::new(8, 8, 16, 16),
        data: &file,
    }));
    assert_eq!(
        (pixel(&viewer, 0, 0), pixel(&viewer, 15, 15)),
        (0, 70),
        "the size told does not matter"
    );
    grey(&mut viewer, 1000, 80);
    assert_eq!((pixel(&viewer, 0, 0), pixel(&viewer, 15, 15)), (80, 70));
}

#[test]
fn a_place_without_pixels_shows_nothing() {
    let mut viewer = viewer();
    for dest in [
        Rect::new(0, 0, 0, 8),
        Rect::new(8, 8, 0, 0),
        Rect::new(i32::MIN, i32::MIN, i32::MAX, 0),
    ] {
        let mut create = stream(0, VideoCodec::Mjpeg);
        create.dest = dest;
        viewer.display(&Display::StreamCreate(create));
        grey(&mut viewer, 1000, 70);
    }
    assert_eq!(pixel(&viewer, 0, 0), 0);
    assert!(viewer.notices().is_empty());
}

#[test]
fn without_top_down_the_picture_is_upside_down() {
    let decoded = |top_down| {
        let mut viewer = viewer();
        let mut create = stream(0, VideoCodec::Mjpeg);
        create.dest = Rect::new(0, 0, 16, 16);
        create.flags = if top_down {
            StreamFlags::TOP_DOWN
        } else {
            StreamFlags::empty()
        };
        viewer.display(&Display::StreamCreate(create));
        data(&mut viewer, 0, 1000, &clip("mjpeg-420")[0]);
        (0..16).map(|y| pixel(&viewer, 3, y)).collect::<Vec<_>>()
    };
    let mut flipped = decoded(false);
    // Of 48 rows, rows 1, 4 … 46 are taken: counted from either end they are the same but for one.
    flipped.reverse();
    let upright = decoded(true);
    let near = upright
        .iter()
        .zip(&flipped)
        .filter(|(a, b)| a.abs_diff(**b) < 24)
        .count();
    assert!(near >= 14, "{upright:?} {flipped:?}");
    assert_ne!(upright, decoded(false));
}

#[test]
fn what_waits_is_not_shown_after_the_stream_or_its_surface_is_gone() {
    let ends: [&dyn Fn(&mut Viewer); 4] = [
        &|viewer| viewer.display(&Display::StreamDestroy(StreamDestroy { id: 0 })),
        &|viewer| viewer.display(&Display::StreamDestroyAll),
        &|viewer| {
            viewer.display(&Display::SurfaceDestroy(SurfaceDestroy { surface_id: 0 }));
            viewer.display(&primary(16, 16));
        },
        &|viewer| viewer.display(&primary(16, 17)),
    ];
    for end in ends {
        let mut viewer = playing();
        grey(&mut viewer, 1100, 70);
        end(&mut viewer);
        assert_eq!(due_ms(&viewer), None);
        at_ms(&mut viewer, 200);
        assert_eq!(pixel(&viewer, 0, 0), 0);
        assert!(viewer.session.stats(viewer.now).streams.is_empty());
    }
}

#[test]
fn the_pixels_of_a_stream_stay_when_it_ends() {
    let mut viewer = playing();
    grey(&mut viewer, 1000, 70);
    viewer.display(&Display::StreamDestroy(StreamDestroy { id: 0 }));
    assert_eq!(pixel(&viewer, 0, 0), 70);
}

fn offloading() -> Viewer {
    let mut viewer = viewer_with(SessionConfig {
        offload: true,
        ..SessionConfig::default()
    });
    create(&mut viewer, 0, VideoCodec::Mjpeg);
    viewer
}

fn run_jobs(viewer: &mut Viewer) -> usize {
    let mut jobs = 0;
    while let Some(job) = viewer.session.poll_job() {
        let now = viewer.now;
        viewer.session.finish(job.run(), now);
        jobs += 1;
    }
    jobs
}

#[test]
fn frames_are_decoded_outside_while_the_channel_goes_on() {
    let mut viewer = offloading();
    grey(&mut viewer, 1000, 70);
    let job = viewer.session.poll_job().expect("the frame");
    assert!(!viewer.session.is_decoding(DISPLAY));
    viewer.display(&fill(Rect::new(8, 8, 16, 16), 50));
    assert_eq!((pixel(&viewer, 0, 0), pixel(&viewer, 8, 8)), (0, 50));

    grey(&mut viewer, 1000, 80);
    assert!(viewer.session.poll_job().is_none(), "one at a time");
    let now = viewer.now;
    viewer.session.finish(job.run(), now);
    assert_eq!(pixel(&viewer, 0, 0), 70);
    assert_eq!(run_jobs(&mut viewer), 1);
    assert_eq!(pixel(&viewer, 0, 0), 80);
}

#[test]
fn what_was_decoded_for_a_stream_that_is_gone_is_not_shown() {
    let mut viewer = offloading();
    grey(&mut viewer, 1000, 70);
    let job = viewer.session.poll_job().expect("the frame");
    viewer.display(&Display::StreamDestroy(StreamDestroy { id: 0 }));
    create(&mut viewer, 0, VideoCodec::Mjpeg);
    let now = viewer.now;
    viewer.session.finish(job.run(), now);
    assert_eq!(pixel(&viewer, 0, 0), 0);

    grey(&mut viewer, 1000, 80);
    run_jobs(&mut viewer);
    assert_eq!(pixel(&viewer, 0, 0), 80);
}

#[test]
fn what_was_decoded_for_a_channel_that_is_gone_is_not_shown_by_the_one_that_has_its_id() {
    let mut viewer = offloading();
    grey(&mut viewer, 1000, 70);
    let old = viewer.session.poll_job().expect("the old frame");
    viewer.session.closed(DISPLAY, CloseReason::ByPeer);
    viewer.list(&[ChannelId::INPUTS, DISPLAY]);
    viewer.open(DISPLAY);
    viewer.display(&primary(16, 16));
    create(&mut viewer, 0, VideoCodec::Mjpeg);
    grey(&mut viewer, 1000, 80);
    let job = viewer.session.poll_job().expect("the new frame");

    let now = viewer.now;
    viewer.session.finish(old.run(), now);
    assert_eq!(pixel(&viewer, 0, 0), 0);
    viewer.session.finish(job.run(), now);
    assert_eq!(pixel(&viewer, 0, 0), 80);
}

#[test]
fn a_stream_whose_frame_is_lost_ends_and_leaves_its_place_to_others() {
    let mut viewer = offloading();
    for id in 0..64 {
        create(&mut viewer, id, VideoCodec::Mjpeg);
        data(&mut viewer, id, 1000, &grey_jpeg(&[70]));
    }
    let jobs: Vec<_> = std::iter::from_fn(|| viewer.session.poll_job()).collect();
    assert_eq!(jobs.len(), 64);
    viewer.outputs();

    let now = viewer.now;
    for job in jobs {
        viewer.session.finish(job.lost(), now);
    }
    let refusals: Vec<_> = (0..64).map(refusal).collect();
    assert_eq!(reports(&mut viewer), refusals);
    let notice = "stream 0 is not played: MJPEG cannot go on: the decoder failed";
    assert!(viewer.notices()[0].contains(notice));

    create(&mut viewer, 0, VideoCodec::Mjpeg);
    grey(&mut viewer, 1000, 80);
    assert_eq!(run_jobs(&mut viewer), 1);
    assert_eq!(pixel(&viewer, 0, 0), 80);
}

#[test]
fn a_stream_whose_job_breaks_down_ends() {
    let mut viewer = viewer_with(SessionConfig {
        offload: true,
        clock: fragile_clock,
        ..SessionConfig::default()
    });
    create(&mut viewer, 0, VideoCodec::Mjpeg);
    grey(&mut viewer, 1000, 70);
    let job = viewer.session.poll_job().expect("the frame");

    let now = viewer.now;
    viewer.session.finish(break_down(job), now);
    assert_eq!(reports(&mut viewer), [refusal(0)]);
    assert_eq!(viewer.session.memory().frames, 0);
}

#[test]
fn frames_of_streams_that_are_gone_do_not_pile_up() {
    let mut viewer = offloading();
    let mut jobs = Vec::new();
    for _ in 0..200 {
        create(&mut viewer, 0, VideoCodec::Mjpeg);
        grey(&mut viewer, 1000, 70);
        jobs.extend(viewer.session.poll_job());
    }
    assert_eq!(jobs.len(), 64);
    let frame = grey_jpeg(&[70]).len() as u64;
    assert!(viewer.session.memory().frames >= 64 * frame);

    // Those in between belonged to streams that are gone.
    let now = viewer.now;
    viewer.session.finish(jobs.remove(0).run(), now);
    assert_eq!(run_jobs(&mut viewer), 1);
    assert_eq!(pixel(&viewer, 0, 0), 70);
    drop(jobs);
    assert_eq!(viewer.session.memory().frames, 0);
}

#[test]
#[cfg(feature = "vp8")]
fn a_decoder_that_never_comes_back_ends_its_stream() {
    let mut viewer = offloading();
    create(&mut viewer, 0, VideoCodec::Vp8);
    for _ in 0..400 {
        data(&mut viewer, 0, 1000, b"frame");
    }
    assert!(viewer.session.poll_job().is_some());
    assert_eq!(reports(&mut viewer), [refusal(0)]);
    assert!(viewer.session.stats(viewer.now).streams.is_empty());
}

#[test]
#[cfg(feature = "video")]
fn a_display_announces_what_it_plays() {
    let announced = |codecs| {
        let viewer = viewer_with(SessionConfig {
            codecs,
            ..SessionConfig::default()
        });
        viewer
            .session
            .capabilities(DISPLAY)
            .expect("a display")
            .channel
    };
    // SIZED_STREAM 0, MONITORS_CONFIG 1, STREAM_REPORT 4, LZ4_COMPRESSION 5, MULTI_CODEC 8, codecs 9, 10, 11, 13, 14.
    assert_eq!(announced(None), [0x6f33]);
    assert_eq!(announced(Some(vec![Codec::Vp9, Codec::Mjpeg])), [0x2333]);
    assert_eq!(announced(Some(Vec::new())), [0x0122]);
}

#[test]
#[cfg(feature = "video")]
fn an_order_of_codecs_is_told_to_the_server() {
    let preferred = |codecs| {
        let mut viewer = Viewer::linked(SessionConfig {
            codecs,
            ..SessionConfig::default()
        });
        let channels = vec![DISPLAY];
        let list = capsaicin::channel::main::messages::ChannelsList { channels };
        viewer.main(&Main::ChannelsList(list));
        viewer.open(DISPLAY);
        let mut frames = viewer.sent_frames(DISPLAY);
        frames.retain(|frame| frame.number == PREFERRED_VIDEO_CODEC_TYPE);
        frames
            .iter()
            .map(|frame| frame.body.to_vec())
            .collect::<Vec<_>>()
    };
    assert_eq!(preferred(Some(vec![Codec::Vp9, Codec::Mjpeg])), [[2, 4, 1]]);
    assert!(preferred(Some(Vec::new())).is_empty());
    assert!(preferred(None).is_empty(), "the server chooses");
}

#[test]
fn streams_are_counted() {
    let mut viewer = playing();
    for i in 0..30 {
        at_ms(&mut viewer, i * 50);
        grey(&mut viewer, 1000 + i as u32 * 50, 70);
    }
    let count = count(&viewer);
    assert_eq!((count.id, count.codec, count.fps), (0, Codec::Mjpeg, 20));
    assert_eq!((count.received, count.shown, count.dropped), (30, 30, 0));
    assert_eq!(count.bytes, 30 * grey_jpeg(&[70]).len() as u64);
}
