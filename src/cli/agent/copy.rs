//! `capsaicin copy`: what was copied in the guest.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{timeout, timeout_at};

use super::super::args::{Common, CopyArgs};
use super::super::logging;
use super::super::report::{Exit, Failure};
use super::{Guest, agent};
use crate::tui::printable;
use agent::{ContentKind, Event, FetchError, Order, Selection, State};

/// How long an agent may take to tell what it offers, where nobody waits for more.
const OFFER: Duration = Duration::from_secs(2);

/// The pictures there are, best first.
const PICTURES: [ContentKind; 4] = [
    ContentKind::Png,
    ContentKind::Tiff,
    ContentKind::Bmp,
    ContentKind::Jpeg,
];

/// Prints or saves what was copied in the guest.
///
/// # Errors
///
/// When there is no agent, nothing was copied, or it cannot be had or kept.
pub async fn run(args: &CopyArgs, common: &Common) -> Result<(), Failure> {
    let place = Place::find(args)?;
    let _logging = logging::to_stderr(common.logging())?;
    let mut guest = Guest::meet(&args.target, args.timeout, "copy", State::clipboard).await?;
    let selection = if args.primary {
        Selection::Primary
    } else {
        Selection::Clipboard
    };
    if args.wait.is_some() {
        eprintln!(
            "capsaicin: waiting until something is copied in {} (Ctrl+C ends)",
            guest.name()
        );
    }
    let patience = args.wait.unwrap_or(OFFER);
    let Ok(offered) = timeout(patience, offer(&mut guest, selection)).await else {
        guest.leave().await;
        return Err(nothing(args.wait));
    };
    let kind = place.choose(&offered?)?;
    guest.order(Order::Fetch { selection, kind }).await?;
    let until = tokio::time::Instant::now() + args.timeout;
    let content = timeout_at(until, fetched(&mut guest)).await;
    guest.leave().await;
    let content = content.map_err(|_| {
        Failure::new(
            Exit::Timeout,
            format!("cannot copy: {}", FetchError::Timeout),
        )
    })??;
    place.put(kind, &content)
}

/// What the guest offers, once it does.
async fn offer(guest: &mut Guest, wanted: Selection) -> Result<Vec<ContentKind>, Failure> {
    loop {
        if let Event::Offered {
            selection, kinds, ..
        } = guest.next_of_agent().await?
            && selection == wanted
        {
            return Ok(kinds);
        }
    }
}

/// What was asked for.
async fn fetched(guest: &mut Guest) -> Result<Bytes, Failure> {
    loop {
        if let Event::Content { content, .. } = guest.next_of_agent().await? {
            return content.map_err(|why| {
                let exit = match why {
                    FetchError::Timeout => Exit::Timeout,
                    FetchError::Empty | FetchError::NotOffered | FetchError::Withdrawn => {
                        Exit::NotFound
                    }
                    _ => Exit::Unexpected,
                };
                Failure::new(exit, format!("cannot copy: {why}"))
            });
        }
    }
}

fn nothing(waited: Option<Duration>) -> Failure {
    let text = match waited {
        Some(waited) => format!(
            "cannot copy: nothing was copied in the guest within {} s",
            waited.as_secs_f32()
        ),
        None => "cannot copy: the guest offers nothing".into(),
    };
    let failure = Failure::new(Exit::NotFound, text);
    match waited {
        Some(_) => failure,
        None => failure.with_hint(
            "agents tell only what is copied while somebody is connected: --wait waits for that",
        ),
    }
}

/// Where it goes, and what is wanted for that.
struct Place {
    file: Option<PathBuf>,
    /// Kinds that will do, best first.
    kinds: Vec<ContentKind>,
}

impl Place {
    /// Looks before anybody waits.
    fn find(args: &CopyArgs) -> Result<Self, Failure> {
        let file = args.output.clone().filter(|path| path != Path::new("-"));
        let by_name = file.as_deref().and_then(picture_of);
        let kinds = match by_name {
            Some(kind) => vec![kind],
            None if args.image => PICTURES.to_vec(),
            None => vec![ContentKind::Text],
        };
        let is_picture = kinds.iter().all(|kind| kind.is_image());
        if is_picture && file.is_none() && io::stdout().is_terminal() {
            let text = "cannot write a picture to standard output: it is a terminal";
            return Err(Failure::new(Exit::Usage, text).with_hint("name a file with -o"));
        }
        Ok(Self { file, kinds })
    }

    /// The best of what is offered.
    fn choose(&self, offered: &[ContentKind]) -> Result<ContentKind, Failure> {
        let best = self.kinds.iter().find(|kind| offered.contains(kind));
        best.copied().ok_or_else(|| {
            let mut names: Vec<&str> = offered.iter().map(|kind| kind.name()).collect();
            names.dedup();
            let wanted = self.kinds.first().map_or("text", |kind| kind.name());
            let text = format!(
                "cannot copy {wanted}: what was copied is {}",
                names.join(", ")
            );
            let failure = Failure::new(Exit::NotFound, text);
            match offered.iter().find(|kind| kind.is_image()) {
                Some(kind) if wanted == "text" => {
                    let name = kind.name().to_lowercase();
                    failure.with_hint(format!("-o picture.{name} saves the picture"))
                }
                _ => failure,
            }
        })
    }

    fn put(&self, kind: ContentKind, content: &[u8]) -> Result<(), Failure> {
        if let Some(path) = &self.file {
            let name = path.display().to_string();
            return std::fs::write(path, content)
                .map_err(|error| Failure::file("write", &name, &error));
        }
        let mut out = io::stdout().lock();
        let written = match kind {
            ContentKind::Text if out.is_terminal() => out.write_all(harmless(content).as_bytes()),
            _ => out.write_all(content),
        };
        written
            .and_then(|()| out.flush())
            .map_err(|error| Failure::output(&error))
    }
}

/// The picture a file of this name holds.
fn picture_of(path: &Path) -> Option<ContentKind> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    Some(match extension.as_str() {
        "png" => ContentKind::Png,
        "jpg" | "jpeg" => ContentKind::Jpeg,
        "bmp" => ContentKind::Bmp,
        "tif" | "tiff" => ContentKind::Tiff,
        _ => return None,
    })
}

/// Text as a terminal may have it: of what it would act on, only the ends of lines and tabs are left.
fn harmless(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    let line = |line: &str| {
        let cells: Vec<String> = line.split('\t').map(printable).collect();
        cells.join("\t") + "\n"
    };
    text.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_to_a_terminal_has_lines_and_tabs_and_nothing_else_it_would_act_on() {
        assert_eq!(
            harmless(b"a\tb\n\x1b]0;title\x07c\r\nd"),
            "a\tb\n ]0;title c\nd\n"
        );
    }
}
