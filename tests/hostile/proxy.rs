//! Peers that say anything, on either side of the proxy: one connection ends, and the next is passed on.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use capsaicin::link::{COMMON, Capabilities, LinkRequest, Password};
use capsaicin::net::{Address, Route, Stream, handshake};
use capsaicin::proxy::{Config, Door, Event, Proxy, Shape};
use capsaicin::wire::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::mutate::{Random, mutate, rounds};
use crate::support::scripted;

const FROM_CLIENT: &[u8] = include_bytes!("../fixtures/link/main-client.bin");
const FROM_SERVER: &[u8] = include_bytes!("../fixtures/link/main-server.bin");

/// Only so that a broken test ends.
const PATIENCE: Duration = Duration::from_secs(60);

async fn proxy(server: SocketAddr) -> Proxy {
    let config = Config {
        route: Route::plain(Address::tcp("127.0.0.1", server.port())),
        login: None,
        shape: Shape::default(),
        rules: vec!["*.*[3..]: corrupt".parse().expect("a rule")],
        taps: Box::new(|_| None),
        gate: capsaicin::proxy::Gate::default(),
    };
    let door = Door {
        address: Address::tcp("127.0.0.1", 0),
        #[cfg(feature = "tls")]
        credentials: None,
    };
    let proxy = Proxy::start(vec![door], config).await;
    proxy.expect("loopback can be listened at")
}

/// A server that says something else to each client, and then nothing.
fn babbling() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        let mut random = Random::new(0xbabb1e);
        for mut stream in listener.incoming().flatten() {
            // The client may be gone already.
            let _ = stream.write_all(&mutate(FROM_SERVER, &mut random));
        }
    });
    address
}

/// Why the next connection that ends has ended.
async fn end(proxy: &mut Proxy) -> String {
    let ended = async {
        loop {
            match proxy.next_event().await.expect("it goes on") {
                Event::Refused { why, .. } | Event::Closed { why, .. } => return why,
                _ => {}
            }
        }
    };
    let ended = tokio::time::timeout(PATIENCE, ended).await;
    ended.expect("it ends")
}

#[tokio::test(flavor = "multi_thread")]
async fn damaged_handshakes_of_both_sides_end_in_a_reason() {
    let mut proxy = proxy(babbling()).await;
    let address = proxy.addresses()[0].to_string();
    let mut random = Random::new(0xc11e47);
    for _ in 0..rounds(60) {
        let said = mutate(&FROM_CLIENT[..46], &mut random);
        let mut stream = TcpStream::connect(&address).expect("it listens");
        // It may have heard enough before the end.
        let _ = stream.write_all(&said);
        drop(stream);
        assert!(!end(&mut proxy).await.is_empty());
    }
}

/// A linked main channel in the hands of the test.
async fn linked(proxy: &Proxy) -> Stream {
    let mut stream = Stream::connect(&proxy.addresses()[0])
        .await
        .expect("it listens");
    let request = LinkRequest {
        connection_id: 0,
        channel_type: 1,
        channel_id: 0,
        capabilities: Capabilities::of(COMMON, &[]),
        password: Password::default(),
        user: None,
    };
    let linked = handshake(&mut stream, request).await;
    linked.expect("the scripted server links everything");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_of_a_linked_client_ends_its_connection_only() {
    let mut proxy = proxy(scripted::serve(
        |mut connection| {
            while connection.receive().is_some() {}
        },
    ))
    .await;
    let mut random = Random::new(0x6a1b);
    for _ in 0..rounds(30) {
        let mut stream = linked(&proxy).await;
        let garbage: Vec<u8> = (0..4096).map(|_| random.next() as u8).collect();
        let _ = stream.write_all(&garbage).await;
        drop(stream);
        assert!(!end(&mut proxy).await.is_empty());
    }
    // A message of four gigabytes is refused by its header.
    let mut stream = linked(&proxy).await;
    stream
        .write_all(&[1, 0, 0xff, 0xff, 0xff, 0xff])
        .await
        .expect("it reads");
    let why = end(&mut proxy).await;
    assert_eq!(
        why,
        "the client breaks the protocol: message 1 announces 4294967295 bytes, the limit is 26624"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_says_wrong_is_passed_on_as_far_as_it_can_be_framed() {
    let mut proxy = proxy(scripted::serve(|mut connection| {
        let mut random = Random::new(7);
        for number in 0..200 {
            let body: Vec<u8> = (0..random.below(99)).map(|_| random.next() as u8).collect();
            connection.send_frame(Frame::new(number, body));
        }
    }))
    .await;
    let mut stream = linked(&proxy).await;
    let mut heard = Vec::new();
    stream
        .read_to_end(&mut heard)
        .await
        .expect("it ends in order");
    assert!(heard.len() > 200 * 6, "{}", heard.len());
    assert_eq!(end(&mut proxy).await, "the server closed it");
}
