//! Operators that ONNX Runtime adds to ONNX's, each in a small model, against what it says of the results:
//! `golden/make_contrib.py`.
#![cfg(feature = "onnx")]

use std::io::Read;

use serde_json::Value as Json;
use tachograph_import::onnx;
use tachograph_ir::{Assignment, BoundGraph, Class, OpType};

/// Results that depend on data: where a shape is known to the runtime alone.
const DATA: [&str; 7] = [
    "BifurcationDetector",
    "CastMap dense",
    "DynamicTimeWarping",
    "QuantizeBFP",
    "RemovePadding",
    "Tokenizer",
    "Unique",
];

/// Operators that the standard domain has too.
const SHARED: [&str; 9] = [
    "DequantizeLinear",
    "GatherND",
    "Gelu",
    "GridSample",
    "Pad",
    "QuantizeLinear",
    "Range",
    "RotaryEmbedding",
    "Trilu",
];

fn bind(case: &Json) -> Result<BoundGraph, String> {
    let hex = case["model"].as_str().unwrap().as_bytes();
    let digit = |c: u8| (c as char).to_digit(16).unwrap() as u8;
    let bytes: Vec<u8> = hex.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect();
    let imported = onnx::read(bytes.into(), case["op"].as_str().unwrap()).map_err(|e| e.to_string())?;
    if let Some(warning) = imported.warnings.iter().find(|w| w.contains("is unknown (")) {
        return Err(warning.clone());
    }
    let extents = case["bind"].as_object().unwrap().iter();
    let config: Assignment = extents.map(|(name, n)| (name.clone(), n.as_u64().unwrap())).collect();
    imported.graph.bind(&config).map_err(|e| e.to_string())
}

#[test]
fn every_operator_has_the_results_of_onnx_runtime() {
    let cases = include_str!("golden/contrib.jsonl").lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let (mut count, mut differences) = (0, Vec::new());
    for case in cases {
        let op = case["op"].as_str().unwrap();
        let bound = match bind(&case) {
            Ok(bound) => bound,
            Err(error) => {
                differences.push(format!("{op}: {error}"));
                continue;
            }
        };
        for (&id, expected) in bound.graph().outputs().iter().zip(case["results"].as_array().unwrap()) {
            let fact = bound.fact(id);
            let extents = expected[1].as_array().map(|s| s.iter().map(|n| n.as_u64().unwrap()).collect::<Vec<_>>());
            let shape = fact.shape.is_none() && DATA.contains(&op) || extents.is_none() || fact.shape == extents;
            if !shape || fact.dtype.to_string() != expected[0].as_str().unwrap() {
                differences.push(format!("{op}: {}{:?}, not {expected}", fact.dtype, fact.shape));
            }
        }
        let macs = bound.cost().unwrap().macs;
        if case["macs"].as_u64().is_some_and(|expected| expected != macs) {
            differences.push(format!("{op}: {macs} multiply-accumulates, not {}", case["macs"]));
        }
        let (id, node) = bound.graph().nodes().next().unwrap();
        let cost = bound.node_cost(id).unwrap();
        let fits = match node.class() {
            class if class.multiplies() => cost.macs > 0,
            Class::Movement => cost.flops == 0,
            _ => cost.macs == 0 && cost.flops > 0,
        };
        if !fits {
            differences.push(format!("{op}: {cost:?} is not {}", node.class()));
        }
        let OpType::Known(_, operator) = &node.op else { panic!("{op}") };
        for place in (0..node.inputs.len()).filter(|&i| operator.operand(node, i).is_none()) {
            differences.push(format!("{op}: operand {place} has no role"));
        }
        let written = onnx::write(bound.graph(), |_, _| None).map_err(|e| differences.push(format!("{op}: {e}")));
        let domain = case["domain"].as_str().unwrap().as_bytes();
        let named = |bytes: Vec<u8>| domain.is_empty() || bytes.windows(domain.len()).any(|part| part == domain);
        // The layout of the optimised graph has its own names, which are not written.
        if !SHARED.contains(&op.split(' ').next().unwrap()) && !domain.ends_with(b"nhwc") && !written.is_ok_and(named) {
            differences.push(format!("{op}: written without its domain"));
        }
        count += 1;
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    assert!(count >= 200, "{count} models");
}

/// Small networks as ONNX Runtime's optimisers and quantisers write them, every tensor against its own run of them:
/// `golden/make_optimized.py`. Whatever a tool makes of a network, its multiply-accumulates stay, but for what fills blocks
/// of channels.
#[test]
fn what_onnx_runtime_writes_is_read() {
    let mut text = String::new();
    let packed = include_bytes!("golden/optimized.jsonl.gz");
    flate2::read::GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    let (mut tensors, mut differences) = (0, Vec::new());
    let mut built = std::collections::HashMap::new();
    for line in text.lines() {
        let mut case: Json = serde_json::from_str(line).unwrap();
        let name = format!("{}, {}", case["network"].as_str().unwrap(), case["tool"].as_str().unwrap());
        (case["op"], case["bind"]) = (name.clone().into(), Json::Object(Default::default()));
        let sizes = [("b", 2), ("s", 8)].into_iter();
        case["bind"] = sizes
            .filter(|(size, _)| *size == "b" || !["cnn", "lstm"].iter().any(|n| name.starts_with(n)))
            .map(|(size, n)| (size.to_owned(), Json::from(n)))
            .collect();
        let bound = match bind(&case) {
            Ok(bound) => bound,
            Err(error) => {
                differences.push(format!("{name}: {error}"));
                continue;
            }
        };
        for (id, tensor) in bound.graph().tensors().iter().enumerate() {
            let Some(expected) = case["tensors"].get(&tensor.name) else { continue };
            let fact = bound.fact(tachograph_ir::TensorId(id as u32));
            let shape: Vec<u64> = expected[1].as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect();
            if fact.shape.as_ref() != Some(&shape) || fact.dtype.to_string() != expected[0].as_str().unwrap() {
                differences
                    .push(format!("{name}: `{}` is {}{:?}, not {expected}", tensor.name, fact.dtype, fact.shape));
            }
            tensors += 1;
        }
        let macs = bound.cost().unwrap().macs;
        let network = case["network"].as_str().unwrap().to_owned();
        let expected = *built.entry(network).or_insert(macs);
        let blocked = bound.graph().nodes().any(|(_, node)| node.op.name() == "ReorderInput");
        if macs != expected && !blocked {
            differences.push(format!("{name}: {macs} multiply-accumulates, not {expected}"));
        }
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    assert!(tensors > 3000, "{tensors} tensors");
}
