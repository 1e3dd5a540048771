//! Pooling to given extents, by windows of as even extents as can be: (N, C, …) → (N, C, `output_size`), where 0 keeps
//! an extent. PyTorch's and ncnn's.

use super::axes::{extents, product};
use crate::{Call, Class, Fact, Fusion, Node, OpError, Operator, Work};

pub(super) struct AdaptivePool;

impl Operator for AdaptivePool {
    fn names(&self) -> &'static [&'static str] {
        &["AdaptiveAveragePool", "AdaptiveMaxPool"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, wanted) = (call.shape(0)?, extents(call.list("output_size").unwrap_or_default())?);
        let (&[n, c, ref spatial @ ..], false) = (x, wanted.is_empty()) else {
            return Err(format!("{x:?} needs a batch, channels and an output_size").into());
        };
        if spatial.len() != wanted.len() {
            return Err(format!("{x:?} cannot be pooled to {wanted:?}").into());
        }
        let mut shape = vec![n, c];
        shape.extend(spatial.iter().zip(wanted).map(|(&n, wanted)| if wanted == 0 { n } else { wanted }));
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Reduction
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Anchor
    }

    /// An operation per element of every window: windows overlap by at most one element on each side, so that the
    /// operand's elements are counted, and at least one for a result.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let read = product(call.shape(0)?.iter().copied())?;
        Ok(Work::flops(read.max(call.output_elements(0)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, run};
    use crate::attrs;

    #[test]
    fn extents_are_given_or_kept() {
        let size = attrs([("output_size", vec![3, 0].into())]);
        let (facts, work) = run("AdaptiveAveragePool", size.clone(), &[f32(&[1, 4, 7, 9])]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[1, 4, 3, 9]), 252));
        assert!(run("AdaptiveMaxPool", size, &[f32(&[1, 4, 7])]).is_err());
        assert!(run("AdaptiveMaxPool", attrs([]), &[f32(&[1, 4, 7])]).is_err());
    }
}
