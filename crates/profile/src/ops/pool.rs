//! Pooling over one, two or three spatial axes.

use tachograph_ir::{Call, OpError};
use tch::{TchError, Tensor};

use super::{Kernel, conv, output_shape, unary};

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    let p = call.int("p", 2) as f64;
    Ok(Some(match call.node.op.name() {
        "MaxPool" | "AveragePool" | "LpPool" => windows(call)?,
        "GlobalAveragePool" => {
            let axes = spatial(call)?;
            unary(move |x| x.f_mean_dim(&axes[..], true, None))
        }
        "GlobalMaxPool" => {
            let axes = spatial(call)?;
            unary(move |x| x.f_amax(&axes, true))
        }
        "GlobalLpPool" => {
            let axes = spatial(call)?;
            unary(move |x| {
                x.f_abs()?
                    .f_pow_tensor_scalar(p)?
                    .f_sum_dim_intlist(&axes[..], true, None)?
                    .f_pow_tensor_scalar(1.0 / p)
            })
        }
        _ => return Ok(None),
    }))
}

fn spatial(call: &Call<'_>) -> Result<Vec<i64>, OpError> {
    Ok((2..call.shape(0)?.len() as i64).collect())
}

/// Windows as libtorch's functions take them.
struct Windows {
    kernel: Vec<i64>,
    stride: Vec<i64>,
    padding: Vec<i64>,
    dilation: Vec<i64>,
    ceil: bool,
}

impl Windows {
    fn max(&self, x: &Tensor) -> Result<Tensor, TchError> {
        let Self { kernel, stride, padding, dilation, ceil } = self;
        match kernel.len() {
            1 => x.f_max_pool1d(kernel, stride, padding, dilation, *ceil),
            2 => x.f_max_pool2d(kernel, stride, padding, dilation, *ceil),
            _ => x.f_max_pool3d(kernel, stride, padding, dilation, *ceil),
        }
    }

    fn average(&self, x: &Tensor, include: bool) -> Result<Tensor, TchError> {
        let Self { kernel, stride, padding, dilation, ceil } = self;
        if dilation.iter().any(|&d| d != 1) {
            return self.spaced(x, include);
        }
        match kernel.len() {
            1 => x.f_avg_pool1d(kernel, stride, padding, *ceil, include),
            2 => x.f_avg_pool2d(kernel, stride, padding, *ceil, include, None),
            _ => x.f_avg_pool3d(kernel, stride, padding, *ceil, include, None),
        }
    }

    /// The mean of spaced elements, which libtorch has no function for: a convolution with equal weights, channel by
    /// channel.
    fn spaced(&self, x: &Tensor, include: bool) -> Result<Tensor, TchError> {
        let Self { kernel, stride, padding, dilation, .. } = self;
        let (shape, outer) = (x.size(), [-1i64, 1]);
        let ones = Tensor::f_ones([&[1, 1], &kernel[..]].concat(), (x.kind(), x.device()))?;
        let (none, zero): (Option<&Tensor>, Vec<i64>) = (None, vec![0; kernel.len()]);
        let sum = |x: &Tensor| x.f_convolution(&ones, none, stride, padding, dilation, false, &zero, 1);
        let sums = sum(&x.f_reshape([&outer, &shape[2..]].concat())?)?;
        let means = if include {
            sums.f_div_scalar(kernel.iter().product::<i64>())?
        } else {
            let counted = Tensor::f_ones([&[1, 1], &shape[2..]].concat(), (x.kind(), x.device()))?;
            sums.f_div(&sum(&counted)?)?
        };
        means.f_reshape([&shape[..2], &means.size()[2..]].concat())
    }

    /// Maxima and where they lie in the whole operand.
    fn max_with_indices(&self, x: &Tensor) -> Result<Vec<Tensor>, TchError> {
        let Self { kernel, stride, padding, dilation, ceil } = self;
        let (y, index) = match kernel.len() {
            1 => x.f_max_pool1d_with_indices(kernel, stride, padding, dilation, *ceil)?,
            2 => x.f_max_pool2d_with_indices(kernel, stride, padding, dilation, *ceil)?,
            _ => x.f_max_pool3d_with_indices(kernel, stride, padding, dilation, *ceil)?,
        };
        let size = x.size();
        let (planes, plane) = (size[0] * size[1], size[2..].iter().product::<i64>());
        let mut shape = vec![1; size.len()];
        shape[..2].copy_from_slice(&size[..2]);
        let first = Tensor::f_arange(planes, (index.kind(), index.device()))?.f_mul_scalar(plane)?.f_reshape(&shape)?;
        Ok(vec![y, index.f_add(&first)?])
    }
}

fn windows(call: &Call<'_>) -> Result<Kernel, OpError> {
    let name = call.node.op.name();
    let max = name == "MaxPool";
    let input = call.shape(0)?.get(2..).unwrap_or_default().to_vec();
    let axes = input.len();
    if !(1..=3).contains(&axes) {
        return Err(format!("libtorch does not pool over {axes} spatial axes").into());
    }
    let list = |name| call.list(name).map_or(vec![1; axes], <[i64]>::to_vec);
    let (kernel, stride, dilation) = (list("kernel_shape"), list("strides"), list("dilations"));
    let output = output_shape(call, 0)?;
    let extents: Vec<u64> = kernel.iter().map(|&k| k as u64).collect();
    let mut pads = conv::padding(call, &input, &extents, &output[2..], &stride, &dilation, false);
    let mut ceil = call.int("ceil_mode", 0) != 0;
    let spaced = !max && dilation.iter().any(|&d| d != 1);
    let include = name == "LpPool" || call.int("count_include_pad", 0) != 0;
    if spaced && ceil && !include {
        // A convolution does not round up: what the last window lacks is padding.
        for a in 0..axes {
            let covered = (output[a + 2] - 1) * stride[a] + (kernel[a] - 1) * dilation[a] + 1;
            pads[axes + a] += (covered - input[a] as i64 - pads[a] - pads[axes + a]).max(0);
        }
        ceil = false;
    }
    let symmetric = pads[..axes] == pads[axes..] && pads.iter().zip(kernel.iter().cycle()).all(|(p, k)| 2 * p <= *k);
    let explicit = (!symmetric).then(|| conv::torch_pads(&pads));
    let indices = call.node.outputs.get(1).is_some_and(Option::is_some);
    if indices && (!symmetric || call.int("storage_order", 0) != 0) {
        return Err(OpError::Invalid("libtorch counts indices of maxima in other ways".into()));
    }
    if spaced && ceil {
        return Err(format!(
            "libtorch averages no windows with dilations {dilation:?}, padding counted, and ceil_mode"
        )
        .into());
    }
    let padding = if symmetric { pads[..axes].to_vec() } else { vec![0; axes] };
    let count = kernel.iter().product::<i64>();
    let windows = Windows { kernel, stride, padding, dilation, ceil };
    if indices {
        return Ok(Box::new(move |x| windows.max_with_indices(x.get(0)?)));
    }
    if let (Some(pads), false, false) = (&explicit, max, include) {
        return Ok(uncounted(pads.clone(), move |x| windows.average(x, false)));
    }
    let p = call.int("p", 2) as f64;
    let power = name == "LpPool";
    Ok(unary(move |x| {
        let fill = if max { f64::NEG_INFINITY } else { 0.0 };
        let padded = explicit.as_ref().map(|p| x.f_pad(p, "constant", fill)).transpose()?;
        let x: &Tensor = padded.as_ref().unwrap_or(x);
        if max {
            windows.max(x)
        } else if power {
            let means = windows.average(&x.f_abs()?.f_pow_tensor_scalar(p)?, true)?;
            means.f_mul_scalar(count)?.f_pow_tensor_scalar(1.0 / p)
        } else {
            windows.average(x, include)
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
