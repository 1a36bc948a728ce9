//! Connection files (`.vv`) as virt-viewer, oVirt and Proxmox make them.

use std::time::{Duration, SystemTime};

use capsaicin::net::{BadFile, ConnectionFile, LARGEST_CONNECTION_FILE};
use proptest::prelude::*;

/// The fields of spec 01 §12, with the line breaks that a key file writes as `\n`.
const PROXMOX: &str = "[virt-viewer]
type=spice
host=pvespiceproxy:5f5e1000:101:node1:61000::0123456789abcdef0123456789abcdef01234567
tls-port=61000
proxy=http://192.0.2.7:3128
password=0123456789abcdef0123456789abcdef01234567
host-subject=OU=PVE Cluster Node,O=Proxmox Virtual Environment,CN=node1.example
ca=-----BEGIN CERTIFICATE-----\\nMIIF\\n-----END CERTIFICATE-----\\n
title=VM 101 - web
delete-this-file=1
secure-attention=Ctrl+Alt+Ins
toggle-fullscreen=Shift+F11
release-cursor=Ctrl+Alt+R
";

const OVIRT: &str = "[virt-viewer]
type=spice
host=198.51.100.4
port=5900
password=aBc\\sd=e\\\\f
# Password is valid for 120 seconds.
delete-this-file=0
fullscreen=0
tls-port=5901
enable-usbredir=1
color-depth=0
disable-effects=animation;wallpaper
enable-usb-autoshare=1
secure-channels=main;inputs;cursor

[ovirt]
host=engine.example:443
password=other
";

#[test]
fn a_file_of_proxmox_names_a_host_that_only_its_proxy_knows() {
    let file = ConnectionFile::parse(PROXMOX).unwrap();
    assert!(file.host.unwrap().starts_with("pvespiceproxy:5f5e1000:"));
    assert_eq!((file.port, file.tls_port), (None, Some(61000)));
    assert_eq!(
        file.proxy.as_deref().map(String::as_str),
        Some("http://192.0.2.7:3128")
    );
    assert_eq!(
        file.host_subject.as_deref(),
        Some("OU=PVE Cluster Node,O=Proxmox Virtual Environment,CN=node1.example")
    );
    assert_eq!(
        file.ca.as_deref(),
        Some("-----BEGIN CERTIFICATE-----\nMIIF\n-----END CERTIFICATE-----\n")
    );
    assert_eq!(file.title.as_deref(), Some("VM 101 - web"));
    assert!(file.delete);
    assert_eq!(
        file.ignored,
        ["secure-attention", "toggle-fullscreen", "release-cursor"]
    );
}

#[test]
fn a_file_of_ovirt_has_a_group_of_its_own_that_changes_nothing() {
    let file = ConnectionFile::parse(OVIRT).unwrap();
    assert_eq!(file.host.as_deref(), Some("198.51.100.4"));
    assert_eq!((file.port, file.tls_port), (Some(5900), Some(5901)));
    assert_eq!(file.password.unwrap().as_str(), "aBc d=e\\f");
    assert_eq!(
        file.ignored,
        ["enable-usbredir", "disable-effects", "enable-usb-autoshare"]
    );
    assert_eq!(file.secure_channels, ["main", "inputs", "cursor"]);
    assert!(!file.delete);
}

#[test]
fn proxmox_says_in_the_host_when_a_file_was_made() {
    let file = ConnectionFile::parse(PROXMOX).unwrap();
    // 0x5f5e1000 seconds and 30.
    let expiry = SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_030);
    assert_eq!(file.expires(None), Some(expiry));
}

#[test]
fn ovirt_says_in_a_comment_for_how_long_a_file_is_good() {
    let file = ConnectionFile::parse(OVIRT).unwrap();
    let written = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
    let expiry = SystemTime::UNIX_EPOCH + Duration::from_secs(1120);
    assert_eq!(file.expires(Some(written)), Some(expiry));
    assert_eq!(file.expires(None), None, "it came by a pipe");
}

#[test]
fn a_socket_needs_no_host() {
    let text = "# made by hand\r\n\r\n[virt-viewer]\r\ntype=spice\r\nunix-path=/run/vm.sock\r\n";
    let file = ConnectionFile::parse(text).unwrap();
    assert_eq!(file.unix_path.as_deref(), Some("/run/vm.sock"));
}

#[test]
fn channels_that_are_not_to_be_opened_are_listed() {
    let text = "[virt-viewer]\ntype=spice\nhost=a\nport=1\ndisable-channels=playback;record\nunheard-of=1\n";
    let file = ConnectionFile::parse(text).unwrap();
    assert_eq!(file.disable_channels, ["playback", "record"]);
    assert!(file.ignored.is_empty());
}

#[test]
fn what_cannot_be_used_says_why() {
    let with = |lines: &str| format!("[virt-viewer]\ntype=spice\n{lines}");
    for (text, why) in [
        (String::new(), "its first group is not [virt-viewer]"),
        (
            "[other]\n[virt-viewer]\ntype=spice\n".into(),
            "its first group is not [virt-viewer]",
        ),
        (
            "[virt-viewer]\nhost=a\nport=1\n".into(),
            "its type is not spice",
        ),
        (
            "[virt-viewer]\ntype=vnc\nhost=a\nport=1\n".into(),
            "it is for \"vnc\", not for spice",
        ),
        (
            with("host=a\n"),
            "it names no server: neither a host with a port nor a socket",
        ),
        (
            with("port=5900\n"),
            "it names no server: neither a host with a port nor a socket",
        ),
        (
            with("host=a\nport=66000\n"),
            "its port is not a number from 1 to 65535",
        ),
        (
            with("host=a\ntls-port=x\n"),
            "its tls-port is not a number from 1 to 65535",
        ),
        (
            with("delete-this-file=maybe\n"),
            "its delete-this-file is not 0 or 1",
        ),
        (
            with("sesame\n"),
            "line 3: it is neither a group nor KEY=VALUE",
        ),
        (
            with("[ovirt\n"),
            "line 3: a group's name is not closed by ']'",
        ),
    ] {
        let error = ConnectionFile::parse(&text).unwrap_err();
        assert_eq!(error.to_string(), why, "{text}");
    }
    let large = with(&"#".repeat(LARGEST_CONNECTION_FILE));
    assert_eq!(ConnectionFile::parse(&large), Err(BadFile::TooLarge));
}

#[test]
fn no_secret_is_shown() {
    let shown = format!("{:?}", ConnectionFile::parse(OVIRT).unwrap());
    assert!(!shown.contains("aBc"), "{shown}");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(\\[virt-viewer\\]\n)?([a-z-]{0,9}=?[ -~é\\\\]{0,20}\n){0,8}") {
        let _ = ConnectionFile::parse(&text);
    }

    #[test]
    fn a_damaged_file_panics_nobody(at in 0usize..700, with in any::<char>(), which in any::<bool>()) {
        let text = if which { PROXMOX } else { OVIRT };
        let damaged: String = text
            .chars()
            .enumerate()
            .map(|(place, c)| if place == at { with } else { c })
            .collect();
        let _ = ConnectionFile::parse(&damaged).map(|file| file.expires(Some(SystemTime::now())));
    }
}
