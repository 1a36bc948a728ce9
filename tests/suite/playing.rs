//! Playing recordings in the viewer: the player's thread, its line and its keys.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, UNIX_EPOCH};

use capsaicin::ClientEvent;
use capsaicin::channel::ChannelId;
use capsaicin::client::Screens;
use capsaicin::recording::{Choices, What, Writer};
use capsaicin::session::{Tap, Way};
use capsaicin::term::input::{Event, Key as Pressed, KeyCode, Modifiers};
use capsaicin::tui::action::{Action, Effect, Ending, Mouse, Pointer};
use capsaicin::tui::deck::{Deck, Order, Speed, Timeline, Wishes};
use capsaicin::tui::keymap;
use capsaicin::tui::{Fed, view};
use capsaicin::wire::Frame;

use crate::support::recordings::{file, path, play, play_until, records};
use crate::viewer::Viewer;

/// A player at work, and what it shows.
struct Played {
    deck: Deck,
    screens: Screens,
    timeline: Timeline,
    notices: Vec<String>,
}

impl Played {
    fn start(name: &str, wishes: Wishes) -> Self {
        Self::of(Deck::start(&path(name), wishes).expect("a recording"))
    }

    fn of(mut deck: Deck) -> Self {
        let timeline = deck.timeline();
        Self {
            deck,
            screens: Screens::default(),
            timeline,
            notices: Vec::new(),
        }
    }

    /// Listens until the timeline is as wished.
    async fn until(&mut self, wished: impl Fn(&Timeline) -> bool) {
        let listening = async {
            while !wished(&self.timeline) {
                self.take_next().await;
            }
        };
        let patience = Duration::from_secs(60);
        let waited = tokio::time::timeout(patience, listening).await;
        assert!(waited.is_ok(), "{:?}", self.timeline);
    }

    /// Listens until it has said this.
    async fn until_it_says(&mut self, expected: &str) {
        let patience = Duration::from_secs(60);
        let listening = async {
            while !self.notices.iter().any(|notice| notice == expected) {
                self.take_next().await;
            }
        };
        let waited = tokio::time::timeout(patience, listening).await;
        assert!(waited.is_ok(), "{:?}", self.notices);
    }

    /// Listens until it shows these pixels.
    async fn until_it_shows(&mut self, expected: &[u8]) {
        let patience = Duration::from_secs(60);
        let listening = async {
            while self.pixels().as_deref() != Some(expected) {
                self.take_next().await;
            }
        };
        let waited = tokio::time::timeout(patience, listening).await;
        assert!(waited.is_ok(), "at {:?}", self.timeline.at);
    }

    async fn take_next(&mut self) {
        match self.deck.next().await {
            Fed::Event(Some(ClientEvent::Display(event))) => drop(self.screens.apply(&event)),
            Fed::Event(Some(ClientEvent::Notice(notice))) => self.notices.push(notice.text),
            Fed::Event(Some(_)) => {}
            Fed::Event(None) => panic!("the player is gone"),
            Fed::Timeline(timeline) => self.timeline = *timeline,
            Fed::Search(_) => {}
        }
    }

    /// Those of the screen, once there is one.
    fn pixels(&self) -> Option<Vec<u8>> {
        let view = self.screens.display(0).and_then(|screen| screen.view());
        view.map(|view| view.rows().flatten().copied().collect())
    }
}

fn at_rest() -> Wishes {
    Wishes {
        paused: true,
        ..Wishes::default()
    }
}

fn pixels(screen: &capsaicin::client::Framebuffer) -> Vec<u8> {
    screen
        .view()
        .expect("a screen")
        .rows()
        .flatten()
        .copied()
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_played_as_fast_as_possible_ends_in_the_pictures_it_ends_in() {
    let wishes = Wishes {
        speed: Speed::Fastest,
        ..Wishes::default()
    };
    let mut played = Played::start("guest-desktop.pcapng", wishes);
    played.until(|timeline| timeline.ended).await;
    let expected = play(&file("guest-desktop.pcapng"));
    played.until_it_shows(&pixels(&expected.screen)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_lead_to_the_pictures_of_their_moments() {
    let mut played = Played::start("guest-desktop.pcapng", at_rest());
    for ms in [7500, 13_500, 2000] {
        let at = Duration::from_millis(ms);
        played.deck.order(Order::To(at));
        played
            .until(|timeline| timeline.at == at && timeline.seeking.is_none())
            .await;
        let expected = play_until(&file("guest-desktop.pcapng"), Some(at));
        played.until_it_shows(&pixels(&expected.screen)).await;
        assert!(played.timeline.paused);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_message_at_a_time_is_played_and_named() {
    let mut played = Played::start("guest-desktop.pcapng", at_rest());
    played.deck.order(Order::Message);
    played.until(|timeline| timeline.message.is_some()).await;
    let message = played.timeline.message.clone().unwrap();
    assert!(
        message.starts_with("main CHANNELS_LIST, 14 bytes"),
        "{message}"
    );
    let before = played.timeline.at;
    played.deck.order(Order::Change);
    played
        .until(|timeline| timeline.message.is_none() && timeline.at > before)
        .await;
}

/// Counts the frames that are played, and has the player wait at the hundredth until it is told to go on.
struct Gate {
    seen: Arc<AtomicUsize>,
    reached: mpsc::Sender<()>,
    goes_on: mpsc::Receiver<()>,
}

impl Tap for Gate {
    fn frame(&mut self, _: Duration, _: ChannelId, _: Way, _: &Frame) {
        if self.seen.fetch_add(1, Ordering::Relaxed) == 100 {
            self.reached.send(()).expect("a test");
            self.goes_on.recv().expect("a test");
        }
    }
}

/// A session in which so many messages pass and nothing is drawn.
fn nothing_drawn(frames: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = Writer::new(&mut bytes, "a test", UNIX_EPOCH, Choices::default()).unwrap();
    for record in records(&file("firmware-menu.pcapng")) {
        if let (ChannelId::MAIN, What::Opened(link)) = (record.channel, record.what) {
            writer.opened(record.at, ChannelId::MAIN, &link).unwrap();
        }
    }
    // PING: an id, a time.
    let ping = Frame::new(4, vec![0; 12]);
    for at in (0..frames).map(Duration::from_millis) {
        writer
            .frame(at, ChannelId::MAIN, Way::ToClient, &ping)
            .unwrap();
    }
    writer.close(Duration::from_millis(frames)).unwrap();
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_the_next_drawing_ends_with_the_next_key() {
    const FRAMES: u64 = 20_000;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quiet.pcapng");
    std::fs::write(&path, nothing_drawn(FRAMES)).unwrap();
    let seen = Arc::<AtomicUsize>::default();
    let (reached, is_reached) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel();
    let gate = Gate {
        seen: Arc::clone(&seen),
        reached,
        goes_on,
    };
    let wishes = Wishes {
        tap: Some(Box::new(gate)),
        ..at_rest()
    };
    let deck = Deck::start(&path, wishes).expect("a recording");
    let mut played = Played::of(deck);
    played.deck.order(Order::Change);
    is_reached.recv_timeout(Duration::from_secs(60)).unwrap();
    played.deck.order(Order::Mark);
    go_on.send(()).unwrap();
    played.until(|timeline| !timeline.marks.is_empty()).await;
    assert!(played.timeline.marks[0] < Duration::from_secs(10));
    assert!(seen.load(Ordering::Relaxed) < 10_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_cut_short_plays_to_the_cut_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("cut.pcapng");
    let whole = file("guest-desktop.pcapng");
    std::fs::write(&place, &whole[..whole.len() * 2 / 3]).unwrap();
    let wishes = Wishes {
        speed: Speed::Fastest,
        ..Wishes::default()
    };
    let mut played = Played {
        deck: Deck::start(&place, wishes).unwrap(),
        screens: Screens::default(),
        timeline: Timeline::default(),
        notices: Vec::new(),
    };
    played.until(|timeline| timeline.ended).await;
    let cut = whole.len() * 2 / 3;
    let said = format!("this file is cut short at byte {cut}; it plays up to there");
    played.until_it_says(&said).await;
}

#[test]
fn a_session_that_is_not_in_the_file_is_named() {
    let wishes = Wishes {
        session: Some(3),
        ..Wishes::default()
    };
    let error = Deck::start(&path("guest-desktop.pcapng"), wishes)
        .err()
        .unwrap();
    assert_eq!(error.to_string(), "no session 4 in it, only one");
}

/// A viewer of a recording of 100 seconds with something in its middle.
fn viewer() -> Viewer {
    let mut viewer = Viewer::showing(80, 24, 64, 48, [10, 20, 30]);
    let contents = capsaicin::recording::Contents {
        activity: vec![0, 0, 4000, 10, 0, 0, 0, 0, 0, 0],
        slice: Duration::from_secs(10),
        places: Vec::new(),
        markers: Vec::new(),
    };
    viewer.act(Action::Timeline(Box::new(Timeline {
        at: Duration::from_secs(50),
        length: Duration::from_secs(100),
        paused: true,
        contents: contents.into(),
        ..Timeline::default()
    })));
    viewer
}

fn press(viewer: &mut Viewer, key: Pressed) -> Vec<Effect> {
    let action = keymap::action(Event::Key(key), viewer.app.mode());
    action.map_or(Vec::new(), |action| viewer.act(action))
}

#[test]
fn the_players_line_stands_above_the_status_line() {
    let mut viewer = viewer();
    let rows = viewer.text();
    let line = &rows[22];
    assert!(line.starts_with(" || 0:50.0 ·"), "{line}");
    assert!(line.trim_end().ends_with("· 1:40.0 1×"), "{line}");
    assert!(line.contains("·███"), "{line}");
    assert!(rows[23].contains("recording, ? helps"), "{}", rows[23]);
}

#[test]
fn keys_are_the_players_and_none_reaches_a_guest() {
    let mut viewer = viewer();
    let char = |c| Pressed::new(KeyCode::Char(c));
    let cases = [
        (char(' '), Order::Pause),
        (char('7'), Order::Tenth(7)),
        (char('.'), Order::Message),
        (char('+'), Order::Speed(Speed::Power(1))),
        (Pressed::new(KeyCode::Left), Order::By(-5000)),
        (
            Pressed::with(KeyCode::Right, Modifiers::SHIFT),
            Order::By(60_000),
        ),
    ];
    for (key, order) in cases {
        assert_eq!(press(&mut viewer, key), [Effect::Play(order)]);
    }
    assert_eq!(press(&mut viewer, char('x')), []);
    let rows = viewer.text();
    assert!(
        rows[23].contains("a recording takes no keys"),
        "{}",
        rows[23]
    );
    let quit = press(&mut viewer, char('q'));
    assert_eq!(quit.last(), Some(&Effect::End(Ending::Quit)));
}

#[test]
fn a_typed_time_and_a_click_lead_to_a_moment() {
    let mut viewer = viewer();
    for c in "g1:10".chars() {
        press(&mut viewer, Pressed::new(KeyCode::Char(c)));
    }
    let chosen = press(&mut viewer, Pressed::new(KeyCode::Enter));
    assert_eq!(chosen, [Effect::Play(Order::To(Duration::from_secs(70)))]);
    let line = view::layout_of(&viewer.app).timeline;
    let clicked = viewer.act(Action::Pointer(Pointer {
        column: 11,
        row: line.y,
        part: Default::default(),
        did: Mouse::Press(capsaicin::channel::inputs::Button::Left),
    }));
    assert_eq!(clicked, [Effect::Play(Order::To(Duration::ZERO))]);
}

#[test]
fn the_help_page_begins_with_the_players_keys() {
    let mut viewer = viewer();
    press(&mut viewer, Pressed::new(KeyCode::Char('?')));
    let rows = viewer.text();
    assert!(rows[1].contains("This is a recording"), "{}", rows[1]);
    assert!(
        rows.iter()
            .any(|row| row.contains("Space") && row.contains("stop and go on"))
    );
}

#[test]
fn the_players_line_is_there_in_twenty_columns_and_five_rows_and_without_blocks() {
    let mut viewer = viewer();
    viewer.act(Action::Resized {
        columns: 20,
        rows: 5,
        cell_aspect: 0.5,
    });
    let rows = viewer.text();
    assert!(rows[3].starts_with(" || 0:50.0"), "{}", rows[3]);
}
