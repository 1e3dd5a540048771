//! Numbers around a tensor.

use super::{Node, Operator, conv::padded};
use crate::{BufferId, Builder, Result};

pub(super) struct Pad;

impl Operator for Pad {
    fn names(&self) -> &'static [&'static str] {
        &["Pad"]
    }

    fn build(&self, b: &mut Builder, node: &Node<'_>) -> Result<Vec<BufferId>> {
        let x = node.operand(0)?;
        let rank = b.shape(x).len();
        let pads = node.ints("pads", 1)?.unwrap_or_default();
        let mode = node.call.text("mode", "constant");
        if mode != "constant" || pads.len() != 2 * rank || node.call.optional(3).is_some() {
            return Err(node.refuse(format!("pads {rank} axes by {pads:?}, {mode}")));
        }
        let pads: Vec<[i64; 2]> = (0..rank).map(|axis| [pads[axis], pads[rank + axis]]).collect();
        let with = node.number("value", 2)?.unwrap_or(0.0);
        padded(b, x, &pads, with).map(|y| vec![y])
    }
}
