//! A GIN tells rings with a chord from trees of the same size, without node features to go by, and reads each graph
//! out with a sum. Half of the graphs are held out.
//!
//!     cargo run --release -p tachograph-gnn --example classify

use tachograph_gnn::{Context, Conv, Gin, GinConfig, GraphBatch, GraphRef, Linear, Pool, Result};
use tch::{Device, Kind, Reduction, Tensor, nn, nn::OptimizerConfig};

type Edges = Vec<(u32, u32)>;

/// A ring of `n` nodes with a chord, or a tree in which every node hangs on an earlier one.
fn graph(n: u32, ring: bool, mut random: impl FnMut(u32) -> u32) -> Edges {
    let mut edges: Edges = match ring {
        true => (0..n).map(|i| (i, (i + 1) % n)).chain([(0, 2 + random(n - 3))]).collect(),
        false => (1..n).map(|i| (i, random(i))).collect(),
    };
    edges.extend(edges.clone().iter().map(|&(a, b)| (b, a)));
    edges
}

struct Net {
    layers: [Gin; 3],
    head: Linear,
}

impl Net {
    fn new(vs: &nn::Path<'_>) -> Result<Self> {
        let layer = |l: i64, inputs| Gin::new(&(vs / l), inputs, 32, GinConfig::default());
        Ok(Self {
            layers: [layer(0, 1)?, layer(1, 32)?, layer(2, 32)?],
            head: Linear::new(&(vs / "head"), 32, 2, true)?,
        })
    }

    fn forward(&self, batch: &GraphBatch) -> Result<Tensor> {
        let mut x = batch.nodes.shallow_clone();
        for (l, layer) in self.layers.iter().enumerate() {
            x = layer.forward(&x, batch.layer_edges(l)?, &Context::default())?.relu();
        }
        self.head.forward(&Pool::Mean.apply(&batch.graph_of_row, &x)?)
    }
}

fn main() -> Result<()> {
    tch::manual_seed(0);
    let mut state = 1u64;
    let mut random = |below: u32| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        ((state >> 33) % u64::from(below.max(1))) as u32
    };
    let graphs: Vec<(Edges, i64)> = (0..400)
        .map(|i| {
            let n = 6 + random(10);
            (graph(n, i % 2 == 0, &mut random), i % 2)
        })
        .collect();
    let ones = [1.0; 16];
    let batch = |graphs: &[(Edges, i64)]| -> Result<(GraphBatch, Tensor)> {
        let nodes = |edges: &Edges| 1 + edges.iter().map(|e| e.0).max().unwrap_or(0) as usize;
        let views: Vec<GraphRef<'_>> = graphs
            .iter()
            .map(|(edges, _)| GraphRef { nodes: &ones[..nodes(edges)], width: 1, edges, ..GraphRef::default() })
            .collect();
        let labels: Vec<i64> = graphs.iter().map(|g| g.1).collect();
        // Most nodes have a twin: equal ones are computed once.
        Ok((GraphBatch::compressed(&views, 3, Device::Cpu)?, Tensor::from_slice(&labels)))
    };
    let (train, labels) = batch(&graphs[..200])?;
    let (test, expected) = batch(&graphs[200..])?;

    let vs = nn::VarStore::new(Device::Cpu);
    let net = Net::new(&vs.root())?;
    let mut adam = nn::Adam::default().build(&vs, 0.003).expect("Adam starts");
    for epoch in 1..=200 {
        let loss = net.forward(&train)?.cross_entropy_loss(&labels, None::<Tensor>, Reduction::Mean, -100, 0.0);
        adam.backward_step(&loss);
        if epoch % 50 == 0 {
            let scores = tch::no_grad(|| net.forward(&test))?;
            let right = scores.argmax(1, false).eq_tensor(&expected).sum(Kind::Int64).int64_value(&[]);
            println!("epoch {epoch}: loss {:.4}, {right} of 200 new graphs right", loss.double_value(&[]));
        }
    }
    Ok(())
}
