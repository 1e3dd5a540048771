//! Batches: what they equal, and what they refuse.

use proptest::{prelude::*, test_runner::Config};
use tachograph_gnn::{Context, Conv, GraphBatch, GraphRef, Sage, SageConfig};
use tch::{Device, Tensor, nn};

use crate::{
    graphs::{Owned, WIDTH, graph, views},
    relative,
};

fn layer(vs: &nn::VarStore) -> Sage {
    tch::manual_seed(3);
    Sage::new(&vs.root(), WIDTH as i64, 4, SageConfig::default()).unwrap()
}

fn forward(layer: &Sage, graphs: &[Owned]) -> Tensor {
    let batch = GraphBatch::new(&views(graphs), 1, Device::Cpu).unwrap();
    tch::no_grad(|| layer.forward(&batch.nodes, batch.layer_edges(0).unwrap(), &Context::default()).unwrap())
}

proptest! {
    #![proptest_config(Config { cases: 64, failure_persistence: None, ..Config::default() })]

    #[test]
    fn permuting_nodes_permutes_the_output(
        (graph, to) in graph().prop_flat_map(|g| {
            let order: Vec<usize> = (0..g.len()).collect();
            (Just(g), Just(order).prop_shuffle())
        })
    ) {
        let vs = nn::VarStore::new(Device::Cpu);
        let layer = layer(&vs);
        let moved = forward(&layer, &[graph.permuted(&to)]);
        let index: Vec<i64> = to.iter().map(|&t| t as i64).collect();
        let back = moved.index_select(0, &Tensor::from_slice(&index));
        prop_assert!(relative(&back, &forward(&layer, &[graph])) < 1e-5);
    }

    #[test]
    fn a_batch_equals_its_parts(graphs in prop::collection::vec(graph(), 1..5)) {
        let vs = nn::VarStore::new(Device::Cpu);
        let layer = layer(&vs);
        let parts: Vec<Tensor> = graphs.iter().map(|g| forward(&layer, std::slice::from_ref(g))).collect();
        let whole = forward(&layer, &graphs);
        prop_assert!(relative(&whole, &Tensor::cat(&parts, 0)) < 1e-5);

        let batch = GraphBatch::new(&views(&graphs), 1, Device::Cpu).unwrap();
        let sums: Vec<Tensor> = parts.iter().map(|p| p.sum_dim_intlist(0i64, true, None)).collect();
        prop_assert!(relative(&batch.graph_of_row.sum(&whole, None).unwrap(), &Tensor::cat(&sums, 0)) < 1e-5);
    }
}

fn both(graphs: &[GraphRef<'_>], layers: usize) -> [tachograph_gnn::Result<GraphBatch>; 2] {
    [GraphBatch::new(graphs, layers, Device::Cpu), GraphBatch::compressed(graphs, layers, Device::Cpu)]
}

#[test]
fn bad_graphs_are_refused_by_position_and_size() {
    let good = GraphRef { nodes: &[0.0; 6], width: 3, edges: &[(0, 1)], globals: &[1.0], ..GraphRef::default() };
    let cases = [
        (GraphRef { edges: &[(0, 2)], ..good }, "edge (0, 2) among 2 nodes"),
        (GraphRef { edges: &[(u32::MAX, 0)], ..good }, "edge (4294967295, 0) among 2 nodes"),
        (GraphRef { nodes: &[0.0; 5], ..good }, "5 numbers are no rows of 3"),
        (GraphRef { width: 2, ..good }, "2 node and 1 graph features in a batch of 3 and 1"),
        (GraphRef { globals: &[], ..good }, "3 node and 0 graph features in a batch of 3 and 1"),
    ];
    for (bad, expected) in cases {
        for result in both(&[good, bad], 2) {
            assert_eq!(result.unwrap_err().to_string(), format!("graph 1: {expected}"));
        }
    }
    for result in both(&[GraphRef { width: 0, ..good }], 2) {
        assert_eq!(result.unwrap_err().to_string(), "graph 0: 6 numbers are no rows of 0");
    }
}

#[test]
fn a_layer_beyond_the_batch_and_a_wrong_width_are_refused() {
    let good = GraphRef { nodes: &[0.0; 6], width: 3, edges: &[(0, 1)], globals: &[], ..GraphRef::default() };
    for batch in both(&[good], 2).map(Result::unwrap) {
        assert!(batch.layer_edges(1).is_ok());
        assert_eq!(batch.layer_edges(2).unwrap_err().to_string(), "graph batch: layer 2 of a batch built for 2 layers");
        let vs = nn::VarStore::new(Device::Cpu);
        let layer = Sage::new(&vs.root(), 5, 4, SageConfig::default()).unwrap();
        let error =
            layer.forward(&batch.nodes, batch.layer_edges(0).unwrap(), &Context::default()).unwrap_err().to_string();
        assert!(error.contains("expected (nodes, 5)"), "{error}");
    }
}

#[test]
fn an_empty_batch_is_empty() {
    for batch in both(&[], 2).map(Result::unwrap) {
        assert!(batch.is_empty());
        assert_eq!((batch.nodes.size(), batch.globals.size()), (vec![0, 0], vec![0, 0]));
        assert_eq!(batch.graph_of_row.sum(&Tensor::zeros([0, 4], tch::kind::FLOAT_CPU), None).unwrap().size(), [0, 4]);
    }
}

#[test]
fn graphs_without_nodes_or_edges_have_zero_means_and_sums() {
    let vs = nn::VarStore::new(Device::Cpu);
    let layer = layer(&vs);
    let no_edges = GraphRef { nodes: &[1.0, 2.0, 3.0], width: WIDTH, edges: &[], globals: &[], ..GraphRef::default() };
    let no_nodes = GraphRef { nodes: &[], ..no_edges };
    for batch in both(&[no_nodes, no_edges, no_nodes], 1).map(Result::unwrap) {
        let y =
            tch::no_grad(|| layer.forward(&batch.nodes, batch.layer_edges(0).unwrap(), &Context::default()).unwrap());
        let variables = vs.variables();
        let own = batch.nodes.linear(&variables["lin_r.weight"], Some(&variables["lin_l.bias"]));
        assert!(relative(&y, &own.detach()) < 1e-6);
        let sums = batch.graph_of_row.sum(&y, None).unwrap();
        assert_eq!(sums.size(), [3, 4]);
        assert_eq!(f64::try_from(sums.get(0).abs().sum(None)).unwrap(), 0.0);
        assert!(relative(&sums.get(1), &y.get(0)) < 1e-6);
    }
    for batch in both(&[no_nodes, no_nodes], 1).map(Result::unwrap) {
        let y = layer.forward(&batch.nodes, batch.layer_edges(0).unwrap(), &Context::default()).unwrap();
        assert_eq!(y.size(), [0, 4]);
        assert_eq!(batch.graph_of_row.sum(&y, None).unwrap().size(), [2, 4]);
    }
}

#[test]
fn nan_stays_in_its_graph() {
    let vs = nn::VarStore::new(Device::Cpu);
    let layer = layer(&vs);
    let bad = GraphRef {
        nodes: &[f32::NAN, 0.0, f32::INFINITY],
        width: WIDTH,
        edges: &[(0, 0)],
        globals: &[],
        ..GraphRef::default()
    };
    let good = GraphRef { nodes: &[1.0, 2.0, 3.0], ..bad };
    for batch in both(&[bad, good, bad], 1).map(Result::unwrap) {
        let y =
            tch::no_grad(|| layer.forward(&batch.nodes, batch.layer_edges(0).unwrap(), &Context::default()).unwrap());
        let sums = batch.graph_of_row.sum(&y, None).unwrap();
        assert!(sums.get(0).sum(None).double_value(&[]).is_nan());
        assert!(sums.get(1).sum(None).double_value(&[]).is_finite());
    }
}

#[test]
fn groups_lie_between_nodes_and_graphs() {
    let graph = |groups| GraphRef { nodes: &[1.0, 2.0, 4.0], width: 1, groups, ..GraphRef::default() };
    let batch = GraphBatch::new(&[graph(&[1, 0, 1]), graph(&[0, 0, 0])], 1, Device::Cpu).unwrap();
    let groups = batch.groups.as_ref().unwrap();
    let sums = groups.nodes.sum(&batch.nodes, None).unwrap();
    assert_eq!(Vec::<f32>::try_from(sums.flatten(0, 1)).unwrap(), [2.0, 5.0, 7.0]);
    let largest = groups.graphs.max(&sums).unwrap();
    assert_eq!(Vec::<f32>::try_from(largest.flatten(0, 1)).unwrap(), [5.0, 7.0]);
    for (groups, message) in [(&[0, 1][..], "groups of 2 nodes for 3 nodes"), (&[0, 1, 9], "group 9 among 3 nodes")] {
        let error = GraphBatch::new(&[graph(groups)], 1, Device::Cpu).unwrap_err().to_string();
        assert!(error.contains(message), "{error}");
    }
    assert!(GraphBatch::new(&[graph(&[])], 1, Device::Cpu).unwrap().groups.is_none());
    assert!(GraphBatch::compressed(&[graph(&[0, 0, 0])], 1, Device::Cpu).unwrap().groups.is_none());
}
