//! A GCN learns which of two sides each member of Zachary's karate club took ("An Information Flow Model for
//! Conflict and Fission in Small Groups", 1977), from the sides of the two leaders alone.
//!
//!     cargo run --release -p tachograph-gnn --example karate

use tachograph_gnn::{BatchOptions, Context, Conv, Gcn, GcnConfig, GraphBatch, GraphRef, Result};
use tch::{Device, Kind, Reduction, Tensor, nn, nn::OptimizerConfig};

/// Friendships, members numbered from 0.
const EDGES: [(u32, u32); 78] = [
    (0, 1),
    (0, 2),
    (0, 3),
    (0, 4),
    (0, 5),
    (0, 6),
    (0, 7),
    (0, 8),
    (0, 10),
    (0, 11),
    (0, 12),
    (0, 13),
    (0, 17),
    (0, 19),
    (0, 21),
    (0, 31),
    (1, 2),
    (1, 3),
    (1, 7),
    (1, 13),
    (1, 17),
    (1, 19),
    (1, 21),
    (1, 30),
    (2, 3),
    (2, 7),
    (2, 8),
    (2, 9),
    (2, 13),
    (2, 27),
    (2, 28),
    (2, 32),
    (3, 7),
    (3, 12),
    (3, 13),
    (4, 6),
    (4, 10),
    (5, 6),
    (5, 10),
    (5, 16),
    (6, 16),
    (8, 30),
    (8, 32),
    (8, 33),
    (9, 33),
    (13, 33),
    (14, 32),
    (14, 33),
    (15, 32),
    (15, 33),
    (18, 32),
    (18, 33),
    (19, 33),
    (20, 32),
    (20, 33),
    (22, 32),
    (22, 33),
    (23, 25),
    (23, 27),
    (23, 29),
    (23, 32),
    (23, 33),
    (24, 25),
    (24, 27),
    (24, 31),
    (25, 31),
    (26, 29),
    (26, 33),
    (27, 33),
    (28, 31),
    (28, 33),
    (29, 32),
    (29, 33),
    (30, 32),
    (30, 33),
    (31, 32),
    (31, 33),
    (32, 33),
];
/// Members who stayed with the instructor, number 0; the others left with the administrator, number 33.
const INSTRUCTOR: [i64; 17] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 16, 17, 19, 21];

fn main() -> Result<()> {
    tch::manual_seed(0);
    let mut nodes = vec![0.0; 34 * 34];
    nodes.iter_mut().step_by(35).for_each(|x| *x = 1.0);
    let edges: Vec<(u32, u32)> = EDGES.iter().flat_map(|&(a, b)| [(a, b), (b, a)]).collect();
    let club = GraphRef { nodes: &nodes, width: 34, edges: &edges, ..GraphRef::default() };
    let options = BatchOptions { layers: 2, self_loops: true, ..BatchOptions::default() };
    let batch = GraphBatch::build(&[club], &options, Device::Cpu)?;
    let sides: Vec<i64> = (0..34).map(|i| i64::from(!INSTRUCTOR.contains(&i))).collect();
    let sides = Tensor::from_slice(&sides);

    let vs = nn::VarStore::new(Device::Cpu);
    let first = Gcn::new(&(vs.root() / 0), 34, 16, GcnConfig::default())?;
    let second = Gcn::new(&(vs.root() / 1), 16, 2, GcnConfig::default())?;
    let forward = || -> Result<Tensor> {
        let x = first.forward(&batch.nodes, batch.layer_edges(0)?, &Context::default())?.relu();
        second.forward(&x, batch.layer_edges(1)?, &Context::default())
    };
    let mut adam = nn::Adam { wd: 5e-4, ..nn::Adam::default() }.build(&vs, 0.01).expect("Adam starts");
    let leaders = Tensor::from_slice(&[0i64, 33]);
    for epoch in 1..=200 {
        let logits = forward()?;
        let known = logits.index_select(0, &leaders);
        let loss =
            known.cross_entropy_loss(&sides.index_select(0, &leaders), None::<Tensor>, Reduction::Mean, -100, 0.0);
        adam.backward_step(&loss);
        if epoch % 50 == 0 {
            let right = logits.argmax(1, false).eq_tensor(&sides).sum(Kind::Int64).int64_value(&[]);
            println!("epoch {epoch}: loss {:.4}, {right} of 34 members on the right side", loss.double_value(&[]));
        }
    }
    Ok(())
}
