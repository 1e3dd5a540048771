//! Graphs of the cases, and how they lie in a folder.

use std::{collections::HashSet, fs::File, io::Read, path::Path};

use anyhow::{Context, Result};
use bytes::Bytes;
use flate2::read::GzDecoder;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tachograph_features::{FeatureSet, Featurizer};
use tachograph_gnn::GraphRef;
use tachograph_import::{nas::nasbench201::Cell, onnx};
use tachograph_ir::Assignment;

use super::{Folder, cases::Graphs, nb201};

/// A graph in plain arrays.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub nodes: Vec<f32>,
    pub width: usize,
    pub edges: Vec<(u32, u32)>,
}

impl Graph {
    pub fn as_ref(&self) -> GraphRef<'_> {
        GraphRef { nodes: &self.nodes, width: self.width, edges: &self.edges, ..GraphRef::default() }
    }
}

pub(super) fn make(graphs: &Graphs) -> Result<Vec<Graph>> {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    match *graphs {
        Graphs::Random { graphs, nodes, width } => Ok((0..graphs)
            .map(|_| {
                let edges = random_edges(&mut rng, nodes, nodes * 13 / 10);
                Graph { nodes: random(&mut rng, nodes * width), width, edges }
            })
            .collect()),
        Graphs::Model { name } => Ok(vec![model(name)?]),
        Graphs::Nb201 { graphs } => {
            let cells: Vec<Cell> = Cell::all().collect();
            Ok((0..graphs)
                .map(|_| {
                    let mut graph = nb201::Network::default();
                    graph.build(&cells[rng.random_range(0..cells.len())]);
                    Graph { nodes: graph.nodes, width: nb201::WIDTH, edges: graph.edges }
                })
                .collect())
        }
        Graphs::Layout { nodes, edges, configurations, differing, width } => {
            let edges = random_edges(&mut rng, nodes, edges);
            let features = random(&mut rng, nodes * width);
            let chosen: Vec<usize> = (0..differing).map(|_| rng.random_range(0..nodes)).collect();
            let copy = |_| {
                let mut nodes = features.clone();
                for &v in &chosen {
                    nodes[v * width..(v + 1) * width].copy_from_slice(&random(&mut rng, width));
                }
                Graph { nodes, width, edges: edges.clone() }
            };
            Ok((0..configurations).map(copy).collect())
        }
    }
}

/// Independent numbers between −1 and 1.
pub(super) fn random(rng: &mut ChaCha8Rng, n: usize) -> Vec<f32> {
    (0..n).map(|_| rng.random_range(-1.0..1.0)).collect()
}

/// A chain, and edges from earlier nodes nearby, as operators have them; no edge twice.
fn random_edges(rng: &mut ChaCha8Rng, nodes: usize, count: usize) -> Vec<(u32, u32)> {
    let mut edges: Vec<(u32, u32)> = (1..nodes as u32).map(|v| (v - 1, v)).collect();
    let mut seen: HashSet<(u32, u32)> = edges.iter().copied().collect();
    while edges.len() < count {
        let to = rng.random_range(1..nodes as u32);
        let edge = (to - rng.random_range(1..=to.min(50)), to);
        if seen.insert(edge) {
            edges.push(edge);
        }
    }
    edges
}

fn model(name: &str) -> Result<Graph> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../datasets/models/{name}.onnx.gz"));
    let mut bytes = Vec::new();
    let file = File::open(&path).with_context(|| path.display().to_string())?;
    GzDecoder::new(file).read_to_end(&mut bytes)?;
    let bound = onnx::read(Bytes::from(bytes), name)?.graph.bind(&Assignment::from([("batch".into(), 1)]))?;
    let features = Featurizer::fit(FeatureSet::COSTS, &[&bound])?.featurize(&bound)?;
    let width = features.nodes.ncols();
    Ok(Graph { nodes: features.nodes.into_iter().collect(), width, edges: features.edges })
}

/// All nodes and edges one graph after the other; edges number the nodes of their own graph.
pub(super) fn put(folder: &mut Folder, graphs: &[Graph]) -> Result<()> {
    let width = graphs.first().map_or(0, |g| g.width);
    let nodes: Vec<f32> = graphs.iter().flat_map(|g| &g.nodes).copied().collect();
    let edges: Vec<u32> = graphs.iter().flat_map(|g| &g.edges).flat_map(|&(s, d)| [s, d]).collect();
    let counts = |count: fn(&Graph) -> usize| graphs.iter().map(|g| count(g) as u32).collect::<Vec<_>>();
    folder.put_floats("nodes", &nodes, &[nodes.len() / width.max(1), width])?;
    folder.put_integers("edges", &edges, &[edges.len() / 2, 2])?;
    folder.put_integers("node_counts", &counts(|g| g.nodes.len() / g.width), &[graphs.len()])?;
    folder.put_integers("edge_counts", &counts(|g| g.edges.len()), &[graphs.len()])
}

pub(super) fn get(folder: &Folder) -> Result<Vec<Graph>> {
    let (nodes, shape) = folder.floats("nodes")?;
    let width = shape[1];
    let edges = folder.integers("edges")?;
    let (mut nodes, mut edges) = (&nodes[..], &edges[..]);
    let counts = folder.integers("node_counts")?.into_iter().zip(folder.integers("edge_counts")?);
    let graph = |(n, e)| {
        let (here, rest) = nodes.split_at(n as usize * width);
        let (pairs, others) = edges.split_at(2 * e as usize);
        (nodes, edges) = (rest, others);
        Graph { nodes: here.to_vec(), width, edges: pairs.chunks(2).map(|p| (p[0], p[1])).collect() }
    };
    Ok(counts.map(graph).collect())
}
