//! Attributes as numbers.

use tachograph_ir::{Attr, BoundGraph, Node};

/// The integers of an attribute; a single integer is a list of one.
pub fn ints<'a>(node: &'a Node, name: &str) -> Option<&'a [i64]> {
    match node.attrs.get(name)? {
        Attr::Int(value) => Some(std::slice::from_ref(value)),
        Attr::Ints(values) => Some(values),
        _ => None,
    }
}

/// The integer at `i` of an attribute; the last one where the list is shorter.
pub fn int(node: &Node, name: &str, i: usize) -> Option<i64> {
    let values = ints(node, name)?;
    values.get(i).or(values.last()).copied()
}

/// Extents of the window of a convolution or pooling: the attribute, or else the weight's spatial extents.
pub fn kernel(bound: &BoundGraph, node: &Node) -> Option<Vec<i64>> {
    if let Some(kernel) = ints(node, "kernel_shape") {
        return Some(kernel.to_vec());
    }
    let weight = node.op.name().starts_with("Conv").then(|| operand_shape(bound, node, 1))??;
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
