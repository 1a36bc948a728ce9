//! The ways to a server: a plain port or a socket, a port with TLS, and which channel goes where.

use std::fmt;
use std::io;
#[cfg(feature = "tls")]
use std::sync::Arc;

use super::{Address, Stream};
use crate::channel::ChannelKind;

/// How a server is reached.
///
/// Where a port with TLS is known, channels begin there unless it says otherwise, and none of them is ever made plain
/// because TLS has failed: whoever stands between could bring that about.
#[derive(Clone, Debug)]
pub struct Route {
    /// The plain port, or a socket.
    pub plain: Option<Address>,
    /// The port with TLS.
    #[cfg(feature = "tls")]
    pub tls: Option<TlsPort>,
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
pub enum Hop<'a> {
    /// Without TLS.
    Plain(&'a Address),
    /// With TLS.
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
}

impl Route {
    /// Everything goes to this address, without TLS.
    pub const fn plain(address: Address) -> Self {
        Self {
            plain: Some(address),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }

    /// The way a channel begins with; `None` where there is no way at all.
    pub fn first(&self, channel: ChannelKind) -> Option<Hop<'_>> {
        let plain = self.plain.as_ref().map(Hop::Plain);
        #[cfg(feature = "tls")]
        if let Some(port) = &self.tls
            && (plain.is_none() || port.channels.contain(channel))
        {
            return Some(Hop::Tls(port));
        }
        #[cfg(not(feature = "tls"))]
        let _ = channel;
        plain
    }

    /// The way with TLS.
    pub fn secured(&self) -> Option<Hop<'_>> {
        #[cfg(feature = "tls")]
        return self.tls.as_ref().map(Hop::Tls);
        #[cfg(not(feature = "tls"))]
        None
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

impl Hop<'_> {
    /// Where it leads.
    pub fn address(&self) -> &Address {
        match self {
            Self::Plain(address) => address,
            #[cfg(feature = "tls")]
            Self::Tls(port) => &port.address,
        }
    }

    /// Whether it is without TLS.
    pub const fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// Connects, and begins TLS where that belongs to it.
    ///
    /// # Errors
    ///
    /// [`DialError`]. Cancel safe: dropping it drops the socket.
    pub async fn connect(&self) -> Result<Stream, DialError> {
        let stream = Stream::connect(self.address())
            .await
            .map_err(DialError::Io)?;
        match self {
            Self::Plain(_) => Ok(stream),
            #[cfg(feature = "tls")]
            Self::Tls(port) => {
                let policy = Arc::clone(&port.policy);
                let secured = super::tls::connect(stream, port.address.host(), policy).await;
                Ok(secured.map_err(DialError::Tls)?.stream)
            }
        }
    }
}

impl fmt::Display for DialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            #[cfg(feature = "tls")]
            Self::Tls(error) => error.fmt(f),
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
    fn without_a_port_with_tls_everything_is_plain_and_nothing_else_is_known() {
        let plain = Route::plain(Address::tcp("vm", 5900));
        assert_eq!(first(&plain, ChannelKind::Main), "vm:5900");
        assert!(plain.secured().is_none());
    }
}
