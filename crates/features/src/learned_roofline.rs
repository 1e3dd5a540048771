//! Features of the `tachograph` model: what each operator does for one image, and beside what it runs.
//!
//! A node's columns. The first four groups are not normalised:
//!
//! | columns | what |
//! |---|---|
//! | `compute`, `traffic` | ln of the times for one image, in ms, that an imaginary machine takes for the operations ([`PEAK`] a second) and for the bytes ([`BALANCE`] operations' time each) |
//! | `resident` | the same for the bytes that the operator has resident when most is: its weights, inputs of the network that no operator before it reads, and what it fills, as long as that is in use then |
//! | `alive` | the same for all that is resident while the operator runs, but for weights |
//! | `op=NAME` …, `op=?` | as in [`costs`] |
//! | `from=NAME` …, `to=NAME` … | 1 for each operator among the producers of its operands, and among the readers of its results |
//! | the 27 numbers of [`costs`] | with costs divided by the batch, and leading extents that are its multiples |
//! | `anchor`, `kernel` | 1 for the first operator of its fused kernel; operators of that kernel, at most 8 |
//! | `fan_in`, `fan_out` | producers and readers, at most 4 |
//! | `aligned_in`, `aligned_out` | log₂ of the largest power of two, at most 64, that divides the channels of the first operand and of the first result |
//! | `batch` | log₂ of the batch |
//! | `peak` | 1 for the operator that runs when most is resident ([`BoundGraph::residency`]) |
//!
//! Graph columns, not normalised: `batch`, and `weights`, the time for reading their bytes. A network of one image looks the
//! same at every batch, but for weights, which are read once a batch.

use std::collections::{BTreeSet, HashMap};

use ndarray::Array2;
use tachograph_ir::{BoundGraph, FusionRule, Node, NodeId, TensorId};

use crate::{
    Error, FeatureGraph, Result, Schema,
    attributes::{operand_shape, result_shape},
    costs,
    graph::undirected_edges,
};

/// Operations a second of the imaginary machine of `compute`.
pub const PEAK: f64 = 30e12;

/// Operations that it does in the time it moves a byte: about those of an accelerator in f32.
pub const BALANCE: f64 = 30.0;

/// Least time of which a logarithm is taken, in ms.
const LEAST: f64 = 1e-9;

/// Columns `compute`, `traffic` and `resident`, and after them `alive`.
const TIMES: usize = 3;
const ALIVE: usize = TIMES;

/// Columns before those of operators.
const LEADING: usize = TIMES + 1;

pub(crate) const CONTEXT: [&str; 8] =
    ["anchor", "kernel", "fan_in", "fan_out", "aligned_in", "aligned_out", "batch", "peak"];

/// Names of the node columns.
pub(crate) fn node_columns(operators: &[String]) -> Vec<String> {
    let named = |prefix: &'static str| {
        operators.iter().map(String::as_str).chain(["?"]).map(move |op| format!("{prefix}={op}"))
    };
    let numbers = costs::NODE_COLUMNS.into_iter().chain(CONTEXT).map(String::from);
    let times = ["compute", "traffic", "resident", "alive"].map(String::from);
    times.into_iter().chain(named("op")).chain(named("from")).chain(named("to")).chain(numbers).collect()
}

pub(crate) const GLOBAL_COLUMNS: [&str; 2] = ["batch", "weights"];

/// Leading node columns that are left as they are.
pub(crate) fn untouched(operators: usize) -> usize {
    LEADING + 3 * (operators + 1)
}

pub(crate) fn featurize(schema: &Schema, bound: &BoundGraph) -> Result<FeatureGraph> {
    let (images, live) = (bound.batch().max(1), bound.live());
    let slots = schema.operators.len() + 1;
    let mut unknown = BTreeSet::new();
    let operators: Vec<usize> = live.iter().map(|&id| schema.slot(&bound.graph().node(id).op, &mut unknown)).collect();
    let row: HashMap<NodeId, usize> = live.iter().enumerate().map(|(row, &id)| (id, row)).collect();
    let mut nodes = Array2::zeros((live.len(), schema.node_columns.len()));
    let costs = costs::costs(bound)?;
    let graph = |source| Error::Graph { graph: bound.graph().name().to_owned(), source };
    let (residency, mut seen) = (bound.residency().map_err(graph)?, BTreeSet::new());
    let numbers = untouched(schema.operators.len());
    for (i, (id, cost)) in costs.iter().enumerate() {
        let resident = own_bytes(bound, bound.graph().node(*id), &mut seen) + residency.held[i].0;
        let bytes = [cost.bytes(), resident, residency.activations[i].0].map(|bytes| BALANCE * bytes as f64);
        let costs = [cost.flops as f64, bytes[0], bytes[1], bytes[2]];
        for (k, operations) in costs.into_iter().enumerate() {
            nodes[[i, k]] = time(operations, images).max(LEAST).ln() as f32;
        }
        nodes[[i, LEADING + operators[i]]] = 1.0;
        let values = costs::numbers(bound, bound.graph().node(*id), cost, images);
        values.into_iter().enumerate().for_each(|(k, value)| nodes[[i, numbers + k]] = value as f32);
    }
    let context = numbers + costs::NODE_COLUMNS.len();
    for (i, &id) in live.iter().enumerate() {
        let node = bound.graph().node(id);
        let shapes = [operand_shape(bound, node, 0), result_shape(bound, node, 0)];
        let own = [
            alignment(shapes[0]),
            alignment(shapes[1]),
            (images as f32).log2(),
            f32::from(u8::from(i == residency.at)),
        ];
        own.into_iter().enumerate().for_each(|(k, value)| nodes[[i, context + 4 + k]] = value);
    }
    for group in bound.fuse(&FusionRule::default()) {
        for (k, &i) in group.nodes.iter().filter_map(|id| row.get(id)).enumerate() {
            nodes[[i, context]] = f32::from(u8::from(k == 0));
            nodes[[i, context + 1]] = group.nodes.len().min(8) as f32;
        }
    }
    let links: BTreeSet<(usize, usize)> =
        bound.graph().edges().filter_map(|(from, to, _)| Some((*row.get(&from)?, *row.get(&to)?))).collect();
    for (from, to) in links {
        nodes[[to, LEADING + slots + operators[from]]] = 1.0;
        nodes[[from, LEADING + 2 * slots + operators[to]]] = 1.0;
        nodes[[to, context + 2]] = (nodes[[to, context + 2]] + 1.0).min(4.0);
        nodes[[from, context + 3]] = (nodes[[from, context + 3]] + 1.0).min(4.0);
    }
    Ok(FeatureGraph {
        nodes,
        edges: undirected_edges(bound),
        globals: vec![images as f32, time(BALANCE * residency.weights.0 as f64, images) as f32],
        node_ids: live.to_vec(),
        unknown: unknown.into_iter().collect(),
        ..FeatureGraph::default()
    })
}

/// log₂ of the largest power of two, at most 64, that divides the channels: the second extent of images, else the last.
fn alignment(shape: Option<&[u64]>) -> f32 {
    let channels = shape.and_then(|s| if s.len() == 4 { s.get(1) } else { s.last() });
    channels.map_or(0, |c| c.trailing_zeros().min(6)) as f32
}

/// Bytes of weights and of inputs of the network that `node` is the first to read, by those `seen` already.
fn own_bytes(bound: &BoundGraph, node: &Node, seen: &mut BTreeSet<TensorId>) -> u64 {
    let graph = bound.graph();
    let given = |t: &TensorId| bound.is_parameter(*t) || graph.inputs().contains(t);
    let first = node.inputs.iter().flatten().copied().filter(given).filter(|&t| seen.insert(t));
    first.map(|t| bound.fact(t).bytes().unwrap_or(0)).sum()
}

/// Time of so many operations for all images, for one of them, in ms.
fn time(operations: f64, images: u64) -> f64 {
    1e3 * operations / images as f64 / PEAK
}

/// Time of the whole batch on the imaginary machine, in ms.
pub(crate) fn roofline(features: &FeatureGraph) -> f64 {
    let times = features.nodes.columns().into_iter().take(TIMES).flatten();
    batch(features) * times.map(|&ms| f64::from(ms).exp()).sum::<f64>()
}

/// Time in ms in which it reads all that is resident when most is.
pub(crate) fn resident(features: &FeatureGraph) -> f64 {
    let weights = features.globals.get(1).copied().map_or(0.0, f64::from);
    let alive = features.nodes.columns().into_iter().skip(ALIVE).take(1).flatten();
    batch(features) * (weights + alive.map(|&ms| f64::from(ms).exp()).fold(0.0, f64::max))
}

fn batch(features: &FeatureGraph) -> f64 {
    features.globals.first().copied().map_or(1.0, f64::from)
}
