//! Resampling of images.

use tachograph_ir::{Call, OpError, Value};
use tch::{TchError, Tensor};

use super::{Kernel, output_shape, resample, unary};

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    if !matches!(call.node.op.name(), "Resize" | "Upsample") {
        return Ok(None);
    }
    let (input, output) = (call.shape(0)?, output_shape(call, 0)?);
    let spatial = input.len().checked_sub(2).filter(|n| (1..=3).contains(n));
    let kept = spatial.is_some() && output[..2] == [input[0] as i64, input[1] as i64];
    let (mode, coordinates) = (call.text("mode", "nearest"), call.text("coordinate_transformation_mode", "half_pixel"));
    let plain = ["antialias", "exclude_outside"].iter().all(|name| call.int(name, 0) == 0);
    if !kept || !plain || !exact(call, input, &output) || call.float("cubic_coeff_a", -0.75) != -0.75 {
        return resample::compile(call).map(Some);
    }
    let size = output[2..].to_vec();
    let corners = match coordinates {
        "align_corners" => true,
        "half_pixel" => false,
        "pytorch_half_pixel" if size.iter().all(|&n| n > 1) => false,
        _ if mode == "nearest" => false,
        _ => return resample::compile(call).map(Some),
    };
    let nearest = if mode == "nearest" { nearest(call, coordinates, &input[2..], &size) } else { None };
    Ok(Some(match (mode, size.len()) {
        ("nearest", 1..=3) => match nearest {
            Some(rule) => unary(move |x| rule.run(x, &size)),
            None => resample::compile(call)?,
        },
        ("linear" | "bilinear", 1) => unary(move |x: &Tensor| x.f_upsample_linear1d(&size, corners, None)),
        ("linear" | "bilinear", 2) => unary(move |x: &Tensor| x.f_upsample_bilinear2d(&size, corners, None, None)),
        ("linear" | "trilinear", 3) => {
            unary(move |x: &Tensor| x.f_upsample_trilinear3d(&size, corners, None, None, None))
        }
        ("cubic", 2) => unary(move |x| x.f_upsample_bicubic2d(&size, corners, None, None)),
        _ => resample::compile(call)?,
    }))
}

/// libtorch derives the scale from the extents; ONNX may give one that those only round.
fn exact(call: &Call<'_>, input: &[u64], output: &[i64]) -> bool {
    let scales = [1, 2].into_iter().filter_map(|i| match call.optional(i).and_then(|f| f.value.as_ref()) {
        Some(Value::Floats(scales)) if scales.len() == input.len() => Some(scales),
        _ => None,
    });
    scales.flat_map(|s| s.iter().zip(input).zip(output)).all(|((s, &i), &o)| (s * i as f64 - o as f64).abs() < 1e-3)
        && call.text("keep_aspect_ratio_policy", "stretch") == "stretch"
}

enum Nearest {
    /// Element ⌊i·s⌋ of the operand, s the ratio of the extents.
    Floor,
    /// Element ⌊(i + ½)·s⌋.
    Centre,
}

impl Nearest {
    fn run(&self, x: &Tensor, size: &[i64]) -> Result<Tensor, TchError> {
        match (self, size.len()) {
            (Self::Floor, 1) => x.f_upsample_nearest1d(size, None),
            (Self::Floor, 2) => x.f_upsample_nearest2d(size, None, None),
            (Self::Floor, _) => x.f_upsample_nearest3d(size, None, None, None),
            (Self::Centre, 1) => x.f_internal_upsample_nearest_exact1d(size, None),
            (Self::Centre, 2) => x.f_internal_upsample_nearest_exact2d(size, None, None),
            (Self::Centre, _) => x.f_internal_upsample_nearest_exact3d(size, None, None, None),
        }
    }
}

/// The rule of libtorch that selects what ONNX's attributes select.
fn nearest(call: &Call<'_>, coordinates: &str, input: &[u64], output: &[i64]) -> Option<Nearest> {
    let rounding = call.text("nearest_mode", "round_prefer_floor");
    let source = |i: f64, from: f64, to: f64| {
        let x = match coordinates {
            "asymmetric" => i * from / to,
            "half_pixel" => (i + 0.5) * from / to - 0.5,
            "pytorch_half_pixel" if to > 1.0 => (i + 0.5) * from / to - 0.5,
            "pytorch_half_pixel" => 0.0,
            "align_corners" if to > 1.0 => i * (from - 1.0) / (to - 1.0),
            _ => return None,
        };
        let index = match rounding {
            "floor" => x.floor(),
            "ceil" => x.ceil(),
            "round_prefer_ceil" => (x + 0.5).floor(),
            _ => (x - 0.5).ceil(),
        };
        Some(index.clamp(0.0, from - 1.0))
    };
    let agrees = |shift: f64| {
        input.iter().zip(output).all(|(&from, &to)| {
            let (from, to) = (from as f64, to as f64);
            (0..to as i64).all(|i| source(i as f64, from, to) == Some(((i as f64 + shift) * from / to).floor()))
        })
    };
    if agrees(0.0) { Some(Nearest::Floor) } else { agrees(0.5).then_some(Nearest::Centre) }
}
