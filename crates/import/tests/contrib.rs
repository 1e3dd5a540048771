//! Operators that ONNX Runtime adds to ONNX's, each in a small model, against what it says of the results:
//! `golden/make_contrib.py`.
#![cfg(feature = "onnx")]

use serde_json::Value as Json;
use tachograph_import::onnx;
use tachograph_ir::{Assignment, BoundGraph};

/// Results that depend on data: where a shape is known to the runtime alone.
const DATA: [&str; 3] = ["Unique", "RemovePadding", "QuantizeBFP"];

fn bind(case: &Json) -> Result<BoundGraph, String> {
    let hex = case["model"].as_str().unwrap().as_bytes();
    let digit = |c: u8| (c as char).to_digit(16).unwrap() as u8;
    let bytes: Vec<u8> = hex.chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect();
    let imported = onnx::read(bytes.into(), case["op"].as_str().unwrap()).map_err(|e| e.to_string())?;
    if let Some(warning) = imported.warnings.iter().find(|w| w.contains("unknown")) {
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
        let node = bound.graph().nodes().next().unwrap().1;
        let tachograph_ir::OpType::Known(_, operator) = &node.op else { panic!("{op}") };
        for place in (0..node.inputs.len()).filter(|&i| operator.operand(node, i).is_none()) {
            differences.push(format!("{op}: operand {place} has no role"));
        }
        count += 1;
    }
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
    assert!(count >= 200, "{count} models");
}
