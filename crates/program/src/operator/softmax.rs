//! Softmax along an axis, by its largest element.

use super::{Node, Operator, Reduction, named, reduce};
use crate::{BufferId, Builder, Expr, Index, Result, Unary};

/// e^(x − max) / Σ e^(x − max) along `axis`; its logarithm where `log`.
///
/// # Errors
/// An axis that is not there.
pub fn softmax(b: &mut Builder, x: BufferId, axis: usize, log: bool) -> Result<BufferId> {
    let along = |i: &[Index]| {
        let mut index = i.to_vec();
        index[axis] = Index::constant(0);
        index
    };
    let max = reduce(b, x, &[axis], true, Reduction::Max)?;
    b.rename(max, "max");
    let axes = named(b.shape(x));
    let load = |id: BufferId, i: &[Index]| Expr::Load(id, i.to_vec());
    let exp = b.map("exp", &axes, |i| (load(x, i) - Expr::Load(max, along(i))).exp())?;
    let sum = reduce(b, exp, &[axis], true, Reduction::Sum)?;
    b.rename(sum, "sum");
    match log {
        false => b.map("softmax", &axes, |i| load(exp, i) / Expr::Load(sum, along(i))),
        true => b.map("log_softmax", &axes, |i| {
            load(x, i) - Expr::Load(max, along(i)) - Expr::Load(sum, along(i)).unary(Unary::Log)
        }),
    }
}

pub(super) struct Softmax;

impl Operator for Softmax {
    fn names(&self) -> &'static [&'static str] {
        &["LogSoftmax", "Softmax"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let x = node.operand(0)?;
        let axis = node.axis("axis", -1, b.shape(x).len())?;
        softmax(b, x, axis, node.name() == "LogSoftmax").map(|y| vec![y])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{close, run};
    use super::*;

    #[test]
    fn sums_to_one_along_its_axis() {
        let (_, _, y) = run(&[&[2, 3, 2]], |b, x| softmax(b, x[0], 1, false));
        for (i, k) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            assert!(((0..3).map(|j| y[i * 6 + j * 2 + k]).sum::<f64>() - 1.0).abs() < 1e-6);
        }
        let (_, _, log) = run(&[&[2, 3, 2]], |b, x| softmax(b, x[0], 1, true));
        close(&log.iter().map(|x| x.exp()).collect::<Vec<_>>(), &y);
    }
}
