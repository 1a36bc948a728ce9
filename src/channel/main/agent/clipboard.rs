//! Clipboards: who offers what, who asks for it, and why it cannot be had (spec 04 §5).
//!
//! The side whose user copied something offers it; the other side asks for the content when somebody pastes. An offer of one
//! side ends that of the other. Offers that cross on their way are told apart by their serials, and the client's wins.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;

use super::line::Line;
use super::messages::{
    Clipboard, ClipboardGrab, ClipboardRelease, ClipboardRequest, Message, MessageKind,
};
use super::outgoing::Tag;
use super::{Abilities, Event, Unusable};
use crate::wire::{DecodeError, wire_enum};

wire_enum! {
    /// One of the clipboards of an X server; other systems have the first only.
    pub enum Selection: u8 {
        /// What is copied by command.
        Clipboard = 0,
        /// What is marked.
        Primary = 1,
        /// Hardly used.
        Secondary = 2,
    }
}

wire_enum! {
    /// What a clipboard's content can be had as.
    pub enum ContentKind: u32 {
        /// Nothing: the answer to a request that fails.
        None = 0,
        /// UTF-8 text.
        Text = 1,
        /// A PNG file.
        Png = 2,
        /// A BMP file.
        Bmp = 3,
        /// A TIFF file.
        Tiff = 4,
        /// A JPEG file.
        Jpeg = 5,
        /// Paths of files in a shared folder.
        Files = 6,
    }
}

impl Selection {
    /// The word for people and programs: `clipboard`, `primary`, `secondary`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clipboard => "clipboard",
            Self::Primary => "primary",
            Self::Secondary => "secondary",
            Self::Other(_) => "unknown",
        }
    }
}

impl ContentKind {
    /// The word for people: `text`, `PNG` …
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "nothing",
            Self::Text => "text",
            Self::Png => "PNG",
            Self::Bmp => "BMP",
            Self::Tiff => "TIFF",
            Self::Jpeg => "JPEG",
            Self::Files => "files",
            Self::Other(_) => "something unknown",
        }
    }

    /// Whether it is a picture.
    pub fn is_image(self) -> bool {
        matches!(self, Self::Png | Self::Bmp | Self::Tiff | Self::Jpeg)
    }
}

/// Why the guest's clipboard could not be fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FetchError {
    /// No agent that shares clipboards.
    Unusable(Unusable),
    /// The guest offers nothing, or not as this kind.
    NotOffered,
    /// The guest says that it has nothing.
    Empty,
    /// The guest stopped offering it, or offers something else, before it came.
    Withdrawn,
    /// The agent went before it came.
    AgentGone,
    /// It is larger than the limit.
    TooLarge {
        /// Its size, bytes.
        bytes: u32,
        /// The limit, bytes.
        limit: u32,
    },
    /// It is no UTF-8.
    NotText,
    /// Nothing came for ten seconds.
    Timeout,
    /// Another [`Order::Fetch`](super::Order::Fetch) took its place.
    Replaced,
}

impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unusable(why) => why.fmt(f),
            Self::NotOffered => f.write_str("nothing of that kind was copied in the guest"),
            Self::Empty => f.write_str("the guest says that it is empty"),
            Self::Withdrawn => f.write_str("something else was copied in the guest meanwhile"),
            Self::AgentGone => f.write_str("the guest agent went meanwhile"),
            Self::TooLarge { bytes, limit } => {
                write!(f, "it is too large: {bytes} bytes, the limit is {limit}")
            }
            Self::NotText => f.write_str("what came is no text"),
            Self::Timeout => f.write_str("the guest did not hand it over in time"),
            Self::Replaced => f.write_str("something else was asked for meanwhile"),
        }
    }
}

impl std::error::Error for FetchError {}

/// How long a release may turn out to be the first half of another grab, with agents that send both (spec 04 §5).
const RELEASE_DELAY: Duration = Duration::from_millis(500);

/// How long nothing may come of what was asked for.
const FETCH_PATIENCE: Duration = Duration::from_secs(10);

/// Most kinds of one offer that are noted.
const MAX_KINDS: usize = 32;

/// Most requests of one kind that are answered together.
const MAX_REQUESTS: u32 = 16;

/// The clipboards of both sides.
#[derive(Clone, Debug)]
pub(super) struct Clipboards {
    /// Most bytes of content, in both directions.
    limit: u32,
    /// By number.
    selections: [Shared; 3],
    fetch: Option<Fetch>,
}

/// One selection.
#[derive(Clone, Debug, Default)]
struct Shared {
    /// The number of the next grab, whoever sends it.
    serial: u32,
    /// What the client offers.
    local: Option<Vec<ContentKind>>,
    remote: Remote,
    /// When the guest's release counts.
    released_at: Option<Duration>,
    /// What the guest waits for, and how many times.
    requests: Vec<(ContentKind, u32)>,
}

/// What the guest offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Remote {
    /// It has not said: an agent tells what is copied while a client is there, and not what was copied before. Asked for
    /// that, it hands it over. (Seen from spice-vdagent 0.22: tests/interop/agent.rs.)
    #[default]
    Untold,
    /// Nothing, or the client does.
    Nothing,
    /// This.
    Kinds(Vec<ContentKind>),
}

/// What the client waits for.
#[derive(Clone, Copy, Debug)]
struct Fetch {
    selection: Selection,
    kind: ContentKind,
    until: Duration,
}

impl Clipboards {
    /// Nothing offered; contents of at most so many bytes.
    pub fn new(limit: u32) -> Self {
        Self {
            limit,
            selections: Default::default(),
            fetch: None,
        }
    }

    /// Most bytes of content.
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Most bytes of content that may come: none when none was asked for.
    pub fn wanted(&self) -> u32 {
        self.fetch.map_or(0, |_| self.limit)
    }

    /// The agent went: with it goes what it offers and what was asked for.
    pub fn reset(&mut self, line: &mut Line) {
        self.fail(FetchError::AgentGone, line);
        for (number, shared) in self.selections.iter_mut().enumerate() {
            let selection = Selection::from_number(number as u8);
            let local = shared.local.take();
            if let Remote::Kinds(_) = shared.remote {
                line.tell(Event::Released { selection });
            }
            line.forget_requests(selection);
            *shared = Shared {
                local,
                ..Shared::default()
            };
        }
    }

    /// The agent can be used: it is told what the client offers.
    pub fn introduce(&mut self, line: &mut Line) {
        for number in 0..self.selections.len() {
            self.grab(Selection::from_number(number as u8), line);
        }
    }

    /// The client offers something.
    pub fn offer(&mut self, selection: Selection, kinds: &[ContentKind], line: &mut Line) {
        self.withdraw(selection, line);
        if let Some(shared) = self.shared(selection) {
            (shared.remote, shared.released_at) = (Remote::Nothing, None);
            shared.local = Some(distinct(kinds));
        }
        self.grab(selection, line);
    }

    /// The client offers nothing any more.
    pub fn release(&mut self, selection: Selection, line: &mut Line) {
        let Some(shared) = self.shared(selection) else {
            return;
        };
        shared.requests.clear();
        line.forget_requests(selection);
        if shared.local.take().is_some() && is_shared(selection, line) {
            line.send(&Message::ClipboardRelease(ClipboardRelease { selection }));
        }
    }

    /// The client wants what the guest offers, or what it may have offered before the client came.
    pub fn fetch(
        &mut self,
        selection: Selection,
        kind: ContentKind,
        now: Duration,
        line: &mut Line,
    ) {
        self.fail(FetchError::Replaced, line);
        let fetch = Fetch {
            selection,
            kind,
            until: now + FETCH_PATIENCE,
        };
        self.fetch = Some(fetch);
        if let Err(why) = line.state.clipboard() {
            return self.fail(FetchError::Unusable(why), line);
        }
        let shared = self.selections.get(usize::from(selection.number()));
        if !shared.is_some_and(|shared| shared.may_offer(kind)) {
            return self.fail(FetchError::NotOffered, line);
        }
        line.send(&Message::ClipboardRequest(ClipboardRequest {
            selection,
            kind,
        }));
    }

    /// The client hands over what the guest asked for, or that it cannot be had.
    pub fn answer(
        &mut self,
        selection: Selection,
        kind: ContentKind,
        content: Option<Bytes>,
        line: &mut Line,
    ) {
        let Some(shared) = self.shared(selection) else {
            return;
        };
        let Some(at) = shared.requests.iter().position(|(of, _)| *of == kind) else {
            return;
        };
        let (_, times) = shared.requests.swap_remove(at);
        let crlf = line.can(Abilities::GUEST_LINEEND_CRLF);
        let content = content.and_then(|data| match kind {
            ContentKind::Text => to_guest(data, crlf),
            _ => Some(data),
        });
        // What is too large is as good as not there (spec 04 §5).
        let content = content.filter(|data| !data.is_empty() && data.len() <= self.limit as usize);
        let said = if content.is_some() {
            kind
        } else {
            ContentKind::None
        };
        let content = content.unwrap_or_default();
        let message = Message::Clipboard(Clipboard {
            selection,
            kind: said,
            data: &[],
        });
        for _ in 0..times {
            let tag = Tag::Answer(selection, kind, content.len());
            line.send_with(&message, content.clone(), tag);
        }
    }

    /// Something was copied in the guest.
    pub fn on_grab(&mut self, grab: &ClipboardGrab, line: &mut Line) {
        let (selection, serial) = (grab.selection, grab.serial);
        // One with another number crossed with the client's own grab, which wins.
        let counts = |shared: &mut Shared| serial.is_none_or(|serial| serial == shared.serial);
        if !self.shared(selection).is_some_and(counts) {
            return;
        }
        self.withdraw(selection, line);
        let kinds = distinct(&grab.kinds);
        if let Some(shared) = self.shared(selection) {
            shared.serial = shared.serial.wrapping_add(serial.is_some().into());
            (shared.local, shared.released_at) = (None, None);
            shared.remote = Remote::Kinds(kinds.clone());
        }
        line.tell(Event::Offered {
            selection,
            kinds,
            serial,
        });
    }

    /// Somebody in the guest wants what the client offers.
    pub fn on_request(&mut self, request: ClipboardRequest, line: &mut Line) {
        let ClipboardRequest { selection, kind } = request;
        let Some(shared) = self.shared(selection) else {
            return;
        };
        if !shared
            .local
            .as_ref()
            .is_some_and(|kinds| kinds.contains(&kind))
        {
            let kind = ContentKind::None;
            let data = &[];
            line.send(&Message::Clipboard(Clipboard {
                selection,
                kind,
                data,
            }));
            return;
        }
        match shared.requests.iter_mut().find(|(of, _)| *of == kind) {
            Some((_, times)) => *times = (*times + 1).min(MAX_REQUESTS),
            None => {
                shared.requests.push((kind, 1));
                line.tell(Event::Requested { selection, kind });
            }
        }
    }

    /// What the client asked for has come. Anything else is dropped.
    pub fn on_content(&mut self, payload: Vec<u8>, line: &mut Line) -> Result<(), DecodeError> {
        let layout = line.layout();
        let message = Message::decode(MessageKind::Clipboard, &payload, layout)?;
        let Message::Clipboard(Clipboard {
            selection,
            kind,
            data,
        }) = message
        else {
            return Ok(());
        };
        let asked = self.fetch.filter(|fetch| fetch.selection == selection);
        let Some(fetch) = asked.filter(|f| f.kind == kind || kind == ContentKind::None) else {
            return Ok(());
        };
        let head = payload.len() - data.len();
        if kind == ContentKind::None || data.is_empty() {
            self.fail(FetchError::Empty, line);
            return Ok(());
        }
        let crlf = line.can(Abilities::GUEST_LINEEND_CRLF);
        let content = Bytes::from(payload).slice(head..);
        let content = match fetch.kind {
            ContentKind::Text => from_guest(content, crlf),
            _ => Ok(content),
        };
        self.fetch = None;
        line.tell(Event::Content {
            selection,
            kind,
            content,
        });
        Ok(())
    }

    /// What comes is too large to be kept.
    pub fn on_too_large(&mut self, bytes: u32, line: &mut Line) {
        let limit = self.limit;
        self.fail(FetchError::TooLarge { bytes, limit }, line);
    }

    /// What was asked for is on its way.
    pub fn on_progress(&mut self, now: Duration) {
        if let Some(fetch) = &mut self.fetch {
            fetch.until = now + FETCH_PATIENCE;
        }
    }

    /// The guest offers nothing any more.
    pub fn on_release(&mut self, selection: Selection, now: Duration, line: &mut Line) {
        let Some(shared) = self.shared(selection) else {
            return;
        };
        if !matches!(shared.remote, Remote::Kinds(_)) {
            return;
        }
        let delay = match line.can(Abilities::CLIPBOARD_NO_RELEASE_ON_REGRAB) {
            true => Duration::ZERO,
            false => RELEASE_DELAY,
        };
        shared.released_at = Some(now + delay);
        self.withdraw(selection, line);
        self.tick(now, line);
    }

    /// Time has passed.
    pub fn tick(&mut self, now: Duration, line: &mut Line) {
        if self.fetch.is_some_and(|fetch| fetch.until <= now) {
            self.fail(FetchError::Timeout, line);
        }
        for (number, shared) in self.selections.iter_mut().enumerate() {
            if shared.released_at.is_some_and(|at| at <= now) {
                (shared.released_at, shared.remote) = (None, Remote::Nothing);
                let selection = Selection::from_number(number as u8);
                line.tell(Event::Released { selection });
            }
        }
    }

    /// When [`tick`](Self::tick) has something to do.
    pub fn poll_timeout(&self) -> Option<Duration> {
        let releases = self.selections.iter().filter_map(|s| s.released_at);
        releases.chain(self.fetch.map(|fetch| fetch.until)).min()
    }

    /// What is known of a selection, if it is one of the three.
    fn shared(&mut self, selection: Selection) -> Option<&mut Shared> {
        self.selections.get_mut(usize::from(selection.number()))
    }

    /// Tells the agent what the client offers, if it does.
    fn grab(&mut self, selection: Selection, line: &mut Line) {
        let layout = line.layout();
        let Some(shared) = self.shared(selection) else {
            return;
        };
        let Some(kinds) = shared.local.clone().filter(|_| is_shared(selection, line)) else {
            return;
        };
        let serial = layout.serial.then_some(shared.serial);
        let grab = ClipboardGrab {
            selection,
            serial,
            kinds,
        };
        if line.send(&Message::ClipboardGrab(grab)) && layout.serial {
            shared.serial = shared.serial.wrapping_add(1);
        }
    }

    /// What was asked for in a selection, by whichever side, will not be answered any more.
    fn withdraw(&mut self, selection: Selection, line: &mut Line) {
        if let Some(shared) = self.shared(selection) {
            shared.requests.clear();
        }
        line.forget_requests(selection);
        if self.fetch.is_some_and(|fetch| fetch.selection == selection) {
            self.fail(FetchError::Withdrawn, line);
        }
    }

    fn fail(&mut self, why: FetchError, line: &mut Line) {
        if let Some(Fetch {
            selection, kind, ..
        }) = self.fetch.take()
        {
            line.tell(Event::Content {
                selection,
                kind,
                content: Err(why),
            });
        }
    }
}

impl Shared {
    /// Whether it is worth while to ask the guest for this.
    fn may_offer(&self, kind: ContentKind) -> bool {
        match &self.remote {
            Remote::Untold => self.local.is_none(),
            Remote::Nothing => false,
            Remote::Kinds(kinds) => self.released_at.is_none() && kinds.contains(&kind),
        }
    }
}

/// Whether a selection can be named to the agent.
fn is_shared(selection: Selection, line: &Line) -> bool {
    line.state.clipboard().is_ok() && (selection == Selection::Clipboard || line.layout().selection)
}

/// Each kind once, nothing left out of the way.
fn distinct(kinds: &[ContentKind]) -> Vec<ContentKind> {
    let mut known = Vec::new();
    for kind in kinds {
        if known.len() < MAX_KINDS && *kind != ContentKind::None && !known.contains(kind) {
            known.push(*kind);
        }
    }
    known
}

/// Text of ours as the guest wants it; `None` if it is no UTF-8.
fn to_guest(text: Bytes, crlf: bool) -> Option<Bytes> {
    std::str::from_utf8(&text).ok()?;
    if !crlf || !text.contains(&b'\n') {
        return Some(text);
    }
    let mut lines = Vec::with_capacity(text.len() + text.len() / 16);
    let mut last = 0;
    for byte in text {
        if byte == b'\n' && last != b'\r' {
            lines.push(b'\r');
        }
        lines.push(byte);
        last = byte;
    }
    Some(Bytes::from(lines))
}

/// Text of the guest as it is here.
fn from_guest(text: Bytes, crlf: bool) -> Result<Bytes, FetchError> {
    let text = match text.split_last() {
        Some((0, rest)) => text.slice(..rest.len()),
        _ => text,
    };
    std::str::from_utf8(&text).map_err(|_| FetchError::NotText)?;
    if !crlf || !text.contains(&b'\r') {
        return Ok(text);
    }
    let mut lines = Vec::with_capacity(text.len());
    for (at, byte) in text.iter().enumerate() {
        if *byte != b'\r' || text.get(at + 1) != Some(&b'\n') {
            lines.push(*byte);
        }
    }
    Ok(Bytes::from(lines))
}
