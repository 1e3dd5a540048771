//! A data set small enough for tests, with invented latencies.

use std::path::Path;

use tachograph_datasets::{DataSet, NetworkId, Record, Run, Writer};
use tachograph_ir::{Assignment, BoundGraph, Builder, DType, Domain};
use tachograph_models::{ModelConfig, OperatorSumConfig};
use tachograph_networks::{Family, sample};
use tachograph_predict::{Predictor, torch::TorchPredictor};
use tachograph_train::RunConfig;
use tch::Device;

pub const DEVICE: &str = "invented-cpu";

pub fn record(network: NetworkId, median_ms: f64) -> Record {
    Record {
        network,
        config: Assignment::from([("batch".into(), 1)]),
        device: DEVICE.into(),
        hardware: "none".into(),
        governor: "none".into(),
        dtype: DType::F32,
        threads: 1,
        median_ms: Some(median_ms),
        iqr_ms: Some(0.0),
        min_ms: Some(median_ms),
        repeats: 1,
        peak_bytes: None,
        energy_j: None,
        date: "2026-01-02T03:04:05Z".into(),
        library: "none".into(),
        protocol: 1,
        estimate: None,
    }
}

/// 24 networks of two families; `latency` turns GFLOPs into milliseconds.
pub fn write(dir: &Path, latency: impl Fn(f64) -> f64) {
    let run = Run { device: DEVICE.into(), protocol: "invented".into(), seed: 1 };
    let mut writer = Writer::resume(dir, run).unwrap();
    for family in [Family::SqueezeNet, Family::Vgg] {
        for index in 0..12 {
            let graph = sample(family, 1, index).unwrap().graph;
            let record = record(NetworkId::generated(family.to_string(), 1, index), 1.0);
            let flops = graph.bind(&record.config).unwrap().cost().unwrap().flops;
            let ms = latency(flops as f64 / 1e9);
            assert!(writer.append(&graph, &Record { median_ms: Some(ms), min_ms: Some(ms), ..record }).unwrap());
        }
    }
    writer.finish().unwrap();
    assert_eq!(DataSet::open(dir).unwrap().records().len(), 24);
}

/// Latencies proportional to operations: 50 GFLOP/s.
pub fn proportional(dir: &Path) {
    write(dir, |gflops| 20.0 * gflops);
}

pub fn config(data: &Path) -> RunConfig {
    let toml =
        format!("data = {:?}\ndevice = {DEVICE:?}\nrate = 0.01\nepochs = 4\nbatch = 4", data.display().to_string());
    let config = toml::from_str(&toml).unwrap();
    RunConfig { model: ModelConfig::from(OperatorSumConfig { hidden: 8, layers: 2 }), ..config }
}

/// A fixed small network.
pub fn graph() -> BoundGraph {
    let mut b = Builder::new("small");
    b.hyperparameter("batch", Domain::Range { min: 1, max: 64, step: 1 }, 2);
    let x = b.input("x", DType::F32, vec!["batch".into(), 3.into(), 32.into(), 32.into()]);
    let x = b.conv(x, 16, [3, 3], 1, 1, 1, true).unwrap();
    let x = b.op("Relu", &[x]).unwrap();
    let x = b.pool("MaxPool", x, 2, 2, 0).unwrap();
    let x = b.conv(x, 32, [3, 3], 1, 1, 1, true).unwrap();
    let x = b.op("Relu", &[x]).unwrap();
    b.finish(&[x]).unwrap().bind(&Assignment::new()).unwrap()
}

/// What a predictor says of a network for the output at a position, in its unit, on libtorch.
pub fn ms(predictor: &TorchPredictor, network: &BoundGraph, output: usize) -> f64 {
    let manifest = predictor.manifest();
    let features = manifest.featurizer.featurize(network).unwrap();
    predictor.predict_all(&[&features], manifest.id(output).unwrap()).unwrap()[0]
}

/// The sum of what it says of the operators, had it not been held to what was seen.
pub fn operator_sum(predictor: &TorchPredictor, network: &BoundGraph, output: usize) -> Option<f64> {
    let id = predictor.manifest().id(output).unwrap();
    let again = Predictor::from(TorchPredictor::new(predictor.checkpoint().unwrap(), Device::Cpu).unwrap());
    let held = again.predict(network, id).unwrap().value.value();
    let operators = again.operators(network, id, held).unwrap()?;
    Some(operators.iter().map(|(_, ms)| ms).sum::<f64>() / held * ms(predictor, network, output))
}
