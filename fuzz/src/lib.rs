//! What the targets share: a bound on memory, and what is done with a graph that could be read.

mod memory;
pub mod programs;

pub use memory::bounded;

use std::path::PathBuf;

use tachograph_ir::{Assignment, BoundGraph, FusionRule, Graph, UpdateRule};

/// 1 MiB.
pub const MIB: usize = 1 << 20;

/// Does with a graph what programs do: writes it, hashes it, binds it and computes on what was bound. What was written
/// must be read again as the same; all else may fail, but must not panic.
pub fn exercise(graph: &Graph) {
    let bytes = graph.to_bytes().expect("a graph can be written");
    let again = Graph::from_bytes(&bytes).expect("a written graph can be read");
    assert!(bytes == again.to_bytes().expect("a graph can be written"), "the binary form changes when it is read");
    let text = graph.to_json().expect("a graph can be written");
    let again = Graph::from_json(&text).expect("a written graph can be read");
    // Not the bytes: JSON has one NaN, the binary form many.
    assert!(text == again.to_json().expect("a graph can be written"), "the JSON form changes when it is read");
    graph.to_dot();
    let _ = tachograph_import::onnx::write(graph, |_, _| None);
    let twos = graph.hyperparameters().keys().map(|name| (name.clone(), 2)).collect();
    for config in [Assignment::new(), twos] {
        if let Ok(bound) = graph.bind(&config) {
            compute(&bound);
        }
    }
}

fn compute(bound: &BoundGraph) {
    bound.canonical_hash();
    let cost = bound.cost();
    let _ = bound.peak_memory();
    bound.fuse(&FusionRule::default());
    let _ = bound.to_dot();
    let _ = bound.training_graph(UpdateRule::default()).and_then(|step| step.cost());
    // The file holds as many bytes as the network has weights.
    if cost.is_ok_and(|cost| cost.parameters < 1 << 16) {
        let _ = tachograph_import::tflite::write(bound);
    }
}

/// A file with these bytes, for readers that take a path. Each process has one of each name.
pub fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("tachograph-fuzz-{}-{name}", std::process::id()));
    std::fs::write(&path, bytes).expect("the temporary folder can be written");
    path
}
