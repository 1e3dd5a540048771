//! Windows and shapes around a node.

use tachograph_ir::{BoundGraph, Node, Role};

/// Extents of the window of a convolution or pooling: the attribute, or else the weight's spatial extents.
pub fn kernel(bound: &BoundGraph, node: &Node) -> Option<Vec<i64>> {
    if let Some(kernel) = node.ints("kernel_shape") {
        return Some(kernel.to_vec());
    }
    let weight = node.class().convolves().then(|| (0..node.inputs.len()).find(|&i| node.role(i) == Role::Weight))??;
    let weight = operand_shape(bound, node, weight)?;
    weight.get(2..).map(|extents| extents.iter().map(|&k| k as i64).collect())
}

/// Shape of the operand at `i`, if it is there and known.
pub fn operand_shape<'a>(bound: &'a BoundGraph, node: &Node, i: usize) -> Option<&'a [u64]> {
    bound.shape(node.inputs.get(i).copied().flatten()?)
}

/// Shape of the result at `i`, if it is there and known.
pub fn result_shape<'a>(bound: &'a BoundGraph, node: &Node, i: usize) -> Option<&'a [u64]> {
    bound.shape(node.outputs.get(i).copied().flatten()?)
}

/// Number of operands, those left out not counted.
pub fn operands(node: &Node) -> usize {
    node.inputs.iter().flatten().count()
}
