//! Compressing, with states that are kept.

use flate2::{Compress, Compression, FlushCompress, Status};

/// How much work compressing may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// As little as is worth anything.
    Fast,
    /// As much as saves anything.
    Best,
}

/// The level of [`Effort::Fast`].
const QUICK: u32 = 4;

/// One state by effort.
pub(super) struct Deflate {
    fast: Compress,
    best: Compress,
}

impl Default for Deflate {
    fn default() -> Self {
        Self {
            // Levels 1 and 2 save time only, at twice the bytes of a desktop.
            fast: Compress::new(Compression::new(QUICK), true),
            best: Compress::new(Compression::best(), true),
        }
    }
}

impl Deflate {
    /// Appends `bytes` as one zlib stream.
    pub(super) fn zlib(&mut self, bytes: &[u8], effort: Effort, out: &mut Vec<u8>) {
        let state = match effort {
            Effort::Fast => &mut self.fast,
            Effort::Best => &mut self.best,
        };
        state.reset();
        loop {
            let rest = bytes.get(state.total_in() as usize..).unwrap_or_default();
            out.reserve(rest.len() / 8 + 256);
            match state.compress_vec(rest, out, FlushCompress::Finish) {
                Ok(Status::StreamEnd) => return,
                Ok(_) => {}
                Err(error) => unreachable!("compressing has no errors: {error}"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn streams_after_each_other_stand_alone() {
        let mut deflate = Deflate::default();
        let noise: Vec<u8> = (0u32..200_000)
            .map(|n| (n.wrapping_mul(n) >> 7) as u8)
            .collect();
        for effort in [Effort::Fast, Effort::Best, Effort::Fast] {
            for bytes in [&noise[..], b"", b"ten little bytes"] {
                let mut out = Vec::new();
                deflate.zlib(bytes, effort, &mut out);
                let mut back = Vec::new();
                flate2::read::ZlibDecoder::new(&out[..])
                    .read_to_end(&mut back)
                    .unwrap();
                assert_eq!(back, bytes);
            }
        }
    }
}
