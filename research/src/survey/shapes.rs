//! Shapes that ONNX's own inference found.

use std::{collections::BTreeMap, path::Path};

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use tachograph_ir::{BoundGraph, TensorId};

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

    /// Holds the shapes of a graph to these.
    pub fn compare(&self, bound: &BoundGraph) -> Comparison {
        let mut comparison = Comparison::default();
        for (i, tensor) in bound.graph().tensors().iter().enumerate() {
            let Some(found) = self.tensors.get(&tensor.name) else { continue };
            comparison.compared += 1;
            let ours = bound.shape(TensorId(i as u32));
            let known: Option<Vec<u64>> = found.shape.as_ref().and_then(|s| s.iter().map(Value::as_u64).collect());
            match (ours, known) {
                (Some(ours), Some(known)) if ours == known => {}
                (Some(ours), None) if fits(ours, found.shape.as_deref()) => comparison.beyond += 1,
                (ours, _) => comparison.differences.push(format!("`{}`: {ours:?}, not {:?}", tensor.name, found.shape)),
            }
        }
        comparison
    }
}

/// What a comparison found.
#[derive(Default)]
pub struct Comparison {
    /// Tensors that both know by name.
    pub compared: usize,
    /// Those whose shape ONNX did not know, or not in full, and which is known here.
    pub beyond: usize,
    /// Those whose shape differs, in words.
    pub differences: Vec<String>,
}

/// True where a shape has the rank and the extents that ONNX did find.
fn fits(ours: &[u64], found: Option<&[Value]>) -> bool {
    let Some(found) = found else { return true };
    ours.len() == found.len() && ours.iter().zip(found).all(|(ours, found)| found.as_u64().is_none_or(|n| n == *ours))
}
