//! Blocks of space to the batch and back, as TensorFlow writes dilated convolutions.
//!
//! Operands: x, extents of a block, pads (or crops) before and after each blocked axis. The attribute `axes` names the
//! blocked axes. SpaceToBatchND pads, then (n, …, s) → (n·b, …, s/b); BatchToSpaceND is the reverse, then crops.

use super::axes::{axes, extents, product};
use crate::{Call, Class, Fact, Node, OpError, Operator, Role};

pub(super) struct SpaceBatch;

impl Operator for SpaceBatch {
    fn names(&self) -> &'static [&'static str] {
        &["BatchToSpaceND", "SpaceToBatchND"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let x = call.shape(0)?;
        let (block, margins) = (extents(call.ints(1)?)?, extents(call.ints(2)?)?);
        let refuse = || OpError::Invalid(format!("blocks {block:?} and margins {margins:?} do not fit {x:?}"));
        let blocked = axes(call.list("axes").unwrap_or_default(), x)?;
        if blocked.len() != block.len() || margins.len() != 2 * block.len() || blocked.contains(&0) || x.is_empty() {
            return Err(refuse());
        }
        let (mut shape, images) = (x.to_vec(), product(block.iter().copied())?);
        let exact = |n: u64, by: u64| n.checked_div(by).filter(|q| q.checked_mul(by) == Some(n));
        let joins = call.node.op.name() == "BatchToSpaceND";
        shape[0] = if joins { exact(x[0], images) } else { x[0].checked_mul(images) }.ok_or_else(refuse)?;
        for ((&axis, &by), margin) in blocked.iter().zip(&block).zip(margins.as_chunks::<2>().0) {
            let margin = margin[0].checked_add(margin[1]).ok_or_else(refuse)?;
            let extent = match joins {
                true => x[axis].checked_mul(by).and_then(|n| n.checked_sub(margin)),
                false => x[axis].checked_add(margin).and_then(|n| exact(n, by)),
            };
            shape[axis] = extent.ok_or_else(refuse)?;
        }
        Ok(vec![Fact::new(call.dtype(0)?, shape)])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Movement
    }

    fn operand(&self, _: &Node, i: usize) -> Option<Role> {
        [Role::Data, Role::Shape, Role::Shape].get(i).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, ints, run, shape};
    use crate::{Work, attrs};

    #[test]
    fn there_and_back() {
        let axes = || attrs([("axes", vec![2, 3].into())]);
        let (facts, work) = run("SpaceToBatchND", axes(), &[f32(&[2, 8, 30, 40]), ints(&[2, 3]), ints(&[1, 1, 0, 2])]).unwrap();
        assert_eq!((&facts[0], work), (&f32(&[12, 8, 16, 14]), Work::MOVE));
        let back = [facts[0].clone(), ints(&[2, 3]), ints(&[1, 1, 0, 2])];
        assert_eq!(shape("BatchToSpaceND", axes(), &back).unwrap(), [2, 8, 30, 40]);
    }

    #[test]
    fn refuses_what_does_not_divide() {
        let axes = || attrs([("axes", vec![1].into())]);
        let error = shape("SpaceToBatchND", axes(), &[f32(&[1, 7, 2]), ints(&[2]), ints(&[0, 0])]).unwrap_err();
        assert!(format!("{error:?}").contains("[1, 7, 2]"), "{error:?}");
        assert!(shape("BatchToSpaceND", axes(), &[f32(&[3, 7, 2]), ints(&[2]), ints(&[0, 0])]).is_err());
    }
}
