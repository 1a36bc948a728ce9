//! QEMU with its SPICE server, showing firmware, a one-sector program or a Debian guest.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;

use super::desktop_guest::{self, Card};
use super::guest::Image;
use super::picture::Picture;
use super::process::{Process, read_lossy};
use super::qmp::Qmp;
use super::{boot, free_port, quiet, sasl, until};

/// How long anything of a peer may take. Generous: the machine may be busy, and processors are emulated. A Debian guest needs ten
/// seconds to start on an idle one, and more than sixty beside twenty programs that are busy.
pub const LIMIT: Duration = Duration::from_secs(240);

/// The socket at which a machine comes in.
const INCOMING: &str = "incoming.sock";

/// QEMU's name for the card of [`Machine::second_display`].
pub const SECOND_DISPLAY: &str = "second";

/// What the machine does when it is switched on.
#[derive(Clone, Debug)]
pub enum Boot {
    /// The firmware asks for a key and waits; 720×400 pixels of text.
    Firmware,
    /// [`boot::pattern`].
    Pattern,
    /// [`boot::echo`].
    Echo,
    /// [`boot::quarters`].
    Quarters,
    /// [`boot::serial`], its serial port the SPICE port `org.qemu.console.serial.0`; and a monitor on another.
    Serial,
    /// A Debian kernel whose console is its serial port, the SPICE port `org.qemu.console.serial.0`, with a login there; and a
    /// monitor on another.
    SerialConsole(Image),
    /// A Debian kernel with a shell on its console, 1024×768 pixels by the guest's own qxl driver.
    Debian(Image),
    /// A Debian desktop. [`desktop_guest::DesktopGuest`] knows when it is there.
    Desktop(desktop_guest::Settings),
}

/// A machine to be.
#[derive(Clone, Debug)]
pub struct Machine {
    boot: Boot,
    image_compression: Option<String>,
    password: Option<String>,
    tcp: bool,
    port: Option<u16>,
    tls: Option<Tls>,
    ticketing: bool,
    vnc: bool,
    second_display: bool,
    switched_off: bool,
    restarts: bool,
    sasl: Option<&'static str>,
    seamless: bool,
    incoming: bool,
}

/// How a machine speaks TLS.
#[derive(Clone, Debug)]
pub struct Tls {
    /// A certificate and its key in `tests/fixtures/tls`.
    pub certificate: &'static str,
    /// The newest version it speaks: `TLSv1.2` or `TLSv1.3`.
    pub newest: &'static str,
    /// Channels that it wants with TLS or without: `tls-channel=inputs`, `plaintext-channel=main`.
    pub channels: &'static [&'static str],
}

impl Machine {
    /// A machine with a qxl display and a SPICE server on a unix socket, without password.
    pub fn new(boot: Boot) -> Self {
        Self {
            boot,
            image_compression: None,
            password: None,
            tcp: false,
            port: None,
            tls: None,
            ticketing: false,
            vnc: false,
            second_display: false,
            switched_off: false,
            restarts: false,
            sasl: None,
            seamless: false,
            incoming: false,
        }
    }

    /// Asks by SASL who the user is, with these mechanisms; the user is [`sasl::USER`].
    pub fn sasl(mut self, mechanisms: &'static str) -> Self {
        self.sasl = Some(mechanisms);
        self
    }

    /// Starts anew when it is reset, rather than end.
    pub fn restarts(mut self) -> Self {
        self.restarts = true;
        self
    }

    /// Whose SPICE server hands channels over with their state when the machine moves, and takes them over.
    pub fn seamless(mut self) -> Self {
        self.seamless = true;
        self
    }

    /// The empty shell of a machine, to which [`Qemu::move_to`] moves one that is otherwise the same.
    pub fn incoming(mut self) -> Self {
        self.incoming = true;
        self
    }

    /// With this value of the server's `image-compression`.
    pub fn image_compression(mut self, mode: &str) -> Self {
        self.image_compression = Some(mode.to_owned());
        self
    }

    /// With this password.
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// With the SPICE server on a loopback port.
    pub fn tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// With the SPICE server on this loopback port, where another one was.
    pub fn at_port_of(mut self, other: &Qemu) -> Self {
        (self.tcp, self.port) = (true, Some(other.port()));
        self
    }

    /// With the SPICE server on a loopback port, and on another with TLS.
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tcp = true;
        self.tls = Some(tls);
        self
    }

    /// With a password to be set later; until then there is none that is right.
    pub fn ticketing(mut self) -> Self {
        self.ticketing = true;
        self
    }

    /// With a VNC server on a loopback port, and no SPICE server.
    pub fn vnc(mut self) -> Self {
        self.vnc = true;
        self
    }

    /// With a second graphics card, [`SECOND_DISPLAY`], on which QEMU itself shows a line of text: nothing drives it.
    pub fn second_display(mut self) -> Self {
        self.second_display = true;
        self
    }

    /// Ready, but its processors wait for [`Qmp::cont`]: nothing is drawn before a client is there to see it.
    pub fn switched_off(mut self) -> Self {
        self.switched_off = true;
        self
    }

    /// Starts it; returns when its server listens and, unless it was to be switched off, when what it boots is ready.
    pub fn start(&self) -> Qemu {
        let dir = TempDir::new().expect("a scratch folder");
        // Another program may take the port between our look and QEMU's.
        for _ in 0..3 {
            let port = match self.port {
                Some(port) => port,
                None if self.tcp => free_port(),
                None => 0,
            };
            let tls_port = if self.tls.is_some() { free_port() } else { 0 };
            let command = self.command(dir.path(), [port, tls_port]);
            let mut process = Process::start("qemu", &command, dir.path());
            let qmp = until("QEMU's monitor", LIMIT, || {
                match Qmp::connect(&dir.path().join("qmp.sock")) {
                    Some(qmp) => Some(Some(qmp)),
                    None => process.ended().map(|_| None),
                }
            });
            let Some(mut qmp) = qmp else {
                assert!(
                    process.log().contains("in use"),
                    "QEMU ended: {}",
                    process.log()
                );
                continue;
            };
            let address = match (self.vnc, self.tcp) {
                (true, _) => {
                    let port = qmp.execute("query-vnc", json!({}))["service"].take();
                    format!("127.0.0.1:{}", port.as_str().expect("a port"))
                }
                (false, true) => format!("127.0.0.1:{port}"),
                (false, false) => dir.path().join("spice.sock").display().to_string(),
            };
            let mut qemu = Qemu {
                process,
                qmp,
                address,
                tls_port,
                boot: self.boot.clone(),
                dir,
            };
            if !self.switched_off && !self.incoming {
                qemu.booted();
            }
            return qemu;
        }
        panic!("three ports were taken away from QEMU");
    }

    fn command(&self, dir: &Path, ports: [u16; 2]) -> Command {
        let monitor = format!("unix:{},server=on,wait=off", dir.join("qmp.sock").display());
        let mut qemu = Command::new("qemu-system-x86_64");
        if !self.restarts {
            qemu.arg("-no-reboot");
        }
        qemu.args(["-nodefaults", "-no-user-config"])
            // A nested KVM may run firmware and hang in a kernel; emulation is the same everywhere.
            .args(["-accel", "tcg", "-cpu", "max", "-smp", "1"])
            .args([
                "-display",
                "none",
                "-device",
                self.boot.card(),
                "-qmp",
                &monitor,
            ])
            .args(self.boot.arguments(dir))
            .args(self.server_arguments(dir, ports));
        if let Some(tls) = &self.tls {
            qemu.env("OPENSSL_CONF", tls.install(dir));
        }
        if let Some(mechanisms) = self.sasl {
            qemu.env("SASL_CONF_PATH", sasl::install(dir, mechanisms));
        }
        if self.second_display {
            let device = format!("virtio-gpu-pci,id={SECOND_DISPLAY}");
            qemu.args(["-device", &device]);
        }
        if self.incoming {
            let socket = format!("unix:{}", dir.join(INCOMING).display());
            qemu.args(["-incoming", &socket]);
        }
        if self.switched_off {
            qemu.arg("-S");
        }
        qemu
    }

    fn server_arguments(&self, dir: &Path, [port, tls_port]: [u16; 2]) -> Vec<String> {
        if self.vnc {
            // The first free port of a thousand.
            return words(&["-vnc", "127.0.0.1:0,to=999"]);
        }
        let mut arguments = Vec::new();
        let mut spice = if self.tcp {
            format!("addr=127.0.0.1,port={port}")
        } else {
            format!("unix=on,addr={}", dir.join("spice.sock").display())
        };
        if let Some(tls) = &self.tls {
            spice += &format!(",tls-port={tls_port},x509-dir={}", dir.display());
            for channel in tls.channels {
                spice += &format!(",{channel}");
            }
        }
        if self.sasl.is_some() {
            spice += ",sasl=on";
        }
        if self.seamless {
            spice += ",seamless-migration=on";
        }
        if let Some(mode) = &self.image_compression {
            spice += &format!(",image-compression={mode}");
        }
        if let Some(password) = &self.password {
            let secret = format!("secret,id=ticket,data={password}");
            arguments.extend(words(&["-object", &secret]));
            spice += ",password-secret=ticket";
        } else if !self.ticketing {
            spice += ",disable-ticketing=on";
        }
        arguments.extend(words(&["-spice", &spice]));
        arguments
    }
}

impl Tls {
    /// Puts certificates where QEMU looks for them; the settings of openssl that go with them. Its own would not take keys
    /// with 1024 bits.
    fn install(&self, dir: &Path) -> PathBuf {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls");
        for (from, to) in [
            ("authority.pem", "ca-cert.pem"),
            (&format!("{}.pem", self.certificate), "server-cert.pem"),
            (&format!("{}.key", self.certificate), "server-key.pem"),
        ] {
            std::fs::copy(fixtures.join(from), dir.join(to)).expect("a fixture");
        }
        let settings = dir.join("openssl.cnf");
        let text = format!(
            "openssl_conf=all\n[all]\nssl_conf=ssl\n[ssl]\nsystem_default=tls\n[tls]\n\
             CipherString=DEFAULT:@SECLEVEL=0\nMaxProtocol={}\n",
            self.newest
        );
        std::fs::write(&settings, text).expect("the scratch folder is writable");
        settings
    }
}

impl Boot {
    fn card(&self) -> &'static str {
        match self {
            Self::Desktop(settings) if settings.card == Card::Virtio => "virtio-vga",
            _ => "qxl-vga",
        }
    }

    fn arguments(&self, dir: &Path) -> Vec<String> {
        match self {
            Self::Firmware => {
                // SeaBIOS writes what it says on the screen to this port too.
                let mut arguments = words(&["-m", "32", "-boot", "menu=on,splash-time=65000"]);
                arguments.extend(log_of_port("0x402", dir));
                arguments
            }
            Self::Pattern => floppy(boot::pattern(), dir),
            Self::Echo => floppy(boot::echo(), dir),
            Self::Quarters => floppy(boot::quarters(), dir),
            Self::Serial => {
                let mut arguments = floppy(boot::serial(), dir);
                arguments.extend(ports());
                arguments
            }
            Self::SerialConsole(image) => {
                let mut arguments = words(&["-m", "256"]);
                let line = format!("console=ttyS0 rdinit=/bin/busybox -- sh -c \"{LOGIN}\"");
                arguments.extend(kernel(image, &line));
                arguments.extend(ports());
                arguments
            }
            Self::Debian(image) => {
                let serial = |name: &str| format!("file:{}", dir.join(name).display());
                let mut arguments = words(&["-m", "256", "-device", "qemu-xhci"]);
                arguments.extend(words(&["-device", "usb-tablet"]));
                arguments.extend(words(&["-serial", &serial("serial.log")]));
                arguments.extend(words(&["-serial", &serial("input.log")]));
                arguments.extend(kernel(image, QUIET));
                arguments
            }
            Self::Desktop(settings) => {
                let mut arguments = kernel(&settings.image, QUIET);
                arguments.extend(settings.arguments(dir));
                arguments
            }
        }
    }
}

/// What the first program of [`Boot::SerialConsole`] runs: a login for `root`, whose password is `secret`. The kernel says no more
/// from then on, as it may at any time.
const LOGIN: &str = "/bin/busybox --install -s /bin; export PATH=/bin; mount -t proc proc /proc; \
                     mount -t devtmpfs dev /dev; mkdir /etc; hostname serial; dmesg -n 1; \
                     echo 'root:$1$serial$debU0CCUrgy2fdtRtZipR1:0:0::/tmp:/bin/sh' >/etc/passwd; \
                     while true; do getty 115200 ttyS0 vt220; done";

/// A serial port and a monitor as ports of the SPICE server.
fn ports() -> Vec<String> {
    let port = |id: &str, name: &str| format!("spiceport,id={id},name={name}");
    let (serial, monitor) = (
        port("serial", "org.qemu.console.serial.0"),
        port("monitor", "org.qemu.monitor.qmp.0"),
    );
    let mut arguments = words(&["-chardev", &serial, "-serial", "chardev:serial"]);
    arguments.extend(words(&["-chardev", &monitor]));
    arguments.extend(words(&["-mon", "chardev=monitor,mode=control"]));
    arguments
}

/// For kernels that draw: the blinking cursor would make two pictures of the same screen differ.
const QUIET: &str = "quiet mitigations=off vt.global_cursor_default=0";

/// A machine that boots a kernel with this command line.
fn kernel(image: &Image, line: &str) -> Vec<String> {
    let files = [
        ("-kernel", &image.kernel.display().to_string()),
        ("-initrd", &image.initrd.display().to_string()),
    ];
    let mut arguments: Vec<String> = files
        .into_iter()
        .flat_map(|(option, file)| words(&[option, file]))
        .collect();
    // A kernel whose timer is late, as where its processor is emulated on a busy machine, takes that for broken and gives up.
    let line = format!("no_timer_check {line}");
    arguments.extend(words(&["-append", &line]));
    arguments
}

/// A machine that boots this floppy disk.
fn floppy(image: Vec<u8>, dir: &Path) -> Vec<String> {
    let file = dir.join("floppy");
    std::fs::write(&file, image).expect("the scratch folder is writable");
    let drive = format!("file={},format=raw,if=floppy", file.display());
    let mut arguments = words(&["-m", "32", "-drive", &drive]);
    arguments.extend(log_of_port("0xe9", dir));
    arguments
}

/// What the guest writes to an I/O port goes to `debug.log`.
fn log_of_port(port: &str, dir: &Path) -> Vec<String> {
    let file = format!("file,id=debug,path={}", dir.join("debug.log").display());
    let device = format!("isa-debugcon,iobase={port},chardev=debug");
    words(&["-chardev", &file, "-device", &device])
}

pub(super) fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// One thing an input device told the guest's kernel: its `input_event` without the time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InputRecord {
    /// [`InputRecord::KEY`], [`InputRecord::AXIS`] or another of the kernel's types.
    pub kind: u16,
    /// Which key, button or axis.
    pub code: u16,
    /// 1 pressed, 0 released; or the position.
    pub value: i32,
}

impl InputRecord {
    /// A key or button. Keys up to 58h have their PC scan code.
    pub const KEY: u16 = 1;
    /// An absolute axis: code 0 across, 1 down, from 0 to 32767.
    pub const AXIS: u16 = 3;
}

/// A running machine. Dropping it switches it off.
pub struct Qemu {
    process: Process,
    /// Its monitor.
    pub qmp: Qmp,
    /// Where its server listens: a loopback address, or the path of a unix socket.
    pub address: String,
    /// Its loopback port with TLS; 0 where it has none.
    pub tls_port: u16,
    boot: Boot,
    dir: TempDir,
}

impl Qemu {
    /// Waits until what it boots is ready for a person.
    pub fn booted(&mut self) {
        match self.boot {
            Boot::Firmware => self.wait_for("debug.log", "Press ESC for boot menu"),
            Boot::Pattern | Boot::Echo | Boot::Quarters | Boot::Serial => {
                self.wait_for("debug.log", "R")
            }
            Boot::Debian(_) => {
                self.wait_for("serial.log", "READY");
                // The shell's first prompt comes a moment later.
                until("a prompt", LIMIT, || {
                    (!self.qmp.screendump().is_blank()).then_some(())
                });
                self.quiet_screen();
            }
            Boot::Desktop(_) | Boot::SerialConsole(_) => {}
        }
    }

    /// Stops the machine, so that nothing on the screen blinks or moves, and returns the screen.
    pub fn still_screen(&mut self) -> Picture {
        self.qmp.stop();
        self.qmp.screendump()
    }

    /// The screen once it has not changed for a while.
    pub fn quiet_screen(&mut self) -> Picture {
        quiet(|| self.qmp.screendump())
    }

    /// A file or socket of the machine.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// What the guest wrote to the log: the characters typed at [`Boot::Echo`] after `R`, the serial port of
    /// the Debian guests.
    pub fn guest_log(&self) -> String {
        read_lossy(&self.dir.path().join(match self.boot {
            Boot::Debian(_) | Boot::Desktop(_) => "serial.log",
            _ => "debug.log",
        }))
    }

    /// How many keys the guest has taken and seen released, shift apart. For [`Boot::Echo`], [`Boot::Quarters`]
    /// and [`Boot::Debian`].
    pub fn keys_taken(&self) -> usize {
        match self.boot {
            Boot::Debian(_) => self
                .input_records()
                .iter()
                .filter(|r| r.kind == InputRecord::KEY && r.value == 0 && r.code != 0x2a)
                .count(),
            _ => self.guest_log().len().saturating_sub("R".len()),
        }
    }

    /// What keyboard and tablet have told the guest's kernel. Only [`Boot::Debian`].
    pub fn input_records(&self) -> Vec<InputRecord> {
        let bytes = std::fs::read(self.dir.path().join("input.log")).unwrap_or_default();
        // Two words of time, then type, code and value.
        let word = |bytes: &[u8]| u16::from_le_bytes(bytes.try_into().expect("two bytes"));
        bytes
            .chunks_exact(24)
            .map(|record| InputRecord {
                kind: word(&record[16..18]),
                code: word(&record[18..20]),
                value: i32::from_le_bytes(record[20..].try_into().expect("four bytes")),
            })
            .collect()
    }

    /// The last value of a key, button or axis. Only [`Boot::Debian`].
    pub fn input_value(&self, kind: u16, code: u16) -> Option<i32> {
        let records = self.input_records();
        let last = records.iter().rfind(|r| (r.kind, r.code) == (kind, code))?;
        Some(last.value)
    }

    /// The loopback port of its server.
    pub fn port(&self) -> u16 {
        let port = self.address.rsplit_once(':');
        port.and_then(|(_, port)| port.parse().ok())
            .expect("a server at a port")
    }

    /// Announces to clients that the machine will move to `target`, at this loopback port of its server, with TLS where it has
    /// that, and a certificate with this subject.
    pub fn announce(&mut self, target: &Self, subject: Option<&str>) {
        let port = target.port();
        let mut there = json!({ "protocol": "spice", "hostname": "127.0.0.1", "port": port });
        if target.tls_port != 0 {
            there["tls-port"] = json!(target.tls_port);
        }
        if let Some(subject) = subject {
            there["cert-subject"] = json!(subject);
        }
        self.qmp.execute("client_migrate_info", there);
    }

    /// Moves the machine into an [`incoming`](Machine::incoming) one; returns when it runs there.
    pub fn move_to(&mut self, target: &mut Self) {
        self.begin_to_move_to(target);
        target.wait_until_it_runs();
    }

    /// Begins to move the machine into an [`incoming`](Machine::incoming) one.
    pub fn begin_to_move_to(&mut self, target: &Self) {
        self.begin_to_move(&target.file(INCOMING));
    }

    /// Waits until a machine that moves in runs.
    pub fn wait_until_it_runs(&mut self) {
        until("the machine to run elsewhere", LIMIT, || {
            let status = self.qmp.execute("query-status", json!({}));
            (status["running"] == json!(true)).then_some(())
        });
    }

    /// Begins to move the machine to a socket.
    pub fn begin_to_move(&mut self, socket: &Path) {
        let uri = format!("unix:{}", socket.display());
        self.qmp.execute("migrate", json!({ "uri": uri }));
    }

    /// Whether it is gone.
    pub fn has_ended(&mut self) -> bool {
        self.process.ended().is_some()
    }

    /// Kills it, as a crash would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    fn wait_for(&mut self, file: &str, text: &str) {
        let path = self.dir.path().join(file);
        until(&format!("{text:?} in {file}"), LIMIT, || {
            if let Some(status) = self.process.ended() {
                panic!("QEMU ended: {status}");
            }
            read_lossy(&path).contains(text).then_some(())
        });
    }
}
