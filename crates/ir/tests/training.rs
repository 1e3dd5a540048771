//! Training graphs: arithmetic, gradients and memory against numbers worked out by hand.

use std::collections::HashSet;

use tachograph_ir::{Assignment, BoundGraph, Builder, Bytes, DType, Phase, TensorKind, UpdateRule};

/// A stem, one residual block with two convolutions, pooling and a classifier.
fn small_resnet(batch: u64) -> BoundGraph {
    let mut b = Builder::new("small-resnet");
    let x = b.input("x", DType::F32, vec![batch.into(), 3.into(), 16.into(), 16.into()]);
    let stem = b.conv(x, 8, [3, 3], 1, 1, 1, false).unwrap();
    let stem = b.batch_norm(stem).unwrap();
    let stem = b.op("Relu", &[stem]).unwrap();
    let y = b.conv(stem, 8, [3, 3], 1, 1, 1, false).unwrap();
    let y = b.op("Relu", &[y]).unwrap();
    let y = b.conv(y, 8, [3, 3], 1, 1, 1, true).unwrap();
    let y = b.op("Add", &[y, stem]).unwrap();
    let y = b.op("GlobalAveragePool", &[y]).unwrap();
    let y = b.op_with("Flatten", &[y], Default::default()).unwrap();
    let y = b.gemm(y, 10).unwrap();
    b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap()
}

#[test]
fn arithmetic_is_three_times_forward_less_the_input_gradient() {
    let bound = small_resnet(2);
    let step = bound.training_graph(UpdateRule::Momentum).unwrap();
    let map = 2 * 8 * 16 * 16; // elements of every feature map
    let (first, inner) = (map * 3 * 9, map * 8 * 9); // multiply–accumulates of the stem and of an inner convolution
    let gemm = 2 * 8 * 10;

    let forward = bound.cost().unwrap();
    assert_eq!(forward.macs, first + 2 * inner + gemm);
    let total = step.cost().unwrap();
    assert_eq!(total.macs, 3 * forward.macs - first);

    // Beside the multiply–accumulates: batch norm 2 per element, forward and for 3 gradients; two Relu, 1 gradient
    // each; bias of the last convolution; Add with 2 gradients; pooling 1 per operand element; bias of the classifier;
    // the stem's result is used twice.
    let beside = 2 * map * (1 + 3) + 2 * map * (1 + 1) + map * (1 + 1) + map * (1 + 2) + map * (1 + 1) + 20 * (1 + 1);
    let trainable = 8 * 27 + 2 * 8 + 8 * 72 + 8 * 72 + 8 + 10 * 8 + 10;
    assert_eq!(total.flops, 2 * total.macs + beside + map + 4 * trainable);
}

#[test]
fn every_trainable_parameter_is_updated_and_nothing_else() {
    let bound = small_resnet(1);
    let step = bound.training_graph(UpdateRule::Adam).unwrap();
    let graph = step.graph();
    let updates: Vec<_> = graph.nodes().map(|(_, n)| n).filter(|n| n.phase == Phase::Update).collect();
    let updated: HashSet<_> = updates.iter().map(|n| n.inputs[0].unwrap()).collect();
    assert_eq!(bound.weights().len(), 10);
    assert_eq!(updated.len(), 8, "all but the running mean and variance");
    for node in &updates {
        assert_eq!(node.op.to_string(), "tachograph::Adam");
        let gradient = node.inputs[1].unwrap();
        assert_eq!(graph.tensor(gradient).kind, TensorKind::Gradient);
        assert_eq!(step.shape(gradient), step.shape(node.inputs[0].unwrap()));
        let producer = graph.node(graph.producer(gradient).unwrap());
        assert_eq!(producer.phase, Phase::Backward);
        assert_eq!(node.inputs.len(), 4, "parameter, gradient, two moments");
    }
    // Acyclic by construction of `Graph`; all of it runs, and phases come in order.
    assert_eq!(step.live().len(), graph.len());
    assert_eq!(step.unknown_nodes().count(), 0);
    assert!(graph.edges().all(|(from, to, _)| graph.node(from).phase <= graph.node(to).phase));
    assert!(graph.nodes().zip(graph.nodes().skip(1)).all(|((_, a), (_, b))| a.phase <= b.phase));
}

#[test]
fn gradients_flow_between_twins() {
    let step = small_resnet(1).training_graph(UpdateRule::Sgd).unwrap();
    let graph = step.graph();
    let twin = |name: &str| graph.nodes().find(|(_, n)| n.name == name).unwrap().0;
    let linked = |a: &str, b: &str| graph.topology().contains_edge(twin(a), twin(b));
    // Relu keeps its result, convolution its operands; the block's Add sends gradients both ways.
    assert!(linked("Relu_2", "Relu_2.backward") && linked("Relu_2", "Conv_3.backward"));
    assert!(linked("Add_6.backward", "Conv_5.backward") && linked("Add_6.backward", "Relu_2.backward"));
    assert!(!linked("Add_6", "Add_6.backward"));
    let stem = graph.node(twin("Conv_0.backward"));
    assert_eq!((stem.outputs[0], stem.outputs[1].is_some()), (None, true));
}

#[test]
fn memory_of_a_step_on_a_chain() {
    let mut b = Builder::new("chain");
    let x = b.input("x", DType::F32, vec![10.into(), 100.into()]);
    let y = b.gemm(x, 100).unwrap();
    let y = b.op("Relu", &[y]).unwrap();
    let y = b.gemm(y, 1).unwrap();
    let bound = b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap();
    let weights = 100 * 100 + 100 + 100 + 1;
    // Inference: operand and result of the Relu.
    assert_eq!(bound.peak_memory().unwrap(), Bytes(4 * (weights + 2000)));
    // Training: the gradient of every weight, the operand x that the first layer kept, the gradient that flows into
    // it, and the graph's result. The gradient of that result and the kept Relu are gone by then.
    let step = bound.training_graph(UpdateRule::Sgd).unwrap();
    assert_eq!(step.peak_memory().unwrap(), Bytes(4 * (2 * weights + 2000 + 10)));
    // Adam's two moments are there all the time.
    let step = bound.training_graph(UpdateRule::Adam).unwrap();
    assert_eq!(step.peak_memory().unwrap(), Bytes(4 * (4 * weights + 2000 + 10)));
}

#[test]
fn integers_get_no_gradient_and_tables_do() {
    let mut b = Builder::new("embedding");
    let ids = b.input("ids", DType::I64, vec![2.into(), 5.into()]);
    let table = b.parameter(&[50, 16]);
    let y = b.op("Gather", &[table, ids]).unwrap();
    let y = b.linear(y, 4).unwrap();
    let bound = b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap();
    let step = bound.training_graph(UpdateRule::Sgd).unwrap();
    let gather = step.graph().nodes().find(|(_, n)| n.name == "Gather_0.backward").unwrap().1;
    assert_eq!(step.shape(gather.outputs[0].unwrap()), Some(&[50, 16][..]));
    assert_eq!(gather.outputs[1], None);
    assert!(gather.inputs.contains(&Some(ids)));
    assert_eq!(step.graph().nodes().filter(|(_, n)| n.phase == Phase::Update).count(), 3);
}
