//! What messages are called, by channel, direction and number.

use super::{ChannelKind, Message, audio, common, cursor, display, inputs, main, port};

/// Numbers and names of messages.
pub type Names = &'static [(u16, &'static str)];

/// The messages of a channel that the server sends: those of its own, and those of every channel.
pub fn from_server(kind: ChannelKind) -> [Names; 2] {
    let own = match kind {
        ChannelKind::Main => main::messages::ServerMessage::NAMES,
        ChannelKind::Display => display::messages::ServerMessage::NAMES,
        ChannelKind::Inputs => inputs::messages::ServerMessage::NAMES,
        ChannelKind::Cursor => cursor::messages::ServerMessage::NAMES,
        ChannelKind::Playback => audio::messages::PlaybackMessage::NAMES,
        ChannelKind::Record => audio::messages::RecordMessage::NAMES,
        ChannelKind::Usbredir | ChannelKind::Port | ChannelKind::Webdav => {
            port::messages::ServerMessage::NAMES
        }
        _ => &[],
    };
    [own, common::messages::ServerMessage::NAMES]
}

/// The messages of a channel that the client sends: those of its own, and those of every channel.
pub fn from_client(kind: ChannelKind) -> [Names; 2] {
    let own = match kind {
        ChannelKind::Main => main::messages::ClientMessage::NAMES,
        ChannelKind::Display => display::messages::ClientMessage::NAMES,
        ChannelKind::Inputs => inputs::messages::ClientMessage::NAMES,
        ChannelKind::Record => audio::messages::RecordAnswer::NAMES,
        ChannelKind::Usbredir | ChannelKind::Port | ChannelKind::Webdav => {
            port::messages::ClientMessage::NAMES
        }
        _ => &[],
    };
    [own, common::messages::ClientMessage::NAMES]
}

/// The name of number `number` among these.
pub fn name(names: [Names; 2], number: u16) -> Option<&'static str> {
    let mut all = names.into_iter().flatten();
    all.find(|(of, _)| *of == number).map(|(_, name)| *name)
}

/// The number of the message called `name` among these, in upper or lower case.
pub fn number(names: [Names; 2], name: &str) -> Option<u16> {
    let mut all = names.into_iter().flatten();
    all.find(|(_, of)| of.eq_ignore_ascii_case(name))
        .map(|(number, _)| *number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_by_name_and_number_in_each_direction() {
        // Numbers of the protocol: DRAW_COPY is 304 of the display channel, MOUSE_MOTION 111 of inputs.
        let display = from_server(ChannelKind::Display);
        assert_eq!(number(display, "draw_copy"), Some(304));
        assert_eq!(name(display, 304), Some("DRAW_COPY"));
        assert_eq!(name(display, 4), Some("PING"));
        assert_eq!(name(display, 9999), None);
        let keys = from_client(ChannelKind::Inputs);
        assert_eq!(number(keys, "KEY_DOWN"), Some(101));
        assert_eq!(number(keys, "draw_copy"), None);
        assert_eq!(name(from_client(ChannelKind::Other(77)), 3), Some("PONG"));
    }
}
