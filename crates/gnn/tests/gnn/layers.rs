//! What holds for every convolution.

use std::collections::BTreeMap;

use proptest::{prelude::*, test_runner::Config};
use tachograph_gnn::{Anee, AneeConfig, BatchOptions, Context, Conv, EdgeAttention, EdgeAttentionConfig, GraphBatch};
use tch::{Device, Kind, Tensor, nn};

use crate::{
    relative,
    zoo::{Case, FEATURES, Graph, WIDTH, batch, cases, features, graph, run},
};

/// The layers with numbers of their own in every parameter: zero biases would hide where they are added, and tests
/// share one random generator.
fn build(case: &Case, layers: usize, kind: Kind, device: Device) -> (nn::VarStore, Vec<Box<dyn Conv>>) {
    let mut vs = nn::VarStore::new(device);
    let stack = case.stack(&vs.root(), layers);
    let variables: BTreeMap<String, Tensor> = vs.variables().into_iter().collect();
    for (k, v) in variables.values().enumerate() {
        let numbers = Tensor::arange(v.numel() as i64, (Kind::Double, device)) * 2.7 + (k as f64 + 1.0);
        tch::no_grad(|| v.shallow_clone().copy_(&(numbers.sin() * 0.6).view_as(v)));
    }
    vs.set_kind(kind);
    (vs, stack)
}

/// One layer.
fn single(case: &Case) -> (nn::VarStore, Box<dyn Conv>) {
    let (vs, mut stack) = build(case, 1, Kind::Float, Device::Cpu);
    (vs, stack.remove(0))
}

fn on(case: &Case, layer: &dyn Conv, graphs: &[Graph]) -> Tensor {
    let batch = batch(graphs, &case.options, Device::Cpu);
    let edges = batch.layer_edges(0).unwrap();
    tch::no_grad(|| run(layer, &batch.nodes, edges, &features(edges, &batch.nodes)))
}

proptest! {
    #![proptest_config(Config { cases: 24, failure_persistence: None, ..Config::default() })]

    #[test]
    fn permuting_nodes_permutes_the_output(
        (graph, to) in graph().prop_flat_map(|g| {
            let order: Vec<usize> = (0..g.len()).collect();
            (Just(g), Just(order).prop_shuffle())
        })
    ) {
        for case in cases() {
            let (_vs, layer) = single(&case);
            let moved = on(&case, layer.as_ref(), &[graph.permuted(&to)]);
            let index: Vec<i64> = to.iter().map(|&t| t as i64).collect();
            let error = relative(&moved.index_select(0, &Tensor::from_slice(&index)), &on(&case, layer.as_ref(), std::slice::from_ref(&graph)));
            prop_assert!(error < 1e-5, "{}: {error:e}", case.name);
        }
    }

    #[test]
    fn a_batch_equals_its_parts(graphs in prop::collection::vec(graph(), 1..4)) {
        for case in cases() {
            let (_vs, layer) = single(&case);
            let parts: Vec<Tensor> = graphs.iter().map(|g| on(&case, layer.as_ref(), std::slice::from_ref(g))).collect();
            let error = relative(&on(&case, layer.as_ref(), &graphs), &Tensor::cat(&parts, 0));
            prop_assert!(error < 1e-5, "{}: {error:e}", case.name);
        }
    }

    #[test]
    fn an_isolated_graph_changes_nothing_elsewhere(graph in graph(), other in graph()) {
        let mut bad = other;
        bad.nodes.fill(f32::NAN);
        bad.features.fill(f32::INFINITY);
        let n = graph.len() as i64;
        for case in cases() {
            let (_vs, layer) = single(&case);
            let beside = on(&case, layer.as_ref(), &[graph.clone(), bad.clone()]).narrow(0, 0, n);
            let error = relative(&beside, &on(&case, layer.as_ref(), std::slice::from_ref(&graph)));
            prop_assert!(error < 1e-6, "{}: {error:e}", case.name);
        }
    }

    #[test]
    fn compression_changes_neither_outputs_nor_gradients((a, b) in (graph(), graph()), layers in 1usize..4) {
        let graphs = [a.beside(&b), a.clone(), b.beside(&a).beside(&a), a, b];
        for case in cases().into_iter().filter(|c| c.compressible) {
            agree(&case, &graphs, layers, Device::Cpu);
        }
    }
}

/// All layers, the sum over each graph, and the gradients of the parameters.
fn through(stack: &[Box<dyn Conv>], vs: &nn::VarStore, batch: &GraphBatch) -> (Tensor, BTreeMap<String, Tensor>) {
    let mut x = batch.nodes.to_kind(vs.kind());
    for (l, layer) in stack.iter().enumerate() {
        let edges = batch.layer_edges(l).unwrap();
        x = run(layer.as_ref(), &x, edges, &features(edges, &x)).tanh();
    }
    let y = batch.graph_of_row.sum(&x, None).unwrap();
    vs.variables().values_mut().for_each(Tensor::zero_grad);
    y.square().sum(y.kind()).backward();
    let gradients = vs.variables().into_iter().filter(|(_, v)| v.grad().defined());
    (y.detach(), gradients.map(|(n, v)| (n, v.grad().copy())).collect())
}

fn agree(case: &Case, graphs: &[Graph], layers: usize, device: Device) {
    // In f64: with few nodes, gradients cancel to where f32 has no digits left.
    let (vs, stack) = build(case, layers, Kind::Double, device);
    let whole = batch(graphs, &BatchOptions { layers, ..case.options }, device);
    let small = batch(graphs, &BatchOptions { layers, compressed: true, ..case.options }, device);
    let ((y, expected), (small_y, gradients)) = (through(&stack, &vs, &whole), through(&stack, &vs, &small));
    let error = relative(&small_y, &y);
    assert!(error < 1e-5, "{}, {layers} layers: {error:e}", case.name);
    let scale = expected.values().map(|g| g.abs().max().double_value(&[])).fold(0.0, f64::max);
    for (name, gradient) in &expected {
        let error = (&gradients[name] - gradient).abs().max().double_value(&[]) / scale.max(1e-30);
        assert!(error < 1e-5, "{}, {layers} layers, {name}: {error:e}", case.name);
    }
}

/// Edges that layers update reach the next hop, compressed or not.
#[test]
fn updated_edges_travel_between_hops() {
    type Deep = Box<dyn Fn(&GraphBatch) -> Tensor>;
    let anee = |vs: &nn::Path<'_>| -> Deep {
        let config = AneeConfig { edge_features: FEATURES, ..AneeConfig::default() };
        let layer = Anee::new(vs, WIDTH, WIDTH, config).unwrap();
        Box::new(move |batch| {
            let mut x = batch.nodes.to_kind(Kind::Double);
            let mut e = features(batch.layer_edges(0).unwrap(), &x);
            for l in 0..batch.layers() {
                let hop = batch.layer_edges(l).unwrap();
                let e_here = hop.parent_edges(&e).unwrap();
                let context = Context { edges: Some(&e_here), ..Context::default() };
                (x, e) = layer.encode(&x, hop, &context).unwrap();
            }
            x
        })
    };
    let attention = |vs: &nn::Path<'_>| -> Deep {
        let config = EdgeAttentionConfig { edge_features: FEATURES, heads: WIDTH, ..EdgeAttentionConfig::default() };
        let layer = EdgeAttention::new(vs, WIDTH, 1, config).unwrap();
        Box::new(move |batch| {
            let mut x = batch.nodes.to_kind(Kind::Double);
            let mut e = features(batch.layer_edges(0).unwrap(), &x);
            for l in 0..batch.layers() {
                let hop = batch.layer_edges(l).unwrap();
                if l > 0 {
                    e = layer.update(&x, hop, &hop.parent_edges(&e).unwrap()).unwrap();
                }
                x = layer.forward(&x, hop, &Context { edges: Some(&e), ..Context::default() }).unwrap();
            }
            x
        })
    };
    let (a, b) = (example(), example().permuted(&[3, 1, 5, 0, 4, 2]));
    let graphs = [a.beside(&b), a.clone(), b.beside(&a).beside(&a), b];
    for (name, build) in [("ANEE", &anee as &dyn Fn(&nn::Path<'_>) -> Deep), ("edge-aware attention", &attention)] {
        let mut vs = nn::VarStore::new(Device::Cpu);
        let run = build(&vs.root());
        vs.set_kind(Kind::Double);
        let sums = [false, true].map(|compressed| {
            let options = BatchOptions { layers: 4, compressed, ..BatchOptions::default() };
            let batch = batch(&graphs, &options, Device::Cpu);
            assert!(!compressed || batch.layer_edges(3).unwrap().edges.len() < 20);
            batch.graph_of_row.sum(&run(&batch), None).unwrap().detach()
        });
        let error = relative(&sums[1], &sums[0]);
        assert!(error < 1e-10, "{name}: {error:e}");
    }
}

fn example() -> Graph {
    let edges = vec![(0, 1), (1, 2), (0, 2), (0, 2), (3, 3), (4, 0), (2, 4)];
    let number = |i: usize| ((i * 7919 + 13) % 101) as f32 / 50.0 - 1.0;
    Graph {
        nodes: (0..6 * 3).map(number).collect(),
        features: (0..2 * edges.len()).map(|i| number(i + 100).abs() + 0.1).collect(),
        edges,
    }
}

/// Central differences in every input, edge feature and parameter.
#[test]
fn gradients_are_those_of_finite_differences() {
    let graphs = [example(), Graph { edges: vec![], features: vec![], ..example() }];
    for case in cases() {
        let (vs, stack) = build(&case, 1, Kind::Double, Device::Cpu);
        let batch = batch(&graphs, &case.options, Device::Cpu);
        let hop = batch.layer_edges(0).unwrap();
        let x = batch.nodes.to_kind(Kind::Double).set_requires_grad(true);
        let e = features(hop, &x).set_requires_grad(true);
        let loss = || run(stack[0].as_ref(), &x, hop, &e).sin().sum(Kind::Double);
        loss().backward();
        let mut leaves: Vec<(String, Tensor)> = vs.variables().into_iter().collect();
        leaves.extend([("x".into(), x.shallow_clone()), ("edges".into(), e.shallow_clone())]);
        for (name, leaf) in leaves {
            let gradient = leaf.grad();
            // Not every layer reads edge features, and only EdgeAttention::update reads its `update`.
            let gradient = if gradient.defined() { gradient } else { leaf.zeros_like() };
            let flat = leaf.detach().view(-1);
            let mut found = Vec::new();
            for i in 0..flat.size()[0] {
                let old = flat.double_value(&[i]);
                let at = |v: f64| {
                    tch::no_grad(|| {
                        _ = flat.get(i).fill_(v);
                        loss().double_value(&[])
                    })
                };
                let (up, down) = (at(old + 1e-6), at(old - 1e-6));
                at(old);
                found.push((up - down) / 2e-6);
            }
            let error = (Tensor::from_slice(&found) - gradient.view(-1)).abs().max().double_value(&[]);
            assert!(error < 1e-7, "{}: {name} {error:e}", case.name);
        }
    }
}

on_devices!(every_device_gives_what_the_processor_gives, layers_run_in_bf16);

fn every_device_gives_what_the_processor_gives(device: Device) {
    for case in cases() {
        let (vs, stack) = build(&case, 1, Kind::Double, Device::Cpu);
        let (y, expected) = through(&stack, &vs, &batch(&[example()], &case.options, Device::Cpu));
        let (mut vs, stack) = build(&case, 1, Kind::Double, Device::Cpu);
        vs.set_device(device);
        let (found, gradients) = through(&stack, &vs, &batch(&[example()], &case.options, device));
        assert!(relative(&found, &y) < 1e-10, "{} {device:?}", case.name);
        for (name, gradient) in &expected {
            let error = (gradients[name].to_device(Device::Cpu) - gradient).abs().max().double_value(&[]);
            assert!(error < 1e-10, "{} {device:?} {name} {error:e}", case.name);
        }
        if case.compressible {
            agree(&case, &[example(), example()], 2, device);
        }
    }
}

fn layers_run_in_bf16(device: Device) {
    for case in cases() {
        let (vs, stack) = build(&case, 1, Kind::Float, device);
        let (y, expected) = through(&stack, &vs, &batch(&[example()], &case.options, device));
        let mut vs = vs;
        vs.set_kind(Kind::BFloat16);
        let (found, gradients) = through(&stack, &vs, &batch(&[example()], &case.options, device));
        assert_eq!(found.kind(), Kind::BFloat16, "{}", case.name);
        let error = relative(&found.to_kind(Kind::Float), &y);
        assert!(error < 0.1, "{} {device:?}: {error}", case.name);
        assert_eq!(gradients.len(), expected.len());
    }
}

#[test]
fn batches_without_nodes_or_edges_have_results_without_surprises() {
    let alone = Graph { edges: vec![], features: vec![], ..example() };
    let nothing = Graph { nodes: vec![], ..alone.clone() };
    for case in cases() {
        let (_vs, layer) = single(&case);
        for graphs in [vec![nothing.clone()], vec![nothing.clone(), nothing.clone()]] {
            assert_eq!(on(&case, layer.as_ref(), &graphs).size(), [0, layer.width()], "{}", case.name);
        }
        let y = on(&case, layer.as_ref(), &[alone.clone(), nothing.clone()]);
        assert_eq!(y.size(), [6, layer.width()], "{}", case.name);
        assert!(bool::try_from(y.isfinite().all()).unwrap(), "{}", case.name);
        let with = on(&case, layer.as_ref(), &[example()]);
        // Node 5 has no edges, so it has the same row whatever the others have.
        assert!(relative(&y.get(5), &with.get(5)) < 1e-6, "{}", case.name);
    }
}
