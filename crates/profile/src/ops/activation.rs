//! Element-wise functions of one tensor.

use tachograph_ir::{Attr, Call, OpError, Value};
use tch::{Kind, Scalar, TchError, Tensor};

use super::{Kernel, kind, unary};

type Function = fn(&Tensor) -> Result<Tensor, TchError>;

fn plain(op: &str) -> Option<Function> {
    Some(match op {
        "Abs" => Tensor::f_abs,
        "Acos" => Tensor::f_acos,
        "Acosh" => Tensor::f_acosh,
        "Asin" => Tensor::f_asin,
        "Asinh" => Tensor::f_asinh,
        "Atan" => Tensor::f_atan,
        "Atanh" => Tensor::f_atanh,
        "BitwiseNot" => Tensor::f_bitwise_not,
        "Ceil" => Tensor::f_ceil,
        "Cos" => Tensor::f_cos,
        "Cosh" => Tensor::f_cosh,
        "Det" => Tensor::f_det,
        "Erf" => Tensor::f_erf,
        "Exp" => Tensor::f_exp,
        "Floor" => Tensor::f_floor,
        "HardSwish" => Tensor::f_hardswish,
        "IsNaN" => Tensor::f_isnan,
        "Log" => Tensor::f_log,
        "Mish" => Tensor::f_mish,
        "Neg" => Tensor::f_neg,
        "Not" => Tensor::f_logical_not,
        "Reciprocal" => Tensor::f_reciprocal,
        "Relu" => Tensor::f_relu,
        "Round" => Tensor::f_round,
        "Sigmoid" => Tensor::f_sigmoid,
        "Sign" => Tensor::f_sign,
        "Silu" => Tensor::f_silu,
        "Sin" => Tensor::f_sin,
        "Sinh" => Tensor::f_sinh,
        "Softplus" => Tensor::f_softplus,
        "Softsign" => |x| x.f_div(&x.f_abs()?.f_add_scalar(1.0)?),
        "Sqrt" => Tensor::f_sqrt,
        "Tan" => Tensor::f_tan,
        "Tanh" => Tensor::f_tanh,
        _ => return None,
    })
}

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    if let Some(f) = plain(call.node.op.name()) {
        return Ok(Some(unary(f)));
    }
    let (alpha, beta) = (|default| call.float("alpha", default), |default| call.float("beta", default));
    Ok(Some(match call.node.op.name() {
        "IsInf" => match ["detect_negative", "detect_positive"].map(|name| call.int(name, 1) != 0) {
            [true, true] => unary(Tensor::f_isinf),
            [true, false] => unary(Tensor::f_isneginf),
            [false, true] => unary(Tensor::f_isposinf),
            [false, false] => unary(|x| x.f_isinf()?.f_zeros_like()),
        },
        "Celu" if alpha(1.0) == 1.0 => unary(Tensor::f_celu),
        "Celu" => exponential(alpha(1.0), 1.0, 1.0 / alpha(1.0)),
        "Elu" if alpha(1.0) == 1.0 => unary(Tensor::f_elu),
        "Elu" => exponential(alpha(1.0), 1.0, 1.0),
        "Selu" if !call.attrs().contains_key("alpha") && !call.attrs().contains_key("gamma") => unary(Tensor::f_selu),
        "Selu" => {
            let gamma = call.float("gamma", 1.050_700_987_355_480_5);
            exponential(alpha(1.673_263_242_354_377_3) * gamma, gamma, 1.0)
        }
        "Swish" if alpha(1.0) == 1.0 => unary(Tensor::f_silu),
        "QuickGelu" | "Swish" => {
            let alpha = alpha(if call.node.op.name() == "Swish" { 1.0 } else { 1.702 });
            unary(move |x| x.f_mul(&x.f_mul_scalar(alpha)?.f_sigmoid()?))
        }
        "BiasGelu" => super::pair(|x, bias| x.f_add(bias)?.f_gelu("none")),
        "ThresholdedRelu" => {
            let alpha = alpha(1.0);
            unary(move |x| x.f_threshold(alpha, 0.0))
        }
        "Shrink" => {
            let (bias, bound) = (call.float("bias", 0.0), call.float("lambd", 0.5));
            unary(move |x| {
                let outside = x.f_abs()?.f_gt(bound)?;
                x.f_sub(&x.f_sign()?.f_mul_scalar(bias)?)?.f_mul(&outside)?.f_to_kind(x.kind())
            })
        }
        "Hardmax" => {
            let axis = super::axis(call, -1)?;
            unary(move |x| x.f_zeros_like()?.f_scatter_value(axis, &x.f_argmax(axis, true)?, 1.0))
        }
        "LeakyRelu" => leaky(alpha(0.01)),
        "HardSigmoid" => {
            let (alpha, beta) = (alpha(0.2), beta(0.5));
            if (alpha - 1.0 / 6.0).abs() < 1e-4 && beta == 0.5 {
                unary(Tensor::f_hardsigmoid)
            } else {
                unary(move |x| x.f_mul_scalar(alpha)?.f_add_scalar(beta)?.f_clamp(0.0, 1.0))
            }
        }
        "Gelu" | "FastGelu" => {
            let tanh = call.node.op.name() == "FastGelu" || call.text("approximate", "none") == "tanh";
            let approximate = if tanh { "tanh" } else { "none" };
            unary(move |x| x.f_gelu(approximate))
        }
        "Clip" => {
            if [1, 2].iter().filter_map(|&i| call.optional(i)).any(|fact| fact.value.is_none()) {
                let kernel: Kernel = Box::new(|x| {
                    let (min, max) = (x.optional(1), x.optional(2));
                    let y = x.get(0)?.shallow_clone();
                    let y = min.map(|min| y.f_maximum(min)).transpose()?.unwrap_or(y);
                    Ok(vec![max.map(|max| y.f_minimum(max)).transpose()?.unwrap_or(y)])
                });
                return Ok(Some(kernel));
            }
            let (min, max) = (bound(call, "min", 1)?, bound(call, "max", 2)?);
            let integer = call.dtype(0)?.is_integer();
            let bound = move |v: f64| if integer { Scalar::int(v as i64) } else { Scalar::float(v) };
            unary(move |x| match (min, max) {
                (Some(min), Some(max)) => x.f_clamp(bound(min), bound(max)),
                (Some(min), None) => x.f_clamp_min(bound(min)),
                (None, Some(max)) => x.f_clamp_max(bound(max)),
                (None, None) => Ok(x.shallow_clone()),
            })
        }
        "Dropout" if call.node.outputs.get(1).is_some_and(Option::is_some) => {
            // At inference nothing is dropped, and the mask says so.
            Box::new(|x| {
                let x = x.get(0)?;
                Ok(vec![x.shallow_clone(), x.f_ones_like()?.f_to_kind(Kind::Bool)?])
            })
        }
        "Identity" | "Dropout" => unary(|x| Ok(x.shallow_clone())),
        "BitCast" | "Bitcast" => {
            let dtype = call.outputs.first().ok_or(OpError::Unknown)?.dtype;
            let kind = kind(dtype).ok_or_else(|| OpError::Invalid(format!("libtorch has no {dtype}")))?;
            let shape = super::output_shape(call, 0)?;
            unary(move |x| x.f_contiguous()?.f_view_dtype(kind)?.f_reshape(&shape))
        }
        "Cast" | "CastLike" => {
            let dtype = call.outputs.first().ok_or(OpError::Unknown)?.dtype;
            let kind = kind(dtype).ok_or_else(|| OpError::Invalid(format!("libtorch has no {dtype}")))?;
            unary(move |x| x.f_to_kind(kind))
        }
        _ => return Ok(None),
    }))
}

/// `gamma`·x above zero, `alpha`·(exp(`rate`·x) − 1) below: what libtorch's bindings take no parameters for.
fn exponential(alpha: f64, gamma: f64, rate: f64) -> Kernel {
    unary(move |x| {
        let below = x.f_clamp_max(0.0)?.f_mul_scalar(rate)?.f_expm1()?.f_mul_scalar(alpha)?;
        x.f_relu()?.f_mul_scalar(gamma)?.f_add(&below)
    })
}

/// libtorch's own function takes no slope through its bindings; other slopes are composed.
fn leaky(slope: f64) -> Kernel {
    match slope {
        0.01 => unary(Tensor::f_leaky_relu),
        0.0..=1.0 => unary(move |x| x.f_maximum(&x.f_mul_scalar(slope)?)),
        _ => unary(move |x| x.f_relu()?.f_add(&x.f_clamp_max(0.0)?.f_mul_scalar(slope)?)),
    }
}

/// A bound of Clip, from an attribute or from a constant operand.
fn bound(call: &Call<'_>, name: &str, operand: usize) -> Result<Option<f64>, OpError> {
    if let Some(Attr::Float(v)) = call.attrs().get(name) {
        return Ok(Some(*v).filter(|v| v.abs() < 3e38));
    }
    match call.optional(operand) {
        None => Ok(None),
        Some(fact) => match fact.value.as_ref().map(Value::to_floats).as_deref() {
            Some([v]) => Ok(Some(*v)),
            _ => Err(OpError::Invalid(format!("bound `{name}` is not a known scalar"))),
        },
    }
}
