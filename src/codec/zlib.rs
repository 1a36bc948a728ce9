//! zlib streams (RFC 1950): the wrapping of deflated GLZ images.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::Error;
use super::glz;

/// Most bytes the GLZ stream of a sane encoder has for an image of `pixels`: what to allow as announced size.
pub fn glz_bound(pixels: u64) -> u64 {
    let streams = pixels.saturating_mul(4);
    let counts = pixels.div_ceil(32).saturating_mul(2);
    (glz::HEADER_LEN as u64)
        .saturating_add(streams)
        .saturating_add(counts)
}

/// Inflates one zlib stream that holds `size` bytes, and appends them to `out`.
///
/// Allocates `size` bytes at once: check it first, for GLZ against [`glz_bound`]. Bytes after the stream are ignored. Makes
/// an [`Inflater`] for this one stream; keep one where many are inflated.
///
/// # Errors
///
/// [`Error::Truncated`] if the stream ends early, [`Error::Corrupt`] if it is damaged, [`Error::BadHeader`] if it holds
/// more or fewer bytes than announced. `out` is then as it was.
pub fn inflate_exact(data: &[u8], size: usize, out: &mut Vec<u8>) -> Result<(), Error> {
    Inflater::default().inflate_exact(data, size, out)
}

/// Inflates streams one after the other, with memory that is allocated once: 50 KB.
#[derive(Debug, Default)]
pub struct Inflater {
    state: Option<Decompress>,
}

impl Inflater {
    /// Does what [`inflate_exact`] does.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn inflate_exact(
        &mut self,
        data: &[u8],
        size: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let inflate = match &mut self.state {
            Some(state) => {
                state.reset(true);
                state
            }
            none => none.insert(Decompress::new(true)),
        };
        inflate_with(inflate, data, size, out)
    }
}

fn inflate_with(
    inflate: &mut Decompress,
    data: &[u8],
    size: usize,
    out: &mut Vec<u8>,
) -> Result<(), Error> {
    // No byte of a deflate stream yields more than 1032.
    if size / 1032 > data.len() {
        return Err(Error::Truncated);
    }
    let start = out.len();
    out.resize(start + size, 0);
    let status = inflate.decompress(data, &mut out[start..], FlushDecompress::Finish);
    let result = match status {
        Ok(Status::StreamEnd) if inflate.total_out() == size as u64 => return Ok(()),
        Ok(Status::StreamEnd) => Err(Error::BadHeader("fewer bytes than announced")),
        Ok(_) if inflate.total_in() < data.len() as u64 => {
            Err(Error::BadHeader("more bytes than announced"))
        }
        Ok(_) => Err(Error::Truncated),
        Err(_) => Err(Error::Corrupt {
            at: inflate.total_in() as usize,
            what: "damaged zlib stream",
        }),
    };
    out.truncate(start);
    result
}

/// Deflates `data` into one zlib stream and appends it to `out`; `level` is 0 (fast) … 9 (small).
pub fn deflate(data: &[u8], level: u32, out: &mut Vec<u8>) {
    let mut deflate = Compress::new(Compression::new(level.min(9)), true);
    loop {
        let rest = &data[deflate.total_in() as usize..];
        out.reserve(rest.len() / 2 + 256);
        match deflate.compress_vec(rest, out, FlushCompress::Finish) {
            Ok(Status::StreamEnd) => return,
            // More room is needed.
            Ok(_) => {}
            Err(error) => unreachable!("deflate fails only when misused: {error}"),
        }
    }
}
