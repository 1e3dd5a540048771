//! Broadcasting to a shape, and repetition.

use super::{Node, Operator, broadcast, named};
use crate::{BufferId, Builder, Expr, Result};

pub(super) struct Expand;

impl Operator for Expand {
    fn names(&self) -> &'static [&'static str] {
        &["Expand", "Tile"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let (x, shape) = (node.operand(0)?, node.result(0)?);
        let reader = b.clone();
        let from = b.shape(x).to_vec();
        let y = b.map("expand", &named(shape), |i| match node.name() {
            "Tile" => Expr::Load(x, i.iter().zip(&from).map(|(i, &n)| i.modulo(n.max(1) as i64)).collect()),
            _ => broadcast(&reader, x, i),
        })?;
        Ok(vec![y])
    }
}
