//! Pictures: one, or one after the other.

use std::io::{self, BufWriter};
use std::time::Duration;

use serde_json::json;

use super::cast::Cast;
use super::output::Output;
use super::reel::{Reel, whole};
use super::{Job, Kind, Made};
use crate::cli::picture::{self, Format};
use crate::cli::report::Failure;
use crate::pixels::PixelBuf;
use crate::recording::export::{Apng, Film, Gif, Webp, Y4m, difference};

/// Bytes that are written at once.
const BUFFER: usize = 256 << 10;

/// The picture of one moment.
pub fn still(job: &Job, at: Option<Duration>, output: Output) -> Result<Made, Failure> {
    let at = at.unwrap_or(job.to);
    let moment = Job {
        recording: job.recording.clone(),
        from: at,
        to: at,
        progress: Default::default(),
        ..*job
    };
    let mut reel = Reel::new(&moment)?;
    reel.warn();
    let picture = reel.picture();
    let (width, height) = (picture.size.width, picture.size.height);
    output.write(&picture::encode(Format::Png, picture)?)?;
    Ok(Made {
        facts: json!({ "width": width, "height": height, "pictures": 1 }),
        amount: format!("a picture of {width}x{height}"),
        end: at,
    })
}

/// A film of a part of the recording.
pub fn export(job: &Job, output: Output) -> Result<Made, Failure> {
    let reel = Reel::new(job)?;
    let size = reel.picture().size;
    let pace = job.pace;
    if let Some(stdout) = output.standard() {
        let mut film = Y4m::new(stdout, size, pace).map_err(|error| Failure::output(&error))?;
        return roll(job, reel, &mut film).map_err(|stopped| match stopped {
            Stopped::Writing(error) => Failure::output(&error),
            Stopped::Reading(failure) => failure,
        });
    }
    let (file, draft) = output.draft()?;
    let file = BufWriter::with_capacity(BUFFER, file);
    let film: io::Result<Box<dyn Film>> = match job.kind {
        Kind::Gif => Gif::new(file, size, pace).map(|film| Box::new(film) as _),
        Kind::Apng => Apng::new(file, size, pace).map(|film| Box::new(film) as _),
        Kind::Cast => Cast::new(file, job).map(|film| Box::new(film) as _),
        Kind::Webp => Webp::new(file, size, pace).map(|film| Box::new(film) as _),
        _ => Y4m::new(file, size, pace).map(|film| Box::new(film) as _),
    };
    let mut film = film.map_err(|error| draft.failure(&error))?;
    let made = roll(job, reel, &mut *film).map_err(|stopped| match stopped {
        Stopped::Writing(error) => draft.failure(&error),
        Stopped::Reading(failure) => failure,
    })?;
    draft.keep()?;
    Ok(made)
}

/// Why a film has no end.
enum Stopped {
    Writing(io::Error),
    Reading(Failure),
}

/// Gives the film each picture when it is known how long it is shown.
fn roll(job: &Job, mut reel: Reel<'_>, film: &mut dyn Film) -> Result<Made, Stopped> {
    let mut shown: PixelBuf = reel.picture().to_buf();
    let mut changed = whole(shown.view());
    let (mut since, mut tick, mut pictures) = (0, 0, 1_u64);
    let mut at = job.from;
    while at < job.to && job.progress.goes_on(job, at) {
        tick += 1;
        // The last picture is that of the very end.
        at = (job.from + Duration::from_secs_f64(job.pace.seconds(tick))).min(job.to);
        reel.advance(at).map_err(Stopped::Reading)?;
        let difference = difference(shown.view(), reel.picture());
        if difference.is_empty() {
            continue;
        }
        film.show(shown.view(), changed, since..tick)
            .map_err(Stopped::Writing)?;
        pictures += 1;
        (since, changed) = (tick, difference);
        shown.data_mut().copy_from_slice(reel.canvas());
    }
    let end = tick.max(since + 1);
    film.show(shown.view(), changed, since..end)
        .and_then(|()| film.finish())
        .map_err(Stopped::Writing)?;
    reel.warn();
    let (width, height) = (shown.size.width, shown.size.height);
    let seconds = job.pace.seconds(end);
    Ok(Made {
        facts: json!({
            "width": width,
            "height": height,
            "pictures": if job.kind == Kind::Y4m { end } else { pictures },
            "begin": job.from.as_secs_f64(),
            "seconds": seconds,
        }),
        amount: format!("{pictures} pictures of {width}x{height}, {seconds:.1} s"),
        end: at,
    })
}
