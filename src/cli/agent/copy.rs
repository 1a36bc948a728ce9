//! `capsaicin copy`: what was copied in the guest.
//!
//! Agents tell what is copied while somebody is connected. What was copied before is theirs all the same, unless another
//! viewer was there then and left: so the guest is asked for it, on the chance that it has it.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::timeout;

use super::super::args::{Common, CopyArgs};
use super::super::logging;
use super::super::report::{Exit, Failure, say};
use super::{Guest, agent};
use crate::tui::printable;
use agent::{ContentKind, Event, FetchError, Order, Selection, State};

/// How long an agent that has nothing may take to offer something after all.
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
        say(format_args!(
            "waiting until something is copied in {} (Ctrl+C ends)",
            guest.name()
        ));
    }
    let mut source = Source {
        guest: &mut guest,
        selection,
        offered: None,
    };
    let copied = match args.wait {
        Some(patience) => source.next_copy(&place, patience, args.timeout).await,
        None => source.last_copy(&place, args.timeout).await,
    };
    guest.leave().await;
    let (kind, content) = copied?;
    place.put(kind, &content)
}

/// One selection of a guest.
struct Source<'g> {
    guest: &'g mut Guest,
    selection: Selection,
    /// What it offers that was not looked at.
    offered: Option<Vec<ContentKind>>,
}

/// Something that was copied in the guest.
type Copied = (ContentKind, Bytes);

impl Source<'_> {
    /// What was copied last, before anybody was there to be told.
    async fn last_copy(&mut self, place: &Place, patience: Duration) -> Result<Copied, Failure> {
        for kind in &place.kinds {
            match self.fetch(*kind, patience).await? {
                Ok(content) => return Ok((*kind, content)),
                Err(FetchError::Empty) => {}
                Err(FetchError::Timeout) => return Err(nothing_before()),
                // It has said meanwhile what it has.
                Err(FetchError::NotOffered | FetchError::Withdrawn) => break,
                Err(why) => return Err(failure(why)),
            }
        }
        match timeout(OFFER, self.offer()).await {
            Ok(offered) => self.take(&offered?, place, patience).await,
            Err(_) => Err(nothing_before()),
        }
    }

    /// What is copied next.
    async fn next_copy(
        &mut self,
        place: &Place,
        wait: Duration,
        patience: Duration,
    ) -> Result<Copied, Failure> {
        match timeout(wait, self.offer()).await {
            Ok(offered) => self.take(&offered?, place, patience).await,
            Err(_) => Err(nothing_within(wait)),
        }
    }

    /// What the guest offers, once it does.
    async fn offer(&mut self) -> Result<Vec<ContentKind>, Failure> {
        loop {
            if let Some(kinds) = self.offered.take() {
                return Ok(kinds);
            }
            self.next().await?;
        }
    }

    /// The best of what is offered.
    async fn take(
        &mut self,
        offered: &[ContentKind],
        place: &Place,
        patience: Duration,
    ) -> Result<Copied, Failure> {
        let kind = place.choose(offered)?;
        let content = self.fetch(kind, patience).await?;
        content.map(|content| (kind, content)).map_err(failure)
    }

    async fn fetch(
        &mut self,
        kind: ContentKind,
        patience: Duration,
    ) -> Result<Result<Bytes, FetchError>, Failure> {
        let selection = self.selection;
        self.guest.order(Order::Fetch { selection, kind }).await?;
        let fetched = async {
            loop {
                if let Event::Content { content, .. } = self.next().await? {
                    return Ok(content);
                }
            }
        };
        let late = Ok(Err(FetchError::Timeout));
        timeout(patience, fetched).await.unwrap_or(late)
    }

    async fn next(&mut self) -> Result<Event, Failure> {
        let event = self.guest.next_of_agent().await?;
        if let Event::Offered {
            selection, kinds, ..
        } = &event
            && *selection == self.selection
        {
            self.offered = Some(kinds.clone());
        }
        Ok(event)
    }
}

fn failure(why: FetchError) -> Failure {
    let exit = match why {
        FetchError::Timeout => Exit::Timeout,
        FetchError::Empty | FetchError::NotOffered | FetchError::Withdrawn => Exit::NotFound,
        _ => Exit::Unexpected,
    };
    Failure::new(exit, format!("cannot copy: {why}"))
}

fn nothing_within(waited: Duration) -> Failure {
    let seconds = waited.as_secs_f32();
    let text = format!("cannot copy: nothing was copied in the guest within {seconds} s");
    Failure::new(Exit::NotFound, text)
}

fn nothing_before() -> Failure {
    let text = "cannot copy: the guest has nothing for it";
    Failure::new(Exit::NotFound, text).with_hint(
        "what is copied while another viewer is connected agents forget when that leaves: copy it again, or let --wait wait for it",
    )
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
