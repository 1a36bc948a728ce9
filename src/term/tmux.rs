//! Getting sequences through tmux to the terminal around it.
//!
//! tmux swallows what it does not know. Wrapped in a device control string named `tmux;`, with every escape in it doubled, it
//! hands a sequence on as it is: with `set -g allow-passthrough on` only, which since tmux 3.3 is off by default.

/// Escape.
const ESC: u8 = 0x1b;

/// Appends one whole sequence so that tmux passes it on.
pub fn pass_through(sequence: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"\x1bPtmux;");
    for part in sequence.split_inclusive(|byte| *byte == ESC) {
        out.extend_from_slice(part);
        if part.ends_with(&[ESC]) {
            out.push(ESC);
        }
    }
    out.extend_from_slice(b"\x1b\\");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_escape_within_is_doubled() {
        let mut out = Vec::new();
        pass_through(b"\x1b_Ga=q\x1b\\", &mut out);
        assert_eq!(out, b"\x1bPtmux;\x1b\x1b_Ga=q\x1b\x1b\\\x1b\\");
    }
}
