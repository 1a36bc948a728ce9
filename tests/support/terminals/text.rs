//! A terminal that shows text: vt100's, for output that arrives cut anywhere.

/// The terminal, and what is left of its last piece.
pub struct TextTerminal {
    parser: vt100::Parser,
    /// The beginning of a character.
    rest: Vec<u8>,
}

impl TextTerminal {
    pub fn new(rows: u16, columns: u16) -> Self {
        Self {
            parser: vt100::Parser::new(rows, columns, 0),
            rest: Vec::new(),
        }
    }

    /// Shows a piece of what is written to it, a last character that is cut in two with the next.
    ///
    /// vte 0.15 below vt100 loses the control characters behind a character that is cut when the beginning of another one
    /// follows within its four bytes.
    pub fn process(&mut self, piece: &[u8]) {
        self.rest.extend_from_slice(piece);
        let whole = self.rest.len() - cut(&self.rest);
        self.parser.process(&self.rest[..whole]);
        self.rest.drain(..whole);
    }

    pub fn screen(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    pub fn screen_mut(&mut self) -> &mut vt100::Screen {
        self.parser.screen_mut()
    }
}

/// Bytes of a character at the end that is not whole.
fn cut(bytes: &[u8]) -> usize {
    let last = bytes.utf8_chunks().last();
    let rest = last.map_or(&[][..], |chunk| chunk.invalid());
    match str::from_utf8(rest) {
        Err(error) if error.error_len().is_none() => rest.len(),
        _ => 0,
    }
}
