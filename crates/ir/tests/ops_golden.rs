//! Every operator against `onnx`: shapes and types as its inference finds them, elements as its reference
//! evaluator computes them. `golden/make_ops.py` makes the cases.

use serde_json::Value as Json;
use tachograph_ir::{
    Assignment, Attr, Attrs, BoundGraph, Class, DType, Dim, Fact, Graph, Node, OpType, Parts, Phase, Tensor, TensorId,
    Value,
};

fn numbers<T>(json: &Json, number: fn(&Json) -> Option<T>) -> Vec<T> {
    json.as_array().unwrap().iter().map(|n| number(n).unwrap()).collect()
}

fn attr(json: &Json) -> Attr {
    match json {
        Json::Number(n) if n.is_i64() => Attr::Int(n.as_i64().unwrap()),
        Json::Number(n) => Attr::Float(n.as_f64().unwrap()),
        Json::Bool(b) => Attr::Int(i64::from(*b)),
        Json::String(s) => Attr::Str(s.clone()),
        list if list[0].is_i64() => Attr::Ints(numbers(list, Json::as_i64)),
        list => Attr::Floats(numbers(list, Json::as_f64)),
    }
}

fn dtype(json: &Json) -> DType {
    json["dtype"].as_str().unwrap().parse().unwrap()
}

fn value(json: &Json, dtype: DType) -> Option<Value> {
    let list = json.get("value")?;
    Some(match dtype.is_float() {
        true => Value::Floats(numbers(list, Json::as_f64)),
        false => Value::Ints(numbers(list, Json::as_i64)),
    })
}

fn tensor(name: String, json: &Json) -> Tensor {
    let (dtype, shape) = (dtype(json), numbers(&json["shape"], Json::as_u64));
    match value(json, dtype) {
        Some(value) => Tensor::constant(name, dtype, &shape, value),
        None => Tensor::input(name, dtype, shape.into_iter().map(Dim::Fixed).collect()),
    }
}

/// A bound graph of one node.
fn bind(case: &Json) -> Result<BoundGraph, tachograph_ir::Error> {
    let op = case["op"].as_str().unwrap();
    let mut parts = Parts { name: op.into(), ..Parts::default() };
    let mut add = |tensor: Tensor| {
        parts.tensors.push(tensor);
        Some(TensorId(parts.tensors.len() as u32 - 1))
    };
    let operands = case["inputs"].as_array().unwrap().iter().enumerate();
    let inputs = operands.map(|(i, json)| if json.is_null() { None } else { add(tensor(format!("i{i}"), json)) });
    let inputs: Vec<_> = inputs.collect();
    let results = case["outputs"].as_array().unwrap().len();
    let outputs: Vec<_> = (0..results).map(|i| add(Tensor::activation(format!("o{i}")))).collect();
    let attrs: Attrs =
        case["attrs"].as_object().unwrap().iter().map(|(name, json)| (name.clone(), attr(json))).collect();
    let op = OpType::new(op);
    parts.outputs = outputs.iter().flatten().copied().collect();
    let (name, phase) = (String::new(), Phase::Forward);
    parts.nodes.push(Node { name, op, attrs, inputs, outputs, phase });
    Graph::new(parts)?.bind(&Assignment::new())
}

/// What is known of its results.
fn infer(case: &Json) -> Result<Vec<Fact>, tachograph_ir::Error> {
    let bound = bind(case)?;
    Ok(bound.graph().outputs().iter().map(|&id| bound.fact(id).clone()).collect())
}

/// Floating-point elements of the reference are in single precision.
fn equal(ours: &Value, reference: &Value) -> bool {
    match (ours, reference) {
        (Value::Ints(a), Value::Ints(b)) => a == b,
        (a, b) => {
            let (a, b) = (a.to_floats(), b.to_floats());
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a - b).abs() <= 1e-6 * b.abs().max(1.0))
        }
    }
}

#[test]
fn agrees_with_onnx() {
    let cases: Vec<Json> = serde_json::from_str(include_str!("golden/ops.json")).unwrap();
    let mut differences = Vec::new();
    for case in &cases {
        let facts = match infer(case) {
            Ok(facts) => facts,
            Err(error) => {
                differences.push(format!("{error}\n  {case}"));
                continue;
            }
        };
        for (fact, expected) in facts.iter().zip(case["outputs"].as_array().unwrap()) {
            let shape = numbers(&expected["shape"], Json::as_u64);
            let reference = value(expected, dtype(expected));
            let same_value = reference.is_none_or(|r| fact.value.as_ref().is_some_and(|ours| equal(ours, &r)));
            if fact.dtype != dtype(expected) || fact.shape.as_deref() != Some(&shape[..]) || !same_value {
                differences.push(format!("{fact:?}\n  {case}"));
            }
        }
    }
    assert!(cases.len() >= 150, "{} cases", cases.len());
    assert!(differences.is_empty(), "{} of {} differ:\n{}", differences.len(), cases.len(), differences.join("\n"));
}

#[test]
fn every_operand_has_a_role_and_every_class_fits_the_arithmetic() {
    let cases: Vec<Json> = serde_json::from_str(include_str!("golden/ops.json")).unwrap();
    for case in &cases {
        let bound = bind(case).unwrap();
        let (id, node) = bound.graph().nodes().next().unwrap();
        let OpType::Known(_, op) = &node.op else { panic!("{case}") };
        for place in 0..node.inputs.len() {
            assert!(op.operand(node, place).is_some(), "operand {place} has no role: {case}");
        }
        let cost = bound.node_cost(id).unwrap();
        let fits = match node.class() {
            _ if cost.read == 0 && cost.written == 0 => true,
            class if class.multiplies() => cost.macs > 0,
            Class::Normalization | Class::Elementwise => cost.macs == 0 && (cost.flops > 0 || node.inputs.len() == 1),
            Class::Movement => cost.flops == 0,
            _ => cost.macs == 0,
        };
        assert!(fits, "{:?} at {cost:?}: {case}", node.class());
    }
}
