//! A connection step by step: how far it gets, and why no further.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::net::lookup_host;
use tokio::time::timeout;

use crate::channel::{ChannelId, ChannelKind};
use crate::cli::args::{DoctorArgs, TargetArgs};
use crate::cli::dial::{Dial, Dialled, Extras, Prepared, target};
use crate::cli::machines;
use crate::cli::report::{Exit, Failure};
use crate::client::ConnectError;
use crate::link::LinkCode;
use crate::net::{Address, DialError, Hop, Stream};
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
    ProxyName,
    Proxy,
    Name,
    Connection,
    Tunnel,
    Tls,
    WebSocket,
    Spice,
    Password,
    Channels,
}

impl Step {
    const ALL: [Self; 11] = [
        Self::Target,
        Self::ProxyName,
        Self::Proxy,
        Self::Name,
        Self::Connection,
        Self::Tunnel,
        Self::Tls,
        Self::WebSocket,
        Self::Spice,
        Self::Password,
        Self::Channels,
    ];

    /// For scripts.
    const fn name(self) -> &'static str {
        match self {
            Self::Target => "target",
            Self::ProxyName => "proxy-name",
            Self::Proxy => "proxy",
            Self::Name => "name",
            Self::Connection => "connection",
            Self::Tunnel => "tunnel",
            Self::Tls => "tls",
            Self::WebSocket => "websocket",
            Self::Spice => "handshake",
            Self::Password => "password",
            Self::Channels => "channels",
        }
    }

    /// For people.
    const fn words(self) -> &'static str {
        match self {
            Self::Target => "the target is understood",
            Self::ProxyName => "the proxy's name leads somewhere",
            Self::Proxy => "the proxy can be reached",
            Self::Name => "its name leads somewhere",
            Self::Connection => "something listens there",
            Self::Tunnel => "the proxy leads there",
            Self::Tls => "it speaks TLS and is who it should be",
            Self::WebSocket => "it takes a web-socket",
            Self::Spice => "it is a SPICE server",
            Self::Password => "it lets us in",
            Self::Channels => "its channels open",
        }
    }
}

/// What belongs to the way to a server.
#[derive(Clone, Copy, Debug, Default)]
struct Way {
    proxy: bool,
    tls: bool,
    websocket: bool,
}

impl Way {
    fn of(hop: Hop<'_>) -> Self {
        Self {
            proxy: hop.proxy().is_some(),
            tls: !hop.is_plain(),
            websocket: hop.websocket().is_some(),
        }
    }

    /// Whether there is such a step. A proxy looks names up and connects by itself.
    const fn has(self, step: Step) -> bool {
        match step {
            Step::ProxyName | Step::Proxy | Step::Tunnel => self.proxy,
            Step::Name | Step::Connection => !self.proxy,
            Step::Tls => self.tls,
            Step::WebSocket => self.websocket,
            _ => true,
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
    way: Way,
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
            target: target(&target_args).map_or("the target".into(), |t| t.to_string()),
            found: Vec::new(),
            channels: Vec::new(),
            way: Way::default(),
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
        self.pass(Step::Target, &prepared.ignored());
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
        for step in [Step::Tls, Step::WebSocket, Step::Spice, Step::Password] {
            self.pass(step, "");
        }
        self.watch(dialled).await
    }

    /// Everything before the first word of SPICE.
    async fn approach(&mut self, prepared: &Prepared<'_>) -> Result<(), (Step, Failure)> {
        let Some(hop) = prepared.route().first(ChannelKind::Main) else {
            return Ok(());
        };
        self.way = Way::of(hop);
        let failed = |step| move |error| (step, prepared.explain(error));
        let stream = match hop.proxy() {
            None => {
                let places = resolve(hop.address()).await;
                self.pass(Step::Name, &places.map_err(failed(Step::Name))?);
                let began = Instant::now();
                let stream = within(hop, hop.reach()).await;
                let stream = stream.map_err(failed(Step::Connection))?;
                let risk = match hop.is_plain() && !is_here(hop.address()) {
                    true => ", without TLS: everybody on the way can read along",
                    false => "",
                };
                self.pass(Step::Connection, &format!("{}{risk}", after(began)));
                stream
            }
            Some(proxy) => {
                let told = |error| DialError::Proxy(Arc::clone(proxy), error);
                let places = within(hop, async { proxy.resolve().await.map_err(told) }).await;
                let places = places.map_err(failed(Step::ProxyName))?;
                self.pass(Step::ProxyName, &places);
                let began = Instant::now();
                let stream = within(hop, async { proxy.connect().await.map_err(told) }).await;
                let stream = stream.map_err(failed(Step::Proxy))?;
                self.pass(Step::Proxy, &after(began));
                let began = Instant::now();
                let tunnel = async { proxy.tunnel(stream, hop.address()).await.map_err(told) };
                let stream = within(hop, tunnel).await.map_err(failed(Step::Tunnel))?;
                self.pass(Step::Tunnel, &after(began));
                stream
            }
        };
        let Some(stream) = self.secured(hop, stream).await else {
            return Ok(());
        };
        if self.way.websocket {
            let upgraded = within(hop, hop.upgrade(stream)).await;
            upgraded.map_err(failed(Step::WebSocket))?;
            self.pass(Step::WebSocket, "");
        }
        Ok(())
    }

    /// The stream with TLS, where that belongs to it. What is wrong with it, connecting in earnest will tell.
    #[cfg(feature = "tls")]
    async fn secured(&mut self, hop: Hop<'_>, stream: Stream) -> Option<Stream> {
        let secured = timeout(PATIENCE, hop.secure(stream)).await;
        let (stream, facts) = secured.ok()?.ok()?;
        if let Some(facts) = facts {
            self.pass(Step::Tls, &facts);
        }
        Some(stream)
    }

    #[cfg(not(feature = "tls"))]
    async fn secured(&mut self, _: Hop<'_>, stream: Stream) -> Option<Stream> {
        Some(stream)
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
            let mut failure = Failure::new(Exit::Closed, text);
            if why.to_string().ends_with(LinkCode::NeedSecured.text()) {
                failure = failure.with_hint(
                    "name the server's port with TLS (tls-port of -spice) with --tls-port",
                );
            }
            return Err((Step::Channels, failure));
        }
        let names: Vec<String> = self.channels.iter().map(|(id, _)| id.to_string()).collect();
        self.pass(Step::Channels, &names.join(", "));
        Ok(())
    }

    /// Where a failure belongs.
    fn step_of(&self, failure: &Failure) -> Step {
        match failure.exit {
            Exit::Usage | Exit::File => Step::Target,
            Exit::CannotConnect if self.way.proxy => Step::Tunnel,
            Exit::CannotConnect => Step::Connection,
            Exit::Tls if self.way.tls => Step::Tls,
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
        let there = steps.filter(|step| self.way.has(*step));
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

/// Whether nothing that is sent there leaves this machine.
fn is_here(address: &Address) -> bool {
    match address {
        Address::Tcp { host, .. } => machines::address(host).is_some_and(|ip| ip.is_loopback()),
        Address::Unix(_) => true,
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

/// A part of connecting, within the time that each may take.
async fn within<T>(
    hop: Hop<'_>,
    part: impl Future<Output = Result<T, DialError>>,
) -> Result<T, ConnectError> {
    let done = timeout(PATIENCE, part).await;
    done.map_err(|_| ConnectError::late(hop, PATIENCE))?
        .map_err(|error| ConnectError::from_dial(hop.address(), error))
}

/// How long ago something began, for people.
fn after(began: Instant) -> String {
    format!("after {:.1} ms", began.elapsed().as_secs_f64() * 1e3)
}

fn late(address: &Address) -> ConnectError {
    ConnectError::Timeout {
        address: address.clone(),
        after: PATIENCE,
    }
}
