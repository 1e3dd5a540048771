//! Softmax along an axis: maximum, subtraction, exponential, sum and division make 5 operations per element. The result
//! has the type of the operand unless `dtype` (TFLite's) says otherwise.

use super::axes::{axis, dtype, product};
use crate::{Call, Class, Fact, Node, OpError, Operator, Saved, Work};

pub(super) struct Softmax;

impl Operator for Softmax {
    fn names(&self) -> &'static [&'static str] {
        &["LogSoftmax", "Softmax"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        axis(call.int("axis", -1), x)?;
        Ok(vec![Fact::new(dtype(call, "dtype")?.unwrap_or(call.dtype(0)?), x)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Normalization
    }

    fn saves(&self, _: &Node) -> Saved {
        Saved::Results
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        product([5, call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::{Attr, attrs};

    #[test]
    fn five_operations_per_element() {
        assert_eq!(run("Softmax", attrs([]), &[f32(&[2, 10])]).unwrap().1.flops, 100);
        assert!(run("Softmax", attrs([("axis", Attr::Int(2))]), &[f32(&[2, 10])]).is_err());
    }
}
