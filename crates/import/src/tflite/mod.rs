//! TensorFlow Lite models.
//!
//! # What becomes of a file
//! - **Layout.** TFLite keeps images as (n, h, w, c), the operators of [`tachograph_ir`] want (n, c, h, w). So every
//!   tensor of four axes, whatever it holds, is described as (n, c, h, w), and axes in attributes and constants
//!   follow: no transposition is added, and none is where TFLite has none. Only where four axes become another number
//!   of axes (or the reverse), or matrices are multiplied, a Transpose restores the order of the file; it is left out
//!   where at most one of c and h·w exceeds 1, and where an image is flattened before a fully connected layer (the
//!   columns of whose weight are then in another order than in the file).
//! - **Quantisation.** Tensors have the types of the file (`int8`, biases `int32`); operators that compute on them
//!   are those of the floating-point form. QUANTIZE and DEQUANTIZE become QuantizeLinear and DequantizeLinear with the
//!   scale of the tensor; other scales are dropped.
//! - **Activations** inside an operator become nodes of their own.
//! - **Constants.** Integers of small tensors and single floating-point numbers are known; all else, and whatever is a
//!   weight or a bias, is a parameter whose elements nobody looks at.
//! - **Shapes** that the file states become declared shapes; inference does not rely on them. An extent that the
//!   signature of an input leaves open becomes a hyperparameter: `batch` (default 1) if it is the first, `height` or
//!   `width` of an image, `dim1`, `dim2`, … of anything else.
//! - **Control flow** (WHILE, IF) and operators without a counterpart become custom operators of the domain `tflite`,
//!   whose results have the stated shapes. Graphs other than the first are dropped with a warning.

mod codes;
mod graph;
mod ops;
mod schema;
#[cfg(test)]
mod with_data;
mod write;

use bytes::Bytes;
use flatbuffers::VerifierOptions;
use tachograph_ir::{Graph, OpType};

pub use write::write;

use crate::{Error, Imported, Result};

/// Version of the schema that is read.
pub const VERSION: i64 = 3;

/// Reads a model from the bytes of a file. `name` becomes the name of the graph and opens every message.
///
/// # Errors
/// Bytes that the verifier of flatbuffers refuses; an index outside its list; an operator whose operands cannot be.
pub fn read(bytes: &Bytes, name: &str) -> Result<Imported> {
    if bytes.get(4..8) != Some(schema::IDENTIFIER) {
        return Err(Error::Kind { file: name.into(), message: "bytes 4 to 7 are not `TFL3`".into() });
    }
    let options = VerifierOptions::default();
    // The verifier writes a paragraph: a line for each table on the way.
    let line =
        |text: String| text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(", ");
    let model = flatbuffers::root_with_opts::<schema::Model>(&options, bytes)
        .map_err(|error| Error::Damaged { file: name.into(), message: line(error.to_string()) })?;
    let mut importer = graph::Importer::new(name, &model)?;
    for (i, operator) in model.graphs().and_then(|g| g.iter().next()?.operators()).into_iter().flatten().enumerate() {
        let (kind, operator) = importer.operator(i, &model, operator)?;
        let refuse = |message| Error::Node { file: name.into(), node: format!("{i} ({kind})"), message };
        ops::add(&mut importer, &kind, &operator).map_err(refuse)?;
    }
    let graph = Graph::new(importer.finish()).map_err(|source| Error::Graph { file: name.into(), source })?;
    let mut warnings: Vec<String> = graph
        .nodes()
        .filter(|(_, node)| node.op.is_custom())
        .map(|(_, node): (_, &tachograph_ir::Node)| &node.op)
        .map(|op: &OpType| format!("operator {op} has no cost but its memory traffic"))
        .collect();
    warnings.sort();
    warnings.dedup();
    let others = model.graphs().map_or(0, |graphs| graphs.len()).saturating_sub(1);
    if others > 0 {
        warnings.push(format!("{others} graphs inside control flow are not read"));
    }
    let producer = format!("TFLite {}", model.description().unwrap_or_default()).trim().to_owned();
    let fixed_batch = (!graph.hyperparameters().contains_key("batch"))
        .then(|| "the signature of its inputs fixes it; convert the model anew with an open one".into());
    Ok(Imported { graph, opset: VERSION, producer, warnings, fixed_batch })
}
