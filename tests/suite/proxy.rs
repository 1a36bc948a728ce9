//! Between our client and our server: what passes, what is seen of it, and what rules and slow lines do to it.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use capsaicin::channel::ChannelId;
use capsaicin::client::{ClientConfig, ConnectError, Framebuffer};
use capsaicin::geometry::{Rect, Size};
use capsaicin::link::{Established, LinkError, Password};
use capsaicin::net::{Address, Route};
use capsaicin::proxy::{Config, Door, Event, Gate, Proxy, Shape};
use capsaicin::server::ServerConfig;
use capsaicin::session::{Hold, Tap, Way};
use capsaicin::wire::Frame;
use capsaicin::{ClientEvent, SpiceClient, SpiceServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Only so that a broken test ends.
const PATIENCE: Duration = Duration::from_secs(60);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, future).await;
    done.expect("it takes less than half a minute")
}

/// A server with a password that shows one colour, and the proxy in front of it.
struct Scene {
    server: SpiceServer,
    proxy: Proxy,
    seen: Frames,
    gate: Gate,
}

/// What the taps saw: session, channel, direction, number.
type Frames = Arc<Mutex<Vec<(u64, ChannelId, Way, u16)>>>;

const COLOUR: u32 = 0x0012_3456;

struct Seen(u64, Frames);

impl Tap for Seen {
    fn frame(&mut self, _at: Duration, channel: ChannelId, way: Way, frame: &Frame) {
        let mut seen = self.1.lock().expect("no panic with it");
        seen.push((self.0, channel, way, frame.number));
    }

    fn opened(&mut self, _at: Duration, _channel: ChannelId, link: &Established) {
        assert!(link.client.has_common(0) && link.server.has_common(0));
    }
}

async fn scene(rules: &[&str], shape: Shape) -> Scene {
    let server = SpiceServer::bind_to(
        &Address::tcp("127.0.0.1", 0),
        ServerConfig {
            size: Size::new(64, 48),
            password: Some(Password::new("sesame").expect("it fits")),
            ..ServerConfig::default()
        },
    )
    .await
    .expect("loopback can be listened at");
    server.display().fill(Rect::new(0, 0, 64, 48), COLOUR);
    let gate = Gate::default();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let taken = Arc::clone(&seen);
    let config = Config {
        route: Route::plain(server.local_address().clone()),
        login: None,
        shape,
        rules: rules
            .iter()
            .map(|rule| rule.parse().expect("a rule"))
            .collect(),
        taps: Box::new(move |session| Some(Box::new(Seen(session, Arc::clone(&taken))))),
        gate: gate.clone(),
    };
    let door = Door {
        address: Address::tcp("127.0.0.1", 0),
        #[cfg(feature = "tls")]
        credentials: None,
    };
    let proxy = Proxy::start(vec![door], config).await;
    Scene {
        server,
        proxy: proxy.expect("loopback can be listened at"),
        seen,
        gate,
    }
}

impl Scene {
    async fn connect(&self, password: &str) -> Result<SpiceClient, ConnectError> {
        let config = ClientConfig {
            password: Password::new(password).expect("it fits"),
            ..ClientConfig::new(self.proxy.addresses()[0].clone())
        };
        soon(SpiceClient::connect_with(config)).await
    }

    /// Why the next connection comes to nothing.
    async fn refusal(&mut self) -> String {
        self.until(|event| match event {
            Event::Refused { why, .. } => Some(why),
            _ => None,
        })
        .await
    }

    /// The next event of this kind.
    async fn until<T>(&mut self, wanted: impl Fn(Event) -> Option<T>) -> T {
        soon(async {
            loop {
                let event = self.proxy.next_event().await.expect("it goes on");
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
        })
        .await
    }
}

/// The picture once it shows the colour; `None` when the session ends before.
async fn picture(client: &mut SpiceClient) -> Option<Framebuffer> {
    let mut screen = Framebuffer::default();
    soon(async {
        while let Some(event) = client.next_event().await {
            if let ClientEvent::Display(event) = event {
                screen.apply(&event);
            }
            let first = screen.view().map(|view| view.row(0)[..3].to_vec());
            if first.as_deref() == Some(&COLOUR.to_le_bytes()[..3]) {
                return Some(screen);
            }
        }
        None
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_the_servers_password_gets_its_picture_and_every_frame_is_seen() {
    let mut scene = scene(&[], Shape::default()).await;

    let mut client = scene.connect("sesame").await.expect("it is let in");
    assert!(picture(&mut client).await.is_some());
    drop(client);
    let lasted = scene
        .until(|event| match event {
            Event::Ended { session: 1, lasted } => Some(lasted),
            _ => None,
        })
        .await;

    assert!(lasted < PATIENCE);
    let seen = scene.seen.lock().expect("no panic with it");
    // INIT is 103 of main; SURFACE_CREATE is 314 of display, whose client says INIT, 101.
    assert!(seen.contains(&(1, ChannelId::MAIN, Way::ToClient, 103)));
    let display = |way, number| {
        seen.iter().any(|(session, id, w, n)| {
            (*session, *w, *n) == (1, way, number) && id.to_string() == "display:0"
        })
    };
    assert!(display(Way::ToClient, 314) && display(Way::ToServer, 101));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_a_wrong_password_through_the_proxy() {
    let mut scene = scene(&[], Shape::default()).await;

    let refused = scene.connect("simsim").await.err().expect("it is refused");

    let source = match refused {
        ConnectError::Link { source, .. } => source,
        other => panic!("{other}"),
    };
    assert_eq!(source, LinkError::WrongPassword);
    let why = scene.refusal().await;
    assert_eq!(
        why,
        "the server refused the password: it is wrong, expired or not set"
    );
    // The next one is let in.
    assert!(scene.connect("sesame").await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_one_after_the_other_are_told_apart() {
    let mut scene = scene(&[], Shape::default()).await;
    for number in 1..=2 {
        let mut client = scene.connect("sesame").await.expect("it is let in");
        assert!(picture(&mut client).await.is_some());
        drop(client);
        scene
            .until(|event| match event {
                Event::Ended { session, .. } if session == number => Some(()),
                _ => None,
            })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_cuts_the_channel_it_names_and_no_other() {
    let mut scene = scene(&["display.surface_create: cut"], Shape::default()).await;

    let mut client = scene.connect("sesame").await.expect("it is let in");
    let cut = soon(async {
        while let Some(event) = client.next_event().await {
            if let ClientEvent::ChannelClosed(id, _) = event {
                return id.to_string();
            }
        }
        "the session".to_owned()
    })
    .await;

    assert_eq!(cut, "display:0");
    let why = scene
        .until(|event| match event {
            Event::Closed { why, .. } => Some(why),
            _ => None,
        })
        .await;
    assert_eq!(why, "a rule cut it");
    let seen = scene.seen.lock().expect("no panic with it");
    assert!(seen.iter().all(|(_, _, _, number)| *number != 314));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stalled_message_comes_later_and_a_corrupt_one_is_told() {
    let rules = ["display.mark: stall 400ms", "main.init: corrupt"];
    let mut scene = scene(&rules, Shape::default()).await;

    let began = Instant::now();
    let mut client = scene.connect("sesame").await.expect("it is let in");
    let told = scene
        .until(|event| match event {
            Event::Fault {
                rule,
                serial,
                number,
                ..
            } => Some((rule, serial, number)),
            _ => None,
        })
        .await;
    assert_eq!((told.0.as_str(), told.2), ("main.init: corrupt", 103));
    // The corrupt byte lies behind the session's id: the other channels find their session.
    soon(async {
        while let Some(event) = client.next_event().await {
            if let ClientEvent::Display(capsaicin::DisplayEvent::Marked { .. }) = event {
                return;
            }
        }
    })
    .await;
    assert!(began.elapsed() >= Duration::from_millis(400));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_line_delays_what_it_carries_and_loses_nothing() {
    let shape = Shape {
        delay: Duration::from_millis(60),
        rate: Some(10_000_000),
        loss: 0.05,
    };
    let scene = scene(&[], shape).await;
    let began = Instant::now();
    let mut client = scene.connect("sesame").await.expect("it is let in");
    assert!(picture(&mut client).await.is_some());
    // INIT, the list of channels, and the picture each come 60 ms late, and what the client says in between too.
    assert!(began.elapsed() >= Duration::from_millis(180));
    assert_eq!(scene.server.display().size(), Size::new(64, 48));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_no_spice_client_is_told_so_in_the_words_of_the_protocol() {
    let mut scene = scene(&[], Shape::default()).await;
    let address = scene.proxy.addresses()[0].to_string();

    let mut stream = TcpStream::connect(&address).await.expect("it listens");
    stream
        .write_all(b"GET / HTTP/1.1\r\n\r\n")
        .await
        .expect("it reads");
    let mut answer = Vec::new();
    // The rest of the request may be in the way of an orderly end.
    let _ = soon(stream.read_to_end(&mut answer)).await;

    // A link reply: INVALID_MAGIC is 2.
    assert_eq!(answer.get(..4), Some(&b"REDQ"[..]));
    assert_eq!(answer.get(16..20), Some(&[2, 0, 0, 0][..]));
    let why = scene.refusal().await;
    assert_eq!(
        why,
        "the client begins with 47 45 54 20, which is not SPICE"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_there_is_an_error_for_the_client_and_not_the_end_of_the_proxy() {
    let mut scene = scene(&[], Shape::default()).await;
    let Scene { server, .. } = &scene;
    let gone = server.local_address().to_string();
    // Its socket closes with it.
    let other = SpiceServer::bind("127.0.0.1:0", ServerConfig::default()).await;
    scene.server = other.expect("loopback can be listened at");
    soon(async {
        while TcpStream::connect(&gone).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    for _ in 0..2 {
        assert!(scene.connect("sesame").await.is_err());
        let why = scene.refusal().await;
        assert!(
            why.starts_with(&format!("cannot connect to {gone}")),
            "{why}"
        );
    }
}

/// Whoever debugs a client holds its first messages already.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_says_is_held_and_let_pass_one_by_one() {
    let mut scene = scene(&[], Shape::default()).await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    scene
        .gate
        .on_step(move || tell.send(()).expect("somebody listens"));
    scene.gate.obey(Hold::On);
    let config = ClientConfig {
        password: Password::new("sesame").expect("it fits"),
        ..ClientConfig::new(scene.proxy.addresses()[0].clone())
    };
    let connecting = tokio::spawn(SpiceClient::connect_with(config));
    let linked = |event| matches!(event, Event::Linked { .. }).then_some(());
    scene.until(linked).await;
    let passed = |scene: &Scene| -> Vec<u16> {
        let seen = scene.seen.lock().expect("no panic with it");
        let from_server = seen.iter().filter(|(_, _, way, _)| *way == Way::ToClient);
        from_server.map(|(.., number)| *number).collect()
    };
    assert!(passed(&scene).is_empty());
    for count in 1..=6 {
        scene.gate.obey(Hold::Step);
        soon(told.recv()).await.expect("a step");
        assert_eq!(passed(&scene).len(), count);
    }
    assert_eq!(passed(&scene)[0], 103, "INIT of main");

    scene.gate.obey(Hold::Off);
    let client = soon(connecting).await.expect("no panic");
    let mut client = client.expect("it is let in");
    assert!(picture(&mut client).await.is_some());
    assert!(told.try_recv().is_err(), "nothing else passed by itself");
}
