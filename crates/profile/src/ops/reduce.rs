//! Reductions over axes.

use tachograph_ir::{Call, OpError};
use tch::{TchError, Tensor};

use super::{Kernel, rank, unary};

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    let name = call.node.op.name();
    if let "ArgMax" | "ArgMin" = name {
        let (axis, keep) = (call.int("axis", 0), call.int("keepdims", 1) != 0);
        let max = name == "ArgMax";
        let last = call.int("select_last_index", 0) != 0;
        let extent = call.shape(0)?.get(super::axis(call, 0)? as usize).copied().unwrap_or(1) as i64;
        return Ok(Some(unary(move |x| {
            let flipped = last.then(|| x.f_flip([axis])).transpose()?;
            let x = flipped.as_ref().unwrap_or(x);
            let y = if max { x.f_argmax(axis, keep)? } else { x.f_argmin(axis, keep)? };
            // The last of equal elements is the first from the other end.
            if last { y.f_neg()?.f_add_scalar(extent - 1) } else { Ok(y) }
        })));
    }
    if let "CumSum" | "CumProd" = name {
        return cumulative(call).map(Some);
    }
    type Reduce = fn(&Tensor, &[i64], bool) -> Result<Tensor, TchError>;
    let reduce: Reduce = match name {
        "ReduceMean" => |x, axes, keep| x.f_mean_dim(axes, keep, None),
        "ReduceSum" => |x, axes, keep| x.f_sum_dim_intlist(axes, keep, None),
        "ReduceMax" => |x, axes, keep| x.f_amax(axes, keep),
        "ReduceMin" => |x, axes, keep| x.f_amin(axes, keep),
        "ReduceL1" => |x, axes, keep| x.f_abs()?.f_sum_dim_intlist(axes, keep, None),
        "ReduceL2" => |x, axes, keep| x.f_square()?.f_sum_dim_intlist(axes, keep, None)?.f_sqrt(),
        "ReduceSumSquare" => |x, axes, keep| x.f_square()?.f_sum_dim_intlist(axes, keep, None),
        "ReduceLogSum" => |x, axes, keep| x.f_sum_dim_intlist(axes, keep, None)?.f_log(),
        "ReduceProd" => |x, axes, keep| {
            let rank = x.dim() as i64;
            let mut axes: Vec<i64> = axes.iter().map(|&a| if a < 0 { a + rank } else { a }).collect();
            axes.sort_unstable();
            // From the last, so that those before keep their numbers.
            axes.iter().rev().try_fold(x.shallow_clone(), |y, &axis| y.f_prod_dim_int(axis, keep, x.kind()))
        },
        "ReduceLogSumExp" => |x, axes, keep| x.f_logsumexp(axes, keep),
        _ => return Ok(None),
    };
    let all = || rank(call, 0).map(|r| (0..r).collect());
    let axes: Vec<i64> = match call.list_or_input("axes", 1)? {
        Some(axes) if !axes.is_empty() => axes.to_vec(),
        _ if call.int("noop_with_empty_axes", 0) != 0 => return Ok(Some(unary(|x| Ok(x.shallow_clone())))),
        _ => all()?,
    };
    let (shape, rank) = (call.shape(0)?, rank(call, 0)?);
    let extent = |&axis: &i64| shape.get(if axis < 0 { axis + rank } else { axis } as usize);
    if matches!(name, "ReduceMax" | "ReduceMin") && axes.iter().any(|axis| extent(axis) == Some(&0)) {
        return Err(format!("libtorch finds no largest or smallest of no elements along {axes:?} of {shape:?}").into());
    }
    let keep = call.int("keepdims", 1) != 0;
    Ok(Some(unary(move |x| reduce(x, &axes, keep))))
}

/// Sums or products up to each element, with it or without, from the first or from the last.
fn cumulative(call: &Call<'_>) -> Result<Kernel, OpError> {
    let axis = call.ints(1)?.first().copied().ok_or(OpError::Unknown)?;
    let (exclusive, reverse) = (call.int("exclusive", 0) != 0, call.int("reverse", 0) != 0);
    let sum = call.node.op.name() == "CumSum";
    let total = move |x: &Tensor| if sum { x.f_cumsum(axis, x.kind()) } else { x.f_cumprod(axis, x.kind()) };
    Ok(unary(move |x| {
        let turned = reverse.then(|| x.f_flip([axis])).transpose()?;
        let x = turned.as_ref().unwrap_or(x);
        let y = if exclusive {
            let n = x.size().get(if axis < 0 { axis + x.dim() as i64 } else { axis } as usize).copied().unwrap_or(1);
            let before = x.f_narrow(axis, 0, 1)?;
            let first = if sum { before.f_zeros_like()? } else { before.f_ones_like()? };
            Tensor::f_cat(&[first, total(&x.f_narrow(axis, 0, n - 1)?)?], axis)?
        } else {
            total(x)?
        };
        if reverse { y.f_flip([axis]) } else { Ok(y) }
    }))
}
