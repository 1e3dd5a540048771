//! Convolutions.

use tachograph_ir::{Call, OpError};
use tch::{TchError, Tensor};

use super::{Kernel, output_shape};

/// Data, weight and bias to the result.
type Function = Box<dyn Fn(&Tensor, &Tensor, Option<&Tensor>) -> Result<Tensor, TchError> + Send>;

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    if !matches!(call.node.op.name(), "Conv" | "ConvTranspose") {
        return Ok(None);
    }
    let f = function(call)?;
    Ok(Some(Box::new(move |x| Ok(vec![f(x.get(0)?, x.get(1)?, x.optional(2))?]))))
}

/// The convolution of a node, quantised or not, in floating point.
pub(super) fn function(call: &Call<'_>) -> Result<Function, OpError> {
    let name = call.node.op.name();
    let transposed = name == "ConvTranspose";
    if call.int("channels_last", 0) != 0 {
        return Err(OpError::Invalid("channels in last place have no kernel".into()));
    }
    let weight = if name == "QLinearConv" { 3 } else { 1 };
    let (x, w) = (call.shape(0)?.to_vec(), call.shape(weight)?.to_vec());
    let axes = w.len().checked_sub(2).filter(|&n| n > 0 && w.len() == x.len());
    let axes = axes.ok_or_else(|| OpError::Invalid(format!("{w:?} is no weight of a convolution of {x:?}")))?;
    let list = |name| call.list(name).map_or(vec![1; axes], <[i64]>::to_vec);
    let (stride, dilation, groups) = (list("strides"), list("dilations"), call.int("group", 1));
    let output = output_shape(call, 0)?;
    let pads = padding(call, &x[2..], &w[2..], &output[2..], &stride, &dilation, transposed);
    if transposed {
        return transpose(&x, &w, &output, pads, stride, dilation, groups);
    }
    let symmetric = pads[..axes] == pads[axes..];
    let padding = if symmetric { pads[..axes].to_vec() } else { vec![0; axes] };
    let explicit = (!symmetric).then(|| torch_pads(&pads));
    let output_padding = vec![0i64; axes];
    Ok(Box::new(move |x, w, b| {
        let padded = explicit.as_ref().map(|p| x.f_constant_pad_nd(p)).transpose()?;
        let x = padded.as_ref().unwrap_or(x);
        match axes {
            1 => x.f_conv1d(w, b, &stride, &padding, &dilation, groups),
            2 => x.f_conv2d(w, b, &stride, &padding, &dilation, groups),
            _ => x.f_convolution(w, b, &stride, &padding, &dilation, false, &output_padding, groups),
        }
    }))
}

/// Begins, then ends, of the padding; `auto_pad` is resolved from the result's extent.
pub(super) fn padding(
    call: &Call<'_>,
    input: &[u64],
    kernel: &[u64],
    output: &[i64],
    stride: &[i64],
    dilation: &[i64],
    transposed: bool,
) -> Vec<i64> {
    let axes = kernel.len();
    let auto = call.text("auto_pad", "NOTSET");
    if matches!(auto, "NOTSET" | "") {
        return call.list("pads").map_or(vec![0; 2 * axes], <[i64]>::to_vec);
    }
    let mut pads = vec![0; 2 * axes];
    if auto == "VALID" {
        return pads;
    }
    for a in 0..axes {
        let window = (kernel[a] as i64 - 1) * dilation[a] + 1;
        let covered = if transposed {
            (input[a] as i64 - 1) * stride[a] + window - output[a]
        } else {
            (output[a] - 1) * stride[a] + window - input[a] as i64
        };
        let total = covered.max(0);
        let small = total / 2;
        (pads[a], pads[axes + a]) = if auto == "SAME_LOWER" { (total - small, small) } else { (small, total - small) };
    }
    pads
}

/// ONNX order (begins, ends) to libtorch's (last axis first, begin and end together).
pub(super) fn torch_pads(pads: &[i64]) -> Vec<i64> {
    let axes = pads.len() / 2;
    (0..axes).rev().flat_map(|a| [pads[a], pads[axes + a]]).collect()
}

/// A transposed convolution pads symmetrically by the begins; what the result is longer is output padding. Other padding
/// is cut off the whole result.
fn transpose(
    x: &[u64],
    w: &[u64],
    output: &[i64],
    pads: Vec<i64>,
    stride: Vec<i64>,
    dilation: Vec<i64>,
    groups: i64,
) -> Result<Function, OpError> {
    let axes = stride.len();
    let padding = pads[..axes].to_vec();
    let natural =
        |a: usize| (x[a + 2] as i64 - 1) * stride[a] + (w[a + 2] as i64 - 1) * dilation[a] + 1 - 2 * padding[a];
    let extra: Vec<i64> = (0..axes).map(|a| output[a + 2] - natural(a)).collect();
    let fits = |extra: &[i64]| extra.iter().zip(&stride).all(|(&e, &s)| e >= 0 && e < s);
    if !fits(&extra) {
        let (whole, none) = (vec![0; axes], |a: usize| natural(a) + 2 * padding[a]);
        let extra: Vec<i64> = (0..axes).map(|a| (padding[a] + output[a + 2] - none(a)).max(0)).collect();
        if padding.iter().any(|&p| p < 0) || !fits(&extra) {
            return Err(format!("padding {pads:?} cannot be given to libtorch").into());
        }
        let extents = output[2..].to_vec();
        return Ok(Box::new(move |x, w, b| {
            let mut y = x.f_convolution(w, b, &stride, &whole, &dilation, true, &extra, groups)?;
            for (axis, (&begin, &extent)) in padding.iter().zip(&extents).enumerate() {
                y = y.f_narrow(axis as i64 + 2, begin, extent)?;
            }
            Ok(y)
        }));
    }
    Ok(Box::new(move |x, w, b| x.f_convolution(w, b, &stride, &padding, &dilation, true, &extra, groups)))
}
