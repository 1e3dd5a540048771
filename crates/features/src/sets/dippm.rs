//! The features of DIPPM (Panner Selvam and Brorsson, Euro-Par 2023; `dippm.py` of karthickai/dippm), as released.
//!
//! The released extractor reads TVM Relay: it keeps calls that have a *variable* (a weight, or an input of the graph)
//! among their arguments. Here the calls are those that TVM's PyTorch front end makes of an operator: a convolution or
//! fully connected layer with a bias is followed by a call `nn.bias_add`; a matrix product with a weight is `nn.dense`.
//!
//! | columns | what |
//! |---|---|
//! | 0–15 | one-hot of the call by its code in [`OPERATORS`], 1 for the first: slot 0 stays empty, as released |
//! | 16–27 | of convolutions strides (2), padding (4), dilation (2), groups, output channels, kernel (2); else 0 |
//! | 28–31 | extents of the last variable argument, cut to four, missing ones 0 |
//!
//! The released code stops at code 16, `nn.max_pool2d`, which is outside of its one-hot; here its columns are zeros.
//! Numbers are not normalised. Graph features: batch, multiply–accumulates / 10⁹ (by our count), and the number of
//! convolutions, fully connected layers and ReLUs.
//!
//! Edges: the released code connects the kept calls as a *chain* in post-order of the graph
//! ([`FeatureSet::DIPPM`]). With [`FeatureSet::DIPPM_EDGES`], a call is connected to
//! the kept calls whose results reach it, through calls that are not kept.

use std::collections::BTreeSet;

use ndarray::Array2;
use tachograph_ir::{BoundGraph, Node, NodeId, TensorId};

use crate::{
    Columns, Error, FeatureGraph, Features, Result, Schema,
    attributes::{kernel, operand_shape},
    columns::names,
    graph::sorted,
};

/// The calls with a code, from 1.
const OPERATORS: [&str; 16] = [
    "nn.conv2d",
    "nn.conv2d_transpose",
    "nn.dense",
    "nn.batch_matmul",
    "nn.bias_add",
    "nn.softmax",
    "nn.dropout",
    "nn.layer_norm",
    "reshape",
    "transpose",
    "add",
    "split",
    "multiply",
    "squeeze",
    "nn.adaptive_avg_pool2d",
    "nn.max_pool2d",
];

/// Width of the one-hot part.
const ONE_HOT: usize = OPERATORS.len();
const ATTRIBUTES: usize = 12;
/// Number of node features.
const WIDTH: usize = ONE_HOT + ATTRIBUTES + 4;

/// See [the module](self).
pub struct Dippm {
    /// Calls are connected as the data flows instead of as a chain.
    pub flow: bool,
}

impl Features for Dippm {
    fn name(&self) -> &'static str {
        if self.flow { "dippm-edges" } else { "dippm" }
    }

    fn fixed_operators(&self) -> Option<&'static [&'static str]> {
        Some(&OPERATORS)
    }

    fn columns(&self, _: &[String]) -> Columns {
        let code = |i: usize| match i {
            0 => "unused".into(),
            i => format!("op={}", OPERATORS[i - 1]),
        };
        let attributes = (0..ATTRIBUTES).map(|i| format!("attribute_{i}"));
        Columns {
            kept: (0..ONE_HOT).map(code).collect(),
            scaled: attributes.chain((0..4).map(|i| format!("shape_{i}"))).collect(),
            scaled_globals: names(&["batch", "gmacs", "conv2d", "dense", "relu"]),
            ..Columns::default()
        }
    }

    fn featurize(&self, _: &Schema, bound: &BoundGraph) -> Result<FeatureGraph> {
        featurize(self.flow, bound)
    }
}

/// A call with a variable argument.
struct Call<'a> {
    name: &'static str,
    /// Extents of the last variable argument.
    shape: &'a [u64],
}

fn featurize(flow: bool, bound: &BoundGraph) -> Result<FeatureGraph> {
    let (mut rows, mut node_ids, mut unknown) = (Vec::new(), Vec::new(), BTreeSet::new());
    // Rows whose results reach the result of each node.
    let mut reach: Vec<BTreeSet<u32>> = vec![BTreeSet::new(); bound.graph().len()];
    let mut edges = BTreeSet::new();
    for id in post_order(bound) {
        let node = bound.graph().node(id);
        let operands = || node.inputs.iter().flatten().filter_map(|&t| bound.graph().producer(t));
        let mut before: BTreeSet<u32> = operands().flat_map(|p| reach[p.index()].iter().copied()).collect();
        for call in calls(bound, node) {
            let row = node_ids.len() as u32;
            if call.name.is_empty() {
                unknown.insert(node.op.to_string());
            }
            rows.extend(columns(bound, node, &call));
            node_ids.push(id);
            edges.extend(std::mem::take(&mut before).into_iter().map(|from| (from, row)));
            before.insert(row);
        }
        reach[id.index()] = before;
    }
    if node_ids.is_empty() {
        return Err(Error::Empty { graph: bound.graph().name().to_owned() });
    }
    if !flow {
        edges = (1..node_ids.len() as u32).map(|i| (i - 1, i)).collect();
    }
    let found = rows.len();
    let mismatch = |_| Error::Mismatch { what: "node features", found, expected: WIDTH };
    Ok(FeatureGraph {
        nodes: Array2::from_shape_vec((node_ids.len(), WIDTH), rows).map_err(mismatch)?,
        edges: sorted(edges),
        globals: globals(bound)?,
        node_ids,
        unknown: unknown.into_iter().collect(),
        ..FeatureGraph::default()
    })
}

/// Live nodes as a depth-first walk from the outputs leaves them, operands in their order.
fn post_order(bound: &BoundGraph) -> Vec<NodeId> {
    let graph = bound.graph();
    let live: BTreeSet<NodeId> = bound.live().iter().copied().collect();
    let producer = |t: TensorId| graph.producer(t).filter(|p| live.contains(p));
    let (mut seen, mut order) = (BTreeSet::new(), Vec::with_capacity(live.len()));
    for root in graph.outputs().iter().filter_map(|&t| producer(t)) {
        let mut stack = vec![(root, false)];
        while let Some((id, done)) = stack.pop() {
            if done {
                order.push(id);
            } else if seen.insert(id) {
                stack.push((id, true));
                let operands = graph.node(id).inputs.iter().rev().flatten();
                stack.extend(operands.filter_map(|&t| producer(t)).map(|p| (p, false)));
            }
        }
    }
    order
}

/// The calls of an operator that are kept; one without a code has no name.
fn calls<'a>(bound: &'a BoundGraph, node: &Node) -> Vec<Call<'a>> {
    let inputs = bound.graph().inputs();
    let variable = |t: &TensorId| bound.is_parameter(*t) || inputs.contains(t);
    let at = |i: usize| node.inputs.get(i).copied().flatten().filter(variable).and_then(|t| bound.shape(t));
    let last = node.inputs.iter().flatten().rev().copied().find(variable).and_then(|t| bound.shape(t));
    // By name: the released vocabulary is fixed, whatever else is registered.
    let op = node.op.name();
    if matches!(op, "Conv" | "ConvTranspose" | "Gemm") {
        let name = match op {
            "Conv" => OPERATORS[0],
            "ConvTranspose" => OPERATORS[1],
            _ => OPERATORS[2],
        };
        let product = at(1).or(at(0)).map(|shape| Call { name, shape });
        return product.into_iter().chain(at(2).map(|shape| Call { name: OPERATORS[4], shape })).collect();
    }
    let name = match op {
        "MatMul" if at(1).is_some() => OPERATORS[2],
        "MatMul" => OPERATORS[3],
        "Softmax" => OPERATORS[5],
        "Dropout" => OPERATORS[6],
        "LayerNormalization" => OPERATORS[7],
        "Reshape" | "Flatten" => OPERATORS[8],
        "Transpose" => OPERATORS[9],
        "Add" => OPERATORS[10],
        "Split" => OPERATORS[11],
        "Mul" => OPERATORS[12],
        "Squeeze" => OPERATORS[13],
        "GlobalAveragePool" => OPERATORS[14],
        "MaxPool" => OPERATORS[15],
        _ => "",
    };
    last.map(|shape| Call { name, shape }).into_iter().collect()
}

fn columns(bound: &BoundGraph, node: &Node, call: &Call<'_>) -> [f32; WIDTH] {
    let mut row = [0.0; WIDTH];
    if let Some(code) = OPERATORS.iter().position(|&name| name == call.name).map(|i| i + 1).filter(|&c| c < ONE_HOT) {
        row[code] = 1.0;
    }
    if call.name.contains("conv2d") {
        let one = |name, i| node.int_at(name, i).unwrap_or(1);
        // Relay's order is top, left, bottom, right, as ONNX's.
        let pad = |i: usize| node.ints("pads").and_then(|p| p.get(i).copied()).unwrap_or(0);
        let window = kernel(bound, node).unwrap_or_default();
        let extent = |i: usize| window.get(i).or(window.last()).copied().unwrap_or(1);
        let weight = operand_shape(bound, node, 1).unwrap_or_default();
        let groups = one("group", 0);
        let channels = match call.name {
            "nn.conv2d" => weight.first().map_or(0, |&n| n as i64),
            _ => weight.get(1).map_or(0, |&n| n as i64).saturating_mul(groups),
        };
        let values = [
            one("strides", 0),
            one("strides", 1),
            pad(0),
            pad(1),
            pad(2),
            pad(3),
            one("dilations", 0),
            one("dilations", 1),
            groups,
            channels,
            extent(0),
            extent(1),
        ];
        row[ONE_HOT..ONE_HOT + ATTRIBUTES].iter_mut().zip(values).for_each(|(slot, value)| *slot = value as f32);
    }
    row[ONE_HOT + ATTRIBUTES..].iter_mut().zip(call.shape).for_each(|(slot, &extent)| *slot = extent as f32);
    row
}

fn globals(bound: &BoundGraph) -> Result<Vec<f32>> {
    let cost = bound.cost().map_err(|source| Error::Graph { graph: bound.graph().name().to_owned(), source })?;
    let nodes = || bound.live().iter().map(|&id| bound.graph().node(id));
    let count = |names: &[&str]| nodes().filter(|n| names.contains(&n.op.name())).count() as f32;
    let weighted = |n: &Node| n.inputs.get(1).copied().flatten().is_some_and(|t| bound.is_parameter(t));
    let products = nodes().filter(|n| n.op.name() == "MatMul" && weighted(n)).count() as f32;
    let macs = cost.macs as f64 / 1e9;
    Ok(vec![bound.batch() as f32, macs as f32, count(&["Conv"]), count(&["Gemm"]) + products, count(&["Relu"])])
}
