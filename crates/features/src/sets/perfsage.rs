//! Features in the manner of PerfSAGE (Chai et al., 2023), whose exact vector is not published; columns of our choice:
//!
//! | columns | what |
//! |---|---|
//! | `op=NAME` …, `op=?` | one-hot over the operators of the training data |
//! | `input_0` …, `weight_0` …, `output_0` … | log₂(1 + extent) of the first operand, the first weight, the first result; four each, missing ones 0 |
//! | `kernel_h` … `pad_w` | window, strides, dilations, pads; 0 without a window |
//! | `activation` | 1 where all that reads the result is activation functions |
//! | `width` | log₂ of the bits of a result's element, over 32 |
//! | `macs`, `bytes` | log₂(1 + n) |
//!
//! Edges lead from producer to consumer; the network hears both directions. There are no graph features.

use std::collections::BTreeSet;

use ndarray::Array2;
use tachograph_ir::{BoundGraph, NodeId};

use super::costs::costs;
use crate::{
    Columns, FeatureGraph, Features, Result, Schema,
    attributes::{kernel, operand_shape, result_shape},
    columns::{names, one_hot},
    graph::flows,
};

const WINDOW: [&str; 8] =
    ["kernel_h", "kernel_w", "stride_h", "stride_w", "dilation_h", "dilation_w", "pad_h", "pad_w"];
const REST: [&str; 4] = ["activation", "width", "macs", "bytes"];

/// See [the module](self).
pub struct PerfSage;

impl Features for PerfSage {
    fn name(&self) -> &'static str {
        "perfsage"
    }

    fn columns(&self, operators: &[String]) -> Columns {
        let shapes =
            ["input", "weight", "output"].map(|tensor| (0..4).map(|i| format!("{tensor}_{i}")).collect::<Vec<_>>());
        Columns {
            kept: one_hot("op", operators),
            scaled: [shapes.concat(), names(&WINDOW), names(&REST)].concat(),
            ..Columns::default()
        }
    }

    fn featurize(&self, schema: &Schema, bound: &BoundGraph) -> Result<FeatureGraph> {
        featurize(schema, bound)
    }
}

fn featurize(schema: &Schema, bound: &BoundGraph) -> Result<FeatureGraph> {
    let first = schema.place("input_0")?;
    let mut nodes = Array2::zeros((bound.live().len(), schema.node_columns.len()));
    let mut unknown = BTreeSet::new();
    let flows = flows(bound);
    let log2 = |v: f64| v.max(0.0).ln_1p() / std::f64::consts::LN_2;
    let is_activation = |id: &NodeId| bound.graph().node(*id).activates();
    let mut readers = vec![vec![]; bound.live().len()];
    for ((from, to), _) in &flows {
        if let (Some(list), Some(id)) = (readers.get_mut(*from as usize), bound.live().get(*to as usize)) {
            list.push(is_activation(id));
        }
    }
    for ((mut row, (id, cost)), readers) in nodes.rows_mut().into_iter().zip(costs(bound)?).zip(&readers) {
        let node = bound.graph().node(id);
        row[schema.slot(&node.op, &mut unknown)] = 1.0;
        let weight = node.inputs.iter().flatten().copied().find(|&t| bound.is_parameter(t));
        let shapes = [operand_shape(bound, node, 0), weight.and_then(|t| bound.shape(t)), result_shape(bound, node, 0)];
        let extents = shapes.into_iter().flat_map(|shape| {
            (0..4).map(move |i| {
                shape.and_then(|s| s.get(i)).map_or(0.0, |&n| (n as f64).ln_1p() / std::f64::consts::LN_2)
            })
        });
        let window = kernel(bound, node);
        let axis = |i: usize| window.as_ref().and_then(|w| w.get(i)).map_or(0.0, |&k| k as f64);
        let setting = |name: &str, i: usize, default: i64| match &window {
            Some(_) => node.ints(name).and_then(|_| node.int_at(name, i)).unwrap_or(default) as f64,
            None => 0.0,
        };
        let one = |name: &str, i: usize| setting(name, i, 1);
        let bits = node.outputs.iter().flatten().next().map_or(32, |&t| bound.fact(t).dtype.bits());
        let numbers = [
            axis(0),
            axis(1),
            one("strides", 0),
            one("strides", 1),
            one("dilations", 0),
            one("dilations", 1),
            setting("pads", 0, 0),
            setting("pads", 1, 0),
            f64::from(!readers.is_empty() && readers.iter().all(|&activates| activates)),
            (bits as f64 / 32.0).log2(),
            log2(cost.macs as f64),
            log2(cost.bytes() as f64),
        ];
        row.iter_mut().skip(first).zip(extents.chain(numbers)).for_each(|(slot, value)| *slot = value as f32);
    }
    Ok(FeatureGraph {
        nodes,
        edges: flows.into_iter().map(|(edge, _)| edge).collect(),
        node_ids: bound.live().to_vec(),
        unknown: unknown.into_iter().collect(),
        ..FeatureGraph::default()
    })
}
