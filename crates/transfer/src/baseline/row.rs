//! What baselines see of a network.

use std::collections::BTreeMap;

use tachograph_features::{fused_kernels, graph_costs};
use tachograph_ir::{BoundGraph, Bytes, Cost, FusionRule};

use crate::{Error, Result};

/// Costs on paper of a bound network.
#[derive(Clone, Debug, PartialEq)]
pub struct StaticRow {
    /// Of the whole network.
    pub total: Cost,
    /// Most bytes resident at once.
    pub peak: Bytes,
    /// Of each live node.
    pub nodes: Vec<Cost>,
    /// Those of [`graph_costs`].
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
        let graph = |source| Error::Graph { graph: bound.graph().name().to_owned(), source };
        let total = bound.cost().map_err(graph)?;
        let peak = bound.peak_memory().map_err(graph)?;
        let nodes = bound.live().iter().map(|&id| bound.node_cost(id)).collect::<Result<_, _>>().map_err(graph)?;
        let kernels = fused_kernels(bound, &FusionRule::default())?;
        Ok(Self { total, peak, nodes, columns: graph_costs(bound)?, kernels })
    }
}
