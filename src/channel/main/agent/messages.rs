//! Layouts of the messages between a client and the agent (spec 04 §1 to §8).
//!
//! They are not messages of the main channel: each has a header of its own, and is cut into bodies of AGENT_DATA. Four of them
//! have fields that depend on what both sides can do, see [`Layout`].

use super::{Abilities, ContentKind, Selection};
use crate::geometry::{Point, Size};
use crate::wire::{
    Decode, DecodeError, DecodeErrorKind, Encode, Reader, Writer, wire_enum, wire_flags,
    wire_struct,
};

/// Bytes of the header in front of each message.
pub const HEADER_LEN: usize = 20;

/// What the header's first field has to be.
pub const PROTOCOL: u32 = 1;

wire_enum! {
    /// What a message says. Types that are not known are ignored.
    pub enum MessageKind: u32 {
        /// Server → agent: where the pointer is.
        MouseState = 1,
        /// Client → agent: the monitors the guest should have.
        MonitorsConfig = 2,
        /// Agent → client: whether something was done.
        Reply = 3,
        /// A clipboard's content.
        Clipboard = 4,
        /// Client → agent: how the desktop should look.
        DisplayConfig = 5,
        /// What the sender can do.
        AnnounceCapabilities = 6,
        /// The sender's user copied something.
        ClipboardGrab = 7,
        /// Asks for what the receiver's user copied.
        ClipboardRequest = 8,
        /// The sender offers nothing any more.
        ClipboardRelease = 9,
        /// Client → agent: a file is to be sent.
        FileXferStart = 10,
        /// How a file goes.
        FileXferStatus = 11,
        /// Client → agent: some of a file.
        FileXferData = 12,
        /// Server → agent: the last client went.
        ClientDisconnected = 13,
        /// Client → agent: the largest clipboard the client takes.
        MaxClipboard = 14,
        /// Client → agent: volumes.
        AudioVolumeSync = 15,
        /// Server → agent: which output is which.
        GraphicsDeviceInfo = 16,
    }
}

/// The header of each message. 20 bytes: u32 protocol, u32 kind, u64 opaque (0), u32 size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Always [`PROTOCOL`].
    pub protocol: u32,
    /// What follows.
    pub kind: MessageKind,
    /// Bytes that follow.
    pub size: u32,
}

impl<'a> Decode<'a> for Header {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (protocol, kind) = (r.u32("protocol")?, r.value("type")?);
        r.u64("opaque")?;
        let size = r.u32("size")?;
        Ok(Self {
            protocol,
            kind,
            size,
        })
    }
}

impl Encode for Header {
    fn encode(&self, w: &mut Writer) {
        w.u32(self.protocol);
        w.value(&self.kind);
        w.u64(0);
        w.u32(self.size);
    }
}

/// Which optional fields the clipboard's messages have. They are there when both sides announced them; before that, none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Layout {
    /// All of them name a selection (u8, and three bytes of padding).
    pub selection: bool,
    /// Grabs are numbered.
    pub serial: bool,
}

impl Layout {
    /// What two sides use that both have these abilities.
    pub fn of(abilities: Abilities) -> Self {
        Self {
            selection: abilities.contains(Abilities::CLIPBOARD_SELECTION),
            serial: abilities.contains(Abilities::CLIPBOARD_GRAB_SERIAL),
        }
    }
}

/// A message between a client and the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message<'a> {
    /// Number 2.
    MonitorsConfig(MonitorsConfig),
    /// Number 3.
    Reply(Reply),
    /// Number 4.
    Clipboard(Clipboard<'a>),
    /// Number 5.
    DisplayConfig(DisplayConfig),
    /// Number 6.
    AnnounceCapabilities(AnnounceCapabilities),
    /// Number 7.
    ClipboardGrab(ClipboardGrab),
    /// Number 8.
    ClipboardRequest(ClipboardRequest),
    /// Number 9.
    ClipboardRelease(ClipboardRelease),
    /// Number 10.
    FileXferStart(FileXferStart<'a>),
    /// Number 11.
    FileXferStatus(FileXferStatus<'a>),
    /// Number 12.
    FileXferData(FileXferData<'a>),
    /// Number 14.
    MaxClipboard(MaxClipboard),
    /// Number 15.
    AudioVolumeSync(AudioVolumeSync),
    /// Any other: not known, or not between a client and the agent.
    Other {
        /// Its number.
        kind: MessageKind,
        /// All of it.
        payload: &'a [u8],
    },
}

/// A clipboard's content. Number 4, both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clipboard<'a> {
    /// Of which; [`Selection::Clipboard`] where messages name none.
    pub selection: Selection,
    /// As what; [`ContentKind::None`] for "it cannot be had".
    pub kind: ContentKind,
    /// To the end of the message.
    pub data: &'a [u8],
}

/// The sender's user copied something. Number 7, both ways.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClipboardGrab {
    /// Where.
    pub selection: Selection,
    /// The grab's number, where grabs are numbered.
    pub serial: Option<u32>,
    /// What it can be had as.
    pub kinds: Vec<ContentKind>,
}

/// Asks for what the receiver's user copied. Number 8, both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClipboardRequest {
    /// Where.
    pub selection: Selection,
    /// As what.
    pub kind: ContentKind,
}

/// The sender offers nothing any more. Number 9, both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClipboardRelease {
    /// Where.
    pub selection: Selection,
}

/// What the sender can do. Number 6, both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AnnounceCapabilities {
    /// 1 to be answered with the receiver's own.
    pub request: u32,
    /// The first word; later ones are not defined, a missing one is 0.
    pub abilities: Abilities,
}

wire_struct! {
    /// Whether something was done. Number 3, agent → client.
    pub struct Reply {
        /// The message that was to be acted on.
        kind: MessageKind,
        /// 1 success, 2 error.
        error: u32,
    }
}

wire_struct! {
    /// How the desktop should look. Number 5, client → agent.
    pub struct DisplayConfig {
        /// 1 no wallpaper, 2 no smooth fonts, 4 no animation, 8 set the depth.
        flags: u32,
        /// Bits of a pixel.
        depth: u32,
    }
}

wire_struct! {
    /// The largest clipboard the client takes. Number 14, client → agent.
    pub struct MaxClipboard {
        /// Bytes; -1 for any size.
        max: i32,
    }
}

wire_flags! {
    /// What a MONITORS_CONFIG holds besides sizes.
    pub struct MonitorsFlags: u32 {
        /// Positions count.
        USE_POS = 1,
        /// Sizes in millimetres follow the entries.
        PHYSICAL_SIZE = 2,
    }
}

/// The monitors the guest should have. Number 2, client → agent.
///
/// u32 count, u32 flags, then for each: u32 **height**, u32 **width**, u32 depth, i32 x, i32 y; then, with
/// PHYSICAL_SIZE, for each: u16 **height**, u16 **width** in millimetres.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MonitorsConfig {
    /// Which of the fields count.
    pub flags: MonitorsFlags,
    /// By display; one of no size is off, where the agent knows that.
    pub monitors: Vec<MonitorEntry>,
    /// As large as they are to the eye, by display, with [`MonitorsFlags::PHYSICAL_SIZE`]; else none.
    pub physical: Vec<PhysicalSize>,
}

/// One monitor of [`MonitorsConfig`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MonitorEntry {
    /// Pixels.
    pub size: Size,
    /// Bits of a pixel; 32.
    pub depth: u32,
    /// Of its top left corner, on the desktop.
    pub position: Point,
}

wire_struct! {
    /// How large a monitor is, in millimetres; 0 where that is not known. 4 bytes.
    pub struct PhysicalSize { height_mm: u16, width_mm: u16 }
}

/// A file is to be sent. Number 10, client → agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileXferStart<'a> {
    /// Not 0.
    pub id: u32,
    /// A key file, with one NUL at its end.
    pub metadata: &'a [u8],
}

/// How a file goes. Number 11, both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileXferStatus<'a> {
    /// Which.
    pub id: u32,
    /// How.
    pub result: FileResult,
    /// More about it, if the agent gives that.
    pub detail: &'a [u8],
}

wire_enum! {
    /// How a file goes.
    pub enum FileResult: u32 {
        /// The agent waits for data.
        CanSendData = 0,
        /// Ended by choice; said by both.
        Cancelled = 1,
        /// Something failed; said by both. Detail: u8 0 (GLib), u32 code.
        Error = 2,
        /// The agent has it all.
        Success = 3,
        /// Detail: u64 bytes free.
        NotEnoughSpace = 4,
        /// The guest's screen is locked.
        SessionLocked = 5,
        /// No agent in a user's session.
        NotConnected = 6,
        /// Turned off.
        Disabled = 7,
    }
}

/// Some of a file. Number 12, client → agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileXferData<'a> {
    /// Which.
    pub id: u32,
    /// Its next bytes; the message says u64 how many.
    pub data: &'a [u8],
}

/// Volumes. Number 15, client → agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AudioVolumeSync {
    /// 1 for what is heard, 0 for what is recorded.
    pub is_playback: u8,
    /// 1 when nothing is.
    pub mute: u8,
    /// Of each channel; linear.
    pub volume: Vec<u16>,
}

impl<'a> Message<'a> {
    /// Decodes the payload of a message.
    ///
    /// # Errors
    ///
    /// When it does not hold what its number promises. Bytes after the last field are ignored.
    pub fn decode(
        kind: MessageKind,
        payload: &'a [u8],
        layout: Layout,
    ) -> Result<Self, DecodeError> {
        Self::read(kind, &mut Reader::new(name(kind), payload), layout)
    }

    /// Reads the payload of a message; as [`Message::decode`].
    ///
    /// # Errors
    ///
    /// As [`Message::decode`].
    pub fn read(
        kind: MessageKind,
        r: &mut Reader<'a>,
        layout: Layout,
    ) -> Result<Self, DecodeError> {
        Ok(match kind {
            MessageKind::MonitorsConfig => Self::MonitorsConfig(r.value("")?),
            MessageKind::Reply => Self::Reply(r.value("")?),
            MessageKind::Clipboard => Self::Clipboard(Clipboard {
                selection: selection(r, layout)?,
                kind: r.value("type")?,
                data: r.rest("data"),
            }),
            MessageKind::DisplayConfig => Self::DisplayConfig(r.value("")?),
            MessageKind::AnnounceCapabilities => Self::AnnounceCapabilities(r.value("")?),
            MessageKind::ClipboardGrab => Self::ClipboardGrab(ClipboardGrab::read(r, layout)?),
            MessageKind::ClipboardRequest => Self::ClipboardRequest(ClipboardRequest {
                selection: selection(r, layout)?,
                kind: r.value("type")?,
            }),
            MessageKind::ClipboardRelease => Self::ClipboardRelease(ClipboardRelease {
                selection: selection(r, layout)?,
            }),
            MessageKind::FileXferStart => Self::FileXferStart(FileXferStart {
                id: r.u32("id")?,
                metadata: r.rest("file_metadata"),
            }),
            MessageKind::FileXferStatus => Self::FileXferStatus(FileXferStatus {
                id: r.u32("id")?,
                result: r.value("result")?,
                detail: r.rest("data"),
            }),
            MessageKind::FileXferData => Self::FileXferData(FileXferData::read(r)?),
            MessageKind::MaxClipboard => Self::MaxClipboard(r.value("")?),
            MessageKind::AudioVolumeSync => Self::AudioVolumeSync(r.value("")?),
            kind => Self::Other {
                kind,
                payload: r.rest("data"),
            },
        })
    }

    /// The message's number.
    pub fn kind(&self) -> MessageKind {
        match self {
            Self::MonitorsConfig(_) => MessageKind::MonitorsConfig,
            Self::Reply(_) => MessageKind::Reply,
            Self::Clipboard(_) => MessageKind::Clipboard,
            Self::DisplayConfig(_) => MessageKind::DisplayConfig,
            Self::AnnounceCapabilities(_) => MessageKind::AnnounceCapabilities,
            Self::ClipboardGrab(_) => MessageKind::ClipboardGrab,
            Self::ClipboardRequest(_) => MessageKind::ClipboardRequest,
            Self::ClipboardRelease(_) => MessageKind::ClipboardRelease,
            Self::FileXferStart(_) => MessageKind::FileXferStart,
            Self::FileXferStatus(_) => MessageKind::FileXferStatus,
            Self::FileXferData(_) => MessageKind::FileXferData,
            Self::MaxClipboard(_) => MessageKind::MaxClipboard,
            Self::AudioVolumeSync(_) => MessageKind::AudioVolumeSync,
            Self::Other { kind, .. } => *kind,
        }
    }

    /// The payload.
    pub fn payload(&self, layout: Layout) -> Vec<u8> {
        let mut w = Writer::new();
        match self {
            Self::MonitorsConfig(m) => w.value(m),
            Self::Reply(m) => w.value(m),
            Self::Clipboard(m) => {
                put_selection(&mut w, m.selection, layout);
                w.value(&m.kind);
                w.bytes(m.data);
            }
            Self::DisplayConfig(m) => w.value(m),
            Self::AnnounceCapabilities(m) => w.value(m),
            Self::ClipboardGrab(m) => {
                put_selection(&mut w, m.selection, layout);
                if layout.serial {
                    w.u32(m.serial.unwrap_or(0));
                }
                w.list(&m.kinds);
            }
            Self::ClipboardRequest(m) => {
                put_selection(&mut w, m.selection, layout);
                w.value(&m.kind);
            }
            Self::ClipboardRelease(m) => put_selection(&mut w, m.selection, layout),
            Self::FileXferStart(m) => {
                w.u32(m.id);
                w.bytes(m.metadata);
            }
            Self::FileXferStatus(m) => {
                w.u32(m.id);
                w.value(&m.result);
                w.bytes(m.detail);
            }
            Self::FileXferData(m) => {
                w.bytes(&FileXferData::head(m.id, m.data.len()));
                w.bytes(m.data);
            }
            Self::MaxClipboard(m) => w.value(m),
            Self::AudioVolumeSync(m) => w.value(m),
            Self::Other { payload, .. } => w.bytes(payload),
        }
        w.into_body()
    }
}

/// The protocol's name of a message.
pub fn name(kind: MessageKind) -> &'static str {
    let name = full_name(kind);
    name.strip_prefix("AGENT ").unwrap_or(name)
}

/// The protocol's name of a message with a word in front that tells it from messages of the channels: `AGENT CLIPBOARD`.
pub fn full_name(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::MouseState => "AGENT MOUSE_STATE",
        MessageKind::MonitorsConfig => "AGENT MONITORS_CONFIG",
        MessageKind::Reply => "AGENT REPLY",
        MessageKind::Clipboard => "AGENT CLIPBOARD",
        MessageKind::DisplayConfig => "AGENT DISPLAY_CONFIG",
        MessageKind::AnnounceCapabilities => "AGENT ANNOUNCE_CAPABILITIES",
        MessageKind::ClipboardGrab => "AGENT CLIPBOARD_GRAB",
        MessageKind::ClipboardRequest => "AGENT CLIPBOARD_REQUEST",
        MessageKind::ClipboardRelease => "AGENT CLIPBOARD_RELEASE",
        MessageKind::FileXferStart => "AGENT FILE_XFER_START",
        MessageKind::FileXferStatus => "AGENT FILE_XFER_STATUS",
        MessageKind::FileXferData => "AGENT FILE_XFER_DATA",
        MessageKind::ClientDisconnected => "AGENT CLIENT_DISCONNECTED",
        MessageKind::MaxClipboard => "AGENT MAX_CLIPBOARD",
        MessageKind::AudioVolumeSync => "AGENT AUDIO_VOLUME_SYNC",
        MessageKind::GraphicsDeviceInfo => "AGENT GRAPHICS_DEVICE_INFO",
        MessageKind::Other(_) => "AGENT UNKNOWN",
    }
}

fn selection(r: &mut Reader<'_>, layout: Layout) -> Result<Selection, DecodeError> {
    if !layout.selection {
        return Ok(Selection::Clipboard);
    }
    let selection = r.value("selection")?;
    r.array::<3>("reserved")?;
    Ok(selection)
}

fn put_selection(w: &mut Writer, selection: Selection, layout: Layout) {
    if layout.selection {
        w.value(&selection);
        w.bytes(&[0; 3]);
    }
}

impl ClipboardGrab {
    fn read(r: &mut Reader<'_>, layout: Layout) -> Result<Self, DecodeError> {
        let selection = selection(r, layout)?;
        let serial = layout.serial.then(|| r.u32("serial")).transpose()?;
        let count = r.left() / 4;
        let kinds = r.list("types", count, 4)?;
        Ok(Self {
            selection,
            serial,
            kinds,
        })
    }
}

impl<'a> FileXferData<'a> {
    /// What is in front of `len` bytes of a file.
    pub fn head(id: u32, len: usize) -> Vec<u8> {
        let mut w = Writer::new();
        w.u32(id);
        w.u64(len as u64);
        w.into_body()
    }

    fn read(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let id = r.u32("id")?;
        let at = r.position();
        let size = r.u64("size")?;
        let needs = usize::try_from(size).ok().filter(|size| *size <= r.left());
        let Some(size) = needs else {
            let left = r.left();
            return Err(r.error("data", at, DecodeErrorKind::Truncated { needs: size, left }));
        };
        let data = r.bytes("data", size)?;
        Ok(Self { id, data })
    }
}

impl<'a> Decode<'a> for AnnounceCapabilities {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let request = r.u32("request")?;
        let abilities = match r.left() {
            0..4 => Abilities::empty(),
            _ => r.value("caps")?,
        };
        Ok(Self { request, abilities })
    }
}

impl Encode for AnnounceCapabilities {
    fn encode(&self, w: &mut Writer) {
        w.u32(self.request);
        w.value(&self.abilities);
    }
}

impl<'a> Decode<'a> for MonitorsConfig {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = r.u32("num_of_monitors")? as usize;
        let flags: MonitorsFlags = r.value("flags")?;
        let monitors = r.list("monitors", count, 20)?;
        let sizes = match flags.contains(MonitorsFlags::PHYSICAL_SIZE) {
            true => count,
            false => 0,
        };
        let physical = r.list("physical", sizes, 4)?;
        Ok(Self {
            flags,
            monitors,
            physical,
        })
    }
}

impl Encode for MonitorsConfig {
    fn encode(&self, w: &mut Writer) {
        w.u32(self.monitors.len() as u32);
        w.value(&self.flags);
        w.list(&self.monitors);
        w.list(&self.physical);
    }
}

impl<'a> Decode<'a> for MonitorEntry {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (height, width) = (r.u32("height")?, r.u32("width")?);
        Ok(Self {
            size: Size::new(width, height),
            depth: r.u32("depth")?,
            position: r.value("position")?,
        })
    }
}

impl Encode for MonitorEntry {
    fn encode(&self, w: &mut Writer) {
        w.u32(self.size.height);
        w.u32(self.size.width);
        w.u32(self.depth);
        w.value(&self.position);
    }
}

impl<'a> Decode<'a> for AudioVolumeSync {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (is_playback, mute) = (r.u8("is_playback")?, r.u8("mute")?);
        let count = r.u8("nchannels")?;
        let volume = r.list("volume", count.into(), 2)?;
        Ok(Self {
            is_playback,
            mute,
            volume,
        })
    }
}

impl Encode for AudioVolumeSync {
    fn encode(&self, w: &mut Writer) {
        w.u8(self.is_playback);
        w.u8(self.mute);
        let volume = self.volume.get(..255).unwrap_or(&self.volume);
        w.u8(volume.len() as u8);
        w.list(volume);
    }
}
