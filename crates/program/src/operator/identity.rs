//! What does nothing at inference.

use super::{Node, Operator};
use crate::{BufferId, Builder, Result};

pub(super) struct Identity;

impl Operator for Identity {
    fn names(&self) -> &'static [&'static str] {
        &["Dropout", "Identity"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        b.apply("identity", node.operand(0)?, |x, _| x).map(|y| vec![y])
    }
}
