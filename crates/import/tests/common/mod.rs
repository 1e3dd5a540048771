//! Test data.
#![allow(dead_code)]

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
};

use flate2::read::GzDecoder;
use serde_json::Value;

/// ONNX models of a folder of `TACHOGRAPH_MODELS`, sorted.
pub fn models(folder: &str) -> Vec<PathBuf> {
    files("TACHOGRAPH_MODELS", folder, ".onnx.gz")
}

/// Files with this ending in a folder below the one that a variable names, sorted.
pub fn files(variable: &str, folder: &str, ending: &str) -> Vec<PathBuf> {
    let root = std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set"));
    let folder = Path::new(&root).join(folder);
    let entries = folder.read_dir().unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|p| p.to_string_lossy().ends_with(ending));
    assert!(!paths.is_empty(), "no *{ending} in {}", folder.display());
    paths.sort();
    paths
}

/// Shapes that ONNX's own inference found.
#[derive(Default)]
pub struct Shapes {
    /// Values of symbols.
    pub bind: BTreeMap<String, u64>,
    /// Shape by tensor; `None` where ONNX gave up.
    pub tensors: BTreeMap<String, Option<Vec<u64>>>,
}

impl Shapes {
    /// `NAME.shapes.json.gz` beside `NAME.onnx.gz`; empty where there is none.
    pub fn beside(path: &Path) -> Self {
        let path = path.to_string_lossy().replace(".onnx.gz", ".shapes.json.gz");
        let Ok(file) = File::open(path) else { return Self::default() };
        let json: Value = serde_json::from_reader(GzDecoder::new(file)).unwrap();
        let bind = json["bind"].as_object().unwrap().iter();
        let tensors = json["tensors"].as_object().unwrap().iter();
        let shape = |v: &Value| v["shape"].as_array()?.iter().map(Value::as_u64).collect();
        Self {
            bind: bind.filter_map(|(k, v)| Some((k.clone(), v.as_str()?.parse().ok()?))).collect(),
            tensors: tensors.map(|(k, v)| (k.clone(), shape(v))).collect(),
        }
    }
}

/// The models of this repository, sorted.
pub fn bundled() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../datasets/models");
    let mut paths: Vec<_> = folder.read_dir().unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.extension().is_some_and(|e| e == "gz"));
    paths.sort();
    paths
}
