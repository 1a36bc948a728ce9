//! A client session that is fed frames by hand.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use capsaicin::channel::common::messages as common;
use capsaicin::channel::job::{Finished, Job};
use capsaicin::channel::{ChannelId, ChannelKind, Message};
use capsaicin::channel::{display, main};
use capsaicin::geometry::Rect;
use capsaicin::link::{Capabilities, Established};
use capsaicin::session::{ClientEvent, ClientSession, Output, SessionConfig};
use capsaicin::wire::{Frame, HeaderKind};

/// The first display channel.
pub const DISPLAY: ChannelId = ChannelId::new(ChannelKind::Display, 0);
/// The second display channel.
pub const DISPLAY_1: ChannelId = ChannelId::new(ChannelKind::Display, 1);

/// The playback channel.
pub const PLAYBACK: ChannelId = ChannelId::new(ChannelKind::Playback, 0);
/// The record channel.
pub const RECORD: ChannelId = ChannelId::new(ChannelKind::Record, 0);
/// A port channel.
pub const PORT: ChannelId = ChannelId::new(ChannelKind::Port, 3);

/// A session whose channels are linked, with everything it sent and told so far taken out.
pub struct Viewer {
    /// The session.
    pub session: ClientSession,
    /// What time it is.
    pub now: Duration,
    serials: HashMap<ChannelId, u64>,
}

impl Viewer {
    /// A session with main, inputs and these display channels open, in mouse mode SERVER.
    pub fn with_displays(displays: &[u8]) -> Self {
        Self::with(SessionConfig::default(), displays)
    }

    /// The same with a configuration.
    pub fn with(config: SessionConfig, displays: &[u8]) -> Self {
        let displays = displays
            .iter()
            .map(|id| ChannelId::new(ChannelKind::Display, *id));
        let channels: Vec<_> = [ChannelId::INPUTS].into_iter().chain(displays).collect();
        Self::with_channels(config, &channels)
    }

    /// A session with main and a channel of every other kind, whose surfaces may take `budget` bytes.
    pub fn with_budget(budget: u64) -> Self {
        let config = SessionConfig {
            surface_budget: budget,
            playback: true,
            record: true,
            ports: true,
            ..SessionConfig::default()
        };
        let cursor = ChannelId::new(ChannelKind::Cursor, 0);
        let channels = [ChannelId::INPUTS, DISPLAY, cursor, PLAYBACK, RECORD, PORT];
        Self::with_channels(config, &channels)
    }

    /// A session with main and these channels open.
    pub fn with_channels(config: SessionConfig, channels: &[ChannelId]) -> Self {
        let mut viewer = Self::linked(config);
        viewer.list(channels);
        channels.iter().for_each(|id| viewer.open(*id));
        viewer.outputs();
        viewer.events();
        viewer
    }

    /// The server lists channels.
    pub fn list(&mut self, channels: &[ChannelId]) {
        let channels = channels.to_vec();
        let list = main::messages::ChannelsList { channels };
        self.main(&main::messages::ServerMessage::ChannelsList(list));
    }

    /// A session of which only main is linked, and has had its INIT.
    pub fn linked(config: SessionConfig) -> Self {
        let session = ClientSession::new(config);
        let mut viewer = Self {
            session,
            now: Duration::ZERO,
            serials: HashMap::new(),
        };
        viewer.outputs();
        viewer.open(ChannelId::MAIN);
        viewer.main(&init());
        viewer
    }

    /// Links a channel with a server that has every capability.
    pub fn open(&mut self, id: ChannelId) {
        let server = Capabilities {
            common: vec![0xb],
            channel: vec![u32::MAX],
        };
        let link = Established {
            header: HeaderKind::Mini,
            server,
            ..Established::default()
        };
        self.session.opened(id, link, self.now);
    }

    /// A message of the main channel arrives.
    pub fn main(&mut self, message: &main::messages::ServerMessage<'_>) {
        self.receive(ChannelId::MAIN, message.to_frame());
    }

    /// A message of display channel 0 arrives.
    pub fn display(&mut self, message: &display::messages::ServerMessage<'_>) {
        self.receive(DISPLAY, message.to_frame());
    }

    /// A message that every channel has arrives.
    pub fn common(&mut self, id: ChannelId, message: &common::ServerMessage<'_>) {
        self.receive(id, message.to_frame());
    }

    /// A frame arrives, with the next serial of its channel.
    pub fn receive(&mut self, id: ChannelId, mut frame: Frame) {
        let serial = self.serials.entry(id).or_insert(0);
        *serial += 1;
        frame.serial = *serial;
        self.session.receive(id, frame, self.now);
    }

    /// Everything the session wants done since the last call.
    pub fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.session.poll_output()).collect()
    }

    /// Numbers of the frames sent on a channel since the last call; other outputs are dropped.
    pub fn sent(&mut self, id: ChannelId) -> Vec<u16> {
        self.sent_frames(id).into_iter().map(|f| f.number).collect()
    }

    /// Frames sent on a channel since the last call; other outputs are dropped.
    pub fn sent_frames(&mut self, id: ChannelId) -> Vec<Frame> {
        let sent = |output| match output {
            Output::Send(channel, frame) if channel == id => Some(frame),
            _ => None,
        };
        self.outputs().into_iter().filter_map(sent).collect()
    }

    /// Everything the session told its user since the last call.
    pub fn events(&mut self) -> Vec<ClientEvent> {
        std::iter::from_fn(|| self.session.poll_event()).collect()
    }

    /// Texts of the notices told since the last call; other events are dropped.
    pub fn notices(&mut self) -> Vec<String> {
        let notice = |event| match event {
            ClientEvent::Notice(notice) => Some(notice.to_string()),
            _ => None,
        };
        self.events().into_iter().filter_map(notice).collect()
    }
}

/// INIT of session 7, in mouse mode SERVER and without an agent.
pub fn init() -> main::messages::ServerMessage<'static> {
    main::messages::ServerMessage::Init(main::messages::Init {
        session_id: 7,
        display_channels_hint: 1,
        supported_mouse_modes: 1,
        current_mouse_mode: 1,
        agent_connected: 0,
        agent_tokens: 10,
        multi_media_time: 1000,
        ram_hint: 0,
    })
}

/// SURFACE_CREATE of a primary xRGB surface.
pub fn primary(width: u32, height: u32) -> display::messages::ServerMessage<'static> {
    use display::messages::{ServerMessage, SurfaceCreate, SurfaceFlags, SurfaceFormat};
    let (format, flags) = (SurfaceFormat::Xrgb, SurfaceFlags::PRIMARY);
    ServerMessage::SurfaceCreate(SurfaceCreate {
        surface_id: 0,
        width,
        height,
        format,
        flags,
    })
}

/// DRAW_FILL of surface 0 with one colour.
pub fn fill(bbox: Rect, color: u32) -> display::messages::ServerMessage<'static> {
    use display::draw::{Brush, Clip, DisplayBase, DrawFill, QMask, Rop};
    display::messages::ServerMessage::DrawFill(DrawFill {
        base: DisplayBase {
            surface_id: 0,
            bbox,
            clip: Clip::None,
        },
        brush: Brush::Solid(color),
        rop: Rop::OP_PUT,
        mask: QMask::default(),
    })
}

/// STREAM_CREATE of a square video of MJPEG, `side` pixels wide, and its place on surface 0.
pub fn mjpeg(id: u32, side: u32, dest: Rect) -> display::messages::ServerMessage<'static> {
    use display::messages::{ServerMessage, StreamCreate, StreamFlags, VideoCodec};
    ServerMessage::StreamCreate(StreamCreate {
        surface_id: 0,
        id,
        flags: StreamFlags::TOP_DOWN,
        codec: VideoCodec::Mjpeg,
        stamp: 0,
        stream_width: side,
        stream_height: side,
        src_width: side,
        src_height: side,
        dest,
        clip: display::draw::Clip::None,
    })
}

/// DRAW_COPY of a whole image to a place of its size on surface 0.
pub fn copy(at: Rect, image: display::image::Image<'_>) -> display::messages::ServerMessage<'_> {
    use display::draw::{Clip, DisplayBase, DrawCopy, QMask, Rop, ScaleMode};
    display::messages::ServerMessage::DrawCopy(DrawCopy {
        base: DisplayBase {
            surface_id: 0,
            bbox: at,
            clip: Clip::None,
        },
        src_area: at.size().to_rect(),
        src_bitmap: image,
        rop: Rop::OP_PUT,
        scale_mode: ScaleMode::Nearest,
        mask: QMask::default(),
    })
}

/// A clock that panics where [`break_down`] runs a job, and stands still elsewhere.
pub fn fragile_clock() -> Duration {
    let thread = std::thread::current();
    assert_ne!(thread.name(), Some("broken job"), "a fault in a job");
    Duration::ZERO
}

/// Runs a job of a session with a [`fragile_clock`].
pub fn break_down(job: Job) -> Finished {
    let thread = std::thread::Builder::new().name("broken job".to_owned());
    let thread = thread.spawn(|| job.run()).expect("a thread");
    thread.join().expect("the panic is contained")
}

/// A frame with this number and body.
pub fn frame(number: u16, body: impl Into<Bytes>) -> Frame {
    Frame::new(number, body)
}
