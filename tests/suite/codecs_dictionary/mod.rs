//! GLZ with its window, and the zlib, LZ4 and JPEG covers, against streams of independent encoders.

mod content;
mod glz;
mod glz_encode;
mod glz_malformed;
mod glz_window;
mod jpeg;
mod lz4;
#[path = "../../hostile/mutate.rs"]
mod mutate;
mod tokens;
mod vectors;
mod zlib;

use std::path::Path;

use vectors::{assert_glz_sequence_decodes, assert_jpeg_decodes, assert_lz4_decodes, vectors_in};

#[test]
fn every_vector_of_a_named_folder_decodes() {
    let Some(folder) = std::env::var_os("CAPSAICIN_VECTORS") else {
        eprintln!("skipped: CAPSAICIN_VECTORS names no folder of vectors");
        return;
    };
    let vectors = vectors_in(Path::new(&folder), "manifest.json");

    let mut sequences: Vec<_> = vectors
        .iter()
        .filter_map(|v| v.entry["sequence"].as_str())
        .collect();
    sequences.sort();
    sequences.dedup();
    for sequence in &sequences {
        assert_glz_sequence_decodes(&vectors, sequence);
    }
    for vector in &vectors {
        match vector.text("codec") {
            "lz4" => assert_lz4_decodes(vector),
            "jpeg" | "jpeg_alpha" => assert_jpeg_decodes(vector),
            _ => {}
        }
    }
    eprintln!(
        "{} vectors, {} GLZ sequences",
        vectors.len(),
        sequences.len()
    );
}
