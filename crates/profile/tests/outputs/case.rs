//! The networks that are compared.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tachograph_ir::{Assignment, BoundGraph, Graph};
use tachograph_networks::{Family, sample};

/// Where a network comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Source {
    /// The generator.
    Generated { family: Family, seed: u64, index: u64 },
    /// `datasets/models` of this repository.
    Bundled(String),
    /// `onnx-light` of the folder that `TACHOGRAPH_MODELS` names.
    Light(String),
}

impl Source {
    /// Name in messages.
    pub fn name(&self) -> String {
        match self {
            Self::Generated { family, seed, index } => format!("{family}-{seed}-{index}"),
            Self::Bundled(name) | Self::Light(name) => name.clone(),
        }
    }

    /// The model file, for networks that have one.
    pub fn file(&self) -> Option<PathBuf> {
        let folder = match self {
            Self::Generated { .. } => return None,
            Self::Bundled(_) => root().join("datasets/models"),
            Self::Light(_) => light(),
        };
        Some(folder.join(format!("{}.onnx.gz", self.name())))
    }

    /// The network at its default batch. A Softmax at the end is left off: it would hide differences.
    pub fn load(&self) -> BoundGraph {
        let graph = match self {
            Self::Generated { family, seed, index } => sample(*family, *seed, *index).unwrap().graph,
            _ => tachograph_import::load(&self.file().unwrap()).unwrap().graph,
        };
        let mut outputs = graph.outputs().to_vec();
        for output in &mut outputs {
            let last = graph.producer(*output).map(|id| graph.node(id));
            if let Some(softmax) = last.filter(|node| node.op.name() == "Softmax") {
                *output = softmax.inputs[0].unwrap();
            }
        }
        let mut parts = graph.into_parts();
        parts.outputs = outputs;
        Graph::new(parts).unwrap().bind(&Assignment::new()).unwrap()
    }
}

/// Models of a folder by name.
pub fn models(folder: &Path) -> Vec<String> {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let name = |f: std::fs::DirEntry| f.file_name().to_str()?.strip_suffix(".onnx.gz").map(str::to_owned);
    let mut names: Vec<String> = files.filter_map(name).collect();
    names.sort();
    names
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The ONNX project's light models.
pub fn light() -> PathBuf {
    let models = std::env::var_os("TACHOGRAPH_MODELS").expect("TACHOGRAPH_MODELS names the folder of model files");
    Path::new(&models).join("onnx-light")
}
