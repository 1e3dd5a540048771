//! What baselines see of a network.

use std::collections::BTreeMap;

use tachograph_ir::{Concrete, Cost, FusionRule};

use crate::{Error, Result, extended, kernels::kernels};

/// Costs on paper of a bound network.
#[derive(Clone, Debug, PartialEq)]
pub struct StaticRow {
    /// Of the whole network.
    pub total: Cost,
    /// Of each live node.
    pub nodes: Vec<Cost>,
    /// The graph columns of the [extended](crate::extended) featuriser, before normalisation.
    pub columns: Vec<f64>,
    /// Number, operations and bytes of the fused kernels of each kind; see [`Kernels`](super::Kernels).
    pub kernels: BTreeMap<String, [f64; 3]>,
}

impl StaticRow {
    /// Costs of `bound`.
    ///
    /// # Errors
    /// Costs that cannot be computed.
    pub fn new(bound: &Concrete) -> Result<Self> {
        let costs = extended::costs(bound)?;
        let total = bound.cost().map_err(|source| Error::Graph { graph: bound.graph().name().to_owned(), source })?;
        let columns = extended::globals(bound, &costs)?;
        let kernels = kernels(bound, &FusionRule::default())?;
        Ok(Self { total, nodes: costs.into_iter().map(|(_, cost)| cost).collect(), columns, kernels })
    }
}
