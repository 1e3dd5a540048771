//! Dropout after a bias and before a residual, as one; the mask may hold 32 truth values in an integer.

use super::axes::product;
use crate::{Call, Class, DType, Fact, Node, OpError, Operator, Role, Work, elements};

pub(super) struct BiasDropout;

fn biased(node: &Node) -> bool {
    node.op.name() != "BitmaskDropout"
}

impl Operator for BiasDropout {
    fn names(&self) -> &'static [&'static str] {
        &["BiasDropout", "BitmaskBiasDropout", "BitmaskDropout"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let mask = match call.node.op.name() {
            "BiasDropout" => Fact::new(DType::Bool, x),
            _ => Fact::new(DType::U32, [elements(x).ok_or(OpError::Unknown)?.div_ceil(32)]),
        };
        Ok(vec![Fact::new(call.dtype(0)?, x), mask])
    }

    /// Without a bias nothing is left to do at inference.
    fn class(&self, node: &Node) -> Class {
        if biased(node) { Class::Elementwise } else { Class::Movement }
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        use Role::{Bias, Data, Setting};
        let roles: &[Role] = match biased(node) {
            true => &[Data, Bias, Data, Setting, Setting],
            false => &[Data, Setting, Setting],
        };
        roles.get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        if !biased(call.node) {
            return Ok(Work::VIEW);
        }
        let sums = 1 + u64::from(call.optional(2).is_some());
        product([sums, call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{DType, Fact, Work, attrs};

    #[test]
    fn masks_of_bits() {
        let inputs = [f32(&[3, 40]), f32(&[40]), f32(&[3, 40])];
        let (facts, work) = run("BitmaskBiasDropout", attrs([]), &inputs).unwrap();
        assert_eq!((facts[1].clone(), work.flops), (Fact::new(DType::U32, [4]), 240));
        assert_eq!(run("BitmaskDropout", attrs([]), &inputs[..1]).unwrap().1, Work::VIEW);
    }
}
