//! Passing on the frames of one channel, both ways.

use std::fmt;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit, mpsc};

use super::fault::{Action, Faults, corrupted};
use super::gate::Step;
use super::link::Linked;
use super::sessions::Session;
use super::{Event, Hub, LARGE_KIB, Traffic};
use crate::channel::{ChannelId, ChannelKind, names};
use crate::net::Stream;
use crate::session::Way;
use crate::wire::{Frame, FrameError, Framer, HeaderKind};

/// Bytes a buffer has room for when it is new, and bytes asked for with each read at least.
const READ_AT_ONCE: usize = 64 << 10;
const READ_AT_LEAST: usize = 32 << 10;

/// Bytes of one direction of a connection that may be on their way; then the proxy stops reading.
const ON_THE_WAY: usize = 8 << 20;

/// What a piece counts as at least.
const SMALL: usize = 256;

/// Bytes from which a frame is large while it arrives.
const LARGE: usize = 1 << 20;

/// How long the other direction goes on when one has ended.
const GRACE: Duration = Duration::from_secs(2);

/// Number of INIT on the main channel, which names the session.
const MAIN_INIT: u16 = 103;

/// How one direction ended.
enum End {
    /// The sender closed the connection.
    Closed,
    /// It did so in the middle of a message.
    CutShort,
    /// The connection it comes from broke.
    Broken(io::Error),
    /// The receiver takes nothing any more.
    Gone,
    /// A message is longer than any is.
    TooLong(FrameError),
    /// A rule cut it.
    Cut,
}

/// Passes frames on until either side ends, and tells what there is to tell.
pub(super) async fn join(linked: Linked, client: String, hub: &Arc<Hub>) {
    let channel = linked.channel;
    let sessions = &hub.sessions;
    let session = sessions.enter(&linked.mess, channel, &hub.config.taps);
    let mut seat = Seat {
        hub,
        session: &session,
        channel,
        left: false,
    };
    hub.config.gate.begins(session.number);
    session.show(|tap, at| tap.opened(at, channel, &linked.established));
    let number = session.number;
    hub.tell(Event::Linked {
        session: number,
        channel,
        client,
        server: linked.address.clone(),
    })
    .await;
    let (from_client, from_server, why) = both_ways(linked, &seat).await;
    let lasted = seat.leave();
    hub.tell(Event::Closed {
        session: number,
        channel,
        from_server,
        from_client,
        why,
    })
    .await;
    if let Some(lasted) = lasted {
        let session = number;
        hub.tell(Event::Ended { session, lasted }).await;
    }
}

/// A connection's place in its session; left whatever ends it.
struct Seat<'a> {
    hub: &'a Arc<Hub>,
    session: &'a Session,
    channel: ChannelId,
    left: bool,
}

impl Seat<'_> {
    /// Leaves; how long the session lasted, if this was the last connection in it.
    fn leave(&mut self) -> Option<Duration> {
        if std::mem::replace(&mut self.left, true) {
            return None;
        }
        self.session.show(|tap, at| tap.closed(at, self.channel));
        self.hub.sessions.leave(self.session)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// Runs both directions; what came from each side, and how it ended.
async fn both_ways(linked: Linked, seat: &Seat<'_>) -> (Traffic, Traffic, String) {
    let header = linked.established.header;
    let (client_read, client_write) = tokio::io::split(linked.client.stream);
    let (server_read, server_write) = tokio::io::split(linked.server.stream);
    let (mut from_client, mut from_server) = (Traffic::default(), Traffic::default());
    let end = {
        let to_server = Passage::new(Way::ToServer, header, seat, &mut from_client);
        let to_client = Passage::new(Way::ToClient, header, seat, &mut from_server);
        let mut to_server = pin!(to_server.run(client_read, &linked.client.received, server_write));
        let mut to_client = pin!(to_client.run(server_read, &linked.server.received, client_write));
        let (way, end) = tokio::select! {
            end = &mut to_server => (Way::ToServer, end),
            end = &mut to_client => (Way::ToClient, end),
        };
        if let End::Closed | End::CutShort = end {
            let rest = async {
                match way {
                    Way::ToServer => to_client.await,
                    Way::ToClient => to_server.await,
                }
            };
            // What the other side still has to say is said, but not for ever.
            let _ = tokio::time::timeout(GRACE + 2 * seat.hub.config.shape.delay, rest).await;
        }
        Whose(way, end).to_string()
    };
    (from_client, from_server, end)
}

/// One direction of a connection.
struct Passage<'a> {
    way: Way,
    header: HeaderKind,
    seat: &'a Seat<'a>,
    faults: Faults<'a>,
    traffic: &'a mut Traffic,
    queue: mpsc::UnboundedSender<Piece>,
    pieces: Option<mpsc::UnboundedReceiver<Piece>>,
    room: Arc<Semaphore>,
}

/// Bytes on their way.
struct Piece {
    sent: Instant,
    bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

impl<'a> Passage<'a> {
    fn new(way: Way, header: HeaderKind, seat: &'a Seat<'a>, traffic: &'a mut Traffic) -> Self {
        // Bounded by the room there is.
        let (queue, pieces) = mpsc::unbounded_channel();
        Self {
            way,
            header,
            seat,
            faults: Faults::new(&seat.hub.config.rules, seat.channel, way),
            traffic,
            queue,
            pieces: Some(pieces),
            room: Arc::new(Semaphore::new(ON_THE_WAY)),
        }
    }

    /// Runs until the sender has ended and all of it was delivered, or the receiver is gone.
    async fn run(mut self, from: ReadHalf<Stream>, received: &[u8], to: WriteHalf<Stream>) -> End {
        let pieces = self.pieces.take();
        let (hub, way) = (self.seat.hub, self.way);
        let mut delivering = pin!(async move {
            match pieces {
                Some(pieces) => deliver(pieces, to, hub, way).await,
                None => Ok(()),
            }
        });
        let end = {
            // The queue ends with what fills it.
            let mut reading = pin!(async move { self.read(from, received).await });
            tokio::select! {
                end = &mut reading => end,
                _ = &mut delivering => return End::Gone,
            }
        };
        match delivering.await {
            Ok(()) => end,
            Err(_) => End::Gone,
        }
    }

    async fn read(&mut self, mut from: ReadHalf<Stream>, received: &[u8]) -> End {
        let kind = self.seat.channel.kind;
        let limit = match self.way {
            Way::ToClient => kind.server_body_limit(),
            Way::ToServer => kind.client_body_limit(),
        };
        let mut framer = Framer::new(self.header, limit);
        framer.receive(received);
        let hub = self.seat.hub;
        let mut large: Option<SemaphorePermit<'_>> = None;
        loop {
            if let Err(end) = self.pass_on(&mut framer).await {
                return end;
            }
            let announced = framer.announced();
            if announced <= LARGE {
                large = None;
            } else if large.is_none() {
                let kib = (announced >> 10) as u32 + 1;
                large = hub.large.acquire_many(kib.min(LARGE_KIB)).await.ok();
            }
            let buffer = framer.buffer();
            if buffer.capacity() - buffer.len() < READ_AT_LEAST {
                buffer.reserve(READ_AT_ONCE);
            }
            match from.read_buf(buffer).await {
                Ok(0) if framer.buffer().is_empty() => return End::Closed,
                Ok(0) => return End::CutShort,
                Ok(_) => {}
                Err(error) => return End::Broken(error),
            }
        }
    }

    /// Passes on all whole frames that have arrived.
    async fn pass_on(&mut self, framer: &mut Framer) -> Result<(), End> {
        let mut bytes = Vec::new();
        loop {
            let frame = match framer.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(error) => {
                    self.send(bytes).await?;
                    return Err(End::TooLong(error));
                }
            };
            let _step = match self.way {
                Way::ToClient => self.held(&mut bytes).await?,
                Way::ToServer => None,
            };
            self.traffic.messages += 1;
            self.traffic.bytes += (self.header.bytes() + frame.body.len()) as u64;
            let verdict = self.faults.judge(&frame);
            let frame = match verdict {
                None => frame,
                Some((action, rule)) => {
                    self.tell_fault(&frame, rule.to_string()).await;
                    match action {
                        Action::Corrupt => corrupted(frame),
                        Action::Drop => continue,
                        Action::Cut => {
                            self.send(bytes).await?;
                            return Err(End::Cut);
                        }
                        Action::Stall(how_long) => {
                            self.send(std::mem::take(&mut bytes)).await?;
                            tokio::time::sleep(how_long).await;
                            frame
                        }
                    }
                }
            };
            self.notice(&frame).await;
            self.header.write(&frame, &mut bytes);
            if bytes.len() >= READ_AT_ONCE {
                self.send(std::mem::take(&mut bytes)).await?;
            }
        }
        self.send(bytes).await
    }

    /// Waits until the next message may pass; what came before it is sent meanwhile.
    async fn held(&self, bytes: &mut Vec<u8>) -> Result<Option<Step<'a>>, End> {
        let Seat { hub, session, .. } = *self.seat;
        let (gate, number) = (&hub.config.gate, session.number);
        if let Some(passed) = gate.try_pass(number) {
            return Ok(passed);
        }
        self.send(std::mem::take(bytes)).await?;
        Ok(gate.pass(number).await)
    }

    /// Shows the frame to the tap, and looks for what concerns the proxy itself.
    async fn notice(&self, frame: &Frame) {
        let Seat {
            hub,
            session,
            channel,
            ..
        } = *self.seat;
        session.show(|tap, at| tap.frame(at, channel, self.way, frame));
        if channel != ChannelId::MAIN || self.way != Way::ToClient {
            return;
        }
        if let (MAIN_INIT, Some(id)) = (frame.number, frame.body.first_chunk()) {
            session.is_called(u32::from_le_bytes(*id));
        }
        let name = names::name(names::from_server(ChannelKind::Main), frame.number);
        if let Some(message) = name.filter(|name| MOVES.contains(name)) {
            let session = session.number;
            hub.tell(Event::Leaves { session, message }).await;
        }
    }

    async fn tell_fault(&self, frame: &Frame, rule: String) {
        let event = Event::Fault {
            session: self.seat.session.number,
            channel: self.seat.channel,
            way: self.way,
            number: frame.number,
            serial: frame.serial,
            rule,
        };
        self.seat.hub.tell(event).await;
    }

    /// Puts bytes on the way, as soon as there is room.
    async fn send(&self, bytes: Vec<u8>) -> Result<(), End> {
        let sent = Instant::now();
        let mut bytes = BytesMut::from(Bytes::from(bytes));
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(self.seat.hub.config.shape.piece()));
            let counts = piece.len().max(SMALL) as u32;
            let room = Arc::clone(&self.room).acquire_many_owned(counts).await;
            let piece = Piece {
                sent,
                bytes: piece.freeze(),
                _room: room.map_err(|_| End::Gone)?,
            };
            self.queue.send(piece).map_err(|_| End::Gone)?;
        }
        Ok(())
    }
}

/// Messages of the main channel after which the client connects elsewhere.
const MOVES: [&str; 3] = [
    "MIGRATE_BEGIN",
    "MIGRATE_BEGIN_SEAMLESS",
    "MIGRATE_SWITCH_HOST",
];

/// Writes what is on the way when it is due, and closes when nothing more can come.
async fn deliver(
    mut pieces: mpsc::UnboundedReceiver<Piece>,
    mut to: WriteHalf<Stream>,
    hub: &Hub,
    way: Way,
) -> io::Result<()> {
    let shape = hub.config.shape;
    while let Some(piece) = pieces.recv().await {
        let lost = hub.line(way).loses();
        wait_until(piece.sent + shape.lateness(lost)).await;
        let carried = hub.line(way).carry(piece.bytes.len(), hub.began.elapsed());
        wait_until(hub.began + carried).await;
        to.write_all(&piece.bytes).await?;
        if pieces.is_empty() {
            to.flush().await?;
        }
    }
    to.shutdown().await
}

/// Costs nothing when the moment is over.
async fn wait_until(moment: Instant) {
    if moment > Instant::now() {
        tokio::time::sleep_until(moment.into()).await;
    }
}

/// How a direction ended, in words.
struct Whose(Way, End);

impl fmt::Display for Whose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (from, to) = match self.0 {
            Way::ToServer => ("client", "server"),
            Way::ToClient => ("server", "client"),
        };
        match &self.1 {
            End::Closed => write!(f, "the {from} closed it"),
            End::CutShort => write!(f, "the {from} closed it in the middle of a message"),
            End::Broken(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                write!(f, "the {from} hung up")
            }
            End::Broken(error) => write!(f, "the connection to the {from} broke: {error}"),
            End::Gone => write!(f, "the {to} is gone"),
            End::TooLong(error) => write!(f, "the {from} breaks the protocol: {error}"),
            End::Cut => f.write_str("a rule cut it"),
        }
    }
}
