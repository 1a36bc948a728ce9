//! `capsaicin doctor`: what this terminal can do, and what to change; how far a connection gets.

mod advice;
mod report;

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value, json};

use super::args::{Common, DoctorArgs, TargetArgs};
use super::dial::{Dial, Extras};
use super::logging;
use super::report::{Exit, Failure};
use crate::term::probe::{Capabilities, Surroundings};
use crate::tui::multiplexer::tmux_passes;
use crate::tui::printable;
use crate::tui::probing::{AskError, Heard, Probing};
use advice::Advice;

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
    let trial = match &args.target {
        Some(target) => Some(try_target(target, args).await),
        None => None,
    };
    let written = match args.json {
        true => print_json(&found, trial.as_ref()),
        false => print_text(&found, trial.as_ref()),
    };
    written.map_err(|error| Failure::output(&error))?;
    match trial.and_then(|trial| trial.failure) {
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
                format!("cannot be asked: {}", super::report::system(error))
            }
        }
    }

    fn advice(&self) -> Vec<Advice> {
        advice::of(
            &self.capabilities,
            self.around,
            matches!(self.heard, Ok(Heard::Nothing(_))),
            tmux_passes(),
        )
    }
}

/// The steps of a connection, in order, and where it ended.
struct Trial {
    target: String,
    failure: Option<Failure>,
}

const STEPS: [(&str, &str); 4] = [
    ("target", "the target is understood"),
    ("connection", "something listens there"),
    ("handshake", "it is a SPICE server"),
    ("password", "it lets us in"),
];

impl Trial {
    /// How many steps were passed.
    fn passed(&self) -> usize {
        match self.failure.as_ref().map(|failure| failure.exit) {
            None => STEPS.len(),
            Some(Exit::CannotConnect | Exit::Timeout) => 1,
            Some(Exit::NotSpice | Exit::Tls) => 2,
            Some(Exit::Authentication | Exit::Closed) => 3,
            Some(_) => 0,
        }
    }
}

async fn try_target(target: &str, args: &DoctorArgs) -> Trial {
    let dial = Dial {
        extras: Extras::default(),
        view_only: true,
        pixels: false,
        timeout: Duration::from_secs(10),
    };
    let target_args = TargetArgs {
        target: target.to_owned(),
        password_file: args.password_file.clone(),
        security: args.security.clone(),
        preferred_compression: None,
        codecs: None,
    };
    match dial.connect(&target_args).await {
        Ok(dialled) => Trial {
            target: dialled.name,
            failure: None,
        },
        Err(failure) => Trial {
            // It may hold a password, so it is named only once it was understood.
            target: super::dial::target(&target_args).map_or("target".into(), |t| t.to_string()),
            failure: Some(failure),
        },
    }
}

fn print_text(found: &Found<'_>, trial: Option<&Trial>) -> io::Result<()> {
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
    if let Some(trial) = trial {
        out += &format!("\nConnection to {}\n", printable(&trial.target));
        let passed = trial.passed();
        for (at, (_, step)) in STEPS.iter().enumerate() {
            let mark = match at.cmp(&passed) {
                std::cmp::Ordering::Less => "passed",
                std::cmp::Ordering::Equal => "FAILED",
                std::cmp::Ordering::Greater => "-",
            };
            out += &format!("  {mark:<7} {step}\n");
        }
        if let Some(failure) = &trial.failure {
            out += &format!("  {}\n", printable(&failure.text));
            if let Some(hint) = &failure.hint {
                out += &format!("  hint: {}\n", printable(hint));
            }
        }
    }
    let mut stdout = io::stdout().lock();
    stdout.write_all(out.as_bytes())?;
    stdout.flush()
}

fn print_json(found: &Found<'_>, trial: Option<&Trial>) -> io::Result<()> {
    let advice = found.advice().into_iter();
    let advice: Vec<Value> = advice
        .map(|advice| json!({ "text": advice.text, "lines": advice.lines }))
        .collect();
    let mut facts = report::json(found);
    facts["advice"] = advice.into();
    if let Some(trial) = trial {
        let passed = trial.passed();
        let steps = STEPS.iter().enumerate();
        let steps: Vec<Value> = steps
            .map(|(at, (name, _))| match at.cmp(&passed) {
                std::cmp::Ordering::Less => json!({ "step": name, "passed": true }),
                std::cmp::Ordering::Equal => json!({ "step": name, "passed": false }),
                std::cmp::Ordering::Greater => json!({ "step": name, "passed": null }),
            })
            .collect();
        facts["target"] = json!({
            "name": trial.target,
            "steps": steps,
            "error": trial.failure.as_ref().map(|f| &f.text),
            "hint": trial.failure.as_ref().and_then(|f| f.hint.as_ref()),
        });
    }
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{facts:#}")?;
    stdout.flush()
}
