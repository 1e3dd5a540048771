//! Operators that make elements: constants, ranges, random numbers, diagonals.

use tachograph_ir::{Attr, Call, OpError};
use tch::{Kind, Scalar, Tensor};

use super::{Kernel, kind, output_shape, unary};

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    let name = call.node.op.name();
    if !matches!(name, "Bernoulli" | "ConstantOfShape" | "EyeLike" | "RandomNormalLike" | "RandomUniformLike" | "Range")
    {
        return Ok(None);
    }
    let shape = output_shape(call, 0)?;
    let dtype = call.outputs.first().ok_or(OpError::Unknown)?.dtype;
    let kind = kind(dtype).ok_or_else(|| OpError::Invalid(format!("libtorch has no {dtype}")))?;
    let (mean, spread) = (call.float("mean", 0.0), call.float("scale", 1.0));
    let (low, high) = (call.float("low", 0.0), call.float("high", 1.0));
    let k = call.int("k", 0);
    Ok(Some(match name {
        "Bernoulli" => unary(move |x| x.f_clamp(0.0, 1.0)?.f_bernoulli()?.f_to_kind(kind)),
        "RandomNormalLike" => {
            unary(move |x| x.f_to_kind(kind)?.f_randn_like()?.f_mul_scalar(spread)?.f_add_scalar(mean))
        }
        "RandomUniformLike" => {
            unary(move |x| x.f_to_kind(kind)?.f_rand_like()?.f_mul_scalar(high - low)?.f_add_scalar(low))
        }
        "EyeLike" => unary(move |x| Tensor::f_ones(&shape, (kind, x.device()))?.f_triu(k)?.f_tril(k)),
        "Range" => Box::new(move |x| {
            let n = shape.first().copied().unwrap_or(0);
            let (first, step) = (x.get(0)?.f_reshape([1])?, x.get(2)?.f_reshape([1])?);
            Ok(vec![Tensor::f_arange(n, (kind, first.device()))?.f_mul(&step)?.f_add(&first)?])
        }),
        _ => {
            let value = match call.attrs().get("value") {
                Some(Attr::Int(v)) => *v as f64,
                Some(Attr::Float(v)) => *v,
                Some(Attr::Ints(v)) => v.first().copied().unwrap_or(0) as f64,
                Some(Attr::Floats(v)) => v.first().copied().unwrap_or(0.0),
                _ => 0.0,
            };
            let integer = kind == Kind::Bool || dtype.is_integer();
            unary(move |x| {
                let value = if integer { Scalar::int(value as i64) } else { Scalar::float(value) };
                Tensor::f_full(&shape, value, (kind, x.device()))
            })
        }
    }))
}
