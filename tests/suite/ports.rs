//! Port channels as a session's user meets them.

use bytes::Bytes;
use capsaicin::channel::Message;
use capsaicin::channel::common::messages::Opaque;
use capsaicin::channel::port::messages::{EventKind, Init, PortEvent, ServerMessage};
use capsaicin::channel::port::{Event, Happening, Order};
use capsaicin::session::{ClientEvent, Command, Memory, SessionConfig};

use crate::support::viewer::{PORT, Viewer};

fn viewer() -> Viewer {
    let config = SessionConfig {
        ports: true,
        ..SessionConfig::default()
    };
    Viewer::with_channels(config, &[PORT])
}

/// A session whose port has said its name and is open.
fn open() -> Viewer {
    let mut viewer = viewer();
    says(&mut viewer, &init(b"org.qemu.console.serial.0\0", 1));
    happenings(&mut viewer);
    viewer
}

fn init(name: &[u8], opened: u8) -> ServerMessage<'_> {
    ServerMessage::Init(Init { name, opened })
}

fn event(event: EventKind) -> ServerMessage<'static> {
    ServerMessage::Event(PortEvent { event })
}

fn says(viewer: &mut Viewer, message: &ServerMessage<'_>) {
    viewer.receive(PORT, message.to_frame());
}

fn happenings(viewer: &mut Viewer) -> Vec<Happening> {
    let event = |event| match event {
        ClientEvent::Port(Event { port: 3, what }) => Some(what),
        _ => None,
    };
    viewer.events().into_iter().filter_map(event).collect()
}

fn write(viewer: &mut Viewer, data: &[u8]) {
    let (port, data) = (3, Bytes::copy_from_slice(data));
    let order = Order::Write { port, data };
    viewer.session.command(Command::Port(order), viewer.now);
}

fn data(bytes: &'static [u8]) -> Happening {
    Happening::Data(Bytes::from_static(bytes))
}

#[test]
fn a_port_says_its_name_and_then_everything_that_happens_to_it() {
    let mut viewer = viewer();
    says(&mut viewer, &init(b"org.qemu.console.serial.0\0", 0));
    says(&mut viewer, &event(EventKind::Opened));
    says(&mut viewer, &ServerMessage::Data(Opaque(b"login: ")));
    says(&mut viewer, &event(EventKind::Break));
    says(&mut viewer, &event(EventKind::Closed));
    let named = Happening::Named {
        name: "org.qemu.console.serial.0".into(),
        opened: false,
    };
    assert_eq!(
        happenings(&mut viewer),
        [
            named,
            Happening::Opened,
            data(b"login: "),
            Happening::Break,
            Happening::Closed
        ]
    );
}

#[test]
fn data_means_that_the_port_is_open() {
    let mut viewer = viewer();
    says(&mut viewer, &init(b"x\0", 0));
    happenings(&mut viewer);
    says(&mut viewer, &ServerMessage::Data(Opaque(b"hello")));
    assert_eq!(happenings(&mut viewer), [Happening::Opened, data(b"hello")]);
}

#[test]
fn a_name_is_cut_to_a_sane_length_and_cannot_steer_a_terminal() {
    let mut viewer = viewer();
    let name = [b"\x1b]0;owned\x07", &[b'a'; 5000][..]].concat();
    says(&mut viewer, &init(&name, 1));
    let Happening::Named { name, .. } = happenings(&mut viewer).remove(0) else {
        panic!("no name");
    };
    assert!(
        name.starts_with("]0;ownedaaa") && name.len() < 256,
        "{name}"
    );
}

#[test]
fn a_second_name_is_not_believed() {
    let mut viewer = open();
    says(&mut viewer, &init(b"org.qemu.monitor.qmp.0\0", 1));
    assert_eq!(viewer.notices(), ["port:3: a second name of the port"]);
}

#[test]
fn what_the_user_writes_goes_in_pieces_each_when_the_one_before_has_left() {
    let mut viewer = open();
    write(&mut viewer, &[b'x'; 10_000]);
    let mut lengths = Vec::new();
    while viewer.session.await_flush().next().is_some() {
        let frames = viewer.sent_frames(PORT);
        assert_eq!(frames.len(), 1);
        lengths.push(frames[0].body.len());
        viewer.session.flushed(PORT, viewer.now);
    }
    assert_eq!(lengths, [4096, 4096, 1808]);
    let written = happenings(&mut viewer);
    let pieces = [4096, 4096, 1808].map(Happening::Written);
    assert_eq!(written, pieces);
}

#[test]
fn a_break_is_sent_as_an_event() {
    let mut viewer = open();
    let order = Order::Break { port: 3 };
    viewer.session.command(Command::Port(order), viewer.now);
    let sent = viewer.sent_frames(PORT);
    assert_eq!((sent[0].number, &sent[0].body[..]), (201, &[2][..]));
}

#[test]
fn nothing_is_written_to_a_closed_port_or_by_who_only_looks_on() {
    let mut viewer = open();
    says(&mut viewer, &event(EventKind::Closed));
    viewer.events();
    write(&mut viewer, b"lost");
    assert_eq!(viewer.sent(PORT), [0_u16; 0]);
    assert_eq!(
        viewer.notices(),
        ["port:3: nobody has the port open in the guest; what is typed is dropped"]
    );

    let config = SessionConfig {
        ports: true,
        view_only: true,
        ..SessionConfig::default()
    };
    let mut viewer = Viewer::with_channels(config, &[PORT]);
    says(&mut viewer, &init(b"x\0", 1));
    write(&mut viewer, b"no");
    assert_eq!(viewer.sent(PORT), [0_u16; 0]);
}

#[test]
fn what_a_guest_does_not_read_is_kept_up_to_a_mebibyte() {
    let mut viewer = open();
    for _ in 0..300 {
        write(&mut viewer, &[b'x'; 10_000]);
    }
    let held = viewer.session.memory();
    assert!(held.unsent <= 1 << 20, "{held:?}");
    assert!(held.total() < Memory::limit(0));
    assert!(viewer.notices()[0].contains("the guest does not read the port"));
}

#[test]
fn a_port_that_floods_is_taken_no_further_until_its_user_has_taken_it() {
    let mut viewer = open();
    let flood = vec![b'z'; 65_536];
    let mut taken = 0;
    while viewer.session.takes_frames(PORT) {
        says(&mut viewer, &ServerMessage::Data(Opaque(&flood)));
        taken += 1;
    }
    assert_eq!(taken, 4);
    happenings(&mut viewer);
    assert!(viewer.session.takes_frames(PORT));
}

#[test]
fn a_port_that_floods_a_session_without_brakes_is_closed() {
    let mut viewer = open();
    let flood = vec![b'z'; 65_536];
    for _ in 0..100 {
        says(&mut viewer, &ServerMessage::Data(Opaque(&flood)));
    }
    let held = viewer.session.memory();
    assert!(held.told < 3 << 20, "{held:?}");
    let closed = |event: &ClientEvent| matches!(event, ClientEvent::ChannelClosed(PORT, _));
    assert!(viewer.events().iter().any(closed));
}

#[test]
fn compressed_data_that_nobody_agreed_to_closes_the_channel() {
    let mut viewer = open();
    says(
        &mut viewer,
        &ServerMessage::CompressedData(Opaque(&[1, 5, 0, 0, 0])),
    );
    let closed = |event: &ClientEvent| matches!(event, ClientEvent::ChannelClosed(PORT, _));
    assert!(viewer.events().iter().any(closed));
}

#[test]
fn ports_are_opened_only_for_who_asks_for_them() {
    let mut viewer = Viewer::linked(SessionConfig::default());
    viewer.list(&[PORT]);
    assert_eq!(viewer.session.capabilities(PORT), None);
}

// The program.

/// A server with one port that says `login: ` and then whatever it hears.
fn echo_server() -> std::net::SocketAddr {
    use crate::support::scripted::{greet, serve};
    use capsaicin::channel::port::messages::ClientMessage;
    use capsaicin::channel::{ChannelId, ChannelKind};
    const CONSOLE: ChannelId = ChannelId::new(ChannelKind::Port, 0);
    serve(|mut connection| match connection.id {
        ChannelId::MAIN => greet(connection, &[CONSOLE]),
        _ => {
            connection.send(&init(b"console\0", 1));
            connection.send(&ServerMessage::Data(Opaque(b"login: ")));
            while let Some(frame) = connection.receive() {
                if let Ok(ClientMessage::Data(data)) = Message::decode(frame.number, &frame.body) {
                    connection.send(&ServerMessage::Data(data));
                }
            }
        }
    })
}

#[test]
fn a_terminal_is_joined_to_a_port_raw_until_the_escape_key_and_given_back() {
    use std::io::{Read, Write};
    let address = echo_server();
    let pair = portable_pty::native_pty_system()
        .openpty(portable_pty::PtySize::default())
        .unwrap();
    let program = env!("CARGO_BIN_EXE_capsaicin");
    let script = format!("{program} connect {address} --port console; echo code $?; stty -a");
    let mut command = portable_pty::CommandBuilder::new("sh");
    command.args(["-c", &script]);
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut output = pair.master.try_clone_reader().unwrap();
    let mut input = pair.master.take_writer().unwrap();
    let (mut said, mut typed, mut escaped) = (Vec::new(), false, false);
    let mut buffer = [0; 4096];
    while let Ok(count) = output.read(&mut buffer) {
        if count == 0 {
            break;
        }
        said.extend_from_slice(&buffer[..count]);
        let text = String::from_utf8_lossy(&said);
        if !typed && text.contains("login: ") {
            typed = true;
            // Ctrl+C is for the guest too; Ctrl+] is not.
            input.write_all(b"ro\x03ot").unwrap();
        }
        if !escaped && text.contains("ro\x03ot") {
            escaped = true;
            input.write_all(b"\x1d").unwrap();
        }
        if text.contains("icanon") {
            break;
        }
    }
    child.wait().unwrap();
    let text = String::from_utf8_lossy(&said);
    assert!(text.contains("login: ro\x03ot"), "{text}");
    assert!(text.contains("code 0"), "{text}");
    assert!(
        !text.contains("-icanon") && !text.contains("-echo "),
        "{text}"
    );
}

#[test]
fn a_port_that_is_not_there_is_not_found_and_those_that_are_get_named() {
    let address = echo_server().to_string();
    let run = |arguments: &[&str]| {
        std::process::Command::new(env!("CARGO_BIN_EXE_capsaicin"))
            .args(["connect", &address])
            .args(arguments)
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap()
    };
    let missing = run(&["--port", "com1"]);
    assert_eq!(missing.status.code(), Some(9));
    assert_eq!(
        String::from_utf8_lossy(&missing.stderr),
        "capsaicin: the server has no port com1\n  hint: it has console\n"
    );
    let listed = run(&["--list-ports", "--json"]);
    assert_eq!(
        String::from_utf8_lossy(&listed.stdout),
        "{\"open\":true,\"port\":\"console\"}\n"
    );
}
