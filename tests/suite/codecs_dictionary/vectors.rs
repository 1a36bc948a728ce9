//! Streams of independent encoders and the pictures they decode to, as manifests list them.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use capsaicin::codec::glz::{self, Window};
use capsaicin::codec::{Limits, jpeg, lz4, zlib};
use serde_json::Value;

/// One entry of a manifest: a stream, and the picture it decodes to.
pub struct Vector {
    pub entry: Value,
    pub enc: Vec<u8>,
    pub raw: Vec<u8>,
}

impl Vector {
    pub fn text(&self, key: &str) -> &str {
        self.entry[key].as_str().unwrap()
    }

    pub fn number(&self, key: &str) -> u64 {
        self.entry[key].as_u64().unwrap()
    }

    pub fn name(&self) -> &str {
        self.text("name")
    }

    pub fn size(&self) -> (u32, u32) {
        (self.number("width") as u32, self.number("height") as u32)
    }

    pub fn limits(&self) -> Limits {
        let (width, height) = self.size();
        Limits::announced(width, height)
    }
}

pub fn fixture_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/codecs")
}

pub fn fixtures(codec: &str) -> Vec<Vector> {
    vectors_in(&fixture_folder(), &format!("{codec}/manifest.json"))
}

pub fn vectors_in(folder: &Path, manifest: &str) -> Vec<Vector> {
    let manifest: Value =
        serde_json::from_slice(&std::fs::read(folder.join(manifest)).unwrap()).unwrap();
    let entries = manifest["vectors"].as_array().unwrap();
    let ours = |entry: &&Value| {
        ["glz", "zlib_glz", "lz4", "jpeg", "jpeg_alpha"].contains(&entry["codec"].as_str().unwrap())
    };
    let load = |entry: &Value| Vector {
        enc: std::fs::read(folder.join(entry["enc"].as_str().unwrap())).unwrap(),
        raw: read_raw(&folder.join(entry["raw"].as_str().unwrap())),
        entry: entry.clone(),
    };
    entries.iter().filter(ours).map(load).collect()
}

pub fn read_raw(path: &Path) -> Vec<u8> {
    let bytes = std::fs::read(path).unwrap();
    if path.extension().is_some_and(|extension| extension == "z") {
        let mut raw = Vec::new();
        flate2::read::ZlibDecoder::new(&bytes[..])
            .read_to_end(&mut raw)
            .unwrap();
        return raw;
    }
    bytes
}

pub fn of_sequence<'a>(vectors: &'a [Vector], name: &'a str) -> impl Iterator<Item = &'a Vector> {
    vectors
        .iter()
        .filter(move |vector| vector.entry["sequence"] == name)
}

/// The GLZ stream of a vector, unwrapped if it was deflated.
pub fn glz_stream(vector: &Vector) -> Vec<u8> {
    if vector.text("codec") == "glz" {
        return vector.enc.clone();
    }
    let size = vector.number("glz_data_size");
    let (width, height) = vector.size();
    assert!(size <= zlib::glz_bound(u64::from(width * height)));
    let mut data = Vec::new();
    zlib::inflate_exact(&vector.enc, size as usize, &mut data).unwrap();
    data
}

pub fn assert_glz_sequence_decodes(vectors: &[Vector], sequence: &str) {
    let mut window: Option<Window> = None;
    for vector in of_sequence(vectors, sequence) {
        let window = window.get_or_insert_with(|| Window::new(vector.number("window_pixels")));
        let mut out = Vec::new();
        let header = glz::decode(&glz_stream(vector), &vector.limits(), window, &mut out)
            .unwrap_or_else(|error| panic!("{}: {error}", vector.name()));

        assert_exact(vector, &out);
        assert_eq!(header.id, vector.number("id"));
        assert_eq!(
            u64::from(header.head_distance),
            vector.number("win_head_dist")
        );
        assert_eq!(header.top_down, vector.entry["top_down"] == true);
        assert!(window.pixels() <= vector.number("window_pixels"));
    }
    assert!(window.is_some(), "no such sequence: {sequence}");
}

pub fn assert_lz4_decodes(vector: &Vector) {
    let (width, height) = vector.size();
    let mut out = Vec::new();
    let header = lz4::decode(&vector.enc, width, height, &vector.limits(), &mut out)
        .unwrap_or_else(|error| panic!("{}: {error}", vector.name()));

    assert_exact(vector, &out);
    assert_eq!(u64::from(header.format), vector.number("spice_format"));
    assert_eq!(header.top_down, vector.entry["top_down"] == true);
}

pub fn assert_jpeg_decodes(vector: &Vector) {
    let jpeg_size = vector.entry["jpeg_size"].as_u64().map(|size| size as usize);
    let data = &vector.enc[..jpeg_size.unwrap_or(vector.enc.len())];
    let mut out = Vec::new();
    jpeg::decode(data, &vector.limits(), &mut out)
        .unwrap_or_else(|error| panic!("{}: {error}", vector.name()));

    assert_eq!(out.len(), vector.raw.len(), "{}", vector.name());
    assert!(out.as_chunks::<4>().0.iter().all(|pixel| pixel[3] == 0));
    let pixels = out
        .as_chunks::<4>()
        .0
        .iter()
        .zip(vector.raw.as_chunks::<4>().0);
    let differences = pixels.flat_map(|(a, b)| {
        [
            a[0].abs_diff(b[0]),
            a[1].abs_diff(b[1]),
            a[2].abs_diff(b[2]),
        ]
    });
    let (mut worst, mut sum, mut count) = (0, 0u64, 0u64);
    for difference in differences {
        worst = worst.max(difference);
        sum += u64::from(difference);
        count += 1;
    }
    let mean = sum as f64 / count as f64;
    let tolerance = &vector.entry["tolerance"];
    assert!(
        u64::from(worst) <= tolerance["max_abs"].as_u64().unwrap()
            && mean <= tolerance["mean_abs"].as_f64().unwrap(),
        "{}: off by {worst} at most, {mean:.3} on average",
        vector.name()
    );
}

#[track_caller]
pub fn assert_exact(vector: &Vector, out: &[u8]) {
    assert_eq!(out.len(), vector.raw.len(), "{}: length", vector.name());
    if let Some(at) = out.iter().zip(&vector.raw).position(|(a, b)| a != b) {
        let row_len = out.len() / vector.size().1 as usize;
        panic!(
            "{}: first difference in row {} at byte {}: {:02x}, not {:02x}",
            vector.name(),
            at / row_len,
            at % row_len,
            out[at],
            vector.raw[at]
        );
    }
}
