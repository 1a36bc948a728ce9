//! What a tmux that stands between says of itself.

use std::process::{Command, Stdio};

/// Whether it hands sequences on to its terminal; `None` when it cannot be asked, as over SSH, or is so old that it has no such
/// setting and always does.
pub fn tmux_passes() -> Option<bool> {
    let pane = std::env::var_os("TMUX").and_then(|_| std::env::var_os("TMUX_PANE"))?;
    let asked = Command::new("tmux")
        .args(["show-options", "-Aqpv", "-t"])
        .arg(pane)
        .arg("allow-passthrough")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    match asked.ok()?.stdout.trim_ascii() {
        b"on" | b"all" => Some(true),
        b"off" => Some(false),
        _ => None,
    }
}
