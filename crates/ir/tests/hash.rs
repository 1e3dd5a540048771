//! Canonical hash and exact comparison.

use std::time::Instant;

use tachograph_ir::{Assignment, Attr, BoundGraph, Builder, CanonicalHash, DType, Graph, TensorId, UpdateRule, attrs};

fn build(outputs: impl FnOnce(&mut Builder, TensorId) -> Vec<TensorId>) -> BoundGraph {
    let mut b = Builder::new("g");
    let x = b.input("x", DType::F32, vec![1.into(), 8.into(), 4.into(), 4.into()]);
    let outputs = outputs(&mut b, x);
    b.finish(&outputs).unwrap().bind(&Assignment::new()).unwrap()
}

fn op(b: &mut Builder, op: &str, inputs: &[TensorId]) -> TensorId {
    b.op(op, inputs).unwrap()
}

fn conv(b: &mut Builder, x: TensorId) -> TensorId {
    b.conv(x, 8, [3, 3], 1, 1, 1, false).unwrap()
}

fn differ(a: &BoundGraph, b: &BoundGraph) {
    assert_ne!(a.canonical_hash(), b.canonical_hash());
    assert!(!a.same_as(b) && !b.same_as(a));
}

fn agree(a: &BoundGraph, b: &BoundGraph) {
    assert_eq!(a.canonical_hash(), b.canonical_hash());
    assert!(a.same_as(b) && b.same_as(a));
}

#[test]
fn operator_attribute_shape_and_operand_order_count() {
    let relu = build(|b, x| vec![op(b, "Relu", &[x])]);
    differ(&relu, &build(|b, x| vec![op(b, "Tanh", &[x])]));
    let leaky =
        |alpha| build(move |b, x| vec![b.op_with("LeakyRelu", &[x], attrs([("alpha", Attr::Float(alpha))])).unwrap()]);
    differ(&leaky(0.1), &leaky(0.2));
    agree(&leaky(0.1), &leaky(f64::from(0.1f32)));
    let sub = |swap: bool| {
        build(move |b, x| {
            let y = op(b, "Relu", &[x]);
            vec![op(b, "Sub", &if swap { [y, x] } else { [x, y] })]
        })
    };
    differ(&sub(false), &sub(true));
    let add = |value| {
        build(move |b, x| {
            let c = b.scalar(value);
            vec![op(b, "Add", &[x, c])]
        })
    };
    differ(&add(1.0), &add(f64::INFINITY));
    differ(&add(f64::INFINITY), &add(f64::NEG_INFINITY));
}

#[test]
fn batch_counts() {
    let mut b = Builder::new("g");
    b.hyperparameter("batch", tachograph_ir::Domain::POSITIVE, 1);
    let x = b.input("x", DType::F32, vec!["batch".into(), 8.into()]);
    let y = b.op("Relu", &[x]).unwrap();
    let graph = b.finish(&[y]).unwrap();
    let bind = |n| graph.bind(&Assignment::from([("batch".into(), n)])).unwrap();
    agree(&bind(3), &bind(3));
    differ(&bind(3), &bind(4));
}

#[test]
fn shared_and_repeated_work_differ() {
    let shared = build(|b, x| {
        let y = op(b, "Relu", &[x]);
        vec![op(b, "Add", &[y, y])]
    });
    let repeated = build(|b, x| {
        let (y, z) = (op(b, "Relu", &[x]), op(b, "Relu", &[x]));
        vec![op(b, "Add", &[y, z])]
    });
    differ(&shared, &repeated);

    // As many nodes of each forward hash: only the wiring below them tells (y, y), (z, z) from (y, z), (y, z).
    let wired = |crossed: bool| {
        build(move |b, x| {
            let (y, z) = (op(b, "Relu", &[x]), op(b, "Relu", &[x]));
            let s = op(b, "Add", &if crossed { [y, z] } else { [y, y] });
            let t = op(b, "Add", &if crossed { [y, z] } else { [z, z] });
            vec![op(b, "Mul", &[s, t])]
        })
    };
    differ(&wired(false), &wired(true));
}

#[test]
fn a_shared_weight_is_not_two_weights() {
    let twice = |shared: bool| {
        build(move |b, x| {
            let w = b.parameter(&[8, 8, 1, 1]);
            let v = if shared { w } else { b.parameter(&[8, 8, 1, 1]) };
            let y = op(b, "Conv", &[x, w]);
            vec![op(b, "Conv", &[y, v])]
        })
    };
    agree(&twice(true), &twice(true));
    differ(&twice(true), &twice(false));
}

#[test]
fn shape_arithmetic_is_the_shape_it_computes() {
    let fixed = build(|b, x| {
        let shape = b.ints(&[1, 128]);
        vec![op(b, "Reshape", &[x, shape])]
    });
    let computed = build(|b, x| {
        let shape = op(b, "Shape", &[x]);
        let first = b.ints(&[0]);
        let batch = op(b, "Gather", &[shape, first]);
        let rest = b.ints(&[128]);
        let shape = b.op_with("Concat", &[batch, rest], attrs([("axis", Attr::Int(0))])).unwrap();
        vec![op(b, "Reshape", &[x, shape])]
    });
    agree(&fixed, &computed);
}

/// Reverses nodes and tensors.
fn reversed(graph: &Graph) -> Graph {
    let mut parts = graph.clone().into_parts();
    let last = parts.tensors.len() as u32 - 1;
    let flip = |t: &mut TensorId| t.0 = last - t.0;
    parts.tensors.reverse();
    parts.nodes.reverse();
    for node in &mut parts.nodes {
        node.inputs.iter_mut().chain(&mut node.outputs).flatten().for_each(flip);
    }
    parts.inputs.iter_mut().chain(&mut parts.outputs).for_each(flip);
    Graph::new(parts).unwrap()
}

#[test]
fn symmetry_costs_no_search() {
    let branches = |joined: bool| {
        build(move |b, x| {
            let ends: Vec<_> = (0..64)
                .map(|_| {
                    let y = conv(b, x);
                    let y = op(b, "Relu", &[y]);
                    conv(b, y)
                })
                .collect();
            if joined { vec![op(b, "Sum", &ends)] } else { ends }
        })
    };
    let started = Instant::now();
    for bound in [branches(true), branches(false)] {
        let other = reversed(bound.graph()).bind(&Assignment::new()).unwrap();
        agree(&bound, &other);
        let training = bound.training_graph(UpdateRule::Adam).unwrap();
        agree(&training, &other.training_graph(UpdateRule::Adam).unwrap());
        differ(&training, &other.training_graph(UpdateRule::Sgd).unwrap());
    }
    // Milliseconds; the bound leaves room for a debug build on a busy machine.
    assert!(started.elapsed().as_millis() < 2000, "{:?}", started.elapsed());
}

#[test]
fn text_form() {
    let hash = build(|b, x| vec![op(b, "Relu", &[x])]).canonical_hash();
    assert_eq!(hash.to_string().len(), 64);
    assert_eq!(hash.to_string().parse::<CanonicalHash>().unwrap(), hash);
    let json = serde_json::to_string(&hash).unwrap();
    assert_eq!(serde_json::from_str::<CanonicalHash>(&json).unwrap(), hash);
    for bad in ["", "12", &"g".repeat(64), &"é".repeat(32)] {
        assert!(bad.parse::<CanonicalHash>().is_err(), "{bad}");
    }
}
