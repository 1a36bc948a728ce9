//! A user that a server with SASL knows.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::installed;

/// The user's name.
pub const USER: &str = "quillfeather";

/// The user's password.
pub const PASSWORD: &str = "sesame-0815";

/// What is missing to ask by SASL.
pub fn missing() -> Option<String> {
    if !Path::new("/usr/sbin/saslpasswd2").exists() && !installed("saslpasswd2") {
        return Some("no saslpasswd2 (Debian: sasl2-bin)".into());
    }
    let folders = [
        "/usr/lib/x86_64-linux-gnu",
        "/usr/lib/aarch64-linux-gnu",
        "/usr/lib",
    ];
    let has_scram = |folder: &&str| Path::new(folder).join("sasl2/libscram.so").exists();
    let found = folders.iter().any(has_scram);
    (!found).then(|| "no SCRAM (Debian: libsasl2-modules)".into())
}

/// Makes the user, and lets QEMU offer these mechanisms; where QEMU is to look for that.
pub fn install(dir: &Path, mechanisms: &str) -> PathBuf {
    let users = dir.join("users");
    let settings = format!(
        "mech_list: {mechanisms}\npwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {}\n",
        users.display()
    );
    std::fs::write(dir.join("qemu.conf"), settings).expect("the scratch folder is writable");
    let mut making = Command::new("saslpasswd2")
        .args(["-p", "-c", "-a", "qemu", "-f"])
        .args([users.as_os_str(), USER.as_ref()])
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("saslpasswd2 starts");
    let mut input = making.stdin.take().expect("its input");
    input.write_all(PASSWORD.as_bytes()).expect("it reads");
    drop(input);
    assert!(
        making.wait().expect("it ends").success(),
        "the user is made"
    );
    dir.to_owned()
}
