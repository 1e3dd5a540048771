//! Every model of ONNX's own backend tests, from `golden/backend.gz`, which `golden/make_backend.py` wrote: each result
//! has the type, the shape and, where they are known here, the elements that ONNX says.

use std::{
    collections::BTreeSet,
    io::Read,
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use rayon::prelude::*;
use serde::Deserialize;
use tachograph_import::onnx;
use tachograph_ir::{Assignment, BoundGraph, DType, Dim, Fact, Graph, Held, Value};

#[derive(Deserialize)]
struct Header {
    name: String,
    inputs: Vec<(String, Described)>,
    outputs: Vec<Described>,
    macs: Option<u64>,
    bytes: usize,
}

/// A tensor, a sequence, or nothing.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Described {
    Tensor {
        #[serde(rename = "type")]
        code: i64,
        shape: Vec<u64>,
        ints: Option<Vec<i64>>,
    },
    Sequence(Vec<Described>),
    Nothing(()),
}

/// What differs, if anything; `Ok(false)` where a shape, or the length of a sequence, depends on data.
fn compare(expected: &Described, fact: &Fact) -> Result<bool, String> {
    match (expected, &fact.held) {
        (Described::Tensor { code, shape, ints }, None) => {
            let dtype = DType::from_onnx(*code).ok_or_else(|| format!("type {code}"))?;
            if fact.dtype != dtype {
                return Err(format!("type {}, not {dtype}", fact.dtype));
            }
            let Some(found) = &fact.shape else { return Ok(false) };
            if found != shape {
                return Err(format!("shape {found:?}, not {shape:?}"));
            }
            match (&fact.value, ints) {
                (Some(Value::Ints(found)), Some(ints)) if found != ints => Err(format!("{found:?}, not {ints:?}")),
                _ => Ok(true),
            }
        }
        (Described::Sequence(expected), Some(Held::Sequence(items))) if expected.len() == items.len() => {
            expected.iter().zip(items).try_fold(true, |all, (item, fact)| Ok(compare(item, fact)? && all))
        }
        (Described::Sequence(expected), Some(Held::Alike(item))) => {
            expected.iter().try_for_each(|expected| compare(expected, item).map(drop))?;
            Ok(false)
        }
        (Described::Nothing(()), Some(Held::Nothing)) => Ok(true),
        // Nothing is known.
        (_, None) if fact.shape.is_none() => Ok(false),
        _ => Err(format!("{fact:?}, not {expected:?}")),
    }
}

/// Free extents, and lengths of sequences, as the inputs of the test have them.
fn binding(graph: &Graph, inputs: &[(String, Described)]) -> Assignment {
    let mut config = Assignment::new();
    for tensor in graph.inputs().iter().map(|&id| graph.tensor(id)) {
        let Some((_, given)) = inputs.iter().find(|(name, _)| *name == tensor.name) else { continue };
        let shape = match given {
            Described::Tensor { shape, .. } => shape,
            Described::Sequence(items) => {
                config.insert(format!("{}_length", tensor.name), items.len() as u64);
                let Some(Described::Tensor { shape, .. }) = items.first() else { continue };
                shape
            }
            Described::Nothing(()) => continue,
        };
        for (dim, &extent) in tensor.dims.iter().flatten().zip(shape) {
            if let Dim::Free(name) = dim {
                config.insert(name.clone(), extent);
            }
        }
    }
    config
}

/// Operators whose results have a shape that only their data decide.
const DATA: [&str; 3] = ["ImageDecoder", "StringSplit", "Unique"];
/// Passes on a sequence that is declared without the shape of its tensors.
const UNDECLARED: &str = "node/test_identity_sequence";
/// Domains of other tests.
const OTHERS: [&str; 2] = ["ai.onnx.ml", "ai.onnx.preview.training"];

/// A sequence of tensors of several shapes, and an optional that is left out, cannot be bound.
fn can_be_bound(given: &Described) -> bool {
    let shape = |item: &Described| if let Described::Tensor { shape, .. } = item { shape.clone() } else { Vec::new() };
    match given {
        Described::Sequence(items) => items.windows(2).all(|pair| shape(&pair[0]) == shape(&pair[1])),
        Described::Tensor { .. } => true,
        Described::Nothing(()) => false,
    }
}

/// True where every shape is known; the operators of a file where one is not.
fn check(header: &Header, model: &[u8]) -> Result<Option<Vec<String>>, String> {
    let model = onnx::read(model.to_vec().into(), "model").map_err(|e| e.to_string())?;
    let config = binding(&model.graph, &header.inputs);
    let bound: BoundGraph = model.graph.bind(&config).map_err(|e| format!("{e} with {config:?}"))?;
    let macs = bound.cost().map_err(|e| e.to_string())?.macs;
    if header.macs.is_some_and(|expected| expected != macs) {
        return Err(format!("{macs} multiply-accumulates, not {:?}", header.macs));
    }
    let operators: Vec<String> = bound.graph().nodes().map(|(_, node)| node.op.to_string()).collect();
    if let Some(unknown) = bound.graph().nodes().map(|(_, node)| &node.op).find(|op| op.is_custom()) {
        let other = OTHERS.contains(&unknown.domain());
        return if other { Ok(None) } else { Err(format!("operator {unknown} is unknown")) };
    }
    if !header.inputs.iter().all(|(_, given)| can_be_bound(given)) {
        return Ok(None);
    }
    let mut known = true;
    for (&id, expected) in bound.graph().outputs().iter().zip(&header.outputs) {
        let name = &bound.graph().tensor(id).name;
        known &= compare(expected, bound.fact(id)).map_err(|e| format!("`{name}` has {e}"))?;
    }
    Ok(if known { None } else { Some(operators) })
}

fn records(path: &Path) -> Vec<(Header, Vec<u8>)> {
    let mut all = Vec::new();
    GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut all).unwrap();
    let (mut rest, mut records) = (&all[..], Vec::new());
    while !rest.is_empty() {
        let line = rest.iter().position(|&b| b == b'\n').unwrap();
        let header: Header = serde_json::from_slice(&rest[..line]).unwrap();
        let (model, after) = rest[line + 1..].split_at(header.bytes);
        records.push((header, model.to_vec()));
        rest = after;
    }
    records
}

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

#[test]
fn every_model_has_the_results_that_onnx_says() {
    assert_eq!(check_all(&golden("backend.gz")), 3777);
}

/// `golden/make_opsets.py` made these, operators that have changed among them in every form.
#[test]
fn operators_mean_what_they_meant_in_their_set() {
    assert_eq!(check_all(&golden("opsets.gz")), 276);
}

/// `golden/make_control.py` made these, and ONNX Runtime ran them.
#[test]
fn control_flow_sequences_and_extents_are_as_onnx_runtime_has_them() {
    assert_eq!(check_all(&golden("control.gz")), 17);
}

/// The tests of another release of ONNX, as the script gathers them.
#[test]
#[ignore = "needs TACHOGRAPH_BACKEND"]
fn models_of_other_releases_have_the_results_that_onnx_says() {
    let path = std::env::var_os("TACHOGRAPH_BACKEND").expect("TACHOGRAPH_BACKEND is not set");
    println!("{} models", check_all(Path::new(&path)));
}

fn check_all(path: &Path) -> usize {
    let records = records(path);
    let results: Vec<_> = records.par_iter().map(|(header, model)| (&header.name, check(header, model))).collect();
    let fixed: BTreeSet<&str> = results.iter().filter_map(|(name, _)| name.strip_suffix("@fixed")).collect();
    let mut faults = Vec::new();
    for (name, result) in &results {
        match result {
            Err(fault) => faults.push(format!("{name}: {fault}")),
            // Where operands decide, the same test with these in the file must be known.
            Ok(Some(_)) if fixed.contains(name.as_str()) || name.as_str() == UNDECLARED => {}
            Ok(Some(operators)) if operators.iter().any(|op| DATA.contains(&op.as_str())) => {}
            Ok(Some(_)) => faults.push(format!("{name}: a shape is not known")),
            Ok(None) => {}
        }
    }
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), results.len(), faults.join("\n"));
    results.len()
}
