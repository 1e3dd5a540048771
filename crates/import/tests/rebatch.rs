//! Graphs that torch's default exporter fixed at a batch, against its exports at another.

#![cfg(feature = "onnx")]

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use tachograph_import::{Imported, load};
use tachograph_ir::{Assignment, BoundGraph, Dim, TensorId};

fn shapes(bound: &BoundGraph) -> BTreeMap<String, Vec<u64>> {
    let tensors = bound.graph().tensors().iter().enumerate();
    let shape = |(i, tensor): (usize, &tachograph_ir::Tensor)| {
        Some((tensor.name.clone(), bound.shape(TensorId(i as u32))?.to_vec()))
    };
    tensors.filter_map(shape).filter(|(name, _)| !name.is_empty()).collect()
}

/// Shapes that differ between `model` bound to `batch` and the file that was exported there.
fn differences(model: &Imported, other: &Path, batch: u64) -> Vec<String> {
    let bound = match model.bind(&Assignment::from([("batch".to_owned(), batch)])) {
        Ok(bound) => bound.graph,
        Err(error) => return vec![error.to_string()],
    };
    let other = load(other).unwrap().bind(&Assignment::new()).unwrap().graph;
    let mut faults = Vec::new();
    if bound.batch() != batch {
        faults.push(format!("batch {}", bound.batch()));
    }
    let (ours, theirs) = (shapes(&bound), shapes(&other));
    for &id in bound.live() {
        for &tensor in bound.graph().node(id).outputs.iter().flatten() {
            let name = &bound.graph().tensor(tensor).name;
            if let Some(wanted) = theirs.get(name)
                && ours.get(name) != Some(wanted)
            {
                faults.push(format!("`{name}` is {wanted:?}, not {:?}", ours.get(name)));
            }
        }
    }
    let (a, b) = (bound.cost().unwrap().macs, other.cost().unwrap().macs);
    if a != b {
        faults.push(format!("{a} multiply-accumulates, not {b}"));
    }
    faults
}

/// Pairs of files in a folder, one network at batch 1 and 2, each bound to the batch of the other.
fn pairs(folder: &Path) -> Vec<(PathBuf, PathBuf, u64)> {
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let other = |path: &PathBuf, from: &str, to: &str| PathBuf::from(path.to_string_lossy().replace(from, to));
    let ones = names.into_iter().filter(|path| path.to_string_lossy().contains("__1.onnx"));
    ones.flat_map(|one| {
        let two = other(&one, "__1.", "__2.");
        [(one.clone(), two.clone(), 2), (two, one, 1)]
    })
    .collect()
}

#[test]
fn exports_at_one_batch_bind_to_another() {
    let mut wrong = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/batches");
    let pairs = pairs(&folder);
    assert!(pairs.len() > 20);
    for (from, to, batch) in pairs.iter().filter(|(from, ..)| !from.to_string_lossy().contains("detector")) {
        let faults = differences(&load(from).unwrap(), to, *batch);
        wrong.extend(faults.first().map(|fault| format!("{} at {batch}: {fault}", from.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_batch_of_another_axis_is_that_axis() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/batches");
    for (name, axis) in [("encoder_time_first", 1), ("lstm_time_first", 1), ("lstm_batch_first", 0), ("gru_states", 1)]
    {
        let model = load(&folder.join(format!("{name}__2.onnx.gz"))).unwrap();
        let graph = &model.graph;
        for &input in graph.inputs() {
            let dims = graph.tensor(input).dims.as_ref().unwrap();
            assert_eq!(dims.iter().position(|dim| *dim == Dim::Free("batch".into())), Some(axis), "{name}");
        }
        assert_eq!(graph.bind(&Assignment::new()).unwrap().batch(), 2, "{name}");
    }
}

/// Its three channels are no batch, and nothing warns of a fixed one.
#[test]
fn an_image_without_batch_is_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/batches/detector__1.onnx.gz");
    let model = load(&path).unwrap();
    assert!(model.warnings.is_empty(), "{:?}", model.warnings);
    assert_eq!(model.bind(&Assignment::new()).unwrap().graph.batch(), 1);
    let error = model.bind(&Assignment::from([("batch".to_owned(), 64)])).unwrap_err().to_string();
    assert!(error.contains("input `image` of [3, 16, 16] has no batch"), "{error}");
}

/// `NAME__1.onnx` and `NAME__2.onnx` in the folder that `TACHOGRAPH_BATCHES` names: one network at two batches.
#[test]
#[ignore = "needs exports at two batches"]
fn exports_of_whole_networks_bind_to_another_batch() {
    let folder = std::env::var("TACHOGRAPH_BATCHES").expect("TACHOGRAPH_BATCHES names a folder");
    let (mut fine, mut all) = (0, 0);
    for (from, to, batch) in pairs(Path::new(&folder)).into_iter().filter(|(_, to, _)| to.exists()) {
        if !from.exists() {
            continue;
        }
        let faults = differences(&load(&from).unwrap(), &to, batch);
        (fine, all) = (fine + usize::from(faults.is_empty()), all + 1);
        if let Some(fault) = faults.first() {
            let last = faults.last().filter(|_| faults.len() > 1);
            println!("{} at {batch}: {} such as {fault} {last:?}", from.display(), faults.len());
        }
    }
    println!("{fine} of {all} agree");
}
