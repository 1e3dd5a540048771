//! Products with quantised matrices as ONNX Runtime's quantisers write them: of integers with the scales beside them, and
//! of weights of few bits in blocks. The factors are brought to numbers and multiplied as such.

use tachograph_ir::{Call, DType, OpError};
use tch::{Kind, TchError, Tensor};

use super::{
    Kernel,
    quantised::{Target, along, numbers, scaled, shifted},
};

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    Ok(Some(match call.node.op.name() {
        "DynamicQuantizeMatMul" => {
            let dtype = call.dtype(1)?;
            Box::new(move |x| {
                // What is lost by the rounding of the data stays lost.
                let data = x.get(0)?;
                let quantised = super::quantised::dynamic(data)?;
                let zero = quantised[2].f_to_kind(Kind::Float)?;
                let data = quantised[0].f_to_kind(Kind::Float)?.f_sub(&zero)?.f_mul(&quantised[1])?;
                let weight = shifted(numbers(x.get(1)?, dtype, Kind::Float)?, x.optional(3), 0)?;
                let y = data.f_matmul(&weight.f_mul(&along(x.get(2)?, Kind::Float, 2, 0)?)?)?;
                Ok(vec![x.optional(4).map(|b| y.f_add(b)).transpose()?.unwrap_or(y)])
            })
        }
        "MatMulIntegerToFloat" => {
            let types = [call.dtype(0)?, call.dtype(1)?];
            Box::new(move |x| {
                let a = shifted(numbers(x.get(0)?, types[0], Kind::Float)?, x.optional(4), -1)?;
                let b = shifted(numbers(x.get(1)?, types[1], Kind::Float)?, x.optional(5), 0)?;
                let a = a.f_mul(&along(x.get(2)?, Kind::Float, a.dim() as i64, -1)?)?;
                let y = a.f_matmul(&b.f_mul(&along(x.get(3)?, Kind::Float, b.dim() as i64, 0)?)?)?;
                Ok(vec![x.optional(6).map(|b| y.f_add(b)).transpose()?.unwrap_or(y)])
            })
        }
        "QGemm" => gemm(call)?,
        "MatMulNBits" => blocks(call)?,
        _ => return Ok(None),
    }))
}

/// α·A·B + C with a bias that counts in units of both scales; without a scale of its own the result stays float.
fn gemm(call: &Call<'_>) -> Result<Kernel, OpError> {
    let (types, alpha) = ([call.dtype(0)?, call.dtype(3)?], call.float("alpha", 1.0));
    let (trans_a, trans_b) = (call.int("transA", 0) != 0, call.int("transB", 0) != 0);
    let output = call.outputs.first().ok_or(OpError::Unknown)?.dtype;
    let target = if call.optional(7).is_some() { Some(Target::new(output)?) } else { None };
    if trans_b && call.shape(4)?.iter().product::<u64>() > 1 {
        return Err(OpError::Invalid("a transposed weight with a scale a column has no kernel".into()));
    }
    Ok(Box::new(move |x| {
        let turned = |t: Tensor, yes: bool| if yes { t.f_transpose(0, 1) } else { Ok(t) };
        let a = turned(scaled(x, 0, types[0], 0)?, trans_a)?;
        let b = turned(scaled(x, 3, types[1], 0)?, trans_b)?;
        let mut y = a.f_matmul(&b)?.f_mul_scalar(alpha)?;
        if let Some(c) = x.optional(6) {
            let unit = x.get(1)?.f_mul(x.get(4)?)?.f_mul_scalar(alpha)?;
            y = y.f_add(&c.f_to_kind(Kind::Float)?.f_mul(&unit)?)?;
        }
        Ok(vec![match target {
            Some(target) => target.of(&y, x.get(7)?, x.optional(8))?,
            None => y,
        }])
    }))
}

/// A weight (N, K) of few bits, blocks of a row packed into bytes, with a scale and a zero point a block.
fn blocks(call: &Call<'_>) -> Result<Kernel, OpError> {
    let (n, k) = (call.int("N", 0), call.int("K", 0));
    let (bits, block) = (call.int("bits", 4), call.int("block_size", 32).max(1));
    let packed = call.optional(3).is_none_or(|zero| zero.dtype == DType::U8);
    if !matches!(bits, 2 | 4 | 8) || call.optional(4).is_some() || !packed {
        return Err(format!(
            "a weight of {bits} bits with groups in another order, or float zero points, has no kernel"
        )
        .into());
    }
    let count = (k + block - 1) / block;
    Ok(Box::new(move |x| {
        let data = x.get(0)?;
        let zero = match x.optional(3) {
            Some(zero) => unpack(&zero.f_reshape([n, -1])?, bits)?.f_narrow(1, 0, count)?.f_unsqueeze(-1)?,
            None => Tensor::f_full([1], f64::from(1 << (bits - 1)), (Kind::Float, data.device()))?,
        };
        let codes = unpack(&x.get(1)?.f_reshape([n, -1])?, bits)?.f_reshape([n, count, block])?;
        let scale = x.get(2)?.f_to_kind(Kind::Float)?.f_reshape([n, count, 1])?;
        let weight = codes.f_sub(&zero)?.f_mul(&scale)?.f_reshape([n, count * block])?.f_narrow(1, 0, k)?;
        Ok(vec![data.f_linear(&weight.f_to_kind(data.kind())?, x.optional(5))?])
    }))
}

/// Numbers of `bits` bits in the bytes of each row, the lowest first.
fn unpack(bytes: &Tensor, bits: i64) -> Result<Tensor, TchError> {
    let wide = bytes.f_to_kind(Kind::Int)?;
    let part = |i: i64| wide.f_div_scalar_mode(1i64 << (i * bits), "trunc")?.f_remainder(1i64 << bits);
    let parts: Vec<Tensor> = (0..8 / bits).map(part).collect::<Result<_, _>>()?;
    Tensor::f_stack(&parts, -1)?.f_flatten(1, -1)?.f_to_kind(Kind::Float)
}
