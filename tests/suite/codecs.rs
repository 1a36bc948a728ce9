//! Image codecs against pictures coded by the reference implementation.
//!
//! A folder of vectors holds files and one or more `manifest*.json` that describe them. The fixtures are one such
//! folder; when the environment variable `CAPSAICIN_VECTORS` names another, everything in that one is run too.

use std::path::{Path, PathBuf};

use serde_json::Value;

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
    /// The pixels; `None` when the folder leaves them out.
    pub raw: Option<Vec<u8>>,
    /// The same picture as bytes B, G, R, 0, rows in the same order.
    pub rgb32: Option<Vec<u8>>,
    /// All that the manifest says.
    pub entry: Value,
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
    let files = std::fs::read_dir(folder).expect("a folder of vectors");
    let mut manifests: Vec<PathBuf> = files.map(|file| file.expect("an entry").path()).collect();
    manifests.retain(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("manifest") && name.ends_with(".json")
    });
    manifests.sort();
    let mut found = Vec::new();
    for manifest in manifests {
        let text = std::fs::read(&manifest).expect("a manifest");
        let manifest: Value = serde_json::from_slice(&text).expect("a manifest in JSON");
        let entries = manifest["vectors"].as_array().expect("a list of vectors");
        let entries = entries.iter().filter(|entry| entry["codec"] == codec);
        found.extend(entries.map(|entry| Vector::read(folder, entry)));
    }
    found
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
            raw: file("raw"),
            rgb32: file("rgb32"),
            entry: entry.clone(),
        }
    }

    /// The pixels.
    pub fn raw(&self) -> &[u8] {
        self.raw
            .as_deref()
            .unwrap_or_else(|| panic!("{}: no pixels", self.name))
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

mod quic {
    use capsaicin::codec::Limits;
    use capsaicin::codec::quic::{Decoder, Encoder, Header, Kind};

    use super::{Vector, vectors};

    fn kind(vector: &Vector) -> Kind {
        match vector.kind.as_str() {
            "GRAY" => Kind::Gray,
            "RGB16" => Kind::Rgb16,
            "RGB24" => Kind::Rgb24,
            "RGB32" => Kind::Rgb32,
            "RGBA" => Kind::Rgba,
            other => panic!("{}: type {other}", vector.name),
        }
    }

    #[test]
    fn streams_of_the_reference_encoder_decode_exactly() {
        let mut decoder = Decoder::default();
        for vector in vectors("quic") {
            let limits = Limits::announced(vector.width, vector.height);
            let mut out = Vec::new();

            let header = decoder.decode(&vector.coded, &limits, &mut out);

            let expected = Header {
                kind: kind(&vector),
                width: vector.width,
                height: vector.height,
            };
            assert_eq!(header, Ok(expected), "{}", vector.name);
            vector.assert_same(&out, vector.raw());
        }
    }

    #[test]
    fn encoding_gives_the_bytes_of_the_reference_encoder() {
        let mut encoder = Encoder::default();
        for v in vectors("quic") {
            let mut out = Vec::new();
            let encoded = encoder.encode(
                kind(&v),
                v.width,
                v.height,
                v.stride as usize,
                v.raw(),
                &mut out,
            );
            assert_eq!(encoded, Ok(()), "{}", v.name);
            assert!(out == v.coded, "{}: the stream differs", v.name);
        }
    }
}
