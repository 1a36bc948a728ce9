//! The messages of a session as it goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;

use super::InspectArgs;
use super::print::{Place, Printer};
use crate::channel::ChannelId;
use crate::cli::dial::Dial;
use crate::cli::report::{Failure, say};
use crate::inspect::Filter;
use crate::link::Established;
use crate::session::{ClientEvent, CloseReason, Command, Tap, Way};
use crate::wire::Frame;

/// Most messages that wait to be printed.
const MOST: usize = 4096;

/// Most bytes of them.
const MOST_BYTES: u64 = 64 << 20;

/// What the tap saw.
enum Seen {
    Opened(ChannelId, Established),
    Frame(Duration, ChannelId, Way, Frame),
    /// Some of the channel was left out, as printing is too slow.
    Lost(ChannelId),
    Closed(ChannelId),
}

/// Hands frames to the printer. What it cannot take in time is left out: the session never waits for it.
#[derive(Clone)]
struct Hand {
    queue: mpsc::Sender<Seen>,
    /// Bytes in the queue.
    waiting: Arc<AtomicU64>,
    left_out: Arc<AtomicU64>,
}

impl Hand {
    fn give(&mut self, seen: Seen) -> bool {
        self.queue.try_send(seen).is_ok()
    }
}

impl Tap for Hand {
    fn frame(&mut self, at: Duration, channel: ChannelId, way: Way, frame: &Frame) {
        let len = frame.body.len() as u64;
        let room = self.waiting.load(Ordering::Relaxed) + len <= MOST_BYTES;
        let kept = room.then(|| Frame {
            // Not a part of the pump's buffer, which would be kept whole.
            body: bytes::Bytes::copy_from_slice(&frame.body),
            ..frame.clone()
        });
        if let Some(frame) = kept
            && self.give(Seen::Frame(at, channel, way, frame))
        {
            self.waiting.fetch_add(len, Ordering::Relaxed);
        } else {
            self.left_out.fetch_add(1, Ordering::Relaxed);
            self.give(Seen::Lost(channel));
        }
    }

    fn opened(&mut self, _: Duration, channel: ChannelId, link: &Established) {
        self.give(Seen::Opened(channel, link.clone()));
    }

    fn closed(&mut self, _: Duration, channel: ChannelId) {
        self.give(Seen::Closed(channel));
    }
}

/// Connects, and prints what passes until the server, the time or the user ends it.
pub async fn run(args: &InspectArgs, filter: Filter) -> Result<(), Failure> {
    let (queue, seen) = mpsc::channel(MOST);
    let hand = Hand {
        queue,
        waiting: Arc::default(),
        left_out: Arc::default(),
    };
    let (waiting, left_out) = (hand.waiting.clone(), hand.left_out.clone());
    let dial = Dial::listening(args.timeout);
    let tap = || Some(Box::new(hand.clone()) as Box<dyn Tap>);
    // It keeps the demonstration going.
    let mut dialled = dial.connect_tapped(&args.target, tap).await?;
    let client = &mut dialled.client;
    // The session's own is the last one, and its end is that of the printing.
    drop(hand);
    let style = args.style();
    // Printing waits for whoever reads it.
    let mut printing =
        tokio::task::spawn_blocking(move || print(seen, Printer::new(style, filter), &waiting));
    let enough = async {
        match args.lasting {
            Some(lasting) => tokio::time::sleep(lasting).await,
            None => std::future::pending().await,
        }
    };
    let sender = client.sender();
    let session = async {
        while let Some(event) = client.next_event().await {
            if let ClientEvent::Closed(reason) = event {
                return reason;
            }
        }
        CloseReason::Requested
    };
    let mut session = Box::pin(session);
    let end = tokio::select! {
        reason = &mut session => Some(reason),
        () = enough => None,
        printed = &mut printing => return printed.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())),
    };
    // Says goodbye; the session's end lets the printer come to its own.
    if end.is_none() {
        let _ = sender.send(Command::Disconnect).await;
        let _ = tokio::time::timeout(Duration::from_secs(1), &mut session).await;
    }
    drop(session);
    drop(dialled);
    let printed = tokio::time::timeout(Duration::from_secs(2), printing).await;
    if let Ok(printed) = printed {
        printed.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    }
    match left_out.load(Ordering::Relaxed) {
        0 => {}
        n => say(format_args!(
            "{n} messages were left out, as they could not be printed in time"
        )),
    }
    match end {
        None | Some(CloseReason::Requested) => Ok(()),
        Some(reason) => Err(reason.into()),
    }
}

fn print(
    mut seen: mpsc::Receiver<Seen>,
    mut printer: Printer,
    waiting: &AtomicU64,
) -> Result<(), Failure> {
    while let Some(next) = seen.blocking_recv() {
        match next {
            Seen::Opened(channel, link) => printer.opened(channel, &link),
            Seen::Frame(at, channel, way, frame) => {
                waiting.fetch_sub(frame.body.len() as u64, Ordering::Relaxed);
                let place = Place {
                    at,
                    session: None,
                    offset: None,
                    mark: None,
                };
                printer.frame(place, channel, way, &frame)?;
            }
            Seen::Lost(channel) => printer.lost(channel),
            Seen::Closed(channel) => printer.closed(channel),
        }
        if printer.is_done() {
            break;
        }
        // Lines are seen as soon as nothing more waits.
        if seen.is_empty() {
            printer.flush()?;
        }
    }
    printer.finish()
}
