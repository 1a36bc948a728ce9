//! `capsaicin doctor`: what this terminal can do, and what to change; how far a connection gets.

mod advice;
mod report;
mod walk;

use std::io::{self, Write};

use serde_json::{Value, json};

use super::args::{Common, DoctorArgs};
use super::logging;
use super::report::{Exit, Failure};
use crate::term::probe::{Capabilities, Surroundings};
use crate::tui::multiplexer::Tmux;
use crate::tui::probing::{AskError, Heard, Probing};
use crate::tui::{printable, printable_json};
use advice::Advice;
use walk::Walk;

/// Asks the terminal, tries the target, and prints what came of it.
///
/// # Errors
///
/// When there is neither a terminal nor another thing to tell, or the target cannot be connected to.
pub async fn run(args: &DoctorArgs, common: &Common) -> Result<(), Failure> {
    let _logging = logging::to_stderr(common.logging())?;
    let around = Surroundings::of(|name| std::env::var(name).ok());
    let mut probing = Probing::new(around, args.terminal.clone());
    let heard = match probing.ask().await {
        Ok(heard) => Ok(heard),
        Err(AskError::Interrupted) => return Err(Failure::interrupted()),
        Err(AskError::NoTerminal) if !args.json && args.target.is_none() => {
            return Err(Failure::new(Exit::Terminal, "there is no terminal to ask")
                .with_hint("run it inside the terminal; --json prints what the environment says"));
        }
        Err(error) => Err(error),
    };
    let found = Found {
        capabilities: probing.capabilities(),
        around: probing.around(),
        heard: &heard,
    };
    let walk = match &args.target {
        Some(target) => Some(Walk::along(target, args).await),
        None => None,
    };
    let written = match args.json {
        true => print_json(&found, walk.as_ref()),
        false => print_text(&found, walk.as_ref()),
    };
    written.map_err(|error| Failure::output(&error))?;
    match walk.and_then(|walk| walk.failure) {
        // The report has told it.
        Some(failure) => Err(Failure::new(failure.exit, "")),
        None => Ok(()),
    }
}

/// What is known of the terminal.
struct Found<'a> {
    capabilities: Capabilities,
    around: &'a Surroundings,
    heard: &'a Result<Heard, AskError>,
}

impl Found<'_> {
    /// How the terminal answered, as a clause.
    fn how(&self) -> String {
        match self.heard {
            Ok(Heard::After(took)) => format!("answered in {} ms", took.as_millis()),
            Ok(Heard::Nothing(limit)) => format!("said nothing within {} ms", limit.as_millis()),
            Ok(Heard::NotAsked) => {
                "not asked, because TERM says it understands no questions".into()
            }
            Err(AskError::NoTerminal | AskError::Interrupted) => "there is no terminal".into(),
            Err(AskError::Io(error)) => {
                format!("cannot be asked: {}", crate::words::system(error))
            }
        }
    }

    fn advice(&self) -> Vec<Advice> {
        advice::of(
            &self.capabilities,
            self.around,
            matches!(self.heard, Ok(Heard::Nothing(_))),
            Tmux::ask(),
        )
    }
}

fn print_text(found: &Found<'_>, walk: Option<&Walk>) -> io::Result<()> {
    let mut out = String::new();
    let mut line = |name: &str, value: &str| out += &format!("{name:<14} {}\n", printable(value));
    line("terminal", &report::name(found));
    for (name, value) in report::lines(&found.capabilities) {
        line(name, &value);
    }
    line("best picture", found.capabilities.best().name());
    let advice = found.advice();
    if !advice.is_empty() {
        out += "\nWhat to change:\n";
    }
    for advice in advice {
        out += &format!("- {}\n", printable(&advice.text));
        for line in advice.lines {
            out += &format!("    {line}\n");
        }
    }
    if let Some(walk) = walk {
        out += &walk.text();
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(out.as_bytes())?;
    stdout.flush()
}

fn print_json(found: &Found<'_>, walk: Option<&Walk>) -> io::Result<()> {
    let advice = found.advice().into_iter();
    let advice: Vec<Value> = advice
        .map(|advice| json!({ "text": advice.text, "lines": advice.lines }))
        .collect();
    let mut facts = report::json(found);
    facts["advice"] = advice.into();
    if let Some(walk) = walk {
        facts["target"] = walk.json();
    }
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", printable_json(format!("{facts:#}")))?;
    stdout.flush()
}
