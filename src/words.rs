//! Errors as people read them.

#[cfg(feature = "client")]
use std::error::Error;
use std::io;

/// An error and what caused it, as one line.
#[cfg(feature = "client")]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        match error.downcast_ref() {
            Some(error) => text.push_str(&system(error)),
            None => text.push_str(&error.to_string()),
        }
        cause = error.source();
    }
    text
}

/// What the system says, without its number, in lower case as a clause. Of a name that could not be looked up the standard
/// library says first that this is so.
pub fn system(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let text = text
        .strip_prefix("failed to lookup address information: ")
        .unwrap_or(text);
    let mut chars = text.chars();
    match (chars.next(), chars.as_str()) {
        (Some(first), rest) if !rest.starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(rest.chars()).collect()
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_is_quoted_without_its_numbers() {
        assert_eq!(
            system(&io::Error::from_raw_os_error(111)),
            "connection refused"
        );
        let unknown = "failed to lookup address information: Name or service not known";
        let said = system(&io::Error::other(unknown));
        assert_eq!(said, "name or service not known");
        assert_eq!(system(&io::Error::other("TLS broke")), "TLS broke");
    }
}
