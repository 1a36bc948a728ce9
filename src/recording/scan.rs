//! What is in a recording, learnt bit by bit while it is played already: a [`Survey`], and how much happened when.
//!
//! A recording that the program itself has written to its end says so there: then nothing else has to be read.

use std::io::Read;
use std::time::{Duration, Instant};

use super::error::RecordingError;
use super::reader::{PointPlace, Reader};
use super::sketch::{Contents, Sketch};
use super::source::Reopen;
use super::survey::Survey;

/// Records read between two looks at the clock.
const AT_ONCE: usize = 256;

/// Reads a recording from its beginning, some of it at a time, without drawing anything.
pub struct Scan<R> {
    reader: Reader<R>,
    sketch: Sketch,
    ended: bool,
}

impl<R: Reopen> Scan<R> {
    /// The same for a file of so many bytes, whose end may say what is in it.
    pub fn of_file(reader: Reader<R>, bytes: u64) -> Self {
        match reader.index(bytes) {
            Ok(sketch) => Self {
                reader,
                sketch,
                ended: true,
            },
            Err(_) => Self::new(reader),
        }
    }
}

impl<R: Read> Scan<R> {
    /// Nothing is known yet.
    pub fn new(reader: Reader<R>) -> Self {
        Self {
            reader,
            sketch: Sketch::default(),
            ended: false,
        }
    }

    /// Reads on for about this long; whether that was to the end.
    ///
    /// # Errors
    ///
    /// When the system cannot read the file.
    pub fn run(&mut self, lasting: Duration) -> Result<bool, RecordingError> {
        let ends = Instant::now() + lasting;
        while !self.ended && Instant::now() < ends {
            for _ in 0..AT_ONCE {
                let Some(record) = self.reader.next_record()? else {
                    self.sketch.survey.damage = self.reader.damage().cloned();
                    self.ended = true;
                    break;
                };
                self.sketch.add(&record);
            }
        }
        Ok(self.ended)
    }

    /// What is known by now. Without sessions, nothing of SPICE was found.
    pub fn survey(&self) -> &Survey {
        &self.sketch.survey
    }

    /// What is known of one session by now.
    pub fn contents(&self, session: usize) -> Contents {
        self.sketch
            .sessions
            .get(session)
            .cloned()
            .unwrap_or_default()
    }

    /// The seek points that are known by now.
    pub(super) fn points(&self) -> &[PointPlace] {
        &self.sketch.points
    }

    /// Why there is nothing to play in a file that was read to its end.
    pub fn failure(&self) -> RecordingError {
        let damage = self.sketch.survey.damage.clone();
        damage.unwrap_or_else(|| self.reader.no_spice())
    }

    /// Byte of the file up to which it was read.
    pub fn offset(&self) -> u64 {
        self.reader.offset()
    }
}
