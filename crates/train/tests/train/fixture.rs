//! A checkpoint of format 1, as it was written when that format was new, keeps loading.

use std::path::{Path, PathBuf};

use tachograph_train::{BEST, Predictor, RunConfig, train};
use tch::Device;

use crate::data::{DEVICE, config, graph, proportional};

/// What the fixture predicts for [`graph`], milliseconds.
const EXPECTED_MS: f64 = 0.354_317_9;

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/format1.safetensors")
}

#[test]
fn a_checkpoint_of_format_1_predicts_what_it_predicted() {
    let predictor = Predictor::load(&path(), Device::Cpu).unwrap();
    assert_eq!(predictor.document().format, 1);
    assert_eq!(predictor.device(Some(DEVICE)).unwrap(), 0);
    let prediction = predictor.predict(&graph(), 0).unwrap();
    let error = (prediction.latency_ms / EXPECTED_MS - 1.0).abs();
    assert!(error < 1e-5, "{} ms, expected {EXPECTED_MS}", prediction.latency_ms);
}

/// Made the fixture. A new one is made only for a new format, under a new name.
#[test]
#[ignore = "writes the fixture"]
fn write() {
    let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    proportional(data.path());
    std::env::set_current_dir(data.path()).unwrap();
    let config = RunConfig { epochs: 12, ..config(Path::new(".")) };
    train(&config, dir.path(), |_| ()).unwrap();
    let predictor = Predictor::load(&dir.path().join(BEST), Device::Cpu).unwrap();
    println!("{:?}", predictor.predict(&graph(), 0).unwrap());
    std::fs::copy(dir.path().join(BEST), path()).unwrap();
}
