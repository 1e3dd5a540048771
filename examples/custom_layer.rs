//! A layer and a loss of your own, in a network that learns the critical path of a graph. Needs libtorch.
//!
//! Where operators run in parallel, a graph takes as long as its longest path. Messages that are summed cannot tell it;
//! messages of which the largest counts can: t(v) = cost(v) + max over predecessors u of t(u).
//!
//!     cargo run -p tachograph-examples --features torch --example custom_layer

use anyhow::Result;
use serde::Serialize;
use tachograph_gnn::{Context, Conv, GraphBatch, GraphRef, LayerEdges, Pool};
use tachograph_train::{
    Loss,
    loss::{LossFunction, Segments},
};
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
        // `edges.edges` are sorted by destination, so that this is one pass; a node without predecessors gets 0.
        let before = edges.edges.max(x)?;
        let costs = edges.residual_rows(context.nodes.unwrap_or(x))?;
        Ok(costs.matmul(&self.rates.exp()) + before)
    }
}

/// mean |ln ŷ − ln y|: twice as long and half as long weigh the same.
#[derive(Debug, Default, Serialize)]
struct LogAbsolute {}

impl LossFunction for LogAbsolute {
    fn name(&self) -> &'static str {
        "log-absolute"
    }

    fn formula(&self) -> &'static str {
        "mean abs(ln ŷ − ln y)"
    }

    fn value(&self, prediction: &Tensor, target: &Tensor, _: Option<&Segments>) -> tachograph_train::Result<Tensor> {
        Ok((prediction.clamp_min(1e-3).log() - target.log()).abs().mean(Kind::Float))
    }
}

/// Longest path in operators of the graphs made here, so that as many rounds of messages reach from end to end.
const NODES: usize = 8;
/// What an operator really takes for each FLOP and each byte, which the network is to find out from whole graphs.
const RATES: [f32; 2] = [0.7, 0.2];

/// A graph whose operators have FLOPs and bytes, and how long it takes.
fn graph(number: usize) -> (Vec<f32>, Vec<(u32, u32)>, f32) {
    let draw = |i: usize| ((number * 37 + i * 101 + number * i * 13) % 97) as f32 / 97.0;
    let nodes: Vec<f32> = (0..2 * NODES).map(draw).collect();
    let pairs = (0..NODES).flat_map(|u| (u + 1..NODES).map(move |v| (u as u32, v as u32)));
    let edges: Vec<(u32, u32)> = pairs.filter(|&(u, v)| draw((31 * u + v) as usize) < 0.3).collect();
    let mut ends = [0.0f32; NODES];
    for v in 0..NODES {
        let start =
            edges.iter().filter(|edge| edge.1 as usize == v).map(|edge| ends[edge.0 as usize]).fold(0.0, f32::max);
        ends[v] = start + RATES[0] * nodes[2 * v] + RATES[1] * nodes[2 * v + 1];
    }
    (nodes, edges, ends.into_iter().fold(0.0, f32::max))
}

/// Learns from 96 graphs, and predicts 32 others.
pub fn main() -> Result<()> {
    let batch = |numbers: std::ops::Range<usize>| -> Result<(GraphBatch, Tensor)> {
        let graphs: Vec<_> = numbers.map(graph).collect();
        let refs: Vec<GraphRef> =
            graphs.iter().map(|(nodes, edges, _)| GraphRef { nodes, width: 2, edges, ..GraphRef::default() }).collect();
        let times: Vec<f32> = graphs.iter().map(|graph| graph.2).collect();
        Ok((GraphBatch::new(&refs, NODES, Device::Cpu)?, Tensor::from_slice(&times)))
    };
    let (known, held_out) = (batch(0..96)?, batch(96..128)?);

    let vs = nn::VarStore::new(Device::Cpu);
    let layer = LongestPath { rates: vs.root().zeros("rates", &[2, 1]) };
    let forward = |batch: &GraphBatch| -> Result<Tensor> {
        let context = Context { nodes: Some(&batch.nodes), ..Context::default() };
        let mut ends = Tensor::zeros([batch.nodes.size()[0], 1], (Kind::Float, Device::Cpu));
        for round in 0..NODES {
            ends = layer.forward(&ends, batch.layer_edges(round)?, &context)?;
        }
        // The graph ends with its last operator.
        Ok(Pool::Max.apply(&batch.graph_of_row, &ends)?.squeeze_dim(1))
    };

    let loss = Loss::from(LogAbsolute {});
    let mut adam = nn::Adam::default().build(&vs, 0.02)?;
    for step in 1..=200 {
        let value = loss.value(&forward(&known.0)?, &known.1, None)?;
        adam.backward_step(&value);
        if step % 50 == 0 {
            let others = loss.value(&forward(&held_out.0)?, &held_out.1, None)?;
            println!(
                "step {step}: loss {:.4}, on other graphs {:.4}",
                value.double_value(&[]),
                others.double_value(&[])
            );
        }
    }
    let found = Vec::<f32>::try_from(&layer.rates.exp().squeeze())?;
    println!("learned {found:.2?} for a FLOP and a byte; the graphs were made with {RATES:?}");
    Ok(())
}
