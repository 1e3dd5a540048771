//! A graph of operators with a global node, in the manner of BRP-NAS; ours, for networks that are no cells.
//!
//! Columns are those of [`costs`], and `global`, 1 for the global node, which is the last row. Edges are those of
//! [`cell`](super::cell): messages flow from consumer to producer, every node hears itself, and the global node hears
//! every node.

use std::collections::BTreeSet;

use ndarray::{Array2, s};
use tachograph_ir::BoundGraph;

use super::costs::Costs;
use crate::{Columns, FeatureGraph, Features, Result, Schema, graph::sorted};

/// See [the module](self).
pub struct GlobalNode;

impl Features for GlobalNode {
    fn name(&self) -> &'static str {
        "global-node"
    }

    fn columns(&self, operators: &[String]) -> Columns {
        Columns { appended: vec!["global".into()], ..Costs.columns(operators) }
    }

    fn featurize(&self, schema: &Schema, bound: &BoundGraph) -> Result<FeatureGraph> {
        Costs.featurize(schema, bound)
    }

    fn complete(&self, features: FeatureGraph) -> FeatureGraph {
        let (n, width) = features.nodes.dim();
        let mut nodes = Array2::zeros((n + 1, width + 1));
        nodes.slice_mut(s![..n, ..width]).assign(&features.nodes);
        nodes[[n, width]] = 1.0;
        // Both directions are there; rows are in topological order, so that these lead from consumer to producer.
        let mut edges: BTreeSet<(u32, u32)> = features.edges.into_iter().filter(|(from, to)| from > to).collect();
        edges.extend((0..=n as u32).flat_map(|row| [(row, row), (row, n as u32)]));
        FeatureGraph { nodes, edges: sorted(edges), ..features }
    }
}
