//! Logarithmic extents and costs of every operator.
//!
//! A node's columns, before they are scaled; log₂ₚ(v) is log₂(1 + v), log₁₀ₚ(v) is log₁₀(1 + v):
//!
//! | columns | what |
//! |---|---|
//! | `op=NAME` … | one-hot over the operators of the training data, in alphabetical order |
//! | `op=?` | 1 for any other operator |
//! | `kernel_h`, `kernel_w`, `stride_h`, `stride_w`, `pad_h`, `pad_w`, `dilation_h`, `dilation_w` | log₂ₚ; pads are begin plus end; 0 without a window |
//! | `group`, `channels_per_group` | log₂ₚ of groups and of input channels per group; 0 without groups |
//! | `operands`, `weights` | number of operands; 1 if one of them is a weight |
//! | `output_0` … `output_3` | log₂ₚ of the first result's extents; missing ones 0, the product of further ones in the last |
//! | `input_0` … `input_3` | the same of the first operand |
//! | `reduction` | log₂ₚ of multiply–accumulates per element of the first result |
//! | `flops`, `read`, `written`, `parameters` | log₁₀ₚ of operations, bytes read, bytes written, elements of weights |
//! | `view` | 1 if nothing is read or written |
//! | `width` | log₂ of the bits of a result's element, over 32 |
//!
//! Graph columns: log₁₀ₚ of `batch`, `flops`, `bytes`, `parameters`, `nodes`, and for each [`Class`] of
//! operators log₁₀ₚ of the `count`, `flops`, `bytes` and `roofline` of its nodes, the last as [`roofline_operations`] has it.

use std::collections::BTreeSet;

use ndarray::Array2;
use tachograph_ir::{BoundGraph, Class, Cost, Node, NodeId};

use crate::{
    Columns, Error, FeatureGraph, Features, Result, Schema,
    attributes::{kernel, operand_shape, operands, result_shape},
    columns::{names, one_hot},
    graph::undirected_edges,
};

/// Operations per byte at which the imaginary machine of [`roofline_operations`] is balanced:
/// between a CPU core (about 5) and an accelerator (about 20 in f32).
const BALANCE: f64 = 10.0;

/// Time of a node on an imaginary machine that is neither quick at arithmetic nor at moving bytes, in operations of that
/// machine: max(operations, 10 · bytes). It tells which operators of a network take long where no device is known.
pub fn roofline_operations(cost: &Cost) -> f64 {
    (cost.flops as f64).max(BALANCE * cost.bytes() as f64)
}

/// The columns of a node after the one-hot ones, in the order of [`numbers`].
pub(crate) const NUMBERS: [&str; 27] = [
    "kernel_h",
    "kernel_w",
    "stride_h",
    "stride_w",
    "pad_h",
    "pad_w",
    "dilation_h",
    "dilation_w",
    "group",
    "channels_per_group",
    "operands",
    "weights",
    "output_0",
    "output_1",
    "output_2",
    "output_3",
    "input_0",
    "input_1",
    "input_2",
    "input_3",
    "reduction",
    "flops",
    "read",
    "written",
    "parameters",
    "view",
    "width",
];

/// See [the module](self).
pub struct Costs;

impl Features for Costs {
    fn name(&self) -> &'static str {
        "costs"
    }

    fn aliases(&self) -> &'static [&'static str] {
        &["extended"]
    }

    fn columns(&self, operators: &[String]) -> Columns {
        Columns {
            kept: one_hot("op", operators),
            scaled: names(&NUMBERS),
            scaled_globals: global_columns(),
            ..Columns::default()
        }
    }

    fn featurize(&self, schema: &Schema, bound: &BoundGraph) -> Result<FeatureGraph> {
        let first = schema.place(NUMBERS[0])?;
        let mut nodes = Array2::zeros((bound.live().len(), first + NUMBERS.len()));
        let mut unknown = BTreeSet::new();
        let costs = costs(bound)?;
        for (mut row, (id, cost)) in nodes.rows_mut().into_iter().zip(&costs) {
            let node = bound.graph().node(*id);
            row[schema.slot(&node.op, &mut unknown)] = 1.0;
            let values = numbers(bound, node, cost, 1);
            row.iter_mut().skip(first).zip(values).for_each(|(slot, value)| *slot = value as f32);
        }
        Ok(FeatureGraph {
            nodes,
            edges: undirected_edges(bound),
            globals: graph_sums(bound, &costs)?.into_iter().map(|v| v as f32).collect(),
            node_ids: bound.live().to_vec(),
            unknown: unknown.into_iter().collect(),
            ..FeatureGraph::default()
        })
    }
}

/// Names of the graph columns.
fn global_columns() -> Vec<String> {
    let whole = names(&["batch", "flops", "bytes", "parameters", "nodes"]);
    let class = |c: Class| ["count", "flops", "bytes", "roofline"].map(|sum| format!("{}_{sum}", c.name()));
    whole.into_iter().chain(Class::ALL.into_iter().flat_map(class)).collect()
}

/// The graph columns of [`FeatureSet::COSTS`](crate::FeatureSet::COSTS) before they are scaled, in double precision.
///
/// # Errors
/// Costs that cannot be computed.
pub fn graph_costs(bound: &BoundGraph) -> Result<Vec<f64>> {
    graph_sums(bound, &costs(bound)?)
}

/// Cost of every live node.
pub(crate) fn costs(bound: &BoundGraph) -> Result<Vec<(NodeId, Cost)>> {
    let name = || bound.graph().name().to_owned();
    let cost = |&id: &NodeId| bound.node_cost(id).map(|cost| (id, cost));
    let costs = bound.live().iter().map(cost).collect::<tachograph_ir::Result<Vec<_>>>();
    costs.map_err(|source| Error::Graph { graph: name(), source })
}

/// The graph columns, before they are scaled.
fn graph_sums(bound: &BoundGraph, costs: &[(NodeId, Cost)]) -> Result<Vec<f64>> {
    let total = bound.cost().map_err(|source| Error::Graph { graph: bound.graph().name().to_owned(), source })?;
    let whole = [bound.batch(), total.flops, total.bytes(), total.parameters, costs.len() as u64];
    let mut sums = [[0.0; 4]; Class::ALL.len()];
    for (id, cost) in costs {
        let (flops, bytes) = (cost.flops as f64, cost.bytes() as f64);
        let sum = &mut sums[bound.graph().node(*id).class() as usize];
        for (sum, value) in sum.iter_mut().zip([1.0, flops, bytes, roofline_operations(cost)]) {
            *sum += value;
        }
    }
    let values = whole.map(|v| v as f64).into_iter().chain(sums.into_iter().flatten());
    Ok(values.map(|v| v.ln_1p() / std::f64::consts::LN_10).collect())
}

/// A node's columns after the one-hot part, before they are scaled; costs and leading extents are divided by `images`.
pub(crate) fn numbers(bound: &BoundGraph, node: &Node, cost: &Cost, images: u64) -> [f64; NUMBERS.len()] {
    let log2 = |v: f64| v.max(0.0).ln_1p() / std::f64::consts::LN_2;
    let log10 = |v: f64| v.ln_1p() / std::f64::consts::LN_10;
    let each = |v: u64| log10(v as f64 / images as f64);
    let window = kernel(bound, node);
    let extent = |i: usize| window.as_deref().and_then(|w| w.get(i)).map_or(0.0, |&k| log2(k as f64));
    let setting = |name: &str, i: usize| match &window {
        Some(_) => log2(node.int_at(name, i).unwrap_or(1) as f64),
        None => 0.0,
    };
    let pad = |axis: usize| {
        let pads = window.as_ref().and_then(|_| node.ints("pads")).unwrap_or_default();
        let at = |i: usize| pads.get(i).map_or(0.0, |&p| p as f64);
        log2(at(axis) + at(pads.len() / 2 + axis))
    };
    let (input, output) = (operand_shape(bound, node, 0), result_shape(bound, node, 0));
    let group = if node.class().convolves() { node.int_at("group", 0).unwrap_or(1).max(1) as f64 } else { 0.0 };
    let channels = input.and_then(|s| s.get(1)).map_or(0.0, |&c| c as f64);
    let elements: f64 = output.unwrap_or_default().iter().map(|&n| n as f64).product();
    let weighted = node.inputs.iter().flatten().any(|&t| bound.is_parameter(t));
    let bits = node.outputs.iter().flatten().next().map_or(32, |&t| bound.fact(t).dtype.bits());
    let [out_0, out_1, out_2, out_3] = extents(output, images).map(log2);
    let [in_0, in_1, in_2, in_3] = extents(input, images).map(log2);
    [
        extent(0),
        extent(1),
        setting("strides", 0),
        setting("strides", 1),
        pad(0),
        pad(1),
        setting("dilations", 0),
        setting("dilations", 1),
        log2(group),
        if group > 0.0 { log2(channels / group) } else { 0.0 },
        operands(node) as f64,
        f64::from(weighted),
        out_0,
        out_1,
        out_2,
        out_3,
        in_0,
        in_1,
        in_2,
        in_3,
        if elements > 0.0 { log2(cost.macs as f64 / elements) } else { 0.0 },
        each(cost.flops),
        each(cost.read),
        each(cost.written),
        log10(cost.parameters as f64),
        f64::from(cost.bytes() == 0),
        (bits as f64 / 32.0).log2(),
    ]
}

/// Four extents; missing ones 0, the product of the fourth and further ones in the last. The first is divided by
/// `images` where it is a multiple.
fn extents(shape: Option<&[u64]>, images: u64) -> [f64; 4] {
    let mut extents = [0.0; 4];
    for (i, &n) in shape.unwrap_or_default().iter().enumerate() {
        let n = if i == 0 && n % images == 0 { n / images } else { n };
        if i < 4 {
            extents[i] = n as f64;
        } else {
            extents[3] *= n as f64;
        }
    }
    extents
}
