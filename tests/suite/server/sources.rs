//! What can be served, seen through our own client.

use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use capsaicin::channel::inputs::scancode::make_code;
use capsaicin::client::Framebuffer;
use capsaicin::geometry::{Rect, Size};
use capsaicin::net::Address;
use capsaicin::pixels::{PixelBuf, PixelFormat};
use capsaicin::server::ServerConfig;
use capsaicin::server::source::{Demo, image};
use capsaicin::{ClientEvent, InputEvent, SpiceClient, SpiceServer};

async fn soon<T>(future: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(Duration::from_secs(60), future).await;
    done.expect("it takes less than half a minute")
}

/// Follows the picture until `enough`; where it changed since the call.
async fn watch(
    client: &mut SpiceClient,
    picture: &mut Framebuffer,
    mut enough: impl FnMut(&Framebuffer, &[Rect]) -> bool,
) {
    let mut changed = Vec::new();
    while !enough(picture, &changed) {
        let event = soon(client.next_event()).await.expect("another event");
        if let ClientEvent::Display(event) = event {
            changed.extend(picture.apply(&event));
        }
    }
}

#[tokio::test]
async fn the_demo_moves_by_itself_and_shows_what_is_typed() {
    let demo = Demo::start().await.unwrap();
    let mut client = soon(SpiceClient::connect(&demo.address().to_string(), ""))
        .await
        .unwrap();
    let mut picture = Framebuffer::default();
    watch(&mut client, &mut picture, |p, _| p.is_marked()).await;
    assert_eq!(picture.size(), Size::new(1024, 768));

    // Ten changes, none of them large.
    let small = |r: &Rect| r.area() < 100 * 300;
    watch(&mut client, &mut picture, |_, changed| {
        changed.iter().filter(|r| small(r)).count() >= 10
    })
    .await;

    // Something changes where the first line of the notes is, well left of where the clock and the ball are.
    let first_line = Rect::new(60, 100, 300, 126);
    let press = InputEvent::KeyTap(make_code("KeyM").unwrap());
    for _ in 0..6 {
        client.send_input(press).await.unwrap();
    }
    let dark = |p: &Framebuffer| {
        let view = p.view().expect("a picture").crop(first_line);
        let pixels = view.rows().flat_map(|row| row.as_chunks::<4>().0.iter());
        pixels.filter(|[b, g, r, _]| b.max(g).max(r) < &80).count()
    };
    watch(&mut client, &mut picture, |p, _| dark(p) > 6 * 10).await;
}

#[tokio::test]
async fn the_demo_s_socket_is_private_and_goes_with_it() {
    let demo = Demo::start().await.unwrap();
    let Address::Unix(socket) = demo.address().clone() else {
        panic!("not a unix socket")
    };
    let folder = socket.parent().unwrap().to_owned();
    let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert!(socket.exists());
    drop(demo);
    assert!(!folder.exists());
}

#[tokio::test]
async fn a_still_picture_is_served_in_its_size() {
    let any_port = Address::tcp("127.0.0.1", 0);
    let server = SpiceServer::bind_to(&any_port, ServerConfig::default())
        .await
        .unwrap();
    let address = server.local_address().to_string();
    let data = (0..40_u8).collect();
    let still = PixelBuf::from_data(PixelFormat::Xrgb, Size::new(5, 2), data).unwrap();
    let expected = still.clone();
    tokio::spawn(async move { image::run(server, still.view(), std::future::pending()).await });

    let mut client = soon(SpiceClient::connect(&address, "")).await.unwrap();
    let mut picture = Framebuffer::default();
    watch(&mut client, &mut picture, |p, _| p.is_marked()).await;
    let colours =
        |pixels: &[u8]| -> Vec<u8> { pixels.chunks(4).flat_map(|p| p[..3].to_vec()).collect() };
    let seen: Vec<u8> = picture.view().unwrap().rows().flatten().copied().collect();
    assert_eq!(colours(&seen), colours(expected.data()));
}
