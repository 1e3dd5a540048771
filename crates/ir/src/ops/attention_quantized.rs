//! Attention of ONNX Runtime that is another one with its operands elsewhere: quantised, or of one query at a time.

use super::{
    attention::{Heads, count, divide},
    axes::product,
    delegate::Delegate,
};
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct QuantizedAttention;

fn delegate<'a>(call: &Call<'a>) -> Result<Delegate<'a>, OpError> {
    match call.node.op.name() {
        "QAttention" => Delegate::new(call, "Attention", &[0, 1, 2, 5, 8]),
        _ => Delegate::new(call, "MultiHeadAttention", &[0, 1, 2, 10, 3, 4, 5, 6, 7, 9]),
    }
}

/// Three weights of one projection instead of one.
fn ordered(call: &Call<'_>) -> Result<Heads, OpError> {
    let (x, heads) = (call.shape(0)?, count(call, "num_heads")?);
    let &[batch, queries, width] = x else { return Err(format!("input {x:?} is not (batch, length, width)").into()) };
    let columns = |i: usize| match *call.shape(i)? {
        [rows, columns] if rows == width => Ok(columns),
        ref w => Err(OpError::Invalid(format!("input {x:?} does not fit projection {w:?}"))),
    };
    let (q, k, v) = (columns(5)?, columns(6)?, columns(7)?);
    let all = q.checked_add(k).and_then(|n| n.checked_add(v)).ok_or(OpError::Unknown)?;
    let (depth, value_depth) = (divide(q, heads, x)?, divide(v, heads, x)?);
    let projection = product([batch, queries, width, all])?;
    Ok(Heads { batch, heads, key_heads: heads, queries, keys: queries, depth, value_depth, projection })
}

impl Operator for QuantizedAttention {
    fn names(&self) -> &'static [&'static str] {
        &["DecoderMaskedMultiHeadAttention", "QAttention", "QOrderedAttention"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        match call.node.op.name() {
            "QOrderedAttention" => {
                let h = ordered(call)?;
                Ok(vec![Fact::new(call.dtype(0)?, [h.batch, h.queries, product([h.heads, h.value_depth])?])])
            }
            // The result is not quantised again: it has the type of the scales.
            "QAttention" => {
                let dtype = call.dtype(3)?;
                Ok(delegate(call)?.infer()?.into_iter().map(|fact| Fact { dtype, ..fact }).collect())
            }
            _ => delegate(call)?.infer(),
        }
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        use Role::{Bias, Data, Index, Mask, Setting, Shape, State, Weight};
        let roles: &[Role] = match node.op.name() {
            "DecoderMaskedMultiHeadAttention" => {
                &[Data, Data, Data, Mask, Mask, State, State, Shape, Shape, Index, Bias]
            }
            "QAttention" => &[Data, Weight, Bias, Setting, Setting, Mask, Setting, Setting, State],
            _ => &[
                Data, Setting, Setting, Setting, Setting, Weight, Weight, Weight, Setting, Setting, Setting, Bias,
                Bias, Bias, Setting, Setting, Setting, Mask, State, Mask,
            ],
        };
        roles.get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        match call.node.op.name() {
            "QOrderedAttention" => ordered(call)?.work(),
            _ => delegate(call)?.work(call.outputs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32, run};
    use crate::{Attr, DType, Fact, attrs};

    #[test]
    fn quantised_operands_give_floats() {
        let (x, w) = (Fact::new(DType::U8, [2, 8, 32]), Fact::new(DType::I8, [32, 96]));
        let heads = attrs([("num_heads", Attr::Int(4))]);
        let (facts, work) = run("QAttention", heads, &[x, w, f32(&[96]), f32(&[]), f32(&[])]).unwrap();
        assert_eq!((facts[0].clone(), work.macs), (f32(&[2, 8, 32]), 2 * 8 * 32 * 96 + 2 * 4 * 64 * 16));
    }

    #[test]
    fn one_query_and_a_past() {
        let (q, past) = (f32(&[2, 1, 32]), f32(&[2, 4, 6, 8]));
        let heads = attrs([("num_heads", Attr::Int(4))]);
        let inputs = [Some(&q), Some(&q), Some(&q), None, None, Some(&past), Some(&past)];
        let (facts, work) = call("DecoderMaskedMultiHeadAttention", heads, &inputs, 3).unwrap();
        assert_eq!((facts[0].clone(), facts[1].clone()), (q.clone(), f32(&[2, 4, 7, 8])));
        assert_eq!(work.macs, 2 * 4 * 7 * 16);
    }
}
