//! Parts of a tensor.

use super::{Node, Operator, axis, named};
use crate::{BufferId, Builder, Error, Expr, Index, Result};

/// The elements at `starts[axis] + i·steps[axis]`, as many as `shape` says.
///
/// # Errors
/// Lists of another rank; see [`crate::Workload::new`] for elements that are not there.
pub fn slice(b: &mut Builder, x: BufferId, starts: &[i64], steps: &[i64], shape: &[u64]) -> Result<BufferId> {
    let rank = b.shape(x).len();
    if [starts.len(), steps.len(), shape.len()] != [rank; 3] {
        return Err(Error::operator("slice", format!("{:?} from {starts:?} by {steps:?}", b.shape(x))));
    }
    b.map("slice", &named(shape), |i| {
        let at = |((i, &start), &step): ((&Index, &i64), &i64)| &(i * step) + start;
        Expr::Load(x, i.iter().zip(starts).zip(steps).map(at).collect())
    })
}

pub(super) struct Slice;

impl Operator for Slice {
    fn names(&self) -> &'static [&'static str] {
        &["Slice"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let (x, shape) = (node.operand(0)?, node.result(0)?);
        let from = b.shape(x).to_vec();
        let given = node.ints("starts", 1)?.ok_or_else(|| node.refuse("has no starts"))?;
        let axes: Vec<usize> = match node.ints("axes", 3)? {
            Some(list) => list.iter().map(|&a| axis("slice", a, from.len())).collect::<Result<_>>()?,
            None => (0..given.len()).collect(),
        };
        let by = node.ints("steps", 4)?.map_or(vec![1; given.len()], <[i64]>::to_vec);
        if axes.len() != given.len() || by.len() != given.len() || axes.len() > from.len() {
            return Err(node.refuse(format!("starts at {given:?} along {axes:?} by {by:?}")));
        }
        let (mut starts, mut steps) = (vec![0; from.len()], vec![1; from.len()]);
        for ((&axis, &start), &step) in axes.iter().zip(given).zip(&by) {
            let extent = from[axis] as i64;
            let start = if start < 0 { start.saturating_add(extent) } else { start };
            let last = if step < 0 { extent - 1 } else { extent };
            (starts[axis], steps[axis]) = (start.clamp(0, last.max(0)), step);
        }
        slice(b, x, &starts, &steps, shape).map(|y| vec![y])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{data, run};
    use super::*;

    #[test]
    fn backwards_too() {
        let (_, _, y) = run(&[&[2, 5]], |b, x| slice(b, x[0], &[1, 4], &[1, -2], &[1, 3]));
        let x = data(0, &[2, 5]);
        assert_eq!(y, [x[9], x[7], x[5]]);
    }
}
