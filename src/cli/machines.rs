//! QEMU processes of this machine that have a SPICE server, by what their command lines say. Everybody may read those, also of
//! processes that belong to others.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Read;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::net::Address;

/// Most bytes of a command line that are read. Those of libvirt have some thousand.
const LONGEST: u64 = 256 * 1024;

/// A QEMU process with a SPICE server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// The process.
    pub process: u32,
    /// What `-name` calls the guest.
    pub name: Option<String>,
    /// The address it listens at; `None` for all of them.
    pub host: Option<String>,
    /// Its plain port.
    pub port: Option<u16>,
    /// Its port with TLS.
    pub tls_port: Option<u16>,
    /// Its socket.
    pub socket: Option<PathBuf>,
    /// Whether it wants no password.
    pub is_open: bool,
    /// Whether libvirt has started it.
    pub is_libvirts: bool,
}

impl Machine {
    /// Every one that runs here.
    pub fn all() -> Vec<Self> {
        let Ok(processes) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        let ids = processes.flatten().filter_map(|entry| {
            let name = entry.file_name();
            name.to_str()?.parse().ok()
        });
        ids.filter_map(Self::of_process).collect()
    }

    fn of_process(process: u32) -> Option<Self> {
        let folder = PathBuf::from(format!("/proc/{process}"));
        // There may be a password in it.
        let mut line = Zeroizing::new(Vec::with_capacity(4096));
        let file = File::open(folder.join("cmdline")).ok()?;
        file.take(LONGEST).read_to_end(&mut line).ok()?;
        let mut machine = Self::of_command_line(&line)?;
        machine.process = process;
        if let Some(socket) = machine.socket.as_mut().filter(|path| path.is_relative()) {
            // Where it cannot be known the path is of no use.
            let started_in = fs::read_link(folder.join("cwd")).ok()?;
            *socket = started_in.join(&socket);
        }
        Some(machine)
    }

    /// Reads a command line whose words end with NULs.
    fn of_command_line(line: &[u8]) -> Option<Self> {
        let mut words = line.split(|byte| *byte == 0);
        let program = Path::new(OsStr::from_bytes(words.next()?))
            .file_name()?
            .to_str()?;
        if !program.starts_with("qemu") && program != "kvm" {
            return None;
        }
        let (mut machine, mut has_server) = (Self::default(), false);
        while let Some(word) = words.next() {
            match word.strip_prefix(b"--").or(word.strip_prefix(b"-")) {
                Some(b"spice") => {
                    machine.read_server(&words.next().map(String::from_utf8_lossy)?);
                    has_server = true;
                }
                // libvirt gives its machines a key for the secrets it tells them.
                Some(b"object") => {
                    let object = words.next()?;
                    machine.is_libvirts |= object.windows(10).any(|part| part == b"masterKey0");
                }
                Some(b"name") => {
                    machine.name = name(&words.next().map(String::from_utf8_lossy)?);
                }
                _ => {}
            }
        }
        let listens = [machine.port, machine.tls_port].iter().any(Option::is_some);
        (has_server && (listens || machine.socket.is_some())).then_some(machine)
    }

    /// Reads what follows `-spice`.
    fn read_server(&mut self, text: &str) {
        let (mut address, mut is_socket) = (None, false);
        for option in options(text) {
            let (key, value) = option.split_once('=').unwrap_or((&option, "on"));
            let port = || value.parse().ok().filter(|port| *port != 0);
            match key {
                "addr" => address = Some(value.to_owned()),
                "unix" => is_socket = value == "on",
                "port" => self.port = port(),
                "tls-port" => self.tls_port = port(),
                "disable-ticketing" => self.is_open = value == "on",
                _ => {}
            }
        }
        if is_socket {
            self.socket = address.map(PathBuf::from);
            (self.port, self.tls_port) = (None, None);
        } else {
            self.host = address.filter(|host| !host.is_empty());
        }
    }

    /// Whether this is where it listens, on this machine.
    pub fn listens_at(&self, address: &Address) -> bool {
        match address {
            Address::Unix(path) => self.socket.as_ref().is_some_and(|own| is_same(own, path)),
            Address::Tcp { host, port } => {
                let is_port = [self.port, self.tls_port].contains(&Some(*port));
                is_port && self.host.as_ref().is_none_or(|own| is_same_host(own, host))
            }
        }
    }

    /// Each place where it listens.
    pub fn places(&self) -> Vec<Address> {
        let host = self.reachable_host();
        let ports = [self.port, self.tls_port].into_iter().flatten();
        let ports = ports.map(|port| Address::tcp(host, port));
        let socket = self.socket.iter().map(|path| Address::Unix(path.clone()));
        ports.chain(socket).collect()
    }

    /// The target of this machine, as a person could write it.
    pub fn target(&self) -> String {
        let host = self.reachable_host();
        let bracketed = match host.contains(':') {
            true => format!("[{host}]"),
            false => host.to_owned(),
        };
        match (&self.socket, self.port, self.tls_port) {
            (Some(path), ..) => format!("spice+unix://{}", path.display()),
            (None, Some(port), Some(tls)) => {
                format!("spice://{bracketed}?port={port}&tls-port={tls}")
            }
            (None, None, Some(tls)) => format!("spice+tls://{bracketed}:{tls}"),
            (None, port, None) => format!("{bracketed}:{}", port.unwrap_or(Address::DEFAULT_PORT)),
        }
    }

    /// Where it can be reached from here.
    fn reachable_host(&self) -> &str {
        match self.host.as_deref() {
            None | Some("0.0.0.0") => "127.0.0.1",
            Some("::") => "::1",
            Some(host) => host,
        }
    }
}

/// What `-name` says: `NAME`, `guest=NAME`, and further options.
fn name(text: &str) -> Option<String> {
    let options = options(text);
    let guest = options
        .iter()
        .find_map(|option| option.strip_prefix("guest="));
    let first = || options.first().filter(|option| !option.contains('='));
    let name = guest.or(first().map(String::as_str))?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// The parts between commas; two commas are one that belongs to a part.
fn options(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_double = character == ',' && characters.next_if_eq(&',').is_some();
        if character == ',' && !is_double {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(character);
        }
    }
    parts
}

/// Whether two paths lead to the same file.
pub fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    one == other || real(one) == real(other)
}

fn is_same_host(own: &str, named: &str) -> bool {
    match (address(own), address(named)) {
        (Some(own), Some(named)) => own.is_unspecified() || own == named,
        _ => own == named,
    }
}

/// An address that is written as one, and that of this machine.
pub fn address(host: &str) -> Option<IpAddr> {
    match host {
        "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
        host => host
            .parse()
            .ok()
            .map(|address: IpAddr| address.to_canonical()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::target::{Server, Target};

    fn server(address: &Address) -> Target {
        Target::Server(Server {
            plain: Some(address.clone()),
            ..Server::default()
        })
    }

    fn machine(words: &[&str]) -> Option<Machine> {
        let line: String = words.iter().map(|word| format!("{word}\0")).collect();
        Machine::of_command_line(line.as_bytes())
    }

    #[test]
    fn a_command_line_of_libvirt_is_understood() {
        // Parts of one of libvirt 9.0.
        let found = machine(&[
            "/usr/bin/qemu-system-x86_64",
            "-name",
            "guest=de,,bian,debug-threads=on",
            "-S",
            "-object",
            "{\"qom-type\":\"secret\",\"id\":\"masterKey0\",\"format\":\"raw\",\"file\":\"/var/lib/libvirt/x.aes\"}",
            "-spice",
            "port=5900,tls-port=5901,addr=0.0.0.0,disable-ticketing=on,image-compression=off,seamless-migration=on",
            "-device",
            "qxl-vga",
        ])
        .unwrap();
        assert_eq!(found.name.as_deref(), Some("de,bian"));
        assert!(found.is_open && found.is_libvirts);
        for (address, is_it) in [
            ("127.0.0.1:5900", true),
            ("localhost:5901", true),
            ("127.0.0.1:5902", false),
        ] {
            let address = Address::parse(address).unwrap();
            assert_eq!(found.listens_at(&address), is_it, "{address}");
        }
    }

    #[test]
    fn a_machine_listens_at_its_socket_or_at_its_ports() {
        for (spice, places) in [
            (
                "unix=on,addr=/run/vm.sock,password-secret=x",
                "/run/vm.sock",
            ),
            ("unix,addr=/run/vm.sock", "/run/vm.sock"),
            ("port=5930", "127.0.0.1:5930"),
            ("addr=::1,port=5930", "[::1]:5930"),
            ("addr=10.1.2.3,port=5930,tls-port=0", "10.1.2.3:5930"),
        ] {
            let found = machine(&["kvm", "--spice", spice]).unwrap();
            let places = Address::parse(places).unwrap();
            assert_eq!(
                Target::parse(&found.target()),
                Ok(server(&places)),
                "{spice}"
            );
            assert_eq!(found.places(), [places], "{spice}");
            assert!(!found.is_open && !found.is_libvirts);
            assert!(found.name.is_none());
        }
    }

    #[test]
    fn ports_with_tls_stand_in_the_target() {
        for (spice, target) in [
            (
                "tls-port=5931,x509-dir=/etc/pki",
                "spice+tls://127.0.0.1:5931",
            ),
            (
                "port=5930,tls-port=5931,addr=::",
                "spice://[::1]?port=5930&tls-port=5931",
            ),
        ] {
            let found = machine(&["kvm", "--spice", spice]).unwrap();
            assert_eq!(found.target(), target);
            assert!(Target::parse(target).is_ok());
        }
    }

    #[test]
    fn other_programs_and_machines_without_spice_are_none() {
        for words in [
            &["timeout", "9", "qemu-system-x86_64", "-spice", "port=5900"][..],
            &["qemu-system-x86_64", "-vnc", ":0"],
            &["qemu-system-x86_64", "-spice"],
            &["qemu-system-x86_64", "-spice", "port=none"],
            &["qemu-system-x86_64", "-spice", "unix=on"],
            &["", "-spice", "port=5900"],
            &[],
        ] {
            assert_eq!(machine(words), None, "{words:?}");
        }
    }

    #[test]
    fn every_part_of_a_command_line_is_harmless() {
        let line = b"qemu\0-name\0guest=\xff\0-spice\0port=5900,,,addr=::,unix,=,\0";
        for end in 0..=line.len() {
            let _ = Machine::of_command_line(&line[..end]);
        }
    }
}
