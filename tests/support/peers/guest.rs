//! The Debian guests: a kernel with a console or a desktop, made once by `guest-image.sh` from Debian's own packages and
//! kept.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use super::installed;

/// The files of the guest.
#[derive(Clone, Debug)]
pub struct Image {
    /// The kernel.
    pub kernel: PathBuf,
    /// Its first and only file system.
    pub initrd: PathBuf,
}

/// Makes the images, or finds them made.
const SCRIPT: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/support/peers/guest-image.sh"
);

/// What is missing to boot a guest.
pub fn missing() -> Option<String> {
    made().err()
}

/// A shell on a console.
///
/// # Errors
///
/// Why there is none. Without `CAPSAICIN_REQUIRE_PEERS` nothing is downloaded.
pub fn console() -> Result<Image, String> {
    image("console")
}

/// An X server with programs for it, among them the SPICE agent.
///
/// # Errors
///
/// As of [`console`].
pub fn desktop() -> Result<Image, String> {
    image("desktop")
}

fn image(initrd: &str) -> Result<Image, String> {
    let dir = made()?;
    Ok(Image {
        kernel: dir.join("vmlinuz"),
        initrd: dir.join(initrd),
    })
}

/// The folder of the images, which are made unless they are there.
fn made() -> Result<PathBuf, String> {
    static MADE: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    MADE.get_or_init(make).clone()
}

fn make() -> Result<PathBuf, String> {
    let dir = cache().join("capsaicin/guest");
    // The script leaves a copy of itself when all is made.
    let script = std::fs::read(SCRIPT).map_err(|e| format!("{SCRIPT}: {e}"))?;
    if std::fs::read(dir.join("guest-image.sh")).is_ok_and(|made_by| made_by == script) {
        return Ok(dir);
    }
    if !super::required() {
        return Err(format!(
            "no guest image; make it with {SCRIPT} {}",
            dir.display()
        ));
    }
    if !installed("apt-get") {
        return Err("no guest image, and no apt-get to make it from".to_owned());
    }
    let output = Command::new("bash")
        .arg(SCRIPT)
        .arg(&dir)
        .output()
        .map_err(|e| format!("{SCRIPT}: {e}"))?;
    if output.status.success() {
        Ok(dir)
    } else {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Err(format!("{SCRIPT}: {}: {said}", output.status))
    }
}

/// Where this user keeps what can be made again.
fn cache() -> PathBuf {
    let named = |name| std::env::var_os(name).map(PathBuf::from);
    named("XDG_CACHE_HOME")
        .or_else(|| named("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
}
