//! How each ONNX operator runs on libtorch. A kernel is compiled once per node: attributes and
//! shapes are read then, so that a run only calls libtorch.

mod activation;
mod attention;
mod attention_grouped;
mod binary;
mod conv;
mod coordinates;
mod create;
mod experimental;
mod index;
mod integers;
mod loss;
mod matmul;
mod norm;
mod pool;
mod quantised;
mod quantised_matmul;
mod recurrent;
mod recurrent_steps;
mod reduce;
mod resample;
mod resize;
mod rotary;
mod sample;
mod shape;
mod spectrum;
mod wrapped;

use tachograph_ir::{Call, DType, OpError};
use tch::{Kind, TchError, Tensor};

/// Runs one node on its operands.
pub(crate) type Kernel = Box<dyn Fn(&Args<'_>) -> Result<Vec<Tensor>, TchError> + Send>;

/// Operands of a run, by position.
pub(crate) struct Args<'a>(pub &'a [Option<&'a Tensor>]);

impl<'a> Args<'a> {
    pub fn get(&self, i: usize) -> Result<&'a Tensor, TchError> {
        self.optional(i).ok_or_else(|| TchError::Kind(format!("operand {i} is missing")))
    }

    pub fn optional(&self, i: usize) -> Option<&'a Tensor> {
        self.0.get(i).copied().flatten()
    }
}

/// Compiles a call whose operand and result facts are known.
///
/// `Ok(None)` when no kernel exists for the operator.
pub(crate) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    type Compile = fn(&Call<'_>) -> Result<Option<Kernel>, OpError>;
    const FAMILIES: [Compile; 24] = [
        integers::compile,
        conv::compile,
        activation::compile,
        binary::compile,
        matmul::compile,
        norm::compile,
        pool::compile,
        shape::compile,
        index::compile,
        reduce::compile,
        resize::compile,
        quantised::compile,
        coordinates::compile,
        recurrent::compile,
        attention::compile,
        rotary::compile,
        create::compile,
        sample::compile,
        spectrum::compile,
        loss::compile,
        wrapped::compile,
        attention_grouped::compile,
        experimental::compile,
        quantised_matmul::compile,
    ];
    // An operator of another domain may share the name of a standard one, not its meaning.
    if call.node.op.is_custom() && !call.node.op.domain().is_empty() {
        return Ok(None);
    }
    for family in FAMILIES {
        if let Some(kernel) = family(call)? {
            return Ok(Some(kernel));
        }
    }
    Ok(None)
}

/// A kernel with one operand and one result.
pub(crate) fn unary(f: impl Fn(&Tensor) -> Result<Tensor, TchError> + Send + 'static) -> Kernel {
    Box::new(move |x| Ok(vec![f(x.get(0)?)?]))
}

/// A kernel with two operands and one result.
pub(crate) fn pair(f: impl Fn(&Tensor, &Tensor) -> Result<Tensor, TchError> + Send + 'static) -> Kernel {
    Box::new(move |x| Ok(vec![f(x.get(0)?, x.get(1)?)?]))
}

/// Shape of the result at `i` in libtorch's integers.
pub(crate) fn output_shape(call: &Call<'_>, i: usize) -> Result<Vec<i64>, OpError> {
    let shape = call.outputs.get(i).and_then(|f| f.shape.as_deref()).ok_or(OpError::Unknown)?;
    Ok(shape.iter().map(|&n| n as i64).collect())
}

/// Rank of the operand at `i`.
pub(crate) fn rank(call: &Call<'_>, i: usize) -> Result<i64, OpError> {
    Ok(call.shape(i)?.len() as i64)
}

/// The axis that the attribute `axis` names, counted from the first.
pub(crate) fn axis(call: &Call<'_>, default: i64) -> Result<i64, OpError> {
    let (rank, axis) = (rank(call, 0)?, call.int("axis", default));
    let positive = if axis < 0 { axis.saturating_add(rank) } else { axis };
    let inside = (0..rank.max(1)).contains(&positive);
    inside.then_some(positive).ok_or_else(|| OpError::Invalid(format!("axis {axis} of a rank-{rank} tensor")))
}

/// The libtorch type that holds a data type; `None` where there is none.
pub(crate) fn kind(dtype: DType) -> Option<Kind> {
    Some(match dtype {
        DType::F64 => Kind::Double,
        DType::F32 => Kind::Float,
        DType::F16 => Kind::Half,
        DType::BF16 => Kind::BFloat16,
        DType::I64 | DType::U64 => Kind::Int64,
        DType::I32 | DType::U32 => Kind::Int,
        DType::I16 | DType::U16 => Kind::Int16,
        // Four bits take eight here.
        DType::I8 | DType::I4 => Kind::Int8,
        DType::U8 | DType::U4 => Kind::Uint8,
        DType::Bool => Kind::Bool,
        _ => return None,
    })
}
