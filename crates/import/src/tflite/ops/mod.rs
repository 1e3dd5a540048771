//! Operators to nodes, one family a file.

mod conv;
mod dense;
mod elementwise;
mod index;
mod move_;
mod pool;
mod quantize;
mod reduce;
mod reshape;

use tachograph_ir::{Attr, Attrs, OpType, TensorId, attrs};

use super::graph::{Importer, Op, id};

/// Whether the operator was read; where not, it becomes a custom one.
type Read = Result<bool, String>;

/// Adds the nodes of `op`, an operator called `kind`.
pub(super) fn add(net: &mut Importer, kind: &str, op: &Op) -> Result<(), String> {
    let read = match kind {
        "CONV_2D" => conv::conv(net, op),
        "DEPTHWISE_CONV_2D" => conv::depthwise(net, op),
        "TRANSPOSE_CONV" => conv::transposed(net, op),
        "AVERAGE_POOL_2D" => pool::pool(net, op, "AveragePool"),
        "MAX_POOL_2D" => pool::pool(net, op, "MaxPool"),
        "FULLY_CONNECTED" => dense::fully_connected(net, op),
        "BATCH_MATMUL" => dense::batch_matmul(net, op),
        "QUANTIZE" => quantize::quantize(net, op),
        "DEQUANTIZE" => quantize::dequantize(net, op),
        "MEAN" => reduce::reduce(net, op, "ReduceMean"),
        "SUM" => reduce::reduce(net, op, "ReduceSum"),
        "REDUCE_MAX" => reduce::reduce(net, op, "ReduceMax"),
        "REDUCE_MIN" => reduce::reduce(net, op, "ReduceMin"),
        "REDUCE_PROD" => reduce::reduce(net, op, "ReduceProd"),
        "SOFTMAX" => reduce::along_channels(net, op, "Softmax", Attrs::new()),
        "LOG_SOFTMAX" => reduce::along_channels(net, op, "LogSoftmax", Attrs::new()),
        "L2_NORMALIZATION" => reduce::along_channels(net, op, "LpNormalization", attrs([("p", Attr::Int(2))])),
        "RESHAPE" | "SQUEEZE" | "EXPAND_DIMS" => reshape::reshape(net, op),
        "TRANSPOSE" => move_::transpose(net, op),
        "CONCATENATION" => move_::concat(net, op),
        "SPLIT" => move_::split(net, op, 1, 0, None),
        "SPLIT_V" => move_::split(net, op, 0, 2, Some(1)),
        "PAD" | "PADV2" | "MIRROR_PAD" => move_::pad(net, op, kind),
        "TILE" => move_::tile(net, op),
        "RESIZE_BILINEAR" => move_::resize(net, op, "linear"),
        "RESIZE_NEAREST_NEIGHBOR" => move_::resize(net, op, "nearest"),
        "SPACE_TO_DEPTH" => move_::blocks(net, op, "SpaceToDepth"),
        "DEPTH_TO_SPACE" => move_::blocks(net, op, "DepthToSpace"),
        "SLICE" => index::slice(net, op),
        "STRIDED_SLICE" => index::strided_slice(net, op),
        "GATHER" => index::gather(net, op),
        "PACK" => index::pack(net, op),
        "UNPACK" => index::unpack(net, op),
        "SHAPE" => index::shape(net, op),
        _ => elementwise::elementwise(net, kind, op),
    }?;
    if !read {
        custom(net, kind, op);
    }
    Ok(())
}

/// An operator without a counterpart: its results have the shapes that the file states.
fn custom(net: &mut Importer, kind: &str, op: &Op) {
    let inputs = op.inputs.iter().map(|i| i.map(id)).collect();
    let outputs = op.outputs.iter().map(|&i| id(i)).collect();
    net.node(OpType::Custom { domain: "tflite".into(), name: kind.into() }, inputs, Attrs::new(), outputs);
}

/// Where an operator with the activation `code` inside writes, and [`finish`] puts the activation after it.
fn before(net: &mut Importer, code: i8, output: usize) -> TensorId {
    if code == 0 { id(output) } else { net.temporary() }
}

/// The activation of a result written to `written`.
fn finish(net: &mut Importer, code: i8, written: TensorId, output: usize) -> Read {
    let clip = match code {
        0 => return Ok(true),
        1 => {
            net.emit("Relu", &[written], Attrs::new(), id(output));
            return Ok(true);
        }
        2 => [-1.0, 1.0],
        3 => [0.0, 6.0],
        4 => {
            net.emit("Tanh", &[written], Attrs::new(), id(output));
            return Ok(true);
        }
        code => return Err(format!("activation {code} is unknown")),
    };
    elementwise::clip(net, written, clip, output);
    Ok(true)
}
