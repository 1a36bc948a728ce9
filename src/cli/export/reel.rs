//! What a recording shows, moment by moment, as pictures of one size.

use std::fs::File;
use std::time::Duration;

use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

use super::Job;
use super::pointer::Pointers;
use crate::cli::recording;
use crate::cli::report::{Exit, Failure};
use crate::client::{Framebuffer, Screens};
use crate::geometry::{Point, Rect, Size};
use crate::pixels::{PixelBuf, PixelFormat, PixelView};
use crate::recording::{Player, RecordingError};
use crate::session::{ClientEvent, SessionConfig};

/// Plays a recording and keeps the picture.
pub struct Reel<'a> {
    job: &'a Job,
    player: Player<File>,
    screens: Screens,
    /// Unless they are not wanted.
    pointers: Option<Pointers>,
    /// The picture in its film: scaled, and in the middle.
    canvas: PixelBuf,
    resizer: Resizer,
}

impl<'a> Reel<'a> {
    /// Plays up to the first moment of the job. Every picture will have the size of the largest there is.
    pub fn new(job: &'a Job) -> Result<Self, Failure> {
        let largest = largest(job)?;
        let scaled = |side: u32| ((f64::from(side) * job.scale).round() as u32).max(1);
        let size = Size::new(scaled(largest.width), scaled(largest.height));
        // A screen has 2²⁵ pixels at most.
        if size.area() > 1 << 27 {
            let text = format!(
                "cannot make pictures of {}x{} pixels",
                size.width, size.height
            );
            return Err(Failure::new(Exit::Usage, text));
        }
        let mut player = player(job, SessionConfig::default())?;
        let pointers = job.pointer.then(Pointers::default);
        player.set_tap(pointers.as_ref().map(Pointers::tap));
        let mut reel = Self {
            job,
            player,
            screens: Screens::default(),
            pointers,
            canvas: PixelBuf::new(PixelFormat::Xrgb, size),
            resizer: Resizer::new(),
        };
        reel.advance(job.from)?;
        Ok(reel)
    }

    /// The picture at a moment, which is not before the last one.
    pub fn advance(&mut self, to: Duration) -> Result<(), Failure> {
        let played = self.player.play_until(to);
        played.map_err(|error| self.failure(&error))?;
        while let Some(event) = self.player.poll_event() {
            if let ClientEvent::Display(event) = &event {
                self.screens.apply(event);
            }
            if let Some(pointers) = &mut self.pointers {
                pointers.apply(&event);
            }
        }
        self.compose();
        Ok(())
    }

    /// Says what was missing in the recording so far.
    pub fn warn(&mut self) {
        self.job.progress.clear();
        recording::warn_of_losses(&self.job.recording, &mut self.player);
    }

    /// The picture: bytes B, G, R, X.
    pub fn picture(&self) -> PixelView<'_> {
        self.canvas.view()
    }

    /// Its bytes, row after row.
    pub fn canvas(&self) -> &[u8] {
        self.canvas.data()
    }

    fn compose(&mut self) {
        // Where nothing is shown, the last picture stays.
        let Some(Part {
            display,
            corner,
            view,
        }) = part(&self.screens, self.job.monitor)
        else {
            return;
        };
        let pointers = self.pointers.as_ref();
        let pointer = pointers.and_then(|pointers| pointers.shown(display, &self.screens));
        let pointed = pointer.map(|(shape, at)| {
            let mut picture = view.to_buf();
            let at = (at.x.saturating_sub(corner.x), at.y.saturating_sub(corner.y));
            shape.draw(&mut picture, Point::new(at.0, at.1));
            picture
        });
        let part = pointed.as_ref().map_or(view, PixelBuf::view);
        let scale = self.job.scale;
        let room = self.canvas.size;
        let size = match scale == 1.0 {
            true => part.size,
            false => {
                let scaled = |side: u32| ((f64::from(side) * scale).round() as u32).max(1);
                Size::new(scaled(part.size.width), scaled(part.size.height))
            }
        };
        let (width, height) = (size.width.min(room.width), size.height.min(room.height));
        let resized;
        let shown = match size == part.size {
            true => part,
            false => match resize(&mut self.resizer, part, size) {
                Some(picture) => {
                    resized = picture;
                    resized.view()
                }
                None => return,
            },
        };
        let (left, top) = ((room.width - width) / 2, (room.height - height) / 2);
        let stride = self.canvas.stride();
        let data = self.canvas.data_mut();
        if (width, height) != (room.width, room.height) {
            data.fill(0);
        }
        for y in 0..height {
            let at = (top + y) as usize * stride + left as usize * 4;
            let columns = width as usize * 4;
            data[at..at + columns].copy_from_slice(&shown.row(y)[..columns]);
        }
    }

    fn failure(&self, error: &RecordingError) -> Failure {
        recording::cannot_open(&self.job.recording, error)
    }
}

/// A player of the session that the job is about.
pub fn player(job: &Job, config: SessionConfig) -> Result<Player<File>, Failure> {
    let reader = recording::open(&job.recording)?;
    Ok(Player::with_config(reader, job.session, config))
}

/// Width and height of what is shown, each the largest of the whole time.
fn largest(job: &Job) -> Result<Size, Failure> {
    let config = SessionConfig {
        draws: false,
        ..SessionConfig::default()
    };
    let mut player = player(job, config)?;
    let failed = |error: RecordingError| recording::cannot_open(&job.recording, &error);
    player.play_until(job.from).map_err(failed)?;
    let mut screens = Screens::default();
    let mut largest = Size::default();
    loop {
        while let Some(event) = player.poll_event() {
            if let ClientEvent::Display(event) = event {
                screens.apply(&event);
            }
        }
        if let Some(part) = part(&screens, job.monitor) {
            let size = part.view.size;
            largest = Size::new(
                largest.width.max(size.width),
                largest.height.max(size.height),
            );
        }
        if !player.step(job.to).map_err(failed)? {
            break;
        }
    }
    match largest.is_empty() {
        false => Ok(largest),
        true => Err(nothing(job, &screens)),
    }
}

fn nothing(job: &Job, screens: &Screens) -> Failure {
    let name = job.recording.display();
    match job.monitor {
        Some(number) if !screens.monitors().is_empty() => {
            let text = format!("cannot show monitor {number}: {name} has no such monitor then");
            let numbers = screens.monitors();
            let numbers: Vec<String> = numbers.iter().map(|m| m.number().to_string()).collect();
            let hint = format!("--monitor can be {}", numbers.join(", "));
            Failure::new(Exit::NotFound, text).with_hint(hint)
        }
        _ => Failure::new(
            Exit::File,
            format!(
                "cannot make pictures: there is none in {name} from {:.3} to {:.3} s",
                job.from.as_secs_f64(),
                job.to.as_secs_f64()
            ),
        ),
    }
}

/// A part of a display.
struct Part<'a> {
    display: u8,
    /// Its first pixel on the display.
    corner: Point,
    view: PixelView<'a>,
}

/// What is shown of the screens: a monitor, or without a number the whole screen of the first display.
fn part(screens: &Screens, monitor: Option<u32>) -> Option<Part<'_>> {
    let (display, rect) = match monitor {
        Some(number) => {
            let monitors = screens.monitors();
            let monitor = monitors.iter().find(|monitor| monitor.number() == number)?;
            (monitor.display, Some(monitor.rect))
        }
        None => (screens.displays().next()?.0, None),
    };
    let screen = screens.display(display)?;
    // A picture that nobody ever declared complete is still all there is.
    let view = screen.shown().or_else(|| Framebuffer::view(screen))?;
    let rect = rect.unwrap_or(view.size.to_rect());
    let part = view.crop(rect);
    (!part.size.is_empty()).then_some(Part {
        display,
        corner: Point::new(rect.left, rect.top),
        view: part,
    })
}

fn resize(resizer: &mut Resizer, part: PixelView<'_>, size: Size) -> Option<PixelBuf> {
    let packed = part.to_buf();
    let mut out = PixelBuf::new(PixelFormat::Xrgb, size);
    let from = ImageRef::new(
        part.size.width,
        part.size.height,
        packed.data(),
        PixelType::U8x4,
    )
    .ok()?;
    let to = Image::from_slice_u8(size.width, size.height, out.data_mut(), PixelType::U8x4);
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
        .use_alpha(false);
    resizer.resize(&from, &mut to.ok()?, &options).ok()?;
    Some(out)
}

/// The whole of a picture.
pub fn whole(picture: PixelView<'_>) -> Rect {
    picture.size.to_rect()
}
