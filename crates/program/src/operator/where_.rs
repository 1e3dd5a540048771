//! One of two elements, by a condition.

use super::{Node, Operator, broadcast, common, named};
use crate::{BufferId, Builder, Comparison, Cond, Result};

pub(super) struct Where;

impl Operator for Where {
    fn names(&self) -> &'static [&'static str] {
        &["Where"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let [cond, x, y] = [node.operand(0)?, node.operand(1)?, node.operand(2)?];
        let shape = common("where", &common("where", b.shape(cond), b.shape(x))?, b.shape(y))?;
        let reader = b.clone();
        let result = b.map("where", &named(&shape), |i| {
            let zero = Cond::Compare(Comparison::Equal, Box::new(broadcast(&reader, cond, i)), Box::new(0.0.into()));
            broadcast(&reader, y, i).when(zero, broadcast(&reader, x, i))
        })?;
        b.set_dtype(result, b.dtype(x));
        Ok(vec![result])
    }
}
