//! Layers in which a node's result depends on its whole graph: attention, norms and read-out.

use proptest::{prelude::*, test_runner::Config};
use tachograph_gnn::{
    AttentionPool, AttentionPoolConfig, BatchOptions, Context, Conv, Gat, GatConfig, GraphBatch, GraphNorm,
    GraphNormConfig, InstanceNorm, InstanceNormConfig, LayerNorm, LayerNormConfig, MultiHeadAttention,
    MultiHeadAttentionConfig, Pool,
};
use tch::{Device, Kind, Tensor, nn};

use crate::{
    relative,
    zoo::{Graph, WIDTH, batch, graph},
};

type Run = Box<dyn Fn(&Tensor, &GraphBatch) -> Tensor>;

/// Name, whether it returns one row a graph, and the layer.
fn layers(vs: &nn::Path<'_>) -> Vec<(&'static str, bool, Run)> {
    let attention = MultiHeadAttention::new(
        &(vs / "attention"),
        WIDTH,
        MultiHeadAttentionConfig { heads: WIDTH, ..MultiHeadAttentionConfig::default() },
    );
    let attention = attention.unwrap();
    let graph = GraphNorm::new(&(vs / "graph"), WIDTH, GraphNormConfig::default()).unwrap();
    let instance = InstanceNorm::new(&(vs / "instance"), WIDTH, InstanceNormConfig::default()).unwrap();
    let layer = LayerNorm::new(&(vs / "layer"), WIDTH, LayerNormConfig::default()).unwrap();
    let soft = AttentionPool::new(&(vs / "pool"), WIDTH, 5, AttentionPoolConfig { project: true }).unwrap();
    vec![
        ("attention", false, Box::new(move |x, b| attention.forward_nodes(x, &b.graph_of_row, true).unwrap())),
        ("graph norm", false, Box::new(move |x, b| graph.forward(x, &b.graph_of_row).unwrap())),
        ("instance norm", false, Box::new(move |x, b| instance.forward(x, &b.graph_of_row).unwrap())),
        ("layer norm", false, Box::new(move |x, b| layer.forward(x, &b.graph_of_row).unwrap())),
        ("attention pool", true, Box::new(move |x, b| soft.forward(x, &b.graph_of_row).unwrap())),
        ("normalised sum", true, Box::new(move |x, b| Pool::NormalizedSum.apply(&b.graph_of_row, x).unwrap())),
    ]
}

fn on(run: &Run, graphs: &[Graph]) -> Tensor {
    let batch = batch(graphs, &BatchOptions::default(), Device::Cpu);
    tch::no_grad(|| run(&batch.nodes.to_kind(Kind::Double), &batch))
}

proptest! {
    #![proptest_config(Config { cases: 24, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_batch_equals_its_parts_in_any_order_of_nodes(
        graphs in prop::collection::vec(graph(), 1..4),
        order in Just((0..8usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut vs = nn::VarStore::new(Device::Cpu);
        let layers = layers(&vs.root());
        vs.double();
        let n = graphs[0].len();
        let to: Vec<usize> = order.into_iter().filter(|&i| i < n).collect();
        let index = Tensor::from_slice(&to.iter().map(|&t| t as i64).collect::<Vec<_>>());
        for (name, pooled, run) in layers {
            let parts: Vec<Tensor> = graphs.iter().map(|g| on(&run, std::slice::from_ref(g))).collect();
            let error = relative(&on(&run, &graphs), &Tensor::cat(&parts, 0));
            prop_assert!(error < 1e-10, "{name}, batch: {error:e}");
            let moved = on(&run, &[graphs[0].permuted(&to)]);
            let back = if pooled { moved } else { moved.index_select(0, &index) };
            // A variance of 0 but for rounding is divided by.
            let error = relative(&back, &parts[0]);
            prop_assert!(error < 1e-8, "{name}, order: {error:e}");
        }
    }
}

fn path() -> Graph {
    Graph {
        nodes: (0..15).map(|i| (i as f32 * 1.7).sin()).collect(),
        edges: vec![(0, 1), (1, 2)],
        features: vec![0.0; 4],
    }
}

#[test]
fn layers_over_whole_graphs_run_in_bf16() {
    let mut vs = nn::VarStore::new(Device::Cpu);
    let layers = layers(&vs.root());
    let batch = batch(&[path(), path()], &BatchOptions::default(), Device::Cpu);
    let expected: Vec<Tensor> = layers.iter().map(|(_, _, run)| run(&batch.nodes, &batch).detach()).collect();
    vs.set_kind(Kind::BFloat16);
    for ((name, _, run), expected) in layers.iter().zip(expected) {
        let x = batch.nodes.to_kind(Kind::BFloat16).set_requires_grad(true);
        let found = run(&x, &batch);
        found.sum(Kind::BFloat16).backward();
        let error = relative(&found.detach().to_kind(Kind::Float), &expected);
        assert!(found.kind() == Kind::BFloat16 && x.grad().defined() && error < 0.05, "{name}: {error}");
    }
}

#[test]
fn dropout_of_attention_acts_in_training_only() {
    let vs = nn::VarStore::new(Device::Cpu);
    let layer = Gat::new(&vs.root(), WIDTH, 4, GatConfig { dropout: 1.0, ..GatConfig::default() }).unwrap();
    let batch = batch(&[path()], &BatchOptions { self_loops: true, ..BatchOptions::default() }, Device::Cpu);
    let most = |train| {
        let y = layer
            .forward(&batch.nodes, batch.layer_edges(0).unwrap(), &Context { train, ..Context::default() })
            .unwrap();
        y.abs().max().double_value(&[])
    };
    assert_eq!(most(true), 0.0);
    assert!(most(false) > 0.0);
}
