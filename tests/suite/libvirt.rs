//! Machines of libvirt by name, with a `virsh` that says what it is told to: what the real one cannot be made to say.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use tokio::net::TcpSocket;

/// A folder to find programs in, with a `virsh` that keeps its arguments and environment there and then does `script`.
struct Virsh(TempDir);

impl Virsh {
    fn that(script: &str) -> Self {
        let virsh = Self(TempDir::new().expect("a scratch folder"));
        let kept = virsh.path("kept");
        let text = format!(
            "#!/bin/sh\n{{ tr '\\0' ' ' </proc/$$/cmdline; echo; tr '\\0' '\\n' </proc/$$/environ; }} >>{}\n{script}\n",
            kept.display()
        );
        fs::write(virsh.path("text"), text).expect("written");
        // A file that is open for writing cannot be started, and for a moment other tests hand open files to their programs: a
        // process of its own makes it.
        let made = Command::new("install")
            .args(["-m", "755"])
            .args([virsh.path("text"), virsh.path("virsh")])
            .status();
        assert!(made.expect("install starts").success());
        virsh
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// What it was called with, call by call, and its environments.
    fn kept(&self) -> String {
        fs::read_to_string(self.path("kept")).unwrap_or_default()
    }

    fn connect(&self, target: &str) -> Output {
        let paths = format!("{}:/usr/bin:/bin", self.0.path().display());
        run(&paths, self.0.path(), target)
    }
}

fn run(paths: &str, home: &Path, target: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_capsaicin"))
        .args(["connect", target, "--timeout", "5", "--for", "1", "-vvv"])
        .arg("--log-file")
        .arg(home.join("log"))
        .stdin(Stdio::null())
        .env_clear()
        .env("PATH", paths)
        .env("HOME", home)
        .env("CAPSAICIN_PASSWORD", "from the environment")
        .output()
        .expect("the program starts")
}

fn told(output: &Output) -> (i32, String) {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("it was not killed"), text)
}

#[test]
fn without_virsh_the_package_is_named() {
    let empty = TempDir::new().unwrap();
    let output = run(
        empty.path().to_str().unwrap(),
        empty.path(),
        "libvirt:fedora",
    );
    let expected = "capsaicin: cannot ask libvirt for fedora: there is no virsh here\n  hint: the package libvirt-clients \
                    has it; or name the address that 'virsh domdisplay' says\n";
    assert_eq!(told(&output), (3, expected.to_owned()));
}

#[test]
fn what_is_denied_is_an_authentication_failure_and_comes_before_what_is_not_known() {
    // As virsh 9.0 answers a user outside of the group, and as the user's own connection does.
    let virsh = Virsh::that(
        "case \"$*\" in\n\
         *qemu:///system*) echo \"error: failed to connect to the hypervisor\" >&2\n\
         echo \"error: authentication unavailable: no polkit agent available to authenticate action 'org.libvirt.unix.manage'\" >&2;;\n\
         *) echo \"error: failed to get domain 'fedora'\" >&2;;\n\
         esac\nexit 1",
    );
    let (code, text) = told(&virsh.connect("libvirt:fedora"));
    let expected = "capsaicin: cannot view libvirt:fedora: libvirt denies it: authentication unavailable: no polkit agent \
                    available to authenticate action 'org.libvirt.unix.manage'\n  hint: the group libvirt may ask: 'sudo \
                    usermod -aG libvirt $USER', then log in anew\n";
    assert_eq!((code, text.as_str()), (6, expected));
    // The user's own machines first, then those of the system.
    let calls = virsh.kept();
    let calls: Vec<&str> = calls
        .lines()
        .filter_map(|line| {
            line.split_once("virsh ")
                .filter(|(start, _)| start.starts_with("/bin/sh "))
        })
        .map(|(_, rest)| rest.trim_end())
        .collect();
    let words = "domdisplay --include-password --type spice -- fedora";
    assert_eq!(
        calls,
        [words.to_owned(), format!("-c qemu:///system {words}")]
    );
}

#[test]
fn a_password_from_virsh_reaches_neither_arguments_nor_logs_nor_errors() {
    // Taken, so that nobody listens there.
    let taken = TcpSocket::new_v4().unwrap();
    taken.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let port = taken.local_addr().unwrap().port();
    let virsh = Virsh::that(&format!(
        "echo 'spice://127.0.0.1:{port}?password=s3same'; echo; exit 0"
    ));
    let output = virsh.connect("libvirt:fedora");
    let (code, text) = told(&output);
    assert_eq!(code, 3);
    assert!(
        text.starts_with(&format!(
            "capsaicin: cannot connect to 127.0.0.1:{port}: connection refused\n"
        )),
        "{text}"
    );
    let kept = virsh.kept();
    assert!(kept.contains("LC_ALL=C"), "{kept}");
    let log = fs::read_to_string(virsh.path("log")).unwrap();
    for (what, text) in [("stderr", &text), ("virsh", &kept), ("log", &log)] {
        for secret in ["s3same", "from the environment"] {
            assert!(!text.contains(secret), "{what}: {text}");
        }
    }
}

#[test]
fn an_answer_that_makes_no_sense_is_no_crash_and_never_repeated() {
    for answer in [
        "echo",
        "echo 'spice://:::?password=s3same'",
        "head -c 300000 /dev/zero | tr '\\0' x; exit 0",
        "printf 'spice://\\377\\376:1'",
    ] {
        let (code, text) = told(&Virsh::that(answer).connect("libvirt:fedora"));
        let expected = "capsaicin: libvirt:fedora has a display that cannot be reached from here\n";
        assert_eq!((code, text.as_str()), (3, expected), "{answer}");
    }
}

#[test]
fn a_proxy_that_waits_for_virsh_can_be_interrupted() {
    let virsh = Virsh::that("exec sleep 60");
    let mut proxy = Command::new(env!("CARGO_BIN_EXE_capsaicin"))
        .args(["proxy", "--listen", "127.0.0.1:0", "libvirt:fedora"])
        .stdin(Stdio::null())
        .env_clear()
        .env(
            "PATH",
            format!("{}:/usr/bin:/bin", virsh.0.path().display()),
        )
        .env("HOME", virsh.0.path())
        .spawn()
        .expect("the program starts");
    while virsh.kept().is_empty() {
        std::thread::yield_now();
    }
    let interrupt = Command::new("kill")
        .args(["-INT", &proxy.id().to_string()])
        .status();
    assert!(interrupt.expect("kill is there").success());
    // Without that virsh would be given up after 30 s, with another exit code.
    assert_eq!(proxy.wait().expect("it ends").code(), Some(130));
}
