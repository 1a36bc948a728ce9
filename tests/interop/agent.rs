//! The agent of a Debian desktop: clipboards both ways, files, and the size of the screen.

use std::path::Path;
use std::process::Command;

use capsaicin::channel::main::MouseMode;
use capsaicin::channel::main::agent::{MonitorSize, Order};
use capsaicin::geometry::Size;
use libtest_mimic::Trial;
use tempfile::TempDir;

use crate::desktop::{NEEDS, with_desktop};
use crate::live::Live;
use crate::peers::desktop_guest::{Card, DesktopGuest};
use crate::peers::process::Process;
use crate::peers::tmux::Tmux;
use crate::peers::{Peer, until};
use crate::program::{CAPSAICIN, run};
use crate::viewer::Viewer;
use crate::{LIMIT, test};

pub fn tests() -> Vec<Trial> {
    let mut tests = vec![
        test(
            "agent::what_is_pasted_is_in_the_guests_clipboard",
            NEEDS,
            a_paste_is_in_the_clipboard,
        ),
        test(
            "agent::what_was_copied_in_the_guest_is_printed",
            NEEDS,
            a_copy_is_printed,
        ),
        test(
            "agent::what_is_copied_in_the_guest_can_be_waited_for",
            NEEDS,
            a_copy_is_waited_for,
        ),
        test(
            "agent::a_picture_copied_in_the_guest_becomes_a_file",
            NEEDS,
            a_picture_is_saved,
        ),
        test(
            "agent::a_file_of_ten_megabytes_arrives_as_it_was",
            NEEDS,
            a_large_file_arrives,
        ),
        test(
            "agent::a_transfer_whose_agent_dies_fails_and_the_next_one_works",
            NEEDS,
            a_transfer_fails_with_its_agent,
        ),
        test(
            "agent::a_transfer_that_is_interrupted_leaves_nothing_in_the_guest",
            NEEDS,
            an_interrupted_transfer_leaves_nothing,
        ),
    ];
    tests.push(test(
        "agent::the_viewer_shares_clipboards_and_the_screens_size_when_asked_to",
        &[Peer::Tmux, Peer::Qemu, Peer::Guest],
        the_viewer_shares_when_asked,
    ));
    tests.extend(
        [("qxl", Card::Qxl), ("virtio", Card::Virtio)].map(|(name, card)| {
            let name = format!("agent::the_guest_takes_the_size_it_is_told::{name}");
            test(name, NEEDS, move || the_guest_takes_a_size(card))
        }),
    );
    tests
}

/// Prints the size of the guest's screen once it is that of its monitor. QEMU's cards take orders for sizes themselves and
/// become monitors that want them; a whole desktop follows its monitors as this does.
const SIZE: &str =
    r"xrandr --output Virtual-1 --auto; xrandr | sed -n 's/.* current \(.*\), maximum.*/\1/p'";

/// Letters, signs and a line end, in more than one script.
const TEXT: &str = "Grüße, Привет\n日本 €½";

fn a_paste_is_in_the_clipboard() {
    with_desktop(Card::Qxl, |guest| {
        let dir = TempDir::new().expect("a scratch folder");
        let mut paste = program(guest, &dir, &["paste"], &[TEXT]);

        // Until the offer is there, nobody has anything.
        guest.wait_until("timeout 5 xclip -o -selection clipboard", TEXT);

        assert!(paste.finish(LIMIT).success());
    });
}

fn a_copy_is_printed() {
    with_desktop(Card::Qxl, |guest| {
        // Nobody is there who could be told.
        guest.run(&format!("printf %s '{TEXT}' | xclip -selection clipboard"));

        let ended = run(&["copy", &guest.qemu.address]);

        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(String::from_utf8_lossy(&ended.stdout), TEXT);
        // The agent forgets what it was asked for when the viewer leaves.
        let again = run(&["copy", &guest.qemu.address]);
        assert_eq!(again.code, 9, "{}", again.stderr);
        assert!(again.stderr.contains("--wait"), "{}", again.stderr);
    });
}

fn a_copy_is_waited_for() {
    with_desktop(Card::Qxl, |guest| {
        let dir = TempDir::new().expect("a scratch folder");
        let file = dir.path().join("copied");
        let path = file.to_str().expect("UTF-8");
        let mut copy = program(guest, &dir, &["copy"], &["--wait=60", "-o", path]);

        // What was copied before it is there does not count.
        let command = format!("printf %s '{TEXT}' | xclip -selection clipboard");
        let status = until("the end of copy", LIMIT, || {
            guest.run(&command);
            copy.ended()
        });

        assert!(status.success(), "{}", copy.log());
        assert_eq!(std::fs::read_to_string(file).expect("a file"), TEXT);
    });
}

fn a_picture_is_saved() {
    with_desktop(Card::Qxl, |guest| {
        let dir = TempDir::new().expect("a scratch folder");
        let address = guest.qemu.address.clone();
        let [picture, copied] = ["picture.png", "copied.png"].map(|name| dir.path().join(name));
        let path = |file: &Path| file.to_str().expect("UTF-8").to_owned();
        for arguments in [
            ["screenshot", &address, "-o", &path(&picture)].as_slice(),
            &["send", &address, &path(&picture)],
        ] {
            let ended = run(arguments);
            assert_eq!(ended.code, 0, "{}", ended.stderr);
        }
        guest.run("xclip -selection clipboard -t image/png /root/Downloads/picture.png");

        let ended = run(&["copy", &address, "-o", &path(&copied)]);

        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let bytes = |file| std::fs::read(file).expect("a picture");
        assert!(bytes(copied) == bytes(picture), "the same bytes");
    });
}

fn a_large_file_arrives() {
    with_desktop(Card::Qxl, |guest| {
        let dir = TempDir::new().expect("a scratch folder");
        let file = dir.path().join("ten megabytes.bin");
        std::fs::write(&file, noise(10_000_000)).expect("the scratch folder is writable");
        let sum = Command::new("sha256sum").arg(&file).output();
        let sum = String::from_utf8(sum.expect("sha256sum starts").stdout).expect("a sum");

        let file = file.to_str().expect("UTF-8");
        let ended = run(&["send", &guest.qemu.address, file]);

        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let arrived = guest.run("sha256sum '/root/Downloads/ten megabytes.bin'");
        assert_eq!(arrived[..64], sum[..64]);
    });
}

fn a_transfer_fails_with_its_agent() {
    with_desktop(Card::Qxl, |guest| {
        let dir = TempDir::new().expect("a scratch folder");
        let mut send = send_without_end(guest, &dir);
        guest.run("killall -9 spice-vdagentd");

        assert!(!send.finish(LIMIT).success(), "{}", send.log());
        assert!(send.log().contains("agent"), "{}", send.log());

        guest.run("agent stop; rm -f /root/Downloads/endless; agent start");
        let file = dir.path().join("small");
        std::fs::write(&file, "small").expect("the scratch folder is writable");
        let ended = run(&["send", &guest.qemu.address, file.to_str().expect("UTF-8")]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert_eq!(guest.run("cat /root/Downloads/small"), "small");
    });
}

fn an_interrupted_transfer_leaves_nothing() {
    with_desktop(Card::Qxl, |guest| {
        let dir = TempDir::new().expect("a scratch folder");
        let mut send = send_without_end(guest, &dir);

        send.interrupt();

        assert_eq!(send.finish(LIMIT).code(), Some(130), "{}", send.log());
        guest.wait_until("ls /root/Downloads", "");
    });
}

/// A file on its way that the guest has room for, but not the time.
fn send_without_end(guest: &mut DesktopGuest, dir: &TempDir) -> Process {
    let file = dir.path().join("endless");
    let created = std::fs::File::create(&file).and_then(|file| file.set_len(80_000_000));
    created.expect("the scratch folder is writable");
    let path = file.to_str().expect("UTF-8").to_owned();
    let send = program(guest, dir, &["send"], &[&path]);
    guest.wait_until("test -s /root/Downloads/endless && echo begun", "begun");
    send
}

fn the_guest_takes_a_size(card: Card) {
    with_desktop(card, |guest| {
        let live = Live::connect(&guest.qemu.address, None);
        live.wait_for_mouse_mode(MouseMode::CLIENT);

        for (width, height) in [(800, 600), (1280, 720), (1000, 552), (1024, 768)] {
            let size = MonitorSize {
                display: 0,
                size: Size::new(width, height),
            };
            live.order(Order::Monitors(vec![size]));
            guest.wait_until(SIZE, &format!("{width} x {height}"));
        }
        live.assert_follows("resized", || guest.qemu.quiet_screen());
    });
}

fn the_viewer_shares_when_asked() {
    with_desktop(Card::Qxl, |guest| {
        let terminal = Tmux::with(100, 30, "set -g set-clipboard on");
        let viewer = Viewer::start(&terminal, &guest.qemu.address);
        viewer.wait_for_picture();
        terminal.wait_for("agent");
        let choose = |keys: &str| {
            terminal.key("C-]");
            terminal.wait_until("the palette", |screen| screen.contains("send keys"));
            terminal.text(keys);
        };

        // That it was copied is told for some seconds only: nobody waits for the shell.
        guest.run(&format!(
            "printf %s '{TEXT}' | xclip -selection clipboard >/dev/null 2>&1 &"
        ));
        terminal.wait_for("text was copied in the guest");
        assert_eq!(terminal.order(&["list-buffers"]), "", "it stays there");
        choose("Cc");
        terminal.wait_for("characters went to the terminal's clipboard");
        // The terminal's clipboard is tmux's newest buffer.
        assert_eq!(terminal.order(&["show-buffer"]), TEXT);

        // A bracketed paste.
        terminal.text("\x1b[200~one\rtwo\x1b[201~");
        terminal.wait_for("pasted: 7 characters, 2 lines");
        terminal.text("v");
        // What it takes is told for some seconds only, and a busy guest may need those to say what it took.
        let paste = "timeout 5 xclip -o -selection clipboard";
        guest.run(&format!(
            "until [ \"$({paste})\" = 'one\ntwo' ]; do sleep 0.1; done >/dev/null 2>&1 &"
        ));
        terminal.wait_for("the guest took what you pasted");
        guest.wait_until(paste, "one\ntwo");

        choose("g");
        let screen = terminal.wait_for("the guest is asked for");
        let line = screen.lines().find(|line| line.contains("asked for"));
        let mut words = line.expect("it is there").split_whitespace();
        words.find(|word| *word == "for");
        let size: Vec<&str> = words.filter(|word| word.parse::<u32>().is_ok()).collect();
        guest.wait_until(SIZE, &format!("{} x {}", size[0], size[1]));
        viewer.quit();
    });
}

/// Starts the program for the desktop; it ends when dropped.
pub fn program(guest: &DesktopGuest, dir: &TempDir, verb: &[&str], more: &[&str]) -> Process {
    let mut command = Command::new(CAPSAICIN);
    command.args(verb).arg(&guest.qemu.address).args(more);
    command
        .env("HOME", dir.path())
        .env_remove("XDG_CONFIG_HOME");
    Process::start("capsaicin", &command, dir.path())
}

/// Bytes that nothing can compress.
fn noise(count: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..count).map(|_| next()).collect()
}
