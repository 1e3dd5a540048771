//! Networks that rank, beside the same networks in PyTorch; `golden/rankers.py` made the numbers.

use std::collections::BTreeMap;

use serde::Deserialize;
use tachograph_ir::Quantity;
use tachograph_models::ModelConfig;
use tch::{Device, Kind, Tensor, nn};

use crate::{
    rankers::{Ranked, build, schema},
    values,
};

#[derive(Deserialize)]
struct Weight {
    shape: Vec<i64>,
    values: Vec<i32>,
}

#[derive(Deserialize)]
struct Case {
    kind: String,
    settings: serde_json::Value,
    weights: BTreeMap<String, Weight>,
    scores: Vec<f64>,
}

#[derive(Deserialize)]
struct Golden {
    edges: Vec<(u32, u32)>,
    features: Vec<i32>,
    opcodes: Vec<u8>,
    configurable: Vec<u32>,
    layouts: Vec<i32>,
    tiles: Vec<i32>,
    cases: Vec<Case>,
}

#[test]
fn scores_are_those_of_pytorch() {
    let golden: Golden = serde_json::from_str(include_str!("../golden/rankers.json")).unwrap();
    let mut kinds = vec![];
    for case in &golden.cases {
        let mut settings = case.settings.clone();
        settings["kind"] = case.kind.clone().into();
        let config: ModelConfig = serde_json::from_value(settings).unwrap();
        let of_nodes = case.kind.starts_with("layout");
        let vs = nn::VarStore::new(Device::Cpu);
        let network = config.build(&vs.root(), &schema(!of_nodes), &[Quantity::Latency]).unwrap();
        let variables: BTreeMap<String, Tensor> = vs.variables().into_iter().collect();
        assert_eq!(variables.keys().collect::<Vec<_>>(), case.weights.keys().collect::<Vec<_>>());
        for (name, mut variable) in variables {
            let Weight { shape, values } = &case.weights[&name];
            assert_eq!(&variable.size(), shape, "{name}");
            let value = Tensor::from_slice(values).to_kind(Kind::Float).reshape(shape) / 256.0;
            tch::no_grad(|| variable.copy_(&value));
        }
        let graph = Ranked {
            features: golden.features.iter().map(|&v| v as f32 / 8.0).collect(),
            opcodes: golden.opcodes.clone(),
            nodes: (0..golden.opcodes.len() as u32).collect(),
            edges: golden.edges.clone(),
            configurable: if of_nodes { golden.configurable.clone() } else { vec![] },
            configurations: match of_nodes {
                true => golden.layouts.iter().map(|&v| v as f32).collect(),
                false => golden.tiles.iter().map(|&v| v as f32 / 8.0).collect(),
            },
            count: case.scores.len(),
            segment: vec![],
        };
        for compressed in [false, config.batch_options(false).compressed] {
            let batch = build(&config, std::slice::from_ref(&graph), compressed);
            let y = tch::no_grad(|| network.forward(&batch, &[0], false).unwrap());
            for (found, expected) in values(&y).into_iter().zip(&case.scores) {
                let off = (f64::from(found) - expected).abs();
                assert!(off < 2e-5 * expected.abs().max(0.1), "{}: {found}, PyTorch {expected}", case.kind);
            }
        }
        kinds.push(case.kind.as_str());
    }
    assert_eq!(kinds, ["tile-sage", "layout-resmodel", "layout-first"]);
}
