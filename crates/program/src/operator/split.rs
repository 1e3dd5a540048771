//! A tensor in parts along an axis, each a result.

use super::{Node, Operator, slice};
use crate::{BufferId, Builder, Result};

pub(super) struct Split;

impl Operator for Split {
    fn names(&self) -> &'static [&'static str] {
        &["Split"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let x = node.operand(0)?;
        let rank = b.shape(x).len();
        let axis = node.axis("axis", 0, rank)?;
        let mut start = 0;
        let mut parts = Vec::new();
        for i in 0..node.call.node.outputs.len() {
            let shape = node.result(i)?.to_vec();
            let mut starts = vec![0; rank];
            starts[axis] = start;
            start += shape.get(axis).copied().unwrap_or(0) as i64;
            parts.push(slice(b, x, &starts, &vec![1; rank], &shape)?);
        }
        Ok(parts)
    }
}
