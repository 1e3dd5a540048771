//! Classes of operators that use a machine in different ways.

use tachograph_ir::{Cost, Node};

use crate::attributes::int;

/// What limits an operator, coarsely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Convolution with one group.
    Convolution,
    /// Convolution with several groups, depthwise ones among them.
    GroupedConvolution,
    /// Any other operator made of multiply–accumulates.
    Matrix,
    /// Pooling and reduction.
    Reduction,
    /// Normalisation and softmax.
    Normalization,
    /// Arithmetic by element.
    Elementwise,
    /// No arithmetic: copies and views.
    Movement,
}

impl Class {
    /// Every class.
    pub const ALL: [Self; 7] = [
        Self::Convolution,
        Self::GroupedConvolution,
        Self::Matrix,
        Self::Reduction,
        Self::Normalization,
        Self::Elementwise,
        Self::Movement,
    ];

    /// Class of a node whose cost is known.
    pub fn of(node: &Node, cost: &Cost) -> Self {
        let name = node.op.name();
        let pools = ["Pool", "Reduce", "Arg"].iter().any(|part| name.contains(part));
        let normalizes = ["Norm", "Softmax", "LRN"].iter().any(|part| name.contains(part));
        match name {
            _ if name.contains("Conv") && int(node, "group", 0).unwrap_or(1) > 1 => Self::GroupedConvolution,
            _ if name.contains("Conv") => Self::Convolution,
            _ if cost.macs > 0 => Self::Matrix,
            _ if pools => Self::Reduction,
            _ if normalizes => Self::Normalization,
            _ if cost.flops > 0 => Self::Elementwise,
            _ => Self::Movement,
        }
    }

    /// Name in columns and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Convolution => "convolution",
            Self::GroupedConvolution => "grouped_convolution",
            Self::Matrix => "matrix",
            Self::Reduction => "reduction",
            Self::Normalization => "normalization",
            Self::Elementwise => "elementwise",
            Self::Movement => "movement",
        }
    }
}
