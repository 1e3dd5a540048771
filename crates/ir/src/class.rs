//! Classes of operators that use a machine in different ways.

use std::fmt;

/// What limits an operator, coarsely. Operators tell it of themselves: [`Operator::class`](crate::Operator::class).
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
    /// Other arithmetic, most of it by element.
    Elementwise,
    /// No arithmetic: copies, comparisons and views.
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

    /// True for convolutions, whatever their groups.
    pub fn convolves(self) -> bool {
        matches!(self, Self::Convolution | Self::GroupedConvolution)
    }

    /// True for convolutions and products of matrices.
    pub fn multiplies(self) -> bool {
        self.convolves() || self == Self::Matrix
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
