//! What the time of a network is a sum of.

use std::fmt;

use tachograph_features::KernelKind;
use tachograph_ir::{BoundGraph, DType, Node};

use crate::{Error, Result};

/// What kernels of one kind use up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resource {
    /// Operations, in 10⁹; of convolutions and products only.
    Flops,
    /// Operands and results without weights, in 10⁸ bytes.
    Activations,
    /// Weights, in 3·10⁸ bytes.
    Weights,
    /// Kernels, in 500; one column for all kinds.
    Launches,
}

impl Resource {
    /// About as much of each takes equally long on a processor of today, so that rates start alike.
    fn unit(self) -> f64 {
        match self {
            Self::Flops => 1e9,
            Self::Activations => 1e8,
            Self::Weights => 3e8,
            Self::Launches => 500.0,
        }
    }
}

/// One term of the sum, with a rate of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Column {
    /// Kind of the kernels; launches of all kinds are one column.
    pub kind: Option<KernelKind>,
    /// What they use up.
    pub resource: Resource,
    /// Kernels on operands of eight bits.
    pub int8: bool,
}

impl Column {
    /// Every column, in the order of [`costs`].
    pub fn all() -> Vec<Self> {
        let mut columns = vec![Self { kind: None, resource: Resource::Launches, int8: false }];
        for kind in KernelKind::ALL {
            let column = |resource, int8| Self { kind: Some(kind), resource, int8 };
            columns.push(column(Resource::Activations, false));
            if multiplies(kind) {
                columns.extend([Resource::Flops, Resource::Weights].map(|resource| column(resource, false)));
                columns.extend([Resource::Activations, Resource::Flops, Resource::Weights].map(|r| column(r, true)));
            }
        }
        columns
    }

    /// Its name in data files, such as `pointwise-flops-int8` or `launches`.
    pub fn key(&self) -> String {
        let kind = self.kind.map(|kind| format!("{kind:?}-")).unwrap_or_default();
        let int8 = if self.int8 { "-int8" } else { "" };
        format!("{kind}{:?}{int8}", self.resource).to_lowercase()
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, resource, int8 } = self;
        match kind {
            Some(kind) => write!(f, "{kind:?}, {resource:?}{}", if *int8 { ", int8" } else { "" }),
            None => write!(f, "{resource:?}"),
        }
    }
}

/// Kinds of multiply–accumulates; all others are taken to wait for memory.
fn multiplies(kind: KernelKind) -> bool {
    use KernelKind::{Depthwise, Grouped, Matrix, Pointwise, Spatial, Winograd};
    matches!(kind, Pointwise | Winograd | Spatial | Depthwise | Grouped | Matrix)
}

/// What the live nodes of `bound` use up, by [`Column::all`].
///
/// # Errors
/// Costs that cannot be computed.
pub fn costs(bound: &BoundGraph) -> Result<Vec<f64>> {
    let columns = Column::all();
    let mut sums = vec![0.0; columns.len()];
    let mut add = |column: Column, amount: f64| {
        if let Some(at) = columns.iter().position(|c| *c == column) {
            sums[at] += amount / column.resource.unit();
        }
    };
    let graph = |source| Error::Graph { graph: bound.graph().name().to_owned(), source };
    for &id in bound.live() {
        let (node, cost) = (bound.graph().node(id), bound.node_cost(id).map_err(graph)?);
        let kind = KernelKind::of(bound, node);
        let weights = weights(bound, node).min(cost.bytes() as f64);
        let int8 = multiplies(kind) && eight_bits(bound, node);
        let column = |resource| Column { kind: Some(kind), resource, int8 };
        add(column(Resource::Flops), cost.flops as f64);
        add(column(Resource::Activations), cost.bytes() as f64 - weights);
        add(column(Resource::Weights), weights);
        add(Column { kind: None, resource: Resource::Launches, int8: false }, f64::from(cost.bytes() > 0));
    }
    Ok(sums)
}

/// Bytes of the weights that a node reads.
fn weights(bound: &BoundGraph, node: &Node) -> f64 {
    let weights = node.inputs.iter().flatten().filter(|&&tensor| bound.is_parameter(tensor));
    weights.filter_map(|&tensor| bound.fact(tensor).bytes()).sum::<u64>() as f64
}

fn eight_bits(bound: &BoundGraph, node: &Node) -> bool {
    let mut operands = node.inputs.iter().flatten().map(|&tensor| bound.fact(tensor).dtype);
    operands.any(|dtype| matches!(dtype, DType::I8 | DType::U8))
}
