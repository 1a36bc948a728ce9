//! Alt and digits of the keypad: how Windows takes characters that no key makes.

/// What Windows' code page 1252 has from 0x80 on; a space where it has nothing.
const FROM_80: &str = "€ ‚ƒ„…†‡ˆ‰Š‹Œ Ž  ‘’“”•–—˜™š›œ žŸ";

/// Make codes of the keypad's digits.
const DIGITS: [u32; 10] = [0x52, 0x4f, 0x50, 0x51, 0x4b, 0x4c, 0x4d, 0x47, 0x48, 0x49];

/// The keys of the keypad to press while Alt is held, in a guest with Windows (code page 1252) whose Num Lock is on.
/// `None` for what that code page lacks.
pub fn alt_code(c: char) -> Option<[u32; 4]> {
    let number = match c {
        ' '..='~' | '\u{a0}'..='\u{ff}' => c as usize,
        _ => 0x80 + FROM_80.chars().position(|known| known == c)?,
    };
    let digit = |place: usize| DIGITS[number / place % 10];
    Some([DIGITS[0], digit(100), digit(10), digit(1)])
}

/// The keys for digits as a person wrote them; `None` for anything else.
pub(super) fn typed_code(digits: &str) -> Option<Vec<u32>> {
    let digit = |c: char| Some(DIGITS[c.to_digit(10)? as usize]);
    digits.chars().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_have_their_numbers_in_code_page_1252() {
        // 0176, 0128 and 0159 of the keypad.
        assert_eq!(alt_code('°'), Some([0x52, 0x4f, 0x47, 0x4d]));
        assert_eq!(alt_code('€'), Some([0x52, 0x4f, 0x50, 0x48]));
        assert_eq!(alt_code('Ÿ'), Some([0x52, 0x4f, 0x4c, 0x49]));
        assert_eq!(alt_code('я'), None);
        assert_eq!(alt_code('\n'), None);
    }
}
