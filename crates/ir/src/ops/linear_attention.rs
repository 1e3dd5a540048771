//! Attention by a recurrent state of keys and values, (N, H, d, v) per head: `linear`, with decay (`gated`), with a
//! correction of what the state holds already (`delta`), or both.
//!
//! Arithmetic per token: the product of key and value for each head of these, that of query and state for each head of
//! those, one more of key and state for a correction; and 1 operation per element of the state for a decay.

use super::axes::product;
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct LinearAttention;

struct Heads {
    batch: u64,
    tokens: u64,
    queries: u64,
    keys: u64,
    depth: u64,
    value_depth: u64,
}

impl Heads {
    fn new(call: &Call<'_>) -> Result<Self, OpError> {
        let (q, k, v) = (call.shape(0)?, call.shape(1)?, call.shape(2)?);
        let refuse = || OpError::Invalid(format!("query {q:?}, key {k:?} and value {v:?} do not fit"));
        let count = |name: &str| u64::try_from(call.int(name, 0)).ok().filter(|&n| n > 0).ok_or_else(refuse);
        let (queries, keys) = (count("q_num_heads")?, count("kv_num_heads")?);
        let (&[batch, tokens, width], &[.., key_width], &[.., value_width]) = (q, k, v) else { return Err(refuse()) };
        let outer = [batch, tokens];
        let whole = width.is_multiple_of(queries) && key_width.is_multiple_of(keys) && value_width.is_multiple_of(keys);
        let (depth, value_depth) = (width / queries, value_width / keys);
        let same = k.len() == 3 && v.len() == 3 && k[..2] == outer && v[..2] == outer && key_width / keys == depth;
        if !whole || !same || !queries.is_multiple_of(keys) {
            return Err(refuse());
        }
        Ok(Self { batch, tokens, queries, keys, depth, value_depth })
    }
}

impl Operator for LinearAttention {
    fn names(&self) -> &'static [&'static str] {
        &["LinearAttention"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let h = Heads::new(call)?;
        let state = call.optional(3).map_or(call.dtype(0)?, |f| f.dtype);
        let result = [h.batch, h.tokens, product([h.queries, h.value_depth])?];
        Ok(vec![Fact::new(call.dtype(0)?, result), Fact::new(state, [h.batch, h.keys, h.depth, h.value_depth])])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    /// Libraries run it as one kernel of their own.
    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Data, Role::Data, Role::State, Role::Data, Role::Data].get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let h = Heads::new(call)?;
        let rule = call.text("update_rule", "gated_delta");
        let products = if rule.contains("delta") { 2 } else { 1 };
        let heads = h.keys.checked_mul(products).and_then(|n| n.checked_add(h.queries));
        let state = product([h.batch, h.tokens, h.depth, h.value_depth])?;
        let mut work = Work::macs(heads.and_then(|n| n.checked_mul(state)))?;
        if rule.contains("gated") {
            work.flops = work.flops.saturating_add(product([h.keys, state])?);
        }
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32};
    use crate::{Attr, attrs};

    #[test]
    fn grouped_heads_share_a_state() {
        let heads = |rule: &str| {
            attrs([("q_num_heads", Attr::Int(8)), ("kv_num_heads", Attr::Int(2)), ("update_rule", rule.into())])
        };
        let (q, k, v) = (f32(&[1, 5, 64]), f32(&[1, 5, 16]), f32(&[1, 5, 32]));
        let inputs = [Some(&q), Some(&k), Some(&v)];
        let (facts, work) = call("LinearAttention", heads("linear"), &inputs, 2).unwrap();
        assert_eq!(facts, [f32(&[1, 5, 128]), f32(&[1, 2, 8, 16])]);
        assert_eq!((work.macs, work.flops), (5 * 128 * 10, 2 * 5 * 128 * 10));
        let (_, work) = call("LinearAttention", heads("gated_delta"), &inputs, 2).unwrap();
        assert_eq!((work.macs, work.flops), (5 * 128 * 12, 2 * 5 * 128 * 12 + 5 * 128 * 2));
        assert!(call("LinearAttention", heads("linear"), &[Some(&q), Some(&v), Some(&v)], 2).is_err());
        assert!(call("LinearAttention", attrs([]), &inputs, 2).is_err());
    }
}
