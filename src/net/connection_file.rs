//! virt-viewer connection files (`.vv`): where a server is and how it wants to be reached, in the syntax of GLib's key files
//! (spec 01 §14).
//!
//! Such a file comes from a web page: it is not trusted more than that, and it holds a password.

use std::fmt;
use std::time::{Duration, SystemTime};

use zeroize::Zeroizing;

/// Most bytes of a file. Real ones have a few thousand, most of it a certificate.
pub const LARGEST: usize = 1 << 20;

/// What a connection file says. What it does not say is empty, absent or off.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ConnectionFile {
    /// Name or address of the server; of Proxmox a token that only its proxy understands.
    pub host: Option<String>,
    /// The port without TLS.
    pub port: Option<u16>,
    /// The port with TLS.
    pub tls_port: Option<u16>,
    /// A unix socket, instead of host and ports.
    pub unix_path: Option<String>,
    /// Who the user is, for SASL.
    pub username: Option<String>,
    /// The ticket, or the password for SASL.
    pub password: Option<Zeroizing<String>>,
    /// Certificates to trust, PEM.
    pub ca: Option<String>,
    /// The subject the server's certificate must have.
    pub host_subject: Option<String>,
    /// A proxy's URL, which may hold a password.
    pub proxy: Option<Zeroizing<String>>,
    /// Channels that must use TLS, by name, or `all`.
    pub secure_channels: Vec<String>,
    /// Channels that are not to be opened, by name.
    pub disable_channels: Vec<String>,
    /// What to call the guest.
    pub title: Option<String>,
    /// Whether the file is to be removed once it was used.
    pub delete: bool,
    /// How long the password is good for, as oVirt says in a comment.
    pub valid_for: Option<Duration>,
    /// Keys that say something of which nothing is made here.
    pub ignored: Vec<&'static str>,
}

/// Keys of virt-viewer that mean nothing here: they are about its windows and keys, smart cards, USB, and versions of its own.
const IGNORED: &[&str] = &[
    "version",
    "versions",
    "newer-version-url",
    "tls-ciphers",
    "fullscreen",
    "toggle-fullscreen",
    "release-cursor",
    "zoom-in",
    "zoom-out",
    "zoom-reset",
    "secure-attention",
    "usb-device-reset",
    "smartcard-insert",
    "smartcard-remove",
    "color-depth",
    "disable-effects",
    "enable-smartcard",
    "enable-usbredir",
    "enable-usb-autoshare",
    "usb-filter",
];

/// Why a text is no connection file that can be used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadFile {
    /// Larger than [`LARGEST`].
    TooLarge,
    /// Its first group is not `[virt-viewer]`.
    NotVirtViewer,
    /// A line makes no sense.
    Line {
        /// Which, from 1.
        number: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A key has a value that it cannot have.
    Value {
        /// The key.
        key: &'static str,
        /// What it should be.
        wanted: &'static str,
    },
    /// It is for another protocol.
    Type(String),
    /// It does not say where the server is.
    NoServer,
}

impl ConnectionFile {
    /// Whether a text begins like a connection file: whatever it is called, its first group is `[virt-viewer]`.
    pub fn is_one(text: &str) -> bool {
        lines(text).next().is_some_and(|(_, line)| is_ours(line))
    }

    /// Reads a file. Keys that are not known, and other groups, mean nothing.
    ///
    /// # Errors
    ///
    /// [`BadFile`]; it repeats no value but that of `type`.
    pub fn parse(text: &str) -> Result<Self, BadFile> {
        if text.len() > LARGEST {
            return Err(BadFile::TooLarge);
        }
        if !Self::is_one(text) {
            return Err(BadFile::NotVirtViewer);
        }
        let mut file = Self {
            valid_for: text.lines().find_map(validity),
            ..Self::default()
        };
        let mut kind = None;
        let mut ours = false;
        for (number, line) in lines(text) {
            if line.starts_with('[') {
                if !line.ends_with(']') {
                    let why = "a group's name is not closed by ']'";
                    return Err(BadFile::Line { number, why });
                }
                ours = is_ours(line);
                continue;
            }
            let (key, value) = line.split_once('=').ok_or(BadFile::Line {
                number,
                why: "it is neither a group nor KEY=VALUE",
            })?;
            if !ours {
                continue;
            }
            let value = value.trim_start();
            match key.trim_end() {
                "type" => kind = Some(unescaped(value)),
                key => file.take(key, value)?,
            }
        }
        match kind.as_deref() {
            Some("spice") => {}
            Some(other) => return Err(BadFile::Type(other.chars().take(20).collect())),
            None => {
                return Err(BadFile::Value {
                    key: "type",
                    wanted: "spice",
                });
            }
        }
        let has_port = file.port.or(file.tls_port).is_some();
        if file.unix_path.is_none() && !(file.host.is_some() && has_port) {
            return Err(BadFile::NoServer);
        }
        Ok(file)
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), BadFile> {
        let text = || Some(unescaped(value)).filter(|text| !text.is_empty());
        match key {
            "host" => self.host = text(),
            "port" => self.port = port("port", value)?,
            "tls-port" => self.tls_port = port("tls-port", value)?,
            "unix-path" => self.unix_path = text(),
            "username" => self.username = text(),
            "password" => self.password = text().map(Zeroizing::new),
            "ca" => self.ca = text(),
            "host-subject" => self.host_subject = text(),
            "proxy" => self.proxy = text().map(Zeroizing::new),
            "secure-channels" => self.secure_channels = list(value),
            "disable-channels" => self.disable_channels = list(value),
            "title" => self.title = text(),
            "delete-this-file" => {
                self.delete = match value.trim_end() {
                    "0" | "" | "false" => false,
                    "1" | "true" => true,
                    _ => {
                        return Err(BadFile::Value {
                            key: "delete-this-file",
                            wanted: "0 or 1",
                        });
                    }
                }
            }
            key => {
                let known = IGNORED.iter().find(|known| **known == key);
                // Switched off it asks for nothing.
                let says = !matches!(value.trim_end(), "" | "0" | "false");
                let fresh = known.filter(|known| says && !self.ignored.contains(known));
                self.ignored.extend(fresh);
            }
        }
        Ok(())
    }

    /// When the file is good for nothing any more, if that can be told: from what Proxmox puts into the host, or from the
    /// comment of oVirt and the time at which the file was `written`.
    pub fn expires(&self, written: Option<SystemTime>) -> Option<SystemTime> {
        let proxmox = self.host.as_deref().and_then(proxmox_time);
        proxmox.map(|made| made + PROXMOX_VALID).or_else(|| {
            let written = written?;
            written.checked_add(self.valid_for?)
        })
    }
}

/// How long Proxmox's proxy knows a token.
const PROXMOX_VALID: Duration = Duration::from_secs(30);

/// When Proxmox made the token `pvespiceproxy:<8 hex time>:…`.
fn proxmox_time(host: &str) -> Option<SystemTime> {
    let mut parts = host.strip_prefix("pvespiceproxy:")?.split(':');
    let time = parts.next().filter(|time| time.len() == 8)?;
    let seconds = u32::from_str_radix(time, 16).ok()?;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.into()))
}

/// The time in a comment such as `# Password is valid for 120 seconds.`
fn validity(line: &str) -> Option<Duration> {
    let (_, rest) = line
        .trim_start()
        .strip_prefix('#')?
        .split_once("valid for ")?;
    let mut words = rest.split_ascii_whitespace();
    let number: u32 = words.next()?.parse().ok()?;
    let unit = words.next()?;
    unit.starts_with("second")
        .then(|| Duration::from_secs(number.into()))
}

/// Lines that say something, with their numbers.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let numbered = text.lines().enumerate().map(|(at, line)| (at + 1, line));
    numbered
        .map(|(number, line)| (number, line.trim_start().trim_end_matches('\r')))
        .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn is_ours(line: &str) -> bool {
    line.trim_end() == "[virt-viewer]"
}

/// A value without its escapes; one that is not known stays as it is.
fn unescaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('s') => out.push(' '),
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('\\') => out.push('\\'),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

/// The items of a list, `;` or `,` between them: real files have both.
fn list(value: &str) -> Vec<String> {
    let items = value.split([';', ',']).map(|item| unescaped(item.trim()));
    items.filter(|item| !item.is_empty()).collect()
}

/// A port; some write 0, -1 or nothing for none.
fn port(key: &'static str, value: &str) -> Result<Option<u16>, BadFile> {
    match value.trim_end() {
        "" | "0" | "-1" => Ok(None),
        text => text.parse().map(Some).map_err(|_| BadFile::Value {
            key,
            wanted: "a number from 1 to 65535",
        }),
    }
}

/// Without the password and whatever else is secret.
impl fmt::Debug for ConnectionFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionFile")
            .field("port", &self.port)
            .field("tls_port", &self.tls_port)
            .field("unix_path", &self.unix_path)
            .field("title", &self.title)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for BadFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(f, "it is larger than {LARGEST} bytes"),
            Self::NotVirtViewer => f.write_str("its first group is not [virt-viewer]"),
            Self::Line { number, why } => write!(f, "line {number}: {why}"),
            Self::Value { key, wanted } => write!(f, "its {key} is not {wanted}"),
            Self::Type(kind) => write!(f, "it is for {kind:?}, not for spice"),
            Self::NoServer => {
                f.write_str("it names no server: neither a host with a port nor a socket")
            }
        }
    }
}

impl std::error::Error for BadFile {}
