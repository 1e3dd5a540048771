//! Causal depthwise convolution with the last inputs as state: (N, C, L) with weight (C, 1, k) → (N, C, L) and the new
//! state (N, C, k − 1). One more operation per result with a bias, and with an activation.

use super::axes::product;
use crate::{Call, Class, Fact, Node, OpError, Operator, Role, Work};

pub(super) struct CausalConv;

impl Operator for CausalConv {
    fn names(&self) -> &'static [&'static str] {
        &["CausalConvWithState"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, w, dtype) = (call.shape(0)?, call.shape(1)?, call.dtype(0)?);
        let past = call.optional(3).and_then(|f| f.shape.as_deref());
        let refuse = || OpError::Invalid(format!("input {x:?} does not fit weight {w:?} and state {past:?}"));
        let (&[batch, channels, _], &[rows, 1, kernel]) = (x, w) else { return Err(refuse()) };
        let state = [batch, channels, kernel.checked_sub(1).ok_or_else(refuse)?];
        if rows != channels || past.is_some_and(|past| past != state) {
            return Err(refuse());
        }
        Ok(vec![Fact::new(dtype, x), Fact::new(dtype, state)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::GroupedConvolution
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Weight, Role::Bias, Role::State].get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let outputs = call.output_elements(0)?;
        let kernel = call.shape(1)?.last().copied().unwrap_or(1);
        let mut work = Work::macs(outputs.checked_mul(kernel))?;
        let further = u64::from(call.optional(2).is_some()) + u64::from(call.text("activation", "none") != "none");
        work.flops = work.flops.saturating_add(product([further, outputs])?);
        Ok(work)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{call, f32};
    use crate::attrs;

    #[test]
    fn the_state_is_one_shorter_than_the_window() {
        let (x, w, bias, past) = (f32(&[2, 8, 5]), f32(&[8, 1, 4]), f32(&[8]), f32(&[2, 8, 3]));
        let silu = attrs([("activation", "silu".into())]);
        let inputs = [Some(&x), Some(&w), Some(&bias), Some(&past)];
        let (facts, work) = call("CausalConvWithState", silu, &inputs, 2).unwrap();
        assert_eq!((facts, work.macs, work.flops), (vec![x.clone(), past], 320, 640 + 160));
        let long = f32(&[2, 8, 4]);
        assert!(call("CausalConvWithState", attrs([]), &[Some(&x), Some(&w), None, Some(&long)], 2).is_err());
    }
}
