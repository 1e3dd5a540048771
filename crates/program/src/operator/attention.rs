//! Attention as one group: scores, softmax and the weighted sum of values.

use super::{Node, Operator, matmul, softmax};
use crate::{BufferId, Builder, Cond, Error, Expr, Reducer, Result};

/// q (N, H, I, D), k (N, H, J, D) and v (N, H, J, E) → (N, H, I, E). With `causal`, query i sees keys up to
/// i + (J − I).
///
/// # Errors
/// Shapes that do not fit.
pub fn attention(b: &mut Builder, q: BufferId, k: BufferId, v: BufferId, scale: f64, causal: bool) -> Result<BufferId> {
    let (qs, ks, vs) = (b.shape(q).to_vec(), b.shape(k).to_vec(), b.shape(v).to_vec());
    let (&[n, h, i, d], &[kn, kh, j, kd], &[vn, vh, vj, _]) = (qs.as_slice(), ks.as_slice(), vs.as_slice()) else {
        return Err(Error::operator("attention", format!("q {qs:?}, k {ks:?}, v {vs:?}")));
    };
    if (kn, kh, kd, vn, vh, vj) != (n, h, d, n, h, j) {
        return Err(Error::operator("attention", format!("q {qs:?}, k {ks:?}, v {vs:?}")));
    }
    let spatial = [("b", n), ("h", h), ("i", i), ("j", j)];
    let scores = b.reduce("scores", &spatial, &[("d", d)], Reducer::Sum, |s, r| {
        Expr::Load(q, vec![s[0].clone(), s[1].clone(), s[2].clone(), r[0].clone()])
            * Expr::Load(k, vec![s[0].clone(), s[1].clone(), s[3].clone(), r[0].clone()])
    })?;
    let scaled = b.apply("scaled", scores, |score, s| {
        let score = score * scale;
        let seen = Cond::Order(s[3].clone(), &s[2] + (j as i64 - i as i64));
        if causal { score.when(seen, f64::NEG_INFINITY) } else { score }
    })?;
    let weights = softmax(b, scaled, 3, false)?;
    matmul(b, weights, v)
}

pub(super) struct Attention;

impl Operator for Attention {
    fn names(&self) -> &'static [&'static str] {
        &["Attention"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let [q, k, v] = [node.operand(0)?, node.operand(1)?, node.operand(2)?];
        if b.shape(q).len() != 4 || node.call.node.inputs.iter().skip(3).any(Option::is_some) {
            return Err(node.refuse("is more than queries, keys and values by head"));
        }
        let depth = b.shape(q).last().copied().unwrap_or(1);
        let scale = node.call.float("scale", 1.0 / (depth as f64).sqrt());
        attention(b, q, k, v, scale, node.call.int("is_causal", 0) != 0).map(|y| vec![y])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{data, run};
    use super::*;

    #[test]
    fn the_first_query_of_a_causal_one_sees_the_first_value() {
        let shape: &[u64] = &[1, 2, 3, 4];
        let (_, _, y) = run(&[shape, shape, shape], |b, x| attention(b, x[0], x[1], x[2], 0.5, true));
        let v = data(2, shape);
        assert_eq!(y[..4], v[..4]);
        let (_, _, all) = run(&[shape, shape, shape], |b, x| attention(b, x[0], x[1], x[2], 0.0, false));
        let mean = (v[0] + v[4] + v[8]) / 3.0;
        assert!((all[0] - mean).abs() < 1e-6);
    }
}
