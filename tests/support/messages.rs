//! The message bodies of `tests/fixtures/wire`, and one way to decode and encode whatever channel they are of.

use std::path::Path;

use capsaicin::channel::{Message, audio, cursor, display, inputs, port};
use capsaicin::wire::{DecodeError, Writer};

/// One message body. Its file is named `<channel>-<sender>-<number>-<name>[-…]`.
pub struct Fixture {
    /// Name of the file without its extension.
    pub name: String,
    /// Channel and sender.
    pub way: Way,
    /// Message number.
    pub number: u16,
    /// The protocol's name of the message.
    pub message: String,
    /// The body.
    pub body: Vec<u8>,
}

/// A channel and who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    DisplayServer,
    DisplayClient,
    InputsServer,
    InputsClient,
    CursorServer,
    PlaybackServer,
    RecordServer,
    RecordClient,
    PortServer,
    PortClient,
}

/// A message of any channel.
// Few live at a time, and only in tests.
#[allow(clippy::large_enum_variant)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded<'a> {
    DisplayServer(display::messages::ServerMessage<'a>),
    DisplayClient(display::messages::ClientMessage<'a>),
    InputsServer(inputs::messages::ServerMessage<'a>),
    InputsClient(inputs::messages::ClientMessage<'a>),
    CursorServer(cursor::messages::ServerMessage<'a>),
    PlaybackServer(audio::messages::PlaybackMessage<'a>),
    RecordServer(audio::messages::RecordMessage<'a>),
    RecordClient(audio::messages::RecordAnswer<'a>),
    PortServer(port::messages::ServerMessage<'a>),
    PortClient(port::messages::ClientMessage<'a>),
}

/// Every fixture, by name.
pub fn fixtures() -> Vec<Fixture> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/wire");
    let mut fixtures: Vec<Fixture> = std::fs::read_dir(dir)
        .expect("the folder of fixtures")
        .map(|entry| entry.expect("an entry").path())
        .filter_map(|path| read(&path))
        .collect();
    fixtures.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!fixtures.is_empty());
    fixtures
}

/// Bytes from hexadecimal digits; on each line everything after `|` is a remark.
fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .lines()
        .flat_map(|line| line.split('|').next().unwrap_or_default().bytes())
        .filter(u8::is_ascii_hexdigit)
        .collect();
    digits
        .chunks(2)
        .map(|d| u8::from_str_radix(std::str::from_utf8(d).unwrap(), 16).unwrap())
        .collect()
}

pub fn decode(way: Way, number: u16, body: &[u8]) -> Result<Decoded<'_>, DecodeError> {
    Ok(match way {
        Way::DisplayServer => Decoded::DisplayServer(Message::decode(number, body)?),
        Way::DisplayClient => Decoded::DisplayClient(Message::decode(number, body)?),
        Way::InputsServer => Decoded::InputsServer(Message::decode(number, body)?),
        Way::InputsClient => Decoded::InputsClient(Message::decode(number, body)?),
        Way::CursorServer => Decoded::CursorServer(Message::decode(number, body)?),
        Way::PlaybackServer => Decoded::PlaybackServer(Message::decode(number, body)?),
        Way::RecordServer => Decoded::RecordServer(Message::decode(number, body)?),
        Way::RecordClient => Decoded::RecordClient(Message::decode(number, body)?),
        Way::PortServer => Decoded::PortServer(Message::decode(number, body)?),
        Way::PortClient => Decoded::PortClient(Message::decode(number, body)?),
    })
}

impl Decoded<'_> {
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        match self {
            Self::DisplayServer(message) => message.encode(&mut w),
            Self::DisplayClient(message) => message.encode(&mut w),
            Self::InputsServer(message) => message.encode(&mut w),
            Self::InputsClient(message) => message.encode(&mut w),
            Self::CursorServer(message) => message.encode(&mut w),
            Self::PlaybackServer(message) => message.encode(&mut w),
            Self::RecordServer(message) => message.encode(&mut w),
            Self::RecordClient(message) => message.encode(&mut w),
            Self::PortServer(message) => message.encode(&mut w),
            Self::PortClient(message) => message.encode(&mut w),
        }
        w.into_body()
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::DisplayServer(message) => message.name(),
            Self::DisplayClient(message) => message.name(),
            Self::InputsServer(message) => message.name(),
            Self::InputsClient(message) => message.name(),
            Self::CursorServer(message) => message.name(),
            Self::PlaybackServer(message) => message.name(),
            Self::RecordServer(message) => message.name(),
            Self::RecordClient(message) => message.name(),
            Self::PortServer(message) => message.name(),
            Self::PortClient(message) => message.name(),
        }
    }
}

fn read(path: &Path) -> Option<Fixture> {
    let bytes = || std::fs::read(path).expect("a fixture is readable");
    let body = match path.extension()?.to_str()? {
        "bin" => bytes(),
        "hex" => hex(std::str::from_utf8(&bytes()).expect("text")),
        _ => return None,
    };
    let name = path.file_stem()?.to_str()?.to_owned();
    let mut parts = name.split('-');
    let way = match (parts.next()?, parts.next()?) {
        ("display", "server") => Way::DisplayServer,
        ("display", "client") => Way::DisplayClient,
        ("inputs", "server") => Way::InputsServer,
        ("inputs", "client") => Way::InputsClient,
        ("cursor", "server") => Way::CursorServer,
        ("playback", "server") => Way::PlaybackServer,
        ("record", "server") => Way::RecordServer,
        ("record", "client") => Way::RecordClient,
        ("port", "server") => Way::PortServer,
        ("port", "client") => Way::PortClient,
        other => panic!("{other:?} in the name of {}", path.display()),
    };
    let number = parts.next()?.parse().expect("a message number");
    let message = parts.next()?.to_uppercase();
    Some(Fixture {
        way,
        number,
        message,
        body,
        name,
    })
}
