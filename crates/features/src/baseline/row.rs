//! What baselines see of a network.

use std::collections::BTreeMap;

use tachograph_ir::{BoundGraph, Bytes, Cost, FusionRule};

use crate::{Error, Result, costs, kernels::kernels};

/// Costs on paper of a bound network.
#[derive(Clone, Debug, PartialEq)]
pub struct StaticRow {
    /// Of the whole network.
    pub total: Cost,
    /// Most bytes resident at once.
    pub peak: Bytes,
    /// Of each live node.
    pub nodes: Vec<Cost>,
    /// The graph columns of the [costs](crate::costs) featuriser, before normalisation.
    pub columns: Vec<f64>,
    /// Number, operations and bytes of the fused kernels of each kind; see [`Kernels`](super::Kernels).
    pub kernels: BTreeMap<String, [f64; 3]>,
}

impl StaticRow {
    /// Costs of `bound`.
    ///
    /// # Errors
    /// Costs that cannot be computed.
    pub fn new(bound: &BoundGraph) -> Result<Self> {
        let costs = costs::costs(bound)?;
        let graph = |source| Error::Graph { graph: bound.graph().name().to_owned(), source };
        let total = bound.cost().map_err(graph)?;
        let peak = bound.peak_memory().map_err(graph)?;
        let columns = costs::globals(bound, &costs)?;
        let kernels = kernels(bound, &FusionRule::default())?;
        Ok(Self { total, peak, nodes: costs.into_iter().map(|(_, cost)| cost).collect(), columns, kernels })
    }
}
