//! Large images of the message that is acted on, while they are decoded outside the session.

use bytes::Bytes;

use super::{Images, check_size};
use crate::channel::display::image::{Image, ImageData};
use crate::channel::display::stills::{DecodedImage, ImageJob, Still};
use crate::channel::{Blocked, Cx};

/// What is decoded, and what was.
///
/// The message is acted on again from its beginning when one is ready, so nothing else is kept.
#[derive(Default)]
pub(super) struct Jobs {
    /// The body of the message; `None` while nothing is to be decoded outside.
    pub(super) message: Option<Bytes>,
    /// Jobs so far.
    count: u64,
    wanted: Option<ImageJob>,
    /// Number of the job that was handed out.
    running: Option<u64>,
    /// The image that is wanted or running, by the place of its bytes.
    place: usize,
    /// Decoded images by the place of their bytes.
    ready: Vec<(usize, DecodedImage)>,
}

impl Images {
    /// A message is about to be acted on. Its large images are decoded outside the session if it lets them.
    pub fn begin(&mut self, body: &Bytes, cx: &Cx<'_>) {
        if !cx.shared.offload {
            return;
        }
        // The body of the message before is kept until here, so its place in memory cannot be this one's.
        let again = |old: &Bytes| (old.as_ptr(), old.len()) == (body.as_ptr(), body.len());
        if !self.jobs.message.as_ref().is_some_and(again) {
            self.forget_jobs();
            self.jobs.message = Some(body.clone());
        }
    }

    /// The message was acted on completely.
    pub fn end(&mut self) {
        if self.jobs.message.is_some() {
            self.forget_jobs();
        }
    }

    fn forget_jobs(&mut self) {
        let count = self.jobs.count;
        self.jobs = Jobs {
            count,
            ..Jobs::default()
        };
    }

    /// Why an image has to wait, judged without decoding anything.
    pub fn blocked_by(&mut self, image: &Image<'_>, cx: &Cx<'_>) -> Option<Blocked> {
        let lossless = match image.data {
            ImageData::FromCache => false,
            ImageData::FromCacheLossless => true,
            _ => return self.decoded_outside(image, cx).then_some(Blocked::Decoding),
        };
        let there = cx.shared.pixmaps.contains(image.id, lossless);
        (!there).then_some(Blocked::Pixmap {
            id: image.id,
            lossless,
        })
    }

    /// Whether the image is being decoded outside the session. If it is to be and is not yet, that begins.
    fn decoded_outside(&mut self, image: &Image<'_>, cx: &Cx<'_>) -> bool {
        let Some(body) = &self.jobs.message else {
            return false;
        };
        let Some(still) = Still::of(image).and_then(|still| still.large(body)) else {
            return false;
        };
        let place = still.place();
        if self.jobs.ready.iter().any(|(at, _)| *at == place) || check_size(image).is_err() {
            return false;
        }
        if !(self.is_decoding() && self.jobs.place == place) {
            self.jobs.count += 1;
            self.jobs.running = None;
            self.jobs.place = place;
            self.jobs.wanted = Some(ImageJob {
                number: self.jobs.count,
                still,
                quic: std::mem::take(&mut self.quic),
                buffer: self.buffer(),
                room: cx.shared.job_pixels.share(),
                clock: cx.shared.clock,
            });
        }
        true
    }

    /// Whether a message waits for an image that is decoded outside the session.
    pub fn is_decoding(&self) -> bool {
        self.jobs.wanted.is_some() || self.jobs.running.is_some()
    }

    /// The next image to decode outside the session, if there is room for its pixels.
    pub fn poll_job(&mut self) -> Option<ImageJob> {
        let has_room = |job: &mut ImageJob| job.room.grow_to(job.still.pixels()).is_ok();
        let job = self.jobs.wanted.take_if(has_room)?;
        self.jobs.running = Some(job.number);
        Some(job)
    }

    /// An image was decoded. One that nobody waits for any more is dropped.
    pub fn finish(&mut self, mut decoded: DecodedImage) {
        if self.jobs.running == Some(decoded.number) {
            self.jobs.running = None;
            drop(decoded.room.take());
            self.quic = std::mem::take(&mut decoded.quic);
            self.jobs.ready.push((self.jobs.place, decoded));
        }
    }
}

impl Jobs {
    /// What became of the image, if it was decoded outside the session.
    pub(super) fn take(&mut self, image: &Image<'_>) -> Option<DecodedImage> {
        if self.ready.is_empty() {
            return None;
        }
        let place = Still::of(image)?.place();
        let at = self.ready.iter().position(|(at, _)| *at == place)?;
        Some(self.ready.swap_remove(at).1)
    }
}
