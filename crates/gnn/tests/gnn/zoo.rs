//! Every registered layer in every setting that changes its arithmetic, and graphs to run them on.

use proptest::prelude::*;
use tachograph_gnn::{BatchOptions, Context, Conv, GraphBatch, GraphRef, LayerConfig, LayerEdges, layers};
use tch::{Device, Tensor, nn};

pub const WIDTH: i64 = 3;
pub const FEATURES: i64 = 2;

/// A layer in one of its settings.
pub struct Case {
    /// The settings as JSON.
    pub name: String,
    pub config: LayerConfig,
    /// What it asks of a batch, not compressed.
    pub options: BatchOptions,
    /// Equal nodes may be computed once.
    pub compressible: bool,
}

/// All of them.
pub fn cases() -> Vec<Case> {
    let case = |config: LayerConfig| {
        let options = config.batch_options();
        Case {
            name: serde_json::to_string(&config).unwrap(),
            options: BatchOptions { compressed: false, ..options },
            compressible: options.compressed,
            config,
        }
    };
    layers().iter().flat_map(|layer| layer.variants(FEATURES)).map(case).collect()
}

impl Case {
    /// So many layers, one on the other.
    pub fn stack(&self, vs: &nn::Path<'_>, layers: usize) -> Vec<Box<dyn Conv>> {
        let mut stack: Vec<Box<dyn Conv>> = Vec::new();
        for l in 0..layers {
            let inputs = stack.last().map_or(WIDTH, |layer| layer.width());
            stack.push(self.config.layer(&(vs / l), inputs, WIDTH).unwrap());
        }
        stack
    }
}

/// One layer; `e` goes to those that read edge features.
pub fn run(layer: &dyn Conv, x: &Tensor, edges: &LayerEdges, e: &Tensor) -> Tensor {
    let context = Context { edges: (layer.edge_features() > 0).then_some(e), ..Context::default() };
    layer.forward(x, edges, &context).unwrap()
}

/// A graph whose edges have features.
#[derive(Clone, Debug)]
pub struct Graph {
    pub nodes: Vec<f32>,
    pub edges: Vec<(u32, u32)>,
    pub features: Vec<f32>,
}

impl Graph {
    pub fn view(&self) -> GraphRef<'_> {
        let (nodes, edges, edge_features) = (&self.nodes, &self.edges, &self.features);
        GraphRef { nodes, width: WIDTH as usize, edges, edge_features, globals: &[], groups: &[] }
    }

    pub fn len(&self) -> usize {
        self.nodes.len() / WIDTH as usize
    }

    /// Node `i` moves to `to[i]`.
    pub fn permuted(&self, to: &[usize]) -> Self {
        let width = WIDTH as usize;
        let mut nodes = vec![0.0; self.nodes.len()];
        for (row, &t) in self.nodes.chunks(width).zip(to) {
            nodes[t * width..(t + 1) * width].copy_from_slice(row);
        }
        let edges = self.edges.iter().map(|&(s, d)| (to[s as usize] as u32, to[d as usize] as u32)).collect();
        Self { nodes, edges, features: self.features.clone() }
    }

    /// Both, side by side, as one graph.
    pub fn beside(&self, other: &Self) -> Self {
        let offset = self.len() as u32;
        let shifted = other.edges.iter().map(|&(s, d)| (s + offset, d + offset));
        Self {
            nodes: [self.nodes.as_slice(), &other.nodes].concat(),
            edges: self.edges.iter().copied().chain(shifted).collect(),
            features: [self.features.as_slice(), &other.features].concat(),
        }
    }
}

/// 1 to 7 nodes and their edges, both of few kinds, repeated edges and self-loops among them.
pub fn graph() -> impl Strategy<Value = Graph> {
    (1usize..8).prop_flat_map(|n| {
        let edge = (0..n as u32, 0..n as u32, 0usize..2);
        (prop::collection::vec(0usize..3, n), prop::collection::vec(edge, 0..2 * n)).prop_map(|(kinds, edges)| {
            const KINDS: [[f32; 3]; 3] = [[1.0, 0.0, 0.3], [0.0, 1.0, -0.7], [0.5, 0.4, 2.0]];
            const EDGES: [[f32; 2]; 2] = [[1.0, -0.5], [0.25, 2.0]];
            Graph {
                nodes: kinds.into_iter().flat_map(|k| KINDS[k]).collect(),
                features: edges.iter().flat_map(|e| EDGES[e.2]).collect(),
                edges: edges.into_iter().map(|(s, d, _)| (s, d)).collect(),
            }
        })
    })
}

pub fn batch(graphs: &[Graph], options: &BatchOptions, device: Device) -> GraphBatch {
    let views: Vec<GraphRef<'_>> = graphs.iter().map(Graph::view).collect();
    GraphBatch::build(&views, options, device).unwrap()
}

/// Features of the edges of a layer; (0, features) where no graph of the batch has an edge.
pub fn features(edges: &LayerEdges, x: &Tensor) -> Tensor {
    match &edges.features {
        Some(features) => features.to_kind(x.kind()),
        None => Tensor::zeros([edges.edges.len(), FEATURES], (x.kind(), x.device())),
    }
}
