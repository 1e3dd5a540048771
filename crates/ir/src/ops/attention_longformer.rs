//! Longformer's attention: every token sees a window to each side. Tokens that see all others depend on data and are
//! not counted, but for the second projection that they need.

use super::{
    attention::{Heads, count, divide},
    axes::product,
};
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Longformer;

fn heads(call: &Call<'_>) -> Result<Heads, OpError> {
    let (x, heads) = (call.shape(0)?, count(call, "num_heads")?);
    let &[batch, queries, width] = x else { return Err(format!("input {x:?} is not (batch, length, width)").into()) };
    let window = count(call, "window")?;
    let keys = window.saturating_mul(2).saturating_add(1).min(queries);
    // Queries, keys and values, twice.
    let (depth, projection) = (divide(width, heads, x)?, product([6, batch, queries, width, width])?);
    Ok(Heads { batch, heads, key_heads: heads, queries, keys, depth, value_depth: depth, projection })
}

impl Operator for Longformer {
    fn names(&self) -> &'static [&'static str] {
        &["LongformerAttention", "QOrderedLongformerAttention"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        Ok(vec![Fact::new(call.dtype(0)?, call.shape(0)?)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Matrix
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        use Role::{Bias, Data, Mask, Setting, Weight};
        let roles: &[Role] = match node.op.name() {
            "LongformerAttention" => &[Data, Weight, Bias, Mask, Weight, Bias, Mask],
            _ => &[
                Data, Setting, Weight, Setting, Bias, Setting, Setting, Mask, Weight, Setting, Bias, Setting, Mask,
                Setting,
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
    use super::super::testing::{f32, run};
    use crate::{Attr, attrs};

    #[test]
    fn a_window_to_each_side() {
        let window = attrs([("num_heads", Attr::Int(4)), ("window", Attr::Int(8))]);
        let inputs = [f32(&[2, 64, 32]), f32(&[32, 96]), f32(&[96])];
        let (facts, work) = run("LongformerAttention", window, &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.macs), (f32(&[2, 64, 32]), 6 * 128 * 1024 + 2 * 4 * 64 * 17 * 16));
    }
}
