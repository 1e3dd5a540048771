//! Whole networks against ONNX Runtime.

use std::{collections::BTreeMap, path::Path, time::Instant};

use serde::Deserialize;
use tachograph_gnn::device;
use tachograph_profile::Executor;
use tch::{Device, Kind, Tensor};

use crate::case::Source;

/// A network and what ONNX Runtime makes of it.
#[derive(Deserialize)]
pub struct Expected {
    pub source: Source,
    /// Nodes of the graph: shows at once that the generator has changed.
    nodes: usize,
    outputs: Vec<Output>,
}

#[derive(Deserialize)]
struct Output {
    shape: Vec<i64>,
    mean: f64,
    /// Root of the sum of squares.
    norm: f64,
    /// Evenly spaced elements.
    samples: Vec<f64>,
    /// Largest difference between ONNX Runtime with and without its optimisations, relative to `norm`/√n.
    rounding: f64,
}

/// Largest difference of an element, relative to the root mean square of its tensor. Where the golden values were made
/// (AVX-512) it is below 1e-5; processors with AVX2 alone add up in another order.
pub const CPU: f64 = 3e-5;
/// Convolutions of GPUs round their operands to 10 bits (TF32): mixnet_s is 3.1e-2 off on an H100, ViTs 3e-6.
const GPU: f64 = 5e-2;

#[test]
fn networks_on_the_cpu() {
    compare(Device::Cpu, CPU, here);
}

mod with_data {
    use super::*;

    #[test]
    #[ignore = "needs TACHOGRAPH_MODELS (model files)"]
    fn light_networks_on_the_cpu() {
        compare(Device::Cpu, CPU, |source| !here(source));
    }
}

mod on_a_gpu {
    use super::*;

    #[test]
    #[ignore = "needs a GPU"]
    fn networks() {
        compare(device("cuda:0").unwrap(), GPU, here);
    }
}

/// Whether a network needs nothing but this repository.
pub fn here(source: &Source) -> bool {
    !matches!(source, Source::Light(_))
}

fn compare(device: Device, tolerance: f64, chosen: fn(&Source) -> bool) {
    tch::set_num_threads(1);
    each(chosen, |case| check(case, device, tolerance).map(|worst| format!("at most {worst:.1e} off")));
}

/// The networks that are chosen.
pub fn expected(chosen: fn(&Source) -> bool) -> Vec<Expected> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/outputs.json");
    let cases: Vec<Expected> = serde_json::from_reader(std::fs::File::open(file).unwrap()).unwrap();
    cases.into_iter().filter(|case| chosen(&case.source)).collect()
}

/// Holds each network that is chosen to its outputs by `run`, which says how it went, or what is wrong.
pub fn each(chosen: fn(&Source) -> bool, run: impl Fn(&Expected) -> Result<String, String>) {
    let mut failures = BTreeMap::new();
    let cases = expected(chosen);
    assert!(!cases.is_empty());
    for case in cases {
        let name = case.source.name();
        let start = Instant::now();
        let result = run(&case);
        eprintln!("{name}: {result:?} in {:.2} s", start.elapsed().as_secs_f64());
        if let Err(message) = result {
            failures.insert(name, message);
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// The largest difference.
fn check(case: &Expected, device: Device, tolerance: f64) -> Result<f64, String> {
    let bound = case.source.load();
    if bound.graph().len() != case.nodes {
        return Err(format!("{} nodes, not {}: run golden/make_outputs.py again", bound.graph().len(), case.nodes));
    }
    let executor = Executor::new(&bound, device).map_err(|e| e.to_string())?;
    let outputs = executor.run().map_err(|e| e.to_string())?;
    case.check(&outputs, tolerance)
}

impl Expected {
    /// The largest difference of outputs from ONNX Runtime's.
    pub fn check(&self, outputs: &[Tensor], tolerance: f64) -> Result<f64, String> {
        let mut worst = 0.0;
        for (expected, output) in self.outputs.iter().zip(outputs) {
            if output.size() != expected.shape {
                return Err(format!("shape {:?} instead of {:?}", output.size(), expected.shape));
            }
            let difference = expected.difference(output);
            if difference.is_nan() || difference > tolerance.max(10.0 * expected.rounding) {
                return Err(format!("differs by {difference:.1e} of its root mean square"));
            }
            worst = difference.max(worst);
        }
        Ok(worst)
    }
}

impl Output {
    fn difference(&self, output: &Tensor) -> f64 {
        let flat = output.to_device(Device::Cpu).to_kind(Kind::Double).reshape([-1]);
        let values: Vec<f64> = (&flat).try_into().unwrap();
        let n = values.len();
        let scale = self.norm / (n as f64).sqrt();
        let norm = values.iter().map(|v| v * v).sum::<f64>().sqrt();
        let mean = values.iter().sum::<f64>() / n as f64;
        let count = self.samples.len();
        let samples = self.samples.iter().enumerate().map(|(i, s)| (values[i * n / count] - s).abs() / scale);
        samples.chain([(norm / self.norm - 1.0).abs(), (mean - self.mean).abs() / scale]).fold(0.0, f64::max)
    }
}
