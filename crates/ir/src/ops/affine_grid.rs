//! Sampling grid of affine maps: (N, r, r + 1) and a size of (N, C, …) → (N, …, r).

use super::axes::{extents, product};
use crate::{Call, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct AffineGrid;

impl Operator for AffineGrid {
    fn names(&self) -> &'static [&'static str] {
        &["AffineGrid"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (theta, size) = (call.shape(0)?, extents(call.ints(1)?)?);
        let refuse = || OpError::Invalid(format!("maps {theta:?} do not fit size {size:?}"));
        let (&[n, r, columns], &[batch, _, ref spatial @ ..]) = (theta, size.as_slice()) else { return Err(refuse()) };
        if n != batch || !matches!(r, 2 | 3) || columns != r + 1 || spatial.len() as u64 != r {
            return Err(refuse());
        }
        let mut shape = vec![n];
        shape.extend(spatial);
        shape.push(r);
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Shape].get(i).copied()
    }

    /// r products and r additions per coordinate.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        let r = call.shape(0)?.get(1).copied().unwrap_or(0);
        product([2, r, call.output_elements(0)?]).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run};
    use crate::attrs;

    #[test]
    fn planes_and_volumes() {
        let (facts, work) = run("AffineGrid", attrs([]), &[f32(&[2, 2, 3]), ints(&[2, 3, 4, 5])]).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[2, 4, 5, 2]), 320));
        let (facts, _) = run("AffineGrid", attrs([]), &[f32(&[2, 3, 4]), ints(&[2, 1, 4, 5, 6])]).unwrap();
        assert_eq!(facts[0], f32(&[2, 4, 5, 6, 3]));
        assert!(run("AffineGrid", attrs([]), &[f32(&[2, 2, 3]), ints(&[2, 1, 4, 5, 6])]).is_err());
    }
}
