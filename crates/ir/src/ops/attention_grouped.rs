//! ONNX Runtime's attention of language models: groups of query heads share a head of keys and values, which a cache
//! holds: Q (batch, length, width) and, apart or packed behind it, K and V; caches (batch, heads, length, depth).
//!
//! Arithmetic as in `Attention`, over all keys of the cache, or over those selected.

use super::attention::{Heads, count, divide};
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Shape, Value, Work};

pub(super) struct GroupedAttention;

struct Grouped {
    heads: Heads,
    /// Length of the caches that result.
    cache: u64,
}

/// A single number that is known.
fn number(call: &Call<'_>, i: usize) -> Option<u64> {
    match call.optional(i)?.value.as_ref().and_then(Value::ints)? {
        &[n] => u64::try_from(n).ok(),
        _ => None,
    }
}

fn grouped(call: &Call<'_>) -> Result<Grouped, OpError> {
    let (heads, key_heads) = (count(call, "num_heads")?, count(call, "kv_num_heads")?);
    let q = call.shape(0)?;
    let &[batch, queries, width] = q else { return Err(format!("query {q:?} is not (batch, length, width)").into()) };
    let packed = call.optional(1).is_none();
    let all = if packed { key_heads.checked_mul(2).and_then(|n| n.checked_add(heads)) } else { Some(heads) };
    let depth = divide(width, all.ok_or(OpError::Unknown)?, q)?;
    let added = match packed {
        true => queries,
        false => match *call.shape(1)? {
            [_, length, key_width] if key_heads.checked_mul(depth) == Some(key_width) => length,
            // Keys of a cross attention lie as in a cache.
            [_, _, length, _] => length,
            ref k => return Err(format!("key {k:?} does not fit query {q:?}").into()),
        },
    };
    let past = match call.optional(3) {
        Some(_) => match *call.shape(3)? {
            [_, _, length, _] => Some(length),
            ref past => return Err(format!("past {past:?} is not (batch, heads, length, depth)").into()),
        },
        None => None,
    };
    let total = |i| number(call, i);
    let (cache, keys) = match call.node.op.name() {
        // The cache grows, unless the length that is wanted says that it has room.
        "GroupQueryAttention" => match (past, total(6)) {
            (past, Some(total)) => (total.max(past.unwrap_or(0)), total),
            (past, None) => {
                let grown =
                    added.checked_add(past.unwrap_or(0)).ok_or_else(|| format!("{added} keys after {past:?}"))?;
                (grown, grown)
            }
        },
        "SparseAttention" => {
            let room = past.unwrap_or(added);
            (room, total(7).unwrap_or(room))
        }
        _ => {
            let selected = call.shape(7)?.last().copied().unwrap_or(0);
            let window = u64::try_from(call.int("local_window_size", 0)).unwrap_or(0);
            (past.unwrap_or(added), selected.saturating_add(window))
        }
    };
    let heads = Heads { batch, heads, key_heads, queries, keys, depth, value_depth: depth, projection: 0 };
    Ok(Grouped { heads, cache })
}

impl Operator for GroupedAttention {
    fn names(&self) -> &'static [&'static str] {
        &["DynamicSparseAttention", "GroupQueryAttention", "SparseAttention"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    /// Result, keys and values of the cache, then the scores or a status.
    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let Grouped { heads: h, cache } = grouped(call)?;
        let dtype = call.dtype(0)?;
        let width = h.heads.checked_mul(h.depth).ok_or(OpError::Unknown)?;
        let shape: Shape = vec![h.batch, h.queries, width];
        // Quantised caches have another type, and may hold two numbers in a byte.
        let present = |i: usize| match call.optional(i) {
            Some(Fact { dtype, shape: Some(past), .. }) if past.len() == 4 => {
                Fact::new(*dtype, [past[0], past[1], cache, past[3]])
            }
            _ => Fact::new(dtype, [h.batch, h.key_heads, cache, h.depth]),
        };
        let scores = Fact::new(dtype, [h.batch, h.heads, h.queries, h.keys]);
        Ok(vec![Fact::new(dtype, shape), present(3), present(4), scores])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    /// Libraries run it as one kernel of their own.
    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        use Role::{Bias, Coordinates, Data, Index, Mask, Scale, Setting, Shape};
        let rest: &[Role] = match node.op.name() {
            "DynamicSparseAttention" => &[
                Data,
                Data,
                Index,
                Shape,
                Shape,
                Shape,
                Data,
                Data,
                Coordinates,
                Scale,
                Scale,
                Bias,
                Shape,
                Setting,
                Setting,
            ],
            "GroupQueryAttention" => {
                &[Shape, Shape, Data, Data, Coordinates, Mask, Bias, Setting, Setting, Scale, Scale, Shape]
            }
            _ => &[Index, Index, Shape, Shape, Data, Data],
        };
        [&[Data, Data, Data, Role::State, Role::State], rest].concat().get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        grouped(call)?.heads.work()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32, int};
    use crate::{Attr, Attrs, DType, Fact, attrs};

    fn heads() -> Attrs {
        attrs([("num_heads", Attr::Int(8)), ("kv_num_heads", Attr::Int(2))])
    }

    #[test]
    fn the_cache_grows_unless_it_has_room() {
        let (q, kv, past) = (f32(&[1, 16, 512]), f32(&[1, 16, 128]), f32(&[1, 2, 32, 64]));
        let (lengths, unknown) = (Fact::new(DType::I32, [1]), Fact::new(DType::I32, []));
        let run = |total: &Fact| {
            let inputs = [Some(&q), Some(&kv), Some(&kv), Some(&past), Some(&past), Some(&lengths), Some(total)];
            call("GroupQueryAttention", heads(), &inputs, 3).unwrap()
        };
        let (facts, work) = run(&unknown);
        assert_eq!(facts[..3], [f32(&[1, 16, 512]), f32(&[1, 2, 48, 64]), f32(&[1, 2, 48, 64])]);
        assert_eq!(work.macs, 8 * 16 * 48 * 128);
        let (facts, work) = run(&int(20));
        assert_eq!((facts[1].clone(), work.macs), (f32(&[1, 2, 32, 64]), 8 * 16 * 20 * 128));
    }

    #[test]
    fn packed_queries_hold_keys_and_values() {
        let (q, lengths) = (f32(&[1, 16, 768]), Fact::new(DType::I32, [1]));
        let inputs = [Some(&q), None, None, None, None, Some(&lengths), Some(&lengths)];
        let (facts, _) = call("GroupQueryAttention", heads(), &inputs, 3).unwrap();
        assert_eq!(facts[..2], [f32(&[1, 16, 512]), f32(&[1, 2, 16, 64])]);
        let odd = f32(&[1, 16, 770]);
        assert!(call("GroupQueryAttention", heads(), &[Some(&odd)], 1).is_err());
    }
}
