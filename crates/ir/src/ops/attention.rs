//! Scaled dot-product attention: ONNX's `Attention` (operator set 23), and ONNX Runtime's `Attention`
//! and `DecoderMaskedSelfAttention` (with the input projection inside; the former told by its attribute
//! `num_heads`) and `MultiHeadAttention`.
//!
//! Arithmetic: the products Q·Kᵀ and P·V over all heads, 5 operations per score for the softmax, and the projection.

use super::axes::product;
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Shape, Work};

pub(super) struct Attention;

/// Extents of one call, with the past in `keys`.
#[derive(Clone, Copy)]
pub(super) struct Heads {
    pub batch: u64,
    pub heads: u64,
    pub key_heads: u64,
    pub queries: u64,
    pub keys: u64,
    /// Per head: of queries and keys, and of values.
    pub depth: u64,
    pub value_depth: u64,
    /// Products of the projection inside the operator.
    pub projection: u64,
}

const MULTI_HEAD: [Role; 10] = [
    Role::Data,
    Role::Data,
    Role::Data,
    Role::Bias,
    Role::Mask,
    Role::Mask,
    Role::State,
    Role::State,
    Role::Shape,
    Role::Index,
];
const PROJECTING: [Role; 9] =
    [Role::Data, Role::Weight, Role::Bias, Role::Mask, Role::State, Role::Mask, Role::Shape, Role::Shape, Role::Index];

pub(super) fn count(call: &Call<'_>, name: &str) -> Result<u64, OpError> {
    let n = call.int(name, 0);
    u64::try_from(n).ok().filter(|&n| n > 0).ok_or_else(|| OpError::Invalid(format!("{name} {n} is not positive")))
}

pub(super) fn divide(n: u64, heads: u64, shape: &[u64]) -> Result<u64, OpError> {
    if !n.is_multiple_of(heads) {
        return Err(format!("{heads} heads do not divide {n} of {shape:?}").into());
    }
    Ok(n / heads)
}

/// True for ONNX Runtime's form with the projection inside.
fn projects(node: &Node) -> bool {
    let name = node.op.name();
    name == "DecoderMaskedSelfAttention" || name == "Attention" && node.attrs.contains_key("num_heads")
}

/// Length of the cache of earlier keys in operand `i`, along `axis`.
fn past(call: &Call<'_>, i: usize, axis: usize) -> Result<u64, OpError> {
    let Some(fact) = call.optional(i) else { return Ok(0) };
    let shape = fact.shape.as_deref().ok_or(OpError::Unknown)?;
    shape.get(axis).copied().ok_or_else(|| OpError::Invalid(format!("past {shape:?} has no axis {axis}")))
}

/// Length of keys after those of this call are added, in operand `i` along `axis`. A buffer that past and present share
/// has room for them already.
fn extended(call: &Call<'_>, added: u64, i: usize, axis: usize, shared: bool) -> Result<u64, OpError> {
    let past = past(call, i, axis)?;
    match shared {
        true if past > 0 => Ok(past),
        _ => added.checked_add(past).ok_or_else(|| format!("{added} keys with a past of {past}").into()),
    }
}

impl Heads {
    /// Products over all heads, 5 operations per score, and the projection.
    pub fn work(&self) -> Result<Work, OpError> {
        let scores = product([self.batch, self.heads, self.queries, self.keys])?;
        let depth = self.depth.saturating_add(self.value_depth);
        let mut work = Work::macs(scores.checked_mul(depth).and_then(|n| n.checked_add(self.projection)))?;
        work.flops = work.flops.saturating_add(product([5, scores])?);
        Ok(work)
    }

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
        let keys = extended(call, queries, 4, 3, call.int("past_present_share_buffer", 0) != 0)?;
        let (depth, value_depth) = (divide(hidden, heads, w)?, divide(value_hidden, heads, w)?);
        let projection = product([batch, queries, width, columns])?;
        Ok(Self { batch, heads, key_heads: heads, queries, keys, depth, value_depth, projection })
    }

    /// Q, K and V apart, of rank 3, or K and V as a cache of rank 4; or packed: all three in (batch, length, heads, 3,
    /// depth), or side by side along the last axis, or K and V in (batch, length, heads, 2, depth).
    fn multi_head(call: &Call<'_>) -> Result<Self, OpError> {
        let (q, heads) = (call.shape(0)?, count(call, "num_heads")?);
        let refuse = |k: &[u64], v: &[u64]| OpError::Invalid(format!("query {q:?}, key {k:?}, value {v:?} do not fit"));
        let known = |i| call.optional(i).map(|_| call.shape(i)).transpose();
        let (k, v) = (known(1)?, known(2)?);
        let (batch, queries, width, lengths) = match (q, k, v) {
            (&[batch, length, _, 3, depth], None, None) => (batch, length, product([heads, depth])?, [length, depth]),
            (&[batch, length, width], None, None) => (batch, length, width / 3, [length, divide(width / 3, heads, q)?]),
            (&[batch, length, width], Some(&[_, keys, _, 2, depth]), None) => (batch, length, width, [keys, depth]),
            (&[batch, length, width], Some(k @ &[key_batch, keys, key_width]), Some(v)) => {
                let &[value_batch, values, value_width] = v else { return Err(refuse(k, v)) };
                if (batch, batch, keys, width) != (key_batch, value_batch, values, key_width) {
                    return Err(refuse(k, v));
                }
                (batch, length, width, [keys, divide(value_width, heads, v)?])
            }
            (&[batch, length, width], Some(&[_, _, _, _]), Some(&[_, _, keys, depth])) => {
                (batch, length, width, [keys, depth])
            }
            _ => return Err(refuse(k.unwrap_or_default(), v.unwrap_or_default())),
        };
        let keys = match k {
            Some([_, _, _, _]) => lengths[0],
            _ => extended(call, lengths[0], 6, 2, call.optional(8).is_some())?,
        };
        let depth = divide(width, heads, q)?;
        Ok(Self { batch, heads, key_heads: heads, queries, keys, depth, value_depth: lengths[1], projection: 0 })
    }
}

impl Operator for Attention {
    fn names(&self) -> &'static [&'static str] {
        &["Attention", "DecoderMaskedSelfAttention", "MultiHeadAttention"]
    }

    fn domain(&self, node: &Node) -> &'static str {
        match node.op.name() {
            "MultiHeadAttention" => "com.microsoft",
            _ if projects(node) => "com.microsoft",
            _ => "",
        }
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
            "MultiHeadAttention" => &MULTI_HEAD,
            _ if projects(node) => &PROJECTING,
            _ => &[Role::Data, Role::Data, Role::Data, Role::Mask, Role::State, Role::State, Role::Shape],
        };
        roles.get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        Heads::new(call)?.work()
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
    fn packed_and_cached_operands() {
        let heads = attrs([("num_heads", Attr::Int(4))]);
        let shape = |inputs: &[Option<&crate::Fact>]| {
            let (facts, work) = call("MultiHeadAttention", heads.clone(), inputs, 1).unwrap();
            (facts[0].clone(), facts[1].clone(), work.macs)
        };
        let (q, qkv, kv, cache) = (f32(&[2, 5, 32]), f32(&[2, 5, 4, 3, 8]), f32(&[2, 9, 4, 2, 8]), f32(&[2, 4, 9, 8]));
        let result = f32(&[2, 5, 32]);
        assert_eq!(shape(&[Some(&qkv)]), (result.clone(), f32(&[2, 4, 5, 8]), 2 * 4 * 25 * 16));
        assert_eq!(shape(&[Some(&q), Some(&kv)]), (result.clone(), cache.clone(), 2 * 4 * 45 * 16));
        assert_eq!(shape(&[Some(&q), Some(&cache), Some(&cache)]), (result, cache, 2 * 4 * 45 * 16));
    }

    #[test]
    fn refuses_heads_that_do_not_divide() {
        let heads = attrs([("q_num_heads", Attr::Int(3)), ("kv_num_heads", Attr::Int(3))]);
        assert!(run("Attention", heads, &[f32(&[1, 4, 64]), f32(&[1, 4, 64]), f32(&[1, 4, 64])]).is_err());
        assert!(run("Attention", attrs([]), &[f32(&[1, 4, 64]), f32(&[1, 4, 64]), f32(&[1, 4, 64])]).is_err());
    }
}
