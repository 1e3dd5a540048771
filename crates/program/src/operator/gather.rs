//! Rows of a table by number, as word embeddings are.

use super::{Node, Operator, named};
use crate::{BufferId, Builder, Comparison, Cond, Error, Expr, Index, Result};

/// `table` at the positions along `axis` that `indices` has; negative ones count from the end.
///
/// # Errors
/// An axis that is not there.
pub fn gather(b: &mut Builder, table: BufferId, indices: BufferId, axis: usize) -> Result<BufferId> {
    let (from, by) = (b.shape(table).to_vec(), b.shape(indices).to_vec());
    if axis >= from.len() {
        return Err(Error::operator("gather", format!("axis {axis} of {from:?}")));
    }
    let shape: Vec<u64> = from[..axis].iter().chain(&by).chain(&from[axis + 1..]).copied().collect();
    let result = b.map("gather", &named(&shape), |i| {
        let (before, rest) = i.split_at(axis);
        let (middle, after) = rest.split_at(by.len());
        let position = Expr::Load(indices, middle.to_vec());
        let negative = Cond::Compare(Comparison::Less, Box::new(position.clone()), Box::new(0.0.into()));
        let position = (position.clone() + from[axis] as f64).when(negative, position);
        let zero = [Index::default()];
        let index = before.iter().chain(&zero).chain(after).cloned().collect();
        Expr::Lookup { buffer: table, axis, position: Box::new(position), index }
    })?;
    b.set_dtype(result, b.dtype(table));
    Ok(result)
}

pub(super) struct Gather;

impl Operator for Gather {
    fn names(&self) -> &'static [&'static str] {
        &["Gather"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let table = node.operand(0)?;
        let axis = node.axis("axis", 0, b.shape(table).len())?;
        gather(b, table, node.operand(1)?, axis).map(|y| vec![y])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tachograph_ir::DType::{F32, I64};

    #[test]
    fn rows_from_either_end() {
        let mut b = Builder::new("t");
        let table = b.weight("table", F32, &[4, 2]).unwrap();
        let ids = b.input("ids", I64, &[3]).unwrap();
        let y = gather(&mut b, table, ids, 0).unwrap();
        let w = b.finish(&[y]).unwrap();
        let given = [(table, (0..8).map(f64::from).collect()), (ids, vec![2.0, -1.0, 0.0])].into();
        assert_eq!(w.run(&given).unwrap()[&y], [4.0, 5.0, 6.0, 7.0, 0.0, 1.0]);
        let given = [(table, vec![0.0; 8]), (ids, vec![4.0, 0.0, 0.0])].into();
        assert!(w.run(&given).is_err());
    }
}
