//! HTTP proxies: a real one, and one that leads where the test wants.

use std::io::{Read, Write, copy};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::process::Process;
use super::{free_port, until};

/// How long it may take to listen.
const LIMIT: Duration = Duration::from_secs(60);

/// A running tinyproxy.
pub struct Tinyproxy {
    process: Process,
    /// Where it listens: a loopback port.
    pub address: String,
    _dir: TempDir,
}

impl Tinyproxy {
    /// One that wants to know the user `me` with the password `sesame`, and leads to no port but this.
    pub fn start(port: u16) -> Self {
        let dir = TempDir::new().expect("a scratch folder");
        for _ in 0..3 {
            let own = free_port();
            let settings = format!(
                "Port {own}\nListen 127.0.0.1\nTimeout 60\nAllow 127.0.0.1\nLogLevel Connect\nBasicAuth me sesame\n\
                 ConnectPort {port}\n"
            );
            let file = dir.path().join("tinyproxy.conf");
            std::fs::write(&file, settings).expect("the scratch folder is writable");
            let mut command = Command::new("tinyproxy");
            command.args(["-d", "-c"]).arg(&file);
            let mut process = Process::start("tinyproxy", &command, dir.path());
            let address = format!("127.0.0.1:{own}");
            let listens = until("the proxy", LIMIT, || match TcpStream::connect(&address) {
                Ok(_) => Some(true),
                Err(_) => process.ended().map(|_| false),
            });
            if listens {
                return Self {
                    process,
                    address,
                    _dir: dir,
                };
            }
        }
        panic!("three ports were taken away from the proxy");
    }

    /// What it was asked for: a line for each way to a server.
    pub fn asked(&self) -> Vec<String> {
        let log = self.process.log();
        let lines = log.lines().filter(|line| line.contains("Request "));
        lines.map(str::to_owned).collect()
    }
}

/// A proxy that leads to one server whatever it is asked for, as that of Proxmox does with its tokens.
pub struct OneWay {
    /// Where it listens: a loopback port.
    pub address: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl OneWay {
    /// To the server at this address.
    pub fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("its address").to_string();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&asked);
        // It ends with the test program.
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.expect("a connection");
                let server = TcpStream::connect(&server).expect("the server listens");
                let asked = Arc::clone(&shared);
                thread::spawn(move || join(client, server, &asked));
            }
        });
        Self { address, asked }
    }

    /// The first lines of what it was asked.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().expect("no thread panics with it").clone()
    }
}

fn join(mut client: TcpStream, server: TcpStream, asked: &Mutex<Vec<String>>) {
    let head = head(&mut client);
    let line = head.lines().next().unwrap_or_default().to_owned();
    asked.lock().expect("no thread panics with it").push(line);
    // Its answer comes in pieces.
    for piece in ["HTTP/1.0 200 Connection est", "ablished\r\n\r", "\n"] {
        if client.write_all(piece.as_bytes()).is_err() {
            return;
        }
    }
    pass(client, server);
}

/// What a client says up to the first empty line.
fn head(client: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && client.read_exact(&mut byte).is_ok() {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// Passes on what both say, until both have ended.
fn pass(client: TcpStream, server: TcpStream) {
    let one_way = |mut from: TcpStream, mut to: TcpStream| {
        let _ = copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    };
    let (Ok(client_too), Ok(server_too)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    let back = thread::spawn(move || one_way(server_too, client_too));
    one_way(client, server);
    let _ = back.join();
}

/// In front of a server's web-socket, with a token in the path as websockify wants it: without that it hangs up.
pub struct Gate {
    /// Where it listens: a loopback port.
    pub address: String,
}

impl Gate {
    /// To the server at this address, for who has the token.
    pub fn to(server: String, token: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port");
        let address = listener.local_addr().expect("its address").to_string();
        // It ends with the test program.
        thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                let server = server.clone();
                thread::spawn(move || {
                    let head = head(&mut client);
                    if head.starts_with(&format!("GET /?token={token} HTTP/1.1\r\n")) {
                        let mut server = TcpStream::connect(&server).ok()?;
                        server.write_all(head.as_bytes()).ok()?;
                        pass(client, server);
                    }
                    Some(())
                });
            }
        });
        Self { address }
    }
}

/// TLS in front of a proxy, with the certificate of a fixture.
#[cfg(feature = "tls")]
pub struct Front {
    /// Where it listens: a loopback port.
    pub address: String,
}

#[cfg(feature = "tls")]
impl Front {
    /// In front of what listens at this address.
    pub fn of(behind: String, certificate: &str) -> Self {
        use capsaicin::net::tls::Credentials;
        use capsaicin::net::{Address, Listener};
        let fixtures = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls");
        let read = |ending: &str| {
            let file = fixtures.join(format!("{certificate}.{ending}"));
            std::fs::read_to_string(file).expect("a fixture")
        };
        let credentials = Credentials::from_pem(&read("pem"), &read("key")).expect("credentials");
        let (tell, told) = std::sync::mpsc::channel();
        // It ends with the test program.
        thread::spawn(move || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            let runtime = builder.enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = Listener::bind(&Address::tcp("127.0.0.1", 0)).await;
                let listener = listener.expect("a loopback port");
                let address = listener.address().expect("its address").to_string();
                tell.send(address).expect("the test waits");
                while let Ok(stream) = listener.accept().await {
                    let (credentials, behind) = (credentials.clone(), behind.clone());
                    tokio::spawn(async move {
                        let mut client = credentials.accept(stream).await.ok()?;
                        let mut proxy = tokio::net::TcpStream::connect(behind).await.ok()?;
                        let joined = tokio::io::copy_bidirectional(&mut client, &mut proxy);
                        joined.await.ok()
                    });
                }
            });
        });
        let address = told.recv().expect("it listens");
        Self { address }
    }
}
