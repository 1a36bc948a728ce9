//! Who drew this pixel, and messages one at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use capsaicin::channel::display::draw::{Brush, Clip, DisplayBase, DrawFill, QMask, Rop};
use capsaicin::channel::display::messages::ServerMessage;
use capsaicin::channel::{ChannelId, ChannelKind, Message};
use capsaicin::client::{Framebuffer, Screens};
use capsaicin::geometry::{Point, Rect};
use capsaicin::inspect::Effect as Did;
use capsaicin::recording::{Player, Reader, Survey, What};
use capsaicin::session::{Held, Hold, Tap, Way};
use capsaicin::term::input::{Event, Key as Pressed, KeyCode, Modifiers, MouseButton, MouseKind};
use capsaicin::tui::Fed;
use capsaicin::tui::action::{Action, Effect, Ending, MenuKey};
use capsaicin::tui::deck::{Deck, Order, Timeline, Wishes};
use capsaicin::tui::mirror::{Mirror, Usher, Witness};
use capsaicin::tui::origin::{Question, Search, State};
use capsaicin::tui::panes::PaneKind;
use capsaicin::tui::watch::Watch;
use capsaicin::{ClientEvent, CloseReason, Command};
use ratatui::style::Color;

use super::Viewer;
use super::panes::{pass, press};
use crate::support::recordings::{file, path, play, records};
use crate::support::viewer::frame;

/// The record of a recording's only session after which each of these pixels changed its colour last: found by playing it
/// record by record and looking at the picture.
fn last_changes(name: &str, pixels: &[Point]) -> BTreeMap<(i32, i32), u64> {
    let file = file(name);
    let survey = Survey::read(Reader::new(&file[..]).unwrap()).unwrap();
    let mut player = Player::new(Reader::new(&file[..]).unwrap(), survey.choose(None));
    let mut screens = Screens::default();
    let (mut colours, mut changes) = (BTreeMap::new(), BTreeMap::new());
    let mut played = 0;
    while player.step(Duration::MAX).unwrap() {
        played += 1;
        while let Some(event) = player.poll_event() {
            if let ClientEvent::Display(event) = event {
                screens.apply(&event);
            }
        }
        let Some(view) = screens.display(0).and_then(|screen| screen.view()) else {
            continue;
        };
        for at in pixels {
            let colour = view.pixel(at.x as u32, at.y as u32) & 0x00ff_ffff;
            if colours.insert((at.x, at.y), colour) != Some(colour) {
                changes.insert((at.x, at.y), played);
            }
        }
    }
    changes
}

/// Asks a player about a pixel.
async fn ask(deck: &mut Deck, pixel: Point) -> Search {
    deck.order(Order::WhoDrew(Question { display: 0, pixel }));
    let answered = async {
        loop {
            if let Fed::Search(search) = deck.next().await
                && search.question.pixel == pixel
                && search.state == State::Done
            {
                return *search;
            }
        }
    };
    let patience = Duration::from_secs(60);
    tokio::time::timeout(patience, answered)
        .await
        .expect("an answer")
}

#[tokio::test(flavor = "multi_thread")]
async fn among_the_messages_that_made_a_pixel_is_the_one_that_changed_it_last() {
    for name in [
        "draws-rop3-copybits.pcapng",
        "draws-composite-surface.pcapng",
    ] {
        let pixels: Vec<Point> = (0..40)
            .map(|n| Point::new(5 + n * 71 % 630, 3 + n * 53 % 470))
            .collect();
        let changes = last_changes(name, &pixels);
        let mut deck = Deck::start(&path(name), Wishes::default()).unwrap();
        deck.order(Order::End);
        for at in pixels {
            let search = ask(&mut deck, at).await;
            let last = changes[&(at.x, at.y)];
            let numbers: Vec<u64> = search.makers.iter().map(|m| m.entry.number).collect();
            // What came after the last change covered it with the same colour.
            let (newest, oldest) = (numbers[0], numbers[numbers.len() - 1]);
            assert!(newest >= last, "{name} {at:?}: {last} of {numbers:?}");
            let is_named = numbers.contains(&last) || oldest > last;
            assert!(is_named, "{name} {at:?}: {last} of {numbers:?}");
            let effect = search.makers.last().unwrap().mark.effect;
            assert!(matches!(effect, Did::Covers | Did::Creates), "{effect:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pixel_is_explained_as_of_the_moment_that_is_shown() {
    let wishes = Wishes {
        paused: true,
        ..Wishes::default()
    };
    let mut deck = Deck::start(&path("draws-rop3-copybits.pcapng"), wishes).unwrap();
    let at = Point::new(320, 240);
    assert!(
        ask(&mut deck, at).await.makers.is_empty(),
        "at the beginning"
    );
    deck.order(Order::End);
    assert!(!ask(&mut deck, at).await.makers.is_empty(), "at the end");
}

/// A viewer of a session whose messages pass, pointing at a pixel.
fn pointing() -> Viewer {
    let mut viewer = Viewer::showing(80, 24, 720, 400, [10, 20, 30]);
    viewer.menu("im");
    pass(&viewer.app.watch, "firmware-menu.pcapng");
    viewer.wait(300);
    viewer.frame();
    press(&mut viewer, "⎋");
    viewer.menu("iw");
    viewer
}

#[test]
fn a_crosshair_points_at_the_pixel_and_the_status_line_says_its_colour() {
    let mut viewer = pointing();
    let text = viewer.text();
    assert_eq!(
        text[23],
        " pixel 360,200 #0a141e · arrows, by one with Shift · Enter: who drew it · Esc"
    );
    assert!(
        text.iter().any(|line| line.contains("────+────")),
        "{text:#?}"
    );
    viewer.press(KeyCode::Left, Modifiers::SHIFT);
    assert_eq!(viewer.app.crosshair(), Some(Point::new(359, 200)));
    for _ in 0..40 {
        viewer.press(KeyCode::Left, Modifiers::NONE);
        viewer.wait(30);
    }
    assert_eq!(
        viewer.app.crosshair(),
        Some(Point::new(0, 200)),
        "no further"
    );
    press(&mut viewer, "⎋");
    assert_eq!(viewer.app.crosshair(), None);
}

#[test]
fn the_messages_that_made_a_pixel_are_listed_and_opened() {
    let mut viewer = pointing();
    press(&mut viewer, "\n");
    let text = viewer.text();
    let at = text
        .iter()
        .position(|line| line.contains("─ pixel:"))
        .unwrap();
    assert!(
        text[at + 1].starts_with("pixel 360,200 of display:0 at 0:"),
        "{text:#?}"
    );
    assert!(text[at + 1].ends_with("made by one message"), "{text:#?}");
    assert!(
        text[at + 2].contains("covers: DRAW_COPY") && text[at + 2].contains("bbox=0,0+720x400"),
        "{text:#?}"
    );
    press(&mut viewer, "\nz");
    let text = viewer.text();
    assert!(text[0].contains("detail:"), "{text:#?}");
    assert!(text[1].contains("received DRAW_COPY"), "{text:#?}");
    press(&mut viewer, "z⌫");
    assert!(viewer.text().iter().any(|line| line.contains("─ pixel:")));
}

#[test]
fn a_click_asks_too_and_what_is_not_kept_is_said() {
    let mut viewer = Viewer::showing(80, 24, 720, 400, [10, 20, 30]);
    viewer.menu("iw");
    viewer.mouse(MouseKind::Press(MouseButton::Left), 40, 6);
    let text = viewer.text();
    assert!(
        text[13].contains("no message that drew it is known"),
        "{text:#?}"
    );
    assert_eq!(text[14], "what was drawn before these messages is not kept");
}

/// A viewer of a recording that plays.
fn playing() -> Viewer {
    let mut viewer = Viewer::showing(80, 24, 64, 48, [10, 20, 30]);
    viewer.act(Action::Timeline(Box::new(Timeline {
        at: Duration::from_secs(50),
        length: Duration::from_secs(100),
        ..Timeline::default()
    })));
    viewer
}

fn player_key(viewer: &mut Viewer, c: char) -> Vec<Effect> {
    viewer.terminal(Event::Key(Pressed::new(KeyCode::Char(c))))
}

#[test]
fn a_recording_stands_still_while_a_pixel_is_pointed_at_and_a_search_can_be_given_up() {
    let mut viewer = playing();
    assert_eq!(player_key(&mut viewer, 'w'), [Effect::Play(Order::Pause)]);
    let effects = viewer.act(Action::Menu(MenuKey::Enter));
    let question = Question {
        display: 0,
        pixel: Point::new(32, 24),
    };
    assert_eq!(effects, [Effect::Play(Order::WhoDrew(question))]);
    let search = Search {
        question,
        state: State::Reads(37),
        ..Search::default()
    };
    viewer.act(Action::Search(Box::new(search.clone())));
    let text = viewer.text();
    assert!(
        text.iter()
            .any(|line| line == "pixel 32,24 of display:0: looking, 37 % read; Esc gives up"),
        "{text:#?}"
    );
    let effects = viewer.act(Action::Menu(MenuKey::Close));
    assert_eq!(effects, [Effect::Play(Order::Recall)]);
    viewer.act(Action::Search(Box::new(search)));
    assert!(viewer.text().iter().any(|line| line == "given up"));
}

#[test]
fn messages_that_were_ordered_are_given_up_when_the_player_goes_elsewhere() {
    let mut viewer = playing();
    player_key(&mut viewer, '.');
    assert_eq!(player_key(&mut viewer, '.'), []);
    let elsewhere = viewer.press(KeyCode::Right, Modifiers::NONE);
    assert_eq!(elsewhere, [Effect::Play(Order::By(5000))]);
    assert_eq!(viewer.session(ClientEvent::Held(Held::Stepped)), []);
    assert_eq!(viewer.app.stepper.count(), 0);
}

#[test]
fn where_no_message_comes_any_more_none_is_counted_and_that_is_said() {
    let mut viewer = playing();
    player_key(&mut viewer, '.');
    viewer.session(ClientEvent::Held(Held::Stepped));
    assert_eq!(viewer.app.stepper.count(), 0);
    let text = viewer.text();
    assert!(
        text[23].contains("no message comes after this"),
        "{text:#?}"
    );
}

#[test]
fn the_details_follow_the_list_again_after_those_of_a_pixel() {
    let mut viewer = pointing();
    press(&mut viewer, "\n\n");
    let asked = viewer.app.examined().expect("a message").frame().clone();
    // The messages, and one of them that is marked.
    press(&mut viewer, "2↑↑↑");
    let marked = viewer.app.protocol.looked_at().expect("a message");
    assert_ne!(*marked.frame(), asked);
    assert_eq!(viewer.app.examined(), Some(marked));
}

/// A live session that is held, with a fill let in.
fn stepped() -> Viewer {
    let mut viewer = Viewer::showing(80, 24, 64, 48, [10, 20, 30]);
    viewer.menu("ih");
    press(&mut viewer, ".");
    let mut watch = viewer.app.watch.clone();
    let area = Rect::new(16, 12, 48, 36);
    let fill = ServerMessage::DrawFill(DrawFill {
        base: DisplayBase {
            surface_id: 0,
            bbox: area,
            clip: Clip::None,
        },
        brush: Brush::Solid(0x00ff_0000),
        rop: Rop::OP_PUT,
        mask: QMask::default(),
    });
    let at = Duration::from_millis(1234);
    watch.frame(at, DISPLAY, Way::ToClient, &fill.to_frame());
    viewer.fill(area, [255, 0, 0]);
    viewer.session(ClientEvent::Held(Held::Stepped));
    viewer
}

const DISPLAY: ChannelId = ChannelId::new(ChannelKind::Display, 0);

/// Colour of the picture in the middle of the terminal's upper half.
fn middle(viewer: &mut Viewer) -> Color {
    viewer.frame()[(40, 6)].bg
}

#[test]
fn opening_the_step_pane_holds_the_session_and_closing_it_goes_on() {
    let mut viewer = Viewer::showing(80, 24, 64, 48, [10, 20, 30]);
    let hold = |order| Effect::Command(Command::Hold(order));
    assert!(viewer.menu("ih").contains(&hold(Hold::On)));
    let text = viewer.text();
    let keys = "step: . one  n to drawing  b before  Space  Enter bytes  1-9 Tab  z large  Esc";
    assert_eq!(text[12], format!("─ {keys}"));
    assert_eq!(text[13], "HELD: the server waits; keys still reach it");
    assert!(text[23].contains("HELD"), "{}", text[23]);
    let step = viewer.act(Action::Menu(MenuKey::Char('.')));
    assert_eq!(step, [hold(Hold::Step)]);
    assert_eq!(viewer.text()[13], "waiting for a message from the server");
    let off = viewer.act(Action::Menu(MenuKey::Close));
    assert_eq!(off, [hold(Hold::Off)]);
    let text = viewer.text();
    assert!(!text[23].contains("HELD") && !text.iter().any(|line| line.contains("step")));
}

#[test]
fn a_message_is_said_with_its_box_and_the_picture_before_it_can_be_seen() {
    let mut viewer = stepped();
    let text = viewer.text();
    assert_eq!(text[13], "HELD, 1 let in; Space goes on");
    assert!(
        text[14].starts_with("1.234000 display:0 DRAW_FILL 41B surface_id=0 bbox=16,12+32x24"),
        "{text:#?}"
    );
    assert_eq!(
        text[16],
        "draws in 16,12+32x24, outlined; shown is the picture after (b: before)"
    );
    assert!(
        text[..12].iter().any(|line| line.contains('┌')),
        "{text:#?}"
    );
    assert_eq!(middle(&mut viewer), Color::Rgb(255, 0, 0));
    press(&mut viewer, "b");
    let before = middle(&mut Viewer::showing(80, 24, 64, 48, [10, 20, 30]));
    assert_eq!(middle(&mut viewer), before);
    assert!(viewer.text()[16].ends_with("shown is the picture BEFORE (b: after)"));
    press(&mut viewer, "b");
    assert_eq!(middle(&mut viewer), Color::Rgb(255, 0, 0));
}

#[test]
fn the_message_that_was_let_in_can_be_taken_apart() {
    let mut viewer = stepped();
    press(&mut viewer, "\nz");
    let text = viewer.text();
    assert!(
        text[1].contains("display:0 received DRAW_FILL"),
        "{text:#?}"
    );
    // One on, from there too.
    let step = viewer.act(Action::Menu(MenuKey::Char('.')));
    assert_eq!(step, [Effect::Command(Command::Hold(Hold::Step))]);
}

#[test]
fn messages_ordered_ahead_come_one_after_the_other() {
    let mut viewer = Viewer::showing(80, 24, 64, 48, [10, 20, 30]);
    viewer.menu("ih");
    let step = || Effect::Command(Command::Hold(Hold::Step));
    assert_eq!(viewer.act(Action::Menu(MenuKey::Char('.'))), [step()]);
    assert_eq!(viewer.act(Action::Menu(MenuKey::Char('.'))), []);
    let told = ClientEvent::Held(Held::Stepped);
    assert_eq!(viewer.session(told.clone()), [step()]);
    assert_eq!(viewer.session(told), []);
}

#[test]
fn to_a_drawing_messages_are_let_in_until_one_draws() {
    let mut viewer = Viewer::showing(80, 24, 64, 48, [10, 20, 30]);
    viewer.menu("ih");
    let step = || Effect::Command(Command::Hold(Hold::Step));
    assert_eq!(viewer.act(Action::Menu(MenuKey::Char('n'))), [step()]);
    let told = ClientEvent::Held(Held::Stepped);
    assert_eq!(viewer.session(told.clone()), [step()]);
    assert_eq!(viewer.session(told.clone()), [step()]);
    viewer.fill(Rect::new(0, 0, 8, 8), [1, 2, 3]);
    assert_eq!(viewer.session(told), []);
}

#[test]
fn a_recording_is_stepped_through_with_the_same_pictures() {
    let mut viewer = playing();
    viewer.menu("ih");
    press(&mut viewer, ".");
    viewer.fill(Rect::new(0, 0, 64, 48), [200, 0, 0]);
    viewer.session(ClientEvent::Held(Held::Stepped));
    press(&mut viewer, "⎋");
    let mut viewer = playing();
    assert_eq!(
        player_key(&mut viewer, '.'),
        [Effect::Play(Order::Pause), Effect::Play(Order::Message)]
    );
}

#[test]
fn a_session_that_ends_while_it_is_held_is_held_no_longer() {
    let mut viewer = stepped();
    viewer.session(ClientEvent::Closed(CloseReason::ByPeer));
    assert!(!viewer.app.is_held());
}

/// Damaged messages of the server pass one by one; every pane shows what it can of them, and a pixel is asked for.
#[test]
fn damaged_messages_are_stepped_through_and_shown() {
    let mut seed = 0x5eed_u64;
    let mut random = move |below: usize| {
        // xorshift64
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed % below.max(1) as u64) as usize
    };
    let mut viewer = Viewer::showing(80, 24, 640, 480, [10, 20, 30]);
    viewer.menu("ih");
    let mut watch = viewer.app.watch.clone();
    let frames = records(&file("draws-commands.pcapng"))
        .into_iter()
        .filter_map(|record| match record.what {
            What::Frame(Way::ToClient, frame) if frame.body.len() < 4000 => {
                Some((record.channel, frame))
            }
            _ => None,
        });
    for (at, (channel, mut frame)) in frames.take(150).enumerate() {
        let mut body = frame.body.to_vec();
        for _ in 0..1 + random(4) {
            let place = random(body.len());
            if let Some(byte) = body.get_mut(place) {
                *byte = [0, 0xff, 0x80, random(256) as u8][random(4)];
            }
        }
        body.truncate(body.len() - random(body.len() / 8 + 1));
        frame.body = body.into();
        viewer.act(Action::Menu(MenuKey::Char('.')));
        watch.frame(
            Duration::from_millis(at as u64),
            channel,
            Way::ToClient,
            &frame,
        );
        viewer.session(ClientEvent::Held(Held::Stepped));
        if at % 10 == 0 {
            press(&mut viewer, "b");
            viewer.frame();
            press(&mut viewer, "\n↓↓");
            viewer.frame();
            press(&mut viewer, "245678");
            viewer.frame();
            let elsewhere = |viewer: &Viewer| {
                let reading = viewer.app.reading();
                reading.is_some_and(|reading| reading.kind != PaneKind::Step)
            };
            while elsewhere(&viewer) {
                press(&mut viewer, "\t");
            }
        }
        viewer.frame();
    }
    assert!(viewer.app.is_held());
    assert!(viewer.app.stepper.count() > 50);
    press(&mut viewer, "⎋");
    viewer.menu("iw");
    press(&mut viewer, "\n");
    viewer.frame();
    let makers = &viewer.app.origin.as_ref().expect("an answer").makers;
    assert!(makers.len() <= 1000);
}

/// What a mirror shows of all that its usher and witnesses told.
async fn mirrored(mirror: &mut Mirror, usher: &Usher, screens: &mut Screens) -> Vec<String> {
    // It is told behind the rest.
    usher.stepped();
    let mut notices = Vec::new();
    loop {
        let event = tokio::time::timeout(Duration::from_secs(60), mirror.next_event()).await;
        match event.expect("in time").expect("a mirror") {
            ClientEvent::Held(Held::Stepped) => return notices,
            ClientEvent::Display(event) => drop(screens.apply(&event)),
            ClientEvent::ChannelClosed(id, _) if id == DISPLAY => screens.close(0),
            ClientEvent::Notice(notice) => notices.push(notice.text),
            _ => {}
        }
    }
}

fn witnessed(witness: &mut Witness, name: &str) {
    for record in records(&file(name)) {
        match record.what {
            What::Opened(link) => witness.opened(record.at, record.channel, &link),
            What::Frame(way, frame) => witness.frame(record.at, record.channel, way, &frame),
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_shows_what_a_witness_sees_and_the_newest_session() {
    let (mut mirror, usher) = Mirror::start(Watch::default(), |_| {}).unwrap();
    let mut screens = Screens::default();
    let pixels = |screen: &Framebuffer| -> Vec<u8> {
        let view = screen.view().expect("a screen");
        view.rows().flatten().copied().collect()
    };
    let mut first = usher.witness(1);
    witnessed(&mut first, "firmware-menu.pcapng");
    mirrored(&mut mirror, &usher, &mut screens).await;
    let expected = play(&file("firmware-menu.pcapng")).screen;
    assert!(pixels(screens.display(0).unwrap()) == pixels(&expected));

    let mut second = usher.witness(2);
    witnessed(&mut second, "draws-commands.pcapng");
    witnessed(&mut first, "firmware-menu.pcapng");
    usher.tell("listening".into());
    let notices = mirrored(&mut mirror, &usher, &mut screens).await;
    let expected = play(&file("draws-commands.pcapng")).screen;
    assert!(pixels(screens.display(0).unwrap()) == pixels(&expected));
    assert!(
        notices.contains(&"session 2 begins; it is shown now".to_owned()),
        "{notices:?}"
    );
    assert!(notices.contains(&"listening".to_owned()), "{notices:?}");
}

#[test]
fn nothing_can_be_done_to_the_session_of_others() {
    let mut viewer = Viewer::showing(80, 24, 64, 48, [10, 20, 30]);
    viewer.app.mirrors = true;
    assert_eq!(player_key(&mut viewer, 'x'), []);
    assert!(viewer.text()[23].contains("no key goes to the guest"));
    let quit = player_key(&mut viewer, 'q');
    assert_eq!(quit.last(), Some(&Effect::End(Ending::Quit)));
}

#[test]
fn the_session_of_others_is_held_at_the_proxy() {
    let mut viewer = Viewer::showing(80, 24, 64, 48, [10, 20, 30]);
    viewer.app.mirrors = true;
    assert_eq!(
        viewer.menu("ih"),
        [Effect::Command(Command::Hold(Hold::On))]
    );
    assert!(viewer.app.is_held());
    viewer.frame();
    let text = viewer.text();
    let says = |words: &str| text.iter().any(|line| line.contains(words));
    assert!(says("HELD: what the server says waits"), "{text:#?}");
    let step = [Effect::Command(Command::Hold(Hold::Step))];
    assert_eq!(player_key(&mut viewer, '.'), step);
    viewer.session(ClientEvent::Held(Held::Stepped));
    assert_eq!(
        player_key(&mut viewer, ' '),
        [Effect::Command(Command::Hold(Hold::Off))]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_tells_of_a_step_behind_what_it_told() {
    let (orders, ordered) = std::sync::mpsc::channel();
    let holds = move |hold| orders.send(hold).expect("somebody listens");
    let (mut mirror, usher) = Mirror::start(Watch::default(), holds).unwrap();
    let hold = Command::Hold(Hold::Step);
    mirror.sender().send(hold).await.expect("a mirror");
    let mut witness = usher.witness(1);
    witnessed(&mut witness, "firmware-menu.pcapng");
    usher.stepped();
    let mut has_drawn = false;
    loop {
        let event = tokio::time::timeout(Duration::from_secs(60), mirror.next_event()).await;
        match event.expect("in time").expect("a mirror") {
            ClientEvent::Display(_) => has_drawn = true,
            ClientEvent::Held(Held::Stepped) => break,
            _ => {}
        }
    }
    assert!(has_drawn);
    assert_eq!(ordered.try_recv(), Ok(Hold::Step));
    drop(mirror);
    let last = ordered.recv_timeout(Duration::from_secs(60));
    assert_eq!(last, Ok(Hold::Off), "nobody is there to let it go on");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_a_mirror_cannot_follow_leaves_no_picture_and_its_end_is_told() {
    let (mut mirror, usher) = Mirror::start(Watch::default(), |_| {}).unwrap();
    let mut witness = usher.witness(1);
    witnessed(&mut witness, "firmware-menu.pcapng");
    let broken = frame(103, vec![1]);
    witness.frame(
        Duration::from_secs(100),
        ChannelId::MAIN,
        Way::ToClient,
        &broken,
    );
    let mut screens = Screens::default();
    let notices = mirrored(&mut mirror, &usher, &mut screens).await;
    assert!(
        notices
            .iter()
            .any(|text| text.contains("the session ends here")),
        "{notices:?}"
    );
    assert!(
        screens
            .display(0)
            .is_none_or(|screen| screen.view().is_none())
    );

    let channels = [
        ChannelId::MAIN,
        ChannelId::INPUTS,
        DISPLAY,
        ChannelId::new(ChannelKind::Cursor, 0),
    ];
    for channel in channels {
        witness.closed(Duration::from_secs(101), channel);
    }
    let over = "the session is over; the next one will be shown".to_owned();
    assert_eq!(mirrored(&mut mirror, &usher, &mut screens).await, [over]);
}
