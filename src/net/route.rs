//! The ways to a server: a plain port or a socket, a port with TLS, which channel goes where, and what lies between.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::websocket::{self, WebSocketError};
use super::{Address, Proxy, ProxyError, Stream};
use crate::channel::ChannelKind;

/// How a server is reached.
///
/// Where a port with TLS is known, channels begin there unless it says otherwise, and none of them is ever made plain
/// because TLS has failed, nor because the server refuses a channel with NEED_UNSECURED: whoever stands between could bring
/// the one about, and a server that was set up so says nothing of whether the user knows. That is the user's to say.
#[derive(Clone, Debug)]
pub struct Route {
    /// The plain port, or a socket.
    pub plain: Option<Address>,
    /// The port with TLS.
    #[cfg(feature = "tls")]
    pub tls: Option<TlsPort>,
    /// What lies between, for every channel alike.
    pub via: Via,
}

/// What lies between us and a server's ports. Sockets are reached directly.
#[derive(Clone, Default)]
pub struct Via {
    /// The proxy that is asked for a way.
    pub proxy: Option<Arc<Proxy>>,
    /// The path of the web-socket that SPICE is spoken in, with its query. It may hold a secret.
    pub websocket: Option<Arc<str>>,
}

/// A server's port with TLS.
#[cfg(feature = "tls")]
#[derive(Clone, Debug)]
pub struct TlsPort {
    /// Where it is.
    pub address: Address,
    /// What the server has to show.
    pub policy: Arc<super::tls::Policy>,
    /// Which channels begin here.
    pub channels: SecureChannels,
}

/// Channels that begin with TLS. Others do when the server wants them to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecureChannels {
    /// All.
    All,
    /// These.
    Only(Vec<ChannelKind>),
}

/// One way to a server.
#[derive(Clone, Copy, Debug)]
pub struct Hop<'a> {
    port: Port<'a>,
    via: &'a Via,
}

/// Where a way leads.
#[derive(Clone, Copy, Debug)]
enum Port<'a> {
    Plain(&'a Address),
    #[cfg(feature = "tls")]
    Tls(&'a TlsPort),
}

/// Why there is no connection.
#[derive(Debug)]
#[non_exhaustive]
pub enum DialError {
    /// Nothing listens, no route, no such name, no such socket.
    Io(io::Error),
    /// Connected, but there is no TLS.
    #[cfg(feature = "tls")]
    Tls(super::tls::TlsError),
    /// The proxy is no way.
    Proxy(Arc<Proxy>, ProxyError),
    /// Connected, but there is no web-socket.
    WebSocket(WebSocketError),
}

impl Route {
    /// Everything goes to this address, without TLS and directly.
    pub const fn plain(address: Address) -> Self {
        Self {
            plain: Some(address),
            #[cfg(feature = "tls")]
            tls: None,
            via: Via {
                proxy: None,
                websocket: None,
            },
        }
    }

    /// The way a channel begins with; `None` where there is no way at all.
    pub fn first(&self, channel: ChannelKind) -> Option<Hop<'_>> {
        let plain = self.plain.as_ref().map(Port::Plain);
        #[cfg(feature = "tls")]
        if let Some(port) = &self.tls
            && (plain.is_none() || port.channels.contain(channel))
        {
            return Some(self.hop(Port::Tls(port)));
        }
        #[cfg(not(feature = "tls"))]
        let _ = channel;
        plain.map(|port| self.hop(port))
    }

    /// The way with TLS.
    pub fn secured(&self) -> Option<Hop<'_>> {
        #[cfg(feature = "tls")]
        return self.tls.as_ref().map(|port| self.hop(Port::Tls(port)));
        #[cfg(not(feature = "tls"))]
        None
    }

    const fn hop<'a>(&'a self, port: Port<'a>) -> Hop<'a> {
        Hop {
            port,
            via: &self.via,
        }
    }
}

/// Without the path.
impl fmt::Debug for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Via")
            .field("proxy", &self.proxy)
            .field("websocket", &self.websocket.is_some())
            .finish()
    }
}

impl SecureChannels {
    /// Whether channels of this kind are among them.
    pub fn contain(&self, kind: ChannelKind) -> bool {
        match self {
            Self::All => true,
            Self::Only(kinds) => kinds.contains(&kind),
        }
    }
}

impl<'a> Hop<'a> {
    /// Whether nothing lies between us and what listens there.
    pub const fn is_direct(&self) -> bool {
        self.via.proxy.is_none() && self.via.websocket.is_none()
    }

    /// Where it leads.
    pub const fn address(&self) -> &'a Address {
        match self.port {
            Port::Plain(address) => address,
            #[cfg(feature = "tls")]
            Port::Tls(port) => &port.address,
        }
    }

    /// Whether it is without TLS.
    pub const fn is_plain(&self) -> bool {
        matches!(self.port, Port::Plain(_))
    }

    /// The proxy it leads through. Nothing lies between us and a socket.
    pub fn proxy(&self) -> Option<&'a Arc<Proxy>> {
        let proxy = self.via.proxy.as_ref();
        proxy.filter(|_| matches!(self.address(), Address::Tcp { .. }))
    }

    /// The path of the web-socket at its end.
    pub fn websocket(&self) -> Option<&'a str> {
        self.via.websocket.as_deref()
    }

    /// Connects, with all that belongs to it.
    ///
    /// # Errors
    ///
    /// [`DialError`]. Cancel safe: dropping it drops the socket.
    pub async fn connect(&self) -> Result<Stream, DialError> {
        let stream = self.reach().await?;
        #[cfg(feature = "tls")]
        let stream = self.secure(stream).await?.0;
        self.upgrade(stream).await
    }

    /// Connects to the server's port, by the proxy where there is one.
    ///
    /// # Errors
    ///
    /// [`DialError`]. Cancel safe: dropping it drops the socket.
    pub async fn reach(&self) -> Result<Stream, DialError> {
        let Some(proxy) = self.proxy() else {
            let stream = Stream::connect(self.address()).await;
            return stream.map_err(DialError::Io);
        };
        let failed = |error| DialError::Proxy(Arc::clone(proxy), error);
        let stream = proxy.connect().await.map_err(failed)?;
        proxy.tunnel(stream, self.address()).await.map_err(failed)
    }

    /// Begins TLS where that belongs to it; what there is to tell of it, for people.
    ///
    /// # Errors
    ///
    /// [`DialError::Tls`]. Cancel safe: dropping it drops the stream.
    #[cfg(feature = "tls")]
    pub async fn secure(&self, stream: Stream) -> Result<(Stream, Option<String>), DialError> {
        let Port::Tls(port) = self.port else {
            return Ok((stream, None));
        };
        let policy = Arc::clone(&port.policy);
        let secured = super::tls::connect(stream, port.address.host(), policy).await;
        let secured = secured.map_err(DialError::Tls)?;
        let whose = secured.certificate.map(|c| c.subject().to_string());
        let facts = format!("TLS {}, {}", secured.version, whose.unwrap_or_default());
        Ok((secured.stream, Some(facts)))
    }

    /// Asks for the web-socket where one belongs to it.
    ///
    /// # Errors
    ///
    /// [`DialError::WebSocket`]. Cancel safe: dropping it drops the stream.
    pub async fn upgrade(&self, stream: Stream) -> Result<Stream, DialError> {
        let Some(path) = self.websocket() else {
            return Ok(stream);
        };
        let asked = websocket::connect(stream, self.address(), path).await;
        asked.map_err(DialError::WebSocket)
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.fmt(f),
            Self::Proxy(proxy, error) => write!(f, "the proxy {proxy}: {error}"),
            Self::WebSocket(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for DialError {}

#[cfg(all(test, feature = "tls"))]
mod tests {
    use super::super::tls::Policy;
    use super::*;

    fn route(plain: Option<u16>, channels: SecureChannels) -> Route {
        Route {
            plain: plain.map(|port| Address::tcp("vm", port)),
            tls: Some(TlsPort {
                address: Address::tcp("vm", 5901),
                policy: Policy::for_host("vm").into(),
                channels,
            }),
            via: Via::default(),
        }
    }

    /// The port at which channels of a kind begin.
    fn first(route: &Route, kind: ChannelKind) -> String {
        let hop = route.first(kind).expect("a way");
        assert_eq!(hop.is_plain(), hop.address().to_string() == "vm:5900");
        hop.address().to_string()
    }

    #[test]
    fn channels_begin_with_tls_unless_only_some_of_them_have_to() {
        let all = route(Some(5900), SecureChannels::All);
        assert_eq!(first(&all, ChannelKind::Main), "vm:5901");
        let some = route(Some(5900), SecureChannels::Only(vec![ChannelKind::Inputs]));
        assert_eq!(first(&some, ChannelKind::Inputs), "vm:5901");
        assert_eq!(first(&some, ChannelKind::Display), "vm:5900");
        // Without a plain port there is no choice.
        let none = route(None, SecureChannels::Only(Vec::new()));
        assert_eq!(first(&none, ChannelKind::Display), "vm:5901");
        assert!(some.secured().is_some_and(|hop| !hop.is_plain()));
    }

    #[test]
    fn a_path_with_a_token_is_never_shown() {
        let mut route = Route::plain(Address::tcp("vm", 80));
        route.via.websocket = Some("/vm?token=sesame".into());
        assert!(!format!("{route:?}").contains("sesame"));
    }

    #[test]
    fn without_a_port_with_tls_everything_is_plain_and_nothing_else_is_known() {
        let plain = Route::plain(Address::tcp("vm", 5900));
        assert_eq!(first(&plain, ChannelKind::Main), "vm:5900");
        assert!(plain.secured().is_none());
    }
}
