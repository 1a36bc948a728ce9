//! The streams of the client: what it announces, when it wants to be called, and painting.

use std::time::Duration;

use super::{Client, StreamCount};
use crate::canvas::{Area, Cutout, Damage, Layout, Rop, Source};
use crate::channel::Cx;
use crate::channel::display::SurfaceId;
use crate::channel::display::messages::{ClientMessage, PreferredVideoCodecType};
use crate::channel::display::streams::{
    PREF_VIDEO_CODEC_TYPE, Painting, STREAM_REPORT, announcement,
};
use crate::channel::shared::MediaClock;
use crate::codec::video::Codec;
use crate::geometry::{Rect, Size};
use crate::link::{self, Capabilities};
use crate::wire::Frame;

impl Client {
    /// What this client announces: bits 1, MONITORS_CONFIG; 5, LZ4_COMPRESSION; 8, MULTI_CODEC; and for video 0, SIZED_STREAM;
    /// 4, STREAM_REPORT; a bit for each codec. MULTI_CODEC alone says that no video can be played: the server then sends
    /// images instead.
    pub fn capabilities(&self) -> Capabilities {
        let mut bits = vec![1, 5, 8];
        let codecs = self.streams.allowed();
        if !codecs.is_empty() {
            bits.extend([0, STREAM_REPORT]);
            bits.extend(codecs.iter().map(|codec| announcement(*codec).1));
        }
        bits.sort_unstable();
        Capabilities::of(link::CLIENT_COMMON, &bits)
    }

    /// Asks the server to prefer these codecs, best first, if it lets the client choose.
    pub fn prefer_codecs(&self, server: &Capabilities, order: &[Codec], cx: &mut Cx<'_>) {
        if order.is_empty() {
            return;
        }
        if server.has(PREF_VIDEO_CODEC_TYPE) {
            let codecs = order.iter().map(|codec| announcement(*codec).0).collect();
            let message = PreferredVideoCodecType { codecs };
            cx.send(&ClientMessage::PreferredVideoCodecType(message));
        } else {
            cx.notice("the server does not let the client choose the order of video codecs");
        }
    }

    /// The streams in numbers.
    pub fn streams(&self) -> impl Iterator<Item = StreamCount> {
        self.streams.counts()
    }

    /// Messages after which the decoder of a stream that a fresh client was told to create has seen what that of this one has,
    /// and the same pictures wait. What was shown has no place to go to: it is on the surface, and something else may have been
    /// drawn over it.
    ///
    /// `seen` are messages of the server since one that a decoder can begin with; for MJPEG the last one is enough. `clock` is
    /// the multi-media clock of both clients. `None` where there is no such stream, or while what it is about to show is
    /// decoded elsewhere.
    pub fn retell(&self, id: u32, seen: &[Frame], clock: u32) -> Option<Vec<Frame>> {
        self.streams.retell(id, seen, clock)
    }

    /// When [`tick`](Self::tick) wants to be called, by the media clock in force.
    pub fn due(&self, media: &MediaClock) -> Option<Duration> {
        self.streams.due(media)
    }

    /// Time has passed.
    pub fn tick(&mut self, cx: &mut Cx<'_>) {
        self.streams.tick(cx);
        self.paint_streams();
    }

    /// Something else is about to read or change this area: what was not decoded because nobody looked is painted first.
    pub(super) fn look(&mut self, surface: SurfaceId, area: Rect) {
        if self.streams.look(surface, area) {
            self.paint_streams();
        }
    }

    /// Paints the pictures whose time has come.
    pub(super) fn paint_streams(&mut self) {
        while let Some(painting) = self.streams.poll_picture() {
            self.paint(&painting);
        }
    }

    fn paint(&mut self, painting: &Painting) {
        let Some(surface) = self.canvas.surface_mut(painting.surface) else {
            return;
        };
        let Some(picture) = painting.picture.as_ref().filter(|_| !self.is_blind) else {
            let extent = painting.dest.intersect(surface.size().to_rect());
            if self.primary == Some(painting.surface) {
                let changed = painting.clip.region(extent);
                changed.for_each(|rect| self.pending.damage.add(rect));
            }
            return;
        };
        let (size, stride) = (
            Size::new(picture.width, picture.height),
            picture.width as usize * 4,
        );
        let Some(source) = Source::new(Layout::Xrgb, size, stride, &picture.pixels) else {
            return;
        };
        let cutout = Cutout::whole(if painting.top_down {
            source
        } else {
            source.bottom_up()
        });
        let area = Area::new(painting.dest, &painting.clip);
        let mut damage = Damage::default();
        // It cannot fail: the picture has pixels, and theirs can be drawn on every surface.
        let _ = surface.copy(&area, &cutout, Rop::PUT, &mut damage);
        if self.primary == Some(painting.surface) {
            self.pending.damage.merge(&damage);
        }
    }
}
