//! Normalisations and softmax.

use tachograph_ir::{Call, OpError};
use tch::Tensor;

use super::{Kernel, rank, unary};

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    let eps = call.float("epsilon", 1e-5);
    Ok(Some(match call.node.op.name() {
        "BatchNormalization" if call.int("training_mode", 0) == 0 => Box::new(move |x| {
            let (scale, shift) = (Some(x.get(1)?), Some(x.get(2)?));
            let (mean, var) = (Some(x.get(3)?), Some(x.get(4)?));
            Ok(vec![x.get(0)?.f_batch_norm(scale, shift, mean, var, false, 0.0, eps, true)?])
        }),
        "BatchNormalization" => {
            let momentum = call.float("momentum", 0.9);
            let axes: Vec<i64> = (0..rank(call, 0)?).filter(|&axis| axis != 1).collect();
            Box::new(move |x| {
                let (data, scale, shift) = (x.get(0)?, Some(x.get(1)?), Some(x.get(2)?));
                let none: Option<&Tensor> = None;
                let y = data.f_batch_norm(scale, shift, none, none, true, 0.0, eps, true)?;
                let mean = data.f_mean_dim(&axes[..], false, None)?;
                let variance = data.f_var_dim(&axes[..], false, false)?;
                let running =
                    |old: &Tensor, new: &Tensor| old.f_mul_scalar(momentum)?.f_add(&new.f_mul_scalar(1.0 - momentum)?);
                Ok(vec![y, running(x.get(3)?, &mean)?, running(x.get(4)?, &variance)?])
            })
        }
        "InstanceNormalization" => Box::new(move |x| {
            let none: Option<&Tensor> = None;
            let (scale, shift) = (Some(x.get(1)?), Some(x.get(2)?));
            Ok(vec![x.get(0)?.f_instance_norm(scale, shift, none, none, true, 0.0, eps, true)?])
        }),
        "GroupNormalization" => {
            let groups = call.int("num_groups", 1).max(1);
            let (channels, scales) = (call.shape(0)?.get(1).copied(), call.shape(1)?.first().copied());
            if channels != scales {
                // Before operator set 21 a scale holds for a group, which libtorch has for channels alone.
                let each = channels.unwrap_or(1) as i64 / groups;
                let spread =
                    move |t: Option<&Tensor>| t.map(|t| t.f_repeat_interleave_self_int(each, None, None)).transpose();
                return Ok(Some(Box::new(move |x| {
                    let (scale, shift) = (spread(x.optional(1))?, spread(x.optional(2))?);
                    Ok(vec![x.get(0)?.f_group_norm(groups, scale, shift, eps, true)?])
                })));
            }
            Box::new(move |x| Ok(vec![x.get(0)?.f_group_norm(groups, x.optional(1), x.optional(2), eps, true)?]))
        }
        "LayerNormalization" if (1..3).any(|i| call.node.outputs.get(i).is_some_and(Option::is_some)) => {
            let normalized = normalized(call)?;
            Box::new(move |x| {
                let (y, mean, deviation) =
                    x.get(0)?.f_native_layer_norm(&normalized, x.optional(1), x.optional(2), eps)?;
                Ok(vec![y, mean, deviation])
            })
        }
        "LayerNormalization" => {
            let normalized = normalized(call)?;
            Box::new(move |x| Ok(vec![x.get(0)?.f_layer_norm(&normalized, x.optional(1), x.optional(2), eps, true)?]))
        }
        "RMSNormalization" | "SimplifiedLayerNormalization" => {
            let normalized = normalized(call)?;
            Box::new(move |x| {
                let scale = x.optional(1).map(|s| s.f_expand(&normalized, false)).transpose()?;
                Ok(vec![x.get(0)?.f_rms_norm(&normalized, scale, eps)?])
            })
        }
        "SkipLayerNormalization" | "SkipSimplifiedLayerNormalization" => skip(call, eps)?,
        "LpNormalization" => {
            let (axis, p) = (axis(call)?, call.int("p", 2) as f64);
            unary(move |x| x.f_div(&x.f_norm_scalaropt_dim(p, [axis], true)?.f_clamp_min(1e-12)?))
        }
        "MeanVarianceNormalization" => {
            let axes = call.list("axes").map_or(vec![0, 2, 3], <[i64]>::to_vec);
            unary(move |x| {
                let centred = x.f_sub(&x.f_mean_dim(&axes[..], true, None)?)?;
                centred.f_div(&x.f_std_dim(&axes[..], false, true)?.f_add_scalar(1e-9)?)
            })
        }
        "LRN" => local_response(call),
        "Softmax" => {
            let axis = axis(call)?;
            unary(move |x| x.f_softmax(axis, None))
        }
        "LogSoftmax" => {
            let axis = axis(call)?;
            unary(move |x| x.f_log_softmax(axis, None))
        }
        _ => return Ok(None),
    }))
}

/// Extents of the axes that are normalised: those from `axis` on.
fn normalized(call: &Call<'_>) -> Result<Vec<i64>, OpError> {
    let axis = axis(call)? as usize;
    Ok(call.shape(0)?.iter().skip(axis).map(|&n| n as i64).collect())
}

/// The sum of two operands and a bias, normalised; the fourth result is the sum.
fn skip(call: &Call<'_>, eps: f64) -> Result<Kernel, OpError> {
    let width = call.shape(0)?.last().copied().ok_or(OpError::Unknown)? as i64;
    let plain = call.node.op.name() == "SkipLayerNormalization";
    Ok(Box::new(move |x| {
        let sum = x.get(0)?.f_add(x.get(1)?)?;
        let sum = x.optional(if plain { 4 } else { 3 }).map(|b| sum.f_add(b)).transpose()?.unwrap_or(sum);
        let y = if plain {
            sum.f_layer_norm([width], x.optional(2), x.optional(3), eps, true)?
        } else {
            sum.f_rms_norm([width], x.optional(2), eps)?
        };
        // Mean and deviation are results for training.
        Ok(vec![y, sum.shallow_clone(), sum.shallow_clone(), sum])
    }))
}

fn axis(call: &Call<'_>) -> Result<i64, OpError> {
    let axis = call.int("axis", -1);
    Ok(if axis < 0 { axis + rank(call, 0)? } else { axis })
}

/// x / (bias + α/size · Σ x²)^β over a window of channels, computed as frameworks do:
/// an average pooling of the squares along the channel axis.
fn local_response(call: &Call<'_>) -> Kernel {
    let (alpha, beta, bias) = (call.float("alpha", 1e-4), call.float("beta", 0.75), call.float("bias", 1.0));
    let size = call.int("size", 1);
    unary(move |x| {
        let squares = x.f_square()?.f_unsqueeze(1)?;
        let padded = squares.f_constant_pad_nd([0, 0, 0, 0, (size - 1) / 2, size / 2])?;
        let mean = padded.f_avg_pool3d([size, 1, 1], [1, 1, 1], [0, 0, 0], false, true, None)?.f_squeeze_dim(1)?;
        x.f_div(&mean.f_mul_scalar(alpha)?.f_add_scalar(bias)?.f_pow_tensor_scalar(beta)?)
    })
}
