//! A Debian desktop as a guest, one for all tests that need it: each finds it as if it had just started.

use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

use capsaicin::channel::main::MouseMode;
use libtest_mimic::Trial;

use crate::live::Live;
use crate::peers::Peer;
use crate::peers::desktop_guest::{Card, DesktopGuest, Settings};
use crate::test;

/// What tests with a desktop need.
pub const NEEDS: &[Peer] = &[Peer::Qemu, Peer::Guest];

pub fn tests() -> Vec<Trial> {
    [("qxl", Card::Qxl), ("virtio", Card::Virtio)]
        .into_iter()
        .map(|(name, card)| {
            let name = format!("desktop::a_session_shows_the_desktop_as_qemu_dumps_it::{name}");
            test(name, NEEDS, move || a_session_shows_the_desktop(card))
        })
        .collect()
}

fn a_session_shows_the_desktop(card: Card) {
    with_desktop(card, |guest| {
        let live = Live::connect(&guest.qemu.address, None);
        live.wait_for_mouse_mode(MouseMode::CLIENT);

        guest.run("xterm -geometry 80x24+40+40 -e 'dmesg; cat' >/dev/null 2>&1 &");
        guest.run("xterm -geometry 40x10+300+200 -e 'ls -l /bin; cat' >/dev/null 2>&1 &");

        let windows = "xwininfo -root -tree | grep -c '\"xterm\"'";
        guest.wait_until(windows, "2");
        live.assert_follows(&format!("desktop {card:?}"), || guest.qemu.quiet_screen());
    });
}

/// Brings what tests change back to what it was: programs, the keyboard's lights and layout, files, the agent, the
/// screen's size, the pointer.
const RESTORE: &str = "
killall -q xterm xev xinput xclip cat
xset q | grep -q 'Caps Lock: *off' || xdotool key Caps_Lock
rm -rf /root/Downloads/* /tmp/test-*
setxkbmap us
[ ! -e /dev/virtio-ports/com.redhat.spice.0 ] || pidof spice-vdagentd >/dev/null || agent start
xrandr | grep -q 'current 1024 x 768' || xrandr --output Virtual-1 --mode 1024x768
xdotool mousemove 512 384
true";

/// Does something with a desktop that has the agent and shows 1024×768 pixels.
pub fn with_desktop(card: Card, body: impl FnOnce(&mut DesktopGuest)) {
    let place = &DESKTOPS[card as usize];
    // A test that failed leaves it in any state.
    let failed = place.is_poisoned();
    let mut kept = place.lock().unwrap_or_else(PoisonError::into_inner);
    if failed {
        *kept = None;
        place.clear_poison();
    }
    let Kept { guest, .. } = kept.get_or_insert_with(|| Kept::start(card));
    guest.run(RESTORE);
    body(guest);
}

/// Ends the desktops that run.
pub fn end() {
    for place in &DESKTOPS {
        *place.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// By card.
static DESKTOPS: [Mutex<Option<Kept>>; 2] = [const { Mutex::new(None) }; 2];

/// A desktop that outlives the test it was started for.
struct Kept {
    guest: DesktopGuest,
    /// Gone with the guest, which ends the thread that started it.
    _keeper: Sender<()>,
}

impl Kept {
    fn start(card: Card) -> Self {
        let (give, take) = channel();
        let (keeper, end) = channel();
        // A peer ends with the thread that started it, and a test's thread may end before the last test.
        thread::spawn(move || {
            let mut guest = DesktopGuest::start(Settings::new(card));
            guest.run("xrandr --output Virtual-1 --mode 1024x768");
            give.send(guest).map_err(drop).expect("a test waits for it");
            let _ = end.recv();
        });
        Self {
            guest: take.recv().expect("the desktop starts"),
            _keeper: keeper,
        }
    }
}
