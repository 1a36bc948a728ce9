//! A connection step by step: how far it gets, and why no further.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::channel::{ChannelId, ChannelKind};
use crate::cli::args::{DoctorArgs, TargetArgs};
use crate::cli::dial::{Dial, Dialled, Extras, Prepared, target};
use crate::cli::report::{Exit, Failure};
use crate::client::ConnectError;
use crate::net::{Address, Hop, Stream};
use crate::session::{ClientEvent, CloseReason};
use crate::tui::printable;

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long no channel has to come or go until all are taken to be there.
const QUIET: Duration = Duration::from_millis(700);

/// The steps of a connection, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Target,
    Name,
    Connection,
    Tls,
    Spice,
    Password,
    Channels,
}

impl Step {
    const ALL: [Self; 7] = [
        Self::Target,
        Self::Name,
        Self::Connection,
        Self::Tls,
        Self::Spice,
        Self::Password,
        Self::Channels,
    ];

    /// For scripts.
    const fn name(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::Name => "name",
            Self::Connection => "connection",
            Self::Tls => "tls",
            Self::Spice => "handshake",
            Self::Password => "password",
            Self::Channels => "channels",
        }
    }

    /// For people.
    const fn words(self) -> &'static str {
        match self {
            Self::Target => "the target is understood",
            Self::Name => "its name leads somewhere",
            Self::Connection => "something listens there",
            Self::Tls => "it speaks TLS and is who it should be",
            Self::Spice => "it is a SPICE server",
            Self::Password => "it lets us in",
            Self::Channels => "its channels open",
        }
    }
}

/// How a connection went.
pub struct Walk {
    /// The target without its secrets.
    pub target: String,
    /// What was found at each step that was passed.
    found: Vec<(Step, String)>,
    /// Each channel, and why it did not open.
    channels: Vec<(ChannelId, Option<CloseReason>)>,
    has_tls: bool,
    failed: Option<Step>,
    /// Why no password was tried although nothing has failed.
    left: Option<String>,
    /// Why it went no further.
    pub failure: Option<Failure>,
}

impl Walk {
    /// Tries a target.
    pub async fn along(text: &str, args: &DoctorArgs) -> Self {
        let dial = Dial {
            extras: Extras {
                playback: true,
                record: true,
                ports: true,
                ..Extras::default()
            },
            view_only: true,
            pixels: false,
            timeout: PATIENCE,
        };
        let target_args = TargetArgs {
            target: text.to_owned(),
            password_file: args.password_file.clone(),
            security: args.security.clone(),
            // Nobody is asked: it leaves before it would take something.
            take: true,
            preferred_compression: None,
            codecs: None,
        };
        let mut walk = Self {
            // It may hold a password, so it is named only once it was understood.
            target: target(&target_args).map_or("target".into(), |t| t.to_string()),
            found: Vec::new(),
            channels: Vec::new(),
            has_tls: false,
            failed: None,
            left: None,
            failure: None,
        };
        if let Err((step, failure)) = walk.go(dial, &target_args, args.take).await {
            walk.failed = Some(step);
            walk.failure = Some(failure);
        }
        walk
    }

    async fn go(
        &mut self,
        dial: Dial,
        args: &TargetArgs,
        take: bool,
    ) -> Result<(), (Step, Failure)> {
        let prepared = dial.prepare(args).await;
        let mut prepared = prepared.map_err(|failure| (Step::Target, failure))?;
        self.pass(Step::Target, "");
        let somebody = match take {
            true => None,
            false => prepared.somebody().await,
        };
        self.approach(&prepared).await?;
        if let Some(somebody) = somebody {
            let greeted = prepared.greet().await;
            greeted.map_err(|failure| (self.step_of(&failure), failure))?;
            self.left = Some(format!(
                "{somebody} is connected: more is not tried, as it would take the screen from them"
            ));
            return Ok(());
        }
        let dialled = prepared.connect(|| None).await;
        let dialled = dialled.map_err(|failure| (self.step_of(&failure), failure))?;
        for step in [Step::Tls, Step::Spice, Step::Password] {
            if step != Step::Tls || self.has_tls {
                self.pass(step, "");
            }
        }
        self.watch(dialled).await
    }

    /// Everything before the first word of SPICE.
    async fn approach(&mut self, prepared: &Prepared<'_>) -> Result<(), (Step, Failure)> {
        let Some(hop) = prepared.route().first(ChannelKind::Main) else {
            return Ok(());
        };
        self.has_tls = !hop.is_plain();
        let address = hop.address();
        let places = resolve(address).await;
        let places = places.map_err(|error| (Step::Name, prepared.explain(error)))?;
        self.pass(Step::Name, &places);
        let began = Instant::now();
        let stream = connect(address).await;
        let stream = stream.map_err(|error| (Step::Connection, prepared.explain(error)))?;
        let took = began.elapsed().as_secs_f64() * 1e3;
        self.pass(Step::Connection, &format!("after {took:.1} ms"));
        if let Some(facts) = secured(hop, stream).await {
            self.pass(Step::Tls, &facts);
        }
        Ok(())
    }

    /// Waits for the channels.
    async fn watch(&mut self, mut dialled: Dialled) -> Result<(), (Step, Failure)> {
        let until = Instant::now() + PATIENCE;
        let mut last = Instant::now();
        loop {
            let wait = QUIET.saturating_sub(last.elapsed());
            let left = until.saturating_duration_since(Instant::now());
            match timeout(wait.min(left), dialled.client.next_event()).await {
                Ok(Some(ClientEvent::ChannelOpened(id))) => self.channels.push((id, None)),
                Ok(Some(ClientEvent::ChannelClosed(id, why))) => {
                    self.channels.retain(|(known, _)| *known != id);
                    self.channels.push((id, Some(why)));
                }
                Ok(Some(ClientEvent::Closed(why))) => return Err((Step::Channels, why.into())),
                Ok(Some(_)) => continue,
                Ok(None) | Err(_) => break,
            }
            last = Instant::now();
        }
        let failed = self
            .channels
            .iter()
            .find_map(|(id, why)| Some((id, why.as_ref()?)));
        if let Some((id, why)) = failed {
            let text = format!("the channel {id} of {}: {why}", self.target);
            return Err((Step::Channels, Failure::new(Exit::Closed, text)));
        }
        let names: Vec<String> = self.channels.iter().map(|(id, _)| id.to_string()).collect();
        self.pass(Step::Channels, &names.join(", "));
        Ok(())
    }

    /// Where a failure belongs.
    fn step_of(&self, failure: &Failure) -> Step {
        match failure.exit {
            Exit::Usage | Exit::File => Step::Target,
            Exit::CannotConnect => Step::Connection,
            Exit::Tls if self.has_tls => Step::Tls,
            Exit::Authentication => Step::Password,
            _ => Step::Spice,
        }
    }

    /// A step was passed; what was found first is kept.
    fn pass(&mut self, step: Step, what: &str) {
        if !self.found.iter().any(|(passed, _)| *passed == step) {
            self.found.push((step, what.to_owned()));
        }
    }

    /// Steps, whether each was passed, and what was found.
    fn steps(&self) -> impl Iterator<Item = (Step, Option<bool>, &str)> {
        let steps = Step::ALL.into_iter();
        let there = steps.filter(|step| *step != Step::Tls || self.has_tls);
        there.map(|step| {
            let found = self.found.iter().find(|(passed, _)| *passed == step);
            let what = found.map_or("", |(_, what)| what);
            let passed = match self.failed {
                Some(failed) if step == failed => Some(false),
                Some(failed) if step > failed => None,
                None if self.left.is_some() && step > Step::Spice => None,
                _ => Some(true),
            };
            (step, passed, what)
        })
    }

    /// As text.
    pub fn text(&self) -> String {
        let mut out = format!("\nConnection to {}\n", printable(&self.target));
        for (step, passed, found) in self.steps() {
            let mark = match passed {
                Some(true) => "passed",
                Some(false) => "FAILED",
                None => "-",
            };
            let words = step.words();
            out += &match found {
                "" => format!("  {mark:<7} {words}\n"),
                found => format!("  {mark:<7} {words}: {}\n", printable(found)),
            };
        }
        if let Some(left) = &self.left {
            out += &format!("  {}\n  hint: --take tries all of it\n", printable(left));
        }
        if let Some(failure) = &self.failure {
            out += &format!("  {}\n", printable(&failure.text));
            for line in failure.detail_lines() {
                out += &format!("    {line}\n");
            }
            if let Some(hint) = &failure.hint {
                out += &format!("  hint: {}\n", printable(hint));
            }
        }
        out
    }

    /// As JSON.
    pub fn json(&self) -> Value {
        let steps = self.steps();
        let steps: Vec<Value> = steps
            .map(|(step, passed, found)| {
                json!({ "step": step.name(), "passed": passed, "found": found })
            })
            .collect();
        let channels = self.channels.iter();
        let channels: Vec<Value> = channels
            .map(|(id, why)| {
                let error = why.as_ref().map(ToString::to_string);
                json!({ "channel": id.to_string(), "opened": why.is_none(), "error": error })
            })
            .collect();
        let failure = self.failure.as_ref();
        let details = failure.map(|f| {
            f.details
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone().into()))
        });
        json!({
            "name": self.target,
            "steps": steps,
            "channels": channels,
            "left": self.left,
            "error": failure.map(|f| &f.text),
            "details": details.map(|d| Value::Object(d.collect())),
            "hint": failure.and_then(|f| f.hint.as_ref()),
        })
    }
}

/// The addresses that a name leads to.
async fn resolve(address: &Address) -> Result<String, ConnectError> {
    let failed = |source| ConnectError::Io {
        address: address.clone(),
        source,
    };
    let (host, port) = match address {
        Address::Tcp { host, port } => (host.as_str(), *port),
        Address::Unix(path) => {
            return std::fs::metadata(path)
                .map(|_| "the socket is there".to_owned())
                .map_err(failed);
        }
    };
    let found = timeout(PATIENCE, lookup_host((host, port))).await;
    let found = found.map_err(|_| late(address))?.map_err(failed)?;
    let mut places: Vec<String> = found.map(|place| place.ip().to_string()).collect();
    places.dedup();
    Ok(places.join(", "))
}

async fn connect(address: &Address) -> Result<Stream, ConnectError> {
    let connected = timeout(PATIENCE, Stream::connect(address)).await;
    connected
        .map_err(|_| late(address))?
        .map_err(|source| ConnectError::Io {
            address: address.clone(),
            source,
        })
}

fn late(address: &Address) -> ConnectError {
    ConnectError::Timeout {
        address: address.clone(),
        after: PATIENCE,
    }
}

/// What there is to tell of a TLS connection. What is wrong with it, connecting in earnest will tell.
#[cfg(feature = "tls")]
async fn secured(hop: Hop<'_>, stream: Stream) -> Option<String> {
    let Hop::Tls(port) = hop else { return None };
    let policy = std::sync::Arc::clone(&port.policy);
    let connecting = crate::net::tls::connect(stream, port.address.host(), policy);
    let secured = timeout(PATIENCE, connecting).await.ok()?.ok()?;
    let whose = secured.certificate.map(|c| c.subject().to_string());
    Some(format!(
        "TLS {}, {}",
        secured.version,
        whose.unwrap_or_default()
    ))
}

#[cfg(not(feature = "tls"))]
async fn secured(_: Hop<'_>, _: Stream) -> Option<String> {
    None
}
