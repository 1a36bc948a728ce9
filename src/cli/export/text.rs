//! What serial consoles and other ports of a recording said, as the text a terminal would hold.

use std::collections::BTreeMap;
use std::time::Duration;

use avt::Terminal;
use avt::observer::Transcript;
use serde_json::json;

use super::output::Output;
use super::{Job, Made, reel};
use crate::channel::port::{self, Happening};
use crate::cli::recording;
use crate::cli::report::{Exit, Failure};
use crate::session::{ClientEvent, SessionConfig};

/// The terminal that reads along: as wide as consoles take one to be that say nothing.
const COLUMNS: usize = 80;
const ROWS: usize = 24;

/// How finely time is played: a port takes no more while nobody hears it.
const STEP: Duration = Duration::from_millis(20);

struct Port {
    name: String,
    terminal: Terminal,
    /// Collects the lines that leave the terminal at its top.
    transcript: Transcript,
    lines: Vec<String>,
    /// The end of what was heard, where a character is not complete.
    rest: Vec<u8>,
    bytes: u64,
}

/// Writes the file.
pub fn export(job: &Job, output: Output) -> Result<Made, Failure> {
    let config = SessionConfig {
        ports: true,
        draws: false,
        ..SessionConfig::default()
    };
    let mut player = reel::player(job, config)?;
    let mut ports: BTreeMap<u8, Port> = BTreeMap::new();
    let mut at = Duration::ZERO;
    while at <= job.to && job.progress.goes_on(job, at) {
        let played = player.play_until(at);
        played.map_err(|error| recording::cannot_open(&job.recording, &error))?;
        while let Some(event) = player.poll_event() {
            if let ClientEvent::Port(port::Event { port, what }) = event {
                hear(&mut ports, port, what, at >= job.from);
            }
        }
        at += STEP;
    }
    job.progress.clear();
    recording::warn_of_losses(&job.recording, &mut player);
    ports.retain(|_, port| port.bytes > 0);
    if ports.is_empty() {
        let text = format!("no port says anything in {}", job.recording.display());
        let hint = "what is on the screen is no text to this program; .png and .cast show it";
        return Err(Failure::new(Exit::NotFound, text).with_hint(hint));
    }
    let mut text = String::new();
    let mut lines = 0;
    let several = ports.len() > 1;
    let mut names = Vec::new();
    for port in ports.into_values() {
        if several {
            text.push_str(&format!("--- {} ---\n", port.name));
        }
        let mut said = port.lines;
        said.extend(port.transcript.finish(&port.terminal));
        lines += said.len();
        for line in said {
            text.push_str(&line);
            text.push('\n');
        }
        names.push(port.name);
    }
    output.write(text.as_bytes())?;
    Ok(Made {
        amount: format!("{lines} lines of {}", names.join(", ")),
        facts: json!({ "lines": lines, "ports": names }),
        end: at.min(job.to),
    })
}

fn hear(ports: &mut BTreeMap<u8, Port>, number: u8, what: Happening, counts: bool) {
    let port = ports.entry(number).or_insert_with(|| Port {
        name: format!("port {number}"),
        terminal: Terminal::new(COLUMNS, ROWS).expect("neither side is zero"),
        transcript: Transcript::new(),
        lines: Vec::new(),
        rest: Vec::new(),
        bytes: 0,
    });
    match what {
        Happening::Named { name, .. } => port.name = name,
        Happening::Data(data) if counts => {
            port.bytes += data.len() as u64;
            port.rest.extend_from_slice(&data);
            let text = take_text(&mut port.rest);
            let lines = port.terminal.feed_with(text.as_str(), &mut port.transcript);
            port.lines.extend(lines);
        }
        _ => {}
    }
}

/// The whole characters of some bytes; what is none becomes a replacement character, and the beginning of one stays.
fn take_text(bytes: &mut Vec<u8>) -> String {
    let whole = match std::str::from_utf8(bytes) {
        Ok(_) => bytes.len(),
        // At most three bytes at the end are the beginning of a character.
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        Err(_) => bytes.len(),
    };
    let rest = bytes.split_off(whole);
    let text = String::from_utf8_lossy(bytes).into_owned();
    *bytes = rest;
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_come_in_two_pieces_are_whole_and_garbage_is_marked() {
        let mut bytes = b"ab\xc3".to_vec();
        assert_eq!(take_text(&mut bytes), "ab");
        bytes.push(0xa4);
        assert_eq!(take_text(&mut bytes), "ä");
        bytes.extend(b"\xff!");
        assert_eq!(take_text(&mut bytes), "\u{fffd}!");
        assert!(bytes.is_empty());
    }
}
