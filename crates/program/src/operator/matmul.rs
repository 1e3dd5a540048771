//! Products of matrices, batched with broadcasting.

use super::{Node, Operator, common};
use crate::{BufferId, Builder, Error, Expr, Index, Reducer, Result};

/// a (…, I, K) and b (…, K, J) → (…, I, J); batch axes broadcast.
///
/// # Errors
/// Shapes that do not fit; vectors, which are to be given an axis of extent 1.
pub fn matmul(builder: &mut Builder, a: BufferId, b: BufferId) -> Result<BufferId> {
    let (left, right) = (builder.shape(a).to_vec(), builder.shape(b).to_vec());
    let refuse = || Error::operator("matmul", format!("{left:?} times {right:?}"));
    let (&[ref outer @ .., i, k], &[ref other @ .., rows, j]) = (left.as_slice(), right.as_slice()) else {
        return Err(refuse());
    };
    if k != rows {
        return Err(refuse());
    }
    let batch = common("matmul", outer, other)?;
    const BATCH: [&str; 4] = ["b", "h", "g", "f"];
    if batch.len() > BATCH.len() {
        return Err(refuse());
    }
    let mut spatial: Vec<(&str, u64)> = BATCH.iter().copied().zip(batch.iter().copied()).collect();
    spatial.extend([("i", i), ("j", j)]);
    let at = |shape: &[u64], s: &[Index], last: [Index; 2]| {
        let skip = batch.len() - shape.len();
        let own = |(&extent, i): (&u64, &Index)| if extent == 1 { Index::constant(0) } else { i.clone() };
        shape.iter().zip(&s[skip..]).map(own).chain(last).collect::<Vec<_>>()
    };
    let n = batch.len();
    builder.reduce("matmul", &spatial, &[("k", k)], Reducer::Sum, |s, r| {
        Expr::Load(a, at(outer, s, [s[n].clone(), r[0].clone()]))
            * Expr::Load(b, at(other, s, [r[0].clone(), s[n + 1].clone()]))
    })
}

pub(super) struct MatMul;

impl Operator for MatMul {
    fn names(&self) -> &'static [&'static str] {
        &["MatMul"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        matmul(b, node.operand(0)?, node.operand(1)?).map(|y| vec![y])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{data, run};
    use super::*;

    #[test]
    fn batches_broadcast() {
        let (w, _, y) = run(&[&[2, 3, 4], &[4, 5]], |b, x| matmul(b, x[0], x[1]));
        assert_eq!(w.flops(), 2 * 2 * 3 * 4 * 5);
        let (a, b) = (data(0, &[2, 3, 4]), data(1, &[4, 5]));
        for (n, y) in y.iter().enumerate() {
            let (row, column) = (n / 5, n % 5);
            assert_eq!(*y, (0..4).map(|k| a[row * 4 + k] * b[k * 5 + column]).sum::<f64>());
        }
    }

    #[test]
    fn an_empty_sum_is_zero() {
        let (_, _, y) = run(&[&[2, 0], &[0, 3]], |b, x| matmul(b, x[0], x[1]));
        assert_eq!(y, [0.0; 6]);
    }
}
