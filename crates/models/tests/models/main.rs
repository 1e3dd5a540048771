//! One binary, since linking libtorch is slow.

mod config;
mod dense;
mod golden;
mod graphs;
mod learned_roofline;
mod nnlp;
mod operator_sum;
mod rankers;
mod rankers_golden;
mod zoo;

use tachograph_features::{FeatureSet, Schema};
use tachograph_gnn::{GraphBatch, GraphRef};
use tachograph_ir::Quantity;
use tachograph_models::{ModelConfig, Network};
use tch::{Device, Tensor, nn};

const WIDTH: usize = 44;
const GLOBALS: usize = 4;

/// Columns that models look up by name, and others.
fn schema([nodes, edges, globals]: [usize; 3]) -> Schema {
    let mut schema = Schema::new(FeatureSet::LEARNED_ROOFLINE, vec![]);
    let others = |from: usize, to: usize| (from..to).map(|c| format!("column {c}"));
    let times = ["compute", "traffic", "resident", "alive"].map(String::from);
    // The last marks the global node.
    schema.node_columns = times.into_iter().chain(others(5, nodes)).chain(["global".into()]).collect();
    schema.edge_columns = others(0, edges).collect();
    schema.global_columns = ["batch", "weights"].map(String::from).into_iter().chain(others(2, globals)).collect();
    schema
}

/// A fresh network.
fn network(
    config: impl Into<ModelConfig>,
    widths: [usize; 3],
    outputs: &[Quantity],
) -> (nn::VarStore, Box<dyn Network>) {
    let vs = nn::VarStore::new(Device::Cpu);
    let network = config.into().build(&vs.root(), &schema(widths), outputs).unwrap();
    (vs, network)
}

/// Three graphs with repeated nodes: two equal chains of different lengths, and a fork.
fn batch(layers: usize, compress: bool) -> GraphBatch {
    let row = |kind: usize| (0..WIDTH).map(move |c| if c == kind { 1.0 } else { 0.01 * (c % 7) as f32 });
    let chain = |n: usize| -> (Vec<f32>, Vec<(u32, u32)>) {
        ((0..n).flat_map(|i| row(i % 2)).collect(), (1..n as u32).flat_map(|i| [(i - 1, i), (i, i - 1)]).collect())
    };
    let fork = ((0..4).flat_map(|i| row(i.min(1))).collect(), vec![(0, 1), (0, 2), (0, 3)]);
    let graphs = [chain(8), chain(12), fork];
    let globals = [[0.1; GLOBALS], [0.2; GLOBALS], [0.3; GLOBALS]];
    let views: Vec<GraphRef<'_>> = graphs
        .iter()
        .zip(&globals)
        .map(|((nodes, edges), globals)| GraphRef { nodes, width: WIDTH, edges, globals, ..GraphRef::default() })
        .collect();
    let build = if compress { GraphBatch::compressed } else { GraphBatch::new };
    build(&views, layers, Device::Cpu).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.detach().flatten(0, -1).try_into().unwrap()
}

/// To 1e-5, or 1e-6 of the largest number: how far a sum near 0 is off goes by its terms.
#[track_caller]
fn close(a: &Tensor, b: &Tensor) {
    assert_eq!(a.size(), b.size());
    let (a, b) = (values(a), values(b));
    let largest = b.iter().fold(0f32, |largest, b| largest.max(b.abs()));
    for (a, b) in a.into_iter().zip(b) {
        // Sums in another order: on some processors 1.3e-5 apart where terms cancel.
        assert!((a - b).abs() <= (3e-5 * b.abs()).max(1e-6 * largest), "{a} and {b}");
    }
}
