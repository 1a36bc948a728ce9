//! Who drew a pixel: the messages of a recording that made it.

use std::path::Path;

use super::InspectArgs;
use super::print::{Place, Printer};
use crate::channel::{ChannelId, ChannelKind};
use crate::cli::recording::{cannot_open, open};
use crate::cli::report::{Exit, Failure, say};
use crate::geometry::Point;
use crate::inspect::{Filter, Mark, Origins};
use crate::recording::{RecordingError, What};
use crate::session::Way;

/// A pixel, as people write it: `X,Y`.
pub fn pixel(text: &str) -> Result<Point, String> {
    let wrong = || "not a pixel such as 320,200".to_owned();
    let (x, y) = text.split_once(',').ok_or_else(wrong)?;
    let number = |text: &str| text.trim().parse::<i32>().map_err(|_| wrong());
    Ok(Point::new(number(x)?, number(y)?))
}

/// Prints the messages that made the pixel, the oldest first. Reading and printing wait for disk and reader, so they have a
/// thread of their own.
pub async fn run(args: &InspectArgs, filter: Filter, at: Point) -> Result<(), Failure> {
    let args = args.clone();
    let looking = tokio::task::spawn_blocking(move || look(&args, filter, at));
    let looked = looking.await;
    looked.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
}

fn look(args: &InspectArgs, filter: Filter, at: Point) -> Result<(), Failure> {
    let path = Path::new(&args.target.target);
    let display = ChannelId::new(ChannelKind::Display, args.display);
    let session = args.session.map_or(0, |n| n as usize - 1);
    let failure = |error: RecordingError| cannot_open(path, &error);
    let is_wanted = |channel, of| channel == display && of == session;
    // Once to find out which, once more to print them.
    let mut origins = Origins::default();
    let mut reader = open(path)?;
    let mut number = 0;
    while let Some(record) = reader.next_record().map_err(failure)? {
        if args.at.is_some_and(|until| record.at > until) {
            break;
        }
        number += 1;
        if let What::Frame(Way::ToClient, frame) = &record.what
            && is_wanted(record.channel, record.session)
        {
            origins.add(number, frame);
        }
    }
    let marks = origins.of(args.surface, at);
    if origins.forgotten() > 0 {
        let gone = origins.forgotten();
        say(format_args!("the first {gone} changes are not looked at"));
    }
    if marks.is_empty() {
        let (x, y, surface) = (at.x, at.y, args.surface);
        let text = format!("nothing has drawn pixel {x},{y} of surface {surface} of {display}");
        return Err(Failure::new(Exit::NotFound, text));
    }
    let mut printer = Printer::new(args.style(), filter);
    // Only a few of its messages are looked at again.
    printer.lost(display);
    let mut reader = open(path)?;
    let mut number = 0;
    let mut left: Vec<Mark> = marks;
    while let Some(record) = reader.next_record().map_err(failure)? {
        number += 1;
        // The newest are first, so the oldest are last.
        let Some(mark) = left.pop_if(|mark| mark.message == number) else {
            if left.is_empty() {
                break;
            }
            continue;
        };
        // A message may have made it more than once, by a copy of a copy.
        while left.pop_if(|mark| mark.message == number).is_some() {}
        if let What::Frame(way, frame) = record.what {
            let place = Place {
                at: record.at,
                session: None,
                offset: Some(record.offset),
                mark: Some(mark),
            };
            printer.frame(place, record.channel, way, &frame)?;
        }
    }
    printer.finish()
}
