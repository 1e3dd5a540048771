//! What an operand is to its operator, and what of a call the backward pass keeps.

/// What an operand is to its operator. Formats that do not say which tensors are weights are read by it, and weights
/// are drawn by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// What the operator works on.
    Data,
    /// One side of arithmetic by element: data as often as constant or learned numbers.
    Term,
    /// The same where it multiplies or divides.
    Factor,
    /// One side of a product of matrices: data as often as a weight.
    Matrix,
    /// Learned numbers that the data is multiplied by; products with them are summed, but for slopes.
    Weight,
    /// Learned numbers that are added.
    Bias,
    /// Learned factors of a normalisation.
    Scale,
    /// Running mean of a normalisation: no gradient reaches it.
    Mean,
    /// Running variance of a normalisation: no gradient reaches it.
    Variance,
    /// Earlier state of a recurrent layer, or cached keys and values.
    State,
    /// Positions along one axis of the first operand: that of the attribute `axis`, else the first.
    Index,
    /// Positions along several axes at once, or in space.
    Coordinates,
    /// Integers of shape arithmetic: extents, axes, pads, repeats, counts.
    Shape,
    /// Truth values, or numbers that are added to scores to mask them.
    Mask,
    /// A number that sets the operator: a bound, a threshold, the scale or zero point of a quantisation.
    Setting,
}

impl Role {
    /// True for what an operator learns or keeps count of, and so never for data.
    pub fn is_learned(self) -> bool {
        matches!(self, Self::Weight | Self::Bias | Self::Scale) || self.is_statistic()
    }

    /// True for running statistics, which no gradient reaches.
    pub fn is_statistic(self) -> bool {
        matches!(self, Self::Mean | Self::Variance)
    }
}

/// What the backward pass keeps of a forward operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Saved {
    /// Its operands.
    #[default]
    Operands,
    /// Its results.
    Results,
    /// Neither: the gradients of the results are enough.
    Nothing,
}
