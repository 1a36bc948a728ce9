//! The guest agent of our own server: the tunnel by its rules, and both of its ends at work.

use std::process::Stdio;
use std::time::Duration;

use bytes::Bytes;
use capsaicin::channel::Fault;
use capsaicin::channel::main::agent::{self, ContentKind, Device, Event, Order, Selection, State};
use capsaicin::server::ServerConfig;
use capsaicin::session::Command;
use capsaicin::wire::Frame;
use capsaicin::{ClientEvent, SpiceClient, SpiceServer};

use crate::support::scripted_agent::{Agent, header, words};

/// Clipboards by demand, with selections and serials.
const CLIPBOARDS: u32 = 0x3_0060;

const NO_FILES: u32 = 0x2000;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(Duration::from_secs(60), future).await;
    done.expect("it takes less than half a minute")
}

/// A tunnel to an agent that the client has started.
fn started() -> agent::Server {
    let mut tunnel = agent::Server::default();
    tunnel.start(true);
    tunnel.attach(&mut Vec::new());
    tunnel.on_start(u32::MAX, &mut Vec::new());
    tunnel
}

fn message(kind: u32, len: usize) -> Vec<u8> {
    let mut message = header(kind, len);
    message.resize(20 + len, 7);
    message
}

fn numbers(frames: &[Frame]) -> Vec<u16> {
    frames.iter().map(|frame| frame.number).collect()
}

#[test]
fn an_agent_is_announced_with_ten_tokens_to_who_knows_them() {
    let mut outbox = Vec::new();
    let mut tunnel = agent::Server::default();
    tunnel.start(true);
    tunnel.attach(&mut outbox);
    tunnel.attach(&mut outbox);
    tunnel.detach(&mut outbox);
    assert_eq!(numbers(&outbox), [115, 108]);
    assert_eq!(outbox[0].body.as_ref(), [10, 0, 0, 0]);

    let mut outbox = Vec::new();
    tunnel.start(false);
    tunnel.attach(&mut outbox);
    assert_eq!(numbers(&outbox), [107]);
}

#[test]
fn what_a_client_says_is_carried_in_its_order_and_its_credit_comes_back() {
    let mut outbox = Vec::new();
    let mut tunnel = started();
    tunnel
        .on_data(&message(4, 3000)[..2048], &mut outbox)
        .unwrap();
    tunnel
        .on_data(&message(4, 3000)[2048..], &mut outbox)
        .unwrap();
    assert_eq!(tunnel.poll_to_agent().map(|b| b.len()), Some(2048));
    assert_eq!(tunnel.poll_to_agent().map(|b| b.len()), Some(972));
    assert_eq!(outbox, []);
    tunnel.took(2, &mut outbox);
    tunnel.took(5, &mut outbox);
    assert_eq!(numbers(&outbox), [110], "no more than was used");
    assert_eq!(outbox[0].body.as_ref(), [2, 0, 0, 0]);
}

#[test]
fn a_client_that_breaks_the_rules_of_the_tunnel_is_refused() {
    let refused = |bodies: &[&[u8]]| -> String {
        let mut tunnel = started();
        let mut said = bodies.iter().map(|b| tunnel.on_data(b, &mut Vec::new()));
        said.find_map(Result::err)
            .as_ref()
            .map(Fault::to_string)
            .expect("a fault")
    };
    let empty = message(13, 0);
    assert_eq!(
        refused(&[&empty[..]; 11]),
        "AGENT_DATA without credit for it"
    );
    assert_eq!(
        refused(&[&[0; 2049]]),
        "AGENT_DATA of 2049 bytes, the limit is 2048"
    );
    assert_eq!(
        refused(&[&empty[..19]]),
        "agent message: size at byte 16: needs 4 bytes, 3 left"
    );
    assert_eq!(refused(&[&[9; 20]]), "agent message of protocol 151587081");
    let two = "AGENT_DATA with bytes of two agent messages";
    assert_eq!(refused(&[&[&message(8, 4)[..], &empty].concat()]), two);
    assert_eq!(refused(&[&message(4, 40)[..30], &[0; 31]]), two);
}

#[test]
fn what_is_said_before_the_agent_is_started_is_dropped_and_costs_nothing() {
    let mut outbox = Vec::new();
    let mut tunnel = agent::Server::default();
    for _ in 0..20 {
        tunnel.on_data(b"anything", &mut outbox).unwrap();
    }
    assert_eq!(numbers(&outbox), [110; 20]);
    assert_eq!(tunnel.poll_to_agent(), None);
}

#[test]
fn a_client_hears_as_much_as_it_has_credit_for_and_never_the_middle_of_a_message_first() {
    let mut outbox = Vec::new();
    let mut device = Device::default();
    let mut pieces = Vec::new();
    let mut written = words(&[1, 100]);
    written.extend(&message(4, 150)[..100]);
    written.extend(words(&[2, 3, 0x00cc_bbaa]).iter().take(11));
    written.extend(words(&[1, 70 + 24]));
    written.extend(&message(4, 150)[100..]);
    written.extend(message(8, 4));
    for byte in &written {
        device.receive(&[*byte], &mut pieces).unwrap();
    }
    let heard: Vec<u8> = pieces.iter().flat_map(|p| p.data.to_vec()).collect();
    assert_eq!(
        heard,
        [message(4, 150), message(8, 4)].concat(),
        "port 2 is not for clients"
    );
    assert_eq!(pieces.iter().filter(|p| p.begins).count(), 2);

    let mut tunnel = agent::Server::default();
    tunnel.attach(&mut Vec::new());
    tunnel.on_start(2, &mut outbox);
    tunnel.say(&pieces[1], &mut outbox);
    assert_eq!(outbox, [], "a middle");
    pieces
        .iter()
        .filter(|p| p.begins)
        .for_each(|p| tunnel.say(p, &mut outbox));
    tunnel.say(&pieces[1], &mut outbox);
    assert_eq!(numbers(&outbox), [109, 109]);
    assert!(!tunnel.has_room());
    tunnel.on_tokens(1, &mut outbox);
    assert_eq!(numbers(&outbox), [109, 109, 109]);
    assert!(tunnel.has_room());
}

#[test]
fn what_no_agent_writes_ends_the_agent() {
    let refused = |bytes: Vec<u8>| {
        let result = Device::default().receive(&bytes, &mut Vec::new());
        result.expect_err("it is refused").to_string()
    };
    assert_eq!(refused(words(&[3, 0])), "the agent writes to port 3");
    let long = "the agent writes a chunk of 2049 bytes, the limit is 2048";
    assert_eq!(refused(words(&[1, 2049])), long);
    let other = [words(&[1, 20]), vec![0; 20]].concat();
    assert_eq!(refused(other), "the agent speaks protocol 0");
}

/// A server on loopback.
async fn serve() -> SpiceServer {
    let server = SpiceServer::bind("127.0.0.1:0", ServerConfig::default()).await;
    server.expect("loopback can be listened at")
}

async fn connect(server: &SpiceServer) -> SpiceClient {
    let client = SpiceClient::connect(&server.local_address().to_string(), "").await;
    client.expect("the server is there")
}

/// The next thing the agent does.
async fn next(client: &mut SpiceClient) -> Event {
    loop {
        let event = soon(client.next_event()).await;
        if let ClientEvent::Agent(event) = event.expect("the session goes on") {
            return event;
        }
    }
}

async fn until(client: &mut SpiceClient, wanted: fn(&Event) -> bool) -> Event {
    loop {
        let event = next(client).await;
        if wanted(&event) {
            return event;
        }
    }
}

async fn order(client: &SpiceClient, order: Order) {
    let sent = client.sender().send(Command::Agent(order)).await;
    sent.expect("the session goes on");
}

#[tokio::test]
async fn a_viewer_and_an_agent_share_clipboards_through_our_server() {
    let mut server = serve().await;
    let (mut guest, device) = Agent::new();
    server.attach_agent(device);
    let mut client = connect(&server).await;
    let asked = soon(guest.waits_for(6)).await;
    assert_eq!(asked, words(&[1, 0x0003_5077]));
    guest.announces(CLIPBOARDS).await;
    until(&mut client, |e| matches!(e, Event::State(State::Ready(_)))).await;

    let (selection, kind) = (Selection::Clipboard, ContentKind::Png);
    let kinds = vec![kind];
    order(&client, Order::Offer { selection, kinds }).await;
    assert_eq!(soon(guest.waits_for(7)).await, words(&[0, 0, 2]));
    guest.says(8, &words(&[0, 2])).await;
    let asked = next(&mut client).await;
    assert_eq!(asked, Event::Requested { selection, kind });
    let picture = Bytes::from(vec![0x5a; 1_000_000]);
    let content = Some(picture.clone());
    order(
        &client,
        Order::Answer {
            selection,
            kind,
            content,
        },
    )
    .await;
    let given = soon(guest.waits_for(4)).await;
    assert!(
        given[..8] == words(&[0, 2]) && given[8..] == picture,
        "what arrived differs"
    );
    let bytes = picture.len();
    assert_eq!(
        next(&mut client).await,
        Event::Answered {
            selection,
            kind,
            bytes
        }
    );

    guest.says(7, &words(&[0, 1, 1])).await;
    until(&mut client, |e| matches!(e, Event::Offered { .. })).await;
    let kind = ContentKind::Text;
    order(&client, Order::Fetch { selection, kind }).await;
    assert_eq!(soon(guest.waits_for(8)).await, words(&[0, 1]));
    let text = "guest ".repeat(100_000);
    guest
        .says(4, &[words(&[0, 1]), text.clone().into_bytes()].concat())
        .await;
    let content = Ok(Bytes::from(text));
    assert_eq!(
        next(&mut client).await,
        Event::Content {
            selection,
            kind,
            content
        }
    );
}

#[tokio::test]
async fn agents_and_viewers_may_come_and_go() {
    let mut server = serve().await;
    let mut client = connect(&server).await;
    let (mut guest, device) = Agent::new();
    server.attach_agent(device);
    assert_eq!(next(&mut client).await, Event::State(State::Starting));
    soon(guest.waits_for(6)).await;

    drop(guest);
    assert_eq!(next(&mut client).await, Event::State(State::Absent));

    let (mut guest, device) = Agent::new();
    server.attach_agent(device);
    assert_eq!(next(&mut client).await, Event::State(State::Starting));
    soon(guest.waits_for(6)).await;

    drop(client);
    let (port, kind, payload) = soon(guest.hears()).await.expect("the port is open");
    assert_eq!(
        (port, kind, payload.len()),
        (2, 13, 0),
        "CLIENT_DISCONNECTED"
    );

    let mut client = connect(&server).await;
    soon(guest.waits_for(6)).await;
    guest.announces(CLIPBOARDS).await;
    until(&mut client, |e| matches!(e, Event::State(State::Ready(_)))).await;
}

/// Runs the program with an agent that does as `script` says; its exit code, output and errors.
async fn run(
    args: &[&str],
    abilities: u32,
    script: impl AsyncFnOnce(&mut Agent),
) -> (i32, Vec<u8>, String) {
    let mut server = serve().await;
    let (mut guest, device) = Agent::new();
    server.attach_agent(device);
    let address = server.local_address().to_string();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_capsaicin"));
    command.arg(args[0]).arg(address).args(&args[1..]);
    command.stdin(Stdio::null()).env_remove("RUST_LOG");
    let program = tokio::task::spawn_blocking(move || command.output().expect("it starts"));
    soon(guest.waits_for(6)).await;
    guest.announces(abilities).await;
    script(&mut guest).await;
    let output = soon(program).await.expect("it does not panic");
    let code = output.status.code().expect("it was not killed");
    (
        code,
        output.stdout,
        String::from_utf8_lossy(&output.stderr).into_owned(),
    )
}

#[tokio::test]
async fn paste_ends_when_the_guest_has_fetched_it() {
    let (code, _, told) = run(&["paste", "für dich"], CLIPBOARDS, async |guest| {
        assert_eq!(soon(guest.waits_for(7)).await, words(&[0, 0, 1]));
        guest.says(8, &words(&[0, 1])).await;
        let given = soon(guest.waits_for(4)).await;
        assert_eq!(given[8..], *"für dich".as_bytes());
    })
    .await;
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("9 bytes of text are offered"), "{told}");
}

#[tokio::test]
async fn paste_gives_up_when_nobody_fetches_it() {
    let (code, _, told) = run(&["paste", "x", "--timeout", "5"], CLIPBOARDS, async |_| {}).await;
    assert_eq!(code, 8, "{told}");
    assert!(
        told.contains("nothing in the guest has asked for it within 5 s"),
        "{told}"
    );
}

#[tokio::test]
async fn copy_prints_the_bytes_that_were_copied() {
    let text = b"one\n\x1b[31mtwo";
    let (code, out, told) = run(&["copy", "--wait"], CLIPBOARDS, async |guest| {
        guest.says(7, &words(&[0, 0, 1])).await;
        soon(guest.waits_for(8)).await;
        guest
            .says(4, &[words(&[0, 1]), text.to_vec()].concat())
            .await;
    })
    .await;
    assert_eq!((code, &out[..]), (0, &text[..]), "{told}");
}

#[tokio::test]
async fn copy_prints_what_was_copied_before_anybody_was_there() {
    let (code, out, told) = run(&["copy", "--primary"], CLIPBOARDS, async |guest| {
        assert_eq!(soon(guest.waits_for(8)).await, words(&[1, 1]));
        guest
            .says(4, &[words(&[1, 1]), b"old".to_vec()].concat())
            .await;
    })
    .await;
    assert_eq!((code, &out[..]), (0, &b"old"[..]), "{told}");
}

#[tokio::test]
async fn copy_says_that_there_is_nothing_and_that_there_is_only_a_picture() {
    let (code, out, told) = run(&["copy"], CLIPBOARDS, async |guest| {
        assert_eq!(soon(guest.waits_for(8)).await, words(&[0, 1]));
        guest.says(4, &words(&[0, 0])).await;
    })
    .await;
    assert_eq!((code, out.len()), (9, 0));
    assert!(
        told.contains("the guest has nothing for it") && told.contains("--wait"),
        "{told}"
    );

    let (code, _, told) = run(&["copy"], CLIPBOARDS, async |guest| {
        guest.says(7, &words(&[0, 0, 2])).await;
    })
    .await;
    assert_eq!(code, 9);
    assert!(
        told.contains("what was copied is PNG") && told.contains("-o picture.png"),
        "{told}"
    );
}

#[tokio::test]
async fn send_hands_over_a_file_and_says_why_another_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (good, bad) = (
        folder.path().join("good.bin"),
        folder.path().join("bad.bin"),
    );
    std::fs::write(&good, vec![3; 200_000]).expect("a file");
    std::fs::write(&bad, b"x").expect("a file");
    let args = [
        "send",
        "--json",
        good.to_str().unwrap(),
        bad.to_str().unwrap(),
    ];
    let (code, out, told) = run(&args, CLIPBOARDS, async |guest| {
        let start = soon(guest.waits_for(10)).await;
        let metadata = b"[vdagent-file-xfer]\nname=good.bin\nsize=200000\n\0";
        assert_eq!(start, [&words(&[1])[..], metadata].concat());
        soon(guest.waits_for(10)).await;
        guest.says(11, &words(&[2, 5])).await;
        guest.says(11, &words(&[1, 0])).await;
        let mut len = 0;
        while len < 200_000 {
            let piece = soon(guest.waits_for(12)).await;
            assert_eq!(piece[4..12], (piece.len() as u64 - 12).to_le_bytes());
            len += piece.len() - 12;
        }
        guest.says(11, &words(&[1, 3])).await;
    })
    .await;
    assert_eq!(code, 1, "{told}");
    assert!(
        told.contains("bad.bin: the guest session is locked"),
        "{told}"
    );
    let out = String::from_utf8(out).expect("text");
    let lines: Vec<serde_json::Value> = out
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(
        (&lines[0]["done"], &lines[1]["done"]),
        (&false.into(), &true.into())
    );
    assert_eq!(lines[1]["sent"], 200_000);
}

#[tokio::test]
async fn send_says_that_files_are_turned_off_and_copy_that_clipboards_are() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let path = file.path().to_str().expect("text");
    let (code, _, told) = run(&["send", path], CLIPBOARDS | NO_FILES, async |_| {}).await;
    assert_eq!(code, 9);
    assert!(told.contains("file transfer is turned off"), "{told}");

    let (code, _, told) = run(&["copy"], 0, async |_| {}).await;
    assert_eq!(code, 9);
    assert!(
        told.contains("shares no clipboard") && told.contains("disable-copy-paste"),
        "{told}"
    );
}

#[tokio::test]
async fn where_there_is_no_agent_that_is_said() {
    let server = serve().await;
    let address = server.local_address().to_string();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_capsaicin"));
    command.args(["copy", &address]).stdin(Stdio::null());
    let program = tokio::task::spawn_blocking(move || command.output().expect("it starts"));
    let output = soon(program).await.expect("it does not panic");
    assert_eq!(output.status.code(), Some(9));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        told.contains("the guest has no agent") && told.contains("spice-vdagent"),
        "{told}"
    );
}
