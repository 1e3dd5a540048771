//! The networks that come with the repository.

use std::path::{Path, PathBuf};

use tachograph_ir::{Assignment, BoundGraph, Graph};

/// Batches at which each is predicted.
#[allow(dead_code, reason = "each test takes what it needs")]
pub const BATCHES: [u64; 4] = [1, 2, 8, 32];

/// Files of the networks of `datasets/models`.
fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/models");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.to_string_lossy().ends_with(".onnx.gz"));
    files.sort();
    files
}

/// The networks of `datasets/models`, their batch open.
#[allow(dead_code, reason = "each test takes what it needs")]
pub fn graphs() -> Vec<Graph> {
    files().iter().map(|path| tachograph_import::load(path).unwrap().graph).collect()
}

/// Every network of `datasets/models` at every batch, with a name.
#[allow(dead_code, reason = "each test takes what it needs")]
pub fn networks() -> Vec<(String, BoundGraph)> {
    let at = |path: &PathBuf| {
        let graph = tachograph_import::load(path).unwrap().graph;
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bound = move |batch| graph.bind(&Assignment::from([("batch".into(), batch)])).unwrap();
        BATCHES.map(|batch| (format!("{name} at {batch}"), bound(batch)))
    };
    let all: Vec<_> = files().iter().flat_map(at).collect();
    assert!(all.len() >= 50, "{} networks", all.len());
    all
}
