//! Pooling.

use tachograph_ir::{Call, OpError};
use tch::{TchError, Tensor};

use super::{Kernel, conv, output_shape, unary};

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    Ok(Some(match call.node.op.name() {
        "MaxPool" | "AveragePool" => windows(call)?,
        "GlobalAveragePool" => {
            let axes = spatial(call)?;
            unary(move |x| x.f_mean_dim(&axes[..], true, None))
        }
        "GlobalMaxPool" => {
            let axes = spatial(call)?;
            unary(move |x| x.f_amax(&axes, true))
        }
        _ => return Ok(None),
    }))
}

fn spatial(call: &Call<'_>) -> Result<Vec<i64>, OpError> {
    Ok((2..call.shape(0)?.len() as i64).collect())
}

fn windows(call: &Call<'_>) -> Result<Kernel, OpError> {
    let max = call.node.op.name() == "MaxPool";
    let input = call.shape(0)?[2..].to_vec();
    let axes = input.len();
    if axes != 2 {
        return Err(format!("pooling over {axes} spatial axes has no kernel").into());
    }
    let list = |name| call.list(name).map_or(vec![1; axes], <[i64]>::to_vec);
    let (kernel, stride, dilation) = (list("kernel_shape"), list("strides"), list("dilations"));
    let output = output_shape(call, 0)?;
    let extents: Vec<u64> = kernel.iter().map(|&k| k as u64).collect();
    let pads = conv::padding(call, &input, &extents, &output[2..], &stride, &dilation, false);
    let ceil = call.int("ceil_mode", 0) != 0;
    let include = call.int("count_include_pad", 0) != 0;
    let symmetric = pads[..axes] == pads[axes..] && pads.iter().zip(kernel.iter().cycle()).all(|(p, k)| 2 * p <= *k);
    let explicit = (!symmetric).then(|| conv::torch_pads(&pads));
    if call.node.outputs.iter().skip(1).any(Option::is_some) {
        return Err(OpError::Invalid("indices of maxima have no kernel".into()));
    }
    if !max && dilation.iter().any(|&d| d != 1) {
        return Err(format!("average pooling with dilations {dilation:?} has no kernel").into());
    }
    if let (Some(pads), false, false) = (&explicit, max, include) {
        let zero = vec![0; axes];
        return Ok(uncounted(pads.clone(), move |x| x.f_avg_pool2d(&kernel, &stride, &zero, ceil, false, None)));
    }
    let padding = if symmetric { pads[..axes].to_vec() } else { vec![0; axes] };
    Ok(unary(move |x| {
        let fill = if max { f64::NEG_INFINITY } else { 0.0 };
        let padded = explicit.as_ref().map(|p| x.f_pad(p, "constant", fill)).transpose()?;
        let x: &Tensor = padded.as_ref().unwrap_or(x);
        if max {
            x.f_max_pool2d(&kernel, &stride, &padding, &dilation, ceil)
        } else {
            x.f_avg_pool2d(&kernel, &stride, &padding, ceil, include, None)
        }
    }))
}

/// Averages that leave padding out, where libtorch knows no such padding: the mean with zeros in the padding,
/// over the part of each window that is not padding.
fn uncounted(pads: Vec<i64>, average: impl Fn(&Tensor) -> Result<Tensor, TchError> + Send + 'static) -> Kernel {
    unary(move |x| {
        let inside = x.f_slice(0, 0, 1, 1)?.f_slice(1, 0, 1, 1)?.f_ones_like()?;
        average(&x.f_constant_pad_nd(&pads)?)?.f_div(&average(&inside.f_constant_pad_nd(&pads)?)?)
    })
}
