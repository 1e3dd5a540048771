//! Single operators against the test cases of the onnx package, which its reference implementation made.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use tachograph_ir::{Assignment, Attr, BoundGraph, Builder, DType, Graph, TensorId, TensorKind, attrs};
use tachograph_profile::Executor;
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
    Graph::new(parts).and_then(|graph| graph.bind(&Assignment::new())).map_err(|e| e.to_string())
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
