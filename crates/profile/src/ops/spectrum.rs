//! Fourier transforms, the windows before them, and frames of a signal.

use tachograph_ir::{Call, OpError};
use tch::{Device, Kind, TchError, Tensor};

use super::{Kernel, kind, output_shape, unary};

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    type Window = fn(i64, bool, (Kind, Device)) -> Result<Tensor, TchError>;
    let window: Window = match call.node.op.name() {
        "DFT" => return transform(call).map(Some),
        "STFT" => return frames(call).map(Some),
        "BlackmanWindow" => Tensor::f_blackman_window_periodic,
        "HammingWindow" => hamming,
        "HannWindow" => Tensor::f_hann_window_periodic,
        _ => return Ok(None),
    };
    let dtype = call.outputs.first().ok_or(OpError::Unknown)?.dtype;
    let kind = kind(dtype).ok_or_else(|| OpError::Invalid(format!("libtorch has no {dtype}")))?;
    let (n, periodic) = (output_shape(call, 0)?.first().copied().unwrap_or(0), call.int("periodic", 1) != 0);
    Ok(Some(unary(move |size| window(n, periodic, (kind, size.device())))))
}

/// ONNX has 25/46 where libtorch has 0.54.
fn hamming(n: i64, periodic: bool, options: (Kind, Device)) -> Result<Tensor, TchError> {
    let (alpha, beta) = (25.0 / 46.0, 21.0 / 46.0);
    // Both are a constant less a cosine, of which the Hann window has half.
    Tensor::f_hann_window_periodic(n, periodic, options)?.f_mul_scalar(2.0 * beta)?.f_add_scalar(alpha - beta)
}

/// As complex numbers, if the last axis says so, else as real ones.
fn opened(x: &Tensor) -> Result<Tensor, TchError> {
    if x.size().last() == Some(&2) { x.f_contiguous()?.f_view_as_complex() } else { x.f_squeeze_dim(-1) }
}

fn transform(call: &Call<'_>) -> Result<Kernel, OpError> {
    let shape = call.shape(0)?;
    let given = match call.optional(2) {
        Some(_) => call.ints(2)?.first().copied().ok_or(OpError::Unknown)?,
        None => call.int("axis", -2),
    };
    let axis = if given < 0 { given + shape.len() as i64 } else { given };
    let length = match call.optional(1) {
        Some(_) => call.ints(1)?.first().copied(),
        None => None,
    };
    let (inverse, half) = (call.int("inverse", 0) != 0, call.int("onesided", 0) != 0);
    Ok(unary(move |x| {
        let x = opened(x)?;
        let y = match (inverse, half) {
            (false, false) => x.f_fft_fft(length, axis, "backward")?,
            (false, true) => x.f_fft_rfft(length, axis, "backward")?,
            (true, false) => x.f_fft_ifft(length, axis, "backward")?,
            (true, true) => return x.f_fft_irfft(length, axis, "backward")?.f_unsqueeze(-1),
        };
        y.f_view_as_real()
    }))
}

fn frames(call: &Call<'_>) -> Result<Kernel, OpError> {
    let step = call.ints(1)?.first().copied().ok_or(OpError::Unknown)?;
    let length = match (call.optional(3), call.optional(2)) {
        (Some(_), _) => call.ints(3)?.first().copied().ok_or(OpError::Unknown)?,
        (None, Some(_)) => call.shape(2)?.first().copied().ok_or(OpError::Unknown)? as i64,
        (None, None) => return Err(OpError::Invalid("has neither a window nor a length of frames".into())),
    };
    let half = call.int("onesided", 1) != 0 && call.shape(0)?.last() != Some(&2);
    Ok(Box::new(move |x| {
        let mut frames = opened(x.get(0)?)?.f_unfold(1, length, step)?;
        if let Some(window) = x.optional(2) {
            frames = frames.f_mul(window)?;
        }
        let y = if half { frames.f_fft_rfft(None, -1, "backward")? } else { frames.f_fft_fft(None, -1, "backward")? };
        Ok(vec![y.f_view_as_real()?])
    }))
}
