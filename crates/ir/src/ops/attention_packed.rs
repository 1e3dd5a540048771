//! Attention over sequences without padding, one after the other along the first axis: (tokens, width) → (tokens,
//! width). How long each sequence is depends on data; every token is taken to see the longest (where the offsets of the
//! padded form say it), or an equal share of the tokens.

use super::{
    attention::{Heads, count, divide},
    axes::product,
};
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct PackedAttention;

/// Extents of the second axis of (batch, length).
fn length(call: &Call<'_>, i: usize) -> Result<u64, OpError> {
    match *call.shape(i)? {
        [_, length] => Ok(length),
        ref offsets => Err(format!("offsets {offsets:?} are not (batch, length)").into()),
    }
}

fn heads(call: &Call<'_>) -> Result<Heads, OpError> {
    let (x, heads) = (call.shape(0)?, count(call, "num_heads")?);
    let tokens = x.first().copied().ok_or(OpError::Unknown)?;
    let matrix = |i: usize| match *call.shape(i)? {
        [rows, columns] => Ok((rows, columns)),
        ref shape => Err(OpError::Invalid(format!("operand {i} of shape {shape:?} is no matrix"))),
    };
    let of = |key_heads, keys, depth, value_depth, projection| Heads {
        batch: 1,
        heads,
        key_heads,
        queries: tokens,
        keys,
        depth,
        value_depth,
        projection,
    };
    match call.node.op.name() {
        "PackedAttention" => {
            let ((_, width), (rows, columns)) = (matrix(0)?, matrix(1)?);
            if width != rows {
                return Err(format!("input {x:?} does not fit projection {:?}", call.shape(1)?).into());
            }
            let values = match call.list("qkv_hidden_sizes") {
                Some(&[_, _, v]) => u64::try_from(v).ok().filter(|&v| v <= columns).ok_or(OpError::Unknown)?,
                _ => columns / 3,
            };
            let (depth, value_depth) = (divide((columns - values) / 2, heads, x)?, divide(values, heads, x)?);
            Ok(of(heads, length(call, 3)?, depth, value_depth, product([tokens, rows, columns])?))
        }
        "PackedMultiHeadAttention" => {
            let (depth, value_depth) = match *x {
                [_, _, 3, depth] => (depth, depth),
                _ => (divide(matrix(0)?.1, heads, x)?, divide(matrix(2)?.1, heads, x)?),
            };
            Ok(of(heads, length(call, 4)?, depth, value_depth, 0))
        }
        op => {
            let key_heads = count(call, "kv_num_heads")?;
            let packed = call.optional(1).is_none();
            let all = if packed { key_heads.checked_mul(2).and_then(|n| n.checked_add(heads)) } else { Some(heads) };
            let depth = divide(matrix(0)?.1, all.ok_or(OpError::Unknown)?, x)?;
            let value_depth = u64::try_from(call.int("v_head_size", 0)).ok().filter(|&n| n > 0).unwrap_or(depth);
            let keys = match op {
                "SparsePagedAttention" => length(call, 9)?,
                _ => {
                    let sequences = call.shape(6)?.first().copied().unwrap_or(1).max(1);
                    tokens.div_ceil(sequences)
                }
            };
            Ok(of(key_heads, keys, depth, value_depth, 0))
        }
    }
}

impl Operator for PackedAttention {
    fn names(&self) -> &'static [&'static str] {
        &["PackedAttention", "PackedMultiHeadAttention", "PagedAttention", "SparsePagedAttention"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    /// Result, then the paged caches, which are written in place.
    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let h = heads(call)?;
        let mut facts = vec![Fact::new(call.dtype(0)?, [h.queries, product([h.heads, h.value_depth])?])];
        if call.node.op.name().ends_with("PagedAttention") {
            let caches = [3, 4].into_iter().filter_map(|i| call.optional(i));
            facts.extend(caches.map(|f| Fact { value: None, constant: false, ..f.clone() }));
        }
        Ok(facts)
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        use Role::{Bias, Data, Index, Mask, Scale, Setting, Shape, State, Weight};
        let roles: &[Role] = match node.op.name() {
            "PackedAttention" => &[Data, Weight, Bias, Index, Shape, Mask],
            "PackedMultiHeadAttention" => &[Data, Data, Data, Bias, Index, Shape, Mask],
            "PagedAttention" => &[
                Data, Data, Data, State, State, Shape, Shape, Index, Data, Data, Index, Bias, Scale, Scale, Setting,
                Setting, Shape,
            ],
            _ => &[
                Data, Data, Data, State, State, Shape, Shape, Index, Index, Index, Shape, Data, Data, Shape, Data,
                Data, Bias, Scale, Scale, Setting, Setting, Shape,
            ],
        };
        roles.get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        heads(call)?.work()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32, run};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn tokens_without_padding() {
        let (offsets, sums) = (Fact::new(DType::I32, [3, 10]), Fact::new(DType::I32, [4]));
        let heads = attrs([("num_heads", Attr::Int(4))]);
        let inputs = [f32(&[21, 32]), f32(&[32, 96]), f32(&[96]), offsets.clone(), sums.clone()];
        let (facts, work) = run("PackedAttention", heads.clone(), &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.macs), (f32(&[21, 32]), 21 * 32 * 96 + 4 * 21 * 10 * 16));
        let packed = f32(&[21, 4, 3, 8]);
        let inputs = [Some(&packed), None, None, None, Some(&offsets), Some(&sums)];
        assert_eq!(call("PackedMultiHeadAttention", heads, &inputs, 1).unwrap().0[0], f32(&[21, 32]));
    }

    #[test]
    fn paged_caches_stay() {
        let heads = attrs([("num_heads", Attr::Int(4)), ("kv_num_heads", Attr::Int(2))]);
        let (q, kv, cache, past) = (f32(&[21, 32]), f32(&[21, 16]), f32(&[9, 16, 2, 8]), Fact::new(DType::I32, [3]));
        let inputs =
            [Some(&q), Some(&kv), Some(&kv), Some(&cache), Some(&cache), Some(&past), Some(&past), Some(&past)];
        let (facts, work) = call("PagedAttention", heads, &inputs, 3).unwrap();
        assert_eq!((facts[0].clone(), facts[1].clone(), work.macs), (q.clone(), cache.clone(), 4 * 21 * 7 * 16));
    }
}
