//! Matrix products.

use tachograph_ir::{Call, OpError};
use tch::Tensor;

use super::{Kernel, pair};

pub(super) fn compile(call: &Call<'_>) -> Result<Option<Kernel>, OpError> {
    Ok(Some(match call.node.op.name() {
        "MatMul" => pair(Tensor::f_matmul),
        "Gemm" => gemm(call),
        "Einsum" => {
            let equation = call.text("equation", "").replace(' ', "");
            Box::new(move |x| {
                let operands: Vec<&Tensor> = x.0.iter().copied().flatten().collect();
                Ok(vec![Tensor::f_einsum(&equation, &operands, None::<i64>)?])
            })
        }
        _ => return Ok(None),
    }))
}

/// α·A·B + β·C; the usual fully connected layer runs as libtorch's `linear`.
fn gemm(call: &Call<'_>) -> Kernel {
    let (alpha, beta) = (call.float("alpha", 1.0), call.float("beta", 1.0));
    let (trans_a, trans_b) = (call.int("transA", 0) != 0, call.int("transB", 0) != 0);
    let bias_is_vector = call.optional(2).and_then(|f| f.shape.as_ref()).is_none_or(|s| s.len() == 1);
    if alpha == 1.0 && beta == 1.0 && !trans_a && bias_is_vector {
        return Box::new(move |x| {
            let weight = x.get(1)?;
            let y = match (trans_b, x.optional(2)) {
                (true, bias) => x.get(0)?.f_linear(weight, bias)?,
                (false, Some(bias)) => bias.f_addmm(x.get(0)?, weight)?,
                (false, None) => x.get(0)?.f_matmul(weight)?,
            };
            Ok(vec![y])
        });
    }
    Box::new(move |x| {
        let transposed = |t: &Tensor, yes: bool| if yes { t.f_transpose(0, 1) } else { Ok(t.shallow_clone()) };
        let product = transposed(x.get(0)?, trans_a)?.f_matmul(&transposed(x.get(1)?, trans_b)?)?;
        let product = if alpha == 1.0 { product } else { product.f_mul_scalar(alpha)? };
        Ok(vec![match x.optional(2) {
            Some(c) => product.f_add(&c.f_mul_scalar(beta)?)?,
            None => product,
        }])
    })
}
