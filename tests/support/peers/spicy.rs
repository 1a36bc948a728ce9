//! The GTK client's screenshot program: what another client makes of a server's screen.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use super::picture::Picture;
use super::process::Process;

/// The screen of the server at `address`, a loopback address or the path of a unix socket, as this client sees it.
pub fn screenshot(address: &str, password: Option<&str>) -> Picture {
    let scheme = if address.starts_with('/') {
        "spice+unix"
    } else {
        "spice"
    };
    let uri = format!("{scheme}://{address}");
    let password = password.map(|password| ["--password", password]);
    by_uri(&uri, password.as_ref().map_or(&[], |p| &p[..]), None)
}

/// The screen of a server with TLS at a loopback port, whose certificate this authority has signed. The client has no option for
/// that, and takes the authorities of the system, which OpenSSL looks for where a variable says.
pub fn screenshot_with_tls(port: u16, authority: &Path) -> Picture {
    let uri = format!("spice://127.0.0.1?tls-port={port}");
    by_uri(&uri, &[], Some(authority))
}

fn by_uri(uri: &str, more: &[&str], authority: Option<&Path>) -> Picture {
    let dir = TempDir::new().expect("a scratch folder");
    let mut command = Command::new("spicy-screenshot");
    command
        .args(["--uri", uri, "--out-file", "screen.ppm"])
        .args(more)
        .current_dir(dir.path())
        .env_remove("DISPLAY");
    if let Some(authority) = authority {
        command.env("SSL_CERT_FILE", authority);
    }
    let mut process = Process::start("spicy-screenshot", &command, dir.path());
    let status = process.finish(Duration::from_secs(60));
    assert!(status.success(), "{status}: {}", process.log());
    let bytes = std::fs::read(dir.path().join("screen.ppm")).expect("the screen was written");
    Picture::from_ppm(&bytes)
}
