//! Several products of one input with weights of few bits, after a normalisation if its scale is given: the gated
//! start of a feed-forward block, and the three projections of an attention.

use super::{
    axes::product,
    matmul_nbits::{positive, rows},
};
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct MatMulNBitsFused;

/// Widths of the results, and of the products behind them.
fn widths(call: &Call<'_>) -> Result<(Vec<u64>, u64), OpError> {
    match call.node.op.name() {
        "MatMulNBitsMlp" => {
            let n = positive(call, "N")?;
            Ok((vec![n], product([2, n])?))
        }
        _ => {
            let (q, kv) = (positive(call, "Nq")?, positive(call, "Nkv")?);
            let all = kv.checked_mul(2).and_then(|n| n.checked_add(q));
            Ok((vec![q, kv, kv], all.ok_or_else(|| format!("widths {q} and {kv}"))?))
        }
    }
}

impl Operator for MatMulNBitsFused {
    fn names(&self) -> &'static [&'static str] {
        &["MatMulNBitsMlp", "MatMulNBitsQkv"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    /// The products, then the sum of the input and what is added before the normalisation.
    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (dtype, outer) = (call.dtype(0)?, rows(call, positive(call, "K")?)?);
        let results = widths(call)?.0.into_iter().map(|n| Fact::new(dtype, [outer, &[n]].concat()));
        Ok(results.chain([Fact::new(dtype, call.shape(0)?)]).collect())
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let last = if node.op.name() == "MatMulNBitsMlp" { 9 } else { 12 };
        let role = match i {
            0 | 1 => Role::Data,
            2 => Role::Scale,
            _ => [Role::Weight, Role::Setting, Role::Bias][i % 3],
        };
        (i < last).then_some(role)
    }

    /// Beside the products: 5 per input element to normalise, 1 to add, 2 per result of a gate.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let k = positive(call, "K")?;
        let rows = product(rows(call, k)?.iter().copied())?;
        let mut work = Work::macs(Some(product([rows, k, widths(call)?.1])?))?;
        let per_input = 5 * u64::from(call.optional(2).is_some()) + u64::from(call.optional(1).is_some());
        let gate = if call.node.op.name() == "MatMulNBitsMlp" { 2 } else { 0 };
        let rest = product([per_input, rows, k])?.saturating_add(product([gate, call.output_elements(0)?])?);
        work.flops = work.flops.saturating_add(rest);
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn two_products_and_three() {
        let (x, w, s) = (f32(&[2, 5, 64]), Fact::new(DType::U8, [128, 2, 16]), f32(&[128, 2]));
        let mlp = attrs([("K", Attr::Int(64)), ("N", Attr::Int(128))]);
        let inputs = [Some(&x), None, None, Some(&w), Some(&s), None, Some(&w), Some(&s), None];
        let (facts, work) = call("MatMulNBitsMlp", mlp, &inputs, 1).unwrap();
        assert_eq!((facts[0].clone(), work.macs), (f32(&[2, 5, 128]), 10 * 64 * 256));
        let qkv = attrs([("K", Attr::Int(64)), ("Nq", Attr::Int(64)), ("Nkv", Attr::Int(16))]);
        let (facts, work) = call("MatMulNBitsQkv", qkv, &inputs, 3).unwrap();
        assert_eq!((facts[0].clone(), facts[2].clone()), (f32(&[2, 5, 64]), f32(&[2, 5, 16])));
        assert_eq!(work.macs, 10 * 64 * 96);
    }
}
