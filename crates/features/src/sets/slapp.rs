//! Features in the manner of SLAPP (Wang et al., Neural Networks 170, 2024), whose own are not published.
//!
//! Nodes are those of [`nnlp`](super::nnlp), without its graph features. Edges lead from producer to consumer and have
//! columns of our choice: `bytes` (log₂(1 + bytes) / 32), `width` (log₂ of the bits of an element over 32), and
//! `weight`, 1 where a product reads the tensor as its second operand, as it would read a weight. Groups are the
//! kernels of [`BoundGraph::fuse`] with the bundled rule: an anchor and the element-wise operators after it.

use ndarray::Array2;
use tachograph_ir::{BoundGraph, FusionRule};

use super::nnlp::Nnlp;
use crate::{Columns, FeatureGraph, Features, Result, Schema, columns::names, graph::flows};

/// Names of the edge columns.
const EDGE_COLUMNS: [&str; 3] = ["bytes", "width", "weight"];

/// See [the module](self).
pub struct Slapp;

impl Features for Slapp {
    fn name(&self) -> &'static str {
        "slapp"
    }

    fn fixed_operators(&self) -> Option<&'static [&'static str]> {
        Nnlp.fixed_operators()
    }

    fn columns(&self, operators: &[String]) -> Columns {
        Columns { edges: names(&EDGE_COLUMNS), scaled_globals: vec![], ..Nnlp.columns(operators) }
    }

    fn featurize(&self, schema: &Schema, bound: &BoundGraph) -> Result<FeatureGraph> {
        featurize(schema, bound)
    }
}

fn featurize(schema: &Schema, bound: &BoundGraph) -> Result<FeatureGraph> {
    let flows = flows(bound);
    let mut edge_features = Array2::zeros((flows.len(), EDGE_COLUMNS.len()));
    for (mut row, ((_, to), tensors)) in edge_features.rows_mut().into_iter().zip(&flows) {
        let bytes: f64 = tensors.iter().map(|&(t, _)| bound.fact(t).bytes().unwrap_or(0) as f64).sum();
        let bits = tensors.first().map_or(32, |&(t, _)| bound.fact(t).dtype.bits());
        let reader = bound.live().get(*to as usize).map(|&id| bound.graph().node(id));
        let product = reader.is_some_and(|node| node.class().multiplies());
        row[0] = (bytes.ln_1p() / std::f64::consts::LN_2 / 32.0) as f32;
        row[1] = (bits as f32 / 32.0).log2();
        row[2] = f32::from(u8::from(product && tensors.iter().any(|&(_, operand)| operand == 1)));
    }
    let mut groups = vec![0; bound.live().len()];
    for (index, group) in bound.fuse(&FusionRule::default()).iter().enumerate() {
        for row in group.nodes.iter().filter_map(|id| bound.live().binary_search(id).ok()) {
            groups[row] = index as u32;
        }
    }
    let edges = flows.into_iter().map(|(edge, _)| edge).collect();
    Ok(FeatureGraph { edges, edge_features, groups, globals: vec![], ..Nnlp.featurize(schema, bound)? })
}
