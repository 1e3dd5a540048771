//! Features in the manner of DNNPerf (Gao et al., ICSE-SEIP 2023).
//!
//! The graph is that of one training step (`BoundGraph::training_graph`, with momentum), or with
//! [`FeatureSet::DNNPERF_FORWARD`](crate::FeatureSet::DNNPERF_FORWARD) the forward graph alone. The complete list of the published
//! features is not known; these are its groups, with columns of our choice:
//!
//! | columns of a node | what |
//! |---|---|
//! | `op=NAME` …, `op=?` | one-hot over the operators of the training data |
//! | `forward`, `backward`, `update` | one-hot of the phase |
//! | `kernel_h` … `group` | the hyperparameters of windows; 0 without a window |
//! | `batch`, `input_c`, `input_h`, `input_w`, `output_c` | extents of the first operand and result |
//! | `input_bytes`, `output_bytes`, `weight_bytes`, `flops` | sizes of tensors, and arithmetic |
//!
//! An edge is the tensors that flow from one node to another: `backward`, 1 where the reader is not of the forward
//! pass, and their `bytes`. Columns of nodes and edges are scaled to 0 … 1 over the training data. Features of the
//! device and the workspace are left out: a checkpoint has one head a device, and no library tells its workspace
//! beforehand.

use std::collections::BTreeSet;

use ndarray::Array2;
use tachograph_ir::{BoundGraph, Node, NodeId, OpType, Phase, TensorId, UpdateRule};

use crate::{
    Columns, Error, FeatureGraph, Features, Result, Schema,
    attributes::{kernel, operand_shape, result_shape},
    columns::{names, one_hot},
    graph::flows,
    normalizer::Scaling,
};

/// The rule whose update nodes a training graph has.
const OPTIMIZER: UpdateRule = UpdateRule::Momentum;

/// Names of the edge columns.
const EDGE_COLUMNS: [&str; 2] = ["backward", "bytes"];

const PHASES: [(&str, Phase); 3] =
    [("forward", Phase::Forward), ("backward", Phase::Backward), ("update", Phase::Update)];

const NUMBERS: [&str; 18] = [
    "kernel_h",
    "kernel_w",
    "stride_h",
    "stride_w",
    "pad_h",
    "pad_w",
    "dilation_h",
    "dilation_w",
    "group",
    "batch",
    "input_c",
    "input_h",
    "input_w",
    "output_c",
    "input_bytes",
    "output_bytes",
    "weight_bytes",
    "flops",
];

/// See [the module](self).
pub struct DnnPerf {
    /// The graph of a training step instead of the forward one.
    pub training: bool,
}

impl Features for DnnPerf {
    fn name(&self) -> &'static str {
        if self.training { "dnnperf" } else { "dnnperf-forward" }
    }

    fn operators(&self, bound: &BoundGraph) -> BTreeSet<String> {
        let forward = bound.live().iter().map(|&id| bound.graph().node(id).op.to_string());
        // The backward pass has the operators of the forward one.
        forward.chain(self.training.then(|| update().to_string())).collect()
    }

    fn columns(&self, operators: &[String]) -> Columns {
        Columns {
            kept: one_hot("op", operators),
            scaled: [PHASES.map(|(name, _)| name.to_owned()).to_vec(), names(&NUMBERS)].concat(),
            edges: names(&EDGE_COLUMNS),
            ..Columns::default()
        }
    }

    fn scaling(&self) -> Scaling {
        Scaling::Range
    }

    fn featurize(&self, schema: &Schema, bound: &BoundGraph) -> Result<FeatureGraph> {
        if !self.training {
            return featurize(schema, bound);
        }
        let graph = |source| Error::Graph { graph: bound.graph().name().to_owned(), source };
        featurize(schema, &bound.training_graph(OPTIMIZER).map_err(graph)?)
    }
}

/// The operator of update nodes.
fn update() -> OpType {
    OpType::Custom { domain: "tachograph".into(), name: format!("{OPTIMIZER:?}") }
}

fn featurize(schema: &Schema, bound: &BoundGraph) -> Result<FeatureGraph> {
    let first = schema.place(PHASES[0].0)?;
    let mut nodes = Array2::zeros((bound.live().len(), schema.node_columns.len()));
    let mut unknown = BTreeSet::new();
    for (mut row, &id) in nodes.rows_mut().into_iter().zip(bound.live()) {
        let node = bound.graph().node(id);
        row[schema.slot(&node.op, &mut unknown)] = 1.0;
        let phases = PHASES.map(|(_, phase)| f64::from(node.phase == phase));
        let values = phases.into_iter().chain(numbers(bound, id, node)?);
        row.iter_mut().skip(first).zip(values).for_each(|(slot, value)| *slot = value as f32);
    }
    let flows = flows(bound);
    let mut edge_features = Array2::zeros((flows.len(), EDGE_COLUMNS.len()));
    for (mut row, ((_, to), tensors)) in edge_features.rows_mut().into_iter().zip(&flows) {
        let reader = bound.live().get(*to as usize).map(|&id| bound.graph().node(id).phase);
        row[0] = f32::from(u8::from(reader != Some(Phase::Forward)));
        row[1] = tensors.iter().map(|&(t, _)| bytes(bound, t)).sum::<f64>() as f32;
    }
    Ok(FeatureGraph {
        nodes,
        edges: flows.into_iter().map(|(edge, _)| edge).collect(),
        edge_features,
        node_ids: bound.live().to_vec(),
        unknown: unknown.into_iter().collect(),
        ..FeatureGraph::default()
    })
}

fn bytes(bound: &BoundGraph, t: TensorId) -> f64 {
    bound.fact(t).bytes().unwrap_or(0) as f64
}

fn numbers(bound: &BoundGraph, id: NodeId, node: &Node) -> Result<[f64; NUMBERS.len()]> {
    let cost = bound.node_cost(id);
    let cost = cost.map_err(|source| Error::Graph { graph: bound.graph().name().to_owned(), source })?;
    let window = kernel(bound, node);
    let extent = |i: usize| window.as_ref().and_then(|w| w.get(i)).map_or(0.0, |&k| k as f64);
    let setting = |name: &str, i: usize| match &window {
        Some(_) => node.int_at(name, i).unwrap_or(1) as f64,
        None => 0.0,
    };
    let pad = |axis: usize| match &window {
        Some(_) => node.ints("pads").and_then(|p| p.get(axis)).map_or(0.0, |&p| p as f64),
        None => 0.0,
    };
    let of = |shape: Option<&[u64]>, i: usize| shape.and_then(|s| s.get(i)).map_or(0.0, |&n| n as f64);
    let (input, output) = (operand_shape(bound, node, 0), result_shape(bound, node, 0));
    let (weights, operands): (Vec<_>, Vec<_>) = node.inputs.iter().flatten().partition(|&&t| bound.is_parameter(t));
    let sum = |tensors: &[&TensorId]| tensors.iter().map(|&&t| bytes(bound, t)).sum();
    Ok([
        extent(0),
        extent(1),
        setting("strides", 0),
        setting("strides", 1),
        pad(0),
        pad(1),
        setting("dilations", 0),
        setting("dilations", 1),
        setting("group", 0),
        of(input, 0),
        of(input, 1),
        of(input, 2),
        of(input, 3),
        of(output, 1),
        sum(&operands),
        node.outputs.iter().flatten().map(|&t| bytes(bound, t)).sum(),
        sum(&weights),
        cost.flops as f64,
    ])
}
