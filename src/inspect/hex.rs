//! Bytes in rows of sixteen.

/// Bytes of a row.
const ROW: usize = 16;

/// A row of a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRow<'a> {
    /// Offset of its first byte.
    pub at: usize,
    /// The bytes, sixteen but in the last row.
    pub bytes: &'a [u8],
}

impl ByteRow<'_> {
    /// The bytes as characters, with dots for all that is not printable ASCII.
    pub fn text(&self) -> String {
        let shown = |byte: &u8| match byte {
            b' '..=b'~' => char::from(*byte),
            _ => '.',
        };
        self.bytes.iter().map(shown).collect()
    }
}

/// All rows of a body.
pub fn byte_rows(body: &[u8]) -> impl ExactSizeIterator<Item = ByteRow<'_>> {
    body.chunks(ROW).enumerate().map(|(row, bytes)| ByteRow {
        at: row * ROW,
        bytes,
    })
}
