//! A listening server and our own client, over loopback and unix sockets.

use std::sync::Arc;
use std::time::Duration;

use capsaicin::channel::cursor::{Event as CursorEvent, Shape};
use capsaicin::channel::display::ImageCompression;
use capsaicin::channel::inputs::Button;
use capsaicin::client::{ClientConfig, ConnectError, Framebuffer};
use capsaicin::geometry::{Point, Rect, Size};
use capsaicin::link::{COMMON, Capabilities, LinkCode, LinkError, LinkRequest, Password};
use capsaicin::net::{Address, Route, Stream, handshake};
use capsaicin::pixels::{PixelBuf, PixelFormat, PixelView};
use capsaicin::server::{DisplayHandle, ServeError, ServerConfig};
use capsaicin::session::{Parting, ServerEvent, SessionConfig};
use capsaicin::{ClientEvent, CloseReason, InputEvent, SpiceClient, SpiceServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Only so that a broken test ends.
const PATIENCE: Duration = Duration::from_secs(60);

async fn soon<T>(future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(PATIENCE, future).await;
    done.expect("it takes less than half a minute")
}

async fn serve(config: ServerConfig) -> SpiceServer {
    let any_port = Address::tcp("127.0.0.1", 0);
    let server = SpiceServer::bind_to(&any_port, config).await;
    server.expect("loopback can be listened at")
}

fn small() -> ServerConfig {
    ServerConfig {
        size: Size::new(64, 48),
        ..ServerConfig::default()
    }
}

/// A screen of 240 000 bytes.
fn medium() -> ServerConfig {
    ServerConfig {
        size: Size::new(300, 200),
        ..ServerConfig::default()
    }
}

/// Draws over the whole screen.
fn cover(display: &DisplayHandle, seed: u32) {
    let picture = busy(display.size(), seed);
    let whole = display.size().to_rect();
    display.draw(whole, picture.view()).unwrap();
}

fn secret() -> ServerConfig {
    ServerConfig {
        password: Some(Password::new("sesame").expect("a password that fits")),
        ..small()
    }
}

async fn connect(server: &SpiceServer, password: &str) -> Result<SpiceClient, ConnectError> {
    let address = server.local_address().to_string();
    soon(SpiceClient::connect(&address, password)).await
}

/// A client, and the picture it has been told of.
struct Eye {
    client: SpiceClient,
    picture: Framebuffer,
    /// Whether there is somebody to take input.
    has_inputs: bool,
}

impl Eye {
    async fn on(server: &SpiceServer) -> Self {
        let client = connect(server, "").await;
        Self::of(client.expect("a server without password"))
    }

    fn of(client: SpiceClient) -> Self {
        Self {
            client,
            picture: Framebuffer::default(),
            has_inputs: false,
        }
    }

    async fn next(&mut self) -> ClientEvent {
        let event = soon(self.client.next_event()).await.expect("another event");
        match &event {
            ClientEvent::Display(event) => drop(self.picture.apply(event)),
            ClientEvent::Inputs(_) => self.has_inputs = true,
            _ => {}
        }
        event
    }

    /// Looks until the picture is meaningful, and what the server shows.
    async fn sees(&mut self, display: &DisplayHandle) {
        let shown = display.snapshot();
        while !self.picture.is_marked() || !self.has(shown.view()) {
            self.next().await;
        }
    }

    fn has(&self, shown: PixelView<'_>) -> bool {
        let seen = self.picture.view();
        seen.is_some_and(|seen| same(seen, shown))
    }

    /// Waits until input reaches somebody.
    async fn can_type(&mut self) {
        while !self.has_inputs {
            self.next().await;
        }
    }
}

/// Whether two pictures have the same colours.
fn same(a: PixelView<'_>, b: PixelView<'_>) -> bool {
    let colours = |row: &[u8]| {
        let pixels = row.as_chunks::<4>().0.iter();
        pixels.map(|[b, g, r, _]| [*b, *g, *r]).collect::<Vec<_>>()
    };
    a.size == b.size
        && a.rows()
            .zip(b.rows())
            .all(|(a, b)| colours(a) == colours(b))
}

/// A picture with flat parts, repeating parts and noise.
fn busy(size: Size, seed: u32) -> PixelBuf {
    let mut picture = PixelBuf::new(PixelFormat::Xrgb, size);
    let mut noise = seed;
    for (i, pixel) in picture
        .data_mut()
        .as_chunks_mut::<4>()
        .0
        .iter_mut()
        .enumerate()
    {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        *pixel = match (i / 16 + seed as usize) % 3 {
            0 => [7, 7, 7, 0],
            1 => [i as u8 % 4, 50, seed as u8, 0],
            _ => noise.to_be_bytes(),
        };
    }
    picture
}

#[tokio::test]
async fn a_viewer_sees_what_is_drawn_filled_and_moved() {
    for compression in [
        ImageCompression::Lz,
        ImageCompression::Glz,
        ImageCompression::Off,
    ] {
        let server = serve(ServerConfig {
            compression: compression.into(),
            size: Size::new(300, 200),
            ..ServerConfig::default()
        })
        .await;
        let display = server.display();
        let picture = busy(Size::new(120, 90), 1);
        display
            .draw(Rect::new(10, 20, 130, 110), picture.view())
            .unwrap();
        let mut eye = Eye::on(&server).await;
        eye.sees(&display).await;

        for step in 0..60 {
            let seed = step as u32;
            let at = Rect::new(step * 4, step * 2, step * 4 + 50, step * 2 + 40);
            display
                .draw(at, busy(Size::new(50, 40), seed).view())
                .unwrap();
            display.copy(
                Rect::new(0, 0, 250, 150),
                Point::new(step % 5 - 2, step % 3 - 1),
            );
            display.fill(
                Rect::new(step * 3, 150, step * 3 + 20, 170),
                0x0001_0101 * seed,
            );
            if step % 7 == 0 {
                eye.sees(&display).await;
            }
        }
        eye.sees(&display).await;
    }
}

#[tokio::test]
async fn a_new_size_reaches_the_viewer() {
    let server = serve(small()).await;
    let display = server.display();
    let mut eye = Eye::on(&server).await;
    eye.sees(&display).await;
    display.resize(Size::new(100, 30)).unwrap();
    display.fill(Rect::new(1, 1, 50, 20), 0x00ff_8800);
    eye.sees(&display).await;
    assert_eq!(eye.picture.heads()[0].rect, Rect::new(0, 0, 100, 30));
}

#[tokio::test]
async fn an_impossible_size_changes_nothing() {
    let server = serve(small()).await;
    let display = server.display();
    for (width, height) in [(0, 10), (10, 0), (16_385, 1), (16_384, 16_384)] {
        assert!(display.resize(Size::new(width, height)).is_err());
    }
    assert_eq!(display.size(), Size::new(64, 48));
}

#[tokio::test]
async fn pixels_that_are_not_32_bits_wide_are_refused() {
    let server = serve(small()).await;
    let narrow = PixelBuf::new(PixelFormat::Rgb565, Size::new(4, 4));
    let drawn = server.display().draw(Rect::new(0, 0, 4, 4), narrow.view());
    assert!(drawn.is_err());
}

#[tokio::test]
async fn a_viewer_that_asks_for_no_compression_sees_the_same() {
    let server = serve(medium()).await;
    let display = server.display();
    let mut config = ClientConfig::new(server.local_address().clone());
    config.session = SessionConfig {
        preferred_compression: Some(ImageCompression::Off),
        ..SessionConfig::default()
    };
    let client = soon(SpiceClient::connect_with(config)).await.unwrap();
    let mut eye = Eye::of(client);
    eye.sees(&display).await;
    cover(&display, 9);
    eye.sees(&display).await;
}

#[tokio::test]
async fn what_the_user_does_reaches_the_embedder() {
    let mut server = serve(small()).await;
    let mut eye = Eye::on(&server).await;
    assert!(matches!(
        soon(server.next_event()).await,
        Some(ServerEvent::Connected { .. })
    ));
    eye.sees(&server.display()).await;
    let inputs = [
        InputEvent::Position {
            x: 5,
            y: 6,
            display: 0,
        },
        InputEvent::Press(Button::Left),
        InputEvent::Release(Button::Left),
        InputEvent::Wheel(Button::Down),
        InputEvent::KeyDown(0x1e),
        InputEvent::KeyUp(0x1e),
        InputEvent::KeyDown(0x00e1_1d45),
        InputEvent::KeyUp(0x00e1_1d45),
    ];
    eye.can_type().await;
    for input in inputs {
        eye.client.send_input(input).await.unwrap();
    }
    eye.client
        .send_input(InputEvent::KeyTap(0xe04d))
        .await
        .unwrap();
    eye.client
        .send_input(InputEvent::KeyDown(0x2a))
        .await
        .unwrap();
    let mut seen = Vec::new();
    while seen.len() < inputs.len() + 3 {
        if let Some(ServerEvent::Input(input)) = soon(server.next_event()).await {
            seen.push(input);
        }
    }
    assert_eq!(seen[..inputs.len()], inputs);
    assert_eq!(
        seen[inputs.len()..],
        [
            InputEvent::KeyDown(0xe04d),
            InputEvent::KeyUp(0xe04d),
            InputEvent::KeyDown(0x2a),
        ]
    );
    // What is held when the viewer goes is let go before it is gone.
    drop(eye);
    assert_eq!(
        soon(server.next_event()).await,
        Some(ServerEvent::Input(InputEvent::KeyUp(0x2a)))
    );
    // Broken off where the server had said something that the viewer did not wait for.
    let parting = soon(server.next_event()).await;
    assert!(
        matches!(
            parting,
            Some(ServerEvent::Disconnected(
                Parting::Left | Parting::Broken(_)
            ))
        ),
        "{parting:?}"
    );
}

#[tokio::test]
async fn an_embedder_that_does_not_listen_gets_newest_positions_and_every_key_later() {
    let mut server = serve(small()).await;
    let mut eye = Eye::on(&server).await;
    let display = server.display();
    eye.can_type().await;
    let keys = 2000;
    let sender = eye.client.sender();
    let typing = tokio::spawn(async move {
        for i in 0..keys {
            let position = InputEvent::Position {
                x: i % 64,
                y: 0,
                display: 0,
            };
            for input in [position, InputEvent::KeyDown(0x1e), InputEvent::KeyUp(0x1e)] {
                let command = capsaicin::Command::Input(input);
                if sender.send(command).await.is_err() {
                    return;
                }
            }
        }
    });
    // Pictures go on while input waits.
    for shade in 0..20 {
        display.fill(Rect::new(0, 0, 64, 48), 0x0001_0101 * shade);
        eye.sees(&display).await;
    }
    let mut ups = 0;
    while ups < keys {
        if let Some(ServerEvent::Input(InputEvent::KeyUp(0x1e))) = soon(server.next_event()).await {
            ups += 1;
        }
    }
    soon(typing).await.unwrap();
}

#[tokio::test]
async fn the_pointer_s_shape_reaches_the_viewer() {
    let server = serve(small()).await;
    let shape = Arc::new(Shape {
        size: Size::new(2, 2),
        hot_spot: Point::new(1, 1),
        pixels: vec![255; 16],
        invert: vec![],
    });
    let mut eye = Eye::on(&server).await;
    eye.sees(&server.display()).await;
    server.display().show_cursor(Arc::clone(&shape));
    let shown = loop {
        if let ClientEvent::Cursor(CursorEvent::Shape {
            shape: Some(shape), ..
        }) = eye.next().await
        {
            break shape;
        }
    };
    assert_eq!(shown, shape);
    server.display().hide_cursor();
    loop {
        if let ClientEvent::Cursor(CursorEvent::Visible { visible: false, .. }) = eye.next().await {
            break;
        }
    }
}

#[tokio::test]
async fn only_the_right_password_opens() {
    let server = serve(secret()).await;
    for wrong in ["", "Sesame", "sesame1", "sesam"] {
        let error = connect(&server, wrong).await.err().expect("a refusal");
        assert!(
            matches!(
                &error,
                ConnectError::Link {
                    source: LinkError::WrongPassword,
                    ..
                }
            ),
            "{error:?}"
        );
    }
    assert!(connect(&server, "sesame").await.is_ok());
}

#[tokio::test]
async fn a_second_viewer_takes_over_and_one_without_the_password_does_not() {
    let mut server = serve(secret()).await;
    let mut first = connect(&server, "sesame").await.unwrap();
    assert!(connect(&server, "guess").await.is_err());
    let second = connect(&server, "sesame").await.unwrap();

    let end = loop {
        match soon(first.next_event()).await {
            Some(ClientEvent::Closed(why)) => break why,
            Some(_) => {}
            None => panic!("no last event"),
        }
    };
    // Broken off where the server had not yet read all that the first one said.
    assert!(
        matches!(end, CloseReason::ByPeer | CloseReason::Broken(_)),
        "{end:?}"
    );
    let mut events = Vec::new();
    while events.len() < 3 {
        match soon(server.next_event()).await {
            Some(ServerEvent::Connected { .. }) => events.push("connected".to_owned()),
            Some(ServerEvent::Disconnected(why)) => events.push(why.to_string()),
            _ => {}
        }
    }
    assert_eq!(
        events,
        ["connected", "another viewer took over", "connected"]
    );

    Eye::of(second).sees(&server.display()).await;
}

#[tokio::test]
async fn a_server_that_is_dropped_closes_its_viewer() {
    let server = serve(small()).await;
    let mut eye = Eye::on(&server).await;
    eye.sees(&server.display()).await;
    drop(server);
    loop {
        if let ClientEvent::Closed(_) = eye.next().await {
            break;
        }
    }
}

#[tokio::test]
async fn a_unix_socket_serves_as_well_and_goes_with_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("spice.sock");
    let server = SpiceServer::bind(path.to_str().unwrap(), small())
        .await
        .unwrap();
    let mut eye = Eye::on(&server).await;
    eye.sees(&server.display()).await;
    drop(server);
    loop {
        if let ClientEvent::Closed(_) = eye.next().await {
            break;
        }
    }
    assert!(!path.exists());
}

#[tokio::test]
async fn a_web_socket_serves_as_well() {
    let server = serve(small()).await;
    let mut route = Route::plain(server.local_address().clone());
    route.via.websocket = Some("/".into());
    let client = SpiceClient::connect_with(ClientConfig::along(route)).await;
    let mut eye = Eye::of(client.expect("a server that takes web-sockets"));
    eye.sees(&server.display()).await;
    cover(&server.display(), 7);
    eye.sees(&server.display()).await;
}

#[tokio::test]
async fn a_viewer_that_does_not_read_delays_nobody_and_catches_up() {
    let server = serve(medium()).await;
    let display = server.display();
    let mut eye = Eye::on(&server).await;
    eye.sees(&display).await;
    // More than sockets hold.
    for seed in 0..60 {
        cover(&display, seed);
        tokio::task::yield_now().await;
    }
    eye.sees(&display).await;
}

#[tokio::test]
async fn connections_that_never_finish_their_link_stop_nobody() {
    let server = serve(small()).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(Stream::connect(server.local_address()).await.unwrap());
    }
    let mut eye = Eye::on(&server).await;
    eye.sees(&server.display()).await;
}

async fn link(
    server: &SpiceServer,
    connection_id: u32,
    channel_type: u8,
    channel_id: u8,
) -> Result<Stream, String> {
    let mut stream = Stream::connect(server.local_address()).await.unwrap();
    let request = LinkRequest {
        connection_id,
        channel_type,
        channel_id,
        capabilities: Capabilities::of(COMMON, &[]),
        password: Password::default(),
        user: None,
    };
    match soon(handshake(&mut stream, request)).await {
        Ok(_) => Ok(stream),
        Err(error) => Err(error.to_string()),
    }
}

#[tokio::test]
async fn channels_that_do_not_exist_and_sessions_that_are_unknown_are_refused_with_the_reason() {
    let server = serve(small()).await;
    let refused = |code: LinkCode| LinkError::Refused(code).to_string();
    for (channel_type, channel_id) in [(2, 1), (5, 0), (99, 0)] {
        let error = link(&server, 0, channel_type, channel_id)
            .await
            .unwrap_err();
        assert_eq!(error, refused(LinkCode::ChannelNotAvailable));
    }
    for (connection_id, channel_type) in [(0, 2), (12_345, 3), (12_345, 1)] {
        let error = link(&server, connection_id, channel_type, 0)
            .await
            .unwrap_err();
        assert_eq!(error, refused(LinkCode::BadConnectionId));
    }
    assert!(link(&server, 0, 1, 0).await.is_ok());
}

#[tokio::test]
async fn a_peer_that_speaks_http_is_told_that_this_is_spice_and_closed() {
    let server = serve(small()).await;
    let mut stream = Stream::connect(server.local_address()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut answer = Vec::new();
    // The connection may be reset, since not all of the request was read.
    let _ = soon(stream.read_to_end(&mut answer)).await;
    assert!(answer.is_empty() || answer.starts_with(b"REDQ"));
}

#[tokio::test]
async fn a_viewer_that_breaks_the_protocol_is_closed_and_the_server_goes_on() {
    let mut server = serve(small()).await;
    let mut stream = link(&server, 0, 1, 0).await.unwrap();
    // Message 999 on main.
    stream.write_all(&[0xe7, 3, 0, 0, 0, 0]).await.unwrap();
    let mut rest = Vec::new();
    soon(stream.read_to_end(&mut rest)).await.unwrap();
    loop {
        if let Some(ServerEvent::Disconnected(why)) = soon(server.next_event()).await {
            assert_eq!(
                why.to_string(),
                "the viewer broke the protocol: unknown message 999"
            );
            break;
        }
    }
    // A body over the limit.
    let mut stream = link(&server, 0, 1, 0).await.unwrap();
    stream
        .write_all(&[107, 0, 0xff, 0xff, 0xff, 0x7f])
        .await
        .unwrap();
    loop {
        if let Some(ServerEvent::Disconnected(why)) = soon(server.next_event()).await {
            assert_eq!(
                why.to_string(),
                "the viewer broke the protocol: message 107 announces 2147483647 bytes, the limit is 26624"
            );
            break;
        }
    }
    let mut eye = Eye::on(&server).await;
    eye.sees(&server.display()).await;
}

#[tokio::test]
async fn what_cannot_be_listened_at_is_named() {
    let taken = serve(small()).await;
    let error = SpiceServer::bind_to(taken.local_address(), small())
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot listen at {}", taken.local_address())
    );
    assert!(std::error::Error::source(&error).is_some());
    let error = SpiceServer::bind("nowhere:port", small())
        .await
        .unwrap_err();
    assert!(matches!(error, ServeError::Address(_)));
    let nothing = ServerConfig {
        size: Size::new(0, 5),
        ..ServerConfig::default()
    };
    let error = SpiceServer::bind("127.0.0.1:1", nothing).await.unwrap_err();
    assert_eq!(error.to_string(), "a surface cannot be 0×5 pixels");
}
