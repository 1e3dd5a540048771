//! Scaled dot-product attention: ONNX's `Attention` (operator set 23), and ONNX Runtime's `Attention`
//! (with the input projection inside, told by its attribute `num_heads`) and `MultiHeadAttention`.
//!
//! Arithmetic: the products Q·Kᵀ and P·V over all heads, 5 operations per score for the softmax, and the projection.

use super::axes::product;
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Shape, Work};

pub(super) struct Attention;

/// Extents of one call, with the past in `keys`.
struct Heads {
    batch: u64,
    heads: u64,
    key_heads: u64,
    queries: u64,
    keys: u64,
    /// Per head: of queries and keys, and of values.
    depth: u64,
    value_depth: u64,
    /// Products of the projection inside the operator.
    projection: u64,
}

fn count(call: &Call<'_>, name: &str) -> Result<u64, OpError> {
    let n = call.int(name, 0);
    u64::try_from(n).ok().filter(|&n| n > 0).ok_or_else(|| OpError::Invalid(format!("{name} {n} is not positive")))
}

fn divide(n: u64, heads: u64, shape: &[u64]) -> Result<u64, OpError> {
    if !n.is_multiple_of(heads) {
        return Err(format!("{heads} heads do not divide {n} of {shape:?}").into());
    }
    Ok(n / heads)
}

/// True for ONNX Runtime's form with the projection inside.
fn projects(node: &Node) -> bool {
    node.op.name() == "Attention" && node.attrs.contains_key("num_heads")
}

/// Length of the cache of earlier keys in operand `i`, along `axis`.
fn past(call: &Call<'_>, i: usize, axis: usize) -> Result<u64, OpError> {
    let Some(fact) = call.optional(i) else { return Ok(0) };
    let shape = fact.shape.as_deref().ok_or(OpError::Unknown)?;
    shape.get(axis).copied().ok_or_else(|| OpError::Invalid(format!("past {shape:?} has no axis {axis}")))
}

impl Heads {
    fn new(call: &Call<'_>) -> Result<Self, OpError> {
        match call.node.op.name() {
            "MultiHeadAttention" => Self::multi_head(call),
            _ if projects(call.node) => Self::projecting(call),
            _ => Self::standard(call),
        }
    }

    fn standard(call: &Call<'_>) -> Result<Self, OpError> {
        let (q, k, v) = (call.shape(0)?, call.shape(1)?, call.shape(2)?);
        let refuse = || OpError::Invalid(format!("Q {q:?}, K {k:?}, V {v:?} do not fit"));
        let split = |shape: &[u64], heads: &str| match *shape {
            [batch, heads, length, depth] => Ok([batch, heads, length, depth]),
            [batch, length, width] => {
                let heads = count(call, heads)?;
                Ok([batch, heads, length, divide(width, heads, shape)?])
            }
            _ => Err(refuse()),
        };
        let [batch, heads, queries, depth] = split(q, "q_num_heads")?;
        let [key_batch, key_heads, keys, key_depth] = split(k, "kv_num_heads")?;
        let [value_batch, value_heads, values, value_depth] = split(v, "kv_num_heads")?;
        let same = (batch, batch, keys, key_heads, depth) == (key_batch, value_batch, values, value_heads, key_depth);
        if !same || heads.checked_rem(key_heads) != Some(0) {
            return Err(refuse());
        }
        let keys = keys.checked_add(past(call, 4, 2)?).ok_or_else(refuse)?;
        Ok(Self { batch, heads, key_heads, queries, keys, depth, value_depth, projection: 0 })
    }

    fn projecting(call: &Call<'_>) -> Result<Self, OpError> {
        let (x, w) = (call.shape(0)?, call.shape(1)?);
        let (&[batch, queries, width], &[rows, columns]) = (x, w) else {
            return Err(format!("input {x:?} does not fit projection {w:?}").into());
        };
        let heads = count(call, "num_heads")?;
        let (hidden, value_hidden) = match call.list("qkv_hidden_sizes") {
            Some(&[q, _, v]) => (u64::try_from(q).unwrap_or(0), u64::try_from(v).unwrap_or(0)),
            _ => (columns / 3, columns / 3),
        };
        let together = hidden.checked_mul(2).and_then(|n| n.checked_add(value_hidden));
        if rows != width || together != Some(columns) {
            return Err(format!("input {x:?} does not fit projection {w:?}").into());
        }
        let past = past(call, 4, 3)?;
        let keys = queries.checked_add(past).ok_or_else(|| format!("{x:?} with a past of {past}"))?;
        let (depth, value_depth) = (divide(hidden, heads, w)?, divide(value_hidden, heads, w)?);
        let projection = product([batch, queries, width, columns])?;
        Ok(Self { batch, heads, key_heads: heads, queries, keys, depth, value_depth, projection })
    }

    /// Separate operands of rank 3; ONNX Runtime's packed forms stay unknown.
    fn multi_head(call: &Call<'_>) -> Result<Self, OpError> {
        if call.optional(1).is_none() || call.optional(2).is_none() {
            return Err(OpError::Unknown);
        }
        let (q, k, v) = (call.shape(0)?, call.shape(1)?, call.shape(2)?);
        let (&[batch, queries, width], &[key_batch, keys, key_width], &[value_batch, values, value_width]) = (q, k, v)
        else {
            return Err(OpError::Unknown);
        };
        if (batch, batch, keys, width) != (key_batch, value_batch, values, key_width) {
            return Err(format!("query {q:?}, key {k:?}, value {v:?} do not fit").into());
        }
        let past = past(call, 6, 2)?;
        let keys = keys.checked_add(past).ok_or_else(|| format!("{k:?} with a past of {past}"))?;
        let heads = count(call, "num_heads")?;
        let (depth, value_depth) = (divide(width, heads, q)?, divide(value_width, heads, v)?);
        Ok(Self { batch, heads, key_heads: heads, queries, keys, depth, value_depth, projection: 0 })
    }
}

impl Operator for Attention {
    fn names(&self) -> &'static [&'static str] {
        &["Attention", "MultiHeadAttention"]
    }

    /// Result, then keys and values with the past (together in ONNX Runtime's `Attention`), then the scores.
    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let h = Heads::new(call)?;
        let shape: Shape = match call.shape(0)?.len() {
            4 => vec![h.batch, h.heads, h.queries, h.value_depth],
            _ => vec![h.batch, h.queries, product([h.heads, h.value_depth])?],
        };
        let fact = |shape: Shape| call.dtype(0).map(|dtype| Fact::new(dtype, shape));
        if projects(call.node) {
            return Ok(vec![fact(shape)?, fact(vec![2, h.batch, h.heads, h.keys, h.depth])?]);
        }
        let keys = fact(vec![h.batch, h.key_heads, h.keys, h.depth])?;
        let values = fact(vec![h.batch, h.key_heads, h.keys, h.value_depth])?;
        Ok(vec![fact(shape)?, keys, values, fact(vec![h.batch, h.heads, h.queries, h.keys])?])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    /// Libraries run it as one kernel of their own.
    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let roles: &[Role] = match node.op.name() {
            "MultiHeadAttention" => {
                &[Role::Data, Role::Data, Role::Data, Role::Bias, Role::Mask, Role::Mask, Role::State, Role::State]
            }
            _ if projects(node) => {
                &[Role::Data, Role::Weight, Role::Bias, Role::Mask, Role::State, Role::Mask, Role::Shape]
            }
            _ => &[Role::Data, Role::Data, Role::Data, Role::Mask, Role::State, Role::State, Role::Shape],
        };
        roles.get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let h = Heads::new(call)?;
        let scores = product([h.batch, h.heads, h.queries, h.keys])?;
        let macs = scores.checked_mul(h.depth.saturating_add(h.value_depth)).and_then(|n| n.checked_add(h.projection));
        let mut work = Work::macs(macs)?;
        work.flops = work.flops.saturating_add(product([5, scores])?);
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32, run};
    use crate::{Attr, attrs};

    #[test]
    fn standard_with_grouped_keys_and_a_past() {
        let heads = attrs([("q_num_heads", Attr::Int(8)), ("kv_num_heads", Attr::Int(2))]);
        let (q, kv, past) = (f32(&[1, 4, 64]), f32(&[1, 4, 16]), f32(&[1, 2, 6, 8]));
        let inputs = [Some(&q), Some(&kv), Some(&kv), None, Some(&past), Some(&past)];
        let (facts, work) = call("Attention", heads, &inputs, 3).unwrap();
        assert_eq!((facts[0].clone(), facts[1].clone()), (f32(&[1, 4, 64]), f32(&[1, 2, 10, 8])));
        assert_eq!((work.macs, work.flops), (8 * 4 * 10 * 16, 2 * 5120 + 5 * 320));
    }

    #[test]
    fn projecting_form_counts_its_projection() {
        let heads = attrs([("num_heads", Attr::Int(4))]);
        let inputs = [f32(&[2, 8, 32]), f32(&[32, 96]), f32(&[96])];
        let (facts, work) = run("Attention", heads.clone(), &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.macs), (f32(&[2, 8, 32]), 2 * 8 * 32 * 96 + 2 * 4 * 64 * 16));
        let inputs = [f32(&[2, 8, 32]), f32(&[2, 5, 32]), f32(&[2, 5, 16])];
        assert_eq!(run("MultiHeadAttention", heads, &inputs).unwrap().0[0], f32(&[2, 8, 16]));
    }

    #[test]
    fn refuses_heads_that_do_not_divide() {
        let heads = attrs([("q_num_heads", Attr::Int(3)), ("kv_num_heads", Attr::Int(3))]);
        assert!(run("Attention", heads, &[f32(&[1, 4, 64]), f32(&[1, 4, 64]), f32(&[1, 4, 64])]).is_err());
        assert!(run("Attention", attrs([]), &[f32(&[1, 4, 64]), f32(&[1, 4, 64]), f32(&[1, 4, 64])]).is_err());
    }
}
