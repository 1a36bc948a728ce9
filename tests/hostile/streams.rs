//! Damaged video: messages of streams, and the coded frames in them.

use std::time::Duration;

use bytes::Bytes;
use capsaicin::channel::Message;
use capsaicin::channel::display::draw::Clip;
use capsaicin::channel::display::messages::{
    ServerMessage, StreamActivateReport, StreamClip, StreamCreate, StreamData, StreamDataSized,
    StreamDestroy, StreamFlags, VideoCodec,
};
use capsaicin::codec::Error;
use capsaicin::codec::video::{Codec, Decoder, Memory, Picture};
use capsaicin::geometry::Rect;
use capsaicin::wire::Frame;

use crate::mutate::{Random, mutate, rounds};
use crate::support::video::{clip, grey_jpeg};
use crate::support::viewer::{DISPLAY, Viewer, primary};

/// A clip of each kind of stream.
const CLIPS: [(&str, Codec, VideoCodec); 9] = [
    ("mjpeg-420", Codec::Mjpeg, VideoCodec::Mjpeg),
    ("vp8-odd", Codec::Vp8, VideoCodec::Vp8),
    ("vp8-altref", Codec::Vp8, VideoCodec::Vp8),
    ("vp9-odd", Codec::Vp9, VideoCodec::Vp9),
    ("vp9-altref", Codec::Vp9, VideoCodec::Vp9),
    ("h264-baseline", Codec::H264, VideoCodec::H264),
    ("h264-high-pyramid", Codec::H264, VideoCodec::H264),
    ("h265-resize", Codec::H265, VideoCodec::H265),
    ("h265-b", Codec::H265, VideoCodec::H265),
];

/// Small, so that a size that lies shows.
const MEMORY: u64 = 64 << 20;

/// Decodes messages until one is refused, and checks what must hold whatever they are.
fn decode_oracle(codec: Codec, messages: impl Iterator<Item = Vec<u8>>) {
    let memory = Memory::new(MEMORY);
    let Some(mut decoder) = Decoder::new(codec, &memory) else {
        return;
    };
    for message in messages {
        let mut pictures = Vec::new();
        let result = decoder.decode(&message, &mut pictures);
        assert!(memory.taken() <= MEMORY);
        assert!(
            pictures.len() <= 64,
            "{} pictures of one message",
            pictures.len()
        );
        for Picture {
            width,
            height,
            pixels,
        } in &pictures
        {
            assert!(
                (1..=Picture::MAX_SIDE).contains(width) && (1..=Picture::MAX_SIDE).contains(height)
            );
            assert_eq!(
                pixels.len() as u64,
                u64::from(*width) * u64::from(*height) * 4
            );
        }
        if result.is_err() {
            return;
        }
    }
}

#[test]
fn frames_cut_off_anywhere_are_refused_or_decode_to_something_bounded() {
    for (name, codec, _) in CLIPS {
        let messages = clip(name);
        let at = messages.len() / 2;
        for len in 0..messages[at].len() {
            // Only as many of the long frames as tell something; each needs those before it.
            if len > 64 && !(len).is_multiple_of(7) {
                continue;
            }
            let cut = messages[at][..len].to_vec();
            let whole = messages[..at].iter().cloned();
            decode_oracle(
                codec,
                whole.chain([cut]).chain(messages[at + 1..].iter().cloned()),
            );
        }
    }
}

#[test]
fn damaged_frames_are_refused_or_decode_to_something_bounded() {
    let mut random = Random::new(0x51de_0001);
    for (name, codec, _) in CLIPS {
        let messages = clip(name);
        for _ in 0..rounds(120) {
            let damaged = messages.iter().map(|message| match random.below(3) {
                0 => mutate(message, &mut random),
                _ => message.clone(),
            });
            decode_oracle(codec, damaged);
        }
    }
}

#[test]
fn frames_of_another_codec_are_refused_or_decode_to_something_bounded() {
    for (_, codec, _) in CLIPS {
        for (name, ..) in CLIPS {
            decode_oracle(codec, clip(name).into_iter());
        }
    }
}

#[test]
fn a_size_that_lies_is_refused_before_memory_is_taken() {
    let refused = |codec: Codec, data: &[u8]| {
        let memory = Memory::new(MEMORY);
        let mut decoder = Decoder::new(codec, &memory).expect("it is available");
        let result = decoder.decode(data, &mut Vec::new());
        let refused = matches!(result, Err(Error::TooLarge { .. } | Error::BadHeader(_)));
        assert!(refused, "{codec}: {result:?}");
        assert_eq!(memory.taken(), 0);
    };
    let mut jpeg = grey_jpeg(&[1]);
    // The frame header is behind the quantisation table; its sides are five bytes into it.
    let frame_header = 2 + 69;
    jpeg[frame_header + 5..frame_header + 9].copy_from_slice(&[0x3f, 0xff, 0x3f, 0xff]);
    refused(Codec::Mjpeg, &jpeg);
    jpeg[frame_header + 5..frame_header + 9].copy_from_slice(&[0xff, 0xff, 0, 1]);
    refused(Codec::Mjpeg, &jpeg);
    if Codec::Vp8.is_available() {
        let mut frame = clip("vp8")[0].clone();
        frame[6..10].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
        refused(Codec::Vp8, &frame);
    }
    if Codec::Vp9.is_available() {
        let mut frame = clip("vp9")[0].clone();
        // Behind marker, start code and colours the sides are 16 bits each, from bit 36 on.
        frame[5..8].fill(0xff);
        refused(Codec::Vp9, &frame);
    }
    if Codec::H264.is_available() {
        // A sequence parameter set of profile 66 and level 4 in which everything codes 0 or 1, and then 1023 × 1023 macroblocks.
        let sequence = [
            0, 0, 0, 1, 0x67, 66, 0, 40, 0xda, 0x00, 0x3f, 0xf0, 0x07, 0xff, 0x90,
        ];
        refused(Codec::H264, &sequence);
    }
}

/// A message about a stream that makes sense, mostly.
fn message(random: &mut Random, clips: &[(VideoCodec, Vec<Vec<u8>>)], now: u32) -> Frame {
    let edges = [0, 1, 63, 64, u32::MAX];
    let id = match random.below(8) {
        0 => edges[random.below(edges.len())],
        _ => random.below(3) as u32,
    };
    let (codec, messages) = &clips[random.below(clips.len())];
    let side = |random: &mut Random| match random.below(6) {
        0 => random.next() as i32,
        _ => random.below(80) as i32 - 8,
    };
    let rect =
        |random: &mut Random| Rect::new(side(random), side(random), side(random), side(random));
    let clip = match random.below(3) {
        0 => Clip::Rects((0..random.below(4)).map(|_| rect(random)).collect()),
        _ => Clip::None,
    };
    let times = [
        0,
        now,
        now + 30,
        now.wrapping_sub(30),
        now + 9_999,
        now + 20_000,
        random.next() as u32,
    ];
    let multi_media_time = times[random.below(times.len())];
    let data = &messages[random.below(messages.len())];
    match random.below(12) {
        0 | 1 => ServerMessage::StreamCreate(StreamCreate {
            surface_id: random.below(2) as u32,
            id,
            flags: StreamFlags(random.next() as u8),
            codec: *codec,
            stamp: 0,
            stream_width: random.next() as u32,
            stream_height: 48,
            src_width: 64,
            src_height: 48,
            dest: rect(random),
            clip,
        }),
        2 => ServerMessage::StreamClip(StreamClip { id, clip }),
        3 => ServerMessage::StreamDestroy(StreamDestroy { id }),
        4 => ServerMessage::StreamActivateReport(StreamActivateReport {
            stream_id: id,
            unique_id: 1,
            max_window_size: random.below(3) as u32,
            timeout_ms: random.next() as u32,
        }),
        5 | 6 => ServerMessage::StreamDataSized(StreamDataSized {
            id,
            multi_media_time,
            width: random.next() as u32,
            height: random.next() as u32,
            dest: rect(random),
            data,
        }),
        _ => ServerMessage::StreamData(StreamData {
            id,
            multi_media_time,
            data,
        }),
    }
    .to_frame()
}

#[test]
fn a_session_survives_any_order_of_stream_messages_sound_or_damaged() {
    let clips: Vec<_> = CLIPS
        .iter()
        .map(|(name, _, codec)| (*codec, clip(name)))
        .collect();
    let mut random = Random::new(0x51de_0002);
    for _ in 0..rounds(15) {
        let mut viewer = Viewer::with_displays(&[0]);
        viewer.display(&primary(64, 64));
        for step in 0..400 {
            let now = 1000 + viewer.now.as_millis() as u32;
            let mut frame = message(&mut random, &clips, now);
            if random.below(4) == 0 {
                frame.body = Bytes::from(mutate(&frame.body, &mut random));
            }
            viewer.receive(DISPLAY, frame);
            if step % 10 == 0 {
                viewer.now += Duration::from_millis(random.below(200) as u64);
                viewer.session.tick(viewer.now);
            }
            // No picture waits for longer than a server may run ahead.
            let latest = viewer.now + Duration::from_secs(10);
            assert!(viewer.session.poll_timeout().is_none_or(|at| at <= latest));
        }
        let stats = viewer.session.stats(viewer.now);
        assert!(stats.streams.len() <= 64);
        assert!(viewer.session.memory().video <= 512 << 20);
        assert!(viewer.session.memory().frames <= 64 << 20);
        viewer.outputs();
        viewer.events();
    }
}

#[test]
fn every_prefix_of_a_stream_message_is_refused_or_harmless() {
    let clips: Vec<_> = CLIPS
        .iter()
        .map(|(name, _, codec)| (*codec, clip(name)))
        .collect();
    let mut random = Random::new(0x51de_0003);
    let mut viewer = Viewer::with_displays(&[0]);
    viewer.display(&primary(64, 64));
    for _ in 0..60 {
        let frame = message(&mut random, &clips, 1000);
        for len in 0..frame.body.len().min(80) {
            viewer.receive(DISPLAY, Frame::new(frame.number, frame.body.slice(..len)));
        }
        viewer.events();
        viewer.outputs();
    }
}
