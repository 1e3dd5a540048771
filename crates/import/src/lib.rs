//! Imported files to [`tachograph_ir::Graph`] and back.
//!
//! [`load`] reads a file of any known kind, compressed with gzip or not. Weights stay where they are:
//! files are mapped, elements of large tensors are never touched and external data is never opened, so
//! that a model with gigabytes of weights imports in milliseconds.
//!
//! ```no_run
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let model = tachograph_import::load("resnet50.onnx".as_ref())?;
//! let bound = model.graph.bind(&[("batch".to_owned(), 8)].into())?;
//! println!("{} MACs", bound.cost()?.macs);
//! # Ok(())
//! # }
//! ```

mod bind;
mod error;
mod file;
mod foreign;
#[cfg(feature = "nas")]
pub mod nas;
#[cfg(feature = "ncnn")]
pub mod ncnn;
#[cfg(feature = "onnx")]
pub mod onnx;

#[cfg(feature = "tflite")]
pub mod tflite;

use std::path::Path;

pub use bind::Bound;
pub use error::{Error, Result};
pub use file::{MAX_DECOMPRESSED, open};
use tachograph_ir::Graph;

/// What a model file holds.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The network, validated, with its hyperparameters.
    pub graph: Graph,
    /// Version of the standard operator set that the file was written for.
    pub opset: i64,
    /// Program that wrote the file, with its version.
    pub producer: String,
    /// What the graph does not show of the file, one sentence each.
    pub warnings: Vec<String>,
    /// Why the batch cannot be bound, where the file fixes it and nothing could free it: the node in the way, if one is.
    pub fixed_batch: Option<String>,
}

/// Reads a model file, or standard input for `-`; its content, not its name, decides how. The graph is named after the
/// file; errors begin with its path.
///
/// # Errors
/// A file that cannot be read, is of an unknown kind (the message says which, where that can be told, and what to do), or
/// is damaged.
pub fn load(path: &Path) -> Result<Imported> {
    let bytes = open(path)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let name = name.trim_end_matches(".gz");
    let stem = [".onnx", ".tflite", ".param"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name);
    let format = Format::of(&bytes);
    let read = match format {
        #[cfg(feature = "ncnn")]
        Format::Ncnn => ncnn::read(&bytes, stem),
        #[cfg(feature = "onnx")]
        Format::Onnx => onnx::read(bytes.clone(), stem),
        #[cfg(feature = "tflite")]
        Format::TfLite => tflite::read(&bytes, stem),
        #[allow(unreachable_patterns)]
        format => Err(Error::Kind { file: stem.into(), message: format!("built without the feature for {format:?}") }),
    };
    let file = path.display().to_string();
    read.map_err(|error| match error {
        // ONNX files have no mark: what could not be read may be anything.
        Error::Kind { .. } | Error::Decode { .. } if format == Format::Onnx => match foreign::kind(&bytes) {
            Some(message) => Error::Kind { file, message },
            None => error.of(&file),
        },
        error => error.of(&file),
    })
}

/// Kinds of model file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Ncnn,
    Onnx,
    TfLite,
}

impl Format {
    /// TFLite and ncnn say what they are; anything else may be ONNX.
    fn of(bytes: &[u8]) -> Self {
        if bytes.get(4..8) == Some(b"TFL3") {
            Self::TfLite
        } else if bytes.starts_with(b"7767517") {
            Self::Ncnn
        } else {
            Self::Onnx
        }
    }
}

/// The front page, whose program is tested.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct FrontPage;
