//! Ports of a listening server, and our own client at the other end.

use std::time::Duration;

use bytes::Bytes;
use capsaicin::channel::port::{Event, Happening, Order};
use capsaicin::client::ClientConfig;
use capsaicin::net::Address;
use capsaicin::server::ServerConfig;
use capsaicin::session::{MAX_PORTS, ServerEvent, SessionConfig};
use capsaicin::{ClientEvent, Command, SpiceClient, SpiceServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

const SERIAL: &str = "org.qemu.console.serial.0";

/// Only so that a broken test ends.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(Duration::from_secs(60), future).await;
    done.expect("it takes less than half a minute")
}

async fn serve(ports: &[&str]) -> SpiceServer {
    let config = ServerConfig {
        ports: ports.iter().map(|name| (*name).to_owned()).collect(),
        ..ServerConfig::default()
    };
    let any_port = Address::tcp("127.0.0.1", 0);
    SpiceServer::bind_to(&any_port, config).await.unwrap()
}

/// The other end of the device a port is joined to.
fn attach(server: &mut SpiceServer, name: &str) -> DuplexStream {
    let (ours, device) = duplex(4096);
    assert!(server.attach_port(name, device));
    ours
}

async fn connect(server: &SpiceServer) -> SpiceClient {
    let config = ClientConfig {
        session: SessionConfig {
            ports: true,
            ..SessionConfig::default()
        },
        ..ClientConfig::new(server.local_address().clone())
    };
    SpiceClient::connect_with(config).await.unwrap()
}

/// What next happens at a port.
async fn next(client: &mut SpiceClient) -> Event {
    loop {
        let event = soon(client.next_event())
            .await
            .expect("the session goes on");
        if let ClientEvent::Port(event) = event {
            return event;
        }
    }
}

fn named(port: u8, name: &str, opened: bool) -> Event {
    let name = name.to_owned();
    let what = Happening::Named { name, opened };
    Event { port, what }
}

async fn write(client: &SpiceClient, data: &[u8]) {
    let data = Bytes::copy_from_slice(data);
    let order = Order::Write { port: 0, data };
    client.sender().send(Command::Port(order)).await.unwrap();
}

#[tokio::test]
async fn a_port_carries_bytes_both_ways_between_a_device_and_a_viewer() {
    let mut server = serve(&[SERIAL]).await;
    let mut device = attach(&mut server, SERIAL);
    let mut client = connect(&server).await;
    assert_eq!(next(&mut client).await, named(0, SERIAL, true));

    device.write_all(b"login: ").await.unwrap();
    let what = Happening::Data(Bytes::from_static(b"login: "));
    assert_eq!(next(&mut client).await, Event { port: 0, what });

    write(&client, b"root\r").await;
    let mut typed = [0; 5];
    soon(device.read_exact(&mut typed)).await.unwrap();
    assert_eq!(&typed, b"root\r");
}

#[tokio::test]
async fn a_port_opens_and_closes_with_its_device() {
    let mut server = serve(&["one", "two"]).await;
    let mut client = connect(&server).await;
    let mut names = [next(&mut client).await, next(&mut client).await];
    names.sort_by_key(|event| event.port);
    assert_eq!(names, [named(0, "one", false), named(1, "two", false)]);

    let device = attach(&mut server, "two");
    let happened = |what| Event { port: 1, what };
    assert_eq!(next(&mut client).await, happened(Happening::Opened));
    drop(device);
    assert_eq!(next(&mut client).await, happened(Happening::Closed));
    let (_, device) = duplex(16);
    assert!(!server.attach_port("three", device));
}

#[tokio::test]
async fn a_break_is_told_to_who_serves() {
    let mut server = serve(&[SERIAL]).await;
    let _device = attach(&mut server, SERIAL);
    let mut client = connect(&server).await;
    next(&mut client).await;
    let order = Order::Break { port: 0 };
    client.sender().send(Command::Port(order)).await.unwrap();
    loop {
        let event = soon(server.next_event()).await.unwrap();
        if let ServerEvent::Break { port } = event {
            break assert_eq!(port, 0);
        }
    }
}

#[tokio::test]
async fn a_device_that_reads_slowly_gets_all_of_a_long_text() {
    let mut server = serve(&[SERIAL]).await;
    let mut device = attach(&mut server, SERIAL);
    let mut client = connect(&server).await;
    next(&mut client).await;
    let text: Vec<u8> = (0..800_000_u32).map(|n| (n % 251) as u8).collect();
    write(&client, &text).await;
    let reading = async {
        let mut read = vec![0; text.len()];
        for piece in read.chunks_mut(10_000) {
            device.read_exact(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        read
    };
    let read = soon(async {
        tokio::select! {
            read = reading => read,
            () = async { while client.next_event().await.is_some() {} } => panic!("the session ended"),
        }
    });
    assert!(read.await == text);
}

#[tokio::test]
async fn a_viewer_that_does_not_read_keeps_the_device_waiting_and_loses_nothing() {
    let mut server = serve(&[SERIAL]).await;
    let mut device = attach(&mut server, SERIAL);
    let mut client = connect(&server).await;
    next(&mut client).await;
    let text = vec![b'z'; 16 << 20];
    let all = text.len();
    let written = tokio::spawn(async move { device.write_all(&text).await.map(|()| device) });
    // More than everything on the way holds.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!written.is_finished());
    let mut read = 0;
    while read < all {
        if let Happening::Data(data) = next(&mut client).await.what {
            read += data.len();
        }
    }
    assert_eq!(read, all);
    soon(written).await.unwrap().unwrap();
}

#[tokio::test]
async fn of_too_many_ports_the_first_are_offered() {
    let names: Vec<String> = (0..300).map(|n| format!("port {n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let server = serve(&names).await;
    let mut client = connect(&server).await;
    for _ in 0..MAX_PORTS {
        assert!(matches!(
            next(&mut client).await.what,
            Happening::Named { .. }
        ));
    }
}
