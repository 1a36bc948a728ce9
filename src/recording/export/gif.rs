//! GIF: each picture as the rectangle that changed, in colours of its own.
//!
//! Up to 256 colours are exact; more are chosen by a neural network (the `gif` crate's). Durations are in hundredths of
//! a second; browsers show what lasts less than two of them for ten.

use std::io::{self, Write};
use std::ops::Range;

use gif::{DisposalMethod, Encoder, EncodingError, Frame, Repeat};

use super::{Film, Pace, rgb, too_large};
use crate::geometry::{Rect, Size};
use crate::pixels::PixelView;

/// How carefully colours are chosen, 1 to 30, the first being the best; ten takes a tenth of the time.
const HASTE: i32 = 10;

/// A GIF that goes on for ever.
pub struct Gif<W: Write> {
    /// Until the file is complete.
    encoder: Option<Encoder<W>>,
    pace: Pace,
}

impl<W: Write> Gif<W> {
    /// Begins the file.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or pictures are that large.
    pub fn new(file: W, size: Size, pace: Pace) -> io::Result<Self> {
        too_large(size, u16::MAX.into())?;
        let (width, height) = (size.width as u16, size.height as u16);
        let mut encoder = Encoder::new(file, width, height, &[]).map_err(in_words)?;
        encoder.set_repeat(Repeat::Infinite).map_err(in_words)?;
        Ok(Self {
            encoder: Some(encoder),
            pace,
        })
    }
}

impl<W: Write> Film for Gif<W> {
    fn show(&mut self, picture: PixelView<'_>, changed: Rect, ticks: Range<u64>) -> io::Result<()> {
        let mut left = self.pace.lasts(&ticks, 100.0);
        // What lasts longer than can be said comes again, as one pixel.
        let mut rect = changed;
        loop {
            let (width, height) = (rect.width() as u16, rect.height() as u16);
            let mut frame = Frame::from_rgb_speed(width, height, &rgb(picture, rect), HASTE);
            (frame.left, frame.top) = (rect.left as u16, rect.top as u16);
            frame.dispose = DisposalMethod::Keep;
            frame.delay = left.min(u16::MAX.into()) as u16;
            if let Some(encoder) = &mut self.encoder {
                encoder.write_frame(&frame).map_err(in_words)?;
            }
            left -= u64::from(frame.delay);
            if left == 0 {
                return Ok(());
            }
            rect = Rect::new(changed.left, changed.top, changed.left + 1, changed.top + 1);
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        match self.encoder.take() {
            // The trailer is written when the encoder goes.
            Some(encoder) => encoder.into_inner().map_err(in_words)?.flush(),
            None => Ok(()),
        }
    }
}

fn in_words(error: EncodingError) -> io::Error {
    match error {
        EncodingError::Io(error) => error,
        other => io::Error::other(other.to_string()),
    }
}
