//! Layouts of the link packets (spec 01 §3, §4).

use super::{Capabilities, PUBLIC_KEY_BYTES};
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer, wire_enum};

wire_enum! {
    /// How a link ended, in a reply and as the link result (spec 00 §7).
    pub enum LinkCode: u32 {
        /// The channel is up.
        Ok = 0,
        /// Not said.
        Error = 1,
        /// The peer does not speak SPICE.
        InvalidMagic = 2,
        /// A packet is malformed.
        InvalidData = 3,
        /// The major versions differ.
        VersionMismatch = 4,
        /// Only with TLS.
        NeedSecured = 5,
        /// Only without TLS.
        NeedUnsecured = 6,
        /// Wrong, expired or unset password.
        PermissionDenied = 7,
        /// No session has this id.
        BadConnectionId = 8,
        /// There is no such channel.
        ChannelNotAvailable = 9,
    }
}

impl LinkCode {
    /// What it means, as a clause for people.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Ok => "accepted",
            Self::Error => "the server does not say why",
            Self::InvalidMagic => "the server does not recognise SPICE in what was sent",
            Self::InvalidData => "the server finds the link message malformed",
            Self::VersionMismatch => "the server speaks another version of the protocol",
            Self::NeedSecured => "the server requires a secure connection (TLS)",
            Self::NeedUnsecured => "the server requires an unencrypted connection for this channel",
            Self::PermissionDenied => "the password is wrong, expired or not set",
            Self::BadConnectionId => "the session no longer exists",
            Self::ChannelNotAvailable => "the channel is not available",
            Self::Other(_) => "the server gives a reason this version has no name for",
        }
    }
}

/// First bytes of every link packet, both ways: "REDQ".
pub const MAGIC: [u8; 4] = *b"REDQ";
/// The protocol's major version.
pub const MAJOR: u32 = 2;
/// The protocol's minor version, which nobody checks.
pub const MINOR: u32 = 2;
/// Bytes of a [`LinkHeader`].
pub const HEADER_BYTES: usize = 16;
/// Smallest body of a link message: no capability words.
pub(crate) const REQUEST_LEAST: u32 = 18;
/// Smallest body of a link reply: no capability words.
pub(crate) const REPLY_LEAST: u32 = 178;
/// Largest body of a link packet accepted from either side.
pub(crate) const BODY_MOST: u32 = 4096;
/// Most words of each kind of capability.
const WORDS_MOST: u32 = 1024;

/// What is in front of each link packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkHeader {
    /// "REDQ".
    pub magic: [u8; 4],
    /// Major version; 2.
    pub major: u32,
    /// Minor version; 2.
    pub minor: u32,
    /// Bytes that follow this header.
    pub size: u32,
}

/// Asks for a channel: the client's first packet.
///
/// | offset | type | field |
/// |---|---|---|
/// | 0 | u32 | connection id |
/// | 4, 5 | u8 | channel type, channel id |
/// | 6, 10, 14 | u32 | common words, channel words, offset of the first word (18) |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkMess {
    /// 0 for a new session; the session's id from INIT for its other channels.
    pub connection_id: u32,
    /// Number of the channel's kind.
    pub channel_type: u8,
    /// Which of its kind.
    pub channel_id: u8,
    /// What the client announces.
    pub capabilities: Capabilities,
}

/// Answers [`LinkMess`].
///
/// | offset | type | field |
/// |---|---|---|
/// | 0 | u32 | error |
/// | 4 | u8\[162\] | public key; zero on error |
/// | 166, 170, 174 | u32 | common words, channel words, offset of the first word (178; 0 on error) |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkReply {
    /// `Ok`, or why the server closes now.
    pub error: LinkCode,
    /// DER SubjectPublicKeyInfo of an RSA-1024 key.
    pub pub_key: [u8; PUBLIC_KEY_BYTES],
    /// What the server announces.
    pub capabilities: Capabilities,
}

impl LinkHeader {
    /// A header of this version for a body of `size` bytes.
    pub const fn of(size: u32) -> Self {
        Self {
            magic: MAGIC,
            major: MAJOR,
            minor: MINOR,
            size,
        }
    }
}

impl LinkMess {
    /// Header and body.
    pub fn to_packet(&self) -> Vec<u8> {
        packet(self)
    }
}

impl LinkReply {
    /// The reply that refuses: no key, no capabilities.
    pub fn refusal(error: LinkCode) -> Self {
        Self {
            error,
            pub_key: [0; PUBLIC_KEY_BYTES],
            capabilities: Capabilities::default(),
        }
    }

    /// Header and body.
    pub fn to_packet(&self) -> Vec<u8> {
        packet(self)
    }
}

fn packet(body: &impl Encode) -> Vec<u8> {
    let mut inner = Writer::new();
    inner.value(body);
    let inner = inner.into_body();
    let mut w = Writer::new();
    w.value(&LinkHeader::of(inner.len() as u32));
    w.bytes(&inner);
    w.into_body()
}

impl<'a> Decode<'a> for LinkHeader {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            magic: r.array("magic")?,
            major: r.u32("major")?,
            minor: r.u32("minor")?,
            size: r.u32("size")?,
        })
    }
}

impl Encode for LinkHeader {
    fn encode(&self, w: &mut Writer) {
        w.bytes(&self.magic);
        w.u32(self.major);
        w.u32(self.minor);
        w.u32(self.size);
    }
}

impl<'a> Decode<'a> for LinkMess {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            connection_id: r.u32("connection_id")?,
            channel_type: r.u8("channel_type")?,
            channel_id: r.u8("channel_id")?,
            capabilities: read_capabilities(r, REQUEST_LEAST)?,
        })
    }
}

impl Encode for LinkMess {
    fn encode(&self, w: &mut Writer) {
        w.u32(self.connection_id);
        w.u8(self.channel_type);
        w.u8(self.channel_id);
        write_capabilities(&self.capabilities, REQUEST_LEAST, w);
    }
}

impl<'a> Decode<'a> for LinkReply {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            error: r.value("error")?,
            pub_key: r.array("pub_key")?,
            capabilities: read_capabilities(r, REPLY_LEAST)?,
        })
    }
}

impl Encode for LinkReply {
    fn encode(&self, w: &mut Writer) {
        w.value(&self.error);
        w.bytes(&self.pub_key);
        let offset = if self.error == LinkCode::Ok {
            REPLY_LEAST
        } else {
            0
        };
        write_capabilities(&self.capabilities, offset, w);
    }
}

/// Two counts and an offset, which must not lead into the fixed part; not looked at when there are no words.
fn read_capabilities(r: &mut Reader<'_>, fixed: u32) -> Result<Capabilities, DecodeError> {
    let common = count(r, "num_common_caps")?;
    let channel = count(r, "num_channel_caps")?;
    if common + channel == 0 {
        r.u32("caps_offset")?;
        return Ok(Capabilities::default());
    }
    let mut peek = r.clone();
    let offset = peek.u32("caps_offset")?;
    r.require("caps_offset", r.position(), offset >= fixed, || {
        format!("{offset} leads into the first {fixed} bytes")
    })?;
    let words = r.pointer_with("caps_offset", |r| {
        Ok(Capabilities {
            common: r.list("common_caps", common, 4)?,
            channel: r.list("channel_caps", channel, 4)?,
        })
    })?;
    Ok(words.unwrap_or_default())
}

fn count(r: &mut Reader<'_>, field: &'static str) -> Result<usize, DecodeError> {
    let at = r.position();
    let count = r.u32(field)?;
    r.require(field, at, count <= WORDS_MOST, || {
        format!("{count} words, the limit is {WORDS_MOST}")
    })?;
    Ok(count as usize)
}

fn write_capabilities(capabilities: &Capabilities, offset: u32, w: &mut Writer) {
    w.u32(capabilities.common.len() as u32);
    w.u32(capabilities.channel.len() as u32);
    w.u32(offset);
    w.list(&capabilities.common);
    w.list(&capabilities.channel);
}
