//! Layers to nodes, one family a file.

mod attention;
mod conv;
mod dense;
mod elementwise;
mod input;
mod move_;
mod norm;
mod pool;
mod reduce;

use tachograph_ir::{OpType, TensorId};

use super::{
    graph::{Blob, Net, none},
    text::Layer,
};

type Result<T> = std::result::Result<T, String>;

/// Adds the nodes of `layer`.
pub(super) fn add(net: &mut Net, layer: &Layer) -> Result<()> {
    let operands = net.operands(layer)?;
    match layer.kind {
        "Input" => return input::input(net, layer),
        "MemoryData" => return input::memory(net, layer),
        "Split" | "Dropout" | "Noop" => return pass(net, layer, &operands),
        "Slice" => return move_::slice(net, layer, one(&operands)?),
        _ => {}
    }
    let result = match (layer.kind, operands.as_slice()) {
        ("Convolution" | "ConvolutionDepthWise", [x]) => conv::conv(net, layer, *x),
        ("Deconvolution" | "DeconvolutionDepthWise", [x]) => conv::transposed(net, layer, *x),
        ("Pooling", [x]) => pool::pool(net, layer, *x),
        ("InnerProduct", [x]) => dense::inner_product(net, layer, *x),
        ("Gemm", [x]) => dense::gemm(net, layer, *x),
        ("MultiHeadAttention", [..]) => attention::attention(net, layer, &operands),
        ("BatchNorm" | "Scale", [x]) => norm::batch(net, layer, *x),
        ("LayerNorm", [x]) => norm::layer_norm(net, layer, *x),
        ("LRN", [x]) => norm::local_response(net, layer, *x),
        ("Softmax", [x]) => reduce::softmax(net, layer, *x),
        ("Reduction", [x]) => reduce::reduction(net, layer, *x),
        ("BinaryOp", [..]) => elementwise::binary(net, layer, &operands),
        ("Eltwise", [..]) => elementwise::eltwise(net, layer, &operands),
        ("Concat", [..]) => move_::concat(net, layer, &operands),
        ("Crop", [x]) => move_::crop(net, layer, *x),
        ("Flatten", [x]) => Ok(move_::flatten(net, layer, *x)),
        ("Interp", [x]) => move_::interp(net, layer, *x),
        ("Padding", [x]) => move_::padding(net, layer, *x),
        ("Permute", [x]) => move_::permute(net, layer, *x),
        ("Reshape", [x]) => move_::reshape(net, layer, *x),
        ("ShuffleChannel", [x]) => move_::shuffle(net, layer, *x),
        (_, [x]) if elementwise::is_activation(layer.kind) => elementwise::activation(net, layer, *x),
        _ => return custom(net, layer, &operands),
    }?;
    net.define(layer, 0, result)
}

fn one(operands: &[Blob]) -> Result<Blob> {
    match operands {
        [x] => Ok(*x),
        _ => Err(format!("{} operands, not 1", operands.len())),
    }
}

/// Results are other names of the operand; with several operands (Noop), they are outputs of the graph.
fn pass(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<()> {
    let &[x] = operands else {
        net.expose(operands);
        return Ok(());
    };
    (0..layer.outputs.len()).try_for_each(|slot| net.alias(layer, slot, x))
}

/// A layer without a counterpart: its results have the shapes that the file states, else unknown ones.
fn custom(net: &mut Net, layer: &Layer, operands: &[Blob]) -> Result<()> {
    let inputs: Vec<Option<TensorId>> = operands.iter().map(|blob| Some(blob.id)).collect();
    let op = OpType::Custom { domain: "ncnn".into(), name: layer.kind.into() };
    let shapes = layer.shapes()?;
    let ids = net.nodes(layer, op, inputs, none(), layer.outputs.len());
    for (slot, id) in ids.into_iter().enumerate() {
        let rank = shapes.get(slot).map_or(4, Vec::len);
        net.define(layer, slot, Blob { id, rank })?;
    }
    Ok(())
}
