//! The server's side of a display channel: one primary surface, shown with few messages.
//!
//! A client is sent SURFACE_CREATE, DRAW_FILL, DRAW_COPY, COPY_BITS, MONITORS_CONFIG and MARK, and nothing before its
//! INIT (spec 07 §6, 09 §3).

use super::compress::{self, Compression, Compressor};
use super::draw::{Brush, Clip, DisplayBase, DrawCopy, DrawFill, QMask, Rop, ScaleMode};
use super::image::{Image, ImageFlags};
use super::messages::{
    ClientMessage, CopyBits, Head, ImageCompression, MonitorsConfig, ServerMessage, SurfaceCreate,
    SurfaceDestroy, SurfaceFlags, SurfaceFormat,
};
use crate::channel::{Fault, Message};
use crate::geometry::{Point, Rect, Size};
use crate::link::{self, Capabilities};
use crate::pixels::PixelBuf;
use crate::wire::Frame;

/// Number of the capability MONITORS_CONFIG.
const MONITORS_CONFIG: u32 = 1;
/// Number of the capability LZ4_COMPRESSION.
const LZ4_COMPRESSION: u32 = 5;
/// Number of the capability PREF_COMPRESSION.
const PREF_COMPRESSION: u32 = 6;

/// Number of the one surface.
const PRIMARY: u32 = 0;

/// Streams the reference server has; a report about another is a violation.
const STREAMS: u32 = 50;

/// A change of the screen, in pixels of format [`Xrgb`](crate::pixels::PixelFormat::Xrgb).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Update {
    /// The screen has this size and these contents from now on.
    Screen(PixelBuf),
    /// These pixels are on the screen.
    Pixels {
        /// Where their top left corner is.
        at: Point,
        /// The pixels.
        pixels: PixelBuf,
    },
    /// An area moved, as through a temporary.
    Copy {
        /// Top left corner of the source.
        from: Point,
        /// Where it goes.
        to: Rect,
    },
}

/// Shows the screen to a client.
#[derive(Clone, Debug)]
pub struct Server {
    /// Whether the client wants MONITORS_CONFIG.
    monitors: bool,
    /// Whether the client's INIT has come.
    started: bool,
    /// Whether the session had a display channel before this one.
    is_again: bool,
    /// Size of the screen as the client knows it.
    size: Option<Size>,
    /// Number of images sent.
    images: u64,
    compressor: Compressor,
}

impl Server {
    /// What this server announces on display channels.
    pub fn capabilities() -> Capabilities {
        Capabilities::of(link::COMMON, &[MONITORS_CONFIG, PREF_COMPRESSION])
    }

    /// The channel is linked with a client of these capabilities.
    pub fn new(compression: Compression, client: &Capabilities) -> Self {
        Self {
            monitors: client.has(MONITORS_CONFIG),
            started: false,
            is_again: false,
            size: None,
            images: 0,
            compressor: Compressor::new(compression, client.has(LZ4_COMPRESSION)),
        }
    }

    /// The channel takes the place of one that was closed. The client's GLZ window belongs to the session and may lack
    /// images that were on their way, so nothing refers to it any more.
    pub fn again(self) -> Self {
        Self {
            is_again: true,
            ..self
        }
    }

    /// Whether the client's INIT has come. Nothing is to be sent before it.
    pub fn is_started(&self) -> bool {
        self.started
    }

    /// Size of the screen as the client knows it.
    pub fn size(&self) -> Option<Size> {
        self.size
    }

    /// Acts on one message.
    ///
    /// # Errors
    ///
    /// When the message is malformed, unknown or out of turn.
    pub fn on_frame(&mut self, frame: &Frame, outbox: &mut Vec<Frame>) -> Result<(), Fault> {
        let message = ClientMessage::decode(frame.number, &frame.body).map_err(Fault::Message)?;
        let violation = |text: &str| Err(Fault::Violation(text.to_owned()));
        match message {
            ClientMessage::Init(_) if self.started => return violation("a second INIT"),
            // The pixmap cache is of no interest: no picture is sent to be kept there.
            ClientMessage::Init(init) => {
                self.started = true;
                if !self.is_again {
                    self.compressor.open_window(init.glz_dictionary_window_size);
                }
                outbox.push(ServerMessage::InvalAllPalettes.to_frame());
            }
            ClientMessage::PreferredCompression(wish) => self.prefer(wish.image_compression),
            ClientMessage::StreamReport(report) if report.stream_id >= STREAMS => {
                return violation("a report about a stream that cannot be");
            }
            ClientMessage::GlDrawDone => return violation("GL_DRAW_DONE without GL_DRAW"),
            // There are no streams to change or to report about.
            ClientMessage::StreamReport(_) | ClientMessage::PreferredVideoCodecType(_) => {}
            ClientMessage::Unknown { number, .. } => return Err(Fault::unknown_message(number)),
        }
        Ok(())
    }

    /// Sends a change of the screen.
    pub fn update(&mut self, update: &Update, outbox: &mut Vec<Frame>) {
        match update {
            Update::Screen(pixels) => self.screen(pixels, outbox),
            Update::Pixels { at, pixels } => match compress::flat_color(pixels) {
                Some(color) => fill(Rect::at(at.x, at.y, pixels.size), color, outbox),
                None => self.copy_image(*at, pixels, outbox),
            },
            Update::Copy { from, to } => {
                let message = CopyBits {
                    base: base(*to),
                    src_pos: *from,
                };
                outbox.push(ServerMessage::CopyBits(message).to_frame());
            }
        }
    }

    fn prefer(&mut self, wish: ImageCompression) {
        if !matches!(wish, ImageCompression::Other(_)) {
            self.compressor.prefer(wish);
        }
    }

    /// A new primary surface in place of the old one, with its contents in one image. Clients show it from MARK on.
    fn screen(&mut self, pixels: &PixelBuf, outbox: &mut Vec<Frame>) {
        let size = pixels.size;
        if self.size.replace(size).is_some() {
            let surface_id = PRIMARY;
            outbox.push(ServerMessage::SurfaceDestroy(SurfaceDestroy { surface_id }).to_frame());
        }
        let create = SurfaceCreate {
            surface_id: PRIMARY,
            width: size.width,
            height: size.height,
            format: SurfaceFormat::Xrgb,
            flags: SurfaceFlags::PRIMARY,
        };
        outbox.push(ServerMessage::SurfaceCreate(create).to_frame());
        self.copy_image(Point::default(), pixels, outbox);
        if self.monitors {
            let head = Head {
                monitor_id: 0,
                surface_id: PRIMARY,
                width: size.width,
                height: size.height,
                x: 0,
                y: 0,
                flags: 0,
            };
            let config = MonitorsConfig {
                max_allowed: 1,
                heads: vec![head],
            };
            outbox.push(ServerMessage::MonitorsConfig(config).to_frame());
        }
        outbox.push(ServerMessage::Mark.to_frame());
    }

    fn copy_image(&mut self, at: Point, pixels: &PixelBuf, outbox: &mut Vec<Frame>) {
        let Size { width, height } = pixels.size;
        self.images += 1;
        let image = Image {
            id: self.images,
            flags: ImageFlags::empty(),
            width,
            height,
            data: self.compressor.image(pixels),
        };
        let copy = DrawCopy {
            base: base(Rect::at(at.x, at.y, pixels.size)),
            src_bitmap: image,
            src_area: pixels.size.to_rect(),
            rop: Rop::OP_PUT,
            scale_mode: ScaleMode::Nearest,
            mask: QMask::default(),
        };
        outbox.push(ServerMessage::DrawCopy(copy).to_frame());
    }
}

fn fill(rect: Rect, color: u32, outbox: &mut Vec<Frame>) {
    let fill = DrawFill {
        base: base(rect),
        brush: Brush::Solid(color),
        rop: Rop::OP_PUT,
        mask: QMask::default(),
    };
    outbox.push(ServerMessage::DrawFill(fill).to_frame());
}

fn base<'a>(bbox: Rect) -> DisplayBase<'a> {
    DisplayBase {
        surface_id: PRIMARY,
        bbox,
        clip: Clip::None,
    }
}
