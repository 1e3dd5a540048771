//! How files are labelled.

use std::path::PathBuf;

use serde_json::Value;
use tachograph_datasets::{NetworkId, Record};

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
    /// Makes a record, or a refusal, of what it answers.
    pub(crate) read: fn(&Method, NetworkId, Value, &str) -> Result<Record, String>,
}
