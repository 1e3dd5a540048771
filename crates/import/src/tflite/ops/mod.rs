//! Operators to nodes, one family a file.

mod arg;
mod blocks;
mod control;
mod conv;
mod conv3d;
mod custom;
mod dense;
mod elementwise;
mod index;
mod move_;
mod pool;
mod quantize;
mod reduce;
mod reshape;
mod scatter;
mod sequence;
mod stablehlo;
mod strided;

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
        "CONV_3D" => conv3d::conv(net, op),
        "CONV_3D_TRANSPOSE" => conv3d::transposed(net, op),
        "AVERAGE_POOL_2D" => pool::pool(net, op, "AveragePool"),
        "MAX_POOL_2D" => pool::pool(net, op, "MaxPool"),
        "L2_POOL_2D" => pool::root_mean_square(net, op),
        "FULLY_CONNECTED" => dense::fully_connected(net, op),
        "BATCH_MATMUL" => dense::batch_matmul(net, op),
        "SVDF" => sequence::svdf(net, op),
        "RNN" => sequence::step(net, op),
        "LSTM" if op.options.byte(10) == 1 => sequence::basic_lstm(net, op),
        "LSTM" => sequence::lstm(net, op, true),
        "UNIDIRECTIONAL_SEQUENCE_LSTM" => sequence::lstm(net, op, op.options.flag(10)),
        "BIDIRECTIONAL_SEQUENCE_LSTM" => sequence::both_lstm(net, op),
        "UNIDIRECTIONAL_SEQUENCE_RNN" => sequence::rnn(net, op),
        "BIDIRECTIONAL_SEQUENCE_RNN" => sequence::both_rnn(net, op),
        "QUANTIZE" => quantize::quantize(net, op),
        "DEQUANTIZE" => quantize::dequantize(net, op),
        "FAKE_QUANT" => quantize::fake(net, op),
        "MEAN" => reduce::reduce(net, op, "ReduceMean"),
        "SUM" => reduce::reduce(net, op, "ReduceSum"),
        "REDUCE_MAX" | "REDUCE_ANY" => reduce::reduce(net, op, "ReduceMax"),
        "REDUCE_MIN" | "REDUCE_ALL" => reduce::reduce(net, op, "ReduceMin"),
        "REDUCE_PROD" => reduce::reduce(net, op, "ReduceProd"),
        "REDUCE_WINDOW" => plain(net, op, "ReduceWindow", &[0, 1, 2, 3, 4], Attrs::new()),
        "ARG_MAX" => arg::arg(net, op, "ArgMax"),
        "ARG_MIN" => arg::arg(net, op, "ArgMin"),
        "TOPK_V2" => arg::top_k(net, op),
        "CUMSUM" => arg::cumulated(net, op),
        "SEGMENT_SUM" => plain(net, op, "SegmentSum", &[0, 1], Attrs::new()),
        "UNSORTED_SEGMENT_MAX" => plain(net, op, "UnsortedSegmentMax", &[0, 1, 2], Attrs::new()),
        "UNSORTED_SEGMENT_MIN" => plain(net, op, "UnsortedSegmentMin", &[0, 1, 2], Attrs::new()),
        "UNSORTED_SEGMENT_PROD" => plain(net, op, "UnsortedSegmentProd", &[0, 1, 2], Attrs::new()),
        "UNSORTED_SEGMENT_SUM" => plain(net, op, "UnsortedSegmentSum", &[0, 1, 2], Attrs::new()),
        "SOFTMAX" => reduce::along_channels(net, op, "Softmax", Attrs::new()),
        "LOG_SOFTMAX" => reduce::along_channels(net, op, "LogSoftmax", Attrs::new()),
        "L2_NORMALIZATION" => reduce::normalization(net, op),
        "RESHAPE" | "SQUEEZE" | "EXPAND_DIMS" | "STABLEHLO_RESHAPE" => reshape::reshape(net, kind, op),
        "BITCAST" => plain(net, op, "Bitcast", &[0], attrs([("to", net.typed(op.output(0)?))])),
        "TRANSPOSE" => move_::transpose(net, op, op.optional(1).and_then(|order| net.known(order))),
        "CONCATENATION" => move_::concat(net, op, op.options.int(4, 0), op.options.byte(6)),
        "SPLIT" => move_::split(net, op, 1, 0, None),
        "SPLIT_V" => move_::split(net, op, 0, 2, Some(1)),
        "PAD" | "PADV2" | "MIRROR_PAD" => move_::pad(net, op, kind),
        "TILE" => move_::tile(net, op),
        "DILATE" => plain(net, op, "Dilate", &[0, 1, 2], Attrs::new()),
        "RESIZE_BILINEAR" => move_::resize(net, op, "linear"),
        "RESIZE_NEAREST_NEIGHBOR" => move_::resize(net, op, "nearest"),
        "SPACE_TO_DEPTH" => blocks::depth(net, op, "SpaceToDepth"),
        "DEPTH_TO_SPACE" => blocks::depth(net, op, "DepthToSpace"),
        "SPACE_TO_BATCH_ND" => blocks::batch(net, op, "SpaceToBatchND"),
        "BATCH_TO_SPACE_ND" => blocks::batch(net, op, "BatchToSpaceND"),
        "REVERSE_V2" => index::reverse(net, op),
        "REVERSE_SEQUENCE" => index::reverse_sequence(net, op),
        "MATRIX_DIAG" => plain(net, op, "MatrixDiag", &[0], Attrs::new()),
        "MATRIX_SET_DIAG" => plain(net, op, "MatrixSetDiag", &[0, 1], Attrs::new()),
        "SLICE" => index::slice(net, op),
        "STRIDED_SLICE" => strided::strided_slice(net, op),
        "DYNAMIC_UPDATE_SLICE" => plain(net, op, "DynamicUpdateSlice", &[0, 1, 2], Attrs::new()),
        "GATHER" => index::gather(net, op),
        "GATHER_ND" => plain(net, op, "GatherND", &[0, 1], Attrs::new()),
        "EMBEDDING_LOOKUP" => plain(net, op, "Gather", &[1, 0], attrs([("axis", Attr::Int(0))])),
        "EMBEDDING_LOOKUP_SPARSE" => plain(net, op, "EmbeddingLookupSparse", &[0, 1, 2, 3, 4], Attrs::new()),
        "SCATTER_ND" => scatter::scatter(net, op),
        "SPARSE_TO_DENSE" => scatter::dense(net, op),
        "ONE_HOT" => scatter::one_hot(net, op),
        "FILL" => plain(net, op, "Expand", &[1, 0], Attrs::new()),
        "BROADCAST_TO" => plain(net, op, "Expand", &[0, 1], Attrs::new()),
        "BROADCAST_ARGS" => plain(net, op, "BroadcastArgs", &[0, 1], Attrs::new()),
        "RANGE" => plain(net, op, "Range", &[0, 1, 2], Attrs::new()),
        "PACK" => index::pack(net, op),
        "UNPACK" => index::unpack(net, op),
        "SHAPE" => index::shape(net, op),
        "RANK" => index::rank(net, op),
        "WHERE" => index::positions(net, op),
        "UNIQUE" => index::unique(net, op),
        "BUCKETIZE" => plain(net, op, "Bucketize", &[0], Attrs::new()),
        "RFFT2D" => plain(net, op, "Rfft2D", &[0, 1], Attrs::new()),
        "NON_MAX_SUPPRESSION_V4" => plain(net, op, "NonMaxSuppressionV4", &[0, 1, 2, 3, 4], Attrs::new()),
        "NON_MAX_SUPPRESSION_V5" => plain(net, op, "NonMaxSuppressionV5", &[0, 1, 2, 3, 4, 5], Attrs::new()),
        "DENSIFY" => plain(net, op, "Identity", &[0], Attrs::new()),
        "IF" => control::branch(net, op),
        "WHILE" | "STABLEHLO_WHILE" => control::repeat(net, op),
        "CALL" => control::call(net, op, op.options.int(4, 0)),
        "STABLEHLO_COMPOSITE" => control::call(net, op, op.options.int(6, 0)),
        "STABLEHLO_CASE" => control::case(net, op),
        "CALL_ONCE" => control::once(net, op),
        "ASSIGN_VARIABLE" => control::assign(net, op),
        "HASHTABLE_IMPORT" => Ok(true),
        "HASHTABLE_FIND" => plain(net, op, "HashtableFind", &[0, 1, 2], Attrs::new()),
        "HASHTABLE_LOOKUP" => plain(net, op, "HashtableLookup", &[0, 1, 2], Attrs::new()),
        _ if kind.starts_with("STABLEHLO_") => stablehlo::add(net, kind, op),
        _ => match custom::stated(net, kind, op)? {
            true => Ok(true),
            false => elementwise::elementwise(net, kind, op),
        },
    }?;
    if !read {
        custom(net, kind, op);
    }
    Ok(())
}

/// An operator without a counterpart: its results have the shapes that the file states.
fn custom(net: &mut Importer, kind: &str, op: &Op) {
    state(net, OpType::Custom { domain: "tflite".into(), name: kind.into() }, op, Attrs::new());
}

/// A node with all operands and results of `op`, which have the shapes that the file states.
fn state(net: &mut Importer, name: OpType, op: &Op, attrs: Attrs) {
    let inputs = op.inputs.iter().map(|i| i.map(id)).collect();
    let outputs = op.outputs.iter().map(|&i| id(i)).collect();
    op.outputs.iter().for_each(|&i| net.state(i));
    net.node(name, inputs, attrs, outputs);
}

/// A node on tensors with the axes of the file: the operands at `positions`, and every result.
fn plain(net: &mut Importer, op: &Op, name: &str, positions: &[usize], attrs: Attrs) -> Read {
    let inputs = positions.iter().map(|&i| op.optional(i).map(|i| net.file_order(i))).collect();
    let outputs: Vec<TensorId> = op.outputs.iter().map(|&i| net.file_result(i)).collect();
    net.node(OpType::new(name), inputs, attrs, outputs.clone());
    for (&output, written) in op.outputs.iter().zip(outputs) {
        net.our_order(output, written);
    }
    Ok(true)
}

/// Where an operator with the activation `code` inside writes, and [`finish`] puts the activation after it.
fn before(net: &mut Importer, code: i8, output: usize) -> TensorId {
    if code == 0 { id(output) } else { net.temporary() }
}

/// The activation of a result written to `written`.
fn finish(net: &mut Importer, code: i8, written: TensorId, output: usize) -> Read {
    let name = match code {
        0 => return Ok(true),
        1 => "Relu",
        4 => "Tanh",
        5 => "Sign",
        2 | 3 => {
            let bounds = if code == 2 { [-1.0, 1.0] } else { [0.0, 6.0] };
            elementwise::clip(net, written, bounds, output);
            return Ok(true);
        }
        code => return Err(format!("activation {code} is unknown")),
    };
    net.emit(name, &[written], Attrs::new(), id(output));
    Ok(true)
}
