//! Graphs that torch's default exporter fixed at a batch, against its exports at another.

#![cfg(feature = "onnx")]

use std::{collections::BTreeMap, path::Path};

use tachograph_import::{Imported, load};
use tachograph_ir::{Assignment, BoundGraph, TensorId};

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
    let live: Vec<&str> = bound
        .live()
        .iter()
        .flat_map(|&id| bound.graph().node(id).outputs.iter().flatten())
        .map(|&id| bound.graph().tensor(id).name.as_str())
        .collect();
    let differ = |name: &&str| theirs.get(**name).is_some_and(|shape| ours.get(**name) != Some(shape));
    let name = |name: &&str| format!("`{name}` is {:?}, not {:?}", theirs.get(*name), ours.get(*name));
    faults.extend(live.iter().filter(differ).map(name));
    let (a, b) = (bound.cost().unwrap().macs, other.cost().unwrap().macs);
    if a != b {
        faults.push(format!("{a} multiply-accumulates, not {b}"));
    }
    faults
}

/// `NAME__1.onnx` and `NAME__2.onnx` in the folder that `TACHOGRAPH_BATCHES` names: one network at two batches.
#[test]
#[ignore = "needs exports at two batches"]
fn exports_at_two_batches_agree() {
    let folder = std::env::var("TACHOGRAPH_BATCHES").expect("TACHOGRAPH_BATCHES names a folder");
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let (mut fine, mut all) = (0, 0);
    for path in names.iter().filter(|path| path.to_string_lossy().ends_with("__1.onnx")) {
        for (from, to, batch) in [("__1.", "__2.", 2), ("__2.", "__3.", 3)] {
            let at = |from: &str| std::path::PathBuf::from(path.to_string_lossy().replace("__1.", from));
            if !at(to).exists() {
                continue;
            }
            let start = std::time::Instant::now();
            let model = load(&at(from)).unwrap();
            let took = start.elapsed().as_millis();
            let faults = differences(&model, &at(to), batch);
            (fine, all) = (fine + usize::from(faults.is_empty()), all + 1);
            let count = faults.len();
            let shown = faults.first().cloned().unwrap_or_default();
            println!("{} {from} ({took} ms): {count} {shown}", at(from).file_name().unwrap().to_string_lossy());
        }
    }
    println!("{fine} of {all} agree");
}
