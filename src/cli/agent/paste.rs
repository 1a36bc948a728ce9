//! `capsaicin paste`: something for the guest's clipboard, held there until the guest has fetched it.

use std::io::{self, IsTerminal, Read};
use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use super::super::args::{Common, PasteArgs};
use super::super::logging;
use super::super::report::{Exit, Failure, say};
use super::{Guest, agent};
use agent::{CLIPBOARD_LIMIT, ContentKind, Event, Order, Selection, State};

/// How long a guest that has fetched it may want it once more: some programs ask twice.
const AGAIN: Duration = Duration::from_millis(300);

/// Offers something in the guest's clipboard until it was fetched.
///
/// # Errors
///
/// When there is nothing to offer, no agent that takes it, or nobody who pastes it in time.
pub async fn run(args: &PasteArgs, common: &Common) -> Result<(), Failure> {
    let _logging = logging::to_stderr(common.logging())?;
    let content = content(args.text.clone()).await?;
    let kind = kind(&content)?;
    let until = Instant::now() + args.timeout;
    let mut guest = Guest::meet(&args.target, args.timeout, "paste", State::clipboard).await?;
    let selection = if args.primary {
        Selection::Primary
    } else {
        Selection::Clipboard
    };
    let kinds = vec![kind];
    guest.order(Order::Offer { selection, kinds }).await?;
    say(format_args!(
        "{} bytes of {} are offered to {}; waiting until something there pastes them (Ctrl+C ends)",
        content.len(),
        kind.name(),
        guest.name()
    ));
    let offer = Offer {
        selection,
        kind,
        content,
    };
    match timeout_at(until, offer.stand(&mut guest)).await {
        Ok(stood) => stood?,
        Err(_) => {
            let seconds = args.timeout.as_secs_f32();
            guest.leave().await;
            let text =
                format!("cannot paste: nothing in the guest has asked for it within {seconds} s");
            return Err(Failure::new(Exit::Timeout, text)
                .with_hint("paste it in the guest meanwhile; --timeout allows more time"));
        }
    }
    guest.leave().await;
    Ok(())
}

/// What the guest is offered.
struct Offer {
    selection: Selection,
    kind: ContentKind,
    content: Bytes,
}

impl Offer {
    /// Hands it over to whoever asks, until it was fetched.
    async fn stand(&self, guest: &mut Guest) -> Result<(), Failure> {
        let mut enough = None;
        loop {
            let event = match enough {
                None => guest.next_of_agent().await,
                Some(at) => match timeout_at(at, guest.next_of_agent()).await {
                    Ok(event) => event,
                    Err(_) => return Ok(()),
                },
            };
            match event {
                Ok(Event::Requested { selection, kind }) => {
                    enough = None;
                    let known = selection == self.selection && kind == self.kind;
                    let content = known.then(|| self.content.clone());
                    guest
                        .order(Order::Answer {
                            selection,
                            kind,
                            content,
                        })
                        .await?;
                }
                Ok(Event::Answered { bytes: 1.., .. }) => enough = Some(Instant::now() + AGAIN),
                Ok(Event::Offered { selection, .. })
                    if selection == self.selection && enough.is_none() =>
                {
                    let text = "cannot paste: something else was copied in the guest before this was pasted";
                    return Err(Failure::new(Exit::Unexpected, text));
                }
                Ok(_) => {}
                // What was fetched stays so, whatever happens behind it.
                Err(_) if enough.is_some() => return Ok(()),
                Err(failure) => return Err(failure),
            }
        }
    }
}

/// The text of the command line, or standard input to its end.
async fn content(text: Option<String>) -> Result<Bytes, Failure> {
    let content = match text {
        Some(text) => Bytes::from(text),
        None => {
            if io::stdin().is_terminal() {
                say(format_args!(
                    "type what is to be pasted; Ctrl+D in a line of its own ends it"
                ));
            }
            let read = tokio::task::spawn_blocking(standard_input).await;
            let read = read.map_err(|_| Failure::interrupted())?;
            read.map_err(|error| Failure::file("read", "standard input", &error))?
        }
    };
    if content.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "cannot paste nothing: TEXT and standard input are empty",
        ));
    }
    if content.len() > CLIPBOARD_LIMIT as usize {
        let text = format!("cannot paste more than {} MiB", CLIPBOARD_LIMIT >> 20);
        return Err(
            Failure::new(Exit::Usage, text).with_hint("'capsaicin send' takes files of any size")
        );
    }
    Ok(content)
}

/// Standard input, and no more than shows that it is too much.
fn standard_input() -> io::Result<Bytes> {
    let mut content = Vec::new();
    let most = u64::from(CLIPBOARD_LIMIT) + 1;
    io::stdin().lock().take(most).read_to_end(&mut content)?;
    Ok(Bytes::from(content))
}

/// What it is, by its first bytes; what is no picture has to be text.
fn kind(content: &[u8]) -> Result<ContentKind, Failure> {
    let pictures: [(&[u8], ContentKind); 5] = [
        (b"\x89PNG\r\n\x1a\n", ContentKind::Png),
        (b"\xff\xd8\xff", ContentKind::Jpeg),
        (b"II*\0", ContentKind::Tiff),
        (b"MM\0*", ContentKind::Tiff),
        (b"BM", ContentKind::Bmp),
    ];
    let picture = pictures
        .iter()
        .find(|(magic, _)| content.starts_with(magic));
    match picture {
        // Text may begin with these two letters; a picture is hardly text.
        Some((b"BM", _)) if std::str::from_utf8(content).is_ok() => Ok(ContentKind::Text),
        Some((_, kind)) => Ok(*kind),
        None if std::str::from_utf8(content).is_ok() => Ok(ContentKind::Text),
        None => Err(Failure::new(
            Exit::Usage,
            "cannot paste this: it is neither UTF-8 text nor a PNG, JPEG, TIFF or BMP picture",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_known_by_their_first_bytes_and_all_else_is_text_or_nothing() {
        assert_eq!(kind(b"\x89PNG\r\n\x1a\nxyz"), Ok(ContentKind::Png));
        assert_eq!(kind(b"\xff\xd8\xff\xe0"), Ok(ContentKind::Jpeg));
        assert_eq!(kind(b"MM\0*\xff"), Ok(ContentKind::Tiff));
        assert_eq!(kind(b"BM\xff\xff"), Ok(ContentKind::Bmp));
        assert_eq!(kind(b"BMW"), Ok(ContentKind::Text));
        assert_eq!(kind("grün".as_bytes()), Ok(ContentKind::Text));
        assert_eq!(
            kind(b"gr\xfcn").map_err(|failure| failure.exit),
            Err(Exit::Usage)
        );
    }
}
