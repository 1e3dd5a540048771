//! Operators that move or reinterpret elements.

use tachograph_ir::{Call, OpError, Value};
use tch::Tensor;

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
        "SpaceToDepth" if call.text("mode", "DCR") == "DCR" => space_to_depth(call)?,
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
    if call.optional(3).is_some() {
        return Err(OpError::Invalid("padding of chosen axes has no kernel".into()));
    }
    let mode = match call.text("mode", "constant") {
        "edge" => "replicate",
        "wrap" => "circular",
        other => other,
    }
    .to_owned();
    let constant = call.optional(2).and_then(|f| f.value.as_ref()).map(Value::to_floats);
    let fill = constant.and_then(|v| v.first().copied()).unwrap_or_else(|| call.float("value", 0.0));
    let mut pads = super::conv::torch_pads(&pads);
    if mode != "constant" {
        // Other modes pad spatial axes only: drop the outermost axes that are not padded.
        while pads.len() > 4 && pads.ends_with(&[0, 0]) {
            pads.truncate(pads.len() - 2);
        }
    }
    let fill = (mode == "constant").then_some(fill);
    Ok(unary(move |x| x.f_pad(&pads, &mode, fill)))
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
    Ok(unary(move |x| {
        let split = x.f_reshape([s[0], s[1], s[2] / block, block, s[3] / block, block])?;
        split.f_permute([0, 3, 5, 1, 2, 4])?.f_reshape(&output)
    }))
}
