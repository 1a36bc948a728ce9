//! The clipboard of the terminal's user: OSC 52 puts text into it.
//!
//! Terminals take from 8 KB to 100 KB and say nothing when they do not take it. tmux needs `set -g set-clipboard on`, or passthrough.

use super::base64::base64;
use super::tmux;

/// Most bytes of text: what the most generous terminals take, as it goes over in base64.
pub const MOST_TEXT: usize = 75_000;

/// The sequence that puts `text` into the clipboard; through tmux to the terminal around it, if `through_tmux`.
pub fn copy(text: &str, through_tmux: bool) -> Vec<u8> {
    let mut sequence = b"\x1b]52;c;".to_vec();
    base64(text.as_bytes(), &mut sequence);
    sequence.extend_from_slice(b"\x1b\\");
    if !through_tmux {
        return sequence;
    }
    let mut passed = Vec::with_capacity(sequence.len() + 16);
    tmux::pass_through(&sequence, &mut passed);
    passed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_to_the_clipboard_in_base64_whatever_it_holds() {
        assert_eq!(copy("foo", false), b"\x1b]52;c;Zm9v\x1b\\");
        let hostile = copy("\x1b\\\x1b]0;x\x07", false);
        let inside = &hostile[7..hostile.len() - 2];
        assert!(inside.iter().all(|byte| byte.is_ascii_graphic()));
    }

    #[test]
    fn tmux_hands_it_on() {
        assert_eq!(
            copy("foo", true),
            b"\x1bPtmux;\x1b\x1b]52;c;Zm9v\x1b\x1b\\\x1b\\"
        );
    }
}
