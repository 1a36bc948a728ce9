//! Bytes as text, for the protocols that carry pictures and names (RFC 4648, section 4).

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// By twelve bits: the two characters for them.
static PAIRS: [[u8; 2]; 4096] = {
    let mut pairs = [[0; 2]; 4096];
    let mut bits = 0;
    while bits < pairs.len() {
        pairs[bits] = [ALPHABET[bits >> 6], ALPHABET[bits & 63]];
        bits += 1;
    }
    pairs
};

/// Appends bytes in base64, padded.
pub(super) fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    let (whole, rest) = bytes.as_chunks::<3>();
    let start = out.len();
    out.resize(start + whole.len() * 4, 0);
    for (four, &[a, b, c]) in out[start..].chunks_exact_mut(4).zip(whole) {
        let bits = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
        four[..2].copy_from_slice(&PAIRS[bits >> 12]);
        four[2..].copy_from_slice(&PAIRS[bits & 0xfff]);
    }
    match *rest {
        [a] => {
            out.extend_from_slice(&PAIRS[usize::from(a) << 4]);
            out.extend_from_slice(b"==");
        }
        [a, b] => {
            let bits = usize::from(a) << 10 | usize::from(b) << 2;
            out.extend_from_slice(&PAIRS[bits >> 6]);
            out.extend_from_slice(&[ALPHABET[bits & 63], b'=']);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(text: &str) -> String {
        let mut out = Vec::new();
        base64(text.as_bytes(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn base64_is_that_of_rfc_4648() {
        let vectors = [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ];
        for (plain, coded) in vectors {
            assert_eq!(encoded(plain), coded);
        }
    }
}
