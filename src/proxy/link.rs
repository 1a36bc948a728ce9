//! The handshake of one connection, passed on.

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zeroize::Zeroizing;

use super::Hub;
use crate::channel::{ChannelId, ChannelKind};
use crate::link::messages::LinkMess;
use crate::link::{
    AUTH_SASL, AUTH_SELECTION, AUTH_SPICE, Asks, Capabilities, ClientLink, Established, LinkCode,
    LinkError, LinkRequest, MINI_HEADER, Rejection, ServerLink,
};
use crate::net::{DialError, Hop, Stream, entropy};

/// Common capabilities that are passed on.
const KNOWN: u32 = 1 << AUTH_SELECTION | 1 << AUTH_SPICE | 1 << MINI_HEADER;

/// Display capability: pictures by file descriptors, which go with a unix socket only.
const GL_SCANOUT: u32 = 1 << 7;

/// Two connections that are one channel.
pub(super) struct Linked {
    pub mess: LinkMess,
    pub channel: ChannelId,
    /// What the client announced, and what it was told of the server.
    pub established: Established,
    pub client: Side,
    pub server: Side,
    /// Where the server is.
    pub address: String,
}

/// A connection, and what has arrived on it and was not used yet.
pub(super) struct Side {
    pub stream: Stream,
    pub received: BytesMut,
}

/// Why a connection came to nothing.
pub(super) enum Failure {
    /// The client broke off.
    Client(io::Error),
    /// The client says something wrong.
    Rejected(Rejection),
    /// TLS with the client failed.
    #[cfg(feature = "tls")]
    Tls(crate::net::tls::TlsError),
    /// There is no way to the server.
    Nowhere,
    /// The server cannot be reached.
    Dial(String, DialError),
    /// The connection to the server broke.
    Server(io::Error),
    /// The server refused, or is none.
    Refused(LinkError),
    /// It took too long.
    TooSlow,
}

impl Side {
    fn new(stream: Stream) -> Self {
        Self {
            stream,
            received: BytesMut::with_capacity(4096),
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }

    /// Waits for more; `false` at the end.
    async fn read(&mut self) -> io::Result<bool> {
        Ok(self.stream.read_buf(&mut self.received).await? > 0)
    }
}

/// Links a client with the server.
///
/// # Errors
///
/// [`Failure`], after the client was told of it where the protocol has a word for it.
pub(super) async fn link(stream: Stream, hub: &Arc<Hub>) -> Result<Linked, Failure> {
    let mut client = Side::new(stream);
    let mut link = ServerLink::passing_on(hub.keys.key().await);
    until_asked(&mut client, &mut link).await?;
    let Some(Asks::Channel(mess)) = link.asks() else {
        return Err(Failure::Client(io::ErrorKind::UnexpectedEof.into()));
    };
    let mess = mess.clone();
    let (mut server, mut proof, address) = match dial(&mess, hub).await {
        Ok(dialled) => dialled,
        Err(failure) => return refuse(client, link, failure).await,
    };
    link.accept(told(&proof));
    until_asked(&mut client, &mut link).await?;
    if let Some(password) = link.take_password() {
        proof.prove(&password, &mut entropy);
    }
    while proof.established().is_none() {
        if let Err(failure) = converse(&mut server, &mut proof).await {
            return refuse(client, link, failure).await;
        }
    }
    link.admit();
    flush(&mut client, &mut link).await?;
    let established = link.established().cloned().unwrap_or_default();
    Ok(Linked {
        channel: channel(&mess),
        mess,
        established,
        client,
        server,
        address,
    })
}

/// The channel a link asks for. Servers take any main channel for the first one.
fn channel(mess: &LinkMess) -> ChannelId {
    match ChannelKind::from_number(mess.channel_type) {
        ChannelKind::Main => ChannelId::MAIN,
        kind => ChannelId::new(kind, mess.channel_id),
    }
}

/// What one side is told of what the other announces.
fn passed_on(announced: &Capabilities) -> Capabilities {
    let mut told = announced.clone();
    told.common
        .iter_mut()
        .enumerate()
        .for_each(|(place, word)| {
            *word &= if place == 0 { KNOWN } else { 0 };
        });
    told
}

/// What the client is told of a server that has answered: a ticket is asked of it even where the server has asked the proxy for
/// something else.
fn told(proof: &ClientLink) -> Capabilities {
    let linked = proof.established();
    let announced = proof.asks_password().or(linked.map(|link| &link.server));
    let announced = passed_on(&announced.cloned().unwrap_or_default());
    match linked {
        Some(_) => announced.with_common(&[AUTH_SELECTION, AUTH_SPICE]),
        None => announced,
    }
}

/// Reads what the client says until a question is open.
async fn until_asked(client: &mut Side, link: &mut ServerLink) -> Result<(), Failure> {
    loop {
        let used = link.receive(&client.received, &mut entropy);
        flush(client, link).await?;
        let used = used.map_err(Failure::Rejected)?;
        let _ = client.received.split_to(used);
        if link.asks().is_some() {
            return Ok(());
        }
        if used == 0 && !client.read().await.map_err(Failure::Client)? {
            return Err(Failure::Client(io::ErrorKind::UnexpectedEof.into()));
        }
    }
}

async fn flush(client: &mut Side, link: &mut ServerLink) -> Result<(), Failure> {
    while let Some(bytes) = link.poll_transmit() {
        client.send(&bytes).await.map_err(Failure::Client)?;
    }
    Ok(())
}

/// Connects to the server, and links up to the question for the password, or all the way with one's own. A server that wants
/// TLS for this channel gets it, where a port with TLS is known.
async fn dial(mess: &LinkMess, hub: &Hub) -> Result<(Side, ClientLink, String), Failure> {
    let kind = ChannelKind::from_number(mess.channel_type);
    let mut capabilities = passed_on(&mess.capabilities);
    if let (ChannelKind::Display, Some(word)) = (kind, capabilities.channel.first_mut()) {
        *word &= !GL_SCANOUT;
    }
    let login = hub.config.login.clone();
    if login.is_some() {
        capabilities = capabilities.with_common(&[AUTH_SELECTION, AUTH_SPICE, AUTH_SASL]);
    }
    let request = LinkRequest {
        connection_id: mess.connection_id,
        channel_type: mess.channel_type,
        channel_id: mess.channel_id,
        capabilities,
        user: login.as_ref().map(|login| login.user.clone()),
        password: login.map(|login| login.password).unwrap_or_default(),
    };
    let route = &hub.config.route;
    let mut hop = route.first(kind).ok_or(Failure::Nowhere)?;
    loop {
        match ask(&hop, request.clone()).await {
            Err(Failure::Refused(LinkError::Refused(LinkCode::NeedSecured)))
                if hop.is_plain() && route.secured().is_some() =>
            {
                hop = route.secured().ok_or(Failure::Nowhere)?;
            }
            Ok((side, proof)) => return Ok((side, proof, hop.address().to_string())),
            Err(failure) => return Err(failure),
        }
    }
}

async fn ask(hop: &Hop<'_>, request: LinkRequest) -> Result<(Side, ClientLink), Failure> {
    let stream = hop.connect().await;
    let stream = stream.map_err(|error| Failure::Dial(hop.address().to_string(), error))?;
    let mut proof = match request.user {
        Some(_) => ClientLink::new(request),
        None => ClientLink::passing_on(request),
    };
    proof.set_secret(stream.is_secret());
    let mut server = Side::new(stream);
    while proof.asks_password().is_none() && proof.established().is_none() {
        converse(&mut server, &mut proof).await?;
    }
    Ok((server, proof))
}

/// Takes what the server has said, sends what there is to send, and waits for more.
async fn converse(server: &mut Side, proof: &mut ClientLink) -> Result<(), Failure> {
    let used = proof.receive(&server.received, &mut entropy);
    let _ = server.received.split_to(used.map_err(Failure::Refused)?);
    let mut sent = Ok(());
    while let Some(bytes) = proof.poll_transmit() {
        // One's own login may be among them.
        sent = server.send(&Zeroizing::new(bytes)).await;
    }
    if proof.asks_password().is_some() || proof.established().is_some() {
        return Ok(());
    }
    match server.read().await {
        Ok(true) => Ok(()),
        // A peer that is no SPICE server may have closed already; what it said is the better answer.
        Ok(false) => Err(Failure::Refused(proof.end_of_stream())),
        Err(error) => Err(Failure::Server(sent.err().unwrap_or(error))),
    }
}

/// Tells the client why, in the protocol's words: those of the server where it had some.
async fn refuse(
    mut client: Side,
    mut link: ServerLink,
    failure: Failure,
) -> Result<Linked, Failure> {
    let code = match &failure {
        Failure::Refused(LinkError::Refused(code)) => *code,
        Failure::Refused(LinkError::WrongPassword | LinkError::Sasl(_)) => {
            LinkCode::PermissionDenied
        }
        Failure::Refused(LinkError::Version { .. }) => LinkCode::VersionMismatch,
        // Servers have no word for a channel that is not there: they hang up.
        Failure::Refused(LinkError::UnexpectedEnd { .. }) => return Err(failure),
        _ => LinkCode::Error,
    };
    link.refuse(code);
    // The failure to tell is not the failure to be told.
    let _ = flush(&mut client, &mut link).await;
    let _ = client.stream.shutdown().await;
    Err(failure)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                f.write_str("the client closed the connection before it was linked")
            }
            Self::Client(error) => write!(f, "the connection to the client broke: {error}"),
            Self::Rejected(rejection) => rejection.fmt(f),
            #[cfg(feature = "tls")]
            Self::Tls(error) => write!(f, "no TLS with the client: {error}"),
            Self::Nowhere => f.write_str("there is no address of the server for this channel"),
            Self::Dial(address, error) => write!(f, "cannot connect to {address}: {error}"),
            Self::Server(error) => write!(f, "the connection to the server broke: {error}"),
            Self::Refused(LinkError::NoCommonAuth) => {
                f.write_str("the server wants to know the user, by SASL, which clients cannot tell through here")
            }
            Self::Refused(error) => error.fmt(f),
            Self::TooSlow => write!(f, "no link within {} s", super::LINK_PATIENCE.as_secs()),
        }
    }
}
