//! Operators that pick or replace elements at positions: along one axis, or along several at once.

use tachograph_ir::{Call, OpError};
use tch::{Kind, TchError, Tensor};

use super::{Kernel, axis, output_shape, pair};

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    Ok(Some(match call.node.op.name() {
        "GatherElements" => {
            let (axis, wrap) = (axis(call, 0)?, wrap(call)?);
            pair(move |x, index| match wrap {
                Some(extent) => x.f_gather(axis, &index.f_remainder(extent)?, false),
                None => x.f_gather(axis, &index.f_to_kind(Kind::Int64)?, false),
            })
        }
        "GatherND" => gather_nd(call)?,
        "Scatter" | "ScatterElements" => scatter_elements(call)?,
        "ScatterND" => scatter_nd(call)?,
        "OneHot" => one_hot(call)?,
        "NonZero" => super::unary(|x| x.f_nonzero()?.f_transpose(0, 1)),
        "MaxUnpool" if call.optional(2).is_none() => {
            let output = output_shape(call, 0)?;
            pair(move |x, index| {
                let zeros = Tensor::f_zeros([output.iter().product::<i64>()], (x.kind(), x.device()))?;
                zeros.f_scatter(0, &index.f_reshape([-1])?, &x.f_reshape([-1])?)?.f_reshape(&output)
            })
        }
        "Compress" => match call.node.int("axis") {
            Some(_) => {
                let axis = axis(call, 0)?;
                pair(move |x, chosen| x.f_index_select(axis, &chosen.f_nonzero()?.f_reshape([-1])?))
            }
            None => pair(|x, chosen| x.f_reshape([-1])?.f_index_select(0, &chosen.f_nonzero()?.f_reshape([-1])?)),
        },
        _ => return Ok(None),
    }))
}

/// The extent by which indices wrap where some are known to be negative; libtorch refuses those.
fn wrap(call: &Call<'_>) -> Result<Option<i64>, OpError> {
    let extent = call.shape(0)?.get(axis(call, 0)? as usize).copied().unwrap_or(1) as i64;
    let known = call.input(1)?.value.as_ref().and_then(|v| v.ints()).unwrap_or_default();
    Ok(known.iter().any(|&i| i < 0).then_some(extent))
}

/// One tensor of positions an axis, after one of its own for each axis of the batch.
fn positions(index: &Tensor, batch: i64) -> Result<Vec<Option<Tensor>>, TchError> {
    let size = index.size();
    let outer = size.len() as i64 - 1;
    let mut all = Vec::new();
    for (axis, &extent) in size.iter().enumerate().take(batch as usize) {
        let mut shape = vec![1; outer as usize];
        shape[axis] = extent;
        all.push(Some(Tensor::f_arange(extent, (Kind::Int64, index.device()))?.f_reshape(&shape)?));
    }
    for part in index.f_to_kind(Kind::Int64)?.f_unbind(-1)? {
        all.push(Some(part));
    }
    Ok(all)
}

fn gather_nd(call: &Call<'_>) -> Result<Kernel, OpError> {
    let batch = call.int("batch_dims", 0);
    Ok(pair(move |x, index| x.f_index(&positions(index, batch)?)))
}

fn scatter_nd(call: &Call<'_>) -> Result<Kernel, OpError> {
    let reduction = call.text("reduction", "none");
    let add = reduction == "add";
    if add || reduction == "none" {
        return Ok(Box::new(move |x| Ok(vec![x.get(0)?.f_index_put(&positions(x.get(1)?, 0)?, x.get(2)?, add)?])));
    }
    let reduce = reduction_of(reduction)?;
    let depth = call.shape(1)?.last().copied().unwrap_or(0) as usize;
    let shape: Vec<i64> = call.shape(0)?.iter().map(|&n| n as i64).collect();
    let indexed = shape.get(..depth).ok_or(OpError::Unknown)?.to_vec();
    Ok(Box::new(move |x| {
        let data = x.get(0)?;
        // As one axis of slices, which libtorch can reduce into.
        let index = x.get(1)?.f_to_kind(Kind::Int64)?;
        let mut flat = Tensor::f_zeros([1], (Kind::Int64, data.device()))?;
        for (axis, &extent) in indexed.iter().enumerate() {
            let part = index.f_select(-1, axis as i64)?.f_reshape([-1])?.f_remainder(extent)?;
            flat = flat.f_mul_scalar(extent)?.f_add(&part)?;
        }
        let slices = indexed.iter().product::<i64>();
        let width: i64 = shape.iter().skip(indexed.len()).product();
        let updates = x.get(2)?.f_reshape([-1, width])?;
        let y = data.f_reshape([slices, width])?.f_index_reduce(0, &flat, &updates, reduce, true)?;
        Ok(vec![y.f_reshape(&shape)?])
    }))
}

fn scatter_elements(call: &Call<'_>) -> Result<Kernel, OpError> {
    let (axis, wrap, reduction) = (axis(call, 0)?, wrap(call)?, call.text("reduction", "none"));
    let reduce = match reduction {
        "none" => None,
        "add" => Some("sum"),
        other => Some(reduction_of(other)?),
    };
    Ok(Box::new(move |x| {
        let (data, index, updates) = (x.get(0)?, x.get(1)?.f_to_kind(Kind::Int64)?, x.get(2)?);
        let index = wrap.map(|extent| index.f_remainder(extent)).transpose()?.unwrap_or(index);
        Ok(vec![match reduce {
            None => data.f_scatter(axis, &index, updates)?,
            Some("sum") => data.f_scatter_add(axis, &index, updates)?,
            Some(reduce) => data.f_internal_scatter_reduce(axis, &index, updates, reduce, true)?,
        }])
    }))
}

fn reduction_of(name: &str) -> Result<&'static str, OpError> {
    match name {
        "mul" => Ok("prod"),
        "max" => Ok("amax"),
        "min" => Ok("amin"),
        other => Err(format!("no reduction is called `{other}`").into()),
    }
}

/// Where the class along the new axis equals the index, the second of `values`, elsewhere the first.
fn one_hot(call: &Call<'_>) -> Result<Kernel, OpError> {
    let output = output_shape(call, 0)?;
    let rank = output.len() as i64;
    let axis = call.int("axis", -1);
    let axis = if axis < 0 { axis + rank } else { axis };
    let depth = output.get(axis as usize).copied().ok_or(OpError::Unknown)?;
    let mut along = vec![1; rank as usize];
    along[axis as usize] = depth;
    Ok(Box::new(move |x| {
        let (index, values) = (x.get(0)?.f_to_kind(Kind::Int64)?, x.get(2)?);
        let classes = Tensor::f_arange(depth, (Kind::Int64, index.device()))?.f_reshape(&along)?;
        let inside = index.f_add(&index.f_lt(0)?.f_mul_scalar(depth)?)?;
        let hit = inside.f_unsqueeze(axis)?.f_eq_tensor(&classes)?;
        Ok(vec![values.f_select(0, 1)?.f_where_self(&hit, &values.f_select(0, 0)?)?])
    }))
}
