//! The texts that mechanisms say, and base64 in memory that is wiped.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::Wiped;

/// Appends bytes in base64.
pub(super) fn push_base64(bytes: &[u8], out: &mut Wiped) {
    let start = out.len();
    let len = bytes.len().div_ceil(3) * 4;
    // In one step, as what was there before a vector grew is not wiped.
    reserve(out, len);
    out.resize(start + len, 0);
    // There is room for exactly this.
    let _ = BASE64.encode_slice(bytes, &mut out[start..]);
}

/// Bytes from base64; `None` when it is none.
pub(super) fn from_base64(text: &[u8]) -> Option<Wiped> {
    BASE64.decode(text).ok().map(Wiped::new)
}

/// Appends to memory that is wiped, as is what it had to leave.
pub(super) fn push(bytes: &[u8], out: &mut Wiped) {
    reserve(out, bytes.len());
    out.extend_from_slice(bytes);
}

fn reserve(out: &mut Wiped, more: usize) {
    if out.capacity() - out.len() < more {
        let mut larger = Wiped::new(Vec::with_capacity(2 * out.capacity() + more));
        larger.extend_from_slice(out);
        *out = larger;
    }
}

/// These bytes in lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> Wiped {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| DIGITS[usize::from(nibble)]);
    let mut out = Wiped::new(Vec::with_capacity(2 * bytes.len()));
    out.extend(digits);
    out
}

/// Whether two texts are the same. The time does not depend on where they differ.
pub(super) fn same(a: &[u8], b: &[u8]) -> bool {
    let differing = a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b));
    a.len() == b.len() && std::hint::black_box(differing) == 0
}
