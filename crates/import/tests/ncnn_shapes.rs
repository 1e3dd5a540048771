//! Shapes of every layer, and of public files, against what ncnn itself says: `golden/ncnn_shapes.py`.

#![cfg(feature = "ncnn")]

use std::collections::BTreeMap;

use serde::Deserialize;
use tachograph_import::ncnn;
use tachograph_ir::{Assignment, BoundGraph, Dim, Graph};

#[derive(Deserialize)]
struct Case {
    #[serde(default)]
    name: String,
    /// The whole file, where `text` is its beginning.
    full: Option<String>,
    text: String,
    #[serde(default)]
    inputs: BTreeMap<String, Vec<u64>>,
    #[serde(default = "yes")]
    loads: bool,
    shapes: Option<BTreeMap<String, Option<Vec<u64>>>>,
}

fn yes() -> bool {
    true
}

/// Values of what is open, from the shapes of the inputs.
fn binding(graph: &Graph, inputs: &BTreeMap<String, Vec<u64>>) -> Assignment {
    let mut config = Assignment::new();
    for tensor in graph.inputs().iter().map(|&id| graph.tensor(id)) {
        let given = inputs.get(&tensor.name).into_iter().flatten();
        for (dim, &extent) in tensor.dims.iter().flatten().skip(1).zip(given) {
            if let Dim::Free(name) = dim {
                config.insert(name.clone(), extent);
            }
        }
    }
    config
}

fn bind(case: &Case) -> Result<BoundGraph, String> {
    if let Some(full) = &case.full {
        ncnn::read(&full.clone().into(), &case.name).map_err(|error| error.to_string())?;
    }
    let model = ncnn::read(&case.text.clone().into(), &case.name).map_err(|error| error.to_string())?;
    let config = binding(&model.graph, &case.inputs);
    model.graph.bind(&config).map_err(|error| format!("{error} ({config:?})"))
}

/// What differs, and how many shapes were equal, and unknown here.
fn compare(case: &Case) -> (Vec<String>, usize, usize) {
    let bound = match bind(case) {
        Ok(bound) => bound,
        Err(error) => return (vec![error], 0, 0),
    };
    let (mut faults, mut equal, mut unknown) = (Vec::new(), 0, 0);
    for (name, shape) in case.shapes.iter().flatten() {
        let Some(shape) = shape else { continue };
        let tensors = bound.graph().tensors();
        let Some(place) = tensors.iter().position(|tensor| tensor.name == *name) else { continue };
        match bound.shape(tachograph_ir::TensorId(place as u32)) {
            None => unknown += 1,
            Some([1, rest @ ..]) if rest == shape => equal += 1,
            Some(other) => faults.push(format!("`{name}` is {shape:?}, not {other:?}")),
        }
    }
    (faults, equal, unknown)
}

#[test]
fn every_layer_has_the_shapes_that_ncnn_gives_it() {
    let cases: Vec<Case> = serde_json::from_str(include_str!("golden/ncnn_shapes.json")).unwrap();
    assert!(cases.len() > 700);
    let mut wrong = Vec::new();
    for case in &cases {
        let (faults, equal, unknown) = compare(case);
        if !faults.is_empty() || unknown > 0 || equal == 0 {
            let lines: Vec<&str> = case.text.lines().skip(2).collect();
            wrong.push(format!("{lines:?}: {faults:?}, {unknown} unknown, {equal} equal"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

/// `NCNN_SHAPES` names what `golden/ncnn_shapes.py FOLDER…` wrote of a folder of models.
#[test]
#[ignore = "needs public files and what ncnn says of them"]
fn public_files_have_the_shapes_that_ncnn_gives_them() {
    let path = std::env::var("NCNN_SHAPES").expect("NCNN_SHAPES names the file");
    let cases: Vec<Case> = serde_json::from_reader(std::fs::File::open(path).unwrap()).unwrap();
    let (mut wrong, mut equals, mut unknowns) = (Vec::new(), 0, 0);
    for case in cases.iter().filter(|case| case.loads) {
        let (faults, equal, unknown) = compare(case);
        println!("{}: {equal} equal, {unknown} unknown, {} wrong", case.name, faults.len());
        (equals, unknowns) = (equals + equal, unknowns + unknown);
        wrong.extend(faults.into_iter().take(3).map(|fault| format!("{}: {fault}", case.name)));
    }
    println!("{} files, {equals} shapes equal, {unknowns} unknown", cases.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
