//! Taking turns: who is connected to a server that has one viewer at a time, and whether to take it from them.
//!
//! Known is what this machine's `/proc` says of servers that run here: which connections there are, and that the server is
//! QEMU or another program with the reference server library, which disconnects its viewer when another one comes. A server
//! elsewhere tells nobody who is there before it has let them in, which is too late.
//!
//! QEMU's monitor would know too, but it talks to one at a time, and libvirt counts a machine whose monitor others used as
//! tainted.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::machines::{self, Machine};
use super::password;
use super::report::{Exit, Failure};
use crate::net::Address;
use crate::tui::printable;

/// How often, and how far apart, somebody has to be seen: who has just gone is not there.
const LOOKS: usize = 5;
const BETWEEN: Duration = Duration::from_millis(100);

/// Whoever is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Somebody {
    /// Programs of this machine, and addresses of others, each once.
    who: BTreeSet<String>,
}

impl Somebody {
    /// Who would lose the server at these addresses to us; `None` where there is nobody, and where that cannot be known.
    pub async fn at(addresses: &[Address]) -> Option<Self> {
        let mut seen = None;
        for look in 0..LOOKS {
            if look > 0 {
                tokio::time::sleep(BETWEEN).await;
            }
            let asked = addresses.to_vec();
            // Some hundred files of a kernel that is quick, but not always.
            seen = tokio::task::spawn_blocking(move || look_at(&asked))
                .await
                .ok()?;
            seen.as_ref()?;
        }
        seen
    }

    /// Who is seen at a machine at first sight: perhaps somebody who is about to go.
    pub fn glance(machine: &Machine) -> Option<Self> {
        look_at(&machine.places())
    }

    /// Lets the person at the terminal decide, if there is one.
    ///
    /// # Errors
    ///
    /// When there is nobody to ask, and when they leave it as it is.
    pub async fn or_leave_it(&self, target: &str) -> Result<(), Failure> {
        if !password::can_ask() {
            let text = format!("cannot connect to {target} without taking it from {self}");
            return Err(Failure::new(Exit::CannotConnect, text)
                .with_hint("--take does; a server like this has one viewer at a time"));
        }
        let question = printable(&format!(
            "capsaicin: {self} is connected to {target}, which has one viewer at a time"
        ));
        let question = question + "\nTake it from them? [y/N] ";
        if password::confirm(question).await? {
            return Ok(());
        }
        let text = format!("{target} was left to {self}");
        Err(Failure::new(Exit::CannotConnect, text))
    }
}

fn look_at(addresses: &[Address]) -> Option<Somebody> {
    // To look through all processes takes milliseconds.
    if !addresses.iter().any(is_here) {
        return None;
    }
    let machines = Machine::all();
    let machine = machines
        .iter()
        .find(|machine| addresses.iter().any(|address| machine.listens_at(address)));
    // Whoever came by the other port is there too.
    let all = machine.map_or_else(|| addresses.to_vec(), Machine::places);
    let places: Vec<SocketAddr> = addresses.iter().chain(&all).filter_map(place).collect();
    let sockets = Sockets::around(&places);
    let mut who = BTreeSet::new();
    for address in addresses.iter().chain(&all) {
        match address {
            Address::Tcp { port, .. } => {
                let Some(place) = place(address) else {
                    continue;
                };
                let (owner, peers) = sockets.peers(place);
                let is_taken = !peers.is_empty();
                if is_taken && (machine.is_some() || owner.is_some_and(has_one_viewer)) {
                    who.extend(peers.iter().map(|peer| sockets.name(*peer, *port)));
                }
            }
            Address::Unix(path) => {
                let (owner, count) = unix_peers(path);
                if count > 0 && (machine.is_some() || owner.is_some_and(has_one_viewer)) {
                    who.insert("somebody".to_owned());
                }
            }
        }
    }
    (!who.is_empty()).then_some(Somebody { who })
}

/// Whether a server at this address may be on this machine; a name may lead anywhere.
fn is_here(address: &Address) -> bool {
    match address {
        Address::Tcp { host, .. } => machines::address(host).is_none_or(is_ours),
        Address::Unix(_) => true,
    }
}

/// Where a TCP server of this machine is.
fn place(address: &Address) -> Option<SocketAddr> {
    let Address::Tcp { host, port } = address else {
        return None;
    };
    let ip = machines::address(host).filter(|ip| is_ours(*ip))?;
    Some(SocketAddr::new(ip, *port))
}

/// Whether an address is one of this machine: only those can be bound to.
fn is_ours(address: IpAddr) -> bool {
    UdpSocket::bind((address, 0)).is_ok()
}

/// Whether the process that has this socket uses the reference server library. Of processes of others that is not known.
fn has_one_viewer(inode: u64) -> bool {
    let Some(process) = owner(inode) else {
        return false;
    };
    let maps = fs::read_to_string(format!("/proc/{process}/maps")).unwrap_or_default();
    maps.contains("/libspice-server.so")
}

/// The process that has a socket.
fn owner(inode: u64) -> Option<u32> {
    let link = PathBuf::from(format!("socket:[{inode}]"));
    let ids = fs::read_dir("/proc").ok()?.flatten();
    let mut ids = ids.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    ids.find(|process| {
        let files = fs::read_dir(format!("/proc/{process}/fd"));
        let mut files = files.into_iter().flatten().flatten();
        files.any(|file| fs::read_link(file.path()).is_ok_and(|path| path == link))
    })
}

/// The TCP sockets of this machine.
struct Sockets(Vec<Socket>);

/// A line of `/proc/net/tcp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Socket {
    local: SocketAddr,
    remote: SocketAddr,
    state: u8,
    inode: u64,
}

/// States of a TCP socket, as the kernel numbers them.
const ESTABLISHED: u8 = 1;
const LISTENS: u8 = 10;

impl Sockets {
    /// Those of IPv4 if they say that servers listen at all of these places and nobody is there, and else all: for each file the
    /// kernel goes through all connections there could be, half a million, which takes milliseconds.
    fn around(places: &[SocketAddr]) -> Self {
        let read = |file| fs::read_to_string(file).unwrap_or_default();
        let mut all = Self::of(&read("/proc/net/tcp"));
        let is_free = |place: &SocketAddr| {
            let (owner, peers) = all.peers(*place);
            owner.is_some() && peers.is_empty()
        };
        if !places.iter().all(is_free) {
            all.0.extend(Self::of(&read("/proc/net/tcp6")).0);
        }
        all
    }

    fn of(text: &str) -> Self {
        Self(text.lines().filter_map(socket).collect())
    }

    /// The socket that listens for connections to `place`, and the other ends of those.
    fn peers(&self, place: SocketAddr) -> (Option<u64>, Vec<SocketAddr>) {
        let listens = |any: bool| {
            let mut listening = self.0.iter().filter(|socket| socket.state == LISTENS);
            listening.find(|socket| {
                socket.local.port() == place.port()
                    && match any {
                        true => socket.local.ip().is_unspecified(),
                        false => socket.local.ip() == place.ip(),
                    }
            })
        };
        let Some(listener) = listens(false).or_else(|| listens(true)) else {
            return (None, Vec::new());
        };
        let is_any = listener.local.ip().is_unspecified();
        let here = |socket: &&Socket| {
            socket.state == ESTABLISHED
                && socket.local.port() == place.port()
                && (is_any || socket.local.ip() == place.ip())
        };
        let peers = self.0.iter().filter(here).map(|socket| socket.remote);
        (Some(listener.inode), peers.collect())
    }

    /// The program at the other end where that is on this machine, or else its address.
    fn name(&self, peer: SocketAddr, port: u16) -> String {
        let theirs = |socket: &&Socket| socket.local == peer && socket.remote.port() == port;
        let socket = self.0.iter().find(theirs);
        let process = socket.and_then(|socket| owner(socket.inode));
        let program = process.and_then(|id| fs::read_to_string(format!("/proc/{id}/comm")).ok());
        match (process, program) {
            (Some(process), Some(program)) => format!("{} (process {process})", program.trim_end()),
            _ if socket.is_some() => "a program of another user".to_owned(),
            _ => peer.ip().to_string(),
        }
    }
}

/// Reads `0: 0100007F:1759 0100007F:A8A2 01 00000000:00000000 02:0000E999 00000000 0 0 4232164 …`.
fn socket(line: &str) -> Option<Socket> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let (local, remote) = (end(words.next()?)?, end(words.next()?)?);
    let state = u8::from_str_radix(words.next()?, 16).ok()?;
    let inode = words.nth(5)?.parse().ok()?;
    Some(Socket {
        local,
        remote,
        state,
        inode,
    })
}

/// `0100007F:1759`: the words of an address as the processor has them in memory, and a port.
fn end(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| {
        let digits = address.get(8 * at..8 * at + 8)?;
        u32::from_str_radix(digits, 16).ok().map(u32::to_ne_bytes)
    };
    let address = match address.len() {
        8 => IpAddr::from(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?];
            let bytes: [u8; 16] = words.concat().try_into().ok()?;
            IpAddr::from(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

/// The socket that listens at a path, and how many connections it has.
fn unix_peers(path: &Path) -> (Option<u64>, usize) {
    let text = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    unix_peers_in(&text, path)
}

/// Reads lines such as `00000000cbbf9c42: 00000003 00000000 00010000 0001 03 4234054 /run/vm.sock`: a connection's server end has
/// the path of the socket that it came by. The second word counts who holds it: the list, the server, and the other end as long as
/// there is one. A server that is slow keeps its own for a while after that.
fn unix_peers_in(text: &str, path: &Path) -> (Option<u64>, usize) {
    let (mut listener, mut count) = (None, 0);
    for line in text.lines().skip(1) {
        let mut words = line.splitn(8, ' ');
        let (holders, flags, state) = (words.nth(1), words.nth(1), words.nth(1));
        let (Some(holders), Some(flags), Some(state)) = (holders, flags, state) else {
            continue;
        };
        let has_other_end = u32::from_str_radix(holders, 16).is_ok_and(|holders| holders > 2);
        let rest = words.collect::<Vec<_>>().join(" ");
        let Some((inode, bound)) = rest.trim_start().split_once(' ') else {
            continue;
        };
        if !bound.starts_with('/') || !machines::is_same(Path::new(bound), path) {
            continue;
        }
        if flags == "00010000" {
            listener = inode.parse().ok();
        } else if state == "03" && has_other_end {
            count += 1;
        }
    }
    (listener, count)
}

/// `spicy (process 4242) and 10.0.0.7`.
impl fmt::Display for Somebody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, who) in self.who.iter().enumerate() {
            if at > 0 {
                f.write_str(" and ")?;
            }
            f.write_str(who)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of a Linux 6.18: QEMU listens at 127.0.0.1:5977 and has one viewer with two channels.
    const TCP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   1: 0100007F:1759 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4233958 1 000000004e0d643a 100 0 0 10 0
   2: 0100007F:1759 0100007F:A8A2 01 00000000:00000000 02:0000E999 00000000     0        0 4232164 2 00000000baa1de15 20 4 23 13 -1
   7: 0100007F:A8A2 0100007F:1759 01 00000000:00000000 00:00000000 00000000     0        0 4234044 1 000000008bf40f20 20 4 0 15 -1
  11: 0100007F:1759 0100007F:A8BC 01 00000000:00000000 02:0000E99F 00000000     0        0 4232166 2 000000003d52bfac 20 4 24 15 -1
  12: 0100007F:1759 0100007F:A8C0 08 00000000:00000000 02:0000E99F 00000000     0        0 4232167 2 000000003d52bfac 20 4 24 15 -1
";

    #[test]
    #[cfg(target_endian = "little")]
    fn connections_of_a_listening_socket_are_found_and_nothing_else() {
        let all = Sockets::of(TCP);
        let at = |place: &str| all.peers(place.parse().unwrap());
        let peers = ["127.0.0.1:43170", "127.0.0.1:43196"].map(|peer| peer.parse().unwrap());
        assert_eq!(at("127.0.0.1:5977"), (Some(4_233_958), peers.to_vec()));
        assert_eq!(at("127.0.0.1:5978"), (None, Vec::new()));
        // The client's own end is no server.
        assert_eq!(at("127.0.0.1:43170"), (None, Vec::new()));
        assert_eq!(at("10.0.0.1:5977"), (None, Vec::new()));
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_server_that_listens_everywhere_has_its_connections_at_every_address() {
        // Listening at :: with a client of IPv4.
        let all = Sockets::of(
            "   0: 00000000000000000000000000000000:1759 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 77 1 0 100 0 0 10 0\n\
                1: 0000000000000000FFFF00000100007F:1759 0000000000000000FFFF00000700000A:A8A2 01 00000000:00000000 00:00000000 00000000     0        0 78 1 0 100 0 0 10 0\n",
        );
        let peers = vec!["10.0.0.7:43170".parse().unwrap()];
        assert_eq!(
            all.peers("127.0.0.1:5977".parse().unwrap()),
            (Some(77), peers)
        );
        assert_eq!(
            all.name("10.0.0.7:43170".parse().unwrap(), 5977),
            "10.0.0.7"
        );
    }

    #[test]
    fn servers_at_addresses_of_others_are_not_looked_for() {
        let at = |host| is_here(&Address::tcp(host, 5900));
        assert!(at("127.0.0.1") && at("localhost") && at("::1"));
        // Of a block for documentation, RFC 5737.
        assert!(!at("203.0.113.7"));
        assert!(at("vm.example"), "it may be a name of this machine");
        assert!(is_here(&Address::Unix("/run/vm.sock".into())));
    }

    #[test]
    fn connections_of_a_unix_socket_are_counted() {
        // Of a Linux 6.18.
        let text = "\
Num       RefCount Protocol Flags    Type St Inode Path
00000000cbbf9c42: 00000003 00000000 00000000 0001 03 4234054 /run/my vm.sock
00000000a2503f46: 00000003 00000000 00000000 0001 03  4234 /run/my vm.sock
00000000a2503f47: 00000002 00000000 00000000 0001 03  4235 /run/my vm.sock
0000000009fb448d: 00000002 00000000 00010000 0001 01 4233961 /run/my vm.sock
00000000f81f1133: 00000003 00000000 00000000 0001 03 4234053
00000000f81f1134: 00000003 00000000 00000000 0001 03 4234055 @abstract
00000000f81f1135: 00000002 00000000 00010000 0001 01 4233962 /run/other.sock
";
        let at = |path: &str| unix_peers_in(text, Path::new(path));
        assert_eq!(at("/run/my vm.sock"), (Some(4_233_961), 2));
        assert_eq!(at("/run/other.sock"), (Some(4_233_962), 0));
        assert_eq!(at("/run/none.sock"), (None, 0));
    }

    #[test]
    fn who_has_gone_from_a_unix_socket_is_not_there_though_the_server_did_not_notice() {
        let dir = tempfile::TempDir::new().unwrap();
        let path = dir.path().join("vm.sock");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let viewer = std::os::unix::net::UnixStream::connect(&path).unwrap();
        let _unnoticed = listener.accept().unwrap();
        assert_eq!(unix_peers(&path).1, 1);

        drop(viewer);

        assert_eq!(unix_peers(&path).1, 0);
    }

    #[test]
    fn lines_of_another_kernel_mean_nothing() {
        for end in 0..TCP.len() {
            Sockets::of(&TCP[..end]).peers("127.0.0.1:5977".parse().unwrap());
        }
        for line in [
            "0: 0100007F 00 01",
            "0: 01:1 02:2 01",
            "0: é100007F:1759 0100007F:A8A2 01 a b c d e f",
        ] {
            assert_eq!(socket(line), None);
        }
    }
}
