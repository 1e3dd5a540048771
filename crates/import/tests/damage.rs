//! Damaged files: always an error with file and place, never a panic.

use bytes::Bytes;
use proptest::prelude::*;
use tachograph_import::{Error, onnx};

/// The smallest bundled model, decompressed.
fn small() -> Vec<u8> {
    use std::io::Read;
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../datasets/models/squeezenet1_1.onnx.gz");
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

fn read(bytes: Vec<u8>) -> tachograph_import::Result<tachograph_import::Imported> {
    onnx::read(Bytes::from(bytes), "file")
}

/// Reading, and binding what could be read, must not panic.
fn survive(bytes: Vec<u8>) {
    if let Ok(model) = read(bytes) {
        let config = model.graph.hyperparameters().keys().map(|name| (name.clone(), 2)).collect();
        let _ = model.graph.bind(&config).and_then(|bound| bound.cost());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flipped_bytes(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8)) {
        let mut bytes = small();
        for (place, value) in flips {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        survive(bytes);
    }

    #[test]
    fn truncated(length in any::<prop::sample::Index>()) {
        let mut bytes = small();
        bytes.truncate(length.index(bytes.len()));
        survive(bytes);
    }

    #[test]
    fn random(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        survive(bytes);
    }
}

#[test]
fn every_truncation_is_an_error_that_names_the_file() {
    let bytes = small();
    for length in (0..bytes.len()).step_by(97) {
        let error = read(bytes[..length].to_vec()).map(|_| length).unwrap_err();
        assert!(error.to_string().starts_with("file: "), "{error}");
    }
}

#[test]
fn other_kinds_of_files_are_named() {
    for bytes in [&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], b"", b"PK\x03\x04archive", b"# a text\n"] {
        let error = read(bytes.to_vec()).unwrap_err();
        assert!(matches!(error, Error::Kind { .. } | Error::Decode { .. }), "{error:?}");
    }
}

#[test]
fn billions_of_empty_messages_end_early() {
    // Field 7 (graph) holding empty nodes only: two bytes of file each.
    let nodes = [0x0a, 0].repeat(20_000_000);
    let mut bytes = vec![0x3a];
    prost::encoding::encode_varint(nodes.len() as u64, &mut bytes);
    bytes.extend(nodes);
    let error = read(bytes).unwrap_err();
    assert!(error.to_string().contains("more than 16777216 fields"), "{error}");
}
