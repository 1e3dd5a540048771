//! Element-wise functions of one tensor.

use tachograph_ir::{Attr, Call, OpError, Value};
use tch::{Scalar, TchError, Tensor};

use super::{Kernel, kind, unary};

type Function = fn(&Tensor) -> Result<Tensor, TchError>;

fn plain(op: &str) -> Option<Function> {
    Some(match op {
        "Abs" => Tensor::f_abs,
        "Acos" => Tensor::f_acos,
        "Asin" => Tensor::f_asin,
        "Atan" => Tensor::f_atan,
        "Ceil" => Tensor::f_ceil,
        "Cos" => Tensor::f_cos,
        "Cosh" => Tensor::f_cosh,
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
        "Softsign" => unary(|x| x.f_div(&x.f_abs()?.f_add_scalar(1.0)?)),
        "IsInf" if ["detect_negative", "detect_positive"].iter().all(|name| call.int(name, 1) == 1) => {
            unary(Tensor::f_isinf)
        }
        "Celu" if alpha(1.0) == 1.0 => unary(Tensor::f_celu),
        "Elu" if alpha(1.0) == 1.0 => unary(Tensor::f_elu),
        "Selu" if !call.attrs().contains_key("alpha") && !call.attrs().contains_key("gamma") => unary(Tensor::f_selu),
        "Swish" if alpha(1.0) == 1.0 => unary(Tensor::f_silu),
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
            let (min, max) = (bound(call, "min", 1)?, bound(call, "max", 2)?);
            if call.dtype(0)?.is_integer() {
                return Err(OpError::Invalid("clipping of integers has no kernel".into()));
            }
            unary(move |x| match (min, max) {
                (Some(min), Some(max)) => x.f_clamp(Scalar::float(min), Scalar::float(max)),
                (Some(min), None) => x.f_clamp_min(Scalar::float(min)),
                (None, Some(max)) => x.f_clamp_max(Scalar::float(max)),
                (None, None) => Ok(x.shallow_clone()),
            })
        }
        "Identity" | "Dropout" => unary(|x| Ok(x.shallow_clone())),
        "Cast" | "CastLike" => {
            let dtype = call.outputs.first().ok_or(OpError::Unknown)?.dtype;
            let kind = kind(dtype).ok_or_else(|| OpError::Invalid(format!("libtorch has no {dtype}")))?;
            unary(move |x| x.f_to_kind(kind))
        }
        _ => return Ok(None),
    }))
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
