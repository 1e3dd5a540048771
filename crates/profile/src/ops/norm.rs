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
        "InstanceNormalization" => Box::new(move |x| {
            let none: Option<&Tensor> = None;
            let (scale, shift) = (Some(x.get(1)?), Some(x.get(2)?));
            Ok(vec![x.get(0)?.f_instance_norm(scale, shift, none, none, true, 0.0, eps, true)?])
        }),
        "GroupNormalization" => {
            let groups = call.int("num_groups", 1);
            Box::new(move |x| Ok(vec![x.get(0)?.f_group_norm(groups, x.optional(1), x.optional(2), eps, true)?]))
        }
        "LayerNormalization" => {
            let shape = call.shape(0)?;
            let axis = call.int("axis", -1);
            let axis = if axis < 0 { axis + shape.len() as i64 } else { axis } as usize;
            let normalized: Vec<i64> = shape.iter().skip(axis).map(|&n| n as i64).collect();
            Box::new(move |x| Ok(vec![x.get(0)?.f_layer_norm(&normalized, x.optional(1), x.optional(2), eps, true)?]))
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
