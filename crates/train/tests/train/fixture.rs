//! Checkpoints of earlier formats, as they were written when those were new, keep loading.

use std::path::{Path, PathBuf};

use tachograph_ir::Quantity;
use tachograph_predict::{FORMAT, Predictor, torch::TorchPredictor};
use tachograph_train::{BEST, RunConfig, train};
use tch::Device;

use crate::data::{DEVICE, config, graph, ms, proportional};

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
        assert_eq!(predictor.manifest().output(Some(DEVICE), Quantity::Latency).unwrap().index(), 0);
        // On libtorch and in plain Rust.
        let plain = Predictor::load(&path(format)).unwrap();
        let plain = plain.predict(&graph(), plain.find(DEVICE).unwrap()).unwrap();
        for found in [ms(&predictor, &graph(), 0), plain.value.value()] {
            let error = (found / EXPECTED_MS - 1.0).abs();
            assert!(error < 1e-5, "format {format}: {found} ms, expected {EXPECTED_MS}");
        }
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
    println!("{} ms", ms(&predictor, &graph(), 0));
    std::fs::copy(dir.path().join(BEST), path(FORMAT)).unwrap();
}
