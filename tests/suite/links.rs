//! A session over links that are slow or bad: nothing is lost or reordered, and the user is told what is waited for.
//!
//! How long keys take is printed (`--nocapture`), not asserted.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use capsaicin::client::Framebuffer;
use capsaicin::geometry::Size;
use capsaicin::net::Address;
use capsaicin::pixels::{PixelBuf, PixelFormat};
use capsaicin::server::ServerConfig;
use capsaicin::session::ServerEvent;
use capsaicin::{ClientEvent, CloseReason, Command, InputEvent, SpiceClient, SpiceServer};

use crate::support::shaping::{Link, Relay};

/// Only so that a broken test ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// Keys that are typed; the make codes are those of letters and the row above.
const KEYS: u32 = 40;

async fn soon<T>(future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, future).await;
    done.expect("it takes less than a minute")
}

async fn serve() -> (SpiceServer, SocketAddr) {
    let any_port = Address::tcp("127.0.0.1", 0);
    let config = ServerConfig {
        size: Size::new(300, 200),
        ..ServerConfig::default()
    };
    let server = SpiceServer::bind_to(&any_port, config).await;
    let server = server.expect("loopback can be listened at");
    let address = server.local_address().to_string();
    let address = address.parse().expect("an address");
    (server, address)
}

/// A guest that draws something else over its whole screen for every key, and notes the keys.
async fn guest(mut server: SpiceServer, keys: tokio::sync::mpsc::UnboundedSender<u32>) {
    while let Some(event) = server.next_event().await {
        let ServerEvent::Input(InputEvent::KeyDown(code)) = event else {
            continue;
        };
        let display = server.display();
        let size = display.size();
        let mut picture = PixelBuf::new(PixelFormat::Xrgb, size);
        for (at, byte) in picture.data_mut().iter_mut().enumerate() {
            *byte = (at as u32).wrapping_mul(code) as u8;
        }
        display
            .draw(size.to_rect(), picture.view())
            .expect("it fits");
        if keys.send(code).is_err() {
            return;
        }
    }
}

/// A session through a relay, and what its guest takes.
struct Far {
    client: SpiceClient,
    picture: Framebuffer,
    keys: tokio::sync::mpsc::UnboundedReceiver<u32>,
    relay: Relay,
}

impl Far {
    async fn behind(link: Link) -> Self {
        let (server, address) = serve().await;
        let (sender, keys) = tokio::sync::mpsc::unbounded_channel();
        tokio::spawn(guest(server, sender));
        let relay = Relay::start(address, link);
        let client = soon(SpiceClient::connect(&relay.address.to_string(), "")).await;
        let mut far = Self {
            client: client.expect("a server without password"),
            picture: Framebuffer::default(),
            keys,
            relay,
        };
        far.until(|event| matches!(event, ClientEvent::Inputs(_)))
            .await;
        far
    }

    async fn until(&mut self, mut is_it: impl FnMut(&ClientEvent) -> bool) -> ClientEvent {
        loop {
            let event = soon(self.client.next_event()).await.expect("another event");
            if let ClientEvent::Display(event) = &event {
                self.picture.apply(event);
            }
            if is_it(&event) {
                return event;
            }
        }
    }

    async fn press(&mut self, code: u32) {
        for event in [InputEvent::KeyDown(code), InputEvent::KeyUp(code)] {
            soon(self.client.send_input(event))
                .await
                .expect("a session");
        }
    }

    /// Types, and waits until the guest has taken all of it; every key in its order.
    async fn types(&mut self, name: &str) {
        let (mut slowest, sender) = (Duration::ZERO, self.client.sender());
        let typing = async move {
            for code in 1..=KEYS {
                for event in [InputEvent::KeyDown(code), InputEvent::KeyUp(code)] {
                    sender.send(Command::Input(event)).await.expect("a session");
                }
                tokio::time::sleep(Duration::from_millis(30)).await;
            }
        };
        let began = Instant::now();
        let typing = tokio::spawn(typing);
        for code in 1..=KEYS {
            let taken = loop {
                tokio::select! {
                    taken = self.keys.recv() => break taken,
                    event = self.client.next_event() => {
                        if let Some(ClientEvent::Display(event)) = event {
                            self.picture.apply(&event);
                        }
                    }
                }
            };
            assert_eq!(taken, Some(code), "{name}");
            let typed = Duration::from_millis(30) * (code - 1);
            slowest = slowest.max(began.elapsed().saturating_sub(typed));
        }
        soon(typing).await.expect("all is typed");
        println!("{name}: the slowest key took {slowest:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_arrive_in_their_order_over_slow_links_while_the_screen_changes() {
    for (name, link) in [
        ("20 ms", Link::delayed(20)),
        ("150 ms", Link::delayed(150)),
        ("1 Mbit/s, 20 ms", Link::delayed(20).megabits(1)),
    ] {
        let mut far = Far::behind(link).await;
        soon(far.types(name)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stall_loses_nothing_and_is_told_when_it_lasts() {
    let mut far = Far::behind(Link::default()).await;
    let stalled = Link {
        stalls: true,
        ..Link::default()
    };
    for ms in [250, 5000] {
        far.relay.becomes(stalled);
        for code in 1..=3 {
            far.press(code).await;
        }
        let lasting = tokio::time::sleep(Duration::from_millis(ms));
        if ms > 4000 {
            let told = far.until(|e| matches!(e, ClientEvent::Silent(_))).await;
            assert!(matches!(told, ClientEvent::Silent(lasting) if lasting.as_secs() >= 4));
        }
        lasting.await;
        assert!(far.keys.try_recv().is_err(), "nothing moves");
        far.relay.becomes(Link::default());
        for code in 1..=3 {
            assert_eq!(soon(far.keys.recv()).await, Some(code), "{ms}");
        }
        if ms > 4000 {
            far.until(|event| *event == ClientEvent::Answers).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_cut_ends_the_session_at_once() {
    let mut far = Far::behind(Link::delayed(20)).await;
    far.relay.cut();
    let cut = Instant::now();
    let end = far.until(|e| matches!(e, ClientEvent::Closed(_))).await;
    println!("told after {:?}", cut.elapsed());
    let ClientEvent::Closed(why) = end else {
        unreachable!("it is the end");
    };
    assert!(
        matches!(why, CloseReason::ByPeer | CloseReason::Broken(_)),
        "{why:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_is_gone_without_a_word_is_noticed_when_it_is_asked() {
    let mut far = Far::behind(Link::default()).await;
    far.relay.becomes(Link {
        swallows: true,
        ..Link::default()
    });
    let asked = far.client.sender().send(Command::AskForLife).await;
    asked.expect("a session");
    let end = far.until(|e| matches!(e, ClientEvent::Closed(_))).await;
    let why = CloseReason::Lost("the server does not answer".into());
    assert_eq!(end, ClientEvent::Closed(why));
}
