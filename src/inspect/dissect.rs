//! Frames taken apart: the message's name, its fields with their bytes, the images and the messages in it.

use std::cell::RefCell;
use std::ops::Range;

use bytes::Bytes;

use super::names;
use crate::channel::ChannelId;
use crate::channel::main::agent::Abilities;
use crate::channel::main::agent::messages::{self as agent, HEADER_LEN, Header, Layout, PROTOCOL};
use crate::geometry::Rect;
use crate::session::Way;
use crate::wire::{Decode, DecodeError, Frame, Part, Reader, Trace, Value, parts};

/// AGENT_DATA from the server, and from the client.
const AGENT_DATA: [u16; 2] = [109, 107];

/// Pointers that lead to images, by their names in the messages.
const IMAGES: [&str; 4] = ["src_bitmap", "pattern", "bitmap", "mask_bitmap"];

/// One message, taken apart.
#[derive(Clone, Debug)]
pub struct Dissection {
    /// Where it passed.
    pub channel: ChannelId,
    /// Which way.
    pub way: Way,
    /// Its number; of a message of the guest agent, its type there.
    pub number: u16,
    /// The protocol's name; `UNKNOWN` where the number has none. Those of the agent begin with `AGENT `.
    pub name: &'static str,
    /// Its serial; messages inside another have that one's.
    pub serial: u64,
    /// Its body, without any header.
    pub body: Bytes,
    /// The fields, as far as it could be decoded.
    pub trace: Trace,
    /// Why it could not be decoded further.
    pub error: Option<DecodeError>,
    /// The images in it.
    pub images: Vec<Image>,
    /// The messages inside: sub-messages, or those of the guest agent.
    pub parts: Vec<Dissection>,
    /// What is wrong with its list of sub-messages.
    pub damage: Option<&'static str>,
}

/// An image that is described in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// What it is there for: the name of the pointer to it.
    pub role: &'static str,
    /// How it is coded, as in `GLZ_RGB`.
    pub coding: String,
    /// Its id.
    pub id: u64,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Bytes of coded pixels in the message; 0 where it lies elsewhere.
    pub coded: u64,
}

impl Image {
    /// Pixels.
    pub fn pixels(&self) -> u64 {
        u64::from(self.width) * u64::from(self.height)
    }

    /// How many times smaller it is than with 4 bytes a pixel; `None` for an image that is not in the message.
    pub fn ratio(&self) -> Option<f64> {
        let raw = self.pixels().saturating_mul(4);
        (self.coded > 0).then(|| raw as f64 / self.coded as f64)
    }
}

/// Takes the frames of one session apart, in their order.
///
/// It remembers only what decides how the guest agent's messages are laid out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Dissector {
    /// What client and agent said they can do.
    abilities: [Option<Abilities>; 2],
    /// Bytes of an agent message that are still to come, from the server and from the client.
    agent_rest: [u64; 2],
}

impl Dissector {
    /// Takes one frame apart.
    pub fn dissect(&mut self, channel: ChannelId, way: Way, frame: &Frame) -> Dissection {
        let whole = Part {
            number: frame.number,
            body: frame.body.clone(),
        };
        let mut dissection = self.part(channel, way, frame.serial, whole);
        if frame.number == Frame::LIST || frame.sub_list != 0 {
            let (mut found, damage) = parts(frame.clone());
            if frame.number != Frame::LIST {
                found.pop();
            }
            dissection.list(frame);
            dissection.damage = damage;
            for part in found {
                let part = self.part(channel, way, frame.serial, part);
                dissection.parts.push(part);
            }
        }
        dissection
    }

    fn part(&mut self, channel: ChannelId, way: Way, serial: u64, part: Part) -> Dissection {
        let Part { number, body } = part;
        let name = names::name(channel.kind, way, number);
        let mut dissection = Dissection {
            channel,
            way,
            number,
            name: name.unwrap_or("UNKNOWN"),
            serial,
            body,
            trace: Trace::default(),
            error: None,
            images: Vec::new(),
            parts: Vec::new(),
            damage: None,
        };
        // What a list consists of is noted by itself.
        if number != Frame::LIST {
            dissection.trace(|r| names::read(channel.kind, way, number, r));
        }
        dissection.images = images(&dissection.trace, &dissection.body);
        if channel == ChannelId::MAIN && AGENT_DATA.contains(&number) {
            self.agent(&mut dissection);
        }
        dissection
    }

    /// Adds the agent's message that begins in this body, if one does and is all in it.
    fn agent(&mut self, data: &mut Dissection) {
        let side = usize::from(data.way == Way::ToServer);
        if AGENT_DATA[side] != data.number {
            return;
        }
        let layout = self.layout();
        let rest = &mut self.agent_rest[side];
        let len = data.body.len() as u64;
        if *rest > 0 {
            *rest = rest.saturating_sub(len);
            return;
        }
        let header = data.body.get(..HEADER_LEN);
        let header = header.and_then(|h| Header::decode(&mut Reader::new("", h)).ok());
        let Some(header) = header.filter(|header| header.protocol == PROTOCOL) else {
            return;
        };
        let whole = HEADER_LEN as u64 + u64::from(header.size);
        *rest = whole.saturating_sub(len);
        let end = data.body.len().min(HEADER_LEN + header.size as usize);
        let mut inner = Dissection {
            number: u16::try_from(header.kind.number()).unwrap_or(u16::MAX),
            name: agent::full_name(header.kind),
            body: data.body.slice(..end),
            trace: Trace::default(),
            images: Vec::new(),
            parts: Vec::new(),
            ..data.clone()
        };
        let is_whole = *rest == 0;
        inner.trace(|mut r| {
            r.value::<Header>("header")?;
            if is_whole {
                agent::Message::read(header.kind, &mut r, layout).map(drop)
            } else {
                r.rest("data");
                Ok(())
            }
        });
        if is_whole
            && let Some(payload) = inner.body.get(HEADER_LEN..)
            && let Ok(agent::Message::AnnounceCapabilities(said)) =
                agent::Message::decode(header.kind, payload, layout)
        {
            self.abilities[side] = Some(said.abilities);
        }
        data.parts.push(inner);
    }

    fn layout(&self) -> Layout {
        match self.abilities {
            [Some(agent), Some(client)] => Layout::of(Abilities(agent.0 & client.0)),
            _ => Layout::default(),
        }
    }
}

impl Dissection {
    /// Reads the body with a trace.
    fn trace(&mut self, read: impl FnOnce(Reader<'_>) -> Result<(), DecodeError>) {
        let trace = RefCell::<Trace>::default();
        let result = read(Reader::new(self.name, &self.body).with_trace(&trace));
        self.error = result.err();
        self.trace = trace.into_inner();
    }

    /// Notes the list of sub-messages at the place the frame names.
    fn list(&mut self, frame: &Frame) {
        let trace = RefCell::new(std::mem::take(&mut self.trace));
        let start = match frame.number {
            Frame::LIST => 0,
            _ => frame.sub_list as usize,
        };
        let reader = Reader::new("LIST", &frame.body).with_trace(&trace);
        // What is wrong with a list is said by those who follow it.
        if let Some(mut r) = reader.starting_at(start)
            && let Ok(count) = r.u16("count")
        {
            let _ = r.list::<SubMessage>("sub_messages", count.into(), 4);
        }
        self.trace = trace.into_inner();
    }

    /// The bytes of the body that no field names, in order.
    pub fn gaps(&self) -> Vec<Range<usize>> {
        let mut named: Vec<Range<usize>> = self
            .trace
            .fields
            .iter()
            .filter(|field| field.value != Value::Group)
            .map(|field| field.bytes.clone())
            .collect();
        named.sort_unstable_by_key(|bytes| bytes.start);
        let mut gaps = Vec::new();
        let mut at = 0;
        for bytes in named {
            if bytes.start > at {
                gaps.push(at..bytes.start);
            }
            at = at.max(bytes.end);
        }
        if at < self.body.len() {
            gaps.push(at..self.body.len());
        }
        gaps
    }

    /// The box on its surface that it draws in, and the number of that surface.
    pub fn touched(&self) -> Option<(u32, Rect)> {
        let fields = &self.trace.fields;
        let at = fields
            .iter()
            .position(|f| matches!(f.name, "bbox" | "dest") && f.value == Value::Group)?;
        let side = |place: usize| match fields.get(at + place)?.value {
            Value::Signed(side) => i32::try_from(side).ok(),
            _ => None,
        };
        // As they are on the wire: top, left, bottom, right.
        let area = Rect::new(side(2)?, side(1)?, side(4)?, side(3)?);
        Some((self.first("surface_id").unwrap_or(0) as u32, area))
    }

    /// The message's name in lower case behind its channel's, as in `display.draw_copy`.
    pub fn full_name(&self) -> String {
        let name = self.name.to_ascii_lowercase().replace(' ', ".");
        format!("{}.{name}", self.channel.kind.name())
    }

    /// This message and those inside, each once.
    pub fn all(&self) -> impl Iterator<Item = &Dissection> {
        let inner = self.parts.iter().flat_map(|part| part.parts.iter());
        std::iter::once(self).chain(&self.parts).chain(inner)
    }

    /// What it lies in takes on the wire: its body, bytes. The header is not counted.
    pub fn size(&self) -> usize {
        self.body.len()
    }
}

/// A sub-message where its list points: u16 number, u32 size, the body.
struct SubMessage;

impl<'a> Decode<'a> for SubMessage {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        r.pointer_with("", |r| {
            r.u16("number")?;
            let size = r.u32("size")? as usize;
            // Announced longer than they are by the reference server (spec 01 §9.3).
            r.bytes("body", size.min(r.left()))
        })?;
        Ok(Self)
    }
}

/// The images a trace tells of: what lies behind the pointers to them.
fn images(trace: &Trace, body: &[u8]) -> Vec<Image> {
    let mut images = Vec::new();
    for (at, pointer) in trace.fields.iter().enumerate() {
        let leads = matches!(pointer.value, Value::Pointer(1..));
        if !leads || !IMAGES.contains(&pointer.name) {
            continue;
        }
        let fields = trace.fields.get(at + 1..).unwrap_or_default();
        let fields = fields.iter().take_while(|f| f.level > pointer.level);
        let mut image = Image {
            role: pointer.name,
            coding: String::new(),
            id: 0,
            width: 0,
            height: 0,
            coded: 0,
        };
        for field in fields.filter(|f| f.level == pointer.level + 1) {
            match (field.name, &field.value) {
                ("id", Value::Unsigned(id)) => image.id = *id,
                ("type", Value::Named(_, name)) => image.coding = names::label(name),
                ("type", value) => image.coding = value.to_string(),
                ("width", Value::Unsigned(width)) => image.width = *width as u32,
                ("height", Value::Unsigned(height)) => image.height = *height as u32,
                ("data" | "jpeg" | "alpha", Value::Bytes) => {
                    let bytes = body.get(field.bytes.clone()).unwrap_or_default();
                    image.coded += bytes.len() as u64;
                }
                _ => {}
            }
        }
        images.push(image);
    }
    images
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::ChannelKind;

    const DISPLAY: ChannelId = ChannelId::new(ChannelKind::Display, 0);

    #[test]
    fn an_unknown_number_is_bytes() {
        let frame = Frame::new(999, vec![1, 2, 3]);
        let message = Dissector::default().dissect(DISPLAY, Way::ToClient, &frame);
        assert_eq!((message.name, message.error.is_none()), ("UNKNOWN", true));
        assert_eq!(message.trace.fields[0].bytes, 0..3);
        assert!(message.gaps().is_empty());
    }

    #[test]
    fn a_message_that_is_cut_short_keeps_the_fields_it_has() {
        let frame = Frame::new(314, vec![0, 0, 0, 0, 0x80, 2, 0, 0, 1]);
        let message = Dissector::default().dissect(DISPLAY, Way::ToClient, &frame);
        let names: Vec<&str> = message.trace.fields.iter().map(|f| f.name).collect();
        assert_eq!(names, ["surface_id", "width"]);
        assert_eq!(
            message.error.as_ref().unwrap().to_string(),
            "SURFACE_CREATE: height at byte 8: needs 4 bytes, 1 left"
        );
        assert_eq!(message.gaps().first(), Some(&(8..9)));
    }

    #[test]
    fn sub_messages_are_messages() {
        let mut body = vec![2, 0, 10, 0, 0, 0, 27, 0, 0, 0];
        body.extend([5, 0, 11, 0, 0, 0, 1, 2, 0, 7, 0, 0, 0, 0, 0, 0, 0]);
        body.extend([105, 0, 11, 0, 0, 0, 1, 0, 1, 9, 0, 0, 0, 0, 0, 0, 0]);
        let frame = Frame::new(Frame::LIST, body);
        let message = Dissector::default().dissect(DISPLAY, Way::ToClient, &frame);
        let names: Vec<&str> = message.all().map(|m| m.name).collect();
        assert_eq!(names, ["LIST", "WAIT_FOR_CHANNELS", "INVAL_LIST"]);
        assert!(message.gaps().is_empty(), "{:?}", message.trace);
    }

    #[test]
    fn what_the_agent_says_is_in_the_data_that_carries_it() {
        // A clipboard of 4 bytes: protocol 1, type 4, opaque 0, size 8; type 1, "text".
        let mut body = vec![1, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0];
        body.extend([1, 0, 0, 0]);
        body.extend(b"text");
        let frame = Frame::new(107, body);
        let message = Dissector::default().dissect(ChannelId::MAIN, Way::ToServer, &frame);
        assert_eq!(message.parts[0].name, "AGENT CLIPBOARD");
        assert_eq!(message.parts[0].full_name(), "main.agent.clipboard");
        let data = message.parts[0].trace.fields.last().unwrap();
        assert_eq!((data.name, data.bytes.clone()), ("data", 24..28));
    }
}
