//! Graphs inside attributes, from files that `golden/make_bodies.py` wrote and onnx checked.

use std::path::Path;

use tachograph_import::{Imported, load};
use tachograph_ir::{Assignment, Attr, BoundGraph, Value};

fn model(name: &str) -> Imported {
    load(&Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.onnx"))).unwrap()
}

fn bound(model: &Imported) -> BoundGraph {
    model.graph.bind(&Assignment::new()).unwrap()
}

fn results(bound: &BoundGraph) -> Vec<&[u64]> {
    bound.graph().outputs().iter().map(|&id| bound.shape(id).unwrap()).collect()
}

#[test]
fn an_unknown_condition_costs_the_branch_with_more_work() {
    let bound = bound(&model("if"));
    assert_eq!(results(&bound), [[2, 4]]);
    let cost = bound.cost().unwrap();
    assert_eq!(cost.macs, 2 * 8 * 16 + 2 * 16 * 4);
    // Both captured weights, and the one inside the branch.
    assert_eq!(cost.parameters, 8 * 4 + 8 * 16 + 16 * 4);
    assert_eq!(bound.unknown_nodes().count(), 0);
}

#[test]
fn a_known_condition_costs_its_branch() {
    let mut parts = model("if").graph.into_parts();
    let condition = parts.inputs.remove(1);
    let tensor = &mut parts.tensors[condition.index()];
    tensor.kind = tachograph_ir::TensorKind::Constant;
    tensor.value = Some(Value::Ints(vec![1]));
    let bound = tachograph_ir::Graph::new(parts).unwrap().bind(&Assignment::new()).unwrap();
    assert_eq!(bound.cost().unwrap().macs, 2 * 8 * 4);
}

#[test]
fn a_loop_in_a_function_costs_its_trips() {
    let model = model("loop");
    assert!(model.graph.nodes().any(|(_, n)| matches!(n.attrs.get("body"), Some(Attr::Graph(_)))));
    let bound = bound(&model);
    assert_eq!(results(&bound), [&[2, 8][..], &[5]]);
    let cost = bound.cost().unwrap();
    assert_eq!((cost.macs, cost.parameters), (5 * 2 * 8 * 8, 64));
}

#[test]
fn a_scan_goes_over_the_slices() {
    let bound = bound(&model("scan"));
    assert_eq!(results(&bound), [&[2, 8][..], &[2, 6, 8]]);
    let cost = bound.cost().unwrap();
    assert_eq!((cost.macs, cost.parameters), (6 * 2 * 8 * 8, 64));
}

#[test]
fn bodies_count_in_the_hash_and_survive_json() {
    let graph = model("scan").graph;
    let text = serde_json::to_string(&graph).unwrap();
    assert_eq!(serde_json::from_str::<tachograph_ir::Graph>(&text).unwrap(), graph);
    let hash = |graph: &tachograph_ir::Graph| graph.bind(&Assignment::new()).unwrap().canonical_hash();
    let mut parts = graph.clone().into_parts();
    let Some(Attr::Graph(body)) = parts.nodes[0].attrs.get_mut("body") else { panic!() };
    let mut inner = (**body).clone().into_parts();
    inner.nodes.iter_mut().for_each(|n| n.name.push('x'));
    **body = tachograph_ir::Graph::new(inner.clone()).unwrap();
    assert_eq!(hash(&tachograph_ir::Graph::new(parts.clone()).unwrap()), hash(&graph));
    let relu = inner.nodes.iter_mut().find(|n| n.op.name() == "Relu").unwrap();
    relu.op = tachograph_ir::OpType::new("Sigmoid");
    parts.nodes[0].attrs.insert("body".into(), Attr::Graph(Box::new(tachograph_ir::Graph::new(inner).unwrap())));
    assert_ne!(hash(&tachograph_ir::Graph::new(parts).unwrap()), hash(&graph));
}

#[test]
fn old_broadcasting() {
    assert_eq!(results(&bound(&model("opset6"))), [[2, 3, 4, 4]]);
}
