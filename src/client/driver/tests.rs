use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::BytesMut;
use tokio::net::UnixStream;
use tokio::runtime::Builder;
use tokio::sync::Semaphore;

use super::*;
use crate::channel::display::messages::{SurfaceCreate, SurfaceFlags, SurfaceFormat};
use crate::channel::{ChannelKind, Message, display, main};
use crate::net::{Address, Stream};
use crate::wire::HeaderKind;

const DISPLAY: ChannelId = ChannelId::new(ChannelKind::Display, 0);

/// A connection to nobody.
fn linked() -> (Established, Wire) {
    let (ours, _) = UnixStream::pair().expect("a pair of sockets");
    let wire = Wire {
        stream: Stream::Unix(ours),
        leftover: BytesMut::new(),
        header: HeaderKind::Mini,
        limit: 1 << 20,
    };
    (Established::default(), wire)
}

/// A driver whose main channel is linked and has been told its session.
fn driver() -> Driver {
    let address = Address::parse("/there/is/no/such/socket").expect("a path");
    let mut driver = Driver::new(ClientConfig::new(address));
    let _ = driver.session.poll_output();
    let key = driver.wish(ChannelId::MAIN);
    let (established, wire) = linked();
    driver.opened(key, established, wire);
    let init = main::messages::Init {
        session_id: 1,
        display_channels_hint: 1,
        supported_mouse_modes: 1,
        current_mouse_mode: 1,
        agent_connected: 0,
        agent_tokens: 0,
        multi_media_time: 0,
        ram_hint: 0,
    };
    say(
        &mut driver,
        key,
        main::messages::ServerMessage::Init(init).to_frame(),
    );
    driver
}

/// A connection says something.
fn say(driver: &mut Driver, key: Key, frame: Frame) {
    let share = Arc::new(Semaphore::new(1)).try_acquire_owned();
    driver.received(Incoming::Frame(key, frame, share.expect("a permit")));
}

/// The server lists the display channel; what the driver calls the connection it begins to make.
fn list_display(driver: &mut Driver) -> Key {
    let channels = vec![DISPLAY];
    let list = main::messages::ChannelsList { channels };
    let list = main::messages::ServerMessage::ChannelsList(list);
    say(
        driver,
        (ChannelId::MAIN, driver.wished[&ChannelId::MAIN]),
        list.to_frame(),
    );
    driver.perform();
    (DISPLAY, driver.wished[&DISPLAY])
}

/// The display channel breaks the protocol, and the server lists it again; its old connection and the new one.
fn relisted(driver: &mut Driver) -> (Key, Key) {
    let old = list_display(driver);
    driver.dialled(old, Ok(linked()));
    say(driver, old, Frame::new(314, vec![1]));
    driver.perform();
    assert!(!driver.connections.contains_key(&DISPLAY), "it is closed");
    let new = list_display(driver);
    (old, new)
}

fn surface_create() -> Frame {
    let create = SurfaceCreate {
        surface_id: 0,
        width: 8,
        height: 8,
        format: SurfaceFormat::Xrgb,
        flags: SurfaceFlags::PRIMARY,
    };
    display::messages::ServerMessage::SurfaceCreate(create).to_frame()
}

fn has_screen(driver: &Driver) -> bool {
    let display = driver.session.display(0);
    display.is_some_and(|display| display.primary_size().is_some())
}

#[tokio::test]
async fn what_an_old_connection_says_late_is_not_for_the_new_one_of_its_channel() {
    let mut driver = driver();
    let (old, new) = relisted(&mut driver);
    driver.dialled(new, Ok(linked()));

    say(&mut driver, old, surface_create());
    driver.received(Incoming::End(old, PumpEnd::Dropped));
    assert!(!has_screen(&driver));
    assert!(driver.connections.contains_key(&DISPLAY));

    say(&mut driver, new, surface_create());
    assert!(has_screen(&driver));
}

#[tokio::test]
async fn a_connection_that_is_made_or_fails_too_late_changes_nothing() {
    let mut driver = driver();
    let (old, new) = relisted(&mut driver);
    let refused = ConnectError::Timeout {
        address: Address::tcp("vm.example", 5900),
        after: Duration::ZERO,
    };

    driver.dialled(old, Ok(linked()));
    driver.dialled(old, Err(refused));
    assert!(!driver.connections.contains_key(&DISPLAY));
    driver.dialled(new, Ok(linked()));
    say(&mut driver, new, surface_create());
    assert!(has_screen(&driver));
}

#[tokio::test]
async fn what_was_held_back_for_a_connection_goes_with_it() {
    let mut driver = driver();
    let old = list_display(&mut driver);
    driver.dialled(old, Ok(linked()));
    let share = Arc::new(Semaphore::new(1)).try_acquire_owned();
    let late = Incoming::Frame(old, surface_create(), share.expect("a permit"));
    driver.held.entry(DISPLAY).or_default().push_back(late);

    driver.session.closed(DISPLAY, CloseReason::ByPeer);
    driver.disconnect(DISPLAY);
    let new = list_display(&mut driver);
    driver.dialled(new, Ok(linked()));
    assert_eq!(driver.ready_channel(), None);
    assert!(!has_screen(&driver));
}

/// Counts how often it is shown the session.
struct Onlooker(Arc<AtomicU32>);

impl Tap for Onlooker {
    fn frame(&mut self, _: Duration, _: ChannelId, _: Way, _: &Frame) {}

    fn wants_session(&self) -> bool {
        true
    }

    fn session(&mut self, _: Duration, _: &ClientSession) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_session_is_shown_to_who_wants_to_see_it_unless_there_is_nothing_on_it() {
    for draws in [true, false] {
        let seen = Arc::<AtomicU32>::default();
        let mut config = ClientConfig::new(Address::tcp("vm.example", 5900));
        config.tap = Some(Box::new(Onlooker(seen.clone())));
        config.session.draws = draws;
        Driver::new(config).show_session();
        assert_eq!(seen.load(Ordering::Relaxed), u32::from(draws));
    }
}

#[test]
fn a_server_that_goes_has_closed_the_session_whatever_it_had_read() {
    for end in [PumpEnd::Closed, PumpEnd::Reset] {
        assert_eq!(close_reason(ChannelId::MAIN, end), CloseReason::ByPeer);
    }
    let alone = close_reason(DISPLAY, PumpEnd::Reset);
    assert_eq!(
        alone,
        CloseReason::Broken("connection reset by peer".into())
    );
}

#[test]
fn work_that_panics_or_finds_no_thread_is_known_to_be_lost() {
    let runtime = Builder::new_current_thread().build().expect("a runtime");
    assert_eq!(runtime.block_on(outside(|| "done", "lost")), "done");
    assert_eq!(
        runtime.block_on(outside(|| panic!("a fault in a job"), "lost")),
        "lost"
    );

    let gone = runtime.handle().clone();
    runtime.shutdown_background();
    assert_eq!(gone.block_on(outside(|| "done", "lost")), "lost");
}
