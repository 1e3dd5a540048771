//! Random graphs with everything that a model may read.

use std::collections::BTreeMap;

use tachograph_gnn::{BatchOptions, GraphBatch, GraphRef};
use tachograph_ir::Quantity;
use tachograph_models::{ModelConfig, Network};
use tch::{Device, Tensor, nn};

/// Numbers of a node, of which the last marks the global node, of an edge and of a graph.
pub const NODES: usize = 7;
pub const EDGES: usize = 3;
pub const GLOBALS: usize = 2;

/// A graph as a featuriser makes it.
#[derive(Clone)]
pub struct Sampled {
    pub nodes: Vec<f32>,
    pub edges: Vec<(u32, u32)>,
    pub edge_features: Vec<f32>,
    pub globals: Vec<f32>,
    pub groups: Vec<u32>,
}

impl Sampled {
    /// Nodes read the one before, and some two or three before; three in a group.
    pub fn new(n: usize, seed: u64) -> Self {
        let mut drawn = 0;
        let mut draw = |rows: usize, width: usize| -> Vec<f32> {
            drawn += 1;
            numbers(rows * width, 10 * seed + drawn)
        };
        let mut nodes = draw(n, NODES);
        for (i, row) in nodes.chunks_mut(NODES).enumerate() {
            row[NODES - 1] = f32::from(u8::from(i + 1 == n));
        }
        let back = |by: u32, every: u32| (by..n as u32).filter(move |i| i % every == 0).map(move |i| (i - by, i));
        let edges: Vec<(u32, u32)> = back(1, 1).chain(back(2, 2)).chain(back(3, 3)).collect();
        Self {
            nodes,
            edge_features: draw(edges.len(), EDGES),
            edges,
            // A batch of images is positive.
            globals: draw(1, GLOBALS).into_iter().map(|g| g + 1.0).collect(),
            groups: (0..n as u32).map(|i| i / 3).collect(),
        }
    }

    /// Node i becomes node `order[i]`; edges and groups come in another order too.
    pub fn permuted(&self, order: &[usize]) -> Self {
        let (w, e) = (NODES, EDGES);
        let mut other = self.clone();
        let last = self.groups.iter().max().copied().unwrap_or(0);
        for (i, &to) in order.iter().enumerate() {
            other.nodes[to * w..(to + 1) * w].copy_from_slice(&self.nodes[i * w..(i + 1) * w]);
            other.groups[to] = last - self.groups[i];
        }
        let edge = |&(s, d): &(u32, u32)| (order[s as usize] as u32, order[d as usize] as u32);
        other.edges = self.edges.iter().rev().map(edge).collect();
        other.edge_features = self.edge_features.chunks(e).rev().flatten().copied().collect();
        other
    }

    pub fn len(&self) -> usize {
        self.groups.len()
    }

    fn view(&self) -> GraphRef<'_> {
        GraphRef {
            nodes: &self.nodes,
            width: NODES,
            edges: &self.edges,
            edge_features: &self.edge_features,
            globals: &self.globals,
            groups: &self.groups,
        }
    }
}

pub fn some() -> Vec<Sampled> {
    vec![Sampled::new(7, 1), Sampled::new(1, 2), Sampled::new(12, 3)]
}

pub fn build(graphs: &[Sampled], options: &BatchOptions) -> GraphBatch {
    let views: Vec<GraphRef<'_>> = graphs.iter().map(Sampled::view).collect();
    GraphBatch::build(&views, options, Device::Cpu).unwrap()
}

/// A network with numbers of its own in every parameter.
pub fn model(config: &ModelConfig, outputs: &[Quantity]) -> (nn::VarStore, Box<dyn Network>) {
    let (vs, model) = crate::network(config.clone(), [NODES, EDGES, GLOBALS], outputs);
    let variables: BTreeMap<_, _> = vs.variables().into_iter().collect();
    for (i, mut variable) in variables.into_values().enumerate() {
        let size = variable.size();
        let bound = 2.0 / (size.last().copied().unwrap_or(1) as f64).sqrt();
        let drawn = Tensor::from_slice(&numbers(variable.numel(), 100 + i as u64)).reshape(&size) * bound;
        tch::no_grad(|| variable.copy_(&drawn));
    }
    (vs, model)
}

/// From −½ to ½. Not from libtorch's generator, which tests that run side by side share.
fn numbers(n: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    (0..n).map(|_| next()).collect()
}
