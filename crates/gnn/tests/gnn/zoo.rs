//! Every convolution in every setting that changes its arithmetic, behind one signature.

use proptest::prelude::*;
use serde_json::json;
use tachograph_gnn::{
    Anee, BatchOptions, EdgeAttention, Gat, GatV2, Gcn, Gin, GraphBatch, GraphConv, GraphRef, LayerEdges, ResidualGcn,
    Result, Sage,
};
use tch::{Device, Tensor, nn};

pub const WIDTH: i64 = 3;
pub const FEATURES: i64 = 2;

/// x, hop and edge features → nodes of the next layer.
pub type Run = Box<dyn Fn(&Tensor, &LayerEdges, &Tensor) -> Result<Tensor>>;

/// A layer that keeps the width at [`WIDTH`].
pub struct Case {
    pub name: &'static str,
    pub options: BatchOptions,
    /// Equal nodes may be computed once.
    pub compressible: bool,
    pub build: fn(&nn::Path<'_>) -> Run,
}

fn from<T: serde::de::DeserializeOwned>(json: serde_json::Value) -> T {
    serde_json::from_value(json).unwrap()
}

fn sage(vs: &nn::Path<'_>, config: serde_json::Value) -> Run {
    let layer = Sage::new(vs, WIDTH, WIDTH, from(config)).unwrap();
    Box::new(move |x, hop, _| layer.forward(x, hop))
}

fn gat(vs: &nn::Path<'_>, config: serde_json::Value) -> Run {
    let edges = config["edge_features"].is_i64();
    let layer = Gat::new(vs, WIDTH, WIDTH, from(config)).unwrap();
    Box::new(move |x, hop, e| layer.forward(x, hop, edges.then_some(e), false))
}

fn gatv2(vs: &nn::Path<'_>, config: serde_json::Value) -> Run {
    let edges = config["edge_features"].is_i64();
    let layer = GatV2::new(vs, WIDTH, WIDTH, from(config)).unwrap();
    Box::new(move |x, hop, e| layer.forward(x, hop, edges.then_some(e), false))
}

fn graph_conv(vs: &nn::Path<'_>, config: serde_json::Value, weighted: bool) -> Run {
    let layer = GraphConv::new(vs, WIDTH, WIDTH, from(config)).unwrap();
    Box::new(move |x, hop, e| layer.forward(x, hop, weighted.then(|| e.select(1, 0)).as_ref()))
}

fn anee(vs: &nn::Path<'_>, gate: &str) -> Run {
    let layer = Anee::new(vs, WIDTH, WIDTH, from(json!({"edge_features": FEATURES, "gate": gate}))).unwrap();
    Box::new(move |x, hop, e| layer.forward(x, hop, e).map(|(nodes, _)| nodes))
}

fn residual(vs: &nn::Path<'_>, form: &str) -> Run {
    let layer = ResidualGcn::new(vs, WIDTH, from(json!({"form": form}))).unwrap();
    Box::new(move |x, hop, _| layer.forward(x, hop, None))
}

fn edge_attention(vs: &nn::Path<'_>) -> EdgeAttention {
    EdgeAttention::new(vs, WIDTH, 1, from(json!({"heads": WIDTH, "edge_features": FEATURES}))).unwrap()
}

/// All of them.
pub fn cases() -> Vec<Case> {
    let case = |name, build| Case { name, options: BatchOptions::default(), compressible: true, build };
    let looped = |name, build| {
        let options = BatchOptions { self_loops: true, ..BatchOptions::default() };
        Case { options, ..case(name, build) }
    };
    let both = |name, build| Case {
        options: BatchOptions { self_loops: true, reverse: true, ..BatchOptions::default() },
        ..case(name, build)
    };
    vec![
        looped("GCN", |vs| {
            let layer = Gcn::new(vs, WIDTH, WIDTH, from(json!({}))).unwrap();
            Box::new(move |x, hop, _| layer.forward(x, hop, None))
        }),
        Case {
            compressible: false,
            ..case("GCN, weighted", |vs| {
                let layer = Gcn::new(vs, WIDTH, WIDTH, from(json!({}))).unwrap();
                Box::new(move |x, hop, e| layer.forward(x, hop, Some(&e.select(1, 0))))
            })
        },
        case("SAGE, mean", |vs| sage(vs, json!({"normalize": true}))),
        case("SAGE, sum", |vs| sage(vs, json!({"aggregate": "sum", "project": true}))),
        case("SAGE, max", |vs| sage(vs, json!({"aggregate": "max"}))),
        both("SAGE, directed", |vs| sage(vs, json!({"directed": true}))),
        looped("GAT", |vs| gat(vs, json!({"heads": 2, "concat": false}))),
        case("GAT with edge features", |vs| gat(vs, json!({"edge_features": FEATURES}))),
        looped("GATv2", |vs| gatv2(vs, json!({"heads": 2, "concat": false}))),
        case("GATv2 with edge features", |vs| gatv2(vs, json!({"edge_features": FEATURES, "share_weights": true}))),
        case("GraphConv", |vs| graph_conv(vs, json!({}), false)),
        case("GraphConv, weighted sum", |vs| graph_conv(vs, json!({}), true)),
        case("GraphConv, weighted mean", |vs| graph_conv(vs, json!({"aggregate": "mean"}), true)),
        case("GraphConv, weighted max", |vs| graph_conv(vs, json!({"aggregate": "max"}), true)),
        case("GIN", |vs| {
            let layer = Gin::new(vs, WIDTH, WIDTH, from(json!({"eps": 0.3, "train_eps": true, "hidden": 5}))).unwrap();
            Box::new(move |x, hop, _| layer.forward(x, hop))
        }),
        case("ANEE, edges", |vs| anee(vs, "edges")),
        case("ANEE, channels", |vs| anee(vs, "channels")),
        case("edge-aware attention", |vs| {
            let layer = edge_attention(vs);
            Box::new(move |x, hop, e| layer.forward(x, hop, e, false))
        }),
        Case {
            compressible: false,
            ..case("edge-aware attention, edges updated", |vs| {
                let layer = edge_attention(vs);
                Box::new(move |x, hop, e| {
                    let y = layer.forward(x, hop, e, false)?;
                    layer.forward(&y, hop, &layer.update(&y, hop, e)?, false)
                })
            })
        },
        both("residual GCN, tile", |vs| residual(vs, "tile")),
        both("residual GCN, tile directed", |vs| residual(vs, "tile_directed")),
        looped("residual GCN, layout", |vs| residual(vs, "layout")),
        both("residual GCN, layout asymmetric", |vs| residual(vs, "layout_asymmetric")),
    ]
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

/// Features of the edges of a hop; (0, features) where no graph of the batch has an edge.
pub fn features(hop: &LayerEdges, x: &Tensor) -> Tensor {
    match &hop.features {
        Some(features) => features.to_kind(x.kind()),
        None => Tensor::zeros([hop.edges.len(), FEATURES], (x.kind(), x.device())),
    }
}
