//! Rotary position embedding, composed as frameworks do.

use tachograph_ir::{Call, OpError};
use tch::{Kind, TchError, Tensor};

use super::Kernel;

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    if call.node.op.name() != "RotaryEmbedding" {
        return Ok(None);
    }
    // ONNX Runtime's older form has positions before both tables.
    let [cosines, sines, positions] = if call.dtype(1)?.is_integer() { [2, 3, 1] } else { [1, 2, 3] };
    let shape = call.shape(0)?;
    let table = call.shape(cosines)?.last().copied().unwrap_or(0) as i64;
    let rotated = match call.int("rotary_embedding_dim", 0) {
        0 => 2 * table,
        n => n,
    };
    let heads = match (call.int("num_heads", 0), shape) {
        (0, [_, _, width]) => (*width as i64).checked_div(rotated).unwrap_or(1),
        (heads, _) => heads,
    };
    let interleaved = call.int("interleaved", 0) != 0;
    Ok(Some(Box::new(move |args| {
        let x = args.get(0)?;
        let size = x.size();
        // (batch, length, heads, depth)
        let split = match *size {
            [batch, length, width] => x.f_reshape([batch, length, heads, width / heads.max(1)])?,
            _ => x.f_transpose(1, 2)?,
        };
        let look_up = |i: usize| -> Result<Tensor, TchError> {
            let table = args.get(i)?;
            let rows = match args.optional(positions) {
                Some(index) if index.numel() == 1 => {
                    // The first position; the others follow.
                    let next = Tensor::f_arange(split.size()[1], (Kind::Int64, index.device()))?;
                    table.f_index(&[Some(next.f_add(&index.f_reshape([1])?)?)])?.f_unsqueeze(0)?
                }
                Some(index) => table.f_index(&[Some(index.f_to_kind(Kind::Int64)?)])?,
                None => table.shallow_clone(),
            };
            rows.f_narrow(-1, 0, rotated / 2)?.f_unsqueeze(2)
        };
        let (cos, sin) = (look_up(cosines)?, look_up(sines)?);
        let y = rotate(&split, &cos, &sin, interleaved)?;
        Ok(vec![if size.len() == 3 { y.f_reshape(&size)? } else { y.f_transpose(1, 2)? }])
    })))
}

/// The first features of (batch, length, heads, depth), twice as many as the tables have, turned by their angles.
pub(super) fn rotate(x: &Tensor, cos: &Tensor, sin: &Tensor, interleaved: bool) -> Result<Tensor, TchError> {
    let half = cos.size().last().copied().unwrap_or(0);
    let (depth, rotated) = (x.size().last().copied().unwrap_or(0), 2 * half);
    let turned = x.f_narrow(-1, 0, rotated)?;
    let (a, b) = if interleaved {
        (turned.f_slice(-1, 0, None, 2)?, turned.f_slice(-1, 1, None, 2)?)
    } else {
        (turned.f_narrow(-1, 0, half)?, turned.f_narrow(-1, half, half)?)
    };
    let real = a.f_mul(cos)?.f_sub(&b.f_mul(sin)?)?;
    let imaginary = a.f_mul(sin)?.f_add(&b.f_mul(cos)?)?;
    let y = if interleaved {
        Tensor::f_stack(&[real, imaginary], -1)?.f_flatten(-2, -1)?
    } else {
        Tensor::f_cat(&[real, imaginary], -1)?
    };
    match depth - rotated {
        0 => Ok(y),
        rest => Tensor::f_cat(&[&y, &x.f_narrow(-1, rotated, rest)?], -1),
    }
}
