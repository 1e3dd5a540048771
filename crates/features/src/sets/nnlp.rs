//! The features of NNLP (Liu et al., ICPP 2022; `predictor/feature/` of ModelTC/NNLQP), as released.
//!
//! | columns | what |
//! |---|---|
//! | 0–31 | one-hot of the operator: [`OPERATORS`] in the first 28 slots, the last 4 unused; all zeros for any other operator |
//! | 32–39 | attributes of the operator, in the order of the table below, the rest 0 |
//! | 40–43 | first four extents of the first result, missing ones 0, then (v − centre)/scale with centres 12.25, 286.96, 32.62, 31.80 and scales 1024, 2496, 256, 256 |
//!
//! Attributes are (v − centre)/scale; of lists only the first element counts, except for `perm`:
//!
//! | attribute | centre | scale | of |
//! |---|---|---|---|
//! | kernel_shape | 2.53 | 56 | Conv, MaxPool, AveragePool, ConvTranspose |
//! | strides | 1.16 | 56 | the same |
//! | pads | 0.75 | 6 | the same |
//! | dilations | 1 | 1 | Conv, ConvTranspose |
//! | group | 15.08 | 6144 | Conv, ConvTranspose |
//! | bias | 0.77 | 1 | Conv, ConvTranspose; Gemm, as its only attribute |
//! | perm, 8 wide | 1.78 | 4 | Transpose |
//! | output_padding | 0 | 1e-5 | ConvTranspose |
//!
//! Graph features: batch, and operations, parameters and memory accesses, each divided by 10⁹, counted by
//! NNLP's own rules ([`flops`]).
//!
//! The operator that ONNX calls `MatMul` is spelled `Matmul` in the released table, so it matches nothing
//! and its columns are zeros; it is reported as unknown. Edges are undirected: the released code fills an
//! adjacency matrix both ways, which leaves neither repeats nor self-loops.
//!
//! One thing differs: the released extractor also makes a node of every graph input, of every weight that an
//! operator other than a convolution, a normalisation or a Gemm reads, and of every further result of an
//! operator. Here, as in the paper, a node is an operator that runs.

mod flops;

use ndarray::Array2;
use tachograph_ir::{BoundGraph, Node};

use crate::{
    Columns, FeatureGraph, Features, Result, Schema,
    attributes::{kernel, operands, result_shape},
    columns::names,
    graph::undirected_edges,
};
use flops::NnlpCost;

/// The operators with a one-hot column, in the order of the columns.
const OPERATORS: [&str; 28] = [
    "Conv",
    "Relu",
    "Add",
    "Sigmoid",
    "Reshape",
    "MaxPool",
    "Split",
    "GlobalAveragePool",
    "Gemm",
    "Transpose",
    "Upsample",
    "BatchNormalization",
    "Mul",
    "Concat",
    "Flatten",
    "AveragePool",
    "Cast",
    "Matmul",
    "ReduceMean",
    "Pow",
    "Slice",
    "Div",
    "Sub",
    "Sqrt",
    "Clip",
    "Softmax",
    "Tanh",
    "ConvTranspose",
];

/// Width of the one-hot part.
const ONE_HOT: usize = 32;
const ATTRIBUTES: usize = 8;
/// Number of node features.
const WIDTH: usize = ONE_HOT + ATTRIBUTES + 4;

const SHAPE_CENTRE: [f64; 4] = [12.25, 286.96, 32.62, 31.80];
const SHAPE_SCALE: [f64; 4] = [1024.0, 2496.0, 256.0, 256.0];

/// See [the module](self).
pub struct Nnlp;

impl Features for Nnlp {
    fn name(&self) -> &'static str {
        "nnlp"
    }

    fn fixed_operators(&self) -> Option<&'static [&'static str]> {
        Some(&OPERATORS)
    }

    fn columns(&self, _: &[String]) -> Columns {
        let operator = |i: usize| OPERATORS.get(i).map_or(format!("unused_{i}"), |op| format!("op={op}"));
        let attributes = (0..ATTRIBUTES).map(|i| format!("attribute_{i}"));
        let shape = ["n", "c", "h", "w"].map(|axis| format!("output_{axis}"));
        Columns {
            kept: (0..ONE_HOT).map(operator).collect(),
            scaled: attributes.chain(shape).collect(),
            scaled_globals: names(&["batch", "gflops", "gparameters", "gmemory_access"]),
            ..Columns::default()
        }
    }

    fn featurize(&self, _: &Schema, bound: &BoundGraph) -> Result<FeatureGraph> {
        featurize(bound)
    }
}

fn featurize(bound: &BoundGraph) -> Result<FeatureGraph> {
    let mut nodes = Array2::zeros((bound.live().len(), WIDTH));
    let mut unknown = std::collections::BTreeSet::new();
    for (mut row, &id) in nodes.rows_mut().into_iter().zip(bound.live()) {
        let node = bound.graph().node(id);
        match OPERATORS.iter().position(|&op| op == node.op.name()) {
            Some(code) => row[code] = 1.0,
            None => _ = unknown.insert(node.op.to_string()),
        }
        let values = attributes(bound, node);
        row.iter_mut().skip(ONE_HOT).zip(values).for_each(|(slot, value)| *slot = value as f32);
        let shape = result_shape(bound, node, 0).unwrap_or_default();
        for (i, slot) in row.iter_mut().skip(ONE_HOT + ATTRIBUTES).enumerate() {
            let extent = shape.get(i).map_or(0.0, |&n| n as f64);
            *slot = ((extent - SHAPE_CENTRE[i]) / SHAPE_SCALE[i]) as f32;
        }
    }
    let cost = NnlpCost::of(bound);
    let globals = [bound.batch() as f64, cost.flops / 1e9, cost.parameters / 1e9, cost.memory_access / 1e9];
    Ok(FeatureGraph {
        nodes,
        edges: undirected_edges(bound),
        globals: globals.map(|v| v as f32).to_vec(),
        node_ids: bound.live().to_vec(),
        unknown: unknown.into_iter().collect(),
        ..FeatureGraph::default()
    })
}

/// At most [`ATTRIBUTES`] values.
fn attributes(bound: &BoundGraph, node: &Node) -> Vec<f64> {
    let op = node.op.name();
    let scaled = |value: i64, centre: f64, scale: f64| (value as f64 - centre) / scale;
    let first = |name, default| node.int_at(name, 0).unwrap_or(default);
    let bias = || scaled(i64::from(operands(node) == 3), 0.77, 1.0);
    let mut values = Vec::with_capacity(ATTRIBUTES);
    if matches!(op, "Conv" | "ConvTranspose" | "MaxPool" | "AveragePool") {
        let window = kernel(bound, node).and_then(|k| k.first().copied()).unwrap_or(0);
        values.push(scaled(window, 2.53, 56.0));
        values.push(scaled(first("strides", 1), 1.16, 56.0));
        values.push(scaled(first("pads", 0), 0.75, 6.0));
    }
    if matches!(op, "Conv" | "ConvTranspose") {
        values.push(scaled(first("dilations", 1), 1.0, 1.0));
        values.push(scaled(first("group", 1), 15.08, 6144.0));
        values.push(bias());
    }
    match op {
        "Gemm" => values.push(bias()),
        "Transpose" => {
            let perm = node.ints("perm").unwrap_or_default();
            values.extend((0..ATTRIBUTES).map(|i| scaled(perm.get(i).copied().unwrap_or(0), 1.78, 4.0)));
        }
        "ConvTranspose" => values.push(scaled(first("output_padding", 0), 0.0, 1e-5)),
        _ => {}
    }
    values
}
