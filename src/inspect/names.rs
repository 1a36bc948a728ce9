//! Which messages there are: by channel, direction and number, from the lists of the channels themselves.

use crate::channel::audio::messages::{PlaybackMessage, RecordAnswer, RecordMessage};
use crate::channel::names::{self, Names};
use crate::channel::{ChannelKind, Message, common, cursor, display, inputs, main, port};
use crate::session::Way;
use crate::wire::{DecodeError, Reader};

/// Numbers from here on have a meaning of their own on each channel; below, they are common to all.
const OWN: u16 = 100;

/// The messages of a channel in one direction: its own, and those of every channel.
pub fn messages(kind: ChannelKind, way: Way) -> [Names; 2] {
    match way {
        Way::ToClient => names::from_server(kind),
        Way::ToServer => names::from_client(kind),
    }
}

/// The name of a message; `None` for a number without one.
pub(super) fn name(kind: ChannelKind, way: Way, number: u16) -> Option<&'static str> {
    names::name(messages(kind, way), number)
}

/// Reads a message with its channel's decoder; what it says is in the reader's trace.
pub(super) fn read(
    kind: ChannelKind,
    way: Way,
    number: u16,
    r: Reader<'_>,
) -> Result<(), DecodeError> {
    use Way::{ToClient, ToServer};
    match (kind, way) {
        (_, ToClient) if number < OWN => common::messages::ServerMessage::read(number, r).map(drop),
        (_, ToServer) if number < OWN => common::messages::ClientMessage::read(number, r).map(drop),
        (ChannelKind::Main, ToClient) => main::messages::ServerMessage::read(number, r).map(drop),
        (ChannelKind::Main, ToServer) => main::messages::ClientMessage::read(number, r).map(drop),
        (ChannelKind::Display, ToClient) => {
            display::messages::ServerMessage::read(number, r).map(drop)
        }
        (ChannelKind::Display, ToServer) => {
            display::messages::ClientMessage::read(number, r).map(drop)
        }
        (ChannelKind::Inputs, ToClient) => {
            inputs::messages::ServerMessage::read(number, r).map(drop)
        }
        (ChannelKind::Inputs, ToServer) => {
            inputs::messages::ClientMessage::read(number, r).map(drop)
        }
        (ChannelKind::Playback, ToClient) => PlaybackMessage::read(number, r).map(drop),
        (ChannelKind::Record, ToClient) => RecordMessage::read(number, r).map(drop),
        (ChannelKind::Record, ToServer) => RecordAnswer::read(number, r).map(drop),
        (kind, ToClient) if is_stream(kind) => {
            port::messages::ServerMessage::read(number, r).map(drop)
        }
        (kind, ToServer) if is_stream(kind) => {
            port::messages::ClientMessage::read(number, r).map(drop)
        }
        // The cursor's client has no messages of its own, so that all of its numbers are unknown there. So it is on channels
        // of which nothing is known.
        (ChannelKind::Cursor, ToClient) => {
            cursor::messages::ServerMessage::read(number, r).map(drop)
        }
        _ => cursor::messages::ClientMessage::read(number, r).map(drop),
    }
}

/// Channels that carry bytes, all by the same messages (spec 06 §1).
fn is_stream(kind: ChannelKind) -> bool {
    matches!(
        kind,
        ChannelKind::Port | ChannelKind::Webdav | ChannelKind::Usbredir
    )
}

/// A name of a value as the protocol writes it: `GLZ_RGB` for `GlzRgb`. Names that are written so already stay as they are.
pub fn label(name: &str) -> String {
    let mut label = String::with_capacity(name.len() + 4);
    let mut before_is_lower = false;
    for c in name.chars() {
        if c.is_ascii_uppercase() && before_is_lower {
            label.push('_');
        }
        before_is_lower = c.is_ascii_lowercase();
        label.push(c.to_ascii_uppercase());
    }
    // What is no name: sets of bits nobody knows.
    if name.contains("0x") {
        return name.to_owned();
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_the_protocols_words() {
        for (name, expected) in [
            ("GlzRgb", "GLZ_RGB"),
            ("Lz4", "LZ4"),
            ("OneBitLe", "ONE_BIT_LE"),
            ("CACHE_ME|HIGH_BITS_SET", "CACHE_ME|HIGH_BITS_SET"),
            ("0x4", "0x4"),
        ] {
            assert_eq!(label(name), expected);
        }
    }

    #[test]
    fn the_same_number_is_another_message_the_other_way() {
        assert_eq!(name(ChannelKind::Main, Way::ToClient, 103), Some("INIT"));
        assert_eq!(
            name(ChannelKind::Main, Way::ToServer, 103),
            Some("MIGRATE_CONNECT_ERROR")
        );
        assert_eq!(name(ChannelKind::Cursor, Way::ToServer, 103), None);
        assert_eq!(name(ChannelKind::Tunnel, Way::ToClient, 4), Some("PING"));
    }
}
