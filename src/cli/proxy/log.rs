//! What is said of what happens: lines for people, objects for programs, remarks for a viewer.

use std::fmt;
use std::io::{self, Write};
use std::path::Path;
use std::time::Instant;

use serde_json::{Value, json};

use super::{ProxyArgs, uris};
use crate::channel::names;
use crate::cli::report::{self, Failure};
use crate::proxy::{Event, Proxy, Traffic};
use crate::recording::Progress;
use crate::session::Way;
use crate::tui::mirror::Usher;
use crate::tui::{printable, short};

/// Where events are printed.
pub(super) struct Log {
    pub(super) began: Instant,
    pub(super) json: bool,
    /// Who tells the viewer, while there is one.
    pub(super) usher: Option<Usher>,
}

impl Log {
    pub(super) fn listening(&self, proxy: &Proxy, args: &ProxyArgs) -> Result<(), Failure> {
        let mut out = io::stdout().lock();
        for uri in uris(proxy.addresses(), args) {
            if let Some(usher) = &self.usher {
                usher.tell(format!("listening at {uri}"));
                continue;
            }
            let told = match self.json {
                true => writeln!(out, "{}", report::json(json!({ "listening": uri }))),
                false => writeln!(out, "listening at {}; Ctrl+C ends it", printable(&uri)),
            };
            told.and_then(|()| out.flush())
                .map_err(|error| Failure::output(&error))?;
        }
        Ok(())
    }

    pub(super) fn print(&mut self, event: &Event) -> Result<(), Failure> {
        match self.json {
            true => self.print_json(facts(event)),
            false => self.print_text(&text(event)),
        }
    }

    pub(super) fn recorded(
        &self,
        session: u64,
        path: &Path,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let ended = progress.ended.as_ref().map(ToString::to_string);
        if self.json {
            return self.print_json(json!({
                "event": "recorded",
                "session": session,
                "file": path.to_string_lossy(),
                "messages": progress.frames,
                "bytes": progress.bytes,
                "ended_early": ended,
            }));
        }
        let (name, bytes) = (path.display(), short(progress.bytes));
        let early = ended.map_or_else(String::new, |why| format!("; it ended early: {why}"));
        self.print_text(&format!(
            "#{session} recorded     {name}: {} messages, {bytes}B{early}",
            progress.frames
        ))
    }

    fn print_json(&self, mut facts: Value) -> Result<(), Failure> {
        if let Value::Object(facts) = &mut facts {
            let at = (self.began.elapsed().as_secs_f64() * 1e6).round() / 1e6;
            facts.insert("at".into(), at.into());
        }
        let mut out = io::stdout().lock();
        writeln!(out, "{}", report::json(facts))
            .and_then(|()| out.flush())
            .map_err(|error| Failure::output(&error))
    }

    fn print_text(&self, text: &str) -> Result<(), Failure> {
        if let Some(usher) = &self.usher {
            usher.tell(text.to_owned());
            return Ok(());
        }
        let at = self.began.elapsed();
        let (seconds, millis) = (at.as_secs(), at.subsec_millis());
        // Nobody may be reading; the proxy goes on.
        let _ = writeln!(io::stderr(), "{seconds:5}.{millis:03}  {}", printable(text));
        Ok(())
    }
}

/// An event as a line for people.
fn text(event: &Event) -> String {
    let on = |session: &u64, channel: &dyn fmt::Display| {
        let channel = channel.to_string();
        format!("#{session} {channel:<12}")
    };
    match event {
        Event::Linked {
            session,
            channel,
            client,
            server,
        } => format!("{} linked: {client} to {server}", on(session, channel)),
        Event::Refused { client, why } => format!("not linked: {client}: {why}"),
        Event::Fault {
            session,
            channel,
            way,
            number,
            serial,
            rule,
        } => {
            let name = message(*way, *channel, *number);
            let place = on(session, channel);
            format!(
                "{place} {} sends {name}, message {serial}: {rule}",
                who(*way)
            )
        }
        Event::Leaves { session, message } => format!(
            "{} {message}: the client is sent to another host, which it reaches without this proxy",
            on(session, &"main")
        ),
        Event::Closed {
            session,
            channel,
            from_server,
            from_client,
            why,
        } => format!(
            "{} closed: {why}; from the server {}, from the client {}",
            on(session, channel),
            amount(from_server),
            amount(from_client)
        ),
        Event::Ended { session, lasted } => {
            format!(
                "#{session} ended        after {:.3} s",
                lasted.as_secs_f64()
            )
        }
    }
}

/// An event for programs.
fn facts(event: &Event) -> Value {
    let traffic =
        |traffic: &Traffic| json!({ "messages": traffic.messages, "bytes": traffic.bytes });
    match event {
        Event::Linked {
            session,
            channel,
            client,
            server,
        } => json!({
            "event": "linked",
            "session": session,
            "channel": channel.to_string(),
            "client": client,
            "server": server,
        }),
        Event::Refused { client, why } => {
            json!({ "event": "refused", "client": client, "why": why })
        }
        Event::Fault {
            session,
            channel,
            way,
            number,
            serial,
            rule,
        } => json!({
            "event": "fault",
            "session": session,
            "channel": channel.to_string(),
            "from": who(*way),
            "message": message(*way, *channel, *number),
            "serial": serial,
            "rule": rule,
        }),
        Event::Leaves { session, message } => {
            json!({ "event": "leaves", "session": session, "message": message })
        }
        Event::Closed {
            session,
            channel,
            from_server,
            from_client,
            why,
        } => json!({
            "event": "closed",
            "session": session,
            "channel": channel.to_string(),
            "from_server": traffic(from_server),
            "from_client": traffic(from_client),
            "why": why,
        }),
        Event::Ended { session, lasted } => {
            json!({ "event": "ended", "session": session, "seconds": lasted.as_secs_f64() })
        }
    }
}

const fn who(way: Way) -> &'static str {
    match way {
        Way::ToClient => "server",
        Way::ToServer => "client",
    }
}

/// A message's name, or its number.
fn message(way: Way, channel: crate::channel::ChannelId, number: u16) -> String {
    let names = match way {
        Way::ToClient => names::from_server(channel.kind),
        Way::ToServer => names::from_client(channel.kind),
    };
    names::name(names, number).map_or_else(|| number.to_string(), str::to_owned)
}

fn amount(traffic: &Traffic) -> String {
    format!("{} messages, {}B", traffic.messages, short(traffic.bytes))
}
