//! Softmax of a sum with a mask or bias that broadcasts: 6 operations per element.

use super::axes::{axis, product};
use crate::{Call, Class, Fact, Node, OpError, Operator, Role, Saved, Work};

pub(super) struct BiasSoftmax;

impl Operator for BiasSoftmax {
    fn names(&self) -> &'static [&'static str] {
        &["BiasSoftmax"]
    }

    fn domain(&self, _: &Node) -> &'static str {
        "com.microsoft"
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        axis(call.int("axis", 1), x)?;
        Ok(vec![Fact::new(call.dtype(0)?, x)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Normalization
    }

    fn saves(&self, _: &Node) -> Saved {
        Saved::Results
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Mask].get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        product([6, call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, attrs};

    #[test]
    fn a_sum_and_five_more_per_element() {
        let inputs = [f32(&[2, 4, 5, 5]), f32(&[2, 1, 1, 5])];
        assert_eq!(run("BiasSoftmax", attrs([("axis", Attr::Int(3))]), &inputs).unwrap().1.flops, 1200);
        assert!(run("BiasSoftmax", attrs([("axis", Attr::Int(4))]), &inputs).is_err());
    }
}
