//! The ways to a server that are none of a plain port, a socket or TLS alone: SASL, proxies, web-sockets.

use std::time::{SystemTime, UNIX_EPOCH};

use libtest_mimic::Trial;
use serde_json::Value;
use tempfile::TempDir;

use crate::failures::NOBODYS_NAME;
use crate::peers::picture::assert_same;
use crate::peers::proxy::{Front, Gate, OneWay, Tinyproxy};
use crate::peers::qemu::{Boot, Machine, Qemu, Tls};
use crate::peers::xserver::XServer;
use crate::peers::{ClosedPort, Peer, sasl, until};
use crate::program::{self, Ended};
use crate::{LIMIT, test};

type Body = fn();

pub fn tests() -> Vec<Trial> {
    let sasl: &[Peer] = &[Peer::Qemu, Peer::Sasl];
    let proxy: &[Peer] = &[Peer::Qemu, Peer::Tinyproxy];
    let tests: [(&str, &'static [Peer], Body); 12] = [
        ("every_mechanism_lets_the_user_in", sasl, mechanisms),
        ("a_wrong_user_or_password_is_named", sasl, wrong_users),
        ("sasl_without_tls_is_refused_with_a_hint", sasl, open_sasl),
        ("a_login_leaves_no_trace", sasl, traces),
        ("every_channel_goes_by_the_proxy", proxy, by_proxy),
        ("a_proxy_that_leads_nowhere_says_why", proxy, proxy_failures),
        ("a_proxy_with_tls_has_to_show_who_it_is", proxy, tls_proxy),
        ("doctor_walks_by_the_proxy", proxy, doctor),
        (
            "a_file_of_proxmox_opens_its_machine",
            &[Peer::Qemu],
            proxmox,
        ),
        (
            "a_file_of_opennebula_opens_its_machine_with_the_token_of_its_proxy",
            &[Peer::Qemu],
            opennebula,
        ),
        ("qemu_takes_web_sockets", proxy, web_sockets),
        ("the_x_server_takes_web_sockets", &[Peer::XServer], x_server),
    ];
    let tests = tests.into_iter();
    tests
        .map(|(name, needs, body)| test(format!("reach::{name}"), needs, body))
        .collect()
}

fn fixture(name: &str) -> String {
    format!("{}/tests/fixtures/tls/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A machine with TLS.
fn machine() -> Machine {
    Machine::new(Boot::Pattern).tls(Tls {
        certificate: "ec",
        newest: "TLSv1.3",
        channels: &[],
    })
}

/// A file with a password.
struct Given {
    file: String,
    _folder: TempDir,
}

fn given(password: &str) -> Given {
    let folder = TempDir::new().expect("a scratch folder");
    let file = folder.path().join("password");
    std::fs::write(&file, password).expect("written");
    Given {
        file: file.to_str().expect("UTF-8").to_owned(),
        _folder: folder,
    }
}

/// What comes of a login at a machine's port with TLS.
fn login(qemu: &Qemu, user: &str, password: &str) -> Ended {
    let target = format!("spice+tls://{user}@127.0.0.1:{}", qemu.tls_port);
    let (password, authority) = (given(password), fixture("authority.pem"));
    let more = ["--ca-file", &authority, "--password-file", &password.file];
    program::run(&[&["connect", &target, "--for", "1"][..], &more].concat())
}

fn mechanisms() {
    for mechanism in [
        "scram-sha-512",
        "scram-sha-256",
        "scram-sha-1",
        "digest-md5",
        "plain",
    ] {
        let mut qemu = machine().sasl(mechanism).start();
        let screen = qemu.still_screen();
        let (password, authority) = (given(sasl::PASSWORD), fixture("authority.pem"));
        let target = format!("spice+tls://127.0.0.1:{}", qemu.tls_port);
        let more = [
            "--ca-file",
            &authority,
            "--user",
            sasl::USER,
            "--password-file",
            &password.file,
        ];
        // Every channel logs in by itself.
        assert_same(mechanism, &program::screenshot(&target, &more), &screen);
    }
    let mut qemu = machine().sasl("anonymous plain").start();
    let screen = qemu.still_screen();
    let target = format!("spice+tls://127.0.0.1:{}", qemu.tls_port);
    let taken = program::screenshot(&target, &["--ca-file", &fixture("authority.pem")]);
    assert_same("anonymous", &taken, &screen);
}

fn wrong_users() {
    for mechanism in ["scram-sha-512 plain", "digest-md5", "plain"] {
        let qemu = machine().sasl(mechanism).start();
        let port = qemu.tls_port;
        let refused = format!(
            "capsaicin: cannot connect to 127.0.0.1:{port}: the server refused the user's name or password\n  hint: check \
             --user and the password; a server says no more than this\n"
        );
        for (user, password) in [(sasl::USER, "wrong"), ("nobody", sasl::PASSWORD)] {
            let ended = login(&qemu, user, password);
            assert_eq!(
                (ended.code, ended.stderr),
                (6, refused.clone()),
                "{mechanism}"
            );
        }
        let target = format!("spice+tls://127.0.0.1:{port}");
        let authority = fixture("authority.pem");
        let ended = program::run(&["connect", &target, "--ca-file", &authority, "--for", "1"]);
        let wants = format!(
            "capsaicin: cannot connect to 127.0.0.1:{port}: the server wants a user's name and password (SASL)\n  hint: name \
             the user with --user, and a password with --password-file\n"
        );
        assert_eq!((ended.code, ended.stderr), (6, wants), "{mechanism}");
    }
}

fn open_sasl() {
    let password = given(sasl::PASSWORD);
    let refused = |address: &str| {
        let more = ["--user", sasl::USER, "--password-file", &password.file];
        let ended = program::run(&[&["connect", address, "--for", "1"][..], &more].concat());
        assert_eq!(ended.code, 6, "{}", ended.stderr);
        let hint = "hint: name the server's port with TLS: spice+tls://HOST:PORT, or --tls-port; QEMU has one with -spice \
                    tls-port=PORT,x509-dir=DIR\n";
        assert!(ended.stderr.ends_with(hint), "{}", ended.stderr);
        ended.stderr
    };
    let qemu = machine().sasl("plain scram-sha-256 digest-md5").start();
    let said = refused(&qemu.address);
    let words = "the server offers SASL only by DIGEST-MD5, not to be used without TLS";
    assert!(said.contains(words), "{said}");

    let local = Machine::new(Boot::Pattern)
        .sasl("plain scram-sha-256")
        .start();
    let said = refused(&local.address);
    let words = "the server wants SASL and offers no mechanism for it here";
    assert!(said.contains(words), "{said}");
}

/// Neither in a recording nor in the most talkative log, as it is or in base64.
fn traces() {
    let qemu = machine().sasl("plain").start();
    let folder = TempDir::new().expect("a scratch folder");
    let (file, log) = (folder.path().join("x.pcapng"), folder.path().join("log"));
    let (password, authority) = (given(sasl::PASSWORD), fixture("authority.pem"));
    let target = format!("spice+tls://{}@127.0.0.1:{}", sasl::USER, qemu.tls_port);
    let ended = program::run_with(
        &[("RUST_LOG", "trace")],
        &[
            "record",
            &target,
            "-o",
            file.to_str().expect("UTF-8"),
            "--for",
            "3",
            "--ca-file",
            &authority,
            "--password-file",
            &password.file,
            "--log-file",
            log.to_str().expect("UTF-8"),
        ],
    );
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let recorded = std::fs::read(&file).expect("a recording");
    assert!(recorded.len() > 1000, "{} bytes", recorded.len());
    for bytes in [
        recorded,
        std::fs::read(&log).unwrap_or_default(),
        ended.stderr.into_bytes(),
    ] {
        let has = |text: &str| {
            bytes
                .windows(text.len())
                .any(|part| part == text.as_bytes())
        };
        assert!(!has(sasl::PASSWORD));
        // The base64 of "sesame-0815".
        assert!(!has("c2VzYW1lLTA4MTU"));
    }
}

fn by_proxy() {
    let mut qemu = Machine::new(Boot::Pattern).tcp().start();
    let screen = qemu.still_screen();
    let port = port_of(&qemu.address);
    let proxy = Tinyproxy::start(port);
    let url = format!("http://me:sesame@{}/", proxy.address);
    let taken = program::screenshot(&qemu.address, &["--proxy", &url]);
    assert_same("by proxy", &taken, &screen);
    let asked = every_channel_asks(|| proxy.asked(), &[&qemu.address, "--proxy", &url]);
    let line = format!("CONNECT 127.0.0.1:{port} HTTP/1.0");
    assert!(asked.iter().all(|asked| asked.contains(&line)), "{asked:?}");
}

/// Connects until the proxy has been asked for every channel; all that it was asked. A screenshot needs no more than main and
/// display: it may be gone before the others are asked for.
fn every_channel_asks(asked: impl Fn() -> Vec<String>, target: &[&str]) -> Vec<String> {
    let dir = TempDir::new().expect("a scratch folder");
    let before = asked().len();
    let mut connect = program::start(dir.path(), &[&["connect"], target].concat());
    until("every channel by the proxy", LIMIT, || {
        assert!(connect.ended().is_none(), "{}", connect.log());
        // Main, display, inputs and cursor.
        Some(asked()).filter(|asked| asked.len() >= before + 4)
    })
}

/// What connecting to `target` comes to with this in `SPICE_PROXY`.
fn fails(target: &str, proxy: &str) -> (i32, String) {
    let ended = program::run_with(
        &[("SPICE_PROXY", proxy)],
        &["connect", target, "--for", "1"],
    );
    assert!(!ended.stderr.contains("sesame"), "{}", ended.stderr);
    (ended.code, ended.stderr)
}

fn proxy_failures() {
    let qemu = Machine::new(Boot::Firmware).tcp().start();
    let server = &qemu.address;
    let proxy = Tinyproxy::start(port_of(server));
    let there = format!("http://{}", proxy.address);
    let known = format!("http://me:sesame@{}", proxy.address);
    let nobody = [ClosedPort::new(), ClosedPort::new()];
    let closed = format!("http://{}", nobody[0].address());
    let elsewhere = nobody[1].address();
    let unknown = format!("{NOBODYS_NAME}:{}", port_of(server));
    let itself = format!("http://me:sesame@{server}");
    for (target, proxy, code, words, hint) in [
        (
            server,
            &there,
            6,
            "it answers 407 Proxy Authentication Required",
            "tell it who you are: SPICE_PROXY=http://USER:PASSWORD@HOST:PORT",
        ),
        (
            server,
            &known.replace("sesame", "sesame2"),
            6,
            "it answers 401 Unauthorized",
            "it does not take this user and password",
        ),
        (
            &elsewhere,
            &known,
            3,
            "it answers 403 Access violation",
            "whoever runs it decides which hosts and ports it leads to",
        ),
        (
            &unknown,
            &known,
            3,
            "it answers 500 Unable to connect",
            "it does not reach the server: check the server's name and port as the proxy sees them",
        ),
        (
            server,
            &format!("http://{NOBODYS_NAME}"),
            3,
            "its name cannot be resolved: name or service not known",
            "check the proxy's name: it comes from --proxy, the connection file or SPICE_PROXY",
        ),
        (
            server,
            &closed,
            3,
            "it cannot be reached: connection refused",
            "nothing listens there: check the proxy's port; --proxy '' connects without it",
        ),
        (
            server,
            &itself,
            3,
            "it speaks SPICE, not HTTP",
            "check the proxy's port: a proxy for SPICE speaks HTTP",
        ),
    ] {
        let (ended, said) = fails(target, proxy);
        let shown = proxy.replace("me:sesame2@", "").replace("me:sesame@", "");
        let shown = match shown.ends_with(NOBODYS_NAME) {
            true => format!("{shown}:3128"),
            false => shown,
        };
        let expected = format!(
            "capsaicin: cannot connect to {target} through the proxy {shown}: {words}\n  hint: {hint}\n"
        );
        assert_eq!((ended, said), (code, expected));
    }
}

/// TLS to the proxy, and within it TLS to the server.
fn tls_proxy() {
    let qemu = machine().start();
    let proxy = Tinyproxy::start(qemu.tls_port);
    let front = Front::of(proxy.address.clone(), "ec");
    let target = format!("spice+tls://127.0.0.1:{}", qemu.tls_port);
    let (url, authority) = (
        format!("https://me:sesame@{}", front.address),
        fixture("authority.pem"),
    );
    let arguments = ["connect", &target, "--ca-file", &authority];
    let environment = |system| [("SPICE_PROXY", &*url), ("SSL_CERT_FILE", system)];
    let dir = TempDir::new().expect("a scratch folder");
    let mut connect = program::start_with(dir.path(), &environment(&*authority), &arguments);
    // Main, display, inputs and cursor.
    until("every channel by the proxy", LIMIT, || {
        assert!(connect.ended().is_none(), "{}", connect.log());
        (proxy.asked().len() >= 4).then_some(())
    });
    drop(connect);

    // The authority of the server is none for the proxy.
    let stranger = fixture("stranger.pem");
    let ended = program::run_with(&environment(&stranger), &arguments);
    let expected = format!(
        "capsaicin: cannot connect to 127.0.0.1:{} through the proxy https://{}: the certificate was signed by \
         C=DE,O=Lab,CN=The authority, which is not trusted\n  hint: a proxy has to show a certificate that this system \
         trusts\n",
        qemu.tls_port, front.address
    );
    assert_eq!((ended.code, ended.stderr), (5, expected));
}

fn doctor() {
    let qemu = Machine::new(Boot::Pattern).tcp().start();
    let proxy = Tinyproxy::start(port_of(&qemu.address));
    let url = format!("http://me:sesame@{}", proxy.address);
    let steps = |target: &str, passed: bool| {
        let ended = program::run(&["doctor", "--json", target, "--proxy", &url]);
        let facts: Value = serde_json::from_slice(&ended.stdout).expect("JSON");
        let steps = facts["target"]["steps"].as_array().expect("steps").clone();
        let with = steps.into_iter().filter(|step| step["passed"] == passed);
        let names = with.map(|step| step["step"].as_str().expect("a name").to_owned());
        (ended.code, names.collect::<Vec<String>>())
    };
    let target = format!("ws://{}/", qemu.address);
    let all = [
        "target",
        "proxy-name",
        "proxy",
        "tunnel",
        "websocket",
        "handshake",
        "password",
        "channels",
    ];
    assert_eq!(steps(&target, true), (0, all.map(str::to_owned).to_vec()));
    let nobody = ClosedPort::new();
    let elsewhere = nobody.address();
    assert_eq!(steps(&elsewhere, false), (3, vec!["tunnel".to_owned()]));
}

/// A token for a host, TLS only, the authority inside, the certificate known by its subject.
fn proxmox() {
    let mut qemu = Machine::new(Boot::Pattern)
        .tls(Tls {
            certificate: "v1-rsa2048",
            newest: "TLSv1.2",
            channels: &[],
        })
        .start();
    let screen = qemu.still_screen();
    let proxy = OneWay::to(format!("127.0.0.1:{}", qemu.tls_port));
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock");
    let token = format!(
        "pvespiceproxy:{:08x}:101:node1:61000::0123456789abcdef0123456789abcdef01234567",
        now.as_secs()
    );
    let authority = std::fs::read_to_string(fixture("authority.pem")).expect("a fixture");
    let text = format!(
        "[virt-viewer]\ntype=spice\nhost={token}\ntls-port=61000\nproxy=http://{}\nhost-subject=C=IL,L=Raanana,O=Red Hat,CN=127.0.0.1\nca={}\n\
         title=VM 101\ndelete-this-file=1\nrelease-cursor=Ctrl+Alt+R\n",
        proxy.address,
        authority.replace('\n', "\\n")
    );
    let folder = TempDir::new().expect("a scratch folder");
    let file = folder.path().join("vm.vv");
    std::fs::write(&file, &text).expect("written");
    let name = file.to_str().expect("UTF-8");
    assert_same("Proxmox", &program::screenshot(name, &[]), &screen);
    assert!(!file.exists(), "it asked to be removed");
    std::fs::write(&file, &text).expect("written");
    let asked = every_channel_asks(|| proxy.asked(), &[name]);
    let line = format!("CONNECT {token}:61000 HTTP/1.0");
    assert!(asked.iter().all(|asked| *asked == line), "{asked:?}");
}

/// As Sunstone 6.0 writes it: a proxy with a query, which is websockify, and a host that nobody but that knows.
fn opennebula() {
    let mut qemu = Machine::new(Boot::Pattern).tcp().start();
    let screen = qemu.still_screen();
    let gate = Gate::to(qemu.address.clone(), "sesame");
    let front = Front::of(gate.address.clone(), "ec");
    let folder = TempDir::new().expect("a scratch folder");
    let (file, log) = (folder.path().join("vm.vv"), folder.path().join("log"));
    let (name, log) = (file.to_str().expect("UTF-8"), log.to_str().expect("UTF-8"));
    let write = |proxy: &str| {
        let text = format!(
            "[virt-viewer]\ntype=spice\ntitle=ov299\nhost=m1c6.invalid\nport=6526\nproxy={proxy}\nfullscreen=0\n\
             release-cursor=shift+f12\nsecure-attention=ctrl+alt+end\n"
        );
        std::fs::write(&file, text).expect("written");
    };
    write(&format!("http://{}?token=sesame", gate.address));
    assert_same("by ws", &program::screenshot(name, &[]), &screen);
    write(&format!("https://{}?token=sesame", front.address));
    let authority = fixture("authority.pem");
    let more = ["--ca-file", &authority, "-vvv", "--log-file", log];
    assert_same("by wss", &program::screenshot(name, &more), &screen);
    let logged = std::fs::read_to_string(log).expect("a log");
    assert!(!logged.contains("sesame"), "{logged}");

    write(&format!("http://{}?token=sesame2", gate.address));
    let ended = program::run(&["connect", name, "--for", "1"]);
    let expected = format!(
        "capsaicin: cannot connect to {} with a web-socket: it closed the connection without an answer\n  hint: its token \
         may be wrong, used or expired; or it is a port with TLS, for which there is wss://\n",
        gate.address
    );
    assert_eq!((ended.code, ended.stderr), (4, expected));
}

fn web_sockets() {
    let mut qemu = machine().start();
    let screen = qemu.still_screen();
    let plain = format!("ws://{}/any?token=1", qemu.address);
    assert_same("ws", &program::screenshot(&plain, &[]), &screen);
    let secure = format!("wss://127.0.0.1:{}", qemu.tls_port);
    let authority = fixture("authority.pem");
    let taken = program::screenshot(&secure, &["--ca-file", &authority]);
    assert_same("wss", &taken, &screen);
    let proxy = Tinyproxy::start(port_of(&qemu.address));
    let url = format!("http://me:sesame@{}", proxy.address);
    let taken = program::screenshot(&plain, &["--proxy", &url]);
    assert_same("ws by proxy", &taken, &screen);

    // To the port with TLS without it.
    let wrong = format!("ws://127.0.0.1:{}/", qemu.tls_port);
    let ended = program::run(&["connect", &wrong, "--for", "1"]);
    assert_eq!(ended.code, 4, "{}", ended.stderr);
    let expected = format!(
        "capsaicin: cannot connect to 127.0.0.1:{} with a web-socket: it closed the connection without an answer\n  hint: a TLS \
         port hangs up like this; wss:// is for those\n",
        qemu.tls_port
    );
    assert_eq!(ended.stderr, expected);
}

fn x_server() {
    let server = XServer::start("off");
    let direct = program::screenshot(&server.address, &[]);
    let target = format!("ws://{}/", server.address);
    assert_same("ws", &program::screenshot(&target, &[]), &direct);
}

fn port_of(address: &str) -> u16 {
    let (_, port) = address.rsplit_once(':').expect("a port");
    port.parse().expect("a number")
}
