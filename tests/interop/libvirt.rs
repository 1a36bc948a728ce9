//! Machines of libvirt by name: the real `virsh`, whose test driver says where a real QEMU listens.

use std::fs;

use libtest_mimic::Trial;
use tempfile::TempDir;

use crate::peers::Peer;
use crate::peers::picture::assert_same;
use crate::peers::qemu::{Boot, Machine, Qemu};
use crate::program;
use crate::test;

pub fn tests() -> Vec<Trial> {
    vec![
        test(
            "libvirt::a_machine_is_found_by_name_with_its_password",
            &[Peer::Qemu, Peer::Virsh],
            a_machine_is_found_by_name,
        ),
        test(
            "libvirt::a_machine_that_cannot_be_had_is_told_why",
            &[Peer::Virsh],
            a_machine_that_cannot_be_had,
        ),
    ]
}

/// A password that virsh gives as it is, and that would be another if it were taken for part of a URI.
const PASSWORD: &str = "se&s%20me?";

fn a_machine_is_found_by_name() {
    let mut qemu = Machine::new(Boot::Pattern).tcp().password(PASSWORD).start();
    let screen = qemu.still_screen();
    let machines = Machines::with(Some(&qemu));

    let screenshot = program::screenshot(&machines.target("the machine"), &[]);

    assert_same("by name", &screenshot, &screen);
}

fn a_machine_that_cannot_be_had() {
    let machines = Machines::with(None);
    for (name, exit, text, hint) in [
        (
            "nobody",
            9,
            "libvirt knows no machine of this name",
            "'virsh list --all' lists them; of another connection: libvirt+qemu:///session:NAME",
        ),
        (
            "off",
            3,
            "the machine is switched off",
            "'virsh -c URI start off' switches it on",
        ),
        (
            "vnc",
            4,
            "it has a VNC display and none of SPICE",
            "'virsh edit vnc' gives it one: <graphics type='spice' autoport='yes'/>",
        ),
        (
            "blind",
            4,
            "it has no SPICE display",
            "'virsh edit blind' gives it one: <graphics type='spice' autoport='yes'/>",
        ),
        (
            // Not an option of virsh.
            "--help",
            9,
            "libvirt knows no machine of this name",
            "'virsh list --all' lists them; of another connection: libvirt+qemu:///session:NAME",
        ),
    ] {
        let target = machines.target(name);
        let ended = program::run(&["connect", "--for", "1", "--", &target]);
        let hint = hint.replace("URI", &machines.uri);
        let expected = format!("capsaicin: cannot view {target}: {text}\n  hint: {hint}\n");
        assert_eq!((ended.code, ended.stderr), (exit, expected));
    }
    let target = "libvirt+qemu+unix:///system?socket=/nowhere/libvirt-sock:vm";
    let ended = program::run(&["connect", target]);
    let expected = format!(
        "capsaicin: cannot view {target}: libvirt says: Failed to connect socket to '/nowhere/libvirt-sock': No such file \
         or directory\n  hint: is libvirtd running there? another connection: libvirt+URI:NAME\n"
    );
    assert_eq!((ended.code, ended.stderr), (3, expected));
}

/// A file of machines for virsh's test driver.
struct Machines {
    uri: String,
    _dir: TempDir,
}

impl Machines {
    /// `the machine` is the one that runs; others do not.
    fn with(qemu: Option<&Qemu>) -> Self {
        let dir = TempDir::new().expect("a scratch folder");
        let file = dir.path().join("machines.xml");
        let password = PASSWORD.replace('&', "&amp;");
        let spice = |port| {
            format!("<graphics type='spice' listen='127.0.0.1' port='{port}' passwd='{password}'/>")
        };
        let address = qemu.and_then(|qemu| qemu.address.rsplit_once(':'));
        let port = address.map_or("5900", |(_, port)| port);
        let all = [
            machine("the machine", &spice(port), ""),
            machine("off", &spice("5900"), "<test:runstate>5</test:runstate>"),
            machine(
                "vnc",
                "<graphics type='vnc' listen='127.0.0.1' port='5901'/>",
                "",
            ),
            machine("blind", "", ""),
        ];
        fs::write(&file, format!("<node>{}</node>", all.concat())).expect("written");
        Self {
            uri: format!("test://{}", file.display()),
            _dir: dir,
        }
    }

    fn target(&self, name: &str) -> String {
        format!("libvirt+{}:{name}", self.uri)
    }
}

fn machine(name: &str, display: &str, state: &str) -> String {
    format!(
        "<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>{name}</name>\
         <memory>1024</memory><os><type>hvm</type></os><devices>{display}</devices>{state}</domain>"
    )
}
