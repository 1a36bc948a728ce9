//! What a session tells its user, and what the user asks of it: unions of what the channels define.

use std::time::Duration;

use crate::channel::main::{Destination, agent};
use crate::channel::{ChannelId, audio, cursor, display, inputs, main, port};
use crate::session::{CloseReason, Notice, SessionStats};

/// What happened in a client session.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// From the main channel.
    Main(main::Event),
    /// From a display channel.
    Display(display::Event),
    /// From the inputs channel.
    Inputs(inputs::Event),
    /// From a cursor channel.
    Cursor(cursor::Event),
    /// From the guest agent, by way of the main channel.
    Agent(agent::Event),
    /// From the playback channel. Sound that nobody takes is dropped.
    Playback(audio::PlaybackEvent),
    /// From the record channel.
    Record(audio::RecordEvent),
    /// From a port channel. While nobody takes what a port says, no more is taken from the server.
    Port(port::Event),
    /// A channel stands.
    ChannelOpened(ChannelId),
    /// A channel is gone while the session goes on.
    ChannelClosed(ChannelId, CloseReason),
    /// Something the user may want to know but need not handle.
    Notice(Notice),
    /// The answer to [`Command::Stats`].
    Stats(Box<SessionStats>),
    /// The machine moves to another host, or is about to.
    Migration(Migration),
    /// Something was done with keyboard or mouse, and since then, for so long, nothing has come from the server.
    Silent(Duration),
    /// After [`ClientEvent::Silent`]: something came.
    Answers,
    /// What became of [`Command::Hold`].
    Held(Held),
    /// The session is over. Always the last event, exactly once.
    Closed(CloseReason),
}

/// A machine's move to another host, and the session's with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Migration {
    /// The server names the new host; the session is being prepared there.
    Begun(Destination),
    /// It is.
    Prepared,
    /// It cannot be, for this reason. When the machine has moved, the session will have to begin anew.
    Refused(String),
    /// The machine stays.
    Cancelled,
    /// The session is with the new host.
    Moved(Destination, Grade),
}

/// What of a session survived its machine's move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// Nothing: it began anew.
    SwitchHost,
    /// The connections, which were made beforehand; the screen came once more.
    SemiSeamless,
    /// Everything.
    Seamless,
}

impl Grade {
    /// Its name, as it is usually written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SwitchHost => "switch-host",
            Self::SemiSeamless => "semi-seamless",
            Self::Seamless => "seamless",
        }
    }
}

/// What a user asks of a client session.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Command {
    /// Something done with keyboard or mouse.
    Input(inputs::InputEvent),
    /// Something for the guest agent.
    Agent(agent::Order),
    /// The sound that was told last will be heard after this time; video is shown by it.
    PlaybackDelay(Duration),
    /// Sound for the guest, sent while it listens.
    Record(audio::Packet),
    /// Something for a port.
    Port(port::Order),
    /// Asks for another mouse mode.
    MouseMode(main::MouseMode),
    /// Asks for [`ClientEvent::Stats`].
    Stats,
    /// Asks the server for a sign of life. Without one within four seconds the session is over.
    AskForLife,
    /// Takes in what the server says, or does not. Whoever feeds the session obeys; the session itself knows nothing of it.
    Hold(Hold),
    /// Ends the session.
    Disconnect,
}

/// How what the server says is to be taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// Nothing of it: it waits in the connections, and so does the server.
    On,
    /// One message, and then nothing. Told by [`Held::Stepped`].
    Step,
    /// All of it, as it comes.
    Off,
}

/// What became of an order to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// One message was taken in, and everything it had to tell was told before this.
    Stepped,
}
