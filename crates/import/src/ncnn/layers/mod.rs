//! Layers to nodes, one family a file.

mod attention;
mod conv;
mod cut;
mod dense;
mod detect;
mod elementwise;
mod input;
mod move_;
mod norm;
mod pool;
mod quantize;
mod recurrent;
mod reduce;
mod signal;
mod size;

use tachograph_ir::{OpType, TensorId};

use super::{
    graph::{Blob, Net, none},
    text::Layer,
};

pub(super) use input::settle_rest;

type Result<T> = std::result::Result<T, String>;

/// Adds the nodes of `layer`, which `rest` of the file follows.
pub(super) fn add(net: &mut Net, layer: &Layer, rest: &[Layer]) -> Result<()> {
    match layer.kind {
        "Input" => return input::input(net, layer),
        "MemoryData" => return input::memory(net, layer),
        _ => {}
    }
    let mut operands = net.operands(layer)?;
    if matches!(layer.kind, "Split" | "Dropout" | "Noop" | "Packing") {
        return pass(net, layer, &operands);
    }
    input::settle(net, layer, rest, &mut operands);
    let operands = operands.as_slice();
    let result = match (layer.kind, operands) {
        // Layers with several results declare them themselves.
        ("Slice", [x]) => return cut::slice(net, layer, *x),
        ("LSTM" | "GRU" | "RNN", [_, ..]) => return recurrent::recurrent(net, layer, operands),
        ("MultiHeadAttention", [_, ..]) => return attention::attention(net, layer, operands),
        ("SDPA", [_, ..]) => return attention::dot_product(net, layer, operands),
        ("DetectionOutput" | "Proposal" | "YoloDetectionOutput" | "Yolov3DetectionOutput", [_, ..]) => {
            return detect::detections(net, layer, operands);
        }
        ("BinaryOp", [_, ..]) => elementwise::binary(net, layer, operands),
        ("Concat", [_, ..]) => cut::concat(net, layer, operands),
        ("CopyTo", &[x, part]) => Ok(cut::copy_to(net, layer, [x, part])),
        ("Crop", [_, ..]) => cut::crop(net, layer, operands),
        ("DeformableConv2D", [_, _, ..]) => conv::deformable(net, layer, operands),
        ("Einsum", [_, ..]) => dense::einsum(net, layer, operands),
        ("Eltwise", [_, ..]) => elementwise::eltwise(net, layer, operands),
        ("Gemm", _) => dense::gemm(net, layer, operands),
        ("GridSample", &[x, grid]) => cut::grid_sample(net, layer, [x, grid]),
        ("Interp", [_, ..]) => cut::interp(net, layer, operands),
        ("MatMul", &[a, b]) => dense::matmul(net, layer, [a, b]),
        ("PriorBox", [_, ..]) => detect::prior_box(net, layer, operands),
        ("PSROIPooling" | "ROIAlign" | "ROIPooling", &[x, region]) => detect::region(net, layer, [x, region]),
        ("Reshape", [_, ..]) => move_::reshape(net, layer, operands),
        ("RotaryEmbed", &[x, cos, sin]) => attention::rotary(net, layer, [x, cos, sin]),
        ("Scale" | "Bias", [_, ..]) => norm::scale(net, layer, operands),
        (kind, [_, ..]) if kind.starts_with("Convolution") => conv::conv(net, layer, operands),
        (kind, [_, ..]) if kind.starts_with("Deconvolution") => conv::transposed(net, layer, operands),
        (_, &[x]) => match single(net, layer, x) {
            Some(result) => result,
            None => return custom(net, layer, operands),
        },
        _ => return custom(net, layer, operands),
    }?;
    net.define(layer, 0, result)
}

/// Layers with one operand and one result; `None` for those without a counterpart.
fn single(net: &mut Net, layer: &Layer, x: Blob) -> Option<Result<Blob>> {
    Some(match layer.kind {
        "ArgMax" => reduce::arg_max(net, layer, x),
        "BatchNorm" => norm::batch(net, layer, x),
        "Cast" => quantize::cast(net, layer, x),
        "CumulativeSum" => reduce::cumulative_sum(net, layer, x),
        "DeepCopy" => Ok(net.like(layer, "Identity", x, &[], none())),
        "Dequantize" => quantize::dequantize(net, layer, x, 1),
        "Diag" => move_::diagonal(net, layer, x),
        "Embed" => dense::embed(net, layer, x),
        "ExpandDims" => move_::expand_dims(net, layer, x),
        "Flatten" => Ok(move_::flatten(net, layer, x)),
        "Flip" => move_::flip(net, layer, x),
        "Fold" => move_::fold(net, layer, x),
        "GLU" => reduce::gated(net, layer, x),
        "GroupNorm" => norm::group_norm(net, layer, x),
        "InnerProduct" => dense::inner_product(net, layer, x),
        "InstanceNorm" => norm::instance_norm(net, layer, x),
        "InverseSpectrogram" => signal::inverse(net, layer, x),
        "LRN" => norm::local_response(net, layer, x),
        "LayerNorm" | "RMSNorm" => norm::layer_norm(net, layer, x),
        "MVN" => Ok(norm::mean_variance(net, layer, x)),
        "Normalize" => norm::normalize(net, layer, x),
        "Padding" => cut::padding(net, layer, x),
        "Permute" => move_::permute(net, layer, x),
        "PixelShuffle" | "Reorg" => move_::depth_space(net, layer, x),
        "Pooling" | "Pooling1D" | "Pooling3D" => pool::pool(net, layer, x),
        "Quantize" => quantize::quantize(net, layer, x, 0),
        "Reduction" => reduce::reduction(net, layer, x),
        "Requantize" => quantize::requantize(net, layer, x),
        "SPP" => pool::pyramid(net, layer, x),
        "ShuffleChannel" => move_::shuffle(net, layer, x),
        "Softmax" => reduce::softmax(net, layer, x),
        "Spectrogram" => signal::spectrogram(net, layer, x),
        "Squeeze" => move_::squeeze(net, layer, x),
        "StatisticsPooling" => pool::statistics(net, layer, x),
        "Tile" => move_::tile(net, layer, x),
        "Unfold" => move_::unfold(net, layer, x),
        kind if elementwise::is_activation(kind) => elementwise::activation(net, layer, x),
        _ => return None,
    })
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
