//! Element-wise functions of two or more tensors, with broadcasting.

use tachograph_ir::{Call, OpError};
use tch::{TchError, Tensor};

use super::{Kernel, pair};

type Function = fn(&Tensor, &Tensor) -> Result<Tensor, TchError>;

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    let integer = call.inputs.first().copied().flatten().is_some_and(|f| f.dtype.is_integer());
    let function: Function = match call.node.op.name() {
        "Add" => Tensor::f_add,
        "Sub" => Tensor::f_sub,
        "Mul" => Tensor::f_mul,
        "Div" if integer => |a, b| a.f_div_tensor_mode(b, "trunc"),
        "Div" => Tensor::f_div,
        "Pow" => return power(call).map(Some),
        "Mod" if call.int("fmod", 0) != 0 => Tensor::f_fmod_tensor,
        "Mod" => Tensor::f_remainder_tensor,
        "PRelu" => |x, slope| x.f_maximum(&x.f_zeros_like()?)?.f_add(&x.f_clamp_max(0.0)?.f_mul(slope)?),
        "BitwiseAnd" => Tensor::f_bitwise_and_tensor,
        "BitwiseOr" => Tensor::f_bitwise_or_tensor,
        "BitwiseXor" => Tensor::f_bitwise_xor_tensor,
        "BitShift" if call.text("direction", "LEFT") == "LEFT" => Tensor::f_bitwise_left_shift,
        "BitShift" => Tensor::f_bitwise_right_shift,
        "And" => Tensor::f_logical_and,
        "Or" => Tensor::f_logical_or,
        "Xor" => Tensor::f_logical_xor,
        "Equal" => Tensor::f_eq_tensor,
        "Greater" => Tensor::f_gt_tensor,
        "GreaterOrEqual" => Tensor::f_ge_tensor,
        "Less" => Tensor::f_lt_tensor,
        "LessOrEqual" => Tensor::f_le_tensor,
        "Max" => return Ok(Some(fold(Tensor::f_maximum))),
        "Min" => return Ok(Some(fold(Tensor::f_minimum))),
        "Sum" => return Ok(Some(fold(Tensor::f_add))),
        "Mean" => {
            let sum = fold(Tensor::f_add);
            return Ok(Some(Box::new(move |x| Ok(vec![sum(x)?.remove(0).f_div_scalar(x.0.len() as f64)?]))));
        }
        "Where" => {
            return Ok(Some(Box::new(|x| Ok(vec![x.get(1)?.f_where_self(x.get(0)?, x.get(2)?)?]))));
        }
        _ => return Ok(None),
    };
    Ok(Some(match aligned(call)? {
        Some(shape) => pair(move |a, b| function(a, &b.f_reshape(&shape)?)),
        None => pair(function),
    }))
}

/// Extents of the second operand where the node says from which axis of the first it starts, as ONNX's first operator
/// sets do.
fn aligned(call: &Call<'_>) -> Result<Option<Vec<i64>>, OpError> {
    let Ok(axis) = usize::try_from(call.int("axis", -1)) else { return Ok(None) };
    let (a, b) = (call.shape(0)?.len(), call.shape(1)?);
    let after = a.saturating_sub(axis.saturating_add(b.len()));
    let extents = b.iter().map(|&n| n as i64).chain(std::iter::repeat_n(1, after));
    Ok((after > 0).then(|| extents.collect()))
}

/// A constant exponent runs as libtorch's scalar power, as frameworks run it.
fn power(call: &Call<'_>) -> Result<Kernel, OpError> {
    let exponent = call.input(1)?.value.as_ref().map(tachograph_ir::Value::to_floats);
    Ok(match exponent.as_deref() {
        Some(&[e]) => super::unary(move |x| x.f_pow_tensor_scalar(e)),
        _ => pair(Tensor::f_pow),
    })
}

fn fold(f: Function) -> Kernel {
    Box::new(move |x| {
        let mut result = x.get(0)?.shallow_clone();
        for i in 1..x.0.len() {
            result = f(&result, x.get(i)?)?;
        }
        Ok(vec![result])
    })
}
