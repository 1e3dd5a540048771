//! Operators that select elements by index.

use tachograph_ir::{Call, OpError};
use tch::Tensor;

use super::{Kernel, output_shape, rank, unary};

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    Ok(Some(match call.node.op.name() {
        "Gather" => gather(call)?,
        "Trilu" => {
            let k = call.optional(1).and_then(|f| f.value.as_ref()?.ints()?.first().copied()).unwrap_or(0);
            if call.int("upper", 1) != 0 { unary(move |x| x.f_triu(k)) } else { unary(move |x| x.f_tril(k)) }
        }
        "TopK" => {
            let k = call.ints(1)?.first().copied().ok_or(OpError::Unknown)?;
            let (axis, largest) = (call.int("axis", -1), call.int("largest", 1) != 0);
            Box::new(move |x| {
                let (values, indices) = x.get(0)?.f_topk(k, axis, largest, true)?;
                Ok(vec![values, indices])
            })
        }
        _ => return Ok(None),
    }))
}

/// A single known index is a view, a choice among rows of a table an embedding look-up, anything else `index_select`.
/// Negative indices count from the end where they are known; libtorch refuses others.
fn gather(call: &Call<'_>) -> Result<Kernel, OpError> {
    let rank = rank(call, 0)?;
    let axis = call.int("axis", 0);
    let axis = if axis < 0 { axis + rank } else { axis };
    let scalar = call.shape(1)?.is_empty();
    if let (true, Some([index])) = (scalar, call.input(1)?.value.as_ref().and_then(|v| v.ints())) {
        let index = *index;
        return Ok(unary(move |x| x.f_select(axis, index)));
    }
    let output = output_shape(call, 0)?;
    let known = call.input(1)?.value.as_ref().and_then(|v| v.ints()).unwrap_or_default();
    if known.iter().any(|&index| index < 0) {
        let extent = call.shape(0)?.get(axis as usize).copied().unwrap_or(1) as i64;
        return Ok(super::pair(move |x, index: &Tensor| {
            x.f_index_select(axis, &index.f_reshape([-1])?.f_remainder(extent)?)?.f_reshape(&output)
        }));
    }
    Ok(super::pair(move |x, index: &Tensor| {
        if axis == 0 && rank == 2 {
            return Tensor::f_embedding(x, index, -1, false, false);
        }
        x.f_index_select(axis, &index.f_reshape([-1])?)?.f_reshape(&output)
    }))
}
