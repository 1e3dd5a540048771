//! Types and shapes of every tensor, as TFLite's own interpreter has them.

#![cfg(feature = "tflite")]

use std::{collections::BTreeSet, io::Read, sync::LazyLock};

use proptest::prelude::*;
use serde::Deserialize;
use tachograph_import::{Imported, tflite};
use tachograph_ir::{Assignment, BoundGraph, Graph, TensorId, TensorKind};

/// A type by NumPy's name, and a shape in the order of the file.
type Stated = Option<(String, Vec<i64>)>;

/// NumPy's name of a type; resources and types that NumPy does not have are skipped by `None`.
fn numpy(name: &str) -> &str {
    match name {
        "f32" => "float32",
        "f64" => "float64",
        "f16" => "float16",
        "i64" => "int64",
        "i32" => "int32",
        "i16" => "int16",
        "i8" => "int8",
        "u64" => "uint64",
        "u32" => "uint32",
        "u16" => "uint16",
        "u8" => "uint8",
        "string" => "bytes",
        other => other,
    }
}

/// In what results differ from those of the interpreter: (n, h, w, c) there is (n, c, h, w) here.
fn differences(model: &Imported, bound: &BoundGraph, tensors: &[Stated]) -> Vec<String> {
    let mut found = Vec::new();
    for (i, stated) in tensors.iter().enumerate() {
        let (Some(tensor), Some((dtype, shape))) = (model.graph.tensors().get(i), stated) else { continue };
        if tensor.kind != TensorKind::Activation {
            continue;
        }
        let mut shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
        if shape.len() == 4 {
            shape = vec![shape[0], shape[3], shape[1], shape[2]];
        }
        let fact = bound.fact(TensorId(i as u32));
        // NumPy has no word for these, and handles are objects.
        let unusual = matches!(fact.dtype.to_string().as_str(), "i4" | "u4" | "i2" | "bf16" | "f8") || dtype == "object";
        if fact.shape.as_ref() != Some(&shape) || !unusual && numpy(&fact.dtype.to_string()) != dtype {
            let producer = model.graph.producer(TensorId(i as u32)).map(|id| model.graph.node(id).op.to_string());
            found.push(format!("#{i} of {}: {} {:?}, not {dtype} {shape:?}", producer.unwrap_or_default(), fact.dtype, fact.shape));
        }
    }
    found
}

#[derive(Deserialize)]
struct Case {
    name: String,
    model: String,
    tensors: Vec<Stated>,
    #[serde(default)]
    macs: Option<u64>,
    /// Extents of open axes.
    #[serde(default)]
    bind: Assignment,
}

fn cases() -> Vec<Case> {
    let bytes = include_bytes!("golden/tflite_ops.json.gz");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    serde_json::from_str(&text).unwrap()
}

impl Case {
    fn bytes(&self) -> Vec<u8> {
        let byte = |i: usize| u8::from_str_radix(&self.model[i..i + 2], 16).unwrap();
        (0..self.model.len()).step_by(2).map(byte).collect()
    }

    fn read(&self) -> Imported {
        tflite::read(&self.bytes().into(), &self.name).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// The graph without what the file states of results.
fn unstated(model: &Imported) -> Graph {
    let mut parts = model.graph.clone().into_parts();
    parts.tensors.iter_mut().filter(|t| t.kind == TensorKind::Activation).for_each(|t| t.dims = None);
    Graph::new(parts).unwrap()
}

fn case(name: &str) -> Imported {
    cases().into_iter().find(|case| case.name == name).unwrap().read()
}

/// Models of one operator or a few, by `golden/tflite_ops.py`. Rules of ours are to say what the file states, but for the
/// operators named at the end.
#[test]
fn every_builtin_operator_has_the_shapes_of_the_interpreter() {
    let (mut wrong, mut stated) = (Vec::new(), BTreeSet::new());
    for case in cases() {
        let model = case.read();
        let bound = match model.graph.bind(&case.bind) {
            Ok(bound) => bound,
            Err(error) => {
                wrong.push(format!("{}: {error}", case.name));
                continue;
            }
        };
        wrong.extend(differences(&model, &bound, &case.tensors).into_iter().map(|d| format!("{}: {d}", case.name)));
        if let Some(macs) = case.macs.filter(|&macs| bound.cost().unwrap().macs != macs) {
            let ours = bound.cost().unwrap().macs;
            wrong.push(format!("{}: {ours} multiply-accumulates, not {macs}", case.name));
        }
        let unread = model.warnings.iter().filter(|w| !w.contains("`decode`"));
        wrong.extend(unread.map(|warning| format!("{}: {warning}", case.name)));
        let unknown = model.graph.nodes().map(|(_, node)| node.op.to_string()).filter(|op| op.contains("::"));
        wrong.extend(unknown.filter(|op| op != "tflite::a-custom-op").map(|op| format!("{}: {op}", case.name)));
        let bare = unstated(&model).bind(&case.bind).unwrap();
        for (_, node) in bare.graph().nodes() {
            let known = bare.input_facts(node).iter().flatten().all(|fact| fact.shape.is_some());
            let needed = |t: &TensorId| bare.shape(*t).is_none() && bound.graph().tensor(*t).dims.is_some();
            if known && node.outputs.iter().flatten().any(needed) {
                stated.insert(node.op.name().to_owned());
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    let expected = "AudioSpectrogram DetectionPostProcess GatherSlices Hashtable Iota LshProjection Mfcc RandomBits RandomOfShape \
                    ScatterSlices SkipGram Sort Unique VarHandle a-custom-op";
    assert_eq!(stated.into_iter().collect::<Vec<_>>().join(" "), expected);
}

fn outputs(model: &Imported, batch: u64) -> Vec<Option<Vec<u64>>> {
    let bound = model.graph.bind(&[("batch".to_owned(), batch)].into()).unwrap();
    model.graph.outputs().iter().map(|&id| bound.fact(id).shape.clone()).collect()
}

#[test]
fn open_axes_follow_the_batch() {
    assert_eq!(outputs(&case("RESHAPE to two open axes"), 5), [Some(vec![5, 360, 2])]);
    assert_eq!(outputs(&case("a custom operator with an open batch"), 5), [Some(vec![5, 8])]);
}

#[test]
fn graphs_that_are_not_run_are_named() {
    let warnings = case("two signatures").warnings;
    assert_eq!(warnings, ["graph `decode`, which the first one does not run, is not read"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_operators(
        case in any::<prop::sample::Index>(),
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        static CASES: LazyLock<Vec<Case>> = LazyLock::new(cases);
        let mut bytes = CASES[case.index(CASES.len())].bytes();
        for (place, value) in flips {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        match tflite::read(&bytes.into(), "file") {
            Ok(model) => {
                let config = model.graph.hyperparameters().keys().map(|name| (name.clone(), 2)).collect();
                let _ = model.graph.bind(&config).and_then(|bound| bound.cost());
            }
            Err(error) => prop_assert!(!error.to_string().contains(char::is_control), "{}", error),
        }
    }
}
