//! Resampling that libtorch has no function for, composed an axis at a time: elements are picked for `nearest`, and
//! multiplied with a matrix of weights otherwise.

use std::cell::OnceCell;

use tachograph_ir::{Attr, Call, OpError, Value};
use tch::{Kind, TchError, Tensor};

use super::{Kernel, output_shape, unary};

/// Weights of the largest matrix: 8192 elements from as many.
const WEIGHTS: usize = 1 << 26;

/// One axis: where each element of the result lies on the operand, in its elements.
struct Axis {
    axis: i64,
    scale: f64,
    extent: i64,
    positions: Vec<f64>,
    /// Results that lie beyond the operand, which then have a value of their own.
    outside: Vec<i64>,
}

pub(super) fn compile(call: &Call<'_>) -> Result<Kernel, OpError> {
    let mode = call.text("mode", "nearest").to_owned();
    let taps = Taps {
        cubic: mode.contains("cubic"),
        a: call.float("cubic_coeff_a", -0.75),
        antialias: call.int("antialias", 0) != 0,
        inside: call.int("exclude_outside", 0) != 0,
    };
    let axes = axes(call)?;
    let weights = |axis: &Axis| axis.positions.len().saturating_mul(axis.extent as usize);
    if mode != "nearest" && axes.iter().any(|axis| weights(axis) > WEIGHTS) {
        return Err(OpError::Invalid("a matrix of weights for so long an axis has no kernel".into()));
    }
    let fill = call.float("extrapolation_value", 0.0);
    let rounding = call.text("nearest_mode", "round_prefer_floor");
    let picks = mode == "nearest";
    if !picks && !taps.cubic && !mode.contains("linear") {
        return Err(format!("no resampling is called `{mode}`").into());
    }
    let tables: Vec<Vec<f32>> = match picks {
        false => axes.iter().map(|axis| taps.matrix(axis)).collect(),
        true => vec![],
    };
    let rows: Vec<Vec<i64>> = axes.iter().map(|axis| axis.nearest(rounding)).collect();
    let made = OnceCell::new();
    Ok(unary(move |x| {
        let tables = match made.get() {
            Some(tables) => tables,
            None => {
                let table = |i: usize| match tables.get(i) {
                    Some(weights) => {
                        Tensor::f_from_slice(weights)?.f_reshape([-1, axes[i].extent])?.f_to_kind(x.kind())
                    }
                    None => Tensor::f_from_slice(&rows[i]),
                };
                let all: Result<Vec<Tensor>, TchError> =
                    (0..axes.len()).map(|i| table(i)?.f_to_device(x.device())).collect();
                let all = all?;
                made.get_or_init(|| all)
            }
        };
        let mut y = x.shallow_clone();
        for (axis, table) in axes.iter().zip(tables) {
            y = if picks {
                y.f_index_select(axis.axis, table)?
            } else {
                y.f_transpose(axis.axis, -1)?.f_matmul(&table.f_transpose(0, 1)?)?.f_transpose(axis.axis, -1)?
            };
            if !axis.outside.is_empty() {
                let rows = Tensor::f_from_slice(&axis.outside)?.f_to_device(x.device())?;
                y = y.f_index_fill(axis.axis, &rows.f_to_kind(Kind::Int64)?, fill)?;
            }
        }
        Ok(y)
    }))
}

/// Numbers of operand `i`, if they are known.
fn floats(call: &Call<'_>, i: usize) -> Option<Vec<f64>> {
    call.optional(i).and_then(|f| f.value.as_ref()).map(Value::to_floats).filter(|v| !v.is_empty())
}

/// The axes that change.
fn axes(call: &Call<'_>) -> Result<Vec<Axis>, OpError> {
    let (input, output) = (call.shape(0)?, output_shape(call, 0)?);
    let all = (0..input.len() as i64).collect();
    let chosen: Vec<i64> = call.list("axes").map_or(all, <[i64]>::to_vec);
    let resize = call.node.op.name() == "Resize" && call.inputs.len() > 2;
    let attribute = match call.attrs().get("scales") {
        Some(Attr::Floats(v)) => Some(v.clone()),
        _ => None,
    };
    let given = floats(call, if resize { 2 } else { 1 }).or(attribute).filter(|_| floats(call, 3).is_none());
    let regions = if resize { floats(call, 1) } else { None };
    let mode = call.text("coordinate_transformation_mode", if resize { "half_pixel" } else { "asymmetric" });
    let ratios = || {
        let of = |&axis: &i64| {
            let axis = if axis < 0 { axis + input.len() as i64 } else { axis } as usize;
            Some(*floats(call, 3)?.get(chosen.iter().position(|&c| c == axis as i64)?)? / *input.get(axis)? as f64)
        };
        chosen.iter().filter_map(of).collect::<Vec<f64>>()
    };
    let kept = match call.text("keep_aspect_ratio_policy", "stretch") {
        "not_larger" => Some(ratios().into_iter().fold(f64::INFINITY, f64::min)),
        "not_smaller" => Some(ratios().into_iter().fold(0.0, f64::max)),
        _ => None,
    };
    let mut all = Vec::new();
    for (i, &axis) in chosen.iter().enumerate() {
        let axis = if axis < 0 { axis + input.len() as i64 } else { axis };
        let (Some(&from), Some(&to)) = (input.get(axis as usize), output.get(axis as usize)) else {
            return Err(format!("axis {axis} of {input:?}").into());
        };
        let scale = given.as_ref().and_then(|s| s.get(i).copied()).or(kept).unwrap_or(to as f64 / from as f64);
        let region = match (mode, &regions) {
            ("tf_crop_and_resize", Some(r)) if r.len() == 2 * chosen.len() => Some((r[i], r[chosen.len() + i])),
            ("tf_crop_and_resize", _) => return Err(OpError::Invalid("the region to crop is not known".into())),
            _ => None,
        };
        if scale == 1.0 && from as i64 == to && region.is_none_or(|r| r == (0.0, 1.0)) {
            continue;
        }
        let position = |i: i64| place(mode, i as f64, scale, from as f64, to as f64, region);
        let positions: Vec<f64> = (0..to).map(position).collect::<Result<_, _>>()?;
        let beyond = |x: f64| region.is_some() && (x < 0.0 || x > from as f64 - 1.0);
        let outside = (0..to).filter(|&i| beyond(positions[i as usize])).collect();
        all.push(Axis { axis, scale, extent: from as i64, positions, outside });
    }
    Ok(all)
}

/// Where element `i` of the result lies on an axis of `from` elements.
fn place(mode: &str, i: f64, scale: f64, from: f64, to: f64, region: Option<(f64, f64)>) -> Result<f64, OpError> {
    let width = scale * from;
    let (start, end) = region.unwrap_or((0.0, 1.0));
    Ok(match mode {
        "asymmetric" => i / scale,
        "align_corners" if width == 1.0 => 0.0,
        "align_corners" => i * (from - 1.0) / (width - 1.0),
        "tf_crop_and_resize" if width == 1.0 => (end - start) * (from - 1.0) / 2.0 + start * (from - 1.0),
        "tf_crop_and_resize" => i * (end - start) * (from - 1.0) / (width - 1.0) + start * (from - 1.0),
        "pytorch_half_pixel" if width == 1.0 => -0.5,
        "half_pixel" | "pytorch_half_pixel" => (i + 0.5) / scale - 0.5,
        "half_pixel_symmetric" => from / 2.0 * (1.0 - to / width) + (i + 0.5) / scale - 0.5,
        other => return Err(format!("no placing of elements is called `{other}`").into()),
    })
}

impl Axis {
    fn nearest(&self, rounding: &str) -> Vec<i64> {
        let round = |&x: &f64| match rounding {
            "floor" => x.floor(),
            "ceil" => x.ceil(),
            "round_prefer_ceil" => (x + 0.5).floor(),
            _ => (x - 0.5).ceil(),
        };
        self.positions.iter().map(|x| (round(x) as i64).clamp(0, (self.extent - 1).max(0))).collect()
    }
}

/// The weights of neighbours.
struct Taps {
    cubic: bool,
    a: f64,
    /// Wider windows where the result is smaller.
    antialias: bool,
    /// Neighbours beyond the border have no weight, instead of that of the border.
    inside: bool,
}

impl Taps {
    fn matrix(&self, axis: &Axis) -> Vec<f32> {
        let extent = axis.extent.max(0) as usize;
        let mut matrix = vec![0.0f32; axis.positions.len() * extent];
        let scale = if self.antialias { axis.scale.min(1.0) } else { 1.0 };
        let reach = if self.cubic { 2.0 } else { 1.0 };
        for (row, &x) in axis.positions.iter().enumerate() {
            // The neighbour to the left, never the element itself.
            let base = x.ceil() - 1.0;
            let first = (-reach / scale).floor() as i64 + 1;
            let weight = |k: i64| self.weight((k as f64 - (x - base)) * scale);
            let beyond = |k: i64| !(0..axis.extent).contains(&(base as i64 + k));
            let taps: Vec<(i64, f64)> =
                (first..2 - first).map(|k| (k, if self.inside && beyond(k) { 0.0 } else { weight(k) })).collect();
            let sum: f64 = if self.antialias || self.inside { taps.iter().map(|t| t.1).sum() } else { 1.0 };
            for (k, weight) in taps {
                let column = (base as i64 + k).clamp(0, axis.extent - 1) as usize;
                if let Some(cell) = matrix.get_mut(row * extent + column) {
                    *cell += (weight / sum) as f32;
                }
            }
        }
        matrix
    }

    /// Weight of a neighbour at this distance.
    fn weight(&self, distance: f64) -> f64 {
        let (x, a) = (distance.abs(), self.a);
        match (self.cubic, x) {
            (false, _) => (1.0 - x).max(0.0),
            (true, 0.0..=1.0) => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
            (true, 1.0..2.0) => ((a * x - 5.0 * a) * x + 8.0 * a) * x - 4.0 * a,
            _ => 0.0,
        }
    }
}
