//! Where passwords and users come from: the target, a file, the environment, and the person at the terminal.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

use super::report::{Exit, Failure};
use crate::link::{LinkError, Password};
use crate::tui::printable;

/// How often a person is asked.
pub const TRIES: usize = 3;

/// A password as it was given: wiped when dropped, never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// A password that a server can be asked with.
    ///
    /// # Errors
    ///
    /// When it is too long, or has a NUL in it.
    pub fn new(text: String) -> Result<Self, LinkError> {
        let secret = Self(Zeroizing::new(text));
        Password::new(&secret.0).map(|_| secret)
    }

    /// For the link.
    pub fn password(&self) -> Password {
        // `new` has seen that it can be one.
        Password::new(&self.0).unwrap_or_default()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Looks for a password in the target, in `file` (`-` is standard input), and in `CAPSAICIN_PASSWORD_FILE` and
/// `CAPSAICIN_PASSWORD`, in this order. Nothing is read beyond the first place that has one.
///
/// # Errors
///
/// When a file cannot be read, or a password cannot be one.
pub fn find(
    in_target: Option<&Secret>,
    file: Option<&Path>,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<Secret>, Failure> {
    if let Some(secret) = in_target {
        return Ok(Some(secret.clone()));
    }
    let named = variable("CAPSAICIN_PASSWORD_FILE");
    if let Some(file) = file.or(named.as_deref().map(Path::new)) {
        return from_file(file).map(Some);
    }
    match variable("CAPSAICIN_PASSWORD") {
        None => Ok(None),
        Some(text) => {
            let text = text
                .into_string()
                .map_err(|_| unusable("CAPSAICIN_PASSWORD is not UTF-8"))?;
            checked(text).map(Some)
        }
    }
}

/// The first line of a file, or of standard input for `-`.
///
/// # Errors
///
/// When it cannot be read, or its first line cannot be a password.
pub fn from_file(file: &Path) -> Result<Secret, Failure> {
    let (name, line) = if file == Path::new("-") {
        (
            "standard input".to_owned(),
            line_of_input(io::stdin().lock()),
        )
    } else {
        let line = File::open(file).and_then(first_line);
        (file.display().to_string(), line)
    };
    let line = line.map_err(|error| Failure::file("read the password from", &name, &error))?;
    checked(line)
}

/// No password is longer than this; what is longer is no password file.
const LONGEST_LINE: u64 = 4096;

/// The first line of a file. What follows it is read too, and wiped.
fn first_line(file: File) -> io::Result<String> {
    let bytes = read_wiped(&mut file.take(LONGEST_LINE))?;
    line_of_input(&bytes[..])
}

/// The next line, without its end. What follows is left to others: only standard input keeps a copy of it.
fn line_of_input(from: impl BufRead) -> io::Result<String> {
    // One that never grows, so that no copy of it is left behind.
    let mut line = String::with_capacity(LONGEST_LINE as usize);
    from.take(LONGEST_LINE).read_line(&mut line)?;
    let end = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(end);
    Ok(line)
}

/// All that there is, in memory that is wiped, and was when it had to grow.
///
/// # Errors
///
/// What the system says.
pub fn read_wiped(from: &mut impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut all = Zeroizing::new(Vec::with_capacity(LONGEST_LINE as usize));
    let mut piece = Zeroizing::new([0; LONGEST_LINE as usize]);
    loop {
        let read = match from.read(&mut piece[..]) {
            Ok(0) => return Ok(all),
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if all.capacity() - all.len() < read {
            let mut larger = Zeroizing::new(Vec::with_capacity(2 * all.capacity()));
            larger.extend_from_slice(&all);
            all = larger;
        }
        all.extend_from_slice(&piece[..read]);
    }
}

/// Asks the person at the terminal a question that only yes answers; everything in it is printable.
///
/// Cancel safe: the terminal is as before, and what is typed from then on is left to others.
///
/// # Errors
///
/// When the terminal is gone, or the user interrupts.
pub async fn confirm(question: String) -> Result<bool, Failure> {
    match asked(question, Shown::AsTyped, Keys::line).await {
        Ok(line) => Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes")),
        Err(_) => Err(Failure::interrupted()),
    }
}

/// Whether there is a person to ask.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks the person at the terminal who they are.
///
/// Cancel safe: as [`confirm`].
///
/// # Errors
///
/// When the person gives up, or there is none.
pub async fn ask_user(target: &str) -> Result<String, Failure> {
    let prompt = format!("user for {}: ", printable(target));
    match asked(prompt, Shown::AsTyped, Keys::line).await {
        Ok(line) if line.is_empty() => Err(Failure::interrupted()),
        Ok(line) => Ok(line.trim().to_owned()),
        Err(error) => Err(unread("user", &error)),
    }
}

/// Asks the person at the terminal, without showing what is typed.
///
/// Cancel safe: as [`confirm`].
///
/// # Errors
///
/// When the person gives up, or there is none.
pub async fn ask(target: &str) -> Result<Secret, Failure> {
    let prompt = format!("password for {}: ", printable(target));
    match asked(prompt, Shown::Never, Keys::password).await {
        Ok(text) => checked(text),
        Err(error) => Err(unread("password", &error)),
    }
}

fn unread(what: &str, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::Interrupted => Failure::interrupted(),
        _ => Failure::file(&format!("read the {what} from"), "the terminal", error),
    }
}

/// What a person sees of what they type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    AsTyped,
    Never,
}

/// Prompts, and lets a thread wait for the answer, which ends with this future.
async fn asked(
    prompt: String,
    shown: Shown,
    answer: impl FnOnce(Keys) -> io::Result<String> + Send + 'static,
) -> io::Result<String> {
    // Before the prompt: whoever has seen it can rely on Ctrl+C, and on not being read over the shoulder.
    let _unseen = match shown {
        Shown::AsTyped => None,
        Shown::Never => Some(Unseen::start()?),
    };
    let (_stop, stopped) = UnixStream::pair()?;
    let keys = Keys {
        terminal: terminal()?,
        stopped,
    };
    let mut out = io::stderr();
    out.write_all(prompt.as_bytes())?;
    out.flush()?;
    let answer = tokio::task::spawn_blocking(move || answer(keys));
    answer.await?
}

fn terminal() -> io::Result<File> {
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}

/// The terminal while it shows nothing of what is typed, and every key, Ctrl+C among them, is for the program. Dropping it gives
/// the terminal back as it was.
///
/// It belongs to the future that asks, and not to the thread that reads: a program that ends drops its futures, and leaves its
/// threads where they are.
struct Unseen {
    terminal: File,
    before: Termios,
}

impl Unseen {
    fn start() -> io::Result<Self> {
        let terminal = terminal()?;
        let before = tcgetattr(&terminal)?;
        let mut unseen = before.clone();
        let shown = LocalModes::ECHO | LocalModes::ECHONL;
        unseen.local_modes -= shown | LocalModes::ICANON | LocalModes::ISIG;
        unseen.special_codes[SpecialCodeIndex::VMIN] = 1;
        unseen.special_codes[SpecialCodeIndex::VTIME] = 0;
        tcsetattr(&terminal, OptionalActions::Now, &unseen)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Unseen {
    fn drop(&mut self) {
        // The end of the line was not shown either. Nothing helps where the terminal is gone.
        let _ = io::stderr().write_all(b"\n");
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

/// What is typed, byte by byte, so that what follows the answer is left to others. Interrupted by Ctrl+C where that is a key, and
/// when nobody waits for the answer.
struct Keys {
    terminal: File,
    /// Closed when the answer is no longer waited for.
    stopped: UnixStream,
}

impl Keys {
    /// A line with its end; empty at the end of the input.
    fn line(mut self) -> io::Result<String> {
        let (mut line, mut key) = (Vec::new(), [0]);
        while line.len() < LONGEST_LINE as usize && self.read(&mut key)? > 0 {
            line.extend(key);
            if key == *b"\n" {
                break;
            }
        }
        Ok(String::from_utf8_lossy(&line).into_owned())
    }

    /// A line in which keys mend what was typed.
    fn password(self) -> io::Result<String> {
        let keys = rpassword::ConfigBuilder::new().input_reader(self);
        rpassword::read_password_with_config(keys.output_discard().build())
    }
}

impl Read for Keys {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        const CTRL_C: u8 = 3;
        let mut waiting = [
            PollFd::new(&self.terminal, PollFlags::IN),
            PollFd::new(&self.stopped, PollFlags::IN),
        ];
        while let Err(error) = poll(&mut waiting, None) {
            if error != Errno::INTR {
                return Err(error.into());
            }
        }
        if !waiting[1].revents().is_empty() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let length = self.terminal.read(bytes)?;
        match bytes[..length].contains(&CTRL_C) {
            true => Err(io::ErrorKind::Interrupted.into()),
            false => Ok(length),
        }
    }
}

/// A password that was typed somewhere.
///
/// # Errors
///
/// When it is none.
pub fn checked(text: String) -> Result<Secret, Failure> {
    Secret::new(text).map_err(|error| unusable(&error.to_string()))
}

fn unusable(why: &str) -> Failure {
    Failure::new(Exit::Usage, format!("cannot use the password: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Option<Secret> {
        Some(Secret::new(text.to_owned()).unwrap())
    }

    /// Both variables set: the file to one that holds `from file` and more, the password to `from variable`.
    fn environment(folder: &Path) -> impl Fn(&str) -> Option<OsString> {
        let file = folder.join("named");
        std::fs::write(&file, "from named file\r\nsecond line\n").unwrap();
        move |name| match name {
            "CAPSAICIN_PASSWORD_FILE" => Some(file.clone().into()),
            "CAPSAICIN_PASSWORD" => Some("from variable".into()),
            _ => None,
        }
    }

    #[test]
    fn the_target_comes_before_the_option_before_the_environment() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("given");
        std::fs::write(&file, "from given file").unwrap();
        let target = secret("from target");
        let named = environment(folder.path());
        let only_password = |name: &str| named(name).filter(|_| name == "CAPSAICIN_PASSWORD");

        let found = |target: Option<&Secret>, file| find(target, file, &named).unwrap();
        assert_eq!(found(target.as_ref(), Some(&file)), target);
        assert_eq!(found(None, Some(&file)), secret("from given file"));
        assert_eq!(found(None, None), secret("from named file"));
        assert_eq!(
            find(None, None, only_password).unwrap(),
            secret("from variable")
        );
        assert_eq!(find(None, None, |_: &str| None).unwrap(), None);
    }

    #[test]
    fn a_file_that_is_not_there_is_a_file_error_that_names_it() {
        let failure = from_file(Path::new("/nowhere/at-all")).unwrap_err();
        assert_eq!(failure.exit, Exit::File);
        assert_eq!(
            failure.text,
            "cannot read the password from /nowhere/at-all: no such file or directory"
        );
    }

    #[test]
    fn a_password_that_is_too_long_is_not_repeated() {
        let failure = checked("x".repeat(61)).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(!failure.text.contains("xx"), "{}", failure.text);
    }
}
