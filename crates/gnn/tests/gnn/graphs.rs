//! Graphs for tests.

use proptest::prelude::*;
use tachograph_gnn::GraphRef;

pub const WIDTH: usize = 3;

/// A graph that owns its rows.
#[derive(Clone, Debug)]
pub struct Owned {
    pub nodes: Vec<f32>,
    pub edges: Vec<(u32, u32)>,
}

impl Owned {
    pub fn view(&self) -> GraphRef<'_> {
        GraphRef { nodes: &self.nodes, width: WIDTH, edges: &self.edges, ..GraphRef::default() }
    }

    pub fn len(&self) -> usize {
        self.nodes.len() / WIDTH
    }

    /// Node `i` moves to `to[i]`.
    pub fn permuted(&self, to: &[usize]) -> Self {
        let mut nodes = vec![0.0; self.nodes.len()];
        for (row, &t) in self.nodes.chunks(WIDTH).zip(to) {
            nodes[t * WIDTH..(t + 1) * WIDTH].copy_from_slice(row);
        }
        let edges = self.edges.iter().map(|&(s, d)| (to[s as usize] as u32, to[d as usize] as u32)).collect();
        Self { nodes, edges }
    }

    /// Both, side by side, as one graph.
    pub fn beside(&self, other: &Self) -> Self {
        let offset = self.len() as u32;
        let shifted = other.edges.iter().map(|&(s, d)| (s + offset, d + offset));
        Self {
            nodes: [self.nodes.as_slice(), &other.nodes].concat(),
            edges: self.edges.iter().copied().chain(shifted).collect(),
        }
    }
}

pub fn views(graphs: &[Owned]) -> Vec<GraphRef<'_>> {
    graphs.iter().map(Owned::view).collect()
}

/// 1 to 9 nodes of few kinds; edges at random, so repeated ones and self-loops among them.
pub fn graph() -> impl Strategy<Value = Owned> {
    (1usize..10).prop_flat_map(|n| {
        let kinds = prop::collection::vec(0usize..3, n);
        let edges = prop::collection::vec((0..n as u32, 0..n as u32), 0..2 * n);
        (kinds, edges).prop_map(|(kinds, edges)| {
            const KINDS: [[f32; WIDTH]; 3] = [[1.0, 0.0, 0.3], [0.0, 1.0, -0.7], [0.5, 0.5, 2.0]];
            Owned { nodes: kinds.into_iter().flat_map(|k| KINDS[k]).collect(), edges }
        })
    })
}

/// A batch in which graphs, and parts of graphs, occur more than once.
pub fn repetitive() -> impl Strategy<Value = Vec<Owned>> {
    (graph(), graph(), graph()).prop_map(|(a, b, c)| vec![a.beside(&b), a.clone(), b.beside(&a).beside(&a), c, a])
}
