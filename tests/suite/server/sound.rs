//! Sound between a server and its viewer, message by message and over a socket.

use std::time::Duration;

use bytes::Bytes;
use capsaicin::channel::audio::messages::{
    Latency, ModeChange, Mute, PlaybackMessage, PlaybackStart, RecordAnswer, RecordMessage,
    RecordStart, Sound, StartMark, Volume,
};
use capsaicin::channel::audio::server::{Offer, PlaybackOrder, RecordOrder};
use capsaicin::channel::audio::{Format, Mode, Packet, PlaybackEvent, RecordEvent};
use capsaicin::channel::main::Greeting;
use capsaicin::channel::{ChannelId, ChannelKind, Message};
use capsaicin::client::ClientConfig;
use capsaicin::link::{COMMON, Capabilities, Established};
use capsaicin::net::Address;
use capsaicin::server::ServerConfig;
use capsaicin::session::{Command, Output, ServerEvent, ServerSession, SessionConfig};
use capsaicin::sound::{Decoder, Encoder};
use capsaicin::wire::{Frame, HeaderKind};
use capsaicin::{ClientEvent, SpiceClient, SpiceServer};

const MAIN: ChannelId = ChannelId::MAIN;
const PLAYBACK: ChannelId = ChannelId::new(ChannelKind::Playback, 0);
const RECORD: ChannelId = ChannelId::new(ChannelKind::Record, 0);

const STEREO: Format = Format {
    channels: 2,
    rate: 48_000,
};

/// Sound that Opus does not know.
const CD: Format = Format {
    channels: 2,
    rate: 44_100,
};

/// Bits of the playback channel: volume, latency, Opus.
const ALL: &[u32] = &[1, 2, 3];

/// A server whose media clock says 1000 when the session begins, and the client it talks with.
struct Server {
    session: ServerSession,
    now: Duration,
}

impl Server {
    fn offering(offer: Offer) -> Self {
        let greeting = Greeting {
            session_id: 1,
            name: String::new(),
            uuid: [0; 16],
            media_ms: 1000,
        };
        let off = capsaicin::channel::display::ImageCompression::Off;
        let mut server = Self {
            session: ServerSession::new(greeting, off).with_sound(offer),
            now: Duration::ZERO,
        };
        assert!(server.link(MAIN, &[]));
        server.sent(MAIN);
        server
    }

    /// The client links a channel, announcing these bits.
    fn link(&mut self, id: ChannelId, bits: &[u32]) -> bool {
        let link = Established {
            header: HeaderKind::Mini,
            client: Capabilities::of(COMMON, bits),
            server: Capabilities::default(),
        };
        self.session.opened(id, &link, self.now)
    }

    fn order(&mut self, order: PlaybackOrder) {
        self.session.play(order, self.now);
    }

    fn say<'m>(&mut self, message: &impl Message<'m>) {
        self.session.receive(RECORD, &message.to_frame(), self.now);
    }

    /// What was sent on a channel; what was sent on others is lost.
    fn sent(&mut self, id: ChannelId) -> Vec<Frame> {
        let outputs = std::iter::from_fn(|| self.session.poll_output());
        let frames = outputs.filter_map(|output| match output {
            Output::Send(to, frame) if to == id => Some(frame),
            _ => None,
        });
        frames.collect()
    }

    /// Whether the record channel was closed, and why.
    fn closed(&mut self) -> Option<String> {
        let closed = std::iter::from_fn(|| self.session.poll_output())
            .any(|output| output == Output::Close(RECORD));
        let notice =
            std::iter::from_fn(|| self.session.poll_event()).find_map(|event| match event {
                ServerEvent::Notice(notice) => Some(notice.text),
                _ => None,
            });
        notice.filter(|_| closed)
    }
}

fn packet(mode: Mode, data: &'static [u8]) -> Packet {
    let data = Bytes::from_static(data);
    Packet { mode, data }
}

fn mode(time: u32, mode: Mode) -> Frame {
    let data = &[][..];
    PlaybackMessage::Mode(ModeChange { time, mode, data }).to_frame()
}

fn start(format: Format, time: u32) -> Frame {
    let Format { channels, rate } = format;
    let (channels, format, frequency) = (channels.into(), 1, rate);
    let start = PlaybackStart {
        channels,
        format,
        frequency,
        time,
    };
    PlaybackMessage::Start(start).to_frame()
}

fn data(time: u32, data: &[u8]) -> Frame {
    PlaybackMessage::Data(Sound { time, data }).to_frame()
}

fn bodies(frames: &[Frame]) -> Vec<(u16, Bytes)> {
    let body = |frame: &Frame| (frame.number, frame.body.clone());
    frames.iter().map(body).collect()
}

#[test]
fn a_stream_is_its_mode_its_start_its_sound_by_the_clock_and_its_end() {
    let mut server = Server::offering(Offer::Raw);
    assert!(server.link(PLAYBACK, ALL));
    server.now = Duration::from_millis(10);
    server.order(PlaybackOrder::Start(STEREO));
    server.now = Duration::from_millis(20);
    server.order(PlaybackOrder::Play(packet(Mode::Raw, &[1, 0, 2, 0])));
    server.order(PlaybackOrder::Stop);
    let expected = [
        mode(1000, Mode::Raw),
        start(STEREO, 1010),
        data(1020, &[1, 0, 2, 0]),
        PlaybackMessage::Stop.to_frame(),
    ];
    assert_eq!(bodies(&server.sent(PLAYBACK)), bodies(&expected));
}

#[cfg(feature = "opus")]
#[test]
fn opus_is_said_before_the_start_and_only_for_rates_and_viewers_that_know_it() {
    let mut server = Server::offering(Offer::Opus);
    assert!(server.link(PLAYBACK, ALL));
    assert_eq!(server.session.playback_mode(STEREO), Some(Mode::Opus));
    assert_eq!(server.session.playback_mode(CD), Some(Mode::Raw));
    server.order(PlaybackOrder::Start(STEREO));
    server.order(PlaybackOrder::Start(CD));
    let expected = [
        mode(1000, Mode::Opus),
        start(STEREO, 1000),
        PlaybackMessage::Stop.to_frame(),
        mode(1000, Mode::Raw),
        start(CD, 1000),
    ];
    assert_eq!(bodies(&server.sent(PLAYBACK)), bodies(&expected));

    let mut server = Server::offering(Offer::Opus);
    assert!(server.link(PLAYBACK, &[1, 2]));
    assert_eq!(server.session.playback_mode(STEREO), Some(Mode::Raw));
    assert_eq!(
        bodies(&server.sent(PLAYBACK)),
        bodies(&[mode(1000, Mode::Raw)])
    );
}

#[test]
fn volume_silence_and_least_delay_are_told_to_who_understands_them() {
    let orders = || {
        [
            PlaybackOrder::Volume(vec![65_535, 30_000]),
            PlaybackOrder::Mute(true),
            PlaybackOrder::Latency(Duration::from_millis(250)),
            // None is not a volume.
            PlaybackOrder::Volume(Vec::new()),
        ]
    };
    let mut server = Server::offering(Offer::Raw);
    assert!(server.link(PLAYBACK, ALL));
    server.sent(PLAYBACK);
    orders().into_iter().for_each(|order| server.order(order));
    let volume = vec![65_535, 30_000];
    let expected = [
        PlaybackMessage::Volume(Volume { volume }).to_frame(),
        PlaybackMessage::Mute(Mute { mute: 1 }).to_frame(),
        PlaybackMessage::Latency(Latency { latency_ms: 250 }).to_frame(),
    ];
    assert_eq!(bodies(&server.sent(PLAYBACK)), bodies(&expected));

    let mut server = Server::offering(Offer::Raw);
    assert!(server.link(PLAYBACK, &[]));
    server.sent(PLAYBACK);
    orders().into_iter().for_each(|order| server.order(order));
    assert_eq!(bodies(&server.sent(PLAYBACK)), []);
}

#[test]
fn sound_outside_a_stream_is_not_sent() {
    let mut server = Server::offering(Offer::Raw);
    assert!(server.link(PLAYBACK, ALL));
    server.sent(PLAYBACK);
    server.order(PlaybackOrder::Play(packet(Mode::Raw, &[1, 0, 2, 0])));
    server.order(PlaybackOrder::Stop);
    assert_eq!(bodies(&server.sent(PLAYBACK)), []);
}

#[test]
fn the_clock_of_video_is_set_when_a_stream_ends() {
    let mut server = Server::offering(Offer::Raw);
    assert!(server.link(PLAYBACK, ALL));
    server.order(PlaybackOrder::Start(STEREO));
    server.now = Duration::from_millis(500);
    server.order(PlaybackOrder::Stop);
    // 400 ms before the server's own, as in INIT.
    let expected = (106, Bytes::copy_from_slice(&1100_u32.to_le_bytes()));
    assert_eq!(bodies(&server.sent(MAIN)), [expected]);
}

#[test]
fn sound_is_offered_only_where_it_is_wanted_and_celt_never() {
    let announced = |id, offer| {
        ServerSession::sound_capabilities(id, offer).map(|capabilities| capabilities.channel)
    };
    let opus = cfg!(feature = "opus");
    assert_eq!(announced(PLAYBACK, Offer::Nothing), None);
    assert_eq!(announced(PLAYBACK, Offer::Raw), Some(vec![0b10]));
    assert_eq!(announced(RECORD, Offer::Raw), Some(vec![0b10]));
    // The words of the reference server.
    let [playback, record] = if opus { [0x0a, 0x06] } else { [0b10, 0b10] };
    assert_eq!(announced(PLAYBACK, Offer::Opus), Some(vec![playback]));
    assert_eq!(announced(RECORD, Offer::Opus), Some(vec![record]));
    let mut server = Server::offering(Offer::Nothing);
    assert!(!server.link(PLAYBACK, ALL));
}

#[test]
fn a_client_that_says_anything_on_the_playback_channel_loses_it() {
    let mut server = Server::offering(Offer::Raw);
    assert!(server.link(PLAYBACK, ALL));
    let frame = Frame::new(101, &[0; 8][..]);
    server.session.receive(PLAYBACK, &frame, server.now);
    assert_eq!(server.session.playback_mode(STEREO), None);
    assert_eq!(server.session.ended(), None);
}

// The microphone.

/// Listening in this format, with a client that has Opus.
fn listening(offer: Offer, format: Format) -> Server {
    let mut server = Server::offering(offer);
    assert!(server.link(RECORD, &[1, 2]));
    server.session.listen(RecordOrder::Listen(format));
    server.sent(RECORD);
    server
}

fn spoken(mode: Mode) -> RecordAnswer<'static> {
    let (time, data) = (0, &[][..]);
    RecordAnswer::Mode(ModeChange { time, mode, data })
}

fn said(data: &[u8]) -> RecordAnswer<'_> {
    RecordAnswer::Data(Sound { time: 0, data })
}

#[test]
fn the_client_is_told_when_the_guest_listens_and_how_loud() {
    let mut server = Server::offering(Offer::Raw);
    assert!(server.link(RECORD, &[1]));
    server.session.listen(RecordOrder::Volume(vec![7]));
    server.session.listen(RecordOrder::Mute(false));
    server.session.listen(RecordOrder::Listen(STEREO));
    server.session.listen(RecordOrder::Stop);
    let (channels, format, frequency) = (2, 1, 48_000);
    let expected = [
        RecordMessage::Volume(Volume { volume: vec![7] }).to_frame(),
        RecordMessage::Mute(Mute { mute: 0 }).to_frame(),
        RecordMessage::Start(RecordStart {
            channels,
            format,
            frequency,
        })
        .to_frame(),
        RecordMessage::Stop.to_frame(),
    ];
    assert_eq!(bodies(&server.sent(RECORD)), bodies(&expected));
}

#[test]
fn what_the_user_says_is_taken_in_the_mode_said_last() {
    let mut server = listening(Offer::Opus, STEREO);
    server.say(&spoken(Mode::Raw));
    server.say(&RecordAnswer::StartMark(StartMark { time: 5 }));
    // The last frame is not whole.
    server.say(&said(&[1, 2, 3, 4, 5, 6]));
    assert_eq!(
        server.session.poll_recorded(),
        Some(packet(Mode::Raw, &[1, 2, 3, 4]))
    );
    if cfg!(feature = "opus") {
        server.say(&spoken(Mode::Opus));
        server.say(&said(&[0xfc, 1]));
        let expected = Some(packet(Mode::Opus, &[0xfc, 1]));
        assert_eq!(server.session.poll_recorded(), expected);
    }
    assert_eq!(server.session.poll_recorded(), None);
}

#[test]
fn what_is_said_while_the_guest_does_not_listen_is_passed_over() {
    let mut server = listening(Offer::Raw, STEREO);
    server.session.listen(RecordOrder::Stop);
    server.say(&said(&[1, 2, 3, 4]));
    assert_eq!(server.session.poll_recorded(), None);
    assert_eq!(server.closed(), None);
}

#[test]
fn a_mode_that_was_not_offered_or_does_not_suit_ends_the_channel() {
    for (offer, format, bad) in [
        (Offer::Raw, STEREO, Mode::Opus),
        (Offer::Opus, CD, Mode::Opus),
        (Offer::Opus, STEREO, Mode::Celt),
        (Offer::Opus, STEREO, Mode::from_number(77)),
    ] {
        let mut server = listening(offer, format);
        server.say(&spoken(bad));
        let expected = format!("sound of mode {bad} cannot be taken");
        assert_eq!(server.closed(), Some(expected));
    }
}

#[test]
fn messages_cut_short_unknown_or_longer_than_opus_can_be_end_the_channel() {
    for (number, body) in [(101, &[0; 3][..]), (102, &[0; 5]), (103, &[]), (104, &[])] {
        let mut server = listening(Offer::Opus, STEREO);
        let frame = Frame::new(number, body);
        server.session.receive(RECORD, &frame, server.now);
        assert!(server.closed().is_some(), "{number}");
    }
    if cfg!(feature = "opus") {
        let mut server = listening(Offer::Opus, STEREO);
        server.say(&spoken(Mode::Opus));
        server.say(&said(&[0xfc; 8000]));
        assert!(server.closed().is_some());
    }
}

#[test]
fn a_flood_of_speech_that_nobody_takes_stays_bounded() {
    let mut server = listening(Offer::Raw, STEREO);
    for _ in 0..10_000 {
        server.say(&said(&[0; 1920]));
    }
    let held = std::iter::from_fn(|| server.session.poll_recorded()).count();
    assert_eq!(held, 64);
}

// Over a socket, with our own client.

async fn soon<T>(future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(Duration::from_secs(60), future).await;
    done.expect("it takes less than half a minute")
}

async fn serve(sound: Offer) -> SpiceServer {
    let config = ServerConfig {
        sound,
        ..ServerConfig::default()
    };
    let any_port = Address::tcp("127.0.0.1", 0);
    let server = SpiceServer::bind_to(&any_port, config).await;
    server.expect("loopback can be listened at")
}

async fn connect(server: &SpiceServer) -> SpiceClient {
    let config = ClientConfig {
        session: SessionConfig {
            playback: true,
            record: true,
            ..SessionConfig::default()
        },
        ..ClientConfig::new(server.local_address().clone())
    };
    soon(SpiceClient::connect_with(config))
        .await
        .expect("a server")
}

/// The next event of the playback channel.
async fn playback(client: &mut SpiceClient) -> PlaybackEvent {
    loop {
        if let ClientEvent::Playback(event) = soon(client.next_event()).await.expect("an event") {
            return event;
        }
    }
}

/// All samples of the next stream that ends.
async fn stream(client: &mut SpiceClient) -> (Format, Vec<i16>) {
    let mut decoder = None::<Decoder>;
    let mut samples = Vec::new();
    loop {
        match (playback(client).await, &mut decoder) {
            (PlaybackEvent::Started(format), _) => decoder = Some(Decoder::new(format)),
            (PlaybackEvent::Packet { packet, .. }, Some(decoder)) => {
                samples.extend_from_slice(decoder.decode(&packet).expect("a sound packet"));
            }
            (PlaybackEvent::Stopped, Some(decoder)) => return (decoder.format(), samples),
            _ => {}
        }
    }
}

/// So many frames of 400 Hz, half as loud on the right.
fn tone(frames: usize) -> Vec<i16> {
    let sample = |at: usize| {
        let phase = at as f64 * 400.0 / 48_000.0 * std::f64::consts::TAU;
        let left = (9000.0 * phase.sin()) as i16;
        [left, left / 2]
    };
    (0..frames).flat_map(sample).collect()
}

#[tokio::test]
async fn raw_sound_arrives_sample_by_sample_and_is_filled_up_to_a_block() {
    let server = serve(Offer::Raw).await;
    let mut client = connect(&server).await;
    let sound = server.sound();
    soon(sound.audience(None)).await;
    let given = tone(4900);

    sound.start(STEREO);
    given.chunks(700).for_each(|piece| sound.play(piece));
    sound.stop();

    let (format, heard) = stream(&mut client).await;
    assert_eq!(format, STEREO);
    assert_eq!(heard[..given.len()], given);
    // 4900 frames are ten blocks of 480 and a part.
    assert_eq!(heard.len(), 11 * 480 * 2);
    assert!(heard[given.len()..].iter().all(|sample| *sample == 0));
}

#[cfg(feature = "opus")]
#[tokio::test]
async fn sound_coded_with_opus_arrives_in_its_quality() {
    let server = serve(Offer::Opus).await;
    let mut client = connect(&server).await;
    let sound = server.sound();
    soon(sound.audience(None)).await;
    let given = tone(24_000);

    sound.start(STEREO);
    sound.play(&given);
    sound.stop();

    let (_, heard) = stream(&mut client).await;
    assert_eq!(heard.len(), given.len());
    // The codec looks 6.5 ms ahead, 312 frames; and needs a moment to find the tone.
    let span = 9600..heard.len() - 9600;
    let error = |at: usize| f64::from(heard[at + 624]) - f64::from(given[at]);
    let noise: f64 = span.clone().map(|at| error(at).powi(2)).sum();
    let signal: f64 = span.map(|at| f64::from(given[at]).powi(2)).sum();
    let ratio = 10.0 * (signal / noise).log10();
    assert!(ratio >= 40.0, "{ratio:.1} dB");
}

#[tokio::test]
async fn who_comes_while_a_stream_runs_is_told_how_things_are() {
    let server = serve(Offer::Raw).await;
    let sound = server.sound();
    sound.set_volume(&[1000, 2000]);
    sound.set_muted(true);
    sound.start(CD);
    sound.play(&tone(480));
    for _ in 0..2 {
        let mut client = connect(&server).await;
        assert_eq!(
            playback(&mut client).await,
            PlaybackEvent::Volume(vec![1000, 2000])
        );
        assert_eq!(playback(&mut client).await, PlaybackEvent::Muted(true));
        assert_eq!(playback(&mut client).await, PlaybackEvent::Started(CD));
    }
}

#[tokio::test]
async fn a_microphone_is_heard_sample_by_sample_and_coded_with_opus() {
    for (offer, opus) in [(Offer::Raw, false), (Offer::Opus, cfg!(feature = "opus"))] {
        let server = serve(offer).await;
        let sound = server.sound();
        sound.listen(STEREO);
        let mut client = connect(&server).await;
        let wanted = RecordEvent::Wanted {
            format: STEREO,
            opus,
        };
        loop {
            let event = soon(client.next_event()).await.expect("an event");
            if event == ClientEvent::Record(wanted.clone()) {
                break;
            }
        }
        // Whole blocks of both kinds: 256 and 480 frames.
        let given = tone(7680);
        for packet in Encoder::new(STEREO, opus).encode(&given) {
            client
                .sender()
                .send(Command::Record(packet))
                .await
                .expect("a session");
        }
        let mut heard = Vec::new();
        while heard.len() < given.len() {
            heard.extend(soon(sound.recorded()).await);
        }
        if opus {
            let loud = heard
                .iter()
                .filter(|sample| sample.unsigned_abs() > 4000)
                .count();
            assert!(loud > given.len() / 4, "{loud}");
        } else {
            assert_eq!(heard, given);
        }
    }
}

#[cfg(feature = "opus")]
#[tokio::test]
async fn a_microphone_that_sends_damaged_packets_is_given_up_and_the_session_goes_on() {
    let mut server = serve(Offer::Opus).await;
    let sound = server.sound();
    sound.listen(STEREO);
    let client = connect(&server).await;
    let sender = client.sender();
    let told = soon(async {
        loop {
            // Three frames of different lengths in two bytes.
            let bad = packet(Mode::Opus, &[0xff, 0x83]);
            let _ = sender.send(Command::Record(bad)).await;
            let event = server.next_event();
            let wait = Duration::from_millis(20);
            if let Ok(Some(ServerEvent::Notice(notice))) = tokio::time::timeout(wait, event).await {
                return notice.text;
            }
        }
    });
    assert_eq!(told.await, "a damaged packet of sound");
}

#[tokio::test]
async fn of_sound_given_all_at_once_the_newest_half_second_arrives() {
    let server = serve(Offer::Raw).await;
    let mut client = connect(&server).await;
    let sound = server.sound();
    soon(sound.audience(None)).await;
    sound.start(STEREO);
    // Ten seconds, faster than anybody takes them.
    sound.play(&tone(480_000));
    sound.stop();

    let (_, heard) = stream(&mut client).await;
    // The newest half second at least, and no more than that and what was under way.
    assert!(heard.len() >= 48_000, "{}", heard.len());
    assert!(heard.len() < 2 * 480_000, "{}", heard.len());
}
