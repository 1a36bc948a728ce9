//! Connecting to a target, asking for a password when the server turns out to want one.

use std::time::Duration;

use super::args::{TargetArgs, VideoCodec};
use super::connection_file;
use super::password::{self, Secret};
use super::report::{Exit, Failure};
use super::target::Target;
use crate::channel::display::ImageCompression;
use crate::client::{ClientConfig, ConnectError, SpiceClient};
use crate::codec::video::Codec;
use crate::link::LinkError;
use crate::recording::Recorder;
use crate::server::source::Demo;
use crate::session::{SessionConfig, Tap};

/// A session, and the server behind it if that is ours.
pub struct Dialled {
    /// The session.
    pub client: SpiceClient,
    /// The target without its secrets.
    pub name: String,
    /// Keeps the demonstration going.
    _demo: Option<Demo>,
}

/// How to connect.
#[derive(Clone, Copy, Debug)]
pub struct Dial {
    /// Sends no input.
    pub view_only: bool,
    /// Wants the pixels of what changes, not only where.
    pub pixels: bool,
    /// Which channels it wants beside picture and input.
    pub extras: Extras,
    /// How long connecting may take.
    pub timeout: Duration,
}

/// Channels beside picture and input.
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
}

impl Dial {
    /// Connects.
    ///
    /// # Errors
    ///
    /// Whatever went wrong, in words for the person who wrote the target.
    pub async fn connect(self, args: &TargetArgs) -> Result<Dialled, Failure> {
        self.connect_recorded(args, None).await
    }

    /// Connects; what passes goes to a recorder, too, if there is one.
    ///
    /// # Errors
    ///
    /// As [`Dial::connect`].
    pub async fn connect_recorded(
        self,
        args: &TargetArgs,
        recorder: Option<Recorder>,
    ) -> Result<Dialled, Failure> {
        let mut target = target(args)?;
        let mut used_file = None;
        if let Target::ConnectionFile(path) = &target {
            let path = path.clone();
            let (server, file) = connection_file::read(&path)?;
            // Its password is as hidden as the file is.
            (target, used_file) = (server, Some((path, file)));
        }
        let (address, in_target, demo) = match &target {
            Target::Demo => {
                let demo = Demo::start().await?;
                (demo.address().clone(), None, Some(demo))
            }
            Target::ConnectionFile(_) | Target::Recording(_) => {
                let text = format!("cannot connect to {target}: it is a recording");
                return Err(Failure::new(Exit::Usage, text)
                    .with_hint("'capsaicin screenshot' takes a picture of one"));
            }
            Target::Server {
                address,
                password,
                tls_passed_over,
            } => {
                if password.is_some() && used_file.is_none() {
                    eprintln!(
                        "capsaicin: others can see a password in a target; --password-file hides it"
                    );
                }
                if *tls_passed_over {
                    eprintln!("capsaicin: TLS is not supported yet; {address} is used without it");
                }
                (address.clone(), password.as_ref(), None)
            }
        };
        let known = match demo {
            Some(_) => Some(Secret::default()),
            None => password::find(in_target, args.password_file.as_deref(), |name| {
                std::env::var_os(name)
            })?,
        };
        let preferred_compression = args.preferred_compression.map(ImageCompression::from);
        let codecs = codecs(args)?;
        let config = |secret: Secret| ClientConfig {
            password: secret.password(),
            view_only: self.view_only,
            connect_timeout: self.timeout,
            // Nothing passes before the password is right: the clone that records is the last.
            tap: recorder
                .clone()
                .map(|recorder| Box::new(recorder) as Box<dyn Tap>),
            session: SessionConfig {
                preferred_compression,
                codecs: codecs.clone(),
                pixels: self.pixels,
                playback: self.extras.playback,
                record: self.extras.record,
                raw_sound: self.extras.raw_sound,
                ports: self.extras.ports,
                ..SessionConfig::default()
            },
            ..ClientConfig::new(address.clone())
        };
        let name = target.to_string();
        let tries = match known {
            None if password::can_ask() => password::TRIES,
            _ => 0,
        };
        let mut result = SpiceClient::connect_with(config(known.unwrap_or_default())).await;
        for attempt in 0..tries {
            if !result.as_ref().is_err_and(refused_password) {
                break;
            }
            if attempt > 0 {
                eprintln!("{name} refused it; try again");
            }
            let asked = name.clone();
            let answer = tokio::task::spawn_blocking(move || password::ask(&asked)).await;
            let secret = answer.map_err(|_| Failure::interrupted())??;
            result = SpiceClient::connect_with(config(secret)).await;
        }
        let client = result?;
        if let Some((path, file)) = &used_file {
            connection_file::used(path, file);
        }
        Ok(Dialled {
            client,
            name,
            _demo: demo,
        })
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

fn refused_password(error: &ConnectError) -> bool {
    matches!(
        error,
        ConnectError::Link {
            source: LinkError::WrongPassword,
            ..
        }
    )
}
