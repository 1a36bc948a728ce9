//! The playback and record channels as a session's user meets them.

use std::time::Duration;

use bytes::Bytes;
use capsaicin::channel::Message;
use capsaicin::channel::audio::messages::{
    Latency, ModeChange, Mute, PlaybackMessage, PlaybackStart, RecordAnswer, RecordMessage,
    RecordStart, Sound, Volume,
};
use capsaicin::channel::audio::{Format, Mode, Packet, PlaybackEvent, RecordEvent};
use capsaicin::session::{ClientEvent, Command, Memory, SessionConfig};

use crate::support::viewer::{PLAYBACK, RECORD, Viewer};

const STEREO: Format = Format {
    channels: 2,
    rate: 48_000,
};

fn viewer() -> Viewer {
    let config = SessionConfig {
        playback: true,
        record: true,
        ..SessionConfig::default()
    };
    Viewer::with_channels(config, &[PLAYBACK, RECORD])
}

fn start(channels: u32, frequency: u32) -> PlaybackMessage<'static> {
    PlaybackMessage::Start(PlaybackStart {
        channels,
        format: 1,
        frequency,
        time: 0,
    })
}

fn mode(mode: Mode) -> PlaybackMessage<'static> {
    let (time, data) = (0, &[][..]);
    PlaybackMessage::Mode(ModeChange { time, mode, data })
}

fn data(time: u32, data: &[u8]) -> PlaybackMessage<'_> {
    PlaybackMessage::Data(Sound { time, data })
}

fn packet(time: u32, mode: Mode, data: &'static [u8]) -> PlaybackEvent {
    let data = Bytes::from_static(data);
    PlaybackEvent::Packet {
        time,
        packet: Packet { mode, data },
    }
}

/// What the playback channel tells of these messages.
fn told(viewer: &mut Viewer, messages: &[PlaybackMessage<'_>]) -> Vec<PlaybackEvent> {
    for message in messages {
        viewer.receive(PLAYBACK, message.to_frame());
    }
    playback_events(viewer)
}

fn playback_events(viewer: &mut Viewer) -> Vec<PlaybackEvent> {
    let event = |event| match event {
        ClientEvent::Playback(event) => Some(event),
        _ => None,
    };
    viewer.events().into_iter().filter_map(event).collect()
}

#[test]
fn raw_sound_is_told_packet_by_packet_between_its_start_and_its_end() {
    let mut viewer = viewer();
    let messages = [
        mode(Mode::Raw),
        start(2, 48_000),
        data(1000, &[1, 0, 2, 0]),
        data(1010, &[3, 0, 4, 0]),
        PlaybackMessage::Stop,
    ];
    assert_eq!(
        told(&mut viewer, &messages),
        [
            PlaybackEvent::Started(STEREO),
            packet(1000, Mode::Raw, &[1, 0, 2, 0]),
            packet(1010, Mode::Raw, &[3, 0, 4, 0]),
            PlaybackEvent::Stopped,
        ]
    );
}

#[test]
fn sound_before_the_first_mode_is_raw() {
    let events = told(&mut viewer(), &[start(1, 8000), data(0, &[9, 9])]);
    assert_eq!(events[1..], [packet(0, Mode::Raw, &[9, 9])]);
}

#[cfg(feature = "opus")]
#[test]
fn a_change_of_mode_holds_from_the_next_packet_on() {
    let messages = [
        start(2, 48_000),
        data(0, &[1, 2, 3, 4]),
        mode(Mode::Opus),
        data(10, &[0xfc]),
    ];
    let events = told(&mut viewer(), &messages);
    assert_eq!(
        events[1..],
        [
            packet(0, Mode::Raw, &[1, 2, 3, 4]),
            packet(10, Mode::Opus, &[0xfc])
        ]
    );
}

#[test]
fn sound_outside_a_stream_is_not_told() {
    let mut viewer = viewer();
    let before = [data(0, &[1, 2, 3, 4])];
    assert_eq!(told(&mut viewer, &before), []);
    told(&mut viewer, &[start(2, 48_000), PlaybackMessage::Stop]);
    assert_eq!(told(&mut viewer, &[data(10, &[1, 2, 3, 4])]), []);
}

#[test]
fn loudness_silence_and_least_delay_are_told() {
    let volume = vec![40_000, 42_000];
    let messages = [
        PlaybackMessage::Volume(Volume {
            volume: volume.clone(),
        }),
        PlaybackMessage::Mute(Mute { mute: 1 }),
        PlaybackMessage::Latency(Latency { latency_ms: 250 }),
    ];
    assert_eq!(
        told(&mut viewer(), &messages),
        [
            PlaybackEvent::Volume(volume),
            PlaybackEvent::Muted(true),
            PlaybackEvent::Latency(Duration::from_millis(250)),
        ]
    );
}

#[test]
fn a_volume_of_no_channel_is_none_and_one_of_many_is_cut() {
    let of = |count| {
        PlaybackMessage::Volume(Volume {
            volume: vec![7; count],
        })
    };
    assert_eq!(told(&mut viewer(), &[of(0)]), []);
    let cut = [PlaybackEvent::Volume(vec![7; 8])];
    assert_eq!(told(&mut viewer(), &[of(255)]), cut);
}

#[test]
fn raw_sound_that_ends_inside_a_frame_loses_the_rest() {
    let mut viewer = viewer();
    let events = told(
        &mut viewer,
        &[start(2, 48_000), data(0, &[1, 2, 3, 4, 5, 6, 7])],
    );
    assert_eq!(events[1..], [packet(0, Mode::Raw, &[1, 2, 3, 4])]);
    assert_eq!(told(&mut viewer, &[data(1, &[1, 2, 3])]), []);
}

#[test]
fn absurd_rates_channel_counts_and_samples_start_nothing_and_are_noticed() {
    for (channels, rate, format) in [
        (0, 48_000, 1),
        (9, 48_000, 1),
        (u32::MAX, 48_000, 1),
        (2, 0, 1),
        (2, 7999, 1),
        (2, u32::MAX, 1),
        (2, 48_000, 2),
    ] {
        let mut viewer = viewer();
        let start = PlaybackMessage::Start(PlaybackStart {
            channels,
            format,
            frequency: rate,
            time: 0,
        });
        viewer.receive(PLAYBACK, start.to_frame());
        viewer.receive(PLAYBACK, data(0, &[0; 64]).to_frame());
        let expected = format!(
            "playback:0: sound of {channels} channels, {rate} Hz and format {format} is not understood"
        );
        assert_eq!(viewer.notices(), [expected]);
    }
}

#[test]
fn sound_of_a_mode_that_was_never_agreed_is_passed_over() {
    let mut viewer = viewer();
    let messages = [start(2, 44_100), mode(Mode::Celt), data(0, &[0; 64])];
    let events = told(&mut viewer, &messages);
    assert_eq!(events.len(), 1, "{events:?}");
}

#[cfg(feature = "opus")]
#[test]
fn opus_at_a_rate_it_does_not_know_or_longer_than_it_can_be_is_passed_over() {
    let mut viewer = viewer();
    let messages = [mode(Mode::Opus), start(2, 44_100), data(0, &[0xfc; 100])];
    assert_eq!(told(&mut viewer, &messages).len(), 1);
    let long = vec![0xfc; 8000];
    let messages = [start(2, 48_000), data(0, &long)];
    let events = told(&mut viewer, &messages);
    assert!(
        !events
            .iter()
            .any(|e| matches!(e, PlaybackEvent::Packet { .. }))
    );
}

#[test]
fn a_new_start_ends_the_stream_before_it() {
    let mut viewer = viewer();
    told(&mut viewer, &[start(2, 48_000)]);
    let mono = Format {
        channels: 1,
        rate: 44_100,
    };
    assert_eq!(
        told(&mut viewer, &[start(1, 44_100)]),
        [PlaybackEvent::Stopped, PlaybackEvent::Started(mono)]
    );
}

#[test]
fn the_media_clock_follows_the_sound_that_is_heard() {
    use capsaicin::channel::shared::MediaClock;
    let ms = Duration::from_millis;
    let mut clock = MediaClock::default();
    clock.set(5000, ms(0));
    clock.hear(5000, ms(200), ms(100));
    assert_eq!(clock.time(ms(100)), 4800);
    assert_eq!(clock.time(ms(300)), 5000);
    // The server's own word counts for nothing while sound is heard.
    clock.set(9000, ms(300));
    assert_eq!(clock.time(ms(300)), 5000);
    assert_eq!(clock.sound_delay(), Some(ms(200)));
    // It runs on when the sound ends, and takes the server's word again.
    clock.hear_nothing();
    assert_eq!(clock.time(ms(400)), 5100);
    clock.set(4700, ms(400));
    assert_eq!(clock.time(ms(400)), 4700);
}

#[test]
fn a_clock_of_the_sound_that_jumps_is_followed_and_noticed() {
    let mut viewer = viewer();
    let times = [1000, u32::MAX, 5, 0x8000_0000, 2];
    viewer.receive(PLAYBACK, start(2, 48_000).to_frame());
    for time in times {
        viewer.receive(PLAYBACK, data(time, &[0; 4]).to_frame());
        let delay = Duration::from_secs(3600);
        viewer
            .session
            .command(Command::PlaybackDelay(delay), viewer.now);
    }
    let events = viewer.events();
    let packets = events
        .iter()
        .filter(|event| matches!(event, ClientEvent::Playback(PlaybackEvent::Packet { .. })));
    assert_eq!(packets.count(), times.len());
    let noticed = events.iter().any(|event| {
        matches!(event, ClientEvent::Notice(n) if n.text == "the clock of the sound goes back")
    });
    assert!(noticed);
}

#[test]
fn a_flood_of_sound_that_nobody_takes_stays_bounded_and_starts_anew() {
    let mut viewer = viewer();
    viewer.receive(PLAYBACK, start(2, 48_000).to_frame());
    let block = vec![0; 100_000];
    for time in 0..2000 {
        viewer.receive(PLAYBACK, data(time, &block).to_frame());
    }
    let held = viewer.session.memory();
    assert!(held.told < 3 << 20, "{held:?}");
    assert!(held.total() < Memory::limit(0));
    let events = playback_events(&mut viewer);
    assert_eq!(
        events[..2],
        [PlaybackEvent::Stopped, PlaybackEvent::Started(STEREO)]
    );
}

#[test]
fn a_flood_of_starts_and_stops_that_nobody_takes_stays_bounded() {
    let mut viewer = viewer();
    for _ in 0..5000 {
        viewer.receive(PLAYBACK, start(2, 48_000).to_frame());
        viewer.receive(PLAYBACK, PlaybackMessage::Stop.to_frame());
    }
    assert!(playback_events(&mut viewer).len() <= 512);
}

#[test]
fn a_stream_ends_for_the_user_when_its_channel_does() {
    let mut viewer = viewer();
    told(&mut viewer, &[start(2, 48_000)]);
    viewer
        .session
        .closed(PLAYBACK, capsaicin::CloseReason::ByPeer);
    assert_eq!(playback_events(&mut viewer), [PlaybackEvent::Stopped]);
}

#[test]
fn sound_channels_are_opened_only_for_who_asks_for_them() {
    let mut viewer = Viewer::linked(SessionConfig::default());
    viewer.list(&[PLAYBACK, RECORD]);
    assert_eq!(viewer.session.capabilities(PLAYBACK), None);
    assert_eq!(viewer.session.capabilities(RECORD), None);
}

#[test]
fn volume_latency_and_opus_are_announced_and_celt_is_not() {
    let viewer = viewer();
    let playback = viewer.session.capabilities(PLAYBACK).unwrap();
    let record = viewer.session.capabilities(RECORD).unwrap();
    let opus = cfg!(feature = "opus");
    assert_eq!(playback.channel, [if opus { 0b1110 } else { 0b110 }]);
    assert_eq!(record.channel, [if opus { 0b110 } else { 0b10 }]);
}

// Recording.

fn listen(channels: u32, frequency: u32) -> RecordMessage<'static> {
    RecordMessage::Start(RecordStart {
        channels,
        format: 1,
        frequency,
    })
}

fn speak(viewer: &mut Viewer, mode: Mode, data: Vec<u8>) {
    let data = Bytes::from(data);
    let packet = Packet { mode, data };
    viewer.session.command(Command::Record(packet), viewer.now);
}

#[test]
fn what_the_user_says_is_sent_in_blocks_that_fill_the_ring_of_a_server_behind_its_mode_and_mark() {
    let mut viewer = viewer();
    viewer.receive(RECORD, listen(2, 48_000).to_frame());
    let wanted = ClientEvent::Record(RecordEvent::Wanted {
        format: STEREO,
        opus: true,
    });
    assert!(viewer.events().contains(&wanted));
    speak(&mut viewer, Mode::Raw, vec![5; 2 * 1920 + 4]);
    let sent = viewer.sent_frames(RECORD);
    let numbers: Vec<u16> = sent.iter().map(|frame| frame.number).collect();
    assert_eq!(numbers, [102, 103, 101, 101, 101]);
    assert_eq!(sent[0].body[4..], [1, 0]);
    let lengths: Vec<usize> = sent[2..].iter().map(|frame| frame.body.len()).collect();
    // 256 frames of the 8192 there.
    assert_eq!(lengths, [4 + 1024; 3]);
    // More follows without either; 772 bytes were left.
    speak(&mut viewer, Mode::Raw, vec![5; 1920]);
    assert_eq!(viewer.sent(RECORD), [101, 101]);
}

#[test]
fn every_start_of_the_guest_begins_with_mode_and_mark_again() {
    let mut viewer = viewer();
    viewer.receive(RECORD, listen(2, 48_000).to_frame());
    speak(&mut viewer, Mode::Raw, vec![0; 1020]);
    viewer.receive(RECORD, RecordMessage::Stop.to_frame());
    viewer.receive(RECORD, listen(2, 48_000).to_frame());
    viewer.sent(RECORD);
    speak(&mut viewer, Mode::Opus, vec![0xfc; 20]);
    let sent = viewer.sent_frames(RECORD);
    let messages: Vec<RecordAnswer<'_>> = sent
        .iter()
        .map(|frame| RecordAnswer::decode(frame.number, &frame.body).unwrap())
        .collect();
    assert!(matches!(&messages[0], RecordAnswer::Mode(m) if m.mode == Mode::Opus));
    assert!(matches!(messages[1], RecordAnswer::StartMark(_)));
    assert!(matches!(&messages[2], RecordAnswer::Data(d) if d.data == [0xfc; 20]));
}

#[test]
fn nothing_is_recorded_before_the_guest_listens_after_it_stopped_or_by_who_only_looks_on() {
    let mut viewer = viewer();
    speak(&mut viewer, Mode::Raw, vec![0; 4]);
    viewer.receive(RECORD, listen(2, 48_000).to_frame());
    viewer.receive(RECORD, RecordMessage::Stop.to_frame());
    speak(&mut viewer, Mode::Raw, vec![0; 4]);
    assert_eq!(viewer.sent(RECORD), [0_u16; 0]);

    let config = SessionConfig {
        record: true,
        view_only: true,
        ..SessionConfig::default()
    };
    let mut viewer = Viewer::with_channels(config, &[RECORD]);
    viewer.receive(RECORD, listen(2, 48_000).to_frame());
    speak(&mut viewer, Mode::Raw, vec![0; 4]);
    assert_eq!(viewer.sent(RECORD), [0_u16; 0]);
}

#[test]
fn a_guest_that_wants_to_record_the_absurd_is_not_listened_to() {
    let mut viewer = viewer();
    viewer.receive(RECORD, listen(200, 48_000).to_frame());
    speak(&mut viewer, Mode::Raw, vec![0; 400]);
    assert_eq!(viewer.sent(RECORD), [0_u16; 0]);
    assert_eq!(
        viewer.notices(),
        ["record:0: sound of 200 channels, 48000 Hz and format 1 is not understood"]
    );
}
