//! Characters with accents: what they are made of.

mod table;

use table::ACCENTS;

/// Whether a character is the combining mark that stands for a dead key.
pub(super) fn is_mark(c: char) -> bool {
    ACCENTS.iter().any(|(mark, _)| *mark == c)
}

/// The dead keys and the characters after them that make `c` together.
pub(super) fn taken_apart(c: char) -> impl Iterator<Item = (char, char)> {
    let made = move |(mark, pairs): &'static (char, &str)| {
        let bases = pairs.chars().step_by(2);
        let results = pairs.chars().skip(1).step_by(2);
        let fitting = bases.zip(results).filter(move |(_, made)| *made == c);
        fitting.map(move |(base, _)| (*mark, base))
    };
    ACCENTS.iter().flat_map(made)
}

/// Text with marks joined to the letters they follow, as far as there is one character for both: some programs copy é as
/// e and a combining accent.
pub fn composed(text: &str) -> impl Iterator<Item = char> {
    let mut rest = text.chars().peekable();
    std::iter::from_fn(move || {
        let mut c = rest.next()?;
        while let Some(made) = rest.peek().and_then(|mark| joined(c, *mark)) {
            rest.next();
            c = made;
        }
        Some(c)
    })
}

fn joined(base: char, mark: char) -> Option<char> {
    let (_, pairs) = ACCENTS.iter().find(|(known, _)| *known == mark)?;
    let bases = pairs.chars().step_by(2);
    let mut made = bases.zip(pairs.chars().skip(1).step_by(2));
    let (_, made) = made.find(|(known, _)| *known == base && base.is_alphabetic())?;
    Some(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_and_its_accent_become_one() {
        assert_eq!(composed("e\u{301}a\u{308}u").collect::<String>(), "éäu");
        assert_eq!(
            composed("1\u{301}\u{301}").collect::<String>(),
            "1\u{301}\u{301}"
        );
        assert_eq!(composed("u\u{308}\u{30c}").collect::<String>(), "ǚ");
    }
}
