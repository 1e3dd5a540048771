//! Operators that move or reinterpret elements.

use tachograph_ir::{Call, OpError, Value};
use tch::{Kind, TchError, Tensor};

use super::{Kernel, output_shape, rank, unary};

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    Ok(Some(match call.node.op.name() {
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => {
            let shape = output_shape(call, 0)?;
            unary(move |x| x.f_reshape(&shape))
        }
        "Transpose" => {
            let perm = call
                .list("perm")
                .map_or_else(|| rank(call, 0).map(|r| (0..r).rev().collect()), |p| Ok::<_, OpError>(p.to_vec()))?;
            unary(move |x| x.f_permute(&perm))
        }
        "Expand" => {
            let shape = output_shape(call, 0)?;
            unary(move |x| x.f_expand(&shape, false))
        }
        "Tile" => {
            let repeats = call.ints(1)?.to_vec();
            unary(move |x| x.f_repeat(&repeats))
        }
        "Concat" => {
            let axis = call.int("axis", 0);
            Box::new(move |x| {
                let parts: Vec<&Tensor> = x.0.iter().copied().flatten().collect();
                Ok(vec![Tensor::f_cat(&parts, axis)?])
            })
        }
        "Split" => split(call)?,
        "Slice" => slice(call)?,
        "Pad" => pad(call)?,
        "DepthToSpace" => depth_to_space(call)?,
        "SpaceToDepth" => space_to_depth(call)?,
        "CenterCropPad" => {
            let target = output_shape(call, 0)?;
            let missing = target.iter().zip(call.shape(0)?).map(|(&to, &from)| to - from as i64);
            // What does not halve is cut at the end, and added there.
            let begins: Vec<i64> = missing.clone().map(|n| if n < 0 { -(-n / 2) } else { n / 2 }).collect();
            let ends: Vec<i64> = missing.zip(&begins).map(|(n, begin)| n - begin).collect();
            let pads = super::conv::torch_pads(&[begins, ends].concat());
            unary(move |x| x.f_constant_pad_nd(&pads))
        }
        "ReverseSequence" => {
            let (time, batch) = (call.int("time_axis", 0), call.int("batch_axis", 1));
            let shape = call.shape(0)?.to_vec();
            let inside = |axis: i64| usize::try_from(axis).is_ok_and(|axis| axis < shape.len());
            if !inside(time) || !inside(batch) {
                return Err(format!("axes {time} and {batch} of {shape:?}").into());
            }
            Box::new(move |x| Ok(vec![reverse_sequences(x.get(0)?, x.get(1)?, time, batch, &shape)?]))
        }
        _ => return Ok(None),
    }))
}

fn axis_of(call: &Call<'_>, axis: i64) -> Result<usize, OpError> {
    let rank = rank(call, 0)?;
    let positive = if axis < 0 { axis + rank } else { axis };
    usize::try_from(positive).map_err(|_| OpError::Invalid(format!("axis {axis} of a rank-{rank} tensor")))
}

fn split(call: &Call<'_>) -> Result<Kernel, OpError> {
    let axis = axis_of(call, call.int("axis", 0))?;
    let size = |i| -> Result<i64, OpError> {
        output_shape(call, i)?.get(axis).copied().ok_or_else(|| OpError::Invalid(format!("axis {axis}")))
    };
    let sizes: Vec<i64> = (0..call.outputs.len()).map(size).collect::<Result<_, _>>()?;
    Ok(Box::new(move |x| x.get(0)?.f_split_with_sizes(&sizes, axis as i64)))
}

fn slice(call: &Call<'_>) -> Result<Kernel, OpError> {
    let given =
        |name, i| -> Result<Option<Vec<i64>>, OpError> { Ok(call.list_or_input(name, i)?.map(<[i64]>::to_vec)) };
    let starts = given("starts", 1)?.ok_or(OpError::Unknown)?;
    let ends = given("ends", 2)?.ok_or(OpError::Unknown)?;
    let axes = given("axes", 3)?.unwrap_or_else(|| (0..starts.len() as i64).collect());
    let steps = given("steps", 4)?.unwrap_or_else(|| vec![1; starts.len()]);
    let shape = call.shape(0)?;
    let mut cuts = Vec::new();
    for (((start, end), axis), step) in starts.into_iter().zip(ends).zip(axes).zip(steps) {
        let axis = axis_of(call, axis)?;
        let extent = shape[axis] as i64;
        if step > 0 {
            cuts.push((axis as i64, start, end, step, false));
        } else {
            // libtorch slices forwards only: reverse the axis, then count from its other end.
            let clamp = |v: i64| (if v < 0 { v + extent } else { v }).clamp(-1, extent - 1);
            let end = if end < -extent { -1 } else { clamp(end) };
            cuts.push((axis as i64, extent - 1 - clamp(start), extent - 1 - end, -step, true));
        }
    }
    Ok(unary(move |x| {
        let mut y = x.shallow_clone();
        for &(axis, start, end, step, reverse) in &cuts {
            if reverse {
                y = y.f_flip([axis])?;
            }
            y = y.f_slice(axis, start, end, step)?;
        }
        Ok(y)
    }))
}

fn pad(call: &Call<'_>) -> Result<Kernel, OpError> {
    let pads = call.list_or_input("pads", 1)?.ok_or(OpError::Unknown)?.to_vec();
    let pads = match call.optional(3) {
        Some(_) => {
            let (chosen, rank) = (call.ints(3)?, rank(call, 0)? as usize);
            let mut all = vec![0; 2 * rank];
            for (i, &axis) in chosen.iter().enumerate() {
                let (axis, end) = (axis_of(call, axis)?, pads.get(chosen.len() + i));
                if let (Some(&begin), Some(&end), true) = (pads.get(i), end, axis < rank) {
                    (all[axis], all[rank + axis]) = (begin, end);
                }
            }
            all
        }
        None => pads,
    };
    let mode = match call.text("mode", "constant") {
        "edge" => "replicate",
        "wrap" => "circular",
        other => other,
    }
    .to_owned();
    let constant = call.optional(2).and_then(|f| f.value.as_ref()).map(Value::to_floats);
    let fill = constant.and_then(|v| v.first().copied()).unwrap_or_else(|| call.float("value", 0.0));
    let mut pads = super::conv::torch_pads(&pads);
    if mode == "symmetric" {
        return symmetric(call, &pads);
    }
    if mode != "constant" {
        // Other modes pad spatial axes only: drop the outermost axes that are not padded.
        let spatial = 2 * rank(call, 0)?.saturating_sub(2).max(1) as usize;
        while pads.len() > spatial && pads.ends_with(&[0, 0]) {
            pads.truncate(pads.len() - 2);
        }
        if pads.len() as i64 == 2 * rank(call, 0)? {
            let fill: Option<f64> = None;
            return Ok(unary(move |x| x.f_unsqueeze(0)?.f_pad(&pads, &mode, fill)?.f_squeeze_dim(0)));
        }
    }
    let fill = (mode == "constant").then_some(fill);
    Ok(unary(move |x| x.f_pad(&pads, &mode, fill)))
}

/// Reflection that repeats the border, which libtorch has no mode for: elements are picked along each axis.
fn symmetric(call: &Call<'_>, pads: &[i64]) -> Result<Kernel, OpError> {
    let mut picks = Vec::new();
    for (back, pads) in pads.chunks(2).enumerate() {
        let axis = call.shape(0)?.len().checked_sub(back + 1).ok_or(OpError::Unknown)?;
        let n = call.shape(0)?[axis] as i64;
        let &[before, after] = pads else { return Err(OpError::Unknown) };
        if n > 0 && (before, after) != (0, 0) {
            let place = |i: i64| (i.rem_euclid(2 * n)).min(2 * n - 1 - i.rem_euclid(2 * n));
            picks.push((axis as i64, (-before..n + after).map(place).collect::<Vec<i64>>()));
        }
    }
    Ok(unary(move |x| {
        picks.iter().try_fold(x.shallow_clone(), |y, (axis, rows)| {
            y.f_index_select(*axis, &Tensor::f_from_slice(rows)?.f_to_device(x.device())?)
        })
    }))
}

fn depth_to_space(call: &Call<'_>) -> Result<Kernel, OpError> {
    let block = call.int("blocksize", 1);
    if call.text("mode", "DCR") == "CRD" {
        return Ok(unary(move |x| x.f_pixel_shuffle(block)));
    }
    let s: Vec<i64> = call.shape(0)?.iter().map(|&n| n as i64).collect();
    let output = output_shape(call, 0)?;
    Ok(unary(move |x| {
        let split = x.f_reshape([s[0], block, block, s[1] / (block * block), s[2], s[3]])?;
        split.f_permute([0, 3, 4, 1, 5, 2])?.f_reshape(&output)
    }))
}

fn space_to_depth(call: &Call<'_>) -> Result<Kernel, OpError> {
    let block = call.int("blocksize", 1);
    let s: Vec<i64> = call.shape(0)?.iter().map(|&n| n as i64).collect();
    let output = output_shape(call, 0)?;
    let columns_first = call.text("mode", "DCR") == "CRD";
    let order = if columns_first { [0, 1, 3, 5, 2, 4] } else { [0, 3, 5, 1, 2, 4] };
    Ok(unary(move |x| {
        let split = x.f_reshape([s[0], s[1], s[2] / block, block, s[3] / block, block])?;
        split.f_permute(order)?.f_reshape(&output)
    }))
}

/// The first elements of each sequence, as many as its length says, in the other order.
fn reverse_sequences(x: &Tensor, lengths: &Tensor, time: i64, batch: i64, shape: &[u64]) -> Result<Tensor, TchError> {
    let along = |axis: i64, t: &Tensor| {
        let mut view = vec![1; shape.len()];
        view[axis as usize] = -1;
        t.f_reshape(&view)
    };
    let steps = shape.get(time as usize).copied().unwrap_or(1) as i64;
    let lengths = along(batch, &lengths.f_to_kind(Kind::Int64)?)?;
    let step = along(time, &Tensor::f_arange(steps, (Kind::Int64, x.device()))?)?;
    let turned = lengths.f_sub(&step)?.f_sub_scalar(1)?;
    let index = turned.f_where_self(&step.f_lt_tensor(&lengths)?, &step)?;
    x.f_gather(time, &index.f_expand_as(x)?, false)
}
