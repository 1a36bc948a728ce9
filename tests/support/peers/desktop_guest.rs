//! A Debian desktop in QEMU: an X server, the SPICE agent, and a way to run commands there and see what they say.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use super::guest::{self, Image};
use super::qemu::{Boot, Machine, Qemu, words};

/// How long the guest may take to start. Fifteen seconds on an idle machine; its processor is emulated.
const START: Duration = Duration::from_secs(240);

/// How long a command in the guest may take.
const LIMIT: Duration = Duration::from_secs(90);

/// The graphics card of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Card {
    /// The card of SPICE, which draws commands.
    Qxl,
    /// A card of pixels only.
    Virtio,
}

/// The desktop to be.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What it boots.
    pub image: Image,
    /// Its graphics card.
    pub card: Card,
    /// Whether the SPICE server has a port for the agent, which then runs.
    pub agent: bool,
    /// Whether there is a sound device, card 0 in the guest.
    pub sound: bool,
}

impl Settings {
    /// With the agent.
    pub fn new(card: Card) -> Self {
        Self {
            image: guest::desktop().expect("it is not missing"),
            card,
            agent: true,
            sound: false,
        }
    }

    /// Without one.
    pub fn without_agent(self) -> Self {
        Self {
            agent: false,
            ..self
        }
    }

    /// With a sound device.
    pub fn with_sound(self) -> Self {
        Self {
            sound: true,
            ..self
        }
    }

    /// QEMU's arguments for what is in `dir`.
    pub(super) fn arguments(&self, dir: &Path) -> Vec<String> {
        let socket = dir.join("exec.sock");
        let exec = format!(
            "socket,id=exec,path={},server=on,wait=off",
            socket.display()
        );
        let log = format!("file:{}", dir.join("serial.log").display());
        let mut arguments = words(&["-m", "512", "-serial", &log, "-device", "virtio-serial-pci"]);
        arguments.extend(words(&["-chardev", &exec]));
        arguments.extend(port("exec", "capsaicin.exec"));
        if self.agent {
            arguments.extend(words(&["-chardev", "spicevmc,id=agent,name=vdagent"]));
            arguments.extend(port("agent", "com.redhat.spice.0"));
        }
        if self.sound {
            let device = "hda-duplex,audiodev=sound,mixer=off";
            arguments.extend(words(&["-audiodev", "spice,id=sound"]));
            arguments.extend(words(&["-device", "intel-hda", "-device", device]));
        }
        arguments
    }
}

fn port(chardev: &str, name: &str) -> Vec<String> {
    let device = format!("virtserialport,chardev={chardev},name={name}");
    words(&["-device", &device])
}

/// What a command in the guest came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its exit code.
    pub code: i32,
    /// All that it printed.
    pub bytes: Vec<u8>,
}

/// A running desktop. Dropping it switches it off.
pub struct DesktopGuest {
    /// The machine.
    pub qemu: Qemu,
    exec: BufReader<UnixStream>,
}

impl DesktopGuest {
    /// Starts one; returns when its X server shows a screen and, if there is one, its agent has been started.
    pub fn start(settings: Settings) -> Self {
        Self::start_in(&Machine::new(Boot::Desktop(settings)))
    }

    /// As [`start`](Self::start), in a machine that boots such a desktop.
    pub fn start_in(machine: &Machine) -> Self {
        let mut guest = Self::inside(machine.start());
        // The guest takes commands when all is up; until then they wait in QEMU.
        guest.wait_at_most(START);
        guest.run("true");
        guest.wait_at_most(LIMIT);
        guest
    }

    /// The desktop that a machine will have once one with it has moved in.
    pub fn to_be_in(qemu: Qemu) -> Self {
        let mut guest = Self::inside(qemu);
        guest.wait_at_most(LIMIT);
        guest
    }

    fn inside(qemu: Qemu) -> Self {
        let exec = UnixStream::connect(qemu.file("exec.sock")).expect("QEMU listens there");
        let exec = BufReader::new(exec);
        Self { qemu, exec }
    }

    /// Runs a command of the shell as root; what it printed, without the white space around it.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn run(&mut self, command: &str) -> String {
        let Output { code, bytes } = self.exec(command);
        let text = String::from_utf8_lossy(&bytes);
        assert_eq!(code, 0, "{command}: {text}");
        text.trim().to_owned()
    }

    /// Runs a command of the shell as root, with `DISPLAY`. What it leaves running in the background goes on.
    pub fn exec(&mut self, command: &str) -> Output {
        self.exchange(command).unwrap_or_else(|error| {
            let log = self.qemu.guest_log();
            panic!("{command}: {error}; the guest said:\n{log}")
        })
    }

    /// Waits until a command prints this, white space around it apart.
    pub fn wait_until(&mut self, command: &str, expected: &str) {
        let start = Instant::now();
        loop {
            let Output { bytes, .. } = self.exec(command);
            let printed = String::from_utf8_lossy(&bytes);
            let printed = printed.trim();
            if printed == expected {
                return;
            }
            let late = start.elapsed() > LIMIT;
            assert!(!late, "{command}: {printed:?} and not {expected:?}");
        }
    }

    fn exchange(&mut self, command: &str) -> std::io::Result<Output> {
        let request = format!("{}\n{command}", command.len());
        self.exec.get_mut().write_all(request.as_bytes())?;
        let mut head = String::new();
        self.exec.read_line(&mut head)?;
        let (code, length) = head
            .trim_end()
            .split_once(' ')
            .and_then(|(code, length)| Some((code.parse().ok()?, length.parse().ok()?)))
            .ok_or_else(|| std::io::Error::other(format!("it answered {head:?}")))?;
        let mut bytes = vec![0; length];
        self.exec.read_exact(&mut bytes)?;
        Ok(Output { code, bytes })
    }

    fn wait_at_most(&mut self, limit: Duration) {
        let set = self.exec.get_mut().set_read_timeout(Some(limit));
        set.expect("a time limit on a socket");
    }
}
