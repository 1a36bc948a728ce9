//! What was viewed before: `capsaicin/recent` in the state folder, a line each of the time (seconds since 1970), a target, and
//! options with their values, the newest first, with tabs between. Passwords are never in it, nor are files that are gone after
//! they were used.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use clap::ValueEnum;
use tracing::debug;

use super::args::{TargetArgs, Trust};
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
    /// What else it took to get there.
    pub beside: Beside,
    /// How long ago.
    pub ago: Duration,
}

/// Options that have to be said beside a target to get there, none of them a secret: names and values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Beside(Vec<(String, String)>);

impl Beside {
    /// Those of a command line; `None` where there may be a secret in one.
    pub fn of(args: &TargetArgs) -> Option<Self> {
        let security = &args.security;
        let proxy = security.proxy.as_ref();
        let is_secret = proxy.is_some_and(|url| url.contains(['@', '?']));
        let file = |path: &Option<PathBuf>| {
            let path = path.as_deref().filter(|path| *path != Path::new("-"))?;
            Some(std::path::absolute(path).ok()?.to_str()?.to_owned())
        };
        let trust = Some(security.trust).filter(|trust| *trust != Trust::default());
        let trust = trust.and_then(|trust| Some(trust.to_possible_value()?.get_name().to_owned()));
        let all = [
            ("user", security.user.clone()),
            // An empty one is how to go without.
            (
                "proxy",
                security.proxy.as_ref().map(|text| text.trim().to_owned()),
            ),
            ("ca-file", file(&security.ca_file)),
            ("host-subject", security.host_subject.clone()),
            ("trust", trust),
            ("plain", security.plain.then(String::new)),
            ("password-file", file(&args.password_file)),
        ];
        let said = all.into_iter();
        let said = said.filter_map(|(name, value)| Some((name.to_owned(), value?)));
        (!is_secret).then(|| Self(said.collect()))
    }

    /// Says them where the command line does not.
    pub fn say_in(&self, args: &mut TargetArgs) {
        let security = &mut args.security;
        let is_silent = !security.plain && !security.tls_only && security.tls_port.is_none();
        for (name, value) in &self.0 {
            let text = || Some(value.clone());
            let path = || Some(PathBuf::from(value));
            match &**name {
                "user" => security.user = security.user.take().or_else(text),
                "proxy" => security.proxy = security.proxy.take().or_else(text),
                "ca-file" => security.ca_file = security.ca_file.take().or_else(path),
                "host-subject" => {
                    security.host_subject = security.host_subject.take().or_else(text);
                }
                "trust" if security.trust == Trust::default() => {
                    security.trust = Trust::from_str(value, false).unwrap_or_default();
                }
                "plain" => security.plain |= is_silent,
                "password-file" => args.password_file = args.password_file.take().or_else(path),
                _ => {}
            }
        }
    }
}

/// As a command line has them.
impl fmt::Display for Beside {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.0 {
            let is_bare = |c: char| c.is_alphanumeric() || "-_./:=@%+,".contains(c);
            match value.is_empty() && name == "plain" {
                true => write!(f, " --{name}")?,
                false if value.is_empty() || !value.chars().all(is_bare) => {
                    write!(f, " --{name} '{}'", value.replace('\'', r"'\''"))?;
                }
                false => write!(f, " --{name} {value}")?,
            }
        }
        Ok(())
    }
}

/// Everything that is kept, the newest first. Where it cannot be read there is nothing.
pub fn all() -> Vec<Visit> {
    let now = seconds(SystemTime::now());
    state::file("recent").map_or_else(Vec::new, |file| visits(&read(&file), now))
}

/// What it took to get to a target the last time.
pub fn beside(target: &str) -> Beside {
    let mut visits = all().into_iter();
    let visit = visits.find(|visit| visit.target == target);
    visit.map(|visit| visit.beside).unwrap_or_default()
}

/// Keeps a target for the next time. That it could not is of no interest to the user.
pub fn keep(target: &str, beside: &Beside) {
    let Some(file) = state::file("recent") else {
        return;
    };
    let mut entry = target.to_owned();
    for (name, value) in &beside.0 {
        entry.extend(["\t", name, "\t", value]);
    }
    let parts = 1 + 2 * beside.0.len();
    let is_whole = entry.split(|c: char| c.is_control()).count() == parts;
    if target.is_empty() || entry.len() > LONGEST || !is_whole {
        return;
    }
    let lines = with(&read(&file), &entry, seconds(SystemTime::now()));
    if let Err(error) = state::write(&file, &lines) {
        debug!(%error, "target not kept");
    }
}

/// The target of a server by these ways; none of it was a secret. `None` for a web-socket, whose path may hold one.
pub fn target_of(route: &Route) -> Option<String> {
    if route.via.websocket.is_some() {
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
        let mut parts = line.split('\t');
        let (at, target) = (parts.next()?, parts.next()?);
        let ago = Duration::from_secs(now.saturating_sub(at.parse().ok()?));
        let mut said = Vec::new();
        while let (Some(name), Some(value)) = (parts.next(), parts.next()) {
            said.push((name.to_owned(), value.to_owned()));
        }
        (!target.is_empty()).then(|| Visit {
            target: target.to_owned(),
            beside: Beside(said),
            ago,
        })
    };
    lines.lines().filter_map(visit).take(MOST).collect()
}

/// The lines with an entry in front, the oldest left out.
fn with(lines: &str, entry: &str, now: u64) -> String {
    let target = entry.split('\t').next();
    let others = lines.lines().filter(|line| {
        let kept = line.split('\t').nth(1);
        kept.is_some_and(|kept| Some(kept) != target)
    });
    let others = others.take(MOST - 1).map(|line| format!("{line}\n"));
    std::iter::once(format!("{now}\t{entry}\n"))
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
            beside: Beside::default(),
            ago: Duration::from_secs(ago),
        };
        assert_eq!(
            visits(&lines, 160),
            [visit("a:5900", 60), visit("b:5900", 110)]
        );
        // A clock that was set back, and damaged lines.
        assert_eq!(visits("100\ta\nx\tb\n100\t\n\t\n", 60), [visit("a", 0)]);
    }

    fn target_args(words: &[&str]) -> TargetArgs {
        use clap::{Args, FromArgMatches};
        let command = TargetArgs::augment_args(clap::Command::new("view"));
        let words = ["view", "vm"].iter().chain(words);
        let matches = command.get_matches_from(words);
        TargetArgs::from_arg_matches(&matches).expect("options")
    }

    #[test]
    fn options_are_kept_with_their_target_and_said_again_where_nothing_else_is() {
        let words = [
            "--ca-file",
            "/etc/ann's $ca.pem",
            "--user",
            "ann",
            "--trust",
            "none",
            "--plain",
            "--proxy",
            "",
        ];
        let beside = Beside::of(&target_args(&words)).expect("no secret");
        let shown =
            " --user ann --proxy '' --ca-file '/etc/ann'\\''s $ca.pem' --trust none --plain";
        assert_eq!(beside.to_string(), shown);

        let entry = "vm\tuser\tann\tproxy\t\tca-file\t/etc/ann's $ca.pem\ttrust\tnone\tplain\t";
        let lines = with("50\tvm\tuser\tbob\n40\tvm2\n", entry, 100);
        assert_eq!(lines, format!("100\t{entry}\n40\tvm2\n"));
        assert_eq!(visits(&lines, 100)[0].beside, beside);

        let mut args = target_args(&["--user", "eve"]);
        beside.say_in(&mut args);
        let security = &args.security;
        assert_eq!(security.user.as_deref(), Some("eve"));
        assert_eq!(
            security.ca_file.as_deref(),
            Some(Path::new("/etc/ann's $ca.pem"))
        );
        assert_eq!((security.trust, security.plain), (Trust::None, true));

        let mut args = target_args(&["--tls-only", "--trust", "system"]);
        beside.say_in(&mut args);
        assert_eq!(
            (args.security.trust, args.security.plain),
            (Trust::System, false)
        );
    }

    #[test]
    fn where_a_secret_leads_nothing_is_kept() {
        for proxy in ["https://one?token=sesame", "http://me:sesame@proxy"] {
            assert_eq!(Beside::of(&target_args(&["--proxy", proxy])), None);
        }
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
