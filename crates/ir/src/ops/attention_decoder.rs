//! Attention of ONNX Runtime's `DecoderAttention`, length first: (length, batch, width), with the projections inside;
//! truth values among the operands say whether keys are cached.

use super::{
    attention::{Heads, count, divide},
    axes::product,
};
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Value, Work};

pub(super) struct DecoderAttention;

fn flag(call: &Call<'_>, i: usize) -> Result<bool, OpError> {
    let value = call.input(i)?.value.as_ref().and_then(Value::ints).ok_or(OpError::Unknown)?;
    Ok(value.first().is_some_and(|&n| n != 0))
}

fn heads(call: &Call<'_>) -> Result<Heads, OpError> {
    let (q, k, heads) = (call.shape(0)?, call.shape(1)?, count(call, "num_heads")?);
    let (&[queries, batch, width], &[given, ..]) = (q, k) else {
        return Err(format!("query {q:?} and key {k:?} are not (length, batch, width)").into());
    };
    let (cross, cached) = (flag(call, 8)?, flag(call, 9)?);
    let past = match (cached, call.optional(6)) {
        (true, Some(_)) => call.shape(6)?.get(2).copied().ok_or(OpError::Unknown)?,
        _ => 0,
    };
    // Keys of a cross attention are projected once and then taken from the cache.
    let added = match (cross, cached) {
        (true, true) => 0,
        (true, false) => given,
        (false, _) => queries,
    };
    let keys = added.checked_add(past).ok_or_else(|| format!("{added} keys with a past of {past}"))?;
    let projected = added.checked_mul(2).and_then(|n| n.checked_add(queries)).ok_or(OpError::Unknown)?;
    let (depth, projection) = (divide(width, heads, q)?, product([projected, batch, width, width])?);
    Ok(Heads { batch, heads, key_heads: heads, queries, keys, depth, value_depth: depth, projection })
}

impl Operator for DecoderAttention {
    fn names(&self) -> &'static [&'static str] {
        &["DecoderAttention"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let dtype = call.dtype(0)?;
        let result = Fact::new(dtype, call.shape(0)?);
        let Ok(h) = heads(call) else { return Ok(vec![result, Fact::unknown(dtype), Fact::unknown(dtype)]) };
        let cache = Fact::new(dtype, [h.batch, h.heads, h.keys, h.depth]);
        Ok(vec![result, cache.clone(), cache])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        use Role::{Bias, Data, Mask, Setting, State, Weight};
        [Data, Data, Weight, Weight, Bias, Mask, State, State, Setting, Setting, Setting, Setting].get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        heads(call)?.work()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32, int};
    use crate::{Attr, attrs};

    #[test]
    fn flags_say_what_is_cached() {
        let (q, k, cache) = (f32(&[3, 2, 32]), f32(&[9, 2, 32]), f32(&[2, 4, 6, 8]));
        let (wq, wk, bias, yes, no) = (f32(&[32, 32]), f32(&[32, 64]), f32(&[96]), int(1), int(0));
        let run = |cross, cached| {
            let caches = [Some(&cache); 2];
            let start = [Some(&q), Some(&k), Some(&wq), Some(&wk), Some(&bias), None, caches[0], caches[1]];
            let inputs = [&start[..], &[Some(cross), Some(cached), Some(&no), Some(&no)]].concat();
            let (facts, work) = call("DecoderAttention", attrs([("num_heads", Attr::Int(4))]), &inputs, 3).unwrap();
            assert_eq!(facts[0], q);
            (facts[1].shape.clone().unwrap()[2], work.macs)
        };
        assert_eq!(run(&no, &yes), (9, 9 * 2 * 32 * 32 + 2 * 4 * 3 * 9 * 16));
        assert_eq!(run(&yes, &yes), (6, 3 * 2 * 32 * 32 + 2 * 4 * 3 * 6 * 16));
        assert_eq!(run(&yes, &no), (9, 21 * 2 * 32 * 32 + 2 * 4 * 3 * 9 * 16));
    }
}
