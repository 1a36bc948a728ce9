//! Recordings in several files: what is said about them on a command line, and what is told of them.

use std::num::NonZeroU32;
use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::report::{Exit, Failure, say};
use crate::recording::{Border, Files, Series};

/// Room for the beginning of a session.
const LEAST_BYTES: u64 = 4096;

/// How a recording is cut into files.
#[derive(Clone, Copy, Debug, Args)]
pub struct RotationArgs {
    /// Go on in another file (x-0001.pcapng, x-0002.pcapng ...) when one has this size or age: 100M, 1G, 90s, 10min, 1h
    #[arg(long, value_name = "SIZE|TIME", value_parser = border)]
    pub rotate: Option<Border>,
    /// Keep the newest N of these files, and delete the older ones
    #[arg(long, value_name = "N", requires = "rotate")]
    pub keep: Option<NonZeroU32>,
}

impl RotationArgs {
    /// The files to record into, none of which exists; `None` for a single one. With `force` those that exist are written
    /// over.
    ///
    /// # Errors
    ///
    /// When there is such a file already.
    pub fn series(&self, output: &Path, force: bool) -> Result<Option<Series>, Failure> {
        let Some(border) = self.rotate else {
            return Ok(None);
        };
        let series = Series::new(output, border, self.keep);
        if force {
            return Ok(Some(series.overwriting()));
        }
        if let Some(name) = series.taken() {
            let text = format!("cannot make {}: it exists", name.display());
            let failure = Failure::new(Exit::File, text);
            return Err(failure.with_hint("--force writes over such files"));
        }
        Ok(Some(series))
    }
}

/// A number of bytes, as people write it.
///
/// # Errors
///
/// A clause that says what is wrong with it.
pub fn bytes(text: &str) -> Result<u64, String> {
    let wrong = || "not a size such as 500M".to_owned();
    let (number, unit) = match text.strip_suffix(['k', 'K', 'm', 'M', 'g', 'G']) {
        Some(number) => (number, &text[number.len()..]),
        None => (text, ""),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let factor = match unit {
        "" => 1,
        "k" | "K" => 1 << 10,
        "m" | "M" => 1 << 20,
        _ => 1 << 30,
    };
    let bytes = number.checked_mul(factor).ok_or_else(wrong)?;
    if bytes < LEAST_BYTES {
        return Err(format!("less than {LEAST_BYTES} bytes"));
    }
    Ok(bytes)
}

/// A size, or a time with its unit.
fn border(text: &str) -> Result<Border, String> {
    let units = [
        ("min", 60),
        ("sec", 1),
        ("s", 1),
        ("h", 3600),
        ("d", 86_400),
    ];
    let split = |(unit, seconds)| Some((text.strip_suffix(unit)?, seconds));
    if let Some((number, seconds)) = units.into_iter().find_map(split) {
        let number = number.parse::<u32>().ok().filter(|number| *number > 0);
        let number = number.ok_or("not a time such as 90s, 10min or 1h")?;
        let every = Duration::from_secs(u64::from(number) * seconds);
        return Ok(Border::Time(every));
    }
    match text.strip_suffix('m') {
        // It would be megabytes to some and minutes to others.
        Some(number) => Err(format!("{number}M is a size, {number}min a time")),
        None => bytes(text).map(Border::Bytes).map_err(|error| {
            let is_number = text.starts_with(|c: char| c.is_ascii_digit());
            match is_number && error.starts_with("less") {
                true => error,
                false => "neither a size such as 500M nor a time such as 10min".to_owned(),
            }
        }),
    }
}

/// Says which files are in the way.
pub fn warn(files: &Files) {
    for (path, why) in &files.stuck {
        say(format_args!("cannot delete {}: {why}", path.display()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(bytes("5000"), Ok(5000));
        assert_eq!(bytes("8k"), Ok(8192));
        assert_eq!(bytes("500M"), Ok(524_288_000));
        assert_eq!(bytes("2G"), Ok(2_147_483_648));
        for wrong in ["", "M", "-5M", "1.5G", "12", "5T", "99999999999G"] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_border_is_a_size_or_a_time() {
        assert_eq!(border("100M"), Ok(Border::Bytes(104_857_600)));
        assert_eq!(border("8k"), Ok(Border::Bytes(8192)));
        assert_eq!(border("90s"), Ok(Border::Time(Duration::from_secs(90))));
        assert_eq!(border("10min"), Ok(Border::Time(Duration::from_secs(600))));
        assert_eq!(border("1h"), Ok(Border::Time(Duration::from_secs(3600))));
        for wrong in ["", "10m", "0s", "h", "1.5h", "-1h", "12", "10x", "s", "1hh"] {
            assert!(border(wrong).is_err(), "{wrong}");
        }
    }
}
