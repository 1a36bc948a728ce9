//! `capsaicin key` and `capsaicin type`: keys for a machine, without a picture.
//!
//! The command is done when the server says that it has taken everything in: a socket that is closed can lose what is on
//! its way. What the guest makes of it is another matter.

use std::io::{self, IsTerminal, Read, Write};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use super::args::{Common, KeyArgs, TargetArgs, TypeArgs};
use super::dial::{self, Dial, Dialled, Extras};
use super::report::{Exit, Failure, say};
use super::{layouts, logging};
use crate::channel::inputs::{self, InputEvent, Locks};
use crate::keyboard::{ALT, ALT_GR, Fingers, Layout, SHIFT};
use crate::session::{ClientEvent, CloseReason, Command};
use crate::tui::typist::{Missing, Text, Typist};

/// How long a server may take to open its inputs channel, and to take in the last key.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long it may take when the user has lost theirs.
const FAREWELL: Duration = Duration::from_secs(1);
/// From one chord to the next.
const BETWEEN: Duration = Duration::from_millis(25);
/// From the end of a text until modifiers go up once more: a busy guest has taken the last keys by then.
const AGAIN: Duration = Duration::from_millis(100);
/// Bytes of text that are read from standard input.
const MOST_TEXT: u64 = 16 << 20;
/// From one report of progress to the next.
const REPORT: Duration = Duration::from_millis(200);

/// Presses chords.
///
/// # Errors
///
/// When a chord has a character that no single key makes, or there is no connection, or it ends.
pub async fn press(args: &KeyArgs, common: &Common) -> Result<(), Failure> {
    let _logging = logging::to_stderr(common.logging())?;
    let target = dial::target(&args.target)?.to_string();
    let layout = layouts::wanted(&args.keyboard, &target);
    let fingers: Vec<Fingers> = args
        .chords
        .iter()
        .map(|chord| chord.on(layout).map_err(|c| no_single_key(c, layout)))
        .collect::<Result<_, _>>()?;
    let started = Instant::now();
    let typist = Typist::new(layout, false);
    let guest = Guest::connect(&args.target, args.timeout, typist).await?;
    layouts::keep(&target, layout);
    let pressed = async |guest: &mut Guest| {
        for fingers in &fingers {
            guest.typist.chord(fingers, guest.now());
            guest.play(|_| {}).await?;
            guest.wait_until(guest.now() + BETWEEN).await?;
        }
        Ok(())
    };
    guest.until_interrupted(pressed).await?;
    if args.json {
        let facts = json!({ "pressed": fingers.len(), "layout": layout.name });
        print_facts(facts, started)?;
    }
    Ok(())
}

fn no_single_key(c: char, layout: &Layout) -> Failure {
    let text = format!("cannot press '{c}': no single key makes it on layout {layout}");
    Failure::new(Exit::Usage, text)
        .with_hint("'capsaicin type' presses several keys for a character")
}

/// Types text.
///
/// # Errors
///
/// When the text has characters that the layout lacks, or there is no connection, or it ends.
pub async fn type_text(args: &TypeArgs, common: &Common) -> Result<(), Failure> {
    let _logging = logging::to_stderr(common.logging())?;
    let target = dial::target(&args.target)?.to_string();
    let layout = layouts::wanted(&args.keyboard, &target);
    let mut text = text_of(&args.text)?;
    if args.enter {
        text.push('\n');
    }
    let text = Text::new(&text, layout, args.alt_codes, usize::MAX);
    if text.missing.count > 0 && !args.skip_unknown {
        return Err(missing(&text.missing, layout));
    }
    let started = Instant::now();
    let typist = Typist::new(layout, args.alt_codes);
    let guest = Guest::connect(&args.target, args.timeout, typist).await?;
    layouts::keep(&target, layout);
    let pace = Duration::from_secs(1) / args.rate;
    let mut progress = Progress::new();
    let typed = async |guest: &mut Guest| {
        let locks = guest.typist.locks;
        guest.typist.type_text(&text, pace, guest.now());
        guest.play(|done| progress.show(done)).await?;
        guest.settle_keys(locks).await
    };
    let result = guest.until_interrupted(typed).await;
    progress.clear();
    result?;
    if text.missing.count > 0 {
        let count = text.missing.count;
        say(format_args!(
            "{count} left out, no key on layout {layout}: {}",
            text.missing
        ));
    }
    if args.json {
        let facts = json!({
            "typed": text.len(),
            "left_out": text.missing.count,
            "layout": layout.name,
        });
        print_facts(facts, started)?;
    }
    Ok(())
}

/// The text of a command line, or of standard input.
fn text_of(argument: &str) -> Result<String, Failure> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut text = String::new();
    let mut input = io::stdin().lock().take(MOST_TEXT + 1);
    input
        .read_to_string(&mut text)
        .map_err(|error| Failure::file("read", "standard input", &error))?;
    if text.len() as u64 > MOST_TEXT {
        let text = format!("cannot type more than {} MiB at once", MOST_TEXT >> 20);
        return Err(Failure::new(Exit::Usage, text));
    }
    Ok(text)
}

fn missing(missing: &Missing, layout: &Layout) -> Failure {
    let count = missing.count;
    let text = format!(
        "nothing was typed: layout {layout} has no key for {count} of the characters: {missing}"
    );
    Failure::new(Exit::Usage, text).with_hint(
        "--layout chooses the guest's layout, --skip-unknown leaves them out, \
         --alt-codes types them by number (Windows)",
    )
}

fn print_facts(mut facts: Value, started: Instant) -> Result<(), Failure> {
    let ms = started.elapsed().as_millis() as u64;
    facts["seconds"] = json!(ms as f64 / 1e3);
    writeln!(io::stdout(), "{facts}").map_err(|error| Failure::output(&error))
}

/// A line on the terminal that tells how far a long text is.
struct Progress {
    is_terminal: bool,
    next: Instant,
    shown: bool,
}

impl Progress {
    fn new() -> Self {
        Self {
            is_terminal: io::stderr().is_terminal(),
            // Nobody needs to hear of what is over at once.
            next: Instant::now() + 3 * REPORT,
            shown: false,
        }
    }

    fn show(&mut self, (done, total): (usize, usize)) {
        if self.is_terminal && Instant::now() >= self.next {
            eprint!("\r\x1b[Ktyping {done} of {total} characters, Ctrl+C stops");
            self.next = Instant::now() + REPORT;
            self.shown = true;
        }
    }

    fn clear(&mut self) {
        if self.shown {
            eprint!("\r\x1b[K");
        }
    }
}

/// A machine whose keyboard this is.
struct Guest {
    dialled: Dialled,
    typist: Typist,
    started: Instant,
    /// Whether the server has taken in what it was asked about.
    taken: bool,
}

impl Guest {
    /// Connects, and waits for the inputs channel: its first message tells of Caps Lock.
    async fn connect(
        target: &TargetArgs,
        connect_timeout: Duration,
        typist: Typist,
    ) -> Result<Self, Failure> {
        let dial = Dial {
            pixels: false,
            view_only: false,
            timeout: connect_timeout,
            extras: Extras {
                undrawn: true,
                ..Extras::default()
            },
        };
        let interruption = super::interruption()?;
        let connecting = async {
            let mut guest = Self {
                dialled: dial.connect(target).await?,
                typist,
                started: Instant::now(),
                taken: false,
            };
            match timeout(PATIENCE, guest.lights()).await {
                Ok(found) => found.map(|()| guest),
                Err(_) => {
                    let text = format!(
                        "{} takes no keys: it has no inputs channel",
                        guest.dialled.name
                    );
                    Err(Failure::new(Exit::Timeout, text))
                }
            }
        };
        tokio::select! {
            guest = connecting => guest,
            failure = interruption => Err(failure),
        }
    }

    async fn lights(&mut self) -> Result<(), Failure> {
        loop {
            if let Some(locks) = self.next_event().await? {
                self.typist.locks = locks;
                return Ok(());
            }
        }
    }

    fn now(&self) -> Duration {
        self.started.elapsed()
    }

    /// Does something with the keyboard, and waits until the server has taken it in. An interruption lets go of all keys.
    async fn until_interrupted(
        mut self,
        work: impl AsyncFnOnce(&mut Self) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let interruption = super::interruption()?;
        let done = async {
            work(&mut self).await?;
            self.settle(PATIENCE).await
        };
        let result = tokio::select! {
            result = done => result,
            failure = interruption => Err(failure),
        };
        if let Err(Failure {
            exit: Exit::Interrupted,
            ..
        }) = &result
        {
            self.send(InputEvent::ReleaseAll).await?;
            // The server lets go of them anyway once we are gone.
            let _ = self.settle(FAREWELL).await;
        }
        let _ = self.dialled.client.sender().send(Command::Disconnect).await;
        result
    }

    /// Sends what the typist has, as it comes due.
    async fn play(&mut self, mut progress: impl FnMut((usize, usize))) -> Result<(), Failure> {
        loop {
            while let Some(event) = self.typist.next_due(self.now()) {
                self.send(event).await?;
            }
            if let Some(done) = self.typist.progress() {
                progress(done);
            }
            let Some(deadline) = self.typist.deadline() else {
                return Ok(());
            };
            self.wait_until(deadline).await?;
        }
    }

    /// Modifiers go up once more, and a Caps Lock that was on is on: of keys that come faster than a guest takes them some
    /// are lost, and these would spoil what is typed next.
    async fn settle_keys(&mut self, locks: Locks) -> Result<(), Failure> {
        self.wait_until(self.now() + AGAIN).await?;
        for code in [SHIFT, ALT_GR, ALT] {
            self.send(InputEvent::KeyUp(code)).await?;
        }
        if locks.contains(Locks::CAPS) {
            self.send(InputEvent::Locks(locks)).await?;
        }
        Ok(())
    }

    /// Waits until the server has taken everything in.
    async fn settle(&mut self, patience: Duration) -> Result<(), Failure> {
        self.taken = false;
        self.send(InputEvent::Fence).await?;
        let taken = async {
            while !self.taken {
                self.next_event().await?;
            }
            Ok(())
        };
        timeout(patience, taken).await.unwrap_or_else(|_| {
            let name = &self.dialled.name;
            let seconds = patience.as_secs();
            let text =
                format!("{name} did not say within {seconds} s that it has taken the keys in");
            Err(Failure::new(Exit::Timeout, text))
        })
    }

    async fn send(&mut self, event: InputEvent) -> Result<(), Failure> {
        if self.dialled.client.send_input(event).await.is_ok() {
            return Ok(());
        }
        // The session is over; why, is among the events.
        loop {
            self.next_event().await?;
        }
    }

    async fn wait_until(&mut self, at: Duration) -> Result<(), Failure> {
        let at = self.started + at;
        loop {
            tokio::select! {
                event = self.next_event() => if let Some(locks) = event? {
                    self.typist.locks = locks;
                },
                () = tokio::time::sleep_until(at) => return Ok(()),
            }
        }
    }

    /// The next event; the guest's lights if it is about them. Cancel safe: the client keeps events.
    async fn next_event(&mut self) -> Result<Option<Locks>, Failure> {
        match self.dialled.client.next_event().await {
            Some(ClientEvent::Inputs(inputs::Event::Locks(locks))) => Ok(Some(locks)),
            Some(ClientEvent::Inputs(inputs::Event::Taken)) => {
                self.taken = true;
                Ok(None)
            }
            Some(ClientEvent::Closed(reason)) => Err(reason.into()),
            Some(_) => Ok(None),
            None => Err(CloseReason::Broken("the session ended without a word".into()).into()),
        }
    }
}
