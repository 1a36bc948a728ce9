//! Layouts of the messages of port channels (spec 06 §1).

use crate::channel::common::messages::Opaque;
use crate::channel::messages;
use crate::wire::{Decode, DecodeError, Encode, Reader, Writer, wire_enum, wire_struct};

messages! {
    /// Server → client.
    pub enum ServerMessage<'a> {
        /// Bytes of the stream.
        101 DATA Data(Opaque<'a>),
        /// Bytes of the stream, compressed; needs a capability that is not announced here.
        102 COMPRESSED_DATA CompressedData(Opaque<'a>),
        /// The port's name and state; comes first.
        201 PORT_INIT Init(Init<'a>),
        /// Something happened to the port.
        202 PORT_EVENT Event(PortEvent),
    }
}

messages! {
    /// Client → server.
    pub enum ClientMessage<'a> {
        /// Bytes of the stream.
        101 DATA Data(Opaque<'a>),
        /// Bytes of the stream, compressed.
        102 COMPRESSED_DATA CompressedData(Opaque<'a>),
        /// Something is to happen to the port.
        201 PORT_EVENT Event(PortEvent),
    }
}

wire_enum! {
    /// What happens to a port.
    pub enum EventKind: u8 {
        /// Somebody in the guest opened it.
        Opened = 0,
        /// Nobody in the guest has it open any longer.
        Closed = 1,
        /// A break.
        Break = 2,
    }
}

wire_struct! {
    /// Something happens to the port. Number 202 from the server, 201 from the client.
    pub struct PortEvent { event: EventKind }
}

/// The port's name and state. Number 201, server → client.
///
/// | offset | type | field |
/// |---|---|---|
/// | 0 | u32 | length of the name, its NUL included |
/// | 4 | u32 | offset of the name |
/// | 8 | u8 | whether it is open in the guest |
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Init<'a> {
    /// The name with its NUL.
    pub name: &'a [u8],
    /// Not 0 if somebody in the guest has it open.
    pub opened: u8,
}

impl<'a> Decode<'a> for Init<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let len = r.u32("name_size")? as usize;
        let name = r.pointer_with("name", |r| r.bytes("", len))?;
        Ok(Self {
            name: name.unwrap_or_default(),
            opened: r.u8("opened")?,
        })
    }
}

impl Encode for Init<'_> {
    fn encode(&self, w: &mut Writer) {
        w.u32(self.name.len() as u32);
        let name = w.slot();
        w.u8(self.opened);
        // A pointer to no bytes at the end of a body would point outside.
        if !self.name.is_empty() {
            w.place(name);
            w.bytes(self.name);
        }
    }
}
