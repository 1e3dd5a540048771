//! What ONNX had before its first stable operators, and a few functions that importers name themselves.

use tachograph_ir::{Attr, Call, OpError};
use tch::{TchError, Tensor};

use super::{Kernel, output_shape, pair, unary};

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    let (alpha, beta) = (call.float("alpha", 1.0), call.float("beta", 0.0));
    Ok(Some(match call.node.op.name() {
        "Affine" => unary(move |x| x.f_mul_scalar(alpha)?.f_add_scalar(beta)),
        "ScaledTanh" => {
            let beta = call.float("beta", 1.0);
            unary(move |x| x.f_mul_scalar(beta)?.f_tanh()?.f_mul_scalar(alpha))
        }
        "ParametricSoftplus" => {
            let beta = call.float("beta", 1.0);
            unary(move |x| x.f_mul_scalar(beta)?.f_softplus()?.f_mul_scalar(alpha))
        }
        "ImageScaler" => {
            let scale = call.float("scale", 1.0);
            let bias: Vec<f32> = match call.attrs().get("bias") {
                Some(Attr::Floats(values)) => values.iter().map(|&v| v as f32).collect(),
                _ => vec![0.0],
            };
            unary(move |x| {
                let bias = Tensor::f_from_slice(&bias)?.f_reshape([-1, 1, 1])?.f_to_kind(x.kind())?;
                x.f_mul_scalar(scale)?.f_add(&bias.f_to_device(x.device())?)
            })
        }
        "Crop" => {
            let (output, border) = (output_shape(call, 0)?, call.list("border").unwrap_or(&[0; 4]).to_vec());
            let (&[left, top, ..], &[_, _, height, width]) = (&border[..], &output[..]) else {
                return Err(format!("border {border:?} of {output:?} has no kernel").into());
            };
            unary(move |x| x.f_narrow(2, top, height)?.f_narrow(3, left, width))
        }
        "Atan2" => pair(Tensor::f_atan2),
        "Inverse" => unary(Tensor::f_inverse),
        "SVDF" => low_rank(call.int("rank", 1).max(1)),
        "BatchToSpaceND" | "SpaceToBatchND" => blocks(call)?,
        _ => return Ok(None),
    }))
}

/// A layer of low rank: features of this step join those of earlier ones, which a weight in time sums up.
fn low_rank(rank: i64) -> Kernel {
    Box::new(move |x| {
        let (data, features, time) = (x.get(0)?, x.get(1)?, x.get(2)?);
        let [filters, memory] = time.size()[..] else {
            return Err(TchError::Shape(format!("weight of time {:?}", time.size())));
        };
        let new = data.f_matmul(&features.f_transpose(0, 1)?)?.f_unsqueeze(-1)?;
        let earlier = match x.optional(4) {
            Some(state) => state.f_reshape([-1, filters, memory])?.f_narrow(2, 1, memory - 1)?,
            None => new.f_zeros_like()?.f_repeat([1, 1, memory - 1])?,
        };
        let sums = Tensor::f_cat(&[earlier, new], 2)?.f_mul(time)?.f_sum_dim_intlist(-1, false, None)?;
        let y = sums.f_reshape([-1, filters / rank, rank])?.f_sum_dim_intlist(-1, false, None)?;
        Ok(vec![x.optional(3).map(|b| y.f_add(b)).transpose()?.unwrap_or(y)])
    })
}

/// Blocks of space to the batch and back, as TensorFlow writes dilated convolutions.
fn blocks(call: &Call<'_>) -> Result<Kernel, OpError> {
    let (block, margins) = (call.ints(1)?.to_vec(), call.ints(2)?.to_vec());
    let axes = call.list("axes").unwrap_or_default().to_vec();
    let output = output_shape(call, 0)?;
    let rank = output.len() as i64;
    let inside = axes.iter().all(|axis| (1..rank).contains(axis));
    if !inside || axes.len() != block.len() || margins.len() != 2 * block.len() {
        return Err(format!("blocks {block:?} of axes {axes:?} with margins {margins:?} have no kernel").into());
    }
    if call.node.op.name() == "SpaceToBatchND" {
        let mut pads = vec![0; 2 * output.len()];
        for (&axis, margin) in axes.iter().zip(margins.chunks(2)) {
            (pads[axis as usize], pads[(rank + axis) as usize]) = (margin[0], margin[1]);
        }
        let pads = super::conv::torch_pads(&pads);
        return Ok(unary(move |x| {
            let mut y = x.f_constant_pad_nd(&pads)?;
            // The last block is the innermost part of the batch.
            for (&axis, &by) in axes.iter().zip(&block).rev() {
                let mut size = y.size();
                size[axis as usize] /= by;
                size.insert(axis as usize + 1, by);
                let shape: Vec<i64> = output_of(&size, axis);
                y = y.f_reshape(&size)?.f_movedim_int(axis + 1, 0)?.f_reshape(&shape)?;
            }
            Ok(y)
        }));
    }
    Ok(unary(move |x| {
        let mut y = x.shallow_clone();
        for (&axis, &by) in axes.iter().zip(&block) {
            let mut size = y.size();
            size[0] /= by;
            size.insert(0, by);
            let mut joined = y.size();
            joined[0] /= by;
            joined[axis as usize] *= by;
            y = y.f_reshape(&size)?.f_movedim_int(0, axis + 1)?.f_reshape(&joined)?;
        }
        for (&axis, margin) in axes.iter().zip(margins.chunks(2)) {
            let extent = y.size()[axis as usize] - margin[0] - margin[1];
            y = y.f_narrow(axis, margin[0], extent)?;
        }
        Ok(y)
    }))
}

/// Extents once the part after `axis` has moved into the batch.
fn output_of(split: &[i64], axis: i64) -> Vec<i64> {
    let mut shape = split.to_vec();
    let part = shape.remove(axis as usize + 1);
    shape[0] *= part;
    shape
}
