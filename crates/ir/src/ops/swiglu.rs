//! SwiGLU: one tensor through Swish, times another of the same shape: 2 operations per element.

use super::axes::product;
use crate::{Call, Fact, Node, OpError, Operator, Role, Work};

pub(super) struct SwiGlu;

impl Operator for SwiGlu {
    fn names(&self) -> &'static [&'static str] {
        &["SwiGLU"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (gate, linear) = (call.shape(0)?, call.shape(1)?);
        if gate != linear {
            return Err(format!("gate {gate:?} and linear part {linear:?} differ").into());
        }
        Ok(vec![Fact::new(call.dtype(0)?, gate)])
    }

    fn activates(&self, _: &Node) -> bool {
        true
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        (i < 2).then_some(Role::Data)
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        product([2, call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::attrs;

    #[test]
    fn two_operations_per_element() {
        let (facts, work) = run("SwiGLU", attrs([]), &[f32(&[2, 3]), f32(&[2, 3])]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[2, 3]), 12));
        assert!(run("SwiGLU", attrs([]), &[f32(&[2, 3]), f32(&[3])]).is_err());
    }
}
