//! A layer of your own, in a network that learns the critical path of a graph. Needs libtorch.
//!
//! Where operators run in parallel, a graph takes as long as its longest path. Messages that are summed cannot tell it;
//! messages of which the largest counts can: end(v) = cost(v) + max over predecessors u of end(u).
//!
//!     cargo run -p tachograph-examples --features torch --example custom_layer

use anyhow::Result;
use tachograph_gnn::{Context, Conv, GraphBatch, GraphRef, LayerEdges, Pool};
use tch::{Device, Kind, Tensor, nn, nn::OptimizerConfig};

/// x'ᵢ = exp(r)·costᵢ + max over j→i of xⱼ, where costs are columns beside x, and r is learned.
#[derive(Debug)]
struct LongestPath {
    /// As logarithms, since a rate is positive: (costs, 1).
    rates: Tensor,
}

impl Conv for LongestPath {
    fn width(&self) -> i64 {
        1
    }

    fn forward(&self, x: &Tensor, edges: &LayerEdges, context: &Context<'_>) -> tachograph_gnn::Result<Tensor> {
        // Edges are sorted by destination, so that this is one pass; a node without predecessors gets 0.
        let before = edges.edges.max(x)?;
        let costs = edges.residual_rows(context.nodes.unwrap_or(x))?;
        Ok(costs.matmul(&self.rates.exp()) + before)
    }
}

/// Operators of each graph, so that as many rounds of messages reach from end to end.
const NODES: usize = 8;

/// A graph: FLOPs and bytes of its operators, its edges, and how long it takes at 0.7 a FLOP and 0.2 a byte.
fn graph(number: usize) -> (Vec<f32>, Vec<(u32, u32)>, f32) {
    let draw = |i: usize| ((number * 37 + i * 101 + number * i * 13) % 97) as f32 / 97.0;
    let nodes: Vec<f32> = (0..2 * NODES).map(draw).collect();
    let pairs = (0..NODES).flat_map(|v| (0..v).map(move |u| (u, v)));
    let edges: Vec<(usize, usize)> = pairs.filter(|&(u, v)| draw(31 * u + v) < 0.3).collect();
    let mut ends = [0.0f32; NODES];
    for v in 0..NODES {
        let start = edges.iter().filter(|edge| edge.1 == v).map(|edge| ends[edge.0]).fold(0.0, f32::max);
        ends[v] = start + 0.7 * nodes[2 * v] + 0.2 * nodes[2 * v + 1];
    }
    let edges = edges.into_iter().map(|(u, v)| (u as u32, v as u32)).collect();
    (nodes, edges, ends.into_iter().fold(0.0, f32::max))
}

/// Finds the two rates from the times of 96 whole graphs.
pub fn main() -> Result<()> {
    let graphs: Vec<_> = (0..96).map(graph).collect();
    let parts = graphs.iter().map(|(nodes, edges, _)| GraphRef { nodes, width: 2, edges, ..GraphRef::default() });
    let batch = GraphBatch::new(&parts.collect::<Vec<_>>(), NODES, Device::Cpu)?;
    let times = Tensor::from_slice(&graphs.iter().map(|graph| graph.2).collect::<Vec<_>>());

    let vs = nn::VarStore::new(Device::Cpu);
    let layer = LongestPath { rates: vs.root().zeros("rates", &[2, 1]) };
    let context = Context { nodes: Some(&batch.nodes), ..Context::default() };
    let mut adam = nn::Adam::default().build(&vs, 0.05)?;
    for step in 1..=200 {
        let mut ends = Tensor::zeros([batch.nodes.size()[0], 1], (Kind::Float, Device::Cpu));
        for round in 0..NODES {
            ends = layer.forward(&ends, batch.layer_edges(round)?, &context)?;
        }
        // A graph ends with its last operator.
        let predicted = Pool::Max.apply(&batch.graph_of_row, &ends)?.squeeze_dim(1);
        let loss = (predicted / &times - 1.0).abs().mean(Kind::Float);
        adam.backward_step(&loss);
        if step % 50 == 0 {
            println!("step {step}: {:.1} % off", 100.0 * loss.double_value(&[]));
        }
    }
    let found = Vec::<f32>::try_from(&layer.rates.exp().squeeze())?;
    println!("learned {found:.2?} for a FLOP and a byte; the graphs were made with [0.7, 0.2]");
    anyhow::ensure!((found[0] - 0.7).abs() < 0.05 && (found[1] - 0.2).abs() < 0.05, "that is another answer");
    Ok(())
}
