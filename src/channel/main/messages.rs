//! Layouts of the main channel's messages (spec 02 §5, §6).

use super::MouseMode;
use crate::channel::common::messages::Opaque;
use crate::channel::{ChannelId, messages};
use crate::wire::{Decode, DecodeError, DecodeErrorKind, Encode, Reader, Writer, wire_struct};

messages! {
    /// Server → client.
    pub enum ServerMessage<'a> {
        /// Prepare to move to another host.
        101 MIGRATE_BEGIN MigrateBegin(MigrateBegin<'a>),
        /// The move is off.
        102 MIGRATE_CANCEL MigrateCancel,
        /// Starts the session.
        103 INIT Init(Init),
        /// The channels that exist.
        104 CHANNELS_LIST ChannelsList(ChannelsList),
        /// Mouse modes changed.
        105 MOUSE_MODE MouseMode(MouseModes),
        /// The multi-media clock was moved.
        106 MULTI_MEDIA_TIME MultiMediaTime(MultiMediaTime),
        /// The guest agent appeared.
        107 AGENT_CONNECTED AgentConnected,
        /// The guest agent went.
        108 AGENT_DISCONNECTED AgentDisconnected(AgentDisconnected),
        /// Bytes from the guest agent.
        109 AGENT_DATA AgentData(Opaque<'a>),
        /// More credit for bytes to the agent.
        110 AGENT_TOKEN AgentToken(Tokens),
        /// Close everything and connect elsewhere.
        111 MIGRATE_SWITCH_HOST MigrateSwitchHost(MigrateBegin<'a>),
        /// The guest runs on the other host.
        112 MIGRATE_END MigrateEnd,
        /// The guest's name.
        113 NAME Name(Name<'a>),
        /// The guest's UUID.
        114 UUID Uuid(Uuid),
        /// The guest agent appeared, with fresh credit.
        115 AGENT_CONNECTED_TOKENS AgentConnectedTokens(Tokens),
        /// Prepare to move without a redraw.
        116 MIGRATE_BEGIN_SEAMLESS MigrateBeginSeamless(MigrateBeginSeamless<'a>),
        /// The target can take over channel state.
        117 MIGRATE_DST_SEAMLESS_ACK MigrateDstSeamlessAck,
        /// The target cannot.
        118 MIGRATE_DST_SEAMLESS_NACK MigrateDstSeamlessNack,
    }
}

messages! {
    /// Client → server.
    pub enum ClientMessage<'a> {
        /// Obsolete; servers close on it.
        101 CLIENT_INFO ClientInfo(ClientInfo),
        /// The other host is ready.
        102 MIGRATE_CONNECTED MigrateConnected,
        /// The other host could not be reached.
        103 MIGRATE_CONNECT_ERROR MigrateConnectError,
        /// Asks for CHANNELS_LIST.
        104 ATTACH_CHANNELS AttachChannels,
        /// Asks for another mouse mode.
        105 MOUSE_MODE_REQUEST MouseModeRequest(MouseModeRequest),
        /// Opens the tunnel to the agent, with credit for bytes from it.
        106 AGENT_START AgentStart(Tokens),
        /// Bytes to the guest agent.
        107 AGENT_DATA AgentData(Opaque<'a>),
        /// More credit for bytes from the agent.
        108 AGENT_TOKEN AgentToken(Tokens),
        /// This host takes over.
        109 MIGRATE_END MigrateEnd,
        /// Asks the target to take over channel state.
        110 MIGRATE_DST_DO_SEAMLESS MigrateDstDoSeamless(MigrateDstDoSeamless),
        /// The other host is ready to take over channel state.
        111 MIGRATE_CONNECTED_SEAMLESS MigrateConnectedSeamless,
        /// A protocol extension; opaque.
        112 QUALITY_INDICATOR QualityIndicator(Opaque<'a>),
    }
}

wire_struct! {
    /// Starts the session. Number 103, server → client, 32 bytes.
    pub struct Init {
        /// To be repeated by every other channel's link; not 0.
        session_id: u32,
        /// Number of graphics devices.
        display_channels_hint: u32,
        /// Set of mouse modes: 1 server, 2 client.
        supported_mouse_modes: u32,
        /// The mode in force.
        current_mouse_mode: u32,
        /// 1 when the guest agent is there.
        agent_connected: u32,
        /// Credit for messages to the agent.
        agent_tokens: u32,
        /// The server's multi-media clock less 400 ms.
        multi_media_time: u32,
        /// Bytes of graphics memory, to size the GLZ window; 0 if unknown.
        ram_hint: u32,
    }
}

wire_struct! {
    /// Mouse modes changed. Number 105, server → client.
    pub struct MouseModes { supported: MouseMode, current: MouseMode }
}

wire_struct! {
    /// The multi-media clock in milliseconds. Number 106, server → client.
    pub struct MultiMediaTime { time: u32 }
}

wire_struct! {
    /// The guest agent went. Number 108, server → client.
    pub struct AgentDisconnected { error_code: u32 }
}

wire_struct! {
    /// A number of credits. Numbers 110 and 115 from the server, 106 and 108 from the client.
    pub struct Tokens { num_tokens: u32 }
}

wire_struct! {
    /// Obsolete. Number 101, client → server.
    pub struct ClientInfo { cache_size: u64 }
}

wire_struct! {
    /// Asks for another mouse mode. Number 105, client → server.
    pub struct MouseModeRequest { mode: MouseMode }
}

wire_struct! {
    /// Asks the target of a migration to take over channel state. Number 110, client → server.
    pub struct MigrateDstDoSeamless { src_version: u32 }
}

/// The channels that exist, main not among them. Number 104, server → client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChannelsList {
    /// In the server's order; may name kinds that are not known here.
    pub channels: Vec<ChannelId>,
}

/// The guest's name. Number 113, server → client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Name<'a> {
    /// With its NUL, if the sender wrote one.
    pub name: &'a [u8],
}

/// The guest's UUID. Number 114, server → client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Uuid {
    /// Bytes in textual order; all zero when unset.
    pub uuid: [u8; 16],
}

/// Where to move to. Numbers 101 and 111, server → client.
///
/// | offset | type | field |
/// |---|---|---|
/// | 0, 2 | u16 | plain port, TLS port; 0 for none |
/// | 4, 8 | u32 | length of and pointer to the host, with its NUL |
/// | 12, 16 | u32 | length of and pointer to the certificate subject, with its NUL; both 0 for none |
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MigrateBegin<'a> {
    /// Plain port; 0 for none.
    pub port: u16,
    /// TLS port; 0 for none.
    pub tls_port: u16,
    /// Host with its NUL, which is not guaranteed.
    pub host: &'a [u8],
    /// Certificate subject with its NUL; empty for none.
    pub cert_subject: &'a [u8],
}

/// Where to move to, with the version of the state that will be carried. Number 116, server → client.
///
/// As [`MigrateBegin`], with a u32 version at offset 20.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MigrateBeginSeamless<'a> {
    /// Where to.
    pub begin: MigrateBegin<'a>,
    /// Version of the source's channel state.
    pub src_mig_version: u32,
}

impl<'a> Decode<'a> for ChannelsList {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = r.u32("num_of_channels")? as usize;
        Ok(Self {
            channels: r.list("channels", count, 2)?,
        })
    }
}

impl Encode for ChannelsList {
    fn encode(&self, w: &mut Writer) {
        w.u32(self.channels.len() as u32);
        w.list(&self.channels);
    }
}

impl<'a> Decode<'a> for ChannelId {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(ChannelId {
            kind: r.value("type")?,
            id: r.u8("id")?,
        })
    }
}

impl Encode for ChannelId {
    fn encode(&self, w: &mut Writer) {
        w.value(&self.kind);
        w.u8(self.id);
    }
}

impl<'a> Decode<'a> for Name<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let len = r.u32("name_len")? as usize;
        Ok(Self {
            name: r.bytes("name", len)?,
        })
    }
}

impl Encode for Name<'_> {
    fn encode(&self, w: &mut Writer) {
        w.u32(self.name.len() as u32);
        w.bytes(self.name);
    }
}

impl<'a> Decode<'a> for Uuid {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            uuid: r.array("uuid")?,
        })
    }
}

impl Encode for Uuid {
    fn encode(&self, w: &mut Writer) {
        w.bytes(&self.uuid);
    }
}

impl<'a> MigrateBegin<'a> {
    fn read_text(
        r: &mut Reader<'a>,
        size: &'static str,
        field: &'static str,
    ) -> Result<Option<&'a [u8]>, DecodeError> {
        let len = r.u32(size)? as usize;
        r.pointer_with(field, |r| r.bytes("", len))
    }

    fn read(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let (port, tls_port) = (r.u16("port")?, r.u16("sport")?);
        let host_at = r.position() + 4;
        let host = Self::read_text(r, "host_size", "host_data")?;
        let host = host.ok_or_else(|| r.error("host_data", host_at, DecodeErrorKind::Null))?;
        let cert_subject = Self::read_text(r, "cert_subject_size", "cert_subject_data")?;
        Ok(Self {
            port,
            tls_port,
            host,
            cert_subject: cert_subject.unwrap_or_default(),
        })
    }

    fn write(&self, w: &mut Writer, after: impl FnOnce(&mut Writer)) {
        w.u16(self.port);
        w.u16(self.tls_port);
        w.u32(self.host.len() as u32);
        let host = w.slot();
        w.u32(self.cert_subject.len() as u32);
        let subject = w.slot();
        after(w);
        w.place(host);
        w.bytes(self.host);
        if !self.cert_subject.is_empty() {
            w.place(subject);
            w.bytes(self.cert_subject);
        }
    }
}

impl<'a> Decode<'a> for MigrateBegin<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Self::read(r)
    }
}

impl Encode for MigrateBegin<'_> {
    fn encode(&self, w: &mut Writer) {
        self.write(w, |_| ());
    }
}

impl<'a> Decode<'a> for MigrateBeginSeamless<'a> {
    fn decode(r: &mut Reader<'a>) -> Result<Self, DecodeError> {
        Ok(Self {
            begin: MigrateBegin::read(r)?,
            src_mig_version: r.u32("src_mig_version")?,
        })
    }
}

impl Encode for MigrateBeginSeamless<'_> {
    fn encode(&self, w: &mut Writer) {
        self.begin.write(w, |w| w.u32(self.src_mig_version));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::Message;

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn init_as_seen_from_the_reference_server() {
        let body = bytes("7b43e010 01000000 01000000 01000000 00000000 0a000000 3c070e00 00e0ff02");
        let ServerMessage::Init(init) = ServerMessage::decode(103, &body).unwrap() else {
            panic!()
        };
        assert_eq!(
            (init.session_id, init.agent_tokens, init.ram_hint),
            (0x10e0_437b, 10, 0x02ff_e000)
        );
        assert_eq!(ServerMessage::Init(init).to_frame().body, body);
    }

    #[test]
    fn migration_targets_as_seen_from_the_reference_server() {
        let mut begin = bytes("7017 7117 0c000000 14000000 0e000000 20000000");
        begin.extend(b"dst.example\0O=Spec,CN=dst\0");
        let expected = MigrateBegin {
            port: 6000,
            tls_port: 6001,
            host: b"dst.example\0",
            cert_subject: b"O=Spec,CN=dst\0",
        };
        let message = ServerMessage::decode(101, &begin).unwrap();
        assert_eq!(message, ServerMessage::MigrateBegin(expected));
        assert_eq!(message.to_frame().body, begin);

        let mut seamless = bytes("7017 7117 0c000000 18000000 0e000000 24000000 01000000");
        seamless.extend(b"dst.example\0O=Spec,CN=dst\0");
        let message = ServerMessage::decode(116, &seamless).unwrap();
        let both = MigrateBeginSeamless {
            begin: expected,
            src_mig_version: 1,
        };
        assert_eq!(message, ServerMessage::MigrateBeginSeamless(both));
        assert_eq!(message.to_frame().body, seamless);
    }

    #[test]
    fn a_channel_list_may_not_promise_more_than_it_holds() {
        let error = ServerMessage::decode(104, &bytes("ffffff7f 0200")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "CHANNELS_LIST: channels at byte 4: needs 4294967294 bytes, 2 left"
        );
    }

    #[test]
    fn unknown_numbers_are_carried() {
        let message = ServerMessage::decode(999, &[1, 2]).unwrap();
        assert_eq!(
            message,
            ServerMessage::Unknown {
                number: 999,
                body: &[1, 2]
            }
        );
        assert_eq!(message.to_frame().body.as_ref(), [1, 2]);
    }
}
