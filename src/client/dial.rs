//! Connecting and linking one channel, by the ways there are, and recognising who answers instead of a server.

use std::future::pending;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tracing::debug;

use super::ConnectError;
use crate::channel::ChannelId;
use crate::link::{Established, LinkCode, LinkError, LinkRequest, Password, Peer, Step};
#[cfg(feature = "tls")]
use crate::net::Address;
use crate::net::{Hop, Route, Wire, greet, handshake};

/// How long a server may say nothing before it is asked whether it is one.
const SILENCE: Duration = Duration::from_secs(2);

/// How long a server that hung up is asked whether it speaks TLS, and one that says nothing whether it speaks HTTP.
const RECOGNISED_WITHIN: Duration = Duration::from_secs(2);

/// A linked channel, or why there is none.
pub(super) type Dialled = Result<(Established, Wire), ConnectError>;

/// What it takes to connect another channel.
#[derive(Clone)]
pub(super) struct Dial {
    pub(super) route: Route,
    pub(super) password: Password,
    pub(super) user: Option<String>,
    pub(super) timeout: Duration,
}

impl Dial {
    /// Connects and links one channel. A server that wants TLS for it is asked again with TLS, where the port is known.
    pub(super) async fn channel(
        self,
        request: LinkRequest,
        id: ChannelId,
    ) -> Result<(Established, Wire), ConnectError> {
        let first = self.route.first(id.kind).ok_or(ConnectError::Nowhere)?;
        let result = tokio::select! {
            result = self.by(first, request.clone(), id) => result,
            error = recognised_silent(first), if id == ChannelId::MAIN && first.is_direct() => Err(error),
        };
        let Err(ConnectError::Link { address, source }) = result else {
            return result;
        };
        match (&source, self.route.secured()) {
            (LinkError::Refused(LinkCode::NeedSecured), Some(secured)) if first.is_plain() => {
                debug!(channel = %id, "the server wants TLS");
                self.by(secured, request, id).await
            }
            (LinkError::UnexpectedEnd { step: Step::Reply }, _) if id == ChannelId::MAIN => {
                let source = self.recognised(first, source).await;
                Err(ConnectError::Link { address, source })
            }
            _ => Err(ConnectError::Link { address, source }),
        }
    }

    /// Asks for a channel, and leaves when that was answered. A server that wants TLS for it is asked again with TLS.
    pub(super) async fn greet(
        &self,
        request: LinkRequest,
        id: ChannelId,
    ) -> Result<(), ConnectError> {
        let first = self.route.first(id.kind).ok_or(ConnectError::Nowhere)?;
        let result = tokio::select! {
            result = self.greet_by(first, request.clone()) => result,
            error = recognised_silent(first), if first.is_direct() => Err(error),
        };
        let Err(ConnectError::Link { address, source }) = result else {
            return result;
        };
        match (&source, self.route.secured()) {
            (LinkError::Refused(LinkCode::NeedSecured), Some(secured)) if first.is_plain() => {
                self.greet_by(secured, request).await
            }
            (LinkError::UnexpectedEnd { step: Step::Reply }, _) => {
                let source = self.recognised(first, source).await;
                Err(ConnectError::Link { address, source })
            }
            _ => Err(ConnectError::Link { address, source }),
        }
    }

    async fn greet_by(&self, hop: Hop<'_>, request: LinkRequest) -> Result<(), ConnectError> {
        let address = hop.address();
        let greeting = async {
            let connected = hop.connect().await;
            let mut stream = connected.map_err(|error| ConnectError::from_dial(address, error))?;
            greet(&mut stream, request)
                .await
                .map_err(|error| ConnectError::from_handshake(address, error))
        };
        match tokio::time::timeout(self.timeout, greeting).await {
            Ok(result) => result,
            Err(_) => Err(ConnectError::late(hop, self.timeout)),
        }
    }

    /// Connects and links one channel by this way within the time allowed.
    async fn by(
        &self,
        hop: Hop<'_>,
        request: LinkRequest,
        id: ChannelId,
    ) -> Result<(Established, Wire), ConnectError> {
        let address = hop.address();
        let link = async {
            let connected = hop.connect().await;
            let mut stream = connected.map_err(|error| ConnectError::from_dial(address, error))?;
            let (established, leftover) = handshake(&mut stream, request)
                .await
                .map_err(|error| ConnectError::from_handshake(address, error))?;
            let (header, limit) = (established.header, id.kind.server_body_limit());
            Ok((
                established,
                Wire {
                    stream,
                    leftover,
                    header,
                    limit,
                },
            ))
        };
        match tokio::time::timeout(self.timeout, link).await {
            Ok(result) => result,
            Err(_) => Err(ConnectError::late(hop, self.timeout)),
        }
    }

    /// What a server is that hung up without a word. A port with TLS does that (seen from QEMU 7.2), and answers to TLS.
    async fn recognised(&self, hop: Hop<'_>, error: LinkError) -> LinkError {
        #[cfg(feature = "tls")]
        if hop.is_plain() && matches!(hop.address(), Address::Tcp { .. }) {
            let asked = async {
                let stream = hop.reach().await.ok()?;
                crate::net::tls::is_spoken(stream).await.then_some(())
            };
            let answer = tokio::time::timeout(self.timeout.min(RECOGNISED_WITHIN), asked).await;
            if let Ok(Some(())) = answer {
                return LinkError::NotSpice {
                    guess: Peer::Tls,
                    first: Vec::new(),
                };
            }
        }
        let _ = hop;
        error
    }
}

/// What somebody is who has said nothing for a while. A web server that waits for the end of a line, which a link message does
/// not have, answers when it is asked in its own words. Ends only when that is so. Cancel safe: it drops its own connection.
async fn recognised_silent(hop: Hop<'_>) -> ConnectError {
    tokio::time::sleep(SILENCE).await;
    let asked = async {
        let mut stream = hop.connect().await.ok()?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await.ok()?;
        stream.flush().await.ok()?;
        let mut first = [0; 16];
        let read = stream.read(&mut first).await.ok()?;
        Some(first[..read].to_vec())
    };
    if let Ok(Some(first)) = tokio::time::timeout(RECOGNISED_WITHIN, asked).await
        && Peer::guess(&first) == Peer::Http
    {
        return ConnectError::Link {
            address: hop.address().clone(),
            source: LinkError::NotSpice {
                guess: Peer::Http,
                first,
            },
        };
    }
    pending().await
}
