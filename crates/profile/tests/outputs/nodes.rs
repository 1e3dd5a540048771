//! Single operators against the test cases of the onnx package, which its reference implementation made.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use tachograph_ir::{Assignment, Attr, Attrs, BoundGraph, Builder, DType, Graph, TensorId, TensorKind, attrs};
use tachograph_profile::{Executor, refusals};
use tch::{Device, Kind, Tensor};

/// Tensors of a case by their name within it.
type Case = BTreeMap<String, Tensor>;

/// Cases that are refused: what no kernel does is an error, never a different result.
const REFUSED: &str = include_str!("../golden/refused.txt");

#[test]
fn leaky_relu_of_any_slope() {
    let x = [-2.0f32, -0.5, 0.0, 1.0, 3.0];
    for slope in [-0.5, 0.0, 0.01, 0.2, 1.0, 1.5] {
        let mut b = Builder::new("leaky");
        let t = b.input("x", DType::F32, vec![5.into()]);
        let y = b.op_with("LeakyRelu", &[t], attrs([("alpha", Attr::Float(slope))])).unwrap();
        let bound = b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap();
        let mut executor = Executor::new(&bound, Device::Cpu).unwrap();
        executor.set_input(0, &Tensor::from_slice(&x)).unwrap();
        let y: Vec<f32> = (&executor.run().unwrap()[0]).try_into().unwrap();
        assert_eq!(y, x.map(|v| if v < 0.0 { v * slope as f32 } else { v }), "slope {slope}");
    }
}

#[test]
fn operators_on_the_cpu() {
    tch::set_num_threads(1);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/nodes.safetensors");
    let mut cases: BTreeMap<String, Case> = BTreeMap::new();
    for (name, tensor) in Tensor::read_safetensors(file).unwrap() {
        let (case, name) = name.split_once('/').unwrap();
        cases.entry(case.into()).or_default().insert(name.into(), tensor);
    }
    let (mut wrong, mut refused) = (BTreeMap::new(), BTreeMap::new());
    for (name, case) in &cases {
        match run(name, case) {
            Err(why) => drop(refused.insert(name.as_str(), why)),
            Ok(outputs) => {
                if let Err(why) = compare(case, &outputs) {
                    wrong.insert(name, why);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}; refused: {refused:#?}");
    let names: BTreeSet<&str> = refused.keys().copied().collect();
    assert_eq!(names, REFUSED.lines().collect(), "{refused:#?}");
    eprintln!("{} cases, {} of them refused", cases.len(), names.len());
}

fn run(name: &str, case: &Case) -> Result<Vec<Tensor>, String> {
    let bound = bind(name, case)?;
    let mut executor = Executor::new(&bound, Device::Cpu).map_err(|e| e.to_string())?;
    for (i, &id) in bound.graph().inputs().iter().enumerate() {
        let kind = match bound.fact(id).dtype {
            DType::F32 => Kind::Float,
            DType::F64 => Kind::Double,
            DType::I32 => Kind::Int,
            DType::I64 => Kind::Int64,
            DType::Bool => Kind::Bool,
            DType::F16 => Kind::Half,
            DType::BF16 => Kind::BFloat16,
            DType::I16 | DType::U16 => Kind::Int16,
            DType::I8 => Kind::Int8,
            DType::U8 => Kind::Uint8,
            DType::U32 => Kind::Int,
            DType::U64 => Kind::Int64,
            other => return Err(format!("inputs of type {other} are not tested")),
        };
        let value = case[&format!("in/{}", bound.graph().tensor(id).name)].to_kind(kind);
        executor.set_input(i, &value).map_err(|e| e.to_string())?;
    }
    executor.run().map_err(|e| e.to_string())
}

/// The graph, with the operands that an importer takes for weights as inputs.
fn bind(name: &str, case: &Case) -> Result<BoundGraph, String> {
    let bytes: Vec<u8> = (&case["model"]).try_into().unwrap();
    let model = tachograph_import::onnx::read(bytes.into(), name).map_err(|e| e.to_string())?;
    let mut parts = model.graph.into_parts();
    for (i, tensor) in parts.tensors.iter_mut().enumerate() {
        if tensor.kind == TensorKind::Parameter && case.contains_key(&format!("in/{}", tensor.name)) {
            tensor.kind = TensorKind::Input;
            parts.inputs.push(TensorId(i as u32));
        }
    }
    // Extents of 0 are read as open.
    let zeros = |graph: &Graph| {
        let open = graph.hyperparameters().iter().filter(|(_, free)| free.default.is_none());
        open.map(|(name, _)| (name.clone(), 0)).collect::<Assignment>()
    };
    Graph::new(parts).and_then(|graph| graph.bind(&zeros(&graph))).map_err(|e| e.to_string())
}

fn compare(case: &Case, outputs: &[Tensor]) -> Result<(), String> {
    for (i, output) in outputs.iter().enumerate() {
        let expected = &case[&format!("out/{i}")];
        if output.size() != expected.size() {
            return Err(format!("shape {:?} instead of {:?}", output.size(), expected.size()));
        }
        // Through the kind of the result: libtorch holds unsigned numbers of 16 bits with a sign.
        let (a, b) = (output.to_kind(Kind::Double), expected.to_kind(output.kind()).to_kind(Kind::Double));
        let (relative, absolute) = match output.kind() {
            Kind::BFloat16 => (1e-2, 1e-2),
            Kind::Half => (2e-3, 1e-3),
            _ => (1e-3, 1e-6),
        };
        if !a.allclose(&b, relative, absolute, true) {
            return Err(format!("output {i} differs by {}", (a - b).abs().max().double_value(&[])));
        }
    }
    Ok(())
}

/// One node on one input, with integer operands behind it.
fn apply(op: &str, attrs: Attrs, shape: &[u64], ints: &[&[i64]], x: &[f32]) -> (Vec<i64>, Vec<f32>) {
    let mut b = Builder::new(op);
    let mut operands = vec![b.input("x", DType::F32, shape.iter().map(|&n| n.into()).collect())];
    operands.extend(ints.iter().map(|values| b.ints(values)));
    let y = b.op_with(op, &operands, attrs).unwrap();
    let bound = b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap();
    let mut executor = Executor::new(&bound, Device::Cpu).unwrap();
    let shape: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
    executor.set_input(0, &Tensor::from_slice(x).reshape(shape)).unwrap();
    let y = executor.run().unwrap().remove(0);
    (y.size(), (&y.reshape([-1])).try_into().unwrap())
}

/// The examples of TensorFlow's documentation.
#[test]
fn blocks_of_space_to_the_batch_and_back() {
    let axes = || attrs([("axes", Attr::Ints(vec![1, 2]))]);
    let image: Vec<f32> = (1u8..=16).map(f32::from).collect();
    let (size, batch) = apply("SpaceToBatchND", axes(), &[1, 4, 4, 1], &[&[2, 2], &[0, 0, 0, 0]], &image);
    assert_eq!(size, [4, 2, 2, 1]);
    assert_eq!(batch, [1, 3, 9, 11, 2, 4, 10, 12, 5, 7, 13, 15, 6, 8, 14, 16].map(|v: u8| f32::from(v)));
    let (size, back) = apply("BatchToSpaceND", axes(), &[4, 2, 2, 1], &[&[2, 2], &[0, 0, 0, 0]], &batch);
    assert_eq!((&size[..], back), (&[1, 4, 4, 1][..], image.clone()));
    let padded = apply("SpaceToBatchND", axes(), &[2, 2, 4, 1], &[&[2, 2], &[0, 0, 2, 0]], &image);
    assert_eq!(padded.0, [8, 1, 3, 1]);
    assert_eq!(
        padded.1,
        [0, 1, 3, 0, 9, 11, 0, 2, 4, 0, 10, 12, 0, 5, 7, 0, 13, 15, 0, 6, 8, 0, 14, 16].map(|v: u8| f32::from(v))
    );
}

#[test]
fn symmetric_padding_repeats_the_border() {
    let mode = attrs([("mode", "symmetric".into())]);
    let (size, y) = apply("Pad", mode, &[2, 3], &[&[1, 2, 1, 2]], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let row = |a: f32| [a + 1.0, a, a, a + 1.0, a + 2.0, a + 2.0, a + 1.0];
    assert_eq!((size, y), (vec![4, 7], [row(1.0), row(1.0), row(4.0), row(4.0)].concat()));
}

#[test]
fn a_second_operand_starts_at_the_axis_that_the_node_names() {
    let mut b = Builder::new("aligned");
    let dims = |shape: &[u64]| shape.iter().map(|&n| n.into()).collect();
    let (x, y) = (b.input("x", DType::F32, dims(&[1, 2, 2])), b.input("y", DType::F32, dims(&[2])));
    let sum = b.op_with("Add", &[x, y], attrs([("axis", Attr::Int(1))])).unwrap();
    let bound = b.finish(&[sum]).unwrap().bind(&Assignment::new()).unwrap();
    let mut executor = Executor::new(&bound, Device::Cpu).unwrap();
    executor.set_input(0, &Tensor::from_slice(&[1.0f32, 2.0, 3.0, 4.0]).reshape([1, 2, 2])).unwrap();
    executor.set_input(1, &Tensor::from_slice(&[10.0f32, 20.0])).unwrap();
    let sum: Vec<f32> = (&executor.run().unwrap()[0].reshape([-1])).try_into().unwrap();
    assert_eq!(sum, [11.0, 12.0, 23.0, 24.0]);
}

/// Data in floating point, weight in 8 bits; and both in 8 bits, where the result is rounded and bounded.
#[test]
fn integers_multiply_as_numbers() {
    for (dtype, kind, expected) in [(DType::F32, Kind::Float, [300.0, -7.0]), (DType::I8, Kind::Int8, [127.0, -7.0])] {
        let mut b = Builder::new("mixed");
        let x = b.input("x", dtype, vec![1.into(), 2.into()]);
        let w = b.input("w", DType::I8, vec![2.into(), 2.into()]);
        let y = b.op("MatMul", &[x, w]).unwrap();
        let bound = b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap();
        let mut executor = Executor::new(&bound, Device::Cpu).unwrap();
        executor.set_input(0, &Tensor::from_slice(&[3.0f32, 1.0]).reshape([1, 2]).to_kind(kind)).unwrap();
        executor.set_input(1, &Tensor::from_slice(&[90i64, -4, 30, 5]).reshape([2, 2]).to_kind(Kind::Int8)).unwrap();
        let y = executor.run().unwrap().remove(0);
        assert_eq!(y.kind(), kind);
        let y: Vec<f32> = (&y.to_kind(Kind::Float).reshape([-1])).try_into().unwrap();
        assert_eq!(y, expected);
    }
}

/// What nothing runs is named with its node, the reason, and who runs it, without filling a weight.
#[test]
fn refusals_name_every_node() {
    let mut b = Builder::new("refused");
    let boxes = b.input("boxes", DType::F32, vec![1.into(), 6.into(), 4.into()]);
    let scores = b.input("scores", DType::F32, vec![1.into(), 1.into(), 6.into()]);
    let kept = b.op("NonMaxSuppression", &[boxes, scores]).unwrap();
    let bound = b.finish(&[kept]).unwrap().bind(&Assignment::new()).unwrap();
    let refused: Vec<String> = refusals(&bound).iter().map(ToString::to_string).collect();
    let [line] = &refused[..] else { panic!("{refused:?}") };
    assert!(line.starts_with("no kernel for `NonMaxSuppression` (node `"), "{line}");
    assert!(line.ends_with("runs it, and predict needs no kernel"), "{line}");
    assert_eq!(line.lines().count(), 1);
}

/// Features join the memory, which moves by a step; a weight in time sums it up.
#[test]
fn a_layer_of_low_rank_remembers() {
    let mut b = Builder::new("svdf");
    let shapes: [&[u64]; 5] = [&[1, 1], &[2, 1], &[2, 3], &[2], &[1, 6]];
    let input =
        |(i, shape): (usize, &&[u64])| b.input(&format!("x{i}"), DType::F32, shape.iter().map(|&n| n.into()).collect());
    let operands: Vec<TensorId> = shapes.iter().enumerate().map(input).collect();
    let y = b.op_with("SVDF", &operands, attrs([("rank", Attr::Int(1))])).unwrap();
    let bound = b.finish(&[y]).unwrap().bind(&Assignment::new()).unwrap();
    let mut executor = Executor::new(&bound, Device::Cpu).unwrap();
    let values: [&[f32]; 5] =
        [&[2.0], &[1.0, 3.0], &[1.0, 1.0, 1.0, 1.0, 0.0, 2.0], &[0.5, 0.0], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]];
    for (i, (shape, values)) in shapes.iter().zip(values).enumerate() {
        let shape: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
        executor.set_input(i, &Tensor::from_slice(values).reshape(shape)).unwrap();
    }
    let y: Vec<f32> = (&executor.run().unwrap()[0].reshape([-1])).try_into().unwrap();
    assert_eq!(y, [2.0 + 3.0 + 2.0 + 0.5, 5.0 + 2.0 * 6.0]);
}
