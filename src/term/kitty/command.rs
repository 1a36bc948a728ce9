//! Writing graphics commands: `ESC _ G keys ; payload ESC \`, the payload in base64 and in chunks.

use crate::term::base64::base64;
use crate::term::tmux;

/// Bytes of a chunk before base64, which makes four of three: 4096, the protocol's limit.
pub(super) const CHUNK: usize = 3072;

/// How commands get to the terminal that understands them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// It is the one we write to.
    #[default]
    Direct,
    /// It is around a tmux, which has to let them pass.
    Tmux,
}

impl Route {
    /// Appends a command with as many chunks as its payload needs.
    ///
    /// `more` are the keys of every chunk but the first, besides `m`. For edits they must name action, image and frame: kitty
    /// takes an edit whose second chunk does not say `a=f` for a new picture, and one without `r` for a new frame (0.26.5).
    pub(super) fn send(self, keys: &str, more: &str, payload: &[u8], out: &mut Vec<u8>) {
        let mut chunks = payload.chunks(CHUNK).peekable();
        let mut keys = keys;
        loop {
            let chunk = chunks.next().unwrap_or_default();
            let last = chunks.peek().is_none();
            let continued = match (last, std::ptr::eq(keys, more)) {
                (true, false) => "",
                (true, true) => ",m=0",
                (false, _) => ",m=1",
            };
            self.chunk(keys, continued, chunk, out);
            if last {
                break;
            }
            keys = more;
        }
    }

    fn chunk(self, keys: &str, continued: &str, chunk: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Direct => write_chunk(keys, continued, chunk, out),
            Self::Tmux => {
                let mut sequence = Vec::with_capacity(64 + chunk.len() / 3 * 4);
                write_chunk(keys, continued, chunk, &mut sequence);
                tmux::pass_through(&sequence, out);
            }
        }
    }
}

fn write_chunk(keys: &str, continued: &str, chunk: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"\x1b_G");
    out.extend_from_slice(keys.as_bytes());
    out.extend_from_slice(continued.as_bytes());
    if !chunk.is_empty() {
        out.push(b';');
        base64(chunk, out);
    }
    out.extend_from_slice(b"\x1b\\");
}

/// Appends the command that moves the cursor to a column and a row, both from 0.
pub(super) fn go(column: u16, row: u16, out: &mut Vec<u8>) {
    let to = format!("\x1b[{};{}H", u32::from(row) + 1, u32::from(column) + 1);
    out.extend_from_slice(to.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_payload_goes_in_chunks_of_4096_characters() {
        let mut out = Vec::new();
        Route::Direct.send("a=f,i=7", "a=f,i=7,r=1", &[0; CHUNK + 1], &mut out);
        let text = String::from_utf8(out).unwrap();
        let chunks: Vec<&str> = text.split_inclusive("\x1b\\").collect();
        assert_eq!(chunks.len(), 2);
        assert!(chunks[0].starts_with("\x1b_Ga=f,i=7,m=1;AAAA"));
        assert_eq!(chunks[0].len(), "\x1b_Ga=f,i=7,m=1;\x1b\\".len() + 4096);
        assert_eq!(chunks[1], "\x1b_Ga=f,i=7,r=1,m=0;AA==\x1b\\");
    }

    #[test]
    fn a_command_without_payload_is_its_keys() {
        let mut out = Vec::new();
        Route::Tmux.send("a=p,i=7", "", b"", &mut out);
        assert_eq!(out, b"\x1bPtmux;\x1b\x1b_Ga=p,i=7\x1b\x1b\\\x1b\\");
    }
}
