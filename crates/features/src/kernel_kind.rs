//! Costs of a graph by kind of kernel.

use tachograph_ir::{BoundGraph, Class, Node};

use crate::{
    Result,
    attributes::{kernel, operand_shape},
    costs,
};

/// Kinds of kernels that libraries implement apart: [`Class`] with convolutions divided further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KernelKind {
    /// 1×1 convolution with one group.
    Pointwise,
    /// 3×3 convolution with one group, stride 1 and dilation 1, as Winograd's algorithm takes it.
    Winograd,
    /// Any other convolution with one group.
    Spatial,
    /// Convolution with a group for every channel.
    Depthwise,
    /// Any other convolution with several groups.
    Grouped,
    /// Other products of matrices.
    Matrix,
    /// Pooling and reduction.
    Reduction,
    /// Normalisation and softmax.
    Normalization,
    /// Arithmetic by element.
    Elementwise,
    /// No arithmetic.
    Movement,
}

impl KernelKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Pointwise,
        Self::Winograd,
        Self::Spatial,
        Self::Depthwise,
        Self::Grouped,
        Self::Matrix,
        Self::Reduction,
        Self::Normalization,
        Self::Elementwise,
        Self::Movement,
    ];

    /// Kind of a node of `bound`.
    pub fn of(bound: &BoundGraph, node: &Node) -> Self {
        match node.class() {
            Class::Convolution => match kernel(bound, node).as_deref() {
                Some(window) if window.iter().all(|&k| k == 1) => Self::Pointwise,
                Some([3, 3]) if unit(node, "strides") && unit(node, "dilations") => Self::Winograd,
                _ => Self::Spatial,
            },
            Class::GroupedConvolution => {
                let channels = operand_shape(bound, node, 0).and_then(|shape| shape.get(1)).copied();
                let groups = node.int_at("group", 0).and_then(|groups| u64::try_from(groups).ok());
                if channels == groups { Self::Depthwise } else { Self::Grouped }
            }
            Class::Matrix => Self::Matrix,
            Class::Reduction => Self::Reduction,
            Class::Normalization => Self::Normalization,
            Class::Elementwise => Self::Elementwise,
            Class::Movement => Self::Movement,
        }
    }
}

fn unit(node: &Node, attribute: &str) -> bool {
    node.ints(attribute).unwrap_or_default().iter().all(|&value| value == 1)
}

/// Sums over the nodes of one kind. The time of a device that runs nodes one after another is close to linear in
/// these.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct KindCost {
    /// Operations.
    pub flops: f64,
    /// Bytes read and written.
    pub bytes: f64,
    /// Nodes that are no views.
    pub nodes: f64,
}

/// What the live nodes of `bound` cost, by position in [`KernelKind::ALL`].
///
/// # Errors
/// Costs that cannot be computed.
pub fn kind_costs(bound: &BoundGraph) -> Result<[KindCost; KernelKind::ALL.len()]> {
    let mut sums = [KindCost::default(); KernelKind::ALL.len()];
    for (id, cost) in costs::costs(bound)? {
        let kind = KernelKind::of(bound, bound.graph().node(id));
        let sum = &mut sums[kind as usize];
        sum.flops += cost.flops as f64;
        sum.bytes += cost.bytes() as f64;
        sum.nodes += f64::from(cost.bytes() > 0);
    }
    Ok(sums)
}

#[cfg(test)]
mod tests {
    use tachograph_ir::{Assignment, Builder, DType};

    use super::*;

    #[test]
    fn convolutions_are_told_apart() {
        let mut b = Builder::new("kinds");
        let x = b.input("x", DType::F32, vec![1.into(), 8.into(), 16.into(), 16.into()]);
        let x = b.conv(x, 8, [3, 3], 1, 1, 1, false).unwrap();
        let x = b.conv(x, 8, [3, 3], 1, 1, 8, false).unwrap();
        let x = b.conv(x, 16, [1, 1], 1, 0, 2, false).unwrap();
        let x = b.conv(x, 16, [1, 1], 1, 0, 1, false).unwrap();
        let x = b.conv(x, 16, [3, 3], 2, 1, 1, false).unwrap();
        let bound = b.finish(&[x]).unwrap().bind(&Assignment::new()).unwrap();
        let costs = kind_costs(&bound).unwrap();
        let nodes = costs.map(|cost| cost.nodes);
        assert_eq!(nodes, [1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
        assert_eq!(costs[KernelKind::Depthwise as usize].flops, 2.0 * 9.0 * 8.0 * 256.0);
        assert_eq!(costs.iter().map(|cost| cost.flops).sum::<f64>(), bound.cost().unwrap().flops as f64);
    }
}
