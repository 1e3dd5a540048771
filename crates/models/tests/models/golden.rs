//! Agreement with released networks, and of cells with released features; `golden/make.py` made the numbers.

use std::collections::BTreeMap;

use serde::Deserialize;
use tachograph_features::{FeatureGraph, FeatureSet, Featurizer};
use tachograph_gnn::{BatchOptions, GraphBatch, GraphRef};
use tachograph_ir::{Assignment, Builder, DType, Quantity};
use tachograph_models::{ModelConfig, Network};
use tch::{Device, Kind, Tensor, nn};

use crate::values;

#[derive(Deserialize)]
struct Weight {
    shape: Vec<i64>,
    values: Vec<i32>,
}

type Weights = BTreeMap<String, Weight>;

#[derive(Deserialize)]
struct Graph {
    n: usize,
    nodes: Vec<i32>,
    edges: Vec<(u32, u32)>,
    globals: Vec<i32>,
}

#[derive(Deserialize)]
struct Case {
    config: serde_json::Value,
    weights: Weights,
    outputs: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Golden {
    graphs: Vec<Graph>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Cell {
    code: [u8; 6],
    /// Row i, column j: i hears j.
    adjacency: Vec<String>,
    columns: Vec<Option<usize>>,
    output: f64,
}

#[derive(Deserialize)]
struct Cells {
    config: serde_json::Value,
    weights: Weights,
    cells: Vec<Cell>,
}

fn config(kind: &str, settings: &serde_json::Value) -> ModelConfig {
    let mut settings = settings.clone();
    settings["kind"] = kind.into();
    serde_json::from_value(settings).unwrap()
}

fn model(
    config: &ModelConfig,
    widths: [usize; 3],
    outputs: usize,
    weights: &Weights,
) -> (nn::VarStore, Box<dyn Network>) {
    let (vs, model) = crate::network(config.clone(), widths, &vec![Quantity::Latency; outputs]);
    let variables = vs.variables();
    assert_eq!(variables.keys().collect::<std::collections::BTreeSet<_>>(), weights.keys().collect());
    for (name, mut variable) in variables {
        let Weight { shape, values } = &weights[&name];
        assert_eq!(&variable.size(), shape, "{name}");
        let value = Tensor::from_slice(values).to_kind(Kind::Float).reshape(shape) / 256.0;
        tch::no_grad(|| variable.copy_(&value));
    }
    (vs, model)
}

fn eighths(values: &[i32]) -> Vec<f32> {
    values.iter().map(|&v| v as f32 / 8.0).collect()
}

#[track_caller]
fn equal(found: &Tensor, expected: &[f64]) {
    let found = values(found);
    assert_eq!(found.len(), expected.len());
    for (&f, &e) in found.iter().zip(expected) {
        assert!((f64::from(f) - e).abs() <= 1e-5 * e.abs().max(1e-2), "{f}, released {e}");
    }
}

fn released(kind: &str, text: &str) {
    let golden: Golden = serde_json::from_str(text).unwrap();
    let graphs: Vec<(Vec<f32>, Vec<f32>)> =
        golden.graphs.iter().map(|g| (eighths(&g.nodes), eighths(&g.globals))).collect();
    let views: Vec<GraphRef<'_>> = golden
        .graphs
        .iter()
        .zip(&graphs)
        .map(|(g, (nodes, globals))| GraphRef {
            nodes,
            width: nodes.len() / g.n,
            edges: &g.edges,
            globals,
            ..GraphRef::default()
        })
        .collect();
    let widths = [views[0].width, 0, views[0].globals.len()];
    for case in &golden.cases {
        let config = config(kind, &case.config);
        let outputs = case.outputs[0].len();
        let (_vs, model) = model(&config, widths, outputs, &case.weights);
        let heads: Vec<usize> = (0..outputs).collect();
        for compressed in [false, true] {
            let options = BatchOptions { compressed, ..config.batch_options(false) };
            let batch = GraphBatch::build(&views, &options, Device::Cpu).unwrap();
            let y = tch::no_grad(|| model.forward(&batch, &heads, false).unwrap());
            equal(&y, &case.outputs.concat());
        }
    }
}

#[test]
fn nnlp_alone_with_embedded_globals_and_for_three_platforms() {
    released("nnlp", include_str!("../golden/nnlp.json"));
}

#[test]
fn dippm_with_three_outputs() {
    released("dippm", include_str!("../golden/dippm.json"));
}

/// Features of a cell, which are made of the name of a network.
fn features(code: [u8; 6]) -> FeatureGraph {
    let operations = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"];
    let [a, b, c, d, e, f] = code.map(|code| operations[usize::from(code)]);
    let mut builder = Builder::new(format!("|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"));
    let x = builder.input("x", DType::F32, vec![1.into()]);
    let y = builder.op("Relu", &[x]).unwrap();
    let bound = builder.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap();
    Featurizer::fit(FeatureSet::CELL, &[]).unwrap().featurize(&bound).unwrap()
}

#[test]
fn brp_nas_with_the_features_of_cells() {
    let golden: Cells = serde_json::from_str(include_str!("../golden/brp_nas.json")).unwrap();
    let config = config("brp-nas", &golden.config);
    let cells: Vec<_> = golden.cells.iter().map(|cell| features(cell.code)).collect();
    let (_vs, model) = model(&config, [6, 0, 0], 1, &golden.weights);
    for (released, ours) in golden.cells.iter().zip(&cells) {
        let bit = |yes: bool| if yes { '1' } else { '0' };
        let hears = |i: u32| (0..9).map(|j| bit(ours.edges.contains(&(j, i)))).collect::<String>();
        let rows: Vec<String> = (0..9).map(hears).collect();
        assert_eq!(rows, released.adjacency, "{:?}", released.code);
        let column = |row: ndarray::ArrayView1<'_, f32>| row.iter().position(|&v| v == 1.0);
        let columns: Vec<_> = ours.nodes.rows().into_iter().map(column).collect();
        assert_eq!(columns, released.columns, "{:?}", released.code);
    }
    let views: Vec<GraphRef<'_>> = cells
        .iter()
        .map(|c| GraphRef { nodes: c.nodes.as_slice().unwrap(), width: 6, edges: &c.edges, ..GraphRef::default() })
        .collect();
    let expected: Vec<f64> = golden.cells.iter().map(|c| c.output).collect();
    for compressed in [false, true] {
        let options = BatchOptions { compressed, ..config.batch_options(false) };
        let batch = GraphBatch::build(&views, &options, Device::Cpu).unwrap();
        equal(&tch::no_grad(|| model.forward(&batch, &[0], false).unwrap()), &expected);
    }
}
