//! Videos that play while a recording begins, goes on in another file, or is gone to: they are seen at once, as by somebody who
//! plays from the beginning.

use std::time::{Duration, UNIX_EPOCH};

use capsaicin::channel::display::draw::{Brush, Clip, DisplayBase, DrawFill, QMask, Rop};
use capsaicin::channel::display::messages::{
    ServerMessage as Display, StreamCreate, StreamData, StreamFlags, SurfaceCreate, SurfaceFlags,
    SurfaceFormat, VideoCodec,
};
use capsaicin::channel::main::messages::{MultiMediaTime, ServerMessage as Main};
use capsaicin::channel::{ChannelId, ChannelKind, Message};
use capsaicin::codec::video::Codec;
use capsaicin::geometry::Rect;
use capsaicin::recording::{
    About, Border, Choices, Player, Reader, Recorder, Series, Spacing, Survey, Switch, What, Writer,
};
use capsaicin::session::{Tap, Way};
use capsaicin::wire::Frame;

use super::points::{every_seek_shows_what_playing_shows, points};
use super::{file, play_until, records};
use crate::support::recordings::{DENSE, recorded, recorded_again, wait_for_writer};
use crate::support::video::clip;

/// Clips of every codec, with pictures that come in another order, or are never shown.
const CLIPS: [(VideoCodec, &str); 8] = [
    (VideoCodec::Mjpeg, "mjpeg-server"),
    (VideoCodec::Vp8, "vp8"),
    (VideoCodec::Vp8, "vp8-altref"),
    (VideoCodec::Vp9, "vp9-altref"),
    (VideoCodec::H264, "h264-baseline"),
    (VideoCodec::H264, "h264-high-pyramid"),
    (VideoCodec::H265, "h265"),
    (VideoCodec::H265, "h265-b"),
];

/// Where videos play.
const BOX: Rect = Rect::new(8, 8, 72, 56);

/// From one frame to the next, and how long before its time each comes.
const FRAME: Duration = Duration::from_millis(40);
const AHEAD: Duration = Duration::from_millis(130);

/// A recording of a screen on which a clip is played three times: after each frame that comes, something is drawn across the
/// video.
fn film(codec: VideoCodec, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let choices = Choices::default();
    let mut writer = Writer::new(&mut bytes, "a film", UNIX_EPOCH, choices).unwrap();
    let session = records(&file("firmware-menu.pcapng"));
    let display = ChannelId::new(ChannelKind::Display, 0);
    let begins = session[0].at;
    for record in &session {
        let is_link = matches!(record.what, What::Opened(_));
        let wanted = match record.channel {
            ChannelId::MAIN => !matches!(record.what, What::Closed),
            channel => channel == display && is_link,
        };
        match &record.what {
            What::Opened(link) if wanted => {
                writer.opened(Duration::ZERO, record.channel, link).unwrap();
            }
            What::Frame(Way::ToClient, frame) if wanted && record.at == begins => {
                writer
                    .frame(Duration::ZERO, record.channel, Way::ToClient, frame)
                    .unwrap();
            }
            _ => {}
        }
    }
    let mut at = Duration::from_millis(10);
    let mut say = |at: Duration, channel, frame: Frame| {
        writer.frame(at, channel, Way::ToClient, &frame).unwrap();
    };
    let time = |at: Duration| 5000 + at.as_millis() as u32;
    say(
        at,
        ChannelId::MAIN,
        Main::MultiMediaTime(MultiMediaTime { time: time(at) }).to_frame(),
    );
    say(at, display, screen().to_frame());
    say(at, display, Display::Mark.to_frame());
    say(at, display, stream(codec).to_frame());
    for data in std::iter::repeat_n(clip(name), 3).flatten() {
        at += FRAME;
        let multi_media_time = time(at + AHEAD);
        let data = Display::StreamData(StreamData {
            id: 3,
            multi_media_time,
            data: &data,
        });
        say(at, display, data.to_frame());
        say(
            at + FRAME / 3,
            display,
            line(at.as_millis() as i32).to_frame(),
        );
    }
    writer.close(at + 2 * AHEAD).unwrap();
    bytes
}

fn screen() -> Display<'static> {
    Display::SurfaceCreate(SurfaceCreate {
        surface_id: 0,
        width: 80,
        height: 64,
        format: SurfaceFormat::Xrgb,
        flags: SurfaceFlags::PRIMARY,
    })
}

fn stream(codec: VideoCodec) -> Display<'static> {
    Display::StreamCreate(StreamCreate {
        surface_id: 0,
        id: 3,
        flags: StreamFlags::TOP_DOWN,
        codec,
        stamp: 0,
        stream_width: 64,
        stream_height: 48,
        src_width: 64,
        src_height: 48,
        dest: BOX,
        clip: Clip::None,
    })
}

/// A line across the video, each time another one.
fn line(number: i32) -> Display<'static> {
    let left = 10 + number / 7 % 50;
    Display::DrawFill(DrawFill {
        base: DisplayBase {
            surface_id: 0,
            bbox: Rect::new(left, 0, left + 3, 64),
            clip: Clip::None,
        },
        brush: Brush::Solid(0x00ff_8000 + number as u32 % 200),
        rop: Rop::OP_PUT,
        mask: QMask::default(),
    })
}

/// The codec of a clip that this build cannot decode is none of these.
fn films() -> impl Iterator<Item = (&'static str, Vec<u8>)> {
    let codec = |codec| match codec {
        VideoCodec::Mjpeg => Codec::Mjpeg,
        VideoCodec::Vp8 => Codec::Vp8,
        VideoCodec::Vp9 => Codec::Vp9,
        VideoCodec::H264 => Codec::H264,
        _ => Codec::H265,
    };
    let clips = CLIPS.into_iter();
    let known = clips.filter(move |(number, _)| codec(*number).is_available());
    known.map(|(codec, name)| (name, film(codec, name)))
}

fn rgb(file: &[u8], at: Duration) -> Vec<u8> {
    let played = play_until(file, Some(at));
    assert!(played.losses.is_empty(), "{:?}", played.losses);
    assert!(played.notices.is_empty(), "{:?}", played.notices);
    let view = played.screen.view().expect("a screen");
    let pixels = view.rows().flat_map(|row| row.chunks_exact(4));
    pixels.flat_map(|p| [p[0], p[1], p[2]]).collect()
}

#[test]
fn a_film_has_many_pictures() {
    for (name, bytes) in films() {
        let mut pictures: Vec<_> = (1..12).map(|part| rgb(&bytes, FRAME * part)).collect();
        pictures.dedup();
        assert!(pictures.len() > 8, "{name}: {}", pictures.len());
        let inside = |picture: &Vec<u8>| picture[(30 * 80 + 65) * 3..][..3] != [0, 0, 0];
        assert!(pictures.iter().any(inside), "{name}: a video");
    }
}

#[test]
fn going_to_a_moment_of_a_video_shows_what_playing_shows() {
    for (name, bytes) in films() {
        let bytes = recorded_again(&[bytes], DENSE);
        let records = records(&bytes);
        let data = |record: &&capsaicin::recording::Record| matches!(&record.what, What::Frame(_, frame) if frame.number == 123);
        let frames = records.iter().filter(data).count();
        assert!(
            points(&records) > frames,
            "{name}: {} points",
            points(&records)
        );
        every_seek_shows_what_playing_shows(&bytes, name);
    }
}

#[test]
fn going_to_a_moment_of_a_real_video_shows_what_playing_shows() {
    let spacing = Spacing {
        bytes: 0,
        time: Duration::from_millis(150),
        share: 0,
    };
    for name in ["stream-vp8.pcapng", "stream-sized.pcapng"] {
        let bytes = recorded(&[name], spacing);
        assert!(points(&records(&bytes)) > 5, "{name}");
        every_seek_shows_what_playing_shows(&bytes, name);
    }
}

/// A player of a file that is tapped, and the tap.
fn tapped(bytes: &[u8]) -> (Player<&[u8]>, Switch) {
    let survey = Survey::read(Reader::new(bytes).unwrap()).unwrap();
    let mut player = Player::new(Reader::new(bytes).unwrap(), survey.choose(None));
    let switch = Switch::default();
    player.set_tap(Some(Box::new(switch.clone())));
    (player, switch)
}

#[test]
fn a_recording_that_begins_in_a_video_shows_it_at_once() {
    for (name, bytes) in films() {
        for begin in [3, 5, 8] {
            let (mut player, mut switch) = tapped(&bytes);
            player.play_until(FRAME * begin).unwrap();
            let target = tempfile::NamedTempFile::new().unwrap();
            let about = About::default();
            let (recorder, recording) = Recorder::start(target.reopen().unwrap(), &about).unwrap();
            switch.begin(recorder);
            let began = player.now();
            switch.session(began, player.session());
            player.run_out().unwrap();
            switch.end();
            assert_eq!(recording.finish().ended, None);
            let again = std::fs::read(target.path()).unwrap();
            for later in (0..300).step_by(35).map(Duration::from_millis) {
                let same = rgb(&again, later) == rgb(&bytes, began + later);
                assert!(same, "{name} from frame {begin} on, {later:?} later");
            }
        }
    }
}

#[test]
fn every_file_of_a_recording_that_is_cut_in_a_video_shows_it_at_once() {
    for (name, bytes) in films() {
        let (mut player, mut switch) = tapped(&bytes);
        let folder = tempfile::tempdir().unwrap();
        let border = Border::Time(Duration::from_nanos(1));
        let series = Series::new(&folder.path().join("x.pcapng"), border, None);
        let about = About::default();
        let (recorder, recording) = Recorder::start_series(series, &about).unwrap();
        switch.begin_now(recorder);
        let mut pictures = Vec::new();
        while player.step(Duration::MAX).unwrap() {
            wait_for_writer(&recording);
            let has_screen = player.session().display(0).is_some_and(|d| d.has_video());
            if has_screen && switch.wants_session() && player.session().is_settled() {
                switch.session(player.now(), player.session());
                let surface = player
                    .session()
                    .display(0)
                    .and_then(|d| d.canvas().surface(0));
                let rows = surface.expect("a screen").pixels().data().chunks_exact(4);
                pictures.push(rows.flat_map(|p| [p[0], p[1], p[2]]).collect::<Vec<u8>>());
            }
        }
        switch.end();
        let files = recording.finish().files.kept.clone();
        assert!(
            pictures.len() > 5 && files.len() == pictures.len() + 1,
            "{name}"
        );
        for (path, picture) in files.iter().skip(1).zip(&pictures) {
            let bytes = std::fs::read(path).unwrap();
            assert!(
                rgb(&bytes, Duration::ZERO) == *picture,
                "{name}: {}",
                path.display()
            );
        }
    }
}
