//! Concatenation along an axis.

use super::{Node, Operator, named};
use crate::{BufferId, Builder, Cond, Error, Expr, Result};

/// Puts buffers side by side along `axis`.
///
/// # Errors
/// None given; shapes that differ elsewhere.
pub fn concat(b: &mut Builder, parts: &[BufferId], axis: usize) -> Result<BufferId> {
    let shapes: Vec<Vec<u64>> = parts.iter().map(|&part| b.shape(part).to_vec()).collect();
    let refuse = || Error::operator("concat", format!("{shapes:?} along {axis}"));
    let mut shape = shapes.first().ok_or_else(refuse)?.clone();
    let alike =
        |other: &Vec<u64>| other.len() == shape.len() && (0..shape.len()).all(|i| i == axis || other[i] == shape[i]);
    if axis >= shape.len() || !shapes.iter().all(alike) {
        return Err(refuse());
    }
    shape[axis] = shapes.iter().map(|shape| shape[axis]).sum();
    b.map("concat", &named(&shape), |i| {
        let mut end = shape[axis] as i64;
        let mut value: Option<Expr> = None;
        // From the last to the first: each is taken where the index lies before its end.
        for (&part, shape) in parts.iter().zip(&shapes).rev() {
            let start = end - shape[axis] as i64;
            let mut index = i.to_vec();
            index[axis] = &i[axis] - start;
            let load = Expr::Load(part, index);
            value = Some(match value {
                None => load,
                Some(rest) => load.when(Cond::In(i[axis].clone(), i64::MIN, end), rest),
            });
            end = start;
        }
        value.unwrap_or(Expr::Const(0.0))
    })
}

pub(super) struct Concat;

impl Operator for Concat {
    fn names(&self) -> &'static [&'static str] {
        &["Concat"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let parts = (0..node.operands.len()).map(|i| node.operand(i)).collect::<Result<Vec<_>>>()?;
        let rank = parts.first().map_or(0, |&part| b.shape(part).len());
        concat(b, &parts, node.axis("axis", 0, rank)?).map(|y| vec![y])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{data, run};
    use super::*;

    #[test]
    fn three_parts_one_of_them_empty() {
        let (_, _, y) = run(&[&[2, 3], &[2, 0], &[2, 2]], |b, x| concat(b, x, 1));
        let (a, c) = (data(0, &[2, 3]), data(2, &[2, 2]));
        assert_eq!(y, [&a[..3], &c[..2], &a[3..], &c[2..]].concat());
    }
}
