//! Reductions over axes.

use tachograph_ir::{Call, OpError};
use tch::{TchError, Tensor};

use super::{Kernel, rank, unary};

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    let name = call.node.op.name();
    if let "ArgMax" | "ArgMin" = name {
        let (axis, keep) = (call.int("axis", 0), call.int("keepdims", 1) != 0);
        let max = name == "ArgMax";
        if call.int("select_last_index", 0) != 0 {
            return Err(OpError::Invalid("the last of equal elements cannot be asked of libtorch".into()));
        }
        return Ok(Some(unary(move |x| if max { x.f_argmax(axis, keep) } else { x.f_argmin(axis, keep) })));
    }
    if name == "CumSum" {
        if call.int("exclusive", 0) != 0 || call.int("reverse", 0) != 0 {
            return Err(OpError::Invalid("exclusive or reverse sums have no kernel".into()));
        }
        let axis = call.ints(1)?.first().copied().ok_or(OpError::Unknown)?;
        return Ok(Some(unary(move |x| x.f_cumsum(axis, None))));
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
        "ReduceLogSumExp" => |x, axes, keep| x.f_logsumexp(axes, keep),
        _ => return Ok(None),
    };
    let all = || rank(call, 0).map(|r| (0..r).collect());
    let axes: Vec<i64> = match call.list_or_input("axes", 1)? {
        Some(axes) if !axes.is_empty() => axes.to_vec(),
        _ if call.int("noop_with_empty_axes", 0) != 0 => return Ok(Some(unary(|x| Ok(x.shallow_clone())))),
        _ => all()?,
    };
    let keep = call.int("keepdims", 1) != 0;
    Ok(Some(unary(move |x| reduce(x, &axes, keep))))
}
