//! Layouts of the messages of every channel (spec 02 §1 to §4).

use super::{Severity, Visibility};
use crate::channel::{ChannelId, ChannelKind, messages};
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer, wire_flags, wire_struct};

messages! {
    /// Server → client, on any channel.
    pub enum ServerMessage<'a> {
        /// The channel moves to another host.
        1 MIGRATE Migrate(Migrate),
        /// State to carry to the other host, opaque.
        2 MIGRATE_DATA MigrateData(Opaque<'a>),
        /// Sets the acknowledgement window.
        3 SET_ACK SetAck(SetAck),
        /// To be answered at once with PONG.
        4 PING Ping(Ping<'a>),
        /// Suspends the channel until others have caught up.
        5 WAIT_FOR_CHANNELS WaitForChannels(WaitForChannels),
        /// The server is about to close the channel.
        6 DISCONNECTING Disconnecting(Disconnecting),
        /// A text for the user.
        7 NOTIFY Notify(Notify<'a>),
        /// A container of sub-messages, which framing takes apart.
        8 LIST List(Opaque<'a>),
    }
}

messages! {
    /// Client → server, on any channel.
    pub enum ClientMessage<'a> {
        /// Answers SET_ACK.
        1 ACK_SYNC AckSync(AckSync),
        /// One window of messages has arrived.
        2 ACK Ack,
        /// Answers PING.
        3 PONG Pong(Pong),
        /// Nothing more follows to the old host.
        4 MIGRATE_FLUSH_MARK MigrateFlushMark,
        /// State carried to the new host, opaque.
        5 MIGRATE_DATA MigrateData(Opaque<'a>),
        /// The client is about to close the channel.
        6 DISCONNECTING Disconnecting(Disconnecting),
    }
}

wire_flags! {
    /// What a MIGRATE asks for.
    pub struct MigrateFlags: u32 {
        /// Send MIGRATE_FLUSH_MARK last.
        NEED_FLUSH = 1,
        /// MIGRATE_DATA follows.
        NEED_DATA_TRANSFER = 2,
    }
}

wire_struct! {
    /// The channel moves to another host. Number 1, server → client.
    pub struct Migrate { flags: MigrateFlags }
}

wire_struct! {
    /// Sets the acknowledgement window. Number 3, server → client.
    pub struct SetAck {
        /// To be repeated in ACK_SYNC.
        generation: u32,
        /// Messages per acknowledgement; 0 for none.
        window: u32,
    }
}

wire_struct! {
    /// Answers SET_ACK. Number 1, client → server.
    pub struct AckSync { generation: u32 }
}

wire_struct! {
    /// Answers PING. Number 3, client → server. The ping's padding is not returned.
    pub struct Pong { id: u32, timestamp: u64 }
}

wire_struct! {
    /// Says why a channel will be closed. Number 6, both ways.
    pub struct Disconnecting {
        /// Nanoseconds of the sender's clock.
        time_stamp: u64,
        /// A link error number.
        reason: u32,
    }
}

/// Measures latency or, with padding, bandwidth. Number 4, server → client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ping<'a> {
    /// To be returned.
    pub id: u32,
    /// To be returned; of the server's own clock and unit.
    pub timestamp: u64,
    /// Only weight.
    pub padding: &'a [u8],
}

/// A text for the user. Number 7, server → client. One NUL follows the text and is not counted in its length.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notify<'a> {
    /// Nanoseconds of the server's clock.
    pub time_stamp: u64,
    /// How bad it is.
    pub severity: Severity,
    /// How prominently to show it.
    pub visibility: Visibility,
    /// A code, 0 in practice.
    pub what: u32,
    /// The text, which should be UTF-8.
    pub message: &'a [u8],
}

/// Suspends the channel until each named channel has handled the message of that serial. Number 5, server → client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WaitForChannels {
    /// What to wait for.
    pub waits: Vec<Wait>,
}

/// One entry of [`WaitForChannels`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// The channel; one that does not exist is not waited for.
    pub channel: ChannelId,
    /// Serial of its message.
    pub serial: u64,
}

/// A body that is carried as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opaque<'a>(pub &'a [u8]);

impl<'a> Decode<'a> for Opaque<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self(r.rest("data")))
    }
}

impl Encode for Opaque<'_> {
    fn encode(&self, w: &mut Writer) {
        w.bytes(self.0);
    }
}

impl<'a> Decode<'a> for Ping<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: r.u32("id")?,
            timestamp: r.u64("timestamp")?,
            padding: r.rest("padding"),
        })
    }
}

impl Encode for Ping<'_> {
    fn encode(&self, w: &mut Writer) {
        w.u32(self.id);
        w.u64(self.timestamp);
        w.bytes(self.padding);
    }
}

impl<'a> Decode<'a> for Notify<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let time_stamp = r.u64("time_stamp")?;
        let (severity, visibility) = (r.value("severity")?, r.value("visibility")?);
        let what = r.u32("what")?;
        let len = r.u32("message_len")? as usize;
        Ok(Self {
            time_stamp,
            severity,
            visibility,
            what,
            message: r.bytes("message", len)?,
        })
    }
}

impl Encode for Notify<'_> {
    fn encode(&self, w: &mut Writer) {
        w.u64(self.time_stamp);
        w.value(&self.severity);
        w.value(&self.visibility);
        w.u32(self.what);
        w.u32(self.message.len() as u32);
        w.bytes(self.message);
        w.u8(0);
    }
}

impl<'a> Decode<'a> for Wait {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let kind: ChannelKind = r.value("type")?;
        Ok(Self {
            channel: ChannelId::new(kind, r.u8("id")?),
            serial: r.u64("serial")?,
        })
    }
}

impl Encode for Wait {
    fn encode(&self, w: &mut Writer) {
        w.value(&self.channel.kind);
        w.u8(self.channel.id);
        w.u64(self.serial);
    }
}

impl<'a> Decode<'a> for WaitForChannels {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = usize::from(r.u8("count")?);
        Ok(Self {
            waits: r.list("waits", count, 10)?,
        })
    }
}

/// At most 255 entries can be sent; the rest is left out.
impl Encode for WaitForChannels {
    fn encode(&self, w: &mut Writer) {
        let count = self.waits.len().min(255);
        w.u8(count as u8);
        w.list(&self.waits[..count]);
    }
}
