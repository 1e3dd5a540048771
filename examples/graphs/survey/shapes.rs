//! Shapes that ONNX's own inference found.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use tachograph_ir::{Concrete, TensorId};

/// `NAME.shapes.json.gz` beside a file; empty where there is none.
#[derive(Default)]
pub struct Shapes {
    /// Values of symbols.
    pub bind: BTreeMap<String, u64>,
    tensors: BTreeMap<String, Found>,
}

#[derive(Deserialize)]
struct File {
    bind: BTreeMap<String, Value>,
    tensors: BTreeMap<String, Found>,
}

#[derive(Deserialize)]
struct Found {
    dtype: Value,
    shape: Option<Vec<Value>>,
}

impl Shapes {
    /// Reads it.
    pub fn beside(model: &Path) -> Result<Self> {
        let path = model.to_string_lossy().replace(".onnx.gz", ".shapes.json.gz");
        if path.ends_with(".onnx") || !Path::new(&path).exists() {
            return Ok(Self::default());
        }
        let file: File =
            serde_json::from_slice(&tachograph_import::open(path.as_ref())?).with_context(|| path.clone())?;
        let number = |v: &Value| v.as_u64().or_else(|| v.as_str()?.parse().ok());
        let bind = file.bind.iter().filter_map(|(k, v)| Some((k.clone(), number(v)?))).collect();
        Ok(Self { bind, tensors: file.tensors })
    }

    /// Number of tensors of this graph that it knows, and those that differ.
    pub fn compare(&self, bound: &Concrete) -> (usize, Vec<String>) {
        let mut compared = 0;
        let mut differences = Vec::new();
        for (i, tensor) in bound.graph().tensors().iter().enumerate() {
            let Some(found) = self.tensors.get(&tensor.name) else { continue };
            compared += 1;
            let ours = bound.shape(TensorId(i as u32));
            let theirs = found.shape.as_deref();
            let same = match (ours, theirs) {
                (Some(ours), Some(theirs)) => {
                    ours.len() == theirs.len()
                        && ours.iter().zip(theirs).all(|(o, t)| t.as_u64().is_none_or(|t| t == *o))
                }
                (ours, _) => ours.is_some(),
            };
            if !same {
                differences.push(format!("`{}`: {ours:?}, not {} {theirs:?}", tensor.name, found.dtype));
            }
        }
        (compared, differences)
    }
}
