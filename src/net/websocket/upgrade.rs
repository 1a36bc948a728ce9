//! How a connection becomes a web-socket, on both sides.

use std::fmt;
use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::BytesMut;
use sha1::{Digest, Sha1};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{Role, WebSocket};
use crate::net::http::{self, HttpError};
use crate::net::{Address, Stream, entropy};

/// What the standard has appended to a key before it is hashed.
const SALT: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Most bytes of a client's request.
const REQUEST_MOST: usize = 8 << 10;

/// Why there is no web-socket.
#[derive(Debug)]
#[non_exhaustive]
pub enum WebSocketError {
    /// It does not answer as a web-socket's server does.
    Http(HttpError),
    /// It answers something else than yes.
    Refused {
        /// The three digits of its answer.
        status: u16,
        /// Its status line.
        line: String,
    },
    /// It says yes to something that was not asked.
    Answer,
    /// The host or the path cannot be written into a request.
    Request,
}

/// Asks for a web-socket over a connected stream. `path` begins with a slash and may have a query.
///
/// # Errors
///
/// [`WebSocketError`]. Cancel safe: dropping it drops the stream.
pub async fn connect(
    mut stream: Stream,
    server: &Address,
    path: &str,
) -> Result<Stream, WebSocketError> {
    let mut nonce = [0; 16];
    entropy(&mut nonce);
    let key = BASE64.encode(nonce);
    let is_visible = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
    let place = server.to_string();
    if !is_visible(path) || !is_visible(&place) || !path.starts_with('/') {
        return Err(WebSocketError::Request);
    }
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {place}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: binary\r\nUser-Agent: capsaicin\r\n\r\n"
    );
    let asked = http::ask(&mut stream, request.as_bytes()).await;
    let (answer, rest) = asked.map_err(WebSocketError::Http)?;
    if answer.status != 101 {
        return Err(WebSocketError::Refused {
            status: answer.status,
            line: answer.line,
        });
    }
    let upgrades = answer
        .field("upgrade")
        .is_some_and(|what| what.eq_ignore_ascii_case("websocket"));
    let accepts = answer.field("sec-websocket-accept") == Some(&*accepted(&key));
    let protocol = answer.field("sec-websocket-protocol").unwrap_or("binary");
    match upgrades && accepts && protocol == "binary" {
        true => Ok(WebSocket::new(stream, Role::Client, rest).into()),
        false => Err(WebSocketError::Answer),
    }
}

/// Answers a client that asks for a web-socket; `received` is what it has said so far.
///
/// # Errors
///
/// When it goes away, asks for something else, or does not come to an end; nothing is said to it then.
pub async fn accept(mut stream: Stream, mut received: BytesMut) -> io::Result<Stream> {
    let end = loop {
        match received.windows(4).position(|four| four == b"\r\n\r\n") {
            Some(at) => break at + 4,
            None if received.len() > REQUEST_MOST => return Err(no_request()),
            None if stream.read_buf(&mut received).await? == 0 => {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            None => {}
        }
    };
    let request = received.split_to(end);
    let answer = std::str::from_utf8(&request).ok().and_then(answer_to);
    let answer = answer.ok_or_else(no_request)?;
    stream.write_all(answer.as_bytes()).await?;
    stream.flush().await?;
    Ok(WebSocket::new(stream, Role::Server, received).into())
}

/// The answer to a request, unless it is for something else than SPICE in a web-socket (spec 01 §10), or made by a page from
/// elsewhere. The path means nothing.
fn answer_to(request: &str) -> Option<String> {
    let mut lines = request.lines();
    lines.next()?.starts_with("GET ").then_some(())?;
    let (mut key, mut protocol, mut host, mut origin) = (None, None, None, None);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        match &*name.trim().to_ascii_lowercase() {
            "sec-websocket-key" => key = Some(value.trim()),
            "sec-websocket-protocol" => protocol = Some(value.trim()),
            "host" => host = Some(value.trim()),
            "origin" => origin = Some(value.trim()),
            _ => {}
        }
    }
    // A browser says whose page asks. Any page in the world may ask for this machine's ports.
    let page = origin.map(|origin| origin.split_once("://").map_or("", |(_, place)| place));
    if page.is_some_and(|page| host.is_none_or(|host| without_port(host) != without_port(page))) {
        return None;
    }
    let protocol = match protocol {
        None => "",
        Some("binary") => "Sec-WebSocket-Protocol: binary\r\n",
        Some(_) => return None,
    };
    let accept = accepted(key?);
    Some(format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{protocol}\r\n"
    ))
}

/// The host of `HOST:PORT`, with its brackets if it has some.
fn without_port(place: &str) -> &str {
    match place.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        _ => place,
    }
}

/// What proves that a key was read.
fn accepted(key: &str) -> String {
    let hash = Sha1::new().chain_update(key).chain_update(SALT).finalize();
    BASE64.encode(hash)
}

fn no_request() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it asks for no web-socket")
}

impl fmt::Display for WebSocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(error) => error.fmt(f),
            Self::Refused { line, .. } => write!(f, "it answers {line}"),
            Self::Answer => {
                f.write_str("it answers with another web-socket than the one asked for")
            }
            Self::Request => f.write_str("host or path have characters that no request can carry"),
        }
    }
}

impl std::error::Error for WebSocketError {}

#[cfg(test)]
mod tests {
    use tokio::net::UnixStream;

    use super::*;

    #[test]
    fn a_key_is_answered_as_the_standards_example_is() {
        // RFC 6455 §1.3.
        let accept = accepted("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[tokio::test]
    async fn both_sides_come_together() {
        let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
        let server = Address::tcp("::1", 5900);
        let asking = connect(Stream::Unix(ours), &server, "/vm?token=1");
        let (client, server) = tokio::join!(asking, accept(Stream::Unix(theirs), BytesMut::new()));
        let (mut client, mut server) = (client.expect("a web-socket"), server.expect("one"));
        client.write_all(b"REDQ").await.expect("written");
        client.flush().await.expect("flushed");
        let mut first = [0; 4];
        server.read_exact(&mut first).await.expect("read");
        assert_eq!(&first, b"REDQ");
    }

    #[test]
    fn only_requests_for_spice_in_a_web_socket_are_answered() {
        let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
        let request = |line: &str, more: &str| answer_to(&format!("{line}\r\n{more}\r\n"));
        let get = "GET /any HTTP/1.1";
        assert!(request(get, key).is_some_and(|answer| !answer.contains("Sec-WebSocket-Protocol")));
        let binary = format!("{key}sec-websocket-protocol: binary\r\n");
        assert!(request(get, &binary).is_some_and(|answer| answer.contains("Protocol: binary")));
        let other = format!("{key}Sec-WebSocket-Protocol: chat\r\n");
        assert_eq!(request(get, &other), None);
        assert_eq!(request(get, ""), None);
        // A page of this machine may ask, one from elsewhere may not.
        let asked_by =
            |origin| request(get, &format!("{key}Host: vm:5900\r\nOrigin: {origin}\r\n"));
        assert!(asked_by("http://vm:8000").is_some());
        for origin in ["http://elsewhere.example", "http://vm.example:5900", "null"] {
            assert_eq!(asked_by(origin), None, "{origin}");
        }
        assert_eq!(request("POST / HTTP/1.1", key), None);
    }

    /// What comes of an answer.
    async fn answered(answer: &str) -> Result<Stream, WebSocketError> {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        theirs.write_all(answer.as_bytes()).await.expect("written");
        let server = Address::tcp("vm", 80);
        connect(Stream::Unix(ours), &server, "/").await
    }

    #[tokio::test]
    async fn an_answer_that_is_no_yes_is_told() {
        let yes = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n";
        for (answer, words) in [
            ("HTTP/1.1 404 Not Found\r\n\r\n", "it answers 404 Not Found"),
            ("HTTP/1.1 200 OK\r\n\r\n", "it answers 200 OK"),
            (
                &format!("{yes}Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"),
                "it answers with another web-socket than the one asked for",
            ),
            ("RFB 003.008\n", "it speaks VNC, not HTTP"),
        ] {
            assert_eq!(answered(answer).await.unwrap_err().to_string(), words);
        }
        let (ours, _theirs) = UnixStream::pair().expect("a pair of sockets");
        let bad = connect(Stream::Unix(ours), &Address::tcp("vm", 80), "/a b").await;
        assert!(matches!(bad, Err(WebSocketError::Request)));
    }
}
