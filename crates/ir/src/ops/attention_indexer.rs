//! What chooses the keys that a sparse attention may read: for every query the positions of a few. Each query is
//! compared with every key of the cache.

use super::{axes::product, matmul_nbits::positive};
use crate::{Call, Class, DType, Fact, Fusion, Node, OpError, Operator, Role, Value, Work};

pub(super) struct Indexer;

/// The most positions that one query gets.
fn capacity(call: &Call<'_>) -> Result<u64, OpError> {
    match call.text("policy_mode", "qsa") {
        "qsa" => {
            let (budget, ratio) = (positive(call, "token_budget")?, positive(call, "compress_ratio")?);
            budget.checked_add(ratio - 1).ok_or_else(|| format!("a budget of {budget}").into())
        }
        _ => positive(call, "index_topk"),
    }
}

/// A fact of the same shape and type as operand `i`.
fn same(call: &Call<'_>, i: usize) -> Result<Fact, OpError> {
    Ok(Fact::new(call.dtype(i)?, call.shape(i)?))
}

fn packed(call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
    let tokens = call.shape(0)?.first().copied().ok_or(OpError::Unknown)?;
    let int = |shape: &[u64]| Fact::new(DType::I32, shape);
    let gate = if call.optional(14).is_some() { same(call, 14)? } else { Fact::unknown(call.dtype(0)?) };
    let batch = call.shape(15)?.first().copied().unwrap_or(0);
    let width = call.shape(2)?.last().copied().unwrap_or(0);
    let kept = u64::try_from(call.int("state_update_capacity", 0)).unwrap_or(0);
    let update = Fact::new(call.dtype(0)?, [batch, kept, width]);
    let (chosen, counts) = (int(&[tokens, capacity(call)?]), int(&[tokens]));
    let state = [same(call, 12)?, same(call, 13)?, gate, same(call, 15)?, update];
    Ok([vec![chosen, counts.clone()], state.to_vec(), vec![counts, int(&[batch])]].concat())
}

fn dense(call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
    let q = call.shape(0)?;
    let &[batch, length, _] = q else { return Err(format!("query {q:?} is not (batch, length, width)").into()) };
    let chosen = Fact::new(DType::I32, [batch, length, capacity(call)?]);
    let past = call.shape(7)?;
    let grows = call.text("policy_mode", "qsa") == "qsa" && call.optional(12).is_none();
    let present = match *past {
        [batch, past, width] if grows => match past.checked_add(length) {
            Some(keys) => Fact::new(call.dtype(7)?, [batch, keys, width]),
            None => return Err(format!("{length} keys with a past of {past}").into()),
        },
        _ if call.optional(12).is_some() => same(call, 7)?,
        _ => Fact::unknown(call.dtype(7)?),
    };
    Ok(vec![chosen, present, Fact::unknown(call.dtype(0)?)])
}

impl Operator for Indexer {
    fn names(&self) -> &'static [&'static str] {
        &["PackedSparseAttentionIndexer", "PackedSparseAttentionIndexerMerge", "SparseAttentionIndexer"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        match call.node.op.name() {
            "PackedSparseAttentionIndexer" => packed(call),
            "SparseAttentionIndexer" => dense(call),
            _ => {
                let queries = call.shape(2)?.first().copied().unwrap_or(0);
                let count = Fact::new(DType::I32, [queries]);
                let chosen = Fact::new(DType::I32, [queries, positive(call, "max_output_entries")?]);
                Ok(vec![chosen, count.clone(), count])
            }
        }
    }

    fn class(&self, node: &Node) -> Class {
        if node.op.name().ends_with("Merge") { Class::Movement } else { Class::Matrix }
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        use Role::{Bias, Coordinates, Data, Factor, Index, Mask, Scale, Shape, State};
        let roles: &[Role] = match node.op.name() {
            "PackedSparseAttentionIndexer" => &[
                Data,
                Data,
                Scale,
                Scale,
                Data,
                Data,
                Shape,
                Shape,
                Data,
                Bias,
                Factor,
                Coordinates,
                State,
                State,
                State,
                Shape,
                Shape,
                Shape,
                Shape,
                Index,
                Shape,
                Shape,
            ],
            "SparseAttentionIndexer" => {
                &[Data, Data, Scale, Scale, Data, Data, Mask, State, Data, Bias, Factor, Coordinates, Shape, State]
            }
            _ => &[Index, Shape, Index, Shape, Shape, Index, Shape],
        };
        roles.get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let keys = match call.node.op.name() {
            "PackedSparseAttentionIndexer" => call.shape(12)?.get(1).copied(),
            "SparseAttentionIndexer" => {
                let known = call.optional(12).and_then(|f| f.value.as_ref()).and_then(Value::ints);
                let known = known.and_then(|v| u64::try_from(*v.first()?).ok());
                known.or(call.shape(7)?.get(1).copied()).and_then(|n| n.checked_add(*call.shape(0).ok()?.get(1)?))
            }
            _ => return Ok(Work::MOVE),
        };
        Work::macs(Some(product(call.shape(0)?.iter().copied().chain([keys.ok_or(OpError::Unknown)?]))?))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn positions_for_every_query() {
        let (q, k, w, past) = (f32(&[2, 3, 64]), f32(&[2, 3, 16]), f32(&[16]), f32(&[2, 5, 16]));
        let (table, mask) = (f32(&[99, 8]), Fact::new(DType::I64, [2, 8]));
        let inputs = [&q, &k, &w, &w, &table, &table, &mask, &past].map(Some);
        let policy = attrs([("token_budget", Attr::Int(64)), ("compress_ratio", Attr::Int(4))]);
        let (facts, work) = call("SparseAttentionIndexer", policy, &inputs, 2).unwrap();
        assert_eq!(facts[..2], [Fact::new(DType::I32, [2, 3, 67]), f32(&[2, 8, 16])]);
        assert_eq!(work.macs, 2 * 3 * 64 * 8);
    }
}
