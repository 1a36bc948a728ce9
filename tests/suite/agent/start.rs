//! How a client and an agent get to know each other.

use capsaicin::channel::main::agent::{Abilities, Order, State, Unusable};

use super::*;

#[test]
fn an_agent_is_started_with_endless_credit_and_asked_what_it_can_do() {
    let mut guest = Guest::absent();
    guest.server(AGENT_CONNECTED_TOKENS, hex("0a000000"));

    let sent = guest.sent_frames();

    assert_eq!(sent[0], (106, hex("ffffffff")), "AGENT_START");
    let announcement = "01000000 06000000 0000000000000000 08000000 01000000 77500300";
    assert_eq!(sent[1], (107, hex(announcement)), "ANNOUNCE_CAPABILITIES");
    assert_eq!(sent.len(), 2);
    assert_eq!(guest.events(), [Event::State(State::Starting)]);
}

#[test]
fn an_agent_that_was_there_before_is_started_by_init() {
    use capsaicin::channel::main::messages::{Init, ServerMessage};
    use capsaicin::session::ClientSession;
    let mut guest = Guest {
        viewer: Viewer::linked(SessionConfig::default()),
    };
    guest.viewer.session = ClientSession::new(SessionConfig::default());
    guest.viewer.outputs();
    guest.viewer.open(ChannelId::MAIN);
    guest.viewer.main(&ServerMessage::Init(Init {
        session_id: 7,
        display_channels_hint: 1,
        supported_mouse_modes: 1,
        current_mouse_mode: 1,
        agent_connected: 1,
        agent_tokens: 10,
        multi_media_time: 1000,
        ram_hint: 0,
    }));

    let numbers: Vec<u16> = guest.sent_frames().iter().map(|f| f.0).collect();

    assert_eq!(
        numbers,
        [106, 107, 104],
        "AGENT_START, AGENT_DATA, ATTACH_CHANNELS"
    );
    assert_eq!(guest.viewer.session.stats(Duration::ZERO).tunnel.tokens, 9);
}

#[test]
fn an_announcement_that_asks_for_one_is_answered_with_one_that_does_not() {
    let mut guest = Guest::with(VDAGENT);

    guest.says(6, &hex("01000000 e78d0300"));

    assert_eq!(guest.sent()[0], (6, hex("00000000 77500300")));
}

#[test]
fn what_an_agent_wants_to_know_is_told_once_it_says_that_it_takes_it() {
    let mut guest = Guest::absent();
    guest.server(AGENT_CONNECTED_TOKENS, hex("ffffff7f"));
    guest.sent();

    guest.announce(DISPLAY_CONFIG | MAX_CLIPBOARD);

    let told = guest.sent();
    assert_eq!(told[0], (5, hex("00000000 00000000")), "DISPLAY_CONFIG");
    assert_eq!(told[1], (14, hex("00004006")), "MAX_CLIPBOARD of 100 MiB");
    assert_eq!(told.len(), 2);

    guest.server(AGENT_CONNECTED, vec![]);
    guest.sent();
    guest.announce(DISPLAY_CONFIG | MAX_CLIPBOARD);
    assert_eq!(
        guest.sent(),
        [(14, hex("00004006"))],
        "the other once a connection"
    );
}

#[test]
fn an_agent_that_takes_nothing_is_told_nothing() {
    let mut guest = Guest::absent();
    guest.server(AGENT_CONNECTED_TOKENS, hex("ffffff7f"));
    guest.sent();

    guest.announce(0);

    assert_eq!(guest.sent(), []);
}

#[test]
fn an_agent_that_says_nothing_for_five_seconds_is_silent() {
    let mut guest = Guest::absent();
    guest.server(AGENT_CONNECTED_TOKENS, hex("ffffff7f"));
    guest.events();

    guest.at_ms(4999);
    assert_eq!(guest.events(), []);
    guest.at_ms(5000);
    assert_eq!(guest.events(), [Event::State(State::Silent)]);

    guest.announce(VDAGENT);
    assert_eq!(
        guest.events(),
        [Event::State(State::Ready(Abilities(VDAGENT)))]
    );
}

#[test]
fn an_agent_that_goes_is_told_and_what_it_could_do_is_forgotten() {
    let mut guest = Guest::with(VDAGENT);

    guest.server(AGENT_DISCONNECTED, hex("00000000"));

    assert_eq!(guest.events(), [Event::State(State::Absent)]);
    guest.order(Order::Offer {
        selection: capsaicin::channel::main::agent::Selection::Clipboard,
        kinds: vec![],
    });
    assert_eq!(guest.sent(), []);
}

#[test]
fn why_an_agent_cannot_be_used_is_said_in_words() {
    let ready = |bits| State::Ready(Abilities(bits));
    assert_eq!(ready(VDAGENT).clipboard(), Ok(()));
    assert_eq!(ready(VDAGENT).files(), Ok(()));
    assert_eq!(State::Absent.clipboard(), Err(Unusable::Absent));
    assert_eq!(State::Silent.files(), Err(Unusable::Silent));
    // A server that has copy and paste turned off clears bits 3, 5 and 6.
    assert_eq!(
        ready(VDAGENT & !0x68).clipboard(),
        Err(Unusable::NoClipboard)
    );
    assert_eq!(
        ready(VDAGENT | NO_FILES).files(),
        Err(Unusable::FilesDisabled)
    );
    assert_eq!(Unusable::Absent.to_string(), "the guest has no agent");
}
