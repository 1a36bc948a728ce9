//! Connection files as targets: reading one, and removing it once it was used.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use zeroize::Zeroizing;

use super::between::Veiled;
use super::password::{self, Secret};
use super::recent;
use super::report::{Exit, Failure, say};
use super::target::{Server, Target};
use crate::net::{Address, ConnectionFile, LARGEST_CONNECTION_FILE};

/// Bytes that are enough to see what a file is.
const HEAD: u64 = 4096;

/// Whether this is standard input, a file that is called like a connection file, or one that begins as they do.
pub fn is_one(text: &str) -> bool {
    let path = Path::new(text);
    let extension = path.extension().and_then(|e| e.to_str());
    if text == "-" || extension.is_some_and(|e| e.eq_ignore_ascii_case("vv")) {
        return true;
    }
    // A socket must not be opened, nor a pipe read twice.
    let regular = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let mut head = Vec::new();
    if regular && let Ok(file) = File::open(path) {
        // What cannot be read is none.
        let _ = file.take(HEAD).read_to_end(&mut head);
    }
    ConnectionFile::is_one(&String::from_utf8_lossy(&head))
}

/// Reads a connection file; the server that it names.
///
/// # Errors
///
/// When it cannot be read, is damaged or expired.
pub fn read(path: &Path) -> Result<(Target, ConnectionFile), Failure> {
    let name = Target::ConnectionFile(path.into()).to_string();
    let (text, written) =
        contents(path).map_err(|error| Failure::file("read the connection file", &name, &error))?;
    let damaged = |why: String| {
        Failure::new(
            Exit::File,
            format!("cannot use the connection file {name}: {why}"),
        )
    };
    let text = std::str::from_utf8(&text).map_err(|_| damaged("it is not UTF-8".into()))?;
    let file = ConnectionFile::parse(text).map_err(|error| damaged(error.to_string()))?;
    if let Some(expiry) = file.expires(written)
        && let Ok(since) = SystemTime::now().duration_since(expiry)
    {
        let why = format!("it expired {}", recent::ago(since));
        return Err(damaged(why).with_hint("get a new one from where it came from"));
    }
    let host = file.host.clone().unwrap_or_default();
    let at = |port| Address::tcp(host.clone(), port);
    let (plain, secure) = match &file.unix_path {
        Some(path) => (Some(Address::Unix(path.into())), None),
        None => (file.port.map(at), file.tls_port.map(at)),
    };
    let password = match &file.password {
        Some(text) => {
            Some(Secret::new(text.to_string()).map_err(|error| damaged(error.to_string()))?)
        }
        None => None,
    };
    let server = Server {
        plain,
        secure,
        user: file.username.clone(),
        password,
        ca: file.ca.clone(),
        host_subject: file.host_subject.clone(),
        secure_channels: file.secure_channels.clone(),
        proxy: file.proxy.clone().map(Veiled::new),
        websocket: None,
    };
    let unused = ignored(&file);
    if !unused.is_empty() {
        tracing::info!(file = %name, "{unused}");
    }
    Ok((Target::Server(server), file))
}

/// What to call the server: where it is, behind the name that the file gives it.
pub fn name(file: &ConnectionFile, server: &Target) -> String {
    match &file.title {
        Some(title) => format!("{title} ({server})"),
        None => server.to_string(),
    }
}

/// What the file says that nothing is made of, for people; empty if there is nothing of the kind.
pub fn ignored(file: &ConnectionFile) -> String {
    let possible = [
        "playback",
        "record",
        "port",
        "smartcard",
        "usbredir",
        "webdav",
    ];
    let channels = file.disable_channels.iter();
    let mut channels = channels.filter(|name| !possible.contains(&name.as_str()));
    let channel = channels.next().map(|_| "disable-channels");
    let keys: Vec<&str> = file.ignored.iter().copied().chain(channel).collect();
    match keys.is_empty() {
        true => String::new(),
        false => format!("nothing is made of {}", keys.join(", ")),
    }
}

/// What is in a file, and when it was written; of standard input the latter is not known.
fn contents(path: &Path) -> io::Result<(Zeroizing<Vec<u8>>, Option<SystemTime>)> {
    // One more than is allowed: the parser says that it is too large.
    let limit = LARGEST_CONNECTION_FILE as u64 + 1;
    if path == Path::new("-") {
        return Ok((
            password::read_wiped(&mut io::stdin().lock().take(limit))?,
            None,
        ));
    }
    let file = File::open(path)?;
    let written = file.metadata()?.modified().ok();
    let bytes = password::read_wiped(&mut file.take(limit))?;
    Ok((bytes, written))
}

/// The file as a target for another time, if it will be there then.
pub fn again((path, file): &(PathBuf, ConnectionFile)) -> Option<String> {
    if file.delete || path == Path::new("-") {
        return None;
    }
    Some(std::path::absolute(path).ok()?.to_str()?.to_owned())
}

/// Removes a file that asked for it, now that the connection stands.
pub fn used(path: &Path, file: &ConnectionFile) {
    if file.delete
        && path != Path::new("-")
        && let Err(error) = std::fs::remove_file(path)
    {
        let path = path.display();
        say(format_args!("cannot remove {path} as it asks for: {error}"));
    }
}
