//! ncnn's `.param` text: the graph of a model, without its weights.
//!
//! # What becomes of a file
//! - ncnn has no batch axis: every tensor gets a leading axis of extent 1. A blob of *w*, *h*, *c* elements is a
//!   tensor (1, c, h, w), one of *w*, *h* is (1, h, w), one of *w* is (1, w).
//! - An `Input` without extents has the axes that the layers need which read it. What they leave open becomes
//!   hyperparameters without default: `height`, `width`, `channels` of images, `length` of sequences, `past` and `keys` of
//!   caches and masks.
//! - `Split`, `Noop` and `Dropout` compute nothing and vanish: their results are other names of their operands.
//! - A convolution with an activation inside becomes a convolution and the activation; `MultiHeadAttention` becomes
//!   its projections and the attention proper; `Swish` becomes Sigmoid and Mul.
//! - Weights of int8 layers have type `int8`. ncnn converts activations within the layer: they stay `float32` here.
//! - Shapes that the file states (key `-23330`) become declared shapes; inference does not rely on them.
//! - Layers that ncnn does not have itself become custom operators of the domain `ncnn`, whose results have the shapes that
//!   the file states.
//! - Blobs that nobody reads are the outputs.
//!
//! A window of ceiling-mode pooling that starts in the trailing padding counts in ncnn and not in ONNX: where that makes a
//! difference, the pads are made longer, and where extents are open too, ONNX's rule stands.

mod graph;
mod layers;
mod text;

use bytes::Bytes;
use tachograph_ir::Graph;

use crate::{Error, Imported, Result};

/// First line of a file.
pub const MAGIC: &[u8] = b"7767517";

/// Reads a model from the bytes of a `.param` file. `name` becomes the name of the graph and opens every message.
///
/// # Errors
/// Bytes that are no such text, with the line; a layer whose parameters cannot be; a blob read before it is written
/// or written twice.
pub fn read(bytes: &Bytes, name: &str) -> Result<Imported> {
    let lines = text::parse(bytes, name)?;
    let mut net = graph::Net::new(name);
    for (place, layer) in lines.iter().enumerate() {
        let refuse = |message| Error::Node { file: name.into(), node: layer.to_string(), message };
        layers::add(&mut net, layer, &lines[place + 1..]).map_err(refuse)?;
    }
    layers::settle_rest(&mut net);
    let graph = Graph::new(net.finish()).map_err(|source| Error::Graph { file: name.into(), source })?;
    let fixed_batch = Some("ncnn has no batch: it runs one image at a time".into());
    Ok(Imported { graph, opset: 0, producer: "ncnn".into(), warnings: Vec::new(), fixed_batch })
}
