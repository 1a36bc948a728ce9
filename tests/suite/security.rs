//! TLS as a person meets it: whom the program trusts, what it remembers, what it says when it does not.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// A home of its own, where the program keeps what it keeps.
struct Home(TempDir);

/// What became of a run: exit code and what was said on standard error.
type Said = (i32, String);

impl Home {
    fn new() -> Self {
        Self(TempDir::new().expect("a folder"))
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_capsaicin"));
        command.args(args).stdin(Stdio::null());
        command.env("HOME", self.0.path());
        // No authority of the system has anything to do with it.
        command.env("SSL_CERT_FILE", fixture("stranger.pem"));
        for name in [
            "CAPSAICIN_PASSWORD",
            "CAPSAICIN_PASSWORD_FILE",
            "RUST_LOG",
            "XDG_STATE_HOME",
            "SSL_CERT_DIR",
        ] {
            command.env_remove(name);
        }
        command
    }

    fn run(&self, args: &[&str]) -> Said {
        let Output { status, stderr, .. } = self.command(args).output().expect("it starts");
        (
            status.code().expect("no signal"),
            String::from_utf8_lossy(&stderr).into_owned(),
        )
    }

    /// Takes a picture of a server.
    fn shot(&self, target: &str, more: &[&str]) -> Said {
        let file = self.0.path().join("screen.png");
        let _ = std::fs::remove_file(&file);
        let name = file.to_str().expect("UTF-8");
        let said = self.run(&[&["screenshot", target, "-o", name][..], more].concat());
        assert_eq!(file.exists(), said.0 == 0, "{said:?}");
        said
    }

    fn known_hosts(&self) -> PathBuf {
        self.0.path().join(".local/state/capsaicin/known_hosts")
    }
}

fn fixture(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls");
    folder.join(name).to_str().expect("UTF-8").to_owned()
}

/// A server of ours.
struct Server {
    child: Child,
    port: u16,
}

impl Server {
    fn start(args: &[&str]) -> Self {
        let mut child = Home::new()
            .command(&[&["serve", "--json"], args].concat())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout)
            .read_line(&mut line)
            .expect("it says where");
        let facts: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let listening = facts["listening"].as_str().expect("an address");
        let (_, port) = listening.rsplit_once(':').expect("a port");
        let port = port.parse().expect("a number");
        Self { child, port }
    }

    /// With TLS and this certificate.
    fn with(certificate: &str, port: u16) -> Self {
        let (cert, key) = (format!("{certificate}.pem"), format!("{certificate}.key"));
        let address = format!("127.0.0.1:{port}");
        Self::start(&[
            &address,
            "--tls-cert",
            &fixture(&cert),
            "--tls-key",
            &fixture(&key),
        ])
    }

    fn plain() -> Self {
        Self::start(&["127.0.0.1:0"])
    }

    fn uri(&self) -> String {
        format!("spice+tls://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

const EC: &str = "  subject  O=Lab,CN=not.looked.at
  names    vm.example, *.lab.example, 127.0.0.1, ::1
  issuer   C=DE,O=Lab,CN=The authority
  valid    2020-01-01 to 2120-01-01
";

/// The SHA-256 of a certificate as openssl prints it.
fn print_of(certificate: &str) -> String {
    let pem = std::fs::read(fixture(certificate)).expect("it is there");
    let certificate = capsaicin::net::tls::Certificate::from_pem(&String::from_utf8_lossy(&pem));
    capsaicin::net::tls::hex(&certificate.expect("a certificate")[0].fingerprint())
}

#[test]
fn a_server_whose_authority_is_named_is_trusted_and_nothing_need_be_said() {
    let home = Home::new();
    for certificate in ["v1-rsa2048", "ec", "ed25519", "chained"] {
        let server = Server::with(certificate, 0);
        let said = home.shot(&server.uri(), &["--ca-file", &fixture("authority.pem")]);
        assert_eq!(said, (0, String::new()), "{certificate}");
    }
    let server = Server::with("v1-rsa2048", 0);
    let port = server.port.to_string();
    let subject = "C=IL,L=Raanana,O=Red Hat,CN=127.0.0.1";
    for more in [
        &["--host-subject", subject][..],
        &["--tls-port", &port],
        &["--tls-only"],
    ] {
        let ca = fixture("authority.pem");
        let more = [more, &["--ca", &ca]].concat();
        let target = match more[0] {
            "--host-subject" => server.uri(),
            _ => format!("127.0.0.1:{port}"),
        };
        let (code, words) = home.shot(&target, &more);
        assert_eq!(code, 0, "{more:?}: {words}");
    }
    assert!(!home.known_hosts().exists(), "nobody new was met");
}

#[test]
fn who_is_met_first_is_remembered_and_another_in_its_place_is_told() {
    let home = Home::new();
    let first = Server::with("ec", 0);
    let (uri, port) = (first.uri(), first.port);
    let place = format!("127.0.0.1:{port}");

    let refused = home.shot(&uri, &[]);
    assert_eq!(
        refused,
        (
            5,
            format!(
                "capsaicin: cannot connect to {place} with TLS: the certificate was signed by C=DE,O=Lab,CN=The \
                 authority, which is not trusted\n{EC}  SHA-256  {}\n  hint: --ca-file names a file with the \
                 authority's certificate; --trust first-use takes this one and remembers it\n",
                print_of("ec.pem")
            )
        ),
        "nobody is there to be asked"
    );
    let met = home.shot(&uri, &["--trust", "first-use"]);
    let expected = format!(
        "capsaicin: the certificate of {place} is trusted from now on (SHA-256 {})\n",
        print_of("ec.pem")
    );
    assert_eq!(met, (0, expected));
    assert_eq!(home.shot(&uri, &[]), (0, String::new()));
    assert_eq!(home.shot(&uri, &["--trust", "system"]).0, 5);
    drop(first);

    let other = Server::with("self-signed", port);
    for mode in ["ask", "first-use"] {
        let (code, words) = home.shot(&other.uri(), &["--trust", mode]);
        assert_eq!(code, 5);
        assert!(
            words.starts_with(&format!(
                "capsaicin: cannot connect to {place} with TLS: its certificate is not the one that was trusted; \
                 somebody may stand between\n  subject  CN=127.0.0.1\n"
            )),
            "{words}"
        );
        assert!(
            words.ends_with(&format!(
                "  SHA-256  {}\n  trusted  {}\n  hint: if the server was set up anew, remove the line of {place} \
                 from {}\n",
                print_of("self-signed.pem"),
                print_of("ec.pem"),
                home.known_hosts().display()
            )),
            "{words}"
        );
    }
    std::fs::remove_file(home.known_hosts()).expect("it was written");
    assert_eq!(home.shot(&other.uri(), &["--trust", "first-use"]).0, 0);
}

/// Runs the program at a terminal where a person gives this answer; how it ended, and what was on the screen.
fn at_a_terminal(home: &Home, args: &[&str], answer: &str) -> (u32, String) {
    let pair = portable_pty::native_pty_system()
        .openpty(portable_pty::PtySize::default())
        .expect("a terminal");
    let mut command = portable_pty::CommandBuilder::new(env!("CARGO_BIN_EXE_capsaicin"));
    command.args(args);
    command.env("HOME", home.0.path());
    command.env("SSL_CERT_FILE", fixture("stranger.pem"));
    command.env_remove("XDG_STATE_HOME");
    let mut child = pair.slave.spawn_command(command).expect("it starts");
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().expect("it can be read");
    let mut writer = pair.master.take_writer().expect("it can be typed at");
    let (mut screen, mut piece) = (Vec::new(), [0; 4096]);
    let mut is_answered = false;
    // A terminal whose program is gone is an error to read from.
    while let Ok(read) = std::io::Read::read(&mut reader, &mut piece) {
        if read == 0 {
            break;
        }
        screen.extend_from_slice(&piece[..read]);
        if !is_answered && screen.ends_with(b"[y/N] ") {
            std::io::Write::write_all(&mut writer, answer.as_bytes()).expect("it is typed");
            is_answered = true;
        }
    }
    let status = child.wait().expect("it ends");
    let screen = String::from_utf8_lossy(&screen).replace('\r', "");
    (status.exit_code(), screen)
}

#[test]
fn a_person_at_the_terminal_is_shown_the_certificate_and_asked_once() {
    let home = Home::new();
    let server = Server::with("ec", 0);
    let uri = server.uri();
    let place = format!("127.0.0.1:{}", server.port);
    let args = ["connect", &uri, "--for", "0.2"];

    let (code, screen) = at_a_terminal(&home, &args, "\n");
    let question = format!(
        "capsaicin: the certificate was signed by C=DE,O=Lab,CN=The authority, which is not trusted\n{EC}  SHA-256  \
         {}\nTrust this certificate of {place} from now on? [y/N] ",
        print_of("ec.pem")
    );
    let refused = format!("\ncapsaicin: the certificate of {place} was not trusted\n");
    assert_eq!((code, screen), (5, format!("{question}{refused}")));
    assert!(!home.known_hosts().exists());

    let (code, screen) = at_a_terminal(&home, &args, "y\n");
    assert_eq!(code, 0, "{screen}");
    assert!(screen.starts_with(&question), "{screen}");
    assert!(screen.contains("is trusted from now on"), "{screen}");
    let (code, screen) = at_a_terminal(&home, &args, "");
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains("Trust"), "{screen}");
}

#[test]
fn trusting_anybody_is_said_and_remembers_nobody() {
    let home = Home::new();
    let server = Server::with("elsewhere", 0);
    let (code, words) = home.shot(&server.uri(), &["--trust", "none"]);
    let expected = format!(
        "capsaicin: --trust none: nothing proves who the server at 127.0.0.1:{} is\n",
        server.port
    );
    assert_eq!((code, words), (0, expected));
    assert!(!home.known_hosts().exists());
}

#[test]
fn a_file_of_known_servers_that_cannot_be_read_is_no_empty_one() {
    let home = Home::new();
    std::fs::create_dir_all(home.known_hosts()).expect("a folder in its place");
    let server = Server::with("ec", 0);
    let (code, words) = home.shot(&server.uri(), &["--trust", "first-use"]);
    assert_eq!(code, 11);
    assert_eq!(
        words,
        "capsaicin: cannot read the servers known so far: is a directory\n"
    );
}

#[test]
fn an_authority_that_was_named_has_the_last_word() {
    let home = Home::new();
    for (certificate, authority, problem) in [
        (
            "ec",
            "stranger.pem",
            "the certificate was signed by C=DE,O=Lab,CN=The authority, which is not trusted",
        ),
        (
            "elsewhere",
            "authority.pem",
            "the certificate is for elsewhere.example, not for 127.0.0.1",
        ),
        (
            "expired",
            "authority.pem",
            "the certificate of CN=127.0.0.1 expired on 2021-02-03",
        ),
        (
            "self-signed",
            "authority.pem",
            "the certificate was signed by nobody but itself, and is not trusted",
        ),
    ] {
        let server = Server::with(certificate, 0);
        let more = ["--trust", "first-use", "--ca-file", &fixture(authority)];
        let (code, words) = home.shot(&server.uri(), &more);
        let first = format!(
            "capsaicin: cannot connect to 127.0.0.1:{} with TLS: {problem}\n",
            server.port
        );
        assert!(code == 5 && words.starts_with(&first), "{code} {words}");
    }
    assert!(!home.known_hosts().exists());
}

#[test]
fn a_subject_that_differs_is_shown_with_the_difference() {
    let home = Home::new();
    let server = Server::with("v1-rsa2048", 0);
    let asked = "C=IL,L=Raanana,O=Blue Hat,CN=127.0.0.1";
    let ca = fixture("authority.pem");
    let (code, words) = home.shot(&server.uri(), &["--ca-file", &ca, "--host-subject", asked]);
    assert_eq!(code, 5);
    assert!(
        words.starts_with(&format!(
            "capsaicin: cannot connect to 127.0.0.1:{} with TLS: the certificate's subject is not the one expected: \
             part 3 is O=Red Hat, not O=Blue Hat\n  subject  C=IL,L=Raanana,O=Red Hat,CN=127.0.0.1\n",
            server.port
        )),
        "{words}"
    );
    assert!(
        words.ends_with(
            "  expected C=IL,L=Raanana,O=Blue Hat,CN=127.0.0.1\n  hint: if this is the server you mean: \
             --host-subject 'C=IL,L=Raanana,O=Red Hat,CN=127.0.0.1'\n"
        ),
        "{words}"
    );
    let nonsense = home.shot(&server.uri(), &["--host-subject", "Red Hat"]);
    assert_eq!(nonsense.0, 2, "{nonsense:?}");
}

#[test]
fn the_wrong_one_of_two_ports_is_recognised() {
    let home = Home::new();
    let (plain, secure) = (Server::plain(), Server::with("ec", 0));
    assert_eq!(
        home.shot(&plain.uri(), &[]),
        (
            5,
            format!(
                "capsaicin: cannot connect to 127.0.0.1:{} with TLS: this is not TLS: the peer speaks SPICE\n  \
                 hint: this is the server's plain port; the one with TLS is tls-port of -spice\n",
                plain.port
            )
        )
    );
    let place = format!("127.0.0.1:{}", secure.port);
    assert_eq!(
        home.shot(&place, &[]),
        (
            5,
            format!(
                "capsaicin: cannot connect to {place}: this is not SPICE: the peer speaks TLS\n  hint: this is a \
                 port with TLS: use spice+tls://{place}\n"
            )
        )
    );
}

#[test]
fn of_two_ports_the_one_with_tls_is_used_and_its_failure_never_leads_to_the_other() {
    let home = Home::new();
    let (plain, secure) = (Server::plain(), Server::with("ec", 0));
    let ca = fixture("authority.pem");
    let both = format!(
        "spice://127.0.0.1?port={}&tls-port={}",
        plain.port, secure.port
    );
    let with_tls = format!("capsaicin: with TLS, at 127.0.0.1:{}\n", secure.port);
    assert_eq!(home.shot(&both, &["--ca-file", &ca]), (0, with_tls.clone()));
    let without = format!(
        "capsaicin: without TLS, at 127.0.0.1:{}: everybody on the way can read along\n",
        plain.port
    );
    assert_eq!(
        home.shot(&both, &["--ca-file", &ca, "--plain"]),
        (0, without)
    );
    assert_eq!(
        home.shot(&both, &["--ca-file", &fixture("stranger.pem")]).0,
        5
    );

    let port = secure.port;
    drop(secure);
    let refused = format!(
        "{with_tls}capsaicin: cannot connect to 127.0.0.1:{port}: connection refused\n  hint: --plain uses the \
         plain port, where everybody on the way can read along\n"
    );
    assert_eq!(home.shot(&both, &["--ca-file", &ca]), (3, refused));
    // Somebody who stands between answers plain where TLS was wanted.
    let other = Server::start(&[&format!("127.0.0.1:{port}")]);
    let (code, words) = home.shot(&both, &["--ca-file", &ca]);
    assert!(code == 5 && words.contains("this is not TLS"), "{words}");
    drop(other);
}

#[test]
fn what_contradicts_itself_is_a_usage_error() {
    let home = Home::new();
    for args in [
        &["connect", "vm", "--tls-only", "--plain"][..],
        &["connect", "spice+tls://vm:1", "--plain"],
        &["connect", "/run/vm.sock", "--tls-only"],
        &["connect", "/run/vm.sock", "--tls-port", "1"],
        &["connect", "vm", "--tls-port", "0"],
        &["connect", "vm", "--trust", "everybody"],
        &["serve", "--tls-cert", "x.pem"],
    ] {
        assert_eq!(home.run(args).0, 2, "{args:?}");
    }
}

#[test]
fn a_server_needs_the_key_of_its_certificate() {
    let home = Home::new();
    let (ec, rsa1024) = (fixture("ec.pem"), fixture("v1-rsa1024.pem"));
    for (certificate, key, why) in [
        (
            &ec,
            "elsewhere.key",
            "the key is not the one of the certificate",
        ),
        (
            &rsa1024,
            "v1-rsa1024.key",
            "the key cannot be used; RSA from 2048 bits, P-256, P-384 and Ed25519 in PEM can",
        ),
        (
            &ec,
            "make.sh",
            "the key cannot be used; RSA from 2048 bits, P-256, P-384 and Ed25519 in PEM can",
        ),
    ] {
        let args = [
            "serve",
            "127.0.0.1:0",
            "--tls-cert",
            certificate,
            "--tls-key",
            &fixture(key),
        ];
        let expected = format!("capsaicin: cannot serve with TLS: {why}\n");
        assert_eq!(home.run(&args), (11, expected));
    }
}

#[test]
fn a_connection_file_says_whom_to_trust_and_which_channels_need_it() {
    let home = Home::new();
    let server = Server::with("v1-rsa2048", 0);
    let file = home.0.path().join("vm.vv");
    let target = file.to_str().expect("UTF-8");
    let authority = std::fs::read_to_string(fixture("authority.pem")).expect("it is there");
    let ca = authority.replace('\n', "\\n");
    let with = |host: &str, more: &str| {
        let port = server.port;
        let text = format!("[virt-viewer]\ntype=spice\nhost={host}\ntls-port={port}\n{more}\n");
        std::fs::write(&file, text).expect("written");
        home.shot(target, &[])
    };
    let subject = "host-subject=C=IL,L=Raanana,O=Red Hat,CN=127.0.0.1";
    assert_eq!(with("127.0.0.1", &format!("ca={ca}")), (0, String::new()));
    // The name does not count beside a subject.
    assert_eq!(
        with("localhost", &format!("ca={ca}\n{subject}")),
        (0, String::new())
    );
    assert_eq!(with("localhost", &format!("ca={ca}")).0, 5);
    let wrong = with("127.0.0.1", &format!("ca={ca}\n{subject} or other"));
    assert!(
        wrong.0 == 5
            && wrong
                .1
                .contains("part 4 is CN=127.0.0.1, not CN=127.0.0.1 or other"),
        "{wrong:?}"
    );
    assert_eq!(with("127.0.0.1", "ca=nothing").0, 11);

    let text = "[virt-viewer]\ntype=spice\nhost=127.0.0.1\nport=1\nsecure-channels=main;inputs\n";
    std::fs::write(&file, text).expect("written");
    let refused = "capsaicin: cannot connect: TLS is demanded for main, inputs, and no port with TLS is known\n  \
                   hint: name it with --tls-port\n";
    assert_eq!(home.shot(target, &[]), (5, refused.to_owned()));
}

#[test]
fn no_secret_is_in_what_is_said_or_logged() {
    let home = Home::new();
    let log = home.0.path().join("log");
    let server = Server::with("ec", 0);
    let port = server.port;
    for (target, ca) in [
        (
            format!("spice://127.0.0.1?tls-port={port}&password=sesame-4711"),
            "authority.pem",
        ),
        (
            format!("spice://127.0.0.1?tls-port={port}&password=sesame-4711"),
            "stranger.pem",
        ),
        (
            format!("spice://127.0.0.1?tls-port={port}&password=sesame-4711&x"),
            "authority.pem",
        ),
    ] {
        let mut command = home.command(&["-vv", "--log-file", log.to_str().expect("UTF-8")]);
        command.args([
            "connect",
            &target,
            "--for",
            "0.2",
            "--ca-file",
            &fixture(ca),
        ]);
        let output = command.output().expect("it starts");
        let said = [output.stdout, output.stderr].concat();
        assert!(
            !String::from_utf8_lossy(&said).contains("sesame"),
            "{target}"
        );
    }
    let logged = std::fs::read_to_string(&log).expect("it was logged");
    assert!(!logged.contains("sesame"), "{logged}");
    assert!(!logged.is_empty());
}
