//! ONNX models.
//!
//! # What becomes of a file
//! - Initialisers and `Constant` nodes become tensors: parameters, or constants with known elements where they
//!   are integers (at most [`Value::MAX_ELEMENTS`](tachograph_ir::Value::MAX_ELEMENTS)), or floating-point
//!   scalars and short vectors that are not used as weights. External data is never opened; [`Weights`] reads the elements
//!   of weights for those who need them.
//! - Inputs that an exporter listed for parameters it left out become parameters: see `weights.rs`.
//! - Symbolic extents of inputs become hyperparameters without default. Where there are none, the axis that is the batch
//!   becomes the hyperparameter `batch`, with the extent of the file as default, if the graph follows it: see `batch.rs`.
//! - Meanings that changed between operator sets are rewritten to the newest.
//! - Functions of the file are inlined. Operators nobody knows are kept as they are and reported.
//! - Graphs inside attributes (bodies of If, Loop, Scan) are carried: what they take from the graph around them
//!   become operands of the node and inputs of the body, after its own.
//! - What exporters computed and stored in `Constant` nodes is no weight, if weights are initialisers or inputs.

mod attribute;
mod baked;
mod batch;
mod body;
mod domains;
mod elements;
mod functions;
mod graph;
mod image;
mod mixing;
mod modern;
mod names;
mod opset;
mod proto;
mod rebatch;
mod tensor;
mod weights;
mod wire;
mod write;

use bytes::Bytes;
use tachograph_ir::Graph;

use self::batch::Batch;
use crate::{Error, Imported, Result};

pub use elements::Weights;
pub use write::{OPSET, write};

/// Reads a model from the bytes of a file. `name` becomes the name of the graph and opens every message.
///
/// # Errors
/// Bytes that are no ONNX model or only a part of one; a tensor of impossible size or defined twice;
/// a graph with a cycle or a dangling tensor.
pub fn read(bytes: Bytes, name: &str) -> Result<Imported> {
    let proto = wire::decode(bytes, name)?;
    let Some(mut graph) = proto.graph else {
        return Err(Error::Kind { file: name.into(), message: "it has no graph".into() });
    };
    graph.node = functions::inline(name, graph.node, &proto.functions)?;
    let mut imports = proto.opset_import.iter().chain(proto.functions.iter().flat_map(|f| &f.opset_import));
    let standard = imports.find(|o| matches!(o.domain.as_str(), "" | "ai.onnx"));
    let opset = standard.map_or(1, |o| o.version);
    let mut warnings = Vec::new();
    let build = |warnings: &mut Vec<String>| {
        let parts = graph::parts(name, opset, &graph, None, warnings)?;
        Graph::new(parts).map_err(|source| Error::Graph { file: name.into(), source })
    };
    let fixed = build(&mut warnings)?;
    let (graph, fixed_batch) = match batch::free(fixed, || build(&mut Vec::new()))? {
        Batch::Free(graph) => (graph, None),
        Batch::Fixed { why, has_one } => {
            warnings.extend(has_one.then(|| why.clone()));
            (build(&mut Vec::new())?, Some(why))
        }
    };
    let producer = format!("{} {}", proto.producer_name, proto.producer_version).trim().to_owned();
    Ok(Imported { graph, opset, producer, warnings, fixed_batch })
}
