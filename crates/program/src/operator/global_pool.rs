//! Pooling over all spatial axes.

use super::{Node, Operator, Reduction, reduce};
use crate::{BufferId, Builder, Result};

pub(super) struct GlobalPool;

impl Operator for GlobalPool {
    fn names(&self) -> &'static [&'static str] {
        &["GlobalAveragePool", "GlobalMaxPool"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let x = node.operand(0)?;
        let axes: Vec<usize> = (2..b.shape(x).len()).collect();
        let what = if node.name() == "GlobalMaxPool" { Reduction::Max } else { Reduction::Mean };
        reduce(b, x, &axes, true, what).map(|y| vec![y])
    }
}
