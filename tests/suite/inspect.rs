//! What is said of messages: fields that cover their bytes, filters, counts, and the program that prints them.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use capsaicin::channel::display::draw::Brush;
use capsaicin::channel::display::messages::ServerMessage;
use capsaicin::channel::{ChannelId, ChannelKind, Message};
use capsaicin::geometry::Point;
use capsaicin::inspect::{Dissection, Dissector, Effect, Filter, Origins, Rules, Subject};
use capsaicin::recording::What;
use capsaicin::session::Way;
use capsaicin::wire::Frame;
use serde_json::Value;

use crate::messages;
use crate::support::recordings::{file, names, path, records};

/// All messages of a recording, taken apart.
fn messages_of(name: &str) -> Vec<(Duration, Dissection)> {
    let mut dissector = Dissector::default();
    let frames = records(&file(name)).into_iter();
    frames
        .filter_map(|record| match record.what {
            What::Frame(way, frame) => {
                Some((record.at, dissector.dissect(record.channel, way, &frame)))
            }
            _ => None,
        })
        .collect()
}

fn picked(name: &str, filter: &str) -> Vec<String> {
    let filter: Filter = filter.parse().unwrap();
    let messages = messages_of(name);
    let all = messages
        .iter()
        .flat_map(|(at, m)| m.all().map(move |m| (*at, m)));
    all.filter(|(at, message)| {
        filter.matches(&Subject {
            at: *at,
            message,
            broken: &[],
        })
    })
    .map(|(_, message)| message.full_name())
    .collect()
}

fn count(name: &str, filter: &str) -> usize {
    picked(name, filter).len()
}

#[test]
fn fields_cover_every_byte_of_every_recorded_message() {
    let mut seen = 0;
    let mut uncovered: BTreeMap<String, usize> = BTreeMap::new();
    for name in names() {
        for (_, message) in messages_of(&name) {
            for part in message.all() {
                assert_eq!(part.error, None, "{name}: {}", part.full_name());
                assert_ne!(part.name, "UNKNOWN", "{name}: {}", part.number);
                seen += 1;
                let gaps: usize = part.gaps().iter().map(|gap| gap.len()).sum();
                if gaps > 0 {
                    *uncovered.entry(part.full_name()).or_default() += gaps;
                }
            }
        }
    }
    assert!(seen > 3000, "{seen}");
    // The NUL behind the text of NOTIFY is not counted in its length; the reference server announces sub-messages, and so
    // their ends, longer than they are (spec 01 §9.3).
    let reasons = [
        "main.notify",
        "display.inval_list",
        "display.wait_for_channels",
    ];
    uncovered.retain(|name, _| !reasons.contains(&name.as_str()));
    assert_eq!(uncovered, BTreeMap::new());
}

#[test]
fn fields_cover_every_byte_of_the_fixtures() {
    for fixture in messages::fixtures() {
        let (kind, way) = match fixture.way {
            messages::Way::DisplayServer => (ChannelKind::Display, Way::ToClient),
            messages::Way::DisplayClient => (ChannelKind::Display, Way::ToServer),
            messages::Way::InputsServer => (ChannelKind::Inputs, Way::ToClient),
            messages::Way::InputsClient => (ChannelKind::Inputs, Way::ToServer),
            messages::Way::CursorServer => (ChannelKind::Cursor, Way::ToClient),
            messages::Way::PlaybackServer => (ChannelKind::Playback, Way::ToClient),
            messages::Way::RecordServer => (ChannelKind::Record, Way::ToClient),
            messages::Way::RecordClient => (ChannelKind::Record, Way::ToServer),
            messages::Way::PortServer => (ChannelKind::Port, Way::ToClient),
            messages::Way::PortClient => (ChannelKind::Port, Way::ToServer),
        };
        let frame = Frame::new(fixture.number, fixture.body.clone());
        let message = Dissector::default().dissect(ChannelId::new(kind, 0), way, &frame);
        assert_eq!(message.name, fixture.message);
        assert!(message.gaps().is_empty(), "{}", fixture.name);
    }
}

#[test]
fn recordings_of_real_servers_break_no_rule() {
    for name in names() {
        let (mut dissector, mut rules) = (Dissector::default(), Rules::default());
        for record in records(&file(&name)) {
            match record.what {
                What::Opened(link) => rules.opened(record.channel, &link),
                What::Frame(way, frame) => {
                    let message = dissector.dissect(record.channel, way, &frame);
                    assert_eq!(rules.check(&message), [], "{name}: {}", message.full_name());
                }
                What::Closed => rules.closed(record.channel),
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}

#[test]
fn filters_pick_by_channel_message_direction_and_field() {
    let desktop = "guest-desktop.pcapng";
    let draws = count(desktop, "display.draw_copy");
    assert_eq!(draws, 143, "as Wireshark counts them");
    assert_eq!(count(desktop, "draw_fill"), 159);
    assert_eq!(
        count(desktop, "draw_*"),
        count(desktop, "draw_copy or draw_fill")
    );
    assert_eq!(count(desktop, "draw_copy and image.type = glz"), 133);
    assert_eq!(
        count(desktop, "draw_copy and not src_bitmap.type = GLZ_RGB"),
        draws - 133
    );
    assert_eq!(
        count(desktop, "sent") + count(desktop, "received"),
        count(desktop, "")
    );
    assert_eq!(count(desktop, "display:1"), 0);
    assert_eq!(
        picked(desktop, "notify and message contains 'keyboard channel'"),
        ["main.notify"]
    );
    assert_eq!(
        picked(
            desktop,
            r#"message matches "KEY.*(is|are) insecure" or name ~ "^Deb""#
        ),
        Vec::<String>::new(),
        "expressions see case"
    );
    assert_eq!(
        picked(desktop, "main.agent.announce_capabilities and sent"),
        ["main.agent.announce_capabilities"]
    );
}

#[test]
fn filters_compare_numbers_as_people_write_them() {
    let desktop = "guest-desktop.pcapng";
    assert_eq!(
        picked(desktop, "draw_copy and size > 40k"),
        ["display.draw_copy"]
    );
    assert_eq!(
        count(desktop, "time < 1.5s"),
        count(desktop, "time < 1500ms")
    );
    assert_eq!(
        count(desktop, "draw_fill and brush.color = 0x0"),
        count(desktop, "draw_fill and brush.color = 0")
    );
    assert_eq!(
        count(desktop, "draw_copy and bbox.left >= 0 and bbox.left != 0"),
        count(desktop, "draw_copy and bbox.left > 0")
    );
    assert_eq!(
        picked(desktop, "surface_create and flags = primary").len(),
        1
    );
    assert_eq!(picked(desktop, "surface_create and width = 1024").len(), 1);
    assert_eq!(
        picked(desktop, "monitors_config and heads[0].width = 1024").len(),
        1
    );
    assert_eq!(
        picked(desktop, "monitors_config and heads[1].width = 1024").len(),
        0
    );
}

#[test]
fn what_is_no_filter_is_told_with_its_place() {
    let refusals = [
        (
            "display.draw_cop",
            "column 9: display has no message called 'draw_cop'; there is draw_alpha_blend, draw_blackness, draw_blend, draw_composite, draw_copy, draw_fill",
        ),
        (
            "width > big",
            "column 9: '>' needs a number, as in 10k or 3.5",
        ),
        ("(display", "column 1: the ( is not closed"),
        (
            "display draw_copy",
            "column 9: 'and' or 'or' is missing before 'draw_copy'",
        ),
        ("time >", "column 7: a value is expected behind '>'"),
        (
            "display and",
            "column 12: a channel, a message or a field is expected here",
        ),
        ("name = \"x", "column 8: the \" is not closed"),
        (
            "frob",
            "column 1: no channel and no message is called 'frob'",
        ),
        (
            "image.colour = 1",
            "column 7: an image has type, id, width, height, pixels, coded and ratio",
        ),
        ("rects[x].top = 1", "column 1: 'rects[x].top' is no field"),
        ("size $ 3", "column 6: '$' has no meaning here"),
        (
            "name ~ '['",
            "column 8: not a regular expression: found unclosed character class",
        ),
    ];
    for (text, expected) in refusals {
        let error = text.parse::<Filter>().unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
    }
    let deep = "(".repeat(200) + "display" + &")".repeat(200);
    assert_eq!(
        deep.parse::<Filter>().unwrap_err().to_string(),
        "column 51: nested too deep"
    );
}

fn inspect(name: &str, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_capsaicin"))
        .arg("inspect")
        .arg(path(name))
        .args(more)
        .stdin(Stdio::null())
        .env_remove("RUST_LOG")
        .output()
        .expect("the program starts")
}

fn printed(name: &str, more: &[&str]) -> String {
    let output = inspect(name, more);
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
    String::from_utf8(output.stdout).expect("lines are UTF-8")
}

#[test]
fn the_program_prints_a_message_a_line() {
    let lines = printed(
        "firmware-menu.pcapng",
        &["--where", "surface_create or monitors_config"],
    );
    assert_eq!(
        lines.lines().collect::<Vec<_>>(),
        [
            "  0.080772 < display:0  SURFACE_CREATE   surface_id=0 width=720 height=400 format=XRGB flags=PRIMARY",
            "  0.080772 < display:0  MONITORS_CONFIG  count=1 max_allowed=1 monitor_id=0 surface_id=0 width=720 height=400 x=0 y=0 flags=0x0",
        ]
        .map(|line| line.replace("flags=0x0", "flags=0"))
    );
}

#[test]
fn the_program_prints_the_bytes_of_each_field() {
    let lines = printed(
        "firmware-menu.pcapng",
        &["-x", "--message", "ack_sync", "-n", "1"],
    );
    assert_eq!(
        lines,
        "  0.081119 > display:0  ACK_SYNC         generation=1\n    \
         0000-0004    generation = 1                          01 00 00 00\n"
    );
}

#[test]
fn the_program_prints_json_a_line() {
    let lines = printed("guest-desktop.pcapng", &["--json", "--where", "size > 40k"]);
    let line: Value = serde_json::from_str(lines.trim_end()).unwrap();
    assert_eq!(line["message"], "DRAW_COPY");
    assert_eq!(line["images"][0]["type"], "LZ_RGB");
    assert_eq!(line["fields"]["base.bbox.right"], 1024);
}

#[test]
fn the_program_counts() {
    let counts = printed("guest-desktop.pcapng", &["--stats"]);
    let line = |start: &str| {
        let line = counts.lines().find(|line| line.starts_with(start));
        line.unwrap_or_else(|| panic!("{counts}"))
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(line("display:0  < DRAW_COPY")[3..5], ["143", "104680"]);
    assert_eq!(line("GLZ_RGB")[1..4], ["133", "44549", "185167"]);
    // 185167 pixels of 4 bytes in 44549.
    assert_eq!(line("GLZ_RGB")[4], "16.6");
    let json = printed("guest-desktop.pcapng", &["--stats", "--json"]);
    let total: Value = serde_json::from_str(json.lines().last().unwrap()).unwrap();
    let frames = messages_of("guest-desktop.pcapng").len();
    assert_eq!(total["total"].as_u64(), Some(frames as u64));
}

#[test]
fn a_wrong_filter_is_a_usage_error_that_points_at_the_place() {
    let output = inspect("firmware-menu.pcapng", &["--where", "display.draw_cop"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(
        lines[0],
        "capsaicin: cannot understand --where display.draw_cop"
    );
    assert_eq!(lines[1].find('^'), lines[0].find("draw_cop"));
    assert!(
        lines[2].contains("column 9: display has no message called 'draw_cop'"),
        "{said}"
    );
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_capsaicin"))
        .arg("inspect")
        .arg(path("xspice-text-fills.pcapng"))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut lines = BufReader::new(program.stdout.take().unwrap());
    lines.read_line(&mut String::new()).unwrap();
    drop(lines);
    let output = program.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{output:?}"
    );
}

#[test]
fn a_file_that_is_cut_short_is_read_up_to_there_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let cut = folder.path().join("cut.pcapng");
    let whole = file("firmware-menu.pcapng");
    std::fs::write(&cut, &whole[..whole.len() - 5]).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_capsaicin"))
        .arg("inspect")
        .arg(&cut)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(11));
    assert!(output.stdout.len() > 1000);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("what is before that was read"), "{said}");
}

#[test]
fn a_live_session_is_inspected_too() {
    let output = Command::new(env!("CARGO_BIN_EXE_capsaicin"))
        .args(["inspect", "demo:", "--json", "--message", "mark", "-n", "1"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&line["channel"], &line["way"]),
        (&"display:0".into(), &"received".into())
    );
}

#[test]
fn the_messages_that_made_a_pixel_are_found() {
    // The pointer of the boot menu blinks at (0, 77), 9×2 pixels, over the one image that fills the screen.
    let lines = printed("firmware-menu.pcapng", &["--pixel", "4,78"]);
    let names: Vec<&str> = lines
        .lines()
        .filter_map(|line| line.split_whitespace().nth(3))
        .collect();
    assert!(names.contains(&"DRAW_COPY"), "{lines}");
    let beside = printed("firmware-menu.pcapng", &["--pixel", "400,300"]);
    assert!(
        beside.lines().next().unwrap().contains("bbox=0,0+720x400")
            && beside.ends_with("* covers 400,300 of surface 0\n"),
        "{beside}"
    );
    assert_eq!(beside.lines().count(), 2);
    let outside = inspect("firmware-menu.pcapng", &["--pixel", "720,0"]);
    assert_eq!(outside.status.code(), Some(9));
}

/// The colour of a pixel that one plain fill made is the fill's, in the picture the real server had at the end.
#[test]
fn pixels_that_one_fill_made_have_its_colour() {
    let display = ChannelId::new(ChannelKind::Display, 0);
    let mut origins = Origins::default();
    let mut fills = BTreeMap::new();
    for (number, record) in (0..).zip(records(&file("guest-desktop.pcapng"))) {
        if let What::Frame(Way::ToClient, frame) = record.what
            && record.channel == display
        {
            origins.add(number, &frame);
            if let Ok(ServerMessage::DrawFill(fill)) =
                ServerMessage::decode(frame.number, &frame.body)
                && let Brush::Solid(colour) = fill.brush
            {
                fills.insert(number, colour);
            }
        }
    }
    let picture = image::load_from_memory(&file("guest-desktop.png"))
        .unwrap()
        .into_rgb8();
    let mut seen = 0;
    // The panel in the last 30 rows was painted after the end.
    for y in (0..picture.height() - 30).step_by(3) {
        for x in (0..picture.width()).step_by(3) {
            let marks = origins.of(0, Point::new(x as i32, y as i32));
            let [only] = marks[..] else { continue };
            let Some(colour) = fills
                .get(&only.message)
                .filter(|_| only.effect == Effect::Covers)
            else {
                continue;
            };
            let [r, g, b] = picture.get_pixel(x, y).0;
            let found = u32::from_be_bytes([0, r, g, b]);
            assert_eq!(found, colour & 0x00ff_ffff, "{x},{y}: {only:?}");
            seen += 1;
        }
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn looking_for_who_drew_a_pixel_can_be_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slow.pcapng");
    let made = Command::new("mkfifo").arg(&path).status();
    assert!(made.expect("mkfifo is there").success());
    let mut program = Command::new(env!("CARGO_BIN_EXE_capsaicin"))
        .args(["inspect", path.to_str().unwrap(), "--pixel", "1,1"])
        .stdin(Stdio::null())
        .spawn()
        .expect("the program starts");
    let (ended, end) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        // Opened when the program does it too, which then waits for what never comes.
        let _disk = std::fs::File::create(&path).expect("somebody reads");
        let interrupt = Command::new("kill")
            .args(["-INT", &program.id().to_string()])
            .status();
        assert!(interrupt.expect("kill is there").success());
        ended.send(program.wait().expect("it ends").code())
    });
    assert_eq!(end.recv_timeout(Duration::from_secs(60)), Ok(Some(130)));
}
