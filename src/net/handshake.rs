//! Driving the client's side of a link over a stream.

use std::fmt;
use std::io;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use zeroize::Zeroizing;

use super::{Stream, entropy};
use crate::link::{ClientLink, Established, LinkError, LinkRequest};

/// Why a link did not come about.
#[derive(Debug)]
pub enum HandshakeError {
    /// The connection broke.
    Io(io::Error),
    /// What the peer said, or did not say.
    Link(LinkError),
}

/// Links one channel over a connected stream. What arrived behind the link result is returned with it.
pub async fn handshake(
    stream: &mut Stream,
    request: LinkRequest,
) -> Result<(Established, BytesMut), HandshakeError> {
    let mut link = ClientLink::new(request);
    link.set_secret(stream.is_secret());
    let mut received = BytesMut::with_capacity(4096);
    loop {
        while let Some(bytes) = link.poll_transmit().map(Zeroizing::new) {
            // A peer that is no SPICE server may have closed already; what it said is the better answer.
            if let Err(error) = write(stream, &bytes).await
                && received.is_empty()
                && !is_hang_up(&error)
            {
                return Err(HandshakeError::Io(error));
            }
        }
        let used = link
            .receive(&received, &mut entropy)
            .map_err(HandshakeError::Link)?;
        let _ = received.split_to(used);
        if let Some(established) = link.established() {
            return Ok((established.clone(), received));
        }
        if used > 0 {
            continue;
        }
        read(stream, &mut received, &link).await?;
    }
}

/// Asks for a channel as [`handshake`] does, and leaves when the server has answered, before it is shown a password: nobody loses
/// their session to that.
pub async fn greet(stream: &mut Stream, request: LinkRequest) -> Result<(), HandshakeError> {
    let mut link = ClientLink::new(request);
    let mut received = BytesMut::with_capacity(4096);
    if let Some(bytes) = link.poll_transmit() {
        // A peer that is no SPICE server may have closed already; what it said is the better answer.
        match write(stream, &bytes).await {
            Err(error) if !is_hang_up(&error) => return Err(HandshakeError::Io(error)),
            _ => {}
        }
    }
    loop {
        let used = link
            .receive(&received, &mut entropy)
            .map_err(HandshakeError::Link)?;
        let _ = received.split_to(used);
        if link.poll_transmit().is_some() {
            return Ok(());
        }
        read(stream, &mut received, &link).await?;
    }
}

/// Reads some more of what the peer says; its hanging up is an error that tells where the link stood.
async fn read(
    stream: &mut Stream,
    received: &mut BytesMut,
    link: &ClientLink,
) -> Result<(), HandshakeError> {
    match stream.read_buf(received).await {
        Ok(0) => Err(HandshakeError::Link(link.end_of_stream())),
        Ok(_) => Ok(()),
        Err(error) if is_hang_up(&error) => Err(HandshakeError::Link(link.end_of_stream())),
        Err(error) => Err(HandshakeError::Io(error)),
    }
}

async fn write(stream: &mut Stream, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.flush().await
}

fn is_hang_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset
    )
}

impl fmt::Display for HandshakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Link(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for HandshakeError {}
