//! Coded video for tests.

use std::path::PathBuf;

/// What the messages of a fixture clip carry; see `tests/fixtures/video/PROVENANCE.md`.
pub fn clip(name: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/video");
    let bytes = std::fs::read(folder.join(format!("{name}.msgs"))).expect("a fixture");
    let mut rest = bytes.as_slice();
    let mut messages = Vec::new();
    while let Some((len, after)) = rest.split_first_chunk() {
        let (message, after) = after.split_at(u32::from_le_bytes(*len) as usize);
        messages.push(message.to_vec());
        rest = after;
    }
    messages
}

/// A grey JPEG file of 8 × 8 pixels per block and `columns` blocks side by side, each block of one value. Written by hand
/// from ITU-T T.81: quantisation by 1, twelve DC codes of four bits, and one AC code, the bit 0, for the end of a block.
pub fn grey_jpeg(blocks: &[u8]) -> Vec<u8> {
    let mut file = vec![0xff, 0xd8, 0xff, 0xdb, 0, 67, 0];
    file.extend([1; 64]);
    file.extend([
        0xff,
        0xc0,
        0,
        11,
        8,
        0,
        8,
        0,
        blocks.len() as u8 * 8,
        1,
        1,
        0x11,
        0,
    ]);
    file.extend([
        0xff, 0xc4, 0, 31, 0x00, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
    file.extend(0..12);
    file.extend([
        0xff, 0xc4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);
    file.extend([0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0]);

    let mut bits = String::new();
    let mut last = 0;
    for block in blocks {
        // The mean of a block counts eight times.
        let mean = (i32::from(*block) - 128) * 8;
        let (difference, category) = (
            mean - last,
            32 - (mean - last).unsigned_abs().leading_zeros(),
        );
        last = mean;
        bits += &format!("{category:04b}");
        let value = match difference {
            negative @ ..0 => negative + (1 << category) - 1,
            positive => positive,
        };
        if category > 0 {
            bits += &format!("{value:0width$b}", width = category as usize);
        }
        bits.push('0');
    }
    while !bits.len().is_multiple_of(8) {
        bits.push('1');
    }
    for byte in bits.as_bytes().chunks(8) {
        let byte = byte.iter().fold(0, |sum, bit| sum << 1 | (bit - b'0'));
        file.push(byte);
        if byte == 0xff {
            file.push(0);
        }
    }
    file.extend([0xff, 0xd9]);
    file
}
