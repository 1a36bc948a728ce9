//! Connection files as targets: reading one, and removing it once it was used.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::SystemTime;

use super::password::Secret;
use super::report::{Exit, Failure};
use super::target::Target;
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
/// When it cannot be read, is damaged or expired, or wants what this version does not have.
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
    let text = String::from_utf8(text).map_err(|_| damaged("it is not UTF-8".into()))?;
    let file = ConnectionFile::parse(&text).map_err(|error| damaged(error.to_string()))?;
    if let Some(expiry) = file.expires(written)
        && let Ok(since) = SystemTime::now().duration_since(expiry)
    {
        let why = format!("it expired {} seconds ago", since.as_secs());
        return Err(damaged(why).with_hint("get a new one from where it came from"));
    }
    let not_yet = |what: &str| damaged(format!("it wants {what}, which is not supported yet"));
    if file.proxy.is_some() {
        return Err(not_yet("a proxy"));
    }
    let address = match (&file.unix_path, &file.host, file.port) {
        (Some(path), ..) => Address::Unix(path.into()),
        (None, Some(host), Some(port)) if file.secure_channels.is_empty() => {
            Address::tcp(host, port)
        }
        _ => return Err(not_yet("TLS")),
    };
    let password = match &file.password {
        Some(text) => {
            Some(Secret::new(text.to_string()).map_err(|error| damaged(error.to_string()))?)
        }
        None => None,
    };
    let target = Target::Server {
        address,
        password,
        tls_passed_over: file.tls_port.is_some(),
    };
    Ok((target, file))
}

/// What is in a file, and when it was written; of standard input the latter is not known.
fn contents(path: &Path) -> io::Result<(Vec<u8>, Option<SystemTime>)> {
    // One more than is allowed: the parser says that it is too large.
    let limit = LARGEST_CONNECTION_FILE as u64 + 1;
    let mut bytes = Vec::new();
    if path == Path::new("-") {
        io::stdin().lock().take(limit).read_to_end(&mut bytes)?;
        return Ok((bytes, None));
    }
    let file = File::open(path)?;
    let written = file.metadata()?.modified().ok();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok((bytes, written))
}

/// Removes a file that asked for it, now that the connection stands.
pub fn used(path: &Path, file: &ConnectionFile) {
    if file.delete
        && path != Path::new("-")
        && let Err(error) = std::fs::remove_file(path)
    {
        let path = path.display();
        eprintln!("capsaicin: cannot remove {path} as it asks for: {error}");
    }
}
