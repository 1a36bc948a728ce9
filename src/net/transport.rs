//! Connecting and accepting: TCP, unix sockets, and what may be spoken over either, as one kind of stream.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

use super::Address;
use super::websocket::WebSocket;

/// A connected byte stream.
#[derive(Debug)]
pub enum Stream {
    /// TCP, without delay.
    Tcp(TcpStream),
    /// A unix socket.
    Unix(UnixStream),
    /// TLS over one of them. What is written may stay here until it is flushed.
    #[cfg(feature = "tls")]
    Tls(Box<tokio_rustls::TlsStream<super::tls::Overheard>>),
    /// A web-socket over one of them. What is written may stay here until it is flushed.
    WebSocket(Box<WebSocket>),
    /// One of them from which more was read than was needed.
    Ahead(Box<Ahead>),
}

/// A stream, and what was read from it too early.
#[derive(Debug)]
pub struct Ahead {
    stream: Stream,
    /// What is read next.
    bytes: BytesMut,
}

/// A listening socket. A unix socket's file is removed with it.
#[derive(Debug)]
pub enum Listener {
    /// TCP.
    Tcp(TcpListener),
    /// A unix socket and its file.
    Unix(UnixListener, std::path::PathBuf),
}

impl Stream {
    /// Connects; a name with several addresses is tried in their order.
    ///
    /// Cancel safe: dropping it drops the socket.
    pub async fn connect(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp { host, port } => {
                let stream = TcpStream::connect((host.as_str(), *port)).await?;
                stream.set_nodelay(true)?;
                notice_death(&stream)?;
                Ok(Self::Tcp(stream))
            }
            Address::Unix(path) => Ok(Self::Unix(UnixStream::connect(path).await?)),
        }
    }

    /// Where the peer is, for people.
    pub fn peer(&self) -> String {
        match self {
            Self::Tcp(stream) => match stream.peer_addr() {
                Ok(address) => address.to_string(),
                Err(_) => "an unknown address".into(),
            },
            Self::Unix(_) => "a local socket".into(),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.get_ref().0.stream().peer(),
            Self::WebSocket(stream) => stream.below().peer(),
            Self::Ahead(ahead) => ahead.stream.peer(),
        }
    }

    /// Whether it leads to a process of this machine for certain.
    pub fn is_local(&self) -> bool {
        match self {
            Self::Tcp(_) => false,
            Self::Unix(_) => true,
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.get_ref().0.stream().is_local(),
            Self::WebSocket(stream) => stream.below().is_local(),
            Self::Ahead(ahead) => ahead.stream.is_local(),
        }
    }

    /// Whether nobody on the way can read along: it is TLS to the end. That to a proxy is not.
    pub fn is_secret(&self) -> bool {
        match self {
            Self::Tcp(_) | Self::Unix(_) => false,
            #[cfg(feature = "tls")]
            Self::Tls(_) => true,
            Self::WebSocket(stream) => stream.below().is_secret(),
            // A proxy's answer is read in front of TLS to the server.
            Self::Ahead(_) => false,
        }
    }

    /// The stream as it was before these bytes were read from it.
    pub fn behind(self, bytes: BytesMut) -> Self {
        match bytes.is_empty() {
            true => self,
            false => Self::Ahead(Box::new(Ahead {
                stream: self,
                bytes,
            })),
        }
    }
}

impl From<WebSocket> for Stream {
    fn from(stream: WebSocket) -> Self {
        Self::WebSocket(Box::new(stream))
    }
}

impl Listener {
    /// Starts listening. Port 0 lets the system choose.
    pub async fn bind(address: &Address) -> io::Result<Self> {
        match address {
            Address::Tcp { host, port } => {
                Ok(Self::Tcp(TcpListener::bind((host.as_str(), *port)).await?))
            }
            Address::Unix(path) => Ok(Self::Unix(UnixListener::bind(path)?, path.clone())),
        }
    }

    /// Where it listens, with the port the system chose.
    pub fn address(&self) -> io::Result<Address> {
        match self {
            Self::Tcp(listener) => {
                let address = listener.local_addr()?;
                Ok(Address::tcp(address.ip().to_string(), address.port()))
            }
            Self::Unix(_, path) => Ok(Address::Unix(path.clone())),
        }
    }

    /// The next connection. Cancel safe: no connection is lost.
    pub async fn accept(&self) -> io::Result<Stream> {
        match self {
            Self::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Self::Unix(listener, _) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Self::Unix(_, path) = self {
            // It may be gone already; there is nobody to tell either way.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Silence after which the system asks a server whether it is still there; how often then; and how many questions without an
/// answer end the connection (spec 01 §1).
const IDLE: Duration = Duration::from_secs(30);
const INTERVAL: Duration = Duration::from_secs(15);
const QUESTIONS: u32 = 3;

/// How long what was sent may stay without an acknowledgement of the server's system before the connection is given up.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Has the system notice when nobody is at the other end any more.
fn notice_death(stream: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(stream);
    let keepalive = TcpKeepalive::new().with_time(IDLE);
    let keepalive = keepalive.with_interval(INTERVAL).with_retries(QUESTIONS);
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED))?;
    Ok(())
}

/// Fills `bytes` with the system's randomness, for keys and padding.
///
/// # Panics
///
/// When the system has none, which makes any password exchange unsafe.
pub fn entropy(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the system gives random numbers");
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_read(cx, buf),
            // Servers hang up without the farewell of TLS, QEMU among them. It says nothing new: where a message ends
            // is known from its header.
            #[cfg(feature = "tls")]
            Self::Tls(stream) => match Pin::new(stream).poll_read(cx, buf) {
                Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                    Poll::Ready(Ok(()))
                }
                other => other,
            },
            Self::WebSocket(stream) => Pin::new(&mut **stream).poll_read(cx, buf),
            Self::Ahead(ahead) if ahead.bytes.is_empty() => {
                Pin::new(&mut ahead.stream).poll_read(cx, buf)
            }
            Self::Ahead(ahead) => {
                let len = ahead.bytes.len().min(buf.remaining());
                buf.put_slice(&ahead.bytes[..len]);
                ahead.bytes.advance(len);
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Unix(stream) => Pin::new(stream).poll_write(cx, buf),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::WebSocket(stream) => Pin::new(&mut **stream).poll_write(cx, buf),
            Self::Ahead(ahead) => Pin::new(&mut ahead.stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_flush(cx),
            Self::Unix(stream) => Pin::new(stream).poll_flush(cx),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::WebSocket(stream) => Pin::new(&mut **stream).poll_flush(cx),
            Self::Ahead(ahead) => Pin::new(&mut ahead.stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Unix(stream) => Pin::new(stream).poll_shutdown(cx),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::WebSocket(stream) => Pin::new(&mut **stream).poll_shutdown(cx),
            Self::Ahead(ahead) => Pin::new(&mut ahead.stream).poll_shutdown(cx),
        }
    }
}
