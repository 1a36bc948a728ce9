//! HTTP proxies: every channel asks one for a way to the server with CONNECT (spec 01 §11, §12).
//!
//! The proxy is told the server's host as it was given: it looks the name up, and Proxmox's host is a token that only its proxy
//! understands.

mod url;

use std::fmt;
use std::io;
#[cfg(feature = "tls")]
use std::sync::Arc;
use std::time::Duration;

use tokio::net::lookup_host;
use zeroize::Zeroizing;

pub use url::BadProxy;

use super::address::is_ipv6;
use super::http::{self, HttpError};
#[cfg(feature = "tls")]
use super::tls::{Policy, TlsError};
use super::{Address, Stream};

/// A proxy that is asked with CONNECT.
#[derive(Clone)]
pub struct Proxy {
    /// Where it is.
    address: Address,
    /// How it has to prove who it is, where it is spoken to with TLS.
    #[cfg(feature = "tls")]
    policy: Option<Arc<Policy>>,
    /// User and password in base64.
    login: Option<Zeroizing<String>>,
}

/// Why a proxy is no way to a server.
#[derive(Debug)]
#[non_exhaustive]
pub enum ProxyError {
    /// Nobody knows its name.
    Name(io::Error),
    /// There is no connection to it.
    Io(io::Error),
    /// There is no TLS with it.
    #[cfg(feature = "tls")]
    Tls(TlsError),
    /// It does not answer as a proxy does.
    Http(HttpError),
    /// It refuses.
    Refused {
        /// The three digits of its answer.
        status: u16,
        /// Its status line.
        line: String,
        /// Whether it was told who asks.
        with_login: bool,
    },
    /// Nothing came of it in time.
    Late(Duration),
    /// The host cannot be written into a request.
    Host,
}

impl Proxy {
    /// Reads `[http://|https://][USER:PASSWORD@]HOST[:PORT][/]`. The usual ports are 3128 and, with TLS, 3129. User and password
    /// are percent-decoded.
    ///
    /// # Errors
    ///
    /// [`BadProxy`]; it repeats nothing of the text, which may hold a password.
    pub fn parse(text: &str) -> Result<Self, BadProxy> {
        let url = url::Url::parse(text)?;
        #[cfg(not(feature = "tls"))]
        if url.has_tls {
            return Err(BadProxy::NoTls);
        }
        Ok(Self {
            #[cfg(feature = "tls")]
            policy: url
                .has_tls
                .then(|| Policy::for_host(url.address.host()).into()),
            address: url.address,
            login: url.login,
        })
    }

    /// Where it is.
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Whether it is spoken to with TLS.
    pub const fn has_tls(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.policy.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// Whether it is told who asks.
    pub const fn has_login(&self) -> bool {
        self.login.is_some()
    }

    /// What a proxy that is spoken to with TLS has to show. Without this nobody is trusted.
    #[cfg(feature = "tls")]
    pub fn set_policy(&mut self, policy: Arc<Policy>) {
        if self.policy.is_some() {
            self.policy = Some(policy);
        }
    }

    /// The addresses that its name leads to, for people.
    ///
    /// # Errors
    ///
    /// [`ProxyError::Name`].
    pub async fn resolve(&self) -> Result<String, ProxyError> {
        let Address::Tcp { host, port } = &self.address else {
            return Ok(self.address.to_string());
        };
        let found = lookup_host((host.as_str(), *port)).await;
        let found = found.map_err(ProxyError::Name)?;
        let mut places: Vec<String> = found.map(|place| place.ip().to_string()).collect();
        places.dedup();
        Ok(places.join(", "))
    }

    /// Connects to the proxy, and begins TLS with it where that belongs to it.
    ///
    /// # Errors
    ///
    /// [`ProxyError`]. Cancel safe: dropping it drops the socket.
    pub async fn connect(&self) -> Result<Stream, ProxyError> {
        // A name that nobody knows is told apart from a port where nobody listens.
        self.resolve().await?;
        let stream = Stream::connect(&self.address).await;
        let stream = stream.map_err(ProxyError::Io)?;
        #[cfg(feature = "tls")]
        if let Some(policy) = &self.policy {
            let secured = super::tls::connect(stream, self.address.host(), Arc::clone(policy));
            return Ok(secured.await.map_err(ProxyError::Tls)?.stream);
        }
        Ok(stream)
    }

    /// Asks over a connection to the proxy for a way to a server.
    ///
    /// # Errors
    ///
    /// [`ProxyError`]. Cancel safe: dropping it drops the connection.
    pub async fn tunnel(&self, mut stream: Stream, server: &Address) -> Result<Stream, ProxyError> {
        let request = self.request(server).ok_or(ProxyError::Host)?;
        let asked = http::ask(&mut stream, request.as_bytes()).await;
        let (answer, rest) = asked.map_err(ProxyError::Http)?;
        match answer.status {
            200..=299 => Ok(stream.behind(rest)),
            status => Err(ProxyError::Refused {
                status,
                line: answer.line,
                with_login: self.login.is_some(),
            }),
        }
    }

    /// The request for a server; `None` if its host would break out of the line.
    fn request(&self, server: &Address) -> Option<Zeroizing<String>> {
        let Address::Tcp { host, port } = server else {
            return None;
        };
        if host.is_empty() || host.bytes().any(|b| b <= b' ' || b == 0x7f) {
            return None;
        }
        // Only an address is put into brackets: other hosts with colons are tokens.
        let place = match is_ipv6(host) {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        };
        let login = self.login.as_ref().map_or("", |login| login.as_str());
        let mut request =
            Zeroizing::new(String::with_capacity(256 + 2 * place.len() + login.len()));
        let parts = [
            "CONNECT ",
            &place,
            " HTTP/1.0\r\nHost: ",
            &place,
            "\r\nProxy-Connection: keep-alive\r\nUser-Agent: capsaicin\r\n",
        ];
        parts.iter().for_each(|part| request.push_str(part));
        if !login.is_empty() {
            let parts = ["Proxy-Authorization: Basic ", login, "\r\n"];
            parts.iter().for_each(|part| request.push_str(part));
        }
        request.push_str("\r\n");
        Some(request)
    }
}

/// As a URL, without user and password.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.has_tls() {
            true => "https",
            false => "http",
        };
        write!(f, "{scheme}://{}", self.address)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(_) => f.write_str("its name cannot be resolved"),
            Self::Io(_) => f.write_str("it cannot be reached"),
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.fmt(f),
            Self::Http(error) => error.fmt(f),
            Self::Refused { line, .. } => write!(f, "it answers {line}"),
            Self::Late(after) => write!(f, "no answer within {} s", after.as_secs_f32()),
            Self::Host => f.write_str("the server's host has characters that no request can carry"),
        }
    }
}

impl std::error::Error for ProxyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Name(error) | Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixStream;

    use super::*;

    /// Asks a peer that answers with these pieces; what it read, what came of it, and what is read behind it.
    async fn asked(
        proxy: &str,
        host: &str,
        pieces: &[&str],
    ) -> (String, Result<String, ProxyError>) {
        let proxy = Proxy::parse(proxy).expect("a proxy");
        let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        let server = Address::tcp(host, 5900);
        let answering = async {
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") && theirs.read_buf(&mut request).await.is_ok() {}
            for piece in pieces {
                theirs
                    .write_all(piece.as_bytes())
                    .await
                    .expect("it is open");
                tokio::task::yield_now().await;
            }
            drop(theirs);
            String::from_utf8(request).expect("text")
        };
        let asking = async {
            let mut stream = proxy.tunnel(Stream::Unix(ours), &server).await?;
            let mut rest = String::new();
            let read = stream.read_to_string(&mut rest).await;
            read.map(|_| rest).map_err(ProxyError::Io)
        };
        tokio::join!(answering, asking)
    }

    #[tokio::test]
    async fn the_request_names_the_server_and_who_asks() {
        let ok = ["HTTP/1.1 200 OK\r\n\r\n"];
        let (request, answer) = asked("http://me%40here:se%20same@proxy", "vm.example", &ok).await;
        answer.expect("a way");
        assert_eq!(
            request,
            "CONNECT vm.example:5900 HTTP/1.0\r\nHost: vm.example:5900\r\nProxy-Connection: keep-alive\r\n\
             User-Agent: capsaicin\r\nProxy-Authorization: Basic bWVAaGVyZTpzZSBzYW1l\r\n\r\n"
        );
        // A token is passed on as it is, an address in brackets.
        let token = "pvespiceproxy:65a0b1c2:101:node1::0123456789abcdef";
        for (host, named) in [(token, token), ("fe80::1", "[fe80::1]")] {
            let (request, _) = asked("proxy:8080", host, &ok).await;
            let line = format!("CONNECT {named}:5900 HTTP/1.0\r\n");
            assert!(request.starts_with(&line), "{request}");
            assert!(!request.contains("Authorization"));
        }
    }

    #[tokio::test]
    async fn what_follows_the_answer_is_the_servers() {
        let pieces = [
            "HTTP/1.0 200 Connection",
            " established\r\n\r",
            "\nRE",
            "DQ",
        ];
        let (_, rest) = asked("proxy", "vm", &pieces).await;
        assert_eq!(rest.expect("a way"), "REDQ");
    }

    #[tokio::test]
    async fn a_refusal_is_told_in_the_proxys_words() {
        for (answer, words) in [
            ("HTTP/1.1 403 Filtered\r\n\r\n", "it answers 403 Filtered"),
            (
                "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
                "it answers 407 Proxy Authentication Required",
            ),
            ("HTTP/1.1 502\r\n\r\n", "it answers 502"),
            ("SSH-2.0-x\r\n", "it speaks SSH, not HTTP"),
            ("", "it closed the connection without an answer"),
        ] {
            let (_, result) = asked("proxy", "vm", &[answer]).await;
            assert_eq!(result.unwrap_err().to_string(), words);
        }
    }

    #[tokio::test]
    async fn a_host_that_would_break_out_of_the_request_is_refused() {
        let proxy = Proxy::parse("proxy").expect("a proxy");
        for host in ["vm\r\nX: y", "vm x", ""] {
            assert!(proxy.request(&Address::tcp(host, 1)).is_none(), "{host:?}");
        }
    }
}
