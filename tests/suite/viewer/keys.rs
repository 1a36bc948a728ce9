//! What the guest's keyboard is told when the user types, pastes, holds keys and chooses some.

use super::*;

use capsaicin::keyboard::{ALT_GR, CAPS_LOCK, SUPER};
use capsaicin::tui::typist::{MOST_PASTED, Text};

const ESCAPE: u32 = 0x01;

/// A viewer for a guest with this layout.
fn on_layout(name: &str) -> Viewer {
    Viewer::with(Setup {
        layout: layout(name),
        ..Viewer::of_size(80, 24).app.setup
    })
}

/// One whose terminal reports releases, as kitty does.
fn in_kitty(name: &str) -> Viewer {
    let mut viewer = on_layout(name);
    viewer.act(Action::Capabilities {
        capabilities: Box::new(Terminal {
            keyboard: true,
            ..Terminal::default()
        }),
        answers: true,
    });
    viewer
}

fn layout(name: &str) -> &'static Layout {
    name.parse().expect("a layout")
}

fn down(key: u32) -> InputEvent {
    InputEvent::KeyDown(key)
}

fn up(key: u32) -> InputEvent {
    InputEvent::KeyUp(key)
}

fn tap(key: u32) -> InputEvent {
    InputEvent::KeyTap(key)
}

fn locks(viewer: &mut Viewer, locks: Locks) {
    viewer.session(ClientEvent::Inputs(InputsEvent::Locks(locks)));
}

/// Pastes, chooses to have it typed, and lets so many milliseconds pass; what was sent.
fn type_pasted(viewer: &mut Viewer, text: &str, ms: u64) -> Vec<InputEvent> {
    viewer.terminal(Event::Paste(text.into()));
    let mut sent = inputs(&viewer.act(Action::Menu(MenuKey::Char('k'))));
    (0..ms).for_each(|_| sent.extend(inputs(&viewer.wait(1))));
    sent
}

#[test]
fn characters_go_to_the_keys_of_the_guests_layout() {
    let mut viewer = on_layout("de");
    let at_sign = viewer.press(KeyCode::Char('@'), Modifiers::NONE);
    assert_eq!(inputs(&at_sign), [down(ALT_GR), down(0x10)]);
    assert_eq!(inputs(&viewer.wait(25)), [up(0x10), up(ALT_GR)]);

    let accented = viewer.press(KeyCode::Char('É'), Modifiers::NONE);
    assert_eq!(inputs(&accented), [tap(0x0d), down(SHIFT), down(0x12)]);
}

#[test]
fn a_chord_is_control_and_the_key_of_the_character() {
    let mut viewer = on_layout("de");
    let undo = viewer.bytes(b"\x1a");
    assert_eq!(inputs(&undo), [down(CTRL), down(0x15)]);
}

#[test]
fn another_layout_is_chosen_in_the_menu_and_kept() {
    let mut viewer = on_layout("us");
    viewer.menu("lgreek");
    let effects = viewer.act(Action::Menu(MenuKey::Enter));
    assert_eq!(effects, [Effect::Layout(layout("gr"))]);
    assert_eq!(viewer.text()[23], " the guest's layout is gr: Greek");
    let alpha = viewer.press(KeyCode::Char('α'), Modifiers::NONE);
    assert_eq!(inputs(&alpha), [down(0x1e)]);
}

#[test]
fn the_final_layout_of_a_long_list_can_be_read() {
    let mut viewer = on_layout("us");
    viewer.menu("lnodead");
    let text = viewer.text().join("\n");
    assert!(
        text.contains("de-nodeadkeys German (no dead keys)"),
        "{text}"
    );
}

#[test]
fn caps_lock_is_off_for_a_moment_where_shift_would_not_do() {
    let mut viewer = on_layout("fr");
    locks(&mut viewer, Locks::CAPS);
    let small = viewer.press(KeyCode::Char('é'), Modifiers::NONE);
    assert_eq!(inputs(&small), [tap(CAPS_LOCK), down(0x03)]);
    assert_eq!(inputs(&viewer.wait(25)), [up(0x03), tap(CAPS_LOCK)]);
    let copy = viewer.press(KeyCode::Char('c'), Modifiers::CTRL);
    assert_eq!(
        inputs(&copy),
        [down(CTRL), down(0x2e)],
        "no Shift in a chord"
    );
}

#[test]
fn the_guests_lights_are_in_the_status_line() {
    let mut viewer = Viewer::of_size(80, 24);
    locks(&mut viewer, Locks::CAPS | Locks::NUM);
    assert!(viewer.text()[23].contains("caps+num"));
    locks(&mut viewer, Locks::empty());
    assert!(!viewer.text()[23].contains("caps"));
}

#[test]
fn a_digit_of_the_keypad_is_a_digit_whatever_the_guests_num_lock() {
    let mut viewer = in_kitty("us");
    // kitty: keypad 4 with Num Lock on.
    let (press, release) = (b"\x1b[57403;129u", b"\x1b[57403;129:3u");
    assert_eq!(
        inputs(&viewer.bytes(press)),
        [down(0x05)],
        "of the main block"
    );
    viewer.bytes(release);
    locks(&mut viewer, Locks::NUM);
    viewer.wait(100);
    assert_eq!(inputs(&viewer.bytes(press)), [down(0x4b)]);
}

#[test]
fn text_on_a_level_that_only_the_terminal_knows_arrives() {
    let mut viewer = in_kitty("us");
    // A German keyboard: AltGr down, Q with it makes an @, both up.
    let typed = viewer.bytes(b"\x1b[57453u\x1b[113;;64u\x1b[113;1:3u\x1b[57453;1:3u");
    assert_eq!(inputs(&typed), [down(SHIFT), tap(0x03), up(SHIFT)]);
}

#[test]
fn a_key_goes_up_whatever_it_would_make_by_then() {
    let mut viewer = in_kitty("us");
    // A US keyboard: Shift and 2, Shift goes up first.
    let typed = viewer.bytes(b"\x1b[57441;2u\x1b[50:64;2;64u\x1b[57441;1:3u\x1b[50;1:3u");
    assert_eq!(
        inputs(&typed),
        [down(SHIFT), down(0x03), up(SHIFT), up(0x03)]
    );
}

#[test]
fn a_chord_of_a_cyrillic_keyboard_goes_by_its_place_where_the_guest_has_no_such_letter() {
    let mut viewer = in_kitty("us");
    // Control down, the key of С and C with it, both up.
    let typed = viewer.bytes(b"\x1b[57442;5u\x1b[1089::99;5u\x1b[1089::99;5:3u\x1b[57442;1:3u");
    assert_eq!(inputs(&typed), [down(CTRL), down(0x2e), up(0x2e), up(CTRL)]);
    let mut viewer = in_kitty("ru");
    let letter = viewer.bytes(b"\x1b[1089::99;;1089u");
    assert_eq!(inputs(&letter), [down(0x2e)]);
}

#[test]
fn a_modifier_is_held_as_long_as_the_user_holds_it() {
    let mut viewer = in_kitty("us");
    assert_eq!(inputs(&viewer.bytes(b"\x1b[57442;5u")), [down(CTRL)]);
    assert_eq!(inputs(&viewer.wait(1000)), []);
    assert_eq!(inputs(&viewer.bytes(b"\x1b[57442;1:3u")), [up(CTRL)]);
}

#[test]
fn repeats_that_waited_somewhere_do_not_flood_the_guest() {
    let mut viewer = in_kitty("us");
    let held = [&b"\x1b[97;;97u"[..], &b"\x1b[97;1:2;97u".repeat(500)].concat();
    assert_eq!(inputs(&viewer.bytes(&held)), [down(0x1e)]);
    viewer.wait(30);
    assert_eq!(inputs(&viewer.bytes(b"\x1b[97;1:2;97u")), [down(0x1e)]);
    assert_eq!(inputs(&viewer.bytes(b"\x1b[97;1:3u")), [up(0x1e)]);
}

#[test]
fn composed_text_is_typed_without_a_question() {
    let mut viewer = in_kitty("de");
    let typed = viewer.bytes(b"\x1b[0;;233u");
    assert_eq!(inputs(&typed), [tap(0x0d)]);
    assert_eq!(inputs(&viewer.wait(10)), [tap(0x12)]);
    assert!(!viewer.app.mode().menu);
}

#[test]
fn the_menu_lets_go_of_what_the_user_holds() {
    let mut viewer = in_kitty("us");
    viewer.bytes(b"\x1b[57442;5u");
    // Control and ] open it.
    assert_eq!(inputs(&viewer.bytes(b"\x1b[93;5u")), [up(CTRL)]);
    assert_eq!(inputs(&viewer.bytes(b"\x1b[93;5:3u\x1b[57442;1:3u")), []);
}

#[test]
fn an_inputs_channel_that_closes_takes_with_it_what_was_held_and_typed() {
    let mut viewer = in_kitty("us");
    viewer.bytes(b"\x1b[57442;5u");
    viewer.menu("khs");
    let closed = ClientEvent::ChannelClosed(ChannelId::INPUTS, CloseReason::ByPeer);
    viewer.session(closed);
    assert!(!viewer.text()[23].contains("held"));

    // The server that lists it again knows nothing of a Control that the user still holds.
    let chord = viewer.bytes(b"\x1b[99;5u");
    assert_eq!(inputs(&chord), [down(CTRL), down(0x2e)]);
}

#[test]
fn a_modifier_waits_for_the_next_key() {
    let mut viewer = Viewer::of_size(80, 24);
    assert_eq!(inputs(&viewer.menu("khw")), [down(SUPER)]);
    assert!(viewer.text()[23].contains("super held"));
    let typed = viewer.press(KeyCode::Char('l'), Modifiers::NONE);
    assert_eq!(inputs(&typed), [down(0x26)]);
    assert_eq!(inputs(&viewer.wait(25)), [up(0x26), up(SUPER)]);
    assert!(!viewer.text()[23].contains("held"));
}

#[test]
fn a_modifier_chosen_twice_stays_until_it_is_chosen_again() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.menu("khc");
    assert_eq!(inputs(&viewer.menu("khc")), [], "it is down already");
    viewer.act(Action::Menu(MenuKey::Close));
    viewer.press(KeyCode::Char('x'), Modifiers::NONE);
    assert_eq!(inputs(&viewer.wait(25)), [up(0x2d)]);
    assert_eq!(inputs(&viewer.menu("khc")), [up(CTRL)]);
}

#[test]
fn any_key_can_be_held_and_the_loss_of_the_keyboard_ends_it() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.menu("khk");
    viewer.act(Action::Menu(MenuKey::Char('/')));
    for c in "pagedown".chars() {
        viewer.act(Action::Menu(MenuKey::Char(c)));
    }
    assert_eq!(
        inputs(&viewer.act(Action::Menu(MenuKey::Enter))),
        [down(0xe051)]
    );
    assert!(
        viewer
            .text()
            .join("\n")
            .contains("pagedown: until you let go")
    );
    let lost = viewer.terminal(Event::FocusLost);
    assert_eq!(inputs(&lost), [InputEvent::ReleaseAll]);
    assert!(!viewer.text()[23].contains("held"));
}

#[test]
fn a_suspended_viewer_holds_nothing() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.menu("khc");
    viewer.act(Action::Escape);
    let effects = viewer.act(Action::Menu(MenuKey::Ctrl('z')));
    let expected = [
        Effect::Command(Command::Input(InputEvent::ReleaseAll)),
        Effect::Suspend,
    ];
    assert_eq!(effects, expected);
}

#[test]
fn a_chord_that_is_written_out_is_pressed() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.menu("k/ctrl+shift+volup");
    let pressed = viewer.act(Action::Menu(MenuKey::Enter));
    assert_eq!(inputs(&pressed), [down(CTRL), down(SHIFT), down(0xe030)]);
    let mut viewer = Viewer::of_size(80, 24);
    viewer.menu("k/kpenter");
    let pressed = viewer.act(Action::Menu(MenuKey::Enter));
    assert_eq!(inputs(&pressed), [down(0xe01c)]);
}

#[test]
fn a_paste_asks_and_escape_forgets_it() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.terminal(Event::Paste("one\rtwo\rthree".into()));
    let text = viewer.text().join("\n");
    assert!(text.contains("pasted: 13 characters, 3 lines"), "{text}");
    assert_eq!(viewer.act(Action::Menu(MenuKey::Close)), []);
    assert_eq!(viewer.app.pasted, None);
    assert_eq!(viewer.app.deadline(), None);
}

#[test]
fn a_paste_that_the_menu_asked_for_is_typed_at_once() {
    let mut viewer = Viewer::of_size(80, 24);
    viewer.menu("p");
    let typed = viewer.terminal(Event::Paste("ab".into()));
    assert_eq!(inputs(&typed), [tap(0x1e)]);
}

#[test]
fn a_text_that_is_being_typed_shows_its_progress_and_can_be_stopped() {
    let mut viewer = Viewer::of_size(80, 24);
    let sent = type_pasted(&mut viewer, &"x".repeat(200), 99);
    assert_eq!(sent, [tap(0x2d); 10]);
    assert_eq!(
        viewer.text()[23],
        " typing 10 of 200 characters · Esc stops"
    );
    let other = viewer.press(KeyCode::Char('y'), Modifiers::NONE);
    assert!(
        inputs(&other).iter().all(|event| *event == tap(0x2d)),
        "not among them"
    );

    let stopped = viewer.press(KeyCode::Escape, Modifiers::NONE);

    assert!(!inputs(&stopped).contains(&down(ESCAPE)));
    assert!(viewer.text()[23].starts_with(" stopped after 10 of 200"));
    assert_eq!(inputs(&viewer.wait(1000)), []);
    let again = viewer.press(KeyCode::Escape, Modifiers::NONE);
    assert_eq!(inputs(&again), [down(ESCAPE)], "the guest's from here on");
}

#[test]
fn the_menus_key_stops_a_text_too() {
    let mut viewer = Viewer::of_size(80, 24);
    type_pasted(&mut viewer, "some long text", 20);
    viewer.act(Action::Escape);
    assert_eq!(viewer.app.typist.progress(), None);
    assert!(!viewer.app.mode().menu);
}

#[test]
fn keys_are_up_before_a_text_is_typed() {
    let mut viewer = in_kitty("us");
    // The terminal pastes when its user presses Control, Shift and V, and the first two arrive.
    viewer.bytes(b"\x1b[57442;5u\x1b[57441;6u");
    let asked = viewer.terminal(Event::Paste("v".into()));
    assert_eq!(inputs(&asked), [up(SHIFT), up(CTRL)]);
}

#[test]
fn line_ends_of_all_kinds_are_one_enter() {
    let mut viewer = Viewer::of_size(80, 24);
    let sent = type_pasted(&mut viewer, "a\r\nb\rc\n\td\n\r", 200);
    let enter = 0x1c;
    let keys = [
        0x1e, enter, 0x30, enter, 0x2e, enter, 0x0f, 0x20, enter, enter,
    ];
    assert_eq!(sent, keys.map(tap));
}

#[test]
fn a_text_is_sorted_before_it_is_typed() {
    let text = Text::new("a日é\u{7}日e\u{301}", layout("de"), false, MOST_PASTED);
    assert_eq!((text.len(), text.missing.count), (3, 3));
    assert_eq!(text.missing.to_string(), "'日', U+0007");
    let text = Text::new(&"x".repeat(50), layout("de"), false, 20);
    assert!(text.is_cut && text.len() == 20);
}

#[test]
fn characters_without_a_key_can_be_typed_by_number() {
    let mut viewer = Viewer::with(Setup {
        alt_codes: true,
        ..Viewer::of_size(80, 24).app.setup
    });
    let sent = type_pasted(&mut viewer, "°", 100);
    // Alt and 0176 of the keypad.
    let expected = [
        down(ALT),
        tap(0x52),
        tap(0x4f),
        tap(0x47),
        tap(0x4d),
        up(ALT),
    ];
    assert_eq!(sent, expected);
}
