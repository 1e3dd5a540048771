//! Numbers kept between bounds.

use super::{Activation, Node, Operator, activation};
use crate::{BufferId, Builder, Result};

pub(super) struct Clip;

impl Operator for Clip {
    fn names(&self) -> &'static [&'static str] {
        &["Clip"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let min = node.number("min", 1)?.unwrap_or(f64::NEG_INFINITY);
        let max = node.number("max", 2)?.unwrap_or(f64::INFINITY);
        activation(b, node.operand(0)?, Activation::Clip { min, max }).map(|y| vec![y])
    }
}
