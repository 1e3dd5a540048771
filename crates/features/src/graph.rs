//! A graph as numbers.

use std::collections::{BTreeMap, BTreeSet};

use ndarray::Array2;
use tachograph_ir::{BoundGraph, Edge, NodeId, TensorId};

/// A graph as a predictor reads it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureGraph {
    /// One row a node: (nodes, columns).
    pub nodes: Array2<f32>,
    /// Edges as (source, destination), rows of `nodes`; sorted by destination, then source, without repeats.
    pub edges: Vec<(u32, u32)>,
    /// One row an edge, in the order of `edges`: (edges, columns); empty where the schema has no columns for them.
    pub edge_features: Array2<f32>,
    /// Fused group of each row, 0, 1, …; empty where the featuriser makes none.
    pub groups: Vec<u32>,
    /// Features of the whole graph.
    pub globals: Vec<f32>,
    /// The node of the bound graph (of its training graph, where that is what is featurised) behind each row; rows
    /// that stand for no node come last. Empty where rows are not nodes.
    pub node_ids: Vec<NodeId>,
    /// Operators that the schema has no column for, sorted.
    pub unknown: Vec<String>,
}

/// Tensors that flow between live nodes, as pairs of positions in [`BoundGraph::live`], in both directions.
/// There are no self-loops and no repeats: two tensors between the same nodes make one edge each way.
/// A path through a node that does not run is no edge.
pub fn undirected_edges(bound: &BoundGraph) -> Vec<(u32, u32)> {
    let both = uses(bound).flat_map(|(from, to, _)| [(from, to), (to, from)]);
    sorted(both.collect())
}

/// The tensors on each edge from a live producer to a live consumer, with the consumer's operand; edges in the order
/// of [`FeatureGraph::edges`].
pub(crate) type Flows = Vec<((u32, u32), Vec<(TensorId, u32)>)>;

/// What flows between live nodes, as positions in [`BoundGraph::live`], from producer to consumer.
pub(crate) fn flows(bound: &BoundGraph) -> Flows {
    let mut flows: BTreeMap<(u32, u32), Vec<(TensorId, u32)>> = BTreeMap::new();
    for (from, to, edge) in uses(bound) {
        flows.entry((to, from)).or_default().push((edge.tensor, edge.to));
    }
    flows.into_iter().map(|((to, from), tensors)| ((from, to), tensors)).collect()
}

fn uses(bound: &BoundGraph) -> impl Iterator<Item = (u32, u32, Edge)> {
    let mut position = vec![None; bound.graph().len()];
    bound.live().iter().enumerate().for_each(|(row, id)| position[id.index()] = Some(row as u32));
    let row = move |id: NodeId| position.get(id.index()).copied().flatten();
    bound.graph().edges().filter_map(move |(from, to, edge)| Some((row(from)?, row(to)?, edge)))
}

/// In the order of [`FeatureGraph::edges`].
pub(crate) fn sorted(edges: BTreeSet<(u32, u32)>) -> Vec<(u32, u32)> {
    let mut edges: Vec<_> = edges.into_iter().collect();
    edges.sort_unstable_by_key(|&(from, to)| (to, from));
    edges
}
