//! What goes into a batch, and the edges that come out.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A graph that does not fit the batch.
#[derive(Debug, Error)]
#[error("graph {index}: {message}")]
pub struct GraphError {
    /// Position in the batch.
    pub index: usize,
    /// What does not fit, with the sizes.
    pub message: String,
}

/// One graph as the caller holds it.
#[derive(Clone, Copy, Debug, Default)]
pub struct GraphRef<'a> {
    /// Node features, row-major: (nodes, width).
    pub nodes: &'a [f32],
    /// Features per node.
    pub width: usize,
    /// Edges as (source, destination); messages flow from source to destination.
    pub edges: &'a [(u32, u32)],
    /// Edge features, row-major, in the order of `edges`: (edges, any width); may be empty.
    pub edge_features: &'a [f32],
    /// Features of the whole graph.
    pub globals: &'a [f32],
    /// Group of each node (a kernel, say), 0, 1, …; may be empty.
    pub groups: &'a [u32],
}

/// What a batch must offer to the network that it is built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BatchOptions {
    /// Message-passing layers.
    pub layers: usize,
    /// Compute equal nodes once; see [`Colours`](crate::Colours).
    pub compressed: bool,
    /// Give every node exactly one self-loop in place of those that it has, whose features are the mean of the other
    /// edges into the node. GCN and GAT want this.
    pub self_loops: bool,
    /// Carry the edges turned round as well, for layers that listen to successors.
    pub reverse: bool,
}

impl Default for BatchOptions {
    fn default() -> Self {
        Self { layers: 1, compressed: false, self_loops: false, reverse: false }
    }
}

/// Edges from source rows to destination rows, sorted by destination: a compressed sparse row pattern.
#[derive(Debug, Default)]
pub struct Edges {
    /// (rows + 1)
    pub offsets: Vec<i64>,
    /// Source row of each edge.
    pub sources: Vec<i64>,
    /// How many equal edges each stands for; empty: each edge counts once.
    pub counts: Vec<f32>,
    /// In-degree of each source row in the graph; empty: the in-degrees of the rows themselves.
    pub source_degrees: Vec<f64>,
}

/// Running totals of `lengths`, from 0: (lengths + 1).
pub fn offsets(lengths: &[usize]) -> Vec<i64> {
    let totals = lengths.iter().scan(0, |total, &n| {
        *total += n as i64;
        Some(*total)
    });
    std::iter::once(0).chain(totals).collect()
}
