//! Connecting to a target, asking for a password when the server turns out to want one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::args::{TargetArgs, VideoCodec};
use super::connection_file;
use super::password::{self, Secret};
use super::recent::{self, Beside};
use super::report::{Exit, Failure, say};
use super::security::Ways;
use super::taking::Somebody;
use super::target::Target;
use crate::channel::display::ImageCompression;
use crate::client::{ClientConfig, ConnectError, SpiceClient};
use crate::codec::video::Codec;
use crate::link::{LinkError, Password, SaslError};
use crate::net::{ConnectionFile, Route};
use crate::server::source::Demo;
use crate::session::{SessionConfig, Tap};
use crate::tui::{Reach, Redial, Refusal};

/// A session, and the server behind it if that is ours.
pub struct Dialled {
    /// The session.
    pub client: SpiceClient,
    /// The target without its secrets.
    pub name: String,
    /// The target as it can be written again, and what else it takes, where that is of use and tells no secret.
    pub again: Option<(String, Beside)>,
    /// Connects again, with what was found out: the password, and whose certificate is taken.
    pub redial: Redial,
    /// Keeps the demonstration going.
    demo: Option<Demo>,
}

impl Dialled {
    /// Whether the server is the demonstration, on the threads of this program.
    pub fn is_demo(&self) -> bool {
        self.demo.is_some()
    }
}

/// How to connect.
#[derive(Clone, Copy, Debug)]
pub struct Dial {
    /// Sends no input.
    pub view_only: bool,
    /// Wants the pixels of what changes, not only where.
    pub pixels: bool,
    /// What it wants beside picture and input.
    pub extras: Extras,
    /// How long connecting may take.
    pub timeout: Duration,
}

/// What it wants beside picture and input, and whether it wants those pictures at all.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extras {
    /// Sound from the guest.
    pub playback: bool,
    /// Sound to the guest.
    pub record: bool,
    /// Sound as it is, and not coded with Opus.
    pub raw_sound: bool,
    /// Serial consoles and the like.
    pub ports: bool,
    /// Looks at no picture: none is drawn.
    pub undrawn: bool,
}

/// A connection that can be tried.
pub struct Prepared<'a> {
    dial: Dial,
    args: &'a TargetArgs,
    name: String,
    again: Option<(String, Beside)>,
    ways: Ways,
    /// Who the user is, if anybody said so.
    user: Option<String>,
    /// The password, if one was found.
    secret: Option<Secret>,
    codecs: Option<Vec<Codec>>,
    /// The connection file that led here.
    used_file: Option<(PathBuf, ConnectionFile)>,
    demo: Option<Demo>,
}

impl Dial {
    /// For all that a server sends, with nobody who looks or types.
    pub fn listening(timeout: Duration) -> Self {
        Self {
            view_only: true,
            pixels: false,
            extras: Extras {
                playback: true,
                ports: true,
                ..Extras::default()
            },
            timeout,
        }
    }

    /// Connects.
    ///
    /// # Errors
    ///
    /// Whatever went wrong, in words for the person who wrote the target.
    pub async fn connect(self, args: &TargetArgs) -> Result<Dialled, Failure> {
        self.prepare(args).await?.connect(|| None).await
    }

    /// Connects with somebody who sees every frame.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    pub async fn connect_tapped(
        self,
        args: &TargetArgs,
        tap: impl Fn() -> Option<Box<dyn Tap>>,
    ) -> Result<Dialled, Failure> {
        self.prepare(args).await?.connect(tap).await
    }

    /// Does all that comes before the first connection: reads files, finds the ways and the password.
    ///
    /// # Errors
    ///
    /// Those of [`Dial::connect`] that have to do with it.
    pub async fn prepare(self, args: &TargetArgs) -> Result<Prepared<'_>, Failure> {
        let mut target = target(args)?;
        let mut used_file = None;
        if let Target::ConnectionFile(path) = &target {
            let path = path.clone();
            let (server, file) = connection_file::read(&path)?;
            // Its password is as hidden as the file is.
            (target, used_file) = (server, Some((path, file)));
        }
        let name = match &used_file {
            Some((_, file)) => connection_file::name(file, &target),
            None => target.to_string(),
        };
        let mut is_hidden = used_file.is_some();
        let mut again = used_file.as_ref().and_then(connection_file::again);
        if let Target::Libvirt(domain) = &target {
            again = Some(name.clone());
            target = Target::Server(domain.display().await?);
            is_hidden = true;
        }
        let mut user = args.security.user.clone();
        let (ways, in_target, demo) = match target {
            Target::Demo => {
                let demo = Demo::start().await?;
                let ways = Ways::plain(demo.address().clone());
                (ways, Some(Secret::default()), Some(demo))
            }
            Target::ConnectionFile(_) | Target::Recording(_) | Target::Libvirt(_) => {
                let text = format!("cannot connect to {target}: it is a recording");
                return Err(Failure::new(Exit::Usage, text)
                    .with_hint("'capsaicin screenshot' takes a picture of one"));
            }
            Target::Server(server) => {
                if server.password.is_some() && !is_hidden {
                    say(format_args!(
                        "others can see a password in a target; --password-file hides it"
                    ));
                }
                let ways = Ways::of(&server, &args.security)?;
                user = user.or(server.user);
                (ways, server.password, None)
            }
        };
        ways.announce();
        let file = args.password_file.as_deref();
        let secret = password::find(in_target.as_ref(), file, |name| std::env::var_os(name))?;
        let again = match (&demo, is_hidden) {
            (None, false) => recent::target_of(ways.route()),
            _ => again,
        };
        let prepared = Prepared {
            dial: self,
            args,
            name,
            again: again.zip(Beside::of(args)),
            ways,
            user,
            secret,
            codecs: codecs(args)?,
            used_file,
            demo,
        };
        if !args.take
            && let Some(somebody) = prepared.somebody().await
        {
            somebody.or_leave_it(&prepared.name).await?;
        }
        Ok(prepared)
    }
}

impl Prepared<'_> {
    /// The ways to the server.
    pub const fn route(&self) -> &Route {
        self.ways.route()
    }

    /// What the connection file says that nothing is made of, for people; empty without.
    pub fn ignored(&self) -> String {
        let file = self.used_file.as_ref().map(|(_, file)| file);
        file.map_or_else(String::new, connection_file::ignored)
    }

    /// Whether the connection file lets a channel be opened.
    fn opens(&self, channel: &str) -> bool {
        let file = self.used_file.as_ref().map(|(_, file)| file);
        file.is_none_or(|file| !file.disable_channels.iter().any(|name| name == channel))
    }

    /// Whether a password was given.
    pub const fn has_password(&self) -> bool {
        self.secret.is_some() && self.demo.is_none()
    }

    /// Who to be to a server that asks for a user, if that was said; the person at the terminal is asked for the password where it
    /// was not given.
    ///
    /// # Errors
    ///
    /// When the person gives up.
    pub async fn login(&mut self) -> Result<Option<(String, Password)>, Failure> {
        let Some(user) = self.user.clone() else {
            return Ok(None);
        };
        if self.secret.is_none() && password::can_ask() {
            self.secret = Some(password::ask(&self.name).await?);
        }
        let password = self.secret.as_ref().map(Secret::password);
        Ok(Some((user, password.unwrap_or_default())))
    }

    /// Makes sure of the certificate of a server with TLS, while there is somebody to be asked. Nothing is said of a
    /// server without.
    ///
    /// # Errors
    ///
    /// When it is not trusted, or nothing answers.
    pub async fn trust(&mut self) -> Result<(), Failure> {
        while let Some(hop) = self.ways.route().secured() {
            let error = match tokio::time::timeout(self.dial.timeout, hop.connect()).await {
                Ok(Ok(_)) => return Ok(()),
                Ok(Err(error)) => ConnectError::from_dial(hop.address(), error),
                Err(_) => ConnectError::late(hop, self.dial.timeout),
            };
            self.ways.reconsider(error).await?;
        }
        Ok(())
    }

    /// An error of connecting, in words.
    pub fn explain(&self, error: ConnectError) -> Failure {
        self.ways.explain(error)
    }

    /// Who would lose the server to us, where that can be known.
    pub async fn somebody(&self) -> Option<Somebody> {
        match self.demo {
            Some(_) => None,
            None => Somebody::at(&self.ways.places()).await,
        }
    }

    /// Asks the server for a session, and leaves before the password.
    ///
    /// # Errors
    ///
    /// Those of [`Dial::connect`] that come before it.
    pub async fn greet(&mut self) -> Result<(), Failure> {
        loop {
            match SpiceClient::greet(self.config(None)).await {
                Ok(()) => return Ok(()),
                Err(error) => self.ways.reconsider(error).await?,
            }
        }
    }

    /// Connects; asks for a password when the server turns out to want one. The tap, if there is one, sees every frame.
    ///
    /// # Errors
    ///
    /// Those of [`Dial::connect`].
    pub async fn connect(
        mut self,
        tap: impl Fn() -> Option<Box<dyn Tap>>,
    ) -> Result<Dialled, Failure> {
        // Whoever gave a user or a password is not asked for another.
        let given = (self.user.is_some(), self.secret.is_some());
        let mut tries = if password::can_ask() {
            password::TRIES
        } else {
            0
        };
        let client = loop {
            // Nothing passes before the password is right: the last tap is the one that sees something.
            let error = match SpiceClient::connect_with(self.config(tap())).await {
                Ok(client) => break client,
                Err(error) => error,
            };
            let (user, secret) = asked_for(&error, given, (&self.user, &self.secret));
            if tries == 0 || !(user || secret) {
                let is_refused = matches!(
                    &error,
                    ConnectError::Link {
                        source: LinkError::WrongPassword,
                        ..
                    }
                );
                let had_none = is_refused && self.secret.is_none();
                let failed = self.ways.reconsider(error).await;
                failed.map_err(|failure| match had_none {
                    true => failure.with_hint(NO_PASSWORD),
                    false => failure,
                })?;
                continue;
            }
            if tries < password::TRIES {
                say(format_args!("{} refused it; try again", self.name));
            }
            tries -= 1;
            if user {
                self.user = Some(password::ask_user(&self.name).await?);
            }
            if secret {
                self.secret = Some(password::ask(&self.name).await?);
            }
        };
        if let Some((path, file)) = &self.used_file {
            connection_file::used(path, file);
        }
        Ok(Dialled {
            client,
            redial: redial(&self),
            name: self.name,
            again: self.again,
            demo: self.demo,
        })
    }

    fn config(&self, tap: Option<Box<dyn Tap>>) -> ClientConfig {
        ClientConfig {
            password: self
                .secret
                .as_ref()
                .map(Secret::password)
                .unwrap_or_default(),
            user: self.user.clone(),
            view_only: self.dial.view_only,
            connect_timeout: self.dial.timeout,
            tap,
            session: SessionConfig {
                preferred_compression: self.args.preferred_compression.map(ImageCompression::from),
                codecs: self.codecs.clone(),
                pixels: self.dial.pixels,
                playback: self.dial.extras.playback && self.opens("playback"),
                record: self.dial.extras.record && self.opens("record"),
                raw_sound: self.dial.extras.raw_sound,
                ports: self.dial.extras.ports && self.opens("port"),
                draws: !self.dial.extras.undrawn,
                ..SessionConfig::default()
            },
            ..ClientConfig::along(self.ways.route().clone())
        }
    }
}

/// What is said where none was given and nobody could be asked.
const NO_PASSWORD: &str =
    "none was given: name a file that has it with --password-file, or set CAPSAICIN_PASSWORD";
/// What it takes to connect once more.
fn redial(prepared: &Prepared<'_>) -> Redial {
    let known = prepared.config(None);
    let (route, password, user) = (known.route, known.password, known.user);
    let (session, timeout, view_only) = (known.session, known.connect_timeout, known.view_only);
    Arc::new(move |reach, moved, tap| {
        let route = match moved {
            Some(to) => route.towards(&to),
            None => Ok(route.clone()),
        };
        let config = route.map(|route| ClientConfig {
            password: password.clone(),
            user: user.clone(),
            view_only,
            tap,
            connect_timeout: timeout,
            session: session.clone(),
            ..ClientConfig::along(route)
        });
        Box::pin(async move {
            let config = config.map_err(|text| Refusal {
                text,
                is_final: true,
            })?;
            let reached = match reach {
                Reach::Look => SpiceClient::greet(config).await.map(|()| None),
                Reach::Connect => SpiceClient::connect_with(config).await.map(Some),
            };
            reached.map_err(|error| Refusal {
                is_final: is_final(&error),
                text: Failure::from(error).text,
            })
        })
    })
}

/// Whether the same again would come to the same.
fn is_final(error: &ConnectError) -> bool {
    match error {
        #[cfg(feature = "tls")]
        ConnectError::Tls { source, .. } => {
            matches!(source, crate::net::tls::TlsError::Certificate(_))
        }
        ConnectError::Link { source, .. } => {
            matches!(source, LinkError::WrongPassword | LinkError::Sasl(_))
        }
        _ => false,
    }
}

/// The target of a command line.
///
/// # Errors
///
/// When it is none.
pub fn target(args: &TargetArgs) -> Result<Target, Failure> {
    Target::parse(&args.target).map_err(|error| {
        Failure::new(
            Exit::Usage,
            format!("cannot understand the target: {error}"),
        )
    })
}

/// The video codecs of a command line, each once.
fn codecs(args: &TargetArgs) -> Result<Option<Vec<Codec>>, Failure> {
    let Some(words) = &args.codecs else {
        return Ok(None);
    };
    let mut codecs = Vec::new();
    for codec in words.iter().filter_map(|word| word.codec()) {
        if !codec.is_available() {
            let text = format!("this capsaicin was built without a decoder for {codec}");
            return Err(Failure::new(Exit::Usage, text));
        }
        if !codecs.contains(&codec) {
            codecs.push(codec);
        }
    }
    if words.len() > 1 && words.contains(&VideoCodec::None) {
        let text = "--codecs: none cannot be combined with codecs";
        return Err(Failure::new(Exit::Usage, text));
    }
    Ok(Some(codecs))
}

/// Whether another user, and whether another password, may help against an error: what was `given` stays, what is not `known`
/// is asked for.
fn asked_for(
    error: &ConnectError,
    given: (bool, bool),
    known: (&Option<String>, &Option<Secret>),
) -> (bool, bool) {
    let ConnectError::Link { source, .. } = error else {
        return (false, false);
    };
    match source {
        LinkError::WrongPassword => (false, !given.1),
        LinkError::Sasl(SaslError::WantsUser) => (known.0.is_none(), known.1.is_none()),
        LinkError::Sasl(SaslError::Refused(_)) => (!given.0, !given.1),
        _ => (false, false),
    }
}
