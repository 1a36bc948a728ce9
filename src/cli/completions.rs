//! `capsaicin completions`: a script that teaches a shell the command line.

use std::io::{self, Write};

use super::args::{self, CompletionsArgs};
use super::report::Failure;

/// Writes the script to standard output.
///
/// # Errors
///
/// When it cannot be written.
pub fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut args::command(), "capsaicin", &mut script);
    io::stdout()
        .write_all(&script)
        .map_err(|error| Failure::output(&error))
}
