//! Layouts of the display channel's messages (spec 07a §6, §8; 07c §1). Draw commands are in `draw.rs`.

use super::draw::{
    Clip, DisplayBase, DrawAlphaBlend, DrawComposite, DrawCopy, DrawFill, DrawMasked, DrawOpaque,
    DrawRop3, DrawStroke, DrawText, DrawTransparent,
};
use super::image::{read_sized, unknown};
use crate::channel::common::messages::{Opaque, WaitForChannels};
use crate::channel::messages;
use crate::geometry::{Point, Rect};
use crate::wire::{
    Decode, DecodeError, Encode, Reader, Writer, wire_enum, wire_flags, wire_struct,
};

messages! {
    /// Server → client.
    pub enum ServerMessage<'a> {
        /// Creates the primary surface; not sent by current servers.
        101 MODE Mode(Mode),
        /// What is on the primary is meaningful: show it.
        102 MARK Mark,
        /// Clear the primary, forget the palettes; not sent by current servers.
        103 RESET Reset,
        /// Moves an area of a surface.
        104 COPY_BITS CopyBits(CopyBits<'a>),
        /// Images leave the pixmap cache.
        105 INVAL_LIST InvalList(InvalList),
        /// The pixmap cache is emptied once other channels have caught up.
        106 INVAL_ALL_PIXMAPS InvalAllPixmaps(WaitForChannels),
        /// A palette leaves the palette cache.
        107 INVAL_PALETTE InvalPalette(InvalPalette),
        /// The palette cache is emptied.
        108 INVAL_ALL_PALETTES InvalAllPalettes,
        /// A video stream begins.
        122 STREAM_CREATE StreamCreate(StreamCreate),
        /// A frame of a stream.
        123 STREAM_DATA StreamData(StreamData<'a>),
        /// Where a stream may be seen has changed.
        124 STREAM_CLIP StreamClip(StreamClip<'a>),
        /// A stream ends.
        125 STREAM_DESTROY StreamDestroy(StreamDestroy),
        /// All streams end.
        126 STREAM_DESTROY_ALL StreamDestroyAll,
        /// Brush onto the surface.
        302 DRAW_FILL DrawFill(DrawFill<'a>),
        /// Image, then brush.
        303 DRAW_OPAQUE DrawOpaque(DrawOpaque<'a>),
        /// Image onto the surface.
        304 DRAW_COPY DrawCopy(DrawCopy<'a>),
        /// As DRAW_COPY.
        305 DRAW_BLEND DrawBlend(DrawCopy<'a>),
        /// All zeros.
        306 DRAW_BLACKNESS DrawBlackness(DrawMasked<'a>),
        /// All ones.
        307 DRAW_WHITENESS DrawWhiteness(DrawMasked<'a>),
        /// Inversion.
        308 DRAW_INVERS DrawInvers(DrawMasked<'a>),
        /// A function of brush, image and surface.
        309 DRAW_ROP3 DrawRop3(DrawRop3<'a>),
        /// Lines.
        310 DRAW_STROKE DrawStroke(DrawStroke<'a>),
        /// Glyphs.
        311 DRAW_TEXT DrawText(DrawText<'a>),
        /// Image without one colour.
        312 DRAW_TRANSPARENT DrawTransparent(DrawTransparent<'a>),
        /// Image over the surface.
        313 DRAW_ALPHA_BLEND DrawAlphaBlend(DrawAlphaBlend<'a>),
        /// A surface comes into being, all zero.
        314 SURFACE_CREATE SurfaceCreate(SurfaceCreate),
        /// A surface is gone.
        315 SURFACE_DESTROY SurfaceDestroy(SurfaceDestroy),
        /// A frame of a stream with a size and place of its own.
        316 STREAM_DATA_SIZED StreamDataSized(StreamDataSized<'a>),
        /// The monitors that look at the primary.
        317 MONITORS_CONFIG MonitorsConfig(MonitorsConfig),
        /// Composition.
        318 DRAW_COMPOSITE DrawComposite(DrawComposite<'a>),
        /// Asks for reports about a stream.
        319 STREAM_ACTIVATE_REPORT StreamActivateReport(StreamActivateReport),
        /// The screen is in a shared buffer from now on.
        320 GL_SCANOUT_UNIX GlScanoutUnix(GlScanoutUnix),
        /// An area of the shared buffer changed.
        321 GL_DRAW GlDraw(GlDraw),
        /// A protocol extension; opaque.
        322 QUALITY_INDICATOR QualityIndicator(Opaque<'a>),
    }
}

impl<'a> ServerMessage<'a> {
    /// Where a command draws: COPY_BITS, and everything called `DRAW_`.
    pub const fn base(&self) -> Option<&DisplayBase<'a>> {
        Some(match self {
            Self::CopyBits(copy) => &copy.base,
            Self::DrawFill(draw) => &draw.base,
            Self::DrawOpaque(draw) => &draw.base,
            Self::DrawCopy(draw) | Self::DrawBlend(draw) => &draw.base,
            Self::DrawBlackness(draw) | Self::DrawWhiteness(draw) | Self::DrawInvers(draw) => {
                &draw.base
            }
            Self::DrawRop3(draw) => &draw.base,
            Self::DrawStroke(draw) => &draw.base,
            Self::DrawText(draw) => &draw.base,
            Self::DrawTransparent(draw) => &draw.base,
            Self::DrawAlphaBlend(draw) => &draw.base,
            Self::DrawComposite(draw) => &draw.base,
            _ => return None,
        })
    }
}

messages! {
    /// Client → server.
    pub enum ClientMessage<'a> {
        /// What the client can cache. First and once.
        101 INIT Init(Init),
        /// How a stream plays.
        102 STREAM_REPORT StreamReport(StreamReport),
        /// Which image codec later images should use.
        103 PREFERRED_COMPRESSION PreferredCompression(PreferredCompression),
        /// A GL_DRAW has been shown.
        104 GL_DRAW_DONE GlDrawDone,
        /// Which video codecs later streams should use.
        105 PREFERRED_VIDEO_CODEC_TYPE PreferredVideoCodecType(PreferredVideoCodecType),
    }
}

wire_enum! {
    /// Pixel layout of a surface. The low six bits are the bits of a pixel.
    pub enum SurfaceFormat: u32 {
        /// 1-bit alpha.
        A1 = 1,
        /// 8-bit alpha.
        A8 = 8,
        /// Words `x1 r5 g5 b5`.
        Rgb555 = 16,
        /// Bytes B, G, R, X.
        Xrgb = 32,
        /// Words `r5 g6 b5`.
        Rgb565 = 80,
        /// Bytes B, G, R, A, premultiplied.
        Argb = 96,
    }
}

wire_flags! {
    /// What a surface is for.
    pub struct SurfaceFlags: u32 {
        /// What the screen shows.
        PRIMARY = 1,
        /// It will hold nothing but video.
        STREAMING_MODE = 2,
    }
}

wire_enum! {
    /// What an INVAL_LIST entry names.
    pub enum ResourceType: u8 {
        /// An image of the pixmap cache.
        Pixmap = 1,
    }
}

wire_flags! {
    /// Row order of a stream.
    pub struct StreamFlags: u8 {
        /// Frames are top row first.
        TOP_DOWN = 1,
    }
}

wire_enum! {
    /// How frames of a stream are coded.
    pub enum VideoCodec: u8 {
        /// Each frame a JPEG file.
        Mjpeg = 1,
        /// VP8 frames.
        Vp8 = 2,
        /// H.264 access units.
        H264 = 3,
        /// VP9 frames.
        Vp9 = 4,
        /// H.265 access units.
        H265 = 5,
    }
}

wire_flags! {
    /// Row order of a shared buffer.
    pub struct GlScanoutFlags: u32 {
        /// The first row is the top one.
        Y0TOP = 1,
    }
}

wire_enum! {
    /// How a server picks image codecs.
    pub enum ImageCompression: u8 {
        /// No compression.
        Off = 1,
        /// QUIC for photographs, GLZ for the rest.
        AutoGlz = 2,
        /// QUIC for photographs, LZ for the rest.
        AutoLz = 3,
        /// QUIC.
        Quic = 4,
        /// GLZ.
        Glz = 5,
        /// LZ.
        Lz = 6,
        /// LZ4.
        Lz4 = 7,
    }
}

wire_struct! {
    /// Creates surface 0. Number 101, server → client.
    pub struct Mode { x_res: u32, y_res: u32, bits: u32 }
}

wire_struct! {
    /// Moves an area of a surface to `base.bbox`, as through a temporary. Number 104, server → client.
    pub struct CopyBits<'a> {
        base: DisplayBase<'a>,
        /// Top left corner of the source.
        src_pos: Point,
    }
}

/// Images leave the pixmap cache. Number 105, server → client. u16 count, then 9 bytes an entry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InvalList {
    /// Which.
    pub resources: Vec<Resource>,
}

/// One entry of [`InvalList`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resource {
    /// What the id is of.
    pub kind: ResourceType,
    /// Key in the cache.
    pub id: u64,
}

wire_struct! {
    /// A palette leaves the palette cache. Number 107, server → client.
    pub struct InvalPalette { id: u64 }
}

/// A surface comes into being, all zero. Number 314, server → client, 20 bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SurfaceCreate {
    /// Number of the surface.
    pub surface_id: u32,
    /// Columns. Not checked: may be 0 or absurd.
    pub width: u32,
    /// Rows. Not checked: may be 0 or absurd.
    pub height: u32,
    /// Pixel layout; always a known one.
    pub format: SurfaceFormat,
    /// What it is for.
    pub flags: SurfaceFlags,
}

wire_struct! {
    /// A surface is gone. Number 315, server → client.
    pub struct SurfaceDestroy { surface_id: u32 }
}

/// The monitors that look at the primary. Number 317, server → client. u16 count, u16 max_allowed, 28 bytes a monitor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MonitorsConfig {
    /// Most monitors there can be; 0 is as good as 1.
    pub max_allowed: u16,
    /// The monitors; none means nothing.
    pub heads: Vec<Head>,
}

wire_struct! {
    /// One monitor of [`MonitorsConfig`]: a rectangle of a surface.
    pub struct Head {
        monitor_id: u32,
        /// 0 on every known server.
        surface_id: u32,
        width: u32,
        height: u32,
        x: u32,
        y: u32,
        /// 0 on every known server.
        flags: u32,
    }
}

wire_struct! {
    /// The screen is in a shared buffer from now on. Number 320, server → client, 20 bytes.
    ///
    /// On the socket one byte that belongs to no message follows, and carries the buffer's descriptor.
    pub struct GlScanoutUnix {
        width: u32,
        height: u32,
        /// Bytes from one row to the next.
        stride: u32,
        drm_fourcc: u32,
        flags: GlScanoutFlags,
    }
}

wire_struct! {
    /// An area of the shared buffer changed; to be answered with GL_DRAW_DONE. Number 321, server → client.
    pub struct GlDraw { x: u32, y: u32, w: u32, h: u32 }
}

/// A video stream begins. Number 122, server → client, 51 bytes and more with a clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamCreate {
    /// Surface it is shown on; 0 on every known server.
    pub surface_id: u32,
    /// Number of the stream. Not checked: 64 and more are not allowed.
    pub id: u32,
    /// Row order.
    pub flags: StreamFlags,
    /// How frames are coded; always a known one.
    pub codec: VideoCodec,
    /// 0; without meaning.
    pub stamp: u64,
    /// Columns of a frame; for information.
    pub stream_width: u32,
    /// Rows of a frame; for information.
    pub stream_height: u32,
    /// Columns of the picture that was coded; for information.
    pub src_width: u32,
    /// Rows of the picture that was coded; for information.
    pub src_height: u32,
    /// Where a whole frame goes, scaled.
    pub dest: Rect,
    /// Where it may be seen.
    pub clip: Clip<'static>,
}

/// A frame of a stream. Number 123, server → client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamData<'a> {
    /// Number of the stream.
    pub id: u32,
    /// When to show it, milliseconds of the server's multi-media clock.
    pub multi_media_time: u32,
    /// The coded frame.
    pub data: &'a [u8],
}

/// A frame of a stream with a size and place of its own. Number 316, server → client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamDataSized<'a> {
    /// Number of the stream.
    pub id: u32,
    /// When to show it, milliseconds of the server's multi-media clock.
    pub multi_media_time: u32,
    /// Columns of this frame.
    pub width: u32,
    /// Rows of this frame.
    pub height: u32,
    /// Where this frame goes, scaled.
    pub dest: Rect,
    /// The coded frame.
    pub data: &'a [u8],
}

wire_struct! {
    /// Where a stream may be seen has changed. Number 124, server → client.
    pub struct StreamClip<'a> { id: u32, clip: Clip<'a> }
}

wire_struct! {
    /// A stream ends. Number 125, server → client.
    pub struct StreamDestroy { id: u32 }
}

wire_struct! {
    /// Asks for reports about a stream. Number 319, server → client.
    pub struct StreamActivateReport {
        stream_id: u32,
        /// To be repeated in the reports.
        unique_id: u32,
        /// Frames after which a report is due.
        max_window_size: u32,
        /// Time after which a report is due.
        timeout_ms: u32,
    }
}

wire_struct! {
    /// What the client can cache. Number 101, client → server, 14 bytes.
    pub struct Init {
        /// Which cache; channels that name the same share it.
        pixmap_cache_id: u8,
        /// Pixels.
        pixmap_cache_size: i64,
        /// Which dictionary; channels that name the same share it.
        glz_dictionary_id: u8,
        /// Pixels.
        glz_dictionary_window_size: i32,
    }
}

wire_struct! {
    /// How a stream plays. Number 102, client → server, 32 bytes.
    pub struct StreamReport {
        stream_id: u32,
        /// As in STREAM_ACTIVATE_REPORT.
        unique_id: u32,
        start_frame_mm_time: u32,
        end_frame_mm_time: u32,
        num_frames: u32,
        /// `u32::MAX` with 0 frames: the client cannot play this stream.
        num_drops: u32,
        /// Milliseconds the last frame came before its time; negative when late.
        last_frame_delay: i32,
        /// Milliseconds; `u32::MAX` when nothing is played.
        audio_delay: u32,
    }
}

wire_struct! {
    /// Which image codec later images should use. Number 103, client → server. Unknown values are ignored.
    pub struct PreferredCompression { image_compression: ImageCompression }
}

/// Which video codecs later streams should use, best first. Number 105, client → server. u8 count, u8 each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreferredVideoCodecType {
    /// The codecs, 255 at most; unknown ones are ignored.
    pub codecs: Vec<VideoCodec>,
}

impl<'a> Decode<'a> for InvalList {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = usize::from(r.u16("count")?);
        Ok(Self {
            resources: r.list("resources", count, 9)?,
        })
    }
}

/// At most 65535 entries can be sent; the rest is left out.
impl Encode for InvalList {
    fn encode(&self, w: &mut Writer) {
        let count = self.resources.len().min(usize::from(u16::MAX));
        w.u16(count as u16);
        w.list(&self.resources[..count]);
    }
}

impl<'a> Decode<'a> for Resource {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            kind: r.value("type")?,
            id: r.u64("id")?,
        })
    }
}

impl Encode for Resource {
    fn encode(&self, w: &mut Writer) {
        w.value(&self.kind);
        w.u64(self.id);
    }
}

impl<'a> Decode<'a> for SurfaceCreate {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let surface_id = r.u32("surface_id")?;
        let (width, height) = (r.u32("width")?, r.u32("height")?);
        let at = r.position();
        let format = match r.value("format")? {
            SurfaceFormat::Other(n) => return Err(unknown(r, "format", at, n)),
            known => known,
        };
        let flags = r.value("flags")?;
        Ok(Self {
            surface_id,
            width,
            height,
            format,
            flags,
        })
    }
}

impl Encode for SurfaceCreate {
    fn encode(&self, w: &mut Writer) {
        w.u32(self.surface_id);
        w.u32(self.width);
        w.u32(self.height);
        w.value(&self.format);
        w.value(&self.flags);
    }
}

impl<'a> Decode<'a> for MonitorsConfig {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = usize::from(r.u16("count")?);
        let max_allowed = r.u16("max_allowed")?;
        Ok(Self {
            max_allowed,
            heads: r.list("heads", count, 28)?,
        })
    }
}

/// At most 65535 monitors can be sent; the rest is left out.
impl Encode for MonitorsConfig {
    fn encode(&self, w: &mut Writer) {
        let count = self.heads.len().min(usize::from(u16::MAX));
        w.u16(count as u16);
        w.u16(self.max_allowed);
        w.list(&self.heads[..count]);
    }
}

impl<'a> Decode<'a> for StreamCreate {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (surface_id, id) = (r.u32("surface_id")?, r.u32("id")?);
        let flags = r.value("flags")?;
        let at = r.position();
        let codec = match r.value("codec")? {
            VideoCodec::Other(n) => return Err(unknown(r, "codec", at, n)),
            known => known,
        };
        Ok(Self {
            surface_id,
            id,
            flags,
            codec,
            stamp: r.u64("stamp")?,
            stream_width: r.u32("stream_width")?,
            stream_height: r.u32("stream_height")?,
            src_width: r.u32("src_width")?,
            src_height: r.u32("src_height")?,
            dest: r.value("dest")?,
            clip: r.value::<Clip<'_>>("clip")?.to_owned(),
        })
    }
}

impl Encode for StreamCreate {
    fn encode(&self, w: &mut Writer) {
        w.u32(self.surface_id);
        w.u32(self.id);
        w.value(&self.flags);
        w.value(&self.codec);
        w.u64(self.stamp);
        w.u32(self.stream_width);
        w.u32(self.stream_height);
        w.u32(self.src_width);
        w.u32(self.src_height);
        w.value(&self.dest);
        w.value(&self.clip);
    }
}

impl<'a> Decode<'a> for StreamData<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: r.u32("id")?,
            multi_media_time: r.u32("multi_media_time")?,
            data: read_sized(r)?,
        })
    }
}

impl Encode for StreamData<'_> {
    fn encode(&self, w: &mut Writer) {
        w.u32(self.id);
        w.u32(self.multi_media_time);
        w.u32(self.data.len() as u32);
        w.bytes(self.data);
    }
}

impl<'a> Decode<'a> for StreamDataSized<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: r.u32("id")?,
            multi_media_time: r.u32("multi_media_time")?,
            width: r.u32("width")?,
            height: r.u32("height")?,
            dest: r.value("dest")?,
            data: read_sized(r)?,
        })
    }
}

impl Encode for StreamDataSized<'_> {
    fn encode(&self, w: &mut Writer) {
        w.u32(self.id);
        w.u32(self.multi_media_time);
        w.u32(self.width);
        w.u32(self.height);
        w.value(&self.dest);
        w.u32(self.data.len() as u32);
        w.bytes(self.data);
    }
}

impl<'a> Decode<'a> for PreferredVideoCodecType {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = usize::from(r.u8("count")?);
        Ok(Self {
            codecs: r.list("codecs", count, 1)?,
        })
    }
}

/// At most 255 codecs can be sent; the rest is left out.
impl Encode for PreferredVideoCodecType {
    fn encode(&self, w: &mut Writer) {
        let count = self.codecs.len().min(255);
        w.u8(count as u8);
        w.list(&self.codecs[..count]);
    }
}
