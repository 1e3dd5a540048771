//! Sums and other reductions over the rows that share a segment: (R, …) and ids of the rows → (segments, …).
//!
//! SegmentSum has as many segments as its ids say, the others as many as their third operand. One operation per element.

use super::axes::product;
use crate::{Call, Class, Fact, Node, OpError, Operator, Role, Work};

pub(super) struct Segment;

impl Operator for Segment {
    fn names(&self) -> &'static [&'static str] {
        &["SegmentSum", "UnsortedSegmentMax", "UnsortedSegmentMin", "UnsortedSegmentProd", "UnsortedSegmentSum"]
    }

    fn infer(&self, call: &Call<'_>) -> Result<Vec<Fact>, OpError> {
        let (x, ids) = (call.shape(0)?, call.shape(1)?);
        let refuse = || OpError::Invalid(format!("ids {ids:?} do not fit {x:?}"));
        let rest = x.strip_prefix(ids).ok_or_else(refuse)?;
        let count = match call.node.op.name() {
            "SegmentSum" => call.ints(1)?.last().map_or(Some(0), |last| last.checked_add(1)),
            _ => call.ints(2)?.first().copied(),
        };
        let count = count.and_then(|n| u64::try_from(n).ok()).ok_or_else(refuse)?;
        Ok(vec![Fact::new(call.dtype(0)?, [&[count], rest].concat())])
    }

    fn class(&self, _: &Node) -> Class {
        Class::Reduction
    }

    fn operand(&self, node: &Node, i: usize) -> Option<Role> {
        let count = if node.op.name() == "SegmentSum" { 2 } else { 3 };
        [Role::Data, Role::Index, Role::Shape].get(..count)?.get(i).copied()
    }

    fn work(&self, call: &Call<'_>) -> Result<Work, OpError> {
        product(call.shape(0)?.iter().copied()).map(Work::flops)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{f32, int, ints, run, shape};
    use crate::{OpError, Work, attrs};

    #[test]
    fn rows_of_a_segment_become_one() {
        let (facts, work) = run("SegmentSum", attrs([]), &[f32(&[4, 3]), ints(&[0, 0, 2, 2])]).unwrap();
        assert_eq!((&facts[0], work), (&f32(&[3, 3]), Work::flops(12)));
        let operands = [f32(&[2, 2, 5]), f32(&[2, 2]), int(7)];
        assert_eq!(shape("UnsortedSegmentMax", attrs([]), &operands).unwrap(), [7, 5]);
        assert_eq!(run("SegmentSum", attrs([]), &[f32(&[4, 3]), f32(&[4])]), Err(OpError::Unknown));
        let error = shape("SegmentSum", attrs([]), &[f32(&[4, 3]), ints(&[0])]).unwrap_err();
        assert!(format!("{error:?}").contains("[4, 3]"), "{error:?}");
    }
}
