//! Agreement with PyTorch Geometric; `golden/make_sage.py` made the numbers.

use serde_json::Value;
use tachograph_gnn::{GraphBatch, GraphRef, Sage, SageConfig};
use tch::{Device, Tensor, nn};

use crate::{devices, relative};

fn numbers(value: &Value) -> Vec<f32> {
    match value {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        number => vec![number.as_f64().unwrap() as f32],
    }
}

fn tensor(value: &Value, like: &Tensor) -> Tensor {
    Tensor::from_slice(&numbers(value)).reshape(like.size()).to_device(like.device())
}

#[test]
fn sage_agrees_with_pytorch_geometric() {
    let golden: Value = serde_json::from_str(include_str!("../golden/sage.json")).unwrap();
    devices().into_iter().for_each(|device| compare(&golden, device));
}

fn compare(golden: &Value, device: Device) {
    let size = |name: &str| golden[name].as_i64().unwrap();
    type Edges = Vec<(u32, u32)>;
    let graphs: Vec<(Vec<f32>, Edges)> = golden["graphs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|g| (numbers(&g["nodes"]), serde_json::from_value(g["edges"].clone()).unwrap()))
        .collect();
    let views: Vec<GraphRef<'_>> = graphs
        .iter()
        .map(|(nodes, edges)| GraphRef { nodes, width: size("inputs") as usize, edges, ..GraphRef::default() })
        .collect();
    let batch = GraphBatch::new(&views, 1, device).unwrap();
    for case in golden["cases"].as_array().unwrap() {
        let vs = nn::VarStore::new(device);
        let config = SageConfig { normalize: case["normalize"].as_bool().unwrap() };
        let layer = Sage::new(&vs.root(), size("inputs"), size("outputs"), config).unwrap();
        let variables = vs.variables();
        assert_eq!(variables.len(), case["parameters"].as_object().unwrap().len());
        for (name, variable) in &variables {
            tch::no_grad(|| variable.shallow_clone().copy_(&tensor(&case["parameters"][name], variable)));
        }
        let x = batch.nodes.copy().set_requires_grad(true);
        let y = layer.forward(&x, batch.hop(0).unwrap()).unwrap();
        (&y * tensor(&case["cotangent"], &y)).sum(tch::Kind::Float).backward();

        let check = |what: &str, found: &Tensor, expected: &Value| {
            let error = relative(found, &tensor(expected, found));
            assert!(error < 1e-5, "{what}, {config:?}, {device:?}: {error:e}");
        };
        check("output", &y.detach(), &case["output"]);
        check("input gradient", &x.grad(), &case["input_gradient"]);
        for (name, variable) in &variables {
            check(name, &variable.grad(), &case["gradients"][name]);
        }
    }
}
