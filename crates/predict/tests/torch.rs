//! The plain forward passes beside libtorch's.
#![cfg(feature = "torch")]

mod common;

use tachograph_features::FeatureGraph;
use tachograph_ir::NodeId;
use tachograph_predict::{Bundled, OutputId, Predictor, torch::TorchPredictor};
use tch::Device;

const TOLERANCE: f64 = 1e-5;

fn close(a: f64, b: f64, what: &str) {
    assert!(((a - b) / b).abs() < TOLERANCE, "{what}: {a} in plain Rust, {b} on libtorch");
}

/// A bundled checkpoint, plain and on libtorch, with all its outputs.
fn both(bundled: &Bundled) -> (Predictor, Predictor, Vec<OutputId>) {
    let plain = bundled.load().unwrap();
    let torch = TorchPredictor::new(bundled.checkpoint().unwrap(), Device::Cpu).unwrap();
    let outputs = plain.manifest().ids().map(|(id, _)| id).collect();
    (plain, torch.into(), outputs)
}

#[test]
fn every_bundled_checkpoint_predicts_the_same_in_plain_rust() {
    let networks = common::networks();
    for bundled in Bundled::ALL {
        let (plain, torch, outputs) = both(bundled);
        let featurizer = &plain.manifest().featurizer;
        let features: Vec<FeatureGraph> = networks.iter().map(|(_, n)| featurizer.featurize(n).unwrap()).collect();
        let features: Vec<&FeatureGraph> = features.iter().collect();
        let [ours, theirs] = [&plain, &torch].map(|p| p.predict_features(&features, &outputs).unwrap());
        for (output, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
            for ((a, b), (name, _)) in ours.iter().zip(theirs).zip(&networks) {
                close(*a, *b, &format!("{}, output {output}, {name}", bundled.name));
            }
        }
        let [a, b] = [&plain, &torch].map(|p| p.embed(&features[..5]).unwrap());
        assert_eq!(a.dim(), b.dim());
        let scale = b.iter().fold(0.0f64, |m, x| m.max(x.abs()));
        a.iter().zip(&b).for_each(|(a, b)| assert!((a - b).abs() < TOLERANCE * scale, "{}: {a} {b}", bundled.name));
    }
}

#[test]
fn shares_of_operators_are_the_same_in_plain_rust() {
    for bundled in Bundled::ALL {
        let (plain, torch, outputs) = both(bundled);
        for (name, network) in common::networks().iter().step_by(5) {
            let total = |p: &Predictor| p.predict(network, outputs[0]).unwrap().value.value();
            let [ours, theirs] = [&plain, &torch].map(|p| p.operators(network, outputs[0], total(p)).unwrap());
            let Some((ours, theirs)) = ours.zip(theirs) else {
                assert_eq!(bundled.name, "nnlp-cpu");
                continue;
            };
            let total: f64 = theirs.iter().map(|(_, time)| time).sum();
            close(plain.predict(network, outputs[0]).unwrap().value.value(), total, name);
            let ids = |times: &[(NodeId, f64)]| times.iter().map(|(id, _)| *id).collect::<Vec<_>>();
            assert_eq!(ids(&ours), ids(&theirs));
            ours.iter().zip(&theirs).for_each(|(a, b)| assert!((a.1 - b.1).abs() < TOLERANCE * total, "{name}"));
        }
    }
}

/// Writes `golden/bundled.json` with libtorch's numbers:
/// `cargo test -p tachograph-predict --features torch --test torch -- --ignored write_golden`
#[test]
#[ignore = "writes the file that tests/bundled.rs compares with"]
fn write_golden() {
    let mut golden = serde_json::Map::new();
    for bundled in Bundled::ALL {
        let (_, torch, outputs) = both(bundled);
        for (name, network) in common::networks() {
            let features = torch.manifest().featurizer.featurize(&network).unwrap();
            let values = torch.predict_features(&[&features], &outputs).unwrap();
            let values: Vec<f64> = values.iter().map(|values| values[0]).collect();
            golden.insert(format!("{}: {name}", bundled.name), values.into());
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/bundled.json");
    std::fs::write(path, serde_json::to_string(&golden).unwrap().replace("],", "],\n") + "\n").unwrap();
}
