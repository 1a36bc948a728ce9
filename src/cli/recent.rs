//! What was viewed before: `capsaicin/recent` in the state folder, a line each of the time (seconds since 1970), a tab and a
//! target, the newest first. Passwords are never in it, nor are files that are gone after they were used.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tracing::debug;

use super::state;
use crate::net::{Address, Route};

/// Targets that are kept.
const MOST: usize = 20;
/// Bytes of the file that are read.
const MOST_BYTES: u64 = 64 * 1024;
/// Bytes of a target that is kept.
const LONGEST: usize = 1000;

/// Something that was viewed before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Visit {
    /// The target, as it can be written again.
    pub target: String,
    /// How long ago.
    pub ago: Duration,
}

/// Everything that is kept, the newest first. Where it cannot be read there is nothing.
pub fn all() -> Vec<Visit> {
    let now = seconds(SystemTime::now());
    state::file("recent").map_or_else(Vec::new, |file| visits(&read(&file), now))
}

/// Keeps a target for the next time. That it could not is of no interest to the user.
pub fn keep(target: &str) {
    let Some(file) = state::file("recent") else {
        return;
    };
    let is_one_line = !target.chars().any(char::is_control);
    if target.is_empty() || target.len() > LONGEST || !is_one_line {
        return;
    }
    let lines = with(&read(&file), target, seconds(SystemTime::now()));
    if let Err(error) = state::write(&file, &lines) {
        debug!(%error, "target not kept");
    }
}

/// The target of a server by these ways; none of it was a secret. `None` where more than a target leads there, or a web-socket,
/// whose path may hold one.
pub fn target_of(route: &Route) -> Option<String> {
    if route.via.proxy.is_some() || route.via.websocket.is_some() {
        return None;
    }
    let plain = route.plain.as_ref();
    #[cfg(feature = "tls")]
    let tls = route.tls.as_ref().map(|port| &port.address);
    #[cfg(not(feature = "tls"))]
    let tls: Option<&Address> = None;
    match (plain, tls) {
        (Some(Address::Unix(path)), _) => {
            // Another folder may be the current one the next time.
            let path = std::path::absolute(path).ok()?;
            Some(format!("spice+unix://{}", path.to_str()?))
        }
        (Some(address), None) => Some(address.to_string()),
        (None, Some(address)) => Some(format!("spice+tls://{address}")),
        (Some(Address::Tcp { port, .. }), Some(address @ Address::Tcp { host, port: tls })) => {
            let whole = address.to_string();
            let bracketed = whole.strip_suffix(&format!(":{tls}")).unwrap_or(host);
            Some(format!("spice://{bracketed}?port={port}&tls-port={tls}"))
        }
        _ => None,
    }
}

/// What a target is called where there is little room: a host, or the last part of a path.
pub fn title(target: &str) -> &str {
    let without_scheme = target.split_once("://").map_or(target, |(_, rest)| rest);
    let host = without_scheme.split('?').next().unwrap_or(without_scheme);
    match target.starts_with("libvirt") {
        true => target.rsplit(':').next().unwrap_or(target),
        false => host.rsplit('/').next().unwrap_or(host),
    }
}

/// How long ago, as people say it.
pub fn ago(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match minutes {
        0 => "just now".into(),
        1..60 => format!("{minutes} min ago"),
        60..1440 => format!("{} h ago", minutes / 60),
        1440..2880 => "a day ago".into(),
        _ => format!("{} days ago", minutes / 1440),
    }
}

fn read(file: &Path) -> String {
    let mut bytes = Vec::new();
    let opened = File::open(file);
    let _ = opened.and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

fn visits(lines: &str, now: u64) -> Vec<Visit> {
    let visit = |line: &str| {
        let (at, target) = line.split_once('\t')?;
        let ago = Duration::from_secs(now.saturating_sub(at.parse().ok()?));
        (!target.is_empty()).then(|| Visit {
            target: target.to_owned(),
            ago,
        })
    };
    lines.lines().filter_map(visit).take(MOST).collect()
}

/// The lines with a target in front, the oldest left out.
fn with(lines: &str, target: &str, now: u64) -> String {
    let others = lines.lines().filter(|line| {
        let entry = line.split_once('\t');
        entry.is_some_and(|(_, kept)| kept != target)
    });
    let others = others.take(MOST - 1).map(|line| format!("{line}\n"));
    std::iter::once(format!("{now}\t{target}\n"))
        .chain(others)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_visit_of_a_target_is_kept_once() {
        let lines = with("50\tb:5900\n40\ta:5900\nnonsense\n", "a:5900", 100);
        assert_eq!(lines, "100\ta:5900\n50\tb:5900\n");
        let visit = |target: &str, ago| Visit {
            target: target.into(),
            ago: Duration::from_secs(ago),
        };
        assert_eq!(
            visits(&lines, 160),
            [visit("a:5900", 60), visit("b:5900", 110)]
        );
        // A clock that was set back, and damaged lines.
        assert_eq!(visits("100\ta\nx\tb\n100\t\n\t\n", 60), [visit("a", 0)]);
    }

    #[test]
    fn the_oldest_visits_are_forgotten() {
        let lines = (0..50).fold(String::new(), |lines, n| with(&lines, &format!("vm{n}"), n));
        assert_eq!(lines.lines().count(), MOST);
        assert!(lines.starts_with("49\tvm49\n"));
    }

    #[test]
    fn a_title_is_the_part_that_people_know() {
        for (target, name) in [
            ("vm.example:5901", "vm.example:5901"),
            ("spice+unix:///run/my vm.sock", "my vm.sock"),
            ("spice://[::1]?port=5900&tls-port=5901", "[::1]"),
            ("/home/me/vm.vv", "vm.vv"),
            ("libvirt+qemu:///system:fedora", "fedora"),
            ("libvirt:fedora", "fedora"),
            ("", ""),
        ] {
            assert_eq!(title(target), name);
        }
    }

    #[test]
    fn times_are_said_as_people_do() {
        for (seconds, text) in [
            (0, "just now"),
            (119, "1 min ago"),
            (7200, "2 h ago"),
            (90_000, "a day ago"),
            (864_000, "10 days ago"),
        ] {
            assert_eq!(ago(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn a_server_is_written_as_it_can_be_read_again() {
        let plain = |address| target_of(&Route::plain(address));
        assert_eq!(
            plain(Address::tcp("::1", 5930)).as_deref(),
            Some("[::1]:5930")
        );
        let socket = plain(Address::Unix("/run/vm.sock".into()));
        assert_eq!(socket.as_deref(), Some("spice+unix:///run/vm.sock"));
    }
}
