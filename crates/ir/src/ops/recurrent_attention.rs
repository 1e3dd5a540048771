//! Linear attention of ONNX Runtime: a state of (keys × values) per head takes in every token and answers every query.
//!
//! `LinearAttention` packs the heads, (batch, length, heads × depth), and may keep a window of states; `GatedDeltaNet` has
//! the heads as an axis, (tokens, heads, depth). Arithmetic per token: the product of key and value for each head of
//! these, that of query and state for each head of the result, one more of key and state for a correction (`delta`); and 1
//! operation per element of the state for a decay (`gated`).

use super::{
    attention::{count, divide},
    axes::product,
};
use crate::{Call, Class, DType, Fact, Fusion, Node, OpError, Operator, Role, Shape, Work};

pub(super) struct RecurrentAttention;

struct Extents {
    /// Leading extents of the result, before the heads.
    outer: Shape,
    batch: u64,
    heads: u64,
    /// Of keys and values, which own the states.
    state_heads: u64,
    depth: u64,
    value_depth: u64,
}

fn packed(call: &Call<'_>) -> Result<Extents, OpError> {
    let (q, v) = (call.shape(0)?, call.shape(2)?);
    let (&[batch, length, width], &[_, _, values]) = (q, v) else {
        return Err(format!("query {q:?} and value {v:?} are not (batch, length, width)").into());
    };
    let (heads, state_heads) = (count(call, "q_num_heads")?, count(call, "kv_num_heads")?);
    let (depth, value_depth) = (divide(width, heads, q)?, divide(values, state_heads, v)?);
    Ok(Extents { outer: vec![batch, length], batch, heads: heads.max(state_heads), state_heads, depth, value_depth })
}

/// Heads as an axis, or all of them side by side: then the state tells them apart.
fn apart(call: &Call<'_>) -> Result<Extents, OpError> {
    let q = call.shape(0)?;
    let state = call.optional(6).map(|_| call.shape(6)).transpose()?;
    match (q, call.optional(2), state) {
        ([outer @ .., heads, depth], Some(_), state) => {
            let &[.., state_heads, value_depth] = call.shape(2)? else { return Err(OpError::Unknown) };
            let sums = call.optional(3).and_then(|f| f.shape.as_deref()?.first().copied());
            let batch = state.and_then(|s| s.first().copied()).or(sums.map(|n| n.saturating_sub(1)));
            let batch = batch.ok_or(OpError::Unknown)?;
            let heads = (*heads).max(state_heads);
            Ok(Extents { outer: outer.to_vec(), batch, heads, state_heads, depth: *depth, value_depth })
        }
        ([outer @ .., _], None, Some(&[batch, heads, value_depth, depth])) => {
            Ok(Extents { outer: outer.to_vec(), batch, heads, state_heads: heads, depth, value_depth })
        }
        _ => Err(format!("query {q:?} does not fit state {state:?}").into()),
    }
}

fn extents(call: &Call<'_>) -> Result<Extents, OpError> {
    if call.node.op.name() == "LinearAttention" { packed(call) } else { apart(call) }
}

impl Operator for RecurrentAttention {
    fn names(&self) -> &'static [&'static str] {
        &["GatedDeltaNet", "com.microsoft::LinearAttention"]
    }

    /// ONNX's own is of operator set 27, and has fewer forms.
    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let e = extents(call)?;
        let dtype = call.dtype(0)?;
        if call.node.op.name() == "GatedDeltaNet" {
            let result = Fact::new(dtype, [&e.outer[..], &[e.heads, e.value_depth]].concat());
            let state = Fact::new(DType::F32, [e.batch, e.state_heads, e.value_depth, e.depth]);
            return Ok(vec![result, state, Fact::unknown(DType::F32)]);
        }
        let width = product([e.heads, e.value_depth])?;
        let window = u64::try_from(call.int("state_window", 0)).ok().filter(|&n| n > 0);
        let state = [e.batch, e.state_heads, e.depth, e.value_depth];
        let state: Shape = window.into_iter().chain(state).collect();
        let past = call.optional(3).map_or(dtype, |past| past.dtype);
        Ok(vec![Fact::new(dtype, [&e.outer[..], &[width]].concat()), Fact::new(past, state)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        use Role::{Bias, Data, Factor, Shape, State};
        let roles: &[Role] = match node.op.name() {
            "LinearAttention" => &[Data, Data, Data, State, Data, Data],
            _ => &[Data, Data, Data, Shape, Data, Data, State, Factor, Bias, Shape, Shape],
        };
        roles.get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let e = extents(call)?;
        let rule = call.text("update_rule", "gated_delta");
        let products = if rule.contains("delta") { 2 } else { 1 };
        let heads = e.state_heads.checked_mul(products).and_then(|n| n.checked_add(e.heads));
        let state = product(e.outer.into_iter().chain([e.depth, e.value_depth]))?;
        let mut work = Work::macs(heads.and_then(|n| n.checked_mul(state)))?;
        if rule.contains("gated") {
            work.flops = work.flops.saturating_add(product([e.state_heads, state])?);
        }
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32, run};
    use crate::{Attr, attrs};

    #[test]
    fn heads_side_by_side() {
        let heads =
            attrs([("q_num_heads", Attr::Int(4)), ("kv_num_heads", Attr::Int(2)), ("update_rule", "linear".into())]);
        let inputs = [f32(&[2, 5, 32]), f32(&[2, 5, 16]), f32(&[2, 5, 12])];
        let (facts, work) = run("com.microsoft::LinearAttention", heads, &inputs).unwrap();
        assert_eq!(facts, [f32(&[2, 5, 24]), f32(&[2, 2, 8, 6])]);
        assert_eq!(work.macs, 10 * 8 * 6 * (2 + 4));
    }

    #[test]
    fn heads_as_an_axis() {
        let (q, v, state) = (f32(&[10, 2, 8]), f32(&[10, 4, 6]), f32(&[2, 4, 6, 8]));
        let inputs = [Some(&q), Some(&q), Some(&v), None, None, None, Some(&state)];
        let (facts, work) = call("GatedDeltaNet", attrs([]), &inputs, 2).unwrap();
        assert_eq!(facts[..2], [f32(&[10, 4, 6]), state.clone()]);
        assert_eq!(work.macs, 10 * 4 * 8 * 6 * 3);
    }
}
