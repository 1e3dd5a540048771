//! Operators, one or one family a file. To add one: write the file, add one line to `operators!`.

mod axes;
mod delegate;
mod spatial;
#[cfg(test)]
mod testing;
mod values;

pub(crate) use axes::distinct;

use crate::Operator;

macro_rules! operators {
    ($($file:ident :: $name:ident),* $(,)?) => {
        $(mod $file;)*
        /// Every known operator.
        pub(crate) static ALL: &[&dyn Operator] = &[$(&$file::$name),*];
    };
}

operators! {
    adaptive_pool::AdaptivePool,
    affine_grid::AffineGrid,
    arg::Arg,
    arithmetic::Arithmetic,
    attention::Attention,
    attention_decoder::DecoderAttention,
    attention_grouped::GroupedAttention,
    attention_indexer::Indexer,
    attention_longformer::Longformer,
    attention_packed::PackedAttention,
    attention_quantized::QuantizedAttention,
    batch_norm::BatchNorm,
    bias_dropout::BiasDropout,
    bias_softmax::BiasSoftmax,
    bitcast::Bitcast,
    broadcast_args::BroadcastArgs,
    bucketize::Bucketize,
    cast::Cast,
    causal_conv::CausalConv,
    center_crop_pad::CenterCropPad,
    clip::Clip,
    col2im::Col2Im,
    compare::Compare,
    complex::Complex,
    compress::Compress,
    concat::Concat,
    concat_from_sequence::ConcatFromSequence,
    constant::Constant,
    constant_fill::ConstantFill,
    constant_of_shape::ConstantOfShape,
    conv::Conv,
    conv_transpose::ConvTranspose,
    crop::Crop,
    crop_and_resize::CropAndResize,
    cum_sum::CumSum,
    deform_conv::DeformConv,
    depth_space::DepthSpace,
    det::Det,
    detections::Detections,
    dft::Dft,
    diagonal::Diagonal,
    dilate::Dilate,
    distance::Distance,
    dynamic_slice::DynamicSlice,
    einsum::Einsum,
    embed_norm::EmbedNorm,
    expand::Expand,
    experimental::Experimental,
    fill::Fill,
    flatten::Flatten,
    flex_attention::FlexAttention,
    fourier::Fourier,
    gated::Gated,
    gather::Gather,
    gather_elements::GatherElements,
    gather_nd::GatherNd,
    gather_quantized::GatherQuantized,
    gemm::Gemm,
    global_pool::GlobalPool,
    grid_sample::GridSample,
    group_norm::GroupNorm,
    hyper_connection::HyperConnection,
    identity::Identity,
    if_::If,
    im2col::Im2Col,
    image_decoder::ImageDecoder,
    inverse::Inverse,
    keep::Keep,
    layer_norm::LayerNorm,
    linear_attention::LinearAttention,
    lookup::Lookup,
    loop_::Loop,
    loss::Loss,
    lrn::Lrn,
    matmul::MatMul,
    matmul_fused::FusedMatMul,
    matmul_nbits::MatMulNBits,
    matmul_nbits_fused::MatMulNBitsFused,
    matmul_quantized::QuantizedMatMul,
    matrix_diag::MatrixDiag,
    max_roi_pool::MaxRoiPool,
    max_unpool::MaxUnpool,
    ml_category::MlCategory,
    ml_linear::MlLinear,
    ml_scale::MlScale,
    ml_tree::MlTree,
    ml_vector::MlVector,
    moe::Moe,
    moe_router::Router,
    nhwc::Nhwc,
    non_max_suppression::NonMaxSuppression,
    non_zero::NonZero,
    normalize::Normalize,
    one_hot::OneHot,
    optimizer::Optimizer,
    optional::Optional,
    pad::Pad,
    padded_suppression::PaddedSuppression,
    padding::Padding,
    pool::Pool,
    position_bias::PositionBias,
    predicate::Predicate,
    prior_box::PriorBox,
    qlinear::QLinear,
    qlinear_concat::QLinearConcat,
    quantize::Quantize,
    quantize_block::QuantizeBlock,
    range::Range,
    recurrent_attention::RecurrentAttention,
    reduce::Reduce,
    reduce_window::ReduceWindow,
    region_pool::RegionPool,
    reorder::Reorder,
    reshape::Reshape,
    resize::Resize,
    rms_norm::RmsNorm,
    rnn::Rnn,
    rnn_runtime::RuntimeRnn,
    roi_align::RoiAlign,
    rotary::Rotary,
    scan::Scan,
    segment::Segment,
    sequence::Sequence,
    sequence_lstm::SequenceLstm,
    sequence_map::SequenceMap,
    shape::ShapeOf,
    slice::Slice,
    slices::Slices,
    snapshot::Snapshot,
    softmax::Softmax,
    space_batch::SpaceBatch,
    spectrogram::Spectrogram,
    split::Split,
    split_to_sequence::SplitToSequence,
    squeeze::Squeeze,
    stated::Stated,
    stateful_conv::StatefulConv,
    svdf::Svdf,
    swiglu::SwiGlu,
    tensor_scatter::TensorScatter,
    text::Text,
    tf_idf::TfIdf,
    tile::Tile,
    top_k::TopK,
    transpose::Transpose,
    unary::Unary,
    unique::Unique,
    unsqueeze::Unsqueeze,
    variadic::Variadic,
    where_::Where,
    window::Window,
    words::Words,
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, option, prelude::*, sample::select};

    use crate::{Attr, Attrs, Call, Class, DType, Fact, Fusion, Node, OpType, Phase, Saved, Value, registry};

    /// A node of this operator that reads and writes nothing in particular.
    fn bare(name: &str, operands: usize) -> Node {
        let (op, inputs) = (OpType::new(name), vec![None; operands]);
        Node { name: String::new(), op, attrs: Attrs::new(), inputs, outputs: vec![None], phase: Phase::Forward }
    }

    fn number() -> impl Strategy<Value = i64> {
        prop_oneof![8 => -3..6i64, 1 => any::<i64>(), 1 => select(&[i64::MIN, i64::MAX, 7, 10][..])]
    }

    fn value() -> impl Strategy<Value = Value> {
        let float = prop_oneof![(-3.0..9.0), select(&[0.0, 1.0, f64::NAN, f64::INFINITY, 1e300][..])];
        prop_oneof![vec(number(), 0..5).prop_map(Value::Ints), vec(float, 0..5).prop_map(Value::Floats)]
    }

    fn fact() -> impl Strategy<Value = Fact> {
        let extent = prop_oneof![8 => 0..7u64, 1 => any::<u64>(), 1 => select(&[1 << 32, u64::MAX][..])];
        let dtype = select(&[DType::F32, DType::I64, DType::Bool, DType::String][..]);
        let free = (dtype.clone(), option::weighted(0.9, vec(extent, 0..6)), option::of(value()))
            .prop_map(|(dtype, shape, value)| Fact { shape, value, ..Fact::unknown(dtype) });
        let list =
            (dtype.clone(), value()).prop_map(|(dtype, v)| Fact::new(dtype, [v.len() as u64]).with_value(Some(v)));
        let tensor = prop_oneof![free, list].boxed();
        let sequence = (dtype, vec(tensor.clone(), 0..4)).prop_map(|(dtype, items)| Fact::sequence(dtype, items));
        let alike = tensor.clone().prop_map(Fact::sequence_of);
        prop_oneof![8 => tensor, 1 => sequence, 1 => alike, 1 => Just(Fact::nothing(DType::F32))]
    }

    fn attr() -> impl Strategy<Value = (String, Attr)> {
        let int =
            select(&["axis", "keepdims", "ceil_mode", "group", "num_groups", "blocksize", "to", "dtype", "k"][..]);
        let more = select(&["num_heads", "q_num_heads", "size", "start", "batch_dims", "num_outputs", "layout"][..]);
        let heads = select(&["kv_num_heads", "window", "v_head_size", "state_window", "dilation", "state_length"][..]);
        let sizes = select(&["K", "N", "Nq", "Nkv", "bits", "groups", "channels", "block", "n_targets", "targets"][..]);
        let counts = select(&["num_branches", "signal_ndim", "max_map", "max_ngram_size", "n_head_per_ngram"][..]);
        let flags = select(&["transA", "transB", "transBatchA", "channels_last", "mask_index_type", "step", "dim"][..]);
        let chosen = select(&["token_budget", "compress_ratio", "index_topk", "input_width", "router_size"][..]);
        let list = select(&["axes", "kernel_shape", "strides", "pads", "dilations", "perm", "split", "starts"][..]);
        let lists = select(&["ends", "shape", "output_shape", "output_padding", "qkv_hidden_sizes"][..]);
        let texts = select(&["SAME_UPPER", "VALID", "cubic", "ij,jk->ik", "...i->i...", "add", "", "not_larger"][..]);
        let text = select(&["auto_pad", "mode", "equation", "reduction", "keep_aspect_ratio_policy"][..]);
        prop_oneof![
            (prop_oneof![int, more, heads, sizes, counts, flags, chosen], number().prop_map(Attr::Int)),
            (prop_oneof![list, lists], vec(number(), 0..5).prop_map(Attr::Ints)),
            (text, texts.prop_map(Attr::from)),
            (Just("scales"), vec(-1.0..4.0f64, 0..5).prop_map(Attr::Floats)),
        ]
        .prop_map(|(name, attr)| (name.to_owned(), attr))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn no_operator_panics(
            inputs in vec(option::weighted(0.9, fact()), 0..8),
            outputs in vec(fact(), 0..3),
            attrs in vec(attr(), 0..16),
            same in any::<bool>(),
        ) {
            let mut inputs: Vec<Option<&Fact>> = inputs.iter().map(Option::as_ref).collect();
            if same && let Some(&first) = inputs.first() {
                inputs.fill(first);
            }
            let attrs: Attrs = attrs.into_iter().collect();
            for (name, operator) in registry() {
                let results = vec![None; outputs.len()];
                let node = Node { attrs: attrs.clone(), outputs: results, ..bare(name, inputs.len()) };
                let _ = (operator.class(&node), operator.fuses(&node), operator.saves(&node));
                let call = Call { node: &node, inputs: &inputs, outputs: &[] };
                if let Ok(facts) = operator.infer(&call) {
                    prop_assert!(!facts.is_empty() || outputs.is_empty() || *name == "Split", "{}", name);
                    let _ = operator.work(&Call { outputs: &facts, ..call });
                    let _ = operator.fvcore(&Call { outputs: &facts, ..call });
                }
                let _ = operator.work(&Call { outputs: &outputs, ..call });
                let _ = operator.fvcore(&Call { outputs: &outputs, ..call });
            }
        }
    }

    #[test]
    fn every_operator_tells_of_itself() {
        for (name, operator) in registry() {
            let node = bare(name, 3);
            let roles: Vec<bool> = (0..40).map(|i| operator.operand(&node, i).is_some()).collect();
            assert!(roles.is_sorted_by(|before, after| before >= after), "{name} leaves an operand out: {roles:?}");
            let (class, fusion) = (operator.class(&node), operator.fuses(&node));
            match fusion {
                Fusion::Anchor => assert!(class.multiplies() || class == Class::Reduction, "{name}: {class} starts"),
                // A batch normalisation is a product and a sum; a choice by element computes nothing.
                Fusion::Follower if !name.ends_with("BatchNormalization") && !name.ends_with("Where") => {
                    assert_eq!(class, Class::Elementwise, "{name} joins others");
                }
                _ => {}
            }
            if class.multiplies() {
                assert_eq!(operator.saves(&node), Saved::Operands, "{name}: a product needs its factors for gradients");
            }
            if operator.activates(&node) {
                assert_eq!(fusion, Fusion::Follower, "{name} activates");
            }
            assert_eq!((node.class(), node.fuses()), (class, fusion), "{name}");
        }
    }

    #[test]
    fn names_are_unique() {
        let names: usize = super::ALL.iter().map(|op| op.names().len()).sum();
        assert_eq!(names, registry().len());
    }
}
