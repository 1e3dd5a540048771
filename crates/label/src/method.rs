//! How files are labelled.

use std::path::PathBuf;

use serde_json::Value;
use tachograph_datasets::{NetworkId, Record};
use tachograph_import::tflite::Weights;

use crate::{Result, worker::Tool};

/// A way to label files, ready to run.
#[derive(Clone, Debug)]
pub struct Method {
    /// Name of the device in the set.
    pub device: String,
    /// The settings, for people: `meta.json` states them.
    pub protocol: String,
    pub(crate) tool: Tool,
    /// The Python that has the tool.
    pub(crate) python: PathBuf,
    /// What the tool is asked beside the file.
    pub(crate) options: Vec<Value>,
    /// What weights are that a file has as one constant.
    pub(crate) fill: Option<Weights>,
    /// Makes a record, or a refusal, of what it answers.
    pub(crate) read: fn(&Method, NetworkId, Value, &str) -> Result<Record, String>,
}

impl Method {
    /// The same for files whose weights, where all of a tensor's are the same, are filled: a compiler that packs weights packs a
    /// constant to almost nothing, and files that are published without their weights have one.
    #[must_use]
    pub fn filled(self, weights: Weights) -> Self {
        let protocol = format!("{}, constant weights made {weights:?}", self.protocol).to_lowercase();
        Self { protocol, fill: Some(weights), ..self }
    }
}
