//! Image codecs against pictures coded by the reference implementation.
//!
//! A folder of vectors holds files and a `manifest.json` that describes them. The fixtures are one such folder; when the
//! environment variable `CAPSAICIN_VECTORS` names another, everything in that one is run too.

use std::path::{Path, PathBuf};

use capsaicin::codec::Error;
use serde_json::Value;

use crate::support::pictures::Random;

mod lz;
mod lz_plain;
mod lz_tokens;
mod palette;
mod pixels;
mod quic;

/// One picture, coded and not.
pub struct Vector {
    /// What a failure says.
    pub name: String,
    /// The pixel format, as the manifest calls it.
    pub kind: String,
    pub width: u32,
    pub height: u32,
    /// Bytes of a row of `raw`.
    pub stride: u32,
    /// Whether the first row is the top one.
    pub top_down: bool,
    /// Colours `0x00RRGGBB`; empty where there is no palette.
    pub palette: Vec<u32>,
    /// The stream.
    pub coded: Vec<u8>,
    /// The pixels.
    pub raw: Vec<u8>,
    /// The same picture as bytes B, G, R, 0, rows in the same order.
    pub rgb32: Option<Vec<u8>>,
}

/// The vectors of a codec: those of the fixtures, then those that the environment adds.
pub fn vectors(codec: &str) -> Vec<Vector> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codecs");
    let added = std::env::var_os("CAPSAICIN_VECTORS").map(PathBuf::from);
    let folders = [Some(fixtures), added].into_iter().flatten();
    let found: Vec<Vector> = folders
        .flat_map(|folder| in_folder(&folder, codec))
        .collect();
    assert!(!found.is_empty(), "no vectors for {codec}");
    found
}

fn in_folder(folder: &Path, codec: &str) -> Vec<Vector> {
    let manifest = std::fs::read(folder.join("manifest.json")).expect("a manifest");
    let manifest: Value = serde_json::from_slice(&manifest).expect("a manifest in JSON");
    let entries = manifest["vectors"].as_array().expect("a list of vectors");
    let entries = entries.iter().filter(|entry| entry["codec"] == codec);
    entries.map(|entry| Vector::read(folder, entry)).collect()
}

impl Vector {
    fn read(folder: &Path, entry: &Value) -> Self {
        let text = |key: &str| entry[key].as_str().expect(key).to_owned();
        let number = |key: &str| entry[key].as_u64().expect(key) as u32;
        let file = |key: &str| {
            let path = folder.join(entry[key].as_str()?);
            Some(std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())))
        };
        let colours = entry["palette"].as_array().into_iter().flatten();
        Self {
            name: format!("{}/{}", text("codec"), text("name")),
            kind: text("type"),
            width: number("width"),
            height: number("height"),
            stride: number("stride"),
            top_down: entry["top_down"].as_bool().expect("top_down"),
            palette: colours
                .map(|c| c.as_u64().expect("a colour") as u32)
                .collect(),
            coded: file("enc").expect("a stream"),
            raw: file("raw").expect("pixels"),
            rgb32: file("rgb32"),
        }
    }

    /// Fails with the first pixel of `found` that differs from `expected`.
    pub fn assert_same(&self, found: &[u8], expected: &[u8]) {
        assert_eq!(
            found.len(),
            expected.len(),
            "{}: number of bytes",
            self.name
        );
        let different = found.iter().zip(expected).position(|(a, b)| a != b);
        if let Some(at) = different {
            let row_bytes = expected.len() / self.height as usize;
            panic!(
                "{}: first difference in row {}, byte {}: {:#04x} instead of {:#04x}",
                self.name,
                at / row_bytes,
                at % row_bytes,
                found[at],
                expected[at],
            );
        }
    }
}

/// Decodes damaged copies of a stream: every prefix, and copies in which some bits are flipped.
///
/// `decode` appends to a `Vec` and says how many bytes a picture has. It has to yield a whole picture or to fail and
/// leave the `Vec` as it was, and may not ask for more than `most` bytes of memory in any case.
pub fn assert_survives_damage(
    name: &str,
    stream: &[u8],
    most: usize,
    mut decode: impl FnMut(&[u8], &mut Vec<u8>) -> Result<usize, Error>,
) {
    let mut check = |damaged: &[u8], what: &dyn Fn() -> String| {
        let mut out = vec![0xee; 3];
        let expected = decode(damaged, &mut out).unwrap_or(0);
        assert_eq!(out.len(), 3 + expected, "{name}, {}", what());
        assert!(
            out.capacity() <= most,
            "{name}, {}: {} bytes",
            what(),
            out.capacity()
        );
    };
    for end in 0..stream.len() {
        check(&stream[..end], &|| format!("the first {end} bytes"));
    }
    for seed in 0..300 {
        let mut random = Random(seed);
        let mut damaged = stream.to_vec();
        for _ in 0..1 + random.below(4) {
            let bit = random.below(8 * damaged.len());
            damaged[bit / 8] ^= 1 << (bit % 8);
        }
        check(&damaged, &|| format!("bits flipped with seed {seed}"));
    }
}
