//! Fully connected layers, as ONNX's Gemm: α·A·B + β·C, either side transposed.

use super::{Node, Operator, broadcast};
use crate::{BufferId, Builder, Error, Expr, Index, Reducer, Result};

/// x (N, K) and w (O, K), as frameworks keep it → (N, O).
///
/// # Errors
/// Shapes that do not fit.
pub fn dense(b: &mut Builder, x: BufferId, w: BufferId) -> Result<BufferId> {
    product(b, x, w, false, true)
}

fn product(b: &mut Builder, x: BufferId, w: BufferId, left: bool, right: bool) -> Result<BufferId> {
    let (xs, ws) = (b.shape(x).to_vec(), b.shape(w).to_vec());
    let refuse = || Error::operator("gemm", format!("{xs:?} times {ws:?}"));
    let (&[rows, columns], &[first, second]) = (xs.as_slice(), ws.as_slice()) else { return Err(refuse()) };
    let (i, k) = if left { (columns, rows) } else { (rows, columns) };
    let (depth, j) = if right { (second, first) } else { (first, second) };
    if k != depth {
        return Err(refuse());
    }
    let at =
        |swap: bool, a: &Index, b: &Index| if swap { vec![b.clone(), a.clone()] } else { vec![a.clone(), b.clone()] };
    b.reduce("dense", &[("i", i), ("j", j)], &[("k", k)], Reducer::Sum, |s, r| {
        Expr::Load(x, at(left, &s[0], &r[0])) * Expr::Load(w, at(right, &r[0], &s[1]))
    })
}

pub(super) struct Gemm;

impl Operator for Gemm {
    fn names(&self) -> &'static [&'static str] {
        &["Gemm"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let flag = |name| node.call.int(name, 0) != 0;
        let mut y = product(b, node.operand(0)?, node.operand(1)?, flag("transA"), flag("transB"))?;
        let (alpha, beta) = (node.call.float("alpha", 1.0), node.call.float("beta", 1.0));
        if alpha != 1.0 {
            y = b.apply("scale", y, |y, _| y * alpha)?;
        }
        if let Some(bias) = node.optional(2) {
            let reader = b.clone();
            y = b.apply("bias", y, |y, i| {
                let bias = broadcast(&reader, bias, i);
                y + if beta == 1.0 { bias } else { bias * beta }
            })?;
        }
        Ok(vec![y])
    }
}

#[cfg(test)]
mod tests {
    use super::super::{matmul, testing::run, transpose};
    use super::*;

    #[test]
    fn a_transposed_weight_is_a_weight_transposed() {
        let (_, _, y) = run(&[&[3, 4], &[5, 4]], |b, x| dense(b, x[0], x[1]));
        let (_, _, z) = run(&[&[3, 4], &[5, 4]], |b, x| {
            let w = transpose(b, x[1], &[1, 0])?;
            matmul(b, x[0], w)
        });
        assert_eq!(y, z);
    }
}
