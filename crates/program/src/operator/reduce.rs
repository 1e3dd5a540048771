//! Reductions over axes.

use super::{Node, Operator, axis, named};
use crate::{BufferId, Builder, Error, Expr, Index, Reducer, Result, Unary};

/// What becomes of the elements along the axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Reduction {
    Sum,
    Mean,
    Max,
    Min,
    Product,
    /// Sum of absolute values.
    L1,
    /// Root of the sum of squares.
    L2,
    SumOfSquares,
    LogSum,
}

/// Reduces along `axes`, which stay with extent 1 where `keep`.
///
/// # Errors
/// An axis that is not there.
pub fn reduce(b: &mut Builder, x: BufferId, axes: &[usize], keep: bool, what: Reduction) -> Result<BufferId> {
    let shape = b.shape(x).to_vec();
    if axes.iter().any(|&axis| axis >= shape.len()) {
        return Err(Error::operator("reduce", format!("axes {axes:?} of {shape:?}")));
    }
    let names = named(&shape);
    let inside: Vec<String> = axes.iter().map(|&axis| format!("r{}", names[axis].0)).collect();
    let mut reduced: Vec<usize> = axes.to_vec();
    reduced.sort_unstable();
    reduced.dedup();
    let kept = |axis: &usize| keep || !reduced.contains(axis);
    let extent = |axis: usize| if reduced.contains(&axis) { 1 } else { shape[axis] };
    let spatial: Vec<(&str, u64)> = (0..shape.len()).filter(kept).map(|axis| (names[axis].0, extent(axis))).collect();
    let reduction: Vec<(&str, u64)> =
        reduced.iter().zip(&inside).map(|(&axis, name)| (name.as_str(), shape[axis])).collect();
    let reducer = match what {
        Reduction::Max => Reducer::Max,
        Reduction::Min => Reducer::Min,
        Reduction::Product => Reducer::Product,
        _ => Reducer::Sum,
    };
    let result = b.reduce("reduce", &spatial, &reduction, reducer, |s, r| {
        let mut spatial = (0..shape.len()).filter(kept).zip(s);
        let mut index: Vec<Index> = vec![Index::constant(0); shape.len()];
        spatial.by_ref().for_each(|(axis, i)| index[axis] = i.clone());
        reduced.iter().zip(r).for_each(|(&axis, i)| index[axis] = i.clone());
        let value = Expr::Load(x, index);
        match what {
            Reduction::L1 => value.unary(Unary::Abs),
            Reduction::L2 | Reduction::SumOfSquares => value.clone() * value,
            _ => value,
        }
    })?;
    let count: u64 = reduction.iter().map(|(_, extent)| *extent).product();
    match what {
        Reduction::Mean => b.apply("mean", result, |sum, _| sum * (1.0 / count as f64)),
        Reduction::L2 => b.apply("root", result, |sum, _| sum.sqrt()),
        Reduction::LogSum => b.apply("log", result, |sum, _| sum.unary(Unary::Log)),
        _ => Ok(result),
    }
}

pub(super) struct Reduce;

impl Operator for Reduce {
    fn names(&self) -> &'static [&'static str] {
        &[
            "ReduceL1",
            "ReduceL2",
            "ReduceLogSum",
            "ReduceMax",
            "ReduceMean",
            "ReduceMin",
            "ReduceProd",
            "ReduceSum",
            "ReduceSumSquare",
        ]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let x = node.operand(0)?;
        let rank = b.shape(x).len();
        let axes = match node.ints("axes", 1)? {
            Some(list) if !list.is_empty() => {
                list.iter().map(|&a| axis("reduce", a, rank)).collect::<Result<Vec<_>>>()?
            }
            _ if node.call.int("noop_with_empty_axes", 0) != 0 => return Ok(vec![x]),
            _ => (0..rank).collect(),
        };
        let what = match node.name() {
            "ReduceL1" => Reduction::L1,
            "ReduceL2" => Reduction::L2,
            "ReduceLogSum" => Reduction::LogSum,
            "ReduceMax" => Reduction::Max,
            "ReduceMean" => Reduction::Mean,
            "ReduceMin" => Reduction::Min,
            "ReduceProd" => Reduction::Product,
            "ReduceSum" => Reduction::Sum,
            _ => Reduction::SumOfSquares,
        };
        reduce(b, x, &axes, node.call.int("keepdims", 1) != 0, what).map(|y| vec![y])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{data, run};
    use super::*;

    #[test]
    fn axes_in_any_order_kept_or_not() {
        let x = data(0, &[2, 3, 4]);
        let (w, _, y) = run(&[&[2, 3, 4]], |b, x| reduce(b, x[0], &[2, 0], false, Reduction::Sum));
        assert_eq!(w.buffer(w.outputs()[0]).shape, [3]);
        let sum = |j: usize| {
            (0..2).flat_map(|i| (0..4).map(move |k| (i, k))).map(|(i, k)| x[i * 12 + j * 4 + k]).sum::<f64>()
        };
        assert_eq!(y, [sum(0), sum(1), sum(2)]);
        let (w, _, _) = run(&[&[2, 3, 4]], |b, x| reduce(b, x[0], &[1], true, Reduction::L2));
        assert_eq!(w.buffer(w.outputs()[0]).shape, [2, 1, 4]);
    }

    #[test]
    fn nothing_reduces_to_the_identity() {
        let (_, _, y) = run(&[&[2, 0]], |b, x| reduce(b, x[0], &[1], false, Reduction::Max));
        assert_eq!(y, [f64::NEG_INFINITY; 2]);
    }
}
