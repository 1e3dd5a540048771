//! Conversion to another type.

use super::{Node, Operator};
use crate::{BufferId, Builder, Expr, Result};

pub(super) struct Cast;

impl Operator for Cast {
    fn names(&self) -> &'static [&'static str] {
        &["Cast"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let Some(to) = node.call.outputs.first().map(|fact| fact.dtype) else {
            return Err(node.refuse("has no result"));
        };
        b.apply("cast", node.operand(0)?, |x, _| Expr::Cast(to, Box::new(x))).map(|y| vec![y])
    }
}
