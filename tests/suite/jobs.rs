//! Large pictures are decoded outside the session, and nobody but their own channel waits for them.

use std::time::Duration;

use capsaicin::channel::ChannelId;
use capsaicin::channel::display::draw::{
    Brush, Clip, DisplayBase, DrawOpaque, QMask, Rop, ScaleMode,
};
use capsaicin::channel::display::image::{Image, ImageData, ImageFlags};
use capsaicin::channel::display::messages::ServerMessage;
use capsaicin::channel::inputs::InputEvent;
use capsaicin::channel::job::{Finished, Job};
use capsaicin::codec::quic;
use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::session::{CloseReason, Command, SessionConfig};

use crate::support::viewer::{
    DISPLAY, DISPLAY_1, Viewer, break_down, copy, fill, fragile_clock, primary,
};

const SIDE: u32 = 512;
const SIZE: Size = Size::new(SIDE, SIDE);

fn config(offload: bool) -> SessionConfig {
    SessionConfig {
        offload,
        ..SessionConfig::default()
    }
}

/// A viewer with a screen of one large picture's size.
fn viewer(offload: bool) -> Viewer {
    viewer_with(config(offload))
}

fn viewer_with(config: SessionConfig) -> Viewer {
    let mut viewer = Viewer::with(config, &[0, 1]);
    viewer.display(&primary(SIDE, SIDE));
    viewer.events();
    viewer
}

/// A QUIC stream of noise.
fn noise(seed: u32) -> Vec<u8> {
    let mut state = seed;
    let pixels: Vec<u8> = (0..SIZE.area() * 4)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        })
        .collect();
    let mut stream = Vec::new();
    let stride = SIDE as usize * 4;
    quic::encode(quic::Kind::Rgb32, SIDE, SIDE, stride, &pixels, &mut stream).unwrap();
    stream
}

fn picture(stream: &[u8]) -> Image<'_> {
    Image {
        id: 1,
        flags: ImageFlags::empty(),
        width: SIDE,
        height: SIDE,
        data: ImageData::Quic(stream),
    }
}

fn drawn(stream: &[u8]) -> ServerMessage<'_> {
    copy(SIZE.to_rect(), picture(stream))
}

fn screen(viewer: &Viewer) -> Vec<u8> {
    let display = viewer.session.display(0).expect("it was opened");
    let surface = display.canvas().surface(0).expect("it was created");
    surface.pixels().data().to_vec()
}

fn run(viewer: &mut Viewer, job: Job) {
    let now = viewer.now;
    viewer.session.finish(job.run(), now);
}

#[test]
fn a_large_picture_and_what_follows_it_are_drawn_when_its_job_was_run() {
    let (first, second) = (noise(1), noise(2));
    let corner = fill(Rect::new(0, 0, 8, 8), 0xff);
    let mut at_once = viewer(false);
    let mut with_jobs = viewer(true);
    for viewer in [&mut at_once, &mut with_jobs] {
        viewer.display(&drawn(&first));
        viewer.display(&corner);
        viewer.display(&drawn(&second));
        viewer.display(&corner);
    }
    assert!(with_jobs.session.is_decoding(DISPLAY));
    assert!(with_jobs.events().is_empty(), "nothing is drawn yet");

    let job = with_jobs.session.poll_job().expect("the first picture");
    assert!(with_jobs.session.poll_job().is_none(), "one at a time");
    run(&mut with_jobs, job);
    assert_ne!(screen(&with_jobs), screen(&at_once));
    let job = with_jobs.session.poll_job().expect("the second picture");
    run(&mut with_jobs, job);

    assert!(!with_jobs.session.is_decoding(DISPLAY));
    assert_eq!(screen(&with_jobs), screen(&at_once));
    assert!(with_jobs.notices().is_empty());
}

#[test]
fn a_command_with_two_large_pictures_waits_for_both() {
    let (source, pattern) = (noise(1), noise(2));
    let pattern = Brush::Pattern {
        pattern: picture(&pattern),
        pos: Point::new(3, 5),
    };
    let opaque = ServerMessage::DrawOpaque(DrawOpaque {
        base: DisplayBase {
            surface_id: 0,
            bbox: SIZE.to_rect(),
            clip: Clip::None,
        },
        src_bitmap: picture(&source),
        src_area: SIZE.to_rect(),
        brush: pattern,
        rop: Rop::OP_XOR,
        scale_mode: ScaleMode::Nearest,
        mask: QMask::default(),
    });
    let (mut at_once, mut with_jobs) = (viewer(false), viewer(true));
    at_once.display(&opaque);
    with_jobs.display(&opaque);
    for _ in 0..2 {
        let job = with_jobs.session.poll_job().expect("a picture");
        run(&mut with_jobs, job);
    }
    assert_eq!(screen(&with_jobs), screen(&at_once));
}

#[test]
fn a_key_is_sent_and_another_display_drawn_while_a_picture_is_decoded() {
    let mut viewer = viewer(true);
    viewer.display(&drawn(&noise(1)));
    viewer.outputs();

    let now = viewer.now;
    let key = InputEvent::KeyDown(0x1e);
    viewer.session.command(Command::Input(key), now);
    assert_eq!(viewer.sent(ChannelId::INPUTS), [101], "KEY_DOWN");

    use capsaicin::channel::Message;
    viewer.receive(DISPLAY_1, primary(8, 8).to_frame());
    assert!(viewer.session.display(1).unwrap().primary_size().is_some());
}

#[test]
fn a_damaged_large_picture_is_noticed_and_what_follows_is_drawn() {
    let mut stream = noise(1);
    stream.truncate(4000);
    let (mut at_once, mut with_jobs) = (viewer(false), viewer(true));
    for viewer in [&mut at_once, &mut with_jobs] {
        viewer.display(&drawn(&stream));
        viewer.display(&fill(Rect::new(0, 0, 8, 8), 0xff));
    }
    let job = with_jobs.session.poll_job().expect("the picture");
    run(&mut with_jobs, job);
    assert_eq!(screen(&with_jobs), screen(&at_once));
    let notices = with_jobs.notices();
    assert_eq!(notices.len(), 1);
    assert_eq!(notices, at_once.notices());
}

#[test]
fn a_job_that_nobody_runs_is_given_up_and_its_late_result_dropped() {
    let (late, next) = (noise(1), noise(2));
    let (mut at_once, mut with_jobs) = (viewer(false), viewer(true));
    with_jobs.display(&drawn(&late));
    let late = with_jobs.session.poll_job().expect("the first picture");

    with_jobs.now += Duration::from_secs(3600);
    let now = with_jobs.now;
    with_jobs.session.tick(now);
    assert_eq!(with_jobs.notices().len(), 1);
    for viewer in [&mut at_once, &mut with_jobs] {
        viewer.display(&drawn(&next));
    }
    run(&mut with_jobs, late);
    assert!(
        with_jobs.session.is_decoding(DISPLAY),
        "it was for the other picture"
    );
    let job = with_jobs.session.poll_job().expect("the second picture");
    run(&mut with_jobs, job);
    assert_eq!(screen(&with_jobs), screen(&at_once));
}

/// Has a picture of which nothing comes but what `fate` makes of its job.
fn draw_around_a_picture(fate: impl FnOnce(Job) -> Finished) {
    let (missing, next) = (noise(1), noise(2));
    let corner = fill(Rect::new(0, 0, 8, 8), 0xff);
    let mut at_once = viewer(false);
    let mut with_jobs = viewer_with(SessionConfig {
        clock: fragile_clock,
        ..config(true)
    });
    with_jobs.display(&drawn(&missing));
    for viewer in [&mut at_once, &mut with_jobs] {
        viewer.display(&corner);
    }
    let job = with_jobs.session.poll_job().expect("the picture");
    let now = with_jobs.now;
    with_jobs.session.finish(fate(job), now);

    assert!(!with_jobs.session.is_decoding(DISPLAY));
    let notices = with_jobs.notices();
    assert_eq!(notices.len(), 1, "{notices:?}");
    assert!(notices[0].contains("QUIC image: the decoder failed"));
    assert_eq!(screen(&with_jobs), screen(&at_once));

    for viewer in [&mut at_once, &mut with_jobs] {
        viewer.display(&drawn(&next));
    }
    let job = with_jobs.session.poll_job().expect("the next picture");
    run(&mut with_jobs, job);
    assert_eq!(screen(&with_jobs), screen(&at_once));
}

#[test]
fn a_picture_whose_job_breaks_down_is_missing_and_what_follows_is_drawn() {
    draw_around_a_picture(break_down);
}

#[test]
fn a_picture_whose_job_is_lost_is_missing_and_what_follows_is_drawn() {
    draw_around_a_picture(|job| job.lost());
}

/// The display channel closes, and the server lists it once more.
fn reopen(viewer: &mut Viewer) {
    viewer.session.closed(DISPLAY, CloseReason::ByPeer);
    viewer.list(&[ChannelId::INPUTS, DISPLAY, DISPLAY_1]);
    viewer.open(DISPLAY);
    viewer.display(&primary(SIDE, SIDE));
}

#[test]
fn what_was_decoded_for_a_channel_that_is_gone_is_not_drawn_by_the_one_that_has_its_id() {
    let (old, new) = (noise(1), noise(2));
    let (mut at_once, mut with_jobs) = (viewer(false), viewer(true));
    with_jobs.display(&drawn(&old));
    let old = with_jobs.session.poll_job().expect("the old picture");
    reopen(&mut with_jobs);
    for viewer in [&mut at_once, &mut with_jobs] {
        viewer.display(&drawn(&new));
    }
    let job = with_jobs.session.poll_job().expect("the new picture");

    run(&mut with_jobs, old);
    assert!(with_jobs.session.is_decoding(DISPLAY));
    run(&mut with_jobs, job);
    assert!(!with_jobs.session.is_decoding(DISPLAY));
    assert_eq!(screen(&with_jobs), screen(&at_once));
}

#[test]
fn what_is_decoded_for_a_channel_that_is_gone_leaves_no_room_for_more() {
    // As many pixels as may be decoded at a time.
    let side = 8192;
    let image = Image {
        width: side,
        height: side,
        ..picture(b"QUIC")
    };
    let huge = copy(SIZE.to_rect(), image);
    let mut viewer = viewer(true);
    viewer.display(&huge);
    let old = viewer.session.poll_job().expect("the picture");

    reopen(&mut viewer);
    viewer.display(&huge);
    assert!(viewer.session.poll_job().is_none());
    run(&mut viewer, old);
    let new = viewer.session.poll_job().expect("the same picture");

    reopen(&mut viewer);
    viewer.display(&huge);
    assert!(viewer.session.poll_job().is_none());
    drop(new);
    assert!(viewer.session.poll_job().is_some());
}

#[test]
fn a_small_picture_is_decoded_on_the_spot() {
    let stream = {
        let mut stream = Vec::new();
        quic::encode(quic::Kind::Rgb32, 4, 1, 16, &[7; 16], &mut stream).unwrap();
        stream
    };
    let mut viewer = viewer(true);
    viewer.display(&copy(
        Rect::new(0, 0, 4, 1),
        Image {
            width: 4,
            height: 1,
            ..picture(&stream)
        },
    ));
    assert!(viewer.session.poll_job().is_none());
    assert_eq!(screen(&viewer)[..3], [7, 7, 7]);
}
