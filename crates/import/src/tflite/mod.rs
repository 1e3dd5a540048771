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
//! - **Shapes** that the file states become declared shapes; inference does not rely on them, but for operators that
//!   nothing else describes. There, an open batch for which the file has what it has for that of the inputs follows
//!   theirs. An extent that the signature of an input leaves open becomes a hyperparameter: `batch` (default 1) if it is
//!   the first, `height` or `width` of an image, `dim1`, `dim2`, … of anything else.
//! - **Recurrent layers** become ONNX's where they can, with weights joined from those of the gates.
//! - **Control flow** becomes If and Loop with the graphs inside, a call the nodes of the graph that it runs. A WHILE has a
//!   known number of trips where its condition compares a counter with a number that the file knows.
//! - **State.** Variable tensors are inputs that the caller does not provide; what is assigned to a variable is a result of
//!   the graph.
//! - **Other graphs** than the first and those that it runs are named in a warning.
//! - Operators without a counterpart become custom operators of the domain `tflite`.

mod codes;
mod fill;
mod flex;
mod graph;
mod layout;
mod ops;
mod options;
mod schema;
mod tensors;
#[cfg(test)]
mod with_data;
mod write;

use std::{cell::RefCell, rc::Rc};

use bytes::Bytes;
use flatbuffers::{ErrorTraceDetail, InvalidFlatbuffer, VerifierOptions};
use tachograph_ir::{Graph, Plain};

pub use fill::filled;
pub use write::{Weights, write, write_with};

use crate::{Error, Imported, Result};

/// Version of the schema that is read.
pub const VERSION: i64 = 3;

/// Reads a model from the bytes of a file. `name` becomes the name of the graph and opens every message.
///
/// # Errors
/// Bytes that the verifier of flatbuffers refuses; an index outside its list; an operator whose operands cannot be.
pub fn read(bytes: &Bytes, name: &str) -> Result<Imported> {
    let model = model(bytes, name)?;
    let reached = Rc::new(RefCell::new(vec![0]));
    let parts = operators(name, model, vec![0], Rc::clone(&reached))?.finish();
    let graph = Graph::new(parts).map_err(|source| Error::Graph { file: name.into(), source })?;
    let warnings = left_out(&model, &reached.borrow()).into_iter().collect();
    let producer = format!("TFLite {}", model.description().unwrap_or_default()).trim().to_owned();
    let fixed_batch = (!graph.hyperparameters().contains_key("batch"))
        .then(|| "the signature of its inputs fixes it; convert the model anew with an open one".into());
    Ok(Imported { graph, opset: VERSION, producer, warnings, fixed_batch })
}

/// The file's tables, verified.
fn model<'a>(bytes: &'a Bytes, name: &str) -> Result<schema::Model<'a>> {
    if bytes.get(4..8) != Some(schema::IDENTIFIER) {
        return Err(Error::Kind { file: name.into(), message: "bytes 4 to 7 are not `TFL3`".into() });
    }
    flatbuffers::root_with_opts::<schema::Model>(&VerifierOptions::default(), bytes)
        .map_err(|error| damaged(&error, bytes.len(), name))
}

/// The graph that `nesting` ends with, under construction, with its operators.
fn operators<'a>(
    file: &str,
    model: schema::Model<'a>,
    nesting: Vec<usize>,
    reached: Rc<RefCell<Vec<usize>>>,
) -> Result<graph::Importer<'a>> {
    let mut importer = graph::Importer::new(file, model, nesting, reached)?;
    for (i, operator) in importer.operators().enumerate() {
        let (kind, operator) = importer.operator(i, operator)?;
        let refuse = |message| Error::Node { file: file.into(), node: format!("{i} ({kind})"), message };
        ops::add(&mut importer, &kind, &operator).map_err(refuse)?;
    }
    Ok(importer)
}

/// Which graphs were not read, by the names of their signatures.
fn left_out(model: &schema::Model<'_>, reached: &[usize]) -> Option<String> {
    let name = |i: usize, graph: schema::SubGraph<'_>| {
        let signature = model.signatures().into_iter().flatten().find(|s| s.graph().unwrap_or(0) as usize == i);
        let name = signature.and_then(|s| s.key()).or(graph.name()).unwrap_or_default();
        if name.is_empty() { format!("{i}") } else { format!("`{}`", Plain(name)) }
    };
    let graphs = model.graphs().into_iter().flatten().enumerate().filter(|(i, _)| !reached.contains(i));
    let names: Vec<String> = graphs.map(|(i, graph)| name(i, graph)).collect();
    match names.as_slice() {
        [] => None,
        [one] => Some(format!("graph {one}, which the first one does not run, is not read")),
        names => Some(format!("graphs {}, which the first one does not run, are not read", names.join(", "))),
    }
}

/// The error of flatbuffers' verifier in one line: where it stopped, and in which field.
fn damaged(error: &InvalidFlatbuffer, length: usize, file: &str) -> Error {
    use InvalidFlatbuffer::*;
    let (what, trace) = match error {
        RangeOutOfBounds { range, error_trace } => {
            (format!("bytes {} to {} of {length} are wanted", range.start, range.end), Some(error_trace))
        }
        SignedOffsetOutOfBounds { position, error_trace, .. } => {
            (format!("byte {position} of {length} points outside"), Some(error_trace))
        }
        Unaligned { position, unaligned_type, error_trace } => {
            (format!("there is no {unaligned_type} at byte {position} of {length}"), Some(error_trace))
        }
        Utf8Error { range, error_trace, .. } | MissingNullTerminator { range, error_trace } => {
            (format!("there is no text at byte {} of {length}", range.start), Some(error_trace))
        }
        InconsistentUnion { error_trace, .. } => ("an operator's options have no type".to_owned(), Some(error_trace)),
        _ => ("it has more tables than a model can have".to_owned(), None),
    };
    let field = trace.into_iter().flat_map(|trace| trace.as_ref()).find_map(|detail| match detail {
        ErrorTraceDetail::TableField { field_name, .. } => Some(format!(", in field `{field_name}`")),
        _ => None,
    });
    Error::Damaged { file: file.into(), message: what + &field.unwrap_or_default() }
}
