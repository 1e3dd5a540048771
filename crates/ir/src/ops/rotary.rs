//! Rotary position embedding: two products and an addition per element.

use super::axes::product;
use crate::{Call, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Rotary;

impl Operator for Rotary {
    fn names(&self) -> &'static [&'static str] {
        &["MRotaryEmbedding", "RotaryEmbedding"]
    }

    fn domain(&self, node: &Node) -> &'static str {
        if node.op.name() == "RotaryEmbedding" { "" } else { "com.microsoft" }
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        if !matches!(x.len(), 3 | 4) {
            return Err(format!("{x:?} is neither (batch, length, width) nor (batch, heads, length, depth)").into());
        }
        Ok(vec![Fact::new(call.dtype(0)?, x)])
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        (i < 4).then_some(Role::Data)
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        product([3, call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::attrs;

    #[test]
    fn keeps_the_shape() {
        let (facts, work) = run("RotaryEmbedding", attrs([]), &[f32(&[1, 2, 3, 4]), f32(&[9, 2])]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[1, 2, 3, 4]), 72));
        assert!(run("RotaryEmbedding", attrs([]), &[f32(&[4])]).is_err());
    }
}
