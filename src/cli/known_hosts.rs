//! Certificates that the user has taken before: `known_hosts`, a line for each server with its address, a tab and the SHA-256
//! of its certificate, the newest first.
//!
//! A file that is there and cannot be read is an error: what it says decides whom to trust.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::state;
use crate::net::Address;
use crate::net::tls::hex;

/// Servers that are kept.
const MOST_SERVERS: usize = 1000;
/// Bytes of the file that are read: more than that many servers with the longest names need.
const MOST_BYTES: u64 = 512 * 1024;

/// The certificates that were taken before.
#[derive(Debug)]
pub struct KnownHosts {
    /// Where they are kept; `None` where there is no place for it.
    file: Option<PathBuf>,
    lines: String,
}

impl KnownHosts {
    /// Those of this user.
    ///
    /// # Errors
    ///
    /// When there is a file that cannot be read.
    pub fn read() -> io::Result<Self> {
        match state::file("known_hosts") {
            Some(file) => Self::read_from(&file),
            None => Ok(Self::none()),
        }
    }

    /// Nobody.
    pub const fn none() -> Self {
        Self {
            file: None,
            lines: String::new(),
        }
    }

    fn read_from(file: &Path) -> io::Result<Self> {
        let mut lines = String::new();
        match File::open(file) {
            Ok(opened) => {
                opened.take(MOST_BYTES).read_to_string(&mut lines)?;
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(Self {
            file: Some(file.to_owned()),
            lines,
        })
    }

    /// What was taken from this server.
    pub fn find(&self, address: &Address) -> Option<[u8; 32]> {
        let wanted = address.to_string();
        let mut entries = self.lines.lines().filter_map(|line| line.split_once('\t'));
        let (_, print) = entries.find(|(kept, _)| *kept == wanted)?;
        parse(print)
    }

    /// Keeps a certificate for the next time, in place of the one before.
    ///
    /// # Errors
    ///
    /// When it cannot be written; it is known until the program ends then.
    pub fn keep(&mut self, address: &Address, print: &[u8; 32]) -> io::Result<()> {
        self.lines = self.with(address, print);
        let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        // Others may have written since.
        let now = Self::read_from(file)?;
        state::write(file, &now.with(address, print))
    }

    /// The lines with this one in front, the oldest left out.
    fn with(&self, address: &Address, print: &[u8; 32]) -> String {
        let address = address.to_string();
        let first = format!("{address}\t{}\n", hex(print));
        let others = self.lines.lines().filter(|line| {
            let entry = line.split_once('\t');
            entry.is_some_and(|(kept, _)| kept != address)
        });
        let others = others
            .take(MOST_SERVERS - 1)
            .map(|line| format!("{line}\n"));
        std::iter::once(first).chain(others).collect()
    }

    /// The file, for people.
    pub fn name(&self) -> String {
        let file = self.file.as_ref();
        file.map_or("known_hosts".into(), |file| file.display().to_string())
    }
}

/// A fingerprint as [`hex`] writes it.
fn parse(text: &str) -> Option<[u8; 32]> {
    let bytes: Option<Vec<u8>> = text
        .trim_end()
        .split(':')
        .map(|pair| u8::from_str_radix(pair, 16).ok())
        .collect();
    bytes?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(lines: &str) -> KnownHosts {
        KnownHosts {
            file: None,
            lines: lines.to_owned(),
        }
    }

    #[test]
    fn the_newest_certificate_of_a_server_is_kept_once() {
        let (a, b) = (Address::tcp("a", 5901), Address::tcp("::1", 5901));
        let lines = known("").with(&a, &[1; 32]);
        let lines = known(&lines).with(&b, &[2; 32]);
        let lines = known(&lines).with(&a, &[3; 32]);
        let of = |byte: &str| [byte; 32].join(":");
        assert_eq!(
            lines,
            format!("a:5901\t{}\n[::1]:5901\t{}\n", of("03"), of("02"))
        );
        assert_eq!(known(&lines).find(&a), Some([3; 32]));
        assert_eq!(known(&lines).find(&Address::tcp("a", 5902)), None);
    }

    #[test]
    fn damaged_lines_mean_nothing_and_many_servers_are_not_kept() {
        let a = Address::tcp("a", 5901);
        assert_eq!(known("a:5901\tnonsense\n").find(&a), None);
        assert_eq!(known("a:5901").find(&a), None);
        let many: String = (0..3000).map(|n| format!("b:{n}\t00\n")).collect();
        assert_eq!(
            known(&many).with(&a, &[1; 32]).lines().count(),
            MOST_SERVERS
        );
    }

    #[test]
    fn what_is_kept_is_there_the_next_time_and_a_file_that_cannot_be_read_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("capsaicin/known_hosts");
        let a = Address::tcp("a", 5901);
        let mut known = KnownHosts::read_from(&file).unwrap();
        known.keep(&a, &[5; 32]).unwrap();
        assert_eq!(known.find(&a), Some([5; 32]));
        assert_eq!(
            KnownHosts::read_from(&file).unwrap().find(&a),
            Some([5; 32])
        );
        assert_eq!(
            std::fs::read_dir(file.parent().unwrap()).unwrap().count(),
            1
        );
        assert!(KnownHosts::read_from(folder.path()).is_err());
    }
}
