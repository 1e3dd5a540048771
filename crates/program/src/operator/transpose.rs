//! Transposition.

use super::{Node, Operator};
use crate::{BufferId, Builder, Error, Expr, Index, Result};

/// Axis `i` of the result is axis `order[i]` of `x`.
///
/// # Errors
/// An order that is none.
pub fn transpose(b: &mut Builder, x: BufferId, order: &[usize]) -> Result<BufferId> {
    let axes = b.axes(x);
    let mut sorted = order.to_vec();
    sorted.sort_unstable();
    if sorted != (0..axes.len()).collect::<Vec<_>>() {
        return Err(Error::operator("transpose", format!("{order:?} of {:?}", b.shape(x))));
    }
    let names: Vec<(&str, u64)> = order.iter().map(|&axis| (axes[axis].0.as_str(), axes[axis].1)).collect();
    b.map("transpose", &names, |i| {
        let mut index = vec![Index::constant(0); i.len()];
        order.iter().zip(i).for_each(|(&axis, i)| index[axis] = i.clone());
        Expr::Load(x, index)
    })
}

pub(super) struct Transpose;

impl Operator for Transpose {
    fn names(&self) -> &'static [&'static str] {
        &["Transpose"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let x = node.operand(0)?;
        let rank = b.shape(x).len();
        let order: Vec<usize> = match node.call.list("perm") {
            Some(list) => list.iter().map(|&axis| super::axis("transpose", axis, rank)).collect::<Result<_>>()?,
            None => (0..rank).rev().collect(),
        };
        transpose(b, x, &order).map(|y| vec![y])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{data, run};
    use super::*;

    #[test]
    fn moves_axes() {
        let (_, _, y) = run(&[&[2, 3, 4]], |b, x| transpose(b, x[0], &[2, 0, 1]));
        let x = data(0, &[2, 3, 4]);
        assert!((0..24).all(|n| y[n] == x[(n / 3 % 2) * 12 + n % 3 * 4 + n / 6]));
    }
}
