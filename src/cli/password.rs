//! Where passwords and users come from: the target, a file, the environment, and the person at the terminal.

use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::path::Path;

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
        let line = std::fs::File::open(file).and_then(first_line);
        (file.display().to_string(), line)
    };
    let line = line.map_err(|error| Failure::file("read the password from", &name, &error))?;
    checked(line)
}

/// No password is longer than this; what is longer is no password file.
const LONGEST_LINE: u64 = 4096;

/// The first line of a file. What follows it is read too, and wiped.
fn first_line(file: std::fs::File) -> io::Result<String> {
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
/// # Errors
///
/// When the terminal is gone, or the user interrupts.
pub async fn confirm(question: String) -> Result<bool, Failure> {
    let answer = tokio::task::spawn_blocking(move || {
        eprint!("{question}");
        io::stderr().flush()?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        Ok::<_, io::Error>(line)
    });
    match answer.await {
        Ok(Ok(line)) => Ok(matches!(line.trim().to_lowercase().as_str(), "y" | "yes")),
        _ => Err(Failure::interrupted()),
    }
}

/// Whether there is a person to ask.
pub fn can_ask() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks the person at the terminal who they are.
///
/// # Errors
///
/// When the person gives up, or there is none.
pub fn ask_user(target: &str) -> Result<String, Failure> {
    let mut line = String::new();
    let asked = write!(io::stderr(), "user for {}: ", printable(target));
    let read = asked.and_then(|()| io::stdin().lock().take(LONGEST_LINE).read_line(&mut line));
    match read {
        Ok(0) => Err(Failure::interrupted()),
        Ok(_) => Ok(line.trim().to_owned()),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(Failure::interrupted()),
        Err(error) => Err(Failure::file("read the user from", "the terminal", &error)),
    }
}

/// Asks the person at the terminal, without showing what is typed.
///
/// # Errors
///
/// When the person gives up, or there is none.
pub fn ask(target: &str) -> Result<Secret, Failure> {
    match rpassword::prompt_password(format!("password for {}: ", printable(target))) {
        Ok(text) => checked(text),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(Failure::interrupted()),
        Err(error) => Err(Failure::file(
            "read the password from",
            "the terminal",
            &error,
        )),
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
