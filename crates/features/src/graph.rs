//! A graph as numbers.

use std::collections::BTreeSet;

use ndarray::Array2;
use tachograph_ir::{Concrete, NodeId};

/// A graph as a predictor reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct FeatureGraph {
    /// One row a node: (nodes, columns).
    pub nodes: Array2<f32>,
    /// Edges as (source, destination), rows of `nodes`; sorted by destination, then source, without repeats.
    pub edges: Vec<(u32, u32)>,
    /// Features of the whole graph.
    pub globals: Vec<f32>,
    /// The node of the bound graph behind each row, in topological order.
    pub node_ids: Vec<NodeId>,
    /// Operators that the schema has no column for, sorted.
    pub unknown: Vec<String>,
}

/// Tensors that flow between live nodes, as pairs of positions in [`Concrete::live`], in both directions.
/// There are no self-loops and no repeats: two tensors between the same nodes make one edge each way.
/// A path through a node that does not run is no edge.
pub fn undirected_edges(bound: &Concrete) -> Vec<(u32, u32)> {
    let mut position = vec![None; bound.graph().len()];
    bound.live().iter().enumerate().for_each(|(row, id)| position[id.index()] = Some(row as u32));
    let mut edges = BTreeSet::new();
    for (producer, consumer, _) in bound.graph().edges() {
        if let (Some(from), Some(to)) = (position[producer.index()], position[consumer.index()]) {
            edges.extend([(from, to), (to, from)]);
        }
    }
    let mut edges: Vec<_> = edges.into_iter().collect();
    edges.sort_unstable_by_key(|&(from, to)| (to, from));
    edges
}
