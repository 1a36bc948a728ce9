//! A PulseAudio server to play to and to record from, by its native protocol on a unix socket. PipeWire speaks it too.
//!
//! Each stream has a connection of its own and a thread of its own, which end with it: while nothing is played or recorded
//! nothing runs, and nothing is woken up.

mod connection;
mod output;
mod source;

pub use connection::Trouble;
pub use output::{Output, Report};
pub use source::Source;

use std::ffi::OsString;
use std::path::PathBuf;

/// Where the server of this user listens, or would, as `PULSE_SERVER`, `PULSE_RUNTIME_PATH` and `XDG_RUNTIME_DIR` say; `None`
/// where they name no place, or one that is not on this machine.
pub fn socket() -> Option<PathBuf> {
    socket_named_by(|name| std::env::var_os(name).filter(|value| !value.is_empty()))
}

fn socket_named_by(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    if let Some(servers) = variable("PULSE_SERVER") {
        // A list, each perhaps behind the name of the machine it is for: `{machine}unix:/path`.
        return servers.to_str()?.split_whitespace().find_map(|server| {
            let place = server.rsplit_once('}').map_or(server, |(_, place)| place);
            let path = PathBuf::from(place.strip_prefix("unix:").unwrap_or(place));
            path.is_absolute().then_some(path)
        });
    }
    let places = [
        ("PULSE_RUNTIME_PATH", "native"),
        ("XDG_RUNTIME_DIR", "pulse/native"),
    ];
    let places = places.map(|(name, rest)| variable(name).map(|dir| PathBuf::from(dir).join(rest)));
    let there = places.iter().flatten().find(|path| path.exists());
    there.or(places.iter().flatten().next()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(variables: &[(&str, &str)]) -> Option<String> {
        let found = socket_named_by(|name| {
            let value = variables.iter().find(|(variable, _)| *variable == name);
            value.map(|(_, value)| value.into())
        });
        found.map(|path| path.display().to_string())
    }

    #[test]
    fn the_place_is_known_also_where_no_server_listens_yet() {
        assert_eq!(named(&[]), None);
        let runtime = ("XDG_RUNTIME_DIR", "/nowhere/run");
        assert_eq!(named(&[runtime]).unwrap(), "/nowhere/run/pulse/native");
        let pulse = ("PULSE_RUNTIME_PATH", "/nowhere/pulse");
        assert_eq!(named(&[runtime, pulse]).unwrap(), "/nowhere/pulse/native");
        let server = |value| [runtime, pulse, ("PULSE_SERVER", value)];
        for value in ["unix:/s", "/s", "{me}unix:/s", "tcp:far:4713 unix:/s"] {
            assert_eq!(named(&server(value)).unwrap(), "/s");
        }
        assert_eq!(named(&server("far")), None);
    }
}
