//! Checkpoints of earlier formats, as they were written when those were new, keep loading.

use std::path::{Path, PathBuf};

use tachograph_train::{BEST, FORMAT, RunConfig, TorchPredictor, train};
use tch::Device;

use crate::data::{DEVICE, config, graph, proportional};

/// What the fixture predicts for [`graph`], milliseconds.
const EXPECTED_MS: f64 = 0.354_317_9;

fn path(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/format{format}.safetensors"))
}

#[test]
fn checkpoints_of_earlier_formats_predict_what_they_predicted() {
    for format in [1, 2] {
        let predictor = TorchPredictor::load(&path(format), Device::Cpu).unwrap();
        assert_eq!(predictor.manifest().format, format);
        assert_eq!(predictor.device(Some(DEVICE)).unwrap(), 0);
        let prediction = predictor.predict(&graph(), 0).unwrap();
        let error = (prediction.latency_ms / EXPECTED_MS - 1.0).abs();
        assert!(error < 1e-5, "format {format}: {} ms, expected {EXPECTED_MS}", prediction.latency_ms);
    }
}

/// Made the fixtures. A new one is made only for a new format.
#[test]
#[ignore = "writes the fixture"]
fn write() {
    let (data, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    proportional(data.path());
    std::env::set_current_dir(data.path()).unwrap();
    let config = RunConfig { epochs: 12, ..config(Path::new(".")) };
    train(&config, dir.path(), |_| ()).unwrap();
    let predictor = TorchPredictor::load(&dir.path().join(BEST), Device::Cpu).unwrap();
    println!("{:?}", predictor.predict(&graph(), 0).unwrap());
    std::fs::copy(dir.path().join(BEST), path(FORMAT)).unwrap();
}
