//! The client's side of a display channel: executes draw commands and says which pixels changed.

mod paint;
mod pending;
mod recreate;
mod shapes;
mod video;

use super::images::{self, CodecCount, ImageError, Images};
use super::messages::{
    ClientMessage, ImageCompression, Init, MonitorsConfig, PreferredCompression, ResourceType,
    ServerMessage, SurfaceCreate, SurfaceFlags, SurfaceFormat,
};
use super::streams::{StreamCount, Streams};
use super::{Event, Head, RegionPixels, SurfaceId};
use crate::canvas::{Canvas, Surface};
use crate::channel::job::{Decoded, Work};
use crate::channel::shared::{PIXMAP_CACHE_PIXELS, Shared};
use crate::channel::{Blocked, Cx, Fault, Message};
use crate::codec::video::Codec;
use crate::geometry::{Rect, Size};
use crate::link::Capabilities;
use crate::pixels::PixelFormat;
use crate::wire::Part;
use pending::Pending;

/// Most monitors taken from a MONITORS_CONFIG.
const MAX_HEADS: usize = 256;

/// Most bytes kept for the next images and commands: a picture of 3840×2160 pixels fits.
pub const SPARE_BYTES: usize =
    images::SPARE_BYTES + Canvas::MAX_SCRATCH_BYTES + shapes::Scratch::MOST;

/// Executes the commands of one display channel.
pub struct Client {
    id: u8,
    canvas: Canvas,
    images: Images,
    primary: Option<SurfaceId>,
    pending: Pending,
    draws: u64,
    streams: Streams,
    /// Whether regions come with their pixels.
    cuts_pixels: bool,
    /// Whether nothing is drawn.
    is_blind: bool,
    /// What commands need while they are drawn.
    scratch: shapes::Scratch,
}

impl Client {
    /// The client of display channel `id`, whose streams may use the codecs `video`.
    pub fn new(id: u8, video: Vec<Codec>) -> Self {
        Self {
            id,
            canvas: Canvas::default(),
            images: Images::default(),
            primary: None,
            pending: Pending::default(),
            draws: 0,
            streams: Streams::new(video),
            cuts_pixels: true,
            is_blind: false,
            scratch: shapes::Scratch::default(),
        }
    }

    /// The same for a user who wants to know which areas changed, and does not look at their pixels.
    pub fn without_pixels(mut self) -> Self {
        self.cuts_pixels = false;
        self.streams.unwatched = true;
        self
    }

    /// The same for a user who never looks at any: nothing is drawn and no image decoded. What decoding and drawing would say of
    /// damaged images remains unsaid.
    pub fn blind(self) -> Self {
        let mut client = self.without_pixels();
        client.is_blind = true;
        client.streams.blind = true;
        client
    }

    /// The same client for a session beside this one, with a copy of its surfaces; `None` where something cannot be copied:
    /// a video stream other than MJPEG, or an image that is decoded outside.
    pub fn fork(&self, shared: &Shared) -> Option<Self> {
        Some(Self {
            canvas: self.canvas.clone(),
            images: self.images.fork()?,
            pending: self.pending.clone(),
            streams: self.streams.fork(shared)?,
            scratch: shapes::Scratch::default(),
            ..*self
        })
    }

    /// The same with its pictures as they are now, and without what cannot be copied of its videos. `None` while an image is
    /// decoded outside.
    pub fn still(&self, shared: &Shared) -> Option<Self> {
        let streams = self.streams.fork(shared);
        Some(Self {
            canvas: self.canvas.clone(),
            images: self.images.fork()?,
            pending: self.pending.clone(),
            streams: streams.unwrap_or_else(|| self.streams.without_video()),
            scratch: shapes::Scratch::default(),
            ..*self
        })
    }

    /// Whether there is a video stream.
    pub fn has_video(&self) -> bool {
        self.streams.counts().next().is_some()
    }

    /// Paints the newest frames of videos that were put off until somebody looks.
    pub fn develop(&mut self) {
        self.streams.develop_all();
        self.paint_streams();
    }

    /// Tells of the primary surface and of all that is on it once more, to somebody who knows nothing of it.
    pub fn tell_again(&mut self) {
        self.pending = Pending::default();
        self.tell_created();
        if let Some(size) = self.primary_size() {
            self.pending.damage.add(size.to_rect());
        }
    }

    /// The surfaces, to be put away and back.
    pub fn canvas_mut(&mut self) -> &mut Canvas {
        &mut self.canvas
    }

    /// The channel is linked: the server waits for INIT.
    pub fn start(
        &mut self,
        server: &Capabilities,
        preferred: Option<ImageCompression>,
        cx: &mut Cx<'_>,
    ) {
        self.streams.linked(server);
        let window = cx.shared.size_glz_window();
        cx.send(&ClientMessage::Init(Init {
            pixmap_cache_id: 1,
            pixmap_cache_size: PIXMAP_CACHE_PIXELS as i64,
            glz_dictionary_id: 1,
            glz_dictionary_window_size: window as i32,
        }));
        const PREF_COMPRESSION: u32 = 6;
        if let Some(image_compression) = preferred {
            if server.has(PREF_COMPRESSION) {
                let message = PreferredCompression { image_compression };
                cx.send(&ClientMessage::PreferredCompression(message));
            } else {
                cx.notice("the server does not let the client choose the image compression");
            }
        }
    }

    /// The surfaces. Those of a client [`without_pixels`](Self::without_pixels) may lack the newest frame of a video, which is
    /// decoded as soon as something is drawn over it or reads it. Those of a [`blind`](Self::blind) one stay empty.
    pub fn canvas(&self) -> &Canvas {
        &self.canvas
    }

    /// Bytes of palettes kept.
    pub fn palette_bytes(&self) -> u64 {
        self.images.palettes.bytes()
    }

    /// Bytes kept for the next images and commands, at most [`SPARE_BYTES`].
    pub fn spare_bytes(&self) -> usize {
        self.images.spare_bytes() + self.canvas.scratch_bytes() + self.scratch.bytes()
    }

    /// Gives that memory back.
    pub fn drop_spares(&mut self) {
        self.images.drop_spares();
        self.canvas.drop_scratch();
        self.scratch = shapes::Scratch::default();
    }

    /// The channel is gone: its screen stays as it was last, everything else goes.
    pub fn retire(&mut self, shared: &mut Shared) {
        self.streams.destroy_all();
        self.paint_streams();
        let before = self.canvas.bytes_in_use();
        self.canvas.keep_only(self.primary);
        shared.surfaces.change(before, self.canvas.bytes_in_use());
        self.images.retire();
    }

    /// Draw commands executed.
    pub fn draws(&self) -> u64 {
        self.draws
    }

    /// A number that is another one whenever something was drawn: draw commands executed, and pictures that streams show.
    pub fn changes(&self) -> u64 {
        self.draws
            + self
                .streams
                .counts()
                .map(|stream| stream.shown)
                .sum::<u64>()
    }

    /// Size of the primary surface.
    pub fn primary_size(&self) -> Option<Size> {
        self.canvas.surface(self.primary?).map(Surface::size)
    }

    /// What each codec has done.
    pub fn codec_counts(&self) -> &[CodecCount] {
        self.images.counts()
    }

    /// Acts on one message; why it has to wait, if it does. A message that had to wait changed nothing that acting on it
    /// again would not change.
    pub fn on_part(&mut self, part: &Part, cx: &mut Cx<'_>) -> Result<Option<Blocked>, Fault> {
        self.images.begin(&part.body, cx);
        let result = self.act(part, cx);
        if !matches!(result, Ok(Some(_))) {
            self.images.end();
        }
        result
    }

    fn act(&mut self, part: &Part, cx: &mut Cx<'_>) -> Result<Option<Blocked>, Fault> {
        let message = match ServerMessage::decode(part.number, &part.body) {
            Ok(message) => message,
            // Every later command of the surface would be lost too.
            Err(error) if part.number == 314 => return Err(Fault::Message(error)),
            Err(error) => {
                cx.notice(error.to_string());
                return Ok(None);
            }
        };
        let name = message.name();
        if let Some(result) = self.note(&message) {
            return Ok(outcome(name, result, cx));
        }
        let result = match message {
            ServerMessage::Mark => {
                if self.primary.is_some() {
                    self.pending.replace(Event::Marked { display: self.id });
                }
                Ok(())
            }
            ServerMessage::SurfaceCreate(create) => {
                return self.on_surface_create(&create, cx).map(|()| None);
            }
            ServerMessage::SurfaceDestroy(destroy) => {
                self.destroy(destroy.surface_id, cx);
                Ok(())
            }
            ServerMessage::Mode(mode) => {
                let format = if mode.bits == 32 {
                    SurfaceFormat::Xrgb
                } else {
                    SurfaceFormat::Rgb555
                };
                let (surface_id, width, height) = (0, mode.x_res, mode.y_res);
                let create = SurfaceCreate {
                    surface_id,
                    width,
                    height,
                    format,
                    flags: SurfaceFlags::PRIMARY,
                };
                return self.on_surface_create(&create, cx).map(|()| None);
            }
            ServerMessage::Reset => {
                self.on_reset();
                Ok(())
            }
            ServerMessage::InvalList(list) => {
                let pixmaps = list
                    .resources
                    .iter()
                    .filter(|r| r.kind == ResourceType::Pixmap);
                pixmaps.for_each(|r| cx.shared.pixmaps.invalidate(r.id));
                Ok(())
            }
            // The session has done the waiting that its body asks for.
            ServerMessage::InvalAllPixmaps(_) => {
                cx.shared.pixmaps.clear();
                Ok(())
            }
            ServerMessage::InvalPalette(palette) => {
                self.images.palettes.invalidate(palette.id);
                Ok(())
            }
            ServerMessage::InvalAllPalettes => {
                self.images.palettes.clear();
                Ok(())
            }
            ServerMessage::MonitorsConfig(config) => {
                self.on_monitors(&config);
                Ok(())
            }
            ServerMessage::CopyBits(copy) => self.on_copy_bits(&copy),
            ServerMessage::DrawFill(fill) => self.on_fill(&fill, cx),
            ServerMessage::DrawCopy(copy) | ServerMessage::DrawBlend(copy) => {
                self.on_copy(&copy, cx)
            }
            ServerMessage::DrawOpaque(opaque) => self.on_opaque(&opaque, cx),
            ServerMessage::DrawBlackness(masked) => self.on_masked(&masked, Surface::blackness, cx),
            ServerMessage::DrawWhiteness(masked) => self.on_masked(&masked, Surface::whiteness, cx),
            ServerMessage::DrawInvers(masked) => self.on_masked(&masked, Surface::invers, cx),
            ServerMessage::DrawRop3(rop3) => self.on_rop3(&rop3, cx),
            ServerMessage::DrawTransparent(draw) => self.on_transparent(&draw, cx),
            ServerMessage::DrawAlphaBlend(draw) => self.on_alpha_blend(&draw, cx),
            ServerMessage::DrawComposite(draw) => self.on_composite(&draw, cx),
            ServerMessage::DrawStroke(stroke) => self.on_stroke(&stroke, cx),
            ServerMessage::DrawText(text) => self.on_text(&text, cx),
            // Never announced, so no server sends them.
            ServerMessage::GlScanoutUnix(_) | ServerMessage::GlDraw(_) => Err(ImageError::Bad(
                "pictures in the memory of a graphics card cannot be shown".to_owned(),
            )),
            ServerMessage::StreamCreate(create) => {
                let surface_exists = self.canvas.surface(create.surface_id).is_some();
                self.streams.create(&create, surface_exists, cx);
                self.paint_streams();
                Ok(())
            }
            ServerMessage::StreamData(data) => {
                self.streams.data(&data, cx);
                self.paint_streams();
                Ok(())
            }
            ServerMessage::StreamDataSized(data) => {
                self.streams.data_sized(&data, cx);
                self.paint_streams();
                Ok(())
            }
            ServerMessage::StreamClip(clip) => {
                self.streams.clip(&clip, cx);
                self.paint_streams();
                Ok(())
            }
            ServerMessage::StreamDestroy(destroy) => {
                self.streams.destroy(destroy.id);
                self.paint_streams();
                Ok(())
            }
            ServerMessage::StreamDestroyAll => {
                self.streams.destroy_all();
                self.paint_streams();
                Ok(())
            }
            ServerMessage::StreamActivateReport(order) => {
                self.streams.activate_report(&order);
                Ok(())
            }
            ServerMessage::QualityIndicator(_) => Ok(()),
            ServerMessage::Unknown { number, .. } => {
                cx.notice(format!("unknown message {number}"));
                Ok(())
            }
        };
        Ok(outcome(name, result, cx))
    }

    /// Whether the channel waits for something to be decoded outside the session.
    pub fn is_decoding(&self) -> bool {
        self.images.is_decoding()
    }

    /// The next thing to decode outside the session, if there is room for it.
    pub(crate) fn poll_job(&mut self) -> Option<Work> {
        match self.images.poll_job() {
            Some(job) => Some(Work::Image(Box::new(job))),
            None => self
                .streams
                .poll_job()
                .map(|job| Work::Video(Box::new(job))),
        }
    }

    /// Something was decoded outside the session.
    pub(crate) fn finish(&mut self, result: Decoded, cx: &mut Cx<'_>) {
        match result {
            Decoded::Image(image) => self.images.finish(image),
            Decoded::Video(done) => {
                self.streams.finish(*done, cx);
                self.paint_streams();
            }
        }
    }

    /// Whether [`poll_event`](Self::poll_event) has something.
    pub fn has_event(&self) -> bool {
        !self.pending.control.is_empty()
            || !self.pending.moves.is_empty()
            || !self.pending.damage.is_empty()
    }

    /// The next event. Pixels are cut from the primary surface here, as they are at this moment.
    pub fn poll_event(&mut self) -> Option<Event> {
        // A size comes before the pixels, MARK after them: what it marks is then complete.
        let early = self
            .pending
            .control
            .iter()
            .position(|e| !matches!(e, Event::Marked { .. }));
        if let Some(at) = early {
            return Some(self.pending.control.remove(at));
        }
        let surface = self
            .primary
            .and_then(|id| Some((id, self.canvas.surface_mut(id)?)));
        let Some((id, surface)) = surface else {
            self.pending.moves.clear();
            self.pending.damage.clear();
            return self.pending.control.pop();
        };
        if let Some((from, dest_rect)) = self.pending.moves.pop_front() {
            let (display, src_x, src_y) = (self.id, from.x, from.y);
            return Some(Event::CopyRect {
                display,
                surface: id,
                src_x,
                src_y,
                dest_rect,
            });
        }
        let Some(rect) = self.pending.next_band() else {
            return self.pending.control.pop();
        };
        let pixels = match self.cuts_pixels {
            true => RegionPixels::Raw {
                data: cut(surface, rect).into(),
                stride: rect.width() as usize * 4,
            },
            false => RegionPixels::NotCut,
        };
        Some(Event::Region {
            display: self.id,
            surface: id,
            rect,
            pixels,
        })
    }

    fn on_surface_create(&mut self, create: &SurfaceCreate, cx: &mut Cx<'_>) -> Result<(), Fault> {
        let format = match create.format {
            SurfaceFormat::A1 => PixelFormat::A1,
            SurfaceFormat::A8 => PixelFormat::A8,
            SurfaceFormat::Rgb555 => PixelFormat::Rgb555,
            SurfaceFormat::Rgb565 => PixelFormat::Rgb565,
            SurfaceFormat::Xrgb => PixelFormat::Xrgb,
            SurfaceFormat::Argb => PixelFormat::Argb,
            SurfaceFormat::Other(n) => {
                return Err(Fault::Violation(format!("unknown surface format {n}")));
            }
        };
        let size = Size::new(create.width, create.height);
        let primary = create.flags.contains(SurfaceFlags::PRIMARY);
        if primary {
            self.streams.immediate = create.flags.contains(SurfaceFlags::STREAMING_MODE);
        }
        if primary && self.primary == Some(create.surface_id) && self.primary_size() == Some(size) {
            // The reference client keeps the surface with what is on it; servers draw all of it anew.
            return Ok(());
        }
        if let Some(old) = self
            .primary
            .filter(|old| primary && *old != create.surface_id)
        {
            self.discard(old, cx);
        }
        self.streams.surface_gone(create.surface_id);
        let before = self.canvas.bytes_in_use();
        self.canvas.set_budget(cx.shared.surfaces.left() + before);
        let created = self.canvas.create(create.surface_id, format, size);
        cx.shared
            .surfaces
            .change(before, self.canvas.bytes_in_use());
        created.map_err(|error| Fault::Limit(format!("SURFACE_CREATE: {error}")))?;
        if primary {
            self.primary = Some(create.surface_id);
            self.tell_created();
        } else if self.primary == Some(create.surface_id) {
            self.forget_primary(create.surface_id);
        }
        Ok(())
    }

    fn destroy(&mut self, id: SurfaceId, cx: &mut Cx<'_>) {
        if self.discard(id, cx) && self.primary == Some(id) {
            self.forget_primary(id);
        }
    }

    /// Removes a surface; whether there was one.
    fn discard(&mut self, id: SurfaceId, cx: &mut Cx<'_>) -> bool {
        self.streams.surface_gone(id);
        let before = self.canvas.bytes_in_use();
        let existed = self.canvas.destroy(id);
        cx.shared
            .surfaces
            .change(before, self.canvas.bytes_in_use());
        existed
    }

    fn forget_primary(&mut self, id: SurfaceId) {
        self.primary = None;
        self.pending = Pending::default();
        self.pending.control.push(Event::SurfaceDestroyed {
            display: self.id,
            surface: id,
        });
    }

    /// Surfaces, pixmap cache and streams stay. That the screen is not to be shown until it is marked again is told as a
    /// fresh screen of the same size.
    fn on_reset(&mut self) {
        self.images.palettes.clear();
        if let Some((id, size)) = self.primary.zip(self.primary_size()) {
            self.look(id, size.to_rect());
        }
        let Some(surface) = self.primary.and_then(|id| self.canvas.surface_mut(id)) else {
            return;
        };
        surface.clear(&mut self.pending.damage);
        self.tell_created();
    }

    /// Tells of the primary as if it had just been made, in the place of everything untold about it.
    fn tell_created(&mut self) {
        let Some((surface, size)) = self.primary.zip(self.primary_size()) else {
            return;
        };
        self.pending = Pending::default();
        self.pending.control.push(Event::SurfaceCreated {
            display: self.id,
            surface,
            width: size.width,
            height: size.height,
        });
    }

    fn on_monitors(&mut self, config: &MonitorsConfig) {
        let limit = usize::from(config.max_allowed).clamp(1, MAX_HEADS);
        let side = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
        let heads: Vec<Head> = config
            .heads
            .iter()
            .take(limit)
            .filter(|h| h.width > 0 && h.height > 0)
            .map(|h| Head {
                id: h.monitor_id,
                rect: Rect::at(side(h.x), side(h.y), Size::new(h.width, h.height)),
            })
            .collect();
        if !heads.is_empty() {
            self.pending.replace(Event::Monitors {
                display: self.id,
                heads,
            });
        }
    }
}

/// Why a message that was acted on has to wait, if it does. What is wrong with it is told.
fn outcome(name: &str, result: Result<(), ImageError>, cx: &mut Cx<'_>) -> Option<Blocked> {
    match result {
        Ok(()) => None,
        Err(ImageError::Blocked(why)) => Some(why),
        Err(ImageError::Bad(text)) => {
            cx.notice(format!("{name}: {text}"));
            None
        }
    }
}

/// The pixels of `rect`, packed, as bytes B, G, R, X.
fn cut(surface: &mut Surface, rect: Rect) -> Vec<u8> {
    let mut out = Vec::with_capacity(rect.area() as usize * 4);
    let format = surface.format();
    if format == PixelFormat::A1 {
        let pixels = surface.pixels();
        for y in rect.top..rect.bottom {
            for x in rect.left..rect.right {
                let value = if pixels.pixel(x as u32, y as u32) == 1 {
                    0xff
                } else {
                    0
                };
                out.extend_from_slice(&[value, value, value, 0]);
            }
        }
        return out;
    }
    for row in surface.rows_of(rect) {
        match format {
            PixelFormat::Xrgb | PixelFormat::Argb => out.extend_from_slice(row),
            PixelFormat::A8 | PixelFormat::A1 => row
                .iter()
                .for_each(|v| out.extend_from_slice(&[*v, *v, *v, 0])),
            PixelFormat::Rgb555 | PixelFormat::Rgb565 => {
                let six = format == PixelFormat::Rgb565;
                for word in row.chunks_exact(2) {
                    let word = u16::from_le_bytes([word[0], word[1]]);
                    let five = |shift: u32| {
                        let v = (word >> shift & 31) as u8;
                        v << 3 | v >> 2
                    };
                    let green = if six {
                        let v = (word >> 5 & 63) as u8;
                        v << 2 | v >> 4
                    } else {
                        five(5)
                    };
                    out.extend_from_slice(&[five(0), green, five(if six { 11 } else { 10 }), 0]);
                }
            }
        }
    }
    out
}
