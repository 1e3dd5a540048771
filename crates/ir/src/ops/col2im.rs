//! Sum of overlapping blocks into an image: (N, C·∏block, L) → (N, C, image…).

use super::axes::{extents, product};
use crate::{Call, Fact, Fusion, Node, OpError, Operator, Role, Work};

pub(super) struct Col2Im;

impl Operator for Col2Im {
    fn names(&self) -> &'static [&'static str] {
        &["Col2Im"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, image, block) = (call.shape(0)?, extents(call.ints(1)?)?, extents(call.ints(2)?)?);
        let refuse = || OpError::Invalid(format!("{x:?} does not hold blocks {block:?} of image {image:?}"));
        let &[n, columns, _] = x else { return Err(refuse()) };
        let size = product(block.iter().copied())?;
        if block.len() != image.len() || columns.checked_rem(size) != Some(0) {
            return Err(refuse());
        }
        Ok(vec![Fact::new(call.dtype(0)?, [vec![n, columns / size], image].concat())])
    }

    fn fuses(&self, _: &Node) -> Fusion {
        Fusion::Alone
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Shape, Role::Shape].get(i).copied()
    }

    /// One addition per operand element.
    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        product(call.shape(0)?.iter().copied()).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run};
    use crate::attrs;

    #[test]
    fn blocks_make_an_image() {
        let inputs = [f32(&[1, 12, 9]), ints(&[4, 4]), ints(&[2, 2])];
        let (facts, work) = run("Col2Im", attrs([]), &inputs).unwrap();
        assert_eq!((facts[0].clone(), work.flops), (f32(&[1, 3, 4, 4]), 108));
        assert!(run("Col2Im", attrs([]), &[f32(&[1, 12, 9]), ints(&[4, 4]), ints(&[0, 2])]).is_err());
    }
}
