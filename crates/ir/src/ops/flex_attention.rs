//! Attention over (N, H, L, d) whose scores and probabilities a body may change, `score_mod` and `prob_mod`: the
//! products of attention, 5 operations per score for the softmax, and the cost of the bodies.

use super::axes::product;
use crate::{Attr, Call, Class, Cost, Fact, Fusion, Node, OpError, Operator, Role, Work, body};

pub(super) struct FlexAttention;

const BODIES: [&str; 2] = ["score_mod", "prob_mod"];

/// Shape of the result, and of the scores.
fn shapes(call: &Call<'_>) -> Result<([u64; 4], [u64; 4]), OpError> {
    let (q, k, v) = (call.shape(0)?, call.shape(1)?, call.shape(2)?);
    let refuse = || OpError::Invalid(format!("Q {q:?}, K {k:?}, V {v:?} do not fit"));
    let (&[batch, heads, queries, depth], &[_, key_heads, keys, _], &[.., value_depth]) = (q, k, v) else {
        return Err(refuse());
    };
    let fit = k == [batch, key_heads, keys, depth] && v == [batch, key_heads, keys, value_depth];
    if !fit || heads.checked_rem(key_heads) != Some(0) {
        return Err(refuse());
    }
    Ok(([batch, heads, queries, value_depth], [batch, heads, queries, keys]))
}

impl Operator for FlexAttention {
    fn names(&self) -> &'static [&'static str] {
        &["FlexAttention"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        Ok(vec![Fact::new(call.dtype(0)?, shapes(call)?.0)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, _: &Node, _: usize) -> Option<Role> {
        Some(Role::Data)
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let scores = product(shapes(call)?.1)?;
        let depth = |i: usize| Ok::<u64, OpError>(call.shape(i)?.last().copied().unwrap_or(0));
        let mut work = Work::macs(scores.checked_mul(depth(0)?.saturating_add(depth(2)?)))?;
        work.flops = work.flops.saturating_add(product([5, scores])?);
        Ok(work)
    }

    /// The attention itself reads its operands and writes its result; the scores stay inside.
    fn nested(&self, call: &Call<'_>) -> Result<Option<Cost>, OpError> {
        let work = self.work(call)?;
        let bytes = |facts: &mut dyn Iterator<Item = &Fact>| facts.filter_map(Fact::bytes).fold(0, u64::saturating_add);
        let mut cost = Cost {
            flops: work.flops,
            macs: work.macs,
            read: bytes(&mut call.inputs.iter().flatten().copied()),
            written: bytes(&mut call.outputs.iter()),
            parameters: 0,
        };
        for name in BODIES.into_iter().filter(|name| matches!(call.attrs().get(*name), Some(Attr::Graph(_)))) {
            let mut given = vec![Fact::new(call.dtype(0)?, shapes(call)?.1)];
            given.extend(body::operands(call, 3));
            cost = cost + Cost { read: 0, written: 0, ..body::cost(&body::bind(call, name, &given)?)? };
        }
        Ok(Some(cost))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::attrs;

    #[test]
    fn grouped_keys() {
        let inputs = [f32(&[2, 8, 4, 16]), f32(&[2, 2, 6, 16]), f32(&[2, 2, 6, 32])];
        let (facts, work) = run("FlexAttention", attrs([]), &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.macs), (f32(&[2, 8, 4, 32]), 2 * 8 * 4 * 6 * 48));
        assert_eq!(work.flops, 2 * work.macs + 5 * 2 * 8 * 4 * 6);
        assert!(
            run("FlexAttention", attrs([]), &[f32(&[2, 8, 4, 16]), f32(&[2, 3, 6, 16]), f32(&[2, 3, 6, 16])]).is_err()
        );
    }
}
