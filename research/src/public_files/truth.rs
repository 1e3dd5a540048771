//! What a format's own runtime says of a file.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::File,
    io::{BufRead, BufReader},
    path::Path,
};

use anyhow::{Context, Result};
use serde::Deserialize;

/// How names of model files end.
pub const FORMATS: [&str; 3] = ["onnx", "tflite", "param"];

/// A line of `truth.jsonl`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Said {
    /// Relative to the folder of checkouts.
    pub file: String,
    /// A Git LFS pointer instead of a model.
    pub pointer: bool,
    /// The file that this one is a copy of.
    pub same: Option<String>,
    /// Whether the runtime loads it.
    pub loads: bool,
    /// Why not.
    pub error: Option<String>,
    /// Where the shapes come from; `onnx` for what ONNX itself infers of a file that its runtime has no kernels for.
    pub source: Option<String>,
    /// Element type and extents by name.
    pub tensors: BTreeMap<String, (Option<String>, Option<Vec<u64>>)>,
    /// Tensors whose extents the runtime itself learns by running.
    pub open: HashSet<String>,
}

impl Said {
    /// Whether it is a model: its runtime loads it, or the format's own checks pass.
    pub fn valid(&self) -> bool {
        self.loads || self.source.as_deref() == Some("onnx")
    }
}

/// All lines, by file.
#[derive(Debug)]
pub struct Truth(HashMap<String, Said>);

impl Truth {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self> {
        let open = File::open(path).with_context(|| path.display().to_string())?;
        let mut said = HashMap::new();
        for (i, line) in BufReader::new(open).lines().enumerate() {
            let place = || format!("{}, line {}", path.display(), i + 1);
            let one: Said = serde_json::from_str(&line.with_context(place)?).with_context(place)?;
            said.insert(one.file.clone(), one);
        }
        Ok(Self(said))
    }

    /// The line about a file.
    pub fn get(&self, file: &str) -> Option<&Said> {
        self.0.get(file)
    }
}
