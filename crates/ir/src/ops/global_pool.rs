//! Pooling over all spatial axes: (N, C, …) → (N, C, 1, …).

use super::axes::product;
use crate::{Call, Class, Fact, Fusion, Fvcore, Node, OpError, Operator, Work};

pub(super) struct GlobalPool;

impl Operator for GlobalPool {
    fn names(&self) -> &'static [&'static str] {
        &["GlobalAveragePool", "GlobalLpPool", "GlobalMaxPool"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let &[n, c, ref spatial @ ..] = x else { return Err(format!("{x:?} has no channels").into()) };
        let mut shape = vec![n, c];
        shape.resize(2 + spatial.len(), 1);
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Reduction
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Anchor
    }

    fn fvcore(&self, call: &Call<'_>) -> Result<Fvcore, OpError> {
        Fvcore::per_element(u64::from(call.node.op.name() == "GlobalAveragePool"), call.shape(0)?)
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        product(call.shape(0)?.iter().copied()).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::attrs;

    #[test]
    fn one_operation_per_operand_element() {
        let (facts, work) = run("GlobalAveragePool", attrs([]), &[f32(&[2, 8, 7, 7])]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[2, 8, 1, 1]), 784));
        assert!(run("GlobalMaxPool", attrs([]), &[f32(&[2])]).is_err());
    }
}
