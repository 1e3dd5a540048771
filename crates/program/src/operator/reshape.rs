//! Another shape for the same elements.

use super::{Node, Operator, named};
use crate::{BufferId, Builder, Error, Expr, Index, Result};

/// The elements in order, in another shape.
///
/// # Errors
/// Another number of elements.
pub fn reshape(b: &mut Builder, x: BufferId, shape: &[u64]) -> Result<BufferId> {
    let from = b.shape(x).to_vec();
    if tachograph_ir::elements(&from) != tachograph_ir::elements(shape) {
        return Err(Error::operator("reshape", format!("{from:?} to {shape:?}")));
    }
    b.map("reshape", &named(shape), |i| Expr::Load(x, relabel(i, shape, &from)))
}

/// The index in one shape of the element at an index in another of as many elements.
pub(crate) fn relabel(index: &[Index], shape: &[u64], from: &[u64]) -> Vec<Index> {
    let flat = index.iter().zip(shape).fold(Index::default(), |flat, (i, &extent)| &(flat * extent as i64) + i);
    let ranges = |var: u32| {
        // Indices are the variables in order.
        crate::Range::of(shape.get(var as usize).copied().unwrap_or(1))
    };
    let mut rest: i64 = from.iter().product::<u64>() as i64;
    let part = |&extent: &u64| {
        let whole = rest;
        rest = if extent == 0 { 0 } else { rest / extent as i64 };
        if rest == 0 { Index::default() } else { flat.modulo(whole).div(rest).simplify(&ranges) }
    };
    from.iter().map(part).collect()
}

pub(super) struct Reshape;

impl Operator for Reshape {
    fn names(&self) -> &'static [&'static str] {
        &["Flatten", "Reshape", "Squeeze", "Unsqueeze"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        reshape(b, node.operand(0)?, node.result(0)?).map(|y| vec![y])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{data, run};
    use super::*;

    #[test]
    fn keeps_the_order() {
        for to in [&[24][..], &[4, 6], &[3, 8], &[2, 1, 3, 4], &[6, 2, 2]] {
            let (_, _, y) = run(&[&[2, 3, 4]], |b, x| reshape(b, x[0], to));
            assert_eq!(y, data(0, &[2, 3, 4]));
        }
    }

    #[test]
    fn what_stays_is_recognised() {
        let (w, ..) = run(&[&[2, 3, 4, 5]], |b, x| reshape(b, x[0], &[2, 12, 5]));
        assert!(w.to_string().contains("x[n, c / 4, c % 4, x]"), "{w}");
    }
}
