//! Which ways lead to a server, by what its target and the command line say of TLS.

use super::args::SecurityArgs;
use super::between::{self, Between};
#[cfg(feature = "tls")]
use super::report::say;
use super::report::{Exit, Failure};
use super::target::Server;
#[cfg(feature = "tls")]
use super::trust::Confidence;
use crate::client::ConnectError;
use crate::net::{Address, Route, Via};

/// The ways to one server.
pub struct Ways {
    route: Route,
    #[cfg(feature = "tls")]
    confidence: Option<Confidence>,
}

impl Ways {
    /// Finds them.
    ///
    /// # Errors
    ///
    /// When what is wanted contradicts itself, or a file cannot be used.
    pub fn of(server: &Server, args: &SecurityArgs) -> Result<Self, Failure> {
        let Between { via, instead } =
            between::between(server, args, |name| std::env::var_os(name))?;
        let server = instead.as_ref().unwrap_or(server);
        let places = Places::of(server, args)?;
        match places.secure {
            Some(secure) => Self::secured(server, args, (places.plain, secure), via),
            None => Ok(Self {
                route: Route {
                    plain: places.plain,
                    #[cfg(feature = "tls")]
                    tls: None,
                    via,
                },
                #[cfg(feature = "tls")]
                confidence: None,
            }),
        }
    }

    /// To a server whose certificate nobody asks for.
    pub const fn plain(address: Address) -> Self {
        Self {
            route: Route::plain(address),
            #[cfg(feature = "tls")]
            confidence: None,
        }
    }

    #[cfg(feature = "tls")]
    fn secured(
        server: &Server,
        args: &SecurityArgs,
        (plain, secure): (Option<Address>, Address),
        via: Via,
    ) -> Result<Self, Failure> {
        use crate::net::{SecureChannels, TlsPort};
        let (confidence, policy) = Confidence::of(server, args, &secure)?;
        let channels = match args.plain {
            true => SecureChannels::Only(demanded(server)),
            false => SecureChannels::All,
        };
        let tls = TlsPort {
            address: secure,
            policy: policy.into(),
            channels,
        };
        Ok(Self {
            route: Route {
                plain,
                tls: Some(tls),
                via,
            },
            confidence: Some(confidence),
        })
    }

    #[cfg(not(feature = "tls"))]
    fn secured(
        _: &Server,
        _: &SecurityArgs,
        (plain, secure): (Option<Address>, Address),
        _: Via,
    ) -> Result<Self, Failure> {
        let text = format!("cannot connect to {secure}: this capsaicin was built without TLS");
        let failure = Failure::new(Exit::Tls, text);
        Err(match plain {
            Some(_) => failure.with_hint(PLAIN_HINT),
            None => failure,
        })
    }

    /// The ways.
    pub const fn route(&self) -> &Route {
        &self.route
    }

    /// Where the server listens. What a proxy leads to is not known here.
    pub fn places(&self) -> Vec<Address> {
        let route = &self.route;
        if route.via.proxy.is_some() {
            return Vec::new();
        }
        #[cfg(feature = "tls")]
        let tls = route.tls.as_ref().map(|port| &port.address);
        #[cfg(not(feature = "tls"))]
        let tls = None;
        route.plain.iter().chain(tls).cloned().collect()
    }

    /// Tells the user which of two ports is in use.
    pub fn announce(&self) {
        #[cfg(feature = "tls")]
        if let (Some(plain), Some(tls)) = (&self.route.plain, &self.route.tls) {
            match tls.channels {
                crate::net::SecureChannels::All => {
                    say(format_args!("with TLS, at {}", tls.address));
                }
                crate::net::SecureChannels::Only(_) => say(format_args!(
                    "without TLS, at {plain}: everybody on the way can read along"
                )),
            }
        }
    }

    /// What an error of connecting leads to: another try, when somebody to be asked has taken the certificate that was
    /// refused.
    ///
    /// # Errors
    ///
    /// Otherwise, in words for people.
    pub async fn reconsider(&mut self, error: ConnectError) -> Result<(), Failure> {
        #[cfg(feature = "tls")]
        if let (
            ConnectError::Tls {
                address,
                source: crate::net::tls::TlsError::Certificate(rejection),
            },
            Some(confidence),
            Some(tls),
        ) = (&error, &mut self.confidence, &mut self.route.tls)
        {
            let failure = Failure::from_rejection(address, rejection);
            let taken = confidence.reconsider(address, rejection, failure).await?;
            let mut policy = (*tls.policy).clone();
            policy.known = Some(taken);
            tls.policy = policy.into();
            return Ok(());
        }
        Err(self.explain(error))
    }

    /// An error in words; where there is another port it is named.
    pub fn explain(&self, error: ConnectError) -> Failure {
        use crate::link::{LinkCode, LinkError};
        use crate::net::HttpError;
        use crate::net::websocket::WebSocketError;
        if let ConnectError::Link {
            source: LinkError::Refused(LinkCode::NeedUnsecured),
            ..
        } = &error
            && self.route.plain.is_none()
        {
            return Failure::from(error)
                .with_hint("its plain port is the one named by port of -spice: spice://HOST:PORT");
        }
        if let (
            ConnectError::WebSocket {
                source: WebSocketError::Http(HttpError::HungUp),
                ..
            },
            Some(path),
        ) = (&error, &self.route.via.websocket)
        {
            match (path.contains('?'), self.route.secured()) {
                (true, Some(_)) => return Failure::from(error).with_hint(TOKEN_HINT),
                (true, None) => return Failure::from(error).with_hint(TOKEN_OR_TLS_HINT),
                (false, Some(_)) => return Failure::from(error).with_hint(NO_TOKEN_HINT),
                (false, None) => {}
            }
        }
        #[cfg(feature = "tls")]
        if let (ConnectError::Io { address, .. }, Some(_), Some(tls)) =
            (&error, &self.route.plain, &self.route.tls)
            && *address == tls.address
        {
            return Failure::from(error).with_hint(PLAIN_HINT);
        }
        error.into()
    }
}

/// Seen from websockify 0.13, which hangs up without a word.
const TOKEN_HINT: &str =
    "its token may be wrong, used or expired: get a new one from where it came from";

const NO_TOKEN_HINT: &str =
    "whoever wants a token hangs up without one: wss://HOST:PORT/?token=TOKEN";

const TOKEN_OR_TLS_HINT: &str =
    "its token may be wrong, used or expired; or it is a port with TLS, for which there is wss://";

const PLAIN_HINT: &str = "--plain uses the plain port, where everybody on the way can read along";

/// Where a server is to be looked for.
struct Places {
    plain: Option<Address>,
    secure: Option<Address>,
}

impl Places {
    fn of(server: &Server, args: &SecurityArgs) -> Result<Self, Failure> {
        let usage = |text: &str| Failure::new(Exit::Usage, format!("cannot connect: {text}"));
        let (mut plain, mut secure) = (server.plain.clone(), server.secure.clone());
        if let Some(port) = args.tls_port {
            let any = plain.as_ref().or(secure.as_ref());
            let host = any.map_or("", Address::host);
            if host.is_empty() {
                return Err(usage("a socket has no port for --tls-port"));
            }
            secure = Some(Address::tcp(host, port));
        }
        if matches!(plain, Some(Address::Unix(_))) {
            if args.tls_only {
                return Err(usage(
                    "TLS is never spoken over a socket, so not --tls-only",
                ));
            }
            return Ok(Self {
                plain,
                secure: None,
            });
        }
        if args.tls_only {
            secure = secure.or(plain.take());
            plain = None;
        }
        if args.plain && plain.is_none() {
            return Err(usage("this server has no plain port for --plain"));
        }
        let wanted = server.secure_channels.join(", ");
        if secure.is_none() && !wanted.is_empty() {
            let text = format!(
                "cannot connect: TLS is demanded for {wanted}, and no port with TLS is known"
            );
            return Err(Failure::new(Exit::Tls, text).with_hint("name it with --tls-port"));
        }
        Ok(Self { plain, secure })
    }
}

/// Channels for which a connection file demands TLS.
#[cfg(feature = "tls")]
fn demanded(server: &Server) -> Vec<crate::channel::ChannelKind> {
    use crate::channel::ChannelKind as Kind;
    let all = [
        Kind::Main,
        Kind::Display,
        Kind::Inputs,
        Kind::Cursor,
        Kind::Playback,
        Kind::Record,
        Kind::Port,
        Kind::Smartcard,
        Kind::Usbredir,
        Kind::Webdav,
    ];
    let named = |kind: &Kind| {
        let mut names = server.secure_channels.iter();
        // Old files have `smain` and `sinputs`.
        names.any(|name| {
            name == "all" || name == kind.name() || name.strip_prefix('s') == Some(kind.name())
        })
    };
    all.into_iter().filter(named).collect()
}
