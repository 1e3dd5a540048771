//! Operators, one or one family a file. To add one: write the file, add one line to `operators!`.

mod axes;
mod spatial;
#[cfg(test)]
pub(crate) mod testing;
mod values;

use crate::Operator;

macro_rules! operators {
    ($($file:ident :: $name:ident),* $(,)?) => {
        $(mod $file;)*
        /// Every known operator.
        pub(crate) static ALL: &[&dyn Operator] = &[$(&$file::$name),*];
    };
}

operators! {
    arithmetic::Arithmetic,
    batch_norm::BatchNorm,
    cast::Cast,
    clip::Clip,
    compare::Compare,
    concat::Concat,
    constant::Constant,
    constant_of_shape::ConstantOfShape,
    conv::Conv,
    expand::Expand,
    flatten::Flatten,
    gather::Gather,
    gemm::Gemm,
    global_pool::GlobalPool,
    identity::Identity,
    layer_norm::LayerNorm,
    lrn::Lrn,
    matmul::MatMul,
    normalize::Normalize,
    pad::Pad,
    pool::Pool,
    predicate::Predicate,
    reduce::Reduce,
    reshape::Reshape,
    shape::ShapeOf,
    slice::Slice,
    softmax::Softmax,
    split::Split,
    squeeze::Squeeze,
    transpose::Transpose,
    unary::Unary,
    unsqueeze::Unsqueeze,
    variadic::Variadic,
    where_::Where,
}
