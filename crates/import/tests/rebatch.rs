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

/// Every file in the folders of `TACHOGRAPH_FREE` has a batch to bind, and costs at 8 times it 8 times as much.
#[test]
#[ignore = "lists files whose batch is not free"]
fn list_what_is_not_free() {
    use rayon::prelude::*;
    let folders = std::env::var("TACHOGRAPH_FREE").unwrap();
    let files: Vec<_> = folders.split(',').flat_map(|f| std::fs::read_dir(f).unwrap()).map(|e| e.unwrap().path()).collect();
    let n = files.iter().filter(|p| p.to_string_lossy().contains(".onnx")).count();
    let lines: Vec<String> = files.par_iter().filter(|p| p.to_string_lossy().contains(".onnx")).filter_map(|path| {
        let model = match load(path) { Ok(m) => m, Err(e) => return Some(format!("{}: {e}", path.display())) };
        let free: Vec<_> = model.graph.hyperparameters().keys().cloned().collect();
        if !free.iter().any(|n| n == "batch") { return Some(format!("{}: {free:?} {:?}", path.display(), model.fixed_batch)); }
        let Some(base) = model.graph.hyperparameters()["batch"].default else { return None };
        let at = |b| model.bind(&Assignment::from([("batch".to_owned(), b)])).map(|b| (b.graph.cost().unwrap().macs, b.graph.batch()));
        match (at(base), at(8 * base)) {
            (Ok((a, p)), Ok((b, q))) if a * 8 == b && q == 8 * p => None,
            (a, b) => Some(format!("{}: {:?} {:?}", path.display(), a.map_err(|e| e.to_string()), b.map_err(|e| e.to_string()))),
        }
    }).collect();
    println!("{n} files\n{}", lines.join("\n"));
}
